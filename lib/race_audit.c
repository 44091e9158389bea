#include "race.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deflate.h"
#include "head.h"
#include "mem.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Everything recomputed from the fills: each trade from the trade before it and the batch, the
 * caches and snapshots from the trades, decisions and versions from their texts, and the chain
 * from the rows. The first row that differs is named. Books come before the chain, since they
 * can say what is wrong where the chain can only say that something is.
 */

static const char sql_price[] =
	"SELECT price FROM prices WHERE window_ms = :window AND asset_id = :asset";
static const char sql_order_mismatch[] =
	"SELECT a.name, o.window_ms, o.idx, o.filled, coalesce(t.quantity, 0) FROM orders AS o "
	"JOIN agents AS a ON a.id = o.agent_id LEFT JOIN trades AS t ON t.agent_id = "
	"o.agent_id "
	"AND t.window_ms = o.window_ms AND t.idx = o.idx AND t.side = o.side "
	"WHERE o.agent_id = :agent AND o.filled <> coalesce(t.quantity, 0) "
	"ORDER BY o.window_ms, o.idx LIMIT 1";
static const char sql_execution_mismatch[] =
	"SELECT a.name, x.window_ms FROM executions AS x JOIN agents AS a ON a.id = x.agent_id "
	"WHERE x.agent_id = :agent AND (x.n_trades <> (SELECT count(*) FROM trades AS t "
	"WHERE t.agent_id = x.agent_id AND t.window_ms = x.window_ms) OR (x.n_orders <> "
	"(SELECT count(*) FROM orders AS o WHERE o.agent_id = x.agent_id AND o.window_ms = "
	"x.window_ms))) "
	"ORDER BY x.window_ms LIMIT 1";
static const char sql_decisions[] =
	"SELECT window_ms FROM decisions WHERE agent_id = :agent ORDER BY window_ms";
static const char sql_versions[] = "SELECT version, spec, hash FROM agent_versions WHERE "
				   "agent_id = :agent ORDER BY version";
/* scan: all pins are checked */
static const char sql_pins[] = "SELECT hash, content FROM pins ORDER BY hash";
/* scan: the whole chain is walked */
static const char sql_seals[] =
	"SELECT n, window_ms, batch, decisions, orders, executions, snapshots, previous, hash "
	"FROM seals ORDER BY n";
/* scan: every window that was sealed must still be */
static const char sql_cut[] =
	"SELECT v.window_ms FROM events AS v WHERE v.type = 'sealed' AND NOT EXISTS "
	"(SELECT 1 FROM seals AS s WHERE s.window_ms = v.window_ms) ORDER BY v.window_ms LIMIT "
	"1";

static const char sql_known[] = "SELECT n FROM seals WHERE hash = :hash";
/* scan: only the newest cycle, by its key */
static const char sql_unsealed[] =
	"SELECT b.window_ms FROM batches AS b WHERE b.window_ms < "
	"(SELECT window_ms FROM cycles ORDER BY window_ms DESC LIMIT 1) "
	"AND NOT EXISTS (SELECT 1 FROM seals AS s WHERE s.window_ms = b.window_ms) "
	"ORDER BY b.window_ms LIMIT 1";
static const char sql_waiting[] =
	"SELECT d.window_ms FROM decisions AS d WHERE d.agent_id = :agent AND d.window_ms < "
	":settled "
	"AND d.fill_ms <= :settled AND NOT EXISTS (SELECT 1 FROM executions AS x "
	"WHERE x.agent_id = d.agent_id AND x.window_ms = d.window_ms) ORDER BY d.window_ms "
	"LIMIT 1";
/* scan: every text that is kept is checked */
static const char sql_blobs[] = "SELECT hash, size, data FROM blobs ORDER BY hash";

struct race_auditor {
	struct db *db;
	struct race_audit *a;
	const struct roster_agent *agent;
	struct portfolio p;	     /* recomputed */
	struct ledger_trade *trades; /* of the agent */
	size_t n_trades, cap;
	size_t at; /* trades that the snapshot walk has passed */
	struct money cost;
	int64_t cost_ms; /* window whose costs are loaded, -1 for none */
	struct portfolio_costs costs;
};

/* Note the first difference; -1 so that walks stop, with e untouched. */
static int race_differs(struct race_auditor *u, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int race_differs(struct race_auditor *u, const char *fmt, ...)
{
	va_list ap;

	if (u->a->ok) {
		u->a->ok = false;
		va_start(ap, fmt);
		vsnprintf(u->a->difference, sizeof u->a->difference, fmt, ap);
		va_end(ap);
	}
	return -1;
}

/* A pin that does not fit the race is a difference too, not a failure to look. */
static int race_unreadable(struct race_auditor *u, struct err *e)
{
	if (e->status != ERR_CONFIG)
		return -1;
	race_differs(u, "%s", e->text);
	*e = (struct err){ 0 };
	return -1;
}

static int race_same(struct race_auditor *u, const char *what, int64_t row, const char *field,
		     int64_t is, int64_t should, int scale)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];

	if (is == should)
		return 0;
	return race_differs(u, "agent %s: %s %lld: %s is %s, should be %s", u->agent->name,
			    what, (long long)row, field, decimal_format(is, scale, a),
			    decimal_format(should, scale, b));
}

/* ------------------------------------------------------------------ trades */

/* Fee and slippage of the window that filled. */
static int race_audit_costs(struct race_auditor *u, int64_t window_ms, struct err *e)
{
	struct race_window w;

	if (u->cost_ms == window_ms)
		return 0;
	if (race_open_read(u->db, window_ms, &w, e) != 0)
		return race_unreadable(u, e);
	u->costs.fee_e8 = config_e8(&w.config, CONFIG_TRADE_FEE_BPS);
	u->costs.slippage_e8 = config_e8(&w.config, CONFIG_TRADE_SLIPPAGE_BPS);
	u->cost_ms = window_ms;
	race_release(&w);
	return 0;
}

static int race_audit_price(struct race_auditor *u, const struct ledger_trade *t, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_price);
	int64_t price = 0;
	int r;

	sql_int(s, ":window", t->fill_ms);
	sql_int(s, ":asset", t->fill.asset_id);
	r = sql_row(s, e);
	if (r == 1)
		price = sql_col_int(s, 0);
	sql_reset(s);
	if (r < 0)
		return -1;
	return race_same(u, "trade", t->fill.seq, "price", t->fill.price.u, price, PRICE_SCALE);
}

static int race_audit_fill(struct race_auditor *u, const struct portfolio_fill *is,
			   const struct portfolio_fill *should)
{
	const int64_t n = is->seq;

	if (race_same(u, "trade", n, "fill price", is->fill.u, should->fill.u, PRICE_SCALE) !=
		    0 ||
	    race_same(u, "trade", n, "notional", is->notional.u, should->notional.u,
		      MONEY_SCALE) != 0 ||
	    race_same(u, "trade", n, "fee", is->fee.u, should->fee.u, MONEY_SCALE) != 0 ||
	    race_same(u, "trade", n, "realised", is->realised.u, should->realised.u,
		      MONEY_SCALE) != 0 ||
	    race_same(u, "trade", n, "cash", is->cash_after.u, should->cash_after.u,
		      MONEY_SCALE) != 0 ||
	    race_same(u, "trade", n, "position", is->position_after.u, should->position_after.u,
		      QUANTITY_SCALE) != 0)
		return -1;
	return race_same(u, "trade", n, "cost", is->cost_after.u, should->cost_after.u,
			 MONEY_SCALE);
}

static int race_audit_trade(void *ctx, const struct ledger_trade *t, struct err *e)
{
	struct race_auditor *u = ctx;
	struct portfolio_fill f;

	u->a->trades++;
	if (u->n_trades == u->cap) {
		u->cap = u->cap * 2 + 64;
		u->trades = mem_resize(u->trades, u->cap, sizeof *u->trades);
	}
	u->trades[u->n_trades++] = *t;
	if (t->fill.seq != u->p.seq + 1)
		return race_differs(u, "agent %s: trade %lld follows on %lld", u->agent->name,
				    (long long)t->fill.seq, (long long)u->p.seq);
	if (race_audit_price(u, t, e) != 0 || race_audit_costs(u, t->fill_ms, e) != 0)
		return -1;
	if (portfolio_apply(&u->p, &u->costs, t->fill.asset_id, t->fill.side, t->fill.quantity,
			    t->fill.price, &f) != PORTFOLIO_OK)
		return race_differs(
			u, "agent %s: trade %lld: is not possible with the books before it",
			u->agent->name, (long long)t->fill.seq);
	return race_audit_fill(u, &t->fill, &f);
}

/* The caches must be what the trades say. */
static int race_audit_caches(struct race_auditor *u, struct err *e)
{
	struct portfolio now;
	int r;

	if (ledger_load(u->db, u->agent->id, &now, e) != 0)
		return -1;
	r = race_same(u, "portfolio of", u->p.seq, "sequence", now.seq, u->p.seq, 0);
	if (r == 0)
		r = race_same(u, "portfolio after trade", now.seq, "cash", now.cash.u,
			      u->p.cash.u, MONEY_SCALE);
	for (size_t i = 0; i < u->p.n_positions && r == 0; i++) {
		const struct portfolio_position *is =
			portfolio_find(&now, u->p.positions[i].asset_id);
		int64_t quantity = is != NULL ? is->quantity.u : 0,
			cost = is != NULL ? is->cost.u : 0;

		r = race_same(u, "position in asset", u->p.positions[i].asset_id, "quantity",
			      quantity, u->p.positions[i].quantity.u, QUANTITY_SCALE);
		if (r == 0)
			r = race_same(u, "position in asset", u->p.positions[i].asset_id,
				      "cost", cost, u->p.positions[i].cost.u, MONEY_SCALE);
	}
	for (size_t i = 0; i < now.n_positions && r == 0; i++)
		if (portfolio_find(&u->p, now.positions[i].asset_id) == NULL)
			r = race_differs(u,
					 "agent %s: position in asset %lld: no trade made it",
					 u->agent->name, (long long)now.positions[i].asset_id);
	portfolio_release(&now);
	return r;
}

/* ------------------------------------------------------------------ snapshots */

/* Move the books of the walk on to the moment of a snapshot. */
static void race_advance(struct race_auditor *u, const struct ledger_snapshot *s)
{
	while (u->at < u->n_trades) {
		const struct ledger_trade *t = &u->trades[u->at];
		struct portfolio_position *pos;

		if (t->fill_ms > s->window_ms ||
		    (s->phase == LEDGER_PRE && t->fill_ms == s->window_ms &&
		     t->window_ms >= s->window_ms))
			return;
		u->p.cash = t->fill.cash_after;
		pos = portfolio_position(&u->p, t->fill.asset_id);
		pos->quantity = t->fill.position_after;
		pos->cost = t->fill.cost_after;
		u->at++;
	}
}

static int race_audit_snapshot(void *ctx, const struct ledger_snapshot *s, struct err *e)
{
	struct race_auditor *u = ctx;
	char id[TSTAMP_WINDOW_ID_MAX], what[80];
	struct money value, cost = { 0 };
	int64_t unpriced;

	u->a->snapshots++;
	race_advance(u, s);
	if (race_value(u->db, s->window_ms, &u->p, &value, &unpriced, e) != 0)
		return -1;
	for (size_t i = 0; i < u->p.n_positions; i++)
		if (money_add(cost, u->p.positions[i].cost, &cost) != 0)
			return race_differs(u, "agent %s: its cost does not fit",
					    u->agent->name);
	snprintf(what, sizeof what, "snapshot %s of %s after trade",
		 ledger_phase_name(s->phase), tstamp_window_id(s->window_ms, id));
	if (race_same(u, what, (int64_t)u->at, "cash", s->cash.u, u->p.cash.u, MONEY_SCALE) !=
		    0 ||
	    race_same(u, what, (int64_t)u->at, "value", s->positions_value.u, value.u,
		      MONEY_SCALE) != 0 ||
	    race_same(u, what, (int64_t)u->at, "unrealised", s->unrealised.u, value.u - cost.u,
		      MONEY_SCALE) != 0 ||
	    race_same(u, what, (int64_t)u->at, "total", s->total.u, u->p.cash.u + value.u,
		      MONEY_SCALE) != 0)
		return -1;
	return race_same(u, what, (int64_t)u->at, "unpriced", s->unpriced, unpriced, 0);
}

/* ------------------------------------------------------------------ decisions, versions, pins
 */

static int race_audit_orders(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_order_mismatch);
	char id[TSTAMP_WINDOW_ID_MAX];
	int r;

	sql_int(s, ":agent", u->agent->id);
	r = sql_row(s, e);
	if (r == 1)
		r = race_differs(
			u,
			"agent %s: order %lld of %s says that %lld was filled, the trade %lld",
			sql_col_text(s, 0), (long long)sql_col_int(s, 2),
			tstamp_window_id(sql_col_int(s, 1), id), (long long)sql_col_int(s, 3),
			(long long)sql_col_int(s, 4));
	sql_reset(s);
	if (r != 0)
		return r;
	s = db_get(u->db, sql_execution_mismatch);
	sql_int(s, ":agent", u->agent->id);
	r = sql_row(s, e);
	if (r == 1)
		r = race_differs(
			u, "agent %s: execution of %s: its orders or trades are not all there",
			sql_col_text(s, 0), tstamp_window_id(sql_col_int(s, 1), id));
	sql_reset(s);
	return r;
}

static int race_audit_decision(struct race_auditor *u, int64_t window_ms, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct verdict v;
	struct digest hash;
	bool found;
	int r = 0;

	if (verdict_load(u->db, u->agent->id, window_ms, &v, &found, e) != 0)
		return -1;
	u->a->decisions++;
	wire_decision_hash(&v.d, &hash);
	if (memcmp(hash.bytes, v.hash.bytes, sizeof hash.bytes) != 0)
		r = race_differs(u, "agent %s: decision of %s: does not match its hash",
				 u->agent->name, tstamp_window_id(window_ms, id));
	verdict_release(&v);
	return r;
}

static int race_audit_decisions(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_decisions);
	int r;

	sql_int(s, ":agent", u->agent->id);
	while ((r = sql_row(s, e)) == 1) {
		if (race_audit_decision(u, sql_col_int(s, 0), e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r;
}

/* A text and the hash stored for it. */
static bool race_text_matches(struct sql_stmt *s, int text_col, int hash_col)
{
	struct digest d;
	size_t n, len;
	const void *hash = sql_col_blob(s, hash_col, &len);
	const void *text = sql_col_blob(s, text_col, &n);

	digest_of(text != NULL ? text : "", n, &d);
	return len == sizeof d.bytes && memcmp(hash, d.bytes, len) == 0;
}

static int race_audit_versions(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_versions);
	int r;

	sql_int(s, ":agent", u->agent->id);
	while ((r = sql_row(s, e)) == 1)
		if (!race_text_matches(s, 1, 2)) {
			r = race_differs(u, "agent %s: version %lld: does not match its hash",
					 u->agent->name, (long long)sql_col_int(s, 0));
			sql_reset(s);
			break;
		}
	return r;
}

static int race_audit_pins(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_pins);
	int r;

	while ((r = sql_row(s, e)) == 1)
		if (!race_text_matches(s, 1, 0)) {
			r = race_differs(u, "pins: a text does not match its hash");
			sql_reset(s);
			break;
		}
	return r;
}

/* Once a window has settled, nothing decided before may still wait. */
static int race_audit_waiting(struct race_auditor *u, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct sql_stmt *s;
	int64_t settled_ms;
	int r;

	if (journal_last_done(u->db, INT64_MAX, "settle", &settled_ms, e) != 0)
		return -1;
	s = db_get(u->db, sql_waiting);
	sql_int(s, ":agent", u->agent->id);
	sql_int(s, ":settled", settled_ms);
	r = sql_row(s, e);
	if (r == 1)
		r = race_differs(u, "agent %s: decision of %s: was never carried out",
				 u->agent->name, tstamp_window_id(sql_col_int(s, 0), id));
	sql_reset(s);
	return r;
}

/* The texts that agents were shown, as far as they are kept. */
static int race_audit_blobs(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_blobs);
	struct buf text = BUF_INIT;
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct err damaged = { 0 };
		struct digest d;
		size_t n, len;
		const void *data = sql_col_blob(s, 2, &n);
		const void *hash;

		buf_reset(&text);
		if (deflate_unpack(data, n, (size_t)sql_col_int(s, 1), &text, &damaged) == 0)
			digest_of(buf_str(&text), text.len, &d);
		hash = sql_col_blob(s, 0, &len);
		if (damaged.status != 0 || len != sizeof d.bytes ||
		    memcmp(hash, d.bytes, len) != 0) {
			r = race_differs(u, "texts: one does not match its hash");
			sql_reset(s);
			break;
		}
	}
	buf_release(&text);
	return r;
}

static int race_audit_agent(struct race_auditor *u, struct err *e)
{
	struct portfolio start;
	int r = -1;

	u->n_trades = u->at = 0;
	portfolio_init(&u->p);
	if (ledger_load(u->db, u->agent->id, &start, e) != 0)
		return -1;
	u->p.agent_id = u->agent->id;
	u->p.start_cash = u->p.cash = start.start_cash;
	portfolio_release(&start);
	if (ledger_trades(u->db, u->agent->id, race_audit_trade, u, e) != 0 ||
	    race_audit_caches(u, e) != 0)
		goto out;
	u->p.cash = u->p.start_cash;
	for (size_t i = 0; i < u->p.n_positions; i++) {
		u->p.positions[i].quantity.u = 0;
		u->p.positions[i].cost.u = 0;
	}
	if (ledger_snapshots(u->db, u->agent->id, race_audit_snapshot, u, e) != 0 ||
	    race_audit_orders(u, e) != 0 || race_audit_decisions(u, e) != 0 ||
	    race_audit_waiting(u, e) != 0)
		goto out;
	r = race_audit_versions(u, e);
out:
	portfolio_release(&u->p);
	return r;
}

/* ------------------------------------------------------------------ chain */

static bool race_blob_is(struct sql_stmt *s, int col, const struct digest *d)
{
	size_t n;
	const void *p = sql_col_blob(s, col, &n);

	return n == sizeof d->bytes && memcmp(p, d->bytes, n) == 0;
}

static int race_audit_seal(struct race_auditor *u, struct sql_stmt *s, struct digest *head,
			   struct err *e)
{
	static const char *const names[] = { "batch", "decisions", "orders", "executions",
					     "snapshots" };
	int64_t n = sql_col_int(s, 0), window_ms = sql_col_int(s, 1);
	char id[TSTAMP_WINDOW_ID_MAX];
	struct race_seal_parts p;
	const struct digest *const parts[] = { &p.batch, &p.decisions, &p.orders, &p.executions,
					       &p.snapshots };
	struct digest hash;

	tstamp_window_id(window_ms, id);
	if (n != ++u->a->seals)
		return race_differs(u, "seal %lld: follows on %lld", (long long)n,
				    (long long)u->a->seals - 1);
	if (race_seal_digest(u->db, window_ms, &p, e) != 0)
		return -1;
	for (int i = 0; i < 5; i++)
		if (!race_blob_is(s, 2 + i, parts[i]))
			return race_differs(
				u, "seal %lld (%s): the %s are not those that were sealed",
				(long long)n, id, names[i]);
	if (!race_blob_is(s, 7, head))
		return race_differs(u, "seal %lld (%s): does not follow on the one before",
				    (long long)n, id);
	race_seal_hash(&p, n, window_ms, head, &hash);
	if (!race_blob_is(s, 8, &hash))
		return race_differs(u, "seal %lld (%s): its hash is wrong", (long long)n, id);
	*head = hash;
	return 0;
}

static int race_audit_chain(struct race_auditor *u, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_seals);
	char id[TSTAMP_WINDOW_ID_MAX];
	struct digest head = { { 0 } };
	int r;

	while ((r = sql_row(s, e)) == 1)
		if (race_audit_seal(u, s, &head, e) != 0) {
			sql_reset(s);
			return -1;
		}
	if (r != 0)
		return r;
	u->a->head = head;
	s = db_get(u->db, sql_cut);
	r = sql_row(s, e);
	if (r == 1)
		r = race_differs(u, "%s: was sealed, but its seal is gone",
				 tstamp_window_id(sql_col_int(s, 0), id));
	sql_reset(s);
	if (r != 0)
		return r;
	s = db_get(u->db, sql_unsealed);
	r = sql_row(s, e);
	if (r == 1)
		r = race_differs(u, "%s: is over, but has no seal",
				 tstamp_window_id(sql_col_int(s, 0), id));
	sql_reset(s);
	return r;
}

static int race_audit_head_file(struct race_auditor *u, const struct buf *text, struct err *e)
{
	struct head_report r;

	if (head_compare(u->db, text, &r, e) != 0)
		return -1;
	u->a->heads = r.heads;
	return r.ok ? 0 : race_differs(u, "%s", r.difference);
}

/* A head that was published is one of the chain, or that was changed or cut since. */
static int race_audit_known(struct race_auditor *u, const struct digest *head, struct err *e)
{
	struct sql_stmt *s = db_get(u->db, sql_known);
	int r;

	sql_blob(s, ":hash", head->bytes, sizeof head->bytes);
	r = sql_row(s, e);
	if (r == 1)
		u->a->known = sql_col_int(s, 0);
	sql_reset(s);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return race_differs(u,
			    "the head given is none of the %lld seals: some were changed, or "
			    "the last ones cut",
			    (long long)u->a->seals);
}

int race_audit_against(struct db *db, const char *heads, const struct digest *head,
		       struct race_audit *a, struct err *e)
{
	struct race_auditor u = { .db = db, .a = a, .cost_ms = -1 };
	struct roster_agents agents = { 0 };
	struct buf text = BUF_INIT;
	bool found = false;
	int r = -1;

	*a = (struct race_audit){ .heads = -1, .known = -1, .ok = true };
	if (head_read(db, heads, &text, &found, e) != 0 || db_read_begin(db, e) != 0) {
		buf_release(&text);
		return -1;
	}
	if (roster_load_agents(db, &agents, e) != 0)
		goto out;
	a->agents = (int64_t)agents.n;
	r = 0;
	for (size_t i = 0; i < agents.n && r == 0; i++) {
		u.agent = &agents.items[i];
		r = race_audit_agent(&u, e);
	}
	if (r == 0)
		r = race_audit_pins(&u, e);
	if (r == 0)
		r = race_audit_blobs(&u, e);
	if (r == 0)
		r = race_audit_chain(&u, e);
	if (r == 0 && found)
		r = race_audit_head_file(&u, &text, e);
	if (r == 0 && head != NULL)
		r = race_audit_known(&u, head, e);
out:
	db_read_end(db);
	buf_release(&text);
	free(u.trades);
	roster_release_agents(&agents);
	/* a difference is an answer, not a failure */
	return !a->ok && e->status == 0 ? 0 : r;
}

int race_audit_run(struct db *db, struct race_audit *a, struct err *e)
{
	return race_audit_against(db, NULL, NULL, a, e);
}
