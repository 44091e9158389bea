#include "race_turn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "mem.h"
#include "race_jail.h"
#include "race_resident.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Programs as agents: each is started through tr-jail, gets its context on standard input, and
 * what it prints is its answer, stored by itself as it arrives.
 */

#define RACE_TRIES 3
#define RACE_BESIDE_MAX ((size_t)64 << 20)
#define RACE_BESIDE_MS 300000 /* its own deadline is earlier */

extern char **environ;

/* The bytes of an answer as text for an error: printable, short. */
static void race_tail(const struct buf *b, char out[200])
{
	size_t n = 0;
	size_t from = b->len > 150 ? b->len - 150 : 0;

	for (size_t i = from; i < b->len && n < 198; i++) {
		unsigned char c = (unsigned char)b->data[i];

		if (c == '\n' && i + 1 == b->len)
			break;
		out[n++] = c < 0x20 || c > 0x7e ? ' ' : (char)c;
	}
	out[n] = '\0';
}

/* What a child's end means as a decision. */
static void race_judge(const struct race_round *r, struct race_turn *t, struct child_result *c)
{
	struct decision *d = &t->v.d;
	char tail[200];

	race_tail(&c->error, tail);
	switch (c->end) {
	case CHILD_EXITED:
		if (c->status != 0)
			decision_fail(d, DECISION_ERROR, "exit status %d%s%s", c->status,
				      tail[0] ? ": " : "", tail);
		else if (tstamp_boot_ms() > r->deadline_ms)
			decision_fail(d, DECISION_LATE, "the answer came after the deadline");
		else
			wire_parse_answer(buf_str(&c->out), c->out.len, t->agent->name,
					  r->w->window_ms, d);
		break;
	case CHILD_SIGNALED:
		decision_fail(d, DECISION_ERROR, "killed by signal %d", c->signal);
		break;
	case CHILD_TIMEOUT:
		decision_fail(d, DECISION_TIMEOUT, "no answer in time%s%s", tail[0] ? ": " : "",
			      tail);
		break;
	case CHILD_OUTPUT:
		decision_fail(d, DECISION_INVALID, "the answer is longer than %s KiB",
			      config_text(&r->w->config, CONFIG_EXEC_OUTPUT_KB));
		break;
	case CHILD_UNSTARTED:
		break; /* no answer: race_not_asked */
	}
}

/*
 * Whether the asking failed and not the agent: no process, descriptor or memory for it. That is
 * nobody's answer; the agent stays due, and is asked again. What tr-jail complains about could
 * come from the agent as well, so that it counts as its answer after a few tries: no agent can
 * hold up a window.
 */
static bool race_not_asked(struct race_round *r, const struct race_turn *t,
			   const struct child_result *c)
{
	static const char ours[] = "tr-jail: ";
	const char *error = buf_str(&c->error);
	bool jail = r->tries < RACE_TRIES && c->end == CHILD_EXITED &&
		    (c->status == ERR_MEMORY || c->status == ERR_TEMP) &&
		    strncmp(error, ours, sizeof ours - 1) == 0;

	if (c->end != CHILD_UNSTARTED && !jail)
		return false;
	err_set(&r->unstarted, ERR_TEMP, "agent %s: could not be asked: %.200s", t->agent->name,
		error);
	return true;
}

/* What is started together. */
struct race_children {
	struct race_round *r;
	struct child_spec *specs;
	struct race_turn **turns; /* parallel to the children; NULL: not an agent */
	struct buf *lines;	  /* likewise: what each reads */
	size_t n;
	char *jail, **env, **beside_argv, **beside_env;
};

static int race_answered(void *ctx, size_t index, struct child_result *c, struct err *e)
{
	struct race_children *all = ctx;
	struct race_turn *t = all->turns[index];
	struct race_round *r = all->r;
	int rc;

	/* whom the other tr-decide did not get to stays due */
	if (t == NULL)
		return 0;
	if (race_not_asked(r, t, c))
		return 0;
	race_judge(r, t, c);
	t->answered = true;
	t->v.latency_ms = c->elapsed_ms;
	t->v.raw = mem_strndup(c->out.data != NULL ? c->out.data : "", c->out.len);
	t->v.raw_len = c->out.len;
	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_check_open(r->db, r->w, e);
	if (rc == 0)
		rc = race_store_answer(r, t, e);
	if (db_end(r->db, rc, e) != 0)
		return -1;
	t->due = false;
	return 0;
}

/* What tr-jail was told to run, checked here so that the reason is a sentence of ours. */
static bool race_program_there(struct race_turn *t)
{
	const char *prog = t->spec->argv[0];

	if (access(prog, X_OK) == 0)
		return true;
	t->answered = true;
	decision_fail(&t->v.d, DECISION_ERROR, "program %.200s: cannot be run: %m", prog);
	return false;
}

/* What it was granted may have come to hold a key or the race since. -1: we cannot tell. */
static int race_check_grants(struct race_round *r, struct race_turn *t, struct err *e)
{
	struct err why = { 0 };

	if (roster_check_reads(r->db, t->spec, &why) == 0)
		return 0;
	if (why.status != ERR_DATA && why.status != ERR_NOTFOUND && why.status != ERR_PERM) {
		*e = why;
		return -1;
	}
	t->answered = true;
	decision_fail(&t->v.d, DECISION_ERROR, "is not run: %.300s", why.text);
	return 0;
}

void race_forget_program(struct race_turn *t)
{
	race_free_argv(t->argv);
	t->argv = NULL;
}

void race_line(const struct race_round *r, const struct race_turn *t, struct buf *out)
{
	buf_init(out, BUF_MAX_DEFAULT);
	buf_add(out, r->shared.data, r->shared.len);
	buf_add(out, t->own.data, t->own.len);
	buf_addc(out, '\n');
}

/* ------------------------------------------------------------------ services beside */

/* Remote agents are asked by another tr-decide at the same time, so that neither waits for the
 * other; every answer is a row of its own, whoever stores it. */
static char **race_beside_argv(const struct race_round *r)
{
	const struct race_ask *ask = &r->o->ask;
	char id[TSTAMP_WINDOW_ID_MAX], now[TSTAMP_TEXT_MAX];
	int64_t left_ms = r->deadline_ms - tstamp_boot_ms();
	char **argv = mem_array(r->n + 10, sizeof *argv);
	size_t n = 0;

	argv[n++] = mem_strdup(r->o->self);
	argv[n++] = mem_printf("--database=%s", db_path(r->db));
	argv[n++] = mem_printf("--window=%s", tstamp_window_id(r->w->window_ms, id));
	argv[n++] = mem_printf("--now=%s", tstamp_format(r->at_ms, now));
	argv[n++] = mem_printf("--left=%lld", (long long)(left_ms > 0 ? left_ms : 0));
	argv[n++] = mem_strdup("--quiet");
	if (ask->record != NULL)
		argv[n++] = mem_printf("--record=%s", ask->record);
	if (ask->play != NULL)
		argv[n++] = mem_printf("--play=%s", ask->play);
	if (ask->pay)
		argv[n++] = mem_strdup("--pay");
	for (size_t i = 0; i < r->n; i++)
		if (r->turns[i].due && race_is_remote(&r->turns[i]))
			argv[n++] = mem_printf("--agent=%s", r->turns[i].agent->name);
	return argv;
}

/* Our environment, and who the parent is: it ends with us. */
static char **race_beside_env(void)
{
	size_t n = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = mem_array(n + 2, sizeof *env);
	for (size_t i = 0; i < n; i++)
		env[i] = mem_strdup(environ[i]);
	env[n] = mem_printf("TR_PARENT=%jd", (intmax_t)getpid());
	return env;
}

static void race_add_beside(const struct race_round *r, struct race_children *c)
{
	c->beside_argv = race_beside_argv(r);
	c->beside_env = race_beside_env();
	c->turns[c->n] = NULL;
	c->specs[c->n++] = (struct child_spec){ .argv = (const char *const *)c->beside_argv,
						.env = (const char *const *)c->beside_env,
						.output_max = RACE_BESIDE_MAX,
						.error_max = 4096,
						.timeout_ms = RACE_BESIDE_MS,
						.error_live = true };
}

/* ------------------------------------------------------------------ asking */

static int race_add_program(struct race_round *r, struct race_turn *t, struct race_children *c,
			    struct err *e)
{
	const struct config *config = &r->w->config;
	struct buf *line = &c->lines[c->n];

	race_forget_program(t);
	race_start_turn(r, t);
	if (race_show(r, t, e) != 0)
		return -1;
	if (race_program_there(t) && race_check_grants(r, t, e) != 0)
		return -1;
	if (t->answered)
		return race_store_one(r, t, e);
	t->argv = race_jail_argv(config, t->spec, c->jail);
	race_line(r, t, line);
	c->turns[c->n] = t;
	c->specs[c->n++] = (struct child_spec){
		.argv = (const char *const *)t->argv,
		.env = (const char *const *)c->env,
		.input = line->data,
		.input_len = line->len,
		.output_max = (size_t)config_num(config, CONFIG_EXEC_OUTPUT_KB) << 10,
		.error_max = 4096,
		.timeout_ms = config_num(config, CONFIG_EXEC_TIMEOUT_S) * 1000
	};
	return 0;
}

static void race_release_children(struct race_children *c)
{
	for (size_t i = 0; i < c->n; i++)
		buf_release(&c->lines[i]);
	race_free_argv(c->beside_argv);
	race_free_argv(c->beside_env);
	race_free_argv(c->env);
	free(c->jail);
	free(c->lines);
	free(c->turns);
	free(c->specs);
}

static int race_ask_once(struct race_round *r, bool beside, struct err *e)
{
	struct race_children c = { .r = r, .env = race_child_env() };
	size_t parallel = (size_t)config_num(&r->w->config, CONFIG_DECIDE_PARALLEL);
	int rc = 0;

	c.specs = mem_array(r->n + 1, sizeof *c.specs);
	c.turns = mem_array(r->n + 1, sizeof(struct race_turn *));
	c.lines = mem_array(r->n + 1, sizeof *c.lines);
	c.jail = child_sibling("tr-jail", e);
	if (c.jail == NULL)
		rc = -1;
	if (rc == 0 && beside) {
		race_add_beside(r, &c);
		parallel++;
	}
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->turns[i].due && r->turns[i].spec->kind == ROSTER_EXEC)
			rc = race_add_program(r, &r->turns[i], &c, e);
	if (rc == 0 && c.n > 0)
		rc = child_run(c.specs, c.n, parallel, r->deadline_ms, race_answered, &c,
			       r->o->ask.stop, e);
	race_release_children(&c);
	return rc;
}

int race_ask_programs(struct race_round *r, bool beside, struct err *e)
{
	if (r->o->residents != NULL && race_ask_residents(r, e) != 0)
		return -1;
	for (r->tries = 1;; r->tries++) {
		r->unstarted = (struct err){ 0 };
		if (race_ask_once(r, beside && r->tries == 1, e) != 0)
			return -1;
		if (r->unstarted.status == 0 || r->tries == RACE_TRIES)
			break;
	}
	if (r->unstarted.status == 0)
		return 0;
	*e = r->unstarted;
	return -1;
}
