#include "report_part.h"

#include <string.h>

#include "banned.h"

/* How the figures came about, and what another copy of the race can be compared by. */

static const struct {
	const char *name, *text;
} formulas[] = {
	{ "Equity", "cash and positions at the prices of a window, after fees: one sample for "
		    "each window of five minutes, after its trades. A window that was not run "
		    "carries the positions and is marked with the next price." },
	{ "Return", "E(n) / E(0) \xe2\x88\x92 1, where E(0) is the starting cash, or what the "
		    "span shown began with." },
	{ "vs hold", "the return minus that of the buy-and-hold baseline, both over the "
		     "windows that both have." },
	{ "Drawdown", "E(t) / max E(s), s \xe2\x89\xa4 t, \xe2\x88\x92 1; the deepest is its "
		      "minimum." },
	{ "Volatility", "standard deviation of the returns of windows, times \xe2\x88\x9a"
			"105192, the windows of a year." },
	{ "Sharpe, daily", "mean / standard deviation of the returns of UTC days, times "
			   "\xe2\x88\x9a"
			   "365; the riskless rate is 0. From 30 days on." },
	{ "Sharpe, 5 minutes", "the same of the returns of windows, times \xe2\x88\x9a"
			       "105192." },
	{ "Sortino", "mean / \xe2\x88\x9a(\xce\xa3 min(r, 0)\xc2\xb2 / n), times \xe2\x88\x9a"
		     "105192; n counts all returns." },
	{ "Return a year, Calmar", "(E(n) / E(0))^(1 / years) \xe2\x88\x92 1, and the same by "
				   "the deepest drawdown. From 90 days on." },
	{ "Won, profit factor", "closed round trips with a net gain, and gains by losses. A "
				"round trip runs from no position to no position." },
	{ "Turnover, invested", "value of all fills by mean equity; mean share of equity in "
				"positions." },
	{ "Reliability", "valid answers by answers due. A late, broken or missing answer is "
			 "none, and is never counted as holding." },
	{ "Intervals", "2.5 and 97.5 percentiles of a circular block bootstrap of the daily "
		       "returns, the same resampled days for all agents." },
	{ "Best of all, beats holding", "shares of those resamples in which the agent has the "
					"highest return, or a higher one than buy-and-hold." },
	{ "p", "two-sided, of the mean difference to buy-and-hold, adjusted by Holm's method "
	       "for the number of agents." },
	{ "Deflated Sharpe", "probability that the true Sharpe ratio exceeds the best that so "
			     "many tries without skill can be expected to show." },
};

static const enum config_key shown[] = {
	CONFIG_RACE_QUOTE,
	CONFIG_RACE_START_CASH,
	CONFIG_DECIDE_EVERY_MIN,
	CONFIG_DECIDE_DEADLINE_S,
	CONFIG_TRADE_FEE_BPS,
	CONFIG_TRADE_SLIPPAGE_BPS,
	CONFIG_TRADE_FILL,
	CONFIG_MARKET_MAX_AGE_S,
	CONFIG_RISK_MODE,
	CONFIG_RISK_MAX_ORDERS,
	CONFIG_RISK_MIN_ORDER,
	CONFIG_RISK_MAX_ORDER_PCT,
	CONFIG_RISK_MAX_POSITION_PCT,
	CONFIG_RISK_CASH_RESERVE_PCT,
	CONFIG_RISK_COOLDOWN_MIN,
	CONFIG_RISK_DAILY_LOSS_PCT,
	CONFIG_RISK_DRAWDOWN_STOP_PCT,
};

static void add_term(const char *name, struct buf *out)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
}

static void add_assets(const struct report_page *p, struct buf *out)
{
	const char *separator = "";

	add_term("assets", out);
	for (size_t i = 0; i < p->last.n_assets; i++)
		if (p->last.assets[i].enabled) {
			buf_addf(out, "%s%s", separator, p->last.assets[i].symbol);
			separator = ", ";
		}
	buf_adds(out, "</dd></div>\n");
}

static void add_settings(const struct report_page *p, struct buf *out)
{
	buf_adds(out, "<h3>Rules of the race</h3>\n<dl class=\"set\">\n");
	add_assets(p, out);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		const struct config_def *d = &config_defs[shown[i]];

		add_term(d->name, out);
		report_text(out, config_text(&p->last.config, shown[i]), 64);
		if (d->unit[0] != '\0' && strcmp(d->unit, "quote") != 0)
			buf_addf(out, " %s", d->unit);
		buf_adds(out, "</dd></div>\n");
	}
	buf_adds(out, "</dl>\n");
}

static void add_formulas(struct buf *out)
{
	buf_adds(out, "<details><summary>Formulas</summary>\n<dl class=\"how\">\n");
	for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++)
		buf_addf(out, "<dt>%s</dt><dd>%s</dd>\n", formulas[i].name, formulas[i].text);
	buf_adds(out, "</dl></details>\n");
}

static void add_hash(const char *name, const struct digest *d, struct buf *out)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	buf_addf(out, "<dt>%s</dt><dd><code>%s</code></dd>\n", name, hex);
}

static void add_hashes(const struct report_page *p, struct buf *out)
{
	buf_adds(out, "<h3>Hashes</h3>\n<p>The books are a chain: the seal of a window is the "
		      "SHA-256 of its prices, decisions, orders, fills and values and of the "
		      "seal before. Whoever has the head below can tell whether a copy of the "
		      "race is this one: <code>tr-audit</code> recomputes it, and "
		      "<code>tr-board --json --stats</code> every figure above.</p>\n"
		      "<dl class=\"how\">\n");
	if (p->board.seals > 0)
		add_hash("head of the seals", &p->board.head, out);
	if (p->board.last_ms >= 0)
		add_hash("settings of the last window", &p->last.pin_hash, out);
	buf_adds(out, "</dl>\n<details><summary>What the agents are made of</summary>\n"
		      "<dl class=\"how\">\n");
	for (size_t i = 0; i < p->board.n; i++)
		add_hash(p->board.rows[i].agent.name, &p->board.rows[i].spec, out);
	buf_adds(out, "</dl></details>\n");
}

/* A rate in percent: a basis point is a hundredth. */
static void add_rate(const struct config *c, enum config_key key, struct buf *out)
{
	char t[DECIMAL_TEXT_MAX];

	buf_addf(out, "%s%%", decimal_format(config_num(c, key), 6, t));
}

static void add_rates(const struct report_page *p, struct buf *out)
{
	const struct config *c = &p->last.config;

	buf_adds(out, " Every figure is after fees of ");
	add_rate(c, CONFIG_TRADE_FEE_BPS, out);
	if (config_num(c, CONFIG_TRADE_SLIPPAGE_BPS) != 0) {
		buf_adds(out, " of the value of a fill and slippage of ");
		add_rate(c, CONFIG_TRADE_SLIPPAGE_BPS, out);
		buf_adds(out, " of its price");
	} else {
		buf_adds(out, " of the value of a fill; slippage is not charged");
	}
	buf_addf(out, "%s. The cost of thinking stands beside the figures.</p>\n",
		 p->rates_changed ? ", rates at the end of a span in which they changed" : "");
}

static void add_source(const char *name, struct buf *out)
{
	const char *slash = strrchr(name, '/');

	if (strcmp(name, "sim") == 0) {
		buf_adds(out, "<b>simulated prices</b>");
	} else if (strncmp(name, "csv:", 4) == 0) {
		/* where a file lies is nobody's business */
		buf_adds(out, "file ");
		report_text(out, slash != NULL ? slash + 1 : name + 4, 128);
	} else if (strchr(name, ':') == NULL) {
		buf_adds(out, "recorded candles: ");
		report_text(out, name, 128);
	} else {
		report_text(out, name, 128);
	}
}

static void add_origins(const struct report_page *p, struct buf *out)
{
	const struct race_origin *o = p->board.origins;

	buf_adds(out, "<h3 id=\"prices\">Where prices come from</h3>\n<dl class=\"set\">\n");
	for (size_t i = 0; i < p->board.n_origins; i++) {
		bool more = i > 0 && strcmp(o[i].symbol, o[i - 1].symbol) == 0;

		if (more)
			buf_adds(out, ", ");
		else
			add_term(o[i].symbol, out);
		add_source(o[i].source, out);
		if (i + 1 == p->board.n_origins || strcmp(o[i].symbol, o[i + 1].symbol) != 0)
			buf_adds(out, "</dd></div>\n");
	}
	buf_adds(out, "</dl>\n");
}

void report_method(const struct report_page *p, struct buf *out)
{
	const struct stats_plan *plan = &p->board.plan;

	buf_adds(out, "<section id=\"method\">\n<h2>Method</h2>\n<p>Paper money, real turns: "
		      "in every window all agents see the same prices and have one turn, and "
		      "fills are priced by the batch that everybody sees.");
	add_rates(p, out);
	buf_addf(out,
		 "<p>Statistics rest on daily returns: %zu resamples of blocks of %zu day%s "
		 "with seed <data data-k=\"stats.seed\" value=\"%llu\">%llu</data>, "
		 "<data data-k=\"stats.tries\" value=\"%zu\">%zu</data> tries, "
		 "<data data-k=\"stats.common_days\" value=\"%lld\">%lld</data> days that all "
		 "have.</p>\n",
		 plan->resamples, plan->block, plan->block == 1 ? "" : "s",
		 (unsigned long long)plan->seed, (unsigned long long)plan->seed, p->board.tries,
		 p->board.tries, (long long)p->board.common_days,
		 (long long)p->board.common_days);
	add_origins(p, out);
	add_settings(p, out);
	add_formulas(out);
	add_hashes(p, out);
	buf_adds(out,
		 "<p class=\"mute\">Made by trading-race " TR_VERSION ".</p>\n</section>\n");
}
