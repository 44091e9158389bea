#include "model_api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backoff.h"

#include "banned.h"

/*
 * What a failure means. Every provider has a shape of its own for it, and gateways in between
 * have none; so the words that tell (code, type, status, reason) are collected from wherever
 * they stand, the message likewise, and neither needs to be there.
 */

#define WORDS_MAX 8
#define DAY_WAIT_MS INT64_C(3600000) /* a daily quota is not back within the hour */

struct fault {
	int64_t status;		  /* of HTTP, or what the body says in its place */
	const struct json *error; /* the object that describes it; NULL: none */
	const char *words[WORDS_MAX];
	size_t n_words;
	const char *message; /* NULL: none */
};

static const char *text_of(const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);

	return v != NULL && json_type(v) == JSON_STRING ? json_text(v) : NULL;
}

static void add_word(struct fault *f, const struct json *v)
{
	if (v != NULL && json_text(v) != NULL && json_text(v)[0] != '\0' &&
	    f->n_words < WORDS_MAX)
		f->words[f->n_words++] = json_text(v);
}

static const char *message_of(const struct json *obj)
{
	static const char *const keys[] = { "message", "msg",	"error_message",
					    "detail",  "title", "error_description" };
	const char *text = NULL;

	for (size_t i = 0; i < sizeof keys / sizeof *keys && text == NULL; i++)
		text = text_of(obj, keys[i]);
	return text;
}

/* The element or the value that a description hides in: an object, a string, or NULL. */
static const struct json *unwrap(const struct json *v)
{
	const struct json *first = model_first(v);

	if (v != NULL && json_type(v) == JSON_ARRAY)
		v = first;
	return v != NULL && (json_type(v) == JSON_OBJECT || json_type(v) == JSON_STRING) ? v
											 : NULL;
}

/* {"error":...}, {"status":{...}}, {"detail":...}, {"errors":[...]}, or the root itself. */
static const struct json *described(const struct json *root)
{
	static const char *const keys[] = { "error", "detail", "errors" };
	const struct json *v = NULL, *status;

	root = unwrap(root);
	for (size_t i = 0; i < sizeof keys / sizeof *keys && v == NULL; i++)
		v = unwrap(json_get(root, keys[i]));
	if (v == NULL)
		v = root;
	status = json_get(v, "status");
	return status != NULL && json_type(status) == JSON_OBJECT ? status : v;
}

/* Reasons that stand deeper: Google's details are an array, Anthropic's an object. */
static void read_details(struct fault *f)
{
	const struct json *details = json_get(f->error, "details");

	add_word(f, json_get(json_get(f->error, "innererror"), "code"));
	add_word(f, json_get(details, "error_code"));
	if (details == NULL || json_type(details) != JSON_ARRAY)
		return;
	for (const struct json *d = json_first(details); d != NULL; d = json_next(d))
		add_word(f, json_get(d, "reason"));
}

static void fault_read(struct fault *f, const struct json *root)
{
	const struct json *v = described(root);

	if (v == NULL)
		return;
	if (json_type(v) == JSON_STRING) {
		f->message = json_text(v);
		return;
	}
	f->error = v;
	f->message = message_of(v);
	add_word(f, json_get(v, "code"));
	add_word(f, json_get(v, "type"));
	add_word(f, json_get(v, "status"));
	add_word(f, json_get(v, "error_code"));
	read_details(f);
}

/* ------------------------------------------------------------------ the class */

static bool word_in(const struct fault *f, const char *const *list)
{
	for (size_t i = 0; i < f->n_words; i++)
		for (const char *const *l = list; *l != NULL; l++)
			if (strcasecmp(f->words[i], *l) == 0)
				return true;
	return false;
}

static bool word_ends(const struct fault *f, const char *end)
{
	for (size_t i = 0; i < f->n_words; i++) {
		size_t n = strlen(f->words[i]), m = strlen(end);

		if (n >= m && strcmp(f->words[i] + n - m, end) == 0)
			return true;
	}
	return false;
}

static bool says(const struct fault *f, const char *const *list)
{
	for (; f->message != NULL && *list != NULL; list++)
		if (strstr(f->message, *list) != NULL)
			return true;
	return false;
}

/* A filter looked at the prompt and declined: an answer about the prompt, not the service. */
static bool is_refusal(const struct fault *f)
{
	static const char *const words[] = { "content_filter",
					     "ResponsibleAIPolicyViolation",
					     "content_policy_violation",
					     "invalid_prompt",
					     "moderation",
					     "moderation_blocked",
					     NULL };
	static const char *const policies[] = { "content filtering policy",
						"content management policy", NULL };
	static const char *const texts[] = { "moderation", "flagged", NULL };
	const struct json *metadata = json_get(f->error, "metadata");

	if (word_in(f, words) || says(f, policies))
		return true;
	return f->status == 403 &&
	       (json_get(metadata, "reasons") != NULL ||
		json_get(metadata, "flagged_input") != NULL || says(f, texts));
}

static bool is_key(const struct fault *f)
{
	static const char *const words[] = { "invalid_api_key", "authentication_error",
					     "API_KEY_INVALID", "UNAUTHENTICATED", NULL };
	static const char *const texts[] = { "API key not valid", "API key expired", NULL };

	return f->status == 401 || word_in(f, words) || says(f, texts);
}

/* Key, quota, spending limit: whatever the status, asking again cannot help. */
static bool is_operators(const struct fault *f)
{
	static const char *const words[] = { "insufficient_quota",
					     "credit_balance_exhausted",
					     "organization_usage_limit_exceeded",
					     "enforced_spend_limit_reached",
					     "billing_error",
					     "billing_not_active",
					     "billing_hard_limit_reached",
					     "blocked_api_access",
					     "organization_restricted",
					     "PERMISSION_DENIED",
					     NULL };
	static const char *const texts[] = { "credit balance is too low",
					     "specified API usage limits", NULL };

	return is_key(f) || f->status == 402 || f->status == 403 || word_in(f, words) ||
	       word_ends(f, "_spend_limit_exceeded") || says(f, texts);
}

static enum model_class fault_class(const struct fault *f)
{
	if (is_refusal(f))
		return MODEL_REFUSED;
	if (is_operators(f))
		return MODEL_OPERATOR;
	switch (f->status) {
	case 408:
	case 409:
	case 425:
	case 429:
	case 498: /* groq: no capacity in the flexible tier */
		return MODEL_RETRY;
	default:
		return f->status >= 500 ? MODEL_RETRY : MODEL_STOP;
	}
}

/* A server may know better than its status, but not whether an operator has to act. */
static enum model_class overruled(enum model_class class, const struct fetch_answer *a)
{
	const char *should = fetch_header(a, "x-should-retry");

	if (should == NULL)
		return class;
	if (class == MODEL_STOP && strcasecmp(should, "true") == 0)
		return MODEL_RETRY;
	if (class == MODEL_RETRY && strcasecmp(should, "false") == 0)
		return MODEL_STOP;
	return class;
}

/* ------------------------------------------------------------------ the wait */

static int64_t wait_of_headers(const struct fetch_answer *a, int64_t now_ms)
{
	const char *ms = fetch_header(a, "retry-after-ms");
	const char *after = fetch_header(a, "retry-after");
	int64_t wait = -1;

	if (ms != NULL && backoff_retry_after_ms(ms, &wait))
		return wait;
	if (after != NULL && backoff_retry_after(after, fetch_header(a, "date"), now_ms, &wait))
		return wait;
	return -1;
}

static bool is_daily(const struct json *detail)
{
	const struct json *v = model_first(json_get(detail, "violations"));

	for (; v != NULL; v = json_next(v)) {
		const char *id = text_of(v, "quotaId");

		if (id != NULL && strstr(id, "PerDay") != NULL)
			return true;
	}
	return false;
}

/* google.rpc.RetryInfo, and QuotaFailure for quotas whose stated wait is too short to be true.
 */
static int64_t wait_of_details(const struct fault *f)
{
	const struct json *d = model_first(json_get(f->error, "details"));
	int64_t wait = -1, least = -1, ms;

	for (; d != NULL; d = json_next(d)) {
		const char *delay = text_of(d, "retryDelay");

		if (delay != NULL && backoff_duration(delay, &ms))
			wait = ms;
		if (is_daily(d))
			least = DAY_WAIT_MS;
	}
	return wait > least ? wait : least;
}

/* ------------------------------------------------------------------ the text */

/* The first word that is more than a number, since the number is there already. */
static const char *telling_word(const struct fault *f)
{
	for (size_t i = 0; i < f->n_words; i++)
		if (strspn(f->words[i], "0123456789") != strlen(f->words[i]))
			return f->words[i];
	return NULL;
}

/* What a server says to a bad key may hold the key. */
static const char *safe_message(const struct fault *f)
{
	return is_key(f) ? "the key was not accepted" : f->message;
}

static void fault_end(const struct fault *f, enum model_class class, const struct json *root,
		      struct model_reply *r)
{
	const char *word = telling_word(f), *message = safe_message(f);

	model_end(r, class, "HTTP %d%s%.64s%s%s", (int)f->status, word != NULL ? " " : "",
		  word != NULL ? word : "", message != NULL ? ": " : "",
		  message != NULL ? message : "");
	if (r->request_id == NULL)
		r->request_id = model_clean(text_of(root, "request_id"), MODEL_NAME_MAX);
}

void model_error_status(const struct fetch_answer *a, const struct json *root, int64_t now_ms,
			struct model_reply *r)
{
	struct fault f = { .status = a->status };
	enum model_class class;

	fault_read(&f, root);
	/* plain text of a gateway says something, its HTML does not */
	if (root == NULL && a->body[strspn(a->body, " \t\r\n")] != '<')
		f.message = a->body_len > 0 ? a->body : NULL;
	class = overruled(fault_class(&f), a);
	if (class == MODEL_RETRY)
		r->wait_ms = wait_of_headers(a, now_ms);
	if (class == MODEL_RETRY && r->wait_ms < 0)
		r->wait_ms = wait_of_details(&f);
	fault_end(&f, class, root, r);
}

bool model_error_inside(const struct json *root, struct model_reply *r)
{
	const struct json *error = json_get(root, "error");
	struct fault f = { .status = 500 };
	int64_t code;

	if (error == NULL || json_type(error) == JSON_NULL)
		return false;
	fault_read(&f, root);
	if (model_count(error, "code", &code) && code >= 400 && code < 600)
		f.status = code;
	fault_end(&f, fault_class(&f), root, r);
	if (r->class == MODEL_RETRY)
		r->wait_ms = wait_of_details(&f);
	return true;
}
