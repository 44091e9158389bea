#include "regime.h"

#include <string.h>

#include "unit.h"

#include "banned.h"

/* Closes that step by ${steps}, repeated, from ${first}; REGIME_STEPS + 1 of them at the end of
 * the array, behind ${before} others. */
#define BEFORE 5
#define ALL (BEFORE + REGIME_STEPS + 1)

static enum regime walk(int64_t first, const int64_t *steps, size_t n, int64_t interval_s)
{
	struct view_candle c[ALL];

	memset(c, 0, sizeof c);
	/* what came before must not count, however wild */
	for (size_t i = 0; i < BEFORE; i++)
		c[i].close.u = i % 2 == 0 ? 3 * first : first / 3 + 1;
	c[BEFORE].close.u = first;
	for (size_t i = 0; i < REGIME_STEPS; i++)
		c[BEFORE + 1 + i].close.u = c[BEFORE + i].close.u + steps[i % n];
	return regime_of(c, ALL, interval_s);
}

/* ${up} steps of +1 and then the rest of -1, in 1/10000 of the first close times ${unit}. */
static enum regime climb(int64_t first, int up, int64_t step, int64_t interval_s)
{
	int64_t steps[REGIME_STEPS];

	for (int i = 0; i < REGIME_STEPS; i++)
		steps[i] = i < up ? step : -step;
	return walk(first, steps, REGIME_STEPS, interval_s);
}

/* Flat but for one step up to a peak and one back. */
static enum regime peak(int64_t first, int64_t height, int64_t interval_s)
{
	int64_t steps[REGIME_STEPS] = { 0 };

	steps[10] = height;
	steps[20] = -height;
	return walk(first, steps, REGIME_STEPS, interval_s);
}

static enum regime straight(int64_t first, int64_t net, int64_t interval_s)
{
	int64_t steps[REGIME_STEPS] = { 0 };

	steps[47] = net;
	return walk(first, steps, REGIME_STEPS, interval_s);
}

static void test_trend(void)
{
	unit_ok(straight(10000, 50, 300) == REGIME_BULLISH,
		"a straight rise by 50/10000 is bullish");
	unit_ok(straight(10000, -50, 300) == REGIME_BEARISH,
		"a straight fall by as much is bearish");
	unit_ok(straight(1000000, 4999, 300) == REGIME_STABLE,
		"a rise by less is stable: what is not a whole 1/10000 does not count");
	/* 30 up and 18 down: net 12 of a path of 48 is a quarter */
	unit_ok(climb(10000, 30, 5, 300) == REGIME_BULLISH,
		"a rise that keeps a quarter of its path is bullish");
	unit_ok(climb(10000, 29, 6, 300) == REGIME_STABLE,
		"one that keeps less of it is not, though it is higher");
	unit_ok(climb(10000, 18, 5, 300) == REGIME_BEARISH,
		"a fall that keeps a quarter of its path is bearish");
	unit_ok(climb(10000, 33, 30, 300) == REGIME_BULLISH,
		"a trend is a trend, however wide it swings");
}

static void test_swing(void)
{
	unit_ok(peak(10000, 200, 300) == REGIME_VOLATILE,
		"a peak of 200/10000 without a trend is volatile");
	unit_ok(peak(10000, -200, 300) == REGIME_VOLATILE, "so is a trough");
	unit_ok(peak(1000000, 19999, 300) == REGIME_STABLE, "less of a peak is stable");
	unit_ok(straight(10000, 0, 300) == REGIME_STABLE, "what does not move is stable");
}

static void test_interval(void)
{
	unit_ok(peak(10000, 400, 1200) == REGIME_VOLATILE &&
			peak(10000, 399, 1200) == REGIME_STABLE,
		"candles of four times the length need twice the swing");
	unit_ok(straight(10000, 100, 1200) == REGIME_BULLISH &&
			straight(10000, 99, 1200) == REGIME_STABLE,
		"and twice the trend");
	/* 50 * sqrt(12) = 173.2, 200 * sqrt(12) = 692.8 */
	unit_ok(straight(10000, 174, 3600) == REGIME_BULLISH &&
			straight(10000, 173, 3600) == REGIME_STABLE &&
			peak(10000, 693, 3600) == REGIME_VOLATILE &&
			peak(10000, 692, 3600) == REGIME_STABLE,
		"bounds that are no whole numbers are met exactly");
}

static void test_bounds(void)
{
	struct view_candle c[REGIME_STEPS + 1];
	int64_t big = INT64_MAX - 1;

	for (size_t i = 0; i < REGIME_STEPS + 1; i++)
		c[i].close.u = 10000;
	unit_ok(regime_of(c, REGIME_STEPS, 300) == REGIME_UNKNOWN &&
			regime_of(c, 0, 300) == REGIME_UNKNOWN &&
			regime_of(c, REGIME_STEPS + 1, 0) == REGIME_UNKNOWN,
		"fewer than 49 candles have no regime");
	unit_ok(regime_of(c, REGIME_STEPS + 1, 300) == REGIME_STABLE, "49 have one");
	for (size_t i = 0; i < REGIME_STEPS + 1; i++)
		c[i].close.u = i % 2 == 0 ? 1 : big;
	unit_ok(regime_of(c, REGIME_STEPS + 1, 2678400) == REGIME_VOLATILE,
		"the widest swing there can be does not overflow");
	c[REGIME_STEPS].close.u = big;
	for (size_t i = 1; i < REGIME_STEPS; i++)
		c[i].close.u = 1;
	unit_ok(regime_of(c, REGIME_STEPS + 1, 2678400) == REGIME_BULLISH,
		"nor does the steepest rise");
	unit_ok(regime_of(c, REGIME_STEPS + 1, INT64_MAX) == REGIME_STABLE,
		"nor the longest interval");
}

static void test_names(void)
{
	unit_ok(regime_name(REGIME_UNKNOWN) == NULL &&
			strcmp(regime_name(REGIME_BULLISH), "bullish") == 0 &&
			strcmp(regime_name(REGIME_BEARISH), "bearish") == 0 &&
			strcmp(regime_name(REGIME_VOLATILE), "volatile") == 0 &&
			strcmp(regime_name(REGIME_STABLE), "stable") == 0,
		"every regime has its name, and no regime has none");
}

int main(void)
{
	test_trend();
	test_swing();
	test_interval();
	test_bounds();
	test_names();
	return unit_done();
}
