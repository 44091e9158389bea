#include "replay_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "digest.h"
#include "head.h"
#include "journal.h"
#include "json.h"
#include "log.h"
#include "mem.h"
#include "roster.h"
#include "tstamp.h"

#include "banned.h"

/*
 * The new race is made under another name, in one transaction, and gets its own when it is
 * whole: whoever is interrupted starts again. What has happened in the origin stays there:
 * books begin with the start money, no window is begun, no halt is in force.
 */

#define REPLAY_SUFFIX ".replay.tmp"

static const char sql_attach[] = "ATTACH :path AS origin";
static const char sql_detach[] = "DETACH origin";
static const char sql_replay[] = "SELECT request, from_ms, to_ms FROM replays WHERE id = 1";
static const char sql_replay_add[] =
	"INSERT INTO replays (id, request, from_ms, to_ms) VALUES (1, :request, :from, :to)";
static const char sql_replay_extend[] = "UPDATE replays SET to_ms = :to WHERE id = 1";
/* Feeds that make or read their prices, or a candle that ends in the range. */
/* scan: ends at the first that is found */
static const char sql_any[] =
	"SELECT EXISTS (SELECT 1 FROM asset_feeds WHERE feed IN ('sim', 'csv')) OR EXISTS ("
	"SELECT 1 FROM candles AS c WHERE c.open_ms + c.interval_s * 1000 BETWEEN :from AND "
	":to)";
/* scan: the seals have a first and a last */
static const char sql_range[] = "SELECT (SELECT window_ms FROM seals ORDER BY n LIMIT 1), "
				"(SELECT window_ms FROM seals ORDER BY n DESC LIMIT 1), "
				"(SELECT hash FROM seals ORDER BY n DESC LIMIT 1)";

static const char sql_ran[] = "SELECT EXISTS (SELECT 1 FROM batches WHERE window_ms >= :from "
			      "AND window_ms < :to)";

/* The tables of both races are the same, column by column. :chosen is a JSON object: who takes
 * part, and whether he was named. */

/* scan: everything is copied */
static const char sql_settings[] = "INSERT INTO main.settings SELECT * FROM origin.settings";
/* scan: everything is copied */
static const char sql_settings_log[] =
	"INSERT INTO main.settings_log SELECT * FROM origin.settings_log";
/* scan: everything is copied */
static const char sql_assets[] = "INSERT INTO main.assets SELECT * FROM origin.assets";
/* scan: everything is copied */
static const char sql_sources[] = "INSERT INTO main.sources SELECT * FROM origin.sources";
/* What came over the network is history now. */
/* scan: everything is copied */
static const char sql_feeds[] =
	"INSERT INTO main.asset_feeds (asset_id, priority, feed, arg, quote) SELECT asset_id, "
	"priority, CASE WHEN feed IN ('sim', 'csv', 'history') THEN feed ELSE 'history' END, "
	"CASE WHEN feed IN ('sim', 'csv', 'history') THEN arg ELSE feed || ':' || arg END, "
	"quote "
	"FROM origin.asset_feeds";
/* Who was named takes part, whatever he does in the origin. */
static const char sql_agents[] =
	"INSERT INTO main.agents (id, name, kind, baseline, status, version, added_ms) SELECT "
	"a.id, a.name, a.kind, a.baseline, CASE c.value WHEN 1 THEN 'active' ELSE a.status "
	"END, "
	"a.version, a.added_ms FROM json_each(:chosen) AS c CROSS JOIN origin.agents AS a ON "
	"a.name = c.key";
/* scan: of those who take part */
static const char sql_versions[] =
	"INSERT INTO main.agent_versions SELECT v.* FROM main.agents AS a CROSS JOIN "
	"origin.agent_versions AS v ON v.agent_id = a.id";
/* scan: of those who take part */
static const char sql_portfolios[] =
	"INSERT INTO main.portfolios (agent_id, start_cash, cash, seq) SELECT p.agent_id, "
	"p.start_cash, p.start_cash, 0 FROM main.agents AS a CROSS JOIN origin.portfolios AS p "
	"ON "
	"p.agent_id = a.id";
/* scan: of those who take part */
static const char sql_budgets[] =
	"INSERT INTO main.agent_budgets SELECT b.* FROM main.agents AS a CROSS JOIN "
	"origin.agent_budgets AS b ON b.agent_id = a.id";
/* scan: of those who take part */
static const char sql_publish[] =
	"INSERT INTO main.agent_publish SELECT p.* FROM main.agents AS a CROSS JOIN "
	"origin.agent_publish AS p ON p.agent_id = a.id";
/* scan: everything is copied */
static const char sql_model_prices[] =
	"INSERT INTO main.model_prices SELECT * FROM origin.model_prices";
/* As they were seen, so that the origin's windows have the prices that they had. */
/* scan: everything is copied */
static const char sql_candles[] = "INSERT INTO main.candles SELECT * FROM origin.candles";
/* From the window on at which each has ended. */
/* scan: everything is copied */
static const char sql_candles_ended[] =
	"INSERT INTO main.candles (asset_id, source_id, interval_s, open_ms, open, high, low, "
	"close, volume, seen_ms) SELECT asset_id, source_id, interval_s, open_ms, open, high, "
	"low, "
	"close, volume, (open_ms + interval_s * 1000 + 299999) / 300000 * 300000 FROM "
	"origin.candles";
/* What the origin has got since, by name: either race may have met new sources. */
/* scan: sources are few */
static const char sql_later_sources[] =
	"INSERT INTO main.sources (name) SELECT o.name FROM origin.sources AS o WHERE NOT "
	"EXISTS (SELECT 1 FROM main.sources AS s WHERE s.name = o.name)";
/* Seen by windows to come. */
/* scan: everything is compared */
static const char sql_later_candles[] =
	"INSERT INTO main.candles (asset_id, source_id, interval_s, open_ms, open, high, low, "
	"close, volume, seen_ms) SELECT a.id, s.id, c.interval_s, c.open_ms, c.open, c.high, "
	"c.low, c.close, c.volume, max(:next, (c.open_ms + c.interval_s * 1000 + 299999) / "
	"300000 * 300000) FROM origin.candles AS c JOIN origin.assets AS x ON x.id = "
	"c.asset_id "
	"JOIN origin.sources AS y ON y.id = c.source_id JOIN main.assets AS a ON a.symbol = "
	"x.symbol JOIN main.sources AS s ON s.name = y.name WHERE NOT EXISTS (SELECT 1 FROM "
	"main.candles AS k WHERE k.asset_id = a.id AND k.source_id = s.id AND k.interval_s = "
	"c.interval_s AND k.open_ms = c.open_ms)";
/* scan: everything is copied */
static const char sql_revisions[] =
	"INSERT INTO main.candle_revisions SELECT * FROM origin.candle_revisions";
static const char sql_source_files[] =
	"INSERT INTO main.source_files SELECT * FROM origin.source_files";

/* ------------------------------------------------------------------ the request */

/* What must be equal for a race to be continued; the end may be moved on. */
static char *replay_request_text(const struct replay_request *q, int64_t from_ms,
				 const char *head)
{
	struct buf out = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &out);
	json_write_object(&w, NULL);
	json_write_int(&w, "from_ms", from_ms);
	json_write_string(&w, "answers", head);
	json_write_array(&w, "agents");
	for (size_t i = 0; i < q->n_agents; i++)
		json_write_string(&w, NULL, q->agents[i]);
	json_write_close(&w);
	json_write_array(&w, "settings");
	for (size_t i = 0; i < q->n_settings; i++)
		json_write_string(&w, NULL, q->settings[i]);
	json_write_close(&w);
	json_write_close(&w);
	return buf_take(&out);
}

static int replay_check_answers(struct db *origin, const struct replay_request *q,
				int64_t from_ms, int64_t to_ms, struct err *e)
{
	struct sql_stmt *s = db_get(origin, sql_ran);
	bool any;

	sql_int(s, ":from", from_ms);
	sql_int(s, ":to", to_ms);
	if (sql_row(s, e) != 1)
		return -1;
	any = sql_col_int(s, 0) != 0;
	sql_reset(s);
	return any ? 0 : err_set(e, ERR_NOTFOUND, "%s: has no window in that range", q->origin);
}

/* The range of the request, and for answers the head of the race that gave them. */
static int replay_range(struct db *origin, const struct replay_request *q, int64_t *from_ms,
			int64_t *to_ms, char head[DIGEST_HEX_SIZE], struct err *e)
{
	struct sql_stmt *s;
	struct digest d;
	const void *p;
	size_t n;

	*from_ms = q->from_ms;
	*to_ms = q->to_ms;
	head[0] = '\0';
	if (!q->answers)
		return 0;
	s = db_get(origin, sql_range);
	if (sql_row(s, e) != 1)
		return -1;
	if (sql_col_null(s, 0)) {
		sql_reset(s);
		return err_set(e, ERR_NOTFOUND, "%s: has no window to replay", q->origin);
	}
	if (q->from_ms < 0)
		*from_ms = sql_col_int(s, 0);
	if (q->to_ms < 0)
		*to_ms = sql_col_int(s, 1) + TSTAMP_WINDOW_MS;
	p = sql_col_blob(s, 2, &n);
	if (n == sizeof d.bytes) {
		memcpy(d.bytes, p, n);
		digest_hex(&d, head);
	}
	sql_reset(s);
	return replay_check_answers(origin, q, *from_ms, *to_ms, e);
}

/* ------------------------------------------------------------------ who takes part */

static int replay_may_join(const struct replay_request *q, const struct roster_agent *a,
			   bool named, bool *joins, struct err *e)
{
	bool asked = a->spec.kind == ROSTER_LLM || a->spec.kind == ROSTER_ML;

	*joins = a->status != ROSTER_RETIRED || named;
	if (!*joins || q->answers || !asked)
		return 0;
	if (named)
		return err_set(
			e, ERR_DATA,
			"agent %s: nobody is asked over the network in a replay; --answers "
			"replays what was answered",
			a->name);
	log_msg(LOG_WARN, "agent %s: is left out, since its answers come over the network",
		a->name);
	*joins = false;
	return 0;
}

/* Who takes part, as :chosen. */
static int replay_choose(const struct replay_request *q, const struct roster_agents *agents,
			 struct json_writer *w, struct err *e)
{
	for (size_t k = 0; k < q->n_agents; k++) {
		bool known = false;

		for (size_t i = 0; i < agents->n; i++)
			known = known || strcmp(agents->items[i].name, q->agents[k]) == 0;
		if (!known)
			return err_set(e, ERR_NOTFOUND, "agent %.64s: is not in %s",
				       q->agents[k], q->origin);
	}
	for (size_t i = 0; i < agents->n; i++) {
		const struct roster_agent *a = &agents->items[i];
		bool named = false, joins;

		for (size_t k = 0; k < q->n_agents; k++)
			named = named || strcmp(a->name, q->agents[k]) == 0;
		if (q->n_agents > 0 && !named && !a->baseline)
			continue;
		if (replay_may_join(q, a, named, &joins, e) != 0)
			return -1;
		if (joins)
			json_write_int(w, a->name, named);
	}
	return 0;
}

/* In the order in which rows refer to each other. */
static int replay_copy(struct db *db, const struct replay_request *q, const char *chosen,
		       struct err *e)
{
	const char *const steps[] = {
		sql_settings,  sql_settings_log, sql_assets,
		sql_sources,   sql_feeds,	 sql_agents,
		sql_versions,  sql_portfolios,	 sql_budgets,
		sql_publish,   sql_model_prices, q->answers ? sql_candles : sql_candles_ended,
		sql_revisions, sql_source_files
	};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct sql_stmt *s = db_get(db, steps[i]);

		if (steps[i] == sql_agents)
			sql_text(s, ":chosen", chosen);
		if (sql_exec(s, e) != 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ settings */

static int replay_set(struct db *db, const char *text, int64_t now_ms, struct err *e)
{
	const char *equals = strchr(text, '=');
	enum config_key key;
	char *name;
	int r;

	if (equals == NULL)
		return err_set(e, ERR_USAGE, "setting \"%.60s\": is not KEY=VALUE", text);
	name = mem_strndup(text, (size_t)(equals - text));
	key = config_find(name, e);
	r = key < CONFIG_KEYS ? config_store(db, key, equals + 1, "set", now_ms, e) : -1;
	free(name);
	return r;
}

static int replay_settings(struct db *db, const struct replay_request *q, struct err *e)
{
	for (size_t i = 0; i < q->n_settings; i++)
		if (replay_set(db, q->settings[i], q->now_ms, e) != 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ making it */

static int replay_attach(struct db *db, const char *path, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_attach);

	sql_text(s, ":path", path);
	return sql_exec(s, e);
}

/* A range without any price is a mistake. */
static int replay_check_range(struct db *db, const struct replay_request *q, int64_t from_ms,
			      int64_t to_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_any);
	bool any;

	sql_int(s, ":from", from_ms);
	sql_int(s, ":to", to_ms);
	if (sql_row(s, e) != 1)
		return -1;
	any = sql_col_int(s, 0) != 0;
	sql_reset(s);
	return any ? 0
		   : err_set(e, ERR_NOTFOUND, "%s: has no candle between --from and --to",
			     q->origin);
}

static int replay_fill(struct db *db, const struct replay_request *q, const char *chosen,
		       const char *request, int64_t from_ms, int64_t to_ms, struct err *e)
{
	struct sql_stmt *s;

	/* attached before the transaction began, the origin would be locked by it */
	if (replay_attach(db, q->origin, e) != 0 || replay_copy(db, q, chosen, e) != 0 ||
	    replay_settings(db, q, e) != 0 ||
	    (!q->answers && replay_check_range(db, q, from_ms, to_ms, e) != 0))
		return -1;
	s = db_get(db, sql_replay_add);
	sql_text(s, ":request", request);
	sql_int(s, ":from", from_ms);
	sql_int(s, ":to", to_ms);
	return sql_exec(s, e);
}

static int replay_lay(struct db *db, const struct replay_request *q,
		      const struct roster_agents *agents, const char *request, int64_t from_ms,
		      int64_t to_ms, struct err *e)
{
	struct buf chosen = BUF_INIT;
	struct json_writer w;
	int r = -1;

	json_write_init(&w, &chosen);
	json_write_object(&w, NULL);
	if (replay_choose(q, agents, &w, e) != 0)
		goto out;
	json_write_close(&w);
	if (db_begin(db, e) != 0)
		goto out;
	r = replay_fill(db, q, buf_str(&chosen), request, from_ms, to_ms, e);
	if (db_end(db, r, e) != 0)
		r = -1;
	if (r == 0)
		r = db_checkpoint(db, e);
	if (r == 0 && db_wal_size(db) > 0)
		r = err_set(e, ERR_TEMP, "%s: is read by somebody else", db_path(db));
out:
	buf_release(&chosen);
	return r;
}

static void replay_unlink(const char *path, const char *suffix)
{
	char *name = mem_printf("%s%s", path, suffix);

	unlink(name);
	free(name);
}

static void replay_remove(const char *path)
{
	replay_unlink(path, "-wal");
	replay_unlink(path, "-shm");
	replay_unlink(path, ".lock");
	replay_unlink(path, "");
}

/* What is left of a race that was removed: its log would be taken for one of ours, and its
 * heads contradict ours. */
static int replay_clear(const char *path, int64_t now_ms, struct err *e)
{
	char aside[HEAD_ASIDE_MAX];

	replay_unlink(path, "-wal");
	replay_unlink(path, "-shm");
	if (head_put_aside(path, now_ms, aside, e) != 0)
		return -1;
	if (aside[0] != '\0')
		log_msg(LOG_WARN, "%s%s: holds the heads of the race that was there before",
			path, aside);
	return 0;
}

/* A race that came to be there meanwhile is not replaced. */
static int replay_rename(const char *path, const char *out)
{
	int r = renameat2(AT_FDCWD, path, AT_FDCWD, out, RENAME_NOREPLACE);

	/* a file system that cannot: it has both names for a moment */
	return r != 0 && errno == EINVAL ? link(path, out) : r;
}

static int replay_place(const char *path, const char *out, int64_t now_ms, struct err *e)
{
	if (access(out, F_OK) != 0 && replay_clear(out, now_ms, e) != 0)
		return -1;
	if (replay_rename(path, out) != 0)
		return err_sys(e, errno == EEXIST ? ERR_DATA : ERR_IO, "%s", out);
	return 0;
}

/* Make the race beside its place ${out}, and put it there. */
static int replay_make(const struct replay_request *q, const char *out,
		       const struct roster_agents *agents, const char *request, int64_t from_ms,
		       int64_t to_ms, struct err *e)
{
	char *path = mem_printf("%s%s", out, REPLAY_SUFFIX);
	int lock = db_lock_path(path, ".cycle", 0, e), r = -1;
	struct db *db = NULL;
	bool created;

	if (lock < 0)
		goto out;
	replay_remove(path);
	db = db_create(path, &created, e);
	if (db != NULL)
		r = replay_lay(db, q, agents, request, from_ms, to_ms, e);
	db_close(db);
	if (r == 0)
		r = replay_place(path, out, q->now_ms, e);
	replay_remove(path);
	replay_unlink(path, ".cycle");
	close(lock);
out:
	free(path);
	return r;
}

/* ------------------------------------------------------------------ opening */

static int replay_bring_candles(struct db *db, const struct replay_request *q, struct err *e)
{
	int64_t latest_ms;
	struct sql_stmt *s;
	bool live;

	if (journal_latest(db, &latest_ms, &live, e) != 0 ||
	    replay_attach(db, q->origin, e) != 0 ||
	    sql_exec(db_get(db, sql_later_sources), e) != 0)
		return -1;
	s = db_get(db, sql_later_candles);
	sql_int(s, ":next", latest_ms < 0 ? 0 : latest_ms + TSTAMP_WINDOW_MS);
	return sql_exec(s, e);
}

static int replay_extend(struct db *db, const struct replay_request *q, int64_t to_ms,
			 struct err *e)
{
	struct sql_stmt *s;
	int r;

	if (db_begin(db, e) != 0)
		return -1;
	s = db_get(db, sql_replay_extend);
	sql_int(s, ":to", to_ms);
	r = sql_exec(s, e);
	if (r == 0 && !q->answers)
		r = replay_bring_candles(db, q, e);
	if (db_end(db, r, e) != 0)
		return -1;
	return q->answers ? 0 : sql_exec(db_get(db, sql_detach), e);
}

/* A race that is there must be of the same request; its end may be later now. */
static int replay_continue(struct db *db, const struct replay_request *q, const char *request,
			   int64_t to_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_replay);
	int64_t was_ms;
	bool same;
	int r = sql_row(s, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_DATA, "%s: is a race that tr-replay did not make",
			       q->out);
	same = strcmp(sql_col_text(s, 0), request) == 0;
	was_ms = sql_col_int(s, 2);
	sql_reset(s);
	if (!same || to_ms < was_ms)
		return err_set(
			e, ERR_DATA,
			"%s: was made by another replay; give the same options to continue "
			"it, or another --out",
			q->out);
	return to_ms == was_ms ? 0 : replay_extend(db, q, to_ms, e);
}

/* Who was killed while a race had two names has left it so. */
static void replay_tidy(const char *out)
{
	char *path = mem_printf("%s%s", out, REPLAY_SUFFIX);
	struct stat a, b;

	if (lstat(out, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino) {
		replay_remove(path);
		replay_unlink(path, ".cycle");
	}
	free(path);
}

static struct db *replay_open_from(struct db *origin, const struct replay_request *q,
				   int64_t *from_ms, int64_t *to_ms, int *lock, struct err *e)
{
	struct roster_agents agents = { 0 };
	char head[DIGEST_HEX_SIZE], *request = NULL, *out = NULL;
	struct db *db = NULL;
	bool exists;

	if (replay_range(origin, q, from_ms, to_ms, head, e) != 0 ||
	    roster_load_agents(origin, &agents, e) != 0)
		return NULL;
	request = replay_request_text(q, *from_ms, head);
	replay_tidy(q->out);
	out = db_place(q->out, &exists, e);
	if (out != NULL &&
	    (exists || replay_make(q, out, &agents, request, *from_ms, *to_ms, e) == 0))
		db = db_open(out, e);
	/* no tr-cycle, and no other replay */
	if (db != NULL)
		*lock = db_lock_file(db, ".cycle", 0, e);
	if (db != NULL && (*lock < 0 || replay_continue(db, q, request, *to_ms, e) != 0)) {
		db_close(db);
		db = NULL;
	}
	free(out);
	free(request);
	roster_release_agents(&agents);
	return db;
}

struct db *replay_open(const struct replay_request *q, int64_t *from_ms, int64_t *to_ms,
		       int *lock, struct err *e)
{
	struct db *origin = db_open(q->origin, e), *db;

	*lock = -1;
	if (origin == NULL)
		return NULL;
	db = replay_open_from(origin, q, from_ms, to_ms, lock, e);
	if (db == NULL && *lock >= 0)
		close(*lock);
	db_close(origin);
	return db;
}
