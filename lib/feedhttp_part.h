#ifndef FEEDHTTP_PART_H
#define FEEDHTTP_PART_H

#include "buf.h"
#include "feedhttp.h"
#include "json.h"

/*
 * What the files of feedhttp share: a venue as a table of functions, and the readers that turn
 * its rows into candles. Nobody else includes this.
 */

/* Candles on their way in. */
struct feedhttp_series {
	const struct feedhttp_want *want;
	int64_t interval_s; /* of the rows */
	int64_t end_ms;	    /* no candle may end later */
	int64_t now_ms;
	size_t rows;	    /* looked at */
	size_t cap;
	struct feedhttp_reply *r;
};

/* Where the values stand in a row that is an array; the time is the first. */
struct feedhttp_columns {
	size_t open, high, low, close;
	size_t volume;	 /* 0: the venue has none */
	size_t min;	 /* cells that a row has at least */
	int64_t unit_ms; /* of the time */
	bool text;	 /* decimals are strings, else numbers */
	bool ends;	 /* the time is that of the close */
};

struct feedhttp_venue {
	int (*check)(const char *market, char quote[17], struct err *e);
	/* the interval that the venue has for the one wanted */
	int64_t (*interval)(int64_t wanted_s);
	/* path and query, to follow the base */
	int (*candles)(const struct feedhttp_want *w, struct buf *out, struct err *e);
	/* a success whose body is JSON */
	void (*parse)(struct feedhttp_series *s, const struct json *body);
	/* mend class, error and wait of what is no success; ${body} may be NULL; NULL: no need
	 */
	void (*refused)(const struct fetch_answer *a, const struct json *body, int64_t now_ms,
			struct feedhttp_reply *r);
	/* the header that the key goes into; NULL: there are no keys */
	const char *(*key_header)(const struct provider *p);
	/* one request for many quotes; NULL: there is none */
	int (*quotes)(const char *const *markets, size_t n, const char *quote, struct buf *out,
		      struct err *e);
	void (*parse_quotes)(const char *const *markets, size_t n, const char *quote,
			     const struct json *body, int64_t now_ms,
			     struct feedhttp_quote *quotes, size_t *got,
			     struct feedhttp_reply *r);
};

extern const struct feedhttp_venue feedhttp_binance, feedhttp_kraken, feedhttp_coinbase,
	feedhttp_coingecko;

/* The largest of ${have} (ascending) that is not above ${wanted_s}, else the smallest. */
int64_t feedhttp_nearest(const int64_t *have, size_t n, int64_t wanted_s);
/* Whether ${s} is [A-Z0-9]+, of 1 to ${max} bytes. */
bool feedhttp_is_upper(const char *s, size_t n, size_t max);
/* The currency that ends the name of a market, the longest of ${quotes} (NULL-terminated) that
 * leaves something before it. */
int feedhttp_suffix(const char *venue, const char *market, const char *const *quotes,
		    char quote[17], struct err *e);

/* ---- outcomes */
/* Set class and error, cleaned and cut; what was said before is replaced. */
void feedhttp_refuse(struct feedhttp_reply *r, enum model_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* MODEL_MALFORMED: ${what} is expected; with what the venue says instead, if it does. */
void feedhttp_unexpected(struct feedhttp_reply *r, const struct json *body, const char *what);
/* What a venue says of an error, in any known shape; NULL if nothing. Borrowed. */
const char *feedhttp_error_text(const struct json *body);
/* Class, error and wait by transport and status. True: a success with a body to be parsed. */
bool feedhttp_classify(const struct feedhttp_venue *v, const struct fetch_answer *a,
		       const struct json *body, int64_t now_ms, struct feedhttp_reply *r);

/* ---- values */
/* A whole number without point and exponent, within [min, max]. */
bool feedhttp_integer(const struct json *v, int64_t min, int64_t max, int64_t *out);
/* A decimal above 0 in a string (${text}) or a number's token, halves rounded up. ERR_DATA. */
int feedhttp_price(const struct json *v, bool text, struct price *out, struct err *e);
/* A time in units of ${unit_ms}, between 1970 and 9999. */
bool feedhttp_time(const struct json *v, int64_t unit_ms, int64_t *ms);

/* ---- rows */
/*
 * Read all rows of an array, without the last one if ${forming}. Those that are not wanted are
 * passed over by their time alone. False: malformed, and the reply says so.
 */
bool feedhttp_rows(struct feedhttp_series *s, const struct json *rows,
		   const struct feedhttp_columns *c, bool forming);
/* Whether a candle of that open time is one of those asked for, and finished. */
bool feedhttp_wanted(const struct feedhttp_series *s, int64_t open_ms);
void feedhttp_add(struct feedhttp_series *s, const struct view_candle *c);
/* Sort, drop duplicates. Nothing is left of what is no success. */
void feedhttp_finish(struct feedhttp_series *s);

#endif
