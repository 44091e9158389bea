#include "prompt.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "ident.h"
#include "model.h"

#include "banned.h"

/*
 * The built-in template keeps everything of one agent behind the shared context: what all
 * prompts of a window have in common is then their beginning, which providers cache and sell
 * cheaper.
 */

#define SPLIT_LINE "---"

const char prompt_default[] = {
#include "prompt.txt.inc"
	0
};

struct part {
	const char *p;
	size_t len;
};

enum name { NAME_INSTRUCTIONS, NAME_SCHEMA, NAME_WINDOW, NAME_AGENT, NAME_CONTEXT, NAMES };

static const char *const names[NAMES] = {
	[NAME_INSTRUCTIONS] = "instructions",
	[NAME_SCHEMA] = "schema",
	[NAME_WINDOW] = "window",
	[NAME_AGENT] = "agent",
	[NAME_CONTEXT] = "context",
};

/* ------------------------------------------------------------------ templates */

/* The two parts around the first line "---". */
static int template_split(const char *text, struct part *system, struct part *user,
			  struct err *e)
{
	const size_t n = strlen(SPLIT_LINE);
	const char *line = text, *nl;

	for (; (nl = strchr(line, '\n')) != NULL; line = nl + 1) {
		if ((size_t)(nl - line) != n || memcmp(line, SPLIT_LINE, n) != 0)
			continue;
		*system = (struct part){ text, (size_t)(line - text) };
		*user = (struct part){ nl + 1, strlen(nl + 1) };
		return 0;
	}
	return err_set(e, ERR_DATA,
		       "template: the line " SPLIT_LINE " between the parts is missing");
}

/* The next {{name}} in ${p}: where it begins, its length and which it is. 1, 0 if there is
 * none, -1. */
static int template_next(struct part p, size_t *at, size_t *len, enum name *which,
			 struct err *e)
{
	const char *open = memmem(p.p, p.len, "{{", 2), *shut;
	size_t n;

	if (open == NULL)
		return 0;
	shut = memmem(open, p.len - (size_t)(open - p.p), "}}", 2);
	if (shut == NULL)
		return err_set(e, ERR_DATA, "template: {{ without }}");
	n = (size_t)(shut - open) - 2;
	*at = (size_t)(open - p.p);
	*len = n + 4;
	for (int i = 0; i < NAMES; i++) {
		if (strlen(names[i]) == n && memcmp(names[i], open + 2, n) == 0) {
			*which = (enum name)i;
			return 1;
		}
	}
	return err_set(e, ERR_DATA,
		       "template: unknown {{%.*s}}; there are instructions, schema, window, "
		       "agent and context",
		       (int)(n < 40 ? n : 40), open + 2);
}

/* Count the contexts of a part; -1 if a name is unknown. */
static int template_contexts(struct part p, struct err *e)
{
	size_t at, len;
	enum name which;
	int found, n = 0;

	while ((found = template_next(p, &at, &len, &which, e)) > 0) {
		n += which == NAME_CONTEXT;
		p.p += at + len;
		p.len -= at + len;
	}
	return found < 0 ? -1 : n;
}

static bool part_blank(struct part p)
{
	for (size_t i = 0; i < p.len; i++)
		if (strchr(" \t\n", p.p[i]) == NULL)
			return false;
	return true;
}

static int template_text(const char *text, struct err *e)
{
	if (!ident_utf8_valid(text, strlen(text)))
		return err_set(e, ERR_DATA, "template: is not UTF-8");
	for (const char *p = text; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			return err_set(e, ERR_DATA, "template: control byte 0x%02x at byte %zu",
				       (unsigned)*p, (size_t)(p - text));
	return 0;
}

static int template_parts(const char *text, struct part *system, struct part *user,
			  struct err *e)
{
	int above, below;

	if (template_text(text, e) != 0 || template_split(text, system, user, e) != 0)
		return -1;
	if (part_blank(*system))
		return err_set(e, ERR_DATA, "template: the system part is missing");
	above = template_contexts(*system, e);
	below = above < 0 ? -1 : template_contexts(*user, e);
	if (below < 0)
		return -1;
	if (above > 0)
		return err_set(e, ERR_DATA, "template: {{context}} stands in the system part");
	if (below != 1)
		return err_set(e, ERR_DATA,
			       "template: {{context}} must stand once in the user "
			       "part, not %d times",
			       below);
	return 0;
}

int prompt_check(const char *template, struct err *e)
{
	struct part system, user;

	return template_parts(template != NULL ? template : prompt_default, &system, &user, e);
}

/* ------------------------------------------------------------------ foreign text */

/* Characters that people do not see and models read: marks of direction, joiners, tags. */
static bool is_hidden(const unsigned char *p, size_t n)
{
	unsigned c;

	if (n == 3)
		c = (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
	else if (n == 4)
		c = (p[0] & 7U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 |
		    (p[3] & 0x3fU);
	else
		return false;
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

/* Append the character at ${p}, or what stands for it; returns the bytes consumed. */
static size_t clean_char(struct buf *out, const char *p, size_t left, bool lines)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = *u < 0x80 ? 1 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4;

	if (n > left || !ident_utf8_valid(p, n)) {
		buf_adds(out, "\xef\xbf\xbd");
		return 1;
	}
	if (lines && (*u == '\n' || *u == '\t'))
		buf_addc(out, *p);
	else if (*u < 0x20 || *u == 0x7f || (n == 2 && *u == 0xc2 && u[1] < 0xa0))
		buf_addc(out, ' ');
	else if (!is_hidden(u, n))
		buf_add(out, p, n);
	return n;
}

/* Append without control bytes and hidden characters; only ${lines} may have several lines. */
static void clean(struct buf *out, const char *p, size_t len, bool lines)
{
	size_t i = 0, plain;

	while (i < len) {
		for (plain = i; plain < len && p[plain] >= 0x20 && p[plain] < 0x7f;)
			plain++;
		if (plain > i)
			buf_add(out, p + i, plain - i);
		i = plain;
		if (i < len)
			i += clean_char(out, p + i, len - i, lines);
	}
}

/*
 * A number that stands nowhere in the context: from its hash, so that nobody who writes into
 * the context can know it, and everybody who has the context can tell why it is what it is.
 */
static void next_mark(const struct buf *shared, int64_t *round, char mark[PROMPT_MARK + 1])
{
	char hex[DIGEST_HEX_SIZE];
	struct digest_state s;
	struct digest d;

	do {
		digest_init(&s);
		digest_int(&s, (*round)++);
		digest_update(&s, buf_str(shared), shared->len);
		digest_final(&s, &d);
		digest_hex(&d, hex);
		memcpy(mark, hex, PROMPT_MARK);
		mark[PROMPT_MARK] = '\0';
	} while (strstr(buf_str(shared), mark) != NULL);
}

/* The shared part's, unless it stands in the agent's own. */
static void choose_mark(const struct prompt_shared *shared, const struct buf *own,
			char mark[PROMPT_MARK + 1])
{
	int64_t round = shared->marks;

	memcpy(mark, shared->mark, PROMPT_MARK + 1);
	while (strstr(buf_str(own), mark) != NULL)
		next_mark(&shared->text, &round, mark);
}

/* ------------------------------------------------------------------ filling in */

struct fill {
	const char *agent, *instructions;
	const struct prompt_shared *shared;
	struct buf own; /* cleaned */
	char mark[PROMPT_MARK + 1];
};

static void fill_context(const struct fill *f, struct prompt *out)
{
	buf_addf(&out->head, "=== data %s begins ===\n", f->mark);
	buf_add(&out->head, buf_str(&f->shared->text), f->shared->text.len);
	buf_add(&out->tail, buf_str(&f->own), f->own.len);
	buf_addf(&out->tail, "\n=== data %s ends ===", f->mark);
}

static void fill_name(const struct fill *f, enum name which, struct buf *to)
{
	switch (which) {
	case NAME_INSTRUCTIONS:
		clean(to, f->instructions, strlen(f->instructions), true);
		break;
	case NAME_SCHEMA:
		buf_adds(to, model_answer_schema);
		break;
	case NAME_WINDOW:
		buf_adds(to, f->shared->window);
		break;
	default:
		assert(which == NAME_AGENT);
		clean(to, f->agent, strlen(f->agent), false);
		break;
	}
}

/* Expand ${p} into ${to}; the context makes ${out}->tail the buffer of what follows. */
static void fill_part(const struct fill *f, struct part p, struct buf *to, struct prompt *out)
{
	struct err e = { 0 };
	size_t at, len;
	enum name which;

	while (template_next(p, &at, &len, &which, &e) > 0) {
		buf_add(to, p.p, at);
		if (which == NAME_CONTEXT) {
			fill_context(f, out);
			to = &out->tail;
		} else {
			fill_name(f, which, to);
		}
		p.p += at + len;
		p.len -= at + len;
	}
	if (p.len > 0)
		buf_add(to, p.p, p.len);
}

/* The window that the context names near its start: parsing all of it for a word is too dear.
 */
static int find_window(const char *shared, size_t len, char *window, size_t size, struct err *e)
{
	static const char key[] = "\"window\":\"";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *at = memmem(shared, len < 256 ? len : 256, key, strlen(key));
	size_t n = 0, left;

	if (at == NULL)
		return err_set(e, ERR_DATA, "context: names no window");
	at += strlen(key);
	left = len - (size_t)(at - shared);
	while (n < left && n < size - 1 && at[n] != '\0' && strchr(plain, at[n]) != NULL)
		n++;
	if (n == 0 || n == left || at[n] != '"')
		return err_set(e, ERR_DATA, "context: names no window");
	memcpy(window, at, n);
	window[n] = '\0';
	return 0;
}

static int prompt_fill(const struct fill *f, struct part system, struct part user,
		       struct prompt *out, struct err *e)
{
	fill_part(f, system, &out->system, out);
	fill_part(f, user, &out->head, out);
	if (!buf_overflowed(&out->system) && !buf_overflowed(&out->head) &&
	    !buf_overflowed(&out->tail))
		return 0;
	prompt_release(out);
	return err_set(e, ERR_DATA, "prompt: is too long");
}

int prompt_share(const char *shared, size_t len, struct prompt_shared *out, struct err *e)
{
	*out = (struct prompt_shared){ .text = BUF_INIT };
	if (find_window(shared, len, out->window, sizeof out->window, e) != 0)
		return -1;
	clean(&out->text, shared, len, false);
	next_mark(&out->text, &out->marks, out->mark);
	return 0;
}

void prompt_shared_release(struct prompt_shared *s)
{
	buf_release(&s->text);
}

int prompt_build(const char *template, const char *agent, const char *instructions,
		 const struct prompt_shared *shared, const char *own, size_t own_len,
		 struct prompt *out, struct err *e)
{
	struct fill f = { .agent = agent, .shared = shared, .own = BUF_INIT };
	struct part system, user;
	int rc;

	*out = (struct prompt){ BUF_INIT, BUF_INIT, BUF_INIT };
	if (template_parts(template != NULL ? template : prompt_default, &system, &user, e) !=
	    0)
		return -1;
	f.instructions = instructions != NULL && instructions[0] != '\0'
				 ? instructions
				 : "(none: use your own judgement)";
	clean(&f.own, own, own_len, false);
	choose_mark(shared, &f.own, f.mark);
	rc = prompt_fill(&f, system, user, out, e);
	buf_release(&f.own);
	return rc;
}

void prompt_release(struct prompt *p)
{
	buf_release(&p->system);
	buf_release(&p->head);
	buf_release(&p->tail);
}
