/*
 * tr-routes lists the models and services that agents were answered by, with how they did and
 * the score that decides which of an agent's candidates is asked first. For one agent and
 * window it tells the whole turn: every candidate with its score and what that was made of, the
 * attempts that followed and who answered. The statistics can be made anew from the calls.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "db.h"
#include "decimal.h"
#include "json.h"
#include "race.h"
#include "roster.h"
#include "route.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

static bool json, worst;
static const char *window_text;

static const struct cli_opt options[] = {
	{ 'r', "worst", CLI_FLAG, &worst, NULL, "list: the worst first" },
	{ 'w', "window", CLI_STRING, &window_text, "WINDOW",
	  "explain: id, time, latest or -N (default: the newest with a choice)" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, explain: print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "list", "", "all candidates that were ever asked; the default" },
	{ "explain", "AGENT", "which candidates an agent had in a window, and who answered" },
	{ "rebuild", "", "make the statistics anew from the calls" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-routes", "which model or service is asked, and why",
				      NULL, options, commands };

/* Text that others wrote: it must not steer the terminal. */
static void print_plain(const char *s)
{
	for (; *s != '\0'; s++)
		cli_outf("%c", (unsigned char)*s < ' ' || *s == 127 ? ' ' : *s);
}

static void print_record(struct json_writer *w)
{
	json_write_end(w);
	cli_out(buf_str(w->out), w->out->len);
}

/* ------------------------------------------------------------------ list */

static int64_t mean_ms(const struct route_candidate *c)
{
	return c->good > 0 ? c->latency_ms / c->good : 0;
}

/* In hundredths of a percent. */
static int64_t success(const struct route_candidate *c)
{
	return c->calls > 0 ? c->good * 10000 / c->calls : 0;
}

static void print_stat_json(const struct route_stat *s)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.route/1");
	json_write_string(&w, "candidate", s->c.name);
	json_write_int(&w, "score", s->c.score);
	json_write_int(&w, "calls", s->c.calls);
	json_write_int(&w, "good", s->c.good);
	json_write_decimal(&w, "success_pct", success(&s->c), 2);
	if (s->c.good > 0)
		json_write_int(&w, "mean_ms", mean_ms(&s->c));
	else
		json_write_null(&w, "mean_ms");
	json_write_decimal(&w, "cost", s->cost, MONEY_SCALE);
	json_write_int(&w, "flying", s->c.flying);
	json_write_int(&w, "parallel", s->c.parallel);
	json_write_string(&w, "service", s->service);
	json_write_string(&w, "breaker", circuit_state_name(s->circuit.state));
	json_write_bool(&w, "needs_operator", s->circuit.needs_operator);
	json_write_close(&w);
	print_record(&w);
	buf_release(&b);
}

static int print_stat(void *ctx, const struct route_stat *s, struct err *e)
{
	char cost[DECIMAL_TEXT_MAX], rate[DECIMAL_TEXT_MAX], mean[24] = "-";
	bool *headed = ctx;

	(void)e;
	if (json) {
		print_stat_json(s);
		return 0;
	}
	if (!*headed)
		cli_outf("%-36s %6s %7s %8s %8s %12s  %s\n", "CANDIDATE", "SCORE", "CALLS",
			 "GOOD", "MEAN MS", "USD", "BREAKER");
	*headed = true;
	if (s->c.good > 0)
		snprintf(mean, sizeof mean, "%" PRId64, mean_ms(&s->c));
	decimal_format_fixed(success(&s->c), 2, 1, rate);
	cli_outf("%-36s %6" PRId64 " %7" PRId64 " %6s %% %8s %12s  %s%s\n", s->c.name,
		 s->c.score, s->c.calls, rate, mean, decimal_format(s->cost, MONEY_SCALE, cost),
		 circuit_state_name(s->circuit.state),
		 s->circuit.needs_operator ? ", needs an operator" : "");
	return 0;
}

static int list(struct db *db, struct err *e)
{
	bool headed = false;
	struct config c;
	int r = -1;

	config_init(&c);
	if (config_load(db, &c, e) == 0 && config_environment(&c, e) == 0 &&
	    db_read_begin(db, e) == 0) {
		r = route_stats(db, &c, worst, tstamp_wall_ms(), print_stat, &headed, e);
		db_read_end(db);
	}
	config_release(&c);
	return r;
}

/* ------------------------------------------------------------------ explain: text */

static const char *number(const struct json *candidate, const char *key)
{
	const char *text = json_text(json_get(candidate, key));

	return text != NULL ? text : "-";
}

static int print_candidates(const struct route_choice *c, struct err *e)
{
	struct json *all = json_parse(c->candidates, strlen(c->candidates), e);

	if (all == NULL)
		return err_prefix(e, "table routes");
	cli_outf("  %-36s %6s %7s %7s %8s %7s  %s\n", "CANDIDATE", "SCORE", "CALLS", "GOOD",
		 "MEAN MS", "FLYING", "BREAKER");
	for (const struct json *i = json_first(all); i != NULL; i = json_next(i))
		cli_outf("%c %-36s %6s %7s %7s %8s %7s  %s\n",
			 strcmp(number(i, "candidate"), c->chosen) == 0 ? '*' : ' ',
			 number(i, "candidate"), number(i, "score"), number(i, "calls"),
			 number(i, "good"), number(i, "mean_ms"), number(i, "flying"),
			 number(i, "breaker"));
	json_free(all);
	return 0;
}

static void print_attempt(const struct route_attempt *a)
{
	char cost[DECIMAL_TEXT_MAX];

	decimal_format(a->cost, MONEY_SCALE, cost);
	cli_outf("  attempt %" PRId64 ": %s: ", a->attempt, a->candidate);
	if (!a->over) {
		cli_outf("under way, or its process died; %s USD reserved\n", cost);
		return;
	}
	print_plain(a->class);
	if (a->status != 0)
		cli_outf(", HTTP %" PRId64, a->status);
	cli_outf(", %" PRId64 " ms, %s USD%s", a->latency_ms, cost,
		 a->lost ? ", answer lost" : "");
	if (a->error != NULL) {
		cli_outf(": ");
		print_plain(a->error);
	}
	cli_outf("\n");
}

static void print_answer(const struct route_story *s)
{
	char cost[DECIMAL_TEXT_MAX];

	if (s->answered) {
		cli_outf("answered by %s", s->candidate);
		if (s->returned != NULL) {
			cli_outf(" as ");
			print_plain(s->returned);
		}
		if (s->input >= 0)
			cli_outf(", %" PRId64 " tokens in, %" PRId64 " out", s->input,
				 s->output);
		cli_outf(", %s USD%s\n", decimal_format(s->cost, MONEY_SCALE, cost),
			 s->substitute ? ", a substitute" : "");
	} else {
		cli_outf("nobody answered\n");
	}
	cli_outf("decision: %s", s->decision != NULL ? s->decision : "none yet");
	if (s->error != NULL) {
		cli_outf(": ");
		print_plain(s->error);
	}
	cli_outf("\n");
}

static int print_story(const char *agent, int64_t window_ms, const struct route_story *s,
		       struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX], at[TSTAMP_TEXT_MAX];

	cli_outf("%s in %s\n", agent, tstamp_window_id(window_ms, id));
	for (size_t i = 0; i < s->n_choices || i == 0; i++) {
		if (i < s->n_choices) {
			cli_outf("%s  chosen: %s\n", tstamp_format(s->choices[i].at_ms, at),
				 s->choices[i].chosen);
			if (print_candidates(&s->choices[i], e) != 0)
				return -1;
		}
		for (size_t k = 0; k < s->n_attempts; k++)
			if (s->attempts[k].choice == i)
				print_attempt(&s->attempts[k]);
	}
	print_answer(s);
	return 0;
}

/* ------------------------------------------------------------------ explain: JSON */

static void write_attempt(struct json_writer *w, const struct route_attempt *a)
{
	char at[TSTAMP_TEXT_MAX];

	json_write_object(w, NULL);
	json_write_string(w, "candidate", a->candidate);
	json_write_int(w, "attempt", a->attempt);
	json_write_string(w, "at", tstamp_format(a->at_ms, at));
	json_write_string(w, "class", a->class);
	if (a->over)
		json_write_int(w, "status", a->status);
	else
		json_write_null(w, "status");
	json_write_bool(w, "lost", a->lost);
	json_write_decimal(w, "cost", a->cost, MONEY_SCALE);
	json_write_int(w, "latency_ms", a->latency_ms);
	json_write_string(w, "error", a->error);
	json_write_close(w);
}

static void write_attempts(struct json_writer *w, const struct route_story *s, size_t choice)
{
	json_write_array(w, "attempts");
	for (size_t k = 0; k < s->n_attempts; k++)
		if (s->attempts[k].choice == choice)
			write_attempt(w, &s->attempts[k]);
	json_write_close(w);
}

static void write_choices(struct json_writer *w, const struct route_story *s)
{
	char at[TSTAMP_TEXT_MAX];

	json_write_array(w, "choices");
	for (size_t i = 0; i < s->n_choices; i++) {
		const struct route_choice *c = &s->choices[i];

		json_write_object(w, NULL);
		json_write_string(w, "at", tstamp_format(c->at_ms, at));
		json_write_string(w, "chosen", c->chosen);
		json_write_raw(w, "candidates", c->candidates, strlen(c->candidates));
		write_attempts(w, s, i);
		json_write_close(w);
	}
	json_write_close(w);
}

static void write_tokens(struct json_writer *w, const char *key, int64_t n)
{
	if (n >= 0)
		json_write_int(w, key, n);
	else
		json_write_null(w, key);
}

static void write_answer(struct json_writer *w, const struct route_story *s)
{
	if (!s->answered) {
		json_write_null(w, "answer");
		return;
	}
	json_write_object(w, "answer");
	json_write_string(w, "candidate", s->candidate);
	json_write_string(w, "returned", s->returned);
	json_write_bool(w, "substitute", s->substitute);
	write_tokens(w, "input", s->input);
	write_tokens(w, "output", s->output);
	json_write_decimal(w, "cost", s->cost, MONEY_SCALE);
	json_write_close(w);
}

static void print_story_json(const char *agent, int64_t window_ms, const struct route_story *s)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	wire_open(&w, &b, "tr.route.turn/1", window_ms);
	json_write_string(&w, "agent", agent);
	write_choices(&w, s);
	write_answer(&w, s);
	json_write_string(&w, "decision", s->decision);
	json_write_string(&w, "error", s->error);
	json_write_close(&w);
	print_record(&w);
	buf_release(&b);
}

/* ------------------------------------------------------------------ explain */

static int find_window(struct db *db, const struct roster_agent *a, int64_t *window_ms,
		       struct err *e)
{
	if (window_text != NULL)
		return race_find_window(db, window_text, window_ms, e);
	if (route_story_latest(db, a->id, window_ms, e) != 0)
		return -1;
	if (*window_ms < 0)
		return err_set(e, ERR_NOTFOUND, "agent %s: nobody was asked for it yet",
			       a->name);
	return 0;
}

static int tell(struct db *db, const struct roster_agent *a, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct route_story s;
	int64_t window_ms;
	int r = 0;

	if (find_window(db, a, &window_ms, e) != 0 ||
	    route_story_load(db, a->id, window_ms, &s, e) != 0)
		return -1;
	if (s.n_choices == 0 && s.n_attempts == 0 && !s.answered)
		r = err_set(e, ERR_NOTFOUND, "agent %s: nobody was asked for it in %s", a->name,
			    tstamp_window_id(window_ms, id));
	else if (json)
		print_story_json(a->name, window_ms, &s);
	else
		r = print_story(a->name, window_ms, &s, e);
	route_story_release(&s);
	return r;
}

static int explain(struct db *db, const char *name, struct err *e)
{
	struct roster_agent a;
	int r;

	if (db_read_begin(db, e) != 0)
		return -1;
	r = roster_load_agent(db, name, 0, &a, e);
	if (r == 0) {
		r = tell(db, &a, e);
		roster_release_agent(&a);
	}
	db_read_end(db);
	return r;
}

/* ------------------------------------------------------------------ rebuild */

static int rebuild(struct db *db, struct err *e)
{
	int64_t n = 0;

	if (db_begin(db, e) != 0 || db_end(db, route_rebuild(db, &n, e), e) != 0)
		return -1;
	if (cli_common.quiet == 0)
		cli_outf("%" PRId64 " candidate%s\n", n, n == 1 ? "" : "s");
	return 0;
}

/* The command; without one it is list. */
static const char *check_usage(const struct cli_args *args)
{
	const char *name = args->n > 0 ? args->operands[0] : "list";
	const struct cli_command *c = commands;

	if (args->has_rest)
		cli_usage("nothing is expected after --");
	while (c->name != NULL && strcmp(c->name, name) != 0)
		c++;
	if (c->name == NULL)
		cli_usage("unknown command %s", name);
	if (c->args[0] == 'A' && args->n < 2)
		cli_usage("%s: an agent is missing", name);
	if (args->n > (c->args[0] != '\0' ? 2 : 1))
		cli_usage("%s: too many operands", name);
	if (worst && strcmp(name, "list") != 0)
		cli_usage("%s: --worst is for list", name);
	if (window_text != NULL && strcmp(name, "explain") != 0)
		cli_usage("%s: --window is for explain", name);
	if (json && strcmp(name, "rebuild") == 0)
		cli_usage("%s: --json is for list and explain", name);
	return c->name;
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	const char *command;
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	command = check_usage(&args);
	db = db_open(cli_common.database, &e);
	if (db != NULL)
		r = strcmp(command, "list") == 0      ? list(db, &e)
		    : strcmp(command, "explain") == 0 ? explain(db, args.operands[1], &e)
						      : rebuild(db, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
