/*
 * tr-portfolio prints the books of an agent: cash, positions and what they are worth, now or as
 * they were at a time, then rebuilt from the trades up to that time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

static int64_t at_ms = -1;
static bool json;

static const struct cli_opt options[] = {
	{ 0, "at", CLI_TIME, &at_ms, "TIME", "as of the last window at or before TIME" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-portfolio", "print the books of an agent", "AGENT",
				      options, NULL };

struct holding {
	const char *symbol;
	struct portfolio_position p;
	bool priced;
	struct price price;
	struct money value;
};

struct books {
	struct roster_agent agent;
	struct roster_assets assets;
	struct portfolio p;
	struct market_price *prices;
	size_t n_prices;
	int64_t window_ms; /* whose prices value it; -1 for none */
	struct money value, total;
	int64_t unpriced;
	char quote[IDENT_ASSET_MAX + 1];
};

static int load_quote(struct db *db, struct books *b, struct err *e)
{
	struct config c;
	int r;

	config_init(&c);
	r = config_load(db, &c, e);
	snprintf(b->quote, sizeof b->quote, "%s", config_text(&c, CONFIG_RACE_QUOTE));
	config_release(&c);
	return r;
}

static int load_books(struct db *db, const char *name, struct books *b, struct err *e)
{
	int64_t until_ms = at_ms >= 0 ? tstamp_window(at_ms) + TSTAMP_WINDOW_MS : INT64_MAX;
	int r;

	if (roster_load_agent(db, name, 0, &b->agent, e) != 0 ||
	    roster_load_assets(db, &b->assets, e) != 0 || load_quote(db, b, e) != 0 ||
	    journal_before(db, until_ms, &b->window_ms, e) != 0)
		return -1;
	r = at_ms >= 0 ? ledger_load_at(db, b->agent.id, until_ms, 0, &b->p, e)
		       : ledger_load(db, b->agent.id, &b->p, e);
	if (r != 0 || b->window_ms < 0)
		return r;
	return market_prices(db, b->window_ms, &b->prices, &b->n_prices, e) != 0 ||
			       race_value(db, b->window_ms, &b->p, &b->value, &b->unpriced,
					  e) != 0
		       ? -1
		       : 0;
}

static void fill_holding(const struct books *b, size_t i, struct holding *h)
{
	*h = (struct holding){ .symbol = "?", .p = b->p.positions[i] };
	for (size_t k = 0; k < b->assets.n; k++)
		if (b->assets.items[k].id == h->p.asset_id)
			h->symbol = b->assets.items[k].symbol;
	for (size_t k = 0; k < b->n_prices; k++)
		if (b->prices[k].asset_id == h->p.asset_id) {
			h->price = b->prices[k].price;
			h->priced =
				money_of(h->p.quantity, h->price, DECIMAL_DOWN, &h->value) == 0;
		}
}

static void print_text(const struct books *b)
{
	char at[TSTAMP_TEXT_MAX], t[4][DECIMAL_TEXT_MAX];

	cli_outf("%s  %s\n", b->agent.name,
		 b->window_ms >= 0 ? tstamp_format_short(b->window_ms, at)
				   : "before the first window");
	cli_outf("%-8s %18s %18s %14s %14s\n", "asset", "quantity", "average price", "price",
		 "value");
	for (size_t i = 0; i < b->p.n_positions; i++) {
		struct price average;
		struct holding h;

		fill_holding(b, i, &h);
		if (h.p.quantity.u == 0)
			continue;
		decimal_format(h.p.quantity.u, QUANTITY_SCALE, t[0]);
		if (price_of(h.p.cost, h.p.quantity, &average) == 0)
			decimal_format(average.u, PRICE_SCALE, t[1]);
		else
			memcpy(t[1], "n/a", 4);
		if (h.priced) {
			decimal_format(h.price.u, PRICE_SCALE, t[2]);
			decimal_format_fixed(h.value.u, MONEY_SCALE, 2, t[3]);
		} else {
			memcpy(t[2], "n/a", 4);
			memcpy(t[3], "n/a", 4);
		}
		cli_outf("%-8s %18s %18s %14s %14s\n", h.symbol, t[0], t[1], t[2], t[3]);
	}
	cli_outf("%-8s %67s\n%-8s %67s %s\n", "cash",
		 decimal_format_fixed(b->p.cash.u, MONEY_SCALE, 2, t[0]), "total",
		 decimal_format_fixed(b->total.u, MONEY_SCALE, 2, t[1]), b->quote);
	if (b->unpriced > 0)
		cli_outf("%lld positions have no price in this window and are valued at their "
			 "last one\n",
			 (long long)b->unpriced);
}

static void write_holding(struct json_writer *w, const struct holding *h)
{
	struct price average;

	json_write_object(w, NULL);
	json_write_string(w, "asset", h->symbol);
	json_write_decimal(w, "quantity", h->p.quantity.u, QUANTITY_SCALE);
	json_write_decimal(w, "cost", h->p.cost.u, MONEY_SCALE);
	if (price_of(h->p.cost, h->p.quantity, &average) == 0)
		json_write_decimal(w, "average_price", average.u, PRICE_SCALE);
	else
		json_write_null(w, "average_price");
	if (h->priced) {
		json_write_decimal(w, "price", h->price.u, PRICE_SCALE);
		json_write_decimal(w, "value", h->value.u, MONEY_SCALE);
	} else {
		json_write_null(w, "price");
		json_write_null(w, "value");
	}
	json_write_close(w);
}

static void print_json(const struct books *b)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct buf out = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.portfolio/1");
	json_write_string(&w, "agent", b->agent.name);
	json_write_string(&w, "window",
			  b->window_ms >= 0 ? tstamp_window_id(b->window_ms, id) : NULL);
	json_write_string(&w, "quote", b->quote);
	json_write_decimal(&w, "start_cash", b->p.start_cash.u, MONEY_SCALE);
	json_write_decimal(&w, "cash", b->p.cash.u, MONEY_SCALE);
	json_write_array(&w, "positions");
	for (size_t i = 0; i < b->p.n_positions; i++) {
		struct holding h;

		fill_holding(b, i, &h);
		if (h.p.quantity.u > 0)
			write_holding(&w, &h);
	}
	json_write_close(&w);
	json_write_decimal(&w, "positions_value", b->value.u, MONEY_SCALE);
	json_write_decimal(&w, "total", b->total.u, MONEY_SCALE);
	json_write_int(&w, "unpriced", b->unpriced);
	json_write_int(&w, "trades", b->p.seq);
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&out), out.len);
	buf_release(&out);
}

int main(int argc, char **argv)
{
	struct books b = { 0 };
	struct cli_args args;
	struct err e = { 0 };
	struct db *db;
	int r = -1;

	cli_start(&tool, argc, argv, &args);
	if (args.n != 1 || args.has_rest)
		cli_usage("one agent is expected");
	portfolio_init(&b.p);
	db = db_open(cli_common.database, &e);
	if (db != NULL && db_read_begin(db, &e) == 0) {
		r = load_books(db, args.operands[0], &b, &e);
		db_read_end(db);
	}
	if (r == 0 && money_add(b.p.cash, b.value, &b.total) != 0)
		r = err_set(&e, ERR_INTERNAL, "agent %s: its value does not fit",
			    args.operands[0]);
	if (r == 0 && json)
		print_json(&b);
	else if (r == 0)
		print_text(&b);
	free(b.prices);
	portfolio_release(&b.p);
	roster_release_assets(&b.assets);
	roster_release_agent(&b.agent);
	db_close(db);
	return cli_end(r == 0 ? 0 : cli_fail(&e));
}
