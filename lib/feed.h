#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "candlefile.h"
#include "config.h"
#include "db.h"
#include "err.h"
#include "market.h"
#include "roster.h"

/*
 * Where prices come from. Each feed brings candles into the candle table (feed_fetch, before
 * the transaction; feed_store, inside it), and the price of a window is then read from that
 * table in the same way for all (feed_price). So what an agent sees and what a fill uses are
 * one thing.
 */

struct feed_request {
	struct db *db;
	const struct roster_feed *feed;
	int64_t asset_id;
	const char *symbol;
	int64_t window_ms;
	const struct config *config;
};

/* What a fetch brought, to be stored. */
struct feed_candles {
	char *source; /* name of the series; owned; NULL: nothing to store */
	int64_t interval_s;
	struct view_candle *candles; /* owned */
	size_t n;
	bool has_file;
	struct market_file file; /* csv: the state that was read */
};

/* Make a feed from its text, see race_feed_parse. */
int feed_parse(const char *text, const char *symbol, const char *quote,
	       const char *accept_quote, struct roster_feed *f, struct err *e);

/* Get what is new for the window; may read files, writes nothing. A feed that cannot deliver
 * (file gone, damaged) is ERR_TEMP or worse, and the caller may go on to the next feed. */
int feed_fetch(const struct feed_request *q, struct feed_candles *out, struct err *e);
int feed_store(const struct feed_request *q, const struct feed_candles *c, struct err *e);
void feed_release(struct feed_candles *c);

/* The price of the window from this feed; *${found} false if it has none. Quality is by age. */
int feed_price(const struct feed_request *q, struct market_price *p, bool *found,
	       struct err *e);

#endif
