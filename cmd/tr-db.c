/*
 * tr-db looks after the database file: it checks it, empties the write-ahead log into it, and
 * prints its logical content, by which two races can be compared byte for byte.
 */
#include <string.h>

#include "cli.h"
#include "db.h"
#include "race.h"

#include "banned.h"

static bool logical;

static const struct cli_opt options[] = {
	{ 'l', "logical", CLI_FLAG, &logical, NULL,
	  "dump: tables in key order, without row numbers and volatile columns" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "dump", "", "print the content as JSON lines; needs --logical" },
	{ "check", "", "integrity of the file, foreign keys, books and chain" },
	{ "checkpoint", "", "move the write-ahead log into the file" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-db", "look after the database file", NULL, options,
				      commands };

static void print_line(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	cli_out(line, len);
}

static int check(struct db *db, int *status, struct err *e)
{
	struct race_audit a;
	char problem[200];
	bool ok;

	if (db_check(db, &ok, problem, sizeof problem, e) != 0)
		return -1;
	if (ok) {
		if (race_audit_run(db, &a, e) != 0)
			return -1;
		ok = a.ok;
	} else {
		a.difference[0] = '\0';
	}
	if (!ok)
		*status = ERR_NEGATIVE;
	if (ok && cli_common.quiet == 0)
		cli_outf("ok\n");
	else if (!ok)
		cli_outf("%s\n", a.difference[0] ? a.difference : problem);
	return 0;
}

static int run(struct db *db, const char *command, int *status, struct err *e)
{
	if (strcmp(command, "dump") == 0)
		return race_dump(db, print_line, NULL, e);
	if (strcmp(command, "check") == 0)
		return check(db, status, e);
	return db_checkpoint(db, e);
}

int main(int argc, char **argv)
{
	const struct cli_command *c = commands;
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int status = 0, r;

	cli_start(&tool, argc, argv, &args);
	if (args.n != 1 || args.has_rest)
		cli_usage("one command is expected");
	while (c->name != NULL && strcmp(c->name, args.operands[0]) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", args.operands[0]);
	if (strcmp(c->name, "dump") == 0 && !logical)
		cli_usage("dump: needs --logical");
	db = db_open(cli_common.database, &e);
	r = db != NULL ? run(db, c->name, &status, &e) : -1;
	db_close(db);
	return cli_end(r == 0 ? status : cli_fail(&e));
}
