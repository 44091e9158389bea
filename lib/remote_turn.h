#ifndef REMOTE_TURN_H
#define REMOTE_TURN_H

#include <stddef.h>

#include "err.h"
#include "remote.h"

/* The lines of a recording that are no exchanges: jobs that ended without an answer, so that a
 * replay ends them alike. Part of module remote. */

/* Append the end of a job. */
int remote_turn_record(const char *path, const struct remote_job *j, struct err *e);

/* Set the ends that a recording has for jobs; the others stay REMOTE_LIMBO. */
int remote_turn_play(const char *path, struct remote_job *jobs, size_t n, struct err *e);

#endif
