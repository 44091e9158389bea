#include "feedhttp.h"

#include <inttypes.h>
#include <string.h>

#include "feedhttp_part.h"
#include "tstamp.h"
#include "banned.h"

/*
 * Coinbase Exchange: GET /products/{id}/candles. Newest first, low and high before open, 300
 * points a request, none for an interval without a trade. So pages are counted by time.
 */

#define POINTS_MAX 300

static const int64_t intervals[] = { 60, 300, 900, 3600, 21600, 86400 };

/* The volume is missing in the vendor's own description. */
static const struct feedhttp_columns columns = {
	.low = 1,
	.high = 2,
	.open = 3,
	.close = 4,
	.min = 5,
	.unit_ms = 1000,
};

static int check(const char *market, char quote[17], struct err *e)
{
	const char *dash = strchr(market, '-');

	if (dash == NULL || !feedhttp_is_upper(market, (size_t)(dash - market), 40) ||
	    !feedhttp_is_upper(dash + 1, strlen(dash + 1), 16))
		return err_set(e, ERR_DATA,
			       "coinbase market %s: two upper-case names with a dash between "
			       "them are needed, as in BTC-USD",
			       market);
	memcpy(quote, dash + 1, strlen(dash + 1) + 1);
	return 0;
}

static int64_t interval(int64_t wanted_s)
{
	return feedhttp_nearest(intervals, sizeof intervals / sizeof *intervals, wanted_s);
}

/* Open times of the first and the last candle of a page. */
static void page_of(const struct feedhttp_want *w, int64_t step_ms, int64_t *first,
		    int64_t *last)
{
	*first = (w->from_ms + step_ms - 1) / step_ms * step_ms;
	*last = *first + (POINTS_MAX - 1) * step_ms;
}

static int candles(const struct feedhttp_want *w, struct buf *out, struct err *e)
{
	int64_t step_s = interval(w->interval_s), first, last;
	char start[TSTAMP_TEXT_MAX], end[TSTAMP_TEXT_MAX];

	(void)e;
	page_of(w, step_s * 1000, &first, &last);
	if (last > w->until_ms)
		last = w->until_ms > first ? w->until_ms : first;
	buf_addf(out, "/products/%s/candles?granularity=%" PRId64 "&start=%s&end=%s", w->market,
		 step_s, tstamp_format(first, start), tstamp_format(last, end));
	return 0;
}

static bool all_have_volume(const struct json *rows)
{
	for (const struct json *row = json_first(rows); row != NULL; row = json_next(row))
		if (json_count(row) <= 5)
			return false;
	return true;
}

static void parse(struct feedhttp_series *s, const struct json *body)
{
	struct feedhttp_columns c = columns;
	int64_t step_ms = s->interval_s * 1000, first, last;

	if (json_type(body) != JSON_ARRAY) {
		feedhttp_unexpected(s->r, body, "an array of candles");
		return;
	}
	c.volume = all_have_volume(body) ? 5 : 0;
	if (!feedhttp_rows(s, body, &c, false))
		return;
	page_of(s->want, step_ms, &first, &last);
	if (feedhttp_wanted(s, last + step_ms))
		s->r->next_ms = last + step_ms;
}

const struct feedhttp_venue feedhttp_coinbase = {
	.check = check,
	.interval = interval,
	.candles = candles,
	.parse = parse,
};
