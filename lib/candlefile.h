#ifndef CANDLEFILE_H
#define CANDLEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "view.h"

/*
 * Candle files, plain or gzip (the only door to zlib for files): CSV with the header
 * asset,quote,open_time_utc,interval_s,open,high,low,close,volume. Strict: a row is either a
 * correct candle or a complaint with its line and reason, never a guess. One asset, quote and
 * interval per file.
 *
 * Other headers are an error that says what was found and what is expected. See tr-ingest(1),
 * CANDLE FILES, for the rules.
 */

#define CANDLEFILE_LINE_MAX 4096
#define CANDLEFILE_ROWS_MAX 20000000

/* One complaint; ${reason} is valid during the call only. */
typedef void candlefile_complain_fn(void *ctx, int64_t line, const char *reason);
/* Progress in decompressed bytes' share of the file, 0 to 1000. */
typedef void candlefile_progress_fn(void *ctx, int permille);

struct candlefile {
	char asset[IDENT_ASSET_MAX + 1];
	char quote[IDENT_ASSET_MAX + 1];
	int64_t interval_s;
	struct view_candle *candles; /* strictly ascending by open_ms; owned */
	size_t n;
	int64_t rows;	    /* data rows looked at */
	int64_t bad;	    /* rows refused, each was complained about */
	int64_t duplicates; /* rows equal to an earlier one, dropped without complaint */
	int64_t rounded;    /* numbers with digits beyond the scale */
	int64_t gaps;	    /* missing intervals between neighbours, as runs ... */
	int64_t missing;    /* ... and as candles */
	bool descending;    /* the file was newest first (accepted, and sorted) */
};

struct candlefile_options {
	candlefile_complain_fn *complain; /* may be NULL */
	candlefile_progress_fn *progress; /* may be NULL */
	void *ctx;
};

/*
 * Read a whole file. 0 also when rows were bad: ${out}->bad says how many, and it is for the
 * caller to refuse (strict) or to go on (lenient). -1 when the file as a whole is no candle
 * file: ERR_NOTFOUND (absent), ERR_PERM, ERR_IO (read error), ERR_DATA (damaged gzip, header,
 * no rows, mixed assets, too large).
 *
 * A row is bad when: wrong number of fields; quotes, blanks or NUL in a field; a number that
 * decimal_parse_foreign refuses; a price not above 0; a negative volume; high below open, close
 * or low, low above open or close; an open time that is not on the interval's grid or not a
 * time of tstamp_parse; another asset, quote or interval than the first row. Rows of one open
 * time that differ are all bad, since nobody can tell which is right; equal ones count as
 * duplicates. A UTF-8 byte order mark and CRLF are accepted.
 */
int candlefile_read(struct candlefile *out, const char *path,
		    const struct candlefile_options *o, struct err *e);
void candlefile_release(struct candlefile *f);

/* Only the first data row: asset, quote and interval. */
int candlefile_peek(struct candlefile *out, const char *path, struct err *e);

#endif
