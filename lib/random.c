#include "random.h"

#include <assert.h>
#include <stddef.h>

#include "banned.h"

/* The odd number next to 2^64 divided by the golden ratio: the step of SplitMix64. */
#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

/* Where texts and numbers start from, so that deriving by 7 is not deriving by "7". */
#define RANDOM_TEXT UINT64_C(0x243f6a8885a308d3)
#define RANDOM_INT UINT64_C(0x13198a2e03707344)

uint64_t random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t random_derive(uint64_t seed, const char *text)
{
	uint64_t h = random_mix(seed ^ RANDOM_TEXT);
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		h = random_mix(h + RANDOM_STEP + (unsigned char)text[n]);
	/* the length keeps a chain of "ab", "c" apart from one of "a", "bc" */
	return random_mix(h ^ (RANDOM_STEP * (n + 1)));
}

uint64_t random_derive_int(uint64_t seed, int64_t n)
{
	uint64_t h = random_mix(seed ^ RANDOM_INT);

	return random_mix(h + RANDOM_STEP + (uint64_t)n);
}

uint64_t random_next(uint64_t *state)
{
	*state += RANDOM_STEP;
	return random_mix(*state);
}

uint64_t random_below(uint64_t *state, uint64_t bound)
{
	uint64_t surplus, x;

	assert(bound > 0);
	/* 2^64 mod bound: below it, the lowest results would come up once too often */
	surplus = -bound % bound;
	do
		x = random_next(state);
	while (x < surplus);
	return x % bound;
}
