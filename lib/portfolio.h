#ifndef PORTFOLIO_H
#define PORTFOLIO_H

#include <stddef.h>
#include <stdint.h>

#include "decimal.h"
#include "decision.h"

/*
 * Books of one agent as plain data, and the one function that changes them: a fill. No I/O and
 * no floating point. A fill is all or nothing: on failure the books are untouched.
 */

struct portfolio_position {
	int64_t asset_id;
	struct quantity quantity; /* > 0, or 0 when closed */
	struct money cost;	  /* what the units held cost, fees included; 0 when closed */
};

struct portfolio {
	int64_t agent_id;
	int64_t seq; /* of the last trade; 0 before the first */
	struct money start_cash;
	struct money cash;
	struct portfolio_position *positions; /* in order of asset_id; owned */
	size_t n_positions;
};

/* How a price becomes a fill, in 1e-8 of the whole. */
struct portfolio_costs {
	int64_t fee_e8;
	int64_t slippage_e8;
};

struct portfolio_fill {
	int64_t asset_id;
	enum decision_side side;
	struct quantity quantity;
	struct price price;    /* the batch's */
	struct price fill;     /* after slippage: buys up, sells down */
	struct money notional; /* quantity * fill; buys up, sells down */
	struct money fee;      /* notional * fee, up */
	struct money realised; /* sells: notional - fee - cost of the units sold; buys: 0 */
	/* the books after it */
	int64_t seq;
	struct money cash_after;
	struct quantity position_after;
	struct money cost_after;
};

enum portfolio_result {
	PORTFOLIO_OK = 0,
	PORTFOLIO_NO_CASH = -1,	    /* the buy and its fee cost more than the cash */
	PORTFOLIO_NO_POSITION = -2, /* the sell is for more than is held */
	/* a value does not fit, is above the ceiling, or is 0 in a sale that closes nothing */
	PORTFOLIO_OVERFLOW = -3,
};

/* Orders and positions above this are refused: 9.2e10 units. */
#define PORTFOLIO_QUANTITY_MAX INT64_C(9200000000000000000)

void portfolio_init(struct portfolio *p);
void portfolio_release(struct portfolio *p);

/* Initialise ${p} as a copy of ${from}. */
void portfolio_copy(struct portfolio *p, const struct portfolio *from);

/* The position in that asset, created empty if there is none; or only looked up (may be NULL).
 */
struct portfolio_position *portfolio_position(struct portfolio *p, int64_t asset_id);
const struct portfolio_position *portfolio_find(const struct portfolio *p, int64_t asset_id);

/* The price after slippage. 0 or -1 on overflow. */
int portfolio_fill_price(const struct portfolio_costs *c, enum decision_side side,
			 struct price p, struct price *fill);

/* What a fill would be and do, without doing it. */
enum portfolio_result portfolio_quote(const struct portfolio *p,
				      const struct portfolio_costs *c, int64_t asset_id,
				      enum decision_side side, struct quantity q,
				      struct price price, struct portfolio_fill *out);

/* The same, and do it. */
enum portfolio_result portfolio_apply(struct portfolio *p, const struct portfolio_costs *c,
				      int64_t asset_id, enum decision_side side,
				      struct quantity q, struct price price,
				      struct portfolio_fill *out);

/* Book what portfolio_quote gave. */
void portfolio_book(struct portfolio *p, const struct portfolio_fill *f);

/* The most units whose cost with fee fits: exact, from 0 to PORTFOLIO_QUANTITY_MAX. */
struct quantity portfolio_affordable(const struct portfolio_costs *c, struct money budget,
				     struct price price);

#endif
