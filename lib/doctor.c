#include "doctor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_part.h"
#include "json.h"
#include "mem.h"
#include "wire.h"

#include "banned.h"

#define DOCTOR_OUTPUT_MAX ((size_t)1 << 20)
#define DOCTOR_ERROR_MAX 512
#define DOCTOR_PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"

static const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = { "ok", "warn", "fail" };

	return names[level];
}

/* Names and reasons are foreign text: a new line would begin another finding. */
static void doctor_clean(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	for (char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
}

void doctor_fix(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->f.fix, sizeof d->f.fix, fmt, ap);
	va_end(ap);
}

void doctor_say(struct doctor *d, enum doctor_level level, const char *check,
		const char *subject, const char *fmt, ...)
{
	va_list ap;

	d->f.level = level;
	d->f.check = check;
	snprintf(d->f.subject, sizeof d->f.subject, "%s", subject);
	va_start(ap, fmt);
	vsnprintf(d->f.detail, sizeof d->f.detail, fmt, ap);
	va_end(ap);
	doctor_clean(d->f.subject);
	doctor_clean(d->f.detail);
	doctor_clean(d->f.fix);
	d->said++;
	d->failed += level == DOCTOR_FAIL;
	d->each(d->ctx, &d->f);
	d->f = (struct doctor_finding){ 0 };
}

void doctor_blind(struct doctor *d, const char *check, const char *subject, const struct err *e)
{
	doctor_say(d, e->status == ERR_TEMP ? DOCTOR_WARN : DOCTOR_FAIL, check, subject,
		   "cannot be looked at: %s", e->text);
}

char *doctor_quote(const char *text)
{
	struct buf b = BUF_INIT;

	if (text[0] != '\0' && text[0] != '-' && strspn(text, DOCTOR_PLAIN) == strlen(text))
		return mem_strdup(text);
	/* "./-x" is no option */
	buf_adds(&b, text[0] == '-' ? "./'" : "'");
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			buf_adds(&b, "'\\''");
		else
			buf_addc(&b, *p);
	buf_addc(&b, '\'');
	return buf_take(&b);
}

/* What a program may see of our environment. */
static void doctor_environment(char **env, size_t max)
{
	static const char *const names[] = { "PATH",
					     "HOME",
					     "USER",
					     "LOGNAME",
					     "TMPDIR",
					     "XDG_RUNTIME_DIR",
					     "DBUS_SESSION_BUS_ADDRESS" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && n + 2 < max; i++)
		if (getenv(names[i]) != NULL)
			env[n++] = mem_printf("%s=%s", names[i], getenv(names[i]));
	env[n++] = mem_strdup("LC_ALL=C");
	env[n] = NULL;
}

bool doctor_child(const struct doctor *d, const char *const *argv, struct child_result *r)
{
	char *env[12];
	struct child_spec spec = { .argv = argv,
				   .env = (const char *const *)env,
				   .output_max = DOCTOR_OUTPUT_MAX,
				   .error_max = DOCTOR_ERROR_MAX,
				   .timeout_ms = d->o->limit_ms };
	struct err why = { 0 };
	int rc;

	doctor_environment(env, sizeof env / sizeof env[0]);
	*r = (struct child_result){ 0 };
	rc = child_run_one(&spec, r, NULL, &why);
	for (char **p = env; *p != NULL; p++)
		free(*p);
	return rc == 0 && r->end == CHILD_EXITED;
}

void doctor_record(const struct doctor_finding *f, struct buf *out)
{
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.finding/1");
	json_write_string(&w, "level", doctor_level_name(f->level));
	json_write_string(&w, "check", f->check);
	json_write_string(&w, "subject", f->subject);
	json_write_string(&w, "detail", f->detail);
	json_write_string(&w, "fix", f->fix[0] != '\0' ? f->fix : NULL);
	json_write_close(&w);
	json_write_end(&w);
}

void doctor_record_end(size_t count, struct buf *out)
{
	struct json_writer w;

	json_write_init(&w, out);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", WIRE_END);
	json_write_int(&w, "count", (int64_t)count);
	json_write_close(&w);
	json_write_end(&w);
}

size_t doctor_run(const struct doctor_options *o, doctor_fn *each, void *ctx)
{
	struct doctor d = { .o = o, .each = each, .ctx = ctx };

	d.file = doctor_quote(o->path);
	d.race = mem_printf("-d %s", d.file);
	config_init(&d.config);
	doctor_files(&d);
	if (d.db != NULL)
		doctor_race(&d);
	doctor_host(&d);
	if (d.db != NULL) {
		doctor_roster(&d);
		doctor_services(&d);
	}
	if (o->online)
		doctor_online(&d);
	for (size_t i = 0; i < d.n_services; i++) {
		provider_release(&d.services[i].provider);
		free(d.services[i].user);
		free(d.services[i].key_path);
	}
	free(d.services);
	config_release(&d.config);
	db_close(d.db);
	free(d.race);
	free(d.file);
	return d.failed;
}
