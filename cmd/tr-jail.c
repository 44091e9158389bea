/*
 * tr-jail replaces itself by PROG, confined and under limits that PROG cannot lift. Confined
 * means: PROG sees the system's programs and libraries, itself and what --read names; it writes
 * in its scratch directory alone, has no network unless --network grants it, and reaches no
 * other process. A kernel that cannot do that is refused, unless --unconfined asks for the
 * limits alone: no core dumps, no new privileges by set-user-ID programs, limits on memory,
 * processor time, open files, the size of files and the number of processes as far as they are
 * given, no open descriptor but standard input, output and error, umask 077, and every signal
 * at its default. PROG is killed when the process that started tr-jail ends. PROG is the path
 * of a program, PATH is not searched; its arguments and the environment pass unchanged, but for
 * HOME and TMPDIR where there is a scratch directory. A limit that is already lower stays as it
 * is. With --keep tr-jail stays beside PROG, gives it a scratch directory and removes that,
 * ends as PROG does, and before that kills whatever PROG has started and left, also when its
 * own parent was killed.
 */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cli.h"
#include "err.h"
#include "jail.h"
#include "log.h"
#include "mem.h"

#include "banned.h"

#define MB_MAX (INT64_MAX >> 20)

struct limit {
	__rlimit_resource_t resource;
	const int64_t *value; /* as given; 0: leave it */
	int shift;	      /* 20: the option counts in MiB */
	const char *option;
};

static int64_t parent, memory_mb, cpu_s, files, file_mb, processes;
static const char *directory, *scratch;
static struct cli_list readable;
static bool keep, network, unconfined;

static const struct cli_opt options[] = {
	{ 'p', "parent", CLI_INT, &parent, "PID", "refuse to start unless PID is the parent" },
	{ 'k', "keep", CLI_FLAG, &keep, NULL, "stay, and kill all that PROG left behind" },
	{ 'C', "directory", CLI_STRING, &directory, "DIR", "run in DIR" },
	{ 'r', "read", CLI_LIST, &readable, "PATH", "PROG may read and execute PATH, too" },
	{ 's', "scratch", CLI_STRING, &scratch, "DIR", "PROG runs and may write in DIR" },
	{ 0, "network", CLI_FLAG, &network, NULL, "PROG may use the network" },
	{ 0, "unconfined", CLI_FLAG, &unconfined, NULL,
	  "do not confine PROG, set limits only" },
	{ 0, "memory-mb", CLI_INT, &memory_mb, "N", "address space, in MiB" },
	{ 0, "cpu-s", CLI_INT, &cpu_s, "N", "processor time, in seconds" },
	{ 0, "files", CLI_INT, &files, "N", "open files" },
	{ 0, "file-mb", CLI_INT, &file_mb, "N", "size of a file that is written, in MiB" },
	{ 0, "processes", CLI_INT, &processes, "N",
	  "processes of the user, all together (0: leave as it is)" },
	{ 'q', "quiet", CLI_COUNT, &cli_common.quiet, NULL, "print errors only" },
	{ 'v', "verbose", CLI_COUNT, &cli_common.verbose, NULL, "say more" },
	{ 'h', "help", CLI_FLAG, &cli_common.help, NULL, "print this help and exit" },
	{ 'V', "version", CLI_FLAG, &cli_common.version, NULL, "print the version and exit" },
	{ 0 },
};

static const struct cli_tool tool = {
	.name = "tr-jail",
	.summary = "run a program under limits that it cannot lift",
	.operands = "-- PROG [ARGS]...",
	.options = options,
};

/* Address space last: after it, little can be allocated here. */
static const struct limit limits[] = {
	{ RLIMIT_CPU, &cpu_s, 0, "cpu-s" },
	{ RLIMIT_NOFILE, &files, 0, "files" },
	{ RLIMIT_FSIZE, &file_mb, 20, "file-mb" },
	{ RLIMIT_NPROC, &processes, 0, "processes" },
	{ RLIMIT_AS, &memory_mb, 20, "memory-mb" },
};

#define LIMITS (sizeof limits / sizeof limits[0])

static void check_options(const struct cli_args *args)
{
	if (args->n != 0)
		cli_usage("\"%.80s\": the program stands after --", args->operands[0]);
	if (args->n_rest == 0)
		cli_usage("a program is missing after --");
	if (parent < 0)
		cli_usage("option --parent: a process id is positive");
	if (unconfined && (network || scratch != NULL || readable.n > 0))
		cli_usage("--unconfined leaves nothing to grant");
	for (size_t i = 0; i < LIMITS; i++) {
		if (*limits[i].value < 0 || *limits[i].value > MB_MAX)
			cli_usage("a limit is out of range");
	}
}

/* The parent may have ended before the kernel was asked to watch it: look once more. */
static int bind_to_parent(struct err *e)
{
	/* whoever stays has something to do before it ends */
	if (prctl(PR_SET_PDEATHSIG, keep ? SIGTERM : SIGKILL, 0, 0, 0) != 0)
		return err_sys(e, ERR_INTERNAL, "cannot be bound to the parent");
	if (parent != 0 && getppid() != parent)
		return err_set(e, ERR_TEMP, "the parent is not %jd", (intmax_t)parent);
	return 0;
}

static int enter_directory(struct err *e)
{
	if (directory == NULL || chdir(directory) == 0)
		return 0;
	return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "directory %s", directory);
}

static int set_limit(__rlimit_resource_t resource, rlim_t value, struct err *e)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return err_sys(e, ERR_MEMORY, "cannot read a limit");
	if (now.rlim_max > value)
		now.rlim_max = value;
	if (now.rlim_cur > now.rlim_max)
		now.rlim_cur = now.rlim_max;
	if (setrlimit(resource, &now) != 0)
		return err_sys(e, ERR_MEMORY, "cannot set a limit");
	return 0;
}

static int set_limits(struct err *e)
{
	if (set_limit(RLIMIT_CORE, 0, e) != 0)
		return -1;
	for (size_t i = 0; i < LIMITS; i++) {
		rlim_t value = (rlim_t)*limits[i].value << limits[i].shift;

		if (value != 0 && set_limit(limits[i].resource, value, e) != 0)
			return -1;
	}
	return 0;
}

/* Ignored and blocked signals survive exec. Those that cannot be set merely fail. */
static void reset_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Where PROG is: we leave the directory that a relative path counts from. */
static char *program_path(const char *program, struct err *e)
{
	const char *from = directory != NULL ? directory : ".";
	char *absolute, *path;

	if (program[0] == '/')
		return mem_strdup(program);
	absolute = realpath(from, NULL);
	if (absolute == NULL) {
		err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "directory %s", from);
		return NULL;
	}
	path = mem_printf("%s/%s", absolute, program);
	free(absolute);
	return path;
}

/* PROG takes its scratch directory for its home. */
static int enter_scratch(const char *dir, struct err *e)
{
	if (dir == NULL)
		return 0;
	if (chdir(dir) != 0)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "%s", dir);
	if (setenv("HOME", dir, 1) != 0 || setenv("TMPDIR", dir, 1) != 0)
		return err_sys(e, ERR_MEMORY, "the environment");
	return 0;
}

static int confine(const char *program, struct err *e)
{
	struct jail_rules rules = { .program = program,
				    .read = readable.items,
				    .n_read = readable.n,
				    .network = network };
	char *dir = scratch != NULL ? realpath(scratch, NULL) : NULL;
	int rc;

	if (scratch != NULL && dir == NULL)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "%s", scratch);
	rules.scratch = dir;
	rc = jail_enter(&rules, e);
	if (rc == 0)
		rc = enter_directory(e);
	if (rc == 0 && directory == NULL)
		rc = enter_scratch(dir, e);
	free(dir);
	return rc;
}

static int prepare(const char *program, struct err *e)
{
	if (bind_to_parent(e) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, ERR_MEMORY, "cannot give up new privileges");
	closefrom(3);
	if ((unconfined ? enter_directory(e) : confine(program, e)) != 0)
		return -1;
	return set_limits(e);
}

static int exec_status(int cause)
{
	switch (cause) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOTFOUND;
	case EACCES:
	case EPERM:
	case ENOEXEC:
		return ERR_PERM;
	default:
		return ERR_MEMORY;
	}
}

/* ---- staying */

struct words {
	char **items;
	size_t n;
};

static void add_word(struct words *w, char *word)
{
	w->items = mem_resize(w->items, w->n + 2, sizeof *w->items);
	w->items[w->n++] = word;
	w->items[w->n] = NULL;
}

/* The command line without --keep, with us as the parent, and with the scratch directory. */
static char **inner_argv(const struct cli_args *args, const char *dir)
{
	struct words w = { NULL, 0 };

	add_word(&w, mem_strdup(tool.name));
	add_word(&w, mem_printf("--parent=%jd", (intmax_t)getpid()));
	for (size_t i = 0; i < LIMITS; i++)
		add_word(&w,
			 mem_printf("--%s=%jd", limits[i].option, (intmax_t)*limits[i].value));
	if (directory != NULL)
		add_word(&w, mem_printf("--directory=%s", directory));
	if (dir != NULL)
		add_word(&w, mem_printf("--scratch=%s", dir));
	for (size_t i = 0; i < readable.n; i++)
		add_word(&w, mem_printf("--read=%s", readable.items[i]));
	if (network)
		add_word(&w, mem_strdup("--network"));
	if (unconfined)
		add_word(&w, mem_strdup("--unconfined"));
	add_word(&w, mem_strdup("--"));
	for (size_t i = 0; i < args->n_rest; i++)
		add_word(&w, mem_strdup(args->rest[i]));
	return w.items;
}

static void free_words(char **words)
{
	for (char **p = words; *p != NULL; p++)
		free(*p);
	free(words);
}

/* A session of its own: the program has no terminal, and its group is that of nobody else. */
static int spawn_inner(char **inner, const sigset_t *mask, pid_t *pid, struct err *e)
{
	posix_spawnattr_t attr;
	int code;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, mask);
	code = posix_spawn(pid, "/proc/self/exe", NULL, &attr, inner, environ);
	posix_spawnattr_destroy(&attr);
	if (code == 0)
		return 0;
	errno = code;
	return err_sys(e, ERR_MEMORY, "cannot start");
}

/* Root is bound by a group if at all. */
static void limit_group(struct jail_group *g)
{
	if (processes == 0 || geteuid() != 0)
		return;
	if (!jail_group_enter(g, processes))
		log_msg(LOG_INFO, "no control group: root's processes are not limited");
}

/*
 * Wait for the program or for the order to end: its wait status, or -1 for the order. Whatever
 * else ends is reaped at once: the dead of a program that starts many would fill the table.
 */
static int wait_inner(pid_t pid, const sigset_t *watched)
{
	siginfo_t info;
	pid_t ended;
	int status;

	for (;;) {
		int sig = sigwaitinfo(watched, &info);

		if (sig > 0 && sig != SIGCHLD)
			return -1;
		while (sig > 0 && (ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == pid)
				return status;
	}
}

/* End as the program did. */
static int end_like(int status)
{
	sigset_t all;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	reset_signals();
	kill(getpid(), WTERMSIG(status));
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	return 128 + WTERMSIG(status);
}

/* From here on nothing is lost: neither an order to end nor what the program starts. */
static int stand_guard(sigset_t *watched, sigset_t *before, struct err *e)
{
	/* blocked before the parent's end can be told, so that no order is lost */
	sigemptyset(watched);
	sigaddset(watched, SIGCHLD);
	sigaddset(watched, SIGTERM);
	sigaddset(watched, SIGINT);
	sigaddset(watched, SIGHUP);
	sigprocmask(SIG_BLOCK, watched, before);
	if (bind_to_parent(e) != 0)
		return -1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return err_sys(e, ERR_MEMORY, "cannot watch over what the program starts");
	closefrom(3);
	return 0;
}

static int stay(const struct cli_args *args, struct err *e)
{
	struct jail_scratch own = { NULL, -1, -1 };
	struct jail_group group = { NULL, NULL };
	sigset_t watched, before;
	char **inner;
	int status = 0, rc;
	pid_t pid;

	if (stand_guard(&watched, &before, e) != 0)
		return -1;
	if (!unconfined && scratch == NULL && jail_scratch_make(&own, e) != 0)
		return -1;
	inner = inner_argv(args, own.path != NULL ? own.path : scratch);
	limit_group(&group);
	rc = spawn_inner(inner, &before, &pid, e);
	jail_group_leave(&group);
	if (rc == 0) {
		status = wait_inner(pid, &watched);
		child_kill_all();
	}
	jail_group_remove(&group);
	jail_scratch_remove(&own);
	free_words(inner);
	if (rc != 0)
		return -1;
	return status < 0 ? 128 + SIGTERM : end_like(status);
}

/* Returns if there is no program to run. */
static void run(const struct cli_args *args, struct err *e)
{
	char *program = unconfined ? mem_strdup(args->rest[0]) : program_path(args->rest[0], e);

	if (program != NULL && prepare(program, e) == 0) {
		reset_signals();
		execve(program, (char *const *)args->rest, environ);
		err_sys(e, exec_status(errno), "%s", args->rest[0]);
	}
	free(program);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	int status;

	cli_start(&tool, argc, argv, &args);
	check_options(&args);
	if (keep) {
		status = stay(&args, &e);
		return cli_end(status >= 0 ? status : cli_fail(&e));
	}
	run(&args, &e);
	/* what libraries do at exit may need what is refused by now */
	_exit(cli_end(cli_fail(&e)));
}
