#!/bin/sh
# A window of a thousand agents that are models, against a bare client that asks as much: over
# plain HTTP, and over TLS with HTTP/2 on shared connections. Prints figures for people to look
# at; fails only when something could not be measured.
set -eu
cd "$(dirname "$0")/../.."
B=$(cd "$B" && pwd)
PATH=$B:$PATH
agents=${AGENTS:-1000}
dir=$(mktemp -d "$B/bench.XXXXXX")
pids=
end() {
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	rm -rf "$dir"
}
trap end EXIT
# a socket per agent, twice where a proxy stands between
# shellcheck disable=SC3045
ulimit -n 8192 || { echo "bench: a thousand agents need more open files"; exit 0; }
: "${CC:=gcc}"
for p in slowd peak; do
	"$CC" -std=c11 -D_GNU_SOURCE -O2 -o "$dir/$p" tests/bench/$p.c
done
"$CC" -std=c11 -D_GNU_SOURCE -O2 -o "$dir/fanout" tests/bench/fanout.c -lcurl

listens() {
	python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null
}

await() {
	i=0
	until "$@"; do
		i=$((i + 1))
		[ $i -lt 200 ] || { echo "bench: never $*" >&2; exit 1; }
		sleep 0.05
	done
}

cat >"$dir/reply" <<'END'
{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"reasoning\":\"wait\",\"orders\":[],\"confidence\":null}","refusal":null}}],"usage":{"prompt_tokens":30000,"completion_tokens":20,"total_tokens":30020}}
END
"$dir/slowd" 2000 "$dir/reply" "$dir/log" >"$dir/port" &
pids=$!
await test -s "$dir/port"
port=$(cat "$dir/port")

TR_DB=$dir/race.db
export TR_DB
tr-init -q --bare --quote USD "$TR_DB"
for a in BTC ETH SOL XRP ADA DOGE; do
	tr-asset -q add $a --feed sim
done
tr-config -q set context.candles 125
tr-provider -q add box --kind openai --base "http://127.0.0.1:$port/v1"
i=0
while [ $i -lt "$agents" ]; do
	tr-agent -q add "a$i" --kind llm --model box/m
	i=$((i + 1))
done

# window WINDOW YARDSTICK_MS: one decision window, in figures
window() {
	"$dir/peak" tr-cycle -q --window "$1" 2>"$dir/peaks" || { cat "$dir/peaks" >&2; exit 1; }
	read -r n first last answered <<END
$(tail -n 1 "$dir/log")
END
	held=$(sqlite3 "$TR_DB" "SELECT count(*) FROM decisions WHERE status = 'hold'
		AND window_ms = (SELECT max(window_ms) FROM cycles)")
	read -r begun stored <<END
$(awk '$1 == "tr-decide" { print $3, $4 }' "$dir/peaks")
END
	[ "$n $held" = "$agents $agents" ] || { echo "bench: $n requests, $held decisions" >&2; exit 1; }
	line "bare client, all answers" "$2" ms
	awk -v n="tr-decide from its start to its end" -v a=$((stored - begun)) -v b="$2" 'BEGIN {
		printf "  %-44s %10.0f ms   ratio %5.2f\n", n, a, a / b }'
	line "the first request comes after" $((first - begun)) ms
	line "the last request follows the first after" $((last - first)) ms
	line "all stored after the slowest answer" $((stored - answered)) "ms   (target at most 500)"
	awk '{ printf "  %-44s %10.1f MiB%s\n", "peak memory, " $1, $2 / 1024,
		$1 == "all" ? "  (target below 150)" : "" }' "$dir/peaks"
}

line() {
	printf '  %-44s %10d %s\n' "$1" "$2" "$3"
}

# a window before, which also tells how large a prompt is
tr-cycle -q --window 2024-07-23T00:00Z >/dev/null
size=$(sqlite3 "$TR_DB" "SELECT sum(size) FROM blobs WHERE hash IN (SELECT system FROM answers
	WHERE agent_id = (SELECT min(agent_id) FROM answers) UNION ALL SELECT head FROM answers
	WHERE agent_id = (SELECT min(agent_id) FROM answers) UNION ALL SELECT tail FROM answers
	WHERE agent_id = (SELECT min(agent_id) FROM answers))")
head -c "$size" /dev/zero | tr '\0' x >"$dir/body"

echo "$agents agents that are models, prompts of $size bytes, answers after 2 s:"
yard=$("$dir/fanout" "$agents" "http://127.0.0.1:$port/v1/chat/completions" "$dir/body")
echo " over HTTP"
window 2024-07-23T00:15Z "$yard"

if command -v nghttpx >/dev/null && command -v openssl >/dev/null; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" \
		-out "$dir/ca.pem" -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
	tls=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	nghttpx --conf=/dev/null --frontend="127.0.0.1,$tls" --backend="127.0.0.1,$port" --workers=1 \
		--errorlog-file="$dir/nghttpx.log" "$dir/key.pem" "$dir/ca.pem" >/dev/null 2>&1 &
	pids="$pids $!"
	await listens "$tls"
	tr-provider -q set box --base "https://127.0.0.1:$tls/v1"
	TR_CA_FILE=$dir/ca.pem
	export TR_CA_FILE
	yard=$("$dir/fanout" "$agents" "https://127.0.0.1:$tls/v1/chat/completions" "$dir/body" "$dir/ca.pem")
	echo " over TLS with HTTP/2"
	window 2024-07-23T00:30Z "$yard"
else
	echo " over TLS with HTTP/2: not measured, nghttpx or openssl is not installed"
fi

echo " a window without anything remote"
if command -v strace >/dev/null; then
	tr-init -q --demo "$dir/local.db"
	strace -f -qq -o "$dir/trace" -e trace=execve tr-cycle -q -d "$dir/local.db" --window 2024-07-23T00:00Z
	line "tr-fetch started" "$(grep -c 'execve.*tr-fetch' "$dir/trace" || :)" "times (target 0)"
else
	echo "  not looked at, strace is not installed"
fi
