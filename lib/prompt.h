#ifndef PROMPT_H
#define PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * What a language model is told. The template (share/prompt.txt, embedded) has a system part
 * and a user part, split by a line "---"; {{name}} inside them is replaced: {{instructions}} of
 * the agent, {{schema}} of the answer, {{window}}, {{agent}}, {{context}}. The context is other
 * people's text as far as names and reasons go: it stands between two marker lines that cannot
 * occur in it, and is cleaned of control bytes, so that it cannot pass for an instruction.
 *
 * The user part is split into what all agents of a window share and the rest, so that a
 * thousand prompts are stored as one shared text and a thousand short ones.
 */

#define PROMPT_MARK 32 /* digits */

struct prompt {
	struct buf system;
	struct buf head; /* user part, ending in the shared context: equal for all agents */
	struct buf tail; /* the rest of the user part: own context */
};

/* What a context shares with those of all agents of its window, ready for their prompts. */
struct prompt_shared {
	struct buf text; /* cleaned */
	char window[64];
	char mark[PROMPT_MARK + 1]; /* of the marker lines */
	int64_t marks;		    /* that were tried */
};

/* ERR_DATA for a context that names no window. To be released also then. */
int prompt_share(const char *shared, size_t len, struct prompt_shared *out, struct err *e);
void prompt_shared_release(struct prompt_shared *s);

/* ${template} NULL: the built-in one. ERR_DATA names an unknown {{name}} or a part that is
 * missing. */
int prompt_check(const char *template, struct err *e);
/* ${shared} and ${own} are the two parts of a context, which together are one JSON object. */
int prompt_build(const char *template, const char *agent, const char *instructions,
		 const struct prompt_shared *shared, const char *own, size_t own_len,
		 struct prompt *out, struct err *e);
void prompt_release(struct prompt *p);

extern const char prompt_default[]; /* share/prompt.txt */

#endif
