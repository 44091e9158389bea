#ifndef RACE_RULES_H
#define RACE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "decision.h"
#include "err.h"
#include "market.h"
#include "portfolio.h"
#include "race.h"
#include "risk.h"

/*
 * What the risk rules are told when a decision is carried out, by who carries it out and by who
 * asks later what they were told. Part of module race.
 */

/* Which snapshots of the window itself count beside those of earlier ones. */
enum race_rules_seen {
	RACE_RULES_SEEN_ALL,  /* all that are stored: for who carries out */
	RACE_RULES_SEEN_PRE,  /* that before its decisions */
	RACE_RULES_SEEN_NONE, /* none */
};

struct race_rules {
	struct db *db;
	const struct race_window *w;	   /* that carries it out */
	const struct market_price *prices; /* of its batch */
	size_t n_prices;
	struct portfolio_costs costs;
	const char *agent;
	bool baseline, halted;
	enum race_rules_seen seen;

	/* set by race_rules_start */
	int64_t agent_id;
	int64_t seq; /* of the agent's last trade before the decision */
	struct risk_limits limits;
	/* equities are set by race_rules_start, the rest for each order by race_rules_check */
	struct risk_moment moment;
};

/* Limits and equities of one decision; ${p} are the books before it. */
int race_rules_start(struct race_rules *r, const struct portfolio *p, struct err *e);

/* What the rules say to an order; ${p} are the books as the orders before it left them. */
int race_rules_check(struct race_rules *r, const struct portfolio *p,
		     const struct decision_order *o, size_t index, struct risk_outcome *out,
		     struct err *e);

#endif
