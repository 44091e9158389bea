#include "prune.h"

#include "tstamp.h"

#include "banned.h"

#define PRUNE_CHUNK 200			      /* windows in a transaction */
#define PRUNE_CHECKPOINT ((int64_t)1 << 20)   /* bytes of the log */
#define PRUNE_COUNTED_MS (31 * TSTAMP_DAY_MS) /* attempts count for limits so long */

/* scan: only the last row, by its key */
static const char sql_last[] = "SELECT window_ms FROM seals ORDER BY n DESC LIMIT 1";
static const char sql_windows[] =
	"SELECT s.window_ms FROM seals AS s WHERE s.window_ms > :after AND s.window_ms < "
	":before "
	"AND (EXISTS (SELECT 1 FROM events AS v WHERE v.window_ms = s.window_ms AND v.type <> "
	"'sealed') OR EXISTS (SELECT 1 FROM contexts AS c JOIN blobs AS b ON b.hash = c.hash "
	"WHERE c.window_ms = s.window_ms) OR EXISTS (SELECT 1 FROM call_starts AS t WHERE "
	"t.window_ms = s.window_ms AND t.purpose = 'ingest' AND t.agent_id IS NULL "
	"AND t.reserved = 0 AND t.at_ms < :counted AND NOT EXISTS (SELECT 1 FROM call_results "
	"AS r WHERE r.id = t.id AND r.cost > 0))) ORDER BY s.window_ms LIMIT :limit";
static const char sql_events[] =
	"DELETE FROM events WHERE window_ms = :window AND type <> 'sealed'";
/* A text that a window which stays was shown as well must stay with it. */
static const char sql_shown[] =
	"SELECT b.hash, length(b.data) FROM contexts AS c JOIN blobs AS b ON b.hash = c.hash "
	"WHERE c.window_ms = :window AND NOT EXISTS (SELECT 1 FROM contexts AS k "
	"WHERE k.window_ms >= :before AND k.hash = b.hash)";
static const char sql_shown_drop[] = "DELETE FROM blobs WHERE hash = :hash";
static const char sql_results[] =
	"DELETE FROM call_results WHERE cost = 0 AND id IN (SELECT id FROM call_starts WHERE "
	"window_ms = :window AND purpose = 'ingest' AND agent_id IS NULL AND reserved = 0 "
	"AND at_ms < :counted)";
static const char sql_starts[] =
	"DELETE FROM call_starts WHERE window_ms = :window AND purpose = 'ingest' "
	"AND agent_id IS NULL AND reserved = 0 AND at_ms < :counted "
	"AND NOT EXISTS (SELECT 1 FROM call_results AS r WHERE r.id = call_starts.id)";

static int prune_text(struct db *db, int64_t window_ms, int64_t before_ms,
		      struct prune_result *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_shown), *drop;
	const void *hash;
	size_t n;
	int rc;

	sql_int(s, ":window", window_ms);
	sql_int(s, ":before", before_ms);
	rc = sql_row(s, e);
	if (rc == 1) {
		hash = sql_col_blob(s, 0, &n);
		drop = db_get(db, sql_shown_drop);
		sql_blob(drop, ":hash", hash, n);
		rc = sql_exec(drop, e);
		r->bytes += sql_col_int(s, 1);
		r->texts++;
	}
	sql_reset(s);
	return rc;
}

/* An attempt goes after its result, and only with it. */
static int prune_calls(struct db *db, int64_t window_ms, struct prune_result *r, struct err *e)
{
	static const char *const statements[] = { sql_results, sql_starts };

	for (size_t i = 0; i < 2; i++) {
		struct sql_stmt *s = db_get(db, statements[i]);

		sql_int(s, ":window", window_ms);
		sql_int(s, ":counted", tstamp_wall_ms() - PRUNE_COUNTED_MS);
		if (sql_exec(s, e) != 0)
			return -1;
	}
	r->calls += sql_changes(db_sql(db));
	return 0;
}

static int prune_window(struct db *db, int64_t window_ms, int64_t before_ms,
			struct prune_result *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_events);

	sql_int(s, ":window", window_ms);
	if (sql_exec(s, e) != 0)
		return -1;
	r->events += sql_changes(db_sql(db));
	r->windows++;
	if (prune_calls(db, window_ms, r, e) != 0)
		return -1;
	return prune_text(db, window_ms, before_ms, r, e);
}

/* The next windows after *${after_ms}; how many there were, or -1. */
static int prune_chunk(struct db *db, int64_t *after_ms, int64_t before_ms,
		       struct prune_result *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_windows);
	int64_t windows[PRUNE_CHUNK];
	int n = 0, rc;

	sql_int(s, ":after", *after_ms);
	sql_int(s, ":before", before_ms);
	sql_int(s, ":counted", tstamp_wall_ms() - PRUNE_COUNTED_MS);
	sql_int(s, ":limit", PRUNE_CHUNK);
	while ((rc = sql_row(s, e)) == 1)
		windows[n++] = sql_col_int(s, 0);
	for (int i = 0; i < n && rc == 0; i++)
		rc = prune_window(db, windows[i], before_ms, r, e);
	if (n > 0)
		*after_ms = windows[n - 1];
	return rc == 0 ? n : -1;
}

/* Windows that are not sealed are not over, however old. */
static int prune_bound(struct db *db, int64_t *before_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_last);
	int r = sql_row(s, e);
	int64_t end_ms = r == 1 ? sql_col_int(s, 0) + 1 : 0;

	sql_reset(s);
	if (end_ms < *before_ms)
		*before_ms = end_ms;
	return r < 0 ? -1 : 0;
}

int prune_run(struct db *db, int64_t before_ms, bool dry, struct prune_result *r, struct err *e)
{
	int64_t after_ms = -1;
	int n = 1;

	*r = (struct prune_result){ 0 };
	if (dry)
		db_dry_run(db);
	if (prune_bound(db, &before_ms, e) != 0)
		return -1;
	while (n > 0) {
		if (db_begin(db, e) != 0)
			return -1;
		n = prune_chunk(db, &after_ms, before_ms, r, e);
		if (db_end(db, n < 0 ? -1 : 0, e) != 0)
			return -1;
		if (!dry && db_wal_size(db) > PRUNE_CHECKPOINT && db_checkpoint(db, e) != 0)
			return -1;
	}
	return n;
}
