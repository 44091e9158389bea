#include "doctor_part.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/*
 * Where the race lies and who may touch it. db_open stops at the first thing that
 * it does not like; here each is looked at, so that one run names them all.
 */

static bool doctor_owned(const struct stat *st)
{
	return st->st_uid == geteuid() || geteuid() == 0;
}

/* ------------------------------------------------------------------ directory */

static void doctor_directory_mode(struct doctor *d, const char *dir, const struct stat *st)
{
	char *q = doctor_quote(dir);

	if (st->st_mode & S_ISVTX) {
		doctor_fix(d, "mkdir -m 700 %s/race and move the files of the race into it", q);
		doctor_say(d, DOCTOR_WARN, "directory", dir,
			   "is for everybody (mode %04o): others can put files beside the race",
			   (unsigned)(st->st_mode & 07777));
	} else if (st->st_mode & 022) {
		doctor_fix(d, "chmod go-w %s", q);
		doctor_say(d, DOCTOR_FAIL, "directory", dir,
			   "others can write to it (mode %03o)",
			   (unsigned)(st->st_mode & 0777));
	} else if (!doctor_owned(st) && st->st_uid != 0) {
		doctor_fix(d, "chown %u %s", (unsigned)geteuid(), q);
		doctor_say(d, DOCTOR_FAIL, "directory", dir, "belongs to another user (%u)",
			   (unsigned)st->st_uid);
	} else {
		doctor_say(d, DOCTOR_OK, "directory", dir, "nobody else can write to it");
	}
	free(q);
}

static void doctor_disk(struct doctor *d, const char *dir)
{
	int64_t warn = d->o->disk_mb, free_mb;
	struct statvfs v;

	if (statvfs(dir, &v) != 0) {
		doctor_say(d, DOCTOR_FAIL, "disk", dir, "%s", strerror(errno));
		return;
	}
	free_mb = (int64_t)v.f_bavail * (int64_t)v.f_frsize >> 20;
	if (free_mb < warn)
		doctor_fix(d, "tr-db prune %s --older-than 90d, or make room on the disk",
			   d->race);
	doctor_say(d,
		   free_mb < warn / 4 ? DOCTOR_FAIL
		   : free_mb < warn   ? DOCTOR_WARN
				      : DOCTOR_OK,
		   "disk", dir, "%lld MiB free", (long long)free_mb);
}

/* ------------------------------------------------------------------ files */

/* True if the file is as it should be, or absent and no need. */
static bool doctor_file(struct doctor *d, const char *path, bool need)
{
	char *q = doctor_quote(path);
	bool good = false;
	struct stat st;

	if (lstat(path, &st) != 0) {
		good = errno == ENOENT && !need;
		if (!good && errno == ENOENT)
			doctor_fix(d, "tr-init %s, or name the race with -d or TR_DB", q);
		if (!good)
			doctor_say(d, DOCTOR_FAIL, "file", path, "%s", strerror(errno));
	} else if (S_ISLNK(st.st_mode)) {
		doctor_fix(d, "name the file itself: -d \"$(realpath %s)\"", q);
		doctor_say(d, DOCTOR_FAIL, "file", path, "is a symbolic link");
	} else if (!S_ISREG(st.st_mode)) {
		doctor_fix(d, "mv %s elsewhere", q);
		doctor_say(d, DOCTOR_FAIL, "file", path, "is no regular file");
	} else if (!doctor_owned(&st)) {
		doctor_fix(d, "chown %u %s, or run as its owner", (unsigned)geteuid(), q);
		doctor_say(d, DOCTOR_FAIL, "file", path, "belongs to another user (%u)",
			   (unsigned)st.st_uid);
	} else if (st.st_mode & 077) {
		doctor_fix(d, "chmod 600 %s", q);
		doctor_say(d, DOCTOR_FAIL, "file", path, "is open to others (mode %03o)",
			   (unsigned)(st.st_mode & 0777));
	} else {
		good = true;
	}
	free(q);
	return good;
}

static bool doctor_all_files(struct doctor *d, const char *path)
{
	static const char *const beside[] = { "-wal",	"-shm",	  ".lock",
					      ".cycle", ".alert", ".heads" };
	bool good = doctor_file(d, path, true);

	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		char *name = mem_printf("%s%s", path, beside[i]);

		good = doctor_file(d, name, false) && good;
		free(name);
	}
	if (good)
		doctor_say(d, DOCTOR_OK, "file", path,
			   "it and the files beside it are ours alone");
	return good;
}

/* ------------------------------------------------------------------ opening */

static bool doctor_is_older(struct doctor *d)
{
	struct err ignored = { 0 };
	struct db *old = db_open_old(d->o->path, &ignored);

	db_close(old);
	return old != NULL;
}

static void doctor_unopened(struct doctor *d, const struct err *e)
{
	char *q = doctor_quote(d->o->path);

	switch (e->status) {
	case ERR_CONFIG:
		if (doctor_is_older(d))
			doctor_fix(d, "tr-init %s", q);
		else
			doctor_fix(d, "name a race of these tools with -d or TR_DB, or install "
				      "the tools that made it");
		break;
	case ERR_TEMP:
		doctor_fix(d, "try again");
		break;
	case ERR_PERM:
		doctor_fix(d, "run as the user that owns the race");
		break;
	default:
		doctor_fix(d, "tr-db restore %s BACKUP", d->race);
	}
	doctor_say(d, DOCTOR_FAIL, "database", d->o->path, "%s", e->text);
	free(q);
}

static void doctor_open(struct doctor *d)
{
	struct err e = { 0 };

	d->db = db_open(d->o->path, &e);
	if (d->db == NULL)
		doctor_unopened(d, &e);
	else
		doctor_say(d, DOCTOR_OK, "database", d->o->path, "opens, schema version %d",
			   DB_VERSION);
}

/* The network file system is the only thing that db_place says ERR_CONFIG about. */
static bool doctor_local(struct doctor *d, const char *dir)
{
	struct err e = { 0 };
	bool exists;
	char *path = db_place(d->o->path, &exists, &e);

	free(path);
	if (e.status != ERR_CONFIG)
		return true;
	doctor_fix(d, "move the race to a disk of this machine and name it with -d or TR_DB");
	doctor_say(d, DOCTOR_FAIL, "directory", dir, "lies on a network file system");
	return false;
}

void doctor_files(struct doctor *d)
{
	char *a = mem_strdup(d->o->path), *b = mem_strdup(d->o->path);
	char *dir = realpath(dirname(a), NULL), *path = NULL;
	struct stat st;
	bool local;

	if (dir == NULL || stat(dir, &st) != 0 || d->o->path[0] == '\0') {
		doctor_fix(d, "name the race with -d or TR_DB");
		doctor_say(d, DOCTOR_FAIL, "directory", dir != NULL ? dir : a, "%s",
			   dir != NULL ? "holds no file without a name" : strerror(errno));
		goto out;
	}
	path = mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, basename(b));
	doctor_directory_mode(d, dir, &st);
	local = doctor_local(d, dir);
	doctor_disk(d, dir);
	/* what is wrong with a file has been said already, and opening it would say it again */
	if (doctor_all_files(d, path) && local)
		doctor_open(d);
out:
	free(path);
	free(dir);
	free(b);
	free(a);
}
