#!/usr/bin/env bats
# Agents that are asked over the network, and what programs are granted: specs and versions.

load helper

spec() {
	tr-agent show "$1" --json | jq -c .spec
}

hash_of() {
	tr-agent show "$1" --json | jq -r .sha256
}

@test "an llm agent is added with its model, and options that are absent are left out" {
	demo_race
	expect 0 tr-agent add llama --kind llm --model ollama/llama3.3
	assert_equal "$(spec llama)" '{"kind":"llm","candidates":["ollama/llama3.3"]}'
	assert_equal "$(hash_of llama)" "$(printf %s "$(spec llama)" | sha256sum | cut -d' ' -f1)"
	same_state tr-agent add llama --kind llm --model ollama/llama3.3
	refused 65 "tr-agent set" tr-agent add llama --kind llm --model ollama/llama3.2
	expect 0 tr-agent list
	assert_line --regexp '^llama +llm +active +v1 +ollama/llama3\.3$'
}

@test "every option of an llm agent is stored, shown and read back" {
	demo_race
	printf 'Be brave.\n\tNever \303\251t.\n' >prompt
	set -- --kind llm --model openai/gpt-4o-mini --prompt prompt --temperature 0.70 \
		--max-tokens 500 --timeout 30 --header 'X-Title:  race ' --header 'x-b: 2' \
		--body-json '{"seed":1,"a":{"b":[1e3,null,true,"\u00e9"]}}' --budget-usd-day 2.5
	expect 0 tr-agent add gpt "$@"
	same_state tr-agent add gpt "$@"
	expect 0 tr-agent show gpt --json
	assert_equal "$(jq -c '.spec | del(.prompt)' <<<"$output")" \
		'{"kind":"llm","candidates":["openai/gpt-4o-mini"],"temperature":"0.7","max_tokens":500,"timeout_s":30,"headers":{"x-title":"race","x-b":"2"},"body":{"seed":1,"a":{"b":[1000,null,true,"é"]}}}'
	[[ $output == *'"b":[1e3,null'* ]]
	assert_equal "$(jq -r .spec.prompt <<<"$output"; echo .)" "$(cat prompt; echo; echo .)"
	assert_equal "$(jq -r .budget_usd_day <<<"$output")" 2.5
	expect 0 tr-agent show gpt
	assert_line "  temperature: 0.7"
	assert_line "  max_tokens: 500"
	assert_line "  timeout_s: 30"
	assert_line "  budget_usd_day: 2.5"
	assert_line "    Be brave."
	assert_line '  headers: {"x-title":"race","x-b":"2"}'
}

@test "the text of a prompt is frozen into the version" {
	local before
	demo_race
	echo one >prompt
	tr-agent add gpt --kind llm --model openai/gpt-4o-mini --prompt prompt
	before=$(hash_of gpt)
	echo two >prompt
	assert_equal "$(hash_of gpt)" "$before"
	expect 0 tr-agent set gpt --prompt prompt
	assert_output "gpt: version 2 from the next window on"
	expect 0 tr-agent set gpt --prompt prompt
	assert_output "gpt: version 2, unchanged"
	[ "$(hash_of gpt)" != "$before" ]
	# away with it
	expect 0 tr-agent set gpt --prompt ''
	assert_equal "$(spec gpt)" '{"kind":"llm","candidates":["openai/gpt-4o-mini"]}'
}

@test "options of an llm agent are changed one at a time, and go back to the settings" {
	demo_race
	tr-agent add gpt --kind llm --model openai/gpt-4o-mini --temperature 1 --max-tokens 100 \
		--header 'x-a: 1' --body-json '{"seed":1}'
	expect 0 tr-agent set gpt --temperature 0.5
	assert_equal "$(spec gpt | jq -c '[.temperature, .max_tokens, .headers, .body]')" \
		'["0.5",100,{"x-a":"1"},{"seed":1}]'
	expect 0 tr-agent set gpt --temperature '' --max-tokens 0 --header '' --body-json ''
	assert_equal "$(spec gpt)" '{"kind":"llm","candidates":["openai/gpt-4o-mini"]}'
	expect 0 tr-agent set gpt --model openai/gpt-4o
	assert_equal "$(spec gpt | jq -c .candidates)" '["openai/gpt-4o"]'
}

@test "a prompt that cannot be is refused" {
	demo_race
	set -- tr-agent add gpt --kind llm --model openai/gpt-4o-mini --prompt
	head -c 65537 /dev/zero | tr '\0' a >long
	head -c 65536 long >longest
	printf 'a\033[31m' >escape
	printf 'a\0b' >nul
	printf '\377' >latin
	: >empty
	refused 65 "65536" "$@" long
	refused 65 "control" "$@" escape
	refused 65 "control" "$@" nul
	refused 65 "UTF-8" "$@" latin
	refused 65 "empty" "$@" empty
	refused 66 absent "$@" absent
	refused 74 "" "$@" .
	expect 0 "$@" longest
	assert_equal "$(spec gpt | jq '.prompt | length')" 65536
}

@test "a template is checked when it is set" {
	demo_race
	printf 'no such {{placeholder}}\n---\n{{context}}\n' >template
	refused 65 placeholder tr-agent add gpt --kind llm --model openai/gpt-4o-mini --template template
}

@test "a model whose price is not known needs one" {
	demo_race
	refused 78 "--price" tr-agent add or --kind llm --model openrouter/openai/gpt-4o
	refused 78 "--price" tr-agent add new --kind llm --model openai/gpt-99
	refused 65 "--price" tr-agent add or --kind llm --model openrouter/openai/gpt-4o --price 1/x
	refused 64 "--price" tr-agent add or --kind llm --model openrouter/openai/gpt-4o --price 1
	set -- tr-agent add or --kind llm --model openrouter/openai/gpt-4o --price 2.5/10
	expect 0 "$@"
	same_state "$@"
	assert_equal "$(tr-provider show openrouter --json |
		jq -c '.prices[] | [.model, .input, .cached, .output, .own]')" \
		'["openai/gpt-4o","2.5","2.5","10",true]'
	# one that is known is not changed in passing
	refused 65 "tr-provider price" tr-agent add gpt --kind llm --model openai/gpt-4o --price 1/1
	# the price is no part of the version
	assert_equal "$(spec or)" '{"kind":"llm","candidates":["openrouter/openai/gpt-4o"]}'
	refused 78 "--price" tr-agent set or --model openrouter/openai/gpt-4.1
}

@test "models of this machine cost nothing" {
	demo_race
	expect 0 tr-agent add one --kind llm --model ollama/llama3.3:70b
	tr-provider add box --kind openai --base http://127.0.0.1:9/v1
	expect 0 tr-agent add two --kind llm --model box/what-ever
}

@test "a fallback serves the same model elsewhere, unless another one is allowed" {
	demo_race
	tr-provider add azure --kind azure --base https://x.openai.azure.com
	tr-provider price azure/mine --input 0.15 --output 0.6
	tr-provider price openrouter/openai/gpt-4o-mini --input 0.15 --output 0.6
	refused 65 "--any-model" tr-agent add gpt --kind llm --model openai/gpt-4o-mini \
		--fallback openai/gpt-4o
	refused 65 "--any-model" tr-agent add gpt --kind llm --model openai/gpt-4o-mini \
		--fallback azure/mine --fallback anthropic/claude-haiku-4-5
	expect 0 tr-agent add gpt --kind llm --model openai/gpt-4o-mini-2024-07-18 \
		--fallback openrouter/openai/gpt-4o-mini --fallback azure/mine
	assert_equal "$(spec gpt)" \
		'{"kind":"llm","candidates":["openai/gpt-4o-mini-2024-07-18","openrouter/openai/gpt-4o-mini","azure/mine"]}'
	expect 0 tr-agent add any --kind llm --model openai/gpt-4o-mini \
		--fallback anthropic/claude-haiku-4-5 --any-model
	assert_equal "$(spec any)" \
		'{"kind":"llm","candidates":["openai/gpt-4o-mini","anthropic/claude-haiku-4-5"],"any_model":true}'
	expect 0 tr-agent show any
	assert_line "  any_model: yes"
	# a deployment may be anything
	expect 0 tr-agent add az --kind llm --model azure/mine --fallback openai/gpt-4o-mini
	# consent ends with the models it was given for
	refused 65 "--any-model" tr-agent set any --fallback openai/gpt-4o
	expect 0 tr-agent set any --fallback ''
	assert_equal "$(spec any)" '{"kind":"llm","candidates":["openai/gpt-4o-mini"]}'
}

@test "an llm agent that cannot be is refused" {
	local h b
	demo_race
	set -- tr-agent add x --kind llm
	refused 64 --model "$@"
	refused 64 PROVIDER/MODEL "$@" --model gpt-4o
	refused 66 "did you mean openai?" "$@" --model opnai/gpt-4o
	refused 65 "no models" "$@" --model kraken/XBTUSD
	refused 66 "no such provider" "$@" --model ollama/a --fallback nowhere/a
	refused 65 twice "$@" --model ollama/a --fallback ollama/a
	set -- "$@" --model ollama/a
	refused 65 temperature "$@" --temperature 2.01
	refused 65 temperature "$@" --temperature -1
	refused 65 temperature "$@" --temperature warm
	refused 65 tokens "$@" --max-tokens 1
	refused 65 tokens "$@" --max-tokens -5
	refused 65 timeout "$@" --timeout 281
	for h in 'Authorization: Bearer x' 'X-Api-Key: x' 'api-key: x' 'X-Goog-Api-Key: x' \
		'Cookie: x' 'Host: x' 'Content-Length: 1' 'x' ': x' 'x y: z' 'x:' "x: $(printf '\303\251')" \
		"x: $(printf 'a\nb: c')"; do
		refused 65 header "$@" --header "$h"
	done
	refused 65 header "$@" --header 'x-a: 1' --header 'X-A: 2'
	for b in '[]' '{}' x '{"a":1}x' '{"model":"gpt-99"}' '{"max_tokens":9}' '{"n":2}' \
		'{"messages":[]}' '{"stream":true}' '{"Model":"x"}' '{"a":1,"a":2}' \
		"{\"a\":$(printf '[%.0s' {1..20})$(printf ']%.0s' {1..20})}"; do
		refused 65 body "$@" --body-json "$b"
	done
	refused 65 budget "$@" --budget-usd-day -1
	refused 65 budget "$@" --budget-usd-day much
}

@test "a budget is no part of the version and can be given back" {
	demo_race
	tr-agent add llama --kind llm --model ollama/llama3.3
	expect 0 tr-agent set llama --budget-usd-day 0.25
	assert_output "llama: version 1, unchanged"
	assert_equal "$(tr-agent show llama --json | jq -r .budget_usd_day)" 0.25
	assert_equal "$(sqlite3 race.db 'SELECT usd_day FROM agent_budgets')" 25000000
	expect 0 tr-agent set llama --budget-usd-day 0
	assert_equal "$(tr-agent show llama --json | jq -r .budget_usd_day)" 0
	expect 0 tr-agent set llama --budget-usd-day ''
	assert_equal "$(tr-agent show llama --json | jq -r .budget_usd_day)" null
}

@test "an ml agent has an address or a provider" {
	demo_race
	echo k >key
	expect 0 tr-agent add forest --kind ml --url http://127.0.0.1:8000/ --key-file key
	assert_equal "$(spec forest)" \
		"{\"kind\":\"ml\",\"url\":\"http://127.0.0.1:8000\",\"key_file\":\"$(realpath key)\"}"
	expect 0 tr-agent show forest
	assert_line --partial "key_file: "
	expect 0 tr-agent set forest --url https://ml.example.com --key-file ''
	assert_equal "$(spec forest)" '{"kind":"ml","url":"https://ml.example.com"}'
	tr-provider add svc --kind predict --base http://127.0.0.1:8001
	expect 0 tr-agent set forest --provider svc
	assert_equal "$(spec forest)" '{"kind":"ml","provider":"svc"}'
	set -- tr-agent add x --kind ml
	refused 64 --url "$@"
	refused 64 both "$@" --url https://example.com --provider svc
	refused 65 https "$@" --url http://example.com
	refused 65 "not predict" "$@" --provider openai
	refused 66 "no such provider" "$@" --provider nowhere
	refused 65 "tr-provider key" "$@" --provider svc --key-file key
	chmod 644 key
	refused 77 "chmod 600" "$@" --url https://example.com --key-file key
}

@test "options of another kind of agent are refused" {
	demo_race
	refused 64 "llm agents" tr-agent add x --strategy hold --model ollama/a
	refused 64 "llm agents" tr-agent add x --kind manual --budget-usd-day 1
	refused 64 "ml agents" tr-agent add x --kind llm --model ollama/a --url https://example.com
	refused 64 "exec agents" tr-agent add x --kind llm --model ollama/a --network
	refused 64 "exec agents" tr-agent add x --strategy hold --unconfined
	refused 64 "no program" tr-agent add x --kind llm --model ollama/a -- /bin/true
	refused 64 "parameters" tr-agent add x --kind llm --model ollama/a --set fast=1
	refused 64 "llm agents" tr-agent set trend --temperature 1
}

@test "what a program is granted is part of its version, and goes with the program" {
	demo_race
	tr-agent add prog --kind exec -- /bin/true
	assert_equal "$(spec prog | jq -c 'keys_unsorted')" '["kind","argv","sha256"]'
	expect 0 tr-agent set prog --network
	assert_output "prog: version 2 from the next window on"
	assert_equal "$(spec prog | jq -c '[.network, .unconfined]')" '[true,null]'
	same_state tr-agent set prog --network
	expect 0 tr-agent show prog
	assert_output --partial "(network) "
	expect 0 tr-agent set prog --unconfined
	expect 0 tr-agent list
	assert_line --regexp '^prog .*v3 .*\(network\) \(unconfined\) /'
	expect 0 tr-agent set prog -- /bin/true
	assert_output "prog: version 4 from the next window on"
	assert_equal "$(spec prog | jq -c 'keys_unsorted')" '["kind","argv","sha256"]'
	expect 0 tr-agent add open --kind exec --network --unconfined -- /bin/true
	assert_equal "$(spec open | jq -c '[.network, .unconfined]')" '[true,true]'
}

@test "directories that a program may read are part of its version, in order and each once" {
	demo_race
	mkdir -p b a/in
	ln -s a link
	expect 0 tr-agent add prog --kind exec --read b --read link --read ./a -- /bin/true
	assert_equal "$(spec prog | jq -c .read)" "[\"$PWD/a\",\"$PWD/b\"]"
	same_state tr-agent set prog --read a
	expect 0 tr-agent show prog
	assert_output --partial "(read $PWD/a) (read $PWD/b) /"
	expect 0 tr-agent set prog --read a/in
	assert_output "prog: version 2 from the next window on"
	assert_equal "$(spec prog | jq '.read | length')" 3
	expect 0 tr-agent set prog -- /bin/true
	assert_equal "$(spec prog | jq -c .read)" null
	refused 66 nowhere tr-agent set prog --read nowhere
	refused 65 "no directory" tr-agent set prog --read race.db
	refused 64 "exec agents" tr-agent add x --strategy hold --read a
	refused 64 "--unconfined" tr-agent add x --kind exec --read a --unconfined -- /bin/true
	mkdir many many/{1..17}
	refused 65 "at most 16" tr-agent set prog --read=many/{1..17}
}

@test "no directory that holds the race, a key, a home or what is the system's is granted" {
	local dir
	mkdir -p data/race data/keys/old home/me other/keys
	cd data/race
	demo_race
	cd ../..
	echo secret >data/keys/openai
	echo secret >other/keys/ml
	chmod 600 data/keys/openai other/keys/ml
	tr-provider -q key openai --file data/keys/openai
	tr-agent add box --kind ml --url http://127.0.0.1:1 --key-file other/keys/ml
	for dir in data data/race / /tmp; do
		refused 65 "$dir" tr-agent add prog --kind exec --read $dir -- /bin/true
	done
	refused 65 "the key of openai" tr-agent add prog --kind exec --read data/keys -- /bin/true
	refused 65 "the key of box" tr-agent add prog --kind exec --read other -- /bin/true
	for dir in home home/me; do
		HOME=$PWD/home/me refused 65 "a home" tr-agent add prog --kind exec --read $dir -- /bin/true
		CREDENTIALS_DIRECTORY=$PWD/home/me \
			refused 65 "credentials" tr-agent add prog --kind exec --read $dir -- /bin/true
	done
	for dir in /etc /etc/ssl /proc/self /sys /run /dev/shm; do
		refused 65 "not for programs" tr-agent add prog --kind exec --read $dir -- /bin/true
	done
	# what lies beside or below is none of that
	mkdir data/race/agent
	expect 0 tr-agent add prog --kind exec --read data/race/agent --read data/keys/old -- /bin/true
}

@test "arguments and prompts reach a terminal escaped" {
	local esc
	demo_race
	esc=$(printf '\033')
	tr-agent add prog --kind exec -- /bin/echo "${esc}[31m" "$(printf 'a\nb\302\233c\303\251')"
	expect 0 tr-agent list
	assert_line --partial '\x1b[31m a\x0ab\xc2\x9bcé'
	expect 0 tr-agent show prog
	assert_line --partial '\x1b[31m a\x0ab'
	[[ $output != *"$esc"* ]]
}

@test "a stored spec with a key that nobody knows is refused" {
	demo_race
	tr-agent add llama --kind llm --model ollama/llama3.3
	sqlite3 race.db "DROP TRIGGER agent_versions_update;
		UPDATE agent_versions SET spec = replace(spec, '}', ',\"magic\":1}')
		WHERE spec LIKE '%llama3.3%'"
	expect 70 tr-agent show llama
	[[ $stderr == *magic* ]]
}
