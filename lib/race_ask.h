#ifndef RACE_ASK_H
#define RACE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "db.h"
#include "decision.h"
#include "err.h"
#include "fetch.h"
#include "model.h"
#include "provider.h"
#include "remote.h"
#include "roster.h"

/*
 * Asking a model as an agent, in a race or beside it: who can answer and at what price, the
 * request, and what its reply means as a decision. Part of module race.
 */

/* A candidate of an agent. */
struct race_candidate {
	struct provider provider; /* owned */
	const char *model;	  /* borrowed from its name */
	char *key_path;		  /* owned; NULL: none needed */
	struct err key_error;	  /* what is wrong with its key, to be said when it is asked */
	bool priced;
	struct provider_price price;
};

/* "openai/gpt-4o-mini" with its key and price. ${name} is borrowed. To be released also after a
 * failure. */
int race_ask_candidate(struct db *db, const char *name, struct race_candidate *c,
		       struct err *e);
/* Find the key of a provider that is there. */
void race_ask_key(struct race_candidate *c);
void race_ask_release(struct race_candidate *c);

/* How long an answer may be: the agent's own limit, else that of the settings. */
int64_t race_ask_tokens(const struct config *c, const struct roster_llm *l);
/* What one attempt with a prompt of so many bytes can cost at most, 1e-8 USD; INT64_MAX without
 * a price: no budget is large enough. */
int64_t race_ask_worst(const struct race_candidate *c, size_t bytes, int64_t max_tokens);
/* The candidate as a target of remote_run; it borrows from ${c}. */
void race_ask_target(const struct race_candidate *c, const struct config *config,
		     int64_t timeout_s, int64_t worst, struct remote_target *t);

/* A prompt in its parts: the user part is head and tail. Borrowed. */
struct race_prompt {
	const struct buf *system, *head, *tail;
	struct fetch_part *shared; /* head, from model_head(); NULL: no other has it */
};
int race_ask_request(const struct race_candidate *c, const struct config *config,
		     const struct roster_llm *l, const struct race_prompt *p,
		     int64_t attempt_ms, struct fetch_request *out, struct err *e);

/* What a reply came to, with its cost. Borrows its text from ${m}. */
void race_ask_outcome(const struct race_candidate *c, int64_t worst,
		      const struct model_reply *m, struct remote_outcome *out);
/* The decision that a job ended in. ${m} is the last reply. */
void race_ask_judge(const struct remote_job *j, const struct model_reply *m, const char *agent,
		    int64_t window_ms, struct decision *d);

#endif
