#ifndef RACE_TURN_H
#define RACE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "race.h"

/*
 * The turns of a decision window, shared by the parts of race_decide: rule agents are computed
 * there, programs are asked in race_exec.c, remote agents in race_remote.c. Part of module
 * race.
 */

struct race_turn {
	const struct race_agent *agent;
	const struct roster_spec *spec; /* at the pinned version; the window's */
	struct verdict v;
	struct buf own; /* its part of the context; empty for rule agents */
	char **argv;	/* exec */
	bool due;	/* nothing stored yet */
	bool answered;	/* v holds an answer */
};

struct race_round {
	struct db *db;
	const struct race_window *w;
	const struct race_decide_options *o;
	struct view view;
	struct buf shared;
	struct digest_state shared_state;
	struct race_turn *turns;
	size_t n;
	int64_t at_ms;
	int64_t deadline_ms;  /* boot clock */
	struct err unstarted; /* why an agent could not be asked, first of all */
	int tries;	      /* of asking programs in this run */
};

/* The turn's verdict before there is an answer: who, when, and the window that fills it. */
void race_start_turn(struct race_round *r, struct race_turn *t);
/* Note the hash of all that the agent is shown, and keep its own part unless it is a rule. */
int race_show(struct race_round *r, struct race_turn *t, struct err *e);
/* Store one answer unless somebody else did; the one that is stored counts. Inside a
 * transaction; and in one of its own. */
int race_store_answer(struct race_round *r, struct race_turn *t, struct err *e);
int race_store_one(struct race_round *r, struct race_turn *t, struct err *e);

/* Ask all programs that are due, again if they could not be started. ${beside}: and let another
 * tr-decide ask the remote agents that are due meanwhile. */
int race_ask_programs(struct race_round *r, bool beside, struct err *e);
/* The context as a program reads it: one line. */
void race_line(const struct race_round *r, const struct race_turn *t, struct buf *out);
void race_forget_program(struct race_turn *t);

/* Whether it is asked over the network. */
bool race_is_remote(const struct race_turn *t);
/* Ask all models and services that are due. */
int race_ask_remote(struct race_round *r, struct err *e);

#endif
