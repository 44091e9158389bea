#include <stdint.h>
#include <string.h>

#include "random.h"
#include "unit.h"

#include "banned.h"

/* The published numbers of SplitMix64 for the seed 1234567. */
static void known_answers(void)
{
	static const uint64_t want[] = {
		UINT64_C(6457827717110365317),	UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),	UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	uint64_t state = 1234567;
	bool all = true;

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		all = all && random_next(&state) == want[i];
	unit_ok(all, "the stream is SplitMix64");
	unit_ok(random_mix(0) == 0, "the mix of 0 is 0");
	unit_ok(random_mix(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0xe220a8397b1dcdaf),
		"the mix is SplitMix64's output function");
}

/* Undoes x ^= x >> n. */
static uint64_t unshift(uint64_t x, int n)
{
	uint64_t y = x;

	for (int done = n; done < 64; done += n)
		y = x ^ (y >> n);
	return y;
}

/* The inverse of an odd number modulo 2^64; every step doubles the bits that are right. */
static uint64_t inverse(uint64_t a)
{
	uint64_t x = a;

	for (int i = 0; i < 6; i++)
		x *= 2 - a * x;
	return x;
}

static uint64_t unmix(uint64_t x)
{
	x = unshift(x, 31) * inverse(UINT64_C(0x94d049bb133111eb));
	x = unshift(x, 27) * inverse(UINT64_C(0xbf58476d1ce4e5b9));
	return unshift(x, 30);
}

static void bijection(void)
{
	uint64_t state = 99;
	bool all = true;

	for (int i = 0; i < 10000; i++) {
		uint64_t x = random_next(&state);

		all = all && unmix(random_mix(x)) == x;
	}
	unit_ok(all, "the mix can be undone, so no two inputs share an output");
}

static void derivation(void)
{
	uint64_t ab_c = random_derive(random_derive(1, "ab"), "c");
	uint64_t a_bc = random_derive(random_derive(1, "a"), "bc");

	unit_ok(random_derive(1, "btc") == random_derive(1, "btc"),
		"the same text derives the same");
	unit_ok(random_derive(1, "btc") != random_derive(2, "btc"),
		"another seed derives another");
	unit_ok(random_derive(1, "btc") != random_derive(1, "bt"),
		"a shorter text derives another");
	unit_ok(random_derive(1, "") != 1 && random_derive(1, "") != random_derive(2, ""),
		"even the empty text derives");
	unit_ok(ab_c != a_bc && ab_c != random_derive(1, "abc"),
		"a chain of texts is not the chain of the same bytes cut elsewhere");
	unit_ok(random_derive(1, "\377") != random_derive(1, "\177"), "all eight bits count");
	unit_ok(random_derive_int(1, 7) != random_derive(1, "7"),
		"a number derives other than its text");
	unit_ok(random_derive_int(1, 7) != random_derive_int(1, -7), "the sign counts");
	unit_ok(random_derive_int(1, INT64_MIN) != random_derive_int(1, INT64_MAX),
		"the ends of the range derive");
	unit_ok(random_derive_int(1, 2) != random_derive_int(2, 1),
		"seed and number do not change places");
}

/* These values are part of every recorded race: whoever changes them changes all of them. */
static void frozen(void)
{
	unit_ok(random_derive(42, "BTC") == UINT64_C(0xf4b83c353380665b),
		"deriving by text never changes");
	unit_ok(random_derive_int(42, 1721692800000) == UINT64_C(0x48415925be431b3d),
		"deriving by number never changes");
}

/* Flipping any bit of the seed flips about half of the bits of the result. */
static void avalanche(void)
{
	int64_t flipped = 0;
	int lowest = 64;

	for (int bit = 0; bit < 64; bit++)
		for (int64_t n = 0; n < 64; n++) {
			uint64_t seed = UINT64_C(0x1234567890abcdef);
			uint64_t a = random_derive_int(seed, n);
			uint64_t b = random_derive_int(seed ^ UINT64_C(1) << bit, n);
			int d = __builtin_popcountll(a ^ b);

			flipped += d;
			lowest = d < lowest ? d : lowest;
		}
	unit_ok(flipped > 64 * 64 * 31 && flipped < 64 * 64 * 33 && lowest > 8,
		"each bit of the seed decides about half of the bits derived");
}

static void bounds(void)
{
	uint64_t state = 5;
	bool ones = true, inside = true, large = true;
	static const uint64_t huge = (UINT64_C(1) << 63) + 1;

	for (int i = 0; i < 1000; i++) {
		ones = ones && random_below(&state, 1) == 0;
		inside = inside && random_below(&state, 7) < 7;
		large = large && random_below(&state, huge) < huge;
	}
	unit_ok(ones, "below 1 there is only 0");
	unit_ok(inside, "numbers below 7 are below 7");
	unit_ok(large, "numbers below more than half of the range are below it");
}

/*
 * With a bound of three quarters of the range, plain division would give the lowest third twice
 * as often as either of the others.
 */
static void unbiased(void)
{
	const uint64_t third = UINT64_C(1) << 62;
	uint64_t state = 11;
	int count[3] = { 0, 0, 0 };
	bool fair = true;

	for (int i = 0; i < 30000; i++)
		count[random_below(&state, 3 * third) / third]++;
	for (int i = 0; i < 3; i++)
		fair = fair && count[i] > 9600 && count[i] < 10400;
	unit_ok(fair, "no part of a bound is preferred");
}

static void spread(void)
{
	int count[10] = { 0 };
	uint64_t state = 3;
	bool fair = true;

	for (int i = 0; i < 100000; i++)
		count[random_below(&state, 10)]++;
	for (int i = 0; i < 10; i++)
		fair = fair && count[i] > 9600 && count[i] < 10400;
	unit_ok(fair, "each number of a small range comes up about as often");
}

static void whole_range(void)
{
	uint64_t a = 77, b = 77;
	bool same = true;

	/* 2^63 divides 2^64, so nothing is thrown away and the streams stay in step */
	for (int i = 0; i < 100; i++)
		same = same && random_below(&a, UINT64_C(1) << 63) == random_next(&b) << 1 >> 1;
	unit_ok(same && a == b, "a bound that is a power of two takes one number each");
}

int main(void)
{
	known_answers();
	bijection();
	derivation();
	frozen();
	avalanche();
	bounds();
	unbiased();
	spread();
	whole_range();
	return unit_done();
}
