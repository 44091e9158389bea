/*
 * A server that answers every POST with the same completion after a fixed delay, on a free port
 * of loopback, which it prints: what the fan-out is measured against. HTTP/1.1 with
 * Content-Length only. Whenever all are answered, LOG gets a line: how many, and the wall time
 * in milliseconds of the first and the last request and of the last answer. usage: slowd
 * DELAY_MS BODY_FILE [LOG]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 4096
#define HEAD_MAX 8192

struct connection {
	char head[HEAD_MAX]; /* until the blank line */
	size_t head_len;
	long long body_left; /* -1: still in the head */
};

struct due {
	int fd;
	int64_t at_ms;
};

static struct connection connections[CONNECTIONS];
static struct due queue[65536]; /* a ring: delays are equal, so it is in order */
static size_t first, last;
static int64_t delay_ms;
static char *reply;
static size_t reply_len;
static const char *log_path;
static long taken;		      /* since the last line of the log */
static int64_t first_wall, last_wall; /* of their requests */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static void write_log(void)
{
	FILE *f = log_path != NULL ? fopen(log_path, "ae") : NULL;

	if (f != NULL) {
		fprintf(f, "%ld %jd %jd %jd\n", taken, (intmax_t)first_wall,
			(intmax_t)last_wall, (intmax_t)clock_ms(CLOCK_REALTIME));
		fclose(f);
	}
	taken = 0;
}

static void load_reply(const char *path)
{
	FILE *f = fopen(path, "re");
	char *body;
	size_t n;
	int head;

	if (f == NULL)
		fail(path);
	body = calloc(1, 65536);
	n = fread(body, 1, 65535, f);
	fclose(f);
	reply = calloc(1, n + 256);
	head = snprintf(reply, 256,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n",
			n);
	memcpy(reply + head, body, n);
	reply_len = (size_t)head + n;
	free(body);
}

static void forget(int fd)
{
	close(fd);
	for (size_t i = first; i != last; i = (i + 1) % 65536)
		if (queue[i].fd == fd)
			queue[i].fd = -1;
}

static void request_done(int fd)
{
	struct connection *c = &connections[fd];

	c->head_len = 0;
	c->body_left = -1;
	last_wall = clock_ms(CLOCK_REALTIME);
	if (taken++ == 0)
		first_wall = last_wall;
	queue[last] = (struct due){ fd, now_ms() + delay_ms };
	last = (last + 1) % 65536;
}

/* Take bytes; only one request is under way on a connection. */
static void take(int fd, const char *p, size_t n)
{
	struct connection *c = &connections[fd];
	const char *length;
	char *end;
	size_t old = c->head_len;

	if (c->body_left < 0) {
		size_t room = HEAD_MAX - 1 - c->head_len;
		size_t use = n < room ? n : room;

		memcpy(c->head + c->head_len, p, use);
		c->head_len += use;
		c->head[c->head_len] = '\0';
		end = strstr(c->head, "\r\n\r\n");
		if (end == NULL)
			return;
		length = strcasestr(c->head, "\r\ncontent-length:");
		c->body_left = length != NULL ? atoll(length + 17) : 0;
		use = (size_t)(end + 4 - c->head) - old;
		p += use;
		n -= use;
	}
	c->body_left -= (long long)n;
	if (c->body_left <= 0)
		request_done(fd);
}

static void serve(int fd)
{
	static char block[262144];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0)
		take(fd, block, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		forget(fd);
}

static void answer_due(void)
{
	bool any = first != last;

	while (first != last && queue[first].at_ms <= now_ms()) {
		int fd = queue[first].fd;

		first = (first + 1) % 65536;
		/* a reply is small enough for the socket's buffer */
		if (fd >= 0 && write(fd, reply, reply_len) < 0)
			forget(fd);
	}
	if (any && first == last)
		write_log();
}

static int listen_here(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &size) != 0)
		fail("listen");
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, events[256];
	int ep = epoll_create1(EPOLL_CLOEXEC), door;

	if (argc != 3 && argc != 4)
		return 64;
	log_path = argv[3];
	delay_ms = atoll(argv[1]);
	load_reply(argv[2]);
	door = listen_here();
	ev.data.fd = door;
	epoll_ctl(ep, EPOLL_CTL_ADD, door, &ev);
	for (;;) {
		int n = epoll_wait(ep, events, 256, first != last ? 1 : 1000);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd != door) {
				serve(fd);
				continue;
			}
			while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
			       0) {
				if (fd >= CONNECTIONS)
					fail("too many connections");
				connections[fd] = (struct connection){ .body_left = -1 };
				ev.data.fd = fd;
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			}
		}
		answer_due();
	}
}
