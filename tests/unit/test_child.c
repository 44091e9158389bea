#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "mem.h"
#include "tstamp.h"
#include "unit.h"

#include "banned.h"

/*
 * Without arguments: the properties of child.h. "test_child hold MARK" instead runs a program
 * that never ends, with held-MARK among its arguments, under tr-jail, until we are killed.
 */

#define MB ((size_t)1 << 20)
#define MANY 200
#define AT_ONCE 10

static const char *const plain_env[] = { "PATH=/usr/bin:/bin", NULL };
static char mark[64]; /* $0 of every script: finds its processes in /proc */

struct script {
	const char *argv[6];
	struct child_spec spec;
};

/* "sh -c TEXT MARK", to be changed as a test likes. */
static struct child_spec *script(struct script *s, const char *text)
{
	const char *const argv[6] = { "/bin/sh", "-c", text, mark, NULL, NULL };

	memcpy(s->argv, argv, sizeof argv);
	s->spec = (struct child_spec){
		.argv = s->argv,
		.env = plain_env,
		.output_max = MB,
		.error_max = 4096,
		.timeout_ms = 20000,
	};
	return &s->spec;
}

static struct child_result run(struct child_spec *spec)
{
	struct child_result r;
	struct err e = { 0 };

	if (child_run_one(spec, &r, NULL, &e) != 0)
		printf("# child_run_one: %s\n", e.text);
	return r;
}

static struct child_result run_text(const char *text)
{
	struct script s;

	return run(script(&s, text));
}

static bool exited(const struct child_result *r, int status, const char *out)
{
	bool ok = r->end == CHILD_EXITED && r->status == status &&
		  strcmp(buf_str(&r->out), out) == 0;

	if (!ok)
		printf("# end %d, status %d, signal %d, out \"%.200s\", error \"%.200s\"\n",
		       (int)r->end, r->status, r->signal, buf_str(&r->out), buf_str(&r->error));
	return ok;
}

static bool file_has(const char *path, const char *text)
{
	char content[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof content);

	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(content, (size_t)n, text, strlen(text)) != NULL;
}

/* How many processes have the mark among their arguments. */
static int marked(void)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	char path[300];
	int n = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && file_has(path, mark))
			n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static bool no_child_left(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static long peak_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return kib;
}

static void test_ends(void)
{
	struct child_result r = run_text("cat; echo out; echo err >&2; exit 7");

	unit_ok(exited(&r, 7, "out\n"), "the status and the output of a child are reported");
	unit_ok(strcmp(buf_str(&r.error), "err\n") == 0, "stderr is kept apart from stdout");
	child_result_release(&r);
	r = run_text("echo before; kill -SEGV $$");
	unit_ok(r.end == CHILD_SIGNALED && r.signal == SIGSEGV, "a crash is a signal");
	unit_ok(strcmp(buf_str(&r.out), "before\n") == 0, "what it wrote until then is kept");
	child_result_release(&r);
	r = run_text("head -c 4096 /dev/urandom");
	unit_ok(r.end == CHILD_EXITED && r.out.len == 4096, "garbage is delivered as it is");
	child_result_release(&r);
}

static void test_unstarted(void)
{
	struct child_result r;
	struct script s;

	script(&s, "exit 0");
	s.argv[0] = "/nonexistent/program";
	r = run(&s.spec);
	unit_ok(r.end == CHILD_UNSTARTED &&
			strstr(buf_str(&r.error), "/nonexistent/program: ") != NULL,
		"a program that cannot be started is named with the reason");
	child_result_release(&r);
	script(&s, "exit 0")->timeout_ms = 0;
	r = run(&s.spec);
	unit_ok(r.end == CHILD_TIMEOUT, "no time left means no start");
	child_result_release(&r);
}

static void test_hang(void)
{
	struct child_result r;
	struct script s;

	script(&s, "trap '' TERM INT HUP; echo here; while :; do sleep 5; done");
	s.spec.timeout_ms = 1000;
	r = run(&s.spec);
	unit_ok(r.end == CHILD_TIMEOUT, "a child that hangs is killed at its timeout");
	unit_ok(r.elapsed_ms >= 1000 && r.elapsed_ms < 4500, "and no later");
	unit_ok(strcmp(buf_str(&r.out), "here\n") == 0, "what it wrote before is kept");
	unit_ok(marked() == 0, "nothing of it is left");
	child_result_release(&r);
}

static void test_output(void)
{
	struct child_result r;
	struct script s;
	long before = peak_kib(), after;

	r = run(script(&s, "head -c 2147483648 /dev/zero"));
	after = peak_kib();
	unit_ok(r.end == CHILD_OUTPUT && r.out.len == MB, "2 GiB of output end at the maximum");
	unit_ok(before > 0 && after - before < 4096, "memory stays within what may be kept");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
	unit_ok(after < 16384, "and below 16 MiB in all");
#endif
	child_result_release(&r);
	script(&s, "printf 12345")->output_max = 5;
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "12345"), "output of exactly the maximum is no excess");
	child_result_release(&r);
	script(&s, "printf 123456")->output_max = 5;
	r = run(&s.spec);
	unit_ok(r.end == CHILD_OUTPUT && strcmp(buf_str(&r.out), "12345") == 0,
		"one byte more is, even when the child has ended by itself");
	child_result_release(&r);
	script(&s, "head -c 67108864 /dev/zero >&2; printf 'the end' >&2")->error_max = 5;
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "") && strcmp(buf_str(&r.error), "e end") == 0,
		"of a long stderr the end is kept");
	child_result_release(&r);
}

static void test_input(void)
{
	char *input = mem_alloc(4 * MB);
	struct child_result r;
	struct script s;

	for (size_t i = 0; i < 4 * MB; i++)
		input[i] = (char)('a' + i % 23);
	script(&s, "cat");
	s.spec.input = input;
	s.spec.input_len = s.spec.output_max = 4 * MB;
	r = run(&s.spec);
	unit_ok(r.out.len == 4 * MB && memcmp(r.out.data, input, 4 * MB) == 0,
		"input and output larger than a pipe pass at the same time");
	child_result_release(&r);
	s.argv[2] = "sleep 0.2; echo done";
	s.spec.input_len = MB;
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "done\n"), "a child need not read its 1 MiB of input");
	child_result_release(&r);
	s.argv[2] = "exec <&-; sleep 0.2; echo done";
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "done\n"), "and may close its stdin");
	child_result_release(&r);
	s.argv[2] = "cat; [ -p /dev/stdin ] && echo pipe";
	s.spec.input_len = 0;
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "pipe\n"), "empty input is an empty pipe");
	child_result_release(&r);
	s.argv[2] = "cat; readlink /proc/self/fd/0";
	s.spec.input = NULL;
	r = run(&s.spec);
	unit_ok(exited(&r, 0, "/dev/null\n"), "no input is /dev/null");
	child_result_release(&r);
	free(input);
}

static void test_inheritance(void)
{
	int leak = open("/dev/null", O_RDONLY); /* deliberately without O_CLOEXEC */
	struct child_result r;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	r = run_text("for f in /proc/self/fd/*; do [ -e $f ] && echo ${f##*/}; done; :");
	unit_ok(leak > 2 && exited(&r, 0, "0\n1\n2\n"), "a child has descriptors 0 to 2");
	child_result_release(&r);
	/* 0x180000000: the C library keeps two signals of its own */
	r = run_text("grep -cE '^Sig(Blk|Ign):.0{7}(00|18)0{7}$' /proc/self/status");
	unit_ok(exited(&r, 0, "2\n"), "no signal is blocked or ignored in a child");
	child_result_release(&r);
	r = run_text("env | grep -v '^PWD=\\|^_=\\|^OLDPWD='");
	unit_ok(exited(&r, 0, "PATH=/usr/bin:/bin\n"), "the environment is the one given");
	child_result_release(&r);
	r = run_text("read -r _ _ _ _ group _ </proc/self/stat; [ $group = $$ ] && echo own");
	unit_ok(exited(&r, 0, "own\n"), "a child leads a process group of its own");
	child_result_release(&r);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	close(leak);
}

static void test_remains(void)
{
	struct child_result r = run_text("sh -c 'sleep 60; :' \"$0\" & echo x");

	unit_ok(exited(&r, 0, "x\n") && r.elapsed_ms < 20000,
		"a forked process that keeps the pipe open is not waited for");
	unit_ok(marked() == 0, "and it is killed");
	child_result_release(&r);
	r = run_text("(setsid sh -c '(yes; :) & yes; :' \"$0\" &) ; sleep 0.1; echo x >&2");
	unit_ok(r.end == CHILD_OUTPUT || r.end == CHILD_EXITED, "nor one that floods it");
	child_result_release(&r);
	r = run_text("(setsid sh -c 'sh -c \"sleep 60; :\" \"$0\" & sleep 60; :' \"$0\" &)\n"
		     "while ! cat /proc/[0-9]*/cmdline 2>&- | tr '\\0' ' ' |"
		     " grep -qF \"sleep 60; : $0\"; do sleep 0.01; done; echo x");
	unit_ok(exited(&r, 0, "x\n"), "a child can leave a session of its own behind");
	unit_ok(marked() == 0, "but no process of it survives");
	unit_ok(no_child_left(), "and no zombie remains");
	child_result_release(&r);
}

static void test_strangers(void)
{
	char *argv[] = { (char[]){ "sleep" }, (char[]){ "60" }, NULL };
	struct child_result r;
	pid_t pid = 0;

	if (!unit_ok(posix_spawn(&pid, "/bin/sleep", NULL, NULL, argv, environ) == 0,
		     "a child of somebody else is started"))
		return;
	r = run_text("exit 0");
	unit_ok(waitpid(pid, NULL, WNOHANG) == 0, "children from before are left alone");
	child_result_release(&r);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct seen {
	size_t n, last;
	int most, bad, marked_at_end;
	struct child_result results[4]; /* only end, status and elapsed_ms */
	char text[4][128];
	size_t fail_at; /* the call that says stop; 0: none */
};

static int see(void *ctx, size_t index, struct child_result *r, struct err *e)
{
	struct seen *seen = ctx;
	int alive = (int)strtol(buf_str(&r->out), NULL, 10);

	if (alive > seen->most)
		seen->most = alive;
	if (r->end != CHILD_EXITED || r->status != 0)
		seen->bad++;
	if (index < 4) {
		seen->results[index] = (struct child_result){ .end = r->end,
							      .status = r->status,
							      .elapsed_ms = r->elapsed_ms };
		snprintf(seen->text[index], sizeof seen->text[index], "%s%s", buf_str(&r->out),
			 buf_str(&r->error));
	}
	seen->last = index;
	seen->marked_at_end = marked();
	if (++seen->n == seen->fail_at)
		return err_set(e, ERR_DATA, "enough");
	return 0;
}

static int run_many(struct script *s, size_t n, size_t parallel, int64_t deadline_ms,
		    struct seen *seen, struct err *e)
{
	struct child_spec specs[MANY];

	for (size_t i = 0; i < n; i++)
		specs[i] = s[i].spec;
	return child_run(specs, n, parallel, deadline_ms, see, seen, NULL, e);
}

static void test_parallel(void)
{
	static struct script s[MANY];
	char dir[] = "/tmp/test_child.XXXXXX";
	struct seen seen = { 0 };
	struct err e = { 0 };

	if (!unit_ok(mkdtemp(dir) != NULL && chdir(dir) == 0, "a directory to count in exists"))
		return;
	for (size_t i = 0; i < MANY; i++)
		script(&s[i], "mkdir $$; set -- *; echo $#; sleep 0.05; rmdir $$");
	unit_ok(run_many(s, MANY, AT_ONCE, INT64_MAX, &seen, &e) == 0 && seen.n == MANY,
		"each of 200 children is reported once");
	unit_ok(seen.bad == 0, "all of them succeed");
	unit_ok(seen.most <= AT_ONCE, "never more than 10 are alive at once");
	unit_ok(seen.most > 1, "but more than one");
	unit_ok(no_child_left(), "none of them is left");
	if (chdir("/") == 0)
		rmdir(dir);
}

static void test_deadline(void)
{
	struct script s[3];
	struct seen seen = { 0 };
	struct err e = { 0 };
	int64_t start_ms = tstamp_boot_ms();

	for (size_t i = 0; i < 3; i++)
		script(&s[i], "sleep 10");
	unit_ok(run_many(s, 3, 1, start_ms + 200, &seen, &e) == 0 && seen.n == 3,
		"a deadline ends the run without an error");
	unit_ok(tstamp_boot_ms() - start_ms < 5000, "in time");
	unit_ok(seen.results[0].end == CHILD_TIMEOUT && seen.results[0].elapsed_ms >= 195,
		"the child that runs is killed");
	unit_ok(seen.results[2].end == CHILD_TIMEOUT && seen.results[2].elapsed_ms < 150 &&
			strstr(seen.text[2], "before its turn") != NULL,
		"those that wait are timeouts that say so");
}

/* An orphan in a session of its own belongs to a child that still runs. */
static void test_neighbours(void)
{
	struct script s[3];
	struct seen seen = { 0 };
	struct err e = { 0 };

	script(&s[0], "f=$(mktemp); (setsid sh -c 'sleep 0.6; echo kept >$1' \"$0\" $f &)\n"
		      "sleep 1; cat $f; rm $f");
	script(&s[1], "sleep 0.3");
	unit_ok(run_many(s, 2, 2, INT64_MAX, &seen, &e) == 0 &&
			strcmp(seen.text[0], "kept\n") == 0,
		"the end of one child does not disturb another's background");
	seen = (struct seen){ 0 };
	script(&s[0], "(setsid sh -c 'sleep 60; :' \"$0\" &); sleep 0.1");
	script(&s[1], "sleep 0.5");
	s[1].argv[3] = "unmarked";
	unit_ok(run_many(s, 2, 1, INT64_MAX, &seen, &e) == 0 && seen.marked_at_end == 0,
		"what one child abandons is killed while the next one runs");
}

static void test_refusal(void)
{
	struct script s[3];
	struct seen seen = { .fail_at = 1 };
	struct err e = { 0 };
	int64_t start_ms = tstamp_boot_ms();

	script(&s[0], "sleep 30");
	script(&s[1], "exit 0");
	script(&s[2], "sleep 30");
	unit_ok(run_many(s, 3, 3, INT64_MAX, &seen, &e) == -1 && seen.n == 1 && seen.last == 1,
		"a callback that fails ends the run");
	unit_ok(e.status == ERR_DATA && strcmp(e.text, "enough") == 0, "with its error");
	unit_ok(tstamp_boot_ms() - start_ms < 15000 && marked() == 0, "the others are killed");
	unit_ok(no_child_left(), "and reaped");
}

static volatile int stop_flag;

static void on_alarm(int sig)
{
	stop_flag = sig;
}

static void test_stop(void)
{
	struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
	struct sigaction act = { .sa_handler = on_alarm };
	int64_t start_ms = tstamp_boot_ms();
	struct child_result r;
	struct script s;
	struct err e = { 0 };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	unit_ok(child_run_one(script(&s, "sleep 30"), &r, &stop_flag, &e) == -1 &&
			e.status == ERR_TEMP && strcmp(e.text, "stopped by a signal") == 0,
		"a stop flag set by a signal handler stops the run");
	unit_ok(tstamp_boot_ms() - start_ms < 15000, "at once");
	unit_ok(marked() == 0 && no_child_left(), "nothing is left behind");
	child_result_release(&r);
}

static void test_sibling(void)
{
	struct err e = { 0 };
	char *path = child_sibling("test_child", &e);

	unit_ok(path != NULL && path[0] == '/' && access(path, X_OK) == 0,
		"a program beside this one is found");
	free(path);
	path = child_sibling("tr-nonexistent", &e);
	unit_ok(path == NULL && e.status == ERR_CONFIG &&
			strstr(e.text, "tr-nonexistent") != NULL,
		"one that is absent is named");
	free(path);
}

static int hold(const char *name)
{
	struct err e = { 0 };
	char *jail = child_sibling("../tr-jail", &e), *self = mem_printf("%ld", (long)getpid());
	char *held = mem_printf("held-%s", name);
	const char *argv[] = {
		jail, "-p", self, "--", "/bin/sh", "-c", "while :; do sleep 0.1; done",
		held, NULL
	};
	struct child_spec spec = { .argv = argv, .env = plain_env, .timeout_ms = 60000 };
	struct child_result r;

	if (jail == NULL || child_run_one(&spec, &r, NULL, &e) != 0) {
		fprintf(stderr, "test_child: %s\n", e.text);
		return 70;
	}
	child_result_release(&r);
	free(held);
	free(self);
	free(jail);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2]);
	snprintf(mark, sizeof mark, "test-child-mark-%ld", (long)getpid());
	test_ends();
	test_unstarted();
	test_hang();
	test_output();
	test_input();
	test_inheritance();
	test_remains();
	test_strangers();
	test_parallel();
	test_deadline();
	test_neighbours();
	test_refusal();
	test_stop();
	test_sibling();
	return unit_done();
}
