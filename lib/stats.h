#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"

/*
 * Skill or luck: what the daily returns of agents are worth as evidence. Formulas and null
 * rules are those of STATISTICS in tr-board(1). Pure: arrays in, numbers out. Where numbers are
 * drawn, the generator is random.h's and the arithmetic is that of IEEE 754 in a fixed order,
 * so a seed gives the same figures with every compiler.
 *
 * Sources: Lo, "The Statistics of Sharpe Ratios" (2002), for the standard error; Bailey and
 * Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and "The Deflated Sharpe Ratio"
 * (2014); Politis and Romano, "A Circular Block-Resampling Procedure" (1992); Holm, "A Simple
 * Sequentially Rejective Multiple Test Procedure" (1979).
 */

#define STATS_YEAR_DAYS 365  /* periods in a year of daily returns */
#define STATS_MIN_DAYS 30    /* fewer daily observations are too early to tell */
#define STATS_RESAMPLES 2000 /* of the bootstrap, unless told otherwise */

/* The ${n} returns of a curve of ${n} + 1 points. False if a point other than the last is not
 * above 0: then they are not defined. */
bool stats_returns(const double *curve, size_t n, double *r);

struct stats_moments {
	size_t n;
	double mean;
	struct metrics_value sd;       /* sample, n - 1 */
	struct metrics_value skew;     /* third standardised moment, over n */
	struct metrics_value kurtosis; /* fourth, raw: 3 for a normal */
};
void stats_measure(const double *r, size_t n, struct stats_moments *out);

/* Of one period; null without deviation. */
struct metrics_value stats_sharpe(const struct stats_moments *m);
/* Standard error of a Sharpe ratio that was annualised with ${periods}, after ${n} of them. */
struct metrics_value stats_sharpe_error(struct metrics_value annual, double periods, size_t n);

double stats_normal_cdf(double x);
/* Its inverse, for p in (0, 1); infinite at the ends. */
double stats_normal_quantile(double p);

/* Probability that the true Sharpe ratio of one period exceeds ${b} (PSR). */
struct metrics_value stats_psr(const struct stats_moments *m, double b);
/* The best Sharpe ratio that ${tries} tries without skill can be expected to show, if they
 * spread like the ${n} that are given; 0 for fewer than two. PSR at it is DSR. */
double stats_expected_best(const double *sharpes, size_t n, size_t tries);

/* Least squares of r on h: r = alpha + beta * h. */
void stats_regress(const double *r, const double *h, size_t n, struct metrics_value *beta,
		   struct metrics_value *alpha);

/* Adjust p-values for their number, in place; those that are null do not count. */
void stats_holm(struct metrics_value *p, size_t n);

/* Quantile of ascending values, linear between them; ${n} > 0. */
double stats_percentile(const double *sorted, size_t n, double p);

/* ---- bootstrap */

struct stats_interval {
	struct metrics_value low, high; /* 2.5 and 97.5 % */
};

struct stats_plan {
	uint64_t seed;
	size_t resamples; /* > 0 */
	size_t block;	  /* consecutive returns drawn together, > 0 */
};
/* What is used unless told otherwise: blocks of a day. */
#define STATS_PLAN                                                  \
	{                                                           \
		.seed = 1, .resamples = STATS_RESAMPLES, .block = 1 \
	}

struct stats_estimate {
	struct stats_interval total_return, max_drawdown;
	struct stats_interval sharpe; /* of one period; null if any resample has none */
	struct metrics_value beats; /* share of resamples with more return than the reference */
	struct metrics_value best;  /* share with the most; equals share it */
	struct metrics_value p;	    /* that the mean return is the reference's, two-sided */
};

#define STATS_NO_REFERENCE SIZE_MAX

/*
 * Paired circular block bootstrap: each resample draws blocks of ${n} > 0 periods, the same
 * ones for all ${n_series}, and measures every series on them. ${reference} is the series to
 * compare with, or STATS_NO_REFERENCE; its own comparison is null, as is ${best} of one series.
 * ${out} has an entry per series.
 */
void stats_bootstrap(const double *const *series, size_t n_series, size_t n, size_t reference,
		     const struct stats_plan *plan, struct stats_estimate *out);

/* The periods of the next resample: ${n} indices below ${n}. */
void stats_draw(uint64_t *state, size_t block, size_t n, size_t *index);

#endif
