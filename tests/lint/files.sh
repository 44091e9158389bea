#!/bin/sh
# Not a rail: list the files of the project, of a checkout as of an unpacked release.
set -eu
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -co --exclude-standard
else
	find . -path ./build -prune -o -path ./dist -prune -o -type f -print | sed 's|^\./||'
fi | sort | while read -r f; do
	# deleted but not yet committed
	[ ! -f "$f" ] || printf '%s\n' "$f"
done
