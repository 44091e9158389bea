#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Tables and sentences that fit the terminal. What does not fit is left out column by column,
 * the least important first, so that no row wraps. A character takes one column: all that is
 * printed here are figures, blocks, and names, which are ASCII. Part of module cli.
 */

#define CLI_COLUMNS_MAX 24

struct cli_column {
	const char *title;
	size_t gap;   /* spaces before it */
	size_t width; /* at least, as long as all columns have room for that */
	size_t turn;  /* when it is left out: 1 is the first of all; 0: never */
	size_t least; /* > 0: in its turn texts are cut to this at worst; it is not left out ...
		       */
	size_t most;  /* ... and until others have room it asks for no more than this */
	bool left;    /* texts begin at the left */
};

/* The columns of the terminal, 20 or more: $COLUMNS, else what stdout says; 0 if nothing bounds
 * a line. */
size_t cli_width(void);
/* Whether the locale can show more than ASCII. */
bool cli_utf8(void);

/* Print a line, broken between words if it is longer than ${width}, unless that is 0. */
void cli_wrap(size_t width, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct cli_table;

/* ${columns} is borrowed. A column without title and texts takes no room. */
struct cli_table *cli_table_new(const struct cli_column *columns, size_t n);
/* The next text, row by row. */
void cli_table_add(struct cli_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Colour the text that was added last: an escape sequence, borrowed, or NULL. */
void cli_table_paint(struct cli_table *t, const char *colour);
/* One text for the next ${n} columns; if they have too little room, it ends its row. */
void cli_table_span(struct cli_table *t, size_t n, const char *text);
/* Print it, in ${width} columns unless that is 0. Returns how many columns were left out, and
 * raises *${needs} to the width at which none would be. */
size_t cli_table_print(struct cli_table *t, size_t width, size_t *needs);
void cli_table_free(struct cli_table *t);

#endif
