#include "route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "json.h"
#include "mem.h"
#include "provider.h"
#include "tstamp.h"

#include "banned.h"

#define ROUTE_LATENCY_HALF_MS 20000
#define ROUTE_PLACE 500

static const char sql_stats_one[] =
	"SELECT calls, good, latency_ms FROM route_stats WHERE candidate = :candidate";
static const char sql_count[] =
	"INSERT INTO route_stats (candidate, calls, good, latency_ms, cost) "
	"VALUES (:candidate, 1, :good, :latency, :cost) ON CONFLICT (candidate) DO UPDATE "
	"SET calls = calls + 1, good = good + :good, latency_ms = latency_ms + :latency, "
	"cost = cost + :cost";
static const char sql_add[] =
	"INSERT INTO routes (agent_id, window_ms, chosen, candidates, at_ms) "
	"VALUES (:agent, :window, :chosen, :candidates, :at)";
/* scan: all statistics are wanted */
static const char sql_stats[] =
	"SELECT candidate, calls, good, latency_ms, cost FROM route_stats ORDER BY candidate";
/* scan: everything goes */
static const char sql_forget[] = "DELETE FROM route_stats WHERE true";
/* scan: made anew from all calls */
static const char sql_rebuild[] =
	"INSERT INTO route_stats (candidate, calls, good, latency_ms, cost) "
	"SELECT s.provider || iif(s.model = '', '', '/' || s.model), count(*), "
	"sum(r.class = 'ok'), sum(iif(r.class = 'ok', r.latency_ms, 0)), sum(r.cost) "
	"FROM call_starts AS s JOIN call_results AS r ON r.id = s.id "
	"WHERE s.purpose = 'decide' GROUP BY s.provider, s.model";

int64_t route_score(const struct route_candidate *c, size_t place)
{
	int64_t success = (c->good + 1) * 10000 / (c->calls + 2);
	int64_t mean_ms = c->good > 0 ? c->latency_ms / c->good : 0;
	int64_t quick = ROUTE_LATENCY_HALF_MS * 10000 / (ROUTE_LATENCY_HALF_MS + mean_ms);
	int64_t free = 10000;
	int64_t score;

	if (c->breaker == CIRCUIT_REFUSED)
		return 0;
	if (c->parallel > 0)
		free = c->flying >= c->parallel
			       ? 0
			       : (c->parallel - c->flying) * 10000 / c->parallel;
	score = (success * 60 + quick * 25 + free * 15) / 100;
	if (c->breaker == CIRCUIT_PROBE)
		score /= 2;
	score -= (int64_t)place * ROUTE_PLACE;
	return score > 1 ? score : 1;
}

int route_load(struct db *db, const char *provider, const char *service,
	       const struct guard_policy *p, int64_t wall_ms, struct route_candidate *c,
	       struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_stats_one);
	struct circuit circuit;
	int64_t wait_ms;
	bool known;
	int r;

	sql_text(s, ":candidate", c->name);
	r = sql_row(s, e);
	if (r == 1) {
		c->calls = sql_col_int(s, 0);
		c->good = sql_col_int(s, 1);
		c->latency_ms = sql_col_int(s, 2);
	}
	sql_reset(s);
	if (r < 0 || guard_load(db, service, &circuit, &known, e) != 0)
		return -1;
	c->breaker = known && p->breaker ? circuit_peek(&circuit, tstamp_boot_ms(), &wait_ms)
					 : CIRCUIT_ADMITTED;
	c->parallel = p->parallel;
	return p->parallel > 0 ? calls_flying(db, provider, wall_ms, &c->flying, e) : 0;
}

static void route_write(struct json_writer *w, const struct route_candidate *c)
{
	static const char *const states[] = { "admits", "probes", "refuses" };

	json_write_object(w, NULL);
	json_write_string(w, "candidate", c->name);
	json_write_int(w, "score", c->score);
	json_write_int(w, "calls", c->calls);
	json_write_int(w, "good", c->good);
	json_write_int(w, "mean_ms", c->good > 0 ? c->latency_ms / c->good : 0);
	json_write_int(w, "flying", c->flying);
	json_write_int(w, "parallel", c->parallel);
	json_write_string(w, "breaker", states[c->breaker]);
	json_write_close(w);
}

int route_add(struct db *db, int64_t agent_id, int64_t window_ms, const char *chosen,
	      const struct route_candidate *c, size_t n, int64_t wall_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_add);
	struct buf text = BUF_INIT;
	struct json_writer w;
	int r;

	json_write_init(&w, &text);
	json_write_array(&w, NULL);
	for (size_t i = 0; i < n; i++)
		route_write(&w, &c[i]);
	json_write_close(&w);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	sql_text(s, ":chosen", chosen);
	sql_text(s, ":candidates", buf_str(&text));
	sql_int(s, ":at", wall_ms);
	r = sql_exec(s, e);
	buf_release(&text);
	return r;
}

int route_count(struct db *db, const char *candidate, bool good, int64_t latency_ms,
		int64_t cost, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_count);

	sql_text(s, ":candidate", candidate);
	sql_int(s, ":good", good);
	sql_int(s, ":latency", good ? latency_ms : 0);
	sql_int(s, ":cost", cost);
	return sql_exec(s, e);
}

int route_rebuild(struct db *db, int64_t *n, struct err *e)
{
	if (sql_exec(db_get(db, sql_forget), e) != 0 ||
	    sql_exec(db_get(db, sql_rebuild), e) != 0)
		return -1;
	*n = sql_changes(db_sql(db));
	return 0;
}

/* ------------------------------------------------------------------ how they stand */

struct route_table {
	struct route_stat *items;
	size_t n, cap;
};

static int route_read(struct db *db, struct route_table *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_stats);
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct route_stat *i;

		if (t->n == t->cap) {
			t->cap = t->cap * 2 + 16;
			t->items = mem_resize(t->items, t->cap, sizeof *t->items);
		}
		i = &t->items[t->n++];
		*i = (struct route_stat){ .cost = sql_col_int(s, 4) };
		snprintf(i->c.name, sizeof i->c.name, "%s", sql_col_text(s, 0));
	}
	return r;
}

/* The service of a candidate and its policy. One whose provider is gone, or is an address that
 * stands in a version of an agent, has the limits of its kind. */
static int route_place(struct db *db, const struct config *c, struct route_stat *i,
		       char name[IDENT_AGENT_MAX + 1], struct guard_policy *p, struct err *e)
{
	struct provider known = { 0 };
	struct err why = { 0 };
	const char *model = "";

	if (provider_split(i->c.name, name, &model, &why) != 0) {
		snprintf(name, IDENT_AGENT_MAX + 1, "%.*s", IDENT_AGENT_MAX, i->c.name);
		model = "";
	}
	why = (struct err){ 0 };
	if (provider_load(db, name, &known, &why) == 0) {
		provider_policy(&known, c, p);
	} else if (why.status == ERR_NOTFOUND) {
		snprintf(known.name, sizeof known.name, "%s", name);
		guard_policy(c, GUARD_ML, p);
	} else {
		*e = why;
		return -1;
	}
	provider_service(&known, model, i->service);
	provider_release(&known);
	return 0;
}

static int route_stand(struct db *db, const struct config *c, int64_t wall_ms,
		       struct route_stat *i, struct err *e)
{
	char provider[IDENT_AGENT_MAX + 1];
	struct guard_policy p = { 0 };
	bool known;

	if (route_place(db, c, i, provider, &p, e) != 0 ||
	    route_load(db, provider, i->service, &p, wall_ms, &i->c, e) != 0 ||
	    guard_load(db, i->service, &i->circuit, &known, e) != 0)
		return -1;
	i->c.score = route_score(&i->c, 0);
	return 0;
}

static int route_by_score(const void *a, const void *b)
{
	const struct route_stat *x = a, *y = b;

	if (x->c.score != y->c.score)
		return x->c.score < y->c.score ? 1 : -1;
	return strcmp(x->c.name, y->c.name);
}

int route_stats(struct db *db, const struct config *c, bool worst, int64_t wall_ms,
		route_stats_fn *each, void *ctx, struct err *e)
{
	struct route_table t = { 0 };
	int r = route_read(db, &t, e);

	for (size_t i = 0; i < t.n && r == 0; i++)
		r = route_stand(db, c, wall_ms, &t.items[i], e);
	if (t.n > 0)
		qsort(t.items, t.n, sizeof *t.items, route_by_score);
	for (size_t i = 0; i < t.n && r == 0; i++)
		r = each(ctx, &t.items[worst ? t.n - 1 - i : i], e);
	free(t.items);
	return r;
}
