#ifndef RACE_BOARD_PART_H
#define RACE_BOARD_PART_H

#include "race.h"

/* What the files of the board share. */

/* A row over the windows [from_ms, before_ms): its agent, kind and spec are filled in. A row
 * without a snapshot has window_ms -1. ${par}: a US dollar is a unit of the race's currency. */
int race_board_row(struct db *db, int64_t from_ms, int64_t before_ms, bool par,
		   struct race_standing *row, struct err *e);

/* Where the prices of the span came from. */
int race_board_prices(struct db *db, const struct race_board_query *q, struct race_board *b,
		      struct err *e);
void race_board_forget_prices(struct race_board *b);

/* Statistics of all rows. */
void race_board_judge(struct race_board *b);

/* Find rows of equal make. */
void race_board_replicate(struct race_board *b);

#endif
