#include "race_why_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

/*
 * What became of a decision. Every fill is booked once more, from the books that the trades
 * before it left, by the function that booked it then.
 */

static const char sql_start[] = "SELECT start_cash FROM portfolios WHERE agent_id = :agent";
static const char sql_cash[] =
	"SELECT cash_after FROM trades WHERE agent_id = :agent AND seq = :seq - 1";
static const char sql_held[] =
	"SELECT position_after, cost_after FROM trades WHERE asset_id = :asset "
	"AND agent_id = :agent AND seq < :seq ORDER BY seq DESC LIMIT 1";
static const char sql_number[] =
	"SELECT count(*) FROM executions WHERE (exec_ms, agent_id, window_ms) <= "
	"(:exec, :agent, :window)";
static const char sql_rejections[] =
	"SELECT count(*) FROM executions AS x CROSS JOIN orders AS o ON "
	"o.agent_id = x.agent_id AND o.window_ms = x.window_ms WHERE o.action = 'drop' "
	"AND (x.exec_ms, x.agent_id, x.window_ms) < (:exec, :agent, :window)";

/* ------------------------------------------------------------------ numbers */

static int why_count(struct db *db, const char *sql, const struct race_why_turn *t, int64_t *n,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql);

	sql_int(s, ":exec", t->x.exec_ms);
	sql_int(s, ":agent", t->x.agent_id);
	sql_int(s, ":window", t->x.window_ms);
	if (sql_row(s, e) != 1)
		return -1;
	*n = sql_col_int(s, 0);
	sql_reset(s);
	return 0;
}

static int why_numbers(struct db *db, struct race_why_turn *t, struct err *e)
{
	bool any = false;
	int64_t n = 0;

	for (size_t i = 0; i < t->n_orders; i++)
		any = any || t->orders[i].o.outcome.action == RISK_DROP;
	if (why_count(db, sql_number, t, &t->number, e) != 0 ||
	    (any && why_count(db, sql_rejections, t, &n, e) != 0))
		return -1;
	for (size_t i = 0; i < t->n_orders; i++)
		if (t->orders[i].o.outcome.action == RISK_DROP)
			t->orders[i].rejection = ++n;
	return 0;
}

/* ------------------------------------------------------------------ orders */

static bool why_same_order(const struct decision_order *a, const struct decision_order *b)
{
	return strcmp(a->asset, b->asset) == 0 && a->side == b->side &&
	       a->by_notional == b->by_notional && a->quantity.u == b->quantity.u &&
	       a->notional.u == b->notional.u && a->has_limit == b->has_limit &&
	       (!a->has_limit || a->limit.u == b->limit.u);
}

/* The orders that were carried out are those that were decided. */
static void why_check_orders(struct race_why *y, const struct race_why_turn *t)
{
	const struct decision *d = &t->v.d;

	if (t->x.end != VERDICT_EXECUTED && t->x.end != VERDICT_HALTED)
		return;
	if (t->n_orders != d->n_orders) {
		race_why_problem(y, "execution of %s: has %zu orders, should have %zu",
				 t->agent.name, t->n_orders, d->n_orders);
		return;
	}
	for (size_t i = 0; i < t->n_orders; i++)
		if (!why_same_order(&t->orders[i].o.order, &d->orders[i]))
			race_why_problem(y, "order %zu of %s: is not the one that was decided",
					 i, t->agent.name);
}

/* Price of the batch and after slippage, as far as there is one. */
static void why_price_order(const struct race_why_turn *t, const struct market_price *prices,
			    size_t n, struct race_why_order *o)
{
	for (size_t i = 0; i < t->w.n_assets; i++)
		for (size_t k = 0; k < n; k++)
			if (prices[k].asset_id == t->w.assets[i].id &&
			    strcmp(t->w.assets[i].symbol, o->o.order.asset) == 0)
				o->price = prices[k].price;
	if (o->price.u > 0 &&
	    portfolio_fill_price(&t->costs, o->o.order.side, o->price, &o->fill) != 0)
		o->fill.u = 0;
}

static int why_take_orders(struct race_why *y, struct db *db, struct race_why_turn *t,
			   struct err *e)
{
	struct market_price *prices = NULL;
	size_t n = 0;
	int r = market_prices(db, t->x.exec_ms, &prices, &n, e);

	t->n_orders = t->x.n_orders;
	t->orders = mem_array(t->n_orders, sizeof *t->orders);
	for (size_t i = 0; i < t->n_orders && r == 0; i++) {
		t->orders[i].o = t->x.orders[i];
		why_price_order(t, prices, n, &t->orders[i]);
	}
	free(prices);
	why_check_orders(y, t);
	return r;
}

/* ------------------------------------------------------------------ the books before */

static int why_one(struct sql_stmt *s, int64_t *a, int64_t *b, bool *found, struct err *e)
{
	int r = sql_row(s, e);

	*found = r == 1;
	if (r == 1) {
		*a = sql_col_int(s, 0);
		if (b != NULL)
			*b = sql_col_int(s, 1);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int why_cash_before(struct race_why *y, struct db *db, const struct ledger_trade *t,
			   struct money *cash, struct err *e)
{
	struct sql_stmt *s = db_get(db, t->fill.seq > 1 ? sql_cash : sql_start);
	bool found;

	sql_int(s, ":agent", t->agent_id);
	if (t->fill.seq > 1)
		sql_int(s, ":seq", t->fill.seq);
	if (why_one(s, &cash->u, NULL, &found, e) != 0)
		return -1;
	if (!found)
		race_why_problem(y, "trade %lld: the agent's trade before it is missing",
				 (long long)t->id);
	return 0;
}

static int why_held_before(struct db *db, const struct ledger_trade *t,
			   struct race_why_order *o, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_held);
	bool found;

	sql_int(s, ":asset", t->fill.asset_id);
	sql_int(s, ":agent", t->agent_id);
	sql_int(s, ":seq", t->fill.seq);
	return why_one(s, &o->held_before.u, &o->cost_before.u, &found, e);
}

/* ------------------------------------------------------------------ fills */

static void why_compare_fill(struct race_why *y, const struct ledger_trade *t,
			     const struct portfolio_fill *again)
{
	const struct portfolio_fill *f = &t->fill;
	const struct {
		const char *name;
		int64_t is, should;
		int scale;
	} fields[] = {
		{ "fill price", f->fill.u, again->fill.u, PRICE_SCALE },
		{ "notional", f->notional.u, again->notional.u, MONEY_SCALE },
		{ "fee", f->fee.u, again->fee.u, MONEY_SCALE },
		{ "realised", f->realised.u, again->realised.u, MONEY_SCALE },
		{ "cash after", f->cash_after.u, again->cash_after.u, MONEY_SCALE },
		{ "position after", f->position_after.u, again->position_after.u,
		  QUANTITY_SCALE },
		{ "cost after", f->cost_after.u, again->cost_after.u, MONEY_SCALE },
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		race_why_compare(y, fields[i].is, fields[i].should, fields[i].scale,
				 "trade %lld: %s", (long long)t->id, fields[i].name);
	}
}

/* The trade is that of its order, at the price of its batch. */
static void why_check_trade(struct race_why *y, const struct race_why_turn *t,
			    const struct race_why_order *o)
{
	const struct ledger_trade *d = &o->t;

	if (d->fill_ms != t->x.exec_ms || d->fill.side != o->o.order.side)
		race_why_problem(y, "trade %lld: is not that of its order", (long long)d->id);
	race_why_compare(y, d->fill.quantity.u, o->o.outcome.quantity.u, QUANTITY_SCALE,
			 "trade %lld: quantity", (long long)d->id);
	race_why_compare(y, d->fill.price.u, o->price.u, PRICE_SCALE, "trade %lld: price",
			 (long long)d->id);
}

/* Book it again. */
static int why_book(struct race_why *y, struct db *db, const struct race_why_turn *t,
		    struct race_why_order *o, struct err *e)
{
	const struct portfolio_fill *f = &o->t.fill;
	struct portfolio_position *held;
	struct portfolio p;

	if (why_cash_before(y, db, &o->t, &o->cash_before, e) != 0 ||
	    why_held_before(db, &o->t, o, e) != 0)
		return -1;
	why_check_trade(y, t, o);
	portfolio_init(&p);
	p.agent_id = o->t.agent_id;
	p.seq = f->seq - 1;
	p.cash = o->cash_before;
	held = portfolio_position(&p, f->asset_id);
	held->quantity = o->held_before;
	held->cost = o->cost_before;
	o->possible = portfolio_apply(&p, &t->costs, f->asset_id, f->side, f->quantity,
				      f->price, &o->again) == PORTFOLIO_OK;
	portfolio_release(&p);
	if (!o->possible) {
		race_why_problem(y, "trade %lld: is not possible with the books before it",
				 (long long)o->t.id);
		return 0;
	}
	if (f->side == DECISION_SELL)
		money_sub(o->cost_before, o->again.cost_after, &o->cost_removed);
	why_compare_fill(y, &o->t, &o->again);
	return 0;
}

struct why_fills {
	struct race_why *y;
	struct race_why_turn *t;
};

static int why_take_trade(void *ctx, const struct ledger_trade *trade, struct err *e)
{
	struct why_fills *f = ctx;

	(void)e;
	if ((size_t)trade->idx >= f->t->n_orders) {
		race_why_problem(f->y, "trade %lld: there is no such order",
				 (long long)trade->id);
		return 0;
	}
	f->t->orders[trade->idx].t = *trade;
	f->t->orders[trade->idx].traded = true;
	return 0;
}

/* Cash from the first to the last of the trades of the decision. */
static void why_check_cash(struct race_why *y, const struct race_why_turn *t)
{
	struct money cash = t->x.cash_before;
	size_t n = 0;

	for (size_t i = 0; i < t->n_orders; i++) {
		const struct race_why_order *o = &t->orders[i];

		if (o->o.filled != o->traded)
			race_why_problem(y, "order %zu of %s: %s", i, t->agent.name,
					 o->traded ? "was dropped and has a trade"
						   : "was filled and has no trade");
		if (!o->traded)
			continue;
		race_why_compare(y, o->cash_before.u, cash.u, MONEY_SCALE,
				 "trade %lld: cash before", (long long)o->t.id);
		cash = o->t.fill.cash_after;
		n++;
	}
	if (n != t->x.n_trades)
		race_why_problem(y, "execution of %s: has %zu trades, should have %zu",
				 t->agent.name, n, t->x.n_trades);
	race_why_compare(y, t->x.cash_after.u, cash.u, MONEY_SCALE,
			 "execution of %s: cash after", t->agent.name);
}

static int why_fill_orders(struct race_why *y, struct db *db, struct race_why_turn *t,
			   struct err *e)
{
	struct why_fills f = { y, t };

	if (ledger_decision_trades(db, t->x.agent_id, t->x.window_ms, why_take_trade, &f, e) !=
	    0)
		return -1;
	for (size_t i = 0; i < t->n_orders; i++)
		if (t->orders[i].traded && why_book(y, db, t, &t->orders[i], e) != 0)
			return -1;
	why_check_cash(y, t);
	return 0;
}

int race_why_carried(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e)
{
	const struct config *c = &t->w.config;

	if (verdict_load_execution(db, t->v.agent_id, t->window_ms, &t->x, &t->carried, e) != 0)
		return -1;
	if (!t->carried)
		return 0;
	if (race_open_read(db, t->x.exec_ms, &t->w, e) != 0 ||
	    race_why_add_batch(y, db, t->x.exec_ms, e) != 0)
		return -1;
	t->costs.fee_e8 = config_e8(c, CONFIG_TRADE_FEE_BPS);
	t->costs.slippage_e8 = config_e8(c, CONFIG_TRADE_SLIPPAGE_BPS);
	if (why_take_orders(y, db, t, e) != 0 || why_numbers(db, t, e) != 0 ||
	    why_fill_orders(y, db, t, e) != 0 || race_why_rules(y, db, t, e) != 0)
		return -1;
	if (ledger_load_snapshot(db, t->x.agent_id, t->x.exec_ms, LEDGER_PRE, &t->pre,
				 &t->has_pre, e) != 0)
		return -1;
	return ledger_load_snapshot(db, t->x.agent_id, t->x.exec_ms, LEDGER_POST, &t->post,
				    &t->has_post, e);
}
