#include "feedhttp.h"

#include <inttypes.h>
#include <string.h>

#include "feedhttp_part.h"
#include "banned.h"

/*
 * Kraken spot: GET /0/public/OHLC. Oldest first, the latest 720 and no others, the last one
 * always forming. Errors come as successes of HTTP.
 */

#define RATE_WAIT_MS INT64_C(5000) /* it does not say how long */
#define THROTTLE_MAX_MS INT64_C(3600000)

static const int64_t intervals[] = { 60, 300, 900, 1800, 3600, 14400, 86400, 604800, 1296000 };

static const char *const quotes[] = { "USD",   "EUR",	"GBP",	"CAD",	"AUD",	"CHF",
				      "JPY",   "USDT",	"USDC", "USDQ", "USDR", "USDG",
				      "PYUSD", "RLUSD", "DAI",	"EURR", "EURQ", "XBT",
				      "BTC",   "ETH",	"DOT",	NULL };

static const struct feedhttp_columns columns = {
	.open = 1,
	.high = 2,
	.low = 3,
	.close = 4,
	.volume = 6,
	.min = 7,
	.unit_ms = 1000,
	.text = true,
};

static const struct {
	const char *prefix;
	int64_t wait_ms;
} passing[] = {
	{ "EGeneral:Too many requests", RATE_WAIT_MS },
	{ "EAPI:Rate limit exceeded", RATE_WAIT_MS },
	{ "EService:", -1 },
	{ "EGeneral:Internal error", -1 },
};

static int check(const char *market, char quote[17], struct err *e)
{
	if (!feedhttp_is_upper(market, strlen(market), 63))
		return err_set(e, ERR_DATA,
			       "kraken market %s: upper-case letters and digits are allowed, "
			       "as in XBTUSD",
			       market);
	if (feedhttp_suffix("kraken", market, quotes, quote, e) != 0)
		return -1;
	if (strcmp(quote, "XBT") == 0)
		memcpy(quote, "BTC", 4);
	return 0;
}

static int64_t interval(int64_t wanted_s)
{
	return feedhttp_nearest(intervals, sizeof intervals / sizeof *intervals, wanted_s);
}

static int candles(const struct feedhttp_want *w, struct buf *out, struct err *e)
{
	int64_t step_s = interval(w->interval_s), since_s = w->from_ms / 1000 - step_s;

	(void)e;
	/* one more than wanted: whether the time itself is included is not said */
	buf_addf(out, "/0/public/OHLC?pair=%s&interval=%" PRId64 "&since=%" PRId64, w->market,
		 step_s / 60, since_s > 0 ? since_s : 0);
	return 0;
}

/* "EService: Throttled: 1700000000" says until when, by the clock. */
static int64_t throttled_ms(const char *text, int64_t now_ms)
{
	static const char before[] = "EService: Throttled: ";
	int64_t until_s, wait_ms;
	struct err ignored = { 0 };

	if (strncmp(text, before, sizeof before - 1) != 0)
		return -1;
	text += sizeof before - 1;
	if (decimal_parse(text, strlen(text), 0, &until_s, &ignored) != 0 ||
	    until_s > INT64_MAX / 1000)
		return -1;
	wait_ms = until_s * 1000 - now_ms;
	return wait_ms > 0 && wait_ms <= THROTTLE_MAX_MS ? wait_ms : -1;
}

static bool passes(const char *text, int64_t now_ms, int64_t *wait_ms)
{
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (strncmp(text, passing[i].prefix, strlen(passing[i].prefix)) == 0) {
			*wait_ms = passing[i].wait_ms;
			if (*wait_ms < 0)
				*wait_ms = throttled_ms(text, now_ms);
			return true;
		}
	return false;
}

/* False: the reply has an error, or no list of errors. Warnings are none. */
static bool check_errors(const struct json *body, int64_t now_ms, struct feedhttp_reply *r)
{
	const struct json *list = json_get(body, "error"), *v;
	int64_t wait_ms = -1;

	if (list == NULL || json_type(list) != JSON_ARRAY) {
		feedhttp_unexpected(r, body, "error: an array");
		return false;
	}
	for (v = json_first(list); v != NULL; v = json_next(v)) {
		if (json_type(v) != JSON_STRING) {
			feedhttp_refuse(r, MODEL_MALFORMED, "error: strings are expected");
			return false;
		}
		if (json_text(v)[0] == 'W' || r->class == MODEL_STOP)
			continue;
		/* one that stays weighs more than all that pass */
		if (passes(json_text(v), now_ms, &wait_ms)) {
			feedhttp_refuse(r, MODEL_RETRY, "%s", json_text(v));
			r->wait_ms = wait_ms > r->wait_ms ? wait_ms : r->wait_ms;
			continue;
		}
		feedhttp_refuse(r, MODEL_STOP, "%s", json_text(v));
		r->wait_ms = -1;
	}
	return r->class == MODEL_OK;
}

/* The series, which has the venue's own name of the market: the only key besides "last". */
static const struct json *find_series(const struct json *result)
{
	const struct json *v, *found = NULL;

	if (result == NULL || json_type(result) != JSON_OBJECT)
		return NULL;
	for (v = json_first(result); v != NULL; v = json_next(v)) {
		if (strcmp(json_key(v), "last") == 0)
			continue;
		if (found != NULL)
			return NULL;
		found = v;
	}
	return found;
}

static void parse(struct feedhttp_series *s, const struct json *body)
{
	const struct json *rows;

	if (json_type(body) != JSON_OBJECT) {
		feedhttp_unexpected(s->r, body, "an object with error and result");
		return;
	}
	if (!check_errors(body, s->now_ms, s->r))
		return;
	rows = find_series(json_get(body, "result"));
	if (rows == NULL || json_type(rows) != JSON_ARRAY) {
		feedhttp_unexpected(s->r, body, "result: one array of candles");
		return;
	}
	feedhttp_rows(s, rows, &columns, true);
}

const struct feedhttp_venue feedhttp_kraken = {
	.check = check,
	.interval = interval,
	.candles = candles,
	.parse = parse,
};
