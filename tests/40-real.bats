#!/usr/bin/env bats
# Races on recorded market data.

load helper

ASSETS='ADA BTC ETH LTC SOL XRP'

# The six assets with their five-minute candles of ten months, imported, and the demo's agents.
history_race() {
	local a
	rm -f "$1"*
	tr-init -q --quote USDT "$1"
	for a in $ASSETS; do tr-asset -q -d "$1" add "$a" --feed history; done
	tr-ingest -q -d "$1" --import "$SHARED"/data/{ADA,BTC,ETH,LTC,SOL,XRP}-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz
	tr-agent -q -d "$1" add trend --kind rule --strategy sma-cross --set fast=10 --set slow=30
	tr-agent -q -d "$1" add rsi --kind rule --strategy rsi
	tr-agent -q -d "$1" add momentum --kind rule --strategy momentum
	tr-agent -q -d "$1" add reversion --kind rule --strategy mean-reversion
}

# A copy of the imported race, which is made once.
imported() {
	cp "$BATS_FILE_TMPDIR/imported.db" "$1"
}

setup_file() {
	[ -d "$SHARED/data" ] || return 0
	umask 077
	history_race "$BATS_FILE_TMPDIR/imported.db"
	tr-db -q -d "$BATS_FILE_TMPDIR/imported.db" checkpoint
}

# cycles DB FROM TO
cycles() {
	tr-cycle -q -d "$1" --from "$2" --to "$3"
}

ask() {
	sqlite3 "$@"
}

# The file's own text of a closing price: ASSET OPEN_TIME.
recorded() {
	zcat "$SHARED/data/$1-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz" | awk -F, -v t="$2" '$3 == t { print $8 }'
}

# Cash is what the trades say, position by position, to the last digit, in arithmetic of its own.
books_add_up() {
	sqlite3 -json "$1" 'SELECT a.name, s.symbol, side, quantity, fill_price, notional, fee FROM trades AS t
		JOIN agents AS a ON a.id = t.agent_id JOIN assets AS s ON s.id = t.asset_id ORDER BY a.id, seq' >trades.json
	sqlite3 -json "$1" "SELECT a.name, start_cash, cash, (SELECT json_group_object(symbol, quantity) FROM positions
		AS o JOIN assets AS s ON s.id = o.asset_id WHERE o.agent_id = a.id) AS held FROM portfolios AS p
		JOIN agents AS a ON a.id = p.agent_id" >books.json
	python3 - <<-'END'
		import json
		from collections import defaultdict
		from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, getcontext

		getcontext().prec = 60
		cash, held = defaultdict(Decimal), defaultdict(int)
		trades = json.load(open("trades.json"))
		assert trades
		for t in trades:
		    q, p = Decimal(t["quantity"]).scaleb(-8), Decimal(t["fill_price"]).scaleb(-10)
		    buy = t["side"] == "buy"
		    worth = (q * p).quantize(Decimal("1e-8"), ROUND_CEILING if buy else ROUND_FLOOR)
		    fee = (worth * Decimal("0.001")).quantize(Decimal("1e-8"), ROUND_CEILING)
		    assert (worth, fee) == (Decimal(t["notional"]).scaleb(-8), Decimal(t["fee"]).scaleb(-8)), t
		    cash[t["name"]] += (-worth if buy else worth) - fee
		    held[t["name"], t["symbol"]] += t["quantity"] if buy else -t["quantity"]
		for b in json.load(open("books.json")):
		    assert Decimal(b["cash"] - b["start_cash"]).scaleb(-8) == cash[b["name"]], b
		    mine = {s: q for (name, s), q in held.items() if name == b["name"] and q}
		    assert mine == json.loads(b["held"]), b
	END
}

@test "six assets of ten months are imported whole, and again nothing changes" {
	need_shared
	imported race.db
	[ "$(ask race.db 'SELECT symbol, count(*) FROM candles JOIN assets ON id = asset_id GROUP BY symbol')" = \
		"$(for a in $ASSETS; do echo "$a|87982"; done)" ]
	ask race.db "SELECT count(*), total(close), max(open_ms), max(seen_ms) FROM candles" >before
	expect 0 tr-ingest -d race.db --import "$SHARED/data/BTC-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz"
	[[ $output == *'BTC 300s: 87982 rows, 0 added, 87982 known, 0 revised, 0 bad, 0 duplicates,'*'1 gaps (16 missing): nothing new'* ]]
	ask race.db "SELECT count(*), total(close), max(open_ms), max(seen_ms) FROM candles" | cmp - before
	# the closing prices, all with two digits, add up to what the file says
	[ "$(ask race.db "SELECT sum(close / 100000000) FROM candles JOIN assets ON id = asset_id WHERE symbol = 'BTC'")" = \
		"$(zcat "$SHARED/data/BTC-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz" | python3 -c 'import csv, sys
from decimal import Decimal
print(int(sum(Decimal(r["close"]) for r in csv.DictReader(sys.stdin)).scaleb(2)))')" ]
}

@test "prices in another currency than the race's are refused" {
	need_shared
	tr-init -q --bare --quote USD race.db
	tr-asset -q -d race.db add BTC --feed history
	expect 65 tr-ingest -d race.db --import "$SHARED/data/BTC-USDT_5m_binance_2024-07-22_2024-07-30.csv.gz"
	[[ $stderr == *USDT*USD* ]]
	[ "$(ask race.db 'SELECT count(*) FROM candles')" = 0 ]
}

@test "a week runs window by window, clean and plausible, and its first days twice the same" {
	need_shared
	imported one.db
	imported two.db
	expect 0 cycles one.db 2023-03-06T00:00Z 2023-03-09T00:00Z
	local half
	half=$(state one.db)
	expect 0 cycles one.db 2023-03-06T00:00Z 2023-03-13T00:00Z
	[ "$(ask one.db 'SELECT count(*), sum(decision), sum(state = "completed") FROM cycles')" = '2016|672|2016' ]
	[ "$(ask one.db 'SELECT count(*), sum(quality = "fresh") FROM prices')" = '12096|12096' ]
	# the price of a window is the close of the candle before it, in the file's own digits
	local a
	for a in $ASSETS; do
		[ "$(tr-context -d one.db -w 2023-03-10T12:00Z cash | jq -r --arg a "$a" '.market.assets[] |
			select(.asset == $a) | .price')" = "$(recorded "$a" 2023-03-10T11:55:00Z)" ]
	done
	expect 0 tr-audit -d one.db
	books_add_up one.db
	# everybody decided in every turn, and validly
	[ "$(ask one.db 'SELECT DISTINCT count(*) FROM decisions WHERE status IN ("ok", "hold") GROUP BY agent_id')" = 672 ]
	[ "$(ask one.db 'SELECT count(*) >= 6 FROM (SELECT agent_id FROM trades GROUP BY agent_id)')" = 1 ]

	# the board says what the books say
	expect 0 tr-board -d one.db --json
	echo "$output" >board.json
	jq -e '[.seals == 2016, (.agents | length) == 8, .first == "market-cycle-20230306-0000",
		.last == "market-cycle-20230312-2355",
		all(.agents[]; .turns == 672 and .valid == 672 and .max_drawdown <= 0 and .max_drawdown > -0.5
			and .return > -0.5 and .return < 0.5 and .exposure >= 0 and .exposure <= 1
			and (.return - ((.total | tonumber) / 100000 - 1) | fabs) < 1e-9),
		([.agents[].total | tonumber] | . == (sort | reverse)),
		(.agents[] | select(.agent == "cash") | .total == "100000" and .trades == 0 and .sharpe == null),
		(.agents[] | select(.agent == "buy-and-hold") | .trades == 6 and .vs_buy_and_hold == 0
			and .exposure > 0.98 and .max_drawdown < -0.05)] | all' board.json
	jq -r '.agents[] | "\(.agent)|\(.trades)|\(.total | tonumber * 1e8 | round)|\(.fees | tonumber * 1e8 | round)"' \
		board.json | sort >board
	ask one.db "SELECT name, count(t.id), (SELECT total FROM snapshots AS n WHERE n.agent_id = a.id
		ORDER BY window_ms DESC, phase LIMIT 1), coalesce(sum(fee), 0) FROM agents AS a
		LEFT JOIN trades AS t ON t.agent_id = a.id GROUP BY a.id ORDER BY name" >books
	cmp board books

	# the first three days again
	cycles two.db 2023-03-06T00:00Z 2023-03-09T00:00Z
	[ "$half" = "$(state two.db)" ]
}

@test "buy and hold gains what its assets gained, less the fees" {
	need_shared
	imported race.db
	cycles race.db 2023-03-06T00:00Z 2023-03-06T00:10Z
	cycles race.db 2023-03-12T23:55Z 2023-03-13T00:00Z
	ask race.db "SELECT total FROM snapshots JOIN agents AS a ON a.id = agent_id WHERE name = 'buy-and-hold'
		ORDER BY window_ms DESC LIMIT 1" >total
	{
		local a
		for a in $ASSETS; do
			echo "$(recorded "$a" 2023-03-05T23:55:00Z) $(recorded "$a" 2023-03-12T23:50:00Z)"
		done
	} >moves
	# six equal parts of 99.5 % of the cash, less a fee of 0.1 %
	awk 'NR == FNR { total = $1 / 1e8; next } { gain += $2 / $1 / 6 }
		END { want = 99500 * gain + 500 - 99.5; exit !(total > want - 1 && total < want + 1) }' total moves
}

@test "a halt of the venue is a time without fresh prices, and nothing is made up" {
	need_shared
	imported race.db
	cycles race.db 2023-03-24T11:00Z 2023-03-24T15:00Z
	# the last candle before the gap opened at 12:35, the first after it at 14:00
	quality() {
		ask race.db "SELECT DISTINCT quality, (window_ms - price_ms) / 60000 FROM prices
			WHERE window_ms = unixepoch('2023-03-24 $1') * 1000"
	}
	[ "$(quality 12:40)" = 'fresh|0' ]
	[ "$(quality 12:45)" = 'fresh|5' ]
	[ "$(quality 12:50)" = 'last_good|10' ]
	[ "$(quality 12:55)" = 'last_good|15' ]
	[ "$(quality 13:00)" = 'stale|20' ]
	[ "$(quality 14:00)" = 'stale|80' ]
	[ "$(quality 14:05)" = 'fresh|0' ]
	[ "$(ask race.db "SELECT count(*) FROM trades WHERE fill_ms BETWEEN unixepoch('2023-03-24 13:00') * 1000
		AND unixepoch('2023-03-24 14:00') * 1000")" = 0 ]
	[ "$(ask race.db "SELECT count(*) FROM prices WHERE quality <> 'stale' AND window_ms - price_ms > 900000")" = 0 ]
	[ "$(ask race.db "SELECT count(*) FROM snapshots WHERE window_ms = unixepoch('2023-03-24 13:30') * 1000
		AND phase = 'pre'")" = 8 ]
	expect 0 tr-audit -d race.db
}

@test "coins of 0.00001 trade for a day without losing a digit" {
	need_shared
	local a run
	for run in one two; do
		tr-init -q --quote USDT $run.db
		for a in SHIB PEPE; do
			tr-asset -q -d $run.db add $a --feed "csv:$SHARED/data/$a-USDT_5m_binance_2024-07-22_2024-07-30.csv.gz"
		done
		tr-agent -q -d $run.db add trend --kind rule --strategy sma-cross --set fast=3 --set slow=10
		tr-agent -q -d $run.db add reversion --kind rule --strategy mean-reversion
		tr-config -q -d $run.db set decide.every_min 5
		cycles $run.db 2024-07-24T00:00Z 2024-07-25T00:00Z
	done
	[ "$(ask one.db 'SELECT count(*) > 40, count(DISTINCT asset_id) FROM trades')" = '1|2' ]
	books_add_up one.db
	expect 0 tr-audit -d one.db
	# prices and volumes of 1e12 are those of the file
	local f="$SHARED/data/PEPE-USDT_5m_binance_2024-07-22_2024-07-30.csv.gz"
	zcat "$f" | awk -F, 'NR > 1 { printf "%.0f|%.0f\n", $8 * 1e10, $9 * 1e4 }' >file
	ask one.db "SELECT close, volume FROM candles JOIN assets ON id = asset_id WHERE symbol = 'PEPE'
		ORDER BY open_ms" >stored
	cmp file stored
	[ "$(state one.db)" = "$(state two.db)" ]
}
