#include "report_part.h"

#include <stdlib.h>

#include "guard.h"
#include "json.h"
#include "tstamp.h"

#include "banned.h"

/* What an agent said and did last. Its words are foreign text. */

#define REASONING_MAX 600 /* bytes */
#define ERROR_MAX 200
#define ORDERS_MAX 8
#define RULES_MAX 8
#define REGIME_MAX 16
#define DECISIONS_AT_SIGHT 2

static void add_time(int64_t ms, struct buf *out)
{
	char t[TSTAMP_TEXT_MAX];

	buf_addf(out, "<time datetime=\"%s\">", tstamp_format(ms, t));
	report_moment(out, ms);
	buf_adds(out, "</time>");
}

/* ------------------------------------------------------------------ decisions */

static void add_order(const struct decision_order *o, struct buf *out)
{
	char t[DECIMAL_TEXT_MAX];

	buf_addf(out, "%s ", decision_side_name(o->side));
	if (o->by_notional)
		buf_addf(out, "%s of ", decimal_format_fixed(o->notional.u, MONEY_SCALE, 2, t));
	else
		buf_addf(out, "%s ", decimal_format(o->quantity.u, QUANTITY_SCALE, t));
	report_text(out, o->asset, IDENT_ASSET_MAX);
	if (o->has_limit)
		buf_addf(out, " at %s or better", decimal_format(o->limit.u, PRICE_SCALE, t));
}

/* What the market of its asset was like when it was decided. */
static void add_regime(const struct report_decision *d, const char *asset, struct buf *out)
{
	const char *regime = d->regimes != NULL ? json_text(json_get(d->regimes, asset)) : NULL;

	if (regime == NULL)
		return;
	buf_adds(out, " <span class=\"mute\">");
	report_text(out, regime, REGIME_MAX);
	buf_adds(out, "</span>");
}

/* What risk and the market made of an order, where that is not what it says. */
static void add_outcome(const struct verdict_order *o, struct buf *out)
{
	char why[RISK_TEXT_MAX];

	if (o->outcome.action == RISK_PASS)
		return;
	buf_addf(out, " <i>%s", o->outcome.action == RISK_CLIP ? "cut" : "dropped");
	if (o->outcome.reasons != 0)
		buf_addf(out, ": %s", risk_reasons_text(o->outcome.reasons, why));
	buf_adds(out, "</i>");
}

static void add_orders(const struct report_decision *d, struct buf *out)
{
	size_t n = d->v.d.n_orders < ORDERS_MAX ? d->v.d.n_orders : ORDERS_MAX;

	if (n == 0)
		return;
	buf_adds(out, "<ul>");
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, "<li>");
		add_order(&d->v.d.orders[i], out);
		add_regime(d, d->v.d.orders[i].asset, out);
		if (d->done && i < d->x.n_orders)
			add_outcome(&d->x.orders[i], out);
		buf_adds(out, "</li>");
	}
	if (n < d->v.d.n_orders)
		buf_addf(out, "<li>and %zu more</li>", d->v.d.n_orders - n);
	buf_adds(out, "</ul>");
}

static void add_end(const struct report_decision *d, struct buf *out)
{
	if (!d->done)
		buf_adds(out, ", waits");
	else if (d->x.end != VERDICT_EXECUTED && d->x.end != VERDICT_VOID)
		buf_addf(out, ", %s", verdict_end_name(d->x.end));
	else if (d->x.n_orders > 0)
		buf_addf(out, ", %zu of %zu orders filled", d->x.n_trades, d->x.n_orders);
}

static void add_words(const struct report_decision *d, struct buf *out)
{
	if (d->v.d.reasoning != NULL && d->v.d.reasoning[0] != '\0') {
		buf_adds(out, "<p class=\"words\"><bdi>");
		report_text(out, d->v.d.reasoning, REASONING_MAX);
		buf_adds(out, "</bdi></p>");
	}
	for (size_t i = 0; i < d->v.d.n_rules && i < RULES_MAX; i++) {
		buf_adds(out, i == 0 ? "<p class=\"mute\">Its rules: <bdi>" : ", <bdi>");
		report_text(out, d->v.d.rules[i], ERROR_MAX);
		buf_adds(out, "</bdi>");
	}
	if (d->v.d.n_rules > 0)
		buf_adds(out, "</p>");
	if (d->v.d.error != NULL) {
		char *told = guard_tell(d->v.d.error);

		buf_adds(out, "<p class=\"words err\"><bdi>");
		report_text(out, told, ERROR_MAX);
		buf_adds(out, "</bdi></p>");
		free(told);
	}
}

static void add_decision(const struct report_row *r, const struct report_decision *d,
			 struct buf *out)
{
	char hex[DIGEST_HEX_SIZE];

	buf_adds(out, "<li>");
	add_time(d->v.window_ms, out);
	digest_hex(&d->v.hash, hex);
	if (r->card.publish == ROSTER_PUBLISH_NONE) {
		buf_addf(out, " <code>%.16s</code></li>\n", hex);
		return;
	}
	buf_addf(out, " <b>%s</b>", decision_status_name(d->v.d.status));
	add_end(d, out);
	if (d->v.d.has_confidence) {
		buf_adds(out, ", sure to ");
		report_percent(out, (double)d->v.d.confidence_e4 / 10000, 0, false);
	}
	buf_addf(out, " <code>%.8s</code>", hex);
	add_orders(d, out);
	add_words(d, out);
	buf_adds(out, "</li>\n");
}

void report_decisions(const struct report_row *r, struct buf *out)
{
	const struct report_card *c = &r->card;
	size_t n = c->n_decisions < DECISIONS_AT_SIGHT ? c->n_decisions : DECISIONS_AT_SIGHT;

	if (c->n_decisions == 0)
		return;
	buf_addf(out, "<h4>Last decisions%s</h4>\n<ol class=\"said\">\n",
		 c->publish == ROSTER_PUBLISH_NONE ? ", by hash: it does not publish them"
						   : "");
	for (size_t i = 0; i < n; i++)
		add_decision(r, &c->decisions[i], out);
	buf_adds(out, "</ol>\n");
	if (n == c->n_decisions)
		return;
	buf_addf(out, "<details><summary>%zu more</summary><ol class=\"said\">\n",
		 c->n_decisions - n);
	for (size_t i = n; i < c->n_decisions; i++)
		add_decision(r, &c->decisions[i], out);
	buf_adds(out, "</ol></details>\n");
}

/* ------------------------------------------------------------------ trades */

static void add_trade(const struct report_trade *t, struct buf *out)
{
	char q[DECIMAL_TEXT_MAX], p[DECIMAL_TEXT_MAX];

	buf_adds(out, "<tr><td>");
	add_time(t->fill_ms, out);
	buf_addf(out, "</td><td>%s %s</td><td class=\"m\">%s</td><td class=\"m\">%s</td><td>",
		 t->sell ? "sell" : "buy", t->symbol,
		 decimal_format(t->quantity.u, QUANTITY_SCALE, q),
		 decimal_format(t->price.u, PRICE_SCALE, p));
	report_amount(out, t->notional.u, MONEY_SCALE, 2);
	buf_adds(out, "</td><td class=\"m\">");
	report_amount(out, t->fee.u, MONEY_SCALE, 2);
	buf_adds(out, "</td><td>");
	if (t->sell)
		report_amount(out, t->realised.u, MONEY_SCALE, 2);
	buf_adds(out, "</td></tr>\n");
}

void report_trades(const struct report_row *r, struct buf *out)
{
	const struct report_card *c = &r->card;

	if (c->n_trades == 0)
		return;
	buf_addf(out,
		 "<details><summary>Last %zu of %zu trades</summary>\n<table class=\"tab\">"
		 "<thead><tr><th>Filled</th><th>Trade</th><th class=\"m\">Units</th>"
		 "<th class=\"m\">Price</th><th>Value</th><th class=\"m\">Fee</th>"
		 "<th>Gain</th></tr></thead><tbody>\n",
		 c->n_trades, r->s->m.n_trades);
	for (size_t i = 0; i < c->n_trades; i++)
		add_trade(&c->trades[i], out);
	buf_adds(out, "</tbody></table></details>\n");
}
