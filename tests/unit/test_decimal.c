#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "unit.h"

#include "banned.h"

#define UNTOUCHED INT64_C(-77)

/*
 * The text is parsed from a block that ends with it, so that a sanitizer sees a read behind its
 * end, and there is no NUL to stop at.
 */
static char *exact_copy(const char *s, size_t n)
{
	char *p = malloc(n != 0 ? n : 1);

	if (p == NULL)
		abort();
	memcpy(p, s, n);
	return p;
}

static bool reads_n(const char *s, size_t n, int scale, int64_t want)
{
	struct err e = { 0 };
	int64_t v = UNTOUCHED;
	char *p = exact_copy(s, n);
	int failed = decimal_parse(p, n, scale, &v, &e);

	free(p);
	return failed == 0 && v == want && e.status == 0;
}

static bool reads(const char *s, int scale, int64_t want)
{
	return reads_n(s, strlen(s), scale, want);
}

static bool refuses_n(const char *s, size_t n, int scale)
{
	struct err e = { 0 };
	int64_t v = UNTOUCHED;
	char *p = exact_copy(s, n);
	int failed = decimal_parse(p, n, scale, &v, &e);

	free(p);
	return failed == -1 && v == UNTOUCHED && e.status == ERR_DATA && e.text[0] != '\0';
}

static bool refuses(const char *s, int scale)
{
	return refuses_n(s, strlen(s), scale);
}

static void ours(void)
{
	unit_ok(reads("0", 8, 0) && reads("0.5", 8, 50000000) &&
			reads("-12.25", 8, -1225000000),
		"decimals of ours are read at their scale");
	unit_ok(reads("-0", 8, 0) && reads("-0.00", 8, 0), "minus zero reads as zero");
	unit_ok(reads("7", 0, 7) && refuses("7.0", 0),
		"a scale of 0 has no digits after the point");
	unit_ok(reads("1.00000001", 8, 100000001) && refuses("1.000000001", 8),
		"a digit beyond the scale is refused");
	unit_ok(refuses("1.000000000", 8), "a zero beyond the scale is refused as well");
	unit_ok(reads_n("1.25xyz", 4, 2, 125), "bytes behind the length are not looked at");
}

static void ours_malformed(void)
{
	static const char *const texts[] = {
		"",    "-",   ".",   "-.",   "1.",   ".5",  "-.5",  "+1",  "00",       "01",
		"-01", "1e3", "1E3", " 1",   "1 ",   "1\n", "0x10", "NaN", "inf",      "1,5",
		"1_0", "--1", "1-",  "1..2", "1.2.", "1.-", "1.2-", "- 1", "\xd9\xa1", "-00",
	};
	bool all = true;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		all = all && refuses(texts[i], 8);
	unit_ok(all,
		"what is not exactly a decimal of ours is refused and leaves the result alone");
	unit_ok(refuses_n("1\0", 2, 8) && refuses_n("\0001", 2, 8),
		"a NUL is not the end of a text");
}

static void ours_ends(void)
{
	unit_ok(reads("92233720368.54775807", 8, INT64_MAX), "the largest value is read");
	unit_ok(reads("-92233720368.54775808", 8, INT64_MIN), "the lowest value is read");
	unit_ok(refuses("92233720368.54775808", 8) && refuses("-92233720368.54775809", 8),
		"one unit beyond either end is refused");
	unit_ok(refuses("92233720369", 8) && refuses("18446744073709551617", 0) &&
			refuses("99999999999999999999999999999999999999999999999999", 8),
		"no number is large enough to wrap around");
	unit_ok(reads("9.223372036854775807", 18, INT64_MAX) && refuses("10", 18),
		"the largest scale has one digit before the point");
}

/* Whether the message about ${s} begins with ${quote}. */
static bool quotes(const char *s, size_t n, const char *quote)
{
	struct err e = { 0 }, f = { 0 };
	char *p = exact_copy(s, n);
	int64_t v;

	decimal_parse(p, n, 8, &v, &e);
	decimal_parse_foreign(p, n, 8, &v, NULL, &f);
	free(p);
	return strncmp(e.text, quote, strlen(quote)) == 0 &&
	       strncmp(f.text, quote, strlen(quote)) == 0;
}

static void messages(void)
{
	static const char forty[] = "012345678901234567890123456789012345678x";
	static const char more[] = "012345678901234567890123456789012345678xy";
	struct err e = { 0 };
	int64_t v;

	unit_ok(quotes("", 0, "'' is") && quotes("-x", 2, "'-x' is"),
		"a message quotes the input");
	unit_ok(quotes(forty, 40, "'012345678901234567890123456789012345678x' is") &&
			quotes(more, 41, "'012345678901234567890123456789012345678x...' is"),
		"a message quotes forty bytes of the input and no more");
	unit_ok(quotes("a\0\033 ~\177\nb%s", 10, "'a?? ~??b%s' is"),
		"a message shows no control bytes of the input");
	err_set(&e, ERR_IO, "first");
	decimal_parse("x", 1, 8, &v, &e);
	unit_ok(e.status == ERR_IO && strcmp(e.text, "first") == 0, "the first error stays");
}

enum lossy { EXACT, ROUNDED };

static bool foreign_n(const char *s, size_t n, int scale, int64_t want, enum lossy lossy)
{
	struct err e = { 0 };
	int64_t v = UNTOUCHED;
	bool rounded = false;
	char *p = exact_copy(s, n);
	int failed = decimal_parse_foreign(p, n, scale, &v, &rounded, &e);

	free(p);
	return failed == 0 && v == want && e.status == 0 && rounded == (lossy == ROUNDED);
}

static bool foreign(const char *s, int scale, int64_t want, enum lossy lossy)
{
	return foreign_n(s, strlen(s), scale, want, lossy);
}

static bool rejects_n(const char *s, size_t n, int scale)
{
	struct err e = { 0 };
	int64_t v = UNTOUCHED;
	bool rounded = false;
	char *p = exact_copy(s, n);
	int failed = decimal_parse_foreign(p, n, scale, &v, &rounded, &e);

	free(p);
	return failed == -1 && v == UNTOUCHED && !rounded && e.status == ERR_DATA;
}

static bool rejects(const char *s, int scale)
{
	return rejects_n(s, strlen(s), scale);
}

static void foreign_syntax(void)
{
	unit_ok(foreign("5.06e-06", 10, 50600, EXACT) && foreign("1.5E+3", 2, 150000, EXACT) &&
			foreign("-2e1", 4, -200000, EXACT),
		"exponents are read");
	unit_ok(foreign("007", 0, 7, EXACT) && foreign("+7", 0, 7, EXACT) &&
			foreign(".5", 1, 5, EXACT) && foreign("5.", 1, 50, EXACT) &&
			foreign("-.5e1", 1, -50, EXACT) && foreign("1e007", 0, 10000000, EXACT),
		"the liberties of CSV files are taken");
	unit_ok(foreign("-0", 8, 0, EXACT) && foreign("-0.0e5", 8, 0, EXACT),
		"minus zero is zero");
	unit_ok(foreign_n("12e34", 2, 0, 12, EXACT) && foreign_n("12e34", 4, 0, 12000, EXACT),
		"bytes behind the length are not looked at");
	unit_ok(foreign("1.50000000000000000000", 8, 150000000, EXACT),
		"zeros beyond the scale lose nothing and are not called rounding");
}

static void foreign_malformed(void)
{
	static const char *const texts[] = {
		"",    "-",	"+",	".",	 "-.",	"e5",	    ".e5",  "1e",   "1e+",
		"1e-", "1e1.5", "1e5e", "NaN",	 "nan", "inf",	    "-Inf", "0x10", "1,5",
		" 1",  "1 ",	"1\n",	"1_0",	 "+-1", "--1",	    "1..",  "1.2.", "1f",
		"1d0", "1e 5",	"e",	"1e0x1", "$1",	"\xd9\xa1",
	};
	bool all = true;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		all = all && rejects(texts[i], 8);
	unit_ok(all, "what is no number is refused and leaves the result alone");
	unit_ok(rejects_n("1\0", 2, 8) && rejects_n("1e5\0", 4, 8),
		"a NUL is not the end of a text");
}

static void half_even(void)
{
	unit_ok(foreign("0.5", 0, 0, ROUNDED) && foreign("1.5", 0, 2, ROUNDED) &&
			foreign("2.5", 0, 2, ROUNDED) && foreign("-0.5", 0, 0, ROUNDED) &&
			foreign("-1.5", 0, -2, ROUNDED) && foreign("-2.5", 0, -2, ROUNDED),
		"a half goes to the even neighbour, on both sides of zero");
	unit_ok(foreign("0.50000000000000000000000000000001", 0, 1, ROUNDED) &&
			foreign("0.49999999999999999999999999999999", 0, 0, ROUNDED),
		"a digit far behind the half decides");
	unit_ok(foreign("0.05", 0, 0, ROUNDED) && foreign("0.09e0", 0, 0, ROUNDED) &&
			foreign("9e-2", 0, 0, ROUNDED) && foreign("6e-1", 0, 1, ROUNDED),
		"less than a tenth is never a half");
	unit_ok(foreign("6.123456789012345678901234", 8, 612345679, ROUNDED),
		"more digits than fit are rounded once");
	unit_ok(foreign("0.999999999", 8, 100000000, ROUNDED), "rounding carries");
}

static void rounded_latches(void)
{
	struct err e = { 0 };
	bool rounded = true;
	int64_t v;

	decimal_parse_foreign("1", 1, 8, &v, &rounded, &e);
	unit_ok(rounded, "an exact number does not take back that one was rounded");
	unit_ok(decimal_parse_foreign("0.15", 4, 1, &v, NULL, &e) == 0 && v == 2,
		"the caller need not ask whether it was rounded");
}

static void foreign_ends(void)
{
	unit_ok(foreign("9223372036854775807", 0, INT64_MAX, EXACT) &&
			foreign("-9223372036854775808", 0, INT64_MIN, EXACT),
		"the ends of the range are read");
	unit_ok(foreign("9223372036854775807.49", 0, INT64_MAX, ROUNDED) &&
			foreign("-9223372036854775808.5", 0, INT64_MIN, ROUNDED),
		"a number beyond an end that rounds to it is read");
	unit_ok(rejects("9223372036854775807.5", 0) && rejects("-9223372036854775808.51", 0) &&
			rejects("9223372036854775808", 0) && rejects("-9223372036854775809", 0),
		"a number that rounds to beyond an end is refused");
}

static void exponents(void)
{
	unit_ok(rejects("1e19", 0) && rejects("1e11", 8) && rejects("1e2147483648", 8) &&
			rejects("1e4294967296", 8) && rejects("1e9223372036854775807", 8) &&
			rejects("1e18446744073709551616", 8) &&
			rejects("9e9999999999999999999999999999999999999999", 8),
		"an exponent of any size above the range is refused");
	unit_ok(foreign("1e-19", 8, 0, ROUNDED) && foreign("1e-4294967296", 8, 0, ROUNDED) &&
			foreign("1e-9223372036854775808", 8, 0, ROUNDED) &&
			foreign("1e-18446744073709551616", 8, 0, ROUNDED) &&
			foreign("9e-9999999999999999999999999999999999999999", 8, 0, ROUNDED),
		"an exponent of any size below the scale gives zero, rounded");
	unit_ok(foreign("0e9999999999999999999999", 8, 0, EXACT) &&
			foreign("0.000e-9999999999999999999999", 8, 0, EXACT),
		"zero with any exponent is exactly zero");
}

/* ${n} zeros between ${before} and ${after}; owned by the caller. */
static char *zeros_between(const char *before, size_t n, const char *after)
{
	size_t a = strlen(before), b = strlen(after);
	char *s = malloc(a + n + b + 1);

	if (s == NULL)
		abort();
	memcpy(s, before, a);
	memset(s + a, '0', n);
	memcpy(s + a + n, after, b + 1);
	return s;
}

static void long_numbers(void)
{
	char *small = zeros_between("0.", 999999, "15e1000000");
	char *large = zeros_between("25", 1000000, "e-1000001");
	char *tie = zeros_between("0.5", 1000000, "");
	char *beyond = zeros_between("0.5", 1000000, "1");
	char *zeros = zeros_between("", 1000000, ".");

	unit_ok(foreign(small, 1, 15, EXACT),
		"a million zeros after the point are seen through");
	unit_ok(foreign(large, 0, 2, ROUNDED),
		"a million zeros before the point are seen through");
	unit_ok(foreign(tie, 0, 0, ROUNDED), "a half with a million zeros behind it is a half");
	unit_ok(foreign(beyond, 0, 1, ROUNDED), "the last of a million digits breaks a tie");
	unit_ok(foreign(zeros, 18, 0, EXACT), "a million zeros are zero");
	free(zeros);
	free(beyond);
	free(tie);
	free(large);
	free(small);
}

static bool shows(int64_t v, int scale, const char *want)
{
	char text[DECIMAL_TEXT_MAX];

	return decimal_format(v, scale, text) == text && strcmp(text, want) == 0;
}

static bool shows_fixed(int64_t v, int scale, int places, const char *want)
{
	char text[DECIMAL_TEXT_MAX];

	return decimal_format_fixed(v, scale, places, text) == text && strcmp(text, want) == 0;
}

static void formats(void)
{
	unit_ok(shows(0, 8, "0") && shows(0, 0, "0") && shows(100000000, 8, "1") &&
			shows(150000000, 8, "1.5") && shows(-1, 8, "-0.00000001") &&
			shows(1200, 0, "1200") && shows(-120, 1, "-12"),
		"the text is the shortest that is exact");
	unit_ok(shows(INT64_MAX, 0, "9223372036854775807") &&
			shows(INT64_MIN, 0, "-9223372036854775808") &&
			shows(INT64_MIN, 18, "-9.223372036854775808") &&
			shows(INT64_MIN, 8, "-92233720368.54775808"),
		"the ends of the range have a text");
}

static void formats_fixed(void)
{
	unit_ok(shows_fixed(123456789, 8, 2, "1.23") && shows_fixed(0, 8, 2, "0.00") &&
			shows_fixed(100, 2, 2, "1.00") && shows_fixed(7, 0, 0, "7"),
		"the text has the digits asked for");
	unit_ok(shows_fixed(125, 2, 1, "1.3") && shows_fixed(-125, 2, 1, "-1.3") &&
			shows_fixed(135, 2, 1, "1.4") && shows_fixed(5, 1, 0, "1") &&
			shows_fixed(4, 1, 0, "0"),
		"a half goes away from zero");
	unit_ok(shows_fixed(-4, 1, 0, "0") && shows_fixed(-499999, 8, 2, "0.00") &&
			shows_fixed(-500000, 8, 2, "-0.01"),
		"what rounds to zero has no sign");
	unit_ok(shows_fixed(999999999, 8, 2, "10.00") && shows_fixed(INT64_MAX, 18, 0, "9") &&
			shows_fixed(INT64_MIN, 8, 2, "-92233720368.55") &&
			shows_fixed(INT64_MIN, 0, 0, "-9223372036854775808") &&
			shows_fixed(INT64_MAX, 1, 0, "922337203685477581"),
		"rounding carries, also at the ends of the range");
}

static void round_trip(void)
{
	char text[DECIMAL_TEXT_MAX];
	uint64_t x = 1;
	bool all = true;

	for (int i = 0; i < 200000; i++) {
		struct err e = { 0 };
		int64_t v, strict = 0, lax = 0;
		int scale = i % (DECIMAL_SCALE_MAX + 1);
		bool rounded = false;

		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		v = (int64_t)x >> (x >> 58 & 63);
		decimal_format(v, scale, text);
		all = all && decimal_parse(text, strlen(text), scale, &strict, &e) == 0 &&
		      decimal_parse_foreign(text, strlen(text), scale, &lax, &rounded, &e) ==
			      0 &&
		      strict == v && lax == v && !rounded;
	}
	unit_ok(all, "every text that is written is read as the value it came from, both ways");
}

/* Short texts of the bytes that numbers are made of, each in a block of its own. */
static void random_texts(void)
{
	static const char bytes[] = "0123456789019.--+eE ";
	uint64_t x = 5;
	int64_t accepted = 0;
	bool all = true;

	for (int i = 0; i < 300000; i++) {
		struct err e = { 0 }, f = { 0 };
		int64_t strict = UNTOUCHED, lax = UNTOUCHED;
		bool rounded = false;
		char text[8];
		size_t n = (size_t)i % 9;
		char *p;

		for (size_t k = 0; k < n; k++) {
			x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			text[k] = bytes[(x >> 33) % (sizeof bytes - 1)];
		}
		p = exact_copy(text, n);
		if (decimal_parse_foreign(p, n, 4, &lax, &rounded, &f) != 0)
			all = all && lax == UNTOUCHED && f.status == ERR_DATA;
		if (decimal_parse(p, n, 4, &strict, &e) == 0) {
			all = all && lax == strict && !rounded;
			accepted++;
		} else
			all = all && strict == UNTOUCHED && e.status == ERR_DATA;
		free(p);
	}
	unit_ok(all && accepted > 10000,
		"what is a decimal of ours is the same number elsewhere, in any text");
}

static bool muldivs(int64_t v, int64_t num, int64_t den, int64_t down, int64_t up)
{
	int64_t a, b;

	return decimal_muldiv(v, num, den, DECIMAL_DOWN, &a) == 0 && a == down &&
	       decimal_muldiv(v, num, den, DECIMAL_UP, &b) == 0 && b == up;
}

static bool overflows(int64_t v, int64_t num, int64_t den, enum decimal_round round)
{
	int64_t out = UNTOUCHED;

	return decimal_muldiv(v, num, den, round, &out) == -1 && out == UNTOUCHED;
}

static void muldiv(void)
{
	int64_t v;

	unit_ok(muldivs(7, 1, 2, 3, 4) && muldivs(-7, 1, 2, -4, -3) &&
			muldivs(7, -1, 2, -4, -3) && muldivs(-7, -1, 2, 3, 4),
		"down is towards minus infinity and up towards plus infinity, for every sign");
	unit_ok(muldivs(6, 1, 2, 3, 3) && muldivs(-6, 1, 2, -3, -3) && muldivs(0, 5, 7, 0, 0),
		"what divides exactly is not rounded");
	unit_ok(muldivs(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX) &&
			muldivs(INT64_MIN, INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN) &&
			muldivs(INT64_MIN, 1, 1, INT64_MIN, INT64_MIN),
		"products far above 64 bit are formed exactly");
	unit_ok(overflows(INT64_MIN, -1, 1, DECIMAL_DOWN) &&
			overflows(INT64_MIN, INT64_MIN, 1, DECIMAL_DOWN) &&
			overflows(INT64_MAX, 2, 1, DECIMAL_UP) &&
			overflows(INT64_MIN, 2, 1, DECIMAL_UP),
		"a quotient that does not fit is an overflow and leaves the result alone");
	/* (2^63 - 1)^2 / (2^63 - 2) lies between 2^63 and 2^63 + 1, its negative likewise */
	unit_ok(overflows(INT64_MAX, INT64_MAX, INT64_MAX - 1, DECIMAL_DOWN) &&
			overflows(INT64_MAX, -INT64_MAX, INT64_MAX - 1, DECIMAL_DOWN) &&
			decimal_muldiv(INT64_MAX, -INT64_MAX, INT64_MAX - 1, DECIMAL_UP, &v) ==
				0 &&
			v == INT64_MIN,
		"the direction of rounding decides at the end of the range");
}

static void sums(void)
{
	const struct money most = { INT64_MAX }, least = { INT64_MIN }, one = { 1 },
			   none = { 0 };
	const struct quantity all = { INT64_MAX }, low = { INT64_MIN }, unit = { 1 };
	struct money m = { UNTOUCHED };
	struct quantity q = { UNTOUCHED };

	unit_ok(money_add(most, one, &m) == -1 && money_sub(least, one, &m) == -1 &&
			money_sub(none, least, &m) == -1 && money_add(least, least, &m) == -1 &&
			m.u == UNTOUCHED,
		"sums of money that do not fit leave the result alone");
	unit_ok(quantity_add(all, unit, &q) == -1 && quantity_sub(low, unit, &q) == -1 &&
			q.u == UNTOUCHED,
		"sums of quantities that do not fit leave the result alone");
	unit_ok(money_add(most, least, &m) == 0 && m.u == -1 &&
			money_sub(most, most, &m) == 0 && m.u == 0 &&
			quantity_sub(all, unit, &q) == 0 && q.u == INT64_MAX - 1 &&
			quantity_add(q, unit, &q) == 0 && q.u == INT64_MAX,
		"sums that fit are exact, also into an operand");
}

static struct quantity quantity(const char *s)
{
	struct quantity q = { 0 };
	struct err e = { 0 };

	decimal_parse(s, strlen(s), QUANTITY_SCALE, &q.u, &e);
	return q;
}

static struct price price(const char *s)
{
	struct price p = { 0 };
	struct err e = { 0 };

	decimal_parse(s, strlen(s), PRICE_SCALE, &p.u, &e);
	return p;
}

static struct money money(const char *s)
{
	struct money m = { 0 };
	struct err e = { 0 };

	decimal_parse(s, strlen(s), MONEY_SCALE, &m.u, &e);
	return m;
}

static void trades(void)
{
	struct money m;
	struct quantity q;

	unit_ok(money_of(quantity("2.5"), price("100.01"), DECIMAL_DOWN, &m) == 0 &&
			m.u == money("250.025").u,
		"units at a price cost their product");
	unit_ok(money_of(quantity("0.00000001"), price("0.3"), DECIMAL_DOWN, &m) == 0 &&
			m.u == 0 &&
			money_of(quantity("0.00000001"), price("0.3"), DECIMAL_UP, &m) == 0 &&
			m.u == 1,
		"a cost below the smallest money is none or one unit, as told");
	unit_ok(quantity_of(money("250.025"), price("100.01"), DECIMAL_DOWN, &q) == 0 &&
			q.u == quantity("2.5").u,
		"money at a price buys its quotient");
	unit_ok(quantity_of(money("1"), price("3"), DECIMAL_DOWN, &q) == 0 && q.u == 33333333 &&
			quantity_of(money("1"), price("3"), DECIMAL_UP, &q) == 0 &&
			q.u == 33333334,
		"units bought are rounded as told");
	q.u = UNTOUCHED;
	m.u = UNTOUCHED;
	unit_ok(quantity_of(money("90000000000"), price("0.0000000001"), DECIMAL_DOWN, &q) ==
				-1 &&
			q.u == UNTOUCHED &&
			money_of(quantity("90000000000"), price("2"), DECIMAL_DOWN, &m) == -1 &&
			m.u == UNTOUCHED,
		"a trade that does not fit leaves the result alone");
}

static void rates(void)
{
	struct price p, q = { UNTOUCHED };
	struct money m;

	unit_ok(money_rate(money("1000"), 100000, DECIMAL_UP, &m) == 0 && m.u == money("1").u,
		"ten basis points of a thousand are one");
	unit_ok(money_rate((struct money){ 1 }, 1, DECIMAL_UP, &m) == 0 && m.u == 1 &&
			money_rate((struct money){ 1 }, 1, DECIMAL_DOWN, &m) == 0 && m.u == 0,
		"the smallest fee is rounded as told");
	unit_ok(price_shift(price("100"), 50000, DECIMAL_UP, &p) == 0 &&
			p.u == price("100.05").u &&
			price_shift(price("100"), -50000, DECIMAL_DOWN, &p) == 0 &&
			p.u == price("99.95").u,
		"slippage shifts a price both ways");
	unit_ok(price_shift((struct price){ 1 }, 1, DECIMAL_UP, &p) == 0 && p.u == 2 &&
			price_shift((struct price){ 1 }, 1, DECIMAL_DOWN, &p) == 0 &&
			p.u == 1 &&
			price_shift((struct price){ 1 }, -1, DECIMAL_DOWN, &p) == 0 && p.u == 0,
		"the smallest price is rounded as told");
	unit_ok(price_shift((struct price){ INT64_MAX }, 1, DECIMAL_DOWN, &q) == -1 &&
			price_shift((struct price){ INT64_MAX }, INT64_MAX, DECIMAL_UP, &q) ==
				-1 &&
			q.u == UNTOUCHED,
		"a shifted price that does not fit leaves the result alone");
	unit_ok(price_shift((struct price){ 1 }, INT64_MAX, DECIMAL_DOWN, &p) == 0 &&
			p.u == INT64_MAX / 100000000 + 1,
		"the largest rate does not wrap around");
}

static void averages(void)
{
	struct price p = { UNTOUCHED };

	unit_ok(price_of(money("10"), quantity("3"), &p) == 0 && p.u == INT64_C(33333333333),
		"the average price is rounded down");
	p.u = UNTOUCHED;
	unit_ok(price_of(money("90000000000"), quantity("0.00000001"), &p) == -1 &&
			p.u == UNTOUCHED,
		"an average price that does not fit leaves the result alone");
}

/* The two directions of rounding belong together: no money comes from nothing. */
static void no_free_lunch(void)
{
	uint64_t x = 9;
	bool all = true;

	for (int i = 0; i < 200000; i++) {
		struct money budget, cost;
		struct quantity q;
		struct price p;

		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		budget.u = (int64_t)(x >> 20);
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p.u = (int64_t)(x >> (20 + (i % 40))) + 1;
		if (quantity_of(budget, p, DECIMAL_DOWN, &q) != 0)
			continue;
		all = all && money_of(q, p, DECIMAL_UP, &cost) == 0 && cost.u <= budget.u;
	}
	unit_ok(all, "the units that money buys, rounded down, never cost more, rounded up");
}

int main(void)
{
	ours();
	ours_malformed();
	ours_ends();
	messages();
	foreign_syntax();
	foreign_malformed();
	half_even();
	rounded_latches();
	foreign_ends();
	exponents();
	long_numbers();
	formats();
	formats_fixed();
	round_trip();
	random_texts();
	muldiv();
	sums();
	trades();
	rates();
	averages();
	no_free_lunch();
	return unit_done();
}
