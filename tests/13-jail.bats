#!/usr/bin/env bats
# Confinement: what a program in tr-jail cannot do, each with the proof that it could without.

load helper

EPERM=1 EACCES=13 EXDEV=18 ENOSYS=38

setup_file() {
	"${CC:-cc}" -O1 -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/probe" "$TOP/tests/jail/probe.c"
	"${CC:-cc}" -O1 -D_GNU_SOURCE -shared -fPIC -o "$BATS_FILE_TMPDIR/old.so" \
		"$TOP/tests/jail/old.c" -ldl
	export PROBE=$BATS_FILE_TMPDIR/probe OLD=$BATS_FILE_TMPDIR/old.so
}

setup() {
	DIR=$(mktemp -d "${BATS_TEST_TMPDIR}/XXXXXX")
	cd "$DIR" || return 1
	umask 077
	# scratch directories are made here, where a test can count them
	export TMPDIR=$DIR/tmp
	mkdir tmp
}

teardown() {
	[ -z "${server:-}" ] || kill "$server"
}

# An attempt is refused with an error number; alone, it is not.
denied() {
	expect "$1" tr-jail --keep -- "$PROBE" "${@:2}"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" "${@:2}"
}

# It is refused, whoever else would refuse it too.
refused() {
	expect "$1" tr-jail --keep -- "$PROBE" "${@:2}"
}

granted() {
	expect 0 tr-jail --keep -- "$PROBE" "$@"
}

process_with() {
	grep -qzxF "$1" /proc/[0-9]*/cmdline 2>/dev/null
}

no_process_with() {
	! process_with "$1"
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "only root is refused these by the jail alone"
}

no_scratch() {
	[ -z "$(ls -A tmp)" ]
}

old_landlock() {
	! grep -q __asan_init "$B/tr-jail" || skip "the sanitizer must be loaded first"
	export LD_PRELOAD=$OLD OLD_LANDLOCK=$1
}

# ---------------------------------------------------------------------- files

@test "the database, keys and whatever else the user has cannot be read" {
	demo_race
	mkdir home
	echo sk-canary >home/key
	denied $EACCES read "$PWD/race.db"
	denied $EACCES read "$PWD/home/key"
	HOME=$PWD/home denied $EACCES read "$PWD/home/key"
	denied $EACCES list "$PWD"
	refused $EACCES read /etc/shadow
	refused $EACCES list /etc
	refused $EACCES list /
	refused $EACCES list /proc
	# nor by links
	ln -s "$PWD/race.db" link
	denied $EACCES read "$PWD/link"
	denied $EACCES read "/proc/self/root$PWD/race.db"
}

@test "root cannot read /etc/shadow, which it could" {
	need_root
	denied $EACCES read /etc/shadow
	refused $EACCES read /proc/1/environ
	refused $EACCES read /proc/1/cmdline
}

@test "other processes show nothing, the own one does" {
	denied $EACCES read "/proc/$$/environ"
	denied $EACCES read "/proc/$$/cmdline"
	denied $EACCES list "/proc/$$/fd"
	granted read /proc/self/status
	granted read /proc/self/maps
	granted read /proc/meminfo
	# the connections of the machine
	denied $EACCES read /proc/self/net/dev
}

@test "the system's programs and libraries can be read, and the program itself" {
	local f
	for f in /bin/sh /etc/passwd /etc/nsswitch.conf /dev/urandom "$PROBE"; do
		granted read "$f"
	done
	granted append /dev/null
	granted exec /bin/true
	denied $EACCES list "${PROBE%/*}"
}

@test "what --read names can be read and executed, and no more" {
	mkdir -p with/in
	echo x >with/in/file
	echo x >beside
	cp /bin/true with/true
	expect 0 tr-jail --read with --read "$PWD/beside" -- "$PROBE" read "$PWD/with/in/file"
	expect 0 tr-jail -r with -r beside -- "$PROBE" read "$PWD/beside"
	expect 0 tr-jail -r with -- "$PROBE" exec "$PWD/with/true"
	expect $EACCES tr-jail -r with -- "$PROBE" read "$PWD/beside"
	expect $EACCES tr-jail -r with -- "$PROBE" append "$PWD/with/in/file"
	expect $EACCES tr-jail -r with -- "$PROBE" create "$PWD/with/new"
	expect $EACCES tr-jail -- "$PROBE" exec "$PWD/with/true"
	expect 66 tr-jail -r absent -- /bin/true
	[[ $stderr == "tr-jail: absent: No such file or directory" ]]
}

@test "nothing is written, made, moved or removed outside the scratch directory" {
	local before
	echo x >file
	before=$(ls -l --time-style=full-iso file)
	refused $EACCES append "$PWD/file"
	refused $EACCES create "$PWD/new"
	refused $EACCES mkdir "$PWD/new"
	refused $EACCES unlink "$PWD/file"
	refused $EACCES rename "$PWD/file" "$PWD/new"
	refused $EXDEV link "$PWD/file" here
	refused $EACCES cut "$PWD/file"
	refused $EPERM chmod "$PWD/file"
	refused $EPERM chown "$PWD/file"
	refused $EPERM touch "$PWD/file"
	refused $EPERM fchmod "$PROBE"
	refused $EACCES create "$TMPDIR/new"
	[ "$before" = "$(ls -l --time-style=full-iso file)" ]
	# each of them is possible otherwise
	local a
	for a in append chown touch chmod cut; do
		expect 0 tr-jail --keep --unconfined -- "$PROBE" $a "$PWD/file"
	done
	expect 0 tr-jail --keep --unconfined -- "$PROBE" create "$PWD/new"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" unlink "$PWD/new"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" mkdir "$PWD/dir"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" link "$PWD/file" "$PWD/other"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" rename "$PWD/file" "$PWD/new"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" fchmod "$PROBE"
}

@test "PROG may be named by a relative path, from where tr-jail is or from -C" {
	mkdir bin
	cp /bin/true bin/prog
	expect 0 tr-jail --keep -- bin/prog
	expect 0 tr-jail --keep -C bin -- ./prog
	expect 66 tr-jail --keep -C bin -- bin/prog
	[ "$stderr" = "tr-jail: bin/prog: No such file or directory" ]
}

# ---------------------------------------------------------------------- scratch

@test "the scratch directory is private, the place to be, and gone afterwards" {
	expect 0 tr-jail --keep -- /bin/sh -c 'pwd; echo "$HOME"; echo "$TMPDIR"
		stat -c %a .; echo x >file; mkdir sub; mv file sub; cat sub/file'
	[ "${#lines[@]}" = 5 ]
	[[ ${lines[0]} == "$TMPDIR"/tr-jail-* ]]
	[ "${lines[1]}" = "${lines[0]}" ]
	[ "${lines[2]}" = "${lines[0]}" ]
	[ "${lines[3]}" = 700 ]
	[ "${lines[4]}" = x ]
	no_scratch
	expect 0 tr-jail --keep --unconfined -- /bin/sh -c 'pwd'
	[ "$output" = "$PWD" ]
}

@test "two programs cannot see each other's scratch directory" {
	tr-jail --keep -- /bin/sh -c 'echo secret >file; exec sleep 1007' 3>&- &
	local pid=$!
	wait_for compgen -G "tmp/tr-jail-*/file"
	refused $EACCES read "$(echo "$PWD"/tmp/tr-jail-*/file)"
	expect 0 tr-jail --keep --unconfined -- "$PROBE" read "$(echo "$PWD"/tmp/tr-jail-*/file)"
	kill -TERM $pid
	wait_for no_scratch
}

@test "a scratch directory can be given, and stays" {
	mkdir mine
	expect 0 tr-jail --scratch mine -- /bin/sh -c 'pwd; echo x >file'
	[ "$output" = "$PWD/mine" ]
	expect 0 tr-jail --keep -s mine -- /bin/sh -c 'echo "$HOME"; cat file'
	[ "$output" = "$PWD/mine"$'\nx' ]
	no_scratch
	# without one there is no place to write
	expect $EACCES tr-jail -- "$PROBE" create "$PWD/mine/new"
	expect 66 tr-jail --scratch absent -- /bin/true
}

@test "a deep, wide and unreadable tree is removed as well" {
	local n
	expect 0 tr-jail --keep -- "$PROBE" tree 1000
	# in a second, or later
	for ((n = 0; n < 50; n++)); do
		no_scratch && break
		expect 0 tr-jail --keep -- /bin/true
	done
	no_scratch
	# links are removed, not followed
	mkdir other
	echo x >other/file
	expect 0 tr-jail --keep -- /bin/sh -c "ln -s $PWD/other link; ln -s $PWD/other/file .; ls -A"
	[ "${#lines[@]}" = 2 ]
	no_scratch
	[ -s other/file ]
}

@test "a supervisor that is told to end removes it; of one that was killed the next one does" {
	local sig pid
	for sig in TERM INT KILL; do
		tr-jail --keep -- /bin/sh -c 'mkdir sub; echo x >sub/file; exec sleep 1008' 3>&- &
		pid=$!
		wait_for compgen -G "tmp/tr-jail-*/sub/file"
		kill -$sig $pid
		wait $pid || :
		wait_for no_process_with 1008
		[ $sig = KILL ] || no_scratch
	done
	run ! no_scratch
	# what is in use is left alone, as is what only looks like it
	mkdir tmp/tr-jail-used
	exec {used}<tmp/tr-jail-used
	flock -n $used
	echo x >tmp/tr-jail-file
	expect 0 tr-jail --keep -- /bin/true
	[ "$(ls -A tmp)" = $'tr-jail-file\ntr-jail-used' ]
	exec {used}<&-
}

@test "2 GiB of output into a file end at the limit, and leave nothing" {
	expect 153 tr-jail --keep --file-mb 1 -- /bin/sh -c 'exec head -c 2147483648 /dev/zero >big'
	no_scratch
	expect 153 tr-jail --scratch . --file-mb 1 -- /bin/sh -c \
		'exec head -c 2147483648 /dev/zero >big'
	[ "$(wc -c <big)" = 1048576 ]
}

# ---------------------------------------------------------------------- network

@test "there is no network unless it is granted, and never the machine's own sockets" {
	local port a
	"$PROBE" serve ready "$PWD/socket" "@tr-jail-$$" 3>&- &
	server=$!
	wait_for test -s ready
	port=$(cat ready)
	for a in "connect $port" "send $port" listen "unix $PWD/socket" "unix @tr-jail-$$"; do
		# shellcheck disable=SC2086
		denied $EACCES $a
	done
	for a in "connect $port" "send $port" listen; do
		# shellcheck disable=SC2086
		expect 0 tr-jail --keep --network -- "$PROBE" $a
	done
	for a in "unix $PWD/socket" "unix @tr-jail-$$"; do
		# shellcheck disable=SC2086
		expect $EACCES tr-jail --keep --network -- "$PROBE" $a
	done
}

@test "pairs of sockets are streams: one of datagrams could send anywhere" {
	granted pair 1
	denied $EACCES pair 2
	expect $EACCES tr-jail --network -- "$PROBE" pair 2
}

# ---------------------------------------------------------------------- other processes

@test "other processes cannot be signalled, traced, read, limited or slowed" {
	denied $EPERM signal-parent
	denied $EPERM trace
	denied $EPERM peek
	denied $EPERM limit-parent
	denied $EPERM slow-parent
	denied $EPERM signal-owner <<<x
	granted signal-child
	granted signal-self
}

@test "nothing leaves the process group" {
	denied $EPERM session
	denied $EPERM group
}

@test "what outlives the program is killed with it" {
	local pid
	granted daemon "1009.$$"
	no_process_with "1009.$$"
	# alone, it lives on
	expect 0 tr-jail --unconfined -- "$PROBE" daemon "1010.$$"
	pid=$(pgrep -xf "sleep 1010\.$$")
	kill -KILL "$pid"
}

# Processes that change all the time are missed by a look at the list: all of them hold a lock.
multiply() {
	local pid start
	cp "$PROBE" "$1-$$"
	: >lock
	{
		flock 0
		exec sh -c "tr-jail --keep --processes 300 --parent=\$\$ -- $PWD/$1-$$ $1; :"
	} <lock 3>&- &
	pid=$!
	wait_for process_with "$PWD/$1-$$"
	sleep 0.3
	run ! flock -n lock true
	start=$SECONDS
	kill -KILL $pid
	wait_for flock -n lock true
	# by itself it goes on for longer
	[ $((SECONDS - start)) -lt 5 ]
	wait_for no_scratch
}

@test "processes that run away from their end are killed at once" {
	multiply rabbit
}

@test "processes that run away are killed when their program ends by itself" {
	local start=$SECONDS
	: >lock
	expect 0 tr-jail --keep -- /bin/sh -c 'flock 0; exec 3<&0; "$1" rabbit <&3 3<&- & sleep 0.3' \
		sh "$PROBE" <lock
	flock -n lock true
	[ $((SECONDS - start)) -lt 5 ]
	no_scratch
}

@test "a fork bomb ends with its supervisor" {
	multiply bomb
}

@test "root's processes are limited by a control group, where there is one" {
	need_root
	run --separate-stderr tr-jail -v --keep --processes 20 -- "$PROBE" children 40
	[[ $stderr != *"no control group"* ]] || skip "no control group can be made here"
	[ "$status" = 11 ]
	expect 0 tr-jail --keep --processes 60 -- "$PROBE" children 40
	# nothing of it stays
	[ -z "$(find /sys/fs/cgroup -maxdepth 3 -name 'tr-jail-*' 2>/dev/null)" ]
}

# ---------------------------------------------------------------------- calls

@test "calls that change or bypass the system are refused" {
	local c
	for c in userns unshare mount umount chroot io_uring bpf perf userfaultfd keyctl kexec \
		module personality shmget mq inotify fanotify handle setns; do
		refused $EPERM call $c
	done
	refused $EPERM clone-new
	refused $EPERM type
	refused $ENOSYS call clone3
	refused $ENOSYS call unknown
}

@test "the same calls are not refused as such to a program that is not confined" {
	need_root
	local c
	for c in userns unshare mount umount chroot io_uring bpf perf userfaultfd keyctl kexec \
		module personality shmget mq inotify fanotify handle setns; do
		run --separate-stderr tr-jail --keep --unconfined -- "$PROBE" call $c
		[ "$status" -ne $EPERM ] || [ $c = module ] || {
			echo "$c"
			return 1
		}
	done
	expect 0 tr-jail --keep --unconfined -- "$PROBE" clone-new
	run --separate-stderr tr-jail --keep --unconfined -- "$PROBE" call clone3
	[ "$status" -ne $ENOSYS ]
}

@test "calls of another machine's kind kill" {
	[ "$(uname -m)" = x86_64 ] || skip "no other kind is known here"
	refused 159 call x32
	refused 159 old-abi
	run --separate-stderr tr-jail --keep --unconfined -- "$PROBE" old-abi
	[ "$status" -ne 159 ]
}

@test "a confined program has no capabilities" {
	expect 0 tr-jail -- /bin/grep Cap /proc/self/status
	[ "$(cut -f2 <<<"$output" | sort -u)" = 0000000000000000 ]
}

# ---------------------------------------------------------------------- kernels

@test "a kernel without landlock or seccomp is refused, unless --unconfined" {
	local call
	for call in landlock seccomp; do
		expect 78 "$PROBE" without $call tr-jail --keep -- /bin/echo started
		[ -z "$output" ]
		[[ $stderr == "tr-jail: cannot confine a program here, --unconfined runs it without: $call: "* ]]
		expect 78 "$PROBE" without $call tr-jail -- /bin/echo started
		[ -z "$output" ]
		expect 0 "$PROBE" without $call tr-jail --keep --unconfined -- /bin/echo started
		[ "$output" = started ]
	done
	no_scratch
}

@test "what an old landlock lets through is refused all the same" {
	local abi
	demo_race
	old_landlock 1
	for abi in 1 2 3 5; do
		OLD_LANDLOCK=$abi
		denied $EACCES read "$PWD/race.db"
		denied $EPERM signal-parent
		refused $EACCES listen
		granted signal-self
		granted create new
	done
	denied $EPERM limit-parent
	OLD_LANDLOCK=1
	before=$(sha256sum <race.db)
	refused $EPERM cut "$PWD/race.db"
	refused $EPERM cut-open "$PWD/race.db"
	[ "$(sha256sum <race.db)" = "$before" ]
	cp race.db copy
	expect 0 tr-jail --keep --unconfined -- "$PROBE" cut-open "$PWD/copy"
	[ ! -s copy ]
}

# ---------------------------------------------------------------------- options

@test "what is granted and --unconfined contradict each other" {
	local o
	for o in --network "--read /" "--scratch ."; do
		# shellcheck disable=SC2086
		expect 64 tr-jail --unconfined $o -- /bin/true
	done
}

@test "interpreters start confined" {
	local p
	for p in python3 perl jq node ruby java; do
		[ -x /usr/bin/$p ] || continue
		case $p in
		python3) set -- -c 'import json, ssl, subprocess, tempfile; tempfile.mkstemp(); print(1)' ;;
		perl | ruby) set -- -e 'print 1' ;;
		jq) set -- -n 1 ;;
		node) set -- -e 'console.log(1)' ;;
		java) set -- --version ;;
		esac
		expect 0 tr-jail --keep -- /usr/bin/$p "$@"
		[ -n "$output" ]
		expect 0 tr-jail --keep -- /bin/sh -c '"$@"; exit' sh /usr/bin/$p "$@"
	done
	no_scratch
}

# ---------------------------------------------------------------------- agents

# spy NAME ATTEMPT [ARG]...: an agent that makes the attempt, and ends as that does.
spy() {
	printf '#!/bin/sh\n%s\n' "\"$PROBE\" ${*:2} && echo '{\"orders\":[]}'" >"$1"
	chmod +x "$1"
}

# What became of each, in order of name.
outcomes() {
	sqlite3 race.db "SELECT name, d.status, coalesce(error, '') FROM decisions AS d
		JOIN agents ON id = agent_id WHERE kind = 'exec' ORDER BY name"
}

@test "agents are confined unless the operator says otherwise" {
	demo_race
	spy reads read "$PWD/race.db"
	spy listens listen
	spy escapes session
	for grant in "" network unconfined; do
		for a in reads listens escapes; do
			# the probe is a file among the arguments: it may be executed
			tr-agent -q add "$a${grant:+-$grant}" --kind exec ${grant:+--$grant} -- \
				/bin/sh "$PWD/$a" "$PROBE"
		done
	done
	expect 3 tr-cycle -w 2024-07-23T00:00Z
	assert_equal "$(outcomes)" "escapes|error|exit status 1
escapes-network|error|exit status 1
escapes-unconfined|hold|
listens|error|exit status 13
listens-network|hold|
listens-unconfined|hold|
reads|error|exit status 13
reads-network|error|exit status 13
reads-unconfined|hold|"
	no_scratch
}

@test "an agent that hangs is ended, and its scratch directory goes with the next one" {
	demo_race
	printf '#!/bin/sh\necho x >file\n"%s" rabbit\n' "$PROBE" >hangs
	spy ends read /etc/passwd
	chmod +x hangs
	tr-config -q set exec.timeout_s 1
	tr-agent -q add hangs --kind exec -- /bin/sh "$PWD/hangs" "$PROBE"
	expect 3 tr-cycle -w 2024-07-23T00:00Z
	assert_equal "$(outcomes)" "hangs|timeout|no answer in time"
	no_process_with "$PROBE"
	tr-agent -q pause hangs
	tr-agent -q add ends --kind exec -- /bin/sh "$PWD/ends" "$PROBE"
	expect 0 tr-cycle -w 2024-07-23T00:15Z
	no_scratch
}
