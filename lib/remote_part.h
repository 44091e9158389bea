#ifndef REMOTE_PART_H
#define REMOTE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote.h"

/* The parts of remote among themselves. */

#define REMOTE_LEAST_MS 1000 /* no attempt starts with less time left */

enum { REMOTE_WAITS, REMOTE_FLIES, REMOTE_OVER };

struct remote_run {
	struct db *db;
	struct remote_job *jobs;
	size_t n;
	const struct remote_ops *ops;
	void *ctx;
	const struct remote_options *o;
	struct fetch *fetch;
	int64_t race_cap;
	bool routing;
	size_t flying, over;
	uint64_t random; /* of jitter: no result depends on it */
};

/* "provider/model", or the provider alone. Returns ${out}. */
const char *remote_target_name(const struct remote_target *t, char out[GUARD_SERVICE_MAX]);

/* How a job would end if it ended now. */
void remote_say(struct remote_job *j, enum remote_end end, const char *text);
/* On to the next target; the job is over when there is none. Inside a transaction. */
int remote_next(struct remote_run *r, struct remote_job *j, struct err *e);

/* Start all that is due, up to a stop. */
int remote_start_due(struct remote_run *r, struct err *e);

#endif
