/*
 * tr-db looks after the database file: it checks it, empties the write-ahead log into it, and
 * prints its logical content, by which two races can be compared byte for byte. It makes copies
 * that are checked before they get their name, puts them back, rehearses both, and removes what
 * old windows no longer need.
 */
#include <string.h>

#include "backup.h"
#include "cli.h"
#include "db.h"
#include "decimal.h"
#include "log.h"
#include "prune.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

#define AGE_DAYS_MAX 36500

static bool logical, force, new_heads, dry_run;
static const char *older_than;

static const struct cli_opt options[] = {
	{ 'l', "logical", CLI_FLAG, &logical, NULL,
	  "dump: tables in key order, without row numbers and volatile columns" },
	{ 'f', "force", CLI_FLAG, &force, NULL,
	  "backup, restore: replace the file that is there" },
	{ 0, "new-heads", CLI_FLAG, &new_heads, NULL,
	  "restore: rename the head file that is there and begin a new one" },
	{ 'o', "older-than", CLI_STRING, &older_than, "AGE",
	  "prune: windows older than 30d, 12h ..." },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "prune: count, remove nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "dump", "", "print the content as JSON lines; needs --logical" },
	{ "check", "", "integrity of the file, foreign keys, books and chain" },
	{ "checkpoint", "", "move the write-ahead log into the file" },
	{ "backup", "FILE", "copy the race to FILE and check the copy" },
	{ "restore", "FILE", "check FILE and put a copy of it in the race's place" },
	{ "drill", "", "back up, restore beside the race, compare, remove both" },
	{ "prune", "", "remove history and texts of old windows; needs --older-than" },
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

static void print_report(const char *file, const struct backup_report *r)
{
	char head[DIGEST_HEX_SIZE];

	if (cli_common.quiet > 0)
		return;
	digest_hex(&r->audit.head, head);
	cli_outf("%s: %lld bytes, %lld trades, %lld seals, head %s\n", file,
		 (long long)r->bytes, (long long)r->audit.trades, (long long)r->audit.seals,
		 head);
}

static int backup(struct db *db, const char *file, struct err *e)
{
	struct backup_report r;

	if (backup_make(db, file, force, &r, e) != 0)
		return -1;
	print_report(file, &r);
	return 0;
}

static int restore(const char *file, struct err *e)
{
	const char *path = cli_common.database;
	struct backup_restored r;

	if (backup_restore(file, path, force, new_heads ? cli_common.now_ms : -1, &r, e) != 0)
		return -1;
	print_report(path, &r.copy);
	if (r.kept && cli_common.quiet == 0)
		cli_outf("the race that was there is %s.before-restore\n", path);
	if (r.old_heads[0] != '\0' && cli_common.quiet == 0)
		cli_outf("the head file that was there is %s%s\n", path, r.old_heads);
	if (!r.heads.ok)
		log_msg(LOG_WARN,
			"%s; tr-audit will say so until the file is moved away, as "
			"restore --new-heads does",
			r.heads.difference);
	return 0;
}

static int drill(struct db *db, int *status, struct err *e)
{
	struct backup_drill d;

	if (backup_drill(db, &d, e) != 0)
		return -1;
	if (!d.same)
		*status = ERR_NEGATIVE;
	if (!d.same)
		cli_outf("difference: the restored race is not the one that was copied\n");
	else if (cli_common.quiet == 0)
		cli_outf("ok: %lld rows, %lld bytes, backup %lld ms, restore %lld ms\n",
			 (long long)d.rows, (long long)d.copy.bytes, (long long)d.backup_ms,
			 (long long)d.restore_ms);
	return 0;
}

/* "30d", "12h": in ms, -1 if it is no age. */
static int64_t parse_age(const char *text)
{
	size_t n = strlen(text);
	struct err ignored = { 0 };
	int64_t v, unit_ms;

	if (n < 2)
		return -1;
	unit_ms = text[n - 1] == 'd' ? TSTAMP_DAY_MS : text[n - 1] == 'h' ? 3600000 : 0;
	if (unit_ms == 0 || decimal_parse(text, n - 1, 0, &v, &ignored) != 0 || v < 0 ||
	    v > AGE_DAYS_MAX * TSTAMP_DAY_MS / unit_ms)
		return -1;
	return v * unit_ms;
}

static int prune(struct db *db, struct err *e)
{
	struct prune_result r;

	if (prune_run(db, cli_common.now_ms - parse_age(older_than), dry_run, &r, e) != 0)
		return -1;
	if (cli_common.quiet == 0)
		cli_outf("%s%lld windows: %lld events, %lld texts, %lld calls, %lld bytes\n",
			 dry_run ? "would prune " : "pruned ", (long long)r.windows,
			 (long long)r.events, (long long)r.texts, (long long)r.calls,
			 (long long)r.bytes);
	return 0;
}

static int run(struct db *db, const char *command, const char *file, int *status, struct err *e)
{
	if (strcmp(command, "dump") == 0)
		return race_dump(db, print_line, NULL, e);
	if (strcmp(command, "check") == 0)
		return check(db, status, e);
	if (strcmp(command, "backup") == 0)
		return backup(db, file, e);
	if (strcmp(command, "drill") == 0)
		return drill(db, status, e);
	if (strcmp(command, "prune") == 0)
		return prune(db, e);
	return db_checkpoint(db, e);
}

static const struct cli_command *find_command(const struct cli_args *args)
{
	const struct cli_command *c = commands;

	if (args->n == 0 || args->has_rest)
		cli_usage("one command is expected");
	while (c->name != NULL && strcmp(c->name, args->operands[0]) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", args->operands[0]);
	if (args->n != (c->args[0] != '\0' ? 2 : 1))
		cli_usage("%s: %s", c->name,
			  c->args[0] != '\0' ? "one file is expected" : "too many operands");
	return c;
}

/* An option that a command would ignore is a mistake of the caller. */
static void check_options(const char *command)
{
	bool copies = strcmp(command, "backup") == 0 || strcmp(command, "restore") == 0;
	bool prunes = strcmp(command, "prune") == 0;

	if (strcmp(command, "dump") == 0 && !logical)
		cli_usage("dump: needs --logical");
	if (force && !copies)
		cli_usage("%s: --force is for backup and restore", command);
	if (new_heads && strcmp(command, "restore") != 0)
		cli_usage("%s: --new-heads is for restore", command);
	if ((older_than != NULL || dry_run) && !prunes)
		cli_usage("%s: --older-than and --dry-run are for prune", command);
	if (prunes && (older_than == NULL || parse_age(older_than) < 0))
		cli_usage("prune: needs --older-than with an age such as 30d or 12h");
}

int main(int argc, char **argv)
{
	const struct cli_command *c;
	struct cli_args args;
	struct err e = { 0 };
	struct db *db = NULL;
	int status = 0, r = -1;

	cli_start(&tool, argc, argv, &args);
	c = find_command(&args);
	check_options(c->name);
	if (strcmp(c->name, "restore") == 0)
		r = restore(args.operands[1], &e);
	else if ((db = db_open(cli_common.database, &e)) != NULL)
		r = run(db, c->name, args.n > 1 ? args.operands[1] : NULL, &status, &e);
	db_close(db);
	return cli_end(r == 0 ? status : cli_fail(&e));
}
