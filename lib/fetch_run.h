#ifndef FETCH_RUN_H
#define FETCH_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch.h"

/*
 * What tr-fetch does with requests, apart from HTTP itself: queues by host, limits of time and
 * size, recordings, answers, and the loop around standard input, standard output and the
 * sockets of a transport. One thread, one epoll. All times are on the boot clock: they are
 * kept here, since a transfer that waits for its turn on a shared connection is no business of
 * the transport's timers. Part of module fetch.
 */

struct fetch_run;
struct fetch_exchange;

struct fetch_host {
	char *name; /* "https://api.example:443" */
	bool tls;
	struct fetch_gate gate;
	struct fetch_exchange *queue, **queue_end;
	struct fetch_host *next;
};

struct fetch_exchange {
	struct fetch_run *run;
	struct fetch_request r;
	struct fetch_answer a;
	struct fetch_exchange *next; /* in the queue of its host */
	struct fetch_host *host;
	void *transfer; /* of the transport; NULL: none */
	bool active;	/* begun and not over */
	size_t index;	/* among the active ones */
	char *key;	/* wiped at the end */
	struct buf body;
	size_t handed, held, header_bytes, header_lines;
	int64_t begun_ms, until_ms, connect_ms, heard_ms;
	int port; /* of our end of the connection */
	bool too_large, repeated;
};

/* Who carries exchanges. */
struct fetch_transport {
	/* Look at the URL once, and name its host to fetch_run_host(). */
	int (*check)(struct fetch_exchange *x, struct err *e);
	/* Set off. What comes of it is told to the functions below. */
	void (*begin)(struct fetch_exchange *x);
	/* Stop, if it was begun. */
	void (*stop)(struct fetch_exchange *x);
	/* Forget the transfer. */
	void (*release)(struct fetch_exchange *x);
	/* A socket, of those given to fetch_run_watch(), can be read, be written, or is broken.
	 */
	void (*ready)(int fd, bool in, bool out, bool broken);
	/* The time set by fetch_run_timer() has come. */
	void (*timer)(void);
	/* Report what is over. */
	void (*collect)(void);
};

struct fetch_run {
	/* set by the caller */
	const struct fetch_transport *transport;
	const char *record, *play; /* files; NULL: none */
	int64_t parallel;

	/* its own */
	int epoll, tape_fd;
	struct fetch_tape *tape;
	struct fetch_parts parts;
	struct fetch_host *hosts;
	struct fetch_exchange **active;
	size_t n_queued, n_active, cap_active, held;
	int64_t timer_ms, next_ms; /* of the transport; of the nearest limit */
	struct fetch_io io;
	bool in_file, in_watched, out_watched;
	struct err e; /* ends the run */
};

/* Open what is recorded to or played from, and standard input and output. To be closed also
 * after a failure. */
int fetch_run_open(struct fetch_run *run, struct err *e);
/* Until all is answered, something fails, which is left in run->e, or *${stopped}, which only
 * the signals outside of ${let_in} set. */
void fetch_run_loop(struct fetch_run *run, const sigset_t *let_in,
		    const volatile sig_atomic_t *stopped);
void fetch_run_close(struct fetch_run *run);

/* ---- for the transport */

/* https anywhere, http on this machine; the host of the exchange is found or made. */
int fetch_run_host(struct fetch_exchange *x, const char *scheme, const char *host,
		   const char *port, struct err *e);
/* The connection is there, ${own_port} its end here, and the request is about to leave; false:
 * it must not leave a second time. */
bool fetch_run_sends(struct fetch_exchange *x, int own_port);
/* Up to ${n} bytes of the request's body, in order. */
size_t fetch_run_give(struct fetch_exchange *x, char *to, size_t n);
/* A line of the reply's header, a piece of its body; false: it is too large. */
bool fetch_run_header(struct fetch_exchange *x, const char *line, size_t n);
bool fetch_run_body(struct fetch_exchange *x, const char *data, size_t n);
/* The exchange is over, and gone: a reply came, or none for that reason. */
void fetch_run_done(struct fetch_exchange *x, int64_t status);
void fetch_run_failed(struct fetch_exchange *x, enum fetch_class class, const char *text);
/* Watch a socket from now on; with neither, no more. */
void fetch_run_watch(struct fetch_run *run, int fd, bool in, bool out);
/* Call timer() in that time; negative: not at all. */
void fetch_run_timer(struct fetch_run *run, int64_t wait_ms);

/* ---- between the loop and the rest */

/* A line of the input. ${ctx} is the run. */
int fetch_run_line(void *ctx, const char *line, size_t len, struct err *e);
/* End what is over its limit; find the nearest limit of the others. */
void fetch_run_expire(struct fetch_run *run);
/* Begin what may begin now. */
void fetch_run_begin(struct fetch_run *run);
/* Whether more requests are to be read. */
bool fetch_run_hungry(const struct fetch_run *run);

#endif
