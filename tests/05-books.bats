#!/usr/bin/env bats
# Books and risk rules as pure modules; the properties are in tests/unit.
bats_require_minimum_version 1.5.0

load helper

# All TAP lines are ok, there is at least one, and the plan at the end counts them.
all_ok() {
	local line ok=0 plan=
	run --separate-stderr "$B/unit/$1"
	for line in "${lines[@]}"; do
		case $line in
		"ok "*) ok=$((ok + 1)) ;;
		"1.."*) plan=${line#1..} ;;
		"#"*) ;;
		*)
			echo "$line"
			return 1
			;;
		esac
	done
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$ok" -gt 0 ]
	[ "$ok" = "$plan" ]
}

@test "fills keep cash, quantities and costs exact and never negative" {
	all_ok test_portfolio
}

@test "risk rules clip or drop single orders and what passes always fills" {
	all_ok test_risk
}
