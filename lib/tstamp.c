#include "tstamp.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "banned.h"

#define YEAR_MIN 1970
#define YEAR_MAX 9999
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define END_MS INT64_C(253402300800000) /* of the year 9999 */
#define WINDOW_PREFIX "market-cycle-"

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Leap years from the year 1 up to and without ${year}. */
static int leaps_before(int year)
{
	int y = year - 1;

	return y / 4 - y / 100 + y / 400;
}

/* Days from the epoch to the first of January of ${year}. */
static int days_before_year(int year)
{
	return 365 * (year - YEAR_MIN) + leaps_before(year) - leaps_before(YEAR_MIN);
}

struct civil {
	int year, month, day, hour, minute, second, milli;
};

static int64_t civil_to_ms(const struct civil *c)
{
	int64_t days = days_before_year(c->year) + c->day - 1;

	for (int m = 1; m < c->month; m++)
		days += days_of_month(c->year, m);
	return days * TSTAMP_DAY_MS + c->hour * HOUR_MS + c->minute * MINUTE_MS +
	       c->second * 1000 + c->milli;
}

static bool civil_valid(const struct civil *c)
{
	if (c->year < YEAR_MIN || c->month < 1 || c->month > 12 || c->day < 1)
		return false;
	return c->day <= days_of_month(c->year, c->month) && c->hour < 24 && c->minute < 60 &&
	       c->second < 60;
}

static void civil_of(int64_t ms, struct civil *c)
{
	int days = (int)(ms / TSTAMP_DAY_MS), rest = (int)(ms % TSTAMP_DAY_MS);

	/* never beyond the right year, and at most a few short of it */
	c->year = YEAR_MIN + days / 366;
	while (days_before_year(c->year + 1) <= days)
		c->year++;
	days -= days_before_year(c->year);
	for (c->month = 1; days >= days_of_month(c->year, c->month); c->month++)
		days -= days_of_month(c->year, c->month);
	c->day = days + 1;
	c->hour = (int)(rest / HOUR_MS);
	c->minute = (int)(rest / MINUTE_MS % 60);
	c->second = rest / 1000 % 60;
	c->milli = rest % 1000;
}

/* Step over ${want} if it is there. */
static bool skip(const char **p, const char *want)
{
	size_t n = strlen(want);

	if (strncmp(*p, want, n) != 0)
		return false;
	*p += n;
	return true;
}

/* Exactly ${n} digits. */
static bool read_digits(const char **p, int n, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*p)[i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*p += n;
	*out = v;
	return true;
}

/* One to nine digits, of which three count. */
static bool read_fraction(const char **p, int *milli)
{
	int n = 0, digit;

	*milli = 0;
	while (n < 9 && read_digits(p, 1, &digit)) {
		if (n < 3)
			*milli = *milli * 10 + digit;
		n++;
	}
	for (int i = n; i < 3; i++)
		*milli *= 10;
	return n > 0;
}

static bool read_date(const char **p, struct civil *c)
{
	return read_digits(p, 4, &c->year) && skip(p, "-") && read_digits(p, 2, &c->month) &&
	       skip(p, "-") && read_digits(p, 2, &c->day);
}

static bool read_clock(const char **p, struct civil *c)
{
	if (!read_digits(p, 2, &c->hour) || !skip(p, ":") || !read_digits(p, 2, &c->minute))
		return false;
	if (!skip(p, ":"))
		return true;
	if (!read_digits(p, 2, &c->second))
		return false;
	return !skip(p, ".") || read_fraction(p, &c->milli);
}

static bool read_time(const char **p, struct civil *c)
{
	if (!read_date(p, c))
		return false;
	if (!skip(p, "T") && !skip(p, " "))
		return true;
	if (!read_clock(p, c))
		return false;
	if (!skip(p, "Z"))
		skip(p, "+00:00");
	return true;
}

static bool read_window_id(const char **p, struct civil *c)
{
	return read_digits(p, 4, &c->year) && read_digits(p, 2, &c->month) &&
	       read_digits(p, 2, &c->day) && skip(p, "-") && read_digits(p, 2, &c->hour) &&
	       read_digits(p, 2, &c->minute) && c->minute % 5 == 0;
}

int tstamp_parse(const char *s, int64_t *ms, struct err *e)
{
	const char *p = s;
	struct civil c = { 0 };
	bool ok = skip(&p, WINDOW_PREFIX) ? read_window_id(&p, &c) : read_time(&p, &c);

	if (!ok || *p != '\0')
		return err_set(e, ERR_DATA, "'%.40s' is not a UTC time like 2024-07-23T14:05Z",
			       s);
	if (!civil_valid(&c))
		return err_set(e, ERR_DATA, "'%.40s' is not a time from 1970 to 9999", s);
	*ms = civil_to_ms(&c);
	return 0;
}

/* What is no time of ours is shown as the number it is, rather than as a false date. */
static bool split(int64_t ms, struct civil *c, char *out, size_t size)
{
	if (ms >= 0 && ms < END_MS) {
		civil_of(ms, c);
		return true;
	}
	snprintf(out, size, "@%lld", (long long)ms);
	return false;
}

/* ${v} in ${n} digits, then ${after}; returns where to go on. */
static char *put(char *p, int v, int n, const char *after)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	for (p += n; *after != '\0'; after++)
		*p++ = *after;
	*p = '\0';
	return p;
}

static char *put_date(char *p, const struct civil *c, const char *between, const char *after)
{
	p = put(p, c->year, 4, between);
	p = put(p, c->month, 2, between);
	return put(p, c->day, 2, after);
}

char *tstamp_format(int64_t ms, char out[TSTAMP_TEXT_MAX])
{
	struct civil c;
	char *p;

	if (!split(ms, &c, out, TSTAMP_TEXT_MAX))
		return out;
	p = put_date(out, &c, "-", "T");
	p = put(p, c.hour, 2, ":");
	p = put(p, c.minute, 2, ":");
	p = put(p, c.second, 2, c.milli != 0 ? "." : "Z");
	if (c.milli != 0)
		put(p, c.milli, 3, "Z");
	return out;
}

char *tstamp_format_short(int64_t ms, char out[TSTAMP_TEXT_MAX])
{
	struct civil c;
	char *p;

	if (!split(ms, &c, out, TSTAMP_TEXT_MAX))
		return out;
	p = put_date(out, &c, "-", " ");
	p = put(p, c.hour, 2, ":");
	put(p, c.minute, 2, "");
	return out;
}

int64_t tstamp_window(int64_t ms)
{
	int64_t into = ms % TSTAMP_WINDOW_MS;

	/* C rounds towards zero; a time before the epoch belongs to the window before it */
	if (into < 0)
		into += TSTAMP_WINDOW_MS;
	return ms - into;
}

char *tstamp_window_id(int64_t ms, char out[TSTAMP_WINDOW_ID_MAX])
{
	struct civil c;
	char *p;

	if (!split(ms, &c, out, TSTAMP_WINDOW_ID_MAX))
		return out;
	memcpy(out, WINDOW_PREFIX, sizeof WINDOW_PREFIX);
	p = put_date(out + sizeof WINDOW_PREFIX - 1, &c, "", "-");
	p = put(p, c.hour, 2, "");
	/* a window never crosses an hour */
	put(p, c.minute / 5 * 5, 2, "");
	return out;
}

static int64_t read_clock_ms(clockid_t clock)
{
	struct timespec t;
	int failed = clock_gettime(clock, &t);

	assert(failed == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t tstamp_wall_ms(void)
{
	return read_clock_ms(CLOCK_REALTIME);
}

int64_t tstamp_boot_ms(void)
{
	return read_clock_ms(CLOCK_BOOTTIME);
}

char *tstamp_boot_id(char out[TSTAMP_BOOT_ID_MAX], struct err *e)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, TSTAMP_BOOT_ID_MAX - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0) {
		err_set(e, ERR_CONFIG, "/proc does not tell the boot id");
		return NULL;
	}
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}
