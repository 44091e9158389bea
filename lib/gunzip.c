#include "gunzip.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "mem.h"

#include "banned.h"

#define GUNZIP_BYTES ((size_t)128 << 10)
#define GUNZIP_BITS (15 + 16) /* the largest window, and gzip's header */

struct gunzip {
	int fd;
	const char *path;
	z_stream z;
	unsigned char *in;
	int64_t read;
	bool begun, packed;
	bool inside; /* a member has begun and not ended */
	bool eof;    /* the file has no more */
	bool end;
};

struct gunzip *gunzip_open(int fd, const char *path)
{
	struct gunzip *g = mem_alloc(sizeof *g);

	g->fd = fd;
	g->path = path;
	g->in = mem_array(GUNZIP_BYTES, 1);
	if (inflateInit2(&g->z, GUNZIP_BITS) != Z_OK)
		mem_exhausted();
	return g;
}

/* More behind what is left. */
static int gunzip_fill(struct gunzip *g, struct err *e)
{
	ssize_t n;

	if (g->z.avail_in > 0)
		memmove(g->in, g->z.next_in, g->z.avail_in);
	g->z.next_in = g->in;
	do
		n = read(g->fd, g->in + g->z.avail_in, GUNZIP_BYTES - g->z.avail_in);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, ERR_IO, "%s", g->path);
	g->eof = n == 0;
	g->z.avail_in += (uInt)n;
	g->read += n;
	return 0;
}

/* Two bytes tell what it is. */
static int gunzip_begin(struct gunzip *g, struct err *e)
{
	while (g->z.avail_in < 2 && !g->eof)
		if (gunzip_fill(g, e) != 0)
			return -1;
	g->packed = g->z.avail_in >= 2 && g->in[0] == 0x1f && g->in[1] == 0x8b;
	g->inside = g->packed;
	g->begun = true;
	return 0;
}

/* Between members: another one begins, or zeros fill the file up. */
static int gunzip_next(struct gunzip *g, struct err *e)
{
	bool zeros = false;

	for (;;) {
		while (g->z.avail_in > 0 && *g->z.next_in == 0) {
			g->z.next_in++;
			g->z.avail_in--;
			zeros = true;
		}
		if (g->z.avail_in > 0)
			break;
		if (g->eof) {
			g->end = true;
			return 0;
		}
		if (gunzip_fill(g, e) != 0)
			return -1;
	}
	if (zeros || *g->z.next_in != 0x1f)
		return err_set(e, ERR_DATA, "%s: there is something behind the gzip data",
			       g->path);
	inflateReset(&g->z);
	g->inside = true;
	return 0;
}

static int gunzip_inflate(struct gunzip *g, char *buf, size_t n, size_t *got, struct err *e)
{
	int code;

	g->z.next_out = (unsigned char *)buf + *got;
	g->z.avail_out = (uInt)(n - *got);
	code = inflate(&g->z, Z_NO_FLUSH);
	*got = n - g->z.avail_out;
	if (code == Z_STREAM_END)
		g->inside = false;
	else if (code == Z_MEM_ERROR)
		mem_exhausted();
	else if (code != Z_OK && code != Z_BUF_ERROR)
		return err_set(e, ERR_DATA, "%s: damaged gzip data: %s", g->path,
			       g->z.msg != NULL ? g->z.msg : zError(code));
	else if (g->z.avail_out > 0 && g->eof)
		return err_set(e, ERR_DATA, "%s: the gzip data ends early: the file is cut off",
			       g->path);
	return 0;
}

static void gunzip_copy(struct gunzip *g, char *buf, size_t n, size_t *got)
{
	size_t part = n - *got < g->z.avail_in ? n - *got : g->z.avail_in;

	memcpy(buf + *got, g->z.next_in, part);
	g->z.next_in += part;
	g->z.avail_in -= (uInt)part;
	*got += part;
	g->end = g->eof && g->z.avail_in == 0;
}

int gunzip_read(struct gunzip *g, char *buf, size_t n, size_t *got, struct err *e)
{
	int r = g->begun ? 0 : gunzip_begin(g, e);

	*got = 0;
	while (r == 0 && *got < n && !g->end) {
		if (g->z.avail_in == 0 && !g->eof)
			r = gunzip_fill(g, e);
		else if (!g->packed)
			gunzip_copy(g, buf, n, got);
		else if (!g->inside)
			r = gunzip_next(g, e);
		else
			r = gunzip_inflate(g, buf, n, got, e);
	}
	return r;
}

int64_t gunzip_used(const struct gunzip *g)
{
	return g->read - (int64_t)g->z.avail_in;
}

void gunzip_close(struct gunzip *g)
{
	if (g == NULL)
		return;
	inflateEnd(&g->z);
	close(g->fd);
	free(g->in);
	free(g);
}
