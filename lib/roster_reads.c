#include "roster.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/*
 * Directories that a confined program may read besides what every program may. What lies in
 * them is no part of the version, so that they are granted for what they do not hold: the
 * race, keys, and what the system says of others. Looked at when they are granted, and again
 * whenever the program is started, since a key can come and a path can lead elsewhere later.
 */

/* What belongs to the system lies there already, or is not for programs. */
static const char *const roster_closed[] = { "/dev", "/etc", "/proc", "/run", "/sys" };

static bool roster_within(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	if (n == 1)
		return true; /* the root */
	return strncmp(dir, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int roster_check_closed(const char *dir, struct err *e)
{
	for (size_t i = 0; i < sizeof roster_closed / sizeof roster_closed[0]; i++)
		if (roster_within(roster_closed[i], dir) ||
		    roster_within(dir, roster_closed[i]))
			return err_set(e, ERR_DATA, "directory %s: %s is not for programs", dir,
				       roster_closed[i]);
	return 0;
}

/* The directory with its links resolved, the caller's. */
static char *roster_read_path(const char *dir, struct err *e)
{
	char *path = realpath(dir, NULL);
	struct stat st;
	int rc = 0;

	if (path == NULL) {
		err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "directory %.200s", dir);
		return NULL;
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = err_set(e, ERR_DATA, "%s: is no directory", path);
	else if (access(path, R_OK | X_OK) != 0)
		rc = err_sys(e, ERR_PERM, "directory %s", path);
	if (rc == 0)
		return path;
	free(path);
	return NULL;
}

/* In order, each once: the same grants are the same version. */
static int roster_add_read(struct roster_spec *s, const char *path, struct err *e)
{
	size_t at = 0;

	while (at < s->n_reads && strcmp(s->reads[at], path) < 0)
		at++;
	if (at < s->n_reads && strcmp(s->reads[at], path) == 0)
		return 0;
	if (s->n_reads == ROSTER_READS_MAX)
		return err_set(e, ERR_DATA, "a program may read at most %d directories",
			       ROSTER_READS_MAX);
	s->reads = mem_resize(s->reads, s->n_reads + 1, sizeof *s->reads);
	memmove(s->reads + at + 1, s->reads + at, (s->n_reads - at) * sizeof *s->reads);
	s->reads[at] = mem_strdup(path);
	s->n_reads++;
	return 0;
}

int roster_spec_read(struct roster_spec *s, const char *const *dirs, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		char *path = roster_read_path(dirs[i], e);
		int rc = path != NULL ? roster_add_read(s, path, e) : -1;

		free(path);
		if (rc != 0)
			return -1;
	}
	return 0;
}

int roster_parse_reads(struct roster_spec *s, const struct json *reads, struct err *e)
{
	for (const struct json *m = json_first(reads); m != NULL; m = json_next(m)) {
		if (json_type(m) != JSON_STRING)
			return err_set(e, ERR_DATA, "spec: read must hold strings");
		if (roster_add_read(s, json_text(m), e) != 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ what is kept out */

static int roster_keep_out(const struct roster_spec *s, const char *dir, const char *what,
			   struct err *e)
{
	char *real = realpath(dir, NULL);
	int rc = 0;

	for (size_t i = 0; i < s->n_reads && rc == 0; i++)
		if (roster_within(s->reads[i], real != NULL ? real : dir))
			rc = err_set(e, ERR_DATA, "directory %s: holds %s", s->reads[i], what);
	free(real);
	return rc;
}

/* A file is kept out together with the directory that it lies in. */
static int roster_keep_file(const struct roster_spec *s, const char *file, const char *what,
			    struct err *e)
{
	char *path = mem_strdup(file);
	int rc = roster_keep_out(s, dirname(path), what, e);

	free(path);
	return rc;
}

static int roster_keep_key(const struct roster_spec *s, const char *file, const char *whose,
			   struct err *e)
{
	char *what;
	int rc;

	if (file == NULL || file[0] != '/')
		return 0;
	what = mem_printf("the key of %s", whose);
	rc = roster_keep_file(s, file, what, e);
	free(what);
	return rc;
}

static int roster_keep_provider(void *ctx, const struct provider *p, struct err *e)
{
	const struct roster_spec *const *s = ctx;

	return roster_keep_key(*s, p->key_file, p->name, e);
}

static int roster_keep_agents(struct db *db, const struct roster_spec *s, struct err *e)
{
	struct roster_agents all;
	int rc = 0;

	if (roster_load_agents(db, &all, e) != 0)
		return -1;
	for (size_t i = 0; i < all.n && rc == 0; i++)
		rc = roster_keep_key(s, all.items[i].spec.ml.key_file, all.items[i].name, e);
	roster_release_agents(&all);
	return rc;
}

/* What services are told in files, and what people keep in their homes. */
static int roster_keep_places(const struct roster_spec *s, struct err *e)
{
	static const char *const names[] = { "CREDENTIALS_DIRECTORY", "HOME" };
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		const char *dir = getenv(names[i]);

		if (dir != NULL && dir[0] == '/')
			rc = roster_keep_out(s, dir, i == 0 ? "credentials" : "a home", e);
	}
	return rc;
}

int roster_check_reads(struct db *db, const struct roster_spec *s, struct err *e)
{
	if (s->n_reads == 0)
		return 0;
	for (size_t i = 0; i < s->n_reads; i++) {
		char *path = roster_read_path(s->reads[i], e);
		int rc = path != NULL ? roster_check_closed(path, e) : -1;

		if (rc == 0 && strcmp(path, s->reads[i]) != 0)
			rc = err_set(e, ERR_DATA, "directory %s: is another one now, %s",
				     s->reads[i], path);
		free(path);
		if (rc != 0)
			return -1;
	}
	if (roster_keep_file(s, db_path(db), "the race", e) != 0 ||
	    roster_keep_places(s, e) != 0 ||
	    provider_list(db, roster_keep_provider, &s, e) != 0)
		return -1;
	return roster_keep_agents(db, s, e);
}
