#ifndef DECISION_H
#define DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decimal.h"
#include "ident.h"

/*
 * What an agent answered: a status, orders, and why. The orders are the agent's wishes; what
 * risk and the market made of them is an execution.
 */

#define DECISION_ORDERS_MAX 64	    /* more in an answer make it invalid */
#define DECISION_REASONING_MAX 8192 /* bytes; longer texts are cut at a character */
#define DECISION_RULES_MAX 16	    /* more in an answer make it invalid */
#define DECISION_RULE_MAX 120	    /* bytes; longer ones are cut at a character */

enum decision_status {
	DECISION_OK,	  /* at least one order */
	DECISION_HOLD,	  /* a valid answer without orders */
	DECISION_INVALID, /* an answer that breaks the grammar or a bound */
	DECISION_TIMEOUT, /* no answer in time */
	DECISION_REFUSED, /* the agent declined to answer */
	DECISION_LATE,	  /* an answer after the deadline */
	DECISION_ERROR,	  /* the agent could not be run or failed */
	DECISION_BUDGET,  /* asking would cost more than may be spent */
	DECISION_STATUSES
};

enum decision_side { DECISION_BUY, DECISION_SELL };

struct decision_order {
	char asset[IDENT_ASSET_MAX + 1];
	enum decision_side side;
	bool by_notional;	  /* else by quantity */
	struct quantity quantity; /* > 0 unless by_notional */
	struct money notional;	  /* > 0 if by_notional: the value to trade, before fees */
	bool has_limit;
	struct price limit; /* buy at most, sell at least */
};

struct decision {
	enum decision_status status;
	struct decision_order *orders; /* owned */
	size_t n_orders;
	char *reasoning; /* owned, NULL when none was given */
	char **rules;	 /* that it says it followed; owned, as are they */
	size_t n_rules;
	bool has_confidence;
	int64_t confidence_e4; /* 0 to 10000 */
	char *error;	       /* owned; why a status other than ok and hold */
};

void decision_init(struct decision *d);
void decision_release(struct decision *d);

/* Append a zeroed order and return it (borrowed until the next call). Sets status to OK. */
struct decision_order *decision_add(struct decision *d);

/* Release ${d} and make it a failure with a formatted error. */
void decision_fail(struct decision *d, enum decision_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "ok", "hold", "invalid" ... */
const char *decision_status_name(enum decision_status s);
/* The status of that name, or -1. */
int decision_status_parse(const char *name);
/* "buy" or "sell". */
const char *decision_side_name(enum decision_side s);

#endif
