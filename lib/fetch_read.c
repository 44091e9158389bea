#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "fetch_line.h"
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

/* ------------------------------------------------------------------ requests */

static int line_headers(struct fetch_line *l, struct fetch_header *headers, size_t *n_headers)
{
	bool first = true;
	int more;

	if (fetch_line_want(l, '{') != 0)
		return -1;
	while ((more = fetch_line_more(l, &first)) == 1) {
		struct fetch_header *h = &headers[*n_headers];

		if (*n_headers == FETCH_HEADERS_MAX)
			return fetch_line_fail(l, "too many headers");
		++*n_headers; /* what is half read is released as well */
		if (fetch_line_string(l, NAME_MAX_BYTES, &h->name, NULL) != 0 ||
		    fetch_line_want(l, ':') != 0 ||
		    fetch_line_string(l, VALUE_MAX, &h->value, NULL) != 0)
			return -1;
		for (struct fetch_header *other = headers; other < h; other++) {
			if (strcasecmp(other->name, h->name) == 0)
				return fetch_line_fail(l, "a header is given twice");
		}
	}
	return more;
}

static int line_secret(struct fetch_line *l, struct fetch_request *r)
{
	static const char *const keys[] = { "header", "prefix", "file", NULL };
	unsigned seen = 0;
	int more, k = 0, rc = 0;

	if (fetch_line_want(l, '{') != 0)
		return -1;
	while (rc == 0 && (more = fetch_line_member(l, keys, &seen, &k)) != 0) {
		if (more < 0)
			return -1;
		if (k == 0)
			rc = fetch_line_string(l, NAME_MAX_BYTES, &r->secret_name, NULL);
		else if (k == 1)
			rc = fetch_line_string(l, VALUE_MAX, &r->secret_prefix, NULL);
		else
			rc = fetch_line_string(l, PATH_MAX_BYTES, &r->secret_file, NULL);
	}
	return rc == 0 ? fetch_line_needs(l, keys, seen, 7) : -1;
}

/* A part that came before, and where it belongs. */
static int line_part(struct fetch_line *l, const struct fetch_parts *parts,
		     struct fetch_request *r)
{
	static const char *const keys[] = { "id", "at", NULL };
	char id[FETCH_PART_ID_MAX];
	unsigned seen = 0;
	int64_t at = 0;
	int more, k = 0, rc = 0;

	if (fetch_line_want(l, '{') != 0)
		return -1;
	while (rc == 0 && (more = fetch_line_member(l, keys, &seen, &k)) != 0) {
		if (more < 0)
			return -1;
		rc = k == 0 ? fetch_line_short(l, id, sizeof id)
			    : fetch_line_int(l, 0, FETCH_BODY_MAX, &at);
	}
	if (rc != 0 || fetch_line_needs(l, keys, seen, 3) != 0)
		return -1;
	r->part_at = (size_t)at;
	r->part = fetch_part_hold(parts != NULL ? fetch_parts_find(parts, id) : NULL);
	return r->part != NULL ? 0 : fetch_line_fail(l, "no part of that id came before");
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
	REQ_PART,
	REQ_BODY,
	REQ_BASE64,
};

static const char *const request_keys[] = { "schema",	 "tag",	   "method",	 "url",
					    "headers",	 "secret", "timeout_ms", "connect_ms",
					    "max_bytes", "part",   "body",	 "body_base64",
					    NULL };

#define REQUEST_NEEDS                                                          \
	(1u << REQ_SCHEMA | 1u << REQ_TAG | 1u << REQ_METHOD | 1u << REQ_URL | \
	 1u << REQ_TIMEOUT)

static int request_value(struct fetch_line *l, int k, const struct fetch_parts *parts,
			 struct fetch_request *r)
{
	switch ((enum request_key)k) {
	case REQ_SCHEMA:
		return fetch_line_exactly(l, "tr.request/1");
	case REQ_TAG:
		return fetch_line_short(l, r->tag, sizeof r->tag);
	case REQ_METHOD:
		return fetch_line_string(l, METHOD_MAX, &r->method, NULL);
	case REQ_URL:
		return fetch_line_string(l, URL_MAX, &r->url, NULL);
	case REQ_HEADERS:
		return line_headers(l, r->headers, &r->n_headers);
	case REQ_SECRET:
		return line_secret(l, r);
	case REQ_TIMEOUT:
		return fetch_line_int(l, 1, TIMEOUT_MAX, &r->timeout_ms);
	case REQ_CONNECT:
		return fetch_line_int(l, 0, TIMEOUT_MAX, &r->connect_ms);
	case REQ_MAX:
		return fetch_line_int(l, 0, FETCH_BODY_MAX, &r->max_bytes);
	case REQ_PART:
		return line_part(l, parts, r);
	case REQ_BODY:
	case REQ_BASE64:
		return fetch_line_body(l, k == REQ_BASE64, FETCH_BODY_MAX, &r->body,
				       &r->body_len);
	}
	return -1;
}

static int check_request(struct fetch_line *l, const struct fetch_request *r)
{
	for (const char *p = r->method; *p != '\0' || p == r->method; p++) {
		if (*p < 'A' || *p > 'Z')
			return err_set(l->e, ERR_DATA, "%s: method: upper-case letters only",
				       l->what);
	}
	if (r->part != NULL && (r->body == NULL || r->part_at > r->body_len))
		return err_set(l->e, ERR_DATA, "%s: part: stands outside of the body", l->what);
	if (fetch_body_len(r) > (size_t)FETCH_BODY_MAX)
		return err_set(l->e, ERR_DATA, "%s: body: too long with its part", l->what);
	return 0;
}

static int read_request(struct fetch_line *l, const struct fetch_parts *parts,
			struct fetch_request *r)
{
	unsigned seen = 0;
	int more, k = 0;

	if (fetch_line_want(l, '{') != 0)
		return -1;
	while ((more = fetch_line_member(l, request_keys, &seen, &k)) == 1) {
		if (request_value(l, k, parts, r) != 0)
			return -1;
	}
	if (more != 0 || fetch_line_needs(l, request_keys, seen, REQUEST_NEEDS) != 0)
		return -1;
	return check_request(l, r);
}

/* ------------------------------------------------------------------ answers */

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

static int answer_class(struct fetch_line *l, enum fetch_class *class)
{
	char name[CLASS_MAX];

	if (fetch_line_short(l, name, sizeof name) != 0)
		return -1;
	for (int c = 0; c < FETCH_CLASSES; c++) {
		if (strcmp(name, fetch_class_name((enum fetch_class)c)) == 0) {
			*class = (enum fetch_class)c;
			return 0;
		}
	}
	return fetch_line_fail(l, "unknown class");
}

static int answer_value(struct fetch_line *l, int k, struct fetch_answer *a)
{
	switch ((enum answer_key)k) {
	case ANS_SCHEMA:
		return fetch_line_exactly(l, "tr.answer/1");
	case ANS_TAG:
		return fetch_line_short(l, a->tag, sizeof a->tag);
	case ANS_CLASS:
		return answer_class(l, &a->class);
	case ANS_STATUS:
		return fetch_line_int(l, 0, 999, &a->status);
	case ANS_SENT:
		return fetch_line_bool(l, &a->sent);
	case ANS_PLAYED:
		return fetch_line_bool(l, &a->played);
	case ANS_HEADERS:
		return line_headers(l, a->headers, &a->n_headers);
	case ANS_ERROR:
		return fetch_line_word(l, "null")
			       ? 0
			       : fetch_line_string(l, ERROR_MAX, &a->error, NULL);
	case ANS_ELAPSED:
		return fetch_line_int(l, 0, INT64_MAX, &a->elapsed_ms);
	case ANS_FIRST:
		return fetch_line_int(l, -1, INT64_MAX, &a->first_ms);
	case ANS_BODY:
	case ANS_BASE64:
		return fetch_line_body(l, k == ANS_BASE64, FETCH_BODY_MAX, &a->body,
				       &a->body_len);
	}
	return -1;
}

static int read_answer(struct fetch_line *l, struct fetch_answer *a)
{
	unsigned seen = 0;
	int more, k = 0;

	if (fetch_line_want(l, '{') != 0)
		return -1;
	while ((more = fetch_line_member(l, answer_keys, &seen, &k)) == 1) {
		if (answer_value(l, k, a) != 0)
			return -1;
	}
	if (more != 0 || fetch_line_needs(l, answer_keys, seen, ANSWER_NEEDS) != 0)
		return -1;
	return a->body != NULL ? 0 : err_set(l->e, ERR_DATA, "%s: body is missing", l->what);
}

/* ------------------------------------------------------------------ lines */

static int parse_request(const struct fetch_parts *parts, const char *line, size_t len,
			 struct fetch_request *r, struct err *e)
{
	struct fetch_line l = { line, line, line + len, "request", e };

	*r = (struct fetch_request){ 0 };
	if (read_request(&l, parts, r) == 0 && fetch_line_over(&l) == 0)
		return 0;
	fetch_request_release(r);
	return -1;
}

int fetch_parse_request(const char *line, size_t len, struct fetch_request *r, struct err *e)
{
	return parse_request(NULL, line, len, r, e);
}

static int read_part(struct fetch_line *l, struct fetch_part *p)
{
	static const char *const keys[] = { "schema", "id", "text", "text_base64", NULL };
	unsigned seen = 0;
	int more, k = 0, rc = fetch_line_want(l, '{');

	while (rc == 0 && (more = fetch_line_member(l, keys, &seen, &k)) != 0) {
		if (more < 0)
			return -1;
		if (k == 0)
			rc = fetch_line_exactly(l, "tr.part/1");
		else if (k == 1)
			rc = fetch_line_short(l, p->id, sizeof p->id);
		else
			rc = fetch_line_body(l, k == 3, FETCH_BODY_MAX, &p->text, &p->len);
	}
	if (rc != 0 || fetch_line_needs(l, keys, seen, 3) != 0 || fetch_line_over(l) != 0)
		return -1;
	return p->text != NULL ? 0 : err_set(l->e, ERR_DATA, "part: text is missing");
}

static int parse_part(struct fetch_parts *s, const char *line, size_t len, struct err *e)
{
	struct fetch_line l = { line, line, line + len, "part", e };
	struct fetch_part *p = mem_alloc(sizeof *p);
	int rc;

	p->holders = 1;
	rc = read_part(&l, p);
	if (rc == 0 && fetch_parts_find(s, p->id) != NULL)
		rc = err_set(e, ERR_DATA, "part: %s is given twice", p->id);
	else if (rc == 0 && !fetch_parts_add(s, p))
		rc = err_set(e, ERR_DATA, "part: more than %zu bytes of parts",
			     FETCH_PARTS_MAX);
	fetch_part_drop(p);
	return rc;
}

int fetch_parse_line(struct fetch_parts *s, const char *line, size_t len,
		     struct fetch_request *r, bool *is_request, struct err *e)
{
	static const char lead[] = "{\"schema\":\"tr.part/1\"";

	*is_request = len < sizeof lead - 1 || memcmp(line, lead, sizeof lead - 1) != 0;
	return *is_request ? parse_request(s, line, len, r, e) : parse_part(s, line, len, e);
}

int fetch_parse_answer(const char *line, size_t len, struct fetch_answer *a, struct err *e)
{
	struct fetch_line l = { line, line, line + len, "answer", e };

	*a = (struct fetch_answer){ 0 };
	if (read_answer(&l, a) == 0 && fetch_line_over(&l) == 0)
		return 0;
	fetch_answer_release(a);
	return -1;
}

int fetch_parse_exchange(const char *line, size_t len, struct fetch_request *r,
			 struct fetch_answer *a, struct err *e)
{
	static const char *const keys[] = { "schema", "key", "request", "answer", NULL };
	struct fetch_line l = { line, line, line + len, "exchange", e };
	char key[KEY_MAX];
	unsigned seen = 0;
	int more, k = 0, rc;

	*r = (struct fetch_request){ 0 };
	*a = (struct fetch_answer){ 0 };
	rc = fetch_line_want(&l, '{');
	while (rc == 0 && (more = fetch_line_member(&l, keys, &seen, &k)) != 0) {
		if (more < 0)
			rc = -1;
		else if (k == 0)
			rc = fetch_line_exactly(&l, "tr.exchange/1");
		else if (k == 1)
			rc = fetch_line_short(&l, key, sizeof key);
		else
			rc = k == 2 ? read_request(&l, NULL, r) : read_answer(&l, a);
	}
	if (rc == 0 && fetch_line_needs(&l, keys, seen, 15) == 0 && fetch_line_over(&l) == 0)
		return 0;
	fetch_request_release(r);
	fetch_answer_release(a);
	return -1;
}
