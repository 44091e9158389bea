#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "ledger_memo.h"
#include "mem.h"

#include "banned.h"

static const char sql_portfolio[] =
	"SELECT start_cash, cash, seq FROM portfolios WHERE agent_id = :agent";
static const char sql_positions[] = "SELECT asset_id, quantity, cost FROM positions WHERE "
				    "agent_id = :agent ORDER BY asset_id";
static const char sql_held[] = "SELECT 1 FROM positions WHERE asset_id = :asset LIMIT 1";
static const char sql_trade_add[] = "INSERT INTO trades (agent_id, seq, window_ms, idx, "
				    "fill_ms, asset_id, side, quantity, price, "
				    "fill_price, notional, fee, realised, cash_after, "
				    "position_after, cost_after) VALUES (:agent, "
				    ":seq, :window, :idx, :fill, :asset, :side, :quantity, "
				    ":price, :fill_price, :notional, :fee, "
				    ":realised, :cash, :position, :cost)";
static const char sql_cash_set[] = "UPDATE portfolios SET cash = :cash, seq = :seq WHERE "
				   "agent_id = :agent AND seq = :seq - 1";
static const char sql_position_set[] =
	"INSERT INTO positions (agent_id, asset_id, quantity, cost) VALUES (:agent, :asset, "
	":quantity, "
	":cost) ON CONFLICT (agent_id, asset_id) DO UPDATE SET quantity = excluded.quantity, "
	"cost = excluded.cost";
static const char sql_position_close[] =
	"DELETE FROM positions WHERE agent_id = :agent AND asset_id = :asset";
static const char sql_trades[] =
	"SELECT id, agent_id, window_ms, idx, fill_ms, asset_id, side, quantity, price, "
	"fill_price, "
	"notional, fee, realised, seq, cash_after, position_after, cost_after FROM trades "
	"WHERE agent_id = :agent ORDER BY seq";
static const char sql_decision_trades[] =
	"SELECT id, agent_id, window_ms, idx, fill_ms, asset_id, side, quantity, price, "
	"fill_price, "
	"notional, fee, realised, seq, cash_after, position_after, cost_after FROM trades "
	"WHERE agent_id = :agent AND window_ms = :window ORDER BY idx";
static const char sql_last[] = "SELECT fill_ms, window_ms FROM trades WHERE agent_id = "
			       ":agent ORDER BY seq DESC LIMIT 1";
static const char sql_last_trade[] =
	"SELECT fill_ms FROM trades WHERE asset_id = :asset AND agent_id = :agent "
	"AND seq <= :seq ORDER BY seq DESC LIMIT 1";
/* scan: every portfolio, and every position */
static const char sql_broken[] =
	"SELECT a.name FROM portfolios AS p JOIN agents AS a ON a.id = p.agent_id "
	"LEFT JOIN trades AS t ON t.agent_id = p.agent_id AND t.seq = p.seq "
	"WHERE (:agent IS NULL OR p.agent_id = :agent) AND "
	"(p.cash <> coalesce(t.cash_after, p.start_cash) OR (p.seq > 0 AND t.seq IS NULL) "
	"OR EXISTS (SELECT 1 FROM trades AS u WHERE u.agent_id = p.agent_id AND u.seq > p.seq) "
	"OR EXISTS (SELECT 1 FROM positions AS o WHERE o.agent_id = p.agent_id "
	"AND (o.quantity, o.cost) IS NOT (SELECT position_after, cost_after FROM trades AS l "
	"WHERE l.asset_id = o.asset_id AND l.agent_id = o.agent_id ORDER BY l.seq DESC LIMIT "
	"1))) "
	"ORDER BY a.name LIMIT 1";
static const char sql_snapshot_add[] = "INSERT INTO snapshots (agent_id, window_ms, phase, "
				       "cash, positions_value, unrealised, total, "
				       "unpriced) VALUES (:agent, :window, :phase, :cash, "
				       ":value, :unrealised, :total, :unpriced)";
static const char sql_snapshot[] =
	"SELECT agent_id, window_ms, phase, cash, positions_value, unrealised, total, unpriced "
	"FROM snapshots WHERE agent_id = :agent AND window_ms = :window AND phase = :phase";
static const char sql_first_snapshot[] =
	"SELECT agent_id, window_ms, phase, cash, positions_value, unrealised, total, unpriced "
	"FROM snapshots WHERE agent_id = :agent AND window_ms >= :from AND window_ms < :before "
	"ORDER BY window_ms, phase DESC LIMIT 1";
static const char sql_peak[] =
	"SELECT max(total) FROM snapshots WHERE agent_id = :agent AND window_ms < :before";
static const char sql_snapshots[] =
	"SELECT agent_id, window_ms, phase, cash, positions_value, unrealised, total, unpriced "
	"FROM snapshots WHERE agent_id = :agent ORDER BY window_ms, phase DESC";

static const char *const ledger_phases[] = { "pre", "post" };

const char *ledger_phase_name(enum ledger_phase p)
{
	return ledger_phases[p];
}

/* ------------------------------------------------------------------ portfolios */

static int ledger_load_row(struct db *db, int64_t agent_id, struct portfolio *p, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_portfolio);
	int r;

	portfolio_init(p);
	p->agent_id = agent_id;
	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	if (r == 0)
		return err_set(e, ERR_INTERNAL, "agent %lld: has no portfolio",
			       (long long)agent_id);
	if (r != 1)
		return -1;
	p->start_cash.u = sql_col_int(s, 0);
	p->cash.u = sql_col_int(s, 1);
	p->seq = sql_col_int(s, 2);
	sql_reset(s);
	return 0;
}

int ledger_held(struct db *db, int64_t asset_id, bool *held, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_held);
	int r;

	sql_int(s, ":asset", asset_id);
	r = sql_row(s, e);
	*held = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* When the agent last traded, and on which decision; -1 for never. */
static int ledger_last(struct db *db, int64_t agent_id, int64_t *fill_ms, int64_t *decided_ms,
		       struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_last);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*fill_ms = r == 1 ? sql_col_int(s, 0) : -1;
	*decided_ms = r == 1 ? sql_col_int(s, 1) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int ledger_load(struct db *db, int64_t agent_id, struct portfolio *p, struct err *e)
{
	struct ledger_book *book = ledger_book(db, agent_id);
	struct sql_stmt *s;
	int r;

	if (book != NULL) {
		portfolio_copy(p, &book->p);
		return 0;
	}
	if (ledger_load_row(db, agent_id, p, e) != 0)
		return -1;
	s = db_get(db, sql_positions);
	sql_int(s, ":agent", agent_id);
	while ((r = sql_row(s, e)) == 1) {
		struct portfolio_position *pos = portfolio_position(p, sql_col_int(s, 0));

		pos->quantity.u = sql_col_int(s, 1);
		pos->cost.u = sql_col_int(s, 2);
	}
	if (r == 0)
		book = ledger_keep(db, p);
	if (book != NULL)
		r = ledger_last(db, agent_id, &book->fill_ms, &book->decided_ms, e);
	if (r != 0)
		portfolio_release(p);
	return r;
}

struct ledger_until {
	int64_t fill_ms, decided_ms;
	struct portfolio *p;
};

static int ledger_fold(void *ctx, const struct ledger_trade *t, struct err *e)
{
	struct ledger_until *u = ctx;
	struct portfolio_position *pos;

	(void)e;
	if (t->fill_ms > u->fill_ms ||
	    (t->fill_ms == u->fill_ms && t->window_ms >= u->decided_ms))
		return 0;
	u->p->cash = t->fill.cash_after;
	u->p->seq = t->fill.seq;
	pos = portfolio_position(u->p, t->fill.asset_id);
	pos->quantity = t->fill.position_after;
	pos->cost = t->fill.cost_after;
	return 0;
}

int ledger_load_at(struct db *db, int64_t agent_id, int64_t fill_ms, int64_t decided_ms,
		   struct portfolio *p, struct err *e)
{
	const struct ledger_book *book = ledger_book(db, agent_id);
	struct ledger_until u = { fill_ms, decided_ms, p };
	int64_t filled, decided;

	if (book != NULL) {
		filled = book->fill_ms;
		decided = book->decided_ms;
	} else if (ledger_last(db, agent_id, &filled, &decided, e) != 0) {
		return -1;
	}
	/* who has not traded since has the books of then */
	if (filled < fill_ms || (filled == fill_ms && decided < decided_ms))
		return ledger_load(db, agent_id, p, e);
	if (ledger_load_row(db, agent_id, p, e) != 0)
		return -1;
	p->cash = p->start_cash;
	p->seq = 0;
	if (ledger_trades(db, agent_id, ledger_fold, &u, e) != 0) {
		portfolio_release(p);
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ trades */

static int ledger_insert_trade(struct db *db, const struct ledger_trade *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_trade_add);
	const struct portfolio_fill *f = &t->fill;

	sql_int(s, ":agent", t->agent_id);
	sql_int(s, ":seq", f->seq);
	sql_int(s, ":window", t->window_ms);
	sql_int(s, ":idx", t->idx);
	sql_int(s, ":fill", t->fill_ms);
	sql_int(s, ":asset", f->asset_id);
	sql_text(s, ":side", decision_side_name(f->side));
	sql_int(s, ":quantity", f->quantity.u);
	sql_int(s, ":price", f->price.u);
	sql_int(s, ":fill_price", f->fill.u);
	sql_int(s, ":notional", f->notional.u);
	sql_int(s, ":fee", f->fee.u);
	sql_int(s, ":realised", f->realised.u);
	sql_int(s, ":cash", f->cash_after.u);
	sql_int(s, ":position", f->position_after.u);
	sql_int(s, ":cost", f->cost_after.u);
	return sql_exec(s, e);
}

static int ledger_one_row(struct db *db, const char *what, int64_t agent_id, struct err *e)
{
	if (sql_changes(db_sql(db)) == 1)
		return 0;
	return err_set(e, ERR_INTERNAL, "agent %lld: %s did not follow on the last trade",
		       (long long)agent_id, what);
}

int ledger_add_trade(struct db *db, const struct ledger_trade *t, struct err *e)
{
	struct sql_stmt *s;

	if (ledger_insert_trade(db, t, e) != 0)
		return -1;
	s = db_get(db, sql_cash_set);
	sql_int(s, ":cash", t->fill.cash_after.u);
	sql_int(s, ":seq", t->fill.seq);
	sql_int(s, ":agent", t->agent_id);
	if (sql_exec(s, e) != 0 || ledger_one_row(db, "cash", t->agent_id, e) != 0)
		return -1;
	if (t->fill.position_after.u == 0) {
		s = db_get(db, sql_position_close);
	} else {
		s = db_get(db, sql_position_set);
		sql_int(s, ":quantity", t->fill.position_after.u);
		sql_int(s, ":cost", t->fill.cost_after.u);
	}
	sql_int(s, ":agent", t->agent_id);
	sql_int(s, ":asset", t->fill.asset_id);
	if (sql_exec(s, e) != 0 || ledger_one_row(db, "a position", t->agent_id, e) != 0)
		return -1;
	ledger_note_trade(db, t);
	return 0;
}

static int ledger_each_trade(struct sql_stmt *s, ledger_trade_fn *each, void *ctx,
			     struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct ledger_trade t = { .id = sql_col_int(s, 0),
					  .agent_id = sql_col_int(s, 1),
					  .window_ms = sql_col_int(s, 2),
					  .idx = sql_col_int(s, 3),
					  .fill_ms = sql_col_int(s, 4) };
		struct portfolio_fill *f = &t.fill;

		f->asset_id = sql_col_int(s, 5);
		f->side = sql_col_text(s, 6)[0] == 'b' ? DECISION_BUY : DECISION_SELL;
		f->quantity.u = sql_col_int(s, 7);
		f->price.u = sql_col_int(s, 8);
		f->fill.u = sql_col_int(s, 9);
		f->notional.u = sql_col_int(s, 10);
		f->fee.u = sql_col_int(s, 11);
		f->realised.u = sql_col_int(s, 12);
		f->seq = sql_col_int(s, 13);
		f->cash_after.u = sql_col_int(s, 14);
		f->position_after.u = sql_col_int(s, 15);
		f->cost_after.u = sql_col_int(s, 16);
		if (each(ctx, &t, e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r;
}

int ledger_trades(struct db *db, int64_t agent_id, ledger_trade_fn *each, void *ctx,
		  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_trades);

	sql_int(s, ":agent", agent_id);
	return ledger_each_trade(s, each, ctx, e);
}

int ledger_decision_trades(struct db *db, int64_t agent_id, int64_t window_ms,
			   ledger_trade_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_decision_trades);

	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	return ledger_each_trade(s, each, ctx, e);
}

int ledger_last_trade(struct db *db, int64_t agent_id, int64_t asset_id, int64_t seq,
		      int64_t *fill_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_last_trade);
	int r;

	sql_int(s, ":agent", agent_id);
	sql_int(s, ":asset", asset_id);
	sql_int(s, ":seq", seq);
	r = sql_row(s, e);
	*fill_ms = r == 1 ? sql_col_int(s, 0) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* ${agent_id} 0: of all. */
static int ledger_look(struct db *db, int64_t agent_id, char **agent, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_broken);
	int r;

	if (agent_id != 0)
		sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*agent = r == 1 ? mem_strdup(sql_col_text(s, 0)) : NULL;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int ledger_broken(struct db *db, char **agent, struct err *e)
{
	struct ledger_memo *m = ledger_remember(db);
	int r = 0;

	*agent = NULL;
	if (m == NULL || !m->sound)
		r = ledger_look(db, 0, agent, e);
	else
		for (size_t i = 0; i < m->n && r == 0 && *agent == NULL; i++)
			if (m->books[i].traded)
				r = ledger_look(db, m->books[i].p.agent_id, agent, e);
	if (m == NULL || r != 0)
		return r;
	m->sound = *agent == NULL;
	for (size_t i = 0; i < m->n && m->sound; i++)
		m->books[i].traded = false;
	return 0;
}

/* ------------------------------------------------------------------ snapshots */

int ledger_add_snapshot(struct db *db, const struct ledger_snapshot *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_snapshot_add);

	sql_int(s, ":agent", n->agent_id);
	sql_int(s, ":window", n->window_ms);
	sql_text(s, ":phase", ledger_phases[n->phase]);
	sql_int(s, ":cash", n->cash.u);
	sql_int(s, ":value", n->positions_value.u);
	sql_int(s, ":unrealised", n->unrealised.u);
	sql_int(s, ":total", n->total.u);
	sql_int(s, ":unpriced", n->unpriced);
	if (sql_exec(s, e) != 0)
		return -1;
	ledger_note_snapshot(db, n);
	return 0;
}

static void ledger_read_snapshot(struct sql_stmt *s, struct ledger_snapshot *n)
{
	n->agent_id = sql_col_int(s, 0);
	n->window_ms = sql_col_int(s, 1);
	n->phase = strcmp(sql_col_text(s, 2), "pre") == 0 ? LEDGER_PRE : LEDGER_POST;
	n->cash.u = sql_col_int(s, 3);
	n->positions_value.u = sql_col_int(s, 4);
	n->unrealised.u = sql_col_int(s, 5);
	n->total.u = sql_col_int(s, 6);
	n->unpriced = sql_col_int(s, 7);
}

static int ledger_one_snapshot(struct sql_stmt *s, struct ledger_snapshot *n, bool *found,
			       struct err *e)
{
	int r = sql_row(s, e);

	*found = r == 1;
	if (r == 1)
		ledger_read_snapshot(s, n);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int ledger_load_snapshot(struct db *db, int64_t agent_id, int64_t window_ms,
			 enum ledger_phase phase, struct ledger_snapshot *n, bool *found,
			 struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_snapshot);

	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	sql_text(s, ":phase", ledger_phases[phase]);
	return ledger_one_snapshot(s, n, found, e);
}

int ledger_first_snapshot(struct db *db, int64_t agent_id, int64_t from_ms, int64_t before_ms,
			  struct ledger_snapshot *n, bool *found, struct err *e)
{
	struct ledger_book *book = ledger_book(db, agent_id);
	struct sql_stmt *s;

	if (book != NULL && book->first_from_ms == from_ms &&
	    book->first.window_ms < before_ms) {
		*n = book->first;
		*found = true;
		return 0;
	}
	s = db_get(db, sql_first_snapshot);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":from", from_ms);
	sql_int(s, ":before", before_ms);
	if (ledger_one_snapshot(s, n, found, e) != 0)
		return -1;
	if (book != NULL && *found) {
		book->first_from_ms = from_ms;
		book->first = *n;
	}
	return 0;
}

int ledger_peak(struct db *db, int64_t agent_id, int64_t before_ms, struct money *peak,
		struct err *e)
{
	struct ledger_book *book = ledger_book(db, agent_id);
	struct sql_stmt *s;

	/* within a chunk windows only go on: all snapshots are before the one that asks */
	if (book != NULL && book->has_peak) {
		*peak = book->peak;
		return 0;
	}
	s = db_get(db, sql_peak);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":before", before_ms);
	if (sql_row(s, e) != 1)
		return -1;
	peak->u = sql_col_int(s, 0);
	sql_reset(s);
	if (book != NULL) {
		book->has_peak = true;
		book->peak = *peak;
	}
	return 0;
}

int ledger_snapshots(struct db *db, int64_t agent_id, ledger_snapshot_fn *each, void *ctx,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_snapshots);
	int r;

	sql_int(s, ":agent", agent_id);
	while ((r = sql_row(s, e)) == 1) {
		struct ledger_snapshot n;

		ledger_read_snapshot(s, &n);
		if (each(ctx, &n, e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r;
}
