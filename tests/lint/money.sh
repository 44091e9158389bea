#!/bin/sh
# Books are integers: no floating type in the modules that touch money.
set -eu
lint=$(dirname "$0")
set --
for f in lib/decimal.[ch] lib/portfolio.[ch] lib/risk.[ch] lib/ledger*.[ch] lib/sim.[ch]; do
	[ ! -f "$f" ] || set -- "$@" "$f"
done
[ $# -gt 0 ] || { echo "lib:1: no money module found"; exit 1; }
found=$(awk -v strings=0 -f "$lint/code.awk" "$@" |
	awk '/[^A-Za-z0-9_](double|float)($|[^A-Za-z0-9_])/ {
		split($0, part, ":")
		print part[1] ":" part[2] ": floating point in a money module"
	}')
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
