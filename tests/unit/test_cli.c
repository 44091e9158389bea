#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "log.h"

/*
 * No test by itself: a tool with one option of every type, driven by tests/03-cli.bats. It
 * prints what it understood, one fact per line.
 */

static bool flag;
static const char *text;
static int64_t number = 7;
static int64_t at_ms;
static struct cli_list list;
static int64_t fill;

static const struct cli_opt options[] = {
	CLI_COMMON,
	{ 'f', "flag", CLI_FLAG, &flag, NULL, "a flag" },
	{ 's', "string", CLI_STRING, &text, "TEXT", "a string" },
	{ 'i', "int", CLI_INT, &number, "N", "a whole number (default 7)" },
	{ 'l', "list", CLI_LIST, &list, "ITEM", "an item; may be repeated" },
	{ 0, "at", CLI_TIME, &at_ms, "TIME", "a time" },
	{ 0, "fill", CLI_INT, &fill, "BYTES", "write so many bytes" },
	{ 0 },
};

static const struct cli_command commands[] = {
	{ "add", "NAME [KEY=VALUE]...", "add a thing" },
	{ "list", "", "list the things" },
	{ 0 },
};

static const struct cli_tool plain = {
	.name = "test-cli",
	.summary = "print what was understood",
	.operands = "[WORD]...",
	.options = options,
};

static const struct cli_tool with_commands = {
	.name = "test-cli",
	.summary = "print what was understood",
	.options = options,
	.commands = commands,
};

static void print_words(const char *what, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cli_outf("%s %s\n", what, words[i]);
}

static void print_options(void)
{
	cli_outf("database %s\n", cli_common.database);
	cli_outf("level %d %d\n", cli_common.quiet, cli_common.verbose);
	if (cli_common.now_given)
		cli_outf("now %lld\n", (long long)cli_common.now_ms);
	if (flag)
		cli_outf("flag\n");
	if (text != NULL)
		cli_outf("string %s\n", text);
	cli_outf("int %lld\n", (long long)number);
	cli_outf("at %lld\n", (long long)at_ms);
	print_words("item", list.items, list.n);
}

static int print_stdin(void)
{
	struct err e = { 0 };
	struct buf in = BUF_INIT;
	bool present = false;
	int status = 0;

	if (cli_read_stdin(&in, 100000, &present, &e) != 0)
		status = cli_fail(&e);
	else
		cli_outf("stdin %s %zu\n", present ? "present" : "absent", in.len);
	buf_release(&in);
	return status;
}

static void print_fill(void)
{
	char block[1000];

	memset(block, 'x', sizeof block);
	for (; fill >= 1000; fill -= 1000)
		cli_out(block, sizeof block);
	cli_out(block, (size_t)fill);
}

static int fail(void)
{
	struct err e = { 0 };

	err_set(&e, ERR_NOTFOUND, "no\nsuch thing");
	return cli_fail(&e);
}

static int say(void)
{
	log_msg(LOG_ERROR, "error");
	log_msg(LOG_WARN, "warning");
	log_msg(LOG_INFO, "info");
	log_msg(LOG_DEBUG, "debug");
	return 0;
}

static int run(const struct cli_args *args)
{
	const char *first = args->n > 0 ? args->operands[0] : "";

	if (strcmp(first, "stdin") == 0)
		return print_stdin();
	if (strcmp(first, "say") == 0)
		return say();
	if (strcmp(first, "fill") == 0)
		print_fill();
	else if (strcmp(first, "fail") == 0)
		return fail();
	else if (strcmp(first, "usage") == 0)
		cli_usage("operand %s is not wanted", args->operands[0]);
	else if (strcmp(first, "nothing") != 0)
		print_options();
	if (strcmp(first, "show") == 0) {
		print_words("operand", args->operands + 1, args->n - 1);
		cli_outf("rest %s\n", args->has_rest ? "yes" : "no");
		print_words("after", args->rest, args->n_rest);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cli_args args;

	cli_start(getenv("TEST_COMMANDS") != NULL ? &with_commands : &plain, argc, argv, &args);
	return cli_end(run(&args));
}
