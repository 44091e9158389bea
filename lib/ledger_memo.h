#ifndef LEDGER_MEMO_H
#define LEDGER_MEMO_H

#include "ledger.h"

/*
 * What the ledger remembers within a chunk of the database (db_memo): the books of each agent
 * as this process left them. Part of module ledger.
 */

struct ledger_book {
	struct portfolio p;
	int64_t fill_ms, decided_ms; /* of the last trade; -1 for none */
	bool traded;		     /* since ledger_broken looked */
	int64_t first_from_ms;	     /* what first answers; -1: nothing */
	struct ledger_snapshot first;
	bool has_peak;
	struct money peak; /* of all snapshots */
};

struct ledger_memo {
	struct ledger_book *books; /* in order of agent; owned */
	size_t n;
	bool sound; /* ledger_broken found nothing, and who traded since is marked */
};

/* NULL outside of a chunk. */
struct ledger_memo *ledger_remember(struct db *db);
/* The book of an agent; NULL if it is not remembered. */
struct ledger_book *ledger_book(struct db *db, int64_t agent_id);
/* Remember a copy of ${p}; NULL outside of a chunk. */
struct ledger_book *ledger_keep(struct db *db, const struct portfolio *p);
void ledger_note_trade(struct db *db, const struct ledger_trade *t);
void ledger_note_snapshot(struct db *db, const struct ledger_snapshot *s);

#endif
