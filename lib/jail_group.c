#include "jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "mem.h"

#include "banned.h"

/*
 * The group lies below the one of this process, or beside it where only the parent counts
 * processes: the unified hierarchy lets no group with processes of its own pass a controller
 * on. The directories are where every distribution mounts them.
 */

#define GROUP_PREFIX "tr-jail-"
#define GROUP_MAX ((size_t)64 << 10)

static bool group_write(const char *dir, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}

/* Remove the empty groups of processes that are gone. */
static void group_sweep(const char *base)
{
	DIR *d = opendir(base);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		const char *digits = entry->d_name + strlen(GROUP_PREFIX);
		long pid;

		if (strncmp(entry->d_name, GROUP_PREFIX, strlen(GROUP_PREFIX)) != 0)
			continue;
		pid = strtol(digits, NULL, 10);
		if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
			unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
	}
	if (d != NULL)
		closedir(d);
}

/* A group below ${base} that counts processes, and this process in it. */
static bool group_try(struct jail_group *g, const char *home, const char *base, int64_t max)
{
	char *path = mem_printf("%s/" GROUP_PREFIX "%jd", base, (intmax_t)getpid());
	char *text = mem_printf("%jd", (intmax_t)max);
	bool made, ok;

	group_sweep(base);
	made = mkdir(path, 0755) == 0;
	ok = made && group_write(path, "pids.max", text) &&
	     group_write(path, "cgroup.procs", "0");
	if (ok)
		*g = (struct jail_group){ mem_strdup(path), mem_strdup(home) };
	else if (made)
		rmdir(path);
	free(text);
	free(path);
	return ok;
}

static bool group_beside(struct jail_group *g, const char *home, int64_t max)
{
	char *parent = mem_strdup(home);
	char *slash = strrchr(parent, '/');
	bool ok;

	*slash = '\0';
	ok = group_try(g, home, parent, max);
	free(parent);
	return ok;
}

/* ${line}: "N:CONTROLLERS:PATH", no controllers for the unified hierarchy. */
static bool group_of_line(struct jail_group *g, char *line, int64_t max)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char *controllers = strchr(line, ':');
	char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
	bool ok = false, root;

	if (path == NULL || strstr(path, "/..") != NULL)
		return false;
	*path++ = '\0';
	controllers++;
	root = strcmp(path, "/") == 0;
	if (strcmp(controllers, "pids") == 0) {
		char *home = mem_printf("/sys/fs/cgroup/pids%s", root ? "" : path);

		ok = group_try(g, home, home, max);
		free(home);
	}
	for (size_t i = 0; controllers[0] == '\0' && !ok && i < 2; i++) {
		char *home = mem_printf("%s%s", mounts[i], root ? "" : path);

		ok = group_try(g, home, home, max) || (!root && group_beside(g, home, max));
		free(home);
	}
	return ok;
}

static void group_read(struct buf *text)
{
	char chunk[4096];
	ssize_t n;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	buf_init(text, GROUP_MAX);
	while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(text, chunk, (size_t)n);
	if (fd >= 0)
		close(fd);
}

bool jail_group_enter(struct jail_group *g, int64_t processes)
{
	struct buf text;
	char *all, *line;
	bool ok = false;

	*g = (struct jail_group){ NULL, NULL };
	group_read(&text);
	all = buf_take(&text);
	for (char *at = all; (line = strsep(&at, "\n")) != NULL && !ok;)
		ok = group_of_line(g, line, processes);
	free(all);
	return ok;
}

void jail_group_leave(const struct jail_group *g)
{
	if (g->path != NULL)
		group_write(g->home, "cgroup.procs", "0");
}

void jail_group_remove(struct jail_group *g)
{
	if (g->path == NULL)
		return;
	rmdir(g->path);
	free(g->path);
	free(g->home);
	*g = (struct jail_group){ NULL, NULL };
}
