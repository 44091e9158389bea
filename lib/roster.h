#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"
#include "json.h"
#include "strategy.h"

/*
 * Who and what takes part: assets with their feeds, agents with their versions, halts. The rows
 * are the wishes of the operator for the next window; a window itself runs under its pin.
 */

struct roster_feed {
	char *feed;  /* sim, csv, history */
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

enum roster_kind { ROSTER_RULE, ROSTER_EXEC, ROSTER_MANUAL };
enum roster_status { ROSTER_ACTIVE, ROSTER_PAUSED, ROSTER_RETIRED };

/* What an agent is made of; its canonical JSON is the version's identity. */
struct roster_spec {
	enum roster_kind kind;
	const struct strategy *strategy; /* rule */
	int64_t params[STRATEGY_PARAMS_MAX];
	char **argv; /* exec: argv[0] absolute; NULL-terminated */
	size_t n_argv;
	struct digest *files; /* per argument: of its bytes if it is a file */
	bool *is_file;
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
/* exec: make argv[0] absolute, note and hash the files among the arguments. */
int roster_spec_exec(struct roster_spec *s, const char *const *argv, size_t n, struct err *e);
/* Hash the files again; *${changed} if any differs or is gone. */
void roster_spec_rehash(struct roster_spec *s, bool *changed);
/* Canonical JSON, the caller's. */
char *roster_spec_text(const struct roster_spec *s);
int roster_spec_parse(struct roster_spec *s, const char *text, struct err *e);

/* ---- halts */
/* *${halted}, with name and reason of the first one in force (the caller's, may be NULL). */
int roster_halted(struct db *db, bool *halted, char **name, char **reason, struct err *e);
/* Halt or release under a name; repeating is no change (*${changed} false). */
int roster_halt(struct db *db, const char *name, bool halt, const char *reason, int64_t at_ms,
		bool *changed, struct err *e);

#endif
