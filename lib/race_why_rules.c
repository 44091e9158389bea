#include "race_why_part.h"

#include <stdio.h>
#include <stdlib.h>

#include "race_rules.h"
#include "tstamp.h"

#include "banned.h"

/*
 * The rules looked at once more: the same limits, the same moment, the books as they were
 * before the decision. What risk_check says to each order must be what was stored, and the
 * numbers that it went by are put in words.
 */

struct why_rules {
	struct race_why *y;
	struct race_why_turn *t;
	struct race_rules r;
	struct portfolio p;
};

/* ------------------------------------------------------------------ in words */

static const char *money_text(struct money m, char out[DECIMAL_TEXT_MAX])
{
	return decimal_format(m.u, MONEY_SCALE, out);
}

/* "25 % of 100000 = 25000, at 100 each 250" */
static void say_share(const struct why_rules *u, const struct race_why_order *o,
		      enum config_key key, struct price price, const char *less,
		      struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], c[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
	struct quantity units;
	struct money allowed;

	(void)o;
	if (money_rate(u->r.moment.equity, config_e8(&u->t->w.config, key), DECIMAL_DOWN,
		       &allowed) != 0 ||
	    price.u <= 0 || quantity_of(allowed, price, DECIMAL_DOWN, &units) != 0)
		return;
	snprintf(r->detail, sizeof r->detail, "%s %% of %s = %s, at %s each %s%s",
		 config_text(&u->t->w.config, key), money_text(u->r.moment.equity, a),
		 money_text(allowed, b), decimal_format(price.u, PRICE_SCALE, c),
		 decimal_format(units.u, QUANTITY_SCALE, d), less);
}

static void say_max_order(const struct why_rules *u, const struct race_why_order *o,
			  struct race_why_rule *r)
{
	say_share(u, o, CONFIG_RISK_MAX_ORDER_PCT, o->fill, "", r);
}

static struct quantity why_held(const struct why_rules *u)
{
	const struct portfolio_position *held = portfolio_find(&u->p, u->r.moment.asset_id);

	return held != NULL ? held->quantity : (struct quantity){ 0 };
}

static void say_max_position(const struct why_rules *u, const struct race_why_order *o,
			     struct race_why_rule *r)
{
	char held[DECIMAL_TEXT_MAX], less[DECIMAL_TEXT_MAX + 24];

	snprintf(less, sizeof less, ", of which %s held",
		 decimal_format(why_held(u).u, QUANTITY_SCALE, held));
	say_share(u, o, CONFIG_RISK_MAX_POSITION_PCT, o->price, less, r);
}

static void say_affordable(const struct why_rules *u, const struct race_why_order *o,
			   struct money reserve, struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], c[DECIMAL_TEXT_MAX];
	struct money budget;

	if (money_sub(u->p.cash, reserve, &budget) != 0 || o->price.u <= 0)
		return;
	snprintf(r->detail, sizeof r->detail, "%s of cash%s%s pay for %s with fee",
		 money_text(u->p.cash, a), reserve.u > 0 ? " less " : "",
		 reserve.u > 0 ? money_text(reserve, b) : "",
		 decimal_format(portfolio_affordable(&u->t->costs, budget, o->price).u,
				QUANTITY_SCALE, c));
}

static void say_reserve(const struct why_rules *u, const struct race_why_order *o,
			struct race_why_rule *r)
{
	say_affordable(u, o, u->r.limits.cash_reserve, r);
}

static void say_cash(const struct why_rules *u, const struct race_why_order *o,
		     struct race_why_rule *r)
{
	say_affordable(u, o, (struct money){ 0 }, r);
}

static void say_held(const struct why_rules *u, const struct race_why_order *o,
		     struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX];

	(void)o;
	snprintf(r->detail, sizeof r->detail, "%s held",
		 decimal_format(why_held(u).u, QUANTITY_SCALE, a));
}

static void say_limit(const struct why_rules *u, const struct race_why_order *o,
		      struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], c[DECIMAL_TEXT_MAX];

	(void)u;
	snprintf(r->detail, sizeof r->detail, "limit %s, price %s, after slippage %s",
		 decimal_format(o->o.order.limit.u, PRICE_SCALE, a),
		 decimal_format(o->price.u, PRICE_SCALE, b),
		 decimal_format(o->fill.u, PRICE_SCALE, c));
}

static void say_index(const struct why_rules *u, const struct race_why_order *o,
		      struct race_why_rule *r)
{
	(void)o;
	snprintf(r->detail, sizeof r->detail, "order %lld, counted from 0",
		 (long long)u->r.moment.order_index);
}

static void say_cooldown(const struct why_rules *u, const struct race_why_order *o,
			 struct race_why_rule *r)
{
	char at[TSTAMP_TEXT_MAX], now[TSTAMP_TEXT_MAX];

	(void)o;
	snprintf(r->detail, sizeof r->detail, "last traded at %s, now %s",
		 tstamp_format(u->r.moment.last_trade_ms, at),
		 tstamp_format(u->r.moment.now_ms, now));
}

static void say_day(const struct why_rules *u, const struct race_why_order *o,
		    struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], c[DECIMAL_TEXT_MAX];

	(void)o;
	snprintf(r->detail, sizeof r->detail,
		 "the day began with %s, now %s: more than %s less",
		 money_text(u->r.moment.day_equity, a), money_text(u->r.moment.equity, b),
		 money_text(u->r.limits.daily_loss, c));
}

static void say_peak(const struct why_rules *u, const struct race_why_order *o,
		     struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];

	(void)o;
	snprintf(r->detail, sizeof r->detail, "at the most %s, now %s",
		 money_text(u->r.moment.peak_equity, a), money_text(u->r.moment.equity, b));
}

static void say_value(const struct why_rules *u, const struct race_why_order *o,
		      struct race_why_rule *r)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];

	(void)u;
	snprintf(r->detail, sizeof r->detail, "%s wanted, at %s each",
		 decimal_format(o->o.outcome.wanted.u, QUANTITY_SCALE, a),
		 decimal_format(o->fill.u, PRICE_SCALE, b));
}

/* The setting behind a rule, CONFIG_KEYS for none, and what it went by, NULL for nothing. */
static const struct {
	enum risk_reason reason;
	enum config_key key;
	void (*say)(const struct why_rules *u, const struct race_why_order *o,
		    struct race_why_rule *r);
} whys[] = {
	{ RISK_ASSET_NOT_ALLOWED, CONFIG_RISK_ASSETS, NULL },
	{ RISK_TOO_MANY_ORDERS, CONFIG_RISK_MAX_ORDERS, say_index },
	{ RISK_STALE_PRICE, CONFIG_MARKET_MAX_AGE_S, NULL },
	{ RISK_LIMIT_NOT_MET, CONFIG_KEYS, say_limit },
	{ RISK_COOLDOWN, CONFIG_RISK_COOLDOWN_MIN, say_cooldown },
	{ RISK_DAILY_LOSS, CONFIG_RISK_DAILY_LOSS_PCT, say_day },
	{ RISK_DRAWDOWN_STOP, CONFIG_RISK_DRAWDOWN_STOP_PCT, say_peak },
	{ RISK_MAX_ORDER, CONFIG_RISK_MAX_ORDER_PCT, say_max_order },
	{ RISK_MAX_POSITION, CONFIG_RISK_MAX_POSITION_PCT, say_max_position },
	{ RISK_CASH_RESERVE, CONFIG_RISK_CASH_RESERVE_PCT, say_reserve },
	{ RISK_NO_CASH, CONFIG_KEYS, say_cash },
	{ RISK_NO_POSITION, CONFIG_KEYS, say_held },
	{ RISK_BELOW_MIN_ORDER, CONFIG_RISK_MIN_ORDER, say_value },
};

static void why_say(const struct why_rules *u, struct race_why_order *o)
{
	const struct config *c = &u->t->w.config;

	for (int bit = 0; bit < RISK_REASONS; bit++) {
		struct race_why_rule *r;

		if ((o->o.outcome.reasons & 1u << bit) == 0)
			continue;
		r = &o->rules[o->n_rules++];
		*r = (struct race_why_rule){ .reason = (enum risk_reason)(1u << bit) };
		for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
			if (whys[i].reason != r->reason)
				continue;
			if (whys[i].key != CONFIG_KEYS) {
				r->setting = config_defs[whys[i].key].name;
				r->value = config_text(c, whys[i].key);
			}
			if (whys[i].say != NULL)
				whys[i].say(u, o, r);
		}
	}
}

/* ------------------------------------------------------------------ all orders */

static void why_compare_outcome(struct why_rules *u, size_t index,
				const struct risk_outcome *is,
				const struct risk_outcome *should)
{
	char a[RISK_TEXT_MAX], b[RISK_TEXT_MAX];

	if (is->action != should->action || is->reasons != should->reasons)
		race_why_problem(u->y, "order %zu of %s: is %s (%s), should be %s (%s)", index,
				 u->t->agent.name, risk_action_name(is->action),
				 risk_reasons_text(is->reasons, a),
				 risk_action_name(should->action),
				 risk_reasons_text(should->reasons, b));
	race_why_compare(u->y, is->wanted.u, should->wanted.u, QUANTITY_SCALE,
			 "order %zu of %s: wanted", index, u->t->agent.name);
	race_why_compare(u->y, is->quantity.u, should->quantity.u, QUANTITY_SCALE,
			 "order %zu of %s: filled", index, u->t->agent.name);
}

static int why_rule_order(struct why_rules *u, size_t index, struct err *e)
{
	struct race_why_order *o = &u->t->orders[index];
	struct risk_outcome again;
	struct portfolio_fill f;

	if (race_rules_check(&u->r, &u->p, &o->o.order, index, &again, e) != 0)
		return -1;
	why_compare_outcome(u, index, &o->o.outcome, &again);
	why_say(u, o);
	/* the next order saw the books after what was filled; what does not fit is told
	 * elsewhere */
	if (o->o.filled && u->r.moment.known)
		(void)portfolio_apply(&u->p, &u->t->costs, u->r.moment.asset_id,
				      o->o.order.side, o->o.outcome.quantity, u->r.moment.price,
				      &f);
	return 0;
}

/* The first snapshot of the window was there, unless the decision had waited for the window. */
static enum race_rules_seen why_seen(const struct race_why_turn *t)
{
	return t->x.window_ms == t->x.exec_ms ? RACE_RULES_SEEN_PRE : RACE_RULES_SEEN_NONE;
}

int race_why_rules(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e)
{
	struct why_rules u = { .y = y,
			       .t = t,
			       .r = { .db = db,
				      .w = &t->w,
				      .costs = t->costs,
				      .agent = t->agent.name,
				      .baseline = t->baseline,
				      .halted = t->x.end == VERDICT_HALTED,
				      .seen = why_seen(t) } };
	struct market_price *prices = NULL;
	int r = -1;

	if (ledger_load_at(db, t->x.agent_id, t->x.exec_ms, t->x.window_ms, &u.p, e) != 0)
		return -1;
	race_why_compare(y, t->x.cash_before.u, u.p.cash.u, MONEY_SCALE,
			 "execution of %s: cash before", t->agent.name);
	if (market_prices(db, t->x.exec_ms, &prices, &u.r.n_prices, e) != 0)
		goto out;
	u.r.prices = prices;
	if (race_rules_start(&u.r, &u.p, e) != 0)
		goto out;
	t->equity = u.r.moment.equity;
	for (size_t i = 0; i < t->n_orders; i++)
		if (why_rule_order(&u, i, e) != 0)
			goto out;
	r = 0;
out:
	free(prices);
	portfolio_release(&u.p);
	return r;
}
