#ifndef PROVIDER_H
#define PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "guard.h"
#include "ident.h"
#include "json.h"

/*
 * Services: where models, market data and predictions come from. Well-known ones are built in
 * and need only a key; a row in table providers changes or adds one. Keys are files: this
 * module knows their paths and checks who may read them, and never reads them (SEMANTICS R-86).
 */

enum provider_kind {
	PROVIDER_OPENAI,    /* chat completions: OpenAI and everything compatible */
	PROVIDER_AZURE,	    /* chat completions by deployment, api-version in the query */
	PROVIDER_ANTHROPIC, /* messages */
	PROVIDER_GEMINI,    /* generateContent */
	PROVIDER_PREDICT,   /* POST /predict of an ML service */
	PROVIDER_BINANCE,
	PROVIDER_KRAKEN,
	PROVIDER_COINBASE,
	PROVIDER_COINGECKO,
	PROVIDER_KINDS
};

struct provider {
	char name[IDENT_AGENT_MAX + 1];
	enum provider_kind kind;
	char *base;	/* without a slash at the end */
	char *key_file; /* NULL: none; "credential:NAME" is a file of $CREDENTIALS_DIRECTORY */
	char *api_version; /* azure classic; NULL: none */
	bool local;	   /* the base is loopback: http is allowed and calls cost nothing */
	bool key_needed;
	bool max_completion_tokens;		 /* openai: which name the limit has */
	bool json_schema;			 /* structured output is offered */
	int64_t parallel, per_minute, per_month; /* 0: no limit */
	bool builtin;				 /* as shipped, no row */
	int64_t version;			 /* of the row, 0 for built in */
};

/* "openai", "azure", ... */
const char *provider_kind_name(enum provider_kind k);
/* ERR_USAGE names the kinds. */
int provider_kind_find(const char *name, enum provider_kind *k, struct err *e);
bool provider_is_model(enum provider_kind k);
bool provider_is_data(enum provider_kind k);

/* By name: the row, else the built-in one; ERR_NOTFOUND names the nearest. */
int provider_load(struct db *db, const char *name, struct provider *p, struct err *e);
void provider_release(struct provider *p);
/* All, built in and added, by name. */
typedef int provider_list_fn(void *ctx, const struct provider *p, struct err *e);
int provider_list(struct db *db, provider_list_fn *each, void *ctx, struct err *e);

/* Check and store, in a transaction of the caller. Same again: no change (*${changed}). Bases
 * are https, or http for loopback only; ERR_DATA else. Tells guard_provider_changed. */
int provider_store(struct db *db, const struct provider *p, bool *changed, struct err *e);
/* Forget the row: ERR_DATA if an agent or a feed needs it and it is not built in. */
int provider_remove(struct db *db, const char *name, struct err *e);

/* 0 if ${base} may be one; *${local} tells loopback. ERR_DATA names the rule. */
int provider_check_base(const char *base, bool *local, struct err *e);

/* The absolute path of ${file}, the caller's, after the checks of provider_key_path;
 * "credential:" names stay as they are and are looked at when they are used. */
char *provider_key_abs(const char *file, struct err *e);

/* The path of the key, resolved ("credential:" too), the caller's; NULL if it has none.
 * ERR_NOTFOUND or ERR_PERM (readable for others, not ours, a link, empty) say what is wrong and
 * the fix. */
int provider_key_path(const struct provider *p, char **path, struct err *e);

/* "gpt-4o-mini" of "openai/gpt-4o-mini"; ERR_USAGE if there is no slash. */
#define PROVIDER_MODEL_MAX (GUARD_SERVICE_MAX - IDENT_AGENT_MAX - 2)
int provider_split(const char *model, char provider[IDENT_AGENT_MAX + 1], const char **rest,
		   struct err *e);
/* Bytes of a model's name without its date: "gpt-4o-mini" of "gpt-4o-mini-2024-07-18". */
size_t provider_family(const char *model);
/* "openai:gpt-4o-mini": the service of a model; without ${op} the provider itself. */
void provider_service(const struct provider *p, const char *op, char out[GUARD_SERVICE_MAX]);
/* Defaults of its kind, with the provider's own limits. */
void provider_policy(const struct provider *p, const struct config *c,
		     struct guard_policy *out);

/* ---- prices of models: USD (1e-8) per million tokens */
struct provider_price {
	int64_t input, cached, output; /* 1e-8 USD per 1,000,000 tokens */
	char since[11];		       /* date of the table or of the entry */
	bool own;		       /* given by the operator */
};
/* By longest known prefix of the model's name (dated names belong to their family); the
 * operator's entry goes first; local providers cost nothing. *${found}. share/prices.tsv is the
 * table. */
int provider_price(struct db *db, const struct provider *p, const char *model,
		   struct provider_price *price, bool *found, struct err *e);
int provider_price_store(struct db *db, const char *provider, const char *model,
			 const struct provider_price *price, int64_t at_ms, struct err *e);
/* All that are known of models of ${provider}, the operator's first. */
typedef int provider_price_fn(void *ctx, const char *model, const struct provider_price *price,
			      struct err *e);
int provider_price_list(struct db *db, const char *provider, provider_price_fn *each, void *ctx,
			struct err *e);
/* Cost of a call in 1e-8 USD, rounded up; saturates. ${cached} is part of ${input}. */
int64_t provider_cost(const struct provider_price *price, int64_t input, int64_t cached,
		      int64_t output);

#endif
