#include "health_part.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "cost.h"
#include "guard.h"

#include "banned.h"

/* Services that are called: a race that calls none has none of these components. */

#define HEALTH_FEED_WINDOWS 3

/* scan: from the newest on, a few rows */
static const char sql_windows[] =
	"SELECT window_ms FROM cycles ORDER BY window_ms DESC LIMIT :windows";
/* scan: whether there is any */
static const char sql_any_feed[] = "SELECT 1 FROM feed_results LIMIT 1";
static const char sql_feeds[] =
	"SELECT source, count(*), max(window_ms) AS w FROM feed_results "
	"WHERE window_ms >= :from AND outcome <> 'ok' GROUP BY source ORDER BY w DESC, source";
/* scan: whether there is any */
static const char sql_any_model[] = "SELECT 1 FROM agents WHERE kind = 'llm' LIMIT 1";

static int health_any(const struct health_run *x, const char *text, bool *any, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, text);
	int r = sql_row(s, e);

	*any = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ breakers */

struct health_breaker_list {
	struct health_names stopped;
	int64_t all;
};

static int health_breaker(void *ctx, const char *service, const struct circuit *c,
			  int64_t changed_wall_ms, struct err *e)
{
	struct health_breaker_list *l = ctx;

	(void)changed_wall_ms;
	(void)e;
	l->all++;
	if (c->needs_operator)
		health_name_add(&l->stopped, service, " needs an operator");
	else if (c->state != CIRCUIT_CLOSED)
		health_name_add(&l->stopped, service,
				c->state == CIRCUIT_ISOLATED ? " is isolated" : " is open");
	return 0;
}

int health_breakers(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct health_breaker_list l = { 0 };

	if (guard_list(x->db, health_breaker, &l, e) != 0)
		return -1;
	if (l.all == 0)
		return 0;
	if (l.stopped.n == 0)
		health_say(c, HEALTH_OK, "none of %lld is open", (long long)l.all);
	else
		health_say(c, HEALTH_WARNING, "%s; %lld of %lld, see tr-breaker",
			   l.stopped.text, (long long)l.stopped.n, (long long)l.all);
	return 0;
}

/* ------------------------------------------------------------------ budget */

static int health_reached(void *ctx, const char *agent, struct err *e)
{
	(void)e;
	health_name_add(ctx, agent[0] != '\0' ? agent : "the race", "");
	return 0;
}

int health_budget(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct health_names l = { 0 };
	struct config config;
	bool any;
	int r = -1;

	if (health_any(x, sql_any_model, &any, e) != 0)
		return -1;
	if (!any)
		return 0;
	config_init(&config);
	if (config_load(x->db, &config, e) == 0 && config_environment(&config, e) == 0)
		r = cost_reached(x->db, &config, x->o->now_ms, health_reached, &l, e);
	config_release(&config);
	if (r == 0 && l.n == 0)
		health_say(c, HEALTH_OK, "no cap is reached today");
	else if (r == 0)
		health_say(c, HEALTH_WARNING, "a cap is reached today by %s; %lld, see tr-cost",
			   l.text, (long long)l.n);
	return r;
}

/* ------------------------------------------------------------------ feeds */

static int health_failed_feeds(const struct health_run *x, struct health_names *l,
			       struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_windows);
	int64_t from_ms = INT64_MAX;
	int r;

	sql_int(s, ":windows", HEALTH_FEED_WINDOWS);
	while ((r = sql_row(s, e)) == 1)
		from_ms = sql_col_int(s, 0);
	if (r < 0)
		return -1;
	s = db_get(x->db, sql_feeds);
	sql_int(s, ":from", from_ms);
	while ((r = sql_row(s, e)) == 1)
		health_name_add(l, sql_col_text(s, 0), "");
	return r;
}

int health_feeds(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct health_names l = { 0 };
	bool any;

	if (health_any(x, sql_any_feed, &any, e) != 0)
		return -1;
	if (!any)
		return 0;
	if (health_failed_feeds(x, &l, e) != 0)
		return -1;
	if (l.n == 0)
		health_say(c, HEALTH_OK, "none failed in the last %d windows",
			   HEALTH_FEED_WINDOWS);
	else
		health_say(c, HEALTH_WARNING, "%s failed in the last %d windows; %lld", l.text,
			   HEALTH_FEED_WINDOWS, (long long)l.n);
	return 0;
}
