/*
 * tr-status says what ran, what runs, what is stuck and what was missed: the incomplete windows
 * first, the oldest on top, each with the command that helps, then the newest of the others.
 * With a window it prints the history of that window, event by event. Text on a terminal, JSON
 * lines otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "race.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

#define LIMIT_MAX 10000
#define PAGE_MAX 1000000
#define HOUR_MS INT64_C(3600000)

static const char *window_text, *state, *since_text, *until_text;
static int64_t limit = 20, page = 1;
static bool only_failed, json, text;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window_text, "WINDOW",
	  "the same as the operand; for -N, so many before the latest" },
	{ 'f', "failed", CLI_FLAG, &only_failed, NULL, "only windows that did not go well" },
	{ 's', "state", CLI_STRING, &state, "STATE", "only windows in this state" },
	{ 0, "since", CLI_STRING, &since_text, "TIME",
	  "windows from TIME on: also today, yesterday, -Nh, -Nd" },
	{ 0, "until", CLI_STRING, &until_text, "TIME", "windows that start before TIME" },
	{ 'l', "limit", CLI_INT, &limit, "N", "windows per page (20)" },
	{ 'p', "page", CLI_INT, &page, "K", "the K-th page (1)" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON lines" },
	{ 0, "text", CLI_FLAG, &text, NULL, "print text, also where no terminal is" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-status", "say what ran, runs, is stuck or was missed",
				      "[WINDOW]", options, NULL };

/* ------------------------------------------------------------------ times */

/* "-36h", "-7d": that long before now. */
static bool parse_ago(const char *s, int64_t *ms)
{
	size_t n = strlen(s);
	struct err ignored = { 0 };
	int64_t count, unit;

	if (n < 3 || s[0] != '-' || (s[n - 1] != 'h' && s[n - 1] != 'd'))
		return false;
	unit = s[n - 1] == 'h' ? HOUR_MS : TSTAMP_DAY_MS;
	if (s[1] == '-' || decimal_parse(s + 1, n - 2, 0, &count, &ignored) != 0 ||
	    count > cli_common.now_ms / unit)
		return false;
	*ms = cli_common.now_ms - count * unit;
	return true;
}

static int64_t parse_time(const char *name, const char *s)
{
	int64_t ms, today_ms = cli_common.now_ms - cli_common.now_ms % TSTAMP_DAY_MS;
	struct err e = { 0 };

	if (strcmp(s, "today") == 0)
		return today_ms;
	if (strcmp(s, "yesterday") == 0)
		return today_ms - TSTAMP_DAY_MS;
	if (!parse_ago(s, &ms) && tstamp_parse(s, &ms, &e) != 0)
		cli_usage("option --%s: %s, nor today, yesterday, -Nh or -Nd", name, e.text);
	return ms;
}

/* 95 s -> "95 s", then minutes, hours, days. */
static const char *age(int64_t ms, char out[32])
{
	int64_t s = ms / 1000;

	if (s < 120)
		snprintf(out, 32, "%lld s", (long long)s);
	else if (s < 2 * 3600)
		snprintf(out, 32, "%lld min", (long long)(s / 60));
	else if (s < 2 * 86400)
		snprintf(out, 32, "%lld h", (long long)(s / 3600));
	else
		snprintf(out, 32, "%lld d", (long long)(s / 86400));
	return out;
}

/* ------------------------------------------------------------------ text */

/* Text that others wrote: it must not steer the terminal. */
static void print_plain(const char *s)
{
	for (; *s != '\0'; s++)
		cli_outf("%c", (unsigned char)*s < ' ' || *s == 127 ? ' ' : *s);
}

static void print_totals(const struct race_totals *t)
{
	char id[TSTAMP_WINDOW_ID_MAX], at[TSTAMP_TEXT_MAX], ago[32];
	int64_t now_ms = cli_common.now_ms;

	if (t->last_ms < 0)
		cli_outf("no window has begun");
	else if (t->last_ms <= now_ms)
		cli_outf("last %s, %s ago", tstamp_window_id(t->last_ms, id),
			 age(now_ms - t->last_ms, ago));
	else
		cli_outf("last %s, ahead of the clock", tstamp_window_id(t->last_ms, id));
	if (t->last_ms >= 0 && !t->live)
		cli_outf("; not run by the clock\n");
	else if (t->due_ms <= now_ms)
		cli_outf("; next %s, due now\n", tstamp_format_short(t->due_ms, at));
	else
		cli_outf("; next %s, due in %s\n", tstamp_format_short(t->due_ms, at),
			 age(t->due_ms - now_ms, ago));
	cli_outf("incomplete: %lld; missed in 24 h: %lld; ", (long long)t->incomplete,
		 (long long)t->missed);
	if (t->halted) {
		cli_outf("halted by %s: ", t->halt_name);
		print_plain(t->halt_reason);
		cli_outf("\n");
	} else {
		cli_outf("not halted\n");
	}
}

static void print_header(void)
{
	cli_outf("%-26s  %-15s %6s %6s %9s %6s %5s  %-16s  %s\n", "window", "state", "stages",
		 "prices", "decisions", "trades", "tries", "started", "ended");
}

static void print_row(const struct race_status *s)
{
	char id[TSTAMP_WINDOW_ID_MAX], stages[48], prices[48], decisions[48],
		started[TSTAMP_TEXT_MAX] = "", ended[TSTAMP_TEXT_MAX] = "";

	snprintf(stages, sizeof stages, "%lld/%lld", (long long)s->done, (long long)s->due);
	snprintf(prices, sizeof prices, "%lld/%lld", (long long)s->prices,
		 (long long)s->assets);
	snprintf(decisions, sizeof decisions, "%lld (%lld)", (long long)s->decisions,
		 (long long)s->failed);
	if (s->started_ms >= 0)
		tstamp_format_short(s->started_ms, started);
	if (s->ended_ms >= 0)
		tstamp_format_short(s->ended_ms, ended);
	tstamp_window_id(s->window_ms, id);
	if (s->due == 0) /* never begun: there is nothing to count */
		cli_outf("%-26s  %s\n", id, s->state);
	else
		cli_outf("%-26s  %-15s %6s %6s %9s %6lld %5lld  %-16s  %s\n", id, s->state,
			 stages, prices, decisions, (long long)s->trades,
			 (long long)s->attempts, started, ended[0] != '\0' ? ended : "-");
}

/* Below the row: why it is not completed, what services failed to give, and what helps. */
static void print_advice(const struct race_status *s)
{
	char help[RACE_HELP_MAX];

	if (s->failure != NULL && strcmp(s->state, "completed") != 0) {
		cli_outf("  failure: ");
		print_plain(s->failure);
		cli_outf("\n");
	}
	if (s->feeds_failed > 0)
		cli_outf("  %lld feed%s gave no price\n", (long long)s->feeds_failed,
			 s->feeds_failed == 1 ? "" : "s");
	if (s->doubtful > 0)
		cli_outf(
			"  %lld request%s may have been billed for nothing or twice: tr-cost\n",
			(long long)s->doubtful, s->doubtful == 1 ? "" : "s");
	if (race_status_help(s, help)[0] != '\0')
		cli_outf("  %s\n", help);
}

static void print_event(void *ctx, const struct race_event *ev)
{
	char at[TSTAMP_TEXT_MAX];

	(void)ctx;
	cli_outf("%4lld  %-24s  %-15s  ", (long long)ev->seq, tstamp_format(ev->at_ms, at),
		 ev->type);
	if (ev->detail[0] == '\0') {
		cli_outf("%s\n", ev->stage[0] != '\0' ? ev->stage : "-");
		return;
	}
	cli_outf("%-6s  ", ev->stage[0] != '\0' ? ev->stage : "-");
	print_plain(ev->detail);
	cli_outf("\n");
}

/* ------------------------------------------------------------------ JSON */

/* A list is about many windows, so its end names none. */
static void end_list(struct buf *out, size_t count, bool more)
{
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", WIRE_END);
	json_write_int(&w, "count", (int64_t)count);
	json_write_bool(&w, "more", more);
	json_write_close(&w);
	json_write_end(&w);
}

struct events {
	struct buf *out;
	size_t n;
};

static void write_event(void *ctx, const struct race_event *ev)
{
	struct events *events = ctx;

	race_event_record(events->out, ev);
	events->n++;
}

/* ------------------------------------------------------------------ both */

static void print_list(const struct race_status_list *l, const struct race_totals *t)
{
	print_totals(t);
	if (l->n > 0) {
		cli_outf("\n");
		print_header();
	}
	for (size_t i = 0; i < l->n; i++) {
		print_row(&l->rows[i]);
		print_advice(&l->rows[i]);
	}
	if (l->more)
		cli_outf("more with --page %lld\n", (long long)(page + 1));
}

static void write_list(const struct race_status_list *l)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < l->n; i++) {
		race_status_record(&out, &l->rows[i]);
		cli_out(buf_str(&out), out.len);
		buf_reset(&out);
	}
	end_list(&out, l->n, l->more);
	cli_out(buf_str(&out), out.len);
	buf_release(&out);
}

static int show_list(struct db *db, const struct race_status_query *q, struct err *e)
{
	struct race_status_list l = { 0 };
	struct race_totals t = { 0 };
	int r = race_status_find(db, q, &l, e);

	if (r == 0 && text)
		r = race_totals_load(db, cli_common.now_ms, &t, e);
	if (r == 0 && text)
		print_list(&l, &t);
	else if (r == 0)
		write_list(&l);
	race_totals_release(&t);
	race_status_free(&l);
	return r;
}

/* Below the row of a window that never began. */
static int print_passed(struct db *db, int64_t window_ms, struct err *e)
{
	char *reason, *why;
	int r = race_passed(db, window_ms, &reason, &why, e);

	if (r == 0)
		cli_outf("  %s\n", why);
	free(reason);
	free(why);
	return r;
}

static int show_text_history(struct db *db, int64_t window_ms, struct err *e)
{
	struct race_status s = { 0 };
	int r = race_status_load(db, window_ms, &s, e);

	if (r == 0) {
		print_header();
		print_row(&s);
		print_advice(&s);
		if (s.due == 0)
			r = print_passed(db, window_ms, e);
	}
	if (r == 0) {
		cli_outf("\n%4s  %-24s  %-15s  %-6s  %s\n", "seq", "time", "type", "stage",
			 "detail");
		r = race_events(db, window_ms, print_event, NULL, e);
	}
	race_status_release(&s);
	return r;
}

static int show_history(struct db *db, int64_t window_ms, struct err *e)
{
	struct buf out = BUF_INIT;
	struct events events = { &out, 0 };
	int r;

	if (text)
		return show_text_history(db, window_ms, e);
	r = race_events(db, window_ms, write_event, &events, e);
	if (r == 0 && events.n == 0)
		r = race_no_history(db, window_ms, e);
	if (r == 0) {
		wire_end(&out, window_ms, events.n);
		cli_out(buf_str(&out), out.len);
	}
	buf_release(&out);
	return r;
}

static int show(struct db *db, const struct race_status_query *q, struct err *e)
{
	int64_t window_ms;
	int r;

	if (db_read_begin(db, e) != 0)
		return -1;
	if (window_text == NULL)
		r = show_list(db, q, e);
	else if ((r = race_find_window(db, window_text, &window_ms, e)) == 0)
		r = show_history(db, window_ms, e);
	db_read_end(db);
	return r;
}

/* ------------------------------------------------------------------ options */

/* The window as an operand, after "--" (where it may be -N), or as an option. */
static void take_window(const struct cli_args *args)
{
	if (args->n + args->n_rest + (window_text != NULL) > 1)
		cli_usage("one window is expected, or none");
	if (args->n > 0)
		window_text = args->operands[0];
	else if (args->n_rest > 0)
		window_text = args->rest[0];
}

static void check_options(void)
{
	struct err e = { 0 };

	if (json && text)
		cli_usage("--json and --text contradict each other");
	if (only_failed && state != NULL)
		cli_usage("--failed and --state contradict each other");
	if (window_text != NULL && (only_failed || state != NULL || since_text != NULL ||
				    until_text != NULL || limit != 20 || page != 1))
		cli_usage("a window has a history: filters and pages are for the list");
	if (limit < 1 || limit > LIMIT_MAX)
		cli_usage("--limit is 1 to %d", LIMIT_MAX);
	if (page < 1 || page > PAGE_MAX)
		cli_usage("--page is 1 to %d", PAGE_MAX);
	if (state != NULL && race_status_check(state, &e) != 0)
		cli_usage("option --state: %s", e.text);
}

int main(int argc, char **argv)
{
	struct race_status_query q = { .until_ms = INT64_MAX };
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	take_window(&args);
	check_options();
	if (since_text != NULL)
		q.since_ms = parse_time("since", since_text);
	if (until_text != NULL)
		q.until_ms = parse_time("until", until_text);
	q.state = state;
	q.failed = only_failed;
	q.limit = limit;
	q.page = page;
	text = text || (!json && isatty(1));
	db = db_open(cli_common.database, &e);
	if (db != NULL)
		r = show(db, &q, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
