#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "feedhttp.h"
#include "mem.h"
#include "remote.h"
#include "tstamp.h"

#include "banned.h"

/*
 * Feeds over the network: what each market lacks is asked for, all at once, in rounds as long
 * as some venue has a further page. Candles are asked for from the newest one stored on, so
 * that an outage is filled in, and a little before it, since venues correct what they said
 * last. A service with one request for the prices of many coins gets just that in every window,
 * and is asked for candles once in a while.
 *
 * The window stands in the fragment of every address, which is never sent: in a recording the
 * same question of another window is another question.
 */

#define FEED_ROUNDS_MAX 32		      /* 30 days of the smallest pages, and some more */
#define FEED_BACKFILL_MS (30 * TSTAMP_DAY_MS) /* longer gaps are filled in from files */
#define FEED_AGAIN_MS 3600000 /* candles as old as that may still be corrected */
#define FEED_RARE_MS 3600000  /* how often a service with quotes is asked for candles */
#define FEED_QUOTES_MAX 250   /* coins of one request */
#define FEED_QUOTES_BYTES 6000
#define FEED_BURST 5 /* calls of one venue that may start together */

static const char *const feed_outcomes[] = { "ok", "failed", "refused" };

/* One question: candles of one item, or the quotes of all items of a service. */
struct feed_job {
	struct feed_item *item;	  /* candles */
	struct provider provider; /* owned */
	struct remote_target target;
	char *name;
	struct feedhttp_want want;
	char *key_path;
	bool key_failed;
	struct err key_error;
	bool quotes;
	struct feed_item **items; /* quotes */
	const char **markets;
	size_t n_items, n_bytes;
	bool unrecorded; /* quotes: nobody asked for them when the recording was made */
	int64_t next_ms; /* of the next page, -1: none */
	int64_t page;	 /* from 1 */
	char error[300];
};

struct feed_round {
	struct db *db;
	const struct config *config;
	struct feed_job *jobs;
	size_t n;
	size_t *map; /* remote job -> feed job */
	const struct feed_remote_options *o;
};

const char *feed_outcome_name(enum feed_outcome o)
{
	return feed_outcomes[o];
}

/* ------------------------------------------------------------------ what is asked */

static int feed_job_open(struct feed_round *r, struct feed_job *j, struct feed_item *item,
			 struct err *e)
{
	*j = (struct feed_job){ .item = item, .next_ms = -1, .page = 1 };
	if (provider_load(r->db, item->q.feed->feed, &j->provider, e) != 0)
		return -1;
	j->target.provider = &j->provider;
	j->target.model = item->q.feed->arg;
	provider_service(&j->provider, "", j->target.service);
	provider_policy(&j->provider, r->config, &j->target.policy);
	j->key_failed = provider_key_path(&j->provider, &j->key_path, &j->key_error) != 0;
	j->name = feed_source(item->q.feed);
	return 0;
}

static void feed_job_close(struct feed_job *j)
{
	provider_release(&j->provider);
	free(j->name);
	free(j->key_path);
	free(j->items);
	free(j->markets);
}

/* The open time of the newest 5-minute candle stored of an item's series, or -1. */
static int feed_newest(const struct feed_item *item, int64_t *newest, struct err *e)
{
	struct market_series m = { .asset_id = item->q.asset_id,
				   .interval_s = TSTAMP_WINDOW_MS / 1000 };
	char *source = feed_source(item->q.feed);
	int r = roster_find_source(item->q.db, source, &m.source_id, e);

	free(source);
	*newest = -1;
	if (r == 0 && m.source_id != 0)
		r = market_newest(item->q.db, &m, item->q.window_ms, newest, e);
	return r;
}

/* From when on candles are asked for. */
static int64_t feed_from(const struct feed_item *item, int64_t newest)
{
	int64_t window_ms = item->q.window_ms, from_ms = newest - FEED_AGAIN_MS;
	int64_t shown = config_num(item->q.config, CONFIG_CONTEXT_CANDLES) * TSTAMP_WINDOW_MS;

	if (newest < 0)
		from_ms = window_ms - shown;
	if (from_ms < window_ms - FEED_BACKFILL_MS)
		from_ms = window_ms - FEED_BACKFILL_MS;
	return from_ms > 0 ? from_ms : 0;
}

/* What an item lacks; *${due} false: nothing that has to be asked now. */
static int feed_want(const struct feed_item *item, bool rare, struct feedhttp_want *want,
		     bool *due, struct err *e)
{
	int64_t window_ms = item->q.window_ms, newest;

	if (feed_newest(item, &newest, e) != 0)
		return -1;
	*want = (struct feedhttp_want){ .market = item->q.feed->arg,
					.quote = item->q.feed->quote,
					.from_ms = feed_from(item, newest),
					.until_ms = window_ms,
					.interval_s = TSTAMP_WINDOW_MS / 1000 };
	*due = want->from_ms + TSTAMP_WINDOW_MS <= window_ms &&
	       (!rare || newest < 0 || window_ms - newest > FEED_RARE_MS);
	return 0;
}

/* The quotes of an item, if they were asked for; else NULL. */
static const struct feed_job *feed_quotes_of(const struct feed_round *r,
					     const struct feed_item *item)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->jobs[i].n_items; k++)
			if (r->jobs[i].items[k] == item)
				return &r->jobs[i];
	return NULL;
}

static int feed_add_candles(struct feed_round *r, struct feed_item *item, struct err *e)
{
	const struct feed_job *quotes = feed_quotes_of(r, item);
	struct feed_job *j = &r->jobs[r->n];
	bool due;

	if (feed_job_open(r, j, item, e) != 0)
		return -1;
	/* without quotes the candles are all there is */
	if (feed_want(item, quotes != NULL && !quotes->unrecorded, &j->want, &due, e) != 0 ||
	    !due) {
		feed_job_close(j);
		return e->status != 0 ? -1 : 0;
	}
	r->n++;
	return 0;
}

/* A question for quotes of a service that has room for one more market. */
static struct feed_job *feed_find_quotes(struct feed_round *r, const struct roster_feed *feed)
{
	for (size_t i = 0; i < r->n; i++) {
		struct feed_job *j = &r->jobs[i];

		if (j->quotes && strcmp(j->item->q.feed->feed, feed->feed) == 0 &&
		    j->n_items < FEED_QUOTES_MAX &&
		    j->n_bytes + strlen(feed->arg) < FEED_QUOTES_BYTES)
			return j;
	}
	return NULL;
}

/* The items of a service with quotes share a question. */
static int feed_add_quote(struct feed_round *r, struct feed_item *item, struct err *e)
{
	struct feed_job *j = feed_find_quotes(r, item->q.feed);

	if (j == NULL) {
		j = &r->jobs[r->n];
		if (feed_job_open(r, j, item, e) != 0)
			return -1;
		free(j->name);
		j->name = mem_printf("%s:prices %zu", item->q.feed->feed, r->n);
		j->target.model = "prices";
		j->quotes = true;
		r->n++;
	}
	j->items = mem_resize(j->items, j->n_items + 1, sizeof(struct feed_item *));
	j->markets = mem_resize(j->markets, j->n_items + 1, sizeof(const char *));
	j->items[j->n_items] = item;
	j->markets[j->n_items++] = item->q.feed->arg;
	j->n_bytes += strlen(item->q.feed->arg) + 1;
	return 0;
}

static int feed_collect_quotes(struct feed_round *r, struct feed_item *items, size_t n,
			       struct err *e)
{
	enum provider_kind kind;

	for (size_t i = 0; i < n && r->o->quotes; i++) {
		if (provider_kind_find(items[i].q.feed->feed, &kind, e) != 0)
			return -1;
		if (feedhttp_has_quotes(kind) && feed_add_quote(r, &items[i], e) != 0)
			return -1;
	}
	return 0;
}

/* The first feeds of all assets, then the second ones: where a limit does not let all be asked,
 * those that matter most are. */
static int feed_collect_candles(struct feed_round *r, struct feed_item *items, size_t n,
				struct err *e)
{
	int64_t last = 0;

	for (size_t i = 0; i < n; i++)
		if (items[i].priority > last)
			last = items[i].priority;
	for (int64_t p = 0; p <= last; p++)
		for (size_t i = 0; i < n; i++)
			if (items[i].priority == p && feed_add_candles(r, &items[i], e) != 0)
				return -1;
	return 0;
}

/* ------------------------------------------------------------------ one round */

static int feed_build(void *ctx, size_t job, size_t target, struct fetch_request *out,
		      struct err *e)
{
	struct feed_round *r = ctx;
	struct feed_job *j = &r->jobs[r->map[job]];
	int64_t attempt_ms = j->target.policy.attempt_ms;
	char id[TSTAMP_WINDOW_ID_MAX], *url;
	int rc;

	(void)target;
	if (j->key_failed) {
		*e = j->key_error;
		return -1;
	}
	if (j->quotes)
		rc = feedhttp_quotes(&j->provider, j->key_path, j->markets, j->n_items,
				     j->item->q.feed->quote, attempt_ms, out, e);
	else
		rc = feedhttp_candles(&j->provider, j->key_path, &j->want, attempt_ms, out, e);
	if (rc != 0)
		return -1;
	url = mem_printf("%s#%s", out->url, tstamp_window_id(j->item->q.window_ms, id));
	free(out->url);
	out->url = url;
	return 0;
}

/* Append the candles of a page. */
static void feed_take_candles(struct feed_item *item, struct feedhttp_reply *reply)
{
	struct feed_candles *c = &item->candles;

	if (reply->n == 0 || (c->n > 0 && c->interval_s != reply->interval_s))
		return;
	if (c->source == NULL)
		c->source = feed_source(item->q.feed);
	c->interval_s = reply->interval_s;
	c->candles = mem_resize(c->candles, c->n + reply->n, sizeof *c->candles);
	for (size_t i = 0; i < reply->n; i++)
		if (c->n == 0 || reply->candles[i].open_ms > c->candles[c->n - 1].open_ms)
			c->candles[c->n++] = reply->candles[i];
}

static void feed_take_quotes(struct feed_job *j, const struct feedhttp_quote *quotes,
			     size_t got)
{
	for (size_t i = 0; i < j->n_items; i++) {
		struct feed_item *item = j->items[i];
		bool found = false;

		for (size_t k = 0; k < got && !found; k++) {
			if (strcmp(quotes[k].market, j->markets[i]) != 0)
				continue;
			found = true;
			if (item->candles.source == NULL)
				item->candles.source = feed_source(item->q.feed);
			item->candles.has_quote = true;
			item->candles.quote = quotes[k].price;
			item->candles.quote_ms = quotes[k].at_ms;
		}
		if (!found) {
			item->outcome = FEED_FAILED;
			snprintf(item->detail, sizeof item->detail, "%s knows no %s",
				 j->provider.name, j->markets[i]);
		}
	}
}

/* The time of an answer by its own word, else that of the window; not beyond the window.
 * Another clock would say another thing when a recording is played. */
static int64_t feed_answer_ms(const struct feed_job *j, const struct fetch_answer *a)
{
	int64_t window_ms = j->item->q.window_ms, at_ms = window_ms;
	const char *date = fetch_header(a, "date");

	if (date != NULL && !backoff_http_date(date, &at_ms))
		at_ms = window_ms;
	return at_ms < window_ms + TSTAMP_WINDOW_MS ? at_ms : window_ms + TSTAMP_WINDOW_MS - 1;
}

static void feed_parse_reply(void *ctx, size_t job, size_t target, const struct fetch_answer *a,
			     struct remote_outcome *out)
{
	struct feed_round *r = ctx;
	struct feed_job *j = &r->jobs[r->map[job]];
	struct feedhttp_quote *quotes = mem_array(j->n_items, sizeof *quotes);
	struct feedhttp_reply reply = { 0 };
	size_t got = 0;

	(void)target;
	if (j->quotes)
		feedhttp_parse_quotes(&j->provider, j->markets, j->n_items,
				      j->item->q.feed->quote, a, feed_answer_ms(j, a), quotes,
				      &got, &reply);
	else
		feedhttp_parse_candles(&j->provider, &j->want, a, tstamp_wall_ms(), &reply);
	j->unrecorded = j->quotes && a->class == FETCH_UNRECORDED;
	snprintf(j->error, sizeof j->error, "%.299s", reply.error != NULL ? reply.error : "");
	out->class = reply.class;
	out->wait_ms = reply.wait_ms;
	out->error = reply.error != NULL ? j->error : NULL;
	j->next_ms = -1;
	if (reply.class == MODEL_OK && j->quotes) {
		feed_take_quotes(j, quotes, got);
	} else if (reply.class == MODEL_OK) {
		feed_take_candles(j->item, &reply);
		/* a page that leads nowhere is the last */
		if (reply.next_ms > j->want.from_ms)
			j->next_ms = reply.next_ms;
	}
	feedhttp_release(&reply);
	free(quotes);
}

static void feed_fail(struct feed_item *item, const struct remote_job *job)
{
	if (item->outcome != FEED_OK)
		return;
	item->outcome = job->end == REMOTE_REFUSED || job->end == REMOTE_BUDGET ? FEED_REFUSED
										: FEED_FAILED;
	snprintf(item->detail, sizeof item->detail, "%s", job->error);
}

static void feed_note_ends(struct feed_round *r, const struct remote_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct feed_job *j = &r->jobs[r->map[i]];

		if (jobs[i].end == REMOTE_ANSWERED || j->unrecorded)
			continue;
		j->next_ms = -1;
		if (!j->quotes)
			feed_fail(j->item, &jobs[i]);
		for (size_t k = 0; k < j->n_items; k++)
			feed_fail(j->items[k], &jobs[i]);
	}
}

/* A further page is a question of its own. */
static void feed_turn_page(struct feed_job *j)
{
	char *name = feed_source(j->item->q.feed);

	free(j->name);
	j->name = mem_printf("%s page %lld", name, (long long)++j->page);
	free(name);
	j->want.from_ms = j->next_ms;
}

/* When the n-th job of a round may start: a venue that allows so many calls in a minute may not
 * like them all at once (Kraken: one a second). */
static int64_t feed_pace(const struct feed_round *r, size_t n, int64_t now)
{
	const struct provider *p = &r->jobs[r->map[n]].provider;
	int64_t before = 0;

	if (p->per_minute == 0 || r->o->play != NULL)
		return now;
	for (size_t i = 0; i < n; i++)
		before += strcmp(r->jobs[r->map[i]].provider.name, p->name) == 0;
	if (before < FEED_BURST)
		return now;
	return now + (before - FEED_BURST + 1) * (60000 / p->per_minute);
}

/* Ask what is due in this round: the jobs from ${from} on, or further pages of all. */
static int feed_ask(struct feed_round *r, size_t from, bool pages, bool *more, struct err *e)
{
	static const struct remote_ops ops = { feed_build, feed_parse_reply, NULL };
	struct remote_job *jobs = mem_array(r->n, sizeof *jobs);
	struct remote_options o = { .deadline_ms = r->o->deadline_ms,
				    .record = r->o->record,
				    .play = r->o->play,
				    .stop = r->o->stop,
				    .hasty = true,
				    .plain = true };
	int64_t now = tstamp_boot_ms();
	size_t n = 0;
	int rc;

	for (size_t i = from; i < r->n; i++) {
		struct feed_job *j = &r->jobs[i];

		if (pages && j->next_ms < 0)
			continue;
		if (pages)
			feed_turn_page(j);
		r->map[n] = i;
		jobs[n] = (struct remote_job){ .purpose = CALLS_INGEST,
					       .window_ms = j->item->q.window_ms,
					       .name = j->name,
					       .targets = &j->target,
					       .n_targets = 1,
					       .cap = -1,
					       .not_before_ms = feed_pace(r, n, now) };
		n++;
	}
	rc = remote_run(r->db, r->config, jobs, n, &ops, r, &o, e);
	if (rc == 0)
		feed_note_ends(r, jobs, n);
	*more = false;
	for (size_t i = 0; i < r->n; i++)
		*more = *more || r->jobs[i].next_ms >= 0;
	free(jobs);
	return rc;
}

int feed_remote(struct db *db, const struct config *c, struct feed_item *items, size_t n,
		const struct feed_remote_options *o, struct err *e)
{
	struct feed_round r = { .db = db, .config = c, .o = o };
	bool more = true;
	size_t from = 0;
	int rc;

	r.jobs = mem_array(2 * n, sizeof *r.jobs);
	r.map = mem_array(2 * n, sizeof *r.map);
	rc = feed_collect_quotes(&r, items, n, e);
	/* a recording says only when it is asked whether there were quotes */
	if (rc == 0 && o->play != NULL && r.n > 0) {
		rc = feed_ask(&r, 0, false, &more, e);
		from = r.n;
		more = true;
	}
	if (rc == 0)
		rc = feed_collect_candles(&r, items, n, e);
	for (int round = 0; rc == 0 && more && round < FEED_ROUNDS_MAX; round++)
		rc = feed_ask(&r, from, round > 0, &more, e);
	for (size_t i = 0; i < r.n; i++)
		feed_job_close(&r.jobs[i]);
	free(r.jobs);
	free(r.map);
	return rc;
}
