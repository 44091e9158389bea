#!/usr/bin/env bats
# Races recorded by released versions, killed in the middle of a window: every later version must
# be able to finish them. race-N.db.gz is of schema version N; race-N.sha256 is the digest of the
# logical dump of the finished race. fixtures/golden/make.sh records the one of the schema's version.
load helper

@test "a race of every released version is finished as that version would have" {
	for file in "$TOP"/tests/fixtures/golden/race-*.db.gz; do
		name=$(basename "$file" .db.gz)
		gzip -dc "$file" >"$name.db"
		chmod 600 "$name.db"
		expect 0 tr-init "$name.db"
		expect 0 tr-cycle -d "$name.db" -w latest
		expect 0 tr-audit -d "$name.db"
		assert_equal "$(state "$name.db")" "$(cat "$TOP/tests/fixtures/golden/$name.sha256")"
		next=$(sqlite3 "$name.db" "SELECT strftime('%Y-%m-%dT%H:%MZ', max(window_ms) / 1000 + 300,
			'unixepoch') FROM cycles")
		expect 0 tr-cycle -d "$name.db" -w "$next"
	done
}

@test "there is a recorded race of the schema's version" {
	version=$(sed -n 's/^PRAGMA user_version = \([0-9]*\);.*/\1/p' "$TOP/share/schema.sql")
	[ -f "$TOP/tests/fixtures/golden/race-$version.db.gz" ]
}
