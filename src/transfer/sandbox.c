/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

/* Newer than the oldest supported kernel headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Bytes of memory: xz with its largest dictionary, zstd's window, and room. */
static const rlim_t memory_limit = 1ULL << 30;
/* The largest file offset: a sparse lastlog has hundreds of GiB, 8 EiB is an attack. */
static const rlim_t file_limit = 1ULL << 42;

/* What writing another system's files takes (capabilities(7)). */
static const unsigned int tree_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
					  CAP_SETFCAP };

static int own_namespaces(struct err *err)
{
	/* EINVAL: a kernel built without one of them has nothing to separate */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EINVAL)
		return err_sys(err, errno, "make network and IPC namespaces");
	return 0;
}

static int limits(struct err *err)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit memory = { memory_limit, memory_limit }, file = { file_limit, file_limit },
		      now;

	if (getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_max < file_limit)
		file.rlim_cur = file.rlim_max = now.rlim_max;
	if (getrlimit(RLIMIT_AS, &now) == 0 && now.rlim_max < memory_limit)
		memory.rlim_cur = memory.rlim_max = now.rlim_max;
	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_FSIZE, &file) < 0 ||
	    (!SANITIZED && setrlimit(RLIMIT_AS, &memory) < 0))
		return err_sys(err, errno, "set limits");
	return 0;
}

static int confine_root(int folder, struct err *err)
{
	if (fchdir(folder) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, errno, "make the folder the root directory");
	return 0;
}

/* What name service, TLS and their settings lie in. */
static const char *const readable[] = { "/etc", "/usr", "/lib", "/lib64", "/run", "/dev" };

static int allow_reading(int set, uint64_t handled, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		_cleanup_close_ int fd = open(readable[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		const struct landlock_path_beneath_attr rule = {
			.parent_fd = fd,
			.allowed_access =
				(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR) &
				handled,
		};

		if (fd >= 0 &&
		    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			return err_sys(err, errno, "add a Landlock rule");
	}
	return 0;
}

/* landlock(7); rights that a kernel does not know yet are taken away by its ABI number. */
static int landlock(enum sandbox_kind kind, int folder, struct err *err)
{
	static const uint64_t tree = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO |
				     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |
				     LANDLOCK_ACCESS_FS_TRUNCATE;
	struct landlock_ruleset_attr handled = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, /* all of ABI 1 */
	};
	struct landlock_path_beneath_attr rule = { .parent_fd = folder };
	_cleanup_close_ int set = -1;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		/* not built in, or switched off: the other walls stand */
		return errno == ENOSYS || errno == EOPNOTSUPP ?
			       0 :
			       err_sys(err, errno, "ask for Landlock");
	if (abi >= 2)
		handled.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		handled.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		handled.handled_access_fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	/* handled_access_fs is the first field: older and newer kernels take the struct's start */
	set = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(uint64_t), 0);
	if (set < 0)
		return err_sys(err, errno, "make Landlock rules");
	rule.allowed_access = tree & handled.handled_access_fs;
	if (kind == SANDBOX_TREE &&
	    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_sys(err, errno, "add a Landlock rule");
	if (kind == SANDBOX_NETWORK && allow_reading(set, handled.handled_access_fs, err) < 0)
		return -err->code;
	if (syscall(SYS_landlock_restrict_self, set, 0) < 0)
		return err_sys(err, errno, "put Landlock rules in force");
	return 0;
}

/* What an exec could give, which is refused anyway. */
static void drop_bounds(void)
{
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int drop_capabilities(enum sandbox_kind kind, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = { 0 }, keep[2] = { 0 };

	if (syscall(SYS_capget, &head, have) < 0)
		return err_sys(err, errno, "read capabilities");
	for (size_t i = 0; kind == SANDBOX_TREE && i < ARRAY_SIZE(tree_caps); i++)
		keep[CAP_TO_INDEX(tree_caps[i])].effective |= CAP_TO_MASK(tree_caps[i]);
	for (int i = 0; i < 2; i++) {
		keep[i].effective &= have[i].permitted;
		keep[i].permitted = keep[i].effective;
	}
	drop_bounds();
	if (syscall(SYS_capset, &head, keep) < 0)
		return err_sys(err, errno, "drop capabilities");
	return 0;
}

/* nobody: what the machine's own files let anyone read, and no more. A change of user clears the signal of a parent's death
 * (prctl(2)), so that it is asked for anew. */
static int become_nobody(struct err *err)
{
	static const uid_t nobody = 65534;

	if (setgroups(0, NULL) < 0 || setresgid(nobody, nobody, nobody) < 0 ||
	    setresuid(nobody, nobody, nobody) < 0)
		return err_sys(err, errno, "become nobody");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(err, errno, "ask to end with the parent");
	return 0;
}

/* What libc, libarchive and the decompressors use between open descriptors. */
static const int stream_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
};
static const int tree_calls[] = {
	SCMP_SYS(openat),    SCMP_SYS(openat2),	  SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(mkdirat),   SCMP_SYS(symlinkat), SCMP_SYS(linkat),	SCMP_SYS(unlinkat),
	SCMP_SYS(fchmod),    SCMP_SYS(fchmodat),  SCMP_SYS(fchown),	SCMP_SYS(fchownat),
	SCMP_SYS(utimensat), SCMP_SYS(fsetxattr), SCMP_SYS(ftruncate),	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),    SCMP_SYS(fchdir),	  SCMP_SYS(fcntl),	SCMP_SYS(sync_file_range),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A client of servers needs threads, sockets, name service modules: here it is a list of what it surely does not need. */
static const int network_refused[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(kcmp),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(personality),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(kill),
	SCMP_SYS(tkill),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
};

static int network_filter(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(network_refused); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), network_refused[i], 0);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? err_sys(err, r, "set the seccomp filter") : 0;
}

/* All else is EPERM: exec, clone, socket, ptrace, mount, kill, setns, bpf, io_uring and what comes next. */
static int seccomp_filter(enum sandbox_kind kind, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	if (r == 0)
		r = allow(filter, stream_calls, ARRAY_SIZE(stream_calls));
	if (r == 0) /* no page that was written becomes code */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0) /* abort(3) signals itself */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	if (r == 0 && kind == SANDBOX_TREE)
		r = allow(filter, tree_calls, ARRAY_SIZE(tree_calls));
	if (r == 0 && kind == SANDBOX_TREE) /* FIFOs, never devices nor overlay's whiteouts */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mknodat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? err_sys(err, r, "set the seccomp filter") : 0;
}

static int network_enter(struct err *err)
{
	int r = limits(err);

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = err_sys(err, errno, "set no_new_privs");
	if (r == 0)
		r = landlock(SANDBOX_NETWORK, -1, err);
	drop_bounds(); /* nobody could not */
	if (r == 0)
		r = become_nobody(err);
	if (r == 0)
		r = drop_capabilities(SANDBOX_NETWORK, err);
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(err, errno, "close the process to others");
	return r == 0 ? network_filter(err) : r;
}

static int closed_enter(enum sandbox_kind kind, int folder, struct err *err)
{
	int r = own_namespaces(err);

	if (r == 0)
		r = limits(err);
	if (r == 0)
		r = confine_root(folder, err);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = err_sys(err, errno, "set no_new_privs");
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(err, errno, "close the process to others");
	if (r == 0)
		r = landlock(kind, folder, err);
	if (r == 0)
		r = drop_capabilities(kind, err);
	if (r == 0)
		r = seccomp_filter(kind, err);
	return r;
}

int sandbox_enter(enum sandbox_kind kind, int folder, struct err *err)
{
	int r = kind == SANDBOX_NETWORK ? network_enter(err) : closed_enter(kind, folder, err);

	return r < 0 ? err_wrap(err, "close the sandbox") : 0;
}
