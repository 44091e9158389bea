#include "proof_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

/*
 * What the rows of a window say about money, recomputed in the order in which they stand:
 * prices; decisions against their hash; orders against the decisions that made them; executions
 * against both; trades from the books before, the batch and the costs of the pin; snapshots
 * from the books and the prices. Rows are in the order of their keys, so one that is missing,
 * twice or elsewhere is seen where it is, and what belongs together is found by bisection.
 */

#define PROOF_ASSETS_MAX 4096
#define PROOF_WINDOW_ROWS_MAX 1000000

/* ------------------------------------------------------------------ making */

struct proof_books *proof_books_new(struct proof_at *at)
{
	struct proof_books *b = mem_alloc(sizeof *b);

	b->at = at;
	b->window_ms = -1;
	return b;
}

static void proof_forget_window(struct proof_books *b)
{
	for (size_t i = 0; i < b->n_decided; i++)
		decision_release(&b->decided[i].d);
	b->n_decided = b->n_ordered = 0;
}

void proof_books_free(struct proof_books *b)
{
	if (b == NULL)
		return;
	proof_forget_window(b);
	for (size_t i = 0; i < b->n_agents; i++)
		portfolio_release(&b->traders[i].p);
	free(b->ordered);
	free(b->decided);
	free(b->pins);
	free(b->assets);
	free(b->traders);
	free(b);
}

void proof_books_agents(struct proof_books *b, const struct proof_agent *agents, size_t n)
{
	b->agents = agents;
	b->n_agents = n;
	b->traders = mem_array(n, sizeof *b->traders);
	for (size_t i = 0; i < n; i++) {
		portfolio_init(&b->traders[i].p);
		b->traders[i].p.start_cash = b->traders[i].p.cash = agents[i].start;
		b->traders[i].before_ms = -1;
	}
}

int proof_books_pin(struct proof_books *b, const struct digest *hash, const char *text,
		    size_t len)
{
	struct err e = { 0 };
	struct json *root = json_parse_max(text, len, PROOF_TEXT_MAX, &e);
	struct config c;
	int r;

	config_init(&c);
	r = root != NULL ? config_read(&c, json_get(root, "settings"), &e) : -1;
	if (r == 0) {
		b->pins = mem_resize(b->pins, b->n_pins + 1, sizeof *b->pins);
		b->pins[b->n_pins].hash = *hash;
		b->pins[b->n_pins].costs.fee_e8 = config_e8(&c, CONFIG_TRADE_FEE_BPS);
		b->pins[b->n_pins++].costs.slippage_e8 =
			config_e8(&c, CONFIG_TRADE_SLIPPAGE_BPS);
	} else {
		r = proof_differs(b->at, "is no pin: %s", e.text);
	}
	config_release(&c);
	json_free(root);
	return r;
}

/* ------------------------------------------------------------------ looking up */

static struct proof_asset *proof_asset_of(struct proof_books *b, const char *symbol)
{
	struct proof_asset *a;
	struct err ignored = { 0 };

	for (size_t i = 0; i < b->n_assets; i++)
		if (strcmp(b->assets[i].symbol, symbol) == 0)
			return &b->assets[i];
	if (b->n_assets == PROOF_ASSETS_MAX || ident_check_asset(symbol, &ignored) != 0)
		return NULL;
	b->assets = mem_resize(b->assets, b->n_assets + 1, sizeof *b->assets);
	a = &b->assets[b->n_assets++];
	*a = (struct proof_asset){ .window_ms = -1 };
	memcpy(a->symbol, symbol, strlen(symbol) + 1);
	return a;
}

/* ------------------------------------------------------------------ batch, prices */

static int proof_batch(struct proof_books *b, const struct proof_row *row)
{
	if (b->said_prices >= 0)
		return proof_differs(b->at, "is there twice");
	b->said_prices = cell_int(row, 3);
	for (size_t i = 0; i < b->n_pins; i++)
		if (cell_is(row, 1, &b->pins[i].hash))
			b->pin = &b->pins[i];
	return b->pin != NULL ? 0 : proof_differs(b->at, "names a pin that is not there");
}

static int proof_price(struct proof_books *b, const struct proof_row *row)
{
	struct proof_asset *a = proof_asset_of(b, cell_text(row, 0));

	if (b->said_prices < 0)
		return proof_differs(b->at, "the batch before it is not there");
	if (a == NULL)
		return proof_differs(b->at, "is of no asset");
	if (strcmp(b->symbol, a->symbol) >= 0)
		return proof_differs(b->at, "is not in order");
	if (cell_int(row, 1) <= 0)
		return proof_differs(b->at, "is no price");
	memcpy(b->symbol, a->symbol, sizeof b->symbol);
	b->n_prices++;
	a->now.u = cell_int(row, 1);
	a->window_ms = b->window_ms;
	a->own = strcmp(cell_text(row, 5), "suspect") != 0;
	if (a->own)
		a->good = a->now;
	return 0;
}

static int proof_regime(struct proof_books *b, const struct proof_row *row)
{
	(void)row;
	return b->kind_rows == 1 ? 0 : proof_differs(b->at, "is there twice");
}

static int proof_prices_over(struct proof_books *b)
{
	if (b->said_prices < 0)
		return proof_differs(b->at, "the batch before it is not there");
	if (b->n_prices != b->said_prices)
		return proof_differs(b->at, "%lld prices stand before it, the batch has %lld",
				     (long long)b->n_prices, (long long)b->said_prices);
	return 0;
}

/* ------------------------------------------------------------------ trades */

static struct proof_value proof_value_of(struct proof_books *b, const struct portfolio *p,
					 bool *fits)
{
	struct proof_value v = { .cash = p->cash };

	*fits = true;
	for (size_t i = 0; i < p->n_positions; i++) {
		const struct portfolio_position *pos = &p->positions[i];
		const struct proof_asset *a = &b->assets[pos->asset_id];
		struct money m = { 0 };

		if (pos->quantity.u == 0)
			continue;
		v.unpriced += !race_value_position(pos, a->good, &m) ||
			      a->window_ms != b->window_ms || !a->own;
		*fits = *fits && money_add(v.positions, m, &v.positions) == 0 &&
			money_add(v.cost, pos->cost, &v.cost) == 0;
	}
	return v;
}

static int proof_same(struct proof_books *b, const char *field, int64_t is, int64_t should,
		      int scale)
{
	char x[DECIMAL_TEXT_MAX], y[DECIMAL_TEXT_MAX];

	if (is == should)
		return 0;
	return proof_differs(b->at, "%s is %s, should be %s", field,
			     decimal_format(is, scale, x), decimal_format(should, scale, y));
}

static int proof_fill(struct proof_books *b, const struct proof_row *row,
		      const struct portfolio_fill *f)
{
	if (proof_same(b, "the fill price", cell_int(row, 9), f->fill.u, PRICE_SCALE) != 0 ||
	    proof_same(b, "the notional", cell_int(row, 10), f->notional.u, MONEY_SCALE) != 0 ||
	    proof_same(b, "the fee", cell_int(row, 11), f->fee.u, MONEY_SCALE) != 0 ||
	    proof_same(b, "what is realised", cell_int(row, 12), f->realised.u, MONEY_SCALE) !=
		    0 ||
	    proof_same(b, "the cash", cell_int(row, 13), f->cash_after.u, MONEY_SCALE) != 0 ||
	    proof_same(b, "the position", cell_int(row, 14), f->position_after.u,
		       QUANTITY_SCALE) != 0)
		return -1;
	return proof_same(b, "the cost", cell_int(row, 15), f->cost_after.u, MONEY_SCALE);
}

/* The order that it fills. */
static int proof_trade_order(struct proof_books *b, const struct proof_row *row)
{
	struct proof_ordered *o =
		proof_ordered_of(b, b->key.agent, cell_int(row, 2), cell_int(row, 3));

	if (o == NULL || strcmp(o->asset, cell_text(row, 5)) != 0 ||
	    (int)o->side != proof_side(cell_text(row, 6)))
		return proof_differs(b->at, "has no order");
	if (o->traded)
		return proof_differs(b->at, "fills an order once more");
	o->traded = true;
	return proof_same(b, "the quantity", cell_int(row, 7), o->filled, QUANTITY_SCALE);
}

static int proof_trade(struct proof_books *b, const struct proof_row *row)
{
	struct proof_trader *t = &b->traders[b->key.agent];
	const struct proof_asset *a = proof_asset_of(b, cell_text(row, 5));
	struct portfolio_fill f;
	bool fits;

	b->at->r->trades++;
	if (cell_int(row, 4) != b->window_ms)
		return proof_differs(b->at, "is not of this window");
	if (cell_int(row, 1) != t->p.seq + 1)
		return proof_differs(b->at, "follows on trade %lld", (long long)t->p.seq);
	if (proof_trade_order(b, row) != 0)
		return -1;
	if (a == NULL || a->window_ms != b->window_ms)
		return proof_differs(b->at, "its asset has no price");
	if (proof_same(b, "the price", cell_int(row, 8), a->now.u, PRICE_SCALE) != 0)
		return -1;
	if (cell_int(row, 2) >= b->window_ms && t->before_ms != b->window_ms) {
		t->before = proof_value_of(b, &t->p, &fits);
		t->before_ms = b->window_ms;
	}
	if (portfolio_apply(&t->p, &b->pin->costs, a - b->assets,
			    (enum decision_side)proof_side(cell_text(row, 6)),
			    (struct quantity){ cell_int(row, 7) }, a->now, &f) != PORTFOLIO_OK)
		return proof_differs(b->at, "is not possible with the books before it");
	return proof_fill(b, row, &f);
}

/* Every order that says it was filled has its trade, every execution as many as it says. */
static int proof_trades_over(struct proof_books *b)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	for (size_t i = 0; i < b->n_ordered; i++) {
		const struct proof_ordered *o = &b->ordered[i];
		struct proof_decided *x = proof_decided_of(b, o->key.agent, o->key.window_ms);

		if (o->traded != (o->filled > 0))
			return proof_differs(
				b->at, "the trade of order %s %s %lld before it is not there",
				b->agents[o->key.agent].name,
				tstamp_window_id(o->key.window_ms, id), (long long)o->key.idx);
		x->n_trades -= o->traded;
	}
	for (size_t i = 0; i < b->n_decided; i++)
		if (b->decided[i].n_trades != 0)
			return proof_differs(
				b->at, "the execution %s %s before it counts other trades",
				b->agents[b->decided[i].key.agent].name,
				tstamp_window_id(b->decided[i].key.window_ms, id));
	return 0;
}

/* ------------------------------------------------------------------ snapshots */

static int proof_snapshot(struct proof_books *b, const struct proof_row *row)
{
	struct proof_trader *t = &b->traders[b->key.agent];
	bool pre = strcmp(cell_text(row, 1), "pre") == 0, fits = true;
	struct proof_value v = pre && t->before_ms == b->window_ms
				       ? t->before
				       : proof_value_of(b, &t->p, &fits);
	struct money unrealised, total;

	b->at->r->snapshots++;
	if (!fits || money_sub(v.positions, v.cost, &unrealised) != 0 ||
	    money_add(v.cash, v.positions, &total) != 0)
		return proof_differs(b->at, "its value does not fit");
	if (proof_same(b, "the cash", cell_int(row, 2), v.cash.u, MONEY_SCALE) != 0 ||
	    proof_same(b, "the value", cell_int(row, 3), v.positions.u, MONEY_SCALE) != 0 ||
	    proof_same(b, "what is unrealised", cell_int(row, 4), unrealised.u, MONEY_SCALE) !=
		    0 ||
	    proof_same(b, "the total", cell_int(row, 5), total.u, MONEY_SCALE) != 0)
		return -1;
	return proof_same(b, "the number of unpriced positions", cell_int(row, 6), v.unpriced,
			  0);
}

/* ------------------------------------------------------------------ windows */

void proof_books_window(struct proof_books *b, int64_t window_ms)
{
	proof_forget_window(b);
	b->window_ms = window_ms;
	b->kind = -1;
	b->rows = 0;
	b->n_prices = 0;
	b->said_prices = -1;
	b->pin = NULL;
	b->symbol[0] = '\0';
}

/* What must hold once no row of a kind follows any more. */
static int proof_kind_over(struct proof_books *b, int kind)
{
	if (kind == RACE_FACT_PRICE)
		return proof_prices_over(b);
	if (kind == RACE_FACT_CITATION)
		return proof_decisions_over(b);
	if (kind == RACE_FACT_EXECUTION)
		return proof_executions_over(b);
	return kind == RACE_FACT_TRADE ? proof_trades_over(b) : 0;
}

static int proof_move_on(struct proof_books *b, int kind)
{
	if (kind < b->kind)
		return proof_differs(b->at, "is not in order");
	for (; b->kind < kind; b->kind++)
		if (b->kind >= 0 && proof_kind_over(b, b->kind) != 0)
			return -1;
	return 0;
}

/* Rows of an agent: it is known, and the row comes after the one before. */
static int proof_in_order(struct proof_books *b, const struct proof_row *row, bool first)
{
	struct proof_key key = { proof_agent_find(b->agents, b->n_agents, cell_text(row, 0)), 0,
				 0 };

	if (key.agent == b->n_agents)
		return proof_differs(b->at, "is of an agent that the manifest does not name");
	if (row->kind == RACE_FACT_SNAPSHOT)
		key.window_ms = strcmp(cell_text(row, 1), "pre") != 0;
	else
		key.window_ms = cell_int(row, 1);
	if (row->kind == RACE_FACT_ORDER)
		key.idx = cell_int(row, 2);
	if (!first && proof_key_cmp(&b->key, &key) >= 0)
		return proof_differs(b->at, "is not in order");
	b->key = key;
	return 0;
}

int proof_books_row(struct proof_books *b, const struct proof_row *row)
{
	static int (*const each[RACE_FACTS])(struct proof_books *, const struct proof_row *) = {
		proof_batch,	proof_price, proof_regime,    proof_decision, proof_answer,
		proof_citation, proof_order, proof_execution, proof_trade,    proof_snapshot,
	};

	if (++b->rows > PROOF_WINDOW_ROWS_MAX)
		return proof_differs(b->at, "is one row too many for a window");
	if (b->kind != row->kind)
		b->kind_rows = 0;
	b->kind_rows++;
	if (proof_move_on(b, row->kind) != 0)
		return -1;
	if (row->kind > RACE_FACT_REGIME && proof_in_order(b, row, b->kind_rows == 1) != 0)
		return -1;
	return each[row->kind](b, row);
}

int proof_books_end(struct proof_books *b)
{
	return proof_move_on(b, RACE_FACTS);
}
