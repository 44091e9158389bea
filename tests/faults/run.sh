#!/bin/sh
# Run the fault matrices against the build in $B: kill, error, memory, power, races, clock, or those
# that are named. --sample N takes N points of each matrix, chosen by --seed S. The last line is
# "N passed, N failed".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$here/../../$B ;; esac
B=$(cd "$B" && pwd)
if grep -q __asan_init "$B/tr-cycle"; then
	echo "faults: a build with sanitizers has an allocator of its own: not run" >&2
	exit 69
fi
mkdir -p "$B/faults"
library=$B/faults/inject.so
if [ -z "$(find "$library" -newer "$here/inject.c" 2>/dev/null)" ]; then
	# renamed when whole: two runs may build it at once
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wconversion -Wshadow \
		-Wstrict-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings -Werror \
		-fPIC -shared -o "$library.$$" "$here/inject.c"
	mv "$library.$$" "$library"
fi
exec python3 "$here/faults.py" --build "$B" --library "$library" "$@"
