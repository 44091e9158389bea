#ifndef ROUTE_H
#define ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"
#include "err.h"
#include "guard.h"

/*
 * Which of the candidates of an agent is asked first: a score from 0 to 10000 out of success
 * rate, latency, load and the state of the breaker, in integers. What every candidate was given
 * is stored with the choice, insert-only; the statistics are kept up with every attempt and can
 * be rebuilt from the calls. Functions that write are called inside a transaction.
 */

struct route_candidate {
	char name[GUARD_SERVICE_MAX];	 /* openai/gpt-4o-mini */
	int64_t calls, good, latency_ms; /* of route_stats; latency is the sum over the good */
	int64_t flying, parallel;	 /* under way at its provider; limit, 0 for none */
	enum circuit_answer breaker;
	int64_t score;
};

/* The score of a candidate at ${place} in the operator's order. Success rate counts as if one
 * good and one bad call had been before; 60 parts success, 25 latency (half at 20 s), 15 load;
 * halved for a breaker that is probing, 0 for one that refuses; 500 less for every place. */
int64_t route_score(const struct route_candidate *c, size_t place);

/* Fill in statistics, load and breaker of a candidate. */
int route_load(struct db *db, const char *provider, const char *service,
	       const struct guard_policy *p, int64_t wall_ms, struct route_candidate *c,
	       struct err *e);
/* Note a choice. */
int route_add(struct db *db, int64_t agent_id, int64_t window_ms, const char *chosen,
	      const struct route_candidate *c, size_t n, int64_t wall_ms, struct err *e);
/* An attempt of a candidate ended. */
int route_count(struct db *db, const char *candidate, bool good, int64_t latency_ms,
		int64_t cost, struct err *e);
/* Make the statistics anew from the calls; *${n} candidates. */
int route_rebuild(struct db *db, int64_t *n, struct err *e);

/* How a candidate did so far, and how it stands now. */
struct route_stat {
	struct route_candidate c; /* scored as if the operator had put it first */
	int64_t cost;
	char service[GUARD_SERVICE_MAX];
	struct circuit circuit; /* closed if the service was never called */
};

/* All candidates that were ever asked, best score first, or worst first. */
typedef int route_stats_fn(void *ctx, const struct route_stat *s, struct err *e);
int route_stats(struct db *db, const struct config *c, bool worst, int64_t wall_ms,
		route_stats_fn *each, void *ctx, struct err *e);

/* ---- one turn of an agent, told from its choices, attempts and answer */

struct route_choice {
	char *chosen;
	char *candidates; /* JSON array, as it was stored */
	int64_t at_ms;
};

struct route_attempt {
	size_t choice; /* index of the choice that it followed */
	char candidate[GUARD_SERVICE_MAX];
	int64_t attempt, at_ms;
	bool over; /* false: under way, or its process died */
	bool lost;
	int64_t status, latency_ms;
	int64_t cost;	     /* of one that is not over: what is reserved for it */
	char *class, *error; /* NULL: none */
};

struct route_story {
	struct route_choice *choices; /* one for every run that asked; oldest first */
	size_t n_choices;
	struct route_attempt *attempts; /* in the order they were made */
	size_t n_attempts;
	char *decision, *error; /* its status and why; NULL: there is none */
	bool answered;
	char candidate[GUARD_SERVICE_MAX]; /* that answered */
	bool substitute;
	char *returned;	       /* as the service named what answered; NULL: it did not */
	int64_t input, output; /* tokens; -1: not said */
	int64_t cost;
};

/* The newest window in which a choice was made for the agent; -1: none. */
int route_story_latest(struct db *db, int64_t agent_id, int64_t *window_ms, struct err *e);
/* The caller releases it. */
int route_story_load(struct db *db, int64_t agent_id, int64_t window_ms, struct route_story *s,
		     struct err *e);
void route_story_release(struct route_story *s);

#endif
