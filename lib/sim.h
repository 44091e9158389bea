#ifndef SIM_H
#define SIM_H

#include <stddef.h>
#include <stdint.h>

#include "view.h"

/*
 * Simulated markets: five-minute candles of any asset at any window, computable on their own
 * from (seed, symbol, window) in integer arithmetic only: the same bits on every compiler and
 * machine. Assets share a market factor, so that they are correlated; five-minute volatility
 * is that of real coins, clustered in time and fat-tailed. The close of a candle is the open of
 * the next.
 */

struct sim_asset {
	uint64_t seed;
	char symbol[IDENT_ASSET_MAX + 1];
	struct price base; /* the level it moves around; 0: a default of the symbol */
};

/* The candle that opens at ${open_ms} (a multiple of five minutes, any time from 1970 to 2100).
 */
void sim_candle(const struct sim_asset *a, int64_t open_ms, struct view_candle *out);

/* ${n} consecutive candles, the last of which opens at ${last_open_ms}; oldest first. */
void sim_candles(const struct sim_asset *a, int64_t last_open_ms, size_t n,
		 struct view_candle *out);

#endif
