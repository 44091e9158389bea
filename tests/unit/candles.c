#include "candlefile.h"

#include <inttypes.h>
#include <stdio.h>

#include "banned.h"

/* Read candle files and print what was found, a line per file; complaints go to stderr. */

static void complain(void *ctx, int64_t line, const char *reason)
{
	fprintf(stderr, "%s: line %" PRId64 ": %s\n", (const char *)ctx, line, reason);
}

static void show(const struct candlefile *f)
{
	printf("ok %s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
	       " %" PRId64 "\n",
	       f->asset[0] != '\0' ? f->asset : "-", f->quote[0] != '\0' ? f->quote : "-",
	       f->interval_s, f->rows, f->bad, f->duplicates, f->gaps, f->missing, f->rounded);
}

static void read_one(char *path)
{
	struct candlefile_options o = { complain, NULL, path };
	struct candlefile f;
	struct err e = { 0 };

	if (candlefile_read(&f, path, &o, &e) != 0) {
		printf("error %d %s\n", e.status, e.text);
		return;
	}
	show(&f);
	candlefile_release(&f);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		read_one(argv[i]);
	return 0;
}
