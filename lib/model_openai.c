#include "model_api.h"

#include <string.h>

#include "decimal.h"

#include "banned.h"

/*
 * Chat completions: OpenAI, and all that speak it (OpenRouter, Groq, Ollama, vLLM, llama.cpp,
 * Gemini's compatible base), and Azure, which has other addresses and another header.
 */

static void openai_url(const struct provider *p, const char *model, struct buf *url)
{
	(void)model;
	buf_addf(url, "%s/chat/completions", p->base);
}

/* The resource alone, or with the start of one of the two paths. */
static size_t azure_resource(const char *base)
{
	static const char *const ends[] = { "/openai/v1", "/openai" };
	size_t n = strlen(base);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t m = strlen(ends[i]);

		if (n > m && strcmp(base + n - m, ends[i]) == 0)
			return n - m;
	}
	return n;
}

static void azure_url(const struct provider *p, const char *model, struct buf *url)
{
	buf_add(url, p->base, azure_resource(p->base));
	if (p->api_version == NULL) {
		buf_adds(url, "/openai/v1/chat/completions");
		return;
	}
	buf_adds(url, "/openai/deployments/");
	model_encode(url, model);
	buf_adds(url, "/chat/completions?api-version=");
	model_encode(url, p->api_version);
}

static size_t openai_message(struct json_writer *w, const char *role, const char *text,
			     size_t n)
{
	size_t at;

	json_write_object(w, NULL);
	json_write_string(w, "role", role);
	at = json_write_string_at(w, "content", text, n);
	json_write_close(w);
	return at;
}

static size_t openai_ask(struct json_writer *w, const char *model, const struct model_prompt *q)
{
	size_t at;

	json_write_string(w, "model", model);
	json_write_array(w, "messages");
	if (q->system_len > 0)
		openai_message(w, "system", q->system, q->system_len);
	at = openai_message(w, "user", q->user, q->user_len);
	json_write_close(w);
	json_write_bool(w, "stream", false);
	return at;
}

static void openai_settings(struct json_writer *w, const struct provider *p,
			    const struct model_options *o)
{
	char text[DECIMAL_TEXT_MAX];

	/* reasoning models refuse the one name, most compatible servers know no other */
	json_write_int(w, p->max_completion_tokens ? "max_completion_tokens" : "max_tokens",
		       o->max_tokens);
	if (o->has_temperature) {
		decimal_format(o->temperature_e2, 2, text);
		json_write_raw(w, "temperature", text, strlen(text));
	}
	if (!p->json_schema)
		return;
	json_write_object(w, "response_format");
	json_write_string(w, "type", "json_schema");
	json_write_object(w, "json_schema");
	json_write_string(w, "name", "decision");
	json_write_bool(w, "strict", true);
	json_write_raw(w, "schema", model_answer_schema, strlen(model_answer_schema));
	json_write_close(w);
	json_write_close(w);
}

/* Some servers leave the reasoning out of the completion and not out of the total. */
static void openai_usage(const struct json *root, struct model_reply *r)
{
	const struct json *usage = json_get(root, "usage");
	int64_t total;

	if (!model_count(usage, "prompt_tokens", &r->input) ||
	    !model_count(usage, "completion_tokens", &r->output))
		return;
	r->has_usage = true;
	if (model_count(usage, "total_tokens", &total) && total - r->input > r->output)
		r->output = total - r->input;
	model_count(json_get(usage, "prompt_tokens_details"), "cached_tokens", &r->cached);
	model_count(json_get(usage, "completion_tokens_details"), "reasoning_tokens",
		    &r->reasoning);
}

/* A string, or an array of parts. */
static void openai_content(const struct json *content, struct buf *text)
{
	const struct json *part = model_first(content);

	if (content != NULL && json_type(content) == JSON_STRING)
		buf_adds(text, json_text(content));
	for (; part != NULL; part = json_next(part)) {
		const char *type = json_text(json_get(part, "type"));
		const struct json *t = json_get(part, "text");

		if (type != NULL && strcmp(type, "text") == 0 && t != NULL &&
		    json_type(t) == JSON_STRING)
			buf_adds(text, json_text(t));
	}
}

static bool openai_stopped(const struct json *choice, const char *reason)
{
	const char *finish = json_text(json_get(choice, "finish_reason"));

	return finish != NULL && strcmp(finish, reason) == 0;
}

static void openai_choice(const struct json *choice, struct model_reply *r)
{
	const struct json *message = json_get(choice, "message");
	const char *refusal = json_text(json_get(message, "refusal"));
	struct buf text = BUF_INIT;

	if (message == NULL || json_type(message) != JSON_OBJECT)
		model_end(r, MODEL_MALFORMED, "choices[0].message is missing");
	else if (refusal != NULL && refusal[0] != '\0')
		model_end(r, MODEL_REFUSED, "%s", refusal);
	else if (openai_stopped(choice, "length"))
		model_end(r, MODEL_CUT, "cut at the limit of tokens");
	else if (openai_stopped(choice, "content_filter"))
		model_end(r, MODEL_REFUSED, "withheld by a content filter");
	else {
		openai_content(json_get(message, "content"), &text);
		model_end_text(r, &text,
			       openai_stopped(choice, "tool_calls")
				       ? "no text, but a call of a tool"
				       : "no text");
	}
	buf_release(&text);
}

static void openai_reply(const struct json *root, struct model_reply *r)
{
	const struct json *choices = json_get(root, "choices");
	const struct json *choice = model_first(choices);

	r->model = model_clean(json_text(json_get(root, "model")), MODEL_NAME_MAX);
	openai_usage(root, r);
	if (choices == NULL || json_type(choices) != JSON_ARRAY)
		model_end(r, MODEL_MALFORMED, "choices are missing");
	else if (choice == NULL)
		model_end(r, MODEL_EMPTY, "no choices");
	/* a failure of the model behind a router */
	else if (!model_error_inside(choice, r))
		openai_choice(choice, r);
}

const struct model_api model_openai = {
	.name = "openai",
	.secret_name = "authorization",
	.secret_prefix = "Bearer ",
	.temperature_max_e2 = 200,
	.url = openai_url,
	.ask = openai_ask,
	.settings = openai_settings,
	.reply = openai_reply,
};

const struct model_api model_azure = {
	.name = "azure",
	.secret_name = "api-key",
	.secret_prefix = "",
	.temperature_max_e2 = 200,
	.url = azure_url,
	.ask = openai_ask,
	.settings = openai_settings,
	.reply = openai_reply,
};
