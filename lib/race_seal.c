#include "race.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One link per window over everything that happened in it: the batch with its pin, the
 * decisions that it carried out, their orders, executions and trades, and the snapshots; all in
 * order of names, never of arrival, and by names, never by row numbers. A decision is covered
 * by the window that carries it out, since people hand in decisions after a window was sealed.
 */

static const char sql_batch[] =
	"SELECT c.previous_ms, c.pin, c.decision, b.n_prices, b.n_assets, x.hash FROM batches "
	"AS b "
	"JOIN cycles AS c ON c.window_ms = b.window_ms "
	"LEFT JOIN contexts AS x ON x.window_ms = b.window_ms WHERE b.window_ms = :window";
/* scan: all assets, in the order that is wanted */
static const char sql_prices[] =
	"SELECT a.symbol, p.price, p.price_ms, s.name, p.interval_s, p.quality, p.note FROM "
	"assets AS a CROSS JOIN prices AS p ON p.asset_id = a.id AND p.window_ms = :window "
	"CROSS JOIN sources AS s ON s.id = p.source_id ORDER BY a.symbol";
static const char sql_regimes[] = "SELECT regimes FROM regimes WHERE window_ms = :window";
static const char sql_decisions[] =
	"SELECT a.name, d.window_ms, d.version, v.hash, d.status, d.origin, d.fill_ms, "
	"d.orders, "
	"d.reasoning, d.confidence_e4, d.error, d.hash, d.context, d.raw, d.at_ms FROM "
	"executions AS x "
	"JOIN agents AS a ON a.id = x.agent_id "
	"JOIN decisions AS d ON d.agent_id = x.agent_id AND d.window_ms = x.window_ms "
	"JOIN agent_versions AS v ON v.agent_id = d.agent_id AND v.version = d.version "
	"WHERE x.exec_ms = :window ORDER BY a.name, d.window_ms";
static const char sql_answers[] =
	"SELECT a.name, n.window_ms, n.provider, n.model, n.substitute, n.returned, n.prompt, "
	"n.input, n.cached, n.output, n.reasoning, n.cost FROM executions AS x "
	"JOIN agents AS a ON a.id = x.agent_id "
	"JOIN answers AS n ON n.agent_id = x.agent_id AND n.window_ms = x.window_ms "
	"WHERE x.exec_ms = :window ORDER BY a.name, n.window_ms";
static const char sql_citations[] =
	"SELECT a.name, c.window_ms, c.rules FROM executions AS x "
	"JOIN agents AS a ON a.id = x.agent_id "
	"JOIN citations AS c ON c.agent_id = x.agent_id AND c.window_ms = x.window_ms "
	"WHERE x.exec_ms = :window ORDER BY a.name, c.window_ms";
static const char sql_orders[] =
	"SELECT a.name, o.window_ms, o.idx, o.asset, o.side, o.quantity, o.notional, "
	"o.limit_price, "
	"o.action, o.reasons, o.wanted, o.filled FROM executions AS x "
	"JOIN agents AS a ON a.id = x.agent_id "
	"JOIN orders AS o ON o.agent_id = x.agent_id AND o.window_ms = x.window_ms "
	"WHERE x.exec_ms = :window ORDER BY a.name, o.window_ms, o.idx";
static const char sql_executions[] =
	"SELECT a.name, x.window_ms, x.status, x.n_orders, x.n_trades, x.cash_before, "
	"x.cash_after "
	"FROM executions AS x JOIN agents AS a ON a.id = x.agent_id "
	"WHERE x.exec_ms = :window ORDER BY a.name, x.window_ms";
static const char sql_trades[] = "SELECT a.name, t.seq, t.window_ms, t.idx, t.fill_ms, "
				 "s.symbol, t.side, t.quantity, t.price, "
				 "t.fill_price, t.notional, t.fee, t.realised, t.cash_after, "
				 "t.position_after, t.cost_after "
				 "FROM trades AS t JOIN agents AS a ON a.id = t.agent_id JOIN "
				 "assets AS s ON s.id = t.asset_id "
				 "WHERE t.fill_ms = :window ORDER BY a.name, t.seq";
/* scan: all agents, in the order that is wanted */
static const char sql_snapshots[] =
	"SELECT a.name, n.phase, n.cash, n.positions_value, n.unrealised, n.total, n.unpriced "
	"FROM agents AS a CROSS JOIN snapshots AS n ON n.agent_id = a.id AND n.window_ms = "
	":window ORDER BY a.name, n.phase DESC";
static const char sql_carried[] =
	"SELECT EXISTS (SELECT 1 FROM executions WHERE exec_ms = :window)";
/* scan: only the last row, by its key */
static const char sql_last[] = "SELECT n, window_ms, hash FROM seals ORDER BY n DESC LIMIT 1";
static const char sql_seal_add[] = "INSERT INTO seals (n, window_ms, batch, decisions, orders, "
				   "executions, snapshots, previous, "
				   "hash) VALUES (:n, :window, :batch, :decisions, :orders, "
				   ":executions, :snapshots, :previous, "
				   ":hash)";

/* ------------------------------------------------------------------ digests */

/* Which part of the seal the facts of a kind are in. */
static int race_sealer_part(enum race_fact kind)
{
	static const int parts[RACE_FACTS] = { 0, 0, 0, 1, 1, 1, 2, 3, 3, 4 };

	return parts[kind];
}

void race_sealer_init(struct race_sealer *s, int64_t window_ms)
{
	static const char *const names[] = { "batch", "decisions", "orders", "executions",
					     "snapshots" };

	for (int i = 0; i < RACE_SEAL_PARTS; i++) {
		digest_init(&s->parts[i]);
		digest_field(&s->parts[i], names[i], strlen(names[i]));
		digest_int(&s->parts[i], window_ms);
	}
	s->kind = RACE_FACT_BATCH;
	s->rows = 0;
}

/* After the rows of a kind comes their number. What older races did not have adds nothing when
 * there is none. */
static void race_sealer_close(struct race_sealer *s)
{
	bool optional = s->kind == RACE_FACT_ANSWER || s->kind == RACE_FACT_REGIME ||
			s->kind == RACE_FACT_CITATION;

	if (s->rows > 0 || !optional)
		digest_int(&s->parts[race_sealer_part(s->kind)], s->rows);
	s->rows = 0;
}

void race_sealer_row(struct race_sealer *s, enum race_fact kind)
{
	assert(kind >= s->kind && kind < RACE_FACTS);
	while (s->kind < kind) {
		race_sealer_close(s);
		s->kind++;
	}
	s->rows++;
}

void race_sealer_column(struct race_sealer *s, enum sql_type type, int64_t v, const void *data,
			size_t n)
{
	struct digest_state *h = &s->parts[race_sealer_part(s->kind)];

	digest_int(h, (int64_t)type);
	if (type == SQL_INT)
		digest_int(h, v);
	else if (type != SQL_NULL)
		digest_field(h, data, n);
}

void race_sealer_final(struct race_sealer *s, struct race_seal_parts *p)
{
	struct digest *const out[] = { &p->batch, &p->decisions, &p->orders, &p->executions,
				       &p->snapshots };

	while (s->kind < RACE_FACT_SNAPSHOT) {
		race_sealer_close(s);
		s->kind++;
	}
	race_sealer_close(s);
	for (int i = 0; i < RACE_SEAL_PARTS; i++)
		digest_final(&s->parts[i], out[i]);
}

/* ------------------------------------------------------------------ rows */

/* Most windows carry out nothing, and have no facts of these kinds. */
static bool race_fact_carried(enum race_fact kind)
{
	return kind >= RACE_FACT_DECISION && kind <= RACE_FACT_EXECUTION;
}

int race_seal_rows(struct db *db, int64_t window_ms, race_fact_fn *each, void *ctx,
		   struct err *e)
{
	static const char *const texts[RACE_FACTS] = {
		sql_batch,     sql_prices, sql_regimes,	   sql_decisions, sql_answers,
		sql_citations, sql_orders, sql_executions, sql_trades,	  sql_snapshots,
	};

	struct sql_stmt *s = db_get(db, sql_carried);
	bool carried;

	sql_int(s, ":window", window_ms);
	if (sql_row(s, e) != 1)
		return -1;
	carried = sql_col_int(s, 0) != 0;
	sql_reset(s);
	for (int i = 0; i < RACE_FACTS; i++) {
		int r;

		if (race_fact_carried((enum race_fact)i) && !carried)
			continue;
		s = db_get(db, texts[i]);
		sql_int(s, ":window", window_ms);
		while ((r = sql_row(s, e)) == 1)
			if (each(ctx, (enum race_fact)i, s, e) != 0) {
				sql_reset(s);
				return -1;
			}
		if (r != 0)
			return -1;
	}
	return 0;
}

static int race_seal_row(void *ctx, enum race_fact kind, struct sql_stmt *row, struct err *e)
{
	(void)e;
	race_sealer_row(ctx, kind);
	for (int i = 0; i < sql_col_count(row); i++) {
		enum sql_type type = sql_col_type(row, i);
		int64_t v = type == SQL_INT ? sql_col_int(row, i) : 0;
		const void *p = NULL;
		size_t n = 0;

		if (type == SQL_TEXT || type == SQL_BLOB)
			p = sql_col_blob(row, i, &n);
		race_sealer_column(ctx, type, v, p != NULL ? p : "", n);
	}
	return 0;
}

int race_seal_digest(struct db *db, int64_t window_ms, struct race_seal_parts *p, struct err *e)
{
	struct race_sealer s;

	race_sealer_init(&s, window_ms);
	if (race_seal_rows(db, window_ms, race_seal_row, &s, e) != 0)
		return -1;
	race_sealer_final(&s, p);
	return 0;
}

void race_seal_hash(const struct race_seal_parts *p, int64_t n, int64_t window_ms,
		    const struct digest *previous, struct digest *out)
{
	static const char domain[] = "tr.seal/1";
	struct digest_state h;

	digest_init(&h);
	digest_field(&h, domain, sizeof domain - 1);
	digest_field(&h, previous->bytes, sizeof previous->bytes);
	digest_int(&h, n);
	digest_int(&h, window_ms);
	digest_field(&h, p->batch.bytes, sizeof p->batch.bytes);
	digest_field(&h, p->decisions.bytes, sizeof p->decisions.bytes);
	digest_field(&h, p->orders.bytes, sizeof p->orders.bytes);
	digest_field(&h, p->executions.bytes, sizeof p->executions.bytes);
	digest_field(&h, p->snapshots.bytes, sizeof p->snapshots.bytes);
	digest_final(&h, out);
}

static int race_last_seal(struct db *db, int64_t *n, int64_t *window_ms, struct digest *hash,
			  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_last);
	const void *p;
	size_t len;
	int r = sql_row(s, e);

	*n = 0;
	*window_ms = -1;
	*hash = (struct digest){ { 0 } };
	if (r == 1) {
		*n = sql_col_int(s, 0);
		*window_ms = sql_col_int(s, 1);
		p = sql_col_blob(s, 2, &len);
		if (len == sizeof hash->bytes)
			memcpy(hash->bytes, p, len);
		sql_reset(s);
	}
	return r < 0 ? -1 : 0;
}

static int race_add_seal(struct db *db, int64_t window_ms, struct err *e)
{
	struct race_seal_parts p;
	struct digest previous, hash;
	struct sql_stmt *s;
	int64_t n, last_ms;

	if (race_last_seal(db, &n, &last_ms, &previous, e) != 0 ||
	    race_seal_digest(db, window_ms, &p, e) != 0)
		return -1;
	if (last_ms >= window_ms)
		return err_set(e, ERR_INTERNAL, "seal: a later window is sealed already");
	race_seal_hash(&p, n + 1, window_ms, &previous, &hash);
	s = db_get(db, sql_seal_add);
	sql_int(s, ":n", n + 1);
	sql_int(s, ":window", window_ms);
	sql_blob(s, ":batch", p.batch.bytes, sizeof p.batch.bytes);
	sql_blob(s, ":decisions", p.decisions.bytes, sizeof p.decisions.bytes);
	sql_blob(s, ":orders", p.orders.bytes, sizeof p.orders.bytes);
	sql_blob(s, ":executions", p.executions.bytes, sizeof p.executions.bytes);
	sql_blob(s, ":snapshots", p.snapshots.bytes, sizeof p.snapshots.bytes);
	sql_blob(s, ":previous", previous.bytes, sizeof previous.bytes);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	if (sql_exec(s, e) != 0)
		return -1;
	journal_note_seal(db, window_ms);
	return 0;
}

/* Books that do not follow from the last trades stop all fills. */
static int race_check_books(struct db *db, int64_t at_ms, struct err *e)
{
	char *agent = NULL, *reason;
	bool changed;
	int r = ledger_broken(db, &agent, e);

	if (r != 0 || agent == NULL)
		return r;
	reason = mem_printf("books of agent %s do not follow from its trades", agent);
	r = roster_halt(db, "audit", true, reason, at_ms, &changed, e);
	free(reason);
	free(agent);
	return r;
}

/* completed, or partial when a stage that belongs to the window was never done. */
static int race_final_state(struct db *db, int64_t window_ms, bool decision, const char **state,
			    struct err *e)
{
	static const char *const stages[] = { "ingest", "settle", "pre",
					      "decide", "trade",  "post" };
	size_t n = decision ? 6 : 3;

	*state = "completed";
	for (size_t i = 0; i < n; i++) {
		bool done;

		if (journal_done(db, window_ms, stages[i], &done, e) != 0)
			return -1;
		if (!done)
			*state = "partial";
	}
	return 0;
}

int race_seal_inside(struct db *db, int64_t window_ms, int64_t at_ms, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct journal_cycle c;
	const char *state;
	bool found;

	if (journal_load(db, window_ms, &c, &found, e) != 0)
		return -1;
	if (!found)
		return err_set(e, ERR_NOTFOUND, "%s: has not begun",
			       tstamp_window_id(window_ms, id));
	if (c.sealed)
		return 0;
	if (race_check_books(db, at_ms, e) != 0 || race_add_seal(db, window_ms, e) != 0 ||
	    race_final_state(db, window_ms, c.decision, &state, e) != 0 ||
	    /* one that was given up stays known as that */
	    (strcmp(c.state, "quarantined") != 0 &&
	     journal_finish(db, window_ms, state, at_ms, e) != 0))
		return -1;
	return journal_event(db, window_ms, "sealed", "", state, at_ms, e);
}

int race_seal(struct db *db, int64_t window_ms, int64_t at_ms, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, race_seal_inside(db, window_ms, at_ms, e), e);
}
