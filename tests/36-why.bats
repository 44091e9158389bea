#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2119
# tr-why: from a trade back to the prices, the prompt and the answer, with every number computed
# again, and why a window is as it is or is not there at all.

load helper

DAY=2024-07-23
W0=${DAY}T00:00Z
ID0=market-cycle-20240723-0000

# candles ASSET PRICE...: five-minute candles; the first price is that of the window W0, and so on.
candles() {
	local asset=$1 at p
	at=$(($(date -ud $W0 +%s) - 300))
	shift
	echo asset,quote,open_time_utc,interval_s,open,high,low,close,volume
	for p; do
		printf '%s,USD,%(%Y-%m-%dT%H:%M:%SZ)T,300,%s,%s,%s,%s,1\n' "$asset" $at "$p" "$p" "$p" "$p"
		at=$((at + 300))
	done
}

# race PRICE...: agent me decides in every window what is told in the instructions; AAA costs
# PRICE..., BBB 10.
race() {
	candles AAA "$@" >aaa.csv
	candles BBB "${@/*/10}" >bbb.csv
	cat >me <<-'END'
		#!/bin/sh
		exec jq -c '.time as $t | (.instructions | fromjson? // {})[$t] // {orders: []}'
	END
	chmod +x me
	tr-init -q --bare race.db
	export TR_DB=$PWD/race.db
	tr-config -q set decide.every_min 5
	tr-asset -q add AAA --feed csv:aaa.csv
	tr-asset -q add BBB --feed csv:bbb.csv
	tr-agent -q add me --kind exec -- ./me
}

conf() {
	while [ $# -gt 0 ]; do
		tr-config -q set "$1" "$2"
		shift 2
	done
}

# at HH:MM ANSWER: in that window me answers so, and the window runs.
at() {
	conf race.instructions "{\"${DAY}T$1:00Z\":$2}"
	tr-cycle -q -w "${DAY}T$1Z"
}

# order SIDE ASSET quantity|notional NUMBER [LIMIT]
order() {
	echo '{"asset":"'"$2"'","side":"'"$1"'","'"$3"'":"'"$4"'"'"${5:+,\"limit_price\":\"$5\"}"'}'
}

# One buy, decided and filled in W0, with costs.
one_trade() {
	race 100.5 110
	conf trade.fee_bps 30 trade.slippage_bps 7 risk.min_order 0
	at 00:00 "{\"reasoning\":\"up we go\",\"confidence\":\"0.75\",\"orders\":[$(order buy AAA quantity 3.3)]}"
}

ask() {
	sqlite3 "$TR_DB" "$1"
}

# why WORD...: the record as JSON in ./why.json; the status must be 0 or $WHY.
why() {
	expect "${WHY:-0}" tr-why --json "$@"
	printf '%s\n' "$output" >why.json
	assert_equal "$(jq -r .schema why.json)" tr.why/1
}

# get FILTER: of that record
get() {
	jq -r "$1" why.json
}

has() {
	[[ $1 == *"$2"* ]] || {
		echo "no \"$2\" in: $1"
		return 1
	}
}

lacks() {
	[[ $1 != *"$2"* ]] || {
		echo "\"$2\" in: $1"
		return 1
	}
}

# tamper TABLE SQL: what the triggers do not let through
tamper() {
	ask "DROP TRIGGER ${1}_update; $2"
}

# ---------------------------------------------------------------------- trades

@test "a trade is told with its price, arithmetic, decision, answer and books" {
	one_trade
	expect 0 tr-why trade 1
	assert_line --index 0 'trade 1: me bought 3.3 AAA for 331.882155 USD and a fee of 0.99564647'
	assert_line "prices of $ID0"
	assert_line --regexp "^  AAA +100\.5, fresh, 0 s old, of ${DAY}T00:00:00Z, from csv:/.*aaa\.csv$"
	assert_line --regexp '^decision 1: answer of me, version 1 \(exec\), in market-cycle-20240723-0000: ok'
	assert_line '  reasoning: up we go'
	assert_line '  confidence: 0.75'
	assert_line --regexp '^  context [0-9a-f]{64}, [0-9]+ bytes, kept$'
	assert_line --regexp '^    \| \{"reasoning":"up we go"'
	assert_line "  carried out in $ID0, when the agent was worth 100000"
	assert_line '* order 0: buy AAA, 3.3 units; wanted 3.3, filled 3.3'
	assert_line '      fill      100.5 x (1 + 0.0007) = 100.57035, rounded up'
	assert_line '      notional  3.3 x 100.57035 = 331.882155, rounded up'
	assert_line '      fee       331.882155 x 0.003 = 0.99564647, rounded up'
	assert_line '      cash      100000 - 331.882155 - 0.99564647 = 99667.12219853'
	assert_line '      position  0 + 3.3 = 3.3'
	assert_line --index -1 'everything adds up'
}

# Every number of every trade, computed by other means from what the record says.
check_arithmetic() {
	python3 - why.json <<-'END'
		import json, sys
		from decimal import Decimal as D, getcontext, ROUND_CEILING as UP, ROUND_FLOOR as DOWN
		getcontext().prec = 80
		E8, E10 = D("1e-8"), D("1e-10")
		record = json.load(open(sys.argv[1]))
		prices = {(b["window"], p["asset"]): D(p["price"]) for b in record["batches"] for p in b["prices"]}
		count = 0
		for turn in record["turns"]:
		    x = turn["execution"]
		    cash = D(x["cash_before"])
		    for o in x["orders"]:
		        t = o["trade"]
		        if t is None:
		            continue
		        d = {k: D(v) for k, v in t.items() if k not in ("number", "seq", "batch")}
		        buys = o["side"] == "buy"
		        sign, way = (1, UP) if buys else (-1, DOWN)
		        count += 1
		        assert d["price"] == prices.get((t["batch"], o["asset"]), d["price"])
		        assert d["quantity"] == D(o["filled"])
		        assert d["fill_price"] == (d["price"] * (1 + sign * d["slippage"])).quantize(E10, way)
		        assert d["notional"] == (d["quantity"] * d["fill_price"]).quantize(E8, way)
		        assert d["fee"] == (d["notional"] * d["fee_rate"]).quantize(E8, UP)
		        assert d["cash_before"] == cash
		        cash -= sign * d["notional"] + d["fee"]
		        assert d["cash_after"] == cash
		        assert d["position_after"] == d["position_before"] + sign * d["quantity"]
		        if buys:
		            assert d["cost_after"] == d["cost_before"] + d["notional"] + d["fee"]
		            assert d["realised"] == d["cost_removed"] == 0
		        else:
		            assert d["cost_removed"] == (d["cost_before"] * d["quantity"] / d["position_before"]).quantize(E8, DOWN)
		            assert d["cost_after"] == d["cost_before"] - d["cost_removed"]
		            assert d["realised"] == d["notional"] - d["fee"] - d["cost_removed"]
		    assert cash == D(x["cash_after"])
		print(count)
	END
}

@test "every number of every decision of a race can be computed from what is printed" {
	demo_race
	conf trade.fee_bps 12.5 trade.slippage_bps 3.7 decide.every_min 5
	tr-cycle -q --from $W0 --to ${DAY}T01:00Z
	local n all=0 i
	n=$(ask 'SELECT count(*) FROM executions')
	assert_equal "$n" 96
	for ((i = 1; i <= n; i++)); do
		why decision $i
		[ "$(get .adds_up)" = true ]
		n_trades=$(check_arithmetic)
		all=$((all + n_trades))
	done
	assert_equal "$all" "$(ask 'SELECT count(*) FROM trades')"
	[ "$all" -gt 20 ]
	[ "$(ask "SELECT count(*) FROM trades WHERE side = 'sell'")" -gt 0 ]
	expect 66 tr-why decision $((n + 1))
}

@test "decisions and rejections are counted in the order in which they were carried out" {
	race 100 100 100
	at 00:00 "{\"orders\":[$(order sell AAA quantity 1),$(order buy AAA quantity 2),$(order buy NOPE quantity 3)]}"
	at 00:05 "{\"orders\":[$(order buy AAA quantity 0.01)]}"
	at 00:10 '{"orders":[]}'
	why decision 2
	assert_equal "$(get .window) $(get '.turns[0].decision.number')" market-cycle-20240723-0005\ 2
	why rejection 2
	assert_equal "$(get '[.window, (.turns[0].execution.orders[] | select(.asked_about) | .asset, .rejection)] | @csv')" \
		"\"$ID0\",\"NOPE\",2"
	assert_equal "$(get '[.turns[0].execution.orders[].rejection] | @json')" '[1,null,2]'
	why rejection 3
	assert_equal "$(get '.turns[0].execution.orders[0].edits[0].rule')" below_min_order
	expect 66 tr-why rejection 4
	has "$stderr" 'rejection 4: there is none'
	expect 66 tr-why trade 99
	expect 66 tr-why decision 4
	assert_output ''
}

# ---------------------------------------------------------------------- what does not add up

# breaks SQL TEXT: on a copy of the race with that change, tr-why says TEXT and fails.
breaks() {
	cp one.db broken.db
	sqlite3 broken.db "$1"
	expect 1 tr-why -d broken.db trade 1
	has "$output" "does not add up: $2"
	lacks "$output" 'everything adds up'
	expect 1 tr-why -d broken.db --json trade 1
	assert_equal "$(jq -r .adds_up <<<"$output")" false
	has "$(jq -r '.problems[]' <<<"$output")" "$2"
}

@test "what is stored and cannot be computed again does not add up: status 1" {
	one_trade
	tr-db checkpoint
	cp race.db one.db
	local t='DROP TRIGGER trades_update; UPDATE trades SET'
	breaks "$t fee = fee + 1" 'trade 1: fee is '
	breaks "$t fill_price = fill_price - 1" 'trade 1: fill price is '
	breaks "$t notional = notional + 100" 'trade 1: notional is '
	breaks "$t cash_after = cash_after + 1" 'trade 1: cash after is '
	breaks "$t position_after = position_after + 1" 'trade 1: position after is '
	breaks "$t cost_after = cost_after + 1" 'trade 1: cost after is '
	breaks "$t realised = 1" 'trade 1: realised is 0.00000001, should be 0'
	breaks "$t price = price + 1" 'trade 1: price is '
	breaks "$t quantity = quantity + 1" 'trade 1: quantity is 3.30000001, should be 3.3'
	breaks 'DROP TRIGGER prices_update; UPDATE prices SET price = price + 1' 'trade 1: price is '
	breaks 'DROP TRIGGER orders_update; UPDATE orders SET wanted = wanted + 1' \
		'order 0 of me: wanted is 3.30000001, should be 3.3'
	breaks "DROP TRIGGER orders_update; UPDATE orders SET action = 'clip', reasons = 'max_order'" \
		'order 0 of me: is clip (max_order), should be pass ()'
	breaks "DROP TRIGGER orders_update; UPDATE orders SET quantity = quantity + 1" \
		'order 0 of me: is not the one that was decided'
	breaks 'DROP TRIGGER executions_update; UPDATE executions SET cash_after = cash_after + 1' \
		'execution of me: cash after is '
	breaks 'DROP TRIGGER executions_update; UPDATE executions SET cash_before = cash_before + 1' \
		'execution of me: cash before is '
	breaks "DROP TRIGGER decisions_update; UPDATE decisions SET reasoning = 'down'" \
		'decision of me: its content does not give its hash'
	breaks "DROP TRIGGER decisions_update; UPDATE decisions SET context = zeroblob(32)" \
		'context of me: what is kept does not give its hash'
}

# ---------------------------------------------------------------------- rules

@test "an edit names its rule, the setting as it was then, and the numbers" {
	race 100 100
	at 00:00 "{\"orders\":[$(order buy AAA quantity 300),$(order buy BBB quantity 1 9.5)]}"
	conf risk.max_order_pct 99
	why rejection 1
	assert_equal "$(get '[.turns[0].execution.orders[0] | .action, .wanted, .filled] | @csv')" '"clip","300","250"'
	assert_equal "$(get '.turns[0].execution.orders[0].edits[0] | [.rule, .setting, .value, .detail] | @tsv')" \
		"$(printf 'max_order\trisk.max_order_pct\t25\t25 %% of 100000 = 25000, at 100 each 250')"
	assert_equal "$(get '.turns[0].execution.orders[1].edits[0].detail')" 'limit 9.5, price 10, after slippage 10'
	expect 0 tr-why rejection 1
	assert_line --index 0 'rejection 1: me may not buy BBB: limit_not_met'
	assert_line '    clipped by max_order, risk.max_order_pct 25: 25 % of 100000 = 25000, at 100 each 250'
	assert_line '    dropped by limit_not_met: limit 9.5, price 10, after slippage 10'
}

@test "the rules are looked at again as of then: reserve, cooldown, loss, peak, halt" {
	race 100 140 80 90 90 90
	conf risk.max_order_pct 100 risk.max_position_pct 100 risk.cash_reserve_pct 1
	at 00:00 "{\"orders\":[$(order buy AAA quantity 999),$(order sell AAA quantity 100)]}"
	conf risk.cooldown_min 60
	at 00:05 "{\"orders\":[$(order buy AAA quantity 1)]}"
	conf risk.cooldown_min 0 risk.daily_loss_pct 5
	at 00:10 "{\"orders\":[$(order buy AAA quantity 1)]}"
	conf risk.daily_loss_pct 0 risk.drawdown_stop_pct 5
	at 00:15 "{\"orders\":[$(order buy AAA quantity 1)]}"
	tr-halt -q --reason 'bad feed'
	at 00:20 "{\"orders\":[$(order sell AAA quantity 1)]}"
	tr-halt -q --release
	local i
	for ((i = 1; i <= 5; i++)); do
		why decision $i
		get '.turns[0].execution.orders[].edits[] | [.rule, .setting // "-", .value // "-"] | join(" ")'
	done >rules
	assert_equal "$(cat rules)" "cash_reserve risk.cash_reserve_pct 1
cooldown risk.cooldown_min 60
daily_loss risk.daily_loss_pct 5
drawdown_stop risk.drawdown_stop_pct 5
halted - -"
	assert_equal "$(get '.turns[0].execution.status')" halted
	expect 0 tr-why decision 1
	has "$output" 'clipped by cash_reserve, risk.cash_reserve_pct 1: 100000 of cash less 1000 pay for 98'
}

# ---------------------------------------------------------------------- agents and windows

@test "an agent in a window: its own decision, and an earlier one that the window carried out" {
	race 100 100 100
	conf trade.fill next
	at 00:00 "{\"orders\":[$(order buy AAA quantity 5)]}"
	at 00:05 "{\"orders\":[$(order buy BBB quantity 5)]}"
	why me ${DAY}T00:05Z
	assert_equal "$(get '[.turns[] | .window[-4:], .decision.number, (.execution | .window? // "waits" | .[-5:])] | @csv')" \
		'"0000",1,"-0005","0005",,"waits"'
	assert_equal "$(get '[.batches[].window[-4:]] | @csv')" '"0000","0005"'
	expect 0 tr-why me ${DAY}T00:05Z
	assert_line '  not carried out yet: it waits for market-cycle-20240723-0010'
	# the same by other names of the window; latest without one
	expect 0 tr-why agent me latest
	printf '%s\n' "$output" >latest
	for w in "me" "me -- -0" "me market-cycle-20240723-0005"; do
		# shellcheck disable=SC2086
		expect 0 tr-why $w
		diff latest <(printf '%s\n' "$output")
	done
	# one asset of it
	why me ${DAY}T00:05Z AAA
	assert_equal "$(get '[.batches[].prices[].asset] | unique | @csv')" '"AAA"'
	assert_equal "$(get '[.turns[].execution | .orders? // [] | .[].asked_about] | @csv')" true
	expect 66 tr-why me ${DAY}T00:05Z CCC
	has "$stderr" 'asset CCC: there is none'
	expect 66 tr-why mi ${DAY}T00:05Z
	has "$stderr" 'mi'
	expect 66 tr-why me ${DAY}T00:15Z
}

@test "why an agent has no decision in a window" {
	race 100 100 100 100
	tr-agent -q add hand --kind manual
	tr-agent -q add lazy --kind rule --strategy hold
	tr-agent -q pause lazy
	conf decide.every_min 10
	at 00:00 '{"orders":[]}'
	at 00:05 '{"orders":[]}'
	tr-agent -q add late --kind rule --strategy hold
	silent() {
		why "$1" "$2"
		get '.turns[-1].silent'
	}
	has "$(silent hand $W0)" 'nobody handed in a decision'
	has "$(silent lazy $W0)" 'paused'
	has "$(silent me ${DAY}T00:05Z)" 'decide.every_min'
	tr-ingest -q -w ${DAY}T00:10Z
	has "$(silent me ${DAY}T00:10Z)" 'has not been asked yet'
	tr-cycle -q -w ${DAY}T00:15Z
	has "$(silent me ${DAY}T00:10Z)" 'ended before there was an answer'
	expect 66 tr-why late $W0
	has "$stderr" 'not part of this window'
}

@test "a decision by hand, one that expired and one that is void are told as such" {
	race 100 100 100 100
	tr-agent -q add hand --kind manual
	conf decide.every_min 10
	run at 00:00 '{"orders":"none"}'
	[ "$status" -eq 3 ]
	why me $W0
	assert_equal "$(get '[.turns[0] | .decision.status, .execution.status] | @csv')" '"invalid","void"'
	[ -n "$(get '.turns[0].decision.error')" ]
	tr-trade -q --agent hand <<<"{\"orders\":[$(order buy AAA quantity 1)]}" >/dev/null
	# its window for filling is not run
	tr-cycle -q -w ${DAY}T00:10Z
	why hand $W0
	assert_equal "$(get '[.turns[0] | .decision.origin, .context, .execution.status] | @csv')" '"manual",,"expired"'
	has "$(get '.turns[0].decision.raw')" '"orders"'
	expect 0 tr-why hand $W0
	has "$output" 'handed in for hand, version 1 (manual)'
	has "$output" 'context: none was shown'
	has "$output" 'expired'
}

# ---------------------------------------------------------------------- windows

miss() {
	ask "INSERT INTO missed VALUES (unixepoch('$DAY $1') * 1000, '$2', unixepoch('$DAY $1') * 1000 + 300000)"
}

@test "a window is told with its journal, its agents and its neighbours" {
	race 100 100 100
	at 00:00 '{"orders":[]}'
	at 00:05 "{\"orders\":[$(order buy AAA quantity 5)]}"
	at 00:10 '{"orders":[]}'
	why window ${DAY}T00:05Z
	assert_equal "$(get '.history | [.state, .sealed, .pruned, .before.window[-4:], .after.window[-4:], .missed_between] | @csv')" \
		'"completed",true,false,"0000","0010",0'
	assert_equal "$(get '[.history.events[] | .type + ":" + (.stage // "")] | join(" ")')" \
		'started: completed:ingest completed:settle completed:pre completed:decide completed:trade completed:post sealed:'
	assert_equal "$(get '.history.agents[0] | [.agent, .status, .orders, .trades, .execution] | @csv')" \
		'"me","ok",1,1,"executed"'
	expect 0 tr-why window
	assert_line --index 0 'market-cycle-20240723-0010: completed: all of its stages were done'
	assert_line 'after: no window'
	assert_line --regexp '^  me +hold, 0 orders'
	tr-db prune -q --older-than 1d >/dev/null
	why window ${DAY}T00:05Z
	assert_equal "$(get '.history | [.pruned, (.events | length)] | @csv')" true,1
	expect 0 tr-why window ${DAY}T00:05Z
	assert_line '  its history was pruned'
}

@test "a window that was missed, skipped or never run is explained by what is around it" {
	race 100 100 100 100 100 100
	at 00:00 '{"orders":[]}'
	miss 00:05 skipped_overlap
	miss 00:10 missed
	at 00:20 '{"orders":[]}'
	expect 0 tr-why window ${DAY}T00:10Z
	assert_line --index 0 'market-cycle-20240723-0010: missed: nothing ran in its five minutes; noticed when market-cycle-20240723-0020 began'
	assert_line "  ${DAY}T00:15:00Z  missed"
	assert_line --regexp '^before: market-cycle-20240723-0000, completed, started '
	assert_line --regexp '^after: market-cycle-20240723-0020, completed, started '
	assert_line 'between these two 2 windows were missed or skipped'
	why window ${DAY}T00:05Z
	assert_equal "$(get '.history | [.state, .why, .events[0].type] | @csv')" \
		"\"skipped_overlap\",\"$ID0 still ran when its turn came\",\"skipped_overlap\""
	# also if an agent is asked about
	expect 0 tr-why me ${DAY}T00:10Z
	assert_line --index 0 --partial 'market-cycle-20240723-0010: missed: '
	why window ${DAY}T00:15Z
	assert_equal "$(get .history.state)" not_run
	has "$(get .history.why)" 'market-cycle-20240723-0020 has begun'
	expect 66 tr-why window ${DAY}T00:25Z
	has "$stderr" 'has not begun'
	expect 66 tr-why window 2024-07-22T23:55Z
	has "$stderr" 'before the first window'
}

@test "a window that the clock passed is missed, with the one that noticed it" {
	demo_race
	conf window.settle_delay_s 0
	local left=$((300 - $(date +%s) % 300)) now
	[ $left -gt 20 ] || sleep $((left + 1))
	now=$(($(date +%s) / 300 * 300))
	tr-cycle -q -w "$(date -ud @$((now - 900)) +%FT%TZ)"
	ask 'UPDATE cycles SET live = 1'
	tr-cycle -q
	why window "$(date -ud @$((now - 300)) +%FT%TZ)"
	assert_equal "$(get '.history | [.state, .missed_between] | @csv')" '"missed",2'
	has "$(get .history.why)" "$(get .history.after.window) began"
}

# ---------------------------------------------------------------------- what was shown

sha256() {
	sha256sum | cut -d' ' -f1
}

@test "the context that is printed has the hash that the decision has, also after pruning" {
	one_trade
	why trade 1
	assert_equal "$(get '.turns[0].context | has("text")')" false
	why --context trade 1
	assert_equal "$(get '.turns[0].context.state')" kept
	assert_equal "$(jq -j '.turns[0].context.text' why.json | sha256)" "$(ask 'SELECT lower(hex(context)) FROM decisions')"
	assert_equal "$(jq -j '.turns[0].context.text' why.json)" "$(tr-context me -w $W0)"
	expect 0 tr-why -c trade 1
	has "$output" '    | {"schema":"tr.context/1"'
	tr-cycle -q -w ${DAY}T00:05Z
	tr-db prune -q --older-than 1d >/dev/null
	assert_equal "$(ask "SELECT count(*) FROM blobs JOIN contexts USING (hash) WHERE window_ms = unixepoch('$DAY') * 1000")" 0
	jq -j '.turns[0].context.text' why.json >before
	why --context trade 1
	assert_equal "$(get '.turns[0].context.state')" remade
	diff before <(jq -j '.turns[0].context.text' why.json)
	# what it was made of is another now
	tamper candles 'UPDATE candles SET volume = volume + 1'
	why --context trade 1
	assert_equal "$(get '.turns[0].context | [.state, .bytes, .text] | @csv')" '"gone",,'
	expect 0 tr-why trade 1
	has "$output" 'not kept or pruned, and not to be made again'
}

# ---------------------------------------------------------------------- models

# faultd SCRIPT: $FP is the port of a server
faultd() {
	local k
	printf '%s\n' "$1" >script.json
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --log requests.jsonl >/dev/null 3>&- &
	FAULTD=$!
	for ((k = 0; k < 200; k++)); do
		[ ! -s port ] || break
		sleep 0.05
	done
	FP=$(cat port)
}

teardown() {
	[ -z "${FAULTD:-}" ] || kill "$FAULTD" 2>/dev/null || true
}

# reply TEXT: a step of chat completions with TEXT as the answer
reply() {
	jq -nc --arg text "$1" '{body: {id: "x", object: "chat.completion", model: "m-2026",
		choices: [{index: 0, finish_reason: "stop", message: {role: "assistant", content: $text,
		refusal: null}}], usage: {prompt_tokens: 1000, completion_tokens: 50, total_tokens: 1050}}}'
}

ANSWER='{"reasoning":"up","orders":[{"asset":"BTC","side":"buy","quantity":null,"notional":"1000","limit_price":null}],"confidence":0.7}'

# An agent gpt whose first model is dead and whose fallback needs two attempts to say ANSWER.
model_race() {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset -q add BTC --feed sim
	conf context.candles 5 guard.retry_base_ms 1 guard.retry_cap_ms 5 decide.deadline_s 4
	faultd "{\"/dead\":[{\"status\":400,\"body\":\"no\"}],\"/v1\":[{\"status\":503},$(reply "${1:-$ANSWER}")]}"
	for p in dead:dead box:v1; do
		tr-provider -q add ${p%:*} --kind openai --base "http://127.0.0.1:$FP/${p#*:}"
	done
	tr-agent -q add gpt --kind llm --model dead/m --fallback box/m
	tr-cycle -q -w $W0
}

@test "a model's decision is told with prompt, attempts, routing, answer and tokens" {
	model_race
	tr-cycle -q -w ${DAY}T00:05Z
	why --prompt trade 1
	assert_equal "$(get '.turns[0].attempts | map([.candidate, .class, .status, .input, .output] | @csv) | join(" ")')" \
		'"dead/m","stop",400,, "box/m","retry",503,, "box/m","ok",200,1000,50'
	assert_equal "$(get '.turns[0].choices[0] | [.chosen, (.candidates | length)] | @csv')" '"dead/m",2'
	assert_equal "$(get '.turns[0].answer | [.provider, .model, .returned, .substitute, .input, .output] | @csv')" \
		'"box","m","m-2026",false,1000,50'
	assert_equal "$(get '.turns[0].decision.raw')" "$ANSWER"
	# what the server got is what is printed
	jq -s '.[-1].body | fromjson | .messages[0].content, .messages[1].content' requests.jsonl >sent
	jq '.turns[0].prompt | .system.text, .shared.text + .own.text' why.json >told
	diff sent told
	# its hash is that of its parts
	assert_equal "$(get '.turns[0].prompt | [.state, .system.state, .shared.state, .own.state] | @csv')" \
		'"kept","kept","kept","kept"'
	for part in system shared own; do
		assert_equal "$(jq -j ".turns[0].prompt.$part.text" why.json | sha256)" "$(get ".turns[0].prompt.$part.sha256")"
	done
	expect 0 tr-why trade 1
	has "$output" 'answer of box/m, which says it is m-2026, 1000 tokens in, 50 out, 0 USD'
	has "$output" 'HTTP 503'
	lacks "$output" 'You are the agent gpt'
	expect 0 tr-why --prompt trade 1
	has "$output" 'You are the agent gpt'
}

@test "a prompt that is not kept any more is made again, and one that was changed is noticed" {
	model_race
	tr-cycle -q -w ${DAY}T00:05Z
	why --prompt trade 1
	jq '.turns[0].prompt | .system.text, .shared.text, .own.text' why.json >kept
	tr-db checkpoint
	cp race.db whole.db
	ask 'DELETE FROM blobs'
	why --prompt trade 1
	assert_equal "$(get '.turns[0].prompt.state')" remade
	diff kept <(jq '.turns[0].prompt | .system.text, .shared.text, .own.text' why.json)
	# the version's prompt is another: it cannot be made again
	cp whole.db race.db
	rm -f race.db-*
	python3 - <<-'END'
		import sqlite3, zlib
		db = sqlite3.connect("race.db")
		h = db.execute("SELECT tail FROM answers").fetchone()[0]
		text = zlib.decompress(db.execute("SELECT data FROM blobs WHERE hash = ?", (h,)).fetchone()[0])
		new = text.replace(b"cash", b"hash")
		assert new != text
		db.execute("UPDATE blobs SET data = ? WHERE hash = ?", (zlib.compress(new), h))
		db.commit()
	END
	WHY=1 why --prompt trade 1
	assert_equal "$(get '.turns[0].prompt | [.state, .own.state] | @csv')" '"differs","differs"'
	has "$(get '.problems[]')" 'prompt: its own part does not give its hash'
}

@test "what agents write does not steer the terminal, and stays itself in JSON" {
	local esc text
	esc=$(printf '\033]0;owned\007\302\233\033[31m\342\200\256red\177')
	text=$(jq -nc --arg esc "$esc" '{reasoning: ("first\nsecond" + $esc), orders: []}')
	model_race "$text"
	expect 0 tr-why gpt
	lacks "$output" $'\033'
	lacks "$output" $'\302\233'
	lacks "$output" $'\342\200\256'
	has "$output" 'reasoning: first second\x1b]0;owned\x07\xc2\x9b\x1b[31m\xe2\x80\xaered\x7f'
	why gpt
	assert_equal "$(get '.turns[0].decision.reasoning')" "first
second$esc"
	# an answer longer than a person would read is cut, and whole in JSON
	kill "$FAULTD"
	wait "$FAULTD" || true
	rm race.db*
	run model_race "$(printf 'x%.0s' {1..6000})"
	[ "$status" -eq 3 ]
	export TR_DB=$PWD/race.db
	expect 0 tr-why gpt
	has "$output" 'raw answer, 6000 bytes'
	has "$output" 'and 1904 more bytes, see --json'
	why gpt
	assert_equal "$(get '.turns[0].decision.raw | length')" 6000
}

# ---------------------------------------------------------------------- the tool

@test "wrong operands are 64, and nothing is written by any of it" {
	one_trade
	local before words
	before=$(state)
	for words in "" "trade" "trade x" "trade 0" "trade -- -1" "trade 1 2" "decision" "rejection" \
		"window a b" "agent" "me latest AAA more" "a b c d e"; do
		# shellcheck disable=SC2086
		expect 64 tr-why $words
		assert_output ''
	done
	expect 65 tr-why me yesterday
	expect 66 tr-why -d none.db trade 1
	tr-why trade 1 >/dev/null
	tr-why window >/dev/null
	run --separate-stderr sh -c 'tr-why trade 1 >/dev/full'
	[ "$status" -eq 74 ]
	assert_equal "$(state)" "$before"
}

@test "a price that is stale or suspect is called so, with its age and the reason" {
	race 100 250 250
	conf market.max_jump_pct 50 market.max_age_s 600
	at 00:00 '{"orders":[]}'
	at 00:05 "{\"orders\":[$(order buy AAA quantity 1)]}"
	expect 0 tr-why rejection 1
	has "$output" 'suspect'
	has "$output" 'dropped by suspect_price'
	why rejection 1
	assert_equal "$(get '.batches[0].prices[0] | [.asset, .quality] | @csv')" '"AAA","suspect"'
	[ "$(get '.batches[0].prices[0].note')" != null ]
	at 00:30 "{\"orders\":[$(order buy BBB quantity 1)]}"
	why rejection 2
	assert_equal "$(get '.batches[0].prices[0] | [.asset, .quality, .age_s] | @csv')" '"BBB","stale",1200'
	assert_equal "$(get '.turns[0].execution.orders[0].edits[0] | [.rule, .setting] | @csv')" \
		'"stale_price","market.max_age_s"'
}
