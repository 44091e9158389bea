#include "risk.h"

#include <string.h>

#include "random.h"
#include "unit.h"

#include "banned.h"

#define E8 INT64_C(100000000)
#define E10 INT64_C(10000000000)
#define ASSET 3
#define MINUTE_MS INT64_C(60000)

typedef __int128 wide;

/* Everything one check looks at. */
struct world {
	struct risk_limits l;
	struct risk_moment m;
	struct portfolio p;
	struct portfolio_costs c;
	struct decision_order o;
};

/* Cash for ten units at 100, no costs, no rule in the way of a buy of one unit. */
static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	portfolio_init(&w->p);
	w->p.start_cash.u = w->p.cash.u = 1000 * E8;
	w->l = (struct risk_limits){ .clip = true,
				     .max_position_e8 = E8,
				     .max_order_e8 = E8,
				     .min_order = { E8 },
				     .max_orders = 4 };
	w->m = (struct risk_moment){ .now_ms = 1000 * MINUTE_MS,
				     .known = true,
				     .enabled = true,
				     .allowed = true,
				     .asset_id = ASSET,
				     .price = { 100 * E10 },
				     .equity = w->p.cash,
				     .day_equity = w->p.cash,
				     .peak_equity = w->p.cash };
	w->o.side = DECISION_BUY;
	w->o.quantity.u = E8;
}

static void hold(struct world *w, int64_t units, int64_t cost)
{
	struct portfolio_position *h = portfolio_position(&w->p, ASSET);

	h->quantity.u = units;
	h->cost.u = cost;
}

static void sells(struct world *w, int64_t units)
{
	w->o.side = DECISION_SELL;
	w->o.by_notional = false;
	w->o.quantity.u = units;
}

static void buys(struct world *w, int64_t units)
{
	w->o.side = DECISION_BUY;
	w->o.by_notional = false;
	w->o.quantity.u = units;
}

static void trades_worth(struct world *w, enum decision_side side, int64_t notional)
{
	w->o.side = side;
	w->o.by_notional = true;
	w->o.quantity.u = 0;
	w->o.notional.u = notional;
}

static struct risk_outcome check(const struct world *w)
{
	struct risk_outcome out;

	risk_check(&w->l, &w->m, &w->p, &w->c, &w->o, &out);
	return out;
}

static bool passes(const struct world *w)
{
	struct risk_outcome out = check(w);

	return out.action == RISK_PASS && out.reasons == 0 && out.quantity.u > 0 &&
	       out.quantity.u == out.wanted.u;
}

static bool drops(const struct world *w, unsigned reasons)
{
	struct risk_outcome out = check(w);

	return out.action == RISK_DROP && out.reasons == reasons && out.quantity.u == 0;
}

/* Cut to ${units} when clipping, dropped for the first of the same reasons when not. */
static bool clips(struct world *w, unsigned reasons, int64_t units)
{
	struct risk_outcome out = check(w);
	bool rejects;

	w->l.clip = false;
	rejects = drops(w, reasons & -reasons);
	w->l.clip = true;
	return rejects && out.action == RISK_CLIP && out.reasons == reasons &&
	       out.quantity.u == units && out.wanted.u > units;
}

static void test_gates(void)
{
	struct world w;

	world_init(&w);
	unit_ok(passes(&w), "an order that no rule concerns passes unedited");
	w.m.halted = true;
	unit_ok(drops(&w, RISK_HALTED), "nothing fills while the race is halted");
	w.l.exempt = true;
	unit_ok(drops(&w, RISK_HALTED), "a halt holds for exempt agents too");
	hold(&w, E8, E8);
	sells(&w, E8);
	unit_ok(drops(&w, RISK_HALTED), "a halt holds for sells too");
	portfolio_release(&w.p);

	world_init(&w);
	w.m.known = w.m.enabled = w.m.allowed = false;
	unit_ok(drops(&w, RISK_UNKNOWN_ASSET), "an unknown asset drops, and only for that");
	w.m.known = true;
	unit_ok(drops(&w, RISK_ASSET_DISABLED), "an asset that does not take part drops");
	w.m.enabled = true;
	unit_ok(drops(&w, RISK_ASSET_NOT_ALLOWED), "an asset outside the agent's list drops");
	w.m.allowed = true;
	unit_ok(passes(&w), "an asset that is known, enabled and allowed passes");

	w.m.order_index = 3;
	unit_ok(passes(&w), "the last order that a decision may have passes");
	w.m.order_index = 4;
	unit_ok(drops(&w, RISK_TOO_MANY_ORDERS), "the order after it drops");
	w.l.exempt = true;
	w.m.order_index = DECISION_ORDERS_MAX - 1;
	unit_ok(passes(&w), "exempt agents have as many orders as a decision can carry");
	w.m.order_index = DECISION_ORDERS_MAX;
	unit_ok(drops(&w, RISK_TOO_MANY_ORDERS), "and no more than that");
	portfolio_release(&w.p);
}

static void test_prices(void)
{
	struct world w;
	struct risk_outcome out;

	world_init(&w);
	w.m.quality = VIEW_LAST_GOOD;
	unit_ok(passes(&w), "a last good price is traded on");
	w.m.quality = VIEW_STALE;
	unit_ok(drops(&w, RISK_STALE_PRICE), "a stale price is not traded on");
	w.m.quality = VIEW_SUSPECT;
	unit_ok(drops(&w, RISK_SUSPECT_PRICE), "a suspect price is not traded on");
	trades_worth(&w, DECISION_BUY, 250 * E8);
	unit_ok(check(&w).wanted.u == 250000000, "what was wanted is known although it drops");
	w.m.quality = VIEW_ABSENT;
	unit_ok(drops(&w, RISK_NO_PRICE), "without a price nothing is traded");
	unit_ok(check(&w).wanted.u == 0,
		"without a price an order by value has no known units");
	buys(&w, E8);
	out = check(&w);
	unit_ok(out.action == RISK_DROP && out.wanted.u == E8,
		"without a price an order by quantity has known units");
	w.m.quality = VIEW_FRESH;
	w.m.price.u = 0;
	unit_ok(drops(&w, RISK_NO_PRICE), "a price of zero is no price");
	w.l.exempt = true;
	unit_ok(drops(&w, RISK_NO_PRICE), "exempt agents need a price too");
	portfolio_release(&w.p);
}

static void test_limit_prices(void)
{
	struct world w;

	world_init(&w);
	hold(&w, 10 * E8, 0);
	w.m.equity.u = w.m.peak_equity.u = w.m.day_equity.u = 2000 * E8;
	w.o.has_limit = true;
	w.o.limit.u = 100 * E10;
	unit_ok(passes(&w), "a buy fills when the market is exactly at its limit");
	w.o.limit.u = 100 * E10 - 1;
	unit_ok(drops(&w, RISK_LIMIT_NOT_MET), "a buy does not fill above its limit");
	sells(&w, E8);
	unit_ok(passes(&w), "a sell fills when the market is above its limit");
	w.o.limit.u = 100 * E10;
	unit_ok(passes(&w), "a sell fills when the market is exactly at its limit");
	w.o.limit.u = 100 * E10 + 1;
	unit_ok(drops(&w, RISK_LIMIT_NOT_MET), "a sell does not fill below its limit");

	w.c.slippage_e8 = E8 / 100;
	w.o.limit.u = 99 * E10;
	unit_ok(passes(&w), "a sell whose fill after slippage is exactly at its limit fills");
	w.o.limit.u = 99 * E10 + 1;
	unit_ok(drops(&w, RISK_LIMIT_NOT_MET),
		"slippage does not carry a sell below its limit");
	buys(&w, E8);
	w.o.limit.u = 101 * E10;
	unit_ok(passes(&w), "a buy whose fill after slippage is exactly at its limit fills");
	w.o.limit.u = 101 * E10 - 1;
	unit_ok(drops(&w, RISK_LIMIT_NOT_MET), "slippage does not carry a buy above its limit");
	w.l.exempt = true;
	unit_ok(drops(&w, RISK_LIMIT_NOT_MET), "limit prices hold for exempt agents too");
	portfolio_release(&w.p);
}

/* The rule drops buys, lets sells through, and does not concern exempt agents. */
static bool buys_only(struct world *w, enum risk_reason reason)
{
	bool ok = drops(w, reason);

	w->l.exempt = true;
	ok &= passes(w);
	w->l.exempt = false;
	hold(w, E8, E8);
	sells(w, E8);
	ok &= passes(w);
	buys(w, E8);
	hold(w, 0, 0);
	return ok;
}

static void test_cooldown(void)
{
	struct world w;

	world_init(&w);
	w.l.cooldown_ms = 15 * MINUTE_MS;
	w.m.last_trade_ms = w.m.now_ms;
	unit_ok(passes(&w), "the first trade in an asset needs no cooldown");
	w.m.has_last_trade = true;
	unit_ok(buys_only(&w, RISK_COOLDOWN), "during a cooldown buys drop and sells do not");
	w.m.last_trade_ms = w.m.now_ms - 15 * MINUTE_MS;
	unit_ok(passes(&w), "a cooldown is over when exactly its time has passed");
	w.m.last_trade_ms++;
	unit_ok(drops(&w, RISK_COOLDOWN), "a cooldown is not over a millisecond earlier");
	w.m.last_trade_ms = INT64_MIN;
	w.m.now_ms = INT64_MAX;
	unit_ok(passes(&w), "times at the ends of the range do not wrap");
	w.m.now_ms = w.m.last_trade_ms = 0;
	w.l.cooldown_ms = 0;
	unit_ok(passes(&w), "a cooldown of zero is none");
	portfolio_release(&w.p);
}

static void test_stops(void)
{
	struct world w;

	world_init(&w);
	w.l.daily_loss.u = 100 * E8;
	w.m.day_equity.u = 1100 * E8;
	unit_ok(passes(&w), "the whole daily loss may be lost");
	w.m.day_equity.u++;
	unit_ok(buys_only(&w, RISK_DAILY_LOSS),
		"beyond the daily loss buys drop and sells do not");
	w.l.daily_loss.u = 0;
	unit_ok(passes(&w), "a daily loss of zero is off");

	w.m.day_equity.u = 1000 * E8;
	w.l.drawdown_e8 = E8 / 5;
	w.m.peak_equity.u = 1250 * E8 - 1;
	unit_ok(passes(&w), "a fall from the peak just short of the stop lets buys pass");
	w.m.peak_equity.u = 1250 * E8;
	unit_ok(buys_only(&w, RISK_DRAWDOWN_STOP),
		"at the fall of the drawdown stop buys drop and sells do not");
	w.m.peak_equity.u = INT64_MAX;
	unit_ok(drops(&w, RISK_DRAWDOWN_STOP),
		"the drawdown of the largest peak does not wrap");
	w.l.drawdown_e8 = 0;
	unit_ok(passes(&w), "a drawdown stop of zero is off");
	portfolio_release(&w.p);
}

static void test_shares(void)
{
	struct world w;

	world_init(&w);
	w.l.max_order_e8 = E8 / 10;
	unit_ok(passes(&w), "a buy of exactly the largest order passes");
	w.o.quantity.u = E8 + 1;
	unit_ok(clips(&w, RISK_MAX_ORDER, E8), "a larger buy is clipped to the largest order");
	w.c.slippage_e8 = E8 / 100;
	unit_ok(clips(&w, RISK_MAX_ORDER, 99009900),
		"the largest order is measured at the price of the fill");
	w.l.exempt = true;
	unit_ok(passes(&w), "the largest order does not concern exempt agents");
	w.l.exempt = false;
	hold(&w, 5 * E8, E8);
	sells(&w, 5 * E8);
	unit_ok(passes(&w), "a sell may be larger than the largest order");
	w.l.max_order_e8 = 0;
	unit_ok(passes(&w), "a sell may be any size where buys are forbidden");
	buys(&w, E8);
	unit_ok(drops(&w, RISK_MAX_ORDER), "a buy that is clipped to nothing drops");
	w.l.max_order_e8 = E8;
	w.c.slippage_e8 = 0;

	w.l.max_position_e8 = E8 * 6 / 10;
	unit_ok(passes(&w), "a buy up to exactly the largest position passes");
	w.o.quantity.u = E8 + 1;
	unit_ok(clips(&w, RISK_MAX_POSITION, E8), "a buy beyond it is clipped to it");
	w.c.slippage_e8 = E8 / 100;
	w.o.quantity.u = E8;
	unit_ok(passes(&w), "the largest position is measured at the price of the batch");
	hold(&w, 6 * E8, E8);
	unit_ok(drops(&w, RISK_MAX_POSITION), "a full position takes no more");
	hold(&w, 7 * E8, E8);
	unit_ok(drops(&w, RISK_MAX_POSITION), "nor does one that has grown beyond its share");
	w.l.exempt = true;
	unit_ok(passes(&w), "the largest position does not concern exempt agents");
	portfolio_release(&w.p);
}

static void test_cash(void)
{
	struct world w;

	world_init(&w);
	w.o.quantity.u = 10 * E8;
	unit_ok(passes(&w), "a buy for exactly the cash passes");
	w.o.quantity.u++;
	w.l.exempt = true;
	unit_ok(clips(&w, RISK_NO_CASH, 10 * E8), "a buy beyond the cash is clipped to it");
	w.l.exempt = false;
	w.l.max_order_e8 = w.l.max_position_e8 = 2 * E8;
	unit_ok(clips(&w, RISK_NO_CASH, 10 * E8), "cash holds where shares of equity do not");
	w.c.fee_e8 = E8 / 100;
	w.c.slippage_e8 = E8 / 1000;
	unit_ok(clips(&w, RISK_NO_CASH, 989109900),
		"what cash affords includes slippage and fee");
	w.c = (struct portfolio_costs){ 0, 0 };

	w.l.cash_reserve.u = 400 * E8;
	w.o.quantity.u = 6 * E8;
	unit_ok(passes(&w), "a buy down to exactly the reserve passes");
	w.o.quantity.u = 11 * E8;
	unit_ok(clips(&w, RISK_CASH_RESERVE, 6 * E8),
		"a buy into the reserve is clipped to it");
	w.l.exempt = true;
	unit_ok(clips(&w, RISK_NO_CASH, 10 * E8),
		"exempt agents may spend the reserve but no more");
	w.l.exempt = false;
	w.l.cash_reserve.u = 1000 * E8;
	unit_ok(drops(&w, RISK_CASH_RESERVE), "nothing is bought when all cash is reserve");
	w.l.cash_reserve.u = INT64_MAX;
	unit_ok(drops(&w, RISK_CASH_RESERVE),
		"a reserve above the cash is not a debt to spend");
	w.l.cash_reserve.u = 0;
	w.p.cash.u = 0;
	unit_ok(drops(&w, RISK_NO_CASH), "nothing is bought without cash");
	hold(&w, E8, E8);
	sells(&w, E8);
	w.c.fee_e8 = 2 * E8;
	unit_ok(drops(&w, RISK_NO_CASH), "a sell whose fee nobody can pay drops");
	portfolio_release(&w.p);
}

static void test_sells(void)
{
	struct world w;

	world_init(&w);
	sells(&w, E8);
	unit_ok(drops(&w, RISK_NO_POSITION), "what is not held is not sold");
	trades_worth(&w, DECISION_SELL, 1);
	unit_ok(drops(&w, RISK_NO_POSITION), "nor is less than one unit of it");
	sells(&w, E8);
	hold(&w, E8, 50 * E8);
	unit_ok(passes(&w), "exactly what is held is sold");
	hold(&w, E8 - 1, 50 * E8);
	unit_ok(clips(&w, RISK_NO_POSITION, E8 - 1),
		"a sell beyond it is clipped to what is held");
	w.l.exempt = true;
	unit_ok(clips(&w, RISK_NO_POSITION, E8 - 1),
		"exempt agents sell no more than they hold");
	portfolio_release(&w.p);
}

static void test_smallest(void)
{
	struct world w;

	world_init(&w);
	hold(&w, E8, 50 * E8);
	w.l.min_order.u = 10 * E8;
	w.o.quantity.u = E8 / 10;
	unit_ok(passes(&w), "a buy of exactly the smallest order passes");
	w.o.quantity.u--;
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "a smaller buy drops");
	w.l.exempt = true;
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "also for exempt agents");
	w.l.exempt = false;
	sells(&w, E8 / 10);
	unit_ok(passes(&w), "a sell of exactly the smallest order passes");
	w.o.quantity.u--;
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "a smaller sell drops");
	hold(&w, w.o.quantity.u, E8);
	unit_ok(passes(&w), "a smaller sell that closes the position passes");
	w.o.quantity.u++;
	unit_ok(clips(&w, RISK_NO_POSITION, E8 / 10 - 1),
		"also when it was clipped to what is held");
	buys(&w, E8);
	w.l.max_order_e8 = E8 / 1000;
	unit_ok(drops(&w, RISK_MAX_ORDER | RISK_BELOW_MIN_ORDER),
		"an order that is clipped below the smallest drops with both reasons");
	portfolio_release(&w.p);

	world_init(&w);
	w.l.min_order.u = 0;
	hold(&w, 2, 2);
	w.m.price.u = 1;
	sells(&w, 1);
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "dust that yields nothing drops");
	sells(&w, 2);
	unit_ok(passes(&w), "dust is closed as a whole");
	portfolio_release(&w.p);
}

static void test_notional(void)
{
	struct world w;

	world_init(&w);
	trades_worth(&w, DECISION_BUY, 1000 * E8);
	unit_ok(passes(&w) && check(&w).wanted.u == 10 * E8, "a value is turned into units");
	w.c.slippage_e8 = E8 / 100;
	unit_ok(check(&w).wanted.u == 990099009, "at the price of the fill, rounded down");
	trades_worth(&w, DECISION_BUY, 0);
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "a value of less than one unit drops");
	w.m.price.u = INT64_MAX / 2;
	trades_worth(&w, DECISION_BUY, 9);
	w.l.min_order.u = 0;
	unit_ok(drops(&w, RISK_BELOW_MIN_ORDER), "also where any order is large enough");
	w.m.price.u = 100 * E10;
	w.c.slippage_e8 = 0;
	hold(&w, 10 * E8, E8);
	trades_worth(&w, DECISION_SELL, 300 * E8);
	unit_ok(passes(&w) && check(&w).wanted.u == 3 * E8, "a value is sold too");
	trades_worth(&w, DECISION_SELL, 1001 * E8);
	unit_ok(clips(&w, RISK_NO_POSITION, 10 * E8),
		"a value above the position is clipped to it");
	portfolio_release(&w.p);
}

static void test_range(void)
{
	struct world w;

	world_init(&w);
	w.l.max_order_e8 = w.l.max_position_e8 = E8;
	w.m.price.u = 1;
	w.o.quantity.u = PORTFOLIO_QUANTITY_MAX;
	w.l.min_order.u = 0;
	unit_ok(passes(&w), "an order of exactly the ceiling passes");
	w.o.quantity.u++;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE),
		"an order above the ceiling is refused, not cut");
	w.o.quantity.u = INT64_MAX;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "also the largest number there is");
	w.o.quantity.u = 0;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "an order by quantity for nothing is refused");
	w.o.quantity.u = -E8;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE) && check(&w).wanted.u == 0,
		"an order for less than nothing is refused");
	trades_worth(&w, DECISION_BUY, INT64_MAX);
	unit_ok(drops(&w, RISK_QUANTITY_RANGE) && check(&w).wanted.u == 0,
		"a value of more units than there are numbers is refused");
	trades_worth(&w, DECISION_BUY, -1);
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "a value below nothing is refused");

	buys(&w, 2);
	hold(&w, PORTFOLIO_QUANTITY_MAX - 2, E8);
	unit_ok(passes(&w), "a position up to the ceiling passes");
	w.o.quantity.u = 3;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "a position above the ceiling is refused");
	hold(&w, 10, E8);
	w.m.price.u = INT64_MAX;
	w.c.slippage_e8 = 1;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "a fill price beyond the range is refused");
	w.c.slippage_e8 = E8;
	sells(&w, 10);
	unit_ok(drops(&w, RISK_QUANTITY_RANGE),
		"a sell that slippage takes to zero is refused");
	w.c.slippage_e8 = 0;
	w.p.cash.u = INT64_MAX;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "proceeds that cash cannot hold are refused");
	buys(&w, 1);
	w.m.price.u = 1;
	w.m.equity.u = INT64_MAX;
	w.l.max_order_e8 = 2 * E8;
	unit_ok(drops(&w, RISK_QUANTITY_RANGE), "a share beyond the range is refused");
	portfolio_release(&w.p);
}

/* Several rules at once, and a billion units of a tiny price. */
static void test_together(void)
{
	struct world w;

	world_init(&w);
	w.l.max_order_e8 = E8 / 2;
	w.l.max_position_e8 = E8 * 4 / 10;
	w.l.cash_reserve.u = 700 * E8;
	w.o.quantity.u = 20 * E8;
	unit_ok(clips(&w, RISK_MAX_ORDER | RISK_MAX_POSITION | RISK_CASH_RESERVE, 3 * E8),
		"every rule that cuts further leaves its reason");
	w.m.halted = true;
	w.m.quality = VIEW_STALE;
	unit_ok(drops(&w, RISK_HALTED), "the first rule that drops is the reason");
	portfolio_release(&w.p);

	world_init(&w);
	w.p.cash.u = w.m.equity.u = w.m.peak_equity.u = w.m.day_equity.u = 20000 * E8;
	w.m.price.u = 124000;
	w.c = (struct portfolio_costs){ .fee_e8 = 100000, .slippage_e8 = 50000 };
	w.o.quantity.u = 1000000000 * E8;
	unit_ok(passes(&w), "a billion units of a tiny price pass");
	w.o.quantity.u *= 2;
	w.l.max_order_e8 = E8 / 2;
	unit_ok(clips(&w, RISK_MAX_ORDER, INT64_C(80604858860892134)),
		"billions of units are clipped exactly");
	portfolio_release(&w.p);
}

static void test_names(void)
{
	char text[RISK_TEXT_MAX], joined[2 * RISK_TEXT_MAX] = "";
	bool named = true;
	size_t n = 0;

	for (unsigned i = 0; i < RISK_REASONS; i++) {
		const char *name = risk_reason_name(1u << i);

		named &= strcmp(name, risk_reasons_text(1u << i, text)) == 0 &&
			 name[0] != '\0' && strcmp(name, "unknown") != 0;
		n += (size_t)snprintf(joined + n, sizeof joined - n, "%s%s", i > 0 ? "," : "",
				      name);
	}
	unit_ok(named, "every reason has a name");
	unit_ok(strcmp(risk_reasons_text((1u << RISK_REASONS) - 1, text), joined) == 0,
		"all reasons together fit into one text");
	unit_ok(strcmp(risk_reasons_text(0, text), "") == 0, "no reason is an empty text");
	unit_ok(strcmp(risk_reason_name(RISK_HALTED), "halted") == 0 &&
			strcmp(risk_reason_name(RISK_LIMIT_NOT_MET), "limit_not_met") == 0 &&
			strcmp(risk_reason_name(RISK_MAX_POSITION), "max_position") == 0 &&
			strcmp(risk_reason_name(RISK_QUANTITY_RANGE), "quantity_range") == 0,
		"names belong to their reasons");
	unit_ok(strcmp(risk_reasons_text(RISK_NO_CASH | RISK_COOLDOWN, text),
		       "cooldown,no_cash") == 0,
		"a set is named in the order of the rules");
	unit_ok(strcmp(risk_reason_name(0), "unknown") == 0 &&
			strcmp(risk_reason_name(3), "unknown") == 0 &&
			strcmp(risk_reason_name(1u << RISK_REASONS), "unknown") == 0,
		"what is no single reason has no name");
	unit_ok(strcmp(risk_action_name(RISK_PASS), "pass") == 0 &&
			strcmp(risk_action_name(RISK_CLIP), "clip") == 0 &&
			strcmp(risk_action_name(RISK_DROP), "drop") == 0,
		"actions have names");
}

/* Values of every magnitude are equally likely, so that edges are met. */
static int64_t any_size(uint64_t *s)
{
	return (int64_t)(random_next(s) >> (1 + random_below(s, 63)));
}

static int64_t between(uint64_t *s, int64_t low, int64_t high)
{
	return low + (int64_t)random_below(s, (uint64_t)(high - low) + 1);
}

static bool one_in(uint64_t *s, uint64_t n)
{
	return random_below(s, n) == 0;
}

struct market {
	int64_t cash, price_low, price_high, units;
};

/* Large coins, small coins, dust, and whatever 63 bits can say. */
static const struct market markets[] = {
	{ 10000 * E8, E10, 100000 * E10, 2 * E8 },
	{ 10000 * E8, 10000, 124000, 1000000000 * E8 },
	{ 1000, 1, 1000 * E10, 1000 },
	{ 0, 0, 0, 0 },
};

static int64_t some_cash(uint64_t *s, const struct market *m)
{
	return m->units ? between(s, 0, m->cash) : any_size(s);
}

static void any_limits(uint64_t *s, const struct market *m, struct world *w)
{
	bool strange = m->units == 0;

	w->l = (struct risk_limits){
		.exempt = one_in(s, 6),
		.max_position_e8 = one_in(s, 3) ? E8 : between(s, 0, strange ? 2 * E8 : E8),
		.max_order_e8 = one_in(s, 3) ? E8 : between(s, 0, strange ? 2 * E8 : E8),
		.cash_reserve = { one_in(s, 2) ? 0 : some_cash(s, m) / 2 },
		.min_order = { one_in(s, 2) ? 0 : some_cash(s, m) / 100 },
		.max_orders = between(s, 1, DECISION_ORDERS_MAX),
		.cooldown_ms = one_in(s, 2) ? 0 : between(s, 0, 20 * MINUTE_MS),
		.daily_loss = { one_in(s, 2) ? 0 : some_cash(s, m) },
		.drawdown_e8 = one_in(s, 2) ? 0 : between(s, 0, E8),
	};
	w->c.fee_e8 = between(s, 0, 1) * between(s, 0, strange ? 2 * E8 : E8 / 50);
	w->c.slippage_e8 = between(s, 0, 1) * between(s, 0, strange ? 2 * E8 : E8 / 50);
}

static int64_t equity_of(const struct portfolio *p, int64_t id, int64_t price)
{
	const struct portfolio_position *h = portfolio_find(p, id);
	wide sum = p->cash.u + (h != NULL ? (wide)h->quantity.u * price / E10 : 0);

	return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

static void any_moment(uint64_t *s, const struct market *m, struct world *w)
{
	static const enum view_quality bad[] = { VIEW_STALE, VIEW_SUSPECT, VIEW_ABSENT };
	int64_t price = m->units ? between(s, m->price_low, m->price_high) : any_size(s);
	int64_t id = between(s, 0, 3);

	w->m = (struct risk_moment){
		.halted = one_in(s, 200),
		.now_ms = 1000 * MINUTE_MS,
		.order_index = one_in(s, 10) ? between(s, 0, DECISION_ORDERS_MAX + 1) : 0,
		.known = !one_in(s, 200),
		.enabled = !one_in(s, 200),
		.allowed = !one_in(s, 200),
		.asset_id = id,
		.quality = one_in(s, 50) ? bad[between(s, 0, 2)] : VIEW_FRESH,
		.price = { price },
		.has_last_trade = one_in(s, 4),
		.last_trade_ms = between(s, 970, 1000) * MINUTE_MS,
		.equity = { equity_of(&w->p, id, price) },
		.day_equity = { some_cash(s, m) },
	};
	w->m.peak_equity.u = w->m.equity.u / 4 * 3 + between(s, 0, w->m.equity.u / 4 + 1);
}

static void any_order(uint64_t *s, const struct market *m, struct world *w)
{
	const struct portfolio_position *h = portfolio_find(&w->p, w->m.asset_id);
	struct decision_order *o = &w->o;

	memset(o, 0, sizeof *o);
	o->side = one_in(s, 2) ? DECISION_SELL : DECISION_BUY;
	o->by_notional = one_in(s, 3);
	if (o->by_notional)
		o->notional.u = one_in(s, 50) ? 0 : some_cash(s, m);
	else
		o->quantity.u = m->units ? between(s, 1, m->units) : any_size(s);
	if (o->side == DECISION_SELL && !o->by_notional && h != NULL && one_in(s, 4))
		o->quantity = h->quantity;
	o->has_limit = one_in(s, 8);
	if (o->has_limit)
		o->limit.u = w->m.price.u - 3 + between(s, 0, 6);
}

struct tally {
	long orders, pass, clip, drop, seen[RISK_REASONS];
	long shape, reject, again, more, unapplied, share, order_share, reserve, small, limit;
	long negative, cash, order_of_rules, wanted, size;
};

/* Clipping and rejecting agree on what is a breach, and a clip is as large as it can be. */
static void compare_modes(struct world *w, const struct risk_outcome *clip, struct tally *t)
{
	const struct decision_order asked = w->o;
	struct risk_outcome reject, again;

	w->l.clip = false;
	reject = check(w);
	t->reject += reject.action == RISK_CLIP ||
		     (reject.action == RISK_PASS) != (clip->action == RISK_PASS) ||
		     reject.wanted.u != clip->wanted.u ||
		     (reject.reasons & ~clip->reasons) != 0;
	t->order_of_rules += (reject.reasons & (reject.reasons - 1)) != 0;
	if (clip->action == RISK_CLIP) {
		w->o.by_notional = false;
		w->o.quantity = clip->quantity;
		again = check(w);
		t->again += again.action != RISK_PASS || again.quantity.u != clip->quantity.u;
		w->o.quantity.u++;
		again = check(w);
		t->more += again.action != RISK_DROP || (again.reasons & ~clip->reasons) != 0;
		w->o = asked;
	}
	w->l.clip = true;
}

static void check_shape(const struct world *w, const struct risk_outcome *out, struct tally *t)
{
	int64_t q = out->quantity.u;

	t->orders++;
	t->pass += out->action == RISK_PASS;
	t->clip += out->action == RISK_CLIP;
	t->drop += out->action == RISK_DROP;
	for (int i = 0; i < RISK_REASONS; i++)
		t->seen[i] += (out->reasons & 1u << i) != 0;
	t->shape += (out->action == RISK_PASS) != (out->reasons == 0) ||
		    (out->action == RISK_DROP) != (q == 0) || out->reasons >> RISK_REASONS != 0;
	t->size += q < 0 || q > out->wanted.u ||
		   (out->action == RISK_PASS && q != out->wanted.u) ||
		   (out->action == RISK_CLIP && q == out->wanted.u);
	t->wanted += !w->o.by_notional && out->wanted.u != w->o.quantity.u;
}

/* Limits of a buy, seen from the books after it. */
static void check_limits(const struct world *w, const struct portfolio_fill *f, struct tally *t)
{
	wide equity = w->m.equity.u, value = (wide)f->position_after.u * w->m.price.u;

	if (f->side != DECISION_BUY || w->l.exempt)
		return;
	t->order_share += (wide)f->notional.u * E8 > equity * w->l.max_order_e8;
	t->share += value / E10 > equity * w->l.max_position_e8 / E8;
	t->reserve += f->cash_after.u < w->l.cash_reserve.u;
}

static void apply(struct world *w, const struct risk_outcome *out, struct tally *t)
{
	struct portfolio_fill f;
	wide before = w->p.cash.u, moved;

	if (portfolio_apply(&w->p, &w->c, w->m.asset_id, w->o.side, out->quantity, w->m.price,
			    &f) != PORTFOLIO_OK) {
		t->unapplied++;
		return;
	}
	moved = f.side == DECISION_BUY ? -(wide)f.notional.u - f.fee.u
				       : (wide)f.notional.u - f.fee.u;
	t->cash += w->p.cash.u != before + moved;
	t->negative += w->p.cash.u < 0 || f.position_after.u < 0 || f.cost_after.u < 0;
	t->small += f.notional.u < w->l.min_order.u &&
		    (f.side == DECISION_BUY || f.position_after.u != 0);
	if (w->o.has_limit)
		t->limit += f.side == DECISION_BUY
				    ? f.fill.u > w->o.limit.u || f.price.u > w->o.limit.u
				    : f.fill.u < w->o.limit.u || f.price.u < w->o.limit.u;
	check_limits(w, &f, t);
}

static void one_race(uint64_t *s, const struct market *m, struct tally *t)
{
	struct world w = { 0 };
	struct risk_outcome out;

	portfolio_init(&w.p);
	w.p.start_cash.u = w.p.cash.u = m->units ? m->cash : any_size(s);
	any_limits(s, m, &w);
	w.l.clip = true;
	for (int i = 0; i < 100; i++) {
		any_moment(s, m, &w);
		any_order(s, m, &w);
		out = check(&w);
		check_shape(&w, &out, t);
		compare_modes(&w, &out, t);
		if (out.action != RISK_DROP)
			apply(&w, &out, t);
	}
	portfolio_release(&w.p);
}

static void test_random_orders(void)
{
	uint64_t s = 19991231;
	struct tally t = { 0 };
	bool all = true;

	while (t.orders < 1500000)
		one_race(&s, &markets[random_below(&s, 4)], &t);
	printf("# %ld orders: %ld pass, %ld clip, %ld drop\n", t.orders, t.pass, t.clip,
	       t.drop);
	for (unsigned i = 0; i < RISK_REASONS; i++) {
		printf("# %s %ld\n", risk_reason_name(1u << i), t.seen[i]);
		all &= t.seen[i] > 1000;
	}
	unit_ok(all && t.pass > 50000 && t.clip > 50000 && t.drop > 50000,
		"random orders meet every action and every reason often");
	unit_ok(t.shape == 0, "only a pass has no reason and only a drop has no units");
	unit_ok(t.size == 0, "no rule ever makes an order larger");
	unit_ok(t.wanted == 0, "what was wanted is what the order said");
	unit_ok(t.unapplied == 0, "what passes or is clipped always fills");
	unit_ok(t.negative == 0 && t.cash == 0,
		"and moves cash by its value, never below zero");
	unit_ok(t.order_share == 0, "no buy is larger than its share of equity");
	unit_ok(t.share == 0, "no position is larger than its share of equity after a buy");
	unit_ok(t.reserve == 0, "no buy touches the cash reserve");
	unit_ok(t.small == 0, "no order below the smallest fills unless it closes a position");
	unit_ok(t.limit == 0, "no order fills beyond its limit price");
	unit_ok(t.reject == 0, "rejecting drops exactly what clipping clips or drops");
	unit_ok(t.order_of_rules == 0, "rejecting gives one reason");
	unit_ok(t.again == 0, "a clipped order asked again at its size passes");
	unit_ok(t.more == 0, "a clipped order is the largest that is allowed");
}

int main(void)
{
	test_gates();
	test_prices();
	test_limit_prices();
	test_cooldown();
	test_stops();
	test_shares();
	test_cash();
	test_sells();
	test_smallest();
	test_notional();
	test_range();
	test_together();
	test_names();
	test_random_orders();
	return unit_done();
}
