#include "report_draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "ident.h"
#include "json.h"

#include "banned.h"

#define MINUS "\xe2\x88\x92"

/* ------------------------------------------------------------------ foreign text */

/* Marks of direction, joiners, tags, and ends of lines of their own. */
static bool is_hidden(unsigned c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0x61c || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static unsigned decode(const unsigned char *p, size_t n)
{
	unsigned c = n == 1 ? p[0] : n == 2 ? p[0] & 0x1fU : n == 3 ? p[0] & 0xfU : p[0] & 7U;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static void add_ascii(struct buf *out, char c)
{
	switch (c) {
	case '&':
		buf_adds(out, "&amp;");
		break;
	case '<':
		buf_adds(out, "&lt;");
		break;
	case '>':
		buf_adds(out, "&gt;");
		break;
	case '"':
		buf_adds(out, "&quot;");
		break;
	case '\'':
		buf_adds(out, "&#39;");
		break;
	default:
		buf_addc(out, (unsigned char)c < 0x20 && c != '\n' ? ' ' : c == 0x7f ? ' ' : c);
	}
}

static size_t char_len(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void report_text(struct buf *out, const char *s, size_t max)
{
	const char *end = s + strlen(s);

	while (s < end) {
		size_t n = char_len((unsigned char)*s);
		unsigned c;

		if (n > max) {
			buf_adds(out, "\xe2\x80\xa6");
			return;
		}
		max -= n;
		if (n == 1) {
			add_ascii(out, *s++);
			continue;
		}
		if (n > (size_t)(end - s) || !ident_utf8_valid(s, n)) {
			buf_adds(out, "\xef\xbf\xbd");
			s++;
			continue;
		}
		c = decode((const unsigned char *)s, n);
		if (c >= 0x80 && c < 0xa0)
			buf_addc(out, ' ');
		else if (!is_hidden(c))
			buf_add(out, s, n);
		s += n;
	}
}

/* ------------------------------------------------------------------ figures */

/* A number with a true minus; none before a zero. */
static void add_signed(struct buf *out, double v, int digits, bool sign)
{
	char t[400];
	bool zero;

	snprintf(t, sizeof t, "%.*f", digits, fabs(v));
	zero = strspn(t, "0.") == strlen(t);
	if (v < 0 && !zero)
		buf_adds(out, MINUS);
	else if (sign && !zero)
		buf_addc(out, '+');
	buf_adds(out, t);
}

void report_percent(struct buf *out, double ratio, int digits, bool sign)
{
	add_signed(out, ratio * 100, digits, sign);
	buf_addc(out, '%');
}

void report_number(struct buf *out, double v, int digits)
{
	add_signed(out, v, digits, false);
}

void report_amount(struct buf *out, int64_t v, int scale, int places)
{
	char t[DECIMAL_TEXT_MAX];
	const char *digits = decimal_format_fixed(v, scale, places, t);
	size_t whole;

	if (*digits == '-') {
		buf_adds(out, MINUS);
		digits++;
	}
	whole = strcspn(digits, ".");
	for (size_t i = 0; i < whole; i++) {
		if (i > 0 && (whole - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
	buf_adds(out, digits + whole);
}

/* The text that a JSON record has for a number. */
static void add_exact(struct buf *out, double v)
{
	struct json_writer w;

	json_write_init(&w, out);
	json_write_double(&w, NULL, v);
}

void report_figure(struct buf *out, const char *key, struct metrics_value v,
		   enum report_form form, int digits)
{
	if (!v.defined || !isfinite(v.v)) {
		buf_addf(out, "<data class=\"na\" data-k=\"%s\" value=\"\">n/a</data>", key);
		return;
	}
	buf_addf(out, "<data data-k=\"%s\" value=\"", key);
	add_exact(out, v.v);
	buf_addf(out, "\"%s>",
		 form != REPORT_CHANGE || fabs(v.v) < 5e-5 ? ""
		 : v.v < 0				   ? " class=\"neg\""
							   : " class=\"pos\"");
	if (form == REPORT_NUMBER)
		report_number(out, v.v, digits);
	else
		report_percent(out, v.v, digits, form != REPORT_PERCENT);
	buf_adds(out, "</data>");
}

void report_count(struct buf *out, const char *key, int64_t v)
{
	buf_addf(out, "<data data-k=\"%s\" value=\"%lld\">", key, (long long)v);
	report_amount(out, v, 0, 0);
	buf_adds(out, "</data>");
}

void report_money(struct buf *out, const char *key, int64_t v, int places)
{
	char t[DECIMAL_TEXT_MAX];

	buf_addf(out, "<data data-k=\"%s\" value=\"%s\">", key,
		 decimal_format(v, MONEY_SCALE, t));
	report_amount(out, v, MONEY_SCALE, places);
	buf_adds(out, "</data>");
}

/* ------------------------------------------------------------------ policy */

void report_policy_hash(struct buf *out, const char *text, size_t n)
{
	static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789+/";
	struct digest d;

	digest_of(text, n, &d);
	buf_adds(out, "sha256-");
	for (size_t i = 0; i < sizeof d.bytes; i += 3) {
		unsigned b = (unsigned)d.bytes[i] << 16;
		size_t left = sizeof d.bytes - i;

		b |= left > 1 ? (unsigned)d.bytes[i + 1] << 8 : 0;
		b |= left > 2 ? (unsigned)d.bytes[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			buf_addc(out, k > left ? '=' : table[b >> (18 - 6 * k) & 63]);
	}
}
