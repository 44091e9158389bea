#ifndef TAR_H
#define TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * Archives of plain files in the ustar format of POSIX, as streams: neither side seeks, and the
 * memory is that of a buffer. What is written depends on nothing but names, bytes and the one
 * time given, so that equal files make equal archives.
 *
 * The reader takes what comes from elsewhere: plain files with relative names of letters,
 * digits, ".", "_", "-" and "/", nothing else. Everything that is wrong is ERR_DATA with the
 * offset of the block.
 */

#define TAR_BLOCK 512
#define TAR_NAME_MAX 100 /* with the NUL */
#define TAR_SIZE_MAX (INT64_C(4) << 30)

struct tar_writer;

/* Write to ${fd}, which stays the caller's. ${mtime_s} is the time of all members. */
struct tar_writer *tar_create(int fd, int64_t mtime_s);
/* Free it; what was not finished is no archive. NULL is fine. */
void tar_discard(struct tar_writer *w);
/* Begin a member of exactly ${size} bytes, and add to it. A failure to write is remembered for
 * tar_finish; a name that the reader would refuse, or another number of bytes, aborts. */
void tar_begin(struct tar_writer *w, const char *name, int64_t size);
void tar_add(struct tar_writer *w, const void *data, size_t n);
/* Begin, add and end. */
void tar_member(struct tar_writer *w, const char *name, const void *data, size_t n);
/* Whether everything could be written up to now. */
bool tar_good(const struct tar_writer *w);
/* End the archive: 0, or ERR_IO with the first failure. ${name} is for the message. */
int tar_finish(struct tar_writer *w, const char *name, struct err *e);

struct tar_reader;

/* Read from ${fd}, which stays the caller's. ${name} is for messages and borrowed. */
struct tar_reader *tar_open(int fd, const char *name);
void tar_close(struct tar_reader *r);
/* The next member, past what is left of the one before: 1, or 0 at the end of the archive,
 * which is also the end of the file. ${member} is the reader's until the next call. */
int tar_next(struct tar_reader *r, const char **member, int64_t *size, struct err *e);
/* Bytes of the member: how many, 0 at its end, -1. */
int64_t tar_read(struct tar_reader *r, void *data, size_t n, struct err *e);

#endif
