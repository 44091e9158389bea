#include "race_why_part.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * From what is asked about to the decisions that answer it. Everything is read by keys; only
 * the numbers of decisions and rejections, which are stored nowhere, are counted.
 */

static const char sql_trade[] =
	"SELECT t.agent_id, t.window_ms, t.idx, a.symbol FROM trades AS t "
	"JOIN assets AS a ON a.id = t.asset_id WHERE t.id = :id";
/* scan: the index of executions up to the one that is asked for */
static const char sql_decision[] =
	"SELECT agent_id, window_ms FROM executions ORDER BY exec_ms, agent_id, window_ms "
	"LIMIT 1 OFFSET :skip";
/* scan: the index of executions up to the one that is asked for, with their orders */
static const char sql_rejection[] =
	"SELECT o.agent_id, o.window_ms, o.idx, o.asset FROM executions AS x CROSS JOIN orders "
	"AS o ON "
	"o.agent_id = x.agent_id AND o.window_ms = x.window_ms WHERE o.action = 'drop' "
	"ORDER BY x.exec_ms, x.agent_id, x.window_ms, o.idx LIMIT 1 OFFSET :skip";
static const char sql_agent[] = "SELECT name FROM agents WHERE id = :agent";
static const char sql_batch[] = "SELECT n_assets FROM batches WHERE window_ms = :window";
static const char sql_regimes[] = "SELECT regimes FROM regimes WHERE window_ms = :window";
static const char sql_symbol[] = "SELECT symbol FROM assets WHERE id = :asset";
static const char sql_feeds[] =
	"SELECT a.symbol, f.priority, f.source, f.outcome, f.detail FROM feed_results AS f "
	"JOIN assets AS a ON a.id = f.asset_id WHERE f.window_ms = :window "
	"ORDER BY a.symbol, f.priority";

static const char *const subjects[] = { "trade", "decision", "rejection", "agent", "window" };

const char *race_why_subject_name(enum race_why_subject s)
{
	return subjects[s];
}

const char *race_why_kept_name(enum race_why_kept k)
{
	static const char *const names[] = { "kept", "remade", "gone", "differs" };

	return names[k];
}

/* ------------------------------------------------------------------ problems */

void race_why_problem(struct race_why *y, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	y->problems = mem_resize(y->problems, y->n_problems + 1, sizeof *y->problems);
	y->problems[y->n_problems++] = mem_strdup(text);
}

void race_why_compare(struct race_why *y, int64_t is, int64_t should, int scale,
		      const char *fmt, ...)
{
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], what[256];
	va_list ap;

	if (is == should)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	race_why_problem(y, "%s is %s, should be %s", what, decimal_format(is, scale, a),
			 decimal_format(should, scale, b));
}

/* ------------------------------------------------------------------ batches */

const struct race_why_batch *race_why_batch(const struct race_why *y, int64_t window_ms)
{
	for (size_t i = 0; i < y->n_batches; i++)
		if (y->batches[i].window_ms == window_ms)
			return &y->batches[i];
	return NULL;
}

static int why_symbol(struct db *db, int64_t asset_id, char *out, size_t size, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_symbol);
	int r;

	sql_int(s, ":asset", asset_id);
	r = sql_row(s, e);
	if (r == 1)
		snprintf(out, size, "%s", sql_col_text(s, 0));
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int why_by_symbol(const void *a, const void *b)
{
	const struct race_why_price *x = a, *y = b;

	return strcmp(x->symbol, y->symbol);
}

static int why_load_prices(struct race_why *y, struct db *db, struct race_why_batch *b,
			   struct err *e)
{
	struct market_price *prices = NULL;
	size_t n = 0;
	int r = market_prices(db, b->window_ms, &prices, &n, e);

	b->prices = mem_array(n, sizeof *b->prices);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct race_why_price *p = &b->prices[b->n_prices];

		p->p = prices[i];
		r = why_symbol(db, p->p.asset_id, p->symbol, sizeof p->symbol, e);
		if (r != 0 || (y->only[0] != '\0' && strcmp(y->only, p->symbol) != 0))
			continue;
		r = market_source_name(db, p->p.source_id, &p->source, e);
		b->n_prices++;
	}
	if (b->n_prices > 1)
		qsort(b->prices, b->n_prices, sizeof *b->prices, why_by_symbol);
	free(prices);
	return r;
}

static int why_load_feeds(struct race_why *y, struct db *db, struct race_why_batch *b,
			  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_feeds);
	int r;

	sql_int(s, ":window", b->window_ms);
	while ((r = sql_row(s, e)) == 1) {
		struct race_why_feed *f;

		if (y->only[0] != '\0' && strcmp(y->only, sql_col_text(s, 0)) != 0)
			continue;
		b->feeds = mem_resize(b->feeds, b->n_feeds + 1, sizeof *b->feeds);
		f = &b->feeds[b->n_feeds++];
		*f = (struct race_why_feed){ .priority = sql_col_int(s, 1) };
		snprintf(f->symbol, sizeof f->symbol, "%s", sql_col_text(s, 0));
		f->source = mem_strdup(sql_col_text(s, 2));
		f->outcome = mem_strdup(sql_col_text(s, 3));
		f->detail = mem_strdup(sql_col_text(s, 4));
	}
	return r;
}

static int why_load_regimes(struct db *db, struct race_why_batch *b, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_regimes);
	int r;

	sql_int(s, ":window", b->window_ms);
	r = sql_row(s, e);
	if (r == 1)
		b->regimes = mem_strdup(sql_col_text(s, 0));
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int race_why_add_batch(struct race_why *y, struct db *db, int64_t window_ms, struct err *e)
{
	struct race_why_batch *b;
	struct sql_stmt *s;
	int r;

	if (race_why_batch(y, window_ms) != NULL)
		return 0;
	y->batches = mem_resize(y->batches, y->n_batches + 1, sizeof *y->batches);
	b = &y->batches[y->n_batches++];
	*b = (struct race_why_batch){ .window_ms = window_ms };
	s = db_get(db, sql_batch);
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	b->there = r == 1;
	if (r == 1)
		b->n_assets = sql_col_int(s, 0);
	sql_reset(s);
	if (r < 0 || why_load_feeds(y, db, b, e) != 0 || why_load_regimes(db, b, e) != 0)
		return -1;
	return r == 1 ? why_load_prices(y, db, b, e) : 0;
}

static void why_release_batch(struct race_why_batch *b)
{
	for (size_t i = 0; i < b->n_prices; i++)
		free(b->prices[i].source);
	for (size_t i = 0; i < b->n_feeds; i++) {
		free(b->feeds[i].source);
		free(b->feeds[i].outcome);
		free(b->feeds[i].detail);
	}
	free(b->prices);
	free(b->feeds);
	free(b->regimes);
}

/* ------------------------------------------------------------------ turns */

static struct race_why_turn *why_add_turn(struct race_why *y, int64_t window_ms)
{
	struct race_why_turn *t;

	y->turns = mem_resize(y->turns, y->n_turns + 1, sizeof *y->turns);
	t = &y->turns[y->n_turns++];
	*t = (struct race_why_turn){ .window_ms = window_ms };
	verdict_init(&t->v);
	return t;
}

/* All about a decision that is there. */
static int why_fill_turn(struct race_why *y, struct db *db, struct race_why_turn *t,
			 struct err *e)
{
	struct digest hash;

	t->decided = true;
	wire_decision_hash(&t->v.d, &hash);
	if (memcmp(hash.bytes, t->v.hash.bytes, sizeof hash.bytes) != 0)
		race_why_problem(y, "decision of %s: its content does not give its hash",
				 t->agent.name);
	if (race_why_add_batch(y, db, t->window_ms, e) != 0 || race_why_asked(y, db, t, e) != 0)
		return -1;
	return race_why_carried(y, db, t, e);
}

/* The decision of an agent in a window; *${found}. */
static int why_load_turn(struct race_why *y, struct db *db, const char *agent, int64_t agent_id,
			 int64_t window_ms, bool *found, struct err *e)
{
	struct race_why_turn *t = why_add_turn(y, window_ms);

	if (verdict_load(db, agent_id, window_ms, &t->v, found, e) != 0)
		return -1;
	if (!*found) {
		y->n_turns--;
		return 0;
	}
	if (roster_load_agent(db, agent, t->v.version, &t->agent, e) != 0)
		return -1;
	t->baseline = t->agent.baseline;
	return why_fill_turn(y, db, t, e);
}

static int why_agent_name(struct db *db, int64_t agent_id, char name[IDENT_AGENT_MAX + 1],
			  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_agent);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	if (r == 1)
		snprintf(name, IDENT_AGENT_MAX + 1, "%s", sql_col_text(s, 0));
	sql_reset(s);
	if (r == 0)
		return err_set(e, ERR_INTERNAL, "agent %lld: is not there",
			       (long long)agent_id);
	return r < 0 ? -1 : 0;
}

static void why_ask_about(struct race_why *y, int64_t idx, const char *asset)
{
	for (size_t i = 0; i < y->n_turns; i++)
		for (size_t k = 0; k < y->turns[i].n_orders; k++) {
			struct race_why_order *o = &y->turns[i].orders[k];

			o->asked_about =
				(int64_t)k == idx ||
				(asset != NULL && strcmp(asset, o->o.order.asset) == 0);
		}
}

/* ------------------------------------------------------------------ by number */

static const char *why_number_sql(enum race_why_subject s)
{
	return s == RACE_WHY_TRADE	? sql_trade
	       : s == RACE_WHY_DECISION ? sql_decision
					: sql_rejection;
}

static int why_by_number(struct race_why *y, struct db *db, struct err *e)
{
	enum race_why_subject what = y->q.subject;
	struct sql_stmt *s = db_get(db, why_number_sql(what));
	char agent[IDENT_AGENT_MAX + 1] = "";
	int64_t agent_id = 0, idx = -1;
	bool found = false;
	int r;

	if (what == RACE_WHY_TRADE)
		sql_int(s, ":id", y->q.number);
	else
		sql_int(s, ":skip", y->q.number - 1);
	r = sql_row(s, e);
	if (r == 1) {
		agent_id = sql_col_int(s, 0);
		y->window_ms = sql_col_int(s, 1);
		if (what != RACE_WHY_DECISION) {
			idx = sql_col_int(s, 2);
			snprintf(y->only, sizeof y->only, "%s", sql_col_text(s, 3));
		}
	}
	sql_reset(s);
	if (r < 0)
		return -1;
	if (r == 1 && (why_agent_name(db, agent_id, agent, e) != 0 ||
		       why_load_turn(y, db, agent, agent_id, y->window_ms, &found, e) != 0))
		return -1;
	if (!found)
		return err_set(e, ERR_NOTFOUND, "%s %lld: there is none",
			       race_why_subject_name(what), (long long)y->q.number);
	why_ask_about(y, idx, NULL);
	return 0;
}

/* ------------------------------------------------------------------ by agent and window */

const char *race_why_silent(const struct race_window *w, const struct race_agent *a,
			    enum roster_kind kind, bool asked)
{
	if (!w->decision)
		return "no agent decides in this window; see decide.every_min";
	if (a->status == ROSTER_PAUSED)
		return "the agent was paused";
	if (a->status == ROSTER_RETIRED)
		return "the agent was retired";
	if (kind == ROSTER_MANUAL)
		return "nobody handed in a decision";
	if (w->sealed)
		return "the window ended before there was an answer";
	return asked ? "there was no answer when the others were stored"
		     : "the agent has not been asked yet";
}

/* Decisions of earlier windows that this one carried out, and its own. */
static int why_agent_turns(struct race_why *y, struct db *db, const struct race_window *w,
			   const struct race_agent *a, struct err *e)
{
	struct race_why_turn *t;
	int64_t *windows = NULL;
	bool found = false, asked;
	size_t n = 0;
	int r = verdict_carried(db, w->window_ms, a->id, &windows, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		if (windows[i] != w->window_ms)
			r = why_load_turn(y, db, a->name, a->id, windows[i], &found, e);
	free(windows);
	if (r != 0 || why_load_turn(y, db, a->name, a->id, w->window_ms, &found, e) != 0)
		return -1;
	if (found)
		return 0;
	if (journal_done(db, w->window_ms, "decide", &asked, e) != 0 ||
	    race_why_add_batch(y, db, w->window_ms, e) != 0)
		return -1;
	t = why_add_turn(y, w->window_ms);
	t->baseline = a->baseline;
	if (roster_load_agent(db, a->name, a->version, &t->agent, e) != 0)
		return -1;
	t->silent = race_why_silent(w, a, t->agent.spec.kind, asked);
	return 0;
}

static int why_check_asset(struct race_why *y, struct db *db, struct err *e)
{
	int64_t id;

	if (y->q.asset == NULL)
		return 0;
	if (roster_find_asset(db, y->q.asset, &id, e) != 0)
		return -1;
	if (id == 0)
		return err_set(e, ERR_NOTFOUND, "asset %.40s: there is none", y->q.asset);
	snprintf(y->only, sizeof y->only, "%s", y->q.asset);
	return 0;
}

static int why_by_agent(struct race_why *y, struct db *db, struct err *e)
{
	struct race_window w = { 0 };
	const struct race_agent *a;
	struct journal_cycle c;
	struct roster_agent known = { 0 };
	bool begun;
	int r;

	/* first, as it knows the nearest name */
	r = roster_load_agent(db, y->q.agent, 0, &known, e);
	if (r == 0)
		roster_release_agent(&known);
	if (r != 0 || why_check_asset(y, db, e) != 0 ||
	    race_find_window(db, y->q.window, &y->window_ms, e) != 0 ||
	    journal_load(db, y->window_ms, &c, &begun, e) != 0)
		return -1;
	if (!begun) /* then nobody did anything: why was it not? */
		return race_why_window(y, db, e);
	if (race_open_read(db, y->window_ms, &w, e) != 0)
		return -1;
	a = race_find_agent(&w, y->q.agent, e);
	r = a != NULL ? why_agent_turns(y, db, &w, a, e) : -1;
	race_release(&w);
	why_ask_about(y, -1, y->q.asset);
	return r;
}

/* ------------------------------------------------------------------ all of it */

static int why_quote(struct race_why *y, struct db *db, struct err *e)
{
	struct config c;
	int r;

	config_init(&c);
	r = config_load(db, &c, e);
	snprintf(y->quote, sizeof y->quote, "%s", config_text(&c, CONFIG_RACE_QUOTE));
	config_release(&c);
	return r;
}

static int why_load(struct race_why *y, struct db *db, struct err *e)
{
	switch (y->q.subject) {
	case RACE_WHY_TRADE:
	case RACE_WHY_DECISION:
	case RACE_WHY_REJECTION:
		return why_by_number(y, db, e);
	case RACE_WHY_AGENT:
		return why_by_agent(y, db, e);
	case RACE_WHY_WINDOW:
		break;
	}
	if (race_find_window(db, y->q.window, &y->window_ms, e) != 0)
		return -1;
	return race_why_window(y, db, e);
}

int race_why_load(struct db *db, const struct race_why_query *q, struct race_why *y,
		  struct err *e)
{
	int r;

	*y = (struct race_why){ .q = *q };
	if (db_read_begin(db, e) != 0)
		return -1;
	r = why_quote(y, db, e);
	if (r == 0)
		r = why_load(y, db, e);
	db_read_end(db);
	return r;
}

void race_why_release(struct race_why *y)
{
	for (size_t i = 0; i < y->n_batches; i++)
		why_release_batch(&y->batches[i]);
	for (size_t i = 0; i < y->n_turns; i++) {
		struct race_why_turn *t = &y->turns[i];

		race_why_release_asked(t);
		roster_release_agent(&t->agent);
		verdict_release(&t->v);
		verdict_release_execution(&t->x);
		race_release(&t->w);
		free(t->orders);
	}
	for (size_t i = 0; i < y->n_problems; i++)
		free(y->problems[i]);
	race_why_release_window(&y->history);
	free(y->batches);
	free(y->turns);
	free(y->problems);
	*y = (struct race_why){ 0 };
}
