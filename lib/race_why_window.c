#include "race_why_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A window as such: what it came to or why nobody ran it, what its journal says, who decided in
 * it, and the windows before and after that were begun.
 */

static const char sql_missed[] =
	"SELECT count(*) FROM missed WHERE window_ms > :from AND window_ms < :to";

/* ------------------------------------------------------------------ neighbours */

static int why_neighbour(struct db *db, int64_t window_ms, struct race_why_neighbour *n,
			 struct err *e)
{
	if (window_ms < 0)
		return 0;
	n->there = true;
	return race_status_load(db, window_ms, &n->s, e);
}

static int why_count_missed(struct race_why_history *h, struct db *db, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_missed);

	sql_int(s, ":from", h->before.there ? h->before.s.window_ms : -1);
	sql_int(s, ":to", h->after.there ? h->after.s.window_ms : INT64_MAX);
	if (sql_row(s, e) != 1)
		return -1;
	h->missed = sql_col_int(s, 0);
	sql_reset(s);
	return 0;
}

static int why_neighbours(struct race_why *y, struct db *db, struct err *e)
{
	struct race_why_history *h = &y->history;
	int64_t before_ms, after_ms;

	if (journal_before(db, y->window_ms, &before_ms, e) != 0 ||
	    journal_after(db, y->window_ms, &after_ms, e) != 0 ||
	    why_neighbour(db, before_ms, &h->before, e) != 0 ||
	    why_neighbour(db, after_ms, &h->after, e) != 0)
		return -1;
	return why_count_missed(h, db, e);
}

/* ------------------------------------------------------------------ why */

static char *why_begun(const struct race_why_history *h)
{
	const struct race_status *s = &h->s;

	if (strcmp(s->state, "completed") == 0)
		return mem_strdup("all of its stages were done");
	if (strcmp(s->state, "partial") == 0)
		return mem_printf("a later window began before all of its stages were done%s%s",
				  s->failure != NULL ? ": " : "",
				  s->failure != NULL ? s->failure : "");
	if (strcmp(s->state, "failed") == 0)
		return mem_printf("a later window began before it had prices%s%s",
				  s->failure != NULL ? ": " : "",
				  s->failure != NULL ? s->failure : "");
	if (strcmp(s->state, "quarantined") == 0)
		return mem_strdup("it crashed in its first run and in every recovery");
	if (strcmp(s->state, "needs_operator") == 0)
		return mem_strdup("these tools cannot go on with it");
	return mem_printf("it is not finished: %s is next",
			  s->stage != NULL ? s->stage : "its end");
}

/* ------------------------------------------------------------------ journal */

static void why_take_event(void *ctx, const struct race_event *ev)
{
	struct race_why_history *h = ctx;
	struct race_why_event *to;

	h->events = mem_resize(h->events, h->n_events + 1, sizeof *h->events);
	to = &h->events[h->n_events++];
	*to = (struct race_why_event){ .seq = ev->seq, .at_ms = ev->at_ms };
	to->type = mem_strdup(ev->type);
	to->stage = mem_strdup(ev->stage);
	to->detail = mem_strdup(ev->detail);
	h->sealed = h->sealed || strcmp(ev->type, "sealed") == 0;
}

/* ------------------------------------------------------------------ who decided */

static int why_seat(struct db *db, const struct race_window *w, const struct race_agent *a,
		    bool asked, struct race_why_seat *seat, struct err *e)
{
	struct verdict_execution x = { 0 };
	struct roster_agent spec = { 0 };
	struct verdict v;
	bool found, carried = false;
	int r;

	snprintf(seat->agent, sizeof seat->agent, "%s", a->name);
	if (verdict_load(db, a->id, w->window_ms, &v, &found, e) != 0)
		return -1;
	if (!found) {
		r = roster_load_agent(db, a->name, a->version, &spec, e);
		seat->silent = race_why_silent(w, a, spec.spec.kind, asked);
		roster_release_agent(&spec);
		return r;
	}
	seat->status = v.d.status;
	seat->error = mem_strdup(v.d.error);
	seat->orders = (int64_t)v.d.n_orders;
	r = verdict_load_execution(db, a->id, w->window_ms, &x, &carried, e);
	if (r == 0 && carried) {
		seat->end = verdict_end_name(x.end);
		seat->trades = (int64_t)x.n_trades;
	}
	verdict_release_execution(&x);
	verdict_release(&v);
	return r;
}

static int why_seats(struct race_why *y, struct db *db, struct err *e)
{
	struct race_why_history *h = &y->history;
	struct race_window w = { 0 };
	bool asked;
	int r = -1;

	if (race_open_read(db, y->window_ms, &w, e) != 0)
		return -1;
	if (journal_done(db, y->window_ms, "decide", &asked, e) == 0) {
		h->sealed = w.sealed;
		h->seats = mem_array(w.n_agents, sizeof *h->seats);
		for (r = 0; h->n_seats < w.n_agents && r == 0; h->n_seats++)
			r = why_seat(db, &w, &w.agents[h->n_seats], asked,
				     &h->seats[h->n_seats], e);
	}
	race_release(&w);
	return r;
}

/* ------------------------------------------------------------------ all of it */

static int why_load_begun(struct race_why *y, struct db *db, struct err *e)
{
	struct race_why_history *h = &y->history;

	if (race_status_load(db, y->window_ms, &h->s, e) != 0)
		return -1;
	snprintf(h->state, sizeof h->state, "%s", h->s.state);
	if (race_events(db, y->window_ms, why_take_event, h, e) != 0 ||
	    race_why_add_batch(y, db, y->window_ms, e) != 0 || why_seats(y, db, e) != 0)
		return -1;
	h->pruned = h->sealed && h->n_events <= 1;
	h->why = why_begun(h);
	return 0;
}

static int why_load_passed(struct race_why *y, struct db *db, struct err *e)
{
	struct race_why_history *h = &y->history;
	char *reason;
	int r = race_passed(db, y->window_ms, &reason, &h->why, e);

	snprintf(h->state, sizeof h->state, "%s", reason != NULL ? reason : "not_run");
	free(reason);
	return r != 0 ? -1 : race_events(db, y->window_ms, why_take_event, h, e);
}

int race_why_window(struct race_why *y, struct db *db, struct err *e)
{
	struct journal_cycle c;

	y->has_history = true;
	if (journal_load(db, y->window_ms, &c, &y->history.begun, e) != 0)
		return -1;
	if (why_neighbours(y, db, e) != 0)
		return -1;
	return y->history.begun ? why_load_begun(y, db, e) : why_load_passed(y, db, e);
}

void race_why_release_window(struct race_why_history *h)
{
	for (size_t i = 0; i < h->n_events; i++) {
		free(h->events[i].type);
		free(h->events[i].stage);
		free(h->events[i].detail);
	}
	for (size_t i = 0; i < h->n_seats; i++)
		free(h->seats[i].error);
	free(h->events);
	free(h->seats);
	free(h->why);
	race_status_release(&h->s);
	race_status_release(&h->before.s);
	race_status_release(&h->after.s);
}
