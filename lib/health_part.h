#ifndef HEALTH_PART_H
#define HEALTH_PART_H

#include "health.h"

/* The parts of health.c between each other; nobody else includes this. */

struct health_run {
	struct db *db;
	const struct health_options *o;
};

/* A look at one component. One that says nothing is left out. */
typedef int health_fn(const struct health_run *x, struct health_component *c, struct err *e);

void health_say(struct health_component *c, enum health_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Services: health_remote.c. */
health_fn health_breakers, health_budget, health_feeds;

#endif
