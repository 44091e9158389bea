/*
 * tr-board prints the leaderboard: return, against buy-and-hold, drawdown, Sharpe with its
 * interval, trades, fees, cost of thinking and return after it, win rate, exposure and
 * reliability of every agent, after fees, at the last snapshot; on demand with statistics that
 * tell skill from luck, for a span of time, as of any moment, by version, with the spread of
 * replicas, and again and again. Values that are not defined, or that a race this short cannot
 * show, are n/a and never 0. Baselines, paused and retired agents are marked and stay.
 */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

#define WATCH_S 5
#define WATCH_MAX_S 86400

static bool json, csv, stats, versions, replicas, watch;
static int64_t from_ms = -1, to_ms = -1, at_ms = -1, seed = 1;
static volatile sig_atomic_t stop;

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

static void csv_row(const struct race_standing *s, size_t rank)
{
	char t[8][32], total[DECIMAL_TEXT_MAX], fees[DECIMAL_TEXT_MAX];

	cli_outf("%zu,%s,%s,%s,%s,%s,%s,%s,%s,%s,%zu,%s,%s,%s,%lld,%lld", rank, s->agent.name,
		 roster_kind_name(s->kind), s->agent.baseline ? "yes" : "no",
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
		csv_row(&b->rows[i], i + 1);
}

/* ------------------------------------------------------------------ terminal */

#define SPARK_WIDTH 16

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
	snprintf(out, SPARK_WIDTH + 1, "%*s", (int)(SPARK_WIDTH - n), "");
}

static bool can_spark(void)
{
	/* block characters are for eyes, not for files */
	const char *names[] = { getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG") };

	if (!isatty(1))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (names[i] != NULL && names[i][0] != '\0')
			return strstr(names[i], "UTF-8") != NULL ||
			       strstr(names[i], "utf8") != NULL;
	return false;
}

static const char *mark(const struct race_standing *s)
{
	bool baseline = s->agent.baseline;

	if (s->agent.status == ROSTER_RETIRED)
		return baseline ? "  baseline, retired" : "  retired";
	if (s->agent.status == ROSTER_PAUSED)
		return baseline ? "  baseline, paused" : "  paused";
	return baseline ? "  baseline" : "";
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

/* Half the width of the interval that holds the true ratio in 95 of 100 cases. */
static const char *margin(const struct race_standing *s, char out[32])
{
	return ratio(s->m.sharpe_error, 1.959963984540054, 2, "n/a", out);
}

static const char *money(struct money m, char out[DECIMAL_TEXT_MAX])
{
	return decimal_format_fixed(m.u, MONEY_SCALE, 2, out);
}

static void print_row(const struct race_standing *s, size_t rank, bool spark, bool colour)
{
	char t[9][32], m[3][DECIMAL_TEXT_MAX],
		curve[SPARK_WIDTH * 4 + 1] = "", name[IDENT_AGENT_MAX + 24];
	const char *on = "", *off = "";

	if (spark)
		sparkline(s, curve);
	if (colour && s->m.total_return.defined && fabs(s->m.total_return.v) >= 0.00005) {
		on = s->m.total_return.v > 0 ? "\033[32m" : "\033[31m";
		off = "\033[0m";
	}
	cli_outf("%3zu  %-16s %13s %s%8s%s %8s %8s %7s %6s %6zu", rank, label(s, name),
		 money(s->total, m[0]), on, ratio(s->m.total_return, 100, 2, "n/a", t[0]), off,
		 ratio(s->vs_hold, 100, 2, "n/a", t[1]),
		 ratio(s->m.max_drawdown, 100, 2, "n/a", t[2]),
		 ratio(s->m.sharpe, 1, 2, "n/a", t[3]), margin(s, t[4]), s->m.n_trades);
	cli_outf(" %9s %9s %8s %5s %5s %6s%s%s%s\n", money(s->m.fees, m[1]),
		 money(s->thinking, m[2]), ratio(s->m.net_return, 100, 2, "n/a", t[5]),
		 ratio(s->m.win_rate, 100, 0, "n/a", t[6]),
		 ratio(s->m.exposure, 100, 0, "n/a", t[7]),
		 ratio(s->m.reliability, 100, 0, "n/a", t[8]), spark ? "  " : "", curve,
		 mark(s));
}

/* "[low, high]" of ${width} each, or n/a. */
static const char *range(struct stats_interval v, double unit, int width, char out[80])
{
	char low[32], high[32];

	snprintf(out, 80, "[%*s,%*s]", width, ratio(v.low, unit, 2, "n/a", low), width,
		 ratio(v.high, unit, 2, "n/a", high));
	return out;
}

static void print_judgement(const struct race_standing *s)
{
	const struct race_judgement *j = &s->judged;
	char t[8][32], r[3][80];

	if (j->too_early) {
		cli_outf(" %-95s", "too early to tell");
		return;
	}
	cli_outf(" %6s %s %s %s %6s %6s %6s %6s %6s %6s", ratio(j->sharpe, 1, 2, "n/a", t[0]),
		 range(j->sharpe_range, 1, 6, r[0]), range(j->total_return, 100, 8, r[1]),
		 range(j->max_drawdown, 100, 7, r[2]), ratio(j->psr, 100, 1, "n/a", t[1]),
		 ratio(j->dsr, 100, 1, "n/a", t[2]), ratio(j->best, 100, 1, "n/a", t[3]),
		 ratio(j->beats_hold, 100, 1, "n/a", t[4]), ratio(j->p, 1, 3, "n/a", t[5]),
		 ratio(j->beta, 1, 2, "n/a", t[6]));
}

static void print_stats(const struct race_board *b)
{
	cli_outf("\n%3s  %-16s %5s %6s %-15s %-19s %-17s %6s %6s %6s %6s %6s %6s %6s\n", "#",
		 "agent", "days", "sharpe", "[95 %]", "return% [95 %]", "maxdd% [95 %]", "psr%",
		 "dsr%", "best%", "beats%", "p", "beta", "fill");
	for (size_t i = 0; i < b->n; i++) {
		const struct race_standing *s = &b->rows[i];
		char name[IDENT_AGENT_MAX + 24];

		cli_outf("%3zu  %-16s %5lld", i + 1, label(s, name), (long long)s->judged.days);
		print_judgement(s);
		cli_outf(" %6s\n", s->fill);
	}
	cli_outf("Daily returns; %zu resamples of %zu-day blocks, seed %llu; %zu tries; best "
		 "over %lld common days.\n",
		 b->plan.resamples, b->plan.block, (unsigned long long)b->plan.seed, b->tries,
		 (long long)b->common_days);
}

static void print_replicas(const struct race_board *b)
{
	cli_outf("\n");
	if (b->n_replicas == 0)
		cli_outf("no replicas: no two agents are of equal make\n");
	for (size_t i = 0; i < b->n_replicas; i++) {
		const struct race_replicas *g = &b->replicas[i];

		cli_outf("%zu replicas: return%% mean %.2f, sd %.2f, %.2f to %.2f:", g->n,
			 g->mean * 100, g->sd * 100, g->low * 100, g->high * 100);
		for (size_t k = 0; k < g->n; k++)
			cli_outf(" %s", b->rows[g->rows[k]].agent.name);
		cli_outf("\n");
	}
}

static void print_text(const struct race_board *b)
{
	char from[TSTAMP_TEXT_MAX], to[TSTAMP_TEXT_MAX], hex[DIGEST_HEX_SIZE];
	bool spark = can_spark(), colour = cli_colour(), early = false;

	if (b->first_ms < 0)
		cli_outf(from_ms < 0 && to_ms < 0 ? "no window has been run yet\n"
						  : "no window was run in this time\n");
	else
		cli_outf("%s to %s UTC\n", tstamp_format_short(b->first_ms, from),
			 tstamp_format_short(b->last_ms, to));
	cli_outf("%3s  %-16s %13s %8s %8s %8s %7s %6s %6s %9s %9s %8s %5s %5s %6s\n", "#",
		 "agent", "total", "return%", "vs hold", "maxdd%", "sharpe", "+/-", "trades",
		 "fees", "thinking", "net%", "win%", "expo%", "valid%");
	for (size_t i = 0; i < b->n; i++) {
		print_row(&b->rows[i], i + 1, spark, colour);
		early = early || b->rows[i].m.too_early;
	}
	if (early)
		cli_outf("Too early to tell skill from luck: fewer than 30 days, so no "
			 "annualised figures.\n");
	if (stats)
		print_stats(b);
	if (replicas)
		print_replicas(b);
	if (b->seals > 0) {
		digest_hex(&b->head, hex);
		cli_outf("%lld windows sealed, head %.16s\n", (long long)b->seals, hex);
	}
}

/* ------------------------------------------------------------------ watching */

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

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
	int r = stop ? -1 : poll(&p, 1, (int)(seconds * 1000));

	if (r <= 0)
		return r == 0 && !stop;
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

	catch_signals();
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
