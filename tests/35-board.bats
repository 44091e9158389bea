#!/usr/bin/env bats
# The leaderboard: spans, moments, versions, replicas, statistics, watching.
load helper

# Append days of made-up snapshots to a demo race that has run one window: season DAYS [SKIPPED].
# Agents but cash move by a rule of their id and the window; the skipped day has no window.
season() {
	tr-init race.db --demo --quote "${QUOTE:-USD}" >/dev/null
	export TR_DB=$PWD/race.db
	tr-cycle -q -w 2024-01-01T00:00Z >/dev/null
	sqlite3 race.db >/dev/null <<-SQL
		PRAGMA synchronous = OFF;
		BEGIN;
		CREATE TEMP TABLE w AS WITH RECURSIVE n (i) AS
		  (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1 * 288)
		  SELECT i, 1704067200000 + i * 300000 AS ms FROM n WHERE i / 288 <> ${2:--1};
		INSERT INTO cycles SELECT ms, NULL, (SELECT pin FROM cycles LIMIT 1), 1, 0,
		  'completed', 1, 0, 0 FROM w;
		INSERT INTO batches SELECT ms, 6, 6 FROM w;
		CREATE TEMP TABLE e AS SELECT a.id, w.ms, w.i, CASE a.name WHEN 'cash' THEN 10000000000000
		  ELSE 10000000000000 + ((w.i / 97 * (13 * a.id + 7) + w.i * a.id) % 1009 - 500) *
		    1000000000 + w.i * a.id * 20000000 END AS total FROM agents AS a, w;
		INSERT INTO snapshots SELECT id, ms, 'post', total - total / 4, total / 4, 0, total, 0 FROM e;
		INSERT INTO snapshots SELECT id, ms, 'pre', 1, 0, 0, 1, 0 FROM e WHERE i % 288 > 1;
		COMMIT;
	SQL
}

board() {
	expect 0 tr-board --json "$@"
	printf '%s\n' "$output" >board.json
}

of() { # of AGENT FILTER
	jq -c ".agents[] | select(.agent == \"$1\") | $2" board.json
}

@test "the board as of a window is the board that was printed then" {
	local t
	demo_race
	for t in 00 15 20 30 45; do
		[ "$t" != 15 ] || tr-agent pause rsi >/dev/null
		[ "$t" != 20 ] || tr-agent add late --kind rule --strategy random >/dev/null
		[ "$t" != 45 ] || tr-agent retire momentum >/dev/null
		tr-cycle -q -w "2024-07-23T00:${t}Z" >/dev/null
		tr-board --json >"then.$t"
	done
	for t in 00 15 20 30 45; do
		tr-board --json --at "2024-07-23T00:${t}:30Z" | diff - "then.$t"
	done
	cmp -s then.30 then.45 && return 1
	tr-agent pause cash >/dev/null
	tr-board | grep -E '^ *[0-9]+  cash .* baseline, paused$'
	tr-board --at 2024-07-23T00:45Z | grep -E '^ *[0-9]+  cash .* baseline$'
	tr-board --at 2024-07-23T00:45Z | grep -E '^ *[0-9]+ +momentum .* retired'
	tr-board --at 2024-07-23T00:45Z | grep -E '^ *[0-9]+ +rsi .* paused'
	tr-board --at 2024-07-23T00:00Z | grep -E '^ *[0-9]+ +momentum ' | grep -v retired
	# before the race nobody took part
	expect 0 tr-board --json --at 2024-07-22T00:00Z
	assert_equal "$(jq -c '[.first, .seals, .agents]' <<<"$output")" '[null,0,[]]'
}

@test "spans begin with what was there before them and multiply to the whole" {
	local whole first second
	season 3
	board --from 2024-01-01T12:00Z --to 2024-01-02T12:00Z
	assert_equal "$(jq -r '.first + " " + .last' board.json)" \
		"market-cycle-20240101-1200 market-cycle-20240102-1155"
	assert_equal "$(of trend .start_cash)" "\"$(sqlite3 race.db "SELECT total / 100000000 FROM snapshots
		WHERE agent_id = (SELECT id FROM agents WHERE name = 'trend')
		AND window_ms = 1704110100000 AND phase = 'post'")\""
	board
	whole=$(of trend .return)
	board --to 2024-01-02T12:00Z
	first=$(of trend .return)
	board --from 2024-01-02T12:00Z
	second=$(of trend .return)
	awk -v a="$first" -v b="$second" -v w="$whole" 'BEGIN {
		d = (1 + a) * (1 + b) - 1 - w; exit !(d < 1e-9 && d > -1e-9) }'
	expect 0 tr-board --from 2030-01-01
	assert_line --index 0 "no window was run in this time"
}

@test "before 30 daily observations it is too early to tell" {
	season 30
	# the first 29 days, and a day that is not over
	board --stats --to 2024-01-30T20:00Z
	assert_equal "$(of trend '[.stats.days, .stats.too_early, .stats.sharpe, .stats.psr, .stats.p_best,
		.stats.p_value, .stats.sharpe_interval]')" '[29,true,null,null,null,null,[null,null]]'
	assert_equal "$(jq .stats.common_days board.json)" 0
	expect 0 tr-board --stats --to 2024-01-30T20:00Z
	assert_line --regexp '^ *[0-9]+  trend +29 too early to tell '
	board --stats
	assert_equal "$(of trend '[.stats.days, .stats.too_early, (.stats.sharpe | type)]')" '[30,false,"number"]'
	assert_equal "$(jq .stats.common_days board.json)" 30
	expect 0 tr-board --stats
	refute_line --partial "too early to tell"
	assert_line --regexp '^ *[0-9]+  trend +30 +-?[0-9.]+ \['
}

@test "a day without a window is no observation, and carries the position" {
	season 31 10
	board --stats
	assert_equal "$(of trend '[.stats.days, .stats.too_early]')" '[30,false]'
	assert_equal "$(jq .stats.common_days board.json)" 31
	season_days trend
}

# The daily Sharpe ratio of an agent once more, from the last snapshot of each UTC day.
season_days() {
	sqlite3 race.db "SELECT total FROM snapshots AS s WHERE agent_id = (SELECT id FROM agents WHERE
		name = '$1') AND window_ms % 86400000 = 86100000 AND phase = 'post' ORDER BY window_ms" >days
	python3 - "$(of "$1" .stats.sharpe)" "$2" <<-'PY'
		import statistics, sys
		e = [10**13] + [int(line) for line in open("days")]
		if len(e) == 31:
		    e.insert(11, None)
		    # the day that was skipped is marked with the first price after it
		    e[11] = int(__import__("subprocess").run(["sqlite3", "race.db", "SELECT total FROM snapshots "
		        "WHERE agent_id = (SELECT id FROM agents WHERE name = 'trend') AND phase = 'post' AND "
		        "window_ms = 1704067200000 + 11 * 86400000"], capture_output=True, text=True).stdout)
		r = [b / a - 1 for a, b in zip(e, e[1:])]
		want = statistics.fmean(r) / statistics.stdev(r) * 365 ** 0.5
		assert abs(float(sys.argv[1]) - want) < 1e-9, (sys.argv[1], want)
	PY
}

@test "statistics rest on daily returns, and are the same for the same seed" {
	season 40
	board --stats
	season_days trend
	season_days buy-and-hold
	# the probabilities of being best are those of one race; cash has no Sharpe ratio
	assert_equal "$(jq '[.agents[].stats.p_best] | add * 1e6 | round' board.json)" 1000000
	assert_equal "$(of cash '[.stats.sharpe, .stats.sharpe_interval, .stats.return_interval, .stats.beta]')" \
		'[null,[null,null],[0,0],0]'
	assert_equal "$(of buy-and-hold '[.stats.p_beats_hold, .stats.p_value, .stats.beta, .vs_buy_and_hold]')" \
		'[null,null,null,0]'
	assert_equal "$(jq -c '.stats | [.seed, .resamples, .block_days, .tries]' board.json)" '["1",2000,1,4]'
	assert_equal "$(of cash .stats.dsr)" null
	# an interval holds what it is about
	jq -e '[.agents[] | select(.stats.sharpe != null) | .stats.sharpe_interval[0] < .stats.sharpe and
		.stats.sharpe < .stats.sharpe_interval[1]] | all' board.json
	cp board.json first.json
	board --stats
	cmp board.json first.json
	board --stats --seed 2
	jq -e '.stats.seed == "2"' board.json
	cmp -s board.json first.json && return 1
	# nothing but the statistics comes with the option
	jq -c 'del(.stats) | del(.agents[].stats)' board.json >without
	tr-board --json | jq -c . | diff - without
}

# A race whose curves are those of recorded prices, four months with gaps: all in one asset each, with
# made-up trades, answers and costs. One agent joins later than the others.
recorded_season() {
	tr-init race.db --demo --quote USDT >/dev/null
	export TR_DB=$PWD/race.db
	tr-cycle -q -w 2022-12-01T00:00Z >/dev/null
	tr-agent add late --kind rule --strategy random >/dev/null
	# another race lends what windows with that agent run under
	tr-init other.db --demo --quote USDT >/dev/null
	tr-agent add -d other.db late --kind rule --strategy random >/dev/null
	tr-cycle -q -d other.db -w 2022-12-01T00:00Z >/dev/null
	python3 - "$SHARED"/data/{ADA,BTC,ETH,LTC,SOL,XRP,ADA,BTC}-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz <<-'PY'
		import csv, datetime, gzip, itertools, random, sqlite3, sys
		db, r = sqlite3.connect("race.db"), random.Random(4)
		start, day = 1669852800000, 86400000
		def closes(path):
		    with gzip.open(path, "rt") as f:
		        for row in itertools.islice(csv.DictReader(f), 120 * 288):
		            t = datetime.datetime.strptime(row["open_time_utc"] + "+0000", "%Y-%m-%dT%H:%M:%SZ%z")
		            yield int(t.timestamp()) * 1000, float(row["close"])
		curves = [dict(closes(p)) for p in sys.argv[1:]]
		gaps = {start + 11 * day + i * 300000 for i in range(-5, 300)} | {
		    start + r.randrange(34000) * 300000 for _ in range(50)}
		windows = sorted(set.intersection(*map(set, curves)) - gaps - {start})
		db.execute("ATTACH 'other.db' AS other")
		db.execute("INSERT INTO pins SELECT * FROM other.pins")
		pin, = db.execute("SELECT pin FROM other.cycles").fetchone()
		db.executemany("INSERT INTO cycles VALUES (?, NULL, ?, 1, 0, 'completed', 1, 0, 0)",
		               ((w, pin) for w in windows))
		db.executemany("INSERT INTO batches VALUES (?, 6, 6)", ((w,) for w in windows))
		agents = [a for a, in db.execute("SELECT id FROM agents WHERE name <> 'cash' ORDER BY id")]
		cash, = db.execute("SELECT id FROM agents WHERE name = 'cash'").fetchone()
		late, flat = agents[-1], dict.fromkeys(windows, 1.0)
		for a, c in [*zip(agents, curves), (cash, flat)]:
		    mine = [w for w in windows if a != late or w > start + 20 * day + 5000000]
		    first, held, seq = c[mine[0]], {}, 100
		    for i, w in enumerate(mine):
		        e = 10**13 if a == cash else int(10**13 * c[w] / first)
		        for phase, lost in (("pre", 0), ("post", e // 10000))[:2 if i % 3 == 0 else 1]:
		            gross = 0 if a == cash else (e - lost) // (2 + i % 2)
		            db.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, 0, ?, 0)",
		                       (a, w, phase, e - lost - gross, gross, e - lost))
		        if i % 36:
		            continue
		        answer = r.choice(("ok", "ok", "hold", "timeout", "invalid", "budget"))
		        db.execute("INSERT INTO decisions VALUES (?, ?, 1, ?, 'agent', ?, '[]', NULL, NULL, NULL,"
		                   "zeroblob(32), NULL, NULL, ?, 0)", (a, w, answer, w, w))
		        db.execute("INSERT INTO answers VALUES (?, ?, 'p', 'm', 0, NULL, NULL, NULL, NULL, zeroblob(32),"
		                   "1, 0, 1, 0, ?)", (a, w, 0 if a == cash else r.randrange(10**8)))
		        if a == cash:
		            continue
		        seq, asset = seq + 1, r.randrange(1, 7)
		        sell = held.get(asset, 0) > 0 and r.random() < 0.6
		        held[asset] = held.get(asset, 0) - 1 if sell else held.get(asset, 0) + 1
		        db.execute("INSERT INTO trades VALUES (NULL, ?, ?, ?, 0, ?, ?, ?, 1, 1, 1, ?, ?, ?, 0, ?, 0)",
		                   (a, seq, w, w, asset, "sell" if sell else "buy", r.randrange(10**12), r.randrange(10**9),
		                    r.randrange(-10**10, 10**10) if sell else 0, held[asset]))
		db.commit()
	PY
}

@test "every number of the board equals an independent one to 1e-9, on recorded curves" {
	need_shared
	command -v python3 >/dev/null || skip "no python3"
	recorded_season
	board
	expect 0 python3 "$TOP/tests/unit/board_ref.py" race.db <board.json
	assert_output "9 rows, 297 figures"
	jq -e '[.agents[] | select(.agent != "cash") | .calmar, .sortino, .profit_factor, .drawdown_s] | all' board.json
	# a span that begins inside, statistics, and one who has joined late
	board --stats --from 2022-12-10T06:00Z --to 2023-01-28T12:00Z
	expect 0 python3 "$TOP/tests/unit/board_ref.py" race.db <board.json
	assert_output "9 rows, 468 figures"
	jq -e '[.agents[].stats.days] | sort == [37, 47, 47, 47, 47, 47, 47, 47, 47]' board.json
	# one wrong figure is noticed, wherever it is
	jq -c '.agents[1].stats.return_interval[1] += 1e-8' board.json >wrong
	expect 1 python3 "$TOP/tests/unit/board_ref.py" race.db <wrong
	assert_line --regexp '^[a-z-]+\.stats\.return_interval\[1\]: '
	jq -c '.agents[0].new = 1' board.json >wrong
	expect 1 python3 "$TOP/tests/unit/board_ref.py" race.db <wrong
	assert_line --partial "new is not recomputed"
}

@test "who joins late is compared over the windows that both have" {
	local id
	season 40
	tr-agent add late --kind rule --strategy random >/dev/null
	id=$(sqlite3 race.db "SELECT id FROM agents WHERE name = 'late'")
	sqlite3 race.db "INSERT INTO snapshots SELECT $id, window_ms, phase, cash, positions_value, unrealised,
		total, unpriced FROM snapshots WHERE phase = 'post' AND window_ms >= 1704067200000 + 4 * 86400000 +
		36000000 AND agent_id = (SELECT id FROM agents WHERE name = 'trend')"
	board --stats
	# its first day is not a whole one
	assert_equal "$(of late .stats.days)" 35
	assert_equal "$(of trend .stats.days)" 40
	assert_equal "$(jq .stats.common_days board.json)" 35
	# from its starting cash, and from the baseline's value before its first window
	sqlite3 race.db "SELECT a.total * 1.0 / 10000000000000 - b.total * 1.0 / c.total FROM snapshots AS a,
		snapshots AS b, snapshots AS c WHERE a.agent_id = $id AND b.agent_id = c.agent_id
		AND c.agent_id = (SELECT id FROM agents WHERE name = 'buy-and-hold') AND a.phase = 'post'
		AND b.phase = 'post' AND c.phase = 'post' AND a.window_ms = b.window_ms
		AND a.window_ms = (SELECT max(window_ms) FROM batches)
		AND c.window_ms = 1704067200000 + 4 * 86400000 + 36000000 - 300000" >want
	awk -v got="$(of late .vs_buy_and_hold)" '{ d = got - $1; exit !(d < 1e-9 && d > -1e-9) }' want
	jq -e '[.agents[].stats.p_best] | add * 1e6 | round == 1000000' board.json
	# who left is no candidate for the best, and keeps what it has shown
	board --stats --to 2024-02-05
	jq -e '[.agents[] | .stats.p_best] | length == 8' board.json
}

@test "versions of an agent are rows of their own" {
	demo_race
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z >/dev/null
	tr-agent set trend --strategy sma-cross --set fast=3 --set slow=9 >/dev/null
	tr-cycle -q --from 2024-07-23T01:00Z --to 2024-07-23T02:00Z >/dev/null
	board
	assert_equal "$(of trend '[.version, .turns]')" '[2,8]'
	cp board.json whole.json
	board --versions
	assert_equal "$(of trend '[.version, .turns, .first, .last]' | sort)" \
'[1,4,"market-cycle-20240723-0000","market-cycle-20240723-0055"]
[2,4,"market-cycle-20240723-0100","market-cycle-20240723-0155"]'
	assert_equal "$(of trend .sha256 | sort -u | wc -l)" 2
	# trades are shared out, and returns multiply
	jq -e --slurpfile w whole.json '[.agents[] | select(.agent == "trend")] as $v |
		($w[0].agents[] | select(.agent == "trend")) as $t |
		([$v[].trades] | add == $t.trades) and
		((1 + $v[0].return) * (1 + $v[1].return) - 1 - $t.return | fabs < 1e-9)' board.json
	expect 0 tr-board --versions
	assert_line --regexp '^ *[0-9]+  trend@1 '
	assert_line --regexp '^ *[0-9]+  trend@2 '
	assert_line --regexp '^ *[0-9]+  cash@1 '
}

@test "replicas are found by what they are made of, and show their spread" {
	demo_race
	expect 0 tr-board --replicas
	assert_output --partial "no replicas"
	tr-agent add twin1 --kind rule --strategy random >/dev/null
	tr-agent add twin2 --kind rule --strategy random >/dev/null
	tr-agent add twin3 --kind rule --strategy random >/dev/null
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T03:00Z >/dev/null
	board --replicas
	python3 - <<-'PY'
		import json, statistics
		b = json.load(open("board.json"))
		g, = (g for g in b["replicas"] if "twin1" in g["agents"])
		assert {"twin2", "twin3"} < set(g["agents"])
		r = [a["return"] for a in b["agents"] if a["agent"] in g["agents"]]
		assert len(r) == len(g["agents"]) and len(set(r)) > 1
		for key, v in (("mean", statistics.fmean(r)), ("sd", statistics.stdev(r)), ("low", min(r)),
		               ("high", max(r))):
		    assert abs(g[key] - v) < 1e-9, (key, g[key], v)
	PY
	expect 0 tr-board --replicas
	assert_line --regexp '^[0-9]+ replicas: return% mean .* to .*:.* twin[123]'
	board
	jq -e 'has("replicas") | not' board.json
}

@test "the cost of thinking is shown beside the return, where it has a currency" {
	local q
	for q in USD EUR; do
		rm -f race.db*
		QUOTE=$q season 1
		sqlite3 race.db "INSERT INTO answers SELECT agent_id, window_ms, 'p', 'm', 0, NULL, NULL, NULL, NULL,
			zeroblob(32), 1, 0, 1, 0, 123000000 FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id
			WHERE a.name = 'trend'"
		board
		assert_equal "$(of trend .thinking_usd)" '"1.23"'
		assert_equal "$(of rsi '[.thinking_usd, .net_return == .return]')" '["0",true]'
		if [ $q = USD ]; then
			of trend '.return - .net_return - 0.0000123 | fabs < 1e-9' | grep true
		else
			assert_equal "$(of trend .net_return)" null
		fi
	done
}

@test "turns that gave no answer are counted by their cause, and fills by their price" {
	demo_race
	printf '#!/bin/sh\nexit 1\n' >broken
	chmod +x broken
	tr-agent add broken --kind exec -- ./broken >/dev/null
	run tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z
	board
	assert_equal "$(of broken '[.turns, .valid, .reliability, .causes.error, .causes.timeout]')" '[4,0,0,4,0]'
	assert_equal "$(of buy-and-hold '[.reliability, .fill, .causes.error]')" '[1,"batch",0]'
	tr-config set trade.fill next >/dev/null
	run tr-cycle -q --from 2024-07-23T01:00Z --to 2024-07-23T12:00Z
	board
	assert_equal "$(of cash .fill)" '"next"'
	jq -e '[.agents[].fill] | index("mixed")' board.json
}

@test "tr-json(5) explains every key that the board prints, in its order" {
	demo_race
	tr-agent add twin --kind rule --strategy random >/dev/null
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	board --stats --replicas
	# keys in the order in which they first come, each object once
	jq -r 'def keys_in: to_entries[] | .key, (.value | if type == "array" then .[0] else . end |
		select(type == "object") | keys_in); keys_in' board.json >printed
	sed -n '/^\.Ss tr\.board\/1$/,/^\.Ss tr\.[^b]/s/^\.It Cm \([^ ]*\) : .*/\1/p' "$TOP/man/tr-json.5" |
		diff - printed
}

@test "CSV has the same numbers as JSON" {
	season 31
	board --stats
	expect 0 tr-board --csv --stats
	printf '%s\n' "$output" >board.csv
	python3 - <<-'PY'
		import csv, json
		rows = list(csv.DictReader(open("board.csv")))
		agents = json.load(open("board.json"))["agents"]
		assert len(rows) == len(agents) == 8
		for row, a in zip(rows, agents):
		    assert None not in row and None not in row.values()
		    s = a["stats"]
		    pairs = {k: a[k] for k in ("return", "vs_buy_and_hold", "max_drawdown", "sharpe", "net_return",
		                               "reliability", "exposure", "win_rate", "version", "turns")}
		    pairs |= {"daily_sharpe": s["sharpe"], "p_best": s["p_best"], "days": s["days"],
		              "sharpe_low": s["sharpe_interval"][0], "return_high": s["return_interval"][1],
		              "max_drawdown_low": s["max_drawdown_interval"][0], "psr": s["psr"], "dsr": s["dsr"],
		              "p_beats_hold": s["p_beats_hold"], "p_value": s["p_value"], "beta": s["beta"],
		              "alpha": s["alpha"], "daily_sharpe_error": s["sharpe_error"],
		              "sharpe_error": a["sharpe_error"]}
		    for k, v in pairs.items():
		        got = None if row[k] == "" else float(row[k])
		        assert got == v or abs(got - v) < 1e-9, (row["agent"], k, row[k], v)
		    assert row["agent"] == a["agent"] and row["total"] == a["total"] and row["fill"] == a["fill"]
	PY
}

@test "watching prints again until q, the end of input or a signal" {
	local pid n
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	tr-board >once
	printf q | tr-board --watch >out
	diff once out
	expect 0 tr-board --watch 60 </dev/null
	# a pipe that says nothing for a while
	sleep 2.5 | tr-board --watch 1 --json >out
	n=$(wc -l <out)
	[ "$n" -ge 2 ]
	assert_equal "$(jq -r .schema out | sort -u)" tr.board/1
	mkfifo silence
	sleep 20 >silence &
	# a job in the background of a script ignores SIGINT otherwise
	env --default-signal=INT tr-board -w 60 <silence >out &
	pid=$!
	for _ in $(seq 100); do
		[ ! -s out ] || break
		sleep 0.05
	done
	kill -INT $pid
	n=0
	wait $pid || n=$?
	kill %1
	assert_equal "$n" 0
	diff once out
}

@test "on a terminal watching draws over what was there, and leaves the terminal as it was" {
	command -v python3 >/dev/null || skip "no python3"
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	python3 - <<-'PY'
		import os, pty, termios
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp("tr-board", ["tr-board", "--watch", "1"])
		seen = b""
		while seen.count(b"\x1b[H\x1b[2J") < 2:
		    seen += os.read(fd, 65536)
		assert not termios.tcgetattr(fd)[3] & termios.ICANON
		os.write(fd, b"q")
		try:
		    while os.read(fd, 65536):
		        pass
		except OSError:
		    pass
		assert os.waitpid(pid, 0)[1] == 0
		assert termios.tcgetattr(fd)[3] & termios.ICANON and termios.tcgetattr(fd)[3] & termios.ECHO
		assert b"buy-and-hold" in seen
	PY
}

@test "options that contradict each other are refused" {
	demo_race
	expect 64 tr-board --json --csv
	expect 64 tr-board --replicas --csv
	expect 64 tr-board --at 2024-07-23 --to 2024-07-24
	expect 64 tr-board --from 2024-07-24 --to 2024-07-23
	expect 64 tr-board --from 2024-07-24 --at 2024-07-23
	expect 64 tr-board 5
	expect 64 tr-board --watch 0
	expect 64 tr-board --watch 5x
	expect 64 tr-board --watch 5 6
	expect 64 tr-board --seed -1
}

# A demo race with names of many lengths, one of them retired, and replicas.
long_names() {
	demo_race
	for n in 1 2; do
		tr-agent add "a-strategy-with-a-long-name-that-goes-on-for-ever-and-a-day-no-$n" \
			--kind rule --strategy random >/dev/null
	done
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	tr-agent retire rsi >/dev/null
	tr-cycle -q -w 2024-07-23T00:05Z >/dev/null
}

# The titles of the first table.
titles() {
	COLUMNS=$1 tr-board | sed -n 's/ \([^ ]\)/\n\1/g;2p' | sed 's/ *$//;/^$/d'
}

@test "no line is longer than the terminal is wide, and it is said what is left out" {
	local w options
	long_names
	tr-board >whole
	for options in "" --stats --versions --replicas "--stats --versions --replicas"; do
		for w in 20 33 40 60 80 100 132 160 200; do
			# shellcheck disable=SC2086
			COLUMNS=$w tr-board $options >out
			[ "$(wc -L <out)" -le $w ]
			grep -q ' $' out && return 1
			tr '\n' ' ' <out | tr -s ' ' >joined
			[ "$w" -gt 100 ] ||
				grep -qE ' [0-9]+ columns left out; COLUMNS=[0-9]+ or --(csv|json) shows all ' joined
		done
		grep "left out" out && return 1
	done
	# every agent has a row, in whatever width
	assert_equal "$(COLUMNS=20 tr-board | grep -cE '^ *[0-9]+  [a-z]')" 10
	# a narrow one has the columns of a wide one, but fewer, and the same figures
	titles 80 >narrow
	titles 100 >wide
	[ "$(wc -l <narrow)" -lt "$(wc -l <wide)" ]
	assert_equal "$(grep -vxFf wide narrow)" ""
	assert_equal "$(titles 40 | tr '\n' ' ')" "# agent total return% maxdd% "
	COLUMNS=60 tr-board | awk '$2 == "trend" { print $3, $4, $5, $6 }' >narrow
	awk '$2 == "trend" { print $3, $4, $6, $7 }' whole | diff - narrow
	[ -s narrow ]
}

@test "the width that is named shows all, and one less does not" {
	local needs options
	season 31
	for options in "" --stats; do
		# shellcheck disable=SC2086
		needs=$(COLUMNS=70 tr-board $options | sed -n 's/.* left out; COLUMNS=\([0-9]*\) .*/\1/p')
		# shellcheck disable=SC2086
		COLUMNS=$needs tr-board $options >out
		grep "left out" out && return 1
		tr-board $options | sed 's/^ *//;s/  */ /g' | diff - <(sed 's/^ *//;s/  */ /g' out)
		# shellcheck disable=SC2086
		COLUMNS=$((needs - 1)) tr-board $options | grep -q "^1 column left out; COLUMNS=$needs or --csv shows all$"
	done
	COLUMNS=70 tr-board --replicas | grep -q "COLUMNS=$(COLUMNS=70 tr-board |
		sed -n 's/.*COLUMNS=\([0-9]*\) .*/\1/p') or --json shows all"
}

@test "long names lose their middle on a terminal, and nothing elsewhere" {
	local name=a-strategy-with-a-long-name-that-goes-on-for-ever-and-a-day-no-
	long_names
	COLUMNS=80 tr-board >out
	grep -E '^ *[0-9]+  a-strat[a-z-]*\.\.\.[a-z-]*-no-1 ' out
	grep -E '^ *[0-9]+  a-strat[a-z-]*\.\.\.[a-z-]*-no-2 ' out
	COLUMNS=80 LC_ALL=C.UTF-8 tr-board | grep -E '^ *[0-9]+  a-strat[a-z-]*…[a-z-]*-no-2 '
	COLUMNS=80 tr-board --versions | grep -E '^ *[0-9]+  a-strat[a-z-]*\.\.\.[a-z-]*-no-2@1 '
	# without a bound the column is as wide as the longest name, and rows stay in line
	tr-board >out
	grep "  ${name}1 " out
	assert_equal "$(sed -n '/^ *[0-9#]/s/^\(.*[ 0-9]\.[0-9][0-9]\) .*/\1/p' out | grep -c "  ${name}[12] ")" 2
	assert_equal "$(grep -E '^ *[0-9#]+  ' out | sed 's/ \(baseline\|retired\)$//;s/ *$//' |
		awk '{ print length }' | sort -u | wc -l)" 1
	for w in 40 80; do
		COLUMNS=$w tr-board --json | cmp - <(tr-board --json)
		COLUMNS=$w tr-board --csv | cmp - <(tr-board --csv)
	done
	tr-board --csv | grep -q ",${name}1,"
	# what is no width is none
	for w in 0 -1 8x "" 1e2 100001; do
		COLUMNS=$w tr-board | cmp - out
	done
}

@test "the width is that of the terminal, also while watching" {
	command -v python3 >/dev/null || skip "no python3"
	long_names
	python3 - <<-'PY'
		import fcntl, os, pty, re, struct, termios
		def board(columns, *args, **env):
		    pid, fd = pty.fork()
		    if pid == 0:
		        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
		        os.environ.update(env)
		        os.execvp("tr-board", ["tr-board", *args])
		    seen = b""
		    try:
		        while more := os.read(fd, 65536):
		            seen += more
		            if "--watch" in args and b" sealed, " in seen:
		                os.write(fd, b"q")
		    except OSError:
		        pass
		    assert os.waitpid(pid, 0)[1] == 0
		    text = re.sub("\x1b\\[[0-9;]*[A-Za-z]", "", seen.decode())
		    return text, max(map(len, text.replace("\r", "").split("\n")))
		colour = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": ""}
		for w in 40, 80, 100, 160:
		    for args in [], ["--stats"], ["--watch"]:
		        text, width = board(w, *args, **colour)
		        assert w - 25 < width <= w, (w, args, width)
		assert "left out" in board(80)[0] and "left out" not in board(250)[0]
		# the line of blocks is the first to go
		wide, narrow = board(250, **colour)[0], board(120, **colour)[0]
		assert re.search("[▁-█]", wide) and not re.search("[▁-█]", narrow)
		# a terminal that does not know its width, and a word that counts more than the terminal's
		assert board(0)[1] > 160 and board(250, COLUMNS="60")[1] <= 60
	PY
}

@test "the list of agents stays in line whatever they are called" {
	demo_race
	tr-agent list | grep -E '^cash {13}rule '
	tr-agent add a-name-of-more-than-sixteen-bytes --kind rule --strategy random >/dev/null
	tr-agent list >out
	assert_equal "$(awk '{ print index($0, " rule ") }' out | sort -u)" 34
	[ "$(wc -l <out)" -ge 9 ]
}

@test "equal returns share a rank, everywhere" {
	demo_race
	for name in twin1 twin2; do tr-agent -q add $name --kind manual; done
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z
	board
	# twice the same two: 1 and the number of those that are better
	jq -e '.agents as $a | [$a[] | . as $x | .rank == 1 + ([$a[] | select(.return > $x.return)] | length)] | all' \
		board.json
	assert_equal "$(jq -c '[.agents[] | select(.agent == "cash" or .agent == "twin1" or .agent == "twin2") | .rank]
		| unique | length' board.json)" 1
	assert_equal "$(of twin1 .total)" "$(of cash .total)"
	jq -e '[.agents[].rank] | sort == . and .[0] == 1' board.json
	assert_equal "$(tr-board --csv | sed 1d | cut -d, -f1,2)" \
		"$(jq -r '.agents[] | "\(.rank),\(.agent)"' board.json)"
	# a line of text begins with rank and name
	assert_equal "$(tr-board | awk '$1 ~ /^[0-9]+$/ && NF > 10 { print $1 "," $2 }')" \
		"$(jq -r '.agents[] | "\(.rank),\(.agent)"' board.json)"
	# before the first window all are equal
	tr-init -q --demo --quote USD new.db
	assert_equal "$(tr-board -d new.db --json | jq -c '[.agents[].rank] | unique')" '[1]'
}

@test "who was asked and has never given a valid answer is marked" {
	demo_race
	tr-agent -q add liar --kind exec -- /bin/echo no
	tr-agent -q add me --kind manual
	tr-cycle -q -w 2024-07-23T00:00Z || [ $? -eq 3 ]
	expect 0 tr-board
	assert_line --regexp ' liar .* 0  no valid turn$'
	assert_equal "$(grep -c 'no valid turn' <<<"$output")" 1
	tr-agent -q pause liar
	expect 0 tr-board
	assert_line --regexp ' liar .* no valid turn, paused$'
}

@test "where prices come from is told, and simulated ones are called so" {
	demo_race
	expect 0 tr-board
	refute_line --partial simulated
	board
	assert_equal "$(jq -c '[.simulated, .prices]' board.json)" '[false,[]]'
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:20Z
	expect 0 tr-board
	assert_line "Prices of ADA, BTC, DOGE, ETH, SOL, XRP are simulated."
	board
	assert_equal "$(jq -c '[.simulated, (.prices | length), (.prices | map(.source) | unique)]' board.json)" \
		'[true,6,["sim"]]'
	# candles that gave no price count for nothing, and prices do by window
	sqlite3 race.db "INSERT INTO sources (name) VALUES ('other');
		INSERT INTO candles SELECT asset_id, (SELECT id FROM sources WHERE name = 'other'), interval_s, open_ms,
		open, high, low, close, volume, seen_ms FROM candles WHERE asset_id = 1"
	board
	assert_equal "$(jq -c '.prices | map(.source) | unique' board.json)" '["sim"]'
	sqlite3 race.db "DROP TRIGGER prices_update; UPDATE prices SET source_id = (SELECT id FROM sources WHERE name =
		'other') WHERE asset_id = 1 AND window_ms = (SELECT max(window_ms) FROM prices)"
	board
	assert_equal "$(jq -c '.prices | map(.source) | sort' board.json)" \
		'["other","sim","sim","sim","sim","sim","sim"]'
	board --to 2024-07-23T00:15Z
	assert_equal "$(jq -c '.prices | map(.source) | unique' board.json)" '["sim"]'
	board --from 2024-07-23T00:15Z
	assert_equal "$(jq -c '[.simulated, (.prices | length)]' board.json)" '[true,6]'
}
