/*
 * tr-jail replaces itself by PROG, run under limits that PROG cannot lift: no core dumps, no
 * new privileges by set-user-ID programs, limits on memory, processor time, open files, the
 * size of files and the number of processes as far as they are given, no open descriptor but
 * standard input, output and error, umask 077, and every signal at its default. PROG is killed
 * when the process that started tr-jail ends. PROG is the path of a program, PATH is not
 * searched; its arguments and the environment pass unchanged. A limit that is already lower
 * stays as it is. This bounds what a program uses and leaves behind; it does not hide files or
 * the network from it. With --keep tr-jail stays beside PROG, ends as PROG does, and before
 * that kills whatever PROG has started and left, also when its own parent was killed.
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
#include "mem.h"

#include "banned.h"

#define MB_MAX (INT64_MAX >> 20)

struct limit {
	__rlimit_resource_t resource;
	const int64_t *value; /* as given; 0: leave it */
	int shift;	      /* 20: the option counts in MiB */
};

static int64_t parent, memory_mb, cpu_s, files, file_mb, processes;
static const char *directory;
static bool keep;

static const struct cli_opt options[] = {
	{ 'p', "parent", CLI_INT, &parent, "PID", "refuse to start unless PID is the parent" },
	{ 'k', "keep", CLI_FLAG, &keep, NULL, "stay, and kill all that PROG left behind" },
	{ 'C', "directory", CLI_STRING, &directory, "DIR", "run in DIR" },
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
	{ RLIMIT_CPU, &cpu_s, 0 },	{ RLIMIT_NOFILE, &files, 0 },
	{ RLIMIT_FSIZE, &file_mb, 20 }, { RLIMIT_NPROC, &processes, 0 },
	{ RLIMIT_AS, &memory_mb, 20 },
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

static int confine(struct err *e)
{
	if (bind_to_parent(e) != 0 || enter_directory(e) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, ERR_MEMORY, "cannot give up new privileges");
	closefrom(3);
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

/* The same command line without --keep, and with us as the parent. */
static char **inner_argv(int argc, char **argv)
{
	char **inner = mem_array((size_t)argc + 2, sizeof *inner);
	bool program = false;
	size_t n = 0;

	inner[n++] = argv[0];
	inner[n++] = mem_printf("--parent=%jd", (intmax_t)getpid());
	for (int i = 1; i < argc; i++) {
		program = program || strcmp(argv[i], "--") == 0;
		if (program || (strcmp(argv[i], "--keep") != 0 && strcmp(argv[i], "-k") != 0 &&
				strncmp(argv[i], "--parent=", 9) != 0))
			inner[n++] = argv[i];
	}
	return inner;
}

static int spawn_inner(int argc, char **argv, const sigset_t *mask, pid_t *pid, struct err *e)
{
	char **inner = inner_argv(argc, argv);
	posix_spawnattr_t attr;
	int code;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, mask);
	code = posix_spawn(pid, "/proc/self/exe", NULL, &attr, inner, environ);
	posix_spawnattr_destroy(&attr);
	free(inner[1]);
	free(inner);
	if (code == 0)
		return 0;
	errno = code;
	return err_sys(e, ERR_MEMORY, "cannot start");
}

/* Wait for the program or for the order to end: its wait status, or -1 for the order. */
static int wait_inner(pid_t pid, const sigset_t *watched)
{
	siginfo_t info;
	int status;

	for (;;) {
		int sig = sigwaitinfo(watched, &info);

		if (sig == SIGCHLD) {
			if (waitpid(pid, &status, WNOHANG) == pid)
				return status;
		} else if (sig > 0) {
			return -1;
		}
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

static int stay(int argc, char **argv, struct err *e)
{
	sigset_t watched, before;
	pid_t pid;
	int status;

	/* blocked before the parent's end can be told, so that no order is lost */
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGHUP);
	sigprocmask(SIG_BLOCK, &watched, &before);
	if (bind_to_parent(e) != 0)
		return -1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return err_sys(e, ERR_MEMORY, "cannot watch over what the program starts");
	closefrom(3);
	if (spawn_inner(argc, argv, &before, &pid, e) != 0)
		return -1;
	status = wait_inner(pid, &watched);
	child_kill_all();
	return status < 0 ? 128 + SIGTERM : end_like(status);
}

int main(int argc, char **argv)
{
	struct cli_args args;
	struct err e = { 0 };
	int status;

	cli_start(&tool, argc, argv, &args);
	check_options(&args);
	if (keep) {
		status = stay(argc, argv, &e);
		return status >= 0 ? status : cli_fail(&e);
	}
	if (confine(&e) == 0) {
		reset_signals();
		execve(args.rest[0], (char *const *)args.rest, environ);
		err_sys(&e, exec_status(errno), "%s", args.rest[0]);
	}
	return cli_end(cli_fail(&e));
}
