#!/usr/bin/env bats
# A seeded sample of the fault matrices; `make faults` tries their points, of the longest in parts.

load helper

sample() {
	local status=0
	if grep -q __asan_init "$B/tr-cycle"; then
		skip 'a build with sanitizers has an allocator of its own'
	fi
	"$TOP/tests/faults/run.sh" --sample "$@" >report 2>&1 || status=$?
	cat report
	[ $status -eq 0 ]
	[[ $(tail -n 1 report) =~ ^[1-9][0-9]*' passed, 0 failed'$ ]]
}

@test "killed at any call, a window is completed by the next start as if nothing had happened" {
	sample 120 kill
}

@test "when a call fails, the status says so or the work is done, and the next start completes it" {
	sample 150 error
}

@test "when memory ends, every tool ends with a status, and the race is whole" {
	sample 60 memory
}

@test "what was reported done is there after a loss of power" {
	sample 200 power
}

@test "many at once run a window once, and no checkpoint loses a row" {
	sample 5 races
}

@test "a clock that steps and days that have 23 or 25 hours make no window twice" {
	sample 5 clock
}
