#!/usr/bin/env bats
# Programs as agents: whatever one of them does, it is recorded as such, and nobody else notices.

load helper

W=2024-07-23T00:00Z
HOLD='echo "{\"orders\":[]}"'

# A program NAME that does what its argument, the file NAME.do, says.
program() {
	printf '#!/bin/sh\n. "$1"\n' >"$1"
	chmod +x "$1"
	printf '%s\n' "$2" >"$1.do"
}

# A race of the demo's agents and of the programs given; $GRANT is granted to these.
race_of() {
	local db=$1 name
	shift
	tr-init -q --demo "$db"
	for name; do
		tr-agent -q -d "$db" add "$name" --kind exec ${GRANT:+"$GRANT"} -- "./$name" "./$name.do"
	done
}

ask() {
	sqlite3 "$@"
}

# An expression over the decisions of agent bad, in order.
of_bad() {
	ask "$1" "SELECT $2 FROM decisions WHERE agent_id = (SELECT id FROM agents WHERE name = 'bad')
		ORDER BY window_ms"
}

# Everything but the rows of agent bad, its version, and the pins and seals that cover them.
others() {
	tr-db dump --logical -d "$1" |
		grep -v -e '"agent_id":"bad"' -e '^{"table":"agents","name":"bad"' \
			-e '^{"table":"seals"' -e '^{"table":"pins"' |
		sed 's/"pin":"[^"]*"//'
}

# misbehaves EXIT STATUS ERROR SCRIPT: a window with an agent that does SCRIPT ends with EXIT, its
# decision has STATUS and an error like ERROR, and the others are where a mere hold leaves them.
misbehaves() {
	local db
	program good 'echo "{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"0.1\"}]}"'
	for db in quiet.db bad.db; do
		program bad "$HOLD"
		race_of $db bad good
		tr-config -q -d $db set exec.timeout_s 1
	done
	expect 0 tr-cycle -d quiet.db -w $W
	[ "$(of_bad quiet.db status)" = hold ]
	[ "$(ask quiet.db "SELECT count(*) FROM trades JOIN agents AS a ON a.id = agent_id WHERE name = 'good'")" = 1 ]
	program bad "$4"
	expect "$1" tr-cycle -d bad.db -w $W
	others quiet.db >quiet
	others bad.db >bad.out
	cmp quiet bad.out
	[ "$(of_bad bad.db status)" = "$2" ]
	# a pattern
	# shellcheck disable=SC2053
	[[ $(of_bad bad.db error) == $3 ]]
	expect 0 tr-audit -d bad.db
	# again: nobody is asked, nothing changes
	local before
	before=$(state bad.db)
	program bad "touch asked; $HOLD"
	tr-cycle -d bad.db -w $W >/dev/null
	[ ! -e asked ]
	[ "$before" = "$(state bad.db)" ]
}

# The bytes that are kept as the bad agent's answer, in hexadecimal.
raw() {
	of_bad bad.db 'hex(raw)'
}

hex() {
	printf '%b' "$1" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F
}

process_with() {
	grep -qzxF "$1" /proc/[0-9]*/cmdline 2>/dev/null
}

no_process_with() {
	! process_with "$1"
}

# Wait up to a second, or as long as said, for a command to succeed.
within() {
	local i n=$1
	shift
	for ((i = 0; i < n * 20; i++)); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

@test "a crash is an error of that agent alone" {
	misbehaves 3 error 'killed by signal 11' 'kill -SEGV $$'
}

@test "a crash after the answer is an error as well, and the answer is kept" {
	misbehaves 3 error 'killed by signal 9' "$HOLD; kill -KILL \$\$"
	[ "$(raw)" = "$(hex '{"orders":[]}\n')" ]
}

@test "a hang ends at exec.timeout_s, and nothing of it stays" {
	misbehaves 3 timeout 'no answer in time*' "sleep 1000.$$"
	within 10 no_process_with "1000.$$"
}

@test "a hang that ignores signals ends too" {
	misbehaves 3 timeout 'no answer in time*' "trap '' TERM INT HUP; while :; do sleep 1001.$$; done"
	within 10 no_process_with "1001.$$"
}

@test "what a hanging agent complained about is part of the error" {
	misbehaves 3 timeout '*still thinking*' "echo still thinking >&2; exec sleep 1002.$$"
}

@test "garbage is invalid" {
	misbehaves 3 invalid 'answer: *' "printf '\\001\\377\\000garbage'"
	[ "$(raw)" = "$(hex '\001\0377\000garbage')" ]
}

@test "2 GiB of output end at exec.output_kb" {
	misbehaves 3 invalid 'the answer is longer than 64 KiB' 'exec head -c 2147483648 /dev/zero'
	[ "$(of_bad bad.db 'length(raw)')" = 65536 ]
}

@test "200 MB of complaints do not matter" {
	misbehaves 0 hold '' "head -c 200000000 /dev/zero >&2; $HOLD"
}

@test "a child that keeps the pipe open holds nobody up" {
	local start=$SECONDS
	misbehaves 0 hold '' "sleep 1003.$$ & $HOLD"
	[ $((SECONDS - start)) -lt 20 ]
	within 10 no_process_with "1003.$$"
}

@test "a child that leaves its session is killed all the same" {
	misbehaves 0 hold '' "setsid sleep 1004.$$ & $HOLD"
	within 10 no_process_with "1004.$$"
}

@test "a child that leaves its session and hangs with its parent is killed" {
	misbehaves 3 timeout 'no answer in time*' "setsid sleep 1005.$$ & exec sleep 1006.$$"
	within 10 no_process_with "1005.$$"
	within 10 no_process_with "1006.$$"
}

@test "exit status 1 is an error with the last complaint, even with a good answer" {
	misbehaves 3 error 'exit status 1: no key for you' "$HOLD; echo no key for you >&2; exit 1"
	[ "$(raw)" = "$(hex '{"orders":[]}\n')" ]
}

@test "an empty answer is invalid" {
	misbehaves 3 invalid 'the answer is empty' ':'
	[ "$(of_bad bad.db 'typeof(raw) || length(raw)')" = blob0 ]
}

@test "blank lines are an empty answer" {
	misbehaves 3 invalid 'the answer is empty' "printf '\\n  \\n'"
}

@test "two lines are invalid, even two equal ones" {
	misbehaves 3 invalid 'answer: *' "$HOLD; $HOLD"
	[ "$(raw)" = "$(hex '{"orders":[]}\n{"orders":[]}\n')" ]
}

# answer TEXT: a script that answers TEXT.
answer() {
	printf "cat <<'END'\n%s\nEND" "$1"
}

@test "broken JSON is invalid and kept as it came" {
	misbehaves 3 invalid 'answer: *' "$(answer '{"orders":[}')"
	[ "$(raw)" = "$(hex '{"orders":[}\n')" ]
}

@test "JSON that is no object is invalid" {
	misbehaves 3 invalid '*' "$(answer '["orders"]')"
}

@test "an answer without orders is invalid" {
	misbehaves 3 invalid '*orders*' "$(answer '{"reasoning":"I wait"}')"
}

@test "a key twice is invalid" {
	misbehaves 3 invalid '*' "$(answer '{"orders":[],"orders":[]}')"
}

@test "an unknown key is invalid and named" {
	misbehaves 3 invalid '*leverage*' "$(answer '{"orders":[],"leverage":"100"}')"
}

@test "an unknown key of an order is invalid and named" {
	misbehaves 3 invalid '*stop_loss*' \
		"$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"1","stop_loss":"1"}]}')"
}

@test "more than 64 orders are invalid" {
	local many
	many=$(jq -nc '{orders: [range(65) | {asset: "BTC", side: "buy", quantity: "0.001"}]}')
	misbehaves 3 invalid '*64*' "$(answer "$many")"
}

@test "an unknown asset is an order that is dropped, not an invalid answer" {
	misbehaves 0 ok '' "$(answer '{"orders":[{"asset":"NOPE","side":"buy","quantity":"1"}]}')"
	[ "$(ask bad.db "SELECT asset, action, reasons, filled FROM orders JOIN agents ON id = agent_id
		WHERE name = 'bad'")" = 'NOPE|drop|unknown_asset|0' ]
}

@test "an asset in lower case is invalid" {
	misbehaves 3 invalid '*asset*' "$(answer '{"orders":[{"asset":"btc","side":"buy","quantity":"1"}]}')"
}

@test "a side that is neither buy nor sell is invalid" {
	misbehaves 3 invalid '*side*' "$(answer '{"orders":[{"asset":"BTC","side":"BUY","quantity":"1"}]}')"
}

@test "a negative quantity is invalid" {
	misbehaves 3 invalid '*quantity*' "$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"-1"}]}')"
}

@test "a quantity of 0 is invalid" {
	misbehaves 3 invalid '*quantity*' "$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"0"}]}')"
}

@test "a number instead of a string is invalid" {
	misbehaves 3 invalid '*quantity*' "$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":0.1}]}')"
}

@test "digits beyond the scale are invalid, not rounded" {
	misbehaves 3 invalid '*quantity*' \
		"$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"0.123456789"}]}')"
}

@test "quantity and notional together are invalid" {
	misbehaves 3 invalid '*' \
		"$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"1","notional":"1"}]}')"
}

@test "one bad order makes the whole answer invalid" {
	misbehaves 3 invalid '*' "$(answer '{"orders":[{"asset":"BTC","side":"buy","quantity":"0.1"},
		{"asset":"ETH","side":"buy"}]}')"
	[ "$(of_bad bad.db orders)" = '[]' ]
}

@test "a refusal is recorded as such" {
	misbehaves 3 refused 'the agent refused' "$(answer '{"status":"refused","orders":[]}')"
}

@test "a status that contradicts the orders is invalid" {
	misbehaves 3 invalid '*status*' "$(answer '{"status":"ok","orders":[]}')"
}

@test "a program that is gone, or may not be executed, is an error" {
	program bad "$HOLD"
	race_of race.db bad
	expect 0 tr-cycle -d race.db -w $W
	chmod -x bad
	expect 3 tr-cycle -d race.db -w 2024-07-23T00:15Z
	rm bad
	expect 3 tr-cycle -d race.db -w 2024-07-23T00:30Z
	[ "$(of_bad race.db "status || coalesce(' ' || error, '')")" = "hold
error program $PWD/bad: cannot be run: Permission denied
error program $PWD/bad: cannot be run: No such file or directory" ]
	[ "$(ask race.db "SELECT max(version) FROM agent_versions")" = 1 ]
}

@test "a program whose interpreter is missing is an error" {
	! grep -q __asan_init "$B/tr-jail" || skip "the sanitizer's exit needs more than an agent may have"
	printf '#!/no/such/interpreter\n' >bad
	chmod +x bad
	race_of race.db bad
	expect 3 tr-cycle -d race.db -w $W
	[[ $(of_bad race.db "status || ' ' || error") == 'error exit status 66: '*'No such file'* ]]
}

@test "changed bytes of a program are a new version from the next window on" {
	program bad "$HOLD"
	race_of race.db bad
	expect 0 tr-cycle -d race.db -w $W
	echo '# another' >>bad
	expect 0 tr-cycle -d race.db -w 2024-07-23T00:15Z
	[ "$(of_bad race.db version)" = $'1\n2' ]
}

# A program of two files, in a directory of its own.
package() {
	mkdir mine
	echo 'ANSWER = "{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"0.1\"}]}"' >mine/answer.py
	printf '#!/usr/bin/python3\nimport answer\nprint(answer.ANSWER)\n' >mine/bad
	chmod +x mine/bad
	tr-init -q --demo race.db
	export TR_DB=$PWD/race.db
}

@test "a program reads its own directory if that is granted, and then fills in the next window" {
	package
	tr-agent -q add bad --kind exec -- mine/bad
	expect 3 tr-cycle -w $W
	[[ $(of_bad race.db error) == *ModuleNotFoundError* ]]
	tr-agent -q set bad --read mine
	expect 0 tr-cycle -w 2024-07-23T00:15Z
	expect 0 tr-cycle -w 2024-07-23T00:20Z
	[ "$(of_bad race.db "status || ' ' || (fill_ms - window_ms)")" = $'error 0\nok 300000' ]
	[ "$(ask race.db "SELECT count(*) FROM trades JOIN agents AS a ON a.id = agent_id WHERE name = 'bad'")" = 1 ]
	# it is read, and nothing else
	printf '#!/bin/sh\ntouch "$PWD" "${0%%/*}/new" 2>/dev/null && exit 9\ncat "${0%%/*}/../race.db" >/dev/null 2>&1 && exit 8\n%s\n' "$HOLD" >mine/bad
	expect 0 tr-cycle -w 2024-07-23T00:30Z
	[ "$(of_bad race.db status | tail -1)" = hold ]
	[ ! -e mine/new ]
	expect 0 tr-audit
}

@test "a directory that came to hold a key, or leads elsewhere, is not read any more" {
	package
	tr-agent -q add bad --kind exec --read mine -- mine/bad
	echo secret >mine/key
	chmod 600 mine/key
	tr-provider -q key openai --file mine/key
	expect 0 tr-cycle -w $W
	[[ $(of_bad race.db error) == *"$PWD/mine: holds the key of openai" ]]
	expect 1 tr-doctor
	[[ $output == *"$PWD/mine: holds the key of openai"* ]]
	tr-provider -q remove openai
	mv mine away
	ln -s . mine
	cp away/bad bad
	expect 3 tr-cycle -w 2024-07-23T00:15Z
	[[ $(of_bad race.db error | tail -1) == *"is another one now, $PWD" ]]
	rm mine bad
	mv away mine
	# what failed before is counted where it would have filled
	expect 3 tr-cycle -w 2024-07-23T00:30Z
	[ "$(of_bad race.db status | tail -1)" = ok ]
}

@test "the order of arrival does not matter" {
	local GRANT=--unconfined # it writes where the test can see it
	local i
	for i in 1 2 3 4 5; do
		program "a$i" 'sleep "$(cat "$0.delay")"
			echo "${0##*/}" >>"${0%/*}/arrived"
			n=${0##*/a}
			echo "{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"0.0$n\"}]}"'
	done
	race_of one.db a1 a2 a3 a4 a5
	race_of two.db a1 a2 a3 a4 a5
	race_of three.db a1 a2 a3 a4 a5
	for i in 1 2 3 4 5; do echo "0.$((i * 2 - 1))" >"a$i.delay"; done
	expect 0 tr-cycle -d one.db -w $W
	mv arrived first
	for i in 1 2 3 4 5; do echo "0.$((11 - i * 2))" >"a$i.delay"; done
	expect 0 tr-cycle -d two.db -w $W
	mv arrived second
	for i in 1 2 3 4 5; do echo "0.$((RANDOM % 10))" >"a$i.delay"; done
	expect 0 tr-cycle -d three.db -w $W
	[ "$(wc -l <first)" = 5 ]
	[ "$(wc -l <second)" = 5 ]
	run ! cmp -s first second
	[ "$(ask one.db "SELECT count(*) FROM decisions AS d JOIN agents AS a ON a.id = agent_id WHERE kind = 'exec' AND d.status = 'ok'")" = 5 ]
	[ "$(state one.db)" = "$(state two.db)" ]
	[ "$(state one.db)" = "$(state three.db)" ]
}

@test "no more than decide.parallel programs run at a time" {
	local GRANT=--unconfined # it writes where the test can see it
	local i
	mkdir running
	for i in 1 2 3 4 5 6; do
		program "a$i" 'd=${0%/*}/running
			touch "$d/${0##*/}"
			set -- "$d"/*
			echo $# >>"${0%/*}/counts"
			sleep 0.3
			rm "$d/${0##*/}"
			echo "{\"orders\":[]}"'
	done
	race_of race.db a1 a2 a3 a4 a5 a6
	tr-config -q -d race.db set decide.parallel 2
	expect 0 tr-cycle -d race.db -w $W
	[ "$(wc -l <counts)" = 6 ]
	[ "$(sort -n counts | tail -1)" = 2 ]
}

@test "agents that think for a second each are asked at the same time" {
	local i start names=()
	for i in 1 2 3 4 5 6 7 8; do
		program "a$i" "sleep 1; $HOLD"
		names+=("a$i")
	done
	race_of race.db "${names[@]}"
	tr-ingest -q -d race.db -w $W >/dev/null
	start=$(date +%s%N)
	expect 0 tr-decide -d race.db -w $W
	[ $((($(date +%s%N) - start) / 1000000)) -lt 7500 ]
	[ $((($(date +%s%N) - start) / 1000000)) -ge 1000 ]
}

@test "what is over decide.deadline_s is a time-out, also for those whose turn never came" {
	program a1 'exec sleep 30'
	program a2 'touch "${0%/*}/started"; echo "{\"orders\":[]}"'
	race_of race.db a1 a2
	tr-config -q -d race.db set decide.parallel 1
	tr-config -q -d race.db set decide.deadline_s 1
	expect 3 tr-cycle -d race.db -w $W
	[ ! -e started ]
	[ "$(ask race.db "SELECT name, d.status FROM decisions AS d JOIN agents ON id = agent_id
		WHERE kind = 'exec' ORDER BY name")" = $'a1|timeout\na2|timeout' ]
}

@test "an agent sees only the environment that is listed" {
	local GRANT=--unconfined # it writes where the test can see it
	program spy "cat /proc/\$\$/environ >\"\$0.env\"; $HOLD"
	race_of race.db spy
	export SECRET_CANARY=canary-7391 LD_LIBRARY_PATH=/canary-7391 https_proxy=canary-7391
	export SSLKEYLOGFILE=/canary-7391 BASH_ENV=/canary-7391 PYTHONPATH=/canary-7391
	expect 0 tr-cycle -d race.db -w $W
	run ! grep -q canary spy.env
	[ -s spy.env ]
	tr '\0' '\n' <spy.env >spy.names
	run ! grep -vE '^(PATH|HOME|USER|LOGNAME|LANG|TZ)=' spy.names
	grep -qxF "PATH=$PATH" spy.names
	grep -qx TZ=UTC spy.names
}

@test "an agent gets three descriptors and no privileges" {
	local GRANT=--unconfined # it writes where the test can see it
	program spy 'grep NoNewPrivs /proc/self/status >"$0.status"
		cat /proc/self/limits >"$0.limits"
		(exec ls /proc/self/fd) >"$0.fd"
		echo "{\"orders\":[]}"'
	race_of race.db spy
	tr-config -q -d race.db set exec.files 77
	exec 8<spy 9<spy
	expect 0 tr-cycle -d race.db -w $W
	exec 8<&- 9<&-
	# the fourth is the directory being read
	[ "$(tr '\n' ' ' <spy.fd)" = '0 1 2 3 ' ]
	grep -qE 'NoNewPrivs:\s1' spy.status
	grep -qE '^Max open files +77 +77 ' spy.limits
	grep -qE '^Max core file size +0 +0 ' spy.limits
}

@test "the input is one line, the context whose hash is stored" {
	local GRANT=--unconfined # it writes where the test can see it
	program spy 'cat >"$0.in"; echo "{\"orders\":[]}"'
	race_of race.db spy
	expect 0 tr-cycle -d race.db -w $W
	[ "$(wc -l <spy.in)" = 1 ]
	tr-context -d race.db -w $W spy | cmp - spy.in
	[ "$(ask race.db "SELECT lower(hex(context)) FROM decisions JOIN agents ON id = agent_id
		WHERE name = 'spy'")" = "$(tr -d '\n' <spy.in | sha256sum | cut -d' ' -f1)" ]
	[ "$(jq -r '.agent' spy.in)" = spy ]
	# nothing of later than the window
	[ "$(jq -r '[.market.assets[].candles[].time] | max' spy.in)" = 2024-07-22T23:55:00Z ]
}

@test "the examples trade for hours without a bad answer" {
	tr-init -q --demo race.db
	export TR_DB=$PWD/race.db
	tr-config -q set sim.seed 3
	tr-agent -q add shell --kind exec -- "$TOP/share/examples/agent.sh"
	tr-agent -q add python --kind exec -- "$TOP/share/examples/agent.py"
	expect 0 tr-cycle --from 2024-07-23T13:00Z --to 2024-07-23T17:00Z
	[ "$(ask race.db "SELECT name, count(*), sum(d.status IN ('ok', 'hold')) FROM decisions AS d
		JOIN agents ON id = agent_id WHERE kind = 'exec' GROUP BY name")" = $'python|16|16\nshell|16|16' ]
	[ "$(ask race.db "SELECT count(DISTINCT agent_id) FROM trades JOIN agents AS a ON a.id = agent_id
		WHERE kind = 'exec'")" = 2 ]
	[ "$(ask race.db "SELECT count(*) FROM orders JOIN agents ON id = agent_id WHERE kind = 'exec'
		AND action <> 'pass'")" = 0 ]
	expect 0 tr-audit
}

# Three programs: one answers at once, two hang until "go" exists, one of them in a child. Each
# notes that it was asked.
slow_programs() {
	local i
	program a1 'echo x >>"$0.asked"; echo "{\"orders\":[]}"'
	for i in 2 3; do
		program a$i "echo x >>\"\$0.asked\"; [ -e \"\${0%/*}/go\" ] || $([ $i = 3 ] || echo exec) sleep 1007.$$; $HOLD"
	done
	race_of race.db a1 a2 a3
	tr-ingest -q -d race.db -w $W >/dev/null
}

answered() {
	[ "$(ask race.db "SELECT count(*) FROM decisions JOIN agents ON id = agent_id
		WHERE kind = 'exec'")" = "$1" ] && [ -e a2.asked ] && [ -e a3.asked ]
}

asked() {
	wc -l <a1.asked
	wc -l <a2.asked
	wc -l <a3.asked
}

@test "a killed tr-decide leaves no program, and a rerun asks only those without answer" {
	local GRANT=--unconfined # it writes where the test can see it
	slow_programs
	tr-decide -d race.db -w $W >out 2>&1 3>&- &
	local pid=$!
	within 10 answered 1
	process_with "1007.$$"
	kill -KILL $pid
	wait $pid || [ $? -eq 137 ]
	within 10 no_process_with "1007.$$"
	answered 1
	touch go
	expect 0 tr-decide -d race.db -w $W
	answered 3
	[ "$(asked)" = $'1\n2\n2' ]
	local first=$output
	expect 0 tr-decide -d race.db -w $W
	[ "$output" = "$first" ]
	[ "$(asked)" = $'1\n2\n2' ]
}

@test "a terminated tr-decide stops with status 143 and keeps what was answered" {
	local GRANT=--unconfined # it writes where the test can see it
	slow_programs
	tr-decide -d race.db -w $W >out 2>&1 3>&- &
	local pid=$! rc=0
	within 10 answered 1
	kill -TERM $pid
	wait $pid || rc=$?
	[ $rc -eq 143 ]
	no_process_with "1007.$$"
	answered 1
	touch go
	expect 0 tr-decide -d race.db -w $W
	[ "$(asked)" = $'1\n2\n2' ]
}

@test "tr-decide --agent asks only those named, and the others later" {
	local GRANT=--unconfined # it writes where the test can see it
	slow_programs
	touch go
	touch a1.asked a2.asked a3.asked
	expect 0 tr-decide -d race.db -w $W --agent a2
	[ "$(asked)" = $'0\n1\n0' ]
	expect 0 tr-decide -d race.db -w $W
	[ "$(asked)" = $'1\n1\n1' ]
	expect 66 tr-decide -d race.db -w $W --agent nobody
}

@test "a dry run starts no program and stores nothing" {
	slow_programs
	local before
	before=$(state race.db)
	expect 0 tr-decide -d race.db -w $W --dry-run
	[ ! -e a1.asked ]
	[ "$before" = "$(state race.db)" ]
	[[ $output == *'"agent":"trend"'* ]]
	[[ $output != *'"agent":"a1"'* ]]
}
