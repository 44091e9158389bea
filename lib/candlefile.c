#include "candlefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gunzip.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A row is read once, left to right, by short paths for the usual spelling (a time on the day
 * of the row before, a number of at most 18 digits) and otherwise by the strict parsers of
 * decimal and tstamp. Where a short path gives a value it is the strict one's; it never
 * refuses.
 */

#define HEADER "asset,quote,open_time_utc,interval_s,open,high,low,close,volume"
#define FIELDS 9
#define BUFFER ((size_t)256 << 10)
#define QUOTE_MAX 40
#define INTERVAL_MAX (31 * 86400)
#define YEAR_10000_MS INT64_C(253402300800000)
#define FAST_DIGITS 18

enum { ASSET, QUOTE, OPEN_TIME, INTERVAL, OPEN, HIGH, LOW, CLOSE, VOLUME };

static const char *const field_name[FIELDS] = {
	"asset", "quote", "open_time_utc", "interval_s", "open",
	"high",	 "low",	  "close",	   "volume",
};

struct field {
	const char *s;
	size_t n;
};

struct reader {
	struct gunzip *file;
	const char *path;
	int64_t size; /* of the file as it lies on the disk; 0: unknown */
	int permille;
	char *buf;
	size_t pos, have;
	bool eof, skipping;
	int64_t line; /* of the line handed out last */
};

/* What a row is compared with and added to. */
struct table {
	struct candlefile *f;
	const struct candlefile_options *o;
	size_t cap;
	int64_t *lines;	      /* parallel to the candles */
	int64_t ours, others; /* rows of the file's asset, quote and interval, and of others */
	bool ascending, descending;
	char day[10]; /* the day of the last time that was read, and when it began */
	int64_t day_ms;
};

/* Lines */

static int open_file(struct reader *r, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), status;
	struct stat st;

	if (fd < 0) {
		status = errno == ENOENT || errno == ENOTDIR ? ERR_NOTFOUND
			 : errno == EACCES || errno == EPERM ? ERR_PERM
							     : ERR_IO;
		return err_sys(e, status, "%s", path);
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_DATA, "%s: is a directory, not a candle file", path);
	}
	r->size = S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
	r->path = path;
	r->file = gunzip_open(fd, path);
	r->buf = mem_array(BUFFER, 1);
	return 0;
}

static void close_file(struct reader *r)
{
	gunzip_close(r->file);
	free(r->buf);
}

static int refill(struct reader *r, struct err *e)
{
	size_t n;

	memmove(r->buf, r->buf + r->pos, r->have - r->pos);
	r->have -= r->pos;
	r->pos = 0;
	if (gunzip_read(r->file, r->buf + r->have, BUFFER - r->have, &n, e) != 0)
		return -1;
	r->eof = n < BUFFER - r->have;
	r->have += n;
	return 0;
}

/*
 * The next line without its end, borrowed until the next call. 1, 0 at the end, -1. Of a line
 * longer than CANDLEFILE_LINE_MAX only the first CANDLEFILE_LINE_MAX + 1 bytes.
 */
static int next_line(struct reader *r, struct field *out, struct err *e)
{
	char *s, *end;

	for (;;) {
		s = r->buf + r->pos;
		end = memchr(s, '\n', r->have - r->pos);
		out->s = s;
		out->n = end != NULL ? (size_t)(end - s) : r->have - r->pos;
		if (end == NULL && !r->eof && out->n <= CANDLEFILE_LINE_MAX) {
			if (refill(r, e) != 0)
				return -1;
			continue;
		}
		r->pos += out->n + (end != NULL);
		if (!r->skipping)
			break;
		if (end == NULL && r->eof)
			return 0;
		r->skipping = end == NULL;
	}
	if (end == NULL && out->n == 0)
		return 0;
	r->line++;
	if (out->n > CANDLEFILE_LINE_MAX) {
		out->n = CANDLEFILE_LINE_MAX + 1;
		r->skipping = end == NULL && !r->eof;
	} else if (out->n > 0 && out->s[out->n - 1] == '\r') {
		out->n--;
	}
	return 1;
}

static void report_progress(struct reader *r, const struct candlefile_options *o, int permille)
{
	if (o == NULL || o->progress == NULL || permille <= r->permille)
		return;
	r->permille = permille;
	o->progress(o->ctx, permille);
}

static void track_progress(struct reader *r, const struct candlefile_options *o)
{
	if (r->size > 0 && r->line % 4096 == 0)
		report_progress(r, o, (int)(gunzip_used(r->file) * 999 / r->size));
}

/* Complaints */

struct quoted {
	char text[4 * 80 + 4];
};

/* Foreign bytes as they may be shown: at most ${max} (<= 80) of them, printable. */
static const char *show(struct quoted *q, const char *s, size_t n, size_t max)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c;
	char *p = q->text;

	for (size_t i = 0; i < n && i < max; i++) {
		c = (unsigned char)s[i];
		if (c >= ' ' && c <= '~') {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	if (n > max) {
		memcpy(p, "...", 3);
		p += 3;
	}
	*p = '\0';
	return q->text;
}

static int bad_field(struct err *e, int which, struct field v, const char *why)
{
	struct quoted q;

	return err_set(e, ERR_DATA, "%s \"%s\" %s", field_name[which],
		       show(&q, v.s, v.n, QUOTE_MAX), why);
}

static void complain(struct table *t, int64_t line, const char *reason)
{
	t->f->bad++;
	if (t->o != NULL && t->o->complain != NULL)
		t->o->complain(t->o->ctx, line, reason);
}

/* The header */

static bool starts(struct field s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && strncasecmp(s.s, prefix, n) == 0;
}

/* What files begin with that people have and this is not a reader of. */
static const struct {
	const char *prefix, *hint;
} forms[] = {
	{ "[", "looks like JSON" },
	{ "{", "looks like JSON" },
	{ "\x1f\x8b", "looks like gzip in gzip: unpack it once" },
	{ "PK\x03\x04", "looks like a zip archive: unpack it first" },
	{ "\xff\xfe", "looks like UTF-16" },
	{ "\xfe\xff", "looks like UTF-16" },
	{ "PAR1", "looks like Parquet" },
	{ "ARROW1", "looks like Arrow or Feather" },
	{ "unix,date,symbol", "looks like a CryptoDataDownload file" },
	{ "date,symbol,open", "looks like a CryptoDataDownload file" },
	{ "timestamps are utc", "looks like a CryptoDataDownload file" },
	{ "https://www.cryptodatadownload.com", "looks like a CryptoDataDownload file" },
	{ "\"date\",\"price\"", "looks like an Investing.com export" },
	{ "date,open,high,low,close,adj close", "looks like a Yahoo export" },
	{ "asset,quote,", "the columns differ" },
	{ "\"", "fields must not be quoted" },
	{ ",", "looks like a table with several assets in a row" },
	{ "open,high,low,close", "looks like candles without asset, quote and open time" },
	{ "date,open,high,low,close", "looks like candles without asset, quote, interval" },
	{ "time,open,high,low,close", "looks like candles without asset, quote, interval" },
	{ "timestamp,open,high,low", "looks like candles without asset, quote, interval" },
	{ "open_time,open,high,low", "looks like candles without asset, quote, interval" },
};

static size_t count_digits(struct field s)
{
	size_t n = 0;

	while (n < s.n && s.s[n] >= '0' && s.s[n] <= '9')
		n++;
	return n;
}

static const char *hint_of(struct field s)
{
	size_t i, digits = count_digits(s);

	for (i = 0; i < sizeof forms / sizeof *forms; i++)
		if (starts(s, forms[i].prefix))
			return forms[i].hint;
	if (digits == 0 || digits == s.n || s.s[digits] != ',')
		return digits > 0 ? "no header" : NULL;
	switch (digits) {
	case 10:
		return "no header; looks like exchange klines with times in seconds";
	case 13:
		return "no header; looks like exchange klines with millisecond times";
	case 16:
		return "no header; looks like exchange klines with microsecond times";
	default:
		return "no header";
	}
}

static int check_header(const struct reader *r, struct field s, struct err *e)
{
	struct quoted q;
	const char *hint;

	if (s.n >= 3 && memcmp(s.s, "\xef\xbb\xbf", 3) == 0) {
		s.s += 3;
		s.n -= 3;
	}
	if (s.n == strlen(HEADER) && memcmp(s.s, HEADER, s.n) == 0)
		return 0;
	hint = hint_of(s);
	return err_set(e, ERR_DATA, "%s: line 1: header is \"%s\", expected \"%s\"%s%s%s",
		       r->path, show(&q, s.s, s.n, 80), HEADER, hint != NULL ? " (" : "",
		       hint != NULL ? hint : "", hint != NULL ? ")" : "");
}

static int read_header(struct reader *r, struct err *e)
{
	struct field s;
	int got = next_line(r, &s, e);

	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(e, ERR_DATA, "%s: is empty, expected the header \"%s\"", r->path,
			       HEADER);
	return check_header(r, s, e);
}

/* Fields */

static int check_bytes(const struct field v[FIELDS], struct err *e)
{
	int i;
	size_t k;
	unsigned char c;

	for (i = 0; i < FIELDS; i++) {
		if (v[i].n == 0)
			return err_set(e, ERR_DATA, "%s is empty", field_name[i]);
		for (k = 0; k < v[i].n; k++) {
			c = (unsigned char)v[i].s[k];
			if (c == '"' || c == '\'')
				return bad_field(e, i, v[i], "is quoted");
			if (c <= ' ' || c > '~')
				return bad_field(e, i, v[i], "has a blank or a control byte");
		}
	}
	return 0;
}

static int split(struct field line, struct field v[FIELDS], struct err *e)
{
	const char *p = line.s, *end = p + line.n, *comma;
	int n = 0;

	if (line.n > CANDLEFILE_LINE_MAX)
		return err_set(e, ERR_DATA, "the line is longer than %d bytes",
			       CANDLEFILE_LINE_MAX);
	if (line.n == 0)
		return err_set(e, ERR_DATA, "the line is empty");
	for (;; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (n < FIELDS) {
			v[n].s = p;
			v[n].n = (size_t)((comma != NULL ? comma : end) - p);
		}
		n++;
		if (comma == NULL)
			break;
	}
	if (n != FIELDS && memchr(line.s, '"', line.n) != NULL)
		return err_set(e, ERR_DATA, "fields must not be quoted");
	if (n != FIELDS)
		return err_set(e, ERR_DATA, "%d fields, expected %d", n, FIELDS);
	return check_bytes(v, e);
}

static int read_symbol(struct field v, int which, char out[IDENT_ASSET_MAX + 1], struct err *e)
{
	if (v.n > IDENT_ASSET_MAX)
		return bad_field(e, which, v, "is too long");
	memcpy(out, v.s, v.n);
	out[v.n] = '\0';
	if (ident_check_asset(out, e) != 0)
		return err_prefix(e, "%s", field_name[which]);
	return 0;
}

static int read_interval(struct field v, int64_t *out, struct err *e)
{
	int64_t s = 0;
	size_t i;

	if (count_digits(v) != v.n || v.n > 7 || v.s[0] == '0')
		return bad_field(e, INTERVAL, v, "is not a whole number of seconds above 0");
	for (i = 0; i < v.n; i++)
		s = s * 10 + (v.s[i] - '0');
	if (s > INTERVAL_MAX)
		return bad_field(e, INTERVAL, v, "is longer than 31 days");
	*out = s;
	return 0;
}

static int two_digits(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return 100;
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "YYYY-MM-DDTHH:MM:SSZ" on the day of the time before. */
static bool fast_time(const struct table *t, struct field v, int64_t *out)
{
	int h, m, s;

	if (v.n != 20 || memcmp(v.s, t->day, sizeof t->day) != 0 || v.s[10] != 'T' ||
	    v.s[13] != ':' || v.s[16] != ':' || v.s[19] != 'Z')
		return false;
	h = two_digits(v.s + 11);
	m = two_digits(v.s + 14);
	s = two_digits(v.s + 17);
	if (h > 23 || m > 59 || s > 59)
		return false;
	*out = t->day_ms + ((h * 60 + m) * 60 + s) * INT64_C(1000);
	return true;
}

static int read_time(struct table *t, struct field v, int64_t *out, struct err *e)
{
	char text[TSTAMP_TEXT_MAX];
	struct err why = { 0 };

	if (fast_time(t, v, out))
		return 0;
	if (v.n < 11 || v.n >= sizeof text || v.s[v.n - 1] != 'Z' || v.s[4] != '-')
		return bad_field(e, OPEN_TIME, v, "is not a UTC time");
	memcpy(text, v.s, v.n);
	text[v.n] = '\0';
	if (tstamp_parse(text, out, &why) != 0)
		return bad_field(e, OPEN_TIME, v, "is not a UTC time");
	memcpy(t->day, text, sizeof t->day);
	t->day_ms = *out - *out % TSTAMP_DAY_MS;
	return 0;
}

static const int64_t ten[FAST_DIGITS + 1] = {
	1,
	10,
	100,
	1000,
	10000,
	100000,
	1000000,
	10000000,
	100000000,
	1000000000,
	INT64_C(10000000000),
	INT64_C(100000000000),
	INT64_C(1000000000000),
	INT64_C(10000000000000),
	INT64_C(100000000000000),
	INT64_C(1000000000000000),
	INT64_C(10000000000000000),
	INT64_C(100000000000000000),
	INT64_C(1000000000000000000),
};

/* ${digits} at 10^-${places} in units of 10^-${scale}, half to even; false if too large. */
static bool rescale(int64_t digits, int places, int scale, int64_t *out, bool *rounded)
{
	int64_t unit, rest, v;

	if (places <= scale)
		return !__builtin_mul_overflow(digits, ten[scale - places], out);
	unit = ten[places - scale];
	rest = digits % unit;
	v = digits / unit;
	if (rest > unit / 2 || (rest == unit / 2 && v % 2 != 0))
		v++;
	if (rest != 0)
		*rounded = true;
	*out = v;
	return true;
}

/* Up to 18 digits, with a point between two of them or none. */
static bool fast_number(struct field v, int scale, int64_t *out, bool *rounded)
{
	uint64_t digits = 0;
	size_t i, point = v.n;
	unsigned d;

	if (v.n > FAST_DIGITS + 1)
		return false;
	for (i = 0; i < v.n; i++) {
		d = (unsigned)(unsigned char)v.s[i] - '0';
		if (d <= 9)
			digits = digits * 10 + d;
		else if (v.s[i] == '.' && point == v.n && i > 0 && i + 1 < v.n)
			point = i;
		else
			return false;
	}
	if (point == v.n && v.n > FAST_DIGITS)
		return false;
	return rescale((int64_t)digits, point == v.n ? 0 : (int)(v.n - point - 1), scale, out,
		       rounded);
}

static int read_number(struct table *t, const struct field v[FIELDS], int which, int scale,
		       int64_t *out, struct err *e)
{
	bool rounded = false;

	if (!fast_number(v[which], scale, out, &rounded) &&
	    decimal_parse_foreign(v[which].s, v[which].n, scale, out, &rounded, e) != 0)
		return err_prefix(e, "%s", field_name[which]);
	t->f->rounded += rounded;
	return 0;
}

static int read_price(struct table *t, const struct field v[FIELDS], int which,
		      struct price *out, struct err *e)
{
	if (read_number(t, v, which, PRICE_SCALE, &out->u, e) != 0)
		return -1;
	if (out->u > 0)
		return 0;
	return bad_field(e, which, v[which], "is not above 0");
}

/* Rows */

struct identity {
	char asset[IDENT_ASSET_MAX + 1];
	char quote[IDENT_ASSET_MAX + 1];
	int64_t interval_s;
};

static int read_identity(const struct field v[FIELDS], struct identity *out, struct err *e)
{
	if (read_symbol(v[ASSET], ASSET, out->asset, e) != 0 ||
	    read_symbol(v[QUOTE], QUOTE, out->quote, e) != 0)
		return -1;
	return read_interval(v[INTERVAL], &out->interval_s, e);
}

static void take_identity(struct candlefile *f, const struct identity *id)
{
	memcpy(f->asset, id->asset, sizeof f->asset);
	memcpy(f->quote, id->quote, sizeof f->quote);
	f->interval_s = id->interval_s;
}

static int compare_identity(struct table *t, const struct identity *id, struct err *e)
{
	struct candlefile *f = t->f;

	if (f->interval_s == 0)
		take_identity(f, id);
	if (f->interval_s == id->interval_s && strcmp(f->asset, id->asset) == 0 &&
	    strcmp(f->quote, id->quote) == 0) {
		t->ours++;
		return 0;
	}
	t->others++;
	return err_set(e, ERR_DATA, "%s-%s at %lld s in a file of %s-%s at %lld s", id->asset,
		       id->quote, (long long)id->interval_s, f->asset, f->quote,
		       (long long)f->interval_s);
}

static int check_time(const struct candlefile *f, struct field v, int64_t open_ms,
		      struct err *e)
{
	if (open_ms % (f->interval_s * 1000) != 0)
		return bad_field(e, OPEN_TIME, v, "is not on the grid of its interval");
	if (open_ms + f->interval_s * 1000 >= YEAR_10000_MS)
		return bad_field(e, OPEN_TIME, v, "is too late: it ends after the year 9999");
	return 0;
}

static int below(struct err *e, const struct field v[FIELDS], int high, int low)
{
	struct quoted a, b;

	return err_set(e, ERR_DATA, "%s %s is below %s %s", field_name[high],
		       show(&a, v[high].s, v[high].n, QUOTE_MAX), field_name[low],
		       show(&b, v[low].s, v[low].n, QUOTE_MAX));
}

static int check_order(const struct view_candle *c, const struct field v[FIELDS], struct err *e)
{
	if (c->high.u < c->low.u)
		return below(e, v, HIGH, LOW);
	if (c->high.u < c->open.u)
		return below(e, v, HIGH, OPEN);
	if (c->high.u < c->close.u)
		return below(e, v, HIGH, CLOSE);
	if (c->open.u < c->low.u)
		return below(e, v, OPEN, LOW);
	if (c->close.u < c->low.u)
		return below(e, v, CLOSE, LOW);
	return 0;
}

static int read_candle(struct table *t, const struct field v[FIELDS], struct view_candle *c,
		       struct err *e)
{
	if (read_time(t, v[OPEN_TIME], &c->open_ms, e) != 0 ||
	    check_time(t->f, v[OPEN_TIME], c->open_ms, e) != 0)
		return -1;
	if (read_price(t, v, OPEN, &c->open, e) != 0 ||
	    read_price(t, v, HIGH, &c->high, e) != 0 ||
	    read_price(t, v, LOW, &c->low, e) != 0 ||
	    read_price(t, v, CLOSE, &c->close, e) != 0)
		return -1;
	if (read_number(t, v, VOLUME, VOLUME_SCALE, &c->volume.u, e) != 0)
		return -1;
	if (c->volume.u < 0)
		return bad_field(e, VOLUME, v[VOLUME], "is below 0");
	return check_order(c, v, e);
}

static bool is_text(struct field v, const char *text)
{
	return strlen(text) == v.n && memcmp(text, v.s, v.n) == 0;
}

static bool same_identity(const struct candlefile *f, const struct field v[FIELDS])
{
	return f->interval_s != 0 && is_text(v[ASSET], f->asset) && is_text(v[QUOTE], f->quote);
}

static int read_row(struct table *t, struct field line, struct view_candle *c, struct err *e)
{
	struct field v[FIELDS];
	struct identity id = { 0 };

	if (split(line, v, e) != 0)
		return -1;
	/* the names of most rows are the file's, which have been checked */
	if (same_identity(t->f, v)) {
		memcpy(id.asset, t->f->asset, sizeof id.asset);
		memcpy(id.quote, t->f->quote, sizeof id.quote);
		if (read_interval(v[INTERVAL], &id.interval_s, e) != 0)
			return -1;
	} else if (read_identity(v, &id, e) != 0) {
		return -1;
	}
	if (compare_identity(t, &id, e) != 0)
		return -1;
	return read_candle(t, v, c, e);
}

static void add_candle(struct table *t, const struct view_candle *c, int64_t line)
{
	struct candlefile *f = t->f;

	if (f->n == t->cap) {
		t->cap = t->cap != 0 ? t->cap * 2 : 1024;
		f->candles = mem_resize(f->candles, t->cap, sizeof *f->candles);
		t->lines = mem_resize(t->lines, t->cap, sizeof *t->lines);
	}
	if (f->n > 0) {
		t->ascending = t->ascending && c->open_ms > f->candles[f->n - 1].open_ms;
		t->descending = t->descending && c->open_ms <= f->candles[f->n - 1].open_ms;
	}
	f->candles[f->n] = *c;
	t->lines[f->n++] = line;
}

static int read_rows(struct reader *r, struct table *t, struct err *e)
{
	struct err why = { 0 };
	struct view_candle c;
	struct field line;
	int64_t rounded;
	int got;

	while ((got = next_line(r, &line, e)) > 0) {
		if (t->f->rows == CANDLEFILE_ROWS_MAX)
			return err_set(e, ERR_DATA, "%s: more than %d rows", r->path,
				       CANDLEFILE_ROWS_MAX);
		t->f->rows++;
		rounded = t->f->rounded;
		if (read_row(t, line, &c, &why) == 0) {
			add_candle(t, &c, r->line);
		} else {
			t->f->rounded = rounded;
			complain(t, r->line, why.text);
			why.status = 0;
		}
		track_progress(r, t->o);
	}
	return got;
}

/* The whole */

struct entry {
	struct view_candle c;
	int64_t line;
};

static int by_time(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->c.open_ms != b->c.open_ms)
		return a->c.open_ms < b->c.open_ms ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static struct entry *sorted(const struct table *t)
{
	struct entry *s = mem_array(t->f->n, sizeof *s);

	for (size_t i = 0; i < t->f->n; i++) {
		s[i].c = t->f->candles[i];
		s[i].line = t->lines[i];
	}
	qsort(s, t->f->n, sizeof *s, by_time);
	return s;
}

static bool equal(const struct view_candle *a, const struct view_candle *b)
{
	return a->open.u == b->open.u && a->high.u == b->high.u && a->low.u == b->low.u &&
	       a->close.u == b->close.u && a->volume.u == b->volume.u;
}

/* ${n} rows of one open time: one candle if they are equal, none if not. */
static void settle_group(struct table *t, const struct entry *s, size_t n)
{
	char text[TSTAMP_TEXT_MAX], reason[160];
	size_t i = 1;

	while (i < n && equal(&s[0].c, &s[i].c))
		i++;
	if (i == n) {
		t->f->candles[t->f->n++] = s[0].c;
		t->f->duplicates += (int64_t)n - 1;
		return;
	}
	tstamp_format(s[0].c.open_ms, text);
	for (i = 0; i < n; i++) {
		snprintf(reason, sizeof reason,
			 "open time %s also at line %lld, and they differ", text,
			 (long long)s[i > 0 ? 0 : 1].line);
		complain(t, s[i].line, reason);
	}
}

/* Bring the candles into order and decide on those of one time. */
static void settle(struct table *t)
{
	size_t n = t->f->n, i, end;
	struct entry *s = NULL;

	t->f->descending = t->descending && n > 1 &&
			   t->f->candles[0].open_ms > t->f->candles[n - 1].open_ms;
	if (t->ascending)
		return;
	s = sorted(t);
	t->f->n = 0;
	for (i = 0; i < n; i = end) {
		end = i + 1;
		while (end < n && s[end].c.open_ms == s[i].c.open_ms)
			end++;
		settle_group(t, s + i, end - i);
	}
	free(s);
}

static void count_gaps(struct candlefile *f)
{
	int64_t step = f->interval_s * 1000, apart;

	for (size_t i = 1; i < f->n; i++) {
		apart = (f->candles[i].open_ms - f->candles[i - 1].open_ms) / step;
		if (apart > 1) {
			f->gaps++;
			f->missing += apart - 1;
		}
	}
}

static int check_whole(const struct table *t, const char *path, struct err *e)
{
	if (t->f->rows == 0)
		return err_set(e, ERR_DATA, "%s: no rows after the header", path);
	if (t->others > 0 && t->others >= t->ours)
		return err_set(
			e, ERR_DATA,
			"%s: several assets, quotes or intervals: %lld rows are of %s-%s "
			"at %lld s, %lld of others",
			path, (long long)t->ours, t->f->asset, t->f->quote,
			(long long)t->f->interval_s, (long long)t->others);
	return 0;
}

static int read_file(struct reader *r, struct table *t, const char *path, struct err *e)
{
	if (open_file(r, path, e) != 0 || read_header(r, e) != 0 || read_rows(r, t, e) != 0)
		return -1;
	if (check_whole(t, path, e) != 0)
		return -1;
	settle(t);
	count_gaps(t->f);
	report_progress(r, t->o, 1000);
	return 0;
}

int candlefile_read(struct candlefile *out, const char *path,
		    const struct candlefile_options *o, struct err *e)
{
	struct reader r = { 0 };
	struct table t = { .f = out, .o = o, .ascending = true, .descending = true };
	int result;

	memset(out, 0, sizeof *out);
	result = read_file(&r, &t, path, e);
	if (result != 0)
		candlefile_release(out);
	free(t.lines);
	close_file(&r);
	return result;
}

void candlefile_release(struct candlefile *f)
{
	free(f->candles);
	memset(f, 0, sizeof *f);
}

static int peek(struct reader *r, struct candlefile *out, const char *path, struct err *e)
{
	struct field line, v[FIELDS];
	struct identity id;
	struct err why = { 0 };
	int got;

	if (open_file(r, path, e) != 0 || read_header(r, e) != 0)
		return -1;
	got = next_line(r, &line, e);
	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(e, ERR_DATA, "%s: no rows after the header", path);
	if (split(line, v, &why) != 0 || read_identity(v, &id, &why) != 0)
		return err_set(e, ERR_DATA, "%s: line 2: %s", path, why.text);
	take_identity(out, &id);
	return 0;
}

int candlefile_peek(struct candlefile *out, const char *path, struct err *e)
{
	struct reader r = { 0 };
	int result;

	memset(out, 0, sizeof *out);
	result = peek(&r, out, path, e);
	close_file(&r);
	return result;
}
