#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

/*
 * Child processes: posix_spawn into a process group of their own, input fed and output
 * collected through pipes by one poll loop, every one bounded in time and bytes, and nothing
 * left behind. The caller becomes a child subreaper, so that what a child forks and abandons is
 * found and killed too. No fork in this process (SEMANTICS R-63); what posix_spawn cannot set
 * is set by tr-jail, which execs the program.
 */

struct child_spec {
	const char *const *argv; /* argv[0] is an absolute path; NULL-terminated */
	const char *const *env;	 /* the whole environment, NULL-terminated */
	const char *input;	 /* written to its stdin, which is then closed */
	size_t input_len;
	size_t output_max;  /* more on stdout ends it */
	size_t error_max;   /* the last so many bytes of stderr are kept */
	int64_t timeout_ms; /* from its start */
	bool error_live;    /* besides, pass stderr on to ours as it comes */
};

enum child_end {
	CHILD_EXITED,	/* status is its exit status */
	CHILD_SIGNALED, /* signal is what killed it, not by us */
	CHILD_TIMEOUT,
	CHILD_OUTPUT,	 /* wrote more than output_max */
	CHILD_UNSTARTED, /* spawn failed, or the deadline was over before its turn: see error */
};

struct child_result {
	enum child_end end;
	int status;
	int signal;
	struct buf out;	  /* stdout, at most output_max bytes */
	struct buf error; /* the tail of stderr, or why it did not start */
	int64_t elapsed_ms;
};

/* Called as each child ends, in order of arrival. Return -1 (with ${e} filled) to stop: the
 * others are killed and child_run fails. The result is released after the call. */
typedef int child_done_fn(void *ctx, size_t index, struct child_result *r, struct err *e);

/*
 * Run ${n} children, at most ${parallel} at a time, in the order given. ${deadline_ms} is
 * absolute on the boot clock (tstamp_boot_ms); those that did not start by then are UNSTARTED
 * with end CHILD_TIMEOUT instead. A child is over when its own process ends: what is in the
 * pipe by then is read, its group is killed, and whoever else holds the pipe open is not waited
 * for. If ${stop} is not NULL and becomes non-zero (by a signal handler) everything is killed
 * and ERR_TEMP is returned.
 */
int child_run(const struct child_spec *specs, size_t n, size_t parallel, int64_t deadline_ms,
	      child_done_fn *done, void *ctx, const volatile int *stop, struct err *e);

/* One child, inheriting stderr when ${error_max} is 0; the result is the caller's to release.
 */
int child_run_one(const struct child_spec *spec, struct child_result *r,
		  const volatile int *stop, struct err *e);
void child_result_release(struct child_result *r);

/*
 * The state letter of a process in /proc, and the clock ticks from boot to its start, which
 * together with the pid name it for as long as the machine runs. '\0', and nothing is stored,
 * if it cannot be known.
 */
char child_state(pid_t pid, uint64_t *start_ticks);

/* Kill and reap every descendant of this process, which must be a subreaper for those that were
 * abandoned to be found. */
void child_kill_all(void);

/* Whether ${name} is found as a shell would find it, in PATH unless it holds a slash: else
 * ERR_NOTFOUND, or ERR_PERM if it is there and cannot be run. */
int child_check_program(const char *name, struct err *e);

/* The absolute path of a sibling program of this executable: "/usr/bin/tr-jail". Owned by the
 * caller. NULL with ERR_CONFIG if it is not there. */
char *child_sibling(const char *name, struct err *e);

#endif
