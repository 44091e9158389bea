#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "portfolio.h"

/*
 * The books in the database: portfolios and positions (caches of the trades), trades and
 * snapshots (facts). Functions that write are called inside a transaction of the caller.
 */

/* A trade as stored. */
struct ledger_trade {
	int64_t id;
	int64_t agent_id;
	int64_t window_ms; /* the decision's */
	int64_t idx;	   /* the order in it */
	int64_t fill_ms;
	struct portfolio_fill fill;
};

/* The books of an agent now. */
int ledger_load(struct db *db, int64_t agent_id, struct portfolio *p, struct err *e);

/*
 * The books of an agent as of an earlier moment, from the trades alone (T-09): those that
 * filled before window ${fill_ms}, or in it if their decision was made before ${decided_ms}.
 * Use (W, W) for "before the decisions of W", (W+1, W+1) for "after W".
 */
int ledger_load_at(struct db *db, int64_t agent_id, int64_t fill_ms, int64_t decided_ms,
		   struct portfolio *p, struct err *e);

/* Store a fill and move the caches to it: cash, position and sequence must follow on what is
 * there (exactly one row each), else ERR_INTERNAL and nothing may be committed. */
int ledger_add_trade(struct db *db, const struct ledger_trade *t, struct err *e);

/* All trades of an agent in order of sequence; ${each} returns -1 to stop with ${e} set. */
typedef int ledger_trade_fn(void *ctx, const struct ledger_trade *t, struct err *e);
int ledger_trades(struct db *db, int64_t agent_id, ledger_trade_fn *each, void *ctx,
		  struct err *e);
/* The trades of one decision, by order. */
int ledger_decision_trades(struct db *db, int64_t agent_id, int64_t window_ms,
			   ledger_trade_fn *each, void *ctx, struct err *e);
/* When the agent last traded the asset, up to its trade ${seq}; -1 for never. */
int ledger_last_trade(struct db *db, int64_t agent_id, int64_t asset_id, int64_t seq,
		      int64_t *fill_ms, struct err *e);

/* Whether any agent holds the asset. */
int ledger_held(struct db *db, int64_t asset_id, bool *held, struct err *e);

/*
 * The quick check of R-84: cash, sequence and positions are those after the last trades. *${agent}
 * is the first whose are not, NULL if all are right; the caller's.
 */
int ledger_broken(struct db *db, char **agent, struct err *e);

enum ledger_phase { LEDGER_PRE, LEDGER_POST };

struct ledger_snapshot {
	int64_t agent_id;
	int64_t window_ms;
	enum ledger_phase phase;
	struct money cash, positions_value, unrealised, total;
	int64_t unpriced;
};

const char *ledger_phase_name(enum ledger_phase p);
int ledger_add_snapshot(struct db *db, const struct ledger_snapshot *s, struct err *e);
int ledger_load_snapshot(struct db *db, int64_t agent_id, int64_t window_ms,
			 enum ledger_phase phase, struct ledger_snapshot *s, bool *found,
			 struct err *e);
/* The first snapshot of the agent at or after ${from_ms} but before ${before_ms}. */
int ledger_first_snapshot(struct db *db, int64_t agent_id, int64_t from_ms, int64_t before_ms,
			  struct ledger_snapshot *s, bool *found, struct err *e);
/* The highest total of the agent's snapshots before ${before_ms}; 0 if there is none. */
int ledger_peak(struct db *db, int64_t agent_id, int64_t before_ms, struct money *peak,
		struct err *e);
/* All snapshots of an agent in order: by window, pre before post. */
typedef int ledger_snapshot_fn(void *ctx, const struct ledger_snapshot *s, struct err *e);
int ledger_snapshots(struct db *db, int64_t agent_id, ledger_snapshot_fn *each, void *ctx,
		     struct err *e);

#endif
