#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"

/*
 * Every remote attempt, on disk before it is made and again when it is over, and the money it
 * takes. What an attempt can cost at most is reserved against the caps of the UTC day (wall
 * clock) in the transaction that notes its start; when it ends the reservation becomes its
 * cost, and stays in full where the cost is not known (D-11). Functions that write are called
 * inside a transaction of the caller. Money is in 1e-8 USD.
 */

enum calls_purpose {
	CALLS_DECIDE,
	CALLS_INGEST,
	CALLS_TRY,
	CALLS_TEST,
	CALLS_GUARD,
	CALLS_HEARTBEAT,
};

struct calls_start {
	enum calls_purpose purpose;
	int64_t window_ms; /* -1: none */
	int64_t agent_id;  /* 0: none */
	const char *provider, *model, *service;
	int64_t attempt;
	const struct digest *request; /* NULL: none */
	int64_t reserved;
};

struct calls_result {
	const char *class;
	int64_t status; /* HTTP */
	bool lost;	/* sent, and no reply: it may have been billed */
	int64_t cost;
	bool has_usage;
	int64_t input, output;
	int64_t latency_ms;
	const char *error; /* NULL: none */
};

/* Reserve: false in *${ok}, and nothing is written, if a cap would be exceeded; then *${cap} is
 * "agent" or "race". A cap below 0 is none. Nothing is reserved for an amount of 0. */
int calls_reserve(struct db *db, int64_t agent_id, int64_t amount, int64_t agent_cap,
		  int64_t race_cap, int64_t wall_ms, bool *ok, const char **cap, struct err *e);
/* Give back what was reserved for an attempt that is not made after all. */
int calls_release(struct db *db, int64_t agent_id, int64_t amount, int64_t wall_ms,
		  struct err *e);
int calls_begin(struct db *db, const struct calls_start *s, int64_t wall_ms, int64_t *id,
		struct err *e);
/* Ends the attempt; the reservation of its day becomes its cost. */
int calls_end(struct db *db, int64_t id, const struct calls_result *r, int64_t wall_ms,
	      struct err *e);

/* What was spent and reserved on the day of ${wall_ms}; agent 0: in all. */
int calls_spent(struct db *db, int64_t agent_id, int64_t wall_ms, int64_t *spent,
		struct err *e);

/* Attempts that were sent and never answered, or whose process died: they may have been billed
 * for nothing, or twice. Those of windows in [from, to). */
int calls_doubtful(struct db *db, int64_t from_ms, int64_t to_ms, int64_t *n, struct err *e);
/* Requests under way at a provider by all processes, started in the last five minutes. */
int calls_flying(struct db *db, const char *provider, int64_t wall_ms, int64_t *n,
		 struct err *e);

#endif
