#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * JSON, strictly. The only door to cJSON: text first passes a gate of our own (SEMANTICS R-89)
 * that accepts RFC 8259 and nothing else: size and depth bounded, UTF-8 valid, no duplicate
 * keys, no NUL and no lone surrogate even when escaped, no trailing bytes. Numbers keep the
 * text of their token, since a double cannot hold money. Look-up of members is by exact case.
 */

#define JSON_BYTES_MAX ((size_t)1 << 20)
#define JSON_DEPTH_MAX 32

struct json; /* a value; the root owns everything below it */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parse ${len} bytes (at most JSON_BYTES_MAX). NULL: ERR_DATA with the rule and the byte
 * offset. */
struct json *json_parse(const char *text, size_t len, struct err *e);
/* The same with another ceiling. */
struct json *json_parse_max(const char *text, size_t len, size_t max, struct err *e);
void json_free(struct json *root);

enum json_type json_type(const struct json *v);
/* The member of that key, NULL if absent or ${obj} is no object. */
const struct json *json_get(const struct json *obj, const char *key);
/* Children of an array or object in order. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *child);
size_t json_count(const struct json *v);
/* The key of a member. */
const char *json_key(const struct json *member);
/* The text of a string, or of a number's token; NULL for other types and for NULL. */
const char *json_text(const struct json *v);
/* The length of that text. */
size_t json_text_len(const struct json *v);
bool json_true(const struct json *v);

/*
 * Reader of our own records: latches its first error, names the path ("orders[1].side"), and
 * refuses keys that nobody asked for. Use: json_read_init, one call per key, json_read_end.
 */
struct json_reader {
	const struct json *obj;
	const char *what; /* "decision", for messages */
	char path[160];	  /* of obj below what; "" at the top */
	struct err *e;
	bool failed;
	const char *seen[40];
	size_t n_seen;
};

/* Start on ${obj}; anything but an object is latched as an error. ${what} is borrowed. */
void json_read_init(struct json_reader *r, const struct json *obj, const char *what,
		    struct err *e);
/* Start on a member or element of another reader's object; ${index} < 0 for a member. */
void json_read_child(struct json_reader *r, const struct json_reader *parent, const char *key,
		     int index, const struct json *obj);
/* Each returns the value, or a default when optional and absent, or latches an error. */
const char *json_read_string(struct json_reader *r, const char *key, bool required);
const struct json *json_read_array(struct json_reader *r, const char *key, bool required);
const struct json *json_read_object(struct json_reader *r, const char *key, bool required);
/* A value of any type, or NULL. */
const struct json *json_read_any(struct json_reader *r, const char *key, bool required);
/* A decimal as a string of ours at ${scale}; true if present. */
bool json_read_decimal(struct json_reader *r, const char *key, bool required, int scale,
		       int64_t *out);
/* An integer as a JSON number; true if present. */
bool json_read_int(struct json_reader *r, const char *key, bool required, int64_t min,
		   int64_t max, int64_t *out);
bool json_read_bool(struct json_reader *r, const char *key, bool required, bool *out);
/* Latch an error of one's own at ${key} (may be NULL). */
void json_read_fail(struct json_reader *r, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Refuse unknown keys; 0, or -1 with the first error in ${e}. */
int json_read_end(struct json_reader *r);

/*
 * Writer: compact JSON into a buffer, keys in the order written, commas by itself, strings
 * escaped (control bytes as \u00XX, invalid UTF-8 replaced by U+FFFD). ${key} is NULL inside
 * arrays and at the top. Misuse (unbalanced, key missing) aborts.
 */
struct json_writer {
	struct buf *out;
	int depth;
	unsigned char kind[JSON_DEPTH_MAX];
	bool first[JSON_DEPTH_MAX];
};

void json_write_init(struct json_writer *w, struct buf *out);
void json_write_object(struct json_writer *w, const char *key);
void json_write_array(struct json_writer *w, const char *key);
void json_write_close(struct json_writer *w); /* the innermost object or array */
void json_write_string(struct json_writer *w, const char *key, const char *s); /* NULL: null */
void json_write_stringn(struct json_writer *w, const char *key, const char *s, size_t n);
/* The same. Returns where in the buffer the text of the string begins: what is put there later,
 * escaped, is read as its start. */
size_t json_write_string_at(struct json_writer *w, const char *key, const char *s, size_t n);
void json_write_int(struct json_writer *w, const char *key, int64_t v);
void json_write_bool(struct json_writer *w, const char *key, bool v);
void json_write_null(struct json_writer *w, const char *key);
/* A decimal of ours as a string. */
void json_write_decimal(struct json_writer *w, const char *key, int64_t v, int scale);
/* A double as a JSON number of at most 10 digits after the point; null when not finite. */
void json_write_double(struct json_writer *w, const char *key, double v);
/* JSON text that is known to be valid. */
void json_write_raw(struct json_writer *w, const char *key, const char *text, size_t n);
/* Check that everything is closed and end the line. */
void json_write_end(struct json_writer *w);
/* Text as the writer escapes it, without the quotes. */
void json_escape(struct buf *out, const char *s, size_t n);

#endif
