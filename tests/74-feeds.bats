#!/usr/bin/env bats
# shellcheck disable=SC2154
# shellcheck disable=SC2086,SC2013,SC2030,SC2031,SC2119,SC2120,SC2012
# Prices over the network: four venues as they answer and as they fail, all over loopback.
# tests/feeds.py plays the venues, tests/faultd.py what goes wrong with them.

load helper

DAY=2024-07-23

# The venues: $FP is their port, requests.log their log, market.json what is so there.
venues() {
	rm -f port
	"$TOP/tests/feeds.py" --port-file port --market market.json --log requests.log >/dev/null 3>&- &
	VENUES=$!
	wait_for test -s port
	FP=$(cat port)
}

# A server that follows a script: $FP is its port, requests.jsonl its log.
faultd() {
	printf '%s\n' "$1" >script.json
	shift
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --refused-file refused \
		--log requests.jsonl "$@" >/dev/null 3>&- &
	wait_for test -s port
	FP=$(cat port)
}

# An empty race whose services are at the port.
race() {
	local p
	rm -f race.db*
	tr-init -q --bare "$@" race.db
	export TR_DB=$PWD/race.db
	for p in binance kraken coinbase coingecko; do
		tr-provider -q set $p --base "http://127.0.0.1:$FP"
	done
}

# asset SYMBOL FEED...
asset() {
	local s=$1 f a=()
	shift
	for f; do a+=(--feed "$f"); done
	tr-asset -q add "$s" "${a[@]}"
}

# at TIME [JQ]: it is so late at the venues, and more may be so there.
at() {
	jq -n --argjson now "$(stamp "$1")" '{now: $now} | '"${2:-.}" >market.new
	mv market.new market.json
}

# The seconds of a time of the day.
stamp() {
	case $1 in
	*-*) date -ud "$1" +%s ;;
	*) date -ud "${DAY}T$1Z" +%s ;;
	esac
}

# The price of all venues at a time.
price() {
	python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import feeds
print(feeds.price(int(sys.argv[2])))' "$TOP/tests" "$(stamp "$1")"
}

# window TIME [OPTION...]: ingest it, right at its start.
window() {
	tr-ingest -t "${DAY}T$1Z" "${@:2}"
}

ask() {
	sqlite3 race.db "$1"
}

# what TIME [ASSET]: price, source and quality in a window.
what() {
	ask "SELECT printf('%.10g', price / 1e10), s.name, quality FROM prices AS p
		JOIN assets AS a ON a.id = asset_id JOIN sources AS s ON s.id = source_id
		WHERE symbol = '${2:-BTC}' AND window_ms = $(stamp "$1") * 1000"
}

# results TIME: source and outcome of all feeds in a window.
results() {
	ask "SELECT source || ' ' || outcome FROM feed_results
		WHERE window_ms = $(stamp "$1") * 1000 ORDER BY asset_id, priority"
}

# The detail of a feed in a window.
detail() {
	ask "SELECT detail FROM feed_results
		WHERE window_ms = $(stamp "$1") * 1000 AND source = '$2'"
}

# Requests that a venue got; a pattern.
asked() {
	grep -c -- "${1:-.}" requests.log || true
}

# Close prices that an agent is shown, oldest first.
shown() {
	tr-context "$@" | jq -c '[.assets[0].candles[] | .[4] // .close]'
}

# ---------------------------------------------------------------- the four venues

@test "the price of a window is the close of the newest candle that has ended, at each venue" {
	venues
	race
	asset BTC kraken:XBTUSD
	asset ETH coinbase:ETH-USD
	asset SOL binance:SOLUSD
	asset XRP coingecko:ripple
	at 00:07
	local a p last
	p=$(price 00:05)
	expect 0 window 00:05
	assert_equal "$stderr" ""
	assert_equal "$(head -1 <<<"$output" | jq -c '[.prices[] | [.asset, .price, .age_s, .source, .quality]]')" \
		"[[\"BTC\",\"$p\",0,\"kraken:XBTUSD\",\"fresh\"],[\"ETH\",\"$p\",0,\"coinbase:ETH-USD\",\"fresh\"],[\"SOL\",\"$p\",0,\"binance:SOLUSD\",\"fresh\"],[\"XRP\",\"$p\",0,\"coingecko:ripple\",\"fresh\"]]"
	# the candle that begins with the window is not over, and nobody stores it
	last=$(($(stamp 00:00) * 1000))
	assert_equal "$(ask "SELECT count(*), min(open_ms) = $last - 99 * 300000, max(open_ms) = $last
		FROM candles GROUP BY asset_id" | sort | uniq -c | tr -s ' ')" " 4 100|1|1"
	assert_equal "$(asked)" 4
	assert_equal "$(results 00:05 | sort | tr '\n' ,)" \
		"binance:SOLUSD ok,coinbase:ETH-USD ok,coingecko:ripple ok,kraken:XBTUSD ok,"
}

@test "a window that has its prices asks nobody and changes nothing" {
	venues
	race
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	at 00:02
	expect 0 window 00:00
	local first=$output before
	before=$(state)
	expect 0 window 00:00
	assert_equal "$output" "$first"
	assert_equal "$(state)" "$before"
	assert_equal "$(asked)" 2
	expect 0 window 00:00 -q
	assert_equal "$output$stderr" ""
	assert_equal "$(asked)" 2
}

@test "decimals are those of the token, to the tenth digit" {
	venues
	race
	asset A kraken:AUSD
	asset B coinbase:B-USD
	asset C binance:CUSD
	asset D coingecko:dear
	at 00:02 '.close = ({"'"$(stamp 23:55 | awk '{print $1 - 86400}')"'": "100.727521520000001"}
		| {"kraken:AUSD": ., "coinbase:B-USD": map_values("1007275215.20000001e-7"), "binance:CUSD": .})'
	expect 0 window 00:00
	local a
	for a in A B C; do
		assert_equal "$(ask "SELECT price FROM prices JOIN assets ON id = asset_id WHERE symbol = '$a'")" \
			1007275215200
	done
	assert_equal "$(head -1 <<<"$output" | jq -r '.prices[0].price')" 100.72752152
	# half of the last digit goes up
	at 00:07 '.close = {"kraken:AUSD": {"'"$(stamp 00:00)"'": "100.00000000005"}}'
	expect 0 window 00:05
	assert_equal "$(head -1 <<<"$output" | jq -r '.prices[0].price')" 100.0000000001
}

@test "an interval without a trade is a gap, and no candle is made up for it" {
	venues
	race
	asset BTC coinbase:BTC-USD
	tr-agent -q add hold --kind rule --strategy hold
	at 00:06 '.gaps = {"coinbase:BTC-USD": ['"$(stamp 00:00), $(stamp 2024-07-22T23:50Z)"']}'
	expect 0 window 00:05
	assert_equal "$(what 00:05)" "$(price 00:00)|coinbase:BTC-USD|fresh"
	assert_equal "$(head -1 <<<"$output" | jq -c '[.prices[0].age_s]')" "[300]"
	# newest first there, oldest first here
	assert_equal "$(tr-context hold | jq -c '[.market.assets[0].candles[].time[11:16]][-3:]')" \
		'["23:40","23:45","23:55"]'
}

@test "an agent is shown the candles of the feed that gave the price" {
	venues
	race
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	tr-agent -q add hold --kind rule --strategy hold
	at 00:02 '.factor = {"coinbase:BTC-USD": "1.01"}'
	window 00:00 >/dev/null
	assert_equal "$(tr-context hold | jq -c '.market.assets[0].candles | [length, .[-1].close]')" \
		"[100,\"$(price 00:00)\"]"
	# ten minutes later the first has nothing fresh any more
	tr-config -q set data.retries 0
	at 00:12 '.factor = {"coinbase:BTC-USD": "1.01"} | .down = ["kraken"]'
	expect 0 window 00:10
	assert_equal "$(tr-context hold | jq -c '.market.assets[0].candles | [length, .[-1].close]')" \
		"[100,\"$(head -1 <<<"$output" | jq -r '.prices[0].price')\"]"
	assert_equal "$(what 00:10 | cut -d'|' -f2-)" "coinbase:BTC-USD|fresh"
}

# ---------------------------------------------------------------- currencies

@test "a market in another currency is refused unless it is taken for the same" {
	FP=1
	race
	local f
	for f in binance:BTCUSDT kraken:XBTEUR coinbase:BTC-USDC; do
		expect 65 tr-asset add BTC --feed $f
		has "$stderr" "${f: -3}"
		has "$stderr" "--accept-quote"
	done
	expect 65 tr-asset add BTC --feed binance:BTCUSDT --accept-quote USDC
	has "$stderr" USDT
	expect 65 tr-asset add BTC --feed kraken:xbtusd
	expect 65 tr-asset add BTC --feed coinbase:BTCUSD
	expect 65 tr-asset add BTC --feed coingecko:BTC
	expect 65 tr-asset add BTC --feed bitstamp:BTCUSD
	has "$stderr" coinbase
	assert_equal "$(tr-asset list --names)" ""
	expect 0 tr-asset add BTC --feed binance:BTCUSDT --accept-quote USDT
	race --quote USDT
	expect 0 tr-asset add BTC --feed binance:BTCUSDT
}

@test "CoinGecko is asked for the currency of the race" {
	venues
	race --quote EUR
	asset BTC coingecko:bitcoin
	expect 65 tr-asset add ETH --feed kraken:ETHUSD
	at 00:02
	expect 0 window 00:00
	assert_equal "$(asked 'vs_currency=eur')" 1
	assert_equal "$(head -1 <<<"$output" | jq -c '[.quote, .prices[0].price]')" "[\"EUR\",\"$(price 00:00)\"]"
}

# ---------------------------------------------------------------- the ladder

# A race with an agent that has all its money in BTC at each window, nearly.
trading() {
	race "$@"
	tr-config -q set decide.every_min 5
	tr-config -q set data.retries 0
	tr-agent -q add all --kind rule --strategy buy-and-hold
}

cycle() {
	tr-cycle -q -t "${DAY}T$1:01Z"
}

trades() {
	ask "SELECT count(*) FROM trades"
}

@test "the second feed takes over when the first is dead, and it is written down" {
	venues
	race
	tr-config -q set data.retries 1
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	asset ETH kraken:ETHUSD
	at 00:02 '.down = ["kraken"]'
	expect 0 window 00:00
	has "$stderr" "asset BTC: feed kraken:XBTUSD: kraken/XBTUSD: HTTP 503"
	assert_equal "$(what 00:00)" "$(price 00:00)|coinbase:BTC-USD|fresh"
	assert_equal "$(results 00:00)" "kraken:XBTUSD failed
coinbase:BTC-USD ok
kraken:ETHUSD failed"
	has "$(detail 00:00 kraken:XBTUSD)" "HTTP 503"
	# nothing is known of ETH: that is no price, not 0
	assert_equal "$(head -1 <<<"$output" | jq -c '[[.prices[].asset], .absent]')" '[["BTC"],["ETH"]]'
	assert_equal "$(ask "SELECT count(*) FROM prices WHERE price <= 0")" 0
	# two attempts each: R-12
	assert_equal "$(asked OHLC)" 4
	assert_equal "$(ask "SELECT count(*), min(status) FROM call_results WHERE class = 'retry'")" "4|503"
	at 00:07
	expect 0 window 00:05
	assert_equal "$(what 00:05)" "$(price 00:05)|kraken:XBTUSD|fresh"
	assert_equal "$(what 00:05 ETH)" "$(price 00:05)|kraken:ETHUSD|fresh"
}

@test "when all feeds are dead the last price is used while it is young, and traded on" {
	venues
	trading
	tr-config -q set market.fresh_age_s 0
	tr-config -q set data.failures 1000
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	at 00:00:30
	expect 0 window 00:00
	at 00:06 '.down = ["kraken", "coinbase"]'
	expect 0 cycle 00:05
	assert_equal "$(what 00:05)" "$(price 00:00)|kraken:XBTUSD|last_good"
	assert_equal "$(trades)" 1
}

@test "a price that is too old is shown and not traded on, and none is none" {
	venues
	trading
	tr-config -q set market.fresh_age_s 0
	tr-config -q set market.max_age_s 300
	asset BTC kraken:XBTUSD
	at 00:00:30 '.down = ["kraken"]'
	expect 0 cycle 00:00
	assert_equal "$(what 00:00)" ""
	assert_equal "$(results 00:00)" "kraken:XBTUSD failed"
	at 00:05:30
	expect 0 window 00:05
	at 00:15:30 '.down = ["kraken"]'
	expect 0 cycle 00:15
	assert_equal "$(what 00:15)" "$(price 00:05)|kraken:XBTUSD|stale"
	assert_equal "$(trades)" 0
	at 00:20:30
	expect 0 cycle 00:20
	assert_equal "$(what 00:20)" "$(price 00:20)|kraken:XBTUSD|fresh"
	assert_equal "$(trades)" 1
}

@test "without degradation an older price is none" {
	venues
	race
	tr-config -q set feature.degradation no
	tr-config -q set data.retries 0
	asset BTC kraken:XBTUSD
	at 00:01
	window 00:00 >/dev/null
	at 00:11 '.down = ["kraken"]'
	expect 0 window 00:10
	assert_equal "$(head -1 <<<"$output" | jq -c '[.prices, .absent]')" '[[],["BTC"]]'
}

@test "feeds that contradict each other make a price suspect, and nothing fills" {
	venues
	trading
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	at 00:00:30 '.factor = {"coinbase:BTC-USD": "1.06"}'
	expect 0 cycle 00:00
	assert_equal "$(what 00:00)" "$(price 00:00)|kraken:XBTUSD|suspect"
	has "$(ask "SELECT note FROM prices")" "differs by more than 5 % from"
	assert_equal "$(trades)" 0
	at 00:05:30 '.factor = {"coinbase:BTC-USD": "1.04"}'
	expect 0 cycle 00:05
	assert_equal "$(what 00:05)" "$(price 00:05)|kraken:XBTUSD|fresh"
	assert_equal "$(trades)" 1
}

@test "a price that jumps is held back once" {
	venues
	trading
	asset BTC kraken:XBTUSD
	at 00:00:30
	expect 0 window 00:00
	at 00:05:30 '.factor = {"kraken:XBTUSD": "1.6"}'
	expect 0 cycle 00:05
	has "$(ask "SELECT quality || ' ' || note FROM prices ORDER BY window_ms DESC LIMIT 1")" \
		"suspect jumped by more than 50 % from 100."
	assert_equal "$(trades)" 0
	at 00:10:30 '.factor = {"kraken:XBTUSD": "1.6"}'
	expect 0 cycle 00:10
	assert_equal "$(trades)" 1
}

# ---------------------------------------------------------------- one request for many

# What needs the window of the clock: not so close to its end that it could pass meanwhile.
live() {
	local left=$((300 - $(date +%s) % 300))
	[ $left -gt 20 ] || sleep $((left + 1))
	NOW=$(($(date +%s) / 300 * 300))
	DAY=$(date -ud @$NOW +%F)
	TIME=$(date -ud @$NOW +%H:%M)
}

@test "one request brings the prices of all coins, and candles come once an hour" {
	venues
	race
	live
	local c
	for c in bitcoin ethereum solana ripple cardano dogecoin; do
		asset "${c^^}" coingecko:$c
	done
	asset NOCOIN coingecko:no-such-coin
	echo '{"unknown": ["no-such-coin"]}' >market.json
	expect 0 tr-ingest
	assert_equal "$(asked simple/price)" 1
	assert_equal "$(asked market_chart)" 7
	has "$(cat requests.log)" "ids=bitcoin,cardano,dogecoin,ethereum,no-such-coin,ripple,solana&"
	# the unknown one is named, and the others have their prices
	has "$stderr" "asset NOCOIN: feed coingecko:no-such-coin: coingecko knows no no-such-coin"
	assert_equal "$(head -1 <<<"$output" | jq -c '[(.prices | length), .absent]')" '[6,["NOCOIN"]]'
	assert_equal "$(ask "SELECT count(*), count(DISTINCT price_ms) FROM quotes")" "6|1"
	assert_equal "$(head -1 <<<"$output" | jq -c '[.prices[].quality] | unique')" '["fresh"]'
}

@test "candles of a venue with quotes are asked for once an hour, and in windows of the past" {
	venues
	race
	live
	asset BTC coingecko:bitcoin
	local before=$((NOW - 600))
	at "$(date -ud @$((before + 60)) +%FT%TZ)"
	expect 0 tr-ingest -t "$(date -ud @$before +%FT%TZ)"
	assert_equal "$(asked simple/price) $(asked market_chart)" "0 1"
	before=$((NOW - 300))
	at "$(date -ud @$((before + 60)) +%FT%TZ)"
	expect 0 tr-ingest -t "$(date -ud @$before +%FT%TZ)"
	assert_equal "$(asked simple/price) $(asked market_chart)" "0 2"
	rm market.json
	expect 0 tr-ingest
	assert_equal "$(asked simple/price) $(asked market_chart)" "1 2"
	assert_equal "$(what "$TIME")" "$(price "$TIME")|coingecko:bitcoin|fresh"
	# an hour without candles
	race
	asset BTC coingecko:bitcoin
	before=$((NOW - 4200))
	at "$(date -ud @$((before + 60)) +%FT%TZ)"
	expect 0 tr-ingest -t "$(date -ud @$before +%FT%TZ)"
	rm market.json
	expect 0 tr-ingest
	assert_equal "$(asked simple/price) $(asked market_chart)" "2 4"
	assert_equal "$(ask "SELECT max(open_ms) FROM candles")" $(((NOW - 300) * 1000))
	expect 0 tr-audit
}

@test "beyond the calls of a month nobody is asked, and the race goes on with what it has" {
	venues
	race
	tr-provider -q set coingecko --per-month 1
	tr-config -q set market.fresh_age_s 0
	asset BTC coingecko:bitcoin
	at 00:02
	expect 0 window 00:00
	assert_equal "$stderr" ""
	at 00:07
	expect 0 window 00:05
	has "$stderr" "asset BTC: feed coingecko:bitcoin: coingecko has no calls left in this month, for "
	has "$stderr" " s (month_limit)"
	assert_equal "$(asked)" 1
	assert_equal "$(what 00:05)" "$(price 00:00)|coingecko:bitcoin|last_good"
	assert_equal "$(results 00:05)" "coingecko:bitcoin refused"
	tr-provider -q set coingecko --per-month 2
	at 00:12
	expect 0 window 00:10
	assert_equal "$(what 00:10)" "$(price 00:10)|coingecko:bitcoin|fresh"
}

@test "the calls of a minute are not exceeded, and the first feeds go first" {
	venues
	race
	tr-provider -q set kraken --per-minute 3
	asset AAA coinbase:A-USD kraken:AUSD
	asset BBB kraken:BUSD
	asset CCC coinbase:C-USD kraken:CUSD
	asset DDD kraken:DUSD
	asset EEE kraken:EUSD
	at 00:02
	expect 0 window 00:00
	assert_equal "$(asked OHLC)" 3
	assert_equal "$(grep -o 'pair=.USD' requests.log | sort | tr '\n' ' ')" "pair=BUSD pair=DUSD pair=EUSD "
	assert_equal "$(results 00:00 | grep refused)" "kraken:AUSD refused
kraken:CUSD refused"
	has "$(detail 00:00 kraken:AUSD)" rate_limit
	assert_equal "$(head -1 <<<"$output" | jq -c '.prices | length')" 5
}

# ---------------------------------------------------------------- outages

@test "after an outage the next window fetches what is missing, page by page" {
	venues
	race
	tr-agent -q add hold --kind rule --strategy hold
	asset BTC coinbase:BTC-USD
	asset ETH binance:ETHUSD
	asset SOL kraken:SOLUSD
	at 00:02
	expect 0 window 00:00
	local first before
	tr-context hold >first.json
	before=$(ask "SELECT * FROM prices ORDER BY asset_id; SELECT * FROM candles ORDER BY 1, 2, 3, 4")
	DAY=2024-07-25
	at 00:07
	: >requests.log
	expect 0 window 00:05
	assert_equal "$stderr" ""
	# 577 candles and an hour more: 300, 1000 and 720 at once
	assert_equal "$(asked /products/) $(asked klines) $(asked OHLC)" "2 1 1"
	assert_equal "$(ask "SELECT count(*), max(open_ms) - min(open_ms) FROM candles GROUP BY asset_id" |
		sort | uniq -c | tr -s ' ')" " 3 677|202800000"
	assert_equal "$(ask "SELECT min(seen_ms) FROM candles WHERE open_ms >= $(stamp 2024-07-23) * 1000")" \
		"$(stamp 00:05)000"
	assert_equal "$(what 00:05)" "$(price 00:05)|coinbase:BTC-USD|fresh"
	# what was shown and priced stays
	tr-context hold -w 2024-07-23T00:00Z >again.json
	cmp first.json again.json
	assert_equal "$(ask "SELECT * FROM prices WHERE window_ms < $(stamp 00:00) * 1000 ORDER BY asset_id;
		SELECT * FROM candles WHERE seen_ms < $(stamp 00:05) * 1000 ORDER BY 1, 2, 3, 4")" "$before"
	assert_equal "$(ask "SELECT count(*) FROM decisions")" 0
	expect 0 tr-audit
}

@test "a full page of Binance has a next one" {
	venues
	race
	asset ETH binance:ETHUSD
	at 00:02
	expect 0 window 00:00
	DAY=2024-07-28
	at 00:07
	: >requests.log
	expect 0 window 00:05
	assert_equal "$(grep -o 'startTime=[0-9]*' requests.log | tr '\n' ' ')" \
		"startTime=$(stamp 2024-07-22T22:55Z)000 startTime=$(($(stamp 2024-07-22T22:55Z) + 300000))000 "
	assert_equal "$(ask "SELECT count(*), (max(open_ms) - min(open_ms)) / 300000 FROM candles")" "1541|1540"
}

@test "a page that fails leaves no hole: the next window goes on from there" {
	venues
	race
	tr-config -q set data.retries 0
	asset BTC coinbase:BTC-USD
	at 00:02
	expect 0 window 00:00
	DAY=2024-07-27
	at 00:07
	# three pages are due and only one more call is allowed
	tr-provider -q set coinbase --per-month 2
	expect 0 window 00:05
	has "$stderr" month_limit
	assert_equal "$(ask "SELECT count(*), (max(open_ms) - min(open_ms)) / 300000 FROM candles")" "387|386"
	assert_equal "$(what 00:05 | cut -d'|' -f3)" stale
	tr-provider -q set coinbase --per-month 0
	at 00:12
	expect 0 window 00:10
	assert_equal "$(ask "SELECT count(*), (max(open_ms) - min(open_ms)) / 300000 FROM candles")" "1254|1253"
	assert_equal "$(what 00:10)" "$(price 00:10)|coinbase:BTC-USD|fresh"
}

@test "at most 30 days are fetched, in 29 pages where they are small" {
	venues
	race
	asset BTC coinbase:BTC-USD
	at 00:02
	expect 0 window 00:00
	DAY=2024-10-01
	at 00:07
	: >requests.log
	expect 0 window 00:05
	assert_equal "$(asked)" 29
	assert_equal "$(what 00:05)" "$(price 00:05)|coinbase:BTC-USD|fresh"
	assert_equal "$(ask "SELECT count(*) FROM candles WHERE seen_ms = $(stamp 00:05) * 1000")" 8640
}

@test "a candle that is revised keeps both values, and earlier windows what they saw" {
	venues
	race
	tr-agent -q add hold --kind rule --strategy hold
	asset BTC kraken:XBTUSD
	local last='.market.assets[0].candles | map(select(.time == "2024-07-22T23:30:00Z").close)'
	at 00:02
	expect 0 window 00:00
	at 00:07 '.close = {"kraken:XBTUSD": {"'"$(stamp 2024-07-22T23:30Z)"'": "101.5"}}'
	expect 0 window 00:05
	assert_equal "$(ask "SELECT close, seen_ms FROM candles WHERE open_ms = $(stamp 2024-07-22T23:30Z) * 1000")" \
		"$(price 2024-07-22T23:35Z | tr -d .)0000000|$(stamp 00:00)000"
	assert_equal "$(ask "SELECT close, seen_ms FROM candle_revisions")" "1015000000000|$(stamp 00:05)000"
	assert_equal "$(tr-context hold -w 2024-07-23T00:00Z | jq -c "$last")" "[\"$(price 2024-07-22T23:35Z)\"]"
	assert_equal "$(tr-context hold -w 2024-07-23T00:05Z | jq -c "$last")" '["101.5"]'
	assert_equal "$(what 00:00)" "$(price 00:00)|kraken:XBTUSD|fresh"
	# it says so from now on, and that is nothing new
	at 00:12 '.close = {"kraken:XBTUSD": {"'"$(stamp 2024-07-22T23:30Z)"'": "101.5"}}'
	expect 0 window 00:10
	assert_equal "$(ask "SELECT count(*) FROM candle_revisions")" 1
	expect 0 tr-audit
}

# ---------------------------------------------------------------- what services have said

# Service, name, market, window, class of the call, price.
fixtures() {
	cat <<-END
		binance 200-klines LTCBTC 2017-07-03T00:05Z ok 0.015771
		binance 200-price LTCBTC 2017-07-03T00:05Z malformed
		binance 400-bad-symbol LTCBTC 2024-07-23T00:00Z stop
		binance 418-banned LTCBTC 2024-07-23T00:00Z retry
		binance 429 LTCBTC 2024-07-23T00:00Z retry
		binance 451-geo LTCBTC 2024-07-23T00:00Z stop
		coinbase 200-candles BTC-USD 2018-02-01T00:05Z ok 10099.98
		coinbase 200-ticker BTC-USD 2018-02-01T00:05Z malformed
		coinbase 400-too-many-candles BTC-USD 2018-02-01T00:05Z stop
		coinbase 404 BTC-USD 2018-02-01T00:05Z stop
		coinbase 429 BTC-USD 2018-02-01T00:05Z retry
		coingecko 200-market-chart bitcoin 2024-04-01T00:05Z ok
		coingecko 200-ohlc-4h bitcoin 2024-03-03T00:05Z malformed
		coingecko 200-ping bitcoin 2024-03-03T00:05Z malformed
		coingecko 200-pro-key-usage bitcoin 2024-03-03T00:05Z malformed
		coingecko 200-simple-price ethereum live ok 1498.64
		coingecko 400-pro-key-on-public-host bitcoin 2024-03-03T00:05Z operator
		coingecko 401-beyond-365-days bitcoin 2024-03-03T00:05Z stop
		coingecko 404-coin bitcoin 2024-03-03T00:05Z stop
		coingecko 422-missing-param bitcoin 2024-03-03T00:05Z stop
		coingecko 429 bitcoin 2024-03-03T00:05Z retry
		kraken 200-error-rate XBTUSD 2023-07-06T19:25Z retry
		kraken 200-error-unavailable XBTUSD 2023-07-06T19:25Z retry
		kraken 200-error-unknown-pair XBTUSD 2023-07-06T19:25Z stop
		kraken 200-ohlc-720 XBTUSD 2017-08-11T09:00Z malformed
		kraken 200-ohlc-truncated XBTUSD 2023-07-06T19:25Z ok 30305.7
	END
}

@test "every recorded reply of the four services has its documented outcome" {
	[ -d "$SHARED/apis/fixtures" ] || skip "no recorded replies beside the checkout"
	faultd '{}' --fixtures "$SHARED/apis/fixtures"
	race
	tr-config -q set data.retries 0
	sqlite3 race.db "VACUUM INTO 'empty.db'"
	local service name market at class price got when
	# all of them are in the list
	diff <(fixtures | awk '{print $1 "/" $2}' | sort) \
		<(cd "$SHARED/apis/fixtures" && ls {binance,kraken,coinbase,coingecko}/*.body | sed 's/\.body$//' | sort)
	while read -r service name market at class price; do
		rm -f race.db*
		cp empty.db race.db
		tr-provider -q set "$service" --base "http://127.0.0.1:$FP/FIX/$service/$name"
		tr-asset -q add BTC --feed "$service:$market" --accept-quote BTC 3>&-
		when=(-t "$at")
		[ "$at" != live ] || {
			live
			when=()
		}
		expect 0 tr-ingest "${when[@]}" 3>&-
		got=$(ask "SELECT class FROM call_results ORDER BY id LIMIT 1")
		[ "$got $(head -1 <<<"$output" | jq -r '.prices[0].price // empty')" = "$class $price" ] || {
			echo "$service/$name: $got, $output $stderr"
			return 1
		}
		[ "$class" = ok ] || {
			[ "$(ask "SELECT outcome FROM feed_results WHERE detail <> ''")" = failed ]
			has "$stderr" "asset BTC: feed $service:$market: "
		}
	done < <(fixtures)
}

@test "Binance's advice for a location that it does not serve is passed on" {
	faultd '{"/api/v3/klines": {"status": 451, "body": {"code": 0, "msg": "restricted location"}}}'
	race
	asset BTC binance:BTCUSD
	expect 0 window 00:00
	has "$(detail 00:00 binance:BTCUSD)" "https://data-api.binance.vision"
	assert_equal "$(wc -l <requests.jsonl)" 1
}

# ---------------------------------------------------------------- faults

# The body of a reply of the venues to PATH at TIME.
body() {
	python3 -c 'import json, sys; sys.path.insert(0, sys.argv[1]); import feeds
m = feeds.Market(None); m.now = int(sys.argv[3]); print(json.dumps(feeds.answer(m, sys.argv[2])[1]))' \
		"$TOP/tests" "$1" "$(stamp "$2")"
}

# What goes wrong, the steps of the server, the classes of the attempts.
faults() {
	cat <<-'END'
		rate|[{"status":429,"headers":{"Retry-After":"1"}},"good"]|retry ok
		rate for long|[{"status":429,"headers":{"Retry-After":"3600"}},"good"]|retry
		banned|[{"status":418},"good"]|stop
		restricted|[{"status":451},"good"]|stop
		broken once|[{"status":500},"good"]|retry ok
		page|[{"status":502,"body":"<html>bad gateway</html>"}]|retry retry
		page as a success|[{"status":200,"body":"<html>welcome</html>"},"good"]|malformed ok
		cut|[{"fault":"cut","body":"{\"error\":[],\"result\":{}}"}]|cut cut
		hang|[{"fault":"hang"}]|timeout timeout
		reset|[{"fault":"reset_before"},"good"]|reset ok
		busy|[{"body":{"error":["EService:Busy"]}},"good"]|retry ok
		unknown|[{"body":{"error":["EQuery:Unknown asset pair"]}},"good"]|stop
		empty object|[{"body":{}},"good"]|malformed ok
		empty|[{"body":""},"good"]|malformed ok
		bomb|[{"fault":"gzip_bomb"},"good"]|too_large ok
		garbage|[{"fault":"garbage"},"good"]|protocol ok
		redirect|[{"fault":"redirect"},"good"]|stop
	END
}

@test "whatever goes wrong at a feed, the window ends in time and other assets have their prices" {
	local good other n=0 fault steps class got begin
	good=$(body "/0/public/OHLC?pair=XBTUSD&interval=5&since=$(stamp 2024-07-22T15:35Z)" 00:02)
	other=$(body "/products/A-USD/candles?start=2024-07-22T15:40:00Z&end=2024-07-23T00:00:00Z" 00:02)
	faultd "$(faults | jq -nR --argjson good "{\"body\": $good}" --argjson other "{\"body\": $other}" '
		[inputs / "|" | .[1] | fromjson] | to_entries | map({
			"/\(.key + 1)/0/public/OHLC?pair=XBTUSD": (.value | map(if . == "good" then $good else . end)),
			"/\(.key + 1)/0": $good}) | add + {"/products": $other}')"
	race
	tr-config -q set data.timeout_s 2
	tr-config -q set data.retries 1
	tr-config -q set guard.retry_base_ms 10
	asset BTC kraken:XBTUSD
	asset ETH kraken:ETHUSD
	asset SOL coinbase:SOL-USD
	sqlite3 race.db "VACUUM INTO 'empty.db'"
	while IFS='|' read -r fault steps class; do
		n=$((n + 1))
		rm -f race.db*
		cp empty.db race.db
		tr-provider -q set kraken --base "http://127.0.0.1:$FP/$n"
		begin=$SECONDS
		expect 0 window 00:00 3>&-
		[ $((SECONDS - begin)) -lt 15 ]
		got=$(ask "SELECT group_concat(class, ' ') FROM call_results JOIN call_starts USING (id)
			WHERE model = 'XBTUSD'")
		[ "$got" = "$class" ] || {
			echo "$fault, $steps: $got, $stderr"
			return 1
		}
		assert_equal "$(grep -c "\"/$n/.*pair=XBTUSD" requests.jsonl)" "$(wc -w <<<"$class")"
		assert_equal "$(what 00:00 ETH) $(what 00:00 SOL)" \
			"$(price 00:00)|kraken:ETHUSD|fresh $(price 00:00)|coinbase:SOL-USD|fresh"
		case $class in
		*ok) assert_equal "$(what 00:00)" "$(price 00:00)|kraken:XBTUSD|fresh" ;;
		*) assert_equal "$(head -1 <<<"$output" | jq -c .absent)" '["BTC"]' ;;
		esac
	done < <(faults)
}

@test "a feed that fails too often is left alone for a while, then probed" {
	venues
	race
	tr-config -q set data.failures 2
	tr-config -q set data.retries 0
	tr-config -q set data.break_s 600
	tr-config -q set guard.break_max_s 600
	asset BTC kraken:XBTUSD coinbase:BTC-USD
	at 00:02 '.down = ["kraken"]'
	expect 0 window 00:00
	expect 0 window 00:05
	assert_equal "$(tr-breaker list --json | jq -r 'select(.service == "kraken").state')" open
	at 00:12
	expect 0 window 00:10
	assert_equal "$(asked OHLC)" 2
	assert_equal "$(results 00:10)" "kraken:XBTUSD refused
coinbase:BTC-USD ok"
	assert_equal "$(what 00:10)" "$(price 00:10)|coinbase:BTC-USD|fresh"
	tr-breaker -q reset kraken
	at 00:17
	expect 0 window 00:15
	assert_equal "$(results 00:15)" "kraken:XBTUSD ok
coinbase:BTC-USD ok"
	# a short break passes by itself
	tr-config -q set data.break_s 1
	at 00:22 '.down = ["kraken"]'
	expect 0 window 00:20
	expect 0 window 00:25
	at 00:32
	sleep 1.1
	expect 0 window 00:30
	assert_equal "$(results 00:30 | head -1)" "kraken:XBTUSD ok"
	assert_equal "$(tr-breaker list --json | jq -r 'select(.service == "kraken").state')" closed
}

@test "nobody waits in a window for a breaker to close" {
	venues
	race
	tr-config -q set guard.retry_base_ms 10
	asset AAA kraken:AUSD coinbase:A-USD
	asset BBB kraken:BUSD
	asset CCC kraken:CUSD
	at 00:02 '.down = ["kraken"]'
	local begin=$SECONDS
	expect 0 window 00:00
	[ $((SECONDS - begin)) -lt 25 ]
	assert_equal "$(tr-breaker list --json | jq -r 'select(.service == "kraken").state')" open
	assert_equal "$(what 00:00 AAA)" "$(price 00:00)|coinbase:A-USD|fresh"
}

@test "many calls of one venue do not start all at once" {
	local good i
	good=$(body "/0/public/OHLC?pair=XBTUSD&interval=5&since=$(stamp 2024-07-22T15:35Z)" 00:02)
	faultd "{\"/0\": {\"body\": $good}}"
	race
	for i in 1 2 3 4 5 6 7 8; do asset A$i kraken:A${i}USD; done
	expect 0 window 00:00
	assert_equal "$(head -1 <<<"$output" | jq -c '.prices | length')" 8
	jq -se 'map(.at_ms) | sort | (.[4] - .[0] < 2000) and (.[7] - .[0] > 2900)' requests.jsonl
}

@test "an ingest that is killed is repeated with an equal result" {
	local good ingest
	good=$(body "/0/public/OHLC?pair=XBTUSD&interval=5&since=$(stamp 2024-07-22T15:35Z)" 00:02)
	faultd "{\"/0/public/OHLC?pair=ETHUSD\": [{\"body\": $good, \"delay_ms\": 20000}, {\"body\": $good}],
		\"/0/public/OHLC\": {\"body\": $good}}"
	race
	asset BTC kraken:XBTUSD
	asset ETH kraken:ETHUSD
	tr-ingest -q -t "${DAY}T00:00Z" >/dev/null 2>&1 3>&- &
	ingest=$!
	wait_for grep -q ETHUSD requests.jsonl
	kill -KILL $ingest
	wait $ingest || true
	assert_equal "$(ask "SELECT count(*) FROM batches")" 0
	expect 0 window 00:00
	local killed
	killed=$(state)
	assert_equal "$(what 00:00 ETH)" "$(price 00:00)|kraken:ETHUSD|fresh"
	race
	asset BTC kraken:XBTUSD
	asset ETH kraken:ETHUSD
	expect 0 window 00:00
	assert_equal "$(state)" "$killed"
}

@test "an ingest that is told to end does so, and stores no half of a window" {
	faultd '{"/0/public/OHLC": {"fault": "hang"}}'
	race
	asset BTC kraken:XBTUSD
	tr-ingest -q -t "${DAY}T00:00Z" >/dev/null 2>&1 3>&- &
	local ingest=$! status=0
	wait_for test -s requests.jsonl
	kill -TERM $ingest
	wait $ingest || status=$?
	assert_equal $status 143
	assert_equal "$(ask "SELECT count(*) FROM batches")" 0
}

# ---------------------------------------------------------------- who is asked

@test "an asset that is switched off is not asked for" {
	venues
	race
	asset BTC kraken:XBTUSD
	asset ETH kraken:ETHUSD coingecko:ethereum
	at 00:02
	tr-asset -q disable ETH
	expect 0 window 00:00
	assert_equal "$(asked) $(asked XBTUSD)" "1 1"
	assert_equal "$(results 00:00)" "kraken:XBTUSD ok"
	tr-asset -q enable ETH
	at 00:07
	expect 0 window 00:05
	assert_equal "$(what 00:05 ETH)" "$(price 00:05)|kraken:ETHUSD|fresh"
}

@test "an asset that is switched off is asked for while somebody holds it, and can be sold" {
	venues
	race
	tr-config -q set market.max_age_s 300
	asset ETH kraken:ETHUSD
	tr-agent -q add me --kind manual
	cycle() { at "$1":30; expect 0 tr-cycle -q -t "${DAY}T$1:01Z"; }
	hand() { tr-trade -q --agent me -w "${DAY}T$1Z" <<<"{\"orders\":[{\"asset\":\"ETH\",\"side\":\"$2\",\"quantity\":\"0.5\"}]}"; }
	cycle 00:00
	expect 0 hand 00:00 buy
	cycle 00:05
	assert_equal "$(ask 'SELECT count(*) FROM positions')" 1
	tr-asset -q disable ETH
	for t in 00:10 00:15 00:20; do
		cycle $t
		assert_equal "$(results $t)" "kraken:ETHUSD ok"
	done
	expect 0 hand 00:20 sell
	cycle 00:25
	assert_equal "$(ask 'SELECT count(*) FROM positions')" 0
	assert_equal "$(ask "SELECT group_concat(side) FROM trades")" buy,sell
	cycle 00:30
	assert_equal "$(results 00:30)" ""
	expect 0 tr-audit -q
}

@test "a dry run asks nobody and writes nothing" {
	venues
	race
	asset BTC kraken:XBTUSD
	at 00:02
	local before
	before=$(state)
	expect 0 window 00:00 -n
	has "$stderr" "a dry run asks nobody"
	assert_equal "$(head -1 <<<"$output" | jq -c .absent)" '["BTC"]'
	assert_equal "$(asked 2>/dev/null)" 0
	assert_equal "$(state)" "$before"
	expect 0 window 00:00 -nq
	assert_equal "$output$stderr" ""
}

@test "a key goes to its service in a header, and without its file nobody is asked" {
	faultd '{"/coins": {"body": {"prices": []}}}'
	race
	echo canary-0123456789 >key
	chmod 600 key
	tr-provider -q key coingecko --file key
	asset BTC coingecko:bitcoin
	expect 0 window 00:00
	assert_equal "$(jq -r '.headers["x-cg-demo-api-key"]' requests.jsonl)" canary-0123456789
	assert_equal "$(jq -r .path requests.jsonl)" "/coins/bitcoin/market_chart?vs_currency=usd&days=1"
	! grep -q canary race.db* || return 1
	assert_equal "$(results 00:00)" "coingecko:bitcoin ok"
	rm key
	expect 0 window 00:05
	has "$stderr" "$PWD/key"
	assert_equal "$(wc -l <requests.jsonl)" 1
	assert_equal "$(results 00:05)" "coingecko:bitcoin failed"
}

@test "feeds that are local start no tr-fetch" {
	FP=1
	race
	asset BTC sim
	mkdir bin
	cp "$B/tr-ingest" bin
	printf '#!/bin/sh\ntouch %s/started\n' "$PWD" >bin/tr-fetch
	chmod +x bin/tr-fetch
	expect 0 bin/tr-ingest -t "${DAY}T00:00Z"
	[ ! -e started ]
	asset ETH kraken:ETHUSD
	expect 0 bin/tr-ingest -t "${DAY}T00:05Z"
	[ -e started ]
}

# ---------------------------------------------------------------- recordings

feeds_of_three() {
	race
	tr-config -q set data.retries 0
	tr-config -q set decide.every_min 5
	tr-agent -q add all --kind rule --strategy buy-and-hold
	asset AAA kraken:AUSD coinbase:A-USD
	asset BBB coinbase:B-USD
	asset CCC coingecko:coin kraken:CUSD
	asset DDD kraken:NODUSD
}

@test "a recording gives the equal race without a server" {
	local t recorded
	venues
	feeds_of_three
	for t in 00:00 00:05 00:10 00:15 00:20 00:25; do
		case $t in
		00:10) at $t:30 '.down = ["kraken"]' ;;
		00:20) at $t:30 '.down = ["coingecko", "coinbase"]' ;;
		*) at $t:30 ;;
		esac
		expect 0 tr-cycle -q -t "${DAY}T$t:01Z" --record tape.jsonl
	done
	recorded=$(state)
	tr-db dump --logical >recorded.txt
	[ "$(trades)" -ge 3 ]
	assert_equal "$(results 00:20 | grep -c failed)" 4
	kill $VENUES
	mv requests.log requests.old
	feeds_of_three
	for t in 00:00 00:05 00:10 00:15 00:20 00:25; do
		expect 0 tr-cycle -q -t "${DAY}T$t:01Z" --play tape.jsonl
	done
	tr-db dump --logical >played.txt
	diff recorded.txt played.txt | cut -c1-300 | head -20
	cmp recorded.txt played.txt
	assert_equal "$(state)" "$recorded"
	[ ! -e requests.log ]
	assert_equal "$(ask "SELECT count(*) FROM call_starts")" 0
}

@test "pages that failed are played as such" {
	venues
	race
	asset BTC coinbase:BTC-USD
	tr-provider -q set coinbase --per-month 2
	at 00:02
	expect 0 window 00:00 --record tape.jsonl
	DAY=2024-07-27
	at 00:07
	expect 0 window 00:05 --record tape.jsonl
	has "$stderr" month_limit
	tr-db dump --logical >recorded.txt
	kill $VENUES
	race
	asset BTC coinbase:BTC-USD
	tr-provider -q set coinbase --per-month 2
	DAY=2024-07-23
	expect 0 window 00:00 --play tape.jsonl
	DAY=2024-07-27
	expect 0 window 00:05 --play tape.jsonl
	has "$stderr" month_limit
	tr-db dump --logical >played.txt
	diff recorded.txt played.txt | cut -c1-300 | head -20
	cmp recorded.txt played.txt
}

@test "a recording that cannot be read ends the run and names file and line, and nothing is stored" {
	local tape
	venues
	race
	asset BTC kraken:XBTUSD
	at 00:07
	expect 0 window 00:05 --record tape.jsonl
	{
		echo '{"schema":"tr.turn/1","name":"x","window":null,"end":"failed","error":""}'
		cat tape.jsonl
		echo '{"schema":"tr.other/1"}'
	} >foreign
	sed 's/"answer":/"reply":/' tape.jsonl >changed
	kill $VENUES
	race
	asset BTC kraken:XBTUSD
	for tape in "foreign: line 3" "changed: line 1" absent; do
		expect "$([ "$tape" = absent ] && echo 66 || echo 65)" window 00:05 --play "${tape%%:*}"
		has "$(tail -1 <<<"$stderr")" "$tape"
		assert_equal "$(ask 'SELECT count(*) FROM batches')" 0
	done
	expect 65 tr-cycle -q -t "${DAY}T00:05:01Z" --play foreign
	has "$stderr" "foreign: line 3"
	expect 0 window 00:05 --play tape.jsonl
	assert_equal "$(what 00:05 | tail -c 6)" fresh
}

@test "quotes are played in the window in which they were asked for" {
	venues
	feeds_of_three
	live
	local before recorded
	before=$(date -ud @$((NOW - 300)) +%FT%H:%M:01Z)
	echo "{\"now\": $((NOW - 270))}" >market.json
	expect 0 tr-cycle -q -t "$before" --record tape.jsonl
	echo '{"factor": {"coingecko:coin": "1.03"}}' >market.json
	expect 0 tr-cycle -q -t "$(date -ud @$((NOW + 1)) +%FT%TZ)" --record tape.jsonl
	assert_equal "$(asked simple/price)" 1
	tr-db dump --logical >recorded.txt
	assert_equal "$(ask "SELECT count(*) FROM quotes")" 1
	kill $VENUES
	feeds_of_three
	expect 0 tr-cycle -q -t "$before" --play tape.jsonl
	expect 0 tr-cycle -q -t "$(date -ud @$((NOW + 1)) +%FT%TZ)" --play tape.jsonl
	tr-db dump --logical >played.txt
	diff recorded.txt played.txt | cut -c1-300 | head -20
	cmp recorded.txt played.txt
}
