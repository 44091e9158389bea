#ifndef FETCH_H
#define FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "digest.h"
#include "err.h"
#include "json.h"

/*
 * The parent's side of tr-fetch, the only program that speaks HTTP: requests go in as JSON
 * lines, answers come out as they arrive, all at once. This module starts it when the first
 * request is sent and ends it when it is closed; it never touches the network itself, and
 * decides nothing. tr-json(5) has the records tr.request/1 and tr.answer/1.
 */

#define FETCH_HEADERS_MAX 32
#define FETCH_TAG_MAX 160
#define FETCH_PART_ID_MAX 80
#define FETCH_BODY_MAX (INT64_C(16) << 20)
#define FETCH_LINE_MAX ((size_t)40 << 20)
#define FETCH_PARTS_MAX ((size_t)64 << 20) /* bytes of all parts that tr-fetch keeps */

struct fetch_header {
	char *name, *value; /* owned */
};

/*
 * Bytes that the bodies of many requests have in common: they are kept once and cross to
 * tr-fetch once. Counted: whoever holds one drops it.
 */
struct fetch_part {
	char id[FETCH_PART_ID_MAX];
	char *text; /* owned */
	size_t len;
	size_t holders;
};

struct fetch_request {
	char tag[FETCH_TAG_MAX]; /* of the caller's choice, comes back with the answer */
	char *method;		 /* "GET", "POST"; owned like all below */
	char *url;
	struct fetch_header headers[FETCH_HEADERS_MAX];
	size_t n_headers;
	/* header ${secret_name} gets ${secret_prefix} and the content of the file; NULL: none
	 */
	char *secret_name, *secret_prefix, *secret_file;
	char *body; /* NULL: none */
	size_t body_len;
	struct fetch_part *part; /* held; NULL: none. Sent within the body, not part of it */
	size_t part_at;		 /* before which byte of the body */
	int64_t timeout_ms;	 /* of the whole exchange; > 0 */
	int64_t connect_ms;	 /* 0: a third of it, at most 10 s */
	int64_t max_bytes;	 /* of the decoded body; 0: 1 MiB */
};

/* How an exchange ended. */
enum fetch_class {
	FETCH_OK,	  /* a whole reply came, whatever its status */
	FETCH_DNS,	  /* the name could not be resolved */
	FETCH_CONNECT,	  /* no connection */
	FETCH_TLS,	  /* certificate, name or handshake */
	FETCH_TIMEOUT,	  /* no whole reply in time */
	FETCH_RESET,	  /* the connection broke */
	FETCH_CUT,	  /* the body was shorter than announced, or badly encoded */
	FETCH_TOO_LARGE,  /* body or header beyond the cap */
	FETCH_PROTOCOL,	  /* what came is no HTTP */
	FETCH_LOCAL,	  /* refused here: bad URL, no key file, not https; nothing was sent */
	FETCH_UNRECORDED, /* --play: the recording has no answer for this */
	FETCH_LACK,	  /* tr-fetch had no memory or descriptor for it; nothing was sent */
	FETCH_GONE,	  /* tr-fetch ended without an answer */
	FETCH_CLASSES
};

const char *fetch_class_name(enum fetch_class c); /* "ok", "dns", "connect" ... */

struct fetch_answer {
	char tag[FETCH_TAG_MAX];
	enum fetch_class class;
	int64_t status; /* HTTP; 0: none */
	bool sent;	/* a byte of the request may have left */
	bool played;	/* from a recording */
	struct fetch_header
		headers[FETCH_HEADERS_MAX]; /* those that matter; names lower case */
	size_t n_headers;
	char *body; /* decoded; never NULL; owned */
	size_t body_len;
	char *error;	    /* one line; NULL: none */
	int64_t elapsed_ms; /* from start of the transfer */
	int64_t first_ms;   /* to the first byte of the reply; -1: none */
};

/* A part with one holder; takes ${text}. Its id says what is in it: its hash. */
struct fetch_part *fetch_part_new(char *text, size_t len);
/* Hold it too; returns it. Both take NULL. */
struct fetch_part *fetch_part_hold(struct fetch_part *p);
void fetch_part_drop(struct fetch_part *p);

void fetch_request_release(struct fetch_request *r);
void fetch_answer_release(struct fetch_answer *a);
/* Add a header; values with control bytes are refused by tr-fetch. */
void fetch_add_header(struct fetch_request *r, const char *name, const char *value);
/* The value of a reply's header (name in lower case), NULL if absent. */
const char *fetch_header(const struct fetch_answer *a, const char *name);

/* The lines, for both sides. Parsing refuses unknown keys and all that breaks a bound. */
void fetch_write_request(const struct fetch_request *r, struct buf *out);
int fetch_parse_request(const char *line, size_t len, struct fetch_request *r, struct err *e);
void fetch_write_answer(const struct fetch_answer *a, struct buf *out);
int fetch_parse_answer(const char *line, size_t len, struct fetch_answer *a, struct err *e);

/* Parts by their ids. */
struct fetch_parts {
	struct fetch_part **parts; /* held */
	size_t n, cap, bytes;
};
/* Hold a part of a new id; false if it is too much. */
bool fetch_parts_add(struct fetch_parts *s, struct fetch_part *p);
/* NULL: there is none. */
struct fetch_part *fetch_parts_find(const struct fetch_parts *s, const char *id);
void fetch_parts_release(struct fetch_parts *s);

void fetch_write_part(const struct fetch_part *p, struct buf *out);
/* A line of the input: a part is kept in ${s}, and *${is_request} is false; a request finds its
 * part there. fetch_parse_request() knows no parts. */
int fetch_parse_line(struct fetch_parts *s, const char *line, size_t len,
		     struct fetch_request *r, bool *is_request, struct err *e);

/* The body as it is sent, with the part: its length, up to ${n} bytes of it from byte ${at}
 * (returns how many), and all of it, NULL if there is none. */
size_t fetch_body_len(const struct fetch_request *r);
size_t fetch_body_read(const struct fetch_request *r, size_t at, char *to, size_t n);
char *fetch_body_whole(const struct fetch_request *r);

/* ---- the parts of tr-fetch itself */

/*
 * Read a key from a file: regular, no link, ours, for nobody else to read (a systemd credential
 * may be root's and readable by group), not empty, at most 16 KiB, without control bytes; one
 * newline at the end is not part of it. *${key} is the caller's to wipe and free. ERR_NOTFOUND,
 * ERR_PERM; ERR_TEMP for a lack that may pass, which says nothing of the key.
 */
int fetch_read_key(const char *path, char **key, struct err *e);

/* ERR_DATA for headers that must not be sent: names that are none or that belong to the
 * transport, values with control bytes. */
int fetch_check_headers(const struct fetch_request *r, struct err *e);
/* Keep a header line of a reply, "Name: value", if it matters; the first of a name counts. */
void fetch_keep_header(struct fetch_answer *a, const char *line, size_t n);
/* Cover a key that a service has sent back. */
void fetch_hide_key(struct fetch_answer *a, const char *key);

/* SHA-256 of method, URL and body as it is sent: what an answer in a recording is found by. */
void fetch_request_key(const struct fetch_request *r, char hex[DIGEST_HEX_SIZE]);
/* A line of a recording; the values of headers that carry secrets are left out. */
void fetch_write_exchange(const char *key, const struct fetch_request *r,
			  const struct fetch_answer *a, struct buf *out);
int fetch_parse_exchange(const char *line, size_t len, struct fetch_request *r,
			 struct fetch_answer *a, struct err *e);

/* Open a recording to append to. A torn line at its end is cut off. -1 on error. */
int fetch_tape_append(const char *path, struct err *e);
/* A recording to play from. */
struct fetch_tape;
struct fetch_tape *fetch_tape_open(const char *path, struct err *e);
/* The next answer to the request of that key, the last one again and again. *${found}. */
int fetch_tape_next(struct fetch_tape *t, const char *key, struct fetch_answer *a, bool *found,
		    struct err *e);
void fetch_tape_close(struct fetch_tape *t);
/* Read a recording from end to end; what is wrong with it first is named by file and line. */
int fetch_tape_check(const char *path, struct err *e);

/* Who may go and connect to a host now; port is the local one of the connection. */
struct fetch_gate {
	int64_t max, limit, connecting, busy;
	int port; /* of the newest connection; busy counts its exchanges */
	bool shared;
};
void fetch_gate_init(struct fetch_gate *g, bool tls, int64_t max);
bool fetch_gate_open(const struct fetch_gate *g);
/* Each exchange begins, and then is connected or has failed; one that was connected ends. */
void fetch_gate_begin(struct fetch_gate *g);
void fetch_gate_connected(struct fetch_gate *g, int port);
void fetch_gate_failed(struct fetch_gate *g);
void fetch_gate_end(struct fetch_gate *g, int port);

/* The environment of tr-fetch: a list and nothing else, with room for one more word. */
char **fetch_make_env(size_t *n);
void fetch_free_words(char **words);
/* The file of certificates: $TR_CA_FILE, else the system's; the caller's. */
char *fetch_find_ca(void);

/* Standard input by lines and standard output, neither of which may keep the transfers waiting.
 */
struct fetch_io {
	struct buf in, out;
	size_t lines, out_off;
	bool ended;    /* no more input */
	bool out_file; /* standard output needs no waiting */
	bool closed;   /* nobody reads standard output any more */
};
typedef int fetch_line_fn(void *ctx, const char *line, size_t len, struct err *e);
void fetch_io_init(struct fetch_io *io);
void fetch_io_release(struct fetch_io *io);
/* Read once and give the whole lines to ${each}; at the end, also one without a newline. */
int fetch_io_read(struct fetch_io *io, fetch_line_fn *each, void *ctx, struct err *e);
/* Write what is taken at once. */
int fetch_io_write(struct fetch_io *io, struct err *e);
/* Bytes that are not written yet. */
size_t fetch_io_unwritten(const struct fetch_io *io);

/* ---- the parent's side */

struct fetch; /* a running tr-fetch */

struct fetch_options {
	const char *record; /* append every exchange to this file; NULL: no */
	const char *play;   /* answer from this file, no network; NULL: no */
	int64_t parallel;   /* connections at most; 0: 1024 */
};

/* Nothing is started yet. ${o} is copied. */
struct fetch *fetch_open(const struct fetch_options *o);
/* Hand over a request; it leaves when the pipe takes it, at the latest in fetch_wait. A
 * tr-fetch that has ended before its time is started again when nothing of it is pending any
 * more (not one that plays a recording). */
int fetch_send(struct fetch *f, const struct fetch_request *r, struct err *e);
/* Requests without an answer. */
size_t fetch_pending(const struct fetch *f);
/*
 * Wait until an answer is there, until ${until_ms} on the boot clock, or until *${stop} becomes
 * non-zero. *${got} tells. Answers that are there already are given out without waiting, one
 * per call. If tr-fetch ends early, all that is pending is answered with FETCH_GONE.
 */
int fetch_wait(struct fetch *f, int64_t until_ms, const volatile int *stop,
	       struct fetch_answer *a, bool *got, struct err *e);
/* Send no more, kill it if it does not end by itself at once, reap it. NULL is fine. */
void fetch_close(struct fetch *f);

#endif
