#include "fetch_run.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define HELD_MAX ((size_t)64 << 20)  /* requests that have not left; then no more are read */
#define UNREAD_MAX ((size_t)8 << 20) /* answers that nobody reads; then none are started */
#define HEADER_BYTES ((size_t)64 << 10)
#define HEADER_LINES 256
#define BODY_DEFAULT (INT64_C(1) << 20)
#define CONNECT_MS 10000
#define CONNECT_SLACK_MS 100 /* the transport's own limit comes first: it knows more */
#define STALL_MS 30000	     /* between two bytes of a reply */

/* ------------------------------------------------------------------ answers */

static void exchange_free(struct fetch_exchange *x)
{
	x->run->transport->release(x);
	if (x->key != NULL)
		explicit_bzero(x->key, strlen(x->key));
	free(x->key);
	buf_release(&x->body);
	fetch_request_release(&x->r);
	fetch_answer_release(&x->a);
	x->run->held -= x->held;
	free(x);
}

/* One write per line: two programs may record into one file. */
static void tape_write(struct fetch_run *run, const struct fetch_exchange *x)
{
	char key[DIGEST_HEX_SIZE];
	struct buf line;
	ssize_t n;

	buf_init(&line, 2 * FETCH_LINE_MAX);
	fetch_request_key(&x->r, key);
	fetch_write_exchange(key, &x->r, &x->a, &line);
	do
		n = write(run->tape_fd, line.data, line.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err_sys(&run->e, ERR_IO, "%s", run->record);
	else if ((size_t)n < line.len)
		err_set(&run->e, ERR_IO, "%s: no room", run->record);
	buf_release(&line);
}

/* The end of an exchange: its answer goes out. */
static void answer(struct fetch_exchange *x)
{
	struct fetch_run *run = x->run;

	memcpy(x->a.tag, x->r.tag, sizeof x->a.tag);
	if (x->a.body == NULL) {
		x->a.body_len = x->body.len;
		x->a.body = buf_take(&x->body);
	}
	if (x->key != NULL)
		fetch_hide_key(&x->a, x->key);
	if (run->tape_fd >= 0)
		tape_write(run, x);
	fetch_write_answer(&x->a, &run->io.out);
	exchange_free(x);
}

static void set_error(struct fetch_exchange *x, const char *text)
{
	free(x->a.error);
	x->a.error = mem_strdup(text);
	for (char *p = x->a.error; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
}

/* An answer of ours: nothing came that could be given. */
static void fail(struct fetch_exchange *x, enum fetch_class class, const char *text)
{
	x->a.class = class;
	x->a.status = 0;
	set_error(x, text);
	buf_reset(&x->body);
	answer(x);
}

static int answer_from_tape(struct fetch_exchange *x, struct err *e)
{
	char key[DIGEST_HEX_SIZE];
	bool found;

	fetch_request_key(&x->r, key);
	if (fetch_tape_next(x->run->tape, key, &x->a, &found, e) != 0) {
		exchange_free(x);
		return -1;
	}
	x->a.played = true;
	if (found)
		answer(x);
	else
		fail(x, FETCH_UNRECORDED, "the recording has no answer to this request");
	return 0;
}

/* ------------------------------------------------------------------ under way */

static int64_t limit_of(const struct fetch_exchange *x)
{
	int64_t at = x->until_ms;

	if (x->active && !x->a.sent && x->begun_ms + x->connect_ms + CONNECT_SLACK_MS < at)
		at = x->begun_ms + x->connect_ms + CONNECT_SLACK_MS;
	if (x->heard_ms != 0 && x->heard_ms + STALL_MS < at)
		at = x->heard_ms + STALL_MS;
	return at;
}

static void watch_limit(const struct fetch_exchange *x)
{
	int64_t at = limit_of(x);

	if (at < x->run->next_ms)
		x->run->next_ms = at;
}

/* A reply has begun or goes on. */
static void hear(struct fetch_exchange *x)
{
	bool first = x->heard_ms == 0;

	x->heard_ms = tstamp_boot_ms();
	if (!first)
		return;
	x->a.first_ms = x->heard_ms - x->begun_ms;
	watch_limit(x);
}

/*
 * A transport may send a request again by itself when a kept connection turns out to be dead;
 * only one without effects may go twice.
 */
bool fetch_run_sends(struct fetch_exchange *x, int own_port)
{
	if (x->a.sent && (x->r.body != NULL || strcmp(x->r.method, "GET") != 0)) {
		x->repeated = true;
		return false;
	}
	if (x->a.sent)
		fetch_gate_end(&x->host->gate, x->port);
	else
		fetch_gate_connected(&x->host->gate, own_port);
	x->a.sent = true;
	x->port = own_port;
	return true;
}

/* What has been handed over is not needed again: a body is never sent twice. */
static void forget_body(struct fetch_exchange *x)
{
	free(x->r.body);
	x->r.body = mem_strdup("");
	x->r.body_len = x->r.part_at = x->handed = 0;
	fetch_part_drop(x->r.part);
	x->r.part = NULL;
	x->run->held -= x->held;
	x->held = 0;
}

size_t fetch_run_give(struct fetch_exchange *x, char *to, size_t n)
{
	n = fetch_body_read(&x->r, x->handed, to, n);
	x->handed += n;
	if (n > 0 && x->handed == fetch_body_len(&x->r) && x->run->tape_fd < 0)
		forget_body(x);
	return n;
}

bool fetch_run_header(struct fetch_exchange *x, const char *line, size_t n)
{
	hear(x);
	x->header_bytes += n;
	if (x->header_bytes > HEADER_BYTES || ++x->header_lines > HEADER_LINES) {
		x->too_large = true;
		return false;
	}
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0) /* what came before was provisional */
		for (; x->a.n_headers > 0; x->a.n_headers--) {
			free(x->a.headers[x->a.n_headers - 1].name);
			free(x->a.headers[x->a.n_headers - 1].value);
		}
	else
		fetch_keep_header(&x->a, line, n);
	return true;
}

bool fetch_run_body(struct fetch_exchange *x, const char *data, size_t n)
{
	hear(x);
	buf_add(&x->body, data, n);
	x->too_large = buf_overflowed(&x->body);
	return !x->too_large;
}

/* ------------------------------------------------------------------ beginning */

static bool is_loopback(const char *host)
{
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static struct fetch_host *find_host(struct fetch_run *run, const char *name, bool tls)
{
	struct fetch_host **link = &run->hosts;

	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	if (*link == NULL) {
		*link = mem_alloc(sizeof **link);
		(*link)->name = mem_strdup(name);
		(*link)->tls = tls;
		(*link)->queue_end = &(*link)->queue;
		fetch_gate_init(&(*link)->gate, tls, run->parallel);
	}
	return *link;
}

int fetch_run_host(struct fetch_exchange *x, const char *scheme, const char *host,
		   const char *port, struct err *e)
{
	bool tls = strcmp(scheme, "https") == 0;
	char *name;

	if (!tls && (strcmp(scheme, "http") != 0 || !is_loopback(host)))
		return err_set(e, ERR_DATA, "neither https nor, on this machine, http");
	name = mem_printf("%s://%s:%s", scheme, host, port);
	x->host = find_host(x->run, name, tls);
	free(name);
	return 0;
}

static void active_add(struct fetch_exchange *x)
{
	struct fetch_run *run = x->run;

	if (run->n_active == run->cap_active) {
		run->cap_active = run->cap_active > 0 ? 2 * run->cap_active : 64;
		run->active = mem_resize(run->active, run->cap_active,
					 sizeof(struct fetch_exchange *));
	}
	x->active = true;
	x->index = run->n_active;
	run->active[run->n_active++] = x;
}

static void active_remove(struct fetch_exchange *x)
{
	struct fetch_run *run = x->run;

	run->transport->stop(x);
	x->active = false;
	run->active[x->index] = run->active[--run->n_active];
	run->active[x->index]->index = x->index;
	if (x->a.sent)
		fetch_gate_end(&x->host->gate, x->port);
	else
		fetch_gate_failed(&x->host->gate);
}

static void begin(struct fetch_exchange *x)
{
	int64_t third_ms = x->r.timeout_ms / 3;
	struct err e = { 0 };

	x->begun_ms = tstamp_boot_ms();
	x->connect_ms = x->r.connect_ms;
	if (x->connect_ms == 0)
		x->connect_ms = third_ms < CONNECT_MS ? third_ms + 1 : CONNECT_MS;
	if (fetch_check_headers(&x->r, &e) != 0 ||
	    (x->r.secret_file != NULL && fetch_read_key(x->r.secret_file, &x->key, &e) != 0)) {
		fail(x, e.status == ERR_TEMP ? FETCH_LACK : FETCH_LOCAL, e.text);
		return;
	}
	active_add(x);
	fetch_gate_begin(&x->host->gate);
	x->run->transport->begin(x);
	watch_limit(x);
}

static bool has_room(const struct fetch_run *run)
{
	return run->n_active < (size_t)run->parallel &&
	       fetch_io_unwritten(&run->io) < UNREAD_MAX;
}

/* One of each host in turn, so that none keeps the others waiting. */
void fetch_run_begin(struct fetch_run *run)
{
	bool any = run->n_queued > 0;

	while (any && has_room(run)) {
		any = false;
		for (struct fetch_host *host = run->hosts; host != NULL && has_room(run);
		     host = host->next) {
			struct fetch_exchange *x = host->queue;

			if (x == NULL || !fetch_gate_open(&host->gate))
				continue;
			host->queue = x->next;
			if (host->queue == NULL)
				host->queue_end = &host->queue;
			run->n_queued--;
			begin(x);
			any = true;
		}
	}
}

static void enqueue(struct fetch_exchange *x)
{
	struct err e = { 0 };

	if (x->run->transport->check(x, &e) != 0) {
		fail(x, FETCH_LOCAL, e.text);
		return;
	}
	x->until_ms = tstamp_boot_ms() + x->r.timeout_ms;
	*x->host->queue_end = x;
	x->host->queue_end = &x->next;
	x->run->n_queued++;
	watch_limit(x);
}

int fetch_run_line(void *ctx, const char *line, size_t len, struct err *e)
{
	struct fetch_run *run = ctx;
	struct fetch_exchange *x = mem_alloc(sizeof *x);
	bool is_request;
	int rc;

	x->run = run;
	rc = fetch_parse_line(&run->parts, line, len, &x->r, &is_request, e);
	if (rc != 0 || !is_request) {
		exchange_free(x);
		return rc;
	}
	x->a.first_ms = -1;
	x->held = sizeof *x + x->r.body_len;
	run->held += x->held;
	if (run->tape != NULL)
		return answer_from_tape(x, e);
	buf_init(&x->body, (size_t)(x->r.max_bytes ? x->r.max_bytes : BODY_DEFAULT));
	enqueue(x);
	return 0;
}

bool fetch_run_hungry(const struct fetch_run *run)
{
	return !run->io.ended && run->held < HELD_MAX &&
	       fetch_io_unwritten(&run->io) < UNREAD_MAX;
}

/* ------------------------------------------------------------------ ending */

void fetch_run_done(struct fetch_exchange *x, int64_t status)
{
	assert(!x->too_large && !x->repeated);
	x->a.elapsed_ms = tstamp_boot_ms() - x->begun_ms;
	active_remove(x);
	x->a.status = status;
	answer(x);
}

void fetch_run_failed(struct fetch_exchange *x, enum fetch_class class, const char *text)
{
	x->a.elapsed_ms = tstamp_boot_ms() - x->begun_ms;
	active_remove(x);
	if (x->too_large)
		fail(x, FETCH_TOO_LARGE, "the reply is too large");
	else if (x->repeated)
		fail(x, FETCH_RESET, "the connection broke before an answer");
	else
		fail(x, class, text);
}

static void expire_active(struct fetch_exchange *x, int64_t now_ms)
{
	bool connected = x->a.sent;

	x->a.elapsed_ms = now_ms - x->begun_ms;
	active_remove(x);
	if (!connected && now_ms < x->until_ms)
		fail(x, FETCH_CONNECT, "no connection in time");
	else if (now_ms < x->until_ms)
		fail(x, FETCH_TIMEOUT, "the reply has stopped coming");
	else
		fail(x, FETCH_TIMEOUT, "no reply in time");
}

static void expire_queued(struct fetch_host *host, int64_t now_ms)
{
	struct fetch_exchange **link = &host->queue, *x;

	while ((x = *link) != NULL) {
		if (x->until_ms > now_ms) {
			watch_limit(x);
			link = &x->next;
			continue;
		}
		*link = x->next;
		x->run->n_queued--;
		fail(x, FETCH_TIMEOUT, "no turn in time");
	}
	host->queue_end = link;
}

void fetch_run_expire(struct fetch_run *run)
{
	int64_t now_ms = tstamp_boot_ms();

	if (now_ms < run->next_ms)
		return;
	run->next_ms = INT64_MAX;
	for (size_t i = run->n_active; i-- > 0;) {
		if (limit_of(run->active[i]) <= now_ms)
			expire_active(run->active[i], now_ms);
		else
			watch_limit(run->active[i]);
	}
	for (struct fetch_host *host = run->hosts; host != NULL; host = host->next)
		expire_queued(host, now_ms);
}

void fetch_run_close(struct fetch_run *run)
{
	struct fetch_exchange *x;
	struct fetch_host *host;

	while (run->n_active > 0) {
		x = run->active[0];
		active_remove(x);
		exchange_free(x);
	}
	while ((host = run->hosts) != NULL) {
		while ((x = host->queue) != NULL) {
			host->queue = x->next;
			exchange_free(x);
		}
		run->hosts = host->next;
		free(host->name);
		free(host);
	}
	free(run->active);
	fetch_parts_release(&run->parts);
	fetch_tape_close(run->tape);
	fetch_io_release(&run->io);
}
