/*
 * tr-provider says where models, market data and predictions come from: which services there
 * are, where they are, where their keys lie and what they cost. Well-known services are built
 * in and need only a key. A key is a file of its own: its path is stored, its content is never
 * read here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "decimal.h"
#include "ident.h"
#include "json.h"
#include "log.h"
#include "mem.h"
#include "probe.h"
#include "provider.h"

#include "banned.h"

static const char *kind, *base, *key_file, *key, *api_version;
static const char *input, *output, *cached;
static bool no_schema, schema, names_only, json, dry_run;
static int64_t parallel = -1, per_minute = -1, per_month = -1;

static const struct cli_opt options[] = {
	{ 'k', "kind", CLI_STRING, &kind, "KIND", "add: the API it speaks" },
	{ 'b', "base", CLI_STRING, &base, "URL", "add, set: where it is" },
	{ 0, "key-file", CLI_STRING, &key_file, "FILE", "add, set: the file with its key" },
	{ 'f', "file", CLI_STRING, &key, "FILE", "key: the file with its key" },
	{ 0, "api-version", CLI_STRING, &api_version, "VERSION",
	  "add, set: azure: version in the query" },
	{ 0, "no-schema", CLI_FLAG, &no_schema, NULL,
	  "add, set: do not ask it for structured output" },
	{ 0, "schema", CLI_FLAG, &schema, NULL, "add, set: ask it for structured output" },
	{ 0, "parallel", CLI_INT, &parallel, "N", "add, set: calls in flight; 0: no limit" },
	{ 0, "per-minute", CLI_INT, &per_minute, "N",
	  "add, set: calls in a minute; 0: no limit" },
	{ 0, "per-month", CLI_INT, &per_month, "N", "add, set: calls in a month; 0: no limit" },
	{ 'i', "input", CLI_STRING, &input, "USD", "price: of a million tokens of input" },
	{ 'o', "output", CLI_STRING, &output, "USD", "price: of a million tokens of output" },
	{ 'c', "cached", CLI_STRING, &cached, "USD",
	  "price: of a million tokens of cached input" },
	{ 0, "names", CLI_FLAG, &names_only, NULL, "list: only the names" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, show, test: print JSON" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "list", "", "all services" },
	{ "show", "NAME", "one service with the prices of its models" },
	{ "add", "NAME", "a new service" },
	{ "set", "NAME", "change a service" },
	{ "key", "NAME", "say where its key lies" },
	{ "price", "NAME/MODEL", "say what a model costs" },
	{ "remove", "NAME", "forget a service, or go back to the built-in one" },
	{ "test", "NAME [MODEL]", "ask it once for real, which may cost a little" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-provider",
				      "say where models, market data and predictions come from",
				      NULL, options, commands };

/* ------------------------------------------------------------------ changes */

static void replace(char **to, const char *text)
{
	free(*to);
	*to = text != NULL && *text != '\0' ? mem_strdup(text) : NULL;
}

static void set_base(struct provider *p, const char *text)
{
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '/')
		n--;
	free(p->base);
	p->base = mem_strndup(text, n);
}

static int set_key(struct provider *p, const char *file, struct err *e)
{
	char *path = NULL;

	if (*file != '\0') {
		path = provider_key_abs(file, e);
		if (path == NULL)
			return -1;
	}
	free(p->key_file);
	p->key_file = path;
	return 0;
}

/* The options that were given. */
static int apply(struct provider *p, struct err *e)
{
	if (base != NULL)
		set_base(p, base);
	if (key_file != NULL && set_key(p, key_file, e) != 0)
		return -1;
	if (api_version != NULL)
		replace(&p->api_version, api_version);
	if (no_schema || schema)
		p->json_schema = schema;
	if (parallel != -1)
		p->parallel = parallel;
	if (per_minute != -1)
		p->per_minute = per_minute;
	if (per_month != -1)
		p->per_month = per_month;
	return 0;
}

static int same_or_refuse(struct db *db, const struct provider *p, struct err *e)
{
	bool changed;

	if (provider_store(db, p, &changed, e) != 0)
		return -1;
	return changed ? err_set(e, ERR_DATA,
				 "provider %s: is there already and is different; use "
				 "tr-provider set",
				 p->name)
		       : 0;
}

static int make(struct provider *p, const char *name, struct err *e)
{
	if (ident_check_agent(name, e) != 0)
		return err_prefix(e, "provider");
	if (kind == NULL || base == NULL)
		return err_set(e, ERR_USAGE, "add: needs --kind and --base");
	if (provider_kind_find(kind, &p->kind, e) != 0)
		return -1;
	snprintf(p->name, sizeof p->name, "%s", name);
	p->json_schema = provider_is_model(p->kind);
	return apply(p, e);
}

/* Adding again is no change. The change that refusing would make is rolled back. */
static int add(struct db *db, const char *name, struct err *e)
{
	struct provider p = { 0 }, old = { 0 };
	struct err none = { 0 };
	bool changed;
	int r = -1;

	if (make(&p, name, e) != 0)
		goto out;
	if (provider_load(db, name, &old, &none) == 0)
		r = same_or_refuse(db, &p, e);
	else if (none.status == ERR_NOTFOUND)
		r = provider_store(db, &p, &changed, e);
	else
		*e = none;
out:
	provider_release(&old);
	provider_release(&p);
	return r;
}

static int set(struct db *db, const char *name, struct err *e)
{
	struct provider p = { 0 };
	bool changed;
	int r = -1;

	if (provider_load(db, name, &p, e) == 0 && apply(&p, e) == 0)
		r = provider_store(db, &p, &changed, e);
	provider_release(&p);
	return r;
}

static int set_key_file(struct db *db, const char *name, struct err *e)
{
	struct provider p = { 0 };
	bool changed;
	int r = -1;

	if (provider_load(db, name, &p, e) == 0 && set_key(&p, key, e) == 0)
		r = provider_store(db, &p, &changed, e);
	provider_release(&p);
	return r;
}

static int parse_usd(const char *option, const char *text, int64_t *out, struct err *e)
{
	if (decimal_parse(text, strlen(text), MONEY_SCALE, out, e) != 0)
		return err_prefix(e, "--%s", option);
	return 0;
}

static int set_price(struct db *db, const char *model, struct err *e)
{
	struct provider_price price = { 0 };
	char name[IDENT_AGENT_MAX + 1];
	struct provider p;
	const char *rest;
	int r = -1;

	if (provider_split(model, name, &rest, e) != 0 ||
	    parse_usd("input", input, &price.input, e) != 0 ||
	    parse_usd("output", output, &price.output, e) != 0 ||
	    parse_usd("cached", cached != NULL ? cached : input, &price.cached, e) != 0 ||
	    provider_load(db, name, &p, e) != 0)
		return -1;
	if (provider_is_model(p.kind))
		r = provider_price_store(db, name, rest, &price, cli_common.now_ms, e);
	else
		err_set(e, ERR_DATA, "provider %s: has no models", name);
	provider_release(&p);
	return r;
}

/* ------------------------------------------------------------------ lists */

static void write_price(struct json_writer *w, const char *model,
			const struct provider_price *p)
{
	json_write_object(w, NULL);
	json_write_string(w, "model", model);
	json_write_decimal(w, "input", p->input, MONEY_SCALE);
	json_write_decimal(w, "cached", p->cached, MONEY_SCALE);
	json_write_decimal(w, "output", p->output, MONEY_SCALE);
	json_write_string(w, "since", p->since);
	json_write_bool(w, "own", p->own);
	json_write_close(w);
}

static int each_price_json(void *ctx, const char *model, const struct provider_price *p,
			   struct err *e)
{
	(void)e;
	write_price(ctx, model, p);
	return 0;
}

/* ${db} NULL: without prices. */
static int print_json(struct db *db, const struct provider *p, struct err *e)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	int r = 0;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.provider/1");
	json_write_string(&w, "provider", p->name);
	json_write_string(&w, "kind", provider_kind_name(p->kind));
	json_write_string(&w, "base", p->base);
	json_write_string(&w, "key_file", p->key_file);
	json_write_bool(&w, "key_needed", p->key_needed);
	json_write_string(&w, "api_version", p->api_version);
	json_write_bool(&w, "local", p->local);
	json_write_bool(&w, "json_schema", p->json_schema);
	json_write_int(&w, "parallel", p->parallel);
	json_write_int(&w, "per_minute", p->per_minute);
	json_write_int(&w, "per_month", p->per_month);
	json_write_bool(&w, "builtin", p->builtin);
	if (db != NULL) {
		json_write_array(&w, "prices");
		r = provider_price_list(db, p->name, each_price_json, &w, e);
		json_write_close(&w);
	}
	json_write_close(&w);
	json_write_end(&w);
	if (r == 0)
		cli_out(buf_str(&b), b.len);
	buf_release(&b);
	return r;
}

/* Where the key stands, without looking into it. */
static const char *key_state(const struct provider *p)
{
	struct err problem = { 0 };
	char *path = NULL;
	const char *state = p->key_needed ? "no key" : "-";

	if (p->key_file != NULL)
		state = provider_key_path(p, &path, &problem) == 0 ? "key" : "key?";
	free(path);
	return state;
}

static void print_text(const struct provider *p)
{
	cli_outf("%-12s %-9s %-6s %s%s\n", p->name, provider_kind_name(p->kind), key_state(p),
		 p->base, p->builtin ? "" : "  (set)");
}

static int print_one(void *ctx, const struct provider *p, struct err *e)
{
	(void)ctx;
	if (json)
		return print_json(NULL, p, e);
	if (names_only)
		cli_outf("%s\n", p->name);
	else
		print_text(p);
	return 0;
}

static void print_limit(const char *name, int64_t v)
{
	if (v > 0)
		cli_outf("  %s: %lld\n", name, (long long)v);
}

static int each_price(void *ctx, const char *model, const struct provider_price *p,
		      struct err *e)
{
	char in[DECIMAL_TEXT_MAX], hit[DECIMAL_TEXT_MAX], out[DECIMAL_TEXT_MAX];
	bool *title = ctx;

	(void)e;
	if (!*title)
		cli_outf("  USD per million tokens: input, cached, output, since\n");
	*title = true;
	cli_outf(
		"  %-32s %8s %8s %8s  %s%s\n", model, decimal_format(p->input, MONEY_SCALE, in),
		decimal_format(p->cached, MONEY_SCALE, hit),
		decimal_format(p->output, MONEY_SCALE, out), p->since, p->own ? "  (set)" : "");
	return 0;
}

static int print_all(struct db *db, const struct provider *p, struct err *e)
{
	struct err problem = { 0 };
	bool title = false;
	char *path = NULL;

	print_text(p);
	if (p->key_file != NULL)
		cli_outf("  key_file: %s\n", p->key_file);
	if (p->key_file != NULL && provider_key_path(p, &path, &problem) != 0)
		cli_outf("  problem: %s\n", problem.text);
	free(path);
	if (p->api_version != NULL)
		cli_outf("  api_version: %s\n", p->api_version);
	if (provider_is_model(p->kind))
		cli_outf("  structured output: %s\n", p->json_schema ? "yes" : "no");
	print_limit("parallel", p->parallel);
	print_limit("per_minute", p->per_minute);
	print_limit("per_month", p->per_month);
	if (p->local && provider_is_model(p->kind))
		cli_outf("  costs nothing: it is on this machine\n");
	return provider_price_list(db, p->name, each_price, &title, e);
}

static int show(struct db *db, const char *name, struct err *e)
{
	struct provider p;
	int r;

	if (provider_load(db, name, &p, e) != 0)
		return -1;
	r = json ? print_json(db, &p, e) : print_all(db, &p, e);
	provider_release(&p);
	return r;
}

/* ------------------------------------------------------------------ test */

static const char *outcome(const struct probe *t)
{
	static const char *const ends[] = { [REMOTE_FAILED] = "failed",
					    [REMOTE_TIMEOUT] = "timeout",
					    [REMOTE_REFUSED] = "not asked",
					    [REMOTE_BUDGET] = "over budget",
					    [REMOTE_LIMBO] = "stopped" };

	return t->end == REMOTE_ANSWERED || t->end == REMOTE_FAILED ? model_class_name(t->class)
								    : ends[t->end];
}

/* What asking again can change is temporary. */
static int test_status(const struct probe *t)
{
	if (t->end == REMOTE_ANSWERED)
		return 0;
	if (t->end == REMOTE_FAILED && t->class != MODEL_RETRY)
		return ERR_REMOTE;
	return ERR_TEMP;
}

static void test_json(const struct probe *t)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.test/1");
	json_write_string(&w, "provider", t->provider->name);
	json_write_string(&w, "model", t->model);
	json_write_string(&w, "outcome", outcome(t));
	json_write_int(&w, "latency_ms", t->latency_ms);
	json_write_string(&w, "returned", t->returned);
	if (t->has_usage) {
		json_write_int(&w, "input", t->input);
		json_write_int(&w, "output", t->output);
	} else {
		json_write_null(&w, "input");
		json_write_null(&w, "output");
	}
	json_write_decimal(&w, "cost", t->cost, MONEY_SCALE);
	json_write_string(&w, "error", t->error);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void test_text(const struct probe *t)
{
	char cost[DECIMAL_TEXT_MAX];

	cli_outf("%s%s%s: %s, %lld ms", t->provider->name, t->model[0] != '\0' ? "/" : "",
		 t->model, outcome(t), (long long)t->latency_ms);
	if (t->returned != NULL)
		cli_outf(", %s %s", provider_is_model(t->provider->kind) ? "by" : "price",
			 t->returned);
	if (t->has_usage)
		cli_outf(", %lld tokens in, %lld out", (long long)t->input,
			 (long long)t->output);
	if (provider_is_model(t->provider->kind))
		cli_outf(", %s USD", decimal_format(t->cost, MONEY_SCALE, cost));
	cli_outf("%s%s\n", t->error != NULL ? ": " : "", t->error != NULL ? t->error : "");
}

/* Said before, since it cannot be taken back. */
static void test_warn(const struct probe *t)
{
	char worst[DECIMAL_TEXT_MAX];

	if (t->worst > 0)
		log_msg(LOG_WARN, "asking %s/%s, which may cost up to %s USD",
			t->provider->name, t->model,
			decimal_format(t->worst, MONEY_SCALE, worst));
}

static int test(struct db *db, const char *name, const char *model, int *status, struct err *e)
{
	struct provider p = { 0 };
	struct probe t = { 0 };
	struct config c;
	int r = -1;

	config_init(&c);
	if (provider_load(db, name, &p, e) != 0 || config_load(db, &c, e) != 0 ||
	    config_environment(&c, e) != 0 || probe_prepare(db, &p, model, &t, e) != 0)
		goto out;
	test_warn(&t);
	r = probe_run(db, &c, &t, &cli_stop, e);
	if (r != 0)
		goto out;
	*status = test_status(&t);
	if (json)
		test_json(&t);
	else
		test_text(&t);
out:
	probe_release(&t);
	provider_release(&p);
	config_release(&c);
	return r;
}

/* ------------------------------------------------------------------ the tool */

static int change(struct db *db, const char *command, const char *name, struct err *e)
{
	if (strcmp(command, "add") == 0)
		return add(db, name, e);
	if (strcmp(command, "set") == 0)
		return set(db, name, e);
	if (strcmp(command, "key") == 0)
		return set_key_file(db, name, e);
	if (strcmp(command, "price") == 0)
		return set_price(db, name, e);
	return provider_remove(db, name, e);
}

static int run(struct db *db, const char *command, const struct cli_args *args, int *status,
	       struct err *e)
{
	const char *name = args->n > 1 ? args->operands[1] : NULL;

	if (strcmp(command, "list") == 0)
		return provider_list(db, print_one, NULL, e);
	if (strcmp(command, "show") == 0)
		return show(db, name, e);
	if (strcmp(command, "test") == 0)
		return test(db, name, args->n > 2 ? args->operands[2] : NULL, status, e);
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, change(db, command, name, e), e);
}

/* Options that a command would ignore are mistakes. */
static void check_options(const char *command)
{
	bool adds = strcmp(command, "add") == 0;
	bool makes = adds || strcmp(command, "set") == 0;
	bool prices = strcmp(command, "price") == 0;

	if (kind != NULL && !adds)
		cli_usage("%s: has no --kind", command);
	if (!makes && (base || key_file || api_version || no_schema || schema ||
		       parallel != -1 || per_minute != -1 || per_month != -1))
		cli_usage("%s: has no options of a service", command);
	if (dry_run && strcmp(command, "test") == 0)
		cli_usage("test: asks for real or not at all");
	if (no_schema && schema)
		cli_usage("--schema and --no-schema contradict each other");
	if ((key != NULL) != (strcmp(command, "key") == 0))
		cli_usage("%s: %s --file", command, key != NULL ? "has no" : "needs");
	if (!prices && (input || output || cached))
		cli_usage("%s: has no price", command);
	if (prices && (input == NULL || output == NULL))
		cli_usage("price: needs --input and --output");
}

static const struct cli_command *find_command(const char *name, const struct cli_args *args)
{
	const struct cli_command *c = commands;

	while (c->name != NULL && strcmp(c->name, name) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", name);
	/* without operands it is list */
	if ((args->n > 0 ? args->n : 1) != (c->args[0] != '\0' ? 2 : 1) &&
	    !(args->n == 3 && strchr(c->args, '[') != NULL))
		cli_usage("%s: wrong number of operands", c->name);
	if (args->has_rest)
		cli_usage("%s: wrong number of operands", c->name);
	return c;
}

int main(int argc, char **argv)
{
	const struct cli_command *c;
	struct cli_args args;
	struct err e = { 0 };
	int r = -1, status = 0;
	struct db *db;

	cli_start(&tool, argc, argv, &args);
	c = find_command(args.n > 0 ? args.operands[0] : "list", &args);
	check_options(c->name);
	cli_catch_stop();
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = run(db, c->name, &args, &status, &e);
	db_close(db);
	return cli_end(r == 0 ? status : cli_fail(&e));
}
