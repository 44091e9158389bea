#include "db_part.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * SQLite up to 3.51.2 can lose committed rows when a checkpoint races a writer, so
 * checkpoints and write transactions take the same flock, automatic checkpoints are off and the
 * last close does not checkpoint either. The flock is also a fair queue where busy_timeout is a
 * lottery.
 */

#define DB_LOCK_WAIT_MS 5000
#define DB_LOG_MAX ((int64_t)16 << 20)

struct db {
	char *path;
	struct sql *sql;
	char *lock_name;
	int lock_fd; /* kept open; locked only inside a transaction */
	bool in_tx;
	bool dry;
	bool chunk; /* one transaction that others join */
	void *memo[DB_SLOTS];
	void (*forget[DB_SLOTS])(void *);
	int reads; /* pairs of db_read_begin and db_read_end that are open */
};

static const char db_schema[] = {
#include "schema.sql.inc"
	0
};

/* ------------------------------------------------------------------ the writers' lock */

static int db_open_lock(struct db *db, struct err *e)
{
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	db->lock_fd = db_open_beside(db->path, ".lock", O_RDWR | O_CREAT, e);
	return db->lock_fd < 0 ? -1 : 0;
}

static void db_alarm(int sig)
{
	(void)sig; /* only to interrupt flock */
}

/* A blocking flock with a limit: waiters are served in order, which polling would not give. */
static int db_flock(int fd, int64_t wait_ms, struct err *e)
{
	struct sigaction act = { .sa_handler = db_alarm }, old;
	struct itimerval timer = { .it_interval = { .tv_usec = 50000 } }, none = { 0 };
	int64_t until = tstamp_boot_ms() + wait_ms;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK && errno != EINTR)
		return err_sys(e, ERR_IO, "lock file");
	sigemptyset(&act.sa_mask);
	sigaction(SIGALRM, &act, &old);
	timer.it_value.tv_sec = wait_ms / 1000;
	timer.it_value.tv_usec = wait_ms % 1000 * 1000 + 1;
	setitimer(ITIMER_REAL, &timer, NULL);
	while ((r = flock(fd, LOCK_EX)) != 0 && errno == EINTR && tstamp_boot_ms() < until)
		;
	if (r != 0 && errno == EINTR)
		err_set(e, ERR_TEMP,
			"database is busy: another process has been writing for %lld s",
			(long long)(wait_ms / 1000));
	else if (r != 0)
		err_sys(e, ERR_IO, "lock file");
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &old, NULL);
	return r == 0 ? 0 : -1;
}

/* Take the writers' lock. A lock file that was removed is no lock: others open a new one. */
static int db_lock(struct db *db, struct err *e)
{
	for (;;) {
		if (db_flock(db->lock_fd, DB_LOCK_WAIT_MS, e) != 0)
			return -1;
		if (db_same_file(db->lock_fd, db->lock_name))
			return 0;
		if (db_open_lock(db, e) != 0)
			return -1;
	}
}

/* ------------------------------------------------------------------ opening */

static const char sql_begin[] = "BEGIN IMMEDIATE";
static const char sql_commit[] = "COMMIT";
static const char sql_rollback[] = "ROLLBACK";

/* Compiled while there is memory: a rollback must not need any. */
static int db_prepare(struct db *db, struct err *e)
{
	return sql_prepare(db->sql, sql_begin, e) == 0 &&
			       sql_prepare(db->sql, sql_commit, e) == 0 &&
			       sql_prepare(db->sql, sql_rollback, e) == 0
		       ? 0
		       : -1;
}

static struct db *db_new(const char *path, bool create, bool *exists, struct err *e)
{
	struct db *db = mem_alloc(sizeof *db);
	static const char *const beside[] = { "-wal", "-shm", ".lock" };
	bool other;

	db->lock_fd = -1;
	db->path = db_resolve(path, e);
	if (db->path == NULL || db_check_file(db->path, exists, e) != 0)
		goto fail;
	if (!*exists && !create) {
		err_set(e, ERR_NOTFOUND, "%s: no such database; tr-init creates one", path);
		goto fail;
	}
	if (!*exists && db_may_create(db->path, e) != 0)
		goto fail;
	db->lock_name = mem_printf("%s.lock", db->path);
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		char *name = mem_printf("%s%s", db->path, beside[i]);
		int r = db_check_file(name, &other, e);

		free(name);
		if (r != 0)
			goto fail;
	}
	return db;
fail:
	db_close(db);
	return NULL;
}

static int db_identify(struct db *db, bool older, struct err *e)
{
	int64_t id, version;

	if (sql_scalar(db->sql, "PRAGMA application_id", &id, e) != 0 ||
	    sql_scalar(db->sql, "PRAGMA user_version", &version, e) != 0)
		return err_prefix(e, "%s", db->path);
	if (id != DB_APPLICATION_ID)
		return err_set(e, ERR_CONFIG, "%s: is no race database", db->path);
	if (version > DB_VERSION)
		return err_set(
			e, ERR_CONFIG,
			"%s: has schema version %lld, these tools know up to %d: upgrade them",
			db->path, (long long)version, DB_VERSION);
	if (version < 1)
		return err_set(e, ERR_CONFIG, "%s: has schema version %lld", db->path,
			       (long long)version);
	if (version < DB_VERSION && !older)
		return err_set(e, ERR_CONFIG,
			       "%s: has schema version %lld, these tools use %d: tr-init %s "
			       "migrates it, keeping a copy",
			       db->path, (long long)version, DB_VERSION, db->path);
	return 0;
}

static struct db *db_open_version(const char *path, bool older, struct err *e)
{
	bool exists = false;
	struct db *db = db_new(path, false, &exists, e);

	if (db == NULL)
		return NULL;
	db->sql = sql_open(db->path, false, e);
	if (db->sql == NULL)
		err_prefix(e, "%s", db->path);
	if (db->sql == NULL || db_identify(db, older, e) != 0 || db_open_lock(db, e) != 0 ||
	    db_prepare(db, e) != 0) {
		db_close(db);
		return NULL;
	}
	return db;
}

struct db *db_open(const char *path, struct err *e)
{
	return db_open_version(path, false, e);
}

struct db *db_open_old(const char *path, struct err *e)
{
	return db_open_version(path, true, e);
}

const char *db_schema_text(void)
{
	return db_schema;
}

/* Whether the file holds nothing at all yet. */
static int db_is_blank(struct db *db, bool *blank, struct err *e)
{
	int64_t id, tables;

	if (sql_scalar(db->sql, "PRAGMA application_id", &id, e) != 0 ||
	    sql_scalar(db->sql, "SELECT count(*) FROM sqlite_schema", &tables, e) != 0)
		return -1;
	*blank = id == 0 && tables == 0;
	return 0;
}

/* SQLite gives up at once where two connections change the mode, whatever its busy time-out: it
 * would have to make a reader a writer. So one does it at a time. */
static int db_use_wal(struct db *db, struct err *e)
{
	int r;

	if (db_lock(db, e) != 0)
		return -1;
	r = sql_script(db->sql, "PRAGMA journal_mode = WAL", e);
	flock(db->lock_fd, LOCK_UN);
	return r;
}

static int db_lay_schema(struct db *db, bool *created, struct err *e)
{
	bool blank;
	int r;

	if (db_is_blank(db, &blank, e) != 0)
		return -1;
	if (!blank)
		return 0;
	if (db_use_wal(db, e) != 0 || db_begin(db, e) != 0)
		return -1;
	/* somebody else may have been first */
	r = db_is_blank(db, &blank, e);
	if (r == 0 && blank) {
		r = sql_script(db->sql, db_schema, e);
		*created = r == 0;
	}
	return db_end(db, r, e);
}

struct db *db_create(const char *path, bool *created, struct err *e)
{
	bool exists = false;
	struct db *db = db_new(path, true, &exists, e);

	*created = false;
	if (db == NULL)
		return NULL;
	db->sql = sql_open(db->path, true, e);
	if (db->sql == NULL)
		err_prefix(e, "%s", db->path);
	if (db->sql == NULL || db_open_lock(db, e) != 0 || db_prepare(db, e) != 0)
		goto fail;
	if (db_lay_schema(db, created, e) != 0) {
		err_prefix(e, "%s", db->path);
		goto fail;
	}
	if (db_identify(db, false, e) != 0)
		goto fail;
	return db;
fail:
	db_close(db);
	return NULL;
}

static void db_forget(struct db *db)
{
	for (int i = 0; i < DB_SLOTS; i++) {
		if (db->memo[i] == NULL)
			continue;
		db->forget[i](db->memo[i]);
		free(db->memo[i]);
		db->memo[i] = NULL;
	}
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_forget(db);
	sql_close(db->sql);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db->lock_name);
	free(db->path);
	free(db);
}

struct sql *db_sql(struct db *db)
{
	return db->sql;
}

const char *db_path(const struct db *db)
{
	return db->path;
}

struct sql_stmt *db_get(struct db *db, const char *text)
{
	return sql_get(db->sql, text);
}

/* ------------------------------------------------------------------ transactions */

int db_begin(struct db *db, struct err *e)
{
	if ((db->dry || db->chunk) && db->in_tx)
		return sql_autocommit(db->sql)
			       ? err_set(e, ERR_INTERNAL, "database: the transaction was lost")
			       : 0;
	assert(!db->in_tx);
	/* a rollback that failed for want of memory: nothing more may be written through this
	 * handle */
	if (!sql_autocommit(db->sql))
		return err_set(e, ERR_INTERNAL,
			       "database: a transaction could not be rolled back");
	if (db_lock(db, e) != 0)
		return -1;
	if (sql_exec(db_get(db, sql_begin), e) != 0) {
		flock(db->lock_fd, LOCK_UN);
		return -1;
	}
	db->in_tx = true;
	return 0;
}

int db_end(struct db *db, int r, struct err *e)
{
	struct err ignored = { 0 };

	assert(db->in_tx);
	if ((db->dry || db->chunk) && r == 0 && sql_autocommit(db->sql))
		r = err_set(e, ERR_INTERNAL, "database: the transaction was lost");
	if (db->dry || db->chunk)
		return r;
	/* After FULL or IOERR SQLite has rolled back by itself; going on would autocommit
	 * (R-62). */
	if (r == 0 && sql_autocommit(db->sql))
		r = err_set(e, ERR_INTERNAL, "database: the transaction was lost");
	if (r == 0)
		r = sql_exec(db_get(db, sql_commit), e);
	/* the first error is the one to tell; what this cannot end, closing does */
	if (!sql_autocommit(db->sql))
		sql_exec(db_get(db, sql_rollback), &ignored);
	db->in_tx = false;
	flock(db->lock_fd, LOCK_UN);
	return r;
}

int db_chunk_begin(struct db *db, struct err *e)
{
	/* what a chunk changes must fit, or it is written and read again and again */
	if (sql_script(db->sql, "PRAGMA cache_size = -65536", e) != 0 || db_begin(db, e) != 0)
		return -1;
	db->chunk = true;
	/* keys are unique without them, and nothing here changes a fact */
	return sql_triggers(db->sql, false, e) == 0 ? 0 : db_chunk_end(db, -1, e);
}

void *db_memo(struct db *db, enum db_slot slot, size_t size, void (*forget)(void *))
{
	if (!db->chunk)
		return NULL;
	if (db->memo[slot] == NULL) {
		db->memo[slot] = mem_array(1, size);
		db->forget[slot] = forget;
	}
	return db->memo[slot];
}

int db_chunk_end(struct db *db, int r, struct err *e)
{
	struct err ignored = { 0 };

	db->chunk = false;
	db_forget(db);
	if (sql_triggers(db->sql, true, r == 0 ? e : &ignored) != 0)
		r = -1;
	return db_end(db, r, e);
}

void db_dry_run(struct db *db)
{
	db->dry = true;
}

bool db_is_dry(const struct db *db)
{
	return db->dry;
}

int db_read_begin(struct db *db, struct err *e)
{
	if (db->in_tx)
		return 0;
	if (db->reads == 0 && sql_script(db->sql, "BEGIN", e) != 0)
		return -1;
	db->reads++;
	return 0;
}

void db_read_end(struct db *db)
{
	struct err ignored = { 0 };

	if (db->in_tx || db->reads == 0 || --db->reads > 0)
		return;
	/* a read transaction has nothing to lose */
	if (!sql_autocommit(db->sql))
		sql_script(db->sql, "COMMIT", &ignored);
}

int db_checkpoint(struct db *db, struct err *e)
{
	int64_t busy;
	int r;

	assert(!db->in_tx);
	if (db_lock(db, e) != 0)
		return -1;
	/* with a reader in the way waiting would keep every writer waiting, too */
	sql_patience(db->sql, 0);
	r = sql_scalar(db->sql, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, e);
	sql_patience(db->sql, SQL_PATIENCE_MS);
	flock(db->lock_fd, LOCK_UN);
	if (r != 0 && e->status == ERR_TEMP) {
		*e = (struct err){ 0 };
		r = 0;
	}
	return r;
}

void db_tidy(struct db *db)
{
	struct err e = { 0 };

	if (db_wal_size(db) > DB_LOG_MAX && db_checkpoint(db, &e) != 0)
		log_msg(LOG_WARN, "checkpoint: %s", e.text);
}

int db_copy(struct db *db, const char *path, struct err *e)
{
	int64_t tables;
	int r;

	if (db_read_begin(db, e) != 0)
		return -1;
	/* the first read is what fixes the moment */
	r = sql_scalar(db->sql, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (r == 0)
		r = sql_backup(db->sql, path, e);
	db_read_end(db);
	return r;
}

static const char sql_integrity[] = "PRAGMA integrity_check(1)";
static const char sql_foreign_keys[] = "PRAGMA foreign_key_check";

static int db_integrity(struct db *db, bool *ok, char *problem, size_t cap, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_integrity);
	int r = sql_row(s, e);

	if (r < 0)
		return -1;
	*ok = r == 1 && strcmp(sql_col_text(s, 0), "ok") == 0;
	if (!*ok)
		snprintf(problem, cap, "integrity: %s",
			 r == 1 ? sql_col_text(s, 0) : "no answer");
	sql_reset(s);
	return 0;
}

int db_check(struct db *db, bool *ok, char *problem, size_t cap, struct err *e)
{
	struct sql_stmt *s;
	int r;

	/* a page that could not be had for want of memory reads like damage: that is there
	 * twice */
	if (db_integrity(db, ok, problem, cap, e) != 0 ||
	    (!*ok && db_integrity(db, ok, problem, cap, e) != 0))
		return -1;
	if (!*ok)
		return 0;
	s = db_get(db, sql_foreign_keys);
	r = sql_row(s, e);
	if (r == 1) {
		*ok = false;
		snprintf(problem, cap, "table %s: a row refers to none in %s",
			 sql_col_text(s, 0), sql_col_text(s, 2));
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int64_t db_wal_size(const struct db *db)
{
	char *name = mem_printf("%s-wal", db->path);
	struct stat st;
	int r = stat(name, &st);

	free(name);
	return r == 0 ? st.st_size : 0;
}
