#include "model_api.h"

#include <string.h>

#include "decimal.h"

#include "banned.h"

/* generateContent of Gemini. */

static void gemini_url(const struct provider *p, const char *model, struct buf *url)
{
	model_base(url, p->base, "v1beta");
	buf_adds(url, "/models/");
	model_encode(url, model);
	buf_adds(url, ":generateContent");
}

static size_t gemini_parts(struct json_writer *w, const char *text, size_t n)
{
	size_t at;

	json_write_array(w, "parts");
	json_write_object(w, NULL);
	at = json_write_string_at(w, "text", text, n);
	json_write_close(w);
	json_write_close(w);
	return at;
}

static size_t gemini_ask(struct json_writer *w, const char *model, const struct model_prompt *q)
{
	size_t at;

	(void)model; /* in the address */
	if (q->system_len > 0) {
		json_write_object(w, "systemInstruction");
		gemini_parts(w, q->system, q->system_len);
		json_write_close(w);
	}
	json_write_array(w, "contents");
	json_write_object(w, NULL);
	json_write_string(w, "role", "user");
	at = gemini_parts(w, q->user, q->user_len);
	json_write_close(w);
	json_write_close(w);
	return at;
}

static void gemini_settings(struct json_writer *w, const struct provider *p,
			    const struct model_options *o)
{
	char text[DECIMAL_TEXT_MAX];

	json_write_object(w, "generationConfig");
	json_write_int(w, "maxOutputTokens", o->max_tokens);
	if (o->has_temperature) {
		decimal_format(o->temperature_e2, 2, text);
		json_write_raw(w, "temperature", text, strlen(text));
	}
	if (p->json_schema) {
		json_write_string(w, "responseMimeType", "application/json");
		json_write_raw(w, "responseJsonSchema", model_answer_schema,
			       strlen(model_answer_schema));
	}
	json_write_close(w);
}

/* Candidates leave out the thoughts. */
static void gemini_usage(const struct json *root, struct model_reply *r)
{
	const struct json *usage = json_get(root, "usageMetadata");
	int64_t total;

	if (!model_count(usage, "promptTokenCount", &r->input))
		return;
	r->has_usage = true;
	model_count(usage, "candidatesTokenCount", &r->output);
	model_count(usage, "thoughtsTokenCount", &r->reasoning);
	model_count(usage, "cachedContentTokenCount", &r->cached);
	r->output += r->reasoning;
	if (model_count(usage, "totalTokenCount", &total) && total - r->input > r->output)
		r->output = total - r->input;
}

static bool gemini_refused(const char *finish)
{
	static const char *const reasons[] = { "SAFETY",      "RECITATION",
					       "BLOCKLIST",   "PROHIBITED_CONTENT",
					       "SPII",	      "LANGUAGE",
					       "IMAGE_SAFETY" };

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(finish, reasons[i]) == 0)
			return true;
	return false;
}

static void gemini_text(const struct json *candidate, struct buf *text)
{
	const struct json *content = json_get(candidate, "content");
	const struct json *part = model_first(json_get(content, "parts"));

	for (; part != NULL; part = json_next(part)) {
		const struct json *thought = json_get(part, "thought");
		const struct json *t = json_get(part, "text");

		if (t != NULL && json_type(t) == JSON_STRING &&
		    (thought == NULL || !json_true(thought)))
			buf_adds(text, json_text(t));
	}
}

static void gemini_candidate(const struct json *candidate, struct model_reply *r)
{
	const char *finish = json_text(json_get(candidate, "finishReason"));
	struct buf text = BUF_INIT;

	if (finish == NULL)
		finish = "";
	if (gemini_refused(finish)) {
		model_end(r, MODEL_REFUSED, "withheld: %s", finish);
	} else if (strcmp(finish, "MAX_TOKENS") == 0) {
		model_end(r, MODEL_CUT, "cut at the limit of tokens");
	} else {
		gemini_text(candidate, &text);
		model_end_text(r, &text, finish[0] != '\0' ? finish : "no text");
	}
	buf_release(&text);
}

/* Without candidates something else must say that it is a reply of this API. */
static void gemini_none(const struct json *root, struct model_reply *r)
{
	const struct json *feedback = json_get(root, "promptFeedback");
	const char *blocked = json_text(json_get(feedback, "blockReason"));

	if (blocked != NULL)
		model_end(r, MODEL_REFUSED, "prompt blocked: %s", blocked);
	else if (feedback != NULL || r->has_usage || r->model != NULL)
		model_end(r, MODEL_EMPTY, "no candidates");
	else
		model_end(r, MODEL_MALFORMED, "candidates are missing");
}

static void gemini_reply(const struct json *root, struct model_reply *r)
{
	const struct json *candidate = model_first(json_get(root, "candidates"));

	r->model = model_clean(json_text(json_get(root, "modelVersion")), MODEL_NAME_MAX);
	if (r->request_id == NULL)
		r->request_id =
			model_clean(json_text(json_get(root, "responseId")), MODEL_NAME_MAX);
	gemini_usage(root, r);
	if (candidate == NULL)
		gemini_none(root, r);
	else
		gemini_candidate(candidate, r);
}

const struct model_api model_gemini = {
	.name = "gemini",
	.secret_name = "x-goog-api-key",
	.secret_prefix = "",
	.temperature_max_e2 = 200,
	.url = gemini_url,
	.ask = gemini_ask,
	.settings = gemini_settings,
	.reply = gemini_reply,
};
