#include "backoff.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tstamp.h"

#include "banned.h"

#define NS_PER_MS INT64_C(1000000)
#define SECOND_NS (1000 * NS_PER_MS)
#define FRACTION_DIGITS 18 /* those beyond only say that there is something */
#define CENTURY_TURN 70	   /* two digits of a year from here on are 19xx */

typedef unsigned __int128 wide;

/* ------------------------------------------------------------------ delays */

/* base * 2^n, or ${cap} if that is less. */
static int64_t ceiling(int64_t base_ms, int64_t cap_ms, int64_t n)
{
	if (base_ms <= 0 || cap_ms <= 0)
		return 0;
	if (n < 0)
		n = 0;
	if (n >= 63 || base_ms > (cap_ms >> n))
		return cap_ms;
	return base_ms << n;
}

int64_t backoff_delay(int64_t base_ms, int64_t cap_ms, int64_t n, uint64_t random)
{
	uint64_t values = (uint64_t)ceiling(base_ms, cap_ms, n) + 1;

	/* the high half of the product is even enough, and needs no second draw */
	return (int64_t)(((wide)random * values) >> 64);
}

/* ------------------------------------------------------------------ numbers */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static bool at_end(const char *p)
{
	return *skip_blanks(p) == '\0';
}

/* A number without sign, "57" or "57.25": its whole part and its fraction in 1e-18. */
struct number {
	uint64_t whole, fraction; /* whole: at most INT64_MAX */
	bool more;		  /* there were more digits, not all 0 */
};

static bool read_whole(const char **p, struct number *n)
{
	const char *from = *p;

	for (; is_digit(**p); ++*p) {
		uint64_t digit = (uint64_t)(**p - '0');

		if (n->whole > (INT64_MAX - digit) / 10)
			n->whole = INT64_MAX;
		else
			n->whole = n->whole * 10 + digit;
	}
	return *p > from;
}

static bool read_fraction(const char **p, struct number *n)
{
	int digits = 0;

	for (; is_digit(**p); ++*p, digits++) {
		if (digits < FRACTION_DIGITS)
			n->fraction = n->fraction * 10 + (uint64_t)(**p - '0');
		else
			n->more |= **p != '0';
	}
	for (int i = digits; i < FRACTION_DIGITS; i++)
		n->fraction *= 10;
	return digits > 0;
}

static bool read_number(const char **p, struct number *n)
{
	*n = (struct number){ 0 };
	if (!read_whole(p, n))
		return false;
	if (**p != '.')
		return true;
	++*p;
	return read_fraction(p, n);
}

/* ${n} units of ${unit_ns} in ns, rounded up. At most 2^63 hours: no overflow. */
static wide in_ns(const struct number *n, int64_t unit_ns)
{
	const wide one = (wide)1000000000 * 1000000000;
	wide part = (wide)n->fraction * (wide)unit_ns;

	return (wide)n->whole * (wide)unit_ns + (part + one - 1) / one + (n->more ? 1 : 0);
}

static int64_t ns_to_ms(wide ns)
{
	wide ms = (ns + NS_PER_MS - 1) / NS_PER_MS;

	return ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}

/* The whole of ${value} is one number of ${unit_ns}, perhaps negative. */
static bool read_wait(const char *value, int64_t unit_ns, int64_t *wait_ms)
{
	const char *p = skip_blanks(value);
	bool negative = *p == '-';
	struct number n;

	if (negative)
		p++;
	if (!read_number(&p, &n) || !at_end(p))
		return false;
	*wait_ms = negative ? 0 : ns_to_ms(in_ns(&n, unit_ns));
	return true;
}

bool backoff_retry_after_ms(const char *value, int64_t *wait_ms)
{
	return value != NULL && read_wait(value, NS_PER_MS, wait_ms);
}

/* ------------------------------------------------------------------ durations */

/* Longer names first: "ms" is not "m". */
static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ms", NS_PER_MS },
	{ "us", 1000 },
	{ "\302\265s", 1000 }, /* micro sign */
	{ "\316\274s", 1000 }, /* Greek mu */
	{ "ns", 1 },
	{ "h", 3600 * SECOND_NS },
	{ "m", 60 * SECOND_NS },
	{ "s", SECOND_NS },
};

static bool read_unit(const char **p, int64_t *ns)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

bool backoff_duration(const char *value, int64_t *wait_ms)
{
	const wide most = (wide)INT64_MAX * NS_PER_MS;
	const char *p = value != NULL ? skip_blanks(value) : "";
	bool negative = *p == '-';
	int64_t unit_ns;
	struct number n;
	wide ns = 0;

	if (negative)
		p++;
	do {
		if (!read_number(&p, &n) || !read_unit(&p, &unit_ns))
			return false;
		ns += in_ns(&n, unit_ns);
		if (ns > most)
			ns = most;
	} while (!at_end(p));
	*wait_ms = negative ? 0 : ns_to_ms(ns);
	return true;
}

/* ------------------------------------------------------------------ dates */

static const char *const days[] = { "Sunday",	"Monday", "Tuesday",  "Wednesday",
				    "Thursday", "Friday", "Saturday", NULL };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
				      "Aug", "Sep", "Oct", "Nov", "Dec", NULL };

struct date {
	int year, month, day, hour, minute, second;
};

/*
 * Step over one of ${names}, of which only the first ${n} bytes count unless ${n} is 0; its
 * index, or -1.
 */
static int read_name(const char **p, const char *const *names, size_t n)
{
	for (int i = 0; names[i] != NULL; i++) {
		size_t len = n != 0 ? n : strlen(names[i]);

		if (strncmp(*p, names[i], len) == 0) {
			*p += len;
			return i;
		}
	}
	return -1;
}

static bool read_digits(const char **p, int n, int *out)
{
	*out = 0;
	for (int i = 0; i < n; i++, ++*p) {
		if (!is_digit(**p))
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

static bool read_clock(const char **p, struct date *d)
{
	return read_digits(p, 2, &d->hour) && *(*p)++ == ':' && read_digits(p, 2, &d->minute) &&
	       *(*p)++ == ':' && read_digits(p, 2, &d->second);
}

static bool read_short_year(const char **p, struct date *d)
{
	if (!read_digits(p, 2, &d->year))
		return false;
	d->year += d->year < CENTURY_TURN ? 2000 : 1900;
	return true;
}

/* A day of one or two places, the first of which may be a blank. */
static bool read_padded_day(const char **p, struct date *d)
{
	if (**p != ' ')
		return read_digits(p, 2, &d->day);
	++*p;
	return read_digits(p, 1, &d->day);
}

/* One item of a form: a letter stands for a part of the date, anything else for itself. */
static bool read_item(char item, const char **p, struct date *d)
{
	switch (item) {
	case 'a': /* the weekday is not compared with the date: nothing would be gained */
		return read_name(p, days, 3) >= 0;
	case 'A':
		return read_name(p, days, 0) >= 0;
	case 'd':
		return read_digits(p, 2, &d->day);
	case 'e':
		return read_padded_day(p, d);
	case 'b':
		d->month = read_name(p, months, 0) + 1;
		return d->month > 0;
	case 'Y':
		return read_digits(p, 4, &d->year);
	case 'y':
		return read_short_year(p, d);
	case 'T':
		return read_clock(p, d);
	case 'Z':
		if (strncmp(*p, "GMT", 3) != 0)
			return false;
		*p += 3;
		return true;
	default:
		return *(*p)++ == item;
	}
}

static bool read_form(const char *form, const char *p, struct date *d)
{
	for (; *form != '\0'; form++)
		if (!read_item(*form, &p, d))
			return false;
	return at_end(p);
}

/* The calendar is tstamp's. A leap second is the one after 59. */
static bool date_to_ms(const struct date *d, int64_t *at_ms)
{
	char text[TSTAMP_TEXT_MAX * 3];
	struct err e = { 0 };
	int leap = d->second == 60;

	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", d->year, d->month, d->day,
		 d->hour, d->minute, d->second - leap);
	if (tstamp_parse(text, at_ms, &e) != 0)
		return false;
	*at_ms += leap * 1000;
	return true;
}

bool backoff_http_date(const char *value, int64_t *at_ms)
{
	static const char *const forms[] = { "a, d b Y T Z", "A, d-b-y T Z", "a b e T Y" };

	if (value == NULL)
		return false;
	value = skip_blanks(value);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct date d = { 0 };

		if (read_form(forms[i], value, &d))
			return date_to_ms(&d, at_ms);
	}
	return false;
}

bool backoff_retry_after(const char *value, const char *date, int64_t now_ms, int64_t *wait_ms)
{
	int64_t at_ms, from_ms;

	if (value == NULL)
		return false;
	if (read_wait(value, SECOND_NS, wait_ms))
		return true;
	if (!backoff_http_date(value, &at_ms))
		return false;
	if (!backoff_http_date(date, &from_ms))
		from_ms = now_ms;
	*wait_ms = at_ms > from_ms ? at_ms - from_ms : 0;
	return true;
}
