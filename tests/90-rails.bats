#!/usr/bin/env bats
# The rails: style that is only written down decays. Each prints what it finds as file:line: rule.
load helper

rail() {
	cd "$TOP" || return 1
	run "tests/lint/$1"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "modules include only what stands above them in lib/LAYERS" {
	rail layers.sh
}

@test "each foreign library has one door, and programs hold no SQL" {
	rail doors.sh
}

@test "a module exports only its own names, declared and used" {
	rail symbols.sh
}

@test "banned functions are not called, and banned.h is the last header of every source" {
	rail banned.sh
}

@test "no floating point touches money" {
	rail money.sh
}

@test "the schema loads, is strict, commented and has its foreign keys indexed" {
	rail schema.sh
}

@test "every SQL statement prepares and scans no table without a reason" {
	rail sql.py
}

@test "every tool has a clean manual page with the same sections" {
	rail man.sh
}

@test "the options and commands of each page are those of --help" {
	rail options.py
}

@test "the completions are those that the tools ask for" {
	rail completions.sh
}

@test "the logical dump prints every column that is neither volatile nor surrogate" {
	rail dump.py
}

@test "shell scripts pass shellcheck" {
	rail shell.sh
}

@test "text files hold no machine's paths, no notes to self and no stray blanks" {
	rail text.sh
}

@test "every rail is run by this file" {
	cd "$TOP/tests/lint"
	for f in *.sh *.py; do
		[ "$f" = files.sh ] || grep -qx "	rail $f" "$BATS_TEST_FILENAME" || {
			echo "tests/lint/$f:1: is never run"
			return 1
		}
	done
}
