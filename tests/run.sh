#!/bin/sh
# Run every test against the build in $B and close with one line "N passed, N failed, N skipped".
# Arguments are bats files to run instead of all of them. The TAP stream is kept in $B/check.tap.
set -u
cd "$(dirname "$0")/.." || exit 70
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
mkdir -p "$B" || exit 74
log=$B/check.tap
[ $# -gt 0 ] || set -- tests/*.bats
# --jobs wants GNU parallel; without it the files run one after another
if command -v parallel >/dev/null 2>&1; then
	set -- --jobs "$(nproc)" "$@"
fi
# the pipe would swallow the status of bats
rm -f "$log" "$log.status"
{
	bats --tap "$@" 2>&1
	echo $? >"$log.status"
} | tee "$log"
status=$(cat "$log.status" 2>/dev/null || echo 70)
rm -f "$log.status"
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -ci '^ok .* # skip' "$log")
passed=$(($(grep -c '^ok ' "$log") - skipped))
planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log" | head -n 1)
if [ $((passed + failed)) -eq 0 ]; then
	echo "run.sh: no test was executed" >&2
	[ "$status" -ne 0 ] || status=1
elif [ "${planned:-0}" -ne $((passed + failed + skipped)) ]; then
	echo "run.sh: ${planned:-0} tests were planned" >&2
	[ "$status" -ne 0 ] || status=1
fi
# a run that broke off is a failure, even if no test says so
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
