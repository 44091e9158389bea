#!/usr/bin/env bats
# tr-status: what ran, what runs, what is stuck and what was missed, with the command that helps.
load helper

W0=2024-07-23T00:00Z
W1=2024-07-23T00:05Z
ID0=market-cycle-20240723-0000
ID1=market-cycle-20240723-0005
ID3=market-cycle-20240723-0015

# Two hours: 24 finished windows, the last at 01:55.
two_hours() {
	demo_race
	tr-cycle -q --from $W0 --to 2024-07-23T02:00Z
}

# status ARGS...: the records of a list as one array; the end record must count them.
status() {
	tr-status -t 2024-07-23T02:03Z "$@" >list.out || return
	jq -s -e '.[-1].schema == "tr.end/1" and .[-1].count == length - 1' list.out >/dev/null ||
		return
	jq -s -c '.[:-1]' list.out
}

windows() {
	status "$@" | jq -r '.[].window[-4:]' | paste -sd' '
}

miss() {
	sqlite3 "$TR_DB" "INSERT INTO missed VALUES (strftime('%s', '$1') * 1000, '$2',
		strftime('%s', '$1') * 1000 + 300000)"
}

set_state() {
	sqlite3 "$TR_DB" "UPDATE cycles SET state = '$2', ended_ms = NULL
		WHERE window_ms = strftime('%s', '$1') * 1000"
}

# A copy of the tools without tr-decide, which makes that stage fail.
without_decide() {
	local t
	mkdir bin
	for t in tr-cycle tr-ingest tr-trade tr-snapshot; do
		cp "$B/$t" bin
	done
}

@test "a finished window shows what it came to" {
	demo_race
	tr-cycle -q -w $W0
	expect 0 tr-status
	assert_equal "$(jq -s -c '.[0] | [.schema, .window, .time, .state, .incomplete, .over,
		.running_now, .pid, .stages_done, .stages_due, .next_stage, .prices, .assets,
		.decisions, .failed, .attempts, .failure, .help]' <<<"$output")" \
		'["tr.status/1","market-cycle-20240723-0000","2024-07-23T00:00:00Z","completed",false,false,false,null,6,6,null,6,6,8,0,1,null,null]'
	assert_equal "$(jq -s .[0].trades <<<"$output")" \
		"$(sqlite3 race.db 'SELECT count(*) FROM trades')"
	assert_equal "$(jq -s -c '.[1]' <<<"$output")" \
		'{"schema":"tr.end/1","count":1,"more":false}'
	expect 0 tr-status --text -t 2024-07-23T00:03Z
	assert_line --index 0 "last $ID0, 3 min ago; not run by the clock"
	assert_line --index 1 "incomplete: 0; missed in 24 h: 0; not halted"
	assert_line --regexp "^$ID0  completed +6/6 +6/6 +8 \(0\) +[0-9]+ +1  20"
	refute_output --partial "tr-cycle"
}

@test "a race that runs by the clock says when its next window is due" {
	demo_race
	tr-config -q set window.settle_delay_s 0
	tr-cycle -q -t 2024-07-23T00:00:05Z
	sqlite3 race.db "UPDATE cycles SET live = 1"
	expect 0 tr-status --text -t 2024-07-23T00:03Z
	assert_line --index 0 "last $ID0, 3 min ago; next 2024-07-23 00:05, due in 2 min"
}

@test "a race without windows says so, with status 0" {
	demo_race
	expect 0 tr-status
	assert_output '{"schema":"tr.end/1","count":0,"more":false}'
	expect 0 tr-status --text -t 2024-07-23T00:03Z
	assert_line --index 0 "no window has begun; next 2024-07-23 00:00, due now"
	expect 66 tr-status latest
	assert_output ""
}

@test "the newest come first, and pages join without a gap or a repetition" {
	two_hours
	assert_equal "$(windows -l 3)" "0155 0150 0145"
	assert_equal "$(windows -l 3 -p 2)" "0140 0135 0130"
	assert_equal "$(windows -l 3 --until $ID0)" ""
	assert_equal "$(windows -l 3 --until market-cycle-20240723-0145)" "0140 0135 0130"
	for page in 1 2 3 4 5 6; do
		windows -l 5 -p $page
	done | xargs >pages
	assert_equal "$(cat pages)" "$(windows -l 100)"
	assert_equal "$(wc -w <pages)" 24
	expect 0 tr-status -l 23
	assert_equal "$(jq -s -c '.[-1].more' <<<"$output")" true
	expect 0 tr-status -l 24
	assert_equal "$(jq -s -c '.[-1].more' <<<"$output")" false
	expect 0 tr-status -l 5 -p 2 --text
	assert_line --index -1 "more with --page 3"
}

@test "incomplete windows come first, the oldest on top, on every page" {
	two_hours
	set_state 2024-07-23T01:50 needs_operator
	set_state 2024-07-23T01:00 quarantined
	set_state 2024-07-23T01:55 running
	assert_equal "$(windows -l 5)" "0100 0150 0155 0145 0140"
	assert_equal "$(windows -l 2)" "0100 0150"
	assert_equal "$(windows -l 2 -p 2)" "0155 0145"
	assert_equal "$(windows -l 2 -p 3)" "0140 0135"
	assert_equal "$(windows --since 2024-07-23T01:30Z -l 3)" "0150 0155 0145"
	# what is behind the newest is over
	assert_equal "$(status -l 3 | jq -r '.[] | [.over, .help] | @tsv' | tr '\t\n' ' ;')" \
		"true nothing to do: it is over;true nothing to do: it is over;false tr-cycle --window market-cycle-20240723-0155;"
	tr-status --text -l 1 >text
	grep -q "^incomplete: 3;" text
	set_state 2024-07-23T01:55 quarantined
	assert_equal "$(status --state quarantined | jq -r '.[1].help')" \
		"not run again: tr-status market-cycle-20240723-0155 shows its history"
}

@test "a window begun by hand is incomplete, and the command shown completes it" {
	demo_race
	tr-ingest -q -w $W0
	assert_equal "$(status | jq -c '.[0] | [.state, .incomplete, .stages_done, .next_stage, .help]')" \
		"[\"running\",true,1,\"settle\",\"tr-cycle --window $ID0\"]"
	eval "$(status | jq -r '.[0].help')" >/dev/null
	assert_equal "$(status | jq -c '.[0] | [.state, .stages_done, .help]')" '["completed",6,null]'
}

@test "a window that runs shows its process, and one that was killed the command that helps" {
	local pid i
	tr-init -q --demo
	printf '#!/bin/sh\n. "$0.do"\n' >slow
	chmod +x slow
	echo 'sleep 30' >slow.do
	tr-agent add -q slow --kind exec --unconfined -- ./slow
	export TR_DB=$PWD/race.db
	tr-cycle -q -w $W0 3>&- &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[ "$(sqlite3 race.db "SELECT count(*) FROM events WHERE stage = 'pre'" 2>&1)" = 1 ] && break
		sleep 0.05
	done
	assert_equal "$(status | jq -c '.[0] | [.state, .running_now, .pid, .stages_done, .help]')" \
		"[\"running\",true,$pid,3,\"running now: pid $pid\"]"
	assert_equal "$(windows --failed)" ""
	kill -9 $pid
	wait $pid || true
	assert_equal "$(status | jq -c '.[0] | [.state, .running_now, .pid, .stages_done, .next_stage, .help]')" \
		"[\"running\",false,null,3,\"decide\",\"tr-cycle --window $ID0\"]"
	echo "echo '{\"orders\":[]}'" >slow.do
	expect 0 tr-cycle -W 10 --window $ID0
	assert_equal "$(status | jq -c '.[0] | [.state, .attempts, .help]')" '["completed",2,null]'
	expect 0 tr-status latest
	assert_equal "$(jq -r 'select(.type == "resumed") | .type' <<<"$output")" resumed
}

@test "asking does not take the lock of tr-cycle, and two that ask do not see each other" {
	demo_race
	tr-ingest -q -w $W0
	echo "$ID0 pid 1" >race.db.cycle
	chmod 600 race.db.cycle
	# somebody else asks
	exec 8<race.db.cycle
	flock -s 8
	assert_equal "$(status | jq -c '.[0] | [.running_now, .pid]')" "[false,null]"
	flock -x 8
	assert_equal "$(status | jq -c '.[0] | [.running_now, .pid]')" "[true,1]"
	# a lock for another window, and one whose note is not written yet
	echo "$ID1 pid 1" >race.db.cycle
	assert_equal "$(status | jq -c '.[0].running_now')" false
	: >race.db.cycle
	assert_equal "$(status | jq -c '.[0] | [.running_now, .pid, .help]')" '[true,null,"running now"]'
	exec 8<&-
	# the leak check of sanitizers cannot be traced
	ASAN_OPTIONS=detect_leaks=0 expect 0 strace -f -qq -e trace=flock,openat -o trace tr-status
	grep flock trace >locks
	run ! grep -q LOCK_EX locks
	# the database itself is opened by SQLite alone
	assert_equal "$(grep -c '/race\.db"' trace)" 1
}

@test "a stage that fails is shown with its text, and listed by --failed until it is repaired" {
	demo_race
	without_decide
	run bin/tr-cycle -q -w $W0
	[ "$status" -ne 0 ]
	assert_equal "$(windows --failed)" 0000
	assert_equal "$(status | jq -c '.[0] | [.state, .stages_done, .next_stage, .help]')" \
		"[\"running\",3,\"decide\",\"tr-cycle --window $ID0\"]"
	[[ $(status | jq -r '.[0].failure') == *tr-decide* ]]
	tr-status --text >text
	grep -q '^  failure: .*tr-decide' text
	grep -qx "  tr-cycle --window $ID0" text
	tr-cycle -q -w $W0
	assert_equal "$(windows --failed)" ""
	# what went wrong stays in its history
	[[ $(status | jq -r '.[0].failure') == *tr-decide* ]]
	tr-status --text >text
	run ! grep -q failure text
}

@test "a window that another overtook is partial, and one without prices failed" {
	demo_race
	tr-ingest -q -w $W0
	tr-cycle -q -w $W1
	sqlite3 race.db "INSERT INTO cycles SELECT window_ms + 300000, window_ms, pin, 0, 0, 'running',
		1, 0, NULL FROM cycles ORDER BY window_ms DESC LIMIT 1"
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(status --failed | jq -r '.[] | [.window, .state, .help] | join(" ")' | xargs)" \
		"market-cycle-20240723-0010 failed $ID0 partial"
	assert_equal "$(windows --state partial)" 0000
	assert_equal "$(windows --state completed)" "0015 0005"
}

@test "missed windows stand in their place and are counted for a day" {
	two_hours
	miss 2024-07-23T02:00 missed
	miss 2024-07-22T23:55 skipped_overlap
	miss 2024-07-21T23:55 missed
	assert_equal "$(windows -l 2)" "0200 0155"
	assert_equal "$(windows --failed)" "0200 2355 2355"
	assert_equal "$(windows --state missed)" "0200 2355"
	assert_equal "$(windows --state skipped_overlap)" 2355
	assert_equal "$(status --state missed -l 1 |
		jq -c '.[0] | [.incomplete, .stages_due, .started, .help]')" "[false,0,null,null]"
	expect 0 tr-status --text -t 2024-07-23T02:03Z
	assert_line --index 1 "incomplete: 0; missed in 24 h: 2; not halted"
	assert_line "market-cycle-20240723-0200  missed"
	expect 0 tr-status market-cycle-20240722-2355
	assert_equal "$(jq -s -c '[.[0].type, .[0].seq, .[0].at, .[1].count]' <<<"$output")" \
		'["skipped_overlap",1,"2024-07-23T00:00:00Z",1]'
	expect 0 tr-status --text market-cycle-20240722-2355
	assert_line "market-cycle-20240722-2355  skipped_overlap"
	assert_line "  an earlier window still ran when its turn came"
	tr-cycle -q -w 2024-07-23T02:05Z
	expect 0 tr-status --text market-cycle-20240723-0200
	assert_line "  nothing ran in its five minutes; noticed when market-cycle-20240723-0205 began"
}

@test "times may be relative to now" {
	two_hours
	miss 2024-07-22T23:55 missed
	assert_equal "$(windows --since today | wc -w)" 20
	assert_equal "$(windows --since today -l 100 | wc -w)" 24
	assert_equal "$(windows --until today)" 2355
	assert_equal "$(windows --since yesterday -l 100 | wc -w)" 25
	assert_equal "$(windows --until yesterday)" ""
	assert_equal "$(windows --since -1h --until 2024-07-23T01:15Z)" "0110 0105"
	assert_equal "$(windows --since=-1d -l 100 | wc -w)" 25
	for bad in tomorrow -1 -h -1w --1h -1.5h -99999999999h -9223372036854775807d ''; do
		expect 64 tr-status --since="$bad"
		[[ $stderr == *"--since"* ]]
	done
}

@test "the history of a window is its events in order" {
	demo_race
	tr-cycle -q -w $W0
	for name in $ID0 $W0 2024-07-23T00:04Z latest; do
		expect 0 tr-status "$name"
		assert_equal "$(jq -r -s '[.[:-1][] | .type + " " + (.stage // "-")] | join(",")' <<<"$output")" \
			"started -,completed ingest,completed settle,completed pre,completed decide,completed trade,completed post,sealed -"
	done
	assert_equal "$(jq -s -c '[.[:-1][].seq]' <<<"$output")" '[1,2,3,4,5,6,7,8]'
	assert_equal "$(jq -s -c '.[-1]' <<<"$output")" \
		"{\"schema\":\"tr.end/1\",\"window\":\"$ID0\",\"count\":8}"
	assert_equal "$(jq -s -r '.[1].input' <<<"$output")" \
		"$(sqlite3 race.db "SELECT lower(hex(input)) FROM events WHERE stage = 'ingest'")"
	tr-cycle -q -w $W1
	expect 0 tr-status -w -1
	assert_equal "$(jq -s -r '.[0].window' <<<"$output")" $ID0
	expect 0 tr-status -- -1
	assert_equal "$(jq -s -r '.[0].window' <<<"$output")" $ID0
	expect 0 tr-status --text $ID0
	assert_line --regexp "^$ID0  completed +6/6"
	assert_line --regexp '^   2  20[0-9T:.-]+Z +completed +ingest  6 of 6 prices$'
}

@test "text is made harmless for a terminal" {
	demo_race
	tr-ingest -q -w $W0
	sqlite3 race.db "INSERT INTO events SELECT window_ms, max(seq) + 1, 'failed', 'pre', NULL,
		'a' || char(27) || '[31m' || char(10) || 'b', 0 FROM events"
	tr-status --text >text
	grep -qx '  failure: a \[31m b' text
	tr-status --text latest >text
	run ! grep -q $'\033' text
	# in JSON it is what it was
	assert_equal "$(status | jq -r '.[0].failure')" $'a\033[31m\nb'
}

@test "a halt is shown with its reason" {
	demo_race
	tr-halt -r "fat finger"
	expect 0 tr-status --text
	assert_line --index 1 "incomplete: 0; missed in 24 h: 0; halted by operator: fat finger"
	tr-halt --release
	expect 0 tr-status --text
	assert_line --index 1 "incomplete: 0; missed in 24 h: 0; not halted"
}

@test "text goes to a terminal, JSON lines elsewhere" {
	command -v script >/dev/null || skip "script is not here"
	demo_race
	expect 0 script -qec "tr-status" /dev/null
	assert_output --partial "no window has begun"
	expect 0 script -qec "tr-status --json" /dev/null
	assert_output --partial '"schema":"tr.end/1"'
}

@test "mistakes are refused with status 64, unknown windows with 66, and nothing is printed" {
	demo_race
	tr-cycle -q -w $W0
	before=$(state)
	for args in "--json --text" "--failed --state failed" "--state done" "--limit 0" \
		"--limit 10001" "--page 0" "--page 1000001" "a b" "latest --failed" \
		"-w latest latest" "latest --limit 3" "--since"; do
		# shellcheck disable=SC2086
		expect 64 tr-status $args
		assert_output ""
	done
	expect 64 tr-status --state complete
	[[ $stderr == *"did you mean completed?"* ]]
	expect 66 tr-status $ID3
	assert_output ""
	[[ $stderr == *"has not begun"* ]]
	expect 66 tr-status --text $ID3
	assert_output ""
	# the same words as those of tr-why
	tr-cycle -q -w 2024-07-23T00:20Z
	before=$(state)
	for args in "" --text; do
		# shellcheck disable=SC2086
		expect 66 tr-status $args $ID3
		assert_output ""
		assert_equal "$stderr" "tr-status: $ID3: nobody ran it, and market-cycle-20240723-0020 has begun: it cannot be run any more"
		[[ "$(tr-why window $ID3)" == *"${stderr##*"$ID3: "}"* ]]
		# shellcheck disable=SC2086
		expect 66 tr-status $args 2024-07-22T00:00Z
		[[ $stderr == *"lies before the first window of the race" ]]
	done
	expect 65 tr-status market-cycle-20240723-0003
	expect 66 tr-status -d absent.db
	expect 74 sh -c 'tr-status >/dev/full'
	assert_equal "$(state)" "$before"
}

@test "a year of windows is no obstacle" {
	demo_race
	tr-cycle -q -w $W0
	sqlite3 race.db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 105120)
		INSERT INTO cycles SELECT window_ms + i * 300000, NULL, pin, 0, 0, 'completed', 1, 0, 0
		FROM cycles, n"
	expect 0 timeout 10 tr-status --text -l 2
	assert_line --index -1 "more with --page 2"
	expect 0 timeout 10 tr-status -l 1 -p 105121
	assert_equal "$(jq -s -r '.[0].window' <<<"$output")" $ID0
	assert_equal "$(jq -s -c '.[-1].more' <<<"$output")" false
}
