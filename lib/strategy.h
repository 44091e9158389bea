#ifndef STRATEGY_H
#define STRATEGY_H

#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "err.h"
#include "view.h"

/*
 * The built-in rule strategies: pure functions of what the agent is shown, its parameters and a
 * seed. A strategy never trades an asset without a tradable price, never asks for more than the
 * parameters say, and says why in one sentence with the numbers it looked at.
 */

#define STRATEGY_PARAMS_MAX 8

struct strategy_param {
	const char *name;
	int64_t def, min, max;
	const char *help; /* one line, with the unit */
};

struct strategy {
	const char *name;
	const char *help;
	const struct strategy_param *params; /* n_params of them */
	size_t n_params;
};

/* All strategies, in order of name; ends with a NULL name. */
extern const struct strategy strategy_table[];

/* The strategy of that name, or NULL. */
const struct strategy *strategy_find(const char *name);

/* Fill ${values} with the defaults. */
void strategy_defaults(const struct strategy *s, int64_t values[STRATEGY_PARAMS_MAX]);

/* Set one parameter from text, checking name and range; ERR_DATA names the range or the nearest
 * name. Also call strategy_check after the last one. */
int strategy_set(const struct strategy *s, int64_t values[STRATEGY_PARAMS_MAX],
		 const char *name, const char *text, struct err *e);

/* Rules between parameters (fast < slow ...). */
int strategy_check(const struct strategy *s, const int64_t values[STRATEGY_PARAMS_MAX],
		   struct err *e);

/*
 * Decide. ${d} is initialised by the caller. ${seed} is derived from the race's seed, the agent
 * and the window and is used by `random` alone. Overflow and other impossibilities become a
 * decision of status error, never a crash.
 */
void strategy_decide(const struct strategy *s, const int64_t values[STRATEGY_PARAMS_MAX],
		     const struct view *v, uint64_t seed, struct decision *d);

#endif
