#ifndef PROBE_H
#define PROBE_H

#include <stdint.h>

#include "config.h"
#include "db.h"
#include "err.h"
#include "provider.h"
#include "remote.h"

/*
 * Ask a service once, for real, because a person wants to see it answer: a model for a word, a
 * venue for its newest candle, an ML service for its health. The attempt is written down with
 * its money like any other. It passes an open breaker, though not an isolated service, and
 * opens none: what a person tries says nothing to the race.
 */

struct probe {
	const struct provider *provider; /* borrowed */
	const char *model;		 /* or market; "" for the venue's usual one; borrowed */
	int64_t worst;			 /* what it can cost at most, 1e-8 USD */

	/* set by probe_run */
	enum remote_end end;
	enum model_class class;
	int64_t latency_ms;
	char *returned; /* the model or the price that came; NULL: none; owned */
	char *error;	/* NULL: none; owned */
	bool has_usage;
	int64_t input, output, cost;
};

/* What it would ask and cost: ERR_USAGE without a model, ERR_CONFIG without a price, and what
 * is wrong with the key. */
int probe_prepare(struct db *db, const struct provider *p, const char *model, struct probe *out,
		  struct err *e);
/* Ask. 0 whatever the outcome; -1 if it could not be tried at all. */
int probe_run(struct db *db, const struct config *c, struct probe *p, const volatile int *stop,
	      struct err *e);
void probe_release(struct probe *p);

#endif
