#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include "err.h"

/*
 * A sign of life to somebody who notices its absence: one GET of a URL through tr-fetch, ten
 * seconds at most. For the case that nothing runs at all any more, which no check of ours sees.
 */

/* 0 if the answer was a success (2xx); else ERR_TEMP or ERR_REMOTE with the reason. ${stop} as
 * in fetch_wait. */
int heartbeat_send(const char *url, const volatile int *stop, struct err *e);

#endif
