#!/bin/sh
# lib/LAYERS is the order in which the modules may see each other: a file of lib/ includes headers
# of its own line and of the lines above, and every file belongs to a module that is listed.
set -eu
set -- lib/*.c lib/*.h
found=$(awk '
	# foo_bar.c belongs to foo unless foo_bar is a module of its own.
	function module(name) {
		sub(/^.*\//, "", name)
		sub(/\.[ch]$/, "", name)
		while (!(name in level) && name ~ /_/)
			sub(/_[^_]*$/, "", name)
		return (name in level) ? name : ""
	}
	FILENAME == "lib/LAYERS" {
		sub(/#.*/, "")
		for (i = 1; i <= NF; i++) {
			if ($i in level)
				print FILENAME ":" FNR ": module " $i " is listed twice"
			level[$i] = FNR
		}
		next
	}
	FNR == 1 {
		own = module(FILENAME)
		if (own == "")
			print FILENAME ":1: the module is not in lib/LAYERS"
	}
	own != "" && /^[ \t]*#[ \t]*include[ \t]*"[^"]*\.h"/ {
		split($0, part, "\"")
		other = module(part[2])
		if (other == "")
			print FILENAME ":" FNR ": " part[2] " belongs to no module of lib/LAYERS"
		else if (level[other] > level[own])
			print FILENAME ":" FNR ": " own " may not include " part[2] \
				", its layer is above"
	}
' lib/LAYERS "$@")
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
