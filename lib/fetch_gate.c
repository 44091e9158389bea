#include "fetch.h"

#include "banned.h"

/*
 * How many exchanges with one host may be on their way to a connection. Over TLS one goes
 * first: whether others can share its connection is known only then, and a thousand handshakes
 * at once cost seconds and tens of megabytes. Two exchanges on one local port at the same time
 * prove that connections are shared; then a handful may connect, each new connection being good
 * for some hundred more. Without that proof the number grows quickly.
 */

#define SHARED_LIMIT 8
#define GROWTH 4

void fetch_gate_init(struct fetch_gate *g, bool tls, int64_t max)
{
	*g = (struct fetch_gate){ .max = max, .limit = tls ? 1 : max };
}

bool fetch_gate_open(const struct fetch_gate *g)
{
	return g->connecting < g->limit;
}

void fetch_gate_begin(struct fetch_gate *g)
{
	g->connecting++;
}

void fetch_gate_connected(struct fetch_gate *g, int port)
{
	g->connecting--;
	if (port != g->port) {
		g->port = port;
		g->busy = 0;
	} else if (g->busy > 0 && g->limit < g->max) {
		g->shared = true;
	}
	g->busy++;
	if (g->shared)
		g->limit = SHARED_LIMIT < g->max ? SHARED_LIMIT : g->max;
	else
		g->limit = g->limit < g->max / GROWTH ? g->limit * GROWTH : g->max;
}

void fetch_gate_failed(struct fetch_gate *g)
{
	g->connecting--;
	/* a host that cannot be reached is tried by all at once, lest they wait for each other
	 */
	g->limit = g->max;
}

void fetch_gate_end(struct fetch_gate *g, int port)
{
	if (port == g->port && g->busy > 0)
		g->busy--;
}
