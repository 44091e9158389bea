#ifndef GUNZIP_H
#define GUNZIP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * A file read as it is or, if it begins as gzip does, unpacked: all its members, to the last
 * byte. What is cut off, damaged or followed by anything but zeros is an error; zlib's own
 * reader passes over what follows the first member and is no member itself.
 */

struct gunzip;

/* Takes ${fd}; ${path} is for messages and must stay. */
struct gunzip *gunzip_open(int fd, const char *path);
/* Fill ${buf} with ${n} bytes, fewer at the end only: *${got}. ERR_DATA, ERR_IO. */
int gunzip_read(struct gunzip *g, char *buf, size_t n, size_t *got, struct err *e);
/* How many bytes of the file have been used. */
int64_t gunzip_used(const struct gunzip *g);
/* NULL is fine. */
void gunzip_close(struct gunzip *g);

#endif
