#include "report_draw.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* ------------------------------------------------------------------ numbers */

size_t report_ticks(double low, double high, size_t most, double *first, double *step)
{
	static const double round[] = { 1, 2, 5, 10 };
	double rough = (high - low) / (double)most, power;
	size_t n = 0;

	assert(most > 1);
	if (!(high > low) || !isfinite(rough)) {
		*first = low;
		*step = 1;
		return 1;
	}
	power = pow(10, floor(log10(rough)));
	for (size_t i = 0; i < sizeof round / sizeof *round; i++) {
		*step = power * round[i];
		*first = ceil(low / *step - 1e-9);
		n = (size_t)(floor(high / *step + 1e-9) - *first) + 1;
		if (n <= most)
			break;
	}
	*first *= *step;
	return n;
}

int report_tick_digits(double step)
{
	int digits = 0;

	while (digits < 8 && fabs(step - round(step)) > 1e-9) {
		step *= 10;
		digits++;
	}
	return digits;
}

/* ------------------------------------------------------------------ times */

#define HOUR_MS INT64_C(3600000)

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct date {
	int year, month, day; /* month from 0 */
};

static int digits_of(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

static struct date date_of(int64_t ms)
{
	char t[TSTAMP_TEXT_MAX];

	tstamp_format(ms, t);
	return (struct date){ digits_of(t, 4), digits_of(t + 5, 2) - 1, digits_of(t + 8, 2) };
}

static int64_t month_start(int month)
{
	char t[TSTAMP_TEXT_MAX];
	struct err e = { 0 };
	int64_t ms = -1;

	snprintf(t, sizeof t, "%04d-%02d-01", month / 12, month % 12 + 1);
	if (tstamp_parse(t, &ms, &e) != 0)
		return INT64_MAX;
	return ms;
}

void report_day(struct buf *out, int64_t ms, bool year)
{
	struct date d = date_of(ms);

	buf_addf(out, "%d %s", d.day, months[d.month]);
	if (year)
		buf_addf(out, " %d", d.year);
}

void report_moment(struct buf *out, int64_t ms)
{
	char t[TSTAMP_TEXT_MAX];

	report_day(out, ms, true);
	buf_addf(out, " %.5s", tstamp_format(ms, t) + 11);
}

static void label_day(struct report_time_tick *t, int64_t step_ms)
{
	struct date d = date_of(t->at_ms);
	char text[TSTAMP_TEXT_MAX];

	if (step_ms < TSTAMP_DAY_MS && t->at_ms % TSTAMP_DAY_MS != 0)
		snprintf(t->text, sizeof t->text, "%.5s", tstamp_format(t->at_ms, text) + 11);
	else
		snprintf(t->text, sizeof t->text, "%d %s", d.day, months[d.month]);
}

/* Multiples of ${step}, counted from ${origin}. */
static size_t even_ticks(int64_t from_ms, int64_t until_ms, int64_t step_ms, int64_t origin_ms,
			 size_t most, struct report_time_tick *out)
{
	int64_t at = from_ms - (from_ms - origin_ms) % step_ms;
	size_t n = 0;

	if (at < from_ms)
		at += step_ms;
	for (; at <= until_ms; at += step_ms) {
		if (n == most)
			return most + 1;
		out[n].at_ms = at;
		label_day(&out[n++], step_ms);
	}
	return n;
}

static size_t month_ticks(int64_t from_ms, int64_t until_ms, int step, size_t most,
			  struct report_time_tick *out)
{
	struct date d = date_of(from_ms);
	int month = (d.year * 12 + d.month) / step * step;
	size_t n = 0;

	for (;; month += step) {
		int64_t at = month_start(month);

		if (at < from_ms)
			continue;
		if (at > until_ms)
			return n;
		if (n == most)
			return most + 1;
		out[n].at_ms = at;
		if (step >= 12)
			snprintf(out[n].text, sizeof out->text, "%d", month / 12);
		else if (n == 0 || month % 12 == 0)
			snprintf(out[n].text, sizeof out->text, "%s %d", months[month % 12],
				 month / 12);
		else
			snprintf(out[n].text, sizeof out->text, "%s", months[month % 12]);
		n++;
	}
}

size_t report_time_ticks(int64_t from_ms, int64_t until_ms, size_t most,
			 struct report_time_tick *out)
{
	static const int hours[] = { 1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24 };
	static const int spans[] = { 1, 2, 3, 6, 12, 24, 60, 120, 600, 1200 };
	/* a Monday, so that weeks begin on one */
	const int64_t monday_ms = 4 * TSTAMP_DAY_MS;
	size_t n;

	assert(most <= REPORT_TIME_TICKS_MAX);
	for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
		n = even_ticks(from_ms, until_ms, hours[i] * HOUR_MS,
			       hours[i] > 24 ? monday_ms : 0, most, out);
		if (n <= most)
			return n;
	}
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		n = month_ticks(from_ms, until_ms, spans[i], most, out);
		if (n <= most)
			return n;
	}
	return 0;
}

void report_span(struct buf *out, int64_t s)
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (s >= 2 * units[i].s) {
			buf_addf(out, "%lld %s", (long long)((s + units[i].s / 2) / units[i].s),
				 units[i].name);
			return;
		}
	buf_addf(out, "%lld seconds", (long long)s);
}

/* ------------------------------------------------------------------ labels */

/* Labels that touch, and where the first of them would best be. */
struct block {
	size_t n;
	double sum, at;
};

static void place_block(struct block *b, double gap, double low, double high)
{
	double last = high - gap * (double)(b->n - 1);

	b->at = b->sum / (double)b->n;
	b->at = b->at > last ? last : b->at;
	b->at = b->at < low ? low : b->at;
}

void report_spread(double *y, size_t n, double gap, double low, double high)
{
	struct block *blocks = mem_array(n, sizeof *blocks);
	size_t used = 0, k = 0;

	if (n > 1 && gap * (double)(n - 1) > high - low)
		gap = (high - low) / (double)(n - 1);
	for (size_t i = 0; i < n; i++) {
		struct block *b = &blocks[used++];

		*b = (struct block){ 1, y[i], 0 };
		place_block(b, gap, low, high);
		while (used > 1 && b[-1].at + gap * (double)b[-1].n > b->at) {
			/* where each of the second would have the first of the block */
			b[-1].sum += b->sum - gap * (double)(b[-1].n * b->n);
			b[-1].n += b->n;
			b--;
			used--;
			place_block(b, gap, low, high);
		}
	}
	for (size_t i = 0; i < used; i++)
		for (size_t j = 0; j < blocks[i].n; j++)
			y[k++] = blocks[i].at + gap * (double)j;
	free(blocks);
}
