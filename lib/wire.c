#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

void wire_open(struct json_writer *w, struct buf *out, const char *schema, int64_t window_ms)
{
	char id[TSTAMP_WINDOW_ID_MAX], at[TSTAMP_TEXT_MAX];

	json_write_init(w, out);
	json_write_object(w, NULL);
	json_write_string(w, "schema", schema);
	json_write_string(w, "window", tstamp_window_id(window_ms, id));
	json_write_string(w, "time", tstamp_format(window_ms, at));
}

void wire_end(struct buf *out, int64_t window_ms, size_t count)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", WIRE_END);
	json_write_string(&w, "window", tstamp_window_id(window_ms, id));
	json_write_int(&w, "count", (int64_t)count);
	json_write_close(&w);
	json_write_end(&w);
}

/* ------------------------------------------------------------------ orders */

void wire_write_orders(struct json_writer *w, const char *key, const struct decision *d)
{
	json_write_array(w, key);
	for (size_t i = 0; i < d->n_orders; i++) {
		const struct decision_order *o = &d->orders[i];

		json_write_object(w, NULL);
		json_write_string(w, "asset", o->asset);
		json_write_string(w, "side", decision_side_name(o->side));
		if (o->by_notional)
			json_write_decimal(w, "notional", o->notional.u, MONEY_SCALE);
		else
			json_write_decimal(w, "quantity", o->quantity.u, QUANTITY_SCALE);
		if (o->has_limit)
			json_write_decimal(w, "limit_price", o->limit.u, PRICE_SCALE);
		json_write_close(w);
	}
	json_write_close(w);
}

char *wire_orders_text(const struct decision *d)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	wire_write_orders(&w, NULL, d);
	return buf_take(&b);
}

static void wire_read_order(struct json_reader *r, struct decision_order *o)
{
	const char *asset = json_read_string(r, "asset", true);
	const char *side = json_read_string(r, "side", true);
	struct err bad = { 0 };
	bool quantity = json_read_decimal(r, "quantity", false, QUANTITY_SCALE, &o->quantity.u);

	o->by_notional = json_read_decimal(r, "notional", false, MONEY_SCALE, &o->notional.u);
	o->has_limit = json_read_decimal(r, "limit_price", false, PRICE_SCALE, &o->limit.u);
	if (r->failed)
		return;
	if (ident_check_asset(asset, &bad) != 0)
		json_read_fail(r, "asset", "%s", bad.text);
	else
		snprintf(o->asset, sizeof o->asset, "%s", asset);
	if (strcmp(side, "buy") == 0)
		o->side = DECISION_BUY;
	else if (strcmp(side, "sell") == 0)
		o->side = DECISION_SELL;
	else
		json_read_fail(r, "side", "must be buy or sell");
	if (quantity == o->by_notional)
		json_read_fail(r, NULL, "needs either quantity or notional");
	else if (quantity && o->quantity.u <= 0)
		json_read_fail(r, "quantity", "must be above 0");
	else if (o->by_notional && o->notional.u <= 0)
		json_read_fail(r, "notional", "must be above 0");
	if (o->has_limit && o->limit.u <= 0)
		json_read_fail(r, "limit_price", "must be above 0");
}

/* Read the elements of an array of orders; errors latch in ${parent}. */
static void wire_read_orders(struct json_reader *parent, const struct json *array,
			     struct decision *d)
{
	int i = 0;

	if (json_count(array) > DECISION_ORDERS_MAX) {
		json_read_fail(parent, "orders", "has more than %d elements",
			       DECISION_ORDERS_MAX);
		return;
	}
	for (const struct json *v = json_first(array); v != NULL && !parent->failed;
	     v = json_next(v), i++) {
		struct json_reader r;

		json_read_child(&r, parent, "orders", i, v);
		wire_read_order(&r, decision_add(d));
		if (json_read_end(&r) != 0)
			parent->failed = true;
	}
}

int wire_orders_parse(const char *text, struct decision *d, struct err *e)
{
	struct json *root = json_parse(text, strlen(text), e);
	struct json_reader r = { .what = "orders", .e = e };

	if (root == NULL)
		return -1;
	wire_read_orders(&r, root, d);
	if (d->n_orders == 0)
		d->status = DECISION_HOLD;
	json_free(root);
	return r.failed ? -1 : 0;
}

/* ------------------------------------------------------------------ rules */

static char *wire_cut(const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n > max) {
		n = max;
		/* not in the middle of a character */
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	return mem_strndup(text, n);
}

void wire_write_rules(struct json_writer *w, const struct decision *d)
{
	if (d->n_rules == 0)
		return;
	json_write_array(w, "rules");
	for (size_t i = 0; i < d->n_rules; i++)
		json_write_string(w, NULL, d->rules[i]);
	json_write_close(w);
}

char *wire_rules_text(const struct decision *d)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_array(&w, NULL);
	for (size_t i = 0; i < d->n_rules; i++)
		json_write_string(&w, NULL, d->rules[i]);
	json_write_close(&w);
	return buf_take(&b);
}

static void wire_take_rules(struct json_reader *r, const struct json *array, struct decision *d)
{
	d->rules = mem_array(json_count(array), sizeof *d->rules);
	for (const struct json *v = json_first(array); v != NULL && !r->failed;
	     v = json_next(v)) {
		const char *text = json_type(v) == JSON_STRING ? json_text(v) : NULL;

		if (text == NULL || text[0] == '\0')
			json_read_fail(r, "rules", "must be texts that are not empty");
		else
			d->rules[d->n_rules++] = wire_cut(text, DECISION_RULE_MAX);
	}
}

static void wire_read_rules(struct json_reader *r, struct decision *d)
{
	const struct json *v = json_read_any(r, "rules", false);

	if (v == NULL || json_type(v) == JSON_NULL)
		return;
	if (json_type(v) != JSON_ARRAY)
		json_read_fail(r, "rules", "must be an array");
	else if (json_count(v) > DECISION_RULES_MAX)
		json_read_fail(r, "rules", "has more than %d elements", DECISION_RULES_MAX);
	else if (json_count(v) > 0)
		wire_take_rules(r, v, d);
}

int wire_rules_parse(const char *text, struct decision *d, struct err *e)
{
	struct json *root = json_parse(text, strlen(text), e);
	struct json_reader r = { .what = "rules", .e = e };

	if (root == NULL)
		return -1;
	wire_take_rules(&r, root, d);
	json_free(root);
	return r.failed ? -1 : 0;
}

void wire_decision_hash(const struct decision *d, struct digest *out)
{
	char *orders = wire_orders_text(d);
	const char *status = decision_status_name(d->status);
	const char *reasoning = d->reasoning != NULL ? d->reasoning : "";
	const char *error = d->error != NULL ? d->error : "";
	struct digest_state s;

	digest_init(&s);
	digest_field(&s, WIRE_DECISION, strlen(WIRE_DECISION));
	digest_field(&s, status, strlen(status));
	digest_field(&s, orders, strlen(orders));
	digest_int(&s, d->reasoning != NULL);
	digest_field(&s, reasoning, strlen(reasoning));
	digest_int(&s, d->has_confidence ? d->confidence_e4 : -1);
	digest_field(&s, error, strlen(error));
	/* answers that cite nothing keep the hash they had before any could */
	if (d->n_rules > 0) {
		char *rules = wire_rules_text(d);

		digest_field(&s, rules, strlen(rules));
		free(rules);
	}
	digest_final(&s, out);
	free(orders);
}

/* ------------------------------------------------------------------ decisions */

static void wire_read_confidence(struct json_reader *r, struct decision *d)
{
	const struct json *v = json_read_any(r, "confidence", false);
	struct err bad = { 0 };
	bool rounded = false;

	if (v == NULL || json_type(v) == JSON_NULL)
		return;
	/* a model writes 0.8 as often as "0.8" */
	if (json_text(v) == NULL ||
	    decimal_parse_foreign(json_text(v), json_text_len(v), 4, &d->confidence_e4,
				  &rounded, &bad) != 0 ||
	    d->confidence_e4 < 0 || d->confidence_e4 > 10000)
		json_read_fail(r, "confidence", "must be a number from 0 to 1");
	else
		d->has_confidence = true;
}

/* The part of a record that is the answer itself. */
static void wire_read_answer(struct json_reader *r, struct decision *d)
{
	const struct json *orders = json_read_array(r, "orders", true);
	const char *reasoning = json_read_string(r, "reasoning", false);

	wire_read_confidence(r, d);
	wire_read_rules(r, d);
	if (orders != NULL && !r->failed)
		wire_read_orders(r, orders, d);
	if (reasoning != NULL)
		d->reasoning = wire_cut(reasoning, DECISION_REASONING_MAX);
	if (d->n_orders == 0)
		d->status = DECISION_HOLD;
}

/* Keys of the envelope that an agent may echo; what they say is checked by the caller. */
static void wire_read_envelope(struct json_reader *r, const char **agent, const char **window)
{
	const char *schema = json_read_string(r, "schema", false);

	if (schema != NULL && strcmp(schema, WIRE_DECISION) != 0)
		json_read_fail(r, "schema", "must be %s", WIRE_DECISION);
	*agent = json_read_string(r, "agent", false);
	*window = json_read_string(r, "window", false);
	json_read_string(r, "time", false);
	json_read_string(r, "batch", false);
}

static size_t wire_trim(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL && text[len - 1] != '\0')
		len--;
	return len;
}

/* An answer may say whose it is, but then it must be so. */
static void wire_check_envelope(struct json_reader *r, const char *agent, const char *window,
				const char *want_agent, int64_t want_ms)
{
	struct err bad = { 0 };
	int64_t window_ms;

	json_read_any(r, "version", false);
	json_read_any(r, "fill", false);
	json_read_any(r, "error", false);
	if (agent != NULL && strcmp(agent, want_agent) != 0)
		json_read_fail(r, "agent", "is %.64s, not %s", agent, want_agent);
	if (window != NULL &&
	    (tstamp_parse(window, &window_ms, &bad) != 0 || window_ms != want_ms))
		json_read_fail(r, "window", "is %.64s, not the window asked about", window);
}

void wire_parse_answer(const char *text, size_t len, const char *want_agent, int64_t want_ms,
		       struct decision *d)
{
	struct err e = { 0 };
	struct json_reader r;
	const char *agent, *window, *status;
	struct json *root;

	len = wire_trim(text, len);
	if (len == 0) {
		decision_fail(d, DECISION_INVALID, "the answer is empty");
		return;
	}
	root = json_parse(text, len, &e);
	if (root == NULL) {
		decision_fail(d, DECISION_INVALID, "answer: %s", e.text);
		return;
	}
	json_read_init(&r, root, "answer", &e);
	wire_read_envelope(&r, &agent, &window);
	wire_check_envelope(&r, agent, window, want_agent, want_ms);
	wire_read_answer(&r, d);
	status = json_read_string(&r, "status", false);
	if (!r.failed && status != NULL &&
	    strcmp(status, decision_status_name(d->status)) != 0 &&
	    strcmp(status, "refused") != 0)
		json_read_fail(&r, "status", "contradicts the orders");
	if (json_read_end(&r) != 0)
		decision_fail(d, DECISION_INVALID, "%s", e.text);
	else if (status != NULL && strcmp(status, "refused") == 0)
		decision_fail(d, DECISION_REFUSED, "%s", "the agent refused");
	json_free(root);
}

static void wire_read_record(struct json_reader *r, struct wire_decision *out)
{
	const char *agent, *window, *status, *error;
	struct err bad = { 0 };
	int st;

	wire_read_envelope(r, &agent, &window);
	status = json_read_string(r, "status", true);
	error = json_read_string(r, "error", false);
	json_read_any(r, "version", false);
	json_read_any(r, "fill", false);
	wire_read_answer(r, &out->d);
	if (r->failed)
		return;
	if (agent == NULL || ident_check_agent(agent, &bad) != 0)
		json_read_fail(r, "agent", "%s", agent != NULL ? bad.text : "is missing");
	else
		snprintf(out->agent, sizeof out->agent, "%s", agent);
	if (window == NULL || tstamp_parse(window, &out->window_ms, &bad) != 0)
		json_read_fail(r, "window", "must be a window");
	st = decision_status_parse(status);
	if (st < 0 || (st == DECISION_OK) != (out->d.n_orders > 0))
		json_read_fail(r, "status", "is unknown or contradicts the orders");
	out->d.status = (enum decision_status)st;
	if (error != NULL)
		out->d.error = mem_strdup(error);
}

int wire_parse_decision(const char *line, size_t len, struct wire_decision *out, struct err *e)
{
	struct json *root = json_parse(line, len, e);
	struct json_reader r;
	int rc;

	decision_init(&out->d);
	if (root == NULL)
		return -1;
	json_read_init(&r, root, "record", e);
	wire_read_record(&r, out);
	rc = json_read_end(&r);
	if (rc != 0)
		decision_release(&out->d);
	json_free(root);
	return rc;
}

/* ------------------------------------------------------------------ streams */

struct wire_walk {
	const char *schema;
	size_t records;
	bool ended;
	int64_t window_ms; /* -1 before the first line */
};

static int wire_check_window(struct wire_walk *k, const struct json *root, struct err *e)
{
	const char *text = json_text(json_get(root, "window"));
	int64_t window_ms;

	if (text == NULL)
		return err_set(e, ERR_DATA, "window is missing");
	if (tstamp_parse(text, &window_ms, e) != 0)
		return -1;
	if (window_ms != tstamp_window(window_ms))
		return err_set(e, ERR_DATA, "%.64s is not the start of a window", text);
	if (k->window_ms >= 0 && k->window_ms != window_ms)
		return err_set(e, ERR_DATA, "the stream speaks of two windows");
	k->window_ms = window_ms;
	return 0;
}

static int wire_check_end(struct wire_walk *k, const struct json *root, struct err *e)
{
	struct json_reader r;
	int64_t count = -1;

	json_read_init(&r, root, "end record", e);
	json_read_string(&r, "schema", true);
	json_read_string(&r, "window", true);
	json_read_int(&r, "count", true, 0, INT32_MAX, &count);
	if (json_read_end(&r) != 0)
		return -1;
	if (count != (int64_t)k->records)
		return err_set(e, ERR_DATA, "%zu records, but the end record says %lld",
			       k->records, (long long)count);
	k->ended = true;
	return 0;
}

/* One line: 1 a record, 2 the end, -1. */
static int wire_check_line(struct wire_walk *k, const char *line, size_t len, struct err *e)
{
	struct json *root = json_parse(line, len, e);
	const char *schema;
	int r = -1;

	if (root == NULL)
		return -1;
	schema = json_text(json_get(root, "schema"));
	if (schema != NULL && strcmp(schema, WIRE_END) == 0)
		r = wire_check_end(k, root, e) == 0 ? 2 : -1;
	else if (schema == NULL || strcmp(schema, k->schema) != 0)
		err_set(e, ERR_DATA, "expected %s, not %.40s", k->schema,
			schema != NULL ? schema : "a record without schema");
	else
		r = 1;
	if (r > 0 && wire_check_window(k, root, e) != 0)
		r = -1;
	json_free(root);
	return r;
}

int wire_stream(const char *text, size_t len, const char *schema, wire_line_fn *each, void *ctx,
		int64_t *window_ms, struct err *e)
{
	struct wire_walk k = { schema, 0, false, -1 };
	const char *p = text, *end = text + len;
	size_t line_no = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl != NULL ? (size_t)(nl - p) : (size_t)(end - p);
		int kind;

		line_no++;
		if (k.ended)
			return err_set(e, ERR_DATA,
				       "standard input: line %zu: comes after the end record",
				       line_no);
		kind = wire_check_line(&k, p, n, e);
		if (kind < 0)
			return err_prefix(e, "standard input: line %zu", line_no);
		k.records += kind == 1;
		if (kind == 1 && each != NULL && each(ctx, p, n, e) != 0)
			return -1;
		p = nl != NULL ? nl + 1 : end;
	}
	if (!k.ended)
		return err_set(
			e, ERR_DATA,
			"standard input: cut off after %zu records: the end record is missing",
			k.records);
	*window_ms = k.window_ms;
	return 0;
}

bool wire_is_stream(const char *text, size_t len, const char *schema)
{
	const char *nl = memchr(text, '\n', len);
	struct err e = { 0 };
	struct json *root = json_parse(text, nl != NULL ? (size_t)(nl - text) : len, &e);
	const char *s = root != NULL ? json_text(json_get(root, "schema")) : NULL;
	bool is = s != NULL && nl != NULL &&
		  (strcmp(s, WIRE_END) == 0 ||
		   /* one record alone is an answer, not a stream */
		   (strcmp(s, schema) == 0 && wire_trim(nl, (size_t)(text + len - nl)) > 0));

	json_free(root);
	return is;
}
