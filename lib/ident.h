#ifndef IDENT_H
#define IDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * The names that people give. Agents: [a-z0-9][a-z0-9._-]{0,63}, lower case. Assets:
 * [A-Z0-9][A-Z0-9._-]{0,31}, upper case. Sources of candles: as agents, up to 63, and ':' '/'
 * '@'. A name is never a path, option or format string.
 */

#define IDENT_AGENT_MAX 64
#define IDENT_ASSET_MAX 32

/* 0, or ERR_DATA naming the thing (${what}: "agent", "asset" ...), the rule and the bad byte.
 */
int ident_check_agent(const char *s, struct err *e);
int ident_check_asset(const char *s, struct err *e);
int ident_check_source(const char *s, struct err *e);

/* A text for people, of at most ${max} bytes: valid UTF-8 without control characters, since it is
 * printed to terminals. ${what} is for the message. */
int ident_check_text(const char *what, const char *s, size_t max, struct err *e);

/* Whether ${n} bytes at ${s} are valid UTF-8 without surrogates and overlong forms. */
bool ident_utf8_valid(const char *s, size_t n);

/*
 * The candidate nearest to ${s} by edit distance, or NULL if none is within a third of its
 * length: for "did you mean". ${names} is NULL-terminated and borrowed.
 */
const char *ident_nearest(const char *s, const char *const *names);
/* Whether ${name} is one of ${n}; NULL are all names there are. */
bool ident_listed(const char *const *names, size_t n, const char *name);

#endif
