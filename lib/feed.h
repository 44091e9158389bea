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
	bool has_quote;
	struct price quote; /* of a service without a candle for the window */
	int64_t quote_ms;
};

/* Make a feed from its text, see race_feed_parse. */
int feed_parse(const char *text, const char *symbol, const char *quote,
	       const char *accept_quote, struct roster_feed *f, struct err *e);

/* Get what is new for the window; may read files, writes nothing. A feed that cannot deliver
 * (file gone, damaged) is ERR_TEMP or worse, and the caller may go on to the next feed. */
int feed_fetch(const struct feed_request *q, struct feed_candles *out, struct err *e);
int feed_store(const struct feed_request *q, const struct feed_candles *c, struct err *e);
void feed_release(struct feed_candles *c);

/* ---- feeds that are asked over the network, see feed_remote.c */
bool feed_is_remote(const struct roster_feed *f);
/* "kraken:XBTUSD": the series a feed reads. The caller's. */
char *feed_source(const struct roster_feed *f);

enum feed_outcome { FEED_OK, FEED_FAILED, FEED_REFUSED };
/* "ok", "failed", "refused" */
const char *feed_outcome_name(enum feed_outcome o);

struct feed_item {
	struct feed_request q;
	int64_t priority;
	struct feed_candles candles; /* released by the caller */
	enum feed_outcome outcome;
	char detail[300]; /* why not ok */
};

struct feed_remote_options {
	int64_t deadline_ms; /* boot clock */
	bool quotes;	     /* the window is the clock's: quotes of this moment belong to it */
	const char *record, *play;
	const volatile int *stop;
};

/* Ask all at once, one request per provider where it has one for many markets, page by page
 * where candles of a longer time are missing. Stores attempts, no candles. A feed that cannot
 * be asked or does not answer has its outcome; -1 only if the asking itself failed. */
int feed_remote(struct db *db, const struct config *c, struct feed_item *items, size_t n,
		const struct feed_remote_options *o, struct err *e);

/* The price of the window from this feed; *${found} false if it has none. Quality is by age. */
int feed_price(const struct feed_request *q, struct market_price *p, bool *found,
	       struct err *e);

#endif
