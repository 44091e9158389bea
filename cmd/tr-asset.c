/*
 * tr-asset says what can be traded and where its prices come from. Several feeds are asked in
 * order: the first with a fresh price wins. Changes take effect in the next window that begins.
 * With gaps it lists what is wrong with the candles of each series, and the command that helps.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "mem.h"
#include "race.h"
#include "roster.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

static const char *full_name, *accept_quote;
static struct cli_list feeds;
static bool names_only, json, dry_run;
static int64_t from_ms, to_ms;
static bool incomplete; /* gaps: candles are missing */

static const struct cli_opt options[] = {
	{ 'N', "name", CLI_STRING, &full_name, "TEXT", "add: name for people" },
	{ 'f', "feed", CLI_LIST, &feeds, "FEED",
	  "add, set: sim[:PRICE], csv:FILE, history[:SOURCE], binance:, kraken: or "
	  "coinbase:MARKET, coingecko:ID; may be repeated" },
	{ 0, "accept-quote", CLI_STRING, &accept_quote, "CURRENCY",
	  "add, set: take prices in CURRENCY for the race's" },
	{ 0, "names", CLI_FLAG, &names_only, NULL, "list: only the symbols" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "gaps: candles from this time on ..." },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "gaps: ... and before this time" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, show, gaps: print JSON" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "add", "SYMBOL", "let an asset take part" },
	{ "set", "SYMBOL", "replace its feeds" },
	{ "list", "", "all assets" },
	{ "show", "SYMBOL", "one asset" },
	{ "gaps", "[SYMBOL]", "what is missing of the candles, late or doubtful" },
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

/* ------------------------------------------------------------------ gaps */

/* How candles get into a series; the caller's. NULL: not at all, since simulated prices are
 * made for what a window shows and no more. */
static char *helps(const char *source)
{
	if (strcmp(source, "sim") == 0)
		return NULL;
	if (strncmp(source, "csv:", 4) == 0)
		return mem_printf("add them to %s, which the next window reads", source + 4);
	if (strcmp(source, "import") == 0)
		return mem_strdup("tr-ingest --import FILE");
	return mem_printf("tr-ingest --import FILE --source %s", source);
}

static void print_gap_json(const struct roster_asset *a, const struct market_gap *g,
			   const char *source)
{
	char *help = g->kind == MARKET_MISSING ? helps(source) : NULL;
	struct buf b = BUF_INIT;
	char first[TSTAMP_TEXT_MAX], last[TSTAMP_TEXT_MAX], seen[TSTAMP_WINDOW_ID_MAX];
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.gap/1");
	json_write_string(&w, "asset", a->symbol);
	json_write_string(&w, "source", source);
	json_write_int(&w, "interval_s", g->series.interval_s);
	json_write_string(&w, "kind", market_gap_name(g->kind));
	json_write_string(&w, "first", tstamp_format(g->first_ms, first));
	json_write_string(&w, "last", tstamp_format(g->last_ms, last));
	json_write_int(&w, "count", g->count);
	if (g->kind == MARKET_LATE)
		json_write_string(&w, "seen", tstamp_window_id(g->seen_ms, seen));
	if (help != NULL)
		json_write_string(&w, "help", help);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
	free(help);
}

static void print_gap_text(const struct market_gap *g)
{
	char first[TSTAMP_TEXT_MAX], last[TSTAMP_TEXT_MAX], seen[TSTAMP_TEXT_MAX];

	cli_outf("  %-8s %s  %s %8lld", market_gap_name(g->kind),
		 tstamp_format_short(g->first_ms, first), tstamp_format_short(g->last_ms, last),
		 (long long)g->count);
	if (g->kind == MARKET_LATE)
		cli_outf("  seen from %s", tstamp_format_short(g->seen_ms, seen));
	cli_outf("\n");
}

/* The gaps of one series; returns how many candles are missing. */
static int64_t print_series(const struct roster_asset *a, const struct market_gap *g, size_t n,
			    const char *source)
{
	int64_t missing = 0;
	char *help;

	if (!json)
		cli_outf("%s %s %llds\n", a->symbol, source, (long long)g->series.interval_s);
	for (size_t i = 0; i < n; i++) {
		if (json)
			print_gap_json(a, &g[i], source);
		else
			print_gap_text(&g[i]);
		missing += g[i].kind == MARKET_MISSING ? g[i].count : 0;
	}
	if (!json && missing > 0) {
		help = helps(source);
		cli_outf("  %lld missing%s%s\n", (long long)missing, help != NULL ? ": " : "",
			 help != NULL ? help : "");
		free(help);
	}
	return missing;
}

static size_t same_series(const struct market_gap *g, size_t n)
{
	size_t k = 1;

	while (k < n && g[k].series.asset_id == g->series.asset_id &&
	       g[k].series.source_id == g->series.source_id &&
	       g[k].series.interval_s == g->series.interval_s)
		k++;
	return k;
}

static int print_gaps(struct db *db, const struct roster_asset *a, const struct market_gaps *g,
		      int64_t *missing, struct err *e)
{
	for (size_t i = 0, n; i < g->n; i += n) {
		char *source;

		n = same_series(&g->items[i], g->n - i);
		if (g->items[i].series.asset_id != a->id)
			continue;
		if (market_source_name(db, g->items[i].series.source_id, &source, e) != 0)
			return -1;
		*missing += print_series(a, &g->items[i], n, source);
		free(source);
	}
	return 0;
}

static void print_gaps_end(size_t n)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", WIRE_END);
	json_write_int(&w, "count", (int64_t)n);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

/* In order of the symbols. */
static int gaps(struct db *db, const char *only, struct err *e)
{
	struct market_gap_query q = { .from_ms = from_ms, .to_ms = to_ms };
	struct roster_assets all = { 0 };
	struct market_gaps g = { 0 };
	int64_t missing = 0;
	int r = -1;

	if ((only != NULL && find(db, only, &q.asset_id, e) != 0) ||
	    roster_load_assets(db, &all, e) != 0 || market_gaps_find(db, &q, &g, e) != 0)
		goto out;
	r = 0;
	for (size_t i = 0; i < all.n && r == 0; i++)
		r = print_gaps(db, &all.items[i], &g, &missing, e);
	if (r == 0 && json)
		print_gaps_end(g.n);
	incomplete = missing > 0;
out:
	market_gaps_release(&g);
	roster_release_assets(&all);
	return r;
}

static int run(struct db *db, const char *command, const char *symbol, struct err *e)
{
	int64_t id;

	if (strcmp(command, "list") == 0)
		return list(db, NULL, e);
	if (strcmp(command, "show") == 0)
		return find(db, symbol, &id, e) != 0 ? -1 : list(db, symbol, e);
	if (strcmp(command, "gaps") == 0)
		return gaps(db, symbol, e);
	if (strcmp(command, "enable") == 0 || strcmp(command, "disable") == 0)
		return enable(db, symbol, command[0] == 'e', e);
	return add_or_set(db, command, symbol, e);
}

static void check(const struct cli_command *c, const struct cli_args *args)
{
	size_t most = c->args[0] != '\0' ? 2 : 1;
	size_t least = c->args[0] == '[' ? 1 : most;

	if (args->n < least || args->n > most || args->has_rest)
		cli_usage("%s: wrong number of operands", c->name);
	if (strcmp(c->name, "set") == 0 && feeds.n == 0)
		cli_usage("set: needs --feed");
	if ((from_ms >= 0 || to_ms >= 0) && strcmp(c->name, "gaps") != 0)
		cli_usage("--from and --to are for gaps");
	if (from_ms >= 0 && to_ms >= 0 && from_ms >= to_ms)
		cli_usage("--from must lie before --to");
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
	check(c, &args);
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = run(db, c->name, args.n > 1 ? args.operands[1] : NULL, &e);
	db_close(db);
	return cli_end(r != 0 ? cli_fail(&e) : incomplete ? ERR_NEGATIVE : 0);
}
