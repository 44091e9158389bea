#include "race.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deflate.h"
#include "indicator.h"
#include "mem.h"
#include "race_candles.h"
#include "regime.h"
#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/*
 * What an agent is shown. The shared part (market) is the same bytes for all agents of a window
 * and comes first in the line, so that its hash state is computed once and continued per agent.
 */

static const char sql_stored[] =
	"SELECT b.size, b.data FROM contexts AS c JOIN blobs AS b ON b.hash = c.hash "
	"WHERE c.window_ms = :window";
static const char sql_regimes_add[] =
	"INSERT INTO regimes (window_ms, regimes) VALUES (:window, :regimes)";

/* A position worth more than this many units of money (1e10 of the quote currency) is a broken
 * price; nine such still fit into a total. */
#define RACE_VALUE_MAX INT64_C(1000000000000000000)

/* ------------------------------------------------------------------ loading */

static int race_view_asset(struct db *db, const struct race_window *w,
			   const struct race_asset *a, const struct market_price *p,
			   struct view_asset *v, struct err *e)
{
	struct market_series m = { a->id, 0, 0 };

	*v = (struct view_asset){ .id = a->id, .enabled = a->enabled, .quality = VIEW_ABSENT };
	snprintf(v->symbol, sizeof v->symbol, "%s", a->symbol);
	if (p == NULL)
		return 0;
	v->quality = p->quality;
	v->price = p->price;
	v->price_ms = p->price_ms;
	v->interval_s = p->interval_s;
	m.source_id = p->source_id;
	m.interval_s = p->interval_s;
	return market_candles(db, &m, w->window_ms,
			      (size_t)config_num(&w->config, CONFIG_CONTEXT_CANDLES),
			      &v->candles, &v->n_candles, e);
}

int race_view_market(struct db *db, const struct race_window *w, struct view *v, struct err *e)
{
	struct market_price *prices = NULL;
	size_t n = 0;
	int r;

	view_init(v);
	v->window_ms = w->window_ms;
	snprintf(v->quote, sizeof v->quote, "%s", config_text(&w->config, CONFIG_RACE_QUOTE));
	r = market_prices(db, w->window_ms, &prices, &n, e);
	v->assets = mem_array(w->n_assets, sizeof *v->assets);
	v->positions = mem_array(w->n_assets, sizeof *v->positions);
	for (size_t i = 0; i < w->n_assets && r == 0; i++) {
		const struct market_price *p = NULL;

		for (size_t k = 0; k < n; k++)
			if (prices[k].asset_id == w->assets[i].id)
				p = &prices[k];
		r = race_view_asset(db, w, &w->assets[i], p, &v->assets[v->n_assets++], e);
	}
	free(prices);
	if (r != 0)
		view_release(v);
	return r;
}

int race_view_agent(struct db *db, const struct race_window *w, int64_t agent_id,
		    struct view *v, struct err *e)
{
	struct portfolio p;
	struct money value;
	int64_t unpriced;
	int r;

	/* the live books are those before the decisions unless some were carried out already */
	if (ledger_load_at(db, agent_id, w->window_ms, w->window_ms, &p, e) != 0)
		return -1;
	v->cash = p.cash;
	for (size_t i = 0; i < v->n_assets; i++) {
		const struct portfolio_position *pos = portfolio_find(&p, v->assets[i].id);

		v->positions[i] = (struct view_position){ 0 };
		if (pos != NULL)
			v->positions[i] = (struct view_position){ pos->quantity, pos->cost };
	}
	r = race_value(db, w->window_ms, &p, &value, &unpriced, e);
	if (r == 0 && money_add(p.cash, value, &v->equity) != 0)
		r = err_set(e, ERR_INTERNAL, "agent %lld: its value does not fit",
			    (long long)agent_id);
	portfolio_release(&p);
	return r;
}

/* The price that values a position: of the batch unless it is suspect, else the last good one.
 */
static int race_value_price(struct db *db, int64_t window_ms, int64_t asset_id,
			    const struct market_price *prices, size_t n, struct price *price,
			    bool *own, struct err *e)
{
	struct market_price old;
	bool found;

	*own = true;
	for (size_t i = 0; i < n; i++)
		if (prices[i].asset_id == asset_id && prices[i].quality != VIEW_SUSPECT) {
			*price = prices[i].price;
			return 0;
		}
	*own = false;
	if (market_good_price_before(db, asset_id, window_ms, &old, &found, e) != 0)
		return -1;
	price->u = found ? old.price.u : 0;
	return 0;
}

/* What has no good price, or is worth more than fits, counts at its cost. */
bool race_value_position(const struct portfolio_position *pos, struct price price,
			 struct money *value)
{
	if (price.u != 0 && money_of(pos->quantity, price, DECIMAL_DOWN, value) == 0 &&
	    value->u <= RACE_VALUE_MAX)
		return true;
	*value = pos->cost;
	return false;
}

int race_value(struct db *db, int64_t window_ms, const struct portfolio *p, struct money *value,
	       int64_t *unpriced, struct err *e)
{
	struct market_price *prices = NULL;
	size_t n = 0;
	int r = market_prices(db, window_ms, &prices, &n, e);

	*value = (struct money){ 0 };
	*unpriced = 0;
	for (size_t i = 0; i < p->n_positions && r == 0; i++) {
		const struct portfolio_position *pos = &p->positions[i];
		struct price price = { 0 };
		struct money m = { 0 };
		bool own = true;

		if (pos->quantity.u == 0)
			continue;
		r = race_value_price(db, window_ms, pos->asset_id, prices, n, &price, &own, e);
		if (r == 0 && !race_value_position(pos, price, &m))
			own = false;
		*unpriced += !own;
		if (r == 0 && money_add(*value, m, value) != 0)
			r = err_set(e, ERR_INTERNAL,
				    "agent %lld: its positions cannot be valued",
				    (long long)p->agent_id);
	}
	free(prices);
	return r;
}

/* ------------------------------------------------------------------ context */

/* An indicator in units of 1e-10 (prices) or as it is (ratios), as text of ten digits; null
 * when it is not defined. */
static void race_write_number(struct json_writer *j, const char *key, bool defined, double v,
			      double unit)
{
	char text[DECIMAL_TEXT_MAX];
	double scaled = v * unit;

	if (!defined || !(fabs(scaled) < 9e18)) {
		json_write_null(j, key);
		return;
	}
	json_write_string(j, key, decimal_format((int64_t)llrint(scaled), PRICE_SCALE, text));
}

static void race_write_indicators(struct json_writer *j, const struct view_asset *a)
{
	size_t n = a->n_candles;
	double *close = mem_array(3 * n + 1, sizeof *close), *high = close + n, *low = high + n;
	struct indicator_bands bands = { 0 };
	struct indicator_macd macd = { 0 };
	double x = 0;
	bool ok;

	for (size_t i = 0; i < n; i++) {
		close[i] = (double)a->candles[i].close.u;
		high[i] = (double)a->candles[i].high.u;
		low[i] = (double)a->candles[i].low.u;
	}
	json_write_object(j, "indicators");
	ok = indicator_sma(close, n, 20, &x);
	race_write_number(j, "sma_20", ok, x, 1);
	ok = indicator_ema(close, n, 20, &x);
	race_write_number(j, "ema_20", ok, x, 1);
	ok = indicator_rsi(close, n, 14, &x);
	race_write_number(j, "rsi_14", ok, x, 1e10);
	ok = indicator_macd(close, n, 12, 26, 9, &macd);
	race_write_number(j, "macd", ok, macd.macd, 1);
	race_write_number(j, "macd_signal", ok, macd.signal, 1);
	ok = indicator_bollinger(close, n, 20, 2, &bands);
	race_write_number(j, "bollinger_upper", ok, bands.upper, 1);
	race_write_number(j, "bollinger_lower", ok, bands.lower, 1);
	ok = indicator_atr(high, low, close, n, 14, &x);
	race_write_number(j, "atr_14", ok, x, 1);
	ok = indicator_return(close, n, 12, &x);
	race_write_number(j, "return_12", ok, x, 1e10);
	ok = indicator_return(close, n, 48, &x);
	race_write_number(j, "return_48", ok, x, 1e10);
	ok = indicator_volatility(close, n, 48, &x);
	race_write_number(j, "volatility_48", ok, x, 1e10);
	json_write_close(j);
	free(close);
}

static void race_write_regime(struct json_writer *j, const char *key,
			      const struct view_asset *a)
{
	const char *name = regime_name(regime_of(a->candles, a->n_candles, a->interval_s));

	if (name != NULL)
		json_write_string(j, key, name);
	else
		json_write_null(j, key);
}

int race_regimes_add(struct db *db, const struct race_window *w, const struct view *v,
		     struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_regimes_add);
	struct buf text = BUF_INIT;
	struct json_writer j;
	int r;

	if (w->plan < RACE_PLAN_REGIMES)
		return 0;
	json_write_init(&j, &text);
	json_write_object(&j, NULL);
	for (size_t i = 0; i < v->n_assets; i++)
		race_write_regime(&j, v->assets[i].symbol, &v->assets[i]);
	json_write_close(&j);
	sql_int(s, ":window", w->window_ms);
	sql_text(s, ":regimes", buf_str(&text));
	r = sql_exec(s, e);
	buf_release(&text);
	return r;
}

static void race_write_asset(struct json_writer *j, const struct race_window *w,
			     const struct view_asset *a, struct race_candles *t)
{
	char at[TSTAMP_TEXT_MAX];

	json_write_object(j, NULL);
	json_write_string(j, "asset", a->symbol);
	json_write_bool(j, "enabled", a->enabled);
	json_write_string(j, "quality", view_quality_name(a->quality));
	if (a->quality == VIEW_ABSENT) {
		json_write_null(j, "price");
	} else {
		json_write_decimal(j, "price", a->price.u, PRICE_SCALE);
		json_write_string(j, "time", tstamp_format(a->price_ms, at));
	}
	json_write_int(j, "interval_s", a->interval_s);
	if (w->plan >= RACE_PLAN_REGIMES)
		race_write_regime(j, "regime", a);
	race_write_indicators(j, a);
	race_candles_write(t, j, "candles", a->candles, a->n_candles);
	json_write_close(j);
}

/* Drop the brace that ends an object, or the one that begins it, so that two join. */
void race_context_shared(const struct race_window *w, const struct view *v, struct buf *out)
{
	struct json_writer j;

	wire_open(&j, out, "tr.context/1", w->window_ms);
	json_write_string(&j, "quote", v->quote);
	json_write_string(&j, "instructions",
			  config_text(&w->config, CONFIG_RACE_INSTRUCTIONS));
	json_write_object(&j, "market");
	json_write_array(&j, "assets");
	for (size_t i = 0; i < v->n_assets; i++)
		race_write_asset(&j, w, &v->assets[i], &w->candles[i]);
	json_write_close(&j);
	json_write_close(&j);
	json_write_close(&j);
	out->data[out->len - 1] = ',';
}

static void race_write_limits(struct json_writer *j, const struct race_window *w,
			      const struct race_agent *a)
{
	static const enum config_key keys[] = {
		CONFIG_RISK_MAX_ORDERS,	      CONFIG_RISK_MIN_ORDER,
		CONFIG_RISK_MAX_ORDER_PCT,    CONFIG_RISK_MAX_POSITION_PCT,
		CONFIG_RISK_CASH_RESERVE_PCT, CONFIG_TRADE_FEE_BPS,
		CONFIG_TRADE_SLIPPAGE_BPS,    CONFIG_TRADE_FILL
	};

	json_write_object(j, "limits");
	json_write_bool(j, "exempt", a->baseline);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *name = strchr(config_defs[keys[i]].name, '.') + 1;

		json_write_string(j, name, config_text(&w->config, keys[i]));
	}
	json_write_close(j);
}

void race_context_own(const struct race_window *w, const struct race_agent *a,
		      const struct view *v, struct buf *out)
{
	struct json_writer j;
	size_t start = out->len;

	json_write_init(&j, out);
	json_write_object(&j, NULL);
	json_write_string(&j, "agent", a->name);
	json_write_object(&j, "portfolio");
	json_write_decimal(&j, "cash", v->cash.u, MONEY_SCALE);
	json_write_decimal(&j, "equity", v->equity.u, MONEY_SCALE);
	json_write_array(&j, "positions");
	for (size_t i = 0; i < v->n_assets; i++) {
		struct money value;

		if (v->positions[i].quantity.u == 0)
			continue;
		json_write_object(&j, NULL);
		json_write_string(&j, "asset", v->assets[i].symbol);
		json_write_decimal(&j, "quantity", v->positions[i].quantity.u, QUANTITY_SCALE);
		json_write_decimal(&j, "cost", v->positions[i].cost.u, MONEY_SCALE);
		if (v->assets[i].quality != VIEW_ABSENT &&
		    view_position_value(v, i, &value) == 0)
			json_write_decimal(&j, "value", value.u, MONEY_SCALE);
		else
			json_write_null(&j, "value");
		json_write_close(&j);
	}
	json_write_close(&j);
	json_write_close(&j);
	race_write_limits(&j, w, a);
	json_write_close(&j);
	/* the shared part ended in the comma that joins them */
	memmove(out->data + start, out->data + start + 1, out->len - start);
	out->len--;
}

int race_context_stored(struct db *db, int64_t window_ms, struct buf *out, bool *found,
			struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_stored);
	const void *data;
	size_t n;
	int r;

	sql_int(s, ":window", window_ms);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1) {
		data = sql_col_blob(s, 1, &n);
		r = deflate_unpack(data, n, (size_t)sql_col_int(s, 0), out, e);
	}
	sql_reset(s);
	return r;
}
