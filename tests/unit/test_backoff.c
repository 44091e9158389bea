#include <limits.h>
#include <stdint.h>

#include "backoff.h"
#include "random.h"
#include "unit.h"

#include "banned.h"

#define NOW INT64_C(784111777000) /* Sun, 06 Nov 1994 08:49:37 GMT */

static const int64_t tries[] = { 0, 1, 31, 1024, INT_MAX, INT64_MAX, -1, INT64_MIN };

/* ------------------------------------------------------------------ delays */

static bool within(int64_t base_ms, int64_t cap_ms, int64_t n)
{
	uint64_t state = 7;

	for (int i = 0; i < 1000; i++) {
		int64_t ms = backoff_delay(base_ms, cap_ms, n, random_next(&state));

		if (ms < 0 || ms > cap_ms)
			return false;
	}
	return backoff_delay(base_ms, cap_ms, n, 0) == 0 &&
	       backoff_delay(base_ms, cap_ms, n, UINT64_MAX) <= cap_ms;
}

static void bounds(void)
{
	static const int64_t sizes[] = { 0, 1, 500, 8000, INT_MAX, INT64_MAX };
	bool ok = true;

	for (size_t n = 0; n < sizeof tries / sizeof tries[0]; n++)
		for (size_t b = 0; b < 6; b++)
			for (size_t c = 0; c < 6; c++)
				ok = ok && within(sizes[b], sizes[c], tries[n]);
	unit_ok(ok, "a delay is never negative and never above the cap");
	unit_ok(backoff_delay(-5, 100, 3, UINT64_MAX) == 0 &&
			backoff_delay(5, -100, 3, UINT64_MAX) == 0,
		"negative bounds count as none");
}

static void growth(void)
{
	unit_ok(backoff_delay(500, 8000, 0, UINT64_MAX) == 500 &&
			backoff_delay(500, 8000, 1, UINT64_MAX) == 1000 &&
			backoff_delay(500, 8000, 3, UINT64_MAX) == 4000,
		"the longest delay doubles with every attempt");
	unit_ok(backoff_delay(500, 8000, 4, UINT64_MAX) == 8000 &&
			backoff_delay(500, 8000, 5, UINT64_MAX) == 8000 &&
			backoff_delay(500, 7999, 4, UINT64_MAX) == 7999,
		"until the cap is reached");
	unit_ok(backoff_delay(1, INT64_MAX, 62, UINT64_MAX) == INT64_C(1) << 62 &&
			backoff_delay(1, INT64_MAX, 63, UINT64_MAX) == INT64_MAX &&
			backoff_delay(3, INT64_MAX, 62, UINT64_MAX) == INT64_MAX &&
			backoff_delay(1, INT64_MAX, 1024, UINT64_MAX) == INT64_MAX &&
			backoff_delay(1, INT64_MAX, INT_MAX, UINT64_MAX) == INT64_MAX,
		"and it saturates");
	unit_ok(backoff_delay(500, 8000, -3, UINT64_MAX) == 500,
		"a negative attempt counts as the first");
}

static void jitter(void)
{
	uint64_t state = 1;
	int64_t low = 0, high = 0;

	for (int i = 0; i < 10000; i++) {
		int64_t ms = backoff_delay(1000, 1000, 0, random_next(&state));

		low += ms < 250;
		high += ms > 750;
	}
	unit_ok(low > 2200 && low < 2800 && high > 2200 && high < 2800,
		"delays are spread evenly from nothing to the longest");
}

/* ------------------------------------------------------------------ numbers */

/* The wait that a Retry-After means without a Date, -1 if it is garbage. */
static int64_t after(const char *value)
{
	int64_t ms = -2;

	if (backoff_retry_after(value, NULL, NOW, &ms))
		return ms;
	return ms == -2 ? -1 : -3;
}

static void seconds(void)
{
	unit_ok(after("0") == 0 && after("1") == 1000 && after("120") == 120000 &&
			after("007") == 7000,
		"digits are seconds");
	unit_ok(after(" 5") == 5000 && after("5 \t") == 5000,
		"blanks around them do not matter");
	unit_ok(after("1.5") == 1500 && after("0.001") == 1 && after("0.0001") == 1 &&
			after("0.0000000000000000000000001") == 1 && after("2.000") == 2000 &&
			after("0.9995") == 1000,
		"a fraction is rounded up to ms");
	unit_ok(after("-5") == 0 && after("-0") == 0 && after("-1.5") == 0 &&
			after("-99999999999999999999") == 0,
		"a negative wait is none");
	unit_ok(after("2301031939") == INT64_C(2301031939000) &&
			after("9223372036854775") == INT64_C(9223372036854775000) &&
			after("9223372036854776") == INT64_MAX &&
			after("99999999999999999999999999999999999999999") == INT64_MAX,
		"a huge wait saturates");
}

static void garbage(void)
{
	static const char *const bad[] = { "",	    " ",     "soon",  "-",   "+5", "5s",
					   "5 6",   "1e3",   "0x10",  "1,5", ".5", "5.",
					   "1.2.3", "--5",   "nan",   "inf", "5;", "- 5",
					   "5\n",   "\0015", "\3055", "1.-5" };
	bool ok = after(NULL) == -1;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (after(bad[i]) != -1) {
			printf("# accepted: %s\n", bad[i]);
			ok = false;
		}
	unit_ok(ok, "what is no wait is absent, and nothing is set");
}

static void milliseconds(void)
{
	int64_t ms = -1;

	unit_ok(backoff_retry_after_ms("1500", &ms) && ms == 1500, "retry-after-ms is in ms");
	unit_ok(backoff_retry_after_ms("12.3", &ms) && ms == 13 &&
			backoff_retry_after_ms("-3", &ms) && ms == 0 &&
			backoff_retry_after_ms("99999999999999999999", &ms) && ms == INT64_MAX,
		"with fractions, negative numbers and huge ones as for seconds");
	ms = 42;
	unit_ok(!backoff_retry_after_ms("10ms", &ms) && !backoff_retry_after_ms("", &ms) &&
			!backoff_retry_after_ms(NULL, &ms) && ms == 42,
		"and garbage is absent");
}

static int64_t duration(const char *value)
{
	int64_t ms = -1;

	return backoff_duration(value, &ms) ? ms : -1;
}

static void durations(void)
{
	static const char *const bad[] = { "",	   "s", "5",   "5x", "5 s",   "s5",
					   "1m30", "-", "1.s", "m5", "1h,2m", "1H" };
	bool ok = duration(NULL) == -1;

	unit_ok(duration("57.238747106s") == 57239 && duration("8.64s") == 8640 &&
			duration("6ms") == 6 && duration("6m0s") == 360000 &&
			duration("1h2m3s") == 3723000 && duration("0s") == 0 &&
			duration("2m59.56s") == 179560,
		"durations are read as services write them");
	unit_ok(duration("1ns") == 1 && duration("1500us") == 2 &&
			duration("3000\302\265s") == 3 && duration("3000\316\274s") == 3,
		"down to nanoseconds, rounded up to ms");
	unit_ok(duration("-5s") == 0 && duration("99999999999999999999h") == INT64_MAX &&
			duration("9999999999999h9999999999999h9999999999999h") == INT64_MAX,
		"a negative one is none, a huge one saturates");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (duration(bad[i]) != -1) {
			printf("# accepted: %s\n", bad[i]);
			ok = false;
		}
	unit_ok(ok, "what is no duration is refused");
}

/* ------------------------------------------------------------------ dates */

static int64_t date(const char *value)
{
	int64_t ms = -1;

	return backoff_http_date(value, &ms) ? ms : -1;
}

static void dates(void)
{
	static const char *const bad[] = { "",
					   "0",
					   "Sun, 06 Nov 1994 08:49:37",
					   "Sun, 06 Nov 1994 08:49:37 PST",
					   "Sun, 06 Nov 1994 08:49:37 GMT x",
					   "Sun, 6 Nov 1994 08:49:37 GMT",
					   "Sun, 06 nov 1994 08:49:37 GMT",
					   "Sun, 31 Feb 1994 08:49:37 GMT",
					   "Sun, 00 Nov 1994 08:49:37 GMT",
					   "Sun, 06 Nov 1994 24:00:00 GMT",
					   "Sun, 06 Nov 1994 08:60:37 GMT",
					   "Sun, 06 Nov 1994 08:49:61 GMT",
					   "Sun, 06 Nov 94 08:49:37 GMT",
					   "Foo, 06 Nov 1994 08:49:37 GMT",
					   "06 Nov 1994 08:49:37 GMT",
					   "Sun Nov  6 08:49:37 1994 GMT",
					   "Sun Nov 6 08:49:37 1994",
					   "Sunday, 06-Nov-1994 08:49:37 GMT",
					   "Sun, 06-Nov-94 08:49:37 GMT",
					   "Mon, 01 Jan 1601 00:00:00 GMT",
					   "1994-11-06T08:49:37Z" };
	bool ok = date(NULL) == -1;

	unit_ok(date("Sun, 06 Nov 1994 08:49:37 GMT") == NOW, "the fixed form of a date");
	unit_ok(date("Sunday, 06-Nov-94 08:49:37 GMT") == NOW &&
			date("Friday, 01-Jan-38 00:00:00 GMT") == INT64_C(2145916800000),
		"the form with two digits of the year, and which century they mean");
	unit_ok(date("Sun Nov  6 08:49:37 1994") == NOW &&
			date("Wed Nov 16 08:49:37 1994") == NOW + INT64_C(864000000),
		"the form of asctime, with days of one and of two digits");
	unit_ok(date("Thu, 29 Feb 2024 00:00:00 GMT") == INT64_C(1709164800000) &&
			date("Wed, 31 Dec 2008 23:59:60 GMT") == INT64_C(1230768000000),
		"leap days and leap seconds are there");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (date(bad[i]) != -1) {
			printf("# accepted: %s\n", bad[i]);
			ok = false;
		}
	unit_ok(ok, "what is no HTTP date is refused");
}

static void measured(void)
{
	int64_t ms = -1;

	unit_ok(after("Sun, 06 Nov 1994 08:50:37 GMT") == 60000 &&
			after("Sunday, 06-Nov-94 08:50:37 GMT") == 60000 &&
			after("Sun Nov  6 08:50:37 1994") == 60000,
		"without a Date, a date counts from now on");
	unit_ok(after("Sun, 06 Nov 1994 08:49:36 GMT") == 0 &&
			after("Thu, 01 Jan 1970 00:00:00 GMT") == 0,
		"a date in the past is no wait");
	unit_ok(backoff_retry_after("Sun, 06 Nov 1994 08:50:37 GMT",
				    "Sun, 06 Nov 1994 08:50:07 GMT", 0, &ms) &&
			ms == 30000,
		"with a Date it counts from there, whatever our clock says");
	unit_ok(backoff_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", "yesterday", NOW, &ms) &&
			ms == 60000,
		"a Date that is none is not there");
	unit_ok(backoff_retry_after("5", "Sun, 06 Nov 1994 08:50:07 GMT", NOW, &ms) &&
			ms == 5000,
		"seconds have nothing to do with it");
}

int main(void)
{
	bounds();
	growth();
	jitter();
	seconds();
	garbage();
	milliseconds();
	durations();
	dates();
	measured();
	return unit_done();
}
