#include "race.h"

#include <string.h>

#include "banned.h"

/*
 * What "equal" means: the tables in key order, one JSON object per row, by names instead
 * of surrogate ids, without what the schema marks volatile. tests/lint/dump.py compares these
 * statements with the schema, so that a new column cannot be forgotten.
 */

/* scan: a dump reads everything */
static const char sql_settings[] = "SELECT name, value, version FROM settings ORDER BY name";
/* scan: a dump reads everything */
static const char sql_settings_log[] =
	"SELECT seq, name, old_value, new_value, origin FROM settings_log ORDER BY seq";
/* scan: a dump reads everything */
static const char sql_assets[] =
	"SELECT symbol, name, enabled, version FROM assets ORDER BY symbol";
/* scan: a dump reads everything */
static const char sql_asset_feeds[] =
	"SELECT a.symbol AS asset_id, f.priority, f.feed, f.arg, f.quote FROM assets AS a "
	"JOIN asset_feeds AS f ON f.asset_id = a.id ORDER BY a.symbol, f.priority";
/* scan: a dump reads everything */
static const char sql_agents[] =
	"SELECT name, kind, baseline, status, version FROM agents ORDER BY name";
/* scan: a dump reads everything */
static const char sql_agent_versions[] =
	"SELECT a.name AS agent_id, v.version, v.spec, v.hash FROM agents AS a "
	"JOIN agent_versions AS v ON v.agent_id = a.id ORDER BY a.name, v.version";
/* scan: a dump reads everything */
static const char sql_halts[] = "SELECT seq, name, action, reason FROM halts ORDER BY seq";
/* scan: a dump reads everything */
static const char sql_sources[] = "SELECT name FROM sources ORDER BY name";
/* scan: a dump reads everything */
static const char sql_candles[] = "SELECT a.symbol AS asset_id, s.name AS source_id, "
				  "c.interval_s, c.open_ms, c.open, c.high, "
				  "c.low, c.close, c.volume, c.seen_ms FROM assets AS a JOIN "
				  "sources AS s JOIN candles AS c "
				  "ON c.asset_id = a.id AND c.source_id = s.id "
				  "ORDER BY a.symbol, s.name, c.interval_s, c.open_ms";
/* scan: a dump reads everything */
static const char sql_candle_revisions[] =
	"SELECT a.symbol AS asset_id, s.name AS source_id, c.interval_s, c.open_ms, c.seen_ms, "
	"c.open, "
	"c.high, c.low, c.close, c.volume FROM assets AS a JOIN sources AS s JOIN "
	"candle_revisions AS c "
	"ON c.asset_id = a.id AND c.source_id = s.id "
	"ORDER BY a.symbol, s.name, c.interval_s, c.open_ms, c.seen_ms";
/* scan: a dump reads everything */
static const char sql_pins[] = "SELECT hash, content FROM pins ORDER BY hash";
/* scan: a dump reads everything */
static const char sql_cycles[] =
	"SELECT window_ms, previous_ms, pin, decision FROM cycles ORDER BY window_ms";
/* scan: a dump reads everything */
static const char sql_batches[] =
	"SELECT window_ms, n_prices, n_assets FROM batches ORDER BY window_ms";
/* scan: a dump reads everything */
static const char sql_prices[] =
	"SELECT p.window_ms, a.symbol AS asset_id, p.price, p.price_ms, s.name AS source_id, "
	"p.interval_s, p.quality, p.note FROM prices AS p JOIN assets AS a ON a.id = "
	"p.asset_id "
	"JOIN sources AS s ON s.id = p.source_id ORDER BY p.window_ms, a.symbol";
/* scan: a dump reads everything */
static const char sql_portfolios[] =
	"SELECT a.name AS agent_id, p.start_cash, p.cash, p.seq FROM portfolios AS p "
	"JOIN agents AS a ON a.id = p.agent_id ORDER BY a.name";
/* scan: a dump reads everything */
static const char sql_positions[] =
	"SELECT a.name AS agent_id, s.symbol AS asset_id, p.quantity, p.cost FROM positions AS "
	"p "
	"JOIN agents AS a ON a.id = p.agent_id JOIN assets AS s ON s.id = p.asset_id "
	"ORDER BY a.name, s.symbol";
/* scan: a dump reads everything */
static const char sql_decisions[] =
	"SELECT a.name AS agent_id, d.window_ms, d.version, d.status, d.origin, d.fill_ms, "
	"d.orders, "
	"d.reasoning, d.confidence_e4, d.error, d.hash, d.context, d.raw, d.at_ms FROM "
	"decisions AS d "
	"JOIN agents AS a ON a.id = d.agent_id ORDER BY a.name, d.window_ms";
/* scan: a dump reads everything */
static const char sql_executions[] =
	"SELECT a.name AS agent_id, x.window_ms, x.exec_ms, x.status, x.n_orders, x.n_trades, "
	"x.cash_before, x.cash_after FROM executions AS x JOIN agents AS a ON a.id = "
	"x.agent_id "
	"ORDER BY a.name, x.window_ms";
/* scan: a dump reads everything */
static const char sql_orders[] =
	"SELECT a.name AS agent_id, o.window_ms, o.idx, o.asset, o.side, o.quantity, "
	"o.notional, "
	"o.limit_price, o.action, o.reasons, o.wanted, o.filled FROM orders AS o "
	"JOIN agents AS a ON a.id = o.agent_id ORDER BY a.name, o.window_ms, o.idx";
/* scan: a dump reads everything */
static const char sql_trades[] =
	"SELECT a.name AS agent_id, t.seq, t.window_ms, t.idx, t.fill_ms, s.symbol AS "
	"asset_id, t.side, "
	"t.quantity, t.price, t.fill_price, t.notional, t.fee, t.realised, t.cash_after, "
	"t.position_after, t.cost_after FROM trades AS t JOIN agents AS a ON a.id = t.agent_id "
	"JOIN assets AS s ON s.id = t.asset_id ORDER BY a.name, t.seq";
/* scan: a dump reads everything */
static const char sql_snapshots[] =
	"SELECT a.name AS agent_id, n.window_ms, n.phase, n.cash, n.positions_value, "
	"n.unrealised, "
	"n.total, n.unpriced FROM snapshots AS n JOIN agents AS a ON a.id = n.agent_id "
	"ORDER BY a.name, n.window_ms, n.phase DESC";
/* scan: a dump reads everything */
static const char sql_seals[] = "SELECT n, window_ms, batch, decisions, orders, executions, "
				"snapshots, previous, hash FROM seals "
				"ORDER BY n";
/* scan: a dump reads everything */
static const char sql_contexts[] = "SELECT window_ms, hash FROM contexts ORDER BY window_ms";

/* scan: a dump reads everything */
static const char sql_model_prices[] = "SELECT provider, model, input, cached, output, since "
				       "FROM model_prices ORDER BY provider, model";
/* scan: a dump reads everything */
static const char sql_agent_budgets[] = "SELECT a.name AS agent_id, b.usd_day FROM "
					"agent_budgets AS b JOIN agents AS a ON a.id = "
					"b.agent_id ORDER BY a.name";
/* scan: a dump reads everything */
static const char sql_quotes[] =
	"SELECT q.window_ms, a.symbol AS asset_id, s.name AS source_id, q.price, q.price_ms "
	"FROM "
	"quotes AS q JOIN assets AS a ON a.id = q.asset_id JOIN sources AS s ON s.id = "
	"q.source_id ORDER BY q.window_ms, a.symbol, s.name";
/* scan: a dump reads everything */
static const char sql_answers[] =
	"SELECT a.name AS agent_id, n.window_ms, n.provider, n.model, n.substitute, "
	"n.returned, "
	"n.system, n.head, n.tail, n.prompt, n.input, n.cached, n.output, n.reasoning, n.cost "
	"FROM answers AS n JOIN agents AS a ON a.id = n.agent_id ORDER BY a.name, n.window_ms";

/* scan: a dump reads everything */
static const char sql_regimes[] = "SELECT window_ms, regimes FROM regimes ORDER BY window_ms";
/* scan: a dump reads everything */
static const char sql_citations[] =
	"SELECT a.name AS agent_id, c.window_ms, c.rules FROM citations AS c "
	"JOIN agents AS a ON a.id = c.agent_id ORDER BY a.name, c.window_ms";

static const struct {
	const char *table, *sql;
} race_tables[] = {
	{ "settings", sql_settings },
	{ "settings_log", sql_settings_log },
	{ "assets", sql_assets },
	{ "asset_feeds", sql_asset_feeds },
	{ "agents", sql_agents },
	{ "agent_versions", sql_agent_versions },
	{ "model_prices", sql_model_prices },
	{ "agent_budgets", sql_agent_budgets },
	{ "halts", sql_halts },
	{ "sources", sql_sources },
	{ "candles", sql_candles },
	{ "candle_revisions", sql_candle_revisions },
	{ "pins", sql_pins },
	{ "cycles", sql_cycles },
	{ "batches", sql_batches },
	{ "quotes", sql_quotes },
	{ "prices", sql_prices },
	{ "portfolios", sql_portfolios },
	{ "positions", sql_positions },
	{ "regimes", sql_regimes },
	{ "decisions", sql_decisions },
	{ "citations", sql_citations },
	{ "answers", sql_answers },
	{ "executions", sql_executions },
	{ "orders", sql_orders },
	{ "trades", sql_trades },
	{ "snapshots", sql_snapshots },
	{ "seals", sql_seals },
	{ "contexts", sql_contexts },
};

static void race_hex(struct json_writer *w, const char *key, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		buf_addc(&b, digits[p[i] >> 4]);
		buf_addc(&b, digits[p[i] & 15]);
	}
	json_write_string(w, key, buf_str(&b));
	buf_release(&b);
}

static void race_dump_row(struct sql_stmt *s, const char *table, struct buf *out)
{
	struct json_writer w;
	const void *p;
	size_t n;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "table", table);
	for (int i = 0; i < sql_col_count(s); i++) {
		const char *key = sql_col_name(s, i);

		switch (sql_col_type(s, i)) {
		case SQL_NULL:
			json_write_null(&w, key);
			break;
		case SQL_INT:
			json_write_int(&w, key, sql_col_int(s, i));
			break;
		case SQL_TEXT:
			json_write_string(&w, key, sql_col_text(s, i));
			break;
		case SQL_BLOB:
			p = sql_col_blob(s, i, &n);
			race_hex(&w, key, p, n);
			break;
		}
	}
	json_write_close(&w);
	json_write_end(&w);
}

int race_dump(struct db *db, race_dump_fn *each, void *ctx, struct err *e)
{
	struct buf line = BUF_INIT;
	int r = db_read_begin(db, e);

	for (size_t i = 0; i < sizeof race_tables / sizeof race_tables[0] && r == 0; i++) {
		struct sql_stmt *s = db_get(db, race_tables[i].sql);

		while ((r = sql_row(s, e)) == 1) {
			buf_reset(&line);
			race_dump_row(s, race_tables[i].table, &line);
			each(ctx, line.data, line.len);
		}
	}
	db_read_end(db);
	buf_release(&line);
	return r;
}
