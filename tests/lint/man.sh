#!/bin/sh
# The pages are clean mdoc, every tool has one, and each page of a tool has the same sections.
set -eu
found=$(
	for page in man/*.[157]; do
		[ -f "$page" ] || { echo "man:1: no pages"; break; }
		mandoc -T lint -W warning "$page" |
			sed -n "s|^mandoc: [^:]*:\([0-9]*\):[0-9]*: |$page:\1: |p; t
				s|^mandoc: [^:]*: |$page:1: |p"
		case $page in
		man/tr-*.1) ;;
		*) continue ;;
		esac
		tool=$(basename "$page" .1)
		[ -f "cmd/$tool.c" ] || echo "$page:1: no such tool"
		for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES "SEE ALSO"; do
			grep -qx "\.Sh $section" "$page" || echo "$page:1: no section $section"
		done
	done
	tools=0
	for source in cmd/tr-*.c; do
		[ -f "$source" ] || continue
		tools=$((tools + 1))
		page=man/$(basename "$source" .c).1
		[ -f "$page" ] || echo "$source:1: no page $page"
	done
	[ "$tools" -gt 0 ] || echo "cmd:1: no tools"
)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
