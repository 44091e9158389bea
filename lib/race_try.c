#include "race_try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "prompt.h"
#include "race.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * A prompt is made when its question leaves and forgotten at once, so that memory is bounded by
 * what is under way. One model is asked, never a fallback: what is compared are texts. The
 * shared part of a context is that which is kept; the own part is made again from the trades
 * and must give the hash that the decision has.
 */

/* What an answer is taken to be long before the agent has given any. */
#define TRY_OUTPUT_TYPICAL 256
/* Bytes of a prompt to a token, usually. */
#define TRY_TOKEN_BYTES 4

static const char sql_try_windows[] =
	"SELECT window_ms, context, status, orders FROM decisions WHERE agent_id = :agent AND "
	"window_ms >= :from AND window_ms < :to AND context IS NOT NULL "
	"ORDER BY window_ms DESC LIMIT :last";
static const char sql_try_output[] =
	"SELECT count(output), coalesce(sum(output), 0) FROM answers WHERE agent_id = :agent";

/* ------------------------------------------------------------------ contexts */

static int try_own_part(struct race_try *t, const struct race_window *w, struct buf *own,
			struct err *e)
{
	const struct race_agent *a = race_find_agent(w, t->agent.name, e);
	struct view v;
	int r;

	if (a == NULL || race_view_market(t->db, w, &v, e) != 0)
		return -1;
	r = race_view_agent(t->db, w, a->id, &v, e);
	if (r == 0)
		race_context_own(w, a, &v, own);
	view_release(&v);
	return r;
}

/* What the agent was shown, in its two parts; *${found} false if it is not kept. */
static int try_context(struct race_try *t, const struct race_try_window *tw, struct buf *shared,
		       struct buf *own, bool *found, struct err *e)
{
	struct race_window w = { 0 };
	struct digest_state s;
	struct digest hash;
	int r = -1;

	if (race_context_stored(t->db, tw->window_ms, shared, found, e) != 0)
		return -1;
	if (!*found)
		return 0;
	if (race_open_read(t->db, tw->window_ms, &w, e) == 0)
		r = try_own_part(t, &w, own, e);
	race_release(&w);
	if (r != 0)
		return -1;
	digest_init(&s);
	digest_update(&s, shared->data, shared->len);
	digest_update(&s, own->data, own->len);
	digest_final(&s, &hash);
	*found = memcmp(hash.bytes, tw->context.bytes, sizeof hash.bytes) == 0;
	return 0;
}

static int try_prompt(const struct race_try *t, size_t prompt, const struct buf *shared,
		      const struct buf *own, struct prompt *out, struct err *e)
{
	struct prompt_shared s;
	int r = prompt_share(shared->data, shared->len, &s, e);

	if (r == 0)
		r = prompt_build(t->agent.spec.llm.template, t->agent.name,
				 t->texts[prompt] != NULL ? t->texts[prompt] : "", &s,
				 own->data, own->len, out, e);
	prompt_shared_release(&s);
	return r;
}

/* ------------------------------------------------------------------ windows */

/* The last windows with a decision of the agent, oldest first. */
static int try_list_windows(struct race_try *t, struct err *e)
{
	struct sql_stmt *s = db_get(t->db, sql_try_windows);
	const void *hash;
	size_t n;
	int r;

	t->windows = mem_array((size_t)t->o->last, sizeof *t->windows);
	sql_int(s, ":agent", t->agent.id);
	sql_int(s, ":from", t->o->from_ms);
	sql_int(s, ":to", t->o->to_ms >= 0 ? t->o->to_ms : INT64_MAX);
	sql_int(s, ":last", t->o->last);
	while ((r = sql_row(s, e)) == 1) {
		struct race_try_window *w = &t->windows[t->n_windows++];
		int status = decision_status_parse(sql_col_text(s, 2));

		w->window_ms = sql_col_int(s, 0);
		hash = sql_col_blob(s, 1, &n);
		if (n == sizeof w->context.bytes)
			memcpy(w->context.bytes, hash, n);
		w->decided = status >= 0 ? (enum decision_status)status : DECISION_INVALID;
		w->orders = mem_strdup(sql_col_text(s, 3));
	}
	sql_reset(s);
	for (size_t i = 0, k = t->n_windows; i + 1 < k; i++) {
		struct race_try_window swap = t->windows[i];

		t->windows[i] = t->windows[--k];
		t->windows[k] = swap;
	}
	return r;
}

/* What one attempt for each prompt of a window can cost. */
static int try_measure(struct race_try *t, struct race_try_window *w, const struct buf *shared,
		       const struct buf *own, struct err *e)
{
	int64_t tokens = race_ask_tokens(&t->config, &t->agent.spec.llm);

	for (size_t p = 0; p < t->n_prompts; p++) {
		struct prompt made = { BUF_INIT, BUF_INIT, BUF_INIT };
		size_t bytes;

		if (try_prompt(t, p, shared, own, &made, e) != 0)
			return -1;
		bytes = made.system.len + made.head.len + made.tail.len;
		prompt_release(&made);
		t->bytes += (int64_t)bytes;
		w->worst[p] =
			t->candidate.priced ? race_ask_worst(&t->candidate, bytes, tokens) : 0;
		if (__builtin_add_overflow(t->worst, w->worst[p], &t->worst))
			t->worst = INT64_MAX;
	}
	return 0;
}

/* Drop the windows whose context is not kept, and measure the others. */
static int try_keep_windows(struct race_try *t, struct err *e)
{
	struct buf shared = BUF_INIT, own = BUF_INIT;
	size_t n = t->n_windows;
	int r = 0;

	t->n_windows = 0;
	for (size_t i = 0; i < n; i++) {
		struct race_try_window w = t->windows[i];
		bool found = false;

		buf_reset(&shared);
		buf_reset(&own);
		t->windows[i].orders = NULL;
		if (r == 0)
			r = try_context(t, &w, &shared, &own, &found, e);
		if (r == 0 && found)
			r = try_measure(t, &w, &shared, &own, e);
		if (r == 0 && found) {
			t->windows[t->n_windows++] = w;
			continue;
		}
		t->skipped++;
		free(w.orders);
	}
	buf_release(&shared);
	buf_release(&own);
	return r;
}

/* What it will cost if all goes as it does usually. */
static int try_estimate(struct race_try *t, struct err *e)
{
	int64_t asked = (int64_t)(t->n_windows * t->n_prompts), n, output;
	int64_t most = race_ask_tokens(&t->config, &t->agent.spec.llm);
	struct sql_stmt *s = db_get(t->db, sql_try_output);

	sql_int(s, ":agent", t->agent.id);
	if (sql_row(s, e) != 1) {
		sql_reset(s);
		return -1;
	}
	n = sql_col_int(s, 0);
	output = n > 0 ? sql_col_int(s, 1) / n : TRY_OUTPUT_TYPICAL;
	sql_reset(s);
	if (output > most)
		output = most;
	if (t->candidate.priced)
		t->typical = provider_cost(&t->candidate.price, t->bytes / TRY_TOKEN_BYTES, 0,
					   output * asked);
	return 0;
}

static int try_load_windows(struct race_try *t, struct err *e)
{
	int r;

	if (db_read_begin(t->db, e) != 0)
		return -1;
	r = try_list_windows(t, e);
	if (r == 0)
		r = try_keep_windows(t, e);
	if (r == 0)
		r = try_estimate(t, e);
	db_read_end(t->db);
	if (r != 0)
		return -1;
	if (t->n_windows + t->skipped == 0)
		return err_set(e, ERR_NOTFOUND, "agent %s: was shown nothing in these windows",
			       t->agent.name);
	if (t->n_windows == 0)
		return err_set(e, ERR_NOTFOUND,
			       "agent %s: what it was shown in these windows is not kept",
			       t->agent.name);
	t->first_ms = t->windows[0].window_ms;
	t->last_ms = t->windows[t->n_windows - 1].window_ms;
	t->answers = mem_array(t->n_windows * t->n_prompts, sizeof *t->answers);
	return 0;
}

/* ------------------------------------------------------------------ who is asked what */

/* The agent as it is now, with the model, the template and the texts that are tried. */
static int try_load_agent(struct race_try *t, struct err *e)
{
	const struct race_try_options *o = t->o;
	struct roster_spec *s = &t->agent.spec;
	char *present;
	int r = 0;

	if (roster_load_agent(t->db, o->agent, 0, &t->agent, e) != 0)
		return -1;
	if (s->kind != ROSTER_LLM)
		return err_set(e, ERR_DATA,
			       "agent %s: is of kind %s; only llm agents have instructions",
			       o->agent, roster_kind_name(s->kind));
	if (roster_llm_fallbacks(s, NULL, 0, e) != 0 ||
	    (o->model != NULL && roster_llm_model(s, o->model, e) != 0) ||
	    (o->template != NULL &&
	     roster_llm_template(s, o->template, strlen(o->template), e) != 0))
		return -1;
	t->model = s->llm.candidates[0];
	present = mem_strdup(s->llm.prompt != NULL ? s->llm.prompt : "");
	for (size_t i = 0; i < o->n_prompts && r == 0; i++) {
		const char *text = o->prompts[i] != NULL ? o->prompts[i] : present;

		r = roster_llm_prompt(s, text, strlen(text), e);
		if (r == 0)
			t->texts[i] = mem_strdup(text);
	}
	free(present);
	return r;
}

static int try_load_model(struct race_try *t, struct err *e)
{
	struct race_candidate *c = &t->candidate;
	bool own;

	if (race_ask_candidate(t->db, t->model, c, e) != 0 ||
	    roster_budget(t->db, t->agent.id, &t->cap, &own, e) != 0)
		return -1;
	if (!own)
		t->cap = config_num(&t->config, CONFIG_BUDGET_AGENT_USD_DAY);
	if (!provider_is_model(c->provider.kind))
		return err_set(e, ERR_DATA, "model %s: %s is no service of models", t->model,
			       c->provider.name);
	if (t->o->play != NULL)
		return 0;
	if (c->key_error.status != 0) {
		*e = c->key_error;
		return -1;
	}
	return c->priced ? 0
			 : err_set(e, ERR_CONFIG,
				   "model %s: has no price; say it with tr-provider price",
				   t->model);
}

int race_try_open(struct db *db, const struct race_try_options *o, struct race_try *t,
		  struct err *e)
{
	*t = (struct race_try){ .db = db, .o = o, .n_prompts = o->n_prompts };
	config_init(&t->config);
	if (config_load(db, &t->config, e) != 0 || config_environment(&t->config, e) != 0 ||
	    try_load_agent(t, e) != 0 || try_load_model(t, e) != 0 ||
	    try_load_windows(t, e) != 0)
		return -1;
	/* a recording is answered from for nothing */
	if (o->play != NULL)
		t->typical = t->worst = 0;
	return 0;
}

void race_try_release(struct race_try *t)
{
	for (size_t i = 0; t->answers != NULL && i < t->n_windows * t->n_prompts; i++) {
		struct race_try_answer *a = &t->answers[i];

		free(a->orders);
		free(a->error);
		free(a->returned);
		model_release(&a->reply);
	}
	free(t->answers);
	for (size_t i = 0; i < t->n_windows; i++)
		free(t->windows[i].orders);
	free(t->windows);
	for (size_t i = 0; i < RACE_TRY_PROMPTS_MAX; i++)
		free(t->texts[i]);
	race_ask_release(&t->candidate);
	roster_release_agent(&t->agent);
	config_release(&t->config);
}

/* ------------------------------------------------------------------ asking */

static int64_t try_worst(const struct race_try *t, size_t job)
{
	return t->windows[job / t->n_prompts].worst[job % t->n_prompts];
}

/* Whether one more attempt stays within what may be spent; then it counts. */
static int try_reserve(struct race_try *t, size_t job, struct err *e)
{
	struct race_try_answer *a = &t->answers[job];
	int64_t worst = try_worst(t, job);

	a->barred = t->o->play == NULL && t->max >= 0 && worst > 0 &&
		    worst > t->max - t->spent - t->reserved;
	if (a->barred)
		return err_set(e, ERR_CONFIG, "could cost more than is left to be spent");
	a->flying = true;
	t->reserved += worst;
	return 0;
}

static int try_build(void *ctx, size_t job, size_t target, struct fetch_request *out,
		     struct err *e)
{
	struct race_try *t = ctx;
	const struct roster_llm *l = &t->agent.spec.llm;
	struct buf shared = BUF_INIT, own = BUF_INIT;
	struct prompt made = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct race_prompt parts = { &made.system, &made.head, &made.tail, NULL };
	struct remote_target g;
	bool found;
	int r = -1;

	(void)target;
	race_ask_target(&t->candidate, &t->config, l->timeout_s, 0, &g);
	if (try_reserve(t, job, e) != 0 ||
	    try_context(t, &t->windows[job / t->n_prompts], &shared, &own, &found, e) != 0)
		goto out;
	if (!found)
		err_set(e, ERR_NOTFOUND, "what the agent was shown is no longer kept");
	else if (try_prompt(t, job % t->n_prompts, &shared, &own, &made, e) == 0)
		r = race_ask_request(&t->candidate, &t->config, l, &parts, g.policy.attempt_ms,
				     out, e);
out:
	prompt_release(&made);
	buf_release(&shared);
	buf_release(&own);
	return r;
}

/* An attempt is over. */
static void try_charge(struct race_try *t, size_t job, int64_t cost)
{
	struct race_try_answer *a = &t->answers[job];

	if (a->flying) {
		t->reserved -= try_worst(t, job);
		t->spent += cost;
		a->cost += cost;
	}
	a->flying = false;
}

static int try_failure(enum model_class class)
{
	return class == MODEL_RETRY || class == MODEL_MALFORMED ? ERR_TEMP : ERR_REMOTE;
}

static void try_parse(void *ctx, size_t job, size_t target, const struct fetch_answer *f,
		      struct remote_outcome *out)
{
	struct race_try *t = ctx;
	struct race_try_answer *a = &t->answers[job];
	struct model_reply *m = &a->reply;

	(void)target;
	model_release(m);
	*m = (struct model_reply){ 0 };
	if (a->barred) {
		*out = (struct remote_outcome){ .class = MODEL_STOP,
						.wait_ms = -1,
						.error = f->error };
		a->failure = ERR_CONFIG;
		return;
	}
	model_parse(&t->candidate.provider, f, tstamp_wall_ms(), m);
	race_ask_outcome(&t->candidate, try_worst(t, job), m, out);
	a->latency_ms = f->elapsed_ms;
	a->failure = try_failure(m->class);
	if (m->has_usage) {
		a->input += m->input;
		a->cached += m->cached;
		a->output += m->output;
		a->reasoning += m->reasoning;
	}
	try_charge(t, job, m->lost ? try_worst(t, job) : out->cost);
}

static void try_judge(struct race_try *t, size_t job, const struct remote_job *j)
{
	struct race_try_answer *a = &t->answers[job];
	struct decision d;

	decision_init(&d);
	race_ask_judge(j, &a->reply, t->agent.name, j->window_ms, &d);
	a->status = a->barred ? DECISION_BUDGET : d.status;
	a->error = mem_strdup(d.error);
	if (a->status == DECISION_OK || a->status == DECISION_HOLD)
		a->orders = wire_orders_text(&d);
	a->came = j->end == REMOTE_ANSWERED;
	a->attempts = j->attempts - a->barred;
	if (a->reply.model != NULL)
		a->returned = mem_strdup(a->reply.model);
	decision_release(&d);
}

static int try_end_failure(const struct remote_job *j, int last)
{
	switch (j->end) {
	case REMOTE_TIMEOUT:
		return ERR_TEMP;
	case REMOTE_REFUSED:
		return j->ticket.retry_after_ms < 0 ? ERR_REMOTE : ERR_TEMP;
	case REMOTE_BUDGET:
		return ERR_CONFIG;
	default:
		return last != 0 ? last : ERR_REMOTE;
	}
}

/* Nothing is stored: the answer is kept for the caller. */
static int try_over(void *ctx, size_t job, struct err *e)
{
	struct race_try *t = ctx;
	struct race_try_answer *a = &t->answers[job];

	(void)e;
	/* still under way at the deadline: it may be billed */
	try_charge(t, job, try_worst(t, job));
	a->failure = try_end_failure(&t->jobs[job], a->failure);
	try_judge(t, job, &t->jobs[job]);
	model_release(&a->reply);
	a->reply = (struct model_reply){ 0 };
	return 0;
}

/* Time enough for every question to take its whole time-out, and for one round of retries. */
static int64_t try_deadline(const struct race_try *t, const struct guard_policy *p, size_t jobs)
{
	int64_t parallel = config_num(&t->config, CONFIG_LLM_PARALLEL), n = (int64_t)jobs;
	int64_t rounds, wait_ms = 0;

	if (p->parallel > 0 && p->parallel < parallel)
		parallel = p->parallel;
	rounds = parallel > 0 ? (n - 1) / parallel + 2 : 2;
	if (p->per_minute > 0)
		wait_ms = (n / p->per_minute + 1) * 60000;
	return tstamp_boot_ms() + rounds * p->attempt_ms + wait_ms;
}

static void try_make_jobs(struct race_try *t, struct remote_target *targets, char *const *names)
{
	for (size_t i = 0; i < t->n_windows * t->n_prompts; i++) {
		race_ask_target(&t->candidate, &t->config, t->agent.spec.llm.timeout_s,
				try_worst(t, i), &targets[i]);
		t->jobs[i] =
			(struct remote_job){ .purpose = CALLS_TRY,
					     .window_ms =
						     t->windows[i / t->n_prompts].window_ms,
					     .agent_id = t->agent.id,
					     .name = names[i % t->n_prompts],
					     .targets = &targets[i],
					     .n_targets = 1,
					     .cap = t->cap };
	}
}

int race_try_run(struct race_try *t, int64_t max, struct err *e)
{
	static const struct remote_ops ops = { try_build, try_parse, try_over };
	size_t n = t->n_windows * t->n_prompts;
	struct remote_target *targets = mem_array(n, sizeof *targets);
	/* what a recording knows the ends of questions by; those of the race have no colon */
	char *names[RACE_TRY_PROMPTS_MAX] = { mem_printf("%s:prompt", t->agent.name),
					      mem_printf("%s:against", t->agent.name) };
	struct remote_options o = { .parallel = config_num(&t->config, CONFIG_LLM_PARALLEL),
				    .record = t->o->record,
				    .play = t->o->play,
				    .stop = t->o->stop };
	int r;

	t->max = max;
	t->jobs = mem_array(n, sizeof *t->jobs);
	try_make_jobs(t, targets, names);
	o.deadline_ms = try_deadline(t, &targets[0].policy, n);
	r = remote_run(t->db, &t->config, t->jobs, n, &ops, t, &o, e);
	for (size_t i = 0; i < RACE_TRY_PROMPTS_MAX; i++)
		free(names[i]);
	free(targets);
	free(t->jobs);
	t->jobs = NULL;
	return r;
}

/* ------------------------------------------------------------------ what came of it */

const struct race_try_answer *race_try_get(const struct race_try *t, size_t window,
					   size_t prompt)
{
	return &t->answers[window * t->n_prompts + prompt];
}

bool race_try_compare(const struct race_try *t, size_t window, bool *differs)
{
	const struct race_try_window *w = &t->windows[window];
	const char *one = race_try_get(t, window, 0)->orders, *other = NULL;

	*differs = false;
	if (t->n_prompts > 1)
		other = race_try_get(t, window, 1)->orders;
	else if (w->decided == DECISION_OK || w->decided == DECISION_HOLD)
		other = w->orders;
	if (one == NULL || other == NULL)
		return false;
	*differs = strcmp(one, other) != 0;
	return true;
}

int race_try_status(const struct race_try *t, struct err *e)
{
	const struct race_try_answer *worst = NULL;
	bool came = false, valid = true;

	for (size_t i = 0; i < t->n_windows * t->n_prompts; i++) {
		const struct race_try_answer *a = &t->answers[i];

		came = came || a->came;
		valid = valid && a->orders != NULL;
		/* what may pass goes before what may not, and that before the budget */
		if (worst == NULL ||
		    (a->failure != ERR_CONFIG && worst->failure == ERR_CONFIG) ||
		    (a->failure == ERR_TEMP && worst->failure != ERR_TEMP))
			worst = a;
	}
	if (came)
		return valid ? 0 : ERR_PARTIAL;
	err_set(e, worst->failure, "no answer came: %s", worst->error);
	return worst->failure;
}
