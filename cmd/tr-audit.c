/*
 * tr-audit recomputes the books from the fills: every trade from the one before it and its
 * batch, cash, positions and snapshots from the trades, and the chain of seals from the rows.
 * It compares the head file with the chain, the one beside the race or a copy of it. It names
 * the first row or line that differs and ends with status 1, or prints what was checked.
 */
#include "cli.h"
#include "race.h"

#include "banned.h"

static bool json;
static const char *heads;

static const struct cli_opt options[] = {
	{ 0, "heads", CLI_STRING, &heads, "FILE",
	  "compare with this copy of the head file, not with the one beside the race" },
	{ 'j', "json", CLI_FLAG, &json, NULL, "print JSON" },
	CLI_COMMON,
	{ 0 },
};

static const struct cli_tool tool = { "tr-audit", "verify the books and the chain", NULL,
				      options, NULL };

static void print_json(const struct race_audit *a)
{
	char head[DIGEST_HEX_SIZE];
	struct buf b = BUF_INIT;
	struct json_writer w;

	digest_hex(&a->head, head);
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
	json_write_string(&w, "head", a->ok ? head : NULL);
	if (a->ok && a->heads >= 0)
		json_write_int(&w, "heads", a->heads);
	else
		json_write_null(&w, "heads");
	json_write_close(&w);
	json_write_end(&w);
	cli_out(buf_str(&b), b.len);
	buf_release(&b);
}

static void print(const struct race_audit *a)
{
	char head[DIGEST_HEX_SIZE];

	if (!a->ok) {
		cli_outf("difference: %s\n", a->difference);
		return;
	}
	digest_hex(&a->head, head);
	cli_outf("ok: %lld agents, %lld decisions, %lld trades, %lld snapshots, %lld "
		 "seals\nhead: %s\n",
		 (long long)a->agents, (long long)a->decisions, (long long)a->trades,
		 (long long)a->snapshots, (long long)a->seals, head);
	if (a->heads < 0)
		cli_outf("no head file\n");
	else
		cli_outf("head file: %lld of %lld seals\n", (long long)a->heads,
			 (long long)a->seals);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct race_audit a;
	struct err e = { 0 };
	struct db *db;
	int r;

	cli_start(&tool, argc, argv, &args);
	if (args.n > 0 || args.has_rest)
		cli_usage("too many operands");
	db = db_open(cli_common.database, &e);
	r = db != NULL ? race_audit_heads(db, heads, &a, &e) : -1;
	db_close(db);
	if (r != 0)
		return cli_end(cli_fail(&e));
	if (json)
		print_json(&a);
	else if (!a.ok || cli_common.quiet == 0)
		print(&a);
	return cli_end(a.ok ? 0 : ERR_NEGATIVE);
}
