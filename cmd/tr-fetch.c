/*
 * tr-fetch speaks HTTP for the other tools, and is the only program here that does. It reads
 * requests from standard input, one JSON object a line, makes all of them at once, and prints
 * an answer for each as it arrives. It holds no database and decides nothing: what failed is
 * said, whether to try again is the caller's business. Keys are read from files that only their
 * owner can read, and appear nowhere else. With --record every exchange is appended to a file,
 * from which --play answers later without any network.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>

#include "buf.h"
#include "cli.h"
#include "err.h"
#include "fetch.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * One thread, one epoll: standard input and output, and the sockets that libcurl names. Time
 * limits are kept here, since a transfer that waits for its turn on a shared connection is no
 * business of libcurl's timers. All times are on the boot clock.
 */

#define PARALLEL_DEFAULT 1024
#define PARALLEL_MAX 16384
#define EVENTS 256
#define HELD_MAX                                                                               \
	((size_t)64 << 20)	     /* requests that have not left yet; then no more are read \
				      */
#define UNREAD_MAX ((size_t)8 << 20) /* answers that nobody reads; then none are started */
#define HEADER_BYTES ((size_t)64 << 10)
#define HEADER_LINES 256
#define BODY_DEFAULT (INT64_C(1) << 20)
#define CONNECT_MS 10000
#define CONNECT_SLACK_MS 100 /* libcurl's own limit comes first: it knows more */
#define STALL_MS 30000	     /* between two bytes of a reply */

struct host {
	char *name; /* "https://api.example:443" */
	bool tls;
	struct fetch_gate gate;
	struct exchange *queue, **queue_end;
	struct host *next;
};

struct exchange {
	struct fetch_request r;
	struct fetch_answer a;
	struct exchange *next; /* in the queue of its host */
	struct host *host;
	size_t index; /* among the active ones */
	CURL *easy;
	CURLU *url;
	struct curl_slist *headers;
	char *key; /* wiped at the end */
	struct buf body;
	size_t handed, held, header_bytes, header_lines;
	int64_t begun_ms, until_ms, connect_ms, heard_ms;
	int port; /* of our end of the connection */
	bool too_large, repeated;
	char error[CURL_ERROR_SIZE];
};

static struct run {
	CURLM *multi;
	int epoll, tape_fd;
	struct fetch_tape *tape;
	struct host *hosts;
	struct exchange **active;
	size_t n_queued, n_active, cap_active, held;
	int64_t timer_ms, next_ms; /* of libcurl; of the nearest limit */
	struct fetch_io io;
	bool in_file, in_watched, out_watched;
	struct err e; /* ends the run */
} run;

static const char *record, *play, *ca;
static char *ca_file;
static int64_t parallel = PARALLEL_DEFAULT, parent;
static volatile sig_atomic_t stopped;

static const struct cli_opt options[] = {
	{ 0, "record", CLI_STRING, &record, "FILE", "append every exchange to FILE" },
	{ 0, "play", CLI_STRING, &play, "FILE", "answer from FILE, without any network" },
	{ 0, "parallel", CLI_INT, &parallel, "N", "exchanges at the same time (1024)" },
	{ 0, "ca", CLI_STRING, &ca, "FILE", "certificates to trust, in one file" },
	{ 'p', "parent", CLI_INT, &parent, "PID", "refuse to start unless PID is the parent" },
	{ 'q', "quiet", CLI_COUNT, &cli_common.quiet, NULL, "print errors only" },
	{ 'v', "verbose", CLI_COUNT, &cli_common.verbose, NULL, "say more" },
	{ 'h', "help", CLI_FLAG, &cli_common.help, NULL, "print this help and exit" },
	{ 'V', "version", CLI_FLAG, &cli_common.version, NULL, "print the version and exit" },
	{ 0 },
};

static const struct cli_tool tool = {
	.name = "tr-fetch",
	.summary = "make HTTP requests, all at once",
	.options = options,
};

/* ------------------------------------------------------------------ answers */

static void exchange_free(struct exchange *x)
{
	if (x->easy != NULL)
		curl_easy_cleanup(x->easy);
	curl_url_cleanup(x->url);
	for (struct curl_slist *h = x->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(x->headers);
	if (x->key != NULL)
		explicit_bzero(x->key, strlen(x->key));
	free(x->key);
	buf_release(&x->body);
	fetch_request_release(&x->r);
	fetch_answer_release(&x->a);
	run.held -= x->held;
	free(x);
}

/* One write per line: two programs may record into one file. */
static void tape_write(const struct exchange *x)
{
	char key[DIGEST_HEX_SIZE];
	struct buf line;
	ssize_t n;

	buf_init(&line, 2 * FETCH_LINE_MAX);
	fetch_request_key(&x->r, key);
	fetch_write_exchange(key, &x->r, &x->a, &line);
	do
		n = write(run.tape_fd, line.data, line.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err_sys(&run.e, ERR_IO, "%s", record);
	else if ((size_t)n < line.len)
		err_set(&run.e, ERR_IO, "%s: no room", record);
	buf_release(&line);
}

/* The end of an exchange: its answer goes out. */
static void answer(struct exchange *x)
{
	memcpy(x->a.tag, x->r.tag, sizeof x->a.tag);
	if (x->a.body == NULL) {
		x->a.body_len = x->body.len;
		x->a.body = buf_take(&x->body);
	}
	if (x->key != NULL)
		fetch_hide_key(&x->a, x->key);
	if (run.tape_fd >= 0)
		tape_write(x);
	fetch_write_answer(&x->a, &run.io.out);
	exchange_free(x);
}

static void set_error(struct exchange *x, const char *text)
{
	free(x->a.error);
	x->a.error = mem_strdup(text);
	for (char *p = x->a.error; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
}

/* An answer of ours: nothing came that could be given. */
static void fail(struct exchange *x, enum fetch_class class, const char *text)
{
	x->a.class = class;
	x->a.status = 0;
	set_error(x, text);
	buf_reset(&x->body);
	answer(x);
}

static int answer_from_tape(struct exchange *x, struct err *e)
{
	char key[DIGEST_HEX_SIZE];
	bool found;

	fetch_request_key(&x->r, key);
	if (fetch_tape_next(run.tape, key, &x->a, &found, e) != 0) {
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

/* ------------------------------------------------------------------ callbacks */

static int64_t limit_of(const struct exchange *x)
{
	int64_t at = x->until_ms;

	if (x->easy != NULL && !x->a.sent &&
	    x->begun_ms + x->connect_ms + CONNECT_SLACK_MS < at)
		at = x->begun_ms + x->connect_ms + CONNECT_SLACK_MS;
	if (x->heard_ms != 0 && x->heard_ms + STALL_MS < at)
		at = x->heard_ms + STALL_MS;
	return at;
}

static void watch_limit(const struct exchange *x)
{
	int64_t at = limit_of(x);

	if (at < run.next_ms)
		run.next_ms = at;
}

/* A reply has begun or goes on. */
static void hear(struct exchange *x)
{
	bool first = x->heard_ms == 0;

	x->heard_ms = tstamp_boot_ms();
	if (!first)
		return;
	x->a.first_ms = x->heard_ms - x->begun_ms;
	watch_limit(x);
}

/*
 * The connection is there and the request is about to leave. libcurl sends a request again by
 * itself when a kept connection turns out to be dead; only one without effects may go twice.
 */
static int on_send(void *ctx, char *ip, char *own_ip, int port, int own_port)
{
	struct exchange *x = ctx;

	(void)ip, (void)own_ip, (void)port;
	if (x->a.sent && (x->r.body != NULL || strcmp(x->r.method, "GET") != 0)) {
		x->repeated = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (x->a.sent)
		fetch_gate_end(&x->host->gate, x->port);
	else
		fetch_gate_connected(&x->host->gate, own_port);
	x->a.sent = true;
	x->port = own_port;
	return CURL_PREREQFUNC_OK;
}

/* What has been handed over is not needed again: libcurl has no way to rewind. */
static void forget_body(struct exchange *x)
{
	free(x->r.body);
	x->r.body = mem_strdup("");
	x->r.body_len = x->handed = 0;
	run.held -= x->held;
	x->held = 0;
}

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	size_t left = x->r.body_len - x->handed;

	n *= size;
	if (n > left)
		n = left;
	memcpy(to, x->r.body + x->handed, n);
	x->handed += n;
	if (n > 0 && n == left && run.tape_fd < 0)
		forget_body(x);
	return n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	n *= size;
	hear(x);
	x->header_bytes += n;
	if (x->header_bytes > HEADER_BYTES || ++x->header_lines > HEADER_LINES) {
		x->too_large = true;
		return 0;
	}
	if (n > 5 && memcmp(data, "HTTP/", 5) == 0) /* what came before was provisional */
		for (; x->a.n_headers > 0; x->a.n_headers--) {
			free(x->a.headers[x->a.n_headers - 1].name);
			free(x->a.headers[x->a.n_headers - 1].value);
		}
	else
		fetch_keep_header(&x->a, data, n);
	return n;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	n *= size;
	hear(x);
	buf_add(&x->body, data, n);
	x->too_large = buf_overflowed(&x->body);
	return x->too_large ? 0 : n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct epoll_event event = { .data.fd = fd };

	(void)easy, (void)ctx, (void)mine;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(run.epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events =
		(what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
	if (epoll_ctl(run.epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
	    epoll_ctl(run.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		err_sys(&run.e, ERR_MEMORY, "cannot watch a connection");
	return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *ctx)
{
	(void)multi, (void)ctx;
	run.timer_ms = wait_ms < 0 ? INT64_MAX : tstamp_boot_ms() + wait_ms;
	return 0;
}

/* ------------------------------------------------------------------ starting an exchange */

static bool is_loopback(const char *host)
{
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static struct host *find_host(const char *name, bool tls)
{
	struct host **link = &run.hosts;

	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	if (*link == NULL) {
		*link = mem_alloc(sizeof **link);
		(*link)->name = mem_strdup(name);
		(*link)->tls = tls;
		(*link)->queue_end = &(*link)->queue;
		fetch_gate_init(&(*link)->gate, tls, parallel);
	}
	return *link;
}

/* https anywhere, http on this machine. */
static int choose_host(struct exchange *x, const char *scheme, const char *host,
		       const char *port, struct err *e)
{
	bool tls = strcmp(scheme, "https") == 0;
	char *name;

	if (!tls && (strcmp(scheme, "http") != 0 || !is_loopback(host)))
		return err_set(e, ERR_DATA, "neither https nor, on this machine, http");
	name = mem_printf("%s://%s:%s", scheme, host, port);
	x->host = find_host(name, tls);
	free(name);
	return 0;
}

/* Take the URL apart once; libcurl gets the parts that were looked at. */
static int check_url(struct exchange *x, struct err *e)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLUcode code;
	int rc;

	x->url = curl_url();
	code = curl_url_set(x->url, CURLUPART_URL, x->r.url, CURLU_DISALLOW_USER);
	if (code == CURLUE_OK)
		code = curl_url_get(x->url, CURLUPART_SCHEME, &scheme, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(x->url, CURLUPART_HOST, &host, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(x->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	if (code == CURLUE_OK)
		rc = choose_host(x, scheme, host, port, e);
	else
		rc = err_set(e, ERR_DATA, "bad URL: %s", curl_url_strerror(code));
	curl_free(port);
	curl_free(host);
	curl_free(scheme);
	return rc;
}

static void add_header(struct exchange *x, const char *name, const char *prefix,
		       const char *value)
{
	/* a name alone would remove a header of libcurl */
	char *line = *prefix == '\0' && *value == '\0'
			     ? mem_printf("%s;", name)
			     : mem_printf("%s: %s%s", name, prefix, value);
	struct curl_slist *list = curl_slist_append(x->headers, line);

	explicit_bzero(line, strlen(line));
	free(line);
	if (list == NULL)
		mem_exhausted();
	x->headers = list;
}

static void remove_header(struct exchange *x, const char *name)
{
	struct curl_slist *list;

	for (size_t i = 0; i < x->r.n_headers; i++) {
		if (strncasecmp(x->r.headers[i].name, name, strlen(name) - 1) == 0)
			return;
	}
	list = curl_slist_append(x->headers, name);
	if (list == NULL)
		mem_exhausted();
	x->headers = list;
}

static int make_headers(struct exchange *x, struct err *e)
{
	if (fetch_check_headers(&x->r, e) != 0)
		return -1;
	if (x->r.secret_file != NULL) {
		if (fetch_read_key(x->r.secret_file, &x->key, e) != 0)
			return -1;
		add_header(x, x->r.secret_name, x->r.secret_prefix, x->key);
	}
	for (size_t i = 0; i < x->r.n_headers; i++)
		add_header(x, x->r.headers[i].name, "", x->r.headers[i].value);
	remove_header(x, "Expect:");
	remove_header(x, "Content-Type:");
	return 0;
}

static void set_method(const struct exchange *x)
{
	const struct fetch_request *r = &x->r;

	if (r->body != NULL || strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
	} else if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_rules(const struct exchange *x, bool tls)
{
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_CURLU, x->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "trading-race/" TR_VERSION);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_ms);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* with a directory besides the file, the file would be parsed for every connection */
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
			 (long)(tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	/* over TLS, wait whether a connection can be shared; it costs more than the wait */
	curl_easy_setopt(c, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
}

static void set_callbacks(struct exchange *x)
{
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_PRIVATE, x);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, x);
}

static void active_add(struct exchange *x)
{
	if (run.n_active == run.cap_active) {
		run.cap_active = run.cap_active > 0 ? 2 * run.cap_active : 64;
		run.active = mem_resize(run.active, run.cap_active, sizeof(struct exchange *));
	}
	x->index = run.n_active;
	run.active[run.n_active++] = x;
}

static void active_remove(struct exchange *x)
{
	curl_multi_remove_handle(run.multi, x->easy);
	run.active[x->index] = run.active[--run.n_active];
	run.active[x->index]->index = x->index;
	if (x->a.sent)
		fetch_gate_end(&x->host->gate, x->port);
	else
		fetch_gate_failed(&x->host->gate);
}

static void begin(struct exchange *x)
{
	struct err e = { 0 };

	if (make_headers(x, &e) != 0) {
		fail(x, FETCH_LOCAL, e.text);
		return;
	}
	x->begun_ms = tstamp_boot_ms();
	x->connect_ms = x->r.connect_ms;
	if (x->connect_ms == 0)
		x->connect_ms =
			x->r.timeout_ms / 3 < CONNECT_MS ? x->r.timeout_ms / 3 + 1 : CONNECT_MS;
	x->easy = curl_easy_init();
	if (x->easy == NULL)
		mem_exhausted();
	set_rules(x, x->host->tls);
	set_method(x);
	set_callbacks(x);
	active_add(x);
	fetch_gate_begin(&x->host->gate);
	if (curl_multi_add_handle(run.multi, x->easy) != CURLM_OK)
		mem_exhausted();
	watch_limit(x);
}

/* ------------------------------------------------------------------ ending an exchange */

static enum fetch_class class_of_curl(const struct exchange *x, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return FETCH_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
		return FETCH_DNS;
	case CURLE_COULDNT_CONNECT:
		return FETCH_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return FETCH_TLS;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
		return FETCH_LOCAL;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_HTTP2_STREAM:
		return FETCH_RESET;
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
		return FETCH_CUT;
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TOO_LARGE;
	case CURLE_OPERATION_TIMEDOUT:
		return x->a.sent ? FETCH_TIMEOUT : FETCH_CONNECT;
	case CURLE_OUT_OF_MEMORY:
		mem_exhausted();
	default:
		return x->a.sent ? FETCH_PROTOCOL : FETCH_CONNECT;
	}
}

static void complete(struct exchange *x, CURLcode code)
{
	long status = 0;

	x->a.elapsed_ms = tstamp_boot_ms() - x->begun_ms;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	active_remove(x);
	if (x->too_large) {
		fail(x, FETCH_TOO_LARGE, "the reply is too large");
	} else if (x->repeated) {
		fail(x, FETCH_RESET, "the connection broke before an answer");
	} else if (code != CURLE_OK) {
		fail(x, class_of_curl(x, code),
		     x->error[0] != '\0' ? x->error : curl_easy_strerror(code));
	} else {
		x->a.status = status;
		answer(x);
	}
}

static void collect(void)
{
	struct exchange *x;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(run.multi, &left)) != NULL) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		complete(x, code);
	}
}

static void expire_active(struct exchange *x, int64_t now_ms)
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

static void expire_queued(struct host *host, int64_t now_ms)
{
	struct exchange **link = &host->queue, *x;

	while ((x = *link) != NULL) {
		if (x->until_ms > now_ms) {
			watch_limit(x);
			link = &x->next;
			continue;
		}
		*link = x->next;
		run.n_queued--;
		fail(x, FETCH_TIMEOUT, "no turn in time");
	}
	host->queue_end = link;
}

/* End what is over its limit and find the nearest limit of the others. */
static void expire(void)
{
	int64_t now_ms = tstamp_boot_ms();

	if (now_ms < run.next_ms)
		return;
	run.next_ms = INT64_MAX;
	for (size_t i = run.n_active; i-- > 0;) {
		if (limit_of(run.active[i]) <= now_ms)
			expire_active(run.active[i], now_ms);
		else
			watch_limit(run.active[i]);
	}
	for (struct host *host = run.hosts; host != NULL; host = host->next)
		expire_queued(host, now_ms);
}

static void enqueue(struct exchange *x)
{
	struct err e = { 0 };

	if (check_url(x, &e) != 0) {
		fail(x, FETCH_LOCAL, e.text);
		return;
	}
	x->until_ms = tstamp_boot_ms() + x->r.timeout_ms;
	*x->host->queue_end = x;
	x->host->queue_end = &x->next;
	run.n_queued++;
	watch_limit(x);
}

static int take_line(void *ctx, const char *line, size_t len, struct err *e)
{
	struct exchange *x = mem_alloc(sizeof *x);

	(void)ctx;
	if (fetch_parse_request(line, len, &x->r, e) != 0) {
		exchange_free(x);
		return -1;
	}
	x->a.first_ms = -1;
	x->held = sizeof *x + x->r.body_len;
	run.held += x->held;
	if (run.tape != NULL)
		return answer_from_tape(x, e);
	buf_init(&x->body, (size_t)(x->r.max_bytes ? x->r.max_bytes : BODY_DEFAULT));
	enqueue(x);
	return 0;
}

/* ------------------------------------------------------------------ the loop */

/* Files and some devices are never waited for. */
static bool watch_first(int fd)
{
	struct epoll_event event = { .events = fd == 0 ? EPOLLIN : 0, .data.fd = fd };

	return epoll_ctl(run.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Standard input is taken out, since its end would be reported for ever. */
static void watch_input(bool wanted)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = 0 };

	if (run.in_file || wanted == run.in_watched)
		return;
	epoll_ctl(run.epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, 0, &event);
	run.in_watched = wanted;
}

/* Standard output stays in, without an event: that its reader is gone is always reported. */
static void watch_output(bool wanted)
{
	struct epoll_event event = { .events = wanted ? EPOLLOUT : 0, .data.fd = 1 };

	if (run.io.out_file || wanted == run.out_watched)
		return;
	epoll_ctl(run.epoll, EPOLL_CTL_MOD, 1, &event);
	run.out_watched = wanted;
}

static bool wants_input(void)
{
	return !run.io.ended && run.held < HELD_MAX && fetch_io_unwritten(&run.io) < UNREAD_MAX;
}

/* Milliseconds to sleep, -1 for ever. */
static int patience(void)
{
	int64_t at = run.timer_ms < run.next_ms ? run.timer_ms : run.next_ms, left;

	if (run.in_file && wants_input())
		return 0;
	if (at == INT64_MAX)
		return -1;
	left = at - tstamp_boot_ms();
	return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void handle(const struct epoll_event *event)
{
	int running, mask = 0;

	if (event->data.fd == 0) {
		if (wants_input())
			fetch_io_read(&run.io, take_line, NULL, &run.e);
	} else if (event->data.fd == 1) {
		if (event->events & EPOLLERR) { /* nobody reads any more */
			run.io.closed = true;
			err_set(&run.e, ERR_IO, "standard output is closed");
		}
	} else {
		mask |= event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
		mask |= event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
		mask |= event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
		curl_multi_socket_action(run.multi, event->data.fd, mask, &running);
	}
}

/* Signals are let in only while we sleep, so that none is lost. */
static void turn(const sigset_t *let_in)
{
	struct epoll_event events[EVENTS];
	int running, n;

	watch_input(wants_input());
	watch_output(fetch_io_unwritten(&run.io) > 0);
	n = epoll_pwait(run.epoll, events, EVENTS, patience(), let_in);
	for (int i = 0; i < n && run.e.status == 0; i++)
		handle(&events[i]);
	if (run.in_file && wants_input())
		fetch_io_read(&run.io, take_line, NULL, &run.e);
	if (run.timer_ms <= tstamp_boot_ms()) {
		run.timer_ms = INT64_MAX;
		curl_multi_socket_action(run.multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect();
	expire();
}

static bool has_room(void)
{
	return run.n_active < (size_t)parallel && fetch_io_unwritten(&run.io) < UNREAD_MAX;
}

/* One of each host in turn, so that none keeps the others waiting. */
static void begin_queued(void)
{
	bool any = run.n_queued > 0;

	while (any && has_room()) {
		any = false;
		for (struct host *host = run.hosts; host != NULL && has_room();
		     host = host->next) {
			struct exchange *x = host->queue;

			if (x == NULL || !fetch_gate_open(&host->gate))
				continue;
			host->queue = x->next;
			if (host->queue == NULL)
				host->queue_end = &host->queue;
			run.n_queued--;
			begin(x);
			any = true;
		}
	}
}

static bool finished(void)
{
	return run.io.ended && run.n_queued == 0 && run.n_active == 0 &&
	       fetch_io_unwritten(&run.io) == 0;
}

static void loop(const sigset_t *let_in)
{
	while (!stopped && run.e.status == 0 && !finished()) {
		turn(let_in);
		begin_queued();
		if (run.e.status == 0)
			fetch_io_write(&run.io, &run.e);
	}
}

/* ------------------------------------------------------------------ set-up */

/* Keys in memory stay here: no core, no tracing by others. And a socket per exchange. */
static int set_limits(struct err *e)
{
	struct rlimit none = { 0, 0 }, files;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return err_sys(e, ERR_INTERNAL, "cannot forbid core dumps");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return 0;
}

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void catch_stop(sigset_t *let_in)
{
	struct sigaction action = { .sa_handler = on_stop };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, let_in);
	sigdelset(let_in, SIGTERM);
	sigdelset(let_in, SIGINT);
	sigdelset(let_in, SIGHUP);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void open_multi(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_exhausted();
	run.multi = curl_multi_init();
	if (run.multi == NULL)
		mem_exhausted();
	curl_multi_setopt(run.multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(run.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)parallel);
	curl_multi_setopt(run.multi, CURLMOPT_MAXCONNECTS, (long)parallel);
	curl_multi_setopt(run.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(run.multi, CURLMOPT_TIMERFUNCTION, on_timer);
}

static int open_all(struct err *e)
{
	size_t n;

	run.tape_fd = -1;
	run.timer_ms = run.next_ms = INT64_MAX;
	fetch_io_init(&run.io);
	if (parent != 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			return err_set(e, ERR_TEMP, "the parent is not %jd", (intmax_t)parent);
	}
	if (set_limits(e) != 0)
		return -1;
	ca_file = ca != NULL ? mem_strdup(ca) : fetch_find_ca();
	environ = fetch_make_env(&n); /* before libcurl and OpenSSL look */
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll < 0)
		return err_sys(e, ERR_MEMORY, "epoll");
	run.in_file = !watch_first(0);
	run.in_watched = !run.in_file;
	run.io.out_file = !watch_first(1);
	if (play != NULL && (run.tape = fetch_tape_open(play, e)) == NULL)
		return -1;
	if (record != NULL && (run.tape_fd = fetch_tape_append(record, e)) < 0)
		return -1;
	if (play == NULL)
		open_multi();
	return 0;
}

static void close_all(void)
{
	struct exchange *x;
	struct host *host;

	while (run.n_active > 0) {
		x = run.active[0];
		active_remove(x);
		exchange_free(x);
	}
	while ((host = run.hosts) != NULL) {
		while ((x = host->queue) != NULL) {
			host->queue = x->next;
			exchange_free(x);
		}
		run.hosts = host->next;
		free(host->name);
		free(host);
	}
	free(run.active);
	free(ca_file);
	fetch_tape_close(run.tape);
	fetch_io_release(&run.io);
	if (run.multi != NULL) {
		curl_multi_cleanup(run.multi);
		curl_global_cleanup();
	}
}

static int status_of_end(void)
{
	if (stopped)
		return 128 + SIGTERM;
	if (run.e.status == 0 || run.io.closed)
		return 0;
	return cli_fail(&run.e);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	sigset_t let_in;
	int status;

	cli_start(&tool, argc, argv, &args);
	if (args.n + args.n_rest > 0)
		cli_usage("requests come from standard input, not as operands");
	if (parallel < 1 || parallel > PARALLEL_MAX)
		cli_usage("option --parallel: from 1 to %d", PARALLEL_MAX);
	if (parent < 0)
		cli_usage("option --parent: a process id is positive");
	if (record != NULL && play != NULL)
		cli_usage("--record and --play exclude each other");
	catch_stop(&let_in);
	if (open_all(&run.e) == 0)
		loop(&let_in);
	status = status_of_end();
	close_all();
	return cli_end(status);
}
