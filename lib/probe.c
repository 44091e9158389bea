#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feedhttp.h"
#include "mem.h"
#include "model.h"
#include "tstamp.h"

#include "banned.h"

#define PROBE_TOKENS 16
#define PROBE_GRACE_MS 2000
#define PROBE_SPAN_MS (12 * TSTAMP_WINDOW_MS) /* of candles: one of them is enough */

static const char probe_system[] = "This is a test of the connection.";
static const char probe_user[] = "Answer with the word ok.";

struct probe_ask {
	struct probe *p;
	char *key_path; /* owned; NULL: none */
	struct provider_price price;
	struct feedhttp_want want;
};

/* ------------------------------------------------------------------ asking */

static int probe_build(void *ctx, size_t job, size_t target, struct fetch_request *out,
		       struct err *e)
{
	struct probe_ask *a = ctx;
	const struct provider *p = a->p->provider;
	const struct model_prompt prompt = { .system = probe_system,
					     .system_len = sizeof probe_system - 1,
					     .user = probe_user,
					     .user_len = sizeof probe_user - 1 };
	const struct model_options o = { .max_tokens = PROBE_TOKENS, .timeout_ms = 1000 };

	(void)job;
	(void)target;
	if (provider_is_model(p->kind))
		return model_build(p, a->key_path, a->p->model, &prompt, &o, out, e);
	if (provider_is_data(p->kind))
		return feedhttp_candles(p, a->key_path, &a->want, 1000, out, e);
	*out = (struct fetch_request){ .method = mem_strdup("GET"),
				       .url = mem_printf("%s/health", p->base) };
	if (a->key_path != NULL) {
		out->secret_name = mem_strdup("x-api-key");
		out->secret_prefix = mem_strdup("");
		out->secret_file = mem_strdup(a->key_path);
	}
	return 0;
}

/* ------------------------------------------------------------------ answers */

static void probe_parse_model(struct probe_ask *a, const struct fetch_answer *f,
			      struct remote_outcome *out)
{
	struct model_reply m = { 0 };
	struct probe *p = a->p;

	model_parse(p->provider, f, tstamp_wall_ms(), &m);
	p->returned = mem_strdup(m.model);
	p->error = mem_strdup(m.error);
	p->has_usage = m.has_usage;
	p->input = m.input;
	p->output = m.output;
	/* a success without a count costs what was reserved for it */
	if (m.has_usage)
		p->cost = provider_cost(&a->price, m.input, m.cached, m.output);
	else if (m.class <= MODEL_EMPTY || model_unbilled(&m, p->worst))
		p->cost = p->worst;
	*out = (struct remote_outcome){ .class = m.class,
					.wait_ms = m.wait_ms,
					.lost = model_unbilled(&m, p->worst),
					.has_usage = m.has_usage,
					.input = m.input,
					.output = m.output,
					.cost = p->cost };
	model_release(&m);
}

static void probe_parse_candles(struct probe_ask *a, const struct fetch_answer *f,
				struct remote_outcome *out)
{
	struct feedhttp_reply r = { 0 };
	struct probe *p = a->p;
	char text[DECIMAL_TEXT_MAX];

	feedhttp_parse_candles(p->provider, &a->want, f, tstamp_wall_ms(), &r);
	p->error = mem_strdup(r.error);
	if (r.class == MODEL_OK && r.n > 0)
		p->returned = mem_strdup(
			decimal_format(r.candles[r.n - 1].close.u, PRICE_SCALE, text));
	*out = (struct remote_outcome){ .class = r.class, .wait_ms = r.wait_ms };
	feedhttp_release(&r);
}

/* Health has no form that everybody keeps: a success is one. */
static void probe_parse_health(struct probe_ask *a, const struct fetch_answer *f,
			       struct remote_outcome *out)
{
	struct model_reply m = { 0 };
	struct probe *p = a->p;

	*out = (struct remote_outcome){ .class = MODEL_OK, .wait_ms = -1 };
	if (f->class == FETCH_OK && f->status >= 200 && f->status < 300)
		return;
	model_predict_parse(&(struct model_predict){ .agent = "", .request_id = "" }, f,
			    tstamp_wall_ms(), &m);
	p->error = mem_strdup(m.error);
	out->class = m.class;
	out->wait_ms = m.wait_ms;
	model_release(&m);
}

static void probe_parse(void *ctx, size_t job, size_t target, const struct fetch_answer *f,
			struct remote_outcome *out)
{
	struct probe_ask *a = ctx;
	struct probe *p = a->p;

	(void)job;
	(void)target;
	if (provider_is_model(p->provider->kind))
		probe_parse_model(a, f, out);
	else if (provider_is_data(p->provider->kind))
		probe_parse_candles(a, f, out);
	else
		probe_parse_health(a, f, out);
	out->error = p->error;
	p->class = out->class;
	p->latency_ms = f->elapsed_ms;
}

/* ------------------------------------------------------------------ one question */

/* The market that every venue of the kind has. */
static const char *probe_market(enum provider_kind k)
{
	switch (k) {
	case PROVIDER_BINANCE:
		return "BTCUSDT";
	case PROVIDER_KRAKEN:
		return "XBTUSD";
	case PROVIDER_COINBASE:
		return "BTC-USD";
	case PROVIDER_COINGECKO:
		return "bitcoin";
	default:
		return "";
	}
}

static int probe_price(struct db *db, const struct probe *p, struct provider_price *price,
		       struct err *e)
{
	bool found;

	if (p->model[0] == '\0')
		return err_set(e, ERR_USAGE, "test: name a model of %s", p->provider->name);
	if (provider_price(db, p->provider, p->model, price, &found, e) != 0)
		return -1;
	return found ? 0
		     : err_set(e, ERR_CONFIG,
			       "%s/%s: has no price; tr-provider price %s/%s says what it "
			       "costs",
			       p->provider->name, p->model, p->provider->name, p->model);
}

int probe_prepare(struct db *db, const struct provider *p, const char *model, struct probe *out,
		  struct err *e)
{
	struct provider_price price;
	char *key_path = NULL;

	*out = (struct probe){ .provider = p,
			       .model = model != NULL ? model : probe_market(p->kind) };
	if (p->key_needed && p->key_file == NULL)
		return err_set(e, ERR_CONFIG, "provider %s: needs a key; tr-provider key %s",
			       p->name, p->name);
	if (provider_key_path(p, &key_path, e) != 0)
		return -1;
	free(key_path);
	if (!provider_is_model(p->kind))
		return 0;
	if (probe_price(db, out, &price, e) != 0)
		return -1;
	out->worst = provider_cost(&price,
				   model_tokens_max(sizeof probe_system + sizeof probe_user +
						    strlen(model_answer_schema)),
				   0, PROBE_TOKENS);
	return 0;
}

static void probe_note_end(struct probe *p, const struct remote_job *j)
{
	p->end = j->end;
	if (p->error == NULL && j->error[0] != '\0')
		p->error = mem_strdup(j->error);
}

/* Once, by whatever the breaker says, and not in a race's name. */
static void probe_policy(const struct probe *p, const struct config *c,
			 struct guard_policy *policy)
{
	provider_policy(p->provider, c, policy);
	policy->breaker = false;
	policy->retry = false;
}

int probe_run(struct db *db, const struct config *c, struct probe *p, const volatile int *stop,
	      struct err *e)
{
	static const struct remote_ops ops = { probe_build, probe_parse, NULL };
	struct probe_ask a = { .p = p };
	int64_t window_ms = tstamp_window(tstamp_wall_ms());
	struct remote_target t = { .provider = p->provider,
				   .model = p->model,
				   .worst = p->worst };
	struct remote_job j = { .purpose = CALLS_TEST,
				.window_ms = -1,
				.name = p->provider->name,
				.targets = &t,
				.n_targets = 1,
				.cap = -1 };
	struct remote_options o = { .stop = stop };
	int r = -1;

	provider_service(p->provider, provider_is_model(p->provider->kind) ? p->model : "",
			 t.service);
	probe_policy(p, c, &t.policy);
	o.deadline_ms = tstamp_boot_ms() + t.policy.attempt_ms + PROBE_GRACE_MS;
	a.want = (struct feedhttp_want){ .market = p->model,
					 .quote = config_text(c, CONFIG_RACE_QUOTE),
					 .from_ms = window_ms - PROBE_SPAN_MS,
					 .until_ms = window_ms,
					 .interval_s = TSTAMP_WINDOW_MS / 1000 };
	if (provider_key_path(p->provider, &a.key_path, e) != 0 ||
	    (provider_is_model(p->provider->kind) && probe_price(db, p, &a.price, e) != 0))
		goto out;
	r = remote_run(db, c, &j, 1, &ops, &a, &o, e);
	if (r == 0)
		probe_note_end(p, &j);
out:
	free(a.key_path);
	return r;
}

void probe_release(struct probe *p)
{
	free(p->returned);
	free(p->error);
	p->returned = p->error = NULL;
}
