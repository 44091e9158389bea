#ifndef RACE_RESIDENT_H
#define RACE_RESIDENT_H

#include "race_turn.h"

/*
 * Programs that a replay keeps running over many windows. A program that answers a line with a
 * line and goes on is asked so; whatever else it does (ends, waits for the end of its input,
 * says something that is no answer, or more than one, ends badly) makes no difference to the
 * result, since it is then asked once more as in a live window, and that answer counts. Part of
 * module race.
 */

/* Let the programs that are due and kept running answer; the others stay due. */
int race_ask_residents(struct race_round *r, struct err *e);

#endif
