#include "doctor_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "feedhttp.h"
#include "fetch.h"
#include "mem.h"
#include "model.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One GET to each service in use, all at once: something that costs nothing and, where the API
 * has it, wants the key. No attempt is written down: what a person asks here counts against no
 * limit and opens no breaker.
 */

#define DOCTOR_GRACE_MS 2000 /* for tr-fetch to report its own time-outs */
#define DOCTOR_SKEW_WARN_MS 10000
#define DOCTOR_SKEW_FAIL_MS 60000

/* ------------------------------------------------------------------ what is asked */

/* The path below the base. */
static const char *doctor_ping(enum provider_kind k)
{
	switch (k) {
	case PROVIDER_BINANCE:
		return "/api/v3/time";
	case PROVIDER_KRAKEN:
		return "/0/public/Time";
	case PROVIDER_COINBASE:
		return "/time";
	case PROVIDER_COINGECKO:
		return "/ping";
	case PROVIDER_PREDICT:
		return "/health";
	default:
		return "/models";
	}
}

/* Where the models are listed: beside the address at which they are asked. */
static void doctor_models_url(const struct provider *p, struct fetch_request *q)
{
	static const char *const ends[] = { "/chat/completions", "/messages", "/models/x:" };
	const char *at = NULL;
	char *url;

	for (size_t i = 0; i < sizeof ends / sizeof ends[0] && at == NULL; i++)
		at = strstr(q->url, ends[i]);
	if (p->kind == PROVIDER_AZURE && p->api_version != NULL)
		at = strstr(q->url, "/deployments/");
	if (p->kind == PROVIDER_AZURE && p->api_version != NULL && at != NULL)
		url = mem_printf("%.*s/models?api-version=%s", (int)(at - q->url), q->url,
				 p->api_version);
	else if (at != NULL)
		url = mem_printf("%.*s/models", (int)(at - q->url), q->url);
	else
		url = mem_printf("%s/models", p->base);
	free(q->url);
	q->url = url;
}

/* The request of a real call carries key and versions in the headers of its API: it is turned
 * into a question for the list. */
static int doctor_model_request(const struct doctor_service *s, struct fetch_request *q,
				struct err *e)
{
	const struct model_prompt prompt = { .system = "", .user = "?", .user_len = 1 };
	const struct model_options o = { .max_tokens = 16, .timeout_ms = 1000 };

	if (model_build(&s->provider, s->key_path, "x", &prompt, &o, q, e) != 0)
		return -1;
	doctor_models_url(&s->provider, q);
	return 0;
}

static int doctor_other_request(const struct doctor_service *s, struct fetch_request *q)
{
	q->url = mem_printf("%s%s", s->provider.base, doctor_ping(s->provider.kind));
	if (s->key_path != NULL) {
		bool predict = s->provider.kind == PROVIDER_PREDICT;
		bool pro = strstr(s->provider.base, "//pro-api.") != NULL;

		q->secret_name = mem_strdup(predict ? "x-api-key"
					    : pro   ? "x-cg-pro-api-key"
						    : "x-cg-demo-api-key");
		q->secret_prefix = mem_strdup("");
		q->secret_file = mem_strdup(s->key_path);
	}
	return 0;
}

static int doctor_request(const struct doctor *d, size_t i, struct fetch_request *q,
			  struct err *e)
{
	const struct doctor_service *s = &d->services[i];
	int r;

	*q = (struct fetch_request){ 0 };
	r = provider_is_model(s->provider.kind) ? doctor_model_request(s, q, e)
						: doctor_other_request(s, q);
	if (r != 0)
		return -1;
	free(q->method);
	free(q->body);
	q->method = mem_strdup("GET");
	q->body = NULL;
	q->body_len = 0;
	q->timeout_ms = d->o->limit_ms;
	q->max_bytes = INT64_C(8) << 20; /* routers list thousands of models */
	snprintf(q->tag, sizeof q->tag, "%zu", i);
	return 0;
}

/* ------------------------------------------------------------------ what came */

static void doctor_transport(struct doctor *d, const struct doctor_service *s,
			     const struct fetch_answer *a)
{
	const char *name = s->provider.name, *why = a->error != NULL ? a->error : "";
	static const struct {
		enum fetch_class class;
		const char *what, *fix;
	} cases[] = {
		{ FETCH_DNS, "its name cannot be resolved",
		  "getent hosts HOST; else correct the base or /etc/resolv.conf" },
		{ FETCH_CONNECT, "no connection",
		  "start it if it runs here; else correct the base, or let this machine out" },
		{ FETCH_TLS, "TLS failed",
		  "correct the clock and the base, and install ca-certificates" },
		{ FETCH_TIMEOUT, "no reply in time", "try again, or with a longer --timeout" },
		{ FETCH_RESET, "the connection broke", "try again" },
		{ FETCH_CUT, "the reply was cut off", "try again" },
		{ FETCH_TOO_LARGE, "the reply was too large", "correct the base" },
		{ FETCH_PROTOCOL, "what answers speaks no HTTP", "correct the base" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (a->class == cases[i].class) {
			doctor_fix(d, "%s", cases[i].fix);
			doctor_say(d, DOCTOR_FAIL, "online", name, "%s: %s: %s",
				   s->provider.base, cases[i].what, why);
			return;
		}
	doctor_say(d, DOCTOR_FAIL, "online", name, "%s: %s: %s", s->provider.base,
		   fetch_class_name(a->class), why);
}

/* Some APIs say of a wrong key that the request is wrong. */
static bool doctor_wrong_key(const struct doctor_service *s, const struct fetch_answer *a)
{
	struct model_reply r = { 0 };
	bool wrong;

	if (a->status == 401 || a->status == 403)
		return true;
	if (!provider_is_model(s->provider.kind) || a->status != 400)
		return false;
	model_parse(&s->provider, a, tstamp_wall_ms(), &r);
	wrong = r.class == MODEL_OPERATOR;
	model_release(&r);
	return wrong;
}

static void doctor_fix_wrong(struct doctor *d, const struct doctor_service *s)
{
	char *q = doctor_quote(s->key_path != NULL ? s->key_path : "FILE");

	if (s->own)
		doctor_fix(d,
			   "put the right one into %s, then tr-agent set %s %s --key-file %s",
			   q, d->race, s->user + strlen("agent "), q);
	else
		doctor_fix(d, "put the right one into %s, then tr-provider key %s %s --file %s",
			   q, d->race, s->provider.name, q);
	free(q);
}

static void doctor_status(struct doctor *d, const struct doctor_service *s,
			  const struct fetch_answer *a)
{
	const char *name = s->provider.name, *base = s->provider.base;
	int status = (int)a->status;

	if (status >= 200 && status < 300) {
		doctor_say(d, DOCTOR_OK, "online", name, "answers in %lld ms",
			   (long long)a->elapsed_ms);
	} else if (doctor_wrong_key(s, a)) {
		doctor_fix_wrong(d, s);
		doctor_say(d, DOCTOR_FAIL, "online", name, "status %d: the key %s", status,
			   s->key_path != NULL ? "is wrong or may not do this" : "is missing");
	} else if (status == 451) {
		doctor_fix(d, "ask another service");
		doctor_say(d, DOCTOR_FAIL, "online", name,
			   "status 451: refused for this place");
	} else if (status == 429 || status == 418) {
		doctor_fix(d, "tr-provider set %s %s --per-minute N", d->race, name);
		doctor_say(d, DOCTOR_WARN, "online", name, "status %d: asked too often",
			   status);
	} else if (status >= 500) {
		doctor_fix(d, "wait until it is well again");
		doctor_say(d, DOCTOR_FAIL, "online", name, "%s: status %d: in trouble", base,
			   status);
	} else {
		doctor_fix(d, "tr-provider set %s %s --base URL", d->race, name);
		doctor_say(d, DOCTOR_WARN, "online", name,
			   "%s: status %d: it is there and knows no %s", base, status,
			   doctor_ping(s->provider.kind));
	}
}

/* ------------------------------------------------------------------ the clock */

/* Half a second is what the header leaves open. False if the reply says nothing of it. */
static bool doctor_clock(struct doctor *d, const struct doctor_service *s,
			 const struct fetch_answer *a)
{
	const char *date = fetch_header(a, "date");
	int64_t at_ms, skew_ms;

	if (a->class != FETCH_OK || date == NULL || !backoff_http_date(date, &at_ms))
		return false;
	skew_ms = tstamp_wall_ms() - at_ms - 500;
	/* the reply was made before it had travelled */
	if (skew_ms > 0)
		skew_ms = skew_ms > a->elapsed_ms ? skew_ms - a->elapsed_ms : 0;
	if (skew_ms <= DOCTOR_SKEW_WARN_MS && skew_ms >= -DOCTOR_SKEW_WARN_MS) {
		doctor_say(d, DOCTOR_OK, "time", s->provider.name,
			   "the clock agrees with that of the service");
		return true;
	}
	doctor_fix(d, "timedatectl set-ntp true");
	doctor_say(
		d,
		skew_ms > DOCTOR_SKEW_FAIL_MS || skew_ms < -DOCTOR_SKEW_FAIL_MS ? DOCTOR_FAIL
										: DOCTOR_WARN,
		"time", s->provider.name, "the clock is %" PRId64 " s %s that of the service",
		(skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead of");
	return true;
}

/* ------------------------------------------------------------------ all at once */

static void doctor_send(struct doctor *d, struct fetch *f)
{
	for (size_t i = 0; i < d->n_services; i++) {
		struct fetch_request q = { 0 };
		struct err e = { 0 };

		/* what is wrong with the key or the base has been said */
		if (!d->services[i].keyed)
			continue;
		if (doctor_request(d, i, &q, &e) != 0 || fetch_send(f, &q, &e) != 0)
			doctor_blind(d, "online", d->services[i].provider.name, &e);
		fetch_request_release(&q);
	}
}

static void doctor_listen(struct doctor *d, struct fetch *f, struct fetch_answer *answers,
			  struct err *e)
{
	int64_t until_ms = tstamp_boot_ms() + d->o->limit_ms + DOCTOR_GRACE_MS;
	bool got = true;

	while (fetch_pending(f) > 0 && got) {
		struct fetch_answer a = { 0 };
		size_t i;

		if (fetch_wait(f, until_ms, NULL, &a, &got, e) != 0 || !got)
			return;
		i = (size_t)strtoull(a.tag, NULL, 10);
		if (i < d->n_services && answers[i].body == NULL)
			answers[i] = a;
		else
			fetch_answer_release(&a);
	}
}

static void doctor_tell(struct doctor *d, const struct fetch_answer *answers)
{
	bool told = false;

	for (size_t i = 0; i < d->n_services; i++) {
		const struct doctor_service *s = &d->services[i];

		if (answers[i].body == NULL && s->keyed) {
			doctor_fix(d, "try again, or with a longer --timeout");
			doctor_say(d, DOCTOR_FAIL, "online", s->provider.name,
				   "no answer came from tr-fetch");
		} else if (answers[i].body != NULL && answers[i].class == FETCH_OK) {
			doctor_status(d, s, &answers[i]);
		} else if (answers[i].body != NULL) {
			doctor_transport(d, s, &answers[i]);
		}
	}
	for (size_t i = 0; i < d->n_services && !told; i++)
		told = answers[i].body != NULL && doctor_clock(d, &d->services[i], &answers[i]);
	if (!told)
		doctor_say(d, DOCTOR_WARN, "time", "",
			   "not compared: no service that answered says the time");
}

void doctor_online(struct doctor *d)
{
	struct fetch_answer *answers = mem_array(d->n_services, sizeof *answers);
	const struct fetch_options o = { 0 };
	struct fetch *f = NULL;
	struct err e = { 0 };

	if (d->n_services == 0) {
		doctor_say(d, DOCTOR_OK, "online", "", "no service is in use");
		goto out;
	}
	f = fetch_open(&o);
	doctor_send(d, f);
	doctor_listen(d, f, answers, &e);
	fetch_close(f);
	if (e.status != 0)
		doctor_blind(d, "online", "", &e);
	else
		doctor_tell(d, answers);
out:
	for (size_t i = 0; i < d->n_services; i++)
		fetch_answer_release(&answers[i]);
	free(answers);
}
