#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "decimal.h"
#include "mem.h"

#include "banned.h"

/* What an agent is made of, for people at a terminal. */

/* Bytes of the control character at ${s}: 2 for one of the second set, as UTF-8; 0 for others.
 */
static size_t control_length(const char *s)
{
	unsigned char c = (unsigned char)s[0], next = (unsigned char)s[1];

	if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
		return 2;
	return c < ' ' || c == 0x7f ? 1 : 0;
}

/* Arguments and prompts come from elsewhere and go to a terminal. */
static void add_escaped(struct buf *b, const char *s, bool newlines)
{
	while (*s != '\0') {
		size_t n = control_length(s);

		if (newlines && *s == '\n') {
			buf_adds(b, s[1] != '\0' ? "\n    " : "");
			s++;
			continue;
		}
		if (n == 0)
			buf_addc(b, *s++);
		for (; n > 0; n--)
			buf_addf(b, "\\x%02x", (unsigned)(unsigned char)*s++);
	}
}

static void describe_exec(const struct roster_spec *s, struct buf *b)
{
	if (s->network)
		buf_adds(b, "(network) ");
	if (s->unconfined)
		buf_adds(b, "(unconfined) ");
	for (size_t i = 0; i < s->n_reads; i++) {
		buf_adds(b, "(read ");
		add_escaped(b, s->reads[i], false);
		buf_adds(b, ") ");
	}
	for (size_t i = 0; i < s->n_argv; i++) {
		buf_adds(b, i > 0 ? " " : "");
		add_escaped(b, s->argv[i], false);
	}
}

void roster_describe(const struct roster_spec *s, struct buf *b)
{
	if (s->kind == ROSTER_RULE) {
		buf_adds(b, s->strategy->name);
		for (size_t i = 0; i < s->strategy->n_params; i++)
			buf_addf(b, " %s=%lld", s->strategy->params[i].name,
				 (long long)s->params[i]);
	}
	describe_exec(s, b);
	for (size_t i = 0; i < s->llm.n_candidates; i++)
		buf_addf(b, "%s%s", i > 0 ? " " : "", s->llm.candidates[i]);
	if (s->kind == ROSTER_ML)
		buf_adds(b, s->ml.provider != NULL ? s->ml.provider : s->ml.url);
}

void roster_detail(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(b, "  %s:%s", name, strchr(value, '\n') != NULL ? "\n    " : " ");
	add_escaped(b, value, true);
	buf_addc(b, '\n');
}

static void detail_number(struct buf *b, const char *name, int64_t v, int scale)
{
	char text[DECIMAL_TEXT_MAX];

	roster_detail(b, name, decimal_format(v, scale, text));
}

static void detail_json(struct buf *b, const char *name, const struct json *v)
{
	char *text = roster_spec_value(v);

	roster_detail(b, name, text);
	free(text);
}

void roster_detail_options(const struct roster_spec *s, struct buf *b)
{
	const struct roster_llm *l = &s->llm;

	if (l->any_model)
		roster_detail(b, "any_model", "yes");
	if (l->has_temperature)
		detail_number(b, "temperature", l->temperature_e2, 2);
	if (l->max_tokens != 0)
		detail_number(b, "max_tokens", l->max_tokens, 0);
	if (l->timeout_s != 0)
		detail_number(b, "timeout_s", l->timeout_s, 0);
	detail_json(b, "headers", l->headers);
	detail_json(b, "body", l->body);
	roster_detail(b, "key_file", s->ml.key_file);
}
