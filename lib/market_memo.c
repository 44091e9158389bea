#include "market_memo.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

static void market_forget(void *memo)
{
	struct market_memo *m = memo;

	for (size_t i = 0; i < m->n_runs; i++) {
		free(m->runs[i].candles);
		free(m->runs[i].seen);
	}
	free(m->runs);
	free(m->prices);
}

struct market_memo *market_remember(struct db *db)
{
	return db_memo(db, DB_MARKET, sizeof(struct market_memo), market_forget);
}

/* ------------------------------------------------------------------ batches */

void market_note_batch(struct db *db, int64_t window_ms, const struct market_price *p, size_t n)
{
	struct market_memo *m = market_remember(db);

	if (m == NULL)
		return;
	m->known = true;
	m->window_ms = window_ms;
	m->prices = mem_resize(m->prices, n + 1, sizeof *m->prices);
	m->n_prices = n;
	/* as the database gives them */
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && m->prices[k - 1].asset_id > p[i].asset_id; k--)
			m->prices[k] = m->prices[k - 1];
		m->prices[k] = p[i];
	}
}

const struct market_price *market_recall(struct db *db, int64_t asset_id, int64_t window_ms)
{
	const struct market_memo *m = market_remember(db);

	if (m == NULL || !m->known || m->window_ms >= window_ms)
		return NULL;
	for (size_t i = 0; i < m->n_prices; i++)
		if (m->prices[i].asset_id == asset_id)
			return &m->prices[i];
	return NULL;
}

/* ------------------------------------------------------------------ candles */

static bool market_is(const struct market_run *r, const struct market_series *m)
{
	return r->m.asset_id == m->asset_id && r->m.source_id == m->source_id &&
	       r->m.interval_s == m->interval_s;
}

struct market_run *market_run(struct db *db, const struct market_series *m)
{
	struct market_memo *memo = market_remember(db);

	if (memo == NULL)
		return NULL;
	for (size_t i = 0; i < memo->n_runs; i++)
		if (market_is(&memo->runs[i], m))
			return &memo->runs[i];
	memo->runs = mem_resize(memo->runs, memo->n_runs + 1, sizeof *memo->runs);
	memo->runs[memo->n_runs] = (struct market_run){ .m = *m };
	return &memo->runs[memo->n_runs++];
}

void market_run_add(struct market_run *r, const struct view_candle *c, int64_t seen_ms)
{
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 1024;
		r->candles = mem_resize(r->candles, r->cap, sizeof *r->candles);
		r->seen = mem_resize(r->seen, r->cap, sizeof *r->seen);
	}
	r->candles[r->n] = *c;
	r->seen[r->n++] = seen_ms;
}

void market_note_candle(struct db *db, const struct market_series *m,
			const struct view_candle *c, int64_t seen_ms)
{
	struct market_memo *memo = market_remember(db);

	for (size_t i = 0; memo != NULL && i < memo->n_runs; i++) {
		struct market_run *r = &memo->runs[i];

		if (!market_is(r, m))
			continue;
		if (c != NULL && r->depth > 0 && r->all &&
		    (r->n == 0 || c->open_ms > r->candles[r->n - 1].open_ms)) {
			market_run_add(r, c, seen_ms);
			continue;
		}
		r->depth = r->n = 0;
		r->revised = r->revised || c == NULL;
	}
}

/* Where the first candle that opens after ${open_ms} is. */
static size_t market_after(const struct market_run *r, int64_t open_ms)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->candles[mid].open_ms <= open_ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t market_run_last(struct market_run *r, int64_t window_ms, size_t n,
		       struct view_candle *out)
{
	size_t i = market_after(r, window_ms - r->m.interval_s * 1000), k = n;

	while (i > 0 && k > 0)
		if (r->seen[--i] <= window_ms)
			out[--k] = r->candles[i];
	memmove(out, out + k, (n - k) * sizeof *out);
	return n - k;
}
