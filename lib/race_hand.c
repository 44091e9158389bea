#include "race.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Decisions that people, or programs elsewhere, hand in. They fill at the next batch, since
 * whoever hands in could know what happened since this one (T-13).
 */

/* A decision for the window is there already: the same or another. */
static int race_hand_again(const struct verdict *old, const struct verdict *v,
			   const char *agent, bool *again, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct digest hash;

	wire_decision_hash(&v->d, &hash);
	*again = memcmp(hash.bytes, old->hash.bytes, sizeof hash.bytes) == 0;
	return *again ? 0
		      : err_set(e, ERR_DATA, "agent %s: has decided otherwise for %s", agent,
				tstamp_window_id(v->window_ms, id));
}

/* Inside the transaction, since windows begin while people type. */
static int race_hand_check(struct db *db, const struct verdict *v, const char *agent,
			   int64_t now_ms, bool now_given, bool *again, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX], due[TSTAMP_WINDOW_ID_MAX];
	struct verdict old;
	int64_t window_ms;
	bool found;
	int r;

	*again = false;
	if (verdict_load(db, v->agent_id, v->window_ms, &old, &found, e) != 0)
		return -1;
	if (found) {
		r = race_hand_again(&old, v, agent, again, e);
		verdict_release(&old);
		return r;
	}
	if (race_manual_window(db, now_ms, now_given, &window_ms, e) != 0)
		return -1;
	if (window_ms != v->window_ms)
		return err_set(e, ERR_DATA,
			       "agent %s: too late for %s: what is handed in now belongs to %s",
			       agent, tstamp_window_id(v->window_ms, id),
			       tstamp_window_id(window_ms, due));
	return 0;
}

static int race_hand_store(struct db *db, struct verdict *v, const char *agent, int64_t now_ms,
			   bool now_given, bool *again, struct err *e)
{
	int r;

	if (db_begin(db, e) != 0)
		return -1;
	r = race_hand_check(db, v, agent, now_ms, now_given, again, e);
	if (r == 0 && !*again)
		r = verdict_add(db, v, e);
	return db_end(db, r, e);
}

/* When it was decided: the clock, where there is one, else the window. */
static int race_hand_time(struct db *db, struct verdict *v, int64_t now_ms, bool now_given,
			  struct err *e)
{
	bool live;

	if (journal_is_live(db, &live, e) != 0)
		return -1;
	v->at_ms = live || now_given ? now_ms : v->window_ms;
	return 0;
}

int race_hand_in(struct db *db, const char *agent, const char *raw, size_t len, int64_t now_ms,
		 bool now_given, int64_t *window_ms, bool *again, struct err *e)
{
	struct roster_agent a;
	struct verdict v;
	int r = -1;

	if (*window_ms < 0 && race_manual_window(db, now_ms, now_given, window_ms, e) != 0)
		return -1;
	if (roster_load_agent(db, agent, 0, &a, e) != 0)
		return -1;
	verdict_init(&v);
	v.agent_id = a.id;
	v.window_ms = *window_ms;
	v.fill_ms = *window_ms + TSTAMP_WINDOW_MS;
	v.version = a.version;
	v.manual = true;
	v.raw = mem_strndup(raw, len);
	v.raw_len = len;
	wire_parse_answer(raw, len, agent, *window_ms, &v.d);
	if (a.status != ROSTER_ACTIVE)
		err_set(e, ERR_DATA, "agent %s: is %s", agent, roster_status_name(a.status));
	else if (a.spec.kind == ROSTER_RULE)
		err_set(e, ERR_DATA,
			"agent %s: decides by rule, nothing can be handed in for it", agent);
	else if (v.d.status != DECISION_OK && v.d.status != DECISION_HOLD)
		err_set(e, ERR_DATA, "agent %s: %s", agent, v.d.error);
	else if (race_hand_time(db, &v, now_ms, now_given, e) == 0)
		r = race_hand_store(db, &v, agent, now_ms, now_given, again, e);
	verdict_release(&v);
	roster_release_agent(&a);
	return r;
}
