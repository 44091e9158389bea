#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * What is wrong with the set-up of a race, and the command that mends it: the files, the tools,
 * the machine, and what the operator has said of agents, services and prices. Nothing is
 * changed. A check that needs what another one found missing is left out, all others are made.
 */

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

#define DOCTOR_SUBJECT_MAX 256
#define DOCTOR_TEXT_MAX 640

/* One finding; texts are of one line, without control bytes. */
struct doctor_finding {
	enum doctor_level level;
	const char *check;		  /* static: "key" */
	char subject[DOCTOR_SUBJECT_MAX]; /* the thing: a file, a service, an agent */
	char detail[DOCTOR_TEXT_MAX];
	char fix[DOCTOR_TEXT_MAX]; /* a command, "" for none */
};

struct doctor_options {
	const char *path; /* of the race, as the user gave it */
	int64_t now_ms;
	int64_t wal_mb, disk_mb; /* thresholds */
	int64_t limit_ms;	 /* for one check */
	bool online;		 /* ask the services; without it no network is touched */
};

typedef void doctor_fn(void *ctx, const struct doctor_finding *f);

/* Every finding as it is made, also of what is well. Returns how many are DOCTOR_FAIL. */
size_t doctor_run(const struct doctor_options *o, doctor_fn *each, void *ctx);

/* The record tr.finding/1, and the one that ends the stream. */
void doctor_record(const struct doctor_finding *f, struct buf *out);
void doctor_record_end(size_t count, struct buf *out);

#endif
