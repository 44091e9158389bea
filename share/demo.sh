#!/bin/sh
# A month of a race on simulated prices: eight agents, 8928 windows, the leaderboard and the page.
# The argument is the directory with the programs; the race is left in its folder demo/.
set -eu
bin=$(cd "$1" && pwd)
PATH=$bin:$PATH
dir=$bin/demo
rm -rf "$dir"
mkdir -m 700 "$dir"
cd "$dir"
TR_DB=$dir/race.db
export TR_DB
unset COLUMNS

tr-init --demo --quote USD --quiet setup.db
tr-replay -d setup.db --from 2024-07-01 --to 2024-08-01 --out race.db --quiet
tr-board --stats
echo
tr-audit
tr-report --quiet -o race.html
echo
echo "The race is $TR_DB. Look around:"
echo "  export PATH=$bin:\$PATH TR_DB=$TR_DB"
echo "  tr-why trade 100"
echo "  tr-portfolio trend"
echo "  tr-cycle --now 2024-08-01T00:00:10Z   # one more window"
echo "  sqlite3 \$TR_DB 'SELECT * FROM v_trades LIMIT 5'"
echo "  man -l man/tr-tools.7"
echo
echo "And its page: $dir/race.html"
