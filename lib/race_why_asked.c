#include "race_why_part.h"

#include <stdlib.h>
#include <string.h>

#include "deflate.h"
#include "mem.h"
#include "prompt.h"

#include "banned.h"

/*
 * What an agent was shown and asked, and who answered. Facts hold the hashes of these texts;
 * the texts may have been pruned, but most can be made again from what stays: candles, trades,
 * pin and version.
 */

static const char sql_shared[] = "SELECT hash FROM contexts WHERE window_ms = :window";
static const char sql_text_kept[] = "SELECT size, data FROM blobs WHERE hash = :hash";
static const char sql_answer[] =
	"SELECT provider, model, returned, substitute, input, cached, output, reasoning, cost, "
	"prompt, system, head, tail FROM answers WHERE agent_id = :agent "
	"AND window_ms = :window";
static const char sql_tokens[] =
	"SELECT s.service, s.reserved, coalesce(r.input, -1), coalesce(r.output, -1) "
	"FROM call_starts AS s LEFT JOIN call_results AS r ON r.id = s.id "
	"WHERE s.window_ms = :window AND s.agent_id = :agent AND s.purpose = 'decide' "
	"ORDER BY s.id";

static bool why_same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ------------------------------------------------------------------ contexts */

/* The two parts of a context, as they were made then. */
struct why_context {
	struct buf shared, own;
	bool stored; /* the shared part was */
};

static int why_make_parts(struct db *db, const struct race_window *w,
			  const struct race_agent *a, struct why_context *c, struct err *e)
{
	struct view v;
	int r;

	if (race_context_stored(db, w->window_ms, &c->shared, &c->stored, e) != 0 ||
	    race_view_market(db, w, &v, e) != 0)
		return -1;
	r = race_view_agent(db, w, a->id, &v, e);
	if (r == 0) {
		if (!c->stored)
			race_context_shared(w, &v, &c->shared);
		race_context_own(w, a, &v, &c->own);
	}
	view_release(&v);
	return r;
}

static int why_shared_hash(struct db *db, int64_t window_ms, struct digest *hash, bool *found,
			   struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_shared);
	const void *p;
	size_t n = 0;
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	p = r == 1 ? sql_col_blob(s, 0, &n) : NULL;
	*found = p != NULL && n == sizeof hash->bytes;
	if (*found)
		memcpy(hash->bytes, p, n);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* Whether the shared part that is kept is the one that the window notes. */
static int why_check_shared(struct race_why *y, struct db *db, int64_t window_ms,
			    const struct why_context *c, struct err *e)
{
	struct digest noted, is;
	bool found;

	if (!c->stored)
		return 0;
	if (why_shared_hash(db, window_ms, &noted, &found, e) != 0)
		return -1;
	digest_of(c->shared.data, c->shared.len, &is);
	if (found && !why_same(&noted, &is))
		race_why_problem(
			y, "context: the part that all agents share does not give its hash");
	return 0;
}

static void why_judge_context(struct race_why *y, struct race_why_turn *t,
			      const struct why_context *c)
{
	struct digest is;

	t->has_context = true;
	t->context.hash = t->v.context;
	buf_add(&t->context.text, c->shared.data, c->shared.len);
	buf_add(&t->context.text, c->own.data, c->own.len);
	digest_of(t->context.text.data, t->context.text.len, &is);
	if (why_same(&is, &t->v.context)) {
		t->context.kept = c->stored ? RACE_WHY_KEPT : RACE_WHY_REMADE;
		return;
	}
	buf_release(&t->context.text);
	t->context.kept = c->stored ? RACE_WHY_DIFFERS : RACE_WHY_GONE;
	if (c->stored)
		race_why_problem(y, "context of %s: what is kept does not give its hash",
				 t->agent.name);
}

/* ------------------------------------------------------------------ prompts */

static int why_load_blob(struct db *db, const char *name, struct race_why *y,
			 struct race_why_text *x, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_text_kept);
	struct digest is;
	const void *data;
	size_t n;
	int r;

	buf_init(&x->text, BUF_MAX_DEFAULT);
	x->kept = RACE_WHY_GONE;
	sql_blob(s, ":hash", x->hash.bytes, sizeof x->hash.bytes);
	r = sql_row(s, e);
	if (r == 1) {
		data = sql_col_blob(s, 1, &n);
		r = deflate_unpack(data, n, (size_t)sql_col_int(s, 0), &x->text, e);
		digest_of(x->text.data, x->text.len, &is);
		x->kept = why_same(&is, &x->hash) ? RACE_WHY_KEPT : RACE_WHY_DIFFERS;
		if (r == 0 && x->kept == RACE_WHY_DIFFERS)
			race_why_problem(y, "prompt: its %s does not give its hash", name);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* Take the text that was made again if it is the one that was asked. */
static void why_take_part(struct race_why_text *x, const struct buf *made)
{
	struct digest is;

	digest_of(made->data, made->len, &is);
	if (x->kept != RACE_WHY_GONE || !why_same(&is, &x->hash))
		return;
	buf_add(&x->text, made->data, made->len);
	x->kept = RACE_WHY_REMADE;
}

static void why_remake_prompt(struct race_why_turn *t, const struct why_context *c)
{
	const struct roster_llm *l = &t->agent.spec.llm;
	struct prompt made = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct race_why_prompt *p = &t->prompt;
	struct err ignored = { 0 };
	struct prompt_shared shared;

	if (t->agent.spec.kind != ROSTER_LLM || t->context.kept == RACE_WHY_GONE ||
	    t->context.kept == RACE_WHY_DIFFERS)
		return;
	if (prompt_share(c->shared.data, c->shared.len, &shared, &ignored) == 0 &&
	    prompt_build(l->template, t->agent.name, l->prompt != NULL ? l->prompt : "",
			 &shared, c->own.data, c->own.len, &made, &ignored) == 0) {
		why_take_part(&p->system, &made.system);
		why_take_part(&p->head, &made.head);
		why_take_part(&p->tail, &made.tail);
	}
	prompt_shared_release(&shared);
	prompt_release(&made);
}

/* The worst of its parts; the whole has a hash of its own. */
static void why_judge_prompt(struct race_why *y, struct race_why_turn *t)
{
	struct race_why_prompt *p = &t->prompt;
	const struct race_why_text *parts[] = { &p->system, &p->head, &p->tail };
	struct digest_state s;
	struct digest is;

	for (size_t i = 0; i < 3; i++)
		if (parts[i]->kept > p->kept)
			p->kept = parts[i]->kept;
	if (p->kept == RACE_WHY_GONE || p->kept == RACE_WHY_DIFFERS)
		return;
	digest_init(&s);
	digest_field(&s, p->system.text.data, p->system.text.len);
	digest_field(&s, p->head.hash.bytes, sizeof p->head.hash.bytes);
	digest_field(&s, p->tail.text.data, p->tail.text.len);
	digest_final(&s, &is);
	if (why_same(&is, &p->hash))
		return;
	p->kept = RACE_WHY_DIFFERS;
	race_why_problem(y, "prompt of %s: its parts do not give its hash", t->agent.name);
}

static int why_load_prompt(struct race_why *y, struct db *db, struct race_why_turn *t,
			   const struct why_context *c, struct err *e)
{
	struct race_why_prompt *p = &t->prompt;

	p->kept = RACE_WHY_KEPT;
	if (!p->has_parts) { /* a service is asked with the context */
		p->kept = t->context.kept;
		if (t->has_context && !why_same(&p->hash, &t->context.hash))
			race_why_problem(y, "prompt of %s: is not its context", t->agent.name);
		return 0;
	}
	if (why_load_blob(db, "system part", y, &p->system, e) != 0 ||
	    why_load_blob(db, "shared part", y, &p->head, e) != 0 ||
	    why_load_blob(db, "own part", y, &p->tail, e) != 0)
		return -1;
	why_remake_prompt(t, c);
	why_judge_prompt(y, t);
	return 0;
}

/* ------------------------------------------------------------------ answers */

static bool why_digest(struct sql_stmt *s, int col, struct digest *out)
{
	size_t n = 0;
	const void *p = sql_col_blob(s, col, &n);

	if (p == NULL || n != sizeof out->bytes)
		return false;
	memcpy(out->bytes, p, n);
	return true;
}

static int64_t why_tokens(struct sql_stmt *s, int col)
{
	return sql_col_null(s, col) ? -1 : sql_col_int(s, col);
}

static int why_load_answer(struct db *db, struct race_why_turn *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_answer);
	struct race_why_answer *a = &t->answer;
	struct race_why_prompt *p = &t->prompt;
	int r;

	sql_int(s, ":agent", t->v.agent_id);
	sql_int(s, ":window", t->window_ms);
	r = sql_row(s, e);
	t->asked = r == 1;
	if (r == 1) {
		a->provider = mem_strdup(sql_col_text(s, 0));
		a->model = mem_strdup(sql_col_text(s, 1));
		a->returned = mem_strdup(sql_col_text(s, 2));
		a->substitute = sql_col_int(s, 3) != 0;
		a->input = why_tokens(s, 4);
		a->cached = why_tokens(s, 5);
		a->output = why_tokens(s, 6);
		a->reasoning = why_tokens(s, 7);
		a->cost = sql_col_int(s, 8);
		why_digest(s, 9, &p->hash);
		p->has_parts = why_digest(s, 10, &p->system.hash) &&
			       why_digest(s, 11, &p->head.hash) &&
			       why_digest(s, 12, &p->tail.hash);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* What the story of the turn leaves out: the same attempts in the same order. */
static int why_load_tokens(struct db *db, struct race_why_turn *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_tokens);
	int r;

	t->tokens = mem_array(t->story.n_attempts, sizeof *t->tokens);
	sql_int(s, ":agent", t->v.agent_id);
	sql_int(s, ":window", t->window_ms);
	while ((r = sql_row(s, e)) == 1 && t->n_tokens < t->story.n_attempts) {
		struct race_why_tokens *k = &t->tokens[t->n_tokens++];

		k->service = mem_strdup(sql_col_text(s, 0));
		k->reserved = sql_col_int(s, 1);
		k->input = sql_col_int(s, 2);
		k->output = sql_col_int(s, 3);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ both */

static int why_show(struct race_why *y, struct db *db, struct race_why_turn *t,
		    struct why_context *c, struct err *e)
{
	struct race_window w = { 0 };
	const struct race_agent *a;
	int r = -1;

	buf_init(&t->context.text, BUF_MAX_DEFAULT);
	if (!t->v.has_context)
		return 0;
	if (race_open_read(db, t->window_ms, &w, e) != 0)
		return -1;
	a = race_find_agent(&w, t->agent.name, e);
	if (a != NULL && why_make_parts(db, &w, a, c, e) == 0 &&
	    why_check_shared(y, db, t->window_ms, c, e) == 0) {
		why_judge_context(y, t, c);
		r = 0;
	}
	race_release(&w);
	return r;
}

int race_why_asked(struct race_why *y, struct db *db, struct race_why_turn *t, struct err *e)
{
	struct why_context c = { BUF_INIT, BUF_INIT, false };
	int r = why_show(y, db, t, &c, e);

	if (r == 0)
		r = why_load_answer(db, t, e);
	if (r == 0 && t->asked)
		r = why_load_prompt(y, db, t, &c, e);
	if (r == 0)
		r = route_story_load(db, t->v.agent_id, t->window_ms, &t->story, e);
	if (r == 0)
		r = why_load_tokens(db, t, e);
	buf_release(&c.shared);
	buf_release(&c.own);
	return r;
}

void race_why_release_asked(struct race_why_turn *t)
{
	buf_release(&t->context.text);
	buf_release(&t->prompt.system.text);
	buf_release(&t->prompt.head.text);
	buf_release(&t->prompt.tail.text);
	free(t->answer.provider);
	free(t->answer.model);
	free(t->answer.returned);
	route_story_release(&t->story);
	for (size_t i = 0; i < t->n_tokens; i++)
		free(t->tokens[i].service);
	free(t->tokens);
}
