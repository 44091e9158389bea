/*
 * tr-board prints the leaderboard: return, against buy-and-hold, drawdown, Sharpe, trades,
 * fees, win rate, exposure and reliability of every agent, after fees, at the last snapshot.
 * Values that are not defined, or that a race this short cannot show, are n/a and never 0.
 * Baselines, paused and retired agents are marked and stay.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

static bool json, csv;

static const struct cli_opt options[] = {
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	{ 'c', "csv", CLI_FLAG, &csv, NULL, "print CSV" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-board", "print the leaderboard", NULL, options,
				      NULL };

static void put_json(struct json_writer *w, const char *key, struct metrics_value v)
{
	if (v.defined)
		json_write_double(w, key, v.v);
	else
		json_write_null(w, key);
}

static void write_standing(struct json_writer *w, const struct race_standing *s, size_t rank)
{
	json_write_object(w, NULL);
	json_write_int(w, "rank", (int64_t)rank);
	json_write_string(w, "agent", s->agent.name);
	json_write_string(w, "kind", roster_kind_name(s->kind));
	json_write_bool(w, "baseline", s->agent.baseline);
	json_write_string(w, "status", roster_status_name(s->agent.status));
	json_write_int(w, "version", s->agent.version);
	json_write_decimal(w, "start_cash", s->start.u, MONEY_SCALE);
	json_write_decimal(w, "total", s->total.u, MONEY_SCALE);
	put_json(w, "return", s->m.total_return);
	put_json(w, "vs_buy_and_hold", s->vs_hold);
	put_json(w, "max_drawdown", s->m.max_drawdown);
	put_json(w, "volatility", s->m.volatility);
	put_json(w, "sharpe", s->m.sharpe);
	put_json(w, "sortino", s->m.sortino);
	json_write_int(w, "trades", (int64_t)s->m.n_trades);
	json_write_decimal(w, "fees", s->m.fees.u, MONEY_SCALE);
	put_json(w, "win_rate", s->m.win_rate);
	put_json(w, "profit_factor", s->m.profit_factor);
	json_write_int(w, "round_trips", (int64_t)s->m.round_trips);
	json_write_int(w, "open_trips", (int64_t)s->m.open_trips);
	put_json(w, "turnover", s->m.turnover);
	put_json(w, "exposure", s->m.exposure);
	json_write_int(w, "turns", s->turns);
	json_write_int(w, "valid", s->valid);
	json_write_bool(w, "too_early", s->m.too_early);
	json_write_close(w);
}

static void print_json(const struct race_board *b)
{
	char id[TSTAMP_WINDOW_ID_MAX], hex[DIGEST_HEX_SIZE];
	struct buf out = BUF_INIT;
	struct json_writer w;

	digest_hex(&b->head, hex);
	json_write_init(&w, &out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.board/1");
	json_write_string(&w, "first",
			  b->first_ms >= 0 ? tstamp_window_id(b->first_ms, id) : NULL);
	json_write_string(&w, "last",
			  b->last_ms >= 0 ? tstamp_window_id(b->last_ms, id) : NULL);
	json_write_int(&w, "seals", b->seals);
	json_write_string(&w, "head", b->seals > 0 ? hex : NULL);
	json_write_array(&w, "agents");
	for (size_t i = 0; i < b->n; i++)
		write_standing(&w, &b->rows[i], i + 1);
	json_write_close(&w);
	json_write_close(&w);
	json_write_end(&w);
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

static void print_csv(const struct race_board *b)
{
	cli_outf("rank,agent,kind,baseline,status,total,return,vs_buy_and_hold,max_drawdown,"
		 "sharpe,trades,"
		 "fees,win_rate,exposure,turns,valid\n");
	for (size_t i = 0; i < b->n; i++) {
		const struct race_standing *s = &b->rows[i];
		char t[8][32], total[DECIMAL_TEXT_MAX], fees[DECIMAL_TEXT_MAX];

		cli_outf("%zu,%s,%s,%s,%s,%s,%s,%s,%s,%s,%zu,%s,%s,%s,%lld,%lld\n", i + 1,
			 s->agent.name, roster_kind_name(s->kind),
			 s->agent.baseline ? "yes" : "no", roster_status_name(s->agent.status),
			 decimal_format(s->total.u, MONEY_SCALE, total),
			 ratio(s->m.total_return, 1, 10, "", t[0]),
			 ratio(s->vs_hold, 1, 10, "", t[1]),
			 ratio(s->m.max_drawdown, 1, 10, "", t[2]),
			 ratio(s->m.sharpe, 1, 10, "", t[3]), s->m.n_trades,
			 decimal_format(s->m.fees.u, MONEY_SCALE, fees),
			 ratio(s->m.win_rate, 1, 10, "", t[4]),
			 ratio(s->m.exposure, 1, 10, "", t[5]), (long long)s->turns,
			 (long long)s->valid);
	}
}

/* ------------------------------------------------------------------ terminal */

#define SPARK_WIDTH 16

/* The curve as eight levels of blocks, its last point per column; only where the locale can. */
static void sparkline(const struct race_standing *s, char *out)
{
	static const char *const level[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int64_t low = INT64_MAX, high = INT64_MIN;
	size_t n = s->n_curve < SPARK_WIDTH ? s->n_curve : SPARK_WIDTH;

	out[0] = '\0';
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
	if (s->agent.status == ROSTER_RETIRED)
		return "retired";
	if (s->agent.status == ROSTER_PAUSED)
		return "paused";
	return s->agent.baseline ? "baseline" : "";
}

static void print_row(const struct race_standing *s, size_t rank, bool spark, bool colour)
{
	char t[7][32], total[DECIMAL_TEXT_MAX], fees[DECIMAL_TEXT_MAX],
		curve[SPARK_WIDTH * 4 + 1] = "";
	const char *on = "", *off = "";
	struct metrics_value reliable = { s->turns > 0,
					  s->turns > 0 ? (double)s->valid / (double)s->turns
						       : 0 };

	if (spark)
		sparkline(s, curve);
	if (colour && s->m.total_return.defined && fabs(s->m.total_return.v) >= 0.00005) {
		on = s->m.total_return.v > 0 ? "\033[32m" : "\033[31m";
		off = "\033[0m";
	}
	cli_outf("%3zu  %-16s %14s  %s%8s%s %8s %8s %7s %7zu %10s %6s %6s %6s  %-8s %s\n", rank,
		 s->agent.name, decimal_format_fixed(s->total.u, MONEY_SCALE, 2, total), on,
		 ratio(s->m.total_return, 100, 2, "n/a", t[0]), off,
		 ratio(s->vs_hold, 100, 2, "n/a", t[1]),
		 ratio(s->m.max_drawdown, 100, 2, "n/a", t[2]),
		 ratio(s->m.sharpe, 1, 2, "n/a", t[3]), s->m.n_trades,
		 decimal_format_fixed(s->m.fees.u, MONEY_SCALE, 2, fees),
		 ratio(s->m.win_rate, 100, 0, "n/a", t[4]),
		 ratio(s->m.exposure, 100, 0, "n/a", t[5]),
		 ratio(reliable, 100, 0, "n/a", t[6]), mark(s), curve);
}

static void print_text(const struct race_board *b)
{
	char from[TSTAMP_TEXT_MAX], to[TSTAMP_TEXT_MAX], hex[DIGEST_HEX_SIZE];
	bool spark = can_spark(), colour = cli_colour(), early = false;

	if (b->first_ms < 0)
		cli_outf("no window has been run yet\n");
	else
		cli_outf("%s to %s UTC\n", tstamp_format_short(b->first_ms, from),
			 tstamp_format_short(b->last_ms, to));
	cli_outf("%3s  %-16s %14s  %8s %8s %8s %7s %7s %10s %6s %6s %6s\n", "#", "agent",
		 "total", "return%", "vs hold", "maxdd%", "sharpe", "trades", "fees", "win%",
		 "expo%", "valid%");
	for (size_t i = 0; i < b->n; i++) {
		print_row(&b->rows[i], i + 1, spark, colour);
		early = early || b->rows[i].m.too_early;
	}
	if (early)
		cli_outf("Too early to tell skill from luck: fewer than 30 days, so no "
			 "annualised figures.\n");
	if (b->seals > 0) {
		digest_hex(&b->head, hex);
		cli_outf("%lld windows sealed, head %.16s\n", (long long)b->seals, hex);
	}
}

int main(int argc, char **argv)
{
	struct race_board b = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (json && csv)
		cli_usage("--json and --csv contradict each other");
	db = db_open(cli_common.database, &e);
	r = db != NULL ? race_board_load(db, &b, &e) : -1;
	db_close(db);
	if (r != 0)
		return cli_end(cli_fail(&e));
	if (json)
		print_json(&b);
	else if (csv)
		print_csv(&b);
	else
		print_text(&b);
	race_board_release(&b);
	return cli_end(0);
}
