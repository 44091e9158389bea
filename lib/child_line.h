#ifndef CHILD_LINE_H
#define CHILD_LINE_H

#include "child.h"

/*
 * Programs that are kept running: a line in, a line out, until end of file. For work that asks
 * the same program thousands of times. Part of module child.
 */

struct child_line {
	pid_t pid; /* 0: it has ended */
	int in, out;
	struct buf answer;  /* its last line, with the newline, when it answered */
	bool answered;	    /* to the last question */
	int64_t elapsed_ms; /* likewise */
	int64_t answers;    /* how many since it was started */

	/* of the question under way */
	const char *line;
	size_t len, fed;
	bool open;
};

/* Start a program; its stderr goes nowhere, input, time and bounds of ${spec} count for
 * nothing. NULL with the reason if it cannot be started. */
struct child_line *child_line_start(const struct child_spec *spec, struct err *e);
/* End its input: whether it then ends within ${timeout_ms}, with status 0 and without another
 * word. It cannot be asked any more. */
bool child_line_finish(struct child_line *l, int64_t timeout_ms);
/* Tell it to end, and kill it if it does not. tr-jail --keep ends all that a program started.
 * NULL is fine. */
void child_line_end(struct child_line *l);

/*
 * Ask the first line of each: lines[i] goes to l[i], whose next line of at most ${max} bytes is
 * its answer. All at once. Who has not answered after ${timeout_ms}, has ended, says more than
 * one line or something unasked has not ->answered, and is of no further use. -1 with ERR_TEMP
 * if ${stop} came.
 */
int child_line_ask(struct child_line *const *l, const struct buf *lines, size_t n, size_t max,
		   int64_t timeout_ms, const volatile int *stop, struct err *e);

#endif
