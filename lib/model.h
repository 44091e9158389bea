#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decision.h"
#include "err.h"
#include "fetch.h"
#include "json.h"
#include "provider.h"

/*
 * Remote models and ML services as a function from a prompt to a text: the request that a
 * provider wants, and what its reply means. Pure: no network, no database, no clock. Contracts:
 * the providers' APIs as of 2026; one file per API (model_openai.c ...).
 */

struct model_prompt {
	const char *system; /* what the agent is and must answer with */
	size_t system_len;
	const char *user; /* the context */
	size_t user_len;
	/* what the user's text begins with, from model_head(); NULL: nothing more. Borrowed */
	struct fetch_part *head;
};

/* The beginning of many prompts, whole characters, ready to stand in their requests. */
struct fetch_part *model_head(const char *text, size_t len);

/* What an operator set for the agent. */
struct model_options {
	int64_t max_tokens; /* of the answer, reasoning included; > 0 */
	bool has_temperature;
	int64_t temperature_e2; /* 0 to 200 */
	int64_t timeout_ms;
	const struct json *headers; /* an object of strings, or NULL */
	const struct json *body;    /* an object merged into the request's top level, or NULL */
};

/* What a call means, beyond HTTP. */
enum model_class {
	MODEL_OK,      /* text is the answer of the model */
	MODEL_REFUSED, /* the model or a filter declined: the agent's answer, the service is
			  well */
	MODEL_CUT,     /* the answer was cut at the token limit: invalid, the service is well */
	MODEL_EMPTY,   /* a success without any answer */
	MODEL_RETRY,   /* may pass: wait_ms, then again */
	MODEL_STOP,    /* asking again gives the same: 400, 404 ... */
	MODEL_OPERATOR,	 /* key, quota, spending limit: nobody asks until somebody acts */
	MODEL_MALFORMED, /* no reply of this API */
	MODEL_CLASSES
};

const char *model_class_name(enum model_class c); /* ok, refused, cut, empty, retry ... */
enum circuit_outcome model_outcome(enum model_class c);

struct model_reply {
	enum model_class class;
	char *text; /* MODEL_OK: the answer; NULL else; owned like all below */
	size_t text_len;
	char *model;	  /* as the provider names what answered; NULL: not said */
	char *request_id; /* for its support; NULL */
	char *error; /* one line, cleaned of control bytes, at most 300 bytes; NULL if ok */
	bool has_usage;
	int64_t input, cached, output, reasoning; /* tokens; output includes reasoning */
	int64_t wait_ms; /* what the server asks to wait; -1: nothing */
	bool lost;	 /* sent, and no reply: it may have been billed */
};

/* Whether it is unknown what the request cost: it got no reply, or one that cannot be read, and
 * ${worst} is what it could cost at most. */
bool model_unbilled(const struct model_reply *r, int64_t worst);

/* Fill in method, URL, headers, secret and body; tag and time-outs too. ${key_path} may be
 * NULL. */
int model_build(const struct provider *p, const char *key_path, const char *model,
		const struct model_prompt *prompt, const struct model_options *o,
		struct fetch_request *out, struct err *e);
/* Never fails: what cannot be understood is MODEL_MALFORMED. ${now_ms} is the wall clock, for
 * Retry-After dates. */
void model_parse(const struct provider *p, const struct fetch_answer *a, int64_t now_ms,
		 struct model_reply *r);
void model_release(struct model_reply *r);

/* Tokens that a text can be at most, for reserving its cost: its bytes. */
int64_t model_tokens_max(size_t bytes);

/* The JSON schema of an answer, as structured outputs want it: every property required, absent
 * ones null, no additional ones. Static text. */
extern const char model_answer_schema[];

/* One JSON object out of a model's text: the whole text, or what stands in its only fenced
 * block, or from the first { to its matching }. *${from}, *${len} into ${text}; false if there
 * is not exactly one. */
bool model_extract(const char *text, size_t n, const char **from, size_t *len);

/* ---- POST /predict */
struct model_predict {
	const char *agent, *batch, *window, *request_id, *instructions;
	const struct json *context; /* a tr.context/1 */
};
int model_predict_build(const struct provider *p, const char *key_path,
			const struct model_predict *q, int64_t timeout_ms,
			struct fetch_request *out, struct err *e);
/* MODEL_OK: text is the answer as a bare decision {"orders":[...],"reasoning":...}. */
void model_predict_parse(const struct model_predict *q, const struct fetch_answer *a,
			 int64_t now_ms, struct model_reply *r);

#endif
