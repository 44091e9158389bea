#ifndef ALERT_H
#define ALERT_H

#include <stdint.h>

#include "db.h"
#include "err.h"
#include "health.h"

/*
 * Tell the program of the setting alert.command of every problem once, and once more when it is
 * over. It gets a tr.alert/1 record on standard input and ten seconds; a problem counts as told
 * when it ended with status 0, and is told again by the next call else. A process that is
 * killed between the two tells twice, never not at all.
 */

/* *${failed} counts what could not be told, *${why} (may be NULL) gets the last cause. ERR_TEMP
 * if another process is telling. Nothing is done without an alert.command. */
int alert_run(struct db *db, const struct health *h, int64_t now_ms, int64_t *failed,
	      struct err *why, struct err *e);

#endif
