#include "remote.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "mem.h"
#include "random.h"
#include "remote_part.h"
#include "remote_turn.h"
#include "route.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One loop with three steps: start what is due (one transaction for a chunk of starts, then
 * the requests leave), wait for answers, and finish what has come (one transaction for all
 * of it). A job waits, flies or is over; time-outs and back-offs are its due time.
 */

#define REMOTE_TICK_MS 500 /* a stop flag set just before a sleep is seen that late at most */

const char *remote_target_name(const struct remote_target *t, char out[GUARD_SERVICE_MAX])
{
	snprintf(out, GUARD_SERVICE_MAX, "%s%s%s", t->provider->name,
		 t->model[0] != '\0' ? "/" : "", t->model);
	return out;
}

/* ------------------------------------------------------------------ ends */

void remote_say(struct remote_job *j, enum remote_end end, const char *text)
{
	j->end = end;
	snprintf(j->error, sizeof j->error, "%.*s", (int)sizeof j->error - 1, text);
}

/* The job is over: its caller stores it. Inside a transaction. */
static int remote_over(struct remote_run *r, struct remote_job *j, struct err *e)
{
	if (j->state == REMOTE_FLIES)
		r->flying--;
	j->state = REMOTE_OVER;
	r->over++;
	if (j->started_ms >= 0)
		j->elapsed_ms = tstamp_boot_ms() - j->started_ms;
	if (r->o->record != NULL && j->end != REMOTE_ANSWERED &&
	    remote_turn_record(r->o->record, j, e) != 0)
		return -1;
	return r->ops->store != NULL ? r->ops->store(r->ctx, (size_t)(j - r->jobs), e) : 0;
}

int remote_next(struct remote_run *r, struct remote_job *j, struct err *e)
{
	j->tries = 0;
	if (j->state == REMOTE_FLIES)
		r->flying--;
	j->state = REMOTE_WAITS;
	j->due_ms = tstamp_boot_ms();
	if (++j->place < j->n_targets)
		return 0;
	return remote_over(r, j, e);
}

/* ------------------------------------------------------------------ finishing */

static int remote_account(struct remote_run *r, struct remote_job *j,
			  const struct fetch_answer *a, const struct remote_outcome *o,
			  struct err *e)
{
	const struct remote_target *t = &j->targets[j->target];
	char name[GUARD_SERVICE_MAX];
	/* what befalls our own tr-fetch says nothing of the service */
	bool ours = a->class == FETCH_GONE || a->class == FETCH_LACK;
	enum circuit_outcome outcome = ours ? CIRCUIT_NEUTRAL : model_outcome(o->class);
	struct calls_result c = { .class = a->class != FETCH_OK ? fetch_class_name(a->class)
								: model_class_name(o->class),
				  .status = a->status,
				  .lost = o->lost,
				  .cost = o->lost ? t->worst : o->cost,
				  .has_usage = o->has_usage,
				  .input = o->input,
				  .output = o->output,
				  .latency_ms = a->elapsed_ms,
				  .error = o->error };

	if (calls_end(r->db, j->call_id, &c, tstamp_wall_ms(), e) != 0 ||
	    guard_result(r->db, t->provider->name, &j->ticket, &t->policy, outcome,
			 o->wait_ms > 0 ? o->wait_ms : 0, o->error != NULL ? o->error : c.class,
			 e) != 0)
		return -1;
	if (j->purpose != CALLS_DECIDE)
		return 0;
	return route_count(r->db, remote_target_name(t, name), o->class == MODEL_OK,
			   a->elapsed_ms, c.cost, e);
}

/* When to ask the same target again; false: not. */
static int remote_again(struct remote_run *r, struct remote_job *j,
			const struct remote_outcome *o, bool *again, struct err *e)
{
	const struct guard_policy *p = &j->targets[j->target].policy;
	int64_t now = tstamp_boot_ms();
	int64_t delay_ms =
		backoff_delay(p->base_ms, p->cap_ms, j->tries - 1, random_next(&r->random));

	*again = false;
	if (!p->retry || j->tries > p->retries)
		return 0;
	/* what may have been billed is asked once more, not again and again */
	if (o->lost && j->targets[j->target].worst > 0 && ++j->lost > 1)
		return 0;
	if (o->wait_ms > delay_ms)
		delay_ms = o->wait_ms;
	if (r->o->play != NULL)
		delay_ms = 0;
	if (delay_ms > p->wait_max_ms || now + delay_ms + REMOTE_LEAST_MS > r->o->deadline_ms)
		return 0;
	*again = true;
	if (r->o->play == NULL &&
	    guard_may_retry(r->db, j->targets[j->target].provider->name, again, e) != 0)
		return -1;
	j->due_ms = now + delay_ms;
	return 0;
}

static void remote_keep_body(struct remote_job *j)
{
	free(j->body);
	j->body_len =
		j->answer->body_len < REMOTE_BODY_MAX ? j->answer->body_len : REMOTE_BODY_MAX;
	j->body = mem_strndup(j->answer->body, j->body_len);
}

/* What an answer means for its job. */
static int remote_finish(struct remote_run *r, struct remote_job *j, struct err *e)
{
	struct remote_outcome o = { .wait_ms = -1 };
	char name[GUARD_SERVICE_MAX], text[sizeof j->error];
	bool again = false;

	remote_keep_body(j);
	r->ops->parse(r->ctx, (size_t)(j - r->jobs), j->target, j->answer, &o);
	if (r->o->play == NULL && remote_account(r, j, j->answer, &o, e) != 0)
		return -1;
	if (o.class <= MODEL_EMPTY) {
		remote_say(j, REMOTE_ANSWERED, o.error != NULL ? o.error : "");
		return remote_over(r, j, e);
	}
	snprintf(text, sizeof text, "%s: %s", remote_target_name(&j->targets[j->target], name),
		 o.error != NULL ? o.error : model_class_name(o.class));
	remote_say(j, REMOTE_FAILED, text);
	if ((o.class == MODEL_RETRY || o.class == MODEL_MALFORMED) &&
	    remote_again(r, j, &o, &again, e) != 0)
		return -1;
	if (!again)
		return remote_next(r, j, e);
	r->flying--;
	j->state = REMOTE_WAITS;
	return 0;
}

/* Everything that has come, in one transaction. */
static int remote_finish_all(struct remote_run *r, struct err *e)
{
	bool any = false;
	int rc = 0;

	for (size_t i = 0; i < r->n && !any; i++)
		any = r->jobs[i].answer != NULL;
	if (!any)
		return 0;
	if (db_begin(r->db, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->jobs[i].answer != NULL)
			rc = remote_finish(r, &r->jobs[i], e);
	rc = db_end(r->db, rc, e);
	for (size_t i = 0; i < r->n; i++)
		if (r->jobs[i].answer != NULL) {
			fetch_answer_release(r->jobs[i].answer);
			free(r->jobs[i].answer);
			r->jobs[i].answer = NULL;
		}
	return rc;
}

/* The time is up for a job. */
static int remote_late(struct remote_run *r, struct remote_job *j, struct err *e)
{
	struct remote_outcome o = { .class = MODEL_RETRY,
				    .wait_ms = -1,
				    .lost = true,
				    .error = "no answer before the deadline" };
	struct fetch_answer a = { .class = FETCH_TIMEOUT,
				  .elapsed_ms = tstamp_boot_ms() - j->started_ms };
	char last[sizeof j->error], text[2 * sizeof j->error];

	if (j->state == REMOTE_FLIES && r->o->play == NULL &&
	    remote_account(r, j, &a, &o, e) != 0)
		return -1;
	snprintf(last, sizeof last, "%s", j->error);
	snprintf(text, sizeof text, "no answer before the deadline%s%s",
		 last[0] != '\0' ? "; before that: " : "", last);
	remote_say(j, REMOTE_TIMEOUT, text);
	return remote_over(r, j, e);
}

static int remote_end_all(struct remote_run *r, struct err *e)
{
	int rc = 0;

	if (db_begin(r->db, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->jobs[i].state != REMOTE_OVER)
			rc = remote_late(r, &r->jobs[i], e);
	return db_end(r->db, rc, e);
}

/* ------------------------------------------------------------------ the loop */

/* Until when there is nothing to do but wait for answers. */
static int64_t remote_until(const struct remote_run *r)
{
	int64_t until = r->o->deadline_ms, now = tstamp_boot_ms();

	for (size_t i = 0; i < r->n; i++) {
		const struct remote_job *j = &r->jobs[i];

		if (j->answer != NULL)
			return now;
		/* one that is due already waits for others to land, if there are any */
		if (j->state == REMOTE_WAITS && (j->due_ms > now || r->flying == 0) &&
		    j->due_ms < until)
			until = j->due_ms;
	}
	return until;
}

/* tr-fetch has ended: nothing that it plays could be trusted to be all of the recording. */
static int remote_unplayable(const char *path, struct err *e)
{
	if (fetch_tape_check(path, e) != 0)
		return err_prefix(e, "recording");
	return err_set(e, ERR_TEMP, "recording %s: tr-fetch ended while it was played", path);
}

/* Nobody is asked at the moment: sleep until somebody may be, or a signal comes. */
static void remote_sleep(const struct remote_run *r, int64_t until_ms)
{
	int64_t left = until_ms - tstamp_boot_ms();

	while (left > 0 && (r->o->stop == NULL || *r->o->stop == 0)) {
		poll(NULL, 0, left < REMOTE_TICK_MS ? (int)left : REMOTE_TICK_MS);
		left = until_ms - tstamp_boot_ms();
	}
}

/* Wait for one answer, and take along all that are there. */
static int remote_listen(struct remote_run *r, struct err *e)
{
	int64_t until = remote_until(r);
	bool got = true;

	if (r->flying == 0)
		remote_sleep(r, until);
	while (got) {
		struct fetch_answer a = { 0 };
		char *end;
		size_t i;

		if (fetch_wait(r->fetch, until, r->o->stop, &a, &got, e) != 0)
			return -1;
		if (!got)
			break;
		if (a.class == FETCH_GONE && r->o->play != NULL) {
			fetch_answer_release(&a);
			return remote_unplayable(r->o->play, e);
		}
		until = 0;
		i = (size_t)strtoull(a.tag, &end, 10);
		if (*end != '\0' || i >= r->n || r->jobs[i].state != REMOTE_FLIES ||
		    r->jobs[i].answer != NULL) {
			fetch_answer_release(&a);
			return err_set(e, ERR_INTERNAL, "tr-fetch: an answer to nobody");
		}
		r->jobs[i].answer = mem_alloc(sizeof a);
		*r->jobs[i].answer = a;
	}
	return 0;
}

static int remote_loop(struct remote_run *r, struct err *e)
{
	while (r->over < r->n) {
		if (r->o->stop != NULL && *r->o->stop != 0)
			return err_set(e, ERR_TEMP, "stopped by a signal");
		if (remote_start_due(r, e) != 0)
			return -1;
		if (r->over == r->n)
			break;
		/* waiting jobs that have no time left for an attempt are late at once */
		if (tstamp_boot_ms() >= r->o->deadline_ms ||
		    (r->flying == 0 && tstamp_boot_ms() + REMOTE_LEAST_MS > r->o->deadline_ms))
			return remote_end_all(r, e);
		if (remote_listen(r, e) != 0 || remote_finish_all(r, e) != 0)
			return -1;
	}
	return 0;
}

static void remote_prepare(struct remote_job *j)
{
	j->end = REMOTE_LIMBO;
	j->state = REMOTE_WAITS;
	j->due_ms = j->not_before_ms;
	j->started_ms = -1;
	j->attempts = j->tries = j->elapsed_ms = 0;
	j->place = j->target = 0;
	j->error[0] = '\0';
	j->answer = NULL;
	j->body = NULL;
	j->body_len = 0;
	j->routed = false;
	j->lost = 0;
	j->order = mem_array(j->n_targets, sizeof *j->order);
	for (size_t i = 0; i < j->n_targets; i++)
		j->order[i] = (int64_t)i;
}

/* What the recording says of turns that nobody answered. */
static int remote_replay_turns(struct remote_run *r, struct err *e)
{
	bool any = false;
	int rc = 0;

	if (remote_turn_play(r->o->play, r->jobs, r->n, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		any = any || r->jobs[i].end != REMOTE_LIMBO;
	if (!any)
		return 0;
	if (db_begin(r->db, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->jobs[i].end != REMOTE_LIMBO)
			rc = remote_over(r, &r->jobs[i], e);
	return db_end(r->db, rc, e);
}

int remote_run(struct db *db, const struct config *c, struct remote_job *jobs, size_t n,
	       const struct remote_ops *ops, void *ctx, const struct remote_options *o,
	       struct err *e)
{
	struct fetch_options f = { .record = o->record,
				   .play = o->play,
				   .parallel = o->parallel };
	struct remote_run r = { .db = db,
				.jobs = jobs,
				.n = n,
				.ops = ops,
				.ctx = ctx,
				.o = o,
				.race_cap = config_num(c, CONFIG_BUDGET_RACE_USD_DAY),
				.routing = config_bool(c, CONFIG_FEATURE_ROUTING),
				.random = random_mix((uint64_t)tstamp_boot_ms()) };
	int rc = 0;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		remote_prepare(&jobs[i]);
	r.fetch = fetch_open(&f);
	if (o->play != NULL)
		rc = remote_replay_turns(&r, e);
	if (rc == 0)
		rc = remote_loop(&r, e);
	fetch_close(r.fetch);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].answer != NULL) {
			fetch_answer_release(jobs[i].answer);
			free(jobs[i].answer);
			jobs[i].answer = NULL;
		}
		free(jobs[i].order);
		jobs[i].order = NULL;
		free(jobs[i].body);
		jobs[i].body = NULL;
	}
	return rc;
}
