#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "circuit.h"
#include "config.h"
#include "db.h"
#include "err.h"

/*
 * Whether a service may be called now, shared by all processes through the database: breakers
 * by service (provider and operation class, "openai:gpt-4o-mini"; R-13), retry budgets by
 * provider, limits of rate and of calls in flight by provider. Times are of the boot
 * clock (tstamp_boot_ms) together with the boot's id: a break that began before a reboot is
 * over.
 *
 * Functions that write say whether they open a transaction of their own or are called inside
 * one.
 */

#define GUARD_SERVICE_MAX 160
#define GUARD_TOKENS_MAX 100 /* of a retry budget, in tenths: 10.0 */
#define GUARD_TOKENS_MIN 50  /* at or below this: no retries */

struct guard_policy {
	bool breaker; /* feature.breakers */
	bool retry;   /* feature.retries */
	struct circuit_policy circuit;
	int64_t retries;	 /* of one call, besides the first attempt */
	int64_t base_ms, cap_ms; /* of the delays */
	int64_t wait_max_ms; /* a server that asks for more is given up and opened until then */
	int64_t attempt_ms;  /* time-out of one attempt */
	int64_t parallel;    /* calls of the provider in flight, all processes; 0: no limit */
	int64_t per_minute;  /* calls of the provider started in 60 s; 0: no limit */
	int64_t per_month;   /* in a UTC month; 0: no limit */
};

enum guard_kind { GUARD_LLM, GUARD_DATA, GUARD_ML, GUARD_OTHER };

/* The defaults of a kind of service, from the settings. */
void guard_policy(const struct config *c, enum guard_kind kind, struct guard_policy *p);

enum guard_cause {
	GUARD_NONE,
	GUARD_OPEN,
	GUARD_ISOLATED,
	GUARD_OPERATOR,
	GUARD_PROBING,
	GUARD_RATE,
	GUARD_PARALLEL,
	GUARD_MONTH
};
/* "circuit_open", "circuit_isolated", "needs_operator", "circuit_open" (probing), "rate_limit",
 * "busy", "month_limit": for R-27. */
const char *guard_cause_name(enum guard_cause c);

/* Whether ${service} can be the name of one: text without blanks, "PROVIDER" or
 * "PROVIDER:OPERATION", at most GUARD_SERVICE_MAX - 1 bytes; else ERR_USAGE. */
int guard_check(const char *service, struct err *e);

struct guard_ticket {
	char service[GUARD_SERVICE_MAX];
	bool admitted;
	bool probe;
	int64_t epoch;
	enum guard_cause cause; /* why not admitted */
	int64_t retry_after_ms; /* then: when it makes sense to ask again; -1: never */
};

/*
 * Ask the breaker of ${service} for a call. Inside a transaction of the caller. A closed
 * breaker writes nothing; the probe is elected by one conditional UPDATE. With
 * p->breaker false everything but an isolated service is admitted.
 */
int guard_admit(struct db *db, const char *service, const struct guard_policy *p,
		struct guard_ticket *t, struct err *e);

/* Tell the breaker and the retry budget of ${provider} what an admitted call came to. Inside a
 * transaction. A change of state is logged in breaker_log, and with log_msg at LOG_WARN. */
int guard_result(struct db *db, const char *provider, const struct guard_ticket *t,
		 const struct guard_policy *p, enum circuit_outcome outcome, int64_t server_ms,
		 const char *cause, struct err *e);

/* Whether the budget of ${provider} allows one more retry. */
int guard_may_retry(struct db *db, const char *provider, bool *may, struct err *e);

/* Whether rate, month and calls in flight of ${provider} allow one more start, counted from
 * table call_starts; *${cause} GUARD_NONE or why not, *${wait_ms} as in the ticket. Inside the
 * transaction that inserts the start. ${wall_ms} is the wall clock. */
int guard_limits(struct db *db, const char *provider, const struct guard_policy *p,
		 int64_t wall_ms, enum guard_cause *cause, int64_t *wait_ms, struct err *e);

/* Look without touching; a service never called is closed. */
int guard_load(struct db *db, const char *service, struct circuit *c, bool *known,
	       struct err *e);
typedef int guard_list_fn(void *ctx, const char *service, const struct circuit *c,
			  int64_t changed_wall_ms, struct err *e);
int guard_list(struct db *db, guard_list_fn *each, void *ctx, struct err *e);
/* The refusal of R-27 for a ticket, as a JSON object without newline, the caller's. */
char *guard_refusal(const struct guard_ticket *t);
/* The same as words for people, the cause's name at their end; the caller's. */
char *guard_sentence(const struct guard_ticket *t);
/* A text that may be a refusal, as it is stored, for people: the sentence, or a copy of what is
 * no refusal; the caller's. */
char *guard_tell(const char *text);
/* ERR_NOTFOUND for a service that was never called, with the nearest name; returns -1. */
int guard_unknown(struct db *db, const char *service, struct err *e);
/* By an operator; one transaction each. ERR_NOTFOUND with the nearest for an unknown service,
 * but isolating makes it known. *${changed}. */
int guard_isolate(struct db *db, const char *service, bool *changed, struct err *e);
int guard_reset(struct db *db, const char *service, bool *changed, struct err *e);
/* Close what waits for an operator at ${provider}: its key, base or limits changed. Inside. */
int guard_provider_changed(struct db *db, const char *provider, struct err *e);
/* History of the changes, newest last; ${service} NULL: all. */
typedef int guard_log_fn(void *ctx, int64_t seq, const char *service, const char *from,
			 const char *to, const char *cause, int64_t at_ms, struct err *e);
int guard_log(struct db *db, const char *service, guard_log_fn *each, void *ctx, struct err *e);

#endif
