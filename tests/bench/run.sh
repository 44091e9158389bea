#!/bin/sh
# Speed and memory against yardsticks measured in the same run. Prints ratios; fails only when
# something could not be measured, since machines are noisy and targets are looked at by people.
set -eu
cd "$(dirname "$0")/../.."
B=$(cd "$B" && pwd)
PATH=$B:$PATH
dir=$(mktemp -d "$B/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
"${CC:-gcc}" -O2 -o "$dir/yardstick" tests/bench/yardstick.c -lsqlite3

# microseconds since some moment
now() {
	echo $(($(date +%s%N) / 1000))
}

# The median time in microseconds of 15 runs of a command; @ in it is replaced by the run's number.
median() {
	i=0
	while [ $i -lt 15 ]; do
		a=$(now)
		"$@" "$i" >/dev/null || { echo "bench: $* failed" >&2; exit 1; }
		echo $(($(now) - a))
		i=$((i + 1))
	done | sort -n | sed -n 8p
}

ratio() { # name, value, yardstick, target
	awk -v n="$1" -v a="$2" -v b="$3" -v t="$4" 'BEGIN {
		printf "%-46s %10.2f ms  ratio %5.2f  (target %s)\n", n, a / 1000, a / b, t }'
}

five() {
	for _ in 1 2 3 4 5; do
		"$dir/yardstick" "$dir/yard.db"
	done
}

# the n-th window of a day that is a decision window, or the one after it
decision() {
	tr-cycle -q -d "$dir/race.db" --window "$(stamp $(($1 * 2 * 900)))"
}
quiet() {
	tr-cycle -q -d "$dir/race.db" --window "$(stamp $((20 * 3600 + $1 * 900 + 300)))"
}
stamp() {
	printf '2024-07-23T%02d:%02dZ' $(($1 / 3600)) $(($1 % 3600 / 60))
}

echo "One window, whole processes, against five processes that commit one row each:"
yard=$(median five)
ratio "yardstick" "$yard" "$yard" 1
tr-init -q "$dir/race.db" --demo
tr-cycle -q -d "$dir/race.db" --window 2024-07-22T23:55Z
ratio "decision window, 6 assets, 8 rule agents" "$(median decision)" "$yard" "at most 3"
ratio "data-only window, 6 assets, 8 agents" "$(median quiet)" "$yard" "at most 2"
i=0
while [ $i -lt 15 ]; do
	w=$(printf '2024-07-24T%02d:%02dZ' $((i / 4)) $((i % 4 * 15)))
	for step in tr-ingest tr-decide tr-trade; do
		$step -q -d "$dir/race.db" -w "$w"
	done
	tr-snapshot -q -d "$dir/race.db" -w "$w" --phase pre
	a=$(now)
	tr-cycle -q -d "$dir/race.db" -w "$w"
	echo $(($(now) - a))
	i=$((i + 1))
done | sort -n | sed -n 8p >"$dir/resume"
ratio "resume of a window before its last stage" "$(cat "$dir/resume")" "$yard" "at most 1"
once() {
	tr-once -d "$dir/race.db" --key bench -- true
}
once
ratio "tr-once on a stored key" "$(median once)" "$yard" "at most 0.5"

echo "A key claimed in a process, against one row committed in it to the same file:"
"${CC:-gcc}" -std=c11 -D_GNU_SOURCE -O2 -Ilib -o "$dir/claim" tests/bench/claim.c "$B/libtr.a" \
	-lsqlite3 -lcrypto -lz -lcjson -lm
"$dir/claim" "$dir/race.db" >"$dir/claims"
read -r claim bare <"$dir/claims"
ratio "bare commit, p50" "$bare" "$bare" 1
ratio "claim in process p50 / bare commit" "$claim" "$bare" "at most 1.5"

echo "Import against the sqlite3 shell's .import of the same file into an equal table:"
data=../shared/data/BTC-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz
if [ -f "$data" ]; then
	gzip -dc "$data" >"$dir/c.csv"
else
	awk 'BEGIN { print "asset,quote,open_time_utc,interval_s,open,high,low,close,volume"
		for (i = 0; i < 80000; i++) {
			t = 1669852800 + i * 300
			print "BTC,USDT," strftime("%Y-%m-%dT%H:%M:%SZ", t, 1) ",300,17165.53,17183.76,17156.43,17165." i % 90 + 10 ",1090.53948" } }' >"$dir/c.csv"
fi
rows=$(($(wc -l <"$dir/c.csv") - 1))
shell_import() {
	rm -f "$dir/s.db"
	sqlite3 "$dir/s.db" "PRAGMA journal_mode = WAL" "CREATE TABLE c (asset TEXT, quote TEXT, at TEXT,
		interval_s INTEGER, open TEXT, high TEXT, low TEXT, close TEXT, volume TEXT,
		PRIMARY KEY (asset, interval_s, at)) WITHOUT ROWID" ".import --csv --skip 1 $dir/c.csv c"
}
tool_import() {
	rm -f "$dir"/i.db*
	tr-init -q --bare --quote USDT "$dir/i.db"
	tr-asset -d "$dir/i.db" add BTC --feed history
	tr-ingest -q -d "$dir/i.db" --import "$dir/c.csv"
}
a=$(median shell_import)
b=$(median tool_import)
awk -v r="$rows" -v a="$a" -v b="$b" 'BEGIN {
	printf "%-46s %10.0f rows/s\n%-46s %10.0f rows/s  ratio %5.2f  (target at least 0.5)\n",
		"sqlite3 .import", r / a * 1e6, "tr-ingest --import", r / b * 1e6, a / b }'

echo "Peak memory of each tool in the demo (target below 16 MiB):"
TR_DB=$dir/race.db
export TR_DB
peak() {
	/usr/bin/time -f '%M' -o "$dir/rss" "$@" >/dev/null 2>&1 || :
	awk -v n="$1" '{ printf "%-46s %10.1f MiB\n", n, $1 / 1024 }' "$dir/rss"
}
if [ -x /usr/bin/time ]; then
	peak tr-ingest --window 2024-07-24T05:00Z
	peak tr-decide --window latest
	peak tr-trade --window latest
	peak tr-snapshot --window latest
	peak tr-cycle --window 2024-07-24T05:15Z
	peak tr-board
	peak tr-audit
	peak tr-db dump --logical
	peak tr-context trend
fi

tests/bench/agents.sh

echo "A race over history:"
tests/bench/replay.sh
