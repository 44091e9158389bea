/*
 * tr-why explains a trade, a decision, a rejection, what an agent did in a window, or a window,
 * also one that nobody ran: the prices with their source and age, what the agent was shown and
 * asked, who answered and what, what the rules made of it, the arithmetic of every fill, and
 * cash and position before and after. All of it is computed once more by the functions that
 * computed it then; what does not come to the same is said.
 */
#include <string.h>

#include "cli.h"
#include "race_why.h"

#include "banned.h"

#define OUT_MAX ((size_t)1 << 30) /* bytes; a window of very many agents, with all texts */

static bool context, prompt, json;

static const struct cli_opt options[] = {
	{ 'c', "context", CLI_FLAG, &context, NULL, "print what the agent was shown, too" },
	{ 'p', "prompt", CLI_FLAG, &prompt, NULL, "print what the model was asked, too" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "trade", "N", "the fill of that number" },
	{ "decision", "N", "the N-th decision that was carried out" },
	{ "rejection", "N", "the N-th order that was dropped" },
	{ "window", "[WINDOW]", "a window, also one that was missed or skipped" },
	{ "agent", "AGENT [WINDOW] [ASSET]",
	  "what an agent did in a window; the default, without this word" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-why", "explain a trade, a decision or a window", NULL,
				      options, commands };

/* A window may be -N, which has to stand after "--". */
#define OPERANDS_MAX 4

static size_t take_operands(const struct cli_args *args, const char *all[OPERANDS_MAX])
{
	size_t n = 0;

	if (args->n + args->n_rest > OPERANDS_MAX)
		cli_usage("too many operands");
	for (size_t i = 0; i < args->n; i++)
		all[n++] = args->operands[i];
	for (size_t i = 0; i < args->n_rest; i++)
		all[n++] = args->rest[i];
	return n;
}

static int64_t parse_number(const char *what, const char *text)
{
	struct err e = { 0 };
	int64_t n;

	if (decimal_parse(text, strlen(text), 0, &n, &e) != 0 || n < 1)
		cli_usage("%s \"%.40s\": a number from 1 is expected", what, text);
	return n;
}

static void parse_numbered(struct race_why_query *q, const char *const *all, size_t n)
{
	if (n != 2)
		cli_usage("%s: one number is expected", all[0]);
	q->number = parse_number(all[0], all[1]);
}

static void parse_agent(struct race_why_query *q, const char *const *all, size_t n)
{
	if (n < 1 || n > 3)
		cli_usage("an agent, a window and an asset are expected");
	q->subject = RACE_WHY_AGENT;
	q->agent = all[0];
	q->window = n > 1 ? all[1] : "latest";
	q->asset = n > 2 ? all[2] : NULL;
}

static void parse_query(const struct cli_args *args, struct race_why_query *q)
{
	const char *all[OPERANDS_MAX];
	size_t n = take_operands(args, all);

	if (n == 0)
		cli_usage("what is to be explained?");
	q->subject = RACE_WHY_TRADE;
	while (q->subject < RACE_WHY_WINDOW &&
	       strcmp(all[0], race_why_subject_name(q->subject)) != 0)
		q->subject++;
	if (strcmp(all[0], race_why_subject_name(q->subject)) != 0)
		parse_agent(q, all, n);
	else if (q->subject == RACE_WHY_AGENT)
		parse_agent(q, all + 1, n - 1);
	else if (q->subject != RACE_WHY_WINDOW)
		parse_numbered(q, all, n);
	else if (n > 2)
		cli_usage("window: one window is expected");
	else
		q->window = n > 1 ? all[1] : "latest";
}

static int explain(struct db *db, const struct race_why_query *q, struct err *e)
{
	struct race_why y;
	struct buf out;
	int r = race_why_load(db, q, &y, e);

	buf_init(&out, OUT_MAX);
	if (r == 0) {
		if (json)
			race_why_record(&y, context, prompt, &out);
		else
			race_why_tell(&y, context, prompt, &out);
		if (buf_overflowed(&out))
			r = err_set(e, ERR_DATA, "this is too much to tell at once");
	}
	if (r == 0) {
		cli_out(buf_str(&out), out.len);
		r = y.n_problems > 0 ? ERR_NEGATIVE : 0;
	}
	race_why_release(&y);
	buf_release(&out);
	return r;
}

int main(int argc, char **argv)
{
	struct race_why_query q = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	parse_query(&args, &q);
	db = db_open(cli_common.database, &e);
	if (db != NULL)
		r = explain(db, &q, &e);
	db_close(db);
	return cli_end(r >= 0 ? r : cli_fail(&e));
}
