#ifndef PROOF_PART_H
#define PROOF_PART_H

#include "buf.h"
#include "config.h"
#include "json.h"
#include "portfolio.h"
#include "proof.h"
#include "race.h"
#include "tstamp.h"

/*
 * What the parts of proof share. proof_row: lines; proof_books: what the rows say about money;
 * proof_manifest: what the pack says about itself; proof_export and proof_verify: the archive.
 */

#define PROOF_TOP "proof/"
#define PROOF_README PROOF_TOP "README"
#define PROOF_MANIFEST PROOF_TOP "manifest.json"
#define PROOF_SUMS PROOF_TOP "SHA256SUMS"
#define PROOF_FACT_SUMS PROOF_TOP "SHA256SUMS.facts"
#define PROOF_TEXT_MAX ((size_t)16 << 20) /* a manifest, pin or spec */
#define PROOF_LINE_MAX ((size_t)16 << 20)
#define PROOF_FACTS_FULL ((size_t)4 << 20) /* no window is added to a file of this size */

void proof_readme(struct buf *out);

/* ---- rows */

/* The kinds of lines: those of enum race_fact, and around each window these. */
enum { PROOF_SEAL = RACE_FACTS, PROOF_WINDOW, PROOF_KINDS };
#define PROOF_COLUMNS_MAX 16
#define PROOF_CHECK_MAX 17 /* 16 digits and the NUL */

struct proof_cell {
	enum sql_type type;
	bool withheld; /* a text or blob is not there, but its ${hash} and size ${n} */
	int64_t v;
	const char *data; /* borrowed; texts end in NUL, blobs of hashes too */
	size_t n;
	struct digest hash;
};

struct proof_row {
	int kind;
	size_t n;
	struct proof_cell cells[PROOF_COLUMNS_MAX];
	/* of what was read */
	struct json *root;
	struct buf bytes;
	char check[PROOF_CHECK_MAX]; /* as the line says */
};

const char *proof_kind_name(int kind);
/* Names of its columns, separated by blanks. */
const char *proof_kind_columns(int kind);
/* Whether that column may be withheld: reasoning, rules, raw answer or error. */
bool proof_kind_private(int kind, size_t column);

void proof_row_init(struct proof_row *row, int kind);
void proof_row_int(struct proof_row *row, int64_t v);
void proof_row_text(struct proof_row *row, const char *s);
/* All columns of a row of the race, borrowed from it; ERR_INTERNAL if their types are wrong. */
int proof_row_load(struct proof_row *row, struct sql_stmt *s, struct err *e);
/* Leave out a cell; NULL stays NULL. */
void proof_row_withhold(struct proof_row *row, size_t column);
bool proof_row_withheld(const struct proof_row *row);

/* Append the line; ${check} is that of the line before and becomes that of this one. */
void proof_row_write(const struct proof_row *row, char check[PROOF_CHECK_MAX], struct buf *out);
/* Read a line without its newline. Release it in any case. */
int proof_row_read(struct proof_row *row, const char *line, size_t len, struct err *e);
void proof_row_release(struct proof_row *row);
/* What the check of a line must be: ${len} bytes, without its newline. */
void proof_row_check(const char *before, const char *line, size_t len,
		     char check[PROOF_CHECK_MAX]);
/* Add it to the digests of its window. */
void proof_row_seal(const struct proof_row *row, struct race_sealer *s);
/* Which row it is, for people: "trade trend 3". */
#define PROOF_LABEL_MAX 160
void proof_row_label(const struct proof_row *row, char out[PROOF_LABEL_MAX]);

/* ---- the manifest */

struct proof_agent {
	char name[IDENT_AGENT_MAX + 1];
	struct money start;
	/* for the export, what is left out */
	bool hides_make;  /* its versions */
	bool hides_raw;	  /* its answers byte for byte */
	bool hides_words; /* its reasons, rules and errors */
};

struct proof_manifest {
	char tool[32];
	int64_t schema;
	bool full;
	int64_t seals;
	struct digest head;
	struct proof_agent *agents; /* in order of name; owned */
	size_t n_agents;
};
int proof_manifest_load(struct db *db, bool full, struct proof_manifest *m, int64_t *last_ms,
			struct err *e);
/* The place of the agent of that name, n_agents if there is none. */
size_t proof_agent_find(const struct proof_agent *agents, size_t n, const char *name);
void proof_manifest_write(const struct proof_manifest *m, struct buf *out);
int proof_manifest_read(struct proof_manifest *m, const char *text, size_t len, struct err *e);
void proof_manifest_release(struct proof_manifest *m);

/* The content of a pin without what is private; false if there is nothing such in it. */
bool proof_pin_redact(const char *content, size_t len, struct buf *out);
#define PROOF_PIN_PART ".part.json"

/* ---- differences */

/* Where the verification is. */
struct proof_at {
	struct proof_report *r;
	char member[TAR_NAME_MAX];
	int64_t line;		     /* 0: not in one */
	int64_t window_ms;	     /* -1: in none */
	const struct proof_row *row; /* NULL: none */
	char label[PROOF_LABEL_MAX]; /* "" or in place of that of the row */
};
/* Note the first difference and where it is; -1. */
int proof_differs(struct proof_at *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The pack that lies at the offset of ${fd}; ${name} is for messages. */
int proof_verify_fd(int fd, const char *name, const struct proof_expect *x,
		    struct proof_report *r, struct err *e);

/* ---- books */

struct proof_books;

struct proof_books *proof_books_new(struct proof_at *at);
void proof_books_free(struct proof_books *b);
void proof_books_agents(struct proof_books *b, const struct proof_agent *agents, size_t n);
/* A pin that windows may name; -1 after a difference. */
int proof_books_pin(struct proof_books *b, const struct digest *hash, const char *text,
		    size_t len);
void proof_books_window(struct proof_books *b, int64_t window_ms);
/* The next row of the window; -1 after a difference. */
int proof_books_row(struct proof_books *b, const struct proof_row *row);
/* The end of the window; -1 after a difference. */
int proof_books_end(struct proof_books *b);

#endif
