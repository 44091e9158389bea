#include "race_board_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Statistics of the rows, on daily returns. A day's value is the last one of the UTC day; a day
 * without a window carries the position and is marked with the next price. Only complete days
 * count: neither one that a row joined in later than at its first window, nor one that goes on.
 */

/* Days [from, from + n) of some rows. */
struct race_days_range {
	int64_t from;
	size_t n;
};

static int64_t race_day(int64_t window_ms)
{
	return window_ms / TSTAMP_DAY_MS;
}

/* One value per day from ${first} on, after what the row began with. */
static void race_fill_days(const struct race_standing *s, int64_t first, size_t n,
			   double *values, struct race_days *d)
{
	size_t at = 0;

	values[0] = (double)s->start.u;
	for (size_t i = 0; i < n; i++) {
		int64_t day = first + (int64_t)i;
		size_t begin = at;
		bool run = false;

		for (; at < s->n_curve && race_day(s->windows[at]) <= day; at++)
			run = run || s->carried[at] == 0;
		d->observed += run;
		/* the last day is complete, so something comes after one without a sample */
		values[i + 1] = (double)s->curve[at > begin ? at - 1 : at];
	}
}

void race_board_days(const struct race_board *b, size_t row, struct race_days *d)
{
	const struct race_standing *s = &b->rows[row];
	int64_t first, end;
	double *values;
	bool partial;
	size_t n;

	*d = (struct race_days){ 0 };
	if (s->n_curve == 0)
		return;
	first = race_day(s->first_ms);
	partial = s->first_ms % TSTAMP_DAY_MS != 0;
	/* the day of the last window counts if that window ends it */
	end = race_day(s->window_ms + TSTAMP_WINDOW_MS);
	if (end - first <= partial)
		return;
	n = (size_t)(end - first);
	values = mem_array(n + 1, sizeof *values);
	race_fill_days(s, first, n, values, d);
	d->first = first + partial;
	d->n = n - partial;
	d->observed -= partial;
	d->returns = mem_array(d->n, sizeof *d->returns);
	d->defined = stats_returns(values + partial, d->n, d->returns);
	free(values);
}

static struct metrics_value race_scaled(struct metrics_value v, double factor)
{
	v.v *= factor;
	return v;
}

static double race_year_root(void)
{
	return sqrt(STATS_YEAR_DAYS);
}

/* What a row shows by itself. */
static void race_judge_alone(struct race_judgement *j, const struct race_days *d)
{
	struct stats_moments m;

	stats_measure(d->returns, d->n, &m);
	j->sharpe = race_scaled(stats_sharpe(&m), race_year_root());
	j->sharpe_error = stats_sharpe_error(j->sharpe, STATS_YEAR_DAYS, d->n);
	j->skew = m.skew;
	j->kurtosis = m.kurtosis;
	j->psr = stats_psr(&m, 0);
}

static bool race_has(const struct race_days *d, struct race_days_range r)
{
	return d->first <= r.from && d->first + (int64_t)d->n >= r.from + (int64_t)r.n;
}

static struct race_days_range race_common(struct race_days_range r, const struct race_days *d)
{
	int64_t from = d->first > r.from ? d->first : r.from;
	int64_t own = d->first + (int64_t)d->n, end = r.from + (int64_t)r.n;

	end = own < end ? own : end;
	return (struct race_days_range){ from, end > from ? (size_t)(end - from) : 0 };
}

static struct race_days_range race_own(const struct race_days *d)
{
	return (struct race_days_range){ d->first, d->n };
}

static const double *race_series(const struct race_days *d, struct race_days_range r)
{
	return d->returns + (r.from - d->first);
}

static void race_keep_intervals(struct race_judgement *j, const struct stats_estimate *s)
{
	j->total_return = s->total_return;
	j->max_drawdown = s->max_drawdown;
	j->sharpe_range.low = race_scaled(s->sharpe.low, race_year_root());
	j->sharpe_range.high = race_scaled(s->sharpe.high, race_year_root());
}

/* Rows that are there to the last day, over the days that all of them have. */
static void race_judge_together(struct race_board *b, const struct race_days *days,
				struct race_days_range common, int64_t last)
{
	struct stats_estimate *estimates = mem_array(b->n, sizeof *estimates);
	const double **series = mem_array(b->n, sizeof *series);
	size_t *rows = mem_array(b->n, sizeof *rows), n = 0;

	for (size_t i = 0; i < b->n; i++)
		if (!b->rows[i].judged.too_early &&
		    days[i].first + (int64_t)days[i].n == last) {
			rows[n] = i;
			series[n++] = race_series(&days[i], common);
		}
	if (n > 1) {
		stats_bootstrap(series, n, common.n, STATS_NO_REFERENCE, &b->plan, estimates);
		b->common_days = (int64_t)common.n;
	}
	for (size_t k = 0; k < n; k++)
		b->rows[rows[k]].judged.best = estimates[k].best;
	free(rows);
	free(series);
	free(estimates);
}

static void race_judge_best(struct race_board *b, const struct race_days *days)
{
	struct race_days_range common = { 0, 0 };
	int64_t last = INT64_MIN;
	bool any = false;

	for (size_t i = 0; i < b->n; i++) {
		int64_t end = days[i].first + (int64_t)days[i].n;

		if (!b->rows[i].judged.too_early && end > last)
			last = end;
	}
	for (size_t i = 0; i < b->n; i++) {
		if (b->rows[i].judged.too_early || days[i].first + (int64_t)days[i].n != last)
			continue;
		common = any ? race_common(common, &days[i]) : race_own(&days[i]);
		any = true;
	}
	if (common.n >= STATS_MIN_DAYS)
		race_judge_together(b, days, common, last);
}

/* All rows that have exactly these days, and the reference if it has them: the same resamples
 * for all of them. */
static void race_judge_group(struct race_board *b, const struct race_days *days,
			     struct race_days_range range)
{
	size_t hold = b->hold;
	struct stats_estimate *estimates = mem_array(b->n + 1, sizeof *estimates);
	const double **series = mem_array(b->n + 1, sizeof *series);
	size_t *rows = mem_array(b->n + 1, sizeof *rows), n = 0;
	bool paired = hold != RACE_BOARD_NONE && !b->rows[hold].judged.too_early &&
		      race_has(&days[hold], range);

	/* the reference comes first */
	if (paired) {
		rows[n] = hold;
		series[n++] = race_series(&days[hold], range);
	}
	for (size_t i = 0; i < b->n; i++)
		if (!b->rows[i].judged.too_early && days[i].first == range.from &&
		    days[i].n == range.n && !(paired && i == hold)) {
			rows[n] = i;
			series[n++] = race_series(&days[i], range);
		}
	stats_bootstrap(series, n, range.n, paired ? 0 : STATS_NO_REFERENCE, &b->plan,
			estimates);
	for (size_t k = 0; k < n; k++) {
		struct race_judgement *j = &b->rows[rows[k]].judged;

		/* the reference may be here for the days of others */
		if (days[rows[k]].first == range.from && days[rows[k]].n == range.n)
			race_keep_intervals(j, &estimates[k]);
		if (!paired || k == 0)
			continue;
		j->beats_hold = estimates[k].beats;
		j->p = estimates[k].p;
		stats_regress(series[k], series[0], range.n, &j->beta, &j->alpha);
		j->alpha = race_scaled(j->alpha, STATS_YEAR_DAYS);
	}
	free(rows);
	free(series);
	free(estimates);
}

/* A row that has days which the reference lacks is compared over those of both. */
static void race_judge_overlap(struct race_judgement *j, const struct race_days *d,
			       const struct race_days *hold, const struct stats_plan *plan)
{
	struct race_days_range range = race_common(race_own(d), hold);
	struct stats_estimate estimates[2];
	const double *series[2];

	if (range.n < STATS_MIN_DAYS || race_has(hold, race_own(d)))
		return;
	series[0] = race_series(hold, range);
	series[1] = race_series(d, range);
	stats_bootstrap(series, 2, range.n, 0, plan, estimates);
	j->beats_hold = estimates[1].beats;
	j->p = estimates[1].p;
	stats_regress(series[1], series[0], range.n, &j->beta, &j->alpha);
	j->alpha = race_scaled(j->alpha, STATS_YEAR_DAYS);
}

static void race_judge_pairs(struct race_board *b, const struct race_days *days)
{
	size_t hold = b->hold;
	struct metrics_value *p = mem_array(b->n, sizeof *p);

	for (size_t i = 0; i < b->n; i++) {
		bool seen = b->rows[i].judged.too_early;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !b->rows[k].judged.too_early && days[k].first == days[i].first &&
			       days[k].n == days[i].n;
		if (!seen)
			race_judge_group(b, days, race_own(&days[i]));
		if (!b->rows[i].judged.too_early && hold != RACE_BOARD_NONE && i != hold &&
		    !b->rows[hold].judged.too_early)
			race_judge_overlap(&b->rows[i].judged, &days[i], &days[hold], &b->plan);
	}
	for (size_t i = 0; i < b->n; i++)
		p[i] = b->rows[i].judged.p;
	stats_holm(p, b->n);
	for (size_t i = 0; i < b->n; i++)
		b->rows[i].judged.p = p[i];
	free(p);
}

/* Deflate by the number of tries: every row but the baselines, which nobody chose by result. */
static void race_judge_deflated(struct race_board *b, const struct race_days *days)
{
	double *sharpes = mem_array(b->n, sizeof *sharpes), bar;
	struct stats_moments m;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->rows[i].agent.baseline)
			continue;
		b->tries++;
		if (b->rows[i].judged.sharpe.defined)
			sharpes[n++] = b->rows[i].judged.sharpe.v / race_year_root();
	}
	bar = stats_expected_best(sharpes, n, b->tries);
	for (size_t i = 0; i < b->n; i++) {
		if (b->rows[i].judged.too_early || b->rows[i].agent.baseline)
			continue;
		/* of several tries, one Sharpe ratio tells no spread */
		if (b->tries > 1 && n < 2)
			continue;
		stats_measure(days[i].returns, days[i].n, &m);
		b->rows[i].judged.dsr = stats_psr(&m, bar);
	}
	free(sharpes);
}

void race_board_judge(struct race_board *b)
{
	struct race_days *days = mem_array(b->n, sizeof *days);

	for (size_t i = 0; i < b->n; i++) {
		struct race_judgement *j = &b->rows[i].judged;

		race_board_days(b, i, &days[i]);
		j->days = (int64_t)days[i].observed;
		j->too_early = !days[i].defined || days[i].observed < STATS_MIN_DAYS;
		if (!j->too_early)
			race_judge_alone(j, &days[i]);
	}
	race_judge_pairs(b, days);
	race_judge_best(b, days);
	race_judge_deflated(b, days);
	for (size_t i = 0; i < b->n; i++)
		free(days[i].returns);
	free(days);
}

/* ------------------------------------------------------------------ replicas */

static void race_measure_replicas(const struct race_board *b, struct race_replicas *g)
{
	double *returns = mem_array(g->n, sizeof *returns);
	struct stats_moments m;

	for (size_t i = 0; i < g->n; i++)
		returns[i] = b->rows[g->rows[i]].m.total_return.v;
	stats_measure(returns, g->n, &m);
	g->mean = m.mean;
	g->sd = m.sd.v;
	/* the board is sorted */
	g->high = returns[0];
	g->low = returns[g->n - 1];
	free(returns);
}

static bool race_same_make(const struct race_standing *x, const struct race_standing *y)
{
	return y->m.total_return.defined && x->agent.id != y->agent.id && x->kind == y->kind &&
	       memcmp(x->spec.bytes, y->spec.bytes, sizeof x->spec.bytes) == 0;
}

void race_board_replicate(struct race_board *b)
{
	bool *taken = mem_array(b->n, sizeof *taken);

	for (size_t i = 0; i < b->n; i++) {
		struct race_replicas g = { 0 };

		if (taken[i] || !b->rows[i].m.total_return.defined)
			continue;
		g.rows = mem_array(b->n, sizeof *g.rows);
		g.rows[g.n++] = i;
		for (size_t k = i + 1; k < b->n; k++)
			if (!taken[k] && race_same_make(&b->rows[i], &b->rows[k])) {
				taken[k] = true;
				g.rows[g.n++] = k;
			}
		if (g.n < 2) {
			free(g.rows);
			continue;
		}
		race_measure_replicas(b, &g);
		b->replicas = mem_resize(b->replicas, b->n_replicas + 1, sizeof *b->replicas);
		b->replicas[b->n_replicas++] = g;
	}
	free(taken);
}
