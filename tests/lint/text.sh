#!/bin/sh
# What every text file keeps to: no paths of one machine, no notes to self, no trailing blanks, a
# newline at the end; sources stay within 100 columns.
set -eu
lint=$(dirname "$0")
found=$("$lint/files.sh" | while read -r f; do
	grep -qI . "$f" || continue # empty or binary
	# the brackets keep the patterns from finding themselves
	grep -nE '(^|[^A-Za-z0-9_.~-])/([w]ork|[h]ome|[r]oot)(/|[^A-Za-z0-9_-]|$)' "$f" |
		sed "s|^\([0-9]*\):.*|$f:\1: path of one machine|"
	case $f in
	*.md | tests/fixtures/*) ;;
	*)
		grep -nwE 'T[O]DO|F[I]XME|X[X]X' "$f" |
			sed "s|^\([0-9]*\):.*|$f:\1: note to self|"
		;;
	esac
	case $f in
	tests/fixtures/*) continue ;;
	esac
	grep -nE '[[:blank:]]+$' "$f" | sed "s|^\([0-9]*\):.*|$f:\1: trailing blanks|"
	[ -z "$(tail -c 1 "$f")" ] || echo "$f:$(awk 'END { print NR }' "$f"): no newline at the end"
	case $f in
	lib/*.[ch] | cmd/*.[ch] | tests/unit/*.[ch])
		# continuation bytes of UTF-8 take no column
		LC_ALL=C tr -d '\200-\277' <"$f" | LC_ALL=C expand | awk -v f="$f" '
			length($0) > 100 { print f ":" FNR ": " length($0) " columns" }'
		;;
	esac
done)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
