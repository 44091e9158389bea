#ifndef FEEDHTTP_H
#define FEEDHTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fetch.h"
#include "model.h"
#include "provider.h"
#include "view.h"

/*
 * Market data over HTTP: the requests that a venue wants, and its replies as candles and quotes
 * of ours: ascending, finished, without duplicates, in UTC open times, decimals taken from the
 * token's text and rounded half up to the scale. Pure: no network, no database. One file per
 * venue.
 */

/* What is wanted of one market of a venue. */
struct feedhttp_want {
	const char *market; /* "BTCUSDT", "XBTUSD", "BTC-USD", "bitcoin" */
	const char *quote;  /* lower or upper case, "usd": CoinGecko needs it */
	int64_t from_ms;    /* open time of the first candle wanted */
	int64_t until_ms;   /* candles must have ended by then: the window */
	int64_t interval_s; /* 300; a venue that has not this one gives what it has, see the
			       reply */
};

struct feedhttp_reply {
	enum model_class class;	     /* OK, RETRY, STOP, OPERATOR, MALFORMED */
	char *error;		     /* owned */
	int64_t wait_ms;	     /* -1: not said */
	int64_t interval_s;	     /* of the candles; 0 if there are none */
	struct view_candle *candles; /* owned; ascending */
	size_t n;
	int64_t next_ms; /* paging: the open time to go on from, -1 if this was all */
};

/* A price at a time, of a venue that gives quotes. */
struct feedhttp_quote {
	char market[64];
	struct price price;
	int64_t at_ms;
};

/* The currency of a market by its name, upper case, "" if the name does not say (CoinGecko):
 * BTCUSDT -> USDT, XBTUSD -> USD, BTC-EUR -> EUR. ERR_DATA if it is no market name of the
 * venue. */
int feedhttp_check_market(enum provider_kind k, const char *market, char quote[17],
			  struct err *e);

/* The request for candles. ${key_path} may be NULL. */
int feedhttp_candles(const struct provider *p, const char *key_path,
		     const struct feedhttp_want *w, int64_t timeout_ms,
		     struct fetch_request *out, struct err *e);
/* What came. ${now_ms} is the wall clock. */
void feedhttp_parse_candles(const struct provider *p, const struct feedhttp_want *w,
			    const struct fetch_answer *a, int64_t now_ms,
			    struct feedhttp_reply *r);

/* Whether a venue has one request for the quotes of many markets (CoinGecko). */
bool feedhttp_has_quotes(enum provider_kind k);
int feedhttp_quotes(const struct provider *p, const char *key_path, const char *const *markets,
		    size_t n, const char *quote, int64_t timeout_ms, struct fetch_request *out,
		    struct err *e);
/* ${quotes} has room for ${n}; *${got} are filled in, in the order of ${markets}, absent ones
 * left out. r->n stays 0. */
void feedhttp_parse_quotes(const struct provider *p, const char *const *markets, size_t n,
			   const char *quote, const struct fetch_answer *a, int64_t now_ms,
			   struct feedhttp_quote *quotes, size_t *got,
			   struct feedhttp_reply *r);

void feedhttp_release(struct feedhttp_reply *r);

#endif
