/*
 * A preloaded library that makes the n-th call of a process tree fail, or kills a process
 * there. The tools link SQLite statically, but all of it calls the C library through the PLT,
 * so what is defined here is found first. Settings come from the environment, which tr-cycle
 * passes on to its stages; programs of agents get an environment of their own and are not
 * touched. So does tr-fetch, which faults.py gives these settings in another way.
 *
 *   INJECT_STATE   file of struct state, all zero at first; shared by the tree (required)
 *   INJECT_AT      which call: the first is 1
 *   INJECT_WHAT    kill, kill-tree, kill-root, short, or a number for errno
 *   INJECT_KINDS   the kinds of calls that it may happen to (see below); others go through
 *   INJECT_PERSIST 1: also to every later call of these kinds
 *   INJECT_MALLOC  which allocation fails
 *   INJECT_ONLY    count in programs of this name only
 *   INJECT_LOG     append what is done to files of INJECT_DIR, with the data
 *
 * Kinds: g pread, w write to a file, W write to a pipe or terminal, p pwrite, t ftruncate, s
 * fsync of a file, d fsync of a directory, o open, c open that may create, u unlink, r rename,
 * l flock, L unlock, i pipe, x posix_spawn, n connect and send.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 65536
#define NAP_DIVISOR 100

/* The layout is known to faults.py as well. */
struct state {
	_Atomic uint32_t calls;
	_Atomic uint32_t allocations;
	_Atomic uint32_t fired; /* how often something was injected */
	_Atomic uint32_t crash; /* signal of a process that ended by a fault of its own */
	_Atomic int32_t root;	/* process that started the tree */
	uint32_t unused[3];
	char kinds[CALLS_MAX];	/* of the n-th call */
	char makers[CALLS_MAX]; /* 'r': made by the root, 'f': by tr-fetch, 's': by a stage */
};

/* What glibc calls its own allocator; asking dlsym for it would allocate. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
/* How fortified programs call open. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

static struct state *state;
static uint32_t at, malloc_at;
static const char *what, *kinds, *dir;
static bool persist, counting;
static char maker;
static int error, log_fd = -1;

static struct {
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	int (*ftruncate)(int, off_t);
	int (*fsync)(int);
	int (*fdatasync)(int);
	int (*open)(const char *, int, ...);
	int (*unlink)(const char *);
	int (*rename)(const char *, const char *);
	int (*flock)(int, int);
	int (*pipe2)(int[2], int);
	int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
			   const posix_spawnattr_t *, char *const[], char *const[]);
	int (*nanosleep)(const struct timespec *, struct timespec *);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	ssize_t (*send)(int, const void *, size_t, int);
} real;

/* ------------------------------------------------------------------ start */

static void on_crash(int sig)
{
	atomic_store(&state->crash, (uint32_t)sig);
	raise(sig); /* the handler is gone: SA_RESETHAND */
}

static void watch_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
	struct sigaction act = { .sa_handler = on_crash,
				 .sa_flags = (int)SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &act, NULL);
}

static void *next(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	return p;
}

/* ISO C has no cast from data to functions; POSIX says that this is the way. */
#define NEXT(name) *(void **)&real.name = next(#name)

static void find_real(void)
{
	NEXT(pread);
	NEXT(write);
	NEXT(pwrite);
	NEXT(ftruncate);
	NEXT(fsync);
	NEXT(fdatasync);
	NEXT(open);
	NEXT(unlink);
	NEXT(rename);
	NEXT(flock);
	NEXT(pipe2);
	NEXT(posix_spawn);
	NEXT(nanosleep);
	NEXT(connect);
	NEXT(send);
}

static uint32_t number(const char *name)
{
	const char *s = getenv(name);

	return s != NULL ? (uint32_t)strtoul(s, NULL, 10) : 0;
}

static void open_log(void)
{
	const char *path = getenv("INJECT_LOG");

	dir = getenv("INJECT_DIR");
	if (path != NULL && dir != NULL)
		log_fd = real.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("INJECT_STATE"), *only = getenv("INJECT_ONLY");
	struct state *s;
	int32_t none = 0;
	int fd;

	find_real();
	if (path == NULL)
		return;
	at = number("INJECT_AT");
	malloc_at = number("INJECT_MALLOC");
	persist = number("INJECT_PERSIST") != 0;
	what = getenv("INJECT_WHAT");
	kinds = getenv("INJECT_KINDS");
	error = what != NULL ? atoi(what) : 0;
	fd = real.open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (s == MAP_FAILED)
		abort();
	state = s;
	atomic_compare_exchange_strong(&state->root, &none, (int32_t)getpid());
	watch_crashes();
	open_log();
	counting = only == NULL || strcmp(only, program_invocation_short_name) == 0;
	maker = atomic_load(&state->root) == (int32_t)getpid()		 ? 'r'
		: strcmp(program_invocation_short_name, "tr-fetch") == 0 ? 'f'
									 : 's';
}

/* ------------------------------------------------------------------ what happens */

static void kill_now(void)
{
	pid_t root = (pid_t)atomic_load(&state->root);

	if (strcmp(what, "kill") != 0)
		kill(root, SIGKILL);
	if (strcmp(what, "kill-root") != 0)
		kill(getpid(), SIGKILL);
}

/* Counts a call of ${kind}; true if it is to fail. */
static bool strikes(char kind)
{
	uint32_t n;

	if (!counting)
		return false;
	n = atomic_fetch_add(&state->calls, 1) + 1;
	if (n < CALLS_MAX) {
		state->kinds[n] = kind;
		state->makers[n] = maker;
	}
	if (at == 0 || what == NULL || n < at || (n > at && !persist))
		return false;
	if (kinds != NULL && strchr(kinds, kind) == NULL)
		return false;
	atomic_fetch_add(&state->fired, 1);
	if (strncmp(what, "kill", 4) == 0) {
		kill_now();
		return false;
	}
	errno = error;
	return true;
}

static bool allocation_fails(void)
{
	uint32_t n;

	if (!counting)
		return false;
	n = atomic_fetch_add(&state->allocations, 1) + 1;
	if (malloc_at == 0 || n < malloc_at || (n > malloc_at && !persist))
		return false;
	atomic_fetch_add(&state->fired, 1);
	errno = ENOMEM;
	return true;
}

/* ------------------------------------------------------------------ the log */

/* The path of ${fd} below INJECT_DIR ("." for itself), or NULL. */
static const char *logged(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;
	size_t len;

	if (log_fd < 0)
		return NULL;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	len = strlen(dir);
	if (strncmp(path, dir, len) != 0)
		return NULL;
	if (path[len] == '\0')
		return ".";
	return path[len] == '/' ? path + len + 1 : NULL;
}

static void log_add(char op, const char *path, int64_t offset, const void *data, size_t n)
{
	char head[PATH_MAX + 64];
	struct iovec parts[2];
	int saved = errno;
	int len =
		snprintf(head, sizeof head, "%c %lld %zu %s\n", op, (long long)offset, n, path);

	parts[0] = (struct iovec){ head, (size_t)len };
	parts[1] = (struct iovec){ (void *)(uintptr_t)data, n };
	if (writev(log_fd, parts, 2) != (ssize_t)(n + (size_t)len))
		abort();
	errno = saved;
}

static void log_fd_op(char op, int fd, int64_t offset, const void *data, size_t n)
{
	char path[PATH_MAX];
	const char *name = logged(fd, path);

	if (name != NULL)
		log_add(op, name, offset, data, n);
}

/* ------------------------------------------------------------------ the calls */

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether a failure is a transfer of half of ${n} bytes instead. */
static bool is_short(size_t n)
{
	return n > 1 && strcmp(what, "short") == 0;
}

ssize_t pread(int fd, void *data, size_t n, off_t offset)
{
	if (state != NULL && strikes('g'))
		return -1;
	return real.pread(fd, data, n, offset);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t offset)
{
	return pread(fd, data, n, offset);
}

ssize_t write(int fd, const void *data, size_t n)
{
	/* what is said about the fault must not be lost to it */
	bool fails = state != NULL && strikes(fd != 2 && is_file(fd) ? 'w' : 'W');
	ssize_t done;

	if (fails && !is_short(n) && error != 0)
		return -1;
	done = real.write(fd, data, fails && is_short(n) ? n / 2 : n);
	if (done > 0 && log_fd >= 0)
		log_fd_op('w', fd, lseek(fd, 0, SEEK_CUR) - done, data, (size_t)done);
	return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
	bool fails = state != NULL && strikes('p');
	ssize_t done;

	if (fails && !is_short(n) && error != 0)
		return -1;
	done = real.pwrite(fd, data, fails && is_short(n) ? n / 2 : n, offset);
	if (done > 0 && log_fd >= 0)
		log_fd_op('w', fd, offset, data, (size_t)done);
	return done;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
	return pwrite(fd, data, n, offset);
}

int ftruncate(int fd, off_t length)
{
	int r;

	if (state != NULL && strikes('t'))
		return -1;
	r = real.ftruncate(fd, length);
	if (r == 0 && log_fd >= 0)
		log_fd_op('t', fd, length, NULL, 0);
	return r;
}

int ftruncate64(int fd, off64_t length)
{
	return ftruncate(fd, length);
}

static int sync_with(int (*call)(int), int fd)
{
	int r;

	if (state != NULL && strikes(is_directory(fd) ? 'd' : 's'))
		return -1;
	r = call(fd);
	if (r == 0 && log_fd >= 0)
		log_fd_op('s', fd, 0, NULL, 0);
	return r;
}

int fsync(int fd)
{
	return sync_with(real.fsync, fd);
}

int fdatasync(int fd)
{
	return sync_with(real.fdatasync, fd);
}

static int open_with(const char *path, int flags, mode_t mode)
{
	bool creates = (flags & O_CREAT) != 0;
	bool fresh = creates && log_fd >= 0 && access(path, F_OK) != 0;
	int fd;

	if (state != NULL && strikes(creates ? 'c' : 'o'))
		return -1;
	fd = real.open(path, flags, mode);
	if (fd >= 0 && fresh)
		log_fd_op('c', fd, 0, NULL, 0);
	if (fd >= 0 && (flags & O_TRUNC) != 0 && log_fd >= 0)
		log_fd_op('t', fd, 0, NULL, 0);
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return open_with(path, flags, mode);
}

int __open_2(const char *path, int flags)
{
	return open_with(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_with(path, flags, 0);
}

int unlink(const char *path)
{
	int r;

	if (state != NULL && strikes('u'))
		return -1;
	r = real.unlink(path);
	if (r == 0 && log_fd >= 0 && strncmp(path, dir, strlen(dir)) == 0)
		log_add('u', path + strlen(dir) + 1, 0, NULL, 0);
	return r;
}

/* The new name is the path of the entry, the old one its data. */
int rename(const char *from, const char *to)
{
	size_t n = log_fd >= 0 ? strlen(dir) : 0;
	int r;

	if (state != NULL && strikes('r'))
		return -1;
	r = real.rename(from, to);
	if (r == 0 && log_fd >= 0 && strncmp(from, dir, n) == 0 && strncmp(to, dir, n) == 0)
		log_add('r', to + n + 1, 0, from + n + 1, strlen(from + n + 1));
	return r;
}

int flock(int fd, int operation)
{
	if (state != NULL && strikes((operation & LOCK_UN) != 0 ? 'L' : 'l'))
		return -1;
	return real.flock(fd, operation);
}

int pipe2(int fds[2], int flags)
{
	if (state != NULL && strikes('i'))
		return -1;
	return real.pipe2(fds, flags);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	if (state != NULL && strikes('x'))
		return error;
	return real.posix_spawn(pid, path, actions, attr, argv, envp);
}

int connect(int fd, const struct sockaddr *address, socklen_t n)
{
	if (state != NULL && strikes('n'))
		return -1;
	return real.connect(fd, address, n);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	if (state != NULL && strikes('n'))
		return -1;
	return real.send(fd, data, n, flags);
}

/* Waiting for what was injected proves nothing more by lasting longer. */
int nanosleep(const struct timespec *t, struct timespec *left)
{
	struct timespec nap = *t;
	int64_t ns;

	if (state != NULL) {
		ns = ((int64_t)t->tv_sec * 1000000000 + t->tv_nsec) / NAP_DIVISOR;
		nap.tv_sec = (time_t)(ns / 1000000000);
		nap.tv_nsec = (long)(ns % 1000000000);
	}
	return real.nanosleep(&nap, left);
}

/* ------------------------------------------------------------------ allocation */

void *malloc(size_t n)
{
	return allocation_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return allocation_fails() ? NULL : __libc_realloc(p, n);
}
