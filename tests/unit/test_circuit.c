#include <string.h>

#include "circuit.h"
#include "unit.h"

#include "banned.h"

#define NOW INT64_C(1000000)

static const struct circuit_policy policy = {
	.failures = 3,
	.min_samples = 10,
	.ratio_pct = 50,
	.sampling_ms = 120000,
	.break_ms = 60000,
	.break_max_ms = 900000,
	.probe_ms = 5000,
};

static struct circuit fresh(void)
{
	struct circuit c;

	circuit_init(&c, NOW);
	return c;
}

/* ${n} results of its own epoch; whether the state changed with the last. */
static bool result(struct circuit *c, enum circuit_outcome outcome, int n, int64_t now_ms)
{
	bool changed = false;

	for (int i = 0; i < n; i++)
		changed = circuit_result(c, &policy, c->epoch, outcome, 0, now_ms);
	return changed;
}

static struct circuit opened(void)
{
	struct circuit c = fresh();

	result(&c, CIRCUIT_FAILURE, 3, NOW);
	return c;
}

static bool answers(const struct circuit *c, int64_t now_ms, enum circuit_answer want,
		    int64_t wait_ms)
{
	int64_t got_ms = -7;

	return circuit_peek(c, now_ms, &got_ms) == want && got_ms == wait_ms;
}

static void names(void)
{
	enum circuit_state s;

	unit_ok(circuit_state_find("half_open", &s) && s == CIRCUIT_HALF_OPEN &&
			!circuit_state_find("Open", &s) &&
			strcmp(circuit_state_name(CIRCUIT_ISOLATED), "isolated") == 0,
		"states have the names of the schema");
}

static void in_a_row(void)
{
	struct circuit c = fresh();

	unit_ok(answers(&c, NOW, CIRCUIT_ADMITTED, 0) && c.epoch == 1, "a new one is closed");
	unit_ok(!result(&c, CIRCUIT_FAILURE, 2, NOW) && c.state == CIRCUIT_CLOSED,
		"fewer failures than allowed leave it closed");
	result(&c, CIRCUIT_SUCCESS, 1, NOW);
	unit_ok(!result(&c, CIRCUIT_FAILURE, 2, NOW), "a success begins the count anew");
	unit_ok(result(&c, CIRCUIT_FAILURE, 1, NOW) && c.state == CIRCUIT_OPEN &&
			c.epoch == 2 && answers(&c, NOW, CIRCUIT_REFUSED, 60000) &&
			answers(&c, NOW + 59999, CIRCUIT_REFUSED, 1),
		"failures in a row open it for the break");
	unit_ok(answers(&c, NOW + 60000, CIRCUIT_PROBE, 0) && c.state == CIRCUIT_OPEN,
		"after the break there is a turn to probe, and looking changes nothing");
}

static void neutral(void)
{
	struct circuit c = fresh();

	result(&c, CIRCUIT_FAILURE, 2, NOW);
	unit_ok(!result(&c, CIRCUIT_NEUTRAL, 50, NOW) && c.consecutive == 2 && c.samples == 2,
		"what says nothing of the service counts for nothing");
	unit_ok(result(&c, CIRCUIT_FAILURE, 1, NOW), "and does not end a row of failures");
}

static void ratio(void)
{
	struct circuit c = fresh();

	for (int i = 0; i < 4; i++) {
		result(&c, CIRCUIT_FAILURE, 1, NOW);
		result(&c, CIRCUIT_SUCCESS, 1, NOW);
	}
	unit_ok(c.state == CIRCUIT_CLOSED && c.samples == 8 && c.failed == 4,
		"below the least number of samples the ratio says nothing");
	result(&c, CIRCUIT_SUCCESS, 1, NOW);
	unit_ok(result(&c, CIRCUIT_FAILURE, 1, NOW) && c.state == CIRCUIT_OPEN,
		"with it, half of them failing opens");
	c = fresh();
	result(&c, CIRCUIT_FAILURE, 2, NOW);
	result(&c, CIRCUIT_SUCCESS, 1, NOW);
	result(&c, CIRCUIT_FAILURE, 2, NOW);
	result(&c, CIRCUIT_SUCCESS, 6, NOW);
	unit_ok(c.state == CIRCUIT_CLOSED && !result(&c, CIRCUIT_FAILURE, 1, NOW),
		"a smaller share does not");
	result(&c, CIRCUIT_SUCCESS, 1, NOW + 120000);
	unit_ok(c.samples == 1 && c.failed == 0,
		"the sample is of one window: a later one begins from nothing");
}

static void switched(void)
{
	struct circuit_policy p = policy;
	struct circuit c = fresh();

	p.failures = 0;
	p.ratio_pct = 0;
	for (int i = 0; i < 1000; i++)
		circuit_result(&c, &p, c.epoch, CIRCUIT_FAILURE, 0, NOW);
	unit_ok(c.state == CIRCUIT_CLOSED, "without a count and a ratio nothing opens it");
}

static void probing(void)
{
	struct circuit c = opened();
	int64_t at = NOW + 60000;

	circuit_probe(&c, &policy, at);
	unit_ok(c.state == CIRCUIT_HALF_OPEN && c.epoch == 3 &&
			answers(&c, at, CIRCUIT_REFUSED, 5000),
		"while one probes, all others are refused");
	unit_ok(result(&c, CIRCUIT_SUCCESS, 1, at) && c.state == CIRCUIT_CLOSED &&
			c.epoch == 4 && c.consecutive == 0 &&
			answers(&c, at, CIRCUIT_ADMITTED, 0),
		"the success of the probe closes it");
	c = opened();
	circuit_probe(&c, &policy, at);
	unit_ok(result(&c, CIRCUIT_FAILURE, 1, at) && c.state == CIRCUIT_OPEN && c.epoch == 4 &&
			answers(&c, at, CIRCUIT_REFUSED, 120000),
		"its failure opens it for twice as long");
	c = opened();
	circuit_probe(&c, &policy, at);
	unit_ok(!result(&c, CIRCUIT_NEUTRAL, 1, at + 1) && c.state == CIRCUIT_HALF_OPEN &&
			answers(&c, at + 1, CIRCUIT_PROBE, 0),
		"a probe that proved nothing makes room for the next");
}

static void late(void)
{
	struct circuit c = opened();
	int64_t at = NOW + 60000;

	unit_ok(!circuit_result(&c, &policy, 1, CIRCUIT_SUCCESS, 0, NOW) &&
			c.state == CIRCUIT_OPEN && c.consecutive == 3,
		"a late success from before the break changes nothing");
	circuit_probe(&c, &policy, at);
	unit_ok(!circuit_result(&c, &policy, 1, CIRCUIT_SUCCESS, 0, at) &&
			!circuit_result(&c, &policy, 2, CIRCUIT_SUCCESS, 0, at) &&
			c.state == CIRCUIT_HALF_OPEN,
		"not while a probe is under way either");
	unit_ok(answers(&c, at + 4999, CIRCUIT_REFUSED, 1) &&
			answers(&c, at + 5000, CIRCUIT_PROBE, 0),
		"the lease of a dead probe ends, not before its time");
	circuit_probe(&c, &policy, at + 5000);
	unit_ok(c.epoch == 4 && !circuit_result(&c, &policy, 3, CIRCUIT_SUCCESS, 0, at) &&
			c.state == CIRCUIT_HALF_OPEN,
		"after the next probe began, the result of the former one counts no more");
	unit_ok(circuit_result(&c, &policy, 4, CIRCUIT_SUCCESS, 0, at),
		"that of the next does");
	unit_ok(!circuit_result(&c, &policy, 1, CIRCUIT_FAILURE, 0, at) && c.samples == 0,
		"failures from before do not count after the closing");
}

/* Open again and again by failing probes; the length of the last break. */
static int64_t reopened(struct circuit *c, int times)
{
	int64_t at = c->until_ms;

	for (int i = 0; i < times; i++) {
		at = c->until_ms;
		circuit_probe(c, &policy, at);
		result(c, CIRCUIT_FAILURE, 1, at);
	}
	return c->until_ms - at;
}

static void doubling(void)
{
	struct circuit c = opened();

	unit_ok(reopened(&c, 1) == 120000 && reopened(&c, 1) == 240000 &&
			reopened(&c, 1) == 480000 && reopened(&c, 1) == 900000,
		"every opening in a row doubles the break, up to the longest");
	c.opens = INT64_MAX;
	unit_ok(reopened(&c, 3) == 900000 && c.opens == INT64_MAX, "for ever");
}

static void decay(void)
{
	struct circuit c = opened();
	int64_t at = (reopened(&c, 2), c.until_ms);

	circuit_probe(&c, &policy, at);
	result(&c, CIRCUIT_SUCCESS, 1, at);
	unit_ok(c.opens == 3, "closing alone forgets no opening");
	result(&c, CIRCUIT_SUCCESS, 5, at + 1);
	result(&c, CIRCUIT_SUCCESS, 1, at + 120000);
	unit_ok(c.opens == 2, "a healthy window takes one away");
	result(&c, CIRCUIT_FAILURE, 2, at + 120001);
	result(&c, CIRCUIT_SUCCESS, 1, at + 240000);
	unit_ok(c.opens == 2, "one with more failures than successes does not");
	result(&c, CIRCUIT_SUCCESS, 1, at + 360000);
	result(&c, CIRCUIT_SUCCESS, 1, at + 480000);
	result(&c, CIRCUIT_SUCCESS, 1, at + 600000);
	unit_ok(c.opens == 0, "down to none");
	result(&c, CIRCUIT_FAILURE, 3, at + 600001);
	unit_ok(c.until_ms == at + 660001, "and the next break is a first one again");
}

static void server(void)
{
	struct circuit c = fresh();

	result(&c, CIRCUIT_FAILURE, 2, NOW);
	circuit_result(&c, &policy, c.epoch, CIRCUIT_FAILURE, 2000000, NOW);
	unit_ok(c.until_ms == NOW + 2000000, "a longer wait of the server raises the break");
	c = fresh();
	result(&c, CIRCUIT_FAILURE, 2, NOW);
	circuit_result(&c, &policy, c.epoch, CIRCUIT_FAILURE, 1000, NOW);
	unit_ok(c.until_ms == NOW + 60000, "a shorter one does not lower it");
	c = fresh();
	result(&c, CIRCUIT_FAILURE, 2, NOW);
	circuit_result(&c, &policy, c.epoch, CIRCUIT_FAILURE, INT64_MAX, NOW);
	unit_ok(c.until_ms == INT64_MAX && answers(&c, NOW, CIRCUIT_REFUSED, INT64_MAX - NOW),
		"the longest one saturates");
}

static void hopeless(void)
{
	struct circuit c = fresh();

	unit_ok(result(&c, CIRCUIT_HOPELESS, 1, NOW) && c.state == CIRCUIT_OPEN &&
			c.needs_operator,
		"what only an operator can mend opens at once");
	unit_ok(answers(&c, INT64_MAX, CIRCUIT_REFUSED, -1), "and there is no probe, ever");
	unit_ok(circuit_reset(&c, NOW) && c.state == CIRCUIT_CLOSED && !c.needs_operator &&
			c.opens == 0 && c.epoch == 3,
		"until it is reset");
	c = opened();
	circuit_probe(&c, &policy, NOW + 60000);
	unit_ok(result(&c, CIRCUIT_HOPELESS, 1, NOW + 60000) && c.needs_operator,
		"a probe can find that out as well");
}

static void by_hand(void)
{
	struct circuit c = fresh();

	unit_ok(circuit_isolate(&c, NOW) && !circuit_isolate(&c, NOW) && c.epoch == 2 &&
			answers(&c, INT64_MAX, CIRCUIT_REFUSED, -1),
		"an isolated one refuses everything for ever");
	unit_ok(!circuit_result(&c, &policy, 1, CIRCUIT_SUCCESS, 0, NOW) &&
			!circuit_result(&c, &policy, 2, CIRCUIT_SUCCESS, 0, NOW) &&
			!circuit_result(&c, &policy, 2, CIRCUIT_HOPELESS, 0, NOW) &&
			c.state == CIRCUIT_ISOLATED,
		"and no result of any epoch changes it");
	unit_ok(circuit_reset(&c, NOW) && c.epoch == 3 &&
			!circuit_result(&c, &policy, 1, CIRCUIT_FAILURE, 0, NOW) &&
			c.consecutive == 0,
		"a reset closes it, and calls from before count for nothing");
	result(&c, CIRCUIT_FAILURE, 2, NOW);
	unit_ok(!circuit_reset(&c, NOW) && c.consecutive == 0 && c.samples == 0,
		"a reset of a closed one forgets its failures");
}

int main(void)
{
	names();
	in_a_row();
	neutral();
	ratio();
	switched();
	probing();
	late();
	doubling();
	decay();
	server();
	hopeless();
	by_hand();
	return unit_done();
}
