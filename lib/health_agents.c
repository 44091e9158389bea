#include "health_part.h"

#include <stdio.h>

#include "tstamp.h"

#include "banned.h"

/*
 * Agents that run a program or ask a service. Rules cannot fail, and who decides by hand is not
 * asked: counted along, they would hide the others. Nor is an agent asked that has spent what
 * it may, of which the budget speaks.
 */

#define HEALTH_TURNS 4	     /* decision windows that are looked at */
#define HEALTH_FAILED_PCT 20 /* more than that is a warning */
#define HEALTH_FAILED_CRIT 50
#define HEALTH_SILENT 4 /* bad answers in a row of one agent that are a warning */

/* scan: from the newest on, a few rows */
static const char sql_turns[] =
	"SELECT window_ms FROM cycles WHERE decision = 1 ORDER BY window_ms DESC LIMIT :turns";
/* scan: every agent is asked for */
static const char sql_failed[] =
	"SELECT count(*), coalesce(sum(d.status NOT IN ('ok', 'hold')), 0) FROM agents AS a "
	"CROSS JOIN decisions AS d ON d.agent_id = a.id AND d.window_ms >= :from "
	"WHERE a.kind IN ('exec', 'llm', 'ml') AND d.origin = 'agent' AND d.status <> 'budget'";
/* scan: every agent is asked for, with its newest answers */
static const char sql_silent[] =
	"SELECT a.name FROM agents AS a WHERE a.status = 'active' "
	"AND a.kind IN ('exec', 'llm', 'ml') AND :asked = (SELECT sum(l.failed) FROM "
	"(SELECT d.status NOT IN ('ok', 'hold') AS failed FROM decisions AS d "
	"WHERE d.agent_id = a.id AND d.origin = 'agent' AND d.status <> 'budget' "
	"ORDER BY d.window_ms DESC LIMIT :asked) AS l) ORDER BY a.name";

struct health_answers {
	int64_t asked, failed;
	int64_t last_ms; /* the newest decision window, -1 for none */
	struct health_names silent;
};

static int health_count_answers(const struct health_run *x, struct health_answers *a,
				struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_turns);
	int64_t from_ms = INT64_MAX;
	int r;

	a->last_ms = -1;
	sql_int(s, ":turns", HEALTH_TURNS);
	while ((r = sql_row(s, e)) == 1) {
		from_ms = sql_col_int(s, 0);
		if (a->last_ms < 0)
			a->last_ms = from_ms;
	}
	if (r < 0)
		return -1;
	s = db_get(x->db, sql_failed);
	sql_int(s, ":from", from_ms);
	if (sql_row(s, e) != 1)
		return -1;
	a->asked = sql_col_int(s, 0);
	a->failed = sql_col_int(s, 1);
	sql_reset(s);
	return 0;
}

static int health_find_silent(const struct health_run *x, struct health_names *l, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_silent);
	int r;

	sql_int(s, ":asked", HEALTH_SILENT);
	while ((r = sql_row(s, e)) == 1)
		health_name_add(l, sql_col_text(s, 0), "");
	return r;
}

static void health_say_answers(struct health_component *c, enum health_level level,
			       const struct health_answers *a)
{
	char id[TSTAMP_WINDOW_ID_MAX], silent[HEALTH_DETAIL_MAX] = "";

	if (a->silent.n > 0)
		snprintf(silent, sizeof silent,
			 "%s gave no valid answer in %d windows (%lld in all); ",
			 a->silent.text, HEALTH_SILENT, (long long)a->silent.n);
	if (a->asked == 0)
		health_say(c, level,
			   "%sno agent that can fail was asked in the last %d decision windows",
			   silent, HEALTH_TURNS);
	else
		health_say(c, level,
			   "%s%lld of %lld answers failed in the last %d decision windows, up "
			   "to %s",
			   silent, (long long)a->failed, (long long)a->asked, HEALTH_TURNS,
			   tstamp_window_id(a->last_ms, id));
}

int health_failed_agents(const struct health_run *x, struct health_component *c, struct err *e)
{
	struct health_answers a = { 0 };
	enum health_level level;

	if (health_count_answers(x, &a, e) != 0 || health_find_silent(x, &a.silent, e) != 0)
		return -1;
	/* rounded up, so that anything above the threshold is seen */
	level = health_above(c, a.asked > 0 ? (a.failed * 100 + a.asked - 1) / a.asked : 0, "%",
			     HEALTH_FAILED_PCT, HEALTH_FAILED_CRIT);
	if (level == HEALTH_OK && a.silent.n > 0)
		level = HEALTH_WARNING;
	health_say_answers(c, level, &a);
	return 0;
}
