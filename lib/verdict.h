#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "decision.h"
#include "digest.h"
#include "err.h"
#include "portfolio.h"
#include "risk.h"

/*
 * Decisions and what became of them. A decision is stored once per agent and window; it is
 * carried out once, by its execution. Functions that write are called inside a transaction of
 * the caller.
 */

struct verdict {
	int64_t agent_id;
	int64_t window_ms;
	int64_t version;
	bool manual;	 /* handed in by a person, not asked for */
	int64_t fill_ms; /* the window whose batch fills it */
	int64_t at_ms;
	struct decision d;
	struct digest hash;
	bool has_context;
	struct digest context;
	char *raw; /* owned; NULL for none */
	size_t raw_len;
	int64_t latency_ms;
	bool executed; /* an execution exists */
};

void verdict_init(struct verdict *v);
void verdict_release(struct verdict *v);

/* Whether the agent has a decision for the window. */
int verdict_exists(struct db *db, int64_t agent_id, int64_t window_ms, bool *exists,
		   struct err *e);
/* Load it; *${found}. */
int verdict_load(struct db *db, int64_t agent_id, int64_t window_ms, struct verdict *v,
		 bool *found, struct err *e);
/* Store it; fills in v->hash. The key must be new. */
int verdict_add(struct db *db, struct verdict *v, struct err *e);
/* Windows in [from, to] whose decision fills at ${fill_ms} or before and was not carried out
 * yet, ascending. */
int verdict_waiting(struct db *db, int64_t agent_id, int64_t from_ms, int64_t to_ms,
		    int64_t fill_ms, int64_t **windows, size_t *n, struct err *e);

/* What became of one order. */
struct verdict_order {
	struct decision_order order;
	struct risk_outcome outcome;
	bool filled;
	struct portfolio_fill fill;
};

enum verdict_end { VERDICT_EXECUTED, VERDICT_EXPIRED, VERDICT_VOID, VERDICT_HALTED };

struct verdict_execution {
	int64_t agent_id;
	int64_t window_ms; /* the decision's */
	int64_t exec_ms;   /* the window that carried it out */
	enum verdict_end end;
	size_t n_orders, n_trades;
	struct money cash_before, cash_after;
	struct verdict_order *orders; /* owned */
};

const char *verdict_end_name(enum verdict_end end);
void verdict_release_execution(struct verdict_execution *x);
/* Store execution and orders (trades are the ledger's). */
int verdict_add_execution(struct db *db, const struct verdict_execution *x, struct err *e);
/* Load the execution of a decision with its orders; fills are looked up by the ledger. */
int verdict_load_execution(struct db *db, int64_t agent_id, int64_t window_ms,
			   struct verdict_execution *x, bool *found, struct err *e);
/* Decisions of an agent that a window carried out, ascending. */
int verdict_carried(struct db *db, int64_t exec_ms, int64_t agent_id, int64_t **windows,
		    size_t *n, struct err *e);

#endif
