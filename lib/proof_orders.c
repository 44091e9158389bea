#include "proof_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "wire.h"

#include "banned.h"

/*
 * Decisions, and what they say about their orders and executions. The rows are in the order of
 * their keys, so what belongs together is found by bisection.
 */

int proof_key_cmp(const struct proof_key *a, const struct proof_key *b)
{
	if (a->agent != b->agent)
		return a->agent < b->agent ? -1 : 1;
	if (a->window_ms != b->window_ms)
		return a->window_ms < b->window_ms ? -1 : 1;
	return (a->idx > b->idx) - (a->idx < b->idx);
}

static int proof_decided_cmp(const void *key, const void *item)
{
	return proof_key_cmp(key, &((const struct proof_decided *)item)->key);
}

static int proof_ordered_cmp(const void *key, const void *item)
{
	return proof_key_cmp(key, &((const struct proof_ordered *)item)->key);
}

struct proof_decided *proof_decided_of(struct proof_books *b, size_t agent, int64_t window_ms)
{
	struct proof_key key = { agent, window_ms, 0 };

	return b->n_decided == 0 ? NULL
				 : bsearch(&key, b->decided, b->n_decided, sizeof *b->decided,
					   proof_decided_cmp);
}

struct proof_ordered *proof_ordered_of(struct proof_books *b, size_t agent, int64_t window_ms,
				       int64_t idx)
{
	struct proof_key key = { agent, window_ms, idx };

	return b->n_ordered == 0 ? NULL
				 : bsearch(&key, b->ordered, b->n_ordered, sizeof *b->ordered,
					   proof_ordered_cmp);
}

int proof_side(const char *name)
{
	if (strcmp(name, "buy") == 0)
		return DECISION_BUY;
	return strcmp(name, "sell") == 0 ? DECISION_SELL : -1;
}

/* ------------------------------------------------------------------ decisions */

static int proof_read_decision(const struct proof_row *row, struct decision *d, struct err *e)
{
	const char *status = cell_text(row, 4);
	const struct proof_cell *confidence = &row->cells[9];
	int s = decision_status_parse(status);

	decision_init(d);
	if (s < 0)
		return err_set(e, ERR_DATA, "its status is unknown");
	if (wire_orders_parse(cell_text(row, 7), d, e) != 0)
		return -1;
	d->status = (enum decision_status)s;
	if (!row->cells[8].withheld)
		d->reasoning = mem_strdup(cell_text(row, 8));
	d->has_confidence = confidence->type == SQL_INT;
	d->confidence_e4 = confidence->v;
	if (!row->cells[10].withheld)
		d->error = mem_strdup(cell_text(row, 10));
	return 0;
}

int proof_decision(struct proof_books *b, const struct proof_row *row)
{
	struct proof_decided *x;
	struct err e = { 0 };

	b->decided = mem_resize(b->decided, b->n_decided + 1, sizeof *b->decided);
	x = &b->decided[b->n_decided++];
	*x = (struct proof_decided){ .key = { b->key.agent, cell_int(row, 1), 0 } };
	b->at->r->decisions++;
	if (proof_read_decision(row, &x->d, &e) != 0)
		return proof_differs(b->at, "cannot be read: %s", e.text);
	x->unknown = row->cells[8].withheld || row->cells[10].withheld;
	x->line = b->at->line;
	if (row->cells[11].n != sizeof x->hash.bytes)
		return proof_differs(b->at, "has no hash");
	memcpy(x->hash.bytes, row->cells[11].data, sizeof x->hash.bytes);
	return 0;
}

int proof_answer(struct proof_books *b, const struct proof_row *row)
{
	if (proof_decided_of(b, b->key.agent, cell_int(row, 1)) == NULL)
		return proof_differs(b->at, "has no decision");
	return 0;
}

int proof_citation(struct proof_books *b, const struct proof_row *row)
{
	struct proof_decided *x = proof_decided_of(b, b->key.agent, cell_int(row, 1));
	struct err e = { 0 };

	if (x == NULL)
		return proof_differs(b->at, "has no decision");
	if (row->cells[2].withheld)
		x->unknown = true;
	else if (cell_text(row, 2) == NULL ||
		 wire_rules_parse(cell_text(row, 2), &x->d, &e) != 0)
		return proof_differs(b->at, "cannot be read");
	return 0;
}

/* The hash of a decision is of the rules that it cites too, which come after it. */
int proof_decisions_over(struct proof_books *b)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	for (size_t i = 0; i < b->n_decided; i++) {
		const struct proof_decided *x = &b->decided[i];
		struct digest hash;

		if (x->unknown)
			continue;
		wire_decision_hash(&x->d, &hash);
		if (memcmp(hash.bytes, x->hash.bytes, sizeof hash.bytes) == 0)
			continue;
		b->at->line = x->line;
		snprintf(b->at->label, sizeof b->at->label, "%s %s %s",
			 proof_kind_name(RACE_FACT_DECISION), b->agents[x->key.agent].name,
			 tstamp_window_id(x->key.window_ms, id));
		return proof_differs(b->at, "does not match its hash");
	}
	return 0;
}

/* ------------------------------------------------------------------ orders, executions */

static bool proof_optional_is(const struct proof_row *row, size_t i, bool has, int64_t v)
{
	return has ? row->cells[i].type == SQL_INT && row->cells[i].v == v
		   : row->cells[i].type == SQL_NULL;
}

/* Whether an order is what the decision says at its place. */
static bool proof_order_is(const struct proof_row *row, const struct decision *d)
{
	const struct decision_order *o;

	if (cell_int(row, 2) < 0 || (uint64_t)cell_int(row, 2) >= d->n_orders)
		return false;
	o = &d->orders[cell_int(row, 2)];
	return strcmp(cell_text(row, 3), o->asset) == 0 &&
	       proof_side(cell_text(row, 4)) == (int)o->side &&
	       proof_optional_is(row, 5, !o->by_notional, o->quantity.u) &&
	       proof_optional_is(row, 6, o->by_notional, o->notional.u) &&
	       proof_optional_is(row, 7, o->has_limit, o->limit.u);
}

int proof_order(struct proof_books *b, const struct proof_row *row)
{
	struct proof_decided *x = proof_decided_of(b, b->key.agent, cell_int(row, 1));
	struct proof_ordered *o;

	if (x == NULL)
		return proof_differs(b->at, "has no decision");
	if (!proof_order_is(row, &x->d))
		return proof_differs(b->at, "is not what the decision asks for");
	b->ordered = mem_resize(b->ordered, b->n_ordered + 1, sizeof *b->ordered);
	o = &b->ordered[b->n_ordered++];
	*o = (struct proof_ordered){
		.key = { b->key.agent, cell_int(row, 1), cell_int(row, 2) },
		.side = (enum decision_side)proof_side(cell_text(row, 4)),
		.filled = cell_int(row, 11),
	};
	memcpy(o->asset, cell_text(row, 3), strlen(cell_text(row, 3)) + 1);
	x->n_orders++;
	return 0;
}

int proof_execution(struct proof_books *b, const struct proof_row *row)
{
	struct proof_decided *x = proof_decided_of(b, b->key.agent, cell_int(row, 1));

	if (x == NULL)
		return proof_differs(b->at, "has no decision");
	if (x->n_orders != cell_int(row, 3))
		return proof_differs(b->at, "is of %lld orders, of which %lld are there",
				     (long long)cell_int(row, 3), (long long)x->n_orders);
	x->executed = true;
	x->n_trades = cell_int(row, 4);
	return 0;
}

int proof_executions_over(struct proof_books *b)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	for (size_t i = 0; i < b->n_decided; i++) {
		const struct proof_key *k = &b->decided[i].key;

		if (!b->decided[i].executed)
			return proof_differs(
				b->at, "the execution %s %s before it is not there",
				b->agents[k->agent].name, tstamp_window_id(k->window_ms, id));
	}
	return 0;
}
