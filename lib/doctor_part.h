#ifndef DOCTOR_PART_H
#define DOCTOR_PART_H

#include "child.h"
#include "config.h"
#include "db.h"
#include "doctor.h"
#include "err.h"
#include "provider.h"
#include "roster.h"

/* What the files of doctor share. Nobody else includes this. */

/* A service that an agent or an asset needs. */
struct doctor_service {
	struct provider provider; /* owned */
	char *user;		  /* "agent gpt"; owned */
	bool own;		  /* of an agent alone: no row of table providers */
	bool keyed;		  /* its key can be used, or it needs none */
	char *key_path;		  /* owned; NULL: none */
};

struct doctor {
	const struct doctor_options *o;
	doctor_fn *each;
	void *ctx;
	size_t said, failed;	 /* findings */
	struct doctor_finding f; /* in the making */
	char *file;		 /* of the race, quoted for a shell */
	char *race;		 /* "-d FILE" */
	struct db *db;		 /* NULL: cannot be opened */
	struct config config;	 /* as far as it is sound */
	struct doctor_service *services;
	size_t n_services;
};

/* The fix of the finding that doctor_say makes next. */
void doctor_fix(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doctor_say(struct doctor *d, enum doctor_level level, const char *check,
		const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Something could not be looked at. */
void doctor_blind(struct doctor *d, const char *check, const char *subject,
		  const struct err *e);
/* As a shell reads it back; the caller's. */
char *doctor_quote(const char *text);
/* Run a program for at most ${limit_ms} with a small environment; false if it did not end by
 * itself. The result is the caller's to release in any case. */
bool doctor_child(const struct doctor *d, const char *const *argv, struct child_result *r);

void doctor_files(struct doctor *d);	/* the place, the files; opens the race */
void doctor_race(struct doctor *d);	/* what is in the file */
void doctor_host(struct doctor *d);	/* tools, cron, environment */
void doctor_roster(struct doctor *d);	/* assets, agents; collects the services */
void doctor_services(struct doctor *d); /* keys */
void doctor_online(struct doctor *d);	/* asks the services */

#endif
