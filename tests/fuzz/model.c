/*
 * Any bytes are the reply of any provider, and any bytes are the text of a model. What comes
 * out keeps the promises of model.h; an object that was extracted is one, begins and ends with
 * its braces, and is found again in itself. clang -fsanitize=fuzzer,address tests/fuzz/model.c
 * lib/model*.c lib/json.c ...
 */

#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t statuses[] = { 200, 200, 200, 400, 403, 429, 500, 302 };

static void check_reply(const struct model_reply *r)
{
	assert(r->class < MODEL_CLASSES && r->wait_ms >= -1);
	assert((r->class == MODEL_OK) == (r->text != NULL && r->text_len > 0));
	assert((r->class == MODEL_OK) == (r->error == NULL));
	assert(r->class == MODEL_RETRY || r->wait_ms == -1);
	assert(r->input >= 0 && r->cached >= 0 && r->output >= 0 && r->reasoning >= 0);
	if (r->error == NULL)
		return;
	assert(strlen(r->error) <= 300 && ident_utf8_valid(r->error, strlen(r->error)));
	for (const char *p = r->error; *p != '\0'; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void fuzz_reply(const char *text, size_t n, unsigned pick)
{
	static char base[] = "https://x.example";
	static const struct model_predict q = { .agent = "a", .request_id = "r" };
	struct provider p = { .kind = (enum provider_kind)(pick % (PROVIDER_PREDICT + 1)),
			      .base = base };
	struct fetch_answer a = { .class = FETCH_OK, .status = statuses[pick / 8 % 8] };
	struct model_reply r;

	a.body = mem_strndup(text, n);
	a.body_len = n;
	if (p.kind == PROVIDER_PREDICT)
		model_predict_parse(&q, &a, 0, &r);
	else
		model_parse(&p, &a, 0, &r);
	check_reply(&r);
	model_release(&r);
	free(a.body);
}

static void fuzz_extract(const char *text, size_t n)
{
	const char *from, *again;
	size_t len, len2;

	if (!model_extract(text, n, &from, &len))
		return;
	assert(from >= text && len >= 2 && from + len <= text + n);
	assert(from[0] == '{' && from[len - 1] == '}');
	assert(model_extract(from, len, &again, &len2) && again == from && len2 == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_reply((const char *)data + 1, size - 1, data[0]);
	fuzz_extract((const char *)data + 1, size - 1);
	return 0;
}
