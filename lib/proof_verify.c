#include "proof_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "head.h"
#include "mem.h"

#include "banned.h"

/*
 * One pass over the pack. A row is checked as far as can be where it stands: its line against
 * the one before, its place, and what it says against the rows before it. Then, with the seal
 * of its window, that these are the rows that were sealed. So the first difference is at the
 * row that was touched, unless the whole pack was made to fit; then at its window.
 */

#define PROOF_CHUNK ((size_t)1 << 16)

/* Which member is due. */
enum proof_stage {
	PROOF_AT_README,
	PROOF_AT_MANIFEST,
	PROOF_AT_TEXTS,
	PROOF_AT_FACTS,
	PROOF_AT_END
};

struct proof_verifier {
	const struct proof_expect *x;
	struct proof_report *r;
	struct proof_at at;
	struct tar_reader *tar;
	enum proof_stage stage;
	struct proof_manifest m;
	struct proof_books *books;
	struct buf sums;	 /* of the members up to now */
	char last[TAR_NAME_MAX]; /* member */
	char check[PROOF_CHECK_MAX];
	/* the window */
	bool open;
	int64_t window_ms; /* of the last one */
	bool withheld;
	struct race_sealer sealer;
	struct digest previous;
	struct head_walk walk;
	struct head_report heads;
};

/* ------------------------------------------------------------------ differences */

/* Bytes of a pack go to a terminal. */
static void proof_printable(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			*s = '?';
}

static void proof_where(struct proof_at *at)
{
	char label[PROOF_LABEL_MAX], id[TSTAMP_WINDOW_ID_MAX];
	char *to = at->r->difference;
	size_t cap = sizeof at->r->difference, n = 0;

	if (at->member[0] != '\0')
		n += (size_t)snprintf(to + n, cap - n, "%s",
				      strncmp(at->member, PROOF_TOP, sizeof PROOF_TOP - 1) == 0
					      ? at->member + sizeof PROOF_TOP - 1
					      : at->member);
	if (at->line > 0)
		n += (size_t)snprintf(to + n, cap - n, ", line %lld", (long long)at->line);
	if (at->window_ms >= 0)
		n += (size_t)snprintf(to + n, cap - n, " (%s)",
				      tstamp_window_id(at->window_ms, id));
	if (n > 0)
		n += (size_t)snprintf(to + n, cap - n, ": ");
	if (at->label[0] != '\0') {
		snprintf(to + n, cap - n, "%s: ", at->label);
	} else if (at->row != NULL) {
		proof_row_label(at->row, label);
		snprintf(to + n, cap - n, "%s: ", label);
	}
}

int proof_differs(struct proof_at *at, const char *fmt, ...)
{
	struct proof_report *r = at->r;
	size_t n;
	va_list ap;

	if (!r->ok)
		return -1;
	r->ok = false;
	r->difference[0] = '\0';
	proof_where(at);
	n = strlen(r->difference);
	va_start(ap, fmt);
	vsnprintf(r->difference + n, sizeof r->difference - n, fmt, ap);
	va_end(ap);
	proof_printable(r->difference);
	memcpy(r->member, at->member, sizeof r->member);
	r->line = at->line;
	r->window_ms = at->window_ms;
	r->kind = at->label[0] != '\0' ? proof_kind_name(RACE_FACT_DECISION)
		  : at->row != NULL    ? proof_kind_name(at->row->kind)
				       : NULL;
	return -1;
}

/* What the reader of the archive says about its content is an answer. */
static int proof_damaged(struct proof_verifier *v, struct err *e)
{
	struct err cause = *e;

	if (cause.status != ERR_DATA || v->at.member[0] == '\0')
		return -1;
	*e = (struct err){ 0 };
	v->at.row = NULL;
	return proof_differs(&v->at, "%s", cause.text);
}

/* ------------------------------------------------------------------ sums */

static void proof_sum(struct proof_verifier *v, const struct digest *d)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	buf_addf(&v->sums, "%s  %s\n", hex, v->at.member + sizeof PROOF_TOP - 1);
}

/* The sums in the pack against those of what was read. */
static int proof_check_sums(struct proof_verifier *v, const struct buf *text)
{
	const char *is = buf_str(text), *should = buf_str(&v->sums);
	size_t i = 0, from = 0;

	while (i < text->len && i < v->sums.len && is[i] == should[i])
		if (should[i++] == '\n')
			from = i;
	if (i < text->len || i < v->sums.len) {
		const char *line = from < v->sums.len ? should + from : is + from;
		size_t n = strcspn(line, "\n"), name = DIGEST_HEX_SIZE + 1;

		return proof_differs(&v->at, "%.*s is not the file that was packed",
				     n > name ? (int)(n - name) : 0,
				     n > name ? line + name : line);
	}
	buf_reset(&v->sums);
	return 0;
}

/* ------------------------------------------------------------------ windows */

static int proof_open_window(struct proof_verifier *v, const struct proof_row *row)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t window_ms = row->cells[1].v;

	if (v->open)
		return proof_differs(&v->at, "begins in another window");
	if (row->cells[0].v != v->r->seals + 1)
		return proof_differs(&v->at, "follows on %lld", (long long)v->r->seals);
	if (window_ms <= v->window_ms ||
	    strcmp(row->cells[2].data, tstamp_window_id(window_ms, id)) != 0)
		return proof_differs(&v->at, "is not the time that it can be");
	v->open = true;
	v->withheld = false;
	v->window_ms = v->at.window_ms = window_ms;
	race_sealer_init(&v->sealer, window_ms);
	proof_books_window(v->books, window_ms);
	return 0;
}

static bool proof_cell_is(const struct proof_cell *c, const struct digest *d)
{
	return c->n == sizeof d->bytes && memcmp(c->data, d->bytes, sizeof d->bytes) == 0;
}

/* The digests of the rows against those that were sealed. */
static int proof_seal_parts(struct proof_verifier *v, const struct proof_row *row,
			    struct race_seal_parts *p)
{
	static const char *const names[] = { "batch or prices", "decisions or answers",
					     "orders", "executions or trades", "snapshots" };
	struct digest *const parts[] = { &p->batch, &p->decisions, &p->orders, &p->executions,
					 &p->snapshots };

	race_sealer_final(&v->sealer, p);
	for (size_t i = 0; i < RACE_SEAL_PARTS; i++) {
		const struct proof_cell *c = &row->cells[2 + i];

		if (i == 1 && v->withheld && c->n == sizeof p->decisions.bytes)
			memcpy(p->decisions.bytes, c->data, c->n);
		if (!proof_cell_is(c, parts[i]))
			return proof_differs(&v->at,
					     "the %s of the window are not those that were "
					     "sealed",
					     names[i]);
	}
	return 0;
}

static int proof_seal(struct proof_verifier *v, const struct proof_row *row)
{
	struct race_seal_parts p;
	int64_t n = v->r->seals + 1;
	struct digest hash;

	if (row->cells[0].v != n || row->cells[1].v != v->window_ms)
		return proof_differs(&v->at, "is not of this window");
	if (proof_books_end(v->books) != 0 || proof_seal_parts(v, row, &p) != 0)
		return -1;
	if (!proof_cell_is(&row->cells[7], &v->previous))
		return proof_differs(&v->at, "does not follow on the one before");
	race_seal_hash(&p, n, v->window_ms, &v->previous, &hash);
	if (!proof_cell_is(&row->cells[8], &hash))
		return proof_differs(&v->at, "its hash is wrong");
	v->r->seals = n;
	v->r->withheld += v->withheld;
	v->r->head = v->previous = hash;
	if (v->x->head != NULL && memcmp(v->x->head, &hash, sizeof hash) == 0)
		v->r->known = n;
	if (v->x->heads != NULL && !head_walk_seal(&v->walk, n, v->window_ms, &hash))
		return proof_differs(&v->at, "%s", v->heads.difference);
	v->open = false;
	return 0;
}

static int proof_fact_row(struct proof_verifier *v, const struct proof_row *row)
{
	if (proof_row_withheld(row)) {
		if (v->m.full || v->x->full)
			return proof_differs(&v->at, "a text is left out");
		v->withheld = true;
	}
	/* in their order, or the sealer would not take them */
	if (proof_books_row(v->books, row) != 0)
		return -1;
	proof_row_seal(row, &v->sealer);
	return 0;
}

static int proof_dispatch(struct proof_verifier *v, const struct proof_row *row)
{
	if (row->kind == PROOF_WINDOW)
		return proof_open_window(v, row);
	if (!v->open)
		return proof_differs(&v->at, "is in no window");
	return row->kind == PROOF_SEAL ? proof_seal(v, row) : proof_fact_row(v, row);
}

/* ------------------------------------------------------------------ lines */

static int proof_line(struct proof_verifier *v, const char *line, size_t len)
{
	char should[PROOF_CHECK_MAX];
	struct proof_row row;
	struct err e = { 0 };
	int r;

	v->at.line++;
	if (!v->open)
		v->at.window_ms = -1;
	r = proof_row_read(&row, line, len, &e);
	if (r != 0) {
		proof_differs(&v->at, "is no row: %s", e.text);
		goto out;
	}
	v->at.row = &row;
	proof_row_check(v->check, line, len, should);
	if (strcmp(row.check, should) != 0) {
		if (row.kind == PROOF_WINDOW)
			v->at.window_ms = row.cells[1].v;
		r = proof_differs(&v->at, "does not follow on the line before: it was "
					  "changed, or lines were deleted, inserted or moved");
		goto out;
	}
	memcpy(v->check, should, sizeof v->check);
	r = proof_dispatch(v, &row);
out:
	v->at.row = NULL;
	proof_row_release(&row);
	return r;
}

/* The lines that are whole; what is left stays. */
static int proof_lines(struct proof_verifier *v, struct buf *text)
{
	const char *at = buf_str(text), *stop = at + text->len, *nl;

	while ((nl = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
		if (proof_line(v, at, (size_t)(nl - at)) != 0)
			return -1;
		at = nl + 1;
	}
	if (stop - at > (ptrdiff_t)PROOF_LINE_MAX) {
		v->at.line++;
		return proof_differs(&v->at, "is longer than any row");
	}
	if (at > text->data && text->len > 0) {
		text->len = (size_t)(stop - at);
		memmove(text->data, at, text->len);
	}
	return 0;
}

static int proof_facts(struct proof_verifier *v, struct err *e)
{
	char *chunk = mem_alloc(PROOF_CHUNK);
	struct buf text;
	struct digest_state h;
	struct digest d;
	int64_t n;
	int r = -1;

	buf_init(&text, PROOF_LINE_MAX + 2 * PROOF_CHUNK);
	digest_init(&h);
	while ((n = tar_read(v->tar, chunk, PROOF_CHUNK, e)) > 0) {
		digest_update(&h, chunk, (size_t)n);
		buf_add(&text, chunk, (size_t)n);
		if (proof_lines(v, &text) != 0)
			goto out;
	}
	if (n < 0) {
		proof_damaged(v, e);
		goto out;
	}
	digest_final(&h, &d);
	proof_sum(v, &d);
	if (text.len > 0) {
		v->at.line++;
		proof_differs(&v->at, "has no end");
		goto out;
	}
	r = 0;
out:
	buf_release(&text);
	free(chunk);
	return r;
}

/* ------------------------------------------------------------------ members */

/* A member that is taken as a whole. */
static int proof_slurp(struct proof_verifier *v, int64_t size, struct buf *text, struct err *e)
{
	char *chunk;
	int64_t n;

	if (size > (int64_t)PROOF_TEXT_MAX)
		return proof_differs(&v->at, "is larger than it can be");
	chunk = mem_alloc(PROOF_CHUNK);
	while ((n = tar_read(v->tar, chunk, PROOF_CHUNK, e)) > 0)
		buf_add(text, chunk, (size_t)n);
	free(chunk);
	return n < 0 ? proof_damaged(v, e) : 0;
}

static int proof_take_manifest(struct proof_verifier *v, const struct buf *text)
{
	struct err e = { 0 };

	if (proof_manifest_read(&v->m, buf_str(text), text->len, &e) != 0)
		return proof_differs(&v->at, "%s", e.text);
	memcpy(v->r->tool, v->m.tool, sizeof v->r->tool);
	proof_printable(v->r->tool);
	v->r->schema = v->m.schema;
	v->r->full = v->m.full;
	v->r->agents = (int64_t)v->m.n_agents;
	proof_books_agents(v->books, v->m.agents, v->m.n_agents);
	return 0;
}

/* The hash in the name of a pin or version; false if there is none. */
static bool proof_named(const char *name, const char *dir, const char *suffix,
			struct digest *hash)
{
	char hex[DIGEST_HEX_SIZE];
	size_t n = strlen(dir);

	if (strncmp(name, dir, n) != 0 || strlen(name + n) != sizeof hex - 1 + strlen(suffix) ||
	    strcmp(name + n + sizeof hex - 1, suffix) != 0)
		return false;
	memcpy(hex, name + n, sizeof hex - 1);
	hex[sizeof hex - 1] = '\0';
	return digest_unhex(hex, hash) == 0;
}

/* A pin or version, which must be what its name says unless something private is left out. */
static int proof_take_text(struct proof_verifier *v, const struct buf *text,
			   const struct digest *sum)
{
	static const char pins[] = PROOF_TOP "pins/", versions[] = PROOF_TOP "versions/";
	struct digest hash;
	bool part = proof_named(v->at.member, pins, PROOF_PIN_PART, &hash);
	bool pin = part || proof_named(v->at.member, pins, ".json", &hash);

	if (!pin && !proof_named(v->at.member, versions, ".json", &hash))
		return proof_differs(&v->at, "does not belong here");
	if (strcmp(v->last, v->at.member) >= 0)
		return proof_differs(&v->at, "is not in order");
	if (part && (v->m.full || v->x->full))
		return proof_differs(&v->at, "something is left out");
	if (!part && memcmp(&hash, sum, sizeof hash) != 0)
		return proof_differs(&v->at, "does not match the hash that is its name");
	return pin ? proof_books_pin(v->books, &hash, buf_str(text), text->len) : 0;
}

static int proof_take_due(struct proof_verifier *v, const char *name)
{
	if (strcmp(v->at.member, name) != 0)
		return proof_differs(&v->at, "stands where %s should",
				     name + sizeof PROOF_TOP - 1);
	v->stage++;
	return 0;
}

/* A member before the facts. */
static int proof_take_small(struct proof_verifier *v, const struct buf *text)
{
	struct digest d;
	int r;

	if (v->stage == PROOF_AT_TEXTS && strcmp(v->at.member, PROOF_SUMS) == 0) {
		v->stage++;
		return proof_check_sums(v, text);
	}
	digest_of(buf_str(text), text->len, &d);
	proof_sum(v, &d);
	if (v->stage == PROOF_AT_README)
		return proof_take_due(v, PROOF_README);
	if (v->stage == PROOF_AT_TEXTS)
		return proof_take_text(v, text, &d);
	r = proof_take_due(v, PROOF_MANIFEST);
	return r == 0 ? proof_take_manifest(v, text) : r;
}

/* What follows the texts: files of facts, named by their first seals, and the last sums. */
static int proof_take_late(struct proof_verifier *v, int64_t size, struct err *e)
{
	char name[TAR_NAME_MAX];
	struct buf text = BUF_INIT;
	int r;

	snprintf(name, sizeof name, PROOF_TOP "facts/%08lld.jsonl", (long long)v->r->seals + 1);
	if (v->stage == PROOF_AT_FACTS && strcmp(v->at.member, name) == 0)
		return proof_facts(v, e);
	if (v->stage != PROOF_AT_FACTS || strcmp(v->at.member, PROOF_FACT_SUMS) != 0)
		return proof_differs(&v->at, "does not belong here");
	v->stage++;
	r = proof_slurp(v, size, &text, e);
	if (r == 0)
		r = proof_check_sums(v, &text);
	buf_release(&text);
	return r;
}

static int proof_take(struct proof_verifier *v, int64_t size, struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	v->at.line = 0;
	if (!v->open)
		v->at.window_ms = -1;
	if (v->stage >= PROOF_AT_FACTS)
		return proof_take_late(v, size, e);
	r = proof_slurp(v, size, &text, e);
	if (r == 0)
		r = proof_take_small(v, &text);
	buf_release(&text);
	return r;
}

/* ------------------------------------------------------------------ the end */

/* All is read and right in itself: is it all? */
static int proof_whole(struct proof_verifier *v)
{
	struct proof_report *r = v->r;
	char hex[DIGEST_HEX_SIZE];

	v->at.member[0] = '\0';
	v->at.line = 0;
	if (v->open || v->stage < PROOF_AT_END)
		return proof_differs(&v->at, "the pack ends before its end");
	v->at.window_ms = v->window_ms;
	digest_hex(&v->m.head, hex);
	if (r->seals != v->m.seals || memcmp(&r->head, &v->m.head, sizeof r->head) != 0)
		return proof_differs(
			&v->at,
			"the pack ends with seal %lld, its manifest says with %lld, "
			"%s",
			(long long)r->seals, (long long)v->m.seals, hex);
	v->at.window_ms = -1;
	if (v->x->heads != NULL && !head_walk_end(&v->walk))
		return proof_differs(&v->at, "%s", v->heads.difference);
	if (v->x->heads != NULL)
		r->heads = v->heads.heads;
	if (v->x->head != NULL && r->known < 0)
		return proof_differs(&v->at,
				     "the head given is none of the %lld seals: some were "
				     "changed, or the last ones cut",
				     (long long)r->seals);
	return 0;
}

static int proof_members(struct proof_verifier *v, const char *name, struct err *e)
{
	const char *member;
	int64_t size;
	int r;

	while ((r = tar_next(v->tar, &member, &size, e)) == 1) {
		if (v->stage == PROOF_AT_README && strcmp(member, PROOF_README) != 0)
			return err_set(e, ERR_DATA, "%s: is no proof pack", name);
		snprintf(v->last, sizeof v->last, "%s", v->at.member);
		snprintf(v->at.member, sizeof v->at.member, "%s", member);
		if (proof_take(v, size, e) != 0)
			return -1;
	}
	if (r == 0 && v->stage == PROOF_AT_README)
		return err_set(e, ERR_DATA, "%s: is no proof pack", name);
	return r < 0 ? proof_damaged(v, e) : proof_whole(v);
}

int proof_verify_fd(int fd, const char *name, const struct proof_expect *x,
		    struct proof_report *r, struct err *e)
{
	struct proof_verifier v = { .x = x, .r = r, .window_ms = -1 };
	struct buf heads = BUF_INIT;
	bool found;
	int rc = -1;

	*r = (struct proof_report){ .known = -1, .heads = -1, .window_ms = -1, .ok = true };
	v.at = (struct proof_at){ .r = r, .window_ms = -1 };
	memset(v.check, '0', PROOF_CHECK_MAX - 1);
	buf_init(&v.sums, BUF_MAX_DEFAULT);
	if (x->heads != NULL && head_read(NULL, x->heads, &heads, &found, e) != 0)
		goto out;
	head_walk_init(&v.walk, &heads, &v.heads);
	v.books = proof_books_new(&v.at);
	v.tar = tar_open(fd, name);
	rc = proof_members(&v, name, e);
out:
	tar_close(v.tar);
	proof_books_free(v.books);
	proof_manifest_release(&v.m);
	buf_release(&v.sums);
	buf_release(&heads);
	/* a difference is an answer, not a failure */
	return !r->ok && e->status == 0 ? 0 : rc;
}

int proof_verify(const char *path, const struct proof_expect *x, struct proof_report *r,
		 struct err *e)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return proof_verify_fd(STDIN_FILENO, "standard input", x, r, e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e,
			       errno == ENOENT	 ? ERR_NOTFOUND
			       : errno == EACCES ? ERR_PERM
						 : ERR_IO,
			       "%s", path);
	rc = proof_verify_fd(fd, path, x, r, e);
	close(fd);
	return rc;
}
