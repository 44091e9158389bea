/*
 * tr-init creates a race database, or completes one: it lays the schema, sets the quote
 * currency and adds the four baselines (cash, buy-and-hold, equal-weight, random). With --demo
 * it adds six simulated assets and four strategies, with --bare nothing. Running it again
 * changes nothing. A race of an older schema is migrated: a copy is kept as FILE.vN, then
 * everything happens in one transaction, so that a migration that is killed has not begun.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "cli.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "mem.h"
#include "roster.h"

#include "banned.h"

static const char *quote;
static bool demo, bare;

static const struct cli_opt options[] = {
	{ 'Q', "quote", CLI_STRING, &quote, "CURRENCY",
	  "currency of all prices and of the cash (USD)" },
	{ 0, "demo", CLI_FLAG, &demo, NULL, "add six simulated assets and four strategies" },
	{ 0, "bare", CLI_FLAG, &bare, NULL, "add nothing, not even the baselines" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-init", "create a race database", "[FILE]", options,
				      NULL };

static const struct {
	const char *name, *strategy;
	bool baseline;
} agents[] = {
	{ "cash", "hold", true },
	{ "buy-and-hold", "buy-and-hold", true },
	{ "equal-weight", "equal-weight", true },
	{ "random", "random", true },
	{ "trend", "sma-cross", false },
	{ "rsi", "rsi", false },
	{ "momentum", "momentum", false },
	{ "reversion", "mean-reversion", false },
};

static const struct {
	const char *symbol, *name;
} assets[] = {
	{ "BTC", "Bitcoin" }, { "ETH", "Ethereum" }, { "SOL", "Solana" },
	{ "XRP", "XRP" },     { "ADA", "Cardano" },  { "DOGE", "Dogecoin" },
};

static int add_agents(struct db *db, int64_t cash, struct err *e)
{
	size_t n = demo ? sizeof agents / sizeof agents[0] : 4;

	for (size_t i = 0; i < n; i++) {
		struct roster_spec s;
		bool known;

		if (roster_has_agent(db, agents[i].name, &known, e) != 0)
			return -1;
		if (known)
			continue;
		roster_spec_init(&s, ROSTER_RULE);
		s.strategy = strategy_find(agents[i].strategy);
		strategy_defaults(s.strategy, s.params);
		if (roster_add_agent(db, agents[i].name, agents[i].baseline, &s, cash,
				     cli_common.now_ms, e) != 0)
			return -1;
	}
	return 0;
}

/* What is there stays as its owner made it. */
static int add_assets(struct db *db, const char *currency, struct err *e)
{
	for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++) {
		struct roster_feed feed = { (char *)"sim", (char *)"", (char *)currency };
		struct roster_asset a = { .symbol = (char *)assets[i].symbol,
					  .name = (char *)assets[i].name,
					  .enabled = true,
					  .feeds = &feed,
					  .n_feeds = 1 };
		int64_t id;

		if (roster_find_asset(db, a.symbol, &id, e) != 0)
			return -1;
		if (id != 0)
			continue;
		if (roster_add_asset(db, &a, cli_common.now_ms, &id, e) != 0)
			return -1;
	}
	return 0;
}

static int fill(struct db *db, struct err *e)
{
	struct config c;
	int r = -1;

	config_init(&c);
	/* a race that has prices or books refuses another currency */
	if ((quote != NULL &&
	     config_store(db, CONFIG_RACE_QUOTE, quote, "init", cli_common.now_ms, e) != 0) ||
	    config_load(db, &c, e) != 0)
		goto out;
	if (!bare && add_agents(db, config_num(&c, CONFIG_RACE_START_CASH), e) != 0)
		goto out;
	if (demo && add_assets(db, config_text(&c, CONFIG_RACE_QUOTE), e) != 0)
		goto out;
	r = 0;
out:
	config_release(&c);
	return r;
}

static int migrate_locked(struct db *db, int64_t version, struct err *e)
{
	char *copy = mem_printf("%s.v%lld", db_path(db), (long long)version);
	int r = backup_old(db, copy, e);

	if (r == 0)
		r = db_migrate(db, &version, e);
	if (r == 0)
		log_msg(LOG_WARN, "%s: migrated from schema version %lld; it is kept as %s",
			db_path(db), (long long)version, copy);
	free(copy);
	return r;
}

/* A race of an older version becomes one of this; everything else is left to db_create. */
static int migrate(const char *path, struct err *e)
{
	struct err other = { 0 };
	struct db *db;
	int64_t version = 0;
	int r = 0, lock;

	db = db_open_old(path, &other);
	if (db == NULL)
		return 0;
	if (db_version(db, &version, e) != 0) {
		r = -1;
	} else if (version < DB_VERSION) {
		lock = db_lock_file(db, ".cycle", 0, e);
		r = lock < 0 ? -1 : migrate_locked(db, version, e);
		if (lock >= 0)
			close(lock);
	}
	db_close(db);
	return r;
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	const char *path;
	bool created = false;
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 1 || args.has_rest)
		cli_usage("too many operands");
	if (demo && bare)
		cli_usage("--demo and --bare contradict each other");
	path = args.n == 1 ? args.operands[0] : cli_common.database;
	db = (quote == NULL || config_valid(CONFIG_RACE_QUOTE, quote, &e) == 0) &&
			     migrate(path, &e) == 0
		     ? db_create(path, &created, &e)
		     : NULL;
	if (db == NULL)
		return cli_end(cli_fail(&e));
	r = db_begin(db, &e);
	if (r == 0)
		r = db_end(db, fill(db, &e), &e);
	if (r == 0 && cli_common.quiet == 0)
		cli_outf("%s: %s\n", path, created ? "created" : "is a race database already");
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
