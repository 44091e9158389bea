#include "jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Removal never descends: a directory that is not empty gives its directories to the top, and
 * is removed. Depth then costs neither memory nor descriptors, and a path is never too long.
 * Time is bounded: what is left then is found by the next process, as what a killed one leaves
 * is.
 */

#define SCRATCH_PREFIX "tr-jail-"
#define SCRATCH_REMOVE_MS 1000
#define SCRATCH_SWEEP_MS 100
#define SCRATCH_SWEEP_ENTRIES 10000
#define SCRATCH_TRIES 16

/* Opens without following a link; NULL if it is no directory, or is gone. */
static DIR *scratch_open(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

static const struct dirent *scratch_next(DIR *d)
{
	const struct dirent *entry;

	do
		entry = readdir(d);
	while (entry != NULL &&
	       (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry;
}

struct removal {
	int top;
	unsigned long serial; /* of names given to directories that were lifted */
	int64_t until_ms;
};

#define SCRATCH_NAME_MAX 32

static bool scratch_late(const struct removal *r)
{
	return tstamp_boot_ms() > r->until_ms;
}

/* Move directory ${name} of ${from} to a name of the top that nothing has. */
static bool scratch_lift(struct removal *r, int from, const char *name,
			 char moved[SCRATCH_NAME_MAX])
{
	/* to change its parent, a directory must be writable */
	if (fchmodat(from, name, 0700, 0) != 0)
		return false;
	while (!scratch_late(r)) {
		snprintf(moved, SCRATCH_NAME_MAX, "%lu", ++r->serial);
		if (renameat(from, name, r->top, moved) == 0)
			return true;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return false;
	}
	return false;
}

/* Empty directory ${name} of the top and remove it; true if a directory in it was lifted, to
 * ${moved} the last of them. */
static bool scratch_flatten(struct removal *r, const char *name, char moved[SCRATCH_NAME_MAX])
{
	const struct dirent *entry;
	bool lifted = false;
	DIR *d;

	/* whoever made it may have made it unreadable */
	if (fchmodat(r->top, name, 0700, 0) != 0 || (d = scratch_open(r->top, name)) == NULL)
		return false;
	while (!scratch_late(r) && (entry = scratch_next(d)) != NULL) {
		if (unlinkat(dirfd(d), entry->d_name, 0) != 0 &&
		    unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR) != 0 &&
		    scratch_lift(r, dirfd(d), entry->d_name, moved))
			lifted = true;
	}
	closedir(d);
	unlinkat(r->top, name, AT_REMOVEDIR);
	return lifted;
}

/* Whatever ${first} leads down to; what lies beside that way is left at the top. */
static void scratch_descend(struct removal *r, const char *first)
{
	char name[SCRATCH_NAME_MAX], moved[SCRATCH_NAME_MAX];
	bool more = scratch_flatten(r, first, moved);

	while (more) {
		memcpy(name, moved, sizeof name);
		more = scratch_flatten(r, name, moved);
	}
}

/* Empty the directory ${top}; false if time was too short. */
static bool scratch_empty(int top, int64_t until_ms)
{
	struct removal r = { .top = top, .until_ms = until_ms };
	const struct dirent *entry;
	bool again = true;

	while (again && !scratch_late(&r)) {
		DIR *d = scratch_open(top, ".");

		again = false;
		while (d != NULL && !scratch_late(&r) && (entry = scratch_next(d)) != NULL) {
			if (unlinkat(top, entry->d_name, 0) == 0 ||
			    unlinkat(top, entry->d_name, AT_REMOVEDIR) == 0)
				continue;
			scratch_descend(&r, entry->d_name);
			again = true;
		}
		if (d != NULL)
			closedir(d);
	}
	return !again;
}

/* Remove ${name} of ${parent} if it is ours and nobody holds it. */
static void scratch_sweep_one(int parent, const char *name, int64_t until_ms)
{
	struct stat st;
	int fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid())
		return;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && scratch_empty(fd, until_ms))
		unlinkat(parent, name, AT_REMOVEDIR);
	close(fd);
}

static void scratch_sweep(int parent)
{
	int64_t until_ms = tstamp_boot_ms() + SCRATCH_SWEEP_MS;
	const struct dirent *entry;
	DIR *d = scratch_open(parent, ".");

	for (int n = 0; d != NULL && n < SCRATCH_SWEEP_ENTRIES; n++) {
		if ((entry = scratch_next(d)) == NULL || tstamp_boot_ms() > until_ms)
			break;
		if (strncmp(entry->d_name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) == 0)
			scratch_sweep_one(parent, entry->d_name, until_ms);
	}
	if (d != NULL)
		closedir(d);
}

/* Lock what was just made. A sweep may have been faster than the lock: then it is gone. */
static bool scratch_hold(struct jail_scratch *s)
{
	struct stat held, named;

	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd >= 0 && flock(s->fd, LOCK_EX | LOCK_NB) == 0 && fstat(s->fd, &held) == 0 &&
	    lstat(s->path, &named) == 0 && held.st_ino == named.st_ino &&
	    held.st_dev == named.st_dev)
		return true;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return false;
}

static char *scratch_parent(void)
{
	const char *dir = getenv("TMPDIR");

	return realpath(dir != NULL && dir[0] == '/' ? dir : "/tmp", NULL);
}

int jail_scratch_make(struct jail_scratch *s, struct err *e)
{
	char *parent = scratch_parent();
	bool held = false;

	*s = (struct jail_scratch){ NULL, -1, -1 };
	if (parent != NULL)
		s->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->parent < 0) {
		err_sys(e, ERR_IO, "the directory for temporary files");
		goto out;
	}
	scratch_sweep(s->parent);
	for (int i = 0; i < SCRATCH_TRIES && !held; i++) {
		free(s->path);
		s->path = mem_printf("%s/" SCRATCH_PREFIX "XXXXXX", parent);
		if (mkdtemp(s->path) == NULL)
			break;
		held = scratch_hold(s);
	}
	if (!held) {
		err_sys(e, ERR_IO, "%s: no directory of its own", parent);
		free(s->path);
		s->path = NULL;
	}
out:
	free(parent);
	return held ? 0 : -1;
}

void jail_scratch_remove(struct jail_scratch *s)
{
	if (s->path == NULL)
		return;
	if (scratch_empty(s->fd, tstamp_boot_ms() + SCRATCH_REMOVE_MS))
		unlinkat(s->parent, strrchr(s->path, '/') + 1, AT_REMOVEDIR);
	close(s->fd);
	close(s->parent);
	free(s->path);
	s->path = NULL;
}
