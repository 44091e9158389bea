#include "feedhttp.h"

#include <inttypes.h>
#include <string.h>

#include "feedhttp_part.h"
#include "tstamp.h"
#include "banned.h"

/*
 * CoinGecko: quotes of many coins at once, and two kinds of candles. Of five minutes, made of
 * the prices of a day (market_chart), which stand every five minutes and a little besides;
 * longer ones as they come (ohlc), of the length that the number of days brings with it,
 * without volume.
 */

#define CHART_S 300
#define CHART_MS (CHART_S * INT64_C(1000))
#define CHART_OFF_MS INT64_C(30000) /* a price further from its grid point belongs to none */
#define MARKETS_MAX 250

enum { OHLC_DAY_S = 1800, OHLC_MONTH_S = 14400, OHLC_YEAR_S = 345600 };

static const int64_t intervals[] = { CHART_S, OHLC_DAY_S, OHLC_MONTH_S, OHLC_YEAR_S };

static const struct feedhttp_columns columns = {
	.open = 1,
	.high = 2,
	.low = 3,
	.close = 4,
	.min = 5,
	.unit_ms = 1,
	.ends = true,
};

static bool is_id_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int check(const char *market, char quote[17], struct err *e)
{
	size_t n = strlen(market), i = 1;

	while (i < n && (is_id_byte(market[i]) || strchr("._-", market[i]) != NULL))
		i++;
	if (!is_id_byte(market[0]) || i < n)
		return err_set(e, ERR_DATA,
			       "coingecko coin %s: its id of lower-case letters, digits and "
			       "dashes is needed, as in bitcoin",
			       market);
	quote[0] = '\0';
	return 0;
}

static int64_t interval(int64_t wanted_s)
{
	return feedhttp_nearest(intervals, sizeof intervals / sizeof *intervals, wanted_s);
}

/* The currency in lower case, as this API spells it. */
static int lower_quote(const char *quote, char out[17], struct err *e)
{
	size_t n = quote != NULL ? strlen(quote) : 0;

	if (n == 0 || n > 16)
		return err_set(e, ERR_DATA, "coingecko: a quote currency is needed");
	for (size_t i = 0; i <= n; i++) {
		out[i] = quote[i] >= 'A' && quote[i] <= 'Z' ? (char)(quote[i] - 'A' + 'a')
							    : quote[i];
		if (i < n && !is_id_byte(out[i]))
			return err_set(e, ERR_DATA,
				       "coingecko: the quote currency may have letters and "
				       "digits only");
	}
	return 0;
}

/* ---- candles */

/* Days of ohlc that reach back far enough, among those that keep the length of the candles. */
static int days_of(const struct feedhttp_want *w, int64_t step_s)
{
	static const int month[] = { 7, 14, 30 }, year[] = { 90, 180, 365 };
	int64_t days = (w->until_ms - w->from_ms + TSTAMP_DAY_MS - 1) / TSTAMP_DAY_MS;
	const int *choice = step_s == OHLC_MONTH_S ? month : year;
	int i = 0;

	if (step_s == OHLC_DAY_S)
		return 1;
	while (i < 2 && choice[i] < days)
		i++;
	return choice[i];
}

static int candles(const struct feedhttp_want *w, struct buf *out, struct err *e)
{
	int64_t step_s = interval(w->interval_s);
	char quote[17];

	if (lower_quote(w->quote, quote, e) != 0)
		return -1;
	if (step_s == CHART_S)
		buf_addf(out, "/coins/%s/market_chart?vs_currency=%s&days=1", w->market, quote);
	else
		buf_addf(out, "/coins/%s/ohlc?vs_currency=%s&days=%d", w->market, quote,
			 days_of(w, step_s));
	return 0;
}

/* One price of a chart: its grid point, -1 if it is of none that is wanted. False: malformed.
 */
static bool read_point(struct feedhttp_series *s, const struct json *row, int64_t *grid_ms,
		       struct price *price)
{
	const struct json *x = json_first(row);
	struct err e = { 0 };
	int64_t at;

	s->rows++;
	*grid_ms = -1;
	if (json_type(row) != JSON_ARRAY || json_count(row) < 2 || !feedhttp_time(x, 1, &at)) {
		feedhttp_refuse(s->r, MODEL_MALFORMED,
				"prices: row %zu: a time and a number are expected", s->rows);
		return false;
	}
	at += CHART_MS / 2;
	if (at % CHART_MS < CHART_MS / 2 - CHART_OFF_MS ||
	    at % CHART_MS > CHART_MS / 2 + CHART_OFF_MS)
		return true;
	at -= at % CHART_MS;
	x = json_next(x);
	/* a time without a price is a gap */
	if (at < s->want->from_ms || at > s->end_ms || json_type(x) == JSON_NULL)
		return true;
	if (feedhttp_price(x, false, price, &e) != 0) {
		feedhttp_refuse(s->r, MODEL_MALFORMED, "prices: row %zu: price: %s", s->rows,
				e.text);
		return false;
	}
	*grid_ms = at;
	return true;
}

/*
 * What is known of five minutes is the price at both ends: so these are open and close, and
 * high and low as well. Where a point is missing there is no candle. The last point is the
 * price of now, whatever its time.
 */
static void parse_chart(struct feedhttp_series *s, const struct json *rows)
{
	struct price price = { 0 }, before = { 0 };
	struct view_candle c = { 0 };
	int64_t grid, last = -1;

	for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
		if (json_next(row) == NULL)
			break;
		if (!read_point(s, row, &grid, &price))
			return;
		if (grid < 0 || grid == last)
			continue;
		if (last >= 0 && grid == last + CHART_MS) {
			c.open_ms = last;
			c.open = before;
			c.close = price;
			c.high = price.u > before.u ? price : before;
			c.low = price.u < before.u ? price : before;
			feedhttp_add(s, &c);
		}
		last = grid;
		before = price;
	}
}

/* The length of the candles that came: the venue chooses it, not we. */
static int64_t spacing(const struct json *rows, int64_t expected_s)
{
	int64_t at, before = -1, least = INT64_MAX;

	for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
		if (!feedhttp_time(json_first(row), 1, &at))
			return expected_s;
		if (before >= 0 && at > before && at - before < least)
			least = at - before;
		before = at;
	}
	for (size_t i = 1; i < sizeof intervals / sizeof *intervals; i++)
		if (least == intervals[i] * 1000)
			return intervals[i];
	return expected_s;
}

static void parse(struct feedhttp_series *s, const struct json *body)
{
	const struct json *prices = json_get(body, "prices");

	if (s->interval_s == CHART_S) {
		if (prices == NULL || json_type(prices) != JSON_ARRAY)
			feedhttp_unexpected(s->r, body, "prices: an array");
		else
			parse_chart(s, prices);
		return;
	}
	if (json_type(body) != JSON_ARRAY) {
		feedhttp_unexpected(s->r, body, "an array of candles");
		return;
	}
	s->interval_s = spacing(body, s->interval_s);
	feedhttp_rows(s, body, &columns, false);
}

/* ---- errors and keys */

/* The number that the venue gives an error, in any of its shapes; 0: none. */
static int64_t error_code(const struct json *body)
{
	const struct json *error = body != NULL ? json_get(body, "error") : NULL;
	const struct json *status = body != NULL ? json_get(body, "status") : NULL;
	int64_t code = 0;

	if (error != NULL && json_get(error, "status") != NULL)
		status = json_get(error, "status");
	if (status != NULL)
		feedhttp_integer(json_get(status, "error_code"), 0, INT64_MAX, &code);
	return code;
}

static void refused(const struct fetch_answer *a, const struct json *body, int64_t now_ms,
		    struct feedhttp_reply *r)
{
	int64_t code = error_code(body);

	(void)a;
	(void)now_ms;
	/* history that the plan has not: the key is fine, and so is every other request */
	if (code == 10012)
		r->class = MODEL_STOP;
	/* the key of one plan at the host of the other */
	if (code == 10010 || code == 10011)
		r->class = MODEL_OPERATOR;
}

static const char *key_header(const struct provider *p)
{
	const char *host = strstr(p->base, "://");

	return host != NULL && strncmp(host, "://pro-api.", 11) == 0 ? "x-cg-pro-api-key"
								     : "x-cg-demo-api-key";
}

/* ---- quotes */

static int quotes(const char *const *markets, size_t n, const char *quote, struct buf *out,
		  struct err *e)
{
	char currency[17];

	if (lower_quote(quote, currency, e) != 0)
		return -1;
	if (n > MARKETS_MAX)
		return err_set(e, ERR_DATA, "coingecko: at most %d coins in one request",
			       MARKETS_MAX);
	buf_adds(out, "/simple/price?ids=");
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i > 0 ? "," : "", markets[i]);
	buf_addf(out, "&vs_currencies=%s&include_last_updated_at=true&precision=full",
		 currency);
	return 0;
}

/* The time of a quote; without one, or with one to come, it is that of the reply. */
static bool quote_time(const struct json *coin, int64_t now_ms, int64_t *at_ms)
{
	const struct json *v = json_get(coin, "last_updated_at");

	*at_ms = now_ms;
	if (v == NULL || json_type(v) == JSON_NULL)
		return true;
	if (!feedhttp_time(v, 1000, at_ms))
		return false;
	if (*at_ms > now_ms)
		*at_ms = now_ms;
	return true;
}

/* One coin: *${found} false if it has no price. False: malformed. */
static bool read_quote(const struct json *coin, const char *market, const char *currency,
		       int64_t now_ms, struct feedhttp_quote *q, bool *found,
		       struct feedhttp_reply *r)
{
	const struct json *v = json_get(coin, currency);
	struct err e = { 0 };

	*found = false;
	if (json_type(coin) != JSON_OBJECT) {
		feedhttp_refuse(r, MODEL_MALFORMED, "%s: an object is expected", market);
		return false;
	}
	if (v == NULL || json_type(v) == JSON_NULL)
		return true;
	if (feedhttp_price(v, false, &q->price, &e) != 0) {
		feedhttp_refuse(r, MODEL_MALFORMED, "%s.%s: %s", market, currency, e.text);
		return false;
	}
	if (!quote_time(coin, now_ms, &q->at_ms)) {
		feedhttp_refuse(r, MODEL_MALFORMED, "%s.last_updated_at: a time is expected",
				market);
		return false;
	}
	memcpy(q->market, market, strlen(market) + 1);
	*found = true;
	return true;
}

static void parse_quotes(const char *const *markets, size_t n, const char *quote,
			 const struct json *body, int64_t now_ms, struct feedhttp_quote *out,
			 size_t *got, struct feedhttp_reply *r)
{
	const struct json *coin;
	struct err e = { 0 };
	char currency[17];
	bool found;

	if (lower_quote(quote, currency, &e) != 0) {
		feedhttp_refuse(r, MODEL_STOP, "%s", e.text);
		return;
	}
	if (json_type(body) != JSON_OBJECT) {
		feedhttp_unexpected(r, body, "an object of coins");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		coin = json_get(body, markets[i]);
		if (coin == NULL)
			continue;
		if (!read_quote(coin, markets[i], currency, now_ms, &out[*got], &found, r))
			return;
		*got += found;
	}
	/* an error may come as a success too */
	if (*got == 0 && feedhttp_error_text(body) != NULL)
		feedhttp_unexpected(r, body, "an object of coins");
}

const struct feedhttp_venue feedhttp_coingecko = {
	.check = check,
	.interval = interval,
	.candles = candles,
	.parse = parse,
	.refused = refused,
	.key_header = key_header,
	.quotes = quotes,
	.parse_quotes = parse_quotes,
};
