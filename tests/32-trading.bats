#!/usr/bin/env bats
# Risk rules, fills and books, with the real tools: every edit is recorded, every digit is exact,
# and a decision is carried out once and as a whole.

load helper

# candles ASSET TIME PRICE...: five-minute candles; the first price is that of the window TIME,
# and so on.
candles() {
	local asset=$1 at p
	at=$(($(date -ud "$2" +%s) - 300))
	shift 2
	echo asset,quote,open_time_utc,interval_s,open,high,low,close,volume
	for p; do
		printf '%s,USD,%(%Y-%m-%dT%H:%M:%SZ)T,300,%s,%s,%s,%s,1\n' "$asset" $at "$p" "$p" "$p" "$p"
		at=$((at + 300))
	done
}

# race PRICE...: agent me decides in every window what says tells it; AAA costs PRICE..., BBB 10.
race() {
	candles AAA 2024-07-23T00:00Z "$@" >aaa.csv
	candles BBB 2024-07-23T00:00Z "${@/*/10}" >bbb.csv
	# it sees nothing but its context, so what it shall say is told in that
	cat >me <<-'EOF'
		#!/bin/sh
		exec jq -c '.time as $t | (.instructions | fromjson? // {})[$t] // {orders: []}'
	EOF
	chmod +x me
	tr-init -q --bare race.db
	export TR_DB=$PWD/race.db
	tr-config -q set decide.every_min 5
	tr-asset -q add AAA --feed csv:aaa.csv
	tr-asset -q add BBB --feed csv:bbb.csv
	tr-agent -q add me --kind exec -- ./me
}

settings() {
	while [ $# -gt 0 ]; do
		tr-config -q set "$1" "$2"
		shift 2
	done
}

# say TIME: agent me answers what is on standard input in the window of that time.
say() {
	tr-config -q set race.instructions "{\"$1\":$(cat)}"
}

# at HH:MM ORDER...: in that window me decides on these orders (SIDE ASSET quantity|notional NUMBER
# [LIMIT]), and the window runs.
at() {
	local t=$1
	shift
	orders "$@" | say "2024-07-23T$t:00Z"
	tr-cycle -q -w "2024-07-23T$t:00Z"
}

orders() {
	local o list=
	for o; do
		# shellcheck disable=SC2086
		set -- $o
		list+=${list:+,}'{"asset":"'$2'","side":"'$1'","'$3'":"'$4'"'${5:+,'"limit_price":"'$5'"'}'}'
	done
	printf '{"orders":[%s]}\n' "$list"
}

ask() {
	sqlite3 race.db "$1"
}

# What became of the orders of a window: action, reasons, wanted and filled units.
fate() {
	ask "SELECT action || ' ' || reasons || ' ' || (wanted / 1e8) || ' ' || (filled / 1e8) FROM orders JOIN agents ON id = agent_id
		WHERE name = '${2:-me}' AND window_ms = unixepoch('2024-07-23 $1') * 1000 ORDER BY idx"
}

cash() {
	ask "SELECT cash FROM portfolios WHERE agent_id = (SELECT id FROM agents WHERE name = 'me')"
}

held() {
	ask "SELECT symbol, quantity FROM positions JOIN assets ON id = asset_id ORDER BY symbol"
}

# ---------------------------------------------------------------- limits

@test "a single buy is clipped to 25 % of the agent's value" {
	race 100
	at 00:00 'buy AAA quantity 300'
	[ "$(fate 00:00)" = 'clip max_order 300.0 250.0' ]
	[ "$(held)" = 'AAA|25000000000' ]
}

@test "a buy of exactly 25 % passes" {
	race 100
	at 00:00 'buy AAA quantity 250' 'buy BBB quantity 2500.00000001'
	[ "$(fate 00:00)" = $'pass  250.0 250.0\nclip max_order 2500.00000001 2500.0' ]
}

@test "in mode reject what is over a limit is dropped" {
	race 100
	settings risk.mode reject
	at 00:00 'buy AAA quantity 250.00000001' 'buy AAA quantity 250'
	[ "$(fate 00:00)" = $'drop max_order 250.00000001 0.0\npass  250.0 250.0' ]
}

@test "a position is clipped to 50 % of the agent's value, then closed to buys" {
	race 100 100 100
	at 00:00 'buy AAA quantity 250'
	# the value is 100000 less a fee of 25
	at 00:05 'buy AAA quantity 250'
	[ "$(fate 00:05)" = 'clip max_order,max_position 250.0 249.875' ]
	at 00:10 'buy AAA quantity 10' 'sell AAA quantity 10'
	[ "$(fate 00:10)" = $'drop max_position 10.0 0.0\npass  10.0 10.0' ]
}

@test "in mode reject a position over its limit is dropped" {
	race 100 100
	settings risk.mode reject
	at 00:00 'buy AAA quantity 250'
	at 00:05 'buy AAA quantity 249.9' 'buy AAA quantity 249.875'
	[ "$(fate 00:05)" = $'drop max_position 249.9 0.0\npass  249.875 249.875' ]
}

@test "buys leave the cash reserve of 0.1 % of the starting cash untouched" {
	race 100
	settings risk.max_order_pct 100 risk.max_position_pct 100
	at 00:00 'buy AAA quantity 999'
	[[ $(fate 00:00) == 'clip cash_reserve 999.0 '* ]]
	# the most that 99900 pay for with a fee of 0.1 %
	[ "$(ask 'SELECT filled FROM orders')" = $((9990000000000 * 1000 / 1001 / 100)) ]
	[ "$(cash)" -ge 10000000000 ]
	[ "$(cash)" -lt 10000010010 ]
}

@test "without a reserve a buy is clipped to the cash with its fee" {
	race 100
	settings risk.max_order_pct 100 risk.max_position_pct 100 risk.cash_reserve_pct 0
	at 00:00 'buy AAA quantity 1000' 'buy AAA quantity 1'
	[[ $(fate 00:00 | head -1) == 'clip no_cash 1000.0 '* ]]
	[ "$(ask 'SELECT filled FROM orders WHERE idx = 0')" = $((10000000000000 * 1000 / 1001 / 100)) ]
	[[ $(fate 00:00 | tail -1) == 'drop '* ]]
	[ "$(cash)" -ge 0 ]
	[ "$(cash)" -lt 200 ]
}

@test "an order is worth at least 10, unless it closes a position" {
	race 100 100
	at 00:00 'buy AAA quantity 0.09999999' 'buy AAA quantity 0.1' 'buy BBB notional 9.99' 'buy BBB notional 10.5'
	[ "$(fate 00:00)" = 'drop below_min_order 0.09999999 0.0
pass  0.1 0.1
drop below_min_order 0.999 0.0
pass  1.05 1.05' ]
	at 00:05 'sell BBB quantity 0.5' 'sell BBB quantity 1.04999999' 'sell BBB quantity 0.54999999' \
		'sell BBB quantity 0.00000001'
	[ "$(fate 00:05)" = 'drop below_min_order 0.5 0.0
pass  1.04999999 1.04999999
clip no_position 0.54999999 1.0e-08
drop no_position 1.0e-08 0.0' ]
	[ "$(held)" = 'AAA|10000000' ]
}

@test "a decision has at most five orders; what follows is dropped" {
	race 100
	at 00:00 'buy AAA quantity 1' 'buy AAA quantity 2' 'buy AAA quantity 3' 'buy AAA quantity 4' \
		'buy AAA quantity 5' 'buy AAA quantity 6' 'sell AAA quantity 7'
	[ "$(fate 00:00 | cut -d' ' -f1,2 | uniq -c | sed 's/^ *//; s/ *$//')" = $'5 pass\n2 drop too_many_orders' ]
	[ "$(held)" = 'AAA|1500000000' ]
}

@test "a sale is clipped to what is held, and dropped when nothing is" {
	race 100 100
	at 00:00 'sell AAA quantity 1' 'buy AAA quantity 5'
	[ "$(fate 00:00)" = $'drop no_position 1.0 0.0\npass  5.0 5.0' ]
	at 00:05 'sell AAA quantity 6'
	[ "$(fate 00:05)" = 'clip no_position 6.0 5.0' ]
	[ -z "$(held)" ]
}

@test "baselines are exempt from the shares and the reserve" {
	race 100
	rm race.db*
	tr-init -q race.db
	tr-asset -q add AAA --feed csv:aaa.csv
	tr-agent -q add twin --kind rule --strategy buy-and-hold
	tr-cycle -q -w 2024-07-23T00:00Z
	[[ $(fate 00:00 buy-and-hold) == 'pass  '* ]]
	[[ $(fate 00:00 twin) == 'clip max_order '* ]]
	[ "$(ask "SELECT sum(name = 'buy-and-hold' AND notional > 9e12), sum(name = 'twin' AND notional = 25e11)
		FROM trades JOIN agents AS a ON a.id = agent_id")" = '1|1' ]
}

@test "risk.assets names the only assets that may be bought; all may be sold" {
	race 100 100
	at 00:00 'buy AAA quantity 5' 'buy BBB quantity 5'
	settings risk.assets BBB,CCC
	at 00:05 'buy AAA quantity 1' 'buy BBB quantity 1' 'sell AAA quantity 5'
	[ "$(fate 00:05)" = $'drop asset_not_allowed 1.0 0.0\npass  1.0 1.0\npass  5.0 5.0' ]
}

@test "an asset that is disabled may only be sold, from the next window on" {
	race 100 100 100
	at 00:00 'buy AAA quantity 5'
	tr-asset -q disable AAA
	at 00:05 'buy AAA quantity 1' 'sell AAA quantity 1'
	[ "$(fate 00:05)" = $'drop asset_disabled 1.0 0.0\npass  1.0 1.0' ]
	tr-asset -q enable AAA
	at 00:10 'buy AAA quantity 1'
	[ "$(fate 00:10)" = 'pass  1.0 1.0' ]
}

@test "an unknown asset and one without a price are dropped by those names" {
	race 100
	tr-asset -q add CCC --feed history
	at 00:00 'buy NOPE quantity 1' 'buy CCC quantity 1' 'buy AAA quantity 1'
	[ "$(fate 00:00)" = $'drop unknown_asset 1.0 0.0\ndrop no_price 1.0 0.0\npass  1.0 1.0' ]
}

@test "during the cooldown an asset is not bought again, but sold" {
	race 100 100 100 100
	settings risk.cooldown_min 10
	at 00:00 'buy AAA quantity 5'
	at 00:05 'buy AAA quantity 1' 'buy BBB quantity 1'
	[ "$(fate 00:05)" = $'drop cooldown 1.0 0.0\npass  1.0 1.0' ]
	at 00:10 'buy AAA quantity 1'
	[ "$(fate 00:10)" = 'pass  1.0 1.0' ]
	at 00:15 'sell AAA quantity 1' 'buy AAA quantity 1'
	[ "$(fate 00:15)" = $'pass  1.0 1.0\ndrop cooldown 1.0 0.0' ]
}

# The day's loss: 250 units fall by 20 %, which is 5 % and the fee.
@test "after the day's loss nothing is bought until the next UTC day" {
	candles AAA 2024-07-23T23:50Z 100 80 80 >late.csv
	race 100
	rm race.db*
	tr-init -q --bare race.db
	settings decide.every_min 5 risk.daily_loss_pct 5
	tr-asset -q add AAA --feed csv:late.csv
	tr-agent -q add me --kind exec -- ./me
	at 23:50 'buy AAA quantity 250'
	at 23:55 'buy AAA quantity 1' 'sell AAA quantity 1'
	[ "$(fate 23:55)" = $'drop daily_loss 1.0 0.0\npass  1.0 1.0' ]
	orders 'buy AAA quantity 1' | say "2024-07-24T00:00:00Z"
	tr-cycle -q -w 2024-07-24T00:00Z
	[ "$(ask 'SELECT action FROM orders ORDER BY window_ms DESC LIMIT 1')" = pass ]
}

@test "a smaller loss than the day's does not stop buys" {
	race 100 80.2
	settings risk.daily_loss_pct 5
	at 00:00 'buy AAA quantity 250'
	at 00:05 'buy AAA quantity 1'
	[ "$(fate 00:05)" = 'pass  1.0 1.0' ]
}

@test "after a fall from the peak nothing is bought until the value is back" {
	race 100 140 110 135
	settings risk.drawdown_stop_pct 5
	at 00:00 'buy AAA quantity 250'
	at 00:05
	# 109975 at the peak, 102475 now: 6.8 %
	at 00:10 'buy AAA quantity 1' 'sell AAA quantity 1'
	[ "$(fate 00:10)" = $'drop drawdown_stop 1.0 0.0\npass  1.0 1.0' ]
	at 00:15 'buy AAA quantity 1'
	[ "$(fate 00:15)" = 'pass  1.0 1.0' ]
}

# ---------------------------------------------------------------- limit prices

@test "a limit price that is met at, or better, fills at the batch's price; worse drops" {
	race 100 100
	at 00:00 'buy AAA quantity 1 100' 'buy AAA quantity 1 101' 'buy AAA quantity 1 99.9999999999'
	[ "$(fate 00:00)" = $'pass  1.0 1.0\npass  1.0 1.0\ndrop limit_not_met 1.0 0.0' ]
	at 00:05 'sell AAA quantity 0.5 100' 'sell AAA quantity 0.5 99' 'sell AAA quantity 0.5 100.0000000001'
	[ "$(fate 00:05)" = $'pass  0.5 0.5\npass  0.5 0.5\ndrop limit_not_met 0.5 0.0' ]
	[ "$(ask 'SELECT DISTINCT fill_price FROM trades')" = 1000000000000 ]
}

@test "slippage must not carry a fill beyond its limit" {
	race 100 100
	settings trade.slippage_bps 10
	at 00:00 'buy AAA quantity 1 100' 'buy AAA quantity 1 100.1'
	[ "$(fate 00:00)" = $'drop limit_not_met 1.0 0.0\npass  1.0 1.0' ]
	at 00:05 'sell AAA quantity 0.5 100' 'sell AAA quantity 0.5 99.9'
	[ "$(fate 00:05)" = $'drop limit_not_met 0.5 0.0\npass  0.5 0.5' ]
}

# ---------------------------------------------------------------- books

@test "fee, slippage, cash and cost are exact to the last digit" {
	race 0.1234567891 0.1299999999 0.0000123457 7.1313131313
	settings trade.fee_bps 7.3 trade.slippage_bps 3.7 market.max_jump_pct 100000000 risk.min_order 0 \
		risk.max_position_pct 100
	at 00:00 'buy AAA quantity 1234.56789012' 'buy AAA notional 77.77777777' 'sell AAA quantity 0.33333333'
	at 00:05 'sell AAA quantity 999.99999999' 'buy AAA quantity 0.00000007'
	at 00:10 'buy AAA quantity 31415926.53589793' 'sell AAA quantity 7'
	at 00:15 'sell AAA quantity 0.00000003' 'buy AAA quantity 0.12345678' 'sell AAA quantity 2.71828182'
	[ "$(ask 'SELECT count(*) FROM trades')" = 10 ]
	sqlite3 -json race.db 'SELECT side, quantity, price, fill_price, notional, fee, realised, cash_after,
		position_after, cost_after FROM trades ORDER BY seq' >trades.json
	expect 0 python3 - <<-'END'
		import json
		from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, getcontext

		getcontext().prec = 60
		FEE, SLIP = Decimal("0.00073"), Decimal("0.00037")
		money = lambda x, r: x.quantize(Decimal("1e-8"), r)
		cash, held, cost = Decimal(100000), Decimal(0), Decimal(0)
		for t in json.load(open("trades.json")):
		    q, p = Decimal(t["quantity"]).scaleb(-8), Decimal(t["price"]).scaleb(-10)
		    buy = t["side"] == "buy"
		    against = ROUND_CEILING if buy else ROUND_FLOOR
		    fill = (p * (1 + SLIP if buy else 1 - SLIP)).quantize(Decimal("1e-10"), against)
		    notional = money(q * fill, against)
		    fee = money(notional * FEE, ROUND_CEILING)
		    realised = Decimal(0)
		    if buy:
		        cash, held, cost = cash - notional - fee, held + q, cost + notional + fee
		    else:
		        gone = money(cost * q / held, ROUND_FLOOR)
		        realised = notional - fee - gone
		        cash, held, cost = cash + notional - fee, held - q, cost - gone
		    mine = (fill.scaleb(10), *(x.scaleb(8) for x in (notional, fee, realised, cash, held, cost)))
		    theirs = tuple(t[k] for k in ("fill_price", "notional", "fee", "realised", "cash_after",
		                                  "position_after", "cost_after"))
		    assert mine == theirs, (t, mine)
	END
	[ "$(cash)" = "$(jq '.[-1].cash_after' trades.json)" ]
	expect 0 tr-audit
}

@test "a notional is what the units are worth before the fee" {
	race 3 3
	at 00:00 'buy AAA notional 100'
	[ "$(fate 00:00)" = 'pass  33.33333333 33.33333333' ]
	[ "$(ask 'SELECT notional, fee FROM trades')" = '9999999999|10000000' ]
}

@test "orders are carried out in the order of the decision" {
	race 100 100
	settings risk.max_order_pct 100 risk.max_position_pct 100
	at 00:00 'buy AAA quantity 990'
	# first the sale, then what it paid for
	at 00:05 'sell AAA quantity 500' 'buy BBB quantity 4900'
	[ "$(fate 00:05)" = $'pass  500.0 500.0\npass  4900.0 4900.0' ]
	[ "$(ask 'SELECT group_concat(side || idx) FROM (SELECT side, idx FROM trades ORDER BY seq)')" = \
		'buy0,sell0,buy1' ]
}

@test "a buy before the sale that would pay for it is clipped" {
	race 100 100
	settings risk.max_order_pct 100 risk.max_position_pct 100
	at 00:00 'buy AAA quantity 990'
	at 00:05 'buy BBB quantity 4900' 'sell AAA quantity 500' 'sell BBB quantity 1'
	[[ $(fate 00:05 | head -1) == 'clip cash_reserve 4900.0 '* ]]
	[ "$(fate 00:05 | tail -2)" = $'pass  500.0 500.0\npass  1.0 1.0' ]
}

@test "selling all closes the position and realises its whole cost" {
	race 100 130
	at 00:00 'buy AAA quantity 3.33333333' 'buy AAA quantity 1.00000001'
	at 00:05 'sell AAA quantity 4.33333334'
	[ -z "$(held)" ]
	[ "$(ask 'SELECT position_after, cost_after FROM trades ORDER BY seq DESC LIMIT 1')" = '0|0' ]
	[ "$(ask 'SELECT sum(realised) FROM trades')" = $(($(cash) - 10000000000000)) ]
	expect 0 tr-audit
}

@test "a decision is carried out once, however often and from however many sides" {
	race 100 100
	orders 'buy AAA quantity 1' | say "2024-07-23T00:00:00Z"
	tr-ingest -q -w 2024-07-23T00:00Z >/dev/null
	tr-decide -w 2024-07-23T00:00Z >decisions
	local i rc=0 pids=()
	for i in {1..20}; do
		tr-trade -w 2024-07-23T00:00Z <decisions >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=$?; done
	[ $rc -eq 0 ]
	# all print the same, whoever did it
	[ "$(cat out.* | sort | uniq -c | wc -l)" = 2 ]
	[ "$(ask 'SELECT count(*), sum(quantity) FROM trades')" = '1|100000000' ]
	local before
	before=$(state)
	expect 0 tr-trade -w 2024-07-23T00:00Z </dev/null
	expect 0 tr-trade --settle -w 2024-07-23T00:00Z </dev/null
	[ "$before" = "$(state)" ]
	at 00:05
	[ "$(ask 'SELECT count(*), sum(quantity) FROM trades')" = '1|100000000' ]
}

@test "a stream that says something else than what was decided is refused" {
	race 100
	orders 'buy AAA quantity 1' | say "2024-07-23T00:00:00Z"
	tr-ingest -q -w 2024-07-23T00:00Z >/dev/null
	tr-decide -w 2024-07-23T00:00Z >decisions
	local before
	before=$(state)
	sed 's/"quantity":"1"/"quantity":"2"/' decisions >forged.json
	run ! cmp -s decisions forged.json
	expect 65 tr-trade <forged.json
	head -1 decisions >cut.json
	expect 65 tr-trade <cut.json
	[ "$before" = "$(state)" ]
	expect 0 tr-trade <decisions
	[ "$(held)" = 'AAA|100000000' ]
}

@test "with trade.fill next a decision fills at the next window's price" {
	race 100 110 120
	settings trade.fill next
	at 00:00 'buy AAA quantity 1'
	[ -z "$(held)" ]
	at 00:05
	[ "$(ask 'SELECT price, fill_ms - window_ms FROM trades')" = '1100000000000|300000' ]
	at 00:10
	[ "$(ask 'SELECT count(*) FROM trades')" = 1 ]
	expect 0 tr-audit
}

@test "an order is dropped, not filled, at a price that is stale or suspect" {
	race 100 100 100 100 100 100
	# the candles of the first half hour only: at 00:45 their last is 20 minutes old
	at 00:00 'buy AAA quantity 1'
	orders 'buy AAA quantity 1' 'sell AAA quantity 1' | say "2024-07-23T00:45:00Z"
	tr-cycle -q -w 2024-07-23T00:45Z
	[ "$(fate 00:45)" = $'drop stale_price 1.0 0.0\ndrop stale_price 1.0 0.0' ]
}

@test "a price that jumped is suspect for one window, and nothing fills at it" {
	race 100 151 151
	at 00:00 'buy AAA quantity 1'
	at 00:05 'buy AAA quantity 1' 'sell AAA quantity 1'
	[ "$(fate 00:05)" = $'drop suspect_price 1.0 0.0\ndrop suspect_price 1.0 0.0' ]
	at 00:10 'sell AAA quantity 1'
	[ "$(fate 00:10)" = 'pass  1.0 1.0' ]
}

@test "an absurd price of what is held stops nothing" {
	race 0.00001 1000000 0.00001
	at 00:00 'buy AAA notional 25000'
	at 00:05 'buy BBB quantity 1' 'sell AAA quantity 1000'
	[ "$(fate 00:05)" = $'pass  1.0 1.0\ndrop suspect_price 1000.0 0.0' ]
	[ "$(ask 'SELECT count(*) FROM snapshots WHERE total > 11e12')" = 0 ]
	settings market.max_jump_pct 100000000
	at 00:10 'sell BBB quantity 1'
	[ "$(fate 00:10)" = 'pass  1.0 1.0' ]
	expect 0 tr-audit
}

# ---------------------------------------------------------------- halt

@test "during a halt all orders are dropped as halted, until it is released by its name" {
	race 100 100 100 100 100
	expect 0 tr-halt --reason 'bad feed'
	expect 0 tr-halt --name risk --reason 'second thoughts'
	at 00:00 'buy AAA quantity 1' 'sell AAA quantity 1'
	[ "$(fate 00:00)" = $'drop halted 1.0 0.0\ndrop halted 1.0 0.0' ]
	[ "$(ask 'SELECT status, n_orders, n_trades FROM executions')" = 'halted|2|0' ]
	expect 0 tr-halt --release
	at 00:05 'buy AAA quantity 1'
	[ "$(fate 00:05)" = 'drop halted 1.0 0.0' ]
	expect 0 tr-halt --release --name risk
	at 00:10 'buy AAA quantity 1'
	[ "$(fate 00:10)" = 'pass  1.0 1.0' ]
	# what was dropped does not come back
	[ "$(held)" = 'AAA|100000000' ]
	[ "$(ask "SELECT group_concat(name || ' ' || action) FROM (SELECT name, action FROM halts ORDER BY seq)")" = \
		'operator halt,risk halt,operator release,risk release' ]
	expect 0 tr-audit
}

@test "a halt stops what waits for the next window as well" {
	race 100 100 100
	settings trade.fill next
	at 00:00 'buy AAA quantity 1'
	tr-halt -q --reason 'bad feed'
	at 00:05
	[ "$(fate 00:00)" = 'drop halted 1.0 0.0' ]
	tr-halt -q --release
	at 00:10
	[ "$(ask 'SELECT count(*) FROM trades')" = 0 ]
}

@test "a release without a halt changes nothing and says so" {
	race 100
	local before
	before=$(state)
	run --separate-stderr tr-halt --release --name nobody
	[ "$status" -lt 70 ]
	[ -n "$output$stderr" ]
	[ "$before" = "$(state)" ]
}

# ---------------------------------------------------------------- T-01

@test "when one order of a decision cannot be stored, none of it is" {
	race 100 100
	orders 'buy AAA quantity 1' 'buy BBB quantity 2' | say "2024-07-23T00:00:00Z"
	tr-ingest -q -w 2024-07-23T00:00Z >/dev/null
	tr-decide -w 2024-07-23T00:00Z >decisions
	local before good table
	before=$(state)
	cp race.db good.db
	cp race.db-wal good.db-wal
	tr-trade -q -d good.db -w 2024-07-23T00:00Z </dev/null >/dev/null
	good=$(state good.db)
	for table in trades orders positions; do
		local when="NEW.idx = 1"
		[ $table != positions ] || when="NEW.asset_id = 2"
		ask "CREATE TRIGGER boom BEFORE INSERT ON $table WHEN $when
			BEGIN SELECT RAISE(ABORT, 'boom'); END"
		run --separate-stderr tr-trade -w 2024-07-23T00:00Z </dev/null
		[ "$status" -ne 0 ]
		[ "$status" -lt 128 ]
		[[ $stderr == *me* ]]
		ask 'DROP TRIGGER boom'
		[ "$(ask 'SELECT (SELECT count(*) FROM executions), (SELECT count(*) FROM orders),
			(SELECT count(*) FROM trades), (SELECT count(*) FROM positions)')" = '0|0|0|0' ]
		[ "$before" = "$(state)" ]
	done
	expect 0 tr-trade -w 2024-07-23T00:00Z </dev/null
	[ "$good" = "$(state)" ]
	[ "$(held)" = $'AAA|100000000\nBBB|200000000' ]
}
