#ifndef CHILD_PART_H
#define CHILD_PART_H

#include "child.h"

/* Shared by the parts of module child. */

/* Start a program with pipes to its stdin and from its stdout that do not block here; its
 * stderr goes nowhere. 0, or an error number. */
int child_open(const struct child_spec *spec, pid_t *pid, int *in, int *out);

#endif
