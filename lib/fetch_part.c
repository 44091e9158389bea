#include "fetch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

/*
 * The agents of a window are shown one market: nearly all of a thousand prompts is the same
 * text. It is escaped once, crosses the pipe once, and lies in memory once on both sides; a
 * request has what is its own and says where the part belongs.
 */

struct fetch_part *fetch_part_new(char *text, size_t len)
{
	struct fetch_part *p = mem_alloc(sizeof *p);
	struct digest d;

	p->text = text;
	p->len = len;
	p->holders = 1;
	digest_of(text, len, &d);
	digest_hex(&d, p->id);
	return p;
}

struct fetch_part *fetch_part_hold(struct fetch_part *p)
{
	if (p != NULL)
		p->holders++;
	return p;
}

void fetch_part_drop(struct fetch_part *p)
{
	if (p == NULL)
		return;
	assert(p->holders > 0);
	if (--p->holders > 0)
		return;
	free(p->text);
	free(p);
}

bool fetch_parts_add(struct fetch_parts *s, struct fetch_part *p)
{
	if (p->len > FETCH_PARTS_MAX - s->bytes)
		return false;
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->parts = mem_resize(s->parts, s->cap, sizeof *s->parts);
	}
	s->parts[s->n++] = fetch_part_hold(p);
	s->bytes += p->len;
	return true;
}

struct fetch_part *fetch_parts_find(const struct fetch_parts *s, const char *id)
{
	/* the newest first: requests follow their part */
	for (size_t i = s->n; i-- > 0;) {
		if (strcmp(s->parts[i]->id, id) == 0)
			return s->parts[i];
	}
	return NULL;
}

void fetch_parts_release(struct fetch_parts *s)
{
	for (size_t i = 0; i < s->n; i++)
		fetch_part_drop(s->parts[i]);
	free(s->parts);
	*s = (struct fetch_parts){ 0 };
}

/* ------------------------------------------------------------------ bodies */

size_t fetch_body_len(const struct fetch_request *r)
{
	return r->body_len + (r->part != NULL ? r->part->len : 0);
}

/* What is at byte ${at} of the body: *${from}; returns how many bytes follow in one piece. */
static size_t piece_at(const struct fetch_request *r, size_t at, const char **from)
{
	size_t inside = r->part != NULL ? r->part->len : 0;
	size_t before = r->part != NULL ? r->part_at : r->body_len;

	if (at < before) {
		*from = r->body + at;
		return before - at;
	}
	if (at - before < inside) {
		*from = r->part->text + (at - before);
		return inside - (at - before);
	}
	at -= inside;
	*from = r->body + at;
	return at < r->body_len ? r->body_len - at : 0;
}

size_t fetch_body_read(const struct fetch_request *r, size_t at, char *to, size_t n)
{
	const char *from;
	size_t done = 0, piece;

	while (done < n && r->body != NULL && (piece = piece_at(r, at + done, &from)) > 0) {
		if (piece > n - done)
			piece = n - done;
		memcpy(to + done, from, piece);
		done += piece;
	}
	return done;
}

char *fetch_body_whole(const struct fetch_request *r)
{
	size_t n = fetch_body_len(r);
	char *whole;

	if (r->body == NULL)
		return NULL;
	whole = mem_resize(NULL, n + 1, 1);
	whole[fetch_body_read(r, 0, whole, n)] = '\0';
	return whole;
}
