#include "replay_answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

static const char sql_agent[] = "SELECT id FROM agents WHERE name = :name";
static const char sql_answer[] =
	"SELECT provider, model, substitute, returned, prompt, input, cached, output, "
	"reasoning, "
	"cost FROM answers WHERE agent_id = :agent AND window_ms = :window";
static const char sql_answer_add[] =
	"INSERT INTO answers (agent_id, window_ms, provider, model, substitute, returned, "
	"prompt, "
	"input, cached, output, reasoning, cost) VALUES (:agent, :window, :provider, :model, "
	":substitute, :returned, :prompt, :input, :cached, :output, :reasoning, :cost)";

static const char sql_batch[] = "SELECT n_assets FROM batches WHERE window_ms = :window";

static int replay_store_prices(struct db *db, const struct race_window *w,
			       const struct market_price *p, size_t n, size_t n_assets,
			       struct err *e)
{
	char detail[80];

	snprintf(detail, sizeof detail, "%zu of %zu prices", n, n_assets);
	if (market_batch_add(db, w->window_ms, p, n, n_assets, e) != 0)
		return -1;
	return journal_complete(db, w->window_ms, "ingest", &w->pin_hash, detail, w->window_ms,
				e);
}

int replay_prices(struct db *db, struct db *origin, const struct race_window *w, struct err *e)
{
	struct sql_stmt *s = db_get(origin, sql_batch);
	struct market_price *p = NULL;
	size_t n = 0, n_assets;
	int r;

	sql_int(s, ":window", w->window_ms);
	if (sql_row(s, e) != 1)
		return -1;
	n_assets = (size_t)sql_col_int(s, 0);
	sql_reset(s);
	/* ids of assets and sources are the origin's */
	if (market_prices(origin, w->window_ms, &p, &n, e) != 0 || db_begin(db, e) != 0) {
		free(p);
		return -1;
	}
	r = db_end(db, replay_store_prices(db, w, p, n, n_assets, e), e);
	free(p);
	return r;
}

static int replay_agent(struct db *origin, const char *name, int64_t *id, struct err *e)
{
	struct sql_stmt *s = db_get(origin, sql_agent);
	int r;

	sql_text(s, ":name", name);
	r = sql_row(s, e);
	*id = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static void replay_copy_int(struct sql_stmt *to, const char *name, struct sql_stmt *from, int i)
{
	if (!sql_col_null(from, i))
		sql_int(to, name, sql_col_int(from, i));
}

/* Who answered, without the texts, which stay in the origin. */
static int replay_answer(struct db *db, struct db *origin, int64_t from_id,
			 const struct verdict *v, struct err *e)
{
	struct sql_stmt *from = db_get(origin, sql_answer), *to;
	const void *prompt;
	size_t n;
	int r;

	sql_int(from, ":agent", from_id);
	sql_int(from, ":window", v->window_ms);
	r = sql_row(from, e);
	if (r != 1)
		return r;
	to = db_get(db, sql_answer_add);
	prompt = sql_col_blob(from, 4, &n);
	sql_int(to, ":agent", v->agent_id);
	sql_int(to, ":window", v->window_ms);
	sql_text(to, ":provider", sql_col_text(from, 0));
	sql_text(to, ":model", sql_col_text(from, 1));
	sql_int(to, ":substitute", sql_col_int(from, 2));
	sql_text(to, ":returned", sql_col_text(from, 3));
	sql_blob(to, ":prompt", prompt, n);
	replay_copy_int(to, ":input", from, 5);
	replay_copy_int(to, ":cached", from, 6);
	replay_copy_int(to, ":output", from, 7);
	replay_copy_int(to, ":reasoning", from, 8);
	sql_int(to, ":cost", sql_col_int(from, 9));
	r = sql_exec(to, e);
	sql_reset(from);
	return r;
}

/* One decision again. When it fills is a matter of the settings here. */
static int replay_verdict(struct db *db, struct db *origin, const struct race_window *w,
			  const struct race_agent *a, struct err *e)
{
	bool next = config_num(&w->config, CONFIG_TRADE_FILL) == 1, found;
	struct verdict v;
	int64_t from_id;
	int r;

	if (replay_agent(origin, a->name, &from_id, e) != 0 ||
	    verdict_load(origin, from_id, w->window_ms, &v, &found, e) != 0)
		return -1;
	if (!found)
		return 0;
	/* who could know more than its context, and people, fill at the next window anyway; so
	 * does everybody where nobody decides here */
	next = next || v.fill_ms > v.window_ms || !w->decision;
	v.agent_id = a->id;
	v.fill_ms = v.window_ms + (next ? TSTAMP_WINDOW_MS : 0);
	v.executed = false;
	r = verdict_add(db, &v, e);
	if (r == 0)
		r = replay_answer(db, origin, from_id, &v, e);
	verdict_release(&v);
	return r;
}

int replay_answers(struct db *db, struct db *origin, const struct race_window *w, struct err *e)
{
	int r = 0;

	if (db_begin(db, e) != 0)
		return -1;
	for (size_t i = 0; i < w->n_agents && r == 0; i++)
		r = replay_verdict(db, origin, w, &w->agents[i], e);
	if (r == 0 && w->decision)
		r = journal_complete(db, w->window_ms, "decide", &w->pin_hash, "", w->window_ms,
				     e);
	return db_end(db, r, e);
}
