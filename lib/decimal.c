#include "decimal.h"

#include <assert.h>
#include <string.h>

#include "banned.h"

#define QUOTE_MAX 40
#define E8 INT64_C(100000000)
#define E10 INT64_C(10000000000)

/* From here on the further digits of an exponent do not matter: no input has so many digits. */
#define EXPONENT_ENOUGH INT64_C(100000000000000000)

static uint64_t power_of_ten(int n)
{
	uint64_t p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int complain(struct err *e, const char *s, size_t n, const char *why)
{
	char quote[QUOTE_MAX + 1];
	size_t i;

	for (i = 0; i < n && i < QUOTE_MAX; i++)
		quote[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	quote[i] = '\0';
	return err_set(e, ERR_DATA, "'%s%s' %s", quote, n > QUOTE_MAX ? "..." : "", why);
}

/* The largest magnitude of an int64 of that sign. */
static uint64_t limit_of(bool negative)
{
	return (uint64_t)INT64_MAX + (negative ? 1 : 0);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static int64_t with_sign(bool negative, uint64_t m)
{
	if (!negative || m == 0)
		return (int64_t)m;
	return -(int64_t)(m - 1) - 1;
}

/* ${m} times ten plus ${digit}; false, and ${m} as it was, if that is above ${limit}. */
static bool push_digit(uint64_t *m, char digit, uint64_t limit)
{
	uint64_t d = (uint64_t)(digit - '0');

	if (*m > (limit - d) / 10)
		return false;
	*m = *m * 10 + d;
	return true;
}

/*
 * Where the parts of a number are. The digits before and after the point are described as they
 * stand, so that any number of them needs no copy.
 */
struct number {
	bool negative;
	const char *whole;
	size_t n_whole;
	const char *frac; /* n_frac digits, 0 if there is no point */
	size_t n_frac;
	int64_t exponent; /* or one as good as it, of at most 18 digits */
};

static size_t count_digits(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && is_digit(*p))
		p++;
	return (size_t)(p - s);
}

/* Digits, a point, digits, as many as there are. Returns the first byte that is not theirs. */
static const char *scan_digits(const char *p, const char *end, struct number *x)
{
	x->whole = p;
	x->n_whole = count_digits(p, end);
	p += x->n_whole;
	x->frac = p;
	x->n_frac = 0;
	if (p < end && *p == '.') {
		x->frac = ++p;
		x->n_frac = count_digits(p, end);
		p += x->n_frac;
	}
	return p;
}

/* An exponent with its 'e', or NULL if it is none. */
static const char *scan_exponent(const char *p, const char *end, int64_t *out)
{
	bool negative;
	int64_t v = 0;

	p++;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end || !is_digit(*p))
		return NULL;
	for (; p < end && is_digit(*p); p++)
		if (v < EXPONENT_ENOUGH)
			v = v * 10 + (*p - '0');
	*out = negative ? -v : v;
	return p;
}

static const char *check_ours(const struct number *x, const char *p, const char *end, int scale)
{
	if (p != end || x->n_whole == 0 || (x->n_whole > 1 && x->whole[0] == '0'))
		return "is not a decimal number";
	if (x->n_frac == 0 && x->frac != x->whole + x->n_whole)
		return "is not a decimal number";
	if (x->n_frac > (size_t)scale)
		return "has too many digits after the point";
	return NULL;
}

/* All digits of ${x} at ${scale} as one magnitude; false if it does not fit. */
static bool gather(const struct number *x, int scale, uint64_t limit, uint64_t *out)
{
	uint64_t m = 0;

	for (size_t i = 0; i < x->n_whole; i++)
		if (!push_digit(&m, x->whole[i], limit))
			return false;
	for (size_t i = 0; i < (size_t)scale; i++)
		if (!push_digit(&m, i < x->n_frac ? x->frac[i] : '0', limit))
			return false;
	*out = m;
	return true;
}

int decimal_parse(const char *s, size_t n, int scale, int64_t *out, struct err *e)
{
	const char *p = s, *end = s + n, *why;
	struct number x = { 0 };
	uint64_t m;

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	x.negative = n > 0 && *p == '-';
	p = scan_digits(p + (x.negative ? 1 : 0), end, &x);
	why = check_ours(&x, p, end, scale);
	if (why != NULL)
		return complain(e, s, n, why);
	if (!gather(&x, scale, limit_of(x.negative), &m))
		return complain(e, s, n, "is out of range");
	*out = with_sign(x.negative, m);
	return 0;
}

/* Take ${s} apart; false if it is not a number. */
static bool scan_foreign(const char *s, size_t n, struct number *x)
{
	const char *p = s, *end = s + n;

	x->negative = n > 0 && *p == '-';
	if (n > 0 && (*p == '-' || *p == '+'))
		p++;
	p = scan_digits(p, end, x);
	if (x->n_whole + x->n_frac == 0)
		return false;
	x->exponent = 0;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p = scan_exponent(p, end, &x->exponent);
		if (p == NULL)
			return false;
	}
	return p == end;
}

static char digit_at(const struct number *x, size_t i)
{
	return i < x->n_whole ? x->whole[i] : x->frac[i - x->n_whole];
}

/* The first ${kept} digits of ${x}, which may be more than it has; false if above ${limit}. */
static bool keep(const struct number *x, size_t kept, uint64_t limit, uint64_t *out)
{
	size_t n = x->n_whole + x->n_frac, i;
	uint64_t m = 0;

	for (i = 0; i < kept && i < n; i++)
		if (!push_digit(&m, digit_at(x, i), limit))
			return false;
	/* a zero stays zero, anything else overflows within twenty rounds */
	for (; i < kept && m != 0; i++)
		if (!push_digit(&m, '0', limit))
			return false;
	*out = m;
	return true;
}

enum rest { REST_NONE, REST_BELOW_HALF, REST_HALF, REST_ABOVE_HALF };

/* How much the digits from ${from} on are worth; ${ahead} says that more zeros stand before. */
static enum rest rest_of(const struct number *x, size_t from, bool ahead)
{
	size_t n = x->n_whole + x->n_frac;
	char first = '0';
	bool more = false;

	if (!ahead && from < n)
		first = digit_at(x, from++);
	for (; from < n && !more; from++)
		more = digit_at(x, from) != '0';
	if (first > '5' || (first == '5' && more))
		return REST_ABOVE_HALF;
	if (first == '5')
		return REST_HALF;
	return first != '0' || more ? REST_BELOW_HALF : REST_NONE;
}

int decimal_parse_foreign(const char *s, size_t n, int scale, int64_t *out, bool *rounded,
			  struct err *e)
{
	struct number x;
	int64_t point;
	uint64_t m, limit;
	enum rest rest;

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	if (!scan_foreign(s, n, &x))
		return complain(e, s, n, "is not a number");
	/* so many digits stand before the point once the value is in units of the scale */
	point = (int64_t)x.n_whole + x.exponent + scale;
	limit = limit_of(x.negative);
	if (!keep(&x, point > 0 ? (size_t)point : 0, limit, &m))
		return complain(e, s, n, "is out of range");
	rest = rest_of(&x, point > 0 ? (size_t)point : 0, point < 0);
	if (rest == REST_ABOVE_HALF || (rest == REST_HALF && m % 2 != 0)) {
		if (m == limit)
			return complain(e, s, n, "is out of range");
		m++;
	}
	*out = with_sign(x.negative, m);
	if (rest != REST_NONE && rounded != NULL)
		*rounded = true;
	return 0;
}

/* ${m} with ${places} digits after the point; written from the end. */
static char *write_text(bool negative, uint64_t m, int places, char *out)
{
	char text[DECIMAL_TEXT_MAX], *p = text + sizeof text;

	*--p = '\0';
	for (int i = 0; i < places; i++) {
		*--p = (char)('0' + m % 10);
		m /= 10;
	}
	if (places > 0)
		*--p = '.';
	do {
		*--p = (char)('0' + m % 10);
		m /= 10;
	} while (m != 0);
	if (negative)
		*--p = '-';
	return memcpy(out, p, (size_t)(text + sizeof text - p));
}

char *decimal_format(int64_t v, int scale, char out[DECIMAL_TEXT_MAX])
{
	uint64_t m = magnitude(v);

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	while (scale > 0 && m % 10 == 0) {
		m /= 10;
		scale--;
	}
	return write_text(v < 0, m, scale, out);
}

char *decimal_format_fixed(int64_t v, int scale, int places, char out[DECIMAL_TEXT_MAX])
{
	uint64_t m = magnitude(v), unit;

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX && places >= 0 && places <= scale);
	unit = power_of_ten(scale - places);
	m = m / unit + (m % unit * 2 >= unit ? 1 : 0);
	return write_text(v < 0 && m != 0, m, places, out);
}

static int narrow(__int128 v, int64_t *out)
{
	if (v < INT64_MIN || v > INT64_MAX)
		return -1;
	*out = (int64_t)v;
	return 0;
}

static int divide(__int128 v, int64_t den, enum decimal_round round, int64_t *out)
{
	__int128 q, rest;

	assert(den > 0);
	q = v / den;
	rest = v % den;
	/* C rounds towards zero, so one of the two directions is already right */
	if (round == DECIMAL_DOWN && rest < 0)
		q--;
	else if (round == DECIMAL_UP && rest > 0)
		q++;
	return narrow(q, out);
}

int decimal_muldiv(int64_t v, int64_t num, int64_t den, enum decimal_round round, int64_t *out)
{
	return divide((__int128)v * num, den, round, out);
}

static int add(int64_t a, int64_t b, int64_t *out)
{
	return narrow((__int128)a + b, out);
}

static int sub(int64_t a, int64_t b, int64_t *out)
{
	return narrow((__int128)a - b, out);
}

int money_add(struct money a, struct money b, struct money *out)
{
	return add(a.u, b.u, &out->u);
}

int money_sub(struct money a, struct money b, struct money *out)
{
	return sub(a.u, b.u, &out->u);
}

int quantity_add(struct quantity a, struct quantity b, struct quantity *out)
{
	return add(a.u, b.u, &out->u);
}

int quantity_sub(struct quantity a, struct quantity b, struct quantity *out)
{
	return sub(a.u, b.u, &out->u);
}

int money_of(struct quantity q, struct price p, enum decimal_round round, struct money *out)
{
	return decimal_muldiv(q.u, p.u, E10, round, &out->u);
}

int quantity_of(struct money m, struct price p, enum decimal_round round, struct quantity *out)
{
	return decimal_muldiv(m.u, E10, p.u, round, &out->u);
}

int money_rate(struct money m, int64_t rate_e8, enum decimal_round round, struct money *out)
{
	return decimal_muldiv(m.u, rate_e8, E8, round, &out->u);
}

int price_shift(struct price p, int64_t rate_e8, enum decimal_round round, struct price *out)
{
	assert(rate_e8 > -E8);
	/* the sum is formed in 128 bit because a rate near the end of its range overflows 64 */
	return divide(p.u * ((__int128)rate_e8 + E8), E8, round, &out->u);
}

int price_of(struct money cost, struct quantity q, struct price *out)
{
	return decimal_muldiv(cost.u, E10, q.u, DECIMAL_DOWN, &out->u);
}
