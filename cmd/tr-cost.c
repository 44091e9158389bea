/*
 * tr-cost says what the calls to models cost: what is spent, what is reserved for attempts
 * whose cost is not known, and which of them may have been billed for nothing or twice; what
 * the caps of the day leave; and where the last 24 hours lead. Days are of UTC and of the real
 * clock, whatever window an agent was asked for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "cost.h"
#include "db.h"
#include "decimal.h"
#include "json.h"
#include "mem.h"
#include "roster.h"
#include "tstamp.h"

#include "banned.h"

static bool json, today;
static int64_t since_ms = -1, until_ms = -1;
static const char *agent_name, *by_text;

static const struct cli_opt options[] = {
	{ 0, "today", CLI_FLAG, &today, NULL, "only the present UTC day" },
	{ 0, "since", CLI_TIME, &since_ms, "TIME",
	  "only attempts that began at TIME or later" },
	{ 0, "until", CLI_TIME, &until_ms, "TIME", "only attempts that began before TIME" },
	{ 'a', "agent", CLI_STRING, &agent_name, "AGENT", "only attempts for this agent" },
	{ 'b', "by", CLI_STRING, &by_text, "PART", "also by agent, model or day" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-cost", "what calls to models cost", NULL, options,
				      NULL };

static const char *const parts[] = { [COST_ALL] = "", "agent", "model", "day" };

struct part {
	char *name; /* owned; "" for calls without an agent */
	struct cost_sum sum;
	struct cost_cap cap; /* by agent */
	bool capped;
};

struct report {
	struct db *db;
	struct config config;
	struct cost_query q;
	enum cost_by by;
	struct cost_sum sum;
	struct part *parts; /* owned */
	size_t n;
	bool whole; /* days: the accounts can be compared */
	int64_t account;
	struct cost_cap race, agent; /* of today */
	struct cost_forecast forecast;
};

/* ------------------------------------------------------------------ load */

static int take_part(void *ctx, const char *name, int64_t agent_id, const struct cost_sum *s,
		     struct err *e)
{
	struct report *r = ctx;
	struct part *p;

	r->parts = mem_resize(r->parts, r->n + 1, sizeof *r->parts);
	p = &r->parts[r->n++];
	*p = (struct part){ .name = mem_strdup(name), .sum = *s };
	p->capped = r->by == COST_AGENT && agent_id != 0;
	return p->capped ? cost_cap(r->db, &r->config, agent_id, r->q.now_ms, &p->cap, e) : 0;
}

static int load_all(struct report *r, struct err *e)
{
	struct db *db = r->db;
	const struct cost_query *q = &r->q;

	if (cost_load(db, q, &r->sum, e) != 0 ||
	    cost_account(db, q, &r->whole, &r->account, e) != 0 ||
	    cost_cap(db, &r->config, 0, q->now_ms, &r->race, e) != 0 ||
	    cost_forecast(db, q->agent_id, q->now_ms, &r->forecast, e) != 0)
		return -1;
	if (q->agent_id != 0 &&
	    cost_cap(db, &r->config, q->agent_id, q->now_ms, &r->agent, e) != 0)
		return -1;
	return r->by == COST_ALL ? 0 : cost_parts(db, q, r->by, take_part, r, e);
}

static int find_agent(struct report *r, struct err *e)
{
	struct roster_agent a;

	if (agent_name == NULL)
		return 0;
	if (roster_load_agent(r->db, agent_name, 0, &a, e) != 0)
		return -1;
	r->q.agent_id = a.id;
	roster_release_agent(&a);
	return 0;
}

static int load(struct report *r, struct err *e)
{
	int rc;

	if (config_load(r->db, &r->config, e) != 0 || config_environment(&r->config, e) != 0 ||
	    db_read_begin(r->db, e) != 0)
		return -1;
	rc = find_agent(r, e);
	if (rc == 0)
		rc = load_all(r, e);
	db_read_end(r->db);
	return rc;
}

/* ------------------------------------------------------------------ JSON */

static void write_sum(struct json_writer *w, const struct cost_sum *s)
{
	json_write_int(w, "calls", s->calls);
	json_write_decimal(w, "spent", s->spent, MONEY_SCALE);
	json_write_decimal(w, "reserved", cost_reserved(s), MONEY_SCALE);
	json_write_int(w, "under_way", s->flying);
	json_write_int(w, "doubtful", s->doubtful);
	json_write_decimal(w, "doubtful_usd", s->doubtful_usd, MONEY_SCALE);
	json_write_int(w, "input", s->input);
	json_write_int(w, "output", s->output);
}

static void write_cap(struct json_writer *w, const char *key, const struct cost_cap *c)
{
	json_write_object(w, key);
	json_write_decimal(w, "cap", c->cap, MONEY_SCALE);
	json_write_decimal(w, "spent", c->spent, MONEY_SCALE);
	json_write_decimal(w, "left", c->left, MONEY_SCALE);
	json_write_close(w);
}

static void write_known(struct json_writer *w, const char *key, bool known, int64_t usd)
{
	if (known)
		json_write_decimal(w, key, usd, MONEY_SCALE);
	else
		json_write_null(w, key);
}

static void write_time(struct json_writer *w, const char *key, bool known, int64_t ms)
{
	char text[TSTAMP_TEXT_MAX];

	json_write_string(w, key, known ? tstamp_format(ms, text) : NULL);
}

static void write_parts(struct json_writer *w, const struct report *r)
{
	json_write_array(w, "parts");
	for (size_t i = 0; i < r->n; i++) {
		const struct part *p = &r->parts[i];

		json_write_object(w, NULL);
		json_write_string(w, parts[r->by], p->name[0] != '\0' ? p->name : NULL);
		write_sum(w, &p->sum);
		if (p->capped)
			write_cap(w, "today", &p->cap);
		json_write_close(w);
	}
	json_write_close(w);
}

static void print_json(const struct report *r)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.cost/1");
	write_time(&w, "time", true, r->q.now_ms);
	write_time(&w, "since", r->q.since_ms > 0, r->q.since_ms);
	write_time(&w, "until", r->q.until_ms < INT64_MAX, r->q.until_ms);
	json_write_string(&w, "agent", agent_name);
	write_sum(&w, &r->sum);
	write_known(&w, "account", r->whole, r->account);
	write_cap(&w, "race_today", &r->race);
	if (agent_name != NULL)
		write_cap(&w, "agent_today", &r->agent);
	write_known(&w, "projected_day", r->forecast.known, r->forecast.day);
	write_known(&w, "projected_30_days", r->forecast.known, r->forecast.month);
	if (r->by != COST_ALL)
		write_parts(&w, r);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

/* ------------------------------------------------------------------ text */

static void print_range(const struct report *r)
{
	char from[TSTAMP_TEXT_MAX], to[TSTAMP_TEXT_MAX];

	if (agent_name != NULL)
		cli_outf("agent %s, ", agent_name);
	if (r->q.since_ms > 0)
		cli_outf("from %s ", tstamp_format_short(r->q.since_ms, from));
	if (r->q.until_ms < INT64_MAX)
		cli_outf("to %s ", tstamp_format_short(r->q.until_ms, to));
	cli_outf("%s\n", r->q.since_ms > 0 || r->q.until_ms < INT64_MAX ? "UTC" : "all days");
}

static void print_sum(const struct report *r)
{
	const struct cost_sum *s = &r->sum;
	char usd[DECIMAL_TEXT_MAX];

	cli_outf("spent      %14s USD  by %" PRId64 " attempt%s, %" PRId64
		 " tokens in, %" PRId64 " out\n",
		 decimal_format(s->spent, MONEY_SCALE, usd), s->calls - s->flying - s->doubtful,
		 s->calls - s->flying - s->doubtful == 1 ? "" : "s", s->input, s->output);
	cli_outf("reserved   %14s USD  for %" PRId64 " under way and %" PRId64 " in doubt\n",
		 decimal_format(cost_reserved(s), MONEY_SCALE, usd), s->flying, s->doubtful);
	cli_outf("in doubt   %14s USD  may have been billed for nothing or twice\n",
		 decimal_format(s->doubtful_usd, MONEY_SCALE, usd));
	if (r->whole && r->account != s->spent + cost_reserved(s))
		cli_outf("but the accounts of these days say %s USD\n",
			 decimal_format(r->account, MONEY_SCALE, usd));
}

static void print_cap(const char *whose, const struct cost_cap *c)
{
	char left[DECIMAL_TEXT_MAX], cap[DECIMAL_TEXT_MAX], spent[DECIMAL_TEXT_MAX];

	cli_outf("left today %14s USD  of %s for %s, %s spent or reserved\n",
		 decimal_format(c->left, MONEY_SCALE, left),
		 decimal_format(c->cap, MONEY_SCALE, cap), whose,
		 decimal_format(c->spent, MONEY_SCALE, spent));
}

static void print_forecast(const struct cost_forecast *f)
{
	char day[DECIMAL_TEXT_MAX], month[DECIMAL_TEXT_MAX];

	if (!f->known)
		cli_outf("projected             n/a      less than an hour of paid calls\n");
	else
		cli_outf("projected  %14s USD  by the end of the UTC day, %s USD in 30 days\n",
			 decimal_format(f->day, MONEY_SCALE, day),
			 decimal_format(f->month, MONEY_SCALE, month));
}

static void print_parts(const struct report *r)
{
	char spent[DECIMAL_TEXT_MAX], reserved[DECIMAL_TEXT_MAX], left[DECIMAL_TEXT_MAX];

	if (r->by == COST_ALL)
		return;
	cli_outf("\n%-36s %7s %14s %14s %9s %10s %10s%s\n", parts[r->by], "calls", "spent",
		 "reserved", "in doubt", "tokens in", "out",
		 r->by == COST_AGENT ? "     left today" : "");
	for (size_t i = 0; i < r->n; i++) {
		const struct part *p = &r->parts[i];

		cli_outf("%-36s %7" PRId64 " %14s %14s %9" PRId64 " %10" PRId64 " %10" PRId64,
			 p->name[0] != '\0' ? p->name : "-", p->sum.calls,
			 decimal_format(p->sum.spent, MONEY_SCALE, spent),
			 decimal_format(cost_reserved(&p->sum), MONEY_SCALE, reserved),
			 p->sum.doubtful, p->sum.input, p->sum.output);
		if (p->capped)
			cli_outf(" %14s", decimal_format(p->cap.left, MONEY_SCALE, left));
		cli_outf("\n");
	}
}

static void print(const struct report *r)
{
	if (json) {
		print_json(r);
		return;
	}
	print_range(r);
	print_sum(r);
	if (agent_name != NULL)
		print_cap("the agent", &r->agent);
	print_cap("the race", &r->race);
	print_forecast(&r->forecast);
	print_parts(r);
}

/* ------------------------------------------------------------------ options */

static void check_usage(const struct cli_args *args, struct report *r)
{
	int64_t day_ms = cli_common.now_ms - cli_common.now_ms % TSTAMP_DAY_MS;

	if (args->n > 0 || args->has_rest)
		cli_usage("too many operands");
	if (today && (since_ms >= 0 || until_ms >= 0))
		cli_usage("--today contradicts --since and --until");
	r->q.now_ms = cli_common.now_ms;
	r->q.since_ms = today ? day_ms : since_ms >= 0 ? since_ms : 0;
	r->q.until_ms = today ? day_ms + TSTAMP_DAY_MS : until_ms >= 0 ? until_ms : INT64_MAX;
	if (r->q.since_ms >= r->q.until_ms)
		cli_usage("--since is not before --until");
	for (r->by = COST_DAY; by_text != NULL && r->by > COST_ALL; r->by--)
		if (strcmp(by_text, parts[r->by]) == 0)
			return;
	if (by_text != NULL)
		cli_usage("--by is agent, model or day, not %s", by_text);
	r->by = COST_ALL;
}

int main(int argc, char **argv)
{
	struct report report = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	check_usage(&args, &report);
	config_init(&report.config);
	report.db = db_open(cli_common.database, &e);
	if (report.db != NULL)
		r = load(&report, &e);
	if (r == 0)
		print(&report);
	for (size_t i = 0; i < report.n; i++)
		free(report.parts[i].name);
	free(report.parts);
	config_release(&report.config);
	db_close(report.db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
