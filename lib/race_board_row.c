#include "race_board_part.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One row of the board: the curve of an agent with one sample per window (after its trades, if
 * it had any), its trades, answers and costs. A year of windows is a hundred thousand samples,
 * so the statements give no more columns than are used, in the order of the key: `post` comes
 * before `pre`.
 */

static const char sql_samples[] =
	"SELECT window_ms, total, positions_value FROM snapshots "
	"WHERE agent_id = :agent AND window_ms >= :from AND window_ms < :before "
	"ORDER BY window_ms, phase";
static const char sql_before[] = "SELECT total FROM snapshots "
				 "WHERE agent_id = :agent AND window_ms < :from "
				 "ORDER BY window_ms DESC, phase LIMIT 1";
static const char sql_fills[] =
	"SELECT asset_id, side = 'sell', position_after, notional, fee, realised, "
	"fill_ms > window_ms FROM trades "
	"WHERE agent_id = :agent AND fill_ms >= :from AND fill_ms < :before ORDER BY seq";
static const char sql_answers[] = "SELECT status, count(*) FROM decisions "
				  "WHERE agent_id = :agent AND window_ms >= :from "
				  "AND window_ms < :before AND origin = 'agent' "
				  "GROUP BY status";
static const char sql_thinking[] =
	"SELECT coalesce(sum(cost), 0) FROM answers "
	"WHERE agent_id = :agent AND window_ms >= :from AND window_ms < :before";

struct race_curve {
	int64_t *equity, *gross, *windows;
	uint32_t *carried; /* windows that were not run, and the sample stands for */
	size_t n, cap;
	struct metrics_trade *trades;
	size_t n_trades, cap_trades;
	size_t next; /* trades that filled a window later */
};

struct race_sample {
	int64_t window_ms, total, gross;
};

static struct sql_stmt *race_row_get(struct db *db, const char *sql,
				     const struct race_standing *row, int64_t from_ms,
				     int64_t before_ms)
{
	struct sql_stmt *s = db_get(db, sql);

	sql_int(s, ":agent", row->agent.id);
	sql_int(s, ":from", from_ms);
	sql_int(s, ":before", before_ms);
	return s;
}

static void race_curve_add(struct race_curve *c, const struct race_sample *s, uint32_t carried)
{
	if (c->n == c->cap) {
		c->cap = c->cap * 2 + 64;
		c->equity = mem_resize(c->equity, c->cap, sizeof *c->equity);
		c->gross = mem_resize(c->gross, c->cap, sizeof *c->gross);
		c->windows = mem_resize(c->windows, c->cap, sizeof *c->windows);
		c->carried = mem_resize(c->carried, c->cap, sizeof *c->carried);
	}
	c->equity[c->n] = s->total;
	c->gross[c->n] = s->gross;
	c->windows[c->n] = s->window_ms;
	c->carried[c->n++] = carried;
}

/* A window with its value before and after its trades. Those before it that were not run carry
 * the position, which is marked with the next price: this one's, before its trades. */
static void race_curve_window(struct race_curve *c, const struct race_sample *pre,
			      const struct race_sample *post)
{
	if (c->n > 0) {
		int64_t gap = (post->window_ms - c->windows[c->n - 1]) / TSTAMP_WINDOW_MS - 1;
		struct race_sample carried = *pre;

		carried.window_ms -= TSTAMP_WINDOW_MS;
		if (gap > 0)
			race_curve_add(c, &carried,
				       gap > UINT32_MAX ? UINT32_MAX : (uint32_t)gap);
	}
	race_curve_add(c, post, 0);
}

static int race_load_curve(struct sql_stmt *s, struct race_curve *c, struct err *e)
{
	struct race_sample first = { .window_ms = -1 }, last = { 0 };
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct race_sample now = { sql_col_int(s, 0), sql_col_int(s, 1),
					   sql_col_int(s, 2) };

		/* after `post` of a window comes its `pre` */
		if (first.window_ms >= 0 && now.window_ms != first.window_ms)
			race_curve_window(c, &last, &first);
		if (now.window_ms != first.window_ms)
			first = now;
		last = now;
	}
	if (r == 0 && first.window_ms >= 0)
		race_curve_window(c, &last, &first);
	return r;
}

static int race_load_fills(struct sql_stmt *s, struct race_curve *c, struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1) {
		if (c->n_trades == c->cap_trades) {
			c->cap_trades = c->cap_trades * 2 + 16;
			c->trades = mem_resize(c->trades, c->cap_trades, sizeof *c->trades);
		}
		c->trades[c->n_trades++] =
			(struct metrics_trade){ .asset_id = sql_col_int(s, 0),
						.side = sql_col_int(s, 1) ? DECISION_SELL
									  : DECISION_BUY,
						.position_after.u = sql_col_int(s, 2),
						.notional.u = sql_col_int(s, 3),
						.fee.u = sql_col_int(s, 4),
						.realised.u = sql_col_int(s, 5) };
		c->next += sql_col_int(s, 6) != 0;
	}
	return r;
}

static int race_count_turns(struct sql_stmt *s, struct race_standing *row, struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1)
		for (int i = 0; i < DECISION_STATUSES; i++)
			if (strcmp(sql_col_text(s, 0),
				   decision_status_name((enum decision_status)i)) == 0)
				row->causes[i] = sql_col_int(s, 1);
	return r;
}

/* What the span begins with: the last value before it, else the starting cash. */
static int race_row_start(struct db *db, int64_t from_ms, struct race_standing *row,
			  struct err *e)
{
	struct portfolio p;
	struct sql_stmt *s;
	int r;

	if (ledger_load(db, row->agent.id, &p, e) != 0)
		return -1;
	row->start = p.start_cash;
	portfolio_release(&p);
	s = db_get(db, sql_before);
	sql_int(s, ":agent", row->agent.id);
	sql_int(s, ":from", from_ms);
	r = sql_row(s, e);
	if (r == 1)
		row->start.u = sql_col_int(s, 0);
	sql_reset(s);
	row->total = row->start;
	row->window_ms = row->first_ms = -1;
	return r < 0 ? -1 : 0;
}

static int race_row_thinking(struct sql_stmt *s, struct race_standing *row, struct err *e)
{
	if (sql_row(s, e) != 1)
		return -1;
	row->thinking.u = sql_col_int(s, 0);
	sql_reset(s);
	return 0;
}

static void race_row_measure(struct race_standing *row, const struct race_curve *c, bool par)
{
	struct metrics_input in = { .interval_s = TSTAMP_WINDOW_MS / 1000 };

	if (c->n > 0) {
		row->total.u = c->equity[c->n - 1];
		row->window_ms = c->windows[c->n - 1];
		row->first_ms = c->windows[0];
	}
	in.start = row->start;
	in.equity = c->equity;
	in.gross = c->gross;
	in.carried = c->carried;
	in.n = c->n;
	in.trades = c->trades;
	in.n_trades = c->n_trades;
	memcpy(in.turns, row->causes, sizeof in.turns);
	/* nothing costs nothing in any currency */
	in.thinking.defined = par || row->thinking.u == 0;
	in.thinking.v = (double)row->thinking.u;
	metrics_compute(&in, &row->m);
	row->turns = row->m.turns;
	row->valid = row->m.valid;
	if (c->n_trades > 0)
		row->fill = c->next == 0 ? "batch" : c->next < c->n_trades ? "mixed" : "next";
}

int race_board_row(struct db *db, int64_t from_ms, int64_t before_ms, bool par,
		   struct race_standing *row, struct err *e)
{
	int64_t from = from_ms < 0 ? 0 : from_ms,
		before = before_ms < 0 ? INT64_MAX : before_ms;
	struct race_curve c = { 0 };
	int r = -1;

	if (race_row_start(db, from, row, e) != 0 ||
	    race_load_curve(race_row_get(db, sql_samples, row, from, before), &c, e) != 0 ||
	    race_load_fills(race_row_get(db, sql_fills, row, from, before), &c, e) != 0 ||
	    race_count_turns(race_row_get(db, sql_answers, row, from, before), row, e) != 0 ||
	    race_row_thinking(race_row_get(db, sql_thinking, row, from, before), row, e) != 0)
		goto out;
	race_row_measure(row, &c, par);
	row->curve = c.equity;
	row->windows = c.windows;
	row->carried = c.carried;
	row->n_curve = c.n;
	c.equity = c.windows = NULL;
	c.carried = NULL;
	r = 0;
out:
	free(c.equity);
	free(c.gross);
	free(c.windows);
	free(c.carried);
	free(c.trades);
	return r;
}
