/*
 * tr-config reads and changes the settings of a race. They live in the database, so that the
 * file is the whole race, and every change is logged. A change takes effect in the next window
 * that begins; windows that have begun keep what they were pinned to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "tstamp.h"

#include "banned.h"

static bool names_only, json, effective, dry_run;

static const struct cli_opt options[] = {
	{ 0, "names", CLI_FLAG, &names_only, NULL, "list: only the names" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list and log: print JSON" },
	{ 'e', "effective", CLI_FLAG, &effective, NULL,
	  "list and get: with overrides from the environment" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "list", "", "all settings with their values" },
	{ "get", "KEY", "one value" },
	{ "set", "KEY VALUE", "change a value" },
	{ "unset", "KEY", "back to the default" },
	{ "explain", "[KEY]...", "type, range, default and meaning" },
	{ "export", "", "all values that differ from the defaults, as JSON" },
	{ "import", "[FILE]", "take over what export printed, from FILE or standard input" },
	{ "log", "", "every change that was made" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-config", "read and change the settings of a race",
				      NULL, options, commands };

static void write_value(struct json_writer *w, const struct config *c, int i)
{
	const struct config_value *v = &c->v[i];

	json_write_object(w, NULL);
	json_write_string(w, "setting", config_defs[i].name);
	json_write_string(w, "value", v->text);
	json_write_string(w, "default", config_defs[i].def);
	json_write_string(w, "unit", config_defs[i].unit);
	json_write_bool(w, "set", v->set);
	json_write_bool(w, "overridden", v->overridden);
	json_write_close(w);
	json_write_end(w);
}

static void list(const struct config *c)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_value *v = &c->v[i];

		json_write_init(&w, &b);
		if (names_only)
			buf_addf(&b, "%s\n", config_defs[i].name);
		else if (json)
			write_value(&w, c, i);
		else
			buf_addf(&b, "%-24s %s%s%s%s\n", config_defs[i].name, v->text,
				 config_defs[i].unit[0] && v->text[0] ? " " : "",
				 v->text[0] ? config_defs[i].unit : "",
				 v->overridden ? "  (environment)"
				 : v->set      ? "  (set)"
					       : "");
	}
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void explain_one(int i)
{
	static const char *const types[] = { "integer", "decimal", "yes or no", "choice",
					     "text" };
	const struct config_def *d = &config_defs[i];
	char range[CONFIG_RANGE_MAX];

	cli_outf("%s\n  %s\n  %s%s%s, %s; default %s\n", d->name, d->help, types[d->type],
		 d->unit[0] ? " in " : "", d->unit, config_range((enum config_key)i, range),
		 d->def[0] ? d->def : "empty");
}

static int explain(const struct cli_args *args, struct err *e)
{
	for (size_t i = 1; i < args->n; i++)
		if (config_find(args->operands[i], e) == CONFIG_KEYS)
			return -1;
	for (int i = 0; i < CONFIG_KEYS && args->n == 1; i++)
		explain_one(i);
	for (size_t i = 1; i < args->n; i++)
		explain_one((int)config_find(args->operands[i], e));
	return 0;
}

static void export(const struct config *c)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (c->v[i].set)
			json_write_string(&w, config_defs[i].name, c->v[i].text);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void print_change(void *ctx, int64_t seq, int64_t at_ms, const char *name,
			 const char *from, const char *to, const char *origin)
{
	char at[TSTAMP_TEXT_MAX];
	struct buf b = BUF_INIT;
	struct json_writer w;

	(void)ctx;
	tstamp_format(at_ms, at);
	if (!json) {
		cli_outf("%lld %s %s: %s -> %s (%s)\n", (long long)seq, at, name,
			 from != NULL ? from : "default", to != NULL ? to : "default", origin);
		return;
	}
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_int(&w, "seq", seq);
	json_write_string(&w, "at", at);
	json_write_string(&w, "setting", name);
	json_write_string(&w, "from", from);
	json_write_string(&w, "to", to);
	json_write_string(&w, "origin", origin);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static int change(struct db *db, const char *name, const char *value, struct err *e)
{
	enum config_key key = config_find(name, e);

	if (key == CONFIG_KEYS || db_begin(db, e) != 0)
		return -1;
	return db_end(db,
		      config_store(db, key, value, value != NULL ? "set" : "unset",
				   cli_common.now_ms, e),
		      e);
}

static int read_import(const struct cli_args *args, struct buf *text, struct err *e)
{
	char block[8192];
	bool present;
	size_t n;
	FILE *f;

	if (args->n == 1) {
		if (cli_read_stdin(text, JSON_BYTES_MAX, &present, e) != 0)
			return -1;
		return present ? 0
			       : err_set(e, ERR_USAGE,
					 "import: standard input is no file or pipe");
	}
	f = fopen(args->operands[1], "re");
	if (f == NULL)
		return err_sys(e, ERR_NOTFOUND, "%s", args->operands[1]);
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(text, block, n);
	n = (size_t)ferror(f);
	fclose(f);
	return n == 0 ? 0 : err_set(e, ERR_IO, "%s: cannot be read", args->operands[1]);
}

/* All values or none: what the file does not name goes back to its default. */
static int import_all(struct db *db, const struct json *root, struct err *e)
{
	struct config c;
	int r;

	if (json_type(root) != JSON_OBJECT)
		return err_set(e, ERR_DATA, "import: must be one JSON object");
	config_init(&c);
	r = config_read(&c, root, e);
	for (int i = 0; i < CONFIG_KEYS && r == 0; i++) {
		const struct json *v = json_get(root, config_defs[i].name);

		/* the currency is not reset by a file that does not speak of it */
		if (v == NULL && i == CONFIG_RACE_QUOTE)
			continue;
		r = config_store(db, (enum config_key)i, v != NULL ? json_text(v) : NULL,
				 "import", cli_common.now_ms, e);
	}
	config_release(&c);
	return r;
}

static int import(struct db *db, const struct cli_args *args, struct err *e)
{
	struct buf text = BUF_INIT;
	struct json *root = NULL;
	int r = -1;

	if (read_import(args, &text, e) != 0)
		goto out;
	root = json_parse(buf_str(&text), text.len, e);
	if (root == NULL || db_begin(db, e) != 0)
		goto out;
	r = db_end(db, import_all(db, root, e), e);
out:
	json_free(root);
	buf_release(&text);
	return r;
}

static int run(struct db *db, const char *command, const struct cli_args *args, struct err *e)
{
	enum config_key key;
	struct config c;
	int r;

	if (strcmp(command, "set") == 0)
		return change(db, args->operands[1], args->operands[2], e);
	if (strcmp(command, "unset") == 0)
		return change(db, args->operands[1], NULL, e);
	if (strcmp(command, "import") == 0)
		return import(db, args, e);
	if (strcmp(command, "log") == 0)
		return config_log(db, print_change, NULL, e);
	config_init(&c);
	r = config_load(db, &c, e);
	if (r == 0 && effective)
		r = config_environment(&c, e);
	if (r == 0 && strcmp(command, "list") == 0) {
		list(&c);
	} else if (r == 0 && strcmp(command, "get") == 0) {
		key = config_find(args->operands[1], e);
		if (key != CONFIG_KEYS)
			cli_outf("%s\n", config_text(&c, key));
		else
			r = -1;
	} else if (r == 0) {
		export(&c);
	}
	config_release(&c);
	return r;
}

static void check_usage(const char *command, const struct cli_args *args)
{
	static const struct {
		const char *name;
		size_t min, max;
	} forms[] = { { "list", 1, 1 },	  { "get", 2, 2 },	{ "set", 3, 3 },
		      { "unset", 2, 2 },  { "explain", 1, 99 }, { "export", 1, 1 },
		      { "import", 1, 2 }, { "log", 1, 1 } };

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strcmp(forms[i].name, command) == 0) {
			if (args->n < forms[i].min || args->n > forms[i].max || args->has_rest)
				cli_usage("%s: wrong number of operands", command);
			return;
		}
	cli_usage("unknown command %s", command);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	if (args.n == 0)
		cli_usage("a command is missing");
	check_usage(args.operands[0], &args);
	/* the registry needs no race */
	if (strcmp(args.operands[0], "explain") == 0)
		return cli_end(explain(&args, &e) == 0 ? 0 : cli_fail(&e));
	if (names_only && strcmp(args.operands[0], "list") == 0) {
		struct config c;

		config_init(&c);
		list(&c);
		config_release(&c);
		return cli_end(0);
	}
	db = db_open(cli_common.database, &e);
	if (db != NULL && dry_run)
		db_dry_run(db);
	if (db != NULL)
		r = run(db, args.operands[0], &args, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
