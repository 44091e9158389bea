/*
 * Whatever passes the gate can be written again, and what was written reads back as the same
 * tree.
 * clang -fsanitize=fuzzer,address tests/fuzz/json.c lib/json.c ...
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Room for every byte of a text to become an escape. */
#define FUZZ_BYTES_MAX (8 * JSON_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_tree(struct json_writer *w, const char *key, const struct json *v);

static void write_children(struct json_writer *w, const struct json *v, bool keys)
{
	for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
		write_tree(w, keys ? json_key(c) : NULL, c);
	json_write_close(w);
}

static void write_tree(struct json_writer *w, const char *key, const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL:
		json_write_null(w, key);
		break;
	case JSON_BOOL:
		json_write_bool(w, key, json_true(v));
		break;
	case JSON_NUMBER:
		json_write_raw(w, key, json_text(v), json_text_len(v));
		break;
	case JSON_STRING:
		json_write_string(w, key, json_text(v));
		break;
	case JSON_ARRAY:
		json_write_array(w, key);
		write_children(w, v, false);
		break;
	case JSON_OBJECT:
		json_write_object(w, key);
		write_children(w, v, true);
		break;
	}
}

static void require(bool cond)
{
	if (!cond)
		abort();
}

static void require_same(const struct json *a, const struct json *b)
{
	const struct json *x = json_first(a), *y = json_first(b);

	require(json_type(a) == json_type(b) && json_true(a) == json_true(b));
	require((json_text(a) == NULL) == (json_text(b) == NULL));
	require(json_text(a) == NULL || strcmp(json_text(a), json_text(b)) == 0);
	for (; x != NULL && y != NULL; x = json_next(x), y = json_next(y)) {
		if (json_type(a) == JSON_OBJECT)
			require(strcmp(json_key(x), json_key(y)) == 0);
		require_same(x, y);
	}
	require(x == NULL && y == NULL);
}

static void round_trip(const struct json *v)
{
	struct err e = { 0 };
	struct buf b = BUF_INIT;
	struct json *again = NULL;
	struct json_writer w;

	json_write_init(&w, &b);
	write_tree(&w, NULL, v);
	json_write_end(&w);
	again = json_parse_max(buf_str(&b), b.len, FUZZ_BYTES_MAX, &e);
	require(again != NULL);
	require_same(v, again);
	json_free(again);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct json *v = json_parse((const char *)data, size, &e);

	require((v == NULL) == (e.status == ERR_DATA));
	if (v != NULL)
		round_trip(v);
	json_free(v);
	return 0;
}
