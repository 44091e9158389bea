#ifndef RACE_PIN_H
#define RACE_PIN_H

#include <stdbool.h>

#include "buf.h"
#include "config.h"
#include "db.h"
#include "err.h"
#include "race.h"

/*
 * A pin: the settings, assets and agent versions in force when a window began, and the plan of
 * its stages, as canonical JSON. Part of module race.
 */

/* The pin of a window that begins now under ${c}. */
int race_pin_write(struct db *db, const struct config *c, struct buf *out, struct err *e);

/*
 * Fill in the plan, settings, assets and agents of ${w} from its pin. ${write}: it is to be
 * run, so a plan that is none of ours is ERR_CONFIG. The caller releases ${w}, also after a
 * failure.
 */
int race_pin_read(struct db *db, struct race_window *w, const char *text, bool write,
		  struct err *e);

#endif
