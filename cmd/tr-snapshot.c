/*
 * tr-snapshot values every agent at the prices of a window's batch: before the decisions of the
 * window (pre) and, where agents decide, after their trades (post). Each is taken once.
 * Positions without a price in this batch are valued at their last one, and counted as
 * unpriced.
 */
#include <string.h>

#include "cli.h"
#include "race.h"
#include "stage.h"

#include "banned.h"

static const char *window, *phase_name;
static bool dry_run;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window, "WINDOW",
	  "window id, time, latest or -N (default: standard input, else latest)" },
	{ 'p', "phase", CLI_STRING, &phase_name, "pre|post",
	  "only this one (default: all that are due)" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-snapshot", "value every agent", NULL, options, NULL };

int main(int argc, char **argv)
{
	enum ledger_phase phase = LEDGER_PRE;
	struct stage s = STAGE_INIT;
	struct cli_args args;
	struct err e = { 0 };
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (phase_name != NULL && strcmp(phase_name, "pre") != 0 &&
	    strcmp(phase_name, "post") != 0)
		cli_usage("--phase is pre or post, not %s", phase_name);
	if (phase_name != NULL && strcmp(phase_name, "post") == 0)
		phase = LEDGER_POST;
	r = stage_open(&s, window, WIRE_EXECUTION, NULL, NULL, dry_run, &e);
	if (r == 0)
		r = race_snapshot(s.db, &s.w, phase_name != NULL ? &phase : NULL,
				  cli_common.now_ms, &s.out, &e);
	return stage_end(&s, r, 0, &e);
}
