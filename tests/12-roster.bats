#!/usr/bin/env bats
# Who takes part and what can be traded: additions, versions, lifecycle.

load helper

# An agent program that always wants the same: answer FILE QUANTITY.
program() {
	printf '#!/bin/sh\nread -r line\necho %s\n' \
		"'{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"$2\"}]}'" >"$1"
	chmod 700 "$1"
}

# The version that an agent's decision of a window was made under.
decided_by() {
	sqlite3 race.db "SELECT d.version FROM decisions AS d JOIN agents AS a ON a.id = d.agent_id
		WHERE a.name = '$1' AND d.window_ms = 1000 * strftime('%s', '$2')"
}

version_of() {
	tr-agent show "$1" --json | jq -r .version
}

# ---------------------------------------------------------------------- assets

@test "an asset is added with its name and feeds, in order" {
	demo_race
	expect 0 tr-asset add LTC --name Litecoin --feed history --feed sim:80
	expect 0 tr-asset show LTC --json
	assert_equal "$(jq -c '[.asset, .name, .enabled, (.feeds[] | [.feed, .arg, .quote])]' \
		<<<"$output")" '["LTC","Litecoin",true,["history","","USD"],["sim","80","USD"]]'
	expect 0 tr-asset list --names
	assert_line LTC
	expect 0 tr-asset list
	assert_line --partial "Litecoin"
}

@test "an asset that is added again is no change; with other feeds or name it is refused" {
	demo_race
	tr-asset add LTC --name Litecoin --feed sim:80
	same_state tr-asset add LTC --name Litecoin --feed sim:80
	refused 65 "tr-asset set" tr-asset add LTC --name Litecoin --feed sim:81
	refused 65 "tr-asset set" tr-asset add LTC --name Lite --feed sim:80
	refused 65 "tr-asset set" tr-asset add LTC --name Litecoin --feed sim:80 --feed history
}

@test "the feeds of an asset can be replaced" {
	demo_race
	expect 0 tr-asset set BTC --feed sim:50000
	expect 0 tr-asset show BTC
	assert_output --regexp 'sim:50000$'
	same_state tr-asset set BTC --feed sim:50000
	expect 64 tr-asset set BTC
}

@test "a name that is no asset is refused" {
	local s
	demo_race
	for s in btc 'B C' '' 'B/C' "$(printf 'A%.0s' {1..40})" 'BTC;' É; do
		refused 65 asset tr-asset add "$s"
	done
	refused 66 "no such asset" tr-asset show LTC
	refused 66 "no such asset" tr-asset set LTC --feed sim
	refused 66 "no such asset" tr-asset enable LTC
	refused 66 "no such asset" tr-asset disable LTC
}

@test "a feed that cannot work is refused" {
	local f
	demo_race
	for f in bogus sim:0 sim:-1 sim:x simx 'history:a b' ''; do
		refused 65 "" tr-asset add LTC --feed "$f"
	done
	refused 66 csv tr-asset add LTC --feed csv
	refused 66 absent.csv tr-asset add LTC --feed "csv:$PWD/absent.csv"
}

@test "a disabled asset is valued and sold, but not bought" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	expect 0 tr-asset disable BTC
	expect 0 tr-asset list
	assert_line --regexp '^BTC .* disabled'
	same_state tr-asset disable BTC
	tr-agent add me --kind manual
	tr-cycle -q -w 2024-07-23T00:05Z
	echo '{"orders":[{"asset":"BTC","side":"buy","quantity":"0.01"}]}' |
		tr-trade -q --agent me
	tr-cycle -q -w 2024-07-23T00:10Z
	assert_equal "$(sqlite3 race.db "SELECT action FROM orders JOIN agents ON agents.id = agent_id
		WHERE name = 'me'")" drop
	# it has a price all the same
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM prices JOIN assets ON assets.id = asset_id
		WHERE symbol = 'BTC'")" 3
	expect 0 tr-asset enable BTC
	expect 0 tr-asset list
	refute_line --partial disabled
}

@test "a feed in another currency is refused unless the operator takes it for the race's" {
	local f
	need_shared
	demo_race
	for f in "$SHARED"/data/LTC-USDT_*.csv*; do
		[ -f "$f" ] || skip "no recorded file in USDT"
		break
	done
	refused 65 USDT tr-asset add LTC --feed "csv:$f"
	refused 65 USDT tr-asset add LTC --feed "csv:$f" --accept-quote EUR
	expect 0 tr-asset add LTC --feed "csv:$f" --accept-quote USDT
	expect 0 tr-asset show LTC --json
	assert_equal "$(jq -r '.feeds[0].quote' <<<"$output")" USDT
	# a file of another asset is never its price
	refused 65 "not of BTC" tr-asset set BTC --feed "csv:$f" --accept-quote USDT
}

# ---------------------------------------------------------------------- agents

@test "rule agents are added with every parameter spelled out" {
	demo_race
	expect 0 tr-agent add mine --kind rule --strategy sma-cross --set fast=7 --set slow=21
	expect 0 tr-agent show mine --json
	assert_equal "$(jq -c '[.agent, .baseline, .status, .version, .spec.kind, .spec.strategy,
		.spec.params.fast, .spec.params.slow]' <<<"$output")" \
		'["mine",false,"active",1,"rule","sma-cross","7","21"]'
	expect 0 tr-agent show mine
	assert_output --regexp '^mine +rule +active +v1 +sma-cross fast=7 slow=21 '
}

@test "an agent that is added again is no change; made differently it is refused" {
	demo_race
	program agent.sh 0.01
	tr-agent add mine --strategy sma-cross --set fast=7
	tr-agent add prog --kind exec -- ./agent.sh --fast
	tr-agent add me --kind manual
	same_state tr-agent add mine --strategy sma-cross --set fast=7
	same_state tr-agent add prog --kind exec -- ./agent.sh --fast
	same_state tr-agent add prog --kind exec -- "$PWD/agent.sh" --fast
	same_state tr-agent add me --kind manual
	refused 65 "tr-agent set" tr-agent add mine --strategy sma-cross --set fast=8
	refused 65 "tr-agent set" tr-agent add mine --strategy rsi
	refused 65 "tr-agent set" tr-agent add prog --kind exec -- ./agent.sh --slow
	refused 65 "tr-agent set" tr-agent add me --strategy rsi
	# a baseline is something else than an agent of the same rule
	refused 65 "tr-agent set" tr-agent add cash --strategy hold
	program agent.sh 0.02
	refused 65 "tr-agent set" tr-agent add prog --kind exec -- ./agent.sh --fast
}

@test "agents are listed by name" {
	demo_race
	tr-agent add zed --kind manual
	tr-agent add alf --kind manual
	expect 0 tr-agent list --names
	assert_equal "${lines[*]}" \
		"alf buy-and-hold cash equal-weight momentum random reversion rsi trend zed"
	expect 0 tr-agent list --json
	assert_equal "$(jq -s -r 'map(select(.baseline).agent) | join(" ")' <<<"$output")" \
		"buy-and-hold cash equal-weight random"
	assert_equal "$(jq -s -r 'map(select(.spec.kind == "manual").agent) | join(" ")' \
		<<<"$output")" "alf zed"
}

@test "strategies lists every rule with its parameters, without a race" {
	local s
	expect 0 tr-agent strategies
	for s in hold buy-and-hold equal-weight sma-cross rsi momentum mean-reversion random; do
		assert_line --regexp "^$s: "
	done
	assert_line --regexp '^  fast=[0-9]+ '
	[ ! -e race.db ]
}

@test "an agent that cannot be is refused" {
	local n
	demo_race
	for n in Mine 'a b' '' a/b "$(printf 'a%.0s' {1..80})" é ../a; do
		refused 65 agent tr-agent add "$n" --kind manual
	done
	refused 65 "did you mean sma-cross" tr-agent add x --strategy sma-cros
	refused 65 fast tr-agent add x --strategy sma-cross --set fast=0
	refused 65 fast tr-agent add x --strategy sma-cross --set fast=ten
	refused 65 slow tr-agent add x --strategy sma-cross --set fast=30 --set slow=10
	refused 65 fats tr-agent add x --strategy sma-cross --set fats=1
	refused 64 KEY=VALUE tr-agent add x --strategy sma-cross --set fast
	refused 64 --strategy tr-agent add x
	refused 64 "" tr-agent add x --kind robot
	refused 64 "no program" tr-agent add x --strategy hold -- /bin/true
	refused 64 "no program" tr-agent add x --kind manual -- /bin/true
	refused 64 "" tr-agent add x --kind exec
	refused 64 "" tr-agent add x --kind exec --strategy hold -- /bin/true
	refused 66 absent tr-agent add x --kind exec -- ./absent
	refused 66 absent tr-agent add x --kind exec -- absent-program
	echo 'echo no' >plain
	refused 77 plain tr-agent add x --kind exec -- ./plain
	refused 77 "" tr-agent add x --kind exec -- /
}

@test "a name that is absent is 66, with the nearest one" {
	local c
	demo_race
	for c in show pause resume retire; do
		refused 66 "did you mean trend?" tr-agent "$c" trent
	done
	refused 66 "did you mean trend?" tr-agent set trent fast=3
	refused 66 "no such agent" tr-agent show entirely-else
}

@test "mistakes of the caller are 64" {
	local c
	demo_race
	for c in "" frob add set show pause "pause a b" "show a b" "list a" "strategies a"; do
		# shellcheck disable=SC2086
		expect 64 tr-agent $c
	done
	for c in "" frob add "add A B" set show "show A B" "list a" enable; do
		# shellcheck disable=SC2086
		expect 64 tr-asset $c
	done
}

# ---------------------------------------------------------------------- versions

@test "a change is version 2 from the next window on; a begun window keeps version 1" {
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	expect 0 tr-agent set trend fast=12
	assert_output "trend: version 2 from the next window on"
	expect 0 tr-agent set trend fast=12
	assert_output "trend: version 2, unchanged"
	same_state tr-agent set trend fast=12
	# resumed after the change
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(decided_by trend 2024-07-23T00:00Z)" 1
	assert_equal "$(decided_by rsi 2024-07-23T00:00Z)" 1
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(decided_by trend 2024-07-23T00:15Z)" 2
	assert_equal "$(decided_by rsi 2024-07-23T00:15Z)" 1
	expect 0 tr-audit
}

@test "going back to what an agent was is a new version as well" {
	demo_race
	tr-agent set trend fast=12 -q
	expect 0 tr-agent set trend fast=10
	assert_output "trend: version 3 from the next window on"
}

@test "a change is refused as a whole" {
	demo_race
	refused 65 slow tr-agent set trend fast=12 slow=5
	refused 65 fats tr-agent set trend fast=12 fats=5
	assert_equal "$(version_of trend)" 1
	refused 64 "" tr-agent set trend -- /bin/true
	expect 0 tr-agent set trend --strategy rsi period=10
	expect 0 tr-agent show trend --json
	assert_equal "$(jq -c '[.version, .spec.strategy, .spec.params.period]' <<<"$output")" \
		'[2,"rsi","10"]'
}

@test "changed bytes of a program are a new version from the next window on" {
	local hash
	demo_race
	program agent.sh 0.01
	tr-agent add prog --kind exec -- ./agent.sh
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(decided_by prog 2024-07-23T00:00Z)" 1
	hash=$(tr-agent show prog --json | jq -r .sha256)
	touch agent.sh
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(version_of prog)" 1
	program agent.sh 0.02
	tr-cycle -q -w 2024-07-23T00:30Z
	assert_equal "$(decided_by prog 2024-07-23T00:15Z)" 1
	assert_equal "$(decided_by prog 2024-07-23T00:30Z)" 2
	[ "$(tr-agent show prog --json | jq -r .sha256)" != "$hash" ]
	assert_equal "$(sqlite3 race.db "SELECT group_concat(quantity) FROM (SELECT quantity
		FROM trades JOIN agents ON agents.id = agent_id WHERE name = 'prog' ORDER BY seq)")" \
		1000000,1000000,2000000
}

@test "a script that an interpreter is given is part of the version" {
	demo_race
	program agent.sh 0.01
	tr-agent add prog --kind exec -- sh agent.sh
	tr-cycle -q -w 2024-07-23T00:00Z
	program agent.sh 0.02
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(decided_by prog 2024-07-23T00:15Z)" 2
}

@test "the arguments of a program can be changed" {
	demo_race
	program agent.sh 0.01
	tr-agent add prog --kind exec -- ./agent.sh a
	expect 0 tr-agent set prog -- ./agent.sh b
	assert_output "prog: version 2 from the next window on"
	expect 0 tr-agent show prog
	assert_output --regexp '/agent\.sh b$'
	refused 64 "" tr-agent set prog fast=1
}

# ---------------------------------------------------------------------- lifecycle

@test "a paused agent is not asked, but valued and on the board" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	expect 0 tr-agent pause momentum
	same_state tr-agent pause momentum
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(decided_by momentum 2024-07-23T00:00Z)" 1
	assert_equal "$(decided_by momentum 2024-07-23T00:15Z)" ""
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM snapshots JOIN agents ON id = agent_id
		WHERE name = 'momentum'")" 4
	expect 0 tr-board
	assert_line --partial momentum
	expect 0 tr-agent resume momentum
	same_state tr-agent resume momentum
	tr-cycle -q -w 2024-07-23T00:30Z
	assert_equal "$(decided_by momentum 2024-07-23T00:30Z)" 1
	expect 0 tr-audit
}

@test "pausing counts from the next window on" {
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	tr-agent pause momentum
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(decided_by momentum 2024-07-23T00:00Z)" 1
}

@test "a retired agent is retired for good, but valued and on the board" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	expect 0 tr-agent retire momentum
	same_state tr-agent retire momentum
	refused 65 "for good" tr-agent resume momentum
	refused 65 retired tr-agent pause momentum
	refused 65 retired tr-agent set momentum lookback=10
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(decided_by momentum 2024-07-23T00:15Z)" ""
	assert_equal "$(sqlite3 race.db "SELECT count(*) FROM snapshots JOIN agents ON id = agent_id
		WHERE name = 'momentum'")" 4
	expect 0 tr-board --json
	assert_output --partial '"momentum"'
	expect 0 tr-portfolio momentum
	expect 0 tr-audit
}

@test "an agent that joins later starts with the cash of that day" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	tr-config set race.start_cash 5000
	tr-agent add late --strategy hold
	tr-cycle -q -w 2024-07-23T00:15Z
	assert_equal "$(sqlite3 race.db "SELECT start_cash FROM portfolios JOIN agents ON id = agent_id
		WHERE name = 'late'")" 500000000000
	assert_equal "$(sqlite3 race.db "SELECT start_cash FROM portfolios JOIN agents ON id = agent_id
		WHERE name = 'trend'")" 10000000000000
	assert_equal "$(decided_by late 2024-07-23T00:00Z)" ""
	assert_equal "$(decided_by late 2024-07-23T00:15Z)" 1
	expect 0 tr-audit
}

@test "an agent that joins in a begun window is not part of it" {
	local before
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	tr-agent add late --strategy hold
	before=$(state)
	expect 66 tr-decide -w latest --agent late
	[[ $stderr == *"not part of this window"* ]]
	assert_equal "$(state)" "$before"
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(decided_by late 2024-07-23T00:00Z)" ""
}

@test "asking or trading a paused agent by name is refused" {
	demo_race
	tr-agent pause momentum
	tr-ingest -q -w 2024-07-23T00:00Z
	refused 65 paused tr-decide -w latest --agent momentum
	tr-agent add me --kind manual
	tr-agent pause me
	echo '{"orders":[]}' >answer
	expect 65 tr-trade --agent me <answer
	[[ $stderr == *paused* ]]
}
