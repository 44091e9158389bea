#ifndef MARKET_MEMO_H
#define MARKET_MEMO_H

#include "market.h"

/*
 * What the market remembers within a chunk of the database (db_memo), in which windows only go
 * on: the newest batch, and of each series the candles around the window and some of what
 * follows, so that one query serves thousands of windows. Part of module market.
 */

/* Candles of a series by their open time: all there are from the first to the last of them. */
struct market_run {
	struct market_series m;
	struct view_candle *candles; /* owned */
	int64_t *seen;		     /* parallel: from which window on */
	size_t n, cap;
	size_t depth;	   /* so many visible ones are there for a window; 0: not loaded */
	int64_t window_ms; /* the newest that asked */
	bool all;	   /* none follows the last */
	bool revised;	   /* there are revisions: ask the database */
};

struct market_memo {
	bool known;
	int64_t window_ms;	     /* of the newest batch */
	struct market_price *prices; /* owned */
	size_t n_prices;
	struct market_run *runs; /* owned */
	size_t n_runs;
};

/* NULL outside of a chunk. */
struct market_memo *market_remember(struct db *db);
void market_note_batch(struct db *db, int64_t window_ms, const struct market_price *p,
		       size_t n);
/* The newest batch's price of an asset if that batch lies before ${window_ms}; else NULL. */
const struct market_price *market_recall(struct db *db, int64_t asset_id, int64_t window_ms);

/* The run of a series, made if it is new; NULL outside of a chunk. */
struct market_run *market_run(struct db *db, const struct market_series *m);
void market_run_add(struct market_run *r, const struct view_candle *c, int64_t seen_ms);
/* A candle was stored, or (${c} NULL) something else has changed. */
void market_note_candle(struct db *db, const struct market_series *m,
			const struct view_candle *c, int64_t seen_ms);
/* The last ${n} visible to a window, oldest first, into ${out}; how many. */
size_t market_run_last(struct market_run *r, int64_t window_ms, size_t n,
		       struct view_candle *out);

#endif
