#include "stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "mem.h"
#include "random.h"

#include "banned.h"

#define LOW 0.025
#define HIGH 0.975

/* What one series shows in one resample. */
struct outcome {
	double grown; /* 1 + total return: what ranks are made of */
	double drawdown;
	double mean;
	struct metrics_value sharpe;
};

/* What is kept of one series over all resamples. */
struct tally {
	double *returns, *drawdowns, *sharpes; /* one per resample; owned */
	size_t n_sharpes;
	double mean; /* of the series itself */
	double beats, best;
	size_t beyond; /* resamples at least as far off the difference as it is off 0 */
};

void stats_draw(uint64_t *state, size_t block, size_t n, size_t *index)
{
	for (size_t i = 0; i < n; i += block) {
		size_t at = (size_t)random_below(state, n);

		for (size_t k = 0; k < block && i + k < n; k++) {
			index[i + k] = at;
			/* past the end the series goes on at its beginning */
			at = at + 1 < n ? at + 1 : 0;
		}
	}
}

static void measure(const double *r, const size_t *index, size_t n, double *sample,
		    struct outcome *out)
{
	struct stats_moments m;
	double e = 1, peak = 1, worst = 0;

	for (size_t i = 0; i < n; i++) {
		sample[i] = r[index[i]];
		e *= 1.0 + sample[i];
		peak = e > peak ? e : peak;
		worst = e / peak - 1.0 < worst ? e / peak - 1.0 : worst;
	}
	stats_measure(sample, n, &m);
	out->grown = e;
	out->drawdown = worst;
	out->mean = m.mean;
	out->sharpe = stats_sharpe(&m);
}

static void keep(struct tally *t, const struct outcome *o, size_t resample)
{
	t->returns[resample] = o->grown - 1.0;
	t->drawdowns[resample] = o->drawdown;
	if (o->sharpe.defined)
		t->sharpes[t->n_sharpes++] = o->sharpe.v;
}

static void compare(struct tally *t, const struct outcome *o, size_t n, size_t reference)
{
	const struct outcome *ref = &o[reference];

	for (size_t k = 0; k < n; k++) {
		double seen = t[k].mean - t[reference].mean;
		double drawn = o[k].mean - ref->mean;

		t[k].beats += o[k].grown > ref->grown ? 1 : o[k].grown == ref->grown ? 0.5 : 0;
		t[k].beyond += fabs(drawn - seen) >= fabs(seen);
	}
}

static void crown(struct tally *t, const struct outcome *o, size_t n)
{
	double most = o[0].grown, winners = 0;

	for (size_t k = 1; k < n; k++)
		most = o[k].grown > most ? o[k].grown : most;
	for (size_t k = 0; k < n; k++)
		winners += o[k].grown == most;
	for (size_t k = 0; k < n; k++)
		t[k].best += o[k].grown == most ? 1 / winners : 0;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct stats_interval interval(double *values, size_t n)
{
	struct stats_interval r;

	qsort(values, n, sizeof *values, compare_doubles);
	r.low = (struct metrics_value){ true, stats_percentile(values, n, LOW) };
	r.high = (struct metrics_value){ true, stats_percentile(values, n, HIGH) };
	return r;
}

static void tally_init(struct tally *t, const double *r, size_t n, size_t resamples)
{
	struct stats_moments m;

	stats_measure(r, n, &m);
	*t = (struct tally){ .returns = mem_array(resamples, sizeof *t->returns),
			     .drawdowns = mem_array(resamples, sizeof *t->drawdowns),
			     .sharpes = mem_array(resamples, sizeof *t->sharpes),
			     .mean = m.mean };
}

static void tally_release(struct tally *t)
{
	free(t->returns);
	free(t->drawdowns);
	free(t->sharpes);
}

static void estimate(struct tally *t, size_t resamples, struct stats_estimate *out)
{
	out->total_return = interval(t->returns, resamples);
	out->max_drawdown = interval(t->drawdowns, resamples);
	if (t->n_sharpes == resamples)
		out->sharpe = interval(t->sharpes, resamples);
}

static void estimate_against(const struct tally *t, const struct tally *ref, size_t resamples,
			     struct stats_estimate *out)
{
	out->beats = (struct metrics_value){ true, t->beats / (double)resamples };
	/* the same returns all along: there is no difference to test */
	if (t->mean != ref->mean)
		out->p = (struct metrics_value){ true, (1.0 + (double)t->beyond) /
							       (1.0 + (double)resamples) };
}

void stats_bootstrap(const double *const *series, size_t n_series, size_t n, size_t reference,
		     const struct stats_plan *plan, struct stats_estimate *out)
{
	struct tally *t = mem_array(n_series, sizeof *t);
	struct outcome *o = mem_array(n_series, sizeof *o);
	size_t *index = mem_array(n, sizeof *index);
	double *sample = mem_array(n, sizeof *sample);
	uint64_t state = random_derive(plan->seed, "bootstrap");

	assert(n > 0 && n_series > 0 && plan->resamples > 0 && plan->block > 0);
	for (size_t k = 0; k < n_series; k++)
		tally_init(&t[k], series[k], n, plan->resamples);
	for (size_t b = 0; b < plan->resamples; b++) {
		stats_draw(&state, plan->block, n, index);
		for (size_t k = 0; k < n_series; k++) {
			measure(series[k], index, n, sample, &o[k]);
			keep(&t[k], &o[k], b);
		}
		crown(t, o, n_series);
		if (reference < n_series)
			compare(t, o, n_series, reference);
	}
	for (size_t k = 0; k < n_series; k++) {
		out[k] = (struct stats_estimate){ 0 };
		estimate(&t[k], plan->resamples, &out[k]);
		if (n_series > 1)
			out[k].best =
				(struct metrics_value){ true,
							t[k].best / (double)plan->resamples };
		if (reference < n_series && k != reference)
			estimate_against(&t[k], &t[reference], plan->resamples, &out[k]);
	}
	for (size_t k = 0; k < n_series; k++)
		tally_release(&t[k]);
	free(sample);
	free(index);
	free(o);
	free(t);
}
