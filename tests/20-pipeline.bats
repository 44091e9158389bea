#!/usr/bin/env bats
# The steps of a window by hand: the same as tr-cycle, each at most once, and nothing for a stream
# that is cut, mixed or changed.

load helper

W0=2024-07-23T00:00Z
W1=2024-07-23T00:05Z
W2=2024-07-23T00:10Z
W3=2024-07-23T00:15Z

# One window through the four tools as a user would.
by_hand() {
	set -o pipefail
	tr-ingest -w "$1" | tr-decide | tr-trade | tr-snapshot >snapshots.out
}

# What the books hold, apart from the chain.
books() {
	tr-db dump --logical -d "$1" | grep -E '"table":"(trades|positions|portfolios|orders|executions|decisions|snapshots|prices)"'
}

# Two races in the same state, ${1} and ${2}.
twins() {
	tr-init a.db --demo -q
	tr-init b.db --demo -q
	export TR_DB=$PWD/a.db
	A=$PWD/a.db
	C=$PWD/b.db
}

same() {
	tr-db dump --logical -d "$1" >one.dump
	tr-db dump --logical -d "$2" >two.dump
	diff one.dump two.dump >difference || {
		head -c 2000 difference
		return 1
	}
}

# Window ${W0} as far as decisions.
decided_race() {
	demo_race
	tr-ingest -w "$W0" >batch.out
	tr-decide <batch.out >decisions
}

@test "a window by hand has the trades, positions and cash of tr-cycle" {
	local w
	twins
	for w in "$W0" "$W1" "$W2" "$W3"; do
		by_hand "$w"
		tr-cycle -q -w "$w" -d "$C"
		books "$A" >a.books
		books "$C" >b.books
		diff a.books b.books
	done
	[ "$(grep -c '"table":"trades"' a.books)" -gt 5 ]
	# tr-cycle seals at the end, by hand the next window does
	tr-ingest -q -w 2024-07-23T00:20Z
	tr-ingest -q -w 2024-07-23T00:20Z -d "$C"
	same "$A" "$C"
	expect 0 tr-audit
}

@test "a day's quarter by hand equals tr-cycle --from --to" {
	local i w
	twins
	for ((i = 0; i < 24; i++)); do
		w=$(printf '2024-07-23T%02d:%02dZ' $((i / 12)) $((i % 12 * 5)))
		by_hand "$w"
	done
	tr-cycle -q -d "$C" --from "$W0" --to 2024-07-23T02:00Z
	tr-ingest -q -w 2024-07-23T02:00Z
	tr-ingest -q -w 2024-07-23T02:00Z -d "$C"
	same "$A" "$C"
}

@test "fills at the next batch are the same by hand" {
	local w
	twins
	tr-config set trade.fill next
	tr-config set trade.fill next -d "$C"
	for w in "$W0" "$W1" "$W2" "$W3"; do
		by_hand "$w"
		tr-cycle -q -w "$w" -d "$C"
	done
	tr-ingest -q -w 2024-07-23T00:20Z
	tr-ingest -q -w 2024-07-23T00:20Z -d "$C"
	same "$A" "$C"
	[ "$(sqlite3 a.db "SELECT count(*) FROM trades
		WHERE fill_ms = window_ms + 300000")" -gt 5 ]
}

@test "decisions that wait are carried out before the next are made" {
	local db w
	twins
	for db in "$A" "$C"; do
		tr-config set trade.fill next -d "$db"
		tr-config set decide.every_min 5 -d "$db"
	done
	for w in "$W0" "$W1" "$W2" "$W3"; do
		by_hand "$w"
		tr-cycle -q -w "$w" -d "$C"
	done
	tr-ingest -q -w 2024-07-23T00:20Z
	tr-ingest -q -w 2024-07-23T00:20Z -d "$C"
	same "$A" "$C"
}

@test "decisions handed in are the same by hand" {
	local db w
	twins
	for db in "$A" "$C"; do
		tr-agent add me --kind manual -d "$db"
		tr-ingest -q -w "$W0" -d "$db"
		echo '{"orders":[{"asset":"BTC","side":"buy","quantity":"0.1"}]}' |
			tr-trade -q --agent me -d "$db" -t 2024-07-23T00:01Z
	done
	for w in "$W0" "$W1"; do
		by_hand "$w"
		tr-cycle -q -w "$w" -d "$C"
	done
	tr-ingest -q -w "$W2"
	tr-ingest -q -w "$W2" -d "$C"
	same "$A" "$C"
	assert_equal "$(sqlite3 a.db "SELECT quantity FROM trades JOIN agents ON agents.id = agent_id
		WHERE name = 'me'")" 10000000
}

@test "a window in which nobody decides passes through all tools" {
	demo_race
	expect 0 tr-ingest -w "$W1"
	assert_equal "$(jq -s -c '[.[0].decision, (.[0].prices | length), .[1].count]' <<<"$output")" \
		'[false,6,1]'
	printf '%s\n' "$output" >batch.out
	expect 0 tr-decide <batch.out
	assert_output '{"schema":"tr.end/1","window":"market-cycle-20240723-0005","count":0}'
	printf '%s\n' "$output" >decisions
	expect 0 tr-trade <decisions
	assert_output '{"schema":"tr.end/1","window":"market-cycle-20240723-0005","count":0}'
	printf '%s\n' "$output" >executions
	expect 0 tr-snapshot <executions
	assert_equal "$(jq -s -c '[length, .[-1].count, ([.[].phase] | unique)]' <<<"$output")" \
		'[9,8,[null,"pre"]]'
	refused 65 "nobody decides" tr-snapshot --phase post -w "$W1"
}

@test "the four streams have one window, their records and the right count" {
	decided_race
	tr-trade <decisions >executions
	tr-snapshot <executions >snapshots
	assert_equal "$(cat batch.out decisions executions snapshots | jq -r .window | sort -u)" \
		market-cycle-20240723-0000
	assert_equal "$(jq -s -c '[.[].schema] | unique' batch.out)" '["tr.batch/1","tr.end/1"]'
	assert_equal "$(jq -s -c '[.[].schema] | unique' decisions)" '["tr.decision/1","tr.end/1"]'
	assert_equal "$(jq -s -c '[.[].schema] | unique' executions)" \
		'["tr.end/1","tr.execution/1"]'
	assert_equal "$(jq -s -c '[.[].schema] | unique' snapshots)" '["tr.end/1","tr.snapshot/1"]'
	assert_equal "$(jq -r 'keys_unsorted[0]' batch.out decisions executions snapshots | sort -u)" \
		schema
	assert_equal "$(jq -s '.[-1].count' decisions)" 8
	assert_equal "$(jq -s '.[-1].count' snapshots)" 16
	# in order of the agents' names
	assert_equal "$(jq -r '.agent // empty' decisions)" "$(tr-agent list --names)"
}

# ---------------------------------------------------------------------- twice

@test "every tool run twice changes nothing, and prints the same" {
	local tool before
	demo_race
	for tool in "tr-ingest -w $W0" "tr-trade --settle -w $W0" "tr-snapshot -w $W0 --phase pre" \
		"tr-decide -w $W0" "tr-trade -w $W0" "tr-snapshot -w $W0" "tr-cycle -q -w $W0" \
		"tr-ingest -w $W1" "tr-decide -w $W1" "tr-trade -w $W1" "tr-snapshot -w $W1"; do
		# shellcheck disable=SC2086
		expect 0 $tool
		printf '%s\n' "$output" >first
		before=$(state)
		# shellcheck disable=SC2086
		expect 0 $tool
		assert_equal "$output" "$(cat first)"
		assert_equal "$(state)" "$before"
	done
}

@test "every tool prints the same in a sealed window, and adds nothing" {
	local tool before
	decided_race
	tr-trade <decisions >executions
	tr-snapshot <executions >snapshots
	tr-cycle -q -w "$W0"
	tr-cycle -q -w "$W1"
	before=$(state)
	expect 0 tr-ingest -w "$W0"
	assert_equal "$output" "$(cat batch.out)"
	expect 0 tr-decide <batch.out
	assert_equal "$output" "$(cat decisions)"
	expect 0 tr-trade <decisions
	assert_equal "$output" "$(cat executions)"
	expect 0 tr-snapshot <executions
	assert_equal "$output" "$(cat snapshots)"
	for tool in "tr-trade --settle -w $W0" "tr-cycle -w $W0"; do
		# shellcheck disable=SC2086
		expect 0 $tool
	done
	assert_equal "$(state)" "$before"
}

@test "a window that was sealed half done takes no decision any more" {
	local before
	demo_race
	tr-ingest -q -w "$W0"
	tr-decide -q -w "$W0" --agent rsi
	tr-ingest -q -w "$W1"
	before=$(state)
	expect 0 tr-decide -w "$W0"
	assert_equal "$(jq -s -c '[.[].agent]' <<<"$output")" '["rsi",null]'
	expect 0 tr-trade -w "$W0"
	assert_output '{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":0}'
	expect 0 tr-cycle -w "$W0"
	assert_equal "$(state)" "$before"
	# the decision that nobody carried out is said to have expired
	tr-cycle -q -w "$W1"
	assert_equal "$(sqlite3 race.db "SELECT e.status FROM executions AS e JOIN agents ON id = agent_id
		WHERE name = 'rsi'")" expired
	expect 0 tr-audit
}

@test "agents can be decided and traded one by one, with the same result" {
	local a
	twins
	tr-ingest -q -w "$W0"
	for a in trend random cash rsi; do
		tr-decide -q -w latest --agent "$a"
		tr-trade -q -w latest --agent "$a"
	done
	tr-decide -w latest --agent momentum --agent reversion | tr-trade -q
	tr-decide -w latest | tr-trade | tr-snapshot -q
	tr-cycle -q -w "$W0" -d "$C"
	tr-cycle -q -w "$W0"
	same "$A" "$C"
}

# ---------------------------------------------------------------------- handing over to tr-cycle

@test "tr-cycle completes a window begun by hand, after each single step" {
	local i n want
	local steps=("tr-ingest -w $W0" "tr-trade --settle -w $W0" "tr-snapshot --phase pre -w $W0"
		"tr-decide -w $W0 --agent trend" "tr-trade -w $W0 --agent trend" "tr-decide -w $W0"
		"tr-trade -w $W0 --agent rsi" "tr-trade -w $W0" "tr-snapshot -w $W0")
	tr-init want.db --demo --quote USD -q
	tr-cycle -q -w "$W0" -d want.db
	want=$(state want.db)
	for ((n = 1; n <= ${#steps[@]}; n++)); do
		rm -f race.db*
		demo_race
		for ((i = 0; i < n; i++)); do
			${steps[i]} -q
		done
		[ "$(state)" != "$want" ]
		expect 0 tr-cycle -q -w "$W0"
		assert_equal "$(state)" "$want"
	done
}

@test "the same for a window that settles" {
	local i n want
	local steps=("tr-ingest -w $W1" "tr-trade --settle -w $W1" "tr-snapshot -w $W1")
	before() {
		rm -f race.db*
		demo_race
		tr-config set trade.fill next
		tr-cycle -q -w "$W0"
	}
	before
	tr-cycle -q -w "$W1"
	want=$(state)
	for ((n = 1; n <= ${#steps[@]}; n++)); do
		before
		for ((i = 0; i < n; i++)); do
			${steps[i]} -q
		done
		[ "$(state)" != "$want" ]
		expect 0 tr-cycle -q -w "$W1"
		assert_equal "$(state)" "$want"
	done
}

# ---------------------------------------------------------------------- streams

@test "a cut pipe is seen by every reader" {
	decided_race
	head -n 1 batch.out >short.out
	refused 65 "" tr-decide <short.out
	head -n 1 decisions >short.out
	refused 65 "" tr-trade <short.out
	head -n 8 decisions >short.out
	refused 65 "" tr-trade <short.out
	head -c -2 decisions >short.out
	refused 65 "" tr-trade <short.out
	head -c 1000 decisions >short.out
	refused 65 "" tr-trade <short.out
	sed 3d decisions >short.out
	refused 65 "" tr-trade <short.out
	tr-trade <decisions >executions
	head -n 1 executions >short.out
	refused 65 "" tr-snapshot <short.out
}

@test "an empty stream is no stream" {
	decided_race
	: >nothing.out
	refused 65 empty tr-decide <nothing.out
	refused 65 empty tr-trade <nothing.out
	refused 65 empty tr-trade --agent rsi <nothing.out
	refused 65 empty tr-snapshot <nothing.out
	echo >nothing.out
	refused 65 "" tr-trade <nothing.out
}

@test "garbage is no stream" {
	local text
	decided_race
	for text in x '{' '{}' '[]' 'null' '{"schema":"tr.bogus/1"}' '{"schema":"tr.end/1"}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000"}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":1}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":"0"}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":-1}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0001","count":0}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240732-0000","count":0}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":0,"x":1}' \
		'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":0} x' \
		$'{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":0}\n\n{}'; do
		printf '%s\n' "$text" >stream
		refused 65 "" tr-decide <stream
		refused 65 "" tr-trade <stream
		refused 65 "" tr-snapshot <stream
	done
	head -c 100000 /dev/urandom >stream
	refused 65 "" tr-trade <stream
	printf '{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":0}\0\n' >stream
	refused 65 "" tr-trade <stream
}

@test "a stream for another tool is refused" {
	decided_race
	refused 65 tr.batch/1 tr-decide <decisions
	refused 65 tr.decision/1 tr-trade <batch.out
	refused 65 tr.execution/1 tr-snapshot <decisions
}

@test "two windows in one stream are refused" {
	decided_race
	tr-trade -q <decisions
	tr-cycle -q -w "$W1"
	tr-cycle -q -w "$W2"
	tr-ingest -w "$W3" >batch3
	tr-decide <batch3 >decisions3
	head -n 1 decisions >mixed
	sed -n '2,$p' decisions3 >>mixed
	refused 65 "" tr-trade <mixed
	cat decisions decisions3 >mixed
	refused 65 "" tr-trade <mixed
	sed '$s/0015/0000/' decisions3 >mixed
	refused 65 "" tr-trade <mixed
	expect 0 tr-trade <decisions3
}

@test "a decision changed on its way is refused" {
	local edit
	decided_race
	for edit in 's/"side":"buy"/"side":"sell"/' 's/"notional":"\([0-9]*\)[0-9]/"notional":"\19/' \
		's/"reasoning":"/&x/' '/"hold"/s/"agent":"cash"/"agent":"buy-and-hold"/' \
		's/"asset":"BTC"/"asset":"ETH"/'; do
		sed "$edit" decisions >changed
		if cmp -s decisions changed; then
			echo "no change by $edit"
			return 1
		fi
		refused 65 "" tr-trade <changed
	done
	# a key that is not in the grammar, a number where a string is due
	sed '1s/"status"/"extra":1,&/' decisions >changed
	refused 65 "" tr-trade <changed
	sed '1s/"notional":"\([^"]*\)"/"notional":\1/' decisions >changed
	refused 65 "" tr-trade <changed
	expect 0 tr-trade <decisions
}

@test "a decision that was never stored is refused" {
	demo_race
	tr-ingest -w "$W0" >batch.out
	tr-decide -n <batch.out >decisions
	refused 66 "never stored" tr-trade <decisions
	tr-decide -q <batch.out
	sed 's/"agent":"trend"/"agent":"nobody"/' decisions >changed
	refused 66 nobody tr-trade <changed
	expect 0 tr-trade <decisions
}

@test "a stream that names some agents is about those only" {
	decided_race
	grep -E '"agent":"(rsi|cash)"' decisions >some
	echo '{"schema":"tr.end/1","window":"market-cycle-20240723-0000","count":2}' >>some
	expect 0 tr-trade <some
	assert_equal "$(jq -r '.agent // empty' <<<"$output")" "cash
rsi"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM executions')" 2
	# an agent named twice is one
	sed 's/"count":2/"count":4/' some >twice
	sed -i '1{h;p;x};2p' twice
	tr-trade <twice >out || [ $? -eq 65 ]
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM executions')" 2
}

@test "a reader that goes away does no harm" {
	local want
	demo_race
	tr-ingest -w "$W0" | head -c 1 >/dev/null
	tr-decide -w "$W0" | head -c 1 >/dev/null
	tr-trade -w "$W0" | head -c 1 >/dev/null
	tr-snapshot -w "$W0" | head -c 1 >/dev/null
	tr-cycle -q -w "$W0"
	tr-init want.db --demo --quote USD -q
	tr-cycle -q -w "$W0" -d want.db
	want=$(state want.db)
	assert_equal "$(state)" "$want"
}

# ---------------------------------------------------------------------- dry runs

@test "a dry run prints what the real one prints, and writes nothing" {
	local tool before
	demo_race
	tr-cycle -q -w "$W0"
	for tool in "tr-ingest -w $W3" "tr-trade --settle -w $W3" "tr-snapshot --phase pre -w $W3" \
		"tr-decide -w $W3" "tr-trade -w $W3" "tr-snapshot -w $W3"; do
		before=$(state)
		# shellcheck disable=SC2086
		expect 0 $tool --dry-run
		printf '%s\n' "$output" >dry
		assert_equal "$(state)" "$before"
		# shellcheck disable=SC2086
		expect 0 $tool
		assert_equal "$(cat dry)" "$output"
		[ "$(state)" != "$before" ] || [[ $tool == *settle* || $tool == *pre* ]]
	done
}

@test "a dry run refuses what the real one refuses" {
	demo_race
	tr-cycle -q -w "$W1"
	refused 65 before tr-ingest -n -w "$W0"
	refused 65 "not started" tr-ingest -n -w 2099-01-01T00:00Z
	refused 66 begun tr-trade -n -w "$W2"
	refused 66 begun tr-snapshot -n -w "$W2"
}

@test "a dry run of tr-decide starts no program" {
	demo_race
	printf '#!/bin/sh\ntouch %q/started\nread -r x\necho "{}"\n' "$PWD" >agent.sh
	chmod 700 agent.sh
	tr-agent add prog --kind exec -- ./agent.sh
	tr-ingest -q -w "$W0"
	expect 0 tr-decide -n -w "$W0"
	[ ! -e started ]
	refute_output --partial '"prog"'
	assert_equal "$(tail -n 1 <<<"$output" | jq .count)" 8
}

# ---------------------------------------------------------------------- naming windows

@test "a window is named by id, by a time in it, by latest and by -N" {
	local w
	demo_race
	tr-cycle -q -w "$W0"
	tr-cycle -q -w "$W1"
	tr-cycle -q -w "$W2"
	for w in market-cycle-20240723-0005 2024-07-23T00:05Z 2024-07-23T00:09:59Z -1; do
		expect 0 tr-ingest -w "$w"
		assert_equal "$(jq -s -r '.[-1].window' <<<"$output")" market-cycle-20240723-0005
		expect 0 tr-snapshot -w "$w"
		assert_equal "$(jq -s -r '.[-1].window' <<<"$output")" market-cycle-20240723-0005
	done
	expect 0 tr-trade -w latest
	assert_equal "$(jq -r .window <<<"$output")" market-cycle-20240723-0010
	expect 0 tr-trade </dev/null
	assert_equal "$(jq -r .window <<<"$output")" market-cycle-20240723-0010
	expect 0 tr-decide --window=-2
	assert_equal "$(jq -s -r '.[-1].window' <<<"$output")" market-cycle-20240723-0000
	expect 66 tr-decide -w -3
	expect 65 tr-decide --window=-x
	expect 65 tr-decide -w yesterday
}

@test "latest and -N of a race that has not begun are absent" {
	demo_race
	refused 66 "not begun" tr-decide -w latest
	refused 66 "not begun" tr-trade -w -1
	refused 66 "not begun" tr-snapshot </dev/null
	refused 66 "not begun" tr-ingest -w latest
	refused 66 "not begun" tr-cycle -w latest
	refused 66 begun tr-decide -w "$W0"
}

@test "-w counts more than standard input" {
	decided_race
	tr-cycle -q -w "$W1"
	expect 0 tr-trade -w "$W1" <decisions
	assert_equal "$(jq -r .window <<<"$output" | sort -u)" market-cycle-20240723-0005
	# not even looked at
	echo garbage >garbage
	expect 0 tr-trade -w "$W1" <garbage
}

@test "a window before the newest is refused for good, or for now when it is the clock's" {
	demo_race
	tr-config set window.settle_delay_s 0
	tr-cycle -q -w "$W1"
	refused 65 "lies before" tr-ingest -w "$W0"
	refused 65 "lies before" tr-cycle -w "$W0"
	refused 65 "lies before" tr-ingest -t "$W0"
	refused 65 "lies before" tr-cycle -t "$W0"
	tr-ingest -q -t 2099-01-01T00:00Z
	refused 75 "lies before" tr-ingest
	refused 75 "lies before" tr-cycle
}

@test "a window that was skipped is never begun later" {
	demo_race
	tr-cycle -q -w "$W0"
	tr-cycle -q -w "$W3"
	refused 65 "lies before" tr-cycle -w "$W1"
	refused 65 "lies before" tr-ingest -w "$W2"
	refused 66 begun tr-decide -w "$W1"
	expect 0 tr-audit
}

@test "a window in the future is refused" {
	demo_race
	tr-cycle -q -w "$W0"
	refused 65 "not started" tr-ingest -w 2099-01-01T00:00Z
	refused 65 "not started" tr-cycle -w 2099-01-01T00:00Z
	refused 65 "not started" tr-ingest -t "$W1" -w "$W2"
	expect 0 tr-ingest -q -t 2024-07-23T00:09:59Z -w "$W1"
}

@test "a step before its batch is refused" {
	demo_race
	tr-ingest -q -w "$W0"
	refused 65 settl tr-snapshot -w "$W0"
	tr-trade -q --settle -w "$W0"
	refused 65 trading tr-snapshot -w "$W0" --phase post
	expect 0 tr-snapshot -w "$W0" --phase pre
}

@test "mistakes of the caller are 64" {
	demo_race
	expect 64 tr-ingest file
	expect 64 tr-ingest -w "$W0" --lenient
	expect 64 tr-decide x
	expect 64 tr-trade x
	expect 64 tr-trade --settle --agent rsi
	expect 64 tr-snapshot --phase both -w "$W0"
	expect 64 tr-snapshot x
	expect 64 tr-cycle x
	expect 64 tr-cycle --from "$W0"
	expect 64 tr-cycle --from "$W1" --to "$W0"
	expect 64 tr-cycle --from "$W0" --to "$W1" -w "$W0"
	expect 64 tr-cycle --wait 3601
}
