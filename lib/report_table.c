#include "report_part.h"

#include <string.h>

#include "tstamp.h"

#include "banned.h"

/* The top of the page, and the standings. */

/* As of the last window, which is sealed unless it still runs. */
static void add_as_of(const struct report_page *p, struct buf *out)
{
	char id[TSTAMP_WINDOW_ID_MAX], hex[DIGEST_HEX_SIZE];

	if (p->board.first_ms < 0)
		return;
	buf_adds(out, "<p class=\"mute\">");
	report_moment(out, p->from_ms);
	buf_adds(out, " to ");
	report_moment(out, p->until_ms);
	buf_addf(out, " UTC, after <code>%s</code>. ", tstamp_window_id(p->until_ms, id));
	report_count(out, "seals", p->board.seals);
	buf_adds(out, " windows sealed");
	if (p->board.seals > 0) {
		digest_hex(&p->board.head, hex);
		buf_addf(out, ", head <a href=\"#method\"><code>%.16s</code></a>", hex);
	}
	buf_adds(out, ".");
	if (p->sealed_ms != p->until_ms)
		buf_adds(out, " <b>The last window is not sealed yet.</b>");
	buf_adds(out, "</p>\n");
}

/* Nobody shall take made-up prices for a market. */
static void add_simulated(const struct report_page *p, struct buf *out)
{
	bool all = p->board.n_simulated == p->board.n_origins;

	if (p->board.n_simulated == 0)
		return;
	buf_addf(out,
		 "<p class=\"lead sim\"><b>Simulated prices.</b> %s of this race never "
		 "happened in a market; see <a href=\"#prices\">where prices come from"
		 "</a>.</p>\n",
		 all ? "The prices" : "Some prices");
}

void report_head(const struct report_page *p, struct buf *out)
{
	buf_adds(out, "<title>");
	report_headline(p, out);
	if (p->board.n_simulated > 0)
		buf_adds(out, " (simulated prices)");
	buf_adds(out, " \xc2\xb7 trading race</title>\n</head>\n<body>\n<header>\n"
		      "<button id=\"theme\" type=\"button\" hidden>Dark or light</button>\n"
		      "<p class=\"kick\">Trading race</p>\n<h1>");
	report_headline(p, out);
	buf_adds(out, "</h1>\n");
	add_simulated(p, out);
	report_summary(p, out);
	add_as_of(p, out);
	buf_adds(out, "</header>\n");
}

/* ------------------------------------------------------------------ standings */

void report_name(const struct report_row *r, struct buf *out)
{
	buf_addf(out,
		 "<span class=\"who %s\"><svg class=\"dot\" viewBox=\"0 0 18 10\" "
		 "width=\"18\" height=\"10\" aria-hidden=\"true\"><path class=\"ln\" "
		 "d=\"M0 5h18\"/></svg><a href=\"#a-%s\">",
		 r->ink.classes, r->s->agent.name);
	/* a name may only break where it has a joint */
	for (const char *c = r->s->agent.name; *c != '\0'; c++) {
		buf_addc(out, *c);
		if (strchr("-_.", *c) != NULL)
			buf_adds(out, "<wbr>");
	}
	buf_adds(out, "</a></span>");
}

static void add_tags(const struct report_row *r, struct buf *out)
{
	buf_addf(out, " <span class=\"tag\">%s</span>",
		 r->s->agent.baseline ? "baseline" : roster_kind_name(r->s->kind));
	if (race_standing_mute(r->s))
		buf_adds(out, " <span class=\"tag\">no valid turn</span>");
	if (r->s->agent.status != ROSTER_ACTIVE)
		buf_addf(out, " <span class=\"tag\">%s</span>",
			 roster_status_name(r->s->agent.status));
}

void report_against(const struct race_standing *s, struct buf *out)
{
	report_figure(out, "vs_buy_and_hold", s->vs_hold,
		      race_standing_mute(s) ? REPORT_DIFFERENCE : REPORT_CHANGE, 2);
}

static void add_standing(const struct report_page *p, const struct report_row *r,
			 struct buf *out)
{
	const struct metrics *m = &r->s->m;

	buf_addf(out, "<tr data-agent=\"%s\"%s><td>", r->s->agent.name,
		 r->s->agent.baseline ? " class=\"base\"" : "");
	report_count(out, "rank", (int64_t)r->s->rank);
	buf_adds(out, "</td><th scope=\"row\">");
	report_name(r, out);
	add_tags(r, out);
	buf_adds(out, "</th><td class=\"sp\">");
	report_sparkline(p, r, out);
	buf_adds(out, "</td><td class=\"m\">");
	report_money(out, "total", r->s->total.u, 2);
	buf_adds(out, "</td><td class=\"key-col\">");
	report_figure(out, "return", m->total_return, REPORT_CHANGE, 2);
	buf_adds(out, "</td><td>");
	report_against(r->s, out);
	buf_adds(out, "</td><td class=\"m\">");
	report_figure(out, "max_drawdown", m->max_drawdown, REPORT_PERCENT, 2);
	buf_adds(out, "</td><td class=\"m\">");
	report_figure(out, "stats.sharpe", r->s->judged.sharpe, REPORT_NUMBER, 2);
	buf_adds(out, "</td><td class=\"w\">");
	report_count(out, "trades", (int64_t)m->n_trades);
	buf_adds(out, "</td><td class=\"w\">");
	report_money(out, "fees", m->fees.u, 0);
	buf_adds(out, "</td><td class=\"w\">");
	report_money(out, "thinking_usd", r->s->thinking.u, 2);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "win_rate", m->win_rate, REPORT_PERCENT, 0);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "exposure", m->exposure, REPORT_PERCENT, 0);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "reliability", m->reliability, REPORT_PERCENT, 0);
	buf_adds(out, "</td></tr>\n");
}

void report_standings(const struct report_page *p, struct buf *out)
{
	buf_adds(out,
		 "<section id=\"standings\">\n<h2>Standings</h2>\n<p class=\"sub\">Amounts "
		 "in ");
	report_text(out, config_text(&p->last.config, CONFIG_RACE_QUOTE), 16);
	buf_adds(out,
		 ", after fees; thinking is what the answers of models cost, in USD. "
		 "Sharpe is that of daily returns, a year of them; n/a in a race too "
		 "short for it.</p>\n<table class=\"board\">\n<thead><tr>"
		 "<th>#</th><th>Agent</th><th class=\"sp\">Course</th><th class=\"m\">Value"
		 "</th><th>Return</th><th>vs hold</th><th class=\"m\">Max DD</th>"
		 "<th class=\"m\">Sharpe</th><th class=\"w\">Trades</th>"
		 "<th class=\"w\">Fees</th><th class=\"w\">Thinking</th>"
		 "<th class=\"w\">Won</th>"
		 "<th class=\"w\">Invested</th><th class=\"w\">Valid</th>"
		 "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < p->board.n; i++)
		add_standing(p, &p->rows[i], out);
	buf_adds(out, "</tbody></table>\n</section>\n");
}
