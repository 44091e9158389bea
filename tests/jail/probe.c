/*
 * probe ATTEMPT [ARG]...: do one thing that a confined program may or may not do. The exit
 * status is 0 if it was done, else the error number of what was refused; 99: a mistake of the
 * caller. Those that take a command ("without", "rabbit") prepare something and run it or
 * multiply.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MISTAKE 99

static char **args;

static int outcome(long rc)
{
	return rc >= 0 ? 0 : errno;
}

/* ---- files */

static int do_read(void)
{
	char c;
	int fd = open(args[0], O_RDONLY);

	return fd < 0 ? errno : outcome(read(fd, &c, 1));
}

static int do_list(void)
{
	return outcome(open(args[0], O_RDONLY | O_DIRECTORY));
}

static int do_append(void)
{
	return outcome(open(args[0], O_WRONLY | O_APPEND));
}

static int do_create(void)
{
	return outcome(open(args[0], O_WRONLY | O_CREAT | O_EXCL, 0600));
}

static int do_cut(void)
{
	return outcome(truncate(args[0], 0));
}

/* an access mode that neither reads nor writes, and cuts all the same */
static int do_cut_open(void)
{
	return outcome(open(args[0], O_TRUNC | O_ACCMODE));
}

static int do_unlink(void)
{
	return outcome(unlink(args[0]));
}

static int do_rename(void)
{
	return outcome(rename(args[0], args[1]));
}

static int do_link(void)
{
	return outcome(link(args[0], args[1]));
}

static int do_mkdir(void)
{
	return outcome(mkdir(args[0], 0700));
}

static int do_chmod(void)
{
	return outcome(chmod(args[0], 0644));
}

static int do_fchmod(void)
{
	return outcome(fchmod(open(args[0], O_RDONLY), 0755));
}

static int do_chown(void)
{
	return outcome(chown(args[0], getuid(), getgid()));
}

static int do_touch(void)
{
	return outcome(utimes(args[0], NULL));
}

static int do_exec(void)
{
	execl(args[0], args[0], (char *)NULL);
	return errno;
}

/* A tree of ARG levels, the directories unreadable, each with a file; and some wide ones. */
static int do_tree(void)
{
	char name[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0));
	}
	for (int i = atoi(args[0]); i > 0; i--) {
		if (mkdir("1d", 0700) != 0 || mkdir("empty", 0) != 0 || chdir("1d") != 0)
			return errno;
		close(open("file", O_WRONLY | O_CREAT, 0));
	}
	return outcome(mkdir("closed", 0));
}

/* ---- network */

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)atoi(port)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int do_connect(void)
{
	struct sockaddr_in to = loopback(args[0]);
	int fd = tcp();

	return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&to, sizeof to));
}

static int do_listen(void)
{
	struct sockaddr_in at = loopback("0");
	int fd = tcp();

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
		return errno;
	return outcome(listen(fd, 1));
}

static int do_send(void)
{
	struct sockaddr_in to = loopback(args[0]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno
		      : outcome(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
}

/* "@NAME" is an abstract address. */
static socklen_t unix_address(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof a->sun_path, "%s", name);
	if (name[0] == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static int do_unix(void)
{
	struct sockaddr_un to;
	socklen_t n = unix_address(&to, args[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&to, n));
}

static int do_pair(void)
{
	int fds[2];

	return outcome(socketpair(AF_UNIX, atoi(args[0]), 0, fds));
}

/* Listen at a port and at two addresses of the machine; write the port into a file; wait. */
static int do_serve(void)
{
	struct sockaddr_in at = loopback("0");
	struct sockaddr_un path, name;
	socklen_t n = sizeof at, n_path = unix_address(&path, args[1]),
		  n_name = unix_address(&name, args[2]);
	int t = tcp(), p = socket(AF_UNIX, SOCK_STREAM, 0), a = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *f;

	if (bind(t, (struct sockaddr *)&at, n) != 0 || listen(t, 16) != 0 ||
	    bind(p, (struct sockaddr *)&path, n_path) != 0 || listen(p, 16) != 0 ||
	    bind(a, (struct sockaddr *)&name, n_name) != 0 || listen(a, 16) != 0 ||
	    getsockname(t, (struct sockaddr *)&at, &n) != 0 || (f = fopen("port", "w")) == NULL)
		return errno;
	fprintf(f, "%d\n", ntohs(at.sin_port));
	fclose(f);
	rename("port", args[0]);
	alarm(60);
	pause();
	return 0;
}

/* ---- other processes */

static int do_signal_parent(void)
{
	return outcome(kill(getppid(), 0));
}

static int do_signal_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid < 0 || kill(pid, SIGKILL) != 0 ? errno : 0;
}

static int do_signal_self(void)
{
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1) != 0 || kill(0, SIGUSR1) != 0 ? errno : 0;
}

/* the kernel sends the signal when the other end writes */
static int do_signal_owner(void)
{
	return outcome(fcntl(0, F_SETOWN, getppid()));
}

static int do_trace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int do_peek(void)
{
	long word;
	struct iovec here = { &word, sizeof word }, there = { &args, sizeof word };

	return outcome(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}

static int do_limit_parent(void)
{
	struct rlimit now;

	return outcome(prlimit(getppid(), RLIMIT_CORE, NULL, &now));
}

static int do_slow_parent(void)
{
	return outcome(setpriority(PRIO_PROCESS, (id_t)getppid(),
				   getpriority(PRIO_PROCESS, (id_t)getppid())));
}

static int do_session(void)
{
	int status = 0;

	if (fork() == 0)
		_exit(setsid() < 0 ? errno : 0);
	wait(&status);
	return WEXITSTATUS(status);
}

static int do_group(void)
{
	int status = 0;

	if (fork() == 0)
		_exit(setpgid(0, 0) < 0 ? errno : 0);
	wait(&status);
	return WEXITSTATUS(status);
}

/* Twice forked, with no tie left but its group. */
static int do_daemon(void)
{
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			prctl(PR_SET_PDEATHSIG, 0);
			signal(SIGTERM, SIG_IGN);
			signal(SIGHUP, SIG_IGN);
			close(1); /* whoever collects the output does not wait */
			close(2);
			execl("/bin/sleep", "sleep", args[0], (char *)NULL);
		}
		_exit(0);
	}
	wait(NULL);
	usleep(200000);
	return 0;
}

/* Eight lines of processes, each of which starts the next before it ends; for ten seconds. */
static int do_rabbit(void)
{
	time_t until = time(NULL) + 10;
	int lines = 0;

	close(1);
	close(2);
	while (lines < 8 && fork() != 0)
		lines++;
	if (lines == 8)
		return sleep(10) != 0;
	while (time(NULL) < until) {
		setsid();
		if (fork() != 0)
			_exit(0);
	}
	return 0;
}

/* As many as there can be, each with a child; for ten seconds at most. */
static int do_bomb(void)
{
	time_t until = time(NULL) + 10;

	while (time(NULL) < until)
		if (fork() < 0)
			usleep(1000);
	return 0;
}

/* How many children can be had, up to ARG? Exit 0 if that many. */
static int do_children(void)
{
	int n = atoi(args[0]);

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			return errno;
	}
	return 0;
}

/* ---- calls */

/* NAME: with arguments that do nothing; what matters is who refuses. */
static int do_call(void)
{
	static const struct {
		const char *name;
		long n, a, b, c;
	} calls[] = {
		{ "unshare", SYS_unshare, CLONE_NEWUTS, 0, 0 },
		{ "userns", SYS_unshare, CLONE_NEWUSER, 0, 0 },
		{ "mount", SYS_mount, 0, 0, 0 },
		{ "umount", SYS_umount2, 0, 0, 0 },
		{ "chroot", SYS_chroot, (long)"/", 0, 0 },
		{ "io_uring", SYS_io_uring_setup, 1, 0, 0 },
		{ "bpf", SYS_bpf, 0, 0, 0 },
		{ "perf", SYS_perf_event_open, 0, 0, -1 },
		{ "userfaultfd", SYS_userfaultfd, ~0L, 0, 0 },
		{ "keyctl", SYS_keyctl, 0, -3, 0 },
		{ "kexec", SYS_kexec_load, 0, ~0L, 0 },
		{ "module", SYS_init_module, 0, 0, 0 },
		{ "personality", SYS_personality, 0x40000, 0, 0 },
		{ "shmget", SYS_shmget, 0, 4096, 01600 },
		{ "mq", SYS_mq_unlink, (long)"none", 0, 0 },
		{ "inotify", SYS_inotify_init1, 0, 0, 0 },
		{ "fanotify", SYS_fanotify_init, ~0L, 0, 0 },
		{ "handle", SYS_name_to_handle_at, -1, 0, 0 },
		{ "setns", SYS_setns, -1, 0, 0 },
		{ "clone3", SYS_clone3, 0, 0, 0 },
		{ "unknown", 999, 0, 0, 0 },
		{ "x32", 0x40000000 + 39, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (strcmp(calls[i].name, args[0]) == 0)
			return outcome(syscall(calls[i].n, calls[i].a, calls[i].b, calls[i].c));
	return MISTAKE;
}

static int do_clone_new(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

/* getpid by the door of 32-bit programs */
static int do_old_abi(void)
{
#ifdef __x86_64__
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory");
	return rc > 0 ? 0 : ENOSYS;
#else
	return MISTAKE;
#endif
}

static int do_type(void)
{
	return outcome(syscall(SYS_ioctl, 0, 0x5412, "x"));
}

/* ---- a kernel that lacks something */

/* without CALL COMMAND...: run COMMAND where landlock or seccomp does not exist */
static int do_without(void)
{
	unsigned int call =
		strcmp(args[0], "landlock") == 0 ? SYS_landlock_create_ruleset : SYS_seccomp;
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof ops / sizeof ops[0], ops };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return MISTAKE;
	execvp(args[1], args + 1);
	return MISTAKE;
}

static const struct {
	const char *name;
	int n; /* arguments that it needs */
	int (*attempt)(void);
} attempts[] = {
	{ "read", 1, do_read },
	{ "list", 1, do_list },
	{ "append", 1, do_append },
	{ "create", 1, do_create },
	{ "cut", 1, do_cut },
	{ "cut-open", 1, do_cut_open },
	{ "unlink", 1, do_unlink },
	{ "rename", 2, do_rename },
	{ "link", 2, do_link },
	{ "mkdir", 1, do_mkdir },
	{ "chmod", 1, do_chmod },
	{ "fchmod", 1, do_fchmod },
	{ "chown", 1, do_chown },
	{ "touch", 1, do_touch },
	{ "exec", 1, do_exec },
	{ "tree", 1, do_tree },
	{ "connect", 1, do_connect },
	{ "listen", 0, do_listen },
	{ "send", 1, do_send },
	{ "unix", 1, do_unix },
	{ "pair", 1, do_pair },
	{ "serve", 3, do_serve },
	{ "signal-parent", 0, do_signal_parent },
	{ "signal-child", 0, do_signal_child },
	{ "signal-self", 0, do_signal_self },
	{ "signal-owner", 0, do_signal_owner },
	{ "trace", 0, do_trace },
	{ "peek", 0, do_peek },
	{ "limit-parent", 0, do_limit_parent },
	{ "slow-parent", 0, do_slow_parent },
	{ "session", 0, do_session },
	{ "group", 0, do_group },
	{ "daemon", 1, do_daemon },
	{ "rabbit", 0, do_rabbit },
	{ "bomb", 0, do_bomb },
	{ "children", 1, do_children },
	{ "call", 1, do_call },
	{ "clone-new", 0, do_clone_new },
	{ "old-abi", 0, do_old_abi },
	{ "type", 0, do_type },
	{ "without", 2, do_without },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return MISTAKE;
	args = argv + 2;
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
		if (strcmp(attempts[i].name, argv[1]) == 0)
			return argc - 2 < attempts[i].n ? MISTAKE : attempts[i].attempt();
	return MISTAKE;
}
