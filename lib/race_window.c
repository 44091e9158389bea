#include "race.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "race_candles.h"
#include "race_pin.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A window runs under its pin: the settings, assets and agent versions in force when it began,
 * as canonical JSON stored once per content. Steps and resumes read nothing else, so that an
 * operator who edits in the middle of a window changes the next one.
 */

/* A year of windows: what a longer sleep missed before that is not written down one by one. */
#define RACE_MISSED_MAX 105120

/* scan: all agents, whose snapshots are found by the key */
static const char sql_summary[] =
	"SELECT b.n_prices, b.n_assets, "
	"(SELECT count(*) FROM executions AS x WHERE x.exec_ms = b.window_ms), "
	"(SELECT count(*) FROM executions AS x WHERE x.exec_ms = b.window_ms AND x.status = "
	"'void'), "
	"(SELECT count(*) FROM trades AS t WHERE t.fill_ms = b.window_ms), "
	"(SELECT count(*) FROM agents AS a CROSS JOIN snapshots AS n ON n.agent_id = a.id "
	"WHERE n.window_ms = b.window_ms), "
	"EXISTS (SELECT 1 FROM seals AS s WHERE s.window_ms = b.window_ms) "
	"FROM batches AS b WHERE b.window_ms = :window";

/* ------------------------------------------------------------------ opening */

static int race_load_window(struct db *db, int64_t window_ms, bool write, struct race_window *w,
			    struct err *e)
{
	struct journal_cycle c;
	char id[TSTAMP_WINDOW_ID_MAX], *pin = NULL;
	bool found;
	int r;

	*w = (struct race_window){ .window_ms = window_ms };
	if (journal_load(db, window_ms, &c, &found, e) != 0)
		return -1;
	if (!found)
		return err_set(e, ERR_NOTFOUND,
			       "%s: has not begun; tr-ingest or tr-cycle begin it",
			       tstamp_window_id(window_ms, id));
	w->previous_ms = c.previous_ms;
	w->decision = c.decision;
	w->live = c.live;
	w->sealed = c.sealed;
	w->pin_hash = c.pin_hash;
	config_init(&w->config);
	r = write ? journal_same(db, window_ms, &w->pin_hash, e) : 0;
	if (r == 0)
		r = journal_pin(db, &w->pin_hash, &pin, e);
	if (r == 0)
		r = race_pin_read(db, w, pin, write && !c.sealed, e);
	free(pin);
	if (r != 0)
		race_release(w);
	return r;
}

int race_open(struct db *db, int64_t window_ms, struct race_window *w, struct err *e)
{
	return race_load_window(db, window_ms, true, w, e);
}

int race_open_read(struct db *db, int64_t window_ms, struct race_window *w, struct err *e)
{
	return race_load_window(db, window_ms, false, w, e);
}

bool race_over(const struct race_window *w, int64_t now_ms)
{
	return w->live && now_ms >= w->window_ms + TSTAMP_WINDOW_MS;
}

const struct race_agent *race_find_agent(const struct race_window *w, const char *name,
					 struct err *e)
{
	for (size_t i = 0; i < w->n_agents; i++)
		if (strcmp(w->agents[i].name, name) == 0)
			return &w->agents[i];
	err_set(e, ERR_NOTFOUND, "agent %.64s: is not part of this window", name);
	return NULL;
}

int race_spec(struct db *db, const struct race_window *w, const struct race_agent *a,
	      const struct roster_agent **spec, struct err *e)
{
	struct roster_agent *s = &w->specs[a - w->agents];

	*spec = s;
	return s->name != NULL ? 0 : roster_load_agent(db, a->name, a->version, s, e);
}

void race_release(struct race_window *w)
{
	for (size_t i = 0; i < w->n_assets; i++) {
		for (size_t k = 0; k < w->assets[i].n_feeds; k++) {
			free(w->assets[i].feeds[k].feed);
			free(w->assets[i].feeds[k].arg);
			free(w->assets[i].feeds[k].quote);
		}
		free(w->assets[i].feeds);
		race_candles_release(&w->candles[i]);
	}
	free(w->candles);
	free(w->assets);
	for (size_t i = 0; w->specs != NULL && i < w->n_agents; i++)
		roster_release_agent(&w->specs[i]);
	free(w->specs);
	free(w->agents);
	config_release(&w->config);
	*w = (struct race_window){ 0 };
}

/* ------------------------------------------------------------------ beginning */

/* Programs whose bytes changed since their version was made get a new one. The hashing is done
 * before the transaction that stores it. */
static int race_new_versions(struct db *db, const struct roster_agents *agents,
			     const bool *changed, int64_t at_ms, struct err *e)
{
	for (size_t i = 0; i < agents->n; i++) {
		struct roster_agent now;
		int64_t version;
		bool same;

		if (!changed[i])
			continue;
		/* who was edited while we hashed keeps the edit; the next window looks again */
		if (roster_load_agent(db, agents->items[i].name, 0, &now, e) != 0)
			return -1;
		same = now.version == agents->items[i].version && now.status != ROSTER_RETIRED;
		roster_release_agent(&now);
		if (same && roster_set_spec(db, agents->items[i].name, &agents->items[i].spec,
					    at_ms, &version, e) != 0)
			return -1;
	}
	return 0;
}

static int race_may_begin(struct db *db, int64_t window_ms, bool live, int64_t *previous_ms,
			  bool *begun, struct err *e)
{
	char a[TSTAMP_WINDOW_ID_MAX], b[TSTAMP_WINDOW_ID_MAX];
	struct journal_cycle c;
	char *missed = NULL;
	bool was_live;

	if (journal_load(db, window_ms, &c, begun, e) != 0)
		return -1;
	if (*begun)
		return 0;
	if (journal_missed(db, window_ms, &missed, e) != 0 ||
	    journal_latest(db, previous_ms, &was_live, e) != 0)
		return -1;
	if (missed != NULL) {
		err_set(e, ERR_DATA, "%s: was passed over (%s) and is not run any more",
			tstamp_window_id(window_ms, a), missed);
		free(missed);
		return -1;
	}
	if (*previous_ms > window_ms)
		return err_set(
			e, live ? ERR_TEMP : ERR_DATA,
			"%s: lies before %s, which has begun; decisions are never back-dated",
			tstamp_window_id(window_ms, a), tstamp_window_id(*previous_ms, b));
	return 0;
}

/* Whatever is behind the window that begins is over: what has a batch is sealed as it is, what
 * has none has failed. */
static int race_end_earlier(struct db *db, int64_t window_ms, int64_t previous_ms,
			    int64_t at_ms, struct err *e)
{
	int64_t *windows = NULL;
	size_t n = 0;
	bool batch;
	int r = journal_unsealed(db, window_ms, &windows, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = race_seal_inside(db, windows[i], at_ms, e);
	free(windows);
	if (r != 0 || previous_ms < 0)
		return r;
	if (market_batch_exists(db, previous_ms, &batch, e) != 0)
		return -1;
	return batch ? 0 : journal_finish(db, previous_ms, "failed", at_ms, e);
}

/* The clock went on without us: the windows in between are missed, and stay so. */
static int race_note_missed(struct db *db, int64_t window_ms, int64_t at_ms, struct err *e)
{
	int64_t latest_ms;
	bool live;

	if (journal_latest(db, &latest_ms, &live, e) != 0)
		return -1;
	if (latest_ms < 0 || !live)
		return 0;
	if (latest_ms < window_ms - RACE_MISSED_MAX * TSTAMP_WINDOW_MS)
		latest_ms = window_ms - RACE_MISSED_MAX * TSTAMP_WINDOW_MS;
	for (int64_t w = latest_ms + TSTAMP_WINDOW_MS; w < window_ms; w += TSTAMP_WINDOW_MS)
		if (journal_miss(db, w, "missed", at_ms, e) != 0)
			return -1;
	return 0;
}

static int race_begin_locked(struct db *db, int64_t window_ms, bool live, int64_t now_ms,
			     const struct roster_agents *agents, const bool *changed,
			     struct err *e)
{
	struct buf pin = BUF_INIT;
	struct config c;
	int64_t previous_ms = -1, every_ms;
	bool begun = false;
	int r = -1;

	config_init(&c);
	if (race_may_begin(db, window_ms, live, &previous_ms, &begun, e) != 0)
		goto out;
	if (begun) {
		r = 0;
		goto out;
	}
	if ((live && race_note_missed(db, window_ms, now_ms, e) != 0) ||
	    race_end_earlier(db, window_ms, previous_ms, now_ms, e) != 0 ||
	    race_new_versions(db, agents, changed, now_ms, e) != 0 ||
	    config_load(db, &c, e) != 0 || config_environment(&c, e) != 0 ||
	    race_pin_write(db, &c, &pin, e) != 0)
		goto out;
	every_ms = config_num(&c, CONFIG_DECIDE_EVERY_MIN) * 60000;
	r = journal_begin(db, window_ms, previous_ms, buf_str(&pin), window_ms % every_ms == 0,
			  live, now_ms, e);
out:
	config_release(&c);
	buf_release(&pin);
	return r;
}

int race_begin(struct db *db, int64_t window_ms, bool live, int64_t now_ms, struct err *e)
{
	struct roster_agents agents = { 0 };
	bool *changed = NULL, begun = false;
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t previous_ms;
	int r = -1;

	assert(window_ms == tstamp_window(window_ms));
	if (race_may_begin(db, window_ms, live, &previous_ms, &begun, e) != 0)
		return -1;
	if (begun)
		return 0;
	if (window_ms > now_ms)
		return err_set(e, ERR_DATA, "%s: has not started yet",
			       tstamp_window_id(window_ms, id));
	if (roster_load_agents(db, &agents, e) != 0)
		return -1;
	changed = mem_array(agents.n, sizeof *changed);
	for (size_t i = 0; i < agents.n; i++)
		if (agents.items[i].spec.kind == ROSTER_EXEC &&
		    agents.items[i].status != ROSTER_RETIRED)
			roster_spec_rehash(&agents.items[i].spec, &changed[i]);
	if (db_begin(db, e) != 0)
		goto out;
	r = race_begin_locked(db, window_ms, live, now_ms, &agents, changed, e);
	r = db_end(db, r, e);
out:
	free(changed);
	roster_release_agents(&agents);
	return r;
}

int race_next(struct db *db, struct race_window *w, int64_t window_ms, struct err *e)
{
	int64_t every_ms = config_num(&w->config, CONFIG_DECIDE_EVERY_MIN) * 60000;
	int64_t previous_ms;
	bool begun;
	int r;

	assert(w->sealed && !w->live && window_ms == tstamp_window(window_ms));
	if (db_begin(db, e) != 0)
		return -1;
	r = race_may_begin(db, window_ms, false, &previous_ms, &begun, e);
	if (r == 0 && (begun || previous_ms != w->window_ms))
		r = err_set(e, ERR_INTERNAL, "window: is not the next one");
	if (r == 0)
		r = journal_begin_again(db, window_ms, previous_ms, &w->pin_hash,
					window_ms % every_ms == 0, false, window_ms, e);
	if (db_end(db, r, e) != 0)
		return -1;
	w->previous_ms = previous_ms;
	w->window_ms = window_ms;
	w->decision = window_ms % every_ms == 0;
	w->sealed = false;
	return 0;
}

int race_check_open(struct db *db, const struct race_window *w, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX], later[TSTAMP_WINDOW_ID_MAX];
	struct journal_cycle c;
	int64_t latest_ms;
	bool found, live;

	if (journal_load(db, w->window_ms, &c, &found, e) != 0 ||
	    journal_latest(db, &latest_ms, &live, e) != 0)
		return -1;
	if (c.sealed)
		return err_set(e, ERR_DATA, "%s: is sealed, nothing can be added to it",
			       tstamp_window_id(w->window_ms, id));
	if (latest_ms > w->window_ms)
		return err_set(e, ERR_DATA, "%s: is over, since %s has begun",
			       tstamp_window_id(w->window_ms, id),
			       tstamp_window_id(latest_ms, later));
	return 0;
}

/* ------------------------------------------------------------------ naming */

int race_find_window(struct db *db, const char *text, int64_t *window_ms, struct err *e)
{
	int64_t latest, back = 0;
	bool live;

	if (strcmp(text, "latest") != 0 && text[0] != '-') {
		if (tstamp_parse(text, window_ms, e) != 0)
			return err_prefix(e, "window");
		*window_ms = tstamp_window(*window_ms);
		return 0;
	}
	if (text[0] == '-' &&
	    (decimal_parse(text + 1, strlen(text + 1), 0, &back, e) != 0 || back > 1000000))
		return err_set(e, ERR_DATA, "window: \"%.40s\" is not -N", text);
	if (journal_latest(db, &latest, &live, e) != 0)
		return -1;
	if (latest < 0)
		return err_set(e, ERR_NOTFOUND, "window: the race has not begun");
	*window_ms = latest - back * TSTAMP_WINDOW_MS;
	return 0;
}

int race_manual_window(struct db *db, int64_t now_ms, bool now_given, int64_t *window_ms,
		       struct err *e)
{
	int64_t latest, clock = tstamp_window(now_ms);
	bool ignored, live;

	if (journal_latest(db, &latest, &ignored, e) != 0 || journal_is_live(db, &live, e) != 0)
		return -1;
	if (latest < 0)
		return err_set(e, ERR_NOTFOUND, "window: the race has not begun");
	/* a race driven by --now or --window has no clock but its windows */
	*window_ms = (live || now_given) && clock > latest ? clock : latest;
	return 0;
}

int race_summarise(struct db *db, int64_t window_ms, struct race_summary *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_summary);
	int r;

	*out = (struct race_summary){ 0 };
	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	if (r == 1)
		*out = (struct race_summary){ sql_col_int(s, 0),     sql_col_int(s, 1),
					      sql_col_int(s, 2),     sql_col_int(s, 3),
					      sql_col_int(s, 4),     sql_col_int(s, 5),
					      sql_col_int(s, 6) != 0 };
	sql_reset(s);
	return r < 0 ? -1 : 0;
}
