#include "indicator.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "unit.h"

#include "banned.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/*
 * Published worked examples, compared to the digits that were published:
 *
 *   RSI 14, ATR 14, EMA 10, SMA 10 and Bollinger bands 20, 2: the spreadsheets of StockCharts
 *   ChartSchool (QQQQ 14 Dec 2009 to 1 Feb 2010 in 33 values; QQQQ 1 Apr to 13 May 2010; INTC
 *   24 Mar to 5 May 2010; the 42 closes of its Bollinger sheet)
 *   MACD 12, 26, 9: the spreadsheet of InvestExcel (AAPL, 19 Feb to 12 Apr 2013)
 */

static const double rsi_closes[] = {
	44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433,
	46.0826, 45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116,
	46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548, 44.0288,
	44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
};
static const double rsi_published[] = {
	70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38,
	54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30, 33.08, 37.77,
};

/* The sheet counts the first day's high less its low as a true range. A candle before it that
 * closed within that day gives the same range, so the published figures hold from there. */
static const double atr_high[] = {
	48.50, 48.70, 48.72, 48.90, 48.87, 48.82, 49.05, 49.20, 49.35, 49.92, 50.19,
	50.12, 49.66, 49.88, 50.19, 50.36, 50.57, 50.65, 50.43, 49.63, 50.33, 50.29,
	50.17, 49.32, 48.50, 48.32, 46.80, 47.80, 48.39, 48.66, 48.79,
};
static const double atr_low[] = {
	48.00,	47.790, 48.140, 48.390, 48.370, 48.240, 48.635, 48.940, 48.860, 49.500, 49.870,
	49.200, 48.900, 49.430, 49.725, 49.260, 50.090, 50.300, 49.210, 48.980, 49.610, 49.200,
	49.430, 48.080, 47.640, 41.550, 44.283, 47.310, 47.200, 47.900, 47.730,
};
static const double atr_close[] = {
	48.20,	48.160, 48.610, 48.750, 48.630, 48.740, 49.030, 49.070, 49.320, 49.910, 50.130,
	49.530, 49.500, 49.750, 50.030, 50.310, 50.520, 50.410, 49.340, 49.370, 50.230, 49.238,
	49.930, 48.430, 48.180, 46.570, 45.410, 47.770, 47.720, 48.620, 47.850,
};
static const double atr_published[] = {
	0.56, 0.59, 0.59, 0.57, 0.62, 0.62, 0.64, 0.67, 0.69,
	0.78, 0.78, 1.21, 1.30, 1.38, 1.37, 1.34, 1.32,
};

static const double mean_closes[] = {
	22.2734, 22.1940, 22.0847, 22.1741, 22.1840, 22.1344, 22.2337, 22.4323,
	22.2436, 22.2933, 22.1542, 22.3926, 22.3816, 22.6109, 23.3558, 24.0519,
	23.7530, 23.8324, 23.9516, 23.6338, 23.8225, 23.8722, 23.6537, 23.1870,
	23.0976, 23.3260, 22.6805, 23.0976, 22.4025, 22.1725,
};
static const double sma_published[] = {
	22.22, 22.21, 22.23, 22.26, 22.31, 22.42, 22.61, 22.77, 22.91, 23.08, 23.21,
	23.38, 23.53, 23.65, 23.71, 23.69, 23.61, 23.51, 23.43, 23.28, 23.13,
};
static const double ema_published[] = {
	22.22475000, 22.21192273, 22.24477314, 22.26965075, 22.33169607, 22.51789678,
	22.79680646, 22.97065983, 23.12733986, 23.27720534, 23.34204073, 23.42939696,
	23.50990661, 23.53605086, 23.47258707, 23.40440760, 23.39015167, 23.26112410,
	23.23139244, 23.08068473, 22.91556023,
};

/* The sheet computes from closes that it shows rounded to two digits: bands within 0.01. */
static const double band_closes[] = {
	86.16, 89.09, 88.78, 90.32, 89.07, 91.15, 89.44, 89.18, 86.93, 87.68, 86.96,
	89.43, 89.32, 88.72, 87.45, 87.26, 89.50, 87.90, 89.13, 90.70, 92.90, 92.98,
	91.80, 92.66, 92.68, 92.30, 92.77, 92.54, 92.95, 93.20, 91.07, 89.83, 89.74,
	90.40, 90.74, 88.02, 88.09, 88.84, 90.78, 90.54, 91.39, 90.65,
};
static const double band_middle[] = {
	88.71, 89.05, 89.24, 89.39, 89.51, 89.69, 89.75, 89.91, 90.08, 90.38, 90.66, 90.86,
	90.88, 90.90, 90.99, 91.15, 91.19, 91.12, 91.17, 91.25, 91.24, 91.17, 91.05,
};
static const double band_lower[] = {
	86.12, 86.14, 85.87, 85.85, 85.70, 85.65, 85.59, 85.56, 85.60, 85.98, 86.27, 86.82,
	86.87, 86.91, 87.12, 87.63, 87.83, 87.56, 87.76, 87.97, 87.95, 87.96, 87.95,
};

static const double macd_closes[] = {
	459.99, 448.85, 446.06, 450.81, 442.80, 448.97, 444.57, 441.40, 430.47, 420.05,
	431.14, 425.66, 430.58, 431.72, 437.87, 428.43, 428.35, 432.50, 443.66, 455.72,
	454.49, 452.08, 452.73, 461.91, 463.58, 461.14, 452.08, 442.66, 428.91, 429.79,
	431.99, 427.72, 423.20, 426.21, 426.98, 435.69, 434.33, 429.80,
};
static const double macd_published[][3] = {
	{ -2.07055819009491, 3.03752586873394, -5.10808405882886 },
	{ -2.62184232825689, 1.90565222933578, -4.52749455759267 },
	{ -2.32906674045494, 1.05870843537763, -3.38777517583258 },
	{ -2.18163211479299, 0.410640325343509, -2.5922724401365 },
	{ -2.40262627286643, -0.152012994298479, -2.25061327856795 },
};

static bool near(double a, double b, double within)
{
	return fabs(a - b) <= within;
}

/* Equal but for the rounding of a few hundred operations. */
static bool same(double a, double b)
{
	return near(a, b, 1e-12 * (1 + fabs(b)));
}

static void test_published_rsi(void)
{
	bool ok = true;
	double v = 0;

	for (size_t i = 0; i < COUNT(rsi_published); i++)
		ok = ok && indicator_rsi(rsi_closes, 15 + i, 14, &v) &&
		     near(v, rsi_published[i], 0.0051);
	unit_ok(ok, "RSI 14 gives all 19 published values");
}

static void test_published_atr(void)
{
	bool ok = true;
	double v = 0;

	for (size_t i = 0; i < COUNT(atr_published); i++)
		ok = ok && indicator_atr(atr_high, atr_low, atr_close, 15 + i, 14, &v) &&
		     near(v, atr_published[i], 0.0051);
	unit_ok(ok, "ATR 14 gives all 17 published values");
}

static void test_published_means(void)
{
	bool ok = true;
	double v = 0;

	for (size_t i = 0; i < COUNT(sma_published); i++)
		ok = ok && indicator_sma(mean_closes, 10 + i, 10, &v) &&
		     near(v, sma_published[i], 0.0051);
	unit_ok(ok, "SMA 10 gives all 21 published values");
	ok = true;
	for (size_t i = 0; i < COUNT(ema_published); i++)
		ok = ok && indicator_ema(mean_closes, 10 + i, 10, &v) &&
		     near(v, ema_published[i], 5.1e-9);
	unit_ok(ok, "EMA 10 gives all 21 published values");
}

static void test_published_bands(void)
{
	struct indicator_bands b = { 0 };
	bool ok = true;

	for (size_t i = 0; i < COUNT(band_middle); i++)
		ok = ok && indicator_bollinger(band_closes, 20 + i, 20, 2, &b) &&
		     near(b.middle, band_middle[i], 0.0101) &&
		     near(b.lower, band_lower[i], 0.0101) &&
		     same(b.upper - b.middle, b.middle - b.lower);
	unit_ok(ok, "Bollinger bands give all 23 published values");
}

static void test_published_macd(void)
{
	struct indicator_macd m = { 0 };
	bool ok = true;

	for (size_t i = 0; i < COUNT(macd_published); i++)
		ok = ok && indicator_macd(macd_closes, 34 + i, 12, 26, 9, &m) &&
		     near(m.macd, macd_published[i][0], 1e-11) &&
		     near(m.signal, macd_published[i][1], 1e-11) &&
		     near(m.histogram, macd_published[i][2], 1e-11);
	unit_ok(ok, "MACD 12 26 9 gives the published line, signal and histogram");
}

/*
 * An independent computation: a Python script that takes the same 120 candles as exact
 * fractions (fractions.Fraction), evaluates the textbook formulas on them without any rounding
 * (RSI as 100 g / (g + l), true range as max(high, close before) - min(low, close before)), and
 * takes deviations with statistics.pstdev and stdev. Its results are the figures below.
 */
#define REFERENCE_N 120

static double ref_x[REFERENCE_N], ref_high[REFERENCE_N], ref_low[REFERENCE_N];

static void make_reference(void)
{
	for (int i = 0; i < REFERENCE_N; i++) {
		ref_x[i] = (4000 + (i * i * 7 + i * 13) % 331) / 40.0;
		ref_high[i] = ref_x[i] + i * 5 % 7 / 8.0;
		ref_low[i] = ref_x[i] - i * 3 % 11 / 8.0;
	}
}

static void test_reference(void)
{
	struct indicator_macd m = { 0 };
	struct indicator_bands b = { 0 };
	double v = 0;

	make_reference();
	unit_ok(indicator_sma(ref_x, REFERENCE_N, 7, &v) && same(v, 101.725),
		"SMA 7 equals the exact reference");
	unit_ok(indicator_ema(ref_x, REFERENCE_N, 12, &v) && same(v, 102.5209751869524),
		"EMA 12 equals the exact reference");
	unit_ok(indicator_rsi(ref_x, REFERENCE_N, 9, &v) && same(v, 44.285784251456548),
		"RSI 9 equals the exact reference");
	unit_ok(indicator_macd(ref_x, REFERENCE_N, 12, 26, 9, &m) &&
			same(m.macd, -0.85678542722460727) &&
			same(m.signal, -0.43500589924744287) &&
			same(m.histogram, -0.42177952797716439),
		"MACD equals the exact reference");
	unit_ok(indicator_bollinger(ref_x, REFERENCE_N, 20, 2.5, &b) &&
			same(b.middle, 103.50875) && same(b.upper, 109.37141241112987) &&
			same(b.lower, 97.646087588870145),
		"Bollinger bands equal the exact reference");
	unit_ok(indicator_atr(ref_high, ref_low, ref_x, REFERENCE_N, 10, &v) &&
			same(v, 2.5278750632057809),
		"ATR 10 equals the exact reference");
	unit_ok(indicator_return(ref_x, REFERENCE_N, 48, &v) && same(v, -0.019607843137254902),
		"the return over 48 steps equals the exact reference");
	unit_ok(indicator_volatility(ref_x, REFERENCE_N, 30, &v) &&
			same(v, 0.030641122990284913),
		"the volatility over 30 steps equals the reference");
}

/* By hand */

static void test_small(void)
{
	static const double x[] = { 1, 2, 3, 4, 8 };
	static const double squares[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct indicator_macd m = { 0 };
	struct indicator_bands b = { 0 };
	double v = 0;

	unit_ok(indicator_sma(x, 5, 2, &v) && same(v, 6), "SMA looks at the last values");
	unit_ok(indicator_sma(x, 5, 1, &v) && same(v, 8), "SMA 1 is the last value");
	unit_ok(indicator_ema(x, 5, 3, &v) && same(v, 5.5), "EMA starts from the first SMA");
	unit_ok(indicator_ema(x, 3, 3, &v) && same(v, 2), "EMA of n values is their mean");
	unit_ok(indicator_bollinger(squares, 8, 8, 2, &b) && same(b.middle, 5) &&
			same(b.upper, 9) && same(b.lower, 1),
		"bands use the deviation of the population");
	unit_ok(indicator_return(x, 5, 4, &v) && same(v, 7), "return compares first with last");
	unit_ok(indicator_return(x, 5, 1, &v) && same(v, 1), "return over one step");
	/* returns 1/3 and 1: mean 2/3, sum of squares 2/9, over n-1 = 1 */
	unit_ok(indicator_volatility(x, 5, 2, &v) && same(v, sqrt(2.0 / 9.0)),
		"volatility is the deviation of a sample");
	/* EMA 1 is x, EMA 2 is 1.5, 2.5, 3.5, 6.5; differences 0.5, 0.5, 0.5, 1.5 */
	unit_ok(indicator_macd(x, 5, 1, 2, 3, &m) && same(m.macd, 1.5) && same(m.signal, 1) &&
			same(m.histogram, 0.5),
		"MACD's signal starts from the mean of the first differences");
}

static void test_rsi_edges(void)
{
	static const double up[] = { 1, 2, 3, 4 }, down[] = { 4, 3, 2, 1 },
			    flat[] = { 2, 2, 2 };
	double v = 0;

	unit_ok(indicator_rsi(up, 4, 3, &v) && same(v, 100), "RSI without losses is 100");
	unit_ok(indicator_rsi(down, 4, 3, &v) && same(v, 0), "RSI without gains is 0");
	unit_ok(indicator_rsi(flat, 3, 2, &v) && same(v, 50), "RSI of what never moved is 50");
}

static void test_atr_gaps(void)
{
	static const double high[] = { 10, 12, 13, 8 }, low[] = { 9, 11, 12, 7 };
	static const double close[] = { 10, 12, 13, 8 };
	double v = 0;

	unit_ok(indicator_atr(high, low, close, 2, 1, &v) && same(v, 2),
		"a true range counts a gap up from the close before");
	unit_ok(indicator_atr(high, low, close, 4, 1, &v) && same(v, 6),
		"a true range counts a gap down from the close before");
	unit_ok(indicator_atr(high, low, close, 4, 2, &v) && same(v, (1.5 + 6) / 2),
		"ATR smooths by Wilder's rule");
}

/* Every indicator over the first ${len} values: how many gave a result. */
static int results(size_t len, size_t n, double *v, struct indicator_macd *m,
		   struct indicator_bands *b)
{
	return indicator_sma(ref_x, len, n, v) + indicator_ema(ref_x, len, n, v) +
	       indicator_bollinger(ref_x, len, n, 2, b) + indicator_rsi(ref_x, len, n, v) +
	       indicator_atr(ref_high, ref_low, ref_x, len, n, v) +
	       indicator_return(ref_x, len, n, v) + indicator_volatility(ref_x, len, n, v) +
	       indicator_macd(ref_x, len, n, n, 2, m);
}

static void test_too_few(void)
{
	struct indicator_bands b = { -1, -1, -1 };
	struct indicator_macd m = { -1, -1, -1 };
	double v = -1;

	make_reference();
	unit_ok(results(9, 10, &v, &m, &b) == 0 && results(0, 1, &v, &m, &b) == 0,
		"with fewer values than the period there is no result");
	unit_ok(results(120, 0, &v, &m, &b) == 0, "a period of 0 has no result");
	unit_ok(results(120, SIZE_MAX, &v, &m, &b) == 0, "a period beyond all has no result");
	unit_ok(same(v, -1) && same(m.macd, -1) && same(m.signal, -1) && same(b.middle, -1),
		"without a result the output is left alone");
	unit_ok(results(10, 10, &v, &m, &b) == 3,
		"with exactly n values there are means and bands only");
	unit_ok(results(11, 10, &v, &m, &b) == 8, "with n+1 values there is everything");
}

static void test_macd_needs(void)
{
	struct indicator_macd m = { -1, -1, -1 };

	unit_ok(!indicator_macd(macd_closes, 33, 12, 26, 9, &m) && same(m.macd, -1),
		"MACD 12 26 9 needs 34 values");
	unit_ok(!indicator_macd(macd_closes, 38, 26, 12, 9, &m),
		"MACD with a fast period above the slow one is not defined");
	unit_ok(!indicator_macd(macd_closes, 38, 12, 26, 0, &m) &&
			!indicator_macd(macd_closes, 38, 0, 26, 9, &m) &&
			!indicator_macd(macd_closes, 38, 12, 26, SIZE_MAX, &m),
		"MACD with a period of 0 or beyond all has no result");
}

static void test_undefined(void)
{
	static const double zero[] = { 0, 0, 1, 2 };
	static const double huge[] = { 1e308, 1e308, 1e308, 1e308 };
	struct indicator_bands b = { -1, -1, -1 };
	double v = -1;

	unit_ok(!indicator_return(zero, 4, 3, &v) && same(v, -1), "no return on a price of 0");
	unit_ok(!indicator_volatility(zero, 4, 3, &v) && same(v, -1),
		"no volatility across a price of 0");
	unit_ok(!indicator_volatility(ref_x, 120, 1, &v), "no volatility of one return");
	unit_ok(!indicator_sma(huge, 4, 4, &v) && !indicator_ema(huge, 4, 4, &v) &&
			!indicator_bollinger(huge, 4, 4, 2, &b) && same(v, -1) &&
			same(b.middle, -1),
		"a result that overflows is no result");
}

int main(void)
{
	test_published_rsi();
	test_published_atr();
	test_published_means();
	test_published_bands();
	test_published_macd();
	test_reference();
	test_small();
	test_rsi_edges();
	test_atr_gaps();
	test_too_few();
	test_macd_needs();
	test_undefined();
	return unit_done();
}
