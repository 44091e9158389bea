#include "doctor_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "health.h"
#include "sql.h"
#include "tstamp.h"

#include "banned.h"

/* What the database says of itself, of the windows it ran and of the services it called. */

static const char sql_library[] = "SELECT sqlite_version()";
static const char sql_mode[] = "PRAGMA journal_mode";
static const char sql_quick[] = "PRAGMA quick_check(1)";

/* ------------------------------------------------------------------ the file */

static void doctor_sqlite(struct doctor *d)
{
	struct sql_stmt *s = db_get(d->db, sql_library);
	char version[32] = "?", mode[32] = "?";
	struct err e = { 0 };

	if (sql_row(s, &e) == 1)
		snprintf(version, sizeof version, "%s", sql_col_text(s, 0));
	sql_reset(s);
	s = db_get(d->db, sql_mode);
	if (sql_row(s, &e) == 1)
		snprintf(mode, sizeof mode, "%s", sql_col_text(s, 0));
	sql_reset(s);
	if (e.status != 0) {
		doctor_blind(d, "sqlite", d->o->path, &e);
		return;
	}
	if (strcmp(mode, "wal") != 0)
		doctor_fix(d, "sqlite3 %s 'PRAGMA journal_mode = WAL'", d->file);
	doctor_say(d, strcmp(mode, "wal") == 0 ? DOCTOR_OK : DOCTOR_FAIL, "sqlite", d->o->path,
		   "SQLite %s, journal mode %s", version, mode);
}

static void doctor_integrity(struct doctor *d)
{
	struct sql_stmt *s;
	struct err e = { 0 };
	bool ok;
	int r;

	sql_limit(db_sql(d->db), tstamp_boot_ms() + d->o->limit_ms);
	s = db_get(d->db, sql_quick);
	r = sql_row(s, &e);
	ok = r == 1 && strcmp(sql_col_text(s, 0), "ok") == 0;
	if (r < 0 && e.status == ERR_TEMP) {
		doctor_fix(d, "tr-db check %s", d->race);
		doctor_say(d, DOCTOR_WARN, "integrity", d->o->path, "not checked in time");
	} else if (!ok) {
		doctor_fix(d, "tr-db restore %s BACKUP", d->race);
		doctor_say(d, DOCTOR_FAIL, "integrity", d->o->path, "%s",
			   r == 1 ? sql_col_text(s, 0) : e.text);
	} else {
		doctor_say(d, DOCTOR_OK, "integrity", d->o->path, "the file is sound");
	}
	sql_reset(s);
	sql_limit(db_sql(d->db), -1);
}

/* ------------------------------------------------------------------ health */

/* What mends a component of health.h. A history is no failure: nothing can change it. */
static const struct {
	const char *name, *fix; /* "%s": -d FILE */
	bool history;
} doctor_remedies[] = {
	{ "last_window", "tr-cycle %s, and see that cron starts it", false },
	{ "missed", "see that cron starts tr-cycle %s every 5 minutes", true },
	{ "windows", "tr-status %s says why", false },
	{ "failed_agents",
	  "tr-why window latest %s names them and says why; if no agent decided in that one, "
	  "the window named here",
	  true },
	{ "ledger", "tr-audit %s, then tr-db restore", false },
	{ "seals", "tr-audit %s, then tr-db restore", false },
	{ "wal", "tr-db checkpoint %s", false },
	{ "clock", "timedatectl set-ntp true", false },
	{ "lock", "end the process that it names", false },
	{ "feeds", "tr-doctor %s --online asks them; table feed_results says why", true },
	{ "budget",
	  "tr-cost %s --today says for what; budget.race_usd_day, budget.agent_usd_day and "
	  "tr-agent set --budget-usd-day allow more",
	  true },
};

static enum doctor_level doctor_level_of(enum health_level l, bool history)
{
	if (l == HEALTH_OK)
		return DOCTOR_OK;
	return l == HEALTH_CRITICAL && !history ? DOCTOR_FAIL : DOCTOR_WARN;
}

static void doctor_component(struct doctor *d, const struct health_component *c)
{
	for (size_t i = 0; i < sizeof doctor_remedies / sizeof doctor_remedies[0]; i++) {
		const char *fix = doctor_remedies[i].fix, *at = strstr(fix, "%s");

		if (strcmp(doctor_remedies[i].name, c->name) != 0)
			continue;
		if (c->level != HEALTH_OK)
			doctor_fix(d, "%.*s%s%s",
				   at != NULL ? (int)(at - fix) : (int)strlen(fix), fix,
				   at != NULL ? d->race : "", at != NULL ? at + 2 : "");
		doctor_say(d, doctor_level_of(c->level, doctor_remedies[i].history),
			   doctor_remedies[i].name, "", "%s", c->detail);
	}
}

static void doctor_health(struct doctor *d)
{
	struct health h;

	health_check(d->db,
		     &(struct health_options){ .now_ms = d->o->now_ms,
					       .stale_s = -1,
					       .wal_mb = d->o->wal_mb,
					       .disk_mb = d->o->disk_mb,
					       .limit_ms = d->o->limit_ms },
		     &h);
	for (size_t i = 0; i < h.n; i++)
		doctor_component(d, &h.items[i]);
}

static void doctor_halt(struct doctor *d)
{
	char *who = NULL, *why = NULL;
	struct err e = { 0 };
	bool halted;

	if (roster_halted(d->db, &halted, &who, &why, &e) != 0) {
		doctor_blind(d, "halt", "", &e);
	} else if (halted) {
		doctor_fix(d, "tr-halt %s --release --name %s", d->race, who);
		doctor_say(d, DOCTOR_WARN, "halt", who, "no order is filled: %s", why);
	} else {
		doctor_say(d, DOCTOR_OK, "halt", "", "not halted");
	}
	free(who);
	free(why);
}

/* ------------------------------------------------------------------ breakers */

static int doctor_breaker(void *ctx, const char *service, const struct circuit *c,
			  int64_t changed_wall_ms, struct err *e)
{
	struct doctor *d = ctx;
	int64_t wait_ms;

	(void)changed_wall_ms;
	(void)e;
	if (c->state == CIRCUIT_CLOSED)
		return 0;
	circuit_peek(c, tstamp_boot_ms(), &wait_ms);
	doctor_fix(d, "tr-breaker %s reset %s", d->race, service);
	if (c->needs_operator)
		doctor_say(d, DOCTOR_FAIL, "breaker", service,
			   "refused the key or the account: nobody asks it until it is reset; "
			   "mend that first");
	else if (c->state == CIRCUIT_ISOLATED)
		doctor_say(d, DOCTOR_WARN, "breaker", service, "isolated until it is reset");
	else
		doctor_say(d, DOCTOR_WARN, "breaker", service,
			   "%s: it failed too often, and is asked again in %lld s",
			   circuit_state_name(c->state),
			   (long long)(wait_ms > 0 ? (wait_ms + 999) / 1000 : 0));
	return 0;
}

static void doctor_breakers(struct doctor *d)
{
	struct err e = { 0 };
	size_t before = d->said;

	if (guard_list(d->db, doctor_breaker, d, &e) != 0)
		doctor_blind(d, "breaker", "", &e);
	else if (d->said == before)
		doctor_say(d, DOCTOR_OK, "breaker", "", "none is open");
}

void doctor_race(struct doctor *d)
{
	doctor_sqlite(d);
	doctor_integrity(d);
	doctor_health(d);
	doctor_halt(d);
	doctor_breakers(d);
}
