#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decimal.h"
#include "ident.h"

/*
 * What an agent is shown at a window, as plain data: the market (the same for all agents of the
 * window) and its own portfolio. Built by race from the batch, the candles seen by then and the
 * books; read by strategies and written out as tr.context/1. Pure data: nothing here does I/O.
 */

struct view_candle {
	int64_t open_ms;
	struct price open, high, low, close;
	struct volume volume;
};

/* Why a price may or may not be traded on (R-95, M-08). Only the first two may. */
enum view_quality {
	VIEW_FRESH,	/* as new as it can be */
	VIEW_LAST_GOOD, /* older, within market.max_age_s: flagged, tradable */
	VIEW_STALE,	/* too old to trade on */
	VIEW_SUSPECT,	/* failed the quality gate: jump, high/low, deviation */
	VIEW_ABSENT,	/* no price at all */
};

struct view_asset {
	char symbol[IDENT_ASSET_MAX + 1];
	int64_t id;   /* the database's, not shown to agents */
	bool enabled; /* else it can only be sold */
	enum view_quality quality;
	struct price price; /* of the batch; 0 when absent, and then never to be used */
	int64_t price_ms;   /* the time the price belongs to */
	int64_t interval_s; /* of the candles; 0 when there are none */
	struct view_candle *candles; /* oldest first; owned */
	size_t n_candles;
};

struct view_position {
	struct quantity quantity;
	struct money cost; /* what the units held cost, fees included */
};

struct view {
	int64_t window_ms;
	char quote[IDENT_ASSET_MAX + 1];
	struct view_asset *assets; /* in order of symbol; owned */
	size_t n_assets;
	/* the agent's own part */
	struct money cash;
	struct view_position *positions; /* parallel to assets; owned */
	struct money equity;		 /* cash and positions at the batch's prices */
};

void view_init(struct view *v);
void view_release(struct view *v);

/* Whether orders of both sides in this asset may fill at this batch. */
bool view_tradable(const struct view_asset *a);

/* "fresh", "last_good", "stale", "suspect", "absent". */
const char *view_quality_name(enum view_quality q);

/* The asset of that symbol, or NULL. */
const struct view_asset *view_find(const struct view *v, const char *symbol);

/* Value of one position, rounded down; 0 without a price. -1 on overflow. */
int view_position_value(const struct view *v, size_t i, struct money *out);

#endif
