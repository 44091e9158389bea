#!/usr/bin/env bats
# tr-check: what it finds, how it says so, that nothing can hang it, and who is told of what.
load helper

# An hour of a race.
hour() {
	demo_race
	tr-cycle -q --from 2024-07-23 --to 2024-07-23T01:00Z
}

# The race runs by the clock: its windows count as begun by it.
live() {
	hour
	sqlite3 race.db "UPDATE cycles SET live = 1"
}

# The level of one component, at the end of the hour or $AT: level NAME OPTION...
level() {
	local name=$1
	shift
	tr-check --json -t "${AT:-2024-07-23T00:59Z}" "$@" |
		jq -r ".components[] | select(.component == \"$name\").level"
}

# A program that keeps what it is told in ./told, and fails while ./broken is there.
listener() {
	printf '%s\n' '#!/bin/sh' "cd '$PWD' || exit 1" '[ ! -e broken ] || exit 1' \
		'cat >>told' 'echo "$*" >>arguments' 'env >environment' >listener.sh
	chmod 700 listener.sh
	tr-config set alert.command "$PWD/listener.sh first  second" >/dev/null
	: >told
}

# Events told so far, as "event component severity".
told() {
	jq -r '"\(.event) \(.component) \(.severity)"' told
}

@test "a healthy race is OK: status 0, one line, a line per component" {
	hour
	expect 0 tr-check
	assert_equal "$stderr" ""
	[[ ${lines[0]} == "OK: "*" components | "* ]]
	assert_equal "${#lines[@]}" 12
	for component in last_window missed windows failed_agents halt ledger seals wal disk \
		clock lock; do
		[[ $output == *"ok        $component "* ]]
	done
	expect 0 tr-check --quiet
	assert_equal "${#lines[@]}" 1
}

@test "a race that has not begun is OK" {
	demo_race
	expect 0 tr-check
	assert_output --partial "the race has not begun"
	expect 2 tr-check --stale 900
}

@test "the values follow the bar as a monitoring system reads them" {
	live
	expect 0 tr-check -q -t 2024-07-23T00:59Z
	[[ $output =~ \|\ last_window=240s\;900\;1800\ missed=0\;0\;12\  ]]
	[[ $output =~ disk=[0-9]+B\;536870912:\;134217728: ]]
	# one bar, whatever people write
	tr-halt --reason 'a|b|c' >/dev/null
	expect 1 tr-check -q -t 2024-07-23T00:59Z
	assert_equal "${#lines[@]}" 1
	assert_equal "$(tr -cd '|' <<<"$output")" "|"
	assert_output --partial "a/b/c"
}

@test "the JSON says the same" {
	hour
	expect 0 tr-check --json
	assert_equal "$(jq -r '.schema, .level, (.components | length)' <<<"$output")" \
		"tr.check/1
ok
11"
	assert_equal "$(jq '[.components[] | select(.took_ms < 0)] | length' <<<"$output")" 0
}

@test "it changes nothing" {
	local before
	hour
	before=$(state)
	tr-check --full --alert >/dev/null
	assert_equal "$(state)" "$before"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM alerts')" 0
}

@test "a live race whose last window is old warns, then is critical" {
	live
	expect 0 tr-check -t 2024-07-23T01:10Z
	expect 1 tr-check -t 2024-07-23T01:11Z
	[[ ${lines[0]} == "WARNING: last_window: "* ]]
	expect 2 tr-check -t 2024-07-23T01:26Z
	[[ ${lines[0]} == "CRITICAL: last_window: "* ]]
	expect 0 tr-check -t 2024-07-23T01:26Z --stale 3600
}

@test "a race of the past is not old unless --stale says so" {
	hour
	expect 0 tr-check -t 2026-07-23T00:00Z
	expect 2 tr-check -t 2026-07-23T00:00Z --stale 900
	expect 1 tr-check -t 2024-07-23T01:00Z --stale 200
}

@test "missed windows of the last day warn, an hour of them is critical" {
	hour
	miss() { # miss FROM COUNT
		sqlite3 race.db "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n
			WHERE i < $2 - 1) INSERT INTO missed SELECT
			1000 * strftime('%s', '$1') + 300000 * i, 'missed', 0 FROM n"
	}
	miss "2024-07-21 00:00" 20
	assert_equal "$(level missed)" ok
	miss "2024-07-22 12:00" 1
	assert_equal "$(level missed)" warning
	miss "2024-07-22 13:00" 12
	assert_equal "$(level missed)" critical
}

@test "windows that wait for an operator or are stuck are critical" {
	live
	for state in needs_operator quarantined; do
		sqlite3 race.db "UPDATE cycles SET state = '$state' WHERE window_ms =
			1000 * strftime('%s', '2024-07-23 00:30')"
		assert_equal "$(level windows)" critical
	done
	sqlite3 race.db "UPDATE cycles SET state = 'failed' WHERE state = 'quarantined'"
	assert_equal "$(level windows)" warning
	sqlite3 race.db "UPDATE cycles SET state = 'completed'"
	assert_equal "$(level windows)" ok
	sqlite3 race.db "UPDATE cycles SET state = 'running', started_ms =
		1000 * strftime('%s', '2024-07-23 00:55') WHERE window_ms =
		1000 * strftime('%s', '2024-07-23 00:55')"
	assert_equal "$(level windows)" ok
	assert_equal "$(AT=2024-07-23T01:11Z level windows)" critical
}

@test "more than a fifth of failed answers warns, more than half is critical" {
	hour
	# as if all of them could fail
	sqlite3 race.db "UPDATE agents SET kind = 'exec'"
	fail() { # fail COUNT of the 32 answers
		sqlite3 race.db "DROP TRIGGER IF EXISTS decisions_update;
			UPDATE decisions SET status = 'hold';
			UPDATE decisions SET status = 'timeout' WHERE (agent_id, window_ms) IN
			(SELECT agent_id, window_ms FROM decisions ORDER BY 2, 1 LIMIT $1)"
	}
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM decisions')" 32
	fail 6
	assert_equal "$(level failed_agents)" ok
	fail 7
	assert_equal "$(level failed_agents)" warning
	fail 16
	assert_equal "$(level failed_agents)" warning
	fail 17
	assert_equal "$(level failed_agents)" critical
}

@test "an agent that always fails is found and named, however many rules decide beside it" {
	demo_race
	printf '%s\n' '#!/bin/sh' 'exit 1' >bad.sh
	printf '%s\n' '#!/bin/sh' "echo '{\"orders\":[]}'" >good.sh
	chmod 700 bad.sh good.sh
	tr-agent add -q broken --kind exec -- ./bad.sh
	for n in 1 2 3 4 5 6; do
		tr-agent add -q good$n --kind exec -- ./good.sh
	done
	tr-agent add -q hand --kind manual
	# three windows in which agents decide: not yet four in a row, and 3 of 21
	expect 3 tr-cycle -q --from 2024-07-23 --to 2024-07-23T00:45Z
	assert_equal "$(level failed_agents)" ok
	expect 3 tr-cycle -q --from 2024-07-23T00:45Z --to 2024-07-23T01:00Z
	expect 1 tr-check -q
	[[ $output == "WARNING: failed_agents: broken gave no valid answer in 4 windows (1 in all); 4 of 28 answers failed in the last 4 decision windows, up to market-cycle-20240723-0045 | "* ]]
	# who is not asked any more is not missed
	tr-agent pause -q broken
	assert_equal "$(level failed_agents)" ok
	for n in 1 2 3 4 5 6; do
		tr-agent retire -q good$n
	done
	sqlite3 race.db "DROP TRIGGER decisions_update; UPDATE decisions SET status = 'budget'
		WHERE agent_id IN (SELECT id FROM agents WHERE kind = 'exec')"
	expect 0 tr-check
	assert_output --partial "no agent that can fail was asked in the last 4 decision windows"
}

@test "a halt warns, one by the audit is critical" {
	hour
	tr-halt --reason holiday >/dev/null
	assert_equal "$(level halt)" warning
	tr-halt --release >/dev/null
	assert_equal "$(level halt)" ok
	tr-halt --name audit --reason difference >/dev/null
	assert_equal "$(level halt)" critical
}

@test "cash that does not follow from the last trade is critical" {
	hour
	sqlite3 race.db "UPDATE portfolios SET cash = cash + 1 WHERE agent_id =
		(SELECT id FROM agents WHERE name = 'trend')"
	expect 2 tr-check
	[[ ${lines[0]} == "CRITICAL: ledger: agent trend: "* ]]
}

@test "a quick check reads the newest seal, --full all of them" {
	hour
	edit() { # edit TIME: another price in a sealed window
		sqlite3 race.db "DROP TRIGGER IF EXISTS prices_update; UPDATE prices SET note = 'x'
			WHERE window_ms = 1000 * strftime('%s', '$1')"
	}
	edit "2024-07-23 00:00"
	assert_equal "$(level seals)" ok
	assert_equal "$(level ledger)" ok
	assert_equal "$(level ledger --full)" critical
	edit "2024-07-23 00:55"
	assert_equal "$(level seals)" critical
}

@test "a head file that ends with another seal than the race has is critical" {
	hour
	sed -i '$s/.$/x/' race.db.heads
	assert_equal "$(level seals)" ok
	sed -i '$s/ [^ ]*$/'" $(printf '0%.0s' {1..64})/" race.db.heads
	assert_equal "$(level seals)" critical
	rm race.db.heads
	assert_equal "$(level seals)" ok
}

@test "a chain whose end is gone is critical" {
	hour
	sqlite3 race.db "DROP TRIGGER seals_delete; DELETE FROM seals WHERE n = 12"
	assert_equal "$(level seals)" critical
}

@test "a large write-ahead log and a full disk are told" {
	hour
	assert_equal "$(level wal)" ok
	assert_equal "$(level wal --wal 0)" critical
	assert_equal "$(level disk)" ok
	assert_equal "$(level disk --disk 1099511627776)" critical
}

@test "a clock before the newest window is critical in a live race only" {
	hour
	assert_equal "$(AT=2024-07-22 level clock)" ok
	sqlite3 race.db "UPDATE cycles SET live = 1"
	assert_equal "$(AT=2024-07-22 level clock)" critical
}

@test "a process that keeps the writers' lock is named, and hangs nothing" {
	hour
	exec 8<>race.db.lock
	flock 8
	SECONDS=0
	expect 2 tr-check --timeout 1
	[ "$SECONDS" -lt 20 ]
	[[ ${lines[0]} == "CRITICAL: lock: process "*" has held it "* ]]
	exec 8<&-
	expect 0 tr-check
}

@test "a check that does not come to an end is unknown, and the others are done" {
	hour
	# three hundred thousand million rows to look at
	sqlite3 race.db "DROP TABLE missed; CREATE VIEW missed AS WITH RECURSIVE n(i) AS
		(SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000000)
		SELECT 1 + i AS window_ms FROM n"
	SECONDS=0
	expect 3 tr-check --timeout 1
	[ "$SECONDS" -lt 20 ]
	[[ ${lines[0]} == "UNKNOWN: missed: "* ]]
	assert_output --partial "ok        lock "
}

@test "a command that is held up as a whole ends as well" {
	# leaks cannot be looked for under strace
	local -x ASAN_OPTIONS=detect_leaks=0
	hour
	SECONDS=0
	run --separate-stderr strace -f -o /dev/null -e inject=statfs:delay_enter=4s \
		tr-check --timeout 1
	[ "$SECONDS" -lt 10 ]
	assert_equal "$status" 3
	assert_output "UNKNOWN: the checks took too long"
}

@test "a race that cannot be opened is unknown, a damaged one critical" {
	expect 3 tr-check -d nowhere.db
	[[ ${lines[0]} == "UNKNOWN: database: nowhere.db: "* ]]
	hour
	chmod 644 race.db
	expect 3 tr-check
	chmod 600 race.db
	tr-db checkpoint
	head -c 300000 /dev/zero | dd of=race.db bs=4096 seek=1 conv=notrunc status=none
	expect 2 tr-check
	[[ ${lines[0]} == CRITICAL:* ]]
}

@test "wrong options are status 64" {
	hour
	expect 64 tr-check now
	expect 64 tr-check --timeout 0
	expect 64 tr-check --stale=-5
	expect 64 tr-check --wal x
}

@test "a problem is told once, and its end once" {
	live
	listener
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	assert_equal "$stderr" ""
	assert_equal "$(told)" "problem last_window critical"
	expect 2 tr-check -a -t 2024-07-23T01:27Z
	assert_equal "$(told | wc -l)" 1
	expect 0 tr-check -a -t 2024-07-23T00:59Z
	assert_equal "$(told)" "problem last_window critical
recovery last_window critical"
	expect 0 tr-check -a -t 2024-07-23T00:59Z
	assert_equal "$(told | wc -l)" 2
	# and again when it comes back
	expect 2 tr-check -a -t 2024-07-23T01:28Z
	assert_equal "$(told | wc -l)" 3
}

@test "the program gets the record, its arguments and a small environment" {
	live
	listener
	SECRET_KEY=canary LD_LIBRARY_PATH=/nowhere expect 1 tr-check -a -t 2024-07-23T01:11Z
	assert_equal "$(jq -r '.schema, .since, .database' told)" "tr.alert/1
2024-07-23T01:11:00Z
$PWD/race.db"
	assert_equal "$(jq -r .detail told)" \
		"market-cycle-20240723-0055 was the last to be finished, it began 960 s ago"
	assert_equal "$(cat arguments)" "first second"
	grep -q '^PATH=' environment
	run grep -e SECRET -e LD_ environment
	assert_output ""
}

@test "a problem that gets worse is told again, one that gets better is not" {
	live
	listener
	expect 1 tr-check -a -t 2024-07-23T01:11Z
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	expect 1 tr-check -a -t 2024-07-23T01:12Z
	assert_equal "$(told)" "problem last_window warning
problem last_window critical"
}

@test "what could not be told is told the next time" {
	live
	listener
	touch broken
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	[[ $stderr == *"not told"*"status 1"* ]]
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM alerts WHERE told_ms IS NULL')" 1
	rm broken
	expect 2 tr-check -a -t 2024-07-23T01:27Z
	assert_equal "$(told)" "problem last_window critical"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM alerts WHERE told_ms IS NULL')" 0
}

@test "a problem that nobody heard of ends in silence" {
	live
	listener
	touch broken
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	rm broken
	expect 0 tr-check -a -t 2024-07-23T00:59Z
	assert_equal "$(told)" ""
}

@test "each problem is told by itself" {
	live
	listener
	tr-halt --reason holiday >/dev/null
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	assert_equal "$(told)" "problem halt warning
problem last_window critical"
	expect 1 tr-check -a -t 2024-07-23T00:59Z
	assert_equal "$(told | tail -n 1)" "recovery last_window critical"
}

@test "two at once tell once" {
	live
	listener
	for _ in 1 2 3 4; do
		tr-check -q -a -t 2024-07-23T01:26Z >/dev/null 2>&1 3>&- &
	done
	wait
	assert_equal "$(told)" "problem last_window critical"
}

@test "a program that hangs is ended after ten seconds" {
	live
	printf '%s\n' '#!/bin/sh' 'sleep 60' >hang.sh
	chmod 700 hang.sh
	tr-config set alert.command "$PWD/hang.sh" >/dev/null
	SECONDS=0
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	[ "$SECONDS" -lt 40 ]
	[[ $stderr == *"longer than 10 s"* ]]
}

@test "a program that is not there costs no health" {
	live
	tr-config set alert.command /nowhere/at/all >/dev/null
	expect 0 tr-check -a -t 2024-07-23T00:59Z
	expect 2 tr-check -a -t 2024-07-23T01:26Z
	[[ $stderr == *"/nowhere/at/all"* ]]
	expect 65 tr-config set alert.command mail
}
