#include "market.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "market_memo.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

static const char sql_candle_add[] =
	"INSERT INTO candles (asset_id, source_id, interval_s, open_ms, open, high, low, "
	"close, "
	"volume, seen_ms) VALUES (:asset, :source, :interval, :at, :open, :high, :low, :close, "
	":volume, :seen)";
static const char sql_candle[] =
	"SELECT open, high, low, close, volume FROM candles WHERE asset_id = :asset "
	"AND source_id = :source AND interval_s = :interval AND open_ms = :at";
static const char sql_revision[] =
	"SELECT open, high, low, close, volume, seen_ms FROM candle_revisions WHERE asset_id = "
	":asset "
	"AND source_id = :source AND interval_s = :interval AND open_ms = :at "
	"ORDER BY seen_ms DESC LIMIT 1";
static const char sql_revision_add[] = "INSERT INTO candle_revisions (asset_id, source_id, "
				       "interval_s, open_ms, seen_ms, open, high, "
				       "low, close, volume) VALUES (:asset, :source, "
				       ":interval, :at, :seen, :open, :high, :low, :close, "
				       ":volume)";
static const char sql_visible[] =
	"SELECT open_ms, open, high, low, close, volume FROM candles WHERE asset_id = :asset "
	"AND source_id = :source AND interval_s = :interval AND open_ms <= :last AND seen_ms "
	"<= :window "
	"ORDER BY open_ms DESC LIMIT :n";
static const char sql_page[] =
	"SELECT open_ms, open, high, low, close, volume, seen_ms FROM candles WHERE asset_id = "
	":asset AND source_id = :source AND interval_s = :interval AND open_ms > :after "
	"ORDER BY open_ms LIMIT :n";
static const char sql_revised[] =
	"SELECT 1 FROM candle_revisions WHERE asset_id = :asset AND source_id = :source AND "
	"interval_s = :interval LIMIT 1";
static const char sql_revisions[] = "SELECT open_ms, open, high, low, close, volume FROM "
				    "candle_revisions WHERE asset_id = :asset "
				    "AND source_id = :source AND interval_s = :interval AND "
				    "open_ms BETWEEN :first AND :last "
				    "AND seen_ms <= :window ORDER BY open_ms, seen_ms";
static const char sql_newest[] =
	"SELECT open_ms FROM candles WHERE asset_id = :asset AND source_id = :source "
	"AND interval_s = :interval AND open_ms < :before ORDER BY open_ms DESC LIMIT 1";
static const char sql_file[] = "SELECT asset_id, interval_s, size, mtime_ns FROM source_files "
			       "WHERE source_id = :source";
static const char sql_file_set[] =
	"INSERT INTO source_files (source_id, asset_id, interval_s, size, mtime_ns) "
	"VALUES (:source, :asset, :interval, :size, :mtime) ON CONFLICT (source_id) DO UPDATE "
	"SET "
	"asset_id = excluded.asset_id, interval_s = excluded.interval_s, size = excluded.size, "
	"mtime_ns = excluded.mtime_ns";
static const char sql_batch_add[] = "INSERT INTO batches (window_ms, n_prices, n_assets) "
				    "VALUES (:window, :prices, :assets)";
static const char sql_batch[] = "SELECT 1 FROM batches WHERE window_ms = :window";
static const char sql_price_add[] =
	"INSERT INTO prices (window_ms, asset_id, price, price_ms, source_id, interval_s, "
	"quality, note) "
	"VALUES (:window, :asset, :price, :at, :source, :interval, :quality, :note)";
static const char sql_prices[] =
	"SELECT asset_id, price, price_ms, source_id, interval_s, quality, note FROM prices "
	"WHERE window_ms = :window ORDER BY asset_id";
static const char sql_price_before[] =
	"SELECT asset_id, price, price_ms, source_id, interval_s, quality, note FROM prices "
	"WHERE asset_id = :asset AND window_ms < :window ORDER BY window_ms DESC LIMIT 1";
static const char sql_good_price_before[] =
	"SELECT asset_id, price, price_ms, source_id, interval_s, quality, note FROM prices "
	"WHERE asset_id = :asset AND window_ms < :window AND quality <> 'suspect' "
	"ORDER BY window_ms DESC LIMIT 1";
static const char sql_source_name[] = "SELECT name FROM sources WHERE id = :id";

static const char sql_quote_add[] =
	"INSERT INTO quotes (window_ms, asset_id, source_id, price, price_ms) SELECT :window, "
	":asset, :source, :price, :at WHERE NOT EXISTS (SELECT 1 FROM quotes WHERE window_ms = "
	":window AND asset_id = :asset AND source_id = :source)";
static const char sql_quote_newest[] = "SELECT price, price_ms FROM quotes WHERE asset_id = "
				       ":asset AND window_ms <= :window AND "
				       "source_id = :source ORDER BY window_ms DESC LIMIT 1";
static const char sql_feed_result[] =
	"INSERT INTO feed_results (window_ms, asset_id, priority, source, outcome, detail) "
	"VALUES (:window, :asset, :priority, :source, :outcome, :detail) ON CONFLICT DO UPDATE "
	"SET outcome = excluded.outcome, detail = excluded.detail";

/* Candles of a series in a replay: what is read ahead, and kept behind, at least. */
#define MARKET_PAGE 2048
#define MARKET_DEPTH 256

/* ------------------------------------------------------------------ candles */

static void market_bind_series(struct sql_stmt *s, const struct market_series *m)
{
	sql_int(s, ":asset", m->asset_id);
	sql_int(s, ":source", m->source_id);
	sql_int(s, ":interval", m->interval_s);
}

static void market_bind_candle(struct sql_stmt *s, const struct view_candle *c)
{
	sql_int(s, ":at", c->open_ms);
	sql_int(s, ":open", c->open.u);
	sql_int(s, ":high", c->high.u);
	sql_int(s, ":low", c->low.u);
	sql_int(s, ":close", c->close.u);
	sql_int(s, ":volume", c->volume.u);
}

static bool market_same(struct sql_stmt *s, const struct view_candle *c)
{
	return sql_col_int(s, 0) == c->open.u && sql_col_int(s, 1) == c->high.u &&
	       sql_col_int(s, 2) == c->low.u && sql_col_int(s, 3) == c->close.u &&
	       sql_col_int(s, 4) == c->volume.u;
}

/* The first window that may see a candle. */
static int64_t market_seen(const struct market_series *m, const struct view_candle *c,
			   int64_t floor_ms)
{
	int64_t close = c->open_ms + m->interval_s * 1000;
	int64_t window = tstamp_window(close);

	if (window < close)
		window += TSTAMP_WINDOW_MS;
	return window > floor_ms ? window : floor_ms;
}

static int market_insert(struct db *db, const struct market_series *m,
			 const struct view_candle *c, int64_t seen_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_candle_add);

	market_bind_series(s, m);
	market_bind_candle(s, c);
	sql_int(s, ":seen", seen_ms);
	if (sql_exec(s, e) != 0)
		return -1;
	market_note_candle(db, m, c, seen_ms);
	return 0;
}

/* What is known of a candle: whether it exists, is the same in its newest value, and from when
 * that value is seen if it is a revision (else -1). */
struct market_known {
	bool exists, same;
	int64_t revised_ms;
};

static int market_look(struct db *db, const struct market_series *m,
		       const struct view_candle *c, struct market_known *k, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_candle);
	int r;

	*k = (struct market_known){ .revised_ms = -1 };
	market_bind_series(s, m);
	sql_int(s, ":at", c->open_ms);
	r = sql_row(s, e);
	k->exists = r == 1;
	k->same = r == 1 && market_same(s, c);
	sql_reset(s);
	if (r != 1)
		return r;
	s = db_get(db, sql_revision);
	market_bind_series(s, m);
	sql_int(s, ":at", c->open_ms);
	r = sql_row(s, e);
	if (r == 1) {
		k->revised_ms = sql_col_int(s, 5);
		k->same = market_same(s, c);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int market_revise(struct db *db, const struct market_series *m,
			 const struct view_candle *c, int64_t seen_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_revision_add);

	market_bind_series(s, m);
	market_bind_candle(s, c);
	sql_int(s, ":seen", seen_ms);
	market_note_candle(db, m, NULL, seen_ms);
	return sql_exec(s, e);
}

/* A candle that is known: the same, or another value of it. */
static int market_known_candle(struct db *db, const struct market_series *m,
			       const struct view_candle *c, const struct market_known *k,
			       int64_t seen_ms, bool revise, struct market_counts *counts,
			       struct err *e)
{
	if (k->same) {
		counts->known++;
		return 0;
	}
	if (counts->revised++ == 0)
		counts->first_revised_ms = c->open_ms;
	/* each value is a fact: a second correction at one moment is seen a window later */
	if (k->revised_ms >= seen_ms)
		seen_ms = k->revised_ms + TSTAMP_WINDOW_MS;
	return revise ? market_revise(db, m, c, seen_ms, e) : 0;
}

int market_add(struct db *db, const struct market_series *m, const struct view_candle *c,
	       size_t n, int64_t floor_ms, bool revise, struct market_counts *counts,
	       struct err *e)
{
	int64_t newest_ms;

	if (market_newest(db, m, INT64_MAX, &newest_ms, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int64_t seen_ms = market_seen(m, &c[i], floor_ms);
		struct market_known k = { 0 };
		int r;

		/* behind the newest nothing can be known */
		if (c[i].open_ms <= newest_ms && market_look(db, m, &c[i], &k, e) != 0)
			return -1;
		if (k.exists) {
			r = market_known_candle(db, m, &c[i], &k, seen_ms, revise, counts, e);
		} else {
			r = market_insert(db, m, &c[i], seen_ms, e);
			counts->added++;
		}
		if (r != 0)
			return -1;
	}
	return 0;
}

static void market_read(struct sql_stmt *s, struct view_candle *c)
{
	c->open_ms = sql_col_int(s, 0);
	c->open.u = sql_col_int(s, 1);
	c->high.u = sql_col_int(s, 2);
	c->low.u = sql_col_int(s, 3);
	c->close.u = sql_col_int(s, 4);
	c->volume.u = sql_col_int(s, 5);
}

/* Put the revisions visible to a window over candles[0..n), oldest first. */
static int market_overlay(struct db *db, const struct market_series *m, int64_t window_ms,
			  struct view_candle *c, size_t n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_revisions);
	size_t i = 0;
	int r;

	market_bind_series(s, m);
	sql_int(s, ":first", c[0].open_ms);
	sql_int(s, ":last", c[n - 1].open_ms);
	sql_int(s, ":window", window_ms);
	while ((r = sql_row(s, e)) == 1) {
		int64_t open_ms = sql_col_int(s, 0);

		while (i < n && c[i].open_ms < open_ms)
			i++;
		if (i < n && c[i].open_ms == open_ms)
			market_read(s, &c[i]);
	}
	return r;
}

/* Ask the database. */
static int market_read_candles(struct db *db, const struct market_series *m, int64_t window_ms,
			       size_t n, struct view_candle **out, size_t *n_out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_visible);
	struct view_candle *c = mem_array(n, sizeof *c);
	size_t k = n;
	int r;

	market_bind_series(s, m);
	sql_int(s, ":last", window_ms - m->interval_s * 1000);
	sql_int(s, ":window", window_ms);
	sql_int(s, ":n", (int64_t)n);
	while ((r = sql_row(s, e)) == 1)
		market_read(s, &c[--k]);
	*n_out = n - k;
	memmove(c, c + k, *n_out * sizeof *c);
	if (r == 0 && *n_out > 0)
		r = market_overlay(db, m, window_ms, c, *n_out, e);
	if (r != 0) {
		free(c);
		return -1;
	}
	*out = c;
	return 0;
}

/* The candles that follow the last of a run, or those after ${after_ms} if it has none. */
static int market_page(struct db *db, struct market_run *r, int64_t after_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_page);
	size_t before = r->n;
	int row;

	market_bind_series(s, &r->m);
	sql_int(s, ":after", r->n > 0 ? r->candles[r->n - 1].open_ms : after_ms);
	sql_int(s, ":n", MARKET_PAGE);
	while ((row = sql_row(s, e)) == 1) {
		struct view_candle c;

		market_read(s, &c);
		market_run_add(r, &c, sql_col_int(s, 6));
	}
	r->all = r->n - before < MARKET_PAGE;
	return row;
}

/* Begin a run so that the last ${n} visible to a window are in it. */
static int market_run_begin(struct db *db, struct market_run *r, int64_t window_ms, size_t n,
			    struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_revised);
	struct view_candle *c = NULL;
	size_t k = 0;
	int row;

	market_bind_series(s, &r->m);
	row = sql_row(s, e);
	sql_reset(s);
	r->revised = row == 1;
	r->n = 0;
	if (row != 0)
		return row < 0 ? -1 : 0;
	if (market_read_candles(db, &r->m, window_ms, n, &c, &k, e) != 0)
		return -1;
	r->depth = n;
	/* with fewer visible than asked for, an older one may become so */
	row = market_page(db, r, k == n && n > 0 ? c[0].open_ms - 1 : -1, e);
	free(c);
	return row;
}

/* Make a run cover a window; *${run} NULL if the database is to be asked. */
static int market_cover(struct db *db, const struct market_series *m, int64_t window_ms,
			size_t n, struct market_run **run, struct err *e)
{
	struct market_run *r = market_run(db, m);
	int64_t last_ms = window_ms - m->interval_s * 1000;

	*run = NULL;
	if (r == NULL || r->revised || (r->depth > 0 && window_ms < r->window_ms))
		return 0;
	if (r->depth < n &&
	    market_run_begin(db, r, window_ms, n < MARKET_DEPTH ? MARKET_DEPTH : n, e) != 0)
		return -1;
	if (r->revised)
		return 0;
	while (!r->all && r->candles[r->n - 1].open_ms <= last_ms)
		if (market_page(db, r, 0, e) != 0)
			return -1;
	r->window_ms = window_ms;
	*run = r;
	return 0;
}

int market_candles(struct db *db, const struct market_series *m, int64_t window_ms, size_t n,
		   struct view_candle **out, size_t *n_out, struct err *e)
{
	struct market_run *r;

	if (market_cover(db, m, window_ms, n, &r, e) != 0)
		return -1;
	if (r == NULL)
		return market_read_candles(db, m, window_ms, n, out, n_out, e);
	*out = mem_array(n, sizeof **out);
	*n_out = market_run_last(r, window_ms, n, *out);
	return 0;
}

int market_newest(struct db *db, const struct market_series *m, int64_t before_ms,
		  int64_t *open_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_newest);
	int r;

	market_bind_series(s, m);
	sql_int(s, ":before", before_ms);
	r = sql_row(s, e);
	*open_ms = r == 1 ? sql_col_int(s, 0) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int market_file_load(struct db *db, int64_t source_id, struct market_file *f, bool *found,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_file);
	int r;

	sql_int(s, ":source", source_id);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1)
		*f = (struct market_file){ sql_col_int(s, 0), sql_col_int(s, 1),
					   sql_col_int(s, 2), sql_col_int(s, 3) };
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int market_file_store(struct db *db, int64_t source_id, const struct market_file *f,
		      struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_file_set);

	sql_int(s, ":source", source_id);
	sql_int(s, ":asset", f->asset_id);
	sql_int(s, ":interval", f->interval_s);
	sql_int(s, ":size", f->size);
	sql_int(s, ":mtime", f->mtime_ns);
	return sql_exec(s, e);
}

/* ------------------------------------------------------------------ batches */

static int market_price_add(struct db *db, int64_t window_ms, const struct market_price *p,
			    struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_price_add);

	sql_int(s, ":window", window_ms);
	sql_int(s, ":asset", p->asset_id);
	sql_int(s, ":price", p->price.u);
	sql_int(s, ":at", p->price_ms);
	sql_int(s, ":source", p->source_id);
	sql_int(s, ":interval", p->interval_s);
	sql_text(s, ":quality", view_quality_name(p->quality));
	sql_text(s, ":note", p->note);
	return sql_exec(s, e);
}

int market_quote_add(struct db *db, int64_t window_ms, const struct market_quote *q,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_quote_add);

	sql_int(s, ":window", window_ms);
	sql_int(s, ":asset", q->asset_id);
	sql_int(s, ":source", q->source_id);
	sql_int(s, ":price", q->price.u);
	sql_int(s, ":at", q->price_ms);
	return sql_exec(s, e);
}

int market_quote_newest(struct db *db, int64_t asset_id, int64_t source_id, int64_t window_ms,
			struct market_quote *q, bool *found, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_quote_newest);
	int r;

	sql_int(s, ":asset", asset_id);
	sql_int(s, ":source", source_id);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (*found)
		*q = (struct market_quote){ .asset_id = asset_id,
					    .source_id = source_id,
					    .price = { sql_col_int(s, 0) },
					    .price_ms = sql_col_int(s, 1) };
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int market_feed_result(struct db *db, int64_t window_ms, const struct market_feed_result *f,
		       struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_feed_result);

	sql_int(s, ":window", window_ms);
	sql_int(s, ":asset", f->asset_id);
	sql_int(s, ":priority", f->priority);
	sql_text(s, ":source", f->source);
	sql_text(s, ":outcome", f->outcome);
	sql_text(s, ":detail", f->detail);
	return sql_exec(s, e);
}

int market_batch_add(struct db *db, int64_t window_ms, const struct market_price *p, size_t n,
		     size_t n_assets, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_batch_add);

	sql_int(s, ":window", window_ms);
	sql_int(s, ":prices", (int64_t)n);
	sql_int(s, ":assets", (int64_t)n_assets);
	if (sql_exec(s, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (market_price_add(db, window_ms, &p[i], e) != 0)
			return -1;
	market_note_batch(db, window_ms, p, n);
	return 0;
}

int market_batch_exists(struct db *db, int64_t window_ms, bool *exists, struct err *e)
{
	const struct market_memo *m = market_remember(db);
	struct sql_stmt *s;
	int r;

	*exists = m != NULL && m->known && m->window_ms == window_ms;
	if (*exists)
		return 0;
	s = db_get(db, sql_batch);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*exists = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static void market_read_price(struct sql_stmt *s, struct market_price *p)
{
	static const enum view_quality all[] = { VIEW_FRESH, VIEW_LAST_GOOD, VIEW_STALE,
						 VIEW_SUSPECT };
	const char *quality = sql_col_text(s, 5);

	*p = (struct market_price){ .asset_id = sql_col_int(s, 0),
				    .price.u = sql_col_int(s, 1),
				    .price_ms = sql_col_int(s, 2),
				    .source_id = sql_col_int(s, 3),
				    .interval_s = sql_col_int(s, 4),
				    .quality = VIEW_STALE };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(view_quality_name(all[i]), quality) == 0)
			p->quality = all[i];
	snprintf(p->note, sizeof p->note, "%s", sql_col_text(s, 6));
}

int market_prices(struct db *db, int64_t window_ms, struct market_price **out, size_t *n,
		  struct err *e)
{
	const struct market_memo *m = market_remember(db);
	struct sql_stmt *s;
	int r;

	*out = NULL;
	*n = 0;
	if (m != NULL && m->known && m->window_ms == window_ms) {
		*n = m->n_prices;
		*out = mem_array(*n, sizeof **out);
		memcpy(*out, m->prices, *n * sizeof **out);
		return 0;
	}
	s = db_get(db, sql_prices);
	sql_int(s, ":window", window_ms);
	while ((r = sql_row(s, e)) == 1) {
		*out = mem_resize(*out, *n + 1, sizeof **out);
		market_read_price(s, &(*out)[(*n)++]);
	}
	return r;
}

static int market_one_price(struct sql_stmt *s, int64_t asset_id, int64_t window_ms,
			    struct market_price *p, bool *found, struct err *e)
{
	int r;

	sql_int(s, ":asset", asset_id);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1)
		market_read_price(s, p);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int market_price_before(struct db *db, int64_t asset_id, int64_t window_ms,
			struct market_price *p, bool *found, struct err *e)
{
	const struct market_price *known = market_recall(db, asset_id, window_ms);

	if (known != NULL) {
		*p = *known;
		*found = true;
		return 0;
	}
	return market_one_price(db_get(db, sql_price_before), asset_id, window_ms, p, found, e);
}

int market_good_price_before(struct db *db, int64_t asset_id, int64_t window_ms,
			     struct market_price *p, bool *found, struct err *e)
{
	const struct market_price *known = market_recall(db, asset_id, window_ms);

	if (known != NULL && known->quality != VIEW_SUSPECT) {
		*p = *known;
		*found = true;
		return 0;
	}
	return market_one_price(db_get(db, sql_good_price_before), asset_id, window_ms, p,
				found, e);
}

int market_source_name(struct db *db, int64_t source_id, char **out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_source_name);

	sql_int(s, ":id", source_id);
	if (sql_row(s, e) != 1)
		return err_set(e, ERR_INTERNAL, "source %lld: does not exist",
			       (long long)source_id);
	*out = mem_strdup(sql_col_text(s, 0));
	sql_reset(s);
	return 0;
}
