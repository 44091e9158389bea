#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "provider.h"
#include "unit.h"

#include "banned.h"

#define USD INT64_C(100000000)

static struct db *db;
static char dir[] = "/tmp/test_provider.XXXXXX";

static bool base_is(const char *base, bool ok, bool local)
{
	struct err e = { 0 };
	bool got_local;
	bool got = provider_check_base(base, &got_local, &e) == 0;

	if (got != ok || got_local != local)
		printf("# %s: %d, local %d: %s\n", base, got, got_local, e.text);
	return got == ok && got_local == local;
}

static void bases(void)
{
	unit_ok(base_is("https://api.openai.com/v1", true, false) &&
			base_is("https://x.openai.azure.com:8443", true, false),
		"a base is https");
	unit_ok(base_is("http://127.0.0.1:11434/v1", true, true) &&
			base_is("http://localhost", true, true) &&
			base_is("http://127.9.8.7", true, true) &&
			base_is("http://[::1]:80/x", true, true) &&
			base_is("https://127.0.0.1", true, true),
		"a base on this machine may be http");
	unit_ok(base_is("http://api.openai.com", false, false) &&
			base_is("http://127.0.0.1.example.com", false, false) &&
			base_is("http://localhost.example.com", false, false) &&
			base_is("http://0.0.0.0", false, false) &&
			base_is("http://128.0.0.1", false, false) &&
			base_is("http://127.1", false, false) &&
			base_is("http://[::2]", false, false),
		"a base elsewhere may not be http, whatever its name resembles");
	unit_ok(base_is("https://user:pw@example.com", false, false) &&
			base_is("https://example.com/?key=1", false, false) &&
			base_is("https://example.com/#x", false, false) &&
			base_is("https://example.com/", false, false) &&
			base_is("https://exa mple.com", false, false) &&
			base_is("https://", false, false) && base_is("", false, false) &&
			base_is("ftp://example.com", false, false) &&
			base_is("https://example.com:0", false, false) &&
			base_is("https://example.com:65536", false, false) &&
			base_is("https://example.com:", false, false) &&
			base_is("https://[::1", false, false) &&
			base_is("https://-x.com", false, false) &&
			base_is("https://ex\nample.com", false, false),
		"a base has no user, query, fragment, control byte or senseless port");
}

/* Whether an added provider of ${base} names the limit of tokens as OpenAI itself does. */
static bool limit_is_new(enum provider_kind kind, const char *base)
{
	struct provider p = { .name = "added", .kind = kind, .base = mem_strdup(base) }, back;
	struct err e = { 0 };
	bool changed, new = false;
	int r = db_begin(db, &e);

	if (r == 0)
		r = db_end(db, provider_store(db, &p, &changed, &e), &e);
	if (r == 0)
		r = provider_load(db, "added", &back, &e);
	if (r == 0) {
		new = back.max_completion_tokens;
		provider_release(&back);
	} else {
		printf("# %s: %s\n", base, e.text);
	}
	free(p.base);
	return r == 0 && new;
}

static void limits(void)
{
	unit_ok(limit_is_new(PROVIDER_OPENAI, "https://api.openai.com/v1") &&
			limit_is_new(PROVIDER_OPENAI, "https://eu.api.openai.com/v1") &&
			limit_is_new(PROVIDER_OPENAI, "https://US.api.OpenAI.com:443/v1"),
		"a second account of OpenAI, in a region too, is spoken to as the first");
	unit_ok(!limit_is_new(PROVIDER_OPENAI, "https://notapi.openai.com/v1") &&
			!limit_is_new(PROVIDER_OPENAI, "https://example.com/api.openai.com") &&
			!limit_is_new(PROVIDER_OPENAI, "http://127.0.0.1:8080/v1"),
		"and nobody else");
}

static bool family_is(const char *model, const char *want)
{
	size_t n = provider_family(model);

	if (n != strlen(want) || strncmp(model, want, n) != 0)
		printf("# %s: %.*s\n", model, (int)n, model);
	return n == strlen(want) && strncmp(model, want, n) == 0;
}

static void families(void)
{
	unit_ok(family_is("gpt-4o-mini-2024-07-18", "gpt-4o-mini") &&
			family_is("claude-sonnet-4-5-20250929", "claude-sonnet-4-5") &&
			family_is("claude-3-5-sonnet-latest", "claude-3-5-sonnet") &&
			family_is("gpt-3.5-turbo-0125", "gpt-3.5-turbo") &&
			family_is("mistral-large-2407", "mistral-large") &&
			family_is("gemini-2.0-flash-001", "gemini-2.0-flash") &&
			family_is("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
		"a date at the end of a model's name is no part of its family");
	unit_ok(family_is("gpt-4o-mini", "gpt-4o-mini") &&
			family_is("gpt-4-32k", "gpt-4-32k") &&
			family_is("llama3-70b-8192", "llama3-70b-8192") &&
			family_is("o1", "o1") && family_is("", "") &&
			family_is("x-2024-13-01", "x-2024-13-01") &&
			family_is("gpt-4o-audio-preview", "gpt-4o-audio-preview"),
		"another ending makes another model");
}

/* Whether the table and the operator's entries give ${input} and ${output} in 1e-8 USD; -1
 * none. */
static bool price_is(const char *provider, const char *model, int64_t input, int64_t output)
{
	struct provider_price price;
	struct err e = { 0 };
	struct provider p;
	bool found = false, ok;

	if (provider_load(db, provider, &p, &e) != 0 ||
	    provider_price(db, &p, model, &price, &found, &e) != 0) {
		printf("# %s\n", e.text);
		return false;
	}
	provider_release(&p);
	ok = found ? price.input == input && price.output == output : input == -1;
	if (!ok)
		printf("# %s/%s: %d %lld %lld\n", provider, model, found,
		       (long long)price.input, (long long)price.output);
	return ok;
}

static bool set_price(const char *provider, const char *model, int64_t input, int64_t output)
{
	struct provider_price p = { .input = input, .cached = input, .output = output };
	struct err e = { 0 };

	if (db_begin(db, &e) != 0)
		return false;
	return db_end(db, provider_price_store(db, provider, model, &p, 0, &e), &e) == 0;
}

static void prices(void)
{
	unit_ok(price_is("openai", "gpt-4o-mini", USD * 15 / 100, USD * 60 / 100) &&
			price_is("openai", "gpt-4o-mini-2024-07-18", USD * 15 / 100,
				 USD * 60 / 100) &&
			price_is("openai", "gpt-4o", USD * 5 / 2, USD * 10) &&
			price_is("openai", "gpt-4o-2024-08-06", USD * 5 / 2, USD * 10) &&
			price_is("anthropic", "claude-opus-4-1-20250805", USD * 15, USD * 75),
		"a dated model has the price of its family, and of no other");
	unit_ok(price_is("openai", "gpt-4o-2024-05-13", USD * 5, USD * 15),
		"a dated model with a row of its own has the price of that row");
	unit_ok(price_is("openai", "gpt-4o-audio-preview", -1, 0) &&
			price_is("openai", "gpt-4", USD * 30, USD * 60) &&
			price_is("openai", "gpt-4-vision", -1, 0) &&
			price_is("openai", "", -1, 0) &&
			price_is("openrouter", "openai/gpt-4o", -1, 0),
		"a model that is not in the table has no price");
	unit_ok(price_is("ollama", "llama3.3", 0, 0) && price_is("kraken", "x", 0, 0),
		"what runs on this machine costs nothing");
	unit_ok(set_price("openrouter", "openai/gpt-4o", 1, 2) &&
			price_is("openrouter", "openai/gpt-4o", 1, 2) &&
			price_is("openrouter", "openai/gpt-4o-2024-08-06", 1, 2) &&
			set_price("openai", "gpt-4o", 3, 4) &&
			price_is("openai", "gpt-4o", 3, 4) &&
			set_price("ollama", "llama3.3", 5, 6) &&
			price_is("ollama", "llama3.3", 5, 6),
		"the operator's price goes before all others");
	unit_ok(!set_price("openai", "x", -1, 0) && !set_price("openai", "x", 0, INT64_MAX) &&
			price_is("openai", "x", -1, 0),
		"a price is not negative and not beyond all measure");
}

static int count_price(void *ctx, const char *model, const struct provider_price *p,
		       struct err *e)
{
	int *n = ctx;

	(void)e;
	if (model[0] == '\0' || p->input <= 0 || p->output <= 0 || p->cached > p->input ||
	    strlen(p->since) != 10)
		*n = -1000;
	(*n)++;
	return 0;
}

static void table(void)
{
	static const char *const names[] = { "openai", "anthropic", "gemini", "groq" };
	struct err e = { 0 };

	for (size_t i = 0; i < 4; i++) {
		int n = 0;

		unit_ok(provider_price_list(db, names[i], count_price, &n, &e) == 0 && n >= 5,
			"every row of the table is whole");
	}
}

static void costs(void)
{
	struct provider_price p = { .input = USD * 15 / 100,
				    .cached = USD * 75 / 1000,
				    .output = USD * 60 / 100 };
	struct provider_price most = { INT64_MAX, INT64_MAX, INT64_MAX, "", true };

	unit_ok(provider_cost(&p, 1000000, 0, 1000000) == USD * 75 / 100 &&
			provider_cost(&p, 1000000, 1000000, 0) == USD * 75 / 1000 &&
			provider_cost(&p, 0, 0, 0) == 0,
		"a cost is tokens times price, cached ones at theirs");
	unit_ok(provider_cost(&p, 1, 0, 0) == 15 && provider_cost(&p, 0, 0, 1) == 60 &&
			provider_cost(&p, 1, 1, 0) == 8,
		"a cost is rounded up");
	unit_ok(provider_cost(&most, INT64_MAX, INT64_MAX, INT64_MAX) == INT64_MAX &&
			provider_cost(&most, INT64_MAX, 0, INT64_MAX) == INT64_MAX,
		"a cost that is too large stays at the largest");
	unit_ok(provider_cost(&p, 1000000, 2000000, 0) == USD * 15 / 100 &&
			provider_cost(&p, 1000000, -1, 0) == USD * 15 / 100 &&
			provider_cost(&p, -1, 0, -1) == 0,
		"numbers that contradict each other make nothing cheaper");
}

static void models(void)
{
	char name[IDENT_AGENT_MAX + 1], service[GUARD_SERVICE_MAX], longest[300];
	struct provider p = { .name = "openai" };
	struct err e = { 0 };
	const char *rest;

	unit_ok(provider_split("openrouter/meta/llama:free", name, &rest, &e) == 0 &&
			strcmp(name, "openrouter") == 0 && strcmp(rest, "meta/llama:free") == 0,
		"a model is split at its first slash");
	unit_ok(provider_split("gpt-4o", name, &rest, &e) != 0 && e.status == ERR_USAGE &&
			provider_split("/x", name, &rest, &e) != 0 &&
			provider_split("x/", name, &rest, &e) != 0 &&
			provider_split("x/a b", name, &rest, &e) != 0 &&
			provider_split("x/\xc3\xa9", name, &rest, &e) != 0,
		"a model without provider or name, or with blanks, is refused");
	memset(longest, 'a', sizeof longest);
	longest[1] = '/';
	longest[2 + PROVIDER_MODEL_MAX + 1] = '\0';
	unit_ok(provider_split(longest, name, &rest, &e) != 0,
		"a model's name leaves room for the service's");
	longest[2 + PROVIDER_MODEL_MAX] = '\0';
	memset(p.name, 'p', IDENT_AGENT_MAX);
	unit_ok(provider_split(longest, name, &rest, &e) == 0, "the longest name is taken");
	provider_service(&p, rest, service);
	unit_ok(strlen(service) == GUARD_SERVICE_MAX - 1, "the longest service is not cut");
	snprintf(p.name, sizeof p.name, "openai");
	provider_service(&p, "gpt-4o", service);
	unit_ok(strcmp(service, "openai:gpt-4o") == 0, "a service is provider and model");
	provider_service(&p, NULL, service);
	unit_ok(strcmp(service, "openai") == 0, "without a model it is the provider");
}

static int key_status(const char *file)
{
	struct provider p = { .name = "x", .key_file = (char *)file };
	struct err e = { 0 };
	char *path = NULL;
	int r = provider_key_path(&p, &path, &e);

	if (r == 0 && path == NULL)
		return -1;
	free(path);
	return r == 0 ? 0 : e.status;
}

static char *make(const char *name, const char *text, mode_t mode)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	if (f != NULL) {
		fputs(text, f);
		fclose(f);
	}
	chmod(path, mode);
	return path;
}

static void keys(void)
{
	char *good = make("good", "secret\n", 0600), *open = make("open", "secret\n", 0640);
	char *empty = make("empty", "", 0600), *link = mem_printf("%s/link", dir);
	char *absent = mem_printf("%s/absent", dir);
	struct provider p = { .name = "x" };
	struct err e = { 0 };
	char *path = good;

	unit_ok(symlink(good, link) == 0 && key_status(good) == 0,
		"a key file of ours with mode 600 is taken");
	unit_ok(key_status(open) == ERR_PERM && key_status(empty) == ERR_PERM &&
			key_status(link) == ERR_PERM && key_status(dir) == ERR_PERM &&
			key_status(absent) == ERR_NOTFOUND,
		"a key file that is open, empty, a link, a directory or absent is refused");
	unit_ok(provider_key_path(&p, &path, &e) == 0 && path == NULL,
		"a provider without a key has no path");
	unsetenv("CREDENTIALS_DIRECTORY");
	unit_ok(key_status("credential:good") == ERR_NOTFOUND,
		"a credential needs the directory of credentials");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	unit_ok(key_status("credential:good") == 0 && key_status("credential:link") != 0 &&
			key_status("credential:../good") == ERR_DATA &&
			key_status("credential:") == ERR_DATA,
		"a credential is a file of that directory and of no other");
	unlink(good);
	unlink(open);
	unlink(empty);
	unlink(link);
	free(good);
	free(open);
	free(empty);
	free(link);
	free(absent);
}

int main(void)
{
	struct err e = { 0 };
	char *path;
	bool created;

	umask(077);
	if (mkdtemp(dir) == NULL)
		return 1;
	path = mem_printf("%s/race.db", dir);
	db = db_create(path, &created, &e);
	if (db == NULL) {
		printf("Bail out! %s\n", e.text);
		return 1;
	}
	bases();
	limits();
	families();
	table();
	prices();
	costs();
	models();
	keys();
	db_close(db);
	for (const char *const *s = (const char *const[]){ "", "-wal", "-shm", ".lock", NULL };
	     *s != NULL; s++) {
		char *file = mem_printf("%s%s", path, *s);

		unlink(file);
		free(file);
	}
	free(path);
	rmdir(dir);
	return unit_done();
}
