#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "decision.h"
#include "mem.h"
#include "unit.h"

#include "banned.h"

/* Views as an agent sees them, and the decisions it answers with. */

static void make_view(struct view *v)
{
	static const char *const symbols[] = { "BTC", "DOGE", "ETH" };

	view_init(v);
	v->n_assets = 3;
	v->assets = mem_array(3, sizeof *v->assets);
	v->positions = mem_array(3, sizeof *v->positions);
	for (size_t i = 0; i < 3; i++) {
		memcpy(v->assets[i].symbol, symbols[i], strlen(symbols[i]) + 1);
		v->assets[i].price.u = INT64_C(30000000000); /* 3 */
		v->assets[i].n_candles = i;
		v->assets[i].candles = mem_array(i, sizeof *v->assets[i].candles);
	}
}

static void test_find(void)
{
	struct view v;

	make_view(&v);
	unit_ok(view_find(&v, "DOGE") == &v.assets[1], "an asset is found by its symbol");
	unit_ok(view_find(&v, "ETH") == &v.assets[2], "the last asset is found too");
	unit_ok(view_find(&v, "XRP") == NULL, "an unknown symbol is not found");
	unit_ok(view_find(&v, "DOG") == NULL, "the beginning of a symbol is not the symbol");
	unit_ok(view_find(&v, "doge") == NULL, "case counts in symbols");
	view_release(&v);
	unit_ok(v.assets == NULL && v.n_assets == 0 && view_find(&v, "BTC") == NULL,
		"a released view is empty");
	view_release(&v);
}

static void test_tradable(void)
{
	struct view_asset a = { .price = { 1 }, .enabled = true };

	a.quality = VIEW_FRESH;
	unit_ok(view_tradable(&a), "a fresh price may be traded on");
	a.enabled = false;
	unit_ok(!view_tradable(&a), "an asset that was switched off may not be bought");
	a.enabled = true;
	a.quality = VIEW_LAST_GOOD;
	unit_ok(view_tradable(&a), "a last good price may be traded on");
	a.quality = VIEW_STALE;
	unit_ok(!view_tradable(&a), "a stale price may not be traded on");
	a.quality = VIEW_SUSPECT;
	unit_ok(!view_tradable(&a), "a suspect price may not be traded on");
	a.quality = VIEW_ABSENT;
	unit_ok(!view_tradable(&a), "an absent price may not be traded on");
	a.quality = VIEW_FRESH;
	a.price.u = 0;
	unit_ok(!view_tradable(&a), "a price of 0 may not be traded on, whatever its quality");
}

static void test_quality_names(void)
{
	unit_ok(strcmp(view_quality_name(VIEW_FRESH), "fresh") == 0 &&
			strcmp(view_quality_name(VIEW_LAST_GOOD), "last_good") == 0 &&
			strcmp(view_quality_name(VIEW_STALE), "stale") == 0 &&
			strcmp(view_quality_name(VIEW_SUSPECT), "suspect") == 0 &&
			strcmp(view_quality_name(VIEW_ABSENT), "absent") == 0,
		"qualities have their names");
}

static void test_value(void)
{
	struct money m = { 7 };
	struct view v;

	make_view(&v);
	v.positions[0].quantity.u = INT64_C(250000000); /* 2.5 at 3 */
	unit_ok(view_position_value(&v, 0, &m) == 0 && m.u == INT64_C(750000000),
		"a position is worth its units at the price");
	v.positions[0].quantity.u = 1; /* 1e-8 at 0.9999999999 */
	v.assets[0].price.u = INT64_C(9999999999);
	unit_ok(view_position_value(&v, 0, &m) == 0 && m.u == 0, "the value is rounded down");
	m.u = 7;
	v.positions[1].quantity.u = 1000;
	v.assets[1].quality = VIEW_ABSENT;
	unit_ok(view_position_value(&v, 1, &m) == 0 && m.u == 0,
		"without a price a position is worth 0");
	v.assets[1].quality = VIEW_STALE;
	unit_ok(view_position_value(&v, 1, &m) == 0 && m.u == 3000,
		"a stale price still values a position");
	m.u = 7;
	v.positions[2].quantity.u = INT64_MAX;
	v.assets[2].price.u = INT64_MAX;
	unit_ok(view_position_value(&v, 2, &m) == -1 && m.u == 7,
		"a value that does not fit is an error and leaves the output alone");
	free(v.positions);
	v.positions = NULL;
	unit_ok(view_position_value(&v, 2, &m) == 0 && m.u == 0,
		"without positions every value is 0");
	view_release(&v);
}

static void test_orders(void)
{
	struct decision_order *o;
	struct decision d;
	bool kept = true, zeroed = true;

	decision_init(&d);
	unit_ok(d.status == DECISION_HOLD && d.n_orders == 0 && d.reasoning == NULL,
		"a new decision is a hold without reasoning");
	for (int64_t i = 0; i < 100; i++) {
		o = decision_add(&d);
		zeroed = zeroed && o->asset[0] == '\0' && o->quantity.u == 0 &&
			 o->notional.u == 0 && !o->has_limit && !o->by_notional;
		o->quantity.u = i + 1;
	}
	for (size_t i = 0; i < 100; i++)
		kept = kept && d.orders[i].quantity.u == (int64_t)i + 1;
	unit_ok(d.n_orders == 100 && kept, "orders stay in the order in which they were added");
	unit_ok(zeroed, "an added order is zeroed");
	unit_ok(d.status == DECISION_OK, "a decision with orders is ok");
	decision_release(&d);
	unit_ok(d.n_orders == 0 && d.orders == NULL && d.status == DECISION_HOLD,
		"a released decision is as new");
	decision_release(&d);
}

static void test_fail(void)
{
	struct decision d;

	decision_init(&d);
	decision_add(&d);
	d.reasoning = mem_strdup("because");
	decision_fail(&d, DECISION_LATE, "%s, %d s late", d.reasoning, 3);
	unit_ok(d.status == DECISION_LATE && strcmp(d.error, "because, 3 s late") == 0,
		"a failure may be described by the decision's own text");
	unit_ok(d.n_orders == 0 && d.orders == NULL && d.reasoning == NULL,
		"a failed decision has no orders left");
	decision_fail(&d, DECISION_ERROR, "again: %s", d.error);
	unit_ok(d.status == DECISION_ERROR && strcmp(d.error, "again: because, 3 s late") == 0,
		"a second failure replaces the first");
	decision_release(&d);
}

static void test_names(void)
{
	static const char *const names[] = { "ok",	"hold", "invalid", "timeout",
					     "refused", "late", "error",   "budget" };
	bool same = true, back = true;

	for (int i = 0; i < DECISION_STATUSES; i++) {
		same = same &&
		       strcmp(decision_status_name((enum decision_status)i), names[i]) == 0;
		back = back && decision_status_parse(names[i]) == i;
	}
	unit_ok(same, "every status has its name");
	unit_ok(back, "every status is found by its name");
	unit_ok(decision_status_parse("HOLD") == -1 && decision_status_parse("") == -1 &&
			decision_status_parse("o") == -1 && decision_status_parse("okay") == -1,
		"no other text is a status");
	unit_ok(strcmp(decision_side_name(DECISION_BUY), "buy") == 0 &&
			strcmp(decision_side_name(DECISION_SELL), "sell") == 0,
		"sides have their names");
}

int main(void)
{
	test_find();
	test_tradable();
	test_quality_names();
	test_value();
	test_orders();
	test_fail();
	test_names();
	return unit_done();
}
