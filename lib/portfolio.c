#include "portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

#define WHOLE_E8 INT64_C(100000000)

void portfolio_init(struct portfolio *p)
{
	memset(p, 0, sizeof *p);
}

void portfolio_release(struct portfolio *p)
{
	free(p->positions);
	portfolio_init(p);
}

void portfolio_copy(struct portfolio *p, const struct portfolio *from)
{
	*p = *from;
	p->positions = mem_array(from->n_positions, sizeof *p->positions);
	if (from->n_positions > 0)
		memcpy(p->positions, from->positions, from->n_positions * sizeof *p->positions);
}

/* Where the position in that asset is, or would have to be inserted. */
static size_t position_index(const struct portfolio *p, int64_t asset_id)
{
	size_t low = 0, high = p->n_positions;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->positions[mid].asset_id < asset_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct portfolio_position *portfolio_position(struct portfolio *p, int64_t asset_id)
{
	size_t i = position_index(p, asset_id);
	struct portfolio_position *at;

	if (i < p->n_positions && p->positions[i].asset_id == asset_id)
		return &p->positions[i];
	p->positions = mem_resize(p->positions, p->n_positions + 1, sizeof *p->positions);
	at = &p->positions[i];
	memmove(at + 1, at, (p->n_positions - i) * sizeof *at);
	p->n_positions++;
	*at = (struct portfolio_position){ .asset_id = asset_id };
	return at;
}

const struct portfolio_position *portfolio_find(const struct portfolio *p, int64_t asset_id)
{
	size_t i = position_index(p, asset_id);

	if (i < p->n_positions && p->positions[i].asset_id == asset_id)
		return &p->positions[i];
	return NULL;
}

int portfolio_fill_price(const struct portfolio_costs *c, enum decision_side side,
			 struct price p, struct price *fill)
{
	struct price shifted;

	if (p.u <= 0 || c->slippage_e8 < 0)
		return -1;
	if (side == DECISION_BUY) {
		if (price_shift(p, c->slippage_e8, DECIMAL_UP, &shifted) != 0)
			return -1;
	} else {
		if (c->slippage_e8 >= WHOLE_E8 ||
		    price_shift(p, -c->slippage_e8, DECIMAL_DOWN, &shifted) != 0)
			return -1;
	}
	/* a sell at price 0 would give units away */
	if (shifted.u <= 0)
		return -1;
	*fill = shifted;
	return 0;
}

/* Set notional and fee of ${f}, each rounded against the agent. */
static int price_fill(const struct portfolio_costs *c, struct portfolio_fill *f)
{
	enum decimal_round round = f->side == DECISION_BUY ? DECIMAL_UP : DECIMAL_DOWN;

	if (c->fee_e8 < 0 || portfolio_fill_price(c, f->side, f->price, &f->fill) != 0)
		return -1;
	if (money_of(f->quantity, f->fill, round, &f->notional) != 0)
		return -1;
	return money_rate(f->notional, c->fee_e8, DECIMAL_UP, &f->fee);
}

static enum portfolio_result quote_buy(const struct portfolio *p,
				       const struct portfolio_position *held,
				       struct portfolio_fill *f)
{
	struct money total;

	if (money_add(f->notional, f->fee, &total) != 0)
		return PORTFOLIO_OVERFLOW;
	if (total.u > p->cash.u)
		return PORTFOLIO_NO_CASH;
	if (money_sub(p->cash, total, &f->cash_after) != 0 ||
	    quantity_add(held->quantity, f->quantity, &f->position_after) != 0 ||
	    f->position_after.u > PORTFOLIO_QUANTITY_MAX ||
	    money_add(held->cost, total, &f->cost_after) != 0)
		return PORTFOLIO_OVERFLOW;
	return PORTFOLIO_OK;
}

/*
 * What the units sold had cost: a share of the position's cost, rounded down so that what is
 * kept never looks cheaper than it was. Selling all removes exactly all.
 */
static int cost_removed(const struct portfolio_position *held, struct quantity sold,
			struct money *out)
{
	return decimal_muldiv(held->cost.u, sold.u, held->quantity.u, DECIMAL_DOWN, &out->u);
}

static enum portfolio_result quote_sell(const struct portfolio *p,
					const struct portfolio_position *held,
					struct portfolio_fill *f)
{
	struct money net, removed;

	/* dust that yields nothing may only go together with its position */
	if (f->notional.u == 0 && f->quantity.u != held->quantity.u)
		return PORTFOLIO_OVERFLOW;
	if (money_sub(f->notional, f->fee, &net) != 0 ||
	    money_add(p->cash, net, &f->cash_after) != 0)
		return PORTFOLIO_OVERFLOW;
	/* a fee above the notional is paid from cash, as far as there is some */
	if (f->cash_after.u < 0)
		return PORTFOLIO_NO_CASH;
	if (cost_removed(held, f->quantity, &removed) != 0 ||
	    money_sub(net, removed, &f->realised) != 0 ||
	    money_sub(held->cost, removed, &f->cost_after) != 0 ||
	    quantity_sub(held->quantity, f->quantity, &f->position_after) != 0)
		return PORTFOLIO_OVERFLOW;
	return PORTFOLIO_OK;
}

enum portfolio_result portfolio_quote(const struct portfolio *p,
				      const struct portfolio_costs *c, int64_t asset_id,
				      enum decision_side side, struct quantity q,
				      struct price price, struct portfolio_fill *out)
{
	static const struct portfolio_position none;
	const struct portfolio_position *held = portfolio_find(p, asset_id);
	struct portfolio_fill f = {
		.asset_id = asset_id, .side = side, .quantity = q, .price = price
	};
	enum portfolio_result result;

	if (held == NULL)
		held = &none;
	if (q.u <= 0 || q.u > PORTFOLIO_QUANTITY_MAX || p->seq == INT64_MAX)
		return PORTFOLIO_OVERFLOW;
	if (side == DECISION_SELL && q.u > held->quantity.u)
		return PORTFOLIO_NO_POSITION;
	if (price_fill(c, &f) != 0)
		return PORTFOLIO_OVERFLOW;
	f.seq = p->seq + 1;
	result = side == DECISION_BUY ? quote_buy(p, held, &f) : quote_sell(p, held, &f);
	if (result == PORTFOLIO_OK)
		*out = f;
	return result;
}

void portfolio_book(struct portfolio *p, const struct portfolio_fill *f)
{
	struct portfolio_position *held = portfolio_position(p, f->asset_id);

	held->quantity = f->position_after;
	held->cost = f->cost_after;
	p->cash = f->cash_after;
	p->seq = f->seq;
}

enum portfolio_result portfolio_apply(struct portfolio *p, const struct portfolio_costs *c,
				      int64_t asset_id, enum decision_side side,
				      struct quantity q, struct price price,
				      struct portfolio_fill *out)
{
	enum portfolio_result result = portfolio_quote(p, c, asset_id, side, q, price, out);

	if (result == PORTFOLIO_OK)
		portfolio_book(p, out);
	return result;
}

/*
 * No search is needed: the largest n with n + ceil(n * fee) <= budget is floor(budget / (1 +
 * fee)) because budget - n is whole, and the largest q with ceil(q * fill) <= n is floor(n /
 * fill) because n is.
 */
struct quantity portfolio_affordable(const struct portfolio_costs *c, struct money budget,
				     struct price price)
{
	static const struct quantity nothing, most = { PORTFOLIO_QUANTITY_MAX };
	struct quantity q;
	struct money notional;
	struct price fill;

	if (budget.u <= 0 || c->fee_e8 < 0 || c->fee_e8 > INT64_MAX - WHOLE_E8 ||
	    portfolio_fill_price(c, DECISION_BUY, price, &fill) != 0 ||
	    decimal_muldiv(budget.u, WHOLE_E8, WHOLE_E8 + c->fee_e8, DECIMAL_DOWN,
			   &notional.u) != 0)
		return nothing;
	if (quantity_of(notional, fill, DECIMAL_DOWN, &q) != 0 || q.u > most.u)
		return most;
	return q;
}
