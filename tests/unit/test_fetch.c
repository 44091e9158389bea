#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "fetch.h"
#include "mem.h"
#include "tstamp.h"

#include "unit.h"

#include "banned.h"

/*
 * Without arguments: the lines and rules, as TAP. With arguments the parent's side against a
 * real tr-fetch beside this program, for the suite: "ask N URL" asks N times at once and prints
 * an answer a line; "hold URL" asks and waits for ever; "lose URL" asks and has its tr-fetch
 * killed.
 */

#define MINIMAL                                                                                \
	"{\"schema\":\"tr.request/1\",\"tag\":\"t\",\"method\":\"GET\",\"url\":\"http://h/\"," \
	"\"timeout_ms\":1}"

static void fill_request(struct fetch_request *r, const char *tag, const char *url)
{
	*r = (struct fetch_request){ 0 };
	snprintf(r->tag, sizeof r->tag, "%s", tag);
	r->method = mem_strdup("POST");
	r->url = mem_strdup(url);
	r->timeout_ms = 20000;
}

/* ------------------------------------------------------------------ lines */

static bool same_request(const struct fetch_request *a, const struct fetch_request *b)
{
	bool same = strcmp(a->tag, b->tag) == 0 && strcmp(a->method, b->method) == 0 &&
		    strcmp(a->url, b->url) == 0 && a->n_headers == b->n_headers &&
		    strcmp(a->secret_name, b->secret_name) == 0 &&
		    strcmp(a->secret_prefix, b->secret_prefix) == 0 &&
		    strcmp(a->secret_file, b->secret_file) == 0 && a->body_len == b->body_len &&
		    memcmp(a->body, b->body, a->body_len) == 0 &&
		    a->timeout_ms == b->timeout_ms && a->connect_ms == b->connect_ms &&
		    a->max_bytes == b->max_bytes;

	for (size_t i = 0; same && i < a->n_headers; i++)
		same = strcmp(a->headers[i].name, b->headers[i].name) == 0 &&
		       strcmp(a->headers[i].value, b->headers[i].value) == 0;
	return same;
}

static bool same_body(const struct fetch_request *r, const char *body, size_t len)
{
	return r->body != NULL && r->body_len == len && memcmp(r->body, body, len) == 0;
}

/* Write, read and compare a request with that body; the line is one line. */
static bool request_returns(const char *body, size_t len)
{
	struct fetch_request r, back;
	struct buf line = BUF_INIT;
	struct err e = { 0 };
	bool same;

	fill_request(&r, "llm:gpt \"4\"\\", "https://h.example/v1?a=b&c=\xc3\xa4");
	fetch_add_header(&r, "Content-Type", "application/json");
	fetch_add_header(&r, "X-A", "one");
	fetch_add_header(&r, "x-a", "two");
	r.secret_name = mem_strdup("Authorization");
	r.secret_prefix = mem_strdup("Bearer ");
	r.secret_file = mem_strdup("/k/\xe2\x82\xac");
	r.connect_ms = 3;
	r.max_bytes = 4;
	r.body = mem_resize(NULL, len + 1, 1);
	memcpy(r.body, body, len);
	r.body[len] = '\0';
	r.body_len = len;
	fetch_write_request(&r, &line);
	same = memchr(line.data, '\n', line.len) == line.data + line.len - 1 &&
	       fetch_parse_request(line.data, line.len, &back, &e) == 0 && r.n_headers == 2 &&
	       strcmp(r.headers[1].value, "two") == 0 && same_request(&r, &back);
	fetch_request_release(&back);
	fetch_request_release(&r);
	buf_release(&line);
	return same;
}

static bool answer_returns(const char *body, size_t len, enum fetch_class class)
{
	struct fetch_answer a = { .class = class, .status = 429, .sent = true };
	struct fetch_answer back;
	struct buf line = BUF_INIT;
	struct err e = { 0 };
	bool same;

	snprintf(a.tag, sizeof a.tag, "t");
	a.body = mem_resize(NULL, len + 1, 1);
	memcpy(a.body, body, len);
	a.body_len = len;
	a.elapsed_ms = 12;
	a.first_ms = -1;
	a.error = class == FETCH_OK ? NULL : mem_strdup("why");
	fetch_keep_header(&a, "Retry-After: 3\r\n", 16);
	fetch_write_answer(&a, &line);
	same = fetch_parse_answer(line.data, line.len, &back, &e) == 0 && back.class == class &&
	       back.status == 429 && back.sent && !back.played && back.elapsed_ms == 12 &&
	       back.first_ms == -1 && back.body_len == len &&
	       memcmp(back.body, body, len) == 0 && (back.error == NULL) == (a.error == NULL) &&
	       strcmp(fetch_header(&back, "retry-after"), "3") == 0;
	fetch_answer_release(&back);
	fetch_answer_release(&a);
	buf_release(&line);
	return same;
}

static void test_round_trips(void)
{
	char every[256], big[4096];
	bool classes = true, lengths = true;

	for (int i = 0; i < 256; i++)
		every[i] = (char)i;
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = "\"\\\n\r\t/x\x7f"[i % 8];
	unit_ok(request_returns("", 0), "an empty body is a body");
	unit_ok(request_returns("{\"a\":\"\\u00e4\"}\n", 15),
		"a request comes back from its line");
	unit_ok(request_returns(every, sizeof every), "a body of any bytes comes back");
	unit_ok(request_returns(big, sizeof big), "a body that is all escapes comes back");
	for (size_t n = 0; n < 10; n++)
		lengths = lengths && request_returns("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7",
						     n < 9 ? n : 9);
	unit_ok(lengths, "base64 comes back at every length");
	for (int c = 0; c < FETCH_CLASSES; c++)
		classes = classes && answer_returns("x\xe2\x82\xac", 4, (enum fetch_class)c);
	unit_ok(classes, "an answer of every class comes back from its line");
	unit_ok(answer_returns(every, sizeof every, FETCH_OK),
		"a reply of any bytes comes back");
}

/* ${line} must be refused with a message that has ${reason}. */
static bool refused(const char *line, const char *reason)
{
	struct fetch_request r;
	struct err e = { 0 };

	if (fetch_parse_request(line, strlen(line), &r, &e) == 0) {
		printf("# accepted: %s\n", line);
		fetch_request_release(&r);
		return false;
	}
	if (e.status == ERR_DATA && strstr(e.text, reason) != NULL)
		return true;
	printf("# %s: %s\n", line, e.text);
	return false;
}

static bool refused_with(const char *member, const char *reason)
{
	char *line = mem_printf("%.*s,%s}", (int)strlen(MINIMAL) - 1, MINIMAL, member);
	bool ok = refused(line, reason);

	free(line);
	return ok;
}

static bool accepted_with(const char *member)
{
	char *line = mem_printf(" %.*s , %s } \r", (int)strlen(MINIMAL) - 1, MINIMAL, member);
	struct fetch_request r;
	struct err e = { 0 };
	bool ok = fetch_parse_request(line, strlen(line), &r, &e) == 0;

	if (ok)
		fetch_request_release(&r);
	else
		printf("# %s: %s\n", line, e.text);
	free(line);
	return ok;
}

static bool every_prefix_refused(void)
{
	struct fetch_request r;

	for (size_t n = 0; n < strlen(MINIMAL); n++) {
		/* a copy of that size: reading on is seen by the sanitizers */
		char *cut = mem_resize(NULL, n + 1, 1);
		struct err e = { 0 };
		int rc;

		memcpy(cut, MINIMAL, n);
		cut = mem_resize(cut, n > 0 ? n : 1, 1);
		rc = fetch_parse_request(cut, n, &r, &e);
		free(cut);
		if (rc == 0)
			return false;
	}
	return true;
}

static void test_refusals(void)
{
	unit_ok(every_prefix_refused(), "a line that is cut anywhere is refused");
	unit_ok(accepted_with("\"body\":\"\\u00e4\\ud83d\\ude00\\/\\b\""), "escapes are read");
	unit_ok(accepted_with("\"headers\":{}"), "an empty list of headers is read");
	unit_ok(refused(MINIMAL "x", "something follows"), "what follows a record is refused");
	unit_ok(refused("[]", "'{' is missing") && refused("", "'{' is missing"),
		"what is no object is refused");
	unit_ok(refused("{\"schema\":\"tr.request/1\"}", "tag is missing"),
		"a key that is missing is named");
	unit_ok(refused("{\"schema\":\"tr.request/2\"}", "another schema"),
		"another version is refused");
	unit_ok(refused_with("\"x\":1", "x: unknown key"), "an unknown key is named");
	unit_ok(refused_with("\"tag\":\"u\"", "tag: key given twice"),
		"a key given twice is refused");
	unit_ok(refused_with("\"body\":\"\\u0000\"", "bad escape"),
		"an escaped NUL is refused");
	unit_ok(refused_with("\"body\":\"\\ud800\"", "bad escape") &&
			refused_with("\"body\":\"\\ud800\\u0041\"", "bad escape") &&
			refused_with("\"body\":\"\\udc00\"", "bad escape"),
		"a lone surrogate is refused");
	unit_ok(refused_with("\"body\":\"\\x41\"", "bad escape"),
		"an unknown escape is refused");
	unit_ok(refused_with("\"body\":\"\t\"", "control byte"),
		"a raw control byte is refused");
	unit_ok(refused_with("\"body\":\"\xff\"", "UTF-8"), "invalid UTF-8 is refused");
	unit_ok(refused_with("\"body\":\"\",\"body_base64\":\"\"", "two bodies"),
		"two bodies are refused");
	unit_ok(refused_with("\"body_base64\":\"QQ\"", "base64") &&
			refused_with("\"body_base64\":\"Q===\"", "base64") &&
			refused_with("\"body_base64\":\"Q Q=\"", "base64"),
		"what is no base64 is refused");
	unit_ok(refused_with("\"max_bytes\":01", "whole number") &&
			refused_with("\"max_bytes\":1.0", "whole number") &&
			refused_with("\"max_bytes\":1e3", "whole number") &&
			refused_with("\"max_bytes\":9999999999999999999", "whole number") &&
			refused_with("\"max_bytes\":\"1\"", "whole number"),
		"numbers that are not whole are refused");
	unit_ok(refused_with("\"max_bytes\":-1", "out of range") &&
			refused_with("\"max_bytes\":16777217", "out of range"),
		"numbers out of range are refused");
	unit_ok(refused_with("\"headers\":{\"A\":\"1\",\"a\":\"2\"}", "twice"),
		"a header given twice is refused");
	unit_ok(refused_with("\"secret\":{\"header\":\"A\",\"prefix\":\"\"}",
			     "file is missing"),
		"a secret without its file is refused");
	unit_ok(refused("{\"schema\":\"tr.request/"
			"1\",\"tag\":\"\",\"method\":\"get\",\"url\":\"\","
			"\"timeout_ms\":1}",
			"upper-case"),
		"a method in lower case is refused");
}

static bool too_long(const char *key, size_t n)
{
	char *text = mem_alloc(n + 1), *member;
	bool ok;

	memset(text, 'a', n);
	member = mem_printf("\"%s\":{\"%s\":\"b\"}", key, text);
	ok = refused_with(member, "too long");
	free(member);
	free(text);
	return ok;
}

/* ------------------------------------------------------------------ rules */

static bool header_refused(const char *name, const char *value)
{
	struct fetch_request r = { 0 };
	struct err e = { 0 };
	bool bad;

	fetch_add_header(&r, name, value);
	bad = fetch_check_headers(&r, &e) != 0;
	fetch_request_release(&r);
	return bad;
}

static void test_headers(void)
{
	struct fetch_answer a = { 0 };

	unit_ok(too_long("headers", 129), "the name of a header is bounded");
	unit_ok(!header_refused("X-A", "b c") && !header_refused("X-A", ""),
		"plain headers pass");
	unit_ok(header_refused("X-A", "b\r\nX-B: c") && header_refused("X-A", "b\tc"),
		"values with control bytes are refused");
	unit_ok(header_refused("X A", "b") && header_refused("", "b") &&
			header_refused("X:", "b"),
		"names that are none are refused");
	unit_ok(header_refused("content-LENGTH", "1") && header_refused("Host", "h"),
		"headers of the transport are refused");
	fetch_keep_header(&a, "X-RateLimit-Remaining-Requests:  7 \r\n", 37);
	fetch_keep_header(&a, "X-RateLimit-Remaining-Requests: 8\r\n", 35);
	fetch_keep_header(&a, "Set-Cookie: a=b\r\n", 17);
	fetch_keep_header(&a, "Date: a\001b\r\n", 11);
	fetch_keep_header(&a, "no header\r\n", 11);
	unit_ok(a.n_headers == 2 &&
			strcmp(fetch_header(&a, "x-ratelimit-remaining-requests"), "7") == 0 &&
			strcmp(fetch_header(&a, "date"), "a b") == 0 &&
			fetch_header(&a, "set-cookie") == NULL,
		"headers that matter are kept, clean, the first of a name");
	a.body = mem_strdup("k=secret-secret; secret-secret");
	a.body_len = strlen(a.body);
	a.error = mem_strdup("bad secret-secret");
	fetch_hide_key(&a, "secret-secret");
	unit_ok(strcmp(a.body, "k=*************; *************") == 0 &&
			strcmp(a.error, "bad *************") == 0,
		"a key that comes back is covered");
	fetch_hide_key(&a, "bad");
	unit_ok(strcmp(a.error, "bad *************") == 0, "a short key is no pattern");
	fetch_answer_release(&a);
}

static void test_keys(void)
{
	char one[DIGEST_HEX_SIZE], two[DIGEST_HEX_SIZE];
	struct fetch_request r;

	fill_request(&r, "a", "http://h/a");
	r.body = mem_strdup("b");
	r.body_len = 1;
	fetch_request_key(&r, one);
	r.tag[0] = 'x';
	r.timeout_ms = 1;
	fetch_request_key(&r, two);
	unit_ok(strcmp(one, two) == 0, "tag and time-out do not change the key of a request");
	free(r.url);
	r.url = mem_strdup("http://h/ab");
	r.body_len = 0;
	fetch_request_key(&r, two);
	unit_ok(strcmp(one, two) != 0, "URL and body cannot run into each other in the key");
	fetch_request_release(&r);
}

/* ------------------------------------------------------------------ parts */

#define PART_LINE "{\"schema\":\"tr.part/1\",\"id\":\"p\",\"text\":\"shared\"}"
#define WITH_PART(part, body)                                                           \
	"{\"schema\":\"tr.request/1\",\"tag\":\"t\",\"method\":\"POST\",\"url\":\"u\"," \
	"\"timeout_ms\":1,\"part\":" part body "}"

/* A request whose body is "<" and ">" around the part. */
static void fill_with_part(struct fetch_request *r, const char *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, text, len);
	fill_request(r, "t", "http://h/a");
	r->body = mem_strdup("<>");
	r->body_len = 2;
	r->part = fetch_part_new(copy, len);
	r->part_at = 1;
}

/* The part and then the request cross as lines; the body that comes out is whole. */
static bool part_returns(const char *text, size_t len)
{
	struct fetch_parts parts = { 0 };
	struct fetch_request r, back = { 0 };
	struct buf line = BUF_INIT;
	struct err e = { 0 };
	char *whole, *want;
	bool is_request = true, same;

	fill_with_part(&r, text, len);
	want = mem_printf("<%*s>", (int)len, "");
	memcpy(want + 1, text, len);
	fetch_write_part(r.part, &line);
	same = fetch_parse_line(&parts, line.data, line.len, &back, &is_request, &e) == 0 &&
	       !is_request && parts.n == 1;
	buf_reset(&line);
	fetch_write_request(&r, &line);
	same = same && memmem(line.data, line.len, text, len > 0 ? len : 1) == NULL &&
	       fetch_parse_line(&parts, line.data, line.len, &back, &is_request, &e) == 0 &&
	       is_request && same_body(&back, "<>", 2) && fetch_body_len(&back) == len + 2;
	whole = same ? fetch_body_whole(&back) : NULL;
	same = same && memcmp(whole, want, len + 3) == 0;
	free(whole);
	free(want);
	fetch_request_release(&back);
	fetch_request_release(&r);
	fetch_parts_release(&parts);
	buf_release(&line);
	return same;
}

/* Whatever the pieces it is read in. */
static bool body_reads(const struct fetch_request *r, const char *want, size_t step)
{
	char got[64];
	size_t at = 0, n;

	while ((n = fetch_body_read(r, at, got + at, step)) > 0)
		at += n;
	return at == strlen(want) && memcmp(got, want, at) == 0;
}

static void test_parts(void)
{
	char every[256], one[DIGEST_HEX_SIZE], two[DIGEST_HEX_SIZE];
	struct fetch_request r, whole, back;
	struct fetch_answer a = { .body = mem_strdup("") };
	struct buf line = BUF_INIT;
	struct err e = { 0 };
	bool reads = true;

	for (int i = 0; i < 256; i++)
		every[i] = (char)i;
	unit_ok(part_returns("what all \"share\"\n", 17) && part_returns("\\", 1) &&
			part_returns(every, sizeof every),
		"a part crosses once, of any bytes, and stands where it belongs in the body");
	fill_with_part(&r, "shared", 6);
	for (size_t step = 1; step < 10; step++)
		reads = reads && body_reads(&r, "<shared>", step);
	r.part_at = 0;
	reads = reads && body_reads(&r, "shared<>", 3);
	r.part_at = 2;
	reads = reads && body_reads(&r, "<>shared", 3);
	unit_ok(reads, "a body is the same in whatever pieces it is read");
	fill_request(&whole, "t", "http://h/a");
	whole.body = fetch_body_whole(&r);
	whole.body_len = fetch_body_len(&r);
	fetch_request_key(&r, one);
	fetch_request_key(&whole, two);
	unit_ok(strcmp(one, two) == 0,
		"the key of a request is that of its body as it is sent");
	a.first_ms = -1;
	fetch_write_exchange(one, &r, &a, &line);
	fetch_answer_release(&a);
	unit_ok(fetch_parse_exchange(line.data, line.len, &back, &a, &e) == 0 &&
			back.part == NULL && same_body(&back, "<>shared", 8),
		"a recording has the body whole");
	fetch_answer_release(&a);
	fetch_request_release(&back);
	fetch_request_release(&whole);
	fetch_request_release(&r);
	buf_release(&line);
}

static bool line_refused(struct fetch_parts *parts, const char *line, const char *why)
{
	struct fetch_request r = { 0 };
	struct err e = { 0 };
	bool is_request;
	int rc = fetch_parse_line(parts, line, strlen(line), &r, &is_request, &e);

	if (rc == 0)
		fetch_request_release(&r);
	else if (strstr(e.text, why) == NULL)
		printf("# %s\n", e.text);
	return rc != 0 && e.status == ERR_DATA && strstr(e.text, why) != NULL;
}

static void test_part_refusals(void)
{
	static const char *const bad[][2] = {
		{ PART_LINE, "given twice" },
		{ "{\"schema\":\"tr.part/1\",\"id\":\"q\"}", "text is missing" },
		{ "{\"schema\":\"tr.part/1\",\"text\":\"q\"}", "id is missing" },
		{ "{\"schema\":\"tr.part/1\",\"id\":\"q\",\"text\":\"a\",\"text_base64\":\"\"}",
		  "two bodies" },
		{ "{\"schema\":\"tr.part/1\",\"id\":\"q\",\"text\":\"a\",\"x\":1}",
		  "unknown key" },
		{ WITH_PART("{\"id\":\"q\",\"at\":0}", ",\"body\":\"\""), "no part" },
		{ WITH_PART("{\"id\":\"p\",\"at\":2}", ",\"body\":\"a\""), "outside" },
		{ WITH_PART("{\"id\":\"p\",\"at\":0}", ""), "outside" },
		{ WITH_PART("{\"id\":\"p\"}", ",\"body\":\"\""), "at is missing" },
		{ WITH_PART("{\"id\":\"p\",\"at\":-1}", ",\"body\":\"\""), "range" },
	};
	struct fetch_parts parts = { 0 };
	struct fetch_request r = { 0 };
	struct err e = { 0 };
	bool is_request = true, all = true;

	all = fetch_parse_line(&parts, PART_LINE, strlen(PART_LINE), &r, &is_request, &e) == 0;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		all = line_refused(&parts, bad[i][0], bad[i][1]) && all;
	unit_ok(all && parts.n == 1,
		"a part is given once, before its requests, and lies inside");
	all = fetch_parse_request(
		      WITH_PART("{\"id\":\"p\",\"at\":0}", ",\"body\":\"\""),
		      strlen(WITH_PART("{\"id\":\"p\",\"at\":0}", ",\"body\":\"\"")), &r,
		      &e) == -1;
	unit_ok(all, "a request by itself has no part");
	parts.bytes = FETCH_PARTS_MAX - 5;
	parts.parts[0]->id[0] = 'x';
	unit_ok(line_refused(&parts, PART_LINE, "bytes of parts"),
		"more parts than are kept are refused");
	fetch_parts_release(&parts);
}

/* Begin as many as may; returns their number. */
static int rush(struct fetch_gate *g)
{
	int n = 0;

	for (; fetch_gate_open(g); n++)
		fetch_gate_begin(g);
	return n;
}

static void test_gate(void)
{
	struct fetch_gate g;

	fetch_gate_init(&g, false, 100);
	unit_ok(rush(&g) == 100, "without TLS all may connect");
	fetch_gate_init(&g, true, 100);
	unit_ok(rush(&g) == 1, "over TLS one goes first");
	fetch_gate_connected(&g, 5001);
	unit_ok(rush(&g) == 4, "then some follow");
	fetch_gate_connected(&g, 5001);
	unit_ok(rush(&g) == 8 - 3, "when a connection is shared, a handful may connect");
	for (int i = 0; i < 8; i++)
		fetch_gate_connected(&g, 5002);
	unit_ok(rush(&g) == 8, "and a handful again");
	fetch_gate_init(&g, true, 100);
	for (int i = 0; i < 10; i++) {
		fetch_gate_begin(&g);
		fetch_gate_connected(&g, 6000 + i);
	}
	unit_ok(rush(&g) == 100, "when none is shared, soon all may connect");
	fetch_gate_init(&g, true, 100);
	for (int i = 0; i < 2; i++) {
		fetch_gate_begin(&g);
		fetch_gate_connected(&g, 7000);
		fetch_gate_end(&g, 7000);
	}
	unit_ok(!g.shared, "a connection that is used again is not a shared one");
	fetch_gate_init(&g, true, 100);
	fetch_gate_begin(&g);
	fetch_gate_failed(&g);
	unit_ok(rush(&g) == 100, "a host that cannot be reached is tried by all");
}

/* ------------------------------------------------------------------ the parent's side */

static int fail_with(const struct err *e)
{
	printf("error %d: %s\n", e->status, e->text);
	return e->status;
}

static int ask(long n, const char *url)
{
	struct fetch_part *shared = fetch_part_new(mem_strdup("what all share"), 14);
	struct fetch_options o = { 0 };
	struct fetch *f = fetch_open(&o);
	struct fetch_answer a;
	struct err e = { 0 };
	bool got = true;

	for (long i = 0; i < n; i++) {
		struct fetch_request r;
		char tag[32];

		snprintf(tag, sizeof tag, "tag-%ld", i);
		fill_request(&r, tag, url);
		r.body = mem_alloc(30001);
		memset(r.body, 'b', 30000);
		r.body_len = 30000;
		r.part = fetch_part_hold(shared);
		r.part_at = (size_t)i;
		if (fetch_send(f, &r, &e) != 0)
			return fail_with(&e);
		fetch_request_release(&r);
	}
	while (fetch_pending(f) > 0 && got) {
		if (fetch_wait(f, tstamp_boot_ms() + 30000, NULL, &a, &got, &e) != 0)
			return fail_with(&e);
		if (got)
			printf("%s %s %lld %d %s\n", a.tag, fetch_class_name(a.class),
			       (long long)a.status, a.sent, a.body_len < 100 ? a.body : "");
		if (got)
			fetch_answer_release(&a);
	}
	fetch_close(f);
	fetch_part_drop(shared);
	return 0;
}

static int wait_for_ever(const char *url)
{
	struct fetch_options o = { 0 };
	struct fetch *f = fetch_open(&o);
	struct fetch_request r;
	struct err e = { 0 };

	fill_request(&r, "held", url);
	if (fetch_send(f, &r, &e) != 0)
		return fail_with(&e);
	fetch_request_release(&r);
	printf("sent\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* The first child in /proc. */
static pid_t only_child(void)
{
	char *path = mem_printf("/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "r");
	int pid = 0;

	if (f == NULL || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	free(path);
	return pid;
}

static int lose(const char *url)
{
	struct fetch_options o = { 0 };
	struct fetch *f = fetch_open(&o);
	struct fetch_answer a;
	struct fetch_request r;
	struct err e = { 0 };
	siginfo_t info;
	pid_t pid;
	bool got;

	for (int i = 0; i < 3; i++) {
		fill_request(&r, i == 0 ? "one" : i == 1 ? "two" : "late", url);
		if (i == 2) {
			pid = only_child();
			kill(pid, SIGKILL);
			waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		}
		if (fetch_send(f, &r, &e) != 0)
			return fail_with(&e);
		fetch_request_release(&r);
	}
	while (fetch_pending(f) > 0) {
		if (fetch_wait(f, tstamp_boot_ms() + 5000, NULL, &a, &got, &e) != 0)
			return fail_with(&e);
		if (!got)
			return 1;
		printf("%s %s %d\n", a.tag, fetch_class_name(a.class), a.sent);
		fetch_answer_release(&a);
	}
	fetch_close(f);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "ask") == 0)
		return ask(strtol(argv[2], NULL, 10), argv[3]);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return wait_for_ever(argv[2]);
	if (argc == 3 && strcmp(argv[1], "lose") == 0)
		return lose(argv[2]);
	test_round_trips();
	test_refusals();
	test_headers();
	test_keys();
	test_parts();
	test_part_refusals();
	test_gate();
	return unit_done();
}
