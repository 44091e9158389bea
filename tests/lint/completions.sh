#!/bin/sh
# The completions are those that the generator makes of the tools as they are now.
set -eu
: "${B:?the build directory}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
completions/generate.sh "$tmp"
status=0
for f in trading-race.bash _trading-race trading-race.fish; do
	line=$(diff "completions/$f" "$tmp/$f" 2>&1 | sed -n '1s/[^0-9].*//p')
	if ! cmp -s "completions/$f" "$tmp/$f"; then
		echo "completions/$f:${line:-1}: differs from the tools, run completions/generate.sh"
		status=1
	fi
done
bash -n completions/trading-race.bash || status=1
exit $status
