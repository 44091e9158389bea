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

static int race_hand_check(struct db *db, const struct verdict *v, const char *agent,
			   bool *again, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct verdict old;
	struct journal_cycle c;
	struct digest hash;
	bool found, same;

	*again = false;
	if (verdict_load(db, v->agent_id, v->window_ms, &old, &found, e) != 0)
		return -1;
	if (found) {
		wire_decision_hash(&v->d, &hash);
		same = memcmp(hash.bytes, old.hash.bytes, sizeof hash.bytes) == 0;
		verdict_release(&old);
		*again = same;
		return same ? 0
			    : err_set(e, ERR_DATA, "agent %s: has decided otherwise for %s",
				      agent, tstamp_window_id(v->window_ms, id));
	}
	if (journal_load(db, v->fill_ms, &c, &found, e) != 0)
		return -1;
	journal_release(&c);
	if (found)
		return err_set(e, ERR_DATA, "agent %s: %s has begun, too late to fill there",
			       agent, tstamp_window_id(v->fill_ms, id));
	return 0;
}

static int race_hand_store(struct db *db, struct verdict *v, const char *agent, bool *again,
			   struct err *e)
{
	int r;

	if (db_begin(db, e) != 0)
		return -1;
	r = race_hand_check(db, v, agent, again, e);
	if (r == 0 && !*again)
		r = verdict_add(db, v, e);
	return db_end(db, r, e);
}

int race_hand_in(struct db *db, const char *agent, int64_t window_ms, const char *raw,
		 size_t len, int64_t at_ms, bool *again, struct err *e)
{
	struct roster_agent a;
	struct verdict v;
	int r = -1;

	if (roster_load_agent(db, agent, 0, &a, e) != 0)
		return -1;
	verdict_init(&v);
	v.agent_id = a.id;
	v.window_ms = window_ms;
	v.fill_ms = window_ms + TSTAMP_WINDOW_MS;
	v.version = a.version;
	v.manual = true;
	v.at_ms = at_ms;
	v.raw = mem_strndup(raw, len);
	v.raw_len = len;
	wire_parse_answer(raw, len, agent, window_ms, &v.d);
	if (a.status != ROSTER_ACTIVE)
		err_set(e, ERR_DATA, "agent %s: is %s", agent, roster_status_name(a.status));
	else if (a.spec.kind == ROSTER_RULE)
		err_set(e, ERR_DATA,
			"agent %s: decides by rule, nothing can be handed in for it", agent);
	else if (v.d.status != DECISION_OK && v.d.status != DECISION_HOLD)
		err_set(e, ERR_DATA, "agent %s: %s", agent, v.d.error);
	else
		r = race_hand_store(db, &v, agent, again, e);
	verdict_release(&v);
	roster_release_agent(&a);
	return r;
}
