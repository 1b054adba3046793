/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_list.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/str.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define ALLOW .action = SECCOMP_RET_ALLOW
#define REFUSE(code) .action = SECCOMP_RET_ERRNO | (code)
/* Comparisons of what the kernel takes as 32 bits. */
#define ARG(n, operation, v) \
	{ \
		.arg = (n), .op = (operation), .low = true, .value = (v) \
	}

#define NAMESPACE_FLAGS \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define SET_ID (S_ISUID | S_ISGID)
#define MAY_CREATE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) /* only then open has a mode */

enum {
	VSOCK = 40, /* AF_VSOCK reaches the hypervisor's services, past every network rule */
	TERMINAL_INPUT = 0x5412, /* TIOCSTI: types into the terminal for whoever reads it next */
	TERMINAL_LINUX = 0x541c, /* TIOCLINUX: pastes the selection, the same in effect */
	LAST_KNOWN = 469, /* file_setattr; the table below was made with all up to here in mind */
};

/* What every container may call: the shape of Docker's profile, by subject. Not in it, on purpose,
 * since their bugs have been ways out or since they act on the whole host: keyctl and its kin,
 * io_uring, userfaultfd, modules, kexec, swap, quota, NUMA moves of others, obsolete calls. */
static const char always[] =
	/* files */
	"access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
	"faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 "
	"fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr "
	"flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
	"ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat ioctl "
	"lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek "
	"lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at "
	"newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read "
	"readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 "
	"rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx "
	"symlink symlinkat sync sync_file_range sync_file_range2 arm_sync_file_range "
	"arm_fadvise64_64 syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat "
	"utimensat_time64 utimes vmsplice write writev "
	/* mounts: to look only */
	"listmount statmount "
	/* events */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init "
	"inotify_init1 inotify_rm_watch _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 "
	"pselect6_time64 select signalfd signalfd4 io_cancel io_destroy io_getevents "
	"io_pgetevents io_pgetevents_time64 io_setup io_submit "
	/* memory */
	"brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore "
	"mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap "
	"pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages "
	/* processes and threads */
	"arch_prctl breakpoint cacheflush capget capset execve execveat exit exit_group fork "
	"futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
	"get_thread_area getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
	"getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid "
	"getresuid32 getrlimit getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set "
	"landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr "
	"lsm_list_modules lsm_set_self_attr modify_ldt pidfd_open prctl prlimit64 "
	"process_vm_readv process_vm_writev ptrace rseq sched_get_priority_max "
	"sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
	"sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
	"sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
	"set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid "
	"setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 "
	"setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid "
	"setuid32 sysinfo ugetrlimit uname uprobe uretprobe vfork wait4 waitid waitpid "
	/* signals */
	"alarm kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending "
	"rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
	"rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill tkill "
	/* time: adjtimex to look, the kernel refuses the rest without CAP_SYS_TIME */
	"adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
	"setitimer time timer_create timer_delete timer_getoverrun timer_gettime "
	"timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
	"timerfd_gettime64 timerfd_settime timerfd_settime64 times "
	/* sockets and System V's and POSIX's messages; socketcall and ipc are 32-bit libc's way to them */
	"accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom "
	"recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown "
	"socketcall socketpair ipc mq_getsetattr mq_notify mq_open mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv "
	"msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget "
	"getrandom";

static const struct seccomp_rule table[] = {
	{ .names = always, ALLOW },

	/* Kept apart from `always`: what is said of one of their arguments. */
	{ .names = "ioctl",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 1,
	  .compares = { ARG(1, SECCOMP_EQ, TERMINAL_INPUT) } },
	{ .names = "ioctl",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 1,
	  .compares = { ARG(1, SECCOMP_EQ, TERMINAL_LINUX) } },
	{ .names = "socket", ALLOW, .compare_count = 1, .compares = { ARG(0, SECCOMP_NE, VSOCK) } },
	/* Linux, Linux with 32-bit uname, the same two with UNAME26, and the question. */
	{ .names = "personality", ALLOW, .compare_count = 1, .compares = { ARG(0, SECCOMP_EQ, 0) } },
	{ .names = "personality", ALLOW, .compare_count = 1, .compares = { ARG(0, SECCOMP_EQ, 8) } },
	{ .names = "personality",
	  ALLOW,
	  .compare_count = 1,
	  .compares = { ARG(0, SECCOMP_EQ, 0x20000) } },
	{ .names = "personality",
	  ALLOW,
	  .compare_count = 1,
	  .compares = { ARG(0, SECCOMP_EQ, 0x20008) } },
	{ .names = "personality",
	  ALLOW,
	  .compare_count = 1,
	  .compares = { ARG(0, SECCOMP_EQ, 0xffffffff) } },
	/* No new namespaces. clone3 hides its flags in memory: ENOSYS makes libc take clone. */
	{ .names = "clone",
	  .without = CAP(SYS_ADMIN),
	  ALLOW,
	  .compare_count = 1,
	  .compares = { ARG(0, SECCOMP_MASKED_EQ, NAMESPACE_FLAGS) } },
	{ .names = "clone3", .without = CAP(SYS_ADMIN), REFUSE(ENOSYS) },

	{ .names =
		  "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
		  "mount mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl "
		  "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
	  .with = CAP(SYS_ADMIN),
	  ALLOW },
	{ .names = "bpf", .with = CAP(BPF), ALLOW },
	{ .names = "perf_event_open", .with = CAP(PERFMON), ALLOW },
	{ .names = "syslog", .with = CAP(SYSLOG), ALLOW },
	{ .names = "open_by_handle_at", .with = CAP(DAC_READ_SEARCH), ALLOW },
	{ .names = "reboot", .with = CAP(SYS_BOOT), ALLOW },
	{ .names = "chroot", .with = CAP(SYS_CHROOT), ALLOW },
	{ .names = "delete_module finit_module init_module", .with = CAP(SYS_MODULE), ALLOW },
	{ .names = "acct", .with = CAP(SYS_PACCT), ALLOW },
	{ .names = "kcmp pidfd_getfd process_madvise", .with = CAP(SYS_PTRACE), ALLOW },
	{ .names = "ioperm iopl", .with = CAP(SYS_RAWIO), ALLOW },
	{ .names = "clock_settime clock_settime64 settimeofday stime",
	  .with = CAP(SYS_TIME),
	  ALLOW },
	{ .names = "vhangup", .with = CAP(SYS_TTY_CONFIG), ALLOW },
	{ .names = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
	  .with = CAP(SYS_NICE),
	  ALLOW },
};

static const struct seccomp_rule no_set_id[] = {
	{ .names = "chmod creat fchmod",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 1,
	  .compares = { ARG(1, SECCOMP_ANY, SET_ID) } },
	{ .names = "mknod",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 1,
	  .compares = { ARG(1, SECCOMP_ANY, SET_ID) } },
	{ .names = "fchmodat fchmodat2 mknodat",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 1,
	  .compares = { ARG(2, SECCOMP_ANY, SET_ID) } },
	/* Without these flags the mode is whatever the register held. */
	{ .names = "open",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 2,
	  .compares = { ARG(1, SECCOMP_ANY, MAY_CREATE), ARG(2, SECCOMP_ANY, SET_ID) } },
	{ .names = "openat",
	  REFUSE(EPERM),
	  .guard = true,
	  .compare_count = 2,
	  .compares = { ARG(2, SECCOMP_ANY, MAY_CREATE), ARG(3, SECCOMP_ANY, SET_ID) } },
	/* Their modes lie in memory. Programs do without openat2 where it is missing. */
	{ .names = "openat2", REFUSE(ENOSYS), .guard = true },
	{ .names = "io_uring_enter io_uring_register io_uring_setup", REFUSE(EPERM), .guard = true },
};

/* Numbers are the same everywhere since 424; libseccomp 2.5.4 knows those of kernel 5.17. */
static const struct {
	const char *name;
	int number;
	uint32_t audit; /* 0: everywhere */
} newer[] = {
	{ "set_mempolicy_home_node", 450, 0 },
	{ "cachestat", 451, 0 },
	{ "fchmodat2", 452, 0 },
	{ "map_shadow_stack", 453, 0 },
	{ "futex_wake", 454, 0 },
	{ "futex_wait", 455, 0 },
	{ "futex_requeue", 456, 0 },
	{ "statmount", 457, 0 },
	{ "listmount", 458, 0 },
	{ "lsm_get_self_attr", 459, 0 },
	{ "lsm_set_self_attr", 460, 0 },
	{ "lsm_list_modules", 461, 0 },
	{ "mseal", 462, 0 },
	{ "setxattrat", 463, 0 },
	{ "getxattrat", 464, 0 },
	{ "listxattrat", 465, 0 },
	{ "removexattrat", 466, 0 },
	{ "open_tree_attr", 467, 0 },
	{ "file_getattr", 468, 0 },
	{ "file_setattr", 469, 0 },
	{ "uretprobe", 335, AUDIT_ARCH_X86_64 },
	{ "uprobe", 336, AUDIT_ARCH_X86_64 },
};

#define X32_BIT 0x40000000u

/* The machine's own first. ARM's private numbers lie far above all others. */
static const struct seccomp_arch archs[] = {
#if defined(__x86_64__)
	{ "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, 0, 337, 423, 0 },
	{ "SCMP_ARCH_X86", AUDIT_ARCH_I386, AUDIT_ARCH_I386, 0, 0, 0, 0 },
	{ "SCMP_ARCH_X32", EM_X86_64 | __AUDIT_ARCH_LE, AUDIT_ARCH_X86_64, X32_BIT, 335, 423, 547 },
#elif defined(__aarch64__)
	{ "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0, 295, 423, 0 },
	{ "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, AUDIT_ARCH_ARM, 0, 0, 0, 0 },
#else
#error "the seccomp module knows x86-64 and arm64"
#endif
};

const struct seccomp_arch *seccomp_list_arch_native(void)
{
	return &archs[0];
}

const struct seccomp_arch *seccomp_list_arch(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (strcmp(archs[i].name, name) == 0)
			return &archs[i];
	return NULL;
}

void seccomp_rules_add_arch(struct seccomp_rules *rules, const struct seccomp_arch *arch)
{
	for (size_t i = 0; i < rules->arch_count; i++)
		if (rules->archs[i] == arch)
			return;
	if (rules->arch_count < SECCOMP_ARCHS)
		rules->archs[rules->arch_count++] = arch;
}

void seccomp_rules_add(struct seccomp_rules *rules, const struct seccomp_rule *rule)
{
	if (rules->count == rules->room) {
		struct seccomp_rule *more;

		rules->room = rules->room ? 2 * rules->room : 64;
		more = mem_new(rules->room * sizeof(*more));
		if (rules->count)
			memcpy(more, rules->items, rules->count * sizeof(*more));
		free(rules->items);
		rules->items = more;
	}
	rules->items[rules->count++] = *rule;
}

void seccomp_rules_add_args(struct seccomp_rules *rules, const struct seccomp_rule *rule,
			    const struct seccomp_compare *compares, size_t count)
{
	struct seccomp_rule one = *rule;
	bool alternatives = false;
	unsigned int seen = 0;

	for (size_t i = 0; i < count; i++) {
		alternatives = alternatives || (seen & 1u << compares[i].arg);
		seen |= 1u << compares[i].arg;
	}
	if (!alternatives) {
		one.compare_count = (uint8_t)count;
		if (count)
			memcpy(one.compares, compares, count * sizeof(*compares));
		seccomp_rules_add(rules, &one);
		return;
	}
	one.compare_count = 1;
	for (size_t i = 0; i < count; i++) {
		one.compares[0] = compares[i];
		seccomp_rules_add(rules, &one);
	}
}

void seccomp_rules_clear(struct seccomp_rules *rules)
{
	free(rules->items);
	strv_clear(rules->strings);
	*rules = (struct seccomp_rules){ 0 };
}

void seccomp_list_builtin(struct seccomp_rules *rules, uint64_t capabilities)
{
	rules->default_action = SECCOMP_RET_ERRNO | EPERM;
	rules->newer_enosys = true;
	rules->last_known = LAST_KNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		seccomp_rules_add_arch(rules, &archs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if ((table[i].with & ~capabilities) == 0 && (table[i].without & capabilities) == 0)
			seccomp_rules_add(rules, &table[i]);
}

void seccomp_list_no_set_id(struct seccomp_rules *rules)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_set_id); i++)
		seccomp_rules_add(rules, &no_set_id[i]);
}

int seccomp_list_number(const struct seccomp_arch *arch, const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
		if (strlen(newer[i].name) == length && memcmp(newer[i].name, name, length) == 0 &&
		    (newer[i].audit == 0 || (newer[i].audit == arch->audit && arch->bit == 0)))
			return newer[i].number;
	return -1;
}
