/*
 * tr-board prints the leaderboard: return, against buy-and-hold, drawdown, Sharpe with its
 * interval, trades, fees, cost of thinking and return after it, win rate, exposure and
 * reliability of every agent, after fees, at the last snapshot; on demand with statistics that
 * tell skill from luck, for a span of time, as of any moment, by version, with the spread of
 * replicas, and again and again. Values that are not defined, or that a race this short cannot
 * show, are n/a and never 0. Baselines, paused and retired agents are marked and stay.
 * Text fits the terminal: columns that have no room are left out.
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "cli_table.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

#define WATCH_S 5
#define WATCH_MAX_S 86400

static bool json, csv, stats, versions, replicas, watch;
static int64_t from_ms = -1, to_ms = -1, at_ms = -1, seed = 1;

static const struct cli_opt options[] = {
	{ 's', "stats", CLI_FLAG, &stats, NULL, "tell skill from luck, as far as can be" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "windows from this time on ..." },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "... and before this time" },
	{ 0, "at", CLI_TIME, &at_ms, "TIME", "as it was in the window of this time" },
	{ 0, "versions", CLI_FLAG, &versions, NULL, "a row for each version of an agent" },
	{ 0, "replicas", CLI_FLAG, &replicas, NULL, "the spread of agents of equal make" },
	{ 0, "seed", CLI_INT, &seed, "N", "of the random numbers of --stats (1)" },
	{ 'w', "watch", CLI_FLAG, &watch, NULL, "print again every SECONDS (5), until q" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	{ 'c', "csv", CLI_FLAG, &csv, NULL, "print CSV" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-board", "print the leaderboard", "[SECONDS]", options,
				      NULL };

static void print_json(const struct race_board *b)
{
	struct buf out = BUF_INIT;

	race_board_record(b, replicas, &out);
	cli_out(buf_str(&out), out.len);
	buf_release(&out);
}

/* A ratio as text with ${digits} after the point, times ${unit}; empty or n/a if undefined. */
static const char *ratio(struct metrics_value v, double unit, int digits, const char *none,
			 char out[32])
{
	if (!v.defined)
		return none;
	snprintf(out, 32, "%.*f", digits, v.v * unit);
	/* no minus before a zero */
	if (strspn(out, "-0.") == strlen(out) && out[0] == '-')
		memmove(out, out + 1, strlen(out));
	return out;
}

static void csv_ratio(struct metrics_value v)
{
	char t[32];

	cli_outf(",%s", ratio(v, 1, 10, "", t));
}

static void csv_stats(const struct race_judgement *j)
{
	const struct metrics_value columns[] = { j->sharpe,
						 j->sharpe_range.low,
						 j->sharpe_range.high,
						 j->sharpe_error,
						 j->psr,
						 j->dsr,
						 j->total_return.low,
						 j->total_return.high,
						 j->max_drawdown.low,
						 j->max_drawdown.high,
						 j->beats_hold,
						 j->best,
						 j->p,
						 j->beta,
						 j->alpha };

	cli_outf(",%lld", (long long)j->days);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		csv_ratio(columns[i]);
}

static void csv_row(const struct race_standing *s)
{
	char t[8][32], total[DECIMAL_TEXT_MAX], fees[DECIMAL_TEXT_MAX];

	cli_outf("%zu,%s,%s,%s,%s,%s,%s,%s,%s,%s,%zu,%s,%s,%s,%lld,%lld", s->rank,
		 s->agent.name, roster_kind_name(s->kind), s->agent.baseline ? "yes" : "no",
		 roster_status_name(s->agent.status),
		 decimal_format(s->total.u, MONEY_SCALE, total),
		 ratio(s->m.total_return, 1, 10, "", t[0]), ratio(s->vs_hold, 1, 10, "", t[1]),
		 ratio(s->m.max_drawdown, 1, 10, "", t[2]), ratio(s->m.sharpe, 1, 10, "", t[3]),
		 s->m.n_trades, decimal_format(s->m.fees.u, MONEY_SCALE, fees),
		 ratio(s->m.win_rate, 1, 10, "", t[4]), ratio(s->m.exposure, 1, 10, "", t[5]),
		 (long long)s->turns, (long long)s->valid);
	cli_outf(",%lld,%s,%s", (long long)s->agent.version, s->fill,
		 decimal_format(s->thinking.u, MONEY_SCALE, total));
	csv_ratio(s->m.net_return);
	csv_ratio(s->m.reliability);
	csv_ratio(s->m.sharpe_error);
	if (stats)
		csv_stats(&s->judged);
	cli_outf("\n");
}

static void print_csv(const struct race_board *b)
{
	cli_outf("rank,agent,kind,baseline,status,total,return,vs_buy_and_hold,max_drawdown,"
		 "sharpe,trades,"
		 "fees,win_rate,exposure,turns,valid,version,fill,thinking_usd,net_return,"
		 "reliability,sharpe_error%s\n",
		 stats ? ",days,daily_sharpe,sharpe_low,sharpe_high,daily_sharpe_error,psr,dsr,"
			 "return_low,return_high,max_drawdown_low,max_drawdown_high,"
			 "p_beats_hold,p_best,p_value,beta,alpha"
		       : "");
	for (size_t i = 0; i < b->n; i++)
		csv_row(&b->rows[i]);
}

/* ------------------------------------------------------------------ terminal */

#define SPARK_WIDTH 16
/* Names are cut to the first at worst, to the second before other columns are left out. */
#define NAME_LEAST 8
#define NAME_MOST 24
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* What a board of ${width} columns, 0 for any, does not show. */
struct shown {
	size_t width, left_out, needs;
};

/* The curve as eight levels of blocks, its last point per column; only where the locale can. */
static void sparkline(const struct race_standing *s, char *out)
{
	static const char *const level[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int64_t low = INT64_MAX, high = INT64_MIN;
	size_t n = s->n_curve < SPARK_WIDTH ? s->n_curve : SPARK_WIDTH;

	for (size_t i = 0; i < s->n_curve; i++) {
		low = s->curve[i] < low ? s->curve[i] : low;
		high = s->curve[i] > high ? s->curve[i] : high;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t v = s->curve[(i + 1) * s->n_curve / n - 1];
		int k = high > low ? (int)((double)(v - low) / (double)(high - low) * 7.999)
				   : 3;

		memcpy(out, level[k], 4);
		out += strlen(level[k]);
	}
}

/* What is to be known of a row before its figures are believed. */
static const char *mark(const struct race_standing *s, char out[64])
{
	const char *what = s->agent.baseline	   ? "baseline"
			   : race_standing_mute(s) ? "no valid turn"
						   : "";
	const char *status = s->agent.status == ROSTER_RETIRED	? "retired"
			     : s->agent.status == ROSTER_PAUSED ? "paused"
								: "";

	snprintf(out, 64, "%s%s%s", what, *what != '\0' && *status != '\0' ? ", " : "", status);
	return out;
}

/* A version has the name of its agent and its number. */
static const char *label(const struct race_standing *s, char out[IDENT_AGENT_MAX + 24])
{
	if (versions)
		snprintf(out, IDENT_AGENT_MAX + 24, "%s@%lld", s->agent.name,
			 (long long)s->agent.version);
	else
		snprintf(out, IDENT_AGENT_MAX + 24, "%s", s->agent.name);
	return out;
}

static const char *colour_of(const struct race_standing *s)
{
	if (!cli_colour() || !s->m.total_return.defined || fabs(s->m.total_return.v) < 0.00005)
		return NULL;
	return s->m.total_return.v > 0 ? "\033[32m" : "\033[31m";
}

static void add_ratio(struct cli_table *t, struct metrics_value v, double unit, int digits)
{
	char text[32];

	cli_table_add(t, "%s", ratio(v, unit, digits, "n/a", text));
}

static void add_money(struct cli_table *t, struct money m)
{
	char text[DECIMAL_TEXT_MAX];

	cli_table_add(t, "%s", decimal_format_fixed(m.u, MONEY_SCALE, 2, text));
}

/* What every agent is worth, has paid and has done. */
static const struct cli_column main_columns[] = {
	{ "#", 0, 3, 0, 0, 0, false },
	{ "agent", 2, 16, 12, NAME_LEAST, NAME_MOST, true },
	{ "total", 1, 13, 16, 0, 0, false },
	{ "return%", 1, 8, 15, 0, 0, false },
	{ "vs hold", 1, 8, 10, 0, 0, false },
	{ "maxdd%", 1, 8, 14, 0, 0, false },
	{ "sharpe", 1, 7, 13, 0, 0, false },
	{ "+/-", 1, 6, 8, 0, 0, false },
	{ "trades", 1, 6, 9, 0, 0, false },
	{ "fees", 1, 9, 6, 0, 0, false },
	{ "thinking", 1, 9, 4, 0, 0, false },
	{ "net%", 1, 8, 7, 0, 0, false },
	{ "win%", 1, 5, 3, 0, 0, false },
	{ "expo%", 1, 5, 2, 0, 0, false },
	{ "valid%", 1, 6, 5, 0, 0, false },
	{ "", 2, SPARK_WIDTH, 1, 0, 0, true },
	{ "", 2, 0, 11, 0, 0, true },
};

static void add_row(struct cli_table *t, const struct race_standing *s, bool spark)
{
	char curve[SPARK_WIDTH * 4 + 1] = "", name[IDENT_AGENT_MAX + 24], text[64];

	if (spark)
		sparkline(s, curve);
	cli_table_add(t, "%zu", s->rank);
	cli_table_add(t, "%s", label(s, name));
	add_money(t, s->total);
	add_ratio(t, s->m.total_return, 100, 2);
	cli_table_paint(t, colour_of(s));
	add_ratio(t, s->vs_hold, 100, 2);
	add_ratio(t, s->m.max_drawdown, 100, 2);
	add_ratio(t, s->m.sharpe, 1, 2);
	/* half the width of the interval that holds the true ratio in 95 of 100 cases */
	add_ratio(t, s->m.sharpe_error, 1.959963984540054, 2);
	cli_table_add(t, "%zu", s->m.n_trades);
	add_money(t, s->m.fees);
	add_money(t, s->thinking);
	add_ratio(t, s->m.net_return, 100, 2);
	add_ratio(t, s->m.win_rate, 100, 0);
	add_ratio(t, s->m.exposure, 100, 0);
	add_ratio(t, s->m.reliability, 100, 0);
	cli_table_add(t, "%s", curve);
	cli_table_add(t, "%s", mark(s, text));
}

static void print_standings(const struct race_board *b, struct shown *shown)
{
	struct cli_table *t = cli_table_new(main_columns, COUNT(main_columns));
	/* block characters are for eyes, not for files */
	bool spark = isatty(1) && cli_utf8();

	for (size_t i = 0; i < b->n; i++)
		add_row(t, &b->rows[i], spark);
	shown->left_out += cli_table_print(t, shown->width, &shown->needs);
	cli_table_free(t);
}

/* "[low, high]" of ${width} each, or n/a. */
static const char *range(struct stats_interval v, double unit, int width, char out[80])
{
	char low[32], high[32];

	snprintf(out, 80, "[%*s,%*s]", width, ratio(v.low, unit, 2, "n/a", low), width,
		 ratio(v.high, unit, 2, "n/a", high));
	return out;
}

/* What of it is skill. */
static const struct cli_column stats_columns[] = {
	{ "#", 0, 3, 0, 0, 0, false },
	{ "agent", 2, 16, 11, NAME_LEAST, NAME_MOST, true },
	{ "days", 1, 5, 12, 0, 0, false },
	{ "sharpe", 1, 6, 13, 0, 0, false },
	{ "[95 %]", 1, 15, 10, 0, 0, true },
	{ "return% [95 %]", 1, 19, 4, 0, 0, true },
	{ "maxdd% [95 %]", 1, 17, 3, 0, 0, true },
	{ "psr%", 1, 6, 6, 0, 0, false },
	{ "dsr%", 1, 6, 8, 0, 0, false },
	{ "best%", 1, 6, 5, 0, 0, false },
	{ "beats%", 1, 6, 9, 0, 0, false },
	{ "p", 1, 6, 7, 0, 0, false },
	{ "beta", 1, 6, 2, 0, 0, false },
	{ "fill", 1, 6, 1, 0, 0, false },
};

static void add_judgement(struct cli_table *t, const struct race_judgement *j)
{
	char text[80];

	if (j->too_early) {
		/* from the Sharpe ratio to beta */
		cli_table_span(t, 10, "too early to tell");
		return;
	}
	add_ratio(t, j->sharpe, 1, 2);
	cli_table_add(t, "%s", range(j->sharpe_range, 1, 6, text));
	cli_table_add(t, "%s", range(j->total_return, 100, 8, text));
	cli_table_add(t, "%s", range(j->max_drawdown, 100, 7, text));
	add_ratio(t, j->psr, 100, 1);
	add_ratio(t, j->dsr, 100, 1);
	add_ratio(t, j->best, 100, 1);
	add_ratio(t, j->beats_hold, 100, 1);
	add_ratio(t, j->p, 1, 3);
	add_ratio(t, j->beta, 1, 2);
}

static void print_stats(const struct race_board *b, struct shown *shown)
{
	struct cli_table *t = cli_table_new(stats_columns, COUNT(stats_columns));
	char name[IDENT_AGENT_MAX + 24];

	for (size_t i = 0; i < b->n; i++) {
		const struct race_standing *s = &b->rows[i];

		cli_table_add(t, "%zu", s->rank);
		cli_table_add(t, "%s", label(s, name));
		cli_table_add(t, "%lld", (long long)s->judged.days);
		add_judgement(t, &s->judged);
		cli_table_add(t, "%s", s->fill);
	}
	cli_outf("\n");
	shown->left_out += cli_table_print(t, shown->width, &shown->needs);
	cli_table_free(t);
	cli_wrap(shown->width,
		 "Daily returns; %zu resamples of %zu-day blocks, seed %llu; %zu tries; best "
		 "over %lld common days.",
		 b->plan.resamples, b->plan.block, (unsigned long long)b->plan.seed, b->tries,
		 (long long)b->common_days);
}

static void print_replicas(const struct race_board *b, size_t width)
{
	cli_outf("\n");
	if (b->n_replicas == 0)
		cli_wrap(width, "no replicas: no two agents are of equal make");
	for (size_t i = 0; i < b->n_replicas; i++) {
		const struct race_replicas *g = &b->replicas[i];
		struct buf names = BUF_INIT;

		for (size_t k = 0; k < g->n; k++)
			buf_addf(&names, " %s", b->rows[g->rows[k]].agent.name);
		cli_wrap(width, "%zu replicas: return%% mean %.2f, sd %.2f, %.2f to %.2f:%s",
			 g->n, g->mean * 100, g->sd * 100, g->low * 100, g->high * 100,
			 buf_str(&names));
		buf_release(&names);
	}
}

static void print_span(const struct race_board *b, size_t width)
{
	char from[TSTAMP_TEXT_MAX], to[TSTAMP_TEXT_MAX];

	if (b->first_ms < 0)
		cli_wrap(width, from_ms < 0 && to_ms < 0 ? "no window has been run yet"
							 : "no window was run in this time");
	else
		cli_wrap(width, "%s to %s UTC", tstamp_format_short(b->first_ms, from),
			 tstamp_format_short(b->last_ms, to));
}

/* Nobody shall take made-up prices for a market. */
static void print_simulated(const struct race_board *b, size_t width)
{
	struct buf names = BUF_INIT;
	const char *last = "";

	for (size_t i = 0; i < b->n_origins; i++) {
		if (!b->origins[i].simulated || strcmp(b->origins[i].symbol, last) == 0)
			continue;
		buf_addf(&names, "%s%s", names.len > 0 ? ", " : "", b->origins[i].symbol);
		last = b->origins[i].symbol;
	}
	if (names.len > 0)
		cli_wrap(width, "Prices of %s are simulated.", buf_str(&names));
	buf_release(&names);
}

static bool any_too_early(const struct race_board *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->rows[i].m.too_early)
			return true;
	return false;
}

static void print_text(const struct race_board *b)
{
	struct shown shown = { .width = cli_width() };
	char hex[DIGEST_HEX_SIZE];

	print_span(b, shown.width);
	print_standings(b, &shown);
	print_simulated(b, shown.width);
	if (any_too_early(b))
		cli_wrap(shown.width, "Too early to tell skill from luck: fewer than 30 days, "
				      "so no annualised figures.");
	if (stats)
		print_stats(b, &shown);
	if (replicas)
		print_replicas(b, shown.width);
	if (shown.left_out > 0)
		cli_wrap(shown.width, "%zu column%s left out; COLUMNS=%zu or %s shows all",
			 shown.left_out, shown.left_out > 1 ? "s" : "", shown.needs,
			 replicas ? "--json" : "--csv");
	if (b->seals > 0) {
		digest_hex(&b->head, hex);
		cli_wrap(shown.width, "%lld windows sealed, head %.16s", (long long)b->seals,
			 hex);
	}
}

/* ------------------------------------------------------------------ watching */

/* Keys one by one and unseen, if there is a keyboard. */
static bool take_keyboard(struct termios *before)
{
	struct termios raw;

	if (!isatty(0) || tcgetattr(0, before) != 0)
		return false;
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(0, TCSANOW, &raw) == 0;
}

/* Wait for the next print; false to end: q, end of input, a signal. */
static bool wait_next(int64_t seconds)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char keys[64];
	ssize_t n;
	int r = cli_stop ? -1 : poll(&p, 1, (int)(seconds * 1000));

	if (r <= 0)
		return r == 0 && !cli_stop;
	n = read(0, keys, sizeof keys);
	if (n <= 0)
		return false;
	for (ssize_t i = 0; i < n; i++)
		/* without line mode, the key for the end of input is a byte */
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == '\004')
			return false;
	return true;
}

static int print_board(struct db *db, struct err *e)
{
	struct race_board_query q = RACE_BOARD_ALL;
	struct race_board b;

	q.from_ms = from_ms;
	q.before_ms = to_ms;
	q.versions = versions;
	q.stats = stats;
	q.plan.seed = (uint64_t)seed;
	if (race_board_query(db, &q, &b, e) != 0)
		return -1;
	if (watch && isatty(1))
		cli_outf("\033[H\033[2J");
	if (json)
		print_json(&b);
	else if (csv)
		print_csv(&b);
	else
		print_text(&b);
	race_board_release(&b);
	return 0;
}

static int watch_board(struct db *db, int64_t seconds, struct err *e)
{
	struct termios before;
	bool keyboard;
	int r;

	cli_catch_stop();
	keyboard = take_keyboard(&before);
	do
		r = print_board(db, e);
	while (r == 0 && cli_sync() && wait_next(seconds));
	if (keyboard)
		tcsetattr(0, TCSANOW, &before);
	return r;
}

/* ------------------------------------------------------------------ options */

static int64_t watch_seconds(const struct cli_args *args)
{
	int64_t seconds = WATCH_S;
	struct err e = { 0 };

	if (args->n > 1 || args->has_rest || (args->n > 0 && !watch))
		cli_usage("too many operands");
	if (args->n == 1 && (decimal_parse(args->operands[0], strlen(args->operands[0]), 0,
					   &seconds, &e) != 0 ||
			     seconds < 1 || seconds > WATCH_MAX_S))
		cli_usage("SECONDS: a number from 1 to %d", WATCH_MAX_S);
	return seconds;
}

static void check_options(void)
{
	if (json && csv)
		cli_usage("--json and --csv contradict each other");
	if (csv && replicas)
		cli_usage("--csv has no place for --replicas");
	if (at_ms >= 0 && to_ms >= 0)
		cli_usage("--at and --to contradict each other");
	if (at_ms >= 0)
		to_ms = tstamp_window(at_ms) + TSTAMP_WINDOW_MS;
	if (from_ms >= 0 && to_ms >= 0 && from_ms >= to_ms)
		cli_usage("--from must come before --to or --at");
	if (seed < 0)
		cli_usage("--seed: a number from 0 on");
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	int64_t seconds;
	struct db *db;
	int r;

	cli_start(&tool, argc, argv, &args);
	seconds = watch_seconds(&args);
	check_options();
	db = db_open(cli_common.database, &e);
	r = db == NULL ? -1 : watch ? watch_board(db, seconds, &e) : print_board(db, &e);
	db_close(db);
	return cli_end(r != 0 ? cli_fail(&e) : 0);
}
