#ifndef REPLAY_SETUP_H
#define REPLAY_SETUP_H

#include "db.h"
#include "replay.h"

/* Making the race of a replay, before its first window. Part of module replay. */

/* Open the race of a request, making it if it is not there. *${from_ms} and *${to_ms} are its
 * range. Nothing is there under its name until all of it is. *${lock} keeps tr-cycle and other
 * replays out until it is closed. */
struct db *replay_open(const struct replay_request *q, int64_t *from_ms, int64_t *to_ms,
		       int *lock, struct err *e);

#endif
