#ifndef STAGE_H
#define STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "race.h"
#include "wire.h"

/*
 * The face of the step tools: which window they are about, and its opening. A window is named
 * by -w, or by the stream that the tool before wrote to standard input, or is the latest.
 */

struct stage {
	struct db *db;
	struct race_window w;
	bool has_input; /* a stream was read */
	struct buf input;
	struct buf out; /* what the step prints */
};

#define STAGE_INIT                                 \
	{                                          \
		.input = BUF_INIT, .out = BUF_INIT \
	}

/*
 * Open the database and the window. ${window} is -w's text or NULL; without it a stream of
 * ${schema} on standard input names the window (and each of its lines is given to ${each});
 * without that it is the latest. ${dry} rolls back all that the step does.
 */
int stage_open(struct stage *s, const char *window, const char *schema, wire_line_fn *each,
	       void *ctx, bool dry, struct err *e);

/* Close everything; print what the step printed if ${r} is 0. Returns the exit status. */
int stage_end(struct stage *s, int r, int status, struct err *e);

#endif
