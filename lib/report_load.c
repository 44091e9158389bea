#include "report_part.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* What a card shows, out of the books. */

static const char sql_decided[] =
	"SELECT window_ms FROM decisions WHERE agent_id = :agent AND window_ms >= :from "
	"AND window_ms < :before ORDER BY window_ms DESC LIMIT :n";
static const char sql_filled[] =
	"SELECT a.symbol, t.fill_ms, t.side = 'sell', t.quantity, t.fill_price, t.notional, "
	"t.fee, t.realised FROM trades AS t JOIN assets AS a ON a.id = t.asset_id "
	"WHERE t.agent_id = :agent AND t.fill_ms >= :from AND t.fill_ms < :before "
	"ORDER BY t.seq DESC LIMIT :n";
static const char sql_latency[] =
	"SELECT latency_ms FROM decisions WHERE agent_id = :agent AND window_ms >= :from "
	"AND window_ms < :before AND origin = 'agent'";
static const char sql_tokens[] =
	"SELECT count(*), total(input), total(output), total(substitute) FROM answers "
	"WHERE agent_id = :agent AND window_ms >= :from AND window_ms < :before";
static const char sql_sealed[] = "SELECT window_ms FROM seals WHERE n = :n";
/* scan: a race has few pins */
static const char sql_pinned[] =
	"SELECT (SELECT min(c.window_ms) FROM cycles AS c WHERE c.pin = p.hash AND "
	"c.window_ms >= :from AND c.window_ms <= :last) FROM pins AS p";
static const char sql_regimes[] = "SELECT regimes FROM regimes WHERE window_ms = :window";
static const char sql_symbol[] = "SELECT symbol FROM assets WHERE id = :asset";

static struct sql_stmt *report_get(struct db *db, const char *sql, const struct report_page *p,
				   const struct race_standing *s)
{
	struct sql_stmt *q = db_get(db, sql);

	sql_int(q, ":agent", s->agent.id);
	sql_int(q, ":from", p->q->from_ms < 0 ? 0 : p->q->from_ms);
	sql_int(q, ":before", p->q->before_ms < 0 ? INT64_MAX : p->q->before_ms);
	return q;
}

static void copy_symbol(char out[IDENT_ASSET_MAX + 1], const char *symbol)
{
	size_t n = strlen(symbol);

	n = n < IDENT_ASSET_MAX ? n : IDENT_ASSET_MAX;
	memcpy(out, symbol, n);
	out[n] = '\0';
}

/* ------------------------------------------------------------------ positions */

static int load_position(struct db *db, int64_t window_ms, const struct portfolio_position *pos,
			 struct report_position *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_symbol);
	struct market_price price = { 0 };
	bool found;

	*out = (struct report_position){ .quantity = pos->quantity, .cost = pos->cost };
	sql_int(s, ":asset", pos->asset_id);
	if (sql_row(s, e) != 1)
		return -1;
	copy_symbol(out->symbol, sql_col_text(s, 0));
	sql_reset(s);
	if (market_price_before(db, pos->asset_id, window_ms + 1, &price, &found, e) != 0)
		return -1;
	out->value = pos->cost;
	out->priced = found && race_value_position(pos, price.price, &out->value);
	return 0;
}

static int compare_positions(const void *a, const void *b)
{
	const struct report_position *x = a, *y = b;

	if (x->value.u != y->value.u)
		return x->value.u > y->value.u ? -1 : 1;
	return strcmp(x->symbol, y->symbol);
}

static int load_positions(struct db *db, const struct report_page *p,
			  const struct race_standing *s, struct report_card *c, struct err *e)
{
	int64_t after_ms = p->board.last_ms + 1;
	struct portfolio books;
	int r;

	r = p->q->before_ms < 0
		    ? ledger_load(db, s->agent.id, &books, e)
		    : ledger_load_at(db, s->agent.id, after_ms, after_ms, &books, e);
	if (r != 0)
		return -1;
	c->cash = books.cash;
	c->positions = mem_array(books.n_positions, sizeof *c->positions);
	for (size_t i = 0; i < books.n_positions && r == 0; i++)
		if (books.positions[i].quantity.u > 0)
			r = load_position(db, p->board.last_ms, &books.positions[i],
					  &c->positions[c->n_positions++], e);
	if (c->n_positions > 0)
		qsort(c->positions, c->n_positions, sizeof *c->positions, compare_positions);
	portfolio_release(&books);
	return r;
}

/* ------------------------------------------------------------------ decisions and trades */

static int load_regimes(struct db *db, int64_t window_ms, struct report_decision *d,
			struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_regimes);
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	if (r == 1) {
		const char *text = sql_col_text(s, 0);

		d->regimes = json_parse(text, strlen(text), e);
		r = d->regimes == NULL ? -1 : 0;
	}
	sql_reset(s);
	return r;
}

static int load_decision(struct db *db, int64_t agent_id, int64_t window_ms,
			 struct report_decision *d, struct err *e)
{
	bool found;

	verdict_init(&d->v);
	if (verdict_load(db, agent_id, window_ms, &d->v, &found, e) != 0 ||
	    load_regimes(db, window_ms, d, e) != 0)
		return -1;
	return verdict_load_execution(db, agent_id, window_ms, &d->x, &d->done, e);
}

static int load_decisions(struct db *db, const struct report_page *p,
			  const struct race_standing *s, struct report_card *c, struct err *e)
{
	struct sql_stmt *q = report_get(db, sql_decided, p, s);
	int64_t windows[REPORT_DECISIONS];
	size_t n = 0;
	int r;

	sql_int(q, ":n", REPORT_DECISIONS);
	while ((r = sql_row(q, e)) == 1)
		windows[n++] = sql_col_int(q, 0);
	c->decisions = mem_array(n, sizeof *c->decisions);
	for (size_t i = 0; i < n && r == 0; i++)
		r = load_decision(db, s->agent.id, windows[i], &c->decisions[c->n_decisions++],
				  e);
	return r;
}

static int load_trades(struct db *db, const struct report_page *p,
		       const struct race_standing *s, struct report_card *c, struct err *e)
{
	struct sql_stmt *q = report_get(db, sql_filled, p, s);
	int r;

	sql_int(q, ":n", REPORT_TRADES);
	c->trades = mem_array(REPORT_TRADES, sizeof *c->trades);
	while ((r = sql_row(q, e)) == 1) {
		struct report_trade *t = &c->trades[c->n_trades++];

		copy_symbol(t->symbol, sql_col_text(q, 0));
		t->fill_ms = sql_col_int(q, 1);
		t->sell = sql_col_int(q, 2) != 0;
		t->quantity.u = sql_col_int(q, 3);
		t->price.u = sql_col_int(q, 4);
		t->notional.u = sql_col_int(q, 5);
		t->fee.u = sql_col_int(q, 6);
		t->realised.u = sql_col_int(q, 7);
	}
	return r;
}

/* ------------------------------------------------------------------ time and cost */

static int compare_ints(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int load_latency(struct sql_stmt *q, struct report_card *c, struct err *e)
{
	int64_t *all = NULL;
	size_t n = 0, cap = 0;
	int r;

	while ((r = sql_row(q, e)) == 1) {
		if (n == cap) {
			cap = cap * 2 + 256;
			all = mem_resize(all, cap, sizeof *all);
		}
		all[n++] = sql_col_int(q, 0);
	}
	if (r == 0 && n > 0) {
		qsort(all, n, sizeof *all, compare_ints);
		c->latency_median_ms = all[(n - 1) / 2];
		/* the least that at least 95 % do not exceed */
		c->latency_p95_ms = all[(n * 95 + 99) / 100 - 1];
		c->latency_max_ms = all[n - 1];
	}
	c->n_latency = (int64_t)n;
	free(all);
	return r;
}

static int load_tokens(struct sql_stmt *q, struct report_card *c, struct err *e)
{
	if (sql_row(q, e) != 1)
		return -1;
	c->answers = sql_col_int(q, 0);
	c->tokens_in = sql_col_int(q, 1);
	c->tokens_out = sql_col_int(q, 2);
	c->substitutes = sql_col_int(q, 3);
	sql_reset(q);
	return 0;
}

int report_load_sealed(struct db *db, struct report_page *p, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_sealed);
	int r;

	sql_int(q, ":n", p->board.seals);
	r = sql_row(q, e);
	p->sealed_ms = r == 1 ? sql_col_int(q, 0) : -1;
	sql_reset(q);
	return r < 0 ? -1 : 0;
}

/* Whether fees and slippage of a window are those of the last one. */
static int compare_rates(struct db *db, int64_t window_ms, struct report_page *p, struct err *e)
{
	static const enum config_key rates[] = { CONFIG_TRADE_FEE_BPS,
						 CONFIG_TRADE_SLIPPAGE_BPS };
	struct race_window w = { 0 };
	int r = race_open_read(db, window_ms, &w, e);

	for (size_t i = 0; i < sizeof rates / sizeof *rates && r == 0; i++)
		if (strcmp(config_text(&w.config, rates[i]),
			   config_text(&p->last.config, rates[i])) != 0)
			p->rates_changed = true;
	race_release(&w);
	return r;
}

int report_load_rates(struct db *db, struct report_page *p, struct err *e)
{
	struct sql_stmt *q = db_get(db, sql_pinned);
	int64_t *windows = NULL;
	size_t n = 0;
	int r;

	sql_int(q, ":from", p->board.first_ms);
	sql_int(q, ":last", p->board.last_ms);
	while ((r = sql_row(q, e)) == 1) {
		windows = mem_resize(windows, n + 1, sizeof *windows);
		/* none of the span ran under it */
		if (!sql_col_null(q, 0))
			windows[n++] = sql_col_int(q, 0);
	}
	for (size_t i = 0; i < n && r == 0 && !p->rates_changed; i++)
		r = compare_rates(db, windows[i], p, e);
	free(windows);
	return r;
}

int report_load_card(struct db *db, const struct report_page *p, const struct race_standing *s,
		     struct report_card *c, struct err *e)
{
	*c = (struct report_card){ .publish = ROSTER_PUBLISH_NONE };
	if (roster_publish(db, s->agent.id, &c->publish, e) != 0 ||
	    roster_load_agent(db, s->agent.name, s->agent.version, &c->made, e) != 0 ||
	    load_positions(db, p, s, c, e) != 0 || load_decisions(db, p, s, c, e) != 0 ||
	    load_trades(db, p, s, c, e) != 0)
		return -1;
	c->timed = s->kind == ROSTER_EXEC || s->kind == ROSTER_LLM || s->kind == ROSTER_ML;
	if (!c->timed)
		return 0;
	return load_latency(report_get(db, sql_latency, p, s), c, e) != 0
		       ? -1
		       : load_tokens(report_get(db, sql_tokens, p, s), c, e);
}

void report_release_card(struct report_card *c)
{
	for (size_t i = 0; i < c->n_decisions; i++) {
		verdict_release(&c->decisions[i].v);
		if (c->decisions[i].done)
			verdict_release_execution(&c->decisions[i].x);
		json_free(c->decisions[i].regimes);
	}
	free(c->decisions);
	free(c->positions);
	free(c->trades);
	roster_release_agent(&c->made);
}
