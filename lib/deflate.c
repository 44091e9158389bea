#include "deflate.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "mem.h"

#include "banned.h"

void deflate_pack(const void *data, size_t n, struct buf *out)
{
	uLongf len = compressBound((uLong)n);
	unsigned char *p = mem_alloc(len);
	int code = compress2(p, &len, data, (uLong)n, 1);

	/* the bound is a guarantee; what is left is memory */
	assert(code == Z_OK || code == Z_MEM_ERROR);
	if (code == Z_MEM_ERROR)
		mem_exhausted();
	buf_add(out, p, len);
	free(p);
}

int deflate_unpack(const void *data, size_t n, size_t size, struct buf *out, struct err *e)
{
	uLongf len = (uLongf)size;
	unsigned char *p = mem_alloc(size);
	int code = uncompress(p, &len, data, (uLong)n);

	if (code == Z_MEM_ERROR)
		mem_exhausted();
	if (code == Z_OK && len == size)
		buf_add(out, p, len);
	free(p);
	if (code != Z_OK || len != size)
		return err_set(e, ERR_INTERNAL, "stored text: is damaged");
	return 0;
}
