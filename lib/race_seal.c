#include "race.h"

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
static const char sql_prices[] =
	"SELECT a.symbol, p.price, p.price_ms, s.name, p.interval_s, p.quality, p.note FROM "
	"prices AS p "
	"JOIN assets AS a ON a.id = p.asset_id JOIN sources AS s ON s.id = p.source_id "
	"WHERE p.window_ms = :window ORDER BY a.symbol";
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
static const char sql_snapshots[] =
	"SELECT a.name, n.phase, n.cash, n.positions_value, n.unrealised, n.total, n.unpriced "
	"FROM snapshots AS n JOIN agents AS a ON a.id = n.agent_id "
	"WHERE n.window_ms = :window ORDER BY a.name, n.phase DESC";
/* scan: only the last row, by its key */
static const char sql_last[] = "SELECT n, window_ms, hash FROM seals ORDER BY n DESC LIMIT 1";
static const char sql_seal_add[] = "INSERT INTO seals (n, window_ms, batch, decisions, orders, "
				   "executions, snapshots, previous, "
				   "hash) VALUES (:n, :window, :batch, :decisions, :orders, "
				   ":executions, :snapshots, :previous, "
				   ":hash)";
/* Add every column of every row of a statement: its type, then its value; and their number. */
static int race_digest_rows(struct digest_state *h, struct sql_stmt *s, bool optional,
			    struct err *e)
{
	int64_t rows = 0;
	int r;

	while ((r = sql_row(s, e)) == 1) {
		rows++;
		for (int i = 0; i < sql_col_count(s); i++) {
			enum sql_type type = sql_col_type(s, i);
			const void *p;
			size_t n;

			digest_int(h, (int64_t)type);
			if (type == SQL_INT) {
				digest_int(h, sql_col_int(s, i));
			} else if (type != SQL_NULL) {
				p = sql_col_blob(s, i, &n);
				digest_field(h, p != NULL ? p : "", n);
			}
		}
	}
	if (rows > 0 || !optional)
		digest_int(h, rows);
	return r;
}

/* The digest of one part: a name, the window, and the rows of one or two statements. Where the
 * second is of answers it adds nothing when there are none, as before there were any. */
static int race_digest_part(struct db *db, const char *name, int64_t window_ms, const char *one,
			    const char *two, struct digest *out, struct err *e)
{
	const char *const texts[] = { one, two };
	struct digest_state h;

	digest_init(&h);
	digest_field(&h, name, strlen(name));
	digest_int(&h, window_ms);
	for (int i = 0; i < 2 && texts[i] != NULL; i++) {
		struct sql_stmt *s = db_get(db, texts[i]);

		sql_int(s, ":window", window_ms);
		if (race_digest_rows(&h, s, texts[i] == sql_answers, e) != 0)
			return -1;
	}
	digest_final(&h, out);
	return 0;
}

int race_seal_digest(struct db *db, int64_t window_ms, struct race_seal_parts *p, struct err *e)
{
	if (race_digest_part(db, "batch", window_ms, sql_batch, sql_prices, &p->batch, e) !=
		    0 ||
	    race_digest_part(db, "decisions", window_ms, sql_decisions, sql_answers, &p->decisions,
			     e) != 0 ||
	    race_digest_part(db, "orders", window_ms, sql_orders, NULL, &p->orders, e) != 0 ||
	    race_digest_part(db, "executions", window_ms, sql_executions, sql_trades,
			     &p->executions, e) != 0)
		return -1;
	return race_digest_part(db, "snapshots", window_ms, sql_snapshots, NULL, &p->snapshots,
				e);
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
	return sql_exec(s, e);
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
	journal_release(&c);
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
