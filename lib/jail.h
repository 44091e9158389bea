#ifndef JAIL_H
#define JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * Confinement by the kernel alone, without privileges: landlock for files, TCP and signals, a
 * seccomp filter for what landlock does not know, no capabilities. It holds for this process
 * and all that it starts, and cannot be undone. tr-jail(1) says what is left to a program.
 */

struct jail_rules {
	const char *program;	 /* readable and executable, if it is a file */
	const char *const *read; /* more of this kind: files, or directories with all in them */
	size_t n_read;
	const char *scratch; /* the one directory that may be written in; NULL: none */
	bool network;
};

/*
 * Confine this process. ERR_CONFIG when the kernel cannot: nothing is half done then that would
 * let a program run with less. The process must be single-threaded, and may only exec or end.
 */
int jail_enter(const struct jail_rules *r, struct err *e);

/* The filter of jail_enter alone. ${abi} is landlock's: the filter stands in for what an old
 * one lacks. */
int jail_filter(bool network, int abi, struct err *e);

/*
 * A private directory below $TMPDIR, else /tmp. It stays ours by a lock that ends with the
 * process: what a killed process could not remove, the next one that makes a directory does.
 */
struct jail_scratch {
	char *path; /* absolute; NULL: none */
	int parent; /* the directory that it lies in */
	int fd;	    /* holds the lock */
};

int jail_scratch_make(struct jail_scratch *s, struct err *e);
/* Remove it with all in it, within a second; NULL-safe in its path. Whoever could write in it
 * must be gone. */
void jail_scratch_remove(struct jail_scratch *s);

/*
 * A control group with a limit of processes, for root, whom RLIMIT_NPROC does not bind: enter
 * it, start the program, leave it, and remove it when the program is gone.
 */
struct jail_group {
	char *path; /* NULL: none */
	char *home; /* where this process belongs */
};

/* false, and nothing is changed, where no group can be made. */
bool jail_group_enter(struct jail_group *g, int64_t processes);
void jail_group_leave(const struct jail_group *g);
void jail_group_remove(struct jail_group *g);

#endif
