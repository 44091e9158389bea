#!/bin/sh
# Every shell script passes shellcheck.
set -eu
lint=$(dirname "$0")
check() { # check PATTERN OPTION...
	pattern=$1
	shift
	# no name of a file here holds a blank
	# shellcheck disable=SC2046
	set -- "$@" $("$lint/files.sh" | grep -E "$pattern")
	shellcheck -x -f gcc "$@" || status=1
}
status=0
check '\.sh$|^completions/.*\.bash$|^\.ci/run$'
# bats sets what suites and helpers read, and they quote programs for other shells and for jq
check '^tests/.*\.bats$' -s bats -e SC2154,SC2016
check '^tests/.*\.bash$' -e SC2154,SC2016
exit $status
