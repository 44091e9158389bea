#ifndef MEM_H
#define MEM_H

#include <stddef.h>

/*
 * Memory that is either there or ends the process: a race tool that cannot allocate has nothing
 * useful left to do, and an open transaction rolls back when its process ends. All functions
 * write one line to stderr and exit with status 71 when memory runs out; none returns NULL.
 */

/* The end that all of them come to; for libraries that report lack of memory in their own way. */
void mem_exhausted(void) __attribute__((noreturn));

/* ${n} zeroed bytes; ${n} may be 0. Free with free(). */
void *mem_alloc(size_t n);

/* ${n} zeroed objects of ${size} bytes; the product is checked. */
void *mem_array(size_t n, size_t size);

/* Resize ${p} (or NULL) to ${n} objects of ${size} bytes; new bytes are not initialised. */
void *mem_resize(void *p, size_t n, size_t size);

/* A copy of ${s}, which may be NULL (then NULL). */
char *mem_strdup(const char *s);

/* A NUL-terminated copy of the first ${n} bytes of ${s}. */
char *mem_strndup(const char *s, size_t n);

/* A formatted string of its own. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
