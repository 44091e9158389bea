#include "cost.h"

#include "calls.h"
#include "decimal.h"
#include "roster.h"
#include "tstamp.h"

#include "banned.h"

#define COST_HOUR_MS INT64_C(3600000)
#define COST_MONTH_DAYS 30

static const char sql_parts[] =
	"SELECT CASE :by WHEN 1 THEN coalesce(a.name, '') "
	"WHEN 2 THEN s.provider || iif(s.model = '', '', '/' || s.model) "
	"WHEN 3 THEN strftime('%Y-%m-%d', s.at_ms / 1000, 'unixepoch') ELSE '' END AS part, "
	"coalesce(max(s.agent_id), 0), count(*), sum(iif(r.lost = 0, r.cost, 0)), "
	"sum(r.id IS NULL AND s.at_ms >= :flying), "
	"sum(iif(r.id IS NULL AND s.at_ms >= :flying, s.reserved, 0)), "
	"sum(coalesce(r.lost, s.at_ms < :flying) AND coalesce(r.cost, s.reserved) > 0), "
	"sum(iif(coalesce(r.lost, s.at_ms < :flying), coalesce(r.cost, s.reserved), 0)), "
	"sum(coalesce(r.input, 0)), sum(coalesce(r.output, 0)) "
	"FROM call_starts AS s LEFT JOIN call_results AS r ON r.id = s.id "
	"LEFT JOIN agents AS a ON a.id = s.agent_id WHERE s.at_ms >= :since "
	"AND s.at_ms < :until AND (:agent = 0 OR s.agent_id = :agent) "
	"AND (s.agent_id IS NOT NULL OR coalesce(r.cost, s.reserved) > 0) "
	"GROUP BY part ORDER BY part";
static const char sql_account[] =
	"SELECT coalesce(sum(spent), 0) FROM spending WHERE day_ms >= :since "
	"AND day_ms < :until AND agent_id = :agent";
/* the oldest paid one: times before 1970 do not exist */
static const char sql_first[] =
	"SELECT at_ms FROM call_starts WHERE at_ms >= 0 AND reserved > 0 "
	"AND (:agent = 0 OR agent_id = :agent) ORDER BY at_ms LIMIT 1";
static const char sql_spent[] =
	"SELECT s.agent_id, coalesce(a.name, ''), s.spent, b.usd_day FROM spending AS s "
	"LEFT JOIN agents AS a ON a.id = s.agent_id "
	"LEFT JOIN agent_budgets AS b ON b.agent_id = s.agent_id "
	"WHERE s.day_ms = :day ORDER BY s.agent_id";
/* scan: every agent, as decisions are found by agent and window */
static const char sql_refused[] =
	"SELECT DISTINCT a.name FROM agents AS a CROSS JOIN decisions AS d "
	"ON d.agent_id = a.id AND d.window_ms >= :day AND d.window_ms <= :now "
	"JOIN cycles AS w ON w.window_ms = d.window_ms AND w.live = 1 "
	"LEFT JOIN spending AS s ON s.day_ms = :day AND s.agent_id = a.id "
	"LEFT JOIN agent_budgets AS b ON b.agent_id = a.id "
	"WHERE d.status = 'budget' AND NOT (coalesce(s.spent, 0) > 0 "
	"AND s.spent >= coalesce(b.usd_day, :cap)) "
	"ORDER BY a.name";

static int64_t cost_day(int64_t ms)
{
	return ms - ms % TSTAMP_DAY_MS;
}

int64_t cost_reserved(const struct cost_sum *s)
{
	return s->flying_usd + s->doubtful_usd;
}

int cost_parts(struct db *db, const struct cost_query *q, enum cost_by by, cost_part_fn *each,
	       void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_parts);
	int r;

	sql_int(s, ":by", by);
	sql_int(s, ":flying", q->now_ms - COST_FLYING_MS);
	sql_int(s, ":since", q->since_ms);
	sql_int(s, ":until", q->until_ms);
	sql_int(s, ":agent", q->agent_id);
	while ((r = sql_row(s, e)) == 1) {
		struct cost_sum sum = {
			.calls = sql_col_int(s, 2),
			.spent = sql_col_int(s, 3),
			.flying = sql_col_int(s, 4),
			.flying_usd = sql_col_int(s, 5),
			.doubtful = sql_col_int(s, 6),
			.doubtful_usd = sql_col_int(s, 7),
			.input = sql_col_int(s, 8),
			.output = sql_col_int(s, 9),
		};

		if (each(ctx, sql_col_text(s, 0), sql_col_int(s, 1), &sum, e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r;
}

static int cost_take(void *ctx, const char *name, int64_t agent_id, const struct cost_sum *s,
		     struct err *e)
{
	struct cost_sum *out = ctx;

	(void)name;
	(void)agent_id;
	(void)e;
	*out = *s;
	return 0;
}

int cost_load(struct db *db, const struct cost_query *q, struct cost_sum *s, struct err *e)
{
	*s = (struct cost_sum){ 0 };
	return cost_parts(db, q, COST_ALL, cost_take, s, e);
}

int cost_account(struct db *db, const struct cost_query *q, bool *whole, int64_t *usd,
		 struct err *e)
{
	struct sql_stmt *s;
	int r;

	*usd = 0;
	/* days that have not come are whole */
	*whole = q->since_ms % TSTAMP_DAY_MS == 0 &&
		 (q->until_ms % TSTAMP_DAY_MS == 0 || q->until_ms == INT64_MAX);
	if (!*whole)
		return 0;
	s = db_get(db, sql_account);
	sql_int(s, ":since", q->since_ms);
	sql_int(s, ":until", q->until_ms);
	sql_int(s, ":agent", q->agent_id);
	r = sql_row(s, e);
	if (r == 1)
		*usd = sql_col_int(s, 0);
	sql_reset(s);
	return r == 1 ? 0 : -1;
}

/* ------------------------------------------------------------------ caps */

int cost_cap(struct db *db, const struct config *c, int64_t agent_id, int64_t now_ms,
	     struct cost_cap *out, struct err *e)
{
	bool own = false;

	*out = (struct cost_cap){ 0 };
	if (agent_id != 0 && roster_budget(db, agent_id, &out->cap, &own, e) != 0)
		return -1;
	if (!own)
		out->cap = config_num(c, agent_id != 0 ? CONFIG_BUDGET_AGENT_USD_DAY
						       : CONFIG_BUDGET_RACE_USD_DAY);
	if (calls_spent(db, agent_id, now_ms, &out->spent, e) != 0)
		return -1;
	out->left = out->cap > out->spent ? out->cap - out->spent : 0;
	return 0;
}

static int cost_reached_spent(struct db *db, const struct config *c, int64_t now_ms,
			      cost_reached_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_spent);
	int r, rc = 0;

	sql_int(s, ":day", cost_day(now_ms));
	while (rc == 0 && (r = sql_row(s, e)) != 0) {
		int64_t cap;

		if (r < 0)
			return -1;
		cap = sql_col_int(s, 0) == 0 ? config_num(c, CONFIG_BUDGET_RACE_USD_DAY)
		      : sql_col_null(s, 3)   ? config_num(c, CONFIG_BUDGET_AGENT_USD_DAY)
					     : sql_col_int(s, 3);
		if (sql_col_int(s, 2) > 0 && sql_col_int(s, 2) >= cap)
			rc = each(ctx, sql_col_text(s, 1), e);
	}
	sql_reset(s);
	return rc;
}

int cost_reached(struct db *db, const struct config *c, int64_t now_ms, cost_reached_fn *each,
		 void *ctx, struct err *e)
{
	struct sql_stmt *s;
	int r, rc = cost_reached_spent(db, c, now_ms, each, ctx, e);

	if (rc != 0)
		return -1;
	s = db_get(db, sql_refused);
	sql_int(s, ":day", cost_day(now_ms));
	sql_int(s, ":now", now_ms);
	sql_int(s, ":cap", config_num(c, CONFIG_BUDGET_AGENT_USD_DAY));
	while (rc == 0 && (r = sql_row(s, e)) != 0)
		rc = r < 0 ? -1 : each(ctx, sql_col_text(s, 0), e);
	sql_reset(s);
	return rc;
}

/* ------------------------------------------------------------------ forecast */

static int cost_first(struct db *db, int64_t agent_id, int64_t *ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_first);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*ms = r == 1 ? sql_col_int(s, 0) : INT64_MAX;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int cost_forecast(struct db *db, int64_t agent_id, int64_t now_ms, struct cost_forecast *f,
		  struct err *e)
{
	struct cost_query q = { now_ms - TSTAMP_DAY_MS, now_ms + 1, agent_id, now_ms };
	int64_t first_ms, span_ms, today, sum;
	struct cost_sum s;

	*f = (struct cost_forecast){ 0 };
	if (cost_first(db, agent_id, &first_ms, e) != 0 || cost_load(db, &q, &s, e) != 0 ||
	    calls_spent(db, agent_id, now_ms, &today, e) != 0)
		return -1;
	if (first_ms > now_ms - COST_HOUR_MS)
		return 0;
	span_ms = now_ms - first_ms < TSTAMP_DAY_MS ? now_ms - first_ms : TSTAMP_DAY_MS;
	sum = s.spent + cost_reserved(&s);
	f->known = decimal_muldiv(sum, cost_day(now_ms) + TSTAMP_DAY_MS - now_ms, span_ms,
				  DECIMAL_UP, &f->day) == 0 &&
		   decimal_muldiv(sum, COST_MONTH_DAYS * TSTAMP_DAY_MS, span_ms, DECIMAL_UP,
				  &f->month) == 0 &&
		   !__builtin_add_overflow(f->day, today, &f->day);
	return 0;
}
