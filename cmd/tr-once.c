/*
 * tr-once runs a command once under a key. The key is on disk before the command starts, the
 * output and the exit status are stored when it ends, and whoever comes with the same key later
 * gets them back byte for byte while nothing runs. One caller works at a time, the others are
 * turned away or wait. What ended without a result, since its caller was killed, the machine
 * went down or the command asked for another attempt with status 75, is run again by the next
 * call.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cli.h"
#include "db.h"
#include "json.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "random.h"
#include "tstamp.h"

#include "banned.h"

#define TTL_MIN_MS INT64_C(60000)
#define TTL_MAX_MS (3650 * TSTAMP_DAY_MS)
#define WAIT_MAX_S 86400
#define LEASE_MAX_S 604800
#define OUTPUT_MAX_KB 65536
#define PRINT_MAX \
	((size_t)OUTPUT_MAX_KB << 13) /* a record in JSON: a byte may become \\u001b */
#define ERROR_MAX 4096		      /* bytes of standard error that are kept */
#define NAP_MIN_MS 10		      /* between two looks at a key that is held */
#define NAP_MAX_MS 200		      /* the same after a while */

static const char *key, *ttl_text = "72h", *state_text, *show_key, *forget_key;
static int64_t wait_s, lease_s = 3600, output_kb = 1024, guard_pid;
static bool list, stats, purge, json;

static const struct cli_opt options[] = {
	{ 'k', "key", CLI_STRING, &key, "KEY", "run the command once under KEY" },
	{ 0, "ttl", CLI_STRING, &ttl_text, "DURATION",
	  "keep the result so long: 90s, 10m, 2h, 2d (72h)" },
	{ 'w', "wait", CLI_INT, &wait_s, "SECONDS", "wait so long for another caller (0)" },
	{ 0, "lease", CLI_INT, &lease_s, "SECONDS",
	  "the longest that the command takes (3600)" },
	{ 0, "output-max", CLI_INT, &output_kb, "KB", "the most that it may print (1024)" },
	{ 'l', "list", CLI_FLAG, &list, NULL, "list the keys" },
	{ 's', "state", CLI_STRING, &state_text, "STATE", "list: only keys in this state" },
	{ 0, "show", CLI_STRING, &show_key, "KEY", "show all about one key" },
	{ 0, "stats", CLI_FLAG, &stats, NULL, "count keys, runs and replays" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "list, show, stats: print JSON" },
	{ 0, "purge", CLI_FLAG, &purge, NULL, "remove the keys that are past their time" },
	{ 0, "forget", CLI_STRING, &forget_key, "KEY", "remove one key" },
	{ 0, "guard", CLI_INT, &guard_pid, "PID",
	  "no key: run the command, and kill it when the parent PID ends" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-once", "run a command once under a key",
				      "[-- CMD [ARG]...]", options, NULL };

static mode_t mask; /* umask of the caller, which the command gets */

/* ------------------------------------------------------------------ guard */

/* The owner was killed: its command must not go on beside that of the next owner. */
static void guard_kill(int sig)
{
	(void)sig;
	kill(0, SIGKILL);
}

/* From here on our group, with all that is started in it, ends when the parent ends. */
static int guard_bind(struct err *e)
{
	struct sigaction act = { .sa_handler = guard_kill };

	if (getpgrp() != getpid() && setpgid(0, 0) != 0)
		return err_sys(e, ERR_TEMP, "no process group of its own");
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		return err_sys(e, ERR_TEMP, "cannot be bound to the parent");
	/* it may have ended before the kernel was asked to watch it */
	if (getppid() != guard_pid)
		return err_set(e, ERR_TEMP, "the parent is not %" PRId64, guard_pid);
	return 0;
}

/* 0 or an error number. The signals that we handle or ignore are the command's by default. */
static int guard_spawn(const char **argv, pid_t *pid)
{
	posix_spawnattr_t attr;
	sigset_t plain;
	int rc = posix_spawnattr_init(&attr);

	if (rc != 0)
		return rc;
	sigemptyset(&plain);
	sigaddset(&plain, SIGPIPE);
	sigaddset(&plain, SIGTERM);
	rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &plain);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], NULL, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* End as the command did, so that the owner sees its status or signal. */
static int guard_end(int status)
{
	struct rlimit none = { 0, 0 };

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none); /* one core file is enough */
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return ERR_TEMP;
}

static int guard(const struct cli_args *args, struct err *e)
{
	int status = 0, rc;
	pid_t pid;

	if (guard_bind(e) != 0)
		return cli_fail(e);
	umask(mask);
	rc = guard_spawn(args->rest, &pid);
	if (rc != 0) {
		errno = rc;
		err_sys(e, ERR_TEMP, "%s", args->rest[0]);
		return cli_fail(e);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return guard_end(status);
}

/* ------------------------------------------------------------------ running the command */

struct job {
	struct db *db;
	const struct cli_args *args;
	struct keys_request q;
	struct keys_record claim;
	int64_t start_ms; /* boot clock at which q.now_ms was the time */
};

/* What is left of the lease, less what it takes to end the command and to store its result. */
static int64_t time_left(const struct job *job)
{
	int64_t margin_ms = job->q.lease_ms / 10 < 5000 ? job->q.lease_ms / 10 : 5000;

	return job->claim.lease_end_ms - margin_ms - tstamp_boot_ms();
}

static int spawn(const struct job *job, struct child_result *r, struct err *e)
{
	const struct cli_args *args = job->args;
	const char **argv = mem_array(args->n_rest + 5, sizeof *argv);
	char *self = child_sibling("tr-once", e);
	char *pid = mem_printf("%ld", (long)getpid());
	struct child_spec spec = {
		.argv = argv,
		.env = (const char *const *)environ,
		.output_max = (size_t)output_kb << 10,
		.error_max = ERROR_MAX,
		.error_live = true,
		.timeout_ms = time_left(job),
	};
	int rc = -1;

	argv[0] = self;
	argv[1] = "--guard";
	argv[2] = pid;
	argv[3] = "--";
	memcpy(argv + 4, args->rest, args->n_rest * sizeof *argv);
	if (self != NULL) {
		umask(mask);
		rc = child_run_one(&spec, r, &cli_stop, e);
		umask(077);
	}
	free(pid);
	free(self);
	free(argv);
	return rc;
}

/* Where an end that leaves the outcome open is told; another call may follow at once. */
static int open_end(const struct child_result *r, struct err *e)
{
	switch (r->end) {
	case CHILD_SIGNALED:
		return err_set(e, ERR_TEMP, "key %s: the command was killed by signal %d (%s)",
			       key, r->signal, strsignal(r->signal));
	case CHILD_TIMEOUT:
		return err_set(e, ERR_TEMP, "key %s: the command did not end within its lease",
			       key);
	default:
		return err_set(e, ERR_TEMP, "key %s: %s", key, buf_str(&r->error));
	}
}

static int too_much(struct err *e)
{
	return err_set(e, ERR_DATA,
		       "key %s: the command printed more than it may and was killed; "
		       "tr-once --forget permits another run",
		       key);
}

/* What the end of the command means for the key. */
static struct keys_result judge(const struct child_result *r)
{
	struct keys_result k = { .state = KEYS_EXPIRED,
				 .exit_status = -1,
				 .error_tail = buf_str(&r->error),
				 .error_len = r->error.len };

	if (r->end == CHILD_EXITED) {
		k.exit_status = r->status;
		k.output = buf_str(&r->out);
		k.output_len = r->out.len;
		if (r->status == 0)
			k.state = KEYS_COMPLETED;
		else if (r->status != ERR_TEMP)
			k.state = KEYS_FAILED_FINAL;
	} else if (r->end == CHILD_OUTPUT) {
		k.state = KEYS_FAILED_FINAL;
		k.exit_status = ERR_DATA;
	}
	return k;
}

/* Writers in the way are waited for as long as the lease lasts: the result is worth it. */
static int store(const struct job *job, const struct keys_result *k, int64_t ttl_ms,
		 struct err *e)
{
	int64_t now_ms = job->q.now_ms + tstamp_boot_ms() - job->start_ms;
	struct err fail;
	bool ours = true;
	int rc;

	do {
		fail = (struct err){ 0 };
		rc = keys_finish(job->db, &job->claim, k, now_ms, ttl_ms, &ours, &fail);
	} while (rc != 0 && fail.status == ERR_TEMP && k->state != KEYS_EXPIRED &&
		 tstamp_boot_ms() < job->claim.lease_end_ms);
	if (rc != 0)
		return err_set(e, fail.status, "key %s: the result could not be stored: %s",
			       key, fail.text);
	if (!ours)
		return err_set(e, ERR_TEMP, "key %s: lost lease, nothing was written", key);
	return 0;
}

/* The command did not run or was stopped: the key is free again. */
static void give_up(const struct job *job, int64_t ttl_ms)
{
	struct keys_result none = { .state = KEYS_EXPIRED, .exit_status = -1 };
	struct err ignored = { 0 };

	/* if this fails, our death frees it as well */
	store(job, &none, ttl_ms, &ignored);
}

static int run(const struct job *job, int *status, struct err *e)
{
	struct child_result r = { .end = CHILD_UNSTARTED };
	struct keys_result k;
	int rc = -1;

	/* what never was a command binds the key to nothing: its spelling may be put right */
	if (child_check_program(job->args->rest[0], e) != 0) {
		give_up(job, job->claim.attempts == 1 ? 0 : job->q.ttl_ms);
		return -1;
	}
	if (spawn(job, &r, e) != 0) {
		give_up(job, job->q.ttl_ms);
		goto out;
	}
	k = judge(&r);
	if (store(job, &k, job->q.ttl_ms, e) != 0)
		goto out;
	if (r.end == CHILD_OUTPUT) {
		too_much(e);
	} else if (r.end != CHILD_EXITED) {
		open_end(&r, e);
	} else {
		cli_out(buf_str(&r.out), r.out.len);
		*status = r.status;
		rc = 0;
	}
out:
	child_result_release(&r);
	return rc;
}

/* ------------------------------------------------------------------ once */

/* The intent: the command line, word by word, and neither directory nor environment. */
static void fingerprint(const struct cli_args *args, struct digest *out)
{
	struct digest_state s;

	digest_init(&s);
	digest_field(&s, "once.1", 6);
	digest_int(&s, (int64_t)args->n_rest);
	for (size_t i = 0; i < args->n_rest; i++)
		digest_field(&s, args->rest[i], strlen(args->rest[i]));
	digest_final(&s, out);
}

static void nap(int64_t *pause_ms, uint64_t *seed)
{
	int64_t ms = *pause_ms / 2 + (int64_t)random_below(seed, (uint64_t)*pause_ms / 2 + 1);
	struct timespec t = { .tv_nsec = (long)ms * 1000000 };

	nanosleep(&t, NULL); /* a signal cuts it short */
	if (*pause_ms < NAP_MAX_MS)
		*pause_ms *= 2;
}

/* Until the key is not held any more, the time is over or a signal came. */
static int wait_for_holder(struct db *db, int64_t until_ms, struct err *e)
{
	uint64_t seed = random_derive_int((uint64_t)getpid(), tstamp_boot_ms());
	int64_t pause_ms = NAP_MIN_MS;
	struct keys_record r;
	bool found, held = true;

	while (held && cli_stop == 0 && tstamp_boot_ms() < until_ms) {
		nap(&pause_ms, &seed);
		if (keys_load(db, key, &r, &found, e) != 0)
			return -1;
		held = found && r.held;
		keys_release(&r);
	}
	return 0;
}

static int claim(struct job *job, enum keys_answer *answer, struct err *e)
{
	int64_t until_ms = job->start_ms + wait_s * 1000;

	for (;;) {
		if (keys_claim(job->db, &job->q, answer, &job->claim, e) != 0)
			return -1;
		if (*answer != KEYS_BUSY || cli_stop != 0 || tstamp_boot_ms() >= until_ms)
			return 0;
		keys_release(&job->claim);
		if (wait_for_holder(job->db, until_ms, e) != 0)
			return -1;
	}
}

static int replay(const struct keys_record *r, int *status, struct err *e)
{
	/* every other result has an output, if only an empty one */
	if (r->output == NULL)
		return too_much(e);
	cli_out(r->output, r->output_len);
	*status = (int)r->exit_status;
	return 0;
}

static int busy(const struct keys_record *r, struct err *e)
{
	char since[TSTAMP_TEXT_MAX];

	return err_set(e, ERR_TEMP, "key %s: busy, process %" PRId64 " runs it since %s", key,
		       r->owner_pid, tstamp_format(r->updated_ms, since));
}

static int answer_call(struct job *job, enum keys_answer answer, int *status, struct err *e)
{
	switch (answer) {
	case KEYS_REPLAY:
		return replay(&job->claim, status, e);
	case KEYS_BUSY:
		return busy(&job->claim, e);
	case KEYS_MISMATCH:
		return err_set(e, ERR_DATA, "key %s: stands for another command", key);
	case KEYS_TAKEOVER:
		log_msg(LOG_INFO, "key %s: attempt %" PRId64 ", the one before has no result",
			key, job->claim.attempts);
		break;
	case KEYS_NEW:
		break;
	}
	return run(job, status, e);
}

static int once(struct db *db, const struct cli_args *args, int64_t ttl_ms, int *status,
		struct err *e)
{
	struct job job = { .db = db, .args = args, .start_ms = tstamp_boot_ms() };
	enum keys_answer answer;
	int rc;

	job.q = (struct keys_request){ .key = key,
				       .op = "once",
				       .now_ms = cli_common.now_ms,
				       .ttl_ms = ttl_ms,
				       .lease_ms = lease_s * 1000 };
	fingerprint(args, &job.q.fingerprint);
	cli_catch_stop();
	rc = claim(&job, &answer, e);
	if (rc == 0)
		rc = answer_call(&job, answer, status, e);
	keys_release(&job.claim);
	if (rc != 0 && cli_stop != 0) {
		*status = 128 + cli_stop;
		return 0;
	}
	db_tidy(db);
	return rc;
}

/* ------------------------------------------------------------------ looking at keys */

static const char *describe_state(const struct keys_record *r)
{
	if (r->state == KEYS_IN_PROGRESS && !r->held)
		return "abandoned";
	return keys_state_name(r->state);
}

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
	char text[TSTAMP_TEXT_MAX];

	json_write_string(w, name, tstamp_format(ms, text));
}

static void write_bytes(struct json_writer *w, const char *name, const char *data, size_t n)
{
	if (data != NULL)
		json_write_stringn(w, name, data, n);
	else
		json_write_null(w, name);
}

static void print_json(const struct keys_record *r, bool whole)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	b.max = PRINT_MAX;
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "key", r->key);
	json_write_string(&w, "op", r->op);
	json_write_string(&w, "state", keys_state_name(r->state));
	json_write_bool(&w, "held", r->held);
	json_write_string(&w, "owner", r->owner);
	json_write_int(&w, "fence", r->fence);
	json_write_int(&w, "attempts", r->attempts);
	json_write_int(&w, "replays", r->replays);
	if (r->exit_status >= 0)
		json_write_int(&w, "exit_status", r->exit_status);
	else
		json_write_null(&w, "exit_status");
	write_time(&w, "created", r->created_ms);
	write_time(&w, "updated", r->updated_ms);
	write_time(&w, "expires", r->expires_ms);
	json_write_int(&w, "output_bytes", (int64_t)r->output_len);
	if (whole) {
		write_bytes(&w, "output", r->output, r->output_len);
		write_bytes(&w, "error_tail", r->error_tail, r->error_len);
	}
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void format_status(const struct keys_record *r, char out[24])
{
	if (r->exit_status >= 0)
		snprintf(out, 24, "%" PRId64, r->exit_status);
	else
		snprintf(out, 24, "-");
}

static int print_row(void *ctx, const struct keys_record *r, struct err *e)
{
	char when[TSTAMP_TEXT_MAX], status[24];

	(void)ctx;
	(void)e;
	if (json) {
		print_json(r, false);
		return 0;
	}
	format_status(r, status);
	cli_outf("%-12s %3s %6" PRId64 " %7" PRId64 "  %s  %s\n", describe_state(r), status,
		 r->attempts, r->replays, tstamp_format_short(r->updated_ms, when), r->key);
	return 0;
}

/* Text of others, with what a terminal would obey made visible. */
static void print_tail(const char *text, size_t n)
{
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (start)
			cli_outf("  ");
		start = c == '\n';
		if (start || c == '\t' || (c >= 0x20 && c < 0x7f))
			cli_out(text + i, 1);
		else
			cli_outf("\\x%02x", c);
	}
	if (!start)
		cli_outf("\n");
}

static void print_whole(const struct keys_record *r)
{
	char when[TSTAMP_TEXT_MAX], status[24];

	format_status(r, status);
	cli_outf("key          %s\nop           %s\nstate        %s\n", r->key, r->op,
		 describe_state(r));
	cli_outf("owner        %s\nfence        %" PRId64 "\n", r->owner, r->fence);
	cli_outf("attempts     %" PRId64 "\nreplays      %" PRId64 "\n", r->attempts,
		 r->replays);
	cli_outf("exit status  %s\noutput       %zu bytes\n", status, r->output_len);
	cli_outf("created      %s\n", tstamp_format(r->created_ms, when));
	cli_outf("updated      %s\n", tstamp_format(r->updated_ms, when));
	cli_outf("expires      %s\n", tstamp_format(r->expires_ms, when));
	if (r->error_len > 0) {
		cli_outf("end of standard error:\n");
		print_tail(r->error_tail, r->error_len);
	}
}

static int show(struct db *db, struct err *e)
{
	struct keys_record r;
	bool found = false;
	int rc = keys_load(db, show_key, &r, &found, e);

	if (rc == 0 && !found)
		rc = err_set(e, ERR_NOTFOUND, "key %s: there is none", show_key);
	else if (rc == 0 && json)
		print_json(&r, true);
	else if (rc == 0)
		print_whole(&r);
	keys_release(&r);
	return rc;
}

struct sums {
	int64_t keys, attempts, replays;
	struct json_writer w;
};

static int print_count(void *ctx, const struct keys_count *c, struct err *e)
{
	struct sums *sums = ctx;

	(void)e;
	sums->keys += c->keys;
	sums->attempts += c->attempts;
	sums->replays += c->replays;
	if (json) {
		json_write_object(&sums->w, NULL);
		json_write_string(&sums->w, "op", c->op);
		json_write_string(&sums->w, "state", keys_state_name(c->state));
		json_write_int(&sums->w, "keys", c->keys);
		json_write_int(&sums->w, "attempts", c->attempts);
		json_write_int(&sums->w, "replays", c->replays);
		json_write_close(&sums->w);
		return 0;
	}
	cli_outf("%-8s %-12s %8" PRId64 " %8" PRId64 " %8" PRId64 "\n", c->op,
		 keys_state_name(c->state), c->keys, c->attempts, c->replays);
	return 0;
}

static int print_stats(struct db *db, struct err *e)
{
	struct buf b = BUF_INIT;
	struct sums sums = { 0 };
	int64_t calls, rate_e4;

	json_write_init(&sums.w, &b);
	json_write_object(&sums.w, NULL);
	json_write_array(&sums.w, "counts");
	if (!json)
		cli_outf("%-8s %-12s %8s %8s %8s\n", "OP", "STATE", "KEYS", "ATTEMPTS",
			 "REPLAYS");
	if (keys_stats(db, print_count, &sums, e) != 0) {
		buf_release(&b);
		return -1;
	}
	calls = sums.attempts + sums.replays;
	rate_e4 = calls > 0 ? sums.replays * 10000 / calls : 0;
	json_write_close(&sums.w);
	json_write_int(&sums.w, "keys", sums.keys);
	json_write_int(&sums.w, "attempts", sums.attempts);
	json_write_int(&sums.w, "replays", sums.replays);
	json_write_decimal(&sums.w, "duplicate_rate", rate_e4, 4);
	json_write_close(&sums.w);
	json_write_end(&sums.w);
	if (json)
		cli_out(buf_str(&b), b.len);
	else
		cli_outf("%-21s %8" PRId64 " %8" PRId64 " %8" PRId64 "\n"
			 "duplicates: %" PRId64 ".%02" PRId64 " %% of the calls\n",
			 "all", sums.keys, sums.attempts, sums.replays, rate_e4 / 100,
			 rate_e4 % 100);
	buf_release(&b);
	return 0;
}

static int remove_old(struct db *db, struct err *e)
{
	int64_t n;

	if (keys_purge(db, cli_common.now_ms, &n, e) != 0)
		return -1;
	if (cli_common.quiet == 0)
		cli_outf("purged %" PRId64 "\n", n);
	db_tidy(db);
	return 0;
}

/* ------------------------------------------------------------------ options */

/* "90s", "10m", "2h", "2d". */
static int64_t parse_duration(const char *text)
{
	static const char units[] = "smhd";
	static const int64_t unit_ms[] = { 1000, 60000, 3600000, TSTAMP_DAY_MS };
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] != '\0' ? strchr(units, text[digits]) : NULL;
	int64_t n, ms;

	if (digits == 0 || digits > 9 || unit == NULL || text[digits + 1] != '\0')
		cli_usage("option --ttl: \"%.40s\" is not like 90s, 10m, 2h or 2d", text);
	n = strtoll(text, NULL, 10);
	ms = n * unit_ms[unit - units];
	if (ms < TTL_MIN_MS || ms > TTL_MAX_MS)
		cli_usage("option --ttl: %s is not between 60s and 3650d", text);
	return ms;
}

static void check_range(const char *name, int64_t v, int64_t min, int64_t max)
{
	if (v < min || v > max)
		cli_usage("option --%s: %" PRId64 " is not between %" PRId64 " and %" PRId64,
			  name, v, min, max);
}

static void check_key(const char *k)
{
	struct err e = { 0 };

	if (k != NULL && keys_check(k, &e) != 0)
		cli_usage("%s", e.text);
}

static void check_usage(const struct cli_args *args)
{
	bool runs = key != NULL || guard_pid != 0;
	bool looks = list || stats || show_key != NULL;
	int modes = runs + list + stats + (show_key != NULL) + purge + (forget_key != NULL);

	if (args->n > 0)
		cli_usage("\"%.80s\": the command stands after --", args->operands[0]);
	if (modes == 0)
		cli_usage("a key is missing: --key KEY -- CMD");
	if (modes > 1 || (key != NULL && guard_pid != 0))
		cli_usage("more than one thing is asked for");
	if (runs && args->n_rest == 0)
		cli_usage("a command is missing after --");
	if (!runs && args->has_rest)
		cli_usage("only --key takes a command");
	if (state_text != NULL && !list)
		cli_usage("--state needs --list");
	if (json && !looks)
		cli_usage("--json needs --list, --show or --stats");
	check_key(key);
	check_key(show_key);
	check_key(forget_key);
	check_range("wait", wait_s, 0, WAIT_MAX_S);
	check_range("lease", lease_s, 1, LEASE_MAX_S);
	check_range("output-max", output_kb, 1, OUTPUT_MAX_KB);
	check_range("guard", guard_pid, 0, INT32_MAX);
}

static int look(struct db *db, struct err *e)
{
	enum keys_state state;

	if (show_key != NULL)
		return show(db, e);
	if (stats)
		return print_stats(db, e);
	if (purge)
		return remove_old(db, e);
	if (forget_key != NULL)
		return keys_forget(db, forget_key, e);
	if (state_text != NULL && !keys_state_find(state_text, &state))
		return err_set(e, ERR_USAGE, "option --state: \"%.40s\" is no state of a key",
			       state_text);
	return keys_list(db, state_text != NULL ? &state : NULL, print_row, NULL, e);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int64_t ttl_ms;
	int status = 0, r = -1;

	mask = umask(077);
	cli_start(&tool, argc, argv, &args);
	check_usage(&args);
	ttl_ms = parse_duration(ttl_text);
	if (guard_pid != 0)
		return guard(&args, &e);
	db = db_open(cli_common.database, &e);
	if (db != NULL)
		r = key != NULL ? once(db, &args, ttl_ms, &status, &e) : look(db, &e);
	db_close(db);
	return cli_end(r == 0 ? status : cli_fail(&e));
}
