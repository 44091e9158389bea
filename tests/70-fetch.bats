#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154,SC2030,SC2031,SC2094
# tr-fetch against a server that fails on demand, all over loopback.
load helper

# Start the server with a script: $FP is its port, $U its URL, requests.jsonl its log.
faultd() {
	printf '%s\n' "$1" >script.json
	shift
	rm -f port
	"$TOP/tests/faultd.py" --script script.json --port-file port --refused-file refused \
		--log requests.jsonl "$@" >/dev/null 3>&- &
	FAULTD=$!
	wait_for test -s port
	FP=$(cat port)
	U=http://127.0.0.1:$FP
}

# request TAG URL [JQ]: a GET, changed by a filter of jq
request() {
	jq -nc --arg tag "$1" --arg url "$2" '{schema: "tr.request/1", tag: $tag, method: "GET",
		url: $url, timeout_ms: 3000} | '"${3:-.}"
}

post='.method = "POST" | .body = "{}"'

# many COUNT URL BYTES: so many POSTs
many() {
	python3 -c 'import json, sys
count, url, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
body = ("{\"a\":\"b\\n\",\"c\":[1,2,3]}" * size)[:size]
for i in range(count):
    print(json.dumps({"schema": "tr.request/1", "tag": str(i), "method": "POST", "url": url,
        "timeout_ms": 30000, "body": body + str(i)}))' "$@"
}

# answer TAG FILTER: a field of the answer with that tag in $output
answer() {
	jq -r --arg tag "$1" 'select(.tag == $tag) | '"$2" <<<"$output"
}

requests() {
	wc -l <requests.jsonl
}

# Whether the server has had so many requests in work at the same time.
all_in_work() {
	[ "$(python3 -c 'import json, sys, urllib.request as u
print(json.load(u.build_opener(u.ProxyHandler({})).open(sys.argv[1]))["peak"])' "$U/__stats")" -ge "$1" ]
}

now_ms() {
	local s
	s=${EPOCHREALTIME/./}
	echo "${s%???}"
}

# certificate NAME SUBJECTALTNAME [OPTION...] of the authority in ca.pem
certificate() {
	if [ ! -f ca.pem ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
			-out ca.pem -days 2 -subj /CN=authority 2>/dev/null
	fi
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" \
		-subj "/CN=$1" 2>/dev/null
	printf 'subjectAltName=%s\n' "$2" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$1.pem" \
		-extfile "$1.ext" "${@:3}" 2>/dev/null
}

# A server with HTTP/2 over TLS before the other one; $H is its URL.
h2() {
	command -v nghttpx >/dev/null || skip "nghttpx is not installed"
	certificate good IP:127.0.0.1 -days 2
	HP=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	nghttpx --conf=/dev/null --frontend="127.0.0.1,$HP" --backend="127.0.0.1,$FP" --workers=1 \
		--errorlog-file="$PWD/h2.log" good.key good.pem >/dev/null 2>&1 3>&- &
	H2=$!
	H=https://127.0.0.1:$HP
	wait_for bash -c ": </dev/tcp/127.0.0.1/$HP" 2>/dev/null
}

teardown() {
	[ -z "${H2:-}" ] || kill "$H2" 2>/dev/null || :
	[ -z "${FAULTD:-}" ] || kill "$FAULTD" 2>/dev/null || :
}

@test "the lines of requests and answers keep everything and accept nothing else" {
	expect 0 "$B/unit/test_fetch"
	[ "${lines[-1]}" = "1..$(grep -c '^ok ' <<<"$output")" ]
}

@test "a request arrives as it was given, and its reply comes back" {
	faultd '{"POST /echo": {"echo": true, "headers": {"Retry-After": "7", "Set-Cookie": "a=b",
		"X-RateLimit-Remaining": "3", "X-Other": "x"}}}'
	request t "$U/echo?a=%20b" '.method = "POST" | .body = "\u00e4\"\n" | .headers = {"X-A": "b c", "Empty": ""}' >in
	expect 0 tr-fetch <in
	[ -z "$stderr" ]
	[ "$(answer t .class,.status,.sent,.played,.error)" = $'ok\n200\ntrue\nfalse\nnull' ]
	[ "$(answer t '.headers | keys | join(" ")')" = 'content-type retry-after x-ratelimit-remaining' ]
	[ "$(answer t '.body | fromjson | .path, .body')" = $'/echo?a=%20b\nä"' ]
	[ "$(answer t '.body | fromjson | .headers | .["x-a"], .empty, .["user-agent"], .expect, .["content-type"], .cookie')" = \
		$'b c\n\n'"trading-race/$(tr-fetch --version | cut -d' ' -f2)"$'\nnull\nnull\nnull' ]
	answer t '.body | fromjson | .headers["accept-encoding"]' | grep -q gzip
	[ "$(answer t '.elapsed_ms >= .first_ms and .first_ms >= 0')" = true ]
}

@test "every status is an answer, and a redirect is not followed" {
	faultd '{"/502": {"status": 502, "body": "<html>", "headers": {"Content-Type": "text/html"}},
		"/204": {"status": 204}, "/429": {"status": 429, "headers": {"retry-after-ms": "20"}},
		"/302": {"fault": "redirect", "location": "http://127.0.0.1:1/"}}'
	for s in 502 204 429 302; do request $s "$U/$s"; done >in
	expect 0 tr-fetch <in
	for s in 502 204 429 302; do
		[ "$(answer $s .class,.status)" = $'ok\n'$s ]
	done
	[ "$(answer 502 .body)" = '<html>' ]
	[ "$(answer 429 '.headers["retry-after-ms"]')" = 20 ]
	[ "$(requests)" -eq 4 ]
}

@test "each fault of the transport has its class, is met once, and says whether anything left" {
	faultd '{"/before": {"fault": "reset_before"}, "/after": {"fault": "reset_after"},
		"/cut": {"fault": "cut", "body": "0123456789"}, "/half": {"fault": "reset_body", "body": "0123456789"},
		"/badgzip": {"fault": "bad_gzip", "body": "0123456789"}, "/bomb": {"fault": "gzip_bomb"},
		"/headers": {"fault": "endless_headers"}, "/body": {"fault": "endless_body"},
		"/garbage": {"fault": "garbage"}, "/short": {"fault": "wrong_length", "body": "0123456789"}}'
	for p in before after cut half badgzip bomb headers body garbage short; do
		request $p "$U/$p" "$post"
	done >in
	request refused "http://127.0.0.1:$(cat refused)/" "$post" >>in
	request dns "https://nowhere.invalid/" "$post" >>in
	expect 0 tr-fetch <in
	while read -r tag class sent; do
		echo "$tag $(answer "$tag" '.class, .sent' | paste -sd' ')"
		[ "$(answer "$tag" '.class, .sent' | paste -sd' ')" = "$class $sent" ]
	done <<-END
		before reset true
		after reset true
		cut cut true
		half reset true
		badgzip cut true
		bomb too_large true
		headers too_large true
		body too_large true
		garbage protocol true
		short ok true
		refused connect false
		dns dns false
	END
	[ "$(answer short .body)" = 01234 ]
	[ "$(jq -r 'select(.class != "ok") | [.status, .body, (.error | length > 3)] | @csv' <<<"$output" | sort -u)" = '0,"",true' ]
	[ "$(requests)" -eq 10 ]
}

@test "a server that resets every connection it accepts has got nothing" {
	faultd '{"@accept": {"fault": "reset_before"}, "/": {}}'
	request t "$U/" "$post" >in
	expect 0 tr-fetch <in
	# the reset may come before the client has seen that it is connected
	[[ "$(answer t .class)" =~ ^(reset|connect)$ ]]
	[ ! -s requests.jsonl ]
}

# libcurl may count by a clock that is not slewed, hence the hundredth of tolerance.
@test "a hang and a drip end at the limit of the request, and hold up nobody" {
	faultd '{"/hang": {"fault": "hang"}, "/drip": {"fault": "drip", "drip_ms": 50, "body": "'"$(printf %200s x)"'"},
		"/good": {"body": "good"}}'
	request hang "$U/hang" '.timeout_ms = 1000' >in
	request drip "$U/drip" '.timeout_ms = 3000' >>in
	request good "$U/good" >>in
	expect 0 tr-fetch <in
	[ "$(jq -r .tag <<<"$output" | paste -sd' ')" = 'good hang drip' ]
	[ "$(answer hang '.class, .sent, .first_ms, (.elapsed_ms >= 990 and .elapsed_ms < 10000)' | paste -sd' ')" = 'timeout true -1 true' ]
	[ "$(answer drip '.class, (.first_ms >= 0), (.elapsed_ms >= 2970 and .elapsed_ms < 10000)' | paste -sd' ')" = 'timeout true true' ]
}

@test "a connection that never comes ends at its own limit" {
	faultd '{"@accept": {"fault": "hang"}, "/": {}}'
	request t "https://127.0.0.1:$FP/" '.timeout_ms = 20000 | .connect_ms = 400' >in
	expect 0 tr-fetch <in
	[ "$(answer t '.class, .sent, (.elapsed_ms >= 390 and .elapsed_ms < 6000)' | paste -sd' ')" = 'connect false true' ]
}

@test "the limit of a body counts unpacked bytes, to the byte" {
	faultd '{"/": {"gzip": true, "body": "'"$(printf %5000s x)"'"}, "/chunks": {"gzip": true, "chunked": true, "body": "abc"}}'
	request all "$U/" '.max_bytes = 5000' >in
	request less "$U/" '.max_bytes = 4999' >>in
	request chunks "$U/chunks" >>in
	expect 0 tr-fetch <in
	[ "$(answer all '.class, (.body | length)' | paste -sd' ')" = 'ok 5000' ]
	[ "$(answer less '.class, .body' | paste -sd' ')" = 'too_large ' ]
	[ "$(answer chunks .body)" = abc ]
}

@test "a reply that is no text comes back as base64" {
	faultd '{"/": {"body_base64": "AP/+YQ=="}}'
	request t "$U/" >in
	expect 0 tr-fetch <in
	[ "$(answer t .body_base64)" = 'AP/+YQ==' ]
}

@test "a request with effects is not sent again on another connection" {
	local how
	for how in "$post" '.method = "POST" | .body = ""' '.method = "DELETE"'; do
		faultd '{"/": [{"body": "one"}, {"fault": "reset_after"}, {"body": "again"}]}'
		for t in a b; do request $t "$U/" "$how"; done >in
		expect 0 tr-fetch --parallel 1 <in
		[ "$(answer a .class)" = ok ]
		[ "$(answer b '.class, .sent' | paste -sd' ')" = 'reset true' ]
		[ "$(requests)" -eq 2 ]
		[ "$(jq -s 'map(.connection) | unique | length' requests.jsonl)" -eq 1 ]
		kill "$FAULTD"
		rm requests.jsonl
	done
}

@test "what must not leave is refused here" {
	faultd '{"/": {}}'
	{
		request plain "http://example.com/"
		request private "http://10.0.0.1/"
		request nearly "http://127.0.0.1.example.com/"
		request user "http://u:p@127.0.0.1:$FP/"
		request file "file:///etc/passwd"
		request ftp "ftp://127.0.0.1/"
		request no "no url"
		request control "$U/" '.headers = {"X-A": "b\r\nX-B: c"}'
		request name "$U/" '.headers = {"X A": "b"}'
		request host "$U/" '.headers = {"Host": "b"}'
	} >in
	expect 0 tr-fetch <in
	[ "$(jq -r .class <<<"$output" | sort | uniq -c | xargs)" = '10 local' ]
	[ "$(jq -r .sent <<<"$output" | sort -u)" = false ]
	[ ! -s requests.jsonl ]
}

@test "http is allowed to every name of this machine" {
	faultd '{"/": {}}'
	request four "http://127.0.0.2:$FP/" >in
	request name "http://localhost:$FP/" >>in
	expect 0 tr-fetch <in
	# the server listens on one address: that others are refused shows that they were tried
	[ "$(answer name .class)" = ok ]
	[ "$(answer four .class)" = connect ]
}

@test "a key is taken from its file, with a prefix and without the newline" {
	faultd '{"/": {}}'
	printf 'k-1234567890\n' >key
	request t "$U/" '.secret = {header: "Authorization", prefix: "Bearer ", file: "key"}' >in
	expect 0 tr-fetch <in
	[ "$(answer t .class)" = ok ]
	[ "$(jq -r .headers.authorization requests.jsonl)" = 'Bearer k-1234567890' ]
}

@test "a key file that others can read, that is a link, empty or too long is refused" {
	faultd '{"/": {}}'
	for f in group other empty control long newline; do printf 'k-1234567890' >$f; done
	chmod 640 group
	chmod 604 other
	: >empty
	printf 'a\001b' >control
	printf 'a\nb\n' >newline
	head -c 16385 /dev/zero | tr '\0' a >long
	ln -s group link
	mkdir dir
	mkfifo fifo
	for f in group other empty control newline long link dir fifo absent; do
		request $f "$U/" '.secret = {header: "X-Key", prefix: "", file: "'$f'"}'
	done >in
	if [ "$(id -u)" -eq 0 ]; then
		printf 'k-1234567890' >foreign
		chown 1 foreign
		request foreign "$U/" '.secret = {header: "X-Key", prefix: "", file: "foreign"}' >>in
	fi
	expect 0 tr-fetch <in
	[ "$(jq -r .class <<<"$output" | sort -u)" = local ]
	[ "$(jq -r .tag <<<"$output" | wc -l)" -eq "$(wc -l <in)" ]
	[ "$(answer group .error)" = 'key file group: others may use it (chmod 600)' ]
	[ "$(answer link .error)" = 'key file link: is a symbolic link' ]
	[ ! -s requests.jsonl ]
}

@test "a credential of systemd may be readable by its group, and no other file" {
	faultd '{"/": {}}'
	mkdir creds
	printf 'k-1234567890' >creds/key
	cp creds/key key
	chmod 440 creds/key key
	request in "$U/" '.secret = {header: "X-Key", prefix: "", file: "'"$PWD"'/creds/key"}' >in
	request out "$U/" '.secret = {header: "X-Key", prefix: "", file: "'"$PWD"'/key"}' >>in
	CREDENTIALS_DIRECTORY=$PWD/creds expect 0 tr-fetch <in
	[ "$(answer in .class)" = ok ]
	[ "$(answer out .class)" = local ]
}

@test "a key appears nowhere but in the request" {
	local key=canary-c53a91d07be84 pid
	faultd '{"/echo": {"echo": true, "headers": {"X-Request-Id": "for canary-c53a91d07be84"}}, "/hang": {"fault": "hang"}}'
	printf '%s\n' "$key" >key
	request echo "$U/echo" '.secret = {header: "X-Key", prefix: "", file: "key"}' >in
	request hang "$U/hang" '.timeout_ms = 2000 | .secret = {header: "X-Key", prefix: "", file: "key"}' >>in
	request plain "$U/echo" '.headers = {"X-Api-Key": "'$key'"}' >>in
	tr-fetch -vv --record record <in >out 2>err 3>&- &
	pid=$!
	wait_for grep -q '"/hang"' requests.jsonl
	run ! grep -qa canary "/proc/$pid/cmdline" "/proc/$pid/environ"
	grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
	wait $pid
	[ "$(jq -r .tag out | sort | paste -sd' ')" = 'echo hang plain' ]
	grep -q "$key" requests.jsonl
	grep '"tag":"plain"' out | grep -q "$key" # the caller's own text is the caller's
	[ "$(jq -r 'select(.tag == "echo").headers["x-request-id"]' out)" = 'for ********************' ]
	run ! grep -a canary err
	grep '"tag":"echo"' out >echoed
	jq -c .request record >asked
	jq -c 'select(.request.tag != "plain")' record >recorded
	[ "$(wc -l <asked)" -eq 3 ]
	run ! grep -a canary echoed asked recorded
}

@test "the environment cannot redirect, unmask or preload anything" {
	local pid
	faultd '{"/": {"delay_ms": 600}}'
	request t "$U/" >in
	env http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 \
		SSLKEYLOGFILE="$PWD/keylog" CURL_HOME="$PWD" NETRC="$PWD/n" CURL_CA_BUNDLE=/absent \
		SSL_CERT_FILE=/absent OPENSSL_CONF=/absent tr-fetch <in >out 3>&- &
	pid=$!
	wait $pid
	[ "$(jq -r .class out)" = ok ]
	[ ! -e keylog ]
}

@test "a certificate must be of a trusted authority, for the name, and of today" {
	local name
	certificate good IP:127.0.0.1 -days 2
	certificate wrong DNS:other.example -days 2
	certificate expired IP:127.0.0.1 -days -1
	for name in good wrong expired; do
		faultd '{"/": {"body": "secure"}}' --tls $name.pem $name.key
		request $name "https://127.0.0.1:$FP/" "$post" >in
		SSLKEYLOGFILE=$PWD/keylog expect 0 tr-fetch --ca ca.pem <in
		case $name in
		good) [ "$(answer good .class,.body)" = $'ok\nsecure' ] ;;
		*) [ "$(answer $name '.class, .sent' | paste -sd' ')" = 'tls false' ] ;;
		esac
		kill "$FAULTD"
	done
	[ "$(requests)" -eq 1 ]
	[ ! -e keylog ]
	faultd '{"/": {"body": "secure"}}' --tls good.pem good.key
	request t "https://127.0.0.1:$FP/" "$post" >in
	expect 0 tr-fetch <in
	[ "$(answer t .class)" = tls ]
	TR_CA_FILE=$PWD/ca.pem expect 0 tr-fetch <in
	[ "$(answer t .class)" = ok ]
	expect 0 tr-fetch --ca absent.pem <in
	[ "$(answer t .class)" = local ]
}

@test "a thousand requests are made at once, in bounded memory" {
	local pid high
	faultd '{"/": {"delay_ms": 5000, "body": "ok"}}'
	many 1000 "$U/" 30000 >in
	# a pipe, as from a program
	tr-fetch >out 3>&- < <(exec cat in) &
	pid=$!
	wait_for all_in_work 1000
	high=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
	wait $pid
	echo "$high kB"
	[ "$(grep -c '"class":"ok","status":200' out)" -eq 1000 ]
	[ "$(jq -r .tag out | sort -u | wc -l)" -eq 1000 ]
	case $B in *asan*) ;; *) [ "$high" -lt 61440 ] ;; esac
}

@test "over TLS a thousand requests share few connections, and the authorities are parsed once" {
	faultd '{"/": {"delay_ms": 1000, "body": "ok"}}'
	h2
	many 1000 "$H/" 3000 >in
	# leaks cannot be looked for under a tracer
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=openat,connect -o calls tr-fetch --ca ca.pem <in >out
	[ "$(grep -c '"class":"ok"' out)" -eq 1000 ]
	[ "$(grep -c 'ca\.pem' calls)" -eq 1 ]
	echo "$(grep -c 'connect(' calls) connections"
	[ "$(grep -c 'connect(' calls)" -le 20 ]
}

@test "large bodies pass both ways over HTTP/2" {
	faultd '{"/": {"echo": true}}'
	h2
	many 100 "$H/" 150000 >in
	expect 0 tr-fetch --ca ca.pem <in
	[ "$(jq -r '.class, (.body | fromjson | .body | length > 150000)' <<<"$output" | sort | uniq -c | xargs)" = '100 ok 100 true' ]
}

@test "one connection after another is made when HTTP/2 is not offered" {
	certificate good IP:127.0.0.1 -days 2
	faultd '{"/": {"delay_ms": 500, "body": "ok"}}' --tls good.pem good.key
	many 50 "https://127.0.0.1:$FP/" 100 >in
	expect 0 tr-fetch --ca ca.pem <in
	[ "$(grep -c '"class":"ok"' <<<"$output")" -eq 50 ]
	[ "$(jq -s 'map(.connection) | unique | length' requests.jsonl)" -eq 50 ]
}

@test "no more exchanges run than allowed, and who waits too long is told" {
	faultd '{"/": {"delay_ms": 2000}}'
	for t in a b c; do request $t "$U/" '.timeout_ms = 3500'; done >in
	expect 0 tr-fetch --parallel 1 <in
	[ "$(answer a .class)" = ok ]
	[ "$(answer b '.class, .sent' | paste -sd' ')" = 'timeout true' ]
	[ "$(answer c '.class, .sent' | paste -sd' ')" = 'timeout false' ]
}

@test "what was recorded is played without any network" {
	local t
	faultd '{"/a": [{"body": "one"}, {"status": 500, "body": "two"}], "/cut": {"fault": "cut", "body": "0123456789"}}'
	for t in a b c; do request $t "$U/a" "$post"; done >in
	request cut "$U/cut" >>in
	request no "http://example.com/" >>in
	expect 0 tr-fetch --parallel 1 --record rec <in
	printf '%s\n' "$output" | sort >first
	[ "$(stat -c %a rec)" = 600 ]
	[ "$(wc -l <rec)" -eq 5 ]
	kill "$FAULTD"
	for t in d e; do request $t "$U/a" "$post"; done >>in
	request other "$U/other" >>in
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=network -o calls tr-fetch --play rec <in >second
	[ ! -s calls ]
	jq -r 'select(.tag as $t | ["d", "e", "other"] | index($t) | not) | .played = false | tojson' second |
		sort | diff - first
	[ "$(jq -r 'select(.played | not) | .tag' second)" = '' ]
	[ "$(jq -r 'select(.tag == "a" or .tag == "b" or .tag == "c" or .tag == "d" or .tag == "e") | .body' second | xargs)" = 'one two two two two' ]
	[ "$(jq -r 'select(.tag == "other") | .class, .sent' second | xargs)" = 'unrecorded false' ]
}

@test "a part that requests have in common is sent within each, and recorded whole" {
	local with whole
	faultd '{"/": {"echo": true}}'
	with='.method = "POST" | .part = {id: "m", at: 1} | .body = "[]"'
	whole='.method = "POST" | .body = "[1,\"é\"]"'
	{
		echo '{"schema":"tr.part/1","id":"m","text":"1,\"é\""}'
		request a "$U/" "$with"
		request b "$U/" "$with"
	} >in
	expect 0 tr-fetch --record rec <in
	[ "$(jq -r '.body | fromjson | .body' <<<"$output" | sort -u)" = '[1,"é"]' ]
	[ "$(jq -r '.body | fromjson | .headers | to_entries[] | select(.key | ascii_downcase == "content-length") | .value' \
		<<<"$output" | sort -u)" = 8 ]
	[ "$(jq -r '.request | .body, has("part")' rec | xargs -d'\n')" = '[1,"é"] false [1,"é"] false' ]
	kill "$FAULTD"
	# either way of asking finds it
	request c "$U/" "$whole" >>in
	expect 0 tr-fetch --play rec <in
	[ "$(jq -r .class <<<"$output" | xargs)" = 'ok ok ok' ]
	echo '{"schema":"tr.part/1","id":"m","text":""}' >>in
	expect 65 tr-fetch --play rec <in
	[[ $stderr == "tr-fetch: line 5: part: m is given twice"* ]]
}

@test "a recording that was torn is mended, one that was changed is refused" {
	faultd '{"/": {"body": "one"}}'
	request t "$U/" >in
	expect 0 tr-fetch --record rec <in
	printf '{"schema":"tr.exch' >>rec
	expect 0 tr-fetch --play rec <in
	[[ $stderr == *torn* ]]
	expect 0 tr-fetch --record rec <in
	[ "$(wc -l <rec)" -eq 2 ]
	jq -e . rec >/dev/null
	expect 0 tr-fetch --play rec <in
	[ -z "$stderr" ]
	sed 's/"answer"/"reply"/' rec >bad
	expect 65 tr-fetch --play bad <in
	echo '{}' >>rec
	expect 65 tr-fetch --play rec <in
	[[ $stderr == *"line 3"* ]]
	expect 66 tr-fetch --play absent <in
	expect 64 tr-fetch --play rec --record rec <in
}

@test "a recording without room ends the run" {
	[ -w /dev/full ] || skip "no /dev/full"
	faultd '{"/": {"body": "one"}}'
	request t "$U/" >in
	expect 74 tr-fetch --record /dev/full <in
}

@test "a line that is no request ends the run with its number" {
	faultd '{"/": {"fault": "hang"}}'
	request t "$U/" >good
	local line
	while read -r line; do
		cat good >in
		printf '%s\n' "$line" >>in
		expect 65 tr-fetch <in
		[[ $stderr == "tr-fetch: line 2: request: "* ]]
	done <<-'END'
		no json

		{}
		{"schema":"tr.request/1","tag":"t","method":"GET","url":"http://127.0.0.1/","timeout_ms":0}
		{"schema":"tr.request/1","tag":"t","method":"GET","url":"http://127.0.0.1/","timeout_ms":1,"follow":true}
		{"schema":"tr.request/1","tag":"t","method":"GET","url":"http://127.0.0.1/","timeout_ms":1} {}
	END
}

@test "the last line needs no newline, and no line no answer" {
	faultd '{"/": {"body": "one"}}'
	printf %s "$(request t "$U/")" >in
	expect 0 tr-fetch <in
	[ "$(answer t .class)" = ok ]
	expect 0 tr-fetch </dev/null
	[ -z "$output" ]
}

@test "answers that cannot be written end the run, and without a reader it ends in silence" {
	[ -w /dev/full ] || skip "no /dev/full"
	faultd '{"/": {"body": "one"}, "/hang": {"fault": "hang"}}'
	request t "$U/" >in
	expect 74 bash -c 'tr-fetch <in >/dev/full'
	request t "$U/hang" >>in
	run --separate-stderr bash -c 'tr-fetch <in | head -c 1; echo "${PIPESTATUS[0]}"'
	[ "$output" = '{0' ]
	[ -z "$stderr" ]
}

@test "SIGTERM ends everything at once" {
	local pid begin
	faultd '{"/": {"fault": "hang"}}'
	request t "$U/" '.timeout_ms = 60000' >in
	for _ in 1 2 3; do
		tr-fetch <in >out 3>&- &
		pid=$!
		wait_for test -s requests.jsonl
		begin=$(now_ms)
		kill -TERM $pid
		status=0
		wait $pid || status=$?
		[ "$status" -eq 143 ]
		[ $(($(now_ms) - begin)) -lt 10000 ]
		[ ! -s out ]
		: >requests.jsonl
	done
}

@test "tr-fetch starts under no other parent than the one named" {
	expect 75 tr-fetch --parent 1 </dev/null
	expect 64 tr-fetch --parent -1 </dev/null
	expect 64 tr-fetch --parallel 0 </dev/null
	expect 64 tr-fetch operand </dev/null
}

@test "a program that asks through tr-fetch gets its answers, all at once" {
	mkdir side
	cp "$B/unit/test_fetch" "$B/tr-fetch" side
	faultd '{"/": {"delay_ms": 1000, "body": "ok"}, "/hang": {"fault": "hang"}}'
	expect 0 side/test_fetch ask 1000 "$U/"
	[ "$(cut -d' ' -f2- <<<"$output" | sort | uniq -c | xargs)" = '1000 ok 200 1 ok' ]
	expect 0 side/test_fetch lose "$U/hang"
	[ "$output" = $'one gone 1\ntwo gone 1\nlate gone 0' ]
}

# Whether a tr-fetch of this test is alive.
alive() {
	grep -qzF "$PWD/side/tr-fetch" /proc/[0-9]*/cmdline 2>/dev/null
}

dead() {
	! alive
}

@test "tr-fetch dies with the program that asks" {
	local pid
	mkdir side
	cp "$B/unit/test_fetch" "$B/tr-fetch" side
	faultd '{"/": {"fault": "hang"}}'
	side/test_fetch hold "$U/" >held 3>&- &
	pid=$!
	wait_for test -s requests.jsonl
	alive
	kill -KILL $pid
	wait $pid 2>/dev/null || :
	wait_for dead
}
