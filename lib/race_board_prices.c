#include "race_board_part.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

/*
 * Where the prices of a span came from. A source that gave prices of an asset gave candles or
 * quotes of it before. Where there is but one of these, as is usual, no price needs to be
 * looked at.
 */

/* scan: a race has few assets and sources */
static const char sql_likely[] =
	"SELECT a.symbol, max(s.name), count(s.id) FROM assets AS a LEFT JOIN sources AS s "
	"ON EXISTS (SELECT 1 FROM candles AS c WHERE c.asset_id = a.id AND c.source_id = s.id) "
	"OR EXISTS (SELECT 1 FROM quotes AS q WHERE q.asset_id = a.id AND q.source_id = s.id) "
	"WHERE EXISTS (SELECT 1 FROM prices AS p WHERE p.asset_id = a.id "
	"AND p.window_ms >= :from AND p.window_ms < :before) GROUP BY a.symbol";
static const char sql_exact[] =
	"SELECT a.symbol, s.name, 1 FROM (SELECT DISTINCT asset_id, source_id FROM prices "
	"WHERE window_ms >= :from AND window_ms < :before) AS p "
	"JOIN assets AS a ON a.id = p.asset_id JOIN sources AS s ON s.id = p.source_id "
	"ORDER BY a.symbol, s.name";

static void race_origin_add(struct race_board *b, const char *symbol, const char *source)
{
	size_t n = strlen(symbol);
	struct race_origin *o;

	b->origins = mem_resize(b->origins, b->n_origins + 1, sizeof *b->origins);
	o = &b->origins[b->n_origins++];
	*o = (struct race_origin){ .source = mem_strdup(source),
				   .simulated = strcmp(source, "sim") == 0 };
	memcpy(o->symbol, symbol, n < IDENT_ASSET_MAX ? n : IDENT_ASSET_MAX);
	b->n_simulated += o->simulated;
}

void race_board_forget_prices(struct race_board *b)
{
	for (size_t i = 0; i < b->n_origins; i++)
		free(b->origins[i].source);
	free(b->origins);
	b->origins = NULL;
	b->n_origins = b->n_simulated = 0;
}

static int race_load_origins(struct db *db, const char *sql, const struct race_board_query *q,
			     struct race_board *b, bool *sure, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql);
	int r;

	*sure = true;
	sql_int(s, ":from", q->from_ms < 0 ? 0 : q->from_ms);
	sql_int(s, ":before", q->before_ms < 0 ? INT64_MAX : q->before_ms);
	while ((r = sql_row(s, e)) == 1) {
		*sure = *sure && sql_col_int(s, 2) == 1;
		if (*sure)
			race_origin_add(b, sql_col_text(s, 0), sql_col_text(s, 1));
	}
	return r;
}

int race_board_prices(struct db *db, const struct race_board_query *q, struct race_board *b,
		      struct err *e)
{
	bool sure;

	if (race_load_origins(db, sql_likely, q, b, &sure, e) != 0)
		return -1;
	if (sure)
		return 0;
	race_board_forget_prices(b);
	return race_load_origins(db, sql_exact, q, b, &sure, e);
}
