#ifndef FETCH_LINE_H
#define FETCH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * A cursor that walks once over a line of JSON of a known shape. It accepts RFC 8259 with the
 * rules of the gate in json.c. Errors are ERR_DATA with the rule and the byte. Part of module
 * fetch.
 */

struct fetch_line {
	const char *begin, *at, *end;
	const char *what; /* "request", for messages */
	struct err *e;
};

/* -1 with the rule that was broken here. */
int fetch_line_fail(const struct fetch_line *l, const char *rule);
/* Over a byte that must stand here, behind white space. */
int fetch_line_want(struct fetch_line *l, char c);
/* Over a word, if it is that one. */
bool fetch_line_word(struct fetch_line *l, const char *word);

/* A string of at most ${max} bytes: *${s}, freed before, is the caller's; ${len} may be NULL.
 * And one that fits into ${cap} bytes with its NUL. */
int fetch_line_string(struct fetch_line *l, size_t max, char **s, size_t *len);
int fetch_line_short(struct fetch_line *l, char *out, size_t cap);
/* That string and no other. */
int fetch_line_exactly(struct fetch_line *l, const char *text);
/* Bytes as text or in base64, once. */
int fetch_line_body(struct fetch_line *l, bool base64, size_t max, char **body, size_t *len);
int fetch_line_int(struct fetch_line *l, int64_t min, int64_t max, int64_t *out);
int fetch_line_bool(struct fetch_line *l, bool *out);

/* Before each member of an object whose "{" was taken: 1, or 0 behind its "}", or -1. */
int fetch_line_more(struct fetch_line *l, bool *first);
/* The same, and over the key, one of ${keys}, none twice: *${k}. ${seen} begins as 0. */
int fetch_line_member(struct fetch_line *l, const char *const *keys, unsigned *seen, int *k);
/* Whether all keys of the mask ${need} are among the ${seen}; -1 names the first that is not.
 */
int fetch_line_needs(struct fetch_line *l, const char *const *keys, unsigned seen,
		     unsigned need);
/* Whether the line ends here. */
int fetch_line_over(struct fetch_line *l);

#endif
