#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "ident.h"
#include "mem.h"

#include "banned.h"

extern char **environ;

#define PCT_MAX 1000000 /* 100 % at scale 4 */

/* clang-format off */
const struct config_def config_defs[] = {
	{ "alert.command", CONFIG_TEXT, 0, "", 0, 1024, NULL, "",
	  "program and arguments that tr-check --alert tells of problems; empty: none" },
	{ "alert.heartbeat_url", CONFIG_TEXT, 0, "", 0, 1024, NULL, "",
	  "URL that is fetched after every window that went well; empty: none" },
	{ "budget.agent_usd_day", CONFIG_DECIMAL, 8, "1", 0, INT64_C(100000000000000), NULL, "USD",
	  "what the calls of an agent may cost on a UTC day, unless it has a budget of its own" },
	{ "budget.race_usd_day", CONFIG_DECIMAL, 8, "5", 0, INT64_C(100000000000000), NULL, "USD",
	  "what the calls of all agents together may cost on a UTC day" },
	{ "context.candles", CONFIG_INT, 0, "100", 2, 1000, NULL, "candles",
	  "how many candles per asset an agent is shown" },
	{ "data.break_s", CONFIG_INT, 0, "30", 1, 86400, NULL, "seconds",
	  "first pause after a market data service failed too often" },
	{ "data.failures", CONFIG_INT, 0, "5", 1, 1000, NULL, "failures",
	  "in a row that make a pause for a market data service" },
	{ "data.retries", CONFIG_INT, 0, "3", 0, 10, NULL, "retries",
	  "of one call of a market data service" },
	{ "data.timeout_s", CONFIG_INT, 0, "10", 1, 120, NULL, "seconds",
	  "for one attempt at a market data service" },
	{ "decide.deadline_s", CONFIG_INT, 0, "240", 1, 290, NULL, "seconds",
	  "after the start of deciding, answers are late" },
	{ "decide.every_min", CONFIG_INT, 0, "15", 5, 1440, NULL, "minutes",
	  "agents decide in windows that start at a multiple of this, counted from midnight UTC" },
	{ "decide.parallel", CONFIG_INT, 0, "10", 1, 256, NULL, "agents",
	  "how many agents are asked at the same time" },
	{ "exec.file_mb", CONFIG_INT, 0, "64", 1, 1048576, NULL, "MiB",
	  "largest file that an exec agent may write" },
	{ "exec.files", CONFIG_INT, 0, "256", 16, 65536, NULL, "files",
	  "open files of an exec agent" },
	{ "exec.memory_mb", CONFIG_INT, 0, "2048", 16, 1048576, NULL, "MiB",
	  "address space of an exec agent" },
	{ "exec.output_kb", CONFIG_INT, 0, "64", 1, 1024, NULL, "KiB",
	  "longest answer of an exec agent" },
	{ "exec.processes", CONFIG_INT, 0, "0", 0, 1000000, NULL, "processes",
	  "processes of the user while an exec agent runs; 0 sets no limit" },
	{ "exec.timeout_s", CONFIG_INT, 0, "30", 1, 290, NULL, "seconds",
	  "time for one answer of an exec agent" },
	{ "feature.breakers", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "stop asking services that fail, and try them again later" },
	{ "feature.context_store", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "keep the text of what agents were shown" },
	{ "feature.degradation", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "without a fresh price use the last good one; no: the asset has no price then" },
	{ "feature.quality_gate", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "hold back prices that jump too far" },
	{ "feature.retries", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "ask services again after failures that may pass" },
	{ "feature.routing", CONFIG_BOOL, 0, "yes", 0, 1, NULL, "",
	  "ask the candidate that does best first; no: in the order given" },
	{ "guard.break_max_s", CONFIG_INT, 0, "900", 1, 86400, NULL, "seconds",
	  "longest pause after failures; every one in a row doubles it" },
	{ "guard.min_samples", CONFIG_INT, 0, "10", 1, 100000, NULL, "calls",
	  "fewer calls say nothing about the share of failures" },
	{ "guard.ratio_pct", CONFIG_INT, 0, "50", 0, 100, NULL, "%",
	  "share of failures that makes a pause; 0: only failures in a row do" },
	{ "guard.retry_base_ms", CONFIG_INT, 0, "500", 1, 60000, NULL, "milliseconds",
	  "the wait before the first retry is drawn from up to this; it doubles" },
	{ "guard.retry_cap_ms", CONFIG_INT, 0, "8000", 1, 600000, NULL, "milliseconds",
	  "longest wait before a retry unless the service asks for more" },
	{ "guard.sampling_s", CONFIG_INT, 0, "120", 1, 86400, NULL, "seconds",
	  "over which the share of failures is counted" },
	{ "guard.wait_max_s", CONFIG_INT, 0, "120", 1, 86400, NULL, "seconds",
	  "a service that asks for a longer wait is given up until then" },
	{ "llm.break_s", CONFIG_INT, 0, "60", 1, 86400, NULL, "seconds",
	  "first pause after a model failed too often" },
	{ "llm.failures", CONFIG_INT, 0, "3", 1, 1000, NULL, "failures",
	  "in a row that make a pause for a model" },
	{ "llm.max_tokens", CONFIG_INT, 0, "2048", 16, 1000000, NULL, "tokens",
	  "longest answer of a model, its reasoning included, unless the agent says otherwise" },
	{ "llm.parallel", CONFIG_INT, 0, "1000", 1, 10000, NULL, "calls",
	  "remote agents that are asked at the same time" },
	{ "llm.retries", CONFIG_INT, 0, "2", 0, 10, NULL, "retries",
	  "of one call of a model or an ML service" },
	{ "llm.timeout_s", CONFIG_INT, 0, "60", 1, 280, NULL, "seconds",
	  "for one attempt at a model, unless the agent says otherwise" },
	{ "market.fresh_age_s", CONFIG_INT, 0, "300", 0, 604800, NULL, "seconds",
	  "up to this age a price counts as fresh" },
	{ "market.max_age_s", CONFIG_INT, 0, "900", 0, 604800, NULL, "seconds",
	  "an older price is not traded on" },
	{ "market.max_deviation_pct", CONFIG_DECIMAL, 4, "5", 1, INT64_C(1000000000000), NULL, "%",
	  "a price that differs more from a fresh one of another feed is suspect" },
	{ "market.max_jump_pct", CONFIG_DECIMAL, 4, "50", 1, INT64_C(1000000000000), NULL, "%",
	  "a larger change against the price of the window before is suspect and not traded on" },
	{ "ml.cache_s", CONFIG_INT, 0, "3600", 0, 86400, NULL, "seconds",
	  "how long the answer of an ML service serves the same question again" },
	{ "ml.timeout_s", CONFIG_INT, 0, "10", 1, 120, NULL, "seconds",
	  "for one attempt at an ML service" },
	{ "race.instructions", CONFIG_TEXT, 0, "", 0, 4096, NULL, "",
	  "what every agent is told in its context" },
	{ "race.quote", CONFIG_TEXT, 0, "USD", 1, 16, NULL, "",
	  "currency of prices and cash; fixed once an asset has a feed or a window began" },
	{ "race.start_cash", CONFIG_DECIMAL, 8, "100000", 1, INT64_C(1000000000000000000), NULL,
	  "quote",
	  "cash of agents that are added from now on" },
	{ "risk.assets", CONFIG_TEXT, 0, "", 0, 1024, NULL, "symbols",
	  "the only assets that may be bought, separated by commas; empty: all" },
	{ "risk.cash_reserve_pct", CONFIG_DECIMAL, 4, "0.1", 0, PCT_MAX, NULL, "%",
	  "of the starting cash, which buys leave untouched" },
	{ "risk.cooldown_min", CONFIG_INT, 0, "0", 0, 100000, NULL, "minutes",
	  "no buy of an asset so soon after the last trade in it" },
	{ "risk.daily_loss_pct", CONFIG_DECIMAL, 4, "0", 0, PCT_MAX, NULL, "%",
	  "no buys after this loss since the first snapshot of the UTC day; 0: off" },
	{ "risk.drawdown_stop_pct", CONFIG_DECIMAL, 4, "0", 0, PCT_MAX, NULL, "%",
	  "no buys after this fall from the highest value; 0: off" },
	{ "risk.max_order_pct", CONFIG_DECIMAL, 4, "25", 1, PCT_MAX, NULL, "%",
	  "of the agent's value, the largest single buy" },
	{ "risk.max_orders", CONFIG_INT, 0, "5", 1, 64, NULL, "orders",
	  "orders of a decision; later ones are dropped" },
	{ "risk.max_position_pct", CONFIG_DECIMAL, 4, "50", 1, PCT_MAX, NULL, "%",
	  "of the agent's value, the largest position after a buy" },
	{ "risk.min_order", CONFIG_DECIMAL, 8, "10", 0, INT64_C(100000000000000000), NULL, "quote",
	  "smallest order by value; closing a position is always allowed" },
	{ "risk.mode", CONFIG_ENUM, 0, "clip", 0, 1, "clip|reject", "",
	  "whether an order over a limit is cut down to it or dropped" },
	{ "sim.seed", CONFIG_INT, 0, "1", 0, INT64_MAX, NULL, "",
	  "seed of simulated prices and of the random baseline" },
	{ "trade.fee_bps", CONFIG_DECIMAL, 4, "10", 0, 10000000, NULL, "basis points",
	  "fee on the value of every fill" },
	{ "trade.fill", CONFIG_ENUM, 0, "batch", 0, 1, "batch|next", "",
	  "decisions fill at the batch they were made on, or at the next one" },
	{ "trade.slippage_bps", CONFIG_DECIMAL, 4, "0", 0, 10000000, NULL, "basis points",
	  "how much worse than the batch's price a fill is" },
	{ "window.settle_delay_s", CONFIG_INT, 0, "10", 0, 240, NULL, "seconds",
	  "how long after the start of a window tr-cycle waits for venues to publish" },
};
/* clang-format on */
_Static_assert(sizeof config_defs / sizeof config_defs[0] == CONFIG_KEYS, "registry and keys");

/* scan: all settings are wanted */
static const char sql_load[] = "SELECT name, value FROM settings ORDER BY name";
static const char sql_one[] = "SELECT value FROM settings WHERE name = :name";
static const char sql_set[] =
	"INSERT INTO settings (name, value, version) VALUES (:name, :value, 1) "
	"ON CONFLICT (name) DO UPDATE SET value = excluded.value, "
	"version = version + 1";
static const char sql_unset[] = "DELETE FROM settings WHERE name = :name";
static const char sql_log[] =
	"INSERT INTO settings_log (name, old_value, new_value, origin, at_ms) "
	"VALUES (:name, :old, :new, :origin, :at)";
/* scan: the log is read as a whole */
static const char sql_history[] =
	"SELECT seq, at_ms, name, old_value, new_value, origin FROM settings_log ORDER BY seq";
/* scan: whether there is any row at all */
static const char sql_fixed[] =
	"SELECT EXISTS (SELECT 1 FROM asset_feeds) OR EXISTS (SELECT 1 FROM cycles)";

/* ------------------------------------------------------------------ values */

enum config_key config_find(const char *name, struct err *e)
{
	const char *names[CONFIG_KEYS + 1];
	const char *near;

	for (int i = 0; i < CONFIG_KEYS; i++) {
		names[i] = config_defs[i].name;
		if (strcmp(names[i], name) == 0)
			return (enum config_key)i;
	}
	names[CONFIG_KEYS] = NULL;
	near = ident_nearest(name, names);
	if (near != NULL)
		err_set(e, ERR_DATA, "setting %.64s: no such setting; did you mean %s?", name,
			near);
	else
		err_set(e, ERR_DATA, "setting %.64s: no such setting; tr-config list shows all",
			name);
	return CONFIG_KEYS;
}

char *config_range(enum config_key key, char out[CONFIG_RANGE_MAX])
{
	const struct config_def *d = &config_defs[key];
	char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
	const char *bar;

	switch (d->type) {
	case CONFIG_BOOL:
		snprintf(out, CONFIG_RANGE_MAX, "yes or no");
		break;
	case CONFIG_ENUM:
		bar = strchr(d->choices, '|');
		snprintf(out, CONFIG_RANGE_MAX, "%.*s or %s", (int)(bar - d->choices),
			 d->choices, bar + 1);
		break;
	case CONFIG_TEXT:
		snprintf(out, CONFIG_RANGE_MAX, "a text of %lld to %lld bytes",
			 (long long)d->min, (long long)d->max);
		break;
	default:
		snprintf(out, CONFIG_RANGE_MAX, "%s to %s", decimal_format(d->min, d->scale, a),
			 decimal_format(d->max, d->scale, b));
	}
	return out;
}

static int config_enum(const struct config_def *d, const char *text)
{
	const char *p = d->choices;
	size_t n = strlen(text);

	for (int i = 0;; i++) {
		size_t len = strcspn(p, "|");

		if (len == n && memcmp(p, text, n) == 0)
			return i;
		if (p[len] == '\0')
			return -1;
		p += len + 1;
	}
}

static int config_flag(const char *text)
{
	static const char *const no[] = { "no", "false", "off", "0" };
	static const char *const yes[] = { "yes", "true", "on", "1" };

	for (int i = 0; i < 4; i++) {
		if (strcmp(text, no[i]) == 0)
			return 0;
		if (strcmp(text, yes[i]) == 0)
			return 1;
	}
	return -1;
}

/* Nobody between may see or change what is fetched: https, or this machine. */
static bool config_is_url(const char *text)
{
	static const char *const local[] = { "http://127.0.0.1", "http://localhost",
					     "http://[::1]" };

	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'<>\\^`{|}", *p) != NULL)
			return false;
	/* "http://localhost:x@elsewhere/" is elsewhere */
	if (strcspn(text, "@") < strlen(text))
		return false;
	if (strncmp(text, "https://", 8) == 0)
		return text[8] != '\0' && text[8] != '/';
	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
		size_t n = strlen(local[i]);

		if (strncmp(text, local[i], n) == 0 &&
		    (text[n] == '\0' || strchr(":/?", text[n]) != NULL))
			return true;
	}
	return false;
}

/* Rules beyond the range; NULL if the text is fine. */
static const char *config_rule(enum config_key key, const char *text, int64_t num)
{
	struct err e = { 0 };

	if (key == CONFIG_DECIDE_EVERY_MIN && (num % 5 != 0 || 1440 % num != 0))
		return "a multiple of 5 that divides the day";
	if (key == CONFIG_RACE_QUOTE && ident_check_asset(text, &e) != 0)
		return "a currency such as USD: upper-case letters and digits";
	if (key == CONFIG_ALERT_COMMAND && text[0] != '\0' && text[0] != '/')
		return "an absolute path and arguments";
	if (key == CONFIG_ALERT_HEARTBEAT_URL && text[0] != '\0' && !config_is_url(text))
		return "an https URL, or http of this machine";
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 && *p != '\n')
			return "a text without control characters";
	if (!ident_utf8_valid(text, strlen(text)))
		return "valid UTF-8";
	if (key == CONFIG_RISK_ASSETS &&
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-,") != strlen(text))
		return "symbols separated by commas";
	return NULL;
}

/* Check a value: its canonical text (the caller's) or NULL with ERR_DATA naming the range. */
static char *config_check(enum config_key key, const char *text, int64_t *num, struct err *e)
{
	const struct config_def *d = &config_defs[key];
	char range[CONFIG_RANGE_MAX], buf[DECIMAL_TEXT_MAX];
	const char *rule = NULL;
	struct err why = { 0 };
	int64_t v = 0;
	bool ok = true;

	switch (d->type) {
	case CONFIG_INT:
	case CONFIG_DECIMAL:
		ok = decimal_parse(text, strlen(text), d->scale, &v, &why) == 0 &&
		     v >= d->min && v <= d->max;
		break;
	case CONFIG_BOOL:
		v = config_flag(text);
		ok = v >= 0;
		break;
	case CONFIG_ENUM:
		v = config_enum(d, text);
		ok = v >= 0;
		break;
	case CONFIG_TEXT:
		v = (int64_t)strlen(text);
		ok = v >= d->min && v <= d->max;
		break;
	}
	if (ok)
		rule = config_rule(key, text, v);
	if (!ok || rule != NULL) {
		err_set(e, ERR_DATA, "setting %s: \"%.64s\" is not %s%s%s", d->name, text,
			rule != NULL ? rule : config_range(key, range),
			rule || !d->unit[0] ? "" : " ", rule ? "" : d->unit);
		return NULL;
	}
	*num = v;
	if (d->type == CONFIG_INT || d->type == CONFIG_DECIMAL)
		return mem_strdup(decimal_format(v, d->scale, buf));
	if (d->type == CONFIG_BOOL)
		return mem_strdup(v ? "yes" : "no");
	return mem_strdup(text);
}

int config_valid(enum config_key key, const char *text, struct err *e)
{
	int64_t num;
	char *canonical = config_check(key, text, &num, e);

	free(canonical);
	return canonical != NULL ? 0 : -1;
}

void config_init(struct config *c)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		struct err e = { 0 };
		struct config_value *v = &c->v[i];

		*v = (struct config_value){ 0 };
		v->text = config_check((enum config_key)i, config_defs[i].def, &v->num, &e);
		assert(v->text != NULL);
	}
}

void config_release(struct config *c)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		free(c->v[i].text);
	*c = (struct config){ 0 };
}

int64_t config_num(const struct config *c, enum config_key key)
{
	return c->v[key].num;
}

const char *config_text(const struct config *c, enum config_key key)
{
	return c->v[key].text;
}

bool config_bool(const struct config *c, enum config_key key)
{
	assert(config_defs[key].type == CONFIG_BOOL);
	return c->v[key].num != 0;
}

int64_t config_e8(const struct config *c, enum config_key key)
{
	const struct config_def *d = &config_defs[key];

	assert(d->type == CONFIG_DECIMAL && d->scale == 4);
	/* 1e-4 of a basis point is 1e-8 of the whole; of a percent it is 1e-6 */
	return d->unit[0] == '%' ? c->v[key].num * 100 : c->v[key].num;
}

/* ------------------------------------------------------------------ database, environment */

static int config_put(struct config *c, enum config_key key, const char *text, struct err *e)
{
	int64_t num;
	char *canonical = config_check(key, text, &num, e);

	if (canonical == NULL)
		return -1;
	free(c->v[key].text);
	c->v[key].text = canonical;
	c->v[key].num = num;
	return 0;
}

int config_load(struct db *db, struct config *c, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_load);
	int r;

	while ((r = sql_row(s, e)) == 1) {
		enum config_key key = config_find(sql_col_text(s, 0), e);

		if (key == CONFIG_KEYS || config_put(c, key, sql_col_text(s, 1), e) != 0) {
			/* a row that tr-config could not have written */
			e->status = ERR_CONFIG;
			sql_reset(s);
			return -1;
		}
		c->v[key].set = true;
	}
	return r;
}

/* TR_RISK_MIN_ORDER for risk.min_order. */
static void config_variable(const char *name, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "TR_%s", name);

	for (size_t i = 3; i < n && i < cap; i++)
		out[i] = out[i] == '.' ? '_' : (char)toupper((unsigned char)out[i]);
}

/* A variable that starts like one of our sections but names no setting is a typing error. */
static int config_stray(const char *entry, struct err *e)
{
	size_t n = strcspn(entry, "=");
	char var[80];
	bool section = false;

	if (strncmp(entry, "TR_", 3) != 0)
		return 0;
	for (int i = 0; i < CONFIG_KEYS; i++) {
		size_t sec;

		config_variable(config_defs[i].name, var, sizeof var);
		if (strlen(var) == n && memcmp(var, entry, n) == 0)
			return 0;
		sec = 3 + strcspn(config_defs[i].name, ".") + 1;
		section = section || (n > sec && memcmp(var, entry, sec) == 0);
	}
	if (section)
		return err_set(e, ERR_CONFIG, "environment: %.*s names no setting",
			       (int)(n > 64 ? 64 : n), entry);
	return 0;
}

int config_environment(struct config *c, struct err *e)
{
	for (char **p = environ; *p != NULL; p++)
		if (config_stray(*p, e) != 0)
			return -1;
	for (int i = 0; i < CONFIG_KEYS; i++) {
		char var[80];
		const char *text;

		config_variable(config_defs[i].name, var, sizeof var);
		text = getenv(var);
		if (text == NULL)
			continue;
		if (i == CONFIG_RACE_QUOTE && strcmp(text, c->v[i].text) != 0)
			return err_set(
				e, ERR_CONFIG,
				"environment: %s: the currency of a race is no matter of a "
				"window",
				var);
		if (config_put(c, (enum config_key)i, text, e) != 0) {
			e->status = ERR_CONFIG;
			return err_prefix(e, "environment: %s", var);
		}
		c->v[i].overridden = true;
	}
	return 0;
}

/* The stored value, or NULL for none; the caller's. */
static int config_stored(struct db *db, enum config_key key, char **out, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_one);
	int r;

	sql_text(s, ":name", config_defs[key].name);
	r = sql_row(s, e);
	*out = r == 1 ? mem_strdup(sql_col_text(s, 0)) : NULL;
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

/* The currency of a race that has prices or books in it cannot become another. */
static int config_fixed(struct db *db, enum config_key key, const char *from, const char *to,
			struct err *e)
{
	const char *def = config_defs[key].def;
	struct sql_stmt *s;
	bool fixed;

	if (key != CONFIG_RACE_QUOTE ||
	    strcmp(from != NULL ? from : def, to != NULL ? to : def) == 0)
		return 0;
	s = db_get(db, sql_fixed);
	if (sql_row(s, e) != 1)
		return -1;
	fixed = sql_col_int(s, 0) != 0;
	sql_reset(s);
	if (fixed)
		return err_set(
			e, ERR_DATA,
			"setting race.quote: fixed, since the race has begun or assets have "
			"feeds in it");
	return 0;
}

static int config_log_change(struct db *db, enum config_key key, const char *from,
			     const char *to, const char *origin, int64_t at_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_log);

	sql_text(s, ":name", config_defs[key].name);
	sql_text(s, ":old", from);
	sql_text(s, ":new", to);
	sql_text(s, ":origin", origin);
	sql_int(s, ":at", at_ms);
	return sql_exec(s, e);
}

int config_store(struct db *db, enum config_key key, const char *value, const char *origin,
		 int64_t at_ms, struct err *e)
{
	char *canonical = NULL, *old = NULL;
	struct sql_stmt *s;
	int64_t num;
	int r = -1;

	if (value != NULL && (canonical = config_check(key, value, &num, e)) == NULL)
		return -1;
	if (config_stored(db, key, &old, e) != 0)
		goto out;
	if ((old == NULL && canonical == NULL) ||
	    (old != NULL && canonical != NULL && strcmp(old, canonical) == 0)) {
		r = 0;
		goto out;
	}
	if (config_fixed(db, key, old, canonical, e) != 0)
		goto out;
	s = db_get(db, canonical != NULL ? sql_set : sql_unset);
	sql_text(s, ":name", config_defs[key].name);
	if (canonical != NULL)
		sql_text(s, ":value", canonical);
	if (sql_exec(s, e) != 0)
		goto out;
	r = config_log_change(db, key, old, canonical, origin, at_ms, e);
out:
	free(old);
	free(canonical);
	return r;
}

int config_log(struct db *db, config_log_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_history);
	int r;

	while ((r = sql_row(s, e)) == 1)
		each(ctx, sql_col_int(s, 0), sql_col_int(s, 1), sql_col_text(s, 2),
		     sql_col_text(s, 3), sql_col_text(s, 4), sql_col_text(s, 5));
	return r;
}

/* ------------------------------------------------------------------ JSON */

void config_write(const struct config *c, struct json_writer *w, const char *key)
{
	json_write_object(w, key);
	for (int i = 0; i < CONFIG_KEYS; i++)
		json_write_string(w, config_defs[i].name, c->v[i].text);
	json_write_close(w);
}

int config_read(struct config *c, const struct json *obj, struct err *e)
{
	for (const struct json *m = json_first(obj); m != NULL; m = json_next(m)) {
		enum config_key key = config_find(json_key(m), e);

		if (key == CONFIG_KEYS)
			return -1;
		if (json_type(m) != JSON_STRING)
			return err_set(e, ERR_DATA, "setting %s: its value must be a string",
				       json_key(m));
		if (config_put(c, key, json_text(m), e) != 0)
			return -1;
	}
	return 0;
}
