#include "strategy.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "random.h"
#include "unit.h"

#include "banned.h"

#define ONE INT64_C(100000000)
#define PRICE_ONE INT64_C(10000000000)
#define VIEWS 100000

/* Views and decisions by hand */

static void set_symbol(struct view_asset *a, const char *symbol)
{
	memcpy(a->symbol, symbol, strlen(symbol) + 1);
	a->enabled = true;
}

/* ${n} assets named AAA, BBB ... ZZZ, Z26, Z27 ..., at a price of 100, with ${cash} units of
 * cash. */
static void make_view(struct view *v, size_t n, int64_t cash)
{
	view_init(v);
	memcpy(v->quote, "USD", 4);
	v->n_assets = n;
	v->assets = mem_array(n, sizeof *v->assets);
	v->positions = mem_array(n, sizeof *v->positions);
	for (size_t i = 0; i < n; i++) {
		char name[4] = { 0 };

		if (i < 26)
			memset(name, 'A' + (int)i, 3);
		else
			snprintf(name, sizeof name, "Z%02u", (unsigned)i % 100);
		set_symbol(&v->assets[i], name);
		v->assets[i].price.u = 100 * PRICE_ONE;
	}
	v->cash.u = cash * ONE;
	v->equity.u = v->cash.u;
}

static void set_closes(struct view *v, size_t i, const int *closes, size_t n)
{
	struct view_asset *a = &v->assets[i];

	free(a->candles);
	a->candles = mem_array(n, sizeof *a->candles);
	a->n_candles = n;
	for (size_t k = 0; k < n; k++)
		a->candles[k].close.u = closes[k] * PRICE_ONE;
}

/* ${n} candles from ${from}, changing by ${step}. */
static void set_line(struct view *v, size_t i, size_t n, int from, int step)
{
	int closes[100];

	for (size_t k = 0; k < n; k++)
		closes[k] = from + (int)k * step;
	set_closes(v, i, closes, n);
}

/* Hold ${units}, at 100 each. */
static void set_held(struct view *v, size_t i, int64_t units)
{
	v->positions[i].quantity.u = units * ONE;
	v->equity.u += units * 100 * ONE;
}

static void ask_seeded(const char *name, const char *settings, const struct view *v,
		       uint64_t seed, struct decision *d)
{
	const struct strategy *s = strategy_find(name);
	int64_t values[STRATEGY_PARAMS_MAX];
	struct err e = { 0 };
	char *copy = mem_strdup(settings), *rest = copy, *word;

	strategy_defaults(s, values);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0') {
		char *value = strchr(word, '=');

		*value++ = '\0';
		if (strategy_set(s, values, word, value, &e) != 0)
			abort();
	}
	if (strategy_check(s, values, &e) != 0)
		abort();
	decision_init(d);
	strategy_decide(s, values, v, seed, d);
	free(copy);
}

static void ask(const char *name, const char *settings, const struct view *v,
		struct decision *d)
{
	ask_seeded(name, settings, v, 1, d);
}

static bool is_buy(const struct decision *d, size_t i, const char *asset, int64_t notional)
{
	const struct decision_order *o = i < d->n_orders ? &d->orders[i] : NULL;

	return o != NULL && strcmp(o->asset, asset) == 0 && o->side == DECISION_BUY &&
	       o->by_notional && o->notional.u == notional && !o->has_limit;
}

static bool is_sell(const struct decision *d, size_t i, const char *asset, int64_t quantity)
{
	const struct decision_order *o = i < d->n_orders ? &d->orders[i] : NULL;

	return o != NULL && strcmp(o->asset, asset) == 0 && o->side == DECISION_SELL &&
	       !o->by_notional && o->quantity.u == quantity && !o->has_limit;
}

static bool says(const struct decision *d, const char *text)
{
	return d->reasoning != NULL && strstr(d->reasoning, text) != NULL;
}

static bool holds(const struct decision *d, const char *text)
{
	return d->status == DECISION_HOLD && d->n_orders == 0 && says(d, text);
}

/* Tables and parameters */

static void test_table(void)
{
	bool sorted = true, found = true, sane = true;
	size_t n = 0;

	for (const struct strategy *s = strategy_table; s->name != NULL; s++, n++) {
		int64_t values[STRATEGY_PARAMS_MAX];
		struct err e = { 0 };

		sorted = sorted && (n == 0 || strcmp(s[-1].name, s->name) < 0);
		found = found && strategy_find(s->name) == s;
		sane = sane && s->n_params <= STRATEGY_PARAMS_MAX && s->help != NULL;
		strategy_defaults(s, values);
		sane = sane && strategy_check(s, values, &e) == 0;
		for (size_t i = 0; i < s->n_params; i++)
			sane = sane && s->params[i].min <= s->params[i].def &&
			       s->params[i].def <= s->params[i].max &&
			       values[i] == s->params[i].def && s->params[i].help != NULL;
	}
	unit_ok(n == 8 && sorted, "the eight strategies are in order of name");
	unit_ok(found && strategy_find("HOLD") == NULL && strategy_find("") == NULL,
		"a strategy is found by its exact name only");
	unit_ok(sane, "defaults are within their ranges and pass the check");
}

static int set(const char *strategy, const char *name, const char *text, int64_t *values,
	       struct err *e)
{
	const struct strategy *s = strategy_find(strategy);

	memset(e, 0, sizeof *e);
	strategy_defaults(s, values);
	return strategy_set(s, values, name, text, e);
}

static void test_set(void)
{
	int64_t v[STRATEGY_PARAMS_MAX];
	struct err e;

	unit_ok(set("rsi", "period", "21", v, &e) == 0 && v[0] == 21 && v[1] == 30 &&
			e.status == 0,
		"one parameter is set and the others stay");
	unit_ok(set("rsi", "period", "0", v, &e) == -1 && e.status == ERR_DATA && v[0] == 14 &&
			strstr(e.text, "1 to 5000") != NULL,
		"a value below its range is refused, naming the range");
	unit_ok(set("rsi", "low", "101", v, &e) == -1 && e.status == ERR_DATA && v[1] == 30 &&
			strstr(e.text, "0 to 100") != NULL,
		"a value above its range is refused");
	unit_ok(set("rsi", "low", "0", v, &e) == 0 && set("rsi", "low", "100", v, &e) == 0,
		"both ends of a range are allowed");
	unit_ok(set("rsi", "period", "14x", v, &e) == -1 && e.status == ERR_DATA &&
			set("rsi", "period", "", v, &e) == -1 &&
			set("rsi", "period", "1.5", v, &e) == -1 &&
			set("rsi", "period", "99999999999999999999", v, &e) == -1,
		"a value that is no integer is refused");
	unit_ok(set("rsi", "perod", "14", v, &e) == -1 && e.status == ERR_DATA &&
			strstr(e.text, "did you mean period?") != NULL,
		"an unknown parameter is refused with the nearest name");
	unit_ok(set("hold", "period", "14", v, &e) == -1 && e.status == ERR_DATA,
		"a strategy without parameters takes none");
}

static int check(const char *strategy, const char *a, const char *b, const char *name,
		 const char *other, struct err *e)
{
	const struct strategy *s = strategy_find(strategy);
	int64_t v[STRATEGY_PARAMS_MAX];

	memset(e, 0, sizeof *e);
	strategy_defaults(s, v);
	if (strategy_set(s, v, name, a, e) != 0 || strategy_set(s, v, other, b, e) != 0)
		abort();
	return strategy_check(s, v, e);
}

static void test_check(void)
{
	struct err e;

	unit_ok(check("sma-cross", "30", "30", "fast", "slow", &e) == -1 &&
			e.status == ERR_DATA &&
			check("sma-cross", "29", "30", "fast", "slow", &e) == 0,
		"the fast mean is shorter than the slow one");
	unit_ok(check("rsi", "50", "50", "low", "high", &e) == -1 && e.status == ERR_DATA &&
			check("rsi", "49", "50", "low", "high", &e) == 0,
		"the low line is below the high one");
	unit_ok(check("momentum", "6", "2000", "top", "share_bps", &e) == -1 &&
			e.status == ERR_DATA &&
			check("momentum", "5", "2000", "top", "share_bps", &e) == 0,
		"the shares of the top assets fit into the whole");
	unit_ok(check("random", "97", "96", "rate_per_day", "decisions_per_day", &e) == -1 &&
			e.status == ERR_DATA &&
			check("random", "96", "96", "rate_per_day", "decisions_per_day", &e) ==
				0,
		"there are no more trades than decisions");
}

/* What each rule means */

static void test_hold(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 2, 1000);
	set_held(&v, 0, 3);
	ask("hold", "", &v, &d);
	unit_ok(holds(&d, "1000.00 USD"), "hold never trades");
	decision_release(&d);
	view_release(&v);
}

static void test_buy_and_hold(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 4, 1000);
	v.assets[1].quality = VIEW_STALE;
	ask("buy-and-hold", "", &v, &d);
	/* 1000 less 0.5 %, in three */
	unit_ok(d.status == DECISION_OK && d.n_orders == 3 &&
			is_buy(&d, 0, "AAA", INT64_C(33166666666)) &&
			is_buy(&d, 1, "CCC", INT64_C(33166666666)) &&
			is_buy(&d, 2, "DDD", INT64_C(33166666666)),
		"buy-and-hold buys equal shares of what is tradable, keeping the reserve");
	decision_release(&d);
	ask("buy-and-hold", "reserve_bps=1000", &v, &d);
	unit_ok(is_buy(&d, 0, "AAA", 300 * ONE), "the reserve can be set");
	decision_release(&d);
	ask("buy-and-hold", "min_order=332", &v, &d);
	unit_ok(holds(&d, "too small"), "buy-and-hold buys nothing below the smallest order");
	decision_release(&d);
	set_held(&v, 1, 1);
	ask("buy-and-hold", "", &v, &d);
	unit_ok(holds(&d, "invested in 1 of 4"), "buy-and-hold buys once only");
	decision_release(&d);
	view_release(&v);
	make_view(&v, 2, 1000);
	v.assets[0].quality = v.assets[1].quality = VIEW_ABSENT;
	ask("buy-and-hold", "", &v, &d);
	unit_ok(holds(&d, "none of 2"), "buy-and-hold waits for prices");
	decision_release(&d);
	view_release(&v);
	make_view(&v, 70, 6400);
	ask("buy-and-hold", "reserve_bps=0", &v, &d);
	unit_ok(d.n_orders == 64 && is_buy(&d, 63, "Z63", 100 * ONE),
		"with more assets than orders the cash goes to those that can be ordered");
	decision_release(&d);
	view_release(&v);
}

static void test_equal_weight(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 4, 1000);
	ask("equal-weight", "", &v, &d);
	unit_ok(d.n_orders == 4 && is_buy(&d, 0, "AAA", INT64_C(24875000000)) &&
			is_buy(&d, 3, "DDD", INT64_C(24875000000)),
		"equal-weight starts with equal shares");
	decision_release(&d);
	view_release(&v);

	/* 10000 in all: shares of 9950 / 2 = 4975 */
	make_view(&v, 2, 100);
	set_held(&v, 0, 54);
	set_held(&v, 1, 45);
	ask("equal-weight", "", &v, &d);
	unit_ok(holds(&d, "4.75 %"), "equal-weight leaves alone what is within its band");
	decision_release(&d);
	ask("equal-weight", "band_bps=474", &v, &d);
	unit_ok(d.n_orders == 2 && is_sell(&d, 0, "AAA", INT64_C(425000000)) &&
			is_buy(&d, 1, "BBB", 50 * ONE),
		"outside the band it sells first and buys for the cash at hand");
	unit_ok(says(&d, "AAA is 54.00 % of equity, its share 49.75 %: sell 425.00"),
		"equal-weight gives its numbers");
	decision_release(&d);
	view_release(&v);

	make_view(&v, 2, 700);
	set_held(&v, 0, 46);
	set_held(&v, 1, 47);
	ask("equal-weight", "", &v, &d);
	unit_ok(d.n_orders == 2 && is_buy(&d, 0, "AAA", 375 * ONE) &&
			is_buy(&d, 1, "BBB", 275 * ONE),
		"idle cash beyond the band is spread although no asset is far off");
	decision_release(&d);
	v.assets[1].quality = VIEW_SUSPECT;
	ask("equal-weight", "", &v, &d);
	unit_ok(d.n_orders == 1 && is_buy(&d, 0, "AAA", 375 * ONE),
		"an asset that cannot be traded keeps its share");
	decision_release(&d);
	view_release(&v);
}

static void test_sma_cross(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 3, 8000);
	set_line(&v, 0, 30, 200, 1);  /* rises: long */
	set_line(&v, 1, 30, 200, -1); /* falls: out */
	set_line(&v, 2, 12, 200, 1);
	set_held(&v, 1, 20);
	ask("sma-cross", "", &v, &d);
	unit_ok(d.n_orders == 2 && is_sell(&d, 0, "BBB", 20 * ONE) &&
			is_buy(&d, 1, "AAA", 2000 * ONE),
		"sma-cross sells all that crossed down, then buys its share of what is up");
	unit_ok(says(&d, "AAA SMA(10) 224.5000 above SMA(30) 214.5000: buy for 2000.00") &&
			says(&d, "BBB SMA(10) 175.5000 below SMA(30) 185.5000: sell all") &&
			says(&d, "CCC needs 30 candles, has 12"),
		"sma-cross gives the means it compared and what it lacks");
	decision_release(&d);
	ask("sma-cross", "share_bps=100", &v, &d);
	unit_ok(is_buy(&d, 1, "AAA", 100 * ONE), "the share can be set");
	decision_release(&d);
	set_held(&v, 0, 10);
	v.positions[1].quantity.u = 0;
	v.equity.u = 10000 * ONE;
	ask("sma-cross", "", &v, &d);
	unit_ok(holds(&d, "AAA SMA(10) 224.5000 above SMA(30) 214.5000, already held"),
		"a position of half its share or more is left alone");
	decision_release(&d);
	v.positions[0].quantity.u--;
	ask("sma-cross", "", &v, &d);
	unit_ok(d.n_orders == 1 && is_buy(&d, 0, "AAA", 1000 * ONE + 100),
		"a smaller one is filled up to its share");
	decision_release(&d);
	set_line(&v, 0, 30, 200, 0);
	ask("sma-cross", "", &v, &d);
	unit_ok(holds(&d, "equals"), "equal means trade nothing");
	decision_release(&d);
	view_release(&v);

	make_view(&v, 8, 8000);
	for (size_t i = 0; i < 8; i++)
		set_line(&v, i, 30, 200, 1);
	ask("sma-cross", "max_orders=8", &v, &d);
	unit_ok(d.n_orders == 8 && is_buy(&d, 6, "GGG", 1000 * ONE) &&
			is_buy(&d, 7, "HHH", 920 * ONE),
		"with more than five assets the shares are equal parts of the whole");
	decision_release(&d);
	view_release(&v);
}

/* Falls nine times and rises five times by the same: RSI 14 of 35.7; 30 at the edge below. */
static void test_rsi(void)
{
	static const int fall[] = { 200, 199, 198, 197, 196, 195, 194, 193,
				    192, 191, 190, 191, 192, 193, 194 };
	static const int edge[] = { 107, 106, 105, 104, 103, 102, 101, 100, 103, 103, 103 };
	struct decision d;
	struct view v;

	make_view(&v, 2, 10000);
	set_closes(&v, 0, fall, 15); /* 4 of 14 changes up: 28.57 */
	set_line(&v, 1, 15, 200, 1);
	ask("rsi", "", &v, &d);
	unit_ok(d.n_orders == 1 && is_buy(&d, 0, "AAA", 1500 * ONE),
		"rsi buys below the low line what it does not hold");
	unit_ok(says(&d, "AAA RSI(14) 28.57 below 30: buy for 1500.00") &&
			says(&d, "BBB RSI(14) 100.00 above 70, none held"),
		"rsi gives its numbers, those of its orders first");
	decision_release(&d);
	set_held(&v, 0, 1);
	set_held(&v, 1, 7);
	ask("rsi", "", &v, &d);
	unit_ok(d.n_orders == 1 && is_sell(&d, 0, "BBB", 7 * ONE),
		"rsi sells all above the high line and does not buy twice");
	decision_release(&d);
	ask("rsi", "low=28 high=100", &v, &d);
	unit_ok(holds(&d, "within 28 to 100"), "between and on the lines it does nothing");
	decision_release(&d);
	ask("rsi", "period=15", &v, &d);
	unit_ok(holds(&d, "AAA needs 16 candles, has 15"), "rsi needs one candle more");
	decision_release(&d);
	set_closes(&v, 0, edge, 11); /* 3 up, 7 down: 30 exactly */
	ask("rsi", "period=10 high=99", &v, &d);
	unit_ok(says(&d, "AAA RSI(10) 30.00 within"), "on the low line rsi does not buy");
	decision_release(&d);
	view_release(&v);
}

static void test_momentum(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 5, 8000);
	set_line(&v, 0, 49, 200, 1); /* +24 % */
	set_line(&v, 1, 49, 100, 1); /* +48 % */
	set_line(&v, 2, 49, 100, 2); /* +96 % */
	set_line(&v, 3, 48, 100, 9);
	set_line(&v, 4, 49, 200, -1);
	set_held(&v, 0, 10);
	set_held(&v, 3, 5);
	set_held(&v, 4, 5);
	ask("momentum", "", &v, &d);
	unit_ok(d.n_orders == 4 && is_sell(&d, 0, "AAA", 10 * ONE) &&
			is_sell(&d, 1, "EEE", 5 * ONE) && is_buy(&d, 2, "CCC", 2000 * ONE) &&
			is_buy(&d, 3, "BBB", 2000 * ONE),
		"momentum sells what does not lead and buys the leaders, best first");
	unit_ok(says(&d, "CCC +96.00 % in 48 candles: buy for 2000.00") &&
			says(&d, "DDD needs 49 candles, has 48"),
		"momentum gives the returns; what it cannot judge it leaves alone");
	decision_release(&d);
	ask("momentum", "top=4", &v, &d);
	unit_ok(d.n_orders == 3 && is_sell(&d, 0, "EEE", 5 * ONE) &&
			is_buy(&d, 1, "CCC", 2000 * ONE),
		"a leader that fell is sold all the same");
	decision_release(&d);
	view_release(&v);

	make_view(&v, 3, 8000);
	for (size_t i = 0; i < 3; i++)
		set_line(&v, i, 49, 100, 1);
	ask("momentum", "", &v, &d);
	unit_ok(d.n_orders == 2 && is_buy(&d, 0, "AAA", 1600 * ONE) &&
			is_buy(&d, 1, "BBB", 1600 * ONE),
		"ties go to the first symbols");
	decision_release(&d);
	view_release(&v);
}

static void test_mean_reversion(void)
{
	/* mean 100, deviation 2 */
	static const int closes[] = { 98, 102, 98, 102, 98, 102, 98, 102, 98, 102,
				      98, 102, 98, 102, 98, 102, 98, 102, 98, 102 };
	struct decision d;
	struct view v;

	make_view(&v, 3, 10000);
	for (size_t i = 0; i < 3; i++)
		set_closes(&v, i, closes, 20);
	v.assets[0].price.u = 96 * PRICE_ONE - 1;
	v.assets[1].price.u = 96 * PRICE_ONE;
	v.assets[2].price.u = 100 * PRICE_ONE;
	set_held(&v, 2, 5);
	v.equity.u = 10000 * ONE;
	ask("mean-reversion", "", &v, &d);
	unit_ok(d.n_orders == 1 && is_buy(&d, 0, "AAA", 1500 * ONE),
		"mean-reversion buys below the lower band, and holds on the bands");
	unit_ok(says(&d, "below its lower band 96.0000: buy for 1500.00"),
		"mean-reversion gives its numbers");
	decision_release(&d);
	v.assets[2].price.u++;
	ask("mean-reversion", "", &v, &d);
	unit_ok(d.n_orders == 2 && is_sell(&d, 0, "CCC", 5 * ONE) &&
			is_buy(&d, 1, "AAA", 1500 * ONE),
		"mean-reversion sells all above the middle");
	decision_release(&d);
	ask("mean-reversion", "width_pct=201", &v, &d);
	unit_ok(d.n_orders == 1 && is_sell(&d, 0, "CCC", 5 * ONE), "wider bands buy later");
	decision_release(&d);
	view_release(&v);
}

static void test_random(void)
{
	size_t trades = 0, buys = 0, assets[3] = { 0 };
	bool bounded = true;
	struct decision d;
	struct view v;

	make_view(&v, 3, 4000);
	for (size_t i = 0; i < 3; i++)
		set_held(&v, i, 20);
	for (uint64_t seed = 0; seed < 96000; seed++) {
		ask_seeded("random", "", &v, seed, &d);
		trades += d.n_orders;
		if (d.n_orders > 0) {
			const struct decision_order *o = d.orders;

			buys += o->side == DECISION_BUY;
			assets[o->asset[0] - 'A']++;
			bounded = bounded && d.n_orders == 1 && o->notional.u <= 1000 * ONE &&
				  o->quantity.u <= 10 * ONE;
		}
		decision_release(&d);
	}
	/* 1000 days; five standard deviations of the counts */
	unit_ok(trades > 840 && trades < 1160, "random trades about once a day");
	unit_ok(buys > trades / 2 - 80 && buys < trades / 2 + 80,
		"random buys as often as it sells");
	unit_ok(assets[0] > 260 && assets[1] > 260 && assets[2] > 260,
		"random picks every asset about as often");
	unit_ok(bounded, "random trades one asset, at most its share");
	ask("random", "rate_per_day=96", &v, &d);
	unit_ok(d.n_orders == 1 && says(&d, "drew to"), "at the full rate it always trades");
	decision_release(&d);
	for (size_t i = 0; i < 3; i++)
		v.positions[i].quantity.u = 0;
	ask("random", "rate_per_day=96 share_bps=1 min_order=50", &v, &d);
	unit_ok(d.n_orders == 1 && d.orders[0].notional.u == 50 * ONE,
		"what it draws is at least the smallest order, and a buy when nothing is held");
	decision_release(&d);
	v.cash.u = 0;
	set_held(&v, 0, 1);
	ask("random", "rate_per_day=96 share_bps=1 min_order=51", &v, &d);
	unit_ok(d.n_orders == 1 && is_sell(&d, 0, "AAA", ONE),
		"it sells all when what remained would be too small to sell");
	decision_release(&d);
	view_release(&v);
}

static void test_limits(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 7, 10000);
	for (size_t i = 0; i < 7; i++)
		set_line(&v, i, 30, 200, 1);
	ask("sma-cross", "share_bps=100", &v, &d);
	unit_ok(d.n_orders == 5, "a decision has five orders at most by default");
	unit_ok(says(&d, "more") && strlen(d.reasoning) < 300,
		"what does not fit into the reasoning is counted");
	decision_release(&d);
	ask("sma-cross", "share_bps=100 max_orders=2", &v, &d);
	unit_ok(d.n_orders == 2 && is_buy(&d, 1, "BBB", 100 * ONE), "the limit can be set");
	decision_release(&d);
	v.cash.u = 150 * ONE;
	ask("sma-cross", "share_bps=100", &v, &d);
	/* 150 less 1 %: 100 and what is left of it */
	unit_ok(d.n_orders == 2 && is_buy(&d, 1, "BBB", INT64_C(4850000000)),
		"buys leave 1 % of the cash");
	decision_release(&d);
	ask("sma-cross", "share_bps=100 min_order=49", &v, &d);
	unit_ok(d.n_orders == 1 &&
			says(&d, "BBB SMA(10) 224.5000 above SMA(30) 214.5000, too little"),
		"what is left is not spent below the smallest order");
	decision_release(&d);
	v.assets[0].quality = VIEW_STALE;
	v.assets[1].price.u = 0;
	ask("sma-cross", "share_bps=100", &v, &d);
	unit_ok(is_buy(&d, 0, "CCC", 100 * ONE) && says(&d, "CCC"),
		"assets without a tradable price are passed over");
	decision_release(&d);
	view_release(&v);
}

static void test_impossible(void)
{
	struct decision d;
	struct view v;

	make_view(&v, 1, 10000);
	set_line(&v, 0, 30, 200, 1);
	v.positions[0].quantity.u = INT64_MAX;
	v.assets[0].price.u = INT64_MAX;
	ask("sma-cross", "", &v, &d);
	unit_ok(d.status == DECISION_ERROR && d.n_orders == 0 && d.error != NULL &&
			strstr(d.error, "AAA") != NULL && d.reasoning == NULL,
		"a value out of range is an error that names the asset");
	decision_release(&d);
	ask("equal-weight", "", &v, &d);
	unit_ok(d.status == DECISION_ERROR && d.n_orders == 0, "for equal-weight too");
	decision_release(&d);
	view_release(&v);
	view_init(&v);
	ask("buy-and-hold", "", &v, &d);
	unit_ok(d.status == DECISION_HOLD, "an empty view is a hold");
	decision_release(&d);
	view_release(&v);
}

/* Properties over random views */

static int64_t below(uint64_t *r, int64_t bound)
{
	return (int64_t)random_below(r, (uint64_t)bound);
}

/* Now and then an extreme; else anything from 1 up to about 1e18, small and large alike. */
static int64_t amount(uint64_t *r)
{
	switch (below(r, 40)) {
	case 0:
		return 0;
	case 1:
		return INT64_MAX;
	case 2:
		return 1;
	default:
		return 1 + (int64_t)(random_next(r) >> (5 + below(r, 58)));
	}
}

static void random_candles(struct view_asset *a, size_t n, uint64_t *r)
{
	int64_t p = a->price.u > 0 ? a->price.u : PRICE_ONE;

	a->n_candles = n;
	a->candles = mem_array(n, sizeof *a->candles);
	/* backwards from the price, by up to 5 % a step */
	for (size_t k = n; k-- > 0;) {
		a->candles[k].close.u = p;
		if (p > INT64_MAX / 4)
			p = PRICE_ONE;
		p += p / 1000 * (below(r, 101) - 50);
	}
}

static void random_view(struct view *v, bool wild, uint64_t *r)
{
	__int128 equity;

	make_view(v, (size_t)below(r, 7), 0);
	v->cash.u = wild ? amount(r) : below(r, 100000 * ONE);
	equity = v->cash.u;
	for (size_t i = 0; i < v->n_assets; i++) {
		struct view_asset *a = &v->assets[i];
		int64_t worth = below(r, 10000 * ONE);

		a->quality = below(r, 4) > 0 ? VIEW_FRESH : (enum view_quality)below(r, 5);
		a->price.u = wild ? amount(r) : 1 + below(r, 1000 * PRICE_ONE);
		if (a->quality == VIEW_ABSENT)
			a->price.u = 0;
		random_candles(a, (size_t)below(r, 24), r);
		if (below(r, 2) == 0)
			continue;
		v->positions[i].quantity.u = amount(r);
		if (!wild && a->price.u > 0)
			quantity_of((struct money){ worth }, a->price, DECIMAL_DOWN,
				    &v->positions[i].quantity);
		equity += (__int128)v->positions[i].quantity.u * a->price.u / PRICE_ONE;
	}
	v->equity.u = equity > INT64_MAX ? INT64_MAX : (int64_t)equity;
}

/* Parameters within their ranges, with periods that the candles can serve. */
static void random_values(const struct strategy *s, int64_t *values, uint64_t *r)
{
	struct err e;

	do {
		strategy_defaults(s, values);
		for (size_t i = 0; i < s->n_params; i++) {
			const struct strategy_param *p = &s->params[i];
			int64_t span = p->max - p->min + 1;

			if (p->max == 5000 && span > 20)
				span = 20;
			if (p->max == 5000 || below(r, 2) == 0)
				values[i] = p->min + below(r, span);
		}
		memset(&e, 0, sizeof e);
	} while (strategy_check(s, values, &e) != 0);
}

static int64_t param(const struct strategy *s, const int64_t *values, const char *name,
		     int64_t def)
{
	for (size_t i = 0; i < s->n_params; i++)
		if (strcmp(s->params[i].name, name) == 0)
			return values[i];
	return def;
}

struct verdict {
	bool form;     /* statuses, orders and reasoning agree */
	bool known;    /* orders are in known assets */
	bool tradable; /* and in tradable ones */
	bool positive; /* amounts are */
	bool owned;    /* no more is sold than is held */
	bool covered;  /* no more is bought than there is cash */
	bool limited;  /* orders are neither too many nor too small */
	bool ordered;  /* sells come before buys */
	bool once;     /* an asset is in one order only */
	bool pure;
	size_t orders, errors, holds;
};

static void judge_form(const struct decision *d, struct verdict *out)
{
	bool good = d->status == DECISION_ERROR
			    ? d->n_orders == 0 && d->error != NULL && d->reasoning == NULL
			    : d->reasoning != NULL && d->error == NULL &&
				      (d->status == DECISION_OK) == (d->n_orders > 0) &&
				      (d->status == DECISION_HOLD) == (d->n_orders == 0);

	if (d->reasoning != NULL) {
		const char *tail = strstr(d->reasoning, "; and ");

		good = good && strlen(d->reasoning) < 300;
		good = good &&
		       (tail == NULL || strstr(tail, " more") == strchr(d->reasoning, 0) - 5);
		for (const char *c = d->reasoning; *c != '\0'; c++)
			good = good && *c >= ' ' && *c <= '~';
	}
	out->form = out->form && good;
	out->errors += d->status == DECISION_ERROR;
	out->holds += d->status == DECISION_HOLD;
	out->orders += d->n_orders;
}

static void judge_order(const struct view *v, const struct decision_order *o, int64_t min_order,
			struct verdict *out)
{
	const struct view_asset *a = view_find(v, o->asset);
	struct money worth = { INT64_MAX };
	bool all;

	out->known = out->known && a != NULL;
	if (a == NULL)
		return;
	out->tradable = out->tradable && view_tradable(a);
	if (o->side == DECISION_BUY) {
		out->positive = out->positive && o->by_notional && o->notional.u > 0;
		out->limited = out->limited && o->notional.u >= min_order;
		return;
	}
	all = o->quantity.u == v->positions[a - v->assets].quantity.u;
	money_of(o->quantity, a->price, DECIMAL_UP, &worth);
	/* the quantity was rounded down, by less than one unit */
	out->positive = out->positive && !o->by_notional && o->quantity.u > 0;
	out->owned = out->owned && o->quantity.u <= v->positions[a - v->assets].quantity.u;
	out->limited =
		out->limited && (all || worth.u >= min_order - a->price.u / PRICE_ONE - 1);
}

static void judge_orders(const struct strategy *s, const int64_t *values, const struct view *v,
			 const struct decision *d, struct verdict *out)
{
	int64_t min_order = param(s, values, "min_order", 0) * ONE;
	__int128 spent = 0;

	for (size_t i = 0; i < d->n_orders; i++) {
		const struct decision_order *o = &d->orders[i];

		judge_order(v, o, min_order, out);
		if (o->side == DECISION_BUY)
			spent += o->notional.u;
		else
			out->ordered = out->ordered && (i == 0 || o[-1].side == DECISION_SELL);
		for (size_t k = 0; k < i; k++)
			out->once = out->once && strcmp(o->asset, d->orders[k].asset) != 0;
	}
	out->covered = out->covered && spent <= v->cash.u;
	out->limited = out->limited && (int64_t)d->n_orders <= param(s, values, "max_orders",
								     DECISION_ORDERS_MAX);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
	if (a->status != b->status || a->n_orders != b->n_orders ||
	    !same_text(a->reasoning, b->reasoning) || !same_text(a->error, b->error))
		return false;
	for (size_t i = 0; i < a->n_orders; i++)
		if (strcmp(a->orders[i].asset, b->orders[i].asset) != 0 ||
		    a->orders[i].side != b->orders[i].side ||
		    a->orders[i].quantity.u != b->orders[i].quantity.u ||
		    a->orders[i].notional.u != b->orders[i].notional.u)
			return false;
	return true;
}

static void try_strategy(const struct strategy *s, const struct view *v, uint64_t *r,
			 struct verdict *out)
{
	int64_t values[STRATEGY_PARAMS_MAX];
	uint64_t seed = random_next(r);
	struct decision a, b;

	random_values(s, values, r);
	decision_init(&a);
	decision_init(&b);
	strategy_decide(s, values, v, seed, &a);
	/* a seed is for random alone */
	strategy_decide(s, values, v, strcmp(s->name, "random") == 0 ? seed : seed + 1, &b);
	out->pure = out->pure && same_decision(&a, &b);
	judge_form(&a, out);
	judge_orders(s, values, v, &a, out);
	decision_release(&a);
	decision_release(&b);
}

static void report(const struct verdict *v, const char *kind)
{
	char text[128];

	printf("# %s views: %zu orders, %zu holds, %zu errors\n", kind, v->orders, v->holds,
	       v->errors);
#define PROPERTY(cond, name)                                             \
	do {                                                             \
		snprintf(text, sizeof text, "%s views: %s", kind, name); \
		unit_ok(cond, text);                                     \
	} while (0)
	PROPERTY(v->form, "status, orders and reasoning agree, the text is short and plain");
	PROPERTY(v->known, "orders name assets of the view");
	PROPERTY(v->tradable, "an asset without a tradable price is never traded");
	PROPERTY(v->positive, "amounts are positive, buys by notional, sells by quantity");
	PROPERTY(v->owned, "no more is sold than is held");
	PROPERTY(v->covered, "no more is bought than there is cash for");
	PROPERTY(v->limited, "orders are neither too many nor too small");
	PROPERTY(v->ordered, "sells come before buys");
	PROPERTY(v->once, "an asset is in one order at most");
	PROPERTY(v->pure, "the same input gives the same decision");
#undef PROPERTY
}

static void test_properties(void)
{
	struct verdict verdicts[2];
	uint64_t r = 20240101;

	for (int k = 0; k < 2; k++)
		verdicts[k] = (struct verdict){ true, true, true, true, true, true, true,
						true, true, true, 0,	0,    0 };
	for (int n = 0; n < VIEWS; n++) {
		bool wild = n % 4 == 0;
		struct view v;

		random_view(&v, wild, &r);
		for (const struct strategy *s = strategy_table; s->name != NULL; s++)
			try_strategy(s, &v, &r, &verdicts[wild]);
		view_release(&v);
	}
	report(&verdicts[0], "ordinary");
	unit_ok(verdicts[0].orders > VIEWS && verdicts[0].holds > VIEWS &&
			verdicts[0].errors == 0,
		"ordinary views lead to orders and holds, never to errors");
	report(&verdicts[1], "extreme");
	unit_ok(verdicts[1].orders > VIEWS / 8 && verdicts[1].errors > 0,
		"extreme views lead to orders and to errors");
}

int main(void)
{
	test_table();
	test_set();
	test_check();
	test_hold();
	test_buy_and_hold();
	test_equal_weight();
	test_sma_cross();
	test_rsi();
	test_momentum();
	test_mean_reversion();
	test_random();
	test_limits();
	test_impossible();
	test_properties();
	return unit_done();
}
