#include "json.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "decimal.h"
#include "ident.h"
#include "mem.h"

#include "banned.h"

/*
 * The gate reads the bytes once and refuses everything that cJSON would take more kindly. It
 * also keeps every number away from cJSON, which would make a double of it, minds the locale's
 * decimal point and in some versions stumbles over tokens of more than 63 bytes: cJSON parses a
 * copy in which each number is "0" and blanks, and the real tokens are hung on the number nodes
 * afterwards, in order of appearance.
 *
 * struct json is a cJSON node; nobody but this file knows.
 */

struct gate_token {
	size_t start, len;
};

struct gate_key {
	const char *name; /* unescaped, in the gate's arena */
	size_t len;
	size_t pos; /* of its opening quote */
};

struct gate {
	const char *text;
	size_t len, pos;
	int depth;
	char *copy;  /* what cJSON gets to see */
	char *arena; /* all strings unescaped; they cannot outgrow the text */
	size_t arena_used;
	struct gate_key *keys; /* of the open objects, innermost last */
	size_t n_keys, cap_keys;
	struct gate_token *numbers;
	size_t n_numbers, cap_numbers;
	struct err *e;
};

static bool gate_value(struct gate *g);

/* The length of the valid UTF-8 sequence at ${p}, 0 if there is none. */
static size_t utf8_len(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x80)
		return 1;
	return n <= left && ident_utf8_valid(p, n) ? n : 0;
}

static bool gate_fail(struct gate *g, size_t pos, const char *rule)
{
	err_set(g->e, ERR_DATA, "json: %s at byte %zu", rule, pos);
	return false;
}

/* The byte at the cursor, -1 at the end. */
static int gate_peek(const struct gate *g)
{
	return g->pos < g->len ? (unsigned char)g->text[g->pos] : -1;
}

static bool gate_unexpected(struct gate *g, const char *wanted)
{
	char text[96];
	int c = gate_peek(g);

	if (c < 0)
		snprintf(text, sizeof text, "text ends where %s is expected", wanted);
	else if (c > 0x20 && c < 0x7f)
		snprintf(text, sizeof text, "'%c' where %s is expected", c, wanted);
	else
		snprintf(text, sizeof text, "byte 0x%02x where %s is expected", (unsigned)c,
			 wanted);
	return gate_fail(g, g->pos, text);
}

static void gate_space(struct gate *g)
{
	int c = gate_peek(g);

	while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		g->pos++;
		c = gate_peek(g);
	}
}

/* Step over ${c} if it comes next. */
static bool gate_take(struct gate *g, int c)
{
	if (gate_peek(g) != c)
		return false;
	g->pos++;
	return true;
}

static bool gate_enter(struct gate *g)
{
	if (g->depth == JSON_DEPTH_MAX)
		return gate_fail(g, g->pos, "nested deeper than 32 levels");
	g->depth++;
	g->pos++;
	return true;
}

/* ---- strings ---- */

/* Four hexadecimal digits, -1 if they are not. */
static int gate_hex4(struct gate *g)
{
	int value = 0;

	for (int i = 0; i < 4; i++, g->pos++) {
		int c = gate_peek(g);

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + c - 'A' + 10;
		else
			return -1;
	}
	return value;
}

static void gate_emit(struct gate *g, int byte)
{
	g->arena[g->arena_used++] = (char)byte;
}

static void gate_emit_point(struct gate *g, int c)
{
	if (c < 0x80) {
		gate_emit(g, c);
		return;
	}
	if (c < 0x800) {
		gate_emit(g, 0xc0 | c >> 6);
	} else if (c < 0x10000) {
		gate_emit(g, 0xe0 | c >> 12);
		gate_emit(g, 0x80 | (c >> 6 & 0x3f));
	} else {
		gate_emit(g, 0xf0 | c >> 18);
		gate_emit(g, 0x80 | (c >> 12 & 0x3f));
		gate_emit(g, 0x80 | (c >> 6 & 0x3f));
	}
	gate_emit(g, 0x80 | (c & 0x3f));
}

/* The low half that must follow the high surrogate ${high}. */
static bool gate_low_surrogate(struct gate *g, size_t start, int high)
{
	int low = -1;

	if (gate_take(g, '\\') && gate_take(g, 'u'))
		low = gate_hex4(g);
	if (low < 0xdc00 || low > 0xdfff)
		return gate_fail(g, start, "lone surrogate");
	gate_emit_point(g, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
	return true;
}

/* After "\u"; ${start} is the backslash. */
static bool gate_unicode(struct gate *g, size_t start)
{
	int c = gate_hex4(g);

	if (c < 0)
		return gate_fail(g, start, "\\u without four hexadecimal digits");
	if (c == 0)
		return gate_fail(g, start, "escaped NUL");
	if (c >= 0xdc00 && c <= 0xdfff)
		return gate_fail(g, start, "lone surrogate");
	if (c >= 0xd800 && c <= 0xdbff)
		return gate_low_surrogate(g, start, c);
	gate_emit_point(g, c);
	return true;
}

static bool gate_escape(struct gate *g)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t start = g->pos++;
	int c = gate_peek(g);
	const char *p = c > 0 ? strchr(from, c) : NULL;

	if (gate_take(g, 'u'))
		return gate_unicode(g, start);
	if (p == NULL)
		return gate_fail(g, start, "unknown escape");
	gate_emit(g, to[p - from]);
	g->pos++;
	return true;
}

static bool gate_char(struct gate *g)
{
	int c = gate_peek(g);
	size_t n;

	if (c == '\\')
		return gate_escape(g);
	if (c < 0)
		return gate_fail(g, g->pos, "text ends within a string");
	if (c < 0x20)
		return gate_fail(g, g->pos, "control byte in a string");
	n = utf8_len(g->text + g->pos, g->len - g->pos);
	if (n == 0)
		return gate_fail(g, g->pos, "invalid UTF-8");
	memcpy(g->arena + g->arena_used, g->text + g->pos, n);
	g->arena_used += n;
	g->pos += n;
	return true;
}

/* A string, unescaped to the end of the arena. */
static bool gate_string(struct gate *g)
{
	g->pos++;
	while (!gate_take(g, '"'))
		if (!gate_char(g))
			return false;
	return true;
}

/* ---- numbers and literals ---- */

static bool gate_digits(struct gate *g)
{
	size_t start = g->pos;

	while (gate_peek(g) >= '0' && gate_peek(g) <= '9')
		g->pos++;
	return g->pos > start || gate_unexpected(g, "a digit");
}

static void gate_add_number(struct gate *g, size_t start)
{
	if (g->n_numbers == g->cap_numbers) {
		g->cap_numbers = g->cap_numbers ? 2 * g->cap_numbers : 64;
		g->numbers = mem_resize(g->numbers, g->cap_numbers, sizeof *g->numbers);
	}
	g->numbers[g->n_numbers++] = (struct gate_token){ start, g->pos - start };
	memset(g->copy + start, ' ', g->pos - start);
	g->copy[start] = '0';
}

static bool gate_number(struct gate *g)
{
	size_t start = g->pos;

	gate_take(g, '-');
	if (!gate_take(g, '0') && !gate_digits(g))
		return false;
	if (gate_take(g, '.') && !gate_digits(g))
		return false;
	if (gate_take(g, 'e') || gate_take(g, 'E')) {
		if (!gate_take(g, '+'))
			gate_take(g, '-');
		if (!gate_digits(g))
			return false;
	}
	gate_add_number(g, start);
	return true;
}

static bool gate_literal(struct gate *g, const char *word)
{
	size_t n = strlen(word);

	if (g->len - g->pos < n || memcmp(g->text + g->pos, word, n) != 0)
		return gate_unexpected(g, "a value");
	g->pos += n;
	return true;
}

/* ---- arrays and objects ---- */

static bool gate_array(struct gate *g)
{
	if (!gate_enter(g))
		return false;
	gate_space(g);
	if (!gate_take(g, ']')) {
		do {
			if (!gate_value(g))
				return false;
		} while (gate_take(g, ','));
		if (!gate_take(g, ']'))
			return gate_unexpected(g, "',' or ']'");
	}
	g->depth--;
	return true;
}

static bool gate_key(struct gate *g)
{
	struct gate_key key = { .name = g->arena + g->arena_used, .pos = g->pos };

	if (gate_peek(g) != '"')
		return gate_unexpected(g, "a key in double quotes");
	if (!gate_string(g))
		return false;
	key.len = (size_t)(g->arena + g->arena_used - key.name);
	if (g->n_keys == g->cap_keys) {
		g->cap_keys = g->cap_keys ? 2 * g->cap_keys : 64;
		g->keys = mem_resize(g->keys, g->cap_keys, sizeof *g->keys);
	}
	g->keys[g->n_keys++] = key;
	return true;
}

static bool gate_member(struct gate *g)
{
	gate_space(g);
	if (!gate_key(g))
		return false;
	gate_space(g);
	if (!gate_take(g, ':'))
		return gate_unexpected(g, "':'");
	return gate_value(g);
}

static int gate_key_order(const void *pa, const void *pb)
{
	const struct gate_key *a = pa, *b = pb;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->name, b->name, a->len);
}

static bool gate_duplicate(struct gate *g, const struct gate_key *a, const struct gate_key *b)
{
	const struct gate_key *later = a->pos > b->pos ? a : b;
	char text[80];

	snprintf(text, sizeof text, "duplicate key \"%.*s\"",
		 (int)(later->len < 40 ? later->len : 40), later->name);
	return gate_fail(g, later->pos, text);
}

/* Sorting keeps an object of 100,000 keys cheap. */
static bool gate_keys_differ(struct gate *g, size_t first)
{
	size_t n = g->n_keys - first;
	struct gate_key *k;

	if (n < 2)
		return true;
	k = g->keys + first;
	qsort(k, n, sizeof *k, gate_key_order);
	for (size_t i = 1; i < n; i++)
		if (gate_key_order(&k[i - 1], &k[i]) == 0)
			return gate_duplicate(g, &k[i - 1], &k[i]);
	return true;
}

static bool gate_object(struct gate *g)
{
	size_t first = g->n_keys;

	if (!gate_enter(g))
		return false;
	gate_space(g);
	if (!gate_take(g, '}')) {
		do {
			if (!gate_member(g))
				return false;
		} while (gate_take(g, ','));
		if (!gate_take(g, '}'))
			return gate_unexpected(g, "',' or '}'");
	}
	if (!gate_keys_differ(g, first))
		return false;
	g->n_keys = first;
	g->depth--;
	return true;
}

static bool gate_bare_value(struct gate *g)
{
	int c = gate_peek(g);

	if (c == '{')
		return gate_object(g);
	if (c == '[')
		return gate_array(g);
	if (c == '"')
		return gate_string(g);
	if (c == '-' || (c >= '0' && c <= '9'))
		return gate_number(g);
	if (c == 't')
		return gate_literal(g, "true");
	if (c == 'f')
		return gate_literal(g, "false");
	if (c == 'n')
		return gate_literal(g, "null");
	return gate_unexpected(g, "a value");
}

/* A value and the white space around it. */
static bool gate_value(struct gate *g)
{
	gate_space(g);
	if (!gate_bare_value(g))
		return false;
	gate_space(g);
	return true;
}

static bool gate_text(struct gate *g)
{
	if (g->len >= 3 && memcmp(g->text, "\xef\xbb\xbf", 3) == 0)
		return gate_fail(g, 0, "byte order mark");
	if (!gate_value(g))
		return false;
	return g->pos == g->len || gate_unexpected(g, "the end");
}

/* ---- parse ---- */

/* Hang the tokens on the number nodes below ${node}, in document order. */
static void attach_numbers(cJSON *node, const struct gate *g, size_t *next)
{
	const struct gate_token *t;

	if (cJSON_IsNumber(node)) {
		assert(*next < g->n_numbers);
		t = &g->numbers[(*next)++];
		node->valuestring = mem_strndup(g->text + t->start, t->len);
	}
	for (cJSON *c = node->child; c != NULL; c = c->next)
		attach_numbers(c, g, next);
}

static cJSON *parse_passed(const struct gate *g)
{
	static cJSON_Hooks hooks = { .malloc_fn = mem_alloc, .free_fn = free };
	size_t used = 0;
	cJSON *root;

	cJSON_InitHooks(&hooks);
	root = cJSON_ParseWithLength(g->copy, g->len);
	if (root == NULL) {
		err_set(g->e, ERR_INTERNAL, "json: text that passed the gate cannot be parsed");
		return NULL;
	}
	attach_numbers(root, g, &used);
	assert(used == g->n_numbers);
	return root;
}

struct json *json_parse_max(const char *text, size_t len, size_t max, struct err *e)
{
	struct gate g = { .text = text, .len = len, .e = e };
	cJSON *root = NULL;

	if (len > max) {
		err_set(e, ERR_DATA, "json: %zu bytes are more than %zu", len, max);
		return NULL;
	}
	if (len == 0) {
		err_set(e, ERR_DATA, "json: text is empty");
		return NULL;
	}
	g.copy = mem_strndup(text, len);
	g.arena = mem_alloc(len);
	if (gate_text(&g))
		root = parse_passed(&g);
	free(g.numbers);
	free(g.keys);
	free(g.arena);
	free(g.copy);
	return (struct json *)root;
}

struct json *json_parse(const char *text, size_t len, struct err *e)
{
	return json_parse_max(text, len, JSON_BYTES_MAX, e);
}

void json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

/* ---- look-up ---- */

static const cJSON *node_of(const struct json *v)
{
	return (const cJSON *)v;
}

enum json_type json_type(const struct json *v)
{
	const cJSON *n = node_of(v);

	if (cJSON_IsObject(n))
		return JSON_OBJECT;
	if (cJSON_IsArray(n))
		return JSON_ARRAY;
	if (cJSON_IsString(n))
		return JSON_STRING;
	if (cJSON_IsNumber(n))
		return JSON_NUMBER;
	return cJSON_IsBool(n) ? JSON_BOOL : JSON_NULL;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	if (obj == NULL || json_type(obj) != JSON_OBJECT)
		return NULL;
	for (const cJSON *c = node_of(obj)->child; c != NULL; c = c->next)
		if (strcmp(c->string, key) == 0)
			return (const struct json *)c;
	return NULL;
}

const struct json *json_first(const struct json *v)
{
	return v == NULL ? NULL : (const struct json *)node_of(v)->child;
}

const struct json *json_next(const struct json *child)
{
	return (const struct json *)node_of(child)->next;
}

size_t json_count(const struct json *v)
{
	size_t n = 0;

	for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
		n++;
	return n;
}

const char *json_key(const struct json *member)
{
	return node_of(member)->string;
}

const char *json_text(const struct json *v)
{
	return v == NULL ? NULL : node_of(v)->valuestring;
}

size_t json_text_len(const struct json *v)
{
	const char *text = json_text(v);

	return text == NULL ? 0 : strlen(text);
}

bool json_true(const struct json *v)
{
	return cJSON_IsTrue(node_of(v));
}

/* ---- reader ---- */

/* The record of errors is shared with the readers of children, so it is the latch. */
static bool reader_failed(const struct json_reader *r)
{
	return r->failed || r->e->status != 0;
}

/* "decision: orders[1].side", or "decision" for the whole. */
static void reader_where(const struct json_reader *r, const char *key, char *out, size_t cap)
{
	bool path = r->path[0] != '\0';

	if (!path && key == NULL)
		snprintf(out, cap, "%s", r->what);
	else
		snprintf(out, cap, "%s: %s%s%s", r->what, r->path, path && key ? "." : "",
			 key ? key : "");
}

static void reader_complain(struct json_reader *r, const char *key, const char *complaint)
{
	char where[256];

	if (reader_failed(r))
		return;
	r->failed = true;
	reader_where(r, key, where, sizeof where);
	err_set(r->e, ERR_DATA, "%s %s", where, complaint);
}

void json_read_fail(struct json_reader *r, const char *key, const char *fmt, ...)
{
	char where[256], text[512];
	va_list ap;

	if (reader_failed(r))
		return;
	r->failed = true;
	reader_where(r, key, where, sizeof where);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(r->e, ERR_DATA, "%s: %s", where, text);
}

static void reader_start(struct json_reader *r, const struct json *obj)
{
	r->obj = obj;
	if (obj == NULL || json_type(obj) != JSON_OBJECT)
		reader_complain(r, NULL, "is not an object");
}

void json_read_init(struct json_reader *r, const struct json *obj, const char *what,
		    struct err *e)
{
	*r = (struct json_reader){ .what = what, .e = e };
	reader_start(r, obj);
}

void json_read_child(struct json_reader *r, const struct json_reader *parent, const char *key,
		     int index, const struct json *obj)
{
	const char *dot = parent->path[0] != '\0' ? "." : "";

	*r = (struct json_reader){ .what = parent->what, .e = parent->e };
	r->failed = parent->failed;
	if (index < 0)
		snprintf(r->path, sizeof r->path, "%.80s%s%.60s", parent->path, dot, key);
	else
		snprintf(r->path, sizeof r->path, "%.80s%s%.60s[%d]", parent->path, dot, key,
			 index);
	reader_start(r, obj);
}

static void reader_note(struct json_reader *r, const char *key)
{
	assert(r->n_seen < sizeof r->seen / sizeof r->seen[0]);
	r->seen[r->n_seen++] = key;
}

const struct json *json_read_any(struct json_reader *r, const char *key, bool required)
{
	const struct json *v;

	if (reader_failed(r))
		return NULL;
	reader_note(r, key);
	v = json_get(r->obj, key);
	if (v == NULL && required)
		reader_complain(r, key, "is missing");
	return v;
}

/* A member of that type, or NULL; null counts as absent where absence is allowed. */
static const struct json *reader_typed(struct json_reader *r, const char *key, bool required,
				       enum json_type type, const char *complaint)
{
	const struct json *v = json_read_any(r, key, required);

	if (v == NULL || json_type(v) == type)
		return v;
	if (required || json_type(v) != JSON_NULL)
		reader_complain(r, key, complaint);
	return NULL;
}

const char *json_read_string(struct json_reader *r, const char *key, bool required)
{
	const struct json *v = reader_typed(r, key, required, JSON_STRING, "is not a string");

	return v == NULL ? NULL : json_text(v);
}

const struct json *json_read_array(struct json_reader *r, const char *key, bool required)
{
	return reader_typed(r, key, required, JSON_ARRAY, "is not an array");
}

const struct json *json_read_object(struct json_reader *r, const char *key, bool required)
{
	return reader_typed(r, key, required, JSON_OBJECT, "is not an object");
}

bool json_read_decimal(struct json_reader *r, const char *key, bool required, int scale,
		       int64_t *out)
{
	const struct json *v =
		reader_typed(r, key, required, JSON_STRING, "is not a decimal in a string");
	struct err e = { 0 };

	if (v == NULL)
		return false;
	if (decimal_parse(json_text(v), json_text_len(v), scale, out, &e) == 0)
		return true;
	json_read_fail(r, key, "%s", e.text);
	return false;
}

bool json_read_int(struct json_reader *r, const char *key, bool required, int64_t min,
		   int64_t max, int64_t *out)
{
	const struct json *v = reader_typed(r, key, required, JSON_NUMBER, "is not a number");
	struct err e = { 0 };
	int64_t n = 0;

	if (v == NULL)
		return false;
	if (decimal_parse(json_text(v), json_text_len(v), 0, &n, &e) != 0) {
		json_read_fail(r, key, "%.40s is not an integer in range", json_text(v));
		return false;
	}
	if (n < min || n > max) {
		json_read_fail(r, key, "%lld is not in %lld to %lld", (long long)n,
			       (long long)min, (long long)max);
		return false;
	}
	*out = n;
	return true;
}

bool json_read_bool(struct json_reader *r, const char *key, bool required, bool *out)
{
	const struct json *v =
		reader_typed(r, key, required, JSON_BOOL, "is not true or false");

	if (v == NULL)
		return false;
	*out = json_true(v);
	return true;
}

static bool reader_asked(const struct json_reader *r, const char *key)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (strcmp(r->seen[i], key) == 0)
			return true;
	return false;
}

static void reader_unknown(struct json_reader *r, const char *key)
{
	bool path = r->path[0] != '\0';

	r->failed = true;
	err_set(r->e, ERR_DATA, "%s: unknown key \"%.80s\"%s%s%s", r->what, key,
		path ? " (at " : "", r->path, path ? ")" : "");
}

int json_read_end(struct json_reader *r)
{
	if (reader_failed(r))
		return -1;
	for (const struct json *m = json_first(r->obj); m != NULL; m = json_next(m)) {
		if (!reader_asked(r, json_key(m))) {
			reader_unknown(r, json_key(m));
			return -1;
		}
	}
	return 0;
}

/* ---- writer ---- */

/*
 * first[depth - 1] belongs to the innermost container. At the top first[0] is free and says
 * that no value has been written yet.
 */

void json_write_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
	w->first[0] = true;
}

/* U+FFFD for what is no text, and for NUL, which our own gate would refuse. */
static void write_replacement(struct buf *out)
{
	buf_adds(out, "\xef\xbf\xbd");
}

/* Write the character at ${s}; returns the bytes consumed. */
static size_t write_char(struct buf *out, const char *s, size_t left)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = utf8_len(s, left);

	if (n == 0 || c == '\0')
		write_replacement(out);
	else if (c == '"' || c == '\\')
		buf_addf(out, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		buf_addf(out, "\\u%04x", (unsigned)c);
	else if (c == 0xc2 && (unsigned char)s[1] < 0xa0)
		buf_addf(out, "\\u%04x", (unsigned)(unsigned char)s[1]);
	else
		buf_add(out, s, n);
	return n == 0 ? 1 : n;
}

/* Bytes that stand for themselves go out in one piece. */
static size_t write_plain(struct buf *out, const char *s, size_t left)
{
	size_t n = 0;

	while (n < left && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	if (n > 0)
		buf_add(out, s, n);
	return n;
}

void json_escape(struct buf *out, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		i += write_plain(out, s + i, n - i);
		if (i < n)
			i += write_char(out, s + i, n - i);
	}
}

static void write_quoted(struct buf *out, const char *s, size_t n)
{
	buf_addc(out, '"');
	json_escape(out, s, n);
	buf_addc(out, '"');
}

/* Everything that comes before a value: comma and key. */
static void write_lead(struct json_writer *w, const char *key)
{
	bool *first = &w->first[w->depth > 0 ? w->depth - 1 : 0];
	bool object = w->depth > 0 && w->kind[w->depth - 1] == '}';

	assert(object == (key != NULL));
	assert(w->depth > 0 || *first);
	if (!*first)
		buf_addc(w->out, ',');
	*first = false;
	if (object) {
		write_quoted(w->out, key, strlen(key));
		buf_addc(w->out, ':');
	}
}

static void write_open(struct json_writer *w, const char *key, char open, char end)
{
	write_lead(w, key);
	assert(w->depth < JSON_DEPTH_MAX);
	buf_addc(w->out, open);
	w->kind[w->depth] = (unsigned char)end;
	w->first[w->depth] = true;
	w->depth++;
}

void json_write_object(struct json_writer *w, const char *key)
{
	write_open(w, key, '{', '}');
}

void json_write_array(struct json_writer *w, const char *key)
{
	write_open(w, key, '[', ']');
}

void json_write_close(struct json_writer *w)
{
	assert(w->depth > 0);
	w->depth--;
	buf_addc(w->out, (char)w->kind[w->depth]);
	if (w->depth == 0)
		w->first[0] = false;
}

void json_write_stringn(struct json_writer *w, const char *key, const char *s, size_t n)
{
	json_write_string_at(w, key, s, n);
}

size_t json_write_string_at(struct json_writer *w, const char *key, const char *s, size_t n)
{
	size_t at;

	write_lead(w, key);
	at = w->out->len + 1;
	write_quoted(w->out, s, n);
	return at;
}

void json_write_string(struct json_writer *w, const char *key, const char *s)
{
	if (s == NULL)
		json_write_null(w, key);
	else
		json_write_stringn(w, key, s, strlen(s));
}

void json_write_int(struct json_writer *w, const char *key, int64_t v)
{
	write_lead(w, key);
	buf_addf(w->out, "%lld", (long long)v);
}

void json_write_bool(struct json_writer *w, const char *key, bool v)
{
	write_lead(w, key);
	buf_adds(w->out, v ? "true" : "false");
}

void json_write_null(struct json_writer *w, const char *key)
{
	write_lead(w, key);
	buf_adds(w->out, "null");
}

void json_write_decimal(struct json_writer *w, const char *key, int64_t v, int scale)
{
	char text[DECIMAL_TEXT_MAX];

	json_write_string(w, key, decimal_format(v, scale, text));
}

void json_write_double(struct json_writer *w, const char *key, double v)
{
	char text[400]; /* the largest double has 309 digits before the point */
	size_t n;

	if (!isfinite(v)) {
		json_write_null(w, key);
		return;
	}
	n = (size_t)snprintf(text, sizeof text, "%.10f", v);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	text[n] = '\0';
	write_lead(w, key);
	buf_adds(w->out, strcmp(text, "-0") == 0 ? "0" : text);
}

void json_write_raw(struct json_writer *w, const char *key, const char *text, size_t n)
{
	assert(n > 0);
	write_lead(w, key);
	buf_add(w->out, text, n);
}

void json_write_end(struct json_writer *w)
{
	assert(w->depth == 0 && !w->first[0]);
	buf_addc(w->out, '\n');
	w->first[0] = true;
}
