#ifndef RACE_ANSWER_H
#define RACE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"

/* Texts by hash, and who gave an answer over the network to which prompt (D-08). Part of module
 * race. Functions that write are called inside a transaction of the caller. */

/* Keep a text, compressed, under its hash; once. */
int race_blob_add(struct db *db, const void *data, size_t len, const struct digest *hash,
		  struct err *e);

struct race_answer {
	int64_t agent_id, window_ms;
	const char *provider, *model;
	bool substitute;
	const char *returned; /* NULL: not said */
	bool has_parts;	      /* of a model's prompt; a service gets no prompt of ours */
	struct digest system, head, tail, prompt;
	bool has_usage;
	int64_t input, cached, output, reasoning;
	int64_t cost;
};
int race_answer_add(struct db *db, const struct race_answer *a, struct err *e);

#endif
