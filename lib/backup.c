#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Neither a copy nor its source is opened by other means while SQLite has it open in this
 * process: files are made, read and synchronised before or after. A write-ahead log must
 * never lie beside a main file that is not its own, since SQLite would play it into that file;
 * so logs are emptied or moved before a name changes its file.
 */

#define BACKUP_CHUNK ((size_t)1 << 20)
#define BACKUP_RETIRE_MS 5000

/* A place for a file, and the lock on its directory. */
struct backup_place {
	char *path; /* as db_place says */
	char *tmp;
	bool exists;
	int dir_fd;
};

/* ------------------------------------------------------------------ files */

static void backup_unlink(const char *path, const char *suffix)
{
	char *name = mem_printf("%s%s", path, suffix);

	/* what is not there needs no removal, and what stays is met by O_EXCL */
	unlink(name);
	free(name);
}

/* A temporary copy with all that SQLite and db_open put beside it. */
static void backup_discard(const char *path)
{
	static const char *const suffixes[] = { "-journal", "-wal", "-shm", ".lock", "" };

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		backup_unlink(path, suffixes[i]);
}

/* The size of a file beside ${path}, -1 for none. */
static int64_t backup_size(const char *path, const char *suffix)
{
	char *name = mem_printf("%s%s", path, suffix);
	struct stat st;
	int r = lstat(name, &st);

	free(name);
	return r == 0 ? st.st_size : -1;
}

static void backup_leave(struct backup_place *p)
{
	if (p->dir_fd >= 0)
		close(p->dir_fd);
	free(p->tmp);
	free(p->path);
}

static int backup_lock_directory(const char *path, struct err *e)
{
	char *copy = mem_strdup(path);
	const char *dir = dirname(copy);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		err_sys(e, errno == EACCES ? ERR_PERM : ERR_IO, "directory %s", dir);
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err_set(e, ERR_TEMP, "directory %s: another copy is being made in it", dir);
		close(fd);
		fd = -1;
	}
	free(copy);
	return fd;
}

static int backup_enter(struct backup_place *p, const char *path, struct err *e)
{
	*p = (struct backup_place){ .dir_fd = -1 };
	p->path = db_place(path, &p->exists, e);
	if (p->path == NULL)
		return -1;
	p->tmp = mem_printf("%s.tmp", p->path);
	p->dir_fd = backup_lock_directory(p->path, e);
	return p->dir_fd >= 0 ? 0 : -1;
}

/* An empty file for a copy. What a copy that was killed has left goes, since the lock on the
 * directory says that none is being made. */
static int backup_create(const char *tmp, struct err *e)
{
	struct stat st;
	int fd;

	if (lstat(tmp, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
		backup_discard(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_sys(e,
			errno == EACCES || errno == EROFS ? ERR_PERM
			: errno == EEXIST		  ? ERR_DATA
							  : ERR_IO,
			"%s", tmp);
	return fd;
}

/* Bring the copy to disk and give it its name. */
static int backup_install(const struct backup_place *p, struct err *e)
{
	int fd = open(p->tmp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd >= 0 ? fsync(fd) : -1;

	if (r != 0)
		err_sys(e, ERR_IO, "%s", p->tmp);
	if (fd >= 0)
		close(fd);
	if (r == 0 && (rename(p->tmp, p->path) != 0 || fsync(p->dir_fd) != 0))
		r = err_sys(e, ERR_IO, "%s", p->path);
	return r;
}

/* ------------------------------------------------------------------ checking a copy */

static int backup_audit(struct db *db, struct backup_report *r, struct err *e)
{
	char problem[200];
	bool ok;

	/* a copy may come without the log's mode; a race has it */
	if (sql_script(db_sql(db), "PRAGMA journal_mode = WAL", e) != 0 ||
	    db_check(db, &ok, problem, sizeof problem, e) != 0)
		return -1;
	if (!ok)
		return err_set(e, ERR_DATA, "the copy is damaged: %s", problem);
	if (race_audit_run(db, &r->audit, e) != 0)
		return -1;
	if (!r->audit.ok)
		return err_set(e, ERR_DATA, "the copy fails the audit: %s",
			       r->audit.difference);
	return db_checkpoint(db, e);
}

/* Check a copy in full; afterwards it is one file, with nothing beside it. */
static int backup_verify(const char *tmp, struct backup_report *r, struct err *e)
{
	struct db *db = db_open(tmp, e);
	int rc = db != NULL ? backup_audit(db, r, e) : -1;

	db_close(db);
	if (rc == 0 && backup_size(tmp, "-wal") > 0)
		rc = err_set(e, ERR_INTERNAL, "%s: its log was not emptied", tmp);
	if (rc != 0)
		return -1;
	backup_unlink(tmp, "-wal");
	backup_unlink(tmp, "-shm");
	backup_unlink(tmp, ".lock");
	r->bytes = backup_size(tmp, "");
	return 0;
}

/* ------------------------------------------------------------------ making one */

static int backup_write(struct db *db, const struct backup_place *p, struct backup_report *r,
			struct err *e)
{
	int fd = backup_create(p->tmp, e);

	if (fd < 0)
		return -1;
	close(fd);
	if (db_copy(db, p->tmp, e) != 0 || backup_verify(p->tmp, r, e) != 0 ||
	    backup_install(p, e) != 0) {
		backup_discard(p->tmp);
		return -1;
	}
	return 0;
}

static int backup_may_replace(struct db *db, const struct backup_place *p, bool force,
			      struct err *e)
{
	if (strcmp(p->path, db_path(db)) == 0)
		return err_set(e, ERR_DATA, "%s: is the race itself", p->path);
	if (p->exists && !force)
		return err_set(e, ERR_DATA, "%s: is there already; --force replaces it",
			       p->path);
	if (backup_size(p->path, "-wal") > 0)
		return err_set(e, ERR_DATA, "%s: is a race in use, for %s-wal is not empty",
			       p->path, p->path);
	return 0;
}

int backup_make(struct db *db, const char *path, bool force, struct backup_report *r,
		struct err *e)
{
	struct backup_place p;
	int rc = backup_enter(&p, path, e);

	if (rc == 0)
		rc = backup_may_replace(db, &p, force, e);
	if (rc == 0) {
		backup_unlink(p.path, "-wal");
		backup_unlink(p.path, "-shm");
		rc = backup_write(db, &p, r, e);
	}
	backup_leave(&p);
	return rc;
}

static int backup_check_old(const char *tmp, struct err *e)
{
	struct db *db = db_open_old(tmp, e);
	char problem[200];
	bool ok = false;
	int r = db != NULL ? db_check(db, &ok, problem, sizeof problem, e) : -1;

	if (r == 0 && !ok)
		r = err_set(e, ERR_DATA, "the copy is damaged: %s", problem);
	db_close(db);
	backup_unlink(tmp, "-wal");
	backup_unlink(tmp, "-shm");
	backup_unlink(tmp, ".lock");
	return r;
}

int backup_old(struct db *db, const char *path, struct err *e)
{
	struct backup_place p;
	int rc = backup_enter(&p, path, e), fd;

	if (rc == 0) {
		fd = backup_create(p.tmp, e);
		rc = fd < 0 ? -1 : close(fd);
		if (rc == 0 && (db_copy(db, p.tmp, e) != 0 || backup_check_old(p.tmp, e) != 0 ||
				backup_install(&p, e) != 0)) {
			backup_discard(p.tmp);
			rc = -1;
		}
	}
	backup_leave(&p);
	return rc;
}

/* ------------------------------------------------------------------ restoring */

static int backup_write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

static int backup_pour(int in, const char *from, int out, const char *to, struct err *e)
{
	char *chunk = mem_alloc(BACKUP_CHUNK);
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(in, chunk, BACKUP_CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			r = err_sys(e, ERR_IO, "%s", from);
		else if (n > 0 && backup_write_all(out, chunk, (size_t)n) != 0)
			r = err_sys(e, ERR_IO, "%s", to);
	}
	free(chunk);
	return r;
}

static int backup_open_source(const char *from, struct err *e)
{
	struct stat st;
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e,
			       errno == ENOENT	 ? ERR_NOTFOUND
			       : errno == EACCES ? ERR_PERM
						 : ERR_IO,
			       "%s", from);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err_set(e, ERR_DATA, "%s: is no regular file", from);
	else if (backup_size(from, "-wal") > 0 || backup_size(from, "-journal") > 0)
		err_set(e, ERR_DATA,
			"%s: is a race in use, no backup: make one of it with tr-db backup",
			from);
	else
		return fd;
	close(fd);
	return -1;
}

/* The bytes of ${from} as the place's temporary file, checked. */
static int backup_fetch(const char *from, const struct backup_place *p, struct backup_report *r,
			struct err *e)
{
	int in = backup_open_source(from, e), out = -1, rc = -1;

	if (in < 0)
		return -1;
	out = backup_create(p->tmp, e);
	if (out < 0)
		goto out;
	rc = backup_pour(in, from, out, p->tmp, e);
	close(out);
	if (rc == 0 && (rc = backup_verify(p->tmp, r, e)) != 0)
		err_prefix(e, "%s", from);
	if (rc != 0)
		backup_discard(p->tmp);
out:
	close(in);
	return rc;
}

/* Whether ${a} and ${b} name the same file. */
static bool backup_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Put the log of the old race into its file and away. SQLite does that only for the last one
 * that has the race open, so that nobody is left to write into the old file under a new name.
 */
static int backup_fold(const char *path, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	int64_t until_ms = tstamp_boot_ms() + BACKUP_RETIRE_MS;
	struct db *db = db_open(path, e);
	int r;

	if (db == NULL)
		return -1;
	while ((r = sql_script(db_sql(db), "PRAGMA journal_mode = DELETE", e)) != 0 &&
	       e->status == ERR_TEMP && tstamp_boot_ms() < until_ms) {
		*e = (struct err){ 0 };
		nanosleep(&pause, NULL);
	}
	db_close(db);
	return r;
}

static int backup_link(const char *path, const char *keep, const char *suffix, struct err *e)
{
	char *from = mem_printf("%s%s", path, suffix), *to = mem_printf("%s%s", keep, suffix);
	int r = 0;

	if (link(from, to) != 0 && errno != ENOENT)
		r = err_sys(e, errno == EEXIST ? ERR_DATA : ERR_IO, "%s", to);
	free(to);
	free(from);
	return r;
}

/* Give the old race its second name. The place keeps the first one until the copy takes it, so
 * that there is a race at every moment. */
static int backup_retire(const struct backup_place *p, const char *keep, struct err *e)
{
	struct err why = { 0 };

	if (backup_fold(p->path, &why) != 0) {
		if (why.status == ERR_TEMP)
			return err_set(e, ERR_TEMP, "%s: another tool has it open", p->path);
		/* a damaged race is what restoring is for: it is kept as it lies there */
		log_msg(LOG_WARN, "kept as it is: %s", why.text);
	}
	if (backup_same(p->path, keep))
		unlink(keep); /* of a restore that was killed just before it ended */
	if (backup_link(p->path, keep, "", e) != 0 ||
	    backup_link(p->path, keep, "-wal", e) != 0)
		return -1;
	if (fsync(p->dir_fd) != 0)
		return err_sys(e, ERR_IO, "%s", keep);
	return 0;
}

static int backup_may_restore(const char *from, const struct backup_place *p, const char *keep,
			      bool force, struct err *e)
{
	if (!p->exists)
		return 0;
	if (!force)
		return err_set(e, ERR_DATA,
			       "%s: is there already; --force keeps it as %s and replaces it",
			       p->path, keep);
	if (backup_same(from, p->path))
		return err_set(e, ERR_DATA, "%s: is the race itself", from);
	if (backup_size(keep, "") >= 0 && !backup_same(keep, p->path))
		return err_set(e, ERR_DATA, "%s: is there already; move it away", keep);
	return 0;
}

/* The copy takes the place, while no writer can begin. A head file that is put aside goes
 * first: without one any race makes it anew. */
static int backup_replace(const struct backup_place *p, const char *keep, int64_t heads_ms,
			  char old_heads[HEAD_ASIDE_MAX], struct err *e)
{
	int lock_fd = db_lock_path(p->path, ".lock", BACKUP_RETIRE_MS, e), r = -1;

	if (lock_fd < 0)
		return -1;
	if ((!p->exists || backup_retire(p, keep, e) == 0) &&
	    (heads_ms < 0 || head_put_aside(p->path, heads_ms, old_heads, e) == 0)) {
		backup_unlink(p->path, "-wal");
		backup_unlink(p->path, "-shm");
		r = backup_install(p, e);
	}
	close(lock_fd);
	return r;
}

static int backup_compare_heads(struct db *db, bool fresh, struct head_report *r, struct err *e)
{
	struct buf text = BUF_INIT;
	bool found;
	int rc = fresh ? head_begin(db, e) : 0;

	if (rc == 0)
		rc = head_read(db, NULL, &text, &found, e);
	if (rc == 0 && found)
		rc = head_compare(db, &text, r, e);
	buf_release(&text);
	return rc;
}

/* The restored race is there, whatever comes of this. */
static void backup_look_at_heads(const char *path, bool fresh, struct head_report *r)
{
	struct err e = { 0 };
	struct db *db = db_open(path, &e);

	*r = (struct head_report){ .ok = true };
	if (db == NULL || backup_compare_heads(db, fresh, r, &e) != 0)
		log_msg(LOG_WARN, "%s", e.text);
	db_close(db);
}

int backup_restore(const char *from, const char *path, bool force, int64_t heads_ms,
		   struct backup_restored *r, struct err *e)
{
	struct backup_place p;
	char *keep = NULL;
	int cycle_fd = -1, rc = -1;

	*r = (struct backup_restored){ .kept = false };
	if (backup_enter(&p, path, e) != 0)
		goto out;
	keep = mem_printf("%s.before-restore", p.path);
	if (backup_may_restore(from, &p, keep, force, e) != 0)
		goto out;
	cycle_fd = db_lock_path(p.path, ".cycle", 0, e);
	if (cycle_fd < 0) {
		if (e->status == ERR_TEMP)
			err_prefix(e, "a tr-cycle is running");
		goto out;
	}
	if (backup_fetch(from, &p, &r->copy, e) != 0)
		goto out;
	rc = backup_replace(&p, keep, heads_ms, r->old_heads, e);
	if (rc == 0)
		backup_look_at_heads(p.path, heads_ms >= 0, &r->heads);
	else
		backup_discard(p.tmp);
	r->kept = rc == 0 && p.exists;
out:
	if (cycle_fd >= 0)
		close(cycle_fd);
	free(keep);
	backup_leave(&p);
	return rc;
}

/* ------------------------------------------------------------------ drill */

struct backup_hash {
	struct digest_state state;
	int64_t lines;
};

static void backup_hash_line(void *ctx, const char *line, size_t len)
{
	struct backup_hash *h = ctx;

	digest_update(&h->state, line, len);
	h->lines++;
}

static int backup_hash_race(struct db *db, struct digest *out, int64_t *lines, struct err *e)
{
	struct backup_hash h = { .lines = 0 };

	digest_init(&h.state);
	if (race_dump(db, backup_hash_line, &h, e) != 0)
		return -1;
	digest_final(&h.state, out);
	*lines = h.lines;
	return 0;
}

static int backup_compare(struct db *db, const char *path, struct backup_drill *d,
			  struct err *e)
{
	struct db *other = db_open(path, e);
	struct digest a, b;
	int64_t lines;
	int r = -1;

	if (other != NULL && backup_hash_race(db, &a, &d->rows, e) == 0 &&
	    backup_hash_race(other, &b, &lines, e) == 0) {
		d->same = lines == d->rows && memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
		r = 0;
	}
	db_close(other);
	return r;
}

static int backup_drill_run(struct db *db, struct backup_place *copy,
			    struct backup_place *restored, struct backup_drill *d,
			    struct err *e)
{
	int64_t start_ms = tstamp_boot_ms(), then_ms;
	struct backup_report again;

	if (backup_write(db, copy, &d->copy, e) != 0)
		return -1;
	then_ms = tstamp_boot_ms();
	d->backup_ms = then_ms - start_ms;
	if (backup_fetch(copy->path, restored, &again, e) != 0 ||
	    backup_install(restored, e) != 0)
		return -1;
	d->restore_ms = tstamp_boot_ms() - then_ms;
	return backup_compare(db, restored->path, d, e);
}

int backup_drill(struct db *db, struct backup_drill *d, struct err *e)
{
	struct backup_place copy, restored = { .dir_fd = -1 };
	char *name = mem_printf("%s.drill", db_path(db));
	int r;

	*d = (struct backup_drill){ .same = false };
	r = backup_enter(&copy, name, e);
	if (r == 0) {
		restored.path = mem_printf("%s-restored", name);
		restored.tmp = mem_printf("%s.tmp", restored.path);
		restored.dir_fd = fcntl(copy.dir_fd, F_DUPFD_CLOEXEC, 3);
		/* all three work on the moment that this sees */
		r = db_read_begin(db, e);
	}
	if (r == 0) {
		r = backup_drill_run(db, &copy, &restored, d, e);
		db_read_end(db);
		backup_discard(restored.tmp);
		backup_discard(restored.path);
		backup_discard(copy.path);
	}
	backup_leave(&restored);
	backup_leave(&copy);
	free(name);
	return r;
}
