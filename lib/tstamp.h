#ifndef TSTAMP_H
#define TSTAMP_H

#include <stdint.h>

#include "err.h"

/*
 * Times are int64 milliseconds since 1970-01-01T00:00Z. A window is five minutes, half open,
 * in UTC (SEMANTICS ), named by its start. Valid times run from 1970 to 9999.
 */

#define TSTAMP_WINDOW_MS INT64_C(300000)
#define TSTAMP_DAY_MS INT64_C(86400000)
#define TSTAMP_TEXT_MAX 32	/* "2024-07-23T00:00:17.123Z" */
#define TSTAMP_WINDOW_ID_MAX 32 /* "market-cycle-20240723-0000" */

/*
 * Read a UTC time: "2024-07-23", "2024-07-23T14:05Z", "...:17Z", "...:17.123456Z" (up to nine
 * digits, cut to milliseconds), "+00:00" in place of Z, a blank in place of T, or a window's
 * id. Without Z the time is UTC as well. Any other offset than zero, impossible dates (02-30)
 * and trailing bytes are ERR_DATA. No locale and no time zone is looked at.
 */
int tstamp_parse(const char *s, int64_t *ms, struct err *e);

/* "2024-07-23T00:00:17Z", with ".123" only if the milliseconds are not 0. Returns ${out}. */
char *tstamp_format(int64_t ms, char out[TSTAMP_TEXT_MAX]);

/* "2024-07-23 00:05", for people. */
char *tstamp_format_short(int64_t ms, char out[TSTAMP_TEXT_MAX]);

/* The start of the window that ${ms} falls in. */
int64_t tstamp_window(int64_t ms);

/* "market-cycle-20240723-0005" for the window that ${ms} falls in. Returns ${out}. */
char *tstamp_window_id(int64_t ms, char out[TSTAMP_WINDOW_ID_MAX]);

/* The wall clock. Called once per process, in cli: everything below gets a time passed in, but
 * for remote calls, whose money and limits belong to the real day whatever --now says. */
int64_t tstamp_wall_ms(void);

/* The boot clock (counts suspend), for durations and deadlines; never for dates. */
int64_t tstamp_boot_ms(void);

/* Which boot that clock counts from, as the kernel names it: times of another boot mean nothing
 * in this one. Returns ${out}; NULL with ERR_CONFIG if /proc does not tell. */
#define TSTAMP_BOOT_ID_MAX 64
char *tstamp_boot_id(char out[TSTAMP_BOOT_ID_MAX], struct err *e);

#endif
