#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "banned.h"

static const char *const quality_names[] = {
	[VIEW_FRESH] = "fresh",	    [VIEW_LAST_GOOD] = "last_good", [VIEW_STALE] = "stale",
	[VIEW_SUSPECT] = "suspect", [VIEW_ABSENT] = "absent",
};

void view_init(struct view *v)
{
	memset(v, 0, sizeof *v);
}

void view_release(struct view *v)
{
	for (size_t i = 0; i < v->n_assets; i++)
		free(v->assets[i].candles);
	free(v->positions);
	free(v->assets);
	view_init(v);
}

bool view_tradable(const struct view_asset *a)
{
	bool usable = a->quality == VIEW_FRESH || a->quality == VIEW_LAST_GOOD;

	return a->enabled && usable && a->price.u > 0;
}

const char *view_quality_name(enum view_quality q)
{
	return quality_names[q];
}

/* A view has a handful of assets, and a search by bytes needs no trust in their order. */
const struct view_asset *view_find(const struct view *v, const char *symbol)
{
	for (size_t i = 0; i < v->n_assets; i++)
		if (strcmp(v->assets[i].symbol, symbol) == 0)
			return &v->assets[i];
	return NULL;
}

int view_position_value(const struct view *v, size_t i, struct money *out)
{
	const struct view_asset *a = &v->assets[i];

	if (v->positions == NULL || a->quality == VIEW_ABSENT || a->price.u <= 0) {
		out->u = 0;
		return 0;
	}
	return money_of(v->positions[i].quantity, a->price, DECIMAL_DOWN, out);
}
