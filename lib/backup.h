#ifndef BACKUP_H
#define BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "head.h"
#include "race.h"

/*
 * Copies of a race as a file, and their return (SEMANTICS R-69). A copy comes into being as
 * FILE.tmp beside its place, is on disk and has passed integrity, foreign keys, books and chain
 * before it gets its name, so that a name is never that of half a file. One copy is made in a
 * directory at a time: ERR_TEMP else.
 */

struct backup_report {
	int64_t bytes;
	struct race_audit audit; /* of the copy */
};

/* Copy ${db} to ${path}; tools go on running. A file that is there is ERR_DATA, unless
 * ${force}: then it is replaced. */
int backup_make(struct db *db, const char *path, bool force, struct backup_report *r,
		struct err *e);

/* Copy a race of an older version, opened by db_open_old, to ${path} before it is migrated; one
 * that is there from an earlier try is replaced. */
int backup_old(struct db *db, const char *path, struct err *e);

struct backup_restored {
	struct backup_report copy;
	bool kept;			/* the race that was there, as ${path}.before-restore */
	struct head_report heads;	/* the head file that lies there now, if there is one */
	char old_heads[HEAD_ASIDE_MAX]; /* what became of it: a suffix; "": nothing */
};

/*
 * Put a copy of ${from} at ${path}. ERR_TEMP while a tr-cycle runs or another tool has the race
 * open. A race that is there is ERR_DATA, unless ${force}: then it is kept as
 * ${path}.before-restore, which must not be there yet. A backup has no head file: the one that
 * lies beside ${path} stays and is compared, or gives way to a new one if ${heads_ms}, the time
 * for its name, is not -1.
 */
int backup_restore(const char *from, const char *path, bool force, int64_t heads_ms,
		   struct backup_restored *r, struct err *e);

struct backup_drill {
	struct backup_report copy;
	int64_t rows; /* of the logical dump */
	int64_t backup_ms, restore_ms;
	bool same; /* the restored race equals this one */
};
/* Copy, restore beside the race, compare the logical dumps, remove both. */
int backup_drill(struct db *db, struct backup_drill *d, struct err *e);

#endif
