#!/usr/bin/env bats
# Decisions that people hand in: once, in time, and never at a price that is already known (T-13).

load helper

W0=2024-07-23T00:00Z
W5=2024-07-23T00:05Z
W10=2024-07-23T00:10Z
BUY='{"orders":[{"asset":"AAA","side":"buy","quantity":"10"}]}'

# candles ASSET TIME PRICE...: five-minute candles; the first price is that of the window TIME,
# and so on.
candles() {
	local asset=$1 at p
	at=$(($(date -ud "$2" +%s) - 300))
	shift 2
	echo asset,quote,open_time_utc,interval_s,open,high,low,close,volume
	for p; do
		printf '%s,USD,%(%Y-%m-%dT%H:%M:%SZ)T,300,%s,%s,%s,%s,1\n' "$asset" $at "$p" "$p" "$p" "$p"
		at=$((at + 300))
	done
}

# A race with a manual agent and an asset that costs 100, 110, 121 and 90 in the first windows.
race() {
	candles AAA $W0 100 110 121 90 95 96 >aaa.csv
	tr-init -q --bare race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add AAA --feed csv:aaa.csv
	tr-agent -q add me --kind manual
	tr-agent -q add rule --kind rule --strategy hold
}

cycle() {
	tr-cycle -q -w "$1"
}

hand() {
	tr-trade --agent me "${@:2}" <<<"$1"
}

ask() {
	sqlite3 race.db "$1"
}

# decision window, fill window, side, quantity, price: all trades so far
trades() {
	ask "SELECT strftime('%H:%M', window_ms / 1000, 'unixepoch'), strftime('%H:%M', fill_ms / 1000,
		'unixepoch'), side, quantity / 1e8, fill_price / 1e10 FROM trades ORDER BY id"
}

executions() {
	ask "SELECT strftime('%H:%M', window_ms / 1000, 'unixepoch'), strftime('%H:%M', exec_ms / 1000,
		'unixepoch'), executions.status FROM executions JOIN agents ON id = agent_id
		WHERE kind = 'manual' ORDER BY window_ms"
}

@test "a decision that is handed in waits and fills at the price of the next window" {
	race
	cycle $W0
	expect 0 hand "$BUY"
	[ "$output" = 'me: queued, fills at 2024-07-23 00:05' ]
	[ -z "$(trades)" ]
	cycle $W5
	[ "$(trades)" = '00:00|00:05|buy|10.0|110.0' ]
	[ "$(executions)" = '00:00|00:05|executed' ]
	[ "$(ask "SELECT origin, status, hex(raw) <> '' FROM decisions WHERE origin = 'manual'")" = 'manual|ok|1' ]
	expect 0 tr-audit
}

@test "the same again changes nothing, another is refused" {
	race
	cycle $W0
	expect 0 hand "$BUY"
	local before
	before=$(state)
	expect 0 hand "$BUY"
	[ "$output" = 'me: queued already, fills at 2024-07-23 00:05' ]
	[ "$before" = "$(state)" ]
	# the same intent in another spelling is the same
	expect 0 hand '{ "orders": [ {"quantity":"10.000", "side":"buy", "asset":"AAA"} ] }'
	[ "$before" = "$(state)" ]
	expect 65 hand '{"orders":[{"asset":"AAA","side":"buy","quantity":"11"}]}'
	[[ $stderr == *'agent me: has decided otherwise'* ]]
	expect 65 hand '{"orders":[]}'
	[ "$before" = "$(state)" ]
	cycle $W5
	[ "$(trades)" = '00:00|00:05|buy|10.0|110.0' ]
}

@test "the same again, after it was filled, trades nothing twice" {
	race
	cycle $W0
	expect 0 hand "$BUY"
	cycle $W5
	local before
	before=$(state)
	expect 0 hand "$BUY" --window $W0
	[ "$before" = "$(state)" ]
	expect 0 tr-trade --settle -w $W5 </dev/null
	[ "$before" = "$(state)" ]
	expect 0 hand "$BUY"
	cycle $W10
	[ "$(trades)" = $'00:00|00:05|buy|10.0|110.0\n00:05|00:10|buy|10.0|121.0' ]
}

@test "twenty at once hand in one decision" {
	race
	cycle $W0
	local i rc=0 pids=()
	for i in {1..20}; do
		hand "$BUY" >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=$?; done
	[ $rc -eq 0 ]
	[ "$(cat out.* | sort | uniq -c | sed 's/^ *//')" = '19 me: queued already, fills at 2024-07-23 00:05
1 me: queued, fills at 2024-07-23 00:05' ]
	cycle $W5
	[ "$(trades)" = '00:00|00:05|buy|10.0|110.0' ]
}

@test "what breaks the grammar is refused and nothing is stored" {
	race
	cycle $W0
	local before text
	before=$(state)
	for text in '{"orders":[}' '{}' 'buy' '{"orders":[{"asset":"AAA","side":"buy"}]}' \
		'{"orders":[{"asset":"AAA","side":"buy","quantity":-1}]}' \
		'{"orders":[{"asset":"AAA","side":"buy","quantity":"1"}],"hurry":true}' \
		'{"status":"refused","orders":[]}' "$BUY$BUY"; do
		expect 65 hand "$text"
		[ -n "$stderr" ]
		[ -z "$output" ]
	done
	: >empty
	expect 65 tr-trade --agent me <empty
	[ "$before" = "$(state)" ]
}

@test "only agents that decide by hand, and take part, can be handed a decision" {
	race
	cycle $W0
	local before
	before=$(state)
	expect 65 tr-trade --agent rule <<<"$BUY"
	[[ $stderr == *'agent rule: decides by rule'* ]]
	expect 66 tr-trade --agent nobody <<<"$BUY"
	[[ $stderr == *nobody* ]]
	[ "$before" = "$(state)" ]
	tr-agent -q pause me
	before=$(state)
	expect 65 hand "$BUY"
	[[ $stderr == *'agent me: is paused'* ]]
	[ "$before" = "$(state)" ]
	tr-agent -q resume me
	expect 0 hand "$BUY"
}

@test "a retired agent cannot be handed a decision" {
	race
	cycle $W0
	tr-agent -q retire me
	expect 65 hand "$BUY"
	[[ $stderr == *'agent me: is retired'* ]]
}

@test "before the race has begun there is no window to decide for" {
	race
	expect 66 hand "$BUY"
}

@test "a dry run checks and stores nothing" {
	race
	cycle $W0
	local before
	before=$(state)
	expect 0 hand "$BUY" --dry-run
	[ "$before" = "$(state)" ]
	expect 65 hand '{}' --dry-run
}

@test "whoever knows all prices up to the next window gains nothing at this one" {
	race
	cycle $W0
	# all of 100, 110, 121, 90 is known: buying at 100 is what one would like
	expect 0 hand "$BUY"
	cycle $W5
	# known now: 121 comes next, then 90; selling at 110 is over
	expect 0 hand '{"orders":[{"asset":"AAA","side":"sell","quantity":"10"}]}'
	cycle $W10
	[ "$(trades)" = $'00:00|00:05|buy|10.0|110.0\n00:05|00:10|sell|10.0|121.0' ]
}

@test "nothing can be handed in for a window once the next one has begun" {
	race
	cycle $W0
	tr-ingest -q -w $W5 >/dev/null
	local before
	before=$(state)
	expect 65 hand "$BUY" --window $W0
	[[ $stderr == *'too late for'* ]]
	[ "$before" = "$(state)" ]
	expect 0 hand "$BUY"
	[ "$output" = 'me: queued, fills at 2024-07-23 00:10' ]
	tr-cycle -q -w $W5
	[ -z "$(trades)" ]
	cycle $W10
	[ "$(trades)" = '00:05|00:10|buy|10.0|121.0' ]
}

@test "a late hour counts as its own window, also when that has not begun yet" {
	race
	cycle $W0
	expect 0 hand "$BUY" --now 2024-07-23T00:07:30Z
	[ "$output" = 'me: queued, fills at 2024-07-23 00:10' ]
	cycle $W5
	[ -z "$(trades)" ]
	cycle $W10
	[ "$(trades)" = '00:05|00:10|buy|10.0|121.0' ]
}

@test "a stream with a decision that was never stored fills nothing" {
	race
	cycle $W0
	local before id=market-cycle-20240723-0000
	before=$(state)
	printf '{"schema":"tr.decision/1","window":"%s","agent":"me","status":"ok","orders":[{"asset":"AAA","side":"buy","quantity":"10"}]}\n{"schema":"tr.end/1","window":"%s","count":1}\n' \
		$id $id >stream
	expect 66 tr-trade <stream
	expect 66 tr-trade --agent me <stream
	[ "$before" = "$(state)" ]
}

@test "a decision whose next window was missed expires" {
	race
	cycle $W0
	expect 0 hand "$BUY"
	cycle $W10
	[ -z "$(trades)" ]
	[ "$(executions)" = '00:00|00:10|expired' ]
	cycle 2024-07-23T00:15Z
	[ -z "$(trades)" ]
	[ "$(ask 'SELECT cash = start_cash FROM portfolios WHERE agent_id = (SELECT id FROM agents
		WHERE name = "me")')" = 1 ]
	expect 0 tr-audit
}

@test "a limit price is recorded and held against the next window" {
	race
	cycle $W0
	# good at 100, not at 110
	expect 0 hand '{"orders":[{"asset":"AAA","side":"buy","quantity":"10","limit_price":"105"}]}'
	[ "$(ask "SELECT orders FROM decisions WHERE origin = 'manual'")" = \
		'[{"asset":"AAA","side":"buy","quantity":"10","limit_price":"105"}]' ]
	expect 0 tr-decide -w $W0 --agent me
	[ "$(jq -r 'select(.agent == "me") | .orders[0].limit_price' <<<"$output")" = 105 ]
	tr-ingest -q -w $W5 >/dev/null
	expect 0 tr-trade --settle -w $W5 </dev/null
	[ "$(jq -c 'select(.agent == "me") | [.status, .trades, (.edits[] | .action, .reasons)]' <<<"$output")" = \
		'["executed",[],"drop","limit_not_met"]' ]
	[ "$(ask 'SELECT limit_price, action, reasons FROM orders')" = '1050000000000|drop|limit_not_met' ]
	[ -z "$(trades)" ]
	cycle $W5
	expect 0 hand '{"orders":[{"asset":"AAA","side":"buy","quantity":"10","limit_price":"121"}]}'
	cycle $W10
	[ "$(trades)" = '00:05|00:10|buy|10.0|121.0' ]
}

@test "an agent that is paused after it handed in still gets its fill" {
	race
	cycle $W0
	expect 0 hand "$BUY"
	tr-agent -q pause me
	cycle $W5
	[ "$(executions)" = '00:00|00:05|executed' ]
	[ "$(trades)" = '00:00|00:05|buy|10.0|110.0' ]
}

@test "an asset of an unknown name is queued and dropped with its reason" {
	race
	cycle $W0
	expect 0 hand '{"orders":[{"asset":"NOPE","side":"buy","quantity":"1"}]}'
	cycle $W5
	[ "$(ask 'SELECT asset, action, reasons FROM orders')" = 'NOPE|drop|unknown_asset' ]
}
