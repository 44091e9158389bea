#include "market.h"

#include <stdlib.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * What is wrong with the candles: each series is read once, in the order of its key, next to
 * the windows that were run.
 */

/* An hour of five-minute candles without a trade. */
#define MARKET_IDLE_MIN 12

static const char sql_series[] =
	"SELECT asset_id, source_id, interval_s FROM candles WHERE (asset_id, source_id, "
	"interval_s) > (:asset, :source, :interval) ORDER BY asset_id, source_id, interval_s "
	"LIMIT 1";
static const char sql_candles[] =
	"SELECT open_ms, volume, seen_ms FROM candles WHERE asset_id = :asset AND source_id = "
	":source AND interval_s = :interval AND open_ms >= :from AND open_ms < :to "
	"ORDER BY open_ms";
/* scan: any window may have missed a candle */
static const char sql_windows[] = "SELECT window_ms FROM cycles ORDER BY window_ms";
static const char sql_suspects[] =
	"SELECT asset_id, source_id, interval_s, window_ms FROM prices WHERE window_ms >= "
	":from "
	"AND window_ms < :to AND quality = 'suspect' AND (:asset = 0 OR asset_id = :asset) "
	"ORDER BY asset_id, source_id, interval_s, window_ms";

struct market_windows {
	int64_t *ms; /* ascending */
	size_t n;
};

/* A walk along one series. The runs are those that the last candle belongs to; count 0: none.
 */
struct market_walk {
	const struct market_gap_query *q;
	const struct market_windows *windows;
	size_t next; /* window: the first that may see the candle */
	struct market_series m;
	int64_t first_ms, last_ms; /* candles; -1 before any */
	struct market_gap late, idle;
	bool traded; /* a candle had volume */
	struct market_gaps *out;
};

static void market_note(struct market_gaps *out, const struct market_gap *g)
{
	/* room doubles when the count is a power of two */
	if ((out->n & (out->n - 1)) == 0)
		out->items = mem_resize(out->items, out->n == 0 ? 1 : 2 * out->n,
					sizeof *out->items);
	out->items[out->n++] = *g;
}

/* ------------------------------------------------------------------ along a series */

static void market_note_missing(struct market_walk *k, int64_t first_ms, int64_t count)
{
	struct market_gap g = { .series = k->m,
				.kind = MARKET_MISSING,
				.first_ms = first_ms,
				.last_ms = first_ms + (count - 1) * k->m.interval_s * 1000,
				.count = count };

	if (count > 0)
		market_note(k->out, &g);
}

static void market_end_run(struct market_walk *k, struct market_gap *run, int64_t least)
{
	if (run->count >= least)
		market_note(k->out, run);
	run->count = 0;
}

static void market_extend(struct market_walk *k, struct market_gap *run,
			  enum market_gap_kind kind, int64_t open_ms, int64_t seen_ms)
{
	if (run->count++ == 0)
		*run = (struct market_gap){ .series = k->m,
					    .kind = kind,
					    .first_ms = open_ms,
					    .count = 1,
					    .seen_ms = seen_ms };
	run->last_ms = open_ms;
}

/* Whether a window that was run could have seen the candle, and did not. */
static bool market_late(struct market_walk *k, int64_t open_ms, int64_t seen_ms)
{
	int64_t close_ms = open_ms + k->m.interval_s * 1000;

	while (k->next < k->windows->n && k->windows->ms[k->next] < close_ms)
		k->next++;
	return k->next < k->windows->n && k->windows->ms[k->next] < seen_ms;
}

static void market_candle(struct market_walk *k, int64_t open_ms, int64_t volume,
			  int64_t seen_ms)
{
	int64_t step_ms = k->m.interval_s * 1000;
	bool late = market_late(k, open_ms, seen_ms);

	if (k->last_ms < 0) {
		k->first_ms = open_ms;
	} else if (open_ms - k->last_ms > step_ms) {
		market_note_missing(k, k->last_ms + step_ms,
				    (open_ms - k->last_ms) / step_ms - 1);
		market_end_run(k, &k->late, 1);
		market_end_run(k, &k->idle, MARKET_IDLE_MIN);
	}
	if (!late || k->late.seen_ms != seen_ms)
		market_end_run(k, &k->late, 1);
	if (late)
		market_extend(k, &k->late, MARKET_LATE, open_ms, seen_ms);
	if (volume > 0)
		market_end_run(k, &k->idle, MARKET_IDLE_MIN);
	else
		market_extend(k, &k->idle, MARKET_IDLE, open_ms, -1);
	k->traded = k->traded || volume > 0;
	k->last_ms = open_ms;
}

/* What a span that was asked for has no candles of at its ends. */
static void market_ends(struct market_walk *k)
{
	int64_t step_ms = k->m.interval_s * 1000;
	int64_t from_ms = k->q->from_ms, to_ms = k->q->to_ms;

	if (k->last_ms < 0) {
		if (from_ms >= 0 && to_ms >= 0) {
			from_ms = (from_ms + step_ms - 1) / step_ms * step_ms;
			market_note_missing(k, from_ms,
					    (to_ms - from_ms + step_ms - 1) / step_ms);
		}
		return;
	}
	if (from_ms >= 0) {
		int64_t n = (k->first_ms - from_ms) / step_ms;

		market_note_missing(k, k->first_ms - n * step_ms, n);
	}
	if (to_ms >= 0)
		market_note_missing(k, k->last_ms + step_ms,
				    (to_ms - 1 - k->last_ms) / step_ms);
}

/* A series that never has a volume is of a feed that has none. */
static void market_drop_idle(struct market_gaps *g, size_t since)
{
	size_t n = since;

	for (size_t i = since; i < g->n; i++)
		if (g->items[i].kind != MARKET_IDLE)
			g->items[n++] = g->items[i];
	g->n = n;
}

static int market_walk_series(struct db *db, struct market_walk *k, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_candles);
	size_t since = k->out->n;
	int r;

	sql_int(s, ":asset", k->m.asset_id);
	sql_int(s, ":source", k->m.source_id);
	sql_int(s, ":interval", k->m.interval_s);
	sql_int(s, ":from", k->q->from_ms);
	sql_int(s, ":to", k->q->to_ms < 0 ? INT64_MAX : k->q->to_ms);
	while ((r = sql_row(s, e)) == 1)
		market_candle(k, sql_col_int(s, 0), sql_col_int(s, 1), sql_col_int(s, 2));
	if (r != 0)
		return -1;
	market_end_run(k, &k->late, 1);
	market_end_run(k, &k->idle, MARKET_IDLE_MIN);
	market_ends(k);
	if (!k->traded)
		market_drop_idle(k->out, since);
	return 0;
}

/* ------------------------------------------------------------------ all series */

static int market_next_series(struct db *db, struct market_series *m, bool *found,
			      struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_series);
	int r;

	sql_int(s, ":asset", m->asset_id);
	sql_int(s, ":source", m->source_id);
	sql_int(s, ":interval", m->interval_s);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1)
		*m = (struct market_series){ sql_col_int(s, 0), sql_col_int(s, 1),
					     sql_col_int(s, 2) };
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int market_load_windows(struct db *db, struct market_windows *w, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_windows);
	int r;

	while ((r = sql_row(s, e)) == 1) {
		if ((w->n & (w->n - 1)) == 0)
			w->ms = mem_resize(w->ms, w->n == 0 ? 1 : 2 * w->n, sizeof *w->ms);
		w->ms[w->n++] = sql_col_int(s, 0);
	}
	return r;
}

static int market_walk_all(struct db *db, const struct market_gap_query *q,
			   struct market_gaps *out, struct err *e)
{
	struct market_windows windows = { 0 };
	struct market_series m = { .asset_id = q->asset_id };
	bool found = true;
	int r = market_load_windows(db, &windows, e);

	while (r == 0 && found) {
		struct market_walk k = {
			.q = q, .windows = &windows, .first_ms = -1, .last_ms = -1, .out = out
		};

		r = market_next_series(db, &m, &found, e);
		if (q->asset_id != 0 && m.asset_id != q->asset_id)
			found = false;
		k.m = m;
		if (r == 0 && found)
			r = market_walk_series(db, &k, e);
	}
	free(windows.ms);
	return r;
}

/* ------------------------------------------------------------------ prices */

static bool market_same_series(const struct market_series *a, const struct market_series *b)
{
	return a->asset_id == b->asset_id && a->source_id == b->source_id &&
	       a->interval_s == b->interval_s;
}

/* Prices that the quality gate held back, in runs of windows. */
static int market_suspects(struct db *db, const struct market_gap_query *q,
			   struct market_gaps *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_suspects);
	struct market_gap run = { .kind = MARKET_SUSPECT, .seen_ms = -1 };
	int r;

	sql_int(s, ":asset", q->asset_id);
	sql_int(s, ":from", q->from_ms);
	sql_int(s, ":to", q->to_ms < 0 ? INT64_MAX : q->to_ms);
	while ((r = sql_row(s, e)) == 1) {
		struct market_series m = { sql_col_int(s, 0), sql_col_int(s, 1),
					   sql_col_int(s, 2) };
		int64_t window_ms = sql_col_int(s, 3);

		if (run.count > 0 && (!market_same_series(&run.series, &m) ||
				      window_ms != run.last_ms + TSTAMP_WINDOW_MS)) {
			market_note(out, &run);
			run.count = 0;
		}
		if (run.count++ == 0)
			run.first_ms = window_ms;
		run.series = m;
		run.last_ms = window_ms;
	}
	if (run.count > 0)
		market_note(out, &run);
	return r;
}

/* ------------------------------------------------------------------ both */

static int market_compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int market_compare_gaps(const void *pa, const void *pb)
{
	const struct market_gap *a = pa, *b = pb;
	int r = market_compare(a->series.asset_id, b->series.asset_id);

	if (r == 0)
		r = market_compare(a->series.source_id, b->series.source_id);
	if (r == 0)
		r = market_compare(a->series.interval_s, b->series.interval_s);
	if (r == 0)
		r = market_compare(a->first_ms, b->first_ms);
	return r != 0 ? r : market_compare((int64_t)a->kind, (int64_t)b->kind);
}

int market_gaps_find(struct db *db, const struct market_gap_query *q, struct market_gaps *out,
		     struct err *e)
{
	int r;

	*out = (struct market_gaps){ 0 };
	if (db_read_begin(db, e) != 0)
		return -1;
	r = market_walk_all(db, q, out, e);
	if (r == 0)
		r = market_suspects(db, q, out, e);
	db_read_end(db);
	if (r != 0) {
		market_gaps_release(out);
		return -1;
	}
	if (out->n > 0)
		qsort(out->items, out->n, sizeof *out->items, market_compare_gaps);
	return 0;
}

void market_gaps_release(struct market_gaps *g)
{
	free(g->items);
	*g = (struct market_gaps){ 0 };
}

const char *market_gap_name(enum market_gap_kind kind)
{
	static const char *const names[] = { [MARKET_MISSING] = "missing",
					     [MARKET_LATE] = "late",
					     [MARKET_IDLE] = "idle",
					     [MARKET_SUSPECT] = "suspect" };

	return names[kind];
}
