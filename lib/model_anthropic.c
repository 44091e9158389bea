#include "model_api.h"

#include <string.h>

#include "decimal.h"

#include "banned.h"

/* Messages of Anthropic. */

static void anthropic_url(const struct provider *p, const char *model, struct buf *url)
{
	(void)model;
	model_base(url, p->base, "v1");
	buf_adds(url, "/messages");
}

static size_t anthropic_ask(struct json_writer *w, const char *model,
			    const struct model_prompt *q)
{
	size_t at;

	json_write_string(w, "model", model);
	if (q->system_len > 0)
		json_write_stringn(w, "system", q->system, q->system_len);
	json_write_array(w, "messages");
	json_write_object(w, NULL);
	json_write_string(w, "role", "user");
	at = json_write_string_at(w, "content", q->user, q->user_len);
	json_write_close(w);
	json_write_close(w);
	json_write_bool(w, "stream", false);
	return at;
}

static void anthropic_settings(struct json_writer *w, const struct provider *p,
			       const struct model_options *o)
{
	char text[DECIMAL_TEXT_MAX];

	json_write_int(w, "max_tokens", o->max_tokens);
	if (o->has_temperature) {
		decimal_format(o->temperature_e2, 2, text);
		json_write_raw(w, "temperature", text, strlen(text));
	}
	if (!p->json_schema)
		return;
	json_write_object(w, "output_config");
	json_write_object(w, "format");
	json_write_string(w, "type", "json_schema");
	json_write_raw(w, "schema", model_answer_schema, strlen(model_answer_schema));
	json_write_close(w);
	json_write_close(w);
}

/* Input tokens leave out what was read from and written to the cache. */
static void anthropic_usage(const struct json *root, struct model_reply *r)
{
	const struct json *usage = json_get(root, "usage");
	int64_t written = 0;

	if (!model_count(usage, "input_tokens", &r->input) ||
	    !model_count(usage, "output_tokens", &r->output))
		return;
	r->has_usage = true;
	model_count(usage, "cache_read_input_tokens", &r->cached);
	model_count(usage, "cache_creation_input_tokens", &written);
	r->input += r->cached + written;
}

static void anthropic_blocks(const struct json *content, struct buf *text)
{
	const struct json *block = model_first(content);

	for (; block != NULL; block = json_next(block)) {
		const char *type = json_text(json_get(block, "type"));
		const struct json *t = json_get(block, "text");

		if (type != NULL && strcmp(type, "text") == 0 && t != NULL &&
		    json_type(t) == JSON_STRING)
			buf_adds(text, json_text(t));
	}
}

static void anthropic_content(const struct json *content, const char *stop,
			      struct model_reply *r)
{
	struct buf text = BUF_INIT;

	anthropic_blocks(content, &text);
	if (strcmp(stop, "refusal") == 0)
		model_end(r, MODEL_REFUSED, "%s", text.len > 0 ? text.data : "refused");
	else if (strcmp(stop, "max_tokens") == 0 ||
		 strcmp(stop, "model_context_window_exceeded") == 0)
		model_end(r, MODEL_CUT, "cut at the limit of tokens");
	else if (strcmp(stop, "pause_turn") == 0)
		model_end(r, MODEL_CUT, "paused before the answer was complete");
	else
		model_end_text(r, &text, "no text");
	buf_release(&text);
}

static void anthropic_reply(const struct json *root, struct model_reply *r)
{
	const struct json *content = json_get(root, "content");
	const char *stop = json_text(json_get(root, "stop_reason"));

	r->model = model_clean(json_text(json_get(root, "model")), MODEL_NAME_MAX);
	anthropic_usage(root, r);
	if (content == NULL || json_type(content) != JSON_ARRAY)
		model_end(r, MODEL_MALFORMED, "content is missing");
	else
		anthropic_content(content, stop != NULL ? stop : "", r);
}

const struct model_api model_anthropic = {
	.name = "anthropic",
	.secret_name = "x-api-key",
	.secret_prefix = "",
	.version_name = "anthropic-version",
	.version = "2023-06-01",
	.temperature_max_e2 = 100,
	.url = anthropic_url,
	.ask = anthropic_ask,
	.settings = anthropic_settings,
	.reply = anthropic_reply,
};
