#!/usr/bin/env bats
# tr-routes and tr-cost: who was asked and why, what it cost to the last digit, and what tr-status
# and tr-check say of services.
load helper

# faultd SCRIPT: $U is its address, requests.jsonl its log.
faultd() {
	printf '%s\n' "$1" >script.json
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --log requests.jsonl \
		>/dev/null 3>&- &
	for _ in {1..200}; do
		[ ! -s port ] || break
		sleep 0.05
	done
	U=http://127.0.0.1:$(cat port)
}

# A provider NAME at PATH of the server, whose model m costs 1 and 2 USD per million tokens.
provider() {
	tr-provider add -q "$1" --kind openai --base "$U$2/v1" --key-file "$PWD/key"
	tr-provider price -q "$1/m" --input 1 --output 2
}

# good answers, bad is down, lossy loses answers; a race with prices and nobody who decides.
services() {
	faultd '{
"/bad":[{"status":503,"headers":{"content-type":"application/json"},
	"body":{"error":{"message":"down\u001b[31m"}}}],
"/lossy":[{"fault":"reset_after"}],
"/predict":[{"status":200,"headers":{"content-type":"application/json"},"body":{"predictions":[]}}],
"/good":[{"status":200,"headers":{"content-type":"application/json"},"body":{"id":"x",
	"object":"chat.completion","model":"m-2026","choices":[{"index":0,"finish_reason":"stop",
	"message":{"role":"assistant","refusal":null,"content":
	"{\"orders\":[],\"reasoning\":\"wait\",\"confidence\":\"0.5\"}"}}],
	"usage":{"prompt_tokens":1001,"completion_tokens":50,"total_tokens":1051}}}]}'
	echo sk-test >key
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset add -q BTC --feed sim
	tr-config set guard.retry_base_ms 1 >/dev/null
	tr-config set guard.retry_cap_ms 2 >/dev/null
	provider good /good
	provider bad /bad
	provider lossy /lossy
}

window() { # window TIME [OPTION...]: one window, paid for
	tr-cycle -q --pay -t "$@" 2>cycle.log || { cat cycle.log; return 1; }
}

# A race in which attempts lie in the database as if they had been made.
booked() {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	echo sk-test >key
	tr-provider add -q box --kind openai --base http://127.0.0.1:9/v1 --key-file "$PWD/key"
	for name in one two; do
		tr-agent add -q "$name" --kind llm --model box/m
	done
	DAY=$(($(date -ud 2026-03-02 +%s) * 1000))
}

# call ID AGENT MINUTE RESERVED [COST LOST]: an attempt of that agent (0: none) so many minutes
# into the day, booked as the tools do.
call() {
	local at=$((DAY + $3 * 60000)) agent cost=${5:-$4}
	agent=$(sqlite3 race.db "SELECT coalesce((SELECT id FROM agents WHERE name = '$2'), 0)")
	sqlite3 race.db "INSERT INTO call_starts VALUES ($1, 'decide', $DAY, nullif($agent, 0),
		'box', 'm', 'box:m', 1, NULL, $4, $at)"
	[ -z "$5" ] || sqlite3 race.db "INSERT INTO call_results VALUES ($1, 'ok', 200, $6, $5,
		10, 5, 100, NULL, $at)"
	for whose in 0 $agent; do
		[ "$whose/$agent" != 0/0 ] || [ "$2" = 0 ] || continue
		sqlite3 race.db "INSERT INTO spending VALUES
			($at / 86400000 * 86400000, $whose, $cost)
			ON CONFLICT DO UPDATE SET spent = spent + $cost"
		[ "$agent" != 0 ] || break
	done
}

cost() { # cost FILTER OPTION...: of the record
	local filter=$1
	shift
	tr-cost --json "$@" | jq -r "$filter"
}

# ------------------------------------------------------------------ routes

@test "explain tells the candidates, every attempt, and who answered" {
	services
	tr-agent add -q a --kind llm --model bad/m --fallback lossy/m --fallback good/m
	window 2026-01-01
	expect 0 tr-routes explain a --json
	assert_equal "$(jq -r '.schema, .agent, .window, .choices[0].chosen, .decision' \
		<<<"$output" | paste -sd' ')" \
		"tr.route.turn/1 a market-cycle-20260101-0000 bad/m hold"
	assert_equal "$(jq -r '.choices[0].candidates[] | "\(.candidate) \(.score)"' \
		<<<"$output" | paste -sd,)" "bad/m 7000,lossy/m 6500,good/m 6000"
	assert_equal "$(jq -r '.choices[0].attempts[].candidate' <<<"$output" | uniq | paste -sd,)" \
		"bad/m,lossy/m,good/m"
	assert_equal "$(jq '.choices[0].attempts | length' <<<"$output")" \
		"$(wc -l <requests.jsonl | tr -d ' ')"
	assert_equal "$(jq -r '.choices[0].attempts[] | select(.candidate == "lossy/m").lost' \
		<<<"$output" | uniq)" true
	assert_equal "$(jq -c .answer <<<"$output")" '{"candidate":"good/m","returned":"m-2026",'\
'"substitute":false,"input":1001,"output":50,"cost":"0.001101"}'
	expect 0 tr-routes explain a
	assert_output --partial "* bad/m"
	assert_output --partial "answered by good/m as m-2026, 1001 tokens in, 50 out, 0.001101 USD"
	[[ $output != *$'\e'* ]]
}

@test "explain takes the newest window with a choice, or the one that is named" {
	services
	tr-agent add -q a --kind llm --model good/m
	window 2026-01-01
	window 2026-01-01T00:05Z
	expect 0 tr-routes explain a --json
	assert_equal "$(jq -r .window <<<"$output")" market-cycle-20260101-0000
	expect 66 tr-routes explain a --window latest
	expect 0 tr-routes explain a --window 2026-01-01
	expect 66 tr-routes explain b
	expect 64 tr-routes explain
	expect 64 tr-routes explain a --worst
	expect 64 tr-routes list --window latest
	expect 64 tr-routes rebuild --json
	tr-agent add -q r --kind rule --strategy hold
	expect 66 tr-routes explain r
}

@test "the best candidate comes first, with --worst the worst, and the breaker is the present one" {
	services
	expect 0 tr-routes
	assert_output ""
	tr-agent add -q a --kind llm --model bad/m --fallback good/m
	window 2026-01-01
	expect 0 tr-routes --json
	assert_equal "$(jq -r '"\(.candidate) \(.good)"' <<<"$output" | paste -sd,)" "good/m 1,bad/m 0"
	expect 0 tr-routes --json --worst
	assert_equal "$(jq -r .candidate <<<"$output" | paste -sd,)" "bad/m,good/m"
	expect 0 tr-breaker isolate good:m -q
	expect 0 tr-routes list --json
	assert_equal "$(jq -r 'select(.candidate == "good/m") | .score, .breaker' <<<"$output" |
		paste -sd' ')" "0 isolated"
	expect 0 tr-routes
	assert_output --partial isolated
}

@test "rebuilt statistics are those that were kept with every attempt" {
	services
	tr-provider add -q forest --kind predict --base "$U" --key-file "$PWD/key"
	tr-agent add -q a --kind llm --model bad/m --fallback lossy/m --fallback good/m
	tr-agent add -q f --kind ml --provider forest
	tr-agent add -q g --kind ml --url "$U/"
	window 2026-01-01 || true
	sqlite3 race.db "SELECT * FROM route_stats" >kept
	assert_equal "$(wc -l <kept | tr -d ' ')" 5
	sqlite3 race.db "UPDATE route_stats SET calls = calls + 7, cost = 1;
		INSERT INTO route_stats VALUES ('nobody/x', 1, 1, 1, 1)"
	expect 0 tr-routes rebuild
	assert_output "5 candidates"
	sqlite3 race.db "SELECT * FROM route_stats" >made
	diff kept made
	expect 0 tr-routes
}

# ------------------------------------------------------------------ cost

@test "what was spent is the tokens at their price, and the accounts agree" {
	services
	tr-agent add -q a --kind llm --model good/m
	tr-agent add -q b --kind llm --model bad/m --fallback good/m
	window 2026-01-01
	assert_equal "$(cost '.spent, .reserved, .account, .calls' | paste -sd' ')" \
		"0.002202 0 0.002202 $(wc -l <requests.jsonl | tr -d ' ')"
	assert_equal "$(cost '.parts[] | "\(.model) \(.spent)"' --by model | paste -sd,)" \
		"bad/m 0,good/m 0.002202"
	assert_equal "$(cost '.parts[] | "\(.agent) \(.spent) \(.today.left)"' --by agent | paste -sd,)" \
		"a 0.001101 0.998899,b 0.001101 0.998899"
	expect 0 tr-cost --today
	assert_output --partial "0.002202 USD  by"
}

@test "a lost answer stays reserved, is in doubt, and tr-status counts it" {
	services
	tr-agent add -q a --kind llm --model lossy/m --fallback good/m
	window 2026-01-01
	local lost
	lost=$(sqlite3 race.db "SELECT count(*) FROM call_results WHERE lost = 1")
	[ "$lost" -ge 1 ]
	assert_equal "$(cost .doubtful)" "$lost"
	assert_equal "$(cost '.reserved == .doubtful_usd')" true
	assert_equal "$(cost .spent)" 0.001101
	sqlite3 race.db "SELECT spent FROM spending" | sort -u >accounts
	assert_equal "$(cost '.account | tonumber * 1e8 | round')" "$(cat accounts)"
	expect 0 tr-status --json
	assert_equal "$(jq -r 'select(.window != null and .state != null).calls_doubtful' \
		<<<"$output")" "$lost"
	expect 0 tr-status --text
	assert_output --partial "may have been billed for nothing or twice"
}

@test "amounts are exact: known, under way, dead, lost, by agent, model and day" {
	booked
	call 1 one 0 5000000000 1 0
	call 2 one 100 300000000 123456789 0
	call 3 two 100 70000001 70000001 1
	call 4 two 200 40000003
	call 5 one 599 2000000007
	call 6 0 599 11 3 0
	call 7 0 599 0 0 0
	local now=2026-03-02T10:00Z
	assert_equal "$(cost '.calls, .spent, .reserved, .under_way, .doubtful, .doubtful_usd, .account' \
		-t $now | paste -sd' ')" \
		"6 1.23456793 21.10000011 1 2 1.10000004 22.33456804"
	assert_equal "$(cost '.calls, .spent, .reserved, .account' --agent two -t $now | paste -sd' ')" \
		"2 0 1.10000004 1.10000004"
	assert_equal "$(cost '.parts[] | "\(.agent) \(.spent) \(.reserved)"' --by agent -t $now |
		paste -sd,)" "null 0.00000003 0,one 1.2345679 20.00000007,two 0 1.10000004"
	assert_equal "$(cost '.parts[] | "\(.day) \(.calls)"' --by day -t $now)" "2026-03-02 6"
	# half open
	assert_equal "$(cost '.calls, .account' --since 2026-03-02T01:40Z --until 2026-03-02T03:20Z \
		-t $now | paste -sd' ')" "2 null"
	# five minutes later nobody is under way
	assert_equal "$(cost '.under_way, .doubtful' -t 2026-03-02T10:05Z | paste -sd' ')" "0 3"
	expect 0 tr-cost -t $now
	refute_output --partial "but the accounts"
	sqlite3 race.db "UPDATE spending SET spent = spent + 1"
	expect 0 tr-cost -t $now
	assert_output --partial "but the accounts of these days say 22.33456805 USD"
}

@test "the caps of today, and what they leave" {
	booked
	call 1 one 10 60000000 50000001 0
	assert_equal "$(cost '.race_today | "\(.cap) \(.spent) \(.left)"' -t 2026-03-02T10:00Z)" \
		"5 0.50000001 4.49999999"
	tr-agent set -q one --budget-usd-day 0.4
	assert_equal "$(cost '.agent_today | "\(.cap) \(.left)"' --agent one -t 2026-03-02T10:00Z)" \
		"0.4 0"
	assert_equal "$(cost '.agent_today | "\(.cap) \(.left)"' --agent two -t 2026-03-02T10:00Z)" \
		"1 1"
	assert_equal "$(cost '.race_today.spent, .calls' --today -t 2026-03-03T10:00Z | paste -sd' ')" \
		"0 0"
}

@test "the projection is that of the last 24 hours, and not there before an hour" {
	booked
	expect 0 tr-cost -t 2026-03-02T10:00Z
	assert_output --partial n/a
	call 1 one 0 100000000 100000000 0
	call 2 one 1440 24000000 24000000 0
	assert_equal "$(cost '.projected_day, .projected_30_days' -t 2026-03-02T00:59Z | paste -sd' ')" \
		"null null"
	# 1 USD in 6 hours: 3 more until midnight
	assert_equal "$(cost '.projected_day, .projected_30_days' -t 2026-03-02T06:00Z | paste -sd' ')" \
		"4 120"
	# the first call is older than a day: 0.24 USD in 24 hours
	assert_equal "$(cost '.projected_day, .projected_30_days' -t 2026-03-03T12:00Z | paste -sd' ')" \
		"0.36 7.2"
	# another agent paid nothing
	assert_equal "$(cost '.projected_day' --agent two -t 2026-03-03T12:00Z)" null
}

@test "wrong use of tr-cost is status 64, and nothing is printed" {
	booked
	for wrong in "--today --since 2026-01-01" "--by week" "--since 2026-01-02 --until 2026-01-01" \
		operand; do
		# shellcheck disable=SC2086
		expect 64 tr-cost $wrong
		assert_output ""
	done
	expect 66 tr-cost --agent nobody
	expect 66 tr-cost -d none.db
}

# ------------------------------------------------------------------ status and check

# The level and the text of a component.
component() {
	tr-check --json "${@:2}" | jq -r ".components[] | select(.component == \"$1\") |
		\"\(.level): \(.detail)\""
}

@test "tr-check: an open, isolated or hopeless breaker is a warning until it is reset" {
	booked
	assert_equal "$(component breakers)" ""
	tr-guard quiet -- true
	assert_equal "$(component breakers)" "ok: none of 1 is open"
	tr-breaker isolate -q box:m
	expect 1 tr-check
	assert_output --partial "box:m is isolated; 1 of 2, see tr-breaker"
	sqlite3 race.db "UPDATE breakers SET state = 'open', needs_operator = 1
		WHERE service = 'quiet'"
	[[ $(component breakers) == "warning: "*"quiet needs an operator; 2 of 2"* ]]
	tr-breaker reset -q quiet
	tr-breaker reset -q box:m
	expect 0 tr-check
	assert_equal "$(component breakers)" "ok: none of 2 is open"
}

@test "tr-check: a cap reached today is a warning until the day is over" {
	booked
	local now=2026-03-02T10:00Z
	assert_equal "$(component budget -t $now)" "ok: no cap is reached today"
	call 1 one 10 99999999 99999999 0
	assert_equal "$(component budget -t $now)" "ok: no cap is reached today"
	call 2 one 10 1 1 0
	assert_equal "$(component budget -t $now)" \
		"warning: a cap is reached today by one; 1, see tr-cost"
	expect 1 tr-check -t $now
	TR_BUDGET_RACE_USD_DAY=1 component budget -t $now >both
	[[ $(cat both) == *"the race, one; 2"* ]]
	expect 0 tr-check -t 2026-03-03T10:00Z
	# a race without models has no budget
	tr-init -q --bare other.db
	assert_equal "$(component budget -d other.db)" ""
}

@test "tr-check: an agent that was not asked for lack of money is named" {
	services
	tr-agent add -q poor --kind llm --model good/m --budget-usd-day 0
	local at
	at=$(date -u +%FT%H:%MZ)
	tr-config set decide.every_min 5 >/dev/null
	expect 3 tr-cycle -q -w "$at" --pay
	assert_equal "$(sqlite3 race.db "SELECT status FROM decisions")" budget
	# only the windows of the clock count
	assert_equal "$(component budget -t "$at")" "ok: no cap is reached today"
	sqlite3 race.db "UPDATE cycles SET live = 1"
	assert_equal "$(component budget -t "$at")" "warning: a cap is reached today by poor; 1, see tr-cost"
}

@test "a feed that failed is in tr-status and, for three windows, in tr-check" {
	services
	window 2026-01-01
	expect 0 tr-status --json
	[[ $output != *feeds_failed* && $output != *calls_doubtful* ]]
	assert_equal "$(component feeds)" ""
	sqlite3 race.db "INSERT INTO feed_results SELECT window_ms, 1, 0, 'kraken:XBTUSD', 'failed',
		'down' FROM cycles; INSERT INTO feed_results SELECT window_ms, 1, 1, 'binance:BTCUSDT',
		'ok', '' FROM cycles"
	expect 0 tr-status --json
	assert_equal "$(jq -r 'select(.state != null).feeds_failed' <<<"$output")" 1
	expect 0 tr-status --text
	assert_output --partial "  1 feed gave no price"
	assert_equal "$(component feeds)" "warning: kraken:XBTUSD failed in the last 3 windows; 1"
	window 2026-01-01T00:05Z
	window 2026-01-01T00:10Z
	[[ $(component feeds) == warning* ]]
	window 2026-01-01T00:15Z
	assert_equal "$(component feeds)" "ok: none failed in the last 3 windows"
}
