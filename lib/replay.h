#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * A race over history: the set-up and the candles of one race become another, whose windows are
 * run one after the other by the same steps as live ones (race.h), with the time of the candles
 * for a clock. Nobody is asked over the network. What comes out is a race like any other; the
 * same request gives the same one.
 */

struct replay_request {
	const char *origin;  /* race that set-up and candles come from */
	const char *out;     /* race to make or to continue */
	bool answers;	     /* decisions are those of the origin, nobody is asked */
	int64_t from_ms;     /* first window; -1 with answers: the origin's first */
	int64_t to_ms;	     /* window after the last; -1 likewise */
	const char **agents; /* only these and the baselines; NULL: all that can take part */
	size_t n_agents;
	const char **settings; /* "section.key=value", that differ from the origin's */
	size_t n_settings;
	size_t jobs;		  /* programs that are asked at once */
	int64_t now_ms;		  /* wall time, for what is noted of the set-up */
	const volatile int *stop; /* set by a signal handler; may be NULL */
	/* called now and then; may be NULL */
	void (*progress)(void *ctx, int64_t window_ms, int64_t from_ms, int64_t to_ms);
	void *ctx;
};

struct replay_result {
	int64_t from_ms, to_ms;
	int64_t windows;   /* run by this call */
	int64_t decisions; /* of the whole replay */
	int64_t trades;
	bool resumed; /* a part was there already */
};

/*
 * Make the race, or continue one that was interrupted. ERR_DATA if ${q->out} is a race that
 * another request made, or none that a replay made; ERR_TEMP if it was stopped: all windows up
 * to there are kept.
 */
int replay_run(const struct replay_request *q, struct replay_result *r, struct err *e);

#endif
