#ifndef RACE_WHY_PART_H
#define RACE_WHY_PART_H

#include "race_why.h"

/* The parts of race_why among themselves. */

/* Note something that does not add up. */
void race_why_problem(struct race_why *y, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for a value that is not what it should be; ${fmt} names it: "trade 5: fee". */
void race_why_compare(struct race_why *y, int64_t is, int64_t should, int scale,
		      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The batch of a window, loaded once. */
int race_why_add_batch(struct race_why *y, struct db *db, int64_t window_ms, struct err *e);

/* What was shown, asked and answered. */
int race_why_asked(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e);
void race_why_release_asked(struct race_why_turn *t);

/* What became of it: execution, rules, fills, computed once more. */
int race_why_carried(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e);
/* The rules that a window had for an agent, and what they make of its orders. */
int race_why_rules(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e);

/* Why an agent of a window has no decision; NULL is never returned. ${kind} of its version. */
const char *race_why_silent(const struct race_window *w, const struct race_agent *a,
			    enum roster_kind kind, bool asked);

/* The window as such. ERR_NOTFOUND if nobody knows it. */
int race_why_window(struct race_why *y, struct db *db, struct err *e);
void race_why_release_window(struct race_why_history *h);

#endif
