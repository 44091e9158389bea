#include "model_api.h"

#include <string.h>

#include "banned.h"

/*
 * Strict on purpose: which of two objects was meant is not for us to guess, so the answer that
 * leaves a choice is no answer. Whether the object is valid JSON is the reader's business.
 */

struct span {
	const char *p, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span s)
{
	while (s.p < s.end && is_blank(*s.p))
		s.p++;
	while (s.end > s.p && is_blank(s.end[-1]))
		s.end--;
	return s;
}

static const char *find(struct span s, const char *what)
{
	return s.p < s.end ? memmem(s.p, (size_t)(s.end - s.p), what, strlen(what)) : NULL;
}

/* The byte after the brace that matches the one at ${s.p}, NULL if the text ends before. */
static const char *match(struct span s)
{
	bool quoted = false;
	size_t depth = 0;

	for (const char *p = s.p; p < s.end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '{')
			depth++;
		else if (!quoted && *p == '}' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* Nothing but one object. */
static bool is_object(struct span s)
{
	return s.p < s.end && *s.p == '{' && match(s) == s.end;
}

/* The start of the next line that opens or closes a block, NULL if there is none. */
static const char *fence(struct span s)
{
	while (s.p < s.end) {
		const char *nl = memchr(s.p, '\n', (size_t)(s.end - s.p));
		struct span line = trim((struct span){ s.p, nl != NULL ? nl : s.end });

		if (line.end - line.p >= 3 && memcmp(line.p, "```", 3) == 0)
			return s.p;
		s.p = nl != NULL ? nl + 1 : s.end;
	}
	return NULL;
}

static const char *next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl != NULL ? nl + 1 : end;
}

/* What stands in the only block; false if there is none, several, or an open one. */
static bool fenced(struct span s, struct span *inside)
{
	const char *open = fence(s), *shut;

	if (open == NULL)
		return false;
	s.p = next_line(open, s.end);
	shut = fence(s);
	if (shut == NULL)
		return false;
	*inside = trim((struct span){ s.p, shut });
	s.p = next_line(shut, s.end);
	return fence(s) == NULL;
}

/* From the first brace to its partner, if no other brace follows. */
static bool embedded(struct span s, struct span *object)
{
	const char *open = find(s, "{"), *after;

	if (open == NULL)
		return false;
	s.p = open;
	after = match(s);
	if (after == NULL)
		return false;
	*object = (struct span){ open, after };
	s.p = after;
	return find(s, "{") == NULL && find(s, "}") == NULL;
}

/* Local models print their thoughts in front, in which there may be anything. */
static struct span without_thoughts(struct span s)
{
	static const char open[] = "<think>", shut[] = "</think>";
	const char *end;

	if (s.end - s.p < (ptrdiff_t)strlen(open) || memcmp(s.p, open, strlen(open)) != 0)
		return s;
	end = find(s, shut);
	if (end != NULL)
		s.p = end + strlen(shut);
	return trim(s);
}

bool model_extract(const char *text, size_t n, const char **from, size_t *len)
{
	struct span s = without_thoughts(trim((struct span){ text, text + n })), inside;

	if (is_object(s))
		inside = s;
	else if ((!fenced(s, &inside) || !is_object(inside)) && !embedded(s, &inside))
		return false;
	*from = inside.p;
	*len = (size_t)(inside.end - inside.p);
	return true;
}
