#include "proof_part.h"

#include "banned.h"

/* What somebody reads who has nothing but the pack. The commands are run by a test. */

static const char proof_intro[] =
	"This is a proof pack of a trading race: every row that its seals cover, as text.\n"
	"\n"
	"    tr-audit --verify proof.tar --head HASH\n"
	"\n"
	"recomputes the seals and the books from the rows and names the first row that is\n"
	"wrong. HASH is the head of the seals as it was published, on a page of the race\n"
	"for example. Without it the pack can only be shown to agree with itself: whoever\n"
	"has made all of it anew, or has cut its end and says so in the manifest, is found\n"
	"by the head alone.\n"
	"\n"
	"BY HAND\n"
	"\n"
	"The files are what was packed (in this directory):\n"
	"\n"
	"    sha256sum --check --quiet SHA256SUMS SHA256SUMS.facts\n"
	"\n"
	"Pins (what a window ran under) and versions (what an agent was made of) are named\n"
	"by their SHA-256; those that end in .part.json lack what is private, and cannot be\n"
	"checked:\n"
	"\n"
	"    find pins versions -name '*.json' ! -name '*.part.json' |\n"
	"    sed 's,.*/\\([0-9a-f]*\\)[.]json$,\\1  &,' | sha256sum --check --quiet\n"
	"\n"
	"The chain of seals, each made from the one before it and the digests of its window:\n"
	"\n"
	"    sed -n 's/^\\[\"seal\",//p' facts/*.jsonl | tr -d '\"]' | tr , ' ' |\n"
	"    while read -r n window batch decisions orders executions snapshots prev hash x\n"
	"    do\n"
	"        text=$(printf '%016x%s%016x' 9 74722e7365616c2f31 32)\n"
	"        text=$text$prev$(printf '%016x%016x' \"$n\" \"$window\")\n"
	"        for d in \"$batch\" \"$decisions\" \"$orders\" \"$executions\" "
	"\"$snapshots\"\n"
	"        do\n"
	"            text=$text$(printf '%016x%s' 32 \"$d\")\n"
	"        done\n"
	"        printf '%s' \"$text\" | tr a-f A-F | basenc --base16 --decode |\n"
	"        sha256sum | grep -q \"^$hash \" || echo \"seal $n is wrong\"\n"
	"    done\n"
	"\n"
	"ROWS\n"
	"\n"
	"A line of facts/*.jsonl is a JSON array: the kind of the row, its columns, a check.\n"
	"A window is a line \"window\", the rows in the order below, sorted by agent or "
	"asset,\n"
	"and the line \"seal\". Money and quantities are in 1e-8, prices in 1e-10, times in\n"
	"milliseconds since 1970 UTC; hashes and raw answers are hexadecimal, and so is a\n"
	"text that is no UTF-8, as {\"hex\":...}. In place of a text that is left out stand\n"
	"its SHA-256 and size. A seal hashes whole rows, so the digest of the decisions of\n"
	"such a window cannot be recomputed by who does not have the text; what they made\n"
	"of money can. A check is the beginning of the SHA-256 of the check before it (the\n"
	"first: 0000000000000000) and of the line up to the comma before its own; it helps\n"
	"to find the line that was touched, and proves nothing.\n"
	"\n";

static const char proof_digests[] =
	"\n"
	"DIGESTS\n"
	"\n"
	"A number is 8 bytes, highest first; a field is its length as a number and its\n"
	"bytes. A digest of a seal is the SHA-256 of: its name as a field, the window's time\n"
	"as a number, then per kind its rows and their count. A column is the number of its\n"
	"type (0 null, 1 integer, 2 text, 3 bytes) and its value, a number or field. Of these\n"
	"kinds are: batch of batch, price and regime; decisions of decision, answer and\n"
	"citation; orders of order; executions of execution and trade; snapshots of\n"
	"snapshot. A count of 0 is left out for regime, answer and citation.\n";

static void proof_readme_kind(int kind, struct buf *out)
{
	buf_addf(out, "    %s: %s\n", proof_kind_name(kind), proof_kind_columns(kind));
}

void proof_readme(struct buf *out)
{
	buf_adds(out, proof_intro);
	proof_readme_kind(PROOF_WINDOW, out);
	for (int i = 0; i < RACE_FACTS; i++)
		proof_readme_kind(i, out);
	proof_readme_kind(PROOF_SEAL, out);
	buf_adds(out, proof_digests);
}
