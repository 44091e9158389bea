#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "report_part.h"
#include "tstamp.h"

#include "banned.h"

static const char style[] = {
#include "report.css.inc"
	0
};
static const char script[] = {
#include "report.js.inc"
	0
};

/* From so many whole days on, days are looked at, before them hours. */
#define DAILY_FROM 14
#define HUES 8

/* ------------------------------------------------------------------ loading */

static void make_lines(struct report_row *r)
{
	const struct race_standing *s = r->s;
	double start = (double)s->start.u, peak = start;

	r->change = mem_array(s->n_curve, sizeof *r->change);
	r->depth = mem_array(s->n_curve, sizeof *r->depth);
	for (size_t i = 0; i < s->n_curve; i++) {
		double v = (double)s->curve[i];

		peak = v > peak ? v : peak;
		r->change[i] = start > 0 ? v / start - 1 : 0;
		r->depth[i] = peak > 0 ? v / peak - 1 : 0;
	}
}

/* The best of those who compete get the colours in turn; yardsticks are grey and dashed. */
static void choose_inks(struct report_page *p)
{
	size_t agents = 0, baselines = 0;

	for (size_t i = 0; i < p->board.n; i++) {
		struct buf b = BUF_INIT;
		size_t k = p->board.rows[i].agent.baseline ? baselines++ : agents++;

		if (p->board.rows[i].agent.baseline)
			buf_addf(&b, "b d%zu", k % 4);
		else
			buf_addf(&b, "c%zu d%zu", k % HUES, k / HUES % 4);
		memcpy(p->rows[i].ink.classes, buf_str(&b), b.len + 1);
		buf_release(&b);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The scales of all agents are the same, and reach as far as all changes but the wildest. */
static void find_day_limit(struct report_page *p)
{
	double *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->board.n; i++) {
		struct report_changes c;

		report_changes(p, &p->rows[i], &c);
		all = mem_resize(all, n + c.n + 1, sizeof *all);
		for (size_t k = 0; k < c.n; k++)
			if (c.change[k] != 0)
				all[n++] = fabs(c.change[k]);
		report_release_changes(&c);
	}
	p->day_limit = 0.01;
	if (n > 0) {
		double first, step, limit;

		qsort(all, n, sizeof *all, compare_doubles);
		limit = all[(n - 1) * 97 / 100];
		report_ticks(0, limit, 4, &first, &step);
		p->day_limit = ceil(limit / step - 1e-9) * step;
	}
	free(all);
}

static void prepare(struct report_page *p)
{
	size_t most = 0;

	p->from_ms = p->board.first_ms;
	p->until_ms = p->board.last_ms;
	for (size_t i = 0; i < p->board.n; i++) {
		p->rows[i].s = &p->board.rows[i];
		race_board_days(&p->board, i, &p->rows[i].days);
		most = p->rows[i].days.n > most ? p->rows[i].days.n : most;
		make_lines(&p->rows[i]);
	}
	p->daily = most >= DAILY_FROM;
	choose_inks(p);
	find_day_limit(p);
}

static int load_settings(struct db *db, struct report_page *p, struct err *e)
{
	if (p->board.last_ms >= 0)
		return race_open_read(db, p->board.last_ms, &p->last, e);
	config_init(&p->last.config);
	return config_load(db, &p->last.config, e);
}

static int load(struct db *db, struct report_page *p, report_progress_fn *progress, void *ctx,
		struct err *e)
{
	if (race_board_query(db, p->q, &p->board, e) != 0 || load_settings(db, p, e) != 0 ||
	    report_load_sealed(db, p, e) != 0 || report_load_rates(db, p, e) != 0)
		return -1;
	p->rows = mem_array(p->board.n, sizeof *p->rows);
	prepare(p);
	for (size_t i = 0; i < p->board.n; i++) {
		if (progress != NULL)
			progress(ctx, i + 1, p->board.n + 2);
		if (report_load_card(db, p, &p->board.rows[i], &p->rows[i].card, e) != 0)
			return -1;
	}
	return 0;
}

static void release(struct report_page *p)
{
	for (size_t i = 0; p->rows != NULL && i < p->board.n; i++) {
		report_release_card(&p->rows[i].card);
		free(p->rows[i].days.returns);
		free(p->rows[i].change);
		free(p->rows[i].depth);
	}
	free(p->rows);
	race_release(&p->last);
	race_board_release(&p->board);
}

/* ------------------------------------------------------------------ the page */

static void add_policy(struct buf *out)
{
	buf_adds(out, "<meta http-equiv=\"Content-Security-Policy\" content=\""
		      "default-src 'none'; base-uri 'none'; form-action 'none'; "
		      "img-src data:; style-src '");
	report_policy_hash(out, style, sizeof style - 1);
	buf_adds(out, "'; script-src '");
	report_policy_hash(out, script, sizeof script - 1);
	buf_adds(out, "'\">\n");
}

static void draw(const struct report_page *p, struct buf *out)
{
	/* a browser hashes an inline script or style from its tag to its end tag */
	buf_adds(out,
		 "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	add_policy(out);
	buf_adds(out,
		 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		 "<meta name=\"color-scheme\" content=\"light dark\">\n"
		 "<meta name=\"referrer\" content=\"no-referrer\">\n"
		 "<meta name=\"generator\" content=\"trading-race " TR_VERSION "\">\n"
		 "<link rel=\"icon\" href=\"data:,\">\n<style>");
	buf_add(out, style, sizeof style - 1);
	buf_adds(out, "</style>\n");
	report_head(p, out);
	buf_adds(out, "<main>\n");
	report_standings(p, out);
	report_curves(p, out);
	report_luck(p, out);
	report_drawdowns(p, out);
	report_cards(p, out);
	report_method(p, out);
	buf_adds(out, "</main>\n<script>");
	buf_add(out, script, sizeof script - 1);
	buf_adds(out, "</script>\n</body>\n</html>\n");
}

int report_make(struct db *db, const struct race_board_query *q, report_progress_fn *progress,
		void *ctx, struct buf *out, struct err *e)
{
	struct race_board_query judged = *q;
	struct report_page p = { .q = &judged };
	int r;

	judged.stats = true;
	judged.versions = false;
	if (progress != NULL)
		progress(ctx, 0, 1);
	r = db_read_begin(db, e);
	if (r == 0) {
		r = load(db, &p, progress, ctx, e);
		db_read_end(db);
	}
	if (r == 0) {
		if (progress != NULL)
			progress(ctx, p.board.n + 1, p.board.n + 2);
		draw(&p, out);
		if (buf_overflowed(out))
			r = err_set(e, ERR_DATA, "report: the page is too long");
	}
	release(&p);
	return r;
}
