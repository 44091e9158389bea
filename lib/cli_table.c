#include "cli_table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cli.h"
#include "decimal.h"
#include "mem.h"

#include "banned.h"

#define CLI_WIDTH_MIN 20 /* so that a word of a sentence, a head, a time is never cut */
#define CLI_WIDTH_MAX 100000
#define CLI_INDENT 2 /* of the lines that go on with a sentence */

struct cli_cell {
	char *text;
	const char *colour;
	size_t span; /* columns, if more than one */
};

struct cli_table {
	const struct cli_column *columns;
	size_t n_columns;
	struct cli_cell *cells; /* row by row; the first are the titles */
	size_t n_cells, cap;
	size_t natural[CLI_COLUMNS_MAX]; /* of title and texts; 0: there is nothing to see */
	size_t room[CLI_COLUMNS_MAX];	 /* 0: left out */
};

/* ---- terminal ---- */

static int64_t cli_asked_width(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	struct err e = { 0 };
	int64_t n;

	if (text != NULL && decimal_parse(text, strlen(text), 0, &n, &e) == 0 && n > 0 &&
	    n <= CLI_WIDTH_MAX)
		return n;
	return ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

size_t cli_width(void)
{
	int64_t n = cli_asked_width();

	return (size_t)(n > 0 && n < CLI_WIDTH_MIN ? CLI_WIDTH_MIN : n);
}

bool cli_utf8(void)
{
	const char *names[] = { getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG") };

	for (size_t i = 0; i < 3; i++)
		if (names[i] != NULL && names[i][0] != '\0')
			return strstr(names[i], "UTF-8") != NULL ||
			       strstr(names[i], "utf8") != NULL;
	return false;
}

/* ---- text ---- */

static bool cli_begins_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t cli_text_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += cli_begins_char(*s);
	return n;
}

/* Where the character after the first ${n} begins. */
static const char *cli_skip_chars(const char *s, size_t n)
{
	for (; *s != '\0'; s++)
		if (cli_begins_char(*s) && n-- == 0)
			break;
	return s;
}

/*
 * ${s} in at most ${width} columns. It loses its middle: names that are alike often differ at
 * the end, by a number or a version.
 */
static void cli_add_cut(struct buf *b, const char *s, size_t width)
{
	const char *dots = cli_utf8() ? "…" : "...";
	size_t n = cli_text_width(s), n_dots = cli_text_width(dots), tail;

	if (n <= width) {
		buf_adds(b, s);
		return;
	}
	if (width <= n_dots) {
		buf_add(b, s, (size_t)(cli_skip_chars(s, width) - s));
		return;
	}
	tail = (width - n_dots) / 3;
	buf_add(b, s, (size_t)(cli_skip_chars(s, width - n_dots - tail) - s));
	buf_adds(b, dots);
	buf_adds(b, cli_skip_chars(s, n - tail));
}

static void cli_add_spaces(struct buf *b, size_t n)
{
	for (; n > 0; n--)
		buf_addc(b, ' ');
}

/* The words of ${text}, which is changed. */
static void cli_add_wrapped(struct buf *b, char *text, size_t width)
{
	size_t at = 0, room = width > CLI_INDENT ? width - CLI_INDENT : width, n;
	char *rest = NULL;

	for (char *w = strtok_r(text, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
		n = cli_text_width(w);
		n = n > room ? room : n;
		if (at > 0 && at + 1 + n > width) {
			buf_addc(b, '\n');
			at = width - room;
			cli_add_spaces(b, at);
		} else if (at > 0) {
			buf_addc(b, ' ');
			at++;
		}
		cli_add_cut(b, w, room);
		at += n;
	}
}

void cli_wrap(size_t width, const char *fmt, ...)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	char *line;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	line = buf_take(&text);
	if (width == 0 || cli_text_width(line) <= width)
		buf_adds(&out, line);
	else
		cli_add_wrapped(&out, line, width);
	buf_addc(&out, '\n');
	cli_out(buf_str(&out), out.len);
	free(line);
	buf_release(&out);
}

/* ---- content ---- */

static void cli_table_take(struct cli_table *t, char *text, size_t span)
{
	if (t->n_cells == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 256;
		t->cells = mem_resize(t->cells, t->cap, sizeof *t->cells);
	}
	t->cells[t->n_cells++] = (struct cli_cell){ .text = text, .span = span };
}

struct cli_table *cli_table_new(const struct cli_column *columns, size_t n)
{
	struct cli_table *t = mem_alloc(sizeof *t);

	assert(n > 0 && n <= CLI_COLUMNS_MAX);
	t->columns = columns;
	t->n_columns = n;
	for (size_t c = 0; c < n; c++)
		cli_table_add(t, "%s", columns[c].title);
	return t;
}

void cli_table_add(struct cli_table *t, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	cli_table_take(t, buf_take(&b), 1);
}

void cli_table_paint(struct cli_table *t, const char *colour)
{
	assert(t->n_cells > 0);
	t->cells[t->n_cells - 1].colour = colour;
}

void cli_table_span(struct cli_table *t, size_t n, const char *text)
{
	assert(n > 0 && t->n_cells % t->n_columns + n <= t->n_columns);
	cli_table_take(t, mem_strdup(text), n);
	for (size_t i = 1; i < n; i++)
		cli_table_take(t, mem_strdup(""), 1);
}

void cli_table_free(struct cli_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

/* ---- layout ---- */

static void cli_table_measure(struct cli_table *t)
{
	for (size_t c = 0; c < t->n_columns; c++)
		t->natural[c] = 0;
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t *natural = &t->natural[i % t->n_columns];
		size_t n = t->cells[i].span == 1 ? cli_text_width(t->cells[i].text) : 0;

		*natural = n > *natural ? n : *natural;
	}
}

static size_t cli_table_width(const struct cli_table *t)
{
	size_t n = 0;

	for (size_t c = 0; c < t->n_columns; c++)
		if (t->room[c] > 0)
			n += t->columns[c].gap + t->room[c];
	return n;
}

/* Columns as wide as they are used to be. */
static void cli_table_lay_wide(struct cli_table *t)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		t->room[c] = t->natural[c];
		if (t->room[c] > 0 && t->room[c] < t->columns[c].width)
			t->room[c] = t->columns[c].width;
	}
}

/* Columns no wider than their texts. */
static void cli_table_lay_tight(struct cli_table *t, bool capped)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		t->room[c] = t->natural[c];
		if (capped && t->columns[c].most > 0 && t->room[c] > t->columns[c].most)
			t->room[c] = t->columns[c].most;
	}
}

/* Make column ${c} give room, of which ${excess} is wanted. Whether it was left out. */
static bool cli_table_give(struct cli_table *t, size_t c, size_t excess)
{
	size_t least = t->columns[c].least, over;

	if (least == 0) {
		t->room[c] = 0;
		return true;
	}
	over = t->room[c] > least ? t->room[c] - least : 0;
	t->room[c] -= excess < over ? excess : over;
	return false;
}

static size_t cli_table_shrink(struct cli_table *t, size_t width)
{
	size_t left_out = 0, n;

	for (size_t turn = 1; turn <= t->n_columns; turn++)
		for (size_t c = 0; c < t->n_columns; c++) {
			n = cli_table_width(t);
			if (n <= width)
				return left_out;
			if (t->columns[c].turn == turn && t->room[c] > 0)
				left_out += cli_table_give(t, c, n - width);
		}
	return left_out;
}

/* What is left goes to the columns that were cut. */
static void cli_table_grow(struct cli_table *t, size_t width)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		size_t n = cli_table_width(t), want = t->natural[c] - t->room[c];

		if (t->room[c] > 0 && n < width)
			t->room[c] += want < width - n ? want : width - n;
	}
}

static size_t cli_table_fit(struct cli_table *t, size_t width, size_t *needs)
{
	size_t left_out, n;

	cli_table_measure(t);
	cli_table_lay_tight(t, false);
	n = cli_table_width(t);
	*needs = n > *needs ? n : *needs;
	cli_table_lay_wide(t);
	if (width == 0 || cli_table_width(t) <= width)
		return 0;
	cli_table_lay_tight(t, true);
	left_out = cli_table_shrink(t, width);
	cli_table_grow(t, width);
	return left_out;
}

/* ---- printing ---- */

/* A row under way: spaces are held back until a text follows them. */
struct cli_row {
	struct buf *out;
	size_t pad, at;
};

static void cli_row_gap(struct cli_row *r, size_t n)
{
	r->pad += n;
	r->at += n;
}

static void cli_row_text(struct cli_row *r, const struct cli_cell *cell, bool left, size_t room)
{
	size_t n = cli_text_width(cell->text);

	n = n > room ? room : n;
	r->at += room;
	if (n == 0) {
		r->pad += room;
		return;
	}
	cli_add_spaces(r->out, r->pad + (left ? 0 : room - n));
	if (cell->colour != NULL)
		buf_adds(r->out, cell->colour);
	cli_add_cut(r->out, cell->text, room);
	if (cell->colour != NULL)
		buf_adds(r->out, "\033[0m");
	r->pad = left ? room - n : 0;
}

/* The room of ${n} columns from ${c} on, without the gap before the first. */
static size_t cli_table_room(const struct cli_table *t, size_t c, size_t n)
{
	size_t room = 0;

	for (size_t i = c; i < c + n; i++)
		if (t->room[i] > 0)
			room += t->room[i] + (room > 0 ? t->columns[i].gap : 0);
	return room;
}

/* ${cells} are those of a row. */
static void cli_table_row(const struct cli_table *t, const struct cli_cell *cells, size_t width,
			  struct buf *out)
{
	struct cli_row r = { .out = out };
	size_t room, n;

	for (size_t c = 0; c < t->n_columns; c += cells[c].span) {
		bool span = cells[c].span > 1;

		room = cli_table_room(t, c, cells[c].span);
		n = cli_text_width(cells[c].text);
		if (room == 0 && !span)
			continue;
		cli_row_gap(&r, t->columns[c].gap);
		if (!span || n <= room) {
			cli_row_text(&r, &cells[c], span || t->columns[c].left, room);
			continue;
		}
		room = width == 0 || width > r.at + n ? n : width > r.at ? width - r.at : 0;
		cli_row_text(&r, &cells[c], true, room);
		break;
	}
	buf_addc(out, '\n');
}

size_t cli_table_print(struct cli_table *t, size_t width, size_t *needs)
{
	size_t left_out = cli_table_fit(t, width, needs);
	struct buf out = BUF_INIT;

	assert(t->n_cells % t->n_columns == 0);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		cli_table_row(t, &t->cells[i], width, &out);
	cli_out(buf_str(&out), out.len);
	buf_release(&out);
	return left_out;
}
