#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"

#include "banned.h"

/*
 * The lines of tr-fetch. A window has a thousand requests of some ten kilobytes at once and
 * their answers arrive together, so the bodies are neither looked at byte by byte more often
 * than needed nor led through a tree of nodes: a cursor walks over the line once. What it
 * accepts is RFC 8259 with the rules of the gate in json.c; the shapes are fixed and flat.
 */

#define METHOD_MAX 16
#define URL_MAX 8192
#define NAME_MAX_BYTES 128
#define VALUE_MAX 8192
#define PATH_MAX_BYTES 4096
#define ERROR_MAX 1024
#define TIMEOUT_MAX INT64_C(86400000)
#define CLASS_MAX 16
#define KEY_MAX 65

/* ------------------------------------------------------------------ the cursor */

struct line {
	const char *begin, *at, *end;
	const char *what; /* "request", for messages */
	struct err *e;
};

static int line_fail(const struct line *l, const char *rule)
{
	return err_set(l->e, ERR_DATA, "%s: %s at byte %zu", l->what, rule,
		       (size_t)(l->at - l->begin));
}

static void line_space(struct line *l)
{
	while (l->at < l->end &&
	       (*l->at == ' ' || *l->at == '\t' || *l->at == '\r' || *l->at == '\n'))
		l->at++;
}

static bool line_take(struct line *l, char c)
{
	line_space(l);
	if (l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

static int line_want(struct line *l, char c)
{
	char rule[] = "'?' is missing";

	rule[1] = c;
	return line_take(l, c) ? 0 : line_fail(l, rule);
}

/* The raw bytes between quotes; the cursor moves behind them. */
static int line_raw(struct line *l, const char **raw, size_t *n)
{
	const char *p;

	if (line_want(l, '"') != 0)
		return -1;
	p = *raw = l->at;
	while (p < l->end && *p != '"')
		p += *p == '\\' && p + 1 < l->end ? 2 : 1;
	if (p == l->end)
		return line_fail(l, "a string does not end");
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

/* A string of at most ${max} bytes, the caller's to free; without control over its content. */
static int line_string(struct line *l, size_t max, char **s, size_t *len)
{
	const char *raw;
	char *text, *end;
	size_t n;

	if (line_raw(l, &raw, &n) != 0)
		return -1;
	if (n > 6 * max)
		return line_fail(l, "the string is too long");
	text = mem_resize(NULL, n + 1, 1);
	end = unescape(raw, n, text);
	if (end == NULL || !ident_utf8_valid(text, (size_t)(end - text))) {
		free(text);
		return line_fail(l, end == NULL ? "a bad escape or control byte in the string"
						: "the string is not valid UTF-8");
	}
	*end = '\0';
	n = (size_t)(end - text);
	if (n > max) {
		free(text);
		return line_fail(l, "the string is too long");
	}
	free(*s);
	*s = text;
	if (len != NULL)
		*len = n;
	return 0;
}

/* A short string into an array. */
static int line_short(struct line *l, char *out, size_t cap)
{
	char *s = NULL;
	size_t n = 0;

	if (line_string(l, cap - 1, &s, &n) != 0)
		return -1;
	memcpy(out, s, n + 1);
	free(s);
	return 0;
}

static int line_int(struct line *l, int64_t min, int64_t max, int64_t *out)
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
		return line_fail(l, "a whole number is missing");
	v = negative ? -v : v;
	if (v < min || v > max)
		return line_fail(l, "the number is out of range");
	*out = v;
	return 0;
}

static bool line_word(struct line *l, const char *word)
{
	size_t n = strlen(word);

	line_space(l);
	if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0)
		return false;
	l->at += n;
	return true;
}

static int line_bool(struct line *l, bool *out)
{
	*out = line_word(l, "true");
	return *out || line_word(l, "false") ? 0 : line_fail(l, "true or false is missing");
}

static int line_exactly(struct line *l, const char *text)
{
	const char *raw;
	size_t n;

	if (line_raw(l, &raw, &n) != 0)
		return -1;
	if (n != strlen(text) || memcmp(raw, text, n) != 0)
		return line_fail(l, "another schema");
	return 0;
}

/* Before each member of an object whose "{" was taken: 1, or 0 behind its "}", or -1. */
static int line_more(struct line *l, bool *first)
{
	if (line_take(l, '}'))
		return 0;
	if (!*first && line_want(l, ',') != 0)
		return -1;
	*first = false;
	return 1;
}

static int key_fail(struct line *l, const char *raw, size_t n, const char *rule)
{
	char key[32];

	if (n >= sizeof key)
		n = sizeof key - 1;
	memcpy(key, raw, n);
	key[n] = '\0';
	return err_set(l->e, ERR_DATA, "%s: %s: %s", l->what, key, rule);
}

/* The next member of one of ${keys}: 1 and *${k}, 0 at the end of the object, -1. */
static int line_member(struct line *l, const char *const *keys, unsigned *seen, int *k)
{
	bool first = *seen == 0;
	const char *raw;
	size_t n;
	int more = line_more(l, &first);

	if (more != 1)
		return more;
	if (line_raw(l, &raw, &n) != 0 || line_want(l, ':') != 0)
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

/* Whether all keys of the mask ${need} are among the ${seen}. */
static int line_needs(struct line *l, const char *const *keys, unsigned seen, unsigned need)
{
	for (int k = 0; keys[k] != NULL; k++) {
		if (need & ~seen & 1u << k)
			return err_set(l->e, ERR_DATA, "%s: %s is missing", l->what, keys[k]);
	}
	return 0;
}

static int line_over(struct line *l)
{
	line_space(l);
	return l->at == l->end ? 0 : line_fail(l, "something follows");
}

/* ------------------------------------------------------------------ reading */

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

static int line_body(struct line *l, bool base64, size_t max, char **body, size_t *len)
{
	if (*body != NULL)
		return line_fail(l, "two bodies");
	if (!base64)
		return line_string(l, max, body, len);
	if (line_string(l, max / 3 * 4 + 4, body, len) != 0)
		return -1;
	return decode_base64(*body, len) == 0 ? 0 : line_fail(l, "no base64");
}

static int line_headers(struct line *l, struct fetch_header *headers, size_t *n_headers)
{
	bool first = true;
	int more;

	if (line_want(l, '{') != 0)
		return -1;
	while ((more = line_more(l, &first)) == 1) {
		struct fetch_header *h = &headers[*n_headers];

		if (*n_headers == FETCH_HEADERS_MAX)
			return line_fail(l, "too many headers");
		++*n_headers; /* what is half read is released as well */
		if (line_string(l, NAME_MAX_BYTES, &h->name, NULL) != 0 ||
		    line_want(l, ':') != 0 || line_string(l, VALUE_MAX, &h->value, NULL) != 0)
			return -1;
		for (struct fetch_header *other = headers; other < h; other++) {
			if (strcasecmp(other->name, h->name) == 0)
				return line_fail(l, "a header is given twice");
		}
	}
	return more;
}

static int line_secret(struct line *l, struct fetch_request *r)
{
	static const char *const keys[] = { "header", "prefix", "file", NULL };
	unsigned seen = 0;
	int more, k = 0, rc = 0;

	if (line_want(l, '{') != 0)
		return -1;
	while (rc == 0 && (more = line_member(l, keys, &seen, &k)) != 0) {
		if (more < 0)
			return -1;
		if (k == 0)
			rc = line_string(l, NAME_MAX_BYTES, &r->secret_name, NULL);
		else if (k == 1)
			rc = line_string(l, VALUE_MAX, &r->secret_prefix, NULL);
		else
			rc = line_string(l, PATH_MAX_BYTES, &r->secret_file, NULL);
	}
	return rc == 0 ? line_needs(l, keys, seen, 7) : -1;
}

enum request_key {
	REQ_SCHEMA,
	REQ_TAG,
	REQ_METHOD,
	REQ_URL,
	REQ_HEADERS,
	REQ_SECRET,
	REQ_TIMEOUT,
	REQ_CONNECT,
	REQ_MAX,
	REQ_BODY,
	REQ_BASE64,
};

static const char *const request_keys[] = { "schema",	 "tag",	   "method",	  "url",
					    "headers",	 "secret", "timeout_ms",  "connect_ms",
					    "max_bytes", "body",   "body_base64", NULL };

#define REQUEST_NEEDS                                                          \
	(1u << REQ_SCHEMA | 1u << REQ_TAG | 1u << REQ_METHOD | 1u << REQ_URL | \
	 1u << REQ_TIMEOUT)

static int request_value(struct line *l, int k, struct fetch_request *r)
{
	switch ((enum request_key)k) {
	case REQ_SCHEMA:
		return line_exactly(l, "tr.request/1");
	case REQ_TAG:
		return line_short(l, r->tag, sizeof r->tag);
	case REQ_METHOD:
		return line_string(l, METHOD_MAX, &r->method, NULL);
	case REQ_URL:
		return line_string(l, URL_MAX, &r->url, NULL);
	case REQ_HEADERS:
		return line_headers(l, r->headers, &r->n_headers);
	case REQ_SECRET:
		return line_secret(l, r);
	case REQ_TIMEOUT:
		return line_int(l, 1, TIMEOUT_MAX, &r->timeout_ms);
	case REQ_CONNECT:
		return line_int(l, 0, TIMEOUT_MAX, &r->connect_ms);
	case REQ_MAX:
		return line_int(l, 0, FETCH_BODY_MAX, &r->max_bytes);
	case REQ_BODY:
	case REQ_BASE64:
		return line_body(l, k == REQ_BASE64, FETCH_BODY_MAX, &r->body, &r->body_len);
	}
	return -1;
}

static int read_request(struct line *l, struct fetch_request *r)
{
	unsigned seen = 0;
	int more, k = 0;

	if (line_want(l, '{') != 0)
		return -1;
	while ((more = line_member(l, request_keys, &seen, &k)) == 1) {
		if (request_value(l, k, r) != 0)
			return -1;
	}
	if (more != 0 || line_needs(l, request_keys, seen, REQUEST_NEEDS) != 0)
		return -1;
	for (const char *p = r->method; *p != '\0' || p == r->method; p++) {
		if (*p < 'A' || *p > 'Z')
			return err_set(l->e, ERR_DATA, "%s: method: upper-case letters only",
				       l->what);
	}
	return 0;
}

enum answer_key {
	ANS_SCHEMA,
	ANS_TAG,
	ANS_CLASS,
	ANS_STATUS,
	ANS_SENT,
	ANS_PLAYED,
	ANS_HEADERS,
	ANS_ERROR,
	ANS_ELAPSED,
	ANS_FIRST,
	ANS_BODY,
	ANS_BASE64,
};

static const char *const answer_keys[] = { "schema",	 "tag",	     "class",	"status",
					   "sent",	 "played",   "headers", "error",
					   "elapsed_ms", "first_ms", "body",	"body_base64",
					   NULL };

#define ANSWER_NEEDS ((1u << ANS_BODY) - 1)

static int answer_class(struct line *l, enum fetch_class *class)
{
	char name[CLASS_MAX];

	if (line_short(l, name, sizeof name) != 0)
		return -1;
	for (int c = 0; c < FETCH_CLASSES; c++) {
		if (strcmp(name, fetch_class_name((enum fetch_class)c)) == 0) {
			*class = (enum fetch_class)c;
			return 0;
		}
	}
	return line_fail(l, "unknown class");
}

static int answer_value(struct line *l, int k, struct fetch_answer *a)
{
	switch ((enum answer_key)k) {
	case ANS_SCHEMA:
		return line_exactly(l, "tr.answer/1");
	case ANS_TAG:
		return line_short(l, a->tag, sizeof a->tag);
	case ANS_CLASS:
		return answer_class(l, &a->class);
	case ANS_STATUS:
		return line_int(l, 0, 999, &a->status);
	case ANS_SENT:
		return line_bool(l, &a->sent);
	case ANS_PLAYED:
		return line_bool(l, &a->played);
	case ANS_HEADERS:
		return line_headers(l, a->headers, &a->n_headers);
	case ANS_ERROR:
		return line_word(l, "null") ? 0 : line_string(l, ERROR_MAX, &a->error, NULL);
	case ANS_ELAPSED:
		return line_int(l, 0, INT64_MAX, &a->elapsed_ms);
	case ANS_FIRST:
		return line_int(l, -1, INT64_MAX, &a->first_ms);
	case ANS_BODY:
	case ANS_BASE64:
		return line_body(l, k == ANS_BASE64, FETCH_BODY_MAX, &a->body, &a->body_len);
	}
	return -1;
}

static int read_answer(struct line *l, struct fetch_answer *a)
{
	unsigned seen = 0;
	int more, k = 0;

	if (line_want(l, '{') != 0)
		return -1;
	while ((more = line_member(l, answer_keys, &seen, &k)) == 1) {
		if (answer_value(l, k, a) != 0)
			return -1;
	}
	if (more != 0 || line_needs(l, answer_keys, seen, ANSWER_NEEDS) != 0)
		return -1;
	return a->body != NULL ? 0 : err_set(l->e, ERR_DATA, "%s: body is missing", l->what);
}

int fetch_parse_request(const char *line, size_t len, struct fetch_request *r, struct err *e)
{
	struct line l = { line, line, line + len, "request", e };

	*r = (struct fetch_request){ 0 };
	if (read_request(&l, r) == 0 && line_over(&l) == 0)
		return 0;
	fetch_request_release(r);
	return -1;
}

int fetch_parse_answer(const char *line, size_t len, struct fetch_answer *a, struct err *e)
{
	struct line l = { line, line, line + len, "answer", e };

	*a = (struct fetch_answer){ 0 };
	if (read_answer(&l, a) == 0 && line_over(&l) == 0)
		return 0;
	fetch_answer_release(a);
	return -1;
}

int fetch_parse_exchange(const char *line, size_t len, struct fetch_request *r,
			 struct fetch_answer *a, struct err *e)
{
	static const char *const keys[] = { "schema", "key", "request", "answer", NULL };
	struct line l = { line, line, line + len, "exchange", e };
	char key[KEY_MAX];
	unsigned seen = 0;
	int more, k = 0, rc;

	*r = (struct fetch_request){ 0 };
	*a = (struct fetch_answer){ 0 };
	rc = line_want(&l, '{');
	while (rc == 0 && (more = line_member(&l, keys, &seen, &k)) != 0) {
		if (more < 0)
			rc = -1;
		else if (k == 0)
			rc = line_exactly(&l, "tr.exchange/1");
		else if (k == 1)
			rc = line_short(&l, key, sizeof key);
		else
			rc = k == 2 ? read_request(&l, r) : read_answer(&l, a);
	}
	if (rc == 0 && line_needs(&l, keys, seen, 15) == 0 && line_over(&l) == 0)
		return 0;
	fetch_request_release(r);
	fetch_answer_release(a);
	return -1;
}
