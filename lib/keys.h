#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"

/*
 * Effects under a key, so that each happens once (SEMANTICS ). A caller claims the
 * key, which is on disk before the effect begins; does what it has to do; and finishes, which
 * stores the result for everybody who comes with the same key later.
 *
 * Who works on a key owns it until a lease on the boot clock runs out or until it is proven
 * dead: its process is gone on the same host, boot and pid namespace. The next claim then takes
 * over and raises the fence, and nothing that the former owner writes afterwards takes effect.
 */

#define KEYS_KEY_MAX 255 /* bytes */

enum keys_state {
	KEYS_IN_PROGRESS,
	KEYS_COMPLETED,
	KEYS_FAILED_FINAL, /* refused for good: asking again cannot help */
	KEYS_EXPIRED,	   /* ended without a result: the next claim runs it again */
};

enum keys_answer {
	KEYS_NEW,      /* ours: do it, then finish */
	KEYS_TAKEOVER, /* the same; it was begun before and its outcome is not known */
	KEYS_REPLAY,   /* done: the result is in the record */
	KEYS_BUSY,     /* somebody works on it: the record says who */
	KEYS_MISMATCH, /* the key stands for something else */
};

struct keys_request {
	const char *key;
	const char *op; /* kind of operation, for statistics */
	struct digest fingerprint;
	int64_t now_ms; /* wall clock */
	int64_t ttl_ms;
	int64_t lease_ms;
};

/* A row; texts are owned. */
struct keys_record {
	char *key, *op;
	struct digest fingerprint;
	enum keys_state state;
	bool held; /* in progress, by a living owner whose lease has not run out */
	char *owner;
	int64_t owner_pid;
	int64_t fence;
	int64_t lease_end_ms;
	int64_t attempts, replays;
	int64_t exit_status; /* -1: none */
	char *output;	     /* NULL: none, or not asked for */
	size_t output_len;   /* in any case */
	char *error_tail;
	size_t error_len;
	int64_t created_ms, updated_ms, expires_ms;
};

struct keys_result {
	enum keys_state state; /* any but KEYS_IN_PROGRESS */
	int64_t exit_status;   /* -1: none */
	const char *output;    /* NULL: none */
	size_t output_len;
	const char *error_tail;
	size_t error_len;
};

/* Keys that were counted together. */
struct keys_count {
	const char *op; /* borrowed */
	enum keys_state state;
	int64_t keys, attempts, replays;
};

/* 1 to 255 bytes of UTF-8 without control characters, else ERR_USAGE. */
int keys_check(const char *key, struct err *e);

/* "in_progress", "completed", "failed_final", "expired"; false if ${name} is none of them. */
const char *keys_state_name(enum keys_state state);
bool keys_state_find(const char *name, enum keys_state *state);

void keys_release(struct keys_record *r);

/*
 * Ask for a key: one transaction, on disk when it returns. ${r} is the row as it is afterwards,
 * the caller's to release whatever the return value. A key whose time is over is claimed anew.
 */
int keys_claim(struct db *db, const struct keys_request *q, enum keys_answer *answer,
	       struct keys_record *r, struct err *e);

/*
 * Store what became of a claim: one transaction. *${ours} false, and nothing is written, if the
 * key was taken over in the meantime. The time until which it is kept counts from ${now_ms}.
 */
int keys_finish(struct db *db, const struct keys_record *claim, const struct keys_result *res,
		int64_t now_ms, int64_t ttl_ms, bool *ours, struct err *e);

/* The row of a key, with its result; *${found} false if there is none. */
int keys_load(struct db *db, const char *key, struct keys_record *r, bool *found,
	      struct err *e);

/* All rows in the order of their keys, without output and error_tail; ${state} NULL for all. */
typedef int keys_list_fn(void *ctx, const struct keys_record *r, struct err *e);
int keys_list(struct db *db, const enum keys_state *state, keys_list_fn *fn, void *ctx,
	      struct err *e);

/* Counts by operation and state. */
typedef int keys_stats_fn(void *ctx, const struct keys_count *c, struct err *e);
int keys_stats(struct db *db, keys_stats_fn *fn, void *ctx, struct err *e);

/* Remove what is past its time and not held, in short transactions; *${n} counts the keys. */
int keys_purge(struct db *db, int64_t now_ms, int64_t *n, struct err *e);

/* Remove one key: ERR_NOTFOUND if there is none, ERR_TEMP while it is held. */
int keys_forget(struct db *db, const char *key, struct err *e);

#endif
