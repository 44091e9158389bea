#include "child_line.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child_part.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define TICK_MS 200  /* a stop flag set just before poll is seen that late at most */
#define GONE_MS 5000 /* patience with a program that was told to end */

struct child_line *child_line_start(const struct child_spec *spec, struct err *e)
{
	struct child_line *l = mem_alloc(sizeof *l);
	int rc = child_open(spec, &l->pid, &l->in, &l->out);

	buf_init(&l->answer, BUF_MAX_DEFAULT);
	if (rc == 0)
		return l;
	err_set(e, ERR_TEMP, "%s: %s", spec->argv[0], strerror(rc));
	free(l);
	return NULL;
}

/* Wait for its end until ${until_ms}. */
static bool child_line_gone(struct child_line *l, int64_t until_ms, int *status)
{
	const struct timespec nap = { 0, 1000000 };

	while (waitpid(l->pid, status, WNOHANG) == 0) {
		if (tstamp_boot_ms() >= until_ms)
			return false;
		nanosleep(&nap, NULL);
	}
	l->pid = 0;
	return true;
}

void child_line_end(struct child_line *l)
{
	int status;

	if (l == NULL)
		return;
	/* the pid stays ours until it is waited for, so that this hits no stranger; what it has
	 * started is known to it alone, and ends with it if it is told first */
	if (l->pid > 0)
		kill(l->pid, SIGTERM);
	if (l->pid > 0 && !child_line_gone(l, tstamp_boot_ms() + GONE_MS, &status)) {
		kill(-l->pid, SIGKILL);
		kill(l->pid, SIGKILL);
		child_line_gone(l, INT64_MAX, &status);
	}
	if (l->in >= 0)
		close(l->in);
	close(l->out);
	buf_release(&l->answer);
	free(l);
}

/* Whether the end of its output comes, and nothing before it. */
static bool child_line_silent(const struct child_line *l, int64_t until_ms)
{
	struct pollfd p = { .fd = l->out, .events = POLLIN };
	int64_t left = until_ms - tstamp_boot_ms();
	ssize_t n = -1;
	char c;

	while (n < 0 && left > 0) {
		if (poll(&p, 1, (int)left) > 0)
			n = read(l->out, &c, 1);
		left = until_ms - tstamp_boot_ms();
	}
	return n == 0;
}

bool child_line_finish(struct child_line *l, int64_t timeout_ms)
{
	int64_t until_ms = tstamp_boot_ms() + timeout_ms;
	int status = -1;

	close(l->in);
	l->in = -1;
	return child_line_silent(l, until_ms) && child_line_gone(l, until_ms, &status) &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void child_line_feed(struct child_line *l)
{
	ssize_t n = write(l->in, l->line + l->fed, l->len - l->fed);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		l->fed += (size_t)n;
	/* it may answer before it has read all, but it must be there to read the next */
	if (n < 0)
		l->open = false;
}

static void child_line_hear(struct child_line *l, size_t max, int64_t start_ms)
{
	char chunk[65536];
	ssize_t n = read(l->out, chunk, sizeof chunk);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		l->open = false;
		return;
	}
	buf_add(&l->answer, chunk, (size_t)n);
	if (l->answer.len > max) {
		l->open = false;
		return;
	}
	if (memchr(chunk, '\n', (size_t)n) == NULL)
		return;
	l->open = false;
	l->elapsed_ms = tstamp_boot_ms() - start_ms;
	/* more than a line, or an answer before the question was read, is another protocol */
	l->answered = l->answer.data[l->answer.len - 1] == '\n' &&
		      memchr(l->answer.data, '\n', l->answer.len - 1) == NULL &&
		      l->fed == l->len;
	l->answers += l->answered;
}

/* One round of poll; how many are still to answer. */
static size_t child_line_turn(struct child_line *const *l, struct pollfd *fds, size_t n,
			      size_t max, int64_t start_ms, int64_t until_ms)
{
	int64_t left = until_ms - tstamp_boot_ms();
	size_t open = 0;

	for (size_t i = 0; i < n; i++) {
		bool feeds = l[i]->open && l[i]->fed < l[i]->len;

		fds[2 * i] = (struct pollfd){ feeds ? l[i]->in : -1, POLLOUT, 0 };
		fds[2 * i + 1] = (struct pollfd){ l[i]->open ? l[i]->out : -1, POLLIN, 0 };
	}
	if (left > TICK_MS)
		left = TICK_MS;
	if (poll(fds, 2 * n, left > 0 ? (int)left : 0) < 0)
		return n;
	for (size_t i = 0; i < n; i++) {
		if (fds[2 * i].revents != 0)
			child_line_feed(l[i]);
		if (fds[2 * i + 1].revents != 0)
			child_line_hear(l[i], max, start_ms);
		open += l[i]->open;
	}
	return open;
}

/* Who has something to say before it is asked follows another protocol, or has ended. */
static bool child_line_waits(const struct child_line *l)
{
	struct pollfd p = { .fd = l->out, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

int child_line_ask(struct child_line *const *l, const struct buf *lines, size_t n, size_t max,
		   int64_t timeout_ms, const volatile int *stop, struct err *e)
{
	struct pollfd *fds = mem_array(2 * n, sizeof *fds);
	int64_t start_ms = tstamp_boot_ms();
	size_t open = n;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&l[i]->answer);
		l[i]->answered = false;
		l[i]->open = child_line_waits(l[i]);
		l[i]->line = lines[i].data;
		l[i]->len = lines[i].len;
		l[i]->fed = 0;
	}
	while (open > 0 && tstamp_boot_ms() < start_ms + timeout_ms && r == 0) {
		open = child_line_turn(l, fds, n, max, start_ms, start_ms + timeout_ms);
		if (stop != NULL && *stop != 0)
			r = err_set(e, ERR_TEMP, "interrupted");
	}
	free(fds);
	return r;
}
