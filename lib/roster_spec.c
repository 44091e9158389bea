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
	for (size_t i = 0; i < s->n_reads; i++)
		free(s->reads[i]);
	free(s->reads);
	for (size_t i = 0; i < s->llm.n_candidates; i++)
		free(s->llm.candidates[i]);
	free(s->llm.candidates);
	free(s->llm.prompt);
	free(s->llm.template);
	json_free(s->llm.headers);
	json_free(s->llm.body);
	free(s->ml.provider);
	free(s->ml.url);
	free(s->ml.key_file);
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

static void roster_write_rule(const struct roster_spec *s, struct json_writer *w)
{
	json_write_string(w, "strategy", s->strategy->name);
	json_write_object(w, "params");
	for (size_t i = 0; i < s->strategy->n_params; i++)
		json_write_decimal(w, s->strategy->params[i].name, s->params[i], 0);
	json_write_close(w);
}

static void roster_write_exec(const struct roster_spec *s, struct json_writer *w)
{
	char hex[DIGEST_HEX_SIZE];

	json_write_array(w, "argv");
	for (size_t i = 0; i < s->n_argv; i++)
		json_write_string(w, NULL, s->argv[i]);
	json_write_close(w);
	json_write_array(w, "sha256");
	for (size_t i = 0; i < s->n_argv; i++) {
		if (s->is_file[i])
			digest_hex(&s->files[i], hex);
		json_write_string(w, NULL, s->is_file[i] ? hex : NULL);
	}
	json_write_close(w);
	if (s->network)
		json_write_bool(w, "network", true);
	if (s->unconfined)
		json_write_bool(w, "unconfined", true);
	if (s->n_reads > 0)
		json_write_array(w, "read");
	for (size_t i = 0; i < s->n_reads; i++)
		json_write_string(w, NULL, s->reads[i]);
	if (s->n_reads > 0)
		json_write_close(w);
}

/* A value as it was parsed; numbers keep their token. */
static void roster_write_value(const struct json *v, const char *key, struct json_writer *w)
{
	switch (json_type(v)) {
	case JSON_NULL:
		json_write_null(w, key);
		return;
	case JSON_BOOL:
		json_write_bool(w, key, json_true(v));
		return;
	case JSON_NUMBER:
		json_write_raw(w, key, json_text(v), json_text_len(v));
		return;
	case JSON_STRING:
		json_write_stringn(w, key, json_text(v), json_text_len(v));
		return;
	case JSON_ARRAY:
		json_write_array(w, key);
		for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
			roster_write_value(c, NULL, w);
		json_write_close(w);
		return;
	case JSON_OBJECT:
		json_write_object(w, key);
		for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
			roster_write_value(c, json_key(c), w);
		json_write_close(w);
		return;
	}
}

static void roster_write_llm(const struct roster_llm *l, struct json_writer *w)
{
	json_write_array(w, "candidates");
	for (size_t i = 0; i < l->n_candidates; i++)
		json_write_string(w, NULL, l->candidates[i]);
	json_write_close(w);
	if (l->any_model)
		json_write_bool(w, "any_model", true);
	if (l->prompt != NULL)
		json_write_string(w, "prompt", l->prompt);
	if (l->template != NULL)
		json_write_string(w, "template", l->template);
	if (l->has_temperature)
		json_write_decimal(w, "temperature", l->temperature_e2, 2);
	if (l->max_tokens != 0)
		json_write_int(w, "max_tokens", l->max_tokens);
	if (l->timeout_s != 0)
		json_write_int(w, "timeout_s", l->timeout_s);
	if (l->headers != NULL)
		roster_write_value(l->headers, "headers", w);
	if (l->body != NULL)
		roster_write_value(l->body, "body", w);
}

static void roster_write_ml(const struct roster_ml *m, struct json_writer *w)
{
	if (m->provider != NULL)
		json_write_string(w, "provider", m->provider);
	if (m->url != NULL)
		json_write_string(w, "url", m->url);
	if (m->key_file != NULL)
		json_write_string(w, "key_file", m->key_file);
}

char *roster_spec_text(const struct roster_spec *s)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "kind", roster_kind_name(s->kind));
	if (s->kind == ROSTER_RULE)
		roster_write_rule(s, &w);
	else if (s->kind == ROSTER_EXEC)
		roster_write_exec(s, &w);
	else if (s->kind == ROSTER_LLM)
		roster_write_llm(&s->llm, &w);
	else if (s->kind == ROSTER_ML)
		roster_write_ml(&s->ml, &w);
	json_write_close(&w);
	return buf_take(&b);
}

char *roster_spec_value(const struct json *v)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	if (v == NULL)
		return NULL;
	json_write_init(&w, &b);
	roster_write_value(v, NULL, &w);
	return buf_take(&b);
}

/* ------------------------------------------------------------------ and back */

static int roster_parse_params(struct roster_spec *s, const struct json *params, struct err *e)
{
	strategy_defaults(s->strategy, s->params);
	for (const struct json *m = json_first(params); m != NULL; m = json_next(m))
		if (json_text(m) == NULL ||
		    strategy_set(s->strategy, s->params, json_key(m), json_text(m), e) != 0)
			return err_set(e, ERR_DATA, "spec: a parameter must be a string");
	return strategy_check(s->strategy, s->params, e);
}

static int roster_parse_rule(struct roster_spec *s, struct json_reader *r, struct err *e)
{
	const char *name = json_read_string(r, "strategy", true);
	const struct json *params = json_read_object(r, "params", false);

	if (r->failed)
		return -1;
	s->strategy = strategy_find(name);
	if (s->strategy == NULL)
		return err_set(e, ERR_DATA, "spec: no strategy %.40s", name);
	return roster_parse_params(s, params, e);
}

static int roster_parse_exec(struct roster_spec *s, struct json_reader *r, struct err *e)
{
	const struct json *argv = json_read_array(r, "argv", true);
	const struct json *hashes = json_read_array(r, "sha256", true);
	const struct json *a = json_first(argv), *h = json_first(hashes);
	const struct json *reads = json_read_array(r, "read", false);

	json_read_bool(r, "network", false, &s->network);
	json_read_bool(r, "unconfined", false, &s->unconfined);
	if (r->failed)
		return -1;
	if (json_count(argv) == 0 || json_count(argv) != json_count(hashes))
		return err_set(e, ERR_DATA, "spec: argv and sha256 do not match");
	roster_spec_alloc(s, json_count(argv));
	for (size_t i = 0; i < s->n_argv; i++, a = json_next(a), h = json_next(h)) {
		if (json_type(a) != JSON_STRING)
			return err_set(e, ERR_DATA, "spec: argv must hold strings");
		s->argv[i] = mem_strdup(json_text(a));
		s->is_file[i] = json_type(h) == JSON_STRING &&
				digest_unhex(json_text(h), &s->files[i]) == 0;
	}
	return roster_parse_reads(s, reads, e);
}

static int roster_parse_candidates(struct roster_spec *s, const struct json *list,
				   struct err *e)
{
	const char *names[ROSTER_CANDIDATES_MAX];
	size_t n = 0;

	for (const struct json *m = json_first(list); m != NULL; m = json_next(m)) {
		if (json_type(m) != JSON_STRING || n == ROSTER_CANDIDATES_MAX)
			return err_set(e, ERR_DATA, "spec: candidates must be 1 to %d strings",
				       ROSTER_CANDIDATES_MAX);
		names[n++] = json_text(m);
	}
	if (n == 0)
		return err_set(e, ERR_DATA, "spec: candidates are missing");
	return roster_llm_model(s, names[0], e) != 0
		       ? -1
		       : roster_llm_fallbacks(s, names + 1, n - 1, e);
}

static int roster_parse_headers(struct roster_spec *s, const struct json *headers,
				struct err *e)
{
	size_t n = json_count(headers), k = 0;
	char **lines = mem_array(n, sizeof *lines);
	int r = 0;

	for (const struct json *m = json_first(headers); m != NULL; m = json_next(m)) {
		if (json_type(m) != JSON_STRING)
			r = err_set(e, ERR_DATA, "spec: a header must be a string");
		lines[k++] = mem_printf("%s: %s", json_key(m), r == 0 ? json_text(m) : "");
	}
	if (r == 0)
		r = roster_llm_headers(s, (const char *const *)lines, n, e);
	while (k > 0)
		free(lines[--k]);
	free(lines);
	return r;
}

static int roster_parse_body(struct roster_spec *s, const struct json *body, struct err *e)
{
	char *text = roster_spec_value(body);
	int r = roster_llm_body(s, text, e);

	free(text);
	return r;
}

static int roster_parse_llm(struct roster_spec *s, struct json_reader *r, struct err *e)
{
	const struct json *candidates = json_read_array(r, "candidates", true);
	const char *prompt, *template;
	const struct json *headers, *body;

	json_read_bool(r, "any_model", false, &s->llm.any_model);
	prompt = json_read_string(r, "prompt", false);
	template = json_read_string(r, "template", false);
	s->llm.has_temperature =
		json_read_decimal(r, "temperature", false, 2, &s->llm.temperature_e2);
	json_read_int(r, "max_tokens", false, 1, INT64_MAX, &s->llm.max_tokens);
	json_read_int(r, "timeout_s", false, 1, INT64_MAX, &s->llm.timeout_s);
	headers = json_read_object(r, "headers", false);
	body = json_read_object(r, "body", false);
	if (r->failed || roster_parse_candidates(s, candidates, e) != 0)
		return -1;
	if (prompt != NULL && roster_llm_prompt(s, prompt, strlen(prompt), e) != 0)
		return -1;
	if (template != NULL && roster_llm_template(s, template, strlen(template), e) != 0)
		return -1;
	if (headers != NULL && roster_parse_headers(s, headers, e) != 0)
		return -1;
	return body != NULL ? roster_parse_body(s, body, e) : 0;
}

static int roster_parse_ml(struct roster_spec *s, struct json_reader *r, struct err *e)
{
	const char *provider = json_read_string(r, "provider", false);
	const char *url = json_read_string(r, "url", false);
	const char *key = json_read_string(r, "key_file", false);

	if (r->failed)
		return -1;
	if ((provider == NULL) == (url == NULL))
		return err_set(e, ERR_DATA, "spec: either a provider or a url is needed");
	if (provider != NULL && roster_ml_provider(s, provider, e) != 0)
		return -1;
	if (url != NULL && roster_ml_url(s, url, e) != 0)
		return -1;
	return key != NULL ? roster_ml_key(s, key, e) : 0;
}

static int roster_parse_kind(struct roster_spec *s, const char *kind, struct json_reader *r,
			     struct err *e)
{
	static const struct {
		enum roster_kind kind;
		int (*parse)(struct roster_spec *, struct json_reader *, struct err *);
	} parsers[] = { { ROSTER_RULE, roster_parse_rule },
			{ ROSTER_EXEC, roster_parse_exec },
			{ ROSTER_LLM, roster_parse_llm },
			{ ROSTER_ML, roster_parse_ml } };

	for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
		if (strcmp(kind, roster_kind_name(parsers[i].kind)) == 0) {
			s->kind = parsers[i].kind;
			return parsers[i].parse(s, r, e);
		}
	if (strcmp(kind, roster_kind_name(ROSTER_MANUAL)) != 0)
		return err_set(e, ERR_DATA, "spec: unknown kind");
	s->kind = ROSTER_MANUAL;
	return 0;
}

int roster_spec_parse(struct roster_spec *s, const char *text, struct err *e)
{
	struct json *root = json_parse(text, strlen(text), e);
	struct json_reader r;
	const char *kind;
	int rc = -1;

	*s = (struct roster_spec){ 0 };
	if (root == NULL)
		return -1;
	json_read_init(&r, root, "spec", e);
	kind = json_read_string(&r, "kind", true);
	if (kind != NULL)
		rc = roster_parse_kind(s, kind, &r, e);
	if (rc == 0)
		rc = json_read_end(&r);
	json_free(root);
	if (rc != 0)
		roster_spec_release(s);
	return rc;
}
