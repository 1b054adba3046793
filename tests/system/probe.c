// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a process may do and what it was born with: static, so that it runs in any container of any
 * engine. `probe calls` makes system calls that a container must not succeed with, or must be able
 * to make, and prints "NAME ERRNO" (0: it worked); `probe state` prints what came with execve,
 * `probe rights FILE` who it is and whether it may read FILE. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long result)
{
	printf("%s %s\n", name, result >= 0 ? "0" : strerrorname_np(errno));
}

/* Arguments are chosen so that an allowed call fails early and harmlessly, with another number. */
static const struct {
	const char *name;
	long number;
	long args[5];
} calls[] = {
	{ "keyctl", SYS_keyctl, { 0, -3, 0 } },
	{ "add_key", SYS_add_key, { 0 } },
	{ "request_key", SYS_request_key, { 0 } },
	{ "io_uring_setup", 425, { 0 } },
	{ "io_uring_enter", 426, { -1 } },
	{ "io_uring_register", 427, { -1 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "unshare_user", SYS_unshare, { CLONE_NEWUSER } },
	{ "unshare_mount", SYS_unshare, { CLONE_NEWNS } },
	{ "unshare_files", SYS_unshare, { CLONE_FILES } },
	{ "clone3", 435, { 0 } },
	{ "setns", SYS_setns, { -1 } },
	{ "mount", SYS_mount, { 0 } },
	{ "umount2", SYS_umount2, { 0 } },
	{ "pivot_root", SYS_pivot_root, { 0 } },
	{ "open_tree", 428, { -1 } },
	{ "move_mount", 429, { -1, 0, -1 } },
	{ "fsopen", 430, { 0 } },
	{ "fsconfig", 431, { -1 } },
	{ "fsmount", 432, { -1 } },
	{ "fspick", 433, { -1 } },
	{ "mount_setattr", 442, { -1 } },
	{ "open_tree_attr", 467, { -1 } },
	{ "kexec_load", SYS_kexec_load, { 0 } },
	{ "init_module", SYS_init_module, { 0 } },
	{ "finit_module", SYS_finit_module, { -1 } },
	{ "delete_module", SYS_delete_module, { 0 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1 } },
	{ "reboot", SYS_reboot, { 0 } },
	{ "swapon", SYS_swapon, { 0 } },
	{ "swapoff", SYS_swapoff, { 0 } },
	{ "acct", SYS_acct, { 0 } },
	{ "quotactl", SYS_quotactl, { 0 } },
	{ "syslog", SYS_syslog, { 3 } },
	{ "settimeofday", SYS_settimeofday, { 1 } },
	{ "clock_settime", SYS_clock_settime, { 0 } },
	{ "sethostname", SYS_sethostname, { 0 } },
	{ "setdomainname", SYS_setdomainname, { 0 } },
	{ "lookup_dcookie", 212, { 0 } },
	{ "fanotify_init", SYS_fanotify_init, { 0 } },
	{ "kcmp", SYS_kcmp, { 0 } },
	{ "move_pages", SYS_move_pages, { 0 } },
	{ "migrate_pages", SYS_migrate_pages, { 0 } },
	{ "mbind", SYS_mbind, { 0 } },
	{ "vhangup", SYS_vhangup, { 0 } },
	{ "socket_vsock", SYS_socket, { 40, 1, 0 } },
	{ "tiocsti", SYS_ioctl, { -1, 0x5412 } },
	{ "tioclinux", SYS_ioctl, { -1, 0x541c } },
	{ "personality_no_randomize", SYS_personality, { ADDR_NO_RANDOMIZE } },
	{ "newer_than_all", 600, { 0 } },
	/* what programs need */
	{ "personality_query", SYS_personality, { 0xffffffff } },
	{ "ioctl", SYS_ioctl, { -1, 0x5413 } },
	{ "socket_unix", SYS_socket, { 1, 1, 0 } },
	{ "socket_inet6", SYS_socket, { 10, 1, 0 } },
	{ "chroot", SYS_chroot, { 0 } },
	{ "ptrace", SYS_ptrace, { 16 /* attach */, 0 } },
	{ "close_range", 436, { 100, 99 } },
	{ "faccessat2", 439, { -1, 0, 0, -1 } },
	{ "openat2", 437, { -1, 0, 0, 0 } },
	{ "process_madvise", 440, { -1 } },
	{ "landlock_create_ruleset", 444, { 0, 0, 1 } },
	{ "memfd_secret", 447, { -1 } },
	{ "futex_waitv", 449, { 0 } },
	{ "cachestat", 451, { -1 } },
	{ "fchmodat2", 452, { -1, 0, 0, 0 } },
	{ "futex_wake", 454, { 0 } },
	{ "statmount", 457, { 0 } },
	{ "listmount", 458, { 0 } },
	{ "mseal", 462, { 1 } },
	{ "setxattrat", 463, { -1, 0, 0 } },
};

static void clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	say("clone_user", pid);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static void node(const char *name, mode_t kind)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/tmp/probe-%s", name);
	r = mknod(path, kind | 0666, kind == S_IFCHR ? 0x105 : 0x700);
	say(name, r);
	if (r == 0 && kind != S_IFIFO && (fd = open(path, O_RDONLY | O_NONBLOCK)) >= 0)
		printf("%s opens\n", name);
	unlink(path);
}

static int calls_try(void)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const long *a = calls[i].args;

		errno = 0;
		say(calls[i].name, syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4]));
		fflush(stdout);
	}
	clone_user();
	node("mknod_char", S_IFCHR);
	node("mknod_block", S_IFBLK);
	node("mknod_fifo", S_IFIFO);
	return 0;
}

static int state_tell(void)
{
	struct rlimit core;
	struct sigaction action;
	struct dirent *e;
	cpu_set_t cpus;
	DIR *d = opendir("/proc/self/fd");

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			printf("fd %s\n", e->d_name);
	for (int i = 1; i < SIGRTMAX; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			printf("signal %d ignored\n", i);
	printf("umask %04o\n", umask(0));
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	printf("policy %d\n", sched_getscheduler(0));
	printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	printf("timerslack %d\n", prctl(PR_GET_TIMERSLACK));
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("cpus %d\n", CPU_COUNT(&cpus));
	getrlimit(RLIMIT_CORE, &core);
	printf("core %ld\n", (long)core.rlim_cur);
	printf("pid %d ppid %d sid %d pgid %d\n", getpid(), getppid(), getsid(0), getpgid(0));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("subreaper %d\n", prctl(PR_GET_CHILD_SUBREAPER, 0, 0, 0, 0) < 0 ? -1 : 0);
	printf("session keyring %lx\n", (unsigned long)syscall(SYS_keyctl, 0, -3, 0));
	return 0;
}

/* Who we are by what the file's mode and capabilities made of us, and whether that opens a file. */
static int rights_tell(const char *path)
{
	int fd = open(path, O_RDONLY);

	printf("euid %d egid %d open %s\n", geteuid(), getegid(),
	       fd < 0 ? strerrorname_np(errno) : "0");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "calls") == 0)
		return calls_try();
	if (argc == 2 && strcmp(argv[1], "state") == 0)
		return state_tell();
	if (argc == 3 && strcmp(argv[1], "rights") == 0)
		return rights_tell(argv[2]);
	fprintf(stderr, "usage: probe calls|state|rights FILE\n");
	return 2;
}
