#include "race_board_part.h"

#include <math.h>
#include <stdlib.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* The board as a tr.board/1 record: the numbers that every other rendering must equal. */

static void race_put(struct json_writer *w, const char *key, struct metrics_value v)
{
	if (v.defined)
		json_write_double(w, key, v.v);
	else
		json_write_null(w, key);
}

static void race_put_interval(struct json_writer *w, const char *key, struct stats_interval v)
{
	json_write_array(w, key);
	race_put(w, NULL, v.low);
	race_put(w, NULL, v.high);
	json_write_close(w);
}

static void race_put_who(struct json_writer *w, const struct race_standing *s)
{
	json_write_int(w, "rank", (int64_t)s->rank);
	json_write_string(w, "agent", s->agent.name);
	json_write_string(w, "kind", roster_kind_name(s->kind));
	json_write_bool(w, "baseline", s->agent.baseline);
	json_write_string(w, "status", roster_status_name(s->agent.status));
	json_write_int(w, "version", s->agent.version);
	json_write_decimal(w, "start_cash", s->start.u, MONEY_SCALE);
	json_write_decimal(w, "total", s->total.u, MONEY_SCALE);
}

static void race_put_metrics(struct json_writer *w, const struct race_standing *s)
{
	race_put(w, "return", s->m.total_return);
	race_put(w, "vs_buy_and_hold", s->vs_hold);
	race_put(w, "max_drawdown", s->m.max_drawdown);
	race_put(w, "volatility", s->m.volatility);
	race_put(w, "sharpe", s->m.sharpe);
	race_put(w, "sortino", s->m.sortino);
	json_write_int(w, "trades", (int64_t)s->m.n_trades);
	json_write_decimal(w, "fees", s->m.fees.u, MONEY_SCALE);
	race_put(w, "win_rate", s->m.win_rate);
	race_put(w, "profit_factor", s->m.profit_factor);
	json_write_int(w, "round_trips", (int64_t)s->m.round_trips);
	json_write_int(w, "open_trips", (int64_t)s->m.open_trips);
	race_put(w, "turnover", s->m.turnover);
	race_put(w, "exposure", s->m.exposure);
	json_write_int(w, "turns", s->turns);
	json_write_int(w, "valid", s->valid);
	json_write_bool(w, "too_early", s->m.too_early);
}

/* Keys that came after the first ones of the schema. */
static void race_put_more(struct json_writer *w, const struct race_standing *s)
{
	char hex[DIGEST_HEX_SIZE], id[TSTAMP_WINDOW_ID_MAX];

	digest_hex(&s->spec, hex);
	json_write_string(w, "sha256", hex);
	json_write_string(w, "first",
			  s->first_ms >= 0 ? tstamp_window_id(s->first_ms, id) : NULL);
	json_write_string(w, "last",
			  s->window_ms >= 0 ? tstamp_window_id(s->window_ms, id) : NULL);
	json_write_string(w, "fill", s->fill);
	json_write_decimal(w, "thinking_usd", s->thinking.u, MONEY_SCALE);
	race_put(w, "net_return", s->m.net_return);
	race_put(w, "sharpe_error", s->m.sharpe_error);
	race_put(w, "cagr", s->m.cagr);
	race_put(w, "calmar", s->m.calmar);
	race_put(w, "drawdown_s", s->m.drawdown_s);
	race_put(w, "fees_ratio", s->m.fees_ratio);
	race_put(w, "reliability", s->m.reliability);
	json_write_object(w, "causes");
	for (int i = 0; i < DECISION_STATUSES; i++)
		if (i != DECISION_OK && i != DECISION_HOLD)
			json_write_int(w, decision_status_name((enum decision_status)i),
				       s->causes[i]);
	json_write_close(w);
}

static void race_put_judgement(struct json_writer *w, const struct race_judgement *j)
{
	json_write_object(w, "stats");
	json_write_int(w, "days", j->days);
	json_write_bool(w, "too_early", j->too_early);
	race_put(w, "sharpe", j->sharpe);
	race_put(w, "sharpe_error", j->sharpe_error);
	race_put(w, "skew", j->skew);
	race_put(w, "kurtosis", j->kurtosis);
	race_put(w, "psr", j->psr);
	race_put(w, "dsr", j->dsr);
	race_put(w, "beta", j->beta);
	race_put(w, "alpha", j->alpha);
	race_put_interval(w, "return_interval", j->total_return);
	race_put_interval(w, "max_drawdown_interval", j->max_drawdown);
	race_put_interval(w, "sharpe_interval", j->sharpe_range);
	race_put(w, "p_beats_hold", j->beats_hold);
	race_put(w, "p_best", j->best);
	race_put(w, "p_value", j->p);
	json_write_close(w);
}

static void race_put_plan(struct json_writer *w, const struct race_board *b)
{
	char *seed = mem_printf("%llu", (unsigned long long)b->plan.seed);

	json_write_object(w, "stats");
	json_write_string(w, "seed", seed);
	json_write_int(w, "resamples", (int64_t)b->plan.resamples);
	json_write_int(w, "block_days", (int64_t)b->plan.block);
	json_write_int(w, "common_days", b->common_days);
	json_write_int(w, "tries", (int64_t)b->tries);
	json_write_close(w);
	free(seed);
}

static void race_put_replicas(struct json_writer *w, const struct race_board *b)
{
	json_write_array(w, "replicas");
	for (size_t i = 0; i < b->n_replicas; i++) {
		const struct race_replicas *g = &b->replicas[i];
		char hex[DIGEST_HEX_SIZE];

		json_write_object(w, NULL);
		digest_hex(&b->rows[g->rows[0]].spec, hex);
		json_write_string(w, "sha256", hex);
		json_write_array(w, "agents");
		for (size_t k = 0; k < g->n; k++)
			json_write_string(w, NULL, b->rows[g->rows[k]].agent.name);
		json_write_close(w);
		json_write_double(w, "mean", g->mean);
		json_write_double(w, "sd", g->sd);
		json_write_double(w, "low", g->low);
		json_write_double(w, "high", g->high);
		json_write_close(w);
	}
	json_write_close(w);
}

static void race_put_origins(struct json_writer *w, const struct race_board *b)
{
	json_write_bool(w, "simulated", b->n_simulated > 0);
	json_write_array(w, "prices");
	for (size_t i = 0; i < b->n_origins; i++) {
		json_write_object(w, NULL);
		json_write_string(w, "asset", b->origins[i].symbol);
		json_write_string(w, "source", b->origins[i].source);
		json_write_close(w);
	}
	json_write_close(w);
}

void race_board_record(const struct race_board *b, bool replicas, struct buf *out)
{
	char id[TSTAMP_WINDOW_ID_MAX], hex[DIGEST_HEX_SIZE];
	struct json_writer w;

	digest_hex(&b->head, hex);
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.board/1");
	json_write_string(&w, "first",
			  b->first_ms >= 0 ? tstamp_window_id(b->first_ms, id) : NULL);
	json_write_string(&w, "last",
			  b->last_ms >= 0 ? tstamp_window_id(b->last_ms, id) : NULL);
	json_write_int(&w, "seals", b->seals);
	json_write_string(&w, "head", b->seals > 0 ? hex : NULL);
	race_put_origins(&w, b);
	json_write_array(&w, "agents");
	for (size_t i = 0; i < b->n; i++) {
		json_write_object(&w, NULL);
		race_put_who(&w, &b->rows[i]);
		race_put_metrics(&w, &b->rows[i]);
		race_put_more(&w, &b->rows[i]);
		if (b->judged)
			race_put_judgement(&w, &b->rows[i].judged);
		json_write_close(&w);
	}
	json_write_close(&w);
	if (b->judged)
		race_put_plan(&w, b);
	if (replicas)
		race_put_replicas(&w, b);
	json_write_close(&w);
	json_write_end(&w);
}
