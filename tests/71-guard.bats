#!/usr/bin/env bats
# tr-guard and tr-breaker: a service that fails is left alone, asked again by one process only, and
# never by more attempts than the budget allows.
load helper

race() {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
}

ask() {
	sqlite3 "$TR_DB" "$1"
}

# Wait up to ten seconds until a command succeeds.
within() {
	for _ in {1..500}; do
		! "$@" || return 0
		sleep 0.02
	done
	echo "did not happen: $*"
	return 1
}

# job TEXT: a script ./job that leaves a line in ./ran and goes on with TEXT.
job() {
	printf '#!/bin/sh\necho $$ >>ran\n%s\n' "$1" >job
	chmod 700 job
}

runs() { # how often ./job has run
	if [ -f ran ]; then wc -l <ran | tr -d ' '; else echo 0; fi
}

has_run() {
	[ "$(runs)" = "$1" ]
}

# What is known of a service.
field() {
	tr-breaker -j | jq -r "select(.service == \"$1\") | .$2"
}

# Open the breaker of a service for so many seconds; default a day.
open_breaker() {
	expect 75 tr-guard --failures 1 --break "${2:-86400}" --no-retries "$1" -- sh -c 'exit 75'
	[ "$(field "$1" state)" = open ]
}

over() { # the break of a service
	[ "$(field "$1" retry_after_ms)" = 0 ]
}

gone() {
	! grep -qs '^State:[[:blank:]]*[^ZX[:blank:]]' "/proc/$1/status"
}

@test "in a process: delays, dates, the state machine, and one probe of 16 in each of 20 rounds" {
	for unit in test_backoff test_circuit test_guard; do
		expect 0 "$B/unit/$unit"
		[[ $output != *"not ok"* ]]
	done
}

@test "output, status and standard input of a command pass through" {
	race
	for want in 0 1 3 64 255; do
		got=0
		printf 'a\000b\n' | tr-guard "s$want" -- sh -c "cat; exit $want" >out || got=$?
		[ $got -eq $want ]
		printf 'a\000b\n' | cmp - out
	done
	expect 0 tr-guard s -- sh -c 'echo out; echo err >&2' </dev/null
	[ "$output" = out ]
	[ "$stderr" = err ]
	seq 500000 | tr-guard --output-max 4096 s -- cat | cmp - <(seq 500000)
}

@test "twice in a row: the same answer, and nothing but two more attempts on record" {
	race
	expect 0 tr-guard svc:op -- echo hi
	first=$(field svc:op state)
	expect 0 tr-guard svc:op -- echo hi
	[ "$output" = hi ]
	[ "$first,$(field svc:op state)" = closed,closed ]
	[ "$(ask "SELECT group_concat(purpose || ' ' || provider || ' ' || model || ' ' || service
		|| ' ' || attempt || ' ' || class) FROM call_starts JOIN call_results USING (id)")" = \
		"guard svc op svc:op 1 ok,guard svc op svc:op 1 ok" ]
	[ "$(ask 'SELECT count(*) FROM breaker_log')" = 0 ]
}

@test "a failure that may pass is tried again, with the same input, and only the last output counts" {
	race
	job 'cat; [ $(wc -l <ran) -ge 3 ] || exit 75'
	out=$(echo in | tr-guard svc -- ./job)
	[ "$out" = in ]
	has_run 3
	[ "$(ask 'SELECT group_concat(class) FROM call_results')" = retry,retry,ok ]
	[ "$(ask 'SELECT group_concat(attempt) FROM call_starts')" = 1,2,3 ]
}

@test "attempts end with the retries, and the last one gives the status" {
	race
	job 'echo $(wc -l <ran); exit 75'
	expect 75 tr-guard --retries 2 svc -- ./job
	[ "$output" = 3 ]
	has_run 3
	expect 75 tr-guard --retries 0 svc2 -- ./job
	has_run 4
	expect 75 tr-guard --no-retries svc3 -- ./job
	has_run 5
}

@test "statuses are classed: retried, not retried, nothing to do with the service, hopeless" {
	race
	for s in 1 69 70 126; do
		job "exit $s"
		expect $s tr-guard svc -- ./job
	done
	[ "$(field svc consecutive)" = 4 ]
	for s in 64 65 66; do
		job "exit $s"
		expect $s tr-guard svc -- ./job
	done
	[ "$(field svc consecutive),$(field svc samples)" = 4,4 ]
	[ "$(ask 'SELECT count(*) FROM call_starts')" = 7 ]
	for s in 77 78; do
		job "exit $s"
		expect $s tr-guard "operator:$s" -- ./job
		[ "$(field "operator:$s" needs_operator)" = true ]
		expect 75 tr-guard "operator:$s" -- ./job
		[ "$stderr" = "{\"error\":\"needs_operator\",\"service\":\"operator:$s\",\"retry_after_ms\":null}" ]
	done
}

@test "--retry-on says which statuses may pass" {
	race
	job 'exit 7'
	expect 7 tr-guard --retry-on 6,7,28 --retries 1 svc -- ./job
	has_run 2
	job 'exit 75'
	expect 75 tr-guard --retry-on 6,7,28 --retries 1 svc -- ./job
	has_run 3
	job 'exit 77'
	expect 77 tr-guard --retry-on 77 --retries 1 svc2 -- ./job
	has_run 5
	[ "$(field svc2 needs_operator)" = false ]
}

@test "a hang and a signal are failures that may pass, and too much output one that does not" {
	race
	job '[ $(wc -l <ran) -gt 1 ] || sleep 60; echo well'
	expect 0 tr-guard --timeout 0.3 svc -- ./job
	[ "$output" = well ]
	rm ran
	job '[ $(wc -l <ran) -gt 1 ] || kill -9 $$; echo well'
	expect 0 tr-guard svc -- ./job
	[ "$output" = well ]
	[ "$(ask 'SELECT group_concat(class) FROM call_results')" = timeout,ok,retry,ok ]
	rm ran
	expect 75 tr-guard --timeout 0.2 --retries 1 slow -- sleep 60
	[ -z "$output" ]
	[[ $stderr == *"service slow: did not end in time"* ]]
	job 'seq 1000'
	expect 65 tr-guard --output-max 1 svc -- ./job
	[ -z "$output" ]
	has_run 1
}

@test "nothing of a command outlives its attempt" {
	race
	job 'sleep 300 & echo $! >pid; wait'
	expect 75 tr-guard --timeout 0.3 --no-retries svc -- ./job
	within gone "$(cat pid)"
}

@test "the deadline bounds all attempts and pauses together" {
	race
	ask "INSERT INTO settings VALUES ('guard.retry_base_ms', '60000', 1),
		('guard.retry_cap_ms', '60000', 1)"
	start=$SECONDS
	expect 75 tr-guard --deadline 2 --retries 100 --timeout 0.5 --failures 1000 svc -- sleep 60
	[ $((SECONDS - start)) -le 30 ]
	[ "$(ask "SELECT count(*) BETWEEN 1 AND 4 FROM call_starts")" = 1 ]
	start=$SECONDS
	expect 75 tr-guard --deadline 0.5 --timeout 60 cut -- sleep 60
	[ $((SECONDS - start)) -le 30 ]
	[ "$(field cut consecutive)" = 1 ]
}

@test "too many failures in a row open the breaker: the refusal names its cause and nothing runs" {
	race
	job 'exit 1'
	for _ in 1 2 3 4 5; do
		expect 1 tr-guard svc:a -- ./job
	done
	expect 75 tr-guard svc:a -- ./job
	has_run 5
	[ -z "$output" ]
	jq -e '.error == "circuit_open" and .service == "svc:a" and .retry_after_ms > 25000 and
		.retry_after_ms <= 30000 and (keys | length) == 3' <<<"$stderr"
	expect 1 tr-guard svc:b -- ./job
	expect 0 tr-breaker log svc:a
	[[ $output == *"svc:a  closed -> open: exit status 1" ]]
}

@test "when the breaker opens between attempts, the original failure is the result" {
	race
	job 'echo original; exit 75'
	expect 75 tr-guard --failures 2 svc -- ./job
	[ "$output" = original ]
	has_run 2
	[[ $stderr != *circuit_open* ]]
}

@test "a refusal is waited out where it ends before the deadline" {
	race
	open_breaker svc 0.6
	expect 75 tr-guard --deadline 0.3 svc -- echo hi
	[[ $stderr == *circuit_open* ]]
	expect 0 tr-guard --deadline 20 svc -- echo hi
	[ "$output" = hi ]
	[ "$(field svc state)" = closed ]
}

@test "16 processes race for the probe: one wins each round, and its success closes" {
	race
	job 'until [ -e go ]; do sleep 0.02; done'
	turned_away() { [ "$(cat refused.* 2>/dev/null | wc -l)" -eq 15 ]; }
	for _ in 1 2 3 4; do
		rm -f ran go refused.*
		open_breaker svc 0.1
		within over svc
		for i in {1..16}; do
			tr-guard --timeout 60 svc -- ./job 2>"refused.$i" &
		done
		within turned_away
		has_run 1
		[ "$(grep -l circuit_open refused.* | wc -l)" -eq 15 ]
		touch go
		wait
		[ "$(field svc state)" = closed ]
	done
}

@test "a probe that is killed lets the next one in when its lease ends, not before" {
	race
	job 'sleep 300'
	open_breaker svc 0.1
	within over svc
	tr-guard --timeout 1 svc -- ./job &
	probe=$!
	within has_run 1
	kill -KILL $probe
	within gone "$(cat ran)"
	[ "$(field svc state)" = half_open ]
	left=$(field svc retry_after_ms)
	[ "$left" -gt 0 ] && [ "$left" -le 3000 ]
	expect 75 tr-guard svc -- echo early
	[[ $stderr == *circuit_open* ]]
	within over svc
	expect 0 tr-guard svc -- echo next
	[ "$output" = next ]
	[ "$(field svc state)" = closed ]
	[ "$(ask "SELECT group_concat(new_state) FROM (SELECT * FROM breaker_log ORDER BY seq)")" = \
		open,half_open,half_open,closed ]
}

@test "a late success from before the break does not close it" {
	race
	job 'until [ -e go ]; do sleep 0.02; done; echo late'
	tr-guard --timeout 60 svc -- ./job >out &
	slow=$!
	within has_run 1
	open_breaker svc
	touch go
	wait $slow
	[ "$(cat out)" = late ]
	[ "$(field svc state)" = open ]
	expect 75 tr-guard svc -- echo hi
}

@test "50 calls of a dead service make at most 5 attempts more, even without a breaker" {
	race
	job 'exit 75'
	ask "INSERT INTO settings VALUES ('guard.retry_base_ms', '1', 1),
		('guard.retry_cap_ms', '1', 1)"
	for i in {1..50}; do
		tr-guard --no-breaker --retries 3 svc:x -- ./job &
		[ $((i % 10)) -ne 0 ] || wait
	done
	wait
	[ "$(runs)" -gt 50 ]
	[ "$(runs)" -le 55 ]
	[ "$(ask 'SELECT tokens FROM budgets')" = 0 ]
	[ "$(ask 'SELECT count(*) FROM call_results')" = "$(runs)" ]
}

@test "50 calls of a dead service with a breaker run the command a few times only" {
	race
	job 'exit 75'
	for _ in {1..50}; do
		expect 75 tr-guard svc:y -- ./job
	done
	[ "$(runs)" -eq 5 ]
}

@test "the switches turn breakers and retries off" {
	race
	job 'exit 75'
	expect 0 tr-config set feature.retries no
	expect 75 tr-guard svc -- ./job
	has_run 1
	expect 0 tr-config set feature.breakers no
	for _ in 1 2 3 4 5 6 7; do
		expect 75 tr-guard svc -- ./job
	done
	has_run 8
	[ "$(field svc state)" = closed ]
	TR_FEATURE_BREAKERS=yes open_breaker svc
	expect 75 tr-guard svc -- ./job
	has_run 9
	expect 75 tr-guard --no-breaker svc -- ./job
	has_run 10
}

@test "limits of a provider hold for all of its services and say when to come back" {
	race
	expect 0 tr-guard --per-minute 2 lim:a -- true
	expect 0 tr-guard --per-minute 2 lim:b -- true
	expect 75 tr-guard --per-minute 2 lim:a -- true
	jq -e '.error == "rate_limit" and .retry_after_ms > 50000 and .retry_after_ms <= 60000' \
		<<<"$stderr"
	job 'until [ -e go ]; do sleep 0.02; done'
	tr-guard --timeout 60 flight:a -- ./job &
	within has_run 1
	expect 75 tr-guard --timeout 60 --parallel 1 flight:b -- true
	jq -e '.error == "busy"' <<<"$stderr"
	touch go
	wait
	expect 0 tr-guard --timeout 60 --parallel 1 flight:b -- true
}

@test "the limits of a configured provider hold for commands, unless others are given" {
	race
	expect 0 tr-provider -q add box --kind openai --base http://127.0.0.1:1/v1 --per-minute 2
	expect 0 tr-guard box:a -- true
	expect 0 tr-guard box -- true
	expect 75 tr-guard box:b -- true
	jq -e '.error == "rate_limit" and .service == "box:b"' <<<"$stderr"
	expect 0 tr-guard --per-minute 0 box:b -- true
	expect 0 tr-guard boxer -- true
	expect 0 tr-provider -q set box --per-minute 0 --per-month 3
	expect 75 tr-guard box -- true
	jq -e '.error == "month_limit"' <<<"$stderr"
}

@test "an isolated service is refused to everybody, whatever else is said, until it is reset" {
	race
	expect 0 tr-breaker isolate svc:a
	[ "$output" = "svc:a: isolated" ]
	expect 0 tr-breaker isolate svc:a
	[ "$output" = "svc:a: isolated already" ]
	for options in "" --no-breaker; do
		# shellcheck disable=SC2086
		expect 75 tr-guard $options svc:a -- touch ran
		[ "$stderr" = '{"error":"circuit_isolated","service":"svc:a","retry_after_ms":null}' ]
	done
	[ ! -e ran ]
	ask "UPDATE breakers SET boot = 'another'"
	expect 75 tr-guard --deadline 1 svc:a -- touch ran
	[ ! -e ran ]
	expect 0 tr-breaker reset svc:a
	[ "$output" = "svc:a: closed" ]
	expect 0 tr-breaker reset svc:a
	[ "$output" = "svc:a: closed already" ]
	expect 0 tr-guard svc:a -- echo hi
	expect 0 tr-breaker log
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == *"svc:a  closed -> isolated: operator" ]]
	[[ ${lines[1]} == *"svc:a  isolated -> closed: operator" ]]
}

@test "after a reboot a break is over, and what waits for an operator waits on" {
	race
	open_breaker svc:a
	expect 77 tr-guard svc:b -- sh -c 'exit 77'
	expect 75 tr-guard svc:a -- echo hi
	ask "UPDATE breakers SET boot = 'another'"
	expect 0 tr-guard svc:a -- echo hi
	expect 75 tr-guard svc:b -- echo hi
	expect 0 tr-breaker reset svc:b
	expect 0 tr-guard svc:b -- echo hi
}

@test "a service that was never called is not found, and the nearest is named" {
	race
	expect 0 tr-breaker
	[ -z "$output" ]
	expect 66 tr-breaker reset svc:a
	[ "$stderr" = "tr-breaker: service svc:a: never called" ]
	expect 0 tr-guard svc:abc -- true
	for command in reset log; do
		expect 66 tr-breaker $command svc:abd
		[ "$stderr" = "tr-breaker: service svc:abd: never called; did you mean svc:abc?" ]
	done
	expect 64 tr-breaker isolate ""
	expect 64 tr-breaker isolate "a b"
}

@test "breakers and their changes are printed as a table and as JSON" {
	race
	expect 0 tr-guard good -- true
	open_breaker bad
	expect 0 tr-breaker
	expect 0 tr-breaker list
	[[ ${lines[0]} == SERVICE*STATE* ]]
	[[ ${lines[1]} == bad*open*86400\ s* ]]
	[[ ${lines[2]} == good*closed* ]]
	expect 0 tr-breaker list --json
	jq -se 'length == 2 and all(.schema == "tr.breaker/1") and .[0].opens == 1 and
		.[0].retry_after_ms > 86000000 and .[1].samples == 1 and
		.[1].retry_after_ms == 0' <<<"$output"
	expect 0 tr-breaker log --json
	jq -se 'length == 1 and .[0].schema == "tr.breaker.change/1" and .[0].from == "closed" and
		.[0].to == "open" and .[0].cause == "exit status 75"' <<<"$output"
	if [ -w /dev/full ]; then
		got=0
		tr-breaker list >/dev/full 2>err || got=$?
		[ $got -eq 74 ]
	fi
}

@test "failures are counted in a row and within the sampling time, which an opening begins anew" {
	race
	shown() { # the columns IN ROW, FAILED and OF
		tr-breaker | awk '$1 == "svc" { print $2, $3, $4, $5 }'
	}
	for want in "closed 1 1 1" "closed 2 2 2" "open 3 0 0"; do
		expect 1 tr-guard --failures 3 --no-retries svc -- false
		[ "$(shown)" = "$want" ]
	done
	[[ $(tr-breaker log svc) == *"exit status 1"* ]]
	tr-breaker -q reset svc
	[ "$(shown)" = "closed 0 0 0" ]
	expect 1 tr-guard --failures 3 --no-retries svc -- false
	expect 0 tr-guard --failures 3 --no-retries svc -- true
	[ "$(shown)" = "closed 0 1 2" ]
}

@test "a stop ends the command, counts for nothing and is the status" {
	race
	job 'sleep 300'
	tr-guard --timeout 60 svc -- ./job &
	guard=$!
	within has_run 1
	kill -TERM $guard
	got=0
	wait $guard || got=$?
	[ $got -eq 143 ]
	within gone "$(cat ran)"
	[ "$(ask 'SELECT class FROM call_results')" = stop ]
	[ "$(ask 'SELECT count(*) FROM breakers')" = 0 ]
	[ "$(ask 'SELECT count(*) FROM budgets')" = 0 ]
}

@test "no transaction is open while the command runs" {
	race
	expect 0 tr-guard svc -- tr-guard other -- tr-breaker isolate third
	[ "$output" = "third: isolated" ]
}

@test "a command that is not there says nothing of the service" {
	race
	expect 66 tr-guard svc -- ./missing
	touch plain
	expect 77 tr-guard svc -- ./plain
	[ "$(ask 'SELECT count(*) FROM call_starts')" = 0 ]
}

@test "wrong options and operands are usage errors" {
	race
	for args in "" "svc" "svc --" "svc more -- true" ":a -- true" "a: -- true" \
		"--timeout 0 svc -- true" "--timeout x svc -- true" "--timeout 1e3 svc -- true" \
		"--deadline 0.01 svc -- true" "--break -1 svc -- true" "--retries -2 svc -- true" \
		"--retries 101 svc -- true" "--failures 0 svc -- true" "--retry-on 0 svc -- true" \
		"--retry-on 256 svc -- true" "--retry-on 7, svc -- true" "--retry-on x svc -- true" \
		"--output-max 0 svc -- true" "--per-minute -1 svc -- true"; do
		# shellcheck disable=SC2086
		expect 64 tr-guard $args
	done
	for args in "list more" "log a b" "isolate" "reset" "reset a b" "what" "reset -j a" \
		"list -- x"; do
		# shellcheck disable=SC2086
		expect 64 tr-breaker $args
	done
	expect 66 tr-guard -d none.db svc -- true
	expect 66 tr-breaker -d none.db
}
