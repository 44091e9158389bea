#include "guard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "log.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define BUDGET_FAILURE (-10) /* tenths of a token */
#define BUDGET_SUCCESS 1

/* The order of the columns is that of row_read. */
static const char sql_load[] =
	"SELECT service, state, epoch, consecutive, samples, failed, sampled_ms, opens, "
	"until_ms, needs_operator, boot, changed_ms FROM breakers WHERE service = :service";
/* scan: a list shows everything */
static const char sql_list[] =
	"SELECT service, state, epoch, consecutive, samples, failed, sampled_ms, opens, "
	"until_ms, needs_operator, boot, changed_ms FROM breakers ORDER BY service";
/* the range is that of the names that begin with "PROVIDER:" */
static const char sql_waiting[] =
	"SELECT service FROM breakers WHERE (service = :provider OR (service > :provider || "
	"':' AND service < :provider || ';')) AND needs_operator = 1 AND state = 'open' "
	"ORDER BY service";
static const char sql_store[] =
	"INSERT INTO breakers (service, state, epoch, consecutive, samples, failed, "
	"sampled_ms, opens, until_ms, needs_operator, boot, changed_ms) VALUES (:service, "
	":state, :epoch, :consecutive, :samples, :failed, :sampled, :opens, :until, :operator, "
	":boot, :wall) ON CONFLICT (service) DO UPDATE SET "
	"changed_ms = iif(state = excluded.state, changed_ms, excluded.changed_ms), "
	"state = excluded.state, epoch = excluded.epoch, consecutive = excluded.consecutive, "
	"samples = excluded.samples, failed = excluded.failed, "
	"sampled_ms = excluded.sampled_ms, opens = excluded.opens, "
	"until_ms = excluded.until_ms, needs_operator = excluded.needs_operator, "
	"boot = excluded.boot";
/* The election of the probe: whoever gets a row back has won it, and nobody else can. */
static const char sql_elect[] =
	"UPDATE breakers SET state = 'half_open', epoch = epoch + 1, until_ms = :until, "
	"boot = :boot, changed_ms = iif(state = 'half_open', changed_ms, :wall) "
	"WHERE service = :service AND epoch = :epoch AND state IN ('open', 'half_open') "
	"AND needs_operator = 0 AND (boot <> :boot OR until_ms <= :now) RETURNING epoch";
static const char sql_note[] =
	"INSERT INTO breaker_log (service, old_state, new_state, cause, at_ms) "
	"VALUES (:service, :old, :new, :cause, :wall)";
/* scan: the history of all services is read as a whole */
static const char sql_history[] =
	"SELECT seq, service, old_state, new_state, cause, at_ms FROM breaker_log ORDER BY seq";
static const char sql_history_of[] =
	"SELECT seq, service, old_state, new_state, cause, at_ms FROM breaker_log "
	"WHERE service = :service ORDER BY seq";
static const char sql_tokens[] = "SELECT tokens FROM budgets WHERE provider = :provider";
static const char sql_pay[] =
	"INSERT INTO budgets (provider, tokens) VALUES (:provider, :tokens) "
	"ON CONFLICT (provider) DO UPDATE SET tokens = excluded.tokens";

/* The boot clock with its name, and the wall clock for what history shows: it decides nothing.
 */
struct clock {
	int64_t now_ms, wall_ms;
	char boot[TSTAMP_BOOT_ID_MAX];
};

static int clock_read(struct clock *k, struct err *e)
{
	k->now_ms = tstamp_boot_ms();
	k->wall_ms = tstamp_wall_ms();
	return tstamp_boot_id(k->boot, e) != NULL ? 0 : -1;
}

int guard_check(const char *service, struct err *e)
{
	size_t name = strcspn(service, ":");

	if (name == 0 || service[0] == '-' || strchr(service, ' ') != NULL ||
	    (service[name] == ':' && service[name + 1] == '\0'))
		return err_set(e, ERR_USAGE,
			       "service \"%.64s\": is no name such as openai:gpt-4o-mini",
			       service);
	if (ident_check_text("service", service, GUARD_SERVICE_MAX - 1, e) != 0) {
		e->status = ERR_USAGE;
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ rows */

/* A break or a lease that began before a reboot is over, and so is a sample. */
static void rebase(struct circuit *c, int64_t now_ms)
{
	c->sampled_ms = now_ms;
	c->samples = 0;
	c->failed = 0;
	c->until_ms = now_ms;
}

static int row_read(struct sql_stmt *s, const struct clock *k, struct circuit *c, struct err *e)
{
	*c = (struct circuit){ .epoch = sql_col_int(s, 2),
			       .consecutive = sql_col_int(s, 3),
			       .samples = sql_col_int(s, 4),
			       .failed = sql_col_int(s, 5),
			       .sampled_ms = sql_col_int(s, 6),
			       .opens = sql_col_int(s, 7),
			       .until_ms = sql_col_int(s, 8),
			       .needs_operator = sql_col_int(s, 9) != 0 };
	if (!circuit_state_find(sql_col_text(s, 1), &c->state))
		return err_set(e, ERR_INTERNAL, "service %s: its row is damaged",
			       sql_col_text(s, 0));
	if (strcmp(sql_col_text(s, 10), k->boot) != 0)
		rebase(c, k->now_ms);
	return 0;
}

static int row_load(struct db *db, const char *service, const struct clock *k,
		    struct circuit *c, bool *known, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_load);
	int rc;

	sql_text(s, ":service", service);
	rc = sql_row(s, e);
	*known = rc == 1;
	if (rc == 0)
		circuit_init(c, k->now_ms);
	else if (rc == 1)
		rc = row_read(s, k, c, e);
	sql_reset(s);
	return rc;
}

static int row_store(struct db *db, const char *service, const struct clock *k,
		     const struct circuit *c, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_store);

	sql_text(s, ":service", service);
	sql_text(s, ":state", circuit_state_name(c->state));
	sql_int(s, ":epoch", c->epoch);
	sql_int(s, ":consecutive", c->consecutive);
	sql_int(s, ":samples", c->samples);
	sql_int(s, ":failed", c->failed);
	sql_int(s, ":sampled", c->sampled_ms);
	sql_int(s, ":opens", c->opens);
	sql_int(s, ":until", c->until_ms);
	sql_int(s, ":operator", c->needs_operator);
	sql_text(s, ":boot", k->boot);
	sql_int(s, ":wall", k->wall_ms);
	return sql_exec(s, e);
}

static int note(struct db *db, const char *service, const struct clock *k,
		enum circuit_state from, enum circuit_state to, const char *cause,
		struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_note);

	sql_text(s, ":service", service);
	sql_text(s, ":old", circuit_state_name(from));
	sql_text(s, ":new", circuit_state_name(to));
	sql_text(s, ":cause", cause);
	sql_int(s, ":wall", k->wall_ms);
	return sql_exec(s, e);
}

/* ------------------------------------------------------------------ admission */

static void admit(struct guard_ticket *t, int64_t epoch)
{
	t->admitted = true;
	t->epoch = epoch;
}

static void refuse(struct guard_ticket *t, const struct circuit *c, int64_t wait_ms)
{
	t->retry_after_ms = wait_ms;
	if (c->state == CIRCUIT_ISOLATED)
		t->cause = GUARD_ISOLATED;
	else if (c->needs_operator)
		t->cause = GUARD_OPERATOR;
	else
		t->cause = c->state == CIRCUIT_HALF_OPEN ? GUARD_PROBING : GUARD_OPEN;
}

/* ${c} is the circuit before the election. */
static int elect(struct db *db, const struct clock *k, const struct guard_policy *p,
		 const struct circuit *c, struct guard_ticket *t, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_elect);
	struct circuit after = *c;
	int rc;

	circuit_probe(&after, &p->circuit, k->now_ms);
	sql_text(s, ":service", t->service);
	sql_int(s, ":epoch", c->epoch);
	sql_int(s, ":until", after.until_ms);
	sql_int(s, ":now", k->now_ms);
	sql_text(s, ":boot", k->boot);
	sql_int(s, ":wall", k->wall_ms);
	rc = sql_row(s, e);
	if (rc < 0)
		return -1;
	if (rc == 0) { /* another one was faster */
		refuse(t, &after, after.until_ms - k->now_ms);
		return 0;
	}
	admit(t, sql_col_int(s, 0));
	t->probe = true;
	sql_reset(s);
	return note(db, t->service, k, c->state, CIRCUIT_HALF_OPEN,
		    c->state == CIRCUIT_OPEN ? "probe" : "probe, the one before gave no result",
		    e);
}

int guard_admit(struct db *db, const char *service, const struct guard_policy *p,
		struct guard_ticket *t, struct err *e)
{
	enum circuit_answer answer;
	struct circuit c;
	struct clock k;
	int64_t wait_ms;
	bool known;

	assert(strlen(service) < GUARD_SERVICE_MAX);
	*t = (struct guard_ticket){ 0 };
	snprintf(t->service, sizeof t->service, "%s", service);
	if (clock_read(&k, e) != 0 || row_load(db, service, &k, &c, &known, e) != 0)
		return -1;
	answer = circuit_peek(&c, k.now_ms, &wait_ms);
	if (answer == CIRCUIT_ADMITTED || (!p->breaker && c.state != CIRCUIT_ISOLATED))
		admit(t, c.epoch);
	else if (answer == CIRCUIT_PROBE)
		return elect(db, &k, p, &c, t, e);
	else
		refuse(t, &c, wait_ms);
	return 0;
}

/* ------------------------------------------------------------------ results */

static int tokens_load(struct db *db, const char *provider, int64_t *tokens, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_tokens);
	int rc;

	sql_text(s, ":provider", provider);
	rc = sql_row(s, e);
	*tokens = rc == 1 ? sql_col_int(s, 0) : GUARD_TOKENS_MAX;
	sql_reset(s);
	return rc < 0 ? -1 : 0;
}

/* The retry budget of a provider. A full one is not written again. */
static int pay(struct db *db, const char *provider, enum circuit_outcome outcome, struct err *e)
{
	int64_t had, has;
	struct sql_stmt *s;

	if (outcome != CIRCUIT_SUCCESS && outcome != CIRCUIT_FAILURE)
		return 0;
	if (tokens_load(db, provider, &had, e) != 0)
		return -1;
	has = had + (outcome == CIRCUIT_SUCCESS ? BUDGET_SUCCESS : BUDGET_FAILURE);
	has = has < 0 ? 0 : has > GUARD_TOKENS_MAX ? GUARD_TOKENS_MAX : has;
	if (has == had)
		return 0;
	s = db_get(db, sql_pay);
	sql_text(s, ":provider", provider);
	sql_int(s, ":tokens", has);
	return sql_exec(s, e);
}

int guard_may_retry(struct db *db, const char *provider, bool *may, struct err *e)
{
	int64_t tokens;

	if (tokens_load(db, provider, &tokens, e) != 0)
		return -1;
	*may = tokens > GUARD_TOKENS_MIN;
	return 0;
}

static const char *outcome_text(enum circuit_outcome outcome)
{
	switch (outcome) {
	case CIRCUIT_SUCCESS:
		return "success";
	case CIRCUIT_HOPELESS:
		return "refused until an operator acts";
	default:
		return "failure";
	}
}

static void tell(const char *service, const struct clock *k, enum circuit_state from,
		 const struct circuit *c, const char *cause)
{
	const char *was = circuit_state_name(from), *is = circuit_state_name(c->state);

	if (c->needs_operator)
		log_msg(LOG_WARN, "service %s: %s -> %s until tr-breaker reset: %s", service,
			was, is, cause);
	else if (c->state == CIRCUIT_OPEN)
		log_msg(LOG_WARN, "service %s: %s -> %s for %lld ms: %s", service, was, is,
			(long long)(c->until_ms - k->now_ms), cause);
	else
		log_msg(LOG_WARN, "service %s: %s -> %s: %s", service, was, is, cause);
}

static int feed(struct db *db, const struct guard_ticket *t, const struct guard_policy *p,
		enum circuit_outcome outcome, int64_t server_ms, const char *cause,
		struct err *e)
{
	struct circuit_policy policy = p->circuit;
	enum circuit_state from;
	struct circuit c;
	struct clock k;
	bool known;

	if (clock_read(&k, e) != 0 || row_load(db, t->service, &k, &c, &known, e) != 0)
		return -1;
	from = c.state;
	if (t->epoch != c.epoch || (outcome == CIRCUIT_NEUTRAL && from != CIRCUIT_HALF_OPEN))
		return 0;
	if (server_ms > p->wait_max_ms)
		policy.failures = 1; /* nobody waits for it any more: open until then */
	if (!circuit_result(&c, &policy, t->epoch, outcome, server_ms, k.now_ms))
		return row_store(db, t->service, &k, &c, e);
	tell(t->service, &k, from, &c, cause);
	if (row_store(db, t->service, &k, &c, e) != 0)
		return -1;
	return note(db, t->service, &k, from, c.state, cause, e);
}

int guard_result(struct db *db, const char *provider, const struct guard_ticket *t,
		 const struct guard_policy *p, enum circuit_outcome outcome, int64_t server_ms,
		 const char *cause, struct err *e)
{
	assert(t->admitted);
	if (pay(db, provider, outcome, e) != 0)
		return -1;
	if (!p->breaker)
		return 0;
	return feed(db, t, p, outcome, server_ms, cause != NULL ? cause : outcome_text(outcome),
		    e);
}

/* ------------------------------------------------------------------ looking */

int guard_load(struct db *db, const char *service, struct circuit *c, bool *known,
	       struct err *e)
{
	struct clock k;

	return clock_read(&k, e) == 0 ? row_load(db, service, &k, c, known, e) : -1;
}

int guard_list(struct db *db, guard_list_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s;
	struct circuit c;
	struct clock k;
	int rc;

	if (clock_read(&k, e) != 0)
		return -1;
	s = db_get(db, sql_list);
	while ((rc = sql_row(s, e)) == 1) {
		rc = row_read(s, &k, &c, e);
		if (rc == 0)
			rc = each(ctx, sql_col_text(s, 0), &c, sql_col_int(s, 11), e);
		if (rc != 0)
			break;
	}
	sql_reset(s);
	return rc;
}

int guard_log(struct db *db, const char *service, guard_log_fn *each, void *ctx, struct err *e)
{
	struct sql_stmt *s = db_get(db, service != NULL ? sql_history_of : sql_history);
	int rc;

	if (service != NULL)
		sql_text(s, ":service", service);
	while ((rc = sql_row(s, e)) == 1) {
		rc = each(ctx, sql_col_int(s, 0), sql_col_text(s, 1), sql_col_text(s, 2),
			  sql_col_text(s, 3), sql_col_text(s, 4), sql_col_int(s, 5), e);
		if (rc != 0)
			break;
	}
	sql_reset(s);
	return rc;
}

/* ------------------------------------------------------------------ by hand */

struct names {
	const char **items; /* NULL-terminated; the strings are owned */
	size_t n;
};

static void names_add(struct names *l, const char *name)
{
	l->items = mem_resize(l->items, l->n + 2, sizeof *l->items);
	l->items[l->n++] = mem_strdup(name);
	l->items[l->n] = NULL;
}

static void names_release(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->items[i]);
	free(l->items);
}

static int names_take(void *ctx, const char *service, const struct circuit *c,
		      int64_t changed_wall_ms, struct err *e)
{
	(void)c;
	(void)changed_wall_ms;
	(void)e;
	names_add(ctx, service);
	return 0;
}

int guard_unknown(struct db *db, const char *service, struct err *e)
{
	struct names all = { 0 };
	const char *near = NULL;

	if (guard_list(db, names_take, &all, e) == 0) {
		near = all.n > 0 ? ident_nearest(service, all.items) : NULL;
		err_set(e, ERR_NOTFOUND, "service %s: never called%s%s%s", service,
			near != NULL ? "; did you mean " : "", near != NULL ? near : "",
			near != NULL ? "?" : "");
	}
	names_release(&all);
	return -1;
}

/* Store what an operator, or something done by one, made of a circuit. */
static int put(struct db *db, const char *service, const struct clock *k,
	       enum circuit_state from, const struct circuit *c, const char *cause,
	       struct err *e)
{
	if (row_store(db, service, k, c, e) != 0)
		return -1;
	return from == c->state ? 0 : note(db, service, k, from, c->state, cause, e);
}

static int isolate(struct db *db, const char *service, bool *changed, struct err *e)
{
	enum circuit_state from;
	struct circuit c;
	struct clock k;
	bool known;

	if (clock_read(&k, e) != 0 || row_load(db, service, &k, &c, &known, e) != 0)
		return -1;
	from = c.state;
	*changed = circuit_isolate(&c, k.now_ms);
	return *changed ? put(db, service, &k, from, &c, "operator", e) : 0;
}

static int reset(struct db *db, const char *service, const char *cause, bool *changed,
		 struct err *e)
{
	enum circuit_state from;
	struct circuit c;
	struct clock k;
	bool known;

	if (clock_read(&k, e) != 0 || row_load(db, service, &k, &c, &known, e) != 0)
		return -1;
	if (!known)
		return guard_unknown(db, service, e);
	from = c.state;
	*changed = circuit_reset(&c, k.now_ms);
	return put(db, service, &k, from, &c, cause, e);
}

int guard_isolate(struct db *db, const char *service, bool *changed, struct err *e)
{
	if (guard_check(service, e) != 0 || db_begin(db, e) != 0)
		return -1;
	return db_end(db, isolate(db, service, changed, e), e);
}

int guard_reset(struct db *db, const char *service, bool *changed, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	return db_end(db, reset(db, service, "operator", changed, e), e);
}

int guard_provider_changed(struct db *db, const char *provider, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_waiting);
	struct names waiting = { 0 };
	bool changed;
	int rc;

	sql_text(s, ":provider", provider);
	while ((rc = sql_row(s, e)) == 1)
		names_add(&waiting, sql_col_text(s, 0));
	for (size_t i = 0; i < waiting.n && rc == 0; i++)
		rc = reset(db, waiting.items[i], "provider changed", &changed, e);
	names_release(&waiting);
	return rc;
}
