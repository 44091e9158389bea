#include "replay.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "head.h"
#include "mem.h"
#include "race.h"
#include "replay_answers.h"
#include "replay_setup.h"
#include "tstamp.h"

#include "banned.h"

/* A transaction: what a crash repeats, and how often one waits for the disk. */
#define REPLAY_CHUNK 4000    /* windows */
#define REPLAY_CHUNK_MS 5000 /* where programs take their time */

/* scan: a count at the end */
static const char sql_counts[] =
	"SELECT (SELECT count(*) FROM decisions), (SELECT count(*) FROM trades)";
/* The first window from :window on that has prices in the origin. */
static const char sql_run[] = "SELECT min(window_ms) FROM batches WHERE window_ms >= :window";

struct replay {
	const struct replay_request *q;
	struct db *db;
	struct db *origin; /* with answers: where they are */
	struct race_residents *residents;
	int64_t from_ms, to_ms;
};

static bool replay_stopped(const struct replay *r)
{
	return r->q->stop != NULL && *r->q->stop != 0;
}

/* The window to run at or after ${at_ms}; with answers only those of the origin are run. */
static int replay_window(struct replay *r, int64_t at_ms, int64_t *window_ms, struct err *e)
{
	struct sql_stmt *s;

	*window_ms = at_ms;
	if (r->origin == NULL)
		return 0;
	s = db_get(r->origin, sql_run);
	sql_int(s, ":window", at_ms);
	if (sql_row(s, e) != 1)
		return -1;
	*window_ms = sql_col_null(s, 0) ? INT64_MAX : sql_col_int(s, 0);
	sql_reset(s);
	return 0;
}

static int replay_ingest(struct replay *r, const struct race_window *w, struct err *e)
{
	if (r->origin != NULL)
		return replay_prices(r->db, r->origin, w, e);
	return race_ingest(r->db, w, NULL, w->window_ms, NULL, e);
}

static int replay_decide(struct replay *r, const struct race_window *w, struct err *e)
{
	struct race_decide_options o = {
		.left_ms = -1, .lean = true, .residents = r->residents, .ask.stop = r->q->stop
	};
	size_t failed;

	if (r->origin != NULL)
		return replay_answers(r->db, r->origin, w, e);
	return race_decide(r->db, w, &o, w->window_ms, NULL, &failed, e);
}

/* What is left of a window, by the steps that run live ones. */
static int replay_stages(struct replay *r, struct race_window *w, struct err *e)
{
	static const enum ledger_phase pre = LEDGER_PRE, post = LEDGER_POST;
	struct db *db = r->db;
	int64_t at_ms = w->window_ms;

	if (replay_ingest(r, w, e) != 0 || race_settle(db, w, at_ms, NULL, e) != 0 ||
	    race_snapshot(db, w, &pre, at_ms, NULL, e) != 0)
		return -1;
	/* people hand in whenever they like */
	if (!w->decision && r->origin != NULL && replay_answers(db, r->origin, w, e) != 0)
		return -1;
	if (w->decision &&
	    (replay_decide(r, w, e) != 0 || race_trade(db, w, NULL, 0, at_ms, NULL, e) != 0 ||
	     race_snapshot(db, w, &post, at_ms, NULL, e) != 0))
		return -1;
	if (race_seal(db, at_ms, at_ms, e) != 0)
		return -1;
	w->sealed = true;
	return 0;
}

/* Run windows from *${at_ms} on, which is moved behind the last. */
static int replay_windows(struct replay *r, int64_t *at_ms, int64_t *count, struct err *e)
{
	int64_t next = *at_ms, until_ms = tstamp_boot_ms() + REPLAY_CHUNK_MS;
	struct race_window w = { 0 };
	int rc;

	if (race_begin(r->db, next, false, next, e) != 0 || race_open(r->db, next, &w, e) != 0)
		return -1;
	rc = w.sealed ? 0 : replay_stages(r, &w, e);
	for (int i = 1; rc == 0; i++) {
		*at_ms = next + TSTAMP_WINDOW_MS;
		++*count;
		rc = replay_window(r, *at_ms, &next, e);
		if (rc != 0 || i == REPLAY_CHUNK || next >= r->to_ms ||
		    tstamp_boot_ms() >= until_ms || replay_stopped(r))
			break;
		rc = race_next(r->db, &w, next, e);
		if (rc == 0)
			rc = replay_stages(r, &w, e);
	}
	race_release(&w);
	return rc;
}

/* One transaction of windows. */
static int replay_chunk(struct replay *r, int64_t *at_ms, int64_t *windows, struct err *e)
{
	int64_t at = *at_ms, count = 0;

	if (db_chunk_begin(r->db, e) != 0 ||
	    db_chunk_end(r->db, replay_windows(r, &at, &count, e), e) != 0 ||
	    db_checkpoint(r->db, e) != 0)
		return -1;
	*at_ms = at;
	*windows += count;
	return 0;
}

/* Where the work goes on: behind the last window that was sealed. */
static int replay_begin(struct replay *r, int64_t *at_ms, bool *resumed, struct err *e)
{
	int64_t latest;
	bool live;

	if (journal_latest(r->db, &latest, &live, e) != 0)
		return -1;
	*resumed = latest >= 0;
	*at_ms = *resumed ? latest + TSTAMP_WINDOW_MS : r->from_ms;
	return replay_window(r, *at_ms, at_ms, e);
}

static int replay_all(struct replay *r, struct replay_result *out, struct err *e)
{
	int64_t at_ms;

	if (replay_begin(r, &at_ms, &out->resumed, e) != 0)
		return -1;
	while (at_ms < r->to_ms && !replay_stopped(r)) {
		if (replay_chunk(r, &at_ms, &out->windows, e) != 0) {
			if (!replay_stopped(r) || e->status != ERR_TEMP)
				return -1;
			/* in the middle of a window, which is asked for again */
			*e = (struct err){ 0 };
			break;
		}
		if (r->q->progress != NULL)
			r->q->progress(r->q->ctx, at_ms, r->from_ms, r->to_ms);
		if (replay_window(r, at_ms, &at_ms, e) != 0)
			return -1;
	}
	if (head_begin(r->db, e) != 0)
		return -1;
	if (at_ms < r->to_ms)
		return err_set(e, ERR_TEMP, "%s: interrupted; the same command goes on",
			       r->q->out);
	return 0;
}

static int replay_count(struct replay *r, struct replay_result *out, struct err *e)
{
	struct sql_stmt *s = db_get(r->db, sql_counts);

	if (sql_row(s, e) != 1)
		return -1;
	out->decisions = sql_col_int(s, 0);
	out->trades = sql_col_int(s, 1);
	sql_reset(s);
	return 0;
}

static int replay_locked(struct replay *r, struct replay_result *out, struct err *e)
{
	int rc = -1;

	if (r->q->answers) {
		r->origin = db_open(r->q->origin, e);
		if (r->origin == NULL)
			return -1;
	} else {
		r->residents = race_residents(r->q->jobs);
	}
	if (replay_all(r, out, e) == 0)
		rc = replay_count(r, out, e);
	race_residents_end(r->residents);
	db_close(r->origin);
	return rc;
}

int replay_run(const struct replay_request *q, struct replay_result *out, struct err *e)
{
	struct replay r = { .q = q };
	int rc, lock;

	*out = (struct replay_result){ 0 };
	r.db = replay_open(q, &r.from_ms, &r.to_ms, &lock, e);
	if (r.db == NULL)
		return -1;
	out->from_ms = r.from_ms;
	out->to_ms = r.to_ms;
	rc = replay_locked(&r, out, e);
	close(lock);
	db_close(r.db);
	return rc;
}
