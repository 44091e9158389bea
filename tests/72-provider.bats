#!/usr/bin/env bats
# Services: built in and added, their keys, limits and prices.

load helper

field() {
	tr-provider show "$1" --json | jq -r "$2"
}

@test "provider: unit" {
	run "$B/unit/test_provider"
	assert_success
}

@test "well-known services are there without being added" {
	demo_race
	expect 0 tr-provider list --names
	assert_equal "${lines[*]}" "anthropic binance coinbase coingecko gemini groq kraken llamacpp ollama openai openrouter vllm"
	same_state tr-provider
	expect 0 tr-provider list --json
	assert_equal "$(jq -s -r 'map(select(.key_needed).provider) | join(" ")' <<<"$output")" \
		"anthropic gemini groq openai openrouter"
	assert_equal "$(jq -s -r 'map(select(.local).provider) | join(" ")' <<<"$output")" \
		"llamacpp ollama vllm"
	assert_equal "$(jq -s -c 'map(select(.schema != "tr.provider/1" or .builtin != true))' \
		<<<"$output")" "[]"
	assert_equal "$(field coingecko '[.per_minute, .per_month] | @csv')" "30,10000"
	assert_equal "$(field coinbase .per_minute)" 600
}

@test "the table of prices is dated, plain and complete, and an own price goes before it" {
	expect 0 awk -F'\t' '
		/^#/ { next }
		NF != 6 || $1 !~ /^[a-z0-9]+$/ || $2 == "" { print FNR ": " $0; next }
		$6 !~ /^20[0-9][0-9]-[01][0-9]-[0-3][0-9]$/ { print FNR ": date " $6 }
		seen[$1, $2]++ { print FNR ": twice " $2 }
		{ for (i = 3; i <= 5; i++) if ($i !~ /^(0|[1-9][0-9]*)(\.[0-9]+)?$/) print FNR ": " $i }
		$4 > $3 { print FNR ": cached input is dearer than input" }
		END { if (length(seen) < 20) print "too few" }' "$TOP/share/prices.tsv"
	assert_output ""
	demo_race
	# the command that its head names
	expect 0 bash -c "$(sed -n 's/^#\t\(tr-provider price .*\)/\1 -q/p' "$TOP/share/prices.tsv")"
	assert_equal "$(field openai '.prices[] | select(.model == "gpt-4o-mini") | [.input, .cached, .output, .own] | @csv' | head -1)" \
		'"0.15","0.075","0.6",true'
}

@test "a service is added, changed and removed" {
	demo_race
	expect 0 tr-provider add box --kind openai --base http://127.0.0.1:8081/v1/ --parallel 2
	assert_equal "$(field box '[.kind, .base, .local, .parallel, .json_schema, .builtin] | @csv')" \
		'"openai","http://127.0.0.1:8081/v1",true,2,true,false'
	same_state tr-provider add box --kind openai --base http://127.0.0.1:8081/v1 --parallel 2
	refused 65 "tr-provider set" tr-provider add box --kind openai --base http://127.0.0.1:1/v1
	expect 0 tr-provider set box --per-minute 60 --per-month 1000 --no-schema
	assert_equal "$(field box '[.parallel, .per_minute, .per_month, .json_schema] | @csv')" \
		"2,60,1000,false"
	same_state tr-provider set box --per-minute 60
	expect 0 tr-provider set box --schema --per-minute 0
	assert_equal "$(field box '[.per_minute, .json_schema] | @csv')" "0,true"
	expect 0 tr-provider price box/big --input 1 --output 2
	expect 0 tr-provider remove box
	refused 66 "no such provider" tr-provider show box
	# its prices went with it
	tr-provider add box --kind openai --base http://127.0.0.1:8081/v1
	assert_equal "$(field box '.prices | length')" 0
}

@test "a built-in service is changed, and removing it goes back to what it was" {
	local before
	demo_race
	before=$(tr-provider show openai --json)
	expect 0 tr-provider set openai --per-minute 100 --base https://gateway.example.com/v1
	assert_equal "$(field openai '[.per_minute, .base, .builtin] | @csv')" \
		'100,"https://gateway.example.com/v1",false'
	refused 65 "kind openai" tr-provider add openai --kind anthropic --base https://x.example.com
	refused 65 "tr-provider set" tr-provider add openai --kind openai --base https://api.openai.com/v1
	expect 0 tr-provider remove openai
	assert_equal "$(tr-provider show openai --json)" "$before"
	same_state tr-provider remove openai
}

@test "a service that cannot be is refused" {
	local b
	demo_race
	for b in http://example.com ftp://example.com example.com "https://me:pw@example.com" \
		"https://example.com?key=1" "https://exa mple.com" "https://" \
		"http://127.0.0.1.example.com"; do
		refused 65 base tr-provider add x --kind openai --base "$b"
	done
	refused 65 provider tr-provider add X --kind openai --base https://example.com
	refused 65 provider tr-provider add a/b --kind openai --base https://example.com
	refused 65 parallel tr-provider add x --kind openai --base https://example.com --parallel -5
	refused 65 version tr-provider add x --kind openai --base https://example.com \
		--api-version 2024-10-21
	refused 65 version tr-provider add x --kind azure --base https://example.com \
		--api-version "2024 10"
	refused 64 kind tr-provider add x --kind robot --base https://example.com
	refused 64 base tr-provider add x --kind openai
	refused 66 "did you mean openai?" tr-provider show opnai
	refused 66 "no such provider" tr-provider set nothing-like-it --parallel 1
}

@test "mistakes of the caller are 64" {
	local c
	demo_race
	for c in frob "list a" show "show a b" add set key "key openai" remove price \
		"price openai/x" "price openai/x --input 1" "price x --input 1 --output 1" \
		"set openai --kind openai" "list --base https://x" "show openai --file k" \
		"key openai --file k --input 1" "set openai --schema --no-schema"; do
		# shellcheck disable=SC2086
		expect 64 tr-provider $c
	done
}

@test "a key is a private file, whose path is stored and whose content is nowhere" {
	demo_race
	mkdir keys
	echo sk-canary-47114711 >keys/openai
	expect 0 tr-provider key openai --file keys/openai
	assert_equal "$(field openai .key_file)" "$(realpath keys/openai)"
	same_state tr-provider key openai --file "$PWD/keys/../keys/openai"
	{
		tr-provider show openai
		tr-provider list -v
		tr-provider show openai --json
		tr-db dump --logical
	} >out 2>&1
	run grep -c canary out race.db race.db-wal
	refute_output --regexp ':[1-9]'
	expect 0 tr-provider list
	assert_line --regexp '^openai +openai +key +https'
	chmod 644 keys/openai
	expect 0 tr-provider list
	assert_line --regexp '^openai +openai +key\? +https'
	expect 0 tr-provider show openai
	assert_line --partial "chmod 600"
	expect 0 tr-provider key openai --file ''
	assert_equal "$(field openai .key_file)" null
}

@test "a key file that others can read, or that is none, is refused with the fix" {
	demo_race
	echo k >open && chmod 640 open
	echo k >good && ln -s good link
	: >empty
	mkdir directory
	mkfifo fifo
	refused 77 "chmod 600" tr-provider key openai --file open
	refused 77 "link" tr-provider key openai --file link
	refused 77 "empty" tr-provider key openai --file empty
	refused 77 "regular" tr-provider key openai --file directory
	refused 77 "regular" tr-provider key openai --file fifo
	refused 66 "absent" tr-provider key openai --file absent
	refused 66 "No such" tr-provider key openai --file no/such/file
	refused 66 "no such provider" tr-provider key nowhere --file good
	refused 77 "chmod 600" tr-provider add x --kind openai --base https://example.com --key-file open
	expect 0 tr-provider add x --kind openai --base https://example.com --key-file good
}

@test "a key can be a credential that the service manager gives" {
	demo_race
	expect 0 tr-provider key openai --file credential:openai
	assert_equal "$(field openai .key_file)" credential:openai
	expect 0 tr-provider show openai
	assert_line --partial CREDENTIALS_DIRECTORY
	mkdir given
	echo k >given/openai
	expect 0 env CREDENTIALS_DIRECTORY="$PWD/given" tr-provider show openai
	refute_output --partial problem
	refused 65 credential tr-provider key openai --file credential:../openai
	refused 65 credential tr-provider key openai --file credential:
}

@test "prices come from the table, or from the operator, whose price goes first" {
	local price='.prices[] | select(.model == "gpt-4o") | [.input, .cached, .output, .since, .own]'
	demo_race
	expect 0 tr-provider show openai --json
	assert_equal "$(jq -r '[.prices[] | select(.own)] | length' <<<"$output")" 0
	assert_equal "$(jq -r '[.prices[].since] | unique | length' <<<"$output")" 1
	expect 0 tr-provider price openai/gpt-4o --input 1.5 --output 3 --cached 0.75 -t 2026-11-30
	assert_equal "$(field openai "$price | @csv" | head -n 1)" '"1.5","0.75","3","2026-11-30",true'
	# the same again keeps its date
	same_state tr-provider price openai/gpt-4o --input 1.5 --output 3 --cached 0.75 -t 2026-12-24
	expect 0 tr-provider price openai/gpt-4o --input 1 --output 3 -t 2026-12-24
	assert_equal "$(field openai "$price | @csv" | head -n 1)" '"1","1","3","2026-12-24",true'
	refused 65 negative tr-provider price openai/x --input -1 --output 1
	refused 65 input tr-provider price openai/x --input 1e3 --output 1
	refused 65 "1000000" tr-provider price openai/x --input 1 --output 1000001
	refused 65 cached tr-provider price openai/x --input 1 --output 1 --cached 2
	refused 65 "no models" tr-provider price kraken/x --input 1 --output 1
	refused 66 "no such" tr-provider price nowhere/x --input 1 --output 1
}

@test "a service that an agent needs stays; one that a retired agent needed does not" {
	demo_race
	tr-provider add box --kind openai --base http://127.0.0.1:8081/v1
	tr-provider add ml --kind predict --base http://127.0.0.1:8082
	tr-agent add one --kind llm --model ollama/llama3.3 --fallback box/llama3.3
	tr-agent add two --kind ml --provider ml
	refused 65 "agent one" tr-provider remove box
	refused 65 "agent two" tr-provider remove ml
	expect 0 tr-provider remove ollama
	tr-agent pause one
	refused 65 "agent one" tr-provider remove box
	tr-agent retire one
	expect 0 tr-provider remove box
	expect 0 tr-agent show one
}

@test "a dry run changes nothing" {
	demo_race
	same_state tr-provider add -n box --kind openai --base http://127.0.0.1:8081/v1
	same_state tr-provider set -n openai --parallel 3
	same_state tr-provider price -n openai/gpt-4o --input 1 --output 3
	refused 65 base tr-provider set -n openai --base http://example.com
}

@test "a change closes a breaker that waits for the operator" {
	demo_race
	[ "$(sqlite3 race.db "SELECT count(*) FROM pragma_table_info('breakers')
		WHERE name = 'needs_operator'")" -eq 1 ]
	sqlite3 race.db "INSERT INTO breakers (service, state, epoch, consecutive, samples, failed,
		sampled_ms, opens, until_ms, needs_operator, boot, changed_ms)
		VALUES ('openai:gpt-4o', 'open', 2, 0, 0, 0, 0, 1, 0, 1, '', 0)"
	echo k >key
	expect 0 tr-provider key openai --file key
	assert_equal "$(sqlite3 race.db "SELECT state FROM breakers")" closed
}
