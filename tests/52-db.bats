#!/usr/bin/env bats
# Backup, restore, drill and prune: a name is never that of half a file, and the books stay.
load helper

# An hour of a race in ./race.db.
hour() {
	demo_race
	tr-cycle -q --from 2024-07-23 --to 2024-07-23T01:00Z
}

# What lies in the directory.
names() {
	find . -maxdepth 1 -type f -printf '%f\n' | sort | tr '\n' ' '
}

# Turn one byte of a file inside out: flip FILE OFFSET.
flip() {
	python3 - "$1" "$2" <<-'END'
	import sys
	with open(sys.argv[1], "r+b") as f:
	    f.seek(int(sys.argv[2]))
	    byte = f.read(1)[0]
	    f.seek(int(sys.argv[2]))
	    f.write(bytes([255 - byte]))
	END
}

# A process that has the race open: holder; its end is the closing of fd 7.
holder() {
	coproc HOLD { sqlite3 race.db 2>/dev/null; }
	echo "BEGIN; SELECT count(*) FROM agents;" >&"${HOLD[1]}"
	read -r -u "${HOLD[0]}" _
}

@test "a backup is one private file that equals the race" {
	hour
	expect 0 tr-db backup copy.db
	[[ $output == "copy.db: "*" bytes, "*" trades, 12 seals, head "* ]]
	assert_equal "$(stat -c %a copy.db)" 600
	[ ! -e copy.db-wal ]
	[ ! -e copy.db-shm ]
	[ ! -e copy.db.lock ]
	[ ! -e copy.db.tmp ]
	assert_equal "$(state copy.db)" "$(state race.db)"
	expect 0 tr-audit -d copy.db
}

@test "a backup changes nothing in the race, and neither does a second one" {
	local before
	hour
	before=$(state)
	tr-db backup -q copy.db
	tr-db backup -q --force copy.db
	assert_equal "$(state)" "$before"
	assert_equal "$(state copy.db)" "$before"
}

@test "a file that is there is replaced with --force only" {
	hour
	echo mine >copy.db
	expect 65 tr-db backup copy.db
	[[ $stderr == *--force* ]]
	assert_equal "$(cat copy.db)" mine
	expect 0 tr-db backup --force copy.db
	assert_equal "$(state copy.db)" "$(state)"
}

@test "a race in use and the race itself are never overwritten by a backup" {
	local before
	hour
	tr-init other.db --quote USD
	before=$(sha256sum other.db)
	expect 65 tr-db backup --force other.db
	assert_equal "$(sha256sum other.db)" "$before"
	expect 65 tr-db backup --force race.db
	expect 65 tr-db backup --force ./../"${PWD##*/}"/race.db
	expect 0 tr-audit
}

@test "a directory that others can write to takes no backup" {
	hour
	mkdir -m 777 open
	expect 77 tr-db backup open/copy.db
	assert_equal "$(ls -A open)" ""
	expect 66 tr-db backup nowhere/copy.db
	ln -s race.db link.db
	expect 77 tr-db backup --force link.db
}

@test "a disk without room takes no half backup" {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a small file system"
	hour
	mkdir -m 700 small
	mount -t tmpfs -o size=200k,mode=700 tmpfs small 2>/dev/null || skip "cannot mount"
	run --separate-stderr tr-db backup small/copy.db
	local got=$status left
	left=$(ls -A small)
	umount small
	assert_equal "$got" 74
	assert_equal "$left" ""
}

@test "what a killed backup has left is no obstacle for the next one" {
	hour
	head -c 5000 /dev/urandom >copy.db.tmp
	echo x >copy.db.tmp-journal
	expect 0 tr-db backup copy.db
	assert_equal "$(names)" "copy.db race.db race.db-shm race.db-wal race.db.cycle race.db.heads race.db.lock "
}

@test "a backup that is killed anywhere leaves the old one" {
	local before
	hour
	tr-db backup -q copy.db
	before=$(sha256sum copy.db)
	tr-cycle -q -w 2024-07-23T01:00Z
	for call in fsync rename; do
		run strace -f -o /dev/null -e "inject=$call:signal=KILL:when=1" \
			tr-db backup --force copy.db
		[ "$status" -ne 0 ]
		assert_equal "$(sha256sum copy.db)" "$before"
	done
	expect 0 tr-db backup --force copy.db
	assert_equal "$(state copy.db)" "$(state)"
}

@test "one copy is made in a directory at a time" {
	hour
	exec 8<.
	flock 8
	expect 75 tr-db backup copy.db
	exec 8<&-
	expect 0 tr-db backup copy.db
}

@test "windows run while a race is backed up, and the copy is of one moment" {
	hour
	tr-cycle -q --from 2024-07-23T01:00Z --to 2024-07-23T02:00Z 3>&- &
	local pid=$!
	for nth in 1 2 3 4 5; do
		expect 0 tr-db backup "copy$nth.db"
		expect 0 tr-db check -d "copy$nth.db"
	done
	wait $pid
	expect 0 tr-audit
}

@test "a race whose books are wrong gives no backup" {
	hour
	sqlite3 race.db "UPDATE portfolios SET cash = cash + 1 WHERE agent_id =
		(SELECT id FROM agents WHERE name = 'trend')"
	expect 65 tr-db backup copy.db
	[[ $stderr == *audit*trend* ]]
	assert_equal "$(names)" "race.db race.db-shm race.db-wal race.db.cycle race.db.heads race.db.lock "
}

@test "restore puts a race where none is" {
	hour
	tr-db backup -q copy.db
	mkdir -m 700 new
	expect 0 tr-db restore copy.db -d new/race.db
	assert_equal "$(state new/race.db)" "$(state)"
	expect 0 tr-cycle -q -d new/race.db -w 2024-07-23T01:00Z
	[ ! -e new/race.db.before-restore ]
	[ ! -e copy.db-wal ]
}

@test "restore takes the place of a race with --force only, and keeps it" {
	local old new
	hour
	old=$(state)
	tr-db backup -q copy.db
	tr-cycle -q -w 2024-07-23T01:00Z
	new=$(state)
	expect 65 tr-db restore copy.db
	[[ $stderr == *before-restore* ]]
	assert_equal "$(state)" "$new"
	expect 0 tr-db restore --force copy.db
	assert_equal "$(state)" "$old"
	[ ! -e race.db.before-restore-wal ]
	assert_equal "$(state race.db.before-restore)" "$new"
	expect 0 tr-cycle -q -w 2024-07-23T01:00Z
	assert_equal "$(state)" "$new"
}

@test "a race that was kept is never overwritten by the next restore" {
	local before
	hour
	tr-db backup -q copy.db
	tr-db restore -q --force copy.db
	before=$(sha256sum race.db.before-restore)
	expect 65 tr-db restore --force copy.db
	assert_equal "$(sha256sum race.db.before-restore)" "$before"
}

@test "the log of the race that was replaced does not come back" {
	hour
	tr-db backup -q copy.db
	tr-cycle -q -w 2024-07-23T01:00Z
	[ -s race.db-wal ]
	tr-db restore -q --force --new-heads copy.db
	[ ! -s race.db-wal ]
	assert_equal "$(state)" "$(state copy.db)"
	expect 0 tr-db check
	# nor that of a race whose file was taken away
	tr-cycle -q -w 2024-07-23T01:00Z
	rm race.db
	expect 0 tr-db restore --new-heads copy.db
	expect 0 tr-db check
	assert_equal "$(state)" "$(state copy.db)"
}

# Restoring FILE fails with one of the statuses for bad input: refused FILE.
refused() {
	local got=0
	tr-db restore --force "$1" 2>error || got=$?
	grep -q "$1" error
	case $got in
	65 | 70 | 78) ;;
	*) return 1 ;;
	esac
}

@test "a damaged, foreign or missing backup is refused before anything is touched" {
	local before
	hour
	before=$(state)
	tr-db backup -q copy.db
	flip copy.db 40960
	refused copy.db
	tr-db backup -q --force copy.db
	truncate -s -4096 copy.db
	refused copy.db
	echo "not a database" >copy.db
	refused copy.db
	: >copy.db
	refused copy.db
	expect 66 tr-db restore --force nowhere.db
	expect 65 tr-db restore --force .
	expect 65 tr-db restore --force race.db
	assert_equal "$(state)" "$before"
	[ ! -e race.db.before-restore ]
	[ ! -e race.db.tmp ]
}

@test "a backup with books that are wrong is refused" {
	hour
	tr-db backup -q copy.db
	sqlite3 copy.db "PRAGMA journal_mode = DELETE; UPDATE portfolios SET cash = cash + 1" >/dev/null
	chmod 600 copy.db
	expect 65 tr-db restore --force copy.db
	[[ $stderr == *audit* ]]
	[ ! -e race.db.before-restore ]
}

@test "a race in use is no backup" {
	hour
	[ -s race.db-wal ]
	expect 65 tr-db restore race.db -d new.db
	[[ $stderr == *"tr-db backup"* ]]
	[ ! -e new.db ]
}

@test "restore waits for no tr-cycle" {
	local before
	hour
	tr-db backup -q copy.db
	before=$(state)
	exec 8<>race.db.cycle
	flock 8
	expect 75 tr-db restore --force copy.db
	[[ $stderr == *tr-cycle* ]]
	exec 8<&-
	assert_equal "$(state)" "$before"
	expect 0 tr-db restore --force copy.db
}

@test "restore does not pull the race from under another tool" {
	local before
	hour
	tr-db backup -q copy.db
	before=$(state)
	holder
	expect 75 tr-db restore --force copy.db
	[[ $stderr == *open* ]]
	echo ".quit" >&"${HOLD[1]}"
	wait "$HOLD_PID" || true
	assert_equal "$(state)" "$before"
	[ ! -e race.db.before-restore ]
	expect 0 tr-db restore --force copy.db
}

@test "a race that is damaged beyond opening is replaced and kept as it was" {
	local before
	hour
	tr-db backup -q copy.db
	tr-db checkpoint
	head -c 30000 /dev/zero | dd of=race.db conv=notrunc status=none
	before=$(sha256sum <race.db)
	expect 0 tr-db restore --force copy.db
	assert_equal "$(sha256sum <race.db.before-restore)" "$before"
	assert_equal "$(state)" "$(state copy.db)"
}

@test "a restore that is killed anywhere leaves a whole race, and is repeated" {
	local old new
	hour
	old=$(state)
	tr-db backup -q copy.db
	tr-cycle -q -w 2024-07-23T01:00Z
	new=$(state)
	for call in fsync link rename; do
		run strace -f -o /dev/null -e "inject=$call:signal=KILL:when=1" \
			tr-db restore --force copy.db
		[ "$status" -ne 0 ]
		assert_equal "$(state)" "$new"
	done
	expect 0 tr-db restore --force copy.db
	assert_equal "$(state)" "$old"
	assert_equal "$(state race.db.before-restore)" "$new"
}

@test "restoring an older race says that the head file knows what it has lost" {
	local heads
	hour
	tr-db backup -q copy.db
	tr-cycle -q -w 2024-07-23T01:00Z
	heads=$(cat race.db.heads)
	expect 0 tr-db restore --force copy.db
	assert_regex "$stderr" "head file, line 13: knows seal 13, the race ends with seal 12.*--new-heads"
	assert_equal "$(cat race.db.heads)" "$heads"
	expect 1 tr-audit
	assert_output "difference: head file, line 13: knows seal 13, the race ends with seal 12"
	expect 1 tr-db check
	# a race that takes another way from there is run, and never mixed into that file
	tr-config -q set trade.fee_bps 7
	expect 0 tr-cycle -q --from 2024-07-23T01:00Z --to 2024-07-23T01:20Z
	assert_regex "$stderr" "knows another seal 13 than the race"
	assert_equal "$(cat race.db.heads)" "$heads"
	expect 1 tr-audit
	assert_regex "$output" "head file, line 13: is not \"13 market-cycle-20240723-0100 [0-9a-f]{64}\""
	# a backup of it is sound, whatever that file says
	expect 0 tr-db backup two.db
}

@test "restore --new-heads keeps the head file under another name and begins one" {
	local heads
	hour
	tr-db backup -q copy.db
	tr-cycle -q -w 2024-07-23T01:00Z
	heads=$(cat race.db.heads)
	expect 0 tr-db restore --force --new-heads -t 2024-07-23T02:00Z copy.db
	assert_output --partial "race.db.heads.2024-07-23T02:00:00Z"
	[ -z "$stderr" ]
	assert_equal "$(cat race.db.heads.2024-07-23T02:00:00Z)" "$heads"
	assert_equal "$(cat race.db.heads)" "$(head -n 12 <<<"$heads")"
	expect 0 tr-audit
	expect 1 tr-audit --heads race.db.heads.2024-07-23T02:00:00Z
	# the same moment again would take the same name
	rm race.db.before-restore
	expect 65 tr-db restore --force --new-heads -t 2024-07-23T02:00Z copy.db
	assert_equal "$(cat race.db.heads.2024-07-23T02:00:00Z)" "$heads"
	expect 0 tr-audit
	expect 64 tr-db check --new-heads
}

@test "the drill restores a copy, compares it and leaves nothing" {
	local before
	hour
	before=$(state)
	expect 0 tr-db drill
	[[ $output == "ok: "*" rows, "* ]]
	assert_equal "$(names)" "race.db race.db-shm race.db-wal race.db.cycle race.db.heads race.db.lock "
	assert_equal "$(state)" "$before"
	expect 0 tr-db drill -q
	assert_output ""
}

@test "prune removes history and texts of old windows and nothing else" {
	local before
	hour
	before=$(state)
	tr-cycle -q -t 2024-09-01T00:00:20Z
	before=$(state)
	expect 0 tr-db prune --older-than 30d -t 2024-09-01T00:01Z --dry-run
	assert_output --regexp '^would prune 12 windows: 60 events, 4 texts, 0 calls, [0-9]+ bytes$'
	expect 0 tr-db prune --older-than 30d -t 2024-09-01T00:01Z
	assert_output --regexp '^pruned 12 windows: 60 events, 4 texts, 0 calls, [0-9]+ bytes$'
	assert_equal "$(state)" "$before"
	expect 0 tr-audit
	expect 0 tr-db check
	assert_equal "$(sqlite3 race.db "SELECT count(*), count(DISTINCT type) FROM events
		WHERE window_ms < 1725148800000")" "12|1"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM blobs')" 1
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM contexts')" 5
	expect 0 tr-db prune --older-than 30d -t 2024-09-01T00:01Z
	assert_output "pruned 0 windows: 0 events, 0 texts, 0 calls, 0 bytes"
}

@test "prune leaves what is younger, and windows that are not finished" {
	hour
	expect 0 tr-db prune --older-than 1h -t 2024-07-23T01:30Z
	assert_output --partial "pruned 6 windows"
	tr-ingest -w 2024-07-23T01:00Z >/dev/null
	expect 0 tr-db prune --older-than 0d -t 2025-07-23T01:30Z
	assert_output --partial "pruned 6 windows"
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM events WHERE window_ms =
		1000 * strftime('%s', '2024-07-23 01:00')")" 2
	expect 0 tr-cycle -q -w 2024-07-23T01:00Z
}

# call ID PURPOSE WINDOW AGENT RESERVED AT [COST]: an attempt, and with a cost its end
call() {
	sqlite3 race.db "INSERT INTO call_starts (id, purpose, window_ms, agent_id, provider, model, service,
			attempt, reserved, at_ms) VALUES ($1, '$2', 1000 * strftime('%s', '$3'), $4, 'kraken', '',
			'kraken', 1, $5, 1000 * strftime('%s', '$6'));
		INSERT INTO call_results (id, class, status, lost, cost, latency_ms, at_ms)
			SELECT $1, 'ok', 200, 0, '${7:-}', 5, 1000 * strftime('%s', '$6') WHERE '${7:-}' <> ''"
}

@test "prune removes old attempts of feeds that cost nothing, and no others" {
	local before cost
	hour
	call 1 ingest '2024-07-23 00:00' NULL 0 '2024-07-23 00:00' 0
	call 2 ingest '2024-07-23 00:05' NULL 0 '2024-07-23 00:05'
	call 3 ingest '2024-07-23 00:05' NULL 0 "$(date -ud '-1 day' '+%F %T')" 0
	call 4 ingest '2024-07-23 00:10' NULL 0 '2024-07-23 00:10' 7
	call 5 ingest '2024-07-23 00:10' NULL 9 '2024-07-23 00:10'
	call 6 decide '2024-07-23 00:15' 1 0 '2024-07-23 00:15' 0
	call 7 decide '2024-07-23 00:15' 1 900 '2024-07-23 00:15' 800
	call 8 ingest '2024-07-23 05:00' NULL 0 '2024-07-23 05:00' 0
	before=$(state)
	cost=$(tr-cost --since 2024-07-23 --until 2024-07-24 -j -t 2024-07-24T00:00Z)
	expect 0 tr-db prune --older-than 30d --dry-run
	assert_output --regexp '^would prune 12 windows: 60 events, [0-9]+ texts, 2 calls, [0-9]+ bytes$'
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM call_starts')" 8
	expect 0 tr-db prune --older-than 30d
	assert_output --regexp ', 2 calls, '
	assert_equal "$(sqlite3 race.db "SELECT group_concat(id) FROM (SELECT id FROM call_starts ORDER BY id)")" 3,4,5,6,7,8
	assert_equal "$(sqlite3 race.db "SELECT group_concat(id) FROM (SELECT id FROM call_results ORDER BY id)")" 3,4,6,7,8
	assert_equal "$(state)" "$before"
	assert_equal "$(tr-cost --since 2024-07-23 --until 2024-07-24 -j -t 2024-07-24T00:00Z)" "$cost"
	call 9 ingest '2024-07-23 00:20' NULL 0 '2024-07-23 00:20' 0
	expect 0 tr-db prune --older-than 30d
	assert_output --partial "pruned 1 windows: 0 events, 0 texts, 1 calls"
	expect 0 tr-db check
}

@test "the tools say the same of a pruned window as before" {
	hour
	tr-ingest -w 2024-07-23T00:15Z >ingest.before
	tr-context -w 2024-07-23T00:15Z trend >context.before
	tr-db prune -q --older-than 1d -t 2025-01-01
	expect 0 tr-ingest -w 2024-07-23T00:15Z
	assert_equal "$output" "$(cat ingest.before)"
	expect 0 tr-context -w 2024-07-23T00:15Z trend
	assert_equal "$output" "$(cat context.before)"
	expect 0 tr-cycle -w 2024-07-23T00:15Z
	assert_output --partial "finished already"
}

@test "commands refuse options and operands that are not theirs" {
	hour
	expect 64 tr-db
	expect 64 tr-db backup
	expect 64 tr-db backup a b
	expect 64 tr-db restore
	expect 64 tr-db drill now
	expect 64 tr-db prune
	expect 64 tr-db check --force
	expect 64 tr-db backup --older-than 1d copy.db
	for age in 0 d 3 -1d 1.5d 1w 40000d 99999999999999999999d '1 d' 1D; do
		expect 64 tr-db prune --older-than="$age"
	done
	[ ! -e copy.db ]
}
