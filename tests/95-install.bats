#!/usr/bin/env bats
# Installing, removing and packing.
load helper

make_quiet() {
	make -s -C "$TOP" B="$B" "$@"
}

@test "make install puts every tool, page and completion under DESTDIR and PREFIX" {
	make_quiet install DESTDIR="$DIR/root" PREFIX=/opt/race
	for c in "$TOP"/cmd/tr-*.c; do
		t=$(basename "$c" .c)
		[ -x "$DIR/root/opt/race/bin/$t" ]
		[ -f "$DIR/root/opt/race/share/man/man1/$t.1" ]
		[ -e "$DIR/root/opt/race/share/bash-completion/completions/$t" ]
	done
	[ -f "$DIR/root/opt/race/share/man/man7/tr-tools.7" ]
	[ -f "$DIR/root/opt/race/share/trading-race/schema.sql" ]
}

@test "an installed race runs without the build tree" {
	make_quiet install DESTDIR="$DIR/root" PREFIX=/opt/race
	cd "$DIR"
	PATH=$DIR/root/opt/race/bin:/usr/bin:/bin
	tr-init race.db --demo
	tr-agent -d race.db add shell --kind exec -- sh "$DIR/root/opt/race/share/trading-race/examples/agent.sh"
	expect 0 tr-cycle -d race.db --window 2024-07-23T00:00Z
	expect 0 tr-audit -d race.db
}

@test "make uninstall removes all that make install put there" {
	make_quiet install DESTDIR="$DIR/root" PREFIX=/opt/race
	make_quiet uninstall DESTDIR="$DIR/root" PREFIX=/opt/race
	run find "$DIR/root" ! -type d
	[ -z "$output" ]
}
