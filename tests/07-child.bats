#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# Programs as children: tr-jail, and the example agents that it may run.

load helper

# One context line: prices 60000 (BTC) and 3000 (ETH), candles that rise by 1 % and fall by 2 %.
context() {
	jq -nc --arg cash "${1:-100000}" '
	def candles(from; step): [range(20) | {time: "2024-07-23T00:00:00Z", open: "1", high: "1",
		low: "1", close: (from + . * step | tostring), volume: "1"}];
	{schema: "tr.context/1", agent: "mine", window: "market-cycle-20240723-0000",
	 time: "2024-07-23T00:00:00Z", quote: "USD",
	 portfolio: {cash: $cash, equity: "100000.00000003",
		positions: [{asset: "ETH", quantity: "1.50000001", cost: "4500", value: "4500"}]},
	 limits: {}, market: {assets: [
		{asset: "BTC", price: "60000", quality: "fresh", candles: candles(59000; 40),
		 indicators: {sma_20: "59000"}},
		{asset: "ETH", price: "3000", quality: "fresh", candles: candles(3200; -10),
		 indicators: {sma_20: "3100"}},
		{asset: "OLD", price: "1", quality: "stale", candles: candles(2; 0),
		 indicators: {sma_20: "2"}}]}}'
}

# Wait up to five seconds for a command to succeed.
wait_for() {
	local i
	for ((i = 0; i < 50; i++)); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

process_with() {
	grep -qzxF "$1" /proc/[0-9]*/cmdline 2>/dev/null
}

no_process_with() {
	! process_with "$1"
}

@test "children are bounded, and nothing of them stays behind" {
	expect 0 "$B/unit/test_child"
	[ "${lines[-1]}" = "1..$(grep -c '^ok ' <<<"$output")" ]
}

@test "tr-jail passes arguments, environment and status through" {
	expect 7 env -i "A=b c" "$B/tr-jail" -- /bin/sh -c 'echo "$A|$1|$2"; exit 7' sh 'x  y' -z
	[ "$output" = 'b c|x  y|-z' ]
	expect 0 env -i "A=b c" "$B/tr-jail" -- /usr/bin/env
	[ "$output" = 'A=b c' ]
}

@test "tr-jail leaves standard input to the program" {
	expect 0 tr-jail -- /bin/cat <<<'a line'
	[ "$output" = 'a line' ]
}

@test "tr-jail wants a program after --" {
	expect 64 tr-jail
	expect 64 tr-jail --
	expect 64 tr-jail /bin/true
	expect 64 tr-jail /bin/true -- /bin/true
}

@test "tr-jail refuses limits that are no numbers or out of range" {
	local o
	for o in --memory-mb --cpu-s --files --file-mb --processes --parent; do
		expect 64 tr-jail "$o" -1 -- /bin/true
		expect 64 tr-jail "$o" 1x -- /bin/true
	done
	expect 64 tr-jail --memory-mb 9223372036854775807 -- /bin/true
}

@test "tr-jail says that a program is absent, or cannot be executed" {
	expect 66 tr-jail -- "$PWD/absent"
	[ "$stderr" = "tr-jail: $PWD/absent: No such file or directory" ]
	echo 'echo no' >plain
	expect 77 tr-jail -- "$PWD/plain"
	expect 77 tr-jail -- "$PWD"
	expect 66 tr-jail -- true
}

@test "tr-jail runs the program in the directory given" {
	mkdir inner
	expect 0 tr-jail -C inner -- /bin/pwd
	[ "$output" = "$PWD/inner" ]
	expect 66 tr-jail -C absent -- /bin/pwd
}

@test "tr-jail refuses to start under another parent than the one named" {
	expect 75 tr-jail -p 1 -- /bin/echo started
	[ -z "$output" ]
	expect 0 sh -c '"$1" -p $$ -- /bin/echo started; exit $?' sh "$B/tr-jail"
	[ "$output" = started ]
}

@test "a program in tr-jail sees its limits" {
	expect 0 tr-jail --memory-mb 512 --cpu-s 7 --files 33 --file-mb 3 --processes 5000 -- \
		/bin/cat /proc/self/limits
	grep -qE '^Max core file size +0 +0 ' <<<"$output"
	grep -qE '^Max address space +536870912 +536870912 ' <<<"$output"
	grep -qE '^Max cpu time +7 +7 ' <<<"$output"
	grep -qE '^Max open files +33 +33 ' <<<"$output"
	grep -qE '^Max file size +3145728 +3145728 ' <<<"$output"
	grep -qE '^Max processes +5000 +5000 ' <<<"$output"
}

@test "a limit of the processes of 0 leaves it as it is" {
	expect 0 tr-jail --processes 0 -- /bin/grep '^Max processes' /proc/self/limits
	[ "$output" = "$(grep '^Max processes' /proc/self/limits)" ]
}

@test "tr-jail never raises a limit" {
	expect 0 bash -c 'ulimit -n 20; exec tr-jail --files 40 -- /bin/sh -c "ulimit -Hn; ulimit -n"'
	[ "$output" = $'20\n20' ]
}

@test "the limits end what exceeds them" {
	expect 137 tr-jail --cpu-s 1 -- /bin/sh -c 'while :; do :; done'
	expect 153 tr-jail --scratch . --file-mb 1 -- /bin/sh -c 'exec head -c 2000000 /dev/zero >big'
	[ "$(wc -c <big)" -eq 1048576 ]
	expect 1 tr-jail --unconfined --memory-mb 100 -- "$(command -v python3)" -c 'bytearray(1 << 28)'
}

@test "a program in tr-jail has no new privileges and umask 077" {
	expect 0 tr-jail -- /bin/grep NoNewPrivs /proc/self/status
	[ "$output" = $'NoNewPrivs:\t1' ]
	expect 0 tr-jail -- /bin/sh -c umask
	[ "$output" = 0077 ]
}

@test "a program in tr-jail has only standard input, output and error" {
	exec 7</dev/null 9</dev/null
	expect 0 tr-jail -- /bin/sh -c 'for f in /proc/self/fd/*; do [ -e "$f" ] && echo "${f##*/}"; done; :'
	exec 7<&- 9<&-
	[ "$output" = $'0\n1\n2' ]
}

@test "a program in tr-jail gets every signal at its default" {
	expect 0 sh -c 'trap "" PIPE INT HUP TERM USR1; exec tr-jail -- /bin/grep SigIgn /proc/self/status'
	# two signals belong to the C library
	[[ $output =~ ^SigIgn:.0{7}(00|18)0{7}$ ]]
}

@test "a program in tr-jail dies with its parent" {
	local mark="child-mark-$$-$RANDOM" pid
	"$B/unit/test_child" hold "$mark" 3>&- &
	pid=$!
	wait_for process_with "held-$mark"
	kill -KILL "$pid"
	sleep 1
	no_process_with "held-$mark"
}

@test "the shell example buys the asset below its average" {
	context | jq -c '.market.assets[0].price = "57000"' >in
	expect 0 "$TOP/share/examples/agent.sh" <in
	[ "$(jq -c .orders <<<"$output")" = '[{"asset":"BTC","side":"buy","notional":"500"}]' ]
	context 999 >in
	expect 0 "$TOP/share/examples/agent.sh" <in
	[ "$(jq -c .orders <<<"$output")" = '[]' ]
}

@test "the Python example buys what rises and sells what falls" {
	context >in
	expect 0 "$TOP/share/examples/agent.py" <in
	[ "$(jq -c .orders <<<"$output")" = '[{"asset":"BTC","side":"buy","notional":"5000.00000000"},{"asset":"ETH","side":"sell","quantity":"1.50000001"}]' ]
	context 4999 >in
	expect 0 "$TOP/share/examples/agent.py" <in
	[ "$(jq -c '[.orders[].asset]' <<<"$output")" = '["ETH"]' ]
}

@test "the examples answer each line at once and hold on what they do not understand" {
	local agent line answer in out
	for agent in agent.sh agent.py; do
		mkfifo in out
		"$TOP/share/examples/$agent" <in >out 3>&- &
		exec {in}>in {out}<out
		for line in '{}' '' 'no json' '{"portfolio":[]}' "$(context)" '{} x'; do
			printf '%s\n' "$line" >&"$in"
			read -r -t 5 answer <&"$out"
			[ "$(jq -r '.orders | type' <<<"$answer")" = array ]
		done
		[ "$(jq -c .orders <<<"$answer")" = '[]' ]
		exec {in}>&- {out}<&-
		wait "$!"
		rm in out
	done
}

@test "the examples run confined" {
	context >in
	expect 0 tr-jail --memory-mb 512 --cpu-s 5 --files 64 --file-mb 1 -- "$TOP/share/examples/agent.sh" <in
	[ -n "$output" ]
	expect 0 tr-jail --memory-mb 512 --cpu-s 5 --files 64 --file-mb 1 -- "$TOP/share/examples/agent.py" <in
	[ -n "$output" ]
}

@test "what a program has started and left dies with the parent of tr-jail --keep" {
	mark=6$RANDOM.$BATS_TEST_NUMBER
	cat >prog <<-END
		#!/bin/sh
		setsid sleep $mark &
		sleep $mark
	END
	chmod +x prog
	sh -c "tr-jail --keep --unconfined --parent=\$\$ -- $PWD/prog; :" &
	parent=$!
	for _ in $(seq 50); do
		[ "$(pgrep -fc "^sleep $mark")" -eq 2 ] && break
		sleep 0.05
	done
	[ "$(pgrep -fc "^sleep $mark")" -eq 2 ]
	kill -KILL $parent
	for _ in $(seq 20); do
		pgrep -f "^sleep $mark" >/dev/null || break
		sleep 0.05
	done
	[ "$(pgrep -fc "^sleep $mark")" -eq 0 ]
}

@test "tr-jail --keep ends as its program does" {
	expect 7 tr-jail --keep -- /bin/sh -c 'exit 7'
	run --separate-stderr tr-jail --keep -- /bin/sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
}
