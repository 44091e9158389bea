#include "fetch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

#define READ_BYTES ((size_t)256 << 10)
#define OUT_MAX ((size_t)1 << 32)

void fetch_io_init(struct fetch_io *io)
{
	*io = (struct fetch_io){ 0 };
	buf_init(&io->in, FETCH_LINE_MAX + READ_BYTES);
	buf_init(&io->out, OUT_MAX);
}

void fetch_io_release(struct fetch_io *io)
{
	buf_release(&io->in);
	buf_release(&io->out);
}

size_t fetch_io_unwritten(const struct fetch_io *io)
{
	return io->out.len - io->out_off;
}

/* ------------------------------------------------------------------ reading */

static int give_line(struct fetch_io *io, const char *line, size_t len, fetch_line_fn *each,
		     void *ctx, struct err *e)
{
	io->lines++;
	if (each(ctx, line, len, e) == 0)
		return 0;
	return err_prefix(e, "line %zu", io->lines);
}

static int give_lines(struct fetch_io *io, fetch_line_fn *each, void *ctx, struct err *e)
{
	const char *data = buf_str(&io->in), *newline;
	size_t done = 0, left;
	int rc = 0;

	while (rc == 0 && (newline = memchr(data + done, '\n', io->in.len - done)) != NULL) {
		size_t len = (size_t)(newline - data) - done;

		rc = give_line(io, data + done, len, each, ctx, e);
		done += len + 1;
	}
	left = io->in.len - done;
	if (rc == 0 && io->ended && left > 0) {
		rc = give_line(io, data + done, left, each, ctx, e);
		left = 0;
	}
	if (done > 0 && left > 0)
		memmove(io->in.data, data + done, left);
	io->in.len = left;
	return rc;
}

int fetch_io_read(struct fetch_io *io, fetch_line_fn *each, void *ctx, struct err *e)
{
	static char chunk[READ_BYTES];
	ssize_t n = read(0, chunk, sizeof chunk);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_sys(e, ERR_IO, "standard input");
	io->ended = n == 0;
	if (n > 0 && memchr(chunk, '\n', (size_t)n) == NULL) {
		buf_add(&io->in, chunk, (size_t)n);
		if (io->in.len <= FETCH_LINE_MAX)
			return 0;
		return err_set(e, ERR_DATA, "line %zu: longer than %zu bytes", io->lines + 1,
			       FETCH_LINE_MAX);
	}
	buf_add(&io->in, chunk, (size_t)n);
	return give_lines(io, each, ctx, e);
}

/* ------------------------------------------------------------------ writing */

/* How much can be written without waiting: a pipe that is ready has room for PIPE_BUF. */
static size_t room_for(const struct fetch_io *io, size_t want)
{
	struct pollfd p = { .fd = 1, .events = POLLOUT };

	if (io->out_file)
		return want;
	if (poll(&p, 1, 0) != 1)
		return 0;
	return want < PIPE_BUF ? want : PIPE_BUF;
}

static void drop_written(struct fetch_io *io)
{
	size_t left = fetch_io_unwritten(io);

	if (left == 0) {
		buf_reset(&io->out);
		io->out_off = 0;
	} else if (io->out_off > left) {
		memmove(io->out.data, io->out.data + io->out_off, left);
		io->out.len = left;
		io->out_off = 0;
	}
}

int fetch_io_write(struct fetch_io *io, struct err *e)
{
	size_t room;
	ssize_t n;

	while ((room = room_for(io, fetch_io_unwritten(io))) > 0) {
		n = write(1, io->out.data + io->out_off, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			io->closed = errno == EPIPE;
			return err_sys(e, ERR_IO, "standard output");
		}
		io->out_off += (size_t)n;
	}
	drop_written(io);
	return 0;
}
