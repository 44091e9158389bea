#ifndef ERR_H
#define ERR_H

/*
 * One failure convention: a function that can fail takes a struct err as its last argument and
 * returns 0 or -1 (constructors: NULL). The record is the caller's; it is untouched on success
 * and filled once, where the cause is understood. The text is lower case, without a full stop,
 * and names the thing and the rule: "decision d1: asset DOGE is not enabled".
 */

/* The exit statuses of every tool; STATUS in tr-tools(7). */
enum err_status {
	ERR_NEGATIVE = 1,  /* a negative answer */
	ERR_PARTIAL = 3,   /* committed, some agents failed */
	ERR_USAGE = 64,	   /* the caller's bug */
	ERR_DATA = 65,	   /* input is wrong or contradicts the database; nothing written */
	ERR_NOTFOUND = 66, /* the named thing is absent */
	ERR_REMOTE = 69,   /* a service refused for good */
	ERR_INTERNAL = 70, /* our bug, or a corrupt database */
	ERR_MEMORY = 71,   /* out of memory */
	ERR_IO = 74,	   /* disk or pipe */
	ERR_TEMP = 75,	   /* busy, timeout: try again */
	ERR_PERM = 77,	   /* permissions */
	ERR_CONFIG = 78,   /* settings or schema */
};

#define ERR_TEXT_MAX 1024

struct err {
	int status; /* 0: no error; else an enum err_status */
	char text[ERR_TEXT_MAX];
};

/* Fill ${e} and return -1. An error that is already there stays: the first cause counts. */
int err_set(struct err *e, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, followed by ": " and the text of errno. */
int err_sys(struct err *e, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put a formatted text and ": " before the text of ${e}; returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
