#include "feedhttp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "banned.h"

/*
 * libFuzzer target: any bytes are what a venue answered. Candles keep the promises of
 * feedhttp.h, and whatever is no success has an error of one short line and nothing else. The
 * first byte chooses venue and interval, the second the status.
 */

#define NOW_MS INT64_C(1800000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct feedhttp_want *w, const struct feedhttp_reply *r)
{
	assert((r->class == MODEL_OK) == (r->error == NULL));
	assert(r->error == NULL || (strlen(r->error) <= 300 && strchr(r->error, '\n') == NULL));
	assert(r->class == MODEL_OK || (r->n == 0 && r->next_ms == -1));
	assert(r->class == MODEL_RETRY || r->wait_ms == -1);
	assert((r->interval_s > 0) == (r->n > 0));
	assert(r->next_ms == -1 || r->next_ms > w->from_ms);
	for (size_t i = 0; i < r->n; i++) {
		const struct view_candle *c = &r->candles[i];

		assert(c->low.u > 0 && c->low.u <= c->open.u && c->low.u <= c->close.u);
		assert(c->high.u >= c->open.u && c->high.u >= c->close.u && c->volume.u >= 0);
		assert(i == 0 || c->open_ms > c[-1].open_ms);
		assert(c->open_ms >= w->from_ms);
		assert(c->open_ms + r->interval_s * 1000 <= w->until_ms);
	}
}

static void check_quotes(const struct provider *p, const struct fetch_answer *a)
{
	static const char *const markets[] = { "bitcoin", "a" };
	struct feedhttp_quote quotes[2];
	struct feedhttp_reply r;
	size_t got;

	feedhttp_parse_quotes(p, markets, 2, "usd", a, NOW_MS, quotes, &got, &r);
	assert(got <= 2 && r.n == 0 && (r.class == MODEL_OK || got == 0));
	for (size_t i = 0; i < got; i++)
		assert(quotes[i].price.u > 0 && quotes[i].at_ms >= 0 &&
		       quotes[i].at_ms <= NOW_MS);
	feedhttp_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t intervals[] = { 60, 300, 1800, 604800 };
	static const int64_t status[] = { 200, 200, 200, 200, 400, 401, 418, 429, 451, 500 };
	struct provider p = { .kind = PROVIDER_COINGECKO, .name = "fuzz" };
	struct fetch_answer a = { .class = FETCH_OK };
	struct feedhttp_want w = { "bitcoin", "usd", 0, NOW_MS, 300 };
	struct feedhttp_reply r;

	if (size < 2)
		return 0;
	p.kind = (enum provider_kind)(PROVIDER_BINANCE + data[0] % 4);
	w.interval_s = intervals[data[0] / 4 % 4];
	a.status = status[data[1] % 10];
	a.body = mem_strndup((const char *)data + 2, size - 2);
	a.body_len = size - 2;
	feedhttp_parse_candles(&p, &w, &a, NOW_MS, &r);
	check(&w, &r);
	feedhttp_release(&r);
	check_quotes(&p, &a);
	free(a.body);
	return 0;
}
