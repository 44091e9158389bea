#!/bin/sh
# Write the completions of bash, zsh and fish from what the tools of $B say with --help, into the
# directory named as argument, else into this one. The same tools always give the same files.
set -eu
: "${B:?the build directory}"
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
export LC_ALL=C
unset TR_DB
table=$(mktemp)
trap 'rm -f "$table"' EXIT

# Everything the tools say, as lines of tab-separated fields:
#   tool TOOL SUMMARY
#   option TOOL LETTER NAME ARG KIND HELP       LETTER and ARG may be empty
#   command TOOL NAME HELP
#   operand TOOL COMMAND INDEX KIND             COMMAND "-" for tools without; INDEX "*": the rest
# KIND: agent, asset, setting, file, dir, any (nothing to offer), or =WORD|WORD...
describe() {
	for t in "$B"/tr-*; do
		case $t in *.d) continue ;; esac
		[ -x "$t" ] || continue
		"$t" --help </dev/null | awk -v tool="$(basename "$t")" -v OFS='\t' -f "$here/help.awk"
	done
}
describe >"$table"
[ -s "$table" ] || { echo "generate.sh: no tools in $B" >&2; exit 1; }
for form in bash zsh fish; do
	case $form in
	bash) file=trading-race.bash ;;
	zsh) file=_trading-race ;;
	fish) file=trading-race.fish ;;
	esac
	{
		[ $form != zsh ] || awk -F '\t' '
			$1 == "tool" { tools = tools " " $2 }
			END { print "#compdef" tools }' "$table"
		cat "$here/body.$form"
	} >"$out/$file.new"
	awk -F '\t' -f "$here/$form.awk" "$table" >>"$out/$file.new"
	mv "$out/$file.new" "$out/$file"
done
