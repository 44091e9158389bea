/*
 * tr-cycle runs one window durably: it takes the lock, begins the window, and runs each stage
 * as a program of its own (ingest, settle, snapshot, and in decision windows decide, trade and
 * snapshot again), then seals it. Stages that are done are not run again, so a window that was
 * killed or begun by hand is completed, and one that is finished is left alone. Made for cron.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cli.h"
#include "head.h"
#include "heartbeat.h"
#include "log.h"
#include "mem.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

#define STAGE_TRIES 4
#define ATTEMPTS_MAX 6 /* the first run and five recoveries */
#define CHECKPOINT_BYTES (1 << 20)
#define STAGE_TIMEOUT_MS 300000
#define LOCK_MOMENT_MS 1000
#define STAGE_OUTPUT_MAX ((size_t)64 << 20)

extern char **environ;

static const char *window_text, *record, *play;
static int64_t from_ms = -1, to_ms = -1, wait_s;
static bool json, dry_run, pay;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window_text, "WINDOW",
	  "window id, time, latest or -N (default: now)" },
	{ 0, "from", CLI_TIME, &from_ms, "TIME", "run all windows from this one ..." },
	{ 0, "to", CLI_TIME, &to_ms, "TIME", "... up to this one, which is not run" },
	{ 'W', "wait", CLI_INT, &wait_s, "SECONDS",
	  "wait so long for another tr-cycle to end (0)" },
	{ 0, "record", CLI_STRING, &record, "FILE",
	  "append every exchange with a service to FILE" },
	{ 0, "play", CLI_STRING, &play, "FILE",
	  "take the answers of services from FILE: no network, no cost" },
	{ 0, "pay", CLI_FLAG, &pay, NULL,
	  "ask for money also in windows that are not the clock's" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print the result as JSON" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "say which stages would run, run none" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-cycle", "run one window durably", NULL, options,
				      NULL };

struct cycle {
	struct db *db;
	int lock_fd;
	int64_t window_ms;
	struct race_window w;
	bool partial;	    /* a stage ended with status 3 */
	int64_t start_ms;   /* boot clock at which now_ms was read */
	int64_t end_ms;	    /* boot clock: when a live window is over; -1 for never */
	int64_t took_ms[8]; /* per stage */
};

/* The time: a race that runs by the clock ages while its stages run, a given time stands still.
 */
static int64_t cycle_now(const struct cycle *c)
{
	return c->w.live ? cli_common.now_ms + tstamp_boot_ms() - c->start_ms
			 : cli_common.now_ms;
}

static void pause_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (cli_stop == 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* ------------------------------------------------------------------ stages */

static const struct stage_def {
	const char *name, *program;
	const char *arg; /* more, or NULL */
	bool decision;	 /* only in windows in which agents decide */
} stages[] = {
	{ "ingest", "tr-ingest", NULL, false },
	{ "settle", "tr-trade", "--settle", false },
	{ "pre", "tr-snapshot", "--phase=pre", false },
	{ "decide", "tr-decide", NULL, true },
	{ "trade", "tr-trade", NULL, true },
	{ "post", "tr-snapshot", "--phase=post", true },
};

/* tr-foo --database=... --window=... --now=..., and what the stage adds */
static char **stage_argv(const struct cycle *c, const struct stage_def *s, const char *program)
{
	char **argv = mem_array(16, sizeof *argv);
	bool decide = strcmp(s->name, "decide") == 0;
	bool asks = decide || strcmp(s->name, "ingest") == 0;
	char id[TSTAMP_WINDOW_ID_MAX], now[TSTAMP_TEXT_MAX];
	int64_t left_ms = c->end_ms - tstamp_boot_ms();
	size_t n = 0;

	argv[n++] = mem_strdup(program);
	argv[n++] = mem_printf("--database=%s", db_path(c->db));
	argv[n++] = mem_printf("--window=%s", tstamp_window_id(c->window_ms, id));
	argv[n++] = mem_printf("--now=%s", tstamp_format(cycle_now(c), now));
	if (cli_common.quiet > 0)
		argv[n++] = mem_strdup("--quiet");
	if (s->arg != NULL)
		argv[n++] = mem_strdup(s->arg);
	/* one deadline for the window, passed down as what is left of it */
	if (decide && c->end_ms >= 0)
		argv[n++] = mem_printf("--left=%lld", (long long)(left_ms > 0 ? left_ms : 0));
	if (asks && record != NULL)
		argv[n++] = mem_printf("--record=%s", record);
	if (asks && play != NULL)
		argv[n++] = mem_printf("--play=%s", play);
	if (decide && pay)
		argv[n++] = mem_strdup("--pay");
	return argv;
}

/* Our environment, and who the parent is: a stage ends with us. */
static char **stage_env(void)
{
	size_t n = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = mem_array(n + 2, sizeof *env);
	memcpy(env, environ, n * sizeof *env);
	env[n] = mem_printf("TR_PARENT=%d", (int)getpid());
	return env;
}

static int stage_spawn(const struct cycle *c, const struct stage_def *s, struct child_result *r,
		       struct err *e)
{
	char *program = child_sibling(s->program, e);
	char **argv = NULL, **env = NULL;
	struct child_spec spec = { .output_max = STAGE_OUTPUT_MAX,
				   .timeout_ms = STAGE_TIMEOUT_MS };
	size_t n = 0;
	int rc;

	if (program == NULL)
		return -1;
	argv = stage_argv(c, s, program);
	env = stage_env();
	spec.argv = (const char *const *)argv;
	spec.env = (const char *const *)env;
	rc = child_run_one(&spec, r, &cli_stop, e);
	while (env[n] != NULL)
		n++;
	free(env[n - 1]);
	free(env);
	for (char **p = argv; *p != NULL; p++)
		free(*p);
	free(argv);
	free(program);
	return rc;
}

/* One try: the exit status of the stage as a tool, 75 for what may pass. */
static int stage_status(const struct child_result *r)
{
	switch (r->end) {
	case CHILD_EXITED:
		return r->status;
	case CHILD_TIMEOUT:
		return ERR_TEMP;
	case CHILD_SIGNALED:
		log_msg(LOG_ERROR, "a stage was killed by signal %d", r->signal);
		return ERR_INTERNAL;
	default:
		return ERR_INTERNAL;
	}
}

/* Temporary failures are tried again after 2 s, doubled up to 30 s (C-10). */
static int run_program(struct cycle *c, const struct stage_def *s, struct err *e)
{
	int64_t delay_ms = 2000;

	for (int try = 1;; try++) {
		struct child_result r = { 0 };
		int status;

		if (stage_spawn(c, s, &r, e) != 0)
			return -1;
		status = stage_status(&r);
		child_result_release(&r);
		if (status == 0 || status == ERR_PARTIAL)
			return 0;
		if (status != ERR_TEMP || try == STAGE_TRIES || cli_stop != 0)
			return err_set(e, status, "stage %s: %s ended with status %d", s->name,
				       s->program, status);
		log_msg(LOG_WARN, "stage %s: busy or unreachable, trying again in %lld s",
			s->name, (long long)(delay_ms / 1000));
		pause_ms(delay_ms);
		delay_ms = delay_ms * 2 < 30000 ? delay_ms * 2 : 30000;
	}
}

static int run_stage(struct cycle *c, const struct stage_def *s, struct err *e)
{
	int64_t start_ms = tstamp_boot_ms();
	bool done, waiting = true;
	int r;

	if (journal_done(c->db, c->window_ms, s->name, &done, e) != 0)
		return -1;
	if (done)
		return 0;
	/* a process for nothing to settle would cost more than the rest of a quiet window */
	if (strcmp(s->name, "settle") == 0 && race_waiting(c->db, &c->w, &waiting, e) != 0)
		return -1;
	r = waiting ? run_program(c, s, e) : race_settle(c->db, &c->w, cycle_now(c), NULL, e);
	c->took_ms[s - stages] = tstamp_boot_ms() - start_ms;
	return r;
}

static int note_failure(struct cycle *c, const char *stage, const struct err *why)
{
	struct err ignored = { 0 };

	/* what went wrong is already on its way to the caller */
	if (db_begin(c->db, &ignored) == 0)
		db_end(c->db,
		       journal_event(c->db, c->window_ms, "failed", stage, why->text,
				     cli_common.now_ms, &ignored),
		       &ignored);
	return -1;
}

static int run_stages(struct cycle *c, struct err *e)
{
	for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
		if (stages[i].decision && !c->w.decision)
			continue;
		if (cli_stop != 0)
			return err_set(e, ERR_TEMP,
				       "stopped by a signal; the next start resumes");
		if (run_stage(c, &stages[i], e) != 0)
			return note_failure(c, stages[i].name, e);
	}
	return 0;
}

/* ------------------------------------------------------------------ one window */

/* Start a begun window again, unless it was tried too often: later windows must go on.
 */
static int resume(struct cycle *c, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t attempts = 0;
	int r;

	if (db_begin(c->db, e) != 0)
		return -1;
	r = journal_resume(c->db, c->window_ms, cli_common.now_ms, &attempts, e);
	if (r == 0 && attempts > ATTEMPTS_MAX)
		r = journal_finish(c->db, c->window_ms, "quarantined", cli_common.now_ms, e);
	if (db_end(c->db, r, e) != 0)
		return -1;
	if (attempts > ATTEMPTS_MAX)
		return err_set(
			e, ERR_INTERNAL,
			"%s: quarantined after %d recoveries; tr-status shows its history",
			tstamp_window_id(c->window_ms, id), ATTEMPTS_MAX - 1);
	return 0;
}

static int resume_or_begin(struct cycle *c, bool live, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct journal_cycle j;
	bool found;

	if (journal_load(c->db, c->window_ms, &j, &found, e) != 0)
		return -1;
	if (!found)
		return race_begin(c->db, c->window_ms, live, cli_common.now_ms, e);
	/* before the recovery is counted: nothing is written into such a window */
	if (journal_same(c->db, c->window_ms, &j.pin_hash, e) != 0)
		return -1;
	if (strcmp(j.state, "quarantined") == 0)
		return err_set(e, ERR_INTERNAL, "%s: is quarantined",
			       tstamp_window_id(c->window_ms, id));
	return j.sealed ? 0 : resume(c, e);
}

/* A window that these tools cannot finish waits for somebody who can. */
static int open_window(struct cycle *c, struct err *e)
{
	struct err ignored = { 0 };

	if (race_open(c->db, c->window_ms, &c->w, e) == 0)
		return 0;
	if (e->status == ERR_CONFIG && db_begin(c->db, &ignored) == 0)
		db_end(c->db,
		       journal_finish(c->db, c->window_ms, "needs_operator", cli_common.now_ms,
				      &ignored),
		       &ignored);
	return -1;
}

/* The window is done with or without its line; what this leaves out, the next one adds. */
static void note_head(struct cycle *c)
{
	struct err e = { 0 };

	if (head_update(c->db, &e) != 0)
		log_msg(LOG_ERROR, "%s", e.text);
}

static int run_window(struct cycle *c, bool live, struct err *e)
{
	int r;

	if (resume_or_begin(c, live, e) != 0 || open_window(c, e) != 0)
		return -1;
	c->end_ms = -1;
	if (c->w.live)
		c->end_ms =
			tstamp_boot_ms() + c->window_ms + TSTAMP_WINDOW_MS - cli_common.now_ms;
	r = c->w.sealed ? 0 : run_stages(c, e);
	if (r == 0 && !c->w.sealed)
		r = race_seal(c->db, c->window_ms, cycle_now(c), e);
	if (r == 0)
		note_head(c);
	return r;
}

/* What the clock says is not settled yet: venues publish a little late (C-15). */
static void settle_delay(int64_t window_ms, struct db *db)
{
	struct config c;
	struct err ignored = { 0 };
	int64_t due_ms;

	config_init(&c);
	/* a setting that cannot be read is reported by the window's begin */
	if (config_load(db, &c, &ignored) == 0)
		config_environment(&c, &ignored);
	due_ms = window_ms + config_num(&c, CONFIG_WINDOW_SETTLE_DELAY_S) * 1000;
	config_release(&c);
	if (cli_common.now_ms < due_ms)
		pause_ms(due_ms - cli_common.now_ms);
}

static void print_result(const struct cycle *c, const struct race_summary *s, int64_t took_ms,
			 bool was_sealed)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct buf b = BUF_INIT;
	struct json_writer w;

	if (cli_common.quiet > 0)
		return;
	tstamp_window_id(c->window_ms, id);
	if (!json) {
		cli_outf("%s: %s%lld of %lld prices, %lld decisions (%lld failed), %lld "
			 "trades, %lld ms\n",
			 id, was_sealed ? "finished already: " : "", (long long)s->prices,
			 (long long)s->assets, (long long)s->decisions, (long long)s->failed,
			 (long long)s->trades, (long long)took_ms);
		return;
	}
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.cycle/1");
	json_write_string(&w, "window", id);
	json_write_bool(&w, "finished_already", was_sealed);
	json_write_int(&w, "prices", s->prices);
	json_write_int(&w, "assets", s->assets);
	json_write_int(&w, "decisions", s->decisions);
	json_write_int(&w, "failed", s->failed);
	json_write_int(&w, "trades", s->trades);
	json_write_int(&w, "snapshots", s->snapshots);
	json_write_int(&w, "took_ms", took_ms);
	json_write_object(&w, "stages_ms");
	for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !was_sealed; i++)
		if (!stages[i].decision || c->w.decision)
			json_write_int(&w, stages[i].name, c->took_ms[i]);
	json_write_close(&w);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

/* A sign of life for each window of the clock that went well. One that does not arrive is no
 * failure of the window: its absence is the alarm. */
static void send_heartbeat(struct cycle *c)
{
	const char *url = config_text(&c->w.config, CONFIG_ALERT_HEARTBEAT_URL);
	struct journal_cycle j;
	struct err e = { 0 };
	bool found;

	if (!c->w.live || play != NULL || url[0] == '\0')
		return;
	if (journal_load(c->db, c->window_ms, &j, &found, &e) != 0) {
		log_msg(LOG_WARN, "heartbeat: %s", e.text);
		return;
	}
	if (found && strcmp(j.state, "completed") == 0 &&
	    heartbeat_send(url, &cli_stop, &e) != 0)
		log_msg(LOG_WARN, "%s", e.text);
}

/* One window, counted; *${fresh} if it was not finished before. */
static int run_and_print(struct cycle *c, int64_t window_ms, bool live, bool print, bool *fresh,
			 struct err *e)
{
	int64_t start_ms = tstamp_boot_ms();
	struct race_summary before, after;
	int r = -1;

	c->window_ms = window_ms;
	memset(c->took_ms, 0, sizeof c->took_ms);
	if (race_summarise(c->db, window_ms, &before, e) != 0)
		return -1;
	*fresh = !before.sealed;
	if (run_window(c, live, e) == 0 && race_summarise(c->db, window_ms, &after, e) == 0) {
		c->partial = c->partial || (*fresh && after.failed > 0);
		if (print)
			print_result(c, &after, tstamp_boot_ms() - start_ms, before.sealed);
		if (*fresh && after.failed == 0)
			send_heartbeat(c);
		r = 0;
	}
	race_release(&c->w);
	return r;
}

/* ------------------------------------------------------------------ lock, range */

/* The lock file says which window its holder runs, for the one that finds it taken. */
static void lock_note(struct cycle *c, int64_t window_ms)
{
	char id[TSTAMP_WINDOW_ID_MAX], text[80];
	int n = snprintf(text, sizeof text, "%s pid %d\n", tstamp_window_id(window_ms, id),
			 (int)getpid());

	/* a note for people: the lock itself is the flock */
	if (ftruncate(c->lock_fd, 0) != 0 || pwrite(c->lock_fd, text, (size_t)n, 0) != n)
		log_msg(LOG_WARN, "lock file: cannot be written: %s", strerror(errno));
}

/* What the lock file says of its holder, "" for nothing. */
static void read_note(const struct cycle *c, char text[80])
{
	char *name = mem_printf("%s.cycle", db_path(c->db));
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, text, 79) : -1;

	if (fd >= 0)
		close(fd);
	free(name);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* A window whose turn comes while another still runs is skipped for good: only if the
 * note of the holder names one that has begun and is not finished. */
static int note_overlap(struct cycle *c, int64_t window_ms, const char *holder, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct err unread = { 0 };
	struct journal_cycle j;
	int64_t held_ms;
	bool found;

	snprintf(id, sizeof id, "%.*s", (int)strcspn(holder, " "), holder);
	if (tstamp_parse(id, &held_ms, &unread) != 0 || held_ms == window_ms)
		return 0;
	*e = (struct err){ 0 };
	if (journal_load(c->db, held_ms, &j, &found, e) != 0)
		return -1;
	if (!found || j.sealed)
		return 0;
	if (db_begin(c->db, e) != 0)
		return -1;
	return db_end(c->db,
		      journal_miss(c->db, window_ms, "skipped_overlap", cli_common.now_ms, e),
		      e);
}

static int take_lock(struct cycle *c, int64_t window_ms, bool live, struct err *e)
{
	char text[80];
	int64_t wait_ms = wait_s * 1000;

	/* a moment for a holder that has not written its note yet, or only looks */
	if (live && wait_ms < LOCK_MOMENT_MS)
		wait_ms = LOCK_MOMENT_MS;
	c->lock_fd = db_lock_file(c->db, ".cycle", wait_ms, e);
	if (c->lock_fd >= 0 || e->status != ERR_TEMP)
		return c->lock_fd >= 0 ? 0 : -1;
	read_note(c, text);
	if (live && note_overlap(c, window_ms, text, e) != 0)
		return -1;
	*e = (struct err){ 0 };
	return err_set(e, ERR_TEMP, "another tr-cycle is running%s%s", text[0] ? ": " : "",
		       text);
}

static void show_progress(int64_t from, int64_t at, int64_t to)
{
	char text[96], day[TSTAMP_TEXT_MAX];
	int n;

	if (!cli_progress())
		return;
	n = snprintf(text, sizeof text, "\r%s  %3lld %%%s", tstamp_format_short(at, day),
		     (long long)((at - from) * 100 / (to - from)), at >= to ? "\r\033[K" : "");
	if (write(2, text, (size_t)n) < 0)
		return;
}

static int run_range(struct cycle *c, struct err *e)
{
	int64_t first = tstamp_window(from_ms), last = tstamp_window(to_ms - 1);
	int64_t end = last + TSTAMP_WINDOW_MS, ran = 0, finished = 0;
	char id[TSTAMP_WINDOW_ID_MAX];

	if (last > cli_common.now_ms)
		return err_set(e, ERR_DATA, "%s: has not started yet",
			       tstamp_window_id(last, id));

	for (int64_t w = first; w <= last; w += TSTAMP_WINDOW_MS) {
		bool fresh;

		show_progress(first, w, end);
		lock_note(c, w);
		if (!cli_common.now_given)
			cli_common.now_ms = w;
		if (run_and_print(c, w, false, json, &fresh, e) != 0)
			return -1;
		ran += fresh;
		finished += !fresh;
		if (db_wal_size(c->db) > CHECKPOINT_BYTES && db_checkpoint(c->db, e) != 0)
			return -1;
	}
	show_progress(first, end, end);
	if (cli_common.quiet == 0 && !json)
		cli_outf("%lld windows run, %lld finished already\n", (long long)ran,
			 (long long)finished);
	return 0;
}

/* What a run would do; a window that has not begun would do everything. */
static int show_plan(struct cycle *c, int64_t window_ms, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct journal_cycle j;
	bool found, decision;
	struct config config;
	int r;

	if (journal_load(c->db, window_ms, &j, &found, e) != 0)
		return -1;
	if (found && journal_same(c->db, window_ms, &j.pin_hash, e) != 0)
		return -1;
	config_init(&config);
	r = config_load(c->db, &config, e);
	decision =
		found ? j.decision
		      : window_ms % (config_num(&config, CONFIG_DECIDE_EVERY_MIN) * 60000) == 0;
	config_release(&config);
	cli_outf("%s:", tstamp_window_id(window_ms, id));
	for (size_t i = 0; i < sizeof stages / sizeof stages[0] && r == 0; i++) {
		bool done = false;

		if (stages[i].decision && !decision)
			continue;
		r = journal_done(c->db, window_ms, stages[i].name, &done, e);
		if (!done && !j.sealed)
			cli_outf(" %s", stages[i].name);
	}
	cli_outf("%s\n", j.sealed ? " finished" : " seal");
	return r;
}

static int run(struct cycle *c, struct err *e)
{
	int64_t window_ms = tstamp_window(cli_common.now_ms);
	bool live = window_text == NULL && !cli_common.now_given, fresh;
	int r;

	c->start_ms = tstamp_boot_ms();
	c->db = db_open(cli_common.database, e);
	if (c->db == NULL)
		return -1;
	if (window_text != NULL && race_find_window(c->db, window_text, &window_ms, e) != 0)
		return -1;
	if (dry_run)
		return show_plan(c, window_ms, e);
	if (take_lock(c, window_ms, live && from_ms < 0, e) != 0)
		return -1;
	if (from_ms >= 0)
		return run_range(c, e);
	lock_note(c, window_ms);
	if (live)
		settle_delay(window_ms, c->db);
	if (cli_stop != 0)
		return err_set(e, ERR_TEMP, "stopped by a signal; the next start resumes");
	r = run_and_print(c, window_ms, live, true, &fresh, e);
	if (r == 0 && db_wal_size(c->db) > CHECKPOINT_BYTES)
		r = db_checkpoint(c->db, e);
	return r;
}

int main(int argc, char **argv)
{
	struct cycle c = { .lock_fd = -1 };
	struct cli_args args;
	struct err e = { 0 };
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if ((from_ms >= 0) != (to_ms >= 0))
		cli_usage("--from and --to go together");
	if (from_ms >= 0 && (window_text != NULL || to_ms <= from_ms))
		cli_usage(window_text != NULL ? "--window and --from contradict each other"
					      : "--to must be after --from");
	if (dry_run && from_ms >= 0)
		cli_usage("--dry-run is about one window");
	if (wait_s < 0 || wait_s > 3600)
		cli_usage("--wait is 0 to 3600 seconds");
	if (record != NULL && play != NULL)
		cli_usage("--record and --play contradict each other");
	cli_catch_stop();
	r = run(&c, &e);
	/* the database first: whoever waits for the lock finds it closed */
	db_close(c.db);
	if (c.lock_fd >= 0)
		close(c.lock_fd);
	if (r != 0 && cli_stop != 0) {
		cli_fail(&e);
		return cli_end(128 + cli_stop);
	}
	return cli_end(r == 0 ? (c.partial ? ERR_PARTIAL : 0) : cli_fail(&e));
}
