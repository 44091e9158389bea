#!/usr/bin/env bats
# Settings: values in the database, every change logged, overrides pinned for one window.

load helper

# How many settings there are.
settings() {
	grep -c '^	{ "[a-z]*\.[a-z_]*", CONFIG_' "$TOP/lib/config.c"
}

# The value of a setting in the newest window's pin.
pinned() {
	sqlite3 race.db "SELECT json_extract(p.content, '\$.settings.\"$1\"') FROM cycles AS c
		JOIN pins AS p ON p.hash = c.pin ORDER BY c.window_ms DESC LIMIT 1"
}

# The settings that the newest window took from the environment.
overridden() {
	sqlite3 race.db "SELECT json_extract(p.content, '\$.overridden') FROM cycles AS c
		JOIN pins AS p ON p.hash = c.pin ORDER BY c.window_ms DESC LIMIT 1"
}

# A wrong value: 65, the name, the value and the range, nothing written.
refuses() {
	local key=$1 value=$2 range=$3
	expect 65 tr-config set "$key" "$value"
	assert_equal "$output" ""
	[[ $stderr == *"setting $key: "*" is not $range"* ]] || {
		echo "no range in: $stderr"
		return 1
	}
	assert_equal "$(state)" "$BEFORE"
}

@test "list shows every setting with its value" {
	demo_race
	expect 0 tr-config list
	assert_equal "${#lines[@]}" "$(settings)"
	assert_line --regexp '^decide\.every_min +15 minutes$'
	assert_line --regexp '^race\.quote +USD'
	assert_line --regexp '^race\.instructions *$'
	assert_equal "$(sort -c <<<"$output" 2>&1)" ""
	tr-config set trade.fee_bps 25
	expect 0 tr-config list
	assert_line --regexp '^trade\.fee_bps +25 basis points +\(set\)$'
}

@test "list --names needs no race" {
	expect 0 tr-config list --names
	assert_equal "${#lines[@]}" "$(settings)"
	assert_line risk.min_order
	refute_line --partial ' '
	[ ! -e race.db ]
}

@test "list --json is one object per setting" {
	demo_race
	tr-config set trade.fee_bps 25
	expect 0 tr-config list --json
	assert_equal "${#lines[@]}" "$(settings)"
	assert_equal "$(jq -c 'select(.setting == "trade.fee_bps") |
		[.value, .default, .unit, .set, .overridden]' <<<"$output")" \
		'["25","10","basis points",true,false]'
	assert_equal "$(jq -c 'select(.setting == "risk.mode") | [.value, .set]' <<<"$output")" \
		'["clip",false]'
}

@test "get prints one value, and nothing but it" {
	demo_race
	expect 0 tr-config get trade.fee_bps
	assert_output 10
	tr-config set trade.fee_bps 12.5
	expect 0 tr-config get trade.fee_bps
	assert_output 12.5
	expect 0 tr-config get race.instructions
	assert_output ""
}

@test "a value is stored in one spelling" {
	demo_race
	expect 0 tr-config set trade.fee_bps 7.50
	expect 0 tr-config get trade.fee_bps
	assert_output 7.5
	expect 0 tr-config set feature.quality_gate off
	expect 0 tr-config get feature.quality_gate
	assert_output no
	expect 0 tr-config set feature.quality_gate true
	expect 0 tr-config get feature.quality_gate
	assert_output yes
	expect 0 tr-config set race.instructions 'be bold "and" ünkempt'
	expect 0 tr-config get race.instructions
	assert_output 'be bold "and" ünkempt'
}

@test "every default can be set, and is then no other value" {
	local k v
	demo_race
	while IFS=$'\t' read -r k v; do
		expect 0 tr-config set "$k" "$v"
		expect 0 tr-config get "$k"
		assert_output "$v"
	done < <(tr-config list --json | jq -r 'select(.value != "") | [.setting, .default] | @tsv')
}

@test "a wrong value is refused with the permitted range" {
	demo_race
	BEFORE=$(state)
	refuses decide.parallel 0 '1 to 256 agents'
	refuses decide.parallel 257 '1 to 256 agents'
	refuses decide.parallel 1.5 '1 to 256'
	refuses decide.parallel '' '1 to 256'
	refuses decide.parallel ' 1' '1 to 256'
	refuses decide.parallel 1e2 '1 to 256'
	refuses decide.parallel 01 '1 to 256'
	refuses decide.parallel 99999999999999999999 '1 to 256'
	refuses sim.seed 9223372036854775808 '0 to 9223372036854775807'
	refuses trade.fee_bps 1000.1 '0 to 1000 basis points'
	refuses trade.fee_bps 1000.0001 '0 to 1000 basis points'
	refuses trade.fee_bps 1.00001 '0 to 1000 basis points'
	refuses risk.max_order_pct 100.0001 '0.0001 to 100 %'
	refuses risk.mode Clip 'clip or reject'
	refuses risk.mode cli 'clip or reject'
	refuses trade.fill 'batch|next' 'batch or next'
	refuses feature.quality_gate maybe 'yes or no'
	refuses decide.every_min 7 'a multiple of 5'
	refuses decide.every_min 25 'a multiple of 5'
	refuses race.quote usd 'a currency such as USD'
	refuses race.quote '' 'a text of 1 to 16 bytes'
	refuses risk.assets 'BTC;ETH' 'symbols separated by commas'
	refuses race.instructions $'bell \a' 'a text without control characters'
	refuses race.instructions $'\xff' 'valid UTF-8'
	expect 65 tr-config set race.instructions "$(printf 'x%.0s' {1..4097})"
	[[ $stderr == *'a text of 0 to 4096 bytes'* ]]
	assert_equal "$(state)" "$BEFORE"
}

@test "the ends of a range are permitted" {
	demo_race
	expect 0 tr-config set decide.parallel 1
	expect 0 tr-config set decide.parallel 256
	expect 0 tr-config set trade.fee_bps 0
	expect 0 tr-config set trade.fee_bps 1000
	expect 0 tr-config set sim.seed 9223372036854775807
	expect 0 tr-config get sim.seed
	assert_output 9223372036854775807
	expect 0 tr-config set race.instructions "$(printf 'x%.0s' {1..4096})"
}

@test "a wrong name is refused with the nearest one" {
	local before
	demo_race
	before=$(state)
	expect 65 tr-config set risk.min_ordr 5
	[[ $stderr == *"setting risk.min_ordr: no such setting; did you mean risk.min_order?"* ]]
	expect 65 tr-config get trade.fees_bps
	[[ $stderr == *"did you mean trade.fee_bps?"* ]]
	expect 65 tr-config unset sim.sead
	[[ $stderr == *"did you mean sim.seed?"* ]]
	expect 65 tr-config explain race.qoute
	[[ $stderr == *"did you mean race.quote?"* ]]
	expect 65 tr-config get completely_else
	[[ $stderr == *"tr-config list shows all"* ]]
	assert_equal "$(state)" "$before"
}

@test "unset goes back to the default" {
	local before
	demo_race
	tr-config set trade.fee_bps 25
	expect 0 tr-config unset trade.fee_bps
	expect 0 tr-config get trade.fee_bps
	assert_output 10
	before=$(state)
	expect 0 tr-config unset trade.fee_bps
	assert_equal "$(state)" "$before"
}

@test "explain tells type, unit, range, default and meaning, without a race" {
	expect 0 tr-config explain trade.fee_bps
	assert_line --index 0 trade.fee_bps
	assert_line --index 1 "  fee on the value of every fill"
	assert_line --index 2 "  decimal in basis points, 0 to 1000; default 10"
	expect 0 tr-config explain risk.mode race.instructions
	assert_line "  choice, clip or reject; default clip"
	assert_line "  text, a text of 0 to 4096 bytes; default empty"
	expect 0 tr-config explain
	assert_equal "$(grep -c '^[a-z]' <<<"$output")" "$(settings)"
	[ ! -e race.db ]
}

@test "log tells every change, and setting a value again is none" {
	demo_race
	expect 0 tr-config log
	local n=${#lines[@]}
	expect 0 tr-config set -t 2024-07-23T10:00Z trade.fee_bps 25
	expect 0 tr-config set trade.fee_bps 25
	expect 0 tr-config set trade.fee_bps 25.0
	expect 0 tr-config log
	assert_equal "${#lines[@]}" $((n + 1))
	[[ ${lines[n]} == *"2024-07-23T10:00:00"*"trade.fee_bps: default -> 25 (set)" ]]
	expect 0 tr-config set trade.fee_bps 26
	expect 0 tr-config unset trade.fee_bps
	expect 0 tr-config unset trade.fee_bps
	expect 0 tr-config log
	assert_equal "${#lines[@]}" $((n + 3))
	[[ ${lines[n + 1]} == *"trade.fee_bps: 25 -> 26 (set)" ]]
	[[ ${lines[n + 2]} == *"trade.fee_bps: 26 -> default (unset)" ]]
	expect 0 tr-config log --json
	assert_equal "$(tail -n 1 <<<"$output" | jq -c '[.setting, .from, .to, .origin]')" \
		'["trade.fee_bps","26",null,"unset"]'
	assert_equal "$(jq -s -c '[.[].seq] == [range(1; length + 1)]' <<<"$output")" true
}

@test "a refused value is not logged" {
	demo_race
	local n
	n=$(tr-config log | wc -l)
	expect 65 tr-config set trade.fee_bps x
	assert_equal "$(tr-config log | wc -l)" "$n"
}

@test "the log is append-only" {
	demo_race
	tr-config set trade.fee_bps 25
	run sqlite3 race.db 'DELETE FROM settings_log'
	[ "$status" -ne 0 ]
	run sqlite3 race.db "UPDATE settings_log SET new_value = '1'"
	[ "$status" -ne 0 ]
	expect 0 tr-config log
	assert_line --partial "-> 25"
}

@test "export and import leave the state as it is" {
	local before
	demo_race
	tr-config set trade.fee_bps 12.5
	tr-config set race.instructions $'two\nlines and "quotes"'
	tr-config set feature.quality_gate no
	before=$(state)
	expect 0 tr-config export
	printf '%s\n' "$output" >settings.json
	assert_equal "$(jq -c 'keys - ["race.quote"]' settings.json)" \
		'["feature.quality_gate","race.instructions","trade.fee_bps"]'
	expect 0 tr-config import settings.json
	assert_equal "$(state)" "$before"
	expect 0 tr-config import <settings.json
	assert_equal "$(state)" "$before"
	tr-config export | tr-config import
	assert_equal "$(state)" "$before"
}

@test "import carries settings into another race, and resets what it does not name" {
	demo_race
	tr-config set trade.fee_bps 12.5
	tr-config export >settings.json
	tr-init other.db --demo -q
	tr-config set risk.mode reject -d other.db
	expect 0 tr-config import settings.json -d other.db
	assert_equal "$(tr-config export -d other.db)" "$(cat settings.json)"
	expect 0 tr-config get risk.mode -d other.db
	assert_output clip
	expect 0 tr-config log -d other.db
	assert_line --partial "risk.mode: reject -> default (import)"
	assert_line --partial "trade.fee_bps: default -> 12.5 (import)"
}

@test "an import is taken as a whole or not at all" {
	local before text
	demo_race
	tr-config set trade.fee_bps 12.5
	before=$(state)
	for text in '{"trade.fee_bps":"1","risk.mode":"x"}' '{"trade.fee_bps":"1","no.such":"x"}' \
		'{"trade.fee_bps":1}' '{"trade.fee_bps":null}' '[]' '"x"' '' '{' \
		'{"trade.fee_bps":"1"} x' '{"trade.fee_bps":"1","trade.fee_bps":"2"}' \
		'{"race.quote":"usd"}'; do
		printf '%s' "$text" >f
		expect 65 tr-config import f
		assert_equal "$(state)" "$before"
		expect 65 tr-config import <f
		assert_equal "$(state)" "$before"
	done
	expect 66 tr-config import absent.json
	expect 64 tr-config import </dev/null
	assert_equal "$(state)" "$before"
}

@test "race.quote is fixed once a window has begun" {
	local before
	tr-init race.db -q
	export TR_DB=$PWD/race.db
	expect 0 tr-config set race.quote EUR
	tr-cycle -q -w 2024-07-23T00:00Z
	before=$(state)
	expect 65 tr-config set race.quote USD
	[[ $stderr == *"race.quote: fixed"* ]]
	expect 65 tr-config unset race.quote
	echo '{"race.quote":"USD"}' >f
	expect 65 tr-config import f
	expect 65 tr-init race.db --quote USD
	assert_equal "$(state)" "$before"
	# the value that it has is no change
	expect 0 tr-config set race.quote EUR
	assert_equal "$(state)" "$before"
}

@test "race.quote is fixed while assets are priced in another currency" {
	local before
	demo_race
	before=$(state)
	expect 65 tr-config set race.quote EUR
	assert_equal "$(state)" "$before"
}

@test "a change counts from the next window on" {
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	tr-config set trade.fee_bps 100
	assert_equal "$(pinned trade.fee_bps)" 10
	# resumed, the window keeps what it began with
	tr-cycle -q -w 2024-07-23T00:00Z
	assert_equal "$(pinned trade.fee_bps)" 10
	assert_equal "$(sqlite3 race.db 'SELECT count(*) > 0 AND
		max(abs(fee - notional / 1000)) <= 1 FROM trades')" 1
	tr-ingest -q -w 2024-07-23T00:05Z
	assert_equal "$(pinned trade.fee_bps)" 100
}

@test "the environment overrides a value for the windows that begin under it, and only those" {
	local before
	demo_race
	before=$(state)
	TR_TRADE_FEE_BPS=30 expect 0 tr-config get trade.fee_bps
	assert_output 10
	TR_TRADE_FEE_BPS=30 expect 0 tr-config get -e trade.fee_bps
	assert_output 30
	TR_TRADE_FEE_BPS=30 expect 0 tr-config list --effective
	assert_line --regexp '^trade\.fee_bps +30 basis points +\(environment\)$'
	assert_equal "$(state)" "$before"
	TR_TRADE_FEE_BPS=30 expect 0 tr-cycle -w 2024-07-23T00:00Z
	assert_equal "$(pinned trade.fee_bps)" 30
	assert_equal "$(overridden)" '["trade.fee_bps"]'
	assert_equal "$(sqlite3 race.db 'SELECT count(*) > 0 AND
		max(abs(fee - notional * 3 / 1000)) <= 1 FROM trades')" 1
	expect 0 tr-cycle -w 2024-07-23T00:05Z
	assert_equal "$(pinned trade.fee_bps)" 10
	assert_equal "$(overridden)" '[]'
	expect 0 tr-config get trade.fee_bps
	assert_output 10
}

@test "a window that has begun does not take an override any more" {
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	TR_TRADE_FEE_BPS=30 expect 0 tr-cycle -w 2024-07-23T00:00Z
	assert_equal "$(pinned trade.fee_bps)" 10
	assert_equal "$(sqlite3 race.db 'SELECT count(*) > 0 AND
		max(abs(fee - notional / 1000)) <= 1 FROM trades')" 1
}

@test "a wrong override is refused before anything is written" {
	local before v
	demo_race
	tr-ingest -q -w 2024-07-23T00:00Z
	before=$(state)
	for v in TR_RISK_TYPO=1 TR_TRADE_FEE_BPS=-1 TR_TRADE_FEE_BPS= TR_RISK_MODE=CLIP \
		TR_TRADE_FEE=1; do
		expect 78 env "$v" tr-ingest -w 2024-07-23T00:05Z
		[[ $stderr == *"${v%%=*}"* ]]
		expect 78 env "$v" tr-cycle -w 2024-07-23T00:05Z
		assert_equal "$(state)" "$before"
	done
	# what is not in one of our sections is nobody's business
	TR_FOO=1 TRX=1 expect 0 tr-cycle -w 2024-07-23T00:05Z
}

@test "twenty processes that set one value log one change" {
	local n
	demo_race
	n=$(tr-config log | wc -l)
	for _ in {1..20}; do
		tr-config set trade.fee_bps 33 3>&- &
	done
	wait
	assert_equal "$(tr-config log | wc -l)" $((n + 1))
	expect 0 tr-config get trade.fee_bps
	assert_output 33
}

@test "mistakes of the caller are 64" {
	local c
	demo_race
	for c in "" "frob" "get" "get a b" "set trade.fee_bps" "set" "set a b c" "unset" "list x" \
		"export x" "import a b" "log x"; do
		# shellcheck disable=SC2086
		expect 64 tr-config $c
	done
}
