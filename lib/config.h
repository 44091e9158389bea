#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "json.h"

/*
 * Settings: one typed registry, from which validation, tr-config, tr-config(5) and the pins are
 * made. Values that differ from the default are rows in the database; the environment
 * (TR_<SECTION>_<KEY>) overrides them for the windows that begin under it.
 */

enum config_key {
	CONFIG_ALERT_COMMAND,
	CONFIG_ALERT_HEARTBEAT_URL,
	CONFIG_BUDGET_AGENT_USD_DAY,
	CONFIG_BUDGET_RACE_USD_DAY,
	CONFIG_CONTEXT_CANDLES,
	CONFIG_DATA_BREAK_S,
	CONFIG_DATA_FAILURES,
	CONFIG_DATA_RETRIES,
	CONFIG_DATA_TIMEOUT_S,
	CONFIG_DECIDE_DEADLINE_S,
	CONFIG_DECIDE_EVERY_MIN,
	CONFIG_DECIDE_PARALLEL,
	CONFIG_EXEC_FILE_MB,
	CONFIG_EXEC_FILES,
	CONFIG_EXEC_MEMORY_MB,
	CONFIG_EXEC_OUTPUT_KB,
	CONFIG_EXEC_PROCESSES,
	CONFIG_EXEC_TIMEOUT_S,
	CONFIG_FEATURE_BREAKERS,
	CONFIG_FEATURE_CONTEXT_STORE,
	CONFIG_FEATURE_DEGRADATION,
	CONFIG_FEATURE_QUALITY_GATE,
	CONFIG_FEATURE_RETRIES,
	CONFIG_FEATURE_ROUTING,
	CONFIG_GUARD_BREAK_MAX_S,
	CONFIG_GUARD_MIN_SAMPLES,
	CONFIG_GUARD_RATIO_PCT,
	CONFIG_GUARD_RETRY_BASE_MS,
	CONFIG_GUARD_RETRY_CAP_MS,
	CONFIG_GUARD_SAMPLING_S,
	CONFIG_GUARD_WAIT_MAX_S,
	CONFIG_LLM_BREAK_S,
	CONFIG_LLM_FAILURES,
	CONFIG_LLM_MAX_TOKENS,
	CONFIG_LLM_PARALLEL,
	CONFIG_LLM_RETRIES,
	CONFIG_LLM_TIMEOUT_S,
	CONFIG_MARKET_FRESH_AGE_S,
	CONFIG_MARKET_MAX_AGE_S,
	CONFIG_MARKET_MAX_DEVIATION_PCT,
	CONFIG_MARKET_MAX_JUMP_PCT,
	CONFIG_ML_CACHE_S,
	CONFIG_ML_TIMEOUT_S,
	CONFIG_RACE_INSTRUCTIONS,
	CONFIG_RACE_QUOTE,
	CONFIG_RACE_START_CASH,
	CONFIG_RISK_ASSETS,
	CONFIG_RISK_CASH_RESERVE_PCT,
	CONFIG_RISK_COOLDOWN_MIN,
	CONFIG_RISK_DAILY_LOSS_PCT,
	CONFIG_RISK_DRAWDOWN_STOP_PCT,
	CONFIG_RISK_MAX_ORDER_PCT,
	CONFIG_RISK_MAX_ORDERS,
	CONFIG_RISK_MAX_POSITION_PCT,
	CONFIG_RISK_MIN_ORDER,
	CONFIG_RISK_MODE,
	CONFIG_SIM_SEED,
	CONFIG_TRADE_FEE_BPS,
	CONFIG_TRADE_FILL,
	CONFIG_TRADE_SLIPPAGE_BPS,
	CONFIG_WINDOW_SETTLE_DELAY_S,
	CONFIG_KEYS
};

enum config_type {
	CONFIG_INT,
	CONFIG_DECIMAL, /* num is in 10^-scale */
	CONFIG_BOOL,	/* num is 0 or 1 */
	CONFIG_ENUM,	/* num is the index in choices */
	CONFIG_TEXT,
};

struct config_def {
	const char *name; /* section.key */
	enum config_type type;
	int scale;
	const char *def;
	int64_t min, max;    /* num; of a text: its length */
	const char *choices; /* of an enum: "a|b" */
	const char *unit;    /* "seconds", "%", "" ... */
	const char *help;    /* one line */
};

/* The registry, in order of name, CONFIG_KEYS entries. */
extern const struct config_def config_defs[];

struct config_value {
	int64_t num;
	char *text;	 /* canonical text; owned */
	bool set;	 /* differs from the registry's default by a row */
	bool overridden; /* by the environment */
};

struct config {
	struct config_value v[CONFIG_KEYS];
};

void config_init(struct config *c); /* all defaults */
void config_release(struct config *c);

int64_t config_num(const struct config *c, enum config_key key);
const char *config_text(const struct config *c, enum config_key key);
bool config_bool(const struct config *c, enum config_key key);
/* A share or rate in 1e-8 of the whole, of a setting in % or basis points. */
int64_t config_e8(const struct config *c, enum config_key key);

/* The key of that name; ERR_DATA names the nearest. Returns CONFIG_KEYS on failure. */
enum config_key config_find(const char *name, struct err *e);

/* "5 to 1440", "clip or reject", "yes or no": for messages and the manual. Returns ${out}. */
#define CONFIG_RANGE_MAX 128
char *config_range(enum config_key key, char out[CONFIG_RANGE_MAX]);

/* Check a value without storing it; ERR_DATA names the range. */
int config_valid(enum config_key key, const char *text, struct err *e);

/* What the database says, without the environment. */
int config_load(struct db *db, struct config *c, struct err *e);
/* Overrides from the environment; a wrong value or an unknown TR_<SECTION>_ name is ERR_CONFIG.
 */
int config_environment(struct config *c, struct err *e);

/* Set (value) or unset (NULL) in a transaction of the caller; logs a change, and does nothing
 * when the value is what it was. race.quote cannot change once an asset has a feed in it or a
 * window has begun. */
int config_store(struct db *db, enum config_key key, const char *value, const char *origin,
		 int64_t at_ms, struct err *e);

/* All values as one JSON object, canonical order; and back, refusing unknown names. */
void config_write(const struct config *c, struct json_writer *w, const char *key);
int config_read(struct config *c, const struct json *obj, struct err *e);

/* The log, newest last. */
typedef void config_log_fn(void *ctx, int64_t seq, int64_t at_ms, const char *name,
			   const char *from, const char *to, const char *origin);
int config_log(struct db *db, config_log_fn *each, void *ctx, struct err *e);

#endif
