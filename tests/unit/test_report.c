#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "report_draw.h"
#include "tstamp.h"

/* What a page is drawn with: lines, scales, labels and text. */

#define N 5000

static bool same(const struct buf *b, const char *text)
{
	bool ok = strcmp(buf_str(b), text) == 0;

	if (!ok)
		printf("# \"%s\" instead of \"%s\"\n", buf_str(b), text);
	return ok;
}

/* ------------------------------------------------------------------ lines */

struct curve {
	int64_t at[N];
	double y[N];
	struct report_grid g;
	struct report_column out[N];
	size_t n;
};

/* A walk with holes. */
static void make_curve(struct curve *c, size_t columns)
{
	uint64_t state = 7;
	double v = 0;
	int64_t t = 0;

	for (size_t i = 0; i < N; i++) {
		uint64_t k = random_next(&state);

		v += (double)(int64_t)(k % 2001) - 1000;
		t += TSTAMP_WINDOW_MS * (int64_t)(k % 97 == 0 ? 40 : 1);
		c->at[i] = t;
		c->y[i] = v * 1e-6;
	}
	c->g = (struct report_grid){ c->at[0], c->at[N - 1], columns, 1e-6 };
	c->n = report_m4(c->at, c->y, N, &c->g, c->out);
}

/* Each entry once more, by brute force over the samples of its column. */
static bool is_m4(const struct curve *c, const struct report_column *e)
{
	int64_t span = c->g.until_ms - c->g.from_ms, first = 0, last = 0, low = 0, high = 0;
	bool any = false;

	for (size_t i = 0; i < N; i++) {
		int64_t v = llround(c->y[i] / c->g.unit);
		size_t x = (size_t)((double)(c->at[i] - c->g.from_ms) / (double)span *
				    (double)c->g.columns);

		if ((x == c->g.columns ? x - 1 : x) != e->x)
			continue;
		if (!any)
			first = low = high = v;
		any = true;
		last = v;
		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	return any && e->first == first && e->last == last && e->low == low && e->high == high;
}

static void test_m4(void)
{
	struct curve *c = malloc(sizeof *c);
	bool right = true, ascending = true;

	make_curve(c, 300);
	for (size_t i = 0; i < c->n; i++) {
		right = right && is_m4(c, &c->out[i]);
		ascending = ascending && (i == 0 || c->out[i].x > c->out[i - 1].x);
	}
	unit_ok(right, "a column keeps the first, least, greatest and last of its samples");
	unit_ok(ascending && c->n <= 300 && c->n > 200, "there is at most one entry a column");
	unit_ok(c->out[0].x == 0 && c->out[c->n - 1].x == 299, "the ends are at the ends");
	make_curve(c, N);
	unit_ok(c->n > N / 2 && c->n <= N, "more columns than samples are allowed");
	c->g.until_ms = c->g.from_ms;
	unit_ok(report_m4(c->at, c->y, 1, &c->g, c->out) == 1 && c->out[0].x == 0,
		"a line of one sample is one column");
	unit_ok(report_m4(c->at, c->y, 0, &c->g, c->out) == 0, "and of none, none");
	free(c);
}

/* Values after each column, as a reader of the path would find them. */
static bool path_ends(const char *d, const struct report_column *c, size_t n)
{
	long long x = 0, y = 0, v;
	size_t i = 0;
	int used;
	char op = 0;

	while (*d != '\0') {
		if (strchr("Mlv", *d) != NULL) {
			/* a column is over when the next one begins */
			if (*d == 'l' && (i >= n || c[i++].last != -y))
				return false;
			op = *d++;
		}
		if (sscanf(d, "%lld%n", &v, &used) != 1)
			return false;
		d += used;
		if (op == 'v') {
			y += v;
			continue;
		}
		x = op == 'M' ? v : x + v;
		if (sscanf(d, "%lld%n", &v, &used) != 1)
			return false;
		d += used;
		y = op == 'M' ? v : y + v;
		op = 'v';
	}
	return i + 1 == n && c[i].last == -y && (long long)c[i].x == x;
}

static void test_path(void)
{
	const struct report_column flat[] = { { 0, 5, 5, 5, 5, true },
					      { 2, 5, 5, 5, 5, true } };
	const struct report_column one[] = { { 3, 1, -2, 4, 0, true },
					     { 4, 0, -2, 4, 1, false } };
	struct buf b = BUF_INIT;
	struct curve *c = malloc(sizeof *c);

	report_path(&b, flat, 2);
	unit_ok(same(&b, "M0 -5l2 0"), "what does not move is a step to the right");
	buf_reset(&b);
	report_path(&b, one, 2);
	unit_ok(same(&b, "M3 -1v3-6 4l1 0v-4 6-3"),
		"up is negative, least and greatest in order");
	buf_reset(&b);
	make_curve(c, 300);
	report_path(&b, c->out, c->n);
	unit_ok(path_ends(buf_str(&b), c->out, c->n),
		"a path goes through the last of each column");
	free(c);
	buf_release(&b);
	unit_ok(report_unit(0.5) == 1e-4 && report_unit(0.01) < 1e-5 && report_unit(0) > 0,
		"a small range has a small unit");
}

/* ------------------------------------------------------------------ scales */

static void test_ticks(void)
{
	double first, step;
	bool few = true, inside = true, round_steps = true;

	unit_ok(report_ticks(-0.31, 0.16, 7, &first, &step) == 5 && fabs(step - 0.1) < 1e-12 &&
			fabs(first + 0.3) < 1e-12,
		"ticks are round multiples inside of the range");
	for (double low = -7.3; low < 3; low += 0.37)
		for (double width = 1e-7; width < 1e7; width *= 3.1) {
			size_t n = report_ticks(low, low + width, 6, &first, &step);
			double lead = step / pow(10, floor(log10(step) + 1e-9));

			few = few && n <= 6 && n >= 1;
			inside = inside && first >= low - step * 1e-6 &&
				 first + step * (double)(n - 1) <= low + width + step * 1e-6;
			lead = fabs(lead - 10) < 1e-6 ? 1 : lead;
			round_steps =
				round_steps && (fabs(lead - 1) < 1e-6 ||
						fabs(lead - 2) < 1e-6 || fabs(lead - 5) < 1e-6);
		}
	unit_ok(few, "no range has more ticks than asked for, or none");
	unit_ok(inside, "no tick is outside of its range");
	unit_ok(round_steps, "steps are 1, 2 or 5 times a power of ten");
	unit_ok(report_ticks(3, 3, 5, &first, &step) == 1 && first == 3,
		"an empty range has one");
	unit_ok(report_tick_digits(10) == 0 && report_tick_digits(0.5) == 1 &&
			report_tick_digits(0.02) == 2,
		"a step has the digits that it needs");
}

static int64_t time_of(const char *text)
{
	struct err e = { 0 };
	int64_t ms = -1;

	tstamp_parse(text, &ms, &e);
	return ms;
}

static bool ticks_are(const char *from, const char *until, const char *want)
{
	struct report_time_tick t[REPORT_TIME_TICKS_MAX];
	size_t n = report_time_ticks(time_of(from), time_of(until), 8, t);
	struct buf b = BUF_INIT;
	bool ok;

	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i > 0 ? "|" : "", t[i].text);
	ok = same(&b, want);
	buf_release(&b);
	return ok;
}

static void test_times(void)
{
	struct report_time_tick t[REPORT_TIME_TICKS_MAX];
	bool few = true, inside = true;

	unit_ok(ticks_are("2024-07-23T20:00Z", "2024-07-24T08:00Z",
			  "20:00|22:00|24 Jul|02:00|04:00|06:00|08:00"),
		"hours are named, and midnight is a day");
	unit_ok(ticks_are("2024-02-26", "2024-03-03T12:00Z",
			  "26 Feb|27 Feb|28 Feb|29 Feb|1 Mar|2 Mar|3 Mar"),
		"days are named, also the one that is not in every year");
	unit_ok(ticks_are("2023-03-01", "2023-04-07", "6 Mar|13 Mar|20 Mar|27 Mar|3 Apr"),
		"weeks begin on Mondays");
	unit_ok(ticks_are("2022-12-02", "2023-06-15", "Jan 2023|Feb|Mar|Apr|May|Jun"),
		"the first month and each January have their year");
	unit_ok(ticks_are("1999-05-01", "2031-01-01", "2000|2005|2010|2015|2020|2025|2030"),
		"years are round");
	for (int64_t span = TSTAMP_WINDOW_MS; span < INT64_C(200) * 366 * TSTAMP_DAY_MS;
	     span = span * 7 / 4) {
		int64_t from = time_of("2023-11-14T03:25Z");
		size_t n = report_time_ticks(from, from + span, 8, t);

		few = few && n <= 8;
		for (size_t i = 0; i < n; i++)
			inside = inside && t[i].at_ms >= from && t[i].at_ms <= from + span &&
				 (i == 0 || t[i].at_ms > t[i - 1].at_ms);
	}
	unit_ok(few && inside, "ticks of any span are few, ascend and lie in it");
}

static void test_spread(void)
{
	double apart[] = { 10, 40, 90 }, close[] = { 50, 51, 52, 90 }, low[] = { 1, 2, 3 },
	       many[40];
	bool fits = true;
	uint64_t state = 3;

	report_spread(apart, 3, 15, 0, 100);
	unit_ok(apart[0] == 10 && apart[1] == 40 && apart[2] == 90, "labels with room stay");
	report_spread(close, 4, 15, 0, 100);
	unit_ok(fabs(close[0] - 36) < 1e-9 && fabs(close[2] - 66) < 1e-9 && close[3] == 90,
		"labels that collide move apart around their middle");
	report_spread(low, 3, 15, 5, 100);
	unit_ok(fabs(low[0] - 5) < 1e-9 && fabs(low[2] - 35) < 1e-9,
		"and stay within the edges");
	for (size_t round = 0; round < 200; round++) {
		size_t n = 1 + random_next(&state) % 40;
		double gap = n > 1 ? fmin(15, 290.0 / (double)(n - 1)) : 15, v = 0;

		for (size_t i = 0; i < n; i++)
			many[i] = v += (double)(random_next(&state) % 30);
		report_spread(many, n, 15, 5, 295);
		for (size_t i = 0; i < n; i++)
			fits = fits && many[i] >= 5 - 1e-6 && many[i] <= 295 + 1e-6 &&
			       (i == 0 || many[i] - many[i - 1] > gap - 1e-6);
	}
	unit_ok(fits, "no two labels collide, however many there are");
}

/* ------------------------------------------------------------------ text */

static void test_text(void)
{
	struct buf b = BUF_INIT;

	report_text(&b, "<a href=\"x\">'&'</a>\n\x01\x7f", 100);
	unit_ok(same(&b, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;\n  "),
		"markup is escaped and control bytes are blanks");
	buf_reset(&b);
	report_text(&b,
		    "a\xe2\x80\xae"
		    "b\xe2\x80\x8b\xc2\x85\xef\xbb\xbf\xc3\xa9",
		    100);
	unit_ok(same(&b, "ab \xc3\xa9"), "what turns text around or is not seen goes");
	buf_reset(&b);
	report_text(&b, "a\xff\xc3(\xed\xa0\x80", 100);
	unit_ok(same(&b, "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
		"bytes that are no text are replaced");
	buf_reset(&b);
	report_text(&b,
		    "12\xc3\xa9"
		    "4",
		    3);
	unit_ok(same(&b, "12\xe2\x80\xa6"), "a text is cut at a character");
	buf_reset(&b);
	report_percent(&b, -0.00004, 2, true);
	report_percent(&b, -0.1234, 1, true);
	report_percent(&b, 0.5, 0, true);
	unit_ok(same(&b, "0.00%\xe2\x88\x92"
			 "12.3%+50%"),
		"a zero has no sign, and a minus is one");
	buf_reset(&b);
	report_amount(&b, INT64_C(-123456789012345678), 8, 2);
	report_amount(&b, INT64_C(12345678901), 8, 0);
	unit_ok(same(&b, "\xe2\x88\x92"
			 "1,234,567,890.12123"),
		"amounts are grouped by thousands");
	buf_reset(&b);
	report_figure(&b, "return", (struct metrics_value){ false, 1 }, REPORT_CHANGE, 2);
	unit_ok(same(&b, "<data class=\"na\" data-k=\"return\" value=\"\">n/a</data>"),
		"what is not defined is n/a");
	buf_reset(&b);
	report_figure(&b, "x", (struct metrics_value){ true, -0.123456 }, REPORT_CHANGE, 2);
	unit_ok(same(&b, "<data data-k=\"x\" value=\"-0.123456\" class=\"neg\">\xe2\x88\x92"
			 "12.35%</data>"),
		"a figure has its exact value beside it");
	buf_reset(&b);
	report_span(&b, 86400 * 3 - 100);
	report_span(&b, 7300);
	report_span(&b, 300);
	unit_ok(same(&b, "3 days2 hours5 minutes"), "spans are rounded to a unit that fits");
	buf_reset(&b);
	report_policy_hash(&b, "abc", 3);
	unit_ok(same(&b, "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
		"hashes of the policy are those of SHA-256");
	buf_release(&b);
}

int main(void)
{
	test_m4();
	test_path();
	test_ticks();
	test_times();
	test_spread();
	test_text();
	return unit_done();
}
