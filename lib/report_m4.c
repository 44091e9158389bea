#include "report_draw.h"

#include <assert.h>
#include <math.h>

#include "banned.h"

/*
 * Down-sampling without a visible loss: Jugel, Jerzak, Hackenbroich, Markl, "M4: A
 * Visualization-Oriented Time Series Data Aggregation" (2014).
 */

static size_t column_of(const struct report_grid *g, int64_t at_ms)
{
	double span = (double)(g->until_ms - g->from_ms);
	double x = span > 0 ? (double)(at_ms - g->from_ms) / span * (double)g->columns : 0;

	/* the end belongs to the last column */
	return x >= (double)g->columns ? g->columns - 1 : (size_t)x;
}

size_t report_m4(const int64_t *at_ms, const double *y, size_t n, const struct report_grid *g,
		 struct report_column *out)
{
	struct report_column *c = NULL;
	size_t used = 0;

	assert(g->columns > 0 && g->unit > 0);
	for (size_t i = 0; i < n; i++) {
		size_t x = column_of(g, at_ms[i]);
		int64_t v = llround(y[i] / g->unit);

		if (c == NULL || c->x != x) {
			c = &out[used++];
			*c = (struct report_column){ x, v, v, v, v, true };
		}
		if (v < c->low) {
			c->low = v;
			c->low_first = false;
		}
		if (v > c->high) {
			c->high = v;
			c->low_first = true;
		}
		c->last = v;
	}
	return used;
}

static void go_vertical(struct buf *out, int64_t *at, int64_t to, bool *begun)
{
	int64_t d = *at - to;

	if (d == 0)
		return;
	buf_addf(out, "%s%lld", !*begun ? "v" : d > 0 ? " " : "", (long long)d);
	*begun = true;
	*at = to;
}

void report_path(struct buf *out, const struct report_column *c, size_t n)
{
	int64_t at = 0;

	for (size_t i = 0; i < n; i++) {
		bool begun = false;

		if (i == 0)
			buf_addf(out, "M%zu %lld", c->x, (long long)-c->first);
		else
			buf_addf(out, "l%zu%s%lld", c[i].x - c[i - 1].x,
				 at - c[i].first < 0 ? "" : " ", (long long)(at - c[i].first));
		at = c[i].first;
		go_vertical(out, &at, c[i].low_first ? c[i].low : c[i].high, &begun);
		go_vertical(out, &at, c[i].low_first ? c[i].high : c[i].low, &begun);
		go_vertical(out, &at, c[i].last, &begun);
	}
}

double report_unit(double range)
{
	double unit = 1e-4;

	while (range < unit * 2000 && unit > 1e-8)
		unit /= 10;
	return unit;
}
