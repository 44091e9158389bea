#include "calls.h"

#include <string.h>

#include "tstamp.h"

#include "banned.h"

#define CALLS_FLYING_MS 300000 /* an attempt that began before is over or forgotten */

static const char sql_start[] =
	"INSERT INTO call_starts (purpose, window_ms, agent_id, provider, model, service, "
	"attempt, request, reserved, at_ms) VALUES (:purpose, :window, :agent, :provider, "
	":model, "
	":service, :attempt, :request, :reserved, :at) RETURNING id";
static const char sql_end[] =
	"INSERT INTO call_results (id, class, status, lost, cost, input, output, latency_ms, "
	"error, at_ms) VALUES (:id, :class, :status, :lost, :cost, :input, :output, :latency, "
	":error, :at)";
static const char sql_reserved[] =
	"SELECT reserved, coalesce(agent_id, 0), at_ms FROM call_starts WHERE id = :id";
static const char sql_spent[] =
	"SELECT spent FROM spending WHERE day_ms = :day AND agent_id = :agent";
static const char sql_spend[] =
	"INSERT INTO spending (day_ms, agent_id, spent) VALUES (:day, :agent, max(0, :amount)) "
	"ON CONFLICT (day_ms, agent_id) DO UPDATE SET spent = max(0, spent + :amount)";
static const char sql_doubtful[] =
	"SELECT count(*) FROM call_starts AS s LEFT JOIN call_results AS r ON r.id = s.id "
	"WHERE s.window_ms >= :from AND s.window_ms < :to AND s.purpose = 'decide' "
	"AND s.reserved > 0 AND coalesce(r.lost, 1) = 1";
static const char sql_flying[] =
	"SELECT count(*) FROM call_starts AS s LEFT JOIN call_results AS r ON r.id = s.id "
	"WHERE s.provider = :provider AND s.at_ms > :since AND r.id IS NULL";

static const char *const calls_purposes[] = { "decide", "ingest", "try",
					      "test",	"guard",  "heartbeat" };

static int64_t calls_day(int64_t wall_ms)
{
	return wall_ms / TSTAMP_DAY_MS * TSTAMP_DAY_MS;
}

/* One number, 0 for no row. */
static int calls_number(struct sql_stmt *s, int64_t *out, struct err *e)
{
	int r = sql_row(s, e);

	*out = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int calls_spent(struct db *db, int64_t agent_id, int64_t wall_ms, int64_t *spent, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_spent);

	sql_int(s, ":day", calls_day(wall_ms));
	sql_int(s, ":agent", agent_id);
	return calls_number(s, spent, e);
}

static int calls_spend(struct db *db, int64_t agent_id, int64_t amount, int64_t wall_ms,
		       struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_spend);

	sql_int(s, ":day", calls_day(wall_ms));
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":amount", amount);
	return sql_exec(s, e);
}

/* To the agent's account and to that of the race. */
static int calls_charge(struct db *db, int64_t agent_id, int64_t amount, int64_t wall_ms,
			struct err *e)
{
	if (amount == 0)
		return 0;
	if (agent_id != 0 && calls_spend(db, agent_id, amount, wall_ms, e) != 0)
		return -1;
	return calls_spend(db, 0, amount, wall_ms, e);
}

/* Whether ${amount} more stays within ${cap}. */
static int calls_within(struct db *db, int64_t agent_id, int64_t amount, int64_t cap,
			int64_t wall_ms, bool *ok, struct err *e)
{
	int64_t spent;

	*ok = cap < 0;
	if (*ok)
		return 0;
	if (calls_spent(db, agent_id, wall_ms, &spent, e) != 0)
		return -1;
	*ok = amount <= cap && spent <= cap - amount;
	return 0;
}

int calls_reserve(struct db *db, int64_t agent_id, int64_t amount, int64_t agent_cap,
		  int64_t race_cap, int64_t wall_ms, bool *ok, const char **cap, struct err *e)
{
	*ok = true;
	*cap = NULL;
	if (amount == 0)
		return 0;
	if (agent_id != 0) {
		*cap = "agent";
		if (calls_within(db, agent_id, amount, agent_cap, wall_ms, ok, e) != 0)
			return -1;
	}
	if (*ok) {
		*cap = "race";
		if (calls_within(db, 0, amount, race_cap, wall_ms, ok, e) != 0)
			return -1;
	}
	return *ok ? calls_charge(db, agent_id, amount, wall_ms, e) : 0;
}

int calls_release(struct db *db, int64_t agent_id, int64_t amount, int64_t wall_ms,
		  struct err *e)
{
	return calls_charge(db, agent_id, -amount, wall_ms, e);
}

int calls_begin(struct db *db, const struct calls_start *c, int64_t wall_ms, int64_t *id,
		struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_start);
	int r;

	sql_text(s, ":purpose", calls_purposes[c->purpose]);
	if (c->window_ms >= 0)
		sql_int(s, ":window", c->window_ms);
	if (c->agent_id != 0)
		sql_int(s, ":agent", c->agent_id);
	sql_text(s, ":provider", c->provider);
	sql_text(s, ":model", c->model);
	sql_text(s, ":service", c->service);
	sql_int(s, ":attempt", c->attempt);
	if (c->request != NULL)
		sql_blob(s, ":request", c->request->bytes, sizeof c->request->bytes);
	sql_int(s, ":reserved", c->reserved);
	sql_int(s, ":at", wall_ms);
	r = sql_row(s, e);
	if (r == 1)
		*id = sql_col_int(s, 0);
	sql_reset(s);
	return r == 1  ? 0
	       : r < 0 ? -1
		       : err_set(e, ERR_INTERNAL, "call_starts: no id came back");
}

int calls_end(struct db *db, int64_t id, const struct calls_result *c, int64_t wall_ms,
	      struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_reserved);
	int64_t reserved, agent_id, begun_ms;
	int r;

	sql_int(s, ":id", id);
	r = sql_row(s, e);
	if (r != 1) {
		sql_reset(s);
		return r < 0 ? -1
			     : err_set(e, ERR_INTERNAL, "call %lld: never began",
				       (long long)id);
	}
	reserved = sql_col_int(s, 0);
	agent_id = sql_col_int(s, 1);
	begun_ms = sql_col_int(s, 2);
	sql_reset(s);
	s = db_get(db, sql_end);
	sql_int(s, ":id", id);
	sql_text(s, ":class", c->class);
	sql_int(s, ":status", c->status);
	sql_int(s, ":lost", c->lost);
	sql_int(s, ":cost", c->cost);
	if (c->has_usage) {
		sql_int(s, ":input", c->input);
		sql_int(s, ":output", c->output);
	}
	sql_int(s, ":latency", c->latency_ms);
	sql_text(s, ":error", c->error);
	sql_int(s, ":at", wall_ms);
	if (sql_exec(s, e) != 0)
		return -1;
	return calls_charge(db, agent_id, c->cost - reserved, begun_ms, e);
}

int calls_doubtful(struct db *db, int64_t from_ms, int64_t to_ms, int64_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_doubtful);

	sql_int(s, ":from", from_ms);
	sql_int(s, ":to", to_ms);
	return calls_number(s, n, e);
}

int calls_flying(struct db *db, const char *provider, int64_t wall_ms, int64_t *n,
		 struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_flying);

	sql_text(s, ":provider", provider);
	sql_int(s, ":since", wall_ms - CALLS_FLYING_MS);
	return calls_number(s, n, e);
}
