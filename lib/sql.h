#ifndef SQL_H
#define SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * The only door to SQLite: a connection opened by the recipe of SEMANTICS R-60, and prepared
 * statements with named parameters. Statements are static strings; each is prepared once per
 * connection and found again by its address. A statement latches its first error (also one of
 * preparing it) and reports it from sql_row or sql_exec, so that binding needs no checks. An
 * unknown parameter name is a programmer's error and aborts.
 *
 * Every result code becomes an err: BUSY 75, FULL and IOERR 74, CORRUPT 70, NOTADB 78, NOMEM
 * 71, READONLY and PERM and CANTOPEN 77 or 66, a constraint 65.
 */

struct sql;	 /* a connection */
struct sql_stmt; /* a statement of it, owned by it */

/* Open an existing file, or with ${create} a new one. ${path} must not end in a link. */
struct sql *sql_open(const char *path, bool create, struct err *e);
/* Close; an open transaction is rolled back. NULL is fine. */
void sql_close(struct sql *q);

/* Run a script without parameters or results. */
int sql_script(struct sql *q, const char *text, struct err *e);
/* Run one statement that gives one integer. */
int sql_scalar(struct sql *q, const char *text, int64_t *out, struct err *e);

/* The statement, reset and with nothing bound. Never NULL. ${text} must be static, and so must
 * the names of parameters. */
struct sql_stmt *sql_get(struct sql *q, const char *text);

/* Compile it now rather than when it is first run. */
int sql_prepare(struct sql *q, const char *text, struct err *e);

void sql_int(struct sql_stmt *s, const char *name, int64_t v);
void sql_text(struct sql_stmt *s, const char *name, const char *text); /* NULL binds NULL */
void sql_blob(struct sql_stmt *s, const char *name, const void *data, size_t n); /* likewise */

/* Step: 1 with a row, 0 when done (the statement is then reset), -1. Bound data must stay. */
int sql_row(struct sql_stmt *s, struct err *e);
/* Run to the end. */
int sql_exec(struct sql_stmt *s, struct err *e);
/* End early; harmless otherwise. */
void sql_reset(struct sql_stmt *s);

/* Columns of the current row; text and blobs are borrowed until the next step. */
int64_t sql_col_int(struct sql_stmt *s, int i);
const char *sql_col_text(struct sql_stmt *s, int i); /* NULL for NULL */
const void *sql_col_blob(struct sql_stmt *s, int i, size_t *n);
bool sql_col_null(struct sql_stmt *s, int i);
int sql_col_count(struct sql_stmt *s);
const char *sql_col_name(struct sql_stmt *s, int i);
enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT, SQL_BLOB };
enum sql_type sql_col_type(struct sql_stmt *s, int i);

/*
 * Copy the whole database, as the read transaction that is open on it sees it, into the empty
 * file ${path}. Writers and readers go on meanwhile. After a failure ${path} is worthless.
 */
int sql_backup(struct sql *q, const char *path, struct err *e);

/* From ${until_ms} on the boot clock on, statements are interrupted: ERR_TEMP. -1: never. */
void sql_limit(struct sql *q, int64_t until_ms);

/* Whether triggers run. They refuse changes of facts; who makes none may do without. */
int sql_triggers(struct sql *q, bool on, struct err *e);

/* How long a statement waits for another process: SQL_PATIENCE_MS unless told otherwise. */
#define SQL_PATIENCE_MS 5000
void sql_patience(struct sql *q, int wait_ms);

/* Rows that the last statement changed. */
int64_t sql_changes(struct sql *q);
/* Whether no transaction is open: asserted around every one. */
bool sql_autocommit(struct sql *q);

#endif
