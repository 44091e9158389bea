#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"

/*
 * What was begun, done and sealed. A window has one row in cycles, begun once; a stage of it is
 * done when its `completed` event is there, which is written in the same transaction as the
 * stage's effect (SEMANTICS ). All functions that write are called inside a
 * transaction of the caller.
 */

struct journal_cycle {
	int64_t window_ms;
	int64_t previous_ms; /* the window begun before it, -1 for none */
	bool decision;
	bool live;
	bool sealed;
	char state[16];
	int64_t attempts;
	struct digest pin_hash;
};

/* The cycle of a window; *${found} false (and nothing else) if it was not begun. */
int journal_load(struct db *db, int64_t window_ms, struct journal_cycle *c, bool *found,
		 struct err *e);
/* The text of a pin; the caller's. */
int journal_pin(struct db *db, const struct digest *hash, char **text, struct err *e);
/* The newest window begun, -1 for none, and whether the clock began it. */
int journal_latest(struct db *db, int64_t *window_ms, bool *live, struct err *e);
/* Whether the clock ever began a window: then time passes outside of the windows too. */
int journal_is_live(struct db *db, bool *live, struct err *e);
/* The newest window begun before ${window_ms}, -1 for none. */
int journal_before(struct db *db, int64_t window_ms, int64_t *out, struct err *e);
/* The oldest window begun after it, -1 for none. */
int journal_after(struct db *db, int64_t window_ms, int64_t *out, struct err *e);

/* Store a pin (once per text) and begin a window under it. */
int journal_begin(struct db *db, int64_t window_ms, int64_t previous_ms, const char *pin,
		  bool decision, bool live, int64_t at_ms, struct err *e);

/* Begin a window under a pin that is stored. */
int journal_begin_again(struct db *db, int64_t window_ms, int64_t previous_ms,
			const struct digest *pin, bool decision, bool live, int64_t at_ms,
			struct err *e);

/* A window that was begun has its seal. */
void journal_note_seal(struct db *db, int64_t window_ms);

/* What is done was done under ${input}; else ERR_DATA that names both hashes. */
int journal_same(struct db *db, int64_t window_ms, const struct digest *input, struct err *e);
/* Whether a stage is done. */
int journal_done(struct db *db, int64_t window_ms, const char *stage, bool *done,
		 struct err *e);
/* The stage is done; ${input} is the hash of the pin it ran under. What it was given besides is
 * facts under unique keys, so that running it again finds them and does nothing. */
int journal_complete(struct db *db, int64_t window_ms, const char *stage,
		     const struct digest *input, const char *detail, int64_t at_ms,
		     struct err *e);
/* The newest window before ${window_ms} in which a stage was done, or 0. */
int journal_last_done(struct db *db, int64_t window_ms, const char *stage, int64_t *out,
		      struct err *e);
/* Any other event. */
int journal_event(struct db *db, int64_t window_ms, const char *type, const char *stage,
		  const char *detail, int64_t at_ms, struct err *e);
/*
 * A begun window is started again. Counted if the run before left no word of its failure, that
 * is if it crashed; *${attempts} is the count, 1 for the first run.
 */
int journal_resume(struct db *db, int64_t window_ms, int64_t at_ms, int64_t *attempts,
		   struct err *e);

/* Windows that the clock passed without a run: noted once, and final. */
int journal_miss(struct db *db, int64_t window_ms, const char *reason, int64_t at_ms,
		 struct err *e);
/* Why a window was passed over; *${reason} NULL if it was not; the caller's. */
int journal_missed(struct db *db, int64_t window_ms, char **reason, struct err *e);
/* The window is over. */
int journal_finish(struct db *db, int64_t window_ms, const char *state, int64_t at_ms,
		   struct err *e);

/* Windows that were begun before ${window_ms} and are not sealed, oldest first. */
int journal_unsealed(struct db *db, int64_t window_ms, int64_t **windows, size_t *n,
		     struct err *e);

#endif
