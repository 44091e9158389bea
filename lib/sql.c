#include "sql.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * The statement cache is a small open-addressed table keyed by the address of the static text:
 * a lookup costs a few instructions, so callers fetch a statement where they use it. Parameters
 * are found by the address of their names likewise, beginning where the last one was: they are
 * bound in one order by one place.
 */
#define SQL_CACHE 256
#define SQL_PARAMS 24		/* of a statement, as many as are remembered */
#define SQL_BACKUP_PAGES 1024	/* copied at a time */
#define SQL_PROGRESS_STEPS 1000 /* of the virtual machine between two looks at the clock */

struct sql_param {
	const char *name;
	int i;
};

struct sql_stmt {
	struct sql *q;
	const char *text;
	sqlite3_stmt *stmt;
	struct sql_param params[SQL_PARAMS];
	size_t n_params, next_param;
	int code; /* latched */
	bool active;
};

struct sql {
	sqlite3 *db;
	int64_t until_ms; /* of sql_limit */
	struct sql_stmt *cache[SQL_CACHE];
};

static int sql_status(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
		return ERR_TEMP;
	case SQLITE_FULL:
	case SQLITE_IOERR:
		return ERR_IO;
	case SQLITE_NOMEM:
		return ERR_MEMORY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_PERM;
	case SQLITE_CANTOPEN:
		return ERR_NOTFOUND;
	case SQLITE_NOTADB:
		return ERR_CONFIG;
	case SQLITE_CONSTRAINT:
		return ERR_DATA;
	default:
		return ERR_INTERNAL;
	}
}

static int sql_fail(struct sql *q, int code, struct err *e)
{
	return err_set(e, sql_status(code), "database: %s",
		       q->db != NULL && sqlite3_extended_errcode(q->db) == code
			       ? sqlite3_errmsg(q->db)
			       : sqlite3_errstr(code));
}

/* Recipe R-60; what has a read-back is read back. */
static int sql_configure(struct sql *q, struct err *e)
{
	static const struct {
		int op, value;
	} flags[] = {
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};
	int64_t v;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		int got = -1;

		if (sqlite3_db_config(q->db, flags[i].op, flags[i].value, &got) != SQLITE_OK ||
		    got != flags[i].value)
			return err_set(e, ERR_INTERNAL, "database: option %d cannot be set",
				       flags[i].op);
	}
	sql_patience(q, SQL_PATIENCE_MS);
	if (sql_script(q,
		       "PRAGMA recursive_triggers = ON; PRAGMA cell_size_check = ON;"
		       "PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0;"
		       "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;",
		       e) != 0)
		return -1;
	if (sql_scalar(q, "PRAGMA recursive_triggers", &v, e) != 0 || v != 1 ||
	    sql_scalar(q, "PRAGMA synchronous", &v, e) != 0 || v != 2 ||
	    sql_scalar(q, "PRAGMA wal_autocheckpoint", &v, e) != 0 || v != 0)
		return err_set(e, ERR_INTERNAL, "database: a pragma did not take");
	return 0;
}

/* There are no threads here: no locks around memory, and no accounting of it. */
static void sql_prepare_library(void)
{
	static bool done;

	if (done)
		return;
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	done = true;
}

struct sql *sql_open(const char *path, bool create, struct err *e)
{
	struct sql *q = mem_alloc(sizeof *q);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
	int code;

	sql_prepare_library();
	if (create)
		flags |= SQLITE_OPEN_CREATE;
	code = sqlite3_open_v2(path, &q->db, flags, NULL);
	if (code != SQLITE_OK) {
		sql_fail(q, code, e);
		sql_close(q);
		return NULL;
	}
	if (sqlite3_db_readonly(q->db, "main") == 1) {
		err_set(e, ERR_PERM, "cannot be written");
		sql_close(q);
		return NULL;
	}
	if (sql_configure(q, e) != 0) {
		sql_close(q);
		return NULL;
	}
	return q;
}

void sql_close(struct sql *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < SQL_CACHE; i++) {
		if (q->cache[i] == NULL)
			continue;
		sqlite3_finalize(q->cache[i]->stmt);
		free(q->cache[i]);
	}
	sqlite3_close(q->db);
	free(q);
}

int sql_script(struct sql *q, const char *text, struct err *e)
{
	int code = sqlite3_exec(q->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_fail(q, code, e);
}

int sql_scalar(struct sql *q, const char *text, int64_t *out, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(q->db, text, -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		*out = sqlite3_column_int64(s, 0);
		sqlite3_finalize(s);
		return 0;
	}
	sql_fail(q, code == SQLITE_DONE ? SQLITE_INTERNAL : code, e);
	sqlite3_finalize(s);
	return -1;
}

static size_t sql_slot(const char *text)
{
	return ((uintptr_t)text >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 56;
}

struct sql_stmt *sql_get(struct sql *q, const char *text)
{
	size_t i = sql_slot(text), tried = 0;
	struct sql_stmt *s;

	while (q->cache[i] != NULL && q->cache[i]->text != text) {
		i = (i + 1) % SQL_CACHE;
		assert(++tried < SQL_CACHE);
	}
	if (q->cache[i] == NULL) {
		q->cache[i] = mem_alloc(sizeof **q->cache);
		q->cache[i]->q = q;
		q->cache[i]->text = text;
	}
	s = q->cache[i];
	assert(!s->active); /* two users of one statement at a time would mix their rows */
	s->code = SQLITE_OK;
	if (s->stmt == NULL)
		s->code = sqlite3_prepare_v3(q->db, text, -1, SQLITE_PREPARE_PERSISTENT,
					     &s->stmt, NULL);
	else
		sqlite3_clear_bindings(s->stmt);
	/* text that does not compile is our bug, not the world's */
	if (s->code == SQLITE_ERROR)
		fprintf(stderr, "sql: %s: %s\n", sqlite3_errmsg(q->db), text);
	assert(s->code != SQLITE_ERROR);
	return s;
}

int sql_prepare(struct sql *q, const char *text, struct err *e)
{
	struct sql_stmt *s = sql_get(q, text);

	return s->code == SQLITE_OK ? 0 : sql_fail(q, s->code, e);
}

static int sql_param(struct sql_stmt *s, const char *name)
{
	int i;

	for (size_t tried = 0; tried < s->n_params; tried++) {
		const struct sql_param *p = &s->params[s->next_param];

		if (++s->next_param == s->n_params)
			s->next_param = 0;
		if (p->name == name)
			return p->i;
	}
	i = sqlite3_bind_parameter_index(s->stmt, name);
	if (i == 0)
		fprintf(stderr, "sql: no parameter %s: %s\n", name, s->text);
	assert(i != 0);
	if (s->n_params < SQL_PARAMS)
		s->params[s->n_params++] = (struct sql_param){ name, i };
	return i;
}

static void sql_latch(struct sql_stmt *s, int code)
{
	if (s->code == SQLITE_OK)
		s->code = code;
}

void sql_int(struct sql_stmt *s, const char *name, int64_t v)
{
	if (s->code == SQLITE_OK)
		sql_latch(s, sqlite3_bind_int64(s->stmt, sql_param(s, name), v));
}

void sql_text(struct sql_stmt *s, const char *name, const char *text)
{
	if (s->code == SQLITE_OK)
		sql_latch(s, sqlite3_bind_text(s->stmt, sql_param(s, name), text, -1,
					       SQLITE_STATIC));
}

void sql_blob(struct sql_stmt *s, const char *name, const void *data, size_t n)
{
	if (s->code != SQLITE_OK)
		return;
	if (data != NULL && n == 0)
		data = "";
	sql_latch(s, sqlite3_bind_blob64(s->stmt, sql_param(s, name), data, n, SQLITE_STATIC));
}

int sql_row(struct sql_stmt *s, struct err *e)
{
	int code = s->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(s->stmt);
	if (code == SQLITE_ROW) {
		s->active = true;
		return 1;
	}
	if (code == SQLITE_DONE) {
		sql_reset(s);
		return 0;
	}
	sql_fail(s->q, code, e);
	sql_reset(s);
	return -1;
}

int sql_exec(struct sql_stmt *s, struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1)
		;
	return r;
}

void sql_reset(struct sql_stmt *s)
{
	s->active = false;
	if (s->stmt != NULL)
		sqlite3_reset(s->stmt); /* repeats the step's code, which is reported already */
}

int64_t sql_col_int(struct sql_stmt *s, int i)
{
	return sqlite3_column_int64(s->stmt, i);
}

const char *sql_col_text(struct sql_stmt *s, int i)
{
	bool null = sql_col_null(s, i);
	const char *text = (const char *)sqlite3_column_text(s->stmt, i);

	/* ending it by a NUL may take memory */
	if (text == NULL && !null)
		mem_exhausted();
	return text;
}

const void *sql_col_blob(struct sql_stmt *s, int i, size_t *n)
{
	const void *p = sqlite3_column_blob(s->stmt, i);

	*n = (size_t)sqlite3_column_bytes(s->stmt, i);
	if (p == NULL && *n > 0)
		mem_exhausted();
	return p;
}

bool sql_col_null(struct sql_stmt *s, int i)
{
	return sqlite3_column_type(s->stmt, i) == SQLITE_NULL;
}

int sql_col_count(struct sql_stmt *s)
{
	return s->code == SQLITE_OK ? sqlite3_column_count(s->stmt) : 0;
}

const char *sql_col_name(struct sql_stmt *s, int i)
{
	return sqlite3_column_name(s->stmt, i);
}

enum sql_type sql_col_type(struct sql_stmt *s, int i)
{
	switch (sqlite3_column_type(s->stmt, i)) {
	case SQLITE_NULL:
		return SQL_NULL;
	case SQLITE_INTEGER:
		return SQL_INT;
	case SQLITE_BLOB:
		return SQL_BLOB;
	default:
		return SQL_TEXT;
	}
}

static int sql_copy(struct sql *q, sqlite3 *to, struct err *e)
{
	sqlite3_backup *b;
	int code = sqlite3_exec(to, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return err_set(e, sql_status(code), "%s", sqlite3_errmsg(to));
	b = sqlite3_backup_init(to, "main", q->db, "main");
	if (b == NULL)
		return err_set(e, sql_status(sqlite3_errcode(to)), "%s", sqlite3_errmsg(to));
	while ((code = sqlite3_backup_step(b, SQL_BACKUP_PAGES)) == SQLITE_OK)
		;
	sqlite3_backup_finish(b); /* repeats the step's code */
	return code == SQLITE_DONE ? 0
				   : err_set(e, sql_status(code), "%s", sqlite3_errstr(code));
}

int sql_backup(struct sql *q, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	int r, code = sqlite3_open_v2(path, &to,
				      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW |
					      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
					      SQLITE_OPEN_PRIVATECACHE,
				      NULL);

	r = code == SQLITE_OK ? sql_copy(q, to, e)
			      : err_set(e, sql_status(code), "%s", sqlite3_errstr(code));
	sqlite3_close(to);
	return r == 0 ? 0 : err_prefix(e, "%s", path);
}

static int sql_progress(void *ctx)
{
	const struct sql *q = ctx;

	return tstamp_boot_ms() >= q->until_ms;
}

void sql_limit(struct sql *q, int64_t until_ms)
{
	q->until_ms = until_ms;
	sqlite3_progress_handler(q->db, SQL_PROGRESS_STEPS, until_ms < 0 ? NULL : sql_progress,
				 q);
}

int sql_triggers(struct sql *q, bool on, struct err *e)
{
	int got = -1;

	if (sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, (int)on, &got) !=
		    SQLITE_OK ||
	    got != (int)on)
		return err_set(e, ERR_INTERNAL, "database: triggers cannot be switched");
	return 0;
}

void sql_patience(struct sql *q, int wait_ms)
{
	sqlite3_busy_timeout(q->db, wait_ms);
}

int64_t sql_changes(struct sql *q)
{
	return sqlite3_changes64(q->db);
}

bool sql_autocommit(struct sql *q)
{
	return sqlite3_get_autocommit(q->db) != 0;
}
