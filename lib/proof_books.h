#ifndef PROOF_BOOKS_H
#define PROOF_BOOKS_H

#include <string.h>

#include "decision.h"
#include "proof_part.h"

/* What proof_books and proof_orders share: the state of the books, and the window. */

/* An asset; portfolios know it by its place in the list. */
struct proof_asset {
	char symbol[IDENT_ASSET_MAX + 1];
	struct price good; /* the last one that was not suspect, 0 for none */
	struct price now;  /* in the window's batch */
	int64_t window_ms; /* of it */
	bool own;	   /* and it is not suspect */
};

struct proof_value {
	struct money cash, positions, cost;
	int64_t unpriced;
};

struct proof_trader {
	struct portfolio p;
	struct proof_value before; /* before the decisions of window ${before_ms} */
	int64_t before_ms;	   /* -1: not needed yet */
};

struct proof_pin {
	struct digest hash;
	struct portfolio_costs costs;
};

/* The agent by its place in the list, and the window of the decision. */
struct proof_key {
	size_t agent;
	int64_t window_ms;
	int64_t idx;
};

struct proof_decided {
	struct proof_key key;
	struct decision d;
	bool unknown; /* a text that goes into its hash is left out */
	struct digest hash;
	int64_t line;
	int64_t n_orders, n_trades; /* rows */
	bool executed;
};

struct proof_ordered {
	struct proof_key key;
	char asset[IDENT_ASSET_MAX + 1];
	enum decision_side side;
	int64_t filled;
	bool traded;
};

struct proof_books {
	struct proof_at *at;
	const struct proof_agent *agents; /* borrowed, in order of name */
	struct proof_trader *traders;
	size_t n_agents;
	struct proof_asset *assets;
	size_t n_assets;
	struct proof_pin *pins;
	size_t n_pins;
	/* the window */
	int64_t window_ms;
	int kind; /* of the last row, -1 before the first */
	struct proof_key key;
	size_t rows;
	size_t kind_rows; /* of that kind */
	int64_t n_prices, said_prices;
	const struct proof_pin *pin;
	char symbol[IDENT_ASSET_MAX + 1]; /* of the last price */
	struct proof_decided *decided;
	size_t n_decided;
	struct proof_ordered *ordered;
	size_t n_ordered;
};

/* Columns of a row. */
static inline int64_t cell_int(const struct proof_row *row, size_t i)
{
	return row->cells[i].v;
}

static inline const char *cell_text(const struct proof_row *row, size_t i)
{
	return row->cells[i].type == SQL_TEXT ? row->cells[i].data : NULL;
}

static inline bool cell_is(const struct proof_row *row, size_t i, const struct digest *d)
{
	return row->cells[i].n == sizeof d->bytes &&
	       memcmp(row->cells[i].data, d->bytes, sizeof d->bytes) == 0;
}

/* Where a key stands before or behind another: below or above 0. */
int proof_key_cmp(const struct proof_key *a, const struct proof_key *b);
/* A decision or order of the window, NULL if there is none. */
struct proof_decided *proof_decided_of(struct proof_books *b, size_t agent, int64_t window_ms);
struct proof_ordered *proof_ordered_of(struct proof_books *b, size_t agent, int64_t window_ms,
				       int64_t idx);
/* A decision_side, -1 for none. */
int proof_side(const char *name);

/* Rows of these kinds; -1 after a difference. */
int proof_decision(struct proof_books *b, const struct proof_row *row);
int proof_answer(struct proof_books *b, const struct proof_row *row);
int proof_citation(struct proof_books *b, const struct proof_row *row);
int proof_order(struct proof_books *b, const struct proof_row *row);
int proof_execution(struct proof_books *b, const struct proof_row *row);
/* What must hold once no more of them follow. */
int proof_decisions_over(struct proof_books *b);
int proof_executions_over(struct proof_books *b);

#endif
