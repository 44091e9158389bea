#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "digest.h"
#include "err.h"
#include "tar.h"

/*
 * Proof packs: a race as an archive of text that anybody can check without the race. It holds
 * every row that a seal covers as one line, the seals, and the texts that the rows name by
 * hash; README in it, printed by proof_readme, describes the format. Equal races make equal
 * packs, byte for byte.
 *
 * A seal hashes whole rows, so a text of a row cannot be left out and the row still be proven.
 * What is private is left out all the same unless the pack is full: words and make of agents
 * as far as roster_publish does not let pages show them, and where alerts go. Then the digest
 * of the window's decisions is taken from the seal; everything else is recomputed, orders,
 * trades and balances included.
 */

#define PROOF_SCHEMA "tr.proof/1"

struct proof_expect {
	const char *heads;	   /* a copy of the head file; NULL: none */
	const struct digest *head; /* one that was published; NULL: none */
	bool full;		   /* a text that is left out is a difference */
};

struct proof_report {
	char tool[32];	/* version that made the pack */
	int64_t schema; /* of the race */
	bool full;
	int64_t agents, decisions, trades, snapshots, seals;
	int64_t withheld; /* windows whose decisions are not all there */
	struct digest head;
	int64_t known; /* seal that was published, -1 if none was given */
	int64_t heads; /* lines of the head file, each a seal; -1: none was given */
	bool ok;
	char difference[ERR_TEXT_MAX]; /* the first bad row, when not ok, and where it is: */
	char member[TAR_NAME_MAX];     /* "" if it is not in one */
	int64_t line;		       /* of the member, 0 for all of it */
	int64_t window_ms;	       /* -1 for none */
	const char *kind;	       /* of the row, NULL for none; static */
};

/*
 * Write the pack of a race to ${path}, "-" for standard output. A file gets its name once it is
 * on disk and has been verified, as ${r} tells: if there is a difference, it is not made. One
 * that is there is ERR_DATA, unless ${force}: then it is replaced. What goes to standard output
 * is not verified, and ${r} tells only what was written. A race without seals is ERR_NOTFOUND.
 */
int proof_export(struct db *db, const char *path, bool full, bool force, struct proof_report *r,
		 struct err *e);

/* Verify the pack at ${path}, "-" for standard input, in bounded memory. -1 if it could not be
 * done, ERR_DATA if it does not even begin like a pack. */
int proof_verify(const char *path, const struct proof_expect *x, struct proof_report *r,
		 struct err *e);

#endif
