/*
 * Statistics: cases small enough for paper, and with the argument "measure" a filter that
 * stats_ref.py feeds with returns and whose figures it compares with its own.
 */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "unit.h"

#include "banned.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool close_to(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static bool near(struct metrics_value m, double v)
{
	return m.defined && close_to(m.v, v);
}

static void test_returns(void)
{
	static const double curve[] = { 100, 110, 99, 0 };
	double r[3];

	unit_ok(stats_returns(curve, 3, r) && close_to(r[0], 0.1) && close_to(r[1], -0.1) &&
			close_to(r[2], -1),
		"returns are simple, and may end with the loss of all");
	unit_ok(!stats_returns(curve + 1, 3 - 1, r) || close_to(r[1], -1),
		"the last point may be 0");
	unit_ok(!stats_returns((const double[]){ 1, 0, 1 }, 2, r),
		"returns on nothing are not defined");
}

/* Deviations -1.5, -0.5, 0.5, 1.5 and -2, 0, 0, 2: by hand. */
static void test_moments(void)
{
	static const double even[] = { 1, 2, 3, 4 }, lopsided[] = { 0, 0, 0, 4 };
	static const double flat[] = { 0.1, 0.1, 0.1 };
	struct stats_moments m;

	stats_measure(even, 4, &m);
	unit_ok(close_to(m.mean, 2.5) && near(m.sd, sqrt(5.0 / 3)),
		"the deviation divides by n - 1");
	/* m2 = 5/4; m4 = (2 * 81/16 + 2 * 1/16) / 4 = 41/16 */
	unit_ok(near(m.skew, 0) && near(m.kurtosis, 41.0 / 16 / (25.0 / 16)),
		"the kurtosis is raw, over n");
	unit_ok(near(stats_sharpe(&m), 2.5 / sqrt(5.0 / 3)), "Sharpe is mean by deviation");
	/* mean 1, deviations -1 three times and 3: m2 = 3, m3 = 6, m4 = 21 */
	stats_measure(lopsided, 4, &m);
	unit_ok(near(m.skew, 6 / (3 * sqrt(3.0))) && near(m.kurtosis, 21.0 / 9),
		"the skew of one high value among equal ones is positive");
	stats_measure(flat, 3, &m);
	unit_ok(near(m.sd, 0) && !m.skew.defined && !m.kurtosis.defined &&
			!stats_sharpe(&m).defined && !stats_psr(&m, 0).defined,
		"equal returns have no Sharpe ratio, rounding or not");
	stats_measure(even, 1, &m);
	unit_ok(!m.sd.defined && !stats_sharpe(&m).defined, "one return has no deviation");
	stats_measure(NULL, 0, &m);
	unit_ok(m.n == 0 && !m.sd.defined, "no returns have no moments");
}

static void test_normal(void)
{
	unit_ok(close_to(stats_normal_cdf(0), 0.5) &&
			close_to(stats_normal_cdf(1), 0.8413447460685429) &&
			close_to(stats_normal_cdf(-1.96) + stats_normal_cdf(1.96), 1),
		"the normal distribution has its table's values");
	unit_ok(fabs(stats_normal_cdf(-10) / 7.61985302416052607e-24 - 1) < 1e-9,
		"the far tail keeps its digits");
	unit_ok(close_to(stats_normal_quantile(0.975), 1.9599639845400545) &&
			close_to(stats_normal_quantile(0.5), 0) &&
			close_to(stats_normal_quantile(0.01), -2.3263478740408408),
		"quantiles have their table's values");
	unit_ok(isinf(stats_normal_quantile(0)) && isinf(stats_normal_quantile(1)),
		"the ends of the distribution are at infinity");
}

static void test_sharpe_error(void)
{
	struct metrics_value none = { 0 }, one = { true, 1 }, zero = { true, 0 };

	/* 30 days: sqrt(365 / 30) */
	unit_ok(near(stats_sharpe_error(zero, 365, 30), 3.4880749227427255),
		"after 30 days a Sharpe ratio is uncertain by 3.5");
	unit_ok(near(stats_sharpe_error(one, 365, 365), sqrt(1 + 1 / 730.0)),
		"after a year it is uncertain by 1");
	unit_ok(!stats_sharpe_error(none, 365, 30).defined &&
			!stats_sharpe_error(one, 365, 0).defined,
		"what is not defined has no error");
}

static void test_psr(void)
{
	/* mean 0.5, sample variance 0.25 * 16 / 15, no skew, kurtosis 1 */
	double r[16];
	struct stats_moments m;
	double sr = 0.5 / sqrt(0.25 * 16 / 15);

	for (size_t i = 0; i < 16; i++)
		r[i] = i % 2 == 0;
	stats_measure(r, 16, &m);
	unit_ok(near(stats_psr(&m, 0), stats_normal_cdf(sr * sqrt(15.0))),
		"with a kurtosis of 1 and no skew, PSR is a plain z value");
	unit_ok(near(stats_psr(&m, sr), 0.5), "a bar as high as the ratio is met by half");
	unit_ok(stats_psr(&m, 0.1).v < stats_psr(&m, 0).v, "a higher bar is met less often");
	unit_ok(close_to(stats_expected_best((const double[]){ 1, 3 }, 2, 1), 0),
		"one try has nothing to deflate");
	/* sd sqrt(2); quantiles at 1/2 and 1 - 1/(2e) */
	unit_ok(close_to(stats_expected_best((const double[]){ 1, 3 }, 2, 2),
			 sqrt(2.0) * 0.57721566490153286 *
				 stats_normal_quantile(1 - 1 / (2 * 2.718281828459045))),
		"the best of two tries is expected above 0");
}

static void test_regress(void)
{
	static const double h[] = { 1, 2, 3 }, r[] = { 3, 5, 7 }, flat[] = { 2, 2, 2 };
	struct metrics_value beta, alpha;

	stats_regress(r, h, 3, &beta, &alpha);
	unit_ok(near(beta, 2) && near(alpha, 1), "a straight line has its slope and height");
	stats_regress(flat, h, 3, &beta, &alpha);
	unit_ok(near(beta, 0) && near(alpha, 2), "what does not follow has a beta of 0");
	stats_regress(r, flat, 3, &beta, &alpha);
	unit_ok(!beta.defined && !alpha.defined, "nothing can be told of a flat yardstick");
}

static void test_holm(void)
{
	struct metrics_value p[] = {
		{ true, 0.01 }, { true, 0.04 }, { false, 0 }, { true, 0.03 }, { true, 0.005 }
	};

	stats_holm(p, 5);
	/* 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 lifted to the one before */
	unit_ok(near(p[4], 0.02) && near(p[0], 0.03) && near(p[3], 0.06) && near(p[1], 0.06) &&
			!p[2].defined,
		"Holm multiplies by the tests left, keeps the order and skips the undefined");
	p[0].v = 0.9;
	p[4].v = 0.8;
	stats_holm(p, 5);
	unit_ok(near(p[0], 1) && near(p[4], 1), "an adjusted p-value is at most 1");
	stats_holm(p, 0);
}

static void test_percentile(void)
{
	static const double v[] = { 1, 2, 4, 8 };

	unit_ok(close_to(stats_percentile(v, 4, 0), 1) &&
			close_to(stats_percentile(v, 4, 1), 8) &&
			close_to(stats_percentile(v, 4, 0.5), 3) &&
			close_to(stats_percentile(v, 4, 0.9), 4 + 0.7 * 4),
		"quantiles lie between the values in proportion");
	unit_ok(close_to(stats_percentile(v, 1, 0.5), 1), "one value is every quantile");
}

static void test_draw(void)
{
	uint64_t state = 7, again = 7;
	size_t a[10], b[10], seen = 0;
	bool same = true, follow = true, inside = true;

	stats_draw(&state, 4, 10, a);
	stats_draw(&again, 4, 10, b);
	for (size_t i = 0; i < 10; i++) {
		same = same && a[i] == b[i];
		inside = inside && a[i] < 10;
		if (i % 4 != 0)
			follow = follow && a[i] == (a[i - 1] + 1) % 10;
	}
	unit_ok(same && inside, "a seed draws the same periods again");
	unit_ok(follow, "a block is of consecutive periods and goes on from end to beginning");
	for (int k = 0; k < 2000; k++) {
		stats_draw(&state, 1, 10, a);
		for (size_t i = 0; i < 10; i++)
			seen += a[i] == 3;
	}
	/* 20000 draws at 1/10: six deviations are 255 */
	unit_ok(seen > 1745 && seen < 2255, "every period is drawn about equally often");
}

static void test_bootstrap(void)
{
	static const double low[] = { -0.01, 0.01, 0.02, -0.02 };
	static const double high[] = { 0.09, 0.11, 0.12, 0.08 };
	static const double flat[] = { 0, 0, 0, 0 };
	const double *const three[] = { low, high, flat }, *const twins[] = { low, low };
	struct stats_plan plan = { .seed = 1, .resamples = 500, .block = 1 };
	struct stats_estimate out[3], again[3];

	stats_bootstrap(three, 3, 4, 0, &plan, out);
	unit_ok(near(out[1].beats, 1) && near(out[1].best, 1) && near(out[0].best, 0),
		"who is ahead on every day always wins");
	unit_ok(near(out[1].p, 1.0 / 501),
		"a constant lead never comes to twice itself or to nothing by chance");
	unit_ok(!out[0].beats.defined && !out[0].p.defined, "nobody is compared with himself");
	unit_ok(near(out[1].max_drawdown.low, 0) && near(out[1].max_drawdown.high, 0),
		"what only rises has no drawdown in any resample");
	unit_ok(near(out[2].total_return.low, 0) && near(out[2].total_return.high, 0) &&
			!out[2].sharpe.low.defined && !out[2].sharpe.high.defined,
		"a flat curve has an interval of returns at 0 and none of Sharpe ratios");
	unit_ok(out[0].total_return.low.v < 0 && out[0].total_return.high.v > 0 &&
			out[0].total_return.low.v >= pow(0.98, 4) - 1 - 1e-12 &&
			out[0].total_return.high.v <= pow(1.02, 4) - 1 + 1e-12,
		"an interval lies within what the days can come to");
	stats_bootstrap(three, 3, 4, 0, &plan, again);
	unit_ok(memcmp(out, again, sizeof out) == 0, "a seed gives the same bits again");
	plan.seed = 2;
	stats_bootstrap(three, 3, 4, 0, &plan, again);
	unit_ok(out[0].beats.defined == again[0].beats.defined &&
			out[2].beats.v != again[2].beats.v,
		"another seed gives other resamples");
	stats_bootstrap(twins, 2, 4, 0, &plan, out);
	unit_ok(near(out[0].best, 0.5) && near(out[1].beats, 0.5) && !out[1].p.defined,
		"twins share what they win, and there is no difference to test");
	stats_bootstrap(twins, 1, 4, STATS_NO_REFERENCE, &plan, again);
	unit_ok(!again[0].best.defined && !again[0].beats.defined &&
			memcmp(&again[0].total_return, &out[0].total_return,
			       sizeof out[0].total_return) == 0,
		"company does not change the interval of a curve");
}

/* ------------------------------------------------------------------ filter */

static void print_value(const char *name, size_t i, struct metrics_value v)
{
	if (v.defined)
		printf("%s %zu %.17g\n", name, i, v.v);
	else
		printf("%s %zu null\n", name, i);
}

static void print_alone(size_t i, const double *r, const double *h, size_t n,
			const struct stats_moments *m, double bar)
{
	struct metrics_value beta, alpha, annual = stats_sharpe(m);

	annual.v *= sqrt(STATS_YEAR_DAYS);
	stats_regress(r, h, n, &beta, &alpha);
	print_value("mean", i, (struct metrics_value){ true, m->mean });
	print_value("sd", i, m->sd);
	print_value("skew", i, m->skew);
	print_value("kurtosis", i, m->kurtosis);
	print_value("sharpe", i, annual);
	print_value("sharpe_error", i, stats_sharpe_error(annual, STATS_YEAR_DAYS, n));
	print_value("psr", i, stats_psr(m, 0));
	print_value("dsr", i, stats_psr(m, bar));
	print_value("beta", i, beta);
	print_value("alpha", i, alpha);
}

static void print_estimate(size_t i, const struct stats_estimate *s, struct metrics_value p)
{
	print_value("return_low", i, s->total_return.low);
	print_value("return_high", i, s->total_return.high);
	print_value("drawdown_low", i, s->max_drawdown.low);
	print_value("drawdown_high", i, s->max_drawdown.high);
	print_value("sharpe_low", i, s->sharpe.low);
	print_value("sharpe_high", i, s->sharpe.high);
	print_value("beats", i, s->beats);
	print_value("best", i, s->best);
	print_value("p", i, s->p);
	print_value("p_holm", i, p);
}

/* The first series is the reference. */
static void print_all(double *const *series, size_t k, size_t n, const struct stats_plan *plan)
{
	struct stats_estimate *s = mem_array(k, sizeof *s);
	struct stats_moments *m = mem_array(k, sizeof *m);
	struct metrics_value *p = mem_array(k, sizeof *p);
	double *sharpes = mem_array(k, sizeof *sharpes), bar;

	for (size_t i = 0; i < k; i++) {
		stats_measure(series[i], n, &m[i]);
		sharpes[i] = stats_sharpe(&m[i]).v;
	}
	bar = stats_expected_best(sharpes, k, k);
	stats_bootstrap((const double *const *)series, k, n, 0, plan, s);
	for (size_t i = 0; i < k; i++)
		p[i] = s[i].p;
	stats_holm(p, k);
	for (size_t i = 0; i < k; i++) {
		print_alone(i, series[i], series[0], n, &m[i], bar);
		print_estimate(i, &s[i], p[i]);
	}
	free(sharpes);
	free(p);
	free(m);
	free(s);
}

/* "series n seed resamples block", then the returns, series by series. */
static int measure_input(void)
{
	struct stats_plan plan;
	unsigned long long seed;
	size_t k, n, got = 0;
	double **series;

	if (scanf("%zu %zu %llu %zu %zu", &k, &n, &seed, &plan.resamples, &plan.block) != 5 ||
	    k == 0 || n == 0 || k > 100 || n > 100000 || plan.resamples == 0 || plan.block == 0)
		return 65;
	plan.seed = seed;
	series = mem_array(k, sizeof *series);
	for (size_t i = 0; i < k; i++) {
		series[i] = mem_array(n, sizeof **series);
		for (size_t t = 0; t < n; t++)
			got += scanf("%lf", &series[i][t]) == 1;
	}
	if (got == k * n)
		print_all(series, k, n, &plan);
	for (size_t i = 0; i < k; i++)
		free(series[i]);
	free(series);
	return got == k * n ? 0 : 65;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "measure") == 0)
		return measure_input();
	test_returns();
	test_moments();
	test_normal();
	test_sharpe_error();
	test_psr();
	test_regress();
	test_holm();
	test_percentile();
	test_draw();
	test_bootstrap();
	return unit_done();
}
