#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decimal.h"
#include "decision.h"

/*
 * What a race says about an agent. Formulas and their null rules are those of METRICS in
 * tr-board(1): simple returns of equity sampled once per window, 365.25 days a year, null
 * rather than 0 where a value is not defined. Reads integer books, computes in double; nothing
 * computed here goes back into the books. What those figures are worth as evidence is stats.h's
 * to say.
 *
 * Sources: Sharpe, "The Sharpe Ratio" (1994); Sortino and van der Meer, "Downside Risk" (1991),
 * with the deviation over all periods; Young, "Calmar Ratio" (1991).
 */

/* A number that may be undefined: null in JSON, "n/a" in text. */
struct metrics_value {
	bool defined;
	double v;
};

struct metrics_trade {
	int64_t asset_id;
	enum decision_side side;
	struct quantity position_after;
	struct money notional, fee, realised;
};

struct metrics_input {
	struct money start;    /* E_0: the starting cash */
	const int64_t *equity; /* money units, one per window, oldest first */
	const int64_t *gross;  /* value of the positions at the same moments */
	/* How many windows that were not run the sample stands for, 0 for one of a window;
	 * NULL: all are. The position was carried through them and is marked with the next
	 * price. */
	const uint32_t *carried;
	size_t n;
	int64_t interval_s;		    /* between samples: 300 */
	const struct metrics_trade *trades; /* oldest first */
	size_t n_trades;
	int64_t turns[DECISION_STATUSES]; /* answers that were due, by what came */
	struct metrics_value thinking;	  /* what model calls cost, in money units */
};

struct metrics {
	struct metrics_value total_return;
	struct metrics_value volatility;
	struct metrics_value sharpe; /* annualised, rf 0; needs 30 days of samples, else null */
	struct metrics_value sharpe_error; /* standard error of it */
	struct metrics_value sortino;	   /* likewise */
	struct metrics_value max_drawdown; /* <= 0 */
	struct metrics_value drawdown_s; /* of the deepest: from its peak to recovery or now */
	struct metrics_value cagr;	 /* from 90 days on */
	struct metrics_value calmar;	 /* likewise */
	struct metrics_value win_rate;	 /* closed round trips with net profit > 0 */
	struct metrics_value profit_factor;
	struct metrics_value turnover;
	struct metrics_value exposure;
	struct metrics_value net_return; /* after the cost of model calls */
	struct metrics_value fees_ratio; /* of E_0 */
	struct metrics_value reliability;
	struct money fees;
	int64_t turns, valid; /* due, and ok or hold */
	size_t n_trades;
	size_t round_trips; /* closed */
	size_t open_trips;
	bool too_early; /* fewer than 30 days: no annualised numbers */
};

/* A round trip of an asset runs from no position to no position; its net is the sum of the
 * realised results of its sells. */
void metrics_compute(const struct metrics_input *in, struct metrics *out);

#endif
