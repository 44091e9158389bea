#include "alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "json.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/*
 * What is wrong is written down first, then told, then noted as told: each in a transaction of
 * its own, since the program must not run inside one.
 */

#define ALERT_TIMEOUT_MS 10000
#define ALERT_OUTPUT_MAX ((size_t)64 << 10)
#define ALERT_ERROR_MAX 512

static const char sql_one[] =
	"SELECT firing, severity, told_ms IS NOT NULL FROM alerts WHERE name = :name";
static const char sql_put[] =
	"INSERT INTO alerts (name, firing, severity, detail, since_ms) "
	"VALUES (:name, :firing, :severity, :detail, :now) ON CONFLICT (name) DO UPDATE SET "
	"firing = excluded.firing, severity = excluded.severity, detail = excluded.detail, "
	"since_ms = excluded.since_ms, told_ms = NULL";
static const char sql_drop[] = "DELETE FROM alerts WHERE name = :name";
/* scan: a row per component */
static const char sql_untold[] = "SELECT name, firing, severity, detail, since_ms FROM alerts "
				 "WHERE told_ms IS NULL ORDER BY name";
static const char sql_told[] = "UPDATE alerts SET told_ms = :now WHERE name = :name AND "
			       "since_ms = :since AND firing = :firing";

struct alert_row {
	char name[32], severity[16], detail[HEALTH_DETAIL_MAX];
	bool firing;
	int64_t since_ms;
};

/* ------------------------------------------------------------------ what changed */

static int alert_put(struct db *db, const struct health_component *c, bool firing,
		     const char *severity, int64_t now_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_put);

	sql_text(s, ":name", c->name);
	sql_int(s, ":firing", firing);
	sql_text(s, ":severity", severity);
	sql_text(s, ":detail", c->detail);
	sql_int(s, ":now", now_ms);
	return sql_exec(s, e);
}

/* Nobody heard of it, so nobody need hear that it is over. */
static int alert_forget(struct db *db, const char *name, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_drop);

	sql_text(s, ":name", name);
	return sql_exec(s, e);
}

static int alert_note(struct db *db, const struct health_component *c, int64_t now_ms,
		      struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_one);
	bool firing, told;
	char severity[16];
	int r;

	sql_text(s, ":name", c->name);
	r = sql_row(s, e);
	if (r < 0)
		return -1;
	firing = r == 1 && sql_col_int(s, 0) != 0;
	told = r == 1 && sql_col_int(s, 2) != 0;
	snprintf(severity, sizeof severity, "%s", r == 1 ? sql_col_text(s, 1) : "");
	sql_reset(s);
	if (c->level == HEALTH_OK && firing)
		return told ? alert_put(db, c, false, severity, now_ms, e)
			    : alert_forget(db, c->name, e);
	/* a problem that gets worse is news; one that gets better is still there */
	if ((c->level == HEALTH_WARNING && !firing) ||
	    (c->level == HEALTH_CRITICAL && (!firing || strcmp(severity, "critical") != 0)))
		return alert_put(db, c, true, health_name(c->level), now_ms, e);
	return 0;
}

static int alert_note_all(struct db *db, const struct health *h, int64_t now_ms, struct err *e)
{
	int r = 0;

	if (db_begin(db, e) != 0)
		return -1;
	for (size_t i = 0; i < h->n && r == 0; i++)
		r = alert_note(db, &h->items[i], now_ms, e);
	return db_end(db, r, e);
}

static int alert_untold(struct db *db, struct alert_row *rows, size_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_untold);
	int r = 0;

	for (*n = 0; *n < HEALTH_MAX && (r = sql_row(s, e)) == 1; (*n)++) {
		struct alert_row *a = &rows[*n];

		snprintf(a->name, sizeof a->name, "%s", sql_col_text(s, 0));
		a->firing = sql_col_int(s, 1) != 0;
		snprintf(a->severity, sizeof a->severity, "%s", sql_col_text(s, 2));
		snprintf(a->detail, sizeof a->detail, "%s", sql_col_text(s, 3));
		a->since_ms = sql_col_int(s, 4);
	}
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

static int alert_told(struct db *db, const struct alert_row *a, int64_t now_ms, struct err *e)
{
	struct sql_stmt *s;

	if (db_begin(db, e) != 0)
		return -1;
	s = db_get(db, sql_told);
	sql_int(s, ":now", now_ms);
	sql_text(s, ":name", a->name);
	sql_int(s, ":since", a->since_ms);
	sql_int(s, ":firing", a->firing);
	return db_end(db, sql_exec(s, e), e);
}

/* ------------------------------------------------------------------ telling */

static void alert_record(const struct db *db, const struct alert_row *a, struct buf *out)
{
	char since[TSTAMP_TEXT_MAX];
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.alert/1");
	json_write_string(&w, "event", a->firing ? "problem" : "recovery");
	json_write_string(&w, "component", a->name);
	json_write_string(&w, "severity", a->severity);
	json_write_string(&w, "detail", a->detail);
	json_write_string(&w, "since", tstamp_format(a->since_ms, since));
	json_write_string(&w, "database", db_path(db));
	json_write_close(&w);
	json_write_end(&w);
}

/* The words of a command line; only blanks separate, nothing quotes. The words lie in ${text}.
 */
static const char **alert_words(char *text)
{
	const char **words = mem_array(strlen(text) / 2 + 2, sizeof *words);
	char *save = NULL;
	size_t n = 0;

	for (char *p = strtok_r(text, " \t\n", &save); p != NULL;
	     p = strtok_r(NULL, " \t\n", &save))
		words[n++] = p;
	return words;
}

/* What the program may see of our environment. */
static char **alert_environment(void)
{
	static const char *const names[] = { "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ" };
	const size_t max = sizeof names / sizeof names[0];
	char **env = mem_array(max + 1, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; i < max; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL)
			env[n++] = mem_printf("%s=%s", names[i], value);
	}
	return env;
}

static int alert_outcome(const char *program, const struct child_result *r, struct err *e)
{
	switch (r->end) {
	case CHILD_EXITED:
		return r->status == 0 ? 0
				      : err_set(e, ERR_PARTIAL, "%s: ended with status %d",
						program, r->status);
	case CHILD_SIGNALED:
		return err_set(e, ERR_PARTIAL, "%s: was killed by signal %d", program,
			       r->signal);
	case CHILD_TIMEOUT:
		return err_set(e, ERR_PARTIAL, "%s: took longer than %d s", program,
			       ALERT_TIMEOUT_MS / 1000);
	case CHILD_OUTPUT:
		return err_set(e, ERR_PARTIAL, "%s: wrote too much", program);
	default:
		return err_set(e, ERR_PARTIAL, "%s: did not start: %s", program,
			       buf_str(&r->error));
	}
}

static int alert_tell(const struct db *db, const char *command, const struct alert_row *a,
		      struct err *e)
{
	char *text = mem_strdup(command);
	const char **words = alert_words(text);
	char **env = alert_environment();
	struct buf input = BUF_INIT;
	struct child_result result = { 0 };
	struct child_spec spec = { .argv = words,
				   .env = (const char *const *)env,
				   .output_max = ALERT_OUTPUT_MAX,
				   .error_max = ALERT_ERROR_MAX,
				   .timeout_ms = ALERT_TIMEOUT_MS };
	int r;

	alert_record(db, a, &input);
	spec.input = buf_str(&input);
	spec.input_len = input.len;
	r = child_run_one(&spec, &result, NULL, e);
	if (r == 0)
		r = alert_outcome(words[0], &result, e);
	child_result_release(&result);
	buf_release(&input);
	for (char **p = env; *p != NULL; p++)
		free(*p);
	free(env);
	free(words);
	free(text);
	return r;
}

static int alert_tell_all(struct db *db, const char *command, int64_t now_ms, int64_t *failed,
			  struct err *why, struct err *e)
{
	struct alert_row rows[HEALTH_MAX];
	size_t n;

	if (alert_untold(db, rows, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		*why = (struct err){ 0 };
		if (alert_tell(db, command, &rows[i], why) != 0)
			++*failed;
		else if (alert_told(db, &rows[i], now_ms, e) != 0)
			return -1;
	}
	return 0;
}

int alert_run(struct db *db, const struct health *h, int64_t now_ms, int64_t *failed,
	      struct err *why, struct err *e)
{
	const char *command;
	struct config c;
	int fd = -1, r = -1;

	*failed = 0;
	config_init(&c);
	if (config_load(db, &c, e) != 0 || config_environment(&c, e) != 0)
		goto out;
	command = config_text(&c, CONFIG_ALERT_COMMAND);
	r = 0;
	if (command[0] == '\0')
		goto out;
	/* two at once would both tell */
	fd = db_lock_file(db, ".alert", 0, e);
	r = fd < 0 ? -1 : alert_note_all(db, h, now_ms, e);
	if (r == 0)
		r = alert_tell_all(db, command, now_ms, failed, why, e);
out:
	if (fd >= 0)
		close(fd);
	config_release(&c);
	return r;
}
