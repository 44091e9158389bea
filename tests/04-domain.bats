#!/usr/bin/env bats
# Views, decisions, indicators, strategies and metrics: the pure rules, tested in C.
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

@test "views tell what may be traded, and decisions keep their orders" {
	unit test_view
}

@test "indicators give the published figures and those of an independent computation" {
	unit test_indicator
}

@test "strategies do what their rules say and never ask for what cannot be" {
	unit test_strategy
}

@test "metrics equal hand-made and independent figures, and are null where not defined" {
	unit test_metrics
}
