#include "proof_part.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/*
 * The pack is written as the rows are read, one moment of the race, a few megabytes in memory.
 * Rows and digests come from the statements that the seals were made by.
 */

/* scan: all seals */
static const char sql_seals[] =
	"SELECT n, window_ms, batch, decisions, orders, executions, snapshots, previous, hash "
	"FROM seals ORDER BY n";
/* scan: the pins, few, of windows that are sealed */
static const char sql_pins[] =
	"SELECT p.hash, p.content FROM pins AS p WHERE EXISTS (SELECT 1 FROM cycles AS c JOIN "
	"seals AS s ON s.window_ms = c.window_ms WHERE c.pin = p.hash) ORDER BY p.hash";
/* scan: the versions of all agents, few */
static const char sql_versions[] =
	"SELECT v.hash, v.spec, a.name FROM agent_versions AS v JOIN agents AS a ON a.id = "
	"v.agent_id ORDER BY v.hash, a.id";

struct proof_exporter {
	struct db *db;
	struct tar_writer *tar;
	struct proof_manifest m;
	struct proof_report *r;
	struct buf sums;
	struct buf facts; /* of the file that is being filled */
	int64_t from;	  /* its first seal */
	char check[PROOF_CHECK_MAX];
	bool withheld; /* something of the window */
};

/* ------------------------------------------------------------------ members */

static void proof_put(struct proof_exporter *x, const char *name, const void *data, size_t n)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest d;

	tar_member(x->tar, name, data, n);
	digest_of(data, n, &d);
	digest_hex(&d, hex);
	buf_addf(&x->sums, "%s  %s\n", hex, name + sizeof PROOF_TOP - 1);
}

/* The sums of what was put since the last ones. */
static void proof_put_sums(struct proof_exporter *x, const char *name)
{
	tar_member(x->tar, name, buf_str(&x->sums), x->sums.len);
	buf_reset(&x->sums);
}

/* A text that is named by its hash. */
static void proof_put_named(struct proof_exporter *x, const char *dir, struct sql_stmt *s,
			    const char *suffix, const char *text, size_t n)
{
	char hex[DIGEST_HEX_SIZE], *name;
	struct digest d = { { 0 } };
	size_t len;
	const void *hash = sql_col_blob(s, 0, &len);

	if (len == sizeof d.bytes)
		memcpy(d.bytes, hash, len);
	digest_hex(&d, hex);
	name = mem_printf(PROOF_TOP "%s/%s%s", dir, hex, suffix);
	proof_put(x, name, text, n);
	free(name);
}

static int proof_put_pins(struct proof_exporter *x, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_pins);
	int r;

	while ((r = sql_row(s, e)) == 1) {
		struct buf part = BUF_INIT;
		size_t n;
		const char *text = sql_col_blob(s, 1, &n);

		if (!x->m.full && proof_pin_redact(text, n, &part))
			proof_put_named(x, "pins", s, PROOF_PIN_PART, buf_str(&part), part.len);
		else
			proof_put_named(x, "pins", s, ".json", text, n);
		buf_release(&part);
	}
	return r;
}

/* What is left out of an agent; NULL if it is nobody of the race. */
static const struct proof_agent *proof_policy(const struct proof_exporter *x, const char *name)
{
	size_t i = proof_agent_find(x->m.agents, x->m.n_agents, name);

	return i < x->m.n_agents ? &x->m.agents[i] : NULL;
}

static int proof_put_versions(struct proof_exporter *x, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_versions);
	struct digest last = { { 0 } };
	int r;

	while ((r = sql_row(s, e)) == 1) {
		size_t n, len;
		const void *hash = sql_col_blob(s, 0, &len);
		const char *spec = sql_col_blob(s, 1, &n);
		const struct proof_agent *a = proof_policy(x, sql_col_text(s, 2));

		if (a == NULL || a->hides_make || len != sizeof last.bytes ||
		    memcmp(last.bytes, hash, len) == 0)
			continue;
		memcpy(last.bytes, hash, len);
		proof_put_named(x, "versions", s, ".json", spec, n);
	}
	return r;
}

/* ------------------------------------------------------------------ facts */

static void proof_withhold_cell(struct proof_exporter *x, struct proof_row *row, size_t column)
{
	proof_row_withhold(row, column);
	x->withheld = x->withheld || row->cells[column].withheld;
}

/* The words of agents, as far as they are not for everybody. */
static void proof_withhold(struct proof_exporter *x, struct proof_row *row)
{
	const struct proof_agent *a;

	if (row->kind != RACE_FACT_DECISION && row->kind != RACE_FACT_CITATION)
		return;
	a = proof_policy(x, row->cells[0].data);
	if (a == NULL || (!a->hides_raw && !a->hides_words))
		return;
	for (size_t i = 0; i < row->n; i++)
		if (proof_kind_private(row->kind, i) &&
		    (row->cells[i].type == SQL_BLOB ? a->hides_raw : a->hides_words))
			proof_withhold_cell(x, row, i);
}

static int proof_fact(void *ctx, enum race_fact kind, struct sql_stmt *s, struct err *e)
{
	struct proof_exporter *x = ctx;
	struct proof_row row;

	proof_row_init(&row, (int)kind);
	if (proof_row_load(&row, s, e) != 0)
		return -1;
	proof_withhold(x, &row);
	proof_row_write(&row, x->check, &x->facts);
	x->r->decisions += kind == RACE_FACT_DECISION;
	x->r->trades += kind == RACE_FACT_TRADE;
	x->r->snapshots += kind == RACE_FACT_SNAPSHOT;
	return 0;
}

static int proof_flush(struct proof_exporter *x, struct err *e)
{
	char name[TAR_NAME_MAX];

	if (buf_overflowed(&x->facts))
		return err_set(e, ERR_DATA,
			       "the rows of a window are more than fits into memory");
	if (x->facts.len == 0)
		return 0;
	snprintf(name, sizeof name, PROOF_TOP "facts/%08lld.jsonl", (long long)x->from);
	proof_put(x, name, buf_str(&x->facts), x->facts.len);
	buf_reset(&x->facts);
	return 0;
}

/* A window: its line, its rows, its seal. */
static int proof_put_window(struct proof_exporter *x, struct sql_stmt *s, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct proof_row window, seal;

	if (x->facts.len >= PROOF_FACTS_FULL && proof_flush(x, e) != 0)
		return -1;
	if (x->facts.len == 0)
		x->from = sql_col_int(s, 0);
	x->withheld = false;
	proof_row_init(&window, PROOF_WINDOW);
	proof_row_int(&window, sql_col_int(s, 0));
	proof_row_int(&window, sql_col_int(s, 1));
	proof_row_text(&window, tstamp_window_id(sql_col_int(s, 1), id));
	proof_row_write(&window, x->check, &x->facts);
	if (race_seal_rows(x->db, sql_col_int(s, 1), proof_fact, x, e) != 0)
		return -1;
	proof_row_init(&seal, PROOF_SEAL);
	if (proof_row_load(&seal, s, e) != 0)
		return -1;
	proof_row_write(&seal, x->check, &x->facts);
	x->r->seals++;
	x->r->withheld += x->withheld;
	return 0;
}

static int proof_put_facts(struct proof_exporter *x, struct err *e)
{
	struct sql_stmt *s = db_get(x->db, sql_seals);
	int r;

	memset(x->check, '0', PROOF_CHECK_MAX - 1);
	x->check[PROOF_CHECK_MAX - 1] = '\0';
	while ((r = sql_row(s, e)) == 1)
		/* a disk that is full is not written to for an hour */
		if (proof_put_window(x, s, e) != 0 || !tar_good(x->tar)) {
			sql_reset(s);
			return e->status != 0 ? -1 : 0;
		}
	return r != 0 ? -1 : proof_flush(x, e);
}

/* ------------------------------------------------------------------ the archive */

static int proof_put_all(struct proof_exporter *x, const char *name, struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	proof_readme(&text);
	proof_put(x, PROOF_README, buf_str(&text), text.len);
	buf_reset(&text);
	proof_manifest_write(&x->m, &text);
	proof_put(x, PROOF_MANIFEST, buf_str(&text), text.len);
	buf_release(&text);
	r = proof_put_pins(x, e);
	if (r == 0)
		r = proof_put_versions(x, e);
	if (r == 0) {
		proof_put_sums(x, PROOF_SUMS);
		r = proof_put_facts(x, e);
	}
	if (r == 0) {
		proof_put_sums(x, PROOF_FACT_SUMS);
		r = tar_finish(x->tar, name, e);
	}
	return r;
}

static int proof_write_pack(struct db *db, int fd, const char *name, bool full,
			    struct proof_report *r, struct err *e)
{
	struct proof_exporter x = { .db = db, .r = r };
	int64_t last_ms = 0;
	int rc = -1;

	*r = (struct proof_report){ .full = full, .known = -1, .heads = -1, .ok = true };
	r->window_ms = -1;
	buf_init(&x.sums, BUF_MAX_DEFAULT);
	buf_init(&x.facts, (size_t)1 << 30);
	if (db_read_begin(db, e) != 0)
		return -1;
	if (proof_manifest_load(db, full, &x.m, &last_ms, e) == 0) {
		x.tar = tar_create(fd, last_ms / 1000);
		rc = proof_put_all(&x, name, e);
	}
	db_read_end(db);
	memcpy(r->tool, x.m.tool, sizeof r->tool);
	r->schema = x.m.schema;
	r->agents = (int64_t)x.m.n_agents;
	r->head = x.m.head;
	tar_discard(x.tar);
	proof_manifest_release(&x.m);
	buf_release(&x.facts);
	buf_release(&x.sums);
	return rc;
}

/* ------------------------------------------------------------------ files */

static int proof_exists(const char *path, struct err *e)
{
	return err_set(e, ERR_DATA, "%s: is there already; --force replaces it", path);
}

/*
 * The file that the pack is written to. It is locked, so that two exports to one place do not
 * write into one file; what an export that was killed has left is begun anew.
 */
static int proof_open_tmp(const char *tmp, struct err *e)
{
	int fd = open(tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st, now;

	if (fd < 0) {
		err_sys(e,
			errno == ENOENT			    ? ERR_NOTFOUND
			: errno == EACCES || errno == EROFS ? ERR_PERM
							    : ERR_IO,
			"%s", tmp);
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err_set(e, ERR_DATA, "%s: is no plain file", tmp);
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0 || lstat(tmp, &now) != 0 ||
		 now.st_ino != st.st_ino || now.st_dev != st.st_dev)
		err_set(e, ERR_TEMP, "%s: another export is writing it", tmp);
	else if (ftruncate(fd, 0) != 0)
		err_sys(e, ERR_IO, "%s", tmp);
	else
		return fd;
	close(fd);
	return -1;
}

static int proof_name(const char *tmp, const char *path, bool force, struct err *e)
{
	char *copy = mem_strdup(path);
	const char *dir = dirname(copy);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, force ? 0 : RENAME_NOREPLACE) != 0)
		r = errno == EEXIST ? proof_exists(path, e) : err_sys(e, ERR_IO, "%s", path);
	else if (fd < 0 || fsync(fd) != 0)
		r = err_sys(e, ERR_IO, "directory %s", dir);
	if (fd >= 0)
		close(fd);
	free(copy);
	return r;
}

int proof_export(struct db *db, const char *path, bool full, bool force, struct proof_report *r,
		 struct err *e)
{
	static const struct proof_expect nothing;
	struct stat st;
	char *tmp;
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return proof_write_pack(db, STDOUT_FILENO, "standard output", full, r, e);
	if (!force && lstat(path, &st) == 0)
		return proof_exists(path, e);
	tmp = mem_printf("%s.tmp", path);
	fd = proof_open_tmp(tmp, e);
	rc = fd >= 0 ? proof_write_pack(db, fd, tmp, full, r, e) : -1;
	if (rc == 0 && (fsync(fd) != 0 || lseek(fd, 0, SEEK_SET) != 0))
		rc = err_sys(e, ERR_IO, "%s", tmp);
	if (rc == 0)
		rc = proof_verify_fd(fd, tmp, &nothing, r, e);
	if (rc == 0 && r->ok)
		rc = proof_name(tmp, path, force, e);
	if (fd >= 0) {
		if (rc != 0 || !r->ok)
			unlink(tmp);
		close(fd);
	}
	free(tmp);
	return rc;
}
