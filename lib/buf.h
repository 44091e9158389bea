#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing byte buffer with a ceiling. It latches the first overflow of the ceiling: later
 * additions are ignored and buf_overflowed() tells. The bytes are always followed by a NUL that
 * is not counted. Initialise with BUF_INIT or buf_init(), end with buf_release().
 */

#define BUF_MAX_DEFAULT ((size_t)64 << 20)

struct buf {
	char *data; /* NULL while empty and untouched */
	size_t len;
	size_t cap;
	size_t max;
	bool overflowed;
};

#define BUF_INIT                                   \
	{                                          \
		NULL, 0, 0, BUF_MAX_DEFAULT, false \
	}

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
/* Forget the content, keep the memory and the ceiling, clear the latch. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* The content as a string of its own (never NULL); the buffer is empty afterwards. */
char *buf_take(struct buf *b);
bool buf_overflowed(const struct buf *b);
/* The content, "" when there is none. */
const char *buf_str(const struct buf *b);

#endif
