#include "decision.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

#define ERROR_TEXT_MAX 1024

static const char *const status_names[DECISION_STATUSES] = {
	[DECISION_OK] = "ok",		[DECISION_HOLD] = "hold",
	[DECISION_INVALID] = "invalid", [DECISION_TIMEOUT] = "timeout",
	[DECISION_REFUSED] = "refused", [DECISION_LATE] = "late",
	[DECISION_ERROR] = "error",	[DECISION_BUDGET] = "budget",
};

/* Without orders a decision is a hold, so that one which is never filled in trades nothing. */
void decision_init(struct decision *d)
{
	memset(d, 0, sizeof *d);
	d->status = DECISION_HOLD;
}

void decision_release(struct decision *d)
{
	for (size_t i = 0; i < d->n_rules; i++)
		free(d->rules[i]);
	free(d->rules);
	free(d->error);
	free(d->reasoning);
	free(d->orders);
	decision_init(d);
}

struct decision_order *decision_add(struct decision *d)
{
	struct decision_order *o;
	size_t n = d->n_orders;

	/* room doubles when the count is a power of two, so that no capacity need be stored */
	if ((n & (n - 1)) == 0)
		d->orders = mem_resize(d->orders, n == 0 ? 1 : 2 * n, sizeof *d->orders);
	o = &d->orders[d->n_orders++];
	memset(o, 0, sizeof *o);
	d->status = DECISION_OK;
	return o;
}

void decision_fail(struct decision *d, enum decision_status status, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	assert(status != DECISION_OK && status != DECISION_HOLD);
	/* before the release: the arguments may point into the decision */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	decision_release(d);
	d->status = status;
	d->error = mem_strdup(text);
}

const char *decision_status_name(enum decision_status s)
{
	return status_names[s];
}

int decision_status_parse(const char *name)
{
	for (int i = 0; i < DECISION_STATUSES; i++)
		if (strcmp(status_names[i], name) == 0)
			return i;
	return -1;
}

const char *decision_side_name(enum decision_side s)
{
	return s == DECISION_BUY ? "buy" : "sell";
}
