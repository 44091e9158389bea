#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "mem.h"
#include "unit.h"

/*
 * Text that the gate must accept or refuse; adjacent literals keep "\x" escapes from running
 * into the digits that follow.
 */
struct sample {
	const char *name;
	const char *text;
	size_t len;
};

#define T(name, text)                       \
	{                                   \
		name, text, sizeof text - 1 \
	}

static const struct sample accepted[] = {
	T("null", "null"),
	T("true", "true"),
	T("false", "false"),
	T("a lone zero", "0"),
	T("a lone string", "\"a\""),
	T("an empty string", "\"\""),
	T("an empty array", "[]"),
	T("an empty object", "{}"),
	T("an array of blanks", "[ \t\r\n]"),
	T("an object of blanks", "{ \t\r\n}"),
	T("blanks around a value", " \t\r\n1 \t\r\n"),
	T("a new line at the end", "[1]\n"),
	T("blanks around every token", " { \"a\" : [ 1 , 2 ] , \"b\" : { } } "),
	T("arrays in arrays", "[[],[[]]]"),
	T("objects in objects", "{\"a\":{\"a\":{}}}"),
	T("nulls in an array", "[null,null]"),
	T("mixed types", "[null,1,\"1\",{},[],true,false]"),
	T("minus zero", "[-0]"),
	T("minus zero with fraction", "[-0.0]"),
	T("an integer", "[123]"),
	T("a negative integer", "[-123]"),
	T("a fraction", "[0.5]"),
	T("zeros after the point", "[1.000]"),
	T("exponent e", "[1e2]"),
	T("exponent E", "[1E2]"),
	T("exponent with plus", "[1e+2]"),
	T("exponent with minus", "[1e-2]"),
	T("exponent after a fraction", "[1.5E-2]"),
	T("exponent of zero", "[0e1]"),
	T("exponent with leading zeros", "[1e0002]"),
	T("a number that no double holds", "[1e400]"),
	T("a negative number that no double holds", "[-1e400]"),
	T("an exponent of thousands of digits in spirit", "[1e-99999999999999999999]"),
	T("an integer beyond 64 bits", "[123456789012345678901234567890]"),
	T("a number of 70 digits",
	  "[1234567890123456789012345678901234567890123456789012345678901234567890]"),
	T("a number of 70 digits after the point",
	  "[0.1234567890123456789012345678901234567890123456789012345678901234567890]"),
	T("a number right before a brace", "{\"a\":1}"),
	T("two letters apart in case only", "{\"a\":1,\"A\":2}"),
	T("the same key in two objects", "[{\"a\":1},{\"a\":1}]"),
	T("the same key at two depths", "{\"a\":{\"a\":1}}"),
	T("the same key in siblings of one object", "{\"x\":{\"a\":1},\"y\":{\"a\":1}}"),
	T("an empty key", "{\"\":0}"),
	T("keys of which one is the start of the other", "{\"a\":0,\"aa\":1,\"\":2}"),
	T("keys that differ in composition", "{\"\xc3\xa9\":0,\"e\xcc\x81\":1}"),
	T("simple escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	T("a unicode escape", "[\"\\u0041\"]"),
	T("a unicode escape in both cases", "[\"\\uaBcD\"]"),
	T("escaped control characters", "[\"\\u0001\\u001f\"]"),
	T("a surrogate pair", "[\"\\ud83d\\ude00\"]"),
	T("the last surrogate pair", "[\"\\udbff\\udfff\"]"),
	T("two surrogate pairs", "[\"\\uD834\\uDD1E\\uD834\\uDD1E\"]"),
	T("an escaped noncharacter", "[\"\\uffff\"]"),
	T("a backslash before u0000", "[\"\\\\u0000\"]"),
	T("DEL", "[\"\x7f\"]"),
	T("two bytes of UTF-8", "[\"\xc2\x80\xdf\xbf\"]"),
	T("three bytes of UTF-8", "[\"\xe0\xa0\x80\xef\xbf\xbf\"]"),
	T("four bytes of UTF-8", "[\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"]"),
	T("the line separator U+2028", "[\"\xe2\x80\xa8\"]"),
	T("U+FEFF within a string", "[\"\xef\xbb\xbf\"]"),
	T("the neighbours of the surrogates", "[\"\xed\x9f\xbf\xee\x80\x80\"]"),
	T("a comment within a string", "[\"/* */ // #\"]"),
	T("brackets within a string", "[\"[{]}\"]"),
	T("an escaped key", "{\"\\u0061\\n\":1}"),
	T("a string next to a string", "[\"a\",\"b\"]"),
	T("blanks after a number", "[1 ]"),
};

static const struct sample refused[] = {
	/* nothing, or not all */
	T("empty text", ""),
	T("a blank", " "),
	T("blanks", " \n\t\r "),
	T("an open bracket", "["),
	T("a closing bracket", "]"),
	T("an open brace", "{"),
	T("a closing brace", "}"),
	T("an unclosed array", "[1"),
	T("an unclosed array after a comma", "[1,"),
	T("an unclosed array after a string", "[\"a\""),
	T("an unclosed inner array", "[[1]"),
	T("an unclosed object after its key", "{\"a\""),
	T("an unclosed object after the colon", "{\"a\":"),
	T("an unclosed object after its value", "{\"a\":1"),
	T("an unclosed object after a comma", "{\"a\":1,"),
	T("an unclosed string", "\"a"),
	T("a lone quote", "\""),
	T("an unclosed key", "{\"a"),
	T("a bracket closed by a brace", "[1}"),
	T("a brace closed by a bracket", "{\"a\":1]"),
	T("crossed containers", "[{]}"),
	/* trailing bytes */
	T("two values", "1 2"),
	T("two objects", "{}{}"),
	T("two objects on two lines", "{}\n{}"),
	T("an extra closing bracket", "[1]]"),
	T("an extra closing brace", "{}}"),
	T("a comma after the value", "[1],"),
	T("a letter after the value", "[1]x"),
	T("a quote after the value", "[1]\""),
	T("a comment after the value", "[1]//"),
	T("a NUL after the value", "[1]\0"),
	T("a NUL after a blank", "[1] \0"),
	T("text after a NUL", "[1]\0[2]"),
	T("a form feed after the value", "[1]\f"),
	T("a byte order mark after the value", "[1]\xef\xbb\xbf"),
	/* byte order marks and other encodings */
	T("a byte order mark", "\xef\xbb\xbf{}"),
	T("a byte order mark alone", "\xef\xbb\xbf"),
	T("half a byte order mark", "\xef\xbb{}"),
	T("UTF-16 little-endian", "[\0]\0"),
	T("UTF-16 with its mark", "\xff\xfe[\0]\0"),
	T("UTF-16 big-endian", "\0[\0]"),
	/* white space that is none */
	T("a form feed", "[\f]"),
	T("a vertical tab", "[\v1]"),
	T("a no-break space", "[\xc2\xa0]"),
	T("U+2060 between tokens", "[\xe2\x81\xa0]"),
	T("U+2028 between tokens", "[1,\xe2\x80\xa8 2]"),
	T("a NUL between tokens", "[1,\0"
				  "2]"),
	T("a backspace", "[\b]"),
	T("an escape outside of a string", "[\\n]"),
	T("an escaped blank", "[\\u0020]"),
	/* commas and colons */
	T("a comma at the end of an array", "[1,]"),
	T("a comma at the end of an object", "{\"a\":1,}"),
	T("a comma at the start of an array", "[,1]"),
	T("a comma at the start of an object", "{,\"a\":1}"),
	T("a lone comma in an array", "[,]"),
	T("a lone comma in an object", "{,}"),
	T("two commas in an array", "[1,,2]"),
	T("two commas in an object", "{\"a\":1,,\"b\":2}"),
	T("two commas at the end", "[1,,]"),
	T("no comma in an array", "[1 2]"),
	T("no comma between strings", "[\"a\" \"b\"]"),
	T("no comma in an object", "{\"a\":1 \"b\":2}"),
	T("a semicolon in an array", "[1;2]"),
	T("a colon in an array", "[\"a\":1]"),
	T("no colon", "{\"a\" 1}"),
	T("two colons", "{\"a\"::1}"),
	T("a comma for the colon", "{\"a\",1}"),
	T("an equals sign for the colon", "{\"a\"=1}"),
	T("a key without a value", "{\"a\"}"),
	T("a colon without a value", "{\"a\":}"),
	T("a colon without a value before a comma", "{\"a\":,\"b\":1}"),
	T("a value without a key", "{:1}"),
	T("a lone colon", ":"),
	T("a lone comma", ","),
	/* keys that are no strings */
	T("a bare key", "{a:1}"),
	T("a key in single quotes", "{'a':1}"),
	T("a number for a key", "{1:1}"),
	T("null for a key", "{null:1}"),
	T("true for a key", "{true:1}"),
	T("an array for a key", "{[]:1}"),
	T("an object for a key", "{{}:1}"),
	T("an unclosed bare key", "{a"),
	/* duplicate keys */
	T("a key twice", "{\"a\":1,\"a\":2}"),
	T("a key twice with equal values", "{\"a\":1,\"a\":1}"),
	T("the empty key twice", "{\"\":1,\"\":1}"),
	T("a key twice, once escaped", "{\"a\":1,\"\\u0061\":2}"),
	T("a key twice, escaped in two cases", "{\"\\u006a\":1,\"\\u006A\":2}"),
	T("a key with a slash twice, once escaped", "{\"/\":1,\"\\/\":2}"),
	T("a key with a new line in two spellings", "{\"\\n\":1,\"\\u000a\":2}"),
	T("a key twice far apart", "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"a\":5}"),
	T("a key twice around an object of the same key", "{\"a\":{\"a\":1},\"a\":2}"),
	T("a key twice within an array", "[[{\"k\":[],\"k\":[]}]]"),
	T("a key twice in an inner object", "{\"o\":{\"b\":1,\"b\":1}}"),
	T("a key twice, as UTF-8 and escaped", "{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
	T("a key twice, as UTF-8 and as surrogates",
	  "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
	T("a key twice, as UTF-8 and as the last surrogates",
	  "{\"\xf4\x8f\xbf\xbf\":1,\"\\udbff\\udfff\":2}"),
	T("a key twice, as three bytes and escaped", "{\"\xe2\x82\xac\":1,\"\\u20AC\":2}"),
	/* words */
	T("nul", "nul"),
	T("nulll", "nulll"),
	T("tru", "[tru]"),
	T("truee", "[truee]"),
	T("fals", "[fals]"),
	T("True", "[True]"),
	T("NULL", "[NULL]"),
	T("FALSE", "[FALSE]"),
	T("undefined", "[undefined]"),
	T("None", "[None]"),
	T("a bare word", "[abc]"),
	T("a lone letter", "a"),
	T("true without a comma", "[true false]"),
	/* numbers */
	T("NaN", "[NaN]"),
	T("nan", "[nan]"),
	T("minus NaN", "[-NaN]"),
	T("Infinity", "[Infinity]"),
	T("minus Infinity", "[-Infinity]"),
	T("inf", "[inf]"),
	T("a leading plus", "[+1]"),
	T("two plus signs", "[++1]"),
	T("two minus signs", "[--1]"),
	T("a lone minus", "[-]"),
	T("a lone plus", "[+]"),
	T("a minus and a blank", "[- 1]"),
	T("a minus and a letter", "[-a]"),
	T("minus at the end of the text", "-"),
	T("a leading zero", "[01]"),
	T("two zeros", "[00]"),
	T("minus and a leading zero", "[-01]"),
	T("minus and two zeros", "[-00]"),
	T("a leading zero before the point", "[01.5]"),
	T("no digit before the point", "[.5]"),
	T("no digit before the point after a minus", "[-.5]"),
	T("no digit after the point", "[1.]"),
	T("no digit after the point before an exponent", "[1.e1]"),
	T("no digit after the point of zero", "[0.]"),
	T("two points", "[1.2.3]"),
	T("two points in a row", "[1..2]"),
	T("a lone point", "[.]"),
	T("no digit in the exponent", "[1e]"),
	T("no digit in the exponent at the end", "1e"),
	T("no digit after the exponent's plus", "[1e+]"),
	T("no digit after the exponent's minus", "[1E-]"),
	T("two signs in the exponent", "[1e+-1]"),
	T("two exponents", "[1e1e1]"),
	T("two letters e", "[1ee1]"),
	T("a fraction in the exponent", "[1e1.5]"),
	T("an exponent without a number", "[e1]"),
	T("hexadecimal", "[0x1F]"),
	T("an x after a zero", "[0x]"),
	T("octal", "[0o7]"),
	T("binary", "[0b1]"),
	T("a hexadecimal digit after a number", "[1a]"),
	T("a suffix", "[1f]"),
	T("an underscore in a number", "[1_000]"),
	T("a comma of thousands and a zero", "[1,000]"),
	T("a blank in a number", "[1 000]"),
	T("a number with an apostrophe", "[1'000]"),
	T("a per cent sign", "[1%]"),
	T("a currency sign", "[$1]"),
	T("digits of full width", "[\xef\xbc\x91]"),
	T("a minus that is U+2212", "[\xe2\x88\x92"
				    "1]"),
	T("a number with a byte of bad UTF-8", "[1\xe5]"),
	T("a number and a NUL", "[1\0]"),
	T("an expression", "[1+2]"),
	/* strings */
	T("single quotes", "['a']"),
	T("a back-tick", "[`a`]"),
	T("typographic quotes", "[\xe2\x80\x9c"
				"a\xe2\x80\x9d]"),
	T("a raw NUL", "[\"a\0b\"]"),
	T("a raw new line", "[\"a\nb\"]"),
	T("a raw tab", "[\"a\tb\"]"),
	T("a raw carriage return", "[\"a\rb\"]"),
	T("the raw byte 0x01", "[\"\x01\"]"),
	T("the raw byte 0x1f", "[\"\x1f\"]"),
	T("a raw escape byte", "[\"\x1b[2J\"]"),
	T("a raw NUL in a key", "{\"a\0\":1}"),
	T("a raw new line in a key", "{\"a\n\":1}"),
	T("an escaped NUL", "[\"\\u0000\"]"),
	T("an escaped NUL within text", "[\"a\\u0000b\"]"),
	T("an escaped NUL in a key", "{\"a\\u0000\":1}"),
	T("the escape \\0", "[\"\\0\"]"),
	T("the escape \\x", "[\"\\x41\"]"),
	T("the escape \\a", "[\"\\a\"]"),
	T("the escape \\v", "[\"\\v\"]"),
	T("the escape \\e", "[\"\\e\"]"),
	T("the escape \\'", "[\"\\'\"]"),
	T("the escape \\U", "[\"\\U00000041\"]"),
	T("the escape of a new line", "[\"\\\n\"]"),
	T("the escape of a NUL byte", "[\"\\\0\"]"),
	T("the escape of a blank", "[\"\\ \"]"),
	T("the escape of UTF-8", "[\"\\\xc3\xa9\"]"),
	T("a backslash before the closing quote", "[\"\\\"]"),
	T("a backslash at the end", "\"\\"),
	T("three backslashes", "[\"\\\\\\\"]"),
	T("\\u without digits", "[\"\\u\"]"),
	T("\\u with one digit", "[\"\\u0\"]"),
	T("\\u with three digits", "[\"\\u004\"]"),
	T("\\u with a letter that is no digit", "[\"\\u00g1\"]"),
	T("\\u with a sign", "[\"\\u+041\"]"),
	T("\\u with a blank", "[\"\\u 041\"]"),
	T("\\u with braces", "[\"\\u{41}\"]"),
	T("\\u at the end of the text", "\"\\u00"),
	T("a lone high surrogate", "[\"\\ud800\"]"),
	T("a lone low surrogate", "[\"\\udc00\"]"),
	T("the last lone surrogate", "[\"\\udfff\"]"),
	T("two high surrogates", "[\"\\ud800\\ud800\"]"),
	T("two low surrogates", "[\"\\udc00\\udc00\"]"),
	T("surrogates in the wrong order", "[\"\\ude00\\ud83d\"]"),
	T("a high surrogate and a letter", "[\"\\ud800a\"]"),
	T("a high surrogate and another escape", "[\"\\ud800\\n\"]"),
	T("a high surrogate and another character", "[\"\\ud800\\u0041\"]"),
	T("a high surrogate and a broken escape", "[\"\\ud800\\u\"]"),
	T("a high surrogate and half an escape", "[\"\\ud800\\\"]"),
	T("a high surrogate, one character, a low one", "[\"\\ud83dx\\ude00\"]"),
	T("a high surrogate and too few digits", "[\"\\ud800\\udc0\"]"),
	T("a pair and a lone high surrogate", "[\"\\ud83d\\ude00\\ud83d\"]"),
	T("a lone surrogate in a key", "{\"\\ud800\":1}"),
	/* UTF-8 */
	T("a lone continuation byte", "[\"\x80\"]"),
	T("the byte 0xff", "[\"\xff\"]"),
	T("the byte 0xfe", "[\"\xfe\"]"),
	T("Latin-1", "[\"\xe9\"]"),
	T("two bytes cut short", "[\"\xc3\"]"),
	T("three bytes cut short", "[\"\xe2\x82\"]"),
	T("four bytes cut short", "[\"\xf0\x9f\x98\"]"),
	T("a sequence cut by the end of the text", "\"\xf0\x9f"),
	T("an overlong NUL", "[\"\xc0\x80\"]"),
	T("an overlong slash", "[\"\xc0\xaf\"]"),
	T("an overlong letter in two bytes", "[\"\xc1\x81\"]"),
	T("an overlong slash in three bytes", "[\"\xe0\x80\xaf\"]"),
	T("an overlong sequence of three bytes", "[\"\xe0\x9f\xbf\"]"),
	T("an overlong sequence of four bytes", "[\"\xf0\x8f\xbf\xbf\"]"),
	T("the first surrogate as UTF-8", "[\"\xed\xa0\x80\"]"),
	T("the last surrogate as UTF-8", "[\"\xed\xbf\xbf\"]"),
	T("a surrogate pair as UTF-8", "[\"\xed\xa0\xbd\xed\xb8\x80\"]"),
	T("beyond U+10FFFF", "[\"\xf4\x90\x80\x80\"]"),
	T("the lead byte 0xf5", "[\"\xf5\x80\x80\x80\"]"),
	T("five bytes", "[\"\xf8\x88\x80\x80\x80\"]"),
	T("six bytes", "[\"\xfc\x84\x80\x80\x80\x80\"]"),
	T("bad UTF-8 in a key", "{\"\xff\":1}"),
	T("bad UTF-8 outside of strings", "[\xff]"),
	T("UTF-8 outside of strings", "[\xc3\xa9]"),
	/* dialects */
	T("a line comment", "[1 // one\n]"),
	T("a block comment", "[1 /* one */]"),
	T("a comment before the value", "/**/[]"),
	T("a hash comment", "[1] # one"),
	T("a markdown fence", "```json\n{}\n```"),
	T("an XSSI guard", ")]}'\n{}"),
	T("a call", "f({})"),
	T("a parenthesis", "([])"),
	T("angle brackets", "<1>"),
	T("a record separator", "\x1e{}"),
	T("an ellipsis", "[1, ...]"),
	T("an at sign", "[@]"),
	T("an asterisk", "[*]"),
	T("a bare backslash", "[\\]"),
	T("a question mark", "?"),
};

static struct json *parse(const char *text, struct err *e)
{
	memset(e, 0, sizeof *e);
	return json_parse(text, strlen(text), e);
}

static void test_accepted(void)
{
	char name[128];

	for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
		const struct sample *s = &accepted[i];
		struct err e = { 0 };
		struct json *v = json_parse(s->text, s->len, &e);

		snprintf(name, sizeof name, "accepts %s", s->name);
		if (!unit_ok(v != NULL && e.status == 0, name))
			printf("# %s\n", e.text);
		json_free(v);
	}
}

/* The bytes lie at the end of their allocation, so that the sanitizer sees a step too far. */
static struct json *parse_exact(const struct sample *s, struct err *e)
{
	char *copy = malloc(s->len ? s->len : 1);
	struct json *v;

	if (copy == NULL)
		abort();
	if (s->len > 0)
		memcpy(copy, s->text, s->len);
	v = json_parse(copy, s->len, e);
	free(copy);
	return v;
}

static void test_refused(void)
{
	char name[128];

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		const struct sample *s = &refused[i];
		struct err e = { 0 };
		struct json *v = parse_exact(s, &e);

		snprintf(name, sizeof name, "refuses %s", s->name);
		unit_ok(v == NULL && e.status == ERR_DATA && strncmp(e.text, "json: ", 6) == 0,
			name);
		json_free(v);
	}
}

static void test_every_prefix_is_refused(void)
{
	static const char text[] =
		"{\"a\":[1.5e+3,\"\\ud83d\\ude00\xc3\xa9\",true,false,null]}";
	bool all = true;

	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct sample s = { NULL, text, n };
		struct err e = { 0 };
		struct json *v = parse_exact(&s, &e);

		all = all && v == NULL && e.status == ERR_DATA;
		json_free(v);
	}
	unit_ok(all, "every proper prefix of a text is refused");
}

static bool fails_with(const char *text, const char *message)
{
	struct err e;
	struct json *v = parse(text, &e);
	bool ok = v == NULL && strcmp(e.text, message) == 0;

	if (!ok)
		printf("# %s\n", e.text);
	json_free(v);
	return ok;
}

static void test_messages(void)
{
	unit_ok(fails_with("", "json: text is empty"), "empty text has a message of its own");
	unit_ok(fails_with("[1,]", "json: ']' where a value is expected at byte 3"),
		"a message names the byte, what it is and what was expected");
	unit_ok(fails_with("[1", "json: text ends where ',' or ']' is expected at byte 2"),
		"a message tells that the text ends early");
	unit_ok(fails_with("[\x01]", "json: byte 0x01 where a value is expected at byte 1"),
		"a control byte is named by its number");
	unit_ok(fails_with("{\"a\":1,\"\\u0061\":2}", "json: duplicate key \"a\" at byte 7"),
		"a duplicate key is named unescaped, at its second place");
	unit_ok(fails_with("[\"\\ud800\"]", "json: lone surrogate at byte 2"),
		"a lone surrogate is named");
	unit_ok(fails_with("[\"\\u0000\"]", "json: escaped NUL at byte 2"),
		"an escaped NUL is named");
	unit_ok(fails_with("\xef\xbb\xbf[]", "json: byte order mark at byte 0"),
		"a byte order mark is named");
}

/* ${n} times ${open}, ${middle}, ${n} times ${end}. */
static char *nested(size_t n, const char *open, const char *middle, const char *end)
{
	size_t a = strlen(open), b = strlen(end), m = strlen(middle);
	char *text = mem_alloc(n * (a + b) + m + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * a, open, a);
	memcpy(text + n * a, middle, m);
	for (size_t i = 0; i < n; i++)
		memcpy(text + n * a + m + i * b, end, b);
	return text;
}

static bool nests(size_t n, const char *open, const char *middle, const char *end)
{
	char *text = nested(n, open, middle, end);
	struct err e;
	struct json *v = parse(text, &e);
	bool ok = v != NULL;

	json_free(v);
	free(text);
	return ok;
}

/* An array of 100 times ${element}. */
static bool has_siblings(const char *element)
{
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	struct json *v;
	bool ok;

	for (int i = 0; i < 100; i++)
		buf_addf(&b, "%c%s", i ? ',' : '[', element);
	buf_addc(&b, ']');
	v = json_parse(buf_str(&b), b.len, &e);
	ok = json_count(v) == 100;
	json_free(v);
	buf_release(&b);
	return ok;
}

static void test_depth(void)
{
	unit_ok(nests(32, "[", "", "]"), "32 arrays in each other are accepted");
	unit_ok(!nests(33, "[", "", "]"), "33 arrays in each other are refused");
	unit_ok(nests(31, "{\"a\":", "{}", "}"), "32 objects in each other are accepted");
	unit_ok(!nests(32, "{\"a\":", "{}", "}"), "33 objects in each other are refused");
	unit_ok(nests(16, "[{\"a\":", "1", "}]"), "32 mixed levels are accepted");
	unit_ok(!nests(16, "[{\"a\":", "[]", "}]"), "33 mixed levels are refused");
	unit_ok(!nests(500000, "[", "", "]"), "half a million levels are refused");
	unit_ok(!nests(200000, "{\"a\":", "", ""), "open objects without end are refused");
	unit_ok(has_siblings("[]"), "sibling arrays do not count as levels");
	unit_ok(has_siblings("{\"a\":{}}"), "sibling objects do not count as levels");
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* An object of ${n} keys; the last one repeats the first if ${twice}. */
static char *many_keys(int n, bool twice, size_t *len)
{
	struct buf b = BUF_INIT;
	char *text;

	buf_addc(&b, '{');
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s\"k%06d\":%d", i ? "," : "", twice && i == n - 1 ? 0 : i, i);
	buf_addc(&b, '}');
	*len = b.len;
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

static void test_many_keys(void)
{
	struct err e = { 0 };
	size_t len = 0;
	char *text = many_keys(60000, false, &len);
	double start = seconds();
	struct json *v = json_parse(text, len, &e);

	unit_ok(len > 900000 && len <= JSON_BYTES_MAX, "60,000 keys are nearly 1 MiB");
	unit_ok(v != NULL && json_count(v) == 60000, "60,000 keys in one object are accepted");
	unit_ok(seconds() - start < 2.0, "60,000 keys take less than two seconds");
	json_free(v);
	free(text);
	text = many_keys(60000, true, &len);
	v = json_parse(text, len, &e);
	unit_ok(v == NULL && strstr(e.text, "duplicate key \"k000000\"") != NULL,
		"one duplicate among 60,000 keys is found");
	json_free(v);
	free(text);
}

static bool parses_string_of(size_t len, size_t max, bool own_max)
{
	char *text = mem_alloc(len);
	struct err e = { 0 };
	struct json *v;
	bool ok;

	memset(text, 'a', len);
	text[0] = text[len - 1] = '"';
	v = own_max ? json_parse_max(text, len, max, &e) : json_parse(text, len, &e);
	ok = v != NULL && json_text_len(v) == len - 2;
	json_free(v);
	free(text);
	return ok;
}

static void test_size(void)
{
	unit_ok(parses_string_of(JSON_BYTES_MAX, 0, false), "1 MiB is accepted");
	unit_ok(!parses_string_of(JSON_BYTES_MAX + 1, 0, false), "a byte more is not");
	unit_ok(parses_string_of(JSON_BYTES_MAX + 1, JSON_BYTES_MAX + 1, true),
		"another ceiling can be higher");
	unit_ok(!parses_string_of(11, 10, true), "another ceiling can be lower");
	unit_ok(parses_string_of(10, 10, true), "a ceiling is inclusive");
}

static void test_many_numbers(void)
{
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	struct json *v;
	const struct json *c;
	bool same = true;
	char text[32];
	int i = 0;

	for (i = 0; i < 100000; i++)
		buf_addf(&b, "%c%d", i ? ',' : '[', i);
	buf_addc(&b, ']');
	v = json_parse(buf_str(&b), b.len, &e);
	for (c = json_first(v), i = 0; c != NULL; c = json_next(c), i++) {
		snprintf(text, sizeof text, "%d", i);
		same = same && strcmp(json_text(c), text) == 0;
	}
	unit_ok(v != NULL && i == 100000 && same, "100,000 numbers keep their tokens");
	json_free(v);
	buf_release(&b);
}

static bool text_is(const struct json *v, const char *want)
{
	return v != NULL && json_text(v) != NULL && strcmp(json_text(v), want) == 0;
}

static void test_tokens(void)
{
	static const char big[] = "0.12345678901234567890123456789012345678901234567890"
				  "12345678901234567890123456789012345678901234567890e-7";
	struct buf b = BUF_INIT;
	struct err e;
	static const char text[] =
		"{\"a\":1e400,\"b\":[-0,\"x\",1.10],\"c\":{\"d\":1E+2},\"e\":12}";
	struct json *v = parse(text, &e);
	const struct json *list = json_get(v, "b");

	unit_ok(text_is(json_get(v, "a"), "1e400"), "a number keeps its token, however large");
	unit_ok(text_is(json_first(list), "-0"), "minus zero keeps its sign");
	unit_ok(text_is(json_next(json_next(json_first(list))), "1.10"),
		"a number keeps its trailing zeros");
	unit_ok(text_is(json_get(json_get(v, "c"), "d"), "1E+2"), "an exponent is kept");
	unit_ok(text_is(json_get(v, "e"), "12"), "the last number keeps its token");
	json_free(v);
	buf_addf(&b, "[%s]", big);
	v = parse(buf_str(&b), &e);
	unit_ok(v != NULL && text_is(json_first(v), big), "a token of 100 digits is whole");
	json_free(v);
	buf_release(&b);
}

static void test_look_up(void)
{
	struct err e;
	struct json *v = parse("{\"Side\":\"buy\",\"side\":\"sell\",\"t\":true,\"f\":false,"
			       "\"n\":null,\"u\":\"\\u00e9\\ud83d\\ude00\\n\",\"l\":[1,2]}",
			       &e);

	unit_ok(text_is(json_get(v, "side"), "sell"), "look-up is by exact case");
	unit_ok(text_is(json_get(v, "Side"), "buy"), "a key in other case is another key");
	unit_ok(json_get(v, "SIDE") == NULL, "a key in a third case is absent");
	unit_ok(json_get(json_get(v, "l"), "x") == NULL, "an array has no members");
	unit_ok(json_get(NULL, "x") == NULL, "nothing has no members");
	unit_ok(json_true(json_get(v, "t")) && !json_true(json_get(v, "f")),
		"true and false are told apart");
	unit_ok(json_type(json_get(v, "t")) == JSON_BOOL &&
			json_type(json_get(v, "f")) == JSON_BOOL &&
			json_type(json_get(v, "n")) == JSON_NULL &&
			json_type(json_get(v, "u")) == JSON_STRING &&
			json_type(json_get(v, "l")) == JSON_ARRAY &&
			json_type(json_first(json_get(v, "l"))) == JSON_NUMBER &&
			json_type(v) == JSON_OBJECT,
		"every type is told");
	unit_ok(text_is(json_get(v, "u"), "\xc3\xa9\xf0\x9f\x98\x80\n"), "escapes are decoded");
	unit_ok(json_text_len(json_get(v, "u")) == 7, "the length of a text is in bytes");
	unit_ok(json_text(json_get(v, "t")) == NULL && json_text(v) == NULL,
		"only strings and numbers have a text");
	unit_ok(json_count(v) == 7 && json_count(json_get(v, "l")) == 2, "children count");
	unit_ok(strcmp(json_key(json_first(v)), "Side") == 0, "members come in order");
	json_free(v);
	json_free(NULL);
}

/* ---- reader ---- */

static bool read_text_is(const struct err *e, const char *want)
{
	bool ok = e->status == ERR_DATA && strcmp(e->text, want) == 0;

	if (!ok)
		printf("# %d %s\n", e->status, e->text);
	return ok;
}

/* Read {"orders":[{"side":...,"asset":...}]} the way a module would. */
static int read_orders(const char *text, struct err *e)
{
	struct err pe;
	struct json *v = parse(text, &pe);
	struct json_reader r, c;
	const struct json *list;
	int i = 0, result;

	memset(e, 0, sizeof *e);
	json_read_init(&r, v, "decision", e);
	list = json_read_array(&r, "orders", true);
	for (const struct json *o = json_first(list); o != NULL; o = json_next(o)) {
		json_read_child(&c, &r, "orders", i++, o);
		json_read_string(&c, "side", true);
		json_read_string(&c, "asset", false);
		json_read_end(&c);
	}
	result = json_read_end(&r);
	json_free(v);
	return result;
}

static void test_reader_paths(void)
{
	struct err e;

	unit_ok(read_orders("{\"orders\":[{\"side\":\"buy\"},"
			    "{\"side\":\"sell\",\"asset\":null}]}",
			    &e) == 0 &&
			e.status == 0,
		"a good record is read and the error is untouched");
	unit_ok(read_orders("{\"orders\":[{\"side\":\"buy\"},{}]}", &e) == -1 &&
			read_text_is(&e, "decision: orders[1].side is missing"),
		"a missing key is named with its path");
	unit_ok(read_orders("{\"orders\":[{\"side\":\"buy\",\"foo\":1}]}", &e) == -1 &&
			read_text_is(&e, "decision: unknown key \"foo\" (at orders[0])"),
		"an unknown key is refused with the path of its object");
	unit_ok(read_orders("{\"orders\":[],\"foo\":1}", &e) == -1 &&
			read_text_is(&e, "decision: unknown key \"foo\""),
		"an unknown key at the top has no path");
	unit_ok(read_orders("{\"Orders\":[]}", &e) == -1 &&
			read_text_is(&e, "decision: orders is missing"),
		"a key in another case is not taken");
	unit_ok(read_orders("{\"orders\":[{\"side\":1}]}", &e) == -1 &&
			read_text_is(&e, "decision: orders[0].side is not a string"),
		"a value of the wrong type is named");
	unit_ok(read_orders("{\"orders\":[7]}", &e) == -1 &&
			read_text_is(&e, "decision: orders[0] is not an object"),
		"an element that is no object is named");
	unit_ok(read_orders("{\"orders\":{}}", &e) == -1 &&
			read_text_is(&e, "decision: orders is not an array"),
		"an object for an array is refused");
	unit_ok(read_orders("[]", &e) == -1 && read_text_is(&e, "decision is not an object"),
		"anything but an object is refused");
	unit_ok(read_orders("{\"orders\":[{},{\"side\":2}],\"foo\":1}", &e) == -1 &&
			read_text_is(&e, "decision: orders[0].side is missing"),
		"the first error stays");
	unit_ok(read_orders("{\"orders\":[{\"side\":null}]}", &e) == -1 &&
			read_text_is(&e, "decision: orders[0].side is not a string"),
		"null is no value for a required key");
}

static void test_reader_nested(void)
{
	struct err e = { 0 }, pe;
	struct json *v = parse("{\"a\":{\"list\":[{\"b\":{\"x\":1}}]}}", &pe);
	struct json_reader top, a, item, b;

	json_read_init(&top, v, "t", &e);
	json_read_child(&a, &top, "a", -1, json_read_object(&top, "a", true));
	json_read_child(&item, &a, "list", 0, json_first(json_read_array(&a, "list", true)));
	json_read_child(&b, &item, "b", -1, json_read_object(&item, "b", true));
	json_read_fail(&b, "x", "unknown side %s", "up");
	unit_ok(read_text_is(&e, "t: a.list[0].b.x: unknown side up"),
		"an error of one's own carries the whole path");
	unit_ok(json_read_end(&top) == -1, "an error in a child fails the parent");
	unit_ok(json_read_string(&top, "a", true) == NULL && json_read_end(&a) == -1,
		"a latched reader reads nothing more");
	memset(&e, 0, sizeof e);
	json_read_init(&top, v, "t", &e);
	json_read_fail(&top, NULL, "no");
	unit_ok(read_text_is(&e, "t: no"), "an error of one's own needs no key");
	json_free(v);
}

/* Read "d" as a decimal at scale 8; the message, "" when it was read, "-" when absent. */
static const char *read_decimal(const char *text, int64_t *out)
{
	static struct err e;
	struct err pe;
	struct json *v = parse(text, &pe);
	struct json_reader r;
	bool present;

	memset(&e, 0, sizeof e);
	json_read_init(&r, v, "d", &e);
	present = json_read_decimal(&r, "d", false, 8, out);
	json_read_end(&r);
	json_free(v);
	return e.status != 0 ? e.text : present ? "" : "-";
}

static void test_reader_decimal(void)
{
	int64_t d = 5;

	unit_ok(strcmp(read_decimal("{\"d\":1.5}", &d), "d: d is not a decimal in a string") ==
			0,
		"a decimal that is a JSON number is refused");
	unit_ok(strcmp(read_decimal("{}", &d), "-") == 0 && d == 5,
		"an absent decimal leaves the default alone");
	unit_ok(strcmp(read_decimal("{\"d\":null}", &d), "-") == 0 && d == 5,
		"null counts as absent where absence is allowed");
	unit_ok(strncmp(read_decimal("{\"d\":\"1e3\"}", &d), "d: d: ", 6) == 0 && d == 5,
		"a decimal with an exponent is refused");
	unit_ok(strncmp(read_decimal("{\"d\":\"0.123456789\"}", &d), "d: d: ", 6) == 0 &&
			d == 5,
		"a decimal with too many digits is refused");
	unit_ok(strcmp(read_decimal("{\"d\":\"-1.5\"}", &d), "") == 0 && d == -150000000,
		"a decimal in a string is read exactly");
}

static bool read_int(const char *token, int64_t *out, struct err *e)
{
	struct buf b = BUF_INIT;
	struct err pe;
	struct json *v;
	struct json_reader r;
	bool present;

	buf_addf(&b, "{\"i\":%s}", token);
	v = parse(buf_str(&b), &pe);
	memset(e, 0, sizeof *e);
	json_read_init(&r, v, "t", e);
	present = json_read_int(&r, "i", true, -10, INT64_MAX, out);
	json_read_end(&r);
	json_free(v);
	buf_release(&b);
	return present && e->status == 0;
}

static void test_reader_int(void)
{
	struct err e;
	int64_t i = 5;

	unit_ok(read_int("9223372036854775807", &i, &e) && i == INT64_MAX,
		"the largest integer is read without loss");
	unit_ok(read_int("-10", &i, &e) && i == -10, "the lower bound is inclusive");
	i = 5;
	unit_ok(!read_int("-11", &i, &e) && i == 5 &&
			read_text_is(&e, "t: i: -11 is not in -10 to 9223372036854775807"),
		"an integer out of bounds is refused with the bounds");
	unit_ok(!read_int("9223372036854775808", &i, &e) && i == 5,
		"an integer beyond 64 bits is refused");
	unit_ok(!read_int("1.0", &i, &e), "an integer with a fraction is refused");
	unit_ok(!read_int("1e2", &i, &e), "an integer with an exponent is refused");
	unit_ok(!read_int("\"1\"", &i, &e) && read_text_is(&e, "t: i is not a number"),
		"an integer in a string is refused");
}

static void test_reader_bool_and_any(void)
{
	struct err e = { 0 }, pe;
	struct json *v = parse("{\"t\":true,\"f\":false,\"n\":null,\"s\":\"true\"}", &pe);
	struct json_reader r;
	bool b = false;

	json_read_init(&r, v, "x", &e);
	unit_ok(json_read_bool(&r, "t", true, &b) && b, "true is read");
	unit_ok(json_read_bool(&r, "f", true, &b) && !b, "false is read");
	unit_ok(!json_read_bool(&r, "absent", false, &b), "an absent bool is told");
	unit_ok(json_type(json_read_any(&r, "n", true)) == JSON_NULL, "any value may be null");
	unit_ok(!json_read_bool(&r, "s", true, &b) &&
			read_text_is(&e, "x: s is not true or false"),
		"a string is no bool");
	json_free(v);
}

/* ---- writer ---- */

static bool out_is(struct buf *b, const char *want)
{
	bool ok = strcmp(buf_str(b), want) == 0;

	if (!ok)
		printf("# %s\n", buf_str(b));
	buf_reset(b);
	return ok;
}

static void test_writer_shapes(void)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "s", "x");
	json_write_string(&w, "nil", NULL);
	json_write_int(&w, "i", INT64_MIN);
	json_write_bool(&w, "t", true);
	json_write_decimal(&w, "d", -150000000, 8);
	json_write_array(&w, "l");
	json_write_array(&w, NULL);
	json_write_close(&w);
	json_write_object(&w, NULL);
	json_write_close(&w);
	json_write_null(&w, NULL);
	json_write_raw(&w, NULL, "[1]", 3);
	json_write_close(&w);
	json_write_bool(&w, "f\"", false);
	json_write_close(&w);
	json_write_end(&w);
	unit_ok(out_is(&b, "{\"s\":\"x\",\"nil\":null,\"i\":-9223372036854775808,\"t\":true,"
			   "\"d\":\"-1.5\",\"l\":[[],{},null,[1]],\"f\\\"\":false}\n"),
		"every kind of value is written compactly and in order");
	json_write_int(&w, NULL, 1);
	json_write_end(&w);
	json_write_array(&w, NULL);
	json_write_close(&w);
	json_write_end(&w);
	unit_ok(out_is(&b, "1\n[]\n"), "a writer can write one line after the other");
	buf_release(&b);
}

static void test_writer_place(void)
{
	struct buf b = BUF_INIT, head = BUF_INIT;
	struct json_writer w;
	size_t at;

	json_escape(&head, "a\"\n\x7f\xc3\xa4", 6);
	json_write_init(&w, &b);
	json_write_array(&w, NULL);
	at = json_write_string_at(&w, NULL, "b", 1);
	json_write_close(&w);
	unit_ok(strcmp(buf_str(&head), "a\\\"\\u000a\\u007f\xc3\xa4") == 0 &&
			strcmp(buf_str(&b), "[\"b\"]") == 0 && at == 2,
		"escaped text can be put where the writer says that a string begins");
	buf_release(&head);
	buf_release(&b);
}

static bool writes_string(const char *s, size_t n, const char *want)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	bool ok;

	json_write_init(&w, &b);
	json_write_stringn(&w, NULL, s, n);
	ok = out_is(&b, want);
	buf_release(&b);
	return ok;
}

static void test_writer_strings(void)
{
	unit_ok(writes_string("a\"\\/b", 5, "\"a\\\"\\\\/b\""), "quote, backslash are escaped");
	unit_ok(writes_string("\b\n\x1f\x7f", 4, "\"\\u0008\\u000a\\u001f\\u007f\""),
		"control bytes are escaped");
	unit_ok(writes_string("\xc2\x9b"
			      "2J",
			      4, "\"\\u009b2J\""),
		"the second set of control characters is escaped");
	unit_ok(writes_string("\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\""),
		"UTF-8 stands for itself");
	unit_ok(writes_string("a\xff"
			      "b\xc3",
			      4,
			      "\"a\xef\xbf\xbd"
			      "b\xef\xbf\xbd\""),
		"invalid UTF-8 is replaced");
	unit_ok(writes_string("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""),
		"surrogates in UTF-8 are replaced");
	unit_ok(writes_string("a\0b", 3,
			      "\"a\xef\xbf\xbd"
			      "b\""),
		"a NUL is replaced, since no reader of ours would take it");
	unit_ok(writes_string("", 0, "\"\""), "an empty string is written");
}

static void test_writer_every_byte(void)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	bool all = true;

	for (int x = 0; x < 256; x++) {
		for (int y = 0; y < 256; y++) {
			char s[2] = { (char)x, (char)y };
			struct err e = { 0 };
			struct json *v;

			buf_reset(&b);
			json_write_init(&w, &b);
			json_write_stringn(&w, NULL, s, 2);
			v = json_parse(buf_str(&b), b.len, &e);
			all = all && v != NULL;
			json_free(v);
		}
	}
	unit_ok(all, "whatever two bytes are written, the gate accepts the result");
	buf_release(&b);
}

static bool writes_double(double v, const char *want)
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	bool ok;

	json_write_init(&w, &b);
	json_write_double(&w, NULL, v);
	ok = out_is(&b, want);
	buf_release(&b);
	return ok;
}

static void test_writer_doubles(void)
{
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	struct json_writer w;
	struct json *v;

	unit_ok(writes_double(1.5, "1.5"), "a double is written without trailing zeros");
	unit_ok(writes_double(100.0, "100"), "zeros before the point are kept");
	unit_ok(writes_double(0.0, "0"), "zero is 0");
	unit_ok(writes_double(-0.0, "0"), "minus zero is 0");
	unit_ok(writes_double(-1e-12, "0"), "what is smaller than ten digits is 0");
	unit_ok(writes_double(0.12345678919, "0.1234567892"), "ten digits are rounded to");
	unit_ok(writes_double((double)NAN, "null"), "NaN is null");
	unit_ok(writes_double((double)-INFINITY, "null"), "infinity is null");
	json_write_init(&w, &b);
	json_write_double(&w, NULL, -DBL_MAX);
	v = json_parse(buf_str(&b), b.len, &e);
	unit_ok(v != NULL && b.len == 310, "the largest double is a valid number");
	json_free(v);
	buf_release(&b);
}

static void test_writer_round_trip(void)
{
	static const char text[] =
		"{\"a\":[1,2.50,-0,1e400,\"\\u0001\xc3\xa9\"],\"b\":{\"\":null}}";
	struct buf b = BUF_INIT;
	struct err e;
	struct json *v = parse(text, &e);
	const struct json *m = json_get(v, "a");
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_array(&w, "a");
	for (const struct json *c = json_first(m); c != NULL; c = json_next(c)) {
		if (json_type(c) == JSON_NUMBER)
			json_write_raw(&w, NULL, json_text(c), json_text_len(c));
		else
			json_write_string(&w, NULL, json_text(c));
	}
	json_write_close(&w);
	json_write_object(&w, "b");
	json_write_null(&w, "");
	json_write_close(&w);
	json_write_close(&w);
	unit_ok(out_is(&b, text), "what was read is written back the same");
	json_free(v);
	buf_release(&b);
}

static void misuse_key_missing(struct json_writer *w)
{
	json_write_object(w, NULL);
	json_write_int(w, NULL, 1);
}

static void misuse_key_in_array(struct json_writer *w)
{
	json_write_array(w, NULL);
	json_write_int(w, "a", 1);
}

static void misuse_unbalanced(struct json_writer *w)
{
	json_write_array(w, NULL);
	json_write_end(w);
}

static void misuse_close(struct json_writer *w)
{
	json_write_close(w);
}

static void misuse_two_values(struct json_writer *w)
{
	json_write_int(w, NULL, 1);
	json_write_int(w, NULL, 2);
}

static void misuse_nothing(struct json_writer *w)
{
	json_write_end(w);
}

static void misuse_depth(struct json_writer *w)
{
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		json_write_array(w, NULL);
}

static bool aborts(void (*misuse)(struct json_writer *))
{
	struct buf b = BUF_INIT;
	struct json_writer w;
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		json_write_init(&w, &b);
		misuse(&w);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

static void test_writer_misuse(void)
{
	unit_ok(aborts(misuse_key_missing), "a member without a key aborts");
	unit_ok(aborts(misuse_key_in_array), "an element with a key aborts");
	unit_ok(aborts(misuse_unbalanced), "an open array at the end aborts");
	unit_ok(aborts(misuse_close), "closing what is not open aborts");
	unit_ok(aborts(misuse_two_values), "two values at the top abort");
	unit_ok(aborts(misuse_nothing), "an end without a value aborts");
	unit_ok(aborts(misuse_depth), "more than 32 levels abort");
}

int main(void)
{
	test_accepted();
	test_refused();
	test_every_prefix_is_refused();
	test_messages();
	test_depth();
	test_many_keys();
	test_size();
	test_many_numbers();
	test_tokens();
	test_look_up();
	test_reader_paths();
	test_reader_nested();
	test_reader_decimal();
	test_reader_int();
	test_reader_bool_and_any();
	test_writer_shapes();
	test_writer_place();
	test_writer_strings();
	test_writer_every_byte();
	test_writer_doubles();
	test_writer_round_trip();
	test_writer_misuse();
	return unit_done();
}
