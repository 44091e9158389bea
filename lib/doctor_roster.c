#include "doctor_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* What takes part, and whether it can: assets with feeds, agents with programs and models. */

/* ------------------------------------------------------------------ services in use */

static struct doctor_service *doctor_find_service(struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->n_services; i++)
		if (strcmp(d->services[i].provider.name, name) == 0)
			return &d->services[i];
	return NULL;
}

/* Takes the content of ${p}. */
static void doctor_add_service(struct doctor *d, struct provider *p, const char *user, bool own)
{
	if (doctor_find_service(d, p->name) != NULL) {
		provider_release(p);
		return;
	}
	d->services = mem_resize(d->services, d->n_services + 1, sizeof *d->services);
	d->services[d->n_services++] =
		(struct doctor_service){ .provider = *p, .user = mem_strdup(user), .own = own };
	*p = (struct provider){ 0 };
}

/* ------------------------------------------------------------------ assets */

static bool doctor_csv(struct doctor *d, const struct roster_asset *a,
		       const struct roster_feed *f)
{
	struct stat st;
	int r = stat(f->arg, &st);

	if (r == 0 && !S_ISREG(st.st_mode)) {
		errno = EISDIR;
		r = -1;
	}
	if (r == 0 && access(f->arg, R_OK) == 0)
		return true;
	doctor_fix(d, "put it there, or tr-asset set %s %s --feed csv:FILE", d->race,
		   a->symbol);
	doctor_say(d, DOCTOR_FAIL, "feed", a->symbol, "csv %s: %s", f->arg, strerror(errno));
	return false;
}

static bool doctor_remote_feed(struct doctor *d, const struct roster_asset *a,
			       const struct roster_feed *f)
{
	struct provider p = { 0 };
	struct err e = { 0 };
	char *user;

	if (provider_load(d->db, f->feed, &p, &e) != 0) {
		doctor_fix(d, "tr-asset set %s %s --feed FEED", d->race, a->symbol);
		doctor_say(d, DOCTOR_FAIL, "feed", a->symbol, "%s", e.text);
		return false;
	}
	user = mem_printf("asset %s", a->symbol);
	doctor_add_service(d, &p, user, false);
	free(user);
	return true;
}

static bool doctor_history(struct doctor *d, const struct roster_asset *a,
			   const struct roster_feed *f)
{
	const char *source = f->arg[0] != '\0' ? f->arg : "import";
	struct err e = { 0 };
	int64_t id;

	if (roster_find_source(d->db, source, &id, &e) != 0) {
		doctor_blind(d, "feed", a->symbol, &e);
		return false;
	}
	if (id != 0)
		return true;
	doctor_fix(d, "tr-ingest %s --import FILE", d->race);
	doctor_say(d, DOCTOR_FAIL, "feed", a->symbol, "history: no candles of %s are stored",
		   source);
	return false;
}

/* True without a finding. */
static bool doctor_asset(struct doctor *d, const struct roster_asset *a)
{
	bool good = true;

	if (a->n_feeds == 0) {
		doctor_fix(d, "tr-asset set %s %s --feed FEED", d->race, a->symbol);
		doctor_say(d, DOCTOR_FAIL, "feed", a->symbol, "has none, and so never a price");
		return false;
	}
	for (size_t i = 0; i < a->n_feeds; i++) {
		const struct roster_feed *f = &a->feeds[i];

		if (strcmp(f->feed, "csv") == 0)
			good = doctor_csv(d, a, f) && good;
		else if (strcmp(f->feed, "history") == 0)
			good = doctor_history(d, a, f) && good;
		else if (strcmp(f->feed, "sim") != 0)
			good = doctor_remote_feed(d, a, f) && good;
	}
	return good;
}

static void doctor_assets(struct doctor *d)
{
	struct roster_assets assets = { 0 };
	struct err e = { 0 };
	size_t enabled = 0;
	bool good = true;

	if (roster_load_assets(d->db, &assets, &e) != 0) {
		doctor_blind(d, "asset", "", &e);
		return;
	}
	for (size_t i = 0; i < assets.n; i++)
		if (assets.items[i].enabled) {
			enabled++;
			good = doctor_asset(d, &assets.items[i]) && good;
		}
	if (assets.n == 0) {
		doctor_fix(d, "tr-asset add %s BTC --feed FEED", d->race);
		doctor_say(d, DOCTOR_FAIL, "asset", "", "there is none to trade");
	} else if (enabled == 0) {
		doctor_fix(d, "tr-asset enable %s %s", d->race, assets.items[0].symbol);
		doctor_say(d, DOCTOR_FAIL, "asset", "", "all of %zu are disabled", assets.n);
	} else if (good) {
		doctor_say(d, DOCTOR_OK, "asset", "", "%zu enabled, each with a feed", enabled);
	}
	roster_release_assets(&assets);
}

/* ------------------------------------------------------------------ programs */

/* What takes the files as they are now; the grants are given again, since a new program has
 * none.
 */
static void doctor_fix_program(struct doctor *d, const struct roster_agent *a)
{
	const struct roster_spec *s = &a->spec;
	struct buf b = BUF_INIT;

	buf_addf(&b, "tr-agent set %s %s%s%s", d->race, a->name, s->network ? " --network" : "",
		 s->unconfined ? " --unconfined" : "");
	for (size_t i = 0; i < s->n_reads; i++) {
		char *q = doctor_quote(s->reads[i]);

		buf_addf(&b, " --read %s", q);
		free(q);
	}
	buf_adds(&b, " --");
	for (size_t i = 0; i < s->n_argv; i++) {
		char *q = doctor_quote(s->argv[i]);

		buf_addf(&b, " %s", q);
		free(q);
	}
	/* half a command would be another one */
	if (b.len < DOCTOR_TEXT_MAX)
		doctor_fix(d, "%s", buf_str(&b));
	else
		doctor_fix(d, "tr-agent set %s %s -- PROG ARG...", d->race, a->name);
	buf_release(&b);
}

static bool doctor_program(struct doctor *d, struct roster_agent *a)
{
	struct roster_spec *s = &a->spec;
	struct err e = { 0 };
	bool changed;

	if (child_check_program(s->argv[0], &e) != 0) {
		doctor_fix(d,
			   "chmod u+x it if it is there, or tr-agent set %s %s -- PROG ARG...",
			   d->race, a->name);
		doctor_say(d, DOCTOR_FAIL, "agent", a->name, "program %s", e.text);
		return false;
	}
	for (size_t i = 1; i < s->n_argv; i++)
		if (s->is_file[i] && access(s->argv[i], R_OK) != 0) {
			doctor_fix(d, "put it back, or tr-agent set %s %s -- PROG ARG...",
				   d->race, a->name);
			doctor_say(d, DOCTOR_FAIL, "agent", a->name, "file %s: %s", s->argv[i],
				   strerror(errno));
			return false;
		}
	if (roster_check_reads(d->db, s, &e) != 0) {
		doctor_fix(d, "move what it may not read, or tr-agent set %s %s -- PROG ARG...",
			   d->race, a->name);
		doctor_say(d, DOCTOR_FAIL, "agent", a->name, "%s", e.text);
		return false;
	}
	roster_spec_rehash(s, &changed);
	if (!changed)
		return true;
	doctor_fix_program(d, a);
	doctor_say(
		d, DOCTOR_WARN, "agent", a->name,
		"its files have changed since version %lld: the next window takes them as they "
		"are",
		(long long)a->version);
	return false;
}

/* Whether this kernel can confine a program at all. */
static void doctor_jail(struct doctor *d, const char *agent)
{
	struct child_result r = { 0 };
	struct err e = { 0 };
	char *jail = child_sibling("tr-jail", &e);
	const char *argv[] = { jail, "--", "/bin/true", NULL };

	if (jail != NULL && doctor_child(d, argv, &r) && r.status == 0) {
		doctor_say(d, DOCTOR_OK, "jail", "", "programs can be confined");
	} else {
		doctor_fix(d,
			   "use a kernel with landlock (5.13), or tr-agent set %s %s "
			   "--unconfined if you trust it",
			   d->race, agent);
		doctor_say(d, DOCTOR_FAIL, "jail", "", "programs cannot be confined: %s",
			   jail == NULL ? e.text : buf_str(&r.error));
	}
	child_result_release(&r);
	free(jail);
}

/* ------------------------------------------------------------------ models */

/* *${paid} if it costs something. */
static bool doctor_price(struct doctor *d, const struct roster_agent *a,
			 const struct provider *p, const char *model, bool *paid)
{
	struct provider_price price;
	struct err e = { 0 };
	char *name = mem_printf("%s/%s", p->name, model);
	bool found = false;

	if (provider_price(d->db, p, model, &price, &found, &e) != 0) {
		doctor_blind(d, "price", name, &e);
	} else if (!found) {
		char *q = doctor_quote(name);

		doctor_fix(d, "tr-provider price %s %s --input USD --output USD", d->race, q);
		doctor_say(d, DOCTOR_FAIL, "price", name,
			   "is not known, so agent %s is never asked", a->name);
		free(q);
	} else {
		*paid = *paid || price.input > 0 || price.output > 0;
	}
	free(name);
	return found;
}

static bool doctor_candidate(struct doctor *d, const struct roster_agent *a, const char *name,
			     bool *paid)
{
	char provider[IDENT_AGENT_MAX + 1];
	struct provider p = { 0 };
	struct err e = { 0 };
	const char *model;
	char *user;
	bool good;

	if (provider_split(name, provider, &model, &e) != 0 ||
	    provider_load(d->db, provider, &p, &e) != 0 || !provider_is_model(p.kind)) {
		doctor_fix(d, "tr-provider add %s NAME --kind KIND --base URL", d->race);
		doctor_say(d, DOCTOR_FAIL, "agent", a->name, "model %s: %s", name,
			   e.status != 0 ? e.text : "its service has no models");
		provider_release(&p);
		return false;
	}
	good = doctor_price(d, a, &p, model, paid);
	user = mem_printf("agent %s", a->name);
	doctor_add_service(d, &p, user, false);
	free(user);
	return good;
}

static bool doctor_budget(struct doctor *d, const struct roster_agent *a)
{
	int64_t race = config_num(&d->config, CONFIG_BUDGET_RACE_USD_DAY);
	int64_t cap = config_num(&d->config, CONFIG_BUDGET_AGENT_USD_DAY), own;
	struct err e = { 0 };
	bool found;

	if (roster_budget(d->db, a->id, &own, &found, &e) != 0) {
		doctor_blind(d, "budget", a->name, &e);
		return false;
	}
	cap = found ? own : cap;
	if (cap > 0 && race > 0)
		return true;
	if (race == 0)
		doctor_fix(d, "tr-config set %s budget.race_usd_day 5", d->race);
	else if (found)
		doctor_fix(d, "tr-agent set %s %s --budget-usd-day 1", d->race, a->name);
	else
		doctor_fix(d, "tr-config set %s budget.agent_usd_day 1", d->race);
	doctor_say(d, DOCTOR_WARN, "budget", a->name, "is 0, so its model is never asked");
	return false;
}

static bool doctor_llm(struct doctor *d, const struct roster_agent *a)
{
	bool good = true, paid = false;

	for (size_t i = 0; i < a->spec.llm.n_candidates; i++)
		good = doctor_candidate(d, a, a->spec.llm.candidates[i], &paid) && good;
	return (!paid || doctor_budget(d, a)) && good;
}

static bool doctor_ml(struct doctor *d, const struct roster_agent *a)
{
	struct provider p = { 0 };
	struct err e = { 0 };
	char *user;

	if (roster_ml_service(d->db, a->name, &a->spec, &p, &e) != 0) {
		doctor_fix(d, "tr-agent set %s %s --url URL", d->race, a->name);
		doctor_say(d, DOCTOR_FAIL, "agent", a->name, "%s", e.text);
		return false;
	}
	user = mem_printf("agent %s", a->name);
	doctor_add_service(d, &p, user, a->spec.ml.url != NULL);
	free(user);
	return true;
}

/* ------------------------------------------------------------------ agents */

/* True without a finding. */
static bool doctor_agent(struct doctor *d, struct roster_agent *a)
{
	switch (a->spec.kind) {
	case ROSTER_EXEC:
		return doctor_program(d, a);
	case ROSTER_LLM:
		return doctor_llm(d, a);
	case ROSTER_ML:
		return doctor_ml(d, a);
	default:
		return true;
	}
}

static void doctor_all_agents(struct doctor *d, struct roster_agents *agents)
{
	const char *confined = NULL;
	size_t decide = 0;
	bool good = true;

	for (size_t i = 0; i < agents->n; i++) {
		struct roster_agent *a = &agents->items[i];

		if (a->status != ROSTER_ACTIVE)
			continue;
		decide += a->spec.kind != ROSTER_MANUAL && !a->baseline;
		if (a->spec.kind == ROSTER_EXEC && !a->spec.unconfined)
			confined = a->name;
		good = doctor_agent(d, a) && good;
	}
	if (decide == 0) {
		doctor_fix(d, "tr-agent add %s NAME --strategy STRATEGY, or tr-agent resume",
			   d->race);
		doctor_say(d, DOCTOR_WARN, "agent", "", "none decides by itself but baselines");
	} else if (good) {
		doctor_say(d, DOCTOR_OK, "agent", "", "%zu decide", decide);
	}
	if (confined != NULL)
		doctor_jail(d, confined);
}

static void doctor_agents(struct doctor *d)
{
	struct roster_agents agents = { 0 };
	struct err e = { 0 };

	if (roster_load_agents(d->db, &agents, &e) != 0)
		doctor_blind(d, "agent", "", &e);
	else
		doctor_all_agents(d, &agents);
	roster_release_agents(&agents);
}

void doctor_roster(struct doctor *d)
{
	doctor_assets(d);
	doctor_agents(d);
}
