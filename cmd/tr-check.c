/*
 * tr-check says whether a race is healthy, as a monitoring plugin does: one line with the
 * verdict, a line per component, and the exit status 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN.
 * It looks at the age of the last window, missed, stuck and failed ones, failed agents, halts,
 * books and seals, the write-ahead log, the disk, the clock and the writers' lock, and in races
 * that call services at breakers, budgets and feeds. With --alert it tells the program of the
 * setting alert.command of what has changed.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"
#include "cli.h"
#include "db.h"
#include "health.h"
#include "log.h"

#include "banned.h"

static bool json, full, alert;
static int64_t stale_s = -1, wal_mb = 64, disk_mb = 512, timeout_s = 10;

static const struct cli_opt options[] = {
	{ 's', "stale", CLI_INT, &stale_s, "SECONDS",
	  "warn if the last finished window began so long ago (900 in live races)" },
	{ 'f', "full", CLI_FLAG, &full, NULL, "audit all books and check the whole file" },
	{ 'a', "alert", CLI_FLAG, &alert, NULL,
	  "tell alert.command of problems and recoveries" },
	{ 'w', "wal", CLI_INT, &wal_mb, "MIB", "warn if the write-ahead log is larger (64)" },
	{ 'D', "disk", CLI_INT, &disk_mb, "MIB", "warn if less is free on the disk (512)" },
	{ 'T', "timeout", CLI_INT, &timeout_s, "SECONDS", "longest time for a component (10)" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-check", "is the race healthy: a monitoring plugin",
				      NULL, options, NULL };

static void on_timeout(int sig)
{
	static const char text[] = "UNKNOWN: the checks took too long\n";
	ssize_t w = write(1, text, sizeof text - 1);

	(void)sig;
	(void)w; /* the status tells as well */
	_exit(HEALTH_UNKNOWN);
}

/* SIGALRM serves the waits for locks, so the whole gets a timer of its own. */
static void watch(int64_t seconds)
{
	static timer_t timer;
	static bool made;
	struct sigaction act = { .sa_handler = on_timeout };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM };
	struct itimerspec t = { .it_value.tv_sec = seconds };

	if (!made) {
		sigaction(SIGVTALRM, &act, NULL);
		made = timer_create(CLOCK_BOOTTIME, &ev, &timer) == 0;
	}
	if (made)
		timer_settime(timer, 0, &t, NULL);
}

static void print_capitals(const char *word)
{
	for (; *word != '\0'; word++)
		cli_outf("%c", toupper((unsigned char)*word));
}

/* The worst components make the first line. */
static void print_verdict(const struct health *h)
{
	struct buf perf = BUF_INIT;
	const char *sep = ": ";

	print_capitals(health_name(h->level));
	for (size_t i = 0; i < h->n; i++) {
		const struct health_component *c = &h->items[i];

		if (c->level == HEALTH_OK)
			continue;
		cli_outf("%s%s: %s", sep, c->name, c->detail);
		sep = "; ";
	}
	if (h->level == HEALTH_OK)
		cli_outf(": %zu components", h->n);
	health_perfdata(h, &perf);
	cli_outf("%s%s\n", perf.len > 0 ? " | " : "", buf_str(&perf));
	buf_release(&perf);
}

static void print(const struct health *h)
{
	struct buf b = BUF_INIT;

	if (json) {
		health_record(h, cli_common.now_ms, &b);
		cli_out(buf_str(&b), b.len);
		buf_release(&b);
		return;
	}
	print_verdict(h);
	for (size_t i = 0; i < h->n && cli_common.quiet == 0; i++)
		cli_outf("%-8s  %-13s  %s\n", health_name(h->items[i].level), h->items[i].name,
			 h->items[i].detail);
}

static void tell(struct db *db, const struct health *h)
{
	struct err e = { 0 }, why = { 0 };
	int64_t failed;

	if (alert_run(db, h, cli_common.now_ms, &failed, &why, &e) != 0)
		log_msg(LOG_ERROR, "alerts: %s", e.text);
	else if (failed > 0)
		log_msg(LOG_ERROR, "alerts: %lld not told, next time again: %s",
			(long long)failed, why.text);
}

/* A race that cannot be opened: damage is critical, anything else is not known. */
static int unopened(const struct err *e)
{
	enum health_level level = e->status == ERR_INTERNAL || e->status == ERR_IO
					  ? HEALTH_CRITICAL
					  : HEALTH_UNKNOWN;
	struct health h = { .n = 1, .level = level };

	h.items[0] = (struct health_component){ .name = "database", .level = level };
	snprintf(h.items[0].detail, sizeof h.items[0].detail, "%.200s", e->text);
	print(&h);
	return (int)level;
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	struct health h;
	struct db *db;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (timeout_s < 1 || timeout_s > 3600)
		cli_usage("--timeout is 1 to 3600 seconds");
	if (stale_s < -1 || stale_s > 31536000 || wal_mb < 0 || wal_mb > 1 << 20 ||
	    disk_mb < 0 || disk_mb > INT64_C(1) << 40)
		cli_usage("a threshold is out of range");
	watch(timeout_s * 2);
	db = db_open(cli_common.database, &e);
	if (db == NULL)
		return cli_end(unopened(&e));
	health_check(db,
		     &(struct health_options){ cli_common.now_ms, stale_s, wal_mb, disk_mb,
					       timeout_s * 1000, full },
		     &h);
	watch(0);
	print(&h);
	if (alert)
		tell(db, &h);
	db_close(db);
	return cli_end((int)h.level);
}
