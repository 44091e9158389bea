#include "metrics.h"

#include <math.h>
#include <string.h>

#include "unit.h"

#include "banned.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DAY 86400

static bool near(struct metrics_value m, double v)
{
	return m.defined && fabs(m.v - v) <= 1e-12 * (1 + fabs(v));
}

static struct metrics measure(int64_t start, const int64_t *equity, const int64_t *gross,
			      size_t n, int64_t interval_s)
{
	struct metrics_input in = {
		.start = { start },
		.equity = equity,
		.gross = gross,
		.n = n,
		.interval_s = interval_s,
	};
	struct metrics m;

	metrics_compute(&in, &m);
	return m;
}

static struct metrics measure_trades(const struct metrics_trade *trades, size_t n_trades)
{
	static const int64_t equity[] = { 1000, 3000 }, gross[] = { 0, 0 };
	struct metrics_input in = {
		.start = { 1000 },
		.equity = equity,
		.gross = gross,
		.n = 2,
		.interval_s = 300,
		.trades = trades,
		.n_trades = n_trades,
	};
	struct metrics m;

	metrics_compute(&in, &m);
	return m;
}

static struct metrics_trade bought(int64_t asset, int64_t after, int64_t notional)
{
	return (struct metrics_trade){ asset,	     DECISION_BUY, { after },
				       { notional }, { 1 },	   { 0 } };
}

static struct metrics_trade sold(int64_t asset, int64_t after, int64_t realised)
{
	return (struct metrics_trade){ asset,	DECISION_SELL, { after },
				       { 100 }, { 2 },	       { realised } };
}

static void test_curve(void)
{
	static const int64_t equity[] = { 110, 99, 120, 90, 130 };
	struct metrics m;

	m = measure(100, equity, NULL, 5, 300);
	unit_ok(near(m.total_return, 0.3),
		"total return compares the end with the starting cash");
	unit_ok(near(m.max_drawdown, -0.25), "the drawdown is the deepest fall from a peak");
	m = measure(200, equity, NULL, 2, 300);
	unit_ok(near(m.max_drawdown, -0.505), "the starting cash counts as a peak");
	m = measure(100, equity, NULL, 1, 300);
	unit_ok(near(m.max_drawdown, 0) && near(m.total_return, 0.1),
		"what only rose has a drawdown of 0");
}

/*
 * Equity and figures of a Python reference: e_i = 1e12 + ((7 i^2 + 13 i) mod 331 - 165) * 1e9
 * for i = 1..64 after a start of 1e12, every 12 hours, with gross_i = e_i * (17 i mod 10) / 10;
 * statistics.stdev and fmean of the simple returns, K = 365.25 * 86400 / 43200.
 */
static void test_reference(void)
{
	int64_t equity[64], gross[64];
	struct metrics m;

	for (int64_t i = 1; i <= 64; i++) {
		equity[i - 1] = INT64_C(1000000000000) +
				((7 * i * i + 13 * i) % 331 - 165) * INT64_C(1000000000);
		gross[i - 1] = equity[i - 1] * (17 * i % 10) / 10;
	}
	m = measure(INT64_C(1000000000000), equity, gross, 64, 43200);
	unit_ok(!m.too_early, "32 days are not too early");
	unit_ok(near(m.total_return, -0.12), "the total return equals the reference");
	unit_ok(near(m.volatility, 3.6374880407690027), "the volatility equals the reference");
	unit_ok(near(m.sharpe, 1.3692556832547236), "the Sharpe ratio equals the reference");
	unit_ok(near(m.sortino, 2.1078220353257882), "the Sortino ratio equals the reference");
	unit_ok(near(m.max_drawdown, -0.28068669527896994),
		"the drawdown equals the reference");
	unit_ok(near(m.exposure, 0.453125), "the exposure equals the reference");
	m = measure(INT64_C(1000000000000), equity, gross, 59, 43200);
	unit_ok(m.too_early && !m.volatility.defined && !m.sharpe.defined && !m.sortino.defined,
		"before 30 days nothing is annualised");
	unit_ok(m.total_return.defined && m.max_drawdown.defined && m.exposure.defined,
		"before 30 days the rest is there");
	m = measure(INT64_C(1000000000000), equity, gross, 60, 43200);
	unit_ok(!m.too_early && m.sharpe.defined, "30 days are enough");
	m = measure(INT64_C(1000000000000), equity, gross, 64, 0);
	unit_ok(m.too_early && !m.sharpe.defined, "without an interval nothing is annualised");
}

/* 20 % up and 10 % down, daily: by hand. */
static void test_by_hand(void)
{
	int64_t equity[30], e = INT64_C(1000000000000);
	struct metrics m;

	for (int i = 0; i < 30; i++) {
		e = i % 2 == 0 ? e / 10 * 12 : e / 10 * 9;
		equity[i] = e;
	}
	m = measure(INT64_C(1000000000000), equity, NULL, 30, DAY);
	/* mean 0.05; every deviation is 0.15, so sd^2 = 30 * 0.0225 / 29 */
	unit_ok(fabs(m.volatility.v - sqrt(0.675 / 29) * sqrt(365.25)) < 1e-6,
		"volatility is the sample deviation, annualised with 365.25 days");
	unit_ok(fabs(m.sharpe.v - 0.05 / sqrt(0.675 / 29) * sqrt(365.25)) < 1e-6,
		"Sharpe is the mean over the deviation, annualised");
	/* the 15 falls, over all 30 returns */
	unit_ok(fabs(m.sortino.v - 0.05 / sqrt(15 * 0.01 / 30) * sqrt(365.25)) < 1e-6,
		"Sortino divides by all periods, not by the losing ones");
	unit_ok(fabs(m.max_drawdown.v + 0.1) < 1e-9, "each fall is 10 %");
	unit_ok(!m.exposure.defined, "without position values there is no exposure");
}

static void test_degenerate(void)
{
	/* 41 % a step exactly, where the mean of the returns is not quite the return */
	static const int64_t rising[] = { INT64_C(1410000000000), INT64_C(1988100000000),
					  INT64_C(2803221000000), INT64_C(3952541610000),
					  INT64_C(5573083670100) };
	int64_t flat[40], doubling[40], zero[40];
	struct metrics m;

	for (int i = 0; i < 40; i++) {
		flat[i] = 100;
		doubling[i] = INT64_C(2) << i;
		zero[i] = i < 20 ? 100 : 0;
	}
	m = measure(100, flat, flat, 40, DAY);
	unit_ok(near(m.volatility, 0) && near(m.total_return, 0) && near(m.max_drawdown, 0),
		"what never moved has a volatility of 0");
	unit_ok(!m.sharpe.defined && !m.sortino.defined,
		"what never moved has neither Sharpe nor Sortino");
	unit_ok(near(m.exposure, 1), "being all invested is an exposure of 1");
	m = measure(1, doubling, NULL, 40, DAY);
	unit_ok(!m.sharpe.defined && !m.sortino.defined, "equal returns have no Sharpe ratio");
	m = measure(INT64_C(1000000000000), rising, NULL, 5, 20 * DAY);
	unit_ok(!m.sortino.defined && near(m.volatility, 0),
		"without a loss there is no Sortino");
	unit_ok(!m.sharpe.defined, "rounding noise is no deviation to divide by");
	m = measure(100, zero, zero, 40, DAY);
	unit_ok(near(m.total_return, -1) && near(m.max_drawdown, -1), "losing all is -100 %");
	unit_ok(!m.sharpe.defined && !m.volatility.defined && !m.exposure.defined,
		"returns on nothing are not defined");
	m = measure(100, flat, flat, 1, 40 * DAY);
	unit_ok(!m.too_early && !m.volatility.defined && !m.sharpe.defined,
		"one return has no deviation");
	m = measure(0, flat, flat, 40, DAY);
	unit_ok(!m.total_return.defined && !m.max_drawdown.defined && !m.sharpe.defined,
		"without starting cash there is no return");
	m = measure(100, NULL, NULL, 0, DAY);
	unit_ok(!m.total_return.defined && !m.max_drawdown.defined && !m.exposure.defined &&
			!m.turnover.defined && !m.win_rate.defined && m.too_early,
		"before the first sample nothing is defined");
}

static void test_trips(void)
{
	struct metrics_trade t[] = {
		bought(1, 10, 500), sold(1, 4, 30),   bought(2, 5, 500),
		sold(1, 0, -10),    sold(2, 0, -60),  bought(1, 7, 10),
		sold(1, 3, 500),    bought(3, 9, 10), sold(3, 0, 0),
	};
	struct metrics m = measure_trades(t, COUNT(t));

	unit_ok(m.n_trades == 9, "every fill is a trade");
	unit_ok(m.round_trips == 3, "a round trip ends when the position is gone");
	unit_ok(m.open_trips == 1, "a position that is left counts as open");
	unit_ok(near(m.win_rate, 1.0 / 3), "a round trip wins by the sum of its sells");
	unit_ok(near(m.profit_factor, 20.0 / 60),
		"profit factor is gains over losses of trips");
	unit_ok(m.fees.u == 4 * 1 + 5 * 2, "fees are summed over buys and sells");
	/* 1020 bought, 500 sold, against a mean equity of 2000 */
	unit_ok(near(m.turnover, 1520.0 / 2000), "turnover counts both sides");
}

static void test_trip_nulls(void)
{
	struct metrics_trade open[] = { bought(1, 5, 10), sold(1, 2, 3) };
	struct metrics_trade won[] = { bought(1, 5, 10), sold(1, 0, 3) };
	struct metrics_trade even[] = { bought(1, 5, 10), sold(1, 0, 0) };
	struct metrics_trade lost[] = { bought(1, 5, 10), sold(1, 0, -3) };
	struct metrics_trade again[] = { bought(1, 5, 10), sold(1, 0, 8), bought(1, 5, 10),
					 sold(1, 0, -4) };
	struct metrics m;

	m = measure_trades(NULL, 0);
	unit_ok(!m.win_rate.defined && !m.profit_factor.defined && m.open_trips == 0 &&
			near(m.turnover, 0) && m.fees.u == 0,
		"without trades there is no win rate, and a turnover of 0");
	m = measure_trades(open, 2);
	unit_ok(!m.win_rate.defined && m.round_trips == 0 && m.open_trips == 1,
		"an open trip is neither won nor lost");
	m = measure_trades(won, 2);
	unit_ok(near(m.win_rate, 1) && !m.profit_factor.defined,
		"without losses there is no profit factor");
	m = measure_trades(even, 2);
	unit_ok(near(m.win_rate, 0) && !m.profit_factor.defined,
		"breaking even is no win and no loss");
	m = measure_trades(lost, 2);
	unit_ok(near(m.win_rate, 0) && near(m.profit_factor, 0),
		"with losses alone the profit factor is 0");
	m = measure_trades(again, 4);
	unit_ok(near(m.win_rate, 0.5) && near(m.profit_factor, 2) && m.open_trips == 0,
		"the next round trip in an asset starts from nothing");
}

static void test_extremes(void)
{
	static const int64_t equity[] = { INT64_MAX, 1, INT64_MAX };
	struct metrics_trade t[] = {
		bought(INT64_MIN, INT64_MAX, INT64_MAX),
		sold(INT64_MIN, 1, INT64_MAX),
		sold(INT64_MIN, 1, INT64_MAX),
		sold(INT64_MIN, 0, INT64_MAX),
		bought(INT64_MAX, 1, 1),
		sold(INT64_MAX, 1, INT64_MIN),
		sold(INT64_MAX, 0, INT64_MIN),
	};
	struct metrics m;

	for (size_t i = 0; i < COUNT(t); i++)
		t[i].fee.u = INT64_MAX;
	m = measure(1, equity, equity, 3, INT64_MAX);
	unit_ok(m.total_return.defined && m.max_drawdown.defined && isfinite(m.sharpe.v),
		"the largest amounts give finite numbers");
	m = measure_trades(t, COUNT(t));
	unit_ok(m.round_trips == 2 && near(m.win_rate, 0.5),
		"sums beyond 64 bits keep their sign");
	unit_ok(m.fees.u == INT64_MAX, "fees beyond the range stop at its end");
}

/* Four samples at 10 days each, the second standing for two of them: 50 days. */
static void test_carried(void)
{
	static const int64_t equity[] = { 110, 88, 88, 99 }, gross[] = { 55, 88, 88, 0 };
	static const uint32_t carried[] = { 0, 2, 0, 0 };
	struct metrics_input in = { .start = { 100 },
				    .equity = equity,
				    .gross = gross,
				    .carried = carried,
				    .n = 4,
				    .interval_s = 10 * DAY };
	/* returns 0.1, -0.2, 0, 0, 0.125 */
	double mean = 0.025 / 5, squares = 0.01 + 0.04 + 0.015625 - 5 * mean * mean;
	struct metrics m;

	metrics_compute(&in, &m);
	unit_ok(near(m.volatility, sqrt(squares / 4) * sqrt(36.525)),
		"windows that were not run take part with a return of 0 after the first");
	/* 50 days are 5 / 36.525 years */
	unit_ok(near(m.sharpe_error,
		     sqrt((1 + m.sharpe.v * m.sharpe.v / (2 * 36.525)) / (5 / 36.525))),
		"the error of the Sharpe ratio is that of the years it rests on");
	unit_ok(near(m.sortino, mean / sqrt(0.04 / 5) * sqrt(36.525)),
		"Sortino counts them among all periods");
	unit_ok(near(m.exposure, (0.5 + 3 * 1 + 0) / 5), "they carry the position");
	unit_ok(near(m.max_drawdown, -0.2) && near(m.drawdown_s, 40.0 * DAY),
		"a drawdown that goes on lasts from its peak to now");
	unit_ok(!m.too_early, "three samples of ten days are 30 days");
	in.n = 3;
	metrics_compute(&in, &m);
	unit_ok(m.too_early && !m.sharpe.defined && !m.sharpe_error.defined,
		"windows that were not run are no evidence");
}

static void test_drawdown_time(void)
{
	static const int64_t equity[] = { 100, 100, 90, 100, 80, 70, 100, 95 };
	static const int64_t rising[] = { 101, 102 };
	struct metrics m = measure(100, equity, NULL, 8, DAY);

	unit_ok(near(m.max_drawdown, -0.3) && near(m.drawdown_s, 3.0 * DAY),
		"the deepest drawdown lasts from the last day at its peak to the recovery");
	m = measure(100, rising, NULL, 2, DAY);
	unit_ok(!m.drawdown_s.defined, "without a drawdown there is no duration");
}

static void test_growth(void)
{
	int64_t equity[100];
	struct metrics m;

	for (int i = 0; i < 100; i++)
		equity[i] = i < 50 ? 1000 : i < 60 ? 800 : 1100;
	m = measure(1000, equity, NULL, 90, DAY);
	unit_ok(near(m.cagr, pow(1.1, 365.25 / 90) - 1),
		"growth is compounded to a year of 365.25 days");
	unit_ok(near(m.calmar, (pow(1.1, 365.25 / 90) - 1) / 0.2),
		"Calmar is growth by the deepest drawdown");
	m = measure(1000, equity, NULL, 89, DAY);
	unit_ok(!m.cagr.defined && !m.calmar.defined, "before 90 days nothing is compounded");
	m = measure(500, equity, NULL, 50, 2 * DAY);
	unit_ok(m.cagr.defined && !m.calmar.defined, "without a drawdown there is no Calmar");
}

static void test_costs(void)
{
	static const int64_t equity[] = { 1100 };
	struct metrics_trade t[] = { bought(1, 5, 10) };
	struct metrics_input in = { .start = { 1000 },
				    .equity = equity,
				    .n = 1,
				    .interval_s = 300,
				    .trades = t,
				    .n_trades = 1,
				    .turns = { [DECISION_OK] = 3,
					       [DECISION_HOLD] = 2,
					       [DECISION_TIMEOUT] = 1,
					       [DECISION_BUDGET] = 4 },
				    .thinking = { true, 30 } };
	struct metrics m;

	t[0].fee.u = 25;
	metrics_compute(&in, &m);
	unit_ok(near(m.net_return, 0.07), "the net return takes off the cost of thinking");
	unit_ok(near(m.fees_ratio, 0.025), "fees are a part of the starting cash");
	unit_ok(m.turns == 10 && m.valid == 5 && near(m.reliability, 0.5),
		"a turn is reliable if it gave an answer, even to hold");
	in.thinking.defined = false;
	memset(in.turns, 0, sizeof in.turns);
	metrics_compute(&in, &m);
	unit_ok(!m.net_return.defined && !m.reliability.defined,
		"without a known cost or a turn they are not defined");
}

int main(void)
{
	test_curve();
	test_reference();
	test_by_hand();
	test_degenerate();
	test_carried();
	test_drawdown_time();
	test_growth();
	test_costs();
	test_trips();
	test_trip_nulls();
	test_extremes();
	return unit_done();
}
