#ifndef RACE_WHY_H
#define RACE_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"
#include "digest.h"
#include "err.h"
#include "ledger.h"
#include "market.h"
#include "portfolio.h"
#include "race.h"
#include "risk.h"
#include "roster.h"
#include "route.h"
#include "verdict.h"

/*
 * Why a trade, a decision, a rejection or a window came to be as it is (J-06): what was shown,
 * asked, answered, ruled and filled, as it is stored, and computed once more by the functions
 * that computed it then. What does not come to the same is a problem. Nothing is written. Part
 * of module race.
 */

enum race_why_subject {
	RACE_WHY_TRADE,
	RACE_WHY_DECISION,
	RACE_WHY_REJECTION,
	RACE_WHY_AGENT,
	RACE_WHY_WINDOW,
};

const char *race_why_subject_name(enum race_why_subject s);

/*
 * Trades have the number of the table. Decisions and rejections (orders that were dropped) are
 * counted from 1 in the order in which they were carried out: by window, agent and decision's
 * window; they stay the same once their window is over.
 */
struct race_why_query {
	enum race_why_subject subject;
	int64_t number;	    /* trade, decision, rejection */
	const char *agent;  /* agent */
	const char *window; /* agent, window: as race_find_window takes it */
	const char *asset;  /* agent: only orders in it; NULL: all */
};

/* ---- texts that are kept apart from the facts */

enum race_why_kept {
	RACE_WHY_KEPT,	  /* it is there and has its hash */
	RACE_WHY_REMADE,  /* it was pruned or never kept; made again it has its hash */
	RACE_WHY_GONE,	  /* it was pruned or never kept, and cannot be made again */
	RACE_WHY_DIFFERS, /* it is there and has another hash */
};

const char *race_why_kept_name(enum race_why_kept k);

struct race_why_text {
	struct digest hash; /* as the fact has it */
	enum race_why_kept kept;
	struct buf text; /* empty when gone */
};

struct race_why_prompt {
	struct digest hash;
	enum race_why_kept kept; /* of the whole */
	bool has_parts;		 /* else it is the context itself */
	struct race_why_text system, head, tail;
};

/* ---- prices */

struct race_why_price {
	char symbol[IDENT_ASSET_MAX + 1];
	struct market_price p;
	char *source; /* owned */
};

struct race_why_feed {
	char symbol[IDENT_ASSET_MAX + 1];
	int64_t priority;
	char *source, *outcome, *detail; /* owned */
};

struct race_why_batch {
	int64_t window_ms;
	bool there;
	int64_t n_assets;	       /* that were asked for */
	struct race_why_price *prices; /* in order of symbol; owned */
	size_t n_prices;
	struct race_why_feed *feeds; /* that were asked over the network; owned */
	size_t n_feeds;
	char *regimes; /* JSON object, as it was stored; NULL: none were; owned */
};

/* ---- a decision and what became of it */

/* What a rule that spoke went by. */
struct race_why_rule {
	enum risk_reason reason;
	const char *setting; /* name in the registry; NULL: none */
	const char *value;   /* pinned; borrowed from the turn's window */
	char detail[160];    /* the numbers, as an equation or a comparison; "" for none */
};

struct race_why_order {
	struct verdict_order o;
	bool asked_about;	  /* by trade, rejection or asset */
	int64_t rejection;	  /* its number; 0: it was not dropped */
	struct price price, fill; /* of the batch and after slippage; 0: none */
	struct race_why_rule rules[RISK_REASONS];
	size_t n_rules;
	bool traded;
	struct ledger_trade t;
	/* the books before it, and what it should be */
	struct money cash_before, cost_before, cost_removed;
	struct quantity held_before;
	bool possible;
	struct portfolio_fill again;
};

struct race_why_tokens {
	char *service;			 /* of the breaker; owned */
	int64_t reserved, input, output; /* tokens -1: not said */
};

struct race_why_answer {
	char *provider, *model, *returned; /* owned */
	bool substitute;
	int64_t input, cached, output, reasoning; /* tokens; -1: not said */
	int64_t cost;
};

struct race_why_turn {
	struct roster_agent agent; /* at the version that decided; owned */
	bool baseline;
	int64_t window_ms;
	bool decided;
	const char *silent; /* why there is no decision; NULL if there is */
	struct verdict v;
	int64_t number; /* of the decision; 0: it was not carried out yet */
	bool has_context;
	struct race_why_text context;
	bool asked; /* over the network, and an answer or its failure was stored */
	struct race_why_prompt prompt;
	struct race_why_answer answer;
	struct route_story story;
	struct race_why_tokens *tokens; /* one per attempt of the story; owned */
	size_t n_tokens;
	bool carried;
	struct verdict_execution x;
	struct race_window w;	       /* that carried it out */
	struct race_why_order *orders; /* owned */
	size_t n_orders;
	struct portfolio_costs costs;
	struct money equity; /* at its prices, before it */
	bool has_pre, has_post;
	struct ledger_snapshot pre, post; /* of the window that carried it out */
};

/* ---- a window */

struct race_why_event {
	int64_t seq, at_ms;
	char *type, *stage, *detail; /* owned */
};

/* What an agent did in it. */
struct race_why_seat {
	char agent[IDENT_AGENT_MAX + 1];
	const char *silent; /* why it has not decided; NULL: it has */
	enum decision_status status;
	char *error;	 /* owned */
	const char *end; /* of the execution; NULL: none yet */
	int64_t orders, trades;
};

struct race_why_neighbour {
	bool there;
	struct race_status s;
};

struct race_why_history {
	bool begun;
	char state[RACE_STATE_MAX]; /* or "not_run": it was passed over without a note */
	char *why;		    /* a sentence; owned */
	struct race_status s;
	struct race_why_event *events; /* owned */
	size_t n_events;
	bool sealed;
	bool pruned;		     /* nothing is left of its events but the end */
	struct race_why_seat *seats; /* owned */
	size_t n_seats;
	struct race_why_neighbour before, after; /* windows that were begun */
	int64_t missed; /* windows between the two that were noted as missed */
};

/* ---- all of it */

struct race_why {
	struct race_why_query q;
	int64_t window_ms;
	char quote[IDENT_ASSET_MAX + 1];
	char only[IDENT_ASSET_MAX + 1]; /* prices of this asset are enough; "": all */
	struct race_why_batch *batches; /* that the turns name, or the window's; owned */
	size_t n_batches;
	struct race_why_turn *turns; /* owned */
	size_t n_turns;
	bool has_history;
	struct race_why_history history;
	char **problems; /* what does not add up; owned */
	size_t n_problems;
};

/* ERR_NOTFOUND if the thing asked for is not there. The caller releases it, also after a
 * failure.
 */
int race_why_load(struct db *db, const struct race_why_query *q, struct race_why *y,
		  struct err *e);
void race_why_release(struct race_why *y);

/* The batch of a window, NULL if it is not part of the answer. */
const struct race_why_batch *race_why_batch(const struct race_why *y, int64_t window_ms);

/* The record tr.why/1, with contexts and prompts as texts on demand. */
void race_why_record(const struct race_why *y, bool context, bool prompt, struct buf *out);
/* The same for people, in lines that cannot steer their terminal. */
void race_why_tell(const struct race_why *y, bool context, bool prompt, struct buf *out);

#endif
