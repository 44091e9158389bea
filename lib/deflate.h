#ifndef DEFLATE_H
#define DEFLATE_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

/* zlib streams in memory, for texts that are kept. */

/* Append the compressed form of ${data} to ${out}. */
void deflate_pack(const void *data, size_t n, struct buf *out);
/* Append what ${data} unpacks to, which must be exactly ${size} bytes, else ERR_INTERNAL. */
int deflate_unpack(const void *data, size_t n, size_t size, struct buf *out, struct err *e);

#endif
