/*
 * tr-replay runs the race over history: the set-up and the candles of a race become another
 * race, whose windows are run in this process one after the other, thousands in a second. With
 * --answers the decisions are those of the first race, so that other fees or limits can be
 * tried on them. Interrupted, the same command goes on where it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "json.h"
#include "mem.h"
#include "replay.h"
#include "tstamp.h"

#include "banned.h"

#define JOBS_MAX 1000

static int64_t from_ms = -1, to_ms = -1, jobs;
static const char *out, *agents, *answers, *fill, *fee_bps;
static struct cli_list settings;

static const struct cli_opt options[] = {
	{ 'o', "out", CLI_STRING, &out, "FILE", "race to make, or to continue" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "first window" },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "window after the last" },
	{ 0, "agents", CLI_STRING, &agents, "NAME,...",
	  "only these and the baselines (default: all but remote ones)" },
	{ 0, "answers", CLI_STRING, &answers, "RACE",
	  "replay this race with the answers that were given in it" },
	{ 0, "fill", CLI_STRING, &fill, "next|batch",
	  "which batch fills a decision (default: next)" },
	{ 0, "fee-bps", CLI_STRING, &fee_bps, "NUMBER",
	  "the same as --set trade.fee_bps=NUMBER" },
	{ 's', "set", CLI_LIST, &settings, "KEY=VALUE",
	  "a setting that differs from the first race's; may be repeated" },
	{ 'j', "jobs", CLI_INT, &jobs, "N",
	  "programs that are asked at once (default: processors)" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-replay", "run the race over history", NULL, options,
				      NULL };

/* "a,b" as a list; the text is cut up. */
static size_t split(char *text, const char **items)
{
	size_t n = 0;

	for (char *p = text; p != NULL;) {
		char *comma = strchr(p, ',');

		if (comma != NULL)
			*comma++ = '\0';
		if (p[0] == '\0')
			cli_usage("--agents has an empty name");
		items[n++] = p;
		p = comma;
	}
	return n;
}

struct clock {
	int64_t begin_ms; /* boot clock */
	int64_t first_ms; /* the window before which nothing was known */
};

/* One line that is written over: how far, how fast, how long still. */
static void show_progress(void *ctx, int64_t window_ms, int64_t from, int64_t to)
{
	struct clock *c = ctx;
	char at[TSTAMP_TEXT_MAX];
	int64_t now = tstamp_boot_ms(), spent, done, left;

	if (!cli_progress())
		return;
	if (c->begin_ms == 0) {
		*c = (struct clock){ now, window_ms };
		return;
	}
	spent = now - c->begin_ms > 0 ? now - c->begin_ms : 1;
	done = (window_ms - c->first_ms) / TSTAMP_WINDOW_MS;
	left = (to - window_ms) / TSTAMP_WINDOW_MS;
	fprintf(stderr, "\r%s  %3lld %%  %lld windows/s  %lld s left   ",
		tstamp_format(window_ms, at),
		(long long)((window_ms - from) * 100 / (to - from)),
		(long long)(done * 1000 / spent),
		(long long)(done > 0 ? left * spent / done / 1000 : 0));
}

static void print_result(const struct replay_request *q, const struct replay_result *r)
{
	char from[TSTAMP_TEXT_MAX], to[TSTAMP_TEXT_MAX];
	struct buf line = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &line);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.replay/1");
	json_write_string(&w, "race", q->out);
	json_write_string(&w, "from", tstamp_format(r->from_ms, from));
	json_write_string(&w, "to", tstamp_format(r->to_ms, to));
	json_write_bool(&w, "resumed", r->resumed);
	json_write_int(&w, "windows", r->windows);
	json_write_int(&w, "decisions", r->decisions);
	json_write_int(&w, "trades", r->trades);
	json_write_close(&w);
	json_write_end(&w);
	if (cli_common.quiet == 0)
		cli_out(line.data, line.len);
	buf_release(&line);
}

/* The settings of the options, then those of --set. */
static size_t list_settings(const char **list)
{
	size_t n = 0;

	/* the answers of a race have their place in it already */
	if (fill != NULL || answers == NULL)
		list[n++] = mem_printf("trade.fill=%s", fill != NULL ? fill : "next");
	if (fee_bps != NULL)
		list[n++] = mem_printf("trade.fee_bps=%s", fee_bps);
	for (size_t i = 0; i < settings.n; i++)
		list[n++] = mem_strdup(settings.items[i]);
	return n;
}

static void check_options(const struct cli_args *args)
{
	if (args->n > 0 || args->has_rest)
		cli_usage("too many operands");
	if (out == NULL)
		cli_usage("--out is missing: the race to make");
	if (answers == NULL && (from_ms < 0 || to_ms < 0))
		cli_usage("--from and --to are missing: the windows to run");
	if (fill != NULL && strcmp(fill, "next") != 0 && strcmp(fill, "batch") != 0)
		cli_usage("--fill is next or batch, not %s", fill);
	if (jobs < 0 || jobs > JOBS_MAX)
		cli_usage("--jobs is 1 to %d", JOBS_MAX);
	if (from_ms >= 0)
		from_ms = tstamp_window(from_ms);
	if (to_ms >= 0)
		to_ms = tstamp_window(to_ms);
	if (from_ms >= 0 && to_ms >= 0 && to_ms <= from_ms)
		cli_usage("--to must lie after --from");
}

int main(int argc, char **argv)
{
	struct replay_request q = { 0 };
	struct replay_result r;
	struct clock clock = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	char *names;
	int rc;

	cli_start(&tool, argc, argv, &args);
	check_options(&args);
	cli_catch_stop();
	names = mem_strdup(agents);
	q = (struct replay_request){ .origin = answers != NULL ? answers : cli_common.database,
				     .out = out,
				     .answers = answers != NULL,
				     .from_ms = from_ms,
				     .to_ms = to_ms,
				     .jobs = jobs > 0 ? (size_t)jobs
						      : (size_t)sysconf(_SC_NPROCESSORS_ONLN),
				     .now_ms = cli_common.now_ms,
				     .stop = &cli_stop,
				     .progress = show_progress,
				     .ctx = &clock };
	q.agents = mem_array(names != NULL ? strlen(names) + 1 : 1, sizeof(const char *));
	q.n_agents = names != NULL ? split(names, q.agents) : 0;
	q.settings = mem_array(settings.n + 2, sizeof(const char *));
	q.n_settings = list_settings(q.settings);
	rc = replay_run(&q, &r, &e);
	if (clock.begin_ms > 0)
		fputc('\n', stderr);
	if (rc == 0)
		print_result(&q, &r);
	for (size_t i = 0; i < q.n_settings; i++)
		free((char *)q.settings[i]);
	free(q.settings);
	free(q.agents);
	free(names);
	return cli_end(rc == 0 ? 0 : cli_fail(&e));
}
