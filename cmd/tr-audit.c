/*
 * tr-audit recomputes the books from the fills: every trade from the one before it and its
 * batch, cash, positions and snapshots from the trades, and the chain of seals from the rows.
 * It compares the head file with the chain, the one beside the race or a copy of it. It names
 * the first row or line that differs and ends with status 1, or prints what was checked. With
 * --export it writes what it takes to do the same without the race, and with --verify does so.
 */
#include <string.h>

#include "cli.h"
#include "proof.h"
#include "race.h"
#include "tstamp.h"

#include "banned.h"

static bool json, full, force;
static const char *heads, *head_text, *export, *verify;
static struct digest head;

static const struct cli_opt options[] = {
	{ 0, "export", CLI_STRING, &export, "FILE", "write a proof pack, - for stdout" },
	{ 0, "force", CLI_FLAG, &force, NULL, "export: replace a file that is there" },
	{ 0, "full", CLI_FLAG, &full, NULL,
	  "export: with private texts; verify: refuse a pack without them" },
	{ 0, "head", CLI_STRING, &head_text, "HASH",
	  "this head was published: it must be one of the seals" },
	{ 0, "heads", CLI_STRING, &heads, "FILE",
	  "compare with this copy of the head file, not with the one beside the race" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	{ 0, "verify", CLI_STRING, &verify, "FILE",
	  "verify a proof pack instead of a race, - for stdin" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-audit", "verify the books and the chain", NULL,
				      options, NULL };

/* ------------------------------------------------------------------ printing */

static void print_count(struct json_writer *w, const char *key, int64_t n)
{
	if (n >= 0)
		json_write_int(w, key, n);
	else
		json_write_null(w, key);
}

static void print_line(struct json_writer *w, struct buf *b)
{
	json_write_close(w);
	json_write_end(w);
	cli_out(buf_str(b), b->len);
	buf_release(b);
}

static void print_audit_json(const struct race_audit *a)
{
	char hex[DIGEST_HEX_SIZE];
	struct buf b = BUF_INIT;
	struct json_writer w;

	digest_hex(&a->head, hex);
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.audit/1");
	json_write_bool(&w, "ok", a->ok);
	json_write_string(&w, "difference", a->ok ? NULL : a->difference);
	json_write_int(&w, "agents", a->agents);
	json_write_int(&w, "decisions", a->decisions);
	json_write_int(&w, "trades", a->trades);
	json_write_int(&w, "snapshots", a->snapshots);
	json_write_int(&w, "seals", a->seals);
	json_write_string(&w, "head", a->ok ? hex : NULL);
	print_count(&w, "known", a->ok ? a->known : -1);
	print_count(&w, "heads", a->ok ? a->heads : -1);
	print_line(&w, &b);
}

static void print_audit(const struct race_audit *a)
{
	char hex[DIGEST_HEX_SIZE];

	if (!a->ok) {
		cli_outf("difference: %s\n", a->difference);
		return;
	}
	digest_hex(&a->head, hex);
	cli_outf("ok: %lld agents, %lld decisions, %lld trades, %lld snapshots, %lld "
		 "seals\nhead: %s\n",
		 (long long)a->agents, (long long)a->decisions, (long long)a->trades,
		 (long long)a->snapshots, (long long)a->seals, hex);
	if (a->known >= 0)
		cli_outf("the head given is seal %lld of %lld\n", (long long)a->known,
			 (long long)a->seals);
	if (a->heads < 0 && a->seals > 0)
		cli_outf("no head file: the next tr-cycle makes it again from the chain; "
			 "compare with a published head\n");
	else if (a->heads < 0)
		cli_outf("no head file\n");
	else
		cli_outf("head file: %lld of %lld seals\n", (long long)a->heads,
			 (long long)a->seals);
}

static void print_proof_json(const struct proof_report *p)
{
	char hex[DIGEST_HEX_SIZE], id[TSTAMP_WINDOW_ID_MAX];
	struct buf b = BUF_INIT;
	struct json_writer w;

	digest_hex(&p->head, hex);
	json_write_init(&w, &b);
	json_write_object(&w, NULL);
	json_write_string(&w, "schema", "tr.verify/1");
	json_write_bool(&w, "ok", p->ok);
	json_write_string(&w, "difference", p->ok ? NULL : p->difference);
	json_write_string(&w, "file", p->ok || p->member[0] == '\0' ? NULL : p->member);
	print_count(&w, "line", p->ok || p->line == 0 ? -1 : p->line);
	json_write_string(&w, "window",
			  p->ok || p->window_ms < 0 ? NULL
						    : tstamp_window_id(p->window_ms, id));
	json_write_string(&w, "kind", p->ok ? NULL : p->kind);
	json_write_string(&w, "tool", p->tool);
	json_write_int(&w, "race_schema", p->schema);
	json_write_bool(&w, "full", p->full);
	json_write_int(&w, "agents", p->agents);
	json_write_int(&w, "decisions", p->decisions);
	json_write_int(&w, "trades", p->trades);
	json_write_int(&w, "snapshots", p->snapshots);
	json_write_int(&w, "seals", p->seals);
	json_write_int(&w, "withheld", p->withheld);
	json_write_string(&w, "head", p->ok ? hex : NULL);
	print_count(&w, "known", p->ok ? p->known : -1);
	print_count(&w, "heads", p->ok ? p->heads : -1);
	print_line(&w, &b);
}

static void print_proof(const struct proof_report *p)
{
	char hex[DIGEST_HEX_SIZE];

	if (!p->ok) {
		cli_outf("difference: %s\n", p->difference);
		return;
	}
	digest_hex(&p->head, hex);
	cli_outf("ok: %lld agents, %lld decisions, %lld trades, %lld snapshots, %lld "
		 "seals\nhead: %s\n",
		 (long long)p->agents, (long long)p->decisions, (long long)p->trades,
		 (long long)p->snapshots, (long long)p->seals, hex);
	if (p->withheld > 0)
		cli_outf("texts are left out in %lld windows: their decisions rest on the "
			 "seals\n",
			 (long long)p->withheld);
	if (p->known >= 0)
		cli_outf("the head given is seal %lld of %lld\n", (long long)p->known,
			 (long long)p->seals);
	if (p->heads >= 0)
		cli_outf("head file: %lld of %lld seals\n", (long long)p->heads,
			 (long long)p->seals);
	if (p->known < 0 && p->heads < 0)
		cli_outf("compared with no published head\n");
}

/* ------------------------------------------------------------------ work */

static int audit(const struct digest *published)
{
	struct race_audit a;
	struct err e = { 0 };
	struct db *db = db_open(cli_common.database, &e);
	int r = db != NULL ? race_audit_against(db, heads, published, &a, &e) : -1;

	db_close(db);
	if (r != 0)
		return cli_fail(&e);
	if (json)
		print_audit_json(&a);
	else if (!a.ok || cli_common.quiet == 0)
		print_audit(&a);
	return a.ok ? 0 : ERR_NEGATIVE;
}

static void print_pack(const struct proof_report *p)
{
	if (json)
		print_proof_json(p);
	else if (!p->ok || cli_common.quiet == 0)
		print_proof(p);
}

static int export_pack(void)
{
	struct proof_report p;
	struct err e = { 0 };
	struct db *db = db_open(cli_common.database, &e);
	int r = db != NULL ? proof_export(db, export, full, force, &p, &e) : -1;

	db_close(db);
	if (r != 0)
		return cli_fail(&e);
	if (strcmp(export, "-") != 0)
		print_pack(&p);
	return p.ok ? 0 : ERR_NEGATIVE;
}

static int verify_pack(const struct digest *published)
{
	const struct proof_expect x = { .heads = heads, .head = published, .full = full };
	struct proof_report p;
	struct err e = { 0 };

	if (proof_verify(verify, &x, &p, &e) != 0)
		return cli_fail(&e);
	print_pack(&p);
	return p.ok ? 0 : ERR_NEGATIVE;
}

/* Options that contradict each other. */
static void check_options(void)
{
	if (export != NULL && verify != NULL)
		cli_usage("--export and --verify exclude each other");
	if (export != NULL && (heads != NULL || head_text != NULL))
		cli_usage("--export compares with no head; verify what it has written");
	if (force && export == NULL)
		cli_usage("--force belongs to --export");
	if (full && export == NULL && verify == NULL)
		cli_usage("--full belongs to --export and --verify");
	if (head_text != NULL && digest_unhex(head_text, &head) != 0)
		cli_usage("--head must be 64 hexadecimal digits");
}

int main(int argc, char **argv)
{
	const struct digest *published;
	struct cli_args args;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	check_options();
	published = head_text != NULL ? &head : NULL;
	if (verify != NULL)
		return cli_end(verify_pack(published));
	return cli_end(export != NULL ? export_pack() : audit(published));
}
