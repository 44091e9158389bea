#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"
#include "mem.h"
#include "unit.h"

#include "banned.h"

/*
 * Without arguments: the properties of keys.h. "test_keys claim FILE N" instead claims N keys
 * in FILE and prints how many were new; several of them at a time are the race.
 */

#define CLAIMERS 8
#define CLAIMS 2000
#define HOUR INT64_C(3600000)

static struct db *db;

static struct keys_request request(const char *key, const char *what)
{
	struct keys_request q = {
		.key = key, .op = "test", .now_ms = 1000000, .ttl_ms = HOUR, .lease_ms = HOUR
	};

	digest_of(what, strlen(what), &q.fingerprint);
	return q;
}

/* Claim and compare; ${r} may be NULL. */
static bool answers(const struct keys_request *q, enum keys_answer want, struct keys_record *r)
{
	struct keys_record own;
	enum keys_answer got = KEYS_NEW;
	struct err e = { 0 };
	bool ok = keys_claim(db, q, &got, &own, &e) == 0 && got == want;

	if (!ok)
		printf("# answer %d, not %d; %s\n", (int)got, (int)want, e.text);
	if (r != NULL)
		*r = own;
	else
		keys_release(&own);
	return ok;
}

static bool finishes(const struct keys_record *r, enum keys_state state, const char *out,
		     bool want)
{
	struct keys_result res = { .state = state, .exit_status = 7 };
	struct err e = { 0 };
	bool ours = !want;

	res.output = out;
	res.output_len = out != NULL ? strlen(out) : 0;
	return keys_finish(db, r, &res, 1000000, HOUR, &ours, &e) == 0 && ours == want;
}

static void change(const char *sql)
{
	struct err e = { 0 };

	if (sql_script(db_sql(db), sql, &e) != 0)
		printf("# %s: %s\n", sql, e.text);
}

static void life(void)
{
	struct keys_request q = request("life", "a"), other = request("life", "b");
	struct keys_record r, done;

	unit_ok(answers(&q, KEYS_NEW, &r) && r.held && r.fence == 1 && r.attempts == 1 &&
			r.owner_pid == getpid() && r.state == KEYS_IN_PROGRESS,
		"a key that nobody has used is new, and then held by its owner");
	unit_ok(answers(&q, KEYS_BUSY, NULL), "a key that is held is busy");
	unit_ok(answers(&other, KEYS_MISMATCH, NULL), "with another intent it does not match");
	unit_ok(finishes(&r, KEYS_COMPLETED, "out", true), "the owner finishes it");
	unit_ok(finishes(&r, KEYS_COMPLETED, "again", false), "but only once");
	unit_ok(answers(&q, KEYS_REPLAY, &done) && done.exit_status == 7 &&
			done.output_len == 3 && strcmp(done.output, "out") == 0 &&
			done.replays == 1 && !done.held,
		"afterwards its result is replayed and the replay is counted");
	unit_ok(answers(&other, KEYS_MISMATCH, NULL),
		"a result is not given to another intent");
	keys_release(&done);
	keys_release(&r);
}

static void expiry(void)
{
	struct keys_request q = request("expiry", "a"), other = request("expiry", "b");
	struct keys_record r, s;

	answers(&q, KEYS_NEW, &r);
	other.now_ms = q.now_ms + 2 * HOUR;
	unit_ok(answers(&other, KEYS_MISMATCH, NULL),
		"a key that is held stays so, however old it is");
	finishes(&r, KEYS_FAILED_FINAL, "", true);
	other.now_ms = q.now_ms + HOUR - 1;
	unit_ok(answers(&other, KEYS_MISMATCH, NULL), "it is kept until its time is over");
	other.now_ms = q.now_ms + HOUR;
	unit_ok(answers(&other, KEYS_NEW, &s) && s.fence == 2 && s.attempts == 1,
		"then it may be used anew, and the fence rises");
	keys_release(&s);
	keys_release(&r);
}

static void takeover(void)
{
	struct keys_request q = request("takeover", "a");
	struct keys_record first, second, third;

	answers(&q, KEYS_NEW, &first);
	change("UPDATE idempotency SET lease_end_ms = 1 WHERE key = 'takeover'");
	unit_ok(answers(&q, KEYS_TAKEOVER, &second) && second.fence == 2 &&
			second.attempts == 2,
		"a key whose lease is over is taken over, and the fence rises");
	unit_ok(finishes(&first, KEYS_COMPLETED, "late", false),
		"the former owner writes nothing any more");
	unit_ok(finishes(&second, KEYS_EXPIRED, "try", true), "the new one does");
	unit_ok(answers(&q, KEYS_TAKEOVER, &third) && third.fence == 3 && third.output == NULL,
		"what ended without a result is begun again");
	change("UPDATE idempotency SET owner = 'other' WHERE key = 'takeover'");
	unit_ok(finishes(&third, KEYS_COMPLETED, "", false),
		"the fence of another owner is not ours, even if the number is");
	keys_release(&third);
	keys_release(&second);
	keys_release(&first);
}

static void empty_output(void)
{
	struct keys_request q = request("empty", "a"), none = request("none", "a");
	struct keys_record r, s, t;

	answers(&q, KEYS_NEW, &r);
	finishes(&r, KEYS_COMPLETED, "", true);
	answers(&q, KEYS_REPLAY, &s);
	unit_ok(s.output != NULL && s.output_len == 0, "an empty output is one");
	keys_release(&s);
	keys_release(&r);
	answers(&none, KEYS_NEW, &r);
	finishes(&r, KEYS_FAILED_FINAL, NULL, true);
	answers(&none, KEYS_REPLAY, &t);
	unit_ok(t.output == NULL && t.output_len == 0, "and none is none");
	keys_release(&t);
	keys_release(&r);
}

static bool fits(const char *key)
{
	struct err e = { 0 };

	return keys_check(key, &e) == 0;
}

static void names(void)
{
	char text[300];
	enum keys_state s;

	memset(text, 'x', sizeof text);
	text[KEYS_KEY_MAX + 1] = '\0';
	unit_ok(!fits(text) && fits(text + 1) && fits("x") && !fits(""),
		"a key has 1 to 255 bytes");
	unit_ok(fits("a b\302\240\303\251%s/..") && !fits("\t") && !fits("a\177") &&
			!fits("\302\200") && !fits("a\302\237") && !fits("a\377"),
		"a key is UTF-8 without control characters");
	unit_ok(keys_state_find("failed_final", &s) && s == KEYS_FAILED_FINAL &&
			!keys_state_find("Completed", &s) &&
			strcmp(keys_state_name(KEYS_EXPIRED), "expired") == 0,
		"states have the names of the schema");
}

/* ------------------------------------------------------------------ the race */

static int claim_many(const char *path, int n)
{
	struct err e = { 0 };
	int fresh = 0;

	db = db_open(path, &e);
	for (int i = 0; db != NULL && i < n; i++) {
		char key[32];
		struct keys_request q = request(key, "a");
		struct keys_record r;
		enum keys_answer got;

		snprintf(key, sizeof key, "race-%d", i);
		if (keys_claim(db, &q, &got, &r, &e) != 0)
			break;
		fresh += got == KEYS_NEW;
		keys_release(&r);
	}
	db_close(db);
	if (e.status != 0)
		fprintf(stderr, "# %s\n", e.text);
	printf("%d\n", fresh);
	return e.status;
}

/* The sum of what the claimers print, or -1. */
static int race(const char *self, const char *path, int n)
{
	char count[16];
	const char *argv[] = { self, "claim", path, count, NULL };
	posix_spawn_file_actions_t files;
	int fds[2], sum = 0, x, status;
	FILE *f;

	snprintf(count, sizeof count, "%d", n);
	if (pipe(fds) != 0)
		return -1;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fds[1], 1);
	for (int i = 0; i < CLAIMERS; i++) {
		pid_t pid;

		if (posix_spawn(&pid, self, &files, NULL, (char *const *)argv, environ) != 0)
			sum = -1000000;
	}
	posix_spawn_file_actions_destroy(&files);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fscanf(f, "%d", &x) == 1)
		sum += x;
	fclose(f);
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			sum = -1000000;
	return sum;
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = mem_printf("%s/test_keys.XXXXXX", tmp != NULL ? tmp : "/tmp");
	static const char *const beside[] = { "", "-wal", "-shm", ".lock" };
	struct err e = { 0 };
	bool created;
	char *path;

	if (argc == 4) {
		free(dir);
		return claim_many(argv[2], (int)strtol(argv[3], NULL, 10));
	}
	umask(077);
	if (mkdtemp(dir) == NULL)
		return 1;
	path = mem_printf("%s/keys.db", dir);
	db = db_create(path, &created, &e);
	if (unit_ok(db != NULL, "a database is there")) {
		life();
		expiry();
		takeover();
		empty_output();
		names();
		db_close(db);
		unit_ok(race(argv[0], path, CLAIMS) == CLAIMS,
			"of many that claim the same keys at a time, one wins each");
	}
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		char *name = mem_printf("%s%s", path, beside[i]);

		unlink(name);
		free(name);
	}
	rmdir(dir);
	free(path);
	free(dir);
	return unit_done();
}
