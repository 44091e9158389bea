#include "route.h"

#include <stdio.h>
#include <stdlib.h>

#include "mem.h"

#include "banned.h"

static const char sql_latest[] =
	"SELECT window_ms FROM routes WHERE agent_id = :agent ORDER BY window_ms DESC LIMIT 1";
static const char sql_choices[] =
	"SELECT chosen, candidates, at_ms FROM routes WHERE agent_id = :agent "
	"AND window_ms = :window ORDER BY seq";
static const char sql_attempts[] =
	"SELECT s.provider || iif(s.model = '', '', '/' || s.model), s.attempt, s.at_ms, "
	"r.id IS NOT NULL, coalesce(r.lost, 0), coalesce(r.status, 0), "
	"coalesce(r.latency_ms, 0), coalesce(r.cost, s.reserved), r.class, r.error "
	"FROM call_starts AS s LEFT JOIN call_results AS r ON r.id = s.id "
	"WHERE s.window_ms = :window AND s.agent_id = :agent AND s.purpose = 'decide' "
	"ORDER BY s.id";
static const char sql_answer[] =
	"SELECT d.status, d.error, w.agent_id IS NOT NULL, "
	"w.provider || iif(w.model = '', '', '/' || w.model), w.substitute, w.returned, "
	"coalesce(w.input, -1), coalesce(w.output, -1), w.cost FROM decisions AS d "
	"LEFT JOIN answers AS w ON w.agent_id = d.agent_id AND w.window_ms = d.window_ms "
	"WHERE d.agent_id = :agent AND d.window_ms = :window";

int route_story_latest(struct db *db, int64_t agent_id, int64_t *window_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_latest);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*window_ms = r == 1 ? sql_col_int(s, 0) : -1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static char *route_copy(struct sql_stmt *s, int col)
{
	return mem_strdup(sql_col_text(s, col));
}

static struct sql_stmt *route_turn(struct db *db, const char *text, int64_t agent_id,
				   int64_t window_ms)
{
	struct sql_stmt *s = db_get(db, text);

	sql_int(s, ":agent", agent_id);
	sql_int(s, ":window", window_ms);
	return s;
}

static int route_read_choices(struct sql_stmt *s, struct route_story *t, struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1) {
		t->choices = mem_resize(t->choices, t->n_choices + 1, sizeof *t->choices);
		t->choices[t->n_choices++] = (struct route_choice){
			.chosen = route_copy(s, 0),
			.candidates = route_copy(s, 1),
			.at_ms = sql_col_int(s, 2),
		};
	}
	return r;
}

/* The last choice made before an attempt; the first if the clock was put back. */
static size_t route_choice_of(const struct route_story *t, int64_t at_ms)
{
	size_t i = t->n_choices;

	while (i > 1 && t->choices[i - 1].at_ms > at_ms)
		i--;
	return i > 0 ? i - 1 : 0;
}

static int route_read_attempts(struct sql_stmt *s, struct route_story *t, struct err *e)
{
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct route_attempt *a;

		t->attempts = mem_resize(t->attempts, t->n_attempts + 1, sizeof *t->attempts);
		a = &t->attempts[t->n_attempts++];
		*a = (struct route_attempt){
			.attempt = sql_col_int(s, 1),
			.at_ms = sql_col_int(s, 2),
			.over = sql_col_int(s, 3) != 0,
			.lost = sql_col_int(s, 4) != 0,
			.status = sql_col_int(s, 5),
			.latency_ms = sql_col_int(s, 6),
			.cost = sql_col_int(s, 7),
			.class = route_copy(s, 8),
			.error = route_copy(s, 9),
		};
		snprintf(a->candidate, sizeof a->candidate, "%s", sql_col_text(s, 0));
		a->choice = route_choice_of(t, a->at_ms);
	}
	return r;
}

static int route_read_answer(struct sql_stmt *s, struct route_story *t, struct err *e)
{
	int r = sql_row(s, e);

	if (r == 1) {
		t->decision = route_copy(s, 0);
		t->error = route_copy(s, 1);
		t->answered = sql_col_int(s, 2) != 0;
	}
	if (t->answered) {
		snprintf(t->candidate, sizeof t->candidate, "%s", sql_col_text(s, 3));
		t->substitute = sql_col_int(s, 4) != 0;
		t->returned = route_copy(s, 5);
		t->input = sql_col_int(s, 6);
		t->output = sql_col_int(s, 7);
		t->cost = sql_col_int(s, 8);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int route_story_load(struct db *db, int64_t agent_id, int64_t window_ms, struct route_story *t,
		     struct err *e)
{
	*t = (struct route_story){ .input = -1, .output = -1 };
	if (route_read_choices(route_turn(db, sql_choices, agent_id, window_ms), t, e) == 0 &&
	    route_read_attempts(route_turn(db, sql_attempts, agent_id, window_ms), t, e) == 0 &&
	    route_read_answer(route_turn(db, sql_answer, agent_id, window_ms), t, e) == 0)
		return 0;
	route_story_release(t);
	return -1;
}

void route_story_release(struct route_story *t)
{
	for (size_t i = 0; i < t->n_choices; i++) {
		free(t->choices[i].chosen);
		free(t->choices[i].candidates);
	}
	for (size_t i = 0; i < t->n_attempts; i++) {
		free(t->attempts[i].class);
		free(t->attempts[i].error);
	}
	free(t->choices);
	free(t->attempts);
	free(t->decision);
	free(t->error);
	free(t->returned);
	*t = (struct route_story){ 0 };
}
