#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decision.h"
#include "digest.h"
#include "err.h"
#include "json.h"

/*
 * The records between tools, tr-json(5): the only place where their keys are spelled. One JSON
 * object per line; the first key is "schema"; a stream ends with tr.end/1, so that a cut pipe
 * is seen.
 */

#define WIRE_DECISION "tr.decision/1"
#define WIRE_BATCH "tr.batch/1"
#define WIRE_EXECUTION "tr.execution/1"
#define WIRE_SNAPSHOT "tr.snapshot/1"
#define WIRE_END "tr.end/1"

#define WIRE_LINE_MAX ((size_t)1 << 20)
#define WIRE_STREAM_MAX ((size_t)64 << 20)

/* Open a record: {"schema":...,"window":...,"time":... */
void wire_open(struct json_writer *w, struct buf *out, const char *schema, int64_t window_ms);
/* {"schema":"tr.end/1","window":...,"count":n} */
void wire_end(struct buf *out, int64_t window_ms, size_t count);

/* The rules that a decision cites, if any, as the member rules of a record. */
void wire_write_rules(struct json_writer *w, const struct decision *d);
/* The orders of a decision as a JSON array, canonical. */
void wire_write_orders(struct json_writer *w, const char *key, const struct decision *d);
/* The same as text of its own. */
char *wire_orders_text(const struct decision *d);
/* Back from the text in the database. */
int wire_orders_parse(const char *text, struct decision *d, struct err *e);

/* The rules that it cites as a JSON array, canonical, and back from the text in the database.
 */
char *wire_rules_text(const struct decision *d);
int wire_rules_parse(const char *text, struct decision *d, struct err *e);

/*
 * What identifies an answer: SHA-256 over status, orders, reasoning, confidence, error and
 * rules, if it cites any, in canonical form. Two answers are the same if and only if these are.
 */
void wire_decision_hash(const struct decision *d, struct digest *out);

/*
 * An agent's answer: one JSON object, bare {"orders":[...],"reasoning":...} or a full
 * tr.decision/1, which must then be of ${agent} and ${window_ms}. Never fails: what breaks the
 * grammar is a decision of status invalid with the reason. Bytes after the first line
 * that are not white space are invalid too.
 */
void wire_parse_answer(const char *text, size_t len, const char *agent, int64_t window_ms,
		       struct decision *d);

/* A tr.decision/1 as printed by tr-decide: who and when besides the answer. */
struct wire_decision {
	char agent[IDENT_AGENT_MAX + 1];
	int64_t window_ms;
	struct decision d;
};
int wire_parse_decision(const char *line, size_t len, struct wire_decision *out, struct err *e);

/*
 * Walk a stream: every line is a record of ${schema}, all of one window, and the last is the
 * end record with the right count. The records' lines are given to ${each}, which may be NULL.
 */
typedef int wire_line_fn(void *ctx, const char *line, size_t len, struct err *e);
int wire_stream(const char *text, size_t len, const char *schema, wire_line_fn *each, void *ctx,
		int64_t *window_ms, struct err *e);

/* Whether a text looks like a stream of ${schema}: its first line says so or ends a stream. */
bool wire_is_stream(const char *text, size_t len, const char *schema);

#endif
