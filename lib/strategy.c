#include "strategy.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "ident.h"
#include "indicator.h"
#include "mem.h"
#include "random.h"

#include "banned.h"

/*
 * Amounts are integers from end to end: a share is equity * basis points, rounded down, and a
 * double decides only whether an indicator is above or below a line. Sells are listed before
 * buys, but buys count on the cash at hand alone: what the sells bring is for the next
 * decision, so that a dropped sell cannot make a buy fail.
 *
 * A sell that closes a position may be of any size; every other order is at least min_order.
 * Otherwise a position whose price collapsed could never be left.
 */

#define MONEY_ONE INT64_C(100000000)
#define BP_E8 10000	    /* one basis point in 1e-8 of the whole */
#define MARGIN_E8 1000000   /* cash that buys leave for fees and slippage: 1 % */
#define AUTO_SHARE_BPS 2000 /* the most that sma-cross chooses by itself for one asset */
#define TEXT_MAX 300	    /* reasoning, in bytes with the NUL */
#define TEXT_TAIL 20	    /* room for "; and N more" */
#define WHY_MAX 120
#define PERIOD_MAX 5000
#define SHARE_PARAM(def, min, text)                \
	{                                          \
		"share_bps", def, min, 10000, text \
	}
#define RESERVE_PARAM                                                                   \
	{                                                                               \
		"reserve_bps", 50, 0, 10000, "cash kept for fees, in 1/100 % of equity" \
	}
#define MIN_ORDER_PARAM                                                             \
	{                                                                           \
		"min_order", 10, 0, 1000000000, "smallest order, in units of money" \
	}
#define MAX_ORDERS_PARAM                                                               \
	{                                                                              \
		"max_orders", 5, 1, DECISION_ORDERS_MAX, "most orders in one decision" \
	}
#define PARAMS(a) a, sizeof a / sizeof a[0]

static const struct strategy_param buy_and_hold_params[] = {
	RESERVE_PARAM,
	MIN_ORDER_PARAM,
};

static const struct strategy_param equal_weight_params[] = {
	{ "band_bps", 500, 1, 10000, "distance that rebalances, in 1/100 % of equity" },
	RESERVE_PARAM,
	MIN_ORDER_PARAM,
};

static const struct strategy_param mean_reversion_params[] = {
	{ "period", 20, 2, PERIOD_MAX, "candles of the bands" },
	{ "width_pct", 200, 1, 1000, "width of the bands, in 1/100 standard deviation" },
	SHARE_PARAM(1500, 1, "size of a buy, in 1/100 % of equity"),
	MAX_ORDERS_PARAM,
	MIN_ORDER_PARAM,
};

static const struct strategy_param momentum_params[] = {
	{ "lookback", 48, 1, PERIOD_MAX, "candles over which the return is taken" },
	{ "top", 2, 1, DECISION_ORDERS_MAX, "assets held at most" },
	SHARE_PARAM(2000, 1, "target of each asset, in 1/100 % of equity"),
	MAX_ORDERS_PARAM,
	MIN_ORDER_PARAM,
};

static const struct strategy_param random_params[] = {
	{ "rate_per_day", 1, 1, 100000, "trades per day, on average" },
	{ "decisions_per_day", 96, 1, 100000, "decisions that the agent is asked for per day" },
	SHARE_PARAM(1000, 1, "largest trade, in 1/100 % of equity"),
	MIN_ORDER_PARAM,
};

static const struct strategy_param rsi_params[] = {
	{ "period", 14, 1, PERIOD_MAX, "candles of the RSI" },
	{ "low", 30, 0, 100, "buys below this" },
	{ "high", 70, 0, 100, "sells above this" },
	SHARE_PARAM(1500, 1, "size of a buy, in 1/100 % of equity"),
	MAX_ORDERS_PARAM,
	MIN_ORDER_PARAM,
};

static const struct strategy_param sma_cross_params[] = {
	{ "fast", 10, 1, PERIOD_MAX, "candles of the fast mean" },
	{ "slow", 30, 2, PERIOD_MAX, "candles of the slow mean" },
	SHARE_PARAM(0, 0,
		    "target of each asset, in 1/100 % of equity; 0: equal parts, at most 20 %"),
	MAX_ORDERS_PARAM,
	MIN_ORDER_PARAM,
};

const struct strategy strategy_table[] = {
	{ "buy-and-hold", "buys equal shares of everything once and keeps them",
	  PARAMS(buy_and_hold_params) },
	{ "equal-weight", "keeps equal shares of everything, rebalancing outside a band",
	  PARAMS(equal_weight_params) },
	{ "hold", "keeps its cash and never trades", NULL, 0 },
	{ "mean-reversion", "buys below the lower Bollinger band, sells above the middle",
	  PARAMS(mean_reversion_params) },
	{ "momentum", "holds the assets that rose most, sells the others",
	  PARAMS(momentum_params) },
	{ "random", "trades by chance, from its seed alone", PARAMS(random_params) },
	{ "rsi", "buys when the RSI is low, sells when it is high", PARAMS(rsi_params) },
	{ "sma-cross", "holds what has its fast mean above its slow mean",
	  PARAMS(sma_cross_params) },
	{ NULL, NULL, NULL, 0 },
};

/* A decision in the making. */
struct plan {
	const struct strategy *s;
	const int64_t *values;
	const struct view *v;
	uint64_t seed;
	struct decision *d;
	struct money budget; /* what buys may still spend */
	struct money min_order;
	size_t max_orders;
	char text[TEXT_MAX];
	size_t text_len;
	size_t unsaid; /* notes that did not fit */
};

enum wish { WISH_NONE, WISH_BUY, WISH_SELL };

/* What one asset's numbers say. */
struct signal {
	enum wish wish;
	bool known;   /* there was enough to look at */
	bool done;    /* became an order */
	double value; /* what momentum ranks by */
	char why[WHY_MAX];
};

/* Judge one asset, whose ${x} are closes, at least as many as the strategy needs. */
typedef void signal_fn(const struct plan *p, const struct view_asset *a, const double *x,
		       struct signal *out);

static const int64_t *find_value(const struct strategy *s, const int64_t *values,
				 const char *name)
{
	for (size_t i = 0; i < s->n_params; i++)
		if (strcmp(s->params[i].name, name) == 0)
			return &values[i];
	return NULL;
}

static int64_t value_of(const struct strategy *s, const int64_t *values, const char *name)
{
	const int64_t *v = find_value(s, values, name);

	assert(v != NULL);
	return *v;
}

static int64_t get(const struct plan *p, const char *name)
{
	return value_of(p->s, p->values, name);
}

static size_t get_size(const struct plan *p, const char *name)
{
	return (size_t)get(p, name);
}

/* Reasoning */

static void say(struct signal *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct signal *s, const char *fmt, ...)
{
	size_t n = strlen(s->why);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why + n, sizeof s->why - n, fmt, ap);
	va_end(ap);
}

/* Add a note to the reasoning, or count it when there is no room left. */
static void note(struct plan *p, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (p->text_len + n + 2 + TEXT_TAIL >= TEXT_MAX) {
		p->unsaid++;
		return;
	}
	snprintf(p->text + p->text_len, TEXT_MAX - p->text_len, "%s%s",
		 p->text_len == 0 ? "" : "; ", text);
	p->text_len = strlen(p->text);
}

static void finish(struct plan *p)
{
	size_t room = TEXT_MAX - p->text_len;

	if (p->unsaid > 0)
		snprintf(p->text + p->text_len, room, "%sand %zu more",
			 p->text_len == 0 ? "" : "; ", p->unsaid);
	p->d->reasoning = mem_strdup(p->text);
}

static const char *money_text(struct money m, char out[DECIMAL_TEXT_MAX])
{
	return decimal_format_fixed(m.u, MONEY_SCALE, 2, out);
}

/* Digits after the point that leave a price of that size readable. */
static int price_places(double units)
{
	double p = units < 0 ? -units / 1e10 : units / 1e10;

	return p >= 1000 ? 2 : p >= 1 ? 4 : 10;
}

static double percent(struct money part, struct money whole)
{
	return whole.u == 0 ? 0 : 100.0 * (double)part.u / (double)whole.u;
}

/* Amounts and orders */

static int too_large(struct plan *p, size_t i)
{
	decision_fail(p->d, DECISION_ERROR, "asset %s: its value is out of range",
		      p->v->assets[i].symbol);
	return -1;
}

/* What the position is worth. A value that is no value means books that cannot be. */
static int worth(struct plan *p, size_t i, struct money *out)
{
	if (view_position_value(p->v, i, out) != 0 || out->u < 0)
		return too_large(p, i);
	return 0;
}

static struct quantity held(const struct plan *p, size_t i)
{
	return p->v->positions == NULL ? (struct quantity){ 0 } : p->v->positions[i].quantity;
}

static bool tradable(const struct plan *p, size_t i)
{
	return view_tradable(&p->v->assets[i]);
}

/* ${bps} of ${m}, rounded down; a rate of at most the whole cannot overflow. */
static struct money part_of(struct money m, int64_t bps)
{
	struct money out = { 0 };

	if (m.u > 0 && money_rate(m, bps * BP_E8, DECIMAL_DOWN, &out) != 0)
		out.u = 0;
	return out;
}

/* Cash less what the parameters, or else the margin, keep back. */
static struct money budget_of(const struct plan *p)
{
	const int64_t *reserve_bps = find_value(p->s, p->values, "reserve_bps");
	struct money base = reserve_bps != NULL ? p->v->equity : p->v->cash;
	int64_t rate = reserve_bps != NULL ? *reserve_bps * BP_E8 : MARGIN_E8;
	struct money kept, left;

	if (p->v->cash.u <= 0 || base.u <= 0)
		return (struct money){ 0 };
	if (money_rate(base, rate, DECIMAL_UP, &kept) != 0 ||
	    money_sub(p->v->cash, kept, &left) != 0 || left.u < 0)
		return (struct money){ 0 };
	return left;
}

static struct decision_order *order(struct plan *p, size_t i, enum decision_side side)
{
	struct decision_order *o = decision_add(p->d);

	assert(tradable(p, i));
	memcpy(o->asset, p->v->assets[i].symbol, sizeof o->asset);
	o->side = side;
	return o;
}

static bool full(const struct plan *p)
{
	return p->d->n_orders >= p->max_orders;
}

/* Buy for ${want} or what the budget has left; what was spent, 0 for nothing. */
static struct money buy(struct plan *p, size_t i, struct money want)
{
	struct money m = want.u < p->budget.u ? want : p->budget;
	struct decision_order *o;

	if (m.u <= 0 || m.u < p->min_order.u || full(p))
		return (struct money){ 0 };
	o = order(p, i, DECISION_BUY);
	o->by_notional = true;
	o->notional = m;
	p->budget.u -= m.u;
	return m;
}

static bool sell(struct plan *p, size_t i, struct quantity q)
{
	if (q.u <= 0 || q.u > held(p, i).u || full(p))
		return false;
	order(p, i, DECISION_SELL)->quantity = q;
	return true;
}

/* Sell units worth ${m}, which is less than the position is worth. */
static bool sell_worth(struct plan *p, size_t i, struct money m)
{
	struct quantity q;

	if (m.u < p->min_order.u)
		return false;
	if (quantity_of(m, p->v->assets[i].price, DECIMAL_DOWN, &q) != 0)
		return false;
	return sell(p, i, q);
}

/* Strategies that judge each asset by itself */

static double *closes_of(const struct view_asset *a)
{
	double *x = mem_array(a->n_candles, sizeof *x);

	for (size_t i = 0; i < a->n_candles; i++)
		x[i] = (double)a->candles[i].close.u;
	return x;
}

static void judge(const struct plan *p, size_t i, size_t needs, signal_fn *fn,
		  struct signal *out)
{
	const struct view_asset *a = &p->v->assets[i];
	double *x;

	if (!view_tradable(a)) {
		say(out, "cannot be traded, its price is %s", view_quality_name(a->quality));
		return;
	}
	if (a->n_candles < needs) {
		say(out, "needs %zu candles, has %zu", needs, a->n_candles);
		return;
	}
	x = closes_of(a);
	fn(p, a, x, out);
	free(x);
}

static struct signal *judge_all(const struct plan *p, size_t needs, signal_fn *fn)
{
	struct signal *s = mem_array(p->v->n_assets, sizeof *s);

	for (size_t i = 0; i < p->v->n_assets; i++)
		judge(p, i, needs, fn, &s[i]);
	return s;
}

static void try_sell(struct plan *p, size_t i, struct signal *s)
{
	if (held(p, i).u == 0) {
		say(s, ", none held");
		return;
	}
	s->done = sell(p, i, held(p, i));
	say(s, s->done ? ": sell all" : ", order limit reached");
}

/* Whether a position is left alone. One that follows a target is topped up only from below half
 * of it: topping up every dip would trade at every decision and pay for it in fees. */
static bool enough(const struct plan *p, size_t i, struct money value, struct money share,
		   bool follow)
{
	if (held(p, i).u == 0)
		return false;
	return !follow || value.u >= share.u - share.u / 2;
}

static int try_buy(struct plan *p, size_t i, struct money share, bool follow, struct signal *s)
{
	char text[DECIMAL_TEXT_MAX];
	struct money value, spent;

	if (worth(p, i, &value) != 0)
		return -1;
	if (enough(p, i, value, share, follow)) {
		say(s, ", already held");
		return 0;
	}
	spent = buy(p, i, (struct money){ share.u - value.u });
	s->done = spent.u > 0;
	if (s->done)
		say(s, ": buy for %s", money_text(spent, text));
	else
		say(s, full(p) ? ", order limit reached" : ", too little cash");
	return 0;
}

static void explain(struct plan *p, const struct signal *s, bool done)
{
	for (size_t i = 0; i < p->v->n_assets; i++)
		if (s[i].done == done)
			note(p, "%s %s", p->v->assets[i].symbol, s[i].why);
}

/*
 * Turn signals into orders: sells in order of symbol, then buys of ${share} each in the order
 * of ${rank} (NULL: of symbol). ${follow}: the share is a target, not the size of one purchase.
 */
static int act(struct plan *p, struct signal *s, const size_t *rank, struct money share,
	       bool follow)
{
	for (size_t i = 0; i < p->v->n_assets; i++)
		if (s[i].wish == WISH_SELL)
			try_sell(p, i, &s[i]);
	for (size_t k = 0; k < p->v->n_assets; k++) {
		size_t i = rank == NULL ? k : rank[k];

		if (s[i].wish == WISH_BUY && try_buy(p, i, share, follow, &s[i]) != 0)
			return -1;
	}
	explain(p, s, true);
	explain(p, s, false);
	return 0;
}

static int judge_and_act(struct plan *p, size_t needs, signal_fn *fn, struct money share,
			 bool follow)
{
	struct signal *s = judge_all(p, needs, fn);
	int rc = act(p, s, NULL, share, follow);

	free(s);
	return rc;
}

static void sma_signal(const struct plan *p, const struct view_asset *a, const double *x,
		       struct signal *out)
{
	size_t n_fast = get_size(p, "fast"), n_slow = get_size(p, "slow");
	double fast, slow;

	if (!indicator_sma(x, a->n_candles, n_fast, &fast) ||
	    !indicator_sma(x, a->n_candles, n_slow, &slow)) {
		say(out, "has no means");
		return;
	}
	out->wish = fast > slow ? WISH_BUY : fast < slow ? WISH_SELL : WISH_NONE;
	say(out, "SMA(%zu) %.*f %s SMA(%zu) %.*f", n_fast, price_places(fast), fast / 1e10,
	    out->wish == WISH_BUY    ? "above"
	    : out->wish == WISH_SELL ? "below"
				     : "equals",
	    n_slow, price_places(slow), slow / 1e10);
}

static int64_t sma_share_bps(const struct plan *p)
{
	int64_t bps = get(p, "share_bps");

	if (bps > 0 || p->v->n_assets == 0)
		return bps;
	bps = 10000 / (int64_t)p->v->n_assets;
	return bps < AUTO_SHARE_BPS ? bps : AUTO_SHARE_BPS;
}

static int decide_sma_cross(struct plan *p)
{
	struct money share = part_of(p->v->equity, sma_share_bps(p));

	return judge_and_act(p, get_size(p, "slow"), sma_signal, share, true);
}

static int check_sma_cross(const struct strategy *s, const int64_t *values, struct err *e)
{
	int64_t fast = value_of(s, values, "fast"), slow = value_of(s, values, "slow");

	if (fast < slow)
		return 0;
	return err_set(e, ERR_DATA,
		       "strategy %s: fast must be less than slow, not %lld and %lld", s->name,
		       (long long)fast, (long long)slow);
}

static void rsi_signal(const struct plan *p, const struct view_asset *a, const double *x,
		       struct signal *out)
{
	int64_t low = get(p, "low"), high = get(p, "high");
	size_t n = get_size(p, "period");
	double rsi;

	if (!indicator_rsi(x, a->n_candles, n, &rsi)) {
		say(out, "has no RSI");
		return;
	}
	say(out, "RSI(%zu) %.2f ", n, rsi);
	if (rsi < (double)low) {
		out->wish = WISH_BUY;
		say(out, "below %lld", (long long)low);
	} else if (rsi > (double)high) {
		out->wish = WISH_SELL;
		say(out, "above %lld", (long long)high);
	} else {
		say(out, "within %lld to %lld", (long long)low, (long long)high);
	}
}

static int decide_rsi(struct plan *p)
{
	struct money share = part_of(p->v->equity, get(p, "share_bps"));

	return judge_and_act(p, get_size(p, "period") + 1, rsi_signal, share, false);
}

static int check_rsi(const struct strategy *s, const int64_t *values, struct err *e)
{
	int64_t low = value_of(s, values, "low"), high = value_of(s, values, "high");

	if (low < high)
		return 0;
	return err_set(e, ERR_DATA,
		       "strategy %s: low must be less than high, not %lld and %lld", s->name,
		       (long long)low, (long long)high);
}

static void reversion_signal(const struct plan *p, const struct view_asset *a, const double *x,
			     struct signal *out)
{
	double price = (double)a->price.u, k = (double)get(p, "width_pct") / 100.0, line;
	struct indicator_bands b;
	const char *where;

	if (!indicator_bollinger(x, a->n_candles, get_size(p, "period"), k, &b)) {
		say(out, "has no bands");
		return;
	}
	if (price < b.lower) {
		out->wish = WISH_BUY;
		where = "below its lower band";
		line = b.lower;
	} else if (price > b.middle) {
		out->wish = WISH_SELL;
		where = "above its mean";
		line = b.middle;
	} else {
		where = "not above its mean";
		line = b.middle;
	}
	say(out, "%.*f %s %.*f", price_places(price), price / 1e10, where, price_places(line),
	    line / 1e10);
}

static int decide_mean_reversion(struct plan *p)
{
	struct money share = part_of(p->v->equity, get(p, "share_bps"));

	return judge_and_act(p, get_size(p, "period"), reversion_signal, share, false);
}

/* Momentum compares the assets with each other */

static void momentum_signal(const struct plan *p, const struct view_asset *a, const double *x,
			    struct signal *out)
{
	size_t n = get_size(p, "lookback");

	if (!indicator_return(x, a->n_candles, n, &out->value)) {
		say(out, "has no return");
		return;
	}
	out->known = true;
	say(out, "%+.2f %% in %zu candles", 100.0 * out->value, n);
}

static bool ranks_before(const struct signal *s, size_t a, size_t b)
{
	if (s[a].known != s[b].known)
		return s[a].known;
	if (s[a].value > s[b].value || s[a].value < s[b].value)
		return s[a].value > s[b].value;
	return a < b;
}

/* Indices by falling return, ties by symbol, unknown ones last. Insertion, as they are few. */
static size_t *rank_signals(const struct signal *s, size_t n)
{
	size_t *rank = mem_array(n, sizeof *rank);

	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && ranks_before(s, i, rank[k - 1]); k--)
			rank[k] = rank[k - 1];
		rank[k] = i;
	}
	return rank;
}

static int decide_momentum(struct plan *p)
{
	struct signal *s = judge_all(p, get_size(p, "lookback") + 1, momentum_signal);
	size_t *rank = rank_signals(s, p->v->n_assets);
	struct money share = part_of(p->v->equity, get(p, "share_bps"));
	int rc;

	for (size_t k = 0; k < p->v->n_assets; k++) {
		struct signal *one = &s[rank[k]];
		bool leads = k < get_size(p, "top") && one->value > 0;

		if (one->known)
			one->wish = leads ? WISH_BUY : WISH_SELL;
	}
	rc = act(p, s, rank, share, true);
	free(rank);
	free(s);
	return rc;
}

static int check_momentum(const struct strategy *s, const int64_t *values, struct err *e)
{
	int64_t top = value_of(s, values, "top"), bps = value_of(s, values, "share_bps");

	if (top * bps <= 10000)
		return 0;
	return err_set(e, ERR_DATA,
		       "strategy %s: top times share_bps must be at most 10000, not %lld",
		       s->name, (long long)(top * bps));
}

/* Baselines */

static int decide_hold(struct plan *p)
{
	char text[DECIMAL_TEXT_MAX];

	note(p, "keeps %s %s in cash and never trades", money_text(p->v->cash, text),
	     p->v->quote);
	return 0;
}

static size_t count_tradable(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->v->n_assets; i++)
		n += tradable(p, i);
	return n;
}

static size_t count_held(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->v->n_assets; i++)
		n += held(p, i).u > 0;
	return n;
}

static int decide_buy_and_hold(struct plan *p)
{
	size_t n = count_tradable(p), owned = count_held(p);
	char text[DECIMAL_TEXT_MAX];
	struct money share;

	if (owned > 0) {
		note(p, "invested in %zu of %zu assets and keeps them", owned, p->v->n_assets);
		return 0;
	}
	if (n == 0) {
		note(p, "none of %zu assets has a price to trade at", p->v->n_assets);
		return 0;
	}
	if (n > p->max_orders)
		n = p->max_orders;
	share.u = p->budget.u / (int64_t)n;
	for (size_t i = 0; i < p->v->n_assets; i++)
		if (tradable(p, i))
			buy(p, i, share);
	if (p->d->n_orders == 0)
		note(p, "a share of %s is too small to buy", money_text(share, text));
	else
		note(p, "holds nothing: buys %zu assets for %s each", p->d->n_orders,
		     money_text(share, text));
	return 0;
}

/* The books against equal shares. */
struct balance {
	struct money *values;  /* of each position; owned */
	struct money target;   /* the equal share */
	struct money farthest; /* the largest distance from it, or idle cash */
	size_t n;	       /* assets that share */
};

/* An asset that cannot be traded now but is held keeps its share: else a price that is missing
 * for one window would spread its share over the others, only to be sold again. */
static bool shares(const struct plan *p, size_t i)
{
	return tradable(p, i) || held(p, i).u > 0;
}

static int balance_values(struct plan *p, struct balance *b)
{
	for (size_t i = 0; i < p->v->n_assets; i++) {
		if (worth(p, i, &b->values[i]) != 0)
			return -1;
		b->n += shares(p, i);
	}
	return 0;
}

static int balance_measure(struct plan *p, struct balance *b)
{
	b->values = mem_array(p->v->n_assets, sizeof *b->values);
	if (balance_values(p, b) != 0)
		return -1;
	if (b->n > 0)
		b->target.u =
			part_of(p->v->equity, 10000 - get(p, "reserve_bps")).u / (int64_t)b->n;
	b->farthest = p->budget;
	for (size_t i = 0; i < p->v->n_assets; i++) {
		int64_t off = b->values[i].u - b->target.u;

		if (tradable(p, i) && (off < 0 ? -off : off) > b->farthest.u)
			b->farthest.u = off < 0 ? -off : off;
	}
	return 0;
}

static void note_trade(struct plan *p, size_t i, const struct balance *b, const char *verb,
		       struct money amount)
{
	char text[DECIMAL_TEXT_MAX];

	note(p, "%s is %.2f %% of equity, its share %.2f %%: %s %s", p->v->assets[i].symbol,
	     percent(b->values[i], p->v->equity), percent(b->target, p->v->equity), verb,
	     money_text(amount, text));
}

static void rebalance(struct plan *p, const struct balance *b)
{
	for (size_t i = 0; i < p->v->n_assets; i++) {
		struct money over = { b->values[i].u - b->target.u };

		if (tradable(p, i) && over.u > 0 && sell_worth(p, i, over))
			note_trade(p, i, b, "sell", over);
	}
	for (size_t i = 0; i < p->v->n_assets; i++) {
		struct money spent, under = { b->target.u - b->values[i].u };

		if (!tradable(p, i) || under.u <= 0)
			continue;
		spent = buy(p, i, under);
		if (spent.u > 0)
			note_trade(p, i, b, "buy", spent);
	}
}

static int decide_equal_weight(struct plan *p)
{
	struct balance b = { 0 };
	struct money band = part_of(p->v->equity, get(p, "band_bps"));
	int rc;

	rc = balance_measure(p, &b);
	if (rc == 0 && b.farthest.u > band.u)
		rebalance(p, &b);
	if (rc == 0 && p->d->n_orders == 0)
		note(p, "%zu assets within %.2f %% of equity from equal shares, band %.2f %%",
		     b.n, percent(b.farthest, p->v->equity), percent(band, p->v->equity));
	free(b.values);
	return rc;
}

/* Chance */

static bool candidate(const struct plan *p, size_t i, enum decision_side side)
{
	if (!tradable(p, i))
		return false;
	if (side == DECISION_SELL)
		return held(p, i).u > 0;
	return p->budget.u > 0 && p->budget.u >= p->min_order.u;
}

static size_t count_candidates(const struct plan *p, enum decision_side side)
{
	size_t n = 0;

	for (size_t i = 0; i < p->v->n_assets; i++)
		n += candidate(p, i, side);
	return n;
}

static size_t nth_candidate(const struct plan *p, enum decision_side side, uint64_t nth)
{
	size_t i = 0;

	for (;; i++)
		if (candidate(p, i, side) && nth-- == 0)
			return i;
}

/* Sell units worth ${amount}, or all if what remained would be too small to sell. */
static int sell_about(struct plan *p, size_t i, struct money amount)
{
	struct money value;

	if (worth(p, i, &value) != 0)
		return -1;
	if (value.u <= amount.u || value.u - amount.u < p->min_order.u)
		sell(p, i, held(p, i));
	else
		sell_worth(p, i, amount);
	return 0;
}

static int trade_by_chance(struct plan *p, uint64_t *state)
{
	bool sells = random_below(state, 2) == 1;
	enum decision_side side = sells ? DECISION_SELL : DECISION_BUY;
	int64_t bps = 1 + (int64_t)random_below(state, (uint64_t)get(p, "share_bps"));
	struct money amount = part_of(p->v->equity, bps);
	size_t i;
	int rc = 0;

	if (count_candidates(p, side) == 0)
		side = side == DECISION_BUY ? DECISION_SELL : DECISION_BUY;
	if (count_candidates(p, side) == 0) {
		note(p, "drew a trade, but nothing can be bought or sold");
		return 0;
	}
	i = nth_candidate(p, side, random_below(state, count_candidates(p, side)));
	if (amount.u < p->min_order.u)
		amount = p->min_order;
	if (side == DECISION_BUY)
		buy(p, i, amount);
	else
		rc = sell_about(p, i, amount);
	if (rc == 0)
		note(p, "drew to %s %s for about %.2f %% of equity", decision_side_name(side),
		     p->v->assets[i].symbol, (double)bps / 100.0);
	return rc;
}

static int decide_random(struct plan *p)
{
	uint64_t state = p->seed;
	int64_t rate = get(p, "rate_per_day"), per_day = get(p, "decisions_per_day");
	int64_t drawn = (int64_t)random_below(&state, (uint64_t)per_day);

	if (drawn < rate)
		return trade_by_chance(p, &state);
	note(p, "drew %lld of %lld, trades below %lld", (long long)drawn, (long long)per_day,
	     (long long)rate);
	return 0;
}

static int check_random(const struct strategy *s, const int64_t *values, struct err *e)
{
	int64_t rate = value_of(s, values, "rate_per_day");
	int64_t per_day = value_of(s, values, "decisions_per_day");

	if (rate <= per_day)
		return 0;
	return err_set(e, ERR_DATA,
		       "strategy %s: rate_per_day %lld is more than decisions_per_day %lld",
		       s->name, (long long)rate, (long long)per_day);
}

/* The table's other half: what a strategy does, in the same order. */
static const struct rule {
	const char *name;
	int (*decide)(struct plan *p);
	int (*check)(const struct strategy *s, const int64_t *values, struct err *e);
} rules[] = {
	{ "buy-and-hold", decide_buy_and_hold, NULL },
	{ "equal-weight", decide_equal_weight, NULL },
	{ "hold", decide_hold, NULL },
	{ "mean-reversion", decide_mean_reversion, NULL },
	{ "momentum", decide_momentum, check_momentum },
	{ "random", decide_random, check_random },
	{ "rsi", decide_rsi, check_rsi },
	{ "sma-cross", decide_sma_cross, check_sma_cross },
};

_Static_assert(sizeof rules / sizeof rules[0] + 1 ==
		       sizeof strategy_table / sizeof strategy_table[0],
	       "each strategy has its rule");

static const struct rule *rule_of(const struct strategy *s)
{
	const struct rule *r = &rules[s - strategy_table];

	assert(strcmp(r->name, s->name) == 0);
	return r;
}

const struct strategy *strategy_find(const char *name)
{
	for (const struct strategy *s = strategy_table; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

void strategy_defaults(const struct strategy *s, int64_t values[STRATEGY_PARAMS_MAX])
{
	memset(values, 0, STRATEGY_PARAMS_MAX * sizeof *values);
	for (size_t i = 0; i < s->n_params; i++)
		values[i] = s->params[i].def;
}

static int unknown_param(const struct strategy *s, const char *name, struct err *e)
{
	const char *names[STRATEGY_PARAMS_MAX + 1] = { NULL };
	const char *nearest;

	for (size_t i = 0; i < s->n_params; i++)
		names[i] = s->params[i].name;
	nearest = ident_nearest(name, names);
	if (nearest == NULL)
		return err_set(e, ERR_DATA, "strategy %s has no parameter %.40s", s->name,
			       name);
	return err_set(e, ERR_DATA, "strategy %s has no parameter %.40s, did you mean %s?",
		       s->name, name, nearest);
}

int strategy_set(const struct strategy *s, int64_t values[STRATEGY_PARAMS_MAX],
		 const char *name, const char *text, struct err *e)
{
	const struct strategy_param *p;
	size_t i = 0;
	int64_t v;

	while (i < s->n_params && strcmp(s->params[i].name, name) != 0)
		i++;
	if (i == s->n_params)
		return unknown_param(s, name, e);
	p = &s->params[i];
	if (decimal_parse(text, strlen(text), 0, &v, e) != 0)
		return err_prefix(e, "strategy %s: %s", s->name, p->name);
	if (v < p->min || v > p->max)
		return err_set(e, ERR_DATA,
			       "strategy %s: %s must be from %lld to %lld, not %lld", s->name,
			       p->name, (long long)p->min, (long long)p->max, (long long)v);
	values[i] = v;
	return 0;
}

int strategy_check(const struct strategy *s, const int64_t values[STRATEGY_PARAMS_MAX],
		   struct err *e)
{
	const struct rule *r = rule_of(s);

	return r->check == NULL ? 0 : r->check(s, values, e);
}

static void plan_init(struct plan *p, const struct strategy *s, const int64_t *values,
		      const struct view *v, struct decision *d)
{
	const int64_t *min_order = find_value(s, values, "min_order");
	const int64_t *max_orders = find_value(s, values, "max_orders");

	*p = (struct plan){ .s = s, .values = values, .v = v, .d = d };
	p->min_order.u = min_order == NULL ? 0 : *min_order * MONEY_ONE;
	p->max_orders = max_orders == NULL ? DECISION_ORDERS_MAX : (size_t)*max_orders;
	p->budget = budget_of(p);
}

void strategy_decide(const struct strategy *s, const int64_t values[STRATEGY_PARAMS_MAX],
		     const struct view *v, uint64_t seed, struct decision *d)
{
	struct plan p;

	plan_init(&p, s, values, v, d);
	p.seed = seed;
	d->status = DECISION_HOLD;
	if (rule_of(s)->decide(&p) == 0)
		finish(&p);
}
