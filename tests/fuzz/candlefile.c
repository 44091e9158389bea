#include "candlefile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "banned.h"

/*
 * libFuzzer target: any bytes are a file. What comes out keeps the promises of candlefile.h.
 * The header is put in front of every second input, so that rows are reached at once.
 */

#define HEADER "asset,quote,open_time_utc,interval_s,open,high,low,close,volume\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *ctx, int64_t line, const char *reason)
{
	assert(line >= 2 && reason[0] != '\0');
	++*(int64_t *)ctx;
}

static void check(const struct candlefile *f, int64_t complaints)
{
	int64_t missing = 0;

	assert(f->bad == complaints && f->rows > 0 && f->rows <= CANDLEFILE_ROWS_MAX);
	assert(f->rows == (int64_t)f->n + f->bad + f->duplicates);
	for (size_t i = 0; i < f->n; i++) {
		const struct view_candle *c = &f->candles[i];

		assert(c->low.u > 0 && c->low.u <= c->open.u && c->low.u <= c->close.u);
		assert(c->high.u >= c->open.u && c->high.u >= c->close.u && c->volume.u >= 0);
		assert(c->open_ms % (f->interval_s * 1000) == 0);
		if (i == 0)
			continue;
		assert(c->open_ms > c[-1].open_ms);
		missing += (c->open_ms - c[-1].open_ms) / (f->interval_s * 1000) - 1;
	}
	assert(f->missing == missing && f->gaps <= missing);
}

static void put(int fd, const void *data, size_t n)
{
	if (write(fd, data, n) != (ssize_t)n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t complaints = 0;
	struct candlefile_options o = { count, NULL, &complaints };
	struct candlefile f;
	struct err e = { 0 };
	char path[40];
	int fd = memfd_create("candles", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	if (size > 0 && data[0] % 2 != 0)
		put(fd, HEADER, strlen(HEADER));
	if (size > 0)
		put(fd, data + 1, size - 1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (candlefile_read(&f, path, &o, &e) == 0)
		check(&f, complaints);
	else
		assert(e.status != 0 && e.text[0] != '\0' && f.candles == NULL);
	candlefile_release(&f);
	memset(&e, 0, sizeof e);
	assert(candlefile_peek(&f, path, &e) == 0 || e.status != 0);
	close(fd);
	return 0;
}
