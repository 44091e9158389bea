#include "race_turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "log.h"
#include "mem.h"
#include "model.h"
#include "prompt.h"
#include "race_answer.h"
#include "race_ask.h"
#include "remote.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Models and services as agents: each turn is a job for remote_run with the agent's candidates
 * as targets. A turn is stored in the transaction that ends its last attempt, so that no answer
 * that was paid for is lost or asked for again (D-09).
 */

#define RACE_RAW_MAX 65536
#define RACE_CACHE_LEASE_MS 10000

/* The shared part of prompts, kept once. */
struct race_head {
	struct buf text;
	struct digest hash;
	size_t prompts;		 /* that begin with it */
	struct fetch_part *part; /* made when it is first asked, if there are several */
};

struct race_asking {
	struct race_turn *turn;
	struct race_candidate candidates[ROSTER_CANDIDATES_MAX];
	struct remote_target targets[ROSTER_CANDIDATES_MAX];
	size_t n;
	struct prompt prompt; /* llm; head is empty when it is that of the round */
	struct race_head *head;
	struct digest system_hash, head_hash, tail_hash, prompt_hash;
	struct json *context; /* ml */
	char request_id[DIGEST_HEX_SIZE];
	struct model_reply reply; /* the last one */
	bool cached;		  /* ml: answered without asking */
	bool barred;		  /* not asked for money */
};

struct race_remote {
	struct race_round *r;
	struct race_asking *items;
	struct remote_job *jobs;
	size_t n;
	struct race_head *heads; /* distinct; owned */
	size_t n_heads;
	struct prompt_shared shared; /* of the context; made for the first prompt */
	bool has_shared;
	bool in_time; /* the window is the clock's, or paying was asked for */
};

/* ------------------------------------------------------------------ who is asked */

static int race_add_service(struct race_remote *q, struct race_asking *a, struct err *e)
{
	struct race_candidate *c = &a->candidates[0];

	if (roster_ml_service(q->r->db, a->turn->agent->name, a->turn->spec, &c->provider,
			      e) != 0)
		return -1;
	a->n = 1;
	c->model = "";
	c->priced = true;
	race_ask_key(c);
	return 0;
}

/* What one attempt can cost at most. */
static int64_t race_worst(const struct race_remote *q, const struct race_asking *a,
			  const struct race_candidate *c)
{
	size_t bytes = a->prompt.system.len + a->prompt.tail.len +
		       (a->head != NULL ? a->head->text.len : 0);

	return race_ask_worst(c, bytes,
			      race_ask_tokens(&q->r->w->config, &a->turn->spec->llm));
}

static void race_set_targets(struct race_remote *q, struct race_asking *a)
{
	int64_t timeout_s = a->turn->spec->llm.timeout_s;

	for (size_t i = 0; i < a->n; i++) {
		struct race_candidate *c = &a->candidates[i];
		struct remote_target *t = &a->targets[i];

		race_ask_target(c, &q->r->w->config, timeout_s, race_worst(q, a, c), t);
		t->substitute = i > 0 && (provider_family(c->model) !=
						  provider_family(a->candidates[0].model) ||
					  strncmp(c->model, a->candidates[0].model,
						  provider_family(c->model)) != 0);
		a->barred = a->barred || (t->worst > 0 && !q->in_time);
	}
}

/* ------------------------------------------------------------------ what is asked */

/* The shared part of a prompt, kept once for all agents that have the same. */
static void race_share_head(struct race_remote *q, struct race_asking *a)
{
	struct buf *head = &a->prompt.head;
	size_t i;

	for (i = 0; i < q->n_heads; i++)
		if (q->heads[i].text.len == head->len &&
		    memcmp(q->heads[i].text.data, head->data, head->len) == 0)
			break;
	if (i == q->n_heads) {
		q->heads[i] = (struct race_head){ .text = *head };
		digest_of(head->data, head->len, &q->heads[i].hash);
		q->n_heads++;
		buf_init(head, BUF_MAX_DEFAULT);
	}
	buf_release(head);
	a->head = &q->heads[i];
	a->head->prompts++;
	a->head_hash = a->head->hash;
}

/* How a head is sent: one that several prompts have crosses once. */
static struct fetch_part *race_head_part(struct race_head *h)
{
	if (h->part == NULL && h->prompts > 1)
		h->part = model_head(h->text.data, h->text.len);
	return h->part;
}

static int race_make_prompt(struct race_remote *q, struct race_asking *a, struct err *e)
{
	const struct roster_llm *llm = &a->turn->spec->llm;
	struct digest_state s;

	if (!q->has_shared &&
	    prompt_share(q->r->shared.data, q->r->shared.len, &q->shared, e) != 0)
		return -1;
	q->has_shared = true;
	if (prompt_build(llm->template, a->turn->agent->name,
			 llm->prompt != NULL ? llm->prompt : "", &q->shared, a->turn->own.data,
			 a->turn->own.len, &a->prompt, e) != 0)
		return -1;
	race_share_head(q, a);
	digest_of(a->prompt.system.data, a->prompt.system.len, &a->system_hash);
	digest_of(a->prompt.tail.data, a->prompt.tail.len, &a->tail_hash);
	digest_init(&s);
	digest_field(&s, a->prompt.system.data, a->prompt.system.len);
	digest_field(&s, a->head_hash.bytes, sizeof a->head_hash.bytes);
	digest_field(&s, a->prompt.tail.data, a->prompt.tail.len);
	digest_final(&s, &a->prompt_hash);
	return 0;
}

/* A service gets the context itself; its prompt is what the agent is shown. */
static int race_make_context(struct race_remote *q, struct race_asking *a, struct err *e)
{
	struct buf line = BUF_INIT;

	buf_add(&line, q->r->shared.data, q->r->shared.len);
	buf_add(&line, a->turn->own.data, a->turn->own.len);
	a->context = json_parse_max(line.data, line.len, BUF_MAX_DEFAULT, e);
	buf_release(&line);
	a->prompt_hash = a->turn->v.context;
	digest_hex(&a->prompt_hash, a->request_id);
	a->request_id[32] = '\0';
	return a->context != NULL ? 0 : -1;
}

static int race_prepare(struct race_remote *q, struct race_turn *t, struct err *e)
{
	struct race_asking *a = &q->items[q->n];
	const struct roster_spec *s = t->spec;
	struct remote_job *j = &q->jobs[q->n];
	int64_t cap;
	bool own;

	q->n++;
	a->turn = t;
	race_start_turn(q->r, t);
	if (race_show(q->r, t, e) != 0 ||
	    roster_budget(q->r->db, t->agent->id, &cap, &own, e) != 0)
		return -1;
	if (s->kind == ROSTER_LLM) {
		for (size_t i = 0; i < s->llm.n_candidates && i < ROSTER_CANDIDATES_MAX; i++)
			if (race_ask_candidate(q->r->db, s->llm.candidates[i],
					       &a->candidates[a->n++], e) != 0)
				return -1;
		if (race_make_prompt(q, a, e) != 0)
			return -1;
	} else if (race_add_service(q, a, e) != 0 || race_make_context(q, a, e) != 0) {
		return -1;
	}
	race_set_targets(q, a);
	*j = (struct remote_job){
		.purpose = CALLS_DECIDE,
		.window_ms = q->r->w->window_ms,
		.agent_id = t->agent->id,
		.name = t->agent->name,
		.targets = a->targets,
		.n_targets = a->n,
		.cap = own ? cap : config_num(&q->r->w->config, CONFIG_BUDGET_AGENT_USD_DAY)
	};
	return 0;
}

/* ------------------------------------------------------------------ asking */

static void race_predict_question(const struct race_remote *q, const struct race_asking *a,
				  const char *window, struct model_predict *p)
{
	*p = (struct model_predict){ .agent = a->turn->agent->name,
				     .batch = window,
				     .window = window,
				     .request_id = a->request_id,
				     .instructions = config_text(&q->r->w->config,
								 CONFIG_RACE_INSTRUCTIONS),
				     .context = a->context };
}

static int race_build(void *ctx, size_t job, size_t target, struct fetch_request *out,
		      struct err *e)
{
	struct race_remote *q = ctx;
	struct race_asking *a = &q->items[job];
	const struct race_candidate *c = &a->candidates[target];
	char window[TSTAMP_WINDOW_ID_MAX];
	struct race_prompt parts = { .system = &a->prompt.system, .tail = &a->prompt.tail };
	struct model_predict p;

	if (a->turn->spec->kind == ROSTER_LLM) {
		parts.head = &a->head->text;
		parts.shared = race_head_part(a->head);
		return race_ask_request(c, &q->r->w->config, &a->turn->spec->llm, &parts,
					a->targets[target].policy.attempt_ms, out, e);
	}
	if (c->key_error.status != 0) {
		*e = c->key_error;
		return -1;
	}
	tstamp_window_id(q->r->w->window_ms, window);
	race_predict_question(q, a, window, &p);
	return model_predict_build(&c->provider, c->key_path, &p,
				   a->targets[target].policy.attempt_ms, out, e);
}

static void race_parse(void *ctx, size_t job, size_t target, const struct fetch_answer *f,
		       struct remote_outcome *out)
{
	struct race_remote *q = ctx;
	struct race_asking *a = &q->items[job];
	const struct race_candidate *c = &a->candidates[target];
	struct model_reply *m = &a->reply;
	char window[TSTAMP_WINDOW_ID_MAX];
	struct model_predict p;

	model_release(m);
	*m = (struct model_reply){ 0 };
	if (a->turn->spec->kind == ROSTER_LLM) {
		model_parse(&c->provider, f, tstamp_wall_ms(), m);
	} else {
		tstamp_window_id(q->r->w->window_ms, window);
		race_predict_question(q, a, window, &p);
		model_predict_parse(&p, f, tstamp_wall_ms(), m);
	}
	race_ask_outcome(c, a->targets[target].worst, m, out);
}

/* ------------------------------------------------------------------ what it means */

/* The answer byte for byte: the model's text, or what came instead of one. */
static void race_keep_raw(struct race_asking *a, const struct remote_job *j)
{
	struct verdict *v = &a->turn->v;
	const char *from = a->reply.text != NULL ? a->reply.text : j->body;

	v->raw_len = a->reply.text != NULL ? a->reply.text_len : j->body_len;
	if (v->raw_len > RACE_RAW_MAX)
		v->raw_len = RACE_RAW_MAX;
	v->raw = mem_strndup(from != NULL ? from : "", v->raw_len);
}

static int race_store_parts(struct race_remote *q, struct race_asking *a,
			    const struct remote_job *j, struct err *e)
{
	const struct race_candidate *c = &a->candidates[j->target];
	struct db *db = q->r->db;
	struct race_answer w = { .agent_id = a->turn->agent->id,
				 .window_ms = q->r->w->window_ms,
				 .provider = c->provider.name,
				 .model = c->model,
				 .substitute = a->targets[j->target].substitute,
				 .returned = a->reply.model,
				 .has_parts = a->turn->spec->kind == ROSTER_LLM,
				 .system = a->system_hash,
				 .head = a->head_hash,
				 .tail = a->tail_hash,
				 .prompt = a->prompt_hash,
				 .has_usage = a->reply.has_usage,
				 .input = a->reply.input,
				 .cached = a->reply.cached,
				 .output = a->reply.output,
				 .reasoning = a->reply.reasoning };

	if (a->reply.has_usage && c->priced)
		w.cost = provider_cost(&c->price, w.input, w.cached, w.output);
	else if (c->priced && !a->cached)
		w.cost = a->targets[j->target].worst;
	if (w.has_parts && config_bool(&q->r->w->config, CONFIG_FEATURE_CONTEXT_STORE) &&
	    (race_blob_add(db, buf_str(&a->prompt.system), a->prompt.system.len,
			   &a->system_hash, e) != 0 ||
	     race_blob_add(db, a->head->text.data, a->head->text.len, &a->head_hash, e) != 0 ||
	     race_blob_add(db, buf_str(&a->prompt.tail), a->prompt.tail.len, &a->tail_hash,
			   e) != 0))
		return -1;
	return race_answer_add(db, &w, e);
}

/* Inside the transaction that ended the last attempt. */
static int race_store(void *ctx, size_t job, struct err *e)
{
	struct race_remote *q = ctx;
	struct race_asking *a = &q->items[job];
	const struct remote_job *j = &q->jobs[job];
	struct race_turn *t = a->turn;
	bool exists;

	race_ask_judge(j, &a->reply, t->agent->name, q->r->w->window_ms, &t->v.d);
	race_keep_raw(a, j);
	t->answered = true;
	t->due = false;
	t->v.latency_ms = j->elapsed_ms;
	if (race_check_open(q->r->db, q->r->w, e) != 0 ||
	    verdict_exists(q->r->db, t->agent->id, q->r->w->window_ms, &exists, e) != 0 ||
	    race_store_answer(q->r, t, e) != 0)
		return -1;
	if (exists || j->end != REMOTE_ANSWERED)
		return 0;
	return race_store_parts(q, a, j, e);
}

/* A turn that is over without anybody being asked. */
static int race_store_unasked(struct race_remote *q, size_t job, struct err *e)
{
	int r;

	if (db_begin(q->r->db, e) != 0)
		return -1;
	r = race_store(q, job, e);
	return db_end(q->r->db, r, e);
}

/* ------------------------------------------------------------------ the cache of services */

/* "predict:AGENT:WINDOW" and what it stands for: the context and the service. */
static char *race_cache_key(const struct race_remote *q, const struct race_asking *a,
			    struct digest *fingerprint)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct digest_state s;

	digest_init(&s);
	digest_field(&s, a->prompt_hash.bytes, sizeof a->prompt_hash.bytes);
	digest_field(&s, a->candidates[0].provider.base,
		     strlen(a->candidates[0].provider.base));
	digest_final(&s, fingerprint);
	return mem_printf("predict:%s:%s", a->turn->agent->name,
			  tstamp_window_id(q->r->w->window_ms, id));
}

/* An answer that the service gave to the same question within the hour. A cache that fails is
 * no cache. */
static void race_cache_look(struct race_remote *q, struct race_asking *a)
{
	struct keys_record k = { 0 };
	struct digest fingerprint;
	struct err ignored = { 0 };
	bool found = false;
	char *key;

	if (config_num(&q->r->w->config, CONFIG_ML_CACHE_S) == 0 || q->r->o->ask.play != NULL)
		return;
	key = race_cache_key(q, a, &fingerprint);
	if (keys_load(q->r->db, key, &k, &found, &ignored) == 0 && found &&
	    k.state == KEYS_COMPLETED && k.output != NULL && tstamp_wall_ms() < k.expires_ms) {
		if (memcmp(k.fingerprint.bytes, fingerprint.bytes, sizeof fingerprint.bytes) !=
		    0) {
			log_msg(LOG_WARN, "agent %s: the cached answer is to another question",
				a->turn->agent->name);
		} else {
			a->cached = true;
			a->reply = (struct model_reply){ .class = MODEL_OK,
							 .text = mem_strndup(k.output,
									     k.output_len),
							 .text_len = k.output_len };
		}
	}
	if (found)
		keys_release(&k);
	free(key);
}

static void race_cache_keep(struct race_remote *q, struct race_asking *a)
{
	int64_t ttl_ms = config_num(&q->r->w->config, CONFIG_ML_CACHE_S) * 1000;
	struct keys_request k = { .op = "predict",
				  .now_ms = tstamp_wall_ms(),
				  .ttl_ms = ttl_ms,
				  .lease_ms = RACE_CACHE_LEASE_MS };
	struct keys_result res = { .state = KEYS_COMPLETED,
				   .exit_status = 0,
				   .output = a->reply.text,
				   .output_len = a->reply.text_len };
	struct keys_record claim = { 0 };
	enum keys_answer answer;
	struct err why = { 0 };
	bool ours;
	char *key;

	if (ttl_ms == 0 || q->r->o->ask.play != NULL || a->reply.class != MODEL_OK)
		return;
	key = race_cache_key(q, a, &k.fingerprint);
	k.key = key;
	if (keys_claim(q->r->db, &k, &answer, &claim, &why) == 0 &&
	    (answer == KEYS_NEW || answer == KEYS_TAKEOVER))
		keys_finish(q->r->db, &claim, &res, k.now_ms, ttl_ms, &ours, &why);
	if (why.status != 0)
		log_msg(LOG_WARN, "agent %s: its answer is not cached: %s",
			a->turn->agent->name, why.text);
	keys_release(&claim);
	free(key);
}

/* ------------------------------------------------------------------ the step */

static void race_remote_release(struct race_remote *q)
{
	for (size_t i = 0; i < q->n; i++) {
		struct race_asking *a = &q->items[i];

		for (size_t k = 0; k < ROSTER_CANDIDATES_MAX; k++)
			race_ask_release(&a->candidates[k]);
		prompt_release(&a->prompt);
		model_release(&a->reply);
		json_free(a->context);
	}
	for (size_t i = 0; i < q->n_heads; i++) {
		buf_release(&q->heads[i].text);
		fetch_part_drop(q->heads[i].part);
	}
	prompt_shared_release(&q->shared);
	free(q->heads);
	free(q->items);
	free(q->jobs);
}

/* Turns that need nobody are ended at once; the others move to the front. */
static int race_settle_unasked(struct race_remote *q, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct race_asking *a = &q->items[i];
		struct remote_job *j = &q->jobs[i];

		if (a->turn->spec->kind == ROSTER_ML)
			race_cache_look(q, a);
		if (a->cached) {
			j->end = REMOTE_ANSWERED;
		} else if (a->barred && q->r->o->ask.play == NULL) {
			j->end = REMOTE_BUDGET;
			snprintf(j->error, sizeof j->error,
				 "nobody is paid for a window that is not the clock's; "
				 "--pay does");
		} else {
			struct race_asking swap = q->items[n];
			struct remote_job job = q->jobs[n];

			q->items[n] = *a;
			q->items[i] = swap;
			q->jobs[n] = *j;
			q->jobs[i] = job;
			q->jobs[n].targets = q->items[n].targets;
			q->jobs[i].targets = q->items[i].targets;
			n++;
			continue;
		}
		if (race_store_unasked(q, i, e) != 0)
			return -1;
	}
	return (int)n;
}

static int race_run_jobs(struct race_remote *q, size_t n, struct err *e)
{
	static const struct remote_ops ops = { race_build, race_parse, race_store };
	const struct race_ask *ask = &q->r->o->ask;
	struct remote_options o = { .deadline_ms = q->r->deadline_ms,
				    .parallel =
					    config_num(&q->r->w->config, CONFIG_LLM_PARALLEL),
				    .record = ask->record,
				    .play = ask->play,
				    .stop = ask->stop };

	/* moving items moved what their targets point to */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < q->items[i].n; k++)
			q->items[i].targets[k].provider = &q->items[i].candidates[k].provider;
	if (remote_run(q->r->db, &q->r->w->config, q->jobs, n, &ops, q, &o, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (q->items[i].turn->spec->kind == ROSTER_ML &&
		    q->jobs[i].end == REMOTE_ANSWERED)
			race_cache_keep(q, &q->items[i]);
	return 0;
}

int race_ask_remote(struct race_round *r, struct err *e)
{
	struct race_remote q = { .r = r, .shared.text = BUF_INIT };
	int n = 0, rc = -1;

	q.items = mem_array(r->n, sizeof *q.items);
	q.jobs = mem_array(r->n, sizeof *q.jobs);
	q.heads = mem_array(r->n, sizeof *q.heads);
	q.in_time = r->o->ask.pay || tstamp_window(tstamp_wall_ms()) == r->w->window_ms;
	for (size_t i = 0; i < r->n; i++) {
		if (r->turns[i].due && race_is_remote(&r->turns[i]) &&
		    race_prepare(&q, &r->turns[i], e) != 0)
			goto out;
	}
	n = race_settle_unasked(&q, e);
	if (n >= 0)
		rc = race_run_jobs(&q, (size_t)n, e);
out:
	race_remote_release(&q);
	return rc;
}
