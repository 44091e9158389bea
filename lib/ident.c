#include "ident.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "banned.h"

#define SOURCE_MAX 63

/* Longer words are no typing errors; the rows of the distance have this size. */
#define WORD_MAX 96

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

struct rule {
	const char *what;
	const char *text; /* the rule as the message says it */
	size_t max;
	const char *first; /* bytes that may begin */
	const char *rest;  /* bytes that may follow besides */
};

static const struct rule agent_rule = { "agent", "[a-z0-9][a-z0-9._-]{0,63}", IDENT_AGENT_MAX,
					LOWER DIGITS, "._-" };
static const struct rule asset_rule = { "asset", "[A-Z0-9][A-Z0-9._-]{0,31}", IDENT_ASSET_MAX,
					UPPER DIGITS, "._-" };
static const struct rule source_rule = { "source", "[a-z0-9][a-z0-9._:/@-]{0,62}", SOURCE_MAX,
					 LOWER DIGITS, "._-:/@" };

/* A byte as a message may show it. */
static void show_byte(char c, char out[8])
{
	if (c > ' ' && c <= '~')
		snprintf(out, 8, "'%c'", c);
	else
		snprintf(out, 8, "\\x%02x", (unsigned)(unsigned char)c);
}

static bool allowed(const struct rule *r, char c, size_t at)
{
	return strchr(r->first, c) != NULL || (at > 0 && strchr(r->rest, c) != NULL);
}

static int check(const struct rule *r, const char *s, struct err *e)
{
	char byte[8];
	size_t i;

	if (*s == '\0')
		return err_set(e, ERR_DATA, "%s name is empty, must be %s", r->what, r->text);
	for (i = 0; s[i] != '\0' && i <= r->max; i++) {
		if (allowed(r, s[i], i))
			continue;
		show_byte(s[i], byte);
		return err_set(e, ERR_DATA, "%s name has %s at byte %zu, must be %s", r->what,
			       byte, i + 1, r->text);
	}
	if (i > r->max)
		return err_set(e, ERR_DATA, "%s name is longer than %zu bytes, must be %s",
			       r->what, r->max, r->text);
	return 0;
}

int ident_check_agent(const char *s, struct err *e)
{
	return check(&agent_rule, s, e);
}

int ident_check_asset(const char *s, struct err *e)
{
	return check(&asset_rule, s, e);
}

int ident_check_source(const char *s, struct err *e)
{
	return check(&source_rule, s, e);
}

/* Bytes of the sequence that ${lead} begins; 0 if none begins so. */
static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* Overlong forms, surrogates and what is beyond U+10FFFF all show in the second byte. */
static bool second_valid(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

bool ident_utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t length;

	for (size_t i = 0; i < n; i += length) {
		length = sequence_length(p[i]);
		if (length == 0 || length > n - i)
			return false;
		if (length > 1 && !second_valid(p[i], p[i + 1]))
			return false;
		for (size_t k = 2; k < length; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Insertions, deletions, replacements and swaps of neighbours that turn ${a} into ${b}. Three
 * rows of the usual table are kept: this one, the last, and the one before it for the swaps.
 */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *last = rows[(i + 2) % 3];
		const size_t *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t d = last[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);

			d = smaller(d, smaller(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = smaller(d, before[j - 2] + 1);
			row[j] = d;
		}
	}
	return rows[n % 3][m];
}

const char *ident_nearest(const char *s, const char *const *names)
{
	size_t n = strlen(s), best = n / 3 + 1;
	const char *found = NULL;

	if (n > WORD_MAX)
		return NULL;
	for (; *names != NULL; names++) {
		size_t m = strlen(*names), d;

		if (m > WORD_MAX)
			continue;
		d = distance(s, n, *names, m);
		if (d < best) {
			best = d;
			found = *names;
		}
	}
	return found;
}

int ident_check_text(const char *what, const char *s, size_t max, struct err *e)
{
	const unsigned char *p = (const unsigned char *)s;

	if (strlen(s) > max)
		return err_set(e, ERR_DATA, "%s: is longer than %zu bytes", what, max);
	if (!ident_utf8_valid(s, strlen(s)))
		return err_set(e, ERR_DATA, "%s: is not valid UTF-8", what);
	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			return err_set(e, ERR_DATA, "%s: has a control character", what);
	return 0;
}

bool ident_listed(const char *const *names, size_t n, const char *name)
{
	if (names == NULL)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}
