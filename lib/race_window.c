#include "race.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "race_candles.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A window runs under its pin: the settings, assets and agent versions in force when it began,
 * as canonical JSON stored once per content. Steps and resumes read nothing else, so that an
 * operator who edits in the middle of a window changes the next one.
 */

#define RACE_PIN "tr.pin/1"

/* A year of windows: what a longer sleep missed before that is not written down one by one. */
#define RACE_MISSED_MAX 105120

/* What the plan of a window is, and what its stages store; part of every pin, so that another
 * plan is noticed. The version rises when a window that has begun would store something
 * else; windows of older plans are finished under theirs. */
static const char race_plan[] = "ingest settle pre decide trade post seal";

static void race_definition(int plan, char hex[DIGEST_HEX_SIZE])
{
	struct digest_state s;
	struct digest d;

	digest_init(&s);
	digest_field(&s, race_plan, strlen(race_plan));
	digest_int(&s, plan);
	digest_final(&s, &d);
	digest_hex(&d, hex);
}

/* The plan of that definition, 0 for none of ours. */
static int race_find_plan(const char *definition)
{
	char known[DIGEST_HEX_SIZE];

	for (int plan = RACE_PLAN; plan >= RACE_PLAN_FIRST && definition != NULL; plan--) {
		race_definition(plan, known);
		if (strcmp(definition, known) == 0)
			return plan;
	}
	return 0;
}

/* scan: all agents, whose snapshots are found by the key */
static const char sql_summary[] =
	"SELECT b.n_prices, b.n_assets, "
	"(SELECT count(*) FROM executions AS x WHERE x.exec_ms = b.window_ms), "
	"(SELECT count(*) FROM executions AS x WHERE x.exec_ms = b.window_ms AND x.status = "
	"'void'), "
	"(SELECT count(*) FROM trades AS t WHERE t.fill_ms = b.window_ms), "
	"(SELECT count(*) FROM agents AS a CROSS JOIN snapshots AS n ON n.agent_id = a.id WHERE "
	"n.window_ms = b.window_ms), "
	"EXISTS (SELECT 1 FROM seals AS s WHERE s.window_ms = b.window_ms) "
	"FROM batches AS b WHERE b.window_ms = :window";

/* ------------------------------------------------------------------ writing pins */

static void race_pin_assets(struct json_writer *w, const struct roster_assets *assets)
{
	json_write_array(w, "assets");
	for (size_t i = 0; i < assets->n; i++) {
		const struct roster_asset *a = &assets->items[i];

		json_write_object(w, NULL);
		json_write_string(w, "asset", a->symbol);
		json_write_bool(w, "enabled", a->enabled);
		json_write_array(w, "feeds");
		for (size_t k = 0; k < a->n_feeds; k++) {
			json_write_object(w, NULL);
			json_write_string(w, "feed", a->feeds[k].feed);
			json_write_string(w, "arg", a->feeds[k].arg);
			json_write_string(w, "quote", a->feeds[k].quote);
			json_write_close(w);
		}
		json_write_close(w);
		json_write_close(w);
	}
	json_write_close(w);
}

static void race_pin_agents(struct json_writer *w, const struct roster_agents *agents)
{
	json_write_array(w, "agents");
	for (size_t i = 0; i < agents->n; i++) {
		const struct roster_agent *a = &agents->items[i];
		char hex[DIGEST_HEX_SIZE];

		json_write_object(w, NULL);
		json_write_string(w, "agent", a->name);
		json_write_bool(w, "baseline", a->baseline);
		json_write_string(w, "status", roster_status_name(a->status));
		json_write_int(w, "version", a->version);
		digest_hex(&a->hash, hex);
		json_write_string(w, "sha256", hex);
		json_write_close(w);
	}
	json_write_close(w);
}

static void race_pin_overrides(struct json_writer *w, const struct config *c)
{
	json_write_array(w, "overridden");
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (c->v[i].overridden)
			json_write_string(w, NULL, config_defs[i].name);
	json_write_close(w);
}

static int race_pin_text(struct db *db, const struct config *c, struct buf *out, struct err *e)
{
	struct roster_assets assets = { 0 };
	struct roster_agents agents = { 0 };
	char definition[DIGEST_HEX_SIZE];
	struct json_writer w;
	int r = -1;

	if (roster_load_assets(db, &assets, e) != 0 || roster_load_agents(db, &agents, e) != 0)
		goto out;
	race_definition(RACE_PLAN, definition);
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", RACE_PIN);
	json_write_string(&w, "definition", definition);
	config_write(c, &w, "settings");
	race_pin_overrides(&w, c);
	race_pin_assets(&w, &assets);
	race_pin_agents(&w, &agents);
	json_write_close(&w);
	r = 0;
out:
	roster_release_agents(&agents);
	roster_release_assets(&assets);
	return r;
}

/* ------------------------------------------------------------------ reading pins */

static int race_pin_bad(const struct race_window *w, const char *what, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];

	return err_set(e, ERR_INTERNAL, "%s: its pin is damaged: %s",
		       tstamp_window_id(w->window_ms, id), what);
}

static int race_read_feeds(struct race_window *w, struct race_asset *a,
			   const struct json *feeds, struct err *e)
{
	a->feeds = mem_array(json_count(feeds), sizeof *a->feeds);
	for (const struct json *v = json_first(feeds); v != NULL; v = json_next(v)) {
		struct roster_feed *f = &a->feeds[a->n_feeds++];

		f->feed = mem_strdup(json_text(json_get(v, "feed")));
		f->arg = mem_strdup(json_text(json_get(v, "arg")));
		f->quote = mem_strdup(json_text(json_get(v, "quote")));
		if (f->feed == NULL || f->arg == NULL || f->quote == NULL)
			return race_pin_bad(w, "feeds", e);
	}
	return 0;
}

static int race_read_assets(struct db *db, struct race_window *w, const struct json *list,
			    struct err *e)
{
	struct roster_assets known;
	int r = 0;

	if (roster_load_assets(db, &known, e) != 0)
		return -1;
	w->assets = mem_array(json_count(list), sizeof *w->assets);
	w->candles = mem_array(json_count(list), sizeof *w->candles);
	for (const struct json *v = json_first(list); v != NULL && r == 0; v = json_next(v)) {
		const char *symbol = json_text(json_get(v, "asset"));
		struct race_asset *a = &w->assets[w->n_assets++];

		for (size_t i = 0; symbol != NULL && i < known.n; i++)
			if (strcmp(known.items[i].symbol, symbol) == 0)
				a->id = known.items[i].id;
		if (a->id == 0) {
			r = race_pin_bad(w, "assets", e);
			break;
		}
		snprintf(a->symbol, sizeof a->symbol, "%s", symbol);
		a->enabled = json_true(json_get(v, "enabled"));
		r = race_read_feeds(w, a, json_get(v, "feeds"), e);
	}
	roster_release_assets(&known);
	return r;
}

static int race_read_agents(struct db *db, struct race_window *w, const struct json *list,
			    struct err *e)
{
	struct roster_agents known;
	int r = 0;

	if (roster_load_agents(db, &known, e) != 0)
		return -1;
	w->agents = mem_array(json_count(list), sizeof *w->agents);
	w->specs = mem_array(json_count(list), sizeof *w->specs);
	for (const struct json *v = json_first(list); v != NULL && r == 0; v = json_next(v)) {
		const char *name = json_text(json_get(v, "agent"));
		const char *status = json_text(json_get(v, "status"));
		const char *version = json_text(json_get(v, "version"));
		struct race_agent *a = &w->agents[w->n_agents++];

		for (size_t i = 0; name != NULL && i < known.n; i++)
			if (strcmp(known.items[i].name, name) == 0)
				a->id = known.items[i].id;
		if (a->id == 0 || status == NULL || version == NULL ||
		    decimal_parse(version, strlen(version), 0, &a->version, e) != 0) {
			r = race_pin_bad(w, "agents", e);
			break;
		}
		snprintf(a->name, sizeof a->name, "%s", name);
		a->baseline = json_true(json_get(v, "baseline"));
		a->status = strcmp(status, "active") == 0   ? ROSTER_ACTIVE
			    : strcmp(status, "paused") == 0 ? ROSTER_PAUSED
							    : ROSTER_RETIRED;
	}
	roster_release_agents(&known);
	return r;
}

static int race_read_pin(struct db *db, struct race_window *w, const char *text, bool write,
			 struct err *e)
{
	struct json *root = json_parse_max(text, strlen(text), (size_t)16 << 20, e);
	char id[TSTAMP_WINDOW_ID_MAX];
	int r = -1;

	if (root == NULL)
		return race_pin_bad(w, "no JSON", e);
	w->plan = race_find_plan(json_text(json_get(root, "definition")));
	if (write && w->plan == 0) {
		err_set(e, ERR_CONFIG,
			"%s: was begun by another version of the tools; finish it with that",
			tstamp_window_id(w->window_ms, id));
		goto out;
	}
	if (config_read(&w->config, json_get(root, "settings"), e) != 0 ||
	    race_read_assets(db, w, json_get(root, "assets"), e) != 0 ||
	    race_read_agents(db, w, json_get(root, "agents"), e) != 0)
		goto out;
	r = 0;
out:
	json_free(root);
	return r;
}

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
		r = race_read_pin(db, w, pin, write && !c.sealed, e);
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
	    race_pin_text(db, &c, &pin, e) != 0)
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
