#include "db_part.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Where a race may lie, and the files beside it. */

/* ------------------------------------------------------------------ where the file lies */

/* What an errno about a path means to the caller. */
static int db_path_status(int cause)
{
	switch (cause) {
	case EACCES:
	case EROFS:
	case ELOOP:
		return ERR_PERM;
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return ERR_NOTFOUND;
	case ENOMEM:
		return ERR_MEMORY;
	default:
		return ERR_IO;
	}
}

static int db_check_owner(const char *path, const struct stat *st, struct err *e)
{
	if (st->st_uid != geteuid() && geteuid() != 0)
		return err_set(e, ERR_PERM, "%s: belongs to another user", path);
	return 0;
}

/* A restore that was killed leaves the old race under a second name of ours for a moment. */
static bool db_is_restoring(const char *path, const struct stat *st)
{
	char *name = mem_printf("%s.before-restore", path);
	struct stat kept;
	bool same = lstat(name, &kept) == 0 && kept.st_ino == st->st_ino &&
		    kept.st_dev == st->st_dev && st->st_nlink == 2;

	free(name);
	return same;
}

static int db_check_stat(const char *path, const struct stat *st, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_PERM, "%s: is a symbolic link", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_DATA, "%s: is no regular file", path);
	if (st->st_mode & 077)
		return err_set(e, ERR_PERM, "%s: is open to others (mode %03o): chmod 600 it",
			       path, st->st_mode & 0777);
	/* a second name would have a second write-ahead log */
	if (st->st_nlink > 1 && !db_is_restoring(path, st))
		return err_set(e, ERR_PERM, "%s: has %lu names (hard links)", path,
			       (unsigned long)st->st_nlink);
	return db_check_owner(path, st, e);
}

int db_check_file(const char *path, bool *exists, struct err *e)
{
	struct stat st;

	*exists = false;
	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, db_path_status(errno), "%s", path);
	}
	*exists = true;
	return db_check_stat(path, &st, e);
}

static bool db_network(long type)
{
	static const long types[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,	 0xff534d42,
				      0xfe534d42,      CODA_SUPER_MAGIC, AFS_SUPER_MAGIC };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if ((type & 0xffffffffL) == types[i])
			return true;
	return false;
}

static int db_check_directory(const char *dir, struct err *e)
{
	struct stat st;
	struct statfs fs;

	if (stat(dir, &st) != 0)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "directory %s",
			       dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_NOTFOUND, "%s: is no directory", dir);
	/* the sticky bit keeps others from replacing our files */
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return err_set(e, ERR_PERM, "directory %s: others can write to it (mode %03o)",
			       dir, st.st_mode & 0777);
	if (!(st.st_mode & S_ISVTX) && st.st_uid != 0 && db_check_owner(dir, &st, e) != 0)
		return -1;
	if (statfs(dir, &fs) != 0)
		return err_sys(e, ERR_IO, "directory %s", dir);
	if (db_network((long)fs.f_type))
		return err_set(e, ERR_CONFIG,
			       "directory %s: a race cannot live on a network file system",
			       dir);
	return 0;
}

char *db_resolve(const char *path, struct err *e)
{
	char *a = mem_strdup(path), *b = mem_strdup(path), *real = NULL, *out = NULL;
	const char *dir = dirname(a), *base = basename(b);

	if (path[0] == '\0' || strcmp(base, "/") == 0 || strcmp(base, ".") == 0 ||
	    strcmp(base, "..") == 0) {
		err_set(e, ERR_USAGE, "\"%s\" is no file name", path);
		goto out;
	}
	real = realpath(dir, NULL);
	if (real == NULL) {
		err_sys(e, db_path_status(errno), "directory %s", dir);
		goto out;
	}
	if (db_check_directory(real, e) != 0)
		goto out;
	out = mem_printf("%s/%s", strcmp(real, "/") == 0 ? "" : real, base);
out:
	free(real);
	free(b);
	free(a);
	return out;
}

char *db_place(const char *path, bool *exists, struct err *e)
{
	char *real = db_resolve(path, e);

	if (real != NULL && db_check_file(real, exists, e) == 0)
		return real;
	free(real);
	return NULL;
}

int db_may_create(const char *path, struct err *e)
{
	char *copy = mem_strdup(path);
	const char *dir = dirname(copy);
	int r = access(dir, W_OK | X_OK);

	if (r != 0)
		err_sys(e, db_path_status(errno), "directory %s", dir);
	free(copy);
	return r;
}

/* ------------------------------------------------------------------ files beside it */

int db_open_beside(const char *path, const char *suffix, int flags, struct err *e)
{
	char *name = mem_printf("%s%s", path, suffix);
	/* a pipe of that name must not keep us waiting */
	int fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;
	int r = fd >= 0 ? fstat(fd, &st) : -1;

	if (r != 0)
		err_sys(e, db_path_status(errno), "%s", name);
	else
		r = db_check_stat(name, &st, e);
	if (r != 0 && fd >= 0)
		close(fd);
	free(name);
	return r == 0 ? fd : -1;
}

bool db_same_file(int fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(name, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int db_lock_path(const char *path, const char *suffix, int64_t wait_ms, struct err *e)
{
	char *name = mem_printf("%s%s", path, suffix);
	int64_t until = tstamp_boot_ms() + wait_ms;
	const struct timespec pause = { .tv_nsec = 20000000 };
	int fd = -1;

	for (;;) {
		fd = db_open_beside(path, suffix, O_RDWR | O_CREAT, e);
		if (fd < 0)
			break;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && db_same_file(fd, name))
			break;
		close(fd);
		fd = -1;
		if (tstamp_boot_ms() >= until) {
			err_set(e, ERR_TEMP, "%s: held by another process", name);
			break;
		}
		nanosleep(&pause, NULL);
	}
	free(name);
	return fd;
}

int db_lock_file(const struct db *db, const char *suffix, int64_t wait_ms, struct err *e)
{
	return db_lock_path(db_path(db), suffix, wait_ms, e);
}
