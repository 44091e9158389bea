#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * The face of every tool: options as a table, help and version made from it, one way to report
 * an error and to end. The table is compared with the manual page and the completions by a
 * test.
 */

enum cli_type {
	CLI_FLAG,   /* bool * */
	CLI_STRING, /* const char ** */
	CLI_INT,    /* int64_t *, strict decimal */
	CLI_LIST,   /* struct cli_list *, may be repeated */
	CLI_TIME,   /* int64_t * in ms, by tstamp_parse; -1 unless given */
	CLI_COUNT,  /* int *, +1 each time */
};

struct cli_list {
	const char **items; /* the argv strings, in order */
	size_t n;
};

struct cli_opt {
	char letter;	  /* 0: none */
	const char *name; /* long name; NULL ends the table */
	enum cli_type type;
	void *value;
	const char *arg;  /* FILE, TIME ...; NULL for flags */
	const char *help; /* one line */
};

struct cli_command {
	const char *name; /* NULL ends the table */
	const char *args; /* "NAME [KEY=VALUE]..." */
	const char *help;
};

struct cli_tool {
	const char *name;     /* "tr-agent" */
	const char *summary;  /* one line, as in the page's NAME */
	const char *operands; /* "[AGENT]", or NULL; for tools without commands */
	const struct cli_opt *options;
	const struct cli_command *commands; /* or NULL */
};

/* What the common options set; one per process. */
struct cli_common {
	const char *database; /* -d, else $TR_DB, else race.db */
	int64_t now_ms;	      /* -t, else the wall clock, read once by cli_start */
	bool now_given;
	int quiet;
	int verbose;
	bool help, version;
};
extern struct cli_common cli_common;

/* The first rows of every option table. */
#define CLI_COMMON                                                                               \
	{ 'd',	      "database",                                                                \
	  CLI_STRING, &cli_common.database,                                                      \
	  "FILE",     "race database (default $TR_DB, else race.db)" },                          \
		{ 't', "now", CLI_TIME, &cli_common.now_ms, "TIME", "pretend that it is TIME" }, \
		{ 'q', "quiet", CLI_COUNT, &cli_common.quiet, NULL, "print errors only" },       \
		{ 'v', "verbose", CLI_COUNT, &cli_common.verbose, NULL, "say more" },            \
		{ 'h', "help", CLI_FLAG, &cli_common.help, NULL, "print this help and exit" },   \
	{                                                                                        \
		'V', "version", CLI_FLAG, &cli_common.version, NULL,                             \
			"print the version and exit"                                             \
	}

/* Operands: those before "--" and, apart, those after it. All borrowed from argv. */
struct cli_args {
	const char **operands;
	size_t n;
	const char **rest; /* after "--" */
	size_t n_rest;
	bool has_rest;
};

/*
 * Begin a tool: make fds 0, 1 and 2 safe, umask 077, ignore SIGPIPE, parse the options (short
 * ones may be joined, long ones take "=VALUE" or the next word; options and operands may be
 * mixed). --help and --version print and exit 0; a mistake prints one line and "try --help" to
 * stderr and exits 64.
 */
void cli_start(const struct cli_tool *tool, int argc, char **argv, struct cli_args *args);

/* The signal that asks the tool to end at its next safe point; 0: none came. */
extern volatile int cli_stop;
/* From here on SIGTERM, SIGINT and SIGHUP are noted there instead of ending the tool at once.
 * What the caller ignores, as nohup does, stays ignored. */
void cli_catch_stop(void);

/* Exit 64 with a message: for operands that are missing, too many or contradictory. */
void cli_usage(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Write a result to stdout; errors are remembered for cli_end. */
void cli_out(const char *data, size_t n);
void cli_outf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Flush stdout before a pause; false once it could not be written, so that going on is in vain.
 */
bool cli_sync(void);

/* Print ${e} as "tr-foo: text" to stderr and return its status. */
int cli_fail(const struct err *e);

/* Flush stdout: ${status}, or 74 if the output could not be written (0-like if the reader
 * merely went away, EPIPE). Return it from main. */
int cli_end(int status);

/* Whether stdout is a terminal that may be coloured (NO_COLOR unset, TERM not dumb). */
bool cli_colour(void);
/* Whether stderr is a terminal and -q was not given: progress may be shown. */
bool cli_progress(void);

/*
 * Read all of stdin, at most ${max} bytes (more is ERR_DATA). Returns 0 with *${present} false
 * when there is nothing to read: stdin is a terminal, /dev/null or was closed. An empty pipe or
 * file is present and has length 0.
 */
int cli_read_stdin(struct buf *out, size_t max, bool *present, struct err *e);

#endif
