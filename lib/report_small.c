#include "report_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Days or hours of one agent: as a map of the calendar, and counted by size. */

#define HOUR_MS INT64_C(3600000)
#define SHADES 4       /* of gains, and of losses */
#define BINS 10	       /* on each side of the middle one */
#define HEAT_CELLS 220 /* pixels that a row of cells may take */

/* ------------------------------------------------------------------ changes */

/* The hours that are over, of a race that is too short for days. */
static void load_hours(const struct race_standing *s, struct report_changes *c)
{
	double before = (double)s->start.u;
	size_t at = 0;

	c->step_ms = HOUR_MS;
	c->at_ms = mem_array(s->n_curve, sizeof *c->at_ms);
	c->change = mem_array(s->n_curve, sizeof *c->change);
	while (at < s->n_curve) {
		int64_t hour = s->windows[at] / HOUR_MS;
		double last = before;

		for (; at < s->n_curve && s->windows[at] / HOUR_MS == hour; at++)
			last = (double)s->curve[at];
		c->at_ms[c->n] = hour * HOUR_MS;
		c->change[c->n++] = before > 0 ? last / before - 1 : 0;
		before = last;
	}
}

void report_changes(const struct report_page *p, const struct report_row *r,
		    struct report_changes *c)
{
	*c = (struct report_changes){ .step_ms = TSTAMP_DAY_MS };
	if (!p->daily) {
		load_hours(r->s, c);
		return;
	}
	if (!r->days.defined)
		return;
	c->n = r->days.n;
	c->at_ms = mem_array(c->n, sizeof *c->at_ms);
	c->change = mem_array(c->n, sizeof *c->change);
	for (size_t i = 0; i < c->n; i++) {
		c->at_ms[i] = (r->days.first + (int64_t)i) * TSTAMP_DAY_MS;
		c->change[i] = r->days.returns[i];
	}
}

void report_release_changes(struct report_changes *c)
{
	free(c->at_ms);
	free(c->change);
}

/* ------------------------------------------------------------------ the map */

/* -SHADES to SHADES; 0 is within half a shade of nothing. */
static int shade_of(const struct report_page *p, double change)
{
	double v = change / p->day_limit * (SHADES - 0.5);
	int k = (int)round(fmin(fmax(v, -SHADES), SHADES));

	return k;
}

/* Where a day or hour stands: weeks side by side, or days below each other. */
struct cell {
	int64_t x, y;
};

static struct cell cell_of(const struct report_page *p, int64_t at_ms)
{
	/* 1 January 1970 was a Thursday */
	int64_t day = at_ms / TSTAMP_DAY_MS + 3, first = p->from_ms / TSTAMP_DAY_MS + 3;

	if (p->daily)
		return (struct cell){ day / 7 - first / 7, day % 7 };
	return (struct cell){ at_ms % TSTAMP_DAY_MS / HOUR_MS, day - first };
}

/* The cells of a shade are one line with gaps. */
static void add_shade(const struct report_page *p, const struct report_changes *c, int shade,
		      struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		struct cell at = cell_of(p, c->at_ms[i]);

		if (shade_of(p, c->change[i]) != shade)
			continue;
		if (!any)
			buf_addf(out, "<path class=\"h%s%d\" d=\"",
				 shade < 0   ? "n"
				 : shade > 0 ? "p"
					     : "",
				 abs(shade));
		any = true;
		buf_addf(out, "M%lld %lldh.9", (long long)at.x, (long long)at.y);
	}
	if (any)
		buf_adds(out, "\"/>");
}

/* Hours over their column, or months over the week that their first day is in. */
static void add_heat_marks(const struct report_page *p, double size, struct buf *out)
{
	int64_t free_x = 0;

	if (!p->daily) {
		for (int h = 0; h < 24; h += 6)
			buf_addf(out, "<text x=\"%.0f\" y=\"9\">%02d:00</text>", h * size, h);
		return;
	}
	for (int64_t at = p->from_ms; at <= p->until_ms; at += TSTAMP_DAY_MS) {
		struct cell c = cell_of(p, at);
		struct buf day = BUF_INIT;

		report_day(&day, at, false);
		if (strncmp(buf_str(&day), "1 ", 2) == 0 && c.x >= free_x) {
			buf_addf(out, "<text x=\"%.0f\" y=\"9\">%s</text>", (double)c.x * size,
				 buf_str(&day) + 2);
			free_x = c.x + (int64_t)(24 / size) + 1;
		}
		buf_release(&day);
	}
}

void report_heat(const struct report_page *p, const struct report_row *r, struct buf *out)
{
	struct cell end = cell_of(p, p->until_ms);
	int64_t columns = p->daily ? end.x + 1 : 24, rows = p->daily ? 7 : end.y + 1;
	double size = fmin(fmax(HEAT_CELLS * 1.5 / (double)columns, 5.5), 13);
	struct report_changes c;

	report_changes(p, r, &c);
	if (c.n > 0) {
		buf_addf(out,
			 "<svg class=\"heat\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
			 "role=\"img\" aria-label=\"Change by %s of %s\">",
			 fmax((double)columns * size, 60), (double)rows * size + 14,
			 fmax((double)columns * size, 60), p->daily ? "day" : "hour",
			 r->s->agent.name);
		add_heat_marks(p, size, out);
		buf_addf(out, "<g transform=\"translate(0 %.1f) scale(%.2f)\">", 14 + size / 2,
			 size);
		for (int k = -SHADES; k <= SHADES; k++)
			add_shade(p, &c, k, out);
		buf_adds(out, "</g></svg>");
	}
	report_release_changes(&c);
}

void report_heat_key(const struct report_page *p, struct buf *out)
{
	buf_adds(out, "<span class=\"key\">");
	report_percent(out, -p->day_limit, report_tick_digits(p->day_limit * 100), true);
	buf_adds(out, " <svg class=\"heat\" viewBox=\"0 -.5 9 1\" width=\"90\" height=\"10\" "
		      "aria-hidden=\"true\">");
	for (int k = -SHADES; k <= SHADES; k++)
		buf_addf(out, "<path class=\"h%s%d\" d=\"M%d 0h.9\"/>",
			 k < 0	 ? "n"
			 : k > 0 ? "p"
				 : "",
			 abs(k), k + SHADES);
	buf_adds(out, "</svg> ");
	report_percent(out, p->day_limit, report_tick_digits(p->day_limit * 100), true);
	buf_adds(out, "</span>");
}

/* ------------------------------------------------------------------ the histogram */

static void count_bins(const struct report_page *p, const struct report_changes *c,
		       size_t bins[2 * BINS + 1])
{
	for (size_t i = 0; i < c->n; i++) {
		double v = round(c->change[i] / p->day_limit * BINS);

		bins[(int)fmin(fmax(v, -BINS), BINS) + BINS]++;
	}
}

static void add_bars(const size_t bins[2 * BINS + 1], size_t most, int from, int to,
		     const char *class, struct buf *out)
{
	bool any = false;

	for (int i = from; i <= to; i++) {
		if (bins[i] == 0)
			continue;
		buf_addf(out, "%s%sM%d 50v-%.1f", any ? "" : "<path class=\"", any ? "" : class,
			 i * 10 + 5, (double)bins[i] * 48 / (double)most);
		any = true;
	}
	if (any)
		buf_adds(out, "\"/>");
}

void report_histogram(const struct report_page *p, const struct report_row *r, struct buf *out)
{
	size_t bins[2 * BINS + 1] = { 0 }, most = 1;
	struct report_changes c;

	report_changes(p, r, &c);
	count_bins(p, &c, bins);
	for (size_t i = 0; i < 2 * BINS + 1; i++)
		most = bins[i] > most ? bins[i] : most;
	if (c.n > 0) {
		buf_addf(
			out,
			"<svg class=\"hist\" viewBox=\"0 0 210 64\" width=\"210\" role=\"img\" "
			"aria-label=\"Changes of %s by size\"><path class=\"axis\" "
			"d=\"M0 50.5H210\"/>",
			r->s->agent.name);
		add_bars(bins, most, 0, BINS - 1, "n\" d=\"", out);
		add_bars(bins, most, BINS, BINS, "z\" d=\"", out);
		add_bars(bins, most, BINS + 1, 2 * BINS, "p\" d=\"", out);
		buf_adds(out, "<text x=\"0\" y=\"62\">");
		report_percent(out, -p->day_limit, report_tick_digits(p->day_limit * 100),
			       true);
		buf_adds(out, "</text><text class=\"m\" x=\"105\" y=\"62\">0</text>"
			      "<text class=\"e\" x=\"210\" y=\"62\">");
		report_percent(out, p->day_limit, report_tick_digits(p->day_limit * 100), true);
		buf_adds(out, "</text></svg>");
	}
	report_release_changes(&c);
}
