#include "portfolio.h"

#include <string.h>

#include "random.h"
#include "unit.h"

#include "banned.h"

#define E8 INT64_C(100000000)
#define E10 INT64_C(10000000000)

typedef __int128 wide;

static const struct portfolio_costs plain = { .fee_e8 = 100000, .slippage_e8 = 50000 };
static const struct portfolio_costs gratis = { 0, 0 };

static void open_books(struct portfolio *p, int64_t cash)
{
	portfolio_init(p);
	p->start_cash.u = p->cash.u = cash;
}

static enum portfolio_result fill(struct portfolio *p, const struct portfolio_costs *c,
				  enum decision_side side, int64_t q, int64_t price,
				  struct portfolio_fill *f)
{
	return portfolio_apply(p, c, 7, side, (struct quantity){ q }, (struct price){ price },
			       f);
}

static enum portfolio_result buy(struct portfolio *p, int64_t q, int64_t price)
{
	struct portfolio_fill f;

	return fill(p, &gratis, DECISION_BUY, q, price, &f);
}

static enum portfolio_result sell(struct portfolio *p, int64_t q, int64_t price)
{
	struct portfolio_fill f;

	return fill(p, &gratis, DECISION_SELL, q, price, &f);
}

static void test_positions(void)
{
	static const int64_t ids[] = { 5, -3, 9, INT64_MAX, 0, 5, INT64_MIN, 9 };
	struct portfolio p;
	bool ordered = true, empty = true;

	portfolio_init(&p);
	unit_ok(portfolio_find(&p, 5) == NULL, "empty books hold no position");
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		empty &= portfolio_position(&p, ids[i])->asset_id == ids[i] &&
			 portfolio_find(&p, ids[i])->quantity.u == 0;
	for (size_t i = 1; i < p.n_positions; i++)
		ordered &= p.positions[i - 1].asset_id < p.positions[i].asset_id;
	unit_ok(empty, "a position that is asked for is created empty");
	unit_ok(ordered && p.n_positions == 6,
		"positions are kept once each in order of asset");
	unit_ok(portfolio_find(&p, 6) == NULL, "looking up creates nothing");
	portfolio_release(&p);
	unit_ok(p.positions == NULL && p.n_positions == 0, "released books are empty");
	portfolio_release(&p);
}

static void test_fill_price(void)
{
	static const struct portfolio_costs all = { 0, E8 }, most = { 0, E8 - 1 };
	static const struct portfolio_costs negative = { 0, -1 };
	struct price f = { 77 };

	unit_ok(portfolio_fill_price(&plain, DECISION_BUY, (struct price){ 1001 }, &f) == 0 &&
			f.u == 1002,
		"slippage raises the price of a buy, rounded up");
	unit_ok(portfolio_fill_price(&plain, DECISION_SELL, (struct price){ 1001 }, &f) == 0 &&
			f.u == 1000,
		"slippage lowers the price of a sell, rounded down");
	f.u = 77;
	unit_ok(portfolio_fill_price(&plain, DECISION_SELL, (struct price){ 1 }, &f) == -1 &&
			portfolio_fill_price(&all, DECISION_SELL, (struct price){ E10 }, &f) ==
				-1 &&
			portfolio_fill_price(&most, DECISION_SELL, (struct price){ 9 }, &f) ==
				-1,
		"a sell price that slippage takes to zero is refused");
	unit_ok(portfolio_fill_price(&plain, DECISION_BUY, (struct price){ INT64_MAX }, &f) ==
			-1,
		"a buy price that slippage takes beyond the range is refused");
	unit_ok(portfolio_fill_price(&gratis, DECISION_BUY, (struct price){ 0 }, &f) == -1 &&
			portfolio_fill_price(&gratis, DECISION_SELL, (struct price){ -5 },
					     &f) == -1,
		"a price that is not positive is refused");
	unit_ok(portfolio_fill_price(&negative, DECISION_BUY, (struct price){ 9 }, &f) == -1,
		"negative slippage is refused");
	unit_ok(f.u == 77, "a refused fill price leaves the result alone");
	unit_ok(portfolio_fill_price(&gratis, DECISION_SELL, (struct price){ 1 }, &f) == 0 &&
			f.u == 1,
		"without slippage the smallest price stays");
}

/* 0.5 units at 60000.00000001 with 0.05 % slippage and 0.1 % fee, by hand. */
static void test_round_trip(void)
{
	struct portfolio p;
	struct portfolio_fill f;

	open_books(&p, 100000 * E8);
	unit_ok(fill(&p, &plain, DECISION_BUY, E8 / 2, 60000 * E10 + 100, &f) == PORTFOLIO_OK,
		"a buy that cash covers is done");
	unit_ok(f.price.u == 60000 * E10 + 100 && f.fill.u == INT64_C(600300000000101),
		"a fill records the price before and after slippage");
	unit_ok(f.notional.u == INT64_C(3001500000001) && f.fee.u == INT64_C(3001500001) &&
			f.realised.u == 0,
		"a buy rounds its cost and its fee up and realises nothing");
	unit_ok(p.cash.u == 10000000000000 - 3001500000001 - 3001500001 &&
			f.cash_after.u == p.cash.u,
		"a buy takes cost and fee from cash");
	unit_ok(p.positions[0].cost.u == 3001500000001 + 3001500001 &&
			f.cost_after.u == p.positions[0].cost.u &&
			f.position_after.u == p.positions[0].quantity.u &&
			f.position_after.u == E8 / 2,
		"a position's cost includes the fee");
	unit_ok(f.seq == 1 && p.seq == 1, "trades are numbered from one");

	unit_ok(fill(&p, &plain, DECISION_SELL, E8 / 8, 60000 * E10 + 100, &f) ==
				PORTFOLIO_OK &&
			f.fill.u == INT64_C(599700000000099),
		"a part of a position is sold below the price");
	unit_ok(f.notional.u == INT64_C(749625000000) && f.fee.u == 749625000,
		"a sell rounds its proceeds down and its fee up");
	unit_ok(f.realised.u == 749625000000 - 749625000 - INT64_C(751125375000),
		"a sell realises its proceeds less its share of the cost, rounded down");
	unit_ok(fill(&p, &plain, DECISION_SELL, E8 / 2 - E8 / 8, 60000 * E10, &f) ==
				PORTFOLIO_OK &&
			p.positions[0].quantity.u == 0 && p.positions[0].cost.u == 0 &&
			p.seq == 3,
		"closing a position removes all of its cost");
	portfolio_release(&p);
}

static void test_refusals(void)
{
	static const struct portfolio_costs dear = { 3 * E8, 0 }, negative = { -1, 0 };
	struct portfolio p;
	struct portfolio_fill f, untouched;

	memset(&f, 0x5a, sizeof f);
	untouched = f;
	open_books(&p, 100 * E8);
	unit_ok(fill(&p, &gratis, DECISION_BUY, E8, 100 * E10 + 1, &f) == PORTFOLIO_NO_CASH,
		"a buy that costs the smallest fraction more than the cash is refused");
	unit_ok(fill(&p, &gratis, DECISION_SELL, 1, E10, &f) == PORTFOLIO_NO_POSITION,
		"a sell of an asset that is not held is refused");
	unit_ok(fill(&p, &gratis, DECISION_BUY, 0, E10, &f) == PORTFOLIO_OVERFLOW &&
			fill(&p, &gratis, DECISION_BUY, -1, E10, &f) == PORTFOLIO_OVERFLOW,
		"a quantity that is not positive is refused");
	unit_ok(fill(&p, &gratis, DECISION_BUY, PORTFOLIO_QUANTITY_MAX + 1, 1, &f) ==
			PORTFOLIO_OVERFLOW,
		"a quantity above the ceiling is refused");
	unit_ok(fill(&p, &gratis, DECISION_BUY, 1, 0, &f) == PORTFOLIO_OVERFLOW &&
			fill(&p, &negative, DECISION_BUY, 1, 1, &f) == PORTFOLIO_OVERFLOW,
		"a price of zero and a negative fee are refused");
	unit_ok(fill(&p, &gratis, DECISION_BUY, PORTFOLIO_QUANTITY_MAX, INT64_MAX, &f) ==
			PORTFOLIO_OVERFLOW,
		"a cost that does not fit is refused");
	unit_ok(p.n_positions == 0 && p.seq == 0 && p.cash.u == 100 * E8 &&
			memcmp(&f, &untouched, sizeof f) == 0,
		"a refused fill leaves books and result alone");
	unit_ok(buy(&p, E8, 100 * E10) == PORTFOLIO_OK && p.cash.u == 0,
		"a buy for exactly the cash is done");
	unit_ok(sell(&p, E8 + 1, E10) == PORTFOLIO_NO_POSITION,
		"a sell of one unit more than is held is refused");
	unit_ok(fill(&p, &dear, DECISION_SELL, E8, E10, &f) == PORTFOLIO_NO_CASH &&
			p.cash.u == 0,
		"a fee above the proceeds that cash does not cover is refused");
	p.cash.u = 2 * E8;
	unit_ok(fill(&p, &dear, DECISION_SELL, E8, E10, &f) == PORTFOLIO_OK && p.cash.u == 0 &&
			f.realised.u == -102 * E8,
		"a fee above the proceeds is paid from cash that covers it exactly");
	p.seq = INT64_MAX;
	p.cash.u = E8;
	unit_ok(buy(&p, 1, 1) == PORTFOLIO_OVERFLOW,
		"trades cannot be numbered beyond the range");
	portfolio_release(&p);
}

static void test_extremes(void)
{
	struct portfolio p;
	struct portfolio_fill f;

	open_books(&p, INT64_MAX);
	unit_ok(buy(&p, PORTFOLIO_QUANTITY_MAX, E10) == PORTFOLIO_OK &&
			p.cash.u == INT64_MAX - PORTFOLIO_QUANTITY_MAX,
		"the ceiling itself can be bought");
	unit_ok(buy(&p, 1, 1) == PORTFOLIO_OVERFLOW,
		"a position cannot grow above the ceiling");
	unit_ok(sell(&p, PORTFOLIO_QUANTITY_MAX, 2 * E10) == PORTFOLIO_OVERFLOW &&
			p.positions[0].quantity.u == PORTFOLIO_QUANTITY_MAX,
		"proceeds that do not fit are refused");
	p.cash.u = INT64_MAX;
	unit_ok(sell(&p, E8, E10) == PORTFOLIO_OVERFLOW, "cash cannot grow beyond the range");
	p.cash.u = 0;
	unit_ok(sell(&p, PORTFOLIO_QUANTITY_MAX, E10) == PORTFOLIO_OK &&
			p.cash.u == PORTFOLIO_QUANTITY_MAX,
		"the ceiling itself can be sold");
	portfolio_release(&p);

	open_books(&p, 1);
	unit_ok(fill(&p, &gratis, DECISION_BUY, 1, 1, &f) == PORTFOLIO_OK && f.notional.u == 1,
		"the smallest buy costs the smallest amount, never nothing");
	p.cash.u = 1;
	unit_ok(buy(&p, 1, 1) == PORTFOLIO_OK && sell(&p, 1, 1) == PORTFOLIO_OVERFLOW,
		"dust that yields nothing is not sold in parts");
	unit_ok(fill(&p, &gratis, DECISION_SELL, 2, 1, &f) == PORTFOLIO_OK &&
			f.notional.u == 0 && f.realised.u == -2 && p.positions[0].cost.u == 0,
		"dust that yields nothing is closed as a whole");
	portfolio_release(&p);

	/* a billion units at 0.0000124 */
	open_books(&p, 20000 * E8);
	unit_ok(fill(&p, &plain, DECISION_BUY, 1000000000 * E8, 124000, &f) == PORTFOLIO_OK &&
			f.fill.u == 124062 && f.notional.u == INT64_C(1240620000000) &&
			f.fee.u == 1240620000,
		"a billion units of a tiny price cost exactly what they should");
	portfolio_release(&p);
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

static const struct market *any_market(uint64_t *s, struct portfolio_costs *c)
{
	const struct market *m = &markets[random_below(s, 4)];

	c->fee_e8 = between(s, 0, 1) * between(s, 0, E8 / 50);
	c->slippage_e8 = between(s, 0, 1) * between(s, 0, E8 / 50);
	if (m->units == 0) {
		c->fee_e8 = between(s, 0, 3) == 0 ? any_size(s) : c->fee_e8;
		c->slippage_e8 = between(s, 0, 3) == 0 ? between(s, 0, 2 * E8) : c->slippage_e8;
	}
	return m;
}

static struct price any_price(uint64_t *s, const struct market *m)
{
	return (struct price){ m->units ? between(s, m->price_low, m->price_high)
					: any_size(s) };
}

static struct quantity any_units(uint64_t *s, const struct market *m)
{
	return (struct quantity){ m->units ? between(s, 1, m->units) : any_size(s) };
}

static wide up(wide n, wide d)
{
	return (n + d - 1) / d;
}

/* The same rules once more in 128 bit, in another order and without the modules under test. */
static enum portfolio_result expected(const struct portfolio *p,
				      const struct portfolio_costs *c,
				      const struct portfolio_position *h,
				      struct portfolio_fill *f)
{
	bool buys = f->side == DECISION_BUY;
	wide q = f->quantity.u, price = f->price.u, n, fee, cash, cost, at, left, net;

	if (q <= 0 || q > PORTFOLIO_QUANTITY_MAX)
		return PORTFOLIO_OVERFLOW;
	if (!buys && q > h->quantity.u)
		return PORTFOLIO_NO_POSITION;
	at = buys		    ? up(price * (E8 + c->slippage_e8), E8)
	     : c->slippage_e8 >= E8 ? 0
				    : price * (E8 - c->slippage_e8) / E8;
	if (price <= 0 || at <= 0 || at > INT64_MAX)
		return PORTFOLIO_OVERFLOW;
	n = buys ? up(q * at, E10) : q * at / E10;
	if (n > INT64_MAX)
		return PORTFOLIO_OVERFLOW;
	fee = up(n * c->fee_e8, E8);
	if (fee > INT64_MAX || (buys && n + fee > INT64_MAX))
		return PORTFOLIO_OVERFLOW;
	net = buys ? -n - fee : n - fee;
	cash = p->cash.u + net;
	left = h->quantity.u + (buys ? q : -q);
	if (!buys && n == 0 && left != 0)
		return PORTFOLIO_OVERFLOW;
	if (cash < 0)
		return PORTFOLIO_NO_CASH;
	cost = buys	   ? h->cost.u - net
	       : left == 0 ? 0
			   : h->cost.u - (wide)h->cost.u * q / h->quantity.u;
	if (cash > INT64_MAX || left > PORTFOLIO_QUANTITY_MAX || cost > INT64_MAX ||
	    (!buys && net - (h->cost.u - cost) < INT64_MIN))
		return PORTFOLIO_OVERFLOW;
	f->fill.u = (int64_t)at;
	f->notional.u = (int64_t)n;
	f->fee.u = (int64_t)fee;
	f->realised.u = buys ? 0 : (int64_t)(net - (h->cost.u - cost));
	f->seq = p->seq + 1;
	f->cash_after.u = (int64_t)cash;
	f->position_after.u = (int64_t)left;
	f->cost_after.u = (int64_t)cost;
	return PORTFOLIO_OK;
}

static bool same_fill(const struct portfolio_fill *a, const struct portfolio_fill *b)
{
	return a->asset_id == b->asset_id && a->side == b->side &&
	       a->quantity.u == b->quantity.u && a->price.u == b->price.u &&
	       a->fill.u == b->fill.u && a->notional.u == b->notional.u &&
	       a->fee.u == b->fee.u && a->realised.u == b->realised.u && a->seq == b->seq &&
	       a->cash_after.u == b->cash_after.u &&
	       a->position_after.u == b->position_after.u && a->cost_after.u == b->cost_after.u;
}

struct tally {
	long orders, done, no_cash, no_position, overflow;
	long oracle, negative, changed, unapplied, unlike_quote;
	long cash, units, identity, minted;
};

/* What the trades of one race add up to. */
struct sums {
	wide bought, sold, fees, realised, units[4];
};

static void add_up(struct sums *s, const struct portfolio_fill *f)
{
	bool buys = f->side == DECISION_BUY;

	if (buys)
		s->bought += f->notional.u;
	else
		s->sold += f->notional.u;
	s->fees += f->fee.u;
	s->realised += f->realised.u;
	s->units[f->asset_id] += buys ? f->quantity.u : -f->quantity.u;
}

static void check_sums(const struct portfolio *p, const struct sums *s, struct tally *t)
{
	wide cost = 0;

	for (size_t i = 0; i < p->n_positions; i++) {
		const struct portfolio_position *h = &p->positions[i];

		t->negative += h->quantity.u < 0 || h->cost.u < 0;
		t->units += s->units[h->asset_id] != h->quantity.u;
		t->changed += h->quantity.u == 0 && h->cost.u != 0;
		cost += h->cost.u;
	}
	t->negative += p->cash.u < 0;
	t->cash += p->start_cash.u - s->bought + s->sold - s->fees != p->cash.u;
	t->identity += p->cash.u + cost - p->start_cash.u != s->realised;
}

static bool same_books(const struct portfolio *p, int64_t cash, int64_t seq, size_t n,
		       const struct portfolio_position *held)
{
	const struct portfolio_position *h = portfolio_find(p, held->asset_id);

	return p->cash.u == cash && p->seq == seq && p->n_positions == n &&
	       (h != NULL ? h->quantity.u == held->quantity.u && h->cost.u == held->cost.u
			  : held->quantity.u == 0 && held->cost.u == 0);
}

static void one_order(struct portfolio *p, const struct portfolio_costs *c,
		      const struct market *m, uint64_t *s, struct sums *sums, struct tally *t)
{
	struct portfolio_fill want = { .asset_id = between(s, 0, 3),
				       .side = between(s, 0, 1) ? DECISION_SELL : DECISION_BUY,
				       .quantity = any_units(s, m),
				       .price = any_price(s, m) };
	struct portfolio_position held = { .asset_id = want.asset_id };
	const struct portfolio_position *h = portfolio_find(p, want.asset_id);
	struct portfolio_fill done, quoted;
	int64_t cash = p->cash.u, seq = p->seq;
	size_t n = p->n_positions;
	enum portfolio_result expect, result, quote;

	if (h != NULL)
		held = *h;
	if (want.side == DECISION_SELL && between(s, 0, 3) == 0)
		want.quantity = held.quantity;
	expect = expected(p, c, &held, &want);
	quote = portfolio_quote(p, c, want.asset_id, want.side, want.quantity, want.price,
				&quoted);
	t->changed += !same_books(p, cash, seq, n, &held);
	result = portfolio_apply(p, c, want.asset_id, want.side, want.quantity, want.price,
				 &done);
	t->orders++;
	t->oracle += result != expect || (result == PORTFOLIO_OK && !same_fill(&done, &want));
	t->unlike_quote +=
		quote != result || (result == PORTFOLIO_OK && !same_fill(&done, &quoted));
	t->no_cash += result == PORTFOLIO_NO_CASH;
	t->no_position += result == PORTFOLIO_NO_POSITION;
	t->overflow += result == PORTFOLIO_OVERFLOW;
	if (result != PORTFOLIO_OK) {
		t->changed += !same_books(p, cash, seq, n, &held);
		return;
	}
	t->done++;
	add_up(sums, &done);
	h = portfolio_find(p, want.asset_id);
	t->unapplied += p->cash.u != done.cash_after.u || p->seq != seq + 1 ||
			h->quantity.u != done.position_after.u ||
			h->cost.u != done.cost_after.u;
}

/* Buying and selling the same units at the same price must never leave more cash. */
static void there_and_back(struct portfolio *p, const struct portfolio_costs *c,
			   const struct market *m, uint64_t *s, struct tally *t)
{
	struct quantity q = any_units(s, m);
	struct price price = any_price(s, m);
	struct portfolio books;
	struct portfolio_fill f;

	open_books(&books, p->cash.u);
	if (portfolio_apply(&books, c, 1, DECISION_BUY, q, price, &f) == PORTFOLIO_OK &&
	    portfolio_apply(&books, c, 1, DECISION_SELL, q, price, &f) == PORTFOLIO_OK)
		t->minted += books.cash.u > p->cash.u || f.realised.u > 0;
	portfolio_release(&books);
}

static void test_random_orders(void)
{
	uint64_t s = 20240229;
	struct tally t = { 0 };

	while (t.orders < 1200000) {
		struct portfolio_costs c;
		const struct market *m = any_market(&s, &c);
		struct sums sums = { 0 };
		struct portfolio p;

		open_books(&p, m->units ? m->cash : any_size(&s));
		for (int i = 0; i < 100; i++) {
			one_order(&p, &c, m, &s, &sums, &t);
			check_sums(&p, &sums, &t);
		}
		there_and_back(&p, &c, m, &s, &t);
		portfolio_release(&p);
	}
	printf("# %ld orders: %ld done, %ld no cash, %ld no position, %ld overflow\n", t.orders,
	       t.done, t.no_cash, t.no_position, t.overflow);
	unit_ok(t.done > 300000 && t.no_cash > 10000 && t.no_position > 10000 &&
			t.overflow > 10000,
		"random orders meet every result often");
	unit_ok(t.oracle == 0, "every fill agrees with a second computation to the last digit");
	unit_ok(t.unlike_quote == 0, "a fill does what was quoted");
	unit_ok(t.unapplied == 0, "books after a fill are what the fill says");
	unit_ok(t.changed == 0, "a quote and a refused fill leave the books alone");
	unit_ok(t.negative == 0, "cash, quantities and costs are never negative");
	unit_ok(t.cash == 0, "cash is start less buys plus sells less fees");
	unit_ok(t.units == 0, "a position is its buys less its sells");
	unit_ok(t.identity == 0,
		"cash and the cost of what is held is start plus what was realised");
	unit_ok(t.minted == 0, "buying and selling at one price never gains");
}

/* What a buy takes from cash, or something larger than any budget. */
static wide total_cost(const struct portfolio_costs *c, wide price, wide q)
{
	wide at = up(price * (E8 + (wide)c->slippage_e8), E8);
	wide n = up(q * at, E10);

	return at > INT64_MAX || n > INT64_MAX ? (wide)INT64_MAX + 1
					       : n + up(n * c->fee_e8, E8);
}

static void test_affordable(void)
{
	static const struct portfolio_costs absurd = { INT64_MAX, INT64_MAX };
	uint64_t s = 77;
	long wrong = 0, some = 0;

	for (int i = 0; i < 1000000; i++) {
		struct portfolio_costs c;
		const struct market *m = any_market(&s, &c);
		struct price price = any_price(&s, m);
		struct money budget = { m->units ? between(&s, 0, m->cash) : any_size(&s) };
		int64_t q = portfolio_affordable(&c, budget, price).u;

		some += q > 0 && q < PORTFOLIO_QUANTITY_MAX;
		wrong += q < 0 || q > PORTFOLIO_QUANTITY_MAX;
		if (price.u <= 0)
			wrong += q != 0;
		else
			wrong += (q > 0 && total_cost(&c, price.u, q) > budget.u) ||
				 (q < PORTFOLIO_QUANTITY_MAX &&
				  total_cost(&c, price.u, q + 1) <= budget.u);
	}
	printf("# %ld of 1000000 budgets buy some units, %ld wrong\n", some, wrong);
	unit_ok(some > 500000 && wrong == 0,
		"what is affordable fits and one unit more does not, for a million budgets");
	unit_ok(portfolio_affordable(&gratis, (struct money){ INT64_MAX }, (struct price){ 1 })
				.u == PORTFOLIO_QUANTITY_MAX,
		"no more than the ceiling is affordable");
	unit_ok(portfolio_affordable(&gratis, (struct money){ 0 }, (struct price){ 1 }).u ==
				0 &&
			portfolio_affordable(&gratis, (struct money){ -E8 },
					     (struct price){ 1 })
					.u == 0,
		"nothing is affordable without a budget");
	unit_ok(portfolio_affordable(&gratis, (struct money){ E8 }, (struct price){ 0 }).u ==
				0 &&
			portfolio_affordable(&absurd, (struct money){ E8 }, (struct price){ 1 })
					.u == 0,
		"nothing is affordable at no price or at absurd costs");
}

int main(void)
{
	test_positions();
	test_fill_price();
	test_round_trip();
	test_refusals();
	test_extremes();
	test_random_orders();
	test_affordable();
	return unit_done();
}
