#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

#define DAY_S 86400
#define EARLY_DAYS 30
#define SHORT_DAYS 90
#define YEAR_DAYS 365.25

/* Deviations below this part of the mean are rounding noise of equal returns, not risk. */
#define NOISE 1e-12

/* The one-step returns of a curve, summed up. ${defined} is false if equity ever was 0 or less
 * before a step, or if there are no steps. */
struct returns {
	bool defined;
	double n;
	double mean;
	double sd;	 /* sample, n-1; 0 below two returns */
	double downside; /* root of the mean square of the negative ones, over all n */
};

/* One asset's books, as far as round trips need them. 128 bits hold any sum of int64s. */
struct trip {
	int64_t asset_id;
	__int128 net;
	bool open;
};

struct trips {
	struct trip *of; /* one per asset; owned */
	size_t n;
	size_t won;
	double gains, losses; /* of closed trips, both >= 0 */
};

static struct metrics_value defined(double v)
{
	return (struct metrics_value){ isfinite(v), isfinite(v) ? v : 0 };
}

static double curve_at(const struct metrics_input *in, size_t t)
{
	return t == 0 ? (double)in->start.u : (double)in->equity[t - 1];
}

/* Return into point ${t} >= 1 of the curve, whose point 0 is the starting cash. */
static double return_at(const struct metrics_input *in, size_t t)
{
	return curve_at(in, t) / curve_at(in, t - 1) - 1.0;
}

/* Windows that sample ${i} stands for. */
static double weight_at(const struct metrics_input *in, size_t i)
{
	return in->carried != NULL && in->carried[i] > 0 ? (double)in->carried[i] : 1.0;
}

static double windows_of(const struct metrics_input *in)
{
	double n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += weight_at(in, i);
	return n;
}

static bool returns_exist(const struct metrics_input *in)
{
	for (size_t t = 0; t < in->n; t++)
		if (curve_at(in, t) <= 0)
			return false;
	return in->n > 0;
}

/* Of the windows that one sample stands for, the first takes the whole move and the others have
 * returns of 0. */
static struct returns returns_of(const struct metrics_input *in)
{
	struct returns r = { .defined = returns_exist(in), .n = windows_of(in) };
	double sum = 0, squares = 0, down = 0;

	if (!r.defined)
		return r;
	for (size_t t = 1; t <= in->n; t++)
		sum += return_at(in, t);
	r.mean = sum / r.n;
	for (size_t t = 1; t <= in->n; t++) {
		double x = return_at(in, t);

		squares += (x - r.mean) * (x - r.mean);
		squares += (weight_at(in, t - 1) - 1.0) * r.mean * r.mean;
		down += x < 0 ? x * x : 0;
	}
	if (r.n > 1)
		r.sd = sqrt(squares / (r.n - 1.0));
	if (r.sd <= NOISE * fabs(r.mean))
		r.sd = 0;
	r.downside = sqrt(down / r.n);
	return r;
}

/* Windows that were run, unlike those that were carried, are observations. */
static bool too_early(const struct metrics_input *in)
{
	size_t run = 0;

	if (in->interval_s <= 0)
		return true;
	for (size_t i = 0; i < in->n; i++)
		run += in->carried == NULL || in->carried[i] == 0;
	return (double)run * (double)in->interval_s < (double)EARLY_DAYS * DAY_S;
}

/* Over T = n / K years its standard error is the root of (1 + S^2 / 2K) / T. */
static void measure_sharpe(const struct returns *r, double root, struct metrics *out)
{
	double s = r->mean / r->sd * root;

	out->sharpe = defined(s);
	out->sharpe_error = defined(sqrt((root * root + s * s / 2.0) / r->n));
}

static void annualise(const struct metrics_input *in, struct metrics *out)
{
	struct returns r = returns_of(in);
	double root;

	if (out->too_early || !r.defined)
		return;
	root = sqrt(YEAR_DAYS * DAY_S / (double)in->interval_s);
	if (in->n > 1)
		out->volatility = defined(r.sd * root);
	if (r.sd > 0)
		measure_sharpe(&r, root, out);
	if (r.downside > 0)
		out->sortino = defined(r.mean / r.downside * root);
}

/* The deepest fall so far, with its peak and when it was left and reached again. Times count
 * windows. */
struct fall {
	double peak, peak_t; /* the highest value, and when the curve last stood there */
	double worst;	     /* <= 0 */
	double from, from_t; /* the peak that it fell from */
	double until_t;	     /* when that was reached again */
	bool recovered;
};

static void follow_fall(struct fall *f, double e, double first_t, double last_t)
{
	if (f->worst < 0 && !f->recovered && e >= f->from) {
		f->recovered = true;
		f->until_t = first_t;
	}
	if (e >= f->peak) {
		f->peak = e;
		f->peak_t = last_t;
	}
	if (e / f->peak - 1.0 < f->worst) {
		f->worst = e / f->peak - 1.0;
		f->from = f->peak;
		f->from_t = f->peak_t;
		f->recovered = false;
	}
}

static void measure_curve(const struct metrics_input *in, struct metrics *out)
{
	struct fall f = { .peak = curve_at(in, 0) };
	double t = 0;

	if (in->n == 0 || f.peak <= 0)
		return;
	for (size_t i = 1; i <= in->n; i++) {
		double last = t + weight_at(in, i - 1);

		follow_fall(&f, curve_at(in, i), t + 1.0, last);
		t = last;
	}
	out->total_return = defined(curve_at(in, in->n) / curve_at(in, 0) - 1.0);
	out->max_drawdown = defined(f.worst);
	if (f.worst < 0 && in->interval_s > 0)
		out->drawdown_s = defined(((f.recovered ? f.until_t : t) - f.from_t) *
					  (double)in->interval_s);
	if (in->thinking.defined)
		out->net_return =
			defined((curve_at(in, in->n) - in->thinking.v) / curve_at(in, 0) - 1.0);
}

static void measure_growth(const struct metrics_input *in, struct metrics *out)
{
	double days = windows_of(in) * (double)in->interval_s / DAY_S;

	if (days < SHORT_DAYS || !out->total_return.defined)
		return;
	out->cagr = defined(pow(1.0 + out->total_return.v, YEAR_DAYS / days) - 1.0);
	if (out->cagr.defined && out->max_drawdown.v < 0)
		out->calmar = defined(out->cagr.v / fabs(out->max_drawdown.v));
}

static void measure_exposure(const struct metrics_input *in, struct metrics *out)
{
	double sum = 0;

	if (in->n == 0 || in->gross == NULL)
		return;
	for (size_t i = 0; i < in->n; i++) {
		if (in->equity[i] <= 0)
			return;
		sum += weight_at(in, i) * ((double)in->gross[i] / (double)in->equity[i]);
	}
	out->exposure = defined(sum / windows_of(in));
}

static void measure_turnover(const struct metrics_input *in, struct metrics *out)
{
	double traded = 0, equity = 0;

	for (size_t i = 0; i < in->n_trades; i++)
		traded += fabs((double)in->trades[i].notional.u);
	for (size_t i = 0; i < in->n; i++)
		equity += weight_at(in, i) * (double)in->equity[i];
	/* the mean is the sum over n samples; multiplying keeps n = 0 out of a division */
	if (equity > 0)
		out->turnover = defined(traded * windows_of(in) / equity);
}

static void sum_fees(const struct metrics_input *in, struct metrics *out)
{
	__int128 sum = 0;

	for (size_t i = 0; i < in->n_trades; i++)
		sum += in->trades[i].fee.u;
	out->fees.u = sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
	if (in->start.u > 0)
		out->fees_ratio = defined((double)out->fees.u / (double)in->start.u);
}

static void measure_turns(const struct metrics_input *in, struct metrics *out)
{
	for (int i = 0; i < DECISION_STATUSES; i++)
		out->turns += in->turns[i];
	out->valid = in->turns[DECISION_OK] + in->turns[DECISION_HOLD];
	if (out->turns > 0)
		out->reliability = defined((double)out->valid / (double)out->turns);
}

static struct trip *trip_of(struct trips *t, int64_t asset_id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->of[i].asset_id == asset_id)
			return &t->of[i];
	t->of = mem_resize(t->of, t->n + 1, sizeof *t->of);
	t->of[t->n] = (struct trip){ .asset_id = asset_id };
	return &t->of[t->n++];
}

static void trip_close(struct trips *t, struct trip *trip, struct metrics *out)
{
	out->round_trips++;
	if (trip->net > 0) {
		t->won++;
		t->gains += (double)trip->net;
	} else {
		t->losses -= (double)trip->net;
	}
	trip->net = 0;
	trip->open = false;
}

static void follow_trade(struct trips *t, const struct metrics_trade *trade,
			 struct metrics *out)
{
	struct trip *trip = trip_of(t, trade->asset_id);

	trip->open = true;
	if (trade->side == DECISION_SELL)
		trip->net += trade->realised.u;
	if (trade->side == DECISION_SELL && trade->position_after.u == 0)
		trip_close(t, trip, out);
}

static void measure_trips(const struct metrics_input *in, struct metrics *out)
{
	struct trips t = { 0 };

	for (size_t i = 0; i < in->n_trades; i++)
		follow_trade(&t, &in->trades[i], out);
	for (size_t i = 0; i < t.n; i++)
		out->open_trips += t.of[i].open;
	if (out->round_trips > 0)
		out->win_rate = defined((double)t.won / (double)out->round_trips);
	if (t.losses > 0)
		out->profit_factor = defined(t.gains / t.losses);
	free(t.of);
}

void metrics_compute(const struct metrics_input *in, struct metrics *out)
{
	memset(out, 0, sizeof *out);
	out->n_trades = in->n_trades;
	out->too_early = too_early(in);
	measure_curve(in, out);
	annualise(in, out);
	measure_growth(in, out);
	measure_exposure(in, out);
	measure_turnover(in, out);
	measure_trips(in, out);
	sum_fees(in, out);
	measure_turns(in, out);
}
