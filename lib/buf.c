#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

#define BUF_FIRST 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT;
	/* half of the address space leaves the sums below room */
	b->max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2;
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflowed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Whether ${n} more bytes may be added; latches when they may not. */
static bool admit(struct buf *b, size_t n)
{
	if (!b->overflowed && n > b->max - b->len)
		b->overflowed = true;
	return !b->overflowed;
}

/* Room for ${n} admitted bytes and the NUL. */
static void reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1, cap = b->cap;

	if (need <= cap)
		return;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	while (cap < need)
		cap *= 2;
	/* doubling would overshoot the ceiling by up to its own size */
	if (cap > b->max + 1)
		cap = b->max + 1;
	b->data = mem_resize(b->data, cap, 1);
	b->cap = cap;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (n == 0 || !admit(b, n))
		return;
	reserve(b, n);
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;
	int n;

	if (b->overflowed)
		return;
	va_copy(again, ap);
	n = vsnprintf(room != 0 ? b->data + b->len : NULL, room, fmt, ap);
	if (n < 0)
		b->overflowed = true;
	else if (admit(b, (size_t)n)) {
		if ((size_t)n >= room) {
			reserve(b, (size_t)n);
			vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
		}
		b->len += (size_t)n;
	}
	va_end(again);
	/* what did not fit has left its beginning behind */
	if (b->overflowed && room != 0)
		b->data[b->len] = '\0';
}

char *buf_take(struct buf *b)
{
	char *s = b->data != NULL ? b->data : mem_strdup("");

	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	return s;
}

bool buf_overflowed(const struct buf *b)
{
	return b->overflowed;
}

const char *buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}
