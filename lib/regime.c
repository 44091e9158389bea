#include "regime.h"

#include <stdbool.h>

#include "banned.h"

#define REGIME_TREND 50
#define REGIME_SWING 200

/* More than a move of any price that counts, and its square times 300 still fits. */
#define REGIME_MOVE_MAX INT64_C(1000000000)

typedef __int128 wide;

static const char *const regime_names[REGIMES] = {
	[REGIME_BULLISH] = "bullish",
	[REGIME_BEARISH] = "bearish",
	[REGIME_VOLATILE] = "volatile",
	[REGIME_STABLE] = "stable",
};

const char *regime_name(enum regime r)
{
	return regime_names[r];
}

/* Whether ${size} is ${bound}/10000 of ${base} for candles of 300 seconds. */
static bool regime_moved(int64_t size, int64_t base, int64_t bound, int64_t interval_s)
{
	wide move = (wide)size * 10000 / (wide)base;

	if (move > REGIME_MOVE_MAX)
		move = REGIME_MOVE_MAX;
	return move * move * 300 >= (wide)(bound * bound) * (wide)interval_s;
}

enum regime regime_of(const struct view_candle *c, size_t n, int64_t interval_s)
{
	int64_t first, last, low, high, net;
	wide path = 0;

	if (n <= REGIME_STEPS || interval_s <= 0)
		return REGIME_UNKNOWN;
	c += n - 1 - REGIME_STEPS;
	first = low = high = last = c[0].close.u;
	for (size_t i = 1; i <= REGIME_STEPS; i++) {
		int64_t close = c[i].close.u;

		path += (wide)(close > last ? close - last : last - close);
		low = close < low ? close : low;
		high = close > high ? close : high;
		last = close;
	}
	net = last > first ? last - first : first - last;
	if ((wide)net * 4 >= path && regime_moved(net, first, REGIME_TREND, interval_s))
		return last > first ? REGIME_BULLISH : REGIME_BEARISH;
	if (regime_moved(high - low, first, REGIME_SWING, interval_s))
		return REGIME_VOLATILE;
	return REGIME_STABLE;
}
