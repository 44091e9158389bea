#include "risk.h"

#include <stdio.h>
#include <string.h>

#include "banned.h"

/*
 * Rules come in two kinds. A gate looks at the moment and stops the order or lets it through. A
 * cap says how many units are allowed; the order is cut to them or dropped. All gates stand
 * before all caps, both in the order of enum risk_reason, and the first drop ends the look.
 */

/* One order on its way through the rules. */
struct work {
	const struct risk_limits *l;
	const struct risk_moment *m;
	const struct portfolio *p;
	const struct portfolio_costs *c;
	const struct decision_order *o;
	struct risk_outcome *out;
	bool has_price, has_fill, has_wanted;
	struct price fill;
	struct quantity held;
	struct quantity q; /* what the rules so far have left */
};

#define WHOLE_E8 INT64_C(100000000)

/* Who is spared a rule. */
#define BUYS_ONLY 1u
#define NOT_EXEMPT 2u

static bool stops_halted(const struct work *w)
{
	return w->m->halted;
}

static bool stops_unknown(const struct work *w)
{
	return !w->m->known;
}

static bool stops_disabled(const struct work *w)
{
	return !w->m->enabled;
}

static bool stops_not_allowed(const struct work *w)
{
	return !w->m->allowed;
}

static bool stops_too_many(const struct work *w)
{
	int64_t most = w->l->exempt ? DECISION_ORDERS_MAX : w->l->max_orders;

	return w->m->order_index >= most;
}

static bool stops_no_price(const struct work *w)
{
	return !w->has_price;
}

static bool stops_stale(const struct work *w)
{
	return w->m->quality == VIEW_STALE;
}

static bool stops_suspect(const struct work *w)
{
	return w->m->quality == VIEW_SUSPECT;
}

/* The market must be there, and slippage must not carry the fill beyond the limit either. */
static bool stops_limit(const struct work *w)
{
	int64_t limit = w->o->limit.u;

	if (!w->o->has_limit || !w->has_fill)
		return false;
	if (w->o->side == DECISION_BUY)
		return w->m->price.u > limit || w->fill.u > limit;
	return w->m->price.u < limit || w->fill.u < limit;
}

static bool stops_cooldown(const struct work *w)
{
	const struct risk_moment *m = w->m;

	return w->l->cooldown_ms > 0 && m->has_last_trade &&
	       (__int128)m->now_ms - m->last_trade_ms < w->l->cooldown_ms;
}

static bool stops_daily_loss(const struct work *w)
{
	const struct risk_moment *m = w->m;

	return w->l->daily_loss.u > 0 &&
	       (__int128)m->day_equity.u - m->equity.u > w->l->daily_loss.u;
}

static bool stops_drawdown(const struct work *w)
{
	__int128 peak = w->m->peak_equity.u;

	return w->l->drawdown_e8 > 0 && peak > 0 &&
	       (peak - w->m->equity.u) * WHOLE_E8 >= peak * w->l->drawdown_e8;
}

static const struct {
	enum risk_reason reason;
	unsigned spares;
	bool (*stops)(const struct work *w);
} gates[] = {
	{ RISK_HALTED, 0, stops_halted },
	{ RISK_UNKNOWN_ASSET, 0, stops_unknown },
	{ RISK_ASSET_DISABLED, 0, stops_disabled },
	{ RISK_ASSET_NOT_ALLOWED, 0, stops_not_allowed },
	{ RISK_TOO_MANY_ORDERS, 0, stops_too_many },
	{ RISK_NO_PRICE, 0, stops_no_price },
	{ RISK_STALE_PRICE, 0, stops_stale },
	{ RISK_SUSPECT_PRICE, 0, stops_suspect },
	{ RISK_LIMIT_NOT_MET, 0, stops_limit },
	{ RISK_COOLDOWN, BUYS_ONLY | NOT_EXEMPT, stops_cooldown },
	{ RISK_DAILY_LOSS, BUYS_ONLY | NOT_EXEMPT, stops_daily_loss },
	{ RISK_DRAWDOWN_STOP, BUYS_ONLY | NOT_EXEMPT, stops_drawdown },
};

/*
 * A cap sets ${most} to the units that are allowed (INT64_MAX: any number; less than 0: not
 * even an order for nothing) or returns -1 when that cannot be computed.
 */

/* The units that are worth no more than ${share} of the equity at ${price}. */
static int units_of_share(const struct work *w, int64_t share_e8, struct price price,
			  int64_t *units)
{
	struct money allowed;
	struct quantity q;

	if (money_rate(w->m->equity, share_e8, DECIMAL_DOWN, &allowed) != 0)
		return -1;
	if (allowed.u <= 0)
		*units = 0;
	else if (quantity_of(allowed, price, DECIMAL_DOWN, &q) != 0)
		*units = INT64_MAX;
	else
		*units = q.u;
	return 0;
}

static int cap_order(const struct work *w, int64_t *most)
{
	return units_of_share(w, w->l->max_order_e8, w->fill, most);
}

static int cap_position(const struct work *w, int64_t *most)
{
	if (units_of_share(w, w->l->max_position_e8, w->m->price, most) != 0)
		return -1;
	if (*most != INT64_MAX)
		*most = *most > w->held.u ? *most - w->held.u : 0;
	return 0;
}

static int cap_reserve(const struct work *w, int64_t *most)
{
	struct money budget;

	*most = INT64_MAX;
	if (w->l->cash_reserve.u <= 0)
		return 0;
	if (money_sub(w->p->cash, w->l->cash_reserve, &budget) != 0)
		return -1;
	*most = portfolio_affordable(w->c, budget, w->m->price).u;
	return 0;
}

static int cap_cash(const struct work *w, int64_t *most)
{
	*most = portfolio_affordable(w->c, w->p->cash, w->m->price).u;
	return 0;
}

static int cap_held(const struct work *w, int64_t *most)
{
	*most = INT64_MAX;
	if (w->o->side == DECISION_SELL)
		*most = w->held.u > 0 ? w->held.u : -1;
	return 0;
}

static const struct {
	enum risk_reason reason;
	unsigned spares;
	int (*cap)(const struct work *w, int64_t *most);
} caps[] = {
	{ RISK_MAX_ORDER, BUYS_ONLY | NOT_EXEMPT, cap_order },
	{ RISK_MAX_POSITION, BUYS_ONLY | NOT_EXEMPT, cap_position },
	{ RISK_CASH_RESERVE, BUYS_ONLY | NOT_EXEMPT, cap_reserve },
	{ RISK_NO_CASH, BUYS_ONLY, cap_cash },
	{ RISK_NO_POSITION, 0, cap_held },
};

#define N_GATES (sizeof gates / sizeof gates[0])
#define N_CAPS (sizeof caps / sizeof caps[0])

/* Returns false, for the rule that drops to return in turn. */
static bool drop(struct work *w, enum risk_reason reason)
{
	w->out->reasons |= reason;
	return false;
}

static bool spared(const struct work *w, unsigned spares)
{
	return ((spares & BUYS_ONLY) != 0 && w->o->side != DECISION_BUY) ||
	       ((spares & NOT_EXEMPT) != 0 && w->l->exempt);
}

static bool pass_gates(struct work *w)
{
	for (size_t i = 0; i < N_GATES; i++)
		if (!spared(w, gates[i].spares) && gates[i].stops(w))
			return drop(w, gates[i].reason);
	return true;
}

/* An order that does not fit into the books' numbers is refused, not cut. */
static bool pass_range(struct work *w)
{
	if (!w->has_fill || !w->has_wanted || w->q.u > PORTFOLIO_QUANTITY_MAX)
		return drop(w, RISK_QUANTITY_RANGE);
	return true;
}

static bool cut(struct work *w, enum risk_reason reason, int64_t most)
{
	if (w->q.u <= most)
		return true;
	if (!w->l->clip || most <= 0)
		return drop(w, reason);
	w->out->reasons |= reason;
	w->q.u = most;
	return true;
}

static bool pass_caps(struct work *w)
{
	int64_t most;

	for (size_t i = 0; i < N_CAPS; i++) {
		if (spared(w, caps[i].spares))
			continue;
		if (caps[i].cap(w, &most) != 0)
			return drop(w, RISK_QUANTITY_RANGE);
		if (!cut(w, caps[i].reason, most))
			return false;
	}
	return true;
}

/* Nobody is locked into dust: closing a whole position is never too small. */
static bool pass_min_order(struct work *w)
{
	bool buys = w->o->side == DECISION_BUY;
	struct money value;

	if (!buys && w->q.u == w->held.u)
		return true;
	if (money_of(w->q, w->fill, buys ? DECIMAL_UP : DECIMAL_DOWN, &value) != 0)
		return drop(w, RISK_QUANTITY_RANGE);
	if (value.u < w->l->min_order.u || value.u == 0)
		return drop(w, RISK_BELOW_MIN_ORDER);
	return true;
}

/* Whatever the rules say, only what the books would take may pass. */
static bool pass_books(struct work *w)
{
	struct portfolio_fill f;

	switch (portfolio_quote(w->p, w->c, w->m->asset_id, w->o->side, w->q, w->m->price,
				&f)) {
	case PORTFOLIO_OK:
		return true;
	case PORTFOLIO_NO_CASH:
		return drop(w, RISK_NO_CASH);
	case PORTFOLIO_NO_POSITION:
		return drop(w, RISK_NO_POSITION);
	case PORTFOLIO_OVERFLOW:
		break;
	}
	return drop(w, RISK_QUANTITY_RANGE);
}

/* The order in units, false when that cannot be known. */
static bool order_units(const struct work *w, struct quantity *units)
{
	if (!w->o->by_notional) {
		*units = w->o->quantity;
		return units->u > 0;
	}
	return w->has_fill && w->o->notional.u >= 0 &&
	       quantity_of(w->o->notional, w->fill, DECIMAL_DOWN, units) == 0;
}

static void look_up(struct work *w)
{
	const struct portfolio_position *held = portfolio_find(w->p, w->m->asset_id);
	struct quantity units;

	if (held != NULL)
		w->held = held->quantity;
	w->has_price = w->m->quality != VIEW_ABSENT && w->m->price.u > 0;
	w->has_fill = w->has_price &&
		      portfolio_fill_price(w->c, w->o->side, w->m->price, &w->fill) == 0;
	w->has_wanted = order_units(w, &units);
	if (w->has_wanted)
		w->q = units;
}

void risk_check(const struct risk_limits *l, const struct risk_moment *m,
		const struct portfolio *p, const struct portfolio_costs *c,
		const struct decision_order *o, struct risk_outcome *out)
{
	struct work w = { .l = l, .m = m, .p = p, .c = c, .o = o, .out = out };

	look_up(&w);
	*out = (struct risk_outcome){ .action = RISK_DROP, .wanted = w.q };
	if (!pass_gates(&w) || !pass_range(&w) || !pass_caps(&w) || !pass_min_order(&w) ||
	    !pass_books(&w))
		return;
	out->action = out->reasons == 0 ? RISK_PASS : RISK_CLIP;
	out->quantity = w.q;
}

/* By the number of the reason's bit. */
static const char *const reason_names[RISK_REASONS] = {
	"halted",	   "unknown_asset",   "asset_disabled", "asset_not_allowed",
	"too_many_orders", "no_price",	      "stale_price",	"suspect_price",
	"limit_not_met",   "cooldown",	      "daily_loss",	"drawdown_stop",
	"max_order",	   "max_position",    "cash_reserve",	"no_cash",
	"no_position",	   "below_min_order", "quantity_range",
};

const char *risk_reason_name(unsigned reason)
{
	for (size_t i = 0; i < RISK_REASONS; i++)
		if (reason == 1u << i)
			return reason_names[i];
	return "unknown";
}

const char *risk_action_name(enum risk_action a)
{
	switch (a) {
	case RISK_PASS:
		return "pass";
	case RISK_CLIP:
		return "clip";
	case RISK_DROP:
		break;
	}
	return "drop";
}

char *risk_reasons_text(unsigned reasons, char out[RISK_TEXT_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < RISK_REASONS; i++)
		if ((reasons & 1u << i) != 0)
			n += (size_t)snprintf(out + n, RISK_TEXT_MAX - n, "%s%s",
					      n > 0 ? "," : "", reason_names[i]);
	return out;
}
