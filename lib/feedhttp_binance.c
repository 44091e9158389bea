#include "feedhttp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feedhttp_part.h"
#include "banned.h"

/* Binance spot: GET /api/v3/klines. Oldest first, 1000 rows at most, the last one forming. */

#define ROWS_MAX 1000
#define BAN_MS INT64_C(120000) /* the shortest that there is */

static const int64_t intervals[] = { 60,    180,   300,	  900,	 1800,	3600,  7200,
				     14400, 21600, 28800, 43200, 86400, 604800 };
static const char *const interval_names[] = { "1m", "3m", "5m", "15m", "30m", "1h", "2h",
					      "4h", "6h", "8h", "12h", "1d",  "1w" };
#define INTERVALS (sizeof intervals / sizeof *intervals)

static const char *const quotes[] = { "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "DAI",
				      "USD1", "USDE", "XUSD",  "USD",  "EUR",  "EURI", "AEUR",
				      "GBP",  "TRY",  "BRL",   "AUD",  "JPY",  "MXN",  "PLN",
				      "RON",  "ARS",  "CZK",   "COP",  "ZAR",  "UAH",  "RUB",
				      "NGN",  "IDR",  "IDRT",  "BIDR", "BTC",  "ETH",  "BNB",
				      "XRP",  "TRX",  "DOGE",  "SOL",  NULL };

static const struct feedhttp_columns columns = {
	.open = 1,
	.high = 2,
	.low = 3,
	.close = 4,
	.volume = 5,
	.min = 6,
	.unit_ms = 1,
	.text = true,
};

static int check(const char *market, char quote[17], struct err *e)
{
	if (!feedhttp_is_upper(market, strlen(market), 63))
		return err_set(e, ERR_DATA,
			       "binance market %s: upper-case letters and digits are allowed, "
			       "as in BTCUSDT",
			       market);
	return feedhttp_suffix("binance", market, quotes, quote, e);
}

static int64_t interval(int64_t wanted_s)
{
	return feedhttp_nearest(intervals, INTERVALS, wanted_s);
}

static const char *interval_name(int64_t interval_s)
{
	size_t i = 0;

	while (i < INTERVALS - 1 && intervals[i] != interval_s)
		i++;
	return interval_names[i];
}

/* Rows that one request asks for. */
static int64_t limit_of(const struct feedhttp_want *w)
{
	int64_t n = (w->until_ms - w->from_ms) / (interval(w->interval_s) * 1000) + 1;

	return n < ROWS_MAX ? n : ROWS_MAX;
}

static int candles(const struct feedhttp_want *w, struct buf *out, struct err *e)
{
	(void)e;
	buf_addf(out,
		 "/api/v3/klines?symbol=%s&interval=%s&startTime=%" PRId64 "&endTime=%" PRId64
		 "&limit=%" PRId64,
		 w->market, interval_name(interval(w->interval_s)), w->from_ms, w->until_ms - 1,
		 limit_of(w));
	return 0;
}

/* A full page may not be all. */
static int64_t next_of(const struct feedhttp_series *s)
{
	int64_t last = -1, step = s->interval_s * 1000;

	for (size_t i = 0; i < s->r->n; i++)
		if (s->r->candles[i].open_ms > last)
			last = s->r->candles[i].open_ms;
	if (last < 0 || (int64_t)s->rows < limit_of(s->want))
		return -1;
	return feedhttp_wanted(s, last + step) ? last + step : -1;
}

static void parse(struct feedhttp_series *s, const struct json *body)
{
	if (json_type(body) != JSON_ARRAY) {
		feedhttp_unexpected(s->r, body, "an array of klines");
		return;
	}
	if (feedhttp_rows(s, body, &columns, false))
		s->r->next_ms = next_of(s);
}

/* How long a ban lasts by its message, for when the header is missing. */
static int64_t ban_ms(const char *said, int64_t now_ms)
{
	static const char before[] = "banned until ";
	const char *p = said != NULL ? strstr(said, before) : NULL;
	long long until;

	if (p == NULL)
		return BAN_MS;
	until = strtoll(p + sizeof before - 1, NULL, 10);
	if (until <= now_ms || until - now_ms > 7 * INT64_C(86400000))
		return BAN_MS;
	return until - now_ms;
}

static void refused(const struct fetch_answer *a, const struct json *body, int64_t now_ms,
		    struct feedhttp_reply *r)
{
	const char *said = feedhttp_error_text(body);

	if (a->status == 451)
		feedhttp_refuse(r, MODEL_STOP,
				"HTTP 451: not served at this location: use the base "
				"https://data-api.binance.vision or another source%s%s%s",
				said != NULL ? " (" : "", said != NULL ? said : "",
				said != NULL ? ")" : "");
	if (a->status != 418)
		return;
	r->class = MODEL_RETRY;
	if (r->wait_ms < 0)
		r->wait_ms = ban_ms(said, now_ms);
}

const struct feedhttp_venue feedhttp_binance = {
	.check = check,
	.interval = interval,
	.candles = candles,
	.parse = parse,
	.refused = refused,
};
