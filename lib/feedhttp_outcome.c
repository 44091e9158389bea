#include "feedhttp.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "feedhttp_part.h"
#include "ident.h"
#include "mem.h"
#include "banned.h"

/* What an exchange means before its body is looked at as data. */

#define ERROR_MAX 300

/* The length of the character at ${s} that may be shown, 0 if it may not. */
static size_t shown_len(const char *s, size_t left)
{
	unsigned char c = (unsigned char)*s;
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x80)
		return c >= ' ' && c != 0x7f ? 1 : 0;
	if (n > left || !ident_utf8_valid(s, n))
		return 0;
	/* U+0080 to U+009F control terminals too */
	return c == 0xc2 && (unsigned char)s[1] < 0xa0 ? 0 : n;
}

/* One line of at most ERROR_MAX bytes, the caller's. */
static char *clean(const char *s, size_t n)
{
	struct buf out = BUF_INIT;
	size_t len;

	for (size_t i = 0; i<n; i += len> 0 ? len : 1) {
		len = shown_len(s + i, n - i);
		if (out.len + (len > 0 ? len : 1) > ERROR_MAX)
			break;
		if (len > 0)
			buf_add(&out, s + i, len);
		else
			buf_addc(&out, (unsigned char)s[i] < 0x80 ? ' ' : '?');
	}
	return buf_take(&out);
}

void feedhttp_refuse(struct feedhttp_reply *r, enum model_class class, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	free(r->error);
	r->class = class;
	r->error = clean(buf_str(&text), text.len);
	buf_release(&text);
}

void feedhttp_unexpected(struct feedhttp_reply *r, const struct json *body, const char *what)
{
	const char *said = feedhttp_error_text(body);

	feedhttp_refuse(r, MODEL_MALFORMED, "%s is expected%s%s", what,
			said != NULL ? "; it says: " : "", said != NULL ? said : "");
}

static const char *string_of(const struct json *v)
{
	return v != NULL && json_type(v) == JSON_STRING ? json_text(v) : NULL;
}

const char *feedhttp_error_text(const struct json *body)
{
	static const char *const keys[] = { "error_message", "message", "msg", "detail" };
	static const char *const inner[] = { "error", "status" };
	const struct json *v;
	const char *text = NULL;

	if (body == NULL || json_type(body) != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && text == NULL; i++)
		text = string_of(json_get(body, keys[i]));
	for (size_t i = 0; i < sizeof inner / sizeof *inner && text == NULL; i++) {
		v = json_get(body, inner[i]);
		if (v == NULL)
			continue;
		if (json_type(v) == JSON_ARRAY)
			v = json_first(v);
		text = string_of(v);
		/* no deeper than the JSON gate lets anything be */
		if (text == NULL)
			text = feedhttp_error_text(v);
	}
	return text;
}

static enum model_class class_of_status(int64_t status)
{
	if (status >= 200 && status <= 299)
		return MODEL_OK;
	if (status == 408 || status == 425 || status == 429)
		return MODEL_RETRY;
	/* 403 is a firewall's, and passes without an operator */
	if (status == 401 || status == 402 || status == 407)
		return MODEL_OPERATOR;
	if (status >= 300 && status <= 499)
		return MODEL_STOP;
	if (status >= 500 && status <= 599)
		return MODEL_RETRY;
	return MODEL_MALFORMED;
}

static enum model_class class_of_transport(enum fetch_class c)
{
	switch (c) {
	case FETCH_OK:
		return MODEL_OK;
	case FETCH_DNS:
	case FETCH_CONNECT:
	case FETCH_TLS:
	case FETCH_TIMEOUT:
	case FETCH_RESET:
	case FETCH_CUT:
	case FETCH_LACK:
	case FETCH_GONE:
		return MODEL_RETRY;
	case FETCH_LOCAL:
	case FETCH_UNRECORDED:
		return MODEL_STOP;
	case FETCH_TOO_LARGE:
	case FETCH_PROTOCOL:
	case FETCH_CLASSES:
		break;
	}
	return MODEL_MALFORMED;
}

static void refuse_status(enum model_class class, const struct fetch_answer *a,
			  const struct json *body, struct feedhttp_reply *r)
{
	const char *said = feedhttp_error_text(body);

	if (body == NULL && a->body_len > 0)
		said = "the reply is not JSON";
	feedhttp_refuse(r, class, "HTTP %lld%s%s", (long long)a->status,
			said != NULL ? ": " : "", said != NULL ? said : "");
}

/* What the server asks to wait; milliseconds go before seconds and dates. */
static int64_t wait_of(const struct fetch_answer *a, int64_t now_ms)
{
	const char *ms = fetch_header(a, "retry-after-ms"), *s = fetch_header(a, "retry-after");
	int64_t wait;

	if (ms != NULL && backoff_retry_after_ms(ms, &wait))
		return wait;
	if (s != NULL && backoff_retry_after(s, fetch_header(a, "date"), now_ms, &wait))
		return wait;
	return -1;
}

bool feedhttp_classify(const struct feedhttp_venue *v, const struct fetch_answer *a,
		       const struct json *body, int64_t now_ms, struct feedhttp_reply *r)
{
	enum model_class class = class_of_transport(a->class);

	if (class != MODEL_OK) {
		feedhttp_refuse(r, class, "%s%s%s", fetch_class_name(a->class),
				a->error != NULL ? ": " : "", a->error != NULL ? a->error : "");
		return false;
	}
	class = class_of_status(a->status);
	if (class == MODEL_OK)
		return true;
	refuse_status(class, a, body, r);
	r->wait_ms = wait_of(a, now_ms);
	if (v->refused != NULL)
		v->refused(a, body, now_ms, r);
	/* servers send the header along with other replies too, where it means nothing */
	if (r->class != MODEL_RETRY)
		r->wait_ms = -1;
	return false;
}
