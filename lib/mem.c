#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

void mem_exhausted(void)
{
	static const char text[] = "trading-race: out of memory\n";
	ssize_t n = write(2, text, sizeof text - 1);

	(void)n;
	/* no atexit work: it could allocate again; an open transaction dies with the process */
	_exit(71);
}

void *mem_alloc(size_t n)
{
	return mem_array(n, 1);
}

void *mem_array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		mem_exhausted();
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	void *q;

	if (size != 0 && n > SIZE_MAX / size)
		mem_exhausted();
	q = realloc(p, n > 0 && size > 0 ? n * size : 1);
	if (q == NULL)
		mem_exhausted();
	return q;
}

char *mem_strdup(const char *s)
{
	return s == NULL ? NULL : mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);

	memcpy(p, s, n);
	return p;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_exhausted();
	return s;
}
