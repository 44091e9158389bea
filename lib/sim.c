#include "sim.h"

#include <assert.h>
#include <string.h>

#include "random.h"
#include "tstamp.h"
#include "banned.h"

/*
 * A price path that can be entered anywhere. Time is cut into blocks of 2^24 windows (160
 * years), a window into 8 steps. Over a block a factor is a Brownian bridge by midpoints: it
 * is 0 at both ends, and the middle of each interval is the mean of its ends plus noise that is
 * a hash of (seed, level, index). So a point costs 27 hashes whatever came before it, its
 * neighbours share all but the last of them, and a block ends where the next begins.
 *
 * A symbol's logarithm is a weighted sum of two factors, the market's and its own. In a factor
 * the unit is the standard deviation of a window's change, with 32 bits of fraction; logarithms
 * are base 2 with 32 bits of fraction. Divisions, never shifts, where a value may be negative:
 * the result is then the same under every compiler.
 */

#define STEP_BITS 3		/* steps of a window */
#define LEVELS (24 + STEP_BITS) /* halvings from a block to a step */
#define STEPS (1 << STEP_BITS)
#define BLOCK_WINDOWS (INT64_C(1) << 24)
#define CHUNK 256 /* candles computed at once */

/*
 * Intervals above 2^16 windows (228 days) get the noise of 2^16: prices wander for most of a
 * year and come back in the end, so that a race in any decade starts near the level asked for.
 */
#define COARSE 16
#define CLUSTERED 6 /* up to 2^6 windows noise follows the volatility of its time */
#define FAT 3	    /* up to 2^3 windows noise has jumps */

#define Q16 65536

/* ${point}[i] is the factor at step ${first} + i of the block. */
struct factor {
	uint64_t seed;
	int64_t first, last;
	int64_t *point;
};

struct coin {
	const char *symbol;
	int64_t base;	  /* units of a price */
	int64_t sigma_e6; /* standard deviation of a five-minute change, 1e-6 */
	int64_t turnover; /* of a plain window, in the quote currency */
};

static const struct coin coins[] = {
	{ "BTC", INT64_C(600000000000000), 1000, 3000000 },
	{ "ETH", INT64_C(30000000000000), 1250, 1800000 },
	{ "SOL", INT64_C(1500000000000), 1800, 900000 },
	{ "XRP", INT64_C(5500000000), 1500, 600000 },
	{ "ADA", INT64_C(4500000000), 1500, 300000 },
	{ "DOGE", INT64_C(1200000000), 1900, 500000 },
	{ "LTC", INT64_C(800000000000), 1400, 250000 },
	{ "LINK", INT64_C(150000000000), 1700, 250000 },
	{ "DOT", INT64_C(60000000000), 1500, 200000 },
	{ "AVAX", INT64_C(280000000000), 1800, 250000 },
	{ "BNB", INT64_C(5500000000000), 1100, 700000 },
	{ "SHIB", INT64_C(180000), 2000, 300000 },
	{ "PEPE", INT64_C(120000), 2400, 400000 },
};

/* 2^(2^-1), 2^(2^-2) ... 2^(2^-32) with 62 bits of fraction. */
static const uint64_t root[32] = {
	UINT64_C(6521908912666391106), UINT64_C(5484249825272419512),
	UINT64_C(5029079263719320435), UINT64_C(4815862801830788490),
	UINT64_C(4712668792719003884), UINT64_C(4661903986662671290),
	UINT64_C(4636727017470743990), UINT64_C(4624189567668517720),
	UINT64_C(4617933561212708776), UINT64_C(4614808732577250068),
	UINT64_C(4613247111281068008), UINT64_C(4612466498810092975),
	UINT64_C(4612076242109103707), UINT64_C(4611881126141011236),
	UINT64_C(4611783571252412754), UINT64_C(4611734794581956353),
	UINT64_C(4611710406440186476), UINT64_C(4611698212417665819),
	UINT64_C(4611692115418496524), UINT64_C(4611689066921934630),
	UINT64_C(4611687542674409371), UINT64_C(4611686780550835664),
	UINT64_C(4611686399489096040), UINT64_C(4611686208958238036),
	UINT64_C(4611686113692811986), UINT64_C(4611686066060099699),
	UINT64_C(4611686042243743740), UINT64_C(4611686030335565807),
	UINT64_C(4611686024381476851), UINT64_C(4611686021404432377),
	UINT64_C(4611686019915910140), UINT64_C(4611686019171649022),
};

/* The hash of a place in a stream; two rounds, since seeds and indices differ in few bits. */
static uint64_t hash(uint64_t seed, unsigned stream, int64_t index)
{
	return random_mix(random_mix(seed + stream) ^ (uint64_t)index);
}

/*
 * Volatility at a corner of a grid, in Q16: 0.4 and up to 1.6 times the square of a uniform
 * number, so that most times are calm. The mean of its own square is 1.
 */
static int64_t volatility_corner(uint64_t seed, unsigned stream, int64_t index)
{
	uint64_t u = hash(seed, stream, index) >> 48;

	return 25923 + (int64_t)((u * u >> 16) * 103707 >> 16);
}

static int64_t volatility_layer(uint64_t seed, unsigned bits, int64_t step)
{
	int64_t size = INT64_C(1) << bits, index = step / size, part = step % size;
	int64_t a = volatility_corner(seed, 64 + bits, index);
	int64_t b = volatility_corner(seed, 64 + bits, index + 1);

	return (a * (size - part) + b * part) / size;
}

/* Of days and of hours: one layer of 2^10 windows (3.6 days), one of 2^6 (5.3 hours). */
static int64_t volatility(uint64_t seed, int64_t step)
{
	return volatility_layer(seed, 10 + STEP_BITS, step) *
	       volatility_layer(seed, 6 + STEP_BITS, step) / Q16;
}

/* One in 16 is 2.5 times a plain one, one in 341 six times; the mean square is 1. */
static int64_t jump(uint64_t h)
{
	uint64_t r = h % 1024;

	return r < 3 ? 330529 : r < 64 ? 137720 : 55088;
}

/* The deviation of the middle of 2^${e} windows from the mean of its ends: 2^(e/2) / 2. */
static int64_t spread(int e)
{
	int half, odd;

	if (e > COARSE)
		e = COARSE;
	half = (e + 2 * STEP_BITS) / 2;
	odd = (e + 2 * STEP_BITS) % 2;
	return ((odd ? INT64_C(3037000500) : INT64_C(2147483648)) << half) >> STEP_BITS;
}

/* Four uniform numbers of 16 bits, less their mean; the deviation of the sum is 37837. */
static int64_t bell(uint64_t h)
{
	return (int64_t)((h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48)) -
	       131070;
}

static int64_t noise(uint64_t seed, int level, int64_t index)
{
	int e = LEVELS - STEP_BITS - level;
	uint64_t h = hash(seed, (unsigned)level, index);
	int64_t v = bell(h) * spread(e) / 37837, middle;

	if (e <= CLUSTERED) {
		middle = ((index << 1 | 1) << (LEVELS - level)) >> 1;
		v = v * volatility(seed, middle) / Q16;
	}
	if (e <= FAT)
		v = v * jump(random_mix(h)) / Q16;
	return v;
}

/*
 * The points of ${f} in the interval ${index} of ${level}, whose ends are at ${a} and ${b}. 27
 * deep at most.
 */
static void fill(struct factor *f, int level, int64_t index, int64_t a, int64_t b)
{
	int64_t left = index << (LEVELS - level), right = (index + 1) << (LEVELS - level);
	int64_t middle;

	if (right <= f->first || left >= f->last)
		return;
	if (level == LEVELS) {
		f->point[left - f->first] = a;
		f->point[right - f->first] = b;
		return;
	}
	middle = (a + b) / 2 + noise(f->seed, level, index);
	fill(f, level + 1, index * 2, a, middle);
	fill(f, level + 1, index * 2 + 1, middle, b);
}

static int64_t square_root(int64_t v)
{
	int64_t r = 0, bit;

	for (bit = INT64_C(1) << 20; bit != 0; bit >>= 1)
		if ((r + bit) * (r + bit) <= v)
			r += bit;
	return r;
}

/* A symbol that is not in the table has the traits that its letters hash to. */
static struct coin traits(const struct sim_asset *a)
{
	static const int64_t tens[] = { 10000000, 100000000, 1000000000 };
	struct coin c = { a->symbol, 0, 0, 0 };
	uint64_t h = random_derive(0, a->symbol);
	size_t i;

	c.base = (int64_t)(100 + h % 900) * tens[(h >> 16) % 3];
	c.sigma_e6 = (int64_t)(1200 + (h >> 32) % 1200);
	c.turnover = (int64_t)(100000 + (h >> 48) % 400000);
	for (i = 0; i < sizeof coins / sizeof *coins; i++)
		if (strcmp(coins[i].symbol, a->symbol) == 0)
			c = coins[i];
	if (a->base.u > 0)
		c.base = a->base.u;
	return c;
}

/* 2^(x / 2^32) for the fraction ${x}, with 62 bits of fraction. */
static uint64_t power_of_two(uint32_t x)
{
	uint64_t v = UINT64_C(1) << 62;
	int i;

	for (i = 0; i < 32; i++)
		if (x >> (31 - i) & 1)
			v = (uint64_t)((unsigned __int128)v * root[i] >> 62);
	return v;
}

/* To six significant digits: a tick. Rounding keeps order, so the high stays the highest. */
static int64_t to_tick(int64_t v)
{
	int64_t tick = 1;

	while (v / tick >= 1000000)
		tick *= 10;
	return (v + tick / 2) / tick * tick;
}

/* ${base} times two to the power of ${log}. */
static struct price price_at(int64_t base, int64_t log)
{
	const int64_t one = INT64_C(1) << 32, ceiling = INT64_C(9000000000000000000);
	int64_t whole = log / one, part = log % one;
	unsigned __int128 v;
	struct price p;

	if (part < 0) {
		part += one;
		whole--;
	}
	v = (unsigned __int128)(uint64_t)base * power_of_two((uint32_t)part) >> 31;
	/* the 31 bits that are left of the 62 take the sign of the exponent's whole part */
	if (whole > 30)
		whole = 30;
	if (whole < -62)
		whole = -62;
	v >>= 31 - whole;
	p.u = v > (unsigned __int128)ceiling ? ceiling : to_tick((int64_t)v);
	if (p.u < 1)
		p.u = 1;
	return p;
}

/*
 * A quiet window trades a third of the usual turnover, a window of a wide range several times
 * as much. ${range} is in factor units.
 */
static struct volume volume_of(const struct coin *c, uint64_t h, int64_t range, int64_t price)
{
	const __int128 ceiling = INT64_C(900000000000000000);
	int64_t activity = Q16 / 3 + range / Q16 / 3 * 2;
	int64_t luck = Q16 / 2 + (int64_t)(h % Q16);
	__int128 v = (__int128)c->turnover * activity / Q16 * luck / Q16;
	struct volume out;

	v = v * INT64_C(100000000000000) / price;
	out.u = (int64_t)(v > ceiling ? ceiling : v < 1 ? 1 : v);
	return out;
}

/* Factors to a base-2 logarithm: sigma / ln 2. */
static int64_t to_log(const struct coin *c, int64_t factor)
{
	return (int64_t)((__int128)factor * c->sigma_e6 * INT64_C(6196328019) / 1000000 /
			 (INT64_C(1) << 32));
}

static void make_candle(const struct coin *c, uint64_t h, const int64_t x[STEPS + 1],
			struct view_candle *out)
{
	int64_t low = x[0], high = x[0];
	int i;

	for (i = 1; i <= STEPS; i++) {
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
	}
	out->open = price_at(c->base, to_log(c, x[0]));
	out->high = price_at(c->base, to_log(c, high));
	out->low = price_at(c->base, to_log(c, low));
	out->close = price_at(c->base, to_log(c, x[STEPS]));
	out->volume = volume_of(c, h, high - low, out->close.u);
}

/* ${n} candles from window ${first} of a block; n <= CHUNK, and none beyond the block. */
static void chunk(const struct sim_asset *a, int64_t block, int64_t first, size_t n,
		  struct view_candle *out)
{
	int64_t market[CHUNK * STEPS + 1], own[CHUNK * STEPS + 1];
	int64_t from = first * STEPS, to = from + (int64_t)n * STEPS;
	struct coin c = traits(a);
	uint64_t s_market = random_derive(a->seed, "market");
	uint64_t s_own = random_derive(random_derive(a->seed, "asset"), a->symbol);
	/* 0.76 to 0.85 is the market's: the product is what two symbols correlate by */
	int64_t w_market = 760 + (int64_t)(random_mix(s_own) % 91);
	int64_t w_own = square_root(1000000 - w_market * w_market);
	struct factor fm = { random_derive_int(s_market, block), from, to, market };
	struct factor fo = { random_derive_int(s_own, block), from, to, own };
	size_t i;

	fill(&fm, 0, 0, 0, 0);
	fill(&fo, 0, 0, 0, 0);
	for (i = 0; i <= n * STEPS; i++)
		own[i] = (market[i] * w_market + own[i] * w_own) / 1000;
	for (i = 0; i < n; i++) {
		int64_t window = first + (int64_t)i;

		out[i].open_ms = (block * BLOCK_WINDOWS + window) * TSTAMP_WINDOW_MS;
		make_candle(&c, hash(fo.seed, 128, window), own + i * STEPS, &out[i]);
	}
}

void sim_candles(const struct sim_asset *a, int64_t last_open_ms, size_t n,
		 struct view_candle *out)
{
	int64_t window = last_open_ms / TSTAMP_WINDOW_MS - (int64_t)n + 1;
	int64_t block, first;
	size_t now;

	assert(last_open_ms % TSTAMP_WINDOW_MS == 0);
	while (n > 0) {
		first = (window % BLOCK_WINDOWS + BLOCK_WINDOWS) % BLOCK_WINDOWS;
		block = (window - first) / BLOCK_WINDOWS;
		now = n < CHUNK ? n : CHUNK;
		if ((int64_t)now > BLOCK_WINDOWS - first)
			now = (size_t)(BLOCK_WINDOWS - first);
		chunk(a, block, first, now, out);
		window += (int64_t)now;
		out += now;
		n -= now;
	}
}

void sim_candle(const struct sim_asset *a, int64_t open_ms, struct view_candle *out)
{
	sim_candles(a, open_ms, 1, out);
}
