#include "race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "candlefile.h"
#include "log.h"
#include "tstamp.h"

#include "banned.h"

/* A candle file into the candle table: read and checked as a whole, then stored in one
 * transaction, so that a file is in or it is not. */

struct race_import_context {
	const char *path;
	int64_t shown;
	bool progress;
};

#define RACE_COMPLAINTS_SHOWN 20

static void race_complain(void *ctx, int64_t line, const char *reason)
{
	struct race_import_context *c = ctx;

	if (c->shown++ < RACE_COMPLAINTS_SHOWN)
		log_msg(LOG_ERROR, "%s:%lld: %s", c->path, (long long)line, reason);
}

static void race_import_progress(void *ctx, int permille)
{
	struct race_import_context *c = ctx;
	char text[64];
	ssize_t n = snprintf(text, sizeof text, "\rreading %3d %%%s", permille / 10,
			     permille >= 1000 ? "\r\033[K" : "");

	if (c->progress)
		n = write(2, text, (size_t)n);
}

static const struct roster_asset *race_import_asset(const struct roster_assets *assets,
						    const char *symbol)
{
	for (size_t i = 0; i < assets->n; i++)
		if (strcmp(assets->items[i].symbol, symbol) == 0)
			return &assets->items[i];
	return NULL;
}

/* Currency and bad rows. */
static int race_import_check(struct db *db, const char *path, const struct candlefile *f,
			     const struct race_import *o, struct err *e)
{
	struct config c;
	int r = -1;

	config_init(&c);
	if (config_load(db, &c, e) != 0)
		goto out;
	if (f->bad > 0 && !o->lenient) {
		err_set(e, ERR_DATA,
			"%s: %lld of %lld rows are bad, nothing imported; --lenient skips them",
			path, (long long)f->bad, (long long)f->rows);
		goto out;
	}
	if (f->n == 0) {
		err_set(e, ERR_DATA, "%s: no row can be read", path);
		goto out;
	}
	if (strcmp(f->quote, config_text(&c, CONFIG_RACE_QUOTE)) != 0 &&
	    (o->accept_quote == NULL || strcmp(o->accept_quote, f->quote) != 0)) {
		err_set(e, ERR_DATA,
			"%s: prices are in %s, the race's are in %s; --accept-quote %s takes "
			"them for the same",
			path, f->quote, config_text(&c, CONFIG_RACE_QUOTE), f->quote);
		goto out;
	}
	r = 0;
out:
	config_release(&c);
	return r;
}

static int race_import_store(struct db *db, const char *path, const struct candlefile *f,
			     int64_t asset_id, const struct race_import *o,
			     struct race_import_result *r, struct err *e)
{
	struct market_series m = { .asset_id = asset_id, .interval_s = f->interval_s };
	int64_t latest;
	char at[TSTAMP_TEXT_MAX];
	bool live;

	if (roster_source(db, o->source, &m.source_id, e) != 0 ||
	    journal_latest(db, &latest, &live, e) != 0)
		return -1;
	/* windows that have begun must not change: what comes now is seen by the next one */
	if (market_add(db, &m, f->candles, f->n, latest < 0 ? 0 : latest + TSTAMP_WINDOW_MS,
		       o->revise, &r->counts, e) != 0)
		return -1;
	if (r->counts.revised > 0 && !o->revise)
		return err_set(e, ERR_DATA,
			       "%s: %lld candles differ from those known of source %s, the "
			       "first at %s; use "
			       "--source for another venue, or --revise to keep both values",
			       path, (long long)r->counts.revised, o->source,
			       tstamp_format(r->counts.first_revised_ms, at));
	return 0;
}

int race_import_file(struct db *db, const char *path, const struct race_import *o, bool *known,
		     struct race_import_result *result, struct err *e)
{
	struct race_import_context ctx = { .path = path, .progress = o->progress };
	struct candlefile_options fo = { .complain = race_complain,
					 .progress = race_import_progress,
					 .ctx = &ctx };
	struct roster_assets assets = { 0 };
	const struct roster_asset *a;
	struct candlefile f = { 0 };
	int r = -1;

	*known = false;
	if (candlefile_read(&f, path, &fo, e) != 0)
		return -1;
	if (ctx.shown > RACE_COMPLAINTS_SHOWN)
		log_msg(LOG_ERROR, "%s: and %lld more", path,
			(long long)(ctx.shown - RACE_COMPLAINTS_SHOWN));
	*result = (struct race_import_result){ .interval_s = f.interval_s,
					       .rows = f.rows,
					       .bad = f.bad,
					       .duplicates = f.duplicates,
					       .rounded = f.rounded,
					       .gaps = f.gaps,
					       .missing = f.missing };
	snprintf(result->asset, sizeof result->asset, "%s", f.asset);
	if (race_import_check(db, path, &f, o, e) != 0 ||
	    roster_load_assets(db, &assets, e) != 0)
		goto out;
	a = race_import_asset(&assets, f.asset);
	if (a == NULL) {
		err_set(e, ERR_NOTFOUND,
			"%s: asset %s does not take part; add it with tr-asset add %s --feed "
			"history",
			path, f.asset, f.asset);
		goto out;
	}
	if (db_begin(db, e) != 0)
		goto out;
	r = db_end(db, race_import_store(db, path, &f, a->id, o, result, e), e);
	*known = r == 0 && result->counts.added == 0 && result->counts.revised == 0;
out:
	roster_release_assets(&assets);
	candlefile_release(&f);
	return r;
}
