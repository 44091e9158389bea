#include "keys.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "ident.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define PURGE_BATCH 500 /* rows a transaction: writers in between need not wait long */

/* The order of the columns is that of record_read. */
static const char sql_load[] =
	"SELECT key, op, fingerprint, state, owner, fence, lease_end_ms, attempts, replays, "
	"exit_status, length(output), created_ms, updated_ms, expires_ms, output, error_tail "
	"FROM idempotency WHERE key = :key";
/* scan: a list shows everything */
static const char sql_list[] =
	"SELECT key, op, fingerprint, state, owner, fence, lease_end_ms, attempts, replays, "
	"exit_status, length(output), created_ms, updated_ms, expires_ms, NULL, NULL "
	"FROM idempotency WHERE :state IS NULL OR state = :state ORDER BY key";
static const char sql_over[] =
	"SELECT key, op, fingerprint, state, owner, fence, lease_end_ms, attempts, replays, "
	"exit_status, length(output), created_ms, updated_ms, expires_ms, NULL, NULL "
	"FROM idempotency WHERE key > :after AND expires_ms <= :now ORDER BY key LIMIT :limit";
/* scan: statistics count everything */
static const char sql_stats[] = "SELECT op, state, count(*), sum(attempts), sum(replays) "
				"FROM idempotency GROUP BY op, state ORDER BY op, state";
static const char sql_add[] =
	"INSERT INTO idempotency (key, op, fingerprint, state, owner, fence, lease_end_ms, "
	"attempts, replays, created_ms, updated_ms, expires_ms) VALUES (:key, :op, "
	":fingerprint, 'in_progress', :owner, 1, :lease_end, 1, 0, :now, :now, :expires)";
static const char sql_take[] =
	"UPDATE idempotency SET op = :op, fingerprint = :fingerprint, state = 'in_progress', "
	"owner = :owner, fence = fence + 1, lease_end_ms = :lease_end, attempts = :attempts, "
	"replays = :replays, exit_status = NULL, output = NULL, error_tail = NULL, "
	"created_ms = :created, updated_ms = :now, expires_ms = :expires "
	"WHERE key = :key AND fence = :fence";
static const char sql_replay[] =
	"UPDATE idempotency SET replays = replays + 1 WHERE key = :key AND fence = :fence";
/* the owner as well: after the key was forgotten, the fence begins at 1 again */
static const char sql_finish[] =
	"UPDATE idempotency SET state = :state, exit_status = :status, output = :output, "
	"error_tail = :tail, updated_ms = :now, expires_ms = :expires "
	"WHERE key = :key AND fence = :fence AND owner = :owner AND state = 'in_progress'";
static const char sql_forget[] = "DELETE FROM idempotency WHERE key = :key";

static const char *const state_names[] = { "in_progress", "completed", "failed_final",
					   "expired" };

#define STATES (sizeof state_names / sizeof state_names[0])

/* Who we are, and when. */
struct self {
	char *place; /* HOST/PIDNS:BOOT: where our pids mean something */
	char boot[TSTAMP_BOOT_ID_MAX];
	int64_t boot_ms;
};

/* ------------------------------------------------------------------ names */

/* Bytes of a character that a terminal obeys: C0, DEL, and C1 in UTF-8. */
static bool is_control(const unsigned char *p)
{
	return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

int keys_check(const char *key, struct err *e)
{
	size_t n = strlen(key);

	if (n == 0)
		return err_set(e, ERR_USAGE, "the key is empty");
	if (n > KEYS_KEY_MAX)
		return err_set(e, ERR_USAGE, "the key has %zu bytes, at most %d are allowed", n,
			       KEYS_KEY_MAX);
	if (!ident_utf8_valid(key, n))
		return err_set(e, ERR_USAGE, "the key is not valid UTF-8");
	for (size_t i = 0; i < n; i++)
		if (is_control((const unsigned char *)key + i))
			return err_set(e, ERR_USAGE,
				       "the key has a control character at byte %zu", i + 1);
	return 0;
}

const char *keys_state_name(enum keys_state state)
{
	return state_names[state];
}

bool keys_state_find(const char *name, enum keys_state *state)
{
	for (size_t i = 0; i < STATES; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*state = (enum keys_state)i;
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------ owners */

static int self_init(struct self *s, struct err *e)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct stat ns;

	*s = (struct self){ .boot_ms = tstamp_boot_ms() };
	if (tstamp_boot_id(s->boot, e) == NULL)
		return -1;
	if (gethostname(host, sizeof host - 1) != 0 || stat("/proc/self/ns/pid", &ns) != 0)
		return err_sys(e, ERR_CONFIG, "the host cannot be named");
	s->place = mem_printf("%s/%ju:%s", host, (uintmax_t)ns.st_ino, s->boot);
	return 0;
}

static void self_release(struct self *s)
{
	free(s->place);
}

static char *self_owner(const struct self *s)
{
	uint64_t ticks = 0;

	child_state(getpid(), &ticks);
	return mem_printf("%s:%ld:%" PRIu64, s->place, (long)getpid(), ticks);
}

/* The place of "PLACE:PID:TICKS" as a length; false if it is nothing of the kind. */
static bool owner_split(const char *owner, size_t *place, int64_t *pid, uint64_t *ticks)
{
	const char *last = strrchr(owner, ':');
	const char *before = last != NULL ? memrchr(owner, ':', (size_t)(last - owner)) : NULL;

	if (before == NULL)
		return false;
	*place = (size_t)(before - owner);
	*pid = strtoll(before + 1, NULL, 10);
	*ticks = strtoull(last + 1, NULL, 10);
	return *pid > 0 && *pid <= INT_MAX;
}

/*
 * Only what is certain counts: /proc may hide the processes of others, but a signal finds them.
 * A zombie writes no more.
 */
static bool is_gone(int64_t pid, uint64_t born)
{
	uint64_t ticks = 0;
	char state;

	if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		return true;
	state = child_state((pid_t)pid, &ticks);
	return state != '\0' && (state == 'Z' || state == 'X' || ticks != born);
}

static bool is_held(const struct keys_record *r, const struct self *me)
{
	size_t place, boot = strlen(me->boot);
	uint64_t ticks;
	int64_t pid;

	if (r->state != KEYS_IN_PROGRESS || r->lease_end_ms <= me->boot_ms)
		return false;
	if (!owner_split(r->owner, &place, &pid, &ticks))
		return true;
	if (place < boot || memcmp(r->owner + place - boot, me->boot, boot) != 0)
		return false; /* leases of another boot are over */
	if (place != strlen(me->place) || memcmp(r->owner, me->place, place) != 0)
		return true; /* its pids are not ours to judge */
	return !is_gone(pid, ticks);
}

/* ------------------------------------------------------------------ rows */

void keys_release(struct keys_record *r)
{
	free(r->key);
	free(r->op);
	free(r->owner);
	free(r->output);
	free(r->error_tail);
	*r = (struct keys_record){ .exit_status = -1 };
}

/* A copy of a blob, NULL for NULL. */
static char *blob_read(struct sql_stmt *s, int column, size_t *n)
{
	const void *data = sql_col_blob(s, column, n);

	if (sql_col_null(s, column))
		return NULL;
	return mem_strndup(data != NULL ? data : "", *n);
}

static int record_read(struct sql_stmt *s, const struct self *me, struct keys_record *r,
		       struct err *e)
{
	const void *print;
	uint64_t ticks;
	size_t n;

	*r = (struct keys_record){ .exit_status = -1 };
	r->key = mem_strdup(sql_col_text(s, 0));
	r->op = mem_strdup(sql_col_text(s, 1));
	print = sql_col_blob(s, 2, &n);
	if (n != DIGEST_SIZE || !keys_state_find(sql_col_text(s, 3), &r->state))
		return err_set(e, ERR_INTERNAL, "key %s: its row is damaged", r->key);
	memcpy(r->fingerprint.bytes, print, n);
	r->owner = mem_strdup(sql_col_text(s, 4));
	r->fence = sql_col_int(s, 5);
	r->lease_end_ms = sql_col_int(s, 6);
	r->attempts = sql_col_int(s, 7);
	r->replays = sql_col_int(s, 8);
	if (!sql_col_null(s, 9))
		r->exit_status = sql_col_int(s, 9);
	r->created_ms = sql_col_int(s, 11);
	r->updated_ms = sql_col_int(s, 12);
	r->expires_ms = sql_col_int(s, 13);
	r->output = blob_read(s, 14, &r->output_len);
	r->error_tail = blob_read(s, 15, &r->error_len);
	r->output_len = (size_t)sql_col_int(s, 10);
	if (!owner_split(r->owner, &n, &r->owner_pid, &ticks))
		r->owner_pid = 0;
	r->held = is_held(r, me);
	return 0;
}

/* The next row of a statement: 1, 0 at the end, -1. */
static int record_next(struct sql_stmt *s, const struct self *me, struct keys_record *r,
		       struct err *e)
{
	int rc = sql_row(s, e);

	if (rc == 1 && record_read(s, me, r, e) != 0) {
		keys_release(r);
		sql_reset(s);
		return -1;
	}
	return rc;
}

static int record_load(struct db *db, const struct self *me, const char *key,
		       struct keys_record *r, bool *found, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_load);
	int rc;

	sql_text(s, ":key", key);
	rc = record_next(s, me, r, e);
	*found = rc == 1;
	sql_reset(s);
	return rc < 0 ? -1 : 0;
}

int keys_load(struct db *db, const char *key, struct keys_record *r, bool *found, struct err *e)
{
	struct self me;
	int rc;

	*r = (struct keys_record){ .exit_status = -1 };
	if (self_init(&me, e) != 0)
		return -1;
	rc = record_load(db, &me, key, r, found, e);
	self_release(&me);
	return rc;
}

/* ------------------------------------------------------------------ claim and finish */

static enum keys_answer decide(const struct keys_request *q, const struct keys_record *r)
{
	if (!r->held && r->expires_ms <= q->now_ms)
		return KEYS_NEW;
	if (memcmp(r->fingerprint.bytes, q->fingerprint.bytes, DIGEST_SIZE) != 0)
		return KEYS_MISMATCH;
	if (r->held)
		return KEYS_BUSY;
	if (r->state == KEYS_COMPLETED || r->state == KEYS_FAILED_FINAL)
		return KEYS_REPLAY;
	return KEYS_TAKEOVER;
}

static int change_one(struct db *db, struct sql_stmt *s, const char *key, struct err *e)
{
	if (sql_exec(s, e) != 0)
		return -1;
	if (sql_changes(db_sql(db)) != 1)
		return err_set(e, ERR_INTERNAL, "key %s: %lld rows changed instead of one", key,
			       (long long)sql_changes(db_sql(db)));
	return 0;
}

/* ${r}: the row to take, or NULL for a new one. */
static int claim_write(struct db *db, const struct keys_request *q, const struct self *me,
		       const struct keys_record *r, enum keys_answer answer, struct err *e)
{
	struct sql_stmt *s = db_get(db, r == NULL ? sql_add : sql_take);
	bool again = answer == KEYS_TAKEOVER;
	char *owner = self_owner(me);
	int rc;

	sql_text(s, ":key", q->key);
	sql_text(s, ":op", q->op);
	sql_blob(s, ":fingerprint", q->fingerprint.bytes, DIGEST_SIZE);
	sql_text(s, ":owner", owner);
	sql_int(s, ":lease_end", me->boot_ms + q->lease_ms);
	sql_int(s, ":now", q->now_ms);
	sql_int(s, ":expires", q->now_ms + q->ttl_ms);
	if (r != NULL) {
		sql_int(s, ":fence", r->fence);
		sql_int(s, ":attempts", again ? r->attempts + 1 : 1);
		sql_int(s, ":replays", again ? r->replays : 0);
		sql_int(s, ":created", again ? r->created_ms : q->now_ms);
	}
	rc = change_one(db, s, q->key, e);
	free(owner);
	return rc;
}

static int count_replay(struct db *db, struct keys_record *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_replay);

	sql_text(s, ":key", r->key);
	sql_int(s, ":fence", r->fence);
	if (change_one(db, s, r->key, e) != 0)
		return -1;
	r->replays++;
	return 0;
}

/* Inside the transaction. */
static int claim(struct db *db, const struct keys_request *q, const struct self *me,
		 enum keys_answer *answer, struct keys_record *r, struct err *e)
{
	bool found;

	if (record_load(db, me, q->key, r, &found, e) != 0)
		return -1;
	*answer = found ? decide(q, r) : KEYS_NEW;
	if (*answer == KEYS_BUSY || *answer == KEYS_MISMATCH)
		return 0;
	if (*answer == KEYS_REPLAY)
		return count_replay(db, r, e);
	if (claim_write(db, q, me, found ? r : NULL, *answer, e) != 0)
		return -1;
	keys_release(r);
	return record_load(db, me, q->key, r, &found, e);
}

int keys_claim(struct db *db, const struct keys_request *q, enum keys_answer *answer,
	       struct keys_record *r, struct err *e)
{
	struct self me;
	int rc = -1;

	*r = (struct keys_record){ .exit_status = -1 };
	if (self_init(&me, e) != 0)
		return -1;
	if (db_begin(db, e) == 0) {
		me.boot_ms = tstamp_boot_ms(); /* the queue of writers took its time */
		rc = db_end(db, claim(db, q, &me, answer, r, e), e);
	}
	self_release(&me);
	return rc;
}

static int finish(struct db *db, const struct keys_record *claim, const struct keys_result *res,
		  int64_t now_ms, int64_t ttl_ms, bool *ours, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_finish);

	sql_text(s, ":key", claim->key);
	sql_int(s, ":fence", claim->fence);
	sql_text(s, ":owner", claim->owner);
	sql_text(s, ":state", state_names[res->state]);
	if (res->exit_status >= 0)
		sql_int(s, ":status", res->exit_status);
	sql_blob(s, ":output", res->output, res->output_len);
	sql_blob(s, ":tail", res->error_tail, res->error_len);
	sql_int(s, ":now", now_ms);
	sql_int(s, ":expires", now_ms + ttl_ms);
	if (sql_exec(s, e) != 0)
		return -1;
	*ours = sql_changes(db_sql(db)) == 1;
	return 0;
}

int keys_finish(struct db *db, const struct keys_record *claim, const struct keys_result *res,
		int64_t now_ms, int64_t ttl_ms, bool *ours, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, finish(db, claim, res, now_ms, ttl_ms, ours, e), e);
}

/* ------------------------------------------------------------------ looking after them */

int keys_list(struct db *db, const enum keys_state *state, keys_list_fn *fn, void *ctx,
	      struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_list);
	struct keys_record r;
	struct self me;
	int rc;

	if (self_init(&me, e) != 0)
		return -1;
	if (state != NULL)
		sql_text(s, ":state", state_names[*state]);
	while ((rc = record_next(s, &me, &r, e)) == 1) {
		rc = fn(ctx, &r, e);
		keys_release(&r);
		if (rc != 0)
			break;
	}
	sql_reset(s);
	self_release(&me);
	return rc;
}

int keys_stats(struct db *db, keys_stats_fn *fn, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_stats);
	struct keys_count c;
	int rc;

	while ((rc = sql_row(s, e)) == 1) {
		c.op = sql_col_text(s, 0);
		if (!keys_state_find(sql_col_text(s, 1), &c.state))
			continue;
		c.keys = sql_col_int(s, 2);
		c.attempts = sql_col_int(s, 3);
		c.replays = sql_col_int(s, 4);
		rc = fn(ctx, &c, e);
		if (rc != 0)
			break;
	}
	sql_reset(s);
	return rc;
}

static int remove_key(struct db *db, const char *key, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_forget);

	sql_text(s, ":key", key);
	return change_one(db, s, key, e);
}

/* Look at up to a batch of rows after *${after}, which moves on; *${seen} counts them. */
static int purge_batch(struct db *db, const struct self *me, int64_t now_ms, char **after,
		       int64_t *seen, int64_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_over);
	struct keys_record r;
	char *keys[PURGE_BATCH], *last = NULL;
	size_t n_keys = 0;
	int rc;

	*seen = 0;
	sql_text(s, ":after", *after);
	sql_int(s, ":now", now_ms);
	sql_int(s, ":limit", PURGE_BATCH);
	while ((rc = record_next(s, me, &r, e)) == 1) {
		++*seen;
		free(last);
		last = mem_strdup(r.key);
		if (!r.held)
			keys[n_keys++] = mem_strdup(r.key);
		keys_release(&r);
	}
	for (size_t i = 0; i < n_keys; i++) {
		if (rc == 0)
			rc = remove_key(db, keys[i], e);
		free(keys[i]);
	}
	if (last != NULL) {
		free(*after);
		*after = last;
	}
	if (rc == 0)
		*n += (int64_t)n_keys;
	return rc;
}

static int purge(struct db *db, const struct self *me, int64_t now_ms, int64_t *n,
		 struct err *e)
{
	char *after = mem_strdup("");
	int64_t seen;
	int rc;

	do {
		rc = db_begin(db, e);
		if (rc != 0)
			break;
		rc = purge_batch(db, me, now_ms, &after, &seen, n, e);
		rc = db_end(db, rc, e);
	} while (rc == 0 && seen == PURGE_BATCH);
	free(after);
	return rc;
}

int keys_purge(struct db *db, int64_t now_ms, int64_t *n, struct err *e)
{
	struct self me;
	int rc;

	*n = 0;
	if (self_init(&me, e) != 0)
		return -1;
	rc = purge(db, &me, now_ms, n, e);
	self_release(&me);
	return rc;
}

static int forget(struct db *db, const char *key, struct err *e)
{
	struct keys_record r;
	bool found = false;
	int rc = keys_load(db, key, &r, &found, e);

	if (rc == 0 && !found)
		rc = err_set(e, ERR_NOTFOUND, "key %s: there is none", key);
	else if (rc == 0 && r.held)
		rc = err_set(e, ERR_TEMP, "key %s: process %lld works on it", key,
			     (long long)r.owner_pid);
	if (rc == 0)
		rc = remove_key(db, key, e);
	keys_release(&r);
	return rc;
}

int keys_forget(struct db *db, const char *key, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, forget(db, key, e), e);
}
