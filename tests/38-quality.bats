#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# Candles that are missing, late or doubtful, and back-fills that change nothing that was seen; the
# regimes that agents are shown, and the rules that they cite.
load helper

# candles FROM TO [VOLUME]: five-minute candles of ACME that open from minute FROM to minute TO of
# 2024-07-22, the second not included; later ones are of the next day.
candles() {
	echo asset,quote,open_time_utc,interval_s,open,high,low,close,volume
	rows "$@"
}
rows() {
	awk -v from="$1" -v to="$2" -v volume="${3:-1.5}" 'BEGIN {
		for (m = from; m < to; m += 5) {
			p = 100 + (m / 5 * 7919) % 13 / 10 + m / 500
			printf "ACME,USD,2024-07-%02dT%02d:%02d:00Z,300,%.4f,%.4f,%.4f,%.4f,%s\n",
				22 + int(m / 1440), int(m / 60) % 24, m % 60, p, p + 1, p - 1, p + 0.3, volume
		}
	}'
}

# A race with ACME from imported candles that lack 40 minutes before midnight and one at 00:10.
holed_race() {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add ACME --feed history
	tr-agent -q add trend --kind rule --strategy momentum
	tr-config -q set feature.context_store false
	candles 1080 1380 >file.csv
	rows 1420 1450 >>file.csv
	rows 1455 1680 >>file.csv
	tr-ingest -q --import file.csv
}

windows() {
	sqlite3 race.db "SELECT strftime('%Y-%m-%dT%H:%MZ', window_ms / 1000, 'unixepoch') FROM cycles
		WHERE decision ORDER BY 1"
}

# What every window's agents were shown, computed anew.
contexts() {
	local w
	for w in $(windows); do
		tr-context -w "$w" trend
	done
}

# ---- gaps

@test "what is missing is listed as ranges with their counts, and the status says so" {
	holed_race
	expect 1 tr-asset gaps
	assert_equal "$output" "ACME import 300s
  missing  2024-07-22 23:00  2024-07-22 23:35        8
  missing  2024-07-23 00:10  2024-07-23 00:10        1
  9 missing: tr-ingest --import FILE"
	expect 1 tr-asset gaps ACME --json
	assert_equal "$(jq -c '[.schema, .asset, .source, .interval_s, .kind, .first, .last, .count, .help]' <<<"$output")" \
		'["tr.gap/1","ACME","import",300,"missing","2024-07-22T23:00:00Z","2024-07-22T23:35:00Z",8,"tr-ingest --import FILE"]
["tr.gap/1","ACME","import",300,"missing","2024-07-23T00:10:00Z","2024-07-23T00:10:00Z",1,"tr-ingest --import FILE"]
["tr.end/1",null,null,null,null,null,null,2,null]'
}

@test "a whole series has nothing to list" {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add ACME --feed history
	tr-asset -q add IDLE --feed history
	expect 0 tr-asset gaps
	assert_equal "$output" ""
	candles 0 500 >file.csv
	tr-ingest -q --import file.csv
	expect 0 tr-asset gaps
	assert_equal "$output" ""
	expect 0 tr-asset gaps IDLE --json
	assert_equal "$output" '{"schema":"tr.end/1","count":0}'
}

@test "a span that is asked for must be covered to its ends" {
	holed_race
	expect 1 tr-asset gaps --json --from 2024-07-22T17:47Z --to 2024-07-22T23:06Z
	assert_equal "$(jq -r 'select(.kind) | [.first, .last, .count] | join(" ")' <<<"$output")" \
		"2024-07-22T17:50:00Z 2024-07-22T17:55:00Z 2
2024-07-22T23:00:00Z 2024-07-22T23:05:00Z 2"
	expect 0 tr-asset gaps --from 2024-07-22T18:00Z --to 2024-07-22T23:00Z
	expect 1 tr-asset gaps --json --from 2024-07-25 --to 2024-07-26
	assert_equal "$(jq -r 'select(.kind) | [.first, .last, .count] | join(" ")' <<<"$output")" \
		"2024-07-25T00:00:00Z 2024-07-25T23:55:00Z 288"
	expect 1 tr-asset gaps --json --to 2024-07-23T04:15Z
	assert_equal "$(jq -r 'select(.kind) | .count' <<<"$output" | tail -n 1)" 3
}

@test "candles of two intervals and sources are series of their own" {
	holed_race
	candles 1080 1680 >whole.csv
	tr-ingest -q --import --source venue whole.csv
	awk -F, -v OFS=, 'NR == 1 || $3 ~ /T(18|19|21|22):00/ { if (NR > 1) $4 = 3600; print }' \
		whole.csv >hours.csv
	tr-ingest -q --import --source venue hours.csv
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.kind) | [.source, .interval_s, .first, .count] | join(" ")' <<<"$output")" \
		"import 300 2024-07-22T23:00:00Z 8
import 300 2024-07-23T00:10:00Z 1
venue 3600 2024-07-22T20:00:00Z 1"
	assert_equal "$(jq -r 'select(.interval_s == 3600) | .help' <<<"$output")" \
		"tr-ingest --import FILE --source venue"
}

@test "a back-fill changes nothing that earlier windows saw, and shows as late" {
	holed_race
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T01:05Z
	contexts >before
	[ "$(wc -l <before)" -eq 5 ]
	tr-db dump --logical | grep -v '"table":"candles"' | sha256sum >dump.before
	tr-decide -w 2024-07-23T00:30Z >decided.before
	candles 1380 1420 >fill.csv
	rows 1450 1455 >>fill.csv
	expect 0 tr-ingest --import fill.csv
	[[ $output == *"9 added"* ]]
	# the view of every window that was run, from the candles and byte by byte
	contexts >after
	cmp before after
	for w in $(windows); do
		assert_equal "$(tr-context -w "$w" trend | tr -d '\n' | sha256sum | cut -d' ' -f1)" \
			"$(sqlite3 race.db "SELECT lower(hex(context)) FROM decisions
				WHERE window_ms = 1000 * unixepoch('$w')")"
	done
	tr-db dump --logical | grep -v '"table":"candles"' | sha256sum >dump.after
	cmp dump.before dump.after
	expect 0 tr-decide -w 2024-07-23T00:30Z
	assert_equal "$output" "$(cat decided.before)"
	expect 0 tr-audit
	# nothing is missing any more, and that it was stays visible
	expect 0 tr-asset gaps
	assert_equal "$output" "ACME import 300s
  late     2024-07-22 23:00  2024-07-22 23:35        8  seen from 2024-07-23 01:05
  late     2024-07-23 00:10  2024-07-23 00:10        1  seen from 2024-07-23 01:05"
	expect 0 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.kind) | [.kind, .seen, .help] | map(tostring) | join(" ")' <<<"$output" | sort -u)" \
		"late market-cycle-20240723-0105 null"
	# the next windows see what was filled in
	tr-cycle -q -w 2024-07-23T01:15Z
	expect 0 tr-context trend
	[[ $output == *'"time":"2024-07-22T23:30:00Z"'* ]]
	run ! grep -q '"time":"2024-07-22T23:30:00Z"' before
}

@test "the same candles before the first window are not late" {
	holed_race
	candles 1380 1420 >fill.csv
	tr-ingest -q --import fill.csv
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:10Z
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.kind) | .kind' <<<"$output")" missing
}

@test "a corrected candle changes no window that has begun either" {
	holed_race
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:20Z
	contexts >before
	sed 's/^\(.*T23:40:00Z.*\),1.5$/\1,9/' file.csv >new.csv
	expect 0 tr-ingest --import --revise new.csv
	[[ $output == *"1 revised"* ]]
	contexts >after
	cmp before after
	tr-cycle -q -w 2024-07-23T00:30Z
	expect 0 tr-context trend
	[[ $output == *'"volume":"9"'* ]]
}

@test "a series that a feed began is filled from a file, and another name is still checked" {
	holed_race
	candles 1080 1200 >feed.csv
	rows 1210 1500 >>feed.csv
	tr-asset -q set ACME --feed csv:feed.csv
	tr-cycle -q -w 2024-07-23T00:00Z
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.source | tostring | startswith("csv:")) | [.count, .help] | join(" ")' <<<"$output")" \
		"2 add them to $PWD/feed.csv, which the next window reads"
	candles 1200 1210 >fill.csv
	expect 65 tr-ingest --import --source "csv:$PWD/other.csv" fill.csv
	expect 0 tr-ingest --import --source "csv:$PWD/feed.csv" fill.csv
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.source | tostring | startswith("csv:")) | [.kind, .count] | join(" ")' <<<"$output")" \
		"late 2"
	candles 1080 1500 >feed.csv
	tr-cycle -q -w 2024-07-23T00:05Z
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.source | tostring | startswith("csv:")) | [.kind, .count] | join(" ")' <<<"$output")" \
		"late 2"
}

@test "an hour without trades is told, unless the series never has a volume" {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add ACME --feed history
	{
		candles 0 100
		rows 100 160 0
		rows 160 200
		rows 200 255 0
		rows 255 300
	} >file.csv
	tr-ingest -q --import file.csv
	expect 0 tr-asset gaps
	assert_equal "$output" "ACME import 300s
  idle     2024-07-22 01:40  2024-07-22 02:35       12"
	candles 0 300 0 >none.csv
	tr-ingest -q --import --source quotes none.csv
	expect 0 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.kind) | .source' <<<"$output")" import
}

@test "prices that the gate held back are told with their windows" {
	holed_race
	rows 1680 1700 | awk -F, -v OFS=, '{ for (i = 5; i < 9; i++) $i *= 10; print }' >high
	cat file.csv high >jump.csv
	tr-ingest -q --import jump.csv
	tr-cycle -q --from 2024-07-23T03:50Z --to 2024-07-23T04:20Z
	expect 1 tr-asset gaps --json
	assert_equal "$(jq -r 'select(.kind == "suspect") | [.first, .last, .count] | join(" ")' <<<"$output")" \
		"2024-07-23T04:05:00Z 2024-07-23T04:05:00Z 1"
}

@test "mistakes of the caller are told apart" {
	holed_race
	expect 64 tr-asset gaps ACME ACME
	expect 64 tr-asset gaps --from 2024-07-23 --to 2024-07-23
	expect 64 tr-asset list --from 2024-07-23
	expect 66 tr-asset gaps NOPE
	expect 66 tr-asset gaps -d none.db
}

@test "recorded candles: the outage of a venue is found, with the stillness before it" {
	need_shared
	tr-init -q --bare --quote USDT race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add DOGE --feed history
	tr-ingest -q --import "$SHARED/data/DOGE-USDT_5m_binance_2023-03-16_2023-05-01.csv.gz"
	expect 1 tr-asset gaps
	assert_equal "$output" "DOGE import 300s
  idle     2023-03-24 11:30  2023-03-24 12:35       14
  missing  2023-03-24 12:40  2023-03-24 13:55       16
  16 missing: tr-ingest --import FILE"
}

# ---- regimes

# The rules of tr-agents(7) once more, over the candles of a context.
regimes='def move($base): (. / $base * 10000 | floor);
	[.market.assets[] | . as $a | [.candles[].close | tonumber] | .[-49:] as $c
	| {key: $a.asset, value: (if ($c | length) < 49 then null else
		($c[0]) as $first | ($c[-1] - $first) as $net
		| ([range(1; 49) | $c[.] - $c[. - 1] | fabs] | add) as $path
		| (($c | max) - ($c | min)) as $swing
		| if 4 * ($net | fabs) >= $path
			and ((($net | fabs) | move($first)) | . * .) * 300 >= 2500 * $a.interval_s
		then (if $net > 0 then "bullish" else "bearish" end)
		elif (($swing | move($first)) | . * .) * 300 >= 40000 * $a.interval_s
		then "volatile" else "stable" end end)}] | from_entries'

@test "the regime of each asset is shown and stored, and follows from the candles shown" {
	demo_race
	tr-cycle -q -w 2024-07-20T20:45Z
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z
	local seen=""
	for w in $(windows); do
		tr-context -w "$w" trend >context
		assert_equal "$(jq -cS '[.market.assets[] | {key: .asset, value: .regime}] | from_entries' context)" \
			"$(jq -cS "$regimes" context)"
		assert_equal "$(sqlite3 race.db "SELECT regimes FROM regimes
			WHERE window_ms = 1000 * unixepoch('$w')")" \
			"$(jq -c '[.market.assets[] | {key: .asset, value: .regime}] | from_entries' context)"
		seen+=$(jq -r '.market.assets[].regime' context)$'\n'
	done
	assert_equal "$(sort -u <<<"$seen" | xargs)" "bearish bullish stable volatile"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM regimes')" 5
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM v_decisions WHERE regimes IS NULL')" 0
}

@test "with too few candles there is no regime" {
	demo_race
	tr-config -q set context.candles 48
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(tr-context trend | jq -c '[.market.assets[].regime] | unique')" '[null]'
	tr-config -q set context.candles 49
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(tr-context trend | jq -c '[.market.assets[].regime] | any(. == null)')" false
}

@test "a regime that was changed afterwards is found by the audit" {
	demo_race
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:20Z
	expect 0 tr-audit
	sqlite3 race.db "DROP TRIGGER regimes_update;
		UPDATE regimes SET regimes = replace(regimes, 'stable', 'volatile')"
	expect 1 tr-audit
	[[ $output == *"market-cycle-20240723-0000"* ]]
}

@test "a window begun before there were regimes is finished without, the next has them" {
	gzip -dc "$TOP/tests/fixtures/golden/race-1.db.gz" >race.db
	chmod 600 race.db
	export TR_DB=$PWD/race.db
	tr-init -q race.db
	tr-cycle -q -w latest
	assert_equal "$(tr-context trend | jq '[.market.assets[] | has("regime")] | any')" false
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM regimes')" 0
	tr-cycle -q -w 2024-07-23T01:00Z
	assert_equal "$(tr-context trend | jq '[.market.assets[] | has("regime")] | all')" true
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM regimes')" 1
	expect 0 tr-audit
}

# ---- cited rules

# citer NAME RULES: an agent that cites RULES, a JSON value
citer() {
	jq -nc --argjson rules "$2" '{orders: [], rules: $rules}' >"$1.json"
	printf '#!/bin/sh\ncat %s.json\n' "$PWD/$1" >"$1.sh"
	chmod 700 "$1.sh"
	tr-agent -q add "$1" --kind exec --unconfined -- "$PWD/$1.sh"
}

@test "rules that an agent cites are stored with its decision, and shown" {
	demo_race
	citer careful '["stop-loss","Never more than \"half\""]'
	citer silent '[]'
	citer mute null
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(tr-decide -w latest | jq -c 'select(.agent == "careful") | [.status, .rules]')" \
		'["hold",["stop-loss","Never more than \"half\""]]'
	assert_equal "$(tr-decide -w latest | jq -c 'select(.rules) | .agent')" '"careful"'
	assert_equal "$(tr-decide -w latest | jq -r 'select(.agent == "silent" or .agent == "mute") | .status' | xargs)" \
		"hold hold"
	assert_equal "$(sqlite3 race.db "SELECT agent, rules, json_extract(regimes, '$.BTC') IS NOT NULL
		FROM v_decisions WHERE rules IS NOT NULL")" 'careful|["stop-loss","Never more than \"half\""]|1'
	# the records go from tool to tool with them
	tr-cycle -q -w 2024-07-23T00:05Z
	tr-ingest -q -w 2024-07-23T00:15Z
	tr-decide -w 2024-07-23T00:15Z >decisions
	expect 0 tr-trade <decisions
	tr-ingest -q -w 2024-07-23T00:30Z
	tr-decide -w 2024-07-23T00:30Z | sed 's/stop-loss/stop-gain/' >changed
	expect 65 tr-trade <changed
	expect 0 tr-audit
}

@test "rules are bounded texts: others make an answer invalid, longer ones are cut" {
	demo_race
	citer many "$(jq -nc '[range(17) | "r\(.)"]')"
	citer most "$(jq -nc '[range(16) | "r\(.)"]')"
	citer empty '[""]'
	citer number '[1]'
	citer text '"one"'
	citer long "$(jq -nc '[("x" * 119) + "é!"]')"
	tr-cycle -q -w 2024-07-23T00:00Z || [ $? -eq 3 ]
	tr-decide -w latest >decisions || [ $? -eq 3 ]
	status_of() {
		jq -r --arg agent "$1" 'select(.agent == $agent) | .status + " " + (.error // "")' decisions
	}
	assert_equal "$(status_of many)" "invalid answer: rules: has more than 16 elements"
	assert_equal "$(status_of most)" "hold "
	assert_equal "$(status_of empty)" "invalid answer: rules: must be texts that are not empty"
	assert_equal "$(status_of number)" "invalid answer: rules: must be texts that are not empty"
	assert_equal "$(status_of text)" "invalid answer: rules: must be an array"
	assert_equal "$(jq -r 'select(.agent == "long") | .rules[0]' decisions)" \
		"$(printf 'x%.0s' {1..119})"
	assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM citations')" 2
}

@test "rules that a person cites are part of what was handed in" {
	demo_race
	tr-agent -q add me --kind manual
	tr-cycle -q -w 2024-07-23T00:00Z
	echo '{"orders":[],"rules":["sleep"]}' >answer
	expect 0 tr-trade --agent me <answer
	expect 0 tr-trade --agent me <answer
	echo '{"orders":[],"rules":["wake"]}' >other
	expect 65 tr-trade --agent me <other
	assert_equal "$(sqlite3 race.db 'SELECT rules FROM citations')" '["sleep"]'
	tr-cycle -q -w 2024-07-23T00:05Z
	expect 0 tr-audit
}

@test "a citation that was changed or deleted afterwards is found by the audit" {
	demo_race
	citer careful '["stop-loss"]'
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:10Z
	expect 0 tr-audit
	run ! sqlite3 race.db "UPDATE citations SET rules = '[]'"
	sqlite3 race.db "DROP TRIGGER citations_update; UPDATE citations SET rules = '[\"luck\"]'"
	expect 1 tr-audit
	[[ $output == *"agent careful: decision of market-cycle-20240723-0000"* ]]
	sqlite3 race.db "DROP TRIGGER citations_delete; DELETE FROM citations"
	expect 1 tr-audit
}
