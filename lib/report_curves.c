#include "report_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Lines over time: the curves with their labels, drawdowns, and the small ones of the table. */

#define COLUMNS_MAX 560 /* of the large chart */
#define COLUMNS_MIN 160
#define COLUMNS_ALL 6720 /* of all its lines together */
#define COLUMNS_SMALL 150
#define COLUMNS_SPARK 72
#define HEIGHT_MIN 336 /* of the large chart without its time axis, in pixels */
#define HEIGHT_MAX 600
#define AXIS_HEIGHT 26
#define LABEL_GAP 15
#define LABEL_MAX 18 /* bytes of a name */
#define SMALL_HEIGHT 88

static size_t columns_for(const struct report_page *p, size_t most)
{
	int64_t windows = (p->until_ms - p->from_ms) / TSTAMP_WINDOW_MS + 1;

	return windows < (int64_t)most ? (size_t)windows : most;
}

/* One line as the value of d. */
static void add_line(const struct report_row *r, const double *y, const struct report_grid *g,
		     struct buf *out)
{
	struct report_column *c = mem_array(g->columns, sizeof *c);
	size_t n = report_m4(r->s->windows, y, r->s->n_curve, g, c);

	report_path(out, c, n);
	/* a single point is to be seen as well */
	if (n == 1)
		buf_adds(out, "l1 0");
	free(c);
}

/* ------------------------------------------------------------------ the large chart */

struct chart {
	const struct report_page *p;
	struct report_grid g;
	double low, high;
	int height;
	size_t n; /* rows that have a line */
};

static double chart_y(const struct chart *c, double v)
{
	return (c->high - v) / (c->high - c->low) * c->height;
}

static void chart_measure(struct chart *c)
{
	const struct report_page *p = c->p;
	size_t columns;
	double room;

	for (size_t i = 0; i < p->board.n; i++) {
		const struct report_row *r = &p->rows[i];

		c->n += r->s->n_curve > 0;
		for (size_t k = 0; k < r->s->n_curve; k++) {
			c->low = fmin(c->low, r->change[k]);
			c->high = fmax(c->high, r->change[k]);
		}
	}
	room = fmax((c->high - c->low) * 0.04, 1e-3);
	c->low -= room;
	c->high += room;
	c->height = (int)c->n * LABEL_GAP + 2 * LABEL_GAP;
	c->height = c->height < HEIGHT_MIN ? HEIGHT_MIN : c->height;
	c->height = c->height > HEIGHT_MAX ? HEIGHT_MAX : c->height;
	columns = COLUMNS_ALL / (c->n > 0 ? c->n : 1);
	columns = columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
	columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
	c->g = (struct report_grid){ p->from_ms, p->until_ms, columns_for(p, columns),
				     report_unit(c->high - c->low) };
}

static void chart_values(const struct chart *c, struct buf *out)
{
	double first, step;
	size_t n = report_ticks(c->low, c->high, 7, &first, &step);

	buf_addf(out,
		 "<svg class=\"ya\" id=\"ya\" height=\"%d\" aria-hidden=\"true\">"
		 "<g>",
		 c->height + AXIS_HEIGHT);
	for (size_t i = 0; i < n; i++) {
		double v = first + step * (double)i;

		buf_addf(out, "<text x=\"100%%\" y=\"%.1f\">", chart_y(c, v) + 4);
		report_percent(out, v, report_tick_digits(step * 100), true);
		buf_adds(out, "</text>");
	}
	buf_adds(out, "</g></svg>\n");
}

static void chart_grid(const struct chart *c, struct buf *out)
{
	struct report_time_tick ticks[REPORT_TIME_TICKS_MAX];
	double first, step, span = (double)(c->g.until_ms - c->g.from_ms);
	size_t n = report_ticks(c->low, c->high, 7, &first, &step);

	buf_adds(out, "<g id=\"gy\">");
	for (size_t i = 0; i < n; i++) {
		double v = first + step * (double)i, y = chart_y(c, v);

		buf_addf(out, "<line%s x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
			 fabs(v) < step / 2 ? " class=\"zero\"" : "", y, y);
	}
	buf_adds(out, "</g><g id=\"gx\">");
	n = span > 0 ? report_time_ticks(c->g.from_ms, c->g.until_ms, 8, ticks) : 0;
	for (size_t i = 0; i < n; i++) {
		double x = (double)(ticks[i].at_ms - c->g.from_ms) / span * 100;

		buf_addf(out,
			 "<g%s><line x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
			 "<text x=\"%.2f%%\" y=\"%d\">%s</text></g>",
			 i % 2 == n % 2 ? "" : " class=\"w\"", x, x, c->height, c->height + 5,
			 x, c->height + 19, ticks[i].text);
	}
	buf_adds(out, "</g>\n");
}

/* Yardsticks below, the best on top. */
static void chart_lines(const struct chart *c, struct buf *out)
{
	buf_addf(out,
		 "<svg id=\"lines\" width=\"100%%\" height=\"%d\" "
		 "viewBox=\"0 %lld %zu %lld\" preserveAspectRatio=\"none\">\n",
		 c->height, (long long)-llround(c->high / c->g.unit),
		 c->g.columns > 1 ? c->g.columns - 1 : 1,
		 llround((c->high - c->low) / c->g.unit));
	for (size_t i = 2 * c->p->board.n; i-- > 0;) {
		const struct report_row *r = &c->p->rows[i % c->p->board.n];

		if (r->s->n_curve == 0 || r->s->agent.baseline != (i >= c->p->board.n))
			continue;
		buf_addf(out, "<path class=\"ln %s\" data-a=\"%s\" d=\"", r->ink.classes,
			 r->s->agent.name);
		add_line(r, r->change, &c->g, out);
		buf_adds(out, "\"/>\n");
	}
	buf_adds(out, "</svg>");
}

struct label {
	size_t row;
	double y;
};

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	if (x->y != y->y)
		return x->y < y->y ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void chart_label(const struct chart *c, const struct label *l, double y, struct buf *out)
{
	const struct report_row *r = &c->p->rows[l->row];
	const char *name = r->s->agent.name;

	buf_addf(out,
		 "<g class=\"lb %s\" data-a=\"%s\"><title>%s</title>"
		 "<path d=\"M0 %.1fL10 %.1fh3\"/><text x=\"17\" y=\"%.1f\">",
		 r->ink.classes, name, name, l->y, y, y + 4);
	report_text(out, name, LABEL_MAX);
	buf_adds(out, "<tspan dx=\"5\">");
	report_percent(out, r->change[r->s->n_curve - 1], 1, true);
	buf_adds(out, "</tspan></text></g>\n");
}

static void chart_labels(const struct chart *c, struct buf *out)
{
	struct label *labels = mem_array(c->n, sizeof *labels);
	double *y = mem_array(c->n, sizeof *y);
	size_t n = 0;

	for (size_t i = 0; i < c->p->board.n; i++) {
		const struct report_row *r = &c->p->rows[i];

		if (r->s->n_curve > 0)
			labels[n++] =
				(struct label){ i, chart_y(c, r->change[r->s->n_curve - 1]) };
	}
	if (n > 0)
		qsort(labels, n, sizeof *labels, compare_labels);
	for (size_t i = 0; i < n; i++)
		y[i] = labels[i].y;
	report_spread(y, n, LABEL_GAP, 7, c->height - 5);
	buf_addf(out, "<svg class=\"lbs\" id=\"lbs\" height=\"%d\">\n",
		 c->height + AXIS_HEIGHT);
	for (size_t i = 0; i < n; i++)
		chart_label(c, &labels[i], y[i], out);
	buf_adds(out, "</svg>\n");
	free(labels);
	free(y);
}

void report_curves(const struct report_page *p, struct buf *out)
{
	struct chart c = { .p = p };

	chart_measure(&c);
	if (c.n == 0)
		return;
	buf_adds(out, "<section id=\"curves\">\n<h2>Return since the start</h2>\n"
		      "<p class=\"sub\">Equity after fees against the starting cash. "
		      "Grey, dashed: the baselines.</p>\n"
		      "<div class=\"tools\" id=\"range\" hidden></div>\n");
	buf_addf(out,
		 "<div class=\"chart\" id=\"chart\" data-from=\"%lld\" data-until=\"%lld\" "
		 "data-unit=\"%g\" data-columns=\"%zu\" data-height=\"%d\">\n",
		 (long long)c.g.from_ms, (long long)c.g.until_ms, c.g.unit, c.g.columns,
		 c.height);
	chart_values(&c, out);
	buf_addf(out,
		 "<svg class=\"plot\" id=\"plot\" height=\"%d\" role=\"img\" "
		 "aria-label=\"Return of every agent since the start\">\n",
		 c.height + AXIS_HEIGHT);
	chart_grid(&c, out);
	chart_lines(&c, out);
	buf_adds(out, "</svg>\n");
	chart_labels(&c, out);
	buf_adds(out, "<div id=\"tip\" hidden></div>\n</div>\n</section>\n");
}

/* ------------------------------------------------------------------ drawdowns */

static void add_depth(const struct report_page *p, const struct report_row *r, double low,
		      double step, struct buf *out)
{
	struct report_grid g = { p->from_ms, p->until_ms, columns_for(p, COLUMNS_SMALL),
				 report_unit(-low) };

	buf_addf(out,
		 "<svg class=\"dd %s\" height=\"%d\" role=\"img\" "
		 "aria-label=\"Drawdown of %s\">",
		 r->ink.classes, SMALL_HEIGHT, r->s->agent.name);
	for (double v = -step; v > low; v -= step)
		buf_addf(out, "<line x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
			 v / low * SMALL_HEIGHT, v / low * SMALL_HEIGHT);
	buf_addf(out,
		 "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %zu %lld\" "
		 "preserveAspectRatio=\"none\"><path d=\"",
		 SMALL_HEIGHT, g.columns > 1 ? g.columns - 1 : 1, llround(-low / g.unit));
	add_line(r, r->depth, &g, out);
	/* an edge that closes the area and is none of the line lies out of sight */
	buf_addf(out, "%sV0H0z\"/></svg><line class=\"zero\" x2=\"100%%\"/>",
		 r->s->window_ms == p->until_ms ? "h9" : "");
	for (double v = -step; v > low; v -= step) {
		buf_addf(out, "<text y=\"%.1f\">", v / low * SMALL_HEIGHT - 3);
		report_percent(out, v, report_tick_digits(step * 100), false);
		buf_adds(out, "</text>");
	}
	buf_adds(out, "</svg>");
}

static void add_drawdown(const struct report_page *p, const struct report_row *r, double low,
			 double step, struct buf *out)
{
	buf_addf(out, "<figure data-agent=\"%s\"><figcaption>", r->s->agent.name);
	report_name(r, out);
	buf_adds(out, "<span>");
	report_figure(out, "max_drawdown", r->s->m.max_drawdown, REPORT_PERCENT, 2);
	if (r->s->m.drawdown_s.defined) {
		buf_adds(out, ", ");
		report_span(out, (int64_t)r->s->m.drawdown_s.v);
	}
	buf_adds(out, "</span></figcaption>");
	add_depth(p, r, low, step, out);
	buf_adds(out, "</figure>\n");
}

void report_drawdowns(const struct report_page *p, struct buf *out)
{
	double low = -0.001, first, step;

	if (p->board.first_ms < 0)
		return;
	for (size_t i = 0; i < p->board.n; i++)
		for (size_t k = 0; k < p->rows[i].s->n_curve; k++)
			low = fmin(low, p->rows[i].depth[k]);
	low *= 1.04;
	report_ticks(0, -low, 4, &first, &step);
	buf_adds(out,
		 "<section id=\"drawdowns\">\n<h2>Drawdowns</h2>\n<p class=\"sub\">How far "
		 "below its highest value so far; all on one scale, from ");
	report_day(out, p->from_ms, true);
	buf_adds(out, " to ");
	report_day(out, p->until_ms, true);
	buf_adds(out, ". Below the name: the deepest, and the time from its peak to the "
		      "recovery or to now.</p>\n<div class=\"grid\">\n");
	for (size_t i = 0; i < p->board.n; i++)
		if (p->rows[i].s->n_curve > 0)
			add_drawdown(p, &p->rows[i], low, step, out);
	buf_adds(out, "</div>\n</section>\n");
}

/* ------------------------------------------------------------------ in the table */

void report_sparkline(const struct report_page *p, const struct report_row *r, struct buf *out)
{
	struct report_grid g = { p->from_ms, p->until_ms, columns_for(p, COLUMNS_SPARK), 0 };
	double low = 0, high = 0, range;

	for (size_t i = 0; i < r->s->n_curve; i++) {
		low = fmin(low, r->change[i]);
		high = fmax(high, r->change[i]);
	}
	range = fmax(high - low, 1e-4);
	/* as fine as the pixels are; what never moved runs through the middle */
	g.unit = range / 96;
	if (high - low < 1e-4)
		high += range / 2;
	buf_addf(out,
		 "<svg class=\"spark %s\" viewBox=\"0 %lld %zu 100\" "
		 "preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"base\" "
		 "d=\"M0 0H%zu\"/>",
		 r->ink.classes, -llround(high / g.unit) - 2, g.columns > 1 ? g.columns - 1 : 1,
		 g.columns > 1 ? g.columns - 1 : 1);
	if (r->s->n_curve > 0) {
		buf_adds(out, "<path class=\"ln\" d=\"");
		add_line(r, r->change, &g, out);
		buf_adds(out, "\"/>");
	}
	buf_adds(out, "</svg>");
}
