#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

#include "buf.h"
#include "db.h"
#include "err.h"
#include "race.h"

/*
 * A race as one self-contained HTML page: standings, curves, what is skill and what is luck, a
 * card for every agent, and how all of it was computed. Every figure is one of the board's
 * (race.h) or stands in the books; nothing on the page depends on when and where it was made.
 * Words of agents are shown as far as roster_publish lets them.
 */

#define REPORT_BYTES_MAX ((size_t)64 << 20) /* of a page */

/* Called before each step of ${total}, so that somebody who waits sees something. */
typedef void report_progress_fn(void *ctx, size_t done, size_t total);

/* The page over what ${q} asks for; statistics are always part of it. ${progress} may be NULL.
 */
int report_make(struct db *db, const struct race_board_query *q, report_progress_fn *progress,
		void *ctx, struct buf *out, struct err *e);

/*
 * Put a page at ${path} all at once: readers find the old one or the new one. It is readable by
 * everybody, or keeps the mode of the page that it replaces. A file that is there and is no
 * page is ERR_DATA, so that a slip of the hand does not cost a race.
 */
int report_write(const char *path, const struct buf *page, struct err *e);

#endif
