#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * Fixed-point values of the race (SEMANTICS ). Four kinds that the compiler keeps
 * apart, each an int64 at a scale that never changes:
 *
 *   struct money     1e-8  of the quote currency
 *   struct quantity  1e-8  of an asset
 *   struct price     1e-10 of the quote currency per unit of an asset
 *   struct volume    1e-4  of an asset, traded in a candle
 *
 * Products are formed in 128 bit and checked. Arithmetic returns 0, or -1 on overflow with
 * ${out} untouched; it cannot fail otherwise. There is no floating point here.
 */

#define MONEY_SCALE 8
#define QUANTITY_SCALE 8
#define PRICE_SCALE 10
#define VOLUME_SCALE 4
#define DECIMAL_SCALE_MAX 18
#define DECIMAL_TEXT_MAX 32 /* room for any int64 at any scale, with sign, point and NUL */

struct money {
	int64_t u;
};
struct quantity {
	int64_t u;
};
struct price {
	int64_t u;
};
struct volume {
	int64_t u;
};

enum decimal_round { DECIMAL_DOWN, DECIMAL_UP }; /* towards minus and plus infinity */

/*
 * Read a decimal of ours: -?(0|[1-9][0-9]*)(\.[0-9]+)? and nothing else. More digits
 * after the point than ${scale} are an error even if they are zeros, and so is a value that
 * does not fit. "-0" reads as 0. ${e} gets ERR_DATA and a text that quotes (at most 40 bytes
 * of) the input.
 */
int decimal_parse(const char *s, size_t n, int scale, int64_t *out, struct err *e);

/*
 * Read a foreign number, token-exact: RFC 8259 number syntax, exponent allowed, besides leading
 * zeros, a leading '+' and ".5" or "5." which CSV files have. Digits beyond ${scale} are
 * rounded half to even and *${rounded} is set to true (never to false). Anything else (NaN,
 * inf, hex, commas, blanks, empty) and a value that does not fit is ERR_DATA. Works for any
 * length of digits and any exponent without overflow or loss.
 */
int decimal_parse_foreign(const char *s, size_t n, int scale, int64_t *out, bool *rounded,
			  struct err *e);

/* Shortest exact text: no trailing zeros, no point for an integer, "0" for zero. Returns
 * ${out}. */
char *decimal_format(int64_t v, int scale, char out[DECIMAL_TEXT_MAX]);

/* Exactly ${places} digits after the point (<= scale), rounded half away from zero: for people.
 */
char *decimal_format_fixed(int64_t v, int scale, int places, char out[DECIMAL_TEXT_MAX]);

/* v * num / den in 128 bit; den > 0. */
int decimal_muldiv(int64_t v, int64_t num, int64_t den, enum decimal_round round, int64_t *out);

int money_add(struct money a, struct money b, struct money *out);
int money_sub(struct money a, struct money b, struct money *out);
int quantity_add(struct quantity a, struct quantity b, struct quantity *out);
int quantity_sub(struct quantity a, struct quantity b, struct quantity *out);

/* What ${q} units cost at ${p}: q * p rounded as told. */
int money_of(struct quantity q, struct price p, enum decimal_round round, struct money *out);

/* How many units ${m} buys at ${p} (> 0): m / p rounded as told. */
int quantity_of(struct money m, struct price p, enum decimal_round round, struct quantity *out);

/* ${m} times a rate in 1e-4 of a basis point (1e-8 of the whole); for fees and shares. */
int money_rate(struct money m, int64_t rate_e8, enum decimal_round round, struct money *out);

/* ${p} times (1 + rate_e8 * 1e-8), rounded as told; rate_e8 may be negative, > -1e8. */
int price_shift(struct price p, int64_t rate_e8, enum decimal_round round, struct price *out);

/* A cost divided by a quantity (> 0): the average price, rounded down. For display only. */
int price_of(struct money cost, struct quantity q, struct price *out);

#endif
