#!/bin/sh
# Each foreign library has one door: one file that includes its header. Programs hold no SQL.
set -eu
lint=$(dirname "$0")

# library, and the files that may include its headers: NAME.h, NAME/*.h, */NAME.h
doors='
sqlite3 lib/sql.c
cJSON lib/json.c
openssl lib/digest.c
zlib lib/deflate.c lib/gunzip.c
curl cmd/tr-fetch.c
'
set --
for f in lib/*.[ch] cmd/*.[ch]; do
	[ ! -f "$f" ] || set -- "$@" "$f"
done
found=$(awk -f "$lint/code.awk" "$@" | awk -v doors="$doors" '
	BEGIN {
		lines = split(doors, line, "\n")
		for (i = 1; i <= lines; i++) {
			n = split(line[i], word, " ")
			for (j = 2; j <= n; j++)
				door[word[1] " " word[j]] = 1
			if (n > 0)
				foreign[word[1]] = 1
		}
	}
	{
		file = $0
		sub(/:.*/, "", file)
		seen[file] = 1
		code = substr($0, length(file) + 2)
		number = code
		sub(/:.*/, "", number)
		code = substr(code, length(number) + 2)
		at = file ":" number ": "
	}
	code ~ /^[ \t]*#[ \t]*include/ {
		header = code
		gsub(/^[^<"]*[<"]|\.h[>"].*$/, "", header)
		n = split(header, part, "/")
		for (i = 1; i <= n; i++) {
			if (part[i] in foreign && !((part[i] " " file) in door))
				print at "only the door of " part[i] " may include it"
			used[part[i] " " file] = 1
		}
		next
	}
	file ~ /^cmd\// && code ~ /"[^"]*(SELECT |INSERT |UPDATE |DELETE |BEGIN|PRAGMA)/ {
		print at "SQL outside the stores"
	}
	END {
		for (d in door) {
			split(d, word, " ")
			if (word[2] in seen && !(d in used))
				print word[2] ":1: is the door of " word[1] " and does not include it"
		}
	}
' | sort -u)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
