#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "guard.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"
#include "unit.h"

#include "banned.h"

/*
 * Without arguments: the properties of guard.h. "test_guard probe FILE" instead asks once for
 * the service "race" in FILE and prints whether it may probe; several of them at a time are the
 * race.
 */

#define RACERS 16
#define ROUNDS 20
#define MONTH_END INT64_C(1706745600000) /* 2024-02-01, after a month of 31 days */

static struct db *db;
static struct guard_policy policy;

static int begin(void)
{
	struct err e = { 0 };

	return db_begin(db, &e);
}

static bool end(int rc, struct err *e)
{
	bool ok = db_end(db, rc, e) == 0;

	if (!ok)
		printf("# %s\n", e->text);
	return ok;
}

static struct guard_ticket ask(const char *service)
{
	struct guard_ticket t = { 0 };
	struct err e = { 0 };

	begin();
	end(guard_admit(db, service, &policy, &t, &e), &e);
	return t;
}

static bool tell_after(const struct guard_ticket *t, const char *provider,
		       enum circuit_outcome outcome, int64_t server_ms)
{
	struct err e = { 0 };

	begin();
	return end(guard_result(db, provider, t, &policy, outcome, server_ms, "test", &e), &e);
}

static bool tell(const struct guard_ticket *t, const char *provider,
		 enum circuit_outcome outcome)
{
	return tell_after(t, provider, outcome, 0);
}

/* ${n} calls that are admitted and end like that. */
static bool calls(const char *service, const char *provider, int n,
		  enum circuit_outcome outcome)
{
	for (int i = 0; i < n; i++) {
		struct guard_ticket t = ask(service);

		if (!t.admitted || !tell(&t, provider, outcome))
			return false;
	}
	return true;
}

static void change(const char *sql)
{
	struct err e = { 0 };

	if (sql_script(db_sql(db), sql, &e) != 0)
		printf("# %s: %s\n", sql, e.text);
}

static int64_t number(const char *sql)
{
	struct err e = { 0 };
	int64_t v = -1;

	if (sql_scalar(db_sql(db), sql, &v, &e) != 0)
		printf("# %s: %s\n", sql, e.text);
	return v;
}

static bool may_retry(const char *provider)
{
	struct err e = { 0 };
	bool may = false;

	return guard_may_retry(db, provider, &may, &e) == 0 && may;
}

static struct circuit look(const char *service, bool *known)
{
	struct err e = { 0 };
	struct circuit c = { 0 };

	guard_load(db, service, &c, known, &e);
	return c;
}

/* ------------------------------------------------------------------ policy */

static void policies(void)
{
	struct guard_policy llm, data, ml, other;
	struct config c;
	struct err e = { 0 };

	config_init(&c);
	guard_policy(&c, GUARD_LLM, &llm);
	guard_policy(&c, GUARD_DATA, &data);
	guard_policy(&c, GUARD_ML, &ml);
	guard_policy(&c, GUARD_OTHER, &other);
	unit_ok(llm.circuit.failures == 3 && llm.circuit.break_ms == 60000 &&
			llm.retries == 2 && llm.attempt_ms == 60000 && llm.breaker && llm.retry,
		"models: three failures, a break of a minute, two retries");
	unit_ok(data.circuit.failures == 5 && data.circuit.break_ms == 30000 &&
			data.retries == 3 && data.attempt_ms == 10000,
		"market data: five, half a minute, three");
	unit_ok(ml.attempt_ms == 10000 && ml.circuit.failures == 3 &&
			other.circuit.failures == 5 && other.retries == 3,
		"ML services are models with a time-out of their own, others are like data");
	unit_ok(llm.circuit.probe_ms > llm.attempt_ms && llm.circuit.break_max_ms == 900000 &&
			llm.circuit.min_samples == 10 && llm.circuit.ratio_pct == 50 &&
			llm.circuit.sampling_ms == 120000 && llm.base_ms == 500 &&
			llm.cap_ms == 8000 && llm.wait_max_ms == 120000 && llm.parallel == 0 &&
			llm.per_minute == 0 && llm.per_month == 0,
		"a probe has longer than its attempt, and nothing is limited");
	begin();
	end(config_store(db, CONFIG_LLM_FAILURES, "7", "set", 0, &e) |
		    config_store(db, CONFIG_LLM_BREAK_S, "1800", "set", 0, &e) |
		    config_store(db, CONFIG_FEATURE_BREAKERS, "no", "set", 0, &e) |
		    config_store(db, CONFIG_FEATURE_RETRIES, "no", "set", 0, &e),
	    &e);
	config_load(db, &c, &e);
	guard_policy(&c, GUARD_LLM, &llm);
	unit_ok(llm.circuit.failures == 7 && llm.circuit.break_ms == 1800000 &&
			llm.circuit.break_max_ms == 1800000 && !llm.breaker && !llm.retry,
		"settings change all that");
	config_release(&c);
	change("DELETE FROM settings");
	policy = data;
	policy.circuit.failures = 3;
}

/* ------------------------------------------------------------------ breakers */

static void names(void)
{
	struct err e = { 0 };
	char text[GUARD_SERVICE_MAX + 2];

	memset(text, 'x', sizeof text);
	text[GUARD_SERVICE_MAX - 1] = '\0';
	unit_ok(guard_check("a", &e) == 0 && guard_check("or:meta/llama-3:free", &e) == 0 &&
			guard_check(text, &e) == 0 && e.status == 0,
		"a service is a provider and an operation, in printable text");
	text[GUARD_SERVICE_MAX - 1] = 'x';
	text[GUARD_SERVICE_MAX] = '\0';
	unit_ok(guard_check("", &e) != 0 && guard_check(":a", &e) != 0 &&
			guard_check("a:", &e) != 0 && guard_check("a b", &e) != 0 &&
			guard_check("-a", &e) != 0 && guard_check("a\n", &e) != 0 &&
			guard_check("a\377", &e) != 0 && guard_check(text, &e) != 0 &&
			e.status == ERR_USAGE,
		"and nothing else");
}

static void life(void)
{
	struct guard_ticket t, late;
	bool known = true;

	look("life", &known);
	t = ask("life");
	unit_ok(!known && t.admitted && !t.probe && t.epoch == 1 && t.cause == GUARD_NONE &&
			number("SELECT count(*) FROM breakers WHERE service = 'life'") == 0,
		"a service that was never called is admitted, and that writes nothing");
	late = ask("life");
	unit_ok(calls("life", "life", 3, CIRCUIT_FAILURE), "failures are admitted");
	t = ask("life");
	unit_ok(!t.admitted && t.cause == GUARD_OPEN && t.retry_after_ms > 29000 &&
			t.retry_after_ms <= 30000,
		"until there are too many in a row: then all are refused for the break");
	tell(&late, "life", CIRCUIT_SUCCESS);
	unit_ok(!ask("life").admitted, "a success of a call from before does not close it");
	change("UPDATE breakers SET until_ms = 1 WHERE service = 'life'");
	t = ask("life");
	unit_ok(t.admitted && t.probe && t.epoch == 3, "after the break one may probe");
	unit_ok(!ask("life").admitted && ask("life").cause == GUARD_PROBING &&
			ask("life").retry_after_ms <= policy.circuit.probe_ms,
		"while all others are refused");
	change("UPDATE breakers SET until_ms = 1 WHERE service = 'life'");
	late = t;
	t = ask("life");
	unit_ok(t.probe && t.epoch == 4, "a probe that died lets the next in");
	tell(&late, "life", CIRCUIT_SUCCESS);
	unit_ok(!ask("life").admitted, "and its result counts no more");
	tell(&t, "life", CIRCUIT_SUCCESS);
	unit_ok(ask("life").admitted && !ask("life").probe, "that of the next closes it");
	unit_ok(number("SELECT group_concat(new_state, ' ') = 'open half_open half_open "
		       "closed' "
		       "FROM (SELECT * FROM breaker_log WHERE service = 'life' ORDER BY "
		       "seq)") == 1,
		"every change is in the history");
}

static void others(void)
{
	unit_ok(calls("others:a", "others", 3, CIRCUIT_FAILURE) && !ask("others:a").admitted &&
			ask("others:b").admitted && ask("others").admitted,
		"a breaker belongs to one operation of one provider");
}

static void switched_off(void)
{
	struct guard_ticket t;
	struct err e = { 0 };
	bool changed;

	calls("off", "off", 3, CIRCUIT_FAILURE);
	policy.breaker = false;
	t = ask("off");
	unit_ok(t.admitted && !t.probe && tell(&t, "off", CIRCUIT_SUCCESS),
		"with breakers off an open service is asked");
	guard_isolate(db, "off", &changed, &e);
	t = ask("off");
	unit_ok(!t.admitted && t.cause == GUARD_ISOLATED && t.retry_after_ms == -1,
		"an isolated one is not even then");
	policy.breaker = true;
}

static void server(void)
{
	struct guard_ticket t = ask("server");

	tell_after(&t, "server", CIRCUIT_FAILURE, policy.wait_max_ms);
	unit_ok(ask("server").admitted, "a wait that a server may ask for opens nothing");
	t = ask("server");
	tell_after(&t, "server", CIRCUIT_FAILURE, 3600000);
	t = ask("server");
	unit_ok(!t.admitted && t.retry_after_ms > 3590000 && t.retry_after_ms <= 3600000,
		"a longer one opens until it is over");
}

/* ------------------------------------------------------------------ reboot, operators */

static void reboot(void)
{
	struct err e = { 0 };
	struct guard_ticket t;
	bool changed;

	calls("boot:open", "boot", 3, CIRCUIT_FAILURE);
	calls("boot:probing", "boot", 3, CIRCUIT_FAILURE);
	change("UPDATE breakers SET until_ms = 1 WHERE service = 'boot:probing'");
	ask("boot:probing");
	calls("boot:failing", "boot", 2, CIRCUIT_FAILURE);
	calls("boot:operator", "boot", 1, CIRCUIT_HOPELESS);
	guard_isolate(db, "boot:isolated", &changed, &e);
	unit_ok(!ask("boot:open").admitted && !ask("boot:probing").admitted,
		"before the reboot a break and a lease hold");
	change("UPDATE breakers SET boot = 'another', until_ms = until_ms + 1000000000 "
	       "WHERE service LIKE 'boot:%'");
	unit_ok(ask("boot:open").probe && ask("boot:probing").probe,
		"a reboot ends a break and the lease of a probe, however late their ends");
	unit_ok(!ask("boot:open").admitted, "the lease of the new boot holds");
	unit_ok(ask("boot:operator").cause == GUARD_OPERATOR &&
			ask("boot:isolated").cause == GUARD_ISOLATED,
		"it ends neither isolation nor the wait for an operator");
	t = ask("boot:failing");
	tell(&t, "boot", CIRCUIT_FAILURE);
	unit_ok(!ask("boot:failing").admitted, "failures in a row go on being one");
}

static void operators(void)
{
	struct guard_ticket t;
	struct err e = { 0 };
	bool changed = false, known;

	calls("op:a", "op", 1, CIRCUIT_HOPELESS);
	calls("op", "op", 1, CIRCUIT_HOPELESS);
	calls("opera:a", "opera", 1, CIRCUIT_HOPELESS);
	calls("op-2:a", "op-2", 1, CIRCUIT_HOPELESS);
	calls("op:b", "op", 1, CIRCUIT_HOPELESS);
	guard_isolate(db, "op:b", &changed, &e);
	t = ask("op:a");
	unit_ok(!t.admitted && t.cause == GUARD_OPERATOR && t.retry_after_ms == -1,
		"what needs an operator is refused without end");
	begin();
	unit_ok(end(guard_provider_changed(db, "op", &e), &e) && ask("op:a").admitted &&
			ask("op").admitted,
		"a change of the provider closes all of its services that wait for it");
	unit_ok(!ask("opera:a").admitted && !ask("op-2:a").admitted,
		"and those of no other provider");
	unit_ok(look("op:b", &known).state == CIRCUIT_ISOLATED, "nor does it end isolation");
	unit_ok(guard_reset(db, "opera:a", &changed, &e) == 0 && changed &&
			ask("opera:a").admitted &&
			guard_reset(db, "opera:a", &changed, &e) == 0 && !changed,
		"a reset closes, once");
	unit_ok(guard_reset(db, "opera:b", &changed, &e) != 0 && e.status == ERR_NOTFOUND &&
			strstr(e.text, "opera:a?") != NULL,
		"a service that was never called is not found, and the nearest is named");
	e = (struct err){ 0 };
	unit_ok(guard_isolate(db, "new:x", &changed, &e) == 0 && changed &&
			guard_isolate(db, "new:x", &changed, &e) == 0 && !changed &&
			!ask("new:x").admitted,
		"but it can be isolated");
}

static void refusals(void)
{
	struct guard_ticket t = ask("new:x"), closed = { .cause = GUARD_OPEN };
	char *a = guard_refusal(&t), *b;

	snprintf(closed.service, sizeof closed.service, "a:\"b\"");
	closed.retry_after_ms = 17;
	b = guard_refusal(&closed);
	unit_ok(strcmp(a, "{\"error\":\"circuit_isolated\",\"service\":\"new:x\","
			  "\"retry_after_ms\":null}") == 0 &&
			strcmp(b, "{\"error\":\"circuit_open\",\"service\":\"a:\\\"b\\\"\","
				  "\"retry_after_ms\":17}") == 0,
		"a refusal names its cause as JSON");
	free(b);
	free(a);
	a = guard_sentence(&t);
	b = guard_sentence(&closed);
	unit_ok(strcmp(a, "new:x was isolated by an operator, tr-breaker reset ends that "
			  "(circuit_isolated)") == 0 &&
			strcmp(b, "a:\"b\" failed too often and is given a break, for 1 s "
				  "(circuit_open)") == 0,
		"and in words, with the seconds rounded up");
	free(b);
	free(a);
	a = guard_refusal(&closed);
	b = guard_tell(a);
	unit_ok(strcmp(b, "a:\"b\" failed too often and is given a break, for 1 s "
			  "(circuit_open)") == 0,
		"what was stored as JSON is told in words");
	free(b);
	free(a);
	a = guard_tell("{\"error\":\"circuit_open\"}");
	b = guard_tell("{\"error\":");
	unit_ok(strcmp(a, "{\"error\":\"circuit_open\"}") == 0 && strcmp(b, "{\"error\":") == 0,
		"what is no refusal is told as it is");
	free(b);
	free(a);
}

/* ------------------------------------------------------------------ budgets, limits */

static int64_t tokens(const char *provider)
{
	struct sql_stmt *s;
	struct err e = { 0 };
	int64_t v = -1;
	static const char sql[] = "SELECT tokens FROM budgets WHERE provider = :p";

	s = db_get(db, sql);
	sql_text(s, ":p", provider);
	if (sql_row(s, &e) == 1)
		v = sql_col_int(s, 0);
	sql_reset(s);
	return v;
}

static void budgets(void)
{
	policy.circuit.failures = 0;
	policy.circuit.ratio_pct = 0;
	unit_ok(may_retry("bud") && calls("bud:x", "bud", 5, CIRCUIT_SUCCESS) &&
			tokens("bud") == -1,
		"a provider begins with a full budget, which successes do not raise");
	calls("bud:x", "bud", 4, CIRCUIT_FAILURE);
	unit_ok(tokens("bud") == 60 && may_retry("bud"), "a failure costs a token");
	calls("bud:y", "bud", 1, CIRCUIT_FAILURE);
	unit_ok(tokens("bud") == 50 && !may_retry("bud"), "at five there are no retries");
	calls("bud:x", "bud", 1, CIRCUIT_SUCCESS);
	unit_ok(tokens("bud") == 51 && may_retry("bud"), "a success gives a tenth back");
	calls("bud:x", "bud", 9, CIRCUIT_FAILURE);
	unit_ok(tokens("bud") == 0 && !may_retry("bud"), "no budget is below nothing");
	calls("bud:x", "bud", 3, CIRCUIT_NEUTRAL);
	unit_ok(tokens("bud") == 0 && may_retry("other"),
		"what says nothing costs nothing, and others have budgets of their own");
	calls("bud:x", "bud", 1001, CIRCUIT_SUCCESS);
	unit_ok(tokens("bud") == 100, "nor above the full one");
	policy.circuit.failures = 3;
	policy.circuit.ratio_pct = 50;
}

static enum guard_cause limited(int64_t wall_ms, int64_t *wait_ms)
{
	enum guard_cause cause = GUARD_NONE;
	struct err e = { 0 };

	begin();
	end(guard_limits(db, "lim", &policy, wall_ms, &cause, wait_ms, &e), &e);
	return cause;
}

static int64_t start(int64_t at_ms)
{
	struct calls_start c = { .purpose = CALLS_GUARD,
				 .window_ms = -1,
				 .provider = "lim",
				 .model = "x",
				 .service = "lim:x",
				 .attempt = 1 };
	struct err e = { 0 };
	int64_t id = 0;

	begin();
	end(calls_begin(db, &c, at_ms, &id, &e), &e);
	return id;
}

static void finish(int64_t id, int64_t at_ms)
{
	struct calls_result r = { .class = "ok", .latency_ms = 5 };
	struct err e = { 0 };

	begin();
	end(calls_end(db, id, &r, at_ms, &e), &e);
}

static void limits(void)
{
	int64_t at = MONTH_END - 100000, wait_ms = -1, id;

	id = start(at);
	start(at + 1000);
	unit_ok(limited(at + 1000, &wait_ms) == GUARD_NONE && wait_ms == 0,
		"without a limit nothing is limited");
	policy.per_minute = 2;
	unit_ok(limited(at + 59999, &wait_ms) == GUARD_RATE && wait_ms == 1 &&
			limited(at + 60000, &wait_ms) == GUARD_NONE,
		"in any minute only so many calls begin");
	policy.per_minute = 0;
	policy.parallel = 2;
	unit_ok(limited(at + 5000, &wait_ms) == GUARD_PARALLEL && wait_ms > 0,
		"only so many are in flight");
	finish(id, at + 6000);
	unit_ok(limited(at + 6000, &wait_ms) == GUARD_NONE, "one that has ended is not");
	policy.parallel = 1;
	unit_ok(limited(at + 6000, &wait_ms) == GUARD_PARALLEL &&
			limited(at + 1000 + policy.attempt_ms + 10000, &wait_ms) == GUARD_NONE,
		"nor one whose process must have died");
	policy.parallel = 0;
	policy.per_month = 2;
	unit_ok(limited(MONTH_END - 1, &wait_ms) == GUARD_MONTH && wait_ms == 1 &&
			limited(MONTH_END, &wait_ms) == GUARD_NONE,
		"in a UTC month there are only so many, and then comes the next");
	start(MONTH_END);
	unit_ok(limited(MONTH_END, &wait_ms) == GUARD_NONE, "which counts from nothing");
	policy.per_month = 0;
}

/* ------------------------------------------------------------------ the race */

static int probe(const char *path)
{
	struct err e = { 0 };
	struct config c;

	db = db_open(path, &e);
	if (db == NULL)
		return e.status;
	config_init(&c);
	guard_policy(&c, GUARD_OTHER, &policy);
	config_release(&c);
	printf("%d\n", ask("race").probe);
	db_close(db);
	return 0;
}

/* How many of those that ask at the same time may probe, or -1. */
static int race(const char *self, const char *path)
{
	const char *argv[] = { self, "probe", path, NULL };
	posix_spawn_file_actions_t files;
	int fds[2], sum = 0, x, status;
	FILE *f;

	if (pipe(fds) != 0)
		return -1;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fds[1], 1);
	for (int i = 0; i < RACERS; i++) {
		pid_t pid;

		if (posix_spawn(&pid, self, &files, NULL, (char *const *)argv, environ) != 0)
			sum = -1000;
	}
	posix_spawn_file_actions_destroy(&files);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fscanf(f, "%d", &x) == 1)
		sum += x;
	fclose(f);
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			sum = -1000;
	return sum;
}

static void races(const char *self, const char *path)
{
	int won = 0;

	calls("race", "race", 3, CIRCUIT_FAILURE);
	for (int i = 0; i < ROUNDS; i++) {
		/* in turn an open breaker, and a probe that died */
		change(i % 2 == 0 ? "UPDATE breakers SET until_ms = 1, state = 'open' "
				    "WHERE service = 'race'"
				  : "UPDATE breakers SET until_ms = 1 WHERE service = 'race'");
		won += race(self, path) == 1;
	}
	unit_ok(won == ROUNDS, "of many that ask at the same time, exactly one may probe");
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = mem_printf("%s/test_guard.XXXXXX", tmp != NULL ? tmp : "/tmp");
	static const char *const beside[] = { "", "-wal", "-shm", ".lock" };
	struct err e = { 0 };
	bool created;
	char *path;

	log_init("test_guard", LOG_ERROR);
	if (argc == 3) {
		free(dir);
		return probe(argv[2]);
	}
	umask(077);
	if (mkdtemp(dir) == NULL)
		return 1;
	path = mem_printf("%s/guard.db", dir);
	db = db_create(path, &created, &e);
	if (unit_ok(db != NULL, "a database is there")) {
		policies();
		names();
		life();
		others();
		switched_off();
		server();
		reboot();
		operators();
		refusals();
		budgets();
		limits();
		races(argv[0], path);
		db_close(db);
	}
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		char *name = mem_printf("%s%s", path, beside[i]);

		unlink(name);
		free(name);
	}
	rmdir(dir);
	free(path);
	free(dir);
	return unit_done();
}
