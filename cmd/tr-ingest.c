/*
 * tr-ingest begins a window and brings in its market data: one price per asset, the batch that
 * feeds every agent and every fill of the window. Running it again changes nothing and prints
 * the same. With --import it takes candle files into the database instead, for the feed
 * `history`.
 */
#include <string.h>

#include "cli.h"
#include "race.h"
#include "stage.h"
#include "tstamp.h"

#include "banned.h"

static const char *window, *source, *accept_quote, *record, *play;
static bool import, lenient, revise, dry_run;

static const struct cli_opt options[] = {
	{ 'w', "window", CLI_STRING, &window, "WINDOW",
	  "window id, time, latest or -N (default: now)" },
	{ 'n', "dry-run", CLI_FLAG, &dry_run, NULL, "check everything, write nothing" },
	{ 0, "record", CLI_STRING, &record, "FILE",
	  "append every exchange with a service to FILE" },
	{ 0, "play", CLI_STRING, &play, "FILE",
	  "take the answers of services from FILE: no network" },
	{ 'i', "import", CLI_FLAG, &import, NULL, "import the candle files FILE..." },
	{ 's', "source", CLI_STRING, &source, "NAME", "import: name of the series (import)" },
	{ 0, "accept-quote", CLI_STRING, &accept_quote, "CURRENCY",
	  "import: take prices in CURRENCY for the race's" },
	{ 'l', "lenient", CLI_FLAG, &lenient, NULL,
	  "import: skip bad rows instead of refusing the file" },
	{ 'r', "revise", CLI_FLAG, &revise, NULL,
	  "import: keep values that differ as revisions" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-ingest",
				      "bring in the prices of a window, or candle files",
				      "[FILE]...", options, NULL };

static void print_import(const char *path, const struct race_import_result *r, bool known)
{
	cli_outf("%s: %s %llds: %lld rows, %lld added, %lld known, %lld revised, %lld bad, "
		 "%lld duplicates, %lld rounded, %lld gaps (%lld missing)%s\n",
		 path, r->asset, (long long)r->interval_s, (long long)r->rows,
		 (long long)r->counts.added, (long long)r->counts.known,
		 (long long)r->counts.revised, (long long)r->bad, (long long)r->duplicates,
		 (long long)r->rounded, (long long)r->gaps, (long long)r->missing,
		 known ? ": nothing new" : "");
}

/* A new series has a plain name; one that a feed began can be filled as well. */
static int check_source(struct db *db, const char *name, struct err *e)
{
	int64_t id;

	if (roster_find_source(db, name, &id, e) != 0)
		return -1;
	return id != 0 ? 0 : ident_check_source(name, e);
}

/* Every file is all or nothing by itself; the first that fails ends the import. */
static int import_files(const struct cli_args *args, struct err *e)
{
	struct race_import o = { .source = source != NULL ? source : "import",
				 .accept_quote = accept_quote,
				 .lenient = lenient,
				 .revise = revise,
				 .progress = cli_progress() };
	struct db *db = db_open(cli_common.database, e);
	int r = db != NULL ? check_source(db, o.source, e) : -1;

	if (r == 0 && dry_run)
		db_dry_run(db);
	for (size_t i = 0; i < args->n && r == 0; i++) {
		struct race_import_result result;
		bool known;

		r = race_import_file(db, args->operands[i], &o, &known, &result, e);
		if (r == 0 && cli_common.quiet == 0)
			print_import(args->operands[i], &result, known);
		if (r == 0 && !dry_run && db_wal_size(db) > (1 << 22))
			r = db_checkpoint(db, e);
	}
	db_close(db);
	return r;
}

static int ingest(struct stage *s, struct err *e)
{
	int64_t window_ms = tstamp_window(cli_common.now_ms);
	bool live = window == NULL && !cli_common.now_given;
	struct race_ask ask = { .record = record, .play = play, .stop = &cli_stop };

	s->db = db_open(cli_common.database, e);
	if (s->db == NULL)
		return -1;
	if (dry_run)
		db_dry_run(s->db);
	if (window != NULL && race_find_window(s->db, window, &window_ms, e) != 0)
		return -1;
	if (race_begin(s->db, window_ms, live, cli_common.now_ms, e) != 0 ||
	    race_open(s->db, window_ms, &s->w, e) != 0)
		return -1;
	return race_ingest(s->db, &s->w, &ask, cli_common.now_ms, &s->out, e);
}

int main(int argc, char **argv)
{
	struct stage s = STAGE_INIT;
	struct cli_args args;
	struct err e = { 0 };
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.has_rest || (!import && args.n > 0))
		cli_usage(import ? "too many operands" : "files are for --import");
	if (import && (args.n == 0 || window != NULL))
		cli_usage("--import takes files and no window");
	if (!import && (source || accept_quote || lenient || revise))
		cli_usage("--source, --accept-quote, --lenient and --revise are for --import");
	if (record != NULL && play != NULL)
		cli_usage("--record and --play contradict each other");
	if (import)
		return cli_end(import_files(&args, &e) == 0 ? 0 : cli_fail(&e));
	cli_catch_stop();
	r = ingest(&s, &e);
	if (r != 0 && cli_stop != 0) {
		stage_end(&s, r, 0, &e);
		return 128 + cli_stop;
	}
	return stage_end(&s, r, 0, &e);
}
