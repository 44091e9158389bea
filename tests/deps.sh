#!/bin/sh
# Install the Debian packages that the build and the tests need and that are missing.
set -eu
need="gcc make pkg-config libsqlite3-dev libcjson-dev libssl-dev zlib1g-dev libcurl4-openssl-dev sqlite3 jq
bats bats-assert bats-support python3 mandoc strace clang shellcheck openssl nghttp2-proxy"
missing=
for p in $need; do
	dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null | grep -q '^install ok installed$' ||
		missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "deps: this is no Debian; please install:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	if ! sudo -n true 2>/dev/null; then
		echo "deps: not root and no password-less sudo; please run: sudo apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi
echo "deps: installing$missing" >&2
$sudo apt-get update -qq >&2
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
