#ifndef MARKET_H
#define MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "view.h"

/*
 * Candles as they were seen, and the prices of windows. A candle is visible to a window when it
 * had closed by then and had been seen by then: what is imported or revised later changes no
 * window that has begun. Functions that write are called inside a transaction of the caller.
 */

/* One series: an asset's candles of one length from one source. */
struct market_series {
	int64_t asset_id;
	int64_t source_id;
	int64_t interval_s;
};

struct market_counts {
	int64_t added;		  /* new candles */
	int64_t known;		  /* equal to what was there */
	int64_t revised;	  /* differed */
	int64_t first_revised_ms; /* open time of the first that differed */
};

/*
 * Add candles in ascending order. Each is visible from the first window at or after its close,
 * but not before ${floor_ms}. One that differs from the newest known value becomes a revision,
 * visible from ${floor_ms} too, if ${revise}; else it is only counted.
 */
int market_add(struct db *db, const struct market_series *m, const struct view_candle *c,
	       size_t n, int64_t floor_ms, bool revise, struct market_counts *counts,
	       struct err *e);

/* The last ${n} candles visible to a window, oldest first; the caller frees *${out}. */
int market_candles(struct db *db, const struct market_series *m, int64_t window_ms, size_t n,
		   struct view_candle **out, size_t *n_out, struct err *e);

/* The open time of the newest candle stored that opens before ${before_ms}, or -1. */
int market_newest(struct db *db, const struct market_series *m, int64_t before_ms,
		  int64_t *open_ms, struct err *e);

/* What is wrong with a series. */
enum market_gap_kind {
	MARKET_MISSING, /* no candles */
	MARKET_LATE,	/* candles that came after windows were run that could have seen them */
	MARKET_IDLE,	/* 12 candles or more without volume, in a series that has some */
	MARKET_SUSPECT	/* prices of windows that the quality gate held back */
};
struct market_gap {
	struct market_series series;
	enum market_gap_kind kind;
	int64_t first_ms, last_ms; /* open times, or windows of prices; both are part of it */
	int64_t count;
	int64_t seen_ms; /* MARKET_LATE: the window from which they are seen */
};
struct market_gaps {
	struct market_gap *items; /* by asset id, source id, interval, time, kind; owned */
	size_t n;
};
struct market_gap_query {
	int64_t asset_id;	/* 0: all */
	int64_t from_ms, to_ms; /* half open; -1: as far as there are candles. An end that is
				 * given must be covered: what lacks up to there is missing */
};
/* All of it, in one pass over the candles. The caller releases. */
int market_gaps_find(struct db *db, const struct market_gap_query *q, struct market_gaps *out,
		     struct err *e);
void market_gaps_release(struct market_gaps *g);
/* "missing", "late", "idle", "suspect". */
const char *market_gap_name(enum market_gap_kind kind);

/* What is known of a candle file, to read it only when it has changed. */
struct market_file {
	int64_t asset_id;
	int64_t interval_s;
	int64_t size;
	int64_t mtime_ns;
};
int market_file_load(struct db *db, int64_t source_id, struct market_file *f, bool *found,
		     struct err *e);
int market_file_store(struct db *db, int64_t source_id, const struct market_file *f,
		      struct err *e);

/* A price that a service named for a moment, noted with the window that asked. */
struct market_quote {
	int64_t asset_id, source_id;
	struct price price;
	int64_t price_ms;
};
/* Store it once per window; the same window again is no change. */
int market_quote_add(struct db *db, int64_t window_ms, const struct market_quote *q,
		     struct err *e);
/* The newest quote of an asset from a source that a window up to ${window_ms} got; *${found}.
 */
int market_quote_newest(struct db *db, int64_t asset_id, int64_t source_id, int64_t window_ms,
			struct market_quote *q, bool *found, struct err *e);

/* What became of asking a feed in a window. */
struct market_feed_result {
	int64_t asset_id, priority;
	const char *source;  /* kraken:XBTUSD */
	const char *outcome; /* ok, failed, refused */
	const char *detail;  /* "" for ok */
};
int market_feed_result(struct db *db, int64_t window_ms, const struct market_feed_result *r,
		       struct err *e);

/* ---- batches */
struct market_price {
	int64_t asset_id;
	struct price price;
	int64_t price_ms;
	int64_t source_id;
	int64_t interval_s;
	enum view_quality quality; /* never absent: such an asset has no price */
	char note[160];
};

int market_batch_add(struct db *db, int64_t window_ms, const struct market_price *p, size_t n,
		     size_t n_assets, struct err *e);
int market_batch_exists(struct db *db, int64_t window_ms, bool *exists, struct err *e);
/* The prices of a window in order of asset id; the caller frees. */
int market_prices(struct db *db, int64_t window_ms, struct market_price **out, size_t *n,
		  struct err *e);
/* The newest price of an asset in a batch before ${window_ms}, whatever its quality. */
int market_price_before(struct db *db, int64_t asset_id, int64_t window_ms,
			struct market_price *p, bool *found, struct err *e);
/* The newest one that was not suspect. */
int market_good_price_before(struct db *db, int64_t asset_id, int64_t window_ms,
			     struct market_price *p, bool *found, struct err *e);
/* The name of a source; the caller's. */
int market_source_name(struct db *db, int64_t source_id, char **out, struct err *e);

#endif
