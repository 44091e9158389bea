#!/bin/sh
# Ten months of recorded five-minute windows, six assets, twelve rule agents, decisions every
# third window, all in one race: windows a second, against a plain program that inserts the same
# rows; memory; and whether the time grows with windows and agents as it should. Then the board
# and the page of that race.
set -eu
cd "$(dirname "$0")/../.."
B=$(cd "$B" && pwd)
PATH=$B:$PATH
data=$(cd .. && pwd)/shared/data
if [ ! -d "$data" ]; then
	echo "replay: no recorded market data beside the checkout"
	exit 0
fi
dir=$(mktemp -d "$B/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
umask 077
"${CC:-gcc}" -O2 -o "$dir/rows" tests/bench/rows.c -lsqlite3

tr-init -q "$dir/first.db" --quote USDT
for a in ADA BTC ETH LTC SOL XRP; do
	tr-asset -q -d "$dir/first.db" add "$a" --feed history
done
tr-ingest -q -d "$dir/first.db" --import "$data"/*-USDT_5m_binance_2022-12-01_2023-10-02.csv.gz
agent() {
	name=$1 strategy=$2
	shift 2
	tr-agent -q -d "$dir/first.db" add "$name" --kind rule --strategy "$strategy" "$@"
}
agent trend sma-cross
agent quick sma-cross -S fast=10
agent rsi rsi
agent rsi-20 rsi -S low=20
agent momentum momentum
agent momentum-24 momentum -S lookback=24
agent reversion mean-reversion
agent reversion-30 mean-reversion -S period=30

# replay FILE FROM TO [OPTION...]: seconds and, behind them, kilobytes
replay() {
	out=$1 from=$2 to=$3
	shift 3
	rm -f "$out"*
	start=$(date +%s%N)
	/usr/bin/time -f %M -o "$dir/kb" tr-replay -q -d "$dir/first.db" --from "$from" --to "$to" -o "$out" "$@"
	echo "$start $(date +%s%N) $(cat "$dir/kb")" | awk '{ printf "%.3f %d\n", ($2 - $1) / 1e9, $3 }'
}

nothing=$(replay "$dir/none.db" 2022-12-02 2022-12-02T00:05Z | cut -d' ' -f1)
all=$(replay "$dir/race.db" 2022-12-02 2023-10-01)
yard=$("$dir/rows" "$dir/race.db" "$dir/yard.db")
windows=$(sqlite3 "$dir/race.db" 'SELECT count(*) FROM batches')
echo "$all $yard $windows $nothing" | awk '{
	run = $1 - $6
	printf "replay: %d windows, 12 agents, %d rows: %.1f s, %d windows/s, %d agent-windows/s\n",
		$5, $4, run, $5 / run, 12 * $5 / run
	printf "%-46s %10.2f s   ratio %5.2f  (target at most 3)\n", "replay against the same rows inserted", run, run / $3
	printf "%-46s %10.2f s   (copying the set-up and its candles)\n", "before the first window", $6
	printf "%-46s %10d MiB              (target below 200)\n", "memory", $2 / 1024 }'
half=$(replay "$dir/half.db" 2022-12-02 2023-05-02T12:00Z | cut -d' ' -f1)
few=$(replay "$dir/few.db" 2022-12-02 2023-10-01 --agents trend,rsi | cut -d' ' -f1)
echo "$all $half $few $nothing" | awk '{
	printf "%-46s %10.2f     (linear: 2)\n", "all windows against half of them", ($1 - $5) / ($3 - $5)
	printf "%-46s %10.2f     (linear: 2, or less for what all share)\n", "twelve agents against six", ($1 - $5) / ($4 - $5) }'
RACE=$dir/race.db B=$B tests/bench/board.sh
for _ in 1 2 3; do
	start=$(date +%s%N)
	tr-report -q -d "$dir/race.db" -o "$dir/page.html"
	echo $((($(date +%s%N) - start) / 1000000))
	mv "$dir/page.html" "$dir/page"
done | sort -n | awk 'NR == 1 { printf "report: %.2f s", $1 / 1000 }'
wc -c <"$dir/page" | awk '{ printf ", %d KB (targets: under 2 s, at most 400 KB for a year)\n", $1 / 1000 }'
