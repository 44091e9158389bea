#ifndef UNIT_H
#define UNIT_H

/* The smallest TAP producer: unit_ok per property, unit_done at the end of main. */

#include <stdbool.h>
#include <stdio.h>

static int unit_count, unit_failed;

#define unit_ok(cond, name) unit_report((cond), (name), __FILE__, __LINE__, #cond)

static inline bool unit_report(bool ok, const char *name, const char *file, int line,
			       const char *text)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++unit_count, name);
	if (!ok) {
		printf("# %s:%d: %s\n", file, line, text);
		unit_failed++;
	}
	return ok;
}

static inline int unit_done(void)
{
	printf("1..%d\n", unit_count);
	return unit_failed != 0;
}

#endif
