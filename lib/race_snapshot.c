#include "race.h"

#include <string.h>

#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * What every agent is worth at a window's batch. Both phases are functions of the trades alone:
 * `pre` is the books before the decisions of the window, so it can be taken after them as well
 * and is the same.
 */

static int race_snapshot_agent(struct db *db, const struct race_window *w, int64_t agent_id,
			       enum ledger_phase phase, struct err *e)
{
	struct ledger_snapshot s = { .agent_id = agent_id,
				     .window_ms = w->window_ms,
				     .phase = phase };
	int64_t decided_ms = phase == LEDGER_PRE ? w->window_ms : INT64_MAX;
	struct money cost = { 0 };
	struct portfolio p;
	int r;

	if (ledger_load_at(db, agent_id, w->window_ms, decided_ms, &p, e) != 0)
		return -1;
	s.cash = p.cash;
	r = race_value(db, w->window_ms, &p, &s.positions_value, &s.unpriced, e);
	for (size_t i = 0; i < p.n_positions && r == 0; i++)
		r = money_add(cost, p.positions[i].cost, &cost);
	if (r == 0 && (money_sub(s.positions_value, cost, &s.unrealised) != 0 ||
		       money_add(s.cash, s.positions_value, &s.total) != 0))
		r = err_set(e, ERR_INTERNAL, "agent %lld: its value does not fit",
			    (long long)agent_id);
	if (r == 0)
		r = ledger_add_snapshot(db, &s, e);
	portfolio_release(&p);
	return r;
}

static int race_snapshot_phase(struct db *db, const struct race_window *w,
			       enum ledger_phase phase, int64_t at_ms, struct err *e)
{
	const char *stage = ledger_phase_name(phase);
	bool done;
	int r;

	if (journal_done(db, w->window_ms, stage, &done, e) != 0)
		return -1;
	if (done || w->sealed)
		return 0;
	if (db_begin(db, e) != 0)
		return -1;
	r = race_check_open(db, w, e);
	if (r == 0)
		r = journal_done(db, w->window_ms, stage, &done, e);
	for (size_t i = 0; i < w->n_agents && r == 0 && !done; i++)
		r = race_snapshot_agent(db, w, w->agents[i].id, phase, e);
	if (r == 0 && !done)
		r = journal_complete(db, w->window_ms, stage, &w->pin_hash, "", at_ms, e);
	return db_end(db, r, e);
}

static int race_print_phase(struct db *db, const struct race_window *w, enum ledger_phase phase,
			    size_t *count, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < w->n_agents; i++) {
		struct ledger_snapshot s;
		bool found;

		if (ledger_load_snapshot(db, w->agents[i].id, w->window_ms, phase, &s, &found,
					 e) != 0)
			return -1;
		if (!found)
			continue;
		race_record_snapshot(out, w->agents[i].name, &s);
		++*count;
	}
	return 0;
}

/* A phase may be taken when what comes before it is done. */
static int race_snapshot_due(struct db *db, const struct race_window *w,
			     enum ledger_phase phase, struct err *e)
{
	bool done;

	if (journal_done(db, w->window_ms, phase == LEDGER_PRE ? "settle" : "trade", &done,
			 e) != 0)
		return -1;
	if (done || w->sealed)
		return 0;
	if (phase == LEDGER_PRE)
		return err_set(
			e, ERR_DATA,
			"snapshot pre: comes after settling; run tr-trade --settle first");
	return err_set(e, ERR_DATA,
		       "snapshot post: comes after trading; run tr-decide and tr-trade first");
}

int race_snapshot(struct db *db, const struct race_window *w, const enum ledger_phase *phase,
		  int64_t at_ms, struct buf *out, struct err *e)
{
	enum ledger_phase first = phase != NULL ? *phase : LEDGER_PRE;
	enum ledger_phase last = phase != NULL ? *phase
				 : w->decision ? LEDGER_POST
					       : LEDGER_PRE;
	size_t count = 0;
	bool batch;

	if (market_batch_exists(db, w->window_ms, &batch, e) != 0)
		return -1;
	if (!batch)
		return err_set(e, ERR_NOTFOUND,
			       "window: has no batch yet; run tr-ingest first");
	if (last == LEDGER_POST && !w->decision)
		return err_set(e, ERR_DATA, "snapshot post: nobody decides in this window");
	for (int p = (int)first; p <= (int)last; p++)
		if (race_snapshot_due(db, w, (enum ledger_phase)p, e) != 0 ||
		    race_snapshot_phase(db, w, (enum ledger_phase)p, at_ms, e) != 0)
			return -1;
	if (out == NULL)
		return 0;
	for (int p = (int)first; p <= (int)last; p++)
		if (race_print_phase(db, w, (enum ledger_phase)p, &count, out, e) != 0)
			return -1;
	wire_end(out, w->window_ms, count);
	return 0;
}
