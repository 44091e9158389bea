#include "race_why.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "ident.h"
#include "tstamp.h"

#include "banned.h"

/*
 * What was found, as text for people: a line per fact, those that belong to it indented below.
 * What others wrote, feeds, models and services, cannot steer a terminal.
 */

#define RAW_SHOWN 4096 /* bytes of an answer that a person is shown */

/* ------------------------------------------------------------------ values */

#define TEXTS 8
#define TEXT_MAX DIGEST_HEX_SIZE /* the longest of them */

struct words {
	struct buf *out;
	bool context, prompt;	     /* are told in full, too */
	char texts[TEXTS][TEXT_MAX]; /* of values, in turn */
	size_t next;
};

/* Room for a value as text, good until seven more were asked for. */
static char *room(struct words *w)
{
	w->next = (w->next + 1) % TEXTS;
	return w->texts[w->next];
}

static const char *num(struct words *w, int64_t v, int scale)
{
	return decimal_format(v, scale, room(w));
}

static const char *window_id(struct words *w, int64_t ms)
{
	return tstamp_window_id(ms, room(w));
}

static const char *when(struct words *w, int64_t ms)
{
	return ms >= 0 ? tstamp_format(ms, room(w)) : "-";
}

static const char *hex(struct words *w, const struct digest *d)
{
	char *text = room(w);

	digest_hex(d, text);
	return text;
}

/* ------------------------------------------------------------------ foreign text */

/* Characters that nobody sees: marks of direction, joiners, separators of lines. */
static bool hidden(const unsigned char *p, size_t n)
{
	unsigned c = n == 3 ? (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU) : 0;

	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* The bytes of the character at ${p} if a terminal may have them, else 0. */
static size_t harmless(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = *u < 0x80 ? 1 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4;

	if (n == 1)
		return *u >= 0x20 && *u != 0x7f;
	if (n > left || !ident_utf8_valid(p, n) || (n == 2 && u[0] == 0xc2 && u[1] < 0xa0) ||
	    hidden(u, n))
		return 0;
	return n;
}

/* Text that others wrote: it must not steer the terminal. ${indent} begins every line; NULL:
 * there is to be one line only. */
static void tell_foreign(struct words *w, const char *s, size_t len, const char *indent)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = harmless(s + i, len - i);
		if (indent != NULL && (i == 0 || s[i - 1] == '\n'))
			buf_adds(w->out, indent);
		if (n > 0)
			buf_add(w->out, s + i, n);
		else if (s[i] == '\n' || s[i] == '\t')
			buf_addc(w->out, s[i] == '\n' && indent != NULL ? '\n' : ' ');
		else
			buf_addf(w->out, "\\x%02x", (unsigned char)s[i]);
		n += n == 0;
	}
	if (indent != NULL && len > 0 && s[len - 1] != '\n')
		buf_adds(w->out, "\n");
}

static void tell_line(struct words *w, const char *s)
{
	tell_foreign(w, s, strlen(s), NULL);
}

/* "  reasoning: because\n", and nothing for NULL. */
static void tell_member(struct words *w, const char *name, const char *s)
{
	if (s == NULL)
		return;
	buf_addf(w->out, "  %s: ", name);
	tell_line(w, s);
	buf_adds(w->out, "\n");
}

/* ------------------------------------------------------------------ prices */

static void tell_price(struct words *w, int64_t window_ms, const struct race_why_price *p)
{
	buf_addf(w->out, "  %-8s %s, %s, ", p->symbol, num(w, p->p.price.u, PRICE_SCALE),
		 view_quality_name(p->p.quality));
	buf_addf(w->out, "%" PRId64 " s old, of %s, from ", (window_ms - p->p.price_ms) / 1000,
		 when(w, p->p.price_ms));
	tell_line(w, p->source);
	if (p->p.note[0] != '\0') {
		buf_adds(w->out, ": ");
		tell_line(w, p->p.note);
	}
	buf_adds(w->out, "\n");
}

static void tell_feed(struct words *w, const struct race_why_feed *f)
{
	buf_addf(w->out, "  %-8s feed %" PRId64 ", ", f->symbol, f->priority);
	tell_line(w, f->source);
	buf_addf(w->out, ": %s%s", f->outcome, f->detail[0] != '\0' ? ": " : "");
	tell_line(w, f->detail);
	buf_adds(w->out, "\n");
}

static void tell_batch(struct words *w, const struct race_why *y,
		       const struct race_why_batch *b)
{
	if (!b->there) {
		buf_addf(w->out, "no prices were taken in %s\n", window_id(w, b->window_ms));
	} else {
		buf_addf(w->out, "prices of %s\n", window_id(w, b->window_ms));
		for (size_t i = 0; i < b->n_prices; i++)
			tell_price(w, b->window_ms, &b->prices[i]);
		if (b->n_prices == 0)
			buf_addf(w->out, "  none%s%s\n", y->only[0] != '\0' ? " of " : "",
				 y->only);
	}
	for (size_t i = 0; i < b->n_feeds; i++)
		tell_feed(w, &b->feeds[i]);
	tell_member(w, "regimes", b->regimes);
}

/* ------------------------------------------------------------------ what was asked */

static const char *state_words(enum race_why_kept k)
{
	switch (k) {
	case RACE_WHY_KEPT:
		return "kept";
	case RACE_WHY_REMADE:
		return "not kept or pruned, made again";
	case RACE_WHY_GONE:
		return "not kept or pruned, and not to be made again";
	case RACE_WHY_DIFFERS:
		break;
	}
	return "differs from what is kept";
}

static void tell_text(struct words *w, const char *name, const struct race_why_text *x,
		      bool whole)
{
	buf_addf(w->out, "  %s %s", name, hex(w, &x->hash));
	if (x->text.data != NULL)
		buf_addf(w->out, ", %zu bytes", x->text.len);
	buf_addf(w->out, ", %s\n", state_words(x->kept));
	if (whole && x->text.data != NULL)
		tell_foreign(w, x->text.data, x->text.len, "    | ");
}

static void tell_asked(struct words *w, const struct race_why_turn *t)
{
	const struct race_why_prompt *p = &t->prompt;

	if (t->has_context)
		tell_text(w, "context", &t->context, w->context);
	else if (t->decided)
		buf_adds(w->out, "  context: none was shown\n");
	if (!t->asked)
		return;
	buf_addf(w->out, "  prompt %s, %s\n", hex(w, &p->hash),
		 p->has_parts ? state_words(p->kept) : "the context");
	if (!p->has_parts)
		return;
	tell_text(w, "prompt, system part", &p->system, w->prompt);
	tell_text(w, "prompt, shared part", &p->head, w->prompt);
	tell_text(w, "prompt, own part", &p->tail, w->prompt);
}

static void tell_tokens(struct words *w, int64_t input, int64_t output)
{
	if (input >= 0)
		buf_addf(w->out, ", %" PRId64 " tokens in", input);
	if (output >= 0)
		buf_addf(w->out, ", %" PRId64 " out", output);
}

static void tell_attempt(struct words *w, const struct route_attempt *a,
			 const struct race_why_tokens *k)
{
	buf_addf(w->out, "  attempt %" PRId64 " of %s at %s: ", a->attempt, a->candidate,
		 when(w, a->at_ms));
	if (!a->over) {
		buf_addf(w->out, "under way, or its process died; %s USD reserved\n",
			 num(w, k->reserved, MONEY_SCALE));
		return;
	}
	tell_line(w, a->class);
	if (a->status != 0)
		buf_addf(w->out, ", HTTP %" PRId64, a->status);
	buf_addf(w->out, ", %" PRId64 " ms", a->latency_ms);
	tell_tokens(w, k->input, k->output);
	buf_addf(w->out, ", %s USD of %s reserved%s", num(w, a->cost, MONEY_SCALE),
		 num(w, k->reserved, MONEY_SCALE), a->lost ? ", answer lost" : "");
	if (a->error != NULL) {
		buf_adds(w->out, ": ");
		tell_line(w, a->error);
	}
	buf_adds(w->out, "\n");
}

static void tell_story(struct words *w, const struct race_why_turn *t)
{
	const struct route_story *s = &t->story;

	for (size_t i = 0; i < s->n_choices; i++)
		buf_addf(w->out, "  chosen first: %s\n",
			 s->choices[i].chosen[0] != '\0' ? s->choices[i].chosen : "nobody");
	for (size_t i = 0; i < t->n_tokens; i++)
		tell_attempt(w, &s->attempts[i], &t->tokens[i]);
}

static void tell_answer(struct words *w, const struct race_why_turn *t)
{
	const struct race_why_answer *a = &t->answer;

	if (!t->asked)
		return;
	buf_addf(w->out, "  answer of %s%s%s", a->provider, a->model[0] != '\0' ? "/" : "",
		 a->model);
	if (a->returned != NULL) {
		buf_adds(w->out, ", which says it is ");
		tell_line(w, a->returned);
	} else {
		buf_adds(w->out, ", which did not say what answered");
	}
	tell_tokens(w, a->input, a->output);
	buf_addf(w->out, ", %s USD%s\n", num(w, a->cost, MONEY_SCALE),
		 a->substitute ? ", another model than the agent's first" : "");
}

static void tell_raw(struct words *w, const struct verdict *v)
{
	size_t n = v->raw_len < RAW_SHOWN ? v->raw_len : RAW_SHOWN;

	if (v->raw == NULL) {
		buf_adds(w->out, "  raw answer: none is stored\n");
		return;
	}
	buf_addf(w->out, "  raw answer, %zu bytes\n", v->raw_len);
	tell_foreign(w, v->raw, n, "    | ");
	if (n < v->raw_len)
		buf_addf(w->out, "    and %zu more bytes, see --json\n", v->raw_len - n);
}

/* ------------------------------------------------------------------ what became of it */

static void tell_edits(struct words *w, const struct race_why_order *o)
{
	for (size_t i = 0; i < o->n_rules; i++) {
		const struct race_why_rule *r = &o->rules[i];

		buf_addf(w->out, "    %s by %s",
			 o->o.outcome.action == RISK_CLIP ? "clipped" : "dropped",
			 risk_reason_name(r->reason));
		if (r->setting != NULL)
			buf_addf(w->out, ", %s %s", r->setting, r->value);
		buf_addf(w->out, "%s%s\n", r->detail[0] != '\0' ? ": " : "", r->detail);
	}
}

/* Each line can be computed again from those above it. */
static void tell_arithmetic(struct words *w, const struct race_why_turn *t,
			    const struct race_why_order *o)
{
	const struct portfolio_fill *f = &o->t.fill, *g = o->possible ? &o->again : f;
	bool buys = f->side == DECISION_BUY;
	const char *sign = buys ? "+" : "-", *way = buys ? "up" : "down";

	buf_addf(w->out, "      price     %s, of the batch %s\n",
		 num(w, f->price.u, PRICE_SCALE), window_id(w, o->t.fill_ms));
	buf_addf(w->out, "      fill      %s x (1 %s %s) = %s, rounded %s\n",
		 num(w, f->price.u, PRICE_SCALE), sign, num(w, t->costs.slippage_e8, 8),
		 num(w, g->fill.u, PRICE_SCALE), way);
	buf_addf(w->out, "      notional  %s x %s = %s, rounded %s\n",
		 num(w, f->quantity.u, QUANTITY_SCALE), num(w, g->fill.u, PRICE_SCALE),
		 num(w, g->notional.u, MONEY_SCALE), way);
	buf_addf(w->out, "      fee       %s x %s = %s, rounded up\n",
		 num(w, g->notional.u, MONEY_SCALE), num(w, t->costs.fee_e8, 8),
		 num(w, g->fee.u, MONEY_SCALE));
	buf_addf(w->out, "      cash      %s %s %s - %s = %s\n",
		 num(w, o->cash_before.u, MONEY_SCALE), buys ? "-" : "+",
		 num(w, g->notional.u, MONEY_SCALE), num(w, g->fee.u, MONEY_SCALE),
		 num(w, g->cash_after.u, MONEY_SCALE));
	buf_addf(w->out, "      position  %s %s %s = %s\n",
		 num(w, o->held_before.u, QUANTITY_SCALE), sign,
		 num(w, f->quantity.u, QUANTITY_SCALE),
		 num(w, g->position_after.u, QUANTITY_SCALE));
}

static void tell_cost(struct words *w, const struct race_why_order *o)
{
	const struct portfolio_fill *f = &o->t.fill, *g = o->possible ? &o->again : f;

	if (f->side == DECISION_BUY) {
		buf_addf(w->out, "      cost      %s + %s + %s = %s\n",
			 num(w, o->cost_before.u, MONEY_SCALE),
			 num(w, g->notional.u, MONEY_SCALE), num(w, g->fee.u, MONEY_SCALE),
			 num(w, g->cost_after.u, MONEY_SCALE));
		return;
	}
	buf_addf(w->out, "      cost sold %s x %s / %s = %s, rounded down; %s stays\n",
		 num(w, o->cost_before.u, MONEY_SCALE), num(w, f->quantity.u, QUANTITY_SCALE),
		 num(w, o->held_before.u, QUANTITY_SCALE),
		 num(w, o->cost_removed.u, MONEY_SCALE), num(w, g->cost_after.u, MONEY_SCALE));
	buf_addf(w->out, "      realised  %s - %s - %s = %s\n",
		 num(w, g->notional.u, MONEY_SCALE), num(w, g->fee.u, MONEY_SCALE),
		 num(w, o->cost_removed.u, MONEY_SCALE), num(w, g->realised.u, MONEY_SCALE));
}

/* ${whole}: with the arithmetic. */
static void tell_order(struct words *w, const struct race_why_turn *t, size_t index, bool whole)
{
	const struct race_why_order *o = &t->orders[index];
	const struct decision_order *d = &o->o.order;

	buf_addf(w->out, "%s order %zu: %s ", o->asked_about ? "*" : " ", index,
		 decision_side_name(d->side));
	tell_line(w, d->asset);
	if (d->by_notional)
		buf_addf(w->out, " for %s", num(w, d->notional.u, MONEY_SCALE));
	else
		buf_addf(w->out, ", %s units", num(w, d->quantity.u, QUANTITY_SCALE));
	if (d->has_limit)
		buf_addf(w->out, ", limit %s", num(w, d->limit.u, PRICE_SCALE));
	buf_addf(w->out, "; wanted %s, filled %s",
		 num(w, o->o.outcome.wanted.u, QUANTITY_SCALE),
		 num(w, o->o.outcome.quantity.u, QUANTITY_SCALE));
	if (o->rejection > 0)
		buf_addf(w->out, "; rejection %" PRId64, o->rejection);
	buf_adds(w->out, "\n");
	tell_edits(w, o);
	if (!o->traded)
		return;
	buf_addf(w->out, "    trade %" PRId64 ", the agent's %" PRId64 "\n", o->t.id,
		 o->t.fill.seq);
	if (!whole)
		return;
	tell_arithmetic(w, t, o);
	tell_cost(w, o);
}

static const char *end_words(enum verdict_end end)
{
	switch (end) {
	case VERDICT_EXECUTED:
		return "carried out";
	case VERDICT_EXPIRED:
		return "expired, its window for filling was not run or is over,";
	case VERDICT_VOID:
		return "void, since nothing valid was decided,";
	case VERDICT_HALTED:
		break;
	}
	return "stopped by a halt";
}

static void tell_execution(struct words *w, const struct race_why_turn *t)
{
	bool all = true;

	if (!t->carried) {
		buf_addf(w->out, "  not carried out yet: it waits for %s\n",
			 window_id(w, t->v.fill_ms));
		return;
	}
	buf_addf(w->out, "  %s in %s, when the agent was worth %s\n", end_words(t->x.end),
		 window_id(w, t->x.exec_ms), num(w, t->equity.u, MONEY_SCALE));
	for (size_t i = 0; i < t->n_orders; i++)
		all = all && !t->orders[i].asked_about;
	for (size_t i = 0; i < t->n_orders; i++)
		tell_order(w, t, i, all || t->orders[i].asked_about);
	if (t->x.end == VERDICT_EXECUTED && t->n_orders == 0)
		buf_adds(w->out, "  no order: it wanted to hold\n");
	buf_addf(w->out, "  cash %s before, %s after", num(w, t->x.cash_before.u, MONEY_SCALE),
		 num(w, t->x.cash_after.u, MONEY_SCALE));
	if (t->has_pre)
		buf_addf(w->out, "; snapshot pre %s", num(w, t->pre.total.u, MONEY_SCALE));
	if (t->has_post)
		buf_addf(w->out, ", post %s", num(w, t->post.total.u, MONEY_SCALE));
	buf_adds(w->out, "\n");
}

static void tell_decided(struct words *w, const struct race_why_turn *t)
{
	const struct verdict *v = &t->v;

	if (t->number > 0)
		buf_addf(w->out, "decision %" PRId64 ": ", t->number);
	buf_addf(w->out, "%s %s, version %" PRId64 " (%s), in %s: %s",
		 v->manual ? "handed in for" : "answer of", t->agent.name, v->version,
		 roster_kind_name(t->agent.spec.kind), window_id(w, t->window_ms),
		 decision_status_name(v->d.status));
	buf_addf(w->out, ", after %" PRId64 " ms\n", v->latency_ms);
	if (v->d.error != NULL) {
		char *told = guard_tell(v->d.error);

		tell_member(w, "error", told);
		free(told);
	}
	tell_member(w, "reasoning", v->d.reasoning);
	for (size_t i = 0; i < v->d.n_rules; i++)
		tell_member(w, "rule", v->d.rules[i]);
	if (v->d.has_confidence)
		buf_addf(w->out, "  confidence: %s\n", num(w, v->d.confidence_e4, 4));
	buf_addf(w->out, "  hash %s\n", hex(w, &v->hash));
}

static void tell_turn(struct words *w, const struct race_why_turn *t)
{
	if (!t->decided) {
		buf_addf(w->out, "%s in %s: no decision: %s\n", t->agent.name,
			 window_id(w, t->window_ms), t->silent);
		return;
	}
	tell_decided(w, t);
	tell_asked(w, t);
	tell_story(w, t);
	tell_answer(w, t);
	tell_raw(w, &t->v);
	tell_execution(w, t);
}

/* ------------------------------------------------------------------ windows */

static void tell_neighbour(struct words *w, const char *name,
			   const struct race_why_neighbour *n)
{
	if (!n->there) {
		buf_addf(w->out, "%s: no window\n", name);
		return;
	}
	buf_addf(w->out, "%s: %s, %s, started %s, ended %s", name, window_id(w, n->s.window_ms),
		 n->s.state, when(w, n->s.started_ms), when(w, n->s.ended_ms));
	if (n->s.failure != NULL) {
		buf_adds(w->out, ", last failure: ");
		tell_line(w, n->s.failure);
	}
	buf_adds(w->out, "\n");
}

static void tell_seat(struct words *w, const struct race_why_seat *s)
{
	if (s->silent != NULL) {
		buf_addf(w->out, "  %-16s no decision: %s\n", s->agent, s->silent);
		return;
	}
	buf_addf(w->out, "  %-16s %s, %" PRId64 " orders, %" PRId64 " trades, %s", s->agent,
		 decision_status_name(s->status), s->orders, s->trades,
		 s->end != NULL ? s->end : "not carried out yet");
	if (s->error != NULL) {
		char *told = guard_tell(s->error);

		buf_adds(w->out, ": ");
		tell_line(w, told);
		free(told);
	}
	buf_adds(w->out, "\n");
}

static void tell_events(struct words *w, const struct race_why_history *h)
{
	buf_adds(w->out, "journal\n");
	if (h->pruned)
		buf_adds(w->out, "  its history was pruned\n");
	for (size_t i = 0; i < h->n_events; i++) {
		const struct race_why_event *v = &h->events[i];

		buf_addf(w->out, "  %s  %s%s%s", when(w, v->at_ms), v->type,
			 v->stage[0] != '\0' ? " " : "", v->stage);
		if (v->detail[0] != '\0') {
			buf_adds(w->out, ": ");
			tell_line(w, v->detail);
		}
		buf_adds(w->out, "\n");
	}
	if (h->n_events == 0)
		buf_adds(w->out, "  nothing\n");
}

static void tell_history(struct words *w, const struct race_why *y)
{
	const struct race_why_history *h = &y->history;

	buf_addf(w->out, "%s: %s: ", window_id(w, y->window_ms), h->state);
	tell_line(w, h->why);
	buf_adds(w->out, "\n");
	tell_events(w, h);
	if (h->n_seats > 0)
		buf_adds(w->out, "agents\n");
	for (size_t i = 0; i < h->n_seats; i++)
		tell_seat(w, &h->seats[i]);
	tell_neighbour(w, "before", &h->before);
	tell_neighbour(w, "after", &h->after);
	if (h->missed > 0)
		buf_addf(w->out,
			 "between these two %" PRId64 " windows were missed or skipped\n",
			 h->missed);
}

/* ------------------------------------------------------------------ all of it */

/* The answer in a sentence, for a trade and a rejection. */
static void tell_headline(struct words *w, const struct race_why *y)
{
	const struct race_why_turn *t = &y->turns[0];

	for (size_t i = 0; i < t->n_orders; i++) {
		const struct race_why_order *o = &t->orders[i];
		bool buys = o->o.order.side == DECISION_BUY;

		if (!o->asked_about)
			continue;
		buf_addf(w->out, "%s %" PRId64 ": %s ", race_why_subject_name(y->q.subject),
			 y->q.number, t->agent.name);
		if (o->traded)
			buf_addf(w->out, "%s %s ", buys ? "bought" : "sold",
				 num(w, o->t.fill.quantity.u, QUANTITY_SCALE));
		else
			buf_addf(w->out, "may not %s ", buys ? "buy" : "sell");
		tell_line(w, o->o.order.asset);
		if (o->traded)
			buf_addf(w->out, " for %s %s and a fee of %s\n",
				 num(w, o->t.fill.notional.u, MONEY_SCALE), y->quote,
				 num(w, o->t.fill.fee.u, MONEY_SCALE));
		else
			buf_addf(w->out, ": %s\n",
				 o->n_rules > 0 ? risk_reason_name(o->rules[0].reason) : "-");
	}
}

static void tell_verdict(struct words *w, const struct race_why *y)
{
	bool computed = false;

	for (size_t i = 0; i < y->n_turns; i++)
		computed = computed || y->turns[i].decided;
	for (size_t i = 0; i < y->n_problems; i++) {
		buf_adds(w->out, "does not add up: ");
		tell_line(w, y->problems[i]);
		buf_adds(w->out, "\n");
	}
	if (computed && y->n_problems == 0)
		buf_adds(w->out, "everything adds up\n");
}

void race_why_tell(const struct race_why *y, bool context, bool prompt, struct buf *out)
{
	struct words w = { .out = out, .context = context, .prompt = prompt };

	if (y->q.subject == RACE_WHY_TRADE || y->q.subject == RACE_WHY_REJECTION)
		tell_headline(&w, y);
	if (y->has_history)
		tell_history(&w, y);
	for (size_t i = 0; i < y->n_batches; i++)
		tell_batch(&w, y, &y->batches[i]);
	for (size_t i = 0; i < y->n_turns; i++)
		tell_turn(&w, &y->turns[i]);
	tell_verdict(&w, y);
}
