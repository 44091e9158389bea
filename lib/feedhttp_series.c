#include "feedhttp.h"

#include <stdlib.h>
#include <string.h>

#include "feedhttp_part.h"
#include "mem.h"
#include "tstamp.h"
#include "banned.h"

/* Rows of a venue as candles of ours. */

#define CELLS 8
#define YEAR_10000_MS INT64_C(253402300800000)

/* ---- values */

bool feedhttp_integer(const struct json *v, int64_t min, int64_t max, int64_t *out)
{
	struct err e = { 0 };
	int64_t x;

	if (v == NULL || json_type(v) != JSON_NUMBER)
		return false;
	if (decimal_parse(json_text(v), json_text_len(v), 0, &x, &e) != 0)
		return false;
	if (x < min || x > max)
		return false;
	*out = x;
	return true;
}

bool feedhttp_time(const struct json *v, int64_t unit_ms, int64_t *ms)
{
	if (!feedhttp_integer(v, 0, (YEAR_10000_MS - 1) / unit_ms, ms))
		return false;
	*ms *= unit_ms;
	return true;
}

/*
 * The token with a digit 1 behind its last digit, the caller's. Where digits beyond the scale
 * are there already, that changes the value by less than any of them, and lifts just what lies
 * in the middle of two units, so that rounding to the nearest rounds halves up.
 */
static char *lifted(const char *s, size_t n)
{
	size_t mantissa = 0;
	bool point = false;

	while (mantissa < n && s[mantissa] != 'e' && s[mantissa] != 'E')
		point |= s[mantissa++] == '.';
	return mem_printf("%.*s%s1%.*s", (int)mantissa, s, point ? "" : ".",
			  (int)(n - mantissa), s + mantissa);
}

static int round_half_up(const char *s, size_t n, int scale, int64_t *out, struct err *e)
{
	bool rounded = false;
	char *text;
	int rc;

	if (decimal_parse_foreign(s, n, scale, out, &rounded, e) != 0)
		return -1;
	/* what is below 0 is refused by all callers: its direction does not matter */
	if (!rounded)
		return 0;
	text = lifted(s, n);
	rc = decimal_parse_foreign(text, strlen(text), scale, out, &rounded, e);
	free(text);
	return rc;
}

static int read_decimal(const struct json *v, bool text, int scale, int64_t *out, struct err *e)
{
	enum json_type type = text ? JSON_STRING : JSON_NUMBER;

	if (v == NULL || json_type(v) != type)
		return err_set(e, ERR_DATA, "a %s is expected",
			       text ? "decimal as a string" : "number");
	return round_half_up(json_text(v), json_text_len(v), scale, out, e);
}

int feedhttp_price(const struct json *v, bool text, struct price *out, struct err *e)
{
	struct price p;

	if (read_decimal(v, text, PRICE_SCALE, &p.u, e) != 0)
		return -1;
	if (p.u <= 0)
		return err_set(e, ERR_DATA, "'%.40s' is not above 0", json_text(v));
	*out = p;
	return 0;
}

static int read_volume(const struct json *v, bool text, struct volume *out, struct err *e)
{
	struct volume x;

	if (read_decimal(v, text, VOLUME_SCALE, &x.u, e) != 0)
		return -1;
	/* also what rounds to 0: a sign is a sign of something else */
	if (json_text(v)[0] == '-')
		return err_set(e, ERR_DATA, "'%.40s' is below 0", json_text(v));
	*out = x;
	return 0;
}

/* ---- rows */

bool feedhttp_wanted(const struct feedhttp_series *s, int64_t open_ms)
{
	return open_ms >= s->want->from_ms && open_ms + s->interval_s * 1000 <= s->end_ms;
}

void feedhttp_add(struct feedhttp_series *s, const struct view_candle *c)
{
	struct feedhttp_reply *r = s->r;

	if (r->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		r->candles = mem_resize(r->candles, s->cap, sizeof *r->candles);
	}
	r->candles[r->n++] = *c;
}

static bool fail_row(struct feedhttp_series *s, const char *field, const char *why)
{
	feedhttp_refuse(s->r, MODEL_MALFORMED, "row %zu: %s: %s", s->rows, field, why);
	return false;
}

static bool split_row(struct feedhttp_series *s, const struct json *row, size_t min,
		      const struct json *cell[CELLS])
{
	size_t n = 0;

	if (json_type(row) != JSON_ARRAY || json_count(row) < min) {
		feedhttp_refuse(s->r, MODEL_MALFORMED,
				"row %zu: an array of at least %zu is expected", s->rows, min);
		return false;
	}
	for (row = json_first(row); row != NULL && n < CELLS; row = json_next(row))
		cell[n++] = row;
	return true;
}

static bool read_prices(struct feedhttp_series *s, const struct json *const cell[CELLS],
			const struct feedhttp_columns *c, struct view_candle *out)
{
	struct err e = { 0 };

	if (feedhttp_price(cell[c->open], c->text, &out->open, &e) != 0)
		return fail_row(s, "open", e.text);
	if (feedhttp_price(cell[c->high], c->text, &out->high, &e) != 0)
		return fail_row(s, "high", e.text);
	if (feedhttp_price(cell[c->low], c->text, &out->low, &e) != 0)
		return fail_row(s, "low", e.text);
	if (feedhttp_price(cell[c->close], c->text, &out->close, &e) != 0)
		return fail_row(s, "close", e.text);
	if (c->volume > 0 && read_volume(cell[c->volume], c->text, &out->volume, &e) != 0)
		return fail_row(s, "volume", e.text);
	return true;
}

static bool check_candle(struct feedhttp_series *s, const struct view_candle *c)
{
	/* weeks and longer begin on days of the venue's choice */
	if (s->interval_s * 1000 <= TSTAMP_DAY_MS && c->open_ms % (s->interval_s * 1000) != 0)
		return fail_row(s, "time", "not on the grid of the interval");
	if (c->high.u < c->open.u || c->high.u < c->close.u || c->high.u < c->low.u)
		return fail_row(s, "high", "below another price of the candle");
	if (c->low.u > c->open.u || c->low.u > c->close.u)
		return fail_row(s, "low", "above another price of the candle");
	return true;
}

static bool read_row(struct feedhttp_series *s, const struct json *row,
		     const struct feedhttp_columns *c)
{
	const struct json *cell[CELLS] = { NULL };
	struct view_candle k = { 0 };

	s->rows++;
	if (!split_row(s, row, c->min, cell))
		return false;
	if (!feedhttp_time(cell[0], c->unit_ms, &k.open_ms))
		return fail_row(s, "time", "a whole number that is a time is expected");
	if (c->ends)
		k.open_ms -= s->interval_s * 1000;
	/* what is not used cannot do harm */
	if (!feedhttp_wanted(s, k.open_ms))
		return true;
	if (!read_prices(s, cell, c, &k) || !check_candle(s, &k))
		return false;
	feedhttp_add(s, &k);
	return true;
}

bool feedhttp_rows(struct feedhttp_series *s, const struct json *rows,
		   const struct feedhttp_columns *c, bool forming)
{
	const struct json *row, *next;

	for (row = json_first(rows); row != NULL; row = next) {
		next = json_next(row);
		if (forming && next == NULL)
			break;
		if (!read_row(s, row, c))
			return false;
	}
	return true;
}

/* ---- the end */

static int compare_candles(const void *a, const void *b)
{
	const struct view_candle *x = a, *y = b;

	return (x->open_ms > y->open_ms) - (x->open_ms < y->open_ms);
}

/* Of two candles of one time that differ nobody can tell which is right. */
static void drop_duplicates(struct feedhttp_reply *r)
{
	char at[TSTAMP_TEXT_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (kept == 0 || r->candles[i].open_ms != r->candles[kept - 1].open_ms) {
			r->candles[kept++] = r->candles[i];
			continue;
		}
		if (memcmp(&r->candles[i], &r->candles[kept - 1], sizeof *r->candles) == 0)
			continue;
		feedhttp_refuse(r, MODEL_MALFORMED, "two candles of %s differ",
				tstamp_format(r->candles[i].open_ms, at));
		return;
	}
	r->n = kept;
}

void feedhttp_finish(struct feedhttp_series *s)
{
	struct feedhttp_reply *r = s->r;

	if (r->class == MODEL_OK && r->n > 0) {
		qsort(r->candles, r->n, sizeof *r->candles, compare_candles);
		drop_duplicates(r);
	}
	if (r->class != MODEL_OK) {
		free(r->candles);
		r->candles = NULL;
		r->n = 0;
		r->next_ms = -1;
	}
	r->interval_s = r->n > 0 ? s->interval_s : 0;
}
