#include "proof_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "roster.h"

#include "banned.h"

/* What a pack says about itself. None of it is sealed: the seals, and what follows from them,
 * must agree with it. */

/* scan: only the last row, by its key */
static const char sql_last[] = "SELECT n, window_ms, hash FROM seals ORDER BY n DESC LIMIT 1";
/* scan: all agents */
static const char sql_agents[] =
	"SELECT a.name, p.start_cash, a.id, a.kind FROM agents AS a JOIN portfolios AS p ON "
	"p.agent_id = a.id ORDER BY a.name";

#define PROOF_AGENTS_MAX 100000

/* Settings that are of the operator, not of the race. */
static const char *const proof_private[] = { "alert.command", "alert.heartbeat_url" };

/* ------------------------------------------------------------------ from a race */

static int proof_load_head(struct db *db, struct proof_manifest *m, int64_t *last_ms,
			   struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_last);
	const void *p;
	size_t n;
	int r = sql_row(s, e);

	if (r == 0)
		return err_set(e, ERR_NOTFOUND, "the race has no seals yet");
	if (r < 0)
		return -1;
	m->seals = sql_col_int(s, 0);
	*last_ms = sql_col_int(s, 1);
	p = sql_col_blob(s, 2, &n);
	if (n == sizeof m->head.bytes)
		memcpy(m->head.bytes, p, n);
	sql_reset(s);
	return 0;
}

static struct proof_agent *proof_add_agent(struct proof_manifest *m, const char *name,
					   int64_t start)
{
	struct proof_agent *a;

	m->agents = mem_resize(m->agents, m->n_agents + 1, sizeof *m->agents);
	a = &m->agents[m->n_agents++];
	*a = (struct proof_agent){ 0 };
	snprintf(a->name, sizeof a->name, "%s", name);
	a->start.u = start;
	return a;
}

/*
 * What of an agent is not for everybody, as it is set for pages (J-10). Rules are ours, and
 * what people hand in is what the race shows anyway; programs and models are somebody's.
 */
static int proof_agent_policy(struct db *db, struct proof_agent *a, int64_t id,
			      const char *kind, struct err *e)
{
	bool ours = strcmp(kind, "rule") == 0 || strcmp(kind, "manual") == 0;
	enum roster_publish p;

	if (roster_publish(db, id, &p, e) != 0)
		return -1;
	a->hides_words = p == ROSTER_PUBLISH_NONE;
	a->hides_make = a->hides_raw = a->hides_words || (p != ROSTER_PUBLISH_ALL && !ours);
	return 0;
}

int proof_manifest_load(struct db *db, bool full, struct proof_manifest *m, int64_t *last_ms,
			struct err *e)
{
	struct sql_stmt *s;
	int r;

	*m = (struct proof_manifest){ .full = full };
	snprintf(m->tool, sizeof m->tool, "%s", TR_VERSION);
	if (db_version(db, &m->schema, e) != 0 || proof_load_head(db, m, last_ms, e) != 0)
		return -1;
	s = db_get(db, sql_agents);
	while ((r = sql_row(s, e)) == 1) {
		struct proof_agent *a =
			proof_add_agent(m, sql_col_text(s, 0), sql_col_int(s, 1));

		if (!full &&
		    proof_agent_policy(db, a, sql_col_int(s, 2), sql_col_text(s, 3), e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r;
}

size_t proof_agent_find(const struct proof_agent *agents, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(agents[mid].name, name);

		if (c == 0)
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return n;
}

void proof_manifest_release(struct proof_manifest *m)
{
	free(m->agents);
	m->agents = NULL;
	m->n_agents = 0;
}

void proof_manifest_write(const struct proof_manifest *m, struct buf *out)
{
	char head[DIGEST_HEX_SIZE];
	struct json_writer w;

	digest_hex(&m->head, head);
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", PROOF_SCHEMA);
	json_write_string(&w, "tool", m->tool);
	json_write_int(&w, "race_schema", m->schema);
	json_write_bool(&w, "full", m->full);
	json_write_int(&w, "seals", m->seals);
	json_write_string(&w, "head", head);
	json_write_array(&w, "agents");
	for (size_t i = 0; i < m->n_agents; i++) {
		json_write_object(&w, NULL);
		json_write_string(&w, "agent", m->agents[i].name);
		json_write_decimal(&w, "start_cash", m->agents[i].start.u, MONEY_SCALE);
		json_write_close(&w);
	}
	json_write_close(&w);
	json_write_close(&w);
	json_write_end(&w);
}

/* ------------------------------------------------------------------ and back */

static int proof_read_agent(struct proof_manifest *m, const struct json_reader *top, int index,
			    const struct json *v)
{
	struct json_reader r;
	const char *name;
	int64_t start = 0;

	json_read_child(&r, top, "agents", index, v);
	name = json_read_string(&r, "agent", true);
	json_read_decimal(&r, "start_cash", true, MONEY_SCALE, &start);
	if (json_read_end(&r) != 0 || ident_check_agent(name, top->e) != 0)
		return -1;
	/* names are looked up by bisection */
	if (m->n_agents > 0 && strcmp(m->agents[m->n_agents - 1].name, name) >= 0)
		return err_set(top->e, ERR_DATA, "manifest: agents are not in order");
	if (m->n_agents == PROOF_AGENTS_MAX)
		return err_set(top->e, ERR_DATA, "manifest: has too many agents");
	proof_add_agent(m, name, start);
	return 0;
}

static int proof_read_fields(struct proof_manifest *m, struct json_reader *r,
			     const struct json **agents)
{
	const char *schema = json_read_string(r, "schema", true);
	const char *tool = json_read_string(r, "tool", true), *head;

	json_read_int(r, "race_schema", true, 0, INT64_MAX, &m->schema);
	json_read_bool(r, "full", true, &m->full);
	json_read_int(r, "seals", true, 1, INT64_MAX, &m->seals);
	head = json_read_string(r, "head", true);
	*agents = json_read_array(r, "agents", true);
	if (!r->failed && strcmp(schema, PROOF_SCHEMA) != 0)
		json_read_fail(r, "schema", "is not " PROOF_SCHEMA);
	if (!r->failed && digest_unhex(head, &m->head) != 0)
		json_read_fail(r, "head", "is no hash");
	if (json_read_end(r) != 0)
		return -1;
	snprintf(m->tool, sizeof m->tool, "%s", tool);
	return 0;
}

int proof_manifest_read(struct proof_manifest *m, const char *text, size_t len, struct err *e)
{
	struct json *root = json_parse_max(text, len, PROOF_TEXT_MAX, e);
	const struct json *agents = NULL;
	struct json_reader r;
	int index = 0, rc = -1;

	*m = (struct proof_manifest){ 0 };
	if (root == NULL)
		return -1;
	json_read_init(&r, root, "manifest", e);
	if (proof_read_fields(m, &r, &agents) != 0)
		goto out;
	for (const struct json *v = json_first(agents); v != NULL; v = json_next(v))
		if (proof_read_agent(m, &r, index++, v) != 0)
			goto out;
	rc = 0;
out:
	json_free(root);
	return rc;
}

/* ------------------------------------------------------------------ pins */

static bool proof_is_private(const struct json *setting)
{
	for (size_t i = 0; i < sizeof proof_private / sizeof proof_private[0]; i++)
		if (strcmp(json_key(setting), proof_private[i]) == 0)
			return json_text_len(setting) > 0;
	return false;
}

static void proof_write_member(struct json_writer *w, const struct json *v)
{
	char *text = roster_spec_value(v);

	json_write_raw(w, json_key(v), text, strlen(text));
	free(text);
}

/* The settings that are not private; how many are. */
static size_t proof_write_settings(struct json_writer *w, const struct json *settings)
{
	size_t left_out = 0;

	json_write_object(w, "settings");
	for (const struct json *v = json_first(settings); v != NULL; v = json_next(v))
		if (proof_is_private(v))
			left_out++;
		else
			proof_write_member(w, v);
	json_write_close(w);
	return left_out;
}

bool proof_pin_redact(const char *content, size_t len, struct buf *out)
{
	struct err ignored = { 0 };
	struct json *root = json_parse_max(content, len, PROOF_TEXT_MAX, &ignored);
	struct json_writer w;
	size_t left_out = 0;

	if (root == NULL || json_type(root) != JSON_OBJECT) {
		json_free(root);
		return false;
	}
	json_write_init(&w, out);
	json_write_object(&w, NULL);
	for (const struct json *v = json_first(root); v != NULL; v = json_next(v))
		if (strcmp(json_key(v), "settings") == 0 && json_type(v) == JSON_OBJECT)
			left_out += proof_write_settings(&w, v);
		else
			proof_write_member(&w, v);
	json_write_close(&w);
	json_free(root);
	return left_out > 0;
}
