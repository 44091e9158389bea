#include "sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "tstamp.h"
#include "unit.h"
#include "banned.h"

#define BLOCK_MS (INT64_C(16777216) * TSTAMP_WINDOW_MS)
#define DAY_2024 INT64_C(1721692800000) /* 2024-07-23T00:00:00Z */
#define YEAR_2100 INT64_C(4102444800000)
#define LONG 40000

static const char *const known[] = { "BTC",  "ETH", "SOL",  "XRP", "ADA",  "DOGE", "LTC",
				     "LINK", "DOT", "AVAX", "BNB", "SHIB", "PEPE" };
#define N_KNOWN (sizeof known / sizeof *known)

static struct sim_asset asset(uint64_t seed, const char *symbol)
{
	struct sim_asset a = { .seed = seed };

	snprintf(a.symbol, sizeof a.symbol, "%s", symbol);
	return a;
}

static void hex_of(const struct view_candle *c, size_t n, char hex[DIGEST_HEX_SIZE])
{
	struct digest_state s;
	struct digest d;

	digest_init(&s);
	for (size_t i = 0; i < n; i++) {
		digest_int(&s, c[i].open_ms);
		digest_int(&s, c[i].open.u);
		digest_int(&s, c[i].high.u);
		digest_int(&s, c[i].low.u);
		digest_int(&s, c[i].close.u);
		digest_int(&s, c[i].volume.u);
	}
	digest_final(&s, &d);
	digest_hex(&d, hex);
}

static void golden_digest(const char *symbol, uint64_t seed, int64_t last, const char *want,
			  const char *name)
{
	struct view_candle c[600];
	struct sim_asset a = asset(seed, symbol);
	char hex[DIGEST_HEX_SIZE];

	sim_candles(&a, last, 600, c);
	hex_of(c, 600, hex);
	if (!unit_ok(strcmp(hex, want) == 0, name))
		printf("# %s\n", hex);
}

static void test_golden(void)
{
	struct sim_asset a = asset(1, "BTC");
	struct view_candle c;

	sim_candle(&a, DAY_2024, &c);
	if (!unit_ok(c.open_ms == DAY_2024 && c.open.u == INT64_C(463719000000000) &&
			     c.high.u == INT64_C(463983000000000) &&
			     c.low.u == INT64_C(463376000000000) &&
			     c.close.u == INT64_C(463376000000000) && c.volume.u == 1103490,
		     "one candle has exactly the recorded numbers"))
		printf("# %lld %lld %lld %lld %lld\n", (long long)c.open.u, (long long)c.high.u,
		       (long long)c.low.u, (long long)c.close.u, (long long)c.volume.u);
	golden_digest("BTC", 1, DAY_2024,
		      "99be44d75e29fc2d50fa5b276e9b3d2684fd1aab66ecfbb273a9f703e090f129",
		      "600 candles of BTC have the recorded digest");
	golden_digest("SHIB", 42, DAY_2024,
		      "b4a2576588aa39f8a095e7ae6ad7606185c8f8f12135dcaf0623382004272d95",
		      "600 candles of SHIB under another seed have the recorded digest");
	golden_digest("QQ.X", 7, INT64_C(1000) * TSTAMP_WINDOW_MS,
		      "88c9debb64cfa33f80218f22cb991f02562521fa4ad5864fe23c8658f6ddbf61",
		      "600 candles of an unknown symbol in 1970 have the recorded digest");
	a = asset(1, "BTC");
	sim_candle(&a, 0, &c);
	unit_ok(c.open.u == INT64_C(600000000000000), "BTC opens at 60000 in 1970");
}

static bool same(const struct view_candle *a, const struct view_candle *b)
{
	return a->open_ms == b->open_ms && a->open.u == b->open.u && a->high.u == b->high.u &&
	       a->low.u == b->low.u && a->close.u == b->close.u && a->volume.u == b->volume.u;
}

static void test_batches(void)
{
	static struct view_candle c[1000], part[1000], one;
	struct sim_asset a = asset(99, "SOL");
	int64_t last = BLOCK_MS + 300 * TSTAMP_WINDOW_MS;
	bool single = true, parts = true, joined = true, times = true;

	sim_candles(&a, last, 1000, c);
	for (size_t i = 0; i < 1000; i++) {
		sim_candle(&a, c[i].open_ms, &one);
		single = single && same(&one, &c[i]);
		times = times && c[i].open_ms == last - (int64_t)(999 - i) * TSTAMP_WINDOW_MS;
		joined = joined && (i == 0 || c[i].open.u == c[i - 1].close.u);
	}
	for (size_t n = 1; n <= 1000; n = n * 3 + 1) {
		sim_candles(&a, last, n, part);
		parts = parts && memcmp(part, c + 1000 - n, n * sizeof *c) == 0;
	}
	unit_ok(times, "a batch ends at the asked time and its times are five minutes apart");
	unit_ok(single, "a candle alone equals the same candle in a batch, across blocks too");
	unit_ok(parts, "a batch is the end of any longer batch");
	unit_ok(joined, "each candle opens at the close before it, across blocks too");
	sim_candles(&a, last, 0, c);
	unit_ok(c[0].open_ms == last - 999 * TSTAMP_WINDOW_MS, "no candles touch no memory");
}

static bool ticked(struct price p)
{
	int64_t v = p.u;

	while (v % 10 == 0)
		v /= 10;
	return v < 1000000;
}

static void test_shape(void)
{
	static struct view_candle c[5000];
	bool order = true, positive = true, tick = true;

	for (size_t k = 0; k < N_KNOWN; k++) {
		struct sim_asset a = asset(5, known[k]);

		sim_candles(&a, DAY_2024, 5000, c);
		for (size_t i = 0; i < 5000; i++) {
			order = order && c[i].low.u <= c[i].open.u &&
				c[i].low.u <= c[i].close.u && c[i].high.u >= c[i].open.u &&
				c[i].high.u >= c[i].close.u;
			positive = positive && c[i].low.u > 0 && c[i].volume.u > 0;
			tick = tick && ticked(c[i].open) && ticked(c[i].high) &&
			       ticked(c[i].low) && ticked(c[i].close);
		}
	}
	unit_ok(order, "low is lowest and high is highest in every candle");
	unit_ok(positive, "prices and volumes are above 0");
	unit_ok(tick, "prices have at most six significant digits");
}

static void test_levels(void)
{
	struct sim_asset a;
	struct view_candle c;
	int inside = 0, all = 0, wild = 0;

	for (size_t k = 0; k < N_KNOWN; k++) {
		int64_t base;

		a = asset(3, known[k]);
		sim_candle(&a, 0, &c);
		base = c.open.u;
		for (int64_t at = 0; at < YEAR_2100; at += 10 * TSTAMP_DAY_MS, all++) {
			sim_candle(&a, at, &c);
			inside += c.open.u / 3 <= base && base / 3 <= c.open.u;
			wild += c.open.u / 12 > base || base / 12 > c.open.u;
		}
	}
	unit_ok(inside * 100 >= all * 95,
		"from 1970 to 2100 prices are mostly within a factor of 3");
	unit_ok(wild == 0, "and never off by a factor of 12");
}

static void test_extremes(void)
{
	static const int64_t bases[] = { 1, 7, 99999, INT64_MAX, INT64_MAX / 2 };
	struct view_candle c[200];
	bool fine = true;

	for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) {
		struct sim_asset a = asset(UINT64_MAX, "PEPE");

		a.base.u = bases[b];
		sim_candles(&a, YEAR_2100, 200, c);
		for (size_t i = 0; i < 200; i++)
			fine = fine && c[i].low.u >= 1 && c[i].high.u >= c[i].low.u &&
			       c[i].volume.u >= 1;
	}
	unit_ok(fine, "the smallest and the largest base give prices that are above 0");
}

static void test_inputs(void)
{
	struct sim_asset a = asset(1, "BTC"), b = asset(2, "BTC"), x = asset(1, "ETH");
	struct view_candle p, q, r;

	sim_candle(&a, DAY_2024, &p);
	sim_candle(&b, DAY_2024, &q);
	sim_candle(&x, DAY_2024, &r);
	unit_ok(p.close.u != q.close.u, "another seed gives another market");
	unit_ok(p.close.u != r.close.u * 20, "another symbol gives another path");
	a.base.u = INT64_C(1200000000000000);
	sim_candle(&a, DAY_2024, &q);
	unit_ok(llabs(q.close.u - 2 * p.close.u) <= q.close.u / 100000,
		"a base of twice the price gives twice the price");
}

static double change(const struct view_candle *c)
{
	return log((double)c->close.u / (double)c->open.u);
}

static double kurtosis(const double *r, size_t n)
{
	double m2 = 0, m4 = 0;

	for (size_t i = 0; i < n; i++) {
		m2 += r[i] * r[i];
		m4 += r[i] * r[i] * r[i] * r[i];
	}
	return m4 * (double)n / (m2 * m2) - 3;
}

static double correlation(const double *a, const double *b, size_t n)
{
	double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;

	for (size_t i = 0; i < n; i++) {
		ma += a[i] / (double)n;
		mb += b[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		ab += (a[i] - ma) * (b[i] - mb);
		aa += (a[i] - ma) * (a[i] - ma);
		bb += (b[i] - mb) * (b[i] - mb);
	}
	return ab / sqrt(aa * bb);
}

struct measured {
	double r[LONG], size[LONG], range[LONG], volume[LONG];
};

static void measure(const char *symbol, struct measured *m)
{
	struct view_candle *c = mem_array(LONG, sizeof *c);
	struct sim_asset a = asset(11, symbol);

	sim_candles(&a, DAY_2024, LONG, c);
	for (size_t i = 0; i < LONG; i++) {
		m->r[i] = change(&c[i]);
		m->size[i] = fabs(m->r[i]);
		m->range[i] = log((double)c[i].high.u / (double)c[i].low.u);
		m->volume[i] = (double)c[i].volume.u;
	}
	free(c);
}

static double deviation(const double *r, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += r[i] * r[i];
	return sqrt(sum / (double)n);
}

static void test_statistics(void)
{
	struct measured *m = mem_array(N_KNOWN, sizeof *m);
	bool vol = true, tails = true, together = true;
	bool clustered = true, plain = true, busy = true;

	for (size_t k = 0; k < N_KNOWN; k++) {
		double sd, kurt, cluster, memory, volume;

		measure(known[k], &m[k]);
		sd = deviation(m[k].r, LONG);
		kurt = kurtosis(m[k].r, LONG);
		cluster = correlation(m[k].size, m[k].size + 12, LONG - 12);
		memory = correlation(m[k].r, m[k].r + 1, LONG - 1);
		volume = correlation(m[k].range, m[k].volume, LONG);
		printf("# %-5s sd %.5f kurtosis %.1f cluster %.2f memory %.3f volume %.2f\n",
		       known[k], sd, kurt, cluster, memory, volume);
		vol = vol && sd > 0.0008 && sd < 0.003;
		tails = tails && kurt > 1.5 && kurt < 40;
		clustered = clustered && cluster > 0.05;
		plain = plain && fabs(memory) < 0.05;
		busy = busy && volume > 0.4;
		for (size_t j = 0; j < k; j++) {
			double rho = correlation(m[k].r, m[j].r, LONG);

			together = together && rho > 0.4 && rho < 0.75;
		}
	}
	unit_ok(vol, "five-minute volatility is between 0.08 and 0.3 per cent");
	unit_ok(tails, "changes have an excess kurtosis above 1.5 and below 40");
	unit_ok(together, "any two symbols correlate by 0.4 to 0.75");
	unit_ok(clustered, "large changes follow large changes an hour later");
	unit_ok(plain, "one change says nothing about the direction of the next");
	unit_ok(busy, "volume is larger when prices move more");
	free(m);
}

int main(void)
{
	test_golden();
	test_batches();
	test_shape();
	test_levels();
	test_extremes();
	test_inputs();
	test_statistics();
	return unit_done();
}
