#include "race_rules.h"

#include <string.h>

#include "ledger.h"
#include "tstamp.h"

#include "banned.h"

/* ------------------------------------------------------------------ equities */

/* At the start of the UTC day; it begins with this batch where it has no snapshot yet. */
static int rules_day_equity(struct race_rules *r, struct err *e)
{
	int64_t window_ms = r->w->window_ms;
	bool own = r->seen != RACE_RULES_SEEN_NONE;
	struct ledger_snapshot first;
	bool found;

	r->moment.day_equity = r->moment.equity;
	if (ledger_first_snapshot(r->db, r->agent_id, window_ms - window_ms % TSTAMP_DAY_MS,
				  window_ms + own, &first, &found, e) != 0)
		return -1;
	if (found && (first.window_ms < window_ms || first.phase == LEDGER_PRE ||
		      r->seen == RACE_RULES_SEEN_ALL))
		r->moment.day_equity = first.total;
	return 0;
}

/* At its highest; looked for only where a rule wants to know. */
static int rules_peak_equity(struct race_rules *r, struct money start_cash, struct err *e)
{
	int64_t window_ms = r->w->window_ms;
	bool own = r->seen == RACE_RULES_SEEN_ALL, found = false;
	struct ledger_snapshot pre;
	struct money peak;

	r->moment.peak_equity = start_cash;
	if (config_num(&r->w->config, CONFIG_RISK_DRAWDOWN_STOP_PCT) <= 0)
		return 0;
	if (ledger_peak(r->db, r->agent_id, window_ms + own, &peak, e) != 0 ||
	    (r->seen == RACE_RULES_SEEN_PRE &&
	     ledger_load_snapshot(r->db, r->agent_id, window_ms, LEDGER_PRE, &pre, &found, e) !=
		     0))
		return -1;
	if (peak.u > r->moment.peak_equity.u)
		r->moment.peak_equity = peak;
	if (found && pre.total.u > r->moment.peak_equity.u)
		r->moment.peak_equity = pre.total;
	return 0;
}

static int rules_equities(struct race_rules *r, const struct portfolio *p, struct err *e)
{
	struct money value;
	int64_t unpriced;

	if (race_value(r->db, r->w->window_ms, p, &value, &unpriced, e) != 0)
		return -1;
	if (money_add(p->cash, value, &r->moment.equity) != 0)
		return err_set(e, ERR_INTERNAL, "agent %s: its value does not fit", r->agent);
	if (rules_day_equity(r, e) != 0)
		return -1;
	return rules_peak_equity(r, p->start_cash, e);
}

/* ------------------------------------------------------------------ limits */

static int rules_limits(struct race_rules *r, struct money start_cash, struct err *e)
{
	const struct config *c = &r->w->config;
	struct risk_limits *l = &r->limits;

	*l = (struct risk_limits){ .clip = config_num(c, CONFIG_RISK_MODE) == 0,
				   .exempt = r->baseline };
	l->max_position_e8 = config_e8(c, CONFIG_RISK_MAX_POSITION_PCT);
	l->max_order_e8 = config_e8(c, CONFIG_RISK_MAX_ORDER_PCT);
	l->min_order.u = config_num(c, CONFIG_RISK_MIN_ORDER);
	l->max_orders = config_num(c, CONFIG_RISK_MAX_ORDERS);
	l->cooldown_ms = config_num(c, CONFIG_RISK_COOLDOWN_MIN) * 60000;
	l->drawdown_e8 = config_e8(c, CONFIG_RISK_DRAWDOWN_STOP_PCT);
	if (money_rate(start_cash, config_e8(c, CONFIG_RISK_CASH_RESERVE_PCT), DECIMAL_UP,
		       &l->cash_reserve) != 0 ||
	    money_rate(r->moment.day_equity, config_e8(c, CONFIG_RISK_DAILY_LOSS_PCT),
		       DECIMAL_DOWN, &l->daily_loss) != 0)
		return err_set(e, ERR_INTERNAL, "agent %s: its limits do not fit", r->agent);
	return 0;
}

int race_rules_start(struct race_rules *r, const struct portfolio *p, struct err *e)
{
	r->agent_id = p->agent_id;
	r->seq = p->seq;
	r->moment = (struct risk_moment){ .halted = r->halted, .now_ms = r->w->window_ms };
	if (rules_equities(r, p, e) != 0)
		return -1;
	return rules_limits(r, p->start_cash, e);
}

/* ------------------------------------------------------------------ one order */

/* Whether an asset is in risk.assets, or that is empty. */
static bool rules_allowed(const struct config *c, const char *asset)
{
	const char *p = config_text(c, CONFIG_RISK_ASSETS);
	size_t len = strlen(asset);

	if (p[0] == '\0')
		return true;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, asset, n) == 0)
			return true;
		p += p[n] == ',' ? n + 1 : n;
	}
	return false;
}

static void rules_price(const struct race_rules *r, struct risk_moment *m)
{
	m->quality = VIEW_ABSENT;
	m->price.u = 0;
	for (size_t i = 0; m->known && i < r->n_prices; i++)
		if (r->prices[i].asset_id == m->asset_id) {
			m->quality = r->prices[i].quality;
			m->price = r->prices[i].price;
		}
}

static void rules_asset(const struct race_rules *r, const struct decision_order *o,
			struct risk_moment *m)
{
	m->known = m->enabled = false;
	m->allowed = o->side == DECISION_SELL || rules_allowed(&r->w->config, o->asset);
	for (size_t i = 0; i < r->w->n_assets; i++)
		if (strcmp(r->w->assets[i].symbol, o->asset) == 0) {
			m->known = true;
			/* what was switched off can still be sold */
			m->enabled = r->w->assets[i].enabled || o->side == DECISION_SELL;
			m->asset_id = r->w->assets[i].id;
		}
}

static int rules_last_trade(const struct race_rules *r, struct risk_moment *m, struct err *e)
{
	int64_t last = -1;

	if (m->known &&
	    ledger_last_trade(r->db, r->agent_id, m->asset_id, r->seq, &last, e) != 0)
		return -1;
	m->has_last_trade = last >= 0;
	m->last_trade_ms = last;
	return 0;
}

int race_rules_check(struct race_rules *r, const struct portfolio *p,
		     const struct decision_order *o, size_t index, struct risk_outcome *out,
		     struct err *e)
{
	r->moment.order_index = (int64_t)index;
	rules_asset(r, o, &r->moment);
	rules_price(r, &r->moment);
	if (rules_last_trade(r, &r->moment, e) != 0)
		return -1;
	risk_check(&r->limits, &r->moment, p, &r->costs, o, out);
	return 0;
}
