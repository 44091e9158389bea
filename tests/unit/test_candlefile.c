#include "candlefile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"
#include "random.h"
#include "tstamp.h"
#include "unit.h"
#include "banned.h"

#define HEADER "asset,quote,open_time_utc,interval_s,open,high,low,close,volume\n"
#define AT "BTC,USDT,2031-01-01T00:05:00Z,300,"
#define ROW(time) "BTC,USDT," time ",300,10,12,9,11,1.5\n"

/* What was complained about, one complaint a line, and how progress went. */
struct heard {
	char text[4096];
	size_t n;
	int64_t count, last_line;
	int progress, steps;
	bool forward;
};

static void on_complaint(void *ctx, int64_t line, const char *reason)
{
	struct heard *h = ctx;
	int n = snprintf(h->text + h->n, sizeof h->text - h->n, "%lld: %s\n", (long long)line,
			 reason);

	if (n > 0 && (size_t)n < sizeof h->text - h->n)
		h->n += (size_t)n;
	h->count++;
	h->last_line = line;
}

static void on_progress(void *ctx, int permille)
{
	struct heard *h = ctx;

	h->forward = h->forward && permille > h->progress && permille <= 1000;
	h->progress = permille;
	h->steps++;
}

struct probe {
	int status; /* of candlefile_read */
	struct candlefile f;
	struct heard h;
	struct err e;
};

/* A file that only this process has, by its path. */
static int file_of(const void *data, size_t n, char path[40])
{
	const char *p = data;
	int fd = memfd_create("candles", MFD_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		abort();
	for (; n > 0; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done <= 0)
			abort();
	}
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static struct probe *probe_bytes(const void *data, size_t n)
{
	struct probe *p = mem_alloc(sizeof *p);
	struct candlefile_options o = { on_complaint, on_progress, &p->h };
	char path[40];
	int fd = file_of(data, n, path);

	p->h.forward = true;
	p->h.progress = -1;
	p->status = candlefile_read(&p->f, path, &o, &p->e);
	close(fd);
	return p;
}

static struct probe *probe(const char *text)
{
	return probe_bytes(text, strlen(text));
}

static void done(struct probe *p)
{
	candlefile_release(&p->f);
	free(p);
}

/* The text is a file as a whole refused with ERR_DATA and a text that has ${want} in it. */
static void refused(const char *text, const char *want, const char *name)
{
	struct probe *p = probe(text);

	if (!unit_ok(p->status == -1 && p->e.status == ERR_DATA && p->f.candles == NULL &&
			     strstr(p->e.text, want) != NULL,
		     name))
		printf("# %d %s\n", p->e.status, p->e.text);
	done(p);
}

/* One row after two good ones is bad for the reason ${want}. */
static void bad_row(const char *row, const char *want, const char *name)
{
	char *text = mem_printf(
		HEADER ROW("2031-01-01T00:00:00Z") ROW("2031-01-01T01:00:00Z") "%s\n", row);
	char *line = mem_printf("4: %s\n", want);
	struct probe *p = probe(text);

	if (!unit_ok(p->status == 0 && p->f.n == 2 && p->f.rows == 3 && p->f.bad == 1 &&
			     strcmp(p->h.text, line) == 0,
		     name))
		printf("# %s# %s\n", p->h.text, p->e.text);
	done(p);
	free(line);
	free(text);
}

static void test_plain(void)
{
	struct probe *p = probe(HEADER ROW("2031-01-01T00:00:00Z") ROW("2031-01-01T00:05:00Z"));

	unit_ok(p->status == 0 && p->e.status == 0 && p->f.n == 2 && p->f.rows == 2 &&
			p->f.bad == 0 && p->f.gaps == 0 && !p->f.descending && p->h.count == 0,
		"two good rows are two candles without a complaint");
	unit_ok(strcmp(p->f.asset, "BTC") == 0 && strcmp(p->f.quote, "USDT") == 0 &&
			p->f.interval_s == 300,
		"asset, quote and interval come from the rows");
	unit_ok(p->f.candles[0].open_ms == INT64_C(1924992000000) &&
			p->f.candles[0].open.u == INT64_C(100000000000) &&
			p->f.candles[0].high.u == INT64_C(120000000000) &&
			p->f.candles[0].low.u == INT64_C(90000000000) &&
			p->f.candles[0].close.u == INT64_C(110000000000) &&
			p->f.candles[0].volume.u == 15000,
		"the numbers are exact");
	unit_ok(p->h.forward && p->h.progress == 1000,
		"progress goes forward and ends at 1000");
	done(p);
	p = probe("\xef\xbb\xbf"
		  "asset,quote,open_time_utc,interval_s,open,high,low,close,volume\r\n"
		  "BTC,USDT,2031-01-01T00:00:00Z,300,10,12,9,11,1.5\r\n" AT "10,12,9,11,2");
	unit_ok(p->status == 0 && p->f.n == 2 && p->f.bad == 0 &&
			p->f.candles[1].volume.u == 20000,
		"a byte order mark, CRLF and a last line without an end are accepted");
	done(p);
}

static void test_headers(void)
{
	struct candlefile f;
	struct err e = { 0 };

	refused("", "is empty", "an empty file is refused");
	refused(HEADER, "no rows", "a header alone is refused");
	refused("Asset,Quote\n1,2\n",
		"line 1: header is \"Asset,Quote\", expected \"asset,quote,",
		"another header is quoted beside the expected one");
	refused(" " HEADER, "header is", "a header after a blank is refused");
	refused("[[1,2]]", "looks like JSON", "JSON is recognised");
	refused("1941276420000,1,1\n", "millisecond times",
		"klines in milliseconds are recognised");
	refused("1941276420,1,1\n", "times in seconds", "klines in seconds are recognised");
	refused("PK\x03\x04xx", "zip archive", "a zip archive is recognised");
	refused("\xff\xfe"
		"a",
		"header is \"\\xff\\xfea\"", "control bytes of a header are escaped");
	unit_ok(candlefile_read(&f, "absent.csv", NULL, &e) == -1 && e.status == ERR_NOTFOUND &&
			strncmp(e.text, "absent.csv: ", 12) == 0,
		"an absent file is not found");
	candlefile_release(&f);
	e.status = 0;
	unit_ok(candlefile_read(&f, "/", NULL, &e) == -1 && e.status == ERR_DATA &&
			strstr(e.text, "directory") != NULL,
		"a directory is refused");
	candlefile_release(&f);
}

static void test_bad_rows(void)
{
	bad_row("", "the line is empty", "an empty line is bad");
	bad_row(AT "10,12,9,11", "8 fields, expected 9", "a missing field is bad");
	bad_row(AT "10,12,9,11,1,", "10 fields, expected 9", "a field too many is bad");
	bad_row(AT "10,12,9,11,", "volume is empty", "an empty field is bad");
	bad_row(AT "\"10\",12,9,11,1", "open \"\"10\"\" is quoted", "a quoted field is bad");
	bad_row(AT " 10,12,9,11,1", "open \" 10\" has a blank or a control byte",
		"a blank in a field is bad");
	bad_row(AT "10\x01,12,9,11,1", "open \"10\\x01\" has a blank or a control byte",
		"a control byte is bad");
	bad_row(AT "0,12,9,11,1", "open \"0\" is not above 0", "a price of 0 is bad");
	bad_row(AT "10,12,-9,11,1", "low \"-9\" is not above 0", "a price below 0 is bad");
	bad_row(AT "10,12,9,11,-1", "volume \"-1\" is below 0", "a volume below 0 is bad");
	bad_row(AT "1e-11,12,9,11,1", "open \"1e-11\" is not above 0",
		"a price that rounds to 0 is bad");
	bad_row(AT "12.5,12,9,11,1", "high 12 is below open 12.5",
		"a high below the open is bad");
	bad_row(AT "10,12,9,12.1,1", "high 12 is below close 12.1",
		"a high below the close is bad");
	bad_row(AT "10,12,10.1,11,1", "open 10 is below low 10.1",
		"a low above the open is bad");
	bad_row(AT "11,12,10.1,10,1", "close 10 is below low 10.1",
		"a low above the close is bad");
	bad_row(AT "10,8,9,11,1", "high 8 is below low 9", "a high below the low is bad");
	bad_row(AT "10,999999999999,9,11,1", "high: '999999999999' is out of range",
		"a price that does not fit is bad");
	bad_row("BTC,USDT,1924992300000,300,10,12,9,11,1",
		"open_time_utc \"1924992300000\" is not a UTC time",
		"a time in numbers is bad");
	bad_row("BTC,USDT,2031-02-29T00:05:00Z,300,10,12,9,11,1",
		"open_time_utc \"2031-02-29T00:05:00Z\" is not a UTC time",
		"February 29 of 2031 is bad");
	bad_row("BTC,USDT,2031-01-01T24:00:00Z,300,10,12,9,11,1",
		"open_time_utc \"2031-01-01T24:00:00Z\" is not a UTC time",
		"the hour 24 is bad");
	bad_row("BTC,USDT,2031-01-01T00:05:00+02:00,300,10,12,9,11,1",
		"open_time_utc \"2031-01-01T00:05:00+02:00\" is not a UTC time",
		"an offset is bad");
	bad_row("BTC,USDT,2031-01-01T00:06:00Z,300,10,12,9,11,1",
		"open_time_utc \"2031-01-01T00:06:00Z\" is not on the grid of its interval",
		"a time between two candles is bad");
	bad_row("BTC,USDT,9999-12-31T23:55:00Z,300,10,12,9,11,1",
		"open_time_utc \"9999-12-31T23:55:00Z\" is too late: it ends after the year "
		"9999",
		"a candle that ends after the year 9999 is bad");
	bad_row("ETH,USDT,2031-01-01T00:05:00Z,300,10,12,9,11,1",
		"ETH-USDT at 300 s in a file of BTC-USDT at 300 s", "another asset is bad");
	bad_row("BTC,USD,2031-01-01T00:05:00Z,300,10,12,9,11,1",
		"BTC-USD at 300 s in a file of BTC-USDT at 300 s", "another quote is bad");
	bad_row("BTC,USDT,2031-01-01T00:05:00Z,60,10,12,9,11,1",
		"BTC-USDT at 60 s in a file of BTC-USDT at 300 s", "another interval is bad");
	bad_row("BTC,USDT,2031-01-01T00:05:00Z,0,10,12,9,11,1",
		"interval_s \"0\" is not a whole number of seconds above 0",
		"an interval of 0 is bad");
	bad_row("BTC,USDT,2031-01-01T00:05:00Z,2678401,10,12,9,11,1",
		"interval_s \"2678401\" is longer than 31 days",
		"an interval of more than 31 days is bad");
}

static void test_nul(void)
{
	static const char text[] = HEADER ROW("2031-01-01T00:00:00Z") AT
		"10,12,9,1\0001,1\n" ROW("2031-01-01T00:10:00Z");
	struct probe *p = probe_bytes(text, sizeof text - 1);

	unit_ok(p->status == 0 && p->f.n == 2 && p->f.bad == 1 && p->f.missing == 1 &&
			strcmp(p->h.text,
			       "3: close \"1\\x001\" has a blank or a control byte\n") == 0,
		"a NUL in a number is bad and the rows behind it are read");
	done(p);
}

/* A line of ${n} bytes between two good rows. */
static struct probe *long_line(size_t n)
{
	char *fill = mem_alloc(n + 1), *text;
	struct probe *p;

	memset(fill, '1', n);
	text = mem_printf(HEADER ROW("2031-01-01T00:00:00Z") "%s\n" ROW("2031-01-01T00:05:00Z"),
			  fill);
	p = probe(text);
	free(text);
	free(fill);
	return p;
}

static void test_long_lines(void)
{
	static const size_t sizes[] = { CANDLEFILE_LINE_MAX + 1, 262144 - 200, 262144,
					3000000 };
	const char *want = "3: the line is longer than 4096 bytes\n";
	bool fine = true;
	struct probe *p = long_line(CANDLEFILE_LINE_MAX);

	unit_ok(p->f.n == 2 && strcmp(p->h.text, "3: 1 fields, expected 9\n") == 0,
		"a line of 4096 bytes is looked at");
	done(p);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		p = long_line(sizes[i]);
		fine = fine && p->status == 0 && p->f.n == 2 && p->f.rows == 3 &&
		       strcmp(p->h.text, want) == 0;
		done(p);
	}
	unit_ok(fine, "a line of any length is one bad row and the rows behind it are read");
}

static void test_order(void)
{
	struct probe *p =
		probe(HEADER ROW("2031-01-01T00:10:00Z") ROW("2031-01-01T00:05:00Z")
			      ROW("2031-01-01T00:05:00Z") ROW("2031-01-01T00:00:00Z"));

	unit_ok(p->status == 0 && p->f.n == 3 && p->f.descending && p->f.duplicates == 1 &&
			p->f.bad == 0 && p->f.candles[0].open_ms < p->f.candles[1].open_ms &&
			p->f.candles[1].open_ms < p->f.candles[2].open_ms,
		"a file that is newest first is turned round, equal rows count as duplicates");
	done(p);
	p = probe(HEADER ROW("2031-01-01T00:10:00Z") ROW("2031-01-01T00:00:00Z")
			  ROW("2031-01-01T00:30:00Z") ROW("2031-01-01T00:05:00Z"));
	unit_ok(p->status == 0 && p->f.n == 4 && !p->f.descending && p->f.bad == 0 &&
			p->f.gaps == 1 && p->f.missing == 3 &&
			p->f.candles[3].open_ms % 3600000 == 1800000,
		"a file in no order is sorted before gaps are counted");
	done(p);
	p = probe(HEADER ROW("2031-01-01T00:00:00Z") ROW("2031-01-01T00:05:00Z")
			  ROW("2031-01-01T00:05:00Z") AT "10,12,9,11,1.6\n");
	unit_ok(p->status == 0 && p->f.n == 1 && p->f.bad == 3 && p->f.duplicates == 0 &&
			p->h.count == 3 && p->h.last_line == 5,
		"rows of one time that differ are all bad, equal ones among them too");
	done(p);
	p = probe(HEADER ROW("2031-01-01T00:00:00Z") ROW("2031-01-01T00:00:00Z"));
	unit_ok(p->f.n == 1 && p->f.duplicates == 1 && !p->f.descending,
		"a row twice is one candle in no order");
	done(p);
}

static void test_mixed(void)
{
	refused(HEADER ROW(
			"2031-01-01T00:00:00Z") "ETH,USDT,2031-01-01T00:00:00Z,300,1,1,1,1,1\n"
						"ETH,USDT,2031-01-01T00:05:00Z,300,1,1,1,1,1\n",
		"several assets",
		"a file whose rows are mostly of others is refused as a whole");
}

static void test_edges(void)
{
	struct probe *p = probe(HEADER "A,B,1970-01-01T00:00:00Z,2678400,1,1,1,1,0\n"
				       "A,B,1970-02-01T00:00:00Z,2678400,1,1,1,1,0\n");

	unit_ok(p->status == 0 && p->f.n == 2 && p->f.interval_s == 2678400,
		"an interval of 31 days is read");
	done(p);
	p = probe(HEADER "A,B,9999-12-31T23:50:00Z,300,1,1,1,1,0\n");
	unit_ok(p->status == 0 && p->f.n == 1,
		"the last but one candle of the year 9999 is read");
	done(p);
	p = probe(HEADER "A,B,x,300,1,1,1,1,0\nA,B,y,300,1,1,1,1,0\n");
	unit_ok(p->status == 0 && p->f.n == 0 && p->f.bad == 2 && p->f.interval_s == 300,
		"a file of bad rows alone is read as no candles");
	done(p);
}

static bool text_is(int64_t v, int scale, const char *want)
{
	char text[DECIMAL_TEXT_MAX];

	return strcmp(decimal_format(v, scale, text), want) == 0;
}

static void test_small_prices(void)
{
	struct probe *p = probe(HEADER "SHIB,USDT,2031-01-01T00:00:00Z,300,"
				       "0.00001765,0.00001767,0.0000176300,"
				       "1.766e-5,15686930395\n"
				       "SHIB,USDT,2031-01-01T00:05:00Z,300,"
				       "0.0000000001,0.0000000001,1e-10,"
				       "1E-10,9999999999999.99995\n"
				       "SHIB,USDT,2031-01-01T00:10:00Z,300,"
				       "0.12345678901,1,0.1,2,0.00001\n");
	const struct view_candle *c = p->f.candles;

	unit_ok(p->f.n == 2 && text_is(c[0].open.u, PRICE_SCALE, "0.00001765") &&
			text_is(c[0].high.u, PRICE_SCALE, "0.00001767") &&
			text_is(c[0].low.u, PRICE_SCALE, "0.00001763") &&
			text_is(c[0].close.u, PRICE_SCALE, "0.00001766") &&
			text_is(c[0].volume.u, VOLUME_SCALE, "15686930395"),
		"prices of a hundred thousandth come out as they went in");
	unit_ok(p->f.n == 2 && c[1].open.u == 1 && c[1].close.u == 1 &&
			c[1].volume.u == INT64_C(100000000000000000) && p->f.rounded == 1,
		"the smallest price is 1e-10; only roundings of good rows count");
	done(p);
}

/* A number in one of the spellings that files have, with faults now and then. */
static void spell(uint64_t *state, char *out, size_t size)
{
	static const char odd[] = "-+.eE0x,9";
	char text[48] = "";
	size_t n = 0, whole = random_below(state, 12), frac = random_below(state, 14);

	for (size_t i = 0; i < whole; i++)
		text[n++] = (char)('0' + random_below(state, 10));
	if (random_below(state, 4) != 0)
		text[n++] = '.';
	for (size_t i = 0; i < frac; i++)
		text[n++] = random_below(state, 3) != 0 ? (char)('0' + random_below(state, 10))
							: '5';
	if (random_below(state, 8) == 0 && n > 0)
		text[random_below(state, n)] = odd[random_below(state, 7)];
	snprintf(out, size, "%s", n > 0 ? text : "0");
}

/* Whether the file's reading of one number is the strict parser's. */
static bool agrees(const char *number, bool *good)
{
	char *text = mem_printf(HEADER "A,B,2031-01-01T00:00:00Z,300,1,1,1,1,%s\n", number);
	struct probe *p = probe(text);
	struct err e = { 0 };
	bool rounded = false, same;
	int64_t want = 0;

	*good = decimal_parse_foreign(number, strlen(number), VOLUME_SCALE, &want, &rounded,
				      &e) == 0 &&
		want >= 0;
	same = p->status == 0 && (*good ? p->f.n == 1 && p->f.candles[0].volume.u == want &&
						  p->f.rounded == rounded
					: p->f.bad == 1);
	if (!same)
		printf("# %s\n", number);
	done(p);
	free(text);
	return same;
}

static void test_numbers(void)
{
	static const char *const hard[] = {
		"0.00005",
		"0.00015",
		"0.000050000000001",
		"999999999999999999",
		"9999999999999999999",
		"0.999999999999999999",
		"0.00000000000000005",
		"922337203685477.5807",
		"922337203685477.5808",
		"5.",
		".5",
		".",
		"1.2.3",
		"1e400",
		"00001.5",
		"1e",
		"+7",
		"-0",
		"0.00004999999999999",
	};
	uint64_t state = 20310101;
	bool fine = true, good;
	char number[48];
	int n_good = 0;

	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
		fine = agrees(hard[i], &good) && fine;
	for (int i = 0; i < 4000; i++) {
		spell(&state, number, sizeof number);
		fine = agrees(number, &good) && fine;
		n_good += good;
	}
	unit_ok(fine, "numbers of any spelling read as the strict parser reads them");
	unit_ok(n_good > 2000 && n_good < 3990,
		"most spellings tried are good and some are not");
}

static void test_times(void)
{
	static const char *const tail[] = {
		"T00:00:00Z", "T23:59:59Z", "T24:00:00Z", "T23:60:00Z",	    "T23:59:60Z",
		"T1:00:00Z",  "T00:00Z",    "T00:00:00z", "t00:00:00Z",	    "T00-00:00Z",
		"T0:000:00Z", "T00:00:0:Z", "T/0:00:00Z", "T00:00:00.000Z", "T00:00:00.5Z",
		"T00:00:00",  "Z",
	};
	bool fine = true;

	for (size_t i = 0; i < sizeof tail / sizeof *tail; i++) {
		char *time = mem_printf("2031-01-02%s", tail[i]);
		char *text = mem_printf(HEADER "A,B,2031-01-02T01:02:03Z,1,1,1,1,1,0\n"
					       "A,B,%s,1,1,1,1,1,0\n",
					time);
		struct probe *p = probe(text);
		struct err e = { 0 };
		int64_t ms = 0;
		bool good = tstamp_parse(time, &ms, &e) == 0 && ms % 1000 == 0 &&
			    time[strlen(time) - 1] == 'Z';

		if (p->f.n != (good ? 2u : 1u) ||
		    (good && p->f.candles[0].open_ms != ms && p->f.candles[1].open_ms != ms)) {
			printf("# %s\n", time);
			fine = false;
		}
		done(p);
		free(text);
		free(time);
	}
	unit_ok(fine,
		"times on the day of the row before read as the strict parser reads them");
}

static void test_many(void)
{
	size_t n = 50000, used = 0, size = n * 64 + 128;
	char *text = mem_alloc(size), time[TSTAMP_TEXT_MAX];
	struct probe *p;
	bool right = true;

	used += (size_t)snprintf(text, size, "%s", HEADER);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, size - used,
					 "A,B,%s,300,%zu,%zu,%zu,%zu,%zu\n",
					 tstamp_format((int64_t)i * 300000, time), i + 1, i + 3,
					 i + 1, i + 2, i);
	p = probe_bytes(text, used);
	right = p->status == 0 && p->f.n == n && p->f.bad == 0 && p->f.gaps == 0;
	for (size_t i = 0; right && i < n; i++)
		right = p->f.candles[i].open_ms == (int64_t)i * 300000 &&
			p->f.candles[i].high.u == (int64_t)(i + 3) * INT64_C(10000000000) &&
			p->f.candles[i].volume.u == (int64_t)i * 10000;
	unit_ok(right, "rows across the reading buffer's ends are read right");
	unit_ok(p->h.forward && p->h.steps > 3 && p->h.progress == 1000,
		"progress is told on the way");
	done(p);
	free(text);
}

static void peeked(const char *text, int status, const char *want, const char *name)
{
	struct candlefile f;
	struct err e = { 0 };
	char path[40];
	int fd = file_of(text, strlen(text), path), got = candlefile_peek(&f, path, &e);

	if (!unit_ok(got == (status == 0 ? 0 : -1) && e.status == status &&
			     (status != 0 ||
			      (strcmp(f.asset, "BTC") == 0 && f.interval_s == 300 &&
			       strcmp(f.quote, "USDT") == 0)) &&
			     strstr(e.text, want) != NULL && f.candles == NULL,
		     name))
		printf("# %d %s\n", e.status, e.text);
	close(fd);
}

static void test_peek(void)
{
	peeked(HEADER ROW("2031-01-01T00:00:00Z") "rubbish\n", 0, "",
	       "a peek reads the first row");
	peeked(HEADER, ERR_DATA, "no rows", "a peek at a header alone fails");
	peeked(HEADER "btc,USDT,x,300,1,1,1,1,1\n", ERR_DATA,
	       "line 2: asset:", "a peek at a bad first row says why");
	peeked("x\n", ERR_DATA, "header is", "a peek at another header fails");
}

int main(void)
{
	test_plain();
	test_headers();
	test_bad_rows();
	test_nul();
	test_long_lines();
	test_order();
	test_mixed();
	test_edges();
	test_small_prices();
	test_numbers();
	test_times();
	test_many();
	test_peek();
	return unit_done();
}
