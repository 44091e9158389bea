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

/* Note a value with its thresholds, and say which of them it is above. */
enum health_level health_above(struct health_component *c, int64_t value, const char *unit,
			       int64_t warn, int64_t crit);

/* Names in a line, which leaves half of it to others, and how many there are in all. */
struct health_names {
	char text[HEALTH_DETAIL_MAX / 2];
	int64_t n;
};
void health_name_add(struct health_names *l, const char *name, const char *note);

/* Those that may fail to answer: health_agents.c. */
health_fn health_failed_agents;
/* Services: health_remote.c. */
health_fn health_breakers, health_budget, health_feeds;

#endif
