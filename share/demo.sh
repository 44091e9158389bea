#!/bin/sh
# A day of a race on simulated prices: eight agents, 288 windows, the leaderboard. The argument is
# the directory with the programs; the race is left in its folder demo/ to look at.
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

tr-init --demo --quote USD --quiet
tr-cycle --from 2024-07-23 --to 2024-07-24
tr-board
echo
tr-audit
echo
echo "The race is $TR_DB. Look around:"
echo "  export PATH=$bin:\$PATH TR_DB=$TR_DB"
echo "  tr-portfolio trend"
echo "  tr-cycle --now 2024-07-24T00:00:10Z   # one more window"
echo "  sqlite3 \$TR_DB 'SELECT * FROM v_trades LIMIT 5'"
echo "  man -l man/tr-tools.7"
