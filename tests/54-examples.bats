#!/usr/bin/env bats
# The files of share/examples that start a race: what they name exists, and their syntax is right.
load helper

EX=$BATS_TEST_DIRNAME/../share/examples

# Commands of a crontab without their times and redirections, one a line.
jobs_of() {
	awk '!/^#/ && !/^[A-Z_]+=/ && NF > 0 {
		for (i = 1; i <= 5; i++)
			$i = ""
		sub(/^ +/, "")
		sub(/ *[0-9]*>>.*/, "")
		print
	}' "$1"
}

# Whether a job names a tool that is built and options that its help lists: job WORD...
job() {
	local tool=$1 word
	shift
	[ -x "$B/$tool" ] || { echo "$tool: no such tool"; return 1; }
	"$tool" --help >help
	for word; do
		case $word in
		--*)
			grep -qE "(^|[ ,])$word( |$)" help || {
				echo "$tool: no option $word"
				return 1
			}
			;;
		-*)
			echo "$tool $word: spell options out"
			return 1
			;;
		esac
	done
}

@test "every line of the crontab has five times and a command" {
	run awk '!/^#/ && !/^[A-Z_]+=/ && NF > 0 {
		for (i = 1; i <= 5; i++)
			if ($i !~ /^(\*|[0-9]+(-[0-9]+)?)(\/[0-9]+)?$/)
				print FNR ": " $i
		if (NF < 6 || $6 !~ /^tr-/ || /%/)
			print FNR ": " $0
		lines++
	}
	END { if (lines < 4) print "too few lines" }' "$EX/crontab"
	assert_output ""
	# cron ignores a last line without its end
	[ -z "$(tail -c 1 "$EX/crontab")" ]
}

@test "the crontab calls tools that exist with options that they know" {
	local line words
	while IFS= read -r line; do
		read -r -a words <<<"$line"
		job "${words[@]}"
	done < <(jobs_of "$EX/crontab")
}

@test "a job with a wrong option is noticed" {
	run job tr-cycle --quite
	assert_failure
	run job tr-cylce --quiet
	assert_failure
	run job tr-cycle --quiet
	assert_success
}

@test "the jobs of the crontab do their work" {
	local line words got
	demo_race
	tr-cycle -q -w 2024-07-23T00:00Z
	mkdir -m 700 backups
	while IFS= read -r line; do
		line=${line//\/var\/backups\/trading-race/$PWD/backups}
		read -r -a words <<<"${line%% >*}"
		# tr-cycle would wait for the window of the clock to settle
		[ "${words[0]}" != tr-cycle ] || words+=(--dry-run)
		got=0
		"${words[@]}" >out 2>&1 || got=$?
		[ "$got" -eq 0 ] || { echo "status $got: $line"; cat out; return 1; }
	done < <(jobs_of "$EX/crontab")
	expect 0 tr-db check -d backups/race.db
}

# The commands of the n-th block of README that is shell.
readme() {
	awk -v n="$1" '/^```sh$/ { on = ++k == n; next } /^```$/ { on = 0 } on' "$TOP/README.md"
}

# Each command, as a reader would type them in one shell; $1 says which may end with 1 or 3.
typed() {
	local line got
	while IFS= read -r line; do
		got=0
		echo "\$ $line"
		eval "$line" <"$DIR/typed.in" >"$DIR/typed.out" 2>&1 || got=$?
		[[ $got -eq 0 || ($line == @($1)* && $got -le 3) ]] || {
			echo "status $got"
			cat "$DIR/typed.out"
			return 1
		}
	done
}

@test "the commands of README work, one after the other" {
	local p
	mkdir home bin
	export HOME=$PWD/home
	# what make install has put there
	mkdir -p home/.local/share/trading-race
	cp -R "$TOP/share/." home/.local/share/trading-race
	echo canary-5f1e-key >typed.in
	readme 1 | grep -v '^make install ' >first
	[ "$(wc -l <first)" -ge 10 ]
	typed "" <first
	cd "$HOME/race"
	[ "$(sqlite3 race.db "SELECT count(*) FROM trades")" -ge 1 ]
	# nobody outside is asked by a test
	for p in openai kraken coinbase coingecko; do
		tr-provider -q set $p --base http://127.0.0.1:1
	done
	tr-config -q set data.retries 0
	tr-config -q set llm.retries 0
	tr-config -q set window.settle_delay_s 0
	printf '#!/bin/sh\necho well\n' >"$DIR/bin/curl"
	chmod +x "$DIR/bin/curl"
	PATH=$DIR/bin:$PATH
	export TR_DB=$PWD/race.db
	readme 2 >"$DIR/second"
	[ "$(wc -l <"$DIR/second")" -ge 15 ]
	typed "tr-doctor|tr-cycle" <"$DIR/second"
	grep -q '"schema":"tr.exchange/1"' answers.jsonl
	run ! grep -rq canary race.db answers.jsonl
	expect 0 tr-audit
	[ -d "$SHARED/data" ] || return 0
	mkdir candles
	ln -s "$SHARED"/data/SOL-USDT_5m_binance_2022-12-01_*.csv.gz candles
	readme 3 >"$DIR/third"
	[ "$(wc -l <"$DIR/third")" -ge 8 ]
	typed "tr-asset gaps" <"$DIR/third"
	[ "$(sqlite3 season.db 'SELECT count(*) FROM trades')" -ge 1 ]
	[ -s race.html ]
}

@test "every tool and page that README names is there" {
	local tool
	grep -oE '\btr-[a-z]+' "$TOP/README.md" | sort -u >named
	while read -r tool; do
		case $tool in
		tr-tools | tr-services | tr-agents) [ -f "$TOP/man/$tool.7" ] ;;
		*) [ -x "$B/$tool" ] || { echo "no $tool"; return 1; } ;;
		esac
	done <named
}

@test "the units pass systemd-analyze verify" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	cp "$EX/trading-race.service" "$EX/trading-race.timer" .
	# neither the user nor the installed program need be there for a test
	sed -i "s|^User=.*|User=$(id -un)|; s|/usr/local/bin/|$B/|" trading-race.service
	run systemd-analyze verify --man=no "$PWD/trading-race.service" "$PWD/trading-race.timer"
	[[ $output != *"Failed to initialize"* ]] || skip "systemd-analyze cannot run here"
	assert_success
	refute_output --partial trading-race
}

@test "the service is hardened, and calls what tr-cycle knows" {
	local words
	for line in NoNewPrivileges=yes PrivateTmp=yes ProtectSystem=strict UMask=0077 \
		StateDirectoryMode=0700 'SuccessExitStatus=3 75 143'; do
		grep -qx "$line" "$EX/trading-race.service"
	done
	read -r -a words < <(sed -n 's|^ExecStart=/usr/local/bin/||p' "$EX/trading-race.service")
	job "${words[@]}"
}

@test "the timer starts every window once" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	local calendar
	calendar=$(sed -n 's/^OnCalendar=//p' "$EX/trading-race.timer")
	run systemd-analyze calendar --base-time='2024-07-23 23:50:00 UTC' --iterations=4 "$calendar"
	[[ $output != *"unrecognized"* ]] || skip "systemd-analyze is too old"
	assert_success
	assert_output --partial "2024-07-23 23:55:00 UTC"
	assert_output --partial "2024-07-24 00:00:00 UTC"
	assert_output --partial "2024-07-24 00:05:00 UTC"
}

@test "logrotate reads its file, which leaves the race alone" {
	# the comment says so in words, the globs must as well
	run grep -vE '^#' "$EX/logrotate"
	refute_output --partial .db
	assert_output --partial "create 0600"
	assert_equal "$(tr -cd '{}' <"$EX/logrotate")" "{}"
	command -v logrotate >/dev/null || skip "no logrotate"
	sed "s|/var/log/trading-race|$PWD|; /^	su /d; s|trading-race trading-race|$(id -un) $(id -gn)|" \
		"$EX/logrotate" >conf
	chmod 600 conf
	echo x >a.log
	expect 0 logrotate --debug --state "$PWD/state" conf
}
