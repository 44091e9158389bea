#include "feedhttp.h"

#include <stdlib.h>
#include <string.h>

#include "feedhttp_part.h"
#include "mem.h"
#include "banned.h"

#define PRINTABLE_MAX 40
#define MARKET_MAX (sizeof((struct feedhttp_quote *)0)->market - 1)
#define YEAR_10000_MS INT64_C(253402300800000)

static const struct feedhttp_venue *venue_of(enum provider_kind k)
{
	switch (k) {
	case PROVIDER_BINANCE:
		return &feedhttp_binance;
	case PROVIDER_KRAKEN:
		return &feedhttp_kraken;
	case PROVIDER_COINBASE:
		return &feedhttp_coinbase;
	case PROVIDER_COINGECKO:
		return &feedhttp_coingecko;
	case PROVIDER_OPENAI:
	case PROVIDER_AZURE:
	case PROVIDER_ANTHROPIC:
	case PROVIDER_GEMINI:
	case PROVIDER_PREDICT:
	case PROVIDER_KINDS:
		break;
	}
	return NULL;
}

static int no_venue(struct err *e)
{
	return err_set(e, ERR_USAGE, "this provider has no market data");
}

/* ---- names */

int64_t feedhttp_nearest(const int64_t *have, size_t n, int64_t wanted_s)
{
	size_t i = n;

	while (i > 1 && have[i - 1] > wanted_s)
		i--;
	return have[i - 1];
}

bool feedhttp_is_upper(const char *s, size_t n, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'A' && s[i] <= 'Z') && !(s[i] >= '0' && s[i] <= '9'))
			return false;
	return n > 0 && n <= max;
}

int feedhttp_suffix(const char *venue, const char *market, const char *const *quotes,
		    char quote[17], struct err *e)
{
	size_t n = strlen(market), len, best = 0;

	for (size_t i = 0; quotes[i] != NULL; i++) {
		len = strlen(quotes[i]);
		if (len > best && len < n && strcmp(market + n - len, quotes[i]) == 0)
			best = len;
	}
	if (best == 0)
		return err_set(e, ERR_DATA,
			       "%s market %s: does not end in a quote currency that is known",
			       venue, market);
	memcpy(quote, market + n - best, best + 1);
	return 0;
}

/* Names come from people: show no more of one than can be shown. */
static int check_shape(const char *market, struct err *e)
{
	size_t n = strlen(market);

	for (size_t i = 0; i < n; i++)
		if (market[i] <= ' ' || market[i] > '~')
			return err_set(e, ERR_DATA,
				       "market: a blank or special byte at position %zu",
				       i + 1);
	if (n == 0 || n > MARKET_MAX)
		return err_set(e, ERR_DATA, "market \"%.*s\": 1 to %zu bytes are allowed",
			       PRINTABLE_MAX, market, MARKET_MAX);
	return 0;
}

int feedhttp_check_market(enum provider_kind k, const char *market, char quote[17],
			  struct err *e)
{
	const struct feedhttp_venue *v = venue_of(k);

	quote[0] = '\0';
	if (v == NULL)
		return no_venue(e);
	if (check_shape(market, e) != 0)
		return -1;
	return v->check(market, quote, e);
}

/* ---- requests */

static int check_timeout(int64_t timeout_ms, struct err *e)
{
	return timeout_ms > 0 ? 0 : err_set(e, ERR_USAGE, "a time-out above 0 is needed");
}

static void fill_request(const struct feedhttp_venue *v, const struct provider *p,
			 const char *key_path, const char *path, int64_t timeout_ms,
			 struct fetch_request *out)
{
	memset(out, 0, sizeof *out);
	out->method = mem_strdup("GET");
	out->url = mem_printf("%s%s", p->base, path);
	out->timeout_ms = timeout_ms;
	fetch_add_header(out, "accept", "application/json");
	if (key_path == NULL || v->key_header == NULL)
		return;
	out->secret_name = mem_strdup(v->key_header(p));
	out->secret_prefix = mem_strdup("");
	out->secret_file = mem_strdup(key_path);
}

static int check_want(const struct feedhttp_want *w, struct err *e)
{
	if (w->interval_s <= 0 || w->interval_s > YEAR_10000_MS / 1000)
		return err_set(e, ERR_USAGE, "market %s: no interval of candles", w->market);
	if (w->from_ms < 0 || w->from_ms >= w->until_ms || w->until_ms > YEAR_10000_MS)
		return err_set(e, ERR_USAGE, "market %s: no time lies between those wanted",
			       w->market);
	return 0;
}

int feedhttp_candles(const struct provider *p, const char *key_path,
		     const struct feedhttp_want *w, int64_t timeout_ms,
		     struct fetch_request *out, struct err *e)
{
	const struct feedhttp_venue *v = venue_of(p->kind);
	struct buf path = BUF_INIT;
	char quote[17];
	int rc = -1;

	if (v == NULL)
		return no_venue(e);
	if (feedhttp_check_market(p->kind, w->market, quote, e) != 0)
		return -1;
	if (check_want(w, e) != 0 || check_timeout(timeout_ms, e) != 0)
		return -1;
	if (v->candles(w, &path, e) != 0)
		goto out;
	fill_request(v, p, key_path, buf_str(&path), timeout_ms, out);
	rc = 0;
out:
	buf_release(&path);
	return rc;
}

bool feedhttp_has_quotes(enum provider_kind k)
{
	const struct feedhttp_venue *v = venue_of(k);

	return v != NULL && v->quotes != NULL;
}

int feedhttp_quotes(const struct provider *p, const char *key_path, const char *const *markets,
		    size_t n, const char *quote, int64_t timeout_ms, struct fetch_request *out,
		    struct err *e)
{
	const struct feedhttp_venue *v = venue_of(p->kind);
	struct buf path = BUF_INIT;
	char unused[17];
	int rc = -1;

	if (v == NULL)
		return no_venue(e);
	if (v->quotes == NULL)
		return err_set(e, ERR_USAGE, "provider %s has no quotes of many markets",
			       p->name);
	if (n == 0)
		return err_set(e, ERR_USAGE, "quotes of no market");
	if (check_timeout(timeout_ms, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (feedhttp_check_market(p->kind, markets[i], unused, e) != 0)
			return -1;
	if (v->quotes(markets, n, quote, &path, e) != 0)
		goto out;
	fill_request(v, p, key_path, buf_str(&path), timeout_ms, out);
	rc = 0;
out:
	buf_release(&path);
	return rc;
}

/* ---- replies */

static void init_reply(struct feedhttp_reply *r)
{
	memset(r, 0, sizeof *r);
	r->class = MODEL_OK;
	r->wait_ms = -1;
	r->next_ms = -1;
}

void feedhttp_release(struct feedhttp_reply *r)
{
	free(r->error);
	free(r->candles);
	init_reply(r);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Why a body that should be JSON is none. */
static void refuse_body(const struct fetch_answer *a, const struct err *e,
			struct feedhttp_reply *r)
{
	size_t i = 0;

	while (i < a->body_len && is_blank(a->body[i]))
		i++;
	if (i == a->body_len)
		feedhttp_refuse(r, MODEL_MALFORMED, "the reply is empty");
	else if (a->body[i] == '<')
		feedhttp_refuse(r, MODEL_MALFORMED, "the reply is a page, not JSON");
	else
		feedhttp_refuse(r, MODEL_MALFORMED, "the reply is not JSON: %s", e->text);
}

/* The body of a success, the caller's; NULL, and the reply says what it is instead. */
static struct json *read_body(const struct feedhttp_venue *v, const struct fetch_answer *a,
			      int64_t now_ms, struct feedhttp_reply *r)
{
	struct err e = { 0 };
	struct json *body = NULL;

	if (a->class == FETCH_OK)
		body = json_parse(a->body, a->body_len, &e);
	if (!feedhttp_classify(v, a, body, now_ms, r)) {
		json_free(body);
		return NULL;
	}
	if (body == NULL)
		refuse_body(a, &e, r);
	return body;
}

void feedhttp_parse_candles(const struct provider *p, const struct feedhttp_want *w,
			    const struct fetch_answer *a, int64_t now_ms,
			    struct feedhttp_reply *r)
{
	const struct feedhttp_venue *v = venue_of(p->kind);
	struct feedhttp_series s = { .want = w, .r = r };
	struct err e = { 0 };
	struct json *body;

	init_reply(r);
	if (v == NULL) {
		feedhttp_refuse(r, MODEL_STOP, "provider %s has no market data", p->name);
		return;
	}
	if (check_want(w, &e) != 0) {
		feedhttp_refuse(r, MODEL_STOP, "%s", e.text);
		return;
	}
	body = read_body(v, a, now_ms, r);
	if (body == NULL)
		return;
	s.interval_s = v->interval(w->interval_s);
	s.now_ms = now_ms;
	s.end_ms = w->until_ms < now_ms ? w->until_ms : now_ms;
	v->parse(&s, body);
	feedhttp_finish(&s);
	json_free(body);
}

void feedhttp_parse_quotes(const struct provider *p, const char *const *markets, size_t n,
			   const char *quote, const struct fetch_answer *a, int64_t now_ms,
			   struct feedhttp_quote *quotes, size_t *got, struct feedhttp_reply *r)
{
	const struct feedhttp_venue *v = venue_of(p->kind);
	struct json *body;

	init_reply(r);
	*got = 0;
	if (v == NULL || v->quotes == NULL) {
		feedhttp_refuse(r, MODEL_STOP, "provider %s has no quotes of many markets",
				p->name);
		return;
	}
	body = read_body(v, a, now_ms, r);
	if (body == NULL)
		return;
	v->parse_quotes(markets, n, quote, body, now_ms, quotes, got, r);
	if (r->class != MODEL_OK)
		*got = 0;
	json_free(body);
}
