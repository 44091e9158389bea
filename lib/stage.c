#include "stage.h"

#include "cli.h"
#include "tstamp.h"

#include "banned.h"

/* The window named by a stream on standard input, if there is one. */
static int stage_read(struct stage *s, const char *schema, wire_line_fn *each, void *ctx,
		      int64_t *window_ms, struct err *e)
{
	if (cli_read_stdin(&s->input, WIRE_STREAM_MAX, &s->has_input, e) != 0)
		return -1;
	if (!s->has_input)
		return 0;
	if (s->input.len == 0)
		return err_set(e, ERR_DATA,
			       "standard input: is empty; name a window with -w to do without");
	return wire_stream(s->input.data, s->input.len, schema, each, ctx, window_ms, e);
}

int stage_open(struct stage *s, const char *window, const char *schema, wire_line_fn *each,
	       void *ctx, bool dry, struct err *e)
{
	int64_t window_ms = -1;

	if (window == NULL && stage_read(s, schema, each, ctx, &window_ms, e) != 0)
		return -1;
	s->db = db_open(cli_common.database, e);
	if (s->db == NULL)
		return -1;
	if (dry)
		db_dry_run(s->db);
	if (window_ms < 0 &&
	    race_find_window(s->db, window != NULL ? window : "latest", &window_ms, e) != 0)
		return -1;
	return race_open(s->db, window_ms, &s->w, e);
}

int stage_end(struct stage *s, int r, int status, struct err *e)
{
	race_release(&s->w);
	db_close(s->db);
	if (r != 0)
		status = cli_fail(e);
	else if (cli_common.quiet == 0)
		cli_out(buf_str(&s->out), s->out.len);
	buf_release(&s->input);
	buf_release(&s->out);
	return cli_end(status);
}
