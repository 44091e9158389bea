#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* Whether ${path} is a program; else the reason stays in *${cause}. */
static bool is_program(const char *path, int *cause)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EACCES;
	else if (access(path, X_OK) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		*cause = errno;
	return false;
}

int child_check_program(const char *name, struct err *e)
{
	const char *at = getenv("PATH"), *end;
	bool found = false;
	int cause = ENOENT;
	char *path;

	if (strchr(name, '/') != NULL) {
		found = is_program(name, &cause);
		at = NULL;
	}
	for (; at != NULL && !found && name[0] != '\0'; at = *end == ':' ? end + 1 : NULL) {
		end = strchrnul(at, ':');
		path = mem_printf("%.*s%s%s", (int)(end - at), at, end > at ? "/" : "./", name);
		found = is_program(path, &cause);
		free(path);
	}
	if (found)
		return 0;
	errno = cause;
	return err_sys(e, cause == ENOENT ? ERR_NOTFOUND : ERR_PERM, "%s", name);
}
