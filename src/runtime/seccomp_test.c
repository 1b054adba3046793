/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two ways to look at a filter: loaded into a child that then makes the calls, and run by the small
 * interpreter of seccomp_answer.h, for what would do harm or what this machine cannot call. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/capability.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_answer.h"
#include "runtime/seccomp_list.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define HIGH (UINT64_C(1) << 32)
#define REFUSED(code) (SECCOMP_RET_ERRNO | (code))
#define PLAIN_POLICY ((struct seccomp_policy){ .capabilities = capability_default })

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static void compile(struct seccomp_policy policy, struct seccomp_program *program)
{
	struct err err = ERR_NONE;
	int r = seccomp_compile(&policy, -1, program, &err);

	if (r < 0)
		print_error("%s\n", err.words);
	assert_int_equal(r, 0);
}

static uint32_t verdict(const struct seccomp_program *program, uint32_t arch, long number,
			uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch, .args = { arg0, arg1 } };

	return seccomp_answer(program, &data);
}

/* -- the built-in list, by calling ------------------------------------------------------------- */

enum { ANY_BUT_REFUSED = -1, SUCCESS = 0 };

struct probe {
	const char *name;
	long number;
	uint64_t args[4];
	int code; /* the errno, SUCCESS, or ANY_BUT_REFUSED: not EPERM, as kernels differ */
};

#define P(call, code, ...) \
	{ \
#call, SYS_##call, { __VA_ARGS__ }, code \
	}
#define BAD ((uint64_t)-1) /* no descriptor */

static const struct probe default_probes[] = {
	P(mount, EPERM, 0),
	P(umount2, EPERM, 0),
	P(pivot_root, EPERM, 0),
	P(setns, EPERM, BAD),
	P(unshare, EPERM, CLONE_NEWUSER),
	P(unshare, EPERM, 0),
	P(clone, EPERM, CLONE_NEWUSER | SIGCHLD),
	P(clone, EPERM, CLONE_NEWNET | SIGCHLD),
	P(clone, EPERM, CLONE_NEWCGROUP | SIGCHLD),
	P(clone, EPERM, CLONE_NEWUSER | HIGH | SIGCHLD),
	P(clone3, ENOSYS, 0),
	P(fsopen, EPERM, 0),
	P(fsmount, EPERM, BAD),
	P(open_tree, EPERM, BAD),
	P(move_mount, EPERM, BAD),
	P(mount_setattr, EPERM, BAD),
	{ "open_tree_attr", 467, { BAD }, EPERM },
	P(keyctl, EPERM, 0),
	P(add_key, EPERM, 0),
	P(request_key, EPERM, 0),
	P(bpf, EPERM, 0),
	P(perf_event_open, EPERM, 0),
	P(userfaultfd, EPERM, 0),
	P(io_uring_setup, EPERM, 0),
	P(io_uring_enter, EPERM, BAD),
	P(io_uring_register, EPERM, BAD),
	P(init_module, EPERM, 0),
	P(finit_module, EPERM, BAD),
	P(delete_module, EPERM, 0),
	P(kexec_load, EPERM, 0),
	P(reboot, EPERM, 0),
	P(swapon, EPERM, 0),
	P(settimeofday, EPERM, 0),
	P(clock_settime, EPERM, 99),
	P(syslog, EPERM, 10),
	P(acct, EPERM, 0),
	P(quotactl, EPERM, 0),
	P(open_by_handle_at, EPERM, BAD),
	P(mbind, EPERM, 0),
	P(move_pages, EPERM, 0),
	P(kcmp, EPERM, 0),
	P(pidfd_getfd, EPERM, BAD),
	P(process_madvise, EPERM, BAD),
	P(fanotify_init, EPERM, 0),
	P(sethostname, EPERM, 0),
	P(personality, EPERM, 0x40000), /* ADDR_NO_RANDOMIZE */
	P(personality, SUCCESS, 0xffffffff),
	P(socket, EPERM, 40 /* AF_VSOCK */, SOCK_STREAM),
	P(socket, EPERM, 40 + HIGH, SOCK_STREAM),
	P(socket, SUCCESS, AF_UNIX, SOCK_STREAM),
	P(socket, ANY_BUT_REFUSED, AF_ALG, SOCK_SEQPACKET),
	P(ioctl, EPERM, BAD, 0x5412 /* TIOCSTI */),
	P(ioctl, EPERM, BAD, 0x5412 + HIGH),
	P(ioctl, EPERM, BAD, 0x541c /* TIOCLINUX */),
	P(ioctl, EBADF, BAD, 0x5401 /* TCGETS */),
	P(ptrace, ESRCH, 3 /* PTRACE_PEEKUSER */, 0),
	P(chroot, EFAULT, 1),
	P(openat2, ANY_BUT_REFUSED, BAD),
	P(pidfd_open, SUCCESS, 1, 0),
	P(getpid, SUCCESS, 0),
	P(umask, SUCCESS, 022),
	P(memfd_create, EFAULT, 1),
	{ "cachestat", 451, { BAD }, ANY_BUT_REFUSED },
	{ "fchmodat2", 452, { BAD, 1 }, ANY_BUT_REFUSED },
	{ "futex_wake", 454, { 0 }, ANY_BUT_REFUSED },
	{ "statmount", 457, { 0 }, ANY_BUT_REFUSED },
	{ "mseal", 462, { 1 }, ANY_BUT_REFUSED },
	{ "getxattrat", 464, { BAD, 1 }, ANY_BUT_REFUSED },
	{ "file_getattr", 468, { BAD, 1 }, ANY_BUT_REFUSED },
	{ "not yet there", 470, { 0 }, ENOSYS },
	{ "unknown", 999, { 0 }, ENOSYS },
	{ "in no kernel", 400, { 0 }, ENOSYS },
#if defined(__x86_64__)
	P(iopl, EPERM, 3),
	P(uselib, EPERM, 0),
	P(vhangup, EPERM, 0),
	{ "mount by x32", 0x40000000 + SYS_mount, { 0 }, EPERM },
	{ "unknown by x32", 0x40000000 + 999, { 0 }, ENOSYS },
#endif
};

static int probe_once(const struct probe *p)
{
	long r = syscall(p->number, p->args[0], p->args[1], p->args[2], p->args[3]);

	if (r == 0 && p->number == SYS_clone && p->code != SUCCESS)
		_exit(0); /* a child that must not be */
	return r < 0 ? errno : SUCCESS;
}

static void child_probes(const struct seccomp_program *program, const struct probe *probes,
			 size_t count)
{
	int *codes = mmap(NULL, count * sizeof(*codes), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	assert_ptr_not_equal(codes, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_load(program) < 0)
			_exit(1);
		for (size_t i = 0; i < count; i++)
			codes[i] = probe_once(&probes[i]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		bool right = probes[i].code == ANY_BUT_REFUSED ? codes[i] != EPERM :
								 codes[i] == probes[i].code;

		if (!right)
			fail_msg("%s(%#llx, %#llx): %s", probes[i].name,
				 (unsigned long long)probes[i].args[0],
				 (unsigned long long)probes[i].args[1], strerror(codes[i]));
	}
	assert_int_equal(munmap(codes, count * sizeof(*codes)), 0);
}

static void the_default_list_answers_as_the_table_says(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };

	(void)state;
	compile(PLAIN_POLICY, &program);
	child_probes(&program, default_probes, ARRAY_SIZE(default_probes));
}

static void ordinary_programs_run_under_the_default_list(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	int status;
	pid_t pid;

	(void)state;
	compile(PLAIN_POLICY, &program);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_load(&program) < 0)
			_exit(125);
		(void)execl("/bin/sh", "sh", "-c",
			    "test \"$(ls / | wc -l)\" -gt 3 && (sleep 0 & wait)", NULL);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#if defined(__x86_64__)
/* 32-bit entry; i386's numbers. */
static int old_call(long number, long arg)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static void programs_of_32_bits_have_the_same_list(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	int status;
	pid_t pid;

	(void)state;
	compile(PLAIN_POLICY, &program);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		if (old_call(20, 0) != getpid())
			_exit(77);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_load(&program) < 0)
			_exit(1);
		if (old_call(20, 0) != getpid())
			_exit(2);
		if (old_call(21 /* mount */, 0) != -EPERM ||
		    old_call(288 /* keyctl */, 0) != -EPERM)
			_exit(3);
		if (old_call(359 /* socket */, 40) != -EPERM)
			_exit(4);
		if (old_call(435 /* clone3 */, 0) != -ENOSYS || old_call(999, 0) != -ENOSYS)
			_exit(5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 77))
		skip(); /* the kernel has no 32-bit calls */
	assert_int_equal(status, 0);
}

static void sockets_of_32_bits_have_two_ways_in(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };

	(void)state;
	compile(PLAIN_POLICY, &program);
	for (long number = 360; number <= 373; number++) /* socketpair to shutdown */
		assert_int_equal(verdict(&program, AUDIT_ARCH_I386, number, 0, 0),
				 SECCOMP_RET_ALLOW);
	for (long number = 393; number <= 402; number++) /* semget to msgctl */
		assert_int_equal(verdict(&program, AUDIT_ARCH_I386, number, 0, 0),
				 SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&program, AUDIT_ARCH_I386, 102, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&program, AUDIT_ARCH_I386, 117, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&program, AUDIT_ARCH_I386, 359, 40, 0), REFUSED(EPERM));
}
#endif

static void programs_of_other_machines_get_nowhere(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };

	(void)state;
	compile(PLAIN_POLICY, &program);
	for (long number = 0; number < 500; number++)
		assert_int_equal(verdict(&program, AUDIT_ARCH_S390X, number, 0, 0),
				 REFUSED(ENOSYS));
}

static void every_number_has_an_answer(void **state)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };

	(void)state;
	compile(PLAIN_POLICY, &program);
	assert_true(program.length < 500);
	for (uint32_t number = 0; number < 1100; number++) {
		uint32_t native = verdict(&program, NATIVE, number, 0, 0);

		assert_true(native == SECCOMP_RET_ALLOW || native == REFUSED(EPERM) ||
			    native == REFUSED(ENOSYS));
		assert_true(number < 470 || native == REFUSED(ENOSYS));
#if defined(__x86_64__)
		(void)verdict(&program, AUDIT_ARCH_I386, number, 0, 0);
		(void)verdict(&program, NATIVE, 0x40000000 | number, 0, 0);
#endif
	}
	assert_int_equal(verdict(&program, NATIVE, -1, 0, 0), REFUSED(ENOSYS));
}

static void capabilities_open_what_belongs_to_them(void **state)
{
	static const struct {
		uint64_t capability;
		long number;
	} rows[] = {
		{ CAP(SYS_ADMIN), SYS_mount },
		{ CAP(SYS_ADMIN), SYS_umount2 },
		{ CAP(SYS_ADMIN), SYS_setns },
		{ CAP(SYS_ADMIN), SYS_unshare },
		{ CAP(SYS_ADMIN), SYS_clone3 },
		{ CAP(SYS_ADMIN), SYS_bpf },
		{ CAP(SYS_ADMIN), 467 },
		{ CAP(BPF), SYS_bpf },
		{ CAP(PERFMON), SYS_perf_event_open },
		{ CAP(SYSLOG), SYS_syslog },
		{ CAP(SYS_PTRACE), SYS_kcmp },
		{ CAP(SYS_MODULE), SYS_finit_module },
		{ CAP(SYS_TIME), SYS_settimeofday },
		{ CAP(SYS_TTY_CONFIG), SYS_vhangup },
		{ CAP(SYS_BOOT), SYS_reboot },
		{ CAP(SYS_CHROOT), SYS_chroot },
		{ CAP(SYS_NICE), SYS_mbind },
		{ CAP(SYS_PACCT), SYS_acct },
		{ CAP(DAC_READ_SEARCH), SYS_open_by_handle_at },
	};
	uint64_t namespaces = CLONE_NEWUSER | SIGCHLD;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(seccomp_clear) struct seccomp_program with = { 0 }, without = { 0 };

		compile((struct seccomp_policy){ .capabilities = rows[i].capability }, &with);
		compile((struct seccomp_policy){ .capabilities = ~rows[i].capability &
								 ~CAP(SYS_ADMIN) & ~CAP(BPF) },
			&without);
		assert_int_equal(verdict(&with, NATIVE, rows[i].number, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_not_equal(verdict(&without, NATIVE, rows[i].number, 0, 0),
				     SECCOMP_RET_ALLOW);
		assert_int_equal(verdict(&without, NATIVE, SYS_clone, namespaces, 0),
				 REFUSED(EPERM));
		if (rows[i].capability == CAP(SYS_ADMIN))
			assert_int_equal(verdict(&with, NATIVE, SYS_clone, namespaces, 0),
					 SECCOMP_RET_ALLOW);
		/* never, whatever the capabilities */
		assert_int_equal(verdict(&with, NATIVE, SYS_keyctl, 0, 0), REFUSED(EPERM));
		assert_int_equal(verdict(&with, NATIVE, SYS_io_uring_setup, 0, 0), REFUSED(EPERM));
		assert_int_equal(verdict(&with, NATIVE, SYS_ioctl, 0, 0x5412), REFUSED(EPERM));
	}
}

/* -- set-id bits ------------------------------------------------------------------------------- */

static void modes_with_set_id_bits_are_refused(void **state)
{
	char file[] = "/tmp/seccomp_test.XXXXXX";
	int fd = mkstemp(file);
	uint64_t path = (uintptr_t)file, here = (uint64_t)AT_FDCWD, stray = 07777 | HIGH;
	uint64_t make = O_RDWR | O_CREAT | O_CLOEXEC, look = O_RDONLY | O_CLOEXEC;
	uint64_t tmpfile = O_TMPFILE | O_RDWR | O_CLOEXEC;
	const struct probe probes[] = {
		P(fchmod, EPERM, (uint64_t)fd, 04755),
		P(fchmod, EPERM, (uint64_t)fd, 02755),
		P(fchmod, EPERM, (uint64_t)fd, 04755 | HIGH),
		P(fchmod, SUCCESS, (uint64_t)fd, 01755),
		P(fchmodat, EPERM, here, path, 06755),
		P(fchmodat, SUCCESS, here, path, 0644),
		{ "fchmodat2", 452, { here, path, 04755 }, EPERM },
		P(mknodat, EPERM, here, path, S_IFREG | 04755),
		P(mknodat, EEXIST, here, path, S_IFREG | 0755),
		P(openat, EPERM, here, path, make, 04755),
		P(openat, EPERM, here, path, make, 02755 | HIGH),
		P(openat, EPERM, here, (uintptr_t) "/tmp", tmpfile, 04600),
		P(openat, SUCCESS, here, path, make, 0755),
		P(openat, SUCCESS, here, path, look, stray), /* no mode: what the register held */
		P(openat, SUCCESS, here, (uintptr_t) "/tmp", look | O_DIRECTORY, stray),
		P(openat2, ENOSYS, here, path),
		P(io_uring_setup, EPERM, 1),
#if defined(__x86_64__)
		P(chmod, EPERM, path, 04755),
		P(chmod, SUCCESS, path, 0600),
		P(creat, EPERM, path, 02755),
		P(creat, SUCCESS, path, 0600),
		P(mknod, EPERM, path, S_IFREG | 02755),
		P(open, EPERM, path, make, 04755),
		P(open, SUCCESS, path, make, 0600),
		P(open, SUCCESS, path, look, stray),
		{ "fchmodat by x32", 0x40000000 + SYS_fchmodat, { here, path, 04755 }, EPERM },
#endif
	};
	struct seccomp_policy policy = PLAIN_POLICY;
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	policy.no_set_id = 1;
	compile(policy, &program);
	child_probes(&program, probes, ARRAY_SIZE(probes));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & (S_ISUID | S_ISGID), 0);
	assert_int_equal(unlink(file), 0);
	fd_close(fd);
}

/* -- the cache --------------------------------------------------------------------------------- */

struct folder {
	char path[64];
	int fd;
};

static int folder_make(void **state)
{
	struct folder *f = mem_new(sizeof(*f));

	(void)snprintf(f->path, sizeof(f->path), "/tmp/seccomp_test.XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static int folder_remove(void **state)
{
	struct folder *f = *state;

	fd_close(f->fd);
	(void)dir_remove(AT_FDCWD, f->path);
	free(f);
	return 0;
}

/* The path of the one cache file. */
static void cache_file(const struct folder *f, char path[512])
{
	DIR *list = opendir(f->path);
	struct dirent *e;
	int count = 0;

	assert_non_null(list);
	while ((e = readdir(list)))
		if (e->d_name[0] != '.') {
			count++;
			(void)snprintf(path, 512, "%s/%s", f->path, e->d_name);
		}
	(void)closedir(list);
	assert_int_equal(count, 1);
	assert_true(strstr(path, "/seccomp-") && str_suffix(path, ".bpf"));
}

static void same(const struct seccomp_program *a, const struct seccomp_program *b)
{
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->flags, b->flags);
	assert_memory_equal(a->filter, b->filter, a->length * sizeof(*a->filter));
}

static void a_cache_hit_gives_the_identical_program(void **state)
{
	struct folder *f = *state;
	struct seccomp_policy policy = PLAIN_POLICY;
	_cleanup_(seccomp_clear) struct seccomp_program plain = { 0 }, miss = { 0 }, hit = { 0 };
	struct err err = ERR_NONE;
	struct stat before, after;
	char path[512];

	compile(policy, &plain);
	assert_int_equal(seccomp_compile(&policy, f->fd, &miss, &err), 0);
	cache_file(f, path);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0600);
	assert_int_equal(seccomp_compile(&policy, f->fd, &hit, &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* not written again */
	same(&plain, &miss);
	same(&miss, &hit);
}

static void different_policies_have_different_files(void **state)
{
	struct folder *f = *state;
	struct seccomp_policy policies[] = { PLAIN_POLICY, PLAIN_POLICY, PLAIN_POLICY };
	struct seccomp_program first[3] = { { 0 } };
	struct err err = ERR_NONE;

	policies[1].no_set_id = 1;
	policies[2].capabilities |= CAP(SYS_ADMIN);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
			seccomp_clear(&first[i]);
			assert_int_equal(seccomp_compile(&policies[i], f->fd, &first[i], &err), 0);
		}
	assert_int_equal(verdict(&first[0], NATIVE, SYS_fchmod, 0, 04755), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&first[1], NATIVE, SYS_fchmod, 0, 04755), REFUSED(EPERM));
	assert_int_equal(verdict(&first[2], NATIVE, SYS_mount, 0, 0), SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		seccomp_clear(&first[i]);
}

/* Change a byte, cut, empty, lengthen: each time the file is ignored and written anew. */
static void a_broken_cache_file_is_written_anew(void **state)
{
	struct folder *f = *state;
	struct seccomp_policy policy = PLAIN_POLICY;
	_cleanup_(seccomp_clear) struct seccomp_program good = { 0 };
	_cleanup_(buf_clear) struct buf whole = BUF_EMPTY;
	struct err err = ERR_NONE;
	char path[512];

	assert_int_equal(seccomp_compile(&policy, f->fd, &good, &err), 0);
	cache_file(f, path);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &whole), 0);
	for (size_t damage = 0; damage < 12; damage++) {
		_cleanup_(seccomp_clear) struct seccomp_program again = { 0 };
		_cleanup_(buf_clear) struct buf now = BUF_EMPTY;
		_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
		size_t place = damage * (whole.length / 9);

		assert_true(fd >= 0);
		if (place < whole.length) {
			char byte = (char)(whole.data[place] ^ 0x10);

			assert_int_equal(pwrite(fd, &byte, 1, (off_t)place), 1);
		} else {
			off_t sizes[] = { 0, (off_t)whole.length - 8, (off_t)whole.length + 8 };

			assert_int_equal(ftruncate(fd, sizes[damage % 3]), 0);
		}
		assert_int_equal(seccomp_compile(&policy, f->fd, &again, &err), 0);
		same(&good, &again);
		assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &now), 0);
		assert_int_equal(now.length, whole.length);
		assert_memory_equal(now.data, whole.data, whole.length);
	}
}

static void a_cache_that_cannot_be_written_is_no_error(void **state)
{
	struct seccomp_policy policy = PLAIN_POLICY;
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	_cleanup_close_ int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(seccomp_compile(&policy, proc, &program, &err), 0);
	assert_true(program.length > 0);
}

/* -- profiles ---------------------------------------------------------------------------------- */

static int profile_compile(const struct folder *f, const char *json, uint64_t capabilities,
			   struct seccomp_program *program, struct err *err)
{
	char path[128];
	struct seccomp_policy policy = { .profile_path = path, .capabilities = capabilities };

	(void)snprintf(path, sizeof(path), "%s/profile.json", f->path);
	err_clear(err);
	assert_int_equal(file_replace(f->fd, "profile.json", json, strlen(json), 0600, false, err),
			 0);
	return seccomp_compile(&policy, f->fd, program, err);
}

static const char docker_like[] =
	"{ \"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 13, \"comment\": 1,"
	"  \"archMap\": [ { \"architecture\": \"SCMP_ARCH_X86_64\","
	"      \"subArchitectures\": [ \"SCMP_ARCH_X86\" ] },"
	"    { \"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": null } ],"
	"  \"syscalls\": ["
	"    { \"names\": [ \"read\", \"no_such_call\", \"getpid\", \"listmount\" ],"
	"      \"action\": \"SCMP_ACT_ALLOW\", \"args\": [], \"includes\": {}, \"excludes\": {} },"
	"    { \"name\": \"fchmod\", \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 95 },"
	"    { \"names\": [ \"kill\" ], \"action\": \"SCMP_ACT_ERRNO\" },"
	"    { \"names\": [ \"mount\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"includes\": { \"caps\": [ \"CAP_SYS_ADMIN\" ] } },"
	"    { \"names\": [ \"dup\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"excludes\": { \"caps\": [ \"CAP_SYS_ADMIN\" ] } },"
	"    { \"names\": [ \"ptrace\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"includes\": { \"minKernel\": \"4.8\" } },"
	"    { \"names\": [ \"dup3\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"includes\": { \"minKernel\": \"99.0\" } },"
	"    { \"names\": [ \"tee\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"includes\": { \"arches\": [ \"amd64\", \"arm64\" ] } },"
	"    { \"names\": [ \"splice\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"excludes\": { \"arches\": [ \"amd64\", \"arm64\" ] } },"
	"    { \"names\": [ \"socket\" ], \"action\": \"SCMP_ACT_ALLOW\","
	"      \"args\": [ { \"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\" },"
	"                  { \"index\": 0, \"value\": 2, \"op\": \"SCMP_CMP_EQ\" } ] },"
	"    { \"names\": [ \"sync\" ], \"action\": \"SCMP_ACT_KILL_PROCESS\" } ] }";

static void dockers_profiles_mean_what_they_mean_there(void **state)
{
	struct folder *f = *state;
	_cleanup_(seccomp_clear) struct seccomp_program p = { 0 }, admin = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(profile_compile(f, docker_like, 0, &p, &err), 0);
	assert_int_equal(verdict(&p, NATIVE, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, 458 /* listmount */, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_write, 0, 0), REFUSED(13));
	assert_int_equal(verdict(&p, NATIVE, SYS_fchmod, 0, 0), REFUSED(95));
	assert_int_equal(verdict(&p, NATIVE, SYS_kill, 0, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, NATIVE, SYS_mount, 0, 0), REFUSED(13));
	assert_int_equal(verdict(&p, NATIVE, SYS_dup, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_ptrace, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_dup3, 0, 0), REFUSED(13));
	assert_int_equal(verdict(&p, NATIVE, SYS_tee, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_splice, 0, 0), REFUSED(13));
	assert_int_equal(verdict(&p, NATIVE, SYS_socket, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_socket, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_socket, 3, 0), REFUSED(13));
	assert_int_equal(verdict(&p, NATIVE, SYS_sync, 0, 0), SECCOMP_RET_KILL_PROCESS);
	/* above the newest call that the profile knows, listmount */
	assert_int_equal(verdict(&p, NATIVE, 459, 0, 0), REFUSED(ENOSYS));
	assert_int_equal(verdict(&p, NATIVE, 457, 0, 0), REFUSED(13));
#if defined(__x86_64__)
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 3 /* read */, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, 0x40000000, 0, 0), REFUSED(ENOSYS)); /* no x32 */
#endif
	assert_int_equal(profile_compile(f, docker_like, CAP(SYS_ADMIN), &admin, &err), 0);
	assert_int_equal(verdict(&admin, NATIVE, SYS_mount, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&admin, NATIVE, SYS_dup, 0, 0), REFUSED(13));
}

static void a_profile_that_allows_by_default_has_no_way_round(void **state)
{
	static const char json[] =
		"{ \"defaultAction\": \"SCMP_ACT_ALLOW\","
		"  \"architectures\": [ \"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\" ],"
		"  \"flags\": [ \"SECCOMP_FILTER_FLAG_LOG\" ],"
		"  \"syscalls\": [ { \"names\": [ \"mount\", \"socket\", \"shmat\" ],"
		"                  \"action\": \"SCMP_ACT_ERRNO\" } ] }";
	struct folder *f = *state;
	_cleanup_(seccomp_clear) struct seccomp_program p = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(profile_compile(f, json, 0, &p, &err), 0);
	assert_int_equal(p.flags, SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(verdict(&p, NATIVE, SYS_mount, 0, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, NATIVE, SYS_write, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, 999, 0, 0), SECCOMP_RET_ALLOW);
#if defined(__x86_64__)
	assert_int_equal(verdict(&p, NATIVE, 0x40000000 + SYS_mount, 0, 0), REFUSED(ENOSYS));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 359, 0, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 102, 1, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 102, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 397, 0, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 117, 21, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 117, 0x10015, 0), REFUSED(EPERM));
	assert_int_equal(verdict(&p, AUDIT_ARCH_I386, 117, 22, 0), SECCOMP_RET_ALLOW);
#endif
}

static bool holds(const char *op, uint64_t arg, uint64_t value, uint64_t other)
{
	if (strcmp(op, "MASKED_EQ") == 0)
		return (arg & value) == other;
	if (op[0] == 'E')
		return arg == value;
	if (op[0] == 'N')
		return arg != value;
	if (op[0] == 'G')
		return op[1] == 'T' ? arg > value : arg >= value;
	return op[1] == 'T' ? arg < value : arg <= value;
}

static void comparisons_are_of_64_bits(void **state)
{
	static const char *const ops[] = { "EQ", "NE", "GT", "GE", "LT", "LE", "MASKED_EQ" };
	static const uint64_t values[] = { 0, 5, 0xffffffff, HIGH, HIGH + 5, INT64_MAX };
	struct folder *f = *state;

	for (size_t o = 0; o < ARRAY_SIZE(ops); o++)
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			_cleanup_(seccomp_clear) struct seccomp_program p = { 0 };
			uint64_t other = values[v] & 0x7fffffff00000005;
			struct err err = ERR_NONE;
			char json[512];

			(void)snprintf(
				json, sizeof(json),
				"{\"defaultAction\": \"SCMP_ACT_TRAP\", \"syscalls\": [{"
				"\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{"
				"\"index\": 1, \"value\": %llu, \"valueTwo\": %llu, "
				"\"op\": \"SCMP_CMP_%s\"}]}]}",
				(unsigned long long)values[v], (unsigned long long)other, ops[o]);
			assert_int_equal(profile_compile(f, json, 0, &p, &err), 0);
			for (size_t a = 0; a < 3 * ARRAY_SIZE(values); a++) {
				uint64_t arg = values[a / 3] + a % 3 - 1;

				assert_int_equal(verdict(&p, NATIVE, SYS_kcmp, 0, arg),
						 holds(ops[o], arg, values[v], other) ?
							 SECCOMP_RET_ALLOW :
							 SECCOMP_RET_TRAP);
			}
		}
}

static void set_id_bits_are_refused_before_a_profile_is_asked(void **state)
{
	struct folder *f = *state;
	char path[128];
	struct seccomp_policy policy = { .profile_path = path, .no_set_id = 1 };
	_cleanup_(seccomp_clear) struct seccomp_program p = { 0 };
	static const char json[] = "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}";
	struct err err = ERR_NONE;

	(void)snprintf(path, sizeof(path), "%s/profile.json", f->path);
	assert_int_equal(file_replace(f->fd, "profile.json", json, strlen(json), 0600, false, &err),
			 0);
	assert_int_equal(seccomp_compile(&policy, f->fd, &p, &err), 0);
	assert_int_equal(verdict(&p, NATIVE, SYS_fchmod, 0, 04755), REFUSED(EPERM));
	assert_int_equal(verdict(&p, NATIVE, SYS_fchmod, 0, 0755), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, NATIVE, SYS_openat2, 0, 0), REFUSED(ENOSYS));
	assert_int_equal(verdict(&p, NATIVE, SYS_io_uring_setup, 0, 0), REFUSED(EPERM));
}

static void a_bad_profile_is_refused_and_the_place_named(void **state)
{
#define RULE(rule) \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"]," rule "}]}"
	static const struct {
		const char *json, *words;
		int code;
	} rows[] = {
		{ "", "line 1, column 0: ", EINVAL },
		{ "{\n \"defaultAction\": }", "line 2, column 19: ", EINVAL },
		{ "[]", "is not an object", EINVAL },
		{ "{}", "defaultAction: is missing", EINVAL },
		{ "{\"defaultAction\":\"ALLOW\"}", "defaultAction: unknown action \"ALLOW\"",
		  EINVAL },
		{ "{\"defaultAction\":1}", "defaultAction: is not a string", EINVAL },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"defaultAction\":\"SCMP_ACT_LOG\"}",
		  "duplicate object key", EINVAL },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		  "defaultErrnoRet: 4096 is not between 0 and 4095", EINVAL },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "needs a listener", ENOTSUP },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"architectures\":[\"x86\"]}",
		  "architectures[0]: unknown architecture \"x86\"", EINVAL },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"flags\":[\"FAST\"]}",
		  "flags[0]: unknown flag \"FAST\"", EINVAL },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[1]}",
		  "syscalls[0]: is not an object", EINVAL },
		{ RULE("\"x\":0"), "syscalls[0].action: is missing", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"name\":\"write\""),
		  "syscalls[0].name: stands", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]"),
		  "syscalls[0].args[0].index: 6 is not between 0 and 5", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"op\":\"==\"}]"),
		  "syscalls[0].args[0].op: unknown operator \"==\"", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"args\":{}"),
		  "syscalls[0].args: is not an array", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[1]}"),
		  "syscalls[0].includes.caps[0]: is not a string", EINVAL },
		{ RULE("\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"new\"}"),
		  "syscalls[0].includes.minKernel: \"new\" is not a version", EINVAL },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seccomp_program p = { 0 };
		struct err err = ERR_NONE;

		assert_int_equal(profile_compile(f, rows[i].json, 0, &p, &err), -rows[i].code);
		if (!strstr(err.words, rows[i].words) || !strstr(err.words, "/profile.json: "))
			fail_msg("row %zu: %s", i, err.words);
		assert_null(p.filter);
	}
}

static void a_profile_that_is_no_file_is_refused(void **state)
{
	struct seccomp_policy policy = { .profile_path = "/nowhere/profile.json" };
	struct seccomp_program p = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(seccomp_compile(&policy, -1, &p, &err), -ENOENT);
	assert_string_equal(
		err.words, "open seccomp profile /nowhere/profile.json: No such file or directory");
	policy.profile_path = "/dev/null";
	assert_int_equal(seccomp_compile(&policy, -1, &p, &err), -EINVAL);
	assert_string_equal(err.words, "seccomp profile /dev/null is not a regular file");
}

/* Many rules with comparisons make jumps over 255 instructions necessary, and at last too many. */
static void long_profiles_work_up_to_the_kernels_limit(void **state)
{
	struct folder *f = *state;

	for (int per_call = 4; per_call <= 64; per_call *= 4) {
		_cleanup_(seccomp_clear) struct seccomp_program p = { 0 };
		_cleanup_(buf_clear) struct buf json = BUF_EMPTY;
		static const struct {
			const char *name;
			long number;
		} calls[] = { { "read", SYS_read },   { "write", SYS_write },
			      { "mount", SYS_mount }, { "fchmod", SYS_fchmod },
			      { "kcmp", SYS_kcmp },   { "mlock", SYS_mlock },
			      { "dup", SYS_dup },     { "tee", SYS_tee },
			      { "bpf", SYS_bpf },     { "setns", SYS_setns },
			      { "sync", SYS_sync },   { "umask", SYS_umask } };
		struct err err = ERR_NONE;
		int r;

		buf_puts(&json, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[");
		for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
			for (int i = 0; i < per_call; i++)
				buf_printf(&json,
					   "%s{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_ERRNO\","
					   "\"errnoRet\":%d,\"args\":[{\"index\":0,\"value\":%d,"
					   "\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":%zu,"
					   "\"op\":\"SCMP_CMP_GE\"}]}",
					   c + (size_t)i ? "," : "", calls[c].name, 100 + i, i, c);
		buf_puts(&json, "]}");
		r = profile_compile(f, json.data, 0, &p, &err);
		if (per_call == 64) {
			assert_int_equal(r, -E2BIG);
			assert_non_null(strstr(err.words, "over the kernel's 4096 instructions"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_true(per_call == 4 || p.length > 512);
		for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
			for (int i = 0; i < per_call; i++) {
				assert_int_equal(verdict(&p, NATIVE, calls[c].number, (uint64_t)i,
							 c + 1),
						 REFUSED(100u + (unsigned int)i));
				assert_int_equal(verdict(&p, NATIVE, calls[c].number,
							 (uint64_t)i + 99, c),
						 SECCOMP_RET_ALLOW);
			}
		child_probes(&p, (struct probe[]){ { "tee", SYS_tee, { 2, 50 }, 102 } }, 1);
	}
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_list_answers_as_the_table_says),
		cmocka_unit_test(ordinary_programs_run_under_the_default_list),
#if defined(__x86_64__)
		cmocka_unit_test(programs_of_32_bits_have_the_same_list),
		cmocka_unit_test(sockets_of_32_bits_have_two_ways_in),
#endif
		cmocka_unit_test(programs_of_other_machines_get_nowhere),
		cmocka_unit_test(every_number_has_an_answer),
		cmocka_unit_test(capabilities_open_what_belongs_to_them),
		cmocka_unit_test(modes_with_set_id_bits_are_refused),
		IN_FOLDER(a_cache_hit_gives_the_identical_program),
		IN_FOLDER(different_policies_have_different_files),
		IN_FOLDER(a_broken_cache_file_is_written_anew),
		cmocka_unit_test(a_cache_that_cannot_be_written_is_no_error),
		IN_FOLDER(dockers_profiles_mean_what_they_mean_there),
		IN_FOLDER(a_profile_that_allows_by_default_has_no_way_round),
		IN_FOLDER(comparisons_are_of_64_bits),
		IN_FOLDER(set_id_bits_are_refused_before_a_profile_is_asked),
		IN_FOLDER(a_bad_profile_is_refused_and_the_place_named),
		cmocka_unit_test(a_profile_that_is_no_file_is_refused),
		IN_FOLDER(long_profiles_work_up_to_the_kernels_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
