#ifndef REPLAY_ANSWERS_H
#define REPLAY_ANSWERS_H

#include "race.h"

/* In place of race_ingest: the prices that the window has in ${origin}. */
int replay_prices(struct db *db, struct db *origin, const struct race_window *w, struct err *e);

/*
 * In place of race_decide: every agent of the window decides what it decided in ${origin},
 * together with who answered and what that cost. Whoever has no decision there has none here.
 * Part of module replay.
 */
int replay_answers(struct db *db, struct db *origin, const struct race_window *w,
		   struct err *e);

#endif
