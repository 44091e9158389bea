#ifndef PRUNE_H
#define PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "err.h"

/*
 * What may go from windows that are long over: their history (events, apart from the note that
 * they were sealed), the texts that agents were shown, and the attempts to ask feeds that cost
 * nothing. Books, prices, decisions, seals, the hashes of the texts, and all attempts that were
 * made for an agent, can have cost something or count for a limit of this month stay, so that a
 * pruned race says of itself, of its services and of its costs what it said before.
 */

struct prune_result {
	int64_t windows; /* that lost something */
	int64_t events, texts;
	int64_t calls; /* attempts */
	int64_t bytes; /* of the texts, as stored */
};

/* Prune the sealed windows that started before ${before_ms}, in transactions of bounded size;
 * with ${dry} all is rolled back when the database is closed. */
int prune_run(struct db *db, int64_t before_ms, bool dry, struct prune_result *r,
	      struct err *e);

#endif
