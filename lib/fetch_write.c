#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"

#include "banned.h"

/*
 * The records as they are made and released. A body is written in one pass of its own: the
 * answers of a thousand requests come together, and bodies are by far the largest part of them.
 */

/* ------------------------------------------------------------------ owners */

static void headers_release(struct fetch_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
}

void fetch_request_release(struct fetch_request *r)
{
	headers_release(r->headers, r->n_headers);
	free(r->method);
	free(r->url);
	free(r->secret_name);
	free(r->secret_prefix);
	free(r->secret_file);
	free(r->body);
	fetch_part_drop(r->part);
	*r = (struct fetch_request){ 0 };
}

void fetch_answer_release(struct fetch_answer *a)
{
	headers_release(a->headers, a->n_headers);
	free(a->body);
	free(a->error);
	*a = (struct fetch_answer){ 0 };
}

void fetch_add_header(struct fetch_request *r, const char *name, const char *value)
{
	size_t i = 0;

	while (i < r->n_headers && strcasecmp(r->headers[i].name, name) != 0)
		i++;
	if (i == FETCH_HEADERS_MAX)
		return;
	if (i == r->n_headers) {
		r->headers[i].name = mem_strdup(name);
		r->n_headers++;
	} else {
		free(r->headers[i].value);
	}
	r->headers[i].value = mem_strdup(value);
}

const char *fetch_header(const struct fetch_answer *a, const char *name)
{
	for (size_t i = 0; i < a->n_headers; i++) {
		if (strcmp(a->headers[i].name, name) == 0)
			return a->headers[i].value;
	}
	return NULL;
}

static const char *const class_names[FETCH_CLASSES] = {
	"ok",	     "dns",	 "connect", "tls",	  "timeout", "reset", "cut",
	"too_large", "protocol", "local",   "unrecorded", "lack",    "gone",
};

const char *fetch_class_name(enum fetch_class c)
{
	return class_names[c];
}

/* ------------------------------------------------------------------ writing */

static const char digits64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct buf *out, const char *data, size_t n)
{
	const unsigned char *p = (const unsigned char *)data;
	char four[4];

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		four[0] = digits64[v >> 18];
		four[1] = digits64[v >> 12 & 63];
		four[2] = left > 1 ? digits64[v >> 6 & 63] : '=';
		four[3] = left > 2 ? digits64[v & 63] : '=';
		buf_add(out, four, sizeof four);
	}
}

/* Whether a body can travel as a string: text, whose escapes at most double it. */
static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 && c != '\n' && c != '\t' && c != '\r')
			return false;
	}
	return ident_utf8_valid(s, n);
}

static void add_escape(struct buf *out, char c)
{
	char two[2] = { '\\', c };

	if (c == '\n')
		two[1] = 'n';
	else if (c == '\t')
		two[1] = 't';
	else if (c == '\r')
		two[1] = 'r';
	buf_add(out, two, sizeof two);
}

static void add_text(struct buf *out, const char *s, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
			continue;
		buf_add(out, s + from, i - from);
		add_escape(out, s[i]);
		from = i + 1;
	}
	buf_add(out, s + from, n - from);
}

static void write_bytes(struct json_writer *w, const char *key, const char *base64_key,
			const char *body, size_t n)
{
	bool text = is_text(body, n);
	struct buf quoted;

	buf_init(&quoted, 2 * n + 8);
	buf_addc(&quoted, '"');
	if (text)
		add_text(&quoted, body, n);
	else
		add_base64(&quoted, body, n);
	buf_addc(&quoted, '"');
	json_write_raw(w, text ? key : base64_key, buf_str(&quoted), quoted.len);
	buf_release(&quoted);
}

static void write_body(struct json_writer *w, const char *body, size_t n)
{
	write_bytes(w, "body", "body_base64", body, n);
}

static void write_headers(struct json_writer *w, const struct fetch_header *headers, size_t n)
{
	json_write_object(w, "headers");
	for (size_t i = 0; i < n; i++)
		json_write_string(w, headers[i].name, headers[i].value);
	json_write_close(w);
}

/* Whether a header of that name may carry what nobody else should know. */
static bool is_confidential(const char *name)
{
	static const char *const parts[] = { "auth", "key", "token", "secret", "cookie" };

	if (strcasecmp(name, "idempotency-key") == 0)
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (strcasestr(name, parts[i]) != NULL)
			return true;
	}
	return false;
}

static void write_headers_public(struct json_writer *w, const struct fetch_request *r)
{
	json_write_object(w, "headers");
	for (size_t i = 0; i < r->n_headers; i++) {
		const struct fetch_header *h = &r->headers[i];

		json_write_string(w, h->name, is_confidential(h->name) ? "" : h->value);
	}
	json_write_close(w);
}

static void write_request(struct json_writer *w, const char *key, const struct fetch_request *r,
			  bool public)
{
	json_write_object(w, key);
	json_write_string(w, "schema", "tr.request/1");
	json_write_string(w, "tag", r->tag);
	json_write_string(w, "method", r->method);
	json_write_string(w, "url", r->url);
	if (r->n_headers > 0 && public)
		write_headers_public(w, r);
	else if (r->n_headers > 0)
		write_headers(w, r->headers, r->n_headers);
	if (r->secret_file != NULL) {
		json_write_object(w, "secret");
		json_write_string(w, "header", r->secret_name);
		json_write_string(w, "prefix", r->secret_prefix ? r->secret_prefix : "");
		json_write_string(w, "file", r->secret_file);
		json_write_close(w);
	}
	json_write_int(w, "timeout_ms", r->timeout_ms);
	if (r->connect_ms != 0)
		json_write_int(w, "connect_ms", r->connect_ms);
	if (r->max_bytes != 0)
		json_write_int(w, "max_bytes", r->max_bytes);
	if (r->part != NULL) {
		json_write_object(w, "part");
		json_write_string(w, "id", r->part->id);
		json_write_int(w, "at", (int64_t)r->part_at);
		json_write_close(w);
	}
	if (r->body != NULL)
		write_body(w, r->body, r->body_len);
	json_write_close(w);
}

static void write_answer(struct json_writer *w, const char *key, const struct fetch_answer *a)
{
	json_write_object(w, key);
	json_write_string(w, "schema", "tr.answer/1");
	json_write_string(w, "tag", a->tag);
	json_write_string(w, "class", fetch_class_name(a->class));
	json_write_int(w, "status", a->status);
	json_write_bool(w, "sent", a->sent);
	json_write_bool(w, "played", a->played);
	write_headers(w, a->headers, a->n_headers);
	json_write_string(w, "error", a->error);
	json_write_int(w, "elapsed_ms", a->elapsed_ms);
	json_write_int(w, "first_ms", a->first_ms);
	write_body(w, a->body ? a->body : "", a->body_len);
	json_write_close(w);
}

void fetch_write_request(const struct fetch_request *r, struct buf *out)
{
	struct json_writer w;

	json_write_init(&w, out);
	write_request(&w, NULL, r, false);
	json_write_end(&w);
}

void fetch_write_part(const struct fetch_part *p, struct buf *out)
{
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.part/1");
	json_write_string(&w, "id", p->id);
	write_bytes(&w, "text", "text_base64", p->text, p->len);
	json_write_close(&w);
	json_write_end(&w);
}

void fetch_write_answer(const struct fetch_answer *a, struct buf *out)
{
	struct json_writer w;

	json_write_init(&w, out);
	write_answer(&w, NULL, a);
	json_write_end(&w);
}

/* A recording stands by itself: its requests have their bodies whole. */
void fetch_write_exchange(const char *key, const struct fetch_request *r,
			  const struct fetch_answer *a, struct buf *out)
{
	struct fetch_request whole = *r; /* all but the body is borrowed */
	struct json_writer w;

	whole.body = fetch_body_whole(r);
	whole.body_len = fetch_body_len(r);
	whole.part = NULL;
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.exchange/1");
	json_write_string(&w, "key", key);
	write_request(&w, "request", &whole, true);
	write_answer(&w, "answer", a);
	json_write_close(&w);
	json_write_end(&w);
	free(whole.body);
}
