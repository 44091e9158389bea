#include "report_part.h"

#include <math.h>

#include "tstamp.h"

#include "banned.h"

/*
 * What the race comes to: a title, and a sentence that gives the reason. Who has had no valid
 * turn is not among those that are compared.
 */

#define SURE 0.05 /* a smaller p is called more than luck */

enum report_outcome {
	REPORT_NOT_BEGUN,
	REPORT_NO_AGENTS,
	REPORT_NO_ANSWERS,
	REPORT_BEATEN, /* by a baseline, or level with buy-and-hold */
	REPORT_IDLE,   /* the best have not traded */
	REPORT_LED
};

struct report_lead {
	enum report_outcome outcome;
	const struct race_standing *best, *second; /* NULL: there is no tie */
	size_t n;				   /* how many share the best return */
	bool all;				   /* and there are no others */
	struct metrics_value against;		   /* of buy-and-hold, the same for all n */
	const char *beaten_by;
};

static bool is_idle(const struct race_standing *s)
{
	return s->m.n_trades == 0 && s->total.u == s->start.u;
}

static bool same_value(struct metrics_value a, struct metrics_value b)
{
	return a.defined == b.defined && (!a.defined || a.v == b.v);
}

/* A yardstick that did better over the same windows, but buy-and-hold, which has ${against}. */
static const char *find_better(const struct report_page *p, const struct race_standing *best)
{
	for (size_t i = 0; i < p->board.n; i++) {
		const struct race_standing *s = p->rows[i].s;

		if (s->agent.baseline && i != p->board.hold && s->rank < best->rank &&
		    s->first_ms == best->first_ms && s->window_ms == best->window_ms)
			return s->agent.name;
	}
	return NULL;
}

/* The best of those who compete. */
static void find_best(const struct report_page *p, struct report_lead *l)
{
	size_t rivals = 0;

	for (size_t i = 0; i < p->board.n; i++) {
		const struct race_standing *s = p->rows[i].s;

		if (s->agent.baseline || !s->m.total_return.defined)
			continue;
		rivals++;
		if (race_standing_mute(s))
			continue;
		if (l->best == NULL) {
			l->best = s;
			l->against = s->vs_hold;
		} else if (s->rank != l->best->rank) {
			continue;
		} else if (l->second == NULL) {
			l->second = s;
		}
		l->n++;
		if (!same_value(s->vs_hold, l->against))
			l->against.defined = false;
	}
	l->all = l->n == rivals;
	l->outcome = l->best != NULL ? REPORT_LED
		     : rivals > 0    ? REPORT_NO_ANSWERS
				     : REPORT_NO_AGENTS;
}

static struct report_lead find_lead(const struct report_page *p)
{
	struct report_lead l = { .outcome = REPORT_NOT_BEGUN };

	if (p->board.first_ms < 0)
		return l;
	find_best(p, &l);
	if (l.best == NULL)
		return l;
	l.beaten_by =
		l.against.defined && l.against.v < 0 ? "buy-and-hold" : find_better(p, l.best);
	if (l.beaten_by == NULL && is_idle(l.best) && (l.second == NULL || is_idle(l.second)))
		l.outcome = REPORT_IDLE;
	else if (l.beaten_by == NULL && l.against.defined && l.against.v == 0)
		l.beaten_by = "buy-and-hold";
	if (l.beaten_by != NULL)
		l.outcome = REPORT_BEATEN;
	return l;
}

/* ------------------------------------------------------------------ in words */

static void add_subject(const struct report_lead *l, struct buf *out)
{
	if (l->n == 1)
		buf_adds(out, l->best->agent.name);
	else if (l->n == 2)
		buf_addf(out, "%s and %s", l->best->agent.name, l->second->agent.name);
	else
		buf_addf(out, "%s%zu agents", l->all ? "all " : "", l->n);
}

static void add_return(const struct report_lead *l, struct buf *out)
{
	report_percent(out, l->best->m.total_return.v, 2, true);
}

void report_headline(const struct report_page *p, struct buf *out)
{
	struct report_lead l = find_lead(p);

	switch (l.outcome) {
	case REPORT_NOT_BEGUN:
		buf_adds(out, "The race has not begun");
		break;
	case REPORT_NO_AGENTS:
		buf_adds(out, "Only the baselines are in the race");
		break;
	case REPORT_NO_ANSWERS:
		buf_adds(out, "No agent has had a valid turn");
		break;
	case REPORT_BEATEN:
		buf_addf(out, "No agent beats %s", l.beaten_by);
		break;
	case REPORT_IDLE:
		buf_adds(out, "No agent is ahead of its starting cash");
		break;
	case REPORT_LED:
		if (l.n > 2)
			buf_addf(out, "%zu agents", l.n);
		else
			add_subject(&l, out);
		buf_adds(out, l.n == 1 ? " leads with " : " share the lead with ");
		add_return(&l, out);
	}
}

static void add_against(const struct report_lead *l, const char *before, struct buf *out)
{
	double v = l->against.v;

	if (!l->against.defined)
		return;
	buf_adds(out, before);
	if (v == 0) {
		buf_adds(out, "level with buy-and-hold");
		return;
	}
	report_number(out, fabs(v) * 100, 2);
	buf_addf(out, " points %s buy-and-hold", v < 0 ? "behind" : "ahead of");
}

static void add_doubt(const struct report_lead *l, struct buf *out)
{
	const struct race_judgement *j = &l->best->judged;

	if (j->too_early) {
		buf_addf(out,
			 " It is <b>too early to tell</b> skill from luck: %lld of %d days.",
			 (long long)j->days, STATS_MIN_DAYS);
		return;
	}
	/* of several nobody's figure is all of theirs */
	if (!j->p.defined || !l->against.defined || l->n > 1 || l->outcome == REPORT_IDLE)
		return;
	buf_adds(out, j->p.v >= SURE	 ? " The difference <b>could be luck</b>"
		      : l->against.v > 0 ? " That is <b>more than luck</b> explains"
					 : " Luck alone does not explain that");
	buf_adds(out, " (p = ");
	report_number(out, j->p.v, 3);
	buf_adds(out, ").");
}

static void add_reason(const struct report_lead *l, struct buf *out)
{
	bool one = l->n == 1;

	add_subject(l, out);
	if (l->outcome == REPORT_BEATEN) {
		buf_adds(out, one ? " comes closest with " : " come closest with ");
		add_return(l, out);
		add_against(l, ", ", out);
	} else if (l->outcome == REPORT_IDLE) {
		buf_adds(out, one ? " has not traded and keeps its cash"
				  : " have not traded and keep their cash");
		add_against(l, ", ", out);
	} else if (l->against.defined) {
		add_against(l, one ? " is " : " are ", out);
	} else {
		buf_adds(out, one ? " has the highest return" : " have the highest return");
	}
}

void report_summary(const struct report_page *p, struct buf *out)
{
	struct report_lead l = find_lead(p);

	if (l.outcome == REPORT_NOT_BEGUN)
		return;
	buf_adds(out, "<p class=\"lead\">After ");
	report_span(out, (p->until_ms - p->from_ms + TSTAMP_WINDOW_MS) / 1000);
	buf_adds(out, " of paper trading, ");
	if (l.outcome == REPORT_NO_AGENTS)
		buf_adds(out, "nobody competes with them");
	else if (l.outcome == REPORT_NO_ANSWERS)
		buf_adds(out, "every answer was late, broken or missing");
	else
		add_reason(&l, out);
	buf_addc(out, '.');
	if (l.best != NULL)
		add_doubt(&l, out);
	buf_adds(out, "</p>\n");
}
