/*
 * tr-context prints what an agent is shown at a window, one line of JSON: prices and candles of
 * all assets with indicators, its own books before the decisions of the window, and its limits.
 * An agent that runs elsewhere can be fed from it, and its answer handed in with tr-trade.
 */
#include "cli.h"
#include "race.h"
#include "stage.h"

#include "banned.h"

static const char *window;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window, "WINDOW",
	  "window id, time, latest or -N (default: latest)" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-context", "print what an agent is shown", "AGENT",
				      options, NULL };

static int print_context(struct stage *s, const char *name, struct err *e)
{
	const struct race_agent *a;
	struct view v;
	bool batch, stored;
	int r;

	if (stage_open(s, window != NULL ? window : "latest", NULL, NULL, NULL, false, e) != 0)
		return -1;
	a = race_find_agent(&s->w, name, e);
	if (a == NULL)
		return -1;
	if (market_batch_exists(s->db, s->w.window_ms, &batch, e) != 0)
		return -1;
	if (!batch)
		return err_set(e, ERR_NOTFOUND,
			       "window: has no batch yet; run tr-ingest first");
	if (race_view_market(s->db, &s->w, &v, e) != 0)
		return -1;
	r = race_view_agent(s->db, &s->w, a->id, &v, e);
	if (r == 0)
		r = race_context_stored(s->db, s->w.window_ms, &s->out, &stored, e);
	if (r == 0) {
		if (!stored)
			race_context_shared(&s->w, &v, &s->out);
		race_context_own(&s->w, a, &v, &s->out);
		buf_addc(&s->out, '\n');
	}
	view_release(&v);
	return r;
}

int main(int argc, char **argv)
{
	struct stage s = STAGE_INIT;
	struct cli_args args;
	struct err e = { 0 };
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n != 1 || args.has_rest)
		cli_usage("one agent is expected");
	r = print_context(&s, args.operands[0], &e);
	return stage_end(&s, r, 0, &e);
}
