#include "race_pin.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "digest.h"
#include "json.h"
#include "mem.h"
#include "race_candles.h"
#include "roster.h"
#include "tstamp.h"

#include "banned.h"

#define RACE_PIN "tr.pin/1"

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

int race_pin_write(struct db *db, const struct config *c, struct buf *out, struct err *e)
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

	return err_set(e, ERR_CONFIG, "%s: its pin is damaged: %s",
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

int race_pin_read(struct db *db, struct race_window *w, const char *text, bool write,
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
