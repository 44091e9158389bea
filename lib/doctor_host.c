#include "doctor_part.h"

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* The machine around the race: the other tools, what starts them, and the environment. */

#define DOCTOR_LINE "*/5 * * * *"
#define DOCTOR_UNITS_MAX 64
#define DOCTOR_STRAY_MAX 32

/* ------------------------------------------------------------------ tools */

/* "tr-cycle 0.1.0 (trading-race)" */
static bool doctor_same_version(const struct child_result *r, const char *name)
{
	char *want = mem_printf("%s %s ", name, TR_VERSION);
	bool same = r->status == 0 && strncmp(buf_str(&r->out), want, strlen(want)) == 0;

	free(want);
	return same;
}

/* False after a finding. */
static bool doctor_tool(struct doctor *d, const char *name)
{
	struct child_result r = { 0 };
	struct err e = { 0 };
	char *path = child_sibling(name, &e);
	const char *argv[] = { path, "--version", NULL };
	bool good = path != NULL && access(path, X_OK) == 0;

	if (!good) {
		doctor_fix(d, "install all tools into one directory: make install");
		doctor_say(d, DOCTOR_FAIL, "tool", name, "%s",
			   path == NULL ? e.text : "cannot be run");
		goto out;
	}
	/* the one that speaks to the network is started for nothing else */
	if (strcmp(name, "tr-fetch") == 0 && !d->o->online)
		goto out;
	good = doctor_child(d, argv, &r) && doctor_same_version(&r, name);
	if (!good) {
		doctor_fix(d, "install all tools of one version: make install");
		doctor_say(d, DOCTOR_FAIL, "tool", name, "is not of version %s", TR_VERSION);
	}
out:
	child_result_release(&r);
	free(path);
	return good;
}

/* The program that a shell would start, resolved; NULL if there is none. The caller's. */
static char *doctor_which(const char *name)
{
	const char *at = getenv("PATH"), *end;
	char *found = NULL;

	for (; at != NULL && found == NULL; at = *end == ':' ? end + 1 : NULL) {
		char *path;

		end = strchrnul(at, ':');
		path = mem_printf("%.*s%s%s", (int)(end - at), at, end > at ? "/" : "./", name);
		if (access(path, X_OK) == 0)
			found = realpath(path, NULL);
		free(path);
	}
	return found;
}

static void doctor_path(struct doctor *d)
{
	struct err e = { 0 };
	char *own = child_sibling("tr-cycle", &e), *found = doctor_which("tr-cycle");
	char *dir = NULL, *q = NULL;

	if (own == NULL || (found != NULL && strcmp(own, found) == 0))
		goto out;
	dir = mem_strdup(own);
	q = doctor_quote(dirname(dir));
	doctor_fix(d, "PATH=%s:$PATH", q);
	if (found == NULL)
		doctor_say(d, DOCTOR_WARN, "path", "tr-cycle", "is not found in PATH");
	else
		doctor_say(d, DOCTOR_WARN, "path", "tr-cycle",
			   "PATH finds %s, not the one here", found);
out:
	free(q);
	free(dir);
	free(found);
	free(own);
}

static void doctor_tools(struct doctor *d)
{
	static const char *const names[] = { "tr-cycle",    "tr-ingest", "tr-trade",
					     "tr-snapshot", "tr-decide", "tr-fetch",
					     "tr-jail" };
	bool good = true;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		good = doctor_tool(d, names[i]) && good;
	if (good)
		doctor_say(d, DOCTOR_OK, "tool", "", "all of version %s, side by side",
			   TR_VERSION);
	doctor_path(d);
}

/* ------------------------------------------------------------------ settings */

/* The name after a prefix of an error's text. */
static void doctor_name_in(const char *text, const char *prefix, char out[80])
{
	const char *at = strstr(text, prefix);

	at = at != NULL ? at + strlen(prefix) : "";
	snprintf(out, 80, "%.*s", (int)strcspn(at, ": "), at);
}

/* config_environment stops at the first mistake: it is taken out, and the rest looked at. */
static void doctor_variables(struct doctor *d)
{
	bool good = true;

	for (int i = 0; i < DOCTOR_STRAY_MAX; i++) {
		struct err e = { 0 };
		char name[80];

		if (config_environment(&d->config, &e) == 0)
			break;
		good = false;
		doctor_name_in(e.text, "environment: ", name);
		doctor_fix(d, "unset %s", name);
		doctor_say(d, DOCTOR_FAIL, "environment", name, "%s", e.text);
		if (unsetenv(name) != 0)
			break;
	}
	if (good)
		doctor_say(d, DOCTOR_OK, "environment", "", "no setting in it is wrong");
}

static void doctor_settings(struct doctor *d)
{
	struct err e = { 0 };
	char name[80];

	if (config_load(d->db, &d->config, &e) == 0) {
		doctor_say(d, DOCTOR_OK, "settings", "", "all are known and in range");
		return;
	}
	doctor_name_in(e.text, "setting ", name);
	doctor_fix(d, "tr-config unset %s %s", d->race, name);
	doctor_say(d, DOCTOR_FAIL, "settings", name, "%s", e.text);
}

static void doctor_alert(struct doctor *d)
{
	const char *command = config_text(&d->config, CONFIG_ALERT_COMMAND);
	char *program = mem_strndup(command, strcspn(command, " \t\n"));
	struct err e = { 0 };

	if (command[0] == '\0') {
		doctor_say(d, DOCTOR_OK, "alert", "", "no alert.command is set");
	} else if (child_check_program(program, &e) != 0) {
		doctor_fix(d, "tr-config set %s alert.command '/PROGRAM ARGUMENTS'", d->race);
		doctor_say(d, DOCTOR_FAIL, "alert", program, "cannot be run: %s", e.text);
	} else {
		doctor_say(d, DOCTOR_OK, "alert", program, "can be run");
	}
	free(program);
}

/* ------------------------------------------------------------------ cron */

/* Whether a line that is no comment speaks of tr-cycle. */
static bool doctor_mentions(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *start = text + strspn(text, " \t");

		if (start < text + n && *start != '#' &&
		    memmem(start, n - (size_t)(start - text), "tr-cycle", 8) != NULL)
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

static bool doctor_crontab(const struct doctor *d, const char *program)
{
	const char *argv[] = { program, "-l", NULL };
	struct child_result r;
	bool found =
		doctor_child(d, argv, &r) && r.status == 0 && doctor_mentions(buf_str(&r.out));

	child_result_release(&r);
	return found;
}

/* The services that the timers of a manager start, as they are printed. */
static bool doctor_timers(const struct doctor *d, const char *program, const char *scope)
{
	const char *list[] = {
		program, scope, "list-timers", "--no-legend", "--no-pager", NULL
	};
	const char *cat[DOCTOR_UNITS_MAX + 6] = { program, scope, "cat", "--no-pager", "--" };
	struct child_result r, text;
	size_t n = 5;
	char *save = NULL;
	bool found = false;

	if (doctor_child(d, list, &r) && r.status == 0) {
		char *words = mem_strdup(buf_str(&r.out));

		for (char *p = strtok_r(words, " \t\n", &save);
		     p != NULL && n < DOCTOR_UNITS_MAX + 5;
		     p = strtok_r(NULL, " \t\n", &save)) {
			size_t len = strlen(p);

			if (len > 8 && strcmp(p + len - 8, ".service") == 0)
				cat[n++] = p;
		}
		if (n > 5) {
			found = doctor_child(d, cat, &text) &&
				doctor_mentions(buf_str(&text.out));
			child_result_release(&text);
		}
		free(words);
	}
	child_result_release(&r);
	return found;
}

/* Tables of the system that anybody may read. */
static bool doctor_system_tables(const struct doctor *d)
{
	static const char script[] = "cat /etc/crontab /etc/cron.d/* 2>/dev/null; exit 0";
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct child_result r;
	bool found = doctor_child(d, argv, &r) && doctor_mentions(buf_str(&r.out));

	child_result_release(&r);
	return found;
}

/* The line that starts this tool on this race, added to the table of the user. */
static void doctor_fix_cron(struct doctor *d)
{
	struct err e = { 0 };
	char *program = child_sibling("tr-cycle", &e), *path = realpath(d->o->path, NULL);
	char *p = doctor_quote(program != NULL ? program : "tr-cycle");
	char *q = doctor_quote(path != NULL ? path : d->o->path);

	doctor_fix(d, "(crontab -l; echo \"" DOCTOR_LINE " %s -d %s\") | crontab -", p, q);
	free(q);
	free(p);
	free(path);
	free(program);
}

static void doctor_cron(struct doctor *d)
{
	char *crontab = doctor_which("crontab"), *systemctl = doctor_which("systemctl");
	const char *by = NULL;

	if (crontab != NULL && doctor_crontab(d, crontab))
		by = "crontab";
	else if (systemctl != NULL && doctor_timers(d, systemctl, "--user"))
		by = "a timer of the user";
	else if (systemctl != NULL && doctor_timers(d, systemctl, "--system"))
		by = "a timer of the system";
	else if (doctor_system_tables(d))
		by = "a table of the system";
	if (by != NULL) {
		doctor_say(d, DOCTOR_OK, "cron", "tr-cycle", "started by %s", by);
	} else if (crontab == NULL && systemctl == NULL) {
		doctor_fix(d, "install cron or systemd, or start tr-cycle %s every 5 minutes",
			   d->race);
		doctor_say(d, DOCTOR_WARN, "cron", "tr-cycle",
			   "neither crontab nor systemctl is here to ask");
	} else {
		doctor_fix_cron(d);
		doctor_say(d, DOCTOR_WARN, "cron", "tr-cycle",
			   "nothing starts it by the clock");
	}
	free(crontab);
	free(systemctl);
}

void doctor_host(struct doctor *d)
{
	doctor_tools(d);
	if (d->db != NULL)
		doctor_settings(d);
	doctor_variables(d);
	doctor_alert(d);
	doctor_cron(d);
}
