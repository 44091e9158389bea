#ifndef DB_H
#define DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "sql.h"

/*
 * A race database as a file: where it may lie, who may read it, its identity and version, and
 * write transactions under the lock of SEMANTICS R-59.
 *
 * Beside race.db live race.db-wal and race.db-shm (SQLite's), race.db.lock (the queue of
 * writers), race.db.cycle (held by tr-cycle while a window runs), race.db.alert (held by
 * tr-check while it tells a problem) and race.db.heads (head.h). All are 0600 and stay.
 */

#define DB_APPLICATION_ID 1414677313
#define DB_VERSION 2

struct db;

/*
 * Open a race. ERR_NOTFOUND if there is no such file; ERR_PERM if the file or its directory
 * belong to somebody else or are open to others; ERR_CONFIG if it is no race database or
 * a newer one, or lies on a network file system.
 */
struct db *db_open(const char *path, struct err *e);

/*
 * Create the file if it is absent or empty and lay the schema, in one transaction; a race that
 * is there already is opened. *${created} tells.
 */
struct db *db_create(const char *path, bool *created, struct err *e);

/*
 * Open a race of this or an older version, for copying and migrating only, and bring it to
 * DB_VERSION: one transaction, after which the schema is that of a new race and every row is
 * there. The caller has made a copy. *${from} is the version it had.
 */
struct db *db_open_old(const char *path, struct err *e);
int db_migrate(struct db *db, int64_t *from, struct err *e);
/* The version that it has. */
int db_version(struct db *db, int64_t *version, struct err *e);
/* share/schema.sql. */
const char *db_schema_text(void);

/* Close; an open transaction is rolled back. NULL is fine. */
void db_close(struct db *db);

struct sql *db_sql(struct db *db);
const char *db_path(const struct db *db);

/* Statement of this database: sql_get(db_sql(db), text). */
struct sql_stmt *db_get(struct db *db, const char *text);

/*
 * Write transactions: BEGIN IMMEDIATE under flock on the lock file, waiting at most five
 * seconds (then ERR_TEMP), and COMMIT or ROLLBACK. They do not nest.
 *
 *	if (db_begin(db, e) != 0)
 *		return -1;
 *	r = work(db, e);
 *	return db_end(db, r, e);
 */
int db_begin(struct db *db, struct err *e);
/* COMMIT if ${r} is 0, else ROLLBACK; returns 0 only if the work is on disk. */
int db_end(struct db *db, int r, struct err *e);

/*
 * One transaction around many: those begun until db_chunk_end join it and do not commit. A
 * failure of one of them must end the chunk with it. For replays, whose windows would spend
 * their time in fsync; nobody else writes meanwhile.
 */
int db_chunk_begin(struct db *db, struct err *e);
int db_chunk_end(struct db *db, int r, struct err *e);

/*
 * What a module remembers of the database within a chunk, where nobody else can change it: a
 * block of ${size} zeroed bytes, the same until the chunk ends, when ${forget} is called with
 * it. NULL outside of a chunk: then every question is asked anew. Whoever writes keeps its
 * block true, or drops what it says.
 */
enum db_slot { DB_JOURNAL, DB_MARKET, DB_FEED, DB_LEDGER, DB_VERDICT, DB_SLOTS };
void *db_memo(struct db *db, enum db_slot slot, size_t size, void (*forget)(void *));

/* From now on nothing is committed: the first db_begin opens a transaction that all later ones
 * join, and db_close rolls it back. For --dry-run, which thereby runs the same statements as
 * the real thing. */
void db_dry_run(struct db *db);
bool db_is_dry(const struct db *db);

/* A consistent view over several reads: until db_read_end, all statements see one state. A
 * pair inside another pair joins it. */
int db_read_begin(struct db *db, struct err *e);
void db_read_end(struct db *db);

/* Move the write-ahead log into the file and empty it, under the writers' lock. Gives up at
 * once and returns 0 if a reader is in the way. */
int db_checkpoint(struct db *db, struct err *e);
/* The same when the log has grown to 16 MiB, for tools whose race may have no tr-cycle that
 * would do it. A failure is logged. */
void db_tidy(struct db *db);

/*
 * Where a race, or a copy of one, may lie: the absolute path of ${path}, the caller's, after
 * the checks of db_open on its directory and, if it *${exists}, on the file. NULL on failure.
 */
char *db_place(const char *path, bool *exists, struct err *e);

/*
 * Open ${path}${suffix}, ${path} being that of db_place, with the ${flags} of open(2), after
 * the checks of db_open on it; with O_CREAT it is made 0600. The descriptor, or -1: a file that
 * is not there is ERR_NOTFOUND.
 */
int db_open_beside(const char *path, const char *suffix, int flags, struct err *e);

/* Write the whole race, as one moment saw it, into the empty file ${path}; see sql_backup. */
int db_copy(struct db *db, const char *path, struct err *e);

/* Integrity of the file and of the foreign keys: *${ok}, else the first problem as text. */
int db_check(struct db *db, bool *ok, char *problem, size_t cap, struct err *e);

/* Bytes in the write-ahead log. */
int64_t db_wal_size(const struct db *db);

/*
 * Lock files: O_CLOEXEC, O_NOFOLLOW, never unlinked, inode checked again after locking.
 * ${wait_ms} 0 fails at once, else polls; ERR_TEMP if somebody holds it. The descriptor, to be
 * closed to release, or -1.
 */
int db_lock_file(const struct db *db, const char *suffix, int64_t wait_ms, struct err *e);
/* The same of a race that is not open; ${path} is that of db_place. */
int db_lock_path(const char *path, const char *suffix, int64_t wait_ms, struct err *e);

#endif
