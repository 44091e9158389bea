#ifndef RISK_H
#define RISK_H

#include <stdbool.h>
#include <stdint.h>

#include "decision.h"
#include "portfolio.h"
#include "view.h"

/*
 * Risk rules (T-04) and limit prices (T-05), applied to one order against the books as the
 * orders before it left them. A rule clips the order to what is allowed or drops it, as
 * ${clip} says; every edit is a reason code that is stored. Pure.
 */

struct risk_limits {
	bool clip;		   /* else a breach drops the order */
	bool exempt;		   /* baselines: no share limits, no reserve, no cooldown */
	int64_t max_position_e8;   /* of equity, in one asset after a buy; 1e8 = all */
	int64_t max_order_e8;	   /* of equity, one buy */
	struct money cash_reserve; /* cash that buys leave untouched */
	struct money min_order;	   /* smaller ones drop; closing a whole position may */
	int64_t max_orders;	   /* per decision */
	int64_t cooldown_ms;	   /* since the last trade in the asset; 0: none */
	struct money daily_loss;   /* buys stop below day-start equity minus this; 0: off */
	int64_t drawdown_e8;	   /* buys stop at this fall from the peak equity; 0: off */
};

/* Reasons, in the order in which the rules are looked at; a set, as an edit may have several.
 */
enum risk_reason {
	RISK_HALTED = 1 << 0,
	RISK_UNKNOWN_ASSET = 1 << 1,
	RISK_ASSET_DISABLED = 1 << 2,
	RISK_ASSET_NOT_ALLOWED = 1 << 3,
	RISK_TOO_MANY_ORDERS = 1 << 4,
	RISK_NO_PRICE = 1 << 5,
	RISK_STALE_PRICE = 1 << 6,
	RISK_SUSPECT_PRICE = 1 << 7,
	RISK_LIMIT_NOT_MET = 1 << 8,
	RISK_COOLDOWN = 1 << 9,
	RISK_DAILY_LOSS = 1 << 10,
	RISK_DRAWDOWN_STOP = 1 << 11,
	RISK_MAX_ORDER = 1 << 12,
	RISK_MAX_POSITION = 1 << 13,
	RISK_CASH_RESERVE = 1 << 14,
	RISK_NO_CASH = 1 << 15,
	RISK_NO_POSITION = 1 << 16,
	RISK_BELOW_MIN_ORDER = 1 << 17,
	RISK_QUANTITY_RANGE = 1 << 18,
};
#define RISK_REASONS 19

enum risk_action { RISK_PASS, RISK_CLIP, RISK_DROP };

/* What the rules know besides the order: everything about its moment. */
struct risk_moment {
	bool halted;
	int64_t now_ms;	     /* the window that fills */
	int64_t order_index; /* in its decision, from 0 */
	bool known, enabled,
		allowed; /* the asset: exists, takes part, is in the agent's list */
	int64_t asset_id;
	enum view_quality quality;
	struct price price;
	bool has_last_trade;
	int64_t last_trade_ms; /* of this agent in this asset */
	struct money equity;   /* at this batch, before the decision */
	struct money
		day_equity; /* at the first snapshot of the UTC day; start cash before it */
	struct money peak_equity;
};

struct risk_outcome {
	enum risk_action action;
	unsigned reasons;	  /* set of enum risk_reason */
	struct quantity wanted;	  /* the order in units, before any edit; 0 if unknown */
	struct quantity quantity; /* what may fill; 0 if dropped */
};

/* Look at every rule; never fails: what cannot be computed is dropped as RISK_QUANTITY_RANGE.
 */
void risk_check(const struct risk_limits *l, const struct risk_moment *m,
		const struct portfolio *p, const struct portfolio_costs *c,
		const struct decision_order *o, struct risk_outcome *out);

/* "max_position" ... for one reason (a power of two), and the one of that name or 0. */
const char *risk_reason_name(unsigned reason);
/* "clip", "drop", "pass". */
const char *risk_action_name(enum risk_action a);

#define RISK_TEXT_MAX 256
/* All names of the set, comma-separated; "" for none. Returns ${out}. */
char *risk_reasons_text(unsigned reasons, char out[RISK_TEXT_MAX]);

#endif
