#include "remote_turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

static const char *const remote_ends[] = { "answered", "failed", "timeout", "refused",
					   "budget" };

#define REMOTE_ENDS (sizeof remote_ends / sizeof remote_ends[0])

static const char remote_turn_head[] = "{\"schema\":\"" REMOTE_TURN "\"";

/* The bytes in hexadecimal: they need not be text. */
static void remote_turn_body(struct json_writer *w, const struct remote_job *j)
{
	static const char digits[] = "0123456789abcdef";
	struct buf hex = BUF_INIT;

	if (j->body == NULL)
		return;
	for (size_t i = 0; i < j->body_len; i++) {
		buf_addc(&hex, digits[(unsigned char)j->body[i] >> 4]);
		buf_addc(&hex, digits[(unsigned char)j->body[i] & 15]);
	}
	json_write_string(w, "body", buf_str(&hex));
	buf_release(&hex);
}

int remote_turn_record(const char *path, const struct remote_job *j, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	struct buf line = BUF_INIT;
	struct json_writer w;
	ssize_t n = -1;
	int fd;

	json_write_init(&w, &line);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", REMOTE_TURN);
	json_write_string(&w, "name", j->name);
	json_write_string(&w, "window",
			  j->window_ms >= 0 ? tstamp_window_id(j->window_ms, id) : NULL);
	json_write_string(&w, "end", remote_ends[j->end]);
	json_write_string(&w, "error", j->error);
	remote_turn_body(&w, j);
	json_write_close(&w);
	json_write_end(&w);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		n = write(fd, line.data, line.len);
	if (n < 0 || (size_t)n != line.len)
		err_sys(e, ERR_IO, "recording %s", path);
	if (fd >= 0)
		close(fd);
	n = n >= 0 && (size_t)n == line.len ? 0 : -1;
	buf_release(&line);
	return (int)n;
}

static int remote_turn_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void remote_turn_unhex(const char *hex, struct remote_job *j)
{
	size_t n = hex != NULL ? strlen(hex) / 2 : 0;

	free(j->body);
	j->body = hex != NULL ? mem_resize(NULL, n + 1, 1) : NULL;
	j->body_len = 0;
	for (size_t i = 0; i < n; i++) {
		int high = remote_turn_digit(hex[2 * i]),
		    low = remote_turn_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			break;
		j->body[j->body_len++] = (char)(high << 4 | low);
	}
	if (j->body != NULL)
		j->body[j->body_len] = '\0';
}

static void remote_turn_take(const struct json *line, struct remote_job *jobs, size_t n)
{
	const char *name = json_text(json_get(line, "name"));
	const char *window = json_text(json_get(line, "window"));
	const char *end = json_text(json_get(line, "end"));
	const char *error = json_text(json_get(line, "error"));
	char id[TSTAMP_WINDOW_ID_MAX];

	if (name == NULL || window == NULL || end == NULL || error == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		struct remote_job *j = &jobs[i];

		if (strcmp(j->name, name) != 0 || j->window_ms < 0 ||
		    strcmp(tstamp_window_id(j->window_ms, id), window) != 0)
			continue;
		for (size_t k = 0; k < REMOTE_ENDS; k++)
			if (strcmp(remote_ends[k], end) == 0)
				j->end = (enum remote_end)k;
		snprintf(j->error, sizeof j->error, "%s", error);
		remote_turn_unhex(json_text(json_get(line, "body")), j);
	}
}

int remote_turn_play(const char *path, struct remote_job *jobs, size_t n, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	if (f == NULL)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "recording %s",
			       path);
	while (r == 0 && (len = getline(&line, &cap, f)) > 0) {
		struct json *v;

		if (strncmp(line, remote_turn_head, sizeof remote_turn_head - 1) != 0)
			continue;
		v = json_parse(line, (size_t)len, e);
		if (v == NULL)
			r = err_prefix(e, "recording %s", path);
		else
			remote_turn_take(v, jobs, n);
		json_free(v);
	}
	if (r == 0 && ferror(f))
		r = err_sys(e, ERR_IO, "recording %s", path);
	free(line);
	fclose(f);
	return r;
}
