#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/*
 * Seeded pseudo-random numbers of exactly specified integer arithmetic: the same seed gives the
 * same numbers everywhere. Never for secrets.
 */

/* SplitMix64's output function: a bijective mix of 64 bits. */
uint64_t random_mix(uint64_t x);

/* A seed from a seed and a text or a number: chain them to derive streams. */
uint64_t random_derive(uint64_t seed, const char *text);
uint64_t random_derive_int(uint64_t seed, int64_t n);

/* The next number of the stream, and one in [0, bound) without bias; bound > 0. */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t bound);

#endif
