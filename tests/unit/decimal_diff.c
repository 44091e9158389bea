/*
 * Answers lines "op arguments" on stdin with one line each, for decimal_diff.py to compare with
 * exact arithmetic of another kind. Where an operation fails it says "error", and "touched" if
 * the result was not left alone or the error record is not the one promised.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

#include "banned.h"

#define UNTOUCHED INT64_C(-6148914691236517206)

static int64_t next_int(char **p)
{
	return strtoll(*p, p, 10);
}

static void answer(int failed, int64_t v)
{
	if (failed == 0)
		printf("%" PRId64 "\n", v);
	else
		puts(failed == -1 && v == UNTOUCHED ? "error" : "touched");
}

/* The text runs from behind the scale's blank to the end of the line, whatever it holds. */
static void parse(char *p, const char *end, bool foreign)
{
	struct err e = { 0 };
	int64_t v = UNTOUCHED;
	bool rounded = false;
	int scale = (int)next_int(&p), failed;

	p++;
	if (foreign)
		failed = decimal_parse_foreign(p, (size_t)(end - p), scale, &v, &rounded, &e);
	else
		failed = decimal_parse(p, (size_t)(end - p), scale, &v, &e);
	if ((failed != 0) != (e.status == ERR_DATA) || (failed != 0) != (e.text[0] != '\0'))
		puts("touched");
	else if (failed == 0 && rounded)
		printf("%" PRId64 " rounded\n", v);
	else
		answer(rounded ? 1 : failed, v);
}

static void format(char *p)
{
	char text[DECIMAL_TEXT_MAX];
	int scale = (int)next_int(&p);

	puts(decimal_format(next_int(&p), scale, text));
}

static void format_fixed(char *p)
{
	char text[DECIMAL_TEXT_MAX];
	int scale = (int)next_int(&p), places = (int)next_int(&p);

	puts(decimal_format_fixed(next_int(&p), scale, places, text));
}

static enum decimal_round next_round(char **p)
{
	return next_int(p) != 0 ? DECIMAL_UP : DECIMAL_DOWN;
}

static void muldiv(char *p)
{
	int64_t v = next_int(&p), num = next_int(&p), den = next_int(&p), out = UNTOUCHED;
	int failed = decimal_muldiv(v, num, den, next_round(&p), &out);

	answer(failed, out);
}

static void two_operands(const char *op, char *p)
{
	int64_t a = next_int(&p), b = next_int(&p), out = UNTOUCHED;
	enum decimal_round round = next_round(&p);
	struct money m = { UNTOUCHED };
	struct quantity q = { UNTOUCHED };
	struct price r = { UNTOUCHED };
	int failed = 1;

	if (strcmp(op, "money_of") == 0) {
		failed = money_of((struct quantity){ a }, (struct price){ b }, round, &m);
		out = m.u;
	} else if (strcmp(op, "quantity_of") == 0) {
		failed = quantity_of((struct money){ a }, (struct price){ b }, round, &q);
		out = q.u;
	} else if (strcmp(op, "money_rate") == 0) {
		failed = money_rate((struct money){ a }, b, round, &m);
		out = m.u;
	} else if (strcmp(op, "price_shift") == 0) {
		failed = price_shift((struct price){ a }, b, round, &r);
		out = r.u;
	} else if (strcmp(op, "price_of") == 0) {
		failed = price_of((struct money){ a }, (struct quantity){ b }, &r);
		out = r.u;
	} else if (strcmp(op, "money_add") == 0) {
		failed = money_add((struct money){ a }, (struct money){ b }, &m);
		out = m.u;
	} else if (strcmp(op, "money_sub") == 0) {
		failed = money_sub((struct money){ a }, (struct money){ b }, &m);
		out = m.u;
	} else if (strcmp(op, "quantity_add") == 0) {
		failed = quantity_add((struct quantity){ a }, (struct quantity){ b }, &q);
		out = q.u;
	} else if (strcmp(op, "quantity_sub") == 0) {
		failed = quantity_sub((struct quantity){ a }, (struct quantity){ b }, &q);
		out = q.u;
	}
	answer(failed, out);
}

static void dispatch(char *line, const char *end)
{
	char *p = strchr(line, ' ');

	if (p == NULL) {
		puts("no arguments");
		return;
	}
	*p++ = '\0';
	if (strcmp(line, "parse") == 0)
		parse(p, end, false);
	else if (strcmp(line, "foreign") == 0)
		parse(p, end, true);
	else if (strcmp(line, "format") == 0)
		format(p);
	else if (strcmp(line, "fixed") == 0)
		format_fixed(p);
	else if (strcmp(line, "muldiv") == 0)
		muldiv(p);
	else
		two_operands(line, p);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		dispatch(line, line + n);
	}
	free(line);
	return fflush(stdout) != 0 || ferror(stdin);
}
