/*
 * tr-guard runs any command as a call of a service that may fail: every attempt has a time-out,
 * failures that may pass are tried again after a growing, random pause as long as the retry
 * budget of the provider lasts, and after too many of them nobody asks the service any more
 * until a single probe finds it well again. All processes share what is known of a service
 * through the race database.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backoff.h"
#include "calls.h"
#include "child.h"
#include "cli.h"
#include "config.h"
#include "db.h"
#include "decimal.h"
#include "guard.h"
#include "log.h"
#include "mem.h"
#include "provider.h"
#include "random.h"
#include "tstamp.h"

#include "banned.h"

#define TIME_MAX_MS INT64_C(86400000)
#define ATTEMPT_MIN_MS 100 /* none starts with less left before the deadline */
#define STDIN_MAX ((size_t)16 << 20)
#define OUTPUT_MAX_KB 65536
#define POLL_MS 500 /* between two looks at a breaker that is waited for */
#define NAP_MS 200  /* a stop is noticed that late at most */

static const char *timeout_text, *deadline_text, *break_text, *retry_on_text = "75";
static int64_t retries = -1, failures = -1, output_kb = 1024;
static int64_t per_minute = INT64_MIN, parallel = INT64_MIN; /* not given */
static bool no_breaker, no_retries;

static const struct cli_opt options[] = {
	{ 0, "timeout", CLI_STRING, &timeout_text, "SECONDS",
	  "kill an attempt after this time (data.timeout_s)" },
	{ 0, "deadline", CLI_STRING, &deadline_text, "SECONDS",
	  "for all attempts and pauses together (none)" },
	{ 'r', "retries", CLI_INT, &retries, "N", "attempts after the first (data.retries)" },
	{ 'f', "failures", CLI_INT, &failures, "N",
	  "so many in a row open the breaker (data.failures)" },
	{ 0, "break", CLI_STRING, &break_text, "SECONDS",
	  "how long it stays open at first (data.break_s)" },
	{ 0, "retry-on", CLI_STRING, &retry_on_text, "LIST",
	  "exit statuses of failures that may pass (75)" },
	{ 0, "per-minute", CLI_INT, &per_minute, "N",
	  "the most attempts of the provider in 60 seconds (tr-provider)" },
	{ 0, "parallel", CLI_INT, &parallel, "N",
	  "the most attempts of the provider at a time (tr-provider)" },
	{ 0, "output-max", CLI_INT, &output_kb, "KB",
	  "the most that an attempt may print (1024)" },
	{ 0, "no-breaker", CLI_FLAG, &no_breaker, NULL,
	  "ask the service whatever is known of it" },
	{ 0, "no-retries", CLI_FLAG, &no_retries, NULL, "make one attempt" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-guard", "call a service that may fail",
				      "SERVICE -- CMD [ARG]...", options, NULL };

static bool retry_on[256];
static mode_t mask; /* umask of the caller, which the command gets */

struct job {
	struct db *db;
	const struct cli_args *args;
	const char *service;
	char provider[GUARD_SERVICE_MAX];
	struct guard_policy policy;
	int64_t timeout_ms, deadline_ms, break_ms; /* as given; -1: not */
	int64_t start_ms, end_ms; /* boot clock; end_ms INT64_MAX: no deadline */
	int64_t attempts;
	uint64_t seed;
	struct buf input;
	bool has_input;
	struct child_result last; /* of the last attempt */
};

/* What an attempt came to. */
struct verdict {
	enum circuit_outcome outcome;
	bool again; /* another attempt may help */
	const char *class;
	char error[80]; /* "": none */
};

/* ------------------------------------------------------------------ time */

static int64_t wall_ms(const struct job *job)
{
	return cli_common.now_ms + tstamp_boot_ms() - job->start_ms;
}

static int64_t time_left(const struct job *job)
{
	return job->end_ms - tstamp_boot_ms();
}

/* A signal ends it early. */
static void nap(int64_t ms)
{
	int64_t until_ms = tstamp_boot_ms() + ms, left_ms;

	while (cli_stop == 0 && (left_ms = until_ms - tstamp_boot_ms()) > 0) {
		struct timespec t = { 0 };

		t.tv_nsec = (long)(left_ms < NAP_MS ? left_ms : NAP_MS) * 1000000;
		nanosleep(&t, NULL);
	}
}

/* ------------------------------------------------------------------ one attempt */

static bool is_callers_bug(int status)
{
	return status == ERR_USAGE || status == ERR_DATA || status == ERR_NOTFOUND;
}

static struct verdict judge_status(int status)
{
	struct verdict v = { .outcome = CIRCUIT_SUCCESS, .class = "ok" };

	if (status == 0)
		return v;
	snprintf(v.error, sizeof v.error, "exit status %d", status);
	v.again = retry_on[status & 0xff];
	if (v.again) {
		v.outcome = CIRCUIT_FAILURE;
		v.class = "retry";
	} else if (status == ERR_PERM || status == ERR_CONFIG) {
		v.outcome = CIRCUIT_HOPELESS;
		v.class = "operator";
	} else {
		v.outcome = is_callers_bug(status) ? CIRCUIT_NEUTRAL : CIRCUIT_FAILURE;
		v.class = "stop";
	}
	return v;
}

static struct verdict judge(const struct child_result *r)
{
	struct verdict v = { .outcome = CIRCUIT_FAILURE, .again = true, .class = "retry" };

	switch (r->end) {
	case CHILD_EXITED:
		return judge_status(r->status);
	case CHILD_SIGNALED:
		snprintf(v.error, sizeof v.error, "killed by signal %d (%s)", r->signal,
			 strsignal(r->signal));
		break;
	case CHILD_TIMEOUT:
		v.class = "timeout";
		snprintf(v.error, sizeof v.error, "did not end in time");
		break;
	case CHILD_OUTPUT:
		v.again = false;
		v.class = "malformed";
		snprintf(v.error, sizeof v.error, "printed more than it may");
		break;
	case CHILD_UNSTARTED: /* our own trouble */
		v = (struct verdict){ .outcome = CIRCUIT_NEUTRAL, .class = "stop" };
		snprintf(v.error, sizeof v.error, "%.79s", buf_str(&r->error));
		break;
	}
	return v;
}

/* In its own process group, which tr-once kills when we are killed. */
static int spawn(struct job *job, int64_t timeout_ms, struct err *e)
{
	const struct cli_args *args = job->args;
	const char **argv = mem_array(args->n_rest + 5, sizeof *argv);
	char *once = child_sibling("tr-once", e);
	char *pid = mem_printf("%ld", (long)getpid());
	struct child_spec spec = {
		.argv = argv,
		.env = (const char *const *)environ,
		.input = job->has_input ? buf_str(&job->input) : NULL,
		.input_len = job->input.len,
		.output_max = (size_t)output_kb << 10,
		.timeout_ms = timeout_ms,
	};
	int rc = -1;

	argv[0] = once;
	argv[1] = "--guard";
	argv[2] = pid;
	argv[3] = "--";
	memcpy(argv + 4, args->rest, args->n_rest * sizeof *argv);
	if (once != NULL) {
		umask(mask);
		rc = child_run_one(&spec, &job->last, &cli_stop, e);
		umask(077);
	}
	free(pid);
	free(once);
	free(argv);
	return rc;
}

/* Run the command once. Only a stop or a broken installation is an error. */
static int attempt(struct job *job, struct err *e)
{
	int64_t left_ms = time_left(job), ms = job->policy.attempt_ms;

	child_result_release(&job->last);
	job->last = (struct child_result){ .end = CHILD_UNSTARTED };
	buf_init(&job->last.error, BUF_MAX_DEFAULT);
	if (left_ms < ATTEMPT_MIN_MS) {
		buf_adds(&job->last.error, "the deadline is over");
		return 0;
	}
	return spawn(job, ms < left_ms ? ms : left_ms, e);
}

/* ------------------------------------------------------------------ guarded */

static int note_start(struct job *job, int64_t *id, struct err *e)
{
	const char *colon = strchr(job->service, ':');
	struct calls_start c = {
		.purpose = CALLS_GUARD,
		.window_ms = -1,
		.provider = job->provider,
		.model = colon != NULL ? colon + 1 : "",
		.service = job->service,
		.attempt = job->attempts + 1,
	};

	return calls_begin(job->db, &c, wall_ms(job), id, e);
}

/* Inside a transaction: leave to start, and the row of the start. */
static int ask(struct job *job, struct guard_ticket *t, int64_t *id, struct err *e)
{
	enum guard_cause cause;
	int64_t wait_ms;

	if (guard_limits(job->db, job->provider, &job->policy, wall_ms(job), &cause, &wait_ms,
			 e) != 0)
		return -1;
	if (cause != GUARD_NONE) {
		*t = (struct guard_ticket){ .cause = cause, .retry_after_ms = wait_ms };
		snprintf(t->service, sizeof t->service, "%s", job->service);
		return 0;
	}
	if (guard_admit(job->db, job->service, &job->policy, t, e) != 0)
		return -1;
	if (!t->admitted)
		return 0;
	return note_start(job, id, e);
}

/* A refusal is waited out only where it ends before the deadline. */
static bool is_worth_waiting(const struct job *job, const struct guard_ticket *t)
{
	return job->end_ms != INT64_MAX && t->retry_after_ms >= 0 &&
	       t->retry_after_ms <= time_left(job) - ATTEMPT_MIN_MS;
}

static int enter(struct job *job, struct guard_ticket *t, int64_t *id, struct err *e)
{
	for (;;) {
		if (db_begin(job->db, e) != 0 || db_end(job->db, ask(job, t, id, e), e) != 0)
			return -1;
		if (t->admitted || cli_stop != 0 || !is_worth_waiting(job, t))
			return 0;
		log_msg(LOG_INFO, "service %s: %s, waiting", job->service,
			guard_cause_name(t->cause));
		nap(t->retry_after_ms < POLL_MS ? t->retry_after_ms : POLL_MS);
	}
}

/* Inside a transaction. */
static int tell(struct job *job, const struct guard_ticket *t, int64_t id,
		const struct verdict *v, bool *may, struct err *e)
{
	const char *error = v->error[0] != '\0' ? v->error : NULL;
	struct calls_result r = { .class = v->class,
				  .latency_ms = job->last.elapsed_ms,
				  .error = error };

	if (calls_end(job->db, id, &r, wall_ms(job), e) != 0 ||
	    guard_result(job->db, job->provider, t, &job->policy, v->outcome, 0, error, e) != 0)
		return -1;
	return guard_may_retry(job->db, job->provider, may, e);
}

/* What cannot be stored costs nobody the result of the command: *${may} is false then. */
static void leave(struct job *job, const struct guard_ticket *t, int64_t id,
		  const struct verdict *v, bool *may)
{
	struct err e = { 0 };

	if (db_begin(job->db, &e) == 0 &&
	    db_end(job->db, tell(job, t, id, v, may, &e), &e) == 0)
		return;
	*may = false;
	log_msg(LOG_WARN, "service %s: what the attempt came to could not be stored: %s",
		job->service, e.text);
}

static bool wants_retry(const struct job *job, const struct verdict *v, bool may)
{
	return v->again && may && job->policy.retry && job->attempts <= job->policy.retries;
}

/* The pause before the next attempt; false if the deadline is too near for one. */
static bool pause_for_retry(struct job *job, const struct verdict *v)
{
	int64_t ms = backoff_delay(job->policy.base_ms, job->policy.cap_ms, job->attempts - 1,
				   random_next(&job->seed));

	if (job->end_ms != INT64_MAX && ms > time_left(job) - ATTEMPT_MIN_MS)
		return false;
	log_msg(LOG_INFO, "service %s: attempt %" PRId64 ": %s, again in %" PRId64 " ms",
		job->service, job->attempts, v->error, ms);
	nap(ms);
	return cli_stop == 0;
}

/* Attempts until one is enough; *${refused} if there was none at all. */
static int call(struct job *job, struct guard_ticket *t, bool *refused, struct err *e)
{
	struct verdict v;
	int64_t id = 0;
	bool may = false;
	int rc;

	do {
		if (enter(job, t, &id, e) != 0)
			return -1;
		*refused = !t->admitted && job->attempts == 0;
		if (!t->admitted)
			return 0;
		rc = attempt(job, e);
		job->attempts++;
		v = judge(&job->last);
		if (rc != 0)
			snprintf(v.error, sizeof v.error, "%.79s", e->text);
		leave(job, t, id, &v, &may);
		if (rc != 0)
			return -1;
	} while (wants_retry(job, &v, may) && pause_for_retry(job, &v));
	return 0;
}

/* ------------------------------------------------------------------ the whole call */

static int refusal(const struct guard_ticket *t)
{
	char *text = guard_refusal(t);

	fprintf(stderr, "%s\n", text);
	free(text);
	return ERR_TEMP;
}

/* The end of the last attempt is ours. */
static int result(const struct job *job, int *status, struct err *e)
{
	const struct child_result *r = &job->last;
	struct verdict v;

	if (r->end == CHILD_EXITED) {
		cli_out(buf_str(&r->out), r->out.len);
		*status = r->status;
		return 0;
	}
	v = judge(r);
	return err_set(e, r->end == CHILD_OUTPUT ? ERR_DATA : ERR_TEMP, "service %s: %s",
		       job->service, v.error);
}

/* The limits of a provider are the same for us and for the race's own calls; a name that is no
 * provider has none. */
static int limits_load(struct job *job, struct err *e)
{
	struct guard_policy *p = &job->policy;
	struct provider known;
	struct err why = { 0 };

	if (provider_load(job->db, job->provider, &known, &why) == 0) {
		p->parallel = known.parallel;
		p->per_minute = known.per_minute;
		p->per_month = known.per_month;
		provider_release(&known);
	} else if (why.status != ERR_NOTFOUND) {
		*e = why;
		return -1;
	}
	if (parallel >= 0)
		p->parallel = parallel;
	if (per_minute >= 0)
		p->per_minute = per_minute;
	return 0;
}

static int policy_load(struct job *job, struct err *e)
{
	struct guard_policy *p = &job->policy;
	struct config c;
	int rc;

	config_init(&c);
	rc = config_load(job->db, &c, e) == 0 ? config_environment(&c, e) : -1;
	if (rc == 0)
		guard_policy(&c, GUARD_OTHER, p);
	config_release(&c);
	p->breaker = p->breaker && !no_breaker;
	p->retry = p->retry && !no_retries;
	if (retries >= 0)
		p->retries = retries;
	if (failures >= 0)
		p->circuit.failures = failures;
	if (job->timeout_ms >= 0) {
		p->circuit.probe_ms += job->timeout_ms - p->attempt_ms;
		p->attempt_ms = job->timeout_ms;
	}
	if (job->break_ms >= 0)
		p->circuit.break_ms = job->break_ms;
	if (p->circuit.break_max_ms < p->circuit.break_ms)
		p->circuit.break_max_ms = p->circuit.break_ms;
	return rc == 0 ? limits_load(job, e) : -1;
}

static int run(struct job *job, int *status, struct err *e)
{
	struct guard_ticket t = { 0 };
	bool refused = false;
	int rc;

	if (policy_load(job, e) != 0 ||
	    cli_read_stdin(&job->input, STDIN_MAX, &job->has_input, e) != 0)
		return -1;
	cli_catch_stop();
	rc = call(job, &t, &refused, e);
	if (cli_stop != 0)
		*status = 128 + cli_stop;
	else if (rc == 0 && refused)
		*status = refusal(&t);
	else if (rc == 0)
		rc = result(job, status, e);
	db_tidy(job->db);
	return cli_stop != 0 ? 0 : rc;
}

/* ------------------------------------------------------------------ usage */

/* Seconds with up to three digits after the point, in ms; -1 if not given. */
static int64_t parse_time(const char *name, const char *text)
{
	struct err e = { 0 };
	int64_t ms;

	if (text == NULL)
		return -1;
	if (decimal_parse(text, strlen(text), 3, &ms, &e) != 0 || ms < ATTEMPT_MIN_MS ||
	    ms > TIME_MAX_MS)
		cli_usage("--%s: seconds from 0.1 to 86400 are expected, not %.40s", name,
			  text);
	return ms;
}

static void parse_statuses(const char *text)
{
	const char *p = text;
	char *end;

	do {
		long v = *p >= '0' && *p <= '9' ? strtol(p, &end, 10) : 0;

		if (v < 1 || v > 255 || (*end != ',' && *end != '\0'))
			cli_usage("--retry-on: exit statuses from 1 to 255, separated by "
				  "commas, are expected, not %.40s",
				  text);
		retry_on[v] = true;
		p = *end == ',' ? end + 1 : end;
	} while (*end == ',');
}

static void check_range(const char *name, int64_t v, int64_t min, int64_t max)
{
	if (v < min || v > max)
		cli_usage("--%s: %" PRId64 " to %" PRId64 " are allowed", name, min, max);
}

static void check_usage(const struct cli_args *args)
{
	struct err e = { 0 };

	if (args->n != 1)
		cli_usage("one service is expected");
	if (args->n_rest == 0)
		cli_usage("a command is expected after --");
	if (guard_check(args->operands[0], &e) != 0)
		cli_usage("%s", e.text);
	if (retries != -1)
		check_range("retries", retries, 0, 100);
	if (failures != -1)
		check_range("failures", failures, 1, 1000);
	if (per_minute != INT64_MIN)
		check_range("per-minute", per_minute, 0, 1000000);
	if (parallel != INT64_MIN)
		check_range("parallel", parallel, 0, 1000000);
	check_range("output-max", output_kb, 1, OUTPUT_MAX_KB);
	parse_statuses(retry_on_text);
}

static void job_init(struct job *job, const struct cli_args *args)
{
	*job = (struct job){ .args = args, .service = args->operands[0] };
	job->timeout_ms = parse_time("timeout", timeout_text);
	job->deadline_ms = parse_time("deadline", deadline_text);
	job->break_ms = parse_time("break", break_text);
	job->start_ms = tstamp_boot_ms();
	job->end_ms = job->deadline_ms < 0 ? INT64_MAX : job->start_ms + job->deadline_ms;
	job->seed = random_derive_int((uint64_t)getpid(), job->start_ms);
	snprintf(job->provider, sizeof job->provider, "%.*s", (int)strcspn(job->service, ":"),
		 job->service);
	buf_init(&job->input, STDIN_MAX);
	buf_init(&job->last.out, BUF_MAX_DEFAULT);
	buf_init(&job->last.error, BUF_MAX_DEFAULT);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct job job;
	int status = 0, rc = -1;

	mask = umask(077);
	cli_start(&tool, argc, argv, &args);
	check_usage(&args);
	job_init(&job, &args);
	if (child_check_program(args.rest[0], &e) == 0)
		job.db = db_open(cli_common.database, &e);
	if (job.db != NULL)
		rc = run(&job, &status, &e);
	child_result_release(&job.last);
	buf_release(&job.input);
	db_close(job.db);
	return cli_end(rc == 0 ? status : cli_fail(&e));
}
