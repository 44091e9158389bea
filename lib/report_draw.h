#ifndef REPORT_DRAW_H
#define REPORT_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "digest.h"
#include "metrics.h"

/* The parts of a page that know nothing of a race: text, scales, lines. No I/O, no clock. */

/* ---- text */

/*
 * Append foreign text for people: at most ${max} bytes of it, cut at a character, with what
 * HTML knows escaped. Control bytes become blanks, invalid bytes U+FFFD, and characters that
 * nobody sees, or that turn the direction of what stands around them, go.
 */
void report_text(struct buf *out, const char *s, size_t max);

/* "+1.23%" of 0.0123; with a true minus, and none before a zero. */
void report_percent(struct buf *out, double ratio, int digits, bool sign);
void report_number(struct buf *out, double v, int digits);
/* "1,234.50" of an amount in units of 10^-scale, rounded to ${places}. */
void report_amount(struct buf *out, int64_t v, int scale, int places);

/*
 * A figure with the text that tr-board --json has for it: a data element with its key, the
 * exact value and, in percent or not, ${digits} after the point; n/a if it is not defined. A
 * change has a sign and a colour, a difference only the sign.
 */
enum report_form { REPORT_NUMBER, REPORT_PERCENT, REPORT_CHANGE, REPORT_DIFFERENCE };
void report_figure(struct buf *out, const char *key, struct metrics_value v,
		   enum report_form form, int digits);
/* The same of an exact one. */
void report_count(struct buf *out, const char *key, int64_t v);
void report_money(struct buf *out, const char *key, int64_t v, int places);

/* "23 Jul", "23 Jul 2024", "23 Jul 2024 00:05". */
void report_day(struct buf *out, int64_t ms, bool year);
void report_moment(struct buf *out, int64_t ms);
/* "3 days", "5 hours", "10 minutes": to the nearest of the largest unit that fits twice. */
void report_span(struct buf *out, int64_t s);

/* A hash for a content security policy: "sha256-" and base64. */
void report_policy_hash(struct buf *out, const char *text, size_t n);

/* ---- scales */

/* Round steps on a line from ${low} to ${high}: *${step} is 1, 2 or 5 times a power of ten, and
 * the first of at most ${most} (> 1) multiples of it in the range is *${first}. Their number.
 */
size_t report_ticks(double low, double high, size_t most, double *first, double *step);
/* Digits after the point that multiples of ${step} have. */
int report_tick_digits(double step);

#define REPORT_TIME_TICKS_MAX 16
struct report_time_tick {
	int64_t at_ms;
	char text[16];
};
/* Hours, days, Mondays, months or years of [from, until], at most ${most} <= the maximum. */
size_t report_time_ticks(int64_t from_ms, int64_t until_ms, size_t most,
			 struct report_time_tick *out);

/* Move ascending positions so that each is ${gap} from the next and all are in [low, high],
 * as little as possible; where there is no room the gap shrinks. */
void report_spread(double *y, size_t n, double gap, double low, double high);

/* ---- lines */

/* Columns over a time, and what a unit of the drawing is worth. */
struct report_grid {
	int64_t from_ms, until_ms; /* of the first and of the last sample */
	size_t columns;		   /* > 0 */
	double unit;		   /* > 0 */
};

/* All that a line shows of the samples in one column of pixels: their first, least, greatest
 * and last, in units. */
struct report_column {
	size_t x;
	int64_t first, low, high, last;
	bool low_first; /* the least came before the greatest */
};

/*
 * Down-sample to at most one entry of ${out} (grid columns of them) per column: a line through
 * first, least, greatest and last covers the pixels that the line through all would (M4).
 * ${at_ms} ascend and lie in the grid. The number of entries.
 */
size_t report_m4(const int64_t *at_ms, const double *y, size_t n, const struct report_grid *g,
		 struct report_column *out);

/* Such a line as path data: M, then steps to the right (l) and, in a column, up and down (v).
 * Up is negative. */
void report_path(struct buf *out, const struct report_column *c, size_t n);

/* The unit that makes a range a few thousand units high, a power of ten, at most 1e-4. */
double report_unit(double range);

#endif
