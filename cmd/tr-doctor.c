/*
 * tr-doctor says what is wrong with the set-up of a race, and the command that mends it: a line
 * per finding with OK, WARN or FAIL. It looks at the files and their permissions, the database,
 * the disk, the other tools, cron, settings, assets with their feeds, agents with their
 * programs, models, prices, budgets and keys, breakers and halts. With --online it asks every
 * service in use once, and compares the clock. It changes nothing and prints no key.
 */
#include <sys/resource.h>

#include "cli.h"
#include "doctor.h"

#include "banned.h"

static bool json, online;
static int64_t wal_mb = 64, disk_mb = 512, timeout_s = 10;

static const struct cli_opt options[] = {
	{ 'o', "online", CLI_FLAG, &online, NULL, "ask every service in use once" },
	{ 'w', "wal", CLI_INT, &wal_mb, "MIB", "warn if the write-ahead log is larger (64)" },
	{ 'D', "disk", CLI_INT, &disk_mb, "MIB", "warn if less is free on the disk (512)" },
	{ 'T', "timeout", CLI_INT, &timeout_s, "SECONDS", "longest time for one check (10)" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-doctor", "what is wrong with the set-up of a race",
				      NULL, options, NULL };

struct report {
	size_t n;
};

static void print_json(const struct doctor_finding *f)
{
	struct buf b = BUF_INIT;

	doctor_record(f, &b);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void print_text(const struct doctor_finding *f)
{
	static const char *const names[] = { "OK", "WARN", "FAIL" };

	if (f->level == DOCTOR_OK && cli_common.quiet > 0)
		return;
	cli_outf("%-4s  %s%s%s: %s%s%s\n", names[f->level], f->check,
		 f->subject[0] != '\0' ? " " : "", f->subject, f->detail,
		 f->fix[0] != '\0' ? "; fix: " : "", f->fix);
}

static void print(void *ctx, const struct doctor_finding *f)
{
	struct report *r = ctx;

	r->n++;
	if (json)
		print_json(f);
	else
		print_text(f);
}

static void print_end(size_t n)
{
	struct buf b = BUF_INIT;

	doctor_record_end(n, &b);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

int main(int argc, char **argv)
{
	/* keys are looked at, and must not lie in a core file */
	const struct rlimit no_core = { 0, 0 };
	struct report report = { 0 };
	struct cli_args args;
	size_t failed;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	if (timeout_s < 1 || timeout_s > 3600)
		cli_usage("--timeout is 1 to 3600 seconds");
	if (wal_mb < 0 || wal_mb > 1 << 20 || disk_mb < 0 || disk_mb > INT64_C(1) << 40)
		cli_usage("a threshold is out of range");
	setrlimit(RLIMIT_CORE, &no_core);
	failed = doctor_run(&(struct doctor_options){ .path = cli_common.database,
						      .now_ms = cli_common.now_ms,
						      .wal_mb = wal_mb,
						      .disk_mb = disk_mb,
						      .limit_ms = timeout_s * 1000,
						      .online = online },
			    print, &report);
	if (json)
		print_end(report.n);
	return cli_end(failed > 0 ? ERR_NEGATIVE : 0);
}
