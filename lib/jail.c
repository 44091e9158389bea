#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"

/*
 * Landlock allows what is listed and nothing else, and follows no links: a rule is bound to the
 * file that a path leads to now. The lists below name what interpreters and libraries open. Of
 * /etc they name single entries, since it holds secrets next to what everybody needs. Of /proc
 * they name files that tell about the machine, and of the process itself what runtimes read:
 * neither its network tables, which show the connections of others, nor other processes.
 */

/* What the header of an old kernel lacks. */
#define JAIL_FS_REFER (1ULL << 13)     /* since 2 */
#define JAIL_FS_TRUNCATE (1ULL << 14)  /* since 3 */
#define JAIL_FS_IOCTL_DEV (1ULL << 15) /* since 5 */
#define JAIL_NET_TCP 3ULL	       /* bind and connect, since 4 */
#define JAIL_SCOPED 3ULL	       /* abstract sockets and signals, since 6 */

struct jail_ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define JAIL_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define JAIL_RUN (JAIL_READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define JAIL_USE                                                                           \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | JAIL_FS_TRUNCATE | \
	 JAIL_FS_IOCTL_DEV)
/* what a rule about a file, and not a directory, may hold */
#define JAIL_OF_FILE (JAIL_USE | LANDLOCK_ACCESS_FS_EXECUTE)
/* not even in the scratch directory */
#define JAIL_NEVER                                                      \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | JAIL_FS_IOCTL_DEV)

struct jail_list {
	uint64_t rights;
	const char *const *paths; /* patterns of glob(3), NULL-terminated */
};

static const char *const jail_system[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", NULL,
};

static const char *const jail_devices[] = { "/dev/null", "/dev/zero", "/dev/full", NULL };

static const char *const jail_information[] = {
	"/dev/random",
	"/dev/urandom",
	"/etc/alternatives",
	"/etc/ca-certificates",
	"/etc/crypto-policies",
	"/etc/debian_version",
	"/etc/fonts",
	"/etc/gai.conf",
	"/etc/group",
	"/etc/host.conf",
	"/etc/hosts",
	"/etc/java-[0-9]*",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/ld.so.preload",
	"/etc/locale.alias",
	"/etc/localtime",
	"/etc/mime.types",
	"/etc/networks",
	"/etc/nsswitch.conf",
	"/etc/os-release",
	"/etc/passwd",
	"/etc/perl",
	"/etc/pki/ca-trust/extracted",
	"/etc/pki/tls/cert.pem",
	"/etc/pki/tls/certs",
	"/etc/pki/tls/openssl.cnf",
	"/etc/protocols",
	"/etc/python[0-9]*",
	"/etc/resolv.conf",
	"/etc/services",
	"/etc/ssl/cert.pem",
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/terminfo",
	"/etc/timezone",
	"/proc/cpuinfo",
	"/proc/filesystems",
	"/proc/loadavg",
	"/proc/meminfo",
	"/proc/self/auxv",
	"/proc/self/cgroup",
	"/proc/self/cmdline",
	"/proc/self/comm",
	"/proc/self/environ",
	"/proc/self/fd",
	"/proc/self/limits",
	"/proc/self/maps",
	"/proc/self/mountinfo",
	"/proc/self/smaps",
	"/proc/self/stat",
	"/proc/self/statm",
	"/proc/self/status",
	"/proc/stat",
	"/proc/sys/kernel/cap_last_cap",
	"/proc/sys/kernel/ngroups_max",
	"/proc/sys/kernel/osrelease",
	"/proc/sys/kernel/pid_max",
	"/proc/sys/vm/max_map_count",
	"/proc/sys/vm/overcommit_memory",
	"/proc/uptime",
	"/proc/version",
	"/sys/devices/system/cpu",
	"/sys/kernel/mm/transparent_hugepage",
	NULL,
};

static const struct jail_list jail_lists[] = {
	{ JAIL_RUN, jail_system },
	{ JAIL_USE, jail_devices },
	{ JAIL_READ, jail_information },
};

#define JAIL_LISTS (sizeof jail_lists / sizeof jail_lists[0])

static int jail_refuse(const char *what, struct err *e)
{
	return err_sys(e, ERR_CONFIG,
		       "cannot confine a program here, --unconfined runs it without: %s", what);
}

/* What this kernel can be asked for. */
static struct jail_ruleset jail_handled(int abi, bool network)
{
	struct jail_ruleset r = { .fs = JAIL_FS_REFER - 1 };

	if (abi >= 2)
		r.fs |= JAIL_FS_REFER;
	if (abi >= 3)
		r.fs |= JAIL_FS_TRUNCATE;
	if (abi >= 4 && !network)
		r.net = JAIL_NET_TCP;
	if (abi >= 5)
		r.fs |= JAIL_FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = JAIL_SCOPED;
	return r;
}

static int jail_add(int ruleset, int fd, uint64_t rights, struct err *e)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	if (rights == 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0)
		return 0;
	return jail_refuse("a rule of landlock", e);
}

/* ${handled} is what the ruleset knows of; more is an error of the kernel's. */
static int jail_allow(int ruleset, const char *path, uint64_t rights, uint64_t handled,
		      struct err *e)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "%s", path);
	rights &= handled;
	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		rights &= JAIL_OF_FILE;
	rc = jail_add(ruleset, fd, rights, e);
	close(fd);
	return rc;
}

/* What the system has of a list. */
static int jail_allow_list(int ruleset, const struct jail_list *list, uint64_t handled,
			   struct err *e)
{
	int rc = 0;

	for (size_t i = 0; list->paths[i] != NULL && rc == 0; i++) {
		glob_t found = { 0 };

		if (glob(list->paths[i], GLOB_NOSORT, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc && rc == 0; k++)
				if (access(found.gl_pathv[k], F_OK) == 0)
					rc = jail_allow(ruleset, found.gl_pathv[k],
							list->rights, handled, e);
		globfree(&found);
	}
	return rc;
}

/* The program; that it is absent, or no file, is for exec to say. */
static int jail_allow_program(int ruleset, const char *program, uint64_t handled, struct err *e)
{
	struct stat st;

	if (program == NULL || stat(program, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	return jail_allow(ruleset, program, JAIL_RUN, handled, e);
}

static int jail_allow_all(int ruleset, const struct jail_rules *r, uint64_t handled,
			  struct err *e)
{
	for (size_t i = 0; i < JAIL_LISTS; i++)
		if (jail_allow_list(ruleset, &jail_lists[i], handled, e) != 0)
			return -1;
	for (size_t i = 0; i < r->n_read; i++)
		if (jail_allow(ruleset, r->read[i], JAIL_RUN, handled, e) != 0)
			return -1;
	if (r->scratch != NULL &&
	    jail_allow(ruleset, r->scratch, handled & ~JAIL_NEVER, handled, e) != 0)
		return -1;
	return jail_allow_program(ruleset, r->program, handled, e);
}

static int jail_lock(const struct jail_rules *r, int abi, struct err *e)
{
	struct jail_ruleset handled = jail_handled(abi, r->network);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	int rc;

	if (ruleset < 0)
		return jail_refuse("landlock", e);
	rc = jail_allow_all(ruleset, r, handled.fs, e);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = jail_refuse("landlock", e);
	close(ruleset);
	return rc;
}

/* Root without any is still the owner of its files, and no more than that. */
static int jail_drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { 0 };

	/* who may not drop them has none to regain: no set-user-ID program gives any */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		continue;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) != 0)
		return jail_refuse("the capabilities", e);
	return 0;
}

int jail_enter(const struct jail_rules *r, struct err *e)
{
	long abi =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1)
		return jail_refuse("landlock", e);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return jail_refuse("no_new_privs", e);
	if (jail_lock(r, (int)abi, e) != 0 || jail_drop_capabilities(e) != 0)
		return -1;
	return jail_filter(r->network, (int)abi, e);
}
