/*
 * tr-agent says who takes part. An agent is a rule with parameters, a program, or a person.
 * What it is made of is a version; a change opens a new one from the next window on, and the
 * bytes of a program are part of it. Paused and retired agents keep their books and stay on the
 * board.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "mem.h"
#include "race.h"
#include "roster.h"

#include "banned.h"

static const char *kind, *strategy;
static struct cli_list sets;
static bool names_only, json, dry_run;

static const struct cli_opt options[] = {
	{ 'k', "kind", CLI_STRING, &kind, "rule|exec|manual", "add: what decides" },
	{ 's', "strategy", CLI_STRING, &strategy, "STRATEGY", "add, set: the rule to follow" },
	{ 'S', "set", CLI_LIST, &sets, "KEY=VALUE",
	  "add, set: a parameter of the rule; may be repeated" },
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

static int make_spec(struct roster_spec *s, const struct cli_args *args, struct err *e)
{
	if (s->kind == ROSTER_RULE) {
		if (strategy != NULL && find_strategy(s, e) != 0)
			return -1;
		if (s->strategy == NULL)
			return err_set(e, ERR_USAGE, "a rule agent needs --strategy");
		return args->has_rest ? err_set(e, ERR_USAGE, "a rule agent has no program")
				      : set_params(s, args, e);
	}
	if (strategy != NULL || sets.n > 0 || args->n > 2)
		return err_set(e, ERR_USAGE, "only rule agents have parameters");
	if (s->kind == ROSTER_MANUAL)
		return args->has_rest ? err_set(e, ERR_USAGE, "a manual agent has no program")
				      : 0;
	return roster_spec_exec(s, args->rest, args->n_rest, e);
}

static int add(struct db *db, const struct cli_args *args, struct err *e)
{
	struct roster_spec s;
	struct config c;
	int r = -1;

	roster_spec_init(&s, kind == NULL || strcmp(kind, "rule") == 0 ? ROSTER_RULE
			     : strcmp(kind, "exec") == 0	       ? ROSTER_EXEC
								       : ROSTER_MANUAL);
	config_init(&c);
	if (ident_check_agent(args->operands[1], e) != 0 || make_spec(&s, args, e) != 0 ||
	    config_load(db, &c, e) != 0 || db_begin(db, e) != 0)
		goto out;
	r = db_end(db,
		   roster_add_agent(db, args->operands[1], false, &s,
				    config_num(&c, CONFIG_RACE_START_CASH), cli_common.now_ms,
				    e),
		   e);
out:
	config_release(&c);
	roster_spec_release(&s);
	return r;
}

static int set(struct db *db, const struct cli_args *args, struct err *e)
{
	struct roster_agent a;
	int64_t version = 0;
	int r = -1;

	if (roster_load_agent(db, args->operands[1], 0, &a, e) != 0)
		return -1;
	if (make_spec(&a.spec, args, e) == 0 && db_begin(db, e) == 0)
		r = db_end(db,
			   roster_set_spec(db, a.name, &a.spec, cli_common.now_ms, &version, e),
			   e);
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

static void describe(const struct roster_agent *a, struct buf *b)
{
	const struct roster_spec *s = &a->spec;

	if (s->kind == ROSTER_RULE) {
		buf_adds(b, s->strategy->name);
		for (size_t i = 0; i < s->strategy->n_params; i++)
			buf_addf(b, " %s=%lld", s->strategy->params[i].name,
				 (long long)s->params[i]);
	}
	for (size_t i = 0; i < s->n_argv; i++)
		buf_addf(b, "%s%s", i ? " " : "", s->argv[i]);
}

static void print_json(const struct roster_agent *a)
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
	json_write_raw(&w, "spec", spec, strlen(spec));
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
	free(spec);
}

static void print(const struct roster_agent *a)
{
	struct buf b = BUF_INIT;

	if (json) {
		print_json(a);
		return;
	}
	describe(a, &b);
	cli_outf("%-16s %-6s %-8s v%-3lld %s%s\n", a->name, roster_kind_name(a->spec.kind),
		 roster_status_name(a->status), (long long)a->version,
		 a->baseline ? "(baseline) " : "", buf_str(&b));
	buf_release(&b);
}

static int list(struct db *db, struct err *e)
{
	struct roster_agents all;

	if (roster_load_agents(db, &all, e) != 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		if (names_only)
			cli_outf("%s\n", all.items[i].name);
		else
			print(&all.items[i]);
	}
	roster_release_agents(&all);
	return 0;
}

static int show(struct db *db, const char *name, struct err *e)
{
	struct roster_agent a;

	if (roster_load_agent(db, name, 0, &a, e) != 0)
		return -1;
	print(&a);
	roster_release_agent(&a);
	return 0;
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
	if (kind != NULL && strcmp(kind, "rule") != 0 && strcmp(kind, "exec") != 0 &&
	    strcmp(kind, "manual") != 0)
		cli_usage("--kind is rule, exec or manual, not %s", kind);
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
