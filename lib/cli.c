#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decimal.h"
#include "ident.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define CLI_OUT_CHUNK ((size_t)64 << 10)
#define CLI_READ_CHUNK ((size_t)64 << 10)

struct cli_common cli_common;
volatile int cli_stop;

/*
 * What lives as long as the process. The words are kept here so that they stay reachable after
 * main has returned.
 */
static struct {
	const char *name;
	const char **operands;
	struct buf out;
	int out_errno; /* of the first write that failed; later output is dropped */
} cli_process = { .out = BUF_INIT };

/* State of one walk over argv. */
struct cli_walk {
	const struct cli_tool *tool;
	char **argv;
	int argc;
	int next;	   /* index of the word that comes next */
	const char *joint; /* rest of a group of short options, NULL between words */
	bool *seen;	   /* per option: given before */
	struct cli_args *args;
};

/* ---- standard descriptors ---- */

/*
 * A file opened later must not become fd 1 and receive the result. An output that the caller
 * closed is opened for reading, so that writing the result fails instead of vanishing.
 */
static void cli_make_fds_safe(void)
{
	static const int mode[3] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		if (open("/dev/null", mode[fd]) != fd)
			_exit(ERR_IO);
	}
}

/* Wait for a descriptor that somebody else made non-blocking. */
static void cli_wait_fd(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	(void)poll(&p, 1, -1); /* the read or write that follows meets the error */
}

static void cli_write(const char *data, size_t n)
{
	ssize_t w;

	while (n > 0 && cli_process.out_errno == 0) {
		w = write(1, data, n);
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			cli_wait_fd(1, POLLOUT);
		} else if (w < 0 && errno != EINTR) {
			cli_process.out_errno = errno;
		}
	}
}

static void cli_flush(void)
{
	struct buf *b = &cli_process.out;

	if (buf_overflowed(b) && cli_process.out_errno == 0)
		cli_process.out_errno = EFBIG;
	cli_write(buf_str(b), b->len);
	buf_reset(b);
}

bool cli_sync(void)
{
	cli_flush();
	return cli_process.out_errno == 0;
}

/* File systems with delayed allocation report a full disk at close. */
static void cli_close_check(void)
{
	int fd = fcntl(1, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0 && close(fd) != 0 && errno != EINTR && cli_process.out_errno == 0)
		cli_process.out_errno = errno;
}

void cli_out(const char *data, size_t n)
{
	if (cli_process.out.len + n >= CLI_OUT_CHUNK)
		cli_flush();
	if (n >= CLI_OUT_CHUNK)
		cli_write(data, n);
	else
		buf_add(&cli_process.out, data, n);
}

void cli_outf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&cli_process.out, fmt, ap);
	va_end(ap);
	if (cli_process.out.len >= CLI_OUT_CHUNK || buf_overflowed(&cli_process.out))
		cli_flush();
}

int cli_fail(const struct err *e)
{
	log_msg(LOG_ERROR, "%s", e->text);
	return e->status;
}

int cli_end(int status)
{
	bool any = cli_process.out.len > 0;
	int cause;

	cli_flush();
	if (any && cli_process.out_errno == 0)
		cli_close_check();
	cause = cli_process.out_errno;
	if (cause == 0 || cause == EPIPE)
		return status;
	log_msg(LOG_ERROR, "cannot write to standard output: %s", strerror(cause));
	return ERR_IO;
}

/* ---- help and usage ---- */

static void cli_on_stop(int sig)
{
	cli_stop = sig;
}

void cli_catch_stop(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act = { .sa_handler = cli_on_stop }, old;

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
}

void cli_usage(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_msg(LOG_ERROR, "%s", text);
	log_msg(LOG_ERROR, "try %s --help", cli_process.name);
	exit(ERR_USAGE);
}

/* The left column of an option: "-d, --database FILE". */
static int cli_option_label(char *out, size_t cap, const struct cli_opt *o)
{
	char letter[5] = "    ";

	if (o->letter != 0)
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	return snprintf(out, cap, "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
}

static int cli_command_label(char *out, size_t cap, const struct cli_command *c)
{
	bool args = c->args != NULL && c->args[0] != '\0';

	return snprintf(out, cap, "%s%s%s", c->name, args ? " " : "", args ? c->args : "");
}

static void cli_help_usage(const struct cli_tool *tool)
{
	char label[256];

	if (tool->commands == NULL) {
		cli_outf("usage: %s [options]%s%s\n", tool->name, tool->operands ? " " : "",
			 tool->operands ? tool->operands : "");
		return;
	}
	for (const struct cli_command *c = tool->commands; c->name != NULL; c++) {
		cli_command_label(label, sizeof label, c);
		cli_outf("usage: %s [options] %s\n", tool->name, label);
	}
}

static void cli_help_options(const struct cli_tool *tool)
{
	char label[256];
	int width = 0, n;

	for (const struct cli_opt *o = tool->options; o->name != NULL; o++) {
		n = cli_option_label(label, sizeof label, o);
		width = n > width ? n : width;
	}
	cli_outf("\noptions:\n");
	for (const struct cli_opt *o = tool->options; o->name != NULL; o++) {
		cli_option_label(label, sizeof label, o);
		cli_outf("  %-*s  %s\n", width, label, o->help);
	}
}

static void cli_help_commands(const struct cli_tool *tool)
{
	char label[256];
	int width = 0, n;

	if (tool->commands == NULL)
		return;
	for (const struct cli_command *c = tool->commands; c->name != NULL; c++) {
		n = cli_command_label(label, sizeof label, c);
		width = n > width ? n : width;
	}
	cli_outf("\ncommands:\n");
	for (const struct cli_command *c = tool->commands; c->name != NULL; c++) {
		cli_command_label(label, sizeof label, c);
		cli_outf("  %-*s  %s\n", width, label, c->help);
	}
}

static void cli_help(const struct cli_tool *tool)
{
	cli_help_usage(tool);
	cli_outf("\n%s\n", tool->summary);
	cli_help_options(tool);
	cli_help_commands(tool);
}

/* ---- options ---- */

static size_t cli_count_options(const struct cli_tool *tool)
{
	size_t n = 0;

	while (tool->options[n].name != NULL)
		n++;
	return n;
}

static bool cli_takes_value(const struct cli_opt *o)
{
	return o->type != CLI_FLAG && o->type != CLI_COUNT;
}

static void cli_list_add(struct cli_list *list, const char *item)
{
	list->items = mem_resize(list->items, list->n + 1, sizeof *list->items);
	list->items[list->n++] = item;
}

static void cli_set_int(const struct cli_opt *o, const char *value)
{
	struct err e = { 0 };

	if (decimal_parse(value, strlen(value), 0, o->value, &e) != 0)
		cli_usage("option --%s: \"%.40s\" is not a whole number", o->name, value);
}

static void cli_set_time(const struct cli_opt *o, const char *value)
{
	struct err e = { 0 };

	if (tstamp_parse(value, o->value, &e) != 0)
		cli_usage("option --%s: %s", o->name, e.text);
}

/* A single option given twice: one of the two values would be lost in silence. */
static void cli_mark_seen(struct cli_walk *w, const struct cli_opt *o)
{
	bool *seen = &w->seen[o - w->tool->options];

	if (*seen && cli_takes_value(o) && o->type != CLI_LIST)
		cli_usage("option --%s is given more than once", o->name);
	*seen = true;
}

static void cli_set(struct cli_walk *w, const struct cli_opt *o, const char *value)
{
	cli_mark_seen(w, o);
	switch (o->type) {
	case CLI_FLAG:
		*(bool *)o->value = true;
		break;
	case CLI_COUNT:
		++*(int *)o->value;
		break;
	case CLI_STRING:
		*(const char **)o->value = value;
		break;
	case CLI_LIST:
		cli_list_add(o->value, value);
		break;
	case CLI_INT:
		cli_set_int(o, value);
		break;
	case CLI_TIME:
		cli_set_time(o, value);
		break;
	}
}

/* "-1" and "-.5" are values, "-" is a file's name; "-x" and "--" are a forgotten argument. */
static bool cli_looks_like_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && strchr("0123456789.", word[1]) == NULL;
}

static const char *cli_next_value(struct cli_walk *w, const struct cli_opt *o)
{
	const char *word = w->next < w->argc ? w->argv[w->next] : NULL;

	if (word == NULL)
		cli_usage("option --%s needs an argument: %s", o->name, o->arg);
	if (cli_looks_like_option(word))
		cli_usage("option --%s needs an argument: %s (if \"%.40s\" is meant, write "
			  "--%s=%.40s)",
			  o->name, o->arg, word, o->name, word);
	w->next++;
	return word;
}

static void cli_unknown_long(const struct cli_tool *tool, const char *name)
	__attribute__((noreturn));

static void cli_unknown_long(const struct cli_tool *tool, const char *name)
{
	const char **names = mem_array(cli_count_options(tool) + 1, sizeof *names);
	const char *near;

	for (size_t i = 0; tool->options[i].name != NULL; i++)
		names[i] = tool->options[i].name;
	near = ident_nearest(name, names);
	free(names);
	if (near != NULL)
		cli_usage("unknown option --%s, did you mean --%s?", name, near);
	cli_usage("unknown option --%s", name);
}

static const struct cli_opt *cli_find_long(const struct cli_tool *tool, const char *name,
					   size_t n)
{
	char given[81];

	for (const struct cli_opt *o = tool->options; o->name != NULL; o++)
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	snprintf(given, sizeof given, "%.*s", (int)(n < 80 ? n : 80), name);
	cli_unknown_long(tool, given);
}

/* ${word} is what follows "--". */
static void cli_long(struct cli_walk *w, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	const struct cli_opt *o = cli_find_long(w->tool, word, n);

	if (!cli_takes_value(o)) {
		if (equals != NULL)
			cli_usage("option --%s takes no argument", o->name);
		cli_set(w, o, NULL);
		return;
	}
	cli_set(w, o, equals ? equals + 1 : cli_next_value(w, o));
}

static const struct cli_opt *cli_find_letter(const struct cli_tool *tool, char letter)
{
	for (const struct cli_opt *o = tool->options; o->name != NULL; o++)
		if (o->letter != 0 && o->letter == letter)
			return o;
	if (letter >= '0' && letter <= '9')
		cli_usage("unknown option -%c (a number below zero is written behind --)",
			  letter);
	cli_usage("unknown option -%c", letter);
}

/* One letter of a group; the rest of the group is its value if it takes one. */
static void cli_letter(struct cli_walk *w)
{
	const struct cli_opt *o = cli_find_letter(w->tool, *w->joint++);
	const char *value = NULL;

	if (cli_takes_value(o)) {
		value = *w->joint != '\0' ? w->joint : cli_next_value(w, o);
		w->joint = NULL;
	}
	cli_set(w, o, value);
}

static void cli_letters(struct cli_walk *w, const char *group)
{
	w->joint = group;
	while (w->joint != NULL && *w->joint != '\0')
		cli_letter(w);
}

static void cli_rest(struct cli_walk *w)
{
	w->args->has_rest = true;
	w->args->rest = (const char **)(w->argv + w->next);
	w->args->n_rest = (size_t)(w->argc - w->next);
	w->next = w->argc;
}

static void cli_walk(struct cli_walk *w)
{
	const char *word;

	while (w->next < w->argc) {
		word = w->argv[w->next++];
		if (word[0] != '-' || word[1] == '\0')
			w->args->operands[w->args->n++] = word;
		else if (word[1] != '-')
			cli_letters(w, word + 1);
		else if (word[2] != '\0')
			cli_long(w, word + 2);
		else
			cli_rest(w);
	}
}

/* ---- begin ---- */

static void cli_reset(const struct cli_tool *tool)
{
	memset(&cli_common, 0, sizeof cli_common);
	for (const struct cli_opt *o = tool->options; o->name != NULL; o++)
		if (o->type == CLI_TIME)
			*(int64_t *)o->value = -1;
	cli_common.now_ms = -1;
}

static enum log_level cli_level(void)
{
	int level = (int)LOG_WARN - cli_common.quiet + cli_common.verbose;

	if (level < (int)LOG_ERROR)
		return LOG_ERROR;
	return level > (int)LOG_DEBUG ? LOG_DEBUG : (enum log_level)level;
}

static void cli_set_defaults(void)
{
	const char *env = getenv("TR_DB");

	if (cli_common.database != NULL && cli_common.database[0] == '\0')
		cli_usage("option --database: the name of the file is empty");
	if (cli_common.database == NULL)
		cli_common.database = env != NULL && env[0] != '\0' ? env : "race.db";
	cli_common.now_given = cli_common.now_ms >= 0;
	if (!cli_common.now_given)
		cli_common.now_ms = tstamp_wall_ms();
}

static void cli_answer_and_exit(const struct cli_tool *tool)
{
	if (cli_common.help)
		cli_help(tool);
	else
		cli_outf("%s %s (trading-race)\n", tool->name, TR_VERSION);
	exit(cli_end(0));
}

static void cli_parse(const struct cli_tool *tool, int argc, char **argv, struct cli_args *args)
{
	struct cli_walk w = { .tool = tool, .argv = argv, .argc = argc, .args = args };

	w.next = 1;
	assert(cli_process.operands == NULL);
	cli_process.operands = mem_array((size_t)argc + 1, sizeof *cli_process.operands);
	*args = (struct cli_args){ .operands = cli_process.operands };
	w.seen = mem_array(cli_count_options(tool), sizeof *w.seen);
	cli_walk(&w);
	free(w.seen);
}

/*
 * A stage is told its parent: it dies with it, so that nothing goes on writing after a tr-cycle
 * that was killed. What we start ourselves is not its child any more.
 */
static void cli_follow_parent(void)
{
	const char *text = getenv("TR_PARENT");
	struct err e = { 0 };
	int64_t pid;

	if (text == NULL)
		return;
	if (decimal_parse(text, strlen(text), 0, &pid, &e) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* it may have gone before we asked */
		if (getppid() != (pid_t)pid)
			_exit(ERR_TEMP);
	}
	unsetenv("TR_PARENT");
}

void cli_start(const struct cli_tool *tool, int argc, char **argv, struct cli_args *args)
{
	cli_make_fds_safe();
	cli_follow_parent();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	cli_process.name = tool->name;
	log_init(tool->name, LOG_WARN);
	cli_reset(tool);
	cli_parse(tool, argc, argv, args);
	log_init(tool->name, cli_level());
	if (cli_common.help || cli_common.version)
		cli_answer_and_exit(tool);
	cli_set_defaults();
}

/* ---- terminal and standard input ---- */

bool cli_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(1) || (no != NULL && no[0] != '\0'))
		return false;
	return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

bool cli_progress(void)
{
	return isatty(2) && cli_common.quiet == 0;
}

static bool cli_stdin_is_nothing(void)
{
	struct stat in, null;

	if (isatty(0))
		return true;
	if (fstat(0, &in) != 0 || stat("/dev/null", &null) != 0)
		return false;
	return S_ISCHR(in.st_mode) && in.st_rdev == null.st_rdev;
}

static int cli_too_much(size_t max, struct err *e)
{
	return err_set(e, ERR_DATA, "standard input has more than %zu bytes", max);
}

static int cli_read_all(struct buf *out, size_t max, char *chunk, struct err *e)
{
	size_t total = 0;
	ssize_t n;

	for (;;) {
		n = read(0, chunk, CLI_READ_CHUNK);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EAGAIN)
			cli_wait_fd(0, POLLIN);
		else if (n < 0 && errno != EINTR)
			return err_sys(e, ERR_IO, "cannot read standard input");
		if (n < 0)
			continue;
		if ((size_t)n > max - total)
			return cli_too_much(max, e);
		buf_add(out, chunk, (size_t)n);
		total += (size_t)n;
	}
}

int cli_read_stdin(struct buf *out, size_t max, bool *present, struct err *e)
{
	char *chunk = NULL;
	int r;

	*present = !cli_stdin_is_nothing();
	if (!*present)
		return 0;
	chunk = mem_alloc(CLI_READ_CHUNK);
	r = cli_read_all(out, max, chunk, e);
	if (r == 0 && buf_overflowed(out))
		r = cli_too_much(out->max, e);
	free(chunk);
	return r;
}
