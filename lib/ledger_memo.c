#include "ledger_memo.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

static void ledger_forget(void *memo)
{
	struct ledger_memo *m = memo;

	for (size_t i = 0; i < m->n; i++)
		portfolio_release(&m->books[i].p);
	free(m->books);
}

struct ledger_memo *ledger_remember(struct db *db)
{
	return db_memo(db, DB_LEDGER, sizeof(struct ledger_memo), ledger_forget);
}

/* Where the book of an agent is, or would be. */
static size_t ledger_place(const struct ledger_memo *m, int64_t agent_id)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->books[mid].p.agent_id < agent_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct ledger_book *ledger_book(struct db *db, int64_t agent_id)
{
	struct ledger_memo *m = ledger_remember(db);
	size_t i;

	if (m == NULL)
		return NULL;
	i = ledger_place(m, agent_id);
	return i < m->n && m->books[i].p.agent_id == agent_id ? &m->books[i] : NULL;
}

struct ledger_book *ledger_keep(struct db *db, const struct portfolio *p)
{
	struct ledger_memo *m = ledger_remember(db);
	struct ledger_book *b;
	size_t i;

	if (m == NULL)
		return NULL;
	i = ledger_place(m, p->agent_id);
	m->books = mem_resize(m->books, m->n + 1, sizeof *m->books);
	b = &m->books[i];
	memmove(b + 1, b, (m->n - i) * sizeof *b);
	m->n++;
	*b = (struct ledger_book){ .fill_ms = -1, .decided_ms = -1, .first_from_ms = -1 };
	portfolio_copy(&b->p, p);
	return b;
}

void ledger_note_trade(struct db *db, const struct ledger_trade *t)
{
	struct ledger_book *b = ledger_book(db, t->agent_id);

	if (b == NULL)
		return;
	portfolio_book(&b->p, &t->fill);
	b->fill_ms = t->fill_ms;
	b->decided_ms = t->window_ms;
	b->traded = true;
}

void ledger_note_snapshot(struct db *db, const struct ledger_snapshot *s)
{
	struct ledger_book *b = ledger_book(db, s->agent_id);

	if (b != NULL && b->has_peak && s->total.u > b->peak.u)
		b->peak = s->total;
}
