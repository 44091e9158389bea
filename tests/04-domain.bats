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

@test "statistics equal hand-made figures, and a seed gives the same bits" {
	unit test_stats
}

@test "statistics agree to 1e-9 with an independent implementation, on real curves too" {
	local files=()
	command -v python3 >/dev/null || skip "no python3"
	[ ! -d "$SHARED/data" ] || files=("$SHARED"/data/{BTC,ETH,SOL,XRP,ADA,DOGE}-USDT_1d_binance_2022-*.csv.gz)
	run --separate-stderr python3 "$TOP/tests/unit/stats_ref.py" "$B/unit/test_stats" "${files[@]}"
	assert_equal "$status" 0
	assert_equal "$stderr" ""
	assert_line "made up, days: 100 figures"
	[ ${#files[@]} -eq 0 ] || assert_line "recorded: 120 figures"
}

@test "the comparison of statistics notices one wrong figure" {
	command -v python3 >/dev/null || skip "no python3"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n"$B/unit/test_stats" "$@" | sed "s/^\\(psr 1 .*\\)[0-9][0-9]*$/\\1e-1/"\n' >liar
	chmod +x liar
	run --separate-stderr python3 "$TOP/tests/unit/stats_ref.py" ./liar
	assert_equal "$status" 1
	assert_output --partial "psr of 1"
}
