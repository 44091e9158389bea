#!/usr/bin/env bats
# The race over history: equal to the race window by window, whole after every interruption, and
# without a way to see what comes.

load helper

# A day of simulated windows is enough for all kinds of fills: a race with two-hour decisions.
first() {
	demo_race first.db
	unset TR_DB
	tr-db -q -d first.db checkpoint
}

# replay OUT [OPTION...]: the first hours of a day.
replay() {
	local out=$1
	shift
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z -o "$out" "$@"
}

# The same windows by tr-cycle, on a copy of the first race.
cycles() {
	cp first.db "$1"
	tr-config -q -d "$1" set trade.fill "${2:-next}"
	# an agent that fails is status 3
	tr-cycle -q -d "$1" --from 2024-08-01 --to 2024-08-01T04:00Z || [ $? -eq 3 ]
}

same() {
	tr-db dump --logical -d "$1" >one
	tr-db dump --logical -d "$2" >two
	diff one two >differ || fail "$(head -n 6 differ | cut -c1-300)"
}

counted() {
	sqlite3 "$1" "SELECT count(*) FROM $2"
}

# echoes NAME: a program that answers every line, and counts in its scratch directory how often.
program() {
	cat >"$1.py" <<-'END'
		import json, sys
		for line in sys.stdin:
		    c = json.loads(line)
		    market = c["market"]["assets"]
		    rise = [a for a in market if a["price"] and float(a["price"]) > float(a["candles"][-2]["close"])]
		    held = {p["asset"] for p in c["portfolio"]["positions"]}
		    orders = [{"asset": a["asset"], "side": "buy", "notional": "100"} for a in rise[:1]]
		    orders += [{"asset": h, "side": "sell", "notional": "40"} for h in sorted(held)[:1]]
		    print(json.dumps({"orders": orders, "reasoning": f"{len(rise)} rose"}), flush=True)
	END
}

@test "a race replayed is the race run window by window" {
	first
	replay r.db
	cycles c.db
	same r.db c.db
	[ "$(counted r.db trades)" -gt 20 ]
	expect 0 tr-audit -q -d r.db
	expect 0 tr-db -q -d r.db check
}

@test "decisions that fill at their own batch are replayed so" {
	first
	replay r.db --fill batch
	cycles c.db batch
	same r.db c.db
	[ "$(counted r.db trades)" -gt 20 ]
}

@test "real candles are replayed as they would have run" {
	need_shared
	local a
	tr-init -q --quote USDT first.db
	for a in ADA BTC; do tr-asset -q -d first.db add $a --feed history; done
	tr-ingest -q -d first.db --import "$SHARED"/data/{ADA,BTC}-USDT_5m_binance_2024-07-22_*.csv.gz
	for a in rsi momentum mean-reversion sma-cross; do tr-agent -q -d first.db add "$a" --kind rule --strategy "$a"; done
	tr-db -q -d first.db checkpoint
	cp first.db c.db
	tr-config -q -d c.db set trade.fill next
	tr-cycle -q -d c.db --from 2024-07-23T20:00Z --to 2024-07-24T02:00Z
	tr-replay -q -d first.db --from 2024-07-23T20:00Z --to 2024-07-24T02:00Z -o r.db
	same r.db c.db
	[ "$(counted r.db trades)" -gt 0 ]
	# where there is nothing there is no race
	expect 66 tr-replay -q -d first.db --from 2030-01-01 --to 2030-01-02 -o none.db
	has "$stderr" "no candle between"
	[ ! -e none.db ]
}

more_windows() {
	[ "$(counted "$1" batches)" -gt "$2" ]
}

@test "a quarter of recorded windows, six assets and twelve agents: extended and killed the same, and its books add up" {
	need_shared
	local a
	tr-init -q --quote USDT first.db
	for a in ADA BTC ETH LTC SOL XRP; do tr-asset -q -d first.db add $a --feed history; done
	tr-ingest -q -d first.db --import "$SHARED"/data/*-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz
	for a in rsi momentum mean-reversion sma-cross; do
		tr-agent -q -d first.db add "$a" --kind rule --strategy "$a"
		tr-agent -q -d first.db add "$a-2" --kind rule --strategy "$a" --set max_orders=2 ||
			tr-agent -q -d first.db add "$a-2" --kind rule --strategy "$a" --set share_bps=500
	done
	tr-replay -q -d first.db --from 2023-01-01 --to 2023-04-01 -o one.db
	assert_equal "$(counted one.db batches)|$(counted one.db agents)" '25920|12'
	[ "$(counted one.db trades)" -gt 1000 ]
	expect 0 tr-audit -q -d one.db
	tr-replay -q -d first.db --from 2023-01-01 --to 2023-02-14 -o two.db
	tr-replay -q -d first.db --from 2023-01-01 --to 2023-04-01 -o two.db 3>&- &
	wait_for more_windows two.db 12672
	kill -KILL $!
	wait $! || true
	expect 0 tr-replay -d first.db --from 2023-01-01 --to 2023-04-01 -o two.db
	[ "$(jq '.resumed and .windows > 0 and .windows < 25920 - 12672' <<<"$output")" = true ]
	assert_equal "$(tail -n 1 two.db.heads)" "$(tail -n 1 one.db.heads)"
}

@test "programs are kept running, and the race is the one in which they are started anew" {
	first
	program line
	# one that reads to the end of its input, and one that ends after its line
	printf '%s\n' 'import json,sys' 'c=json.load(sys.stdin)' \
		'print(json.dumps({"orders": [], "reasoning": c["window"]}))' >whole.py
	printf '#!/bin/sh\nread -r line\necho "{\\"orders\\": [], \\"reasoning\\": \\"${#line}\\"}"\n' >once.sh
	tr-agent -q -d first.db add line --kind exec -- /usr/bin/python3 "$PWD/line.py"
	tr-agent -q -d first.db add whole --kind exec -- /usr/bin/python3 "$PWD/whole.py"
	tr-agent -q -d first.db add once --kind exec -- sh "$PWD/once.sh"
	tr-db -q -d first.db checkpoint
	! grep -q __asan_init "$B/tr-jail" || skip "the sanitizer of tr-jail does not work under strace"
	strace -f -qq -s 400 -e trace=execve -o calls tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z -o r.db
	cycles c.db
	same r.db c.db
	assert_equal "$(sqlite3 r.db "SELECT count(*) FROM decisions WHERE status IN ('ok', 'hold') AND raw IS NOT NULL")" 48
	# one process for fifteen decisions after one that showed how it ends, and for the others one
	# for each
	assert_equal "$(grep -c 'execve("/usr/bin/python3.*line.py.*= 0$' calls)" 2
	[ "$(grep -c 'execve("/usr/bin/python3.*whole.py.*= 0$' calls)" -ge 16 ]
	# nothing is left behind
	run ! pgrep -f "$PWD/line.py"
}

@test "how many programs are asked at once makes no difference" {
	first
	program line
	for a in a b c; do tr-agent -q -d first.db add $a --kind exec -- /usr/bin/python3 "$PWD/line.py"; done
	replay one.db --jobs 1
	replay many.db --jobs 3
	same one.db many.db
}

@test "a program that fails now and then fails in a replay as it does live" {
	first
	cat >moody.py <<-'END'
		import json, sys
		for line in sys.stdin:
		    hour = json.loads(line)["window"][-4:]
		    if hour == "0100": sys.exit(3)
		    if hour == "0145": print("no answer at all", flush=True); continue
		    if hour == "0230": print("{}\n{}", flush=True); continue
		    print(json.dumps({"orders": []}), flush=True)
	END
	tr-agent -q -d first.db add moody --kind exec -- /usr/bin/python3 "$PWD/moody.py"
	tr-db -q -d first.db checkpoint
	replay r.db
	cycles c.db
	same r.db c.db
	assert_equal "$(sqlite3 r.db "SELECT group_concat(DISTINCT status) FROM (SELECT d.status FROM decisions AS d
		JOIN agents AS a ON a.id = d.agent_id WHERE a.name = 'moody' ORDER BY d.status)")" error,hold,invalid
}

@test "a program that a live window would refuse is refused in a replay" {
	first
	# two lines for one, the second late; a word at the end; a bad end; an answer to no question
	cat >two.py <<-'END'
		import sys, time
		for n, line in enumerate(sys.stdin):
		    for text in "first", "second":
		        print('{"orders": [], "reasoning": "%s %d"}' % (text, n), flush=True)
		        time.sleep(0.01)
	END
	cat >word.py <<-'END'
		import sys
		for line in sys.stdin: print('{"orders": []}', flush=True)
		print("bye")
	END
	cat >bad.py <<-'END'
		import sys
		for line in sys.stdin: print('{"orders": []}', flush=True)
		sys.exit(3)
	END
	cat >early.py <<-'END'
		import sys
		print('{"orders": []}', flush=True)
		for line in sys.stdin: print('{"orders": []}', flush=True)
	END
	for a in two word bad early; do tr-agent -q -d first.db add $a --kind exec -- /usr/bin/python3 "$PWD/$a.py"; done
	tr-db -q -d first.db checkpoint
	replay r.db
	cycles c.db
	same r.db c.db
	assert_equal "$(sqlite3 r.db "SELECT group_concat(DISTINCT d.status) FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id
		WHERE a.name IN ('two', 'word', 'bad', 'early') AND d.status NOT IN ('invalid', 'error')")" ""
}

@test "a program whose grants have come to hold the race does not run" {
	first
	mkdir -m 0755 data
	cat >look.py <<-'END'
		import os, sys
		for line in sys.stdin: print('{"orders": [], "reasoning": "%s"}' % os.listdir(sys.argv[1]), flush=True)
	END
	tr-agent -q -d first.db add look --kind exec --read "$PWD/data" -- /usr/bin/python3 "$PWD/look.py" "$PWD/data"
	replay fine.db --agents look
	assert_equal "$(sqlite3 fine.db "SELECT DISTINCT d.status FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id WHERE a.name = 'look'")" hold
	replay data/r.db --agents look
	assert_equal "$(sqlite3 data/r.db "SELECT DISTINCT d.status FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id WHERE a.name = 'look'")" error
}

@test "programs leave nothing behind, also when the replay is stopped or killed" {
	first
	mkdir tmp
	cat >fork.py <<-'END'
		import os, sys, time
		if len(sys.argv) > 1 and os.fork() == 0:
		    os.setsid()
		    for fd in range(3): os.close(fd)
		    time.sleep(60)
		    os._exit(0)
		for line in sys.stdin:
		    time.sleep(0.02)
		    print('{"orders": []}', flush=True)
	END
	tr-agent -q -d first.db add calm --kind exec -- /usr/bin/python3 "$PWD/fork.py"
	tr-agent -q -d first.db add fork --kind exec --unconfined -- /usr/bin/python3 "$PWD/fork.py" x
	tr-db -q -d first.db checkpoint
	local signal want status
	for signal in INT KILL; do
		want=$([ $signal = INT ] && echo 75 || echo 137)
		rm -f r.db*
		# a job in the background of a script ignores SIGINT otherwise
		TMPDIR=$PWD/tmp env --default-signal=INT tr-replay -q -d first.db --from 2024-08-01 --to 2024-09-01 -o r.db &
		wait_for pgrep -f "$PWD/fork.py x" >/dev/null
		sleep 0.3
		status=0
		kill -$signal $!
		wait $! || status=$?
		[ $status -eq "$want" ]
		wait_for eval "! pgrep -f '$PWD/fork.py' >/dev/null"
		wait_for eval '[ -z "$(ls tmp)" ]'
	done
}

@test "twice the same request is the same race, and no work" {
	first
	replay a.db
	replay b.db
	same a.db b.db
	expect 0 tr-replay -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z -o a.db
	assert_equal "$(jq -c '[.resumed, .windows, .decisions > 0]' <<<"$output")" '[true,0,true]'
	same a.db b.db
}

@test "stopped in the middle, it says so, keeps whole windows and goes on" {
	first
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-12 -o whole.db
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-12 -o r.db &
	wait_for test -s r.db
	kill -TERM $!
	local status=0
	wait $! || status=$?
	[ $status -eq 75 ] || [ $status -eq 0 ]
	expect 0 tr-audit -q -d r.db
	expect 0 tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-12 -o r.db
	same whole.db r.db
}

@test "what the caller ignores stops nothing, as under nohup" {
	first
	(
		trap '' HUP
		exec tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-12 -o r.db
	) &
	wait_for test -s r.db
	kill -HUP $!
	wait $!
	[ "$(counted r.db batches)" -eq 3168 ]
}

@test "stopped while a program is asked, it says the same" {
	first
	printf '%s\n' 'import sys, time' 'for line in sys.stdin: time.sleep(1); print("{\"orders\": []}", flush=True)' >slow.py
	tr-agent -q -d first.db add slow --kind exec -- /usr/bin/python3 "$PWD/slow.py"
	local status=0
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z --agents slow -o r.db 2>told &
	wait_for pgrep -f "$PWD/slow.py" >/dev/null
	kill -TERM $!
	wait $! || status=$?
	[ $status -eq 75 ]
	has "$(cat told)" "interrupted; the same command goes on"
}

@test "killed at any write, the same command gives the same race" {
	first
	local calls=write,pwrite64,fdatasync,fsync,ftruncate,renameat2,unlink,rename call n step total
	local -x ASAN_OPTIONS=detect_leaks=0
	local replay=(tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T01:00Z -o k.db)
	strace -f -qq -e trace=$calls -o calls "${replay[@]}"
	tr-db dump --logical -d k.db >want
	# calls are counted by name; of those that give and take names every one
	[ "$(grep -c ' unlink(' calls)" -gt 4 ]
	for call in ${calls//,/ }; do
		total=$(grep -c " $call(" calls)
		step=$([[ $call == *link ]] && echo 1 || echo $((total / 4 + 1)))
		for ((n = 1; n <= total; n += step)); do
			rm -f k.db*
			run strace -f -qq -o /dev/null -e trace=$calls -e "inject=$call:signal=KILL:when=$n" "${replay[@]}"
			[ "$status" -eq 137 ] || fail "not killed at $call $n of $total"
			expect 0 "${replay[@]}"
			tr-db dump --logical -d k.db >got
			cmp want got || fail "killed at $call $n of $total"
		done
	done
}

@test "a race that was left with two names goes on with its own" {
	first
	replay whole.db
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T01:00Z -o r.db
	ln r.db r.db.replay.tmp
	expect 0 replay r.db
	same whole.db r.db
	assert_equal "$(compgen -G 'r.db.replay*' || true)" ""
}

@test "a later end goes on, and gives what one run to there gives" {
	first
	replay whole.db
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T01:20Z -o r.db
	expect 0 replay r.db
	same whole.db r.db
	expect 65 tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T01:20Z -o r.db
	has "$stderr" "another replay"
}

@test "a later end brings the candles that have come since" {
	need_shared
	local day=2024-07-23 csv
	csv=$(echo "$SHARED"/data/BTC-USDT_5m_binance_2024-07-22_*.csv.gz)
	zcat "$csv" | awk -v d=$day 'NR == 1 || index($0, d) > 0 && index($0, d "T1") == 0' >early.csv
	zcat "$csv" | awk -v d=$day 'NR == 1 || index($0, d "T1") > 0' >late.csv
	tr-init -q --quote USDT first.db
	tr-asset -q -d first.db add BTC --feed history
	tr-agent -q -d first.db add rsi --kind rule --strategy rsi
	tr-ingest -q -d first.db --import early.csv
	tr-replay -q -d first.db --from ${day}T06:00Z --to ${day}T10:00Z -o r.db
	tr-ingest -q -d first.db --import late.csv
	tr-replay -q -d first.db --from ${day}T06:00Z --to ${day}T12:00Z -o r.db
	tr-replay -q -d first.db --from ${day}T06:00Z --to ${day}T12:00Z -o whole.db
	same whole.db r.db
	assert_equal "$(sqlite3 r.db 'SELECT DISTINCT quality FROM prices')" fresh
}

@test "a file that is another race is not touched" {
	first
	cycles c.db
	local before
	before=$(sha256sum <c.db)
	expect 65 replay c.db
	has "$stderr" "did not make"
	assert_equal "$(sha256sum <c.db)" "$before"
	replay r.db
	expect 65 replay r.db --fee-bps 5
	expect 65 tr-replay -q -d first.db --from 2024-08-01T00:05Z --to 2024-08-01T04:00Z -o r.db
	expect 65 replay r.db --agents trend
}

@test "two at once on one file: one works, the other is told" {
	first
	replay r.db
	exec 9>>r.db.cycle
	flock 9
	expect 75 replay r.db
}

@test "a replay that is at work is not given another end" {
	first
	replay r.db
	exec 9>>r.db.cycle
	flock 9
	expect 75 tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-02 -o r.db
	exec 9>&-
	expect 0 replay r.db
}

@test "many that begin the same race at once make one" {
	first
	local n
	for n in 1 2 3 4; do
		{
			replay r.db 2>>told && echo 0 || echo $?
		} >status.$n &
	done
	wait
	[[ $(cat status.*) == *0* ]]
	run ! grep -vqx -e 0 -e 75 status.*
	replay other.db
	same r.db other.db
}

@test "a race is copied while somebody writes to it" {
	first
	# the lock on the file, without the queue of our writers
	sqlite3 first.db 'BEGIN IMMEDIATE' '.shell touch begun; sleep 8' ROLLBACK &
	wait_for test -e begun
	expect 0 replay r.db
	kill %1
	wait || true
}

@test "what a removed race has left is no part of a new one" {
	first
	replay r.db
	# with a log that was not written back
	sqlite3 r.db "UPDATE settings SET version = version + 1" ".shell cp r.db-wal left"
	rm -f r.db r.db-*
	cp left r.db-wal
	[ -s r.db-wal ]
	expect 0 tr-replay -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z -o r.db --fee-bps 5
	has "$stderr" "race that was there before"
	tr-replay -q -d first.db --from 2024-08-01 --to 2024-08-01T04:00Z -o other.db --fee-bps 5
	same r.db other.db
	expect 0 tr-audit -q -d r.db
	[ "$(find . -name 'r.db.heads.*' | wc -l)" -eq 1 ]
}

@test "no race is made behind a link or where others write" {
	first
	ln -s nowhere.db link.db
	expect 77 replay link.db
	[ ! -e nowhere.db ]
	mkdir -m 0777 open
	chmod 0777 open
	expect 77 replay open/r.db
	[ -z "$(ls open)" ]
}

@test "the same answers at another fee: same decisions, other books" {
	first
	replay season.db
	expect 0 tr-replay -q --answers season.db --fee-bps 80 -o dear.db
	local what="SELECT a.name, window_ms, status, orders, hash FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id ORDER BY 1, 2"
	assert_equal "$(sqlite3 dear.db "$what")" "$(sqlite3 season.db "$what")"
	[ "$(sqlite3 dear.db 'SELECT sum(fee) FROM trades')" -gt "$(sqlite3 season.db 'SELECT sum(fee) FROM trades')" ]
	expect 0 tr-audit -q -d dear.db
	# and at the same fee it is the season again
	expect 0 tr-replay -q --answers season.db -o again.db
	for t in trades snapshots prices executions orders; do
		assert_equal "$(sqlite3 again.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)" \
			"$(sqlite3 season.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)"
	done
}

@test "answers of a race that ran live are replayed with its windows and its prices" {
	first
	cp first.db live.db
	tr-cycle -q -d live.db --from 2024-08-01 --to 2024-08-01T02:00Z
	tr-cycle -q -d live.db --from 2024-08-01T02:30Z --to 2024-08-01T03:00Z
	tr-replay -q --answers live.db --fill batch -o r.db
	for t in trades snapshots prices; do
		assert_equal "$(sqlite3 r.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)" \
			"$(sqlite3 live.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)"
	done
	assert_equal "$(counted r.db cycles)" 30
}

@test "what people hand in between the windows of decision is replayed, under the version of then" {
	first
	tr-agent -q -d first.db add me --kind manual
	tr-config -q -d first.db set trade.fill next
	tr-db -q -d first.db checkpoint
	cp first.db live.db
	tr-cycle -q -d live.db --from 2024-08-01 --to 2024-08-01T00:10Z
	echo '{"orders":[{"asset":"BTC","side":"buy","notional":"500"}]}' | tr-trade -q -d live.db -a me -w latest
	tr-cycle -q -d live.db --from 2024-08-01T00:10Z --to 2024-08-01T00:20Z
	tr-agent -q -d live.db set rsi --strategy rsi --set period=7
	tr-cycle -q -d live.db --from 2024-08-01T00:20Z --to 2024-08-01T01:00Z
	assert_equal "$(sqlite3 live.db "SELECT max(version) FROM decisions")" 2
	expect 0 tr-replay --answers live.db -o r.db
	assert_equal "$(jq -r 'select(.resumed != null) | .resumed' <<<"$output")" false
	for t in decisions executions orders trades snapshots; do
		assert_equal "$(sqlite3 r.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)" \
			"$(sqlite3 live.db "SELECT * FROM $t ORDER BY 1, 2, 3" | sha256sum)"
	done
	assert_equal "$(sqlite3 r.db "SELECT count(*) FROM trades AS t JOIN agents AS a ON a.id = t.agent_id WHERE a.name = 'me'")" 1
	# where nobody answered there is nothing to replay
	expect 66 tr-replay --answers live.db --from 2030-01-01 -o none.db
	expect 66 tr-replay --answers live.db --from 2030-01-01 --to 2030-01-02 -o none.db
	[ -z "$(compgen -G 'none.db*')" ]
}

@test "what an agent does not publish stays unpublished" {
	first
	tr-agent -q -d first.db set rsi --publish none
	replay r.db
	assert_equal "$(sqlite3 r.db "SELECT a.name, publish FROM agent_publish JOIN agents AS a ON a.id = agent_id")" 'rsi|none'
}

@test "only those who are named take part, and the baselines" {
	first
	tr-agent -q -d first.db pause rsi
	replay r.db --agents rsi,trend
	assert_equal "$(sqlite3 r.db 'SELECT group_concat(name) FROM (SELECT name FROM agents ORDER BY name)')" \
		buy-and-hold,cash,equal-weight,random,rsi,trend
	[ "$(sqlite3 r.db "SELECT count(*) FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id WHERE a.name = 'rsi'")" -eq 16 ]
	expect 66 replay x.db --agents rsi,nobody
	has "$stderr" nobody
	[ ! -e x.db ]
}

@test "who decides by hand takes part with its cash" {
	first
	tr-agent -q -d first.db add me --kind manual
	tr-db -q -d first.db checkpoint
	replay r.db --agents me,trend
	assert_equal "$(sqlite3 r.db "SELECT count(*), min(total) = max(total) FROM snapshots AS s
		JOIN agents AS a ON a.id = s.agent_id WHERE a.name = 'me'")" '64|1'
	replay all.db
	cycles c.db
	same all.db c.db
}

@test "nobody is asked over the network" {
	first
	tr-provider -q -d first.db add box --kind openai --base http://127.0.0.1:9/v1
	tr-agent -q -d first.db add model --kind llm --model box/some
	expect 65 replay x.db --agents model
	has "$stderr" "--answers"
	expect 0 tr-replay -d first.db --from 2024-08-01 --to 2024-08-01T00:30Z -o r.db
	has "$stderr" "model: is left out"
	assert_equal "$(sqlite3 r.db "SELECT count(*) FROM agents WHERE name = 'model'")" 0
}

@test "a program that is shown the future could use it, and is not shown it" {
	first
	# it keeps every line, and compares what it sees with the prices that came later
	cat >seer.py <<-'END'
		import json, sys
		newest = ""
		for line in sys.stdin:
		    c = json.loads(line)
		    now = c["window"][-13:]
		    stamps = [k["time"] for a in c["market"]["assets"] for k in a["candles"]]
		    stamps += [a["time"] for a in c["market"]["assets"] if a["price"]]
		    late = max(s.replace("-", "").replace("T", "-").replace(":", "")[:13] for s in stamps)
		    print(json.dumps({"orders": [], "reasoning": "late" if late > now else "fine"}), flush=True)
	END
	tr-agent -q -d first.db add seer --kind exec -- /usr/bin/python3 "$PWD/seer.py"
	# history that holds all of the future, too
	tr-cycle -q -d first.db --from 2024-08-01 --to 2024-08-01T02:00Z
	replay r.db --agents seer
	assert_equal "$(sqlite3 r.db "SELECT DISTINCT reasoning FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id WHERE a.name = 'seer'")" fine
	# whoever knows the batch of its decision pays that of the next
	assert_equal "$(sqlite3 r.db 'SELECT count(*) FROM trades AS t JOIN prices AS p ON p.window_ms = t.window_ms + 300000
		AND p.asset_id = t.asset_id WHERE p.price = t.price')" "$(counted r.db trades)"
	# and a candle of the future does not change the past
	assert_equal "$(sqlite3 r.db 'SELECT count(*) FROM prices WHERE price_ms > window_ms')" 0
}

@test "a candle that the first race saw late is seen when it had ended" {
	need_shared
	local at
	tr-init -q --quote USDT first.db
	tr-asset -q -d first.db add BTC --feed history
	# the race has begun when the candles come
	tr-cycle -q -d first.db -w 2024-07-25T00:00Z || [ $? -eq 3 ]
	tr-ingest -q -d first.db --import "$SHARED"/data/BTC-USDT_5m_binance_2024-07-22_*.csv.gz
	at=$(sqlite3 first.db 'SELECT max(seen_ms - open_ms) FROM candles')
	[ "$at" -gt 300000 ]
	tr-replay -q -d first.db --from 2024-07-23T20:00Z --to 2024-07-23T21:00Z -o r.db
	assert_equal "$(sqlite3 r.db 'SELECT min(seen_ms - open_ms), max(seen_ms - open_ms) FROM candles')" '300000|300000'
	assert_equal "$(sqlite3 r.db "SELECT DISTINCT quality FROM prices")" fresh
}

@test "a race that was halted is replayed without the halt" {
	first
	tr-halt -q -d first.db -r "for the weekend"
	replay r.db
	[ "$(counted r.db trades)" -gt 0 ]
}

@test "wrong options are refused before anything is written" {
	first
	expect 64 tr-replay -d first.db --from 2024-08-01 --to 2024-08-02
	expect 64 tr-replay -d first.db --from 2024-08-01 -o r.db
	expect 64 tr-replay -d first.db --from 2024-08-02 --to 2024-08-01 -o r.db
	expect 64 replay r.db --fill never
	expect 64 replay r.db --agents a,,b
	expect 64 replay r.db --jobs 0x1
	expect 64 replay r.db --set nonsense
	expect 65 replay r.db --set nonsense.key=1
	expect 65 replay r.db --fee-bps many
	expect 66 tr-replay -d none.db --from 2024-08-01 --to 2024-08-02 -o r.db
	expect 66 tr-replay --answers first.db -o r.db
	[ -z "$(compgen -G 'r.db*')" ]
}
