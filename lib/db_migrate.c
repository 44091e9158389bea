#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

#include "banned.h"

/*
 * From an older schema to this one: every table is put aside, the schema is laid as for a new
 * race, and each row is copied into the table of its name, column by column. So a migrated race
 * has exactly the schema of a new one, whatever SQLite can alter in place. All versions so far
 * only add tables, columns with defaults and permitted values; one that changes the meaning of
 * a row will need a step of its own here.
 */

/* scan: the schema is small */
static const char sql_objects[] = "SELECT name, sql FROM sqlite_schema WHERE type = :type AND "
				  "name NOT LIKE 'sqlite_%' AND sql IS NOT NULL ORDER BY name";
static const char sql_columns[] =
	"SELECT o.name FROM pragma_table_info(:old) AS o JOIN "
	"pragma_table_info(:new) AS n ON n.name = o.name ORDER BY o.cid";

static const char sql_broken[] = "SELECT count(*) FROM pragma_foreign_key_check";

/* names come from the schema itself */
#define db_pour_script \
	"INSERT "      \
	"INTO \"%s\" (%s) SELECT %s FROM \"%s\"; DROP TABLE \"%s\""

struct db_object {
	char *name, *sql;
};

struct db_objects {
	struct db_object *items;
	size_t n;
};

static void db_release_objects(struct db_objects *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->items[i].name);
		free(o->items[i].sql);
	}
	free(o->items);
	*o = (struct db_objects){ 0 };
}

static int db_list_objects(struct db *db, const char *type, struct db_objects *o, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_objects);
	int r;

	sql_text(s, ":type", type);
	while ((r = sql_row(s, e)) == 1) {
		o->items = mem_resize(o->items, o->n + 1, sizeof *o->items);
		o->items[o->n++] = (struct db_object){ mem_strdup(sql_col_text(s, 0)),
						       mem_strdup(sql_col_text(s, 1)) };
	}
	sql_reset(s);
	return r;
}

/* A script with one name in it, which comes from the schema itself. */
static int db_run_on(struct db *db, const char *before, const char *name, const char *after,
		     struct err *e)
{
	char *text = mem_printf("%s\"%s\"%s", before, name, after);
	int r = sql_script(db_sql(db), text, e);

	free(text);
	return r;
}

static int db_drop_all(struct db *db, const char *type, const char *drop,
		       struct db_objects *kept, struct err *e)
{
	struct db_objects found = { 0 };
	int r = db_list_objects(db, type, &found, e);

	for (size_t i = 0; i < found.n && r == 0; i++)
		r = db_run_on(db, drop, found.items[i].name, "", e);
	if (kept != NULL)
		*kept = found;
	else
		db_release_objects(&found);
	return r;
}

static int db_put_aside(struct db *db, const struct db_objects *tables, struct err *e)
{
	for (size_t i = 0; i < tables->n; i++) {
		const char *name = tables->items[i].name;
		char *to = mem_printf(" RENAME TO \"old_%s\"", name);
		int r = db_run_on(db, "ALTER TABLE ", name, to, e);

		free(to);
		if (r != 0)
			return -1;
	}
	return 0;
}

/* INSERT INTO "t" (columns of both) SELECT them FROM "old_t", then away with it. */
static int db_pour(struct db *db, const char *name, struct err *e)
{
	char *old = mem_printf("old_%s", name);
	struct sql_stmt *s = db_get(db, sql_columns);
	struct buf columns = BUF_INIT;
	char *text;
	int r;

	sql_text(s, ":old", old);
	sql_text(s, ":new", name);
	while ((r = sql_row(s, e)) == 1)
		buf_addf(&columns, "%s\"%s\"", columns.len > 0 ? ", " : "", sql_col_text(s, 0));
	sql_reset(s);
	if (r == 0) {
		text = mem_printf(db_pour_script, name, buf_str(&columns), buf_str(&columns),
				  old, old);
		r = sql_script(db_sql(db), text, e);
		free(text);
	}
	buf_release(&columns);
	free(old);
	return r;
}

static int db_rebuild(struct db *db, struct err *e)
{
	struct db_objects tables = { 0 }, triggers = { 0 };
	int64_t broken = 0;
	int r = -1;

	if (db_drop_all(db, "view", "DROP VIEW ", NULL, e) != 0 ||
	    db_drop_all(db, "trigger", "DROP TRIGGER ", NULL, e) != 0 ||
	    db_drop_all(db, "index", "DROP INDEX ", NULL, e) != 0 ||
	    db_list_objects(db, "table", &tables, e) != 0 ||
	    db_put_aside(db, &tables, e) != 0 ||
	    sql_script(db_sql(db), db_schema_text(), e) != 0)
		goto out;
	/* rows are copied without the triggers that guard them */
	if (db_drop_all(db, "trigger", "DROP TRIGGER ", &triggers, e) != 0)
		goto out;
	for (size_t i = 0; i < tables.n; i++)
		if (db_pour(db, tables.items[i].name, e) != 0)
			goto out;
	for (size_t i = 0; i < triggers.n; i++)
		if (sql_script(db_sql(db), triggers.items[i].sql, e) != 0)
			goto out;
	r = sql_scalar(db_sql(db), sql_broken, &broken, e);
	if (r == 0 && broken > 0)
		r = err_set(e, ERR_DATA, "%s: %lld rows refer to rows that are not there",
			    db_path(db), (long long)broken);
out:
	db_release_objects(&triggers);
	db_release_objects(&tables);
	return r;
}

int db_version(struct db *db, int64_t *version, struct err *e)
{
	return sql_scalar(db_sql(db), "PRAGMA user_version", version, e);
}

int db_migrate(struct db *db, int64_t *from, struct err *e)
{
	/* references follow names, not the tables put aside; switched outside of transactions
	 */
	static const char aside[] = "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON";
	static const char back[] = "PRAGMA legacy_alter_table = OFF; PRAGMA foreign_keys = ON";
	struct err ignored = { 0 };
	int r;

	if (sql_script(db_sql(db), aside, e) != 0)
		return -1;
	r = db_begin(db, e);
	if (r == 0) {
		r = db_version(db, from, e);
		if (r == 0 && *from < DB_VERSION)
			r = db_rebuild(db, e);
		r = db_end(db, r, e);
	}
	if (sql_script(db_sql(db), back, r == 0 ? e : &ignored) != 0)
		r = -1;
	return r != 0 ? err_prefix(e, "%s: migration", db_path(db)) : db_checkpoint(db, e);
}
