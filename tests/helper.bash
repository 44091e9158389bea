# shellcheck shell=bash
# Loaded by every bats file: the tools of the build on PATH, a private directory per test, a clean
# environment.
bats_require_minimum_version 1.5.0
TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
B=${B:-$TOP/build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
PATH=$B:$PATH
SHARED=$TOP/../shared
export TOP B PATH SHARED
unset TR_DB COLUMNS
export TZ=UTC LC_ALL=C NO_COLOR=1 MANPAGER=cat
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=1

load_libs() {
	load /usr/lib/bats/bats-support/load 2>/dev/null || load /usr/share/bats/bats-support/load
	load /usr/lib/bats/bats-assert/load 2>/dev/null || load /usr/share/bats/bats-assert/load
}
load_libs

setup() {
	DIR=$(mktemp -d "${BATS_TEST_TMPDIR}/XXXXXX")
	cd "$DIR" || return 1
	umask 077
}

# A race in ./race.db with fixed simulated assets, the baselines and the demo strategies.
demo_race() {
	tr-init "${1:-race.db}" --demo --quote USD >/dev/null
	export TR_DB="$PWD/${1:-race.db}"
}

# The digest of everything that counts as the race's state.
state() {
	tr-db dump --logical -d "${1:-$TR_DB}" | sha256sum | cut -d' ' -f1
}

need_shared() {
	[ -d "$SHARED/data" ] || skip "no recorded market data beside the checkout"
}

# Wait up to ten seconds until a command succeeds.
wait_for() {
	local n
	for ((n = 0; n < 200; n++)); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

# Whether a text holds a word.
has() {
	[[ $1 == *"$2"* ]] || {
		echo "no \"$2\" in: $1"
		return 1
	}
}

# Refused with a status and a word on standard error, and nothing is written.
refused() {
	local want=$1 word=$2 before
	shift 2
	before=$(state "$TR_DB")
	expect "$want" "$@"
	assert_equal "$output" ""
	has "$stderr" "$word"
	assert_equal "$(state "$TR_DB")" "$before"
}

# It succeeds and changes nothing.
same_state() {
	local before
	before=$(state "$TR_DB")
	expect 0 "$@"
	assert_equal "$(state "$TR_DB")" "$before"
}

# Exact status of a command whose output is kept in $output and $stderr.
expect() {
	# run uses a variable i of its own caller
	# shellcheck disable=SC2034
	local want=$1 i
	shift
	run --separate-stderr "$@"
	if [ "$status" -ne "$want" ]; then
		echo "expected status $want, got $status: $*"
		echo "stdout: $output"
		echo "stderr: $stderr"
		return 1
	fi
}
