#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# The audit finds every change of the books and names the row; the triggers refuse what they can;
# and the books of any earlier moment can be rebuilt from the trades.

load helper

# A race of two hours with trades of all kinds: in $BATS_FILE_TMPDIR/race.db, made once.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	umask 077
	tr-init -q --demo race.db
	tr-config -q -d race.db set trade.slippage_bps 5
	tr-agent -q -d race.db add me --kind manual
	tr-cycle -q -d race.db --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z
	tr-trade -q -d race.db --agent me <<<'{"orders":[{"asset":"ETH","side":"buy","quantity":"1.5"}]}'
	tr-cycle -q -d race.db --from 2024-07-23T01:00Z --to 2024-07-23T01:30Z
	tr-trade -q -d race.db --agent me <<<'{"orders":[{"asset":"ETH","side":"sell","quantity":"0.5"}],"reasoning":"enough"}'
	tr-cycle -q -d race.db --from 2024-07-23T01:30Z --to 2024-07-23T02:00Z
	tr-db -q -d race.db checkpoint
	# for those who tamper: the same without triggers
	cp race.db bare.db
	chmod 600 bare.db
	sqlite3 bare.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_master WHERE type = 'trigger'" >drops
	sqlite3 bare.db <drops
}

# The id of an agent, for statements.
ME="(SELECT id FROM agents WHERE name = 'me')"

# tamper SQL PATTERN...: after SQL on a copy the audit ends with 1, and its message is like each.
tamper() {
	local sql=$1 pattern
	shift
	cp "$BATS_FILE_TMPDIR/bare.db" race.db
	sqlite3 race.db "PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on; $sql;
		SELECT total_changes() > 0" >changed
	[ "$(tail -1 changed)" = 1 ]
	expect 1 tr-audit -d race.db
	for pattern; do
		if [[ $output$stderr != *$pattern* ]]; then
			echo "\"$output$stderr\" does not say \"$pattern\""
			return 1
		fi
	done
	# and as JSON
	expect 1 tr-audit -d race.db --json
	[ "$(jq -r .ok <<<"$output")" = false ]
	[[ $(jq -r .difference <<<"$output") == *${1-}* ]]
}

# The race and its head file, here.
with_heads() {
	cp "$BATS_FILE_TMPDIR/race.db" "$BATS_FILE_TMPDIR/race.db.heads" .
}

# bad_heads LINE SED...: after this edit of the head file the audit names that line.
bad_heads() {
	local line=$1
	shift
	with_heads
	sed -i "$@" race.db.heads
	expect 1 tr-audit -d race.db
	[[ $output == "difference: head file, line $line: "* ]] || {
		echo "$output"
		return 1
	}
}

ask() {
	sqlite3 "$BATS_FILE_TMPDIR/race.db" "$1"
}

@test "an untouched race is clean, and the audit says what it looked at" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 0 tr-audit -d race.db --json
	[ "$(jq -c '[.ok, .difference, .agents, .decisions, .trades, .snapshots, .seals]' <<<"$output")" = \
		"[true,null,9,$(ask 'SELECT count(*) FROM decisions'),$(ask 'SELECT count(*) FROM trades'),$(ask 'SELECT count(*) FROM snapshots'),24]" ]
	[ "$(jq -r .head <<<"$output")" = "$(ask 'SELECT lower(hex(hash)) FROM seals WHERE n = 24')" ]
	expect 0 tr-audit -d race.db
	[ "$(ask "SELECT count(*) > 20, count(DISTINCT side), sum(realised <> 0) > 0 FROM trades")" = '1|2|1' ]
	# dropping the triggers alone changes no fact
	expect 0 tr-audit -d "$BATS_FILE_TMPDIR/bare.db"
}

@test "an audit writes nothing" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	sha256sum race.db >before
	expect 0 tr-audit -d race.db
	sha256sum -c --quiet before
}

# ---------------------------------------------------------------- trades

@test "a changed fee is found" {
	tamper "UPDATE trades SET fee = fee - 1 WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 1' fee
}

@test "a changed fee of the last trade is found" {
	tamper "UPDATE trades SET fee = fee + 1 WHERE agent_id = $ME AND seq = 2" 'agent me' 'trade 2' fee
}

@test "a changed cash balance is found" {
	tamper "UPDATE trades SET cash_after = cash_after + 1 WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 1' cash
}

@test "a changed quantity is found" {
	tamper "UPDATE trades SET quantity = quantity + 1 WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 1'
}

@test "a quantity that was changed with all that follows from it in the trade is found" {
	tamper "UPDATE trades SET quantity = quantity + 1, position_after = position_after + 1
		WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 1'
}

@test "a changed fill price is found" {
	tamper "UPDATE trades SET fill_price = price WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 1' 'fill price'
}

@test "a changed side is found" {
	tamper "UPDATE trades SET side = 'buy' WHERE agent_id = $ME AND seq = 2" 'agent me' 'trade 2'
}

@test "a changed cost is found" {
	tamper "UPDATE trades SET cost_after = cost_after - 1 WHERE agent_id = $ME AND seq = 2" 'agent me' 'trade 2' cost
}

@test "a changed result is found" {
	tamper "UPDATE trades SET realised = realised + 1 WHERE agent_id = $ME AND seq = 2" 'agent me' 'trade 2' realised
}

@test "a trade that was moved to another agent is found" {
	tamper "UPDATE trades SET agent_id = (SELECT id FROM agents WHERE name = 'cash'), seq = 1
		WHERE agent_id = $ME AND seq = 1" 'agent cash'
}

@test "a deleted trade is found, the first, the last and one between" {
	tamper "DELETE FROM trades WHERE agent_id = $ME AND seq = 1" 'agent me' 'trade 2'
	tamper "DELETE FROM trades WHERE agent_id = $ME AND seq = 2" 'agent me'
	tamper "DELETE FROM trades WHERE seq = 3 AND agent_id = (SELECT id FROM agents
		WHERE name = 'buy-and-hold')" 'agent buy-and-hold' 'trade 4'
}

@test "a deleted trade is found when the caches were changed with it" {
	tamper "UPDATE portfolios SET seq = 1, cash = (SELECT cash_after FROM trades WHERE agent_id = $ME
		AND seq = 1) WHERE agent_id = $ME;
		UPDATE positions SET quantity = 150000000, cost = (SELECT cost_after FROM trades
		WHERE agent_id = $ME AND seq = 1) WHERE agent_id = $ME;
		DELETE FROM trades WHERE agent_id = $ME AND seq = 2" 'agent me'
}

@test "an inserted trade is found" {
	tamper "INSERT INTO trades SELECT 1000, agent_id, 3, window_ms, 1, fill_ms, asset_id, side, 1, price,
		fill_price, 0, 0, 0, cash_after, position_after, cost_after FROM trades
		WHERE agent_id = $ME AND seq = 2" 'agent me' 'trade 3'
}

# ---------------------------------------------------------------- caches, snapshots, prices

@test "a changed balance of the portfolio is found" {
	tamper "UPDATE portfolios SET cash = cash + 1 WHERE agent_id = $ME" 'agent me' cash
	tamper "UPDATE portfolios SET start_cash = start_cash + 1 WHERE agent_id = $ME" 'agent me'
	tamper "UPDATE portfolios SET seq = seq + 1 WHERE agent_id = $ME" 'agent me' sequence
}

@test "a changed, deleted or invented position is found" {
	tamper "UPDATE positions SET quantity = quantity + 1 WHERE agent_id = $ME" 'agent me' position quantity
	tamper "UPDATE positions SET cost = cost - 1 WHERE agent_id = $ME" 'agent me' position cost
	tamper "DELETE FROM positions WHERE agent_id = $ME" 'agent me' position
	tamper "INSERT INTO positions SELECT $ME, id, 1, 1 FROM assets WHERE symbol = 'BTC'" 'agent me' position
}

@test "a changed snapshot is found" {
	tamper "UPDATE snapshots SET total = total + 1 WHERE agent_id = $ME AND phase = 'post'
		AND window_ms = (SELECT max(window_ms) FROM snapshots WHERE phase = 'post')" 'agent me' 'snapshot post' total
	tamper "UPDATE snapshots SET cash = cash + 1, total = total + 1 WHERE agent_id = $ME
		AND phase = 'pre' AND window_ms = (SELECT max(window_ms) FROM snapshots)" 'agent me' 'snapshot pre' cash
	tamper "UPDATE snapshots SET unpriced = 1 WHERE agent_id = $ME AND phase = 'pre'
		AND window_ms = (SELECT max(window_ms) FROM snapshots)" 'agent me' 'snapshot pre' unpriced
}

@test "a deleted snapshot is found" {
	tamper "DELETE FROM snapshots WHERE agent_id = $ME AND window_ms = (SELECT max(window_ms)
		FROM snapshots)" 'seal 24' market-cycle-20240723-0155 snapshots
}

@test "a changed price is found where it was traded at" {
	tamper "UPDATE prices SET price = price + 1 WHERE (window_ms, asset_id) =
		(SELECT fill_ms, asset_id FROM trades AS t JOIN agents AS a ON a.id = t.agent_id
		WHERE name = 'buy-and-hold' AND seq = 1)" 'agent buy-and-hold' 'trade 1' price
}

@test "a changed price is found where nobody traded or held" {
	tamper "UPDATE prices SET price = price + 1 WHERE window_ms = unixepoch('2024-07-23 01:55') * 1000"
	tamper "UPDATE prices SET quality = 'stale' WHERE window_ms = unixepoch('2024-07-23 01:55') * 1000" \
		'seal 24' market-cycle-20240723-0155 batch
	tamper "UPDATE prices SET price_ms = price_ms - 1 WHERE window_ms = unixepoch('2024-07-23 00:05') * 1000" \
		'seal 2 ' market-cycle-20240723-0005 batch
}

@test "a deleted price is found" {
	tamper "DELETE FROM prices WHERE window_ms = unixepoch('2024-07-23 00:00') * 1000
		AND asset_id = (SELECT id FROM assets WHERE symbol = 'ETH')"
}

# ---------------------------------------------------------------- decisions, orders, versions, pins

@test "a changed decision is found" {
	tamper "UPDATE decisions SET reasoning = 'genius' WHERE agent_id = $ME AND reasoning IS NOT NULL" \
		'agent me' decision
	tamper "UPDATE decisions SET orders = replace(orders, '1.5', '1.6') WHERE agent_id = $ME" 'agent me' decision
	tamper "UPDATE decisions SET status = 'hold', orders = '[]' WHERE agent_id = $ME" 'agent me' decision
}

@test "a changed raw answer or time of a decision is found" {
	tamper "UPDATE decisions SET raw = x'7b7d' WHERE agent_id = $ME" decisions
	tamper "UPDATE decisions SET at_ms = at_ms - 1 WHERE agent_id = $ME" decisions
	tamper "UPDATE decisions SET context = zeroblob(32) WHERE context IS NOT NULL" 'seal 1 ' decisions
}

@test "a deleted decision that was carried out is found" {
	tamper "DELETE FROM decisions WHERE agent_id = (SELECT id FROM agents WHERE name = 'cash')
		AND window_ms = unixepoch('2024-07-23 00:15') * 1000"
}

@test "a changed, deleted or invented order is found" {
	tamper "UPDATE orders SET filled = filled - 1 WHERE agent_id = $ME AND filled > 1" 'agent me' order
	tamper "UPDATE orders SET reasons = 'cooldown' WHERE agent_id = $ME" orders
	tamper "DELETE FROM orders WHERE agent_id = $ME" 'agent me'
	tamper "INSERT INTO orders SELECT agent_id, window_ms, 7, asset, side, quantity, notional, limit_price,
		'drop', 'cooldown', wanted, 0 FROM orders WHERE agent_id = $ME LIMIT 1" 'agent me' execution
}

@test "a changed or deleted execution is found" {
	tamper "UPDATE executions SET cash_before = cash_before + 1 WHERE agent_id = $ME" executions
	tamper "UPDATE executions SET n_trades = 0 WHERE agent_id = $ME" 'agent me' execution
	tamper "UPDATE executions SET status = 'expired' WHERE agent_id = $ME" executions
	tamper "DELETE FROM executions WHERE agent_id = (SELECT id FROM agents WHERE name = 'cash')
		AND window_ms = unixepoch('2024-07-23 00:15') * 1000"
}

@test "a changed version of an agent is found" {
	tamper "UPDATE agent_versions SET spec = replace(spec, '\"fast\":\"10\"', '\"fast\":\"11\"')
		WHERE agent_id = (SELECT id FROM agents WHERE name = 'trend')" 'agent trend' 'version 1'
}

@test "a changed pin is found" {
	tamper "UPDATE pins SET content = replace(content, '\"sim.seed\":\"1\"', '\"sim.seed\":\"2\"')" pin
}

@test "an agent or an asset with another name is found" {
	tamper "UPDATE agents SET name = 'zzz' WHERE name = 'trend'" market-cycle-20240723-0000 pin agents
	tamper "UPDATE agents SET name = 'zzz' WHERE name = 'cash'" market-cycle-20240723-0000 pin agents
	tamper "UPDATE assets SET symbol = 'ZZZ' WHERE symbol = 'BTC'" market-cycle-20240723-0000 pin assets
}

@test "a pin that was exchanged with its hash is found" {
	# another pin that is right in itself
	cp "$BATS_FILE_TMPDIR/race.db" other.db
	tr-config -q -d other.db set trade.fee_bps 0
	tr-cycle -q -d other.db -w 2024-07-23T02:00Z
	local pin
	pin=$(sqlite3 other.db 'SELECT hex(pin) FROM cycles ORDER BY window_ms DESC LIMIT 1')
	tamper "ATTACH 'other.db' AS o; INSERT INTO pins SELECT * FROM o.pins WHERE hash = x'$pin';
		UPDATE cycles SET pin = x'$pin' WHERE window_ms = (SELECT max(window_ms) FROM cycles)" \
		'seal 24' batch
}

# ---------------------------------------------------------------- chain

@test "a seal that is gone is found, in the middle and at the end" {
	tamper "DELETE FROM seals WHERE n = 12" 'seal 13'
	tamper "DELETE FROM seals WHERE n = 24" market-cycle-20240723-0155
	tamper "DELETE FROM seals WHERE n > 20" market-cycle-20240723-0140
	tamper "DELETE FROM seals WHERE n = 1" 'seal 2'
}

@test "two seals that changed places are found" {
	tamper "UPDATE seals SET n = 1000 WHERE n = 5; UPDATE seals SET n = 5 WHERE n = 6;
		UPDATE seals SET n = 6 WHERE n = 1000" 'seal 5'
}

@test "each column of a seal is covered" {
	local c
	for c in batch decisions orders executions snapshots previous hash; do
		tamper "UPDATE seals SET $c = randomblob(32) WHERE n = 24" 'seal 24'
	done
	tamper "UPDATE seals SET window_ms = window_ms + 300000 WHERE n = 24"
}

@test "a chain that was cut and sealed anew after a change is found against the old head" {
	# books that are consistent in themselves: only the head, kept elsewhere, tells them apart
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 0 tr-audit -d race.db --json
	local head
	head=$(jq -r .head <<<"$output")
	cp "$BATS_FILE_TMPDIR/bare.db" other.db
	sqlite3 other.db "UPDATE decisions SET raw = x'00' WHERE agent_id = $ME"
	expect 1 tr-audit -d other.db
	[ "$head" = "$(ask 'SELECT lower(hex(hash)) FROM seals ORDER BY n DESC LIMIT 1')" ]
}

# ---------------------------------------------------------------- head file

@test "the head file has every seal, in order" {
	assert_equal "$(cat "$BATS_FILE_TMPDIR/race.db.heads")" "$(ask "SELECT n || ' market-cycle-' ||
		strftime('%Y%m%d-%H%M', window_ms / 1000, 'unixepoch') || ' ' || lower(hex(hash))
		FROM seals ORDER BY n")"
	with_heads
	expect 0 tr-audit -d race.db
	assert_line "head file: 24 of 24 seals"
	expect 0 tr-audit -d race.db --json
	assert_equal "$(jq .heads <<<"$output")" 24
}

@test "an edit, a deletion, an insertion and a swap in the head file are found" {
	bad_heads 1 '1s/^1 /2 /'
	bad_heads 7 '7s/0030/0035/'
	bad_heads 24 '24s/.$/x/'
	bad_heads 12 '12s/[0-9a-f]\{8\}$/00000000/'
	bad_heads 12 12d
	bad_heads 1 1d
	bad_heads 13 '12{p}'
	bad_heads 13 '12a a word of my own'
	bad_heads 13 '12s/$/\n/'
	bad_heads 25 '24{p;s/^24/25/}'
	bad_heads 5 '5{h;d};6G'
}

@test "what was cut off the database is found by the head file" {
	cp "$BATS_FILE_TMPDIR/race.db" before.db
	chmod 600 before.db
	tr-cycle -q -d before.db -w 2024-07-23T02:00Z
	cp before.db.heads race.db.heads
	cp "$BATS_FILE_TMPDIR/race.db" .
	expect 1 tr-audit -d race.db
	assert_output "difference: head file, line 25: knows seal 25, the race ends with seal 24"
	# also by one that lies elsewhere
	mkdir elsewhere
	mv race.db.heads elsewhere
	expect 0 tr-audit -d race.db
	assert_line --partial "no head file: "
	expect 1 tr-audit -d race.db --heads elsewhere/race.db.heads
	expect 66 tr-audit -d race.db --heads elsewhere/none
	head -n 20 elsewhere/race.db.heads >older
	expect 0 tr-audit -d race.db --heads older
	assert_line "head file: 20 of 24 seals"
}

@test "what was cut off the head file is no difference, and the next window adds it" {
	local want
	want=$(cat "$BATS_FILE_TMPDIR/race.db.heads")
	with_heads
	sed -i 20,24d race.db.heads
	expect 0 tr-audit -d race.db
	assert_line "head file: 19 of 24 seals"
	expect 0 tr-cycle -q -d race.db --dry-run -w 2024-07-23T02:00Z
	assert_equal "$(wc -l <race.db.heads)" 19
	tr-cycle -q -d race.db -w 2024-07-23T01:55Z
	assert_equal "$(cat race.db.heads)" "$want"
	rm race.db.heads
	tr-cycle -q -d race.db -w 2024-07-23T01:55Z
	tr-cycle -q -d race.db -w 2024-07-23T01:55Z
	assert_equal "$(cat race.db.heads)" "$want"
	assert_equal "$(stat -c %a race.db.heads)" 600
}

@test "a head file that is gone is told by the audit, and once by the run that makes it again" {
	local want gone
	want=$(cat "$BATS_FILE_TMPDIR/race.db.heads")
	gone="tr-cycle: race.db.heads: was gone and is made again from the chain; compare with a published head"
	with_heads
	rm race.db.heads
	expect 0 tr-audit -d race.db
	assert_line "no head file: the next tr-cycle makes it again from the chain; compare with a published head"
	expect 0 tr-cycle -d race.db -w 2024-07-23T01:55Z
	assert_equal "$(grep -c 'heads' <<<"$stderr")" 1
	assert_equal "$(grep 'heads' <<<"$stderr")" "$gone"
	assert_equal "$(cat race.db.heads)" "$want"
	expect 0 tr-cycle -d race.db -w 2024-07-23T01:55Z
	[[ $stderr != *heads* ]]
	# a race that begins had none
	tr-init -q --demo --quote USD new.db
	expect 0 tr-audit -d new.db
	assert_line "no head file"
	expect 0 tr-cycle -d new.db --from 2024-07-23 --to 2024-07-23T00:20Z
	[[ $stderr != *heads* ]]
	expect 0 tr-audit -d new.db
	assert_line "head file: 4 of 4 seals"
}

@test "a line that was torn is ended and repeated, and passed over" {
	local want n
	want=$(cat "$BATS_FILE_TMPDIR/race.db.heads")
	for n in 1 2 60 94 95; do
		with_heads
		truncate -s -$n race.db.heads
		cp race.db.heads torn
		expect 0 tr-audit -d race.db
		tr-cycle -q -d race.db -w 2024-07-23T01:55Z
		# nothing that was there is written again
		cmp -n "$(stat -c %s torn)" torn race.db.heads
		expect 0 tr-audit -d race.db
		assert_line "head file: 24 of 24 seals"
		assert_equal "$(grep -cxFf <(echo "$want") race.db.heads)" 24
	done
	# a sector that was not written is all zeros
	with_heads
	truncate -s -70 race.db.heads
	truncate -s +70 race.db.heads
	expect 0 tr-audit -d race.db
	tr-cycle -q -d race.db -w 2024-07-23T02:00Z
	expect 0 tr-audit -d race.db
	assert_line "head file: 25 of 25 seals"
	# but zeros are not taken for a line of another place
	sed -i 25d race.db.heads
	expect 1 tr-audit -d race.db
}

@test "a window that was sealed and killed before its line gets it from the next" {
	local call
	# leaks cannot be looked for under strace
	local -x ASAN_OPTIONS=detect_leaks=0
	with_heads
	for call in pread64:signal=KILL write:error=EIO:signal=KILL fsync:signal=KILL; do
		run strace -f -o /dev/null -P "$PWD/race.db.heads" -e "inject=$call" \
			tr-cycle -q -d race.db -w 2024-07-23T02:00Z
		[ "$status" -ne 0 ]
		assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM seals')" 25
		expect 0 tr-audit -d race.db
	done
	tr-cycle -q -d race.db -w 2024-07-23T02:05Z
	tr-cycle -q -d race.db -w 2024-07-23T02:05Z
	expect 0 tr-audit -d race.db
	assert_line "head file: 26 of 26 seals"
	assert_equal "$(wc -l <race.db.heads)" 26
}

@test "a window is done when the head file cannot be written, and the next one catches up" {
	local want=24 call
	# leaks cannot be looked for under strace
	local -x ASAN_OPTIONS=detect_leaks=0
	with_heads
	for call in write:error=ENOSPC fsync:error=EIO pread64:error=EIO openat:error=EMFILE; do
		want=$((want + 1))
		run --separate-stderr strace -f -o /dev/null -P "$PWD/race.db.heads" -e "inject=$call" \
			tr-cycle -q -d race.db -w "2024-07-23T02:$(printf %02d $((want * 5 - 125)))Z"
		[ "$status" -eq 0 ]
		[[ $stderr == *race.db.heads* ]]
		assert_equal "$(sqlite3 race.db 'SELECT count(*) FROM seals')" $want
		expect 0 tr-audit -d race.db
	done
	tr-cycle -q -d race.db -w 2024-07-23T02:20Z
	expect 0 tr-audit -d race.db
	assert_line "head file: 29 of 29 seals"
	assert_equal "$(wc -l <race.db.heads)" 29
}

@test "a head file that others can write to, or that is none, is not used" {
	with_heads
	chmod 620 race.db.heads
	expect 77 tr-audit -d race.db
	expect 0 tr-cycle -q -d race.db -w 2024-07-23T02:00Z
	[[ $stderr == *"race.db.heads: is open to others"* ]]
	assert_equal "$(wc -l <race.db.heads)" 24
	mv race.db.heads elsewhere
	ln -s elsewhere race.db.heads
	expect 77 tr-audit -d race.db
	rm race.db.heads
	mkfifo -m 600 race.db.heads
	expect 65 tr-audit -d race.db
	expect 0 tr-cycle -q -d race.db -w 2024-07-23T02:05Z
	[[ $stderr == *"race.db.heads: is no regular file"* ]]
}

# ---------------------------------------------------------------- triggers

# refused SQL MESSAGE: the sqlite3 shell fails on SQL with this message.
refused() {
	if sqlite3 race.db "$1" 2>refusal; then
		return 1
	fi
	grep -qF "$2" refusal
}

# Tables of facts, with a column that can be set.
FACTS='settings_log:name agent_versions:spec halts:reason candle_revisions:close pins:content batches:n_prices
	prices:price decisions:reasoning executions:status orders:reasons trades:fee snapshots:cash seals:hash
	contexts:hash'

@test "facts cannot be changed, deleted or replaced, not even from the shell" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	sqlite3 race.db "INSERT INTO halts VALUES (1, 'x', 'halt', 'y', 0);
		INSERT INTO candle_revisions SELECT asset_id, source_id, interval_s, open_ms, seen_ms + 300000, open,
		high, low, close, volume FROM candles LIMIT 1"
	local f t c before
	before=$(state race.db)
	for f in $FACTS; do
		t=${f%:*} c=${f#*:}
		[ "$(sqlite3 race.db "SELECT count(*) > 0 FROM $t")" = 1 ]
		refused "UPDATE $t SET $c = $c" "$t: facts are append-only"
		refused "DELETE FROM $t" "$t: facts are append-only"
		refused "INSERT OR REPLACE INTO $t SELECT * FROM $t LIMIT 1" "$t: facts are append-only: the key exists"
		refused "PRAGMA recursive_triggers = off; REPLACE INTO $t SELECT * FROM $t LIMIT 1" \
			"$t: facts are append-only: the key exists"
		refused "UPDATE OR REPLACE $t SET $c = $c" "$t: facts are append-only"
	done
	[ "$before" = "$(state race.db)" ]
}

@test "no key of a fact can be used to replace another row" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	local before
	before=$(state race.db)
	# unique keys beside the primary one
	refused "REPLACE INTO trades SELECT 5000, agent_id, seq, window_ms, idx, fill_ms, asset_id,
		side, 1, price, fill_price, notional, fee, realised, cash_after, position_after, cost_after
		FROM trades WHERE id = 1" 'facts are append-only: the key exists'
	refused "REPLACE INTO trades SELECT 5000, agent_id, 5000, window_ms, idx, fill_ms, asset_id,
		side, 1, price, fill_price, notional, fee, realised, cash_after, position_after, cost_after
		FROM trades WHERE id = 1" 'facts are append-only: the key exists'
	refused "REPLACE INTO seals SELECT 5000, window_ms, batch, decisions, orders, executions,
		snapshots, previous, zeroblob(32) FROM seals WHERE n = 24" 'facts are append-only: the key exists'
	refused "REPLACE INTO seals SELECT 5000, window_ms + 1, batch, decisions, orders, executions,
		snapshots, previous, hash FROM seals WHERE n = 24" 'facts are append-only: the key exists'
	[ "$before" = "$(state race.db)" ]
}

@test "candles and events cannot be changed" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	refused 'UPDATE candles SET close = close' 'candles: first-seen values stay'
	refused 'UPDATE events SET detail = detail' 'events: facts are append-only'
}

# ---------------------------------------------------------------- the past (T-09)

@test "the books at any window are what was recorded then" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	local t agent row n=0
	for t in 00:00 00:15 00:45 01:00 01:05 01:30 01:35 01:45; do
		for agent in me momentum buy-and-hold cash reversion; do
			# the last snapshot of that window is after its trades
			row=$(ask "SELECT s.cash, positions_value, total FROM snapshots AS s JOIN agents ON id = agent_id
				WHERE name = '$agent' AND window_ms = unixepoch('2024-07-23 $t') * 1000
				ORDER BY phase = 'pre' LIMIT 1")
			expect 0 tr-portfolio -d race.db "$agent" --at "2024-07-23T$t:00Z" --json
			[ "$row" = "$(jq -r '[.cash, .positions_value, .total] | map(if contains(".") then
				split(".") | .[0] + (.[1] + "00000000")[:8] else . + "00000000" end | ltrimstr("0")
				| sub("^0+(?=.)"; "")) | join("|")' <<<"$output")" ]
			[ "$(jq -r .window <<<"$output")" = "market-cycle-20240723-${t/:/}" ]
			n=$((n + 1))
		done
	done
	[ $n -eq 40 ]
}

@test "the books between two windows are those of the earlier one" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 0 tr-portfolio -d race.db me --at 2024-07-23T01:00:00Z --json
	local then=$output
	expect 0 tr-portfolio -d race.db me --at 2024-07-23T01:04:59Z --json
	[ "$output" = "$then" ]
	expect 0 tr-portfolio -d race.db me --at 2024-07-23T00:59:59Z --json
	[ "$output" != "$then" ]
	[ "$(jq '.positions | length' <<<"$output")" = 0 ]
	expect 0 tr-portfolio -d race.db me --at 2024-07-22T00:00Z --json
	[ "$(jq -c '[.window, .cash, .trades]' <<<"$output")" = '[null,"100000",0]' ]
}

@test "the books rebuilt up to now are the live ones" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	local agent
	for agent in $(tr-agent -d race.db list --names); do
		expect 0 tr-portfolio -d race.db "$agent" --json
		local live=$output
		expect 0 tr-portfolio -d race.db "$agent" --at 2024-07-23T01:55Z --json
		[ "$output" = "$live" ]
		expect 0 tr-portfolio -d race.db "$agent" --at 2030-01-01T00:00Z --json
		[ "$output" = "$live" ]
	done
}
