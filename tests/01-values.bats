#!/usr/bin/env bats
# The values everything else is made of: amounts, times, names, buffers, digests, random numbers.
load helper

# Run one unit test: it exits 0, says ok to everything, and to as much as it planned.
unit() {
	run --separate-stderr "$B/unit/$1"
	assert_equal "$status" 0
	# shellcheck disable=SC2154
	assert_equal "$stderr" ""
	refute_line --regexp '^not ok'
	planned=$(printf '%s\n' "$output" | sed -n 's/^1\.\.//p')
	passed=$(printf '%s\n' "$output" | grep -c '^ok ')
	assert [ "$planned" -gt 0 ]
	assert_equal "$passed" "$planned"
}

@test "decimals are read, written and computed exactly, or refused" {
	unit test_decimal
}

@test "times are UTC, read whole, and name their windows" {
	unit test_tstamp
}

@test "names keep to their rules, and a mistyped one finds its neighbour" {
	unit test_ident
}

@test "buffers grow to their ceiling and remember that they were to exceed it" {
	unit test_buf
}

@test "digests are SHA-256, and no two lists of fields share the bytes" {
	unit test_digest
}

@test "random numbers are the same for the same seed, and without bias" {
	unit test_random
}

@test "a million decimal operations agree with exact arithmetic of another kind" {
	run --separate-stderr python3 "$TOP/tests/unit/decimal_diff.py" "$B/unit/decimal_diff" 1000000
	assert_equal "$status" 0
	assert_equal "$stderr" ""
	assert_line "1000000 cases, 0 differences"
}

@test "the comparison of decimals notices one wrong answer among thousands" {
	printf '#!/bin/sh\n"$B/unit/decimal_diff" | sed "5000s/.*/1/"\n' >liar
	chmod +x liar
	run --separate-stderr python3 "$TOP/tests/unit/decimal_diff.py" ./liar 10000
	assert_equal "$status" 1
	assert_line "10000 cases, 1 differences"
}
