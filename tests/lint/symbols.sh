#!/bin/sh
# lib/foo.c exports foo_* only, each export is declared in a header and used somewhere else.
# Exports kept without a caller are listed in unused-allowed.txt.
set -eu
: "${B:?the build directory}"
lint=$(dirname "$0")
allowed=$lint/unused-allowed.txt
# MODULE:PREFIX of further names a module owns: its types, when there are several
prefixes='decimal:money decimal:price decimal:quantity'
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "SYMBOL MODULE FILE", sanitizer symbols apart
for o in "$B"/lib/*.o; do
	name=$(basename "$o" .o)
	[ -f "lib/$name.c" ] || continue # an object of a source that is gone
	nm -g --defined-only "$o" | awk -v name="$name" '
		NF == 3 && $3 !~ /^__/ { print $3, name, "lib/" name ".c" }'
done >"$tmp/exports"
[ -s "$tmp/exports" ] || { echo "$B/lib:1: no objects to look at"; exit 1; }

# the modules that may own a prefix
awk '{ sub(/#.*/, ""); for (i = 1; i <= NF; i++) print $i }' lib/LAYERS >"$tmp/modules"

words() { # words FILE...: "WORD FILE COUNT" of the code outside comments and strings
	awk -v strings=0 -f "$lint/code.awk" "$@" | awk '{
		file = $0
		sub(/:.*/, "", file)
		sub(/^[^:]*:[^:]*:/, "")
		n = split($0, word, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++)
			if (word[i] != "")
				count[word[i] " " file]++
	}
	END { for (w in count) print w, count[w] }'
}
set --
for f in lib/*.[ch] cmd/*.[ch] tests/unit/*.[ch]; do
	[ ! -f "$f" ] || set -- "$@" "$f"
done
words "$@" >"$tmp/words"

awk -v allowed="$allowed" -v prefixes="$prefixes" '
	function owns(module, sym,    n, i, pair) {
		if (index(sym, module "_") == 1)
			return 1
		n = split(prefixes, pair, " ")
		for (i = 1; i <= n; i++)
			if (index(pair[i] "_", module ":") == 1 &&
			    index(sym, substr(pair[i], length(module) + 2) "_") == 1)
				return 1
		return 0
	}
	FILENAME ~ /\/modules$/ { module[$1] = 1; next }
	FILENAME == allowed {
		sub(/#.*/, "")
		if (NF > 0)
			keep[$1] = FNR
		next
	}
	FILENAME ~ /\/words$/ {
		in_header = $2 ~ /^lib\/.*\.h$/
		if (in_header)
			declared[$1] = 1
		# twice in a header: a macro or an inline function uses it
		if (!in_header || $3 > 1) {
			users[$1]++
			uses[$1 " " $2] = 1
		}
		next
	}
	{
		sym = $1
		own = $2
		while (!(own in module) && own ~ /_/)
			sub(/_[^_]*$/, "", own)
		exported[sym] = 1
		if (!owns(own, sym))
			print $3 ":1: exports " sym ", which does not begin with " own "_"
		if (!(sym in declared))
			print $3 ":1: exports " sym ", which no header declares"
		others = users[sym] - ((sym " " $3) in uses)
		if (others == 0 && !(sym in keep))
			print $3 ":1: exports " sym ", which nothing else uses"
		if (others > 0 && sym in keep)
			print allowed ":" keep[sym] ": " sym " is used, drop it from the list"
	}
	END {
		for (sym in keep)
			if (!(sym in exported))
				print allowed ":" keep[sym] ": " sym " does not exist"
	}
' "$tmp/modules" "$allowed" "$tmp/words" "$tmp/exports" | sort >"$tmp/found"
cat "$tmp/found"
[ ! -s "$tmp/found" ]
