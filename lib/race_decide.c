#include "race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "deflate.h"
#include "log.h"
#include "mem.h"
#include "random.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * Rule agents are computed and stored in one transaction. Programs are asked all at once, under
 * a limit, and each answer is stored by itself as it arrives, so that a crash after k of n asks
 * only the rest. Results are printed in agent order, never in order of arrival.
 */

static const char sql_context[] = "SELECT hash FROM contexts WHERE window_ms = :window";
static const char sql_context_add[] =
	"INSERT INTO contexts (window_ms, hash) VALUES (:window, :hash)";
static const char sql_blob_add[] = "INSERT INTO blobs (hash, size, data) VALUES (:hash, :size, "
				   ":data) ON CONFLICT DO NOTHING";

#define RACE_TRIES 3

struct race_turn {
	const struct race_agent *agent;
	struct roster_agent spec; /* at the pinned version */
	struct verdict v;
	struct buf context; /* exec: the line */
	char **argv;	    /* exec */
	bool due;	    /* nothing stored yet */
	bool answered;	    /* v holds an answer */
};

struct race_round {
	struct db *db;
	const struct race_window *w;
	const struct race_decide_options *o;
	struct view view;
	struct buf shared;
	struct digest_state shared_state;
	struct race_turn *turns;
	size_t n;
	int64_t at_ms;
	int64_t deadline_ms;  /* boot clock */
	struct err unstarted; /* why an agent could not be asked, first of all */
	int tries;	      /* of asking programs in this run */
};

/* ------------------------------------------------------------------ who is due */

static bool race_wanted(const struct race_decide_options *o, const char *name)
{
	if (o->agents == NULL)
		return true;
	for (size_t i = 0; i < o->n_agents; i++)
		if (strcmp(o->agents[i], name) == 0)
			return true;
	return false;
}

/* Every active agent of the pin that decides by itself, with what it decided already. */
static int race_list_turns(struct race_round *r, struct err *e)
{
	r->turns = mem_array(r->w->n_agents, sizeof *r->turns);
	for (size_t i = 0; i < r->w->n_agents; i++) {
		const struct race_agent *a = &r->w->agents[i];
		struct race_turn *t = &r->turns[r->n];
		bool found;

		if (a->status != ROSTER_ACTIVE || !race_wanted(r->o, a->name))
			continue;
		if (roster_load_agent(r->db, a->name, a->version, &t->spec, e) != 0)
			return -1;
		if (verdict_load(r->db, a->id, r->w->window_ms, &t->v, &found, e) != 0) {
			roster_release_agent(&t->spec);
			return -1;
		}
		if (!found && t->spec.spec.kind == ROSTER_MANUAL) {
			verdict_release(&t->v);
			roster_release_agent(&t->spec);
			continue;
		}
		t->agent = a;
		t->due = !found;
		t->answered = found;
		r->n++;
	}
	return 0;
}

/* --agent must name agents that take part. */
static int race_check_names(const struct race_window *w, const char *const *names, size_t n,
			    struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		const struct race_agent *a = race_find_agent(w, names[k], e);

		if (a == NULL)
			return -1;
		if (a->status != ROSTER_ACTIVE)
			return err_set(e, ERR_DATA, "agent %s: is %s in this window", a->name,
				       roster_status_name(a->status));
	}
	return 0;
}

/* ------------------------------------------------------------------ contexts */

static void race_start_turn(struct race_round *r, struct race_turn *t)
{
	t->v.agent_id = t->agent->id;
	t->v.window_ms = r->w->window_ms;
	t->v.version = t->agent->version;
	t->v.at_ms = r->w->window_ms;
	t->v.fill_ms = r->w->window_ms;
	/* the enum's second value is "next" */
	if (config_num(&r->w->config, CONFIG_TRADE_FILL) == 1)
		t->v.fill_ms += TSTAMP_WINDOW_MS;
}

/* Show an agent its own part, and note the hash of all that it is shown. */
static int race_show(struct race_round *r, struct race_turn *t, struct err *e)
{
	struct digest_state s = r->shared_state;
	struct buf own = BUF_INIT;

	if (race_view_agent(r->db, r->w, t->agent->id, &r->view, e) != 0)
		return -1;
	race_context_own(r->w, t->agent, &r->view, &own);
	digest_update(&s, own.data, own.len);
	digest_final(&s, &t->v.context);
	t->v.has_context = true;
	if (t->spec.spec.kind == ROSTER_EXEC) {
		buf_init(&t->context, BUF_MAX_DEFAULT);
		buf_add(&t->context, r->shared.data, r->shared.len);
		buf_add(&t->context, own.data, own.len);
		buf_addc(&t->context, '\n');
	}
	buf_release(&own);
	return 0;
}

static int race_store_context(struct race_round *r, struct err *e)
{
	struct sql_stmt *s = db_get(r->db, sql_context);
	struct buf packed = BUF_INIT;
	struct digest hash;
	int row;

	sql_int(s, ":window", r->w->window_ms);
	row = sql_row(s, e);
	sql_reset(s);
	if (row != 0)
		return row < 0 ? -1 : 0;
	digest_of(r->shared.data, r->shared.len, &hash);
	s = db_get(r->db, sql_context_add);
	sql_int(s, ":window", r->w->window_ms);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	if (sql_exec(s, e) != 0)
		return -1;
	if (!config_bool(&r->w->config, CONFIG_FEATURE_CONTEXT_STORE))
		return 0;
	deflate_pack(r->shared.data, r->shared.len, &packed);
	s = db_get(r->db, sql_blob_add);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	sql_int(s, ":size", (int64_t)r->shared.len);
	sql_blob(s, ":data", packed.data, packed.len);
	row = sql_exec(s, e);
	buf_release(&packed);
	return row;
}

/* ------------------------------------------------------------------ storing answers */

/* Store one answer unless somebody else did; the one that is stored counts. */
static int race_store_answer(struct race_round *r, struct race_turn *t, struct err *e)
{
	bool exists;

	if (verdict_exists(r->db, t->agent->id, r->w->window_ms, &exists, e) != 0)
		return -1;
	if (exists) {
		bool found;

		verdict_release(&t->v);
		return verdict_load(r->db, t->agent->id, r->w->window_ms, &t->v, &found, e);
	}
	return verdict_add(r->db, &t->v, e);
}

static uint64_t race_seed(const struct race_round *r, const char *agent)
{
	uint64_t seed =
		random_derive((uint64_t)config_num(&r->w->config, CONFIG_SIM_SEED), agent);

	return random_derive_int(seed, r->w->window_ms);
}

static int race_decide_rules(struct race_round *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec.spec.kind != ROSTER_RULE)
			continue;
		race_start_turn(r, t);
		if (race_show(r, t, e) != 0)
			return -1;
		strategy_decide(t->spec.spec.strategy, t->spec.spec.params, &r->view,
				race_seed(r, t->agent->name), &t->v.d);
		t->answered = true;
	}
	return 0;
}

/* One transaction for all rule agents and, when nobody else is due, for the stage. */
static int race_store_rules(struct race_round *r, bool finish, struct err *e)
{
	bool done;

	if (race_check_open(r->db, r->w, e) != 0 || race_store_context(r, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec.spec.kind != ROSTER_RULE)
			continue;
		if (race_store_answer(r, t, e) != 0)
			return -1;
		t->due = false;
	}
	if (!finish || journal_done(r->db, r->w->window_ms, "decide", &done, e) != 0)
		return finish ? -1 : 0;
	return done ? 0
		    : journal_complete(r->db, r->w->window_ms, "decide", &r->w->pin_hash, "",
				       r->at_ms, e);
}

/* ------------------------------------------------------------------ programs */

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

struct race_asked {
	struct race_round *r;
	struct race_turn **turns; /* parallel to the children */
};

static int race_answered(void *ctx, size_t index, struct child_result *c, struct err *e)
{
	struct race_asked *asked = ctx;
	struct race_turn *t = asked->turns[index];
	struct race_round *r = asked->r;
	int rc;

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

static char *race_option(const char *name, int64_t value)
{
	return mem_printf("--%s=%lld", name, (long long)value);
}

/* tr-jail --parent=PID --memory-mb=... -- PROG ARGS... */
static char **race_jail_argv(const struct race_round *r, const struct roster_spec *s,
			     const char *jail)
{
	const struct config *c = &r->w->config;
	char **argv = mem_array(s->n_argv + 11, sizeof *argv);
	size_t n = 0;

	argv[n++] = mem_strdup(jail);
	argv[n++] = race_option("parent", getpid());
	argv[n++] = mem_strdup("--keep");
	argv[n++] = race_option("memory-mb", config_num(c, CONFIG_EXEC_MEMORY_MB));
	argv[n++] = race_option("cpu-s", config_num(c, CONFIG_EXEC_TIMEOUT_S) + 1);
	argv[n++] = race_option("files", config_num(c, CONFIG_EXEC_FILES));
	argv[n++] = race_option("file-mb", config_num(c, CONFIG_EXEC_FILE_MB));
	argv[n++] = race_option("processes", config_num(c, CONFIG_EXEC_PROCESSES));
	argv[n++] = mem_strdup("--");
	for (size_t i = 0; i < s->n_argv; i++)
		argv[n++] = mem_strdup(s->argv[i]);
	return argv;
}

static void race_free_argv(char **argv)
{
	for (char **p = argv; p != NULL && *p != NULL; p++)
		free(*p);
	free(argv);
}

/* A program gets what it needs to start and nothing else. */
static char **race_child_env(void)
{
	static const char *const kept[] = { "PATH", "HOME", "USER", "LOGNAME" };
	char **env = mem_array(8, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (getenv(kept[i]) != NULL)
			env[n++] = mem_printf("%s=%s", kept[i], getenv(kept[i]));
	env[n++] = mem_strdup("LANG=C.UTF-8");
	env[n++] = mem_strdup("TZ=UTC");
	return env;
}

/* What tr-jail was told to run, checked here so that the reason is a sentence of ours. */
static bool race_program_there(struct race_turn *t)
{
	const char *prog = t->spec.spec.argv[0];

	if (access(prog, X_OK) == 0)
		return true;
	t->answered = true;
	decision_fail(&t->v.d, DECISION_ERROR, "program %.200s: cannot be run: %m", prog);
	return false;
}

static int race_store_one(struct race_round *r, struct race_turn *t, struct err *e)
{
	int rc;

	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_check_open(r->db, r->w, e);
	if (rc == 0)
		rc = race_store_answer(r, t, e);
	t->due = false;
	return db_end(r->db, rc, e);
}

/* What an earlier try prepared. */
static void race_forget_asking(struct race_turn *t)
{
	buf_release(&t->context);
	race_free_argv(t->argv);
	t->argv = NULL;
}

static int race_ask_programs(struct race_round *r, struct err *e)
{
	struct child_spec *specs = mem_array(r->n, sizeof *specs);
	struct race_turn **turns = mem_array(r->n, sizeof *turns);
	struct race_asked asked = { r, turns };
	const struct config *c = &r->w->config;
	char **env = race_child_env();
	char *jail = child_sibling("tr-jail", e);
	size_t n = 0;
	int rc = -1;

	for (size_t i = 0; i < r->n && jail != NULL; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->due || t->spec.spec.kind != ROSTER_EXEC)
			continue;
		race_forget_asking(t);
		race_start_turn(r, t);
		if (race_show(r, t, e) != 0)
			goto out;
		if (!race_program_there(t)) {
			if (race_store_one(r, t, e) != 0)
				goto out;
			continue;
		}
		t->argv = race_jail_argv(r, &t->spec.spec, jail);
		specs[n] = (struct child_spec){
			.argv = (const char *const *)t->argv,
			.env = (const char *const *)env,
			.input = t->context.data,
			.input_len = t->context.len,
			.output_max = (size_t)config_num(c, CONFIG_EXEC_OUTPUT_KB) << 10,
			.error_max = 4096,
			.timeout_ms = config_num(c, CONFIG_EXEC_TIMEOUT_S) * 1000
		};
		turns[n++] = t;
	}
	if (jail != NULL)
		rc = n == 0 ? 0
			    : child_run(specs, n, (size_t)config_num(c, CONFIG_DECIDE_PARALLEL),
					r->deadline_ms, race_answered, &asked, r->o->stop, e);
out:
	race_free_argv(env);
	free(jail);
	free(turns);
	free(specs);
	return rc;
}

/* ------------------------------------------------------------------ the step */

static size_t race_count_due(const struct race_round *r, enum roster_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->turns[i].due && r->turns[i].spec.spec.kind == kind;
	return n;
}

static int race_finish_decide(struct race_round *r, struct err *e)
{
	bool done;
	int rc;

	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_check_open(r->db, r->w, e);
	if (rc == 0)
		rc = journal_done(r->db, r->w->window_ms, "decide", &done, e);
	if (rc == 0 && !done)
		rc = journal_complete(r->db, r->w->window_ms, "decide", &r->w->pin_hash, "",
				      r->at_ms, e);
	return db_end(r->db, rc, e);
}

static int race_ask(struct race_round *r, struct err *e)
{
	bool all = r->o->agents == NULL;
	size_t programs = race_count_due(r, ROSTER_EXEC);
	int rc;

	if (race_view_market(r->db, r->w, &r->view, e) != 0)
		return -1;
	race_context_shared(r->w, &r->view, &r->shared);
	digest_init(&r->shared_state);
	digest_update(&r->shared_state, r->shared.data, r->shared.len);
	if (race_decide_rules(r, e) != 0)
		return -1;
	if (r->o->dry)
		return 0;
	if (db_begin(r->db, e) != 0)
		return -1;
	rc = race_store_rules(r, all && programs == 0, e);
	if (db_end(r->db, rc, e) != 0)
		return -1;
	if (programs == 0)
		return 0;
	for (r->tries = 1;; r->tries++) {
		r->unstarted = (struct err){ 0 };
		if (race_ask_programs(r, e) != 0)
			return -1;
		if (r->unstarted.status == 0 || r->tries == RACE_TRIES)
			break;
	}
	if (r->unstarted.status != 0) {
		*e = r->unstarted;
		return -1;
	}
	return all ? race_finish_decide(r, e) : 0;
}

static void race_print_turns(struct race_round *r, struct buf *out, size_t *failed)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct race_turn *t = &r->turns[i];

		if (!t->answered)
			continue;
		*failed += t->v.d.status != DECISION_OK && t->v.d.status != DECISION_HOLD;
		if (out != NULL)
			race_record_decision(out, t->agent, &t->v);
		n++;
	}
	if (out != NULL)
		wire_end(out, r->w->window_ms, n);
}

static void race_release_round(struct race_round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		roster_release_agent(&r->turns[i].spec);
		verdict_release(&r->turns[i].v);
		buf_release(&r->turns[i].context);
		race_free_argv(r->turns[i].argv);
	}
	free(r->turns);
	buf_release(&r->shared);
	view_release(&r->view);
}

int race_decide(struct db *db, const struct race_window *w, const struct race_decide_options *o,
		int64_t at_ms, struct buf *out, size_t *failed, struct err *e)
{
	struct race_round r = { .db = db, .w = w, .o = o, .at_ms = at_ms, .shared = BUF_INIT };
	bool batch = false, done = false;
	int rc = -1;

	*failed = 0;
	view_init(&r.view);
	r.deadline_ms = config_num(&w->config, CONFIG_DECIDE_DEADLINE_S) * 1000;
	if (o->left_ms >= 0 && o->left_ms < r.deadline_ms)
		r.deadline_ms = o->left_ms;
	if (w->live && w->window_ms + TSTAMP_WINDOW_MS - at_ms < r.deadline_ms)
		r.deadline_ms = w->window_ms + TSTAMP_WINDOW_MS - at_ms;
	r.deadline_ms += tstamp_boot_ms();
	if (race_check_names(w, o->agents, o->n_agents, e) != 0 ||
	    market_batch_exists(db, w->window_ms, &batch, e) != 0 ||
	    journal_done(db, w->window_ms, "decide", &done, e) != 0)
		goto out;
	if (!batch) {
		err_set(e, ERR_NOTFOUND, "window: has no batch yet; run tr-ingest first");
		goto out;
	}
	if (!w->decision && !o->dry) {
		if (out != NULL)
			wire_end(out, w->window_ms, 0);
		rc = 0;
		goto out;
	}
	/* agents see the books after what waited for this batch, as under tr-cycle */
	if (!o->dry && !w->sealed && race_settle(db, w, at_ms, NULL, e) != 0)
		goto out;
	if (race_list_turns(&r, e) != 0)
		goto out;
	/* whoever has not answered by the end of the window has no turn in it */
	if (!done && !o->dry && !w->sealed && (race_over(w, at_ms) || o->left_ms == 0)) {
		if (o->agents == NULL && race_finish_decide(&r, e) != 0)
			goto out;
	} else if (!done && (o->dry || !w->sealed) && race_ask(&r, e) != 0)
		goto out;
	race_print_turns(&r, out, failed);
	rc = 0;
out:
	race_release_round(&r);
	return rc;
}
