/*
 * tr-why explains a trade, a decision, a rejection, what an agent did in a window, or a window,
 * also one that nobody ran: the prices with their source and age, what the agent was shown and
 * asked, who answered and what, what the rules made of it, the arithmetic of every fill, and
 * cash and position before and after. All of it is computed once more by the functions that
 * computed it then; what does not come to the same is said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ident.h"
#include "race_why.h"
#include "tstamp.h"

#include "banned.h"

#define RAW_SHOWN 4096 /* bytes of an answer that a person is shown */

static bool context, prompt, json;

static const struct cli_opt options[] = {
	{ 'c', "context", CLI_FLAG, &context, NULL, "print what the agent was shown, too" },
	{ 'p', "prompt", CLI_FLAG, &prompt, NULL, "print what the model was asked, too" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "trade", "N", "the fill of that number" },
	{ "decision", "N", "the N-th decision that was carried out" },
	{ "rejection", "N", "the N-th order that was dropped" },
	{ "window", "[WINDOW]", "a window, also one that was missed or skipped" },
	{ "agent", "AGENT [WINDOW] [ASSET]",
	  "what an agent did in a window; the default, without this word" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-why", "explain a trade, a decision or a window", NULL,
				      options, commands };

/* ------------------------------------------------------------------ values */

#define TEXTS 8

/* A value as text, good until seven more were asked for. */
static const char *num(int64_t v, int scale)
{
	static char texts[TEXTS][DECIMAL_TEXT_MAX];
	static int at;

	at = (at + 1) % TEXTS;
	return decimal_format(v, scale, texts[at]);
}

static const char *window_id(int64_t ms)
{
	static char texts[TEXTS][TSTAMP_WINDOW_ID_MAX];
	static int at;

	at = (at + 1) % TEXTS;
	return tstamp_window_id(ms, texts[at]);
}

static const char *when(int64_t ms)
{
	static char texts[TEXTS][TSTAMP_TEXT_MAX];
	static int at;

	at = (at + 1) % TEXTS;
	return ms >= 0 ? tstamp_format(ms, texts[at]) : "-";
}

static const char *hex(const struct digest *d)
{
	static char text[DIGEST_HEX_SIZE];

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
static void print_foreign(const char *s, size_t len, const char *indent)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = harmless(s + i, len - i);
		if (indent != NULL && (i == 0 || s[i - 1] == '\n'))
			cli_outf("%s", indent);
		if (n > 0)
			cli_out(s + i, n);
		else if (s[i] == '\n' || s[i] == '\t')
			cli_outf("%c", s[i] == '\n' && indent != NULL ? '\n' : ' ');
		else
			cli_outf("\\x%02x", (unsigned char)s[i]);
		n += n == 0;
	}
	if (indent != NULL && len > 0 && s[len - 1] != '\n')
		cli_outf("\n");
}

static void print_line(const char *s)
{
	print_foreign(s, strlen(s), NULL);
}

/* "  reasoning: because\n", and nothing for NULL. */
static void print_member(const char *name, const char *s)
{
	if (s == NULL)
		return;
	cli_outf("  %s: ", name);
	print_line(s);
	cli_outf("\n");
}

/* ------------------------------------------------------------------ prices */

static void print_price(int64_t window_ms, const struct race_why_price *p)
{
	cli_outf("  %-8s %s, %s, ", p->symbol, num(p->p.price.u, PRICE_SCALE),
		 view_quality_name(p->p.quality));
	cli_outf("%" PRId64 " s old, of %s, from ", (window_ms - p->p.price_ms) / 1000,
		 when(p->p.price_ms));
	print_line(p->source);
	if (p->p.note[0] != '\0') {
		cli_outf(": ");
		print_line(p->p.note);
	}
	cli_outf("\n");
}

static void print_feed(const struct race_why_feed *f)
{
	cli_outf("  %-8s feed %" PRId64 ", ", f->symbol, f->priority);
	print_line(f->source);
	cli_outf(": %s%s", f->outcome, f->detail[0] != '\0' ? ": " : "");
	print_line(f->detail);
	cli_outf("\n");
}

static void print_batch(const struct race_why *y, const struct race_why_batch *b)
{
	if (!b->there) {
		cli_outf("no prices were taken in %s\n", window_id(b->window_ms));
	} else {
		cli_outf("prices of %s\n", window_id(b->window_ms));
		for (size_t i = 0; i < b->n_prices; i++)
			print_price(b->window_ms, &b->prices[i]);
		if (b->n_prices == 0)
			cli_outf("  none%s%s\n", y->only[0] != '\0' ? " of " : "", y->only);
	}
	for (size_t i = 0; i < b->n_feeds; i++)
		print_feed(&b->feeds[i]);
	print_member("regimes", b->regimes);
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

static void print_text(const char *name, const struct race_why_text *x, bool whole)
{
	cli_outf("  %s %s", name, hex(&x->hash));
	if (x->text.data != NULL)
		cli_outf(", %zu bytes", x->text.len);
	cli_outf(", %s\n", state_words(x->kept));
	if (whole && x->text.data != NULL)
		print_foreign(x->text.data, x->text.len, "    | ");
}

static void print_asked(const struct race_why_turn *t)
{
	const struct race_why_prompt *p = &t->prompt;

	if (t->has_context)
		print_text("context", &t->context, context);
	else if (t->decided)
		cli_outf("  context: none was shown\n");
	if (!t->asked)
		return;
	cli_outf("  prompt %s, %s\n", hex(&p->hash),
		 p->has_parts ? state_words(p->kept) : "the context");
	if (!p->has_parts)
		return;
	print_text("prompt, system part", &p->system, prompt);
	print_text("prompt, shared part", &p->head, prompt);
	print_text("prompt, own part", &p->tail, prompt);
}

static void print_tokens(int64_t input, int64_t output)
{
	if (input >= 0)
		cli_outf(", %" PRId64 " tokens in", input);
	if (output >= 0)
		cli_outf(", %" PRId64 " out", output);
}

static void print_attempt(const struct route_attempt *a, const struct race_why_tokens *k)
{
	cli_outf("  attempt %" PRId64 " of %s at %s: ", a->attempt, a->candidate,
		 when(a->at_ms));
	if (!a->over) {
		cli_outf("under way, or its process died; %s USD reserved\n",
			 num(k->reserved, MONEY_SCALE));
		return;
	}
	print_line(a->class);
	if (a->status != 0)
		cli_outf(", HTTP %" PRId64, a->status);
	cli_outf(", %" PRId64 " ms", a->latency_ms);
	print_tokens(k->input, k->output);
	cli_outf(", %s USD of %s reserved%s", num(a->cost, MONEY_SCALE),
		 num(k->reserved, MONEY_SCALE), a->lost ? ", answer lost" : "");
	if (a->error != NULL) {
		cli_outf(": ");
		print_line(a->error);
	}
	cli_outf("\n");
}

static void print_story(const struct race_why_turn *t)
{
	const struct route_story *s = &t->story;

	for (size_t i = 0; i < s->n_choices; i++)
		cli_outf("  chosen first: %s\n",
			 s->choices[i].chosen[0] != '\0' ? s->choices[i].chosen : "nobody");
	for (size_t i = 0; i < t->n_tokens; i++)
		print_attempt(&s->attempts[i], &t->tokens[i]);
}

static void print_answer(const struct race_why_turn *t)
{
	const struct race_why_answer *a = &t->answer;

	if (!t->asked)
		return;
	cli_outf("  answer of %s%s%s", a->provider, a->model[0] != '\0' ? "/" : "", a->model);
	if (a->returned != NULL) {
		cli_outf(", which says it is ");
		print_line(a->returned);
	} else {
		cli_outf(", which did not say what answered");
	}
	print_tokens(a->input, a->output);
	cli_outf(", %s USD%s\n", num(a->cost, MONEY_SCALE),
		 a->substitute ? ", another model than the agent's first" : "");
}

static void print_raw(const struct verdict *v)
{
	size_t n = v->raw_len < RAW_SHOWN ? v->raw_len : RAW_SHOWN;

	if (v->raw == NULL) {
		cli_outf("  raw answer: none is stored\n");
		return;
	}
	cli_outf("  raw answer, %zu bytes\n", v->raw_len);
	print_foreign(v->raw, n, "    | ");
	if (n < v->raw_len)
		cli_outf("    and %zu more bytes, see --json\n", v->raw_len - n);
}

/* ------------------------------------------------------------------ what became of it */

static void print_edits(const struct race_why_order *o)
{
	for (size_t i = 0; i < o->n_rules; i++) {
		const struct race_why_rule *r = &o->rules[i];

		cli_outf("    %s by %s",
			 o->o.outcome.action == RISK_CLIP ? "clipped" : "dropped",
			 risk_reason_name(r->reason));
		if (r->setting != NULL)
			cli_outf(", %s %s", r->setting, r->value);
		cli_outf("%s%s\n", r->detail[0] != '\0' ? ": " : "", r->detail);
	}
}

/* Each line can be computed again from those above it. */
static void print_arithmetic(const struct race_why_turn *t, const struct race_why_order *o)
{
	const struct portfolio_fill *f = &o->t.fill, *g = o->possible ? &o->again : f;
	bool buys = f->side == DECISION_BUY;
	const char *sign = buys ? "+" : "-", *way = buys ? "up" : "down";

	cli_outf("      price     %s, of the batch %s\n", num(f->price.u, PRICE_SCALE),
		 window_id(o->t.fill_ms));
	cli_outf("      fill      %s x (1 %s %s) = %s, rounded %s\n",
		 num(f->price.u, PRICE_SCALE), sign, num(t->costs.slippage_e8, 8),
		 num(g->fill.u, PRICE_SCALE), way);
	cli_outf("      notional  %s x %s = %s, rounded %s\n",
		 num(f->quantity.u, QUANTITY_SCALE), num(g->fill.u, PRICE_SCALE),
		 num(g->notional.u, MONEY_SCALE), way);
	cli_outf("      fee       %s x %s = %s, rounded up\n", num(g->notional.u, MONEY_SCALE),
		 num(t->costs.fee_e8, 8), num(g->fee.u, MONEY_SCALE));
	cli_outf("      cash      %s %s %s - %s = %s\n", num(o->cash_before.u, MONEY_SCALE),
		 buys ? "-" : "+", num(g->notional.u, MONEY_SCALE), num(g->fee.u, MONEY_SCALE),
		 num(g->cash_after.u, MONEY_SCALE));
	cli_outf("      position  %s %s %s = %s\n", num(o->held_before.u, QUANTITY_SCALE), sign,
		 num(f->quantity.u, QUANTITY_SCALE), num(g->position_after.u, QUANTITY_SCALE));
}

static void print_cost(const struct race_why_order *o)
{
	const struct portfolio_fill *f = &o->t.fill, *g = o->possible ? &o->again : f;

	if (f->side == DECISION_BUY) {
		cli_outf("      cost      %s + %s + %s = %s\n",
			 num(o->cost_before.u, MONEY_SCALE), num(g->notional.u, MONEY_SCALE),
			 num(g->fee.u, MONEY_SCALE), num(g->cost_after.u, MONEY_SCALE));
		return;
	}
	cli_outf("      cost sold %s x %s / %s = %s, rounded down; %s stays\n",
		 num(o->cost_before.u, MONEY_SCALE), num(f->quantity.u, QUANTITY_SCALE),
		 num(o->held_before.u, QUANTITY_SCALE), num(o->cost_removed.u, MONEY_SCALE),
		 num(g->cost_after.u, MONEY_SCALE));
	cli_outf("      realised  %s - %s - %s = %s\n", num(g->notional.u, MONEY_SCALE),
		 num(g->fee.u, MONEY_SCALE), num(o->cost_removed.u, MONEY_SCALE),
		 num(g->realised.u, MONEY_SCALE));
}

/* ${whole}: with the arithmetic. */
static void print_order(const struct race_why_turn *t, size_t index, bool whole)
{
	const struct race_why_order *o = &t->orders[index];
	const struct decision_order *d = &o->o.order;

	cli_outf("%s order %zu: %s ", o->asked_about ? "*" : " ", index,
		 decision_side_name(d->side));
	print_line(d->asset);
	if (d->by_notional)
		cli_outf(" for %s", num(d->notional.u, MONEY_SCALE));
	else
		cli_outf(", %s units", num(d->quantity.u, QUANTITY_SCALE));
	if (d->has_limit)
		cli_outf(", limit %s", num(d->limit.u, PRICE_SCALE));
	cli_outf("; wanted %s, filled %s", num(o->o.outcome.wanted.u, QUANTITY_SCALE),
		 num(o->o.outcome.quantity.u, QUANTITY_SCALE));
	if (o->rejection > 0)
		cli_outf("; rejection %" PRId64, o->rejection);
	cli_outf("\n");
	print_edits(o);
	if (!o->traded)
		return;
	cli_outf("    trade %" PRId64 ", the agent's %" PRId64 "\n", o->t.id, o->t.fill.seq);
	if (!whole)
		return;
	print_arithmetic(t, o);
	print_cost(o);
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

static void print_execution(const struct race_why_turn *t)
{
	bool all = true;

	if (!t->carried) {
		cli_outf("  not carried out yet: it waits for %s\n", window_id(t->v.fill_ms));
		return;
	}
	cli_outf("  %s in %s, when the agent was worth %s\n", end_words(t->x.end),
		 window_id(t->x.exec_ms), num(t->equity.u, MONEY_SCALE));
	for (size_t i = 0; i < t->n_orders; i++)
		all = all && !t->orders[i].asked_about;
	for (size_t i = 0; i < t->n_orders; i++)
		print_order(t, i, all || t->orders[i].asked_about);
	if (t->x.end == VERDICT_EXECUTED && t->n_orders == 0)
		cli_outf("  no order: it wanted to hold\n");
	cli_outf("  cash %s before, %s after", num(t->x.cash_before.u, MONEY_SCALE),
		 num(t->x.cash_after.u, MONEY_SCALE));
	if (t->has_pre)
		cli_outf("; snapshot pre %s", num(t->pre.total.u, MONEY_SCALE));
	if (t->has_post)
		cli_outf(", post %s", num(t->post.total.u, MONEY_SCALE));
	cli_outf("\n");
}

static void print_decided(const struct race_why_turn *t)
{
	const struct verdict *v = &t->v;

	if (t->number > 0)
		cli_outf("decision %" PRId64 ": ", t->number);
	cli_outf("%s %s, version %" PRId64 " (%s), in %s: %s",
		 v->manual ? "handed in for" : "answer of", t->agent.name, v->version,
		 roster_kind_name(t->agent.spec.kind), window_id(t->window_ms),
		 decision_status_name(v->d.status));
	cli_outf(", after %" PRId64 " ms\n", v->latency_ms);
	print_member("error", v->d.error);
	print_member("reasoning", v->d.reasoning);
	for (size_t i = 0; i < v->d.n_rules; i++)
		print_member("rule", v->d.rules[i]);
	if (v->d.has_confidence)
		cli_outf("  confidence: %s\n", num(v->d.confidence_e4, 4));
	cli_outf("  hash %s\n", hex(&v->hash));
}

static void print_turn(const struct race_why_turn *t)
{
	if (!t->decided) {
		cli_outf("%s in %s: no decision: %s\n", t->agent.name, window_id(t->window_ms),
			 t->silent);
		return;
	}
	print_decided(t);
	print_asked(t);
	print_story(t);
	print_answer(t);
	print_raw(&t->v);
	print_execution(t);
}

/* ------------------------------------------------------------------ windows */

static void print_neighbour(const char *name, const struct race_why_neighbour *n)
{
	if (!n->there) {
		cli_outf("%s: no window\n", name);
		return;
	}
	cli_outf("%s: %s, %s, started %s, ended %s", name, window_id(n->s.window_ms),
		 n->s.state, when(n->s.started_ms), when(n->s.ended_ms));
	if (n->s.failure != NULL) {
		cli_outf(", last failure: ");
		print_line(n->s.failure);
	}
	cli_outf("\n");
}

static void print_seat(const struct race_why_seat *s)
{
	if (s->silent != NULL) {
		cli_outf("  %-16s no decision: %s\n", s->agent, s->silent);
		return;
	}
	cli_outf("  %-16s %s, %" PRId64 " orders, %" PRId64 " trades, %s", s->agent,
		 decision_status_name(s->status), s->orders, s->trades,
		 s->end != NULL ? s->end : "not carried out yet");
	if (s->error != NULL) {
		cli_outf(": ");
		print_line(s->error);
	}
	cli_outf("\n");
}

static void print_events(const struct race_why_history *h)
{
	cli_outf("journal\n");
	if (h->pruned)
		cli_outf("  its history was pruned\n");
	for (size_t i = 0; i < h->n_events; i++) {
		const struct race_why_event *v = &h->events[i];

		cli_outf("  %s  %s%s%s", when(v->at_ms), v->type,
			 v->stage[0] != '\0' ? " " : "", v->stage);
		if (v->detail[0] != '\0') {
			cli_outf(": ");
			print_line(v->detail);
		}
		cli_outf("\n");
	}
	if (h->n_events == 0)
		cli_outf("  nothing\n");
}

static void print_history(const struct race_why *y)
{
	const struct race_why_history *h = &y->history;

	cli_outf("%s: %s: ", window_id(y->window_ms), h->state);
	print_line(h->why);
	cli_outf("\n");
	print_events(h);
	if (h->n_seats > 0)
		cli_outf("agents\n");
	for (size_t i = 0; i < h->n_seats; i++)
		print_seat(&h->seats[i]);
	print_neighbour("before", &h->before);
	print_neighbour("after", &h->after);
	if (h->missed > 0)
		cli_outf("between these two %" PRId64 " windows were missed or skipped\n",
			 h->missed);
}

/* ------------------------------------------------------------------ all of it */

/* The answer in a sentence, for a trade and a rejection. */
static void print_headline(const struct race_why *y)
{
	const struct race_why_turn *t = &y->turns[0];

	for (size_t i = 0; i < t->n_orders; i++) {
		const struct race_why_order *o = &t->orders[i];
		bool buys = o->o.order.side == DECISION_BUY;

		if (!o->asked_about)
			continue;
		cli_outf("%s %" PRId64 ": %s ", race_why_subject_name(y->q.subject),
			 y->q.number, t->agent.name);
		if (o->traded)
			cli_outf("%s %s ", buys ? "bought" : "sold",
				 num(o->t.fill.quantity.u, QUANTITY_SCALE));
		else
			cli_outf("may not %s ", buys ? "buy" : "sell");
		print_line(o->o.order.asset);
		if (o->traded)
			cli_outf(" for %s %s and a fee of %s\n",
				 num(o->t.fill.notional.u, MONEY_SCALE), y->quote,
				 num(o->t.fill.fee.u, MONEY_SCALE));
		else
			cli_outf(": %s\n",
				 o->n_rules > 0 ? risk_reason_name(o->rules[0].reason) : "-");
	}
}

static void print_verdict(const struct race_why *y)
{
	bool computed = false;

	for (size_t i = 0; i < y->n_turns; i++)
		computed = computed || y->turns[i].decided;
	for (size_t i = 0; i < y->n_problems; i++) {
		cli_outf("does not add up: ");
		print_line(y->problems[i]);
		cli_outf("\n");
	}
	if (computed && y->n_problems == 0)
		cli_outf("everything adds up\n");
}

static void print_all(const struct race_why *y)
{
	if (y->q.subject == RACE_WHY_TRADE || y->q.subject == RACE_WHY_REJECTION)
		print_headline(y);
	if (y->has_history)
		print_history(y);
	for (size_t i = 0; i < y->n_batches; i++)
		print_batch(y, &y->batches[i]);
	for (size_t i = 0; i < y->n_turns; i++)
		print_turn(&y->turns[i]);
	print_verdict(y);
}

static int explain(struct db *db, const struct race_why_query *q, struct err *e)
{
	struct buf out = BUF_INIT;
	struct race_why y;
	int r = race_why_load(db, q, &y, e);

	if (r == 0 && json) {
		race_why_record(&y, context, prompt, &out);
		cli_out(buf_str(&out), out.len);
	} else if (r == 0) {
		print_all(&y);
	}
	if (r == 0 && y.n_problems > 0)
		r = ERR_NEGATIVE;
	race_why_release(&y);
	buf_release(&out);
	return r;
}

/* ------------------------------------------------------------------ operands */

/* A window may be -N, which has to stand after "--". */
#define OPERANDS_MAX 4

static size_t take_operands(const struct cli_args *args, const char *all[OPERANDS_MAX])
{
	size_t n = 0;

	if (args->n + args->n_rest > OPERANDS_MAX)
		cli_usage("too many operands");
	for (size_t i = 0; i < args->n; i++)
		all[n++] = args->operands[i];
	for (size_t i = 0; i < args->n_rest; i++)
		all[n++] = args->rest[i];
	return n;
}

static int64_t parse_number(const char *what, const char *text)
{
	struct err e = { 0 };
	int64_t n;

	if (decimal_parse(text, strlen(text), 0, &n, &e) != 0 || n < 1)
		cli_usage("%s \"%.40s\": a number from 1 is expected", what, text);
	return n;
}

static void parse_numbered(struct race_why_query *q, const char *const *all, size_t n)
{
	if (n != 2)
		cli_usage("%s: one number is expected", all[0]);
	q->number = parse_number(all[0], all[1]);
}

static void parse_agent(struct race_why_query *q, const char *const *all, size_t n)
{
	if (n < 1 || n > 3)
		cli_usage("an agent, a window and an asset are expected");
	q->subject = RACE_WHY_AGENT;
	q->agent = all[0];
	q->window = n > 1 ? all[1] : "latest";
	q->asset = n > 2 ? all[2] : NULL;
}

static void parse_query(const struct cli_args *args, struct race_why_query *q)
{
	const char *all[OPERANDS_MAX];
	size_t n = take_operands(args, all);

	if (n == 0)
		cli_usage("what is to be explained?");
	q->subject = RACE_WHY_TRADE;
	while (q->subject < RACE_WHY_WINDOW &&
	       strcmp(all[0], race_why_subject_name(q->subject)) != 0)
		q->subject++;
	if (strcmp(all[0], race_why_subject_name(q->subject)) != 0)
		parse_agent(q, all, n);
	else if (q->subject == RACE_WHY_AGENT)
		parse_agent(q, all + 1, n - 1);
	else if (q->subject != RACE_WHY_WINDOW)
		parse_numbered(q, all, n);
	else if (n > 2)
		cli_usage("window: one window is expected");
	else
		q->window = n > 1 ? all[1] : "latest";
}

int main(int argc, char **argv)
{
	struct race_why_query q = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	parse_query(&args, &q);
	db = db_open(cli_common.database, &e);
	if (db != NULL)
		r = explain(db, &q, &e);
	db_close(db);
	return cli_end(r >= 0 ? r : cli_fail(&e));
}
