#include "report_part.h"

#include <stdlib.h>
#include <string.h>

#include "tstamp.h"

#include "banned.h"

/* A card for every agent. */

#define PROMPT_MAX 4000 /* bytes of an agent's words */
#define NAME_MAX_BYTES 200

/* ------------------------------------------------------------------ what it is */

static void add_rule(const struct roster_spec *s, struct buf *out)
{
	buf_addf(out, "<code>%s", s->strategy->name);
	for (size_t i = 0; i < s->strategy->n_params; i++)
		buf_addf(out, " %s=%lld", s->strategy->params[i].name, (long long)s->params[i]);
	buf_adds(out, "</code>");
}

/* The name of a program without the way to it, and with ${all} also what it is called with. */
static void add_program(const struct roster_spec *s, bool all, struct buf *out)
{
	const char *slash = s->n_argv > 0 ? strrchr(s->argv[0], '/') : NULL;

	buf_adds(out, "<code>");
	if (s->n_argv > 0)
		report_text(out, slash != NULL ? slash + 1 : s->argv[0], NAME_MAX_BYTES);
	for (size_t i = 1; i < s->n_argv && all; i++) {
		buf_addc(out, ' ');
		slash = s->is_file[i] ? strrchr(s->argv[i], '/') : NULL;
		report_text(out, slash != NULL ? slash + 1 : s->argv[i], NAME_MAX_BYTES);
	}
	buf_adds(out, "</code>");
	if (s->network)
		buf_adds(out, ", with the network");
	if (s->unconfined)
		buf_adds(out, ", unconfined");
}

static void add_models(const struct roster_spec *s, struct buf *out)
{
	for (size_t i = 0; i < s->llm.n_candidates; i++) {
		buf_adds(out, i == 0 ? "<code>" : ", else <code>");
		report_text(out, s->llm.candidates[i], NAME_MAX_BYTES);
		buf_adds(out, "</code>");
	}
}

static void add_make(const struct report_row *r, struct buf *out)
{
	const struct roster_spec *s = &r->card.made.spec;
	char hex[DIGEST_HEX_SIZE];

	buf_addf(out, "<p class=\"mute\">%s, version %lld",
		 r->s->agent.baseline ? "baseline" : roster_kind_name(s->kind),
		 (long long)r->s->agent.version);
	if (r->card.publish != ROSTER_PUBLISH_NONE) {
		buf_adds(out, ": ");
		if (s->kind == ROSTER_RULE)
			add_rule(s, out);
		else if (s->kind == ROSTER_EXEC)
			add_program(s, r->card.publish == ROSTER_PUBLISH_ALL, out);
		else if (s->kind == ROSTER_LLM)
			add_models(s, out);
		else
			buf_adds(out, s->kind == ROSTER_ML ? "a service" : "a person");
	}
	digest_hex(&r->s->spec, hex);
	buf_addf(out, " \xc2\xb7 made of <code>%.16s</code>", hex);
	if (race_standing_mute(r->s))
		buf_adds(out,
			 " \xc2\xb7 <b>no valid turn</b>: its value is no work of its own");
	if (r->s->agent.status != ROSTER_ACTIVE)
		buf_addf(out, " \xc2\xb7 %s", roster_status_name(r->s->agent.status));
	buf_adds(out, "</p>\n");
	if (r->card.publish == ROSTER_PUBLISH_ALL && s->llm.prompt != NULL) {
		buf_adds(out,
			 "<details><summary>Its instructions</summary><p class=\"words\">");
		report_text(out, s->llm.prompt, PROMPT_MAX);
		buf_adds(out, "</p></details>\n");
	}
}

/* ------------------------------------------------------------------ figures */

static void add_term(const char *name, struct buf *out)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
}

static void end_term(struct buf *out)
{
	buf_adds(out, "</dd></div>\n");
}

static void add_figure(const char *name, const char *key, struct metrics_value v,
		       enum report_form form, int digits, struct buf *out)
{
	add_term(name, out);
	report_figure(out, key, v, form, digits);
	end_term(out);
}

static void add_money(const char *name, const char *key, int64_t v, struct buf *out)
{
	add_term(name, out);
	report_money(out, key, v, 2);
	end_term(out);
}

static void add_results(const struct race_standing *s, struct buf *out)
{
	const struct metrics *m = &s->m;

	add_money("Value", "total", s->total.u, out);
	add_figure("Return", "return", m->total_return, REPORT_CHANGE, 2, out);
	add_term("Against buy-and-hold", out);
	report_against(s, out);
	end_term(out);
	add_figure("Deepest drawdown", "max_drawdown", m->max_drawdown, REPORT_PERCENT, 2, out);
	add_figure("Return a year", "cagr", m->cagr, REPORT_CHANGE, 2, out);
	add_figure("Volatility", "volatility", m->volatility, REPORT_PERCENT, 1, out);
	add_figure("Sharpe, daily", "stats.sharpe", s->judged.sharpe, REPORT_NUMBER, 2, out);
	add_figure("Sharpe, 5 minutes", "sharpe", m->sharpe, REPORT_NUMBER, 2, out);
	add_figure("Sortino", "sortino", m->sortino, REPORT_NUMBER, 2, out);
	add_figure("Calmar", "calmar", m->calmar, REPORT_NUMBER, 2, out);
	add_figure("Beta to holding", "stats.beta", s->judged.beta, REPORT_NUMBER, 2, out);
	add_figure("Alpha a year", "stats.alpha", s->judged.alpha, REPORT_CHANGE, 1, out);
}

static void add_trading(const struct race_standing *s, struct buf *out)
{
	const struct metrics *m = &s->m;

	add_term("Trades", out);
	report_count(out, "trades", (int64_t)m->n_trades);
	end_term(out);
	add_money("Fees", "fees", m->fees.u, out);
	add_figure("Fees, of the start cash", "fees_ratio", m->fees_ratio, REPORT_PERCENT, 2,
		   out);
	add_term("Round trips", out);
	report_count(out, "round_trips", (int64_t)m->round_trips);
	buf_adds(out, ", and ");
	report_count(out, "open_trips", (int64_t)m->open_trips);
	buf_adds(out, " open");
	end_term(out);
	add_figure("Won", "win_rate", m->win_rate, REPORT_PERCENT, 0, out);
	add_figure("Profit factor", "profit_factor", m->profit_factor, REPORT_NUMBER, 2, out);
	add_figure("Turnover", "turnover", m->turnover, REPORT_NUMBER, 2, out);
	add_figure("Invested", "exposure", m->exposure, REPORT_PERCENT, 0, out);
	add_term("Fills", out);
	buf_addf(out, "<data data-k=\"fill\" value=\"%s\">%s</data>", s->fill,
		 strcmp(s->fill, "batch") == 0	? "same window"
		 : strcmp(s->fill, "next") == 0 ? "next window"
						: "mixed");
	end_term(out);
}

/* ------------------------------------------------------------------ reliability and cost */

static void add_reliability(const struct race_standing *s, struct buf *out)
{
	add_term("Valid turns", out);
	report_count(out, "valid", s->valid);
	buf_adds(out, " of ");
	report_count(out, "turns", s->turns);
	end_term(out);
	add_figure("Reliability", "reliability", s->m.reliability, REPORT_PERCENT, 1, out);
	for (int i = 0; i < DECISION_STATUSES; i++) {
		const char *name = decision_status_name((enum decision_status)i);
		struct buf key = BUF_INIT;

		if (i == DECISION_OK || i == DECISION_HOLD || s->causes[i] == 0)
			continue;
		buf_addf(&key, "causes.%s", name);
		add_term(name, out);
		report_count(out, buf_str(&key), s->causes[i]);
		end_term(out);
		buf_release(&key);
	}
}

static void add_seconds(const char *name, int64_t ms, struct buf *out)
{
	add_term(name, out);
	if (ms < 1000)
		buf_addf(out, "%lld ms", (long long)ms);
	else
		buf_addf(out, "%.1f s", (double)ms / 1000);
	end_term(out);
}

static void add_cost(const struct report_row *r, struct buf *out)
{
	const struct report_card *c = &r->card;

	if (c->n_latency > 0) {
		add_seconds("Answers in, median", c->latency_median_ms, out);
		add_seconds("95% of them in", c->latency_p95_ms, out);
		add_seconds("Slowest", c->latency_max_ms, out);
	}
	add_term("Thinking, USD", out);
	report_money(out, "thinking_usd", r->s->thinking.u, 4);
	end_term(out);
	add_figure("Return after thinking", "net_return", r->s->m.net_return, REPORT_CHANGE, 2,
		   out);
	if (c->answers == 0)
		return;
	add_term("Answers of models", out);
	report_amount(out, c->answers, 0, 0);
	if (c->substitutes > 0) {
		buf_adds(out, ", by another model ");
		report_amount(out, c->substitutes, 0, 0);
	}
	end_term(out);
	add_term("Tokens in, out", out);
	report_amount(out, c->tokens_in, 0, 0);
	buf_adds(out, ", ");
	report_amount(out, c->tokens_out, 0, 0);
	end_term(out);
}

/* ------------------------------------------------------------------ positions */

static void add_share(int64_t part, int64_t whole, struct buf *out)
{
	report_percent(out, whole > 0 ? (double)part / (double)whole : 0, 1, false);
}

static void add_position(const struct report_row *r, const struct report_position *p,
			 struct buf *out)
{
	double gain = p->cost.u > 0 ? (double)p->value.u / (double)p->cost.u - 1 : 0;

	buf_addf(out, "<tr><th scope=\"row\">%s</th><td class=\"m\">", p->symbol);
	report_amount(out, p->quantity.u, QUANTITY_SCALE, QUANTITY_SCALE);
	buf_adds(out, "</td><td>");
	report_amount(out, p->value.u, MONEY_SCALE, 2);
	buf_adds(out, "</td><td>");
	add_share(p->value.u, r->s->total.u, out);
	buf_adds(out, "</td><td>");
	if (p->priced)
		report_percent(out, gain, 2, true);
	else
		buf_adds(out, "no price: at its cost");
	buf_adds(out, "</td></tr>\n");
}

static void add_positions(const struct report_row *r, struct buf *out)
{
	const struct report_card *c = &r->card;

	buf_adds(out, "<table class=\"tab\"><thead><tr><th>Holds</th><th class=\"m\">Units</th>"
		      "<th>Value</th><th>Share</th><th>Gain</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < c->n_positions; i++)
		add_position(r, &c->positions[i], out);
	buf_adds(out, "<tr><th scope=\"row\">cash</th><td class=\"m\"></td><td>");
	report_amount(out, c->cash.u, MONEY_SCALE, 2);
	buf_adds(out, "</td><td>");
	add_share(c->cash.u, r->s->total.u, out);
	buf_adds(out, "</td><td></td></tr></tbody></table>\n");
}

/* ------------------------------------------------------------------ a card */

static void add_list(const char *name, struct buf *out)
{
	buf_addf(out, "<div><h4>%s</h4><dl>\n", name);
}

static void add_pictures(const struct report_page *p, const struct report_row *r,
			 struct buf *out)
{
	buf_addf(out, "<div class=\"pics\"><div><h4>Change by %s</h4>",
		 p->daily ? "day" : "hour");
	report_heat(p, r, out);
	buf_addf(out, "</div><div><h4>%s by size</h4>", p->daily ? "Days" : "Hours");
	report_histogram(p, r, out);
	buf_adds(out, "</div></div>\n");
}

static void add_card(const struct report_page *p, const struct report_row *r, struct buf *out)
{
	buf_addf(out, "<article id=\"a-%s\" data-agent=\"%s\" class=\"%s\">\n<h3>",
		 r->s->agent.name, r->s->agent.name, r->ink.classes);
	report_name(r, out);
	buf_adds(out, "</h3>\n");
	add_make(r, out);
	buf_adds(out, "<div class=\"cols\">\n");
	add_list("Result", out);
	add_results(r->s, out);
	buf_adds(out, "</dl></div>\n");
	add_list("Trading", out);
	add_trading(r->s, out);
	buf_adds(out, "</dl></div>\n");
	add_list("Reliability and cost", out);
	add_reliability(r->s, out);
	add_cost(r, out);
	buf_adds(out, "</dl></div>\n");
	add_pictures(p, r, out);
	buf_adds(out, "</div>\n");
	buf_adds(out, "<div class=\"two\">\n<div>");
	add_positions(r, out);
	report_trades(r, out);
	buf_adds(out, "</div>\n<div>");
	report_decisions(r, out);
	buf_adds(out, "</div>\n</div>\n</article>\n");
}

void report_cards(const struct report_page *p, struct buf *out)
{
	buf_adds(out, "<section id=\"agents\">\n<h2>The agents</h2>\n<p class=\"sub\">");
	if (p->board.first_ms >= 0) {
		buf_addf(out, "Change by %s: ", p->daily ? "UTC day" : "hour");
		report_heat_key(p, out);
		buf_adds(out, " and more. ");
	}
	buf_adds(out,
		 "What an agent says is quoted as far as its operator publishes it; the word "
		 "behind an order is what its market was like then.</p>\n");
	for (size_t i = 0; i < p->board.n; i++)
		add_card(p, &p->rows[i], out);
	buf_adds(out, "</section>\n");
}
