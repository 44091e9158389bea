#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "calls.h"
#include "ident.h"
#include "mem.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Where windows stand. A page is found by its keys alone and only its rows are filled in, so
 * that the length of a race does not matter. Nothing is written: whether tr-cycle is at a
 * window is read off its lock file, never off the database file.
 */

#define RACE_LIST_MAX 10000

/* The stages as tr-cycle runs them; the last three only where agents decide. */
static const char *const race_stages[] = {
	"ingest", "settle", "pre", "decide", "trade", "post"
};
#define RACE_STAGES (sizeof race_stages / sizeof race_stages[0])

static const char *const race_states[] = { "running", "completed",	 "partial",
					   "failed",  "quarantined",	 "needs_operator",
					   "missed",  "skipped_overlap", NULL };

static const char sql_incomplete[] =
	"SELECT c.window_ms FROM cycles AS c WHERE c.window_ms >= :since "
	"AND c.window_ms < :until AND c.state IN ('running', 'quarantined', 'needs_operator') "
	"AND (:state IS NULL OR c.state = :state) AND (:failed = 0 OR c.state <> 'running' OR "
	"(SELECT e.type FROM events AS e WHERE e.window_ms = c.window_ms ORDER BY e.seq DESC "
	"LIMIT 1) = 'failed') ORDER BY c.window_ms";
static const char sql_finished[] =
	"SELECT c.window_ms AS w FROM cycles AS c WHERE c.window_ms >= :since "
	"AND c.window_ms < :until "
	"AND c.state NOT IN ('running', 'quarantined', 'needs_operator') "
	"AND (:state IS NULL OR c.state = :state) AND (:failed = 0 OR c.state <> 'completed') "
	"UNION ALL SELECT m.window_ms FROM missed AS m WHERE m.window_ms >= :since "
	"AND m.window_ms < :until AND (:state IS NULL OR m.reason = :state) "
	"AND NOT EXISTS (SELECT 1 FROM cycles AS c WHERE c.window_ms = m.window_ms) "
	"ORDER BY w DESC LIMIT :limit OFFSET :skip";
static const char sql_window[] =
	"SELECT c.state, c.decision, c.attempts, c.started_ms, c.ended_ms, b.n_prices, "
	"b.n_assets, (SELECT count(*) FROM trades AS t WHERE t.fill_ms = c.window_ms), "
	"EXISTS (SELECT 1 FROM cycles AS l WHERE l.window_ms > c.window_ms) "
	"FROM cycles AS c LEFT JOIN batches AS b ON b.window_ms = c.window_ms "
	"WHERE c.window_ms = :window";
/* scan: every agent, as decisions are found by agent and window */
static const char sql_decisions[] =
	"SELECT count(*), sum(d.status NOT IN ('ok', 'hold')) FROM agents AS a "
	"CROSS JOIN decisions AS d ON d.agent_id = a.id AND d.window_ms = :window";
static const char sql_feeds[] =
	"SELECT count(*) FROM feed_results WHERE window_ms = :window AND outcome <> 'ok'";
static const char sql_missed[] =
	"SELECT reason, noted_ms FROM missed WHERE window_ms = :window";
static const char sql_events[] = "SELECT seq, type, stage, input, detail, at_ms FROM events "
				 "WHERE window_ms = :window ORDER BY seq";
static const char sql_count_missed[] =
	"SELECT count(*) FROM missed WHERE window_ms > :since AND window_ms <= :until";
/* scan: one short row per window, which has no index by state */
static const char sql_count_incomplete[] =
	"SELECT count(*) FROM cycles WHERE state IN ('running', 'quarantined', "
	"'needs_operator')";

/* ------------------------------------------------------------------ who is at it */

/* What the lock file of tr-cycle says, while it is held. */
struct race_holder {
	bool held;
	int64_t window_ms; /* -1: it does not say */
	int64_t pid;	   /* -1: it does not say */
};

/* "market-cycle-20240723-0005 pid 4711" */
static void race_parse_note(char *text, struct race_holder *h)
{
	static const char word[] = "pid ";
	struct err ignored = { 0 };
	char *blank, *pid;

	text[strcspn(text, "\n")] = '\0';
	blank = strchr(text, ' ');
	pid = strstr(text, word);
	if (pid == NULL || decimal_parse(pid + sizeof word - 1, strlen(pid + sizeof word - 1),
					 0, &h->pid, &ignored) != 0)
		h->pid = -1;
	if (blank != NULL)
		*blank = '\0';
	if (tstamp_parse(text, &h->window_ms, &ignored) != 0)
		h->window_ms = -1;
}

/*
 * Whether tr-cycle runs. The lock is tried shared, so that two that ask do not take each other
 * for it, and given back at once. Without the file, or without leave to read it, nobody does.
 */
static void race_find_holder(struct db *db, struct race_holder *h)
{
	char *name = mem_printf("%s.cycle", db_path(db));
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[128] = "";
	ssize_t n;

	*h = (struct race_holder){ .window_ms = -1, .pid = -1 };
	free(name);
	if (fd < 0)
		return;
	h->held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (h->held) {
		n = pread(fd, text, sizeof text - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		race_parse_note(text, h);
	}
	close(fd);
}

/* The lock is one for all windows: a note that names none means the newest. */
static void race_mark_running(const struct race_holder *h, struct race_status *s)
{
	if (s->incomplete && h->held &&
	    (h->window_ms == s->window_ms || (h->window_ms < 0 && !s->over)))
		s->pid = h->pid;
}

/* ------------------------------------------------------------------ one window */

static int race_fill_cycle(struct db *db, struct race_status *s, bool *found, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_window);
	int r;

	sql_int(q, ":window", s->window_ms);
	r = sql_row(q, e);
	*found = r == 1;
	if (r != 1)
		return r;
	snprintf(s->state, sizeof s->state, "%s", sql_col_text(q, 0));
	s->incomplete = strcmp(s->state, "running") == 0 ||
			strcmp(s->state, "quarantined") == 0 ||
			strcmp(s->state, "needs_operator") == 0;
	s->due = sql_col_int(q, 1) != 0 ? (int64_t)RACE_STAGES : (int64_t)RACE_STAGES - 3;
	s->attempts = sql_col_int(q, 2);
	s->started_ms = sql_col_int(q, 3);
	s->ended_ms = sql_col_null(q, 4) ? -1 : sql_col_int(q, 4);
	s->prices = sql_col_int(q, 5);
	s->assets = sql_col_int(q, 6);
	s->trades = sql_col_int(q, 7);
	s->over = s->incomplete && sql_col_int(q, 8) != 0;
	sql_reset(q);
	return 0;
}

static int race_fill_missed(struct db *db, struct race_status *s, bool *found, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_missed);
	int r;

	sql_int(q, ":window", s->window_ms);
	r = sql_row(q, e);
	*found = r == 1;
	if (r == 1)
		snprintf(s->state, sizeof s->state, "%s", sql_col_text(q, 0));
	sql_reset(q);
	return r < 0 ? -1 : 0;
}

static int race_fill_decisions(struct db *db, struct race_status *s, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_decisions);

	sql_int(q, ":window", s->window_ms);
	if (sql_row(q, e) != 1)
		return -1;
	s->decisions = sql_col_int(q, 0);
	s->failed = sql_col_int(q, 1);
	sql_reset(q);
	return 0;
}

/* What services did not give, or may have taken money for without giving. */
static int race_fill_remote(struct db *db, struct race_status *s, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_feeds);

	sql_int(q, ":window", s->window_ms);
	if (sql_row(q, e) != 1)
		return -1;
	s->feeds_failed = sql_col_int(q, 0);
	sql_reset(q);
	return calls_doubtful(db, s->window_ms, s->window_ms + TSTAMP_WINDOW_MS, &s->doubtful,
			      e);
}

/* What the history says: stages done, the last failure. */
struct race_history {
	bool done[RACE_STAGES];
	char *failure;
};

static void race_note_event(void *ctx, const struct race_event *ev)
{
	struct race_history *h = ctx;

	if (strcmp(ev->type, "failed") == 0) {
		free(h->failure);
		h->failure = mem_strdup(ev->detail);
	}
	if (strcmp(ev->type, "completed") == 0)
		for (size_t i = 0; i < RACE_STAGES; i++)
			h->done[i] = h->done[i] || strcmp(ev->stage, race_stages[i]) == 0;
}

static int race_fill_history(struct db *db, struct race_status *s, struct err *e)
{
	struct race_history h = { 0 };
	int r = race_events(db, s->window_ms, race_note_event, &h, e);

	s->failure = h.failure;
	for (int64_t i = 0; i < s->due; i++) {
		s->done += h.done[i];
		if (!h.done[i] && s->stage == NULL)
			s->stage = race_stages[i];
	}
	return r;
}

/* ${found} false: the window neither began nor was missed. */
static int race_fill(struct db *db, const struct race_holder *h, int64_t window_ms,
		     struct race_status *s, bool *found, struct err *e)
{
	*s = (struct race_status){ .window_ms = window_ms, .started_ms = -1, .ended_ms = -1 };
	if (race_fill_cycle(db, s, found, e) != 0)
		return -1;
	if (!*found)
		return race_fill_missed(db, s, found, e);
	if (race_fill_decisions(db, s, e) != 0 || race_fill_remote(db, s, e) != 0 ||
	    race_fill_history(db, s, e) != 0)
		return -1;
	race_mark_running(h, s);
	return 0;
}

int race_status_load(struct db *db, int64_t window_ms, struct race_status *s, struct err *e)
{
	struct race_holder h;
	bool found;

	race_find_holder(db, &h);
	if (race_fill(db, &h, window_ms, s, &found, e) != 0)
		return -1;
	return found ? 0 : race_no_history(db, window_ms, e);
}

void race_status_release(struct race_status *s)
{
	free(s->failure);
	s->failure = NULL;
}

/* ------------------------------------------------------------------ lists */

int race_status_check(const char *text, struct err *e)
{
	const char *near;

	for (size_t i = 0; race_states[i] != NULL; i++)
		if (strcmp(text, race_states[i]) == 0)
			return 0;
	near = ident_nearest(text, race_states);
	return err_set(e, ERR_USAGE, "\"%.40s\" is no state of a window%s%s%s", text,
		       near != NULL ? ", did you mean " : "", near != NULL ? near : "",
		       near != NULL ? "?" : "");
}

static void race_bind_query(struct sql_stmt *s, const struct race_status_query *q)
{
	sql_int(s, ":since", q->since_ms);
	sql_int(s, ":until", q->until_ms);
	sql_text(s, ":state", q->state);
	sql_int(s, ":failed", q->failed);
}

/* The windows of one page and one more, if there is one. */
struct race_keys {
	int64_t *windows;
	size_t n, max;
};

/* Run a statement that gives windows; the first ${skip} do not belong to the page. */
static int race_add_keys(struct sql_stmt *s, int64_t skip, struct race_keys *k, int64_t *seen,
			 struct err *e)
{
	int r;

	*seen = 0;
	while ((r = sql_row(s, e)) == 1)
		if ((*seen)++ >= skip && k->n < k->max)
			k->windows[k->n++] = sql_col_int(s, 0);
	return r;
}

/* All incomplete windows are walked, being few: the rest of the page begins behind them. */
static int race_find_keys(struct db *db, const struct race_status_query *q, struct race_keys *k,
			  struct err *e)
{
	int64_t skip = (q->page - 1) * q->limit, incomplete, seen;
	struct sql_stmt *s = db_get(db, sql_incomplete);

	race_bind_query(s, q);
	if (race_add_keys(s, skip, k, &incomplete, e) != 0)
		return -1;
	s = db_get(db, sql_finished);
	race_bind_query(s, q);
	sql_int(s, ":skip", skip > incomplete ? skip - incomplete : 0);
	sql_int(s, ":limit", (int64_t)(k->max - k->n));
	return race_add_keys(s, 0, k, &seen, e);
}

int race_status_find(struct db *db, const struct race_status_query *q,
		     struct race_status_list *l, struct err *e)
{
	struct race_keys k = { NULL, 0, (size_t)q->limit + 1 };
	struct race_holder h;
	bool found;
	int r = -1;

	*l = (struct race_status_list){ 0 };
	if (q->limit < 1 || q->limit > RACE_LIST_MAX || q->page < 1 || q->page > INT32_MAX)
		return err_set(e, ERR_USAGE, "a page has 1 to %d windows", RACE_LIST_MAX);
	k.windows = mem_array(k.max, sizeof *k.windows);
	if (race_find_keys(db, q, &k, e) != 0)
		goto out;
	race_find_holder(db, &h);
	l->more = k.n == k.max;
	k.n -= l->more;
	l->rows = mem_array(k.n, sizeof *l->rows);
	for (size_t i = 0; i < k.n; i++)
		if (race_fill(db, &h, k.windows[i], &l->rows[l->n++], &found, e) != 0)
			goto out;
	r = 0;
out:
	free(k.windows);
	if (r != 0)
		race_status_free(l);
	return r;
}

void race_status_free(struct race_status_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		race_status_release(&l->rows[i]);
	free(l->rows);
	*l = (struct race_status_list){ 0 };
}

/* ------------------------------------------------------------------ what helps */

const char *race_status_help(const struct race_status *s, char out[RACE_HELP_MAX])
{
	char id[TSTAMP_WINDOW_ID_MAX];

	out[0] = '\0';
	tstamp_window_id(s->window_ms, id);
	if (!s->incomplete)
		return out;
	if (s->pid > 0)
		snprintf(out, RACE_HELP_MAX, "running now: pid %lld", (long long)s->pid);
	else if (s->pid < 0)
		snprintf(out, RACE_HELP_MAX, "running now");
	else if (s->over)
		snprintf(out, RACE_HELP_MAX, "nothing to do: it is over");
	else if (strcmp(s->state, "quarantined") == 0)
		snprintf(out, RACE_HELP_MAX, "not run again: tr-status %s shows its history",
			 id);
	else /* for needs_operator it says what is in the way, or goes on when it is gone */
		snprintf(out, RACE_HELP_MAX, "tr-cycle --window %s", id);
	return out;
}

static void race_write_time(struct json_writer *w, const char *key, int64_t ms)
{
	char text[TSTAMP_TEXT_MAX];

	json_write_string(w, key, ms >= 0 ? tstamp_format(ms, text) : NULL);
}

void race_status_record(struct buf *out, const struct race_status *s)
{
	char help[RACE_HELP_MAX];
	struct json_writer w;

	race_status_help(s, help);
	wire_open(&w, out, "tr.status/1", s->window_ms);
	json_write_string(&w, "state", s->state);
	json_write_bool(&w, "incomplete", s->incomplete);
	json_write_bool(&w, "over", s->over);
	json_write_bool(&w, "running_now", s->pid != 0);
	if (s->pid > 0)
		json_write_int(&w, "pid", s->pid);
	else
		json_write_null(&w, "pid");
	json_write_int(&w, "stages_done", s->done);
	json_write_int(&w, "stages_due", s->due);
	json_write_string(&w, "next_stage", s->stage);
	json_write_int(&w, "prices", s->prices);
	json_write_int(&w, "assets", s->assets);
	json_write_int(&w, "decisions", s->decisions);
	json_write_int(&w, "failed", s->failed);
	json_write_int(&w, "trades", s->trades);
	if (s->doubtful > 0)
		json_write_int(&w, "calls_doubtful", s->doubtful);
	if (s->feeds_failed > 0)
		json_write_int(&w, "feeds_failed", s->feeds_failed);
	json_write_int(&w, "attempts", s->attempts);
	race_write_time(&w, "started", s->started_ms);
	race_write_time(&w, "ended", s->ended_ms);
	json_write_string(&w, "failure", s->failure);
	json_write_string(&w, "help", help[0] != '\0' ? help : NULL);
	json_write_close(&w);
	json_write_end(&w);
}

/* ------------------------------------------------------------------ the race */

static int race_count(struct sql_stmt *s, int64_t *n, struct err *e)
{
	if (sql_row(s, e) != 1)
		return -1;
	*n = sql_col_int(s, 0);
	sql_reset(s);
	return 0;
}

int race_totals_load(struct db *db, int64_t now_ms, struct race_totals *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_count_missed);
	int64_t next_ms;
	bool live;

	*t = (struct race_totals){ .due_ms = tstamp_window(now_ms) };
	sql_int(s, ":since", now_ms - TSTAMP_DAY_MS);
	sql_int(s, ":until", now_ms);
	if (race_count(s, &t->missed, e) != 0 ||
	    race_count(db_get(db, sql_count_incomplete), &t->incomplete, e) != 0 ||
	    journal_latest(db, &t->last_ms, &live, e) != 0 ||
	    journal_is_live(db, &t->live, e) != 0 ||
	    roster_halted(db, &t->halted, &t->halt_name, &t->halt_reason, e) != 0)
		return -1;
	next_ms = t->last_ms + TSTAMP_WINDOW_MS;
	if (t->last_ms >= 0 && next_ms > t->due_ms)
		t->due_ms = next_ms;
	return 0;
}

void race_totals_release(struct race_totals *t)
{
	free(t->halt_name);
	free(t->halt_reason);
	*t = (struct race_totals){ 0 };
}

/* ------------------------------------------------------------------ history */

static int race_missed_event(struct db *db, int64_t window_ms, race_event_fn *each, void *ctx,
			     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_missed);
	struct race_event ev = { .window_ms = window_ms, .seq = 1, .stage = "", .detail = "" };
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	if (r == 1) {
		ev.type = sql_col_text(s, 0);
		ev.at_ms = sql_col_int(s, 1);
		each(ctx, &ev);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int race_events(struct db *db, int64_t window_ms, race_event_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_events);
	struct race_event ev = { .window_ms = window_ms };
	struct digest input;
	const void *p;
	size_t n;
	int r;

	sql_int(s, ":window", window_ms);
	while ((r = sql_row(s, e)) == 1) {
		ev.seq = sql_col_int(s, 0);
		ev.type = sql_col_text(s, 1);
		ev.stage = sql_col_text(s, 2);
		p = sql_col_blob(s, 3, &n);
		ev.input = p != NULL && n == sizeof input.bytes ? &input : NULL;
		if (ev.input != NULL)
			memcpy(input.bytes, p, n);
		ev.detail = sql_col_text(s, 4);
		ev.at_ms = sql_col_int(s, 5);
		each(ctx, &ev);
	}
	if (r == 0 && ev.seq == 0)
		return race_missed_event(db, window_ms, each, ctx, e);
	return r;
}

void race_event_record(struct buf *out, const struct race_event *ev)
{
	char hex[DIGEST_HEX_SIZE];
	struct json_writer w;

	if (ev->input != NULL)
		digest_hex(ev->input, hex);
	wire_open(&w, out, "tr.event/1", ev->window_ms);
	json_write_int(&w, "seq", ev->seq);
	race_write_time(&w, "at", ev->at_ms);
	json_write_string(&w, "type", ev->type);
	json_write_string(&w, "stage", ev->stage[0] != '\0' ? ev->stage : NULL);
	json_write_string(&w, "input", ev->input != NULL ? hex : NULL);
	json_write_string(&w, "detail", ev->detail);
	json_write_close(&w);
	json_write_end(&w);
}
