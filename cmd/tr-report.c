/*
 * tr-report writes a race as one HTML page that needs nothing else: standings, equity curves,
 * drawdowns, what is skill and what is luck, a card for every agent with its positions, last
 * decisions and trades, and how all of it was computed. The page has the figures of tr-board
 * --stats, the same for the same race, and can be read without script, network or tools.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "report.h"
#include "tstamp.h"

#include "banned.h"

static const char *output = "race.html";
static int64_t from_ms = -1, to_ms = -1, at_ms = -1, seed = 1;

static const struct cli_opt options[] = {
	{ 'o', "output", CLI_STRING, &output, "FILE",
	  "where to write it (race.html); - is standard output" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "windows from this time on ..." },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "... and before this time" },
	{ 0, "at", CLI_TIME, &at_ms, "TIME", "as it was in the window of this time" },
	{ 0, "seed", CLI_INT, &seed, "N", "of the random numbers of the statistics (1)" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-report", "write a race as an HTML page", NULL,
				      options, NULL };

static void show_progress(void *ctx, size_t done, size_t total)
{
	(void)ctx;
	fprintf(stderr, "\r%3zu%%", done * 100 / total);
}

static int report(struct db *db, struct buf *page, struct err *e)
{
	struct race_board_query q = RACE_BOARD_ALL;
	bool progress = cli_progress();
	int r;

	q.from_ms = from_ms;
	q.before_ms = to_ms;
	q.plan.seed = (uint64_t)seed;
	r = report_make(db, &q, progress ? show_progress : NULL, NULL, page, e);
	if (progress)
		fprintf(stderr, "\r    \r");
	if (r != 0)
		return -1;
	if (strcmp(output, "-") != 0)
		return report_write(output, page, e);
	cli_out(buf_str(page), page->len);
	return 0;
}

static void check_options(const struct cli_args *args)
{
	if (args->n > 0 || args->has_rest)
		cli_usage("too many operands");
	if (*output == '\0')
		cli_usage("--output: the name of a file, or -");
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
	struct buf page;
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r;

	cli_start(&tool, argc, argv, &args);
	check_options(&args);
	buf_init(&page, REPORT_BYTES_MAX);
	db = db_open(cli_common.database, &e);
	r = db == NULL ? -1 : report(db, &page, &e);
	db_close(db);
	buf_release(&page);
	return cli_end(r != 0 ? cli_fail(&e) : 0);
}
