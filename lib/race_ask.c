#include "race_ask.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

#include "banned.h"

/* ------------------------------------------------------------------ who is asked */

void race_ask_key(struct race_candidate *c)
{
	if (provider_key_path(&c->provider, &c->key_path, &c->key_error) != 0)
		c->key_path = NULL;
}

int race_ask_candidate(struct db *db, const char *name, struct race_candidate *c, struct err *e)
{
	char provider[IDENT_AGENT_MAX + 1];

	if (provider_split(name, provider, &c->model, e) != 0 ||
	    provider_load(db, provider, &c->provider, e) != 0)
		return -1;
	race_ask_key(c);
	return provider_price(db, &c->provider, c->model, &c->price, &c->priced, e);
}

void race_ask_release(struct race_candidate *c)
{
	provider_release(&c->provider);
	free(c->key_path);
	c->key_path = NULL;
}

int64_t race_ask_tokens(const struct config *c, const struct roster_llm *l)
{
	return l->max_tokens > 0 ? l->max_tokens : config_num(c, CONFIG_LLM_MAX_TOKENS);
}

int64_t race_ask_worst(const struct race_candidate *c, size_t bytes, int64_t max_tokens)
{
	bytes += strlen(model_answer_schema);
	if (!c->priced)
		return INT64_MAX;
	return provider_cost(&c->price, model_tokens_max(bytes), 0, max_tokens);
}

void race_ask_target(const struct race_candidate *c, const struct config *config,
		     int64_t timeout_s, int64_t worst, struct remote_target *t)
{
	*t = (struct remote_target){ .provider = &c->provider,
				     .model = c->model,
				     .worst = worst };
	provider_service(&c->provider, c->model, t->service);
	provider_policy(&c->provider, config, &t->policy);
	if (timeout_s > 0)
		t->policy.attempt_ms = timeout_s * 1000;
}

/* ------------------------------------------------------------------ asking */

int race_ask_request(const struct race_candidate *c, const struct config *config,
		     const struct roster_llm *l, const struct race_prompt *p,
		     int64_t attempt_ms, struct fetch_request *out, struct err *e)
{
	struct model_options o = { .max_tokens = race_ask_tokens(config, l),
				   .has_temperature = l->has_temperature,
				   .temperature_e2 = l->temperature_e2,
				   .timeout_ms = attempt_ms,
				   .headers = l->headers,
				   .body = l->body };
	struct buf user = BUF_INIT;
	struct model_prompt m;
	int r;

	if (c->key_error.status != 0) {
		*e = c->key_error;
		return -1;
	}
	if (p->shared == NULL)
		buf_add(&user, p->head->data, p->head->len);
	buf_add(&user, p->tail->data, p->tail->len);
	m = (struct model_prompt){ .system = buf_str(p->system),
				   .system_len = p->system->len,
				   .user = buf_str(&user),
				   .user_len = user.len,
				   .head = p->shared };
	r = model_build(&c->provider, c->key_path, c->model, &m, &o, out, e);
	buf_release(&user);
	return r;
}

void race_ask_outcome(const struct race_candidate *c, int64_t worst,
		      const struct model_reply *m, struct remote_outcome *out)
{
	*out = (struct remote_outcome){ .class = m->class,
					.wait_ms = m->wait_ms,
					.lost = model_unbilled(m, worst),
					.has_usage = m->has_usage,
					.input = m->input,
					.output = m->output,
					.error = m->error };
	/* a success without a count costs what was reserved for it */
	if (m->has_usage && c->priced)
		out->cost = provider_cost(&c->price, m->input, m->cached, m->output);
	else if (m->class <= MODEL_EMPTY)
		out->cost = worst;
}

/* ------------------------------------------------------------------ what it means */

static void race_judge_text(const struct model_reply *m, const char *agent, int64_t window_ms,
			    struct decision *d)
{
	const char *from;
	size_t len;

	if (model_extract(m->text, m->text_len, &from, &len))
		wire_parse_answer(from, len, agent, window_ms, d);
	else
		decision_fail(d, DECISION_INVALID, "the answer is not one JSON object");
}

static void race_judge_reply(const struct model_reply *m, const char *agent, int64_t window_ms,
			     struct decision *d)
{
	const char *why = m->error != NULL ? m->error : "";

	switch (m->class) {
	case MODEL_OK:
		race_judge_text(m, agent, window_ms, d);
		break;
	case MODEL_REFUSED:
		decision_fail(d, DECISION_REFUSED, "%s", why[0] ? why : "the model declined");
		break;
	case MODEL_CUT:
		decision_fail(d, DECISION_INVALID, "%s",
			      why[0] ? why : "the answer was cut at the token limit");
		break;
	default:
		decision_fail(d, DECISION_INVALID, "%s", why[0] ? why : "an empty answer");
		break;
	}
}

void race_ask_judge(const struct remote_job *j, const struct model_reply *m, const char *agent,
		    int64_t window_ms, struct decision *d)
{
	switch (j->end) {
	case REMOTE_ANSWERED:
		race_judge_reply(m, agent, window_ms, d);
		break;
	case REMOTE_TIMEOUT:
		decision_fail(d, DECISION_TIMEOUT, "%s", j->error);
		break;
	case REMOTE_BUDGET:
		decision_fail(d, DECISION_BUDGET, "%s", j->error);
		break;
	default:
		decision_fail(d, DECISION_ERROR, "%s", j->error);
		break;
	}
}
