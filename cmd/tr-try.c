/*
 * tr-try asks the model of an llm agent about its last decision windows, as they were shown,
 * under other instructions, outside of the race: no book is written, only the attempts are
 * noted, with their money. It prints what it will cost first, and then how many answers are
 * valid, how long they took, what they cost and which windows got other orders.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "decimal.h"
#include "mem.h"
#include "race_try.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

static const char *prompt, *against, *template, *model, *max_usd, *record, *play;
static int64_t last = -1, from_ms = -1, to_ms = -1;
static bool yes, json;

static const struct cli_opt options[] = {
	{ 'p', "prompt", CLI_STRING, &prompt, "FILE",
	  "instructions to try (default: those of the agent)" },
	{ 'a', "against", CLI_STRING, &against, "FILE",
	  "instructions to compare with (default: what was decided)" },
	{ 'T', "template", CLI_STRING, &template, "FILE",
	  "what prompts are made from, instead of the agent's" },
	{ 'm', "model", CLI_STRING, &model, "PROVIDER/MODEL",
	  "ask this model instead of the agent's" },
	{ 'l', "last", CLI_INT, &last, "N", "the last N decision windows of the agent" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "only windows that start at TIME or later" },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "only windows that start before TIME" },
	{ 'u', "max-usd", CLI_STRING, &max_usd, "USD", "what may be spent at most" },
	{ 'y', "yes", CLI_FLAG, &yes, NULL, "do not ask on a terminal before spending" },
	{ 0, "record", CLI_STRING, &record, "FILE", "append every exchange to FILE" },
	{ 0, "play", CLI_STRING, &play, "FILE",
	  "take the answers from FILE: no network, no cost" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON lines" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-try", "try instructions outside of the race", "AGENT",
				      options, NULL };

static const char *const names[RACE_TRY_PROMPTS_MAX] = { "prompt", "against" };

/* ------------------------------------------------------------------ input */

/* One byte more than is allowed is enough to be refused. NULL for no file. */
static int read_text(const char *path, char **text, struct err *e)
{
	struct buf b = BUF_INIT;
	char block[8192];
	size_t n;
	FILE *f;

	*text = NULL;
	if (path == NULL)
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "%.200s", path);
	while (b.len <= ROSTER_TEXT_MAX && (n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&b, block, n);
	if (ferror(f))
		err_sys(e, ERR_IO, "%.200s", path);
	else if (memchr(buf_str(&b), '\0', b.len) != NULL)
		err_set(e, ERR_DATA, "%.200s: has a control character", path);
	fclose(f);
	if (e->status == 0)
		*text = buf_take(&b);
	buf_release(&b);
	return e->status == 0 ? 0 : -1;
}

static int read_money(int64_t *max, struct err *e)
{
	struct err why = { 0 };

	*max = -1;
	if (max_usd == NULL ||
	    (decimal_parse(max_usd, strlen(max_usd), MONEY_SCALE, max, &why) == 0 && *max >= 0))
		return 0;
	return err_set(e, ERR_USAGE, "--max-usd: %s",
		       why.status != 0 ? why.text : "must be 0 or more");
}

/* ------------------------------------------------------------------ money first */

static void print_estimate(const struct race_try *t)
{
	char typical[DECIMAL_TEXT_MAX], worst[DECIMAL_TEXT_MAX];

	if (cli_common.quiet > 0)
		return;
	if (play != NULL)
		fprintf(stderr, "tr-try: %zu questions, answered from %s: nothing is spent\n",
			t->n_windows * t->n_prompts, play);
	else
		fprintf(stderr, "tr-try: %zu questions to %s: typically %s USD, at most %s\n",
			t->n_windows * t->n_prompts, t->model,
			decimal_format(t->typical, MONEY_SCALE, typical),
			decimal_format(t->worst, MONEY_SCALE, worst));
}

static int check_money(const struct race_try *t, int64_t max, struct err *e)
{
	char worst[DECIMAL_TEXT_MAX];

	if (t->worst == 0)
		return 0;
	if (max < 0)
		return err_set(e, ERR_USAGE,
			       "%s is paid for: --max-usd says how much may be spent",
			       t->model);
	if (t->worst > max)
		return err_set(e, ERR_CONFIG, "could cost %s USD, more than --max-usd allows",
			       decimal_format(t->worst, MONEY_SCALE, worst));
	return 0;
}

/* On a terminal somebody can still say no. */
static bool agreed(const struct race_try *t)
{
	char line[16] = "";

	if (yes || t->worst == 0 || !isatty(0) || !isatty(2))
		return true;
	fputs("go on? [y/N] ", stderr);
	return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* ------------------------------------------------------------------ sums */

struct sum {
	int64_t n[DECISION_STATUSES];
	int64_t asked, valid, mean_ms, p95_ms, input, cached, output, reasoning, cost;
	int64_t came;
};

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void add_up(const struct race_try *t, size_t p, struct sum *s)
{
	int64_t *latency = mem_array(t->n_windows, sizeof *latency), total = 0;

	*s = (struct sum){ .asked = (int64_t)t->n_windows };
	for (size_t i = 0; i < t->n_windows; i++) {
		const struct race_try_answer *a = race_try_get(t, i, p);

		s->n[a->status]++;
		s->valid += a->orders != NULL;
		s->input += a->input;
		s->cached += a->cached;
		s->output += a->output;
		s->reasoning += a->reasoning;
		s->cost += a->cost;
		if (!a->came)
			continue;
		latency[s->came++] = a->latency_ms;
		total += a->latency_ms;
	}
	if (s->came > 0) {
		qsort(latency, (size_t)s->came, sizeof *latency, by_number);
		s->mean_ms = total / s->came;
		/* the smallest that at least 95 of 100 do not exceed */
		s->p95_ms = latency[(s->came * 95 + 99) / 100 - 1];
	}
	free(latency);
}

static void count_compared(const struct race_try *t, int64_t *compared, int64_t *differ)
{
	*compared = *differ = 0;
	for (size_t i = 0; i < t->n_windows; i++) {
		bool other;

		*compared += race_try_compare(t, i, &other);
		*differ += other;
	}
}

/* ------------------------------------------------------------------ JSON */

static void print_answer(const struct race_try *t, size_t i, size_t p, struct buf *out)
{
	const struct race_try_answer *a = race_try_get(t, i, p);
	struct json_writer w;
	bool differs;

	wire_open(&w, out, "tr.try/1", t->windows[i].window_ms);
	json_write_string(&w, "agent", t->agent.name);
	json_write_string(&w, "prompt", names[p]);
	json_write_string(&w, "model", t->model);
	json_write_string(&w, "returned", a->returned);
	json_write_string(&w, "status", decision_status_name(a->status));
	if (a->orders != NULL)
		json_write_raw(&w, "orders", a->orders, strlen(a->orders));
	else
		json_write_null(&w, "orders");
	json_write_string(&w, "error", a->error);
	json_write_string(&w, "decided", decision_status_name(t->windows[i].decided));
	json_write_raw(&w, "decided_orders", t->windows[i].orders,
		       strlen(t->windows[i].orders));
	if (race_try_compare(t, i, &differs))
		json_write_bool(&w, "differs", differs);
	else
		json_write_null(&w, "differs");
	json_write_int(&w, "attempts", a->attempts);
	json_write_int(&w, "latency_ms", a->latency_ms);
	json_write_int(&w, "input", a->input);
	json_write_int(&w, "cached", a->cached);
	json_write_int(&w, "output", a->output);
	json_write_int(&w, "reasoning", a->reasoning);
	json_write_decimal(&w, "cost_usd", a->cost, MONEY_SCALE);
	json_write_close(&w);
	json_write_end(&w);
}

static void print_sum(const struct race_try *t, size_t p, struct buf *out)
{
	char first[TSTAMP_TEXT_MAX], end[TSTAMP_TEXT_MAX];
	int64_t compared, differ;
	struct json_writer w;
	struct sum s;

	add_up(t, p, &s);
	count_compared(t, &compared, &differ);
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.trysum/1");
	json_write_string(&w, "agent", t->agent.name);
	json_write_string(&w, "prompt", names[p]);
	json_write_string(&w, "model", t->model);
	json_write_string(&w, "first", tstamp_format(t->first_ms, first));
	json_write_string(&w, "last", tstamp_format(t->last_ms, end));
	json_write_int(&w, "skipped", (int64_t)t->skipped);
	json_write_int(&w, "asked", s.asked);
	json_write_int(&w, "valid", s.valid);
	for (int i = 0; i < DECISION_STATUSES; i++)
		if (i != DECISION_LATE)
			json_write_int(&w, decision_status_name((enum decision_status)i),
				       s.n[i]);
	json_write_int(&w, "mean_ms", s.mean_ms);
	json_write_int(&w, "p95_ms", s.p95_ms);
	json_write_int(&w, "input", s.input);
	json_write_int(&w, "cached", s.cached);
	json_write_int(&w, "output", s.output);
	json_write_int(&w, "reasoning", s.reasoning);
	json_write_decimal(&w, "cost_usd", s.cost, MONEY_SCALE);
	json_write_string(&w, "compared_with", t->n_prompts > 1 ? names[1 - p] : "decided");
	json_write_int(&w, "compared", compared);
	json_write_int(&w, "differ", differ);
	json_write_close(&w);
	json_write_end(&w);
}

static void print_json(const struct race_try *t, struct buf *out)
{
	for (size_t i = 0; i < t->n_windows; i++)
		for (size_t p = 0; p < t->n_prompts; p++)
			print_answer(t, i, p, out);
	for (size_t p = 0; p < t->n_prompts; p++)
		print_sum(t, p, out);
}

/* ------------------------------------------------------------------ text */

static const char *what_came(const struct race_try_answer *a)
{
	return a->orders != NULL ? a->orders : decision_status_name(a->status);
}

static void print_window(const struct race_try *t, size_t i, struct buf *out)
{
	const struct race_try_window *w = &t->windows[i];
	const struct race_try_answer *a = race_try_get(t, i, 0);
	char when[TSTAMP_TEXT_MAX];

	buf_addf(out, "%s  prompt %s  ", tstamp_format_short(w->window_ms, when), what_came(a));
	if (t->n_prompts > 1)
		buf_addf(out, "against %s\n", what_came(race_try_get(t, i, 1)));
	else
		buf_addf(out, "decided %s\n", w->orders);
}

static void print_row(const struct race_try *t, size_t p, struct buf *out)
{
	char cost[DECIMAL_TEXT_MAX];
	struct sum s;

	add_up(t, p, &s);
	buf_addf(out,
		 "%-8s %6" PRId64 " %6" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64
		 " %6" PRId64 " %8" PRId64 " %8" PRId64 " %9" PRId64 " %8" PRId64 "  %s\n",
		 names[p], s.asked, s.valid, s.n[DECISION_INVALID], s.n[DECISION_REFUSED],
		 s.n[DECISION_TIMEOUT], s.n[DECISION_ERROR] + s.n[DECISION_BUDGET], s.mean_ms,
		 s.p95_ms, s.input, s.output, decimal_format(s.cost, MONEY_SCALE, cost));
}

static void print_text(const struct race_try *t, struct buf *out)
{
	char first[TSTAMP_TEXT_MAX], end[TSTAMP_TEXT_MAX];
	int64_t compared, differ;
	bool differs;

	count_compared(t, &compared, &differ);
	buf_addf(out, "%s by %s: %zu windows from %s to %s", t->agent.name, t->model,
		 t->n_windows, tstamp_format_short(t->first_ms, first),
		 tstamp_format_short(t->last_ms, end));
	if (t->skipped > 0)
		buf_addf(out, ", %zu without their context skipped", t->skipped);
	buf_addf(out, "\n%-8s %6s %6s %8s %8s %8s %6s %8s %8s %9s %8s  %s\n", "", "ASKED",
		 "VALID", "INVALID", "REFUSED", "TIMEOUT", "ERROR", "MEAN MS", "P95 MS",
		 "INPUT", "OUTPUT", "USD");
	for (size_t p = 0; p < t->n_prompts; p++)
		print_row(t, p, out);
	buf_addf(out, "%" PRId64 " of %" PRId64 " windows with other orders %s\n", differ,
		 compared, t->n_prompts > 1 ? "under the two" : "than were decided");
	for (size_t i = 0; i < t->n_windows && cli_common.verbose > 0; i++)
		if (race_try_compare(t, i, &differs) && differs)
			print_window(t, i, out);
}

/* ------------------------------------------------------------------ the work */

/* Ask and print: the exit status. */
static int run(struct race_try *t, int64_t max, struct err *e)
{
	struct buf out = BUF_INIT;
	int status;

	print_estimate(t);
	if (check_money(t, max, e) != 0)
		return cli_fail(e);
	if (!agreed(t))
		return ERR_NEGATIVE;
	if (race_try_run(t, max, e) != 0) {
		status = cli_fail(e);
		return cli_stop != 0 ? 128 + cli_stop : status;
	}
	if (json)
		print_json(t, &out);
	else
		print_text(t, &out);
	if (cli_common.quiet == 0)
		cli_out(buf_str(&out), out.len);
	buf_release(&out);
	status = race_try_status(t, e);
	return e->status != 0 ? cli_fail(e) : status;
}

static int try_agent(const char *agent, struct err *e)
{
	char *texts[RACE_TRY_PROMPTS_MAX] = { NULL, NULL }, *frame = NULL;
	struct race_try_options o = { .agent = agent,
				      .model = model,
				      .n_prompts = against != NULL ? 2 : 1,
				      .last = last > 0 ? last : RACE_TRY_LAST_MAX,
				      .from_ms = from_ms,
				      .to_ms = to_ms,
				      .record = record,
				      .play = play,
				      .stop = &cli_stop };
	struct race_try t = { 0 };
	struct db *db = NULL;
	int64_t max;
	int status = -1;

	if (read_money(&max, e) != 0 || read_text(prompt, &texts[0], e) != 0 ||
	    read_text(against, &texts[1], e) != 0 || read_text(template, &frame, e) != 0)
		goto out;
	for (size_t i = 0; i < RACE_TRY_PROMPTS_MAX; i++)
		o.prompts[i] = texts[i];
	o.template = frame;
	db = db_open(cli_common.database, e);
	if (db != NULL && race_try_open(db, &o, &t, e) == 0)
		status = run(&t, max, e);
out:
	if (status < 0)
		status = cli_fail(e);
	race_try_release(&t);
	db_close(db);
	for (size_t i = 0; i < RACE_TRY_PROMPTS_MAX; i++)
		free(texts[i]);
	free(frame);
	return status;
}

static void check_usage(const struct cli_args *args)
{
	if (args->n != 1 || args->has_rest)
		cli_usage("one agent is expected");
	if (last == -1 && from_ms < 0 && to_ms < 0)
		cli_usage("--last says how many windows");
	if (last != -1 && (last < 1 || last > RACE_TRY_LAST_MAX))
		cli_usage("--last is 1 to %d", RACE_TRY_LAST_MAX);
	if (from_ms >= 0 && to_ms >= 0 && from_ms >= to_ms)
		cli_usage("--from must be before --to");
	if (record != NULL && play != NULL)
		cli_usage("--record and --play contradict each other");
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };

	cli_start(&tool, argc, argv, &args);
	check_usage(&args);
	cli_catch_stop();
	return cli_end(try_agent(args.operands[0], &e));
}
