#include "race_answer.h"

#include "deflate.h"

#include "banned.h"

static const char sql_blob_add[] = "INSERT INTO blobs (hash, size, data) VALUES (:hash, :size, "
				   ":data) ON CONFLICT DO NOTHING";
static const char sql_blob_known[] = "SELECT 1 FROM blobs WHERE hash = :hash";
static const char sql_answer_add[] =
	"INSERT INTO answers (agent_id, window_ms, provider, model, substitute, returned, system, "
	"head, tail, prompt, input, cached, output, reasoning, cost) VALUES (:agent, :window, "
	":provider, :model, :substitute, :returned, :system, :head, :tail, :prompt, :input, "
	":cached, :output, :reasoning, :cost)";

int race_blob_add(struct db *db, const void *data, size_t len, const struct digest *hash,
		  struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_blob_known);
	struct buf packed = BUF_INIT;
	int r;

	/* compressing is dear, and most texts of a window are shared by all agents */
	sql_blob(s, ":hash", hash->bytes, sizeof hash->bytes);
	r = sql_row(s, e);
	sql_reset(s);
	if (r != 0)
		return r < 0 ? -1 : 0;
	deflate_pack(data, len, &packed);
	s = db_get(db, sql_blob_add);
	sql_blob(s, ":hash", hash->bytes, sizeof hash->bytes);
	sql_int(s, ":size", (int64_t)len);
	sql_blob(s, ":data", packed.data, packed.len);
	r = sql_exec(s, e);
	buf_release(&packed);
	return r;
}

int race_answer_add(struct db *db, const struct race_answer *a, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_answer_add);

	sql_int(s, ":agent", a->agent_id);
	sql_int(s, ":window", a->window_ms);
	sql_text(s, ":provider", a->provider);
	sql_text(s, ":model", a->model);
	sql_int(s, ":substitute", a->substitute);
	sql_text(s, ":returned", a->returned);
	if (a->has_parts) {
		sql_blob(s, ":system", a->system.bytes, sizeof a->system.bytes);
		sql_blob(s, ":head", a->head.bytes, sizeof a->head.bytes);
		sql_blob(s, ":tail", a->tail.bytes, sizeof a->tail.bytes);
	}
	sql_blob(s, ":prompt", a->prompt.bytes, sizeof a->prompt.bytes);
	if (a->has_usage) {
		sql_int(s, ":input", a->input);
		sql_int(s, ":cached", a->cached);
		sql_int(s, ":output", a->output);
		sql_int(s, ":reasoning", a->reasoning);
	}
	sql_int(s, ":cost", a->cost);
	return sql_exec(s, e);
}
