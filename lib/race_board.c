#include "race_board_part.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Standings: who takes part, a row each (race_board_row.c), and how they compare. */

static const char sql_first[] =
	"SELECT window_ms FROM batches WHERE window_ms >= :from AND window_ms < :before "
	"ORDER BY window_ms LIMIT 1";
static const char sql_last[] =
	"SELECT window_ms FROM batches WHERE window_ms >= :from AND window_ms < :before "
	"ORDER BY window_ms DESC LIMIT 1";
static const char sql_head[] = "SELECT n, hash FROM seals WHERE window_ms < :before "
			       "ORDER BY window_ms DESC LIMIT 1";
static const char sql_versions[] = "SELECT version, min(window_ms) FROM decisions "
				   "WHERE agent_id = :agent AND window_ms < :before "
				   "GROUP BY version ORDER BY version";
static const char sql_spec[] =
	"SELECT hash FROM agent_versions WHERE agent_id = :agent AND version = :version";

/* Currencies that a US dollar is a unit of. */
static const char *const race_dollars[] = { "USD",   "USDT", "USDC", "DAI",
					    "FDUSD", "TUSD", "BUSD" };

/* What a board is made under. */
struct race_frame {
	const struct race_board_query *q;
	struct roster_agents agents;
	struct race_window then; /* the last window of the span */
	bool past;		 /* agents are as they were in it */
	bool par;
	const char *fill;
};

static int race_find_edge(struct db *db, const char *sql, const struct race_board_query *q,
			  int64_t *window_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql);
	int r;

	sql_int(s, ":from", q->from_ms < 0 ? 0 : q->from_ms);
	sql_int(s, ":before", q->before_ms < 0 ? INT64_MAX : q->before_ms);
	r = sql_row(s, e);
	*window_ms = r == 1 ? sql_col_int(s, 0) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int race_board_span(struct db *db, const struct race_board_query *q,
			   struct race_board *b, struct err *e)
{
	struct sql_stmt *s;
	const void *p;
	size_t n;
	int r;

	if (race_find_edge(db, sql_first, q, &b->first_ms, e) != 0 ||
	    race_find_edge(db, sql_last, q, &b->last_ms, e) != 0)
		return -1;
	s = db_get(db, sql_head);
	sql_int(s, ":before", q->before_ms < 0 ? INT64_MAX : q->before_ms);
	r = sql_row(s, e);
	if (r == 1) {
		b->seals = sql_col_int(s, 0);
		p = sql_col_blob(s, 1, &n);
		if (n == sizeof b->head.bytes)
			memcpy(b->head.bytes, p, n);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* Settings and roster: those of the last window of the span, if it has an end. */
static int race_frame_load(struct db *db, const struct race_board *b, struct race_frame *f,
			   struct err *e)
{
	const char *quote;

	if (roster_load_agents(db, &f->agents, e) != 0)
		return -1;
	f->past = f->q->before_ms >= 0 && b->last_ms >= 0;
	if (f->past) {
		if (race_open_read(db, b->last_ms, &f->then, e) != 0)
			return -1;
	} else {
		config_init(&f->then.config);
		if (config_load(db, &f->then.config, e) != 0)
			return -1;
	}
	quote = config_text(&f->then.config, CONFIG_RACE_QUOTE);
	for (size_t i = 0; i < sizeof race_dollars / sizeof *race_dollars; i++)
		f->par = f->par || strcmp(quote, race_dollars[i]) == 0;
	f->fill = strcmp(config_text(&f->then.config, CONFIG_TRADE_FILL), "next") == 0
			  ? "next"
			  : "batch";
	return 0;
}

static int race_row_spec(struct db *db, struct race_standing *row, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_spec);
	const void *p;
	size_t n;

	sql_int(s, ":agent", row->agent.id);
	sql_int(s, ":version", row->agent.version);
	if (sql_row(s, e) != 1)
		return -1;
	p = sql_col_blob(s, 0, &n);
	if (n == sizeof row->spec.bytes)
		memcpy(row->spec.bytes, p, n);
	sql_reset(s);
	return 0;
}

static void race_row_release(struct race_standing *row)
{
	free(row->curve);
	free(row->windows);
	free(row->carried);
}

/* Load a row into the board; one of a version is kept only if it has a sample. */
static int race_board_add(struct db *db, const struct race_frame *f, struct race_board *b,
			  const struct race_standing *like, int64_t from_ms, int64_t before_ms,
			  bool always, struct err *e)
{
	struct race_standing *row;

	b->rows = mem_resize(b->rows, b->n + 1, sizeof *b->rows);
	row = &b->rows[b->n];
	*row = *like;
	if (race_row_spec(db, row, e) != 0 ||
	    race_board_row(db, from_ms, before_ms, f->par, row, e) != 0)
		return -1;
	/* people's decisions fill a window later in any race */
	if (row->fill == NULL)
		row->fill = row->kind == ROSTER_MANUAL ? "next" : f->fill;
	if (always || row->window_ms >= 0)
		b->n++;
	else
		race_row_release(row);
	return 0;
}

/* A version races from its first decision to that of the next one. */
static int race_add_versions(struct db *db, const struct race_frame *f, struct race_board *b,
			     struct race_standing *like, struct err *e)
{
	int64_t(*starts)[2] = NULL, before = f->q->before_ms < 0 ? INT64_MAX : f->q->before_ms;
	struct sql_stmt *s = db_get(db, sql_versions);
	size_t n = 0, known = b->n;
	int r;

	sql_int(s, ":agent", like->agent.id);
	sql_int(s, ":before", before);
	while ((r = sql_row(s, e)) == 1) {
		starts = mem_resize(starts, n + 1, sizeof *starts);
		starts[n][0] = sql_col_int(s, 0);
		starts[n++][1] = sql_col_int(s, 1);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t from = i > 0 ? starts[i][1] : -1;
		int64_t end = i + 1 < n ? starts[i + 1][1] : f->q->before_ms;

		like->agent.version = starts[i][0];
		from = from < f->q->from_ms ? f->q->from_ms : from;
		if (end < 0 || from < end)
			r = race_board_add(db, f, b, like, from, end, false, e);
	}
	free(starts);
	if (r == 0 && b->n == known && n == 0)
		r = race_board_add(db, f, b, like, f->q->from_ms, f->q->before_ms, true, e);
	return r;
}

/* As the agent was then; false if it did not take part yet. */
static bool race_agent_then(const struct race_frame *f, struct race_agent *a)
{
	if (!f->past)
		return true;
	for (size_t i = 0; i < f->then.n_agents; i++)
		if (f->then.agents[i].id == a->id) {
			*a = f->then.agents[i];
			return true;
		}
	return false;
}

static int race_add_agent(struct db *db, const struct race_frame *f, struct race_board *b,
			  const struct roster_agent *a, struct err *e)
{
	struct race_standing like = { .kind = a->spec.kind };

	like.agent = (struct race_agent){
		.id = a->id, .baseline = a->baseline, .status = a->status, .version = a->version
	};
	memcpy(like.agent.name, a->name, strlen(a->name));
	if (!race_agent_then(f, &like.agent))
		return 0;
	if (f->q->versions)
		return race_add_versions(db, f, b, &like, e);
	return race_board_add(db, f, b, &like, f->q->from_ms, f->q->before_ms, true, e);
}

/* ------------------------------------------------------------------ comparing */

static int race_compare(const void *a, const void *b)
{
	const struct race_standing *x = a, *y = b;
	struct metrics_value rx = x->m.total_return, ry = y->m.total_return;

	if (rx.defined != ry.defined)
		return rx.defined ? -1 : 1;
	/* by return: agents may have started with different cash */
	if (rx.defined && rx.v < ry.v)
		return 1;
	if (rx.defined && rx.v > ry.v)
		return -1;
	if (x->agent.version != y->agent.version && strcmp(x->agent.name, y->agent.name) == 0)
		return x->agent.version < y->agent.version ? -1 : 1;
	return strcmp(x->agent.name, y->agent.name);
}

static void race_board_rank(struct race_board *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct metrics_value v = b->rows[i].m.total_return, before = v;

		if (i > 0)
			before = b->rows[i - 1].m.total_return;
		b->rows[i].rank = i + 1;
		if (i > 0 && v.defined == before.defined && (!v.defined || v.v == before.v))
			b->rows[i].rank = b->rows[i - 1].rank;
	}
}

/* The buy-and-hold baseline, if it takes part. */
static size_t race_find_hold(const struct race_board *b, const struct roster_agents *agents)
{
	for (size_t i = 0; i < agents->n; i++) {
		const struct roster_agent *a = &agents->items[i];

		if (!a->baseline || a->spec.kind != ROSTER_RULE ||
		    strcmp(a->spec.strategy->name, "buy-and-hold") != 0)
			continue;
		for (size_t k = 0; k < b->n; k++)
			if (b->rows[k].agent.id == a->id)
				return k;
	}
	return RACE_BOARD_NONE;
}

/* The last value before a window, else what the row began with. */
static double race_value_before(const struct race_standing *s, int64_t window_ms)
{
	size_t low = 0, high = s->n_curve;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->windows[middle] < window_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return (double)(low > 0 ? s->curve[low - 1] : s->start.u);
}

/* Who joined later or left earlier is compared over the windows that both have. */
static struct metrics_value race_against(const struct race_standing *s,
					 const struct race_standing *hold)
{
	int64_t from = s->first_ms > hold->first_ms ? s->first_ms : hold->first_ms;
	int64_t last = s->window_ms < hold->window_ms ? s->window_ms : hold->window_ms;
	double s0 = race_value_before(s, from), h0 = race_value_before(hold, from);
	struct metrics_value none = { 0 };

	if (s->n_curve == 0 || hold->n_curve == 0 || last < from || s0 <= 0 || h0 <= 0)
		return none;
	return (struct metrics_value){ true, race_value_before(s, last + 1) / s0 -
						     race_value_before(hold, last + 1) / h0 };
}

static void race_board_compare(struct race_board *b, const struct roster_agents *agents)
{
	if (b->n > 0)
		qsort(b->rows, b->n, sizeof *b->rows, race_compare);
	race_board_rank(b);
	b->hold = race_find_hold(b, agents);
	for (size_t i = 0; i < b->n && b->hold != RACE_BOARD_NONE; i++)
		b->rows[i].vs_hold = race_against(&b->rows[i], &b->rows[b->hold]);
	if (b->judged)
		race_board_judge(b);
	race_board_replicate(b);
}

int race_board_query(struct db *db, const struct race_board_query *q, struct race_board *b,
		     struct err *e)
{
	struct race_frame f = { .q = q };
	int r = -1;

	*b = (struct race_board){ .hold = RACE_BOARD_NONE,
				  .judged = q->stats,
				  .plan = q->plan };
	if (db_read_begin(db, e) != 0)
		return -1;
	if (race_board_span(db, q, b, e) != 0 || race_board_prices(db, q, b, e) != 0 ||
	    race_frame_load(db, b, &f, e) != 0)
		goto out;
	r = 0;
	/* before the first window nobody took part */
	for (size_t i = 0; i < f.agents.n && r == 0 && (f.past || q->before_ms < 0); i++)
		r = race_add_agent(db, &f, b, &f.agents.items[i], e);
	if (r == 0)
		race_board_compare(b, &f.agents);
out:
	db_read_end(db);
	race_release(&f.then);
	roster_release_agents(&f.agents);
	if (r != 0)
		race_board_release(b);
	return r;
}

bool race_standing_mute(const struct race_standing *s)
{
	return s->turns > 0 && s->valid == 0;
}

void race_board_release(struct race_board *b)
{
	for (size_t i = 0; i < b->n; i++)
		race_row_release(&b->rows[i]);
	for (size_t i = 0; i < b->n_replicas; i++)
		free(b->replicas[i].rows);
	free(b->replicas);
	free(b->rows);
	race_board_forget_prices(b);
	*b = (struct race_board){ .hold = RACE_BOARD_NONE };
}
