/*
 * tr-agent says who takes part. An agent is a rule with parameters, a program, a language
 * model, an ML service, or a person. What it is made of is a version; a change opens a new one
 * from the next window on, and the bytes of a program and the text of a prompt are part of it.
 * Paused and retired agents keep their books and stay on the board.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "decimal.h"
#include "ident.h"
#include "mem.h"
#include "race.h"
#include "roster.h"

#include "banned.h"

#define NAME_WIDTH 16 /* at least, in a list */

static const char *kind, *strategy;
static struct cli_list sets, reads;
static bool network, unconfined;
static const char *model, *prompt, *template, *temperature, *body, *price, *budget;
static struct cli_list fallbacks, headers;
static bool any_model;
static int64_t max_tokens = -1, timeout_s = -1;
static const char *url, *provider, *key_file;
static const char *publish;
static bool names_only, json, dry_run;

static const struct cli_opt options[] = {
	{ 'k', "kind", CLI_STRING, &kind, "rule|exec|llm|ml|manual", "add: what decides" },
	{ 's', "strategy", CLI_STRING, &strategy, "STRATEGY", "rule: the one to follow" },
	{ 'S', "set", CLI_LIST, &sets, "KEY=VALUE", "rule: a parameter; may be repeated" },
	{ 0, "network", CLI_FLAG, &network, NULL, "exec: grant it the network" },
	{ 0, "read", CLI_LIST, &reads, "DIR", "exec: let it read DIR; may be repeated" },
	{ 0, "unconfined", CLI_FLAG, &unconfined, NULL, "exec: run it outside the jail" },
	{ 'm', "model", CLI_STRING, &model, "PROVIDER/MODEL", "llm: the model to ask" },
	{ 'f', "fallback", CLI_LIST, &fallbacks, "PROVIDER/MODEL",
	  "llm: where else to ask; may be repeated" },
	{ 0, "any-model", CLI_FLAG, &any_model, NULL, "llm: fallbacks may be other models" },
	{ 'p', "prompt", CLI_STRING, &prompt, "FILE", "llm: its instructions" },
	{ 0, "template", CLI_STRING, &template, "FILE",
	  "llm: what the prompt is made from, instead of the built-in one" },
	{ 0, "temperature", CLI_STRING, &temperature, "NUMBER", "llm: 0 to 2" },
	{ 0, "max-tokens", CLI_INT, &max_tokens, "N",
	  "llm: longest answer, reasoning included" },
	{ 0, "timeout", CLI_INT, &timeout_s, "SECONDS", "llm: for one attempt" },
	{ 0, "header", CLI_LIST, &headers, "NAME:VALUE",
	  "llm: a further header of its requests; may be repeated" },
	{ 0, "body-json", CLI_STRING, &body, "OBJECT",
	  "llm: further members of the body of its requests" },
	{ 0, "price", CLI_STRING, &price, "IN/OUT",
	  "llm: USD per million tokens of a model that has no price" },
	{ 0, "budget-usd-day", CLI_STRING, &budget, "USD",
	  "llm: what it may spend on a UTC day" },
	{ 'u', "url", CLI_STRING, &url, "URL", "ml: address of the service" },
	{ 0, "provider", CLI_STRING, &provider, "PROVIDER", "ml: the service, as a provider" },
	{ 0, "key-file", CLI_STRING, &key_file, "FILE", "ml: file with the key for --url" },
	{ 0, "publish", CLI_STRING, &publish, "all|reasoning|none",
	  "what pages show of its words (reasoning)" },
	{ 0, "names", CLI_FLAG, &names_only, NULL, "list: only the names" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, show: print JSON" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "add", "NAME [-- PROG ARG...]", "let an agent take part" },
	{ "set", "NAME [KEY=VALUE]... [-- PROG ARG...]", "change what it is made of" },
	{ "list", "", "all agents" },
	{ "show", "NAME", "one agent with its parameters" },
	{ "pause", "NAME", "ask it no more until resumed" },
	{ "resume", "NAME", "ask it again" },
	{ "retire", "NAME", "ask it no more, for good" },
	{ "strategies", "", "all rules with their parameters" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-agent", "say who takes part", NULL, options,
				      commands };

static int set_one(struct roster_spec *s, const char *pair, struct err *e)
{
	const char *eq = strchr(pair, '=');
	char *name;
	int r;

	if (eq == NULL)
		return err_set(e, ERR_USAGE, "\"%.64s\" is not KEY=VALUE", pair);
	name = mem_strndup(pair, (size_t)(eq - pair));
	r = strategy_set(s->strategy, s->params, name, eq + 1, e);
	free(name);
	return r;
}

/* Parameters from --set and from operands after the name. */
static int set_params(struct roster_spec *s, const struct cli_args *args, struct err *e)
{
	for (size_t i = 0; i < sets.n; i++)
		if (set_one(s, sets.items[i], e) != 0)
			return -1;
	for (size_t i = 2; i < args->n; i++)
		if (set_one(s, args->operands[i], e) != 0)
			return -1;
	return strategy_check(s->strategy, s->params, e);
}

static int find_strategy(struct roster_spec *s, struct err *e)
{
	const char *names[64];
	const char *near;
	size_t n = 0;

	s->strategy = strategy_find(strategy);
	if (s->strategy != NULL) {
		strategy_defaults(s->strategy, s->params);
		return 0;
	}
	for (const struct strategy *t = strategy_table; t->name != NULL && n < 63; t++)
		names[n++] = t->name;
	names[n] = NULL;
	near = ident_nearest(strategy, names);
	return err_set(
		e, ERR_DATA, "strategy %.40s: no such rule%s%s; tr-agent strategies lists them",
		strategy, near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

static int make_rule(struct roster_spec *s, const struct cli_args *args, struct err *e)
{
	if (strategy != NULL && find_strategy(s, e) != 0)
		return -1;
	if (s->strategy == NULL)
		return err_set(e, ERR_USAGE, "a rule agent needs --strategy");
	return set_params(s, args, e);
}

/* What is granted goes with the program it was granted to. */
static int make_exec(struct roster_spec *s, const struct cli_args *args, struct err *e)
{
	bool kept = network || unconfined || reads.n > 0 || publish != NULL;

	if ((args->has_rest || !kept || s->n_argv == 0) &&
	    roster_spec_exec(s, args->rest, args->n_rest, e) != 0)
		return -1;
	s->network |= network;
	s->unconfined |= unconfined;
	if (roster_spec_read(s, reads.items, reads.n, e) != 0)
		return -1;
	if (s->unconfined && s->n_reads > 0)
		return err_set(e, ERR_USAGE, "--unconfined leaves nothing to --read");
	return 0;
}

/* One byte more than is allowed is enough to be refused. */
static int read_file(const char *path, struct buf *out, struct err *e)
{
	char block[8192];
	size_t n;
	FILE *f;

	if (*path == '\0')
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "%.200s", path);
	while (out->len <= ROSTER_TEXT_MAX && (n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(out, block, n);
	if (ferror(f))
		err_sys(e, ERR_IO, "%.200s", path);
	fclose(f);
	if (e->status == 0 && out->len == 0)
		err_set(e, ERR_DATA, "%.200s: is empty", path);
	return e->status == 0 ? 0 : -1;
}

static int set_text(struct roster_spec *s, const char *path,
		    int (*setter)(struct roster_spec *, const char *, size_t, struct err *),
		    struct err *e)
{
	struct buf text = BUF_INIT;
	int r = 0;

	if (path != NULL) {
		r = read_file(path, &text, e);
		if (r == 0 && setter(s, buf_str(&text), text.len, e) != 0)
			r = err_prefix(e, "%.200s", path);
	}
	buf_release(&text);
	return r;
}

static int set_models(struct roster_spec *s, struct err *e)
{
	if (model != NULL && roster_llm_model(s, model, e) != 0)
		return -1;
	if (s->llm.n_candidates == 0)
		return err_set(e, ERR_USAGE, "an llm agent needs --model");
	/* consent is to the models it was given for */
	if (model != NULL || fallbacks.n > 0)
		s->llm.any_model = false;
	s->llm.any_model |= any_model;
	return fallbacks.n > 0 ? roster_llm_fallbacks(s, fallbacks.items, fallbacks.n, e) : 0;
}

static int make_llm(struct roster_spec *s, struct err *e)
{
	if (set_models(s, e) != 0 || set_text(s, prompt, roster_llm_prompt, e) != 0 ||
	    set_text(s, template, roster_llm_template, e) != 0)
		return -1;
	if (temperature != NULL && roster_llm_temperature(s, temperature, e) != 0)
		return -1;
	if (max_tokens != -1 && roster_llm_max_tokens(s, max_tokens, e) != 0)
		return -1;
	if (timeout_s != -1 && roster_llm_timeout(s, timeout_s, e) != 0)
		return -1;
	if (headers.n > 0 && roster_llm_headers(s, headers.items, headers.n, e) != 0)
		return -1;
	return body != NULL ? roster_llm_body(s, body, e) : 0;
}

static int make_ml(struct roster_spec *s, struct err *e)
{
	char *path = NULL;
	int r = -1;

	if (url != NULL && provider != NULL)
		return err_set(e, ERR_USAGE, "an ml agent has --url or --provider, not both");
	if (url != NULL && roster_ml_url(s, url, e) != 0)
		return -1;
	if (provider != NULL && roster_ml_provider(s, provider, e) != 0)
		return -1;
	if (key_file == NULL)
		return 0;
	if (*key_file != '\0')
		path = provider_key_abs(key_file, e);
	if (*key_file == '\0' || path != NULL)
		r = roster_ml_key(s, path, e);
	free(path);
	return r;
}

/* Options that belong to another kind of agent. */
static int check_kind(enum roster_kind k, const struct cli_args *args, struct err *e)
{
	if (k != ROSTER_EXEC && args->has_rest)
		return err_set(e, ERR_USAGE, "%s %s agent has no program",
			       k == ROSTER_LLM || k == ROSTER_ML ? "an" : "a",
			       roster_kind_name(k));
	if (k != ROSTER_RULE && (strategy != NULL || sets.n > 0 || args->n > 2))
		return err_set(e, ERR_USAGE, "only rule agents have parameters");
	if (k != ROSTER_EXEC && (network || unconfined || reads.n > 0))
		return err_set(e, ERR_USAGE,
			       "--network, --read and --unconfined are for exec agents");
	if (k != ROSTER_LLM &&
	    (model || fallbacks.n || any_model || prompt || template || temperature ||
	     max_tokens != -1 || timeout_s != -1 || headers.n || body || price || budget))
		return err_set(e, ERR_USAGE, "options of models are for llm agents");
	if (k != ROSTER_ML && (url || provider || key_file))
		return err_set(e, ERR_USAGE,
			       "--url, --provider and --key-file are for ml agents");
	return 0;
}

static int make_spec(struct roster_spec *s, const struct cli_args *args, struct err *e)
{
	if (check_kind(s->kind, args, e) != 0)
		return -1;
	switch (s->kind) {
	case ROSTER_RULE:
		return make_rule(s, args, e);
	case ROSTER_EXEC:
		return make_exec(s, args, e);
	case ROSTER_LLM:
		return make_llm(s, e);
	case ROSTER_ML:
		return make_ml(s, e);
	case ROSTER_MANUAL:
		return 0;
	}
	return -1;
}

static int parse_price(struct provider_price *p, struct err *e)
{
	const char *slash = strchr(price, '/');

	*p = (struct provider_price){ 0 };
	if (slash == NULL)
		return err_set(e, ERR_USAGE, "--price is IN/OUT, such as 0.15/0.60");
	if (decimal_parse(price, (size_t)(slash - price), MONEY_SCALE, &p->input, e) != 0 ||
	    decimal_parse(slash + 1, strlen(slash + 1), MONEY_SCALE, &p->output, e) != 0)
		return err_prefix(e, "--price");
	p->cached = p->input;
	return 0;
}

static int parse_budget(int64_t *usd_e8, struct err *e)
{
	*usd_e8 = -1;
	if (*budget == '\0')
		return 0;
	if (config_valid(CONFIG_BUDGET_AGENT_USD_DAY, budget, e) != 0 ||
	    decimal_parse(budget, strlen(budget), MONEY_SCALE, usd_e8, e) != 0)
		return err_prefix(e, "--budget-usd-day");
	return 0;
}

static int store_budget(struct db *db, int64_t agent_id, struct err *e)
{
	int64_t usd;

	return parse_budget(&usd, e) != 0 ? -1 : roster_set_budget(db, agent_id, usd, e);
}

static int store_publish(struct db *db, int64_t agent_id, struct err *e)
{
	enum roster_publish p;

	return roster_publish_parse(publish, &p, e) != 0
		       ? -1
		       : roster_set_publish(db, agent_id, p, e);
}

/* What belongs to an agent and is no part of its version, and the services it needs. */
static int store_rest(struct db *db, const char *name, const struct roster_spec *s,
		      struct err *e)
{
	struct provider_price p;
	struct roster_agent a;
	int r = 0;

	if (price != NULL && (parse_price(&p, e) != 0 ||
			      roster_store_price(db, s, &p, cli_common.now_ms, e) != 0))
		return -1;
	if (roster_check_services(db, s, e) != 0 || roster_check_reads(db, s, e) != 0)
		return -1;
	if (budget == NULL && publish == NULL)
		return 0;
	if (roster_load_agent(db, name, 0, &a, e) != 0)
		return -1;
	if (budget != NULL)
		r = store_budget(db, a.id, e);
	if (publish != NULL && r == 0)
		r = store_publish(db, a.id, e);
	roster_release_agent(&a);
	return r;
}

static int add_agent(struct db *db, const char *name, const struct roster_spec *s, int64_t cash,
		     struct err *e)
{
	return roster_add_agent(db, name, false, s, cash, cli_common.now_ms, e) != 0
		       ? -1
		       : store_rest(db, name, s, e);
}

static enum roster_kind find_kind(void)
{
	for (int k = ROSTER_RULE; k <= ROSTER_MANUAL; k++)
		if (kind != NULL && strcmp(roster_kind_name((enum roster_kind)k), kind) == 0)
			return (enum roster_kind)k;
	if (kind != NULL)
		cli_usage("--kind is rule, exec, llm, ml or manual, not %s", kind);
	return ROSTER_RULE;
}

static int add(struct db *db, const struct cli_args *args, struct err *e)
{
	const char *name = args->operands[1];
	struct roster_spec s;
	struct config c;
	int r = -1;

	roster_spec_init(&s, find_kind());
	config_init(&c);
	if (ident_check_agent(name, e) != 0 || make_spec(&s, args, e) != 0 ||
	    config_load(db, &c, e) != 0 || db_begin(db, e) != 0)
		goto out;
	r = db_end(db, add_agent(db, name, &s, config_num(&c, CONFIG_RACE_START_CASH), e), e);
out:
	config_release(&c);
	roster_spec_release(&s);
	return r;
}

static int set_agent(struct db *db, const struct roster_agent *a, int64_t *version,
		     struct err *e)
{
	return roster_set_spec(db, a->name, &a->spec, cli_common.now_ms, version, e) != 0
		       ? -1
		       : store_rest(db, a->name, &a->spec, e);
}

static int set(struct db *db, const struct cli_args *args, struct err *e)
{
	struct roster_agent a;
	int64_t version = 0;
	int r = -1;

	if (roster_load_agent(db, args->operands[1], 0, &a, e) != 0)
		return -1;
	if (make_spec(&a.spec, args, e) == 0 && db_begin(db, e) == 0)
		r = db_end(db, set_agent(db, &a, &version, e), e);
	if (r == 0 && cli_common.quiet == 0)
		cli_outf("%s: version %lld%s\n", a.name, (long long)version,
			 version == a.version ? ", unchanged" : " from the next window on");
	roster_release_agent(&a);
	return r;
}

static int set_status(struct db *db, const char *name, enum roster_status status, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, roster_set_status(db, name, status, e), e);
}

/* What belongs to an agent besides its spec. */
struct rest {
	bool has_budget;
	int64_t usd;
	enum roster_publish publish;
};

static void details(const struct roster_agent *a, const struct rest *r, struct buf *b)
{
	const struct roster_llm *l = &a->spec.llm;
	char text[DECIMAL_TEXT_MAX];

	roster_detail_options(&a->spec, b);
	if (r->has_budget)
		roster_detail(b, "budget_usd_day", decimal_format(r->usd, MONEY_SCALE, text));
	if (r->publish != ROSTER_PUBLISH_REASONING)
		roster_detail(b, "publish", roster_publish_name(r->publish));
	roster_detail(b, "prompt", l->prompt);
	roster_detail(b, "template", l->template);
}

static void print_json(const struct roster_agent *a, const struct rest *r)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	char *spec = roster_spec_text(&a->spec);
	char hex[DIGEST_HEX_SIZE];

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "agent", a->name);
	json_write_bool(&w, "baseline", a->baseline);
	json_write_string(&w, "status", roster_status_name(a->status));
	json_write_int(&w, "version", a->version);
	digest_hex(&a->hash, hex);
	json_write_string(&w, "sha256", hex);
	if (r->has_budget)
		json_write_decimal(&w, "budget_usd_day", r->usd, MONEY_SCALE);
	json_write_string(&w, "publish", roster_publish_name(r->publish));
	json_write_raw(&w, "spec", spec, strlen(spec));
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
	free(spec);
}

/* The name in a column of ${width}. */
static void print_text(const struct roster_agent *a, int width, struct buf *b)
{
	buf_addf(b, "%-*s %-6s %-8s v%-3lld %s", width, a->name, roster_kind_name(a->spec.kind),
		 roster_status_name(a->status), (long long)a->version,
		 a->baseline ? "(baseline) " : "");
	roster_describe(&a->spec, b);
	buf_addc(b, '\n');
}

static int print(struct db *db, const struct roster_agent *a, int width, bool all,
		 struct err *e)
{
	struct buf b = BUF_INIT;
	struct rest r;

	if (roster_budget(db, a->id, &r.usd, &r.has_budget, e) != 0 ||
	    roster_publish(db, a->id, &r.publish, e) != 0)
		return -1;
	if (json) {
		print_json(a, &r);
		return 0;
	}
	print_text(a, width, &b);
	if (all)
		details(a, &r, &b);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
	return 0;
}

static int name_width(const struct roster_agents *all)
{
	size_t width = NAME_WIDTH;

	for (size_t i = 0; i < all->n; i++)
		if (strlen(all->items[i].name) > width)
			width = strlen(all->items[i].name);
	return (int)width;
}

static int list(struct db *db, struct err *e)
{
	struct roster_agents all;
	int r = 0, width;

	if (roster_load_agents(db, &all, e) != 0)
		return -1;
	width = name_width(&all);
	for (size_t i = 0; i < all.n && r == 0; i++) {
		if (names_only)
			cli_outf("%s\n", all.items[i].name);
		else
			r = print(db, &all.items[i], width, false, e);
	}
	roster_release_agents(&all);
	return r;
}

static int show(struct db *db, const char *name, struct err *e)
{
	struct roster_agent a;
	int r;

	if (roster_load_agent(db, name, 0, &a, e) != 0)
		return -1;
	r = print(db, &a, NAME_WIDTH, true, e);
	roster_release_agent(&a);
	return r;
}

static void strategies(void)
{
	for (const struct strategy *s = strategy_table; s->name != NULL; s++) {
		cli_outf("%s: %s\n", s->name, s->help);
		for (size_t i = 0; i < s->n_params; i++)
			cli_outf("  %s=%lld  %s (%lld to %lld)\n", s->params[i].name,
				 (long long)s->params[i].def, s->params[i].help,
				 (long long)s->params[i].min, (long long)s->params[i].max);
	}
}

static int run(struct db *db, const char *command, const struct cli_args *args, struct err *e)
{
	if (strcmp(command, "add") == 0)
		return add(db, args, e);
	if (strcmp(command, "set") == 0)
		return set(db, args, e);
	if (strcmp(command, "list") == 0)
		return list(db, e);
	if (strcmp(command, "show") == 0)
		return show(db, args->operands[1], e);
	if (strcmp(command, "pause") == 0)
		return set_status(db, args->operands[1], ROSTER_PAUSED, e);
	if (strcmp(command, "resume") == 0)
		return set_status(db, args->operands[1], ROSTER_ACTIVE, e);
	return set_status(db, args->operands[1], ROSTER_RETIRED, e);
}

static const struct cli_command *check_usage(const struct cli_args *args)
{
	const struct cli_command *c = commands;

	if (args->n == 0)
		cli_usage("a command is missing");
	while (c->name != NULL && strcmp(c->name, args->operands[0]) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", args->operands[0]);
	if (args->n < (c->args[0] != '\0' ? 2 : 1))
		cli_usage("%s: a name is missing", c->name);
	if (args->n > (c->args[0] != '\0' ? 2 : 1) && strcmp(c->name, "set") != 0)
		cli_usage("%s: too many operands", c->name);
	find_kind();
	return c;
}

int main(int argc, char **argv)
{
	const struct cli_command *c;
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	c = check_usage(&args);
	if (strcmp(c->name, "strategies") == 0) {
		strategies();
		return cli_end(0);
	}
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = run(db, c->name, &args, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
