#include "guard.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "json.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define MINUTE_MS INT64_C(60000)
#define GRACE_MS 2000	   /* after a time-out, until what came of it is stored */
#define BUSY_WAIT_MS 250   /* nobody knows when a call in flight will end */
#define AHEAD_MS MINUTE_MS /* rows further in the future are of a clock that was put back */

/* The ${n}-th newest start in a span of time: if there is one, n were made in it. */
static const char sql_nth[] =
	"SELECT at_ms FROM call_starts WHERE provider = :provider AND at_ms > :after "
	"AND at_ms <= :until ORDER BY at_ms DESC LIMIT 1 OFFSET :skip";
static const char sql_in_flight[] =
	"SELECT count(*) FROM call_starts AS s WHERE s.provider = :provider "
	"AND s.at_ms > :after AND s.at_ms <= :until "
	"AND NOT EXISTS (SELECT 1 FROM call_results AS r WHERE r.id = s.id)";

/* ------------------------------------------------------------------ policy */

static int64_t seconds(const struct config *c, enum config_key key)
{
	return config_num(c, key) * 1000;
}

static void model_policy(const struct config *c, struct guard_policy *p)
{
	p->circuit.failures = config_num(c, CONFIG_LLM_FAILURES);
	p->circuit.break_ms = seconds(c, CONFIG_LLM_BREAK_S);
	p->retries = config_num(c, CONFIG_LLM_RETRIES);
	p->attempt_ms = seconds(c, CONFIG_LLM_TIMEOUT_S);
}

static void data_policy(const struct config *c, struct guard_policy *p)
{
	p->circuit.failures = config_num(c, CONFIG_DATA_FAILURES);
	p->circuit.break_ms = seconds(c, CONFIG_DATA_BREAK_S);
	p->retries = config_num(c, CONFIG_DATA_RETRIES);
	p->attempt_ms = seconds(c, CONFIG_DATA_TIMEOUT_S);
}

void guard_policy(const struct config *c, enum guard_kind kind, struct guard_policy *p)
{
	*p = (struct guard_policy){
		.breaker = config_bool(c, CONFIG_FEATURE_BREAKERS),
		.retry = config_bool(c, CONFIG_FEATURE_RETRIES),
		.base_ms = config_num(c, CONFIG_GUARD_RETRY_BASE_MS),
		.cap_ms = config_num(c, CONFIG_GUARD_RETRY_CAP_MS),
		.wait_max_ms = seconds(c, CONFIG_GUARD_WAIT_MAX_S),
	};
	p->circuit.min_samples = config_num(c, CONFIG_GUARD_MIN_SAMPLES);
	p->circuit.ratio_pct = config_num(c, CONFIG_GUARD_RATIO_PCT);
	p->circuit.sampling_ms = seconds(c, CONFIG_GUARD_SAMPLING_S);
	if (kind == GUARD_LLM || kind == GUARD_ML)
		model_policy(c, p);
	else
		data_policy(c, p);
	if (kind == GUARD_ML)
		p->attempt_ms = seconds(c, CONFIG_ML_TIMEOUT_S);
	/* a first break longer than the longest one is meant */
	p->circuit.break_max_ms = seconds(c, CONFIG_GUARD_BREAK_MAX_S);
	if (p->circuit.break_max_ms < p->circuit.break_ms)
		p->circuit.break_max_ms = p->circuit.break_ms;
	p->circuit.probe_ms = p->attempt_ms + GRACE_MS;
}

/* ------------------------------------------------------------------ limits */

/* The first millisecond of the UTC month of ${wall_ms}, or of the next one. */
static int64_t month_start(int64_t wall_ms, bool next)
{
	char text[TSTAMP_TEXT_MAX], first[TSTAMP_TEXT_MAX];
	struct err e = { 0 };
	int64_t ms = wall_ms;

	tstamp_format(wall_ms, text);
	snprintf(first, sizeof first, "%.7s-01", text);
	/* the 1st and 31 days are in the next month, whatever the length of this one */
	if (tstamp_parse(first, &ms, &e) != 0 || !next)
		return ms;
	return month_start(ms + 31 * TSTAMP_DAY_MS, false);
}

/* Whether ${n} or more were started after ${after_ms}; then *${at_ms} is when the n-th newest
 * was. */
static int count_starts(struct db *db, const char *provider, int64_t n, int64_t after_ms,
			int64_t wall_ms, bool *reached, int64_t *at_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_nth);
	int rc;

	sql_text(s, ":provider", provider);
	sql_int(s, ":after", after_ms);
	sql_int(s, ":until", wall_ms + AHEAD_MS);
	sql_int(s, ":skip", n - 1);
	rc = sql_row(s, e);
	*reached = rc == 1;
	if (*reached)
		*at_ms = sql_col_int(s, 0);
	sql_reset(s);
	return rc < 0 ? -1 : 0;
}

/* Calls without a result that are not older than an attempt can be: others died with their
 * process. */
static int count_in_flight(struct db *db, const char *provider, const struct guard_policy *p,
			   int64_t wall_ms, int64_t *n, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_in_flight);
	int rc;

	sql_text(s, ":provider", provider);
	sql_int(s, ":after", wall_ms - p->attempt_ms - GRACE_MS);
	sql_int(s, ":until", wall_ms + AHEAD_MS);
	rc = sql_row(s, e);
	if (rc == 1)
		*n = sql_col_int(s, 0);
	sql_reset(s);
	return rc < 0 ? -1 : 0;
}

int guard_limits(struct db *db, const char *provider, const struct guard_policy *p,
		 int64_t wall_ms, enum guard_cause *cause, int64_t *wait_ms, struct err *e)
{
	bool reached = false;
	int64_t at_ms = 0, n = 0;

	*cause = GUARD_NONE;
	*wait_ms = 0;
	if (p->per_month > 0 &&
	    count_starts(db, provider, p->per_month, month_start(wall_ms, false) - 1, wall_ms,
			 &reached, &at_ms, e) != 0)
		return -1;
	if (reached) {
		*cause = GUARD_MONTH;
		*wait_ms = month_start(wall_ms, true) - wall_ms;
		return 0;
	}
	if (p->per_minute > 0 && count_starts(db, provider, p->per_minute, wall_ms - MINUTE_MS,
					      wall_ms, &reached, &at_ms, e) != 0)
		return -1;
	if (reached) {
		*cause = GUARD_RATE;
		*wait_ms = at_ms + MINUTE_MS - wall_ms;
		return 0;
	}
	if (p->parallel > 0 && count_in_flight(db, provider, p, wall_ms, &n, e) != 0)
		return -1;
	if (p->parallel > 0 && n >= p->parallel) {
		*cause = GUARD_PARALLEL;
		*wait_ms = BUSY_WAIT_MS;
	}
	return 0;
}

/* ------------------------------------------------------------------ refusals */

const char *guard_cause_name(enum guard_cause c)
{
	static const char *const names[] = {
		[GUARD_NONE] = "",
		[GUARD_OPEN] = "circuit_open",
		[GUARD_ISOLATED] = "circuit_isolated",
		[GUARD_OPERATOR] = "needs_operator",
		[GUARD_PROBING] = "circuit_open",
		[GUARD_RATE] = "rate_limit",
		[GUARD_PARALLEL] = "busy",
		[GUARD_MONTH] = "month_limit",
	};

	return names[c];
}

char *guard_refusal(const struct guard_ticket *t)
{
	struct buf b = BUF_INIT;
	struct json_writer w;

	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "error", guard_cause_name(t->cause));
	json_write_string(&w, "service", t->service);
	if (t->retry_after_ms >= 0)
		json_write_int(&w, "retry_after_ms", t->retry_after_ms);
	else
		json_write_null(&w, "retry_after_ms");
	json_write_close(&w);
	return buf_take(&b);
}

char *guard_sentence(const struct guard_ticket *t)
{
	static const char *const texts[] = {
		[GUARD_NONE] = "may be asked",
		[GUARD_OPEN] = "failed too often and is given a break",
		[GUARD_ISOLATED] = "was isolated by an operator, tr-breaker reset ends that",
		[GUARD_OPERATOR] = "refuses our key or has no quota, until tr-breaker reset",
		[GUARD_PROBING] = "is in a break that another call may end now",
		[GUARD_RATE] = "allows no more calls in this minute",
		[GUARD_PARALLEL] = "has as many calls under way as are allowed",
		[GUARD_MONTH] = "has no calls left in this month",
	};
	int64_t ms = t->retry_after_ms;
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s %s", t->service, texts[t->cause]);
	if (ms > 0)
		buf_addf(&b, ", for %lld s", (long long)(ms / 1000 + (ms % 1000 > 0)));
	buf_addf(&b, " (%s)", guard_cause_name(t->cause));
	return buf_take(&b);
}

char *guard_tell(const char *text)
{
	struct guard_ticket t = { .cause = GUARD_NONE, .retry_after_ms = -1 };
	struct err ignored = { 0 };
	struct json *v = text[0] == '{' ? json_parse(text, strlen(text), &ignored) : NULL;
	const char *cause = json_text(json_get(v, "error"));
	const char *service = json_text(json_get(v, "service"));
	const char *ms = json_text(json_get(v, "retry_after_ms"));
	char *told;

	for (int c = GUARD_NONE + 1; cause != NULL && c <= GUARD_MONTH; c++)
		if (t.cause == GUARD_NONE &&
		    strcmp(cause, guard_cause_name((enum guard_cause)c)) == 0)
			t.cause = (enum guard_cause)c;
	snprintf(t.service, sizeof t.service, "%s", service != NULL ? service : "");
	if (ms == NULL || decimal_parse(ms, strlen(ms), 0, &t.retry_after_ms, &ignored) != 0)
		t.retry_after_ms = -1;
	told = t.cause != GUARD_NONE && service != NULL ? guard_sentence(&t) : mem_strdup(text);
	json_free(v);
	return told;
}
