#include "stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

/* Deviations below this part of the mean are rounding noise of equal returns, not risk. */
#define NOISE 1e-12

#define EULER_GAMMA 0.57721566490153286061
#define E_INVERSE 0.36787944117144232160

static struct metrics_value defined(double v)
{
	return (struct metrics_value){ isfinite(v), isfinite(v) ? v : 0 };
}

static const struct metrics_value undefined = { false, 0 };

bool stats_returns(const double *curve, size_t n, double *r)
{
	for (size_t i = 0; i < n; i++) {
		if (curve[i] <= 0)
			return false;
		r[i] = curve[i + 1] / curve[i] - 1.0;
	}
	return true;
}

void stats_measure(const double *r, size_t n, struct stats_moments *out)
{
	double sum = 0, m2 = 0, m3 = 0, m4 = 0, sd;

	*out = (struct stats_moments){ .n = n };
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		sum += r[i];
	out->mean = sum / (double)n;
	for (size_t i = 0; i < n; i++) {
		double d = r[i] - out->mean;

		m2 += d * d;
		m3 += d * d * d;
		m4 += d * d * d * d;
	}
	if (n < 2)
		return;
	sd = sqrt(m2 / ((double)n - 1.0));
	if (sd <= NOISE * fabs(out->mean))
		sd = 0;
	out->sd = defined(sd);
	if (sd == 0)
		return;
	m2 /= (double)n;
	out->skew = defined(m3 / (double)n / (m2 * sqrt(m2)));
	out->kurtosis = defined(m4 / (double)n / (m2 * m2));
}

struct metrics_value stats_sharpe(const struct stats_moments *m)
{
	if (!m->sd.defined || m->sd.v == 0)
		return undefined;
	return defined(m->mean / m->sd.v);
}

struct metrics_value stats_sharpe_error(struct metrics_value annual, double periods, size_t n)
{
	if (!annual.defined || n == 0)
		return undefined;
	return defined(
		sqrt((1.0 + annual.v * annual.v / (2.0 * periods)) * periods / (double)n));
}

double stats_normal_cdf(double x)
{
	/* erfc keeps the digits of the lower tail, which 1 + erf loses */
	return 0.5 * erfc(-x * sqrt(0.5));
}

double stats_normal_quantile(double p)
{
	double low = -40, high = 40;

	if (p <= 0)
		return -INFINITY;
	if (p >= 1)
		return INFINITY;
	/* the upper half by symmetry: there the function is flat in doubles */
	if (p > 0.5)
		return -stats_normal_quantile(1.0 - p);
	for (;;) {
		double middle = low + (high - low) / 2;

		if (middle <= low || middle >= high)
			return middle;
		if (stats_normal_cdf(middle) < p)
			low = middle;
		else
			high = middle;
	}
}

struct metrics_value stats_psr(const struct stats_moments *m, double b)
{
	struct metrics_value sr = stats_sharpe(m);
	double variance;

	if (!sr.defined || !m->skew.defined || !m->kurtosis.defined)
		return undefined;
	variance = 1.0 - m->skew.v * sr.v + (m->kurtosis.v - 1.0) / 4.0 * sr.v * sr.v;
	if (variance <= 0)
		return undefined;
	return defined(
		stats_normal_cdf((sr.v - b) * sqrt((double)m->n - 1.0) / sqrt(variance)));
}

double stats_expected_best(const double *sharpes, size_t n, size_t tries)
{
	struct stats_moments m;
	double t = (double)tries;

	stats_measure(sharpes, n, &m);
	if (tries < 2 || !m.sd.defined)
		return 0;
	return m.sd.v * ((1.0 - EULER_GAMMA) * stats_normal_quantile(1.0 - 1.0 / t) +
			 EULER_GAMMA * stats_normal_quantile(1.0 - E_INVERSE / t));
}

void stats_regress(const double *r, const double *h, size_t n, struct metrics_value *beta,
		   struct metrics_value *alpha)
{
	struct stats_moments mr, mh;
	double both = 0, square = 0;

	*beta = *alpha = undefined;
	stats_measure(r, n, &mr);
	stats_measure(h, n, &mh);
	if (!mh.sd.defined || mh.sd.v == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		both += (r[i] - mr.mean) * (h[i] - mh.mean);
		square += (h[i] - mh.mean) * (h[i] - mh.mean);
	}
	*beta = defined(both / square);
	if (beta->defined)
		*alpha = defined(mr.mean - beta->v * mh.mean);
}

static int compare_values(const void *a, const void *b)
{
	const struct metrics_value *const *x = a, *const *y = b;

	return ((*x)->v > (*y)->v) - ((*x)->v < (*y)->v);
}

void stats_holm(struct metrics_value *p, size_t n)
{
	struct metrics_value **order = mem_array(n, sizeof *order);
	double least = 0;
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i].defined)
			order[m++] = &p[i];
	if (m > 0)
		qsort(order, m, sizeof *order, compare_values);
	for (size_t i = 0; i < m; i++) {
		double adjusted = order[i]->v * (double)(m - i);

		/* never below that of a smaller p, never above 1 */
		least = adjusted > least ? adjusted : least;
		order[i]->v = least < 1 ? least : 1;
	}
	free(order);
}

double stats_percentile(const double *sorted, size_t n, double p)
{
	double at = p * ((double)n - 1.0);
	size_t i = (size_t)at;

	assert(n > 0 && p >= 0 && p <= 1);
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}
