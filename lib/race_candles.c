#include "race_candles.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Candles that lie so far before those of the window are dropped. */
#define RACE_CANDLES_PAST 4096

static void race_candles_forget(struct race_candles *t)
{
	t->n = 0;
	t->text.len = 0;
}

void race_candles_release(struct race_candles *t)
{
	buf_release(&t->text);
	free(t->candles);
	free(t->ends);
	*t = (struct race_candles){ 0 };
}

/* One candle and a comma. */
static void race_candles_add(struct race_candles *t, const struct view_candle *c)
{
	struct json_writer j;
	char at[TSTAMP_TEXT_MAX];

	json_write_init(&j, &t->text);
	json_write_object(&j, NULL);
	json_write_string(&j, "time", tstamp_format(c->open_ms, at));
	json_write_decimal(&j, "open", c->open.u, PRICE_SCALE);
	json_write_decimal(&j, "high", c->high.u, PRICE_SCALE);
	json_write_decimal(&j, "low", c->low.u, PRICE_SCALE);
	json_write_decimal(&j, "close", c->close.u, PRICE_SCALE);
	json_write_decimal(&j, "volume", c->volume.u, VOLUME_SCALE);
	json_write_close(&j);
	buf_addc(&t->text, ',');
	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? 2 * t->cap : 256;
		t->candles = mem_resize(t->candles, t->cap, sizeof *t->candles);
		t->ends = mem_resize(t->ends, t->cap, sizeof *t->ends);
	}
	t->candles[t->n] = *c;
	t->ends[t->n++] = t->text.len;
}

/* Where candles[0..n) begin in what is kept, if all of it from there on are the first of them;
 * else after its end. */
static size_t race_candles_find(const struct race_candles *t, const struct view_candle *c,
				size_t n)
{
	size_t i = t->n;

	while (i > 0 && t->candles[i - 1].open_ms >= c[0].open_ms)
		i--;
	if (i == t->n || t->n - i > n || memcmp(&t->candles[i], c, (t->n - i) * sizeof *c) != 0)
		return t->n;
	return i;
}

static void race_candles_drop(struct race_candles *t, size_t n)
{
	size_t bytes = t->ends[n - 1];

	memmove(t->text.data, t->text.data + bytes, t->text.len - bytes);
	t->text.len -= bytes;
	t->n -= n;
	memmove(t->candles, t->candles + n, t->n * sizeof *t->candles);
	memmove(t->ends, t->ends + n, t->n * sizeof *t->ends);
	for (size_t i = 0; i < t->n; i++)
		t->ends[i] -= bytes;
}

void race_candles_write(struct race_candles *t, struct json_writer *j, const char *key,
			const struct view_candle *c, size_t n)
{
	struct buf list = BUF_INIT;
	size_t i, from;

	if (t->text.max == 0)
		buf_init(&t->text, BUF_MAX_DEFAULT);
	if (n == 0) {
		json_write_raw(j, key, "[]", 2);
		return;
	}
	i = race_candles_find(t, c, n);
	if (i == t->n) {
		race_candles_forget(t);
		i = 0;
	}
	while (t->n - i < n)
		race_candles_add(t, &c[t->n - i]);
	if (i > RACE_CANDLES_PAST) {
		race_candles_drop(t, i);
		i = 0;
	}
	from = i > 0 ? t->ends[i - 1] : 0;
	buf_addc(&list, '[');
	buf_add(&list, t->text.data + from, t->text.len - 1 - from);
	buf_addc(&list, ']');
	json_write_raw(j, key, list.data, list.len);
	buf_release(&list);
}
