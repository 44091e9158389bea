#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tstamp.h"
#include "unit.h"

#include "banned.h"

#define UNTOUCHED INT64_C(-77)
#define EXAMPLE_MS INT64_C(1721692800000) /* 2024-07-23T00:00Z */
#define END_MS INT64_C(253402300800000)	  /* 10000-01-01T00:00Z */

static bool reads(const char *s, int64_t want)
{
	struct err e = { 0 };
	int64_t ms = UNTOUCHED;

	return tstamp_parse(s, &ms, &e) == 0 && ms == want && e.status == 0;
}

static bool refuses(const char *s)
{
	struct err e = { 0 };
	int64_t ms = UNTOUCHED;

	return tstamp_parse(s, &ms, &e) == -1 && ms == UNTOUCHED && e.status == ERR_DATA &&
	       e.text[0] != '\0';
}

static bool shows(int64_t ms, const char *want)
{
	char text[TSTAMP_TEXT_MAX];

	return tstamp_format(ms, text) == text && strcmp(text, want) == 0;
}

static void forms(void)
{
	const int64_t at = EXAMPLE_MS + (14 * 60 + 5) * 60000;

	unit_ok(reads("2024-07-23", EXAMPLE_MS), "a date is its first moment in UTC");
	unit_ok(reads("2024-07-23T14:05Z", at) && reads("2024-07-23T14:05:17Z", at + 17000),
		"minutes and seconds are read");
	unit_ok(reads("2024-07-23 14:05:17Z", at + 17000), "a blank may stand in place of T");
	unit_ok(reads("2024-07-23T14:05", at) && reads("2024-07-23 14:05:17", at + 17000),
		"without Z the time is UTC as well");
	unit_ok(reads("2024-07-23T14:05+00:00", at) &&
			reads("2024-07-23 14:05:17+00:00", at + 17000),
		"an offset of zero is UTC");
	unit_ok(reads("market-cycle-20240723-1405", at), "a window's id is its start");
}

static void fractions(void)
{
	unit_ok(reads("2024-07-23T00:00:00.1Z", EXAMPLE_MS + 100) &&
			reads("2024-07-23T00:00:00.12Z", EXAMPLE_MS + 120) &&
			reads("2024-07-23T00:00:00.123", EXAMPLE_MS + 123) &&
			reads("2024-07-23T00:00:00.007+00:00", EXAMPLE_MS + 7),
		"one to three digits of a second are milliseconds");
	unit_ok(reads("2024-07-23T00:00:00.1239Z", EXAMPLE_MS + 123) &&
			reads("2024-07-23T00:00:00.123456Z", EXAMPLE_MS + 123) &&
			reads("2024-07-23T00:00:00.999999999Z", EXAMPLE_MS + 999),
		"further digits are cut, not rounded");
	unit_ok(refuses("2024-07-23T00:00:00.1234567890Z") &&
			refuses("2024-07-23T00:00:00.Z") && refuses("2024-07-23T00:00:00."),
		"no digits, or more than nine, are refused");
}

static void malformed(void)
{
	static const char *const texts[] = {
		"",
		" ",
		"2024",
		"2024-07",
		"2024-7-23",
		"2024-07-2",
		"24-07-23",
		"02024-07-23",
		"+2024-07-23",
		"-2024-07-23",
		"2024/07/23",
		"20240723",
		" 2024-07-23",
		"2024-07-23 ",
		"2024-07-23\n",
		"2024-07-23T",
		"2024-07-23Z",
		"2024-07-23T14",
		"2024-07-23T14Z",
		"2024-07-23T1405",
		"2024-07-23T14:5Z",
		"2024-07-23T14:05:",
		"2024-07-23T14:05:1Z",
		"2024-07-23T14:05.5Z",
		"2024-07-23T14:05:17,5Z",
		"2024-07-23T14:05ZZ",
		"2024-07-23T14:05Z ",
		"2024-07-23t14:05Z",
		"2024-07-23T14:05z",
		"2024-07-23  14:05",
		"2024-07-23T14:05 Z",
		"1721692800",
		"1721692800000",
		"now",
		"2024-07-23T14:05:+7Z",
		"2024-07-23T-1:05Z",
	};
	bool all = true;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		all = all && refuses(texts[i]);
	unit_ok(all, "what is not exactly a time is refused and leaves the result alone");
}

static void offsets(void)
{
	unit_ok(refuses("2024-07-23T14:05+02:00") && refuses("2024-07-23T14:05-05:00") &&
			refuses("2024-07-23T14:05+00:01") && refuses("2024-07-23T14:05+00") &&
			refuses("2024-07-23T14:05+0000") &&
			refuses("2024-07-23T14:05Z+00:00") &&
			refuses("2024-07-23T14:05+00:00Z") && refuses("2024-07-23T14:05CET"),
		"any offset but zero is refused");
}

static void impossible(void)
{
	unit_ok(refuses("2024-02-30") && refuses("2023-02-29") && refuses("2024-04-31") &&
			refuses("2024-13-01") && refuses("2024-00-10") &&
			refuses("2024-01-00") && refuses("2024-01-32") && refuses("1900-02-29"),
		"dates that no calendar has are refused");
	unit_ok(reads("2024-02-29", INT64_C(1709164800000)) &&
			reads("2000-02-29", INT64_C(951782400000)) && refuses("2100-02-29"),
		"leap years are those of the Gregorian calendar");
	unit_ok(refuses("2024-07-23T24:00Z") && refuses("2024-07-23T23:60Z") &&
			refuses("2024-07-23T23:59:60Z"),
		"hour 24, minute 60 and second 60 are refused");
	unit_ok(reads("1970-01-01", 0) && refuses("1969-12-31T23:59:59.999Z") &&
			refuses("0000-01-01") && reads("9999-12-31T23:59:59.999Z", END_MS - 1),
		"times run from 1970 to 9999");
}

static void window_ids(void)
{
	unit_ok(refuses("market-cycle-20240723-0003") &&
			refuses("market-cycle-20240723-2400") &&
			refuses("market-cycle-20240230-0000") &&
			refuses("market-cycle-20240723") &&
			refuses("market-cycle-20240723-00000") &&
			refuses("market-cycle-20240723-000") &&
			refuses("market-cycle-20240723T0000") && refuses("market-cycle-") &&
			refuses("Market-cycle-20240723-0000"),
		"what is no window's id is refused");
}

static void message(void)
{
	struct err e = { 0 };
	char text[2001];
	int64_t ms;

	memset(text, '7', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	tstamp_parse(text, &ms, &e);
	unit_ok(strlen(e.text) < 200, "a message quotes the beginning of a long text only");
}

static void formats(void)
{
	char text[TSTAMP_TEXT_MAX];

	unit_ok(shows(0, "1970-01-01T00:00:00Z") &&
			shows(EXAMPLE_MS + 17000, "2024-07-23T00:00:17Z"),
		"a time is shown to the second");
	unit_ok(shows(EXAMPLE_MS + 17007, "2024-07-23T00:00:17.007Z") &&
			shows(END_MS - 1, "9999-12-31T23:59:59.999Z"),
		"milliseconds are shown if there are any");
	unit_ok(strcmp(tstamp_format_short(EXAMPLE_MS + 359999, text), "2024-07-23 00:05") == 0,
		"the short form has minutes");
	unit_ok(shows(-1, "@-1") && shows(END_MS, "@253402300800000") &&
			shows(INT64_MIN, "@-9223372036854775808") &&
			shows(INT64_MAX, "@9223372036854775807"),
		"what is no time is shown as a number, never as a false date");
	unit_ok(strcmp(tstamp_format_short(INT64_MIN, text), "@-9223372036854775808") == 0 &&
			strcmp(tstamp_window_id(INT64_MIN, text), "@-9223372036854775808") == 0,
		"so are the short form and the window's id");
}

static void windows(void)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	unit_ok(tstamp_window(EXAMPLE_MS) == EXAMPLE_MS &&
			tstamp_window(EXAMPLE_MS + 299999) == EXAMPLE_MS &&
			tstamp_window(EXAMPLE_MS + 300000) == EXAMPLE_MS + 300000,
		"a window holds its start and not its end");
	unit_ok(tstamp_window(-1) == -300000 && tstamp_window(-300000) == -300000,
		"a time before the epoch belongs to the window before it");
	unit_ok(strcmp(tstamp_window_id(EXAMPLE_MS + 300000, id),
		       "market-cycle-20240723-0005") == 0 &&
			strcmp(tstamp_window_id(EXAMPLE_MS + 599999, id),
			       "market-cycle-20240723-0005") == 0 &&
			strcmp(tstamp_window_id(EXAMPLE_MS - 1, id),
			       "market-cycle-20240722-2355") == 0,
		"a window's id names its start");
}

/* What the system says about that moment, in the same form. */
static void system_text(int64_t ms, char out[TSTAMP_TEXT_MAX])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, TSTAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool trips(int64_t ms)
{
	char text[TSTAMP_TEXT_MAX], id[TSTAMP_WINDOW_ID_MAX];

	return reads(tstamp_format(ms, text), ms) &&
	       reads(tstamp_window_id(ms, id), tstamp_window(ms));
}

static void every_day(void)
{
	char text[TSTAMP_TEXT_MAX], want[TSTAMP_TEXT_MAX];
	bool same = true, back = true;

	for (int64_t ms = 0; ms < END_MS; ms += TSTAMP_DAY_MS) {
		int64_t last = ms + TSTAMP_DAY_MS - 1000;

		system_text(ms, want);
		same = same && strcmp(tstamp_format(ms, text), want) == 0;
		system_text(last, want);
		same = same && strcmp(tstamp_format(last, text), want) == 0;
		back = back && trips(ms) && trips(last + 999);
	}
	unit_ok(same, "every day from 1970 to 9999 begins and ends where the system says");
	unit_ok(back, "every day reads back from its text and its windows from their ids");
}

static void every_second(void)
{
	bool all = true;

	for (int64_t ms = EXAMPLE_MS; ms < EXAMPLE_MS + TSTAMP_DAY_MS; ms += 997)
		all = all && trips(ms);
	unit_ok(all, "times within a day read back");
}

/* A text with one byte changed, in a block that ends with it. */
static char *damaged(const char *text, uint64_t x)
{
	static const char bytes[] = "0123456789:-.+TZ mz";
	size_t n = strlen(text);
	char *p = malloc(n + 1);

	if (p == NULL)
		abort();
	memcpy(p, text, n + 1);
	p[(x >> 40) % n] = x % 7 == 0 ? '\0' : bytes[(x >> 20) % (sizeof bytes - 1)];
	return p;
}

static void damage(void)
{
	static const char *const texts[] = { "2024-02-29T14:05:17.123456789Z", "2024-12-31",
					     "1970-01-01 00:00:00+00:00",
					     "market-cycle-20240723-1405" };
	uint64_t x = 1;
	int64_t accepted = 0;
	bool all = true;

	for (size_t i = 0; i < 400000; i++) {
		struct err e = { 0 };
		int64_t ms = UNTOUCHED;
		char *p;

		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p = damaged(texts[i % 4], x);
		if (tstamp_parse(p, &ms, &e) == 0) {
			all = all && ms >= 0 && ms < END_MS && trips(ms);
			accepted++;
		} else
			all = all && ms == UNTOUCHED && e.status == ERR_DATA;
		free(p);
	}
	unit_ok(all && accepted > 40000 && accepted < 360000,
		"a text with a damaged byte is another time, or refused");
}

static void zone(void)
{
	setenv("TZ", "America/St_Johns", 1);
	tzset();
	unit_ok(reads("2024-07-23", EXAMPLE_MS) && shows(EXAMPLE_MS, "2024-07-23T00:00:00Z"),
		"the time zone is not looked at");
}

static void clocks(void)
{
	int64_t before = tstamp_boot_ms(), wall = tstamp_wall_ms();
	struct timespec moment = { .tv_sec = 0, .tv_nsec = 20000000 };
	int64_t passed;

	nanosleep(&moment, NULL);
	passed = tstamp_boot_ms() - before;
	unit_ok(passed >= 19 && passed < 60000, "the boot clock counts milliseconds");
	unit_ok(wall > EXAMPLE_MS && wall / 1000 - (int64_t)time(NULL) >= -60 &&
			wall / 1000 - (int64_t)time(NULL) <= 1,
		"the wall clock is the system's, in milliseconds");
}

int main(void)
{
	forms();
	fractions();
	malformed();
	offsets();
	impossible();
	window_ids();
	message();
	formats();
	windows();
	every_day();
	every_second();
	damage();
	zone();
	clocks();
	return unit_done();
}
