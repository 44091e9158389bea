#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "buf.h"
#include "unit.h"

#include "banned.h"

static bool holds(const struct buf *b, const char *s)
{
	return b->len == strlen(s) && strcmp(buf_str(b), s) == 0;
}

static void untouched(void)
{
	struct buf b = BUF_INIT;

	unit_ok(b.data == NULL && holds(&b, ""),
		"an untouched buffer reads as the empty string");
	buf_add(&b, NULL, 0);
	buf_adds(&b, "");
	unit_ok(b.data == NULL && !buf_overflowed(&b), "adding nothing needs no memory");
	buf_release(&b);
	buf_release(&b);
	unit_ok(holds(&b, ""), "a buffer may be released twice");
}

static void adding(void)
{
	struct buf b = BUF_INIT;

	buf_add(&b, "ab\0c", 4);
	unit_ok(b.len == 4 && memcmp(b.data, "ab\0c", 5) == 0,
		"bytes are kept as they are, with a NUL behind them");
	buf_reset(&b);
	unit_ok(b.data != NULL && holds(&b, ""),
		"a reset forgets the content and keeps the memory");
	buf_adds(&b, "one");
	buf_addc(&b, ' ');
	buf_addf(&b, "%d %s", 2, "three");
	unit_ok(holds(&b, "one 2 three"), "strings, characters and formats append");
	buf_addc(&b, '\0');
	unit_ok(b.len == 12, "a NUL character counts as one");
	buf_release(&b);
}

/* Every length around the sizes at which the memory grows. */
static void growing(void)
{
	bool same = true, terminated = true;

	for (size_t n = 0; n < 600; n++) {
		struct buf b = BUF_INIT, f = BUF_INIT;

		for (size_t i = 0; i < n; i++)
			buf_addc(&b, (char)('a' + i % 26));
		buf_addf(&f, "%s", buf_str(&b));
		same = same && holds(&f, buf_str(&b)) && b.len == n;
		terminated = terminated && buf_str(&b)[n] == '\0';
		buf_release(&f);
		buf_release(&b);
	}
	unit_ok(same, "a format gives the same as its bytes one by one, at every length");
	unit_ok(terminated, "the NUL follows at every length");
}

/* A format that just fits, or just does not fit, behind what is there already. */
static void growing_formats(void)
{
	static const char digits[] = "123456789";
	bool same = true;

	for (size_t n = 0; n < 300; n++) {
		struct buf b = BUF_INIT, want = BUF_INIT;

		for (size_t i = 0; i < n; i++) {
			buf_addf(&b, "%.*s", (int)(i % 10), digits);
			buf_add(&want, digits, i % 10);
			buf_addc(&b, ' ');
			buf_addc(&want, ' ');
		}
		buf_addf(&b, "%0*d", (int)n, 7);
		for (size_t i = 1; i < n; i++)
			buf_addc(&want, '0');
		buf_addc(&want, '7');
		same = same && holds(&b, buf_str(&want));
		buf_release(&want);
		buf_release(&b);
	}
	unit_ok(same, "a format is complete, however much room there was");
}

static void memory(void)
{
	struct buf b;
	bool within = true;

	for (size_t max = 0; max < 300; max++) {
		buf_init(&b, max);
		for (size_t i = 0; i < max; i++) {
			buf_addc(&b, 'x');
			within = within && b.cap <= max + 1 && b.len < b.cap;
		}
		buf_release(&b);
	}
	unit_ok(within, "no more memory is taken than the ceiling and its NUL need");
}

static void failing_format(void)
{
	static const wchar_t none[] = { 0x7fffffff, 0 };
	struct buf b = BUF_INIT;

	buf_adds(&b, "before");
	buf_addf(&b, "part %ls", none);
	unit_ok(holds(&b, "before") && buf_overflowed(&b),
		"a format that fails adds nothing and counts as an overflow");
	buf_release(&b);
}

static void ceiling(void)
{
	struct buf b;

	buf_init(&b, 5);
	buf_adds(&b, "12345");
	unit_ok(holds(&b, "12345") && !buf_overflowed(&b), "the ceiling itself may be reached");
	buf_add(&b, NULL, 0);
	unit_ok(!buf_overflowed(&b), "nothing may be added to a full buffer");
	buf_addc(&b, '6');
	unit_ok(holds(&b, "12345") && buf_overflowed(&b),
		"a byte above the ceiling is not added");
	buf_reset(&b);
	unit_ok(!buf_overflowed(&b) && b.max == 5,
		"a reset clears the latch and keeps the ceiling");
	buf_adds(&b, "123");
	buf_adds(&b, "456");
	unit_ok(holds(&b, "123"), "what does not fit as a whole is not added in part");
	buf_addc(&b, '4');
	unit_ok(holds(&b, "123"), "after an overflow nothing is added, even if it would fit");
	buf_release(&b);
	unit_ok(!buf_overflowed(&b) && b.max == 5,
		"a release clears the latch and keeps the ceiling");
}

static void ceiling_of_formats(void)
{
	struct buf b;

	buf_init(&b, 5);
	buf_addf(&b, "%d", 123456);
	unit_ok(holds(&b, "") && buf_overflowed(&b),
		"a first format above the ceiling adds nothing");
	buf_reset(&b);
	buf_adds(&b, "123");
	buf_addf(&b, "%d", 456);
	unit_ok(holds(&b, "123") && buf_overflowed(&b),
		"a later format above the ceiling leaves no part of itself behind");
	buf_addf(&b, "%d", 4);
	unit_ok(holds(&b, "123"), "after an overflow no format is added");
	buf_reset(&b);
	buf_addf(&b, "%d", 12345);
	unit_ok(holds(&b, "12345") && !buf_overflowed(&b), "a format may reach the ceiling");
	buf_release(&b);
}

static void extremes(void)
{
	struct buf none, all;

	buf_init(&none, 0);
	buf_addf(&none, "%s", "");
	unit_ok(holds(&none, "") && !buf_overflowed(&none), "a ceiling of 0 admits nothing");
	buf_addc(&none, 'x');
	unit_ok(holds(&none, "") && buf_overflowed(&none), "a ceiling of 0 refuses one byte");
	buf_init(&all, SIZE_MAX);
	buf_adds(&all, "x");
	buf_add(&all, "", SIZE_MAX);
	unit_ok(holds(&all, "x") && buf_overflowed(&all),
		"no ceiling lets a length wrap around");
	buf_release(&all);
	buf_release(&none);
}

static void taking(void)
{
	struct buf b = BUF_INIT;
	char *empty = buf_take(&b), *full;

	unit_ok(empty != NULL && *empty == '\0', "an untouched buffer gives an empty string");
	buf_adds(&b, "content");
	full = buf_take(&b);
	unit_ok(strcmp(full, "content") == 0 && holds(&b, ""),
		"the content leaves the buffer empty");
	buf_adds(&b, "again");
	unit_ok(holds(&b, "again") && strcmp(full, "content") == 0,
		"a buffer is usable after its content was taken");
	buf_release(&b);
	free(full);
	free(empty);
}

int main(void)
{
	untouched();
	adding();
	growing();
	growing_formats();
	memory();
	failing_format();
	ceiling();
	ceiling_of_formats();
	extremes();
	taking();
	return unit_done();
}
