#!/usr/bin/env bats
# The file of a race: how it comes into being, what tr-init leaves alone, and which files no
# tool touches.

load helper

# A file that SQLite, but no tool of ours, made.
foreign_file() {
	sqlite3 "$1" 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'
	chmod 600 "$1"
}

# Every file beside the race with its mode.
modes() {
	stat -c '%a %n' race.db* | sort
}

# Root, but without the power to pass over permission bits.
unprivileged() {
	setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all "$@"
}

@test "tr-init creates a race with the four baselines" {
	expect 0 tr-init race.db
	assert_output "race.db: created"
	assert_equal "$stderr" ""
	expect 0 tr-agent list --names -d race.db
	assert_output "buy-and-hold
cash
equal-weight
random"
	expect 0 tr-asset list -d race.db
	assert_output ""
	expect 0 tr-config get race.quote -d race.db
	assert_output USD
	expect 0 tr-db check -d race.db
}

@test "tr-init --demo adds six assets and four strategies" {
	expect 0 tr-init race.db --demo
	expect 0 tr-agent list --names -d race.db
	assert_equal "${lines[*]}" \
		"buy-and-hold cash equal-weight momentum random reversion rsi trend"
	expect 0 tr-asset list --names -d race.db
	assert_equal "${lines[*]}" "ADA BTC DOGE ETH SOL XRP"
	# the strategies are no yardsticks
	expect 0 tr-agent list -d race.db
	assert_equal "$(grep -c '(baseline)' <<<"$output")" 4
}

@test "tr-init --bare adds nothing" {
	expect 0 tr-init race.db --bare
	expect 0 tr-agent list -d race.db
	assert_output ""
	expect 0 tr-asset list -d race.db
	assert_output ""
	expect 64 tr-init other.db --bare --demo
	[ ! -e other.db ]
}

@test "tr-init a second time changes nothing and says so" {
	local before
	tr-init race.db --demo --quote USD
	before=$(state race.db)
	expect 0 tr-init race.db --demo --quote USD
	assert_output "race.db: is a race database already"
	assert_equal "$(state race.db)" "$before"
	expect 0 tr-init race.db
	assert_equal "$(state race.db)" "$before"
	expect 0 tr-init race.db -q
	assert_output ""
}

@test "tr-init in a race that has run changes nothing" {
	local before
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	before=$(state)
	expect 0 tr-init race.db --demo
	assert_equal "$(state)" "$before"
}

@test "tr-init leaves alone what its owner changed" {
	local before
	demo_race
	tr-agent set trend fast=12 -q
	tr-agent set random rate_per_day=2 -q
	tr-asset set BTC --feed sim:70000
	tr-config set trade.fee_bps 5
	before=$(state)
	expect 0 tr-init race.db --demo
	expect 0 tr-init race.db
	assert_equal "$(state)" "$before"
}

@test "tr-init killed at any point is completed by the next one" {
	local i want
	tr-init want.db --demo --quote EUR -q
	want=$(state want.db)
	for i in {1..25}; do
		# -f: the file may have been created or not
		rm -f race.db*
		timeout -s KILL "$(printf '0.%03d' "$i")" tr-init race.db --demo --quote EUR -q || :
		expect 0 tr-init race.db --demo --quote EUR
		assert_equal "$(state race.db)" "$want"
	done
}

@test "tr-init completes a bare race" {
	tr-init race.db --bare
	expect 0 tr-init race.db --demo
	assert_output "race.db: is a race database already"
	tr-init other.db --demo
	assert_equal "$(state race.db)" "$(state other.db)"
}

@test "two fresh races of one kind are equal, whenever they were made" {
	tr-init a.db --demo -t 2020-01-01T00:00Z
	tr-init b.db --demo
	assert_equal "$(state a.db)" "$(state b.db)"
	tr-init c.db --demo --quote EUR
	[ "$(state c.db)" != "$(state a.db)" ]
}

@test "twenty tr-init at once make one race" {
	local i pids bad
	tr-init other.db --demo --quote EUR
	for _ in {1..10}; do
		rm -f race.db* out*
		pids=() bad=0
		for i in {1..20}; do
			tr-init race.db --demo --quote EUR >"out$i" 2>&1 3>&- &
			pids+=($!)
		done
		for i in "${pids[@]}"; do
			wait "$i" || bad=$((bad + 1))
		done
		[ "$bad" -eq 0 ] || cat out* >&2
		assert_equal "$bad" 0
		assert_equal "$(cat out* | grep -c created)" 1
		assert_equal "$(state race.db)" "$(state other.db)"
	done
}

@test "the currency is upper-case, and a wrong one leaves no race behind" {
	local q
	for q in usd U\$D '' 'US D' "$(printf 'A%.0s' {1..17})"; do
		expect 65 tr-init race.db --quote "$q"
		[[ $stderr == *race.quote* ]]
	done
	[ ! -e race.db ]
	expect 0 tr-init race.db --quote EUR
	expect 0 tr-config get race.quote -d race.db
	assert_output EUR
}

@test "another currency is refused once there are assets that are priced in the first" {
	local before
	demo_race
	before=$(state)
	expect 65 tr-init race.db --quote EUR
	assert_equal "$(state)" "$before"
}

@test "an empty file becomes a race" {
	: >race.db
	expect 0 tr-init race.db
	assert_output "race.db: created"
	tr-init other.db
	assert_equal "$(state race.db)" "$(state other.db)"
}

@test "a database of something else is refused and left as it was" {
	foreign_file race.db
	cp race.db copy
	expect 78 tr-init race.db
	[[ $stderr == *"is no race database"* ]]
	expect 78 tr-agent list -d race.db
	expect 78 tr-cycle -d race.db -w 2024-07-23T00:00Z
	cmp race.db copy
}

@test "a file of bytes is refused and left as it was" {
	head -c 8192 </dev/zero | tr '\0' x >race.db
	cp race.db copy
	expect 78 tr-init race.db
	expect 78 tr-agent list -d race.db
	expect 78 tr-ingest -d race.db -w 2024-07-23T00:00Z
	cmp race.db copy
	# shorter than the header of a database
	echo hello >race.db
	expect 78 tr-init race.db
	expect 78 tr-agent list -d race.db
	assert_equal "$(cat race.db)" hello
}

@test "a newer schema is refused by every tool, which names both versions" {
	local tool
	demo_race
	tr-db checkpoint
	sqlite3 race.db 'PRAGMA user_version = 99'
	for tool in "tr-init race.db" "tr-agent list" "tr-asset list" "tr-config list" "tr-board" \
		"tr-ingest -w 2024-07-23T00:00Z" "tr-cycle -w 2024-07-23T00:00Z" \
		"tr-decide -w latest" "tr-trade -w latest" "tr-snapshot -w latest" \
		"tr-audit" "tr-halt" "tr-portfolio cash" "tr-context cash" "tr-db dump --logical"; do
		# shellcheck disable=SC2086
		expect 78 $tool
		[[ $stderr == *"schema version 99"*"up to 2"* ]]
		assert_equal "$output" ""
	done
	sqlite3 race.db 'PRAGMA user_version = 2'
	expect 0 tr-agent list
}

@test "a schema without a version is refused" {
	local v
	demo_race
	tr-db checkpoint
	for v in 0 -1; do
		sqlite3 race.db "PRAGMA user_version = $v"
		expect 78 tr-agent list
		expect 78 tr-init race.db
		[[ $stderr == *"schema version $v"* ]]
	done
}

@test "a file that others can read or write is refused until it is closed to them" {
	local mode
	demo_race
	for mode in 644 640 604 660 666 601; do
		chmod "$mode" race.db
		expect 77 tr-agent list
		[[ $stderr == *"mode $mode"*"chmod 600"* ]]
		expect 77 tr-init race.db
	done
	chmod 600 race.db
	expect 0 tr-agent list
}

@test "the files beside the race are held to the same" {
	local f
	demo_race
	for f in race.db-wal race.db-shm race.db.lock; do
		chmod 644 "$f"
		expect 77 tr-agent list
		[[ $stderr == *"$f"* ]]
		chmod 600 "$f"
	done
	expect 0 tr-agent list
}

@test "a directory that others can write to is refused" {
	local mode
	mkdir -m 700 open
	tr-init open/race.db
	for mode in 777 720 702; do
		chmod "$mode" open
		expect 77 tr-agent list -d open/race.db
		expect 77 tr-init open/new.db
	done
	[ ! -e open/new.db ]
	# as in /tmp, others cannot replace our files there
	chmod 1777 open
	expect 0 tr-agent list -d open/race.db
}

@test "a symbolic link in the place of a race is refused, one on the way is not" {
	demo_race
	ln -s race.db link.db
	expect 77 tr-agent list -d link.db
	expect 77 tr-init link.db
	ln -s absent.db dangling.db
	expect 77 tr-init dangling.db
	[ ! -e absent.db ]
	mkdir -m 700 real
	ln -s real way
	expect 0 tr-init way/race.db
	[ -f real/race.db ]
}

@test "a symbolic link in the place of a file beside the race is refused" {
	demo_race
	tr-db checkpoint
	rm race.db.lock
	ln -s victim race.db.lock
	expect 77 tr-agent list
	[ ! -e victim ]
}

@test "a missing directory, a missing file and a directory as file have statuses of their own" {
	expect 66 tr-init absent/race.db
	[[ $stderr == *"directory absent"* ]]
	expect 66 tr-agent list -d absent/race.db
	expect 66 tr-agent list -d race.db
	[[ $stderr == *"tr-init creates one"* ]]
	[ ! -e race.db ]
	: >plain
	expect 66 tr-init plain/race.db
	mkdir dir
	expect 65 tr-init dir
	[[ $stderr == *"no regular file"* ]]
	expect 65 tr-agent list -d dir
	mkfifo fifo
	expect 65 tr-agent list -d fifo
	expect 64 tr-init ''
	expect 64 tr-init .
}

@test "no tool creates a race by opening one" {
	local tool
	for tool in "tr-agent list" "tr-asset list" "tr-config list" "tr-ingest" "tr-decide" \
		"tr-trade" "tr-snapshot" "tr-cycle" "tr-board" "tr-audit" "tr-halt" \
		"tr-portfolio cash" "tr-context cash" "tr-db check"; do
		# shellcheck disable=SC2086
		expect 66 $tool
	done
	assert_equal "$(ls -A)" ""
}

@test "all files of a race are the owner's alone" {
	umask 000
	tr-init race.db --demo
	tr-cycle -q -d race.db -w 2024-07-23T00:00Z
	assert_equal "$(modes)" "600 race.db
600 race.db-shm
600 race.db-wal
600 race.db.cycle
600 race.db.heads
600 race.db.lock"
}

@test "TR_DB names the race, and -d counts more" {
	export TR_DB=$PWD/one.db
	expect 0 tr-init -q
	[ -f one.db ]
	[ ! -e race.db ]
	tr-agent add mine --kind manual
	expect 0 tr-init two.db -q
	expect 0 tr-agent list --names -d two.db
	refute_line mine
	expect 0 tr-agent list --names
	assert_line mine
	# an empty one is none
	TR_DB='' expect 66 tr-agent list
	unset TR_DB
	mv one.db race.db
	mv one.db-wal race.db-wal
	expect 0 tr-agent list --names
	assert_line mine
	expect 64 tr-agent list -d ''
}

@test "a file that cannot be written is refused before anything is done" {
	local before
	command -v setpriv >/dev/null || skip "no setpriv"
	demo_race
	before=$(state)
	chmod 400 race.db
	expect 77 unprivileged tr-agent add mine --kind manual
	expect 77 unprivileged tr-ingest -w 2024-07-23T00:00Z
	expect 77 unprivileged tr-init race.db
	chmod 600 race.db
	assert_equal "$(state)" "$before"
}

@test "too many operands are a mistake of the caller" {
	expect 64 tr-init a.db b.db
	expect 64 tr-init a.db -- b.db
	assert_equal "$(ls -A)" ""
}
