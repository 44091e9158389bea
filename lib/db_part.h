#ifndef DB_PART_H
#define DB_PART_H

#include <stdbool.h>

#include "db.h"

/* The parts of db among themselves. */

/* The path with its directory checked and resolved, so that only a link in the last place is
 * refused; the caller's. NULL on failure. */
char *db_resolve(const char *path, struct err *e);
/* The checks of db_open on a file, if there is one. */
int db_check_file(const char *path, bool *exists, struct err *e);
/* Whether a file can be made there: SQLite says of a directory that it may not write to no more
 * than of one that is not there. */
int db_may_create(const char *path, struct err *e);

/* Whether ${name} still is the file that is open: a lock on one that was removed is no lock. */
bool db_same_file(int fd, const char *name);

#endif
