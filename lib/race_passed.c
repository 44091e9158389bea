#include "race.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tstamp.h"

#include "banned.h"

/* Windows that never began although the race went on: final, whether noted or not. */

static char *race_tell_passed(const char *reason, int64_t before_ms, int64_t after_ms)
{
	char a[TSTAMP_WINDOW_ID_MAX] = "an earlier window",
	     b[TSTAMP_WINDOW_ID_MAX] = "a later window";

	if (before_ms >= 0)
		tstamp_window_id(before_ms, a);
	if (after_ms >= 0)
		tstamp_window_id(after_ms, b);
	if (reason == NULL)
		return mem_printf("nobody ran it, and %s has begun: it cannot be run any more",
				  b);
	if (strcmp(reason, "skipped_overlap") == 0)
		return mem_printf("%s still ran when its turn came", a);
	return mem_printf("nothing ran in its five minutes; noticed when %s began", b);
}

int race_passed(struct db *db, int64_t window_ms, char **reason, char **why, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	int64_t before_ms, after_ms;

	*reason = *why = NULL;
	if (journal_missed(db, window_ms, reason, e) != 0 ||
	    journal_before(db, window_ms, &before_ms, e) != 0 ||
	    journal_after(db, window_ms, &after_ms, e) != 0)
		return -1;
	if (*reason == NULL && (before_ms < 0 || after_ms < 0))
		return err_set(e, ERR_NOTFOUND, "%s: %s", tstamp_window_id(window_ms, id),
			       after_ms >= 0 ? "lies before the first window of the race"
					     : "has not begun");
	*why = race_tell_passed(*reason, before_ms, after_ms);
	return 0;
}

int race_no_history(struct db *db, int64_t window_ms, struct err *e)
{
	char id[TSTAMP_WINDOW_ID_MAX];
	char *reason, *why;

	if (race_passed(db, window_ms, &reason, &why, e) == 0)
		err_set(e, ERR_NOTFOUND, "%s: %s", tstamp_window_id(window_ms, id), why);
	free(reason);
	free(why);
	return -1;
}
