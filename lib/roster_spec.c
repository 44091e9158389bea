#include "roster.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "mem.h"

#include "banned.h"

/*
 * What an agent is made of, as canonical JSON: keys in one order, every parameter spelled out,
 * so that a later change of a default changes nobody, and equal specs have equal hashes.
 */

#define ROSTER_ARGS_MAX 64

void roster_spec_init(struct roster_spec *s, enum roster_kind kind)
{
	*s = (struct roster_spec){ .kind = kind };
}

void roster_spec_release(struct roster_spec *s)
{
	for (size_t i = 0; i < s->n_argv; i++)
		free(s->argv[i]);
	free(s->argv);
	free(s->files);
	free(s->is_file);
	*s = (struct roster_spec){ .kind = s->kind };
}

static void roster_spec_alloc(struct roster_spec *s, size_t n)
{
	s->argv = mem_array(n + 1, sizeof *s->argv);
	s->files = mem_array(n, sizeof *s->files);
	s->is_file = mem_array(n, sizeof *s->is_file);
	s->n_argv = n;
}

/* Digest of a regular file; false if it is none or cannot be read. */
static bool roster_hash_file(const char *path, struct digest *out)
{
	struct digest_state h;
	char block[65536];
	struct stat st;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	digest_init(&h);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
			if (n > 0)
				digest_update(&h, block, (size_t)n);
	close(fd);
	if (n != 0)
		return false;
	digest_final(&h, out);
	return true;
}

/* An absolute path for a program: as given, or found in PATH. */
static char *roster_find_program(const char *name, struct err *e)
{
	const char *path = getenv("PATH");
	char *found = NULL;

	if (strchr(name, '/') != NULL) {
		found = realpath(name, NULL);
		if (found == NULL)
			err_sys(e, ERR_NOTFOUND, "program %s", name);
	}
	for (const char *p = path; found == NULL && p != NULL && strchr(name, '/') == NULL;) {
		size_t n = strcspn(p, ":");
		char *try = mem_printf("%.*s/%s", (int)n, p, name);

		if (n > 0 && p[0] == '/' && access(try, X_OK) == 0)
			found = mem_strdup(try);
		free(try);
		p = p[n] == ':' ? p + n + 1 : NULL;
	}
	if (found == NULL)
		err_set(e, ERR_NOTFOUND, "program %s: not found", name);
	else if (access(found, X_OK) != 0) {
		err_sys(e, ERR_PERM, "program %s", found);
		free(found);
		found = NULL;
	}
	return found;
}

int roster_spec_exec(struct roster_spec *s, const char *const *argv, size_t n, struct err *e)
{
	assert(s->kind == ROSTER_EXEC);
	if (n == 0 || n > ROSTER_ARGS_MAX)
		return err_set(e, ERR_USAGE,
			       "an exec agent needs a program and at most %d arguments",
			       ROSTER_ARGS_MAX - 1);
	roster_spec_release(s);
	roster_spec_alloc(s, n);
	for (size_t i = 1; i < n; i++) {
		struct digest ignored;

		/* agents run elsewhere: a script named by a relative path must still be found
		 */
		if (argv[i][0] != '/' && argv[i][0] != '-' &&
		    roster_hash_file(argv[i], &ignored))
			s->argv[i] = realpath(argv[i], NULL);
		if (s->argv[i] == NULL)
			s->argv[i] = mem_strdup(argv[i]);
		s->is_file[i] =
			s->argv[i][0] == '/' && roster_hash_file(s->argv[i], &s->files[i]);
	}
	s->argv[0] = roster_find_program(argv[0], e);
	if (s->argv[0] == NULL)
		return -1;
	s->is_file[0] = roster_hash_file(s->argv[0], &s->files[0]);
	if (!s->is_file[0])
		return err_set(e, ERR_PERM, "program %s: cannot be read", s->argv[0]);
	return 0;
}

void roster_spec_rehash(struct roster_spec *s, bool *changed)
{
	*changed = false;
	for (size_t i = 0; i < s->n_argv; i++) {
		struct digest now;

		if (!s->is_file[i])
			continue;
		/* a file that is gone is no new version: deciding will say what is wrong */
		if (!roster_hash_file(s->argv[i], &now))
			continue;
		if (memcmp(now.bytes, s->files[i].bytes, sizeof now.bytes) != 0) {
			s->files[i] = now;
			*changed = true;
		}
	}
}

char *roster_spec_text(const struct roster_spec *s)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	char hex[DIGEST_HEX_SIZE];

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "kind", roster_kind_name(s->kind));
	if (s->kind == ROSTER_RULE) {
		json_write_string(&w, "strategy", s->strategy->name);
		json_write_object(&w, "params");
		for (size_t i = 0; i < s->strategy->n_params; i++)
			json_write_decimal(&w, s->strategy->params[i].name, s->params[i], 0);
		json_write_close(&w);
	}
	if (s->kind == ROSTER_EXEC) {
		json_write_array(&w, "argv");
		for (size_t i = 0; i < s->n_argv; i++)
			json_write_string(&w, NULL, s->argv[i]);
		json_write_close(&w);
		json_write_array(&w, "sha256");
		for (size_t i = 0; i < s->n_argv; i++) {
			if (s->is_file[i])
				digest_hex(&s->files[i], hex);
			json_write_string(&w, NULL, s->is_file[i] ? hex : NULL);
		}
		json_write_close(&w);
	}
	json_write_close(&w);
	return buf_take(&b);
}

static int roster_parse_params(struct roster_spec *s, const struct json *params, struct err *e)
{
	strategy_defaults(s->strategy, s->params);
	for (const struct json *m = json_first(params); m != NULL; m = json_next(m))
		if (json_text(m) == NULL ||
		    strategy_set(s->strategy, s->params, json_key(m), json_text(m), e) != 0)
			return err_set(e, ERR_DATA, "spec: a parameter must be a string");
	return strategy_check(s->strategy, s->params, e);
}

static int roster_parse_argv(struct roster_spec *s, const struct json *argv,
			     const struct json *hashes, struct err *e)
{
	const struct json *a = json_first(argv), *h = json_first(hashes);

	if (argv == NULL || json_count(argv) == 0 || json_count(argv) != json_count(hashes))
		return err_set(e, ERR_DATA, "spec: argv and sha256 do not match");
	roster_spec_alloc(s, json_count(argv));
	for (size_t i = 0; i < s->n_argv; i++, a = json_next(a), h = json_next(h)) {
		if (json_type(a) != JSON_STRING)
			return err_set(e, ERR_DATA, "spec: argv must hold strings");
		s->argv[i] = mem_strdup(json_text(a));
		s->is_file[i] = json_type(h) == JSON_STRING &&
				digest_unhex(json_text(h), &s->files[i]) == 0;
	}
	return 0;
}

int roster_spec_parse(struct roster_spec *s, const char *text, struct err *e)
{
	struct json *root = json_parse(text, strlen(text), e);
	const char *kind, *name;
	int r = -1;

	*s = (struct roster_spec){ 0 };
	if (root == NULL)
		return -1;
	kind = json_text(json_get(root, "kind"));
	name = json_text(json_get(root, "strategy"));
	if (kind != NULL && strcmp(kind, "rule") == 0 && name != NULL) {
		s->kind = ROSTER_RULE;
		s->strategy = strategy_find(name);
		if (s->strategy == NULL)
			err_set(e, ERR_DATA, "spec: no strategy %.40s", name);
		else
			r = roster_parse_params(s, json_get(root, "params"), e);
	} else if (kind != NULL && strcmp(kind, "exec") == 0) {
		s->kind = ROSTER_EXEC;
		r = roster_parse_argv(s, json_get(root, "argv"), json_get(root, "sha256"), e);
	} else if (kind != NULL && strcmp(kind, "manual") == 0) {
		s->kind = ROSTER_MANUAL;
		r = 0;
	} else {
		err_set(e, ERR_DATA, "spec: unknown kind");
	}
	json_free(root);
	if (r != 0)
		roster_spec_release(s);
	return r;
}
