#include "race.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candlefile.h"
#include "feed.h"
#include "ledger.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * The batch of a window: one price per asset from the first feed that has a fresh one, else the
 * best of what there is. Files are read before the transaction, everything is stored in
 * it, together with the stage's completion.
 */

#define RACE_FEEDS_MS 60000 /* for all that is asked over the network */

/* What the feeds brought: all local ones and all that are asked over the network. */
struct race_fetched {
	struct feed_item *local, *remote; /* owned */
	size_t n_local, n_remote;
};

static void race_request(struct db *db, const struct race_window *w, const struct race_asset *a,
			 size_t feed, struct feed_request *q)
{
	*q = (struct feed_request){ .db = db,
				    .feed = &a->feeds[feed],
				    .asset_id = a->id,
				    .symbol = a->symbol,
				    .window_ms = w->window_ms,
				    .config = &w->config };
}

static void race_release_fetched(struct race_fetched *f)
{
	for (size_t i = 0; i < f->n_local; i++)
		feed_release(&f->local[i].candles);
	for (size_t i = 0; i < f->n_remote; i++)
		feed_release(&f->remote[i].candles);
	free(f->local);
	free(f->remote);
}

/* What a feed says of itself goes down the ladder, loudly; what the database or this process
 * lacks ends the step. */
static bool race_feed_fault(const struct err *e)
{
	return e->status == ERR_NOTFOUND || e->status == ERR_DATA || e->status == ERR_PERM ||
	       e->status == ERR_REMOTE;
}

/* Whether an asset's feeds over the network are asked: who was switched off is asked for only
 * as long as somebody holds it, so that it can be sold. */
static int race_feed_wanted(struct db *db, const struct race_asset *a, bool *wanted,
			    struct err *e)
{
	*wanted = true;
	return a->enabled ? 0 : ledger_held(db, a->id, wanted, e);
}

static int race_list_feeds(struct db *db, const struct race_window *w, struct race_fetched *f,
			   struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_assets; i++)
		n += w->assets[i].n_feeds;
	f->local = mem_array(n, sizeof *f->local);
	f->remote = mem_array(n, sizeof *f->remote);
	for (size_t i = 0; i < w->n_assets; i++) {
		const struct race_asset *a = &w->assets[i];
		bool wanted;

		if (race_feed_wanted(db, a, &wanted, e) != 0)
			return -1;
		for (size_t k = 0; k < a->n_feeds; k++) {
			bool remote = feed_is_remote(&a->feeds[k]);
			struct feed_item *item;

			if (remote && !wanted)
				continue;
			item = remote ? &f->remote[f->n_remote++] : &f->local[f->n_local++];
			race_request(db, w, a, k, &item->q);
			item->priority = (int64_t)k;
		}
	}
	return 0;
}

static void race_complain(const struct feed_item *item)
{
	char *source = feed_source(item->q.feed);

	if (item->outcome != FEED_OK)
		log_msg(LOG_WARN, "asset %s: feed %s: %s", item->q.symbol, source,
			item->detail);
	free(source);
}

/* All feeds of all assets. */
static int race_fetch(struct db *db, const struct race_window *w, const struct race_ask *ask,
		      struct race_fetched *f, struct err *e)
{
	struct feed_remote_options o = { .deadline_ms = tstamp_boot_ms() + RACE_FEEDS_MS,
					 .quotes = tstamp_window(tstamp_wall_ms()) ==
						   w->window_ms,
					 .record = ask != NULL ? ask->record : NULL,
					 .play = ask != NULL ? ask->play : NULL,
					 .stop = ask != NULL ? ask->stop : NULL };

	/* what was asked at its time is in the recording */
	o.quotes = o.quotes || o.play != NULL;
	if (race_list_feeds(db, w, f, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n_local; i++) {
		struct feed_item *item = &f->local[i];
		struct err why = { 0 };

		if (feed_fetch(&item->q, &item->candles, &why) == 0)
			continue;
		feed_release(&item->candles);
		if (!race_feed_fault(&why)) {
			*e = why;
			return -1;
		}
		log_msg(LOG_WARN, "asset %s: %s", item->q.symbol, why.text);
	}
	if (f->n_remote == 0)
		return 0;
	/* a dry run holds its transaction open, and asks nobody */
	for (size_t i = 0; i < f->n_remote && db_is_dry(db); i++) {
		f->remote[i].outcome = FEED_REFUSED;
		snprintf(f->remote[i].detail, sizeof f->remote[i].detail,
			 "a dry run asks nobody");
	}
	if (!db_is_dry(db) && feed_remote(db, &w->config, f->remote, f->n_remote, &o, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n_remote; i++)
		race_complain(&f->remote[i]);
	return 0;
}

/* Whether a price lies within ${limit_e8} of another. */
static bool race_near(struct price p, struct price other, int64_t limit_e8)
{
	struct price low, high;

	if (price_shift(other, limit_e8, DECIMAL_UP, &high) != 0)
		high.u = INT64_MAX;
	if (limit_e8 >= 100000000 || price_shift(other, -limit_e8, DECIMAL_DOWN, &low) != 0)
		low.u = 0;
	return p.u >= low.u && p.u <= high.u;
}

static void race_suspect(struct market_price *p, const char *what, const char *percent,
			 struct price other)
{
	char text[DECIMAL_TEXT_MAX];

	p->quality = VIEW_SUSPECT;
	snprintf(p->note, sizeof p->note, "%s by more than %s %% from %s", what, percent,
		 decimal_format(other.u, PRICE_SCALE, text));
}

/* A price that moved too far since the window before is held back once: the next window
 * compares with this one (M-08). */
static int race_gate_jump(struct db *db, const struct race_window *w, struct market_price *p,
			  struct err *e)
{
	struct market_price before;
	bool found;

	if (market_price_before(db, p->asset_id, w->window_ms, &before, &found, e) != 0)
		return -1;
	if (found && !race_near(p->price, before.price,
				config_e8(&w->config, CONFIG_MARKET_MAX_JUMP_PCT)))
		race_suspect(p, "jumped", config_text(&w->config, CONFIG_MARKET_MAX_JUMP_PCT),
			     before.price);
	return 0;
}

/* The best price of an asset over its feeds; one that fresh prices of other feeds contradict is
 * not traded on. */
static int race_choose(struct db *db, const struct race_window *w, const struct race_asset *a,
		       struct market_price *best, bool *found, struct err *e)
{
	struct market_price *all = mem_array(a->n_feeds, sizeof *all);
	bool gate = config_bool(&w->config, CONFIG_FEATURE_QUALITY_GATE);
	size_t n = 0;
	int r = -1;

	*found = false;
	for (size_t k = 0; k < a->n_feeds; k++) {
		struct feed_request q;
		bool has;

		race_request(db, w, a, k, &q);
		if (feed_price(&q, &all[n], &has, e) != 0)
			goto out;
		if (has && (!*found || all[n].quality < best->quality))
			*best = all[n];
		*found = *found || has;
		n += has;
	}
	r = 0;
	if (!*found || !gate || best->quality == VIEW_STALE)
		goto out;
	for (size_t k = 0; k < n && best->quality != VIEW_SUSPECT; k++)
		if (all[k].quality == VIEW_FRESH &&
		    !race_near(best->price, all[k].price,
			       config_e8(&w->config, CONFIG_MARKET_MAX_DEVIATION_PCT)))
			race_suspect(best, "differs",
				     config_text(&w->config, CONFIG_MARKET_MAX_DEVIATION_PCT),
				     all[k].price);
	if (best->quality != VIEW_SUSPECT)
		r = race_gate_jump(db, w, best, e);
out:
	free(all);
	return r;
}

static int race_store_feeds(struct db *db, const struct race_window *w,
			    const struct race_fetched *f, struct err *e)
{
	for (size_t i = 0; i < f->n_local; i++)
		if (feed_store(&f->local[i].q, &f->local[i].candles, e) != 0)
			return -1;
	for (size_t i = 0; i < f->n_remote; i++) {
		const struct feed_item *item = &f->remote[i];
		char *source = feed_source(item->q.feed);
		struct market_feed_result result = { item->q.asset_id, item->priority, source,
						     feed_outcome_name(item->outcome),
						     item->detail };
		int r = feed_store(&item->q, &item->candles, e);

		if (r == 0)
			r = market_feed_result(db, w->window_ms, &result, e);
		free(source);
		if (r != 0)
			return -1;
	}
	return 0;
}

static int race_store_batch(struct db *db, const struct race_window *w,
			    const struct race_fetched *f, int64_t at_ms, struct err *e)
{
	struct market_price *prices = mem_array(w->n_assets, sizeof *prices);
	char detail[80];
	size_t n_prices = 0;
	int r = -1;

	if (race_store_feeds(db, w, f, e) != 0)
		goto out;
	for (size_t i = 0; i < w->n_assets; i++) {
		bool found;

		if (race_choose(db, w, &w->assets[i], &prices[n_prices], &found, e) != 0)
			goto out;
		n_prices += found;
	}
	if (market_batch_add(db, w->window_ms, prices, n_prices, w->n_assets, e) != 0)
		goto out;
	snprintf(detail, sizeof detail, "%zu of %zu prices", n_prices, w->n_assets);
	r = journal_complete(db, w->window_ms, "ingest", &w->pin_hash, detail, at_ms, e);
out:
	free(prices);
	return r;
}

/* ------------------------------------------------------------------ record */

static const char *race_symbol(const struct race_window *w, int64_t asset_id)
{
	for (size_t i = 0; i < w->n_assets; i++)
		if (w->assets[i].id == asset_id)
			return w->assets[i].symbol;
	return "?";
}

static int race_record_price(struct db *db, const struct race_window *w, struct json_writer *j,
			     const struct market_price *p, struct err *e)
{
	char at[TSTAMP_TEXT_MAX];
	char *source = NULL;

	if (market_source_name(db, p->source_id, &source, e) != 0)
		return -1;
	json_write_object(j, NULL);
	json_write_string(j, "asset", race_symbol(w, p->asset_id));
	json_write_decimal(j, "price", p->price.u, PRICE_SCALE);
	json_write_string(j, "time", tstamp_format(p->price_ms, at));
	json_write_int(j, "age_s", (w->window_ms - p->price_ms) / 1000);
	json_write_string(j, "source", source);
	json_write_string(j, "quality", view_quality_name(p->quality));
	if (p->note[0] != '\0')
		json_write_string(j, "note", p->note);
	json_write_close(j);
	free(source);
	return 0;
}

static int race_record_batch(struct db *db, const struct race_window *w, struct buf *out,
			     struct err *e)
{
	struct market_price *p = NULL;
	struct json_writer j;
	size_t n = 0;

	if (market_prices(db, w->window_ms, &p, &n, e) != 0)
		return -1;
	wire_open(&j, out, WIRE_BATCH, w->window_ms);
	json_write_bool(&j, "decision", w->decision);
	json_write_string(&j, "quote", config_text(&w->config, CONFIG_RACE_QUOTE));
	json_write_array(&j, "prices");
	for (size_t i = 0; i < w->n_assets; i++)
		for (size_t k = 0; k < n; k++)
			if (p[k].asset_id == w->assets[i].id &&
			    race_record_price(db, w, &j, &p[k], e) != 0) {
				free(p);
				return -1;
			}
	json_write_close(&j);
	json_write_array(&j, "absent");
	for (size_t i = 0; i < w->n_assets; i++) {
		bool found = false;

		for (size_t k = 0; k < n; k++)
			found = found || p[k].asset_id == w->assets[i].id;
		if (!found)
			json_write_string(&j, NULL, w->assets[i].symbol);
	}
	json_write_close(&j);
	json_write_close(&j);
	json_write_end(&j);
	wire_end(out, w->window_ms, 1);
	free(p);
	return 0;
}

int race_ingest(struct db *db, const struct race_window *w, const struct race_ask *ask,
		int64_t at_ms, struct buf *out, struct err *e)
{
	struct race_fetched fetched = { 0 };
	bool done = false;
	int r = -1;

	if (journal_done(db, w->window_ms, "ingest", &done, e) != 0)
		return -1;
	if (!done) {
		if (race_fetch(db, w, ask, &fetched, e) != 0 || db_begin(db, e) != 0)
			goto out;
		r = race_check_open(db, w, e);
		if (r == 0)
			r = journal_done(db, w->window_ms, "ingest", &done, e);
		if (r == 0 && !done)
			r = race_store_batch(db, w, &fetched, at_ms, e);
		if (db_end(db, r, e) != 0)
			goto out;
	}
	r = out != NULL ? race_record_batch(db, w, out, e) : 0;
out:
	race_release_fetched(&fetched);
	return r;
}

int race_feed_parse(const char *text, const char *symbol, const char *quote,
		    const char *accept_quote, struct roster_feed *f, struct err *e)
{
	return feed_parse(text, symbol, quote, accept_quote, f, e);
}
