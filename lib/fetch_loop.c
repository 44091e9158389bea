#include "fetch_run.h"

#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

#include "tstamp.h"

#include "banned.h"

#define EVENTS 256

/* ------------------------------------------------------------------ who is waited for */

/* Files and some devices are never waited for. */
static bool watch_first(struct fetch_run *run, int fd)
{
	struct epoll_event event = { .events = fd == 0 ? EPOLLIN : 0, .data.fd = fd };

	return epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Standard input is taken out, since its end would be reported for ever. */
static void watch_input(struct fetch_run *run, bool wanted)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = 0 };

	if (run->in_file || wanted == run->in_watched)
		return;
	epoll_ctl(run->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, 0, &event);
	run->in_watched = wanted;
}

/* Standard output stays in, without an event: that its reader is gone is always reported. */
static void watch_output(struct fetch_run *run, bool wanted)
{
	struct epoll_event event = { .events = wanted ? EPOLLOUT : 0, .data.fd = 1 };

	if (run->io.out_file || wanted == run->out_watched)
		return;
	epoll_ctl(run->epoll, EPOLL_CTL_MOD, 1, &event);
	run->out_watched = wanted;
}

void fetch_run_watch(struct fetch_run *run, int fd, bool in, bool out)
{
	struct epoll_event event = { .events = (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U),
				     .data.fd = fd };

	if (!in && !out)
		epoll_ctl(run->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(run->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
		 epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		err_sys(&run->e, ERR_MEMORY, "cannot watch a connection");
}

void fetch_run_timer(struct fetch_run *run, int64_t wait_ms)
{
	run->timer_ms = wait_ms < 0 ? INT64_MAX : tstamp_boot_ms() + wait_ms;
}

int fetch_run_open(struct fetch_run *run, struct err *e)
{
	run->tape_fd = -1;
	run->timer_ms = run->next_ms = INT64_MAX;
	fetch_io_init(&run->io);
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run->epoll < 0)
		return err_sys(e, ERR_MEMORY, "epoll");
	run->in_file = !watch_first(run, 0);
	run->in_watched = !run->in_file;
	run->io.out_file = !watch_first(run, 1);
	if (run->play != NULL && (run->tape = fetch_tape_open(run->play, e)) == NULL)
		return -1;
	if (run->record != NULL && (run->tape_fd = fetch_tape_append(run->record, e)) < 0)
		return -1;
	return 0;
}

/* ------------------------------------------------------------------ turns */

static void read_input(struct fetch_run *run)
{
	if (fetch_run_hungry(run))
		fetch_io_read(&run->io, fetch_run_line, run, &run->e);
}

/* Milliseconds to sleep, -1 for ever. */
static int patience(const struct fetch_run *run)
{
	int64_t at = run->timer_ms < run->next_ms ? run->timer_ms : run->next_ms, left;

	if (run->in_file && fetch_run_hungry(run))
		return 0;
	if (at == INT64_MAX)
		return -1;
	left = at - tstamp_boot_ms();
	return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void handle(struct fetch_run *run, const struct epoll_event *event)
{
	uint32_t what = event->events;

	if (event->data.fd == 0) {
		read_input(run);
	} else if (event->data.fd == 1) {
		if (what & EPOLLERR) { /* nobody reads any more */
			run->io.closed = true;
			err_set(&run->e, ERR_IO, "standard output is closed");
		}
	} else {
		run->transport->ready(event->data.fd, what & EPOLLIN, what & EPOLLOUT,
				      what & (EPOLLERR | EPOLLHUP));
	}
}

/* Signals are let in only while we sleep, so that none is lost. */
static void turn(struct fetch_run *run, const sigset_t *let_in)
{
	struct epoll_event events[EVENTS];
	int n;

	watch_input(run, fetch_run_hungry(run));
	watch_output(run, fetch_io_unwritten(&run->io) > 0);
	n = epoll_pwait(run->epoll, events, EVENTS, patience(run), let_in);
	for (int i = 0; i < n && run->e.status == 0; i++)
		handle(run, &events[i]);
	if (run->in_file)
		read_input(run);
	if (run->timer_ms <= tstamp_boot_ms()) {
		run->timer_ms = INT64_MAX;
		run->transport->timer();
	}
	run->transport->collect();
	fetch_run_expire(run);
}

static bool finished(const struct fetch_run *run)
{
	return run->io.ended && run->n_queued == 0 && run->n_active == 0 &&
	       fetch_io_unwritten(&run->io) == 0;
}

void fetch_run_loop(struct fetch_run *run, const sigset_t *let_in,
		    const volatile sig_atomic_t *stopped)
{
	while (!*stopped && run->e.status == 0 && !finished(run)) {
		turn(run, let_in);
		fetch_run_begin(run);
		if (run->e.status == 0)
			fetch_io_write(&run->io, &run->e);
	}
}
