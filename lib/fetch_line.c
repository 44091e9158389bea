#include "fetch_line.h"

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"

#include "banned.h"

int fetch_line_fail(const struct fetch_line *l, const char *rule)
{
	return err_set(l->e, ERR_DATA, "%s: %s at byte %zu", l->what, rule,
		       (size_t)(l->at - l->begin));
}

static void line_space(struct fetch_line *l)
{
	while (l->at < l->end &&
	       (*l->at == ' ' || *l->at == '\t' || *l->at == '\r' || *l->at == '\n'))
		l->at++;
}

static bool line_take(struct fetch_line *l, char c)
{
	line_space(l);
	if (l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

int fetch_line_want(struct fetch_line *l, char c)
{
	char rule[] = "'?' is missing";

	rule[1] = c;
	return line_take(l, c) ? 0 : fetch_line_fail(l, rule);
}

/* The raw bytes between quotes; the cursor moves behind them. */
static int line_raw(struct fetch_line *l, const char **raw, size_t *n)
{
	const char *p;

	if (fetch_line_want(l, '"') != 0)
		return -1;
	p = *raw = l->at;
	while (p < l->end && *p != '"')
		p += *p == '\\' && p + 1 < l->end ? 2 : 1;
	if (p == l->end)
		return fetch_line_fail(l, "a string does not end");
	*n = (size_t)(p - *raw);
	l->at = p + 1;
	return 0;
}

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static char *put_point(char *out, int c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* A code point after "\u", with the second half of a pair; -1 if it is none, or NUL. */
static int read_point(const char **p, const char *end)
{
	int high = hex4(*p, end), low;

	if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
		return -1;
	*p += 4;
	if (high < 0xd800 || high > 0xdbff)
		return high;
	if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	low = hex4(*p + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	*p += 6;
	return 0x10000 + ((high - 0xd800) << 10) + low - 0xdc00;
}

/* One escape at ${*p}, behind the backslash. Returns false if there is no such escape. */
static bool read_escape(const char **p, const char *end, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int point;

	if (**p == 'u') {
		++*p;
		point = read_point(p, end);
		if (point < 0)
			return false;
		*out = put_point(*out, point);
		return true;
	}
	found = **p != '\0' ? strchr(from, **p) : NULL;
	if (found == NULL)
		return false;
	*(*out)++ = to[found - from];
	++*p;
	return true;
}

/* Unescape ${n} raw bytes to ${out}, which has room for them. Returns the end, NULL if bad. */
static char *unescape(const char *raw, size_t n, char *out)
{
	const char *p = raw, *end = raw + n, *from;

	while (p < end) {
		from = p;
		while (p < end && *p != '\\' && (unsigned char)*p >= 0x20)
			p++;
		memcpy(out, from, (size_t)(p - from));
		out += p - from;
		if (p == end)
			break;
		if (*p++ != '\\' || !read_escape(&p, end, &out))
			return NULL;
	}
	return out;
}

int fetch_line_string(struct fetch_line *l, size_t max, char **s, size_t *len)
{
	const char *raw;
	char *text, *end;
	size_t n;

	if (line_raw(l, &raw, &n) != 0)
		return -1;
	if (n > 6 * max)
		return fetch_line_fail(l, "the string is too long");
	text = mem_resize(NULL, n + 1, 1);
	end = unescape(raw, n, text);
	if (end == NULL || !ident_utf8_valid(text, (size_t)(end - text))) {
		free(text);
		return fetch_line_fail(l, end == NULL
						  ? "a bad escape or control byte in the string"
						  : "the string is not valid UTF-8");
	}
	*end = '\0';
	n = (size_t)(end - text);
	if (n > max) {
		free(text);
		return fetch_line_fail(l, "the string is too long");
	}
	free(*s);
	*s = text;
	if (len != NULL)
		*len = n;
	return 0;
}

int fetch_line_short(struct fetch_line *l, char *out, size_t cap)
{
	char *s = NULL;
	size_t n = 0;

	if (fetch_line_string(l, cap - 1, &s, &n) != 0)
		return -1;
	memcpy(out, s, n + 1);
	free(s);
	return 0;
}

int fetch_line_int(struct fetch_line *l, int64_t min, int64_t max, int64_t *out)
{
	const char *start;
	int64_t v = 0;
	bool negative;

	line_space(l);
	negative = line_take(l, '-');
	start = l->at;
	while (l->at < l->end && *l->at >= '0' && *l->at <= '9' && l->at - start < 18)
		v = v * 10 + (*l->at++ - '0');
	if (l->at == start || (*start == '0' && l->at - start > 1) ||
	    (l->at < l->end && strchr("0123456789.eE", *l->at) != NULL))
		return fetch_line_fail(l, "a whole number is missing");
	v = negative ? -v : v;
	if (v < min || v > max)
		return fetch_line_fail(l, "the number is out of range");
	*out = v;
	return 0;
}

bool fetch_line_word(struct fetch_line *l, const char *word)
{
	size_t n = strlen(word);

	line_space(l);
	if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0)
		return false;
	l->at += n;
	return true;
}

int fetch_line_bool(struct fetch_line *l, bool *out)
{
	*out = fetch_line_word(l, "true");
	return *out || fetch_line_word(l, "false")
		       ? 0
		       : fetch_line_fail(l, "true or false is missing");
}

int fetch_line_exactly(struct fetch_line *l, const char *text)
{
	const char *raw;
	size_t n;

	if (line_raw(l, &raw, &n) != 0)
		return -1;
	if (n != strlen(text) || memcmp(raw, text, n) != 0)
		return fetch_line_fail(l, "another schema");
	return 0;
}

int fetch_line_more(struct fetch_line *l, bool *first)
{
	if (line_take(l, '}'))
		return 0;
	if (!*first && fetch_line_want(l, ',') != 0)
		return -1;
	*first = false;
	return 1;
}

static int key_fail(struct fetch_line *l, const char *raw, size_t n, const char *rule)
{
	char key[32];

	if (n >= sizeof key)
		n = sizeof key - 1;
	memcpy(key, raw, n);
	key[n] = '\0';
	return err_set(l->e, ERR_DATA, "%s: %s: %s", l->what, key, rule);
}

int fetch_line_member(struct fetch_line *l, const char *const *keys, unsigned *seen, int *k)
{
	bool first = *seen == 0;
	const char *raw;
	size_t n;
	int more = fetch_line_more(l, &first);

	if (more != 1)
		return more;
	if (line_raw(l, &raw, &n) != 0 || fetch_line_want(l, ':') != 0)
		return -1;
	*k = 0;
	while (keys[*k] != NULL && (strlen(keys[*k]) != n || memcmp(keys[*k], raw, n) != 0))
		++*k;
	if (keys[*k] == NULL)
		return key_fail(l, raw, n, "unknown key");
	if (*seen & 1u << *k)
		return key_fail(l, raw, n, "key given twice");
	*seen |= 1u << *k;
	return 1;
}

int fetch_line_needs(struct fetch_line *l, const char *const *keys, unsigned seen,
		     unsigned need)
{
	for (int k = 0; keys[k] != NULL; k++) {
		if (need & ~seen & 1u << k)
			return err_set(l->e, ERR_DATA, "%s: %s is missing", l->what, keys[k]);
	}
	return 0;
}

int fetch_line_over(struct fetch_line *l)
{
	line_space(l);
	return l->at == l->end ? 0 : fetch_line_fail(l, "something follows");
}

/* ------------------------------------------------------------------ bodies */

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode in place: 0, or -1 if it is no base64. */
static int decode_base64(char *s, size_t *len)
{
	size_t n = *len, out = 0, pad = 0;
	unsigned v = 0;

	while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
		pad++;
	if (n % 4 != 0)
		return -1;
	for (size_t i = 0; i < n - pad; i++) {
		int d = base64_value(s[i]);

		if (d < 0)
			return -1;
		v = v << 6 | (unsigned)d;
		if (i % 4 != 0)
			s[out++] = (char)(v >> (6 - 2 * (i % 4)) & 255);
	}
	s[out] = '\0';
	*len = out;
	return 0;
}

int fetch_line_body(struct fetch_line *l, bool base64, size_t max, char **body, size_t *len)
{
	if (*body != NULL)
		return fetch_line_fail(l, "two bodies");
	if (!base64)
		return fetch_line_string(l, max, body, len);
	if (fetch_line_string(l, max / 3 * 4 + 4, body, len) != 0)
		return -1;
	return decode_base64(*body, len) == 0 ? 0 : fetch_line_fail(l, "no base64");
}
