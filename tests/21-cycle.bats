#!/usr/bin/env bats
# tr-cycle: one window, once, whatever happens to the process.

load helper

W0=2024-07-23T00:00Z
W1=2024-07-23T00:05Z

# The time of a window, counted from 2024-07-23.
window() {
	date -u -d "@$((1721692800 + $1 * 300))" +%Y-%m-%dT%H:%MZ
}

# A program that buys a little, to be killed along with the rest.
add_program() {
	printf '#!/bin/sh\nread -r line\necho %s\n' \
		"'{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"0.001\"}]}'" >agent.sh
	chmod 700 agent.sh
	tr-agent add prog --kind exec -d "$1" -- "$PWD/agent.sh"
}

# A program that reports its start and then waits, the first time; later ones answer at once.
add_slow_program() {
	cat >slow.sh <<-'EOF'
		#!/bin/sh
		read -r line
		here=$(dirname "$0")
		if [ ! -e "$here/started" ]; then
			touch "$here/started"
			sleep 30
		fi
		echo '{"orders":[]}'
	EOF
	chmod 700 slow.sh
	tr-agent add slow --kind exec --unconfined -d "$1" -- "$PWD/slow.sh"
}

wait_for_file() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ ! -e "$1" ] || return 0
		sleep 0.05
	done
	echo "$1 does not appear"
	return 1
}

same() {
	tr-db dump --logical -d "$1" >one.dump
	tr-db dump --logical -d "$2" >two.dump
	diff one.dump two.dump >difference || {
		head -c 3000 difference
		return 1
	}
}

# Thousandths from 0 to 999, the same ones every time.
RANDOM_STATE=20240723
next_random() {
	RANDOM_STATE=$(((RANDOM_STATE * 1103515245 + 12345) % 2147483648))
	REPLY=$((RANDOM_STATE / 65536 % 1000))
}

# A race in ${1} in which agents decide in every window.
busy_race() {
	tr-init "$1" --demo --quote USD -q
	tr-config set decide.every_min 5 -d "$1"
	add_program "$1"
}

# Every other window leaves its fills to the next one, so that all stages have something to do.
alternate() {
	export TR_TRADE_FILL=batch
	[ $(($1 % 2)) -eq 0 ] || TR_TRADE_FILL=next
}

# The undisturbed race of so many windows.
plain_race() {
	local k
	busy_race plain.db
	for ((k = 0; k < $1; k++)); do
		alternate "$k"
		tr-cycle -q -d plain.db -w "$(window "$k")"
	done
}

use_race() {
	export TR_DB=$PWD/$1
}

# How long a window of such a race takes here, in microseconds.
typical_us() {
	local from to
	busy_race typical.db
	from=${EPOCHREALTIME/./}
	tr-cycle -q -d typical.db --from "$W0" --to 2024-07-23T00:30Z
	to=${EPOCHREALTIME/./}
	REPLY=$(((to - from) / 6))
}

# For sleep and timeout.
seconds() {
	printf -v REPLY '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000))
}

# Run and kill after so many microseconds; 0 if it was killed before it ended.
kill_group() {
	local status=0
	seconds "$1"
	shift
	# the group, which is about to lose its timeout, would be reported by the shell
	{ timeout -s KILL "$REPLY" "$@" || status=$?; } 2>/dev/null
	[ "$status" -eq 137 ]
}

# The same, for the process alone: its children live on if they can.
kill_one() {
	local status=0 pid
	seconds "$1"
	shift
	"$@" 2>/dev/null 3>&- &
	pid=$!
	sleep "$REPLY"
	{ kill -KILL "$pid" && wait "$pid" || status=$?; } 2>/dev/null
	[ "$status" -eq 137 ]
}

# ---------------------------------------------------------------------- plain

@test "a window prints what it came to, and a finished one is left alone" {
	local before
	demo_race
	expect 0 tr-cycle -w "$W0"
	assert_output --regexp \
		'^market-cycle-20240723-0000: 6 of 6 prices, 8 decisions \(0 failed\), [0-9]+ trades, [0-9]+ ms$'
	before=$(state)
	expect 0 tr-cycle -w "$W0"
	assert_output --regexp '^market-cycle-20240723-0000: finished already: 6 of 6 prices, 8 dec'
	expect 0 tr-cycle -w "$W0" --json
	assert_equal "$(jq -c '[.schema, .window, .finished_already, .prices, .decisions, .failed,
		.snapshots]' <<<"$output")" \
		'["tr.cycle/1","market-cycle-20240723-0000",true,6,8,0,16]'
	expect 0 tr-cycle -q -w "$W0"
	assert_output ""
	assert_equal "$(state)" "$before"
	assert_equal "$(sqlite3 race.db 'SELECT attempts FROM cycles')" 1
}

@test "agents decide in the windows that decide.every_min names" {
	decisions() {
		expect 0 tr-cycle "$@" --json
		jq .decisions <<<"$output"
	}
	demo_race
	assert_equal "$(decisions -w 2024-07-23T14:05Z)" 0
	assert_equal "$(decisions -w 2024-07-23T14:10Z)" 0
	assert_equal "$(decisions -w 2024-07-23T14:15Z)" 8
	assert_equal "$(decisions -w 2024-07-23T14:20Z)" 0
	tr-config set decide.every_min 30
	assert_equal "$(decisions -w 2024-07-23T14:30Z)" 8
	assert_equal "$(decisions -w 2024-07-23T14:45Z)" 0
	tr-config set decide.every_min 1440
	assert_equal "$(decisions -w 2024-07-23T15:00Z)" 0
	assert_equal "$(decisions -w 2024-07-24T00:00Z)" 8
	tr-config set decide.every_min 5
	assert_equal "$(decisions -w 2024-07-24T00:05Z)" 8
}

@test "the window of a time decides, not the time" {
	demo_race
	expect 0 tr-cycle --now 2024-07-23T14:09:59Z --json
	assert_equal "$(jq -c '[.window, .decisions]' <<<"$output")" '["market-cycle-20240723-1405",0]'
	expect 0 tr-cycle --now 2024-07-23T14:19:59Z --json
	assert_equal "$(jq -c '[.window, .decisions]' <<<"$output")" '["market-cycle-20240723-1415",8]'
}

@test "the delay for venues is for the clock alone" {
	local now delay
	demo_race
	tr-config set window.settle_delay_s 240
	expect 0 timeout 20 tr-cycle --now 2024-07-23T14:15:00Z
	expect 0 timeout 20 tr-cycle -w 2024-07-23T14:20Z
	expect 0 timeout 20 tr-cycle --from 2024-07-23T14:25Z --to 2024-07-23T14:35Z
	now=$(($(date +%s) % 300))
	[ "$now" -lt 236 ] || skip "the window of the clock is nearly over"
	delay=$((now + 3))
	tr-config set window.settle_delay_s "$delay"
	expect 0 timeout 20 tr-cycle --json
	# waited for, but not while the window ran
	now=$(($(date +%s) % 300))
	[ "$now" -ge "$delay" ]
	[ "$(jq .took_ms <<<"$output")" -lt 2500 ]
}

@test "an agent that fails is status 3, and the window is finished all the same" {
	demo_race
	printf '#!/bin/sh\nexit 1\n' >bad.sh
	chmod 700 bad.sh
	tr-agent add bad --kind exec -- ./bad.sh
	expect 3 tr-cycle -w "$W0"
	assert_output --partial "9 decisions (1 failed)"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM seals')" 1
	expect 0 tr-cycle -w "$W0"
	expect 0 tr-cycle -w "$W1"
	expect 3 tr-cycle --from 2024-07-23T00:10Z --to 2024-07-23T00:30Z
	expect 0 tr-audit
}

# ---------------------------------------------------------------------- ranges

@test "a range runs its windows in order, without the last" {
	demo_race
	expect 0 tr-cycle --from "$W0" --to 2024-07-23T01:00Z
	assert_equal "$(sqlite3 race.db "SELECT count(*), min(window_ms), max(window_ms) FROM seals")" \
		"12|1721692800000|1721696100000"
	# a time within a window means the window
	expect 0 tr-cycle --from 2024-07-23T01:01Z --to 2024-07-23T01:05:01Z --json
	assert_equal "$(jq -r .window <<<"$output")" "market-cycle-20240723-0100
market-cycle-20240723-0105"
	expect 0 tr-audit
}

@test "a range equals its windows one by one" {
	local i
	demo_race a.db
	tr-cycle -q --from "$W0" --to 2024-07-23T02:00Z
	tr-init b.db --demo --quote USD -q
	for ((i = 0; i < 24; i++)); do
		tr-cycle -q -d b.db -w "$(window "$i")"
	done
	same a.db b.db
}

@test "a range goes on where it stopped, and is nothing when it is finished" {
	local before
	demo_race a.db
	tr-cycle -q --from "$W0" --to 2024-07-23T00:30Z
	# begun, but not finished
	tr-ingest -q -w 2024-07-23T00:30Z
	expect 0 tr-cycle --from "$W0" --to 2024-07-23T01:00Z
	before=$(state)
	expect 0 tr-cycle --from "$W0" --to 2024-07-23T01:00Z
	assert_equal "$(state)" "$before"
	tr-init b.db --demo --quote USD -q
	tr-cycle -q -d b.db --from "$W0" --to 2024-07-23T00:30Z
	tr-cycle -q -d b.db --from 2024-07-23T00:30Z --to 2024-07-23T01:00Z
	same a.db b.db
}

@test "a range that would begin a window too late is refused there" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:10Z
	expect 65 tr-cycle --from "$W0" --to 2024-07-23T00:20Z
	[[ $stderr == *"lies before"* ]]
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM cycles')" 1
}

# ---------------------------------------------------------------------- killed

@test "a window killed at any point and run again is what it would have been" {
	local at=0 n=0 how base
	busy_race killed.db
	use_race killed.db
	typical_us
	base=$REPLY
	while [ "$n" -lt 200 ]; do
		[ "$at" -lt 400 ] || {
			echo "only $n kills in $at windows"
			return 1
		}
		alternate "$at"
		for how in group one group; do
			next_random
			if "kill_$how" $((base * REPLY / 900)) tr-cycle -q -w "$(window "$at")"; then
				n=$((n + 1))
				base=$((base + base / 50))
			else
				# follows a machine that gets faster or less busy
				base=$((base - base / 25))
			fi
		done
		# what was killed while it started a stage lets go of the lock a moment later
		expect 0 tr-cycle -q --wait 10 -w "$(window "$at")"
		at=$((at + 1))
	done
	plain_race "$at"
	same killed.db plain.db
	expect 0 tr-audit
	expect 0 tr-db check
	# the kills did hit windows that had begun
	[ "$(sqlite3 killed.db 'SELECT count(*) FROM cycles WHERE attempts > 1')" -gt 20 ]
}

@test "a range killed at any point and run again is what it would have been" {
	local n base end
	busy_race killed.db
	use_race killed.db
	typical_us
	base=$REPLY
	end=$(window 36)
	for ((n = 0; n < 30; n++)); do
		next_random
		kill_group $((base * (1000 + REPLY) / 700)) tr-cycle -q --from "$W0" --to "$end" ||
			break
	done
	[ "$n" -gt 5 ]
	expect 0 tr-cycle -q --wait 10 --from "$W0" --to "$end"
	busy_race plain.db
	tr-cycle -q -d plain.db --from "$W0" --to "$end"
	same killed.db plain.db
	expect 0 tr-audit
}

@test "steps by hand, killed and repeated, give the same books" {
	local at n=0 step base
	busy_race killed.db
	use_race killed.db
	typical_us
	base=$REPLY
	for ((at = 0; at < 12; at++)); do
		alternate "$at"
		for step in tr-ingest "tr-trade --settle" tr-decide tr-trade tr-snapshot; do
			next_random
			# shellcheck disable=SC2086
			if kill_group $((base * REPLY / 2500)) $step -q -w "$(window "$at")"; then
				n=$((n + 1))
			fi
			# shellcheck disable=SC2086
			expect 0 $step -q -w "$(window "$at")"
		done
	done
	[ "$n" -gt 10 ]
	tr-cycle -q -w "$(window 11)"
	plain_race 12
	same killed.db plain.db
}

@test "SIGTERM ends a window with 143, and the next start completes it" {
	local pid status=0
	demo_race stopped.db
	add_slow_program stopped.db
	tr-cycle -q -w "$W0" 2>stderr 3>&- &
	pid=$!
	wait_for_file started
	kill -TERM "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" 143
	assert_equal "$(sqlite3 stopped.db 'SELECT count(*) FROM seals')" 0
	# nothing was stored for the program that was interrupted
	assert_equal "$(sqlite3 stopped.db "SELECT count(*) FROM decisions JOIN agents ON id = agent_id
		WHERE name = 'slow'")" 0
	expect 0 tr-cycle -w "$W0"
	tr-init plain.db --demo --quote USD -q
	add_slow_program plain.db
	tr-cycle -q -w "$W0" -d plain.db
	same stopped.db plain.db
}

@test "SIGINT ends a window with 130, and leaves no program behind" {
	local pid status=0
	demo_race stopped.db
	add_slow_program stopped.db
	# a job in the background of a script ignores it otherwise
	env --default-signal=INT tr-cycle -q -w "$W0" 2>stderr 3>&- &
	pid=$!
	wait_for_file started
	kill -INT "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" 130
	sleep 0.2
	run grep -lsF "$PWD/slow.sh" /proc/[0-9]*/cmdline
	assert_output ""
}

@test "SIGHUP ends a window with 129, or not at all where the caller ignores it" {
	local pid status=0
	demo_race stopped.db
	add_slow_program stopped.db
	tr-cycle -q -w "$W0" 2>stderr 3>&- &
	pid=$!
	wait_for_file started
	kill -HUP "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" 129
	sed -i 's/sleep 30/sleep 1/' slow.sh
	rm started
	nohup tr-cycle -q -w "$W0" >stdout 2>stderr 3>&- &
	pid=$!
	wait_for_file started
	kill -HUP "$pid"
	wait "$pid"
	assert_equal "$(sqlite3 stopped.db 'SELECT count(*) FROM seals')" 1
}

@test "SIGTERM ends a range between two windows" {
	local pid status=0
	demo_race stopped.db
	tr-cycle -q --from "$W0" --to 2024-09-23T00:00Z 2>stderr 3>&- &
	pid=$!
	sleep 0.5
	kill -TERM "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" 143
	local end
	end=$(sqlite3 stopped.db 'SELECT count(*) + 3 FROM seals')
	expect 0 tr-cycle -q --from "$W0" --to "$(window "$end")"
	tr-init plain.db --demo --quote USD -q
	tr-cycle -q -d plain.db --from "$W0" --to "$(window "$end")"
	same stopped.db plain.db
}

# ---------------------------------------------------------------------- many at once

# Twenty of a tool; every status must be among ${allowed}; $DONE counts those that were 0.
at_once() {
	local allowed=$1 i s pids=()
	shift
	for i in {1..20}; do
		"$@" >"out.$i" 2>"err.$i" 3>&- </dev/null &
		pids+=($!)
	done
	DONE=0
	for i in "${pids[@]}"; do
		s=0
		wait "$i" || s=$?
		[[ " $allowed " == *" $s "* ]] || {
			echo "status $s of $*"
			cat err.*
			return 1
		}
		[ "$s" -ne 0 ] || DONE=$((DONE + 1))
	done
}

@test "twenty tr-cycle on one window have one effect" {
	local w
	demo_race many.db
	add_program many.db
	for w in "$W0" "$W1" 2024-07-23T00:15Z; do
		at_once "0 75" tr-cycle -w "$w"
		[ "$DONE" -ge 1 ]
		assert_equal "$(grep -L 'another tr-cycle is running' err.* | wc -l)" "$DONE"
	done
	tr-init plain.db --demo --quote USD -q
	add_program plain.db
	for w in "$W0" "$W1" 2024-07-23T00:15Z; do
		tr-cycle -q -w "$w" -d plain.db
	done
	same many.db plain.db
	assert_equal "$(sqlite3 many.db 'SELECT count(*), max(attempts) FROM cycles')" "3|1"
}

@test "twenty tr-cycle that wait for each other all find the window finished" {
	demo_race
	at_once "0" tr-cycle -w "$W0" --wait 60
	assert_equal "$DONE" 20
	assert_equal "$(grep -l 'finished already' out.* | wc -l)" 19
}

@test "twenty of each step on one window have one effect and print the same" {
	local step w
	demo_race many.db
	for w in "$W0" "$W1" 2024-07-23T00:15Z; do
		for step in tr-ingest tr-decide tr-trade tr-snapshot; do
			at_once "0" "$step" -w "$w"
			assert_equal "$(sha256sum out.* | cut -d' ' -f1 | sort -u | wc -l)" 1
			[ -s out.1 ]
		done
		tr-cycle -q -w "$w"
	done
	tr-init plain.db --demo --quote USD -q
	for w in "$W0" "$W1" 2024-07-23T00:15Z; do
		tr-cycle -q -w "$w" -d plain.db
	done
	same many.db plain.db
}

@test "twenty tr-decide ask a program more than once at most, and store one answer" {
	demo_race many.db
	add_program many.db
	tr-ingest -q -w "$W0"
	at_once "0" tr-decide -w "$W0"
	assert_equal "$(sha256sum out.* | cut -d' ' -f1 | sort -u | wc -l)" 1
	assert_equal "$(sqlite3 many.db 'SELECT count(*) FROM decisions')" 9
}

@test "a second tr-cycle says who is running, and can wait" {
	local pid
	demo_race
	add_slow_program race.db
	sed -i 's/sleep 30/sleep 1/' slow.sh
	tr-cycle -q -w "$W0" 3>&- &
	pid=$!
	wait_for_file started
	expect 75 timeout 1 tr-cycle -w "$W0"
	assert_equal "$stderr" \
		"tr-cycle: another tr-cycle is running: market-cycle-20240723-0000 pid $pid"
	expect 75 timeout 1 tr-cycle --from "$W0" --to "$W1"
	expect 0 timeout 20 tr-cycle -w "$W0" --wait 15
	assert_output --partial "finished already"
	wait "$pid"
}

@test "waiting ends when its time is over" {
	demo_race
	tr-cycle -q -w "$W0"
	flock race.db.cycle sleep 3 3>&- &
	sleep 0.2
	expect 75 timeout 20 tr-cycle -w "$W1" --wait 1
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM cycles')" 1
	expect 0 timeout 20 tr-cycle -w "$W1" --wait 15
	wait
}

@test "a stage that was done under another input is 65 and names both, whoever is asked" {
	local stage other pin before
	other=$(printf 5a%.0s {1..32})
	for stage in ingest settle pre decide trade post; do
		rm -f race.db*
		demo_race
		tr-cycle -q -w $W0
		tr-ingest -q -w 2024-07-23T00:15Z
		tr-decide -q -w 2024-07-23T00:15Z
		tr-trade -q -w 2024-07-23T00:15Z
		tr-snapshot -q -w 2024-07-23T00:15Z
		sqlite3 race.db "DROP TRIGGER events_update; UPDATE events SET input = x'$other'
			WHERE stage = '$stage' AND window_ms = (SELECT max(window_ms) FROM cycles)"
		assert_equal "$(sqlite3 race.db "SELECT count(*) FROM events WHERE input = x'$other'")" 1
		pin=$(sqlite3 race.db 'SELECT lower(hex(pin)) FROM cycles ORDER BY window_ms DESC LIMIT 1')
		before=$(sqlite3 race.db .dump | sha256sum)
		for tool in tr-ingest "tr-trade --settle" "tr-snapshot --phase=pre" tr-decide tr-trade \
			"tr-snapshot --phase=post" tr-cycle "tr-cycle --dry-run"; do
			# shellcheck disable=SC2086
			expect 65 $tool -w 2024-07-23T00:15Z
			assert_output ""
			[[ $stderr == *"market-cycle-20240723-0015: stage $stage was done under $other"*$pin* ]]
		done
		assert_equal "$(sqlite3 race.db .dump | sha256sum)" "$before"
		# others can look at it, and later windows go on
		expect 0 tr-status 2024-07-23T00:15Z
		expect 0 tr-cycle -q -w 2024-07-23T00:20Z
	done
}
