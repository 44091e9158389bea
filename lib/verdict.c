#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "wire.h"

#include "banned.h"

static const char sql_exists[] =
	"SELECT 1 FROM decisions WHERE agent_id = :agent AND window_ms = :window";
static const char sql_newest[] =
	"SELECT coalesce(max(window_ms), -1) FROM decisions WHERE agent_id = :agent";
static const char sql_load[] =
	"SELECT d.version, d.status, d.origin, d.fill_ms, d.orders, d.reasoning, "
	"d.confidence_e4, "
	"d.error, d.hash, d.context, d.raw, d.at_ms, d.latency_ms, EXISTS (SELECT 1 FROM "
	"executions AS x "
	"WHERE x.agent_id = d.agent_id AND x.window_ms = d.window_ms), (SELECT c.rules FROM "
	"citations AS c WHERE c.agent_id = d.agent_id AND c.window_ms = d.window_ms) "
	"FROM decisions AS d WHERE d.agent_id = :agent AND d.window_ms = :window";
static const char sql_add[] = "INSERT INTO decisions (agent_id, window_ms, version, status, "
			      "origin, fill_ms, orders, reasoning, "
			      "confidence_e4, error, hash, context, raw, at_ms, latency_ms) "
			      "VALUES (:agent, :window, :version, "
			      ":status, :origin, :fill, :orders, :reasoning, :confidence, "
			      ":error, :hash, :context, :raw, :at, "
			      ":latency)";
static const char sql_cite[] = "INSERT INTO citations (agent_id, window_ms, rules) VALUES "
			       "(:agent, :window, :rules)";
static const char sql_waiting[] =
	"SELECT window_ms, fill_ms FROM decisions AS d WHERE agent_id = "
	":agent AND window_ms BETWEEN :from AND :to "
	"AND fill_ms <= :fill AND NOT EXISTS (SELECT 1 FROM "
	"executions AS x WHERE x.agent_id = d.agent_id "
	"AND x.window_ms = d.window_ms) ORDER BY window_ms";
static const char sql_execution_add[] = "INSERT INTO executions (agent_id, window_ms, exec_ms, "
					"status, n_orders, n_trades, cash_before, "
					"cash_after) VALUES (:agent, :window, :exec, :status, "
					":orders, :trades, :before, :after)";
static const char sql_order_add[] = "INSERT INTO orders (agent_id, window_ms, idx, asset, "
				    "side, quantity, notional, limit_price, "
				    "action, reasons, wanted, filled) VALUES (:agent, :window, "
				    ":idx, :asset, :side, :quantity, "
				    ":notional, :limit, :action, :reasons, :wanted, :filled)";
static const char sql_execution[] =
	"SELECT exec_ms, status, n_orders, n_trades, cash_before, cash_after FROM executions "
	"WHERE agent_id = :agent AND window_ms = :window";
static const char sql_orders[] =
	"SELECT asset, side, quantity, notional, limit_price, action, reasons, wanted, filled "
	"FROM orders WHERE agent_id = :agent AND window_ms = :window ORDER BY idx";
static const char sql_carried[] = "SELECT window_ms FROM executions WHERE exec_ms = :exec AND "
				  "agent_id = :agent ORDER BY window_ms";

static const char *const verdict_ends[] = { "executed", "expired", "void", "halted" };

const char *verdict_end_name(enum verdict_end end)
{
	return verdict_ends[end];
}

/* ------------------------------------------------------------------ within a chunk */

/* The decisions that wait to be carried out, of the agents that were asked about, in order. */
struct verdict_wait {
	int64_t agent_id, window_ms, fill_ms;
};

struct verdict_known {
	int64_t agent_id;
	int64_t from_ms; /* all of this agent that wait from here on are listed */
};

/* The newest window that an agent has decided in. */
struct verdict_newest {
	int64_t agent_id, window_ms;
};

struct verdict_memo {
	struct verdict_wait *waits;    /* owned */
	struct verdict_known *agents;  /* owned */
	struct verdict_newest *newest; /* owned */
	size_t n_waits, n_agents, n_newest;
};

static void verdict_forget(void *memo)
{
	struct verdict_memo *m = memo;

	free(m->waits);
	free(m->agents);
	free(m->newest);
}

static struct verdict_memo *verdict_remember(struct db *db)
{
	return db_memo(db, DB_VERDICT, sizeof(struct verdict_memo), verdict_forget);
}

static const struct verdict_known *verdict_knows(const struct verdict_memo *m, int64_t agent_id)
{
	for (size_t i = 0; m != NULL && i < m->n_agents; i++)
		if (m->agents[i].agent_id == agent_id)
			return &m->agents[i];
	return NULL;
}

static void verdict_note(struct verdict_memo *m, int64_t agent_id, int64_t window_ms,
			 int64_t fill_ms)
{
	m->waits = mem_resize(m->waits, m->n_waits + 1, sizeof *m->waits);
	m->waits[m->n_waits++] = (struct verdict_wait){ agent_id, window_ms, fill_ms };
}

static void verdict_strike(struct db *db, int64_t agent_id, int64_t window_ms)
{
	struct verdict_memo *m = verdict_remember(db);

	for (size_t i = 0; m != NULL && i < m->n_waits; i++)
		if (m->waits[i].agent_id == agent_id && m->waits[i].window_ms == window_ms) {
			m->n_waits--;
			memmove(&m->waits[i], &m->waits[i + 1],
				(m->n_waits - i) * sizeof *m->waits);
			break;
		}
}

static struct verdict_newest *verdict_find_newest(struct db *db, int64_t agent_id)
{
	struct verdict_memo *m = verdict_remember(db);

	for (size_t i = 0; m != NULL && i < m->n_newest; i++)
		if (m->newest[i].agent_id == agent_id)
			return &m->newest[i];
	return NULL;
}

/* Whether the window is behind all that the agent has decided in, which needs no look: *${is}
 * false outside of a chunk. */
static int verdict_is_new(struct db *db, int64_t agent_id, int64_t window_ms, bool *is,
			  struct err *e)
{
	struct verdict_memo *m = verdict_remember(db);
	struct verdict_newest *newest = verdict_find_newest(db, agent_id);
	struct sql_stmt *s;

	*is = false;
	if (m == NULL)
		return 0;
	if (newest == NULL) {
		s = db_get(db, sql_newest);
		sql_int(s, ":agent", agent_id);
		if (sql_row(s, e) != 1)
			return -1;
		m->newest = mem_resize(m->newest, m->n_newest + 1, sizeof *m->newest);
		newest = &m->newest[m->n_newest++];
		*newest = (struct verdict_newest){ agent_id, sql_col_int(s, 0) };
		sql_reset(s);
	}
	*is = window_ms > newest->window_ms;
	return 0;
}

/* ------------------------------------------------------------------ decisions */

void verdict_init(struct verdict *v)
{
	*v = (struct verdict){ 0 };
	decision_init(&v->d);
}

void verdict_release(struct verdict *v)
{
	decision_release(&v->d);
	free(v->raw);
	v->raw = NULL;
}

int verdict_exists(struct db *db, int64_t agent_id, int64_t window_ms, bool *exists,
		   struct err *e)
{
	struct sql_stmt *s;
	bool is_new;
	int r;

	*exists = false;
	r = verdict_is_new(db, agent_id, window_ms, &is_new, e);
	if (r != 0 || is_new)
		return r;
	s = db_get(db, sql_exists);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*exists = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static bool verdict_digest(struct sql_stmt *s, int col, struct digest *out)
{
	size_t n;
	const void *p = sql_col_blob(s, col, &n);

	if (n != DIGEST_SIZE)
		return false;
	memcpy(out->bytes, p, n);
	return true;
}

static int verdict_read(struct sql_stmt *s, struct verdict *v, struct err *e)
{
	const void *raw;
	int status = decision_status_parse(sql_col_text(s, 1));

	v->version = sql_col_int(s, 0);
	v->manual = strcmp(sql_col_text(s, 2), "manual") == 0;
	v->fill_ms = sql_col_int(s, 3);
	if (status < 0 || wire_orders_parse(sql_col_text(s, 4), &v->d, e) != 0 ||
	    (!sql_col_null(s, 14) && wire_rules_parse(sql_col_text(s, 14), &v->d, e) != 0)) {
		e->status = ERR_INTERNAL;
		return -1;
	}
	v->d.status = (enum decision_status)status;
	v->d.reasoning = mem_strdup(sql_col_text(s, 5));
	v->d.has_confidence = !sql_col_null(s, 6);
	v->d.confidence_e4 = sql_col_int(s, 6);
	v->d.error = mem_strdup(sql_col_text(s, 7));
	verdict_digest(s, 8, &v->hash);
	v->has_context = verdict_digest(s, 9, &v->context);
	raw = sql_col_blob(s, 10, &v->raw_len);
	if (!sql_col_null(s, 10))
		v->raw = mem_strndup(raw != NULL ? raw : "", v->raw_len);
	v->at_ms = sql_col_int(s, 11);
	v->latency_ms = sql_col_int(s, 12);
	v->executed = sql_col_int(s, 13) != 0;
	return 0;
}

int verdict_load(struct db *db, int64_t agent_id, int64_t window_ms, struct verdict *v,
		 bool *found, struct err *e)
{
	struct sql_stmt *s;
	bool is_new;
	int r;

	verdict_init(v);
	v->agent_id = agent_id;
	v->window_ms = window_ms;
	*found = false;
	r = verdict_is_new(db, agent_id, window_ms, &is_new, e);
	if (r != 0 || is_new)
		return r;
	s = db_get(db, sql_load);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1)
		r = verdict_read(s, v, e);
	sql_reset(s);
	if (r != 0)
		verdict_release(v);
	return r;
}

static int verdict_cite(struct db *db, const struct verdict *v, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_cite);
	char *rules = wire_rules_text(&v->d);
	int r;

	sql_int(s, ":agent", v->agent_id);
	sql_int(s, ":window", v->window_ms);
	sql_text(s, ":rules", rules);
	r = sql_exec(s, e);
	free(rules);
	return r;
}

int verdict_add(struct db *db, struct verdict *v, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_add);
	struct verdict_newest *newest = verdict_find_newest(db, v->agent_id);
	char *orders = wire_orders_text(&v->d);
	int r;

	wire_decision_hash(&v->d, &v->hash);
	sql_int(s, ":agent", v->agent_id);
	sql_int(s, ":window", v->window_ms);
	sql_int(s, ":version", v->version);
	sql_text(s, ":status", decision_status_name(v->d.status));
	sql_text(s, ":origin", v->manual ? "manual" : "agent");
	sql_int(s, ":fill", v->fill_ms);
	sql_text(s, ":orders", orders);
	sql_text(s, ":reasoning", v->d.reasoning);
	if (v->d.has_confidence)
		sql_int(s, ":confidence", v->d.confidence_e4);
	sql_text(s, ":error", v->d.error);
	sql_blob(s, ":hash", v->hash.bytes, sizeof v->hash.bytes);
	sql_blob(s, ":context", v->has_context ? v->context.bytes : NULL,
		 sizeof v->context.bytes);
	sql_blob(s, ":raw", v->raw, v->raw_len);
	sql_int(s, ":at", v->at_ms);
	sql_int(s, ":latency", v->latency_ms);
	r = sql_exec(s, e);
	free(orders);
	if (r == 0 && v->d.n_rules > 0)
		r = verdict_cite(db, v, e);
	if (r == 0 && verdict_knows(verdict_remember(db), v->agent_id) != NULL)
		verdict_note(verdict_remember(db), v->agent_id, v->window_ms, v->fill_ms);
	if (r == 0 && newest != NULL && v->window_ms > newest->window_ms)
		newest->window_ms = v->window_ms;
	return r;
}

static int verdict_windows(struct sql_stmt *s, int64_t **windows, size_t *n, struct err *e)
{
	int r;

	*windows = NULL;
	*n = 0;
	while ((r = sql_row(s, e)) == 1) {
		*windows = mem_resize(*windows, *n + 1, sizeof **windows);
		(*windows)[(*n)++] = sql_col_int(s, 0);
	}
	return r;
}

/* List all that wait for an agent, once in a chunk. */
static int verdict_learn(struct db *db, struct verdict_memo *m, int64_t agent_id,
			 int64_t from_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_waiting);
	int r;

	sql_int(s, ":fill", INT64_MAX);
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":from", from_ms);
	sql_int(s, ":to", INT64_MAX);
	while ((r = sql_row(s, e)) == 1)
		verdict_note(m, agent_id, sql_col_int(s, 0), sql_col_int(s, 1));
	if (r != 0)
		return -1;
	m->agents = mem_resize(m->agents, m->n_agents + 1, sizeof *m->agents);
	m->agents[m->n_agents++] = (struct verdict_known){ agent_id, from_ms };
	return 0;
}

int verdict_waiting(struct db *db, int64_t agent_id, int64_t from_ms, int64_t to_ms,
		    int64_t fill_ms, int64_t **windows, size_t *n, struct err *e)
{
	struct verdict_memo *m = verdict_remember(db);
	const struct verdict_known *known = verdict_knows(m, agent_id);
	struct sql_stmt *s;

	*windows = NULL;
	*n = 0;
	if (m != NULL && known == NULL && verdict_learn(db, m, agent_id, from_ms, e) != 0)
		return -1;
	if (m == NULL || (known != NULL && from_ms < known->from_ms)) {
		s = db_get(db, sql_waiting);
		sql_int(s, ":fill", fill_ms);
		sql_int(s, ":agent", agent_id);
		sql_int(s, ":from", from_ms);
		sql_int(s, ":to", to_ms);
		return verdict_windows(s, windows, n, e);
	}
	for (size_t i = 0; i < m->n_waits; i++) {
		const struct verdict_wait *w = &m->waits[i];

		if (w->agent_id != agent_id || w->window_ms < from_ms || w->window_ms > to_ms ||
		    w->fill_ms > fill_ms)
			continue;
		*windows = mem_resize(*windows, *n + 1, sizeof **windows);
		(*windows)[(*n)++] = w->window_ms;
	}
	return 0;
}

int verdict_carried(struct db *db, int64_t exec_ms, int64_t agent_id, int64_t **windows,
		    size_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_carried);

	sql_int(s, ":exec", exec_ms);
	sql_int(s, ":agent", agent_id);
	return verdict_windows(s, windows, n, e);
}

/* ------------------------------------------------------------------ executions */

void verdict_release_execution(struct verdict_execution *x)
{
	free(x->orders);
	x->orders = NULL;
}

static int verdict_add_order(struct db *db, const struct verdict_execution *x, size_t i,
			     struct err *e)
{
	const struct verdict_order *o = &x->orders[i];
	struct sql_stmt *s = db_get(db, sql_order_add);
	char reasons[RISK_TEXT_MAX];

	sql_int(s, ":agent", x->agent_id);
	sql_int(s, ":window", x->window_ms);
	sql_int(s, ":idx", (int64_t)i);
	sql_text(s, ":asset", o->order.asset);
	sql_text(s, ":side", decision_side_name(o->order.side));
	if (o->order.by_notional)
		sql_int(s, ":notional", o->order.notional.u);
	else
		sql_int(s, ":quantity", o->order.quantity.u);
	if (o->order.has_limit)
		sql_int(s, ":limit", o->order.limit.u);
	sql_text(s, ":action", risk_action_name(o->outcome.action));
	sql_text(s, ":reasons", risk_reasons_text(o->outcome.reasons, reasons));
	sql_int(s, ":wanted", o->outcome.wanted.u);
	sql_int(s, ":filled", o->filled ? o->outcome.quantity.u : 0);
	return sql_exec(s, e);
}

int verdict_add_execution(struct db *db, const struct verdict_execution *x, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_execution_add);

	sql_int(s, ":agent", x->agent_id);
	sql_int(s, ":window", x->window_ms);
	sql_int(s, ":exec", x->exec_ms);
	sql_text(s, ":status", verdict_ends[x->end]);
	sql_int(s, ":orders", (int64_t)x->n_orders);
	sql_int(s, ":trades", (int64_t)x->n_trades);
	sql_int(s, ":before", x->cash_before.u);
	sql_int(s, ":after", x->cash_after.u);
	if (sql_exec(s, e) != 0)
		return -1;
	verdict_strike(db, x->agent_id, x->window_ms);
	for (size_t i = 0; i < x->n_orders; i++)
		if (verdict_add_order(db, x, i, e) != 0)
			return -1;
	return 0;
}

static unsigned verdict_reasons(const char *text)
{
	unsigned set = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		for (int i = 0; i < RISK_REASONS; i++) {
			const char *name = risk_reason_name(1u << i);

			if (strlen(name) == n && memcmp(name, text, n) == 0)
				set |= 1u << i;
		}
		text += text[n] == ',' ? n + 1 : n;
	}
	return set;
}

static void verdict_read_order(struct sql_stmt *s, struct verdict_order *o)
{
	const char *action = sql_col_text(s, 5);
	const char *asset = sql_col_text(s, 0);

	*o = (struct verdict_order){ 0 };
	memcpy(o->order.asset, asset, strnlen(asset, sizeof o->order.asset - 1));
	o->order.side = strcmp(sql_col_text(s, 1), "buy") == 0 ? DECISION_BUY : DECISION_SELL;
	o->order.by_notional = sql_col_null(s, 2);
	o->order.quantity.u = sql_col_int(s, 2);
	o->order.notional.u = sql_col_int(s, 3);
	o->order.has_limit = !sql_col_null(s, 4);
	o->order.limit.u = sql_col_int(s, 4);
	o->outcome.action = strcmp(action, "pass") == 0	  ? RISK_PASS
			    : strcmp(action, "clip") == 0 ? RISK_CLIP
							  : RISK_DROP;
	o->outcome.reasons = verdict_reasons(sql_col_text(s, 6));
	o->outcome.wanted.u = sql_col_int(s, 7);
	o->outcome.quantity.u = sql_col_int(s, 8);
	o->filled = o->outcome.quantity.u > 0;
}

static int verdict_load_orders(struct db *db, struct verdict_execution *x, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_orders);
	size_t n = 0;
	int r;

	x->orders = mem_array(x->n_orders, sizeof *x->orders);
	sql_int(s, ":agent", x->agent_id);
	sql_int(s, ":window", x->window_ms);
	while ((r = sql_row(s, e)) == 1) {
		if (n == x->n_orders)
			break;
		verdict_read_order(s, &x->orders[n++]);
	}
	sql_reset(s);
	if (r < 0)
		return -1;
	if (r == 1 || n != x->n_orders)
		return err_set(e, ERR_INTERNAL, "execution: its orders are not all there");
	return 0;
}

int verdict_load_execution(struct db *db, int64_t agent_id, int64_t window_ms,
			   struct verdict_execution *x, bool *found, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_execution);
	int r;

	*x = (struct verdict_execution){ .agent_id = agent_id, .window_ms = window_ms };
	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (r != 1)
		return r;
	x->exec_ms = sql_col_int(s, 0);
	for (int i = 0; i < 4; i++)
		if (strcmp(sql_col_text(s, 1), verdict_ends[i]) == 0)
			x->end = (enum verdict_end)i;
	x->n_orders = (size_t)sql_col_int(s, 2);
	x->n_trades = (size_t)sql_col_int(s, 3);
	x->cash_before.u = sql_col_int(s, 4);
	x->cash_after.u = sql_col_int(s, 5);
	sql_reset(s);
	if (verdict_load_orders(db, x, e) != 0) {
		verdict_release_execution(x);
		return -1;
	}
	return 0;
}
