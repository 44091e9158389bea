#ifndef REGIME_H
#define REGIME_H

#include <stddef.h>
#include <stdint.h>

#include "view.h"

/*
 * In which mood a market is, by its last 49 closes: 48 steps, with five-minute candles four
 * hours. Integers only, so that the same candles give the same word everywhere. With
 *
 *	c	the first of the closes
 *	net	the last minus the first
 *	path	the sum of all 48 steps, each without its sign
 *	swing	the highest minus the lowest
 *	move	net without its sign, and swing, in whole 1/10000 of c, rounded down
 *
 * the first rule that holds counts:
 *
 *	bullish, bearish	4 * |net| >= path, and net moved by 50 or more; by its sign
 *	volatile		swing moved by 200 or more
 *	stable
 *
 * 50 and 200 are for candles of 300 seconds. Prices that wander move by the square root of the
 * time, so the squares are compared: move * move * 300 >= bound * bound * interval_s.
 */

#define REGIME_STEPS 48

enum regime {
	REGIME_UNKNOWN, /* too few candles */
	REGIME_BULLISH,
	REGIME_BEARISH,
	REGIME_VOLATILE,
	REGIME_STABLE,
	REGIMES
};

/* The regime at the end of ${n} candles, oldest first, all of ${interval_s} > 0. */
enum regime regime_of(const struct view_candle *c, size_t n, int64_t interval_s);

/* "bullish", "bearish", "volatile", "stable"; NULL for REGIME_UNKNOWN. */
const char *regime_name(enum regime r);

#endif
