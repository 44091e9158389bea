#include "journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

static const char sql_cycle[] =
	"SELECT c.previous_ms, c.decision, c.live, c.state, c.attempts, c.pin, "
	"EXISTS (SELECT 1 FROM seals AS s WHERE s.window_ms = c.window_ms) "
	"FROM cycles AS c WHERE c.window_ms = :window";
static const char sql_pin[] = "SELECT content FROM pins WHERE hash = :hash";
static const char sql_after[] =
	"SELECT window_ms FROM cycles WHERE window_ms > :window ORDER BY window_ms LIMIT 1";
static const char sql_latest[] = "SELECT window_ms, live FROM cycles WHERE window_ms < :before "
				 "ORDER BY window_ms DESC LIMIT 1";
/* scan: ends at the first live one */
static const char sql_is_live[] = "SELECT EXISTS (SELECT 1 FROM cycles WHERE live = 1)";
static const char sql_pin_add[] = "INSERT INTO pins (hash, content) SELECT :hash, :content "
				  "WHERE NOT EXISTS (SELECT 1 FROM pins WHERE hash = :hash)";
static const char sql_cycle_add[] =
	"INSERT INTO cycles (window_ms, previous_ms, pin, decision, live, state, attempts, "
	"started_ms) "
	"VALUES (:window, :previous, :pin, :decision, :live, 'running', 1, :at)";
static const char sql_other[] =
	"SELECT stage, input FROM events WHERE window_ms = :window AND type = 'completed' AND "
	"input IS NOT :input ORDER BY seq LIMIT 1";
/* The first event of a sealed window is only gone when its history was pruned: all was done. */
static const char sql_done[] =
	"SELECT 1 WHERE EXISTS (SELECT 1 FROM events WHERE window_ms = :window AND "
	"stage = :stage AND type = 'completed') OR (NOT EXISTS (SELECT 1 FROM events WHERE "
	"window_ms = :window AND seq = 1) AND EXISTS (SELECT 1 FROM seals WHERE "
	"window_ms = :window))";
static const char sql_last_done[] =
	"SELECT window_ms FROM events WHERE window_ms < :window AND stage = :stage "
	"AND type = 'completed' ORDER BY window_ms DESC LIMIT 1";
static const char sql_event_add[] =
	"INSERT INTO events (window_ms, seq, type, stage, input, detail, at_ms) "
	"VALUES (:window, :seq, :type, :stage, :input, :detail, :at)";
static const char sql_event_last[] =
	"SELECT coalesce(max(seq), 0) FROM events WHERE window_ms = :window";
static const char sql_resume[] =
	"UPDATE cycles AS c SET attempts = attempts + ((SELECT type FROM events AS v "
	"WHERE v.window_ms = c.window_ms ORDER BY seq DESC LIMIT 1) <> 'failed') "
	"WHERE window_ms = :window RETURNING attempts";
static const char sql_miss[] =
	"INSERT INTO missed (window_ms, reason, noted_ms) SELECT :window, :reason, :at "
	"WHERE NOT EXISTS (SELECT 1 FROM cycles WHERE window_ms = :window) ON CONFLICT DO "
	"NOTHING";
static const char sql_missed[] = "SELECT reason FROM missed WHERE window_ms = :window";
static const char sql_finish[] =
	"UPDATE cycles SET state = :state, ended_ms = :at WHERE window_ms = :window";
/* scan: only the last row of seals, by its key */
static const char sql_unsealed[] =
	"SELECT b.window_ms FROM batches AS b WHERE b.window_ms < :window AND b.window_ms > "
	"coalesce((SELECT window_ms FROM seals ORDER BY n DESC LIMIT 1), -1) ORDER BY "
	"b.window_ms";

/* ------------------------------------------------------------------ within a chunk */

/* The newest window, as this process wrote it. */
struct journal_memo {
	bool known; /* cycle is the newest there is */
	struct journal_cycle cycle;
	int64_t seq;	    /* of its last event */
	unsigned done;	    /* bits of journal_stages; nothing else is done in it */
	int64_t settled_ms; /* the newest window before it that settled; -1: not known */
};

static const char *const journal_stages[] = { "ingest", "settle", "pre",
					      "decide", "trade",  "post" };

static void journal_forget(void *memo)
{
	(void)memo;
}

/* What is remembered, if it is of this window. */
static struct journal_memo *journal_remember(struct db *db, int64_t window_ms)
{
	struct journal_memo *m = db_memo(db, DB_JOURNAL, sizeof *m, journal_forget);

	return m != NULL && m->known && m->cycle.window_ms == window_ms ? m : NULL;
}

static unsigned journal_bit(const char *stage)
{
	for (unsigned i = 0; i < sizeof journal_stages / sizeof journal_stages[0]; i++)
		if (strcmp(journal_stages[i], stage) == 0)
			return 1u << i;
	return 0;
}

static void journal_note_begin(struct db *db, const struct journal_cycle *c)
{
	struct journal_memo *m = db_memo(db, DB_JOURNAL, sizeof *m, journal_forget);
	int64_t settled_ms = -1;

	if (m == NULL)
		return;
	if (m->known && (m->done & journal_bit("settle")) != 0)
		settled_ms = m->cycle.window_ms;
	*m = (struct journal_memo){ .known = true, .cycle = *c, .settled_ms = settled_ms };
}

/* ------------------------------------------------------------------ cycles */

int journal_load(struct db *db, int64_t window_ms, struct journal_cycle *c, bool *found,
		 struct err *e)
{
	const struct journal_memo *m = journal_remember(db, window_ms);
	struct sql_stmt *s;
	const void *hash;
	size_t n;
	int r;

	*c = (struct journal_cycle){ .window_ms = window_ms };
	*found = true;
	if (m != NULL) {
		*c = m->cycle;
		return 0;
	}
	s = db_get(db, sql_cycle);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (r != 1)
		return r;
	c->previous_ms = sql_col_null(s, 0) ? -1 : sql_col_int(s, 0);
	c->decision = sql_col_int(s, 1) != 0;
	c->live = sql_col_int(s, 2) != 0;
	snprintf(c->state, sizeof c->state, "%s", sql_col_text(s, 3));
	c->attempts = sql_col_int(s, 4);
	hash = sql_col_blob(s, 5, &n);
	if (n == DIGEST_SIZE)
		memcpy(c->pin_hash.bytes, hash, n);
	c->sealed = sql_col_int(s, 6) != 0;
	sql_reset(s);
	return 0;
}

int journal_pin(struct db *db, const struct digest *hash, char **text, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_pin);
	int r;

	sql_blob(s, ":hash", hash->bytes, sizeof hash->bytes);
	r = sql_row(s, e);
	*text = r == 1 ? mem_strdup(sql_col_text(s, 0)) : NULL;
	sql_reset(s);
	if (r == 0)
		return err_set(e, ERR_INTERNAL, "pin: is not there");
	return r < 0 ? -1 : 0;
}

static int journal_last(struct db *db, int64_t before, int64_t *window_ms, bool *live,
			struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_latest);
	int r;

	sql_int(s, ":before", before);
	r = sql_row(s, e);
	*window_ms = r == 1 ? sql_col_int(s, 0) : -1;
	*live = r == 1 && sql_col_int(s, 1) != 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int journal_latest(struct db *db, int64_t *window_ms, bool *live, struct err *e)
{
	const struct journal_memo *m = db_memo(db, DB_JOURNAL, sizeof *m, journal_forget);

	if (m != NULL && m->known) {
		*window_ms = m->cycle.window_ms;
		*live = m->cycle.live;
		return 0;
	}
	return journal_last(db, INT64_MAX, window_ms, live, e);
}

int journal_is_live(struct db *db, bool *live, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_is_live);
	int r = sql_row(s, e);

	*live = r == 1 && sql_col_int(s, 0) != 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int journal_before(struct db *db, int64_t window_ms, int64_t *out, struct err *e)
{
	bool live;

	return journal_last(db, window_ms, out, &live, e);
}

int journal_after(struct db *db, int64_t window_ms, int64_t *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_after);
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*out = r == 1 ? sql_col_int(s, 0) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int journal_begin_again(struct db *db, int64_t window_ms, int64_t previous_ms,
			const struct digest *pin, bool decision, bool live, int64_t at_ms,
			struct err *e)
{
	struct journal_cycle c = { .window_ms = window_ms,
				   .previous_ms = previous_ms,
				   .decision = decision,
				   .live = live,
				   .state = "running",
				   .attempts = 1,
				   .pin_hash = *pin };
	struct sql_stmt *s = db_get(db, sql_cycle_add);

	sql_int(s, ":window", window_ms);
	if (previous_ms >= 0)
		sql_int(s, ":previous", previous_ms);
	sql_blob(s, ":pin", pin->bytes, sizeof pin->bytes);
	sql_int(s, ":decision", decision);
	sql_int(s, ":live", live);
	sql_int(s, ":at", at_ms);
	if (sql_exec(s, e) != 0)
		return -1;
	journal_note_begin(db, &c);
	return journal_event(db, window_ms, "started", "", "", at_ms, e);
}

int journal_begin(struct db *db, int64_t window_ms, int64_t previous_ms, const char *pin,
		  bool decision, bool live, int64_t at_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_pin_add);
	struct digest hash;

	digest_of(pin, strlen(pin), &hash);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	sql_text(s, ":content", pin);
	if (sql_exec(s, e) != 0)
		return -1;
	return journal_begin_again(db, window_ms, previous_ms, &hash, decision, live, at_ms, e);
}

void journal_note_seal(struct db *db, int64_t window_ms)
{
	struct journal_memo *m = journal_remember(db, window_ms);

	if (m != NULL)
		m->cycle.sealed = true;
}

int journal_same(struct db *db, int64_t window_ms, const struct digest *input, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_other);
	char id[TSTAMP_WINDOW_ID_MAX], now[DIGEST_HEX_SIZE], then[DIGEST_HEX_SIZE] = "nothing";
	struct digest other;
	const void *p;
	size_t n;
	int r;

	sql_int(s, ":window", window_ms);
	sql_blob(s, ":input", input->bytes, sizeof input->bytes);
	r = sql_row(s, e);
	if (r != 1)
		return r;
	p = sql_col_blob(s, 1, &n);
	if (n == sizeof other.bytes) {
		memcpy(other.bytes, p, n);
		digest_hex(&other, then);
	}
	digest_hex(input, now);
	err_set(e, ERR_DATA, "%s: stage %s was done under %s, the window now has %s",
		tstamp_window_id(window_ms, id), sql_col_text(s, 0), then, now);
	sql_reset(s);
	return -1;
}

int journal_done(struct db *db, int64_t window_ms, const char *stage, bool *done, struct err *e)
{
	const struct journal_memo *m = journal_remember(db, window_ms);
	struct sql_stmt *s;
	int r;

	if (m != NULL) {
		*done = (m->done & journal_bit(stage)) != 0;
		return 0;
	}
	s = db_get(db, sql_done);
	sql_int(s, ":window", window_ms);
	sql_text(s, ":stage", stage);
	r = sql_row(s, e);
	*done = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int journal_last_done(struct db *db, int64_t window_ms, const char *stage, int64_t *out,
		      struct err *e)
{
	const struct journal_memo *m = journal_remember(db, window_ms);
	struct sql_stmt *s;
	int r;

	if (m != NULL && m->settled_ms >= 0 && strcmp(stage, "settle") == 0) {
		*out = m->settled_ms;
		return 0;
	}
	s = db_get(db, sql_last_done);
	sql_int(s, ":window", window_ms);
	sql_text(s, ":stage", stage);
	r = sql_row(s, e);
	*out = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* The number of the next event of a window. */
static int journal_next(struct db *db, int64_t window_ms, int64_t *seq, struct err *e)
{
	struct journal_memo *m = journal_remember(db, window_ms);
	struct sql_stmt *s;

	if (m != NULL) {
		*seq = ++m->seq;
		return 0;
	}
	s = db_get(db, sql_event_last);
	sql_int(s, ":window", window_ms);
	if (sql_row(s, e) != 1)
		return -1;
	*seq = sql_col_int(s, 0) + 1;
	sql_reset(s);
	return 0;
}

static int journal_add(struct db *db, int64_t window_ms, const char *type, const char *stage,
		       const struct digest *input, const char *detail, int64_t at_ms,
		       struct err *e)
{
	struct sql_stmt *s;
	int64_t seq;

	if (journal_next(db, window_ms, &seq, e) != 0)
		return -1;
	s = db_get(db, sql_event_add);
	sql_int(s, ":seq", seq);
	sql_int(s, ":window", window_ms);
	sql_text(s, ":type", type);
	sql_text(s, ":stage", stage);
	if (input != NULL)
		sql_blob(s, ":input", input->bytes, sizeof input->bytes);
	sql_text(s, ":detail", detail);
	sql_int(s, ":at", at_ms);
	return sql_exec(s, e);
}

int journal_complete(struct db *db, int64_t window_ms, const char *stage,
		     const struct digest *input, const char *detail, int64_t at_ms,
		     struct err *e)
{
	struct journal_memo *m = journal_remember(db, window_ms);

	if (m != NULL)
		m->done |= journal_bit(stage);
	return journal_add(db, window_ms, "completed", stage, input, detail, at_ms, e);
}

int journal_event(struct db *db, int64_t window_ms, const char *type, const char *stage,
		  const char *detail, int64_t at_ms, struct err *e)
{
	return journal_add(db, window_ms, type, stage, NULL, detail, at_ms, e);
}

int journal_resume(struct db *db, int64_t window_ms, int64_t at_ms, int64_t *attempts,
		   struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_resume);
	struct journal_memo *m = journal_remember(db, window_ms);

	sql_int(s, ":window", window_ms);
	if (sql_row(s, e) != 1)
		return -1;
	*attempts = sql_col_int(s, 0);
	sql_reset(s);
	if (m != NULL)
		m->cycle.attempts = *attempts;
	return journal_event(db, window_ms, "resumed", "", "", at_ms, e);
}

int journal_miss(struct db *db, int64_t window_ms, const char *reason, int64_t at_ms,
		 struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_miss);

	sql_int(s, ":window", window_ms);
	sql_text(s, ":reason", reason);
	sql_int(s, ":at", at_ms);
	return sql_exec(s, e);
}

int journal_missed(struct db *db, int64_t window_ms, char **reason, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_missed);
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*reason = r == 1 ? mem_strdup(sql_col_text(s, 0)) : NULL;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int journal_finish(struct db *db, int64_t window_ms, const char *state, int64_t at_ms,
		   struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_finish);
	struct journal_memo *m = journal_remember(db, window_ms);

	if (m != NULL)
		snprintf(m->cycle.state, sizeof m->cycle.state, "%s", state);
	sql_text(s, ":state", state);
	sql_int(s, ":at", at_ms);
	sql_int(s, ":window", window_ms);
	return sql_exec(s, e);
}

int journal_unsealed(struct db *db, int64_t window_ms, int64_t **windows, size_t *n,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_unsealed);
	int r;

	*windows = NULL;
	*n = 0;
	sql_int(s, ":window", window_ms);
	while ((r = sql_row(s, e)) == 1) {
		*windows = mem_resize(*windows, *n + 1, sizeof **windows);
		(*windows)[(*n)++] = sql_col_int(s, 0);
	}
	return r;
}
