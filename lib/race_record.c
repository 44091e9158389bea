#include "race.h"

#include <string.h>

#include "tstamp.h"
#include "wire.h"

#include "banned.h"

/* Records of stored facts: the same row always prints the same bytes. */

void race_record_decision(struct buf *out, const struct race_agent *a, const struct verdict *v)
{
	char batch[TSTAMP_WINDOW_ID_MAX], fill[TSTAMP_WINDOW_ID_MAX];
	struct json_writer j;

	wire_open(&j, out, WIRE_DECISION, v->window_ms);
	json_write_string(&j, "batch", tstamp_window_id(v->window_ms, batch));
	json_write_string(&j, "agent", a->name);
	json_write_int(&j, "version", v->version);
	json_write_string(&j, "status", decision_status_name(v->d.status));
	json_write_string(&j, "fill", tstamp_window_id(v->fill_ms, fill));
	wire_write_orders(&j, "orders", &v->d);
	if (v->d.reasoning != NULL)
		json_write_string(&j, "reasoning", v->d.reasoning);
	wire_write_rules(&j, &v->d);
	if (v->d.has_confidence)
		json_write_decimal(&j, "confidence", v->d.confidence_e4, 4);
	if (v->d.error != NULL)
		json_write_string(&j, "error", v->d.error);
	json_write_close(&j);
	json_write_end(&j);
}

struct race_trade_list {
	struct json_writer *j;
	const struct verdict_execution *x;
};

static int race_record_trade(void *ctx, const struct ledger_trade *t, struct err *e)
{
	struct race_trade_list *l = ctx;
	struct json_writer *j = l->j;
	const struct portfolio_fill *f = &t->fill;

	(void)e;
	json_write_object(j, NULL);
	json_write_int(j, "seq", f->seq);
	json_write_int(j, "order", t->idx);
	json_write_string(j, "asset",
			  (size_t)t->idx < l->x->n_orders ? l->x->orders[t->idx].order.asset
							  : "?");
	json_write_string(j, "side", decision_side_name(f->side));
	json_write_decimal(j, "quantity", f->quantity.u, QUANTITY_SCALE);
	json_write_decimal(j, "price", f->price.u, PRICE_SCALE);
	json_write_decimal(j, "fill_price", f->fill.u, PRICE_SCALE);
	json_write_decimal(j, "notional", f->notional.u, MONEY_SCALE);
	json_write_decimal(j, "fee", f->fee.u, MONEY_SCALE);
	json_write_decimal(j, "cash_after", f->cash_after.u, MONEY_SCALE);
	json_write_decimal(j, "position_after", f->position_after.u, QUANTITY_SCALE);
	json_write_close(j);
	return 0;
}

static void race_record_edits(struct json_writer *j, const struct verdict_execution *x)
{
	char reasons[RISK_TEXT_MAX];

	json_write_array(j, "edits");
	for (size_t i = 0; i < x->n_orders; i++) {
		const struct verdict_order *o = &x->orders[i];

		if (o->outcome.action == RISK_PASS)
			continue;
		json_write_object(j, NULL);
		json_write_int(j, "order", (int64_t)i);
		json_write_string(j, "asset", o->order.asset);
		json_write_string(j, "side", decision_side_name(o->order.side));
		json_write_string(j, "action", risk_action_name(o->outcome.action));
		json_write_string(j, "reasons", risk_reasons_text(o->outcome.reasons, reasons));
		json_write_decimal(j, "wanted", o->outcome.wanted.u, QUANTITY_SCALE);
		json_write_decimal(j, "quantity", o->outcome.quantity.u, QUANTITY_SCALE);
		json_write_close(j);
	}
	json_write_close(j);
}

int race_record_execution(struct db *db, struct buf *out, const struct race_agent *a,
			  const struct verdict_execution *x, struct err *e)
{
	char decided[TSTAMP_WINDOW_ID_MAX];
	struct json_writer j;
	struct race_trade_list l = { &j, x };

	wire_open(&j, out, WIRE_EXECUTION, x->exec_ms);
	json_write_string(&j, "agent", a->name);
	json_write_string(&j, "decided", tstamp_window_id(x->window_ms, decided));
	json_write_string(&j, "status", verdict_end_name(x->end));
	json_write_array(&j, "trades");
	if (ledger_decision_trades(db, x->agent_id, x->window_ms, race_record_trade, &l, e) !=
	    0)
		return -1;
	json_write_close(&j);
	race_record_edits(&j, x);
	json_write_decimal(&j, "cash_before", x->cash_before.u, MONEY_SCALE);
	json_write_decimal(&j, "cash_after", x->cash_after.u, MONEY_SCALE);
	json_write_close(&j);
	json_write_end(&j);
	return 0;
}

void race_record_snapshot(struct buf *out, const char *agent, const struct ledger_snapshot *s)
{
	struct json_writer j;

	wire_open(&j, out, WIRE_SNAPSHOT, s->window_ms);
	json_write_string(&j, "agent", agent);
	json_write_string(&j, "phase", ledger_phase_name(s->phase));
	json_write_decimal(&j, "cash", s->cash.u, MONEY_SCALE);
	json_write_decimal(&j, "positions_value", s->positions_value.u, MONEY_SCALE);
	json_write_decimal(&j, "unrealised", s->unrealised.u, MONEY_SCALE);
	json_write_decimal(&j, "total", s->total.u, MONEY_SCALE);
	json_write_int(&j, "unpriced", s->unpriced);
	json_write_close(&j);
	json_write_end(&j);
}
