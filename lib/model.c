#include "model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decimal.h"
#include "ident.h"
#include "mem.h"
#include "model_api.h"

#include "banned.h"

#define TOKENS_MAX INT64_C(1000000000000) /* of a call; more is no count */

/*
 * The reasoning comes first: a model writes the members in this order, and orders that follow
 * their reasons are better ones. Bounds are in words, since not every provider takes them as
 * keywords.
 */
const char model_answer_schema[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"reasoning\":{\"type\":\"string\","
	"\"description\":\"why, in a few sentences\"},"
	"\"orders\":{\"type\":\"array\",\"description\":\"empty to hold\","
	"\"items\":{\"type\":\"object\",\"properties\":{"
	"\"asset\":{\"type\":\"string\",\"description\":\"symbol as in the data\"},"
	"\"side\":{\"type\":\"string\",\"enum\":[\"buy\",\"sell\"]},"
	"\"quantity\":{\"type\":[\"string\",\"null\"],\"description\":"
	"\"units of the asset, a plain decimal above 0; null if notional is given\"},"
	"\"notional\":{\"type\":[\"string\",\"null\"],\"description\":"
	"\"value to trade in the quote currency, a plain decimal above 0; "
	"null if quantity is given\"},"
	"\"limit_price\":{\"type\":[\"string\",\"null\"],\"description\":"
	"\"buy at most, sell at least at this price; null for none\"}},"
	"\"required\":[\"asset\",\"side\",\"quantity\",\"notional\",\"limit_price\"],"
	"\"additionalProperties\":false}},"
	"\"rules\":{\"type\":\"array\",\"description\":\"empty if there are none\","
	"\"items\":{\"type\":\"string\",\"description\":"
	"\"a rule that was followed, by its name or in a few words\"}},"
	"\"confidence\":{\"type\":[\"number\",\"null\"],\"description\":\"from 0 to 1\"}},"
	"\"required\":[\"reasoning\",\"orders\",\"rules\",\"confidence\"],"
	"\"additionalProperties\":false}";

const char *model_class_name(enum model_class c)
{
	static const char *const names[MODEL_CLASSES] = {
		[MODEL_OK] = "ok",
		[MODEL_REFUSED] = "refused",
		[MODEL_CUT] = "cut",
		[MODEL_EMPTY] = "empty",
		[MODEL_RETRY] = "retry",
		[MODEL_STOP] = "stop",
		[MODEL_OPERATOR] = "operator",
		[MODEL_MALFORMED] = "malformed",
	};

	assert(c < MODEL_CLASSES);
	return names[c];
}

enum circuit_outcome model_outcome(enum model_class c)
{
	switch (c) {
	case MODEL_OK:
	case MODEL_REFUSED:
	case MODEL_CUT:
	case MODEL_EMPTY:
		return CIRCUIT_SUCCESS;
	case MODEL_STOP:
		return CIRCUIT_NEUTRAL;
	case MODEL_OPERATOR:
		return CIRCUIT_HOPELESS;
	default:
		return CIRCUIT_FAILURE;
	}
}

bool model_unbilled(const struct model_reply *r, int64_t worst)
{
	return r->lost || (worst > 0 && r->class == MODEL_MALFORMED && !r->has_usage);
}

int64_t model_tokens_max(size_t bytes)
{
	return bytes < (size_t)INT64_MAX ? (int64_t)bytes : INT64_MAX;
}

const struct model_api *model_api(enum provider_kind kind)
{
	switch (kind) {
	case PROVIDER_OPENAI:
		return &model_openai;
	case PROVIDER_AZURE:
		return &model_azure;
	case PROVIDER_ANTHROPIC:
		return &model_anthropic;
	case PROVIDER_GEMINI:
		return &model_gemini;
	default:
		return NULL;
	}
}

/* ------------------------------------------------------------------ replies */

/* The bytes of the character at ${p}, 0 if it must not be shown. */
static size_t clean_char(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c <= 0x20 || c == 0x7f || n > left || !ident_utf8_valid(p, n))
		return 0;
	return n == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : n;
}

char *model_clean(const char *s, size_t max)
{
	size_t left = s != NULL ? strlen(s) : 0, n;
	struct buf b = BUF_INIT;

	for (; left > 0 && b.len < max; s += n, left -= n) {
		n = clean_char(s, left);
		if (n > 0 && b.len + n > max)
			break;
		if (n > 0)
			buf_add(&b, s, n);
		else if (b.len > 0 && b.data[b.len - 1] != ' ')
			buf_addc(&b, ' ');
		n += n == 0;
	}
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	if (b.len > 0)
		return buf_take(&b);
	buf_release(&b);
	return NULL;
}

void model_end(struct model_reply *r, enum model_class class, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	r->class = class;
	free(r->error);
	r->error = model_clean(buf_str(&b), MODEL_ERROR_MAX);
	buf_release(&b);
}

void model_end_text(struct model_reply *r, struct buf *text, const char *why_empty)
{
	static const char blank[] = " \t\r\n";

	if (text->len == 0 || strspn(text->data, blank) == text->len) {
		model_end(r, MODEL_EMPTY, "%s", why_empty);
		return;
	}
	r->class = MODEL_OK;
	r->text_len = text->len;
	r->text = buf_take(text);
}

bool model_count(const struct json *obj, const char *key, int64_t *out)
{
	const struct json *v = json_get(obj, key);
	struct err e = { 0 };
	bool rounded = false;
	int64_t n = 0;

	if (v == NULL || json_type(v) != JSON_NUMBER ||
	    decimal_parse_foreign(json_text(v), json_text_len(v), 0, &n, &rounded, &e) != 0 ||
	    n < 0 || n > TOKENS_MAX)
		return false;
	*out = n;
	return true;
}

const struct json *model_first(const struct json *array)
{
	return array != NULL && json_type(array) == JSON_ARRAY ? json_first(array) : NULL;
}

/* What became of a request without a whole reply. */
static void end_transport(const struct fetch_answer *a, struct model_reply *r)
{
	enum model_class class = MODEL_RETRY;

	switch (a->class) {
	case FETCH_LOCAL:
	case FETCH_UNRECORDED:
		class = MODEL_STOP;
		break;
	case FETCH_TOO_LARGE:
	case FETCH_PROTOCOL:
		class = MODEL_MALFORMED;
		break;
	default:
		break;
	}
	r->lost = a->sent;
	model_end(r, class, "%s%s%s", fetch_class_name(a->class), a->error != NULL ? ": " : "",
		  a->error != NULL ? a->error : "");
}

static void read_request_id(const struct fetch_answer *a, struct model_reply *r)
{
	static const char *const names[] = { "x-request-id", "request-id", "apim-request-id" };

	for (size_t i = 0; i < sizeof names / sizeof *names && r->request_id == NULL; i++)
		r->request_id = model_clean(fetch_header(a, names[i]), MODEL_NAME_MAX);
}

/* Lines of a stream of events, which a client gets that did not ask for one by mistake only. */
static bool is_stream(const struct fetch_answer *a)
{
	const char *type = fetch_header(a, "content-type");
	const char *body = a->body + strspn(a->body, " \t\r\n");

	return (type != NULL && strncasecmp(type, "text/event-stream", 17) == 0) ||
	       strncmp(body, "data:", 5) == 0 || strncmp(body, "event:", 6) == 0 ||
	       body[0] == ':';
}

struct json *model_open(const struct fetch_answer *a, int64_t now_ms, struct model_reply *r)
{
	bool success = a->status >= 200 && a->status < 300;
	struct err e = { 0 };
	struct json *root;

	*r = (struct model_reply){ .class = MODEL_MALFORMED, .wait_ms = -1 };
	if (a->class != FETCH_OK) {
		end_transport(a, r);
		return NULL;
	}
	read_request_id(a, r);
	root = json_parse(a->body, a->body_len, &e);
	if (!success)
		model_error_status(a, root, now_ms, r);
	else if (root == NULL && is_stream(a))
		model_end(r, MODEL_MALFORMED, "a stream of events, not one JSON object");
	else if (root == NULL)
		model_end(r, MODEL_MALFORMED, "HTTP %d, but the body is no JSON: %s",
			  (int)a->status, e.text);
	else if (json_type(root) != JSON_OBJECT)
		model_end(r, MODEL_MALFORMED, "the body is not a JSON object");
	else if (!model_error_inside(root, r))
		return root;
	json_free(root);
	return NULL;
}

void model_parse(const struct provider *p, const struct fetch_answer *a, int64_t now_ms,
		 struct model_reply *r)
{
	const struct model_api *api = model_api(p->kind);
	struct json *root = model_open(a, now_ms, r);

	if (root == NULL)
		return;
	if (api == NULL)
		model_end(r, MODEL_MALFORMED, "provider %s has no models", p->name);
	else
		api->reply(root, r);
	json_free(root);
}

void model_release(struct model_reply *r)
{
	free(r->text);
	free(r->model);
	free(r->request_id);
	free(r->error);
	*r = (struct model_reply){ .class = MODEL_MALFORMED, .wait_ms = -1 };
}
