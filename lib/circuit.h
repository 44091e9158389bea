#ifndef CIRCUIT_H
#define CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The state machine of a circuit breaker (SEMANTICS ), in integers, without clock
 * and without storage: times come in as milliseconds of one monotonic clock.
 */

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_HALF_OPEN, CIRCUIT_ISOLATED };

struct circuit_policy {
	int64_t failures;    /* consecutive ones that open it; 0: never by count */
	int64_t min_samples; /* below this the ratio says nothing */
	int64_t ratio_pct;   /* failures of samples that open it; 0: never by ratio */
	int64_t sampling_ms; /* length of the sampling window */
	int64_t break_ms;    /* first break; doubled with every consecutive opening */
	int64_t break_max_ms;
	int64_t probe_ms; /* lease of a probe */
};

struct circuit {
	enum circuit_state state;
	int64_t epoch;		 /* raised with every change of state */
	int64_t consecutive;	 /* failures in a row */
	int64_t samples, failed; /* in the sampling window */
	int64_t sampled_ms;	 /* its start */
	int64_t opens;		 /* consecutive openings, decayed by one per healthy window */
	int64_t until_ms;    /* open: end of the break; half open: end of the probe's lease */
	bool needs_operator; /* open until reset: asking again cannot help */
};

/* What a call came to, for the breaker. */
enum circuit_outcome {
	CIRCUIT_SUCCESS,
	CIRCUIT_FAILURE,
	CIRCUIT_NEUTRAL,  /* says nothing of the service: 400, refusals of ours, cancellation */
	CIRCUIT_HOPELESS, /* 401, 403, exhausted quota: opens at once until an operator acts */
};

enum circuit_answer {
	CIRCUIT_ADMITTED,
	CIRCUIT_PROBE,	 /* admitted as the only one: its result decides */
	CIRCUIT_REFUSED, /* no call; *${wait_ms} until asking again makes sense, -1: never */
};

const char *circuit_state_name(enum circuit_state s); /* closed, open, half_open, isolated */
bool circuit_state_find(const char *name, enum circuit_state *s);

/* Closed, epoch 1. */
void circuit_init(struct circuit *c, int64_t now_ms);

/* Whether a call would be let through, changing nothing. */
enum circuit_answer circuit_peek(const struct circuit *c, int64_t now_ms, int64_t *wait_ms);

/* Take the turn that circuit_peek answered with PROBE: open or half open with a dead probe ->
 * half open with a new epoch and a lease. The caller makes it the only one. */
void circuit_probe(struct circuit *c, const struct circuit_policy *p, int64_t now_ms);

/*
 * What a call admitted under ${epoch} came to; ${server_ms} is a delay that the server asked
 * for, 0 for none. A result of another epoch changes nothing. True if the state changed.
 */
bool circuit_result(struct circuit *c, const struct circuit_policy *p, int64_t epoch,
		    enum circuit_outcome outcome, int64_t server_ms, int64_t now_ms);

/* By hand: refuse everything until reset; close and forget. True if the state changed. */
bool circuit_isolate(struct circuit *c, int64_t now_ms);
bool circuit_reset(struct circuit *c, int64_t now_ms);

#endif
