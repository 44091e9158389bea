#!/bin/sh
# The board with statistics over ten months of windows and twelve agents: of the race that RACE
# names, else of one that is made up here. Prints the seconds of the best of three.
set -eu
cd "$(dirname "$0")/../.."
B=$(cd "$B" && pwd)
PATH=$B:$PATH
dir=$(mktemp -d "$B/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
umask 077

# A window that was run, and 86,999 more after it with made-up books; every third decides.
make_up() {
	tr-init -q --demo --quote USD "$1"
	for a in t1 t2 t3 t4; do
		tr-agent -q -d "$1" add $a --kind rule --strategy random
	done
	tr-cycle -q -d "$1" --window 2023-01-01T00:00Z
	sqlite3 "$1" >"$dir/out" <<'SQL'
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE w AS WITH RECURSIVE n (i) AS
  (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 86999)
  SELECT i, 1672531200000 + i * 300000 AS ms FROM n;
INSERT INTO cycles SELECT ms, NULL, (SELECT pin FROM cycles), i % 3 = 0, 0, 'completed', 1, 0, 0 FROM w;
INSERT INTO batches SELECT ms, 6, 6 FROM w;
CREATE TEMP TABLE e AS SELECT a.id, w.ms, w.i, 10000000000000 + w.i * a.id * 2000000 +
  ((w.i / 97 * (13 * a.id + 7) + w.i * a.id) % 1009 - 500) * 1000000000 AS total FROM w, agents AS a;
INSERT INTO snapshots SELECT id, ms, p.phase, total - total / 4, total / 4, 0, total, 0
  FROM e, (SELECT 'post' AS phase UNION ALL SELECT 'pre') AS p WHERE phase = 'pre' OR i % 3 = 0;
INSERT INTO decisions SELECT id, ms, 1, iif(i % 9, 'hold', 'ok'), 'agent', ms, '[]',
  printf('%.200c', 'x'), NULL, NULL, zeroblob(32), zeroblob(32), NULL, ms, 0 FROM e WHERE i % 3 = 0;
INSERT INTO trades SELECT NULL, id, 100 + i, ms, 0, ms, 2, iif(i % 2, 'buy', 'sell'), 100, 1000, 1000,
  100000000000, 100000, iif(i % 2, 0, i % 21 * 1000000 - 3000000), 1, i % 2 * 100, 1 FROM e WHERE i % 9 = 0;
COMMIT;
SQL
}

race=${RACE:-}
if [ -z "$race" ]; then
	race=$dir/race.db
	make_up "$race"
fi
sqlite3 "$race" "SELECT 'board: ' || count(*) || ' windows, ' || (SELECT count(*) FROM agents) ||
	' agents, ' || (SELECT count(*) FROM snapshots) || ' snapshots' FROM batches"
for _ in 1 2 3; do
	start=$(date +%s%N)
	tr-board -d "$race" --stats --json >"$dir/board"
	echo $((($(date +%s%N) - start) / 1000000))
done | sort -n | awk 'NR == 1 { printf "board with statistics: %.2f s\n", $1 / 1000 }'
