#ifndef RACE_TRY_H
#define RACE_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "decision.h"
#include "digest.h"
#include "err.h"
#include "race_ask.h"

/*
 * Trying instructions outside of the race: the model of an llm agent is asked about its last
 * decision windows, as they were shown, under one or two texts. No book is written; only the
 * attempts are noted, with their money. Part of module race.
 */

#define RACE_TRY_LAST_MAX 500
#define RACE_TRY_PROMPTS_MAX 2

struct race_try_options {
	const char *agent;
	const char *model;    /* "openai/gpt-4o-mini"; NULL: the agent's first */
	const char *template; /* NULL: the agent's */
	const char *prompts[RACE_TRY_PROMPTS_MAX]; /* instructions; NULL: the agent's */
	size_t n_prompts;
	int64_t last;		/* windows, up to RACE_TRY_LAST_MAX */
	int64_t from_ms, to_ms; /* only those that start in here; negative: any */
	const char *record, *play;
	const volatile int *stop; /* by a signal handler; may be NULL */
};

/* A window that the agent decided in. */
struct race_try_window {
	int64_t window_ms;
	struct digest context;
	enum decision_status decided;
	char *orders; /* canonical; owned */
	/* own */
	int64_t worst[RACE_TRY_PROMPTS_MAX];
};

/* What came of one question. */
struct race_try_answer {
	enum decision_status status;
	bool came;	/* the model answered, whatever it said */
	char *orders;	/* canonical; NULL unless the answer is valid; owned like all below */
	char *error;	/* NULL: none */
	char *returned; /* as the service named what answered; NULL: not said */
	int64_t attempts, latency_ms;			/* of the last attempt */
	int64_t input, cached, output, reasoning, cost; /* of all attempts */
	/* own */
	int failure; /* exit status for want of an answer */
	bool flying, barred;
	struct model_reply reply;
};

struct race_try {
	const char *model;		 /* that is asked; borrowed from spec */
	struct race_try_window *windows; /* ascending */
	size_t n_windows;
	size_t skipped; /* further ones whose context is not kept */
	int64_t first_ms, last_ms;
	struct race_try_answer *answers; /* by window, then by prompt */
	size_t n_prompts;
	int64_t typical, worst; /* cost of one attempt each; 0 when nothing is paid */
	/* own */
	struct db *db;
	const struct race_try_options *o; /* borrowed */
	struct roster_agent agent;
	struct config config;
	struct race_candidate candidate;
	char *texts[RACE_TRY_PROMPTS_MAX];
	int64_t cap, max, spent, reserved;
	int64_t bytes; /* of all prompts */
	struct remote_job *jobs;
};

/* Find the windows, build each prompt once, and estimate. ERR_DATA for an agent without a
 * model, ERR_NOTFOUND without windows, ERR_CONFIG without a price. To be released in any case.
 */
int race_try_open(struct db *db, const struct race_try_options *o, struct race_try *t,
		  struct err *e);
/* Ask; no attempt starts that could take the sum beyond ${max}, 1e-8 USD (-1: no limit). -1 if
 * the run itself failed or was stopped. */
int race_try_run(struct race_try *t, int64_t max, struct err *e);
/* 0, ERR_PARTIAL if some answers are not valid; if none came ERR_REMOTE, ERR_TEMP or ERR_CONFIG
 * with its reason in ${e}. */
int race_try_status(const struct race_try *t, struct err *e);
void race_try_release(struct race_try *t);

const struct race_try_answer *race_try_get(const struct race_try *t, size_t window,
					   size_t prompt);
/* Whether a window can be compared, two prompts with each other and one with what was decided,
 * and whether it has other orders. */
bool race_try_compare(const struct race_try *t, size_t window, bool *differs);

#endif
