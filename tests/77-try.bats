#!/usr/bin/env bats
# tr-try: other instructions for a model, tried on windows of the past, outside of the race.
load helper

SOME='/v1/chat/completions#'

# A reply with a decision, or with any text.
reply() { # reply TEXT [MORE-KEYS]
	jq -cn --arg text "$1" --argjson more "${2:-{\}}" '{body: {id: "x", object: "chat.completion",
		model: "m1-2026", choices: [{index: 0, finish_reason: "stop",
		message: {role: "assistant", content: $text, refusal: null}}],
		usage: {prompt_tokens: 1000, completion_tokens: 50, total_tokens: 1050}}} + $more'
}
BUY='{"orders":[{"asset":"BTC","side":"buy","quantity":null,"notional":"1000","limit_price":null}],"reasoning":"up","confidence":"0.7"}'
HOLD='{"orders":[],"reasoning":"no","confidence":"0.5"}'

faultd() { # faultd SCRIPT-JSON [ARGS...]
	printf '%s\n' "$1" >script.json
	shift
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --log requests.jsonl "$@" \
		>/dev/null 3>&- &
	FAULTD=$!
	within test -s port
	FP=$(cat port)
}

again() { # another script at the same port
	kill "$FAULTD"
	wait "$FAULTD" || true
	faultd "$1" --port "$FP"
}

within() {
	for _ in {1..200}; do
		! "$@" || return 0
		sleep 0.05
	done
	echo "did not happen: $*"
	return 1
}

requests() {
	curl -s "http://127.0.0.1:$FP/__stats" | jq .requests
}

ask() {
	sqlite3 "$TR_DB" "$1"
}

# A race with an agent that has decided in eight windows: hold, or buy if it is told to be bold.
race() {
	faultd "{\"${SOME}be bold\":[$(reply "$BUY")],\"/v1/chat/completions\":[$(reply "$HOLD")]}"
	demo_race
	tr-provider add box --kind openai --base "http://127.0.0.1:$FP/v1" >/dev/null
	tr-provider price box/m1 --input 1 --output 2 >/dev/null
	echo 'be calm' >calm
	echo 'be bold' >bold
	tr-agent add gpt --kind llm --model box/m1 --prompt calm >/dev/null
	tr-cycle -q --pay --from 2024-07-23T00:00Z --to 2024-07-23T02:00Z
	[ "$(requests)" = 8 ]
}

# What a race is apart from the attempts themselves.
books() {
	state
	ask 'SELECT count(*) FROM decisions'
	ask 'SELECT count(*) FROM executions'
	ask 'SELECT count(*) FROM answers'
}

same_books() { # same_books STATUS COMMAND...
	local before
	before=$(books)
	expect "$@"
	assert_equal "$(books)" "$before"
}

sum() { # a key of the sum of a prompt in $output
	jq -r "select(.schema == \"tr.trysum/1\" and .prompt == \"$1\") | .$2" <<<"$output"
}

@test "instructions are compared with what was decided, and no book changes" {
	race
	same_books 0 tr-try gpt --prompt bold --last 5 --max-usd 1 -j
	assert_equal "$(jq -s -c 'map(.schema) | group_by(.) | map([.[0], length])' <<<"$output")" \
		'[["tr.try/1",5],["tr.trysum/1",1]]'
	assert_equal "$(sum prompt 'asked, .valid, .ok, .compared, .differ, .compared_with' | xargs)" \
		"5 5 5 5 5 decided"
	assert_equal "$(jq -r 'select(.schema == "tr.try/1") | .window' <<<"$output" | xargs)" \
		"market-cycle-20240723-0045 market-cycle-20240723-0100 market-cycle-20240723-0115 market-cycle-20240723-0130 market-cycle-20240723-0145"
	assert_equal "$(sum prompt cost_usd)" 0.0055
	assert_equal "$(ask "SELECT count(*), sum(cost) FROM call_starts JOIN call_results USING (id)
		WHERE purpose = 'try'")" "5|550000"
	same_books 0 tr-try gpt --last 5 --max-usd 1
	assert_line "0 of 5 windows with other orders than were decided"
	expect 0 tr-audit
}

@test "the question is byte for byte that of the race when the instructions are the same" {
	race
	jq -r .body requests.jsonl | sort >raced
	expect 0 tr-try gpt --last 500 --max-usd 5
	jq -r .body requests.jsonl | tail -n 8 | sort | cmp - raced
}

@test "two texts are compared with each other, with a line for each window that differs" {
	race
	same_books 0 tr-try gpt --prompt bold --against calm --last 3 --max-usd 1 -v
	assert_line "3 of 3 windows with other orders under the two"
	assert_line '2024-07-23 01:45  prompt [{"asset":"BTC","side":"buy","notional":"1000"}]  against []'
	assert_equal "$(requests)" 14
	expect 0 tr-try gpt --prompt bold --against bold --last 3 --max-usd 1 -j
	assert_equal "$(sum against 'compared, .differ, .valid' | xargs)" "3 0 3"
	assert_equal "$(sum prompt 'cost_usd')" 0.0033
	expect 0 tr-try gpt --against bold --from 2024-07-23T00:30Z --to 2024-07-23T01:00Z \
		--max-usd 1 -j
	assert_equal "$(sum prompt 'hold, .first, .last' | xargs)" \
		"2 2024-07-23T00:30:00Z 2024-07-23T00:45:00Z"
	assert_equal "$(sum against 'ok, .differ' | xargs)" "2 2"
}

@test "the cost is estimated first, and more than is allowed is refused before anything is asked" {
	race
	expect 78 tr-try gpt --prompt bold --last 8 --max-usd 0.01
	assert_equal "$output" ""
	[[ $stderr =~ "8 questions to box/m1: typically "0\.[0-9]+" USD, at most "(0\.[0-9]+) ]]
	worst=${BASH_REMATCH[1]}
	[[ $stderr == *"could cost $worst USD"* ]]
	expect 64 tr-try gpt --prompt bold --last 8
	[[ $stderr == *--max-usd* ]]
	assert_equal "$(requests)" 8
	assert_equal "$(ask "SELECT count(*) FROM call_starts WHERE purpose = 'try'")" 0
	expect 0 tr-try gpt --prompt bold --last 8 --max-usd "$worst"
	assert_equal "$(requests)" 16
}

@test "attempts that may have been billed count, and spending stops at the limit" {
	race
	tr-config set llm.failures 100 >/dev/null
	tr-config set guard.retry_base_ms 10 >/dev/null
	expect 78 tr-try gpt --last 4 --max-usd 0
	[[ $stderr =~ "could cost "(0\.[0-9]+) ]]
	again '{"/v1/chat/completions":[{"fault":"reset_after"}]}'
	worst=${BASH_REMATCH[1]}
	same_books 78 tr-try gpt --last 4 --max-usd "$worst" -j
	assert_equal "$(requests)" 4
	assert_equal "$(sum prompt 'valid, .budget' | xargs)" "0 4"
	assert_equal "$(sum prompt cost_usd)" "$worst"
	assert_equal "$(jq -r 'select(.attempts) | .attempts' <<<"$output" | xargs)" "1 1 1 1"
	assert_equal "$(ask "SELECT sum(cost) / 1e8 FROM call_starts JOIN call_results USING (id)
		WHERE purpose = 'try'")" "$worst"
}

@test "the budget of the agent holds for tries as well" {
	race
	tr-agent set gpt --budget-usd-day 0 >/dev/null
	same_books 78 tr-try gpt --last 3 --max-usd 1 -j
	assert_equal "$(sum prompt 'budget')" 3
	assert_equal "$(requests)" 8
}

@test "a local service without a price costs nothing, and no limit is needed" {
	race
	expect 0 tr-try gpt --model box/free --last 2 -j
	assert_equal "$(sum prompt 'model, .valid, .cost_usd' | xargs)" "box/free 2 0"
	assert_equal "$(jq -r .body requests.jsonl | tail -n 1 | jq -r .model)" free
}

@test "answers that are not valid are counted by kind, and the status is 3" {
	race
	again "{\"/v1/chat/completions\":[$(reply "$HOLD"),$(reply 'I think so.'),
		$(reply x '{"body":{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":null,"refusal":"no"}}]}}'),
		{\"status\":400,\"body\":{\"error\":{\"message\":\"bad\"}}}]}"
	tr-config set llm.parallel 1 >/dev/null
	same_books 3 tr-try gpt --last 4 --max-usd 1 -j
	assert_equal "$(sum prompt 'asked, .valid, .invalid, .refused, .error, .compared' | xargs)" \
		"4 1 1 1 1 1"
	assert_equal "$(jq -r 'select(.schema == "tr.try/1") | .status' <<<"$output" | xargs)" \
		"hold invalid refused error"
}

@test "when no answer came the status says whether one may come later" {
	race
	tr-config set guard.retry_base_ms 10 >/dev/null
	tr-config set llm.timeout_s 2 >/dev/null
	again '{"/v1/chat/completions":[{"status":503}]}'
	same_books 75 tr-try gpt --last 1 --max-usd 1
	[[ $stderr == *"no answer came"* ]]
	again '{"/v1/chat/completions":[{"status":400}]}'
	tr-breaker reset box:m1 >/dev/null
	same_books 69 tr-try gpt --last 1 --max-usd 1
	again '{"/v1/chat/completions":[{"fault":"hang"}]}'
	tr-breaker reset box:m1 >/dev/null
	same_books 75 tr-try gpt --last 1 --max-usd 1 -j
	assert_equal "$(sum prompt timeout)" 1
}

@test "windows whose context was pruned are skipped and counted" {
	race
	tr-db prune --older-than 1h --now 2024-07-23T02:00Z >/dev/null
	same_books 0 tr-try gpt --last 8 --max-usd 5 -j
	skipped=$(sum prompt skipped)
	[ "$skipped" -gt 0 ]
	assert_equal "$(sum prompt asked)" $((8 - skipped))
	expect 66 tr-try gpt --to 2024-07-23T00:15Z --last 5 --max-usd 1
	[[ $stderr == *"is not kept"* ]]
	expect 66 tr-try gpt --from 2024-07-24 --last 5 --max-usd 1
}

@test "only llm agents, and what is wrong with the call is said" {
	race
	same_books 65 tr-try trend --last 2
	[[ $stderr == *"kind rule"* ]]
	expect 66 tr-try nobody --last 2
	expect 66 tr-try gpt --last 2 --prompt absent
	expect 66 tr-try gpt --last 2 --model nowhere/m1
	expect 65 tr-try gpt --last 2 --model kraken/m1
	expect 64 tr-try gpt
	expect 64 tr-try --last 2
	expect 64 tr-try gpt --last 501
	expect 64 tr-try gpt --last 0
	expect 64 tr-try gpt --last 2 --max-usd -1
	expect 64 tr-try gpt --last 2 --max-usd much
	expect 64 tr-try gpt --last 2 --record a --play b
	expect 64 tr-try gpt --from 2024-07-24 --to 2024-07-23
	printf 'a\000b' >nul
	expect 65 tr-try gpt --last 2 --prompt nul
	echo 'no parts' >frame
	expect 65 tr-try gpt --last 2 --template frame
	[ "$(requests)" = 8 ]
}

@test "a template of one's own makes the prompt" {
	race
	printf 'You are {{agent}}, {{instructions}}{{schema}}\n---\nWHAT NOW {{context}}\n' >frame
	expect 0 tr-try gpt --prompt bold --template frame --last 1 --max-usd 1
	jq -r .body requests.jsonl | tail -n 1 | jq -r '.messages[].content' >sent
	grep -q '^You are gpt, be bold' sent
	grep -q '^WHAT NOW' sent
}

@test "a recording answers again without any network, every time the same" {
	race
	expect 0 tr-try gpt --prompt bold --against calm --last 4 --max-usd 2 --record tape -j
	recorded=$output
	kill "$FAULTD"
	before=$(ask 'SELECT count(*) FROM call_starts')
	for _ in 1 2 3; do
		same_books 0 tr-try gpt --prompt bold --against calm --last 4 --play tape -j
		assert_equal "$output" "$recorded"
	done
	assert_equal "$(ask 'SELECT count(*) FROM call_starts')" "$before"
	same_books 69 tr-try gpt --prompt script.json --last 1 --play tape
}

@test "no more questions are under way than the setting allows" {
	race
	again "{\"/v1/chat/completions\":[$(reply "$HOLD" '{"delay_ms":100}')]}"
	tr-config set llm.parallel 2 >/dev/null
	expect 0 tr-try gpt --last 8 --max-usd 5
	assert_equal "$(curl -s "http://127.0.0.1:$FP/__stats" | jq -c '[.requests, .peak]')" "[8,2]"
}

@test "killed in the middle it leaves the books alone, and the same call works again" {
	race
	again "{\"/v1/chat/completions\":[$(reply "$HOLD" '{"delay_ms":1000}')]}"
	tr-config set llm.parallel 2 >/dev/null
	before=$(books)
	for signal in KILL:137 TERM:143; do
		rm -f requests.jsonl
		again "{\"/v1/chat/completions\":[$(reply "$HOLD" '{"delay_ms":1000}')]}"
		tr-try gpt --last 8 --max-usd 5 >out 2>/dev/null 3>&- &
		pid=$!
		within sh -c '[ "$(grep -c . requests.jsonl)" -ge 3 ]'
		kill "-${signal%:*}" $pid
		got=0
		wait $pid || got=$?
		[ $got -eq "${signal#*:}" ]
		[ ! -s out ]
		assert_equal "$(books)" "$before"
	done
	again "{\"/v1/chat/completions\":[$(reply "$HOLD")]}"
	same_books 0 tr-try gpt --last 8 --max-usd 5
	assert_equal "$(requests)" 8
	expect 0 tr-audit
	# what may have been billed stays counted
	[ "$(ask 'SELECT spent FROM spending WHERE agent_id = 0')" -gt \
		"$(ask 'SELECT sum(cost) FROM call_results')" ]
}

@test "the key is sent and appears nowhere else" {
	race
	printf 'sk-canary-%s\n' 4711 >key
	chmod 600 key
	tr-provider set box --key-file key >/dev/null
	expect 0 tr-try gpt --prompt bold --against calm --last 3 --max-usd 2 --record tape -vv -j
	printf '%s\n%s\n' "$output" "$stderr" >printed
	tr-db dump --logical >all
	log=$BATS_TEST_TMPDIR/log
	mv requests.jsonl "$log"
	sent=$(jq -r '.headers.authorization' "$log" | tail -n 1)
	assert_equal "$sent" "Bearer sk-canary-4711"
	found=$(grep -lr sk-canary . | xargs)
	assert_equal "$found" ./key
	chmod 644 key
	expect 77 tr-try gpt --last 3 --max-usd 2
	[[ $stderr$output != *canary* ]]
}
