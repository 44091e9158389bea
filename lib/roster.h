#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"
#include "json.h"
#include "provider.h"
#include "strategy.h"

/*
 * Who and what takes part: assets with their feeds, agents with their versions, halts. The rows
 * are the wishes of the operator for the next window; a window itself runs under its pin.
 */

struct roster_feed {
	char *feed;  /* sim, csv, history, kraken ... */
	char *arg;   /* what followed the colon, "" for none */
	char *quote; /* currency of its prices, accepted as the race's */
};

struct roster_asset {
	int64_t id;
	char *symbol;
	char *name;
	bool enabled;
	struct roster_feed *feeds; /* first choice first */
	size_t n_feeds;
};

struct roster_assets {
	struct roster_asset *items; /* in order of symbol */
	size_t n;
};

enum roster_kind { ROSTER_RULE, ROSTER_EXEC, ROSTER_LLM, ROSTER_ML, ROSTER_MANUAL };
enum roster_status { ROSTER_ACTIVE, ROSTER_PAUSED, ROSTER_RETIRED };

#define ROSTER_CANDIDATES_MAX 8
#define ROSTER_READS_MAX 16
#define ROSTER_TEXT_MAX ((size_t)64 << 10) /* of a prompt, and of a template */

/* llm: a model and what it is told. Absent options are those of the settings at the time. */
struct roster_llm {
	char **candidates; /* "openai/gpt-4o-mini": the model, then its fallbacks */
	size_t n_candidates;
	bool any_model; /* fallbacks may be other models */
	char *prompt;	/* instructions; NULL: none */
	char *template; /* NULL: the built-in one */
	bool has_temperature;
	int64_t temperature_e2;
	int64_t max_tokens;   /* 0: llm.max_tokens */
	int64_t timeout_s;    /* 0: llm.timeout_s */
	struct json *headers; /* an object of strings; NULL: none */
	struct json *body;    /* an object; NULL: none */
};

/* ml: a service that answers POST /predict, by address or as a provider. */
struct roster_ml {
	char *provider; /* NULL: url */
	char *url;	/* without a slash at the end */
	char *key_file; /* of url; NULL: none */
};

/* What an agent is made of; its canonical JSON is the version's identity. */
struct roster_spec {
	enum roster_kind kind;
	const struct strategy *strategy; /* rule */
	int64_t params[STRATEGY_PARAMS_MAX];
	char **argv; /* exec: argv[0] absolute; NULL-terminated */
	size_t n_argv;
	struct digest *files; /* per argument: of its bytes if it is a file */
	bool *is_file;
	bool network;	 /* exec: it was granted the network */
	bool unconfined; /* exec: it runs without a jail */
	char **reads;	 /* exec: directories it may read; sorted, absolute, no links */
	size_t n_reads;
	struct roster_llm llm;
	struct roster_ml ml;
};

struct roster_agent {
	int64_t id;
	char *name;
	bool baseline;
	enum roster_status status;
	int64_t version;
	struct roster_spec spec;
	struct digest hash;
};

struct roster_agents {
	struct roster_agent *items; /* in order of name */
	size_t n;
};

const char *roster_kind_name(enum roster_kind k);
const char *roster_status_name(enum roster_status s);

/* ---- assets */
int roster_load_assets(struct db *db, struct roster_assets *out, struct err *e);
void roster_release_assets(struct roster_assets *a);
/* All writes below are made inside a transaction of the caller. An asset that is there already
 * with the same name and feeds is no change; with others it is ERR_DATA. *${id} is set. */
int roster_add_asset(struct db *db, const struct roster_asset *a, int64_t at_ms, int64_t *id,
		     struct err *e);
/* The id of an asset, 0 if there is none. */
int roster_find_asset(struct db *db, const char *symbol, int64_t *id, struct err *e);
int roster_enable_asset(struct db *db, const char *symbol, bool enabled, struct err *e);
/* Replace the feeds (from the next window on). */
int roster_set_feeds(struct db *db, int64_t asset_id, const struct roster_feed *feeds, size_t n,
		     struct err *e);
/* The id of a source of candles, made if it is new. */
int roster_source(struct db *db, const char *name, int64_t *id, struct err *e);
/* The same, 0 if it was never stored. */
int roster_find_source(struct db *db, const char *name, int64_t *id, struct err *e);

/* ---- agents */
int roster_load_agents(struct db *db, struct roster_agents *out, struct err *e);
void roster_release_agents(struct roster_agents *a);
/* One agent by name at one version (0: the current). ERR_NOTFOUND names the nearest. */
int roster_load_agent(struct db *db, const char *name, int64_t version,
		      struct roster_agent *out, struct err *e);
void roster_release_agent(struct roster_agent *a);
int roster_has_agent(struct db *db, const char *name, bool *known, struct err *e);
/* Add with portfolio; the same again is no change, another spec under that name is ERR_DATA. */
int roster_add_agent(struct db *db, const char *name, bool baseline,
		     const struct roster_spec *spec, int64_t start_cash, int64_t at_ms,
		     struct err *e);
/* A new version if ${spec} differs from the current one; *${version} is the one in force then.
 */
int roster_set_spec(struct db *db, const char *name, const struct roster_spec *spec,
		    int64_t at_ms, int64_t *version, struct err *e);
/* Retired agents stay retired. */
int roster_set_status(struct db *db, const char *name, enum roster_status status,
		      struct err *e);

/* ---- specs */
void roster_spec_init(struct roster_spec *s, enum roster_kind kind);
void roster_spec_release(struct roster_spec *s);
/* exec: make argv[0] absolute, note and hash the files among the arguments. What was granted to
 * the program before is withdrawn. */
int roster_spec_exec(struct roster_spec *s, const char *const *argv, size_t n, struct err *e);
/* exec: let the program read these directories, too. */
int roster_spec_read(struct roster_spec *s, const char *const *dirs, size_t n, struct err *e);
/* The same from a stored spec, whose directories need not be there any more. */
int roster_parse_reads(struct roster_spec *s, const struct json *reads, struct err *e);
/* Whether the directories are still what they were and may be read by a program: ERR_DATA if
 * one holds the race, a key, a home or what is the system's, or its path leads elsewhere. */
int roster_check_reads(struct db *db, const struct roster_spec *s, struct err *e);
/* Hash the files again; *${changed} if any differs or is gone. */
void roster_spec_rehash(struct roster_spec *s, bool *changed);
/* Canonical JSON, the caller's. */
char *roster_spec_text(const struct roster_spec *s);
/* What decides, on a line: for terminals, with control characters escaped. */
void roster_describe(const struct roster_spec *s, struct buf *b);
/* Its options, a line each; and a line "  name: value" of the same form, none for NULL. */
void roster_detail_options(const struct roster_spec *s, struct buf *b);
void roster_detail(struct buf *b, const char *name, const char *value);
/* A member of it as text (headers, body), the caller's; NULL for NULL. */
char *roster_spec_value(const struct json *v);
int roster_spec_parse(struct roster_spec *s, const char *text, struct err *e);

/*
 * Change an option of an llm or ml spec; ERR_DATA names what is wrong with a value. NULL or an
 * empty text takes the option away.
 */
int roster_llm_model(struct roster_spec *s, const char *model, struct err *e);
int roster_llm_fallbacks(struct roster_spec *s, const char *const *models, size_t n,
			 struct err *e);
int roster_llm_prompt(struct roster_spec *s, const char *text, size_t n, struct err *e);
int roster_llm_template(struct roster_spec *s, const char *text, size_t n, struct err *e);
int roster_llm_temperature(struct roster_spec *s, const char *text, struct err *e);
int roster_llm_max_tokens(struct roster_spec *s, int64_t tokens, struct err *e);
int roster_llm_timeout(struct roster_spec *s, int64_t seconds, struct err *e);
/* "Name: value" each; those that carry a key are refused. */
int roster_llm_headers(struct roster_spec *s, const char *const *lines, size_t n,
		       struct err *e);
int roster_llm_body(struct roster_spec *s, const char *text, struct err *e);
int roster_ml_url(struct roster_spec *s, const char *url, struct err *e);
int roster_ml_provider(struct roster_spec *s, const char *name, struct err *e);
/* ${path} as provider_key_abs gives it. */
int roster_ml_key(struct roster_spec *s, const char *path, struct err *e);

/*
 * Whether the services of a spec are there: ERR_NOTFOUND for an unknown one, ERR_DATA for one
 * of another kind and for a fallback that is another model (unless any_model), ERR_CONFIG for a
 * model without a price (D-11). Kinds without services are fine.
 */
int roster_check_services(struct db *db, const struct roster_spec *s, struct err *e);
/* Store ${price} for those models of a spec that have none or an operator's one; ERR_DATA if
 * there is no such model. In a transaction of the caller. */
int roster_store_price(struct db *db, const struct roster_spec *s,
		       const struct provider_price *price, int64_t at_ms, struct err *e);
/* The service of an ml agent: its provider, else one named ml.AGENT at its address. The caller
 * releases it. */
int roster_ml_service(struct db *db, const char *agent, const struct roster_spec *s,
		      struct provider *out, struct err *e);

/* ---- budgets: what an agent may spend on a UTC day, where it has one of its own */
int roster_budget(struct db *db, int64_t agent_id, int64_t *usd_day_e8, bool *found,
		  struct err *e);
/* In a transaction of the caller; -1 goes back to budget.agent_usd_day. */
int roster_set_budget(struct db *db, int64_t agent_id, int64_t usd_day_e8, struct err *e);

/* ---- what pages show of an agent's words; its books are always shown (J-10) */
enum roster_publish {
	ROSTER_PUBLISH_ALL,	  /* decisions with reasons, and what it was told */
	ROSTER_PUBLISH_REASONING, /* decisions with reasons; the default */
	ROSTER_PUBLISH_NONE	  /* only hashes */
};
const char *roster_publish_name(enum roster_publish p);
/* The one of that name; ERR_USAGE lists them. */
int roster_publish_parse(const char *name, enum roster_publish *p, struct err *e);
int roster_publish(struct db *db, int64_t agent_id, enum roster_publish *p, struct err *e);
/* In a transaction of the caller. */
int roster_set_publish(struct db *db, int64_t agent_id, enum roster_publish p, struct err *e);

/* ---- halts */
/* *${halted}, with name and reason of the first one in force (the caller's, may be NULL). */
int roster_halted(struct db *db, bool *halted, char **name, char **reason, struct err *e);
/* Halt or release under a name; repeating is no change (*${changed} false). */
int roster_halt(struct db *db, const char *name, bool halt, const char *reason, int64_t at_ms,
		bool *changed, struct err *e);

#endif
