#!/usr/bin/env bats
# Prices: from candle files, imported history and the simulation; never made up, never changed
# afterwards.

load helper

HEAD=asset,quote,open_time_utc,interval_s,open,high,low,close,volume

# rows ASSET TIME PRICE...: candles of $STEP seconds (300) in $QUOTE (USD) whose closing prices are
# those of the windows from TIME on; - leaves one out. No other number of a row is the price.
rows() {
	local asset=$1 at p step=${STEP:-300}
	at=$(($(date -ud "$2" +%s) - step))
	shift 2
	for p; do
		[ "$p" = - ] || printf '%s,%s,%(%Y-%m-%dT%H:%M:%SZ)T,%s,0.5,9999999,0.25,%s,7\n' "$asset" \
			"${QUOTE:-USD}" $at "$step" "$p"
		at=$((at + step))
	done
}

candles() {
	echo $HEAD
	rows "$@"
}

# An empty race, with assets AAA and feeds as given: ASSET=FEED...
race() {
	local a
	rm -f race.db*
	tr-init -q --bare race.db
	export TR_DB=$PWD/race.db
	for a; do tr-asset -q add "${a%%=*}" --feed "${a#*=}"; done
}

ingest() {
	tr-ingest -w "2024-07-23T$1Z" "${@:2}"
}

ask() {
	sqlite3 race.db "$1"
}

# Price, quality and age in seconds of an asset (AAA) in a window, from the database.
price() {
	ask "SELECT price / 1e10, quality, (window_ms - price_ms) / 1000 FROM prices
		JOIN assets ON id = asset_id WHERE symbol = '${2:-AAA}'
		AND window_ms = unixepoch('2024-07-23 $1') * 1000"
}

# ---------------------------------------------------------------- csv

@test "the price of a window is the close of the newest candle that ended by its start" {
	candles AAA 2024-07-23T00:00Z 100 110 - 130 >aaa.csv
	race AAA=csv:aaa.csv
	local t
	for t in 00:00 00:05 00:10 00:15; do ingest $t >/dev/null; done
	[ "$(price 00:00)" = '100.0|fresh|0' ]
	[ "$(price 00:05)" = '110.0|fresh|0' ]
	[ "$(price 00:10)" = '110.0|fresh|300' ]
	[ "$(price 00:15)" = '130.0|fresh|0' ]
}

@test "a candle that has not ended yet is not looked into" {
	STEP=900 candles AAA 2024-07-23T00:00Z 100 115 >aaa.csv
	race AAA=csv:aaa.csv
	ingest 00:10 >/dev/null
	ingest 00:15 >/dev/null
	[ "$(price 00:10)" = '100.0|last_good|600' ]
	[ "$(price 00:15)" = '115.0|fresh|0' ]
}

@test "the batch record says what the database holds" {
	candles AAA 2024-07-23T00:00Z 123.4567891234 >aaa.csv
	race AAA=csv:aaa.csv BBB=history
	expect 0 ingest 00:05
	[ "$(head -1 <<<"$output" | jq -c '[.schema, .window, .quote, .decision, .prices[0].asset, .prices[0].price,
		.prices[0].time, .prices[0].age_s, .prices[0].source, .prices[0].quality, .absent]')" = \
		"[\"tr.batch/1\",\"market-cycle-20240723-0005\",\"USD\",false,\"AAA\",\"123.4567891234\",\"2024-07-23T00:00:00Z\",300,\"csv:$PWD/aaa.csv\",\"fresh\",[\"BBB\"]]" ]
	[ "$(price 00:05)" = '123.4567891234|fresh|300' ]
	[ "$(tail -1 <<<"$output" | jq -c '[.schema, .count]')" = '["tr.end/1",1]' ]
}

@test "a compressed file gives the same as a plain one" {
	candles AAA 2024-07-23T00:00Z 100 110 120 >aaa.csv
	race AAA=csv:aaa.csv
	ingest 00:10 | jq -c 'del(.prices[]?.source)' >plain
	gzip -n aaa.csv
	race AAA=csv:aaa.csv.gz
	ingest 00:10 | jq -c 'del(.prices[]?.source)' >packed
	cmp plain packed
	[ "$(price 00:10)" = '120.0|fresh|0' ]
}

@test "a file is read once, not for every window" {
	candles AAA 2024-07-23T00:00Z 100 110 120 >aaa.csv
	race AAA=csv:aaa.csv
	ingest 00:00 >/dev/null
	# the same size and time stamp, but no candles any more
	touch -r aaa.csv stamp
	tr '0-9' x <aaa.csv >other
	cat other >aaa.csv
	touch -r stamp aaa.csv
	expect 0 ingest 00:05
	[ -z "$stderr" ]
	[ "$(price 00:05)" = '110.0|fresh|0' ]
	# that the file is what it was is all that is looked at
	touch -d '2024-01-01' aaa.csv
	expect 0 ingest 00:10
	[[ $stderr == *aaa.csv* ]]
	[ "$(price 00:10)" = '120.0|fresh|0' ]
}

@test "a file that grows is followed" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=csv:aaa.csv
	ingest 00:00 >/dev/null
	rows AAA 2024-07-23T00:05Z 110 >>aaa.csv
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '110.0|fresh|0' ]
	# too late for its window
	ingest 00:10 >/dev/null
	rows AAA 2024-07-23T00:10Z 120 >>aaa.csv
	[ "$(price 00:10)" = '110.0|fresh|300' ]
	ingest 00:10 >/dev/null
	[ "$(price 00:10)" = '110.0|fresh|300' ]
	ingest 00:15 >/dev/null
	[ "$(price 00:15)" = '120.0|fresh|300' ]
}

@test "a candle whose value changed in the file is a revision, seen from then on" {
	candles AAA 2024-07-23T00:00Z 100 110 >aaa.csv
	race AAA=csv:aaa.csv
	tr-agent -q add me --kind manual
	ingest 00:05 >/dev/null
	tr-context me -w 2024-07-23T00:05Z >before
	candles AAA 2024-07-23T00:00Z 100 111 >aaa.csv
	ingest 00:10 >/dev/null
	[ "$(price 00:05)" = '110.0|fresh|0' ]
	[ "$(price 00:10)" = '111.0|fresh|300' ]
	tr-context me -w 2024-07-23T00:05Z | cmp - before
	[ "$(ask 'SELECT close FROM candles ORDER BY open_ms DESC LIMIT 1')" = 1100000000000 ]
	[ "$(ask 'SELECT close FROM candle_revisions')" = 1110000000000 ]
}

@test "a file that disappears or breaks leaves what was read of it, and says so" {
	candles AAA 2024-07-23T00:00Z 100 110 >aaa.csv
	race AAA=csv:aaa.csv
	ingest 00:00 >/dev/null
	rm aaa.csv
	expect 0 ingest 00:05
	[ "$(price 00:05)" = '110.0|fresh|0' ]
	candles AAA 2024-07-23T00:00Z 100 110 nonsense >aaa.csv
	expect 0 ingest 00:10
	[[ $stderr == *'asset AAA'*aaa.csv* ]]
	[ "$(price 00:10)" = '110.0|fresh|300' ]
}

@test "a file of another asset, or an absent one, is refused when the feed is named" {
	candles BBB 2024-07-23T00:00Z 100 >bbb.csv
	race
	local before
	before=$(state)
	expect 65 tr-asset add AAA --feed csv:bbb.csv
	[[ $stderr == *BBB*AAA* ]]
	expect 66 tr-asset add AAA --feed csv:none.csv
	[ "$before" = "$(state)" ]
}

# ---------------------------------------------------------------- quality

@test "prices age from fresh over last_good to stale" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=csv:aaa.csv
	local t
	for t in 00:00 00:05 00:10 00:15 00:20; do ingest $t >/dev/null; done
	[ "$(price 00:00)" = '100.0|fresh|0' ]
	[ "$(price 00:05)" = '100.0|fresh|300' ]
	[ "$(price 00:10)" = '100.0|last_good|600' ]
	[ "$(price 00:15)" = '100.0|last_good|900' ]
	[ "$(price 00:20)" = '100.0|stale|1200' ]
}

@test "the ages are settings" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=csv:aaa.csv
	tr-config -q set market.fresh_age_s 0
	tr-config -q set market.max_age_s 300
	local t
	for t in 00:00 00:05 00:10; do ingest $t >/dev/null; done
	[ "$(price 00:00)" = '100.0|fresh|0' ]
	[ "$(price 00:05)" = '100.0|last_good|300' ]
	[ "$(price 00:10)" = '100.0|stale|600' ]
}

@test "a missing price is an absent row, never 0" {
	candles AAA 2024-07-23T00:10Z 100 >aaa.csv
	race AAA=csv:aaa.csv BBB=history
	expect 0 ingest 00:00
	[ "$(head -1 <<<"$output" | jq -c '[.prices, .absent]')" = '[[],["AAA","BBB"]]' ]
	[ "$(ask 'SELECT count(*) FROM prices')" = 0 ]
	[ "$(ask 'SELECT n_prices, n_assets FROM batches')" = '0|2' ]
	expect 0 ingest 00:10
	[ "$(price 00:10)" = '100.0|fresh|0' ]
	[ -z "$(price 00:10 BBB)" ]
	tr-agent -q add me --kind manual
	ingest 00:15 >/dev/null
	[ "$(tr-context me | jq -c '[.market.assets[] | select(.asset == "BBB") | .quality, .price]')" = '["absent",null]' ]
}

@test "the second feed is asked when the first is not fresh, and the better one counts" {
	candles AAA 2024-07-23T00:00Z 100 - - - - - 106 >one.csv
	candles AAA 2024-07-23T00:00Z - - 202 - 204 - - >two.csv
	race
	tr-asset -q add AAA --feed csv:one.csv --feed csv:two.csv
	local t
	for t in 00:00 00:05 00:10 00:15 00:20 00:25 00:30; do
		TR_MARKET_MAX_JUMP_PCT=1000 ingest $t >/dev/null
	done
	[ "$(price 00:00)" = '100.0|fresh|0' ]
	[ "$(price 00:05)" = '100.0|fresh|300' ]
	[ "$(price 00:10)" = '202.0|fresh|0' ]
	[ "$(price 00:15)" = '202.0|fresh|300' ]
	[ "$(price 00:20)" = '204.0|fresh|0' ]
	[ "$(price 00:25)" = '204.0|fresh|300' ]
	[ "$(price 00:30)" = '106.0|fresh|0' ]
}

@test "of two feeds of the same quality the first counts" {
	candles AAA 2024-07-23T00:00Z 100 >one.csv
	candles AAA 2024-07-23T00:05Z 205 >two.csv
	race
	tr-asset -q add AAA --feed csv:one.csv --feed csv:two.csv
	ingest 00:15 >/dev/null
	# 900 and 600 seconds old
	[ "$(price 00:15)" = '100.0|last_good|900' ]
	ingest 00:20 >/dev/null
	[ "$(price 00:20)" = '205.0|suspect|900' ]
}

@test "a price that jumped by more than the limit is suspect once" {
	candles AAA 2024-07-23T00:00Z 100 150 225.01 225 112.5 56.2 >aaa.csv
	race AAA=csv:aaa.csv
	local t
	for t in 00:00 00:05 00:10 00:15 00:20 00:25; do ingest $t >/dev/null; done
	[ "$(price 00:05)" = '150.0|fresh|0' ]
	[ "$(price 00:10)" = '225.01|suspect|0' ]
	[ "$(ask "SELECT note FROM prices WHERE quality = 'suspect' ORDER BY window_ms LIMIT 1")" = \
		'jumped by more than 50 % from 150' ]
	[ "$(price 00:15)" = '225.0|fresh|0' ]
	[ "$(price 00:20)" = '112.5|fresh|0' ]
	[ "$(price 00:25)" = '56.2|suspect|0' ]
}

@test "the gate for jumps can be set and switched off" {
	candles AAA 2024-07-23T00:00Z 100 103 206 >aaa.csv
	race AAA=csv:aaa.csv
	tr-config -q set market.max_jump_pct 2.5
	ingest 00:00 >/dev/null
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '103.0|suspect|0' ]
	tr-config -q set feature.quality_gate no
	ingest 00:10 >/dev/null
	[ "$(price 00:10)" = '206.0|fresh|0' ]
}

# ---------------------------------------------------------------- currency

@test "prices in another currency are refused unless the operator accepts them" {
	QUOTE=USDT candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race
	local before
	before=$(state)
	expect 65 tr-asset add AAA --feed csv:aaa.csv
	[[ $stderr == *USDT*USD*--accept-quote* ]]
	expect 65 tr-asset add AAA --feed csv:aaa.csv --accept-quote EUR
	[ "$before" = "$(state)" ]
	expect 0 tr-asset add AAA --feed csv:aaa.csv --accept-quote USDT
	ingest 00:00 >/dev/null
	[ "$(price 00:00)" = '100.0|fresh|0' ]
}

@test "an import in another currency is refused unless the operator accepts it" {
	QUOTE=USDT candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=history
	local before
	before=$(state)
	expect 65 tr-ingest --import aaa.csv
	[[ $stderr == *USDT*USD*--accept-quote* ]]
	[ "$before" = "$(state)" ]
	expect 0 tr-ingest --import --accept-quote USDT aaa.csv
	ingest 00:00 >/dev/null
	[ "$(price 00:00)" = '100.0|fresh|0' ]
}

# ---------------------------------------------------------------- import

@test "an import feeds history, and again it changes nothing" {
	candles AAA 2024-07-23T00:00Z 100 110 - - 120 >aaa.csv
	race AAA=history
	expect 0 tr-ingest --import aaa.csv
	[[ $output == 'aaa.csv: AAA 300s: 3 rows, 3 added, 0 known, 0 revised, 0 bad, 0 duplicates, 0 rounded, 1 gaps (2 missing)'* ]]
	local before
	before=$(state)
	expect 0 tr-ingest --import aaa.csv
	[[ $output == *'0 added, 3 known'*'nothing new'* ]]
	[ "$before" = "$(state)" ]
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '110.0|fresh|0' ]
}

@test "files of one series may overlap, and only what is new is added" {
	candles AAA 2024-07-23T00:00Z 100 110 >one.csv
	candles AAA 2024-07-23T00:05Z 110 120 >two.csv
	race AAA=history
	expect 0 tr-ingest --import one.csv two.csv
	[[ ${lines[1]} == *'1 added, 1 known'* ]]
	[ "$(ask 'SELECT count(*) FROM candles')" = 3 ]
}

@test "a file with a bad row is refused as a whole, with line and reason" {
	{
		candles AAA 2024-07-23T00:00Z 100 110
		rows AAA 2024-07-23T00:10Z nonsense -5
	} >aaa.csv
	candles AAA 2024-07-23T00:00Z 100 >good.csv
	race AAA=history
	local before
	before=$(state)
	expect 65 tr-ingest --import aaa.csv
	[[ $stderr == *aaa.csv:4:* ]]
	[[ $stderr == *aaa.csv:5:* ]]
	[[ $stderr != *aaa.csv:3:* ]]
	[[ $stderr == *'2 of 4 rows are bad, nothing imported'* ]]
	[ "$before" = "$(state)" ]
	# each file by itself
	expect 65 tr-ingest --import good.csv aaa.csv
	[ "$(ask 'SELECT count(*) FROM candles')" = 1 ]
}

@test "a lenient import skips bad rows, and says which" {
	{
		candles AAA 2024-07-23T00:00Z 100 110
		rows AAA 2024-07-23T00:10Z nonsense 120
	} >aaa.csv
	race AAA=history
	expect 0 tr-ingest --import --lenient aaa.csv
	[[ $stderr == *aaa.csv:4:* ]]
	[[ $output == *'4 rows, 3 added'*'1 bad'* ]]
	[ "$(ask 'SELECT group_concat(close / 10000000000) FROM (SELECT close FROM candles ORDER BY open_ms)')" = 100,110,120 ]
}

@test "two rows of one time that differ are both bad; equal ones count as duplicates" {
	candles AAA 2024-07-23T00:00Z 100 110 >aaa.csv
	rows AAA 2024-07-23T00:05Z 110 >>aaa.csv
	race AAA=history
	expect 0 tr-ingest --import aaa.csv
	[[ $output == *'2 added'*'1 duplicates'* ]]
	race AAA=history
	rows AAA 2024-07-23T00:05Z 111 >>aaa.csv
	expect 65 tr-ingest --import aaa.csv
	[ "$(ask 'SELECT count(*) FROM candles')" = 0 ]
}

@test "candles that differ from known ones are refused, and kept as revisions on request" {
	candles AAA 2024-07-23T00:00Z 100 110 >one.csv
	candles AAA 2024-07-23T00:00Z 100 111 120 >two.csv
	race AAA=history
	expect 0 tr-ingest --import one.csv
	local before
	before=$(state)
	expect 65 tr-ingest --import two.csv
	[[ $stderr == *'1 candles differ'*'2024-07-23T00:00:00Z'*--revise* ]]
	[ "$before" = "$(state)" ]
	expect 0 tr-ingest --import --revise two.csv
	[[ $output == *'1 added, 1 known, 1 revised'* ]]
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '111.0|fresh|0' ]
	before=$(state)
	expect 0 tr-ingest --import --revise two.csv
	[ "$before" = "$(state)" ]
}

@test "another source is another series" {
	candles AAA 2024-07-23T00:00Z 100 110 >one.csv
	candles AAA 2024-07-23T00:00Z 200 210 >two.csv
	race AAA=history:venue
	expect 0 tr-ingest --import one.csv
	expect 0 tr-ingest --import --source venue two.csv
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '210.0|fresh|0' ]
}

@test "a later import does not change what earlier windows saw; the next one sees it" {
	candles AAA 2024-07-22T23:00Z 98 99 100 >one.csv
	candles AAA 2024-07-22T22:50Z 96 97 98 99 101 >two.csv
	race AAA=history
	tr-config -q set decide.every_min 5
	tr-config -q set market.max_age_s 7200
	tr-agent -q add me --kind rule --strategy sma-cross
	expect 0 tr-ingest --import one.csv
	tr-cycle -q -w 2024-07-23T00:00Z
	tr-context me >before
	ask "SELECT hex(hash) FROM contexts" >hash.txt
	local seal
	seal=$(ask 'SELECT hex(hash) FROM seals')
	expect 0 tr-ingest --import --revise two.csv
	[[ $output == *'2 added, 2 known, 1 revised'* ]]
	tr-context me -w 2024-07-23T00:00Z | cmp - before
	[ "$(jq -c '[.market.assets[0].candles[].close]' before)" = '["98","99","100"]' ]
	tr-cycle -q -w 2024-07-23T00:05Z
	ask "SELECT hex(hash) FROM contexts ORDER BY window_ms LIMIT 1" | cmp - hash.txt
	[ "$(ask 'SELECT hex(hash) FROM seals WHERE n = 1')" = "$seal" ]
	tr-context me | jq -c '[.market.assets[0].candles[].close]' >after
	[ "$(cat after)" = '["96","97","98","99","101"]' ]
	tr-context me -w 2024-07-23T00:00Z | cmp - before
	[ "$(price 00:00)" = '100.0|last_good|3000' ]
	expect 0 tr-audit
}

@test "an import into a window that has begun is not seen by it" {
	candles AAA 2024-07-23T00:00Z 100 >one.csv
	candles AAA 2024-07-23T00:05Z 105 >two.csv
	race AAA=history
	expect 0 tr-ingest --import one.csv
	ingest 00:05 >/dev/null
	expect 0 tr-ingest --import two.csv
	ingest 00:05 >/dev/null
	[ "$(price 00:05)" = '100.0|fresh|300' ]
	ingest 00:10 >/dev/null
	[ "$(price 00:10)" = '105.0|fresh|300' ]
}

@test "an import says what is wrong with a file that it cannot take" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	candles BBB 2024-07-23T00:00Z 100 >bbb.csv
	echo 'time,price' >header.csv
	echo $HEAD >empty.csv
	: >nothing.csv
	gzip -c aaa.csv | head -c 40 >cut.csv.gz
	{
		cat aaa.csv
		rows BBB 2024-07-23T00:05Z 100
	} >mixed.csv
	race AAA=history
	local before f
	before=$(state)
	expect 66 tr-ingest --import none.csv
	[[ $stderr == *none.csv* ]]
	expect 66 tr-ingest --import bbb.csv
	[[ $stderr == *BBB*tr-asset* ]]
	for f in header.csv empty.csv nothing.csv mixed.csv; do
		expect 65 tr-ingest --import $f
		[[ $stderr == *$f* ]]
	done
	expect 65 tr-ingest --import cut.csv.gz
	[[ $stderr == *cut.csv.gz* ]]
	[ "$before" = "$(state)" ]
	expect 64 tr-ingest --import
	expect 64 tr-ingest aaa.csv
}

@test "a dry import checks and stores nothing" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=history
	local before
	before=$(state)
	expect 0 tr-ingest --import --dry-run aaa.csv
	[[ $output == *'1 added'* ]]
	[ "$before" = "$(state)" ]
}

# ---------------------------------------------------------------- sim, windows

@test "a simulated window can be computed alone" {
	tr-init -q --demo one.db
	tr-init -q --demo two.db
	local t
	for t in 00:00 00:05 01:00 06:30; do tr-ingest -q -d one.db -w 2024-07-23T${t}Z; done
	tr-ingest -d one.db -w 2024-07-23T12:00Z >one
	tr-ingest -d two.db -w 2024-07-23T12:00Z >two
	[ "$(jq -s '.[0].prices | length' one)" = 6 ]
	cmp one two
	# and the candles of its contexts
	tr-context -d one.db cash | jq -c .market >one
	tr-context -d two.db cash | jq -c .market >two
	[ "$(jq '.assets[0].candles | length' one)" = 100 ]
	cmp one two
}

@test "simulated candles follow on each other, and the price is the last close" {
	tr-init -q --demo race.db
	tr-ingest -q -d race.db -w 2024-07-23T12:00Z
	tr-context -d race.db cash >context.json
	jq -e '[.market.assets[] | .price == .candles[-1].close,
		(.candles as $c | all(range(1; 100); $c[.].open == $c[. - 1].close))] | all' context.json
	jq -e '[.market.assets[].candles[] | (.low | tonumber) <= (.close | tonumber)
		and (.high | tonumber) >= (.open | tonumber) and (.low | tonumber) > 0] | all' context.json
}

@test "another seed is another market" {
	tr-init -q --demo one.db
	tr-init -q --demo two.db
	tr-config -q -d two.db set sim.seed 2
	[ "$(tr-ingest -d one.db -w 2024-07-23T12:00Z)" != "$(tr-ingest -d two.db -w 2024-07-23T12:00Z)" ]
}

@test "a batch is made once, and printed the same ever after" {
	candles AAA 2024-07-23T00:00Z 100 >aaa.csv
	race AAA=csv:aaa.csv
	expect 0 ingest 00:00
	local first=$output before
	before=$(state)
	candles AAA 2024-07-23T00:00Z 999 >aaa.csv
	tr-config -q set market.fresh_age_s 0
	before=$(state)
	expect 0 ingest 00:00
	[ "$output" = "$first" ]
	[ "$before" = "$(state)" ]
}

@test "twenty at once make one batch" {
	tr-init -q --demo race.db
	local i rc=0 pids=()
	for i in {1..20}; do
		tr-ingest -d race.db -w 2024-07-23T00:00Z >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=$?; done
	[ $rc -eq 0 ]
	for i in {2..20}; do cmp out.1 "out.$i"; done
	[ "$(ask 'SELECT count(*) FROM prices')" = 6 ]
}

@test "a window before the newest, or one in the future, is refused" {
	race AAA=sim
	ingest 00:05 >/dev/null
	local before
	before=$(state)
	expect 65 ingest 00:00
	expect 65 tr-ingest -w 2024-07-23T00:10Z --now 2024-07-23T00:09:59Z
	[ "$before" = "$(state)" ]
}
