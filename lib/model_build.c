#include "model_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#include "banned.h"

/*
 * Requests. What is asked and of whom is fixed; how, the operator may change: headers and
 * members of the body are merged, except those that would turn it into another request, into
 * one that cannot be read, or into one that costs more than was reserved.
 */

/* ------------------------------------------------------------------ addresses */

void model_base(struct buf *url, const char *base, const char *version)
{
	static const char tail[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char *last = strrchr(base, '/');

	buf_adds(url, base);
	if (last == NULL || last[1] != 'v' || last[2] < '0' || last[2] > '9' ||
	    last[2 + strspn(last + 2, tail)] != '\0')
		buf_addf(url, "/%s", version);
}

void model_encode(struct buf *url, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL)
			buf_addc(url, *s);
		else
			buf_addf(url, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

/* Names go into paths and bodies, so nothing but printable ASCII, and no step upwards. */
static int check_name(const char *model, struct err *e)
{
	size_t n = strlen(model);

	if (n == 0 || n > MODEL_NAME_MAX)
		return err_set(e, ERR_DATA, "model: the name must have 1 to %d bytes",
			       MODEL_NAME_MAX);
	for (const char *p = model; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return err_set(e, ERR_DATA, "model: byte 0x%02x in the name",
				       (unsigned)(unsigned char)*p);
	if (strcmp(model, ".") == 0 || strcmp(model, "..") == 0)
		return err_set(e, ERR_DATA, "model: %s is no name", model);
	return 0;
}

/* ------------------------------------------------------------------ the operator's headers */

/* What belongs to authentication and to the transport. */
static const char *const headers_kept[] = { "authorization",
					    "proxy-authorization",
					    "x-api-key",
					    "api-key",
					    "x-goog-api-key",
					    "cookie",
					    "host",
					    "content-type",
					    "content-length",
					    "content-encoding",
					    "connection",
					    "transfer-encoding",
					    "te",
					    "upgrade",
					    "expect",
					    NULL };

static bool name_in(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcasecmp(name, *list) == 0)
			return true;
	return false;
}

static int check_header(const char *name, const char *value, struct err *e)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789!#$%&'*+-.^_`|~";

	if (name[0] == '\0' || strspn(name, token) != strlen(name))
		return err_set(e, ERR_DATA, "headers: \"%.64s\" is no name of a header", name);
	if (name_in(name, headers_kept))
		return err_set(e, ERR_DATA, "headers: %s cannot be set", name);
	if (value == NULL)
		return err_set(e, ERR_DATA, "headers: %s is not a string", name);
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, ERR_DATA, "headers: control byte in %s", name);
	return 0;
}

/* Add a header or replace the one of that name. */
static int put_header(struct fetch_request *r, const char *name, const char *value,
		      struct err *e)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->headers[i].name, name) == 0) {
			free(r->headers[i].value);
			r->headers[i].value = mem_strdup(value);
			return 0;
		}
	}
	if (r->n_headers == FETCH_HEADERS_MAX)
		return err_set(e, ERR_DATA, "headers: more than %d", FETCH_HEADERS_MAX);
	fetch_add_header(r, name, value);
	return 0;
}

static int add_headers(struct fetch_request *r, const struct json *headers, struct err *e)
{
	if (headers != NULL && json_type(headers) != JSON_OBJECT)
		return err_set(e, ERR_DATA, "headers: is not an object");
	for (const struct json *h = json_first(headers); h != NULL; h = json_next(h)) {
		const char *value = json_type(h) == JSON_STRING ? json_text(h) : NULL;

		if (check_header(json_key(h), value, e) != 0 ||
		    put_header(r, json_key(h), value, e) != 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ the operator's body */

/* What is asked, of whom, and what bounds the cost, which was reserved before. */
static const char *const members_kept[] = { "model",
					    "models",
					    "messages",
					    "system",
					    "contents",
					    "systemInstruction",
					    "system_instruction",
					    "prompt",
					    "stream",
					    "n",
					    "max_tokens",
					    "max_completion_tokens",
					    "generation_config",
					    NULL };
static const char *const generation_kept[] = { "maxOutputTokens", "max_output_tokens",
					       "candidateCount", "candidate_count", NULL };

static int check_members(const struct json *obj, const char *const *kept, struct err *e)
{
	for (const struct json *m = json_first(obj); m != NULL; m = json_next(m))
		if (name_in(json_key(m), kept))
			return err_set(e, ERR_DATA, "body: %s cannot be set", json_key(m));
	return 0;
}

static int check_body(const struct json *body, struct err *e)
{
	const struct json *generation = json_get(body, "generationConfig");

	if (body == NULL)
		return 0;
	if (json_type(body) != JSON_OBJECT)
		return err_set(e, ERR_DATA, "body: is not an object");
	if (check_members(body, members_kept, e) != 0)
		return -1;
	if (generation != NULL && json_type(generation) != JSON_OBJECT)
		return err_set(e, ERR_DATA, "body: generationConfig is not an object");
	return check_members(generation, generation_kept, e);
}

static void copy_value(struct json_writer *w, const char *key, const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL:
		json_write_null(w, key);
		return;
	case JSON_BOOL:
		json_write_bool(w, key, json_true(v));
		return;
	case JSON_NUMBER:
		json_write_raw(w, key, json_text(v), json_text_len(v));
		return;
	case JSON_STRING:
		json_write_string(w, key, json_text(v));
		return;
	case JSON_ARRAY:
		json_write_array(w, key);
		for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
			copy_value(w, NULL, c);
		break;
	case JSON_OBJECT:
		json_write_object(w, key);
		for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
			copy_value(w, json_key(c), c);
		break;
	}
	json_write_close(w);
}

/* The members of ${base} with those of ${over} instead or besides; objects are merged, null
 * takes a member away. */
static void merge(struct json_writer *w, const struct json *base, const struct json *over)
{
	for (const struct json *m = json_first(base); m != NULL; m = json_next(m)) {
		const struct json *x = json_get(over, json_key(m));

		if (x == NULL) {
			copy_value(w, json_key(m), m);
		} else if (json_type(x) == JSON_OBJECT && json_type(m) == JSON_OBJECT) {
			json_write_object(w, json_key(m));
			merge(w, m, x);
			json_write_close(w);
		} else if (json_type(x) != JSON_NULL) {
			copy_value(w, json_key(m), x);
		}
	}
	for (const struct json *x = json_first(over); x != NULL; x = json_next(x))
		if (json_get(base, json_key(x)) == NULL && json_type(x) != JSON_NULL)
			copy_value(w, json_key(x), x);
}

/* ------------------------------------------------------------------ requests */

static struct json *settings_of(const struct model_api *api, const struct provider *p,
				const struct model_options *o, struct err *e)
{
	struct buf text = BUF_INIT;
	struct json_writer w;
	struct json *root;

	json_write_init(&w, &text);
	json_write_object(&w, NULL);
	api->settings(&w, p, o);
	json_write_close(&w);
	root = json_parse(buf_str(&text), text.len, e);
	buf_release(&text);
	return root;
}

struct fetch_part *model_head(const char *text, size_t len)
{
	struct buf escaped = BUF_INIT;
	size_t n;

	json_escape(&escaped, text, len);
	n = escaped.len;
	return fetch_part_new(buf_take(&escaped), n);
}

/* *${at}: where the head of the prompt belongs. */
static int write_body(const struct model_api *api, const struct provider *p, const char *model,
		      const struct model_prompt *q, const struct model_options *o,
		      struct buf *body, size_t *at, struct err *e)
{
	struct json *settings = settings_of(api, p, o, e);
	struct json_writer w;

	if (settings == NULL)
		return -1;
	json_write_init(&w, body);
	json_write_object(&w, NULL);
	*at = api->ask(&w, model, q);
	merge(&w, settings, o->body);
	json_write_close(&w);
	json_free(settings);
	if (buf_overflowed(body) ||
	    body->len + (q->head != NULL ? q->head->len : 0) > (size_t)FETCH_BODY_MAX)
		return err_set(e, ERR_DATA, "model: the prompt is too long");
	return 0;
}

void model_request(struct fetch_request *out, const char *tag, struct buf *url,
		   struct buf *body, const struct model_api *auth, const char *key_path,
		   int64_t timeout_ms)
{
	snprintf(out->tag, sizeof out->tag, "%s", tag);
	out->method = mem_strdup("POST");
	out->url = buf_take(url);
	out->body_len = body->len;
	out->body = buf_take(body);
	out->timeout_ms = timeout_ms;
	fetch_add_header(out, "content-type", "application/json");
	fetch_add_header(out, "accept", "application/json");
	if (auth->version_name != NULL)
		fetch_add_header(out, auth->version_name, auth->version);
	if (key_path != NULL) {
		out->secret_name = mem_strdup(auth->secret_name);
		out->secret_prefix = mem_strdup(auth->secret_prefix);
		out->secret_file = mem_strdup(key_path);
	}
}

static int check_options(const struct model_api *api, const struct model_options *o,
			 struct err *e)
{
	if (o->max_tokens <= 0)
		return err_set(e, ERR_DATA, "model: max_tokens must be above 0");
	if (o->has_temperature &&
	    (o->temperature_e2 < 0 || o->temperature_e2 > api->temperature_max_e2))
		return err_set(e, ERR_DATA, "%s: the temperature must be 0 to %d", api->name,
			       (int)(api->temperature_max_e2 / 100));
	return check_body(o->body, e);
}

int model_build(const struct provider *p, const char *key_path, const char *model,
		const struct model_prompt *prompt, const struct model_options *o,
		struct fetch_request *out, struct err *e)
{
	const struct model_api *api = model_api(p->kind);
	struct buf url = BUF_INIT, body = BUF_INIT;
	char tag[FETCH_TAG_MAX];
	size_t at;

	*out = (struct fetch_request){ 0 };
	if (api == NULL)
		return err_set(e, ERR_DATA, "provider %s has no models", p->name);
	if (check_name(model, e) != 0 || check_options(api, o, e) != 0 ||
	    write_body(api, p, model, prompt, o, &body, &at, e) != 0) {
		buf_release(&body);
		return -1;
	}
	api->url(p, model, &url);
	snprintf(tag, sizeof tag, "%s:%s", p->name, model);
	model_request(out, tag, &url, &body, api, key_path, o->timeout_ms);
	out->part = fetch_part_hold(prompt->head);
	out->part_at = at;
	if (add_headers(out, o->headers, e) != 0) {
		fetch_request_release(out);
		*out = (struct fetch_request){ 0 };
		return -1;
	}
	return 0;
}
