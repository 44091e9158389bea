#!/usr/bin/env bats
# tr-once: a command under a key happens once, however many call, wait, are killed or come late.
load helper

race() {
	tr-init -q --bare race.db
	export TR_DB=$PWD/race.db
}

ask() {
	sqlite3 race.db "$1"
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

runs() { # how often ./job has run
	[ ! -f ran ] || wc -l <ran | tr -d ' '
}

has_run() {
	[ "$(runs)" = "$1" ]
}

# Dead, though perhaps not yet waited for by who inherited it.
gone() {
	! grep -qs '^State:[[:blank:]]*[^ZX[:blank:]]' "/proc/$1/status"
}

state_of() {
	ask "SELECT state FROM idempotency WHERE key = '$1'"
}

# job TEXT: a script ./job that leaves a line in ./ran and goes on with TEXT.
job() {
	printf '#!/bin/sh\necho $$ >>ran\n%s\n' "$1" >job
	chmod 700 job
}

@test "in a process: every answer, fences, expiry, and one winner for each of 2000 keys" {
	expect 0 "$B/unit/test_keys"
	[ "$(tail -n 1 <<<"$output")" = 1..22 ]
}

@test "the second call gets the output and the status of the first, byte for byte, and runs nothing" {
	race
	for want in 0 1 3 64 255; do
		rm -f ran
		job "printf 'a\\000b\\n\\377 %s' $want; exit $want"
		got=0
		tr-once --key "k$want" -- ./job >first || got=$?
		[ $got -eq $want ]
		got=0
		tr-once --key "k$want" -- ./job >second || got=$?
		[ $got -eq $want ]
		printf 'a\000b\n\377 %s' $want | cmp - first
		cmp first second
		has_run 1
	done
	rm job
	tr-once --key k0 -- ./job | cmp - <(printf 'a\000b\n\377 0')
}

@test "no output and a large output are stored as they are" {
	race
	tr-once --key empty -- true
	expect 0 tr-once --key empty -- true
	[ -z "$output" ]
	tr-once --key large --output-max 4096 -- seq 500000 | cmp - <(seq 500000)
	tr-once --key large -- seq 500000 | cmp - <(seq 500000)
}

@test "standard error passes at once, and its last 4096 bytes are kept but not replayed" {
	race
	job 'echo early >&2; until [ -e go ]; do sleep 0.02; done; seq 100000 >&2'
	tr-once --key k -- ./job 2>err &
	within grep -q early err
	touch go
	wait $!
	cmp err <(echo early; seq 100000)
	expect 0 tr-once --key k -- ./job
	[ -z "$stderr" ]
	tr-once --show k --json | jq -j .error_tail | cmp - <(seq 100000 | tail -c 4096)
}

@test "a reader of standard error who stops reading does not stop the command for ever" {
	race
	mkfifo pipe
	exec 8<>pipe
	job 'seq 100000 >&2; echo done'
	tr-once --key k --lease 1 -- ./job 2>&8 &
	owner=$!
	freed() { [ "$(state_of k)" = expired ]; }
	within freed
	kill -KILL $owner
	exec 8>&-
}

@test "a key stands for one command line" {
	race
	tr-once --key k -- echo a b
	for other in "echo a" "echo a c" "echo a b c" "printf a b"; do
		# shellcheck disable=SC2086
		expect 65 tr-once --key k -- $other
		[ -z "$output" ]
	done
	expect 65 tr-once --key k -- echo "a b"
	expect 0 tr-once --key k -- echo a b
	cd /
	expect 0 env NEW=1 tr-once --key k -- echo a b
}

@test "a missing or malformed key, a missing command and options out of range are usage errors" {
	race
	expect 64 tr-once -- true
	expect 64 tr-once --key k
	expect 64 tr-once --key k --
	expect 64 tr-once --key k true
	expect 64 tr-once --key "" -- true
	expect 64 tr-once --key $'a\nb' -- true
	expect 64 tr-once --key $'a\x7f' -- true
	expect 64 tr-once --key $'a\xc2\x9b' -- true
	expect 64 tr-once --key $'a\xff' -- true
	expect 64 tr-once --key "$(printf '%256s' x)" -- true
	expect 0 tr-once --key "$(printf '%255s' x)" -- true
	expect 0 tr-once --key 'ключ: 1 %s' -- true
	for ttl in 59s 0m 1 1w 1h30m -1h "" 3651d 99999999999d; do
		expect 64 tr-once --key k "--ttl=$ttl" -- true
	done
	for option in --wait=-1 --lease=0 --output-max=0 --output-max=65537 --list --purge --json \
		--state=completed --guard=-1; do
		expect 64 tr-once --key k "$option" -- true
	done
	expect 64 tr-once --list -- true
	expect 64 tr-once --list --state bogus
	[ "$(ask "SELECT count(*) FROM idempotency")" -eq 2 ]
	expect 66 tr-once -d none.db --key k -- true
	[ ! -e none.db ]
}

@test "a call beside a running one is turned away at once and told who is at work" {
	race
	job 'until [ -e go ]; do sleep 0.02; done; echo done'
	tr-once --key k -- ./job >first &
	within has_run 1
	expect 75 timeout 5 tr-once --key k -- ./job
	[[ $stderr == *"process $! "* ]]
	expect 75 tr-once --key k --wait 1 -- ./job
	expect 0 tr-once --key other -- true
	touch go
	wait $!
	expect 0 tr-once --key k -- ./job
	[ "$output" = "$(cat first)" ]
	has_run 1
}

@test "a hundred callers that wait make one execution and get one answer" {
	race
	job 'sleep 0.3; date +%s.%N; exit 7'
	pids=()
	for i in {1..100}; do
		tr-once --key k --wait 60 -- ./job >"out.$i" 2>"err.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		got=0
		wait "$pid" || got=$?
		[ $got -eq 7 ] || { cat err.*; return 1; }
	done
	has_run 1
	[ "$(cat out.* | sort -u | wc -l)" -eq 1 ]
	[ "$(cat out.* | wc -l)" -eq 100 ]
	[ -z "$(cat err.*)" ]
	[ "$(ask "SELECT attempts, replays FROM idempotency")" = "1|99" ]
}

@test "after the caller is killed its command is gone, and the next call takes over at once" {
	race
	job '[ ! -e slow ] || { sleep 300 & echo $! >pid; wait; }; echo result'
	touch slow
	tr-once --key k -- ./job &
	owner=$!
	within test -s pid
	kill -KILL $owner
	rm slow
	expect 0 timeout 5 tr-once --key k -- ./job
	[ "$output" = result ]
	within gone "$(cat pid)"
	wait $owner || [ $? -eq 137 ]
	has_run 2
	[ "$(ask "SELECT state, fence, attempts FROM idempotency")" = "completed|2|2" ]
}

@test "a killed caller that nobody has waited for holds nothing" {
	race
	job '[ ! -e slow ] || exec sleep 300; echo result'
	touch slow
	sh -c 'tr-once --key k -- ./job & echo $! >owner; exec sleep 300' &
	parent=$!
	within has_run 1
	rm slow
	kill -KILL "$(cat owner)"
	within grep -q '^State:.*Z' "/proc/$(cat owner)/status"
	expect 0 timeout 5 tr-once --key k -- ./job
	kill $parent
	[ "$output" = result ]
}

@test "a waiting caller takes over from one that is killed" {
	race
	job '[ ! -e slow ] || exec sleep 300; echo result'
	touch slow
	tr-once --key k -- ./job &
	owner=$!
	within has_run 1
	tr-once --key k --wait 30 -- ./job >second &
	waiter=$!
	sleep 0.1
	rm slow
	kill -KILL $owner
	wait $waiter
	[ "$(cat second)" = result ]
	has_run 2
}

@test "only an owner that is alive, or that cannot be judged, keeps others out" {
	race
	born=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)
	job 'exit 75'
	expect 75 tr-once --key k -- ./job
	IFS=: read -r host boot pid ticks <<<"$(ask "SELECT owner FROM idempotency")"
	# owner, and how often the job has run after the next call
	n=1
	while read -r owner more; do
		ask "UPDATE idempotency SET state = 'in_progress', lease_end_ms = 1 << 60, owner = '$owner'"
		expect 75 tr-once --key k -- ./job
		n=$((n + more))
		has_run $n || { echo "owner $owner: $(runs), not $n"; return 1; }
	done <<-END
		$host:$boot:$$:$born 0
		$host:$boot:$$:${born}1 1
		$host:$boot:$pid:$ticks 1
		$host:other:$$:$born 1
		other:$boot:$pid:$ticks 0
		$host:$boot 0
	END
	ask "UPDATE idempotency SET lease_end_ms = 1"
	expect 75 tr-once --key k -- ./job
	has_run $((n + 1))
}

@test "an owner that was stopped past its lease can write nothing any more" {
	race
	job 'sleep 0.5; runs=$(wc -l <ran); echo "run $runs"'
	tr-once --key k --lease 2 -- ./job >first 2>err &
	owner=$!
	within has_run 1
	kill -STOP $owner
	expect 75 tr-once --key k -- ./job
	expect 0 tr-once --key k --wait 20 -- ./job
	[ "$output" = "run 2" ]
	before=$(ask "SELECT *, hex(output) FROM idempotency")
	kill -CONT $owner
	got=0
	wait $owner || got=$?
	[ $got -eq 75 ]
	grep -q "lost lease" err
	[ ! -s first ]
	[ "$(ask "SELECT *, hex(output) FROM idempotency")" = "$before" ]
	expect 0 tr-once --key k -- ./job
	[ "$output" = "run 2" ]
	has_run 2
}

@test "a command that outlasts its lease is killed before another may begin" {
	race
	job 'sleep 300 & echo $! >pid; wait'
	expect 75 timeout 20 tr-once --key k --lease 1 -- ./job
	within gone "$(cat pid)"
	[ "$(state_of k)" = expired ]
	job 'echo better'
	expect 0 tr-once --key k --lease 1 -- ./job
	[ "$output" = better ]
}

@test "a signal ends the command and its children, and frees the key" {
	race
	for signal in HUP:129 TERM:143; do
		rm -f ran pid
		job '[ -e pid ] || { sleep 300 & echo $! >pid; wait; }; echo result'
		tr-once --key "$signal" -- ./job &
		owner=$!
		within test -s pid
		kill "-${signal%:*}" $owner
		got=0
		wait $owner || got=$?
		[ $got -eq "${signal#*:}" ]
		within gone "$(cat pid)"
		[ "$(state_of "$signal")" = expired ]
		expect 0 tr-once --key "$signal" -- ./job
		[ "$output" = result ]
	done
	# a shell without job control starts what is in the background with SIGINT ignored
	rm -f ran pid
	set -m
	tr-once --key int -- ./job &
	owner=$!
	set +m
	within test -s pid
	kill -INT $owner
	got=0
	wait $owner || got=$?
	[ $got -eq 130 ]
}

@test "a signal ends a caller that waits, and leaves the key to its owner" {
	race
	job 'until [ -e go ]; do sleep 0.02; done; echo done'
	tr-once --key k -- ./job >first &
	owner=$!
	within has_run 1
	tr-once --key k --wait 60 -- ./job &
	waiter=$!
	sleep 0.1
	kill $waiter
	got=0
	wait $waiter || got=$?
	[ $got -eq 143 ]
	[ "$(state_of k)" = in_progress ]
	touch go
	wait $owner
	[ "$(cat first)" = "done" ]
}

@test "status 75 and death by a signal are no results: the next call runs it again" {
	race
	job 'echo try; [ "$(wc -l <ran)" -gt 1 ] || exit 75'
	expect 75 tr-once --key k -- ./job
	[ "$output" = try ]
	expect 0 tr-once --key k -- ./job
	expect 0 tr-once --key k -- ./job
	has_run 2
	rm ran
	job 'echo try; [ "$(wc -l <ran)" -gt 1 ] || kill -SEGV $$'
	expect 75 tr-once --key s -- ./job
	[ -z "$output" ]
	[[ $stderr == *"signal 11"* ]]
	expect 0 tr-once --key s -- ./job
	has_run 2
}

@test "more output than allowed is a final failure, until the key is forgotten" {
	race
	job 'head -c 1025 /dev/zero; sleep 300'
	for _ in 1 2; do
		expect 65 tr-once --key k --output-max 1 -- ./job
		[ -z "$output" ]
		[[ $stderr == *"more than it may"* ]]
	done
	has_run 1
	[ "$(state_of k)" = failed_final ]
	tr-once --forget k
	job 'head -c 1024 /dev/zero'
	tr-once --key k --output-max 1 -- ./job | cmp - <(head -c 1024 /dev/zero)
}

@test "a command that is not there leaves the key free for another" {
	race
	expect 66 tr-once --key k -- ./none
	expect 66 tr-once --key k -- no-such-program-anywhere
	touch plain
	expect 77 tr-once --key k -- ./plain
	expect 77 tr-once --key k -- /
	expect 0 tr-once --key k -- true
	printf 'echo no interpreter\n' >bare
	chmod 700 bare
	expect 75 tr-once --key bare -- ./bare
	[[ $stderr == *"Exec format error"* ]]
}

@test "the command sees the caller's directory, environment, mask and arguments, and no input" {
	race
	umask 027
	job 'pwd; umask; echo "$MARK"; wc -c; for a; do echo "<$a>"; done; ls /proc/self/fd | wc -l'
	MARK=here expect 0 tr-once --key k -- ./job '' 'a b' --key -- '*' <<<input
	diff <(printf '%s\n' "$PWD" 0027 here 0 '<>' '<a b>' '<--key>' '<-->' '<*>' 4) <(echo "$output")
}

@test "what the command leaves in the background ends with it" {
	race
	job 'sleep 300 & echo $! >pid; setsid sleep 300 & echo $! >pid2; echo done'
	expect 0 timeout 10 tr-once --key k -- ./job
	[ "$output" = "done" ]
	within gone "$(cat pid)"
	within gone "$(cat pid2)"
}

@test "a result that cannot be printed is stored all the same" {
	[ -w /dev/full ] || skip "no /dev/full"
	race
	job 'echo result'
	got=0
	tr-once --key k -- ./job >/dev/full 2>err || got=$?
	[ $got -eq 74 ]
	expect 0 tr-once --key k -- ./job
	[ "$output" = result ]
	has_run 1
}

@test "writers in the way when the command ends delay its result, and it is not lost" {
	race
	job 'until [ -e go ]; do sleep 0.02; done; echo result'
	tr-once --key k -- ./job >first &
	owner=$!
	within has_run 1
	# longer than a transaction waits for its turn
	flock race.db.lock sh -c 'touch go; sleep 5.5' &
	wait $owner
	[ "$(cat first)" = result ]
	expect 0 tr-once --key k -- ./job
	has_run 1
}

@test "after its time a key may be used anew, also for another command" {
	race
	at=2024-07-23T00
	tr-once -t $at:00Z --key k --ttl 10m -- echo old
	expect 0 tr-once -t $at:09Z --key k --ttl 10m -- echo old
	expect 65 tr-once -t $at:09Z --key k -- echo new
	expect 0 tr-once -t $at:11Z --key k -- echo new
	[ "$output" = new ]
	[ "$(ask "SELECT fence, attempts, replays, (expires_ms - created_ms) / 3600000
		FROM idempotency")" = "2|1|0|72" ]
}

@test "purging removes what is past its time, says how much, and touches nothing that runs" {
	race
	at=2024-07-23
	tr-once -t ${at}T00:00Z --key old --ttl 60s -- true
	expect 75 tr-once -t ${at}T00:00Z --key failed --ttl 60s -- sh -c 'exit 75'
	tr-once -t ${at}T00:00Z --key young --ttl 1d -- true
	job 'until [ -e go ]; do sleep 0.02; done'
	tr-once -t ${at}T00:00Z --key running --ttl 60s -- ./job &
	within has_run 1
	expect 0 tr-once -t ${at}T00:00Z --purge
	[ "$output" = "purged 0" ]
	expect 0 tr-once -t ${at}T01:00Z --purge
	[ "$output" = "purged 2" ]
	[ "$(ask "SELECT group_concat(key) FROM idempotency")" = running,young ]
	touch go
	wait $!
	[ "$(state_of running)" = completed ]
	expect 0 tr-once -t ${at}T01:00Z --purge
	[ "$output" = "purged 1" ]
}

@test "purging works through more keys than one transaction takes" {
	race
	ask "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
		INSERT INTO idempotency SELECT 'k' || i, 'once', zeroblob(32), 'completed', 'x:y:1:1', 1, 0,
		1, 0, 0, x'', NULL, 0, 0, CASE i WHEN 700 THEN 5000 ELSE 1000 END FROM n"
	expect 0 tr-once -t 1970-01-01T00:00:02Z --purge
	[ "$output" = "purged 1233" ]
	[ "$(ask "SELECT key FROM idempotency")" = k700 ]
}

@test "an operator can forget a key, unless somebody works on it" {
	race
	expect 66 tr-once --forget k
	job 'until [ -e go ]; do sleep 0.02; done'
	tr-once --key k -- ./job &
	within has_run 1
	expect 75 tr-once --forget k
	touch go
	wait $!
	expect 0 tr-once --forget k
	expect 66 tr-once --show k
	tr-once --key k -- ./job
	has_run 2
}

@test "keys can be listed by state, shown and counted, as text and as JSON" {
	race
	tr-once --key full -- sh -c 'echo out; printf "err\033[m" >&2'
	for _ in 1 2 3; do tr-once --key full -- sh -c 'echo out; printf "err\033[m" >&2'; done
	expect 1 tr-once --key failed -- false
	expect 75 tr-once --key again -- sh -c 'exit 75'
	expect 0 tr-once --list
	[ "${#lines[@]}" -eq 3 ]
	[ "$(tr-once --list --json | jq -r '.key + " " + .state')" = "again expired
failed failed_final
full completed" ]
	expect 0 tr-once --list --state failed_final
	[[ ${#lines[@]} -eq 1 && $output == *failed ]]
	expect 0 tr-once --show full
	[[ $output == *'err\x1b[m'* ]]
	[[ $output != *$'\033'* ]]
	[ "$(tr-once --show full --json | jq -c '[.output, .exit_status, .replays, .held]')" = \
		'["out\n",0,3,false]' ]
	expect 0 tr-once --stats
	[[ $output == *"duplicates: 50.00 % of the calls"* ]]
	[ "$(tr-once --stats --json | jq -c '[.keys, .attempts, .replays, .duplicate_rate]')" = \
		'[3,3,3,"0.5"]' ]
	job 'kill -9 $(ps -o ppid= -p $PPID); sleep 10'
	tr-once --key gone -- ./job || true
	expect 0 tr-once --list --state in_progress
	[[ $output == abandoned* ]]
}

@test "keys are no part of the race's logical state" {
	race
	before=$(state)
	tr-once --key k -- true
	[ "$(state)" = "$before" ]
	tr-audit
}

@test "the guard ends its group with the parent, and refuses another parent" {
	expect 75 tr-once --guard 1 -- touch ran
	[ ! -e ran ]
	expect 3 sh -c 'tr-once --guard $$ -- sh -c "echo here; exit 3"; exit $?'
	[ "$output" = here ]
	sh -c 'tr-once --guard $$ -- sh -c "echo \$\$ >pid; sleep 300 & echo \$! >pid2; wait"; :' &
	within test -s pid2
	kill -KILL $!
	within gone "$(cat pid)"
	within gone "$(cat pid2)"
}
