#!/usr/bin/env bats
# The page: its figures are the board's, foreign text stays text, and it needs nothing else.
load helper

# Forty days of the demo's agents, and four that are like some of them.
setup_file() {
	umask 077
	cd "$BATS_FILE_TMPDIR" || return 1
	tr-init -q --demo --quote USD base.db
	for name in twin1 twin2; do tr-agent -q -d base.db add $name --kind rule --strategy random; done
	tr-agent -q -d base.db add slow --kind rule --strategy sma-cross --set fast=30 --set slow=90
	tr-agent -q -d base.db add trigger --kind rule --strategy rsi --set low=40 --set high=60
	tr-replay -q -d base.db --from 2024-01-01 --to 2024-02-10 --out season.db
	tr-db -q -d season.db checkpoint
	tr-report -d season.db -o season.html
}

season() {
	cp "$BATS_FILE_TMPDIR/season.db" race.db
	cp "$BATS_FILE_TMPDIR/season.html" .
	export TR_DB=$PWD/race.db
}

# What every test of a page needs of it.
page_py() {
	cat >page.py <<-'PY'
		import base64, hashlib, json, re, sys
		from html.parser import HTMLParser

		VOID = {"meta", "link", "path", "line", "circle", "wbr"}

		class Page(HTMLParser):
		    def __init__(self, name):
		        super().__init__()
		        self.tags, self.stack, self.data, self.text = [], [], [], []
		        self.raw = {"script": "", "style": ""}
		        self.source = open(name, encoding="utf-8").read()
		        self.feed(self.source)
		        assert not self.stack, self.stack

		    def handle_starttag(self, tag, attrs):
		        attrs = dict(attrs)
		        self.tags.append((tag, attrs))
		        if tag == "data":
		            self.data.append([self.agent(), attrs["data-k"], attrs["value"], ""])
		        if tag not in VOID:
		            self.stack.append((tag, attrs))

		    def handle_startendtag(self, tag, attrs):
		        self.tags.append((tag, dict(attrs)))

		    def handle_endtag(self, tag):
		        if tag in VOID:
		            return
		        assert self.stack[-1][0] == tag, (self.stack[-1], tag)
		        self.stack.pop()

		    def handle_data(self, data):
		        top = self.stack[-1][0] if self.stack else ""
		        if top in self.raw:
		            self.raw[top] += data
		        else:
		            self.text.append(data)
		        if top == "data":
		            self.data[-1][3] += data

		    def agent(self):
		        return next((a["data-agent"] for _, a in reversed(self.stack) if "data-agent" in a), None)

		    def words(self):
		        return "".join(self.text)

		def board(name):
		    """Numbers as the text that they have in the record."""
		    return json.load(open(name), parse_float=str, parse_int=str)

		def look_up(record, key):
		    for part in key.split("."):
		        record = record[int(part) if part.isdigit() else part]
		    return "" if record is None else record

		def number(text):
		    return float(text.replace("\u2212", "-").replace(",", "").rstrip("%"))
	PY
	PYTHONPATH=$PWD python3 -
}

# Every figure of page.html is that of board.json.
figures_equal() {
	page_py <<-'PY'
		from page import *
		p, b = Page("page.html"), board("board.json")
		agents = {a["agent"]: a for a in b["agents"]}
		seen = {}
		for agent, key, value, text in p.data:
		    want = look_up(agents[agent] if agent else b, key)
		    assert value == want, (agent, key, value, want)
		    seen.setdefault(agent, set()).add(key)
		    if value == "":
		        assert text == "n/a", text
		    elif key != "fill":
		        shown, exact = number(text), float(value) * (100 if text.endswith("%") else 1)
		        digits = len(text.rstrip("%").partition(".")[2])
		        assert abs(shown - exact) <= 0.5000001 * 10**-digits, (agent, key, text, value)
		assert set(agents) | {None} == set(seen), set(agents) ^ set(seen)
		for a in agents:
		    assert {"rank", "return", "total", "vs_buy_and_hold", "max_drawdown", "stats.sharpe", "trades", "fees",
		            "win_rate", "exposure", "reliability", "thinking_usd", "net_return", "turns", "valid"} <= seen[a], a
		    assert len(seen[a]) > 25
		if b["head"]:
		    assert b["head"] in p.source
	PY
}

@test "lines, scales, labels and text are drawn as they should be" {
	run "$B/unit/test_report"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "every figure of the page is that of the board" {
	season
	cp season.html page.html
	tr-board --json --stats >board.json
	figures_equal
	# and the other way round: the board's first column is the order of the page
	diff <(jq -r '.agents[].agent' board.json) \
		<(grep -o '<tr data-agent="[^"]*"' page.html | head -12 | cut -d'"' -f2)
}

@test "so it is for a span, for a moment and with another seed" {
	season
	for span in "--from 2024-01-03 --to 2024-02-08" "--at 2024-01-20T12:00Z" "--seed 7"; do
		# shellcheck disable=SC2086
		expect 0 tr-report $span -o page.html
		# shellcheck disable=SC2086
		tr-board --json --stats $span >board.json
		figures_equal
		rm page.html
	done
}

@test "the page is well formed, refers to nothing outside, and its policy names its script and style" {
	season
	page_py <<-'PY'
		from page import *
		p = Page("season.html")
		policy = next(a["content"] for t, a in p.tags if a.get("http-equiv") == "Content-Security-Policy")
		rules = dict(r.strip().split(" ", 1) for r in policy.split(";"))
		assert rules["default-src"] == "'none'" and rules["base-uri"] == "'none'" and "unsafe" not in policy
		for kind in ("script", "style"):
		    digest = base64.b64encode(hashlib.sha256(p.raw[kind].encode()).digest()).decode()
		    assert rules[kind + "-src"] == f"'sha256-{digest}'", kind
		    assert sum(t == kind for t, _ in p.tags) == 1
		    # what the file has between the tags is what a browser hashes
		    assert f"<{kind}>{p.raw[kind]}</{kind}>" in p.source
		for tag, attrs in p.tags:
		    assert tag not in ("img", "iframe", "object", "embed", "form", "base", "image", "use"), tag
		    assert "style" not in attrs and "src" not in attrs and not any(k.startswith("on") for k in attrs), attrs
		    assert attrs.get("href", "#").startswith(("#", "data:,")), attrs
		assert "http" not in re.sub("http-equiv|http://www.w3.org/[0-9a-z/]*", "", p.source)
		ids = [a["id"] for _, a in p.tags if "id" in a]
		assert len(ids) == len(set(ids))
		assert all(a["href"][1:] in ids for _, a in p.tags if a.get("href", "").startswith("#"))
		names = {a["data-a"] for t, a in p.tags if t == "path" and "data-a" in a}
		assert len(names) == 12
		for name in names:
		    assert "a-" + name in ids
		# nothing that matters is hidden from who has no script
		assert {a.get("id") for _, a in p.tags if "hidden" in a} == {"theme", "range", "tip"}
		for section in ("standings", "curves", "luck", "drawdowns", "agents", "method"):
		    assert section in ids
	PY
	[ "$(wc -l <"$TOP/share/report.js")" -le 150 ]
}

@test "the same race gives the same bytes, wherever and whenever" {
	season
	before=$(state)
	TZ=Asia/Tokyo LANG=de_DE.UTF-8 tr-report --now 2031-05-05 -o - >one.html
	mkdir elsewhere
	chmod 700 elsewhere
	cp race.db elsewhere/other.db
	tr-report -d elsewhere/other.db -o two.html
	cmp one.html two.html
	cmp one.html season.html
	run ! grep -qF "$PWD" one.html
	assert_equal "$(state)" "$before"
}

@test "words of agents stay words" {
	demo_race
	cat >hostile.sh <<-'SH'
		#!/bin/sh
		while read -r line; do
			printf '%s\n' '{"orders":[],"reasoning":"</p></article><script>alert(1)</script><img src=x onerror=y> \" & '"'"' \u202Eabc\u200B\u0007 ]]> -->"}'
		done
	SH
	chmod +x hostile.sh
	tr-agent -q add hostile --kind exec -- ./hostile.sh --flag '<b>&'
	tr-agent -q add liar --kind exec -- /bin/echo '<script>not json</script>'
	tr-agent -q set hostile --publish all
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T00:20Z || [ $? -eq 3 ]
	expect 0 tr-report
	page_py <<-'PY'
		from page import *
		p = Page("race.html")
		assert "</p></article><script>alert(1)</script><img src=x onerror=y> \" & ' abc  ]]> -->" in p.words()
		assert "--flag <b>&" in p.words()
		assert sum(t == "script" for t, _ in p.tags) == 1 and not any(t in ("img", "b") and a for t, a in p.tags)
		assert not re.search("[\u200b\u202a-\u202e\x00-\x08\x0b-\x1f\x7f-\x9f]", p.source)
	PY
	run ! grep -qF "$PWD" race.html
}

@test "behind an order stands what its market was like when it was decided" {
	season
	local n
	sqlite3 race.db "SELECT DISTINCT json_extract(o.value, '\$.asset') || ' ' || (g.regimes ->> json_extract(o.value, '\$.asset'))
		FROM (SELECT *, row_number() OVER (PARTITION BY agent_id ORDER BY window_ms DESC) AS at FROM decisions) AS d
		JOIN json_each(d.orders) AS o JOIN regimes AS g ON g.window_ms = d.window_ms WHERE d.at <= 2" | sort -u >want
	[ "$(wc -l <want)" -ge 1 ]
	while read -r asset regime; do
		n=$(grep -c " $asset\( at [0-9.]* or better\)\? <span class=\"mute\">$regime</span>" season.html)
		[ "$n" -ge 1 ] || fail "no $asset $regime"
	done <want
	run ! grep -E '(buy|sell) [0-9.]+ (of )?[A-Z]+</li>' season.html
}

@test "an agent's words are shown as far as it publishes them" {
	demo_race
	echo "SECRET PROMPT" >prompt.txt
	tr-agent -q add thinker --kind llm --model ollama/llama3.3 --prompt prompt.txt
	# nobody answers, and nobody waits until a breaker closes
	tr-config -q set llm.retries 0
	tr-config -q set decide.deadline_s 5
	tr-cycle -q --from 2024-07-23T00:00Z --to 2024-07-23T02:00Z >/dev/null || [ $? -eq 3 ]
	shown() { # AGENT: the card as text
		tr-report -o - >page.html
		sed -n "/<article id=\"a-$1\"/,/<\/article>/p" page.html
	}
	reason=$(sqlite3 race.db "SELECT substr(reasoning, 1, 12) FROM decisions AS d JOIN agents AS a ON a.id = agent_id
		WHERE name = 'trend' ORDER BY window_ms DESC LIMIT 1")
	hash=$(sqlite3 race.db "SELECT substr(lower(hex(hash)), 1, 16) FROM decisions AS d JOIN agents AS a ON a.id = agent_id
		WHERE name = 'trend' ORDER BY window_ms DESC LIMIT 1")
	assert_equal "$(tr-agent show trend --json | jq -r .publish)" reasoning
	[[ $(shown trend) == *"$reason"* && $(shown trend) == *"fast="* ]]
	[[ $(shown thinker) != *SECRET* && $(shown thinker) == *llama3.3* ]]
	tr-agent -q set thinker --publish all
	[[ $(shown thinker) == *"SECRET PROMPT"* ]]
	expect 0 tr-agent set trend --publish none
	assert_output "trend: version 1, unchanged"
	assert_equal "$(tr-agent show trend --json | jq -r .publish)" none
	[[ $(tr-agent show trend) == *"publish: none"* ]]
	[[ $(shown trend) != *"$reason"* && $(shown trend) != *"fast="* && $(shown trend) == *"$hash"* ]]
	# what it holds is no word
	[[ $(shown trend) == *'>cash<'* ]]
	# it is not a fact of the race
	before=$(state)
	tr-agent -q set trend --publish reasoning
	assert_equal "$(state)" "$before"
	[[ $(shown trend) == *"$reason"* ]]
	expect 64 tr-agent set trend --publish some
	expect 0 tr-agent add forked --kind exec --publish none -- /bin/true
	expect 0 tr-agent set forked --publish all
	assert_output "forked: version 1, unchanged"
}

@test "a page is replaced as a whole, and nothing but a page is" {
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	expect 0 tr-report
	assert_output ""
	assert_equal "$(stat -c %a race.html)" 644
	inode=$(stat -c %i race.html)
	chmod 640 race.html
	expect 0 tr-report
	assert_equal "$(stat -c %a race.html)" 640
	[ "$inode" != "$(stat -c %i race.html)" ]
	tr-report -o - | cmp - race.html
	before=$(sha256sum <race.db)
	expect 65 tr-report -o race.db
	assert_equal "$(sha256sum <race.db)" "$before"
	ln -s race.html link.html
	expect 65 tr-report -o link.html
	mkdir dir
	expect 65 tr-report -o dir
	expect 66 tr-report -o missing/race.html
	: >empty.html
	expect 0 tr-report -o empty.html
	[ -e /dev/full ] && {
		run --separate-stderr sh -c 'tr-report -o - >/dev/full'
		assert_equal "$status" 74
	}
	run ! ls -d -- *.html.*
	expect 64 tr-report extra
	expect 64 tr-report -o ''
	expect 64 tr-report --at 2024-07-23 --to 2024-07-24
	expect 64 tr-report --from 2024-07-24 --to 2024-07-23
	expect 64 tr-report --seed -1
	expect 66 tr-report -d none.db
}

@test "a write that fails leaves the old page and nothing else" {
	# leaks cannot be looked for under strace
	local -x ASAN_OPTIONS=detect_leaks=0
	command -v strace >/dev/null || skip "no strace"
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	tr-report
	tr-cycle -q -w 2024-07-23T00:05Z >/dev/null
	old=$(sha256sum <race.html)
	for call in write fsync fchmod rename; do
		run strace -qq -o /dev/null -e "inject=$call:error=ENOSPC" tr-report
		assert_equal "$status" 74
		assert_equal "$(sha256sum <race.html)" "$old"
		run ! ls -d -- *.html.*
	done
	expect 0 tr-report
	[ "$(sha256sum <race.html)" != "$old" ]
}

@test "a race before its first window, of one window and of an hour has a page" {
	demo_race
	for to in 00:00 00:05 01:00; do
		[ $to = 00:00 ] || tr-cycle -q --from 2024-07-23T00:00Z --to "2024-07-23T${to}Z" >/dev/null
		expect 0 tr-report -o page.html
		tr-board --json --stats >board.json
		figures_equal
	done
	grep -q 'Too early to tell' page.html
	rm page.html
	expect 0 tr-report --at 2020-01-01 -o page.html
	grep -q 'The race has not begun' page.html
	tr-init -q --bare none.db
	expect 0 tr-report -d none.db -o none.html
}

@test "a year of windows and twelve agents fit in 400 KB" {
	season
	# a hundred thousand windows of noise, the worst case of a line
	sqlite3 race.db >/dev/null <<-'SQL'
		PRAGMA synchronous = OFF;
		PRAGMA foreign_keys = OFF;
		BEGIN;
		CREATE TEMP TABLE w AS WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 93600)
		  SELECT i, 1707523200000 - 300000 + i * 300000 AS ms FROM n;
		INSERT INTO cycles SELECT ms, NULL, (SELECT pin FROM cycles LIMIT 1), 1, 0, 'completed', 1, 0, 0 FROM w;
		INSERT INTO batches SELECT ms, 6, 6 FROM w;
		INSERT INTO snapshots SELECT a.id, ms, 'post', t, 0, 0, t, 0 FROM (SELECT a.id, ms, 10000000000000 + ((w.i *
		  (7919 + a.id * 104729)) % 100003 - 50000) * 20000000 + w.i * a.id * 3000000 AS t, a.id FROM agents AS a, w) AS a;
		COMMIT;
	SQL
	expect 0 tr-report -o year.html
	size=$(stat -c %s year.html)
	[ "$size" -lt 409600 ] || { echo "$size bytes"; return 1; }
	[ "$(jq -r .first < <(tr-board --json))" = market-cycle-20240101-0000 ]
	grep -q 'After 365 days' year.html
}

# The title and the sentence below it, of agents that are worth so much: best NAME=TOTAL[/TRADES] ...
headline() {
	local pair id
	rm -f told.db*
	cp "$BATS_FILE_TMPDIR/told.db" .
	for pair in "$@"; do
		id="(SELECT id FROM agents WHERE name = '${pair%%=*}')"
		sqlite3 told.db "INSERT INTO snapshots SELECT $id, window_ms, 'post', t, 0, 0, t, 0 FROM
			(SELECT max(window_ms) AS window_ms, ${pair##*=} * 100000000 AS t FROM batches);"
		[ "${pair##*=}" = 100000 ] || sqlite3 told.db "INSERT INTO trades SELECT NULL, $id, 1, window_ms, 0, window_ms,
			1, 'buy', 1, 1, 1, 1, 0, 0, 0, 1, 1 FROM (SELECT max(window_ms) AS window_ms FROM batches)"
	done
	tr-report -d told.db -o told.html
	grep -q "<title>$(sed -n 's/.*<h1>\(.*\)<.h1>/\1/p' told.html) (simulated prices) " told.html
	sed -n 's/.*<h1>\(.*\)<.h1>/\1/p; s/<p class="lead">After 5 minutes of paper trading, \(.*\)<.p>/\1/p' told.html |
		sed 's/ It is <b>too early.*//'
}

@test "title and sentence agree, whoever is ahead" {
	cd "$BATS_FILE_TMPDIR"
	tr-init -q --quote USD told.db
	tr-asset -q -d told.db add BTC --feed sim
	for name in ann bob cid; do tr-agent -q -d told.db add $name --kind manual; done
	tr-ingest -q -d told.db -w 2024-07-23T00:00Z >/dev/null
	tr-db -q -d told.db checkpoint
	cd "$DIR"
	assert_equal "$(headline buy-and-hold=99000 cash=100000 ann=100000 bob=100000 cid=90000)" \
"No agent is ahead of its starting cash
ann and bob have not traded and keep their cash, 1.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=99000 cash=100000 ann=100000 bob=100000 cid=100000)" \
"No agent is ahead of its starting cash
all 3 agents have not traded and keep their cash, 1.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=100000 cash=100000 ann=100000 bob=90000 cid=90000)" \
"No agent is ahead of its starting cash
ann has not traded and keeps its cash, level with buy-and-hold."
	assert_equal "$(headline buy-and-hold=102000 cash=100000 ann=103000 bob=103000 cid=100000)" \
"ann and bob share the lead with +3.00%
ann and bob are 1.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=102000 cash=100000 ann=103000 bob=103000 cid=103000)" \
"3 agents share the lead with +3.00%
all 3 agents are 1.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=102000 cash=100000 ann=104000 bob=103000 cid=90000)" \
"ann leads with +4.00%
ann is 2.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=102000 cash=100000 ann=101000 bob=100000 cid=100000)" \
"No agent beats buy-and-hold
ann comes closest with +1.00%, 1.00 points behind buy-and-hold."
	assert_equal "$(headline buy-and-hold=102000 cash=100000 ann=102000 bob=100000 cid=100000)" \
"No agent beats buy-and-hold
ann comes closest with +2.00%, level with buy-and-hold."
	assert_equal "$(headline buy-and-hold=90000 cash=100000 ann=98000 bob=90000 cid=90000)" \
"No agent beats cash
ann comes closest with −2.00%, 8.00 points ahead of buy-and-hold."
	assert_equal "$(headline buy-and-hold=90000 cash=100000)" \
"Only the baselines are in the race
nobody competes with them."
	tr-init -q --quote USD mute.db
	tr-asset -q -d mute.db add BTC --feed sim
	tr-agent -q -d mute.db add liar --kind exec -- /bin/echo no
	tr-cycle -q -d mute.db -w 2024-07-23T00:00Z || [ $? -eq 3 ]
	tr-report -d mute.db -o mute.html
	grep -q '<h1>No agent has had a valid turn</h1>' mute.html
	grep -q 'trading, every answer was late, broken or missing\.</p>' mute.html
}

@test "simulated prices, sources and rates stand on the page, and no answer earns no colour" {
	season
	grep -q 'Simulated prices\.' season.html
	grep -q '<dt>BTC</dt><dd><b>simulated prices</b></dd>' season.html
	grep -q 'after fees of 0.1% of the value of a fill; slippage is not charged\.' season.html
	tr-init -q --demo --quote USD other.db
	export TR_DB=$PWD/other.db
	tr-agent -q add liar --kind exec -- /bin/echo no
	tr-cycle -q -w 2024-07-23T00:00Z || [ $? -eq 3 ]
	tr-config -q set trade.fee_bps 25
	tr-config -q set trade.slippage_bps 5
	tr-cycle -q -w 2024-07-23T00:15Z || [ $? -eq 3 ]
	expect 0 tr-report -o page.html
	grep -q 'fees of 0.25% of the value of a fill and slippage of 0.05% of its price, rates at the end' page.html
	tr-board --json --stats >board.json
	figures_equal
	# its cash is ahead of the fees of those who bought
	jq -e '.agents[] | select(.agent == "liar") | .vs_buy_and_hold > 0.0005' board.json
	grep '<tr data-agent="liar"' page.html | grep -q 'no valid turn.*data-k="vs_buy_and_hold" value="[0-9.]*">+'
	grep '<tr data-agent="trend"' page.html | grep -q 'data-k="vs_buy_and_hold" value="[0-9.]*" class="pos">+'
	sed -n '/<article id="a-liar"/,/<\/article>/p' page.html >card.html
	grep -q 'no valid turn' card.html
	run ! grep -q 'class="pos"' card.html
}

# ---- in a browser

browser() {
	command -v python3 >/dev/null || skip "no python3"
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || skip "no chromium"
	python3 "$TOP/tests/page.py" "$@" >seen.json
}

@test "in a browser the page asks for nothing, complains of nothing and fits every screen" {
	season
	browser season.html
	assert_equal "$(jq -c '[.console, .requests]' seen.json)" '[[],[]]'
	assert_equal "$(jq -c '.views | keys' seen.json)" \
		'["1280-dark","1280-light","375-dark","375-light","768-dark","768-light"]'
	jq -c '.views[]' seen.json | while read -r view; do
		jq -e '.overflow == 0 and .contrast >= 4.5 and (.lines | length) == 12' <<<"$view" >/dev/null ||
			{ echo "$view"; return 1; }
	done
	# dark is dark
	jq -e '.views | .["375-dark"].ground != .["375-light"].ground' seen.json
}

@test "hostile words run nothing in a browser" {
	demo_race
	cat >evil <<-'SH'
		#!/bin/sh
		while read -r line; do
			echo '{"orders":[],"reasoning":"</p><script>document.title=1</script><svg onload=alert(1)>"}'
		done
	SH
	chmod +x evil
	tr-agent -q add evil --kind exec -- ./evil
	tr-cycle -q -w 2024-07-23T00:00Z >/dev/null
	tr-report
	browser race.html --eval document.title
	assert_equal "$(jq -c '.console' seen.json)" '[]'
	jq -e '[.views[].value | contains("trading race")] | all' seen.json
}

@test "the cross-hair at the end shows what the board has, and a label takes its line out" {
	season
	browser season.html --eval '(() => {
		const plot = document.getElementById("plot"), box = plot.getBoundingClientRect();
		const point = () => plot.dispatchEvent(new PointerEvent("pointermove", { clientX: box.right, clientY: box.top + 9 }));
		const rows = () => [...document.querySelectorAll("#tip span")].map((s) => s.textContent);
		point();
		const all = rows();
		for (const b of document.querySelectorAll("#range button")) b.click();
		document.querySelector("#lbs [data-a=trend]").dispatchEvent(new MouseEvent("click"));
		point();
		const fewer = rows();
		document.getElementById("theme").click();
		return { all, time: document.querySelector("#tip b").textContent, fewer, theme: document.documentElement.dataset.theme,
			ticks: document.querySelectorAll("#gx text").length };
	})()'
	assert_equal "$(jq -c '.console' seen.json)" '[]'
	tr-board --json --stats >board.json
	page_py <<-'PY'
		from page import *
		want = {a["agent"] + f"{float(a['return']) * 100:+.2f}%".replace("-", "\u2212").replace("+0.00", "0.00")
		        for a in json.load(open("board.json"))["agents"]}
		for view, v in json.load(open("seen.json"))["views"].items():
		    v = v["value"]
		    assert set(v["all"]) == want, (set(v["all"]) ^ want)
		    assert set(v["fewer"]) == {w for w in want if not w.startswith("trend")}
		    assert v["time"] == "2024-02-09 23:55" and v["ticks"] >= 2
		    assert v["theme"] == ("light" if view.endswith("dark") else "dark")
	PY
}
