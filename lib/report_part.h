#ifndef REPORT_PART_H
#define REPORT_PART_H

#include "race.h"
#include "report_draw.h"
#include "roster.h"

/* What the files of the page share. */

#define REPORT_DECISIONS 5 /* last ones of a card */
#define REPORT_TRADES 10   /* likewise */

struct report_position {
	char symbol[IDENT_ASSET_MAX + 1];
	struct quantity quantity;
	struct money cost, value;
	bool priced; /* else the value is its cost */
};

struct report_decision {
	struct verdict v;
	struct verdict_execution x; /* if ${done} */
	bool done;
	struct json *regimes; /* of its window, by asset; owned; NULL: unknown */
};

struct report_trade {
	char symbol[IDENT_ASSET_MAX + 1];
	int64_t fill_ms;
	bool sell;
	struct quantity quantity;
	struct price price;
	struct money notional, fee, realised;
};

/* What a card shows besides the board's row. */
struct report_card {
	enum roster_publish publish;
	struct roster_agent made; /* at the version of the row */
	struct money cash;
	struct report_position *positions; /* largest first; owned */
	size_t n_positions;
	struct report_decision *decisions; /* newest first; owned */
	size_t n_decisions;
	struct report_trade *trades; /* newest first; owned */
	size_t n_trades;
	bool timed; /* its answers take a time of their own */
	int64_t n_latency, latency_median_ms, latency_p95_ms, latency_max_ms;
	int64_t answers, tokens_in, tokens_out, substitutes; /* of models */
};

/* How an agent is drawn: classes of the style sheet. */
struct report_ink {
	char classes[16];
};

struct report_row {
	const struct race_standing *s;
	struct report_ink ink;
	struct report_card card;
	struct race_days days;
	double *change, *depth; /* return since the start and drawdown, as the curve */
};

struct report_page {
	const struct race_board_query *q;
	struct race_board board;
	struct report_row *rows; /* board.n of them; owned */
	struct race_window last; /* the last window; of a race without one the settings */
	bool daily;		 /* there are days enough to look at days */
	double day_limit;	 /* greatest change of a day or hour that the scales show */
	int64_t from_ms, until_ms;
	int64_t sealed_ms;  /* the last sealed window, -1 for none */
	bool rates_changed; /* those of fees or slippage, in the span */
};

/* ---- SQL: report_load.c */
int report_load_sealed(struct db *db, struct report_page *p, struct err *e);
int report_load_rates(struct db *db, struct report_page *p, struct err *e);
int report_load_card(struct db *db, const struct report_page *p, const struct race_standing *s,
		     struct report_card *c, struct err *e);
void report_release_card(struct report_card *c);

/* ---- sections */
void report_head(const struct report_page *p, struct buf *out);
void report_standings(const struct report_page *p, struct buf *out);
void report_curves(const struct report_page *p, struct buf *out);
void report_luck(const struct report_page *p, struct buf *out);
void report_drawdowns(const struct report_page *p, struct buf *out);
void report_cards(const struct report_page *p, struct buf *out);
void report_method(const struct report_page *p, struct buf *out);

/* ---- parts of the top: what the race comes to, in a title and in a sentence */
void report_headline(const struct report_page *p, struct buf *out);
void report_summary(const struct report_page *p, struct buf *out);

/* The difference to buy-and-hold; nothing to be praised for without a valid turn. */
void report_against(const struct race_standing *s, struct buf *out);

/* ---- parts of a card */
void report_decisions(const struct report_row *r, struct buf *out);
void report_trades(const struct report_row *r, struct buf *out);

/* ---- drawings of one row */
void report_sparkline(const struct report_page *p, const struct report_row *r, struct buf *out);
/* Changes of days or hours as a map of the calendar, and as a histogram. */
void report_heat(const struct report_page *p, const struct report_row *r, struct buf *out);
void report_histogram(const struct report_page *p, const struct report_row *r, struct buf *out);
/* The scale of colours of the maps. */
void report_heat_key(const struct report_page *p, struct buf *out);

/* Change by day or hour of a row: ${at_ms} of its start. Owned by the caller. */
struct report_changes {
	int64_t *at_ms;
	double *change;
	size_t n;
	int64_t step_ms;
};
void report_changes(const struct report_page *p, const struct report_row *r,
		    struct report_changes *c);
void report_release_changes(struct report_changes *c);

/* The name of an agent with a link to its card, and the key of its line. */
void report_name(const struct report_row *r, struct buf *out);

#endif
