/*
 * tr-fetch speaks HTTP for the other tools, and is the only program here that does. It reads
 * requests from standard input, one JSON object a line, makes all of them at once, and prints
 * an answer for each as it arrives. It holds no database and decides nothing: what failed is
 * said, whether to try again is the caller's business. Keys are read from files that only their
 * owner can read, and appear nowhere else. With --record every exchange is appended to a file,
 * from which --play answers later without any network.
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cli.h"
#include "err.h"
#include "fetch.h"
#include "fetch_run.h"
#include "mem.h"

#include "banned.h"

/* Here is what has to do with libcurl; the rest, queues to loop, is fetch_run.h. */

#define PARALLEL_DEFAULT 1024
#define PARALLEL_MAX 16384
#define BUFFER_BYTES 16384L

struct transfer {
	CURL *easy;
	CURLU *url;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
};

static struct fetch_run run = { .parallel = PARALLEL_DEFAULT };
static CURLM *multi;
static const char *ca;
static char *ca_file;
static int64_t parent;
static volatile sig_atomic_t stopped;

static const struct cli_opt options[] = {
	{ 0, "record", CLI_STRING, &run.record, "FILE", "append every exchange to FILE" },
	{ 0, "play", CLI_STRING, &run.play, "FILE", "answer from FILE, without any network" },
	{ 0, "parallel", CLI_INT, &run.parallel, "N", "exchanges at the same time (1024)" },
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

/* ------------------------------------------------------------------ callbacks */

static int on_send(void *ctx, char *ip, char *own_ip, int port, int own_port)
{
	(void)ip, (void)own_ip, (void)port;
	return fetch_run_sends(ctx, own_port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
	return fetch_run_give(ctx, to, size * n);
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	return fetch_run_header(ctx, data, size * n) ? size * n : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	return fetch_run_body(ctx, data, size * n) ? size * n : 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	(void)easy, (void)ctx, (void)mine;
	if (what == CURL_POLL_REMOVE)
		what = CURL_POLL_NONE;
	fetch_run_watch(&run, fd, what & CURL_POLL_IN, what & CURL_POLL_OUT);
	return 0;
}

static int on_timer(CURLM *all, long wait_ms, void *ctx)
{
	(void)all, (void)ctx;
	fetch_run_timer(&run, wait_ms);
	return 0;
}

/* ------------------------------------------------------------------ starting an exchange */

/* Take the URL apart once; libcurl gets the parts that were looked at. */
static int http_check(struct fetch_exchange *x, struct err *e)
{
	struct transfer *t = x->transfer = mem_alloc(sizeof *t);
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLUcode code;
	int rc;

	t->url = curl_url();
	code = curl_url_set(t->url, CURLUPART_URL, x->r.url, CURLU_DISALLOW_USER);
	if (code == CURLUE_OK)
		code = curl_url_get(t->url, CURLUPART_SCHEME, &scheme, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(t->url, CURLUPART_HOST, &host, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(t->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	if (code == CURLUE_OK)
		rc = fetch_run_host(x, scheme, host, port, e);
	else
		rc = err_set(e, ERR_DATA, "bad URL: %s", curl_url_strerror(code));
	curl_free(port);
	curl_free(host);
	curl_free(scheme);
	return rc;
}

static void add_header(struct transfer *t, const char *name, const char *prefix,
		       const char *value)
{
	/* a name alone would remove a header of libcurl */
	char *line = *prefix == '\0' && *value == '\0'
			     ? mem_printf("%s;", name)
			     : mem_printf("%s: %s%s", name, prefix, value);
	struct curl_slist *list = curl_slist_append(t->headers, line);

	explicit_bzero(line, strlen(line));
	free(line);
	if (list == NULL)
		mem_exhausted();
	t->headers = list;
}

static void remove_header(const struct fetch_request *r, struct transfer *t, const char *name)
{
	struct curl_slist *list;

	for (size_t i = 0; i < r->n_headers; i++) {
		if (strncasecmp(r->headers[i].name, name, strlen(name) - 1) == 0)
			return;
	}
	list = curl_slist_append(t->headers, name);
	if (list == NULL)
		mem_exhausted();
	t->headers = list;
}

static void make_headers(const struct fetch_exchange *x)
{
	const struct fetch_request *r = &x->r;
	struct transfer *t = x->transfer;

	if (x->key != NULL)
		add_header(t, r->secret_name, r->secret_prefix, x->key);
	for (size_t i = 0; i < r->n_headers; i++)
		add_header(t, r->headers[i].name, "", r->headers[i].value);
	remove_header(r, t, "Expect:");
	remove_header(r, t, "Content-Type:");
}

static void set_method(CURL *c, const struct fetch_request *r)
{
	if (r->body != NULL || strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch_body_len(r));
		curl_easy_setopt(c, CURLOPT_POST, 1L);
	} else if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_rules(CURL *c, bool tls)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "trading-race/" TR_VERSION);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
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

static void set_callbacks(CURL *c, struct fetch_exchange *x)
{
	curl_easy_setopt(c, CURLOPT_PRIVATE, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, x);
}

static void http_begin(struct fetch_exchange *x)
{
	struct transfer *t = x->transfer;

	t->easy = curl_easy_init();
	if (t->easy == NULL)
		mem_exhausted();
	make_headers(x);
	set_rules(t->easy, x->host->tls);
	set_method(t->easy, &x->r);
	set_callbacks(t->easy, x);
	curl_easy_setopt(t->easy, CURLOPT_CURLU, t->url);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_ms);
	if (curl_multi_add_handle(multi, t->easy) != CURLM_OK)
		mem_exhausted();
}

/* ------------------------------------------------------------------ ending an exchange */

static void http_stop(struct fetch_exchange *x)
{
	struct transfer *t = x->transfer;

	curl_multi_remove_handle(multi, t->easy);
}

static void http_release(struct fetch_exchange *x)
{
	struct transfer *t = x->transfer;

	if (t == NULL)
		return;
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	curl_url_cleanup(t->url);
	for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	free(t);
}

static enum fetch_class class_of_curl(const struct fetch_exchange *x, CURLcode code)
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

static void complete(CURL *easy, CURLcode code)
{
	struct fetch_exchange *x;
	struct transfer *t;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	t = x->transfer;
	if (code == CURLE_OK)
		fetch_run_done(x, status);
	else
		fetch_run_failed(x, class_of_curl(x, code),
				 t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
}

static void http_collect(void)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE)
			complete(m->easy_handle, m->data.result);
	}
}

static void http_ready(int fd, bool in, bool out, bool broken)
{
	int running;

	curl_multi_socket_action(multi, fd,
				 (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0) |
					 (broken ? CURL_CSELECT_ERR : 0),
				 &running);
}

static void http_timer(void)
{
	int running;

	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static const struct fetch_transport http = {
	.check = http_check,
	.begin = http_begin,
	.stop = http_stop,
	.release = http_release,
	.ready = http_ready,
	.timer = http_timer,
	.collect = http_collect,
};

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
	multi = curl_multi_init();
	if (multi == NULL)
		mem_exhausted();
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)run.parallel);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)run.parallel);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
}

static int open_all(struct err *e)
{
	size_t n;

	run.transport = &http;
	if (parent != 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			return err_set(e, ERR_TEMP, "the parent is not %jd", (intmax_t)parent);
	}
	if (set_limits(e) != 0)
		return -1;
	ca_file = ca != NULL ? mem_strdup(ca) : fetch_find_ca();
	environ = fetch_make_env(&n); /* before libcurl and OpenSSL look */
	if (fetch_run_open(&run, e) != 0)
		return -1;
	if (run.play == NULL)
		open_multi();
	return 0;
}

static void close_all(void)
{
	fetch_run_close(&run);
	free(ca_file);
	if (multi != NULL) {
		curl_multi_cleanup(multi);
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
	if (run.parallel < 1 || run.parallel > PARALLEL_MAX)
		cli_usage("option --parallel: from 1 to %d", PARALLEL_MAX);
	if (parent < 0)
		cli_usage("option --parent: a process id is positive");
	if (run.record != NULL && run.play != NULL)
		cli_usage("--record and --play exclude each other");
	catch_stop(&let_in);
	if (open_all(&run.e) == 0)
		fetch_run_loop(&run, &let_in, &stopped);
	status = status_of_end();
	close_all();
	return cli_end(status);
}
