/*
 * The yardstick of a durable step: open a database, commit one row with synchronous FULL, end. Run
 * five times it is what five durable steps cost at least.
 */
#include <sqlite3.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	sqlite3 *db;
	int ok;

	if (argc != 2 || sqlite3_open(argv[1], &db) != SQLITE_OK)
		return 1;
	ok = sqlite3_exec(db,
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "CREATE TABLE IF NOT EXISTS t (v INTEGER); INSERT INTO t VALUES (1);",
			  NULL, NULL, NULL);
	sqlite3_close(db);
	return ok == SQLITE_OK ? 0 : 1;
}
