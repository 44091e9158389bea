#include "fetch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One child for as long as the fetch is open. Lines that the pipe does not take wait in a queue
 * here, so that sending never blocks; what has arrived is parsed when it is asked for. The
 * child is in a process group of its own (a Ctrl-C is for us; we end it) and dies with us
 * (TR_PARENT).
 */

#define PIPE_BYTES (1 << 20) /* asked for; a refusal does no harm */
#define QUEUE_MAX ((size_t)1 << 30)
#define READ_BYTES ((size_t)256 << 10)
#define TICK_MS 200  /* a stop flag set just before poll is seen that late at most */
#define GRACE_MS 500 /* for a child that has nothing left to do */
#define HURRY_MS 100 /* for a child that was told to end */

struct pending {
	char tag[FETCH_TAG_MAX];
	uint64_t end; /* of its line, counted in all bytes queued */
};

struct fetch {
	char *record, *play;
	int64_t parallel;
	pid_t pid; /* 0: not running */
	int pidfd; /* -1 where it could not be had */
	int in, out;
	struct buf queue; /* lines to write */
	size_t queued_off;
	uint64_t queued, written; /* bytes since the start */
	struct buf arrived;
	size_t arrived_off, scanned; /* no newline before scanned */
	bool gone;		     /* its output has ended */
	struct fetch_parts parts;    /* that it has */
	struct pending **pending;    /* in order of sending */
	size_t n_pending, cap_pending;
};

struct fetch *fetch_open(const struct fetch_options *o)
{
	struct fetch *f = mem_alloc(sizeof *f);

	f->record = mem_strdup(o->record);
	f->play = mem_strdup(o->play);
	f->parallel = o->parallel;
	f->in = f->out = f->pidfd = -1;
	buf_init(&f->queue, QUEUE_MAX);
	buf_init(&f->arrived, FETCH_LINE_MAX + READ_BYTES);
	return f;
}

size_t fetch_pending(const struct fetch *f)
{
	return f->n_pending;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ------------------------------------------------------------------ starting */

static char **make_argv(const struct fetch *f, const char *program)
{
	char **argv = mem_array(6, sizeof *argv);
	size_t n = 0;

	argv[n++] = mem_strdup(program);
	if (f->record != NULL)
		argv[n++] = mem_printf("--record=%s", f->record);
	if (f->play != NULL)
		argv[n++] = mem_printf("--play=%s", f->play);
	if (f->parallel != 0)
		argv[n++] = mem_printf("--parallel=%jd", (intmax_t)f->parallel);
	return argv;
}

static int pipe_open(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	assert(fds[0] > 2 && fds[1] > 2); /* the dup2 of the child would hit a pipe */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

/* 0 or an error number. */
static int spawn_with(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int in,
		      int out, char **argv, char **env, pid_t *pid)
{
	short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawn_file_actions_adddup2(files, in, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, 3);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, flags);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawn(pid, argv[0], files, attr, argv, env);
	return rc;
}

static int spawn(int in, int out, char **argv, char **env, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = spawn_with(&files, &attr, in, out, argv, env, pid);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static int start(struct fetch *f, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = -1, cause;
	char **argv = NULL, **env = NULL;
	char *program = child_sibling("tr-fetch", e);
	size_t n;

	if (program == NULL)
		return -1;
	if (pipe_open(in) != 0 || pipe_open(out) != 0) {
		err_sys(e, ERR_MEMORY, "%s: pipe", program);
		goto out;
	}
	argv = make_argv(f, program);
	env = fetch_make_env(&n);
	env[n] = mem_printf("TR_PARENT=%jd", (intmax_t)getpid());
	/* both ends of what it writes to: it takes what a pipe holds and goes on */
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(out[1], F_SETFL, O_NONBLOCK);
	cause = spawn(in[0], out[1], argv, env, &f->pid);
	if (cause != 0) {
		f->pid = 0;
		errno = cause;
		err_sys(e, ERR_MEMORY, "%s", program);
		goto out;
	}
	f->pidfd = pidfd_open(f->pid, 0);
	f->in = in[1];
	f->out = out[0];
	in[1] = out[0] = -1;
	rc = 0;
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&in[i]);
		close_fd(&out[i]);
	}
	fetch_free_words(env);
	fetch_free_words(argv);
	free(program);
	return rc;
}

/* ------------------------------------------------------------------ the pipes */

/* Write what the pipe takes now. A child that is gone is noticed by its output. */
static void push(struct fetch *f)
{
	size_t left = f->queue.len - f->queued_off;
	ssize_t n;

	while (f->in >= 0 && left > 0) {
		n = write(f->in, f->queue.data + f->queued_off, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			close_fd(&f->in);
			return;
		}
		f->queued_off += (size_t)n;
		f->written += (uint64_t)n;
		left -= (size_t)n;
	}
	if (left == 0) {
		buf_reset(&f->queue);
		f->queued_off = 0;
	}
}

/* What was taken moves out of the buffer when it is more than what remains. */
static void compact(struct buf *b, size_t *off)
{
	size_t left = b->len - *off;

	if (*off == 0 || *off < left)
		return;
	memmove(b->data, b->data + *off, left);
	b->len = left;
	*off = 0;
}

/* Read what is there now. */
static void pull(struct fetch *f)
{
	static char chunk[READ_BYTES];
	ssize_t n;

	if (f->out < 0)
		return;
	do
		n = read(f->out, chunk, sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		f->scanned -= f->arrived_off;
		compact(&f->arrived, &f->arrived_off);
		f->scanned += f->arrived_off;
		buf_add(&f->arrived, chunk, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		f->gone = true;
		close_fd(&f->out);
		close_fd(&f->in);
	}
}

/* ------------------------------------------------------------------ ending */

/* Whether the child has ended within ${ms}; its output is thrown away meanwhile. */
static bool ended_within(struct fetch *f, int ms)
{
	int64_t until_ms = tstamp_boot_ms() + ms, left;
	siginfo_t info = { 0 };

	for (;;) {
		struct pollfd polled[2] = { { .fd = f->pidfd, .events = POLLIN },
					    { .fd = f->out, .events = POLLIN } };

		if (waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid != 0)
			return true;
		left = until_ms - tstamp_boot_ms();
		if (left <= 0)
			return false;
		/* without a pidfd the end of its output wakes us, or the tick */
		poll(polled, 2, f->pidfd < 0 && f->out < 0 ? 10 : (int)left);
		if (polled[1].revents != 0) {
			buf_reset(&f->arrived);
			f->arrived_off = f->scanned = 0;
			pull(f);
		}
	}
}

static void end_child(struct fetch *f)
{
	bool busy = f->n_pending > 0;

	close_fd(&f->in);
	if (busy)
		kill(f->pid, SIGTERM);
	if (!ended_within(f, busy ? HURRY_MS : GRACE_MS))
		kill(-f->pid, SIGKILL);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* ------------------------------------------------------------------ requests */

/* The request, behind its part if that has not been sent. */
static void enqueue(struct fetch *f, const struct fetch_request *r)
{
	struct fetch_request whole = *r; /* all but the body is borrowed */

	if (r->part == NULL || fetch_parts_find(&f->parts, r->part->id) != NULL) {
		fetch_write_request(r, &f->queue);
	} else if (fetch_parts_add(&f->parts, r->part)) {
		fetch_write_part(r->part, &f->queue);
		fetch_write_request(r, &f->queue);
	} else { /* it has all the parts that it takes */
		whole.body = fetch_body_whole(r);
		whole.body_len = fetch_body_len(r);
		whole.part = NULL;
		fetch_write_request(&whole, &f->queue);
		free(whole.body);
	}
}

/* Another child in the place of one that has ended before its time. */
static void renew(struct fetch *f)
{
	end_child(f);
	close_fd(&f->out);
	close_fd(&f->pidfd);
	buf_reset(&f->queue);
	buf_reset(&f->arrived);
	fetch_parts_release(&f->parts);
	f->queued_off = f->arrived_off = f->scanned = 0;
	f->queued = f->written = 0;
	f->pid = 0;
	f->gone = false;
}

int fetch_send(struct fetch *f, const struct fetch_request *r, struct err *e)
{
	struct pending *p;
	size_t before;

	if (f->gone && f->n_pending == 0 && f->play == NULL)
		renew(f);
	if (f->pid == 0 && !f->gone && start(f, e) != 0)
		return -1;
	compact(&f->queue, &f->queued_off);
	before = f->queue.len;
	enqueue(f, r);
	if (buf_overflowed(&f->queue))
		return err_set(e, ERR_MEMORY, "request %s: too much is waiting to be sent",
			       r->tag);
	f->queued += f->queue.len - before;
	if (f->n_pending == f->cap_pending) {
		f->cap_pending = f->cap_pending > 0 ? 2 * f->cap_pending : 64;
		f->pending = mem_resize(f->pending, f->cap_pending, sizeof *f->pending);
	}
	p = mem_alloc(sizeof *p);
	memcpy(p->tag, r->tag, sizeof p->tag);
	p->end = f->queued;
	f->pending[f->n_pending++] = p;
	push(f);
	return 0;
}

/* ------------------------------------------------------------------ answers */

static void pending_drop(struct fetch *f, size_t i)
{
	free(f->pending[i]);
	f->n_pending--;
	memmove(f->pending + i, f->pending + i + 1, (f->n_pending - i) * sizeof *f->pending);
}

static int settle(struct fetch *f, struct fetch_answer *a, struct err *e)
{
	for (size_t i = 0; i < f->n_pending; i++) {
		if (strcmp(f->pending[i]->tag, a->tag) == 0) {
			pending_drop(f, i);
			return 0;
		}
	}
	err_set(e, ERR_INTERNAL, "tr-fetch answers %s, which nobody asked", a->tag);
	fetch_answer_release(a);
	return -1;
}

/* The next whole line, if there is one. */
static bool next_line(struct fetch *f, const char **line, size_t *len)
{
	const char *data = buf_str(&f->arrived);
	const char *newline;

	newline = memchr(data + f->scanned, '\n', f->arrived.len - f->scanned);
	if (newline == NULL) {
		f->scanned = f->arrived.len;
		return false;
	}
	*line = data + f->arrived_off;
	*len = (size_t)(newline - *line);
	f->arrived_off += *len + 1;
	f->scanned = f->arrived_off;
	return true;
}

static void lost(struct fetch *f, struct fetch_answer *a)
{
	const struct pending *p = f->pending[0];

	*a = (struct fetch_answer){ .class = FETCH_GONE, .first_ms = -1 };
	memcpy(a->tag, p->tag, sizeof a->tag);
	a->sent = p->end <= f->written;
	a->body = mem_strdup("");
	a->error = mem_strdup("tr-fetch ended without an answer");
	pending_drop(f, 0);
}

/* Give out what is there already. */
static int take(struct fetch *f, struct fetch_answer *a, bool *got, struct err *e)
{
	const char *line;
	size_t len;

	if (next_line(f, &line, &len)) {
		*got = true;
		if (fetch_parse_answer(line, len, a, e) != 0)
			return err_prefix(e, "tr-fetch");
		return settle(f, a, e);
	}
	if (buf_overflowed(&f->arrived))
		return err_set(e, ERR_INTERNAL, "tr-fetch: a line is too long");
	if (f->gone && f->n_pending > 0) {
		*got = true;
		lost(f, a);
	}
	return 0;
}

static void wait_pipes(struct fetch *f, int64_t wait_ms)
{
	bool more = f->queue.len > f->queued_off;
	struct pollfd polled[2] = { { .fd = f->out, .events = POLLIN },
				    { .fd = more ? f->in : -1, .events = POLLOUT } };

	if (poll(polled, 2, wait_ms < TICK_MS ? (int)wait_ms : TICK_MS) <= 0)
		return;
	if (polled[1].revents != 0)
		push(f);
	if (polled[0].revents != 0)
		pull(f);
}

int fetch_wait(struct fetch *f, int64_t until_ms, const volatile int *stop,
	       struct fetch_answer *a, bool *got, struct err *e)
{
	int64_t now_ms;
	bool last = false;

	*got = false;
	for (;;) {
		if (take(f, a, got, e) != 0)
			return -1;
		if (*got || last || f->n_pending == 0)
			return 0;
		now_ms = tstamp_boot_ms();
		/* what has arrived is looked for once, however late it is */
		last = now_ms >= until_ms || (stop != NULL && *stop != 0);
		wait_pipes(f, last ? 0 : until_ms - now_ms);
	}
}

void fetch_close(struct fetch *f)
{
	if (f == NULL)
		return;
	if (f->pid != 0)
		end_child(f);
	close_fd(&f->out);
	close_fd(&f->pidfd);
	while (f->n_pending > 0)
		pending_drop(f, f->n_pending - 1);
	free(f->pending);
	fetch_parts_release(&f->parts);
	buf_release(&f->queue);
	buf_release(&f->arrived);
	free(f->record);
	free(f->play);
	free(f);
}
