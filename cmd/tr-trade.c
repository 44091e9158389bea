/*
 * tr-trade carries out decisions: it checks each order against the risk rules, fills what is
 * left at the prices of the window's batch, and books each agent's fills atomically, once. With
 * --agent and an answer on standard input it hands in a decision for a person instead, which
 * fills at the next window's batch. With --settle it only carries out what waits for this
 * batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mem.h"
#include "race.h"
#include "stage.h"
#include "tstamp.h"

#include "banned.h"

static const char *window;
static struct cli_list only;
static bool dry_run, settle;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window, "WINDOW",
	  "window id, time, latest or -N (default: standard input, else latest)" },
	{ 'a', "agent", CLI_LIST, &only, "AGENT",
	  "only AGENT; with an answer on standard input: hand it in for AGENT" },
	{ 's', "settle", CLI_FLAG, &settle, NULL,
	  "carry out only what was decided in earlier windows" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-trade", "carry out decisions", NULL, options, NULL };

/* The decisions on standard input. */
struct handed {
	struct wire_decision *items;
	const char **names; /* of the agents, borrowed from items */
	size_t n;
};

static int take_line(void *ctx, const char *line, size_t len, struct err *e)
{
	struct handed *h = ctx;

	h->items = mem_resize(h->items, h->n + 1, sizeof *h->items);
	if (wire_parse_decision(line, len, &h->items[h->n], e) != 0)
		return -1;
	h->n++;
	return 0;
}

static void release(struct handed *h)
{
	for (size_t i = 0; i < h->n; i++)
		decision_release(&h->items[i].d);
	free(h->items);
	free(h->names);
}

/* What arrives through the pipe must be what was stored (T-03). */
static int check_one(struct stage *s, const struct wire_decision *d, struct err *e)
{
	struct roster_agent a;
	struct verdict v;
	struct digest hash;
	bool found = false;
	int r;

	if (roster_load_agent(s->db, d->agent, 0, &a, e) != 0)
		return -1;
	r = verdict_load(s->db, a.id, s->w.window_ms, &v, &found, e);
	wire_decision_hash(&d->d, &hash);
	if (r == 0 && !found)
		r = err_set(e, ERR_NOTFOUND,
			    "agent %s: this decision was never stored; tr-decide stores "
			    "decisions, tr-trade --agent takes one in by hand",
			    d->agent);
	else if (r == 0 && memcmp(hash.bytes, v.hash.bytes, sizeof hash.bytes) != 0)
		r = err_set(e, ERR_DATA, "agent %s: has decided otherwise in this window",
			    d->agent);
	if (found)
		verdict_release(&v);
	roster_release_agent(&a);
	return r;
}

static int check_stream(struct stage *s, struct handed *h, struct err *e)
{
	h->names = mem_array(h->n + 1, sizeof *h->names);
	for (size_t i = 0; i < h->n; i++) {
		if (check_one(s, &h->items[i], e) != 0)
			return -1;
		h->names[i] = h->items[i].agent;
	}
	return 0;
}

static int trade(struct stage *s, struct handed *h, struct err *e)
{
	const char *const *names = only.n > 0 ? only.items : NULL;
	size_t n = only.n;

	if (stage_open(s, window, WIRE_DECISION, take_line, h, dry_run, e) != 0)
		return -1;
	if (s->has_input && check_stream(s, h, e) != 0)
		return -1;
	if (settle)
		return race_settle(s->db, &s->w, cli_common.now_ms, &s->out, e);
	/* a stream names whom it is about */
	if (s->has_input && only.n == 0) {
		names = h->names;
		n = h->n;
	}
	return race_trade(s->db, &s->w, names, n, cli_common.now_ms, &s->out, e);
}

/* ------------------------------------------------------------------ by hand */

static int hand_in(struct stage *s, struct err *e)
{
	char fill[TSTAMP_TEXT_MAX];
	int64_t window_ms = -1;
	bool again = false;
	int r = 0;

	s->db = db_open(cli_common.database, e);
	if (s->db == NULL)
		return -1;
	if (dry_run)
		db_dry_run(s->db);
	if (window != NULL)
		r = race_find_window(s->db, window, &window_ms, e);
	if (r == 0)
		r = race_hand_in(s->db, only.items[0], s->input.data, s->input.len,
				 cli_common.now_ms, cli_common.now_given, &window_ms, &again,
				 e);
	if (r == 0) {
		tstamp_format_short(window_ms + TSTAMP_WINDOW_MS, fill);
		buf_addf(&s->out, "%s: %s, fills at %s\n", only.items[0],
			 again ? "queued already" : "queued", fill);
	}
	return r;
}

/* Whether standard input holds an answer rather than a stream of decisions. Reads it. */
static int by_hand(struct stage *s, bool *hand, struct err *e)
{
	*hand = false;
	if (settle || only.n != 1)
		return 0;
	if (cli_read_stdin(&s->input, WIRE_LINE_MAX, &s->has_input, e) != 0)
		return -1;
	*hand = s->has_input &&
		!wire_is_stream(buf_str(&s->input), s->input.len, WIRE_DECISION);
	if (*hand && s->input.len == 0)
		return err_set(e, ERR_DATA,
			       "standard input: is empty; an answer or a stream is expected");
	return 0;
}

int main(int argc, char **argv)
{
	struct stage s = STAGE_INIT;
	struct handed h = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	bool hand = false;
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (settle && only.n > 0)
		cli_usage("--settle is about all agents");
	r = by_hand(&s, &hand, &e);
	if (r == 0)
		r = hand ? hand_in(&s, &e) : trade(&s, &h, &e);
	release(&h);
	return stage_end(&s, r, 0, &e);
}
