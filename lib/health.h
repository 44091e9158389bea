#ifndef HEALTH_H
#define HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"
#include "err.h"

/*
 * The health of a race, a function of its database, its files and the clock (SEMANTICS R-94).
 * Each component is looked at for a bounded time; one that cannot be looked at is UNKNOWN, and
 * the others are looked at all the same.
 */

enum health_level { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_UNKNOWN };

#define HEALTH_MAX 16
#define HEALTH_DETAIL_MAX 256

struct health_component {
	const char *name; /* static: "last_window" */
	enum health_level level;
	char detail[HEALTH_DETAIL_MAX]; /* one line, without control bytes and bars */
	int64_t value, warn, crit;	/* what was measured, and its thresholds */
	const char *unit;		/* "s", "B", "%" or ""; NULL: nothing was measured */
	int64_t took_ms;
};

struct health {
	struct health_component items[HEALTH_MAX];
	size_t n;
	enum health_level level; /* the worst: CRITICAL, then UNKNOWN, WARNING, OK */
};

struct health_options {
	int64_t now_ms;
	int64_t stale_s;  /* age of the newest finished window; -1: 900, for live races only */
	int64_t wal_mb;	  /* of the write-ahead log */
	int64_t disk_mb;  /* free where the race lies; below a quarter of it is critical */
	int64_t limit_ms; /* for one component */
	bool full;	  /* audit the books and check the file */
};

void health_check(struct db *db, const struct health_options *o, struct health *h);

const char *health_name(enum health_level level); /* "ok", "warning" ... */

/* The record tr.check/1, and the values as a monitoring plugin prints them. */
void health_record(const struct health *h, int64_t now_ms, struct buf *out);
void health_perfdata(const struct health *h, struct buf *out);

#endif
