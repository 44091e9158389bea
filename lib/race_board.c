#include "race.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Standings: one equity sample per window (after its trades, if it had any), and the trades. */

static const char sql_turns[] = "SELECT count(*), sum(status IN ('ok', 'hold')) FROM decisions "
				"WHERE agent_id = :agent AND origin = 'agent'";
/* scan: the first and the last batch */
static const char sql_span[] =
	"SELECT (SELECT window_ms FROM batches ORDER BY window_ms LIMIT 1), "
	"(SELECT window_ms FROM batches ORDER BY window_ms DESC LIMIT 1)";
/* scan: only the last row, by its key */
static const char sql_head[] = "SELECT n, hash FROM seals ORDER BY n DESC LIMIT 1";

struct race_curve {
	int64_t *equity, *gross, *windows;
	size_t n, cap;
	struct metrics_trade *trades;
	size_t n_trades;
};

static int race_curve_snapshot(void *ctx, const struct ledger_snapshot *s, struct err *e)
{
	struct race_curve *c = ctx;

	(void)e;
	/* the sample of a window is the last of its phases */
	if (c->n > 0 && c->windows[c->n - 1] == s->window_ms)
		c->n--;
	if (c->n == c->cap) {
		c->cap = c->cap * 2 + 64;
		c->equity = mem_resize(c->equity, c->cap, sizeof *c->equity);
		c->gross = mem_resize(c->gross, c->cap, sizeof *c->gross);
		c->windows = mem_resize(c->windows, c->cap, sizeof *c->windows);
	}
	c->equity[c->n] = s->total.u;
	c->gross[c->n] = s->positions_value.u;
	c->windows[c->n++] = s->window_ms;
	return 0;
}

static int race_curve_trade(void *ctx, const struct ledger_trade *t, struct err *e)
{
	struct race_curve *c = ctx;

	(void)e;
	if ((c->n_trades & (c->n_trades + 1)) == 0 || c->trades == NULL)
		c->trades = mem_resize(c->trades, c->n_trades * 2 + 2, sizeof *c->trades);
	c->trades[c->n_trades++] =
		(struct metrics_trade){ .asset_id = t->fill.asset_id,
					.side = t->fill.side,
					.position_after = t->fill.position_after,
					.notional = t->fill.notional,
					.fee = t->fill.fee,
					.realised = t->fill.realised };
	return 0;
}

static int race_count_turns(struct db *db, struct race_standing *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_turns);

	sql_int(s, ":agent", r->agent.id);
	if (sql_row(s, e) != 1)
		return -1;
	r->turns = sql_col_int(s, 0);
	r->valid = sql_col_int(s, 1);
	sql_reset(s);
	return 0;
}

static int race_load_standing(struct db *db, struct race_standing *r, struct err *e)
{
	struct race_curve c = { 0 };
	struct metrics_input in = { .interval_s = TSTAMP_WINDOW_MS / 1000 };
	struct portfolio p;
	int rc = -1;

	if (ledger_load(db, r->agent.id, &p, e) != 0)
		return -1;
	r->start = r->total = p.start_cash;
	r->window_ms = -1;
	if (ledger_snapshots(db, r->agent.id, race_curve_snapshot, &c, e) != 0 ||
	    ledger_trades(db, r->agent.id, race_curve_trade, &c, e) != 0 ||
	    race_count_turns(db, r, e) != 0)
		goto out;
	if (c.n > 0) {
		r->total.u = c.equity[c.n - 1];
		r->window_ms = c.windows[c.n - 1];
	}
	in.start = r->start;
	in.equity = c.equity;
	in.gross = c.gross;
	in.n = c.n;
	in.trades = c.trades;
	in.n_trades = c.n_trades;
	metrics_compute(&in, &r->m);
	r->curve = c.equity;
	r->n_curve = c.n;
	c.equity = NULL;
	rc = 0;
out:
	portfolio_release(&p);
	free(c.equity);
	free(c.gross);
	free(c.windows);
	free(c.trades);
	return rc;
}

static int race_compare(const void *a, const void *b)
{
	const struct race_standing *x = a, *y = b;
	struct metrics_value rx = x->m.total_return, ry = y->m.total_return;

	if (rx.defined != ry.defined)
		return rx.defined ? -1 : 1;
	/* by return: agents may have started with different cash */
	if (rx.defined && rx.v < ry.v)
		return 1;
	if (rx.defined && rx.v > ry.v)
		return -1;
	return strcmp(x->agent.name, y->agent.name);
}

/* Against the buy-and-hold baseline, if it takes part. */
static void race_against_hold(struct race_board *b, const struct roster_agents *agents)
{
	const struct race_standing *hold = NULL;

	for (size_t i = 0; i < agents->n; i++) {
		const struct roster_agent *a = &agents->items[i];

		if (a->baseline && a->spec.kind == ROSTER_RULE &&
		    strcmp(a->spec.strategy->name, "buy-and-hold") == 0)
			hold = &b->rows[i];
	}
	for (size_t i = 0; i < b->n && hold != NULL; i++) {
		struct metrics_value r = b->rows[i].m.total_return;

		b->rows[i].vs_hold.defined = r.defined && hold->m.total_return.defined;
		b->rows[i].vs_hold.v = r.v - hold->m.total_return.v;
	}
}

static int race_board_span(struct db *db, struct race_board *b, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_span);
	const void *p;
	size_t n;
	int r;

	if (sql_row(s, e) != 1)
		return -1;
	b->first_ms = sql_col_null(s, 0) ? -1 : sql_col_int(s, 0);
	b->last_ms = sql_col_null(s, 1) ? -1 : sql_col_int(s, 1);
	sql_reset(s);
	s = db_get(db, sql_head);
	r = sql_row(s, e);
	if (r == 1) {
		b->seals = sql_col_int(s, 0);
		p = sql_col_blob(s, 1, &n);
		if (n == sizeof b->head.bytes)
			memcpy(b->head.bytes, p, n);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int race_board_load(struct db *db, struct race_board *b, struct err *e)
{
	struct roster_agents agents = { 0 };
	int r = -1;

	*b = (struct race_board){ 0 };
	if (db_read_begin(db, e) != 0)
		return -1;
	if (roster_load_agents(db, &agents, e) != 0 || race_board_span(db, b, e) != 0)
		goto out;
	b->rows = mem_array(agents.n, sizeof *b->rows);
	for (size_t i = 0; i < agents.n; i++) {
		struct race_standing *row = &b->rows[b->n++];

		row->agent = (struct race_agent){ .id = agents.items[i].id,
						  .baseline = agents.items[i].baseline,
						  .status = agents.items[i].status,
						  .version = agents.items[i].version };
		memcpy(row->agent.name, agents.items[i].name, strlen(agents.items[i].name));
		row->kind = agents.items[i].spec.kind;
		if (race_load_standing(db, row, e) != 0)
			goto out;
	}
	race_against_hold(b, &agents);
	qsort(b->rows, b->n, sizeof *b->rows, race_compare);
	r = 0;
out:
	db_read_end(db);
	roster_release_agents(&agents);
	if (r != 0)
		race_board_release(b);
	return r;
}

void race_board_release(struct race_board *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->rows[i].curve);
	free(b->rows);
	*b = (struct race_board){ 0 };
}
