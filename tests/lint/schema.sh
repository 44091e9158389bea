#!/bin/sh
# share/schema.sql loads; every table is STRICT; every table and column says what it is; every
# foreign key is found by a search of the child, or says "unindexed: WHY" in its comment.
set -eu
schema=share/schema.sql
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

query() { # query SQL: run it on an empty database with the schema
	sqlite3 -bail :memory: ".read $schema" "$1"
}

if ! query 'PRAGMA foreign_key_check; PRAGMA integrity_check;' >"$tmp/check" 2>&1; then
	sed -n "s|^.*line \([0-9]*\): *|$schema:\1: |p; t; s|^|$schema:1: |p" "$tmp/check" | head -n 3
	exit 1
fi
[ "$(cat "$tmp/check")" = ok ] || sed "s|^|$schema:1: |" "$tmp/check" >>"$tmp/found"

query "SELECT 'T', name, strict FROM pragma_table_list
	WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'" >"$tmp/tables"
query "SELECT 'C', t.name, c.name FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c
	WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'" >"$tmp/columns"
[ -s "$tmp/columns" ] || { echo "$schema:1: no tables"; exit 1; }

# The planner says whether rows that refer to a parent can be found: a partial index does not
# count unless it serves.
query "SELECT 'SELECT ''@'', ''' || t.name || ''', ''' || min(k.\"from\") FILTER (WHERE k.seq = 0)
		|| ''';EXPLAIN QUERY PLAN SELECT 1 FROM \"' || t.name || '\" WHERE '
		|| group_concat('\"' || k.\"from\" || '\" = 1', ' AND ') || ';'
	FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS k
	WHERE t.schema = 'main' AND t.type = 'table' GROUP BY t.name, k.id" >"$tmp/plans.sql"
query ".read $tmp/plans.sql" >"$tmp/plans"

awk -v schema="$schema" '
	function comment_of(line) {
		return line ~ /--/ ? substr(line, index(line, "--") + 2) : ""
	}
	function described(line) { # by its own line, else by the one above
		if (comment_of(line) ~ /[A-Za-z]/)
			return comment_of(line)
		return above ~ /^[ \t]*-- *[^ -]/ ? comment_of(above) : ""
	}
	FILENAME == schema && /^CREATE TABLE / {
		table = $3
		sub(/^.*\./, "", table)
		sub(/\(.*/, "", table)
		at[table] = FNR
		text[table] = described($0)
	}
	FILENAME == schema && table != "" && /^[ \t]+[a-z_][a-z0-9_]*[ \t,]/ {
		key = table " " $1
		sub(/,$/, "", key)
		if (!(key in at)) {
			at[key] = FNR
			text[key] = described($0)
		}
	}
	FILENAME == schema && /^\)/ { table = "" }
	FILENAME == schema { above = $0; next }
	{ split($0, field, "|") }
	field[1] == "T" || field[1] == "C" {
		key = field[2] (field[1] == "C" ? " " field[3] : "")
		where = schema ":" (key in at ? at[key] : at[field[2]] + 0) ": "
		gsub(/ /, ".", key)
		if (field[1] == "T" && field[3] != 1)
			print where key " is not STRICT"
		gsub(/\./, " ", key)
		if (text[key] == "") {
			gsub(/ /, ".", key)
			print where key " has no comment"
		}
	}
	field[1] == "@" { key = field[2] " " field[3] }
	/SCAN / && text[key] !~ /unindexed: *[^ ]/ {
		where = schema ":" at[key] ": "
		name = key
		sub(/ /, ".", name)
		print where name " is a foreign key without an index"
	}
' "$schema" "$tmp/tables" "$tmp/columns" "$tmp/plans" >>"$tmp/found"
cat "$tmp/found"
[ ! -s "$tmp/found" ]
