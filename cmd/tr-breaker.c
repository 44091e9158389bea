/*
 * tr-breaker shows the circuit breakers of the services that the race calls, with what they
 * count and when they ask again, and the history of their changes. An operator can isolate a
 * service, which is then asked by nobody until it is reset, and reset one, which closes its
 * breaker and forgets its failures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "guard.h"
#include "json.h"
#include "tstamp.h"

#include "banned.h"

static bool json;

static const struct cli_opt options[] = {
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, log: print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "list", "", "all breakers; the default" },
	{ "isolate", "SERVICE", "let nobody ask it until it is reset" },
	{ "reset", "SERVICE", "close its breaker and forget its failures" },
	{ "log", "[SERVICE]", "the changes of all breakers, or of one" },
	{ 0 },
};

static const struct cli_tool tool = { "tr-breaker", "circuit breakers of services", NULL,
				      options, commands };

/* ------------------------------------------------------------------ list */

/* When it makes sense to ask: 0 now, -1 never. */
static int64_t wait_of(const struct circuit *c)
{
	int64_t wait_ms;

	circuit_peek(c, tstamp_boot_ms(), &wait_ms);
	return wait_ms;
}

static void print_json(const char *service, const struct circuit *c, int64_t changed_ms)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	char when[TSTAMP_TEXT_MAX];
	int64_t wait_ms = wait_of(c);

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.breaker/1");
	json_write_string(&w, "service", service);
	json_write_string(&w, "state", circuit_state_name(c->state));
	json_write_bool(&w, "needs_operator", c->needs_operator);
	json_write_int(&w, "epoch", c->epoch);
	json_write_int(&w, "consecutive", c->consecutive);
	json_write_int(&w, "samples", c->samples);
	json_write_int(&w, "failed", c->failed);
	json_write_int(&w, "opens", c->opens);
	if (wait_ms >= 0)
		json_write_int(&w, "retry_after_ms", wait_ms);
	else
		json_write_null(&w, "retry_after_ms");
	json_write_string(&w, "changed", tstamp_format(changed_ms, when));
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void format_wait(const struct circuit *c, char out[32])
{
	int64_t wait_ms = wait_of(c);

	if (c->state == CIRCUIT_CLOSED)
		snprintf(out, 32, "-");
	else if (wait_ms < 0)
		snprintf(out, 32, "%s", c->state == CIRCUIT_ISOLATED ? "reset" : "operator");
	else if (wait_ms == 0)
		snprintf(out, 32, "probe");
	else
		snprintf(out, 32, "%" PRId64 " s", (wait_ms - 1) / 1000 + 1);
}

static int print_row(void *ctx, const char *service, const struct circuit *c,
		     int64_t changed_wall_ms, struct err *e)
{
	bool *headed = ctx;
	char wait[32], when[TSTAMP_TEXT_MAX];

	(void)e;
	if (json) {
		print_json(service, c, changed_wall_ms);
		return 0;
	}
	if (!*headed)
		cli_outf("%-32s %-9s %6s %6s %6s %8s  %s\n", "SERVICE", "STATE", "IN ROW",
			 "FAILED", "OF", "WAITS", "SINCE");
	*headed = true;
	format_wait(c, wait);
	cli_outf("%-32s %-9s %6" PRId64 " %6" PRId64 " %6" PRId64 " %8s  %s\n", service,
		 circuit_state_name(c->state), c->consecutive, c->failed, c->samples, wait,
		 tstamp_format_short(changed_wall_ms, when));
	return 0;
}

static int list(struct db *db, struct err *e)
{
	bool headed = false;

	return guard_list(db, print_row, &headed, e);
}

/* ------------------------------------------------------------------ log */

static void print_change_json(int64_t seq, const char *service, const char *from,
			      const char *to, const char *cause, int64_t at_ms)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	char when[TSTAMP_TEXT_MAX];

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.breaker.change/1");
	json_write_int(&w, "seq", seq);
	json_write_string(&w, "service", service);
	json_write_string(&w, "from", from);
	json_write_string(&w, "to", to);
	json_write_string(&w, "cause", cause);
	json_write_string(&w, "at", tstamp_format(at_ms, when));
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static int print_change(void *ctx, int64_t seq, const char *service, const char *from,
			const char *to, const char *cause, int64_t at_ms, struct err *e)
{
	char when[TSTAMP_TEXT_MAX];

	(void)ctx;
	(void)e;
	if (json)
		print_change_json(seq, service, from, to, cause, at_ms);
	else
		cli_outf("%s  %s  %s -> %s: %s\n", tstamp_format(at_ms, when), service, from,
			 to, cause);
	return 0;
}

static int show_log(struct db *db, const char *service, struct err *e)
{
	struct circuit c;
	bool known = true;

	if (service != NULL && guard_load(db, service, &c, &known, e) != 0)
		return -1;
	if (!known)
		return guard_unknown(db, service, e);
	return guard_log(db, service, print_change, NULL, e);
}

/* ------------------------------------------------------------------ change */

static int change(struct db *db, const char *service, bool isolate, struct err *e)
{
	bool changed;
	int rc = isolate ? guard_isolate(db, service, &changed, e)
			 : guard_reset(db, service, &changed, e);

	if (rc == 0 && cli_common.quiet == 0)
		cli_outf("%s: %s%s\n", service, isolate ? "isolated" : "closed",
			 changed ? "" : " already");
	return rc;
}

static int run(struct db *db, const char *command, const char *service, struct err *e)
{
	if (strcmp(command, "list") == 0)
		return list(db, e);
	if (strcmp(command, "log") == 0)
		return show_log(db, service, e);
	return change(db, service, strcmp(command, "isolate") == 0, e);
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
	if (c->args[0] == 'S' && args->n < 2)
		cli_usage("%s: a service is missing", name);
	if (args->n > (c->args[0] != '\0' ? 2 : 1))
		cli_usage("%s: too many operands", name);
	if (json && c->args[0] == 'S')
		cli_usage("%s: --json is for list and log", name);
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
		r = run(db, command, args.n > 1 ? args.operands[1] : NULL, &e);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
