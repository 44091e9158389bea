#ifndef REMOTE_H
#define REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "config.h"
#include "db.h"
#include "err.h"
#include "fetch.h"
#include "guard.h"
#include "model.h"
#include "provider.h"

/*
 * Asking many services at once, without trusting them:
 * deadline(budget(retry(breaker(attempt)))), SEMANTICS R-12. A job is one question, to be
 * answered by the first of its targets that can. Every attempt is on disk before it leaves,
 * with the most it can cost reserved; answers that arrive together are stored in one
 * transaction, each with what its caller makes of it, so that no paid answer is lost once it is
 * stored and none is asked for again. No transaction is open while the network is waited for.
 */

#define REMOTE_BODY_MAX 65536

/* One place that can answer a job. */
struct remote_target {
	const struct provider *provider; /* borrowed */
	const char *model;		 /* of it, or a market; "" for none; borrowed */
	char service[GUARD_SERVICE_MAX];
	struct guard_policy policy;
	int64_t worst;	 /* what one attempt can cost at most, 1e-8 USD; 0: nothing */
	bool substitute; /* another model than the first target's */
};

/* What an answer came to, as the caller's parser understands it. */
struct remote_outcome {
	enum model_class class;
	int64_t wait_ms; /* what the server asks to wait; -1: nothing */
	bool lost;
	bool has_usage;
	int64_t input, output;
	int64_t cost; /* of this attempt; ignored, and what was reserved counts, when lost */
	const char *error; /* borrowed until the job is over; NULL: none */
};

enum remote_end {
	REMOTE_ANSWERED, /* by ${target}: class ok, refused, cut or empty */
	REMOTE_FAILED,	 /* every target gave up: error has the last reason */
	REMOTE_TIMEOUT,	 /* the deadline came first */
	REMOTE_REFUSED,	 /* nobody could be asked: breakers, limits */
	REMOTE_BUDGET,	 /* it would cost more than may be spent */
	REMOTE_LIMBO,	 /* not over: the run was stopped */
};

struct remote_job {
	enum calls_purpose purpose;
	int64_t window_ms; /* -1: none */
	int64_t agent_id;  /* 0: none */
	const char *name;  /* agent, market: for tags, records and messages; borrowed */
	struct remote_target *targets; /* in order of preference; borrowed */
	size_t n_targets;
	int64_t cap;	       /* what its agent may spend on a day; -1: no cap */
	int64_t not_before_ms; /* boot clock; 0: at once */

	/* set by remote_run */
	enum remote_end end;
	size_t target;	    /* asked last */
	int64_t attempts;   /* in this run */
	int64_t elapsed_ms; /* from the first attempt to the end */
	char error[300];
	char *body; /* the start of the last reply; NULL: none; until remote_run returns */
	size_t body_len;

	/* its own */
	int state;
	int64_t due_ms;	    /* boot clock */
	int64_t started_ms; /* boot clock, -1: not yet */
	int64_t tries;	    /* of the current target */
	int64_t call_id;
	bool routed;
	int64_t lost; /* paid attempts that were sent and not answered */
	struct guard_ticket ticket;
	int64_t *order;		     /* of the targets, best first; owned */
	size_t place;		     /* in it */
	struct fetch_answer *answer; /* that came and is not understood yet; owned */
};

struct remote_ops {
	/* The request to a target, tag and timeout aside. Asked right before it leaves. */
	int (*build)(void *ctx, size_t job, size_t target, struct fetch_request *out,
		     struct err *e);
	/* What an answer means. Keeps what the caller wants of it. */
	void (*parse)(void *ctx, size_t job, size_t target, const struct fetch_answer *a,
		      struct remote_outcome *out);
	/* A job is over: store it. Inside the transaction that also ends its last attempt. May
	 * be NULL. */
	int (*store)(void *ctx, size_t job, struct err *e);
};

struct remote_options {
	int64_t deadline_ms;	  /* boot clock */
	int64_t parallel;	  /* jobs under way; 0: no limit */
	bool hasty;		  /* do not wait for a breaker to close */
	bool plain;		  /* refusals are told in words, not as JSON */
	const char *record;	  /* append every exchange to this file; NULL: no */
	const char *play;	  /* answer from this file: no network, no cost, no breakers */
	const volatile int *stop; /* by a signal handler; may be NULL */
};

/* The words of a recording apart from exchanges: how a job ended that nobody answered. */
#define REMOTE_TURN "tr.turn/1"

/* Run ${n} jobs to their ends. -1 only if the run itself failed (database, tr-fetch, a stop);
 * what was stored before stays. */
int remote_run(struct db *db, const struct config *c, struct remote_job *jobs, size_t n,
	       const struct remote_ops *ops, void *ctx, const struct remote_options *o,
	       struct err *e);

#endif
