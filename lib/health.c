#include "health.h"

#include <ctype.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "head.h"
#include "health_part.h"
#include "json.h"
#include "mem.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Statements are bounded by sql_limit, waiting for the write lock by its own limit. What hangs
 * outside of both, such as a disk that does not answer, is left to the alarm of the command.
 */

#define HEALTH_STALE_S 900
#define HEALTH_MISSED_CRIT 12  /* windows: an hour of them */
#define HEALTH_STUCK_MS 900000 /* a live window that runs for longer */
#define HEALTH_LOCK_MS 5000    /* writers give up after that */
#define HEALTH_WAL_CRIT 8      /* times the warning */

/* scan: the newest row, by its key */
static const char sql_last_seal[] =
	"SELECT n, window_ms, previous, hash FROM seals ORDER BY n DESC LIMIT 2";
/* scan: the newest row, by its key */
static const char sql_latest[] =
	"SELECT window_ms, live FROM cycles ORDER BY window_ms DESC LIMIT 1";
static const char sql_missed[] = "SELECT count(*) FROM missed WHERE window_ms >= :from";
/* scan: states have no index, the table is small */
static const char sql_waiting[] =
	"SELECT window_ms, state FROM cycles WHERE state = 'needs_operator' OR "
	"(state IN ('quarantined', 'failed') AND window_ms >= :day) OR "
	"(state = 'running' AND live = 1 AND started_ms < :stuck) ORDER BY window_ms";
static const char sql_sealed_later[] =
	"SELECT window_ms FROM events WHERE window_ms > :window AND type = 'sealed' LIMIT 1";

/* ------------------------------------------------------------------ what a check says */

void health_say(struct health_component *c, enum health_level level, const char *fmt, ...)
{
	va_list ap;

	c->level = level;
	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof c->detail, fmt, ap);
	va_end(ap);
	/* names and reasons are foreign text: a bar or a new line would begin another field */
	for (char *p = c->detail; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || *p == '|')
			*p = '/';
}

enum health_level health_above(struct health_component *c, int64_t value, const char *unit,
			       int64_t warn, int64_t crit)
{
	c->value = value;
	c->unit = unit;
	c->warn = warn;
	c->crit = crit;
	return value > crit ? HEALTH_CRITICAL : value > warn ? HEALTH_WARNING : HEALTH_OK;
}

void health_name_add(struct health_names *l, const char *name, const char *note)
{
	size_t len = strlen(l->text);

	l->n++;
	/* whole names only; the count tells of the others */
	if (len + strlen(name) + strlen(note) + 2 < sizeof l->text)
		snprintf(l->text + len, sizeof l->text - len, "%s%s%s", len > 0 ? ", " : "",
			 name, note);
}

static int health_latest(const struct health_run *x, int64_t *window_ms, bool *live,
			 struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_latest);
	int r = sql_row(s, e);

	*window_ms = r == 1 ? sql_col_int(s, 0) : -1;
	*live = r == 1 && sql_col_int(s, 1) != 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ windows */

static int health_last_window(const struct health_run *x, struct health_component *c,
			      struct err *e)
{
	int64_t stale_s = x->o->stale_s >= 0 ? x->o->stale_s : HEALTH_STALE_S;
	struct sql_stmt *s = db_get(x->db, sql_last_seal);
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t latest_ms, sealed_ms;
	enum health_level level;
	bool live;
	int r = sql_row(s, e);

	sealed_ms = r == 1 ? sql_col_int(s, 1) : -1;
	sql_reset(s);
	if (r < 0 || health_latest(x, &latest_ms, &live, e) != 0)
		return -1;
	if (!live && x->o->stale_s < 0) {
		health_say(c, HEALTH_OK, "%s",
			   latest_ms < 0 ? "the race has not begun"
					 : "the race does not run by the clock");
		return 0;
	}
	if (sealed_ms < 0) {
		health_say(c, HEALTH_CRITICAL, "no window has been finished");
		return 0;
	}
	level = health_above(c, (x->o->now_ms - sealed_ms) / 1000, "s", stale_s, 2 * stale_s);
	health_say(c, level, "%s was the last to be finished, it began %lld s ago",
		   tstamp_window_id(sealed_ms, id), (long long)c->value);
	return 0;
}

static int health_missed(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_missed);
	enum health_level level;

	sql_int(s, ":from", x->o->now_ms - TSTAMP_DAY_MS);
	if (sql_row(s, e) != 1)
		return -1;
	level = health_above(c, sql_col_int(s, 0), "", 0, HEALTH_MISSED_CRIT);
	sql_reset(s);
	health_say(c, level, "%lld windows missed in 24 hours", (long long)c->value);
	return 0;
}

static int health_windows(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_waiting);
	char id[TSTAMP_WINDOW_ID_MAX], first[HEALTH_DETAIL_MAX] = "";
	enum health_level level = HEALTH_OK;
	int64_t n = 0;
	int r;

	sql_int(s, ":day", x->o->now_ms - TSTAMP_DAY_MS);
	sql_int(s, ":stuck", x->o->now_ms - HEALTH_STUCK_MS);
	while ((r = sql_row(s, e)) == 1) {
		const char *state = sql_col_text(s, 1);

		if (n++ == 0)
			snprintf(first, sizeof first, "%s: %s",
				 tstamp_window_id(sql_col_int(s, 0), id),
				 strcmp(state, "running") == 0 ? "stuck" : state);
		if (strcmp(state, "failed") != 0)
			level = HEALTH_CRITICAL;
		else if (level == HEALTH_OK)
			level = HEALTH_WARNING;
	}
	if (r < 0)
		return -1;
	health_above(c, n, "", 0, 0);
	if (n == 0)
		health_say(c, level, "none is stuck or waits for an operator");
	else
		health_say(c, level, "%s, %lld in all; see tr-status", first, (long long)n);
	return 0;
}

static int health_clock(const struct health_run *x, struct health_component *c, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t latest_ms;
	bool live;

	if (health_latest(x, &latest_ms, &live, e) != 0)
		return -1;
	if (live && x->o->now_ms < latest_ms)
		health_say(c, HEALTH_CRITICAL, "the clock is before %s, which has begun",
			   tstamp_window_id(latest_ms, id));
	else
		health_say(c, HEALTH_OK, "no window of the clock lies ahead of it");
	return 0;
}

/* ------------------------------------------------------------------ halts */

static int health_halt(const struct health_run *x, struct health_component *c, struct err *e)
{
	char *who = NULL, *why = NULL;
	bool halted;

	if (roster_halted(x->db, &halted, &who, &why, e) != 0)
		return -1;
	if (!halted)
		health_say(c, HEALTH_OK, "not halted");
	else
		/* what the program halted by itself is worse than what a person did */
		health_say(c, strcmp(who, "audit") == 0 ? HEALTH_CRITICAL : HEALTH_WARNING,
			   "halted by %s: %s", who, why);
	free(who);
	free(why);
	return 0;
}

/* ------------------------------------------------------------------ books */

static int health_audit(const struct health_run *x, struct health_component *c, struct err *e)
{
	char problem[200];
	struct race_audit a;
	bool ok;

	if (db_check(x->db, &ok, problem, sizeof problem, e) != 0)
		return -1;
	if (ok && race_audit_run(x->db, &a, e) != 0)
		return -1;
	if (ok && a.ok)
		health_say(c, HEALTH_OK, "%lld trades and %lld seals audited",
			   (long long)a.trades, (long long)a.seals);
	else
		health_say(c, HEALTH_CRITICAL, "%s", ok ? a.difference : problem);
	return 0;
}

static int health_ledger(const struct health_run *x, struct health_component *c, struct err *e)
{
	char *agent = NULL;

	if (x->o->full)
		return health_audit(x, c, e);
	if (ledger_broken(x->db, &agent, e) != 0)
		return -1;
	if (agent != NULL)
		health_say(c, HEALTH_CRITICAL,
			   "agent %s: its books do not follow from its last trades", agent);
	else
		health_say(c, HEALTH_OK,
			   "the books of every agent follow from its last trades");
	free(agent);
	return 0;
}

/* The newest link of the chain, with the hash that the one before it has. */
struct health_seal {
	int64_t n, window_ms;
	struct digest previous, hash, before;
};

static void health_digest(struct sql_stmt *s, int col, struct digest *d)
{
	size_t n;
	const void *p = sql_col_blob(s, col, &n);

	if (n == sizeof d->bytes)
		memcpy(d->bytes, p, n);
}

static int health_load_seal(const struct health_run *x, struct health_seal *l, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_last_seal);
	int r = sql_row(s, e);

	*l = (struct health_seal){ .n = 0, .window_ms = -1 };
	if (r == 1) {
		l->n = sql_col_int(s, 0);
		l->window_ms = sql_col_int(s, 1);
		health_digest(s, 2, &l->previous);
		health_digest(s, 3, &l->hash);
		r = sql_row(s, e);
	}
	if (r == 1 && sql_col_int(s, 0) == l->n - 1)
		health_digest(s, 3, &l->before);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* Whether a window after the newest link was sealed once: then the end of the chain is gone. */
static int health_cut(const struct health_run *x, int64_t window_ms, bool *cut, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_sealed_later);
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*cut = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int health_seals(const struct health_run *x, struct health_component *c, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct race_seal_parts parts;
	struct health_seal l;
	struct digest hash;
	bool cut, found, same;
	int64_t n;

	/* the file first: what it knows is in the chain by then */
	if (head_last(x->db, &found, &n, &same, e) != 0)
		return -1;
	if (!same) {
		health_say(c, HEALTH_CRITICAL,
			   "the head file knows another seal %lld: run tr-audit", (long long)n);
		return 0;
	}
	if (health_load_seal(x, &l, e) != 0 || health_cut(x, l.window_ms, &cut, e) != 0)
		return -1;
	if (cut || l.n == 0) {
		health_say(c, cut ? HEALTH_CRITICAL : HEALTH_OK, "%s",
			   cut ? "the end of the chain is gone" : "no window is sealed yet");
		return 0;
	}
	if (race_seal_digest(x->db, l.window_ms, &parts, e) != 0)
		return -1;
	race_seal_hash(&parts, l.n, l.window_ms, &l.before, &hash);
	tstamp_window_id(l.window_ms, id);
	if (memcmp(hash.bytes, l.hash.bytes, sizeof hash.bytes) != 0 ||
	    memcmp(l.previous.bytes, l.before.bytes, sizeof l.before.bytes) != 0)
		health_say(c, HEALTH_CRITICAL, "seal %lld (%s) does not match: run tr-audit",
			   (long long)l.n, id);
	else
		health_say(c, HEALTH_OK, "seal %lld (%s) matches", (long long)l.n, id);
	return 0;
}

/* ------------------------------------------------------------------ files */

static int health_wal(const struct health_run *x, struct health_component *c, struct err *e)
{
	int64_t warn = x->o->wal_mb << 20;
	enum health_level level =
		health_above(c, db_wal_size(x->db), "B", warn, HEALTH_WAL_CRIT * warn);

	(void)e;
	health_say(c, level, "%lld MiB in the write-ahead log%s", (long long)(c->value >> 20),
		   level != HEALTH_OK ? "; run tr-db checkpoint" : "");
	return 0;
}

static int health_disk(const struct health_run *x, struct health_component *c, struct err *e)
{
	char *path = mem_strdup(db_path(x->db));
	const char *dir = dirname(path);
	struct statvfs v;
	int r = statvfs(dir, &v);

	if (r != 0) {
		err_sys(e, ERR_IO, "directory %s", dir);
	} else {
		c->value = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
		c->unit = "B";
		c->warn = x->o->disk_mb << 20;
		c->crit = c->warn / 4;
		health_say(c,
			   c->value < c->crit	? HEALTH_CRITICAL
			   : c->value < c->warn ? HEALTH_WARNING
						: HEALTH_OK,
			   "%lld MiB free", (long long)(c->value >> 20));
	}
	free(path);
	return r;
}

/* The process that holds a flock on the file, by the kernel's list; 0 if it cannot be told. */
static int64_t health_holder(const char *path)
{
	FILE *f = fopen("/proc/locks", "re");
	int64_t holder = 0;
	struct stat st;
	char line[256];

	while (f != NULL && holder == 0 && stat(path, &st) == 0 &&
	       fgets(line, sizeof line, f) != NULL) {
		uint64_t inode;
		int64_t pid;

		/* "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF" */
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %" SCNd64 " %*x:%*x:%" SCNu64, &pid,
			   &inode) == 2 &&
		    inode == st.st_ino)
			holder = pid;
	}
	if (f != NULL)
		fclose(f);
	return holder;
}

static int health_lock(const struct health_run *x, struct health_component *c, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	char *path = mem_printf("%s.lock", db_path(x->db));
	int64_t start_ms = tstamp_boot_ms(), first = 0, now = 0, waited_ms = 0;
	int64_t limit_ms = x->o->limit_ms < HEALTH_LOCK_MS ? x->o->limit_ms : HEALTH_LOCK_MS;
	int fd;

	while ((fd = db_lock_file(x->db, ".lock", 0, e)) < 0 && e->status == ERR_TEMP &&
	       waited_ms < limit_ms) {
		*e = (struct err){ 0 };
		now = health_holder(path);
		first = first == 0 ? now : first;
		nanosleep(&pause, NULL);
		waited_ms = tstamp_boot_ms() - start_ms;
	}
	free(path);
	if (fd < 0 && e->status != ERR_TEMP)
		return -1;
	if (fd >= 0)
		close(fd);
	*e = (struct err){ 0 };
	health_above(c, waited_ms, "ms", limit_ms, limit_ms);
	if (fd >= 0)
		health_say(c, HEALTH_OK, "free after %lld ms", (long long)waited_ms);
	else if (first > 0 && first == now)
		health_say(c, HEALTH_CRITICAL, "process %lld has held it for over %lld ms",
			   (long long)now, (long long)waited_ms);
	else
		health_say(c, HEALTH_WARNING, "others have held it for over %lld ms",
			   (long long)waited_ms);
	return 0;
}

/* ------------------------------------------------------------------ all of them */

static const struct {
	const char *name;
	health_fn *check;
} health_checks[] = {
	{ "last_window", health_last_window },
	{ "missed", health_missed },
	{ "windows", health_windows },
	{ "failed_agents", health_failed_agents },
	{ "halt", health_halt },
	{ "ledger", health_ledger },
	{ "seals", health_seals },
	{ "wal", health_wal },
	{ "disk", health_disk },
	{ "clock", health_clock },
	{ "lock", health_lock },
	{ "breakers", health_breakers },
	{ "budget", health_budget },
	{ "feeds", health_feeds },
};
_Static_assert(sizeof health_checks / sizeof health_checks[0] <= HEALTH_MAX, "components");

/* How bad a level is: what cannot be seen is worse than a warning. */
static int health_rank(enum health_level level)
{
	static const int ranks[] = { 0, 1, 3, 2 };

	return ranks[level];
}

void health_check(struct db *db, const struct health_options *o, struct health *h)
{
	const struct health_run x = { db, o };

	*h = (struct health){ .level = HEALTH_OK };
	for (size_t i = 0; i < sizeof health_checks / sizeof health_checks[0]; i++) {
		struct health_component *c = &h->items[h->n++];
		int64_t start_ms = tstamp_boot_ms();
		struct err e = { 0 };

		c->name = health_checks[i].name;
		sql_limit(db_sql(db), start_ms + o->limit_ms);
		if (health_checks[i].check(&x, c, &e) != 0) {
			c->unit = NULL;
			/* a file that cannot be read as it should is no riddle */
			health_say(c,
				   e.status == ERR_INTERNAL || e.status == ERR_IO
					   ? HEALTH_CRITICAL
					   : HEALTH_UNKNOWN,
				   "%s", e.text);
		}
		sql_limit(db_sql(db), -1);
		c->took_ms = tstamp_boot_ms() - start_ms;
		if (health_rank(c->level) > health_rank(h->level))
			h->level = c->level;
		/* a race without services has nothing to say of them */
		if (c->detail[0] == '\0')
			h->n--;
	}
}

const char *health_name(enum health_level level)
{
	static const char *const names[] = { "ok", "warning", "critical", "unknown" };

	return names[level];
}

void health_record(const struct health *h, int64_t now_ms, struct buf *out)
{
	char now[TSTAMP_TEXT_MAX];
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.check/1");
	json_write_string(&w, "time", tstamp_format(now_ms, now));
	json_write_string(&w, "level", health_name(h->level));
	json_write_array(&w, "components");
	for (size_t i = 0; i < h->n; i++) {
		const struct health_component *c = &h->items[i];

		json_write_object(&w, NULL);
		json_write_string(&w, "component", c->name);
		json_write_string(&w, "level", health_name(c->level));
		json_write_string(&w, "detail", c->detail);
		if (c->unit != NULL) {
			json_write_int(&w, "value", c->value);
			json_write_string(&w, "unit", c->unit);
			json_write_int(&w, "warning", c->warn);
			json_write_int(&w, "critical", c->crit);
		}
		json_write_int(&w, "took_ms", c->took_ms);
		json_write_close(&w);
	}
	json_write_close(&w);
	json_write_close(&w);
	json_write_end(&w);
}

void health_perfdata(const struct health *h, struct buf *out)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct health_component *c = &h->items[i];
		/* "10:" alarms below 10, "10" above it */
		const char *below = strcmp(c->name, "disk") == 0 ? ":" : "";

		if (c->unit != NULL)
			buf_addf(out, "%s%s=%lld%s;%lld%s;%lld%s", out->len > 0 ? " " : "",
				 c->name, (long long)c->value, c->unit, (long long)c->warn,
				 below, (long long)c->crit, below);
	}
}
