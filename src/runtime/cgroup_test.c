/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same tests run three times on a hybrid host: as it is, then in a mount namespace where v2 is not mounted, then
 * where v1 is not. All folders are below /cloche-test-PID, since others use the host's cgroups meanwhile. */
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/cgroup_ops.h"
#include "runtime/spec.h"

static const struct spec_resources no_limit = { .memory_swappiness = -1 };

struct fixture {
	struct cgroup *cg;
	char base[64], path[128];
	struct err err;
};

static char base_path[64]; /* of this run */

static int set_up(void **state)
{
	struct fixture *f = mem_new(sizeof(*f));

	f->cg = cgroup_open(&f->err);
	(void)snprintf(f->base, sizeof(f->base), "%s", base_path);
	(void)snprintf(f->path, sizeof(f->path), "%s/web-0123456789ab", base_path);
	*state = f;
	return f->cg ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = cgroup_remove(f->cg, f->path, &f->err);

	if (r == 0)
		r = cgroup_remove(f->cg, f->base, &f->err);
	if (r < 0)
		print_error("clean up: %s\n", f->err.words);
	cgroup_close(f->cg);
	free(f);
	return r;
}

#define ok(f, call) \
	do { \
		if ((call) < 0) \
			fail_msg("%s: %s", #call, (f)->err.words); \
	} while (0)

/* -- children --------------------------------------------------------------------------------- */

/* Run `work` in the cgroup: it waits until it was put there. Its pid; wait for it with child_end. */
static pid_t child_start(struct fixture *f, const char *path, int (*work)(void))
{
	int gate[2];
	pid_t pid;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char word;

		fd_close(gate[1]);
		_exit(read(gate[0], &word, 1) == 1 ? work() : 99);
	}
	fd_close(gate[0]);
	ok(f, cgroup_enter(f->cg, path, pid, &f->err));
	assert_int_equal(write(gate[1], "g", 1), 1);
	fd_close(gate[1]);
	return pid;
}

static int child_end(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int child_run(struct fixture *f, int (*work)(void))
{
	return child_end(child_start(f, f->path, work));
}

static int work_wait(void)
{
	(void)signal(SIGTERM, SIG_IGN);
	for (;;)
		(void)pause();
	return 0;
}

static volatile uint64_t *counter; /* shared with the child that counts */

static int work_count(void)
{
	for (;;)
		++*counter;
	return 0;
}

static int work_nothing(void)
{
	return 0;
}

/* How many processes it can start. */
static int work_fork(void)
{
	for (int n = 0; n < 50; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return errno == EAGAIN ? n : 99;
		if (pid == 0)
			return work_wait();
	}
	return 98;
}

static int work_bomb(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;)
		if (fork() == 0 && fork() == 0)
			_exit(0);
	return 0;
}

/* Bit 0: /dev/null opens; bit 1: /dev/zero is refused. */
static int work_devices(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    zero = open("/dev/zero", O_RDWR | O_CLOEXEC);

	return (null >= 0) | (zero < 0 && errno == EPERM) << 1;
}

static int work_eat(void)
{
	size_t size = (size_t)96 << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)p)[i] = 1;
	return 0;
}

/* -- helpers ---------------------------------------------------------------------------------- */

/* The path of the folder in the first hierarchy whose mount ends in `name`. */
static char *host_path(struct fixture *f, const char *name, const char *file)
{
	_cleanup_strv_ char **paths = cgroup_paths(f->cg, f->path);

	for (size_t i = 0; paths && paths[i]; i++) {
		_cleanup_free_ char *tail = str_printf("/%s%s", name, f->path);

		if (str_suffix(paths[i], tail))
			return str_printf("%s/%s", paths[i], file);
	}
	return NULL;
}

static void check_file(struct fixture *f, const char *name, const char *file, const char *wanted)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *path = host_path(f, name, file);

	if (!path)
		fail_msg("no hierarchy %s", name);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text), 0);
	text.data[strcspn(text.data, "\n")] = '\0';
	assert_string_equal(text.data, wanted);
}

static size_t folders_there(struct fixture *f, const char *path)
{
	_cleanup_strv_ char **paths = cgroup_paths(f->cg, path);
	size_t n = 0;

	for (size_t i = 0; paths && paths[i]; i++)
		n += access(paths[i], F_OK) == 0;
	return n;
}

static size_t hierarchies(struct fixture *f)
{
	_cleanup_strv_ char **paths = cgroup_paths(f->cg, f->path);

	return strv_length(paths);
}

static void nested_make(struct fixture *f, const char *below)
{
	_cleanup_strv_ char **paths = cgroup_paths(f->cg, f->path);

	for (size_t i = 0; paths && paths[i]; i++) {
		_cleanup_free_ char *path = str_printf("%s%s", paths[i], below);

		assert_int_equal(mkdir(path, 0755), 0);
	}
}

#define need(f, controller) \
	do { \
		if (!cgroup_has((f)->cg, controller)) { \
			print_message("v1 has no controller %s here\n", controller); \
			skip(); \
		} \
	} while (0)

/* -- pure ------------------------------------------------------------------------------------- */

static void each_hierarchy_is_found_once(void **state)
{
	char text[] =
		"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
		"32 31 0:29 /docker/1 /other rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		"33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw master:1 - cgroup cgroup rw,cpu,cpuacct\n"
		"34 31 0:37 / /sys/fs/cgroup/sys\\040temd rw - cgroup cgroup rw,xattr,name=systemd\n"
		"35 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
		"36 31 0:38 / /again rw - cgroup2 cgroup2 rw,nsdelegate\n"
		"37 31 0:39 / /not rw - cgroup3 none rw\n"
		"38 broken - cgroup\n";
	struct cgroup_mounts mounts;

	(void)state;
	cgroup_mounts_parse(text, &mounts);
	assert_int_equal(mounts.count, 3);
	assert_string_equal(mounts.list[0].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
	assert_int_equal(mounts.list[0].controllers, CGROUP_CPU | CGROUP_CPUACCT);
	assert_ptr_equal(mounts.list[0].ops, &cgroup_v1_ops);
	assert_string_equal(mounts.list[1].mount_point, "/sys/fs/cgroup/sys temd");
	assert_int_equal(mounts.list[1].controllers, 0);
	assert_string_equal(mounts.list[2].mount_point, "/sys/fs/cgroup/unified");
	assert_ptr_equal(mounts.list[2].ops, &cgroup_v2_ops);
	cgroup_mounts_clear(&mounts);
}

static void the_host_s_own_mount_is_preferred(void **state)
{
	char text[] = "30 23 0:29 / /srv/test/cpu rw - cgroup cgroup rw,cpu\n"
		      "31 23 0:29 /docker/1 /sys/fs/cgroup/part rw - cgroup cgroup rw,cpu\n"
		      "32 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		      "33 23 0:29 / /var/cpu rw - cgroup cgroup rw,cpu\n";
	struct cgroup_mounts mounts;

	(void)state;
	cgroup_mounts_parse(text, &mounts);
	assert_int_equal(mounts.count, 1);
	assert_string_equal(mounts.list[0].mount_point, "/sys/fs/cgroup/cpu");
	assert_int_equal(strv_length(mounts.list[0].other_points), 2);
	assert_string_equal(mounts.list[0].other_points[0], "/srv/test/cpu");
	assert_string_equal(mounts.list[0].other_points[1], "/var/cpu");
	cgroup_mounts_clear(&mounts);
}

static void keys_are_whole_words(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cgroup_text_key("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n",
					 "oom_kill", &value),
			 0);
	assert_int_equal(value, 12);
	assert_int_equal(cgroup_text_key("oom_group_kill 3\n", "oom_kill", &value), -ENOENT);
	assert_int_equal(cgroup_text_key("", "oom_kill", &value), -ENOENT);
}

static void parts_of_a_folder_grow_to_the_right(void **state)
{
	(void)state;
	assert_int_equal(cgroup_folder_next("a/bc/d", 0), 1);
	assert_int_equal(cgroup_folder_next("a/bc/d", 1), 4);
	assert_int_equal(cgroup_folder_next("a/bc/d", 4), 6);
	assert_int_equal(cgroup_folder_next("a/bc/d", 6), 0);
	assert_int_equal(cgroup_folder_next("", 0), 0);
}

static void paths_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const bad[] = { "",		 "/",	      "cloche/x", "/cloche/../x",
					   "/cloche//x", "/cloche/.", "/x/",	  NULL };
	struct fixture *f = *state;

	for (size_t i = 0; bad[i]; i++) {
		assert_int_equal(cgroup_create(f->cg, bad[i], NULL, &f->err), -EINVAL);
		assert_int_equal(cgroup_remove(f->cg, bad[i], &f->err), -EINVAL);
		assert_int_equal(cgroup_open_folder(f->cg, bad[i]), -EINVAL);
	}
	assert_string_equal(f->err.words, "cgroup path /x/ is not absolute and plain");
}

/* -- folders and processes -------------------------------------------------------------------- */

static void a_process_is_in_every_hierarchy(void **state)
{
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	struct fixture *f = *state;
	char file[64], *rest, *line;
	size_t found = 0;
	pid_t pid;

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	assert_int_equal(folders_there(f, f->path), hierarchies(f));
	pid = child_start(f, f->path, work_wait);
	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	assert_int_equal(file_read(AT_FDCWD, file, 1 << 16, &lines), 0);
	for (rest = lines.data; (line = strsep(&rest, "\n")) != NULL;)
		found += str_suffix(line, f->path);
	assert_int_equal(found, hierarchies(f));
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_int_equal(WTERMSIG(child_end(pid)), SIGKILL);
	assert_int_equal(folders_there(f, f->path), 0);
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
}

static void entering_a_missing_folder_says_so(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cgroup_enter(f->cg, f->path, 0, &f->err), -ENOENT);
	assert_true(str_suffix(f->err.words, ": it does not exist"));
	assert_int_equal(cgroup_update(f->cg, f->path, &no_limit, &f->err), 0);
}

static void an_ended_process_cannot_enter(void **state)
{
	struct fixture *f = *state;

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	assert_int_equal(cgroup_enter(f->cg, f->path, 4194303, &f->err), -ESRCH);
	assert_true(str_suffix(f->err.words, ": the process has ended"));
}

static void what_a_killed_run_left_is_made_anew(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;

	need(f, "pids");
	limits.pids_limit = 5;
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	nested_make(f, "/inner");
	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	check_file(f, "pids", "pids.max", "max");
}

static void a_folder_with_processes_is_not_taken(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *words = NULL;
	pid_t pid;

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	pid = child_start(f, f->path, work_wait);
	assert_int_equal(cgroup_create(f->cg, f->path, NULL, &f->err), -EBUSY);
	words = str_printf(": process %d is in an earlier one of this name", (int)pid);
	assert_true(str_suffix(f->err.words, words));
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(folders_there(f, f->path), hierarchies(f));
	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	assert_int_equal(WTERMSIG(child_end(pid)), SIGKILL);
}

static void signals_reach_nested_folders(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *inner = str_printf("%s/a/b", f->path);
	_cleanup_free_ pid_t *pids = NULL;
	pid_t outer, deep;

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	ok(f, cgroup_create(f->cg, inner, NULL, &f->err));
	outer = child_start(f, f->path, work_wait);
	deep = child_start(f, inner, work_wait);
	assert_int_equal(cgroup_pids(f->cg, f->path, &pids, &f->err), 2);
	assert_int_equal(pids[0] + pids[1], outer + deep);
	ok(f, cgroup_kill(f->cg, f->path, SIGUSR1, &f->err));
	assert_int_equal(WTERMSIG(child_end(outer)), SIGUSR1);
	assert_int_equal(WTERMSIG(child_end(deep)), SIGUSR1);
	deep = child_start(f, inner, work_wait);
	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	assert_int_equal(WTERMSIG(child_end(deep)), SIGKILL);
	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_int_equal(folders_there(f, f->path), 0);
}

static void a_missing_folder_has_nothing_to_kill(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ pid_t *pids = NULL;

	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	ok(f, cgroup_kill(f->cg, f->path, SIGTERM, &f->err));
	assert_int_equal(cgroup_pids(f->cg, f->path, &pids, &f->err), 0);
}

static void a_process_that_forks_for_ever_is_removed(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;
	pid_t pid;

	limits.pids_limit = 40;
	ok(f, cgroup_create(f->cg, f->path, cgroup_has(f->cg, "pids") ? &limits : NULL, &f->err));
	pid = child_start(f, f->path, cgroup_has(f->cg, "pids") ? work_bomb : work_wait);
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_int_equal(WTERMSIG(child_end(pid)), SIGKILL);
	assert_int_equal(folders_there(f, f->path), 0);
}

static void deep_nests_are_removed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *below = str_dup("");

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	for (int i = 0; i < 40; i++) {
		_cleanup_free_ char *deeper = str_printf("%s/n", below),
				    *beside = str_printf("%s/m", below);

		nested_make(f, deeper);
		nested_make(f, beside);
		str_free(&below);
		below = ptr_take(&deeper);
	}
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_int_equal(folders_there(f, f->path), 0);
}

/* Whether the counter moves within a moment. */
static bool counts(void)
{
	uint64_t before = *counter;

	(void)poll(NULL, 0, 20);
	return *counter != before;
}

/* A signal would be no proof: on v2 one that ends a process ends a frozen one too. */
static void a_frozen_process_stands_still_until_thawed_or_removed(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(counter != MAP_FAILED);
	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	pid = child_start(f, f->path, work_count);
	assert_int_equal(cgroup_frozen(f->cg, f->path), 0);
	ok(f, cgroup_freeze(f->cg, f->path, true, &f->err));
	assert_int_equal(cgroup_frozen(f->cg, f->path), 1);
	assert_false(counts());
	ok(f, cgroup_freeze(f->cg, f->path, false, &f->err));
	for (int tries = 0; !counts(); tries++) /* on a busy host it may wait for a processor */
		assert_true(tries < 250);
	ok(f, cgroup_freeze(f->cg, f->path, true, &f->err));
	assert_false(counts());
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_int_equal(WTERMSIG(child_end(pid)), SIGKILL);
	(void)munmap((void *)(uintptr_t)counter, 4096);
}

static void a_container_is_found_by_its_id(void **state)
{
	struct fixture *f = *state;
	const char *suffix = f->base + strlen("/cloche");

	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	ok(f, cgroup_remove_id(f->cg, suffix, "ba9876543210ffff", &f->err));
	assert_int_equal(folders_there(f, f->path), hierarchies(f));
	ok(f, cgroup_remove_id(f->cg, suffix, "0123456789abffff", &f->err));
	assert_int_equal(folders_there(f, f->path), 0);
	assert_int_equal(cgroup_remove_id(f->cg, suffix, "89ab", &f->err), -EINVAL);
	ok(f, cgroup_remove_id(f->cg, "-test-of-nobody", "0123456789abffff", &f->err));
}

/* -- limits ----------------------------------------------------------------------------------- */

static void the_limit_of_pids_makes_fork_fail(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;
	struct cgroup_stats stats;

	need(f, "pids");
	limits.pids_limit = 4;
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	assert_int_equal(WEXITSTATUS(child_run(f, work_fork)), 3);
	ok(f, cgroup_stats(f->cg, f->path, &stats, &f->err));
	assert_int_equal(stats.pids, 3);
	assert_int_equal(stats.pids_limit, 4);
	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	limits.pids_limit = -1;
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	ok(f, cgroup_stats(f->cg, f->path, &stats, &f->err));
	assert_true(stats.pids_limit == UINT64_MAX);
}

static struct spec_device_rule only_null[] = { { false, 'a', -1, -1, "rwm" },
					       { true, 'c', 1, 3, "rw" } };
static struct spec_device_rule null_and_zero[] = { { false, 'a', -1, -1, "rwm" },
						   { true, 'c', 1, 3, "rw" },
						   { true, 'c', 1, 5, "rw" } };

static void a_device_that_is_not_allowed_cannot_be_opened(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;
	int r;

	limits.devices = only_null;
	limits.device_count = ARRAY_SIZE(only_null);
	r = cgroup_create(f->cg, f->path, &limits, &f->err);
	if (r == -EPERM && cgroup_mode(f->cg) == CGROUP_V2)
		skip(); /* bpf(2) is refused here */
	ok(f, r);
	assert_int_equal(WEXITSTATUS(child_run(f, work_devices)), 3);
	limits.devices = null_and_zero;
	limits.device_count = ARRAY_SIZE(null_and_zero);
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	assert_int_equal(WEXITSTATUS(child_run(f, work_devices)), 1);
	limits.devices = only_null;
	limits.device_count = ARRAY_SIZE(only_null);
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	assert_int_equal(WEXITSTATUS(child_run(f, work_devices)), 3);
}

static void the_limit_of_memory_kills(void **state)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;
	_cleanup_free_ char *oom = NULL;
	struct cgroup_stats stats;
	uint64_t kills = 0;

	need(f, "memory");
	limits.memory_limit_bytes = limits.memory_swap_bytes = 16 << 20;
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	assert_int_equal(cgroup_oom_kills(f->cg, f->path), 0);
	assert_int_equal(WTERMSIG(child_run(f, work_eat)), SIGKILL);
	assert_int_equal(cgroup_oom_kills(f->cg, f->path), 1);
	assert_int_equal(cgroup_oom_path(f->cg, f->path, &oom), 0);
	assert_int_equal(file_read(AT_FDCWD, oom, 4096, &text), 0);
	assert_int_equal(cgroup_text_key(text.data, "oom_kill", &kills), 0);
	assert_int_equal(kills, 1);
	ok(f, cgroup_stats(f->cg, f->path, &stats, &f->err));
	assert_int_equal(stats.memory_limit_bytes, 16 << 20);
	assert_int_equal(stats.oom_kills, 1);
	assert_in_range(stats.memory_peak_bytes, 15 << 20, 16 << 20);
	assert_true(stats.cpu_usage_ns > 0);
}

static void memory_and_swap_grow_and_shrink(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;

	need(f, "memory");
	limits.memory_limit_bytes = 32 << 20;
	limits.memory_swap_bytes = 48 << 20;
	limits.memory_reservation_bytes = 8 << 20;
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	check_file(f, "memory", "memory.limit_in_bytes", "33554432");
	check_file(f, "memory", "memory.memsw.limit_in_bytes", "50331648");
	check_file(f, "memory", "memory.soft_limit_in_bytes", "8388608");
	limits.memory_limit_bytes = limits.memory_swap_bytes = 64 << 20;
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	check_file(f, "memory", "memory.limit_in_bytes", "67108864");
	check_file(f, "memory", "memory.memsw.limit_in_bytes", "67108864");
	limits.memory_limit_bytes = limits.memory_swap_bytes = 16 << 20;
	limits.memory_swappiness = 0;
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	check_file(f, "memory", "memory.memsw.limit_in_bytes", "16777216");
	check_file(f, "memory", "memory.swappiness", "0");
	limits.memory_limit_bytes = 128 << 20;
	limits.memory_swap_bytes = 0;
	assert_int_equal(cgroup_update(f->cg, f->path, &limits, &f->err), -EINVAL);
	assert_string_equal(f->err.words,
			    "limit memory to 134217728: the kernel does not accept this value");
	assert_string_equal(f->err.hint,
			    "the limit of memory and swap together must not be below it");
	limits.memory_limit_bytes = limits.memory_swap_bytes = -1;
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
}

static void processors_are_limited(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;

	need(f, "cpu");
	limits.cpu_shares = 512;
	limits.cpu_quota_us = 50000;
	limits.cpu_period_us = 200000;
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	check_file(f, "cpu", "cpu.shares", "512");
	check_file(f, "cpu", "cpu.cfs_quota_us", "50000");
	check_file(f, "cpu", "cpu.cfs_period_us", "200000");
	limits.cpu_quota_us = 10;
	limits.cpu_period_us = 0;
	assert_int_equal(cgroup_update(f->cg, f->path, &limits, &f->err), -EINVAL);
	assert_string_equal(f->err.words,
			    "limit cpu quota to 10: the kernel does not accept this value");
	limits.cpu_quota_us = -1;
	ok(f, cgroup_update(f->cg, f->path, &limits, &f->err));
	check_file(f, "cpu", "cpu.cfs_quota_us", "-1");
}

static void cpus_that_the_host_lacks_are_refused(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;

	need(f, "cpuset");
	limits.cpuset_cpus = (char *)"0";
	ok(f, cgroup_create(f->cg, f->path, &limits, &f->err));
	check_file(f, "cpuset", "cpuset.cpus", "0");
	assert_int_equal(WEXITSTATUS(child_run(f, work_nothing)),
			 0); /* cpuset.mems is set too, or none could enter */
	limits.cpuset_cpus = (char *)"4000";
	assert_true(cgroup_update(f->cg, f->path, &limits, &f->err) < 0);
	assert_true(str_prefix(f->err.words, "limit cpus to 4000: "));
	assert_true(str_prefix(f->err.hint, "possible here: 0"));
	ok(f, cgroup_remove(f->cg, f->path, &f->err));
	assert_true(cgroup_create(f->cg, f->path, &limits, &f->err) < 0);
	assert_int_equal(folders_there(f, f->path), 0);
}

static void a_cpuset_without_anything_is_filled_when_entered(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *below = str_printf("%s/late", f->path), *cloned = NULL;

	need(f, "cpuset");
	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	cloned = host_path(f, "cpuset", "cgroup.clone_children");
	assert_int_equal(file_poke(AT_FDCWD, cloned, "0"), 0); /* as if killed before it was set */
	nested_make(f, "/late");
	assert_int_equal(WEXITSTATUS(child_end(child_start(f, below, work_nothing))), 0);
}

static void a_missing_controller_is_named(void **state)
{
	struct spec_resources limits = no_limit;
	struct fixture *f = *state;

	limits.memory_limit_bytes = 1 << 24;
	assert_int_equal(cgroup_create(f->cg, f->path, &limits, &f->err), -EOPNOTSUPP);
	assert_string_equal(f->err.words,
			    "limit memory: this host has no cgroup controller memory");
	assert_string_equal(f->err.hint, "boot the kernel with cgroup_enable=memory");
	assert_int_equal(folders_there(f, f->path), 0);
	assert_int_equal(cgroup_oom_path(f->cg, f->path, NULL), -EOPNOTSUPP);
}

static void a_process_can_be_born_in_the_folder_on_v2(void **state)
{
	struct fixture *f = *state;
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	_cleanup_free_ pid_t *pids = NULL;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	if (cgroup_mode(f->cg) != CGROUP_V2) {
		assert_int_equal(cgroup_open_folder(f->cg, f->path), -EOPNOTSUPP);
		return;
	}
	ok(f, cgroup_create(f->cg, f->path, NULL, &f->err));
	fd = cgroup_open_folder(f->cg, f->path);
	assert_true(fd >= 0);
	args.cgroup = (uint64_t)(unsigned)fd;
	pid = sys_clone3(&args);
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(work_wait());
	assert_int_equal(cgroup_pids(f->cg, f->path, &pids, &f->err), 1);
	assert_int_equal(pids[0], pid);
	ok(f, cgroup_kill(f->cg, f->path, SIGKILL, &f->err));
	assert_int_equal(WTERMSIG(child_end(pid)), SIGKILL);
}

static void statistics_of_a_missing_folder_are_refused(void **state)
{
	struct fixture *f = *state;
	struct cgroup_stats stats;

	assert_int_equal(cgroup_stats(f->cg, f->path, &stats, &f->err), -ENOENT);
}

/* -- running ---------------------------------------------------------------------------------- */

static int hide(bool v2)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct cgroup_mounts mounts;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text);

	if (r < 0)
		return r;
	cgroup_mounts_parse(text.data, &mounts);
	for (size_t i = 0; i < mounts.count; i++)
		if ((mounts.list[i].ops == &cgroup_v2_ops) == v2 &&
		    umount2(mounts.list[i].mount_point, MNT_DETACH) < 0)
			r = -errno;
	cgroup_mounts_clear(&mounts);
	return r;
}

static void the_folder_of_a_line_of_proc(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	char *rest, *line;
	size_t found = 0;

	assert_int_equal(cgroup_create(f->cg, f->path, &no_limit, &f->err), 0);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &lines), 0);
	for (rest = lines.data; (line = strsep(&rest, "\n")) != NULL && *line;) {
		char *list = strchr(line, ':') + 1;
		_cleanup_free_ char *path = NULL;
		dev_t device = 0;
		struct stat st;

		*strchr(list, ':') = '\0';
		path = cgroup_path_in(f->cg, f->path, list, &device);
		if (!path)
			continue;
		found++;
		assert_true(str_suffix(path, f->path));
		assert_int_equal(stat(path, &st), 0);
		assert_true(S_ISDIR(st.st_mode) && st.st_dev == device);
	}
	assert_true(found > 0);
	assert_null(cgroup_path_in(f->cg, f->path, "abacus", &(dev_t){ 0 }));
}

/* The rest of a case, in a mount namespace that goes away with the process. */
static void apart(struct fixture *f, void (*work)(struct fixture *f))
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/own", 0755) < 0)
			_exit(99);
		work(f);
		_exit(0);
	}
	status = child_end(pid);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

#define need_or_exit(condition) \
	do { \
		if (!(condition)) { \
			print_error("%s: %s\n", #condition, f->err.words); \
			_exit(98); \
		} \
	} while (0)

static void use(struct fixture *f, struct cgroup *cg, size_t count)
{
	need_or_exit(cgroup_create(cg, f->path, &no_limit, &f->err) == 0);
	need_or_exit(cg->mounts.count == count && cg->chief >= cg->mounts.list &&
		     cg->chief < cg->mounts.list + count);
	need_or_exit(cgroup_enter(cg, f->path, getpid(), &f->err) == 0);
}

static void vanish(struct fixture *f)
{
	_cleanup_free_ char *options = str_printf("none,name=cloche-test-%d", (int)getpid());
	size_t count = f->cg->mounts.count;
	struct cgroup *cg;

	if (mount("none", "/mnt/own", "cgroup", 0, options) < 0)
		_exit(77); /* a kernel without v1 */
	cg = cgroup_open(&f->err);
	need_or_exit(cg && cg->mounts.count == count + 1);
	need_or_exit(umount("/mnt/own") == 0);
	use(f, cg, count);
}

static void cover(struct fixture *f)
{
	const char *point = f->cg->mounts.list[0].mount_point;
	struct cgroup *cg;

	need_or_exit(mount(point, "/mnt/own", NULL, MS_BIND, NULL) == 0);
	need_or_exit(mount("none", point, "tmpfs", 0, NULL) == 0);
	cg = cgroup_open(&f->err);
	need_or_exit(cg && strcmp(cg->mounts.list[0].mount_point, point) == 0);
	use(f, cg, f->cg->mounts.count);
	need_or_exit(strcmp(cg->mounts.list[0].mount_point, "/mnt/own") == 0);
	cgroup_close(cg);
	cg = cgroup_open(&f->err);
	need_or_exit(umount("/mnt/own") == 0);
	need_or_exit(cgroup_enter(cg, f->path, getpid(), &f->err) < 0);
	need_or_exit(strstr(f->err.words, "something else is mounted over it") != NULL);
}

static void a_hierarchy_that_goes_meanwhile_is_done_without(void **state)
{
	apart(*state, vanish);
}

static void a_covered_hierarchy_is_reached_where_else_it_is_mounted(void **state)
{
	apart(*state, cover);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static int host_tests(const char *name)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_that_lead_elsewhere_are_refused),
		TEST(a_process_is_in_every_hierarchy),
		TEST(a_hierarchy_that_goes_meanwhile_is_done_without),
		TEST(a_covered_hierarchy_is_reached_where_else_it_is_mounted),
		TEST(the_folder_of_a_line_of_proc),
		TEST(entering_a_missing_folder_says_so),
		TEST(an_ended_process_cannot_enter),
		TEST(a_folder_with_processes_is_not_taken),
		TEST(signals_reach_nested_folders),
		TEST(a_missing_folder_has_nothing_to_kill),
		TEST(a_process_that_forks_for_ever_is_removed),
		TEST(deep_nests_are_removed),
		TEST(a_frozen_process_stands_still_until_thawed_or_removed),
		TEST(a_container_is_found_by_its_id),
		TEST(a_device_that_is_not_allowed_cannot_be_opened),
		TEST(a_process_can_be_born_in_the_folder_on_v2),
		TEST(statistics_of_a_missing_folder_are_refused),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* Where v1 has the controllers: these know its files. cgroup_v2_test.c looks at those of v2. */
static int host_tests_v1(const char *name)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_killed_run_left_is_made_anew),
		TEST(the_limit_of_pids_makes_fork_fail),
		TEST(the_limit_of_memory_kills),
		TEST(memory_and_swap_grow_and_shrink),
		TEST(processors_are_limited),
		TEST(cpus_that_the_host_lacks_are_refused),
		TEST(a_cpuset_without_anything_is_filled_when_entered),
	};

	return host_tests(name) + cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* Where v1 is hidden, and v2 has no controllers since they are v1's. */
static int host_tests_bare(const char *name)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_controller_is_named),
	};

	return host_tests(name) + cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* In a process of its own, whose mount namespace goes away with it. */
static int hiding(bool v2, int (*run)(const char *), const char *name)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int failed;

		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || hide(v2) < 0)
			_exit(99);
		failed = run(name);
		(void)fflush(NULL);
		_exit(failed);
	}
	return child_end(pid) == 0 ? 0 : 1;
}

int main(void)
{
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(each_hierarchy_is_found_once),
		cmocka_unit_test(the_host_s_own_mount_is_preferred),
		cmocka_unit_test(keys_are_whole_words),
		cmocka_unit_test(parts_of_a_folder_grow_to_the_right),
	};
	int failed = cmocka_run_group_tests(pure, NULL, NULL);
	struct err err = ERR_NONE;
	struct cgroup *cg = cgroup_open(&err);
	enum cgroup_mode mode;

	if (!cg || geteuid() != 0) {
		print_message("the rest needs root and a cgroup file system\n");
		return failed ? failed : 77;
	}
	mode = cgroup_mode(cg);
	cgroup_close(cg);
	(void)snprintf(base_path, sizeof(base_path), "/cloche-test-%d", (int)getpid());
	failed += (mode == CGROUP_V2 ? host_tests : host_tests_v1)("as the host is");
	if (mode != CGROUP_HYBRID)
		return failed;
	failed += hiding(true, host_tests_v1, "without v2");
	failed += hiding(false, host_tests_bare, "without v1");
	return failed;
}
