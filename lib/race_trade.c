#include "race.h"

#include <stdlib.h>

#include "ident.h"
#include "mem.h"
#include "race_rules.h"
#include "wire.h"

#include "banned.h"

/*
 * Carrying out decisions. Each is one transaction: risk is looked at order by order against the
 * books as the orders before it left them, and execution, orders, trades and caches are stored
 * together or not at all. The primary key of executions makes it once.
 */

struct race_fills {
	struct db *db;
	const struct race_window *w;
	struct market_price *prices;
	size_t n_prices;
	struct portfolio_costs costs;
	int64_t at_ms;
};

static int race_fills_init(struct race_fills *f, struct db *db, const struct race_window *w,
			   int64_t at_ms, struct err *e)
{
	*f = (struct race_fills){ .db = db, .w = w, .at_ms = at_ms };
	f->costs.fee_e8 = config_e8(&w->config, CONFIG_TRADE_FEE_BPS);
	f->costs.slippage_e8 = config_e8(&w->config, CONFIG_TRADE_SLIPPAGE_BPS);
	return market_prices(db, w->window_ms, &f->prices, &f->n_prices, e);
}

/* ------------------------------------------------------------------ executing */

static int race_fill_order(struct race_rules *rules, struct portfolio *p,
			   struct verdict_order *o, size_t index, struct err *e)
{
	if (race_rules_check(rules, p, &o->order, index, &o->outcome, e) != 0)
		return -1;
	if (o->outcome.action == RISK_DROP)
		return 0;
	if (portfolio_apply(p, &rules->costs, rules->moment.asset_id, o->order.side,
			    o->outcome.quantity, rules->moment.price, &o->fill) != PORTFOLIO_OK)
		return err_set(e, ERR_INTERNAL,
			       "agent %s: order %zu passed risk but cannot be booked",
			       rules->agent, index);
	o->filled = true;
	return 0;
}

static int race_fill_orders(struct race_fills *f, const struct race_agent *a,
			    const struct verdict *v, bool halted, struct portfolio *p,
			    struct verdict_execution *x, struct err *e)
{
	struct race_rules rules = { .db = f->db,
				    .w = f->w,
				    .prices = f->prices,
				    .n_prices = f->n_prices,
				    .costs = f->costs,
				    .agent = a->name,
				    .baseline = a->baseline,
				    .halted = halted,
				    .seen = RACE_RULES_SEEN_ALL };

	if (race_rules_start(&rules, p, e) != 0)
		return -1;
	x->n_orders = v->d.n_orders;
	x->orders = mem_array(x->n_orders, sizeof *x->orders);
	for (size_t i = 0; i < x->n_orders; i++) {
		x->orders[i].order = v->d.orders[i];
		if (race_fill_order(&rules, p, &x->orders[i], i, e) != 0)
			return -1;
		x->n_trades += x->orders[i].filled;
	}
	return 0;
}

static int race_store_trades(struct race_fills *f, const struct verdict_execution *x,
			     struct err *e)
{
	for (size_t i = 0; i < x->n_orders; i++) {
		struct ledger_trade t = { .agent_id = x->agent_id,
					  .window_ms = x->window_ms,
					  .idx = (int64_t)i,
					  .fill_ms = x->exec_ms,
					  .fill = x->orders[i].fill };

		if (x->orders[i].filled && ledger_add_trade(f->db, &t, e) != 0)
			return -1;
	}
	return 0;
}

/* How a decision ends in this window, before its orders are looked at. */
static enum verdict_end race_end_of(const struct race_window *w, const struct verdict *v,
				    bool halted, int64_t now_ms)
{
	if (v->d.status != DECISION_OK && v->d.status != DECISION_HOLD)
		return VERDICT_VOID;
	if (v->fill_ms < w->window_ms || race_over(w, now_ms))
		return VERDICT_EXPIRED;
	return halted && v->d.n_orders > 0 ? VERDICT_HALTED : VERDICT_EXECUTED;
}

/* Inside the transaction. */
static int race_carry_out(struct race_fills *f, const struct race_agent *a, int64_t decided_ms,
			  struct err *e)
{
	struct verdict_execution x = { .agent_id = a->id,
				       .window_ms = decided_ms,
				       .exec_ms = f->w->window_ms };
	struct portfolio p;
	struct verdict v;
	bool found, halted = false;
	int r = -1;

	portfolio_init(&p);
	if (verdict_load(f->db, a->id, decided_ms, &v, &found, e) != 0)
		return -1;
	if (!found || v.executed) {
		verdict_release(&v);
		return 0;
	}
	if (ledger_load(f->db, a->id, &p, e) != 0 ||
	    roster_halted(f->db, &halted, NULL, NULL, e) != 0)
		goto out;
	x.cash_before = p.cash;
	x.end = race_end_of(f->w, &v, halted, f->at_ms);
	if ((x.end == VERDICT_EXECUTED || x.end == VERDICT_HALTED) &&
	    race_fill_orders(f, a, &v, halted, &p, &x, e) != 0)
		goto out;
	x.cash_after = p.cash;
	if (verdict_add_execution(f->db, &x, e) != 0 || race_store_trades(f, &x, e) != 0)
		goto out;
	r = 0;
out:
	verdict_release_execution(&x);
	portfolio_release(&p);
	verdict_release(&v);
	return r;
}

/* The decisions of an agent in [from, to] that wait, each in its own transaction. */
static int race_carry_agent(struct race_fills *f, const struct race_agent *a, int64_t from_ms,
			    int64_t to_ms, struct err *e)
{
	int64_t *windows = NULL;
	size_t n = 0;
	int r = verdict_waiting(f->db, a->id, from_ms, to_ms, f->w->window_ms, &windows, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		if (db_begin(f->db, e) != 0) {
			r = -1;
			break;
		}
		r = race_check_open(f->db, f->w, e);
		if (r == 0)
			r = race_carry_out(f, a, windows[i], e);
		r = db_end(f->db, r, e);
		if (r != 0)
			err_prefix(e, "agent %s", a->name);
	}
	free(windows);
	return r;
}

/* ------------------------------------------------------------------ stages */

static int race_stage_done(struct race_fills *f, const char *stage, struct err *e)
{
	bool done;
	int r;

	if (db_begin(f->db, e) != 0)
		return -1;
	r = journal_done(f->db, f->w->window_ms, stage, &done, e);
	if (r == 0 && !done) {
		r = race_check_open(f->db, f->w, e);
		if (r == 0)
			r = journal_complete(f->db, f->w->window_ms, stage, &f->w->pin_hash, "",
					     f->at_ms, e);
	}
	return db_end(f->db, r, e);
}

/* Whether any agent has a decision made in [from, to] that this window should carry out. */
static int race_any_waits(struct db *db, const struct race_window *w, int64_t from_ms,
			  int64_t to_ms, bool *waits, struct err *e)
{
	*waits = false;
	for (size_t i = 0; i < w->n_agents && !*waits; i++) {
		int64_t *windows = NULL;
		size_t n = 0;
		int r = verdict_waiting(db, w->agents[i].id, from_ms, to_ms, w->window_ms,
					&windows, &n, e);

		free(windows);
		if (r != 0)
			return -1;
		*waits = n > 0;
	}
	return 0;
}

/* From when decisions may wait: settling carries out or expires all before it, so it is the
 * last window that settled. The one before may have failed. */
static int race_settle_from(struct db *db, const struct race_window *w, int64_t *from_ms,
			    struct err *e)
{
	return journal_last_done(db, w->window_ms, "settle", from_ms, e);
}

int race_waiting(struct db *db, const struct race_window *w, bool *waiting, struct err *e)
{
	int64_t from_ms;

	if (race_settle_from(db, w, &from_ms, e) != 0)
		return -1;
	return race_any_waits(db, w, from_ms, w->window_ms - 1, waiting, e);
}

/* Decisions of earlier windows: those that fill here, and those whose moment has passed. */
static int race_settle_all(struct race_fills *f, struct err *e)
{
	int64_t from_ms;
	bool done;

	if (journal_done(f->db, f->w->window_ms, "settle", &done, e) != 0)
		return -1;
	if (done)
		return 0;
	if (race_settle_from(f->db, f->w, &from_ms, e) != 0)
		return -1;
	for (size_t i = 0; i < f->w->n_agents; i++)
		if (race_carry_agent(f, &f->w->agents[i], from_ms, f->w->window_ms - 1, e) != 0)
			return -1;
	return race_stage_done(f, "settle", e);
}

/* Records of what the window carried out, of decisions made in [from, to]. */
static int race_print_executions(struct race_fills *f, int64_t from_ms, int64_t to_ms,
				 const char *const *names, size_t n_names, struct buf *out,
				 struct err *e)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < f->w->n_agents && r == 0; i++) {
		const struct race_agent *a = &f->w->agents[i];
		int64_t *windows = NULL;
		size_t n = 0;

		if (!ident_listed(names, n_names, a->name))
			continue;
		r = verdict_carried(f->db, f->w->window_ms, a->id, &windows, &n, e);
		for (size_t k = 0; k < n && r == 0; k++) {
			struct verdict_execution x;
			bool found;

			if (windows[k] < from_ms || windows[k] > to_ms)
				continue;
			r = verdict_load_execution(f->db, a->id, windows[k], &x, &found, e);
			if (r == 0)
				r = race_record_execution(f->db, out, a, &x, e);
			verdict_release_execution(&x);
			count++;
		}
		free(windows);
	}
	if (r == 0)
		wire_end(out, f->w->window_ms, count);
	return r;
}

static int race_need_batch(struct db *db, const struct race_window *w, struct err *e)
{
	bool exists;

	if (market_batch_exists(db, w->window_ms, &exists, e) != 0)
		return -1;
	return exists ? 0
		      : err_set(e, ERR_NOTFOUND,
				"window: has no batch yet; run tr-ingest first");
}

int race_settle(struct db *db, const struct race_window *w, int64_t at_ms, struct buf *out,
		struct err *e)
{
	struct race_fills f;
	int r = -1;

	if (race_need_batch(db, w, e) != 0 || race_fills_init(&f, db, w, at_ms, e) != 0)
		return -1;
	if (!w->sealed && race_settle_all(&f, e) != 0)
		goto out;
	r = out != NULL ? race_print_executions(&f, 0, w->window_ms - 1, NULL, 0, out, e) : 0;
out:
	free(f.prices);
	return r;
}

int race_trade(struct db *db, const struct race_window *w, const char *const *agents,
	       size_t n_agents, int64_t at_ms, struct buf *out, struct err *e)
{
	struct race_fills f;
	int64_t first_ms = agents == NULL ? 0 : w->window_ms;
	bool decided = false, waits = false;
	int r = -1;

	for (size_t i = 0; i < n_agents; i++)
		if (race_find_agent(w, agents[i], e) == NULL)
			return -1;
	if (race_need_batch(db, w, e) != 0 || race_fills_init(&f, db, w, at_ms, e) != 0)
		return -1;
	if (!w->sealed) {
		if (race_settle_all(&f, e) != 0)
			goto out;
		for (size_t i = 0; i < w->n_agents; i++) {
			if (!ident_listed(agents, n_agents, w->agents[i].name))
				continue;
			if (race_carry_agent(&f, &w->agents[i], w->window_ms, w->window_ms,
					     e) != 0)
				goto out;
		}
		/* done only when nobody can still decide on this batch */
		if (journal_done(db, w->window_ms, "decide", &decided, e) != 0 ||
		    race_any_waits(db, w, w->window_ms, w->window_ms, &waits, e) != 0)
			goto out;
		if (decided && !waits && race_stage_done(&f, "trade", e) != 0)
			goto out;
	}
	r = out != NULL ? race_print_executions(&f, first_ms, w->window_ms, agents, n_agents,
						out, e)
			: 0;
out:
	free(f.prices);
	return r;
}
