#include "race_resident.h"

#include <stdlib.h>
#include <string.h>

#include "child_line.h"
#include "mem.h"
#include "race_jail.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/* How long a program has for its first line before it is taken for one that waits for the end
 * of its input, and for ending after that: starting an interpreter takes some of it. */
#define RACE_RESIDENT_MS 3000

struct race_resident {
	int64_t agent_id;
	int64_t version;
	struct child_line *line; /* NULL: not running */
	bool proven;		 /* it ends at the end of its input, and well */
	bool single;		 /* it answers one line per start */
};

struct race_residents {
	size_t jobs;
	struct race_resident *items; /* owned */
	size_t n;
};

struct race_residents *race_residents(size_t jobs)
{
	struct race_residents *all = mem_alloc(sizeof *all);

	all->jobs = jobs > 0 ? jobs : 1;
	return all;
}

void race_residents_end(struct race_residents *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++)
		child_line_end(all->items[i].line);
	free(all->items);
	free(all);
}

static struct race_resident *race_resident(struct race_residents *all,
					   const struct race_turn *t)
{
	struct race_resident *m;

	for (size_t i = 0; i < all->n; i++) {
		m = &all->items[i];
		if (m->agent_id != t->agent->id)
			continue;
		if (m->version == t->agent->version)
			return m;
		child_line_end(m->line);
		*m = (struct race_resident){ .agent_id = t->agent->id,
					     .version = t->agent->version };
		return m;
	}
	all->items = mem_resize(all->items, all->n + 1, sizeof *all->items);
	m = &all->items[all->n++];
	*m = (struct race_resident){ .agent_id = t->agent->id, .version = t->agent->version };
	return m;
}

/* Start it if it does not run; whoever cannot or may not be started is asked the other way. */
static void race_resident_start(const struct race_round *r, struct race_turn *t,
				struct race_resident *m, const char *jail)
{
	char **argv, **env;
	struct err ignored = { 0 };
	struct child_spec spec = { 0 };

	if (m->line != NULL || m->single || roster_check_reads(r->db, t->spec, &ignored) != 0)
		return;
	argv = race_jail_argv(&r->w->config, t->spec, jail);
	env = race_child_env();
	spec.argv = (const char *const *)argv;
	spec.env = (const char *const *)env;
	m->line = child_line_start(&spec, &ignored);
	m->single = m->line == NULL;
	race_free_argv(argv);
	race_free_argv(env);
}

/* The decision that it gave, if a program asked alone would give it as well: the line is one,
 * and, as is seen the first time, at the end of its input it ends without another word. */
static bool race_resident_decided(const struct race_round *r, const struct race_turn *t,
				  struct race_resident *m, struct decision *d)
{
	const struct child_line *l = m->line;
	bool good;

	decision_init(d);
	if (l->answered)
		wire_parse_answer(buf_str(&l->answer), l->answer.len, t->agent->name,
				  r->w->window_ms, d);
	good = l->answered && (d->status == DECISION_OK || d->status == DECISION_HOLD);
	if (good && !m->proven)
		good = m->proven = child_line_finish(m->line, RACE_RESIDENT_MS);
	if (!good)
		decision_release(d);
	return good;
}

static void race_resident_stop(struct race_resident *m)
{
	child_line_end(m->line);
	m->line = NULL;
}

static int race_resident_heard(struct race_round *r, struct race_turn *t,
			       struct race_resident *m, struct err *e)
{
	struct child_line *l = m->line;
	bool first = !m->proven;
	struct decision d;

	if (!race_resident_decided(r, t, m, &d)) {
		/* who never answered twice is asked once per start from now on; others may have
		 * come to the end of a limit */
		m->single = l->answers < 2;
		race_resident_stop(m);
		return 0;
	}
	decision_release(&t->v.d);
	t->v.d = d;
	t->answered = true;
	t->v.latency_ms = l->elapsed_ms;
	t->v.raw = mem_strndup(l->answer.data, l->answer.len);
	t->v.raw_len = l->answer.len;
	if (first)
		race_resident_stop(m);
	return race_store_one(r, t, e);
}

/* Ask up to all->jobs of them; ${turns} are due and their programs run. */
static int race_resident_batch(struct race_round *r, struct race_turn **turns,
			       struct race_resident **m, size_t n, struct err *e)
{
	const struct config *c = &r->w->config;
	int64_t timeout_ms = config_num(c, CONFIG_EXEC_TIMEOUT_S) * 1000;
	struct child_line **lines = mem_array(n, sizeof(struct child_line *));
	struct buf *in = mem_array(n, sizeof *in);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		lines[i] = m[i]->line;
		if (m[i]->line->answers == 0 && timeout_ms > RACE_RESIDENT_MS)
			timeout_ms = RACE_RESIDENT_MS;
		race_start_turn(r, turns[i]);
		rc = race_show(r, turns[i], e);
		race_line(r, turns[i], &in[i]);
	}
	if (rc == 0)
		rc = child_line_ask(lines, in, n,
				    (size_t)config_num(c, CONFIG_EXEC_OUTPUT_KB) << 10,
				    timeout_ms, r->o->ask.stop, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = race_resident_heard(r, turns[i], m[i], e);
	for (size_t i = 0; i < n; i++)
		buf_release(&in[i]);
	free(in);
	free(lines);
	return rc;
}

int race_ask_residents(struct race_round *r, struct err *e)
{
	struct race_residents *all = r->o->residents;
	struct race_turn **turns = mem_array(r->n, sizeof(struct race_turn *));
	struct race_resident **m = mem_array(r->n, sizeof(struct race_resident *));
	char *jail = child_sibling("tr-jail", e);
	int64_t start_ms = tstamp_boot_ms();
	size_t n = 0;
	int rc = jail != NULL ? 0 : -1;

	/* places first: the list may move while it grows */
	for (size_t i = 0; i < r->n; i++)
		if (r->turns[i].due && r->turns[i].spec->kind == ROSTER_EXEC)
			race_resident(all, &r->turns[i]);
	for (size_t i = 0; i < r->n && rc == 0; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec->kind != ROSTER_EXEC)
			continue;
		m[n] = race_resident(all, t);
		race_resident_start(r, t, m[n], jail);
		if (m[n]->line == NULL)
			continue;
		turns[n++] = t;
		if (n == all->jobs) {
			rc = race_resident_batch(r, turns, m, n, e);
			n = 0;
		}
	}
	if (rc == 0 && n > 0)
		rc = race_resident_batch(r, turns, m, n, e);
	/* whoever is asked once more has all its time */
	r->deadline_ms += tstamp_boot_ms() - start_ms;
	free(jail);
	free(m);
	free(turns);
	return rc;
}
