#include "proof_part.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * A line is a JSON array: the kind, the columns, the check. Integers are numbers, texts strings
 * and blobs strings of hexadecimal digits, so with the types below every line gives back
 * exactly the values that were sealed. A text that is no UTF-8 is {"hex":...}; one that is left
 * out is {"sha256":...,"bytes":n}.
 *
 * The check of a line is a hash over the check of the line before and its own bytes. It is
 * there to name the line that was touched; that nobody made new checks is for the seals to say.
 */

/* One letter a column: integer, text, blob, private text, private blob; capitals may be null.
 */
static const struct {
	const char *name, *types, *columns;
} proof_kinds[PROOF_KINDS] = {
	[RACE_FACT_BATCH] = { "batch", "IbiiiB",
			      "previous_ms pin decision n_prices n_assets context" },
	[RACE_FACT_PRICE] = { "price", "tiititt",
			      "asset price price_ms source interval_s quality note" },
	[RACE_FACT_REGIME] = { "regime", "t", "regimes" },
	[RACE_FACT_DECISION] = { "decision", "tiibttitXIXbBYi",
				 "agent window_ms version spec status origin fill_ms orders "
				 "reasoning confidence_e4 error hash context raw at_ms" },
	[RACE_FACT_ANSWER] = { "answer", "tittiTbIIIIi",
			       "agent window_ms provider model substitute returned prompt "
			       "input cached output reasoning cost" },
	[RACE_FACT_CITATION] = { "citation", "tiX", "agent window_ms rules" },
	[RACE_FACT_ORDER] = { "order", "tiittIIIttii",
			      "agent window_ms idx asset side quantity notional limit_price "
			      "action reasons wanted filled" },
	[RACE_FACT_EXECUTION] = { "execution", "titiiii",
				  "agent window_ms status n_orders n_trades cash_before "
				  "cash_after" },
	[RACE_FACT_TRADE] = { "trade", "tiiiittiiiiiiiii",
			      "agent seq window_ms idx fill_ms asset side quantity price "
			      "fill_price notional fee realised cash_after position_after "
			      "cost_after" },
	[RACE_FACT_SNAPSHOT] = { "snapshot", "ttiiiii",
				 "agent phase cash positions_value unrealised total unpriced" },
	[PROOF_SEAL] = { "seal", "iibbbbbbb",
			 "n window_ms batch decisions orders executions snapshots previous "
			 "hash" },
	[PROOF_WINDOW] = { "window", "iit", "n window_ms window" },
};

const char *proof_kind_name(int kind)
{
	return proof_kinds[kind].name;
}

const char *proof_kind_columns(int kind)
{
	return proof_kinds[kind].columns;
}

static size_t proof_kind_count(int kind)
{
	return strlen(proof_kinds[kind].types);
}

bool proof_kind_private(int kind, size_t column)
{
	return proof_kinds[kind].types[column] == 'X' || proof_kinds[kind].types[column] == 'Y';
}

/* Whether a column may hold a value of that type. */
static bool proof_type_fits(int kind, size_t column, enum sql_type type)
{
	switch (proof_kinds[kind].types[column]) {
	case 'i':
		return type == SQL_INT;
	case 'I':
		return type == SQL_INT || type == SQL_NULL;
	case 't':
		return type == SQL_TEXT;
	case 'T':
	case 'X':
		return type == SQL_TEXT || type == SQL_NULL;
	case 'b':
		return type == SQL_BLOB;
	default:
		return type == SQL_BLOB || type == SQL_NULL;
	}
}

/* ------------------------------------------------------------------ building */

void proof_row_init(struct proof_row *row, int kind)
{
	row->kind = kind;
	row->n = 0;
	row->root = NULL;
	row->bytes = (struct buf)BUF_INIT;
	row->check[0] = '\0';
}

static struct proof_cell *proof_row_cell(struct proof_row *row, enum sql_type type)
{
	struct proof_cell *c = &row->cells[row->n++];

	assert(row->n <= proof_kind_count(row->kind));
	c->type = type;
	c->withheld = false;
	c->v = 0;
	c->data = NULL;
	c->n = 0;
	return c;
}

void proof_row_int(struct proof_row *row, int64_t v)
{
	proof_row_cell(row, SQL_INT)->v = v;
}

void proof_row_text(struct proof_row *row, const char *s)
{
	struct proof_cell *c = proof_row_cell(row, SQL_TEXT);

	c->data = s;
	c->n = strlen(s);
}

int proof_row_load(struct proof_row *row, struct sql_stmt *s, struct err *e)
{
	assert((size_t)sql_col_count(s) == proof_kind_count(row->kind));
	for (int i = 0; i < sql_col_count(s); i++) {
		enum sql_type type = sql_col_type(s, i);
		struct proof_cell *c = proof_row_cell(row, type);

		if (!proof_type_fits(row->kind, (size_t)i, type))
			return err_set(e, ERR_INTERNAL, "%s: column %d has the wrong type",
				       proof_kind_name(row->kind), i + 1);
		if (type == SQL_INT) {
			c->v = sql_col_int(s, i);
		} else if (type != SQL_NULL) {
			c->data = sql_col_blob(s, i, &c->n);
			if (c->data == NULL)
				c->data = "";
		}
	}
	return 0;
}

void proof_row_withhold(struct proof_row *row, size_t column)
{
	struct proof_cell *c = &row->cells[column];

	if (c->type == SQL_NULL)
		return;
	digest_of(c->data, c->n, &c->hash);
	c->withheld = true;
}

bool proof_row_withheld(const struct proof_row *row)
{
	for (size_t i = 0; i < row->n; i++)
		if (row->cells[i].withheld)
			return true;
	return false;
}

/* ------------------------------------------------------------------ writing */

static void proof_hex(struct json_writer *w, const char *key, const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = mem_alloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[(unsigned char)p[i] >> 4];
		hex[2 * i + 1] = digits[(unsigned char)p[i] & 15];
	}
	json_write_stringn(w, key, hex, 2 * n);
	free(hex);
}

static void proof_write_withheld(struct json_writer *w, const struct proof_cell *c)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(&c->hash, hex);
	json_write_object(w, NULL);
	json_write_string(w, "sha256", hex);
	json_write_int(w, "bytes", (int64_t)c->n);
	json_write_close(w);
}

static void proof_write_text(struct json_writer *w, const struct proof_cell *c)
{
	if (ident_utf8_valid(c->data, c->n) && memchr(c->data, '\0', c->n) == NULL) {
		json_write_stringn(w, NULL, c->data, c->n);
		return;
	}
	json_write_object(w, NULL);
	proof_hex(w, "hex", c->data, c->n);
	json_write_close(w);
}

static void proof_write_cell(struct json_writer *w, const struct proof_cell *c)
{
	if (c->withheld)
		proof_write_withheld(w, c);
	else if (c->type == SQL_INT)
		json_write_int(w, NULL, c->v);
	else if (c->type == SQL_TEXT)
		proof_write_text(w, c);
	else if (c->type == SQL_BLOB)
		proof_hex(w, NULL, c->data, c->n);
	else
		json_write_null(w, NULL);
}

/* What follows the columns: ,"check"] */
#define PROOF_TAIL (PROOF_CHECK_MAX + 3)

void proof_row_check(const char *before, const char *line, size_t len,
		     char check[PROOF_CHECK_MAX])
{
	char hex[DIGEST_HEX_SIZE];
	struct digest_state h;
	struct digest d;

	digest_init(&h);
	digest_update(&h, before, strlen(before));
	digest_update(&h, line, len > PROOF_TAIL ? len - PROOF_TAIL : 0);
	digest_final(&h, &d);
	digest_hex(&d, hex);
	memcpy(check, hex, PROOF_CHECK_MAX - 1);
	check[PROOF_CHECK_MAX - 1] = '\0';
}

void proof_row_write(const struct proof_row *row, char check[PROOF_CHECK_MAX], struct buf *out)
{
	size_t from = out->len;
	struct json_writer w;
	char mine[PROOF_CHECK_MAX];

	assert(row->n == proof_kind_count(row->kind));
	json_write_init(&w, out);
	json_write_array(&w, NULL);
	json_write_string(&w, NULL, proof_kind_name(row->kind));
	for (size_t i = 0; i < row->n; i++)
		proof_write_cell(&w, &row->cells[i]);
	/* the check is over all before it, so its own bytes do not matter yet */
	json_write_string(&w, NULL, "0000000000000000");
	json_write_close(&w);
	if (!buf_overflowed(out)) {
		proof_row_check(check, out->data + from, out->len - from, mine);
		memcpy(out->data + out->len - PROOF_CHECK_MAX - 1, mine, PROOF_CHECK_MAX - 1);
		memcpy(check, mine, PROOF_CHECK_MAX);
	}
	json_write_end(&w);
}

/* ------------------------------------------------------------------ reading */

static int proof_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits as bytes and a NUL, at an offset into row->bytes that stands in for the
 * pointer until all are there. */
static int proof_unhex(struct proof_row *row, struct proof_cell *c, const char *hex, size_t len)
{
	if (hex == NULL || len % 2 != 0)
		return -1;
	c->v = (int64_t)row->bytes.len;
	c->n = len / 2;
	for (size_t i = 0; i < len; i += 2) {
		int high = proof_digit(hex[i]), low = proof_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		buf_addc(&row->bytes, (char)(high << 4 | low));
	}
	buf_addc(&row->bytes, '\0');
	return 0;
}

static int proof_read_int(const struct json *v, int64_t *out)
{
	struct err ignored = { 0 };

	if (v == NULL || json_type(v) != JSON_NUMBER)
		return -1;
	return decimal_parse(json_text(v), json_text_len(v), 0, out, &ignored);
}

static int proof_read_object(struct proof_row *row, struct proof_cell *c, bool private,
			     const struct json *v)
{
	const struct json *hex = json_get(v, "hex"), *sum = json_get(v, "sha256");
	int64_t n;

	if (hex != NULL && json_count(v) == 1 && json_type(hex) == JSON_STRING &&
	    c->type == SQL_TEXT)
		return proof_unhex(row, c, json_text(hex), json_text_len(hex));
	if (!private || sum == NULL || json_count(v) != 2 || json_type(sum) != JSON_STRING ||
	    digest_unhex(json_text(sum), &c->hash) != 0 ||
	    proof_read_int(json_get(v, "bytes"), &n) != 0 || n < 0)
		return -1;
	c->withheld = true;
	c->n = (size_t)n;
	return 0;
}

static int proof_read_cell(struct proof_row *row, const struct json *v)
{
	size_t column = row->n;
	char type = proof_kinds[row->kind].types[column];
	bool private = proof_kind_private(row->kind, column);
	struct proof_cell *c = proof_row_cell(row, SQL_NULL);

	if (json_type(v) != JSON_NULL)
		c->type = strchr("iI", type) != NULL	? SQL_INT
			  : strchr("tTX", type) != NULL ? SQL_TEXT
							: SQL_BLOB;
	if (!proof_type_fits(row->kind, column, c->type))
		return -1;
	if (c->type == SQL_NULL)
		return 0;
	if (c->type == SQL_INT)
		return proof_read_int(v, &c->v);
	if (json_type(v) == JSON_OBJECT)
		return proof_read_object(row, c, private, v);
	if (json_type(v) != JSON_STRING)
		return -1;
	if (c->type == SQL_BLOB)
		return proof_unhex(row, c, json_text(v), json_text_len(v));
	c->v = -1;
	c->data = json_text(v);
	c->n = json_text_len(v);
	return 0;
}

/* Pointers for what was decoded. */
static void proof_row_settle(struct proof_row *row)
{
	for (size_t i = 0; i < row->n; i++) {
		struct proof_cell *c = &row->cells[i];

		if ((c->type == SQL_TEXT || c->type == SQL_BLOB) && !c->withheld &&
		    c->data == NULL)
			c->data = row->bytes.data + c->v;
	}
}

static int proof_kind_find(const struct json *v)
{
	if (v == NULL || json_type(v) != JSON_STRING)
		return -1;
	for (int i = 0; i < PROOF_KINDS; i++)
		if (strcmp(json_text(v), proof_kinds[i].name) == 0)
			return i;
	return -1;
}

int proof_row_read(struct proof_row *row, const char *line, size_t len, struct err *e)
{
	const struct json *v;
	int kind;

	proof_row_init(row, 0);
	row->root = json_parse_max(line, len, PROOF_LINE_MAX, e);
	if (row->root == NULL)
		return -1;
	v = json_type(row->root) == JSON_ARRAY ? json_first(row->root) : NULL;
	kind = proof_kind_find(v);
	if (kind < 0)
		return err_set(e, ERR_DATA, "is of no kind");
	row->kind = kind;
	if (json_count(row->root) != proof_kind_count(kind) + 2)
		return err_set(e, ERR_DATA, "has not the columns of its kind");
	for (v = json_next(v); row->n < proof_kind_count(kind); v = json_next(v))
		if (proof_read_cell(row, v) != 0)
			return err_set(e, ERR_DATA, "column %zu is not what it must be",
				       row->n);
	proof_row_settle(row);
	if (json_type(v) != JSON_STRING || json_text_len(v) != PROOF_CHECK_MAX - 1)
		return err_set(e, ERR_DATA, "has no check");
	memcpy(row->check, json_text(v), PROOF_CHECK_MAX);
	return 0;
}

void proof_row_release(struct proof_row *row)
{
	json_free(row->root);
	buf_release(&row->bytes);
	row->root = NULL;
}

/* ------------------------------------------------------------------ use */

void proof_row_seal(const struct proof_row *row, struct race_sealer *s)
{
	race_sealer_row(s, (enum race_fact)row->kind);
	for (size_t i = 0; i < row->n; i++) {
		const struct proof_cell *c = &row->cells[i];

		race_sealer_column(s, c->type, c->v, c->withheld ? "" : c->data,
				   c->withheld ? 0 : c->n);
	}
}

void proof_row_label(const struct proof_row *row, char out[PROOF_LABEL_MAX])
{
	const char *name = proof_kind_name(row->kind);
	const struct proof_cell *c = row->cells;
	char id[TSTAMP_WINDOW_ID_MAX];

	if (row->kind == RACE_FACT_PRICE)
		snprintf(out, PROOF_LABEL_MAX, "%s %.40s", name, c[0].data);
	else if (row->kind == RACE_FACT_BATCH || row->kind == RACE_FACT_REGIME)
		snprintf(out, PROOF_LABEL_MAX, "%s", name);
	else if (row->kind >= RACE_FACTS)
		snprintf(out, PROOF_LABEL_MAX, "%s %lld", name, (long long)c[0].v);
	else if (row->kind == RACE_FACT_SNAPSHOT)
		snprintf(out, PROOF_LABEL_MAX, "%s %.64s %.8s", name, c[0].data, c[1].data);
	else if (row->kind == RACE_FACT_TRADE)
		snprintf(out, PROOF_LABEL_MAX, "%s %.64s %lld", name, c[0].data,
			 (long long)c[1].v);
	else if (row->kind == RACE_FACT_ORDER)
		snprintf(out, PROOF_LABEL_MAX, "%s %.64s %s %lld", name, c[0].data,
			 tstamp_window_id(c[1].v, id), (long long)c[2].v);
	else
		snprintf(out, PROOF_LABEL_MAX, "%s %.64s %s", name, c[0].data,
			 tstamp_window_id(c[1].v, id));
}
