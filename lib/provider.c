#include "provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#include "banned.h"

#define NAMES_MAX 256
#define LIMIT_MAX INT64_C(1000000000)
#define VERSION_MAX 64

/* The order of the columns is that of read_row. */
static const char sql_load[] =
	"SELECT name, kind, base, key_file, api_version, json_schema, parallel, per_minute, "
	"per_month, version FROM providers WHERE name = :name";
/* scan: a list shows everything */
static const char sql_list[] =
	"SELECT name, kind, base, key_file, api_version, json_schema, parallel, per_minute, "
	"per_month, version FROM providers ORDER BY name";
static const char sql_store[] =
	"INSERT INTO providers (name, kind, base, key_file, api_version, json_schema, "
	"parallel, "
	"per_minute, per_month, version) VALUES (:name, :kind, :base, :key_file, :api_version, "
	":json_schema, :parallel, :per_minute, :per_month, 1) "
	"ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, base = excluded.base, "
	"key_file = excluded.key_file, api_version = excluded.api_version, "
	"json_schema = excluded.json_schema, parallel = excluded.parallel, "
	"per_minute = excluded.per_minute, per_month = excluded.per_month, "
	"version = version + 1";
static const char sql_remove[] = "DELETE FROM providers WHERE name = :name";
static const char sql_remove_prices[] = "DELETE FROM model_prices WHERE provider = :name";
/* scan: only on removal */
static const char sql_users[] =
	"SELECT a.name, v.spec FROM agents AS a JOIN agent_versions AS v ON v.agent_id = a.id "
	"AND v.version = a.version WHERE a.kind IN ('llm', 'ml') AND a.status <> 'retired' "
	"ORDER BY a.name";

static const char *const provider_kinds[PROVIDER_KINDS] = {
	"openai",  "azure",  "anthropic", "gemini",    "predict",
	"binance", "kraken", "coinbase",  "coingecko",
};

struct builtin {
	const char *name;
	enum provider_kind kind;
	const char *base;
	bool key_needed, max_completion_tokens, json_schema;
	int64_t per_minute, per_month;
};

/* In order of name. Structured output is not asked of groq, which refuses it for most models.
 */
static const struct builtin builtins[] = {
	{ "anthropic", PROVIDER_ANTHROPIC, "https://api.anthropic.com/v1", true, false, true, 0,
	  0 },
	{ "binance", PROVIDER_BINANCE, "https://data-api.binance.vision", false, false, false,
	  1000, 0 },
	{ "coinbase", PROVIDER_COINBASE, "https://api.exchange.coinbase.com", false, false,
	  false, 600, 0 },
	{ "coingecko", PROVIDER_COINGECKO, "https://api.coingecko.com/api/v3", false, false,
	  false, 30, 10000 },
	{ "gemini", PROVIDER_GEMINI, "https://generativelanguage.googleapis.com/v1beta", true,
	  false, true, 0, 0 },
	{ "groq", PROVIDER_OPENAI, "https://api.groq.com/openai/v1", true, true, false, 0, 0 },
	{ "kraken", PROVIDER_KRAKEN, "https://api.kraken.com", false, false, false, 60, 0 },
	{ "llamacpp", PROVIDER_OPENAI, "http://127.0.0.1:8080/v1", false, false, true, 0, 0 },
	{ "ollama", PROVIDER_OPENAI, "http://127.0.0.1:11434/v1", false, false, true, 0, 0 },
	{ "openai", PROVIDER_OPENAI, "https://api.openai.com/v1", true, true, true, 0, 0 },
	{ "openrouter", PROVIDER_OPENAI, "https://openrouter.ai/api/v1", true, false, true, 0,
	  0 },
	{ "vllm", PROVIDER_OPENAI, "http://127.0.0.1:8000/v1", false, false, true, 0, 0 },
};
#define BUILTINS (sizeof builtins / sizeof builtins[0])

/* ------------------------------------------------------------------ kinds */

const char *provider_kind_name(enum provider_kind k)
{
	return provider_kinds[k];
}

int provider_kind_find(const char *name, enum provider_kind *k, struct err *e)
{
	for (int i = 0; i < PROVIDER_KINDS; i++)
		if (strcmp(provider_kinds[i], name) == 0) {
			*k = (enum provider_kind)i;
			return 0;
		}
	return err_set(e, ERR_USAGE,
		       "the kind of a provider is openai, azure, anthropic, gemini, predict, "
		       "binance, kraken, coinbase or coingecko, not %.40s",
		       name);
}

bool provider_is_model(enum provider_kind k)
{
	return k <= PROVIDER_GEMINI;
}

bool provider_is_data(enum provider_kind k)
{
	return k >= PROVIDER_BINANCE;
}

/* ------------------------------------------------------------------ loading */

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

/* OpenAI's own hosts, those of regions too: their newer models refuse max_tokens. */
static bool is_openai(const char *base)
{
	static const char host[] = "api.openai.com";
	const char *at = strstr(base, "://");
	size_t n;

	at = at != NULL ? at + 3 : base;
	n = strcspn(at, ":/");
	if (n < sizeof host - 1)
		return false;
	at += n - (sizeof host - 1);
	return strncasecmp(at, host, sizeof host - 1) == 0 &&
	       (n == sizeof host - 1 || at[-1] == '.');
}

/* What follows from name, kind and base. */
static void derive(struct provider *p)
{
	const struct builtin *b = find_builtin(p->name);
	struct err ignored = { 0 };

	if (provider_check_base(p->base, &p->local, &ignored) != 0)
		p->local = false;
	if (b != NULL) {
		p->key_needed = b->key_needed && !p->local;
		p->max_completion_tokens = b->max_completion_tokens;
		return;
	}
	p->max_completion_tokens =
		p->kind == PROVIDER_AZURE || (p->kind == PROVIDER_OPENAI && is_openai(p->base));
	p->key_needed =
		!p->local && (p->kind == PROVIDER_AZURE || p->kind == PROVIDER_ANTHROPIC ||
			      p->kind == PROVIDER_GEMINI);
}

static void load_builtin(const struct builtin *b, struct provider *p)
{
	*p = (struct provider){ .kind = b->kind,
				.base = mem_strdup(b->base),
				.json_schema = b->json_schema,
				.per_minute = b->per_minute,
				.per_month = b->per_month,
				.builtin = true };
	snprintf(p->name, sizeof p->name, "%s", b->name);
	derive(p);
}

static int read_row(struct sql_stmt *s, struct provider *p, struct err *e)
{
	*p = (struct provider){ .json_schema = sql_col_int(s, 5) != 0,
				.parallel = sql_col_int(s, 6),
				.per_minute = sql_col_int(s, 7),
				.per_month = sql_col_int(s, 8),
				.version = sql_col_int(s, 9) };
	snprintf(p->name, sizeof p->name, "%s", sql_col_text(s, 0));
	if (provider_kind_find(sql_col_text(s, 1), &p->kind, e) != 0) {
		/* a row that no tool of ours wrote */
		e->status = ERR_INTERNAL;
		return err_prefix(e, "provider %s", p->name);
	}
	p->base = mem_strdup(sql_col_text(s, 2));
	p->key_file = mem_strdup(sql_col_text(s, 3));
	p->api_version = mem_strdup(sql_col_text(s, 4));
	derive(p);
	return 0;
}

void provider_release(struct provider *p)
{
	free(p->base);
	free(p->key_file);
	free(p->api_version);
	*p = (struct provider){ 0 };
}

/* Names for a suggestion; the rest of very many is not looked at. */
struct names {
	const char *items[NAMES_MAX + 1];
	size_t n;
};

static int add_name(void *ctx, const struct provider *p, struct err *e)
{
	struct names *names = ctx;

	(void)e;
	if (names->n < NAMES_MAX)
		names->items[names->n++] = mem_strdup(p->name);
	return 0;
}

static int no_provider(struct db *db, const char *name, struct err *e)
{
	struct names names = { 0 };
	const char *near = NULL;

	if (provider_list(db, add_name, &names, e) == 0) {
		near = ident_nearest(name, names.items);
		err_set(e, ERR_NOTFOUND, "provider %.64s: no such provider%s%s%s", name,
			near != NULL ? "; did you mean " : "", near != NULL ? near : "",
			near != NULL ? "?" : "; tr-provider list shows them");
	}
	for (size_t i = 0; i < names.n; i++)
		free((char *)names.items[i]);
	return -1;
}

/* *${found} whether there is one at all. */
static int load(struct db *db, const char *name, struct provider *p, bool *found, struct err *e)
{
	const struct builtin *b = find_builtin(name);
	struct sql_stmt *s = db_get(db, sql_load);
	int r;

	*p = (struct provider){ 0 };
	sql_text(s, ":name", name);
	r = sql_row(s, e);
	*found = r == 1 || b != NULL;
	if (r == 1) {
		r = read_row(s, p, e);
		sql_reset(s);
		if (r != 0)
			provider_release(p);
	} else if (r == 0 && b != NULL) {
		load_builtin(b, p);
	}
	return r;
}

int provider_load(struct db *db, const char *name, struct provider *p, struct err *e)
{
	bool found;

	if (load(db, name, p, &found, e) != 0)
		return -1;
	return found ? 0 : no_provider(db, name, e);
}

/* The built-in ones before ${name}; without it, the rest. */
static int list_builtins(size_t *next, const char *name, provider_list_fn *each, void *ctx,
			 struct err *e)
{
	int r = 0;

	while (r == 0 && *next < BUILTINS &&
	       (name == NULL || strcmp(builtins[*next].name, name) < 0)) {
		struct provider p;

		load_builtin(&builtins[(*next)++], &p);
		r = each(ctx, &p, e);
		provider_release(&p);
	}
	/* a row stands for the built-in one of its name */
	if (name != NULL && *next < BUILTINS && strcmp(builtins[*next].name, name) == 0)
		(*next)++;
	return r;
}

int provider_list(struct db *db, provider_list_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_list);
	size_t next = 0;
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct provider p;
		int rc = read_row(s, &p, e);

		if (rc == 0)
			rc = list_builtins(&next, p.name, each, ctx, e);
		if (rc == 0)
			rc = each(ctx, &p, e);
		provider_release(&p);
		if (rc != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r < 0 ? -1 : list_builtins(&next, NULL, each, ctx, e);
}

/* ------------------------------------------------------------------ storing */

static int check_limit(const struct provider *p, const char *what, int64_t v, struct err *e)
{
	if (v >= 0 && v <= LIMIT_MAX)
		return 0;
	return err_set(e, ERR_DATA, "provider %s: %s must be 0 (no limit) to %lld", p->name,
		       what, (long long)LIMIT_MAX);
}

static int check_key_name(const struct provider *p, struct err *e)
{
	if (p->key_file == NULL || p->key_file[0] == '/' ||
	    strncmp(p->key_file, "credential:", 11) == 0)
		return 0;
	return err_set(e, ERR_DATA, "provider %s: the path of a key file must be absolute",
		       p->name);
}

static int check_api_version(const struct provider *p, struct err *e)
{
	const char *v = p->api_version;

	if (v == NULL)
		return 0;
	if (p->kind != PROVIDER_AZURE)
		return err_set(e, ERR_DATA, "provider %s: only azure has an API version",
			       p->name);
	if (*v == '\0' || strlen(v) > VERSION_MAX ||
	    strspn(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") !=
		    strlen(v))
		return err_set(
			e, ERR_DATA,
			"provider %s: an API version is letters, digits, '.' and '-', as "
			"2024-10-21",
			p->name);
	return 0;
}

static int check(const struct provider *p, struct err *e)
{
	const struct builtin *b = find_builtin(p->name);
	bool local;

	if (ident_check_agent(p->name, e) != 0)
		return err_prefix(e, "provider");
	if (b != NULL && b->kind != p->kind)
		return err_set(e, ERR_DATA, "provider %s: is built in as kind %s", p->name,
			       provider_kinds[b->kind]);
	if (provider_check_base(p->base, &local, e) != 0)
		return err_prefix(e, "provider %s", p->name);
	return check_key_name(p, e) != 0 || check_api_version(p, e) != 0 ||
			       check_limit(p, "parallel", p->parallel, e) != 0 ||
			       check_limit(p, "per minute", p->per_minute, e) != 0 ||
			       check_limit(p, "per month", p->per_month, e) != 0
		       ? -1
		       : 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same(const struct provider *a, const struct provider *b)
{
	return a->kind == b->kind && same_text(a->base, b->base) &&
	       same_text(a->key_file, b->key_file) &&
	       same_text(a->api_version, b->api_version) && a->json_schema == b->json_schema &&
	       a->parallel == b->parallel && a->per_minute == b->per_minute &&
	       a->per_month == b->per_month;
}

static int write_row(struct db *db, const struct provider *p, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_store);

	sql_text(s, ":name", p->name);
	sql_text(s, ":kind", provider_kinds[p->kind]);
	sql_text(s, ":base", p->base);
	sql_text(s, ":key_file", p->key_file);
	sql_text(s, ":api_version", p->api_version);
	sql_int(s, ":json_schema", p->json_schema);
	sql_int(s, ":parallel", p->parallel);
	sql_int(s, ":per_minute", p->per_minute);
	sql_int(s, ":per_month", p->per_month);
	return sql_exec(s, e);
}

int provider_store(struct db *db, const struct provider *p, bool *changed, struct err *e)
{
	struct provider old;
	bool found;

	*changed = false;
	if (check(p, e) != 0 || load(db, p->name, &old, &found, e) != 0)
		return -1;
	*changed = !found || !same(&old, p);
	if (found && p->version != 0 && p->version != old.version)
		err_set(e, ERR_TEMP, "provider %s: somebody else has changed it", p->name);
	provider_release(&old);
	if (e->status != 0)
		return -1;
	if (!*changed)
		return 0;
	if (write_row(db, p, e) != 0)
		return -1;
	return guard_provider_changed(db, p->name, e);
}

/* Whether the spec of an agent, as roster writes it, names the provider. */
static bool spec_uses(const struct json *spec, const char *name)
{
	const char *own = json_text(json_get(spec, "provider"));
	size_t n = strlen(name);

	if (own != NULL && strcmp(own, name) == 0)
		return true;
	for (const struct json *m = json_first(json_get(spec, "candidates")); m != NULL;
	     m = json_next(m))
		if (json_text(m) != NULL && strncmp(json_text(m), name, n) == 0 &&
		    json_text(m)[n] == '/')
			return true;
	return false;
}

static int check_unused(struct db *db, const char *name, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_users);
	bool used = false;
	int r;

	while (!used && (r = sql_row(s, e)) == 1) {
		const char *text = sql_col_text(s, 1);
		struct json *spec = json_parse(text, strlen(text), e);

		used = spec != NULL && spec_uses(spec, name);
		if (used)
			err_set(e, ERR_DATA, "provider %s: agent %s needs it", name,
				sql_col_text(s, 0));
		r = spec == NULL ? -1 : 0;
		json_free(spec);
		if (r != 0)
			break;
	}
	sql_reset(s);
	return used || e->status != 0 ? -1 : 0;
}

static int run_for(struct db *db, const char *sql, const char *name, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql);

	sql_text(s, ":name", name);
	return sql_exec(s, e);
}

/* Feeds name kinds, and a provider of that name is always there: only agents can be left
 * without. */
int provider_remove(struct db *db, const char *name, struct err *e)
{
	bool builtin = find_builtin(name) != NULL;
	struct provider old;

	if (provider_load(db, name, &old, e) != 0)
		return -1;
	provider_release(&old);
	if (!builtin &&
	    (check_unused(db, name, e) != 0 || run_for(db, sql_remove_prices, name, e) != 0))
		return -1;
	if (run_for(db, sql_remove, name, e) != 0)
		return -1;
	return sql_changes(db_sql(db)) > 0 ? guard_provider_changed(db, name, e) : 0;
}

/* ------------------------------------------------------------------ models and services */

int provider_split(const char *model, char provider[IDENT_AGENT_MAX + 1], const char **rest,
		   struct err *e)
{
	const char *slash = strchr(model, '/');
	size_t n = slash != NULL ? (size_t)(slash - model) : 0;

	if (slash == NULL || n == 0 || n > IDENT_AGENT_MAX || slash[1] == '\0')
		return err_set(
			e, ERR_USAGE,
			"a model is PROVIDER/MODEL, such as openai/gpt-4o-mini, not %.80s",
			model);
	if (strlen(slash + 1) > PROVIDER_MODEL_MAX)
		return err_set(e, ERR_USAGE, "the name of a model is at most %d bytes",
			       PROVIDER_MODEL_MAX);
	for (const char *p = model; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(e, ERR_USAGE,
				       "the name of a model has no blanks and only ASCII");
	memcpy(provider, model, n);
	provider[n] = '\0';
	*rest = slash + 1;
	return 0;
}

void provider_service(const struct provider *p, const char *op, char out[GUARD_SERVICE_MAX])
{
	bool whole = op == NULL || *op == '\0';

	snprintf(out, GUARD_SERVICE_MAX, "%s%s%s", p->name, whole ? "" : ":", whole ? "" : op);
}

void provider_policy(const struct provider *p, const struct config *c, struct guard_policy *out)
{
	enum guard_kind kind = provider_is_model(p->kind)  ? GUARD_LLM
			       : provider_is_data(p->kind) ? GUARD_DATA
							   : GUARD_ML;

	guard_policy(c, kind, out);
	out->parallel = p->parallel;
	out->per_minute = p->per_minute;
	out->per_month = p->per_month;
}
