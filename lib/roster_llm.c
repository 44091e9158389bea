#include "roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "decimal.h"
#include "ident.h"
#include "mem.h"
#include "prompt.h"

#include "banned.h"

/* The options of agents that are asked over the network, one by one: each is checked as it is
 * set, from the command line as from a stored spec. */

#define HEADERS_MAX 16
#define HEADER_NAME_MAX 64
#define HEADER_VALUE_MAX 1024
#define BODY_MAX ((size_t)16 << 10)
#define BODY_DEPTH_MAX 16
#define TEMPERATURE_MAX 200
#define TOKENS_MIN 16
#define TOKENS_MAX 1000000
#define TIMEOUT_MAX 280

/* Keys belong into files, and these headers are the transport's. */
static const char *const headers_refused[] = { "authorization",
					       "proxy-authorization",
					       "x-api-key",
					       "api-key",
					       "x-goog-api-key",
					       "cookie",
					       "host",
					       "connection",
					       "content-length",
					       "content-type",
					       "content-encoding",
					       "transfer-encoding",
					       "te",
					       "accept-encoding",
					       "expect",
					       "upgrade",
					       NULL };

/* What the tools put into a request themselves, or what would multiply its cost unseen. */
static const char *const body_refused[] = { "model",
					    "models",
					    "messages",
					    "contents",
					    "system",
					    "systemInstruction",
					    "stream",
					    "temperature",
					    "max_tokens",
					    "n",
					    "best_of",
					    "max_completion_tokens",
					    "generationConfig",
					    "response_format",
					    "output_config",
					    NULL };

static bool listed(const char *const *list, const char *s)
{
	for (; *list != NULL; list++)
		if (strcasecmp(*list, s) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------ models */

static int check_model(const char *model, struct err *e)
{
	char provider[IDENT_AGENT_MAX + 1];
	const char *rest;

	return provider_split(model, provider, &rest, e) != 0 ? -1
							      : ident_check_agent(provider, e);
}

static int check_once(const struct roster_llm *l, struct err *e)
{
	for (size_t i = 0; i < l->n_candidates; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(l->candidates[i], l->candidates[k]) == 0)
				return err_set(e, ERR_DATA, "model %s: is named twice",
					       l->candidates[i]);
	return 0;
}

int roster_llm_model(struct roster_spec *s, const char *model, struct err *e)
{
	struct roster_llm *l = &s->llm;

	assert(s->kind == ROSTER_LLM);
	if (check_model(model, e) != 0)
		return -1;
	if (l->n_candidates == 0) {
		l->candidates = mem_array(ROSTER_CANDIDATES_MAX, sizeof *l->candidates);
		l->n_candidates = 1;
	}
	free(l->candidates[0]);
	l->candidates[0] = mem_strdup(model);
	return check_once(l, e);
}

int roster_llm_fallbacks(struct roster_spec *s, const char *const *models, size_t n,
			 struct err *e)
{
	struct roster_llm *l = &s->llm;

	assert(l->n_candidates > 0);
	if (n == 1 && models[0][0] == '\0')
		n = 0;
	if (n >= ROSTER_CANDIDATES_MAX)
		return err_set(e, ERR_DATA, "an agent has at most %d fallbacks",
			       ROSTER_CANDIDATES_MAX - 1);
	while (l->n_candidates > 1)
		free(l->candidates[--l->n_candidates]);
	for (size_t i = 0; i < n; i++) {
		if (check_model(models[i], e) != 0)
			return -1;
		l->candidates[l->n_candidates++] = mem_strdup(models[i]);
	}
	return check_once(l, e);
}

/* ------------------------------------------------------------------ texts */

static int check_text(const char *what, const char *text, size_t n, struct err *e)
{
	if (n > ROSTER_TEXT_MAX)
		return err_set(e, ERR_DATA, "%s: is longer than %zu bytes", what,
			       ROSTER_TEXT_MAX);
	if (!ident_utf8_valid(text, n))
		return err_set(e, ERR_DATA, "%s: is not valid UTF-8", what);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return err_set(e, ERR_DATA, "%s: has a control character at byte %zu",
				       what, i + 1);
	}
	return 0;
}

static void replace(char **to, const char *text, size_t n)
{
	free(*to);
	*to = n > 0 ? mem_strndup(text, n) : NULL;
}

int roster_llm_prompt(struct roster_spec *s, const char *text, size_t n, struct err *e)
{
	if (n > 0 && check_text("prompt", text, n, e) != 0)
		return -1;
	replace(&s->llm.prompt, text, n);
	return 0;
}

int roster_llm_template(struct roster_spec *s, const char *text, size_t n, struct err *e)
{
	if (n > 0 && check_text("template", text, n, e) != 0)
		return -1;
	replace(&s->llm.template, text, n);
	return n > 0 ? prompt_check(s->llm.template, e) : 0;
}

/* ------------------------------------------------------------------ numbers */

int roster_llm_temperature(struct roster_spec *s, const char *text, struct err *e)
{
	int64_t v;

	s->llm.has_temperature = false;
	s->llm.temperature_e2 = 0;
	if (text == NULL || *text == '\0')
		return 0;
	if (decimal_parse(text, strlen(text), 2, &v, e) != 0)
		return err_prefix(e, "temperature");
	if (v < 0 || v > TEMPERATURE_MAX)
		return err_set(e, ERR_DATA, "temperature must be 0 to 2, not %.40s", text);
	s->llm.has_temperature = true;
	s->llm.temperature_e2 = v;
	return 0;
}

int roster_llm_max_tokens(struct roster_spec *s, int64_t tokens, struct err *e)
{
	if (tokens != 0 && (tokens < TOKENS_MIN || tokens > TOKENS_MAX))
		return err_set(e, ERR_DATA, "max tokens must be %d to %d, or 0 for the setting",
			       TOKENS_MIN, TOKENS_MAX);
	s->llm.max_tokens = tokens;
	return 0;
}

int roster_llm_timeout(struct roster_spec *s, int64_t seconds, struct err *e)
{
	if (seconds < 0 || seconds > TIMEOUT_MAX)
		return err_set(e, ERR_DATA,
			       "timeout must be 1 to %d seconds, or 0 for the setting",
			       TIMEOUT_MAX);
	s->llm.timeout_s = seconds;
	return 0;
}

/* ------------------------------------------------------------------ headers */

static int check_header_name(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0 || n > HEADER_NAME_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return err_set(
			e, ERR_DATA,
			"header: must be \"Name: value\", the name of letters, digits, '-' "
			"and '_'");
	if (listed(headers_refused, name) || strncmp(name, "x-cg-", 5) == 0)
		return err_set(e, ERR_DATA,
			       "header %s: cannot be set; keys are files (tr-provider key)",
			       name);
	return 0;
}

static int check_header_value(const char *name, const char *value, struct err *e)
{
	if (*value == '\0' || strlen(value) > HEADER_VALUE_MAX)
		return err_set(e, ERR_DATA, "header %s: the value must be 1 to %d bytes", name,
			       HEADER_VALUE_MAX);
	for (const char *p = value; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return err_set(e, ERR_DATA, "header %s: the value must be plain ASCII",
				       name);
	return 0;
}

/* Split "Name: value" into a name in lower case and the value without blanks around it. */
static void split_header(const char *line, char **name, char **value)
{
	size_t n = strcspn(line, ":");
	const char *v = line[n] == ':' ? line + n + 1 : "";
	size_t end;

	*name = mem_strndup(line, line[n] == ':' ? n : 0);
	for (char *p = *name; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	v += strspn(v, " \t");
	end = strlen(v);
	while (end > 0 && (v[end - 1] == ' ' || v[end - 1] == '\t'))
		end--;
	*value = mem_strndup(v, end);
}

static int write_header(struct json_writer *w, const char *line, struct err *e)
{
	char *name, *value;
	int r = -1;

	split_header(line, &name, &value);
	if (check_header_name(name, e) == 0 && check_header_value(name, value, e) == 0) {
		json_write_string(w, name, value);
		r = 0;
	}
	free(value);
	free(name);
	return r;
}

int roster_llm_headers(struct roster_spec *s, const char *const *lines, size_t n, struct err *e)
{
	struct buf b = BUF_INIT;
	struct json *parsed = NULL;
	struct json_writer w;
	int r = 0;

	if (n == 1 && lines[0][0] == '\0')
		n = 0;
	if (n > HEADERS_MAX)
		return err_set(e, ERR_DATA, "an agent has at most %d headers", HEADERS_MAX);
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	for (size_t i = 0; i < n && r == 0; i++)
		r = write_header(&w, lines[i], e);
	if (r == 0 && n > 0) {
		json_write_close(&w);
		/* which finds the same name twice as well */
		parsed = json_parse(buf_str(&b), b.len, e);
		r = parsed != NULL ? 0 : err_prefix(e, "headers");
	}
	if (r == 0) {
		json_free(s->llm.headers);
		s->llm.headers = parsed;
	}
	buf_release(&b);
	return r;
}

/* ------------------------------------------------------------------ body */

static int depth(const struct json *v)
{
	int most = 0;

	for (const struct json *c = json_first(v); c != NULL; c = json_next(c)) {
		int d = depth(c);

		most = d > most ? d : most;
	}
	return most + 1;
}

static int check_body(const struct json *body, struct err *e)
{
	if (json_type(body) != JSON_OBJECT || json_count(body) == 0)
		return err_set(e, ERR_DATA, "body: must be a JSON object with members");
	if (depth(body) > BODY_DEPTH_MAX)
		return err_set(e, ERR_DATA, "body: is more than %d levels deep",
			       BODY_DEPTH_MAX);
	for (const struct json *m = json_first(body); m != NULL; m = json_next(m))
		if (listed(body_refused, json_key(m)))
			return err_set(e, ERR_DATA, "body: \"%s\" cannot be set", json_key(m));
	return 0;
}

int roster_llm_body(struct roster_spec *s, const char *text, struct err *e)
{
	struct json *body = NULL;

	if (text != NULL && *text != '\0') {
		body = json_parse_max(text, strlen(text), BODY_MAX, e);
		if (body == NULL)
			return err_prefix(e, "body");
		if (check_body(body, e) != 0) {
			json_free(body);
			return -1;
		}
	}
	json_free(s->llm.body);
	s->llm.body = body;
	return 0;
}

/* ------------------------------------------------------------------ ml */

int roster_ml_url(struct roster_spec *s, const char *url, struct err *e)
{
	size_t n = strlen(url);
	char *own;
	bool local;

	assert(s->kind == ROSTER_ML);
	while (n > 0 && url[n - 1] == '/')
		n--;
	own = mem_strndup(url, n);
	if (provider_check_base(own, &local, e) != 0) {
		free(own);
		return err_prefix(e, "url");
	}
	free(s->ml.url);
	s->ml.url = own;
	replace(&s->ml.provider, "", 0);
	return 0;
}

int roster_ml_provider(struct roster_spec *s, const char *name, struct err *e)
{
	assert(s->kind == ROSTER_ML);
	if (ident_check_agent(name, e) != 0)
		return err_prefix(e, "provider");
	replace(&s->ml.provider, name, strlen(name));
	replace(&s->ml.url, "", 0);
	replace(&s->ml.key_file, "", 0);
	return 0;
}

int roster_ml_key(struct roster_spec *s, const char *path, struct err *e)
{
	size_t n = path != NULL ? strlen(path) : 0;

	if (s->ml.url == NULL)
		return err_set(e, ERR_DATA,
			       "the key of a provider is set with tr-provider key");
	if (n > 0 && path[0] != '/' && strncmp(path, "credential:", 11) != 0)
		return err_set(e, ERR_DATA, "key file: the path must be absolute");
	replace(&s->ml.key_file, path, n);
	return 0;
}
