#include "report_part.h"

#include <math.h>
#include <string.h>

#include "banned.h"

/* Skill or luck: intervals of the bootstrap on common scales, and what they allow to say. */

#define SURE 0.05

enum scale_of { SCALE_RETURN, SCALE_SHARPE };

struct scale {
	double low, high;
};

static struct stats_interval interval_of(const struct race_judgement *j, enum scale_of which)
{
	return which == SCALE_RETURN ? j->total_return : j->sharpe_range;
}

static struct scale find_scale(const struct report_page *p, enum scale_of which)
{
	struct scale s = { 0, 0 };
	double room;

	for (size_t i = 0; i < p->board.n; i++) {
		struct stats_interval v = interval_of(&p->board.rows[i].judged, which);

		if (v.low.defined && v.high.defined) {
			s.low = fmin(s.low, v.low.v);
			s.high = fmax(s.high, v.high.v);
		}
	}
	room = fmax((s.high - s.low) * 0.03, which == SCALE_RETURN ? 0.01 : 0.5);
	return (struct scale){ s.low - room, s.high + room };
}

static double place(const struct scale *s, double v)
{
	return (v - s->low) / (s->high - s->low) * 100;
}

static void add_ruler(const struct scale *s, enum scale_of which, struct buf *out)
{
	double first, step;
	size_t n = report_ticks(s->low, s->high, 5, &first, &step);
	int digits = report_tick_digits(which == SCALE_RETURN ? step * 100 : step);

	buf_adds(out, "<svg class=\"iv\" height=\"14\" aria-hidden=\"true\">");
	for (size_t i = 0; i < n; i++) {
		double v = first + step * (double)i, x = place(s, v);

		/* names of ticks at the edge would stick out */
		if (x < 6 || x > 94)
			continue;
		buf_addf(out, "<text x=\"%.1f%%\" y=\"11\">", x);
		if (which == SCALE_RETURN)
			report_percent(out, v, digits, true);
		else
			report_number(out, v, digits);
		buf_adds(out, "</text>");
	}
	buf_adds(out, "</svg>");
}

static void add_interval(const struct scale *s, struct stats_interval v,
			 struct metrics_value seen, struct buf *out)
{
	buf_addf(out,
		 "<svg class=\"iv\" height=\"22\" aria-hidden=\"true\"><line class=\"zero\" "
		 "x1=\"%.2f%%\" x2=\"%.2f%%\" y2=\"22\"/>",
		 place(s, 0), place(s, 0));
	if (v.low.defined && v.high.defined)
		buf_addf(out,
			 "<line class=\"ln\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"11\" "
			 "y2=\"11\"/>",
			 place(s, v.low.v), place(s, v.high.v));
	if (seen.defined && seen.v >= s->low && seen.v <= s->high)
		buf_addf(out, "<circle cx=\"%.2f%%\" cy=\"11\" r=\"4\"/>", place(s, seen.v));
	buf_adds(out, "</svg>");
}

static void add_range(const char *key, struct stats_interval v, enum report_form form,
		      int digits, struct buf *out)
{
	struct buf low = BUF_INIT, high = BUF_INIT;

	buf_addf(&low, "%s.0", key);
	buf_addf(&high, "%s.1", key);
	buf_adds(out, "<span class=\"rg\">");
	if (v.low.defined && v.high.defined) {
		report_figure(out, buf_str(&low), v.low, form, digits);
		buf_adds(out, " to ");
		report_figure(out, buf_str(&high), v.high, form, digits);
	} else {
		report_figure(out, buf_str(&low), v.low, form, digits);
	}
	buf_adds(out, "</span>");
	buf_release(&low);
	buf_release(&high);
}

static const char *verdict_on(const struct race_standing *s)
{
	if (s->agent.baseline)
		return "baseline";
	if (race_standing_mute(s))
		return "no valid turn";
	if (s->m.n_trades == 0)
		return "never traded";
	if (!s->judged.p.defined)
		return "nothing to compare with";
	if (s->judged.p.v >= SURE)
		return "could be luck";
	return s->vs_hold.v > 0 ? "better than holding" : "worse than holding";
}

static void add_row(const struct report_row *r, const struct scale *returns,
		    const struct scale *sharpes, struct buf *out)
{
	const struct race_judgement *j = &r->s->judged;

	buf_addf(out, "<tr data-agent=\"%s\" class=\"%s\"><th scope=\"row\">", r->s->agent.name,
		 r->ink.classes);
	report_name(r, out);
	if (j->too_early) {
		buf_adds(out, "</th><td colspan=\"7\" class=\"early\">too early to tell: ");
		report_count(out, "stats.days", j->days);
		buf_addf(out, " of %d days</td></tr>\n", STATS_MIN_DAYS);
		return;
	}
	buf_adds(out, "</th><td class=\"i\">");
	add_interval(returns, j->total_return, r->s->m.total_return, out);
	add_range("stats.return_interval", j->total_return, REPORT_CHANGE, 1, out);
	buf_adds(out, "</td><td class=\"i m\">");
	add_interval(sharpes, j->sharpe_range, j->sharpe, out);
	add_range("stats.sharpe_interval", j->sharpe_range, REPORT_NUMBER, 1, out);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "stats.p_best", j->best, REPORT_PERCENT, 1);
	buf_adds(out, "</td><td class=\"m\">");
	report_figure(out, "stats.p_beats_hold", j->beats_hold, REPORT_PERCENT, 1);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "stats.dsr", j->dsr, REPORT_PERCENT, 1);
	buf_adds(out, "</td><td class=\"w\">");
	report_figure(out, "stats.p_value", j->p, REPORT_NUMBER, 3);
	buf_addf(out, "</td><td class=\"v\">%s</td></tr>\n", verdict_on(r->s));
}

static void add_table(const struct report_page *p, struct buf *out)
{
	struct scale returns = find_scale(p, SCALE_RETURN),
		     sharpes = find_scale(p, SCALE_SHARPE);

	buf_adds(out,
		 "<table class=\"luck\">\n<thead><tr><th>Agent</th><th class=\"i\">Return, "
		 "95% interval");
	add_ruler(&returns, SCALE_RETURN, out);
	buf_adds(out, "</th><th class=\"i m\">Sharpe, 95% interval");
	add_ruler(&sharpes, SCALE_SHARPE, out);
	buf_adds(out, "</th><th class=\"w\">Best of all</th><th class=\"m\">Beats holding</th>"
		      "<th class=\"w\">Deflated Sharpe</th><th class=\"w\">p</th>"
		      "<th class=\"v\">In words</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < p->board.n; i++)
		if (p->rows[i].s->n_curve > 0)
			add_row(&p->rows[i], &returns, &sharpes, out);
	buf_adds(out, "</tbody></table>\n");
}

static void add_too_early(const struct report_page *p, struct buf *out)
{
	int64_t most = 0;

	for (size_t i = 0; i < p->board.n; i++)
		if (p->board.rows[i].judged.days > most)
			most = p->board.rows[i].judged.days;
	buf_addf(
		out,
		"<p class=\"note\"><b>Too early to tell.</b> %lld of the %d days that it takes "
		"at least have been observed. After %d days a yearly Sharpe ratio is still "
		"uncertain by 3.5 either way; to see that a true one is 1, 2 or 3 takes about "
		"989, 248 or 111 days. Until then the order of the agents says little.</p>\n"
		"<progress max=\"%d\" value=\"%lld\">%lld days</progress>\n",
		(long long)most, STATS_MIN_DAYS, STATS_MIN_DAYS, STATS_MIN_DAYS,
		(long long)most, (long long)most);
}

static void add_replicas(const struct report_page *p, const struct race_replicas *g,
			 struct buf *out)
{
	buf_adds(out, "<p class=\"note\"><b>The floor of noise.</b> ");
	for (size_t k = 0; k < g->n; k++)
		buf_addf(out, "%s%s",
			 k == 0		? ""
			 : k + 1 < g->n ? ", "
					: " and ",
			 p->board.rows[g->rows[k]].agent.name);
	buf_adds(out, " are made of the same. Their returns lie from ");
	report_percent(out, g->low, 2, true);
	buf_adds(out, " to ");
	report_percent(out, g->high, 2, true);
	buf_adds(out, ", with a standard deviation of ");
	report_number(out, g->sd * 100, 2);
	buf_adds(out, " points: by luck alone.</p>\n");
}

void report_luck(const struct report_page *p, struct buf *out)
{
	bool early = true;

	if (p->board.first_ms < 0)
		return;
	for (size_t i = 0; i < p->board.n; i++)
		early = early && p->board.rows[i].judged.too_early;
	buf_adds(out, "<section id=\"luck\">\n<h2>Skill or luck?</h2>\n");
	if (early) {
		add_too_early(p, out);
	} else {
		buf_addf(out,
			 "<p class=\"sub\">Where the figures would lie, had the same days come "
			 "in another mix: %zu draws, the same days for all. The dot is what "
			 "happened. An interval that holds zero, or what holding earned, is no "
			 "proof of anything.</p>\n",
			 p->board.plan.resamples);
		add_table(p, out);
	}
	for (size_t i = 0; i < p->board.n_replicas; i++)
		add_replicas(p, &p->board.replicas[i], out);
	buf_adds(out, "</section>\n");
}
