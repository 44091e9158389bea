#include "model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "unit.h"
#include "wire.h"

#define NOW INT64_C(1767225600000) /* 2026-01-01T00:00Z */

static struct provider provider_of(enum provider_kind kind, const char *base)
{
	struct provider p = { .kind = kind, .json_schema = true };

	snprintf(p.name, sizeof p.name, "box");
	p.base = mem_strdup(base);
	return p;
}

/* ------------------------------------------------------------------ replies */

/* ${headers} is "name: value" lines. */
static void add_headers(struct fetch_answer *a, const char *headers)
{
	while (headers != NULL && *headers != '\0') {
		const char *colon = strchr(headers, ':'), *nl = strchr(headers, '\n');
		const char *end = nl != NULL ? nl : headers + strlen(headers);
		struct fetch_header *h = &a->headers[a->n_headers++];

		h->name = mem_strndup(headers, (size_t)(colon - headers));
		h->value = mem_strndup(colon + 2, (size_t)(end - colon - 2));
		headers = nl != NULL ? nl + 1 : end;
	}
}

static struct fetch_answer answer_of(int64_t status, const char *headers, const char *body)
{
	struct fetch_answer a = { .class = FETCH_OK, .status = status, .sent = true };

	a.body = mem_strdup(body);
	a.body_len = strlen(body);
	add_headers(&a, headers);
	return a;
}

static const struct model_predict predict_query = {
	.agent = "forest",
	.batch = "market-cycle-20260101-0000",
	.window = "market-cycle-20260101-0000",
	.request_id = "r1",
	.instructions = "be \"bold\"",
};

static void parse(enum provider_kind kind, const struct fetch_answer *a, struct model_reply *r)
{
	struct provider p = provider_of(kind, "https://x.example");

	if (kind == PROVIDER_PREDICT)
		model_predict_parse(&predict_query, a, NOW, r);
	else
		model_parse(&p, a, NOW, r);
	free(p.base);
}

struct sample {
	const char *name;
	enum provider_kind kind;
	int64_t status;
	const char *headers, *body;
	enum model_class class;
	const char *says; /* the text, or a part of the error */
	int64_t wait_ms;
};

#define O PROVIDER_OPENAI
#define Z PROVIDER_AZURE
#define A PROVIDER_ANTHROPIC
#define G PROVIDER_GEMINI
#define P PROVIDER_PREDICT
#define CHOICE(message, finish)                                                                \
	"{\"choices\":[{\"index\":0,\"finish_reason\":\"" finish "\",\"message\":" message "}" \
	"]"                                                                                    \
	"}"
#define BLOCKS(content, stop) \
	"{\"type\":\"message\",\"content\":" content ",\"stop_reason\":\"" stop "\"}"
#define CANDIDATE(parts, finish)                                                               \
	"{\"candidates\":[{\"content\":{\"parts\":" parts "},\"finishReason\":\"" finish "\"}" \
	"]}"
#define PREDICTED(rest) "{\"schemaVersion\":\"1.2\",\"requestId\":\"r1\"," rest "}"

static const struct sample samples[] = {
	/* chat completions */
	{ "openai: the content is the text", O, 200, NULL,
	  CHOICE("{\"content\":\"{\\\"a\\\":1}\",\"refusal\":null}", "stop"), MODEL_OK,
	  "{\"a\":1}", -1 },
	{ "openai: an unknown finish reason does not hide a text", O, 200, NULL,
	  CHOICE("{\"content\":\"x\"}", "eos"), MODEL_OK, "x", -1 },
	{ "openai: parts of type text are joined", O, 200, NULL,
	  CHOICE("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		 "{\"type\":\"thinking\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}",
		 "stop"),
	  MODEL_OK, "ac", -1 },
	{ "openai: reasoning beside the content is no text", O, 200, NULL,
	  CHOICE("{\"content\":\"x\",\"reasoning\":\"hm\"}", "stop"), MODEL_OK, "x", -1 },
	{ "openai: a refusal goes before a cut", O, 200, NULL,
	  CHOICE("{\"content\":\"x\",\"refusal\":\"I will not\"}", "length"), MODEL_REFUSED,
	  "I will not", -1 },
	{ "openai: an empty refusal is none", O, 200, NULL,
	  CHOICE("{\"content\":\"x\",\"refusal\":\"\"}", "stop"), MODEL_OK, "x", -1 },
	{ "openai: a cut answer is not read", O, 200, NULL,
	  CHOICE("{\"content\":\"{\\\"a\\\":1}\"}", "length"), MODEL_CUT, "limit", -1 },
	{ "openai: a content filter refuses even with a part of the text", O, 200, NULL,
	  CHOICE("{\"content\":\"x\"}", "content_filter"), MODEL_REFUSED, "filter", -1 },
	{ "openai: a tool call without content is empty", O, 200, NULL,
	  CHOICE("{\"content\":null,\"tool_calls\":[{}]}", "tool_calls"), MODEL_EMPTY, "tool",
	  -1 },
	{ "openai: white space is empty", O, 200, NULL,
	  CHOICE("{\"content\":\" \\n\"}", "stop"), MODEL_EMPTY, "no text", -1 },
	{ "openai: no choices are empty", O, 200, NULL, "{\"choices\":[]}", MODEL_EMPTY,
	  "no choices", -1 },
	{ "openai: missing choices are malformed", O, 200, NULL, "{}", MODEL_MALFORMED,
	  "choices", -1 },
	{ "openai: a choice without a message is malformed", O, 200, NULL, "{\"choices\":[{}]}",
	  MODEL_MALFORMED, "message", -1 },
	{ "openai: an array is malformed", O, 200, NULL, "[]", MODEL_MALFORMED, "object", -1 },
	{ "openai: an empty body is malformed", O, 200, NULL, "", MODEL_MALFORMED, "no JSON",
	  -1 },
	{ "openai: HTML with a success is malformed", O, 200, NULL, "<html></html>",
	  MODEL_MALFORMED, "no JSON", -1 },
	{ "openai: a stream is malformed and named", O, 200, NULL,
	  ": PROCESSING\n\ndata: {}\n\n", MODEL_MALFORMED, "stream of events", -1 },
	{ "openai: a stream is known by its type as well", O, 200,
	  "content-type: text/event-stream; charset=utf-8", "id: 1\n", MODEL_MALFORMED,
	  "stream of events", -1 },
	{ "openai: an error in a success has the status of its code", O, 200, NULL,
	  "{\"error\":{\"code\":502,\"message\":\"upstream\"}}", MODEL_RETRY,
	  "HTTP 502: upstream", -1 },
	{ "openai: an error in a success without credit needs an operator", O, 200, NULL,
	  "{\"error\":{\"code\":402,\"message\":\"no credit\"}}", MODEL_OPERATOR, "no credit",
	  -1 },
	{ "openai: an error in a success that is a 400 is final", O, 200, NULL,
	  "{\"error\":{\"code\":400,\"message\":\"bad\"}}", MODEL_STOP, "bad", -1 },
	{ "openai: an error in a choice counts", O, 200, NULL,
	  "{\"choices\":[{\"finish_reason\":\"error\",\"error\":{\"code\":503,\"message\":"
	  "\"x\"},"
	  "\"message\":{\"content\":\"half\"}}]}",
	  MODEL_RETRY, "HTTP 503", -1 },
	{ "openai: an error that is null is none", O, 200, NULL,
	  "{\"error\":null,\"choices\":[]}", MODEL_EMPTY, "no choices", -1 },
	{ "openai: Retry-After on a success is not looked at", O, 200, "retry-after: 55",
	  CHOICE("{\"content\":\"x\"}", "stop"), MODEL_OK, "x", -1 },

	/* failures, in every shape */
	{ "error: object with a string code", O, 404, NULL,
	  "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"model_not_found\"}}",
	  MODEL_STOP, "HTTP 404 model_not_found: m", -1 },
	{ "error: code null", O, 400, NULL,
	  "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"code\":null}}",
	  MODEL_STOP, "HTTP 400 invalid_request_error: m", -1 },
	{ "error: numeric code", O, 503, NULL,
	  "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"u\"}}",
	  MODEL_RETRY, "HTTP 503 u: Loading model", -1 },
	{ "error: string number as code", Z, 429, "retry-after-ms: 22000\nretry-after: 99",
	  "{\"error\":{\"code\":\"429\",\"message\":\"slow\"}}", MODEL_RETRY, "HTTP 429: slow",
	  22000 },
	{ "error: plain string", O, 404, NULL, "{\"error\":\"model not found\"}", MODEL_STOP,
	  "HTTP 404: model not found", -1 },
	{ "error: type beside the object", A, 529, NULL,
	  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}",
	  MODEL_RETRY, "HTTP 529 overloaded_error: m", -1 },
	{ "error: flat code and message", O, 400, NULL,
	  "{\"object\":\"error\",\"message\":\"too long\",\"code\":400}", MODEL_STOP,
	  "HTTP 400: too long", -1 },
	{ "error: flat code and msg", O, 400, NULL, "{\"code\":-1121,\"msg\":\"bad\"}",
	  MODEL_STOP, "bad", -1 },
	{ "error: array of strings", O, 500, NULL, "{\"error\":[\"EService:Busy\"]}",
	  MODEL_RETRY, "EService:Busy", -1 },
	{ "error: message alone", O, 500, NULL, "{\"message\":\"oops\"}", MODEL_RETRY, "oops",
	  -1 },
	{ "error: detail as text", P, 503, "retry-after: 5", "{\"detail\":\"not loaded\"}",
	  MODEL_RETRY, "not loaded", 5000 },
	{ "error: detail as a list", P, 422, NULL,
	  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\"}]}",
	  MODEL_STOP, "HTTP 422 missing: Field required", -1 },
	{ "error: object named status", O, 429, NULL,
	  "{\"status\":{\"error_code\":1,\"error_message\":\"slow\"}}", MODEL_RETRY, "slow",
	  -1 },
	{ "error: status inside the error", O, 429, NULL,
	  "{\"error\":{\"status\":{\"error_code\":1,\"error_message\":\"slow\"}}}", MODEL_RETRY,
	  "slow", -1 },
	{ "error: a status that is a word", O, 400, NULL,
	  "{\"status\":\"error\",\"message\":\"bad\"}", MODEL_STOP, "HTTP 400 error: bad", -1 },
	{ "error: an array around the object", O, 404, NULL,
	  "[{\"error\":{\"code\":404,\"message\":\"m\",\"status\":\"NOT_FOUND\"}}]", MODEL_STOP,
	  "HTTP 404 NOT_FOUND: m", -1 },
	{ "error: HTML of a gateway", O, 502, NULL, "<html><h1>502</h1></html>", MODEL_RETRY,
	  "HTTP 502", -1 },
	{ "error: plain text of a gateway", O, 504, NULL, "upstream\r\n\x1b[31mtimed out",
	  MODEL_RETRY, "HTTP 504: upstream [31mtimed out", -1 },
	{ "error: no body", O, 500, NULL, "", MODEL_RETRY, "HTTP 500", -1 },
	{ "error: scalars and empty containers", O, 500, NULL, "{\"error\":[],\"detail\":7}",
	  MODEL_RETRY, "HTTP 500", -1 },

	/* who has to act */
	{ "401 needs an operator, and does not repeat the key", O, 401, "retry-after: 9",
	  "{\"error\":{\"message\":\"Incorrect API key provided: sk-canary\"}}", MODEL_OPERATOR,
	  "HTTP 401: the key was not accepted", -1 },
	{ "402 needs an operator", O, 402, NULL, "{}", MODEL_OPERATOR, "HTTP 402", -1 },
	{ "403 needs an operator", O, 403, NULL,
	  "{\"error\":{\"code\":\"unsupported_country_region_territory\"}}", MODEL_OPERATOR,
	  "unsupported", -1 },
	{ "403 of a moderation is a refusal", O, 403, NULL,
	  "{\"error\":{\"code\":403,\"message\":\"m\",\"metadata\":{\"reasons\":[\"x\"]}}}",
	  MODEL_REFUSED, "m", -1 },
	{ "429 of a rate is to be repeated", O, 429, "retry-after: 20",
	  "{\"error\":{\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}", MODEL_RETRY,
	  "rate_limit_exceeded", 20000 },
	{ "429 of a quota needs an operator", O, 429, "retry-after: 20",
	  "{\"error\":{\"type\":\"insufficient_quota\",\"code\":null}}", MODEL_OPERATOR,
	  "insufficient_quota", -1 },
	{ "429 of exhausted credit needs an operator", O, 429, NULL,
	  "{\"error\":{\"code\":\"credit_balance_exhausted\"}}", MODEL_OPERATOR, "credit", -1 },
	{ "429 of a project's spending needs an operator", O, 429, NULL,
	  "{\"error\":{\"code\":\"project_spend_limit_exceeded\"}}", MODEL_OPERATOR, "project",
	  -1 },
	{ "429 of an organisation's usage needs an operator", O, 429, NULL,
	  "{\"error\":{\"code\":\"organization_usage_limit_exceeded\"}}", MODEL_OPERATOR,
	  "organization", -1 },
	{ "429 of enforced spending needs an operator", A, 429, NULL,
	  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\","
	  "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}",
	  MODEL_OPERATOR, "m", -1 },
	{ "400 of a spending cap needs an operator", A, 400, NULL,
	  "{\"error\":{\"type\":\"invalid_request_error\","
	  "\"message\":\"You have reached your specified API usage limits.\"}}",
	  MODEL_OPERATOR, "limits", -1 },
	{ "400 of a bad key needs an operator", G, 400, NULL,
	  "{\"error\":{\"code\":400,\"message\":\"x\",\"status\":\"INVALID_ARGUMENT\","
	  "\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}",
	  MODEL_OPERATOR, "key was not accepted", -1 },
	{ "400 of a filter is a refusal", Z, 400, NULL,
	  "{\"error\":{\"message\":\"m\",\"code\":\"x\","
	  "\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
	  MODEL_REFUSED, "m", -1 },
	{ "413 is final", A, 413, NULL, "{\"error\":{\"type\":\"request_too_large\"}}",
	  MODEL_STOP, "request_too_large", -1 },
	{ "408 is to be repeated", O, 408, NULL, "{}", MODEL_RETRY, "HTTP 408", -1 },
	{ "409 is to be repeated", O, 409, NULL, "{}", MODEL_RETRY, "HTTP 409", -1 },
	{ "425 is to be repeated", O, 425, NULL, "{}", MODEL_RETRY, "HTTP 425", -1 },
	{ "422 is final", O, 422, NULL, "{}", MODEL_STOP, "HTTP 422", -1 },
	{ "a redirect is final", O, 302, NULL, "", MODEL_STOP, "HTTP 302", -1 },
	{ "x-should-retry false stops a 500", O, 500, "x-should-retry: false", "{}", MODEL_STOP,
	  "HTTP 500", -1 },
	{ "x-should-retry true repeats a 400", O, 400, "x-should-retry: true\nretry-after: 1",
	  "{}", MODEL_RETRY, "HTTP 400", 1000 },
	{ "x-should-retry true does not repeat a 401", O, 401, "x-should-retry: true", "{}",
	  MODEL_OPERATOR, "HTTP 401", -1 },

	/* waits */
	{ "a fraction of a second is honoured", O, 503, "retry-after: 1.5", "", MODEL_RETRY,
	  "HTTP 503", 1500 },
	{ "a date is measured against that of the reply", O, 503,
	  "date: Thu, 01 Jan 2026 00:00:10 GMT\nretry-after: Thu, 01 Jan 2026 00:00:40 GMT", "",
	  MODEL_RETRY, "HTTP 503", 30000 },
	{ "a date without one is measured against the clock", O, 503,
	  "retry-after: Thu, 01 Jan 2026 00:00:40 GMT", "", MODEL_RETRY, "HTTP 503", 40000 },
	{ "garbage in the one header leaves the other", O, 503,
	  "retry-after-ms: soon\nretry-after: 2", "", MODEL_RETRY, "HTTP 503", 2000 },
	{ "garbage counts as absent", O, 503, "retry-after: soon", "", MODEL_RETRY, "HTTP 503",
	  -1 },
	{ "a RetryInfo is honoured", G, 429, NULL,
	  "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
	  "{\"violations\":[{\"quotaId\":\"PerMinute\"}]},{\"retryDelay\":\"57.5s\"}]}}",
	  MODEL_RETRY, "RESOURCE_EXHAUSTED", 57500 },
	{ "a quota of a day is not asked again soon", G, 429, NULL,
	  "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
	  "{\"violations\":[{\"quotaId\":\"RequestsPerDay\"}]},{\"retryDelay\":\"7s\"}]}}",
	  MODEL_RETRY, "RESOURCE_EXHAUSTED", 3600000 },

	/* messages */
	{ "anthropic: text blocks are joined", A, 200, NULL,
	  BLOCKS("[{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":"
		 "\"a\"},"
		 "{\"type\":\"text\",\"text\":\"b\"}]",
		 "end_turn"),
	  MODEL_OK, "ab", -1 },
	{ "anthropic: a stop sequence is an answer", A, 200, NULL,
	  BLOCKS("[{\"type\":\"text\",\"text\":\"a\"}]", "stop_sequence"), MODEL_OK, "a", -1 },
	{ "anthropic: a refusal", A, 200, NULL,
	  BLOCKS("[{\"type\":\"text\",\"text\":\"I can't\"}]", "refusal"), MODEL_REFUSED,
	  "I can't", -1 },
	{ "anthropic: a refusal without words", A, 200, NULL, BLOCKS("[]", "refusal"),
	  MODEL_REFUSED, "refused", -1 },
	{ "anthropic: a cut answer", A, 200, NULL,
	  BLOCKS("[{\"type\":\"text\",\"text\":\"{\"}]", "max_tokens"), MODEL_CUT, "limit",
	  -1 },
	{ "anthropic: a paused turn is no answer", A, 200, NULL,
	  BLOCKS("[{\"type\":\"text\",\"text\":\"a\"}]", "pause_turn"), MODEL_CUT, "paused",
	  -1 },
	{ "anthropic: no text is empty", A, 200, NULL,
	  BLOCKS("[{\"type\":\"tool_use\",\"name\":\"x\"}]", "tool_use"), MODEL_EMPTY,
	  "no text", -1 },
	{ "anthropic: missing content is malformed", A, 200, NULL, "{\"type\":\"message\"}",
	  MODEL_MALFORMED, "content", -1 },
	{ "anthropic: an error in a success counts", A, 200, NULL,
	  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}",
	  MODEL_RETRY, "overloaded_error", -1 },
	{ "anthropic: a stream is malformed", A, 200, NULL,
	  "event: message_start\ndata: {}\n\n", MODEL_MALFORMED, "stream of events", -1 },

	/* generateContent */
	{ "gemini: parts are joined without thoughts", G, 200, NULL,
	  CANDIDATE("[{\"text\":\"hm\",\"thought\":true},{\"text\":\"{ \"},"
		    "{\"thoughtSignature\":\"x\"},{\"text\":\"} \"}]",
		    "STOP"),
	  MODEL_OK, "{ } ", -1 },
	{ "gemini: SAFETY is a refusal", G, 200, NULL, CANDIDATE("[]", "SAFETY"), MODEL_REFUSED,
	  "SAFETY", -1 },
	{ "gemini: RECITATION is a refusal", G, 200, NULL,
	  CANDIDATE("[{\"text\":\"x\"}]", "RECITATION"), MODEL_REFUSED, "RECITATION", -1 },
	{ "gemini: MAX_TOKENS is a cut", G, 200, NULL,
	  CANDIDATE("[{\"text\":\"{}\"}]", "MAX_TOKENS"), MODEL_CUT, "limit", -1 },
	{ "gemini: a call of a function is empty", G, 200, NULL,
	  CANDIDATE("[{\"functionCall\":{\"name\":\"f\"}}]", "STOP"), MODEL_EMPTY, "STOP", -1 },
	{ "gemini: a blocked prompt is a refusal", G, 200, NULL,
	  "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}", MODEL_REFUSED, "OTHER", -1 },
	{ "gemini: no candidates are empty", G, 200, NULL,
	  "{\"usageMetadata\":{\"promptTokenCount\":5}}", MODEL_EMPTY, "no candidates", -1 },
	{ "gemini: nothing known is malformed", G, 200, NULL, "{\"x\":1}", MODEL_MALFORMED,
	  "candidates", -1 },

	/* predict */
	{ "predict: orders become a decision", P, 200, NULL,
	  PREDICTED("\"agentId\":\"forest\",\"modelVersion\":\"m7\",\"orders\":["
		    "{\"assetSymbol\":\"BTC\",\"side\":\"BUY\",\"quantity\":0.1250,"
		    "\"limitPrice\":64000.5},"
		    "{\"assetSymbol\":\"ETH\",\"side\":\"HOLD\",\"quantity\":0},"
		    "{\"assetSymbol\":\"SOL\",\"side\":\"SELL\",\"quantity\":\"2\","
		    "\"limitPrice\":null}],"
		    "\"signals\":[{\"feature\":\"rsi\",\"value\":28.10,\"rule\":\"oversold\","
		    "\"fired\":true,\"contribution\":\"bullish\"},"
		    "{\"feature\":\"x\",\"value\":1,\"rule\":\"y\",\"fired\":false}],"
		    "\"reasoning\":\"up\""),
	  MODEL_OK,
	  "{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\",\"quantity\":\"0.125\","
	  "\"limit_price\":\"64000.5\"},{\"asset\":\"SOL\",\"side\":\"sell\","
	  "\"quantity\":\"2\"}],\"reasoning\":\"up\\u000arules: oversold (rsi 28.10, "
	  "bullish)\"}",
	  -1 },
	{ "predict: no orders hold", P, 200, NULL, PREDICTED("\"orders\":[]"), MODEL_OK,
	  "{\"orders\":[]}", -1 },
	{ "predict: NaN is no JSON", P, 200, NULL,
	  PREDICTED("\"orders\":[{\"assetSymbol\":\"BTC\",\"side\":\"BUY\",\"quantity\":NaN}]"),
	  MODEL_MALFORMED, "no JSON", -1 },
	{ "predict: NaN in a string is no number", P, 200, NULL,
	  PREDICTED("\"orders\":[{\"assetSymbol\":\"BTC\",\"side\":\"BUY\","
		    "\"quantity\":\"NaN\"}]"),
	  MODEL_MALFORMED, "orders[0]", -1 },
	{ "predict: an order without a quantity", P, 200, NULL,
	  PREDICTED("\"orders\":[{\"assetSymbol\":\"BTC\",\"side\":\"BUY\"}]"), MODEL_MALFORMED,
	  "orders[0]", -1 },
	{ "predict: an unknown side", P, 200, NULL,
	  PREDICTED("\"orders\":[{\"assetSymbol\":\"BTC\",\"side\":\"SHORT\",\"quantity\":1}]"),
	  MODEL_MALFORMED, "orders[0]", -1 },
	{ "predict: another request's id", P, 200, NULL,
	  "{\"schemaVersion\":\"1.0\",\"requestId\":\"r2\",\"orders\":[]}", MODEL_MALFORMED,
	  "requestId", -1 },
	{ "predict: another agent's answer", P, 200, NULL,
	  PREDICTED("\"agentId\":\"tree\",\"orders\":[]"), MODEL_MALFORMED, "agentId", -1 },
	{ "predict: another major version", P, 200, NULL,
	  "{\"schemaVersion\":\"2.0\",\"requestId\":\"r1\",\"orders\":[]}", MODEL_MALFORMED,
	  "schemaVersion", -1 },
	{ "predict: version 10 is not 1", P, 200, NULL,
	  "{\"schemaVersion\":\"10.0\",\"requestId\":\"r1\",\"orders\":[]}", MODEL_MALFORMED,
	  "schemaVersion", -1 },
	{ "predict: missing orders", P, 200, NULL, PREDICTED("\"prediction\":1"),
	  MODEL_MALFORMED, "orders", -1 },
	{ "predict: a bad key needs an operator", P, 401, NULL, "{}", MODEL_OPERATOR,
	  "HTTP 401", -1 },
	{ "predict: a 500 is to be repeated", P, 500, NULL, "oops", MODEL_RETRY, "oops", -1 },
};

static bool sample_holds(const struct sample *s, const struct model_reply *r)
{
	const char *text = r->class == MODEL_OK ? r->text : r->error;
	bool said = text != NULL && (r->class == MODEL_OK ? strcmp(text, s->says) == 0
							  : strstr(text, s->says) != NULL);

	if (r->class == s->class && r->wait_ms == s->wait_ms && said && !r->lost)
		return true;
	printf("# class %s, wait %lld, says %s\n", model_class_name(r->class),
	       (long long)r->wait_ms, text != NULL ? text : "(null)");
	return false;
}

static void test_samples(void)
{
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		const struct sample *s = &samples[i];
		struct fetch_answer a = answer_of(s->status, s->headers, s->body);
		struct model_reply r;

		parse(s->kind, &a, &r);
		unit_ok(sample_holds(s, &r), s->name);
		model_release(&r);
		fetch_answer_release(&a);
	}
}

static void test_transport(void)
{
	static const struct {
		enum fetch_class class;
		bool sent;
		enum model_class want;
	} ends[] = {
		{ FETCH_DNS, false, MODEL_RETRY },
		{ FETCH_CONNECT, false, MODEL_RETRY },
		{ FETCH_TLS, false, MODEL_RETRY },
		{ FETCH_TIMEOUT, false, MODEL_RETRY },
		{ FETCH_TIMEOUT, true, MODEL_RETRY },
		{ FETCH_RESET, true, MODEL_RETRY },
		{ FETCH_CUT, true, MODEL_RETRY },
		{ FETCH_GONE, true, MODEL_RETRY },
		{ FETCH_TOO_LARGE, true, MODEL_MALFORMED },
		{ FETCH_PROTOCOL, true, MODEL_MALFORMED },
		{ FETCH_LOCAL, false, MODEL_STOP },
		{ FETCH_UNRECORDED, false, MODEL_STOP },
	};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct fetch_answer a = answer_of(0, NULL, "");
		struct model_reply r;
		char name[120];

		a.class = ends[i].class;
		a.sent = ends[i].sent;
		a.error = mem_strdup("because\nof this");
		parse(O, &a, &r);
		snprintf(name, sizeof name, "an exchange that ends with %s is %s and %s",
			 fetch_class_name(a.class), model_class_name(ends[i].want),
			 a.sent ? "lost" : "was not sent");
		unit_ok(r.class == ends[i].want && r.lost == a.sent && r.wait_ms == -1 &&
				strstr(r.error, "because of this") != NULL,
			name);
		model_release(&r);
		fetch_answer_release(&a);
	}
}

static struct model_reply reply_of(enum provider_kind kind, const char *headers,
				   const char *body)
{
	struct fetch_answer a = answer_of(200, headers, body);
	struct model_reply r;

	parse(kind, &a, &r);
	fetch_answer_release(&a);
	return r;
}

static bool usage_is(const struct model_reply *r, int64_t input, int64_t cached, int64_t output,
		     int64_t reasoning)
{
	return r->has_usage && r->input == input && r->cached == cached &&
	       r->output == output && r->reasoning == reasoning;
}

static void test_usage(void)
{
	struct model_reply r =
		reply_of(O, "x-request-id: req_1",
			 "{\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_"
			 "tokens\":92,"
			 "\"completion_tokens\":15,\"total_tokens\":107,"
			 "\"prompt_tokens_details\":{\"cached_tokens\":64},"
			 "\"completion_tokens_details\":{\"reasoning_tokens\":10}}}");

	unit_ok(usage_is(&r, 92, 64, 15, 10),
		"openai: tokens are read, of an empty answer too");
	unit_ok(strcmp(r.model, "gpt-4o-2024-08-06") == 0 && strcmp(r.request_id, "req_1") == 0,
		"openai: the model that answered and the id of the request are known");
	model_release(&r);
	r = reply_of(O, NULL,
		     "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
		     "\"total_tokens\":40}}");
	unit_ok(usage_is(&r, 10, 0, 30, 0),
		"openai: reasoning that only the total counts is paid");
	model_release(&r);
	r = reply_of(O, NULL,
		     "{\"choices\":[],\"usage\":{\"prompt_tokens\":-1,"
		     "\"completion_tokens\":5}}");
	unit_ok(!r.has_usage, "a negative count is no count");
	model_release(&r);
	r = reply_of(A, "request-id: req_2",
		     "{\"model\":\"claude\\n\",\"content\":[],\"usage\":{\"input_tokens\":10,"
		     "\"output_tokens\":7,\"cache_read_input_tokens\":100,"
		     "\"cache_creation_input_tokens\":20}}");
	unit_ok(usage_is(&r, 130, 100, 7, 0), "anthropic: cached tokens are part of the input");
	unit_ok(strcmp(r.model, "claude") == 0, "a model's name is cleaned");
	model_release(&r);
	r = reply_of(G, NULL,
		     "{\"responseId\":\"w1\",\"modelVersion\":\"gemini-3\",\"usageMetadata\":{"
		     "\"promptTokenCount\":29,\"candidatesTokenCount\":12,"
		     "\"thoughtsTokenCount\":102,\"totalTokenCount\":143}}");
	unit_ok(usage_is(&r, 29, 0, 114, 102), "gemini: thoughts are part of the output");
	unit_ok(strcmp(r.model, "gemini-3") == 0 && strcmp(r.request_id, "w1") == 0,
		"gemini: the model and the id are known");
	model_release(&r);
}

static void test_names(void)
{
	bool named = true;

	for (int i = 0; i < MODEL_CLASSES; i++)
		named = named && model_class_name((enum model_class)i)[0] != '\0';
	unit_ok(named, "every class has a name");
	unit_ok(model_outcome(MODEL_REFUSED) == CIRCUIT_SUCCESS &&
			model_outcome(MODEL_CUT) == CIRCUIT_SUCCESS &&
			model_outcome(MODEL_STOP) == CIRCUIT_NEUTRAL &&
			model_outcome(MODEL_OPERATOR) == CIRCUIT_HOPELESS &&
			model_outcome(MODEL_RETRY) == CIRCUIT_FAILURE &&
			model_outcome(MODEL_MALFORMED) == CIRCUIT_FAILURE,
		"a refusal speaks for the service, garbage against it");
	unit_ok(model_tokens_max(77) == 77, "a text has at most as many tokens as bytes");
}

/* A thousand bytes of message, with a character across the limit. */
static void test_error_length(void)
{
	struct buf b = BUF_INIT;
	struct fetch_answer a;
	struct model_reply r;

	buf_adds(&b, "{\"error\":\"");
	for (int i = 0; i < 500; i++)
		buf_adds(&b, "\xc3\xa9");
	buf_adds(&b, "\"}");
	a = answer_of(400, NULL, b.data);
	parse(O, &a, &r);
	unit_ok(strlen(r.error) <= 300 && strlen(r.error) >= 298 &&
			ident_utf8_valid(r.error, strlen(r.error)),
		"an error is cut at a character below 300 bytes");
	model_release(&r);
	fetch_answer_release(&a);
	buf_release(&b);
}

/* ------------------------------------------------------------------ recorded replies */

struct recorded {
	const char *api;
	enum provider_kind kind;
	const char *name;
	enum model_class class;
	int64_t wait_ms;
};

static const struct recorded recorded[] = {
	{ "openai", O, "200-json-schema", MODEL_OK, -1 },
	{ "openai", O, "200-length-cut-json", MODEL_CUT, -1 },
	{ "openai", O, "200-refusal", MODEL_REFUSED, -1 },
	{ "openai", O, "200-tool-call-before-json-schema", MODEL_EMPTY, -1 },
	{ "openai", O, "200-with-ratelimit-headers", MODEL_OK, -1 },
	{ "openai", O, "400-code-null", MODEL_STOP, -1 },
	{ "openai", O, "400-unsupported-value", MODEL_STOP, -1 },
	{ "openai", O, "401-bad-key", MODEL_OPERATOR, -1 },
	{ "openai", O, "404-model-not-found", MODEL_STOP, -1 },
	{ "openai", O, "429-insufficient-quota-DO-NOT-RETRY", MODEL_OPERATOR, -1 },
	{ "openai", O, "429-rate-limit", MODEL_RETRY, 20000 },
	{ "openai", O, "502-html-gateway", MODEL_RETRY, -1 },
	{ "openai", O, "503-overloaded", MODEL_RETRY, -1 },
	{ "anthropic", A, "200-json-schema", MODEL_OK, -1 },
	{ "anthropic", A, "200-max-tokens-cut-json", MODEL_CUT, -1 },
	{ "anthropic", A, "200-refusal", MODEL_REFUSED, -1 },
	{ "anthropic", A, "200-schema-with-ratelimit-headers", MODEL_MALFORMED, -1 },
	{ "anthropic", A, "200-sse-prompt-with-ratelimit-headers", MODEL_MALFORMED, -1 },
	{ "anthropic", A, "200-text-with-retry-after-on-success", MODEL_OK, -1 },
	{ "anthropic", A, "400-invalid-request", MODEL_STOP, -1 },
	{ "anthropic", A, "401", MODEL_OPERATOR, -1 },
	{ "anthropic", A, "404-model", MODEL_STOP, -1 },
	{ "anthropic", A, "413", MODEL_STOP, -1 },
	{ "anthropic", A, "429-rate-limit", MODEL_RETRY, 17000 },
	{ "anthropic", A, "429-spend-limit-DO-NOT-RETRY", MODEL_OPERATOR, -1 },
	{ "anthropic", A, "529-overloaded", MODEL_RETRY, -1 },
	{ "azure", Z, "200", MODEL_OK, -1 },
	{ "azure", Z, "400-content-filter", MODEL_REFUSED, -1 },
	{ "azure", Z, "404-deployment", MODEL_STOP, -1 },
	{ "azure", Z, "429-string-code", MODEL_RETRY, 22000 },
	{ "gemini", G, "200-blocked-no-candidates", MODEL_REFUSED, -1 },
	{ "gemini", G, "200-native-output-function-call", MODEL_EMPTY, -1 },
	{ "gemini", G, "200-native-output-step1", MODEL_OK, -1 },
	{ "gemini", G, "404-model", MODEL_STOP, -1 },
	{ "gemini", G, "429-retryinfo", MODEL_RETRY, 57239 },
	{ "gemini", G, "503", MODEL_RETRY, -1 },
	{ "llamacpp", O, "400-numeric-code", MODEL_STOP, -1 },
	{ "llamacpp", O, "503-loading-model", MODEL_RETRY, -1 },
	{ "ollama", O, "200-v1-json-schema", MODEL_OK, -1 },
	{ "openrouter", O, "200", MODEL_OK, -1 },
	{ "openrouter", O, "200-sse-error-in-stream", MODEL_MALFORMED, -1 },
	{ "openrouter", O, "200-with-error-body", MODEL_RETRY, -1 },
	{ "openrouter", O, "402-credits", MODEL_OPERATOR, -1 },
	{ "openrouter", O, "429-provider", MODEL_RETRY, -1 },
	{ "predict", P, "200-nan-INVALID-JSON", MODEL_MALFORMED, -1 },
	{ "predict", P, "422-fastapi", MODEL_STOP, -1 },
	{ "predict", P, "503-starting", MODEL_RETRY, 5000 },
};

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	struct buf b = BUF_INIT;
	char block[4096];
	size_t n;

	if (f == NULL)
		return NULL;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&b, block, n);
	fclose(f);
	*len = b.len;
	return buf_take(&b);
}

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static bool read_recorded(const char *dir, const struct recorded *f, struct fetch_answer *a)
{
	char *meta_path = mem_printf("%s/%s/%s.json", dir, f->api, f->name);
	char *body_path = mem_printf("%s/%s/%s.body", dir, f->api, f->name);
	size_t len = 0;
	char *meta = read_file(meta_path, &len);
	struct err e = { 0 };
	struct json *root = meta != NULL ? json_parse(meta, len, &e) : NULL;
	const struct json *response = json_get(root, "response");

	*a = (struct fetch_answer){ .class = FETCH_OK, .sent = true };
	a->body = read_file(body_path, &a->body_len);
	if (root != NULL)
		a->status = strtol(json_text(json_get(response, "status")), NULL, 10);
	for (const struct json *h = json_first(json_get(response, "headers"));
	     h != NULL && a->n_headers < FETCH_HEADERS_MAX; h = json_next(h)) {
		a->headers[a->n_headers].name = mem_strdup(json_key(h));
		lower(a->headers[a->n_headers].name);
		a->headers[a->n_headers++].value = mem_strdup(json_text(h));
	}
	json_free(root);
	free(meta);
	free(body_path);
	free(meta_path);
	return a->status > 0 && a->body != NULL;
}

static void test_recorded(void)
{
	const char *dir = getenv("TR_FIXTURES");
	DIR *d;

	if (dir == NULL)
		dir = "../shared/apis/fixtures";
	d = opendir(dir);
	if (d == NULL) {
		unit_ok(true, "recorded replies # SKIP there are none beside the project");
		return;
	}
	closedir(d);
	for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
		const struct recorded *f = &recorded[i];
		struct fetch_answer a;
		struct model_reply r = { .class = MODEL_CLASSES };
		char name[160];

		if (read_recorded(dir, f, &a))
			parse(f->kind, &a, &r);
		snprintf(name, sizeof name, "recorded: %s/%s is %s", f->api, f->name,
			 model_class_name(f->class));
		if (!unit_ok(r.class == f->class && r.wait_ms == f->wait_ms &&
				     (r.class == MODEL_OK) == (r.text != NULL) &&
				     (r.class == MODEL_OK) == (r.error == NULL),
			     name))
			printf("# wait %lld, %s\n", (long long)r.wait_ms,
			       r.error != NULL ? r.error : "no error");
		model_release(&r);
		fetch_answer_release(&a);
	}
}

/* ------------------------------------------------------------------ requests */

static const struct model_prompt prompt = {
	.system = "sys\n", .system_len = 4, .user = "user \"x\"", .user_len = 8
};

static struct json *json_of(const char *text)
{
	struct err e = { 0 };

	return json_parse(text, strlen(text), &e);
}

static const char *header_of(const struct fetch_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return "";
}

static bool secret_is(const struct fetch_request *r, const char *name, const char *prefix)
{
	return strcmp(r->secret_name, name) == 0 && strcmp(r->secret_prefix, prefix) == 0 &&
	       strcmp(r->secret_file, "/keys/k") == 0;
}

static bool same(const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return true;
	printf("# got  %s\n# want %s\n", got, want);
	return false;
}

static bool body_is(const struct fetch_request *r, const char *before, const char *after)
{
	char *want = mem_printf("%s%s%s", before, after[0] != '\0' ? model_answer_schema : "",
				after);
	bool ok = same(r->body, want) && r->body_len == strlen(want);

	free(want);
	return ok;
}

static struct fetch_request built(struct provider *p, const char *model,
				  const struct model_options *o)
{
	struct fetch_request r;
	struct err e = { 0 };

	if (model_build(p, "/keys/k", model, &prompt, o, &r, &e) != 0)
		printf("# %s\n", e.text);
	return r;
}

static void test_build_openai(void)
{
	struct model_options o = { .max_tokens = 500, .timeout_ms = 9000 };
	struct provider p = provider_of(O, "https://api.example/v1");
	struct fetch_request r = built(&p, "vendor/m:free", &o);

	unit_ok(same(r.url, "https://api.example/v1/chat/completions") &&
			strcmp(r.method, "POST") == 0 &&
			strcmp(r.tag, "box:vendor/m:free") == 0 && r.timeout_ms == 9000,
		"openai: address, method, tag and time-out");
	unit_ok(secret_is(&r, "authorization", "Bearer ") &&
			strcmp(header_of(&r, "content-type"), "application/json") == 0,
		"openai: the key is a bearer token, the body JSON");
	unit_ok(body_is(&r,
			"{\"model\":\"vendor/m:free\",\"messages\":[{\"role\":\"system\","
			"\"content\":\"sys\\u000a\"},{\"role\":\"user\",\"content\":\"user "
			"\\\"x\\\"\"}],"
			"\"stream\":false,\"max_tokens\":500,\"response_format\":{\"type\":"
			"\"json_schema\",\"json_schema\":{\"name\":\"decision\",\"strict\":"
			"true,"
			"\"schema\":",
			"}}}"),
		"openai: the body has the documented members");
	fetch_request_release(&r);
	p.json_schema = false;
	p.max_completion_tokens = true;
	o.has_temperature = true;
	o.temperature_e2 = 70;
	r = built(&p, "m", &o);
	unit_ok(body_is(&r,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
			"\"sys\\u000a\"},"
			"{\"role\":\"user\",\"content\":\"user \\\"x\\\"\"}],\"stream\":false,"
			"\"max_completion_tokens\":500,\"temperature\":0.7}",
			""),
		"openai: the other name of the limit, a temperature, no schema");
	fetch_request_release(&r);
	free(p.base);
}

static void test_build_azure(void)
{
	static char version[] = "2024-10-21";
	struct model_options o = { .max_tokens = 500, .timeout_ms = 9000 };
	struct provider p = provider_of(Z, "https://r.openai.azure.com");
	struct fetch_request r;

	p.api_version = version;
	r = built(&p, "my gpt/4?", &o);
	unit_ok(r.url == NULL, "a name with a blank is refused");
	r = built(&p, "gpt/4?", &o);
	unit_ok(same(r.url, "https://r.openai.azure.com/openai/deployments/gpt%2F4%3F/chat/"
			    "completions?api-version=2024-10-21"),
		"azure: the classic address names deployment and version, encoded");
	unit_ok(secret_is(&r, "api-key", ""), "azure: the key has a header of its own");
	fetch_request_release(&r);
	p.api_version = NULL;
	r = built(&p, "gpt", &o);
	unit_ok(same(r.url, "https://r.openai.azure.com/openai/v1/chat/completions") &&
			strncmp(r.body, "{\"model\":\"gpt\"", 14) == 0,
		"azure: the new address has no version, the body names the deployment");
	fetch_request_release(&r);
	free(p.base);
	p.base = mem_strdup("https://r.openai.azure.com/openai/v1");
	r = built(&p, "gpt", &o);
	unit_ok(same(r.url, "https://r.openai.azure.com/openai/v1/chat/completions"),
		"azure: a base with the path of the new address is fine");
	fetch_request_release(&r);
	free(p.base);
}

static void test_build_anthropic(void)
{
	struct model_options o = { 500, true, 100, 9000, NULL, NULL };
	struct provider p = provider_of(A, "https://api.example");
	struct fetch_request r = built(&p, "claude-x", &o), other;
	struct err e = { 0 };

	unit_ok(same(r.url, "https://api.example/v1/messages") &&
			secret_is(&r, "x-api-key", "") &&
			strcmp(header_of(&r, "anthropic-version"), "2023-06-01") == 0,
		"anthropic: address, key and version");
	unit_ok(body_is(&r,
			"{\"model\":\"claude-x\",\"system\":\"sys\\u000a\",\"messages\":[{"
			"\"role\":"
			"\"user\",\"content\":\"user \\\"x\\\"\"}],\"stream\":false,"
			"\"max_tokens\":500,\"temperature\":1,\"output_config\":{\"format\":{"
			"\"type\":\"json_schema\",\"schema\":",
			"}}}"),
		"anthropic: the body has the documented members");
	fetch_request_release(&r);
	o.temperature_e2 = 101;
	unit_ok(model_build(&p, NULL, "m", &prompt, &o, &other, &e) == -1 &&
			e.status == ERR_DATA,
		"anthropic: a temperature above 1 is refused");
	free(p.base);
	p.base = mem_strdup("https://api.example/v1");
	o.temperature_e2 = 0;
	r = built(&p, "m", &o);
	unit_ok(same(r.url, "https://api.example/v1/messages"),
		"a base with a version gets no second one");
	fetch_request_release(&r);
	free(p.base);
}

static void test_build_gemini(void)
{
	struct model_options o = { 500, true, 5, 9000, NULL, NULL };
	struct provider p = provider_of(G, "https://g.example/v1beta");
	struct fetch_request r = built(&p, "gemini-3", &o);

	unit_ok(same(r.url, "https://g.example/v1beta/models/gemini-3:generateContent") &&
			secret_is(&r, "x-goog-api-key", "") && strchr(r.url, '?') == NULL,
		"gemini: the model is in the address, the key is not");
	unit_ok(body_is(&r,
			"{\"systemInstruction\":{\"parts\":[{\"text\":\"sys\\u000a\"}]},"
			"\"contents\":[{"
			"\"role\":\"user\",\"parts\":[{\"text\":\"user \\\"x\\\"\"}]}],"
			"\"generationConfig\":{\"maxOutputTokens\":500,\"temperature\":0.05,"
			"\"responseMimeType\":\"application/json\",\"responseJsonSchema\":",
			"}}"),
		"gemini: the body has the documented members");
	fetch_request_release(&r);
	free(p.base);
}

static void test_merge(void)
{
	struct json *body = json_of("{\"generationConfig\":{\"temperature\":0.9,\"topP\":0.5,"
				    "\"responseMimeType\":null,\"responseJsonSchema\":null},"
				    "\"safetySettings\":[{\"a\":[1e2,true,null]}]}");
	struct json *headers = json_of("{\"X-Title\":\"race\",\"Accept\":\"*/*\"}");
	struct model_options o = { 500, true, 5, 9000, headers, body };
	struct provider p = provider_of(G, "https://g.example");
	struct fetch_request r = built(&p, "m", &o);

	unit_ok(body_is(&r,
			"{\"systemInstruction\":{\"parts\":[{\"text\":\"sys\\u000a\"}]},"
			"\"contents\":[{"
			"\"role\":\"user\",\"parts\":[{\"text\":\"user \\\"x\\\"\"}]}],"
			"\"generationConfig\":{\"maxOutputTokens\":500,\"temperature\":0.9,"
			"\"topP\":0.5},\"safetySettings\":[{\"a\":[1e2,true,null]}]}",
			""),
		"members are merged, replaced and taken away");
	unit_ok(strcmp(header_of(&r, "X-Title"), "race") == 0 &&
			strcmp(header_of(&r, "accept"), "*/*") == 0 && r.n_headers == 3,
		"headers are added or replaced");
	fetch_request_release(&r);
	json_free(body);
	json_free(headers);
	free(p.base);
}

/* ${text} is the value of the operator's headers or body. */
/* The same text of a user in one piece and with its beginning as a head. */
static bool head_is_beginning(enum provider_kind kind)
{
	static const char beginning[] = "shared \"\xc3\xa4\"\n", rest[] = "\\ own";
	struct model_options o = { .max_tokens = 500, .timeout_ms = 9000 };
	struct provider p = provider_of(kind, "https://x.example");
	char *text = mem_printf("%s%s", beginning, rest);
	struct model_prompt q = { .system = "s", .system_len = 1, .user = text };
	struct fetch_request one = { 0 }, two = { 0 };
	struct err e = { 0 };
	char *whole = NULL;
	bool ok;

	q.user_len = strlen(text);
	ok = model_build(&p, NULL, "m", &q, &o, &one, &e) == 0 && one.part == NULL;
	q.user = rest;
	q.user_len = strlen(rest);
	q.head = model_head(beginning, strlen(beginning));
	ok = ok && model_build(&p, NULL, "m", &q, &o, &two, &e) == 0 && two.part == q.head;
	fetch_part_drop(q.head);
	whole = fetch_body_whole(&two);
	ok = ok && strstr(two.body, "shared") == NULL && fetch_body_len(&two) == one.body_len &&
	     same(whole, one.body);
	free(whole);
	fetch_request_release(&one);
	fetch_request_release(&two);
	free(text);
	free(p.base);
	return ok;
}

static void test_head(void)
{
	unit_ok(head_is_beginning(O) && head_is_beginning(Z) && head_is_beginning(A) &&
			head_is_beginning(G),
		"a head is the beginning of the user's text in the body of each API");
}

static bool refused(enum provider_kind kind, bool header, const char *text)
{
	struct json *v = json_of(text);
	struct model_options o = { 500, false, 0, 9000, header ? v : NULL, header ? NULL : v };
	struct provider p = provider_of(kind, "https://x.example");
	struct fetch_request r;
	struct err e = { 0 };
	bool no = model_build(&p, "/keys/k", "m", &prompt, &o, &r, &e) == -1 &&
		  e.status == ERR_DATA && r.url == NULL && r.body == NULL;

	if (!no)
		fetch_request_release(&r);
	json_free(v);
	free(p.base);
	return no;
}

static void test_refused(void)
{
	unit_ok(refused(O, false, "{\"model\":\"dear\"}") &&
			refused(O, false, "{\"models\":[\"dear\"]}") &&
			refused(O, false, "{\"messages\":[]}") &&
			refused(A, false, "{\"system\":null}") &&
			refused(G, false, "{\"contents\":[]}") &&
			refused(G, false, "{\"systemInstruction\":{}}"),
		"what is asked and of whom cannot be overridden");
	unit_ok(refused(O, false, "{\"max_tokens\":100000}") &&
			refused(O, false, "{\"n\":9}") &&
			refused(G, false, "{\"generationConfig\":{\"maxOutputTokens\":9}}") &&
			refused(G, false, "{\"generationConfig\":null}") &&
			refused(O, false, "{\"stream\":true}"),
		"what bounds the cost cannot be overridden, nor the form of the reply");
	unit_ok(refused(O, true, "{\"Authorization\":\"Bearer x\"}") &&
			refused(A, true, "{\"X-Api-Key\":\"x\"}") &&
			refused(Z, true, "{\"api-key\":\"x\"}") &&
			refused(G, true, "{\"x-goog-api-key\":\"x\"}") &&
			refused(O, true, "{\"Host\":\"x\"}") &&
			refused(O, true, "{\"Content-Length\":\"1\"}"),
		"headers of authentication and transport cannot be set");
	unit_ok(refused(O, true, "{\"X-A\":\"a\\r\\nX-B: b\"}") &&
			refused(O, true, "{\"X A\":\"a\"}") &&
			refused(O, true, "{\"\":\"a\"}") && refused(O, true, "{\"X-A\":1}") &&
			refused(O, true, "[]") && refused(O, false, "[]"),
		"headers and body are checked for their form");
	unit_ok(refused(PROVIDER_KRAKEN, false, "{}") && refused(P, false, "{}"),
		"a provider without models is refused");
}

static void test_name_bounds(void)
{
	static const char *const bad[] = { "", ".", "..", "a b", "a\nb", "\xc3\xa9" };
	struct model_options o = { .max_tokens = 1, .timeout_ms = 1 };
	struct provider p = provider_of(Z, "https://x.example");
	bool all = true;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct fetch_request r;
		struct err e = { 0 };

		all = all && model_build(&p, NULL, bad[i], &prompt, &o, &r, &e) == -1 &&
		      e.status == ERR_DATA;
	}
	unit_ok(all, "names of models that could leave their place are refused");
	free(p.base);
}

static void test_build_predict(void)
{
	struct json *context =
		json_of("{\"market\":{\"assets\":[{\"asset\":\"BTC\",\"candles\":["
			"{\"time\":\"2026-01-01T00:00:00Z\",\"open\":\"1.5\",\"high\":\"2\","
			"\"low\":\"1\","
			"\"close\":\"1.75\",\"volume\":\"99999999999.5\"}]},{\"asset\":\"ETH\","
			"\"candles\":[]}]},\"portfolio\":{\"cash\":\"90000000000\",\"equity\":"
			"\"200.5\","
			"\"positions\":[{\"asset\":\"BTC\",\"quantity\":\"3\",\"cost\":\"100\","
			"\"value\":null}]}}");
	struct provider p = provider_of(P, "http://127.0.0.1:8000");
	struct model_predict q = predict_query;
	struct fetch_request r;
	struct err e = { 0 };

	unit_ok(model_predict_build(&p, "/keys/k", &q, 5000, &r, &e) == -1 &&
			e.status == ERR_DATA,
		"predict: no context, no request");
	q.context = context;
	unit_ok(model_predict_build(&p, "/keys/k", &q, 5000, &r, &e) == 0 &&
			same(r.url, "http://127.0.0.1:8000/predict") && r.timeout_ms == 5000 &&
			secret_is(&r, "x-api-key", "") &&
			same(header_of(&r, "idempotency-key"),
			     "forest-market-cycle-20260101-0000-market-cycle-20260101-0000"),
		"predict: address, key and idempotency key");
	unit_ok(body_is(&r,
			"{\"schemaVersion\":\"1.0\",\"requestId\":\"r1\",\"agentId\":"
			"\"forest\","
			"\"portfolio\":{\"cash\":90000000000,\"totalValue\":200.5,"
			"\"positions\":["
			"{\"symbol\":\"BTC\",\"quantity\":3,\"averagePrice\":33.3333333333}]},"
			"\"candles\":[{\"symbol\":\"BTC\",\"timestamp\":\"2026-01-01T00:00:"
			"00Z\","
			"\"open\":1.5,\"high\":2,\"low\":1,\"close\":1.75,"
			"\"volume\":99999999999.5}],\"instructions\":\"be \\\"bold\\\"\"}",
			""),
		"predict: the body has the documented members, token-exact");
	fetch_request_release(&r);
	json_free(context);
	free(p.base);
}

/* ------------------------------------------------------------------ extraction */

static const struct {
	const char *name, *text, *want; /* NULL: none */
} extracts[] = {
	{ "the whole text", "{\"a\":1}", "{\"a\":1}" },
	{ "white space around", " \r\n{\"a\":1}\n ", "{\"a\":1}" },
	{ "a fence", "```json\n{\"a\":1}\n```\n", "{\"a\":1}" },
	{ "a fence without a language", "```\n {\"a\":1}\n ```", "{\"a\":1}" },
	{ "prose around a fence", "Here:\n```json\n{\"a\":1}\n```\nDone {really}.",
	  "{\"a\":1}" },
	{ "an open fence", "```json\n{\"a\":1}", "{\"a\":1}" },
	{ "a fence on one line", "```{\"a\":1}```", "{\"a\":1}" },
	{ "prose around", "I say {\"a\":{\"b\":1}} and that is it", "{\"a\":{\"b\":1}}" },
	{ "braces in strings", "x {\"a\":\"}{ \\\" } \\\\\"} y", "{\"a\":\"}{ \\\" } \\\\\"}" },
	{ "a fence mark in a string", "{\"a\":\"```\"}", "{\"a\":\"```\"}" },
	{ "thoughts in front", "<think>{maybe} {\"a\":2}</think>\n{\"a\":1}", "{\"a\":1}" },
	{ "two objects", "{\"a\":1}{\"a\":2}", NULL },
	{ "two objects in prose", "first {\"a\":1}, then {\"a\":2}", NULL },
	{ "two fences", "```\n{\"a\":1}\n```\n```\n{\"a\":2}\n```", NULL },
	{ "two objects in a fence", "```\n{\"a\":1}\n{\"a\":2}\n```", NULL },
	{ "an array of two", "[{\"a\":1},{\"a\":2}]", NULL },
	{ "a brace too many", "{\"a\":1}}", NULL },
	{ "truncated", "{\"a\":{\"b\":1}", NULL },
	{ "truncated in a string", "{\"a\":\"b}", NULL },
	{ "truncated after an escape", "{\"a\":\"\\", NULL },
	{ "truncated in a fence", "```json\n{\"a\":1\n```", NULL },
	{ "thoughts without an end", "<think>{\"a\":1} or {\"a\":2}", NULL },
	{ "thoughts alone", "<think>{\"a\":1}</think>", NULL },
	{ "no object", "I hold.", NULL },
	{ "nothing", "", NULL },
	{ "white space", " \n ", NULL },
};

static void test_extract(void)
{
	for (size_t i = 0; i < sizeof extracts / sizeof *extracts; i++) {
		size_t n = strlen(extracts[i].text), len = 0;
		/* of its exact size, so that a step beyond is seen */
		char *text = mem_alloc(n);
		const char *from = NULL;
		char name[100];
		bool found;

		memcpy(text, extracts[i].text, n);
		found = model_extract(text, n, &from, &len);
		snprintf(name, sizeof name, "extraction: %s gives %s", extracts[i].name,
			 extracts[i].want != NULL ? "the object" : "nothing");
		unit_ok(extracts[i].want == NULL
				? !found
				: found && len == strlen(extracts[i].want) &&
					  memcmp(from, extracts[i].want, len) == 0,
			name);
		free(text);
	}
}

/* ------------------------------------------------------------------ the answer's schema */

/* Every object of a schema closed and with all of its properties required. */
static bool strict(const struct json *schema)
{
	const struct json *properties = json_get(schema, "properties");
	const struct json *more = json_get(schema, "additionalProperties");
	bool ok = properties == NULL ||
		  (more != NULL && json_type(more) == JSON_BOOL && !json_true(more) &&
		   json_count(json_get(schema, "required")) == json_count(properties));

	for (const struct json *p = json_first(properties); p != NULL; p = json_next(p))
		ok = ok && strict(p);
	return ok && (json_get(schema, "items") == NULL || strict(json_get(schema, "items")));
}

static void test_schema(void)
{
	static const char answer[] =
		"{\"reasoning\":\"r\",\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\","
		"\"quantity\":null,\"notional\":\"10\",\"limit_price\":null},{\"asset\":"
		"\"ETH\","
		"\"side\":\"sell\",\"quantity\":\"1\",\"notional\":null,\"limit_price\":\"2."
		"5\"}],"
		"\"confidence\":null}";
	static const char both[] = "{\"orders\":[{\"asset\":\"BTC\",\"side\":\"buy\","
				   "\"quantity\":null,\"notional\":null}]}";
	struct json *schema = json_of(model_answer_schema);
	struct decision d;

	unit_ok(schema != NULL && strict(schema),
		"the schema of an answer is closed and requires every member");
	json_free(schema);
	decision_init(&d);
	wire_parse_answer(answer, strlen(answer), "gpt", NOW, &d);
	unit_ok(d.status == DECISION_OK && d.n_orders == 2 && d.orders[0].by_notional &&
			!d.orders[0].has_limit && !d.orders[1].by_notional &&
			d.orders[1].has_limit && !d.has_confidence,
		"an answer of that schema is a decision: null counts as absent");
	decision_release(&d);
	decision_init(&d);
	wire_parse_answer(both, strlen(both), "gpt", NOW, &d);
	unit_ok(d.status == DECISION_INVALID, "an order with neither amount stays invalid");
	decision_release(&d);
}

int main(void)
{
	test_names();
	test_samples();
	test_transport();
	test_usage();
	test_error_length();
	test_recorded();
	test_build_openai();
	test_build_azure();
	test_build_anthropic();
	test_build_gemini();
	test_merge();
	test_head();
	test_refused();
	test_name_bounds();
	test_build_predict();
	test_extract();
	test_schema();
	return unit_done();
}
