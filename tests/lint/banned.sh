#!/bin/sh
# banned.h is the last header of every source, and no object calls what it bans.
set -eu
: "${B:?the build directory}"
found=$(
	for f in lib/*.c cmd/*.c; do
		[ -f "$f" ] || continue
		awk '/^[ \t]*#[ \t]*include.*\.h[">]/ { last = $0; at = FNR }
			END {
				if (last !~ /"banned\.h"/)
					print FILENAME ":" (at ? at : 1) \
						": banned.h is not the last header"
			}' "$f"
	done
	objects=0
	for o in "$B"/lib/*.o; do
		src=lib/$(basename "$o" .o).c
		[ -f "$src" ] || continue # an object of a source that is gone
		objects=$((objects + 1))
		nm -u "$o" | awk -v src="$src" '
			BEGIN {
				list = "strcpy strncpy strcat strncat sprintf vsprintf strtok atoi " \
					"atol atof strtod gmtime localtime rand system popen fork " \
					"tmpnam gets"
				n = split(list, name, " ")
				for (i = 1; i <= n; i++)
					banned[name[i]] = 1
			}
			{
				sym = $NF
				sub(/@.*/, "", sym)
				sub(/_chk$/, "", sym)
				sub(/^__/, "", sym)
				if (sym in banned)
					print src ":1: calls " sym
			}'
	done
	[ "$objects" -gt 0 ] || echo "$B/lib:1: no objects to look at"
)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
