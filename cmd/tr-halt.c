/*
 * tr-halt stops all fills at once: from then on every order is dropped with the reason
 * "halted", in every window, until the halt is released by its name. Prices, decisions and
 * snapshots go on. Without an option it says whether the race is halted, with exit status 1 if
 * it is not.
 */
#include <stdlib.h>

#include "cli.h"
#include "db.h"
#include "roster.h"

#include "banned.h"

static const char *name, *reason;
static bool release, dry_run;

static const struct cli_opt options[] = {
	{ 'r', "reason", CLI_STRING, &reason, "TEXT", "halt, and say why" },
	{ 'N', "name", CLI_STRING, &name, "NAME", "name of the halt (operator)" },
	{ 'R', "release", CLI_FLAG, &release, NULL, "release the halt of that name" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-halt", "stop all fills, and release them", NULL,
				      options, NULL };

static int show(struct db *db, int *status, struct err *e)
{
	char *who = NULL, *why = NULL;
	bool halted;

	if (roster_halted(db, &halted, &who, &why, e) != 0)
		return -1;
	if (halted)
		cli_outf("halted by %s: %s\n", who, why);
	else
		cli_outf("not halted\n");
	*status = halted ? 0 : ERR_NEGATIVE;
	free(who);
	free(why);
	return 0;
}

static int change(struct db *db, struct err *e)
{
	const char *who = name != NULL ? name : "operator";
	bool changed = false;
	int r;

	if (ident_check_agent(who, e) != 0 ||
	    (reason != NULL && ident_check_text("reason", reason, 1000, e) != 0) ||
	    db_begin(db, e) != 0)
		return -1;
	r = db_end(db,
		   roster_halt(db, who, !release, reason != NULL ? reason : "",
			       cli_common.now_ms, &changed, e),
		   e);
	if (r == 0 && cli_common.quiet == 0)
		cli_outf("%s: %s%s\n", who, release ? "released" : "halted",
			 changed ? "" : " already");
	return r;
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int status = 0, r = -1;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (release && reason != NULL)
		cli_usage("--reason and --release contradict each other");
	if (!release && reason == NULL && name != NULL)
		cli_usage("--name needs --reason or --release");
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = release || reason != NULL ? change(db, &e) : show(db, &status, &e);
	db_close(db);
	return cli_end(r == 0 ? status : cli_fail(&e));
}
