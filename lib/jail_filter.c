#include "jail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"

/*
 * The filter denies by name. What it does not name is harmless or is judged by landlock; what
 * is newer than this file does not exist for the program (ENOSYS), which then takes the old
 * way. The tables are walked in order, one row after the other; the first that decides,
 * decides.
 *
 * Nothing can leave the process group: one kill of the group then ends a program with all that
 * it has started, which one kill per process does not when each starts the next before it ends.
 *
 * Landlock does not see changes of mode, owner, attributes or times of a file: they are denied
 * here, but for the times of an open file. Sockets by path are not its matter either: AF_UNIX
 * stays denied when the network is granted, since behind it are the services of the machine. A
 * pair of sockets of datagrams could send to any address, so only streams come in pairs.
 */

#if defined __x86_64__
#define JAIL_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define JAIL_ARCH AUDIT_ARCH_AARCH64
#else
#define JAIL_ARCH 0
#endif

#define JAIL_X32 0x40000000U /* the calls of another ABI begin here */
#define JAIL_LAST 462U	     /* the newest call that was considered: mseal */
#define JAIL_CODE_MAX 1024

enum jail_op {
	JAIL_DENY,    /* always */
	JAIL_DENY_EQ, /* if the masked word of the argument is the value */
	JAIL_DENY_NE, /* if it is not */
	JAIL_PERMIT,  /* allow, if it is */
};

struct jail_row {
	int call;
	enum jail_op op;
	int error;
	int word; /* of the arguments: two per argument, the low one first */
	uint32_t mask;
	uint32_t value;
};

struct jail_code {
	struct sock_filter ops[JAIL_CODE_MAX];
	unsigned short n;
};

#define JAIL_LOW(arg) (2 * (arg))
#define JAIL_HIGH(arg) (2 * (arg) + 1)
#define JAIL_ALL 0xffffffffU

#define JAIL_CLONE_NEW                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define JAIL_ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

/* Denied to everybody. */
static const struct jail_row jail_common[] = {
	/* other processes: to look into them, to slow them down, to take their descriptors */
	{ SYS_ptrace, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_process_vm_readv, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_process_vm_writev, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_process_madvise, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_process_mrelease, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_pidfd_getfd, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_kcmp, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_migrate_pages, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_move_pages, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_prlimit64, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	{ SYS_setpriority, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	{ SYS_setpriority, JAIL_DENY_NE, EPERM, JAIL_LOW(1), JAIL_ALL, 0 },
	{ SYS_ioprio_set, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 1 },
	{ SYS_ioprio_set, JAIL_DENY_NE, EPERM, JAIL_LOW(1), JAIL_ALL, 0 },
	{ SYS_sched_setaffinity, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	{ SYS_sched_setparam, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	{ SYS_sched_setscheduler, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	{ SYS_sched_setattr, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, 0 },
	/* the process group, and signals by way of a descriptor's owner */
	{ SYS_setsid, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_setpgid, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fcntl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, F_SETOWN },
	{ SYS_fcntl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, F_SETOWN_EX },
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, FIOSETOWN },
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, SIOCSPGRP },
	/* typing on the terminal of others */
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, TIOCSTI },
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), JAIL_ALL, TIOCLINUX },
	/* flags and attributes of files: all of 'f' and 'X' */
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), 0xff00, 'f' << 8 },
	{ SYS_ioctl, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), 0xff00, 'X' << 8 },
	{ SYS_fchmod, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fchmodat, JAIL_DENY, EPERM, 0, 0, 0 },
	{ 452 /* fchmodat2 */, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fchown, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fchownat, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_setxattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_lsetxattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fsetxattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_removexattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_lremovexattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fremovexattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_utimensat, JAIL_DENY_NE, EPERM, JAIL_LOW(1), JAIL_ALL, 0 },
	{ SYS_utimensat, JAIL_DENY_NE, EPERM, JAIL_HIGH(1), JAIL_ALL, 0 },
	{ SYS_name_to_handle_at, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_open_by_handle_at, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fanotify_init, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_inotify_init1, JAIL_DENY, EPERM, 0, 0, 0 },
	/* memory and messages shared with other processes of the user */
	{ SYS_shmget, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_shmat, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_shmctl, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_semget, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_semop, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_semtimedop, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_semctl, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_msgget, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_msgsnd, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_msgrcv, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_msgctl, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_mq_open, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_mq_unlink, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_add_key, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_request_key, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_keyctl, JAIL_DENY, EPERM, 0, 0, 0 },
	/* other views of the system; clone3 has its flags in memory, clone does instead */
	{ SYS_unshare, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_setns, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_clone, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_CLONE_NEW, 0 },
	{ SYS_clone3, JAIL_DENY, ENOSYS, 0, 0, 0 },
	{ SYS_mount, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_umount2, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_pivot_root, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_chroot, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_open_tree, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_move_mount, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fsopen, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fsconfig, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fsmount, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_fspick, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_mount_setattr, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_personality, JAIL_DENY_NE, EPERM, JAIL_LOW(0), JAIL_ALL, JAIL_ALL },
	/* parts of the kernel that were often broken into */
	{ SYS_bpf, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_perf_event_open, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_userfaultfd, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_io_uring_setup, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_io_uring_enter, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_io_uring_register, JAIL_DENY, EPERM, 0, 0, 0 },
	/* the machine */
	{ SYS_init_module, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_finit_module, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_delete_module, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_kexec_load, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_reboot, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_swapon, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_swapoff, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_acct, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_quotactl, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_quotactl_fd, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_syslog, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_settimeofday, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_clock_settime, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_sethostname, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_setdomainname, JAIL_DENY, EPERM, 0, 0, 0 },
	/* sockets of the machine itself: only pairs of streams */
	{ SYS_socketpair, JAIL_DENY_NE, EACCES, JAIL_LOW(0), JAIL_ALL, AF_UNIX },
	{ SYS_socketpair, JAIL_DENY_EQ, EACCES, JAIL_LOW(1), 0xf, SOCK_DGRAM },
	{ SYS_socketpair, JAIL_DENY_EQ, EACCES, JAIL_LOW(1), 0xf, SOCK_RAW },
#ifdef __x86_64__
	{ SYS_chmod, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_chown, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_lchown, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_utime, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_utimes, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_futimesat, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_inotify_init, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_kexec_file_load, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_iopl, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_ioperm, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_modify_ldt, JAIL_DENY, EPERM, 0, 0, 0 },
#endif
};

static const struct jail_row jail_offline[] = {
	{ SYS_socket, JAIL_DENY, EACCES, 0, 0, 0 }, { SYS_connect, JAIL_DENY, EACCES, 0, 0, 0 },
	{ SYS_bind, JAIL_DENY, EACCES, 0, 0, 0 },   { SYS_listen, JAIL_DENY, EACCES, 0, 0, 0 },
	{ SYS_accept, JAIL_DENY, EACCES, 0, 0, 0 }, { SYS_accept4, JAIL_DENY, EACCES, 0, 0, 0 },
};

static const struct jail_row jail_online[] = {
	{ SYS_socket, JAIL_PERMIT, 0, JAIL_LOW(0), JAIL_ALL, AF_INET },
	{ SYS_socket, JAIL_PERMIT, 0, JAIL_LOW(0), JAIL_ALL, AF_INET6 },
	{ SYS_socket, JAIL_DENY, EACCES, 0, 0, 0 },
};

/* Before landlock's third version files could be cut short by whoever could not write them. */
static const struct jail_row jail_truncation[] = {
	{ SYS_truncate, JAIL_DENY, EPERM, 0, 0, 0 },
	{ SYS_openat2, JAIL_DENY, ENOSYS, 0, 0, 0 },
	{ SYS_openat, JAIL_DENY_EQ, EPERM, JAIL_LOW(2), O_TRUNC | O_ACCMODE, O_TRUNC },
	{ SYS_openat, JAIL_DENY_EQ, EPERM, JAIL_LOW(2), O_TRUNC | O_ACCMODE,
	  O_TRUNC | O_ACCMODE },
#ifdef __x86_64__
	{ SYS_open, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), O_TRUNC | O_ACCMODE, O_TRUNC },
	{ SYS_open, JAIL_DENY_EQ, EPERM, JAIL_LOW(1), O_TRUNC | O_ACCMODE,
	  O_TRUNC | O_ACCMODE },
#endif
};

static void jail_emit(struct jail_code *c, struct sock_filter op)
{
	assert(c->n < JAIL_CODE_MAX);
	c->ops[c->n++] = op;
}

static void jail_load(struct jail_code *c, size_t offset)
{
	jail_emit(c, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void jail_jump(struct jail_code *c, unsigned short how, uint32_t value,
		      unsigned char yes, unsigned char no)
{
	jail_emit(c, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | BPF_K | how),
						  value, yes, no));
}

static void jail_return(struct jail_code *c, uint32_t verdict)
{
	jail_emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static void jail_row(struct jail_code *c, const struct jail_row *r)
{
	uint32_t verdict = r->op == JAIL_PERMIT ? SECCOMP_RET_ALLOW
						: SECCOMP_RET_ERRNO | (uint32_t)r->error;
	bool differs = r->op == JAIL_DENY_NE;

	/* the number of the call is loaded before each row and after it */
	if (r->op == JAIL_DENY) {
		jail_jump(c, BPF_JEQ, (uint32_t)r->call, 0, 1);
		jail_return(c, verdict);
		return;
	}
	jail_jump(c, BPF_JEQ, (uint32_t)r->call, 0, 5);
	jail_load(c, offsetof(struct seccomp_data, args) + 4 * (size_t)r->word);
	jail_emit(c, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, r->mask));
	jail_jump(c, BPF_JEQ, r->value, differs ? 1 : 0, differs ? 0 : 1);
	jail_return(c, verdict);
	jail_load(c, offsetof(struct seccomp_data, nr));
}

static void jail_rows(struct jail_code *c, const struct jail_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		jail_row(c, &rows[i]);
}

/*
 * Before landlock's sixth version signals reach every process of the user. The program may then
 * send them to itself and, if it leads its process group, to that.
 */
static void jail_signals(struct jail_code *c)
{
	static const int calls[] = { SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
				     SYS_rt_tgsigqueueinfo };
	uint32_t self = (uint32_t)getpid();
	struct jail_row row = { .mask = JAIL_ALL, .error = EPERM };

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		row.call = calls[i];
		row.op = JAIL_PERMIT;
		row.value = self;
		jail_row(c, &row);
		if (row.call == SYS_kill && getpgrp() == getpid()) {
			row.value = 0;
			jail_row(c, &row);
			row.value = -self;
			jail_row(c, &row);
		}
		row.op = JAIL_DENY;
		jail_row(c, &row);
	}
	row.call = SYS_pidfd_send_signal;
	jail_row(c, &row);
}

static void jail_compile(struct jail_code *c, bool network, int abi)
{
	jail_load(c, offsetof(struct seccomp_data, arch));
	jail_jump(c, BPF_JEQ, JAIL_ARCH, 1, 0);
	jail_return(c, SECCOMP_RET_KILL_PROCESS);
	jail_load(c, offsetof(struct seccomp_data, nr));
	jail_jump(c, BPF_JGE, JAIL_X32, 0, 1);
	jail_return(c, SECCOMP_RET_KILL_PROCESS);
	jail_jump(c, BPF_JGT, JAIL_LAST, 0, 1);
	jail_return(c, SECCOMP_RET_ERRNO | ENOSYS);
	jail_rows(c, JAIL_ROWS(jail_common));
	if (network)
		jail_rows(c, JAIL_ROWS(jail_online));
	else
		jail_rows(c, JAIL_ROWS(jail_offline));
	if (abi < 3)
		jail_rows(c, JAIL_ROWS(jail_truncation));
	if (abi < 6)
		jail_signals(c);
	jail_return(c, SECCOMP_RET_ALLOW);
}

int jail_filter(bool network, int abi, struct err *e)
{
	struct jail_code code = { .n = 0 };
	struct sock_fprog program = { .filter = code.ops };

	if (JAIL_ARCH == 0)
		return err_set(e, ERR_CONFIG,
			       "cannot confine a program here, --unconfined runs it without: "
			       "the calls of this processor are not known");
	jail_compile(&code, network, abi);
	program.len = code.n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return err_sys(e, ERR_CONFIG,
			       "cannot confine a program here, --unconfined runs it without: "
			       "seccomp");
	return 0;
}
