#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# tr-doctor names what is wrong with a set-up and the command that mends it; the heartbeat; and a
# service that is asked by hand. All over loopback.
load helper

race() { # race [ASSET-FEED]: a race in ./race.db with one asset and one rule agent
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	tr-asset add -q BTC --feed "${1:-sim}"
	tr-agent add -q rule --strategy momentum
}

# A crontab program of our own, first in PATH: the table is the file ./crontab.txt.
crontab_here() {
	mkdir bin
	cat >bin/crontab <<-END
		#!/bin/sh
		cd '$PWD' || exit 1
		case \$1 in
		-l) cat crontab.txt 2>/dev/null ;;
		-) cat >crontab.new && mv crontab.new crontab.txt ;;
		esac
	END
	printf '#!/bin/sh\nexit 1\n' >bin/systemctl
	chmod 700 bin/crontab bin/systemctl
	PATH=$PWD/bin:$PATH
}

faultd() { # faultd SCRIPT-JSON [ARGS...]: $FP is its port, requests.jsonl its log
	printf '%s\n' "$1" >script.json
	shift
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --log requests.jsonl "$@" \
		>/dev/null 3>&- &
	for _ in {1..100}; do
		[ ! -s port ] || break
		sleep 0.05
	done
	FP=$(cat port)
}

# finds STATUS LEVEL CHECK [ARGS...]: that finding, whose detail and fix are kept
finds() {
	local want=$1 level=$2 check=$3
	shift 3
	expect "$want" tr-doctor --json "$@"
	JSON=$output
	found=$(jq -c "select(.check == \"$check\" and .level == \"$level\")" <<<"$JSON" | head -n 1)
	[ -n "$found" ] || {
		echo "no $level $check in: $JSON"
		return 1
	}
	detail=$(jq -r .detail <<<"$found")
	fix=$(jq -r '.fix // ""' <<<"$found")
}

# mended CHECK [ARGS...]: nothing is said of it any more
mended() {
	local check=$1
	shift
	run --separate-stderr tr-doctor --json "$@"
	[ -z "$(jq -c "select(.check == \"$check\" and .level != \"ok\")" <<<"$output")" ] || {
		echo "still: $output"
		return 1
	}
}

has() { # a line of the output
	[ -n "$(jq -c "select($1)" <<<"$output")" ]
}

apply() { # the command that mends the last finding
	sh -c "$fix" || {
		echo "does not mend: $fix"
		return 1
	}
}

llm() { # an agent that asks a model of provider svc at the fault server
	tr-provider add -q svc --kind openai --base "http://127.0.0.1:$FP/v1"
	tr-agent add -q gpt --kind llm --model svc/m
}

listing() { # all files with size, mode and time, but for the trace and SQLite's shared memory
	find . -type f ! -name trace ! -name '*-shm' -printf '%p %s %m %T@\n' | sort
}

http_date() {
	date -u -d "$1" '+%a, %d %b %Y %T GMT'
}

keyfile() {
	printf '%s\n' canary-5f1e-key >key
	tr-provider key -q svc --file key
}

@test "a good set-up has no finding but OK and exit status 0, and nothing is changed or started" {
	# leaks cannot be looked for under strace
	local -x ASAN_OPTIONS=detect_leaks=0
	race
	crontab_here
	echo '*/5 * * * * tr-cycle' >crontab.txt
	before=$(state)
	touch trace
	listing >"$BATS_TEST_TMPDIR/before"
	watched=(strace -f -qq -e "trace=execve,socket" -o trace)
	# leaks cannot be looked for under a tracer
	! grep -q __asan_init "$B/tr-doctor" || watched=()
	expect 0 "${watched[@]}" tr-doctor
	[ "$(grep -c '^OK ' <<<"$output")" = "$(wc -l <<<"$output")" ]
	run ! grep -E 'tr-fetch|AF_INET' trace
	diff "$BATS_TEST_TMPDIR/before" <(listing)
	[ "$(state)" = "$before" ]
	expect 0 tr-doctor --quiet
	[ -z "$output" ]
}

@test "as JSON every check is a tr.finding/1, and the end record counts them" {
	race
	expect 0 tr-doctor --json
	n=$(jq -c 'select(.schema == "tr.finding/1") | [.level, .check, .subject, .detail] |
		select(all(type == "string"))' <<<"$output" | wc -l)
	[ "$n" -gt 15 ]
	jq -e "select(.schema == \"tr.end/1\").count == $n" <<<"$output"
}

@test "without a race the other checks are made all the same" {
	expect 1 tr-doctor -d nothing.db
	[[ $output == *"FAIL  file $PWD/nothing.db: No such file"*"fix: tr-init $PWD/nothing.db"* ]]
	[[ $output == *'  tool: all of version'* && $output == *'  cron '* ]]
	finds 1 fail file -d nothing.db
	sh -c "${fix%%,*}"
	mended file -d nothing.db
	expect 1 tr-doctor -d no/such/race.db
	[[ $output == *'FAIL  directory no/such: No such file'* ]]
}

@test "permissions of file, log, lock and directory are named all at once, with the fix of each" {
	race
	chmod 640 race.db race.db-wal race.db.lock
	chmod 770 .
	expect 1 tr-doctor --json
	[ "$(jq -c 'select(.level == "fail")' <<<"$output" | wc -l)" = 4 ]
	jq -r 'select(.level == "fail").fix' <<<"$output" >fixes
	sh -e fixes
	mended file
	mended directory
	expect 0 tr-doctor
	chmod 1777 .
	finds 0 warn directory
	[[ $detail == *'for everybody'* ]]
	chmod 700 .
}

@test "a link, a directory and a second name in place of the race are told apart" {
	race
	ln -s race.db link.db
	finds 1 fail file -d link.db
	[[ $detail == 'is a symbolic link' ]]
	mkdir dir.db
	finds 1 fail file -d dir.db
	[[ $detail == 'is no regular file' ]]
	ln race.db second.db
	finds 1 fail database
	[[ $detail == *'hard links'* ]]
	rm second.db
	mended database
}

@test "files of another user are named with their owner" {
	[ "$(id -u)" = 0 ] || skip "only root can give files away"
	race
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
	chmod 755 .
	chown 65534 .
	run --separate-stderr setpriv --reuid=65534 --clear-groups tr-doctor --json
	[ "$status" != 127 ] || skip "no setpriv"
	[ "$status" != 126 ] || skip "the build is not for others to run"
	[ -n "$output" ] || skip "the test directory is not for others to enter"
	has '.check == "file" and (.detail | startswith("belongs to another"))'
	chown -R 65534 .
	run --separate-stderr setpriv --reuid=65534 --clear-groups tr-doctor --json
	run ! has '.check == "file" and .level == "fail"'
}

@test "a network file system is refused" {
	race
	cat >nfs.c <<-'END'
		#include <sys/vfs.h>
		#include <string.h>
		int statfs(const char *path, struct statfs *s)
		{
			(void)path;
			memset(s, 0, sizeof *s);
			s->f_type = 0x6969;
			return 0;
		}
	END
	"${CC:-cc}" -shared -fPIC -o nfs.so nfs.c
	! grep -q __asan_init "$B/tr-doctor" || skip "the sanitizer must be loaded first"
	expect 1 env LD_PRELOAD="$PWD/nfs.so" tr-doctor
	[[ $output == *'FAIL  directory '*'network file system; fix: move the race'* ]]
	expect 0 tr-doctor
}

@test "an older schema, a newer one, another database and damage have each their own answer" {
	race
	cp race.db ok.db
	tr-db checkpoint -q
	sqlite3 race.db 'PRAGMA user_version = 1'
	finds 1 fail database
	[ "$fix" = "tr-init $TR_DB" ]
	sqlite3 race.db 'PRAGMA user_version = 99'
	finds 1 fail database
	[[ $detail == *'schema version 99'* && $fix == *'install the tools'* ]]
	sqlite3 race.db 'PRAGMA user_version = 2'
	mended database
	sqlite3 other.db 'CREATE TABLE t (a)'
	chmod 600 other.db
	finds 1 fail database -d other.db
	[[ $detail == *'no race database'* ]]
}

@test "damage inside the file is found, and a restored copy is sound" {
	race
	tr-db backup -q good.db
	tr-db checkpoint -q
	rm -f race.db-wal race.db-shm
	page=$(sqlite3 race.db "SELECT rootpage FROM sqlite_schema WHERE name = 'settings_log'")
	size=$(sqlite3 race.db 'PRAGMA page_size')
	rm -f race.db-wal race.db-shm
	head -c 64 /dev/zero | tr '\0' '\377' |
		dd of=race.db bs=1 seek=$(((page - 1) * size)) conv=notrunc status=none
	finds 1 fail integrity
	[[ $fix == "tr-db restore -d $TR_DB BACKUP" ]]
	sh -c "${fix/BACKUP/--force good.db}" || sh -c "${fix/BACKUP/good.db}"
	mended integrity
}

@test "a journal that is no write-ahead log is put right by the fix" {
	race
	sqlite3 race.db 'PRAGMA journal_mode = DELETE' >/dev/null
	finds 1 fail sqlite
	apply
	chmod 600 race.db*
	mended sqlite
}

@test "too little disk and a long write-ahead log are findings" {
	race
	finds 1 fail wal --wal 0
	apply
	mended wal --wal 0
	finds 1 fail disk --disk 1000000000
	mended disk --disk 0
}

@test "tools that are missing, of another version or hidden by PATH are named" {
	race
	mkdir tools
	cp "$B"/tr-doctor "$B"/tr-cycle "$B"/tr-ingest "$B"/tr-trade "$B"/tr-snapshot tools
	cp "$B"/tr-decide "$B"/tr-jail "$B"/tr-fetch tools
	expect 0 tools/tr-doctor
	[[ $output == *"WARN  path tr-cycle: PATH finds $B/tr-cycle"*"PATH=$PWD/tools:"* ]]
	PATH=$PWD/tools:$PATH
	expect 0 tools/tr-doctor
	[[ $output != *'  path '* ]]
	rm tools/tr-fetch
	expect 1 tools/tr-doctor
	[[ $output == *'FAIL  tool tr-fetch: '*'No such file'*'make install'* ]]
	cp "$B"/tr-fetch tools
	printf '#!/bin/sh\necho "tr-trade 0.0.1 (trading-race)"\n' >tools/tr-trade
	expect 1 tools/tr-doctor
	[[ $output == *'FAIL  tool tr-trade: is not of version'* ]]
	cp "$B"/tr-trade tools
	expect 0 tools/tr-doctor
}

@test "programs that cannot be confined are a failure only if one is to be" {
	race
	mkdir tools
	cp "$B"/tr-* tools 2>/dev/null
	printf '#!/bin/sh\n[ "$1" != --version ] || exec "%s" --version\necho no landlock >&2\nexit 78\n' \
		"$B/tr-jail" >tools/tr-jail
	PATH=$PWD/tools:$PATH
	expect 0 tools/tr-doctor
	[[ $output != *'  jail: '* ]]
	printf '#!/bin/sh\n' >agent.sh
	chmod 700 agent.sh
	tr-agent add -q prog --kind exec -- "$PWD/agent.sh"
	expect 1 tools/tr-doctor
	[[ $output == *'FAIL  jail: programs cannot be confined: no landlock; fix: '*'prog --unconfined'* ]]
	tr-agent set -q prog --unconfined
	expect 0 tools/tr-doctor
	cp "$B/tr-jail" tools/tr-jail
}

@test "wrong settings of the environment are all named, and unset mends them" {
	race
	expect 1 env TR_RISK_MIN_ORDR=1 TR_LLM_RETRIES=many tr-doctor
	[[ $output == *'FAIL  environment TR_RISK_MIN_ORDR: '*'fix: unset TR_RISK_MIN_ORDR'* ]]
	[[ $output == *'FAIL  environment TR_LLM_RETRIES: '*'fix: unset TR_LLM_RETRIES'* ]]
	expect 0 tr-doctor
}

@test "a setting that these tools do not know, and an alert program that is not there" {
	race
	sqlite3 race.db "INSERT INTO settings VALUES ('risk.mode', 'maybe', 1)"
	finds 1 fail settings
	apply
	mended settings
	tr-config set -q alert.command '/no/such/program -x'
	finds 1 fail alert
	tr-config set -q alert.command '/bin/true -x'
	mended alert
}

@test "programs of agents: gone, not executable, changed" {
	race
	printf '#!/bin/sh\necho\n' >agent.sh
	chmod 700 agent.sh
	tr-agent add -q prog --kind exec -- "$PWD/agent.sh"
	mended agent
	echo '# more' >>agent.sh
	finds 0 warn agent
	[[ $detail == *'changed since version 1:'* ]]
	apply
	mended agent
	chmod 600 agent.sh
	finds 1 fail agent
	[[ $detail == *'Permission denied' ]]
	chmod u+x agent.sh
	mended agent
	mv agent.sh gone.sh
	finds 1 fail agent
	[[ $detail == *'No such file'* ]]
	mv gone.sh agent.sh
	echo data >extra
	tr-agent set -q prog -- "$PWD/agent.sh" "$PWD/extra"
	rm extra
	finds 1 fail agent
	[[ $detail == *"$PWD/extra: No such file"* ]]
	mkdir lib
	tr-agent set -q prog --read lib -- "$PWD/agent.sh"
	mended agent
	echo '# more' >>agent.sh
	finds 0 warn agent
	[[ $fix == *" --read $PWD/lib -- "* ]]
	apply
	mended agent
	rmdir lib
	finds 1 fail agent
	[[ $detail == *"$PWD/lib: No such file"* ]]
}

@test "a race in which nobody decides" {
	race
	tr-agent pause -q rule
	finds 0 warn agent
	tr-agent resume -q rule
	mended agent
}

@test "assets: none, all disabled, without feed, with a feed that is not there" {
	tr-init -q --bare --quote USD race.db
	export TR_DB=$PWD/race.db
	finds 1 fail asset
	printf 'open_time,open,high,low,close,volume\n' >none.csv
	tr-asset add -q BTC
	mended asset
	tr-asset disable -q BTC
	finds 1 fail asset
	apply
	mended asset
	sqlite3 race.db "UPDATE asset_feeds SET feed = 'csv', arg = '$PWD/btc.csv'"
	finds 1 fail feed
	[[ $detail == "csv $PWD/btc.csv: No such file"* ]]
	touch btc.csv
	mended feed
	sqlite3 race.db "UPDATE asset_feeds SET feed = 'history', arg = 'import'"
	finds 1 fail feed
	[[ $detail == 'history: no candles of import'* ]]
	sqlite3 race.db "INSERT INTO sources (name) VALUES ('import')"
	mended feed
	sqlite3 race.db "DELETE FROM asset_feeds"
	finds 1 fail feed
	sh -c "${fix/FEED/sim}"
	mended feed
}

@test "models: an unknown service, no price, no budget" {
	FP=1
	race
	tr-provider add -q box --kind openai --base https://example.invalid/v1
	llm
	tr-agent set -q gpt --model box/m --price 1/2
	mended price
	sqlite3 race.db 'DELETE FROM model_prices'
	finds 1 fail price
	sh -c "${fix//USD/1}"
	mended price
	tr-agent set -q gpt --budget-usd-day 0
	finds 0 warn budget
	apply
	mended budget
	tr-config set -q budget.race_usd_day 0
	finds 0 warn budget
	apply
	mended budget
	sqlite3 race.db "DELETE FROM providers WHERE name = 'box'"
	finds 1 fail agent
	[[ $detail == *'no such provider'* ]]
	tr-provider add -q box --kind openai --base https://example.invalid/v1
	mended agent
}

@test "keys: none, gone, open to others, of somebody else, empty, a link, CRLF, blanks" {
	race
	tr-agent add -q gpt --kind llm --model openai/gpt-4o-mini
	finds 1 fail key
	[[ $fix == *'tr-provider key '*' openai --file FILE' ]]
	printf 'sk-canary-77\n' >key
	tr-provider key -q openai --file key
	mended key
	chmod 644 key
	finds 1 fail key
	apply
	mended key
	printf 'sk-canary-77\r\n' >key
	finds 1 fail key
	[[ $detail == *CRLF* ]]
	apply
	mended key
	printf 'sk-canary 77\n' >key
	finds 0 warn key
	apply
	mended key
	[ "$(cat key)" = sk-canary77 ]
	: >key
	finds 1 fail key
	[[ $detail == *empty* ]]
	echo >key
	finds 1 fail key
	printf 'sk-canary-77\nsk-canary-78\n' >key
	finds 1 fail key
	[[ $detail == *'several lines'* ]]
	mv key elsewhere
	finds 1 fail key
	[[ $fix == *"cat >$PWD/key"* ]]
	ln -s elsewhere key
	finds 1 fail key
	[[ $detail == *link* ]]
	rm key
	printf 'sk-canary-77\n' >key
	mended key
	if [ "$(id -u)" = 0 ]; then
		chown 65534 key
		finds 1 fail key
		apply
		mended key
	fi
}

@test "a credential of systemd can be seen only in its unit" {
	race
	tr-agent add -q gpt --kind llm --model openai/gpt-4o-mini
	tr-provider key -q openai --file credential:openai
	finds 0 warn key
	[[ $fix == LoadCredential=openai:FILE* ]]
	mkdir creds
	export CREDENTIALS_DIRECTORY=$PWD/creds
	finds 1 fail key
	printf 'sk-canary-77\n' >creds/openai
	mended key
}

@test "a base that may not be one" {
	FP=1
	race
	llm
	sqlite3 race.db "UPDATE providers SET base = 'http://example.com'"
	finds 1 fail service
	sh -c "${fix/URL/https://example.com}"
	mended service
}

@test "breakers: open, waiting for an operator, isolated; reset mends them" {
	race
	tr-guard --failures 1 --no-retries svc -- sh -c 'exit 75' || true
	finds 0 warn breaker
	apply
	mended breaker
	tr-breaker isolate -q svc
	finds 0 warn breaker
	[[ $detail == isolated* ]]
	apply
	mended breaker
	tr-guard --failures 1 --no-retries svc -- sh -c 'exit 75' || true
	sqlite3 race.db 'UPDATE breakers SET needs_operator = 1'
	finds 1 fail breaker
	apply
	mended breaker
}

@test "a halt is named with its release" {
	race
	tr-halt -q --reason 'too fast'
	finds 0 warn halt
	[[ $detail == *'too fast'* ]]
	apply
	mended halt
}

@test "a live race whose last window is old, and windows that were missed" {
	race
	tr-config set -q window.settle_delay_s 0
	tr-cycle -q
	mended last_window
	finds 1 fail last_window --now "$(date -u -d '+2 hours' +%FT%TZ)"
	[[ $fix == 'tr-cycle -d '* ]]
	w=$(sqlite3 race.db 'SELECT window_ms - 300000 FROM cycles')
	sqlite3 race.db "INSERT INTO missed VALUES ($w, 'missed', $w)"
	finds 0 warn missed
	[[ $detail == '1 windows missed'* ]]
	mended missed --now "$(date -u -d '+2 days' +%FT%TZ)"
}

@test "an agent that never answers is named, with the command that says why" {
	race
	printf '#!/bin/sh\nexit 1\n' >bad.sh
	chmod 700 bad.sh
	tr-agent add -q broken --kind exec -- ./bad.sh
	expect 3 tr-cycle -q --from 2024-07-23 --to 2024-07-23T00:50Z
	finds 0 warn failed_agents
	[[ $detail == 'broken gave no valid answer in 4 windows (1 in all); '* ]]
	[[ $fix == "tr-why window latest -d "*" names them and says why"* ]]
	expect 0 tr-why window latest
	assert_output --partial 'broken           error, '
}

@test "what tr-check warns of has a fix here: feeds that failed, money that is spent, and all others" {
	race
	tr-config -q set data.retries 0
	tr-provider -q set kraken --base http://127.0.0.1:1
	tr-asset -q add XRP --feed kraken:XRPUSD
	tr-ingest -q -w 2024-07-23T00:00Z >/dev/null
	finds 0 warn feeds
	[[ $detail == *kraken:XRPUSD* && $fix == "tr-doctor -d "*" --online"* ]]
	FP=1 llm
	tr-provider -q price svc/m --input 1 --output 1
	mended budget
	sqlite3 race.db "INSERT INTO spending VALUES (unixepoch('now') / 86400 * 86400000, 0, 600000000)"
	finds 0 warn budget
	[[ $fix == "tr-cost -d "*" --today"* ]]
	run tr-check --json
	names=$(jq -r '.components[].component | if . == "breakers" then "breaker" else . end' <<<"$output")
	[ "$(wc -l <<<"$names")" -ge 12 ]
	run tr-doctor --json
	for name in $names; do
		has ".check == \"$name\"" || { echo "no word of $name"; return 1; }
	done
}

@test "cron: an entry that is missing or a comment, added by the fix; a timer; neither tool" {
	race
	crontab_here
	finds 0 warn cron
	echo '# tr-cycle one day' >crontab.txt
	finds 0 warn cron
	apply
	grep -q "^\*/5 \* \* \* \* .*/tr-cycle -d $PWD/race.db\$" crontab.txt
	mended cron
	rm crontab.txt
	cat >bin/systemctl <<-'END'
		#!/bin/sh
		case "$1 $2" in
		"--user list-timers") echo "Mon 10:00 5min left Mon 09:55 now race.timer race.service" ;;
		"--user cat") [ "$5" = race.service ] && echo "ExecStart=/usr/bin/tr-cycle" ;;
		*) exit 1 ;;
		esac
	END
	mended cron
	mkdir empty
	for f in sh cat; do ln -s "$(command -v $f)" empty/; done
	run --separate-stderr env PATH="$PWD/empty" "$B/tr-doctor" --json
	has '.check == "cron" and (.level == "ok" or
		(.level == "warn" and (.detail | startswith("neither crontab"))))'
}

@test "a crontab that hangs is not waited for longer than the limit" {
	race
	crontab_here
	printf '#!/bin/sh\nexec sleep 60\n' >bin/crontab
	SECONDS=0
	finds 0 warn cron --timeout 1
	[ "$SECONDS" -lt 20 ]
}

@test "online: a service that answers, with its key in the header and not a byte of it shown" {
	race
	faultd "{\"GET /v1/models\":[{\"headers\":{\"Date\":\"$(http_date now)\"},\"body\":{\"data\":[]}}]}"
	llm
	keyfile
	expect 0 tr-doctor --online
	[[ $output == *'OK    online svc: answers in '* && $output == *'OK    time svc: '* ]]
	[[ $output$stderr != *canary* ]]
	jq -e '.method == "GET" and .headers.authorization == "Bearer canary-5f1e-key"' requests.jsonl
	[ "$(wc -l <requests.jsonl)" = 1 ]
	[ "$(sqlite3 race.db 'SELECT count(*) FROM call_starts')" = 0 ]
	expect 0 tr-doctor
	[ "$(wc -l <requests.jsonl)" = 1 ]
}

@test "online: 401, 403 and Gemini's 400 say that the key is wrong" {
	race
	faultd '{"GET /v1/models":[{"status":401,"body":{"error":{"message":"no"}}},{"status":403},{}],
		"GET /v1beta/models":[{"status":400,"body":{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}},{}]}'
	llm
	keyfile
	for s in 401 403; do
		finds 1 fail online --online
		[[ $detail == "status $s: the key is wrong"* && $fix == *'tr-provider key '* ]]
	done
	mended online --online
	tr-provider add -q gem --kind gemini --base "http://127.0.0.1:$FP/v1beta" --key-file key
	tr-agent add -q g --kind llm --model gem/m
	finds 1 fail online --online
	[[ $detail == 'status 400: the key is wrong'* ]]
	mended online --online
}

@test "online: refused, reset, hanging, unknown name, bad TLS, no HTTP and trouble are told apart" {
	race
	faultd '{"GET /v1/models":[{"fault":"reset_after"},{"fault":"hang"},{"fault":"garbage"},
		{"status":503},{"status":429},{"status":404},{}]}' --refused-file refused
	llm
	says() { # says STATUS LEVEL TEXT [ARGS...]
		finds "$1" "$2" online --online "${@:4}"
		[[ $detail == *"$3"* && -n $fix ]] || {
			echo "$detail; $fix"
			return 1
		}
	}
	says 1 fail 'the connection broke'
	says 1 fail 'no reply in time' --timeout 1
	says 1 fail 'speaks no HTTP'
	says 1 fail 'in trouble'
	says 0 warn 'asked too often'
	says 0 warn 'knows no /models'
	mended online --online
	tr-provider set -q svc --base "http://127.0.0.1:$(cat refused)/v1"
	says 1 fail 'no connection'
	tr-provider price -q svc/m --input 1 --output 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
		-subj /CN=elsewhere -keyout tls.key -out tls.crt 2>/dev/null
	faultd '{}' --tls tls.crt tls.key
	tr-provider set -q svc --base "https://127.0.0.1:$FP/v1"
	says 1 fail 'TLS failed'
	tr-provider set -q svc --base https://name.invalid/v1
	finds 1 fail online --online --timeout 5
	[[ $detail == *'cannot be resolved'* || $detail == *'no connection'* || $detail == *'in time'* ]]
}

@test "online: venues and ML services are asked for what costs least, all at once" {
	race kraken:XBTUSD
	faultd '{"GET /0/public/Time":[{"delay_ms":700}],"GET /health":[{"delay_ms":700}]}'
	tr-provider set -q kraken --base "http://127.0.0.1:$FP"
	tr-agent add -q forest --kind ml --url "http://127.0.0.1:$FP"
	SECONDS=0
	expect 0 tr-doctor --online
	[[ $output == *'OK    online kraken: '* && $output == *'OK    online ml.forest: '* ]]
	[ "$(jq -r .path requests.jsonl | sort | tr '\n' ' ')" = '/0/public/Time /health ' ]
	[ "$(curl -s "http://127.0.0.1:$FP/__stats" | jq .peak)" = 2 ]
}

@test "online: a clock that differs by more than 10 s is a warning, by more than 60 s a failure" {
	race
	faultd "{\"GET /v1/models\":[{\"headers\":{\"Date\":\"$(http_date '-30 sec')\"}},
		{\"headers\":{\"Date\":\"$(http_date '-1 hour')\"}},
		{\"headers\":{\"Date\":\"$(http_date '+1 hour')\"}},
		{\"headers\":{\"Date\":\"$(http_date '+1 sec')\"}},{}]}"
	llm
	finds 0 warn time --online
	[[ $detail == *' ahead of '* ]]
	finds 1 fail time --online
	finds 1 fail time --online
	[[ $detail == *' behind '* ]]
	mended time --online
	finds 0 warn time --online
	[[ $detail == 'not compared'* ]]
}

@test "wrong options are refused, and a full disk under the output is reported" {
	race
	expect 64 tr-doctor operand
	expect 64 tr-doctor --timeout 0
	expect 64 tr-doctor --disk -1
	run --separate-stderr bash -c 'tr-doctor >/dev/full'
	[ "$status" = 74 ]
}

# ---------------------------------------------------------------- heartbeat

beat() { # how often it was sent
	if [ -f requests.jsonl ]; then grep -c '"/beat"' requests.jsonl || true; else echo 0; fi
}

live_race() {
	race
	tr-config set -q window.settle_delay_s 0
	tr-config set -q decide.every_min 5
	tr-config set -q alert.heartbeat_url "http://127.0.0.1:$FP/beat"
}

@test "the heartbeat is one GET after a window of the clock that went well, and not again" {
	faultd '{"GET /beat":[{}]}'
	live_race
	expect 0 tr-cycle --dry-run
	[ "$(beat)" = 0 ]
	expect 0 tr-cycle
	[ "$(beat)" = 1 ]
	[ "$(jq -r .method requests.jsonl)" = GET ]
	# the same window again is finished already; the next one would be sent
	w=$(sqlite3 race.db 'SELECT max(window_ms) FROM cycles')
	tr-cycle -q -w "$(date -u -d "@$((w / 1000))" +%FT%TZ)"
	[ "$(beat)" = 1 ]
}

@test "no heartbeat for windows of the past, for a failed agent, or when one replays" {
	faultd '{"GET /beat":[{}]}'
	live_race
	expect 0 tr-cycle --now 2024-07-23T00:00:10Z
	expect 0 tr-cycle --from 2024-07-23T00:05Z --to 2024-07-23T00:15Z
	[ "$(beat)" = 0 ]
	tr-agent add -q bad --kind exec -- /bin/false
	expect 3 tr-cycle
	[ "$(beat)" = 0 ]
}

@test "a heartbeat that fails is a warning and changes neither status nor window" {
	faultd '{"GET /beat":[{"status":500}]}'
	live_race
	expect 0 tr-cycle
	[[ $stderr == *'heartbeat: status 500'* ]]
	[ "$(sqlite3 race.db 'SELECT state FROM cycles')" = completed ]
}

@test "a heartbeat that hangs is given up after ten seconds" {
	faultd '{"GET /beat":[{"fault":"hang"}]}'
	live_race
	SECONDS=0
	expect 0 tr-cycle
	[[ $stderr == *'heartbeat: timeout'* ]]
	[ "$SECONDS" -le 40 ]
}

@test "a heartbeat goes over https, or stays on this machine" {
	race
	for url in http://example.com/x ftp://127.0.0.1/ http://127.0.0.1.example.com/ \
		'http://localhost:1@example.com/' 'https://' 'https://a b/' http://localhostx/; do
		expect 65 tr-config set alert.heartbeat_url "$url"
		[[ $stderr == *'an https URL'* ]]
	done
	for url in https://example.com/x 'http://127.0.0.1:1/x?y=1' http://localhost/ 'http://[::1]:9/'; do
		expect 0 tr-config set alert.heartbeat_url "$url"
	done
	expect 0 tr-config set alert.heartbeat_url ''
}

# ---------------------------------------------------------------- tr-provider test

@test "a model that is tested is asked once, said to cost, and written down with its cost" {
	race
	faultd '{"POST /v1/chat/completions":[{"body":{"model":"m-2026","choices":[{"message":{"content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2}}}]}'
	tr-provider add -q svc --kind openai --base "http://127.0.0.1:$FP/v1"
	tr-provider price -q svc/m --input 1 --output 2
	expect 0 tr-provider test svc m
	[[ $stderr == *'which may cost up to 0.'* ]]
	[[ $output == 'svc/m: ok, '*' ms, by m-2026, 20 tokens in, 2 out, 0.000024 USD' ]]
	jq -e '.body | fromjson | (.max_tokens // .max_completion_tokens) == 16' requests.jsonl
	[ "$(sqlite3 race.db "SELECT purpose, cost, reserved > cost, class FROM call_starts
		JOIN call_results USING (id)")" = 'test|2400|1|ok' ]
	[ "$(sqlite3 race.db 'SELECT spent FROM spending WHERE agent_id = 0')" = 2400 ]
	expect 0 tr-provider test --json svc m
	jq -e '.schema == "tr.test/1" and .returned == "m-2026" and .cost == "0.000024"' <<<"$output"
}

@test "a test that is refused for good ends with 69, one that may pass with 75, each after one request" {
	race
	faultd '{"POST /v1/chat/completions":[{"status":401,"body":{"error":{"message":"bad key"}}},
		{"status":503},{"status":429,"headers":{"Retry-After":"1"}},{"body":"<html>"}]}'
	tr-provider add -q svc --kind openai --base "http://127.0.0.1:$FP/v1"
	expect 69 tr-provider test svc m
	[[ $output == 'svc/m: operator, '*' ms, 0 USD: HTTP 401: '* ]]
	expect 75 tr-provider test svc m
	expect 75 tr-provider test svc m
	expect 69 tr-provider test svc m
	[ "$(wc -l <requests.jsonl)" = 4 ]
	# nothing of it is held against the service
	[ -z "$(tr-breaker --json)" ]
	mended breaker
}

@test "a venue is tested by a candle, an ML service by its health" {
	race
	now=$(($(date +%s) / 300 * 300 - 600))
	faultd "{\"GET /0/public/OHLC\":[{\"body\":{\"error\":[],\"result\":{\"XXBTZUSD\":[[$now,\"1\",\"2\",\"1\",\"1.5\",\"1.2\",\"3\",4],[$((now + 300)),\"1\",\"2\",\"1\",\"1.5\",\"1.2\",\"3\",4],[$((now + 600)),\"1\",\"2\",\"1\",\"1.5\",\"1.2\",\"3\",4]],\"last\":$((now + 300))}}}],
		\"GET /health\":[{\"body\":{\"status\":\"ok\"}},{\"status\":503}]}"
	tr-provider set -q kraken --base "http://127.0.0.1:$FP"
	expect 0 tr-provider test kraken
	[[ $output == 'kraken/XBTUSD: ok, '*', price 1.5' ]]
	tr-provider add -q forest --kind predict --base "http://127.0.0.1:$FP"
	expect 0 tr-provider test forest
	expect 75 tr-provider test forest
}

@test "a test that cannot be made costs nothing: no model, no price, no key, no such service, no money" {
	FP=1
	race
	tr-provider add -q svc --kind openai --base https://example.invalid/v1
	expect 64 tr-provider test svc
	expect 78 tr-provider test svc m
	expect 78 tr-provider test openai gpt-4o-mini
	expect 66 tr-provider test nobody
	expect 64 tr-provider test --dry-run svc m
	expect 64 tr-provider test svc m more
	tr-provider price -q svc/m --input 1 --output 2
	tr-config set -q budget.race_usd_day 0
	expect 75 tr-provider test svc m
	[[ $output == 'svc/m: over budget, '* ]]
	[ "$(sqlite3 race.db 'SELECT count(*) FROM call_starts')" = 0 ]
}
