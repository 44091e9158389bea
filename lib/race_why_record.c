#include "race_why.h"

#include <string.h>

#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/* The record tr.why/1: all that was found, in integers and decimals as they are stored. */

static void write_window(struct json_writer *j, const char *key, int64_t window_ms)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	json_write_string(j, key, tstamp_window_id(window_ms, id));
}

static void write_time(struct json_writer *j, const char *key, int64_t ms)
{
	char text[TSTAMP_TEXT_MAX];

	json_write_string(j, key, ms >= 0 ? tstamp_format(ms, text) : NULL);
}

static void write_digest(struct json_writer *j, const struct digest *d)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	json_write_string(j, "sha256", hex);
}

static void write_number(struct json_writer *j, const char *key, int64_t n, int64_t none)
{
	if (n == none)
		json_write_null(j, key);
	else
		json_write_int(j, key, n);
}

static void write_money(struct json_writer *j, const char *key, struct money m)
{
	json_write_decimal(j, key, m.u, MONEY_SCALE);
}

static void write_quantity(struct json_writer *j, const char *key, struct quantity q)
{
	json_write_decimal(j, key, q.u, QUANTITY_SCALE);
}

static void write_price(struct json_writer *j, const char *key, struct price p)
{
	if (p.u == 0)
		json_write_null(j, key);
	else
		json_write_decimal(j, key, p.u, PRICE_SCALE);
}

/* ------------------------------------------------------------------ batches */

static void write_batch(struct json_writer *j, const struct race_why_batch *b)
{
	json_write_object(j, NULL);
	write_window(j, "window", b->window_ms);
	json_write_bool(j, "taken", b->there);
	json_write_array(j, "prices");
	for (size_t i = 0; i < b->n_prices; i++) {
		const struct race_why_price *p = &b->prices[i];

		json_write_object(j, NULL);
		json_write_string(j, "asset", p->symbol);
		write_price(j, "price", p->p.price);
		write_time(j, "time", p->p.price_ms);
		json_write_int(j, "age_s", (b->window_ms - p->p.price_ms) / 1000);
		json_write_string(j, "source", p->source);
		json_write_string(j, "quality", view_quality_name(p->p.quality));
		json_write_string(j, "note", p->p.note[0] != '\0' ? p->p.note : NULL);
		json_write_close(j);
	}
	json_write_close(j);
	json_write_array(j, "feeds");
	for (size_t i = 0; i < b->n_feeds; i++) {
		json_write_object(j, NULL);
		json_write_string(j, "asset", b->feeds[i].symbol);
		json_write_int(j, "priority", b->feeds[i].priority);
		json_write_string(j, "source", b->feeds[i].source);
		json_write_string(j, "outcome", b->feeds[i].outcome);
		json_write_string(j, "detail", b->feeds[i].detail);
		json_write_close(j);
	}
	json_write_close(j);
	if (b->regimes != NULL)
		json_write_raw(j, "regimes", b->regimes, strlen(b->regimes));
	else
		json_write_null(j, "regimes");
	json_write_close(j);
}

/* ------------------------------------------------------------------ decisions */

static void write_decision(struct json_writer *j, const struct race_why_turn *t)
{
	const struct verdict *v = &t->v;

	if (!t->decided) {
		json_write_null(j, "decision");
		return;
	}
	json_write_object(j, "decision");
	write_number(j, "number", t->number, 0);
	json_write_string(j, "status", decision_status_name(v->d.status));
	json_write_string(j, "origin", v->manual ? "manual" : "agent");
	write_window(j, "fill", v->fill_ms);
	wire_write_orders(j, "orders", &v->d);
	json_write_string(j, "reasoning", v->d.reasoning);
	wire_write_rules(j, &v->d);
	if (v->d.has_confidence)
		json_write_decimal(j, "confidence", v->d.confidence_e4, 4);
	else
		json_write_null(j, "confidence");
	json_write_string(j, "error", v->d.error);
	write_digest(j, &v->hash);
	if (v->raw != NULL)
		json_write_stringn(j, "raw", v->raw, v->raw_len);
	else
		json_write_null(j, "raw");
	write_number(j, "raw_bytes", v->raw != NULL ? (int64_t)v->raw_len : -1, -1);
	write_time(j, "at", v->at_ms);
	json_write_int(j, "latency_ms", v->latency_ms);
	json_write_close(j);
}

static void write_text(struct json_writer *j, const char *key, const struct race_why_text *x,
		       bool text)
{
	json_write_object(j, key);
	write_digest(j, &x->hash);
	json_write_string(j, "state", race_why_kept_name(x->kept));
	write_number(j, "bytes", x->text.data != NULL ? (int64_t)x->text.len : -1, -1);
	if (text && x->text.data != NULL)
		json_write_stringn(j, "text", x->text.data, x->text.len);
	else if (text)
		json_write_null(j, "text");
	json_write_close(j);
}

static void write_asked(struct json_writer *j, const struct race_why_turn *t, bool context,
			bool prompt)
{
	const struct race_why_prompt *p = &t->prompt;

	if (t->has_context)
		write_text(j, "context", &t->context, context);
	else
		json_write_null(j, "context");
	if (!t->asked) {
		json_write_null(j, "prompt");
		return;
	}
	json_write_object(j, "prompt");
	write_digest(j, &p->hash);
	json_write_string(j, "state", race_why_kept_name(p->kept));
	if (p->has_parts) {
		write_text(j, "system", &p->system, prompt);
		write_text(j, "shared", &p->head, prompt);
		write_text(j, "own", &p->tail, prompt);
	}
	json_write_close(j);
}

static void write_answer(struct json_writer *j, const struct race_why_turn *t)
{
	const struct race_why_answer *a = &t->answer;

	if (!t->asked) {
		json_write_null(j, "answer");
		return;
	}
	json_write_object(j, "answer");
	json_write_string(j, "provider", a->provider);
	json_write_string(j, "model", a->model);
	json_write_bool(j, "substitute", a->substitute);
	json_write_string(j, "returned", a->returned);
	write_number(j, "input", a->input, -1);
	write_number(j, "cached", a->cached, -1);
	write_number(j, "output", a->output, -1);
	write_number(j, "reasoning", a->reasoning, -1);
	json_write_decimal(j, "cost", a->cost, MONEY_SCALE);
	json_write_close(j);
}

static void write_choices(struct json_writer *j, const struct route_story *s)
{
	json_write_array(j, "choices");
	for (size_t i = 0; i < s->n_choices; i++) {
		json_write_object(j, NULL);
		write_time(j, "at", s->choices[i].at_ms);
		json_write_string(j, "chosen", s->choices[i].chosen);
		json_write_raw(j, "candidates", s->choices[i].candidates,
			       strlen(s->choices[i].candidates));
		json_write_close(j);
	}
	json_write_close(j);
}

static void write_attempts(struct json_writer *j, const struct race_why_turn *t)
{
	json_write_array(j, "attempts");
	for (size_t i = 0; i < t->n_tokens; i++) {
		const struct route_attempt *a = &t->story.attempts[i];
		const struct race_why_tokens *k = &t->tokens[i];

		json_write_object(j, NULL);
		json_write_int(j, "choice", (int64_t)a->choice);
		json_write_string(j, "candidate", a->candidate);
		json_write_string(j, "service", k->service);
		json_write_int(j, "attempt", a->attempt);
		write_time(j, "at", a->at_ms);
		json_write_string(j, "class", a->class);
		write_number(j, "status", a->over ? a->status : -1, -1);
		json_write_bool(j, "lost", a->lost);
		write_number(j, "latency_ms", a->over ? a->latency_ms : -1, -1);
		write_number(j, "input", k->input, -1);
		write_number(j, "output", k->output, -1);
		json_write_decimal(j, "reserved", k->reserved, MONEY_SCALE);
		json_write_decimal(j, "cost", a->cost, MONEY_SCALE);
		json_write_string(j, "error", a->error);
		json_write_close(j);
	}
	json_write_close(j);
}

/* ------------------------------------------------------------------ executions */

static void write_rules(struct json_writer *j, const struct race_why_order *o)
{
	json_write_array(j, "edits");
	for (size_t i = 0; i < o->n_rules; i++) {
		json_write_object(j, NULL);
		json_write_string(j, "rule", risk_reason_name(o->rules[i].reason));
		json_write_string(j, "setting", o->rules[i].setting);
		json_write_string(j, "value", o->rules[i].value);
		json_write_string(j, "detail", o->rules[i].detail);
		json_write_close(j);
	}
	json_write_close(j);
}

static void write_trade(struct json_writer *j, const struct race_why_turn *t,
			const struct race_why_order *o)
{
	const struct portfolio_fill *f = &o->t.fill;

	if (!o->traded) {
		json_write_null(j, "trade");
		return;
	}
	json_write_object(j, "trade");
	json_write_int(j, "number", o->t.id);
	json_write_int(j, "seq", f->seq);
	write_window(j, "batch", o->t.fill_ms);
	write_quantity(j, "quantity", f->quantity);
	write_price(j, "price", f->price);
	json_write_decimal(j, "slippage", t->costs.slippage_e8, 8);
	write_price(j, "fill_price", f->fill);
	write_money(j, "notional", f->notional);
	json_write_decimal(j, "fee_rate", t->costs.fee_e8, 8);
	write_money(j, "fee", f->fee);
	write_money(j, "cost_removed", o->cost_removed);
	write_money(j, "realised", f->realised);
	write_money(j, "cash_before", o->cash_before);
	write_money(j, "cash_after", f->cash_after);
	write_quantity(j, "position_before", o->held_before);
	write_quantity(j, "position_after", f->position_after);
	write_money(j, "cost_before", o->cost_before);
	write_money(j, "cost_after", f->cost_after);
	json_write_close(j);
}

static void write_order(struct json_writer *j, const struct race_why_turn *t, size_t index)
{
	const struct race_why_order *o = &t->orders[index];
	const struct decision_order *d = &o->o.order;

	json_write_object(j, NULL);
	json_write_int(j, "order", (int64_t)index);
	json_write_bool(j, "asked_about", o->asked_about);
	json_write_string(j, "asset", d->asset);
	json_write_string(j, "side", decision_side_name(d->side));
	if (d->by_notional)
		write_money(j, "notional", d->notional);
	else
		write_quantity(j, "quantity", d->quantity);
	if (d->has_limit)
		json_write_decimal(j, "limit_price", d->limit.u, PRICE_SCALE);
	json_write_string(j, "action", risk_action_name(o->o.outcome.action));
	write_number(j, "rejection", o->rejection, 0);
	write_price(j, "price", o->price);
	write_price(j, "fill_price", o->fill);
	write_quantity(j, "wanted", o->o.outcome.wanted);
	write_quantity(j, "filled", o->o.outcome.quantity);
	write_rules(j, o);
	write_trade(j, t, o);
	json_write_close(j);
}

static void write_worth(struct json_writer *j, const char *key, bool there,
			const struct ledger_snapshot *s)
{
	if (there)
		write_money(j, key, s->total);
	else
		json_write_null(j, key);
}

static void write_execution(struct json_writer *j, const struct race_why_turn *t)
{
	if (!t->carried) {
		json_write_null(j, "execution");
		return;
	}
	json_write_object(j, "execution");
	write_window(j, "window", t->x.exec_ms);
	json_write_string(j, "status", verdict_end_name(t->x.end));
	write_money(j, "equity", t->equity);
	json_write_array(j, "orders");
	for (size_t i = 0; i < t->n_orders; i++)
		write_order(j, t, i);
	json_write_close(j);
	write_money(j, "cash_before", t->x.cash_before);
	write_money(j, "cash_after", t->x.cash_after);
	write_worth(j, "total_pre", t->has_pre, &t->pre);
	write_worth(j, "total_post", t->has_post, &t->post);
	json_write_close(j);
}

static void write_turn(struct json_writer *j, const struct race_why_turn *t, bool context,
		       bool prompt)
{
	json_write_object(j, NULL);
	json_write_string(j, "agent", t->agent.name);
	json_write_string(j, "kind", roster_kind_name(t->agent.spec.kind));
	json_write_int(j, "version", t->agent.version);
	write_digest(j, &t->agent.hash);
	json_write_bool(j, "baseline", t->baseline);
	write_window(j, "window", t->window_ms);
	json_write_string(j, "silent", t->silent);
	write_decision(j, t);
	write_asked(j, t, context, prompt);
	write_answer(j, t);
	write_choices(j, &t->story);
	write_attempts(j, t);
	write_execution(j, t);
	json_write_close(j);
}

/* ------------------------------------------------------------------ windows */

static void write_neighbour(struct json_writer *j, const char *key,
			    const struct race_why_neighbour *n)
{
	if (!n->there) {
		json_write_null(j, key);
		return;
	}
	json_write_object(j, key);
	write_window(j, "window", n->s.window_ms);
	json_write_string(j, "state", n->s.state);
	write_time(j, "started", n->s.started_ms);
	write_time(j, "ended", n->s.ended_ms);
	json_write_string(j, "failure", n->s.failure);
	json_write_close(j);
}

static void write_seat(struct json_writer *j, const struct race_why_seat *s)
{
	json_write_object(j, NULL);
	json_write_string(j, "agent", s->agent);
	json_write_string(j, "silent", s->silent);
	json_write_string(j, "status",
			  s->silent == NULL ? decision_status_name(s->status) : NULL);
	json_write_string(j, "error", s->error);
	json_write_string(j, "execution", s->end);
	json_write_int(j, "orders", s->orders);
	json_write_int(j, "trades", s->trades);
	json_write_close(j);
}

static void write_event(struct json_writer *j, const struct race_why_event *v)
{
	json_write_object(j, NULL);
	json_write_int(j, "seq", v->seq);
	write_time(j, "at", v->at_ms);
	json_write_string(j, "type", v->type);
	json_write_string(j, "stage", v->stage[0] != '\0' ? v->stage : NULL);
	json_write_string(j, "detail", v->detail);
	json_write_close(j);
}

static void write_history(struct json_writer *j, const struct race_why_history *h)
{
	json_write_object(j, "history");
	json_write_string(j, "state", h->state);
	json_write_string(j, "why", h->why);
	write_time(j, "started", h->begun ? h->s.started_ms : -1);
	write_time(j, "ended", h->begun ? h->s.ended_ms : -1);
	write_number(j, "attempts", h->begun ? h->s.attempts : -1, -1);
	json_write_bool(j, "sealed", h->sealed);
	json_write_bool(j, "pruned", h->pruned);
	json_write_array(j, "events");
	for (size_t i = 0; i < h->n_events; i++)
		write_event(j, &h->events[i]);
	json_write_close(j);
	json_write_array(j, "agents");
	for (size_t i = 0; i < h->n_seats; i++)
		write_seat(j, &h->seats[i]);
	json_write_close(j);
	write_neighbour(j, "before", &h->before);
	write_neighbour(j, "after", &h->after);
	json_write_int(j, "missed_between", h->missed);
	json_write_close(j);
}

/* ------------------------------------------------------------------ all of it */

static void write_subject(struct json_writer *j, const struct race_why *y)
{
	bool numbered = y->q.subject == RACE_WHY_TRADE || y->q.subject == RACE_WHY_DECISION ||
			y->q.subject == RACE_WHY_REJECTION;

	json_write_string(j, "subject", race_why_subject_name(y->q.subject));
	write_number(j, "number", numbered ? y->q.number : -1, -1);
	json_write_string(j, "agent", y->q.agent);
	json_write_string(j, "asset", y->q.asset);
	json_write_string(j, "quote", y->quote);
}

void race_why_record(const struct race_why *y, bool context, bool prompt, struct buf *out)
{
	struct json_writer j;

	wire_open(&j, out, "tr.why/1", y->window_ms);
	write_subject(&j, y);
	json_write_array(&j, "batches");
	for (size_t i = 0; i < y->n_batches; i++)
		write_batch(&j, &y->batches[i]);
	json_write_close(&j);
	json_write_array(&j, "turns");
	for (size_t i = 0; i < y->n_turns; i++)
		write_turn(&j, &y->turns[i], context, prompt);
	json_write_close(&j);
	if (y->has_history)
		write_history(&j, &y->history);
	else
		json_write_null(&j, "history");
	json_write_bool(&j, "adds_up", y->n_problems == 0);
	json_write_array(&j, "problems");
	for (size_t i = 0; i < y->n_problems; i++)
		json_write_string(&j, NULL, y->problems[i]);
	json_write_close(&j);
	json_write_close(&j);
	json_write_end(&j);
}
