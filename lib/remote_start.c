#include "remote_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "route.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Starting what is due: which target is asked first, whether it may be asked now, and the note
 * of the attempt with its money, on disk before the request leaves.
 */

#define REMOTE_CHUNK 128
#define REMOTE_BREAK_MAX_MS 20000 /* a break that is longer costs the turn */
#define REMOTE_PAUSE_MS 50	  /* until a limit is looked at again */

static struct remote_target *remote_current(struct remote_job *j)
{
	j->target = (size_t)j->order[j->place];
	return &j->targets[j->target];
}

/* ------------------------------------------------------------------ choosing */

/* Sort the targets by score; ties and a race without routing keep the operator's order. */
static void remote_sort(struct remote_job *j, const struct route_candidate *c)
{
	for (size_t i = 1; i < j->n_targets; i++)
		for (size_t k = i; k > 0; k--) {
			int64_t swap = j->order[k];

			if (c[j->order[k]].score <= c[j->order[k - 1]].score)
				break;
			j->order[k] = j->order[k - 1];
			j->order[k - 1] = swap;
		}
}

/* Score the candidates of an agent, once per job and run, and note the choice. */
static int remote_route(struct remote_run *r, struct remote_job *j, struct err *e)
{
	struct route_candidate *c = mem_array(j->n_targets, sizeof *c);
	int64_t wall_ms = tstamp_wall_ms();
	int rc = 0;

	j->routed = true;
	for (size_t i = 0; i < j->n_targets && rc == 0; i++) {
		const struct remote_target *t = &j->targets[i];

		remote_target_name(t, c[i].name);
		rc = route_load(r->db, t->provider->name, t->service, &t->policy, wall_ms,
				&c[i], e);
		c[i].score = route_score(&c[i], i);
	}
	if (rc == 0 && r->routing)
		remote_sort(j, c);
	if (rc == 0)
		rc = route_add(r->db, j->agent_id, j->window_ms, c[j->order[0]].name, c,
			       j->n_targets, wall_ms, e);
	free(c);
	return rc;
}

/* ------------------------------------------------------------------ starting */

/* Whether a refusal is waited for: limits pass by themselves; a short break is waited for by
 * the last resort only, since all who take part wait with it. */
static bool remote_waits(const struct remote_run *r, const struct remote_job *j,
			 enum guard_cause cause, int64_t wait_ms, int64_t now)
{
	bool limit = cause == GUARD_PARALLEL || cause == GUARD_RATE;

	if (wait_ms < 0 || now + wait_ms + REMOTE_LEAST_MS > r->o->deadline_ms)
		return false;
	return limit ||
	       (!r->o->hasty && wait_ms <= REMOTE_BREAK_MAX_MS && j->place + 1 == j->n_targets);
}

/* Whether the target may be called now. *${go} false: the job waits, has moved on, or is over.
 */
static int remote_admit(struct remote_run *r, struct remote_job *j, struct remote_target *t,
			bool *go, struct err *e)
{
	int64_t wall_ms = tstamp_wall_ms(), now = tstamp_boot_ms(), wait_ms = 0;
	enum guard_cause cause;
	char *why;

	*go = false;
	if (guard_limits(r->db, t->provider->name, &t->policy, wall_ms, &cause, &wait_ms, e) !=
	    0)
		return -1;
	if (cause == GUARD_NONE) {
		if (guard_admit(r->db, t->service, &t->policy, &j->ticket, e) != 0)
			return -1;
		*go = j->ticket.admitted;
		cause = j->ticket.cause;
		wait_ms = j->ticket.retry_after_ms;
	} else {
		j->ticket = (struct guard_ticket){ .cause = cause, .retry_after_ms = wait_ms };
		snprintf(j->ticket.service, sizeof j->ticket.service, "%s", t->service);
	}
	if (*go)
		return 0;
	why = r->o->plain ? guard_sentence(&j->ticket) : guard_refusal(&j->ticket);
	remote_say(j, REMOTE_REFUSED, why);
	free(why);
	if (wait_ms < REMOTE_PAUSE_MS && wait_ms >= 0)
		wait_ms = REMOTE_PAUSE_MS;
	if (remote_waits(r, j, cause, wait_ms, now)) {
		j->due_ms = now + wait_ms;
		return 0;
	}
	return remote_next(r, j, e);
}

/* Note the attempt, with its money. */
static int remote_begin(struct remote_run *r, struct remote_job *j, struct remote_target *t,
			int64_t wall_ms, struct err *e)
{
	struct calls_start s = { .purpose = j->purpose,
				 .window_ms = j->window_ms,
				 .agent_id = j->agent_id,
				 .provider = t->provider->name,
				 .model = t->model,
				 .service = t->service,
				 .attempt = j->attempts + 1,
				 .reserved = t->worst };

	return calls_begin(r->db, &s, wall_ms, &j->call_id, e);
}

static int remote_over_budget(struct remote_run *r, struct remote_job *j, const char *cap,
			      const struct remote_target *t, struct err *e)
{
	char name[GUARD_SERVICE_MAX], worst[DECIMAL_TEXT_MAX], text[sizeof j->error];

	remote_target_name(t, name);
	if (t->worst == INT64_MAX)
		snprintf(text, sizeof text, "%s has no price; tr-provider price gives it one",
			 name);
	else
		snprintf(text, sizeof text,
			 "%s could cost %s USD, more than is left of today's budget of "
			 "the %s",
			 name, decimal_format(t->worst, MONEY_SCALE, worst), cap);
	remote_say(j, REMOTE_BUDGET, text);
	return remote_next(r, j, e);
}

/* Take a job one step on: it flies, waits, or is over. */
static int remote_start(struct remote_run *r, struct remote_job *j, struct err *e)
{
	while (j->state == REMOTE_WAITS && j->due_ms <= tstamp_boot_ms()) {
		struct remote_target *t = remote_current(j);
		int64_t wall_ms = tstamp_wall_ms();
		const char *cap;
		bool ok = true, go = true;

		if (r->o->play == NULL) {
			if (calls_reserve(r->db, j->agent_id, t->worst, j->cap, r->race_cap,
					  wall_ms, &ok, &cap, e) != 0)
				return -1;
			if (!ok) {
				if (remote_over_budget(r, j, cap, t, e) != 0)
					return -1;
				continue;
			}
			if (remote_admit(r, j, t, &go, e) != 0)
				return -1;
			if (!go) {
				if (calls_release(r->db, j->agent_id, t->worst, wall_ms, e) !=
				    0)
					return -1;
				continue;
			}
			if (remote_begin(r, j, t, wall_ms, e) != 0)
				return -1;
		}
		j->state = REMOTE_FLIES;
		r->flying++;
		j->attempts++;
		j->tries++;
		if (j->started_ms < 0)
			j->started_ms = tstamp_boot_ms();
	}
	return 0;
}

/* A request that cannot even be made is answered here. */
static void remote_refuse_here(struct remote_job *j, const struct err *why)
{
	j->answer = mem_alloc(sizeof *j->answer);
	j->answer->class = FETCH_LOCAL;
	j->answer->body = mem_strdup("");
	j->answer->error = mem_strdup(why->text);
	j->answer->first_ms = -1;
}

static int remote_launch(struct remote_run *r, struct remote_job *j, struct err *e)
{
	struct remote_target *t = &j->targets[j->target];
	int64_t left_ms = r->o->deadline_ms - tstamp_boot_ms();
	struct fetch_request q = { 0 };
	struct err why = { 0 };
	int rc = 0;

	if (r->ops->build(r->ctx, (size_t)(j - r->jobs), j->target, &q, &why) != 0) {
		remote_refuse_here(j, &why);
	} else {
		snprintf(q.tag, sizeof q.tag, "%zu", (size_t)(j - r->jobs));
		q.timeout_ms = t->policy.attempt_ms < left_ms ? t->policy.attempt_ms : left_ms;
		if (q.timeout_ms < 1)
			q.timeout_ms = 1;
		rc = fetch_send(r->fetch, &q, e);
	}
	fetch_request_release(&q);
	return rc;
}

static bool remote_may_start(const struct remote_run *r, const struct remote_job *j,
			     int64_t now)
{
	return j->state == REMOTE_WAITS && j->due_ms <= now &&
	       now + REMOTE_LEAST_MS <= r->o->deadline_ms &&
	       (r->o->parallel <= 0 || r->flying < (size_t)r->o->parallel);
}

/* Start a chunk of what is due: *${started} of them fly now. */
static int remote_start_chunk(struct remote_run *r, size_t *at, size_t *started, struct err *e)
{
	size_t chunk[REMOTE_CHUNK], n = 0;
	int64_t now = tstamp_boot_ms();
	int rc = 0;

	*started = 0;
	for (; *at < r->n && !remote_may_start(r, &r->jobs[*at], now); (*at)++)
		;
	if (*at == r->n)
		return 0;
	if (db_begin(r->db, e) != 0)
		return -1;
	for (; *at < r->n && n < REMOTE_CHUNK && rc == 0; (*at)++) {
		struct remote_job *j = &r->jobs[*at];

		if (!remote_may_start(r, j, now))
			continue;
		if (!j->routed && j->purpose == CALLS_DECIDE && j->agent_id != 0 &&
		    r->o->play == NULL)
			rc = remote_route(r, j, e);
		if (rc == 0)
			rc = remote_start(r, j, e);
		if (rc == 0 && j->state == REMOTE_FLIES)
			chunk[n++] = *at;
	}
	if (db_end(r->db, rc, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (remote_launch(r, &r->jobs[chunk[i]], e) != 0)
			return -1;
	*started = n;
	return 0;
}

int remote_start_due(struct remote_run *r, struct err *e)
{
	size_t at = 0, started = 0;

	while (at < r->n) {
		if (remote_start_chunk(r, &at, &started, e) != 0)
			return -1;
		if (r->o->stop != NULL && *r->o->stop != 0)
			return 0;
	}
	return 0;
}
