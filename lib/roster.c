#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"

#include "banned.h"

/* scan: all assets are wanted */
static const char sql_assets[] = "SELECT id, symbol, name, enabled FROM assets ORDER BY symbol";
static const char sql_feeds[] =
	"SELECT feed, arg, quote FROM asset_feeds WHERE asset_id = :asset ORDER BY priority";
static const char sql_asset[] = "SELECT id FROM assets WHERE symbol = :symbol";
static const char sql_asset_add[] =
	"INSERT INTO assets (symbol, name, enabled, version, added_ms) "
	"VALUES (:symbol, :name, 1, 1, :at) RETURNING id";
static const char sql_asset_enable[] = "UPDATE assets SET enabled = :on, version = version + "
				       "(enabled <> :on) WHERE symbol = :symbol";
static const char sql_feeds_clear[] = "DELETE FROM asset_feeds WHERE asset_id = :asset";
static const char sql_feed_add[] =
	"INSERT INTO asset_feeds (asset_id, priority, feed, arg, quote) "
	"VALUES (:asset, :priority, :feed, :arg, :quote)";
static const char sql_source[] = "SELECT id FROM sources WHERE name = :name";
static const char sql_source_add[] = "INSERT INTO sources (name) VALUES (:name) RETURNING id";

/* scan: all agents are wanted */
static const char sql_agents[] =
	"SELECT a.id, a.name, a.baseline, a.status, v.version, v.spec, v.hash "
	"FROM agents AS a JOIN agent_versions AS v ON v.agent_id = a.id AND v.version = "
	"a.version "
	"ORDER BY a.name";
static const char sql_agent[] =
	"SELECT a.id, a.name, a.baseline, a.status, v.version, v.spec, v.hash "
	"FROM agents AS a JOIN agent_versions AS v ON v.agent_id = a.id "
	"WHERE a.name = :name AND v.version = iif(:version = 0, a.version, :version)";
static const char sql_agent_known[] = "SELECT 1 FROM agents WHERE name = :name";
/* scan: names for a suggestion */
static const char sql_agent_names[] = "SELECT name FROM agents ORDER BY name";
static const char sql_agent_add[] =
	"INSERT INTO agents (name, kind, baseline, status, version, added_ms) "
	"VALUES (:name, :kind, :baseline, 'active', 1, :at) RETURNING id";
static const char sql_agent_version[] = "UPDATE agents SET version = :version WHERE id = :id";
static const char sql_agent_status[] = "UPDATE agents SET status = :status WHERE id = :id";
static const char sql_version_add[] =
	"INSERT INTO agent_versions (agent_id, version, spec, hash, added_ms) "
	"VALUES (:agent, :version, :spec, :hash, :at)";
static const char sql_budget[] = "SELECT usd_day FROM agent_budgets WHERE agent_id = :agent";
static const char sql_budget_set[] =
	"INSERT INTO agent_budgets (agent_id, usd_day) VALUES (:agent, :usd) "
	"ON CONFLICT (agent_id) DO UPDATE SET usd_day = excluded.usd_day";
static const char sql_budget_unset[] = "DELETE FROM agent_budgets WHERE agent_id = :agent";
static const char sql_portfolio_add[] = "INSERT INTO portfolios (agent_id, start_cash, cash, "
					"seq) VALUES (:agent, :cash, :cash, 0)";

/* scan: a handful of rows in the life of a race */
static const char sql_halts[] =
	"SELECT name, reason FROM halts AS h WHERE action = 'halt' AND NOT EXISTS "
	"(SELECT 1 FROM halts AS l WHERE l.seq > h.seq AND l.name = h.name) ORDER BY seq";
/* scan: a handful of rows in the life of a race */
static const char sql_halt_last[] =
	"SELECT action, reason FROM halts WHERE name = :name ORDER BY seq DESC LIMIT 1";
static const char sql_halt_add[] =
	"INSERT INTO halts (name, action, reason, at_ms) VALUES (:name, :action, :reason, :at)";

static const char *const roster_kinds[] = { "rule", "exec", "llm", "ml", "manual" };
static const char *const roster_statuses[] = { "active", "paused", "retired" };

const char *roster_kind_name(enum roster_kind k)
{
	return roster_kinds[k];
}

const char *roster_status_name(enum roster_status s)
{
	return roster_statuses[s];
}

/* ------------------------------------------------------------------ assets */

static int roster_load_feeds(struct db *db, struct roster_asset *a, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_feeds);
	int r;

	sql_int(s, ":asset", a->id);
	while ((r = sql_row(s, e)) == 1) {
		struct roster_feed *f;

		a->feeds = mem_resize(a->feeds, a->n_feeds + 1, sizeof *a->feeds);
		f = &a->feeds[a->n_feeds++];
		f->feed = mem_strdup(sql_col_text(s, 0));
		f->arg = mem_strdup(sql_col_text(s, 1));
		f->quote = mem_strdup(sql_col_text(s, 2));
	}
	return r;
}

int roster_load_assets(struct db *db, struct roster_assets *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_assets);
	int r;

	*out = (struct roster_assets){ 0 };
	while ((r = sql_row(s, e)) == 1) {
		struct roster_asset *a;

		out->items = mem_resize(out->items, out->n + 1, sizeof *out->items);
		a = &out->items[out->n++];
		*a = (struct roster_asset){ 0 };
		a->id = sql_col_int(s, 0);
		a->symbol = mem_strdup(sql_col_text(s, 1));
		a->name = mem_strdup(sql_col_text(s, 2));
		a->enabled = sql_col_int(s, 3) != 0;
		if (roster_load_feeds(db, a, e) != 0) {
			sql_reset(s);
			r = -1;
			break;
		}
	}
	if (r != 0)
		roster_release_assets(out);
	return r;
}

static void roster_release_asset(struct roster_asset *a)
{
	for (size_t i = 0; i < a->n_feeds; i++) {
		free(a->feeds[i].feed);
		free(a->feeds[i].arg);
		free(a->feeds[i].quote);
	}
	free(a->feeds);
	free(a->symbol);
	free(a->name);
}

void roster_release_assets(struct roster_assets *a)
{
	for (size_t i = 0; i < a->n; i++)
		roster_release_asset(&a->items[i]);
	free(a->items);
	*a = (struct roster_assets){ 0 };
}

static bool roster_same_feeds(const struct roster_asset *a, const struct roster_feed *f,
			      size_t n)
{
	if (a->n_feeds != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->feeds[i].feed, f[i].feed) != 0 ||
		    strcmp(a->feeds[i].arg, f[i].arg) != 0 ||
		    strcmp(a->feeds[i].quote, f[i].quote) != 0)
			return false;
	return true;
}

int roster_set_feeds(struct db *db, int64_t asset_id, const struct roster_feed *feeds, size_t n,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_feeds_clear);

	sql_int(s, ":asset", asset_id);
	if (sql_exec(s, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		s = db_get(db, sql_feed_add);
		sql_int(s, ":asset", asset_id);
		sql_int(s, ":priority", (int64_t)i);
		sql_text(s, ":feed", feeds[i].feed);
		sql_text(s, ":arg", feeds[i].arg);
		sql_text(s, ":quote", feeds[i].quote);
		if (sql_exec(s, e) != 0)
			return -1;
	}
	return 0;
}

int roster_find_asset(struct db *db, const char *symbol, int64_t *id, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_asset);
	int r;

	sql_text(s, ":symbol", symbol);
	r = sql_row(s, e);
	*id = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* Whether the asset is there just as ${a} says. */
static int roster_same_asset(struct db *db, const struct roster_asset *a, bool *same,
			     struct err *e)
{
	struct roster_assets all;

	if (roster_load_assets(db, &all, e) != 0)
		return -1;
	*same = false;
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.items[i].symbol, a->symbol) == 0)
			*same = strcmp(all.items[i].name, a->name) == 0 &&
				roster_same_feeds(&all.items[i], a->feeds, a->n_feeds);
	roster_release_assets(&all);
	return 0;
}

int roster_add_asset(struct db *db, const struct roster_asset *a, int64_t at_ms, int64_t *id,
		     struct err *e)
{
	struct sql_stmt *s;
	bool same;

	if (roster_find_asset(db, a->symbol, id, e) != 0)
		return -1;
	if (*id != 0) {
		if (roster_same_asset(db, a, &same, e) != 0)
			return -1;
		return same ? 0
			    : err_set(e, ERR_DATA,
				      "asset %s: exists with another name or other feeds; use "
				      "tr-asset set",
				      a->symbol);
	}
	s = db_get(db, sql_asset_add);
	sql_text(s, ":symbol", a->symbol);
	sql_text(s, ":name", a->name);
	sql_int(s, ":at", at_ms);
	if (sql_row(s, e) != 1)
		return -1;
	*id = sql_col_int(s, 0);
	sql_reset(s);
	return roster_set_feeds(db, *id, a->feeds, a->n_feeds, e);
}

int roster_enable_asset(struct db *db, const char *symbol, bool enabled, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_asset_enable);

	sql_int(s, ":on", enabled);
	sql_text(s, ":symbol", symbol);
	if (sql_exec(s, e) != 0)
		return -1;
	if (sql_changes(db_sql(db)) != 1)
		return err_set(e, ERR_NOTFOUND, "asset %.40s: no such asset", symbol);
	return 0;
}

int roster_find_source(struct db *db, const char *name, int64_t *id, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_source);
	int r;

	sql_text(s, ":name", name);
	r = sql_row(s, e);
	*id = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int roster_source(struct db *db, const char *name, int64_t *id, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_source);
	int r;

	sql_text(s, ":name", name);
	r = sql_row(s, e);
	if (r == 0) {
		s = db_get(db, sql_source_add);
		sql_text(s, ":name", name);
		r = sql_row(s, e);
	}
	if (r == 1)
		*id = sql_col_int(s, 0);
	sql_reset(s);
	return r == 1 ? 0 : -1;
}

/* ------------------------------------------------------------------ agents */

static int roster_index(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int roster_read_agent(struct sql_stmt *s, struct roster_agent *a, struct err *e)
{
	size_t n;
	const void *hash;
	int status = roster_index(roster_statuses, 3, sql_col_text(s, 3));

	*a = (struct roster_agent){ 0 };
	a->id = sql_col_int(s, 0);
	a->name = mem_strdup(sql_col_text(s, 1));
	a->baseline = sql_col_int(s, 2) != 0;
	a->status = (enum roster_status)status;
	a->version = sql_col_int(s, 4);
	hash = sql_col_blob(s, 6, &n);
	if (n == DIGEST_SIZE)
		memcpy(a->hash.bytes, hash, n);
	if (roster_spec_parse(&a->spec, sql_col_text(s, 5), e) != 0) {
		/* a row that no tool of ours wrote */
		e->status = ERR_INTERNAL;
		return err_prefix(e, "agent %s, version %lld", a->name, (long long)a->version);
	}
	return 0;
}

int roster_load_agents(struct db *db, struct roster_agents *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_agents);
	int r;

	*out = (struct roster_agents){ 0 };
	while ((r = sql_row(s, e)) == 1) {
		out->items = mem_resize(out->items, out->n + 1, sizeof *out->items);
		if (roster_read_agent(s, &out->items[out->n++], e) != 0) {
			sql_reset(s);
			r = -1;
			break;
		}
	}
	if (r != 0)
		roster_release_agents(out);
	return r;
}

void roster_release_agent(struct roster_agent *a)
{
	free(a->name);
	roster_spec_release(&a->spec);
	*a = (struct roster_agent){ 0 };
}

void roster_release_agents(struct roster_agents *a)
{
	for (size_t i = 0; i < a->n; i++)
		roster_release_agent(&a->items[i]);
	free(a->items);
	*a = (struct roster_agents){ 0 };
}

int roster_has_agent(struct db *db, const char *name, bool *known, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_agent_known);
	int r;

	sql_text(s, ":name", name);
	r = sql_row(s, e);
	*known = r == 1;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int roster_no_agent(struct db *db, const char *name, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_agent_names);
	const char **names = NULL;
	const char *near;
	size_t n = 0;
	int r;

	while ((r = sql_row(s, e)) == 1) {
		names = mem_resize(names, n + 1, sizeof *names);
		names[n++] = mem_strdup(sql_col_text(s, 0));
	}
	names = mem_resize(names, n + 1, sizeof *names);
	names[n] = NULL;
	near = r == 0 ? ident_nearest(name, names) : NULL;
	if (near != NULL)
		err_set(e, ERR_NOTFOUND, "agent %.64s: no such agent; did you mean %s?", name,
			near);
	else
		err_set(e, ERR_NOTFOUND, "agent %.64s: no such agent", name);
	for (size_t i = 0; i < n; i++)
		free((char *)names[i]);
	free(names);
	return -1;
}

int roster_load_agent(struct db *db, const char *name, int64_t version,
		      struct roster_agent *out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_agent);
	int r;

	*out = (struct roster_agent){ 0 };
	sql_text(s, ":name", name);
	sql_int(s, ":version", version);
	r = sql_row(s, e);
	if (r == 0)
		return roster_no_agent(db, name, e);
	if (r == 1) {
		r = roster_read_agent(s, out, e);
		sql_reset(s);
		if (r != 0)
			roster_release_agent(out);
	}
	return r;
}

static int roster_add_version(struct db *db, int64_t agent, int64_t version,
			      const struct roster_spec *spec, int64_t at_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_version_add);
	char *text = roster_spec_text(spec);
	struct digest hash;
	int r;

	digest_of(text, strlen(text), &hash);
	sql_int(s, ":agent", agent);
	sql_int(s, ":version", version);
	sql_text(s, ":spec", text);
	sql_blob(s, ":hash", hash.bytes, sizeof hash.bytes);
	sql_int(s, ":at", at_ms);
	r = sql_exec(s, e);
	free(text);
	return r;
}

static bool roster_same_spec(const struct roster_agent *a, const struct roster_spec *spec)
{
	char *text = roster_spec_text(spec);
	struct digest hash;

	digest_of(text, strlen(text), &hash);
	free(text);
	return memcmp(hash.bytes, a->hash.bytes, sizeof hash.bytes) == 0;
}

int roster_add_agent(struct db *db, const char *name, bool baseline,
		     const struct roster_spec *spec, int64_t start_cash, int64_t at_ms,
		     struct err *e)
{
	struct roster_agent old;
	struct err none = { 0 };
	struct sql_stmt *s;
	int64_t id;

	if (ident_check_agent(name, e) != 0)
		return -1;
	if (roster_load_agent(db, name, 0, &old, &none) == 0) {
		bool same = roster_same_spec(&old, spec) && old.baseline == baseline;

		roster_release_agent(&old);
		return same ? 0
			    : err_set(e, ERR_DATA,
				      "agent %s: exists and is made differently; use tr-agent "
				      "set",
				      name);
	}
	if (none.status != ERR_NOTFOUND) {
		*e = none;
		return -1;
	}
	s = db_get(db, sql_agent_add);
	sql_text(s, ":name", name);
	sql_text(s, ":kind", roster_kinds[spec->kind]);
	sql_int(s, ":baseline", baseline);
	sql_int(s, ":at", at_ms);
	if (sql_row(s, e) != 1)
		return -1;
	id = sql_col_int(s, 0);
	sql_reset(s);
	if (roster_add_version(db, id, 1, spec, at_ms, e) != 0)
		return -1;
	s = db_get(db, sql_portfolio_add);
	sql_int(s, ":agent", id);
	sql_int(s, ":cash", start_cash);
	return sql_exec(s, e);
}

int roster_set_spec(struct db *db, const char *name, const struct roster_spec *spec,
		    int64_t at_ms, int64_t *version, struct err *e)
{
	struct roster_agent old;
	struct sql_stmt *s;
	int r = -1;

	if (roster_load_agent(db, name, 0, &old, e) != 0)
		return -1;
	*version = old.version;
	if (old.status == ROSTER_RETIRED) {
		err_set(e, ERR_DATA, "agent %s: is retired", name);
		goto out;
	}
	if (roster_same_spec(&old, spec)) {
		r = 0;
		goto out;
	}
	*version = old.version + 1;
	if (roster_add_version(db, old.id, *version, spec, at_ms, e) != 0)
		goto out;
	s = db_get(db, sql_agent_version);
	sql_int(s, ":version", *version);
	sql_int(s, ":id", old.id);
	r = sql_exec(s, e);
out:
	roster_release_agent(&old);
	return r;
}

int roster_set_status(struct db *db, const char *name, enum roster_status status, struct err *e)
{
	struct roster_agent old;
	struct sql_stmt *s;
	int r = 0;

	if (roster_load_agent(db, name, 0, &old, e) != 0)
		return -1;
	if (old.status == ROSTER_RETIRED && status != ROSTER_RETIRED) {
		r = err_set(e, ERR_DATA, "agent %s: is retired, which is for good", name);
	} else if (old.status != status) {
		s = db_get(db, sql_agent_status);
		sql_text(s, ":status", roster_statuses[status]);
		sql_int(s, ":id", old.id);
		r = sql_exec(s, e);
	}
	roster_release_agent(&old);
	return r;
}

int roster_budget(struct db *db, int64_t agent_id, int64_t *usd_day_e8, bool *found,
		  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_budget);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*found = r == 1;
	*usd_day_e8 = r == 1 ? sql_col_int(s, 0) : 0;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int roster_set_budget(struct db *db, int64_t agent_id, int64_t usd_day_e8, struct err *e)
{
	struct sql_stmt *s = db_get(db, usd_day_e8 < 0 ? sql_budget_unset : sql_budget_set);

	sql_int(s, ":agent", agent_id);
	if (usd_day_e8 >= 0)
		sql_int(s, ":usd", usd_day_e8);
	return sql_exec(s, e);
}

/* ------------------------------------------------------------------ halts */

int roster_halted(struct db *db, bool *halted, char **name, char **reason, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_halts);
	int r = sql_row(s, e);

	*halted = r == 1;
	if (r == 1) {
		if (name != NULL)
			*name = mem_strdup(sql_col_text(s, 0));
		if (reason != NULL)
			*reason = mem_strdup(sql_col_text(s, 1));
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int roster_halt(struct db *db, const char *name, bool halt, const char *reason, int64_t at_ms,
		bool *changed, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_halt_last);
	bool in_force;
	int r;

	*changed = false;
	sql_text(s, ":name", name);
	r = sql_row(s, e);
	if (r < 0)
		return -1;
	in_force = r == 1 && strcmp(sql_col_text(s, 0), "halt") == 0;
	sql_reset(s);
	if (in_force == halt)
		return 0;
	s = db_get(db, sql_halt_add);
	sql_text(s, ":name", name);
	sql_text(s, ":action", halt ? "halt" : "release");
	sql_text(s, ":reason", reason);
	sql_int(s, ":at", at_ms);
	*changed = true;
	return sql_exec(s, e);
}
