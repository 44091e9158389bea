#ifndef RACE_H
#define RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "db.h"
#include "digest.h"
#include "err.h"
#include "journal.h"
#include "ledger.h"
#include "market.h"
#include "metrics.h"
#include "risk.h"
#include "roster.h"
#include "stats.h"
#include "verdict.h"
#include "view.h"

/*
 * The steps of a race, once each: the tools call them, and so does everything that runs a
 * window. A step is done at most once per window; a second call finds it done, changes nothing
 * and prints the same. Order: begin, ingest, settle, snapshot pre, and in decision windows
 * decide, trade, snapshot post; then seal. See tr-tools(7).
 */

/* ---- windows */

struct race_agent {
	int64_t id;
	char name[IDENT_AGENT_MAX + 1];
	bool baseline;
	enum roster_status status;
	int64_t version;
};

struct race_asset {
	int64_t id;
	char symbol[IDENT_ASSET_MAX + 1];
	bool enabled;
	struct roster_feed *feeds; /* owned */
	size_t n_feeds;
};

/* Plans so far; a window is finished as the one that began it would have. */
#define RACE_PLAN_FIRST 1
#define RACE_PLAN_REGIMES 2 /* contexts say the regime of each asset, and it is stored */
#define RACE_PLAN RACE_PLAN_REGIMES

/* A window that was begun, and what it runs under. */
struct race_window {
	int64_t window_ms;
	int64_t previous_ms; /* the window begun before it, -1 for none */
	bool decision;
	bool live; /* begun by the clock: its end is real */
	bool sealed;
	struct digest pin_hash;
	int plan; /* what its stages store, RACE_PLAN_ */
	struct config config;
	struct race_agent *agents; /* in order of name; owned */
	size_t n_agents;
	struct roster_agent *specs; /* parallel; see race_spec */
	struct race_asset *assets;  /* in order of symbol; owned */
	size_t n_assets;
	struct race_candles *candles; /* parallel; their text for contexts */
};

/*
 * Begin a window unless it was begun: seal what ended before it, note programs that changed,
 * and pin settings (with the environment), assets and agent versions. ${live}: the window was
 * taken from the clock. A window before the newest one begun is refused: ERR_TEMP when live
 * (the clock went back), else ERR_DATA. A window that starts after ${now_ms} is ERR_DATA.
 */
int race_begin(struct db *db, int64_t window_ms, bool live, int64_t now_ms, struct err *e);

/*
 * Begin the window ${window_ms} in ${w} in place of the sealed one there, which came right
 * before it, under the same pin: for replays, inside a chunk of the database, where nothing can
 * have changed.
 */
int race_next(struct db *db, struct race_window *w, int64_t window_ms, struct err *e);

/* What an agent of the window is made of, at its pinned version; loaded once, of the window. */
int race_spec(struct db *db, const struct race_window *w, const struct race_agent *a,
	      const struct roster_agent **spec, struct err *e);

/* Whether the time of a window that runs by the clock is up: then nobody is asked and nothing
 * fills any more. */
bool race_over(const struct race_window *w, int64_t now_ms);

/* The agent of that name in the window's pin; NULL with ERR_NOTFOUND if it has none. */
const struct race_agent *race_find_agent(const struct race_window *w, const char *name,
					 struct err *e);

/* Open a window that was begun (ERR_NOTFOUND else) under its pin; ERR_DATA if a stage of it was
 * done under another one. */
int race_open(struct db *db, int64_t window_ms, struct race_window *w, struct err *e);
/* The same for looking only: also a window that was begun under another plan. */
int race_open_read(struct db *db, int64_t window_ms, struct race_window *w, struct err *e);
void race_release(struct race_window *w);

/*
 * What ${text} names as a window: an id or time in it, "latest" (the newest begun, ERR_NOTFOUND
 * if none), or -N, so many windows before the latest.
 */
int race_find_window(struct db *db, const char *text, int64_t *window_ms, struct err *e);

/* ---- steps; ${out} gets their records and the end record, and may be NULL */

/* How services are asked. */
struct race_ask {
	const char *record;	  /* append every exchange to this file; NULL: no */
	const char *play;	  /* answer from this file, no network; NULL: no */
	bool pay;		  /* ask for money also in windows that are not the clock's */
	const volatile int *stop; /* set by a signal handler; may be NULL */
};

/* Prices of all assets of the window's pin. ${ask} may be NULL. */
int race_ingest(struct db *db, const struct race_window *w, const struct race_ask *ask,
		int64_t at_ms, struct buf *out, struct err *e);

/* Programs that are kept running over many windows, for replays: at most ${jobs} are asked at
 * once. Ended by race_residents_end, which takes NULL. */
struct race_residents *race_residents(size_t jobs);
void race_residents_end(struct race_residents *all);

struct race_decide_options {
	const char *const *agents; /* only these; NULL: all */
	size_t n_agents;
	bool dry;	 /* print, store nothing, start no program */
	bool lean;	 /* do not keep the text of the context, which can be made again */
	struct race_residents *residents; /* NULL: every program is started anew */
	int64_t left_ms; /* time left for answers; negative: no limit but the setting */
	const char *
		self; /* path of tr-decide, to ask services beside programs; NULL: after them */
	struct race_ask ask;
};
/* Ask every active agent that has no decision yet. *${failed} counts answers neither ok nor
 * hold. */
int race_decide(struct db *db, const struct race_window *w, const struct race_decide_options *o,
		int64_t at_ms, struct buf *out, size_t *failed, struct err *e);

/* Carry out what was decided earlier and fills at this window's batch; expire what missed it.
 */
int race_settle(struct db *db, const struct race_window *w, int64_t at_ms, struct buf *out,
		struct err *e);
/* Whether settling would have anything to do. */
int race_waiting(struct db *db, const struct race_window *w, bool *waiting, struct err *e);
/* Settle, then carry out the decisions made on this batch. ${agents} as above. */
int race_trade(struct db *db, const struct race_window *w, const char *const *agents,
	       size_t n_agents, int64_t at_ms, struct buf *out, struct err *e);

/* Value every agent. Without a phase (NULL) all that the window calls for. */
int race_snapshot(struct db *db, const struct race_window *w, const enum ledger_phase *phase,
		  int64_t at_ms, struct buf *out, struct err *e);

/* End a window: one link in the chain. No change when it has one. */
int race_seal(struct db *db, int64_t window_ms, int64_t at_ms, struct err *e);
/* The same inside a transaction of the caller. */
int race_seal_inside(struct db *db, int64_t window_ms, int64_t at_ms, struct err *e);

/* ---- decisions of people */

/*
 * The window that a decision handed in now belongs to: the newest begun; in a race that runs by
 * the clock, or with a time given, never one before the clock's, so that nobody trades at a
 * price already known (T-13).
 */
int race_manual_window(struct db *db, int64_t now_ms, bool now_given, int64_t *window_ms,
		       struct err *e);

/*
 * Hand in a decision of ${agent}: it fills at the window after its own. *${window_ms} is the
 * window that was named, or -1, and is set to the one it belongs to; another is ERR_DATA. The
 * same again is no change (*${again}), a different one is ERR_DATA. ${raw} is what was handed
 * in.
 */
int race_hand_in(struct db *db, const char *agent, const char *raw, size_t len, int64_t now_ms,
		 bool now_given, int64_t *window_ms, bool *again, struct err *e);

/* ---- what agents see */

/*
 * The view of an agent at a window before its decisions: market and own books. The market part
 * can be loaded once and the own part exchanged.
 */
int race_view_market(struct db *db, const struct race_window *w, struct view *v, struct err *e);
int race_view_agent(struct db *db, const struct race_window *w, int64_t agent_id,
		    struct view *v, struct err *e);

/* Store the regimes of the market part, once per window, inside a transaction. */
int race_regimes_add(struct db *db, const struct race_window *w, const struct view *v,
		     struct err *e);
/* The shared part as it was shown, if it is still kept: *${found}. */
int race_context_stored(struct db *db, int64_t window_ms, struct buf *out, bool *found,
			struct err *e);
/* The line a context is: shared part (all agents) and own part, to be concatenated. */
void race_context_shared(const struct race_window *w, const struct view *v, struct buf *out);
void race_context_own(const struct race_window *w, const struct race_agent *a,
		      const struct view *v, struct buf *out);

/* ---- import */

struct race_import {
	const char *source;	  /* name of the series, "import" by default */
	const char *accept_quote; /* another currency that the operator takes for the race's */
	bool lenient;		  /* skip bad rows */
	bool revise;		  /* store values that differ from known candles as revisions */
	bool progress;
};
struct race_import_result {
	char asset[IDENT_ASSET_MAX + 1];
	int64_t interval_s, rows, bad, duplicates, rounded, gaps, missing;
	struct market_counts counts;
};
/* One candle file, all or nothing; complaints go to the log. The asset must exist. */
int race_import_file(struct db *db, const char *path, const struct race_import *o, bool *known,
		     struct race_import_result *r, struct err *e);

/* Make a feed from its text ("sim", "csv:FILE", "history:NAME"): checks that it can work and
 * that its currency is the race's or accepted. Strings are the caller's. */
int race_feed_parse(const char *text, const char *symbol, const char *quote,
		    const char *accept_quote, struct roster_feed *f, struct err *e);

/* ---- valuation and board */

/* Value of a portfolio at a window: batch prices, older ones where it has none (counted). */
int race_value(struct db *db, int64_t window_ms, const struct portfolio *p, struct money *value,
	       int64_t *unpriced, struct err *e);
/* What one position counts at ${price}: false if that is its cost, since the price is 0 (there
 * is no good one) or more than fits. */
bool race_value_position(const struct portfolio_position *pos, struct price price,
			 struct money *value);

/*
 * The board: what tr-board, tr-report and whoever else shows results take their numbers from,
 * so that these are the same everywhere. Formulas and null rules are those of METRICS and
 * STATISTICS in tr-board(1); ratios are fractions of 1.
 */

/* What an agent's daily returns are worth as evidence; see stats.h. Sharpe ratios, alpha and
 * their intervals are annualised. All null before STATS_MIN_DAYS observations. */
struct race_judgement {
	int64_t days; /* complete UTC days with a snapshot */
	bool too_early;
	struct metrics_value sharpe, sharpe_error, skew, kurtosis, psr, dsr, beta, alpha;
	struct stats_interval total_return, max_drawdown, sharpe_range;
	struct metrics_value beats_hold; /* probabilities */
	struct metrics_value best;	 /* null for who has left, and without company */
	struct metrics_value p;		 /* against buy-and-hold, adjusted by Holm */
};

struct race_standing {
	size_t rank; /* 1 + how many rows have a higher return: equal ones share it */
	struct race_agent agent;
	enum roster_kind kind;
	struct digest spec; /* of what it is made of: replicas have the same */
	struct money start; /* E_0: the starting cash, or what the span began with */
	struct money total; /* at the last snapshot; ${start} without one */
	int64_t window_ms;  /* of the last snapshot, -1 for none */
	int64_t first_ms;   /* of the first */
	struct metrics m;
	struct metrics_value vs_hold; /* return minus that of buy-and-hold, same windows */
	int64_t turns, valid;	      /* decisions due and given */
	int64_t causes[DECISION_STATUSES];
	struct money thinking; /* USD in 1e-8: cost of its answers */
	const char *fill;      /* how its fills were priced: "batch", "next", "mixed" */
	/* The curve, oldest first, without E_0: one sample per window that was run, after its
	 * trades. Windows that were not run lie before the sample that follows them as one
	 * sample with ${carried} > 0, the position marked with the next price. */
	int64_t *curve;	   /* money units; owned */
	int64_t *windows;  /* when, of a carried one the last; owned */
	uint32_t *carried; /* windows not run that a sample stands for, 0 for its own; owned */
	size_t n_curve;
	struct race_judgement judged; /* zeros unless the board's ${judged} */
};

/* Agents of equal make: how far they lie apart is luck. */
struct race_replicas {
	size_t *rows;		    /* of the board, best first; owned */
	size_t n;		    /* at least 2 */
	double mean, sd, low, high; /* of their returns */
};

/* A source that gave prices of an asset. */
struct race_origin {
	char symbol[IDENT_ASSET_MAX + 1];
	char *source; /* owned */
	bool simulated;
};

#define RACE_BOARD_NONE SIZE_MAX

struct race_board {
	struct race_standing *rows; /* best first; owned */
	size_t n;
	size_t hold; /* row of the buy-and-hold baseline, RACE_BOARD_NONE if it has none */
	int64_t first_ms, last_ms;	/* windows, -1 for none */
	struct digest head;		/* of the chain at the last of them */
	int64_t seals;			/* links up to it */
	struct race_origin *origins;	/* by asset and source; owned */
	size_t n_origins, n_simulated;
	struct race_replicas *replicas; /* owned */
	size_t n_replicas;
	bool judged; /* statistics were asked for */
	struct stats_plan plan;
	int64_t common_days; /* that all who are compared for the best have; 0: nobody is */
	size_t tries;	     /* rows but baselines, for DSR */
};

/* RACE_BOARD_ALL is all of a race as it is. */
struct race_board_query {
	int64_t from_ms;   /* windows from this one on; -1: the first */
	int64_t before_ms; /* and before this one, with what was known then; -1: all */
	bool versions;	   /* a row per version of an agent that has decided */
	bool stats;	   /* fill in what is judged, by ${plan} */
	struct stats_plan plan;
};
#define RACE_BOARD_ALL                                             \
	{                                                          \
		.from_ms = -1, .before_ms = -1, .plan = STATS_PLAN \
	}

/* One consistent look at the database, also while a window runs; ${b} is empty on failure. */
int race_board_query(struct db *db, const struct race_board_query *q, struct race_board *b,
		     struct err *e);
/* The tr.board/1 record: with what was judged, if it was, and with the replicas on demand. */
void race_board_record(const struct race_board *b, bool replicas, struct buf *out);
void race_board_release(struct race_board *b);
/* It was asked, and has never given a valid answer: what it is worth is no work of its own. */
bool race_standing_mute(const struct race_standing *s);

/*
 * The daily returns that a row is judged by: ${returns}[i] is that of UTC day ${first} + i, in
 * days since 1970. The value of a day is that of the last window of it that was run; a day
 * without one carries the position and is marked with the next price. A first day that does not
 * begin with the row's first window and a last day that is not over are not among them.
 */
struct race_days {
	bool defined; /* false: there is a value of 0 or less to divide by, so no returns */
	int64_t first;
	size_t n;
	size_t observed; /* days with a window among them */
	double *returns; /* owned: free() */
};
void race_board_days(const struct race_board *b, size_t row, struct race_days *d);

/* ---- audit */

struct race_audit {
	int64_t agents, trades, snapshots, seals, decisions;
	struct digest head;
	int64_t heads; /* lines of the head file, each a seal; -1: there is no such file */
	int64_t known; /* the seal that was published; -1: none was given */
	bool ok;
	char difference[ERR_TEXT_MAX]; /* the first bad row, when not ok */
};
/* Recompute the books from the fills, verify the chain, and compare it with the head file of
 * the race, if there is one. -1 only if it could not be done. */
int race_audit_run(struct db *db, struct race_audit *a, struct err *e);
/* The same with a copy of the head file, ERR_NOTFOUND if it is not there, unless ${heads} is
 * NULL; and with a head that was published, which must be a seal of the race, unless ${head} is
 * NULL. */
int race_audit_against(struct db *db, const char *heads, const struct digest *head,
		       struct race_audit *a, struct err *e);

/* ---- dump */

/* The logical content of a race, line by line, each with its newline: the tables in key order
 * as JSON, without surrogate ids and what the schema marks volatile. Two races are equal if and
 * only if these are (SEMANTICS R-40). */
typedef void race_dump_fn(void *ctx, const char *line, size_t len);
int race_dump(struct db *db, race_dump_fn *each, void *ctx, struct err *e);

/* ---- what a window came to */
struct race_summary {
	int64_t prices, assets, decisions, failed, trades, snapshots;
	bool sealed;
};
int race_summarise(struct db *db, int64_t window_ms, struct race_summary *s, struct err *e);

/* ---- for the steps themselves */

/* Refuse to write into a window that is over: sealed, or followed by another. Called inside the
 * step's transaction. */
int race_check_open(struct db *db, const struct race_window *w, struct err *e);
/* The digests that a seal is made of, and the seal, recomputed from the rows. */
struct race_seal_parts {
	struct digest batch, decisions, orders, executions, snapshots;
};
int race_seal_digest(struct db *db, int64_t window_ms, struct race_seal_parts *p,
		     struct err *e);
/*
 * What a seal covers: rows of these kinds, in this order, each kind in the order of its keys.
 * The first column is the agent's name, but for batches, prices and regimes.
 */
enum race_fact {
	RACE_FACT_BATCH,
	RACE_FACT_PRICE,
	RACE_FACT_REGIME,
	RACE_FACT_DECISION,
	RACE_FACT_ANSWER,
	RACE_FACT_CITATION,
	RACE_FACT_ORDER,
	RACE_FACT_EXECUTION,
	RACE_FACT_TRADE,
	RACE_FACT_SNAPSHOT,
	RACE_FACTS
};
/* ${each} returns -1 to stop with ${e} set. */
typedef int race_fact_fn(void *ctx, enum race_fact kind, struct sql_stmt *row, struct err *e);
int race_seal_rows(struct db *db, int64_t window_ms, race_fact_fn *each, void *ctx,
		   struct err *e);
/* The digests of a window from its rows, wherever these come from: init, for each row in order
 * _row and a _column for each of its columns, final. */
#define RACE_SEAL_PARTS 5
struct race_sealer {
	struct digest_state parts[RACE_SEAL_PARTS];
	enum race_fact kind;
	int64_t rows;
};
void race_sealer_init(struct race_sealer *s, int64_t window_ms);
void race_sealer_row(struct race_sealer *s, enum race_fact kind);
void race_sealer_column(struct race_sealer *s, enum sql_type type, int64_t v, const void *data,
			size_t n);
void race_sealer_final(struct race_sealer *s, struct race_seal_parts *p);
void race_seal_hash(const struct race_seal_parts *p, int64_t n, int64_t window_ms,
		    const struct digest *previous, struct digest *out);
/* Records. */
void race_record_decision(struct buf *out, const struct race_agent *a, const struct verdict *v);
int race_record_execution(struct db *db, struct buf *out, const struct race_agent *a,
			  const struct verdict_execution *x, struct err *e);
void race_record_snapshot(struct buf *out, const char *agent, const struct ledger_snapshot *s);

/* ---- status */

#define RACE_STATE_MAX 24

/* Where a window stands: one that was begun, or one that was missed. */
struct race_status {
	int64_t window_ms;
	char state[RACE_STATE_MAX]; /* of table cycles, or the reason of table missed */
	bool incomplete;	    /* running, quarantined or needs_operator */
	bool over;		    /* incomplete, and stays so: a later window has begun */
	int64_t pid;		    /* of the tr-cycle that is at it; 0: nobody, -1: unknown */
	int64_t done, due;	    /* stages; 0 of 0 for a missed one */
	const char *stage;	    /* the first that is not done; NULL for none; static */
	int64_t prices, assets;
	int64_t decisions, failed; /* made on its batch, and those neither ok nor hold */
	int64_t trades;		   /* filled at its batch */
	int64_t doubtful;	   /* requests that may have been billed for nothing or twice */
	int64_t feeds_failed;	   /* feeds that were to give prices and did not */
	int64_t attempts;
	int64_t started_ms, ended_ms; /* wall time, -1 for not yet */
	char *failure;		      /* text of its last failure, NULL for none; owned */
};

struct race_status_query {
	int64_t since_ms, until_ms; /* windows that start in here, half open */
	const char *state;	    /* only this state; NULL: any */
	bool failed;		    /* only those that did not go well */
	int64_t limit, page;	    /* rows per page; pages count from 1 */
};

/* The incomplete windows, oldest first, then the others, newest first. */
struct race_status_list {
	struct race_status *rows;
	size_t n;
	bool more; /* a further page has rows */
};

/* Whether ${text} is a state that a window can have; else ERR_USAGE names the nearest. */
int race_status_check(const char *text, struct err *e);

int race_status_find(struct db *db, const struct race_status_query *q,
		     struct race_status_list *l, struct err *e);
void race_status_free(struct race_status_list *l);

/* One window; ERR_NOTFOUND if it neither began nor was missed. */
int race_status_load(struct db *db, int64_t window_ms, struct race_status *s, struct err *e);
void race_status_release(struct race_status *s);

/* Why a window that never began will not: *${reason} as of "missed", NULL if it was not noted,
 * and *${why} as a sentence; the caller's, also on failure. ERR_NOTFOUND if it was not passed
 * over. */
int race_passed(struct db *db, int64_t window_ms, char **reason, char **why, struct err *e);
/* -1 and ERR_NOTFOUND that says why a window has no history. */
int race_no_history(struct db *db, int64_t window_ms, struct err *e);

/* What helps an incomplete window: a command, or why none does. "" for all others. */
#define RACE_HELP_MAX 128
const char *race_status_help(const struct race_status *s, char out[RACE_HELP_MAX]);

/* The record tr.status/1. */
void race_status_record(struct buf *out, const struct race_status *s);

struct race_totals {
	bool live; /* the clock began a window: then the next one is due by it */
	int64_t last_ms;    /* the newest window begun, -1 for none */
	int64_t due_ms;	    /* the window that tr-cycle would begin next by the clock */
	int64_t missed;	    /* in the 24 hours before ${now_ms} */
	int64_t incomplete; /* of all */
	bool halted;
	char *halt_name, *halt_reason; /* NULL unless halted; owned */
};
int race_totals_load(struct db *db, int64_t now_ms, struct race_totals *t, struct err *e);
void race_totals_release(struct race_totals *t);

/* One event of the history of a window; the texts are borrowed for the call. */
struct race_event {
	int64_t window_ms, seq, at_ms;
	const char *type, *stage, *detail; /* stage "" for the window itself */
	const struct digest *input;	   /* NULL for none */
};
typedef void race_event_fn(void *ctx, const struct race_event *ev);

/* The history in order. That of a missed window is one event, "missed" or "skipped_overlap". */
int race_events(struct db *db, int64_t window_ms, race_event_fn *each, void *ctx,
		struct err *e);
/* The record tr.event/1. */
void race_event_record(struct buf *out, const struct race_event *ev);

#endif
