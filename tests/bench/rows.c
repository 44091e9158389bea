/*
 * A yardstick for replays: the rows that a race got since its set-up, inserted once more by a
 * plain program, table after table, in transactions of 50,000 rows, into tables and indexes as
 * they are, without triggers. Only the inserting is timed, not the reading before it. Prints
 * seconds and rows.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK 50000

static const char *const tables[] = { "pins",	  "cycles",   "batches",   "prices",
				      "contexts", "regimes",  "decisions", "executions",
				      "orders",	  "trades",   "snapshots", "events",
				      "seals",	  "citations" };

static void check(sqlite3 *db, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return;
	fprintf(stderr, "rows: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(sqlite3 *db, const char *text)
{
	check(db, sqlite3_exec(db, text, NULL, NULL, NULL));
}

/* Tables and indexes of the race, in the new file. */
static void lay(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *s;

	check(from, sqlite3_prepare_v2(
			    from,
			    "SELECT sql FROM sqlite_schema WHERE type IN ('table', 'index') "
			    "AND sql IS NOT NULL ORDER BY type DESC",
			    -1, &s, NULL));
	while (sqlite3_step(s) == SQLITE_ROW)
		run(to, (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
}

/* Up to CHUNK rows from a statement that goes on, then timed into the other. */
static long pour(sqlite3 *to, sqlite3_stmt *get, sqlite3_stmt *put, sqlite3_value **cells,
		 double *seconds)
{
	int columns = sqlite3_column_count(get);
	long n = 0;
	double start;

	while (n < CHUNK && sqlite3_step(get) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++)
			cells[n * columns + i] =
				sqlite3_value_dup(sqlite3_column_value(get, i));
		n++;
	}
	start = now();
	run(to, "BEGIN");
	for (long k = 0; k < n; k++) {
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(put, i + 1, cells[k * columns + i]);
		check(to, sqlite3_step(put));
		sqlite3_reset(put);
	}
	run(to, "COMMIT");
	*seconds += now() - start;
	for (long k = 0; k < n * columns; k++)
		sqlite3_value_free(cells[k]);
	return n;
}

static long copy(sqlite3 *from, sqlite3 *to, const char *table, double *seconds)
{
	char text[400], marks[200] = "?";
	sqlite3_value **cells;
	sqlite3_stmt *get, *put;
	long rows = 0, n;

	snprintf(text, sizeof text, "SELECT * FROM %s", table);
	check(from, sqlite3_prepare_v2(from, text, -1, &get, NULL));
	for (int i = 1; i < sqlite3_column_count(get); i++)
		strcat(marks, ",?");
	snprintf(text, sizeof text, "INSERT INTO %s VALUES (%s)", table, marks);
	check(to, sqlite3_prepare_v2(to, text, -1, &put, NULL));
	cells = calloc((size_t)sqlite3_column_count(get) * CHUNK, sizeof *cells);
	do {
		n = pour(to, get, put, cells, seconds);
		rows += n;
	} while (n == CHUNK);
	free(cells);
	sqlite3_finalize(get);
	sqlite3_finalize(put);
	return rows;
}

int main(int argc, char **argv)
{
	sqlite3 *from, *to;
	double seconds = 0;
	long rows = 0;

	if (argc != 3)
		return 64;
	check(NULL, sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READWRITE, NULL));
	check(NULL, sqlite3_open(argv[2], &to));
	run(to, "PRAGMA journal_mode = WAL");
	run(to, "PRAGMA synchronous = FULL");
	run(to, "PRAGMA cache_size = -65536");
	lay(from, to);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		rows += copy(from, to, tables[i], &seconds);
	printf("%.2f %ld\n", seconds, rows);
	sqlite3_close(from);
	sqlite3_close(to);
	return 0;
}
