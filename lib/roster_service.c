#include "roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#include "banned.h"

/* What agents that are asked over the network need besides their spec: services and prices. */

/* The name of the model proper: after the last slash, without the date. */
static const char *family(const char *model, size_t *n)
{
	const char *slash = strrchr(model, '/');
	const char *name = slash != NULL ? slash + 1 : model;

	*n = provider_family(name);
	return name;
}

static bool same_family(const char *a, const char *b)
{
	size_t na, nb;
	const char *fa = family(a, &na), *fb = family(b, &nb);

	return na == nb && strncasecmp(fa, fb, na) == 0;
}

/* The provider of a candidate, the caller's. */
static int load_candidate(struct db *db, const char *candidate, struct provider *p,
			  const char **model, struct err *e)
{
	char name[IDENT_AGENT_MAX + 1];

	*p = (struct provider){ 0 };
	if (provider_split(candidate, name, model, e) != 0 ||
	    provider_load(db, name, p, e) != 0)
		return -1;
	if (provider_is_model(p->kind))
		return 0;
	provider_release(p);
	return err_set(e, ERR_DATA, "model %s: %s has no models", candidate, name);
}

static int check_candidate(struct db *db, const char *candidate, bool *azure, struct err *e)
{
	struct provider_price price;
	struct provider p;
	const char *model;
	bool found;
	int r;

	if (load_candidate(db, candidate, &p, &model, e) != 0)
		return -1;
	*azure = p.kind == PROVIDER_AZURE;
	r = provider_price(db, &p, model, &price, &found, e);
	if (r == 0 && !found)
		r = err_set(
			e, ERR_CONFIG,
			"model %s: its price is not known; give USD per million tokens with "
			"--price IN/OUT",
			candidate);
	provider_release(&p);
	return r;
}

static int check_llm(struct db *db, const struct roster_llm *l, struct err *e)
{
	bool first_azure = false, azure = false;

	if (l->n_candidates == 0)
		return err_set(e, ERR_USAGE, "an llm agent needs --model");
	for (size_t i = 0; i < l->n_candidates; i++) {
		if (check_candidate(db, l->candidates[i], i == 0 ? &first_azure : &azure, e) !=
		    0)
			return -1;
		/* the name of a deployment says nothing of the model */
		if (i == 0 || l->any_model || azure || first_azure ||
		    same_family(l->candidates[0], l->candidates[i]))
			continue;
		return err_set(e, ERR_DATA,
			       "fallback %s: is another model than %s; --any-model allows it",
			       l->candidates[i], l->candidates[0]);
	}
	return 0;
}

static int check_ml(struct db *db, const struct roster_ml *m, struct err *e)
{
	struct provider p;
	int r = 0;

	if (m->provider == NULL)
		return m->url != NULL
			       ? 0
			       : err_set(e, ERR_USAGE, "an ml agent needs --url or --provider");
	if (provider_load(db, m->provider, &p, e) != 0)
		return -1;
	if (p.kind != PROVIDER_PREDICT)
		r = err_set(e, ERR_DATA, "provider %s: is of kind %s, not predict", p.name,
			    provider_kind_name(p.kind));
	provider_release(&p);
	return r;
}

int roster_check_services(struct db *db, const struct roster_spec *s, struct err *e)
{
	if (s->kind == ROSTER_LLM)
		return check_llm(db, &s->llm, e);
	return s->kind == ROSTER_ML ? check_ml(db, &s->ml, e) : 0;
}

static int store_one(struct db *db, const char *candidate, const struct provider_price *price,
		     int64_t at_ms, bool *stored, struct err *e)
{
	struct provider_price old;
	struct provider p;
	const char *model;
	bool found;
	int r;

	if (load_candidate(db, candidate, &p, &model, e) != 0)
		return -1;
	r = provider_price(db, &p, model, &old, &found, e);
	if (r == 0 && (!found || old.own)) {
		r = provider_price_store(db, p.name, model, price, at_ms, e);
		*stored = true;
	}
	provider_release(&p);
	return r;
}

int roster_store_price(struct db *db, const struct roster_spec *s,
		       const struct provider_price *price, int64_t at_ms, struct err *e)
{
	bool stored = false;

	for (size_t i = 0; i < s->llm.n_candidates; i++)
		if (store_one(db, s->llm.candidates[i], price, at_ms, &stored, e) != 0)
			return -1;
	return stored ? 0
		      : err_set(e, ERR_DATA,
				"--price: the prices of these models are known; tr-provider "
				"price "
				"changes one");
}

int roster_ml_service(struct db *db, const char *agent, const struct roster_spec *s,
		      struct provider *out, struct err *e)
{
	if (s->ml.provider != NULL)
		return provider_load(db, s->ml.provider, out, e);
	*out = (struct provider){ .kind = PROVIDER_PREDICT };
	if (provider_check_base(s->ml.url, &out->local, e) != 0)
		return -1;
	out->base = mem_strdup(s->ml.url);
	out->key_file = mem_strdup(s->ml.key_file);
	/* no provider of the operator's is meant by accident */
	snprintf(out->name, sizeof out->name, "ml.%.61s", agent);
	return 0;
}
