#!/usr/bin/env bats
# Full disks, closed descriptors, locks that others hold, files that cannot be written: exact
# statuses, and a state that is either what it was or complete.

load helper

W0=2024-07-23T00:00Z
W1=2024-07-23T00:05Z

full() {
	"$@" >/dev/full
}

no_stdin() {
	"$@" <&-
}

no_stdout() {
	"$@" >&-
}

nothing_open() {
	"$@" <&- >&- 2>&-
}

# Root, but without the power to pass over permission bits.
unprivileged() {
	command -v setpriv >/dev/null || skip "no setpriv"
	setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all "$@"
}

# Whether somebody holds the writers' lock.
locked() {
	! flock -n race.db.lock true
}

# A candle file whose import takes a while.
long_file() {
	awk -v n="$1" 'BEGIN {
		print "asset,quote,open_time_utc,interval_s,open,high,low,close,volume"
		for (i = 0; i < n; i++)
			printf "BTC,USD,%s,300,100,101,99,100,1\n",
				strftime("%Y-%m-%dT%H:%M:%SZ", 1609459200 + i * 300, 1)
	}' >long.csv
}

# Start an import in ${IMPORT} and stop it while it holds the lock.
stop_import() {
	local try k
	long_file 60000
	for try in {1..10}; do
		tr-ingest -q --import long.csv --source "long$try" 2>import.err 3>&- &
		IMPORT=$!
		for ((k = 0; k < 500; k++)); do
			locked && break
		done
		kill -STOP "$IMPORT"
		! locked || return 0
		kill -CONT "$IMPORT"
		wait "$IMPORT"
	done
	echo "no import was caught with the lock"
	return 1
}

# ---------------------------------------------------------------------- output

@test "a reader's tool that cannot print says so with 74" {
	local tool before
	demo_race
	tr-cycle -q -w "$W0"
	before=$(state)
	for tool in "tr-agent list" "tr-agent list --json" "tr-agent show trend" \
		"tr-agent strategies" "tr-asset list" "tr-asset show BTC" "tr-config list" \
		"tr-config get trade.fee_bps" "tr-config explain" "tr-config export" \
		"tr-board" "tr-board --json" "tr-board --csv" "tr-portfolio trend" \
		"tr-context trend" "tr-audit" "tr-db dump --logical" "tr-db check" \
		"tr-cycle -w $W0" "tr-cycle --help" "tr-ingest --version"; do
		# shellcheck disable=SC2086
		expect 74 full $tool
		[ -n "$stderr" ]
		# shellcheck disable=SC2086
		expect 74 no_stdout $tool
	done
	assert_equal "$(state)" "$before"
}

@test "a step that cannot print has done its work, and prints it the next time" {
	local step fault before
	for fault in full no_stdout; do
		rm -f race.db*
		demo_race
		tr-init plain.db --demo --quote USD -q
		for step in tr-ingest "tr-trade --settle" tr-decide tr-trade tr-snapshot; do
			# shellcheck disable=SC2086
			expect 74 "$fault" $step -w "$W0"
			# shellcheck disable=SC2086
			$step -w "$W0" -d plain.db >plain.out
			before=$(state)
			assert_equal "$before" "$(state plain.db)"
			# shellcheck disable=SC2086
			expect 0 $step -w "$W0"
			assert_equal "$output" "$(cat plain.out)"
			assert_equal "$(state)" "$before"
		done
		rm -f plain.db*
	done
}

@test "tr-cycle that cannot print has finished its window" {
	demo_race
	tr-init plain.db --demo --quote USD -q
	tr-cycle -q -w "$W0" -d plain.db
	expect 74 full tr-cycle -w "$W0"
	assert_equal "$(state)" "$(state plain.db)"
	expect 0 tr-cycle -w "$W0"
	assert_output --partial "finished already"
}

@test "a tool that has nothing to print does not mind" {
	demo_race
	expect 0 full tr-cycle -q -w "$W0"
	expect 0 full tr-ingest -q -w "$W1"
	expect 0 no_stdout tr-config set trade.fee_bps 5
	expect 0 full tr-agent pause trend
}

@test "other writers that cannot print are done or not done, never half" {
	demo_race
	expect 74 full tr-init other.db --demo --quote USD
	assert_equal "$(state other.db)" "$(state)"
	expect 74 full tr-agent set trend fast=12
	expect 0 tr-agent set trend fast=12
	assert_output "trend: version 2, unchanged"
	tr-agent add me --kind manual
	tr-ingest -q -w "$W0"
	echo '{"orders":[{"asset":"BTC","side":"buy","quantity":"0.1"}]}' >answer
	expect 74 full tr-trade --agent me <answer
	expect 0 tr-trade --agent me <answer
	assert_output --partial "queued already"
}

@test "an import that cannot report is complete" {
	demo_race
	long_file 100
	expect 74 full tr-ingest --import long.csv
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM candles JOIN sources ON id = source_id
		WHERE name = 'import'")" 100
	expect 0 tr-ingest --import long.csv
	assert_output --partial "nothing new"
}

# ---------------------------------------------------------------------- descriptors

@test "a closed standard input is none" {
	demo_race
	expect 0 no_stdin tr-ingest -w "$W0"
	expect 0 no_stdin tr-decide
	assert_equal "$(tail -n 1 <<<"$output" | jq -c '[.window, .count]')" \
		'["market-cycle-20240723-0000",8]'
	expect 0 no_stdin tr-trade
	expect 0 no_stdin tr-snapshot
	tr-init plain.db --demo --quote USD -q
	tr-cycle -q -w "$W0" -d plain.db
	tr-cycle -q -w "$W0"
	assert_equal "$(state)" "$(state plain.db)"
	expect 64 no_stdin tr-config import
}

@test "with all descriptors closed the database is not written to by accident" {
	local step
	demo_race
	for step in tr-ingest tr-decide tr-trade tr-snapshot tr-cycle; do
		expect 74 nothing_open "$step" -w "$W0"
	done
	# a message has nowhere to go either
	expect 66 nothing_open tr-agent show nobody
	expect 64 nothing_open tr-agent frob
	expect 0 tr-db check
	tr-init plain.db --demo --quote USD -q
	tr-cycle -q -w "$W0" -d plain.db
	assert_equal "$(state)" "$(state plain.db)"
}

@test "a directory as standard input is no stream" {
	local before
	demo_race
	tr-ingest -q -w "$W0"
	before=$(state)
	expect 74 tr-decide <.
	expect 74 tr-trade <.
	assert_equal "$(state)" "$before"
}

# ---------------------------------------------------------------------- locks

@test "a database that another process writes to is 75 after five seconds; reading goes on" {
	local before pid ms
	demo_race
	tr-ingest -q -w "$W0"
	before=$(state)
	flock race.db.lock sleep 12 3>&- &
	sleep 0.2
	# two writers wait at the same time
	tr-config set trade.fee_bps 5 2>config.err 3>&- &
	pid=$!
	ms=${EPOCHREALTIME/./}
	expect 75 tr-decide -w "$W0"
	ms=$(((${EPOCHREALTIME/./} - ms) / 1000))
	[[ $stderr == *busy* ]]
	[ "$ms" -ge 4500 ]
	[ "$ms" -le 11000 ]
	local status=0
	wait "$pid" || status=$?
	assert_equal "$status" 75
	# still locked
	locked
	expect 0 timeout 1 tr-agent list
	expect 0 timeout 1 tr-board
	assert_equal "$(state)" "$before"
	wait
	expect 0 tr-decide -w "$W0"
}

@test "a lock that ends in time is waited for" {
	demo_race
	flock race.db.lock sleep 1.5 3>&- &
	sleep 0.2
	expect 0 tr-ingest -w "$W0"
	expect 0 tr-decide -w "$W0"
	wait
}

@test "a lock file that was removed and made anew is no lock for who still waits at it" {
	local status=0
	demo_race
	exec 8<>race.db.lock
	flock 8
	tr-config set trade.fee_bps 5 2>config.err 3>&- 8>&- &
	sleep 0.3
	rm race.db.lock
	: >race.db.lock
	exec 9<>race.db.lock
	flock 9
	# the writer gets the lock that nobody else looks at any more
	exec 8<&-
	sleep 0.3
	expect 0 tr-config get trade.fee_bps
	assert_output 10
	exec 9<&-
	wait "$!" || status=$?
	assert_equal "$status" 0
	expect 0 tr-config get trade.fee_bps
	assert_output 5
}

@test "a lock of tr-cycle that others can write to is 77" {
	demo_race
	tr-cycle -q -w "$W0"
	chmod 620 race.db.cycle
	expect 77 tr-cycle -w 2024-07-23T00:05Z
	[[ $stderr == *"race.db.cycle: is open to others"* ]]
	chmod 600 race.db.cycle
	expect 0 tr-cycle -q -w 2024-07-23T00:05Z
}

@test "a writer that was stopped blocks others for five seconds, and no longer than it lives" {
	demo_race
	stop_import
	expect 75 tr-config set trade.fee_bps 5
	expect 0 timeout 2 tr-config get trade.fee_bps
	assert_output 10
	kill -CONT "$IMPORT"
	wait "$IMPORT"
	expect 0 tr-config set trade.fee_bps 5
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM candles JOIN sources ON id = source_id
		WHERE name LIKE 'long%' GROUP BY name" | sort -u)" 60000
	expect 0 tr-db check
}

@test "a writer that was stopped and killed leaves nothing behind" {
	local before
	demo_race
	before=$(state)
	stop_import
	kill -KILL "$IMPORT"
	{ wait "$IMPORT" || :; } 2>/dev/null
	expect 0 timeout 2 tr-config set trade.fee_bps 5
	tr-config unset trade.fee_bps
	# imports that were not caught before are whole
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM candles GROUP BY source_id
		HAVING count(*) <> 60000")" ""
	expect 0 tr-db check
	[ -n "$before" ]
}

# ---------------------------------------------------------------------- files

@test "in a directory that cannot be written, what needs no new file works" {
	local before
	mkdir -m 700 dir
	tr-init dir/race.db --demo -q
	tr-ingest -q -w "$W0" -d dir/race.db
	before=$(state dir/race.db)
	chmod 500 dir
	expect 0 unprivileged tr-agent list -d dir/race.db
	# its lock is a file that is not there yet
	expect 77 unprivileged tr-cycle -w "$W0" -d dir/race.db
	expect 77 unprivileged tr-init dir/new.db
	chmod 700 dir
	assert_equal "$(state dir/race.db)" "$before"
	[ ! -e dir/new.db ]
	expect 0 tr-cycle -w "$W0" -d dir/race.db
}

@test "a directory that cannot be searched is 77" {
	mkdir -m 700 dir
	tr-init dir/race.db --demo -q
	chmod 000 dir
	expect 77 unprivileged tr-agent list -d dir/race.db
	chmod 700 dir
}

@test "a lock file that cannot be written is 77" {
	local before
	demo_race
	before=$(state)
	chmod 400 race.db.lock
	expect 77 unprivileged tr-config set trade.fee_bps 5
	chmod 600 race.db.lock
	assert_equal "$(state)" "$before"
}

@test "a file that ends too early is an internal error, not a crash" {
	demo_race
	tr-cycle -q --from "$W0" --to 2024-07-23T01:00Z
	tr-db checkpoint
	truncate -s 20480 race.db
	expect 70 tr-db dump --logical
	run --separate-stderr tr-db check
	[ "$status" -eq 1 ] || [ "$status" -eq 70 ]
	expect 70 tr-cycle -w 2024-07-23T01:00Z
}

@test "no room for the log is 74, and the state is what it was" {
	local before
	demo_race
	tr-cycle -q -w "$W0"
	tr-db checkpoint
	before=$(state)
	# a limit on the size of files stands for a full disk
	run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 16; exec tr-ingest -w '"$W1"
	[ "$status" -eq 74 ] || {
		echo "status $status: $stderr"
		return 1
	}
	assert_equal "$(state)" "$before"
	expect 0 tr-db check
	expect 0 tr-cycle -w "$W1"
}
