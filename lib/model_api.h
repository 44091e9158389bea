#ifndef MODEL_API_H
#define MODEL_API_H

#include "model.h"

/*
 * What the parts of this module share. An API is a table: model.c does what is common, the
 * files named after the APIs spell the members of their requests and read their replies.
 */

#define MODEL_ERROR_MAX 300
#define MODEL_NAME_MAX 128 /* of models and request ids */

struct model_api {
	const char *name;
	const char *secret_name, *secret_prefix;
	const char *version_name, *version; /* a header that every request has; NULL: none */
	int64_t temperature_max_e2;
	/* Where to ask ${model}. */
	void (*url)(const struct provider *p, const char *model, struct buf *url);
	/* The members that say what is asked; nobody may override them. Returns where in the
	 * buffer the user's text begins. */
	size_t (*ask)(struct json_writer *w, const char *model, const struct model_prompt *q);
	/* The members that say how; the operator's body is merged into these. */
	void (*settings)(struct json_writer *w, const struct provider *p,
			 const struct model_options *o);
	/* What a success means; ${root} is an object without an error. Fills ${r}, whose class
	 * is MODEL_MALFORMED. */
	void (*reply)(const struct json *root, struct model_reply *r);
};

extern const struct model_api model_openai, model_azure, model_anthropic, model_gemini;

/* NULL if it has no models. */
const struct model_api *model_api(enum provider_kind kind);

/* Append ${base} and, unless it ends in a version of its own ("/v1"), "/" and ${version}. */
void model_base(struct buf *url, const char *base, const char *version);
/* Append ${s} so that it is one segment of a path or one value of a query. */
void model_encode(struct buf *url, const char *s);
/* A request of any kind: POST of JSON. Takes the content of ${url} and ${body}; ${tag} is cut
 * to its size. */
void model_request(struct fetch_request *out, const char *tag, struct buf *url,
		   struct buf *body, const struct model_api *auth, const char *key_path,
		   int64_t timeout_ms);

/* Transport, HTTP status and JSON: the object of a success, which the caller frees, or NULL
 * with
 * ${r} filled. */
struct json *model_open(const struct fetch_answer *a, int64_t now_ms, struct model_reply *r);
/* The failure that ${root} tells of in its member "error", in a reply whose HTTP status is a
 * success; false if there is none. */
bool model_error_inside(const struct json *root, struct model_reply *r);
/* A reply whose status is no success; ${root} is NULL if its body is no JSON. */
void model_error_status(const struct fetch_answer *a, const struct json *root, int64_t now_ms,
			struct model_reply *r);

/* End with a class and a reason, which is cleaned. */
void model_end(struct model_reply *r, enum model_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* End with the text of an answer, or MODEL_EMPTY if it is nothing but white space. */
void model_end_text(struct model_reply *r, struct buf *text, const char *why_empty);
/* One line of at most ${max} bytes without control bytes. NULL for NULL and for nothing. */
char *model_clean(const char *s, size_t max);
/* A count of tokens; false if there is none. */
bool model_count(const struct json *obj, const char *key, int64_t *out);
/* The element 0 of an array; NULL if there is none. */
const struct json *model_first(const struct json *array);

#endif
