#!/usr/bin/env bats
# A proof pack shows what a race came to where the race is not; whatever is changed in it is found,
# by what it says itself or by a head that was published.

load helper

# A race of two hours with trades of all kinds, two pins and an agent with private words, and its
# pack: in $BATS_FILE_TMPDIR, made once.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	umask 077
	cat >agent.sh <<-'END'
		#!/bin/sh
		read -r context
		echo '{"orders":[{"asset":"BTC","side":"buy","notional":"50"}],"reasoning":"canary-reason","confidence":"0.5"}'
	END
	chmod 700 agent.sh
	tr-init -q --demo race.db
	tr-config -q -d race.db set trade.slippage_bps 5
	tr-agent -q -d race.db add me --kind manual
	tr-cycle -q -d race.db --from 2024-07-23T00:00Z --to 2024-07-23T01:00Z
	tr-trade -q -d race.db --agent me <<<'{"orders":[{"asset":"ETH","side":"buy","quantity":"1.5"}],"reasoning":"küçük € \u0001"}'
	tr-config -q -d race.db set trade.fee_bps 20
	tr-cycle -q -d race.db --from 2024-07-23T01:00Z --to 2024-07-23T01:30Z
	tr-trade -q -d race.db --agent me <<<'{"orders":[{"asset":"ETH","side":"sell","quantity":"0.5"}],"reasoning":"enough"}'
	tr-cycle -q -d race.db --from 2024-07-23T01:30Z --to 2024-07-23T02:00Z
	tr-db -q -d race.db checkpoint
	tr-audit -q -d race.db --export proof.tar
	# the same with somebody who has secrets, for a while
	cp race.db private.db
	tr-agent -q -d private.db add canary --kind exec -- "$PWD/agent.sh" canary-argument
	tr-config -q -d private.db set alert.heartbeat_url https://localhost/canary-url
	tr-cycle -q -d private.db --from 2024-07-23T02:00Z --to 2024-07-23T02:30Z
	tr-db -q -d private.db checkpoint
}

PACK() {
	printf '%s' "$BATS_FILE_TMPDIR/proof.tar"
}

head_of() {
	sqlite3 "$BATS_FILE_TMPDIR/${2:-race.db}" "SELECT lower(hex(hash)) FROM seals WHERE n = $1"
}

# repack LEVEL CODE: ./proof.tar with this change, made to fit up to the level; see repack.py.
repack() {
	"$TOP/tests/repack.py" "$(PACK)" proof.tar "$1" "$2" >repacked || {
		cat repacked
		return 1
	}
}

# differs PATTERN...: ./proof.tar does not verify, and what is said is like each.
differs() {
	local pattern
	expect 1 tr-audit --verify proof.tar "${options[@]}" --json
	[ "$(jq -r .ok <<<"$output")" = false ]
	said=$(jq -r .difference <<<"$output")
	for pattern; do
		if [[ $said != *"$pattern"* ]]; then
			echo "\"$said\" does not say \"$pattern\""
			return 1
		fi
	done
}

# finds LEVEL CODE PATTERN...: this change is found.
finds() {
	repack "$1" "$2"
	options=()
	shift 2
	differs "$@"
}

# The commands of README, indented, as a script.
by_hand() {
	(cd proof && sed -n '/^BY HAND/,/^ROWS/s/^    //p' README | bash)
}

# touched SED LINE [KIND]: this edit of the facts, with new sums, is found at the line.
touched() {
	rm -rf proof proof.tar
	tar xf "$(PACK)"
	cp proof/facts/00000001.jsonl before
	sed -i "$1" proof/facts/00000001.jsonl
	if cmp before proof/facts/00000001.jsonl; then
		return 1
	fi
	(cd proof && sha256sum facts/*.jsonl >SHA256SUMS.facts)
	tar cf proof.tar --format=ustar --no-recursion proof/README proof/manifest.json proof/pins/*.json \
		proof/versions/*.json proof/SHA256SUMS proof/facts/*.jsonl proof/SHA256SUMS.facts
	options=()
	differs "facts/00000001.jsonl, line $2"
	[ "$(jq -r '[.file, .line] | join(" ")' <<<"$output")" = "proof/facts/00000001.jsonl $2" ]
	[ -z "${3-}" ] || [ "$(jq -r .kind <<<"$output")" = "$3" ]
}

# craft CODE: ./proof.tar made by Python from the members of the pack, a list `m` of TarInfo and bytes.
craft() {
	python3 - "$(PACK)" proof.tar "$1" <<-'END'
		import io, sys, tarfile
		with tarfile.open(sys.argv[1]) as t:
		    m = [(i, t.extractfile(i).read()) for i in t]
		def new(name, data=b"", **more):
		    i = tarfile.TarInfo(name)
		    i.size = len(data)
		    for k, v in more.items():
		        setattr(i, k, v)
		    return i, data
		exec(sys.argv[3])
		with tarfile.open(sys.argv[2], "w", format=tarfile.USTAR_FORMAT) as t:
		    for i, data in m:
		        t.addfile(i, io.BytesIO(data))
	END
	options=()
}

# no_canary WORD...: none of these is in p.tar, neither as text nor in hexadecimal digits.
no_canary() {
	local word
	for word; do
		if grep -aF -e "$word" -e "$(printf '%s' "$word" | od -An -v -tx1 | tr -d ' \n')" p.tar; then
			echo "$word is in the pack"
			return 1
		fi
	done
}

@test "a pack verifies without the race, and says what it looked at" {
	cp "$(PACK)" .
	expect 0 tr-audit -d "$BATS_FILE_TMPDIR/race.db" --json
	local race=$output
	expect 0 env -i "$B/tr-audit" --verify proof.tar --json
	[ "$(jq -c '[.ok, .agents, .decisions, .trades, .snapshots, .seals, .head]' <<<"$output")" = \
		"$(jq -c '[.ok, .agents, .decisions, .trades, .snapshots, .seals, .head]' <<<"$race")" ]
	[ "$(jq -c '[.difference, .file, .line, .window, .kind, .known, .heads, .withheld, .full]' <<<"$output")" = \
		'[null,null,null,null,null,null,null,0,false]' ]
	[ "$(jq .trades <<<"$output")" -gt 20 ]
	expect 0 tr-audit --verify proof.tar
	[ "${lines[1]}" = "head: $(head_of 24)" ]
	[ "${lines[2]}" = 'compared with no published head' ]
	[ "$(ls)" = proof.tar ]
}

@test "two exports of a race are equal to the byte, also of a copy of it" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 0 tr-audit -d race.db --export one.tar
	cmp one.tar "$(PACK)"
	tr-db -q -d race.db backup copy.db
	expect 0 tr-audit -d copy.db --export two.tar
	cmp two.tar "$(PACK)"
}

@test "an export changes nothing in the race" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	sha256sum race.db >before
	expect 0 tr-audit -q -d race.db --export p.tar
	assert_output ""
	sha256sum -c --quiet before
	[ "$(stat -c %a p.tar)" = 600 ]
}

@test "other programs read the pack" {
	tar xf "$(PACK)"
	[ "$(ls)" = proof ]
	[ "$(jq -r .head proof/manifest.json)" = "$(head_of 24)" ]
	for file in proof/facts/*; do
		jq -c . "$file" >/dev/null
	done
	[ "$(grep -c '^\["seal"' proof/facts/*.jsonl)" = 24 ]
	[ "$(find proof/pins -name '*.json' | wc -l)" = 2 ]
}

@test "the commands in README verify the pack by hand, and find what was changed" {
	tar xf "$(PACK)"
	expect 0 by_hand
	assert_output ""
	[ "$(sed -n '/^BY HAND/,/^ROWS/s/^    //p' proof/README | wc -l)" -gt 10 ]
	sed -i '/^\["seal",7,/s/,"[0-9a-f]\{64\}"/,"'"$(printf '%064d' 1)"'"/3' proof/facts/*.jsonl
	expect 0 by_hand
	[[ $output == *'seal 7 is wrong'* ]]
	[[ $output$stderr == *'facts/00000001.jsonl: FAILED'* ]]
	cp "$(PACK)" .
	tar xf proof.tar
	sed -i 's/"20"/"30"/' proof/pins/*.json
	expect 0 by_hand
	[ "$(grep -c FAILED <<<"$output$stderr")" -ge 2 ]
}

@test "the digests of the pack follow from the description in README alone" {
	repack seals ''
	expect 0 tr-audit --verify proof.tar --head "$(head_of 24)"
	[ "${lines[2]}" = 'the head given is seal 24 of 24' ]
}

# ---------------------------------------------------------------- a line is touched

@test "the first bad line is named after an edit, a deletion, an insertion and a swap" {
	tar xf "$(PACK)"
	mv proof/facts/00000001.jsonl whole
	local kind at n=0
	for kind in window batch price decision order execution trade snapshot seal; do
		at=$(grep -n "^\\[\"$kind\"" whole | sed -n '2s/:.*//p')
		touched "${at}s/[0-8]/9/3" "$at" "$kind"
		touched "${at}d" "$at"
		touched "${at}p" "$((at + 1))" "$kind"
		touched "${at}{h;d};$((at + 1)){G}" "$at"
		n=$((n + 1))
	done
	[ $n -eq 9 ]
}

@test "a window that was taken out is found at its place" {
	tar xf "$(PACK)"
	local from to
	from=$(grep -n '^\["window",5,' proof/facts/*.jsonl | cut -d: -f1)
	to=$(grep -n '^\["seal",5,' proof/facts/*.jsonl | cut -d: -f1)
	touched "$from,${to}d" "$from" window
	[ "$(jq -r .window <<<"$output")" = market-cycle-20240723-0025 ]
}

@test "a file that does not match its sum is named" {
	finds none 'files["README"] += b"more"' 'SHA256SUMS: README '
	finds none 'files["manifest.json"] = files["manifest.json"].replace(b"100000", b"100001", 1)' \
		'SHA256SUMS: manifest.json '
	finds none 'files["SHA256SUMS.facts"] = files["SHA256SUMS.facts"].replace(b"0", b"1", 1)' \
		'SHA256SUMS.facts: facts/00000001.jsonl '
}

@test "a pin or version that does not match its name is named" {
	finds sums 'n = [n for n in files if n.startswith("pins/")][1]; files[n] = files[n].replace(b"\"20\"", b"\"30\"")' \
		'pins/' 'does not match the hash that is its name'
	finds sums 'n = [n for n in files if n.startswith("versions/")][0]; files[n] += b" "' \
		'versions/' 'does not match the hash that is its name'
	finds sums 'n = [n for n in files if n.startswith("pins/")][0]; del files[n]' 'names a pin that is not there'
}

# ---------------------------------------------------------------- and everything around it fits

# The places of columns are those of README, and the kind is column 0.
@test "a changed price is found at the trade, the snapshot or the seal" {
	finds checks 'rows[at("price", "BTC")][3] -= 1' 'batch or prices' 'market-cycle-20240723-0000' 'seal 1:'
	finds checks 'i = at("trade", "buy-and-hold", 1); w = rows[i][5]; s = rows[i][6]
j = max(k for k in range(i) if rows[k][:2] == ["price", s]); rows[j][2] += 100' 'trade buy-and-hold 1: the price is'
	finds checks 'j = max(k for k in range(len(rows)) if rows[k][:2] == ["price", "ETH"]); rows[j][2] += 10**9' \
		'market-cycle-20240723-0155' 'snapshot ' 'the value is'
	finds checks 'rows[at("price", "XRP")][6] = "stale"' 'seal 1:' 'batch or prices'
}

@test "a changed decision is found" {
	finds checks 'rows[at("decision", "me")][9] = "genius"' 'decision me market-cycle-20240723-0055: does not match its hash'
	finds checks 'rows[at("decision", "me")][10] = 10000' 'decision me market-cycle-20240723-0055: does not match its hash'
	finds checks 'r = rows[at("decision", "me")]; r[8] = r[8].replace("1.5", "1.6")' 'decision me'
	finds checks 'rows[at("decision", "me")][14] = "7b7d"' 'seal 13:' 'decisions or answers'
	finds checks 'rows[at("decision", "me")][15] -= 1' 'seal 13:' 'decisions or answers'
	finds checks 'rows[at("decision", "trend")][5] = "great"' 'decision trend' 'status'
}

@test "a changed order is found" {
	finds checks 'rows[at("order", "me")][12] -= 1' 'trade me 1: the quantity is'
	finds checks 'rows[at("order", "me")][6] += 1' 'order me market-cycle-20240723-0055 0: is not what the decision asks for'
	finds checks 'rows[at("order", "me")][10] = "cooldown"' 'seal 13:' 'orders of the window'
}

@test "a changed execution is found" {
	finds checks 'rows[at("execution", "me")][4] = 2' 'execution me market-cycle-20240723-0055: is of 2 orders'
	finds checks 'rows[at("execution", "me")][5] = 0' 'execution me market-cycle-20240723-0055' 'counts other trades'
	finds checks 'rows[at("execution", "me")][7] += 1' 'seal 13:' 'executions or trades'
}

@test "a changed trade is found by what it says" {
	local at='rows[at("trade", "me", 1)]' n
	for n in '8:the quantity' '9:the price' '10:the fill price' '11:the notional' '12:the fee' \
		'13:what is realised' '14:the cash' '15:the position' '16:the cost'; do
		finds checks "${at}[${n%%:*}] += 1" 'market-cycle-20240723-0100' "trade me 1: ${n#*:} is"
	done
	finds checks "${at}[2] = 2" 'trade me 2: follows on trade 0'
	finds checks "${at}[1] = 'momentum'" 'trade momentum'
	finds checks "${at}[7] = 'sell'" 'trade me 1: has no order'
	finds checks "${at}[5] += 300000" 'trade me 1: is not of this window'
}

@test "a changed snapshot is found by what it says" {
	local at='rows[max(i for i, r in enumerate(rows) if r[:3] == ["snapshot", "me", "post"])]' n
	for n in '3:the cash' '4:the value' '5:what is unrealised' '6:the total' '7:the number of unpriced'; do
		finds checks "${at}[${n%%:*}] += 1" 'market-cycle-20240723-0145' "snapshot me post: ${n#*:}"
	done
}

@test "a deleted row is found" {
	finds checks 'del rows[at("batch")]' 'price ADA' 'the batch before it'
	finds checks 'del rows[at("price", "ETH")]' 'market-cycle-20240723-0000' '5 prices stand before it, the batch has 6'
	finds checks 'del rows[at("decision", "me")]' 'order me market-cycle-20240723-0055 0: has no decision'
	finds checks 'del rows[at("order", "me")]' 'execution me market-cycle-20240723-0055: is of 1 orders, of which 0'
	finds checks 'del rows[at("execution", "me")]' 'trade me 1' 'the execution me market-cycle-20240723-0055'
	finds checks 'del rows[at("trade", "me", 1)]' 'the trade of order me market-cycle-20240723-0055 0'
	finds checks 'del rows[at("trade", "me", 2)]' 'the trade of order me'
	finds checks 'del rows[at("snapshot", "cash")]' 'seal 1:' 'snapshots'
	finds checks 'del rows[at("seal", 9)]' 'window 10: begins in another window'
	finds checks 'del rows[at("window", 9)]' 'batch: is in no window'
}

@test "an inserted row is found" {
	local kind
	for kind in batch price decision order execution trade snapshot window seal; do
		finds checks "i = at('$kind'); rows.insert(i, list(rows[i]))" "line " ": $kind"
	done
	finds checks 'i = at("trade", "me", 2) + 1; r = list(rows[i - 1]); r[2] = 3; r[4] = 1; rows.insert(i, r)' \
		'trade me 3: has no order'
	finds checks 'i = at("snapshot", "me"); r = list(rows[i]); r[1] = "nobody"; rows.insert(i, r)' \
		'snapshot nobody pre: is of an agent that the manifest does not name'
	finds checks 'i = at("price", "ETH"); r = list(rows[i]); r[1] = "ETHX"; rows.insert(i + 1, r)' 'the batch has 6'
}

@test "two rows that were swapped are found" {
	local kind
	for kind in price decision execution snapshot; do
		finds checks "i = at('$kind'); rows[i], rows[i + 1] = rows[i + 1], rows[i]" ": $kind" 'is not in order'
	done
	finds checks 'i = at("trade", "buy-and-hold", 1); rows[i], rows[i + 1] = rows[i + 1], rows[i]' 'trade buy-and-hold 2: follows on trade 0'
	finds checks 'i = at("execution"); j = at("snapshot"); rows[i], rows[j] = rows[j], rows[i]' ': '
	finds checks 'i = at("seal", 3); j = at("seal", 4); rows[i], rows[j] = rows[j], rows[i]' 'seal 4: is not of this window'
}

@test "windows that were swapped, doubled or moved in time are found" {
	local cut='w = lambda n: rows[at("window", n):at("seal", n) + 1]'
	finds checks "$cut
a, b = at('window', 4), at('seal', 5) + 1; rows[a:b] = w(5) + w(4)" 'window 5: follows on 3'
	finds seals "$cut
a, b = at('window', 4), at('seal', 5) + 1; rows[a:b] = w(5) + w(4)" 'is not the time that it can be'
	finds seals "$cut
a = at('window', 4); rows[a:a] = [list(r) for r in w(3)]" 'is not the time that it can be'
	finds checks 'rows[at("window", 4)][2] += 300000' 'window 4: is not the time'
}

@test "a link of the chain that was changed is found" {
	finds checks 'rows[at("seal", 6)][9] = "0" * 64' 'seal 6: its hash is wrong'
	finds checks 'rows[at("seal", 6)][8] = "0" * 64' 'seal 6: does not follow on the one before'
	finds checks 'rows[at("seal", 6)][7] = "0" * 64' 'seal 6:' 'snapshots'
	finds checks 'rows[at("seal", 6)][1] = 7' 'seal 7: is not of this window'
}

# ---------------------------------------------------------------- and the chain was made anew

@test "books that do not add up are found even if all seals were made for them" {
	finds seals 'rows[at("trade", "me", 1)][12] -= 1' 'trade me 1: the fee is'
	finds seals 'rows[at("snapshot", "me")][6] += 1' 'snapshot me pre: the total is'
	finds seals 'r = rows[at("snapshot", "me")]; r[3] += 1; r[6] += 1' 'snapshot me pre: the cash is'
	finds seals 'del rows[at("trade", "me", 2)]' 'the trade of order me'
	finds seals 'm = json.loads(files["manifest.json"]); m["agents"][3]["start_cash"] = "100001"
files["manifest.json"] = json.dumps(m).encode()' 'me' 'the cash is 100000, should be 100001'
}

@test "a pack that was made anew as a whole agrees with itself, but not with a published head" {
	repack seals 'rows[at("price", "XRP")][3] -= 1000'
	expect 0 tr-audit --verify proof.tar
	[[ $output == *'compared with no published head'* ]]
	options=(--head "$(head_of 24)")
	differs 'the head given is none of the 24 seals'
	# copies of heads say from which window on
	options=(--heads "$BATS_FILE_TMPDIR/race.db.heads")
	differs 'market-cycle-20240723-0000' 'seal 1: head file, line 1: is not'
	repack seals 'i = max(i for i, r in enumerate(rows) if r[:2] == ["price", "XRP"]); rows[i][3] -= 1000'
	differs 'market-cycle-20240723-0155' 'seal 24: head file, line 24: is not'
	[ "$(jq -r .window <<<"$output")" = market-cycle-20240723-0155 ]
}

# ---------------------------------------------------------------- the tail is cut

@test "windows that were cut off the end are missed" {
	finds checks 'del rows[at("window", 20):]' 'the pack ends with seal 19, its manifest says with 24' 'market-cycle-20240723-0130'
	finds checks 'del rows[at("seal", 24):]' 'the pack ends before its end'
	finds sums 'rows.clear()' ''
	repack seals 'del rows[at("window", 20):]'
	expect 0 tr-audit --verify proof.tar
	options=(--head "$(head_of 24)")
	differs 'the head given is none of the 19 seals'
	options=(--heads "$BATS_FILE_TMPDIR/race.db.heads")
	differs 'head file, line 20: knows seal 20, the race ends with seal 19'
	# a head that was published before the cut is there
	expect 0 tr-audit --verify proof.tar --head "$(head_of 7)"
	[ "${lines[2]}" = 'the head given is seal 7 of 19' ]
}

@test "an archive that was cut anywhere is told, with the last member" {
	local size n=0
	size=$(stat -c %s "$(PACK)")
	options=()
	for ((at = 2048; at < size; at += 4096 - 123)); do
		head -c "$at" "$(PACK)" >proof.tar
		differs ': at byte ' 'the file ends in or after proof/'
		n=$((n + 1))
	done
	[ $n -gt 20 ]
	head -c $((size - 512)) "$(PACK)" >proof.tar
	differs 'the file ends in or after proof/SHA256SUMS.facts'
}

@test "a head and head files are compared" {
	expect 0 tr-audit --verify "$(PACK)" --head "$(head_of 24)" --heads "$BATS_FILE_TMPDIR/race.db.heads" --json
	[ "$(jq -c '[.known, .heads]' <<<"$output")" = '[24,24]' ]
	head -5 "$BATS_FILE_TMPDIR/race.db.heads" >older
	expect 0 tr-audit --verify "$(PACK)" --heads older
	[[ $output == *'head file: 5 of 24 seals'* ]]
	expect 66 tr-audit --verify "$(PACK)" --heads nothing
	expect 1 tr-audit --verify "$(PACK)" --head "$(printf '%064d' 0)"
}

@test "the race itself is compared with a published head" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 0 tr-audit -d race.db --head "$(head_of 24)" --json
	[ "$(jq .known <<<"$output")" = 24 ]
	expect 0 tr-audit -d race.db --head "$(head_of 3)"
	[[ $output == *'the head given is seal 3 of 24'* ]]
	expect 1 tr-audit -d race.db --head "$(printf '%064d' 1)"
	[[ $output == *'the head given is none of the 24 seals: some were changed, or the last ones cut'* ]]
	# whoever cuts the end with all that knows of it
	sqlite3 race.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_master WHERE type = 'trigger'" >drops
	sqlite3 race.db <drops
	sqlite3 race.db "DELETE FROM seals WHERE n = 24; DELETE FROM events WHERE type = 'sealed' AND
		window_ms = (SELECT max(window_ms) FROM batches)"
	expect 0 tr-audit -d race.db
	expect 1 tr-audit -d race.db --head "$(head_of 24)"
	[[ $output == *'none of the 23 seals'* ]]
}

# ---------------------------------------------------------------- archives

@test "members that do not belong into a pack are refused" {
	craft 'm.append(new("proof/more", b"x"))'
	differs 'more: does not belong here'
	craft 'm.insert(3, new("proof/pins/x.json", b"x"))'
	differs 'does not belong here'
	craft 'm.insert(3, new("../x", b"x"))'
	differs 'a member has a name that is not allowed'
	craft 'm.insert(3, new("/etc/x", b"x"))'
	differs 'a member has a name that is not allowed'
	craft 'm.insert(3, new("proof/pins/a", type=tarfile.SYMTYPE, linkname="/etc/passwd"))'
	differs 'a member is no plain file'
	craft 'm[1], m[2] = m[2], m[1]'
	differs 'stands where manifest.json should'
	craft 'm[2], m[3] = m[3], m[2]'
	differs 'is not in order'
	craft 'm.insert(3, m[2])'
	differs 'is not in order'
	craft 'm.insert(-1, m[-2])'
	differs 'does not belong here'
	craft 'del m[-1]'
	differs 'the pack ends before its end'
	craft 'm[-2] = new("proof/facts/00000002.jsonl", m[-2][1])'
	differs 'does not belong here'
	craft ''
	expect 0 tr-audit --verify proof.tar
}

@test "facts in two files are facts in one" {
	craft 'd = m[-2][1]; cut = d.index(b"[\"window\",9,"); a, b = d[:cut], d[cut:]
import hashlib
names = ["facts/00000001.jsonl", "facts/00000009.jsonl"]
m[-2:] = [new("proof/" + names[0], a), new("proof/" + names[1], b), new("proof/SHA256SUMS.facts", "".join(
	f"{hashlib.sha256(x).hexdigest()}  {n}\n" for n, x in zip(names, (a, b))).encode())]'
	expect 0 tr-audit --verify proof.tar --head "$(head_of 24)"
	craft 'd = m[-2][1]; a = d[:d.index(b"[\"window\",9,")]; m[-2] = new("proof/facts/00000001.jsonl", a)'
	differs 'SHA256SUMS.facts'
}

@test "rows that are no rows are named, and nothing of them reaches the terminal raw" {
	local row
	for row in '[' '{}' '[]' '["price"]' '["cloud",1,"0"]' '["price",1,1,1,"s",1,"fresh","","0000000000000000"]' \
		'["price","A\u001b[2J",1.5,1,"s",1,"fresh","","0000000000000000"]' '"' ''; do
		ROW=$row craft 'import os; m[-2] = new("proof/facts/00000001.jsonl", os.environ["ROW"].encode() + b"\n")'
		differs 'facts/00000001.jsonl, line 1: is no row'
	done
	craft 'm[-2] = new("proof/facts/00000001.jsonl", b"[\"window\",1,0,\"\\u001b[2J\",\"0000000000000000\"]\n")'
	differs 'line 1'
	expect 1 tr-audit --verify proof.tar
	[[ $output != *$'\033'* ]]
	craft 'm[-2] = new("proof/facts/00000001.jsonl", b"[" * 20000000)'
	differs 'line 1: is longer than any row'
	craft 'm[-2] = new("proof/facts/00000001.jsonl", m[-2][1][:-1])'
	differs 'has no end'
	for row in '[]' '{"schema":"tr.proof/2"}' '{"schema":"tr.proof/1"}' 'x'; do
		ROW=$row craft 'import os; m[1] = new("proof/manifest.json", os.environ["ROW"].encode())'
		differs 'manifest.json: '
	done
}

@test "what is no pack at all is no answer but wrong input" {
	echo text >x
	expect 65 tr-audit --verify x
	: >x
	expect 65 tr-audit --verify x
	tar cf x.tar --format=ustar x
	expect 65 tr-audit --verify x.tar
	[ "$stderr" = 'tr-audit: x.tar: is no proof pack' ]
	expect 66 tr-audit --verify nothing.tar
	expect 74 tr-audit --verify .
}

# ---------------------------------------------------------------- what is private

@test "words and make of agents are left out as pages leave them out, and the books are proven" {
	cp "$BATS_FILE_TMPDIR/private.db" race.db
	expect 0 tr-audit -d race.db --export p.tar
	# by default its reasons are shown, not what it answered to the byte nor what it is made of
	grep -qaF canary-reason p.tar
	no_canary canary-argument canary-url agent.sh notional\":\"50\",
	expect 0 tr-audit --verify p.tar --head "$(head_of 30 private.db)"
	[[ $output == *'texts are left out in 2 windows: their decisions rest on the seals'* ]]
	# nothing of its reasons either
	tr-agent -q -d race.db set canary --publish none
	expect 0 tr-audit -d race.db --export p.tar --force
	no_canary canary-reason canary-argument canary-url agent.sh
	expect 0 tr-audit --verify p.tar --json
	[ "$(jq -c '[.withheld, .full, .trades > 20]' <<<"$output")" = '[2,false,true]' ]
	# whose words are all for everybody is proven as a whole
	tr-agent -q -d race.db set canary --publish all
	expect 0 tr-audit -d race.db --export p.tar --force
	no_canary canary-url
	expect 0 tr-audit --verify p.tar --json
	[ "$(jq -c '[.withheld, .full]' <<<"$output")" = '[0,false]' ]
}

@test "a hash of a text that is left out is that of the text" {
	cp "$BATS_FILE_TMPDIR/private.db" race.db
	expect 0 tr-audit -q -d race.db --export p.tar
	tar xf p.tar
	local hash
	hash=$(sqlite3 race.db "SELECT writefile('raw', raw) FROM decisions JOIN agents ON id = agent_id
		WHERE name = 'canary' LIMIT 1" >wrote; sha256sum <raw | cut -d' ' -f1)
	[ "$(jq -r 'select(.[0] == "decision" and .[1] == "canary")[14].sha256' proof/facts/*.jsonl | head -1)" = "$hash" ]
	[ "$(jq -r 'select(.[0] == "decision" and .[1] == "canary")[14].bytes' proof/facts/*.jsonl | head -1)" = "$(stat -c %s raw)" ]
}

@test "a full pack leaves nothing out, and --full takes no other" {
	cp "$BATS_FILE_TMPDIR/private.db" race.db
	expect 0 tr-audit -d race.db --export p.tar --full --json
	[ "$(jq -c '[.ok, .full, .withheld]' <<<"$output")" = '[true,true,0]' ]
	grep -qaF canary-argument p.tar
	grep -qaF canary-url p.tar
	expect 0 tr-audit --verify p.tar --full
	expect 0 tr-audit -q -d race.db --export q.tar
	expect 1 tr-audit --verify q.tar --full
	[[ $output == *'left out'* ]]
}

@test "a text that is left out hides no order, trade or balance that was changed" {
	cp "$BATS_FILE_TMPDIR/private.db" race.db
	expect 0 tr-audit -q -d race.db --export p.tar
	PACK() { printf p.tar; }
	finds checks 'rows[at("order", "canary")][7] += 1' 'order canary' 'is not what the decision asks for'
	finds checks 'r = rows[at("decision", "canary")]; r[8] = r[8].replace("50", "51")' 'decision canary' 'does not match its hash'
	finds checks 'rows[at("trade", "canary", 1)][12] += 1' 'trade canary 1: the fee'
	finds checks 'rows[at("execution", "canary")][7] += 1' 'executions or trades'
	# and none that the pack says to be full can lack one
	finds sums 'files["manifest.json"] = files["manifest.json"].replace(b"\"full\":false", b"\"full\":true")' 'left out'
}

# ---------------------------------------------------------------- files

@test "a file that is there is replaced with --force alone" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	echo mine >p.tar
	expect 65 tr-audit -d race.db --export p.tar
	[ "$stderr" = 'tr-audit: p.tar: is there already; --force replaces it' ]
	[ "$(cat p.tar)" = mine ]
	expect 0 tr-audit -q -d race.db --export p.tar --force
	cmp p.tar "$(PACK)"
	[ ! -e p.tar.tmp ]
}

@test "a pack goes through pipes" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	tr-audit -d race.db --export - >p.tar
	cmp p.tar "$(PACK)"
	expect 0 tr-audit --verify - <p.tar
	expect 0 bash -c 'set -o pipefail; tr-audit -d race.db --export - | cat | tr-audit -q --verify -'
	assert_output ""
}

@test "a pack that could not be written is not there" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	expect 74 bash -c 'tr-audit -d race.db --export - >/dev/full'
	expect 74 bash -c 'ulimit -f 8; trap "" XFSZ; tr-audit -d race.db --export p.tar'
	[ ! -e p.tar ]
	[ ! -e p.tar.tmp ]
	expect 66 tr-audit -d race.db --export nowhere/p.tar
	ln -s /etc/passwd p.tar.tmp
	expect 74 tr-audit -d race.db --export p.tar
	rm p.tar.tmp
	echo half >p.tar.tmp
	expect 0 tr-audit -q -d race.db --export p.tar
	cmp p.tar "$(PACK)"
}

@test "two exports to one place do not write into one file" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	: >p.tar.tmp
	exec 9<p.tar.tmp
	flock 9
	expect 75 tr-audit -d race.db --export p.tar
	[[ $stderr == *'another export is writing it' ]]
	exec 9<&-
	expect 0 tr-audit -q -d race.db --export p.tar
}

@test "a race that does not add up gets no pack" {
	cp "$BATS_FILE_TMPDIR/race.db" race.db
	sqlite3 race.db "DROP TRIGGER trades_update; UPDATE trades SET fee = fee + 1 WHERE seq = 1 AND
		agent_id = (SELECT id FROM agents WHERE name = 'me')"
	expect 1 tr-audit -d race.db --export p.tar
	[[ $output == 'difference: facts/00000001.jsonl, line '*'trade me 1: the fee is'* ]]
	[ ! -e p.tar ]
	[ ! -e p.tar.tmp ]
}

@test "a race without seals has nothing to prove" {
	demo_race
	expect 66 tr-audit --export p.tar
	[ "$stderr" = 'tr-audit: the race has no seals yet' ]
	[ ! -e p.tar ]
	[ ! -e p.tar.tmp ]
	expect 66 tr-audit -d nothing.db --export p.tar
}

@test "options that contradict each other are refused" {
	expect 64 tr-audit --export a --verify b
	expect 64 tr-audit --export a --head "$(printf '%064d' 0)"
	expect 64 tr-audit --export a --heads b
	expect 64 tr-audit --force
	expect 64 tr-audit --verify b --force
	expect 64 tr-audit --full
	expect 64 tr-audit --verify b --head 1234
	[[ $stderr == *'64 hexadecimal digits'* ]]
}
