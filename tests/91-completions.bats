#!/usr/bin/env bats
# Completion, driven as the shells drive it.
load helper

# Complete the words given, the last one being under the cursor; the answers go to $output.
complete_words() {
	local function
	# shellcheck source=/dev/null
	source "$TOP/completions/trading-race.bash"
	function=$(complete -p "$1" | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	# shellcheck disable=SC2034
	COMP_LINE="$*"
	"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	output=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
}

# A tool that knows two names per database.
fake_names() {
	mkdir -p fake
	cat >fake/tr-agent <<'END'
#!/bin/sh
case "$*" in
"-d other.db list --names") echo elsewhere ;;
"list --names") printf '%s\n' "${TR_DB:-momentum}" mean-rev '$(touch expanded)' ;;
esac
END
	chmod +x fake/tr-agent
	cp fake/tr-agent fake/tr-asset
	cp fake/tr-agent fake/tr-config
	PATH=$PWD/fake:$PATH
}

@test "bash offers every option that a tool prints with --help, and no other" {
	local tools=0
	for t in "$B"/tr-*; do
		[ -x "$t" ] || continue
		want=$("$t" --help | sed -n '/^options:/,/^$/p' |
			grep -oE '^  (-., |    )--[a-z0-9-]+' | grep -oE -e '--?[A-Za-z0-9-]+' | sort)
		complete_words "${t##*/}" -
		assert_equal "$output" "$want"
		[ -n "$want" ]
		tools=$((tools + 1))
	done
	[ "$tools" -gt 0 ]
}

@test "bash offers every command of a tool that has commands" {
	for t in "$B"/tr-*; do
		[ -x "$t" ] || continue
		want=$("$t" --help | sed -n '/^commands:/,$s/^  \([a-z][a-z0-9-]*\).*/\1/p' | sort)
		[ -n "$want" ] || continue
		complete_words "${t##*/}" -q ''
		assert_equal "$output" "$want"
	done
}

@test "bash offers the agents of the race where an agent is meant" {
	fake_names
	complete_words tr-agent show mo
	assert_equal "$output" momentum
}

@test "bash offers settings to tr-config and assets to tr-asset" {
	fake_names
	complete_words tr-config get mo
	assert_equal "$output" momentum
	complete_words tr-asset show me
	assert_equal "$output" mean-rev
}

@test "bash asks the database that the line names" {
	fake_names
	complete_words tr-agent -d other.db show ''
	assert_equal "$output" elsewhere
	complete_words tr-agent -dother.db show ''
	assert_equal "$output" elsewhere
	complete_words tr-agent show --database = other.db ''
	assert_equal "$output" elsewhere
}

@test "bash asks the database of the environment when the line names none" {
	fake_names
	export TR_DB=from-environment
	complete_words tr-agent show from
	assert_equal "$output" from-environment
}

@test "bash offers files where a file is meant" {
	fake_names
	touch race-one.db
	complete_words tr-agent -d race-
	assert_equal "$output" race-one.db
	complete_words tr-agent --database =
	[[ $output == *race-one.db* ]]
}

@test "bash never expands a name that it reads from a race" {
	fake_names
	complete_words tr-agent show ''
	[[ $output == *'$(touch expanded)'* ]]
	[ ! -e expanded ]
}

@test "bash offers no name when the race cannot be read" {
	fake_names
	printf '#!/bin/sh\necho broken >&2\nexit 66\n' >fake/tr-agent
	complete_words tr-agent show ''
	assert_equal "$output" ''
}

@test "the completion of zsh is valid zsh" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	expect 0 zsh -n "$TOP/completions/_trading-race"
}

@test "the completion of fish is valid fish" {
	command -v fish >/dev/null || skip "fish is not installed"
	expect 0 fish --no-config -n "$TOP/completions/trading-race.fish"
}

@test "fish offers the agents of the database that the line names" {
	command -v fish >/dev/null || skip "fish is not installed"
	fake_names
	expect 0 fish --no-config -c "source '$TOP/completions/trading-race.fish'
		complete -C 'tr-agent -d other.db show '"
	assert_output elsewhere
}
