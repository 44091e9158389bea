#include "circuit.h"

#include <assert.h>
#include <string.h>

#include "banned.h"

static const char *const state_names[] = { "closed", "open", "half_open", "isolated" };

#define STATES (sizeof state_names / sizeof state_names[0])

const char *circuit_state_name(enum circuit_state s)
{
	return state_names[s];
}

bool circuit_state_find(const char *name, enum circuit_state *s)
{
	for (size_t i = 0; i < STATES; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*s = (enum circuit_state)i;
			return true;
		}
	}
	return false;
}

void circuit_init(struct circuit *c, int64_t now_ms)
{
	*c = (struct circuit){ .state = CIRCUIT_CLOSED, .epoch = 1, .sampled_ms = now_ms };
}

static int64_t later(int64_t at_ms, int64_t ms)
{
	return ms > INT64_MAX - at_ms ? INT64_MAX : at_ms + ms;
}

enum circuit_answer circuit_peek(const struct circuit *c, int64_t now_ms, int64_t *wait_ms)
{
	*wait_ms = 0;
	if (c->state == CIRCUIT_CLOSED)
		return CIRCUIT_ADMITTED;
	if (c->state == CIRCUIT_ISOLATED || c->needs_operator) {
		*wait_ms = -1;
		return CIRCUIT_REFUSED;
	}
	if (now_ms >= c->until_ms)
		return CIRCUIT_PROBE;
	*wait_ms = c->until_ms - now_ms;
	return CIRCUIT_REFUSED;
}

void circuit_probe(struct circuit *c, const struct circuit_policy *p, int64_t now_ms)
{
	int64_t wait_ms;

	assert(circuit_peek(c, now_ms, &wait_ms) == CIRCUIT_PROBE);
	c->state = CIRCUIT_HALF_OPEN;
	c->epoch++;
	c->until_ms = later(now_ms, p->probe_ms);
}

/* ------------------------------------------------------------------ results */

static void sample_anew(struct circuit *c, int64_t now_ms)
{
	c->samples = 0;
	c->failed = 0;
	c->sampled_ms = now_ms;
}

/*
 * Begin a new sampling window when the old one is over. One that had more successes than
 * failures was healthy; one without calls says nothing, however long it was.
 */
static void roll(struct circuit *c, const struct circuit_policy *p, int64_t now_ms)
{
	if (now_ms >= c->sampled_ms && now_ms - c->sampled_ms < p->sampling_ms)
		return;
	if (c->samples - c->failed > c->failed && c->opens > 0)
		c->opens--;
	sample_anew(c, now_ms);
}

static bool is_tripped(const struct circuit *c, const struct circuit_policy *p)
{
	if (p->failures > 0 && c->consecutive >= p->failures)
		return true;
	return p->ratio_pct > 0 && c->samples > 0 && c->samples >= p->min_samples &&
	       (__int128)c->failed * 100 >= (__int128)c->samples * p->ratio_pct;
}

/* min(max, base * 2^(opens - 1)). */
static int64_t break_ms(const struct circuit *c, const struct circuit_policy *p)
{
	int64_t doublings = c->opens - 1;

	if (doublings >= 63 || p->break_ms > (p->break_max_ms >> doublings))
		return p->break_max_ms;
	return p->break_ms << doublings;
}

static void trip(struct circuit *c, const struct circuit_policy *p, int64_t server_ms,
		 int64_t now_ms)
{
	int64_t ms;

	c->state = CIRCUIT_OPEN;
	c->epoch++;
	if (c->opens < INT64_MAX)
		c->opens++;
	ms = break_ms(c, p);
	c->until_ms = later(now_ms, ms > server_ms ? ms : server_ms);
	sample_anew(c, now_ms);
}

static void heal(struct circuit *c, int64_t now_ms)
{
	c->state = CIRCUIT_CLOSED;
	c->epoch++;
	c->consecutive = 0;
	c->until_ms = 0;
	c->needs_operator = false;
	sample_anew(c, now_ms);
}

static bool closed_result(struct circuit *c, const struct circuit_policy *p, bool failed,
			  int64_t server_ms, int64_t now_ms)
{
	roll(c, p, now_ms);
	c->samples++;
	c->failed += failed;
	c->consecutive = failed ? c->consecutive + 1 : 0;
	/* a success never opens, even where it fills the sample that the ratio waited for */
	if (!failed || !is_tripped(c, p))
		return false;
	trip(c, p, server_ms, now_ms);
	return true;
}

static bool probe_result(struct circuit *c, const struct circuit_policy *p, bool failed,
			 int64_t server_ms, int64_t now_ms)
{
	if (failed) {
		c->consecutive++;
		trip(c, p, server_ms, now_ms);
	} else {
		heal(c, now_ms);
	}
	return true;
}

bool circuit_result(struct circuit *c, const struct circuit_policy *p, int64_t epoch,
		    enum circuit_outcome outcome, int64_t server_ms, int64_t now_ms)
{
	bool failed = outcome != CIRCUIT_SUCCESS;

	if (epoch != c->epoch || (c->state != CIRCUIT_CLOSED && c->state != CIRCUIT_HALF_OPEN))
		return false;
	if (outcome == CIRCUIT_NEUTRAL) {
		/* a probe that proved nothing makes room for the next one */
		if (c->state == CIRCUIT_HALF_OPEN && c->until_ms > now_ms)
			c->until_ms = now_ms;
		return false;
	}
	if (outcome == CIRCUIT_HOPELESS) {
		trip(c, p, server_ms, now_ms);
		c->needs_operator = true;
		return true;
	}
	if (c->state == CIRCUIT_CLOSED)
		return closed_result(c, p, failed, server_ms, now_ms);
	return probe_result(c, p, failed, server_ms, now_ms);
}

/* ------------------------------------------------------------------ by hand */

bool circuit_isolate(struct circuit *c, int64_t now_ms)
{
	if (c->state == CIRCUIT_ISOLATED)
		return false;
	c->state = CIRCUIT_ISOLATED;
	c->epoch++;
	c->until_ms = now_ms;
	return true;
}

bool circuit_reset(struct circuit *c, int64_t now_ms)
{
	bool changed = c->state != CIRCUIT_CLOSED;

	if (changed) {
		heal(c, now_ms);
	} else {
		c->consecutive = 0;
		sample_anew(c, now_ms);
	}
	c->opens = 0;
	return changed;
}
