/*
 * tr-decide asks the agents what to do with a batch and prints one decision per agent. Every
 * answer is stored once per agent and window as it arrives; agents that have answered are not
 * asked again. Windows in which nobody decides print no decision. An answer that is late,
 * broken or missing is a decision of that status, and exit status 3.
 */
#include <string.h>

#include "cli.h"
#include "race.h"
#include "stage.h"

#include "banned.h"

static const char *window;
static struct cli_list agents;
static const char *record, *play;
static bool dry_run, pay;
static int64_t left_ms = -1;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window, "WINDOW",
	  "window id, time, latest or -N (default: standard input, else latest)" },
	{ 'a', "agent", CLI_LIST, &agents, "AGENT", "ask only AGENT; may be repeated" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL,
	  "show what rule agents would decide, store nothing, ask nobody else" },
	{ 0, "record", CLI_STRING, &record, "FILE",
	  "append every exchange with a service to FILE" },
	{ 0, "play", CLI_STRING, &play, "FILE",
	  "take the answers of services from FILE: no network, no cost" },
	{ 0, "pay", CLI_FLAG, &pay, NULL,
	  "ask for money also in a window that is not the clock's" },
	{ 'L', "left", CLI_INT, &left_ms, "MS", "milliseconds left for answers; 0: none" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-decide", "ask the agents what to do", NULL, options,
				      NULL };

static int decide(struct stage *s, size_t *failed, struct err *e)
{
	struct race_decide_options o = {
		.agents = agents.n > 0 ? agents.items : NULL,
		.n_agents = agents.n,
		.dry = dry_run,
		.left_ms = left_ms,
		.self = "/proc/self/exe",
		.ask = { .record = record, .play = play, .pay = pay, .stop = &cli_stop }
	};

	if (stage_open(s, window, WIRE_BATCH, NULL, NULL, false, e) != 0)
		return -1;
	return race_decide(s->db, &s->w, &o, cli_common.now_ms, &s->out, failed, e);
}

int main(int argc, char **argv)
{
	struct stage s = STAGE_INIT;
	struct cli_args args;
	struct err e = { 0 };
	size_t failed = 0;
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (record != NULL && play != NULL)
		cli_usage("--record and --play contradict each other");
	if (left_ms < -1)
		cli_usage("--left is 0 or more milliseconds");
	cli_catch_stop();
	r = decide(&s, &failed, &e);
	if (r != 0 && cli_stop != 0) {
		stage_end(&s, r, 0, &e);
		return 128 + cli_stop;
	}
	return stage_end(&s, r, failed > 0 ? ERR_PARTIAL : 0, &e);
}
