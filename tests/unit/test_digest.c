#include <stdint.h>
#include <string.h>

#include "digest.h"
#include "unit.h"

#include "banned.h"

static bool gives(const void *data, size_t n, const char *want)
{
	struct digest d;
	char hex[DIGEST_HEX_SIZE];

	digest_of(data, n, &d);
	digest_hex(&d, hex);
	return strcmp(hex, want) == 0;
}

static bool same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

/* The examples of FIPS 180-4. */
static void known_answers(void)
{
	static char million[1000000];

	memset(million, 'a', sizeof million);
	unit_ok(gives("", 0,
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
		"the digest of nothing is that of the standard");
	unit_ok(gives(NULL, 0,
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
		"nothing may be a null pointer");
	unit_ok(gives("abc", 3,
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
		"the digest of abc is that of the standard");
	unit_ok(gives("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
		"the digest of two blocks is that of the standard");
	unit_ok(gives(million, sizeof million,
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
		"the digest of a million a is that of the standard");
}

static void pieces(void)
{
	char data[200];
	struct digest whole, split;
	bool all = true;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7);
	digest_of(data, sizeof data, &whole);
	for (size_t cut = 0; cut <= sizeof data; cut++) {
		struct digest_state s;

		digest_init(&s);
		digest_update(&s, data, cut);
		digest_update(&s, data + cut, sizeof data - cut);
		digest_final(&s, &split);
		all = all && same(&whole, &split);
	}
	unit_ok(all, "data in two pieces gives the digest of the whole, wherever it is cut");
}

static void of_two_fields(const char *a, const char *b, struct digest *out)
{
	struct digest_state s;

	digest_init(&s);
	digest_field(&s, a, strlen(a));
	digest_field(&s, b, strlen(b));
	digest_final(&s, out);
}

static void of_int(int64_t v, struct digest *out)
{
	struct digest_state s;

	digest_init(&s);
	digest_int(&s, v);
	digest_final(&s, out);
}

static void fields(void)
{
	static const char bytes[] = "\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c";
	struct digest a, b, c, d;

	of_two_fields("ab", "c", &a);
	of_two_fields("a", "bc", &b);
	of_two_fields("abc", "", &c);
	unit_ok(!same(&a, &b) && !same(&a, &c) && !same(&b, &c),
		"moving a byte to the next field changes the digest");
	digest_of(bytes, sizeof bytes - 1, &d);
	unit_ok(same(&a, &d), "a field is eight bytes of length, highest first, and the data");
}

static void integers(void)
{
	struct digest a, b;

	of_int(0x0102030405060708, &a);
	digest_of("\1\2\3\4\5\6\7\10", 8, &b);
	unit_ok(same(&a, &b), "an integer is its eight bytes, highest first");
	of_int(-2, &a);
	digest_of("\377\377\377\377\377\377\377\376", 8, &b);
	unit_ok(same(&a, &b), "a negative integer is in two's complement");
	of_int(INT64_MIN, &a);
	digest_of("\200\0\0\0\0\0\0\0", 8, &b);
	unit_ok(same(&a, &b), "the lowest integer is in two's complement");
}

static void hexadecimal(void)
{
	struct digest d, back, upper;
	char hex[DIGEST_HEX_SIZE], shout[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < DIGEST_SIZE; i++)
		d.bytes[i] = (unsigned char)(i * 37 + 5);
	digest_hex(&d, hex);
	unit_ok(strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64,
		"the text has 64 lower-case digits");
	unit_ok(digest_unhex(hex, &back) == 0 && same(&d, &back), "the text reads back");
	for (size_t i = 0; i < sizeof hex; i++)
		shout[i] = (char)(hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 32 : hex[i]);
	unit_ok(digest_unhex(shout, &upper) == 0 && same(&d, &upper),
		"upper-case digits are read as well");
}

/* Whether every replacement of one digit by a byte that is none is refused. */
static bool refuses_bytes(const char *hex)
{
	static const char wrong[] = "/:@G`g xX-+\n\377";
	struct digest d;
	char text[DIGEST_HEX_SIZE];

	for (size_t i = 0; i < 64; i++)
		for (const char *w = wrong; *w != '\0'; w++) {
			memcpy(text, hex, sizeof text);
			text[i] = *w;
			if (digest_unhex(text, &d) != -1)
				return false;
		}
	return true;
}

static void malformed(void)
{
	char text[66];
	struct digest d, before;

	memset(&d, 0x5a, sizeof d);
	before = d;
	memset(text, '0', 65);
	text[65] = '\0';
	unit_ok(digest_unhex(text, &d) == -1, "65 digits are refused");
	text[63] = '\0';
	unit_ok(digest_unhex(text, &d) == -1, "63 digits are refused");
	unit_ok(digest_unhex("", &d) == -1, "no digits are refused");
	text[63] = 'z';
	text[64] = '\0';
	unit_ok(digest_unhex(text, &d) == -1 && same(&d, &before),
		"a refused text leaves the digest alone");
	text[63] = '0';
	unit_ok(refuses_bytes(text), "a byte that is no digit is refused wherever it stands");
}

int main(void)
{
	known_answers();
	pieces();
	fields();
	integers();
	hexadecimal();
	malformed();
	return unit_done();
}
