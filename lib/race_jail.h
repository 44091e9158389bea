#ifndef RACE_JAIL_H
#define RACE_JAIL_H

#include "config.h"
#include "roster.h"

/*
 * How an exec agent is started: through tr-jail, bounded by the settings, and confined unless
 * its spec says otherwise. All results are the caller's, NULL-terminated, ended with
 * race_free_argv.
 */

/* ${jail} is the path of tr-jail. */
char **race_jail_argv(const struct config *c, const struct roster_spec *s, const char *jail);

/* The environment: what a program needs to start and nothing else. */
char **race_child_env(void);

/* NULL-safe. */
void race_free_argv(char **argv);

#endif
