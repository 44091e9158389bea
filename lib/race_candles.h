#ifndef RACE_CANDLES_H
#define RACE_CANDLES_H

#include <stddef.h>

#include "buf.h"
#include "json.h"
#include "view.h"

/*
 * The candles of an asset as a context shows them. From one window to the next all but the
 * newest are the same: their text is kept, and compared by value before it is used again. Part
 * of module race.
 */
struct race_candles {
	struct buf text;	     /* "{...},{...}," */
	struct view_candle *candles; /* owned */
	size_t *ends;		     /* parallel: where the text of each ends; owned */
	size_t n, cap;
};

void race_candles_release(struct race_candles *t);
/* Write the array of candles[0..n), oldest first. */
void race_candles_write(struct race_candles *t, struct json_writer *j, const char *key,
			const struct view_candle *c, size_t n);

#endif
