#ifndef COST_H
#define COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "db.h"
#include "err.h"

/*
 * What remote calls cost, in 1e-8 USD and from the calls themselves; the accounts of table
 * spending, which the caps are held against, must come to the same. An attempt belongs to the
 * UTC day on which it began. Calls that were made for no agent and cost nothing, such as those
 * for prices, do not count.
 */

#define COST_FLYING_MS 300000 /* an attempt without a result that began before is in doubt */

struct cost_sum {
	int64_t calls;
	int64_t spent;		    /* by those whose cost is known */
	int64_t flying, flying_usd; /* under way: number, and what is reserved for them */
	/* lost, or their process died: number of those that may have been billed for nothing or
	 * twice, and what they may have cost, which stays reserved */
	int64_t doubtful, doubtful_usd;
	int64_t input, output; /* tokens, as far as they were said */
};

enum cost_by { COST_ALL, COST_AGENT, COST_MODEL, COST_DAY };

struct cost_query {
	int64_t since_ms, until_ms; /* half open */
	int64_t agent_id;	    /* 0: all */
	int64_t now_ms;
};

/* What is reserved and not known: flying_usd and doubtful_usd. */
int64_t cost_reserved(const struct cost_sum *s);

int cost_load(struct db *db, const struct cost_query *q, struct cost_sum *s, struct err *e);
/* The same in parts, by name: agents ("" for none), provider/model, or days "2026-11-21". */
typedef int cost_part_fn(void *ctx, const char *name, int64_t agent_id,
			 const struct cost_sum *s, struct err *e);
int cost_parts(struct db *db, const struct cost_query *q, enum cost_by by, cost_part_fn *each,
	       void *ctx, struct err *e);

/* What the accounts say of a range of whole days (else *${whole} false). */
int cost_account(struct db *db, const struct cost_query *q, bool *whole, int64_t *usd,
		 struct err *e);

/* A cap of the day of now, of the race (agent 0) or of an agent. */
struct cost_cap {
	int64_t cap, spent, left; /* spent: with what is reserved */
};
int cost_cap(struct db *db, const struct config *c, int64_t agent_id, int64_t now_ms,
	     struct cost_cap *out, struct err *e);

/* Where the rate of the last 24 hours, or of the time since the first paid call if that is
 * less, leads; not known if that was less than an hour ago. */
struct cost_forecast {
	bool known;
	int64_t day;   /* spent and reserved by the end of the UTC day */
	int64_t month; /* in 30 days */
};
int cost_forecast(struct db *db, int64_t agent_id, int64_t now_ms, struct cost_forecast *f,
		  struct err *e);

/* Who reached a cap today: spent it, or was refused an attempt because of it in a window of the
 * clock. "" for the race. */
typedef int cost_reached_fn(void *ctx, const char *agent, struct err *e);
int cost_reached(struct db *db, const struct config *c, int64_t now_ms, cost_reached_fn *each,
		 void *ctx, struct err *e);

#endif
