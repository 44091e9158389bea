#include "roster.h"

#include <string.h>

#include "banned.h"

static const char sql_publish[] = "SELECT publish FROM agent_publish WHERE agent_id = :agent";
static const char sql_publish_set[] =
	"INSERT INTO agent_publish (agent_id, publish) VALUES (:agent, :publish) "
	"ON CONFLICT (agent_id) DO UPDATE SET publish = excluded.publish";
static const char sql_publish_unset[] = "DELETE FROM agent_publish WHERE agent_id = :agent";

static const char *const roster_publishes[] = { "all", "reasoning", "none" };

const char *roster_publish_name(enum roster_publish p)
{
	return roster_publishes[p];
}

int roster_publish_parse(const char *name, enum roster_publish *p, struct err *e)
{
	for (int i = ROSTER_PUBLISH_ALL; i <= ROSTER_PUBLISH_NONE; i++)
		if (strcmp(name, roster_publishes[i]) == 0) {
			*p = (enum roster_publish)i;
			return 0;
		}
	return err_set(e, ERR_USAGE, "--publish is all, reasoning or none, not %.40s", name);
}

int roster_publish(struct db *db, int64_t agent_id, enum roster_publish *p, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_publish);
	int r;

	sql_int(s, ":agent", agent_id);
	r = sql_row(s, e);
	*p = ROSTER_PUBLISH_REASONING;
	if (r == 1)
		r = roster_publish_parse(sql_col_text(s, 0), p, e);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int roster_set_publish(struct db *db, int64_t agent_id, enum roster_publish p, struct err *e)
{
	bool usual = p == ROSTER_PUBLISH_REASONING;
	struct sql_stmt *s = db_get(db, usual ? sql_publish_unset : sql_publish_set);

	sql_int(s, ":agent", agent_id);
	if (!usual)
		sql_text(s, ":publish", roster_publish_name(p));
	return sql_exec(s, e);
}
