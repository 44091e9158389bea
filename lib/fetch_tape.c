#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"

#include "banned.h"

/*
 * A recording is a file of lines of tr.exchange/1. Each names the key of its request first, so
 * that a long recording is indexed without being parsed: per line its key and its place in the
 * file, sorted by key and then by place.
 */

#define CHUNK ((size_t)1 << 20)
#define LINE_MAX_BYTES (2 * FETCH_LINE_MAX)

static const char lead[] = "{\"schema\":\"tr.exchange/1\",\"key\":\"";

/* Lines of others in the same file, see remote_turn.c. */
static const char turn[] = "{\"schema\":\"tr.turn/1\",";

#define LEAD (sizeof lead - 1)
#define TURN (sizeof turn - 1)
#define HEX (DIGEST_HEX_SIZE - 1)

struct entry {
	struct digest key;
	off_t at;
	size_t len;
	size_t line; /* from 1 */
};

struct fetch_tape {
	char *path;
	int fd;
	struct entry *entries; /* sorted */
	size_t n, cap;
	size_t lines; /* seen, those of others included */
	size_t *used; /* by index of the first entry of a key: how many were given out */
};

void fetch_request_key(const struct fetch_request *r, char hex[DIGEST_HEX_SIZE])
{
	char block[16384];
	struct digest_state s;
	struct digest d;
	size_t at, n;

	digest_init(&s);
	digest_field(&s, r->method, strlen(r->method));
	digest_field(&s, r->url, strlen(r->url));
	/* a field like those before, in pieces: its length and its bytes */
	digest_int(&s, (int64_t)fetch_body_len(r));
	for (at = 0; (n = fetch_body_read(r, at, block, sizeof block)) > 0; at += n)
		digest_update(&s, block, n);
	digest_final(&s, &d);
	digest_hex(&d, hex);
}

/* ------------------------------------------------------------------ appending */

/* The place behind the last newline. */
static int find_end(int fd, off_t size, off_t *end)
{
	char chunk[4096];
	const char *newline;
	size_t n;

	while (size > 0) {
		n = size < (off_t)sizeof chunk ? (size_t)size : sizeof chunk;
		size -= (off_t)n;
		if (pread(fd, chunk, n, size) != (ssize_t)n)
			return -1;
		newline = memrchr(chunk, '\n', n);
		if (newline != NULL) {
			*end = size + (newline - chunk) + 1;
			return 0;
		}
	}
	*end = 0;
	return 0;
}

/* Whoever wrote half a line was killed or had no room; the next line must not hang on it. */
static int cut_torn(int fd, const char *path, struct err *e)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	/* a line is one write, which the kernel does not mix with the size that we see */
	if (flock(fd, LOCK_EX) != 0 || find_end(fd, st.st_size, &end) != 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (end < st.st_size && ftruncate(fd, end) != 0)
		return err_sys(e, ERR_IO, "%s", path);
	flock(fd, LOCK_UN);
	return 0;
}

int fetch_tape_append(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (cut_torn(fd, path, e) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ------------------------------------------------------------------ playing */

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = memcmp(x->key.bytes, y->key.bytes, DIGEST_SIZE);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

static int tape_add(struct fetch_tape *t, const char *line, size_t len, off_t at, struct err *e)
{
	char hex[DIGEST_HEX_SIZE] = { 0 };
	struct entry *entry;

	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? 2 * t->cap : 1024;
		t->entries = mem_resize(t->entries, t->cap, sizeof *t->entries);
	}
	entry = &t->entries[t->n];
	*entry = (struct entry){ .at = at, .len = len, .line = t->lines };
	if (len > LEAD + HEX && memcmp(line, lead, LEAD) == 0)
		memcpy(hex, line + LEAD, HEX);
	if (digest_unhex(hex, &entry->key) != 0)
		return err_set(e, ERR_DATA, "%s: line %zu is no tr.exchange/1 with its key",
			       t->path, t->lines);
	t->n++;
	return 0;
}

/* Index the whole lines of a piece of the file that begins at ${at}; returns what they take. */
static ssize_t tape_lines(struct fetch_tape *t, const char *data, size_t n, off_t at,
			  struct err *e)
{
	size_t done = 0;
	const char *newline;

	while ((newline = memchr(data + done, '\n', n - done)) != NULL) {
		size_t len = (size_t)(newline - data) - done;

		t->lines++;
		if (len > TURN && memcmp(data + done, turn, TURN) == 0) {
			done += len + 1;
			continue;
		}
		if (tape_add(t, data + done, len, at + (off_t)done, e) != 0)
			return -1;
		done += len + 1;
	}
	return (ssize_t)done;
}

static int tape_index(struct fetch_tape *t, struct err *e)
{
	size_t cap = CHUNK, have = 0;
	char *data = mem_resize(NULL, cap, 1);
	off_t at = 0;
	ssize_t r, taken = 0;

	while ((r = pread(t->fd, data + have, cap - have, at + (off_t)have)) > 0) {
		have += (size_t)r;
		taken = tape_lines(t, data, have, at, e);
		if (taken < 0)
			break;
		have -= (size_t)taken;
		at += taken;
		memmove(data, data + taken, have);
		if (have == cap && cap < LINE_MAX_BYTES) {
			cap *= 2;
			data = mem_resize(data, cap, 1);
		} else if (have == cap) {
			taken = err_set(e, ERR_DATA, "%s: line %zu is too long", t->path,
					t->lines + 1);
			break;
		}
	}
	free(data);
	if (r < 0)
		return err_sys(e, ERR_IO, "%s", t->path);
	if (taken >= 0 && have > 0)
		log_msg(LOG_WARN, "%s: the last line is torn and left out", t->path);
	return taken < 0 ? -1 : 0;
}

struct fetch_tape *fetch_tape_open(const char *path, struct err *e)
{
	struct fetch_tape *t = mem_alloc(sizeof *t);

	t->path = mem_strdup(path);
	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0) {
		err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", path);
		fetch_tape_close(t);
		return NULL;
	}
	if (tape_index(t, e) != 0) {
		fetch_tape_close(t);
		return NULL;
	}
	if (t->n > 0)
		qsort(t->entries, t->n, sizeof *t->entries, entry_compare);
	t->used = mem_array(t->n, sizeof *t->used);
	return t;
}

void fetch_tape_close(struct fetch_tape *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t->used);
	free(t->entries);
	free(t->path);
	free(t);
}

/* The first entry of a key; t->n if there is none. */
static size_t tape_find(const struct fetch_tape *t, const struct digest *key)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(t->entries[mid].key.bytes, key->bytes, DIGEST_SIZE) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n && memcmp(t->entries[low].key.bytes, key->bytes, DIGEST_SIZE) == 0)
		return low;
	return t->n;
}

static int tape_read(struct fetch_tape *t, const struct entry *entry, struct fetch_answer *a,
		     struct err *e)
{
	char *line = mem_resize(NULL, entry->len + 1, 1);
	struct fetch_request r;
	int rc;

	if (pread(t->fd, line, entry->len, entry->at) != (ssize_t)entry->len)
		rc = err_set(e, ERR_IO, "%s: cannot be read again", t->path);
	else
		rc = fetch_parse_exchange(line, entry->len, &r, a, e);
	if (rc == 0)
		fetch_request_release(&r);
	else
		err_prefix(e, "%s: line %zu", t->path, entry->line);
	free(line);
	return rc;
}

int fetch_tape_check(const char *path, struct err *e)
{
	struct fetch_tape *t = fetch_tape_open(path, e);
	const struct entry *bad = NULL;
	struct err why = { 0 };
	int rc = t != NULL ? 0 : -1;

	/* they are sorted by key, and the first line that is wrong is the one to name */
	for (size_t i = 0; t != NULL && i < t->n; i++) {
		struct fetch_answer a = { 0 };

		if (bad != NULL && bad->line < t->entries[i].line)
			continue;
		why = (struct err){ 0 };
		if (tape_read(t, &t->entries[i], &a, &why) == 0) {
			fetch_answer_release(&a);
			continue;
		}
		bad = &t->entries[i];
		*e = why;
		rc = -1;
	}
	fetch_tape_close(t);
	return rc;
}

int fetch_tape_next(struct fetch_tape *t, const char *key, struct fetch_answer *a, bool *found,
		    struct err *e)
{
	struct digest d;
	size_t first, at;

	*found = false;
	if (digest_unhex(key, &d) != 0)
		return err_set(e, ERR_INTERNAL, "the key of a request is no digest");
	first = tape_find(t, &d);
	if (first == t->n)
		return 0;
	at = first + t->used[first];
	if (at + 1 < t->n && memcmp(t->entries[at + 1].key.bytes, d.bytes, DIGEST_SIZE) == 0)
		t->used[first]++;
	*found = true;
	return tape_read(t, &t->entries[at], a, e);
}
