/*
 * tr-asset says what can be traded and where its prices come from. Several feeds are asked in
 * order: the first with a fresh price wins. Changes take effect in the next window that begins.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "mem.h"
#include "race.h"
#include "roster.h"

#include "banned.h"

static const char *full_name, *accept_quote;
static struct cli_list feeds;
static bool names_only, json, dry_run;

static const struct cli_opt options[] = {
	{ 'N', "name", CLI_STRING, &full_name, "TEXT", "add: name for people" },
	{ 'f', "feed", CLI_LIST, &feeds, "FEED",
	  "add, set: sim[:PRICE], csv:FILE or history[:SOURCE]; may be repeated" },
	{ 0, "accept-quote", CLI_STRING, &accept_quote, "CURRENCY",
	  "add, set: take prices in CURRENCY for the race's" },
	{ 0, "names", CLI_FLAG, &names_only, NULL, "list: only the symbols" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, show: print JSON" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "add", "SYMBOL", "let an asset take part" },
	{ "set", "SYMBOL", "replace its feeds" },
	{ "list", "", "all assets" },
	{ "show", "SYMBOL", "one asset" },
	{ "enable", "SYMBOL", "let it be bought again" },
	{ "disable", "SYMBOL", "let it be sold only; it stays valued" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-asset", "say what can be traded", NULL, options,
				      commands };

static int parse_feeds(const char *symbol, const char *quote, struct roster_asset *a,
		       struct err *e)
{
	static const char *const sim[] = { "sim" };
	const char *const *items = feeds.n > 0 ? feeds.items : sim;
	size_t n = feeds.n > 0 ? feeds.n : 1;

	a->feeds = mem_array(n, sizeof *a->feeds);
	for (size_t i = 0; i < n; i++, a->n_feeds++)
		if (race_feed_parse(items[i], symbol, quote, accept_quote, &a->feeds[i], e) !=
		    0)
			return -1;
	return 0;
}

static void release_feeds(struct roster_asset *a)
{
	for (size_t i = 0; i < a->n_feeds; i++) {
		free(a->feeds[i].feed);
		free(a->feeds[i].arg);
		free(a->feeds[i].quote);
	}
	free(a->feeds);
}

static int find(struct db *db, const char *symbol, int64_t *id, struct err *e)
{
	if (roster_find_asset(db, symbol, id, e) != 0)
		return -1;
	return *id != 0 ? 0 : err_set(e, ERR_NOTFOUND, "asset %.40s: no such asset", symbol);
}

static int store(struct db *db, const char *command, struct roster_asset *a, struct err *e)
{
	int64_t id;

	if (strcmp(command, "add") == 0)
		return roster_add_asset(db, a, cli_common.now_ms, &id, e);
	if (find(db, a->symbol, &id, e) != 0)
		return -1;
	return roster_set_feeds(db, id, a->feeds, a->n_feeds, e);
}

static int add_or_set(struct db *db, const char *command, const char *symbol, struct err *e)
{
	struct roster_asset a = { .symbol = (char *)symbol,
				  .name = (char *)(full_name != NULL ? full_name : symbol) };
	struct config c;
	int r = -1;

	config_init(&c);
	if (ident_check_asset(symbol, e) != 0 ||
	    ident_check_text("name", a.name, 200, e) != 0 || config_load(db, &c, e) != 0 ||
	    parse_feeds(symbol, config_text(&c, CONFIG_RACE_QUOTE), &a, e) != 0)
		goto out;
	if (db_begin(db, e) != 0)
		goto out;
	r = db_end(db, store(db, command, &a, e), e);
out:
	release_feeds(&a);
	config_release(&c);
	return r;
}

static int enable(struct db *db, const char *symbol, bool on, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, roster_enable_asset(db, symbol, on, e), e);
}

static void print_json(const struct roster_asset *a)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "asset", a->symbol);
	json_write_string(&w, "name", a->name);
	json_write_bool(&w, "enabled", a->enabled);
	json_write_array(&w, "feeds");
	for (size_t i = 0; i < a->n_feeds; i++) {
		json_write_object(&w, NULL);
		json_write_string(&w, "feed", a->feeds[i].feed);
		json_write_string(&w, "arg", a->feeds[i].arg);
		json_write_string(&w, "quote", a->feeds[i].quote);
		json_write_close(&w);
	}
	json_write_close(&w);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void print_text(const struct roster_asset *a)
{
	cli_outf("%-8s %-16s %-8s", a->symbol, a->name, a->enabled ? "enabled" : "disabled");
	for (size_t i = 0; i < a->n_feeds; i++)
		cli_outf(" %s%s%s", a->feeds[i].feed, a->feeds[i].arg[0] ? ":" : "",
			 a->feeds[i].arg);
	cli_outf("\n");
}

static int list(struct db *db, const char *only, struct err *e)
{
	struct roster_assets all;

	if (roster_load_assets(db, &all, e) != 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		if (only != NULL && strcmp(only, all.items[i].symbol) != 0)
			continue;
		if (names_only)
			cli_outf("%s\n", all.items[i].symbol);
		else if (json)
			print_json(&all.items[i]);
		else
			print_text(&all.items[i]);
	}
	roster_release_assets(&all);
	return 0;
}

static int run(struct db *db, const char *command, const char *symbol, struct err *e)
{
	int64_t id;

	if (strcmp(command, "list") == 0)
		return list(db, NULL, e);
	if (strcmp(command, "show") == 0)
		return find(db, symbol, &id, e) != 0 ? -1 : list(db, symbol, e);
	if (strcmp(command, "enable") == 0 || strcmp(command, "disable") == 0)
		return enable(db, symbol, command[0] == 'e', e);
	return add_or_set(db, command, symbol, e);
}

int main(int argc, char **argv)
{
	const struct cli_command *c = commands;
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	if (args.n == 0)
		cli_usage("a command is missing");
	while (c->name != NULL && strcmp(c->name, args.operands[0]) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", args.operands[0]);
	if (args.n != (c->args[0] != '\0' ? 2 : 1) || args.has_rest)
		cli_usage("%s: wrong number of operands", c->name);
	if (strcmp(c->name, "set") == 0 && feeds.n == 0)
		cli_usage("set: needs --feed");
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = run(db, c->name, args.n > 1 ? args.operands[1] : NULL, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
