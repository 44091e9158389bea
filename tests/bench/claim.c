/*
 * Claiming a key against the least that a durable step can cost: one row committed through the
 * same transactions to the same file. Taken in turns, so that what the disk does meets both;
 * prints the median time of each in microseconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "keys.h"

#define ROUNDS 2000
#define CHECKPOINT 200 /* rounds; a log that grows would be measured, too */

static const char sql_table[] = "CREATE TABLE IF NOT EXISTS bench (v INTEGER)";
static const char sql_row_add[] = "INSERT INTO bench (v) VALUES (:v)";

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int bare(struct db *db, int64_t v, struct err *e)
{
	struct sql_stmt *s;

	if (db_begin(db, e) != 0)
		return -1;
	s = db_get(db, sql_row_add);
	sql_int(s, ":v", v);
	return db_end(db, sql_exec(s, e), e);
}

static int claim(struct db *db, int64_t v, struct err *e)
{
	char key[64];
	struct keys_request q = {
		.key = key, .op = "bench", .now_ms = v, .ttl_ms = 1000000, .lease_ms = 60000
	};
	enum keys_answer answer;
	struct keys_record r;
	int rc;

	snprintf(key, sizeof key, "bench-%lld", (long long)v);
	memset(q.fingerprint.bytes, 1, sizeof q.fingerprint.bytes);
	rc = keys_claim(db, &q, &answer, &r, e);
	keys_release(&r);
	return rc == 0 && answer != KEYS_NEW ? err_set(e, ERR_DATA, "%s is there", key) : rc;
}

static int measure(struct db *db, int64_t *claims, int64_t *bares, struct err *e)
{
	for (int64_t i = 0; i < ROUNDS; i++) {
		int64_t a = now_ns(), b;

		if (claim(db, i, e) != 0)
			return -1;
		b = now_ns();
		if (bare(db, i, e) != 0)
			return -1;
		claims[i] = b - a;
		bares[i] = now_ns() - b;
		if (i % CHECKPOINT == 0 && db_checkpoint(db, e) != 0)
			return -1;
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static int64_t claims[ROUNDS], bares[ROUNDS];
	struct err e = { 0 };
	struct db *db = argc == 2 ? db_open(argv[1], &e) : NULL;
	int r = db != NULL ? sql_script(db_sql(db), sql_table, &e) : -1;

	if (r == 0)
		r = measure(db, claims, bares, &e);
	db_close(db);
	if (r != 0) {
		fprintf(stderr, "claim: %s\n", e.text);
		return 1;
	}
	qsort(claims, ROUNDS, sizeof *claims, by_size);
	qsort(bares, ROUNDS, sizeof *bares, by_size);
	printf("%.1f %.1f\n", (double)claims[ROUNDS / 2] / 1000,
	       (double)bares[ROUNDS / 2] / 1000);
	return 0;
}
