#include "race_jail.h"

#include <stdlib.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

static char *race_option(const char *name, int64_t value)
{
	return mem_printf("--%s=%lld", name, (long long)value);
}

/* What a confined agent is granted: the files that are part of its version, directories, and
 * the network. */
static size_t race_grants(const struct roster_spec *s, char **argv)
{
	size_t n = 0;

	if (s->unconfined) {
		argv[n++] = mem_strdup("--unconfined");
		return n;
	}
	if (s->network)
		argv[n++] = mem_strdup("--network");
	for (size_t i = 1; i < s->n_argv; i++)
		if (s->is_file[i])
			argv[n++] = mem_printf("--read=%s", s->argv[i]);
	for (size_t i = 0; i < s->n_reads; i++)
		argv[n++] = mem_printf("--read=%s", s->reads[i]);
	return n;
}

/* tr-jail --parent=PID --keep --memory-mb=... --read=... -- PROG ARGS... */
char **race_jail_argv(const struct config *c, const struct roster_spec *s, const char *jail)
{
	char **argv = mem_array(2 * s->n_argv + s->n_reads + 12, sizeof *argv);
	size_t n = 0;

	argv[n++] = mem_strdup(jail);
	argv[n++] = race_option("parent", getpid());
	argv[n++] = mem_strdup("--keep");
	argv[n++] = race_option("memory-mb", config_num(c, CONFIG_EXEC_MEMORY_MB));
	argv[n++] = race_option("cpu-s", config_num(c, CONFIG_EXEC_TIMEOUT_S) + 1);
	argv[n++] = race_option("files", config_num(c, CONFIG_EXEC_FILES));
	argv[n++] = race_option("file-mb", config_num(c, CONFIG_EXEC_FILE_MB));
	argv[n++] = race_option("processes", config_num(c, CONFIG_EXEC_PROCESSES));
	n += race_grants(s, argv + n);
	argv[n++] = mem_strdup("--");
	for (size_t i = 0; i < s->n_argv; i++)
		argv[n++] = mem_strdup(s->argv[i]);
	return argv;
}

void race_free_argv(char **argv)
{
	for (char **p = argv; p != NULL && *p != NULL; p++)
		free(*p);
	free(argv);
}

char **race_child_env(void)
{
	/* tr-jail makes the scratch directory in TMPDIR, and sets HOME and TMPDIR to it */
	static const char *const kept[] = { "PATH", "HOME", "USER", "LOGNAME", "TMPDIR" };
	char **env = mem_array(sizeof kept / sizeof kept[0] + 3, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (getenv(kept[i]) != NULL)
			env[n++] = mem_printf("%s=%s", kept[i], getenv(kept[i]));
	env[n++] = mem_strdup("LANG=C.UTF-8");
	env[n++] = mem_strdup("TZ=UTC");
	return env;
}
