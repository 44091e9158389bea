#ifndef BACKUP_H
#define BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "race.h"

/*
 * Copies of a race as a file, and their return (SEMANTICS R-69). A copy comes into being as
 * FILE.tmp beside its place, is on disk and has passed integrity, foreign keys, books and chain
 * before it gets its name, so that a name is never that of half a file. One copy is made in a
 * directory at a time: ERR_TEMP else.
 */

struct backup_report {
	int64_t bytes;
	struct race_audit audit;
};

/* Copy ${db} to ${path}; tools go on running. A file that is there is ERR_DATA, unless
 * ${force}: then it is replaced. */
int backup_make(struct db *db, const char *path, bool force, struct backup_report *r,
		struct err *e);

/*
 * Put a copy of ${from} at ${path}. ERR_TEMP while a tr-cycle runs or another tool has the race
 * open. A race that is there is ERR_DATA, unless ${force}: then it is kept as
 * ${path}.before-restore (*${kept}), which must not be there yet.
 */
int backup_restore(const char *from, const char *path, bool force, struct backup_report *r,
		   bool *kept, struct err *e);

struct backup_drill {
	struct backup_report copy;
	int64_t rows; /* of the logical dump */
	int64_t backup_ms, restore_ms;
	bool same; /* the restored race equals this one */
};
/* Copy, restore beside the race, compare the logical dumps, remove both. */
int backup_drill(struct db *db, struct backup_drill *d, struct err *e);

#endif
