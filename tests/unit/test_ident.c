#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "unit.h"

#include "banned.h"

typedef int check_fn(const char *s, struct err *e);

static bool takes(check_fn *check, const char *s)
{
	struct err e = { 0 };

	return check(s, &e) == 0 && e.status == 0;
}

static bool refuses(check_fn *check, const char *s)
{
	struct err e = { 0 };

	return check(s, &e) == -1 && e.status == ERR_DATA && e.text[0] != '\0';
}

/* Whether ${check} allows exactly the bytes of ${first} to begin, and of ${rest} to follow. */
static bool allows(check_fn *check, const char *first, const char *rest)
{
	char begin[2] = "?", follow[4] = "???";

	follow[0] = follow[2] = first[0];
	for (int c = 1; c < 256; c++) {
		begin[0] = follow[1] = (char)c;
		if (takes(check, begin) != (strchr(first, c) != NULL))
			return false;
		if (takes(check, follow) != (strchr(rest, c) != NULL))
			return false;
	}
	return true;
}

/* Whether ${n} bytes are allowed, and not one more. */
static bool limits(check_fn *check, char c, size_t n)
{
	char text[256];

	memset(text, c, sizeof text);
	text[n + 1] = '\0';
	if (!refuses(check, text))
		return false;
	text[n] = '\0';
	return takes(check, text);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static void names(void)
{
	unit_ok(allows(ident_check_agent, LOWER, LOWER "._-"),
		"agents have lower-case letters, digits, and ._- after the first byte");
	unit_ok(allows(ident_check_asset, UPPER, UPPER "._-"),
		"assets have upper-case letters, digits, and ._- after the first byte");
	unit_ok(allows(ident_check_source, LOWER, LOWER "._-:/@"),
		"sources have those of agents and :/@ after the first byte");
	unit_ok(limits(ident_check_agent, 'a', IDENT_AGENT_MAX) &&
			limits(ident_check_asset, 'A', IDENT_ASSET_MAX) &&
			limits(ident_check_source, 'a', 63),
		"a name has its greatest length and not one byte more");
	unit_ok(refuses(ident_check_agent, "") && refuses(ident_check_asset, "") &&
			refuses(ident_check_source, ""),
		"the empty name is refused");
	unit_ok(refuses(ident_check_agent, "..") && refuses(ident_check_agent, "-d") &&
			refuses(ident_check_agent, "a/b") &&
			refuses(ident_check_agent, "a%s") &&
			refuses(ident_check_agent, "a b") &&
			refuses(ident_check_agent, "a\n") &&
			refuses(ident_check_source, "/etc/passwd") &&
			refuses(ident_check_source, "-o"),
		"paths, options and formats are no names");
}

static bool says(check_fn *check, const char *s, const char *what, const char *byte)
{
	struct err e = { 0 };

	check(s, &e);
	return strncmp(e.text, what, strlen(what)) == 0 && strstr(e.text, byte) != NULL &&
	       strchr(e.text, '[') != NULL;
}

static void messages(void)
{
	struct err e = { 0 };

	unit_ok(says(ident_check_agent, "Bob", "agent", "'B' at byte 1") &&
			says(ident_check_asset, "BTC usd", "asset", "\\x20 at byte 4") &&
			says(ident_check_source, "a\033[m", "source", "\\x1b at byte 2") &&
			says(ident_check_agent, "caf\303\251", "agent", "\\xc3 at byte 4"),
		"a message names the thing, the byte, its place and the rule");
	unit_ok(says(ident_check_agent, "a~", "agent", "'~' at byte 2"),
		"the last byte that can be printed is shown as it is");
	ident_check_agent("a\033", &e);
	unit_ok(strchr(e.text, '\033') == NULL, "a message holds no control bytes");
}

static bool valid(const char *s)
{
	return ident_utf8_valid(s, strlen(s));
}

static void utf8_examples(void)
{
	unit_ok(valid("") && valid("plain") &&
			valid("\302\200 \337\277 \340\240\200 \357\277\277") &&
			valid("\355\237\277 \356\200\200 \360\220\200\200 \364\217\277\277") &&
			ident_utf8_valid("a\0b", 3),
		"the first and last of each length are valid, and so is NUL");
	unit_ok(!valid("\300\200") && !valid("\301\277") && !valid("\340\237\277") &&
			!valid("\360\217\277\277"),
		"overlong forms are not valid");
	unit_ok(!valid("\355\240\200") && !valid("\355\277\277"), "surrogates are not valid");
	unit_ok(!valid("\364\220\200\200") && !valid("\365\200\200\200") && !valid("\377") &&
			!valid("\376"),
		"what is beyond U+10FFFF is not valid");
	unit_ok(!ident_utf8_valid("ab\303\251", 3) && ident_utf8_valid("ab\303\251", 4),
		"what follows the length does not complete a character");
	unit_ok(!valid("\200") && !valid("a\277b") && !valid("\303\303") &&
			!valid("\342\202\254\254"),
		"a byte of the middle does not begin");
}

static size_t encode(uint32_t c, unsigned char out[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (unsigned char)(lead[n] | c);
	return n;
}

/* Every character there is, and each cut short in a block of its own size. */
static void utf8_all(void)
{
	bool whole = true, cut = true;
	char *exact[5];

	for (size_t n = 1; n <= 4; n++)
		exact[n] = malloc(n);
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		unsigned char text[4];
		size_t n = encode(c, text);
		bool surrogate = c >= 0xd800 && c <= 0xdfff;

		memcpy(exact[n], text, n);
		whole = whole && ident_utf8_valid(exact[n], n) != surrogate;
		for (size_t k = 1; k < n; k++) {
			memcpy(exact[k], text, k);
			cut = cut && !ident_utf8_valid(exact[k], k);
		}
	}
	for (size_t n = 1; n <= 4; n++)
		free(exact[n]);
	unit_ok(whole, "every character is valid, and no surrogate");
	unit_ok(cut, "no character that is cut short is valid, nor read beyond its end");
}

/* All 16 million texts of three bytes hold as many valid ones as there should be. */
static void utf8_count(void)
{
	const long one = 0x80, two = 0x800 - 0x80, three = 0x10000 - 0x800 - 0x800;
	long count = 0;

	for (uint32_t x = 0; x < UINT32_C(1) << 24; x++) {
		char text[3] = { (char)(x >> 16), (char)(x >> 8), (char)x };

		count += ident_utf8_valid(text, 3) ? 1 : 0;
	}
	unit_ok(count == one * one * one + 2 * one * two + three,
		"of all texts of three bytes just those made of characters are valid");
}

static const char *const words[] = {
	"hold", "rsi", "momentum", "random", "equal-weight", NULL
};

static bool means(const char *s, const char *want)
{
	const char *got = ident_nearest(s, words);

	return want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;
}

static void nearest(void)
{
	static const char *const tie[] = { "aac", "aab", NULL };
	static const char *const none[] = { NULL };

	unit_ok(means("momentun", "momentum") && means("momntum", "momentum") &&
			means("mommentum", "momentum"),
		"a byte replaced, left out or added is understood");
	unit_ok(means("hodl", "hold") && means("equla-weight", "equal-weight"),
		"two neighbours swapped count as one error");
	unit_ok(means("rsi", "rsi"), "the word itself is nearest to itself");
	unit_ok(means("xxxx", NULL) && means("ho", NULL) && means("", NULL) &&
			means("rxx", NULL),
		"what is too far from everything is not guessed at");
	unit_ok(means("rancor", "random") && means("ranxyz", NULL),
		"a third of the length is still near, more is not");
	unit_ok(strcmp(ident_nearest("aaa", tie), "aac") == 0, "of equals the first is taken");
	unit_ok(ident_nearest("a", none) == NULL,
		"nothing is near when there are no candidates");
}

static void nearest_long(void)
{
	char text[400], other[400];
	const char *list[] = { other, "b", NULL };

	memset(text, 'a', sizeof text);
	memset(other, 'a', sizeof other);
	text[96] = '\0';
	other[95] = '\0';
	unit_ok(ident_nearest(text, list) == other, "words of up to 96 bytes are compared");
	other[95] = 'a';
	other[96] = '\0';
	unit_ok(ident_nearest(text, list) == other, "so are candidates of up to 96 bytes");
	other[95] = '\0';
	text[96] = 'a';
	text[399] = '\0';
	other[95] = 'a';
	other[96] = 'a';
	other[399] = '\0';
	unit_ok(ident_nearest(text, list) == NULL, "longer words are not");
	text[96] = '\0';
	unit_ok(ident_nearest(text, list) == NULL, "longer candidates are passed over");
}

/* The plain recursive definition, for short words. */
static size_t slow_distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t best, d;

	if (n == 0 || m == 0)
		return n + m;
	best = slow_distance(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1] ? 1 : 0);
	d = slow_distance(a, n - 1, b, m) + 1;
	best = d < best ? d : best;
	d = slow_distance(a, n, b, m - 1) + 1;
	best = d < best ? d : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		d = slow_distance(a, n - 2, b, m - 2) + 1;
		best = d < best ? d : best;
	}
	return best;
}

static void word_of(unsigned x, char out[7])
{
	size_t n = x % 7;

	x /= 7;
	for (size_t i = 0; i < n; i++) {
		out[i] = (char)('a' + x % 3);
		x /= 3;
	}
	out[n] = '\0';
}

static void nearest_by_definition(void)
{
	bool all = true;

	for (unsigned i = 0; i < 3000; i++) {
		char a[7], b[7];
		const char *list[] = { b, NULL };
		size_t n, d;

		word_of(i * 2654435761u >> 8, a);
		word_of((i + 77) * 2246822519u >> 8, b);
		n = strlen(a);
		d = slow_distance(a, n, b, strlen(b));
		all = all && (ident_nearest(a, list) == b) == (d * 3 <= n);
	}
	unit_ok(all, "the distance is that of the definition");
}

static void listed(void)
{
	static const char *const names[] = { "a", "bc" };

	unit_ok(ident_listed(names, 2, "a") && ident_listed(names, 2, "bc") &&
			!ident_listed(names, 1, "bc") && !ident_listed(names, 2, "b") &&
			!ident_listed(names, 0, "a"),
		"a name is one of a list if it is there in full");
	unit_ok(ident_listed(NULL, 0, "a"), "no list is a list of all names");
}

int main(void)
{
	names();
	messages();
	utf8_examples();
	utf8_all();
	utf8_count();
	nearest();
	nearest_long();
	nearest_by_definition();
	listed();
	struct err bad = { 0 }, fine = { 0 };

	unit_ok(ident_check_text("name", "Bitcoin \xc3\xa9", 20, &fine) == 0,
		"a text for people may have any letters");
	unit_ok(ident_check_text("name", "a\x1b[2J", 20, &bad) != 0 && bad.status == ERR_DATA,
		"a text for people has no control characters");
	unit_ok(ident_check_text("name", "a\xc2\x9b", 20, &bad) != 0,
		"nor those of the second set");
	return unit_done();
}
