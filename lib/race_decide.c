#include "race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"
#include "race_answer.h"
#include "race_turn.h"
#include "random.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Rule agents are computed and stored in one transaction. Programs, and then models and
 * services, are asked all at once, under a limit, and each answer is stored as it arrives, so
 * that a crash after k of n asks only the rest. Results are printed in agent order, never in
 * order of arrival.
 */

static const char sql_context[] = "SELECT hash FROM contexts WHERE window_ms = :window";
static const char sql_context_add[] =
	"INSERT INTO contexts (window_ms, hash) VALUES (:window, :hash)";

/* ------------------------------------------------------------------ who is due */

/* Every active agent of the pin that decides by itself, with what it decided already. */
static int race_list_turns(struct race_round *r, struct err *e)
{
	r->turns = mem_array(r->w->n_agents, sizeof *r->turns);
	for (size_t i = 0; i < r->w->n_agents; i++) {
		const struct race_agent *a = &r->w->agents[i];
		struct race_turn *t = &r->turns[r->n];
		const struct roster_agent *full;
		bool found;

		if (a->status != ROSTER_ACTIVE ||
		    !ident_listed(r->o->agents, r->o->n_agents, a->name))
			continue;
		if (race_spec(r->db, r->w, a, &full, e) != 0 ||
		    verdict_load(r->db, a->id, r->w->window_ms, &t->v, &found, e) != 0)
			return -1;
		if (!found && full->spec.kind == ROSTER_MANUAL) {
			verdict_release(&t->v);
			continue;
		}
		t->agent = a;
		t->spec = &full->spec;
		t->due = !found;
		t->answered = found;
		r->n++;
	}
	return 0;
}

/* --agent must name agents that take part. */
static int race_check_names(const struct race_window *w, const char *const *names, size_t n,
			    struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		const struct race_agent *a = race_find_agent(w, names[k], e);

		if (a == NULL)
			return -1;
		if (a->status != ROSTER_ACTIVE)
			return err_set(e, ERR_DATA, "agent %s: is %s in this window", a->name,
				       roster_status_name(a->status));
	}
	return 0;
}

/* ------------------------------------------------------------------ contexts */

void race_start_turn(struct race_round *r, struct race_turn *t)
{
	t->v.agent_id = t->agent->id;
	t->v.window_ms = r->w->window_ms;
	t->v.version = t->agent->version;
	t->v.at_ms = r->w->window_ms;
	t->v.fill_ms = r->w->window_ms;
	/* the enum's second value is "next"; who sees more than its context could know what
	 * happened since */
	if (config_num(&r->w->config, CONFIG_TRADE_FILL) == 1 || t->spec->network ||
	    t->spec->unconfined || t->spec->n_reads > 0)
		t->v.fill_ms += TSTAMP_WINDOW_MS;
}

int race_show(struct race_round *r, struct race_turn *t, struct err *e)
{
	struct digest_state s = r->shared_state;
	struct buf own = BUF_INIT;

	if (race_view_agent(r->db, r->w, t->agent->id, &r->view, e) != 0)
		return -1;
	race_context_own(r->w, t->agent, &r->view, &own);
	digest_update(&s, own.data, own.len);
	digest_final(&s, &t->v.context);
	t->v.has_context = true;
	buf_release(&t->own);
	if (t->spec->kind == ROSTER_RULE)
		buf_release(&own);
	else
		t->own = own;
	return 0;
}

static int race_store_context(struct race_round *r, struct err *e)
{
	struct sql_stmt *s = db_get(r->db, sql_context);
	struct digest_state shared = r->shared_state;
	struct digest hash;
	int row;

	sql_int(s, ":window", r->w->window_ms);
	row = sql_row(s, e);
	sql_reset(s);
	if (row != 0)
		return row < 0 ? -1 : 0;
	digest_final(&shared, &hash);
	s = db_get(r->db, sql_context_add);
	sql_int(s, ":window", r->w->window_ms);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	if (sql_exec(s, e) != 0 || race_regimes_add(r->db, r->w, &r->view, e) != 0)
		return -1;
	if (r->o->lean || !config_bool(&r->w->config, CONFIG_FEATURE_CONTEXT_STORE))
		return 0;
	return race_blob_add(r->db, r->shared.data, r->shared.len, &hash, e);
}

/* ------------------------------------------------------------------ storing answers */

int race_store_answer(struct race_round *r, struct race_turn *t, struct err *e)
{
	bool exists;

	if (verdict_exists(r->db, t->agent->id, r->w->window_ms, &exists, e) != 0)
		return -1;
	if (exists) {
		bool found;

		verdict_release(&t->v);
		return verdict_load(r->db, t->agent->id, r->w->window_ms, &t->v, &found, e);
	}
	return verdict_add(r->db, &t->v, e);
}

int race_store_one(struct race_round *r, struct race_turn *t, struct err *e)
{
	int rc;

	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_check_open(r->db, r->w, e);
	if (rc == 0)
		rc = race_store_answer(r, t, e);
	t->due = false;
	return db_end(r->db, rc, e);
}

static uint64_t race_seed(const struct race_round *r, const char *agent)
{
	uint64_t seed =
		random_derive((uint64_t)config_num(&r->w->config, CONFIG_SIM_SEED), agent);

	return random_derive_int(seed, r->w->window_ms);
}

static int race_decide_rules(struct race_round *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec->kind != ROSTER_RULE)
			continue;
		race_start_turn(r, t);
		if (race_show(r, t, e) != 0)
			return -1;
		strategy_decide(t->spec->strategy, t->spec->params, &r->view,
				race_seed(r, t->agent->name), &t->v.d);
		t->answered = true;
	}
	return 0;
}

/* One transaction for all rule agents and, when nobody else is due, for the stage. */
static int race_store_rules(struct race_round *r, bool finish, struct err *e)
{
	bool done;

	if (race_check_open(r->db, r->w, e) != 0 || race_store_context(r, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec->kind != ROSTER_RULE)
			continue;
		if (race_store_answer(r, t, e) != 0)
			return -1;
		t->due = false;
	}
	if (!finish || journal_done(r->db, r->w->window_ms, "decide", &done, e) != 0)
		return finish ? -1 : 0;
	return done ? 0
		    : journal_complete(r->db, r->w->window_ms, "decide", &r->w->pin_hash, "",
				       r->at_ms, e);
}

/* ------------------------------------------------------------------ the step */

static size_t race_count_due(const struct race_round *r, enum roster_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->turns[i].due && r->turns[i].spec->kind == kind;
	return n;
}

bool race_is_remote(const struct race_turn *t)
{
	return t->spec->kind == ROSTER_LLM || t->spec->kind == ROSTER_ML;
}

static size_t race_count_remote(const struct race_round *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->turns[i].due && race_is_remote(&r->turns[i]);
	return n;
}

/* Answers of remote agents that another tr-decide has stored. */
static int race_reload(struct race_round *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];
		bool found;

		if (!t->due || !race_is_remote(t))
			continue;
		verdict_release(&t->v);
		if (verdict_load(r->db, t->agent->id, r->w->window_ms, &t->v, &found, e) != 0)
			return -1;
		t->answered = found;
		t->due = !found;
	}
	return 0;
}

static int race_finish_decide(struct race_round *r, struct err *e)
{
	bool done;
	int rc;

	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_check_open(r->db, r->w, e);
	if (rc == 0)
		rc = journal_done(r->db, r->w->window_ms, "decide", &done, e);
	if (rc == 0 && !done)
		rc = journal_complete(r->db, r->w->window_ms, "decide", &r->w->pin_hash, "",
				      r->at_ms, e);
	return db_end(r->db, rc, e);
}

static int race_ask(struct race_round *r, struct err *e)
{
	bool all = r->o->agents == NULL;
	size_t programs = race_count_due(r, ROSTER_EXEC);
	size_t remote = race_count_remote(r);
	int rc;

	if (race_view_market(r->db, r->w, &r->view, e) != 0)
		return -1;
	race_context_shared(r->w, &r->view, &r->shared);
	digest_init(&r->shared_state);
	digest_update(&r->shared_state, r->shared.data, r->shared.len);
	if (race_decide_rules(r, e) != 0)
		return -1;
	if (r->o->dry)
		return 0;
	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_store_rules(r, all && programs + remote == 0, e);
	if (db_end(r->db, rc, e) != 0)
		return -1;
	if (programs + remote == 0)
		return 0;
	if (programs > 0 && race_ask_programs(r, remote > 0 && r->o->self != NULL, e) != 0)
		return -1;
	if (remote > 0 && (race_reload(r, e) != 0 || race_ask_remote(r, e) != 0))
		return -1;
	return all ? race_finish_decide(r, e) : 0;
}

static void race_print_turns(struct race_round *r, struct buf *out, size_t *failed)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->answered)
			continue;
		*failed += t->v.d.status != DECISION_OK && t->v.d.status != DECISION_HOLD;
		if (out != NULL)
			race_record_decision(out, t->agent, &t->v);
		n++;
	}
	if (out != NULL)
		wire_end(out, r->w->window_ms, n);
}

static void race_release_round(struct race_round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		verdict_release(&r->turns[i].v);
		buf_release(&r->turns[i].own);
		race_forget_program(&r->turns[i]);
	}
	free(r->turns);
	buf_release(&r->shared);
	view_release(&r->view);
}

int race_decide(struct db *db, const struct race_window *w, const struct race_decide_options *o,
		int64_t at_ms, struct buf *out, size_t *failed, struct err *e)
{
	struct race_round r = { .db = db, .w = w, .o = o, .at_ms = at_ms, .shared = BUF_INIT };
	bool batch = false, done = false;
	int rc = -1;

	*failed = 0;
	view_init(&r.view);
	r.deadline_ms = config_num(&w->config, CONFIG_DECIDE_DEADLINE_S) * 1000;
	if (o->left_ms >= 0 && o->left_ms < r.deadline_ms)
		r.deadline_ms = o->left_ms;
	if (w->live && w->window_ms + TSTAMP_WINDOW_MS - at_ms < r.deadline_ms)
		r.deadline_ms = w->window_ms + TSTAMP_WINDOW_MS - at_ms;
	r.deadline_ms += tstamp_boot_ms();
	if (race_check_names(w, o->agents, o->n_agents, e) != 0 ||
	    market_batch_exists(db, w->window_ms, &batch, e) != 0 ||
	    journal_done(db, w->window_ms, "decide", &done, e) != 0)
		goto out;
	if (!batch) {
		err_set(e, ERR_NOTFOUND, "window: has no batch yet; run tr-ingest first");
		goto out;
	}
	if (!w->decision && !o->dry) {
		if (out != NULL)
			wire_end(out, w->window_ms, 0);
		rc = 0;
		goto out;
	}
	/* agents see the books after what waited for this batch, as under tr-cycle */
	if (!o->dry && !w->sealed && race_settle(db, w, at_ms, NULL, e) != 0)
		goto out;
	if (race_list_turns(&r, e) != 0)
		goto out;
	/* whoever has not answered by the end of the window has no turn in it */
	if (!done && !o->dry && !w->sealed && (race_over(w, at_ms) || o->left_ms == 0)) {
		if (o->agents == NULL && race_finish_decide(&r, e) != 0)
			goto out;
	} else if (!done && (o->dry || !w->sealed) && race_ask(&r, e) != 0)
		goto out;
	race_print_turns(&r, out, failed);
	rc = 0;
out:
	race_release_round(&r);
	return rc;
}
