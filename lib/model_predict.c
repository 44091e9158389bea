#include "model_api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "mem.h"

#include "banned.h"

/*
 * POST /predict. Numbers go out as JSON numbers with the text they have in the context, and
 * come back token-exact; what is not finite is no JSON and never gets here.
 */

#define PREDICT_SCHEMA "1.0"

static const struct model_api predict_auth = {
	.name = "predict",
	.secret_name = "x-api-key",
	.secret_prefix = "",
};

/* ------------------------------------------------------------------ the request */

static int64_t predict_decimal(const struct json *obj, const char *key, int scale)
{
	const struct json *v = json_get(obj, key);
	struct err e = { 0 };
	int64_t n = 0;

	if (v == NULL || json_text(v) == NULL ||
	    decimal_parse(json_text(v), json_text_len(v), scale, &n, &e) != 0)
		return 0;
	return n;
}

/* A decimal of ours, a string in the context, as a number; null if it is none. */
static void predict_number(struct json_writer *w, const char *to, const struct json *obj,
			   const char *from, int scale)
{
	const struct json *v = json_get(obj, from);
	struct err e = { 0 };
	int64_t n;

	if (v == NULL || json_text(v) == NULL ||
	    decimal_parse(json_text(v), json_text_len(v), scale, &n, &e) != 0)
		json_write_null(w, to);
	else
		json_write_raw(w, to, json_text(v), json_text_len(v));
}

static void predict_position(struct json_writer *w, const struct json *position)
{
	int64_t quantity = predict_decimal(position, "quantity", QUANTITY_SCALE), average = 0;
	int64_t cost = predict_decimal(position, "cost", MONEY_SCALE);
	char text[DECIMAL_TEXT_MAX];

	json_write_object(w, NULL);
	json_write_string(w, "symbol", json_text(json_get(position, "asset")));
	predict_number(w, "quantity", position, "quantity", QUANTITY_SCALE);
	if (quantity <= 0 ||
	    decimal_muldiv(cost, INT64_C(10000000000), quantity, DECIMAL_DOWN, &average) != 0) {
		json_write_null(w, "averagePrice");
	} else {
		decimal_format(average, PRICE_SCALE, text);
		json_write_raw(w, "averagePrice", text, strlen(text));
	}
	json_write_close(w);
}

static void predict_portfolio(struct json_writer *w, const struct json *context)
{
	const struct json *portfolio = json_get(context, "portfolio");
	const struct json *p = model_first(json_get(portfolio, "positions"));

	json_write_object(w, "portfolio");
	predict_number(w, "cash", portfolio, "cash", MONEY_SCALE);
	predict_number(w, "totalValue", portfolio, "equity", MONEY_SCALE);
	json_write_array(w, "positions");
	for (; p != NULL; p = json_next(p))
		predict_position(w, p);
	json_write_close(w);
	json_write_close(w);
}

/* The context has them oldest first already. */
static void predict_asset(struct json_writer *w, const struct json *asset)
{
	static const char *const keys[] = { "open", "high", "low", "close" };
	const char *symbol = json_text(json_get(asset, "asset"));
	const struct json *c = model_first(json_get(asset, "candles"));

	for (; c != NULL; c = json_next(c)) {
		json_write_object(w, NULL);
		json_write_string(w, "symbol", symbol);
		json_write_string(w, "timestamp", json_text(json_get(c, "time")));
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			predict_number(w, keys[i], c, keys[i], PRICE_SCALE);
		predict_number(w, "volume", c, "volume", VOLUME_SCALE);
		json_write_close(w);
	}
}

static void predict_body(const struct model_predict *q, struct buf *out)
{
	const struct json *market = json_get(q->context, "market");
	const struct json *asset = model_first(json_get(market, "assets"));
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schemaVersion", PREDICT_SCHEMA);
	json_write_string(&w, "requestId", q->request_id);
	json_write_string(&w, "agentId", q->agent);
	predict_portfolio(&w, q->context);
	json_write_array(&w, "candles");
	for (; asset != NULL; asset = json_next(asset))
		predict_asset(&w, asset);
	json_write_close(&w);
	json_write_string(&w, "instructions", q->instructions != NULL ? q->instructions : "");
	json_write_close(&w);
}

int model_predict_build(const struct provider *p, const char *key_path,
			const struct model_predict *q, int64_t timeout_ms,
			struct fetch_request *out, struct err *e)
{
	struct buf url = BUF_INIT, body = BUF_INIT;
	char *key = NULL;

	*out = (struct fetch_request){ 0 };
	if (q->context == NULL || json_get(q->context, "portfolio") == NULL)
		return err_set(e, ERR_DATA, "predict: the context has no portfolio");
	predict_body(q, &body);
	if (buf_overflowed(&body)) {
		buf_release(&body);
		return err_set(e, ERR_DATA, "predict: the context is too long");
	}
	buf_addf(&url, "%s/predict", p->base);
	key = mem_printf("%s-%s-%s", q->agent, q->batch, q->window);
	model_request(out, key, &url, &body, &predict_auth, key_path, timeout_ms);
	fetch_add_header(out, "idempotency-key", key);
	free(key);
	return 0;
}

/* ------------------------------------------------------------------ the reply */

static const char *predict_text(const struct json *obj, const char *key)
{
	const struct json *v = json_get(obj, key);

	return v != NULL && json_type(v) == JSON_STRING ? json_text(v) : NULL;
}

/* A number, or one in a string; digits beyond ours are rounded. NULL and null are 1: absent. */
static int predict_amount(struct json_writer *w, const char *key, const struct json *v,
			  int scale)
{
	struct err e = { 0 };
	bool rounded = false;
	int64_t n;

	if (v == NULL || json_type(v) == JSON_NULL)
		return 1;
	if (json_text(v) == NULL ||
	    decimal_parse_foreign(json_text(v), json_text_len(v), scale, &n, &rounded, &e) != 0)
		return -1;
	json_write_decimal(w, key, n, scale);
	return 0;
}

static bool predict_order(struct json_writer *w, const struct json *order)
{
	const char *asset = predict_text(order, "assetSymbol");
	const char *side = predict_text(order, "side");
	bool good;

	if (asset == NULL || side == NULL)
		return false;
	if (strcmp(side, "HOLD") == 0)
		return true;
	if (strcmp(side, "BUY") != 0 && strcmp(side, "SELL") != 0)
		return false;
	json_write_object(w, NULL);
	json_write_string(w, "asset", asset);
	json_write_string(w, "side", side[0] == 'B' ? "buy" : "sell");
	good = predict_amount(w, "quantity", json_get(order, "quantity"), QUANTITY_SCALE) ==
		       0 &&
	       predict_amount(w, "limit_price", json_get(order, "limitPrice"), PRICE_SCALE) >=
		       0;
	json_write_close(w);
	return good;
}

/* "rsi_oversold (rsi 28.1, bullish)": a rule that fired, cited in the reasoning. */
static void predict_rule(struct buf *out, const struct json *signal)
{
	const struct json *fired = json_get(signal, "fired");
	const char *rule = predict_text(signal, "rule");
	const char *feature = predict_text(signal, "feature");
	const char *value = json_text(json_get(signal, "value"));
	const char *way = predict_text(signal, "contribution");

	if (rule == NULL || fired == NULL || !json_true(fired))
		return;
	buf_addf(out, "%s%s (%s %s, %s)", out->len > 0 ? ", " : "", rule,
		 feature != NULL ? feature : "?", value != NULL ? value : "?",
		 way != NULL ? way : "neutral");
}

static void predict_reasoning(struct json_writer *w, const struct json *root)
{
	const struct json *signal = model_first(json_get(root, "signals"));
	const char *reasoning = predict_text(root, "reasoning");
	struct buf rules = BUF_INIT, text = BUF_INIT;

	for (; signal != NULL; signal = json_next(signal))
		predict_rule(&rules, signal);
	if (reasoning != NULL)
		buf_adds(&text, reasoning);
	if (rules.len > 0)
		buf_addf(&text, "%srules: %s", text.len > 0 ? "\n" : "", rules.data);
	if (text.len > 0)
		json_write_string(w, "reasoning", text.data);
	buf_release(&text);
	buf_release(&rules);
}

/* NULL, or what makes it no reply to this request. */
static const char *predict_check(const struct model_predict *q, const struct json *root)
{
	const char *version = predict_text(root, "schemaVersion");
	const char *id = predict_text(root, "requestId");
	const char *agent = predict_text(root, "agentId");
	const struct json *orders = json_get(root, "orders");

	if (version == NULL)
		return "schemaVersion is missing";
	if (strcmp(version, "1") != 0 && strncmp(version, "1.", 2) != 0)
		return "schemaVersion is not 1";
	if (id == NULL || strcmp(id, q->request_id) != 0)
		return "requestId is not that of the request";
	if (agent != NULL && strcmp(agent, q->agent) != 0)
		return "agentId is not that of the request";
	if (orders == NULL || json_type(orders) != JSON_ARRAY)
		return "orders are missing";
	return NULL;
}

static void predict_decision(const struct json *root, struct model_reply *r)
{
	struct buf text = BUF_INIT;
	struct json_writer w;
	int i = 0;

	json_write_init(&w, &text);
	json_write_object(&w, NULL);
	json_write_array(&w, "orders");
	for (const struct json *o = json_first(json_get(root, "orders")); o != NULL;
	     o = json_next(o), i++) {
		if (!predict_order(&w, o)) {
			model_end(r, MODEL_MALFORMED, "orders[%d] is no order", i);
			buf_release(&text);
			return;
		}
	}
	json_write_close(&w);
	predict_reasoning(&w, root);
	json_write_close(&w);
	model_end_text(r, &text, "");
}

void model_predict_parse(const struct model_predict *q, const struct fetch_answer *a,
			 int64_t now_ms, struct model_reply *r)
{
	struct json *root = model_open(a, now_ms, r);
	const char *wrong;

	if (root == NULL)
		return;
	r->model = model_clean(predict_text(root, "modelVersion"), MODEL_NAME_MAX);
	wrong = predict_check(q, root);
	if (wrong != NULL)
		model_end(r, MODEL_MALFORMED, "%s", wrong);
	else
		predict_decision(root, r);
	json_free(root);
}
