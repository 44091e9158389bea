#!/usr/bin/env bats
# Races of older schemas: refused by every tool but tr-init, which brings them to this one.
load helper

old_race() {
	gzip -dc "$TOP/tests/fixtures/golden/race-1.db.gz" >"$1"
	chmod 600 "$1"
}

schema_of() {
	sqlite3 "$1" 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2'
}

@test "a race of an older schema is refused with the command that migrates it, and untouched" {
	old_race race.db
	before=$(sha256sum <race.db)
	for tool in "tr-cycle" "tr-status" "tr-board" "tr-audit" "tr-config list" "tr-db check"; do
		# shellcheck disable=SC2086
		expect 78 $tool -d race.db
		[[ $stderr == *"schema version 1"*"tr-init"* ]]
	done
	assert_equal "$(sha256sum <race.db)" "$before"
}

@test "a migrated race has the schema of a new one and every row of the old" {
	old_race race.db
	expect 0 tr-init race.db
	expect 0 tr-init new.db
	assert_equal "$(schema_of race.db)" "$(schema_of new.db)"
	for t in $(sqlite3 race.db.v1 "SELECT name FROM sqlite_schema WHERE type = 'table'"); do
		columns=$(sqlite3 race.db.v1 "SELECT group_concat(name) FROM pragma_table_info('$t')")
		assert_equal "$(sqlite3 race.db "SELECT $columns FROM $t ORDER BY 1, 2" | sha256sum)" \
			"$(sqlite3 race.db.v1 "SELECT $columns FROM $t ORDER BY 1, 2" | sha256sum)"
	done
	expect 0 tr-audit -d race.db
}

@test "migrating twice is migrating once, and the copy stays what it was" {
	old_race race.db
	expect 0 tr-init race.db
	once=$(state race.db)
	copy=$(sha256sum <race.db.v1)
	expect 0 tr-init race.db
	assert_equal "$stderr" ""
	assert_equal "$(state race.db)" "$once"
	assert_equal "$(sha256sum <race.db.v1)" "$copy"
}

@test "a migration killed at any write leaves the old race or the new one, and is repeated" {
	command -v strace >/dev/null || skip "no strace"
	for call in pwrite64 fsync rename; do
		for n in 1 2 5 9 20 60 90; do
			rm -f race.db*
			old_race race.db
			strace -qq -f -o /dev/null -e "inject=$call:signal=KILL:when=$n" \
				tr-init race.db >/dev/null 2>&1 || true
			expect 0 tr-init race.db
			expect 0 tr-cycle -d race.db -w 2024-07-23T00:45Z
			assert_equal "$(state race.db)" "$(cat "$TOP/tests/fixtures/golden/race-1.sha256")"
		done
	done
}

@test "a race whose window is running is not migrated under it" {
	old_race race.db
	exec 9>race.db.cycle
	flock 9
	expect 75 tr-init race.db
	exec 9>&-
	expect 0 tr-init race.db
}
