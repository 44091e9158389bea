#ifndef HEAD_H
#define HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"
#include "digest.h"
#include "err.h"

/*
 * The head of the chain in a file outside of the database (SEMANTICS R-85): race.db.heads has a
 * line for each seal, "N WINDOW-ID HASH\n", in order from 1 and appended once the seal is
 * committed. So the file never knows more than the database, unless the database has lost
 * something; and it may lag, since whoever is killed in between leaves the line to the next
 * tr-cycle.
 *
 * Only the end of the file can be torn by a loss of power or a full disk: a line is on disk
 * before the next one is begun. What is left of it is never touched; it is ended by a newline
 * and the line is repeated below it. A reader passes over a line only if it is such a remnant
 * of the one that is due: bytes of it at their places, NUL where a sector was lost.
 */

#define HEAD_SUFFIX ".heads"
#define HEAD_FILE_MAX ((size_t)256 << 20) /* two and a half decades of windows */
#define HEAD_ASIDE_MAX 64

/* Append what the chain of ${db} has and its file lacks. One tr-cycle at a time may, under its
 * lock. A file that contradicts the chain is ERR_DATA, and left as it is. */
int head_update(struct db *db, struct err *e);
/* The same where a chain of many seals is expected to have no file yet, as that of a replay:
 * head_update() warns when it has to make one. */
int head_begin(struct db *db, struct err *e);

/* The end of the file against the chain: *${n} is the last seal that it has a line for, 0 for
 * none, and *${same} whether that is one of the race. *${found} false if there is no file. */
int head_last(struct db *db, bool *found, int64_t *n, bool *same, struct err *e);

/*
 * Read a head file, to compare it later: before the view that it is compared with begins, since
 * it grows meanwhile. ${path} is a copy, ERR_NOTFOUND if it is not there; or NULL for the file
 * of ${db}, *${found} false if there is none.
 */
int head_read(struct db *db, const char *path, struct buf *text, bool *found, struct err *e);

struct head_report {
	int64_t heads; /* lines that are seals of the race */
	bool ok;
	char difference[ERR_TEXT_MAX]; /* the first bad line, when not ok */
};

/* ${text} against a chain, seal by seal from 1: the lines up to that of the seal, if it has one
 * for it; and at the end what is left. false once there was a difference. */
struct head_walk {
	const char *at, *stop; /* what is left of the text; borrowed */
	int64_t line;	       /* of ${at}, from 1 */
	struct head_report *r;
};
void head_walk_init(struct head_walk *w, const struct buf *text, struct head_report *r);
bool head_walk_seal(struct head_walk *w, int64_t n, int64_t window_ms,
		    const struct digest *hash);
bool head_walk_end(struct head_walk *w);

/* Every line of ${text} against the chain. -1 only if it could not be done. */
int head_compare(struct db *db, const struct buf *text, struct head_report *r, struct err *e);

/* Give the file of the race at ${path} another name, ${path}.heads.TIME, so that a new one
 * begins. ${aside} is what follows ${path} in it, "" if there was none. ERR_DATA if that name
 * is taken. */
int head_put_aside(const char *path, int64_t at_ms, char aside[HEAD_ASIDE_MAX], struct err *e);

#endif
