#!/usr/bin/env bats
# The manual: its pages are clean and complete, what is generated is current, and every example
# does what it shows.
load helper

# The commands of a page, one a line: what follows "$ " in the literal displays of EXAMPLES.
examples() {
	awk '
		/^\.Sh / { on = $0 == ".Sh EXAMPLES" }
		/^\.Bd -literal/ { literal = 1; next }
		/^\.Ed/ { literal = 0 }
		on && literal && /^\$ / {
			line = substr($0, 3)
			gsub(/\\\(aq/, "\047", line)
			gsub(/\\\(ti/, "~", line)
			gsub(/\\\(ga/, "`", line)
			gsub(/\\-/, "-", line)
			gsub(/\\&/, "", line)
			gsub(/\\e/, "\\", line)
			print line
		}' "$1"
}

# The status that a command should end with: 0, or N of a trailing "# status N".
wanted() {
	case $1 in
	*'# status '*) echo "${1##*'# status '}" ;;
	*) echo 0 ;;
	esac
}

# Run the examples of a page in order where it is: a demonstration race of one window.
run_examples() {
	local page=$1 line want got count=0
	while IFS= read -r line; do
		count=$((count + 1))
		want=$(wanted "$line")
		got=0
		timeout 60 sh -c "$line" </dev/null >out 2>err || got=$?
		if [ "$got" -ne "$want" ]; then
			echo "$page: status $got, expected $want: $line"
			cat err
			return 1
		fi
	done < <(examples "$page")
	echo "$count"
}

@test "the pages are clean mdoc with all sections, and every tool has one" {
	cd "$TOP"
	expect 0 tests/lint/man.sh
	assert_output ""
}

@test "the pages list exactly the options and commands that --help prints" {
	cd "$TOP"
	expect 0 tests/lint/options.py
	assert_output ""
}

@test "tr-config(5) is what its script makes of the registry" {
	cd "$TOP"
	expect 0 man/tr-config.5.sh
	diff <(printf '%s\n' "$output") man/tr-config.5
	for setting in $(tr-config list --names); do
		grep -qx "\.It Cm $setting" man/tr-config.5
	done
}

@test "pages refer only to pages that exist" {
	cd "$TOP"
	missing=$(sed -n 's/^\.Xr \(tr-[a-z]*\) \([157]\).*/\1.\2/p' man/*.[157] | sort -u |
		while read -r page; do [ -f "man/$page" ] || echo "$page"; done)
	[ -z "$missing" ] || { echo "$missing"; return 1; }
}

@test "tr-tools(7) names every tool" {
	for tool in "$TOP"/cmd/tr-*.c; do
		grep -q "^\.It Xr $(basename "$tool" .c) 1" "$TOP/man/tr-tools.7"
	done
}

@test "tr-json(5) describes every schema that the sources print" {
	for schema in $(grep -rhoE '"tr\.[a-z]+/[0-9]+"' "$TOP/lib" "$TOP/cmd" | tr -d '"' | sort -u); do
		# pins and seals are rows of the database, never printed as records
		case $schema in tr.pin/1 | tr.seal/1) continue ;; esac
		grep -qx "\.Ss $schema" "$TOP/man/tr-json.5"
	done
}

@test "every example of every page ends with the status it shows" {
	for page in "$TOP"/man/*.[157]; do
		mkdir -m 700 "$DIR/$(basename "$page")"
		cd "$DIR/$(basename "$page")"
		ln -s "$TOP/share" share
		demo_race
		tr-cycle -w 2024-07-23T00:00Z >/dev/null
		run run_examples "$page"
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		[ "$output" -gt 0 ] || { echo "$page: has no examples"; return 1; }
	done
}

@test "an example that ends with another status is noticed" {
	printf '%s\n' '.Sh EXAMPLES' '.Bd -literal' '$ true' '$ false # status 1' '.Ed' >good
	printf '%s\n' '.Sh EXAMPLES' '.Bd -literal' '$ true' '$ false' '.Ed' >bad
	printf '%s\n' '.Sh DESCRIPTION' '.Bd -literal' '$ false' '.Ed' >elsewhere
	run run_examples good
	assert_success
	assert_output 2
	run run_examples bad
	assert_failure
	run run_examples elsewhere
	assert_success
	assert_output 0
}
