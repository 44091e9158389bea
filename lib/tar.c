#include "tar.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

#define TAR_CHUNK ((size_t)128 * TAR_BLOCK)
/* What other programs fill up the last record with. */
#define TAR_PADDING_MAX 128

/* Offsets and lengths of the fields of a header. */
enum {
	TAR_NAME = 0,
	TAR_MODE = 100,
	TAR_UID = 108,
	TAR_GID = 116,
	TAR_SIZE = 124,
	TAR_MTIME = 136,
	TAR_SUM = 148,
	TAR_TYPE = 156,
	TAR_LINK = 157,
	TAR_MAGIC = 257,
	TAR_MAJOR = 329,
	TAR_MINOR = 337,
	TAR_PREFIX = 345,
};

static const char tar_magic[8] = "ustar\00000";

/* ------------------------------------------------------------------ headers */

static bool tar_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* Relative, without empty parts and without parts that begin with a dot, so that it stays below
 * where it is unpacked. */
static bool tar_name_valid(const char *name)
{
	const char *part = name;

	for (const char *c = name;; c++) {
		if (*c == '/' || *c == '\0') {
			if (c == part || *part == '.')
				return false;
			part = c + 1;
			if (*c == '\0')
				return true;
		} else if (!tar_name_char(*c)) {
			return false;
		}
	}
}

/* The sum of all bytes, the sum's own field taken as blanks. */
static unsigned tar_sum(const unsigned char *h)
{
	unsigned sum = 0;

	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_SUM && i < TAR_SUM + 8 ? ' ' : h[i];
	return sum;
}

/* An octal number that fills its field but for the NUL. */
static void tar_octal(unsigned char *field, int len, int64_t n)
{
	for (int i = len - 2; i >= 0; i--) {
		field[i] = (unsigned char)('0' + (n & 7));
		n >>= 3;
	}
}

static void tar_header(unsigned char *h, const char *name, int64_t size, int64_t mtime_s)
{
	memset(h, 0, TAR_BLOCK);
	memcpy(h + TAR_NAME, name, strlen(name));
	tar_octal(h + TAR_MODE, 8, 0644);
	tar_octal(h + TAR_UID, 8, 0);
	tar_octal(h + TAR_GID, 8, 0);
	tar_octal(h + TAR_SIZE, 12, size);
	tar_octal(h + TAR_MTIME, 12, mtime_s);
	h[TAR_TYPE] = '0';
	memcpy(h + TAR_MAGIC, tar_magic, sizeof tar_magic);
	tar_octal(h + TAR_MAJOR, 8, 0);
	tar_octal(h + TAR_MINOR, 8, 0);
	tar_octal(h + TAR_SUM, 7, tar_sum(h));
	h[TAR_SUM + 7] = ' ';
}

/* An octal number that fills its field up to a NUL or blank; -1 if it is none. */
static int64_t tar_number(const unsigned char *field, int len)
{
	int64_t n = 0;
	int i = 0;

	while (i < len && field[i] >= '0' && field[i] <= '7')
		n = n * 8 + (field[i++] - '0');
	if (i == 0 || i == len)
		return -1;
	for (; i < len; i++)
		if (field[i] != '\0' && field[i] != ' ')
			return -1;
	return n;
}

static bool tar_zeros(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* What is wrong with a header, NULL for nothing. */
static const char *tar_check(const unsigned char *h)
{
	const char *name = (const char *)h + TAR_NAME;

	if (tar_number(h + TAR_SUM, 8) != (int64_t)tar_sum(h))
		return "a header does not match its checksum";
	if (memcmp(h + TAR_MAGIC, tar_magic, sizeof tar_magic) != 0)
		return "a header is not of the ustar format";
	if (h[TAR_TYPE] != '0' || h[TAR_LINK] != 0)
		return "a member is no plain file";
	if (h[TAR_PREFIX] != 0 || memchr(name, '\0', TAR_NAME_MAX) == NULL ||
	    !tar_name_valid(name))
		return "a member has a name that is not allowed";
	if (tar_number(h + TAR_SIZE, 12) < 0 || tar_number(h + TAR_SIZE, 12) > TAR_SIZE_MAX)
		return "a member has a size that is not allowed";
	return NULL;
}

/* Bytes that fill up the last block of a member. */
static size_t tar_fill(int64_t size)
{
	return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

/* ------------------------------------------------------------------ writing */

struct tar_writer {
	int fd, error; /* errno of the first failure, 0 for none */
	int64_t mtime_s;
	int64_t size, left; /* of the member */
	size_t used;
	unsigned char chunk[TAR_CHUNK];
};

struct tar_writer *tar_create(int fd, int64_t mtime_s)
{
	struct tar_writer *w = mem_alloc(sizeof *w);

	w->fd = fd;
	w->mtime_s = mtime_s > 0 ? mtime_s : 0;
	return w;
}

void tar_discard(struct tar_writer *w)
{
	free(w);
}

static void tar_flush(struct tar_writer *w)
{
	const unsigned char *at = w->chunk;

	while (w->used > 0 && w->error == 0) {
		ssize_t n = write(w->fd, at, w->used);

		if (n >= 0) {
			at += n;
			w->used -= (size_t)n;
		} else if (errno != EINTR) {
			w->error = errno;
		}
	}
	w->used = 0;
}

static void tar_put(struct tar_writer *w, const void *data, size_t n)
{
	const unsigned char *p = data;

	while (n > 0) {
		size_t part = TAR_CHUNK - w->used < n ? TAR_CHUNK - w->used : n;

		memcpy(w->chunk + w->used, p, part);
		w->used += part;
		p += part;
		n -= part;
		if (w->used == TAR_CHUNK)
			tar_flush(w);
	}
}

void tar_begin(struct tar_writer *w, const char *name, int64_t size)
{
	unsigned char header[TAR_BLOCK];

	assert(w->left == 0 && size >= 0 && size <= TAR_SIZE_MAX);
	assert(strlen(name) < TAR_NAME_MAX && tar_name_valid(name));
	tar_header(header, name, size, w->mtime_s);
	tar_put(w, header, sizeof header);
	w->size = w->left = size;
}

void tar_add(struct tar_writer *w, const void *data, size_t n)
{
	static const unsigned char zeros[TAR_BLOCK];

	assert(n <= (uint64_t)w->left);
	if (n == 0)
		return;
	tar_put(w, data, n);
	w->left -= (int64_t)n;
	if (w->left == 0)
		tar_put(w, zeros, tar_fill(w->size));
}

void tar_member(struct tar_writer *w, const char *name, const void *data, size_t n)
{
	tar_begin(w, name, (int64_t)n);
	tar_add(w, data, n);
}

bool tar_good(const struct tar_writer *w)
{
	return w->error == 0;
}

int tar_finish(struct tar_writer *w, const char *name, struct err *e)
{
	static const unsigned char zeros[2 * TAR_BLOCK];

	assert(w->left == 0);
	tar_put(w, zeros, sizeof zeros);
	tar_flush(w);
	if (w->error == 0)
		return 0;
	errno = w->error;
	return err_sys(e, ERR_IO, "%s", name);
}

/* ------------------------------------------------------------------ reading */

struct tar_reader {
	int fd;
	const char *name;
	char member[TAR_NAME_MAX]; /* "" before the first */
	int64_t left;		   /* of the member */
	size_t fill;		   /* after it */
	int64_t offset;		   /* of what is taken next */
	bool ended;
	size_t at, used;
	unsigned char chunk[TAR_CHUNK];
};

struct tar_reader *tar_open(int fd, const char *name)
{
	struct tar_reader *r = mem_alloc(sizeof *r);

	r->fd = fd;
	r->name = name;
	return r;
}

void tar_close(struct tar_reader *r)
{
	free(r);
}

static int tar_bad(const struct tar_reader *r, const char *what, struct err *e)
{
	return err_set(e, ERR_DATA, "%s: at byte %lld: %s", r->name, (long long)r->offset,
		       what);
}

/* Up to ${n} bytes, fewer only at the end of the file. */
static int64_t tar_take(struct tar_reader *r, void *data, size_t n, struct err *e)
{
	unsigned char *to = data;
	size_t got = 0;

	while (got < n) {
		size_t part = r->used - r->at < n - got ? r->used - r->at : n - got;
		ssize_t more;

		memcpy(to + got, r->chunk + r->at, part);
		r->at += part;
		got += part;
		if (got == n)
			break;
		more = read(r->fd, r->chunk, TAR_CHUNK);
		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return err_sys(e, ERR_IO, "%s", r->name);
		r->at = 0;
		r->used = (size_t)more;
		if (more == 0)
			break;
	}
	r->offset += (int64_t)got;
	return (int64_t)got;
}

/* Exactly ${n} bytes. */
static int tar_need(struct tar_reader *r, void *data, size_t n, struct err *e)
{
	int64_t got = tar_take(r, data, n, e);

	if (got < 0)
		return -1;
	if ((size_t)got == n)
		return 0;
	if (r->member[0] == '\0')
		return tar_bad(r, "the file ends, and is no archive", e);
	return err_set(e, ERR_DATA, "%s: at byte %lld: the file ends in or after %s", r->name,
		       (long long)r->offset, r->member);
}

int64_t tar_read(struct tar_reader *r, void *data, size_t n, struct err *e)
{
	unsigned char fill[TAR_BLOCK];
	size_t part = (uint64_t)r->left < n ? (size_t)r->left : n;

	if (part == 0)
		return 0;
	if (tar_need(r, data, part, e) != 0)
		return -1;
	r->left -= (int64_t)part;
	if (r->left == 0 && r->fill > 0) {
		if (tar_need(r, fill, r->fill, e) != 0)
			return -1;
		if (!tar_zeros(fill, r->fill))
			return tar_bad(r, "something lies between two members", e);
		r->fill = 0;
	}
	return (int64_t)part;
}

/* After the first block of zeros: at least another, and nothing else to the end of the file. */
static int tar_ending(struct tar_reader *r, struct err *e)
{
	unsigned char block[TAR_BLOCK];
	int64_t got = 0;

	if (tar_need(r, block, sizeof block, e) != 0)
		return -1;
	for (int i = 0; tar_zeros(block, sizeof block) && i < TAR_PADDING_MAX; i++) {
		got = tar_take(r, block, sizeof block, e);
		if (got <= 0) {
			r->ended = got == 0;
			return (int)got;
		}
		if (got < TAR_BLOCK)
			break;
	}
	return tar_bad(r, "something lies behind the end of the archive", e);
}

int tar_next(struct tar_reader *r, const char **member, int64_t *size, struct err *e)
{
	unsigned char h[TAR_BLOCK];
	const char *wrong;
	int64_t n;

	if (r->ended)
		return 0;
	while ((n = tar_read(r, h, sizeof h, e)) > 0)
		continue;
	if (n < 0 || tar_need(r, h, sizeof h, e) != 0)
		return -1;
	if (tar_zeros(h, sizeof h))
		return tar_ending(r, e);
	wrong = tar_check(h);
	if (wrong != NULL) {
		r->offset -= TAR_BLOCK;
		return tar_bad(r, wrong, e);
	}
	memcpy(r->member, h + TAR_NAME, TAR_NAME_MAX);
	r->left = tar_number(h + TAR_SIZE, 12);
	r->fill = tar_fill(r->left);
	*member = r->member;
	*size = r->left;
	return 1;
}
