#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "feedhttp.h"
#include "ident.h"
#include "mem.h"
#include "provider.h"
#include "sim.h"
#include "tstamp.h"

#include "banned.h"

static const char sql_interval[] =
	"SELECT interval_s FROM candles WHERE asset_id = :asset AND source_id = :source "
	"AND interval_s > :after ORDER BY interval_s LIMIT 1";

/* ------------------------------------------------------------------ naming */

bool feed_is_remote(const struct roster_feed *f)
{
	enum provider_kind kind;
	struct err none = { 0 };

	return provider_kind_find(f->feed, &kind, &none) == 0 && provider_is_data(kind);
}

/* "csv:/abs/file.csv", "kraken:XBTUSD", "sim", "import" */
char *feed_source(const struct roster_feed *f)
{
	if (strcmp(f->feed, "csv") == 0 || feed_is_remote(f))
		return mem_printf("%s:%s", f->feed, f->arg);
	if (strcmp(f->feed, "history") == 0)
		return mem_strdup(f->arg[0] != '\0' ? f->arg : "import");
	return mem_strdup("sim");
}

static int feed_parse_csv(struct roster_feed *f, const char *symbol, struct err *e)
{
	struct candlefile head = { 0 };
	char *path = realpath(f->arg, NULL);
	struct stat st;

	if (path == NULL)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "feed csv: %s",
			       f->arg);
	free(f->arg);
	f->arg = path;
	/* a pipe would be waited for in every window */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "feed csv: %s: is no regular file", path);
	if (candlefile_peek(&head, path, e) != 0)
		return -1;
	if (strcmp(head.asset, symbol) != 0)
		return err_set(e, ERR_DATA, "feed csv: %s holds candles of %s, not of %s", path,
			       head.asset, symbol);
	free(f->quote);
	f->quote = mem_strdup(head.quote);
	return 0;
}

static int feed_parse_sim(const struct roster_feed *f, struct err *e)
{
	int64_t base;

	if (f->arg[0] == '\0')
		return 0;
	if (decimal_parse(f->arg, strlen(f->arg), PRICE_SCALE, &base, e) != 0 || base <= 0)
		return err_set(e, ERR_DATA, "feed sim: \"%.40s\" is not a price above 0",
			       f->arg);
	return 0;
}

static int feed_parse_remote(struct roster_feed *f, const char *quote, struct err *e)
{
	enum provider_kind kind;
	char own[17];

	if (provider_kind_find(f->feed, &kind, e) != 0 ||
	    feedhttp_check_market(kind, f->arg, own, e) != 0)
		return -1;
	/* a service that is asked for a currency answers in it */
	free(f->quote);
	f->quote = mem_strdup(own[0] != '\0' ? own : quote);
	return 0;
}

int feed_parse(const char *text, const char *symbol, const char *quote,
	       const char *accept_quote, struct roster_feed *f, struct err *e)
{
	const char *colon = strchr(text, ':');
	int r = 0;

	f->feed = mem_strndup(text, colon != NULL ? (size_t)(colon - text) : strlen(text));
	f->arg = mem_strdup(colon != NULL ? colon + 1 : "");
	f->quote = mem_strdup(quote);
	if (strcmp(f->feed, "sim") == 0)
		r = feed_parse_sim(f, e);
	else if (strcmp(f->feed, "csv") == 0)
		r = feed_parse_csv(f, symbol, e);
	else if (strcmp(f->feed, "history") == 0)
		r = f->arg[0] != '\0' ? ident_check_source(f->arg, e) : 0;
	else if (feed_is_remote(f))
		r = feed_parse_remote(f, quote, e);
	else
		r = err_set(e, ERR_DATA,
			    "feed %.40s: unknown; there are sim, csv:FILE, history[:SOURCE], "
			    "binance:, kraken:, coinbase:MARKET and coingecko:ID",
			    f->feed);
	if (r == 0 && strcmp(f->quote, quote) != 0 &&
	    (accept_quote == NULL || strcmp(f->quote, accept_quote) != 0))
		r = err_set(e, ERR_DATA,
			    "feed %s: its prices are in %s, the race's are in %s; "
			    "--accept-quote %s takes them "
			    "for the same",
			    f->feed, f->quote, quote, f->quote);
	if (r != 0) {
		free(f->feed);
		free(f->arg);
		free(f->quote);
		*f = (struct roster_feed){ 0 };
	}
	return r;
}

/* ------------------------------------------------------------------ sim */

static void feed_sim_asset(const struct feed_request *q, struct sim_asset *a)
{
	struct err none = { 0 };

	*a = (struct sim_asset){ .seed = (uint64_t)config_num(q->config, CONFIG_SIM_SEED) };
	snprintf(a->symbol, sizeof a->symbol, "%s", q->symbol);
	if (q->feed->arg[0] != '\0')
		decimal_parse(q->feed->arg, strlen(q->feed->arg), PRICE_SCALE, &a->base.u,
			      &none);
}

/* Candles since the newest stored one, at most as many as a context shows. */
static int feed_fetch_sim(const struct feed_request *q, struct feed_candles *out, struct err *e)
{
	struct market_series m = { .asset_id = q->asset_id,
				   .interval_s = TSTAMP_WINDOW_MS / 1000 };
	int64_t last = q->window_ms - TSTAMP_WINDOW_MS, newest = -1;
	int64_t want = config_num(q->config, CONFIG_CONTEXT_CANDLES);
	struct sim_asset a;

	if (roster_find_source(q->db, "sim", &m.source_id, e) != 0)
		return -1;
	if (m.source_id != 0 && market_newest(q->db, &m, q->window_ms, &newest, e) != 0)
		return -1;
	if (newest >= 0 && (last - newest) / TSTAMP_WINDOW_MS < want)
		want = (last - newest) / TSTAMP_WINDOW_MS;
	if (want > last / TSTAMP_WINDOW_MS)
		want = last / TSTAMP_WINDOW_MS;
	if (want <= 0)
		return 0;
	feed_sim_asset(q, &a);
	out->source = mem_strdup("sim");
	out->interval_s = m.interval_s;
	out->n = (size_t)want;
	out->candles = mem_array(out->n, sizeof *out->candles);
	sim_candles(&a, last, out->n, out->candles);
	return 0;
}

/* ------------------------------------------------------------------ csv */

static void feed_complain(void *ctx, int64_t line, const char *reason)
{
	char *first = ctx;

	if (first[0] == '\0')
		snprintf(first, 200, "line %lld: %s", (long long)line, reason);
}

static int feed_read_csv(const struct feed_request *q, struct feed_candles *out, struct err *e)
{
	char first[200] = "";
	struct candlefile_options o = { .complain = feed_complain, .ctx = first };
	struct candlefile f = { 0 };

	if (candlefile_read(&f, q->feed->arg, &o, e) != 0)
		return -1;
	if (f.bad > 0)
		err_set(e, ERR_DATA, "feed csv: %s: %lld bad rows, the first: %s", q->feed->arg,
			(long long)f.bad, first);
	else if (strcmp(f.asset, q->symbol) != 0)
		err_set(e, ERR_DATA, "feed csv: %s holds candles of %s", q->feed->arg, f.asset);
	else if (strcmp(f.quote, q->feed->quote) != 0)
		err_set(e, ERR_DATA, "feed csv: %s: its currency is now %s", q->feed->arg,
			f.quote);
	if (e->status != 0) {
		candlefile_release(&f);
		return -1;
	}
	out->source = feed_source(q->feed);
	out->interval_s = f.interval_s;
	out->candles = f.candles;
	out->n = f.n;
	return 0;
}

/* A file is read once, and again when its size or time stamp changed; in between a window's
 * price is a look-up in the candle table. */
static int feed_fetch_csv(const struct feed_request *q, struct feed_candles *out, struct err *e)
{
	char *source = feed_source(q->feed);
	struct market_file known;
	struct stat st;
	int64_t id;
	bool found = false;
	int r = -1;

	if (roster_find_source(q->db, source, &id, e) != 0)
		goto out;
	if (id != 0 && market_file_load(q->db, id, &known, &found, e) != 0)
		goto out;
	if (stat(q->feed->arg, &st) != 0 || !S_ISREG(st.st_mode)) {
		/* what was read of it stays good until it is too old */
		r = err_set(e, ERR_NOTFOUND, "feed csv: %s: is gone%s", q->feed->arg,
			    found ? "; what was read of it before is used" : "");
		goto out;
	}
	out->file = (struct market_file){ .asset_id = q->asset_id,
					  .size = st.st_size,
					  .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) +
						      st.st_mtim.tv_nsec };
	if (found && known.asset_id == q->asset_id && known.size == out->file.size &&
	    known.mtime_ns == out->file.mtime_ns) {
		r = 0;
		goto out;
	}
	r = feed_read_csv(q, out, e);
	out->has_file = r == 0;
	out->file.interval_s = out->interval_s;
out:
	free(source);
	return r;
}

int feed_fetch(const struct feed_request *q, struct feed_candles *out, struct err *e)
{
	*out = (struct feed_candles){ 0 };
	if (strcmp(q->feed->feed, "sim") == 0)
		return feed_fetch_sim(q, out, e);
	if (strcmp(q->feed->feed, "csv") == 0)
		return feed_fetch_csv(q, out, e);
	return 0; /* history: there already */
}

void feed_release(struct feed_candles *c)
{
	free(c->source);
	free(c->candles);
	*c = (struct feed_candles){ 0 };
}

/* The series of a feed, remembered within a chunk. */
#define FEED_INTERVALS 16

struct feed_series {
	int64_t asset_id;
	char *source; /* owned */
	int64_t source_id;
	int64_t intervals[FEED_INTERVALS];
	size_t n;
};

struct feed_memo {
	struct feed_series *items; /* owned */
	size_t n;
};

static void feed_forget(void *memo)
{
	struct feed_memo *m = memo;

	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].source);
	free(m->items);
	*m = (struct feed_memo){ 0 };
}

static void feed_keep(struct feed_memo *m, const struct feed_series *f)
{
	m->items = mem_resize(m->items, m->n + 1, sizeof *m->items);
	m->items[m->n] = *f;
	m->items[m->n++].source = mem_strdup(f->source);
}

/* What is stored may be of a new series, or of a new interval. */
static void feed_drop(const struct feed_request *q, const struct feed_candles *c)
{
	struct feed_memo *m = db_memo(q->db, DB_FEED, sizeof *m, feed_forget);

	for (size_t i = 0; m != NULL && i < m->n; i++) {
		const struct feed_series *f = &m->items[i];

		if (f->asset_id != q->asset_id || strcmp(f->source, c->source) != 0)
			continue;
		for (size_t k = 0; k < f->n; k++)
			if (f->intervals[k] == c->interval_s)
				return;
	}
	if (m != NULL)
		feed_forget(m);
}

int feed_store(const struct feed_request *q, const struct feed_candles *c, struct err *e)
{
	struct market_series m = { .asset_id = q->asset_id, .interval_s = c->interval_s };
	struct market_counts counts = { 0 };

	if (c->source == NULL)
		return 0;
	feed_drop(q, c);
	if (roster_source(q->db, c->source, &m.source_id, e) != 0)
		return -1;
	if (c->has_quote) {
		struct market_quote quote = { .asset_id = q->asset_id,
					      .source_id = m.source_id,
					      .price = c->quote,
					      .price_ms = c->quote_ms };

		if (market_quote_add(q->db, q->window_ms, &quote, e) != 0)
			return -1;
	}
	if (c->n > 0 &&
	    market_add(q->db, &m, c->candles, c->n, q->window_ms, true, &counts, e) != 0)
		return -1;
	return c->has_file ? market_file_store(q->db, m.source_id, &c->file, e) : 0;
}

/* ------------------------------------------------------------------ price */

/* The lengths of the candles of a series, the finest first. */
static int feed_intervals(const struct feed_request *q, struct feed_series *f, struct err *e)
{
	int64_t after = 0;
	int r = 1;

	while (r == 1 && f->n < FEED_INTERVALS) {
		struct sql_stmt *s = db_get(q->db, sql_interval);

		sql_int(s, ":asset", q->asset_id);
		sql_int(s, ":source", f->source_id);
		sql_int(s, ":after", after);
		r = sql_row(s, e);
		if (r == 1)
			f->intervals[f->n++] = after = sql_col_int(s, 0);
		sql_reset(s);
	}
	return r < 0 ? -1 : 0;
}

/* What there is of a feed: nothing yet if its source_id is 0. */
static int feed_find(const struct feed_request *q, const char *source, struct feed_series *f,
		     struct err *e)
{
	struct feed_memo *m = db_memo(q->db, DB_FEED, sizeof *m, feed_forget);

	for (size_t i = 0; m != NULL && i < m->n; i++)
		if (m->items[i].asset_id == q->asset_id &&
		    strcmp(m->items[i].source, source) == 0) {
			*f = m->items[i];
			return 0;
		}
	*f = (struct feed_series){ .asset_id = q->asset_id };
	if (roster_find_source(q->db, source, &f->source_id, e) != 0 ||
	    (f->source_id != 0 && feed_intervals(q, f, e) != 0))
		return -1;
	if (m != NULL) {
		f->source = (char *)source;
		feed_keep(m, f);
	}
	return 0;
}

static enum view_quality feed_quality(const struct config *c, int64_t age_ms)
{
	if (age_ms <= config_num(c, CONFIG_MARKET_FRESH_AGE_S) * 1000)
		return VIEW_FRESH;
	if (age_ms <= config_num(c, CONFIG_MARKET_MAX_AGE_S) * 1000)
		return VIEW_LAST_GOOD;
	return VIEW_STALE;
}

/* The newest candle of one interval as a price, if it ends later than what is there. */
static int feed_try(const struct feed_request *q, const struct market_series *m,
		    struct market_price *p, bool *found, struct err *e)
{
	struct view_candle *c = NULL;
	size_t n = 0;
	int64_t end_ms;

	if (market_candles(q->db, m, q->window_ms, 1, &c, &n, e) != 0)
		return -1;
	end_ms = n == 1 ? c->open_ms + m->interval_s * 1000 : -1;
	if (n == 1 && (!*found || end_ms > p->price_ms)) {
		*found = true;
		*p = (struct market_price){ .asset_id = q->asset_id,
					    .price = c->close,
					    .price_ms = end_ms,
					    .source_id = m->source_id,
					    .interval_s = m->interval_s };
		p->quality = feed_quality(q->config, q->window_ms - end_ms);
	}
	free(c);
	return 0;
}

/* A quote that is newer than the candles is the price. */
static int feed_try_quote(const struct feed_request *q, int64_t source_id,
			  struct market_price *p, bool *found, struct err *e)
{
	struct market_quote quote;
	bool has;

	if (market_quote_newest(q->db, q->asset_id, source_id, q->window_ms, &quote, &has, e) !=
	    0)
		return -1;
	if (!has || (*found && quote.price_ms <= p->price_ms))
		return 0;
	*found = true;
	*p = (struct market_price){ .asset_id = q->asset_id,
				    .price = quote.price,
				    .price_ms = quote.price_ms,
				    .source_id = source_id,
				    .interval_s = TSTAMP_WINDOW_MS / 1000 };
	p->quality = feed_quality(q->config, q->window_ms - quote.price_ms);
	return 0;
}

int feed_price(const struct feed_request *q, struct market_price *p, bool *found, struct err *e)
{
	char *source = feed_source(q->feed);
	struct feed_series f;
	int r = feed_find(q, source, &f, e);

	*found = false;
	free(source);
	if (r != 0 || f.source_id == 0)
		return r;
	/* a series may hold several intervals: the one whose candle ended last, the finest
	 * first */
	for (size_t i = 0; i < f.n; i++) {
		struct market_series m = { q->asset_id, f.source_id, f.intervals[i] };

		if (feed_try(q, &m, p, found, e) != 0)
			return -1;
	}
	if (feed_is_remote(q->feed) && feed_try_quote(q, f.source_id, p, found, e) != 0)
		return -1;
	/* without degradation an older price is none */
	if (*found && p->quality != VIEW_FRESH &&
	    !config_bool(q->config, CONFIG_FEATURE_DEGRADATION))
		*found = false;
	return 0;
}
