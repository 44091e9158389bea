#include "head.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define HEAD_LINE_MAX 160 /* with its newline and NUL */
#define HEAD_TAIL 4096	  /* bytes at the end in which the last line is looked for */
#define HEAD_CHUNK ((size_t)1 << 16)

static const char sql_after[] = "SELECT n, window_ms, hash FROM seals WHERE n > :n ORDER BY n";

/* ------------------------------------------------------------------ lines */

static size_t head_format(int64_t n, int64_t window_ms, const struct digest *hash,
			  char line[HEAD_LINE_MAX])
{
	char id[TSTAMP_WINDOW_ID_MAX], hex[DIGEST_HEX_SIZE];

	digest_hex(hash, hex);
	return (size_t)snprintf(line, HEAD_LINE_MAX, "%lld %s %s\n", (long long)n,
				tstamp_window_id(window_ms, id), hex);
}

static void head_hash(struct sql_stmt *s, struct digest *hash)
{
	size_t n;
	const void *p = sql_col_blob(s, 2, &n);

	*hash = (struct digest){ { 0 } };
	if (n == sizeof hash->bytes)
		memcpy(hash->bytes, p, n);
}

/* The line of the row that the statement is at, with its newline. */
static size_t head_line(struct sql_stmt *s, char line[HEAD_LINE_MAX])
{
	struct digest hash;

	head_hash(s, &hash);
	return head_format(sql_col_int(s, 0), sql_col_int(s, 1), &hash, line);
}

/* The line of seal ${n}, or 0 if the race has none of that number. */
static int head_seal(struct db *db, int64_t n, char line[HEAD_LINE_MAX], size_t *len,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_after);
	int r;

	*len = 0;
	sql_int(s, ":n", n - 1);
	r = sql_row(s, e);
	if (r == 1 && sql_col_int(s, 0) == n)
		*len = head_line(s, line);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* The number that a whole line begins with, 0 if it is none: three words, the last of them a
 * hash. Whether the seal is the race's is for the caller to see. */
static int64_t head_number(const char *line, size_t len)
{
	const size_t hex = DIGEST_HEX_SIZE - 1;
	struct digest hash;
	char copy[DIGEST_HEX_SIZE];
	int64_t n = 0;
	size_t i = 0;

	while (i < len && i < 18 && line[i] >= '0' && line[i] <= '9')
		n = n * 10 + (line[i++] - '0');
	if (i == 0 || i == len || line[i] != ' ' || len < i + hex + 2 ||
	    line[len - hex - 1] != ' ' || memchr(line, '\0', len) != NULL)
		return 0;
	memcpy(copy, line + len - hex, hex);
	copy[hex] = '\0';
	return digest_unhex(copy, &hash) == 0 ? n : 0;
}

/* Whether ${line} is what a torn write of ${want} leaves. */
static bool head_torn(const char *line, size_t len, const char *want, size_t want_len)
{
	if (len == 0 || len > want_len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[i] != want[i] && line[i] != '\0')
			return false;
	return true;
}

/* ------------------------------------------------------------------ the end of the file */

struct head_end {
	int64_t n; /* of the last whole line, 0 for none */
	char line[HEAD_LINE_MAX];
	size_t len;
	bool open; /* the last line has no newline */
};

static void head_scan(const char *text, size_t len, bool whole, struct head_end *end)
{
	const char *at = text, *stop = text + len;

	while (at < stop) {
		const char *nl = memchr(at, '\n', (size_t)(stop - at));
		size_t n = (size_t)((nl != NULL ? nl : stop) - at);
		int64_t number = n < HEAD_LINE_MAX - 1 ? head_number(at, n) : 0;

		/* the first one in a piece of the file is part of a line */
		if (number > 0 && (whole || at > text)) {
			end->n = number;
			memcpy(end->line, at, n);
			end->line[n] = '\n';
			end->len = n + 1;
		}
		end->open = nl == NULL;
		at = nl != NULL ? nl + 1 : stop;
	}
}

static int head_look(int fd, const char *name, struct head_end *end, struct err *e)
{
	char tail[HEAD_TAIL];
	struct stat st;
	off_t from;
	ssize_t n;

	*end = (struct head_end){ 0 };
	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_IO, "%s", name);
	from = st.st_size > HEAD_TAIL ? st.st_size - HEAD_TAIL : 0;
	n = pread(fd, tail, sizeof tail, from);
	if (n < 0)
		return err_sys(e, ERR_IO, "%s", name);
	head_scan(tail, (size_t)n, from == 0, end);
	if (end->n == 0 && from > 0)
		return err_set(e, ERR_DATA, "%s: its end is no head file's", name);
	return 0;
}

/* Whether the last line is that of the seal which it names; so is an end without a line. */
static int head_same(struct db *db, const struct head_end *end, bool *same, struct err *e)
{
	char line[HEAD_LINE_MAX];
	size_t len;

	*same = true;
	if (end->n == 0)
		return 0;
	if (head_seal(db, end->n, line, &len, e) != 0)
		return -1;
	*same = len == end->len && memcmp(line, end->line, len) == 0;
	return 0;
}

/* The file of the race; -1 with *${found} false and no error if there is none. */
static int head_open(struct db *db, int flags, bool *found, struct err *e)
{
	int fd = db_open_beside(db_path(db), HEAD_SUFFIX, flags, e);

	*found = fd >= 0 || e->status != ERR_NOTFOUND;
	if (!*found)
		*e = (struct err){ 0 };
	return fd;
}

int head_last(struct db *db, bool *found, int64_t *n, bool *same, struct err *e)
{
	int fd = head_open(db, O_RDONLY, found, e), r;
	struct head_end end;

	*n = 0;
	*same = true;
	if (fd < 0)
		return *found ? -1 : 0;
	r = head_look(fd, "head file", &end, e);
	close(fd);
	if (r != 0)
		return -1;
	*n = end.n;
	return head_same(db, &end, same, e);
}

/* ------------------------------------------------------------------ writing */

static int head_write(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

/* One line; on disk when it returns, so that no later one can be there without it. */
static int head_append(int fd, const char *name, const char *line, size_t len, struct err *e)
{
	if (head_write(fd, line, len) != 0 || fsync(fd) != 0)
		return err_sys(e, ERR_IO, "%s", name);
	return 0;
}

static int head_extend(struct db *db, int fd, const char *name, struct err *e)
{
	struct head_end end;
	struct sql_stmt *s;
	bool same;
	int r;

	if (head_look(fd, name, &end, e) != 0 || head_same(db, &end, &same, e) != 0)
		return -1;
	if (!same)
		return err_set(e, ERR_DATA,
			       "%s: knows another seal %lld than the race; see tr-audit", name,
			       (long long)end.n);
	s = db_get(db, sql_after);
	sql_int(s, ":n", end.n);
	while ((r = sql_row(s, e)) == 1) {
		char line[HEAD_LINE_MAX];
		size_t len = head_line(s, line);

		if ((end.open && head_append(fd, name, "\n", 1, e) != 0) ||
		    head_append(fd, name, line, len, e) != 0) {
			sql_reset(s);
			return -1;
		}
		end.open = false;
	}
	return r;
}

/* All lines of the chain; *${n} counts them. */
static int head_pour(struct db *db, int fd, const char *name, int64_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_after);
	struct buf b = BUF_INIT;
	int r;

	*n = 0;
	sql_int(s, ":n", 0);
	while ((r = sql_row(s, e)) == 1) {
		char line[HEAD_LINE_MAX];

		buf_add(&b, line, head_line(s, line));
		++*n;
		if (b.len < HEAD_CHUNK)
			continue;
		if (head_write(fd, b.data, b.len) != 0)
			break;
		buf_reset(&b);
	}
	sql_reset(s);
	if (r == 1 || (r == 0 && (head_write(fd, b.data, b.len) != 0 || fsync(fd) != 0)))
		r = err_sys(e, ERR_IO, "%s", name);
	buf_release(&b);
	return r;
}

static int head_sync_directory(const char *path, struct err *e)
{
	char *copy = mem_strdup(path);
	const char *dir = dirname(copy);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd >= 0 && fsync(fd) == 0 ? 0 : err_sys(e, ERR_IO, "directory %s", dir);

	if (fd >= 0)
		close(fd);
	free(copy);
	return r;
}

/* A file for a chain that has none: many lines at once, so it gets its name when it is whole.
 */
static int head_create(struct db *db, const char *name, int64_t *made, struct err *e)
{
	char *tmp = mem_printf("%s.tmp", name);
	int64_t n = 0;
	int fd, r;

	unlink(tmp); /* of one that was killed; what stays is met by O_EXCL */
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd >= 0 ? head_pour(db, fd, tmp, &n, e) : err_sys(e, ERR_IO, "%s", tmp);
	if (fd >= 0)
		close(fd);
	if (r == 0 && n > 0 && rename(tmp, name) != 0)
		r = err_sys(e, ERR_IO, "%s", name);
	if (fd >= 0 && (r != 0 || n == 0))
		unlink(tmp);
	else if (r == 0)
		r = head_sync_directory(name, e);
	*made = n;
	free(tmp);
	return r;
}

/* *${made} is the number of lines of a file that was not there. */
static int head_bring(struct db *db, int64_t *made, struct err *e)
{
	char *name = mem_printf("%s%s", db_path(db), HEAD_SUFFIX);
	bool found;
	int fd = head_open(db, O_RDWR | O_APPEND, &found, e), r = -1;

	*made = 0;
	if (fd >= 0) {
		r = head_extend(db, fd, name, e);
		close(fd);
	} else if (!found) {
		r = head_create(db, name, made, e);
	}
	free(name);
	return r;
}

int head_update(struct db *db, struct err *e)
{
	char *path = mem_strdup(db_path(db));
	int64_t made;
	int r = head_bring(db, &made, e);

	/* the first seal of a race finds no file */
	if (r == 0 && made > 1)
		log_msg(LOG_WARN,
			"%s%s: was gone and is made again from the chain; compare with a "
			"published head",
			basename(path), HEAD_SUFFIX);
	free(path);
	return r;
}

int head_begin(struct db *db, struct err *e)
{
	int64_t made;

	return head_bring(db, &made, e);
}

int head_put_aside(const char *path, int64_t at_ms, char aside[HEAD_ASIDE_MAX], struct err *e)
{
	char *name = mem_printf("%s%s", path, HEAD_SUFFIX), *to = NULL;
	char time[TSTAMP_TEXT_MAX];
	struct stat st;
	int r = 0;

	aside[0] = '\0';
	if (lstat(name, &st) != 0 && errno == ENOENT)
		goto out;
	snprintf(aside, HEAD_ASIDE_MAX, "%s.%s", HEAD_SUFFIX, tstamp_format(at_ms, time));
	to = mem_printf("%s%s", path, aside);
	if (lstat(to, &st) == 0)
		r = err_set(e, ERR_DATA, "%s: is there already", to);
	else if (rename(name, to) != 0)
		r = err_sys(e, ERR_IO, "%s", to);
out:
	free(to);
	free(name);
	return r;
}

/* ------------------------------------------------------------------ comparing */

static int head_slurp(int fd, const char *name, struct buf *text, struct err *e)
{
	char *chunk = mem_alloc(HEAD_CHUNK);
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, chunk, HEAD_CHUNK)) != 0) {
		if (n > 0)
			buf_add(text, chunk, (size_t)n);
		else if (errno != EINTR)
			r = err_sys(e, ERR_IO, "%s", name);
		if (buf_overflowed(text))
			r = err_set(e, ERR_DATA, "%s: is longer than any head file", name);
	}
	free(chunk);
	return r;
}

int head_read(struct db *db, const char *path, struct buf *text, bool *found, struct err *e)
{
	int fd, r;

	buf_init(text, HEAD_FILE_MAX);
	if (path == NULL) {
		fd = head_open(db, O_RDONLY, found, e);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		*found = true;
		if (fd < 0)
			err_sys(e,
				errno == ENOENT	  ? ERR_NOTFOUND
				: errno == EACCES ? ERR_PERM
						  : ERR_IO,
				"%s", path);
	}
	if (fd < 0)
		return *found ? -1 : 0;
	r = head_slurp(fd, path != NULL ? path : "head file", text, e);
	close(fd);
	return r;
}

/* The first line that is not what is due. ${due} is 0 when the chain is at its end. */
static void head_differs(struct head_report *r, int64_t line, int64_t due, const char *want,
			 const char *is, size_t len)
{
	int64_t n = head_number(is, len);

	r->ok = false;
	if (due > 0)
		snprintf(r->difference, sizeof r->difference,
			 "head file, line %lld: is not \"%.*s\"", (long long)line,
			 (int)strcspn(want, "\n"), want);
	else if (n > 0)
		snprintf(r->difference, sizeof r->difference,
			 "head file, line %lld: knows seal %lld, the race ends with seal %lld",
			 (long long)line, (long long)n, (long long)r->heads);
	else
		snprintf(r->difference, sizeof r->difference,
			 "head file, line %lld: is no line of a head file", (long long)line);
}

void head_walk_init(struct head_walk *w, const struct buf *text, struct head_report *r)
{
	*r = (struct head_report){ .ok = true };
	*w = (struct head_walk){ .at = buf_str(text), .line = 1, .r = r };
	w->stop = w->at + text->len;
}

/* Past a line of ${n} bytes. */
static void head_walk_line(struct head_walk *w, size_t n)
{
	w->at += n;
	w->at += w->at < w->stop;
	w->line++;
}

static size_t head_walk_length(const struct head_walk *w)
{
	const char *nl = memchr(w->at, '\n', (size_t)(w->stop - w->at));

	return (size_t)((nl != NULL ? nl : w->stop) - w->at);
}

bool head_walk_seal(struct head_walk *w, int64_t n, int64_t window_ms,
		    const struct digest *hash)
{
	char want[HEAD_LINE_MAX];
	size_t want_len = head_format(n, window_ms, hash, want);

	while (w->at < w->stop && w->r->ok) {
		size_t len = head_walk_length(w);
		bool same = len + 1 == want_len && memcmp(w->at, want, len) == 0;

		if (!same && !head_torn(w->at, len, want, want_len)) {
			head_differs(w->r, w->line, n, want, w->at, len);
			break;
		}
		head_walk_line(w, len);
		w->r->heads += same;
		if (same)
			break;
	}
	return w->r->ok;
}

bool head_walk_end(struct head_walk *w)
{
	if (w->at < w->stop && w->r->ok)
		head_differs(w->r, w->line, 0, "", w->at, head_walk_length(w));
	return w->r->ok;
}

int head_compare(struct db *db, const struct buf *text, struct head_report *r, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_after);
	struct head_walk w;
	struct digest hash;
	int rc = 0;

	head_walk_init(&w, text, r);
	sql_int(s, ":n", 0);
	while (w.at < w.stop && r->ok && (rc = sql_row(s, e)) == 1) {
		head_hash(s, &hash);
		head_walk_seal(&w, sql_col_int(s, 0), sql_col_int(s, 1), &hash);
	}
	sql_reset(s);
	if (rc < 0)
		return -1;
	head_walk_end(&w);
	return 0;
}
