#include "heartbeat.h"

#include <stdio.h>

#include "fetch.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define HEARTBEAT_MS 10000
#define HEARTBEAT_EARLY_MS 500 /* tr-fetch gives up first, and says why */
#define HEARTBEAT_BYTES 65536

static int heartbeat_outcome(const struct fetch_answer *a, struct err *e)
{
	if (a->class != FETCH_OK)
		return err_set(e, a->class == FETCH_LOCAL ? ERR_REMOTE : ERR_TEMP,
			       "heartbeat: %s: %s", fetch_class_name(a->class),
			       a->error != NULL ? a->error : "no answer");
	if (a->status < 200 || a->status > 299)
		return err_set(e, ERR_REMOTE, "heartbeat: status %d", (int)a->status);
	return 0;
}

int heartbeat_send(const char *url, const volatile int *stop, struct err *e)
{
	const struct fetch_options o = { .parallel = 1 };
	struct fetch_request q = { .method = mem_strdup("GET"),
				   .url = mem_strdup(url),
				   .timeout_ms = HEARTBEAT_MS - HEARTBEAT_EARLY_MS,
				   .max_bytes = HEARTBEAT_BYTES };
	int64_t until_ms = tstamp_boot_ms() + HEARTBEAT_MS;
	struct fetch *f = fetch_open(&o);
	struct fetch_answer a = { 0 };
	bool got = false;
	int r;

	snprintf(q.tag, sizeof q.tag, "heartbeat");
	r = fetch_send(f, &q, e);
	if (r == 0)
		r = fetch_wait(f, until_ms, stop, &a, &got, e);
	if (r == 0)
		r = got ? heartbeat_outcome(&a, e)
			: err_set(e, ERR_TEMP, "heartbeat: no answer in time");
	fetch_answer_release(&a);
	fetch_request_release(&q);
	fetch_close(f);
	return r;
}
