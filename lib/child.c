#include "child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child_part.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A slot is a place for one running child. Its end is seen through a pidfd next to its pipes in
 * one poll; the pid stays reserved (a zombie) until the group was killed, so that no signal can
 * reach a stranger that got the same number.
 *
 * What leaves its group by setsid() and loses its parent becomes our child, since we are a
 * subreaper. Whose it was cannot be asked any more, but a child that is younger than the orphan
 * cannot have started it. So an orphan is killed as soon as every running child is younger: the
 * end of one child then never disturbs what another, still running, has put in the background.
 */

#define CHUNK 65536	 /* what a pipe holds */
#define TICK_MS 1000	 /* a stop flag set just before poll is seen that late at most */
#define TICK_BLIND_MS 10 /* the same where the kernel gives no pidfd */
#define SWEEP_MS 5000	 /* patience with killed orphans that do not go */
#define PASS_ON_MS 100	 /* patience with a reader of our stderr who has stopped reading */
#define CHILDREN_MAX ((size_t)16 << 20)

struct slot {
	pid_t pid; /* 0: free */
	size_t index;
	int pidfd; /* -1 where it could not be had */
	int in, out, error;
	size_t fed;	  /* bytes of the input written */
	int64_t start_ms; /* boot clock, like all times here */
	int64_t until_ms;
	bool killed; /* by us; result.end says why */
	struct child_result result;
};

struct run {
	const struct child_spec *specs;
	size_t n, next, busy;
	struct slot *slots;
	struct pollfd *polled; /* four per slot: pidfd, in, out, error */
	size_t n_slots;
	int64_t deadline_ms;
	child_done_fn *done;
	void *ctx;
	const volatile int *stop;
	pid_t *strangers; /* children that were here before: not ours to kill */
	size_t n_strangers;
};

struct pipes {
	int in[2], out[2], error[2];
	bool mute; /* stderr goes nowhere */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int64_t later(int64_t at_ms, int64_t ms)
{
	return ms > INT64_MAX - at_ms ? INT64_MAX : at_ms + ms;
}

/* Starting */

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->in[i]);
		close_fd(&p->out[i]);
		close_fd(&p->error[i]);
	}
}

/* ${ours}: which end does not block. Non-blocking mode belongs to one end, not to the pipe. */
static int pipe_open(int fds[2], int ours)
{
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	/* a tool starts with 0, 1 and 2 open; otherwise the dup2 below would hit a pipe */
	assert(fds[0] > 2 && fds[1] > 2);
	return fcntl(fds[ours], F_SETFL, O_NONBLOCK);
}

static int pipes_open(struct pipes *p, const struct child_spec *spec)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, false };
	if (spec->input != NULL && pipe_open(p->in, 1) != 0)
		return -1;
	if (pipe_open(p->out, 0) != 0)
		return -1;
	return spec->error_max != 0 ? pipe_open(p->error, 0) : 0;
}

static int spawn_files(posix_spawn_file_actions_t *files, const struct pipes *p)
{
	int rc;

	if (p->in[0] >= 0)
		rc = posix_spawn_file_actions_adddup2(files, p->in[0], 0);
	else
		rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, p->out[1], 1);
	if (rc == 0 && p->error[1] >= 0)
		rc = posix_spawn_file_actions_adddup2(files, p->error[1], 2);
	if (rc == 0 && p->mute)
		rc = posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0);
	if (rc == 0) /* what we inherited ourselves without close-on-exec, a cron lock say */
		rc = posix_spawn_file_actions_addclosefrom_np(files, 3);
	return rc;
}

static int spawn_attributes(posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(attr, flags);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	return rc;
}

/* 0 or an error number, as posix_spawn itself. */
static int spawn(const struct child_spec *spec, const struct pipes *p, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	rc = posix_spawn_file_actions_init(&files);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		goto out;
	rc = spawn_files(&files, p);
	if (rc == 0)
		rc = spawn_attributes(&attr);
	if (rc == 0) /* POSIX left out the const that it means */
		rc = posix_spawn(pid, spec->argv[0], &files, &attr, (char *const *)spec->argv,
				 (char *const *)spec->env);
	posix_spawnattr_destroy(&attr);
out:
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

int child_open(const struct child_spec *spec, pid_t *pid, int *in, int *out)
{
	struct child_spec piped = { .argv = spec->argv, .env = spec->env, .input = "" };
	struct pipes p;
	int rc = pipes_open(&p, &piped) == 0 ? 0 : errno;

	p.mute = true;
	if (rc == 0)
		rc = spawn(&piped, &p, pid);
	if (rc == 0) {
		*in = p.in[1];
		*out = p.out[0];
		p.in[1] = p.out[0] = -1;
	}
	pipes_close(&p);
	return rc;
}

/* Our ends of the pipes move into the slot; the others are closed. */
static void slot_adopt(struct slot *s, struct pipes *p)
{
	s->in = p->in[1];
	s->out = p->out[0];
	s->error = p->error[0];
	p->in[1] = p->out[0] = p->error[0] = -1;
	s->pidfd = pidfd_open(s->pid, 0);
}

/* Returns false, with the reason in the result, if there is no process. */
static bool slot_start(struct slot *s, const struct child_spec *spec)
{
	struct pipes p;
	int rc;

	rc = pipes_open(&p, spec) == 0 ? 0 : errno;
	if (rc == 0)
		rc = spawn(spec, &p, &s->pid);
	if (rc == 0) {
		slot_adopt(s, &p);
		if (spec->input_len == 0)
			close_fd(&s->in);
	} else {
		s->pid = 0;
		s->result.end = CHILD_UNSTARTED;
		buf_addf(&s->result.error, "%s: %s", spec->argv[0], strerror(rc));
	}
	pipes_close(&p);
	return rc == 0;
}

static void slot_init(struct slot *s, const struct child_spec *spec, size_t index)
{
	*s = (struct slot){ .index = index, .pidfd = -1, .in = -1, .out = -1, .error = -1 };
	buf_init(&s->result.out, spec->output_max);
	buf_init(&s->result.error, BUF_MAX_DEFAULT);
}

/* Ending */

static void slot_kill(struct slot *s, enum child_end why)
{
	if (!s->killed) {
		s->killed = true;
		s->result.end = why;
	}
	s->until_ms = INT64_MAX;
	kill(-s->pid, SIGKILL);
	kill(s->pid, SIGKILL); /* it may have moved to another group */
}

static void slot_output(struct slot *s, const struct child_spec *spec, const char *data,
			size_t n)
{
	size_t room = spec->output_max - s->result.out.len;

	buf_add(&s->result.out, data, n < room ? n : room);
	if (n > room) {
		slot_kill(s, CHILD_OUTPUT);
		close_fd(&s->out);
	}
}

/* Keep the last ${max} bytes. */
static void slot_complaint(struct buf *b, size_t max, const char *data, size_t n)
{
	size_t drop;

	if (n > max) {
		data += n - max;
		n = max;
	}
	if (b->len + n > max) {
		drop = b->len + n - max;
		memmove(b->data, b->data + drop, b->len - drop);
		b->len -= drop;
	}
	buf_add(b, data, n);
}

/* Whether our stderr takes a piece of PIPE_BUF bytes within ${ms} without blocking. */
static bool stderr_takes(int ms)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, ms) == 1;
}

/* Pass stderr on. What nobody takes for a while is dropped: a child's time is bounded. */
static void slot_pass_on(const char *data, size_t n)
{
	size_t piece;
	ssize_t w;

	while (n > 0 && stderr_takes(PASS_ON_MS)) {
		piece = n < PIPE_BUF ? n : PIPE_BUF;
		w = write(STDERR_FILENO, data, piece);
		if (w <= 0)
			return;
		data += w;
		n -= (size_t)w;
	}
}

/* Read once, at most ${limit} bytes, and close ${fd} at its end. Returns the bytes read. */
static size_t slot_read(struct slot *s, const struct child_spec *spec, int *fd, size_t limit)
{
	char chunk[CHUNK];
	ssize_t n;

	do
		n = read(*fd, chunk, limit < sizeof chunk ? limit : sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		close_fd(fd);
		return 0;
	}
	if (fd == &s->out) {
		slot_output(s, spec, chunk, (size_t)n);
	} else {
		slot_complaint(&s->result.error, spec->error_max, chunk, (size_t)n);
		if (spec->error_live)
			slot_pass_on(chunk, (size_t)n);
	}
	return (size_t)n;
}

static void slot_feed(struct slot *s, const struct child_spec *spec)
{
	ssize_t n = write(s->in, spec->input + s->fed, spec->input_len - s->fed);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		s->fed += (size_t)n;
	/* a child need not read its input: EPIPE is no error */
	if (n < 0 || s->fed == spec->input_len)
		close_fd(&s->in);
}

/* What is in the pipe now, and no more: another holder of it may write for ever. */
static void slot_drain(struct slot *s, const struct child_spec *spec, int *fd)
{
	int left = 0;
	size_t n;

	if (*fd < 0 || ioctl(*fd, FIONREAD, &left) != 0)
		return;
	while (left > 0 && *fd >= 0) {
		n = slot_read(s, spec, fd, (size_t)left);
		if (n == 0)
			break;
		left -= (int)n;
	}
}

static bool slot_over(const struct slot *s)
{
	siginfo_t info = { 0 };
	int rc;

	do
		rc = waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	while (rc != 0 && errno == EINTR);
	return rc != 0 || info.si_pid != 0;
}

static void slot_reap(struct slot *s)
{
	int status = 0;

	kill(-s->pid, SIGKILL);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
	if (WIFEXITED(status))
		s->result.status = WEXITSTATUS(status);
	else
		s->result.signal = WTERMSIG(status);
	if (!s->killed)
		s->result.end = WIFEXITED(status) ? CHILD_EXITED : CHILD_SIGNALED;
}

static void slot_close(struct slot *s)
{
	close_fd(&s->pidfd);
	close_fd(&s->in);
	close_fd(&s->out);
	close_fd(&s->error);
}

/* Orphans */

/* Whether we have no child at all, dead or alive. */
static bool childless(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

/* The content of a file of /proc; empty when it cannot be read. */
static void proc_read(struct buf *b, const char *path)
{
	char chunk[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
		buf_add(b, chunk, n > 0 ? (size_t)n : 0);
	close(fd);
}

/* Our children as "12 34 ": the tools have one thread, so they are all those of the first. */
static void children_read(struct buf *b)
{
	char *path = mem_printf("/proc/self/task/%ld/children", (long)getpid());

	buf_init(b, CHILDREN_MAX);
	proc_read(b, path);
	free(path);
}

static bool children_next(const char **at, pid_t *pid)
{
	char *end;
	long n = strtol(*at, &end, 10);

	if (end == *at || n <= 0 || n > INT_MAX)
		return false;
	*at = end;
	*pid = (pid_t)n;
	return true;
}

char child_state(pid_t pid, uint64_t *start_ticks)
{
	struct buf b;
	char *path = mem_printf("/proc/%ld/stat", (long)pid);
	const char *at;
	char state = '\0';

	buf_init(&b, CHILDREN_MAX);
	proc_read(&b, path);
	at = strrchr(buf_str(&b), ')'); /* the name before it may hold anything */
	if (at != NULL && at[1] == ' ')
		state = at[2];
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		*start_ticks = strtoull(at, NULL, 10);
	buf_release(&b);
	free(path);
	return at != NULL ? state : '\0';
}

/* UINT64_MAX if it cannot be known. */
static uint64_t start_ticks(pid_t pid)
{
	uint64_t ticks = UINT64_MAX;

	child_state(pid, &ticks);
	return ticks;
}

static bool is_running(const struct run *run, pid_t pid)
{
	for (size_t i = 0; i < run->n_slots; i++) {
		if (run->slots[i].pid == pid)
			return true;
	}
	return false;
}

static bool is_stranger(const struct run *run, pid_t pid)
{
	for (size_t i = 0; i < run->n_strangers; i++) {
		if (run->strangers[i] == pid)
			return true;
	}
	return false;
}

/* Whether a running child is old enough to have started ${pid}. */
static bool may_be_wanted(const struct run *run, pid_t pid)
{
	uint64_t born = start_ticks(pid);

	for (size_t i = 0; i < run->n_slots; i++) {
		if (run->slots[i].pid != 0 && start_ticks(run->slots[i].pid) <= born)
			return true;
	}
	return false;
}

/* With its group, which the kernel kills at once: one by one, a fork bomb would win. */
static void orphan_kill(const struct run *run, pid_t pid)
{
	pid_t group = getpgid(pid);

	if (group > 1 && group != getpgrp() && !is_running(run, group))
		kill(-group, SIGKILL);
	kill(pid, SIGKILL);
}

/* Kill the orphans that nobody can want and reap the dead ones; returns how many were seen. */
static size_t sweep(const struct run *run)
{
	struct buf list;
	const char *at;
	size_t seen = 0;
	pid_t pid;

	children_read(&list);
	at = buf_str(&list);
	while (children_next(&at, &pid)) {
		if (is_running(run, pid) || is_stranger(run, pid))
			continue;
		seen++;
		if (run->busy == 0 || !may_be_wanted(run, pid))
			orphan_kill(run, pid);
		waitpid(pid, NULL, WNOHANG);
	}
	buf_release(&list);
	return seen;
}

/*
 * Until no orphan is left: the death of one makes its children ours. The kernel's list may miss
 * an entry while others go, so one empty list proves nothing yet.
 */
static void sweep_all(const struct run *run)
{
	const struct timespec nap = { 0, 1000000 };
	int64_t until_ms = tstamp_boot_ms() + SWEEP_MS;
	int empty = 0;

	while (empty < 2 && !childless()) {
		empty = sweep(run) == 0 ? empty + 1 : 0;
		if (empty != 0)
			continue;
		if (tstamp_boot_ms() > until_ms) {
			log_msg(LOG_WARN, "what a child left behind cannot be killed");
			return;
		}
		nanosleep(&nap, NULL);
	}
}

void child_kill_all(void)
{
	const struct run none = { 0 };

	sweep_all(&none);
}

static void strangers_find(struct run *run)
{
	struct buf list;
	const char *at;
	pid_t pid;

	if (childless())
		return;
	children_read(&list);
	at = buf_str(&list);
	while (children_next(&at, &pid)) {
		run->strangers = mem_resize(run->strangers, run->n_strangers + 1, sizeof pid);
		run->strangers[run->n_strangers++] = pid;
	}
	buf_release(&list);
}

/* The loop */

static int run_deliver(struct run *run, struct slot *s, struct err *e)
{
	int rc;

	s->result.elapsed_ms = tstamp_boot_ms() - s->start_ms;
	rc = run->done(run->ctx, s->index, &s->result, e);
	child_result_release(&s->result);
	return rc;
}

static int run_start(struct run *run, struct slot *s, size_t index, struct err *e)
{
	const struct child_spec *spec = &run->specs[index];
	int64_t own_ms;

	slot_init(s, spec, index);
	s->start_ms = tstamp_boot_ms();
	own_ms = later(s->start_ms, spec->timeout_ms);
	s->until_ms = own_ms < run->deadline_ms ? own_ms : run->deadline_ms;
	if (s->until_ms <= s->start_ms) {
		s->result.end = CHILD_TIMEOUT;
		buf_adds(&s->result.error, "the deadline was over before its turn");
		return run_deliver(run, s, e);
	}
	if (!slot_start(s, spec))
		return run_deliver(run, s, e);
	run->busy++;
	return 0;
}

static int run_fill(struct run *run, struct err *e)
{
	for (size_t i = 0; i < run->n_slots; i++) {
		while (run->slots[i].pid == 0 && run->next < run->n) {
			if (run_start(run, &run->slots[i], run->next++, e) != 0)
				return -1;
		}
	}
	return 0;
}

/* How long poll may sleep; what is overdue is killed here. */
static int run_patience(struct run *run)
{
	int64_t now_ms = tstamp_boot_ms(), ms = TICK_MS;

	for (size_t i = 0; i < run->n_slots; i++) {
		struct slot *s = &run->slots[i];

		if (s->pid == 0)
			continue;
		if (s->until_ms <= now_ms && !slot_over(s))
			slot_kill(s, CHILD_TIMEOUT);
		if (s->until_ms - now_ms < ms)
			ms = s->until_ms > now_ms ? s->until_ms - now_ms : 0;
		if (s->pidfd < 0 && ms > TICK_BLIND_MS)
			ms = TICK_BLIND_MS;
	}
	return (int)ms;
}

/* A child whose complaints we cannot get rid of has to wait with them, but not for long. */
static bool slot_stalled(const struct run *run, const struct slot *s)
{
	return s->error >= 0 && run->specs[s->index].error_live && !stderr_takes(0);
}

/* Sleep until something happens or is due; false if nothing did. */
static bool run_poll(struct run *run)
{
	int ms = run_patience(run), ready;

	for (size_t i = 0; i < run->n_slots; i++) {
		const struct slot *s = &run->slots[i];
		struct pollfd *p = &run->polled[4 * i];

		p[0] = (struct pollfd){ s->pid != 0 ? s->pidfd : -1, POLLIN, 0 };
		p[1] = (struct pollfd){ s->pid != 0 ? s->in : -1, POLLOUT, 0 };
		p[2] = (struct pollfd){ s->pid != 0 ? s->out : -1, POLLIN, 0 };
		p[3] = (struct pollfd){ s->pid != 0 ? s->error : -1, POLLIN, 0 };
		if (s->pid != 0 && slot_stalled(run, s)) {
			p[3].fd = -1;
			ms = ms < TICK_BLIND_MS ? ms : TICK_BLIND_MS;
		}
	}
	ready = poll(run->polled, 4 * run->n_slots, ms);
	if (ready <= 0) { /* after EINTR poll has not touched the results */
		for (size_t i = 0; i < 4 * run->n_slots; i++)
			run->polled[i].revents = 0;
	}
	return ready > 0;
}

/* Move what the pipes of a slot are ready for. */
static void run_serve(struct run *run, struct slot *s, const struct pollfd *p)
{
	const struct child_spec *spec = &run->specs[s->index];

	if (p[1].revents != 0)
		slot_feed(s, spec);
	if (p[2].revents != 0)
		slot_read(s, spec, &s->out, CHUNK);
	if (p[3].revents != 0)
		slot_read(s, spec, &s->error, spec->error_live ? PIPE_BUF : CHUNK);
}

static int run_finish(struct run *run, struct slot *s, struct err *e)
{
	const struct child_spec *spec = &run->specs[s->index];

	slot_drain(s, spec, &s->out);
	slot_drain(s, spec, &s->error);
	slot_reap(s);
	slot_close(s);
	run->busy--;
	return run_deliver(run, s, e);
}

static int run_step(struct run *run, struct err *e)
{
	bool idle = !run_poll(run), ended = false;

	for (size_t i = 0; i < run->n_slots; i++) {
		struct slot *s = &run->slots[i];
		const struct pollfd *p = &run->polled[4 * i];

		if (s->pid == 0)
			continue;
		run_serve(run, s, p);
		if ((s->pidfd < 0 || p[0].revents != 0) && slot_over(s)) {
			ended = true;
			if (run_finish(run, s, e) != 0)
				return -1;
		}
	}
	if (idle || ended)
		sweep(run);
	return 0;
}

static void run_init(struct run *run)
{
	run->slots = mem_array(run->n_slots, sizeof *run->slots);
	run->polled = mem_array(4 * run->n_slots, sizeof *run->polled);
	for (size_t i = 0; i < run->n_slots; i++)
		run->slots[i].pidfd = -1;
	strangers_find(run);
	/* an old kernel refuses: then groups alone are killed */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Kill what still runs, all before the first is waited for. */
static void run_end(struct run *run)
{
	for (size_t i = 0; i < run->n_slots; i++) {
		if (run->slots[i].pid != 0)
			slot_kill(&run->slots[i], CHILD_TIMEOUT);
	}
	for (size_t i = 0; i < run->n_slots; i++) {
		if (run->slots[i].pid == 0)
			continue;
		slot_reap(&run->slots[i]);
		slot_close(&run->slots[i]);
		child_result_release(&run->slots[i].result);
	}
	run->busy = 0;
	sweep_all(run);
	free(run->strangers);
	free(run->polled);
	free(run->slots);
}

int child_run(const struct child_spec *specs, size_t n, size_t parallel, int64_t deadline_ms,
	      child_done_fn *done, void *ctx, const volatile int *stop, struct err *e)
{
	struct run run = { .specs = specs,
			   .n = n,
			   .deadline_ms = deadline_ms,
			   .done = done,
			   .ctx = ctx,
			   .stop = stop };
	int rc = -1;

	if (n == 0)
		return 0;
	run.n_slots = parallel == 0 ? 1 : parallel < n ? parallel : n;
	run_init(&run);
	while (run.busy > 0 || run.next < run.n) {
		if (run.stop != NULL && *run.stop != 0) {
			err_set(e, ERR_TEMP, "stopped by a signal");
			goto out;
		}
		if (run_fill(&run, e) != 0)
			goto out;
		if (run.busy > 0 && run_step(&run, e) != 0)
			goto out;
	}
	rc = 0;
out:
	run_end(&run);
	return rc;
}

/* The result changes its owner: child_run releases an empty one. */
static int one_done(void *ctx, size_t index, struct child_result *r, struct err *e)
{
	struct child_result *to = ctx;

	(void)index;
	(void)e;
	*to = *r;
	r->out.data = NULL;
	r->error.data = NULL;
	return 0;
}

int child_run_one(const struct child_spec *spec, struct child_result *r,
		  const volatile int *stop, struct err *e)
{
	*r = (struct child_result){ .end = CHILD_UNSTARTED };
	return child_run(spec, 1, 1, INT64_MAX, one_done, r, stop, e);
}

void child_result_release(struct child_result *r)
{
	buf_release(&r->out);
	buf_release(&r->error);
}

char *child_sibling(const char *name, struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash, *path;

	if (n < 0) {
		err_sys(e, ERR_CONFIG, "/proc/self/exe");
		return NULL;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	path = mem_printf("%s/%s", self, name);
	if (access(path, X_OK) != 0) {
		err_sys(e, ERR_CONFIG, "%s", path);
		free(path);
		return NULL;
	}
	return path;
}
