/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written on v2, seen in a plain folder that stands for the hierarchy: few hosts on which the tests run have
 * the controllers there. A plain file keeps what was written behind the end of a shorter text, so each is written once. */
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/cgroup.h"
#include "runtime/cgroup_v2.h"
#include "runtime/cgroup_world.h"
#include "runtime/spec.h"

static const struct spec_resources no_limit = { .memory_swappiness = -1 };
static const char folder[] = "cloche/web";

static int set_up(void **state)
{
	struct fixture *f = mem_new(sizeof(*f));

	(void)snprintf(f->path, sizeof(f->path), "/tmp/cgroup-v2-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->h = (struct cgroup_hierarchy){ .ops = &cgroup_v2_ops, .mount_point = f->path };
	f->h.fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->h.fd < 0 || mkdirat(f->h.fd, "cloche", 0700) < 0 ||
	    mkdirat(f->h.fd, folder, 0700) < 0)
		return -1;
	file_make(f, "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
	file_make(f, "cgroup.subtree_control", "");
	file_make(f, "cloche/cgroup.subtree_control", "");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = dir_remove(AT_FDCWD, f->path);

	fd_close(f->h.fd);
	free(f);
	return r;
}

static int limit(struct fixture *f, const struct spec_resources *resources, unsigned mask)
{
	return f->h.ops->limit(&f->h, folder, resources, mask, true, &f->err);
}

static void shares_become_a_weight_of_the_same_ratio(void **state)
{
	(void)state;
	assert_int_equal(cgroup_v2_weight(1024), 100);
	assert_int_equal(cgroup_v2_weight(2048), 200);
	assert_int_equal(cgroup_v2_weight(512), 50);
	assert_int_equal(cgroup_v2_weight(2), 1);
	assert_int_equal(cgroup_v2_weight(262144), 10000);
	assert_int_equal(cgroup_v2_weight(UINT64_MAX), 10000);
}

static void swap_is_what_both_leave_beside_memory(void **state)
{
	int64_t swap = 7;

	(void)state;
	assert_int_equal(cgroup_v2_swap(100, 50, &swap), -EINVAL);
	assert_int_equal(cgroup_v2_swap(0, 50, &swap), -EINVAL);
	assert_int_equal(swap, 7);
	assert_int_equal(cgroup_v2_swap(100, 100, &swap), 0);
	assert_int_equal(swap, 0);
	assert_int_equal(cgroup_v2_swap(100, 250, &swap), 0);
	assert_int_equal(swap, 150);
	assert_int_equal(cgroup_v2_swap(0, -1, &swap), 0);
	assert_int_equal(swap, -1);
}

static void names_of_v2_controllers_are_known(void **state)
{
	(void)state;
	assert_int_equal(cgroup_v2_controllers("cpuset cpu io memory hugetlb pids\n"),
			 CGROUP_CPUSET | CGROUP_CPU | CGROUP_BLKIO | CGROUP_MEMORY |
				 CGROUP_HUGETLB | CGROUP_PIDS);
	assert_int_equal(cgroup_v2_controllers("perf_event\n"), 0);
	assert_int_equal(cgroup_v2_controllers(""), 0);
}

static void parents_hand_the_usual_controllers_down(void **state)
{
	struct fixture *f = *state;

	f->h.ops->prepare(&f->h, "cloche");
	check_file(f, "cgroup.subtree_control", "+cpu +cpuset +io +memory +pids");
	check_file(f, "cloche/cgroup.subtree_control", "+cpu +cpuset +io +memory +pids");
	assert_int_equal(f->h.controllers,
			 CGROUP_CPU | CGROUP_CPUSET | CGROUP_BLKIO | CGROUP_MEMORY | CGROUP_PIDS |
				 CGROUP_CPUACCT | CGROUP_FREEZER | CGROUP_DEVICES | CGROUP_HUGETLB);
}

static void what_few_ask_for_is_handed_down_when_it_is(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->h.ops->enable(&f->h, "cloche/web", CGROUP_HUGETLB), 0);
	check_file(f, "cgroup.subtree_control", "+hugetlb");
	check_file(f, "cloche/cgroup.subtree_control", "+hugetlb");
}

static void memory_and_swap_are_told_apart(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/memory.max", "");
	file_make(f, "cloche/web/memory.low", "");
	file_make(f, "cloche/web/memory.swap.max", "");
	resources.memory_limit_bytes = 1000000;
	resources.memory_swap_bytes = 3000000;
	resources.memory_reservation_bytes = 500000;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), 0);
	check_file(f, "cloche/web/memory.max", "1000000");
	check_file(f, "cloche/web/memory.swap.max", "2000000");
	check_file(f, "cloche/web/memory.low", "500000");
}

static void a_limit_below_what_is_in_use_is_refused_when_that_is_told(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/memory.max", "max\n");
	file_make(f, "cloche/web/memory.current", "1000001\n");
	resources.memory_limit_bytes = 1000000;
	resources.rest.check_before_update = true;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), -EBUSY);
	assert_string_equal(f->err.words, "limit memory to 1000000: 1000001 bytes are in use");
	check_file(f, "cloche/web/memory.max", "max\n");
	resources.memory_limit_bytes = 1000001;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), 0);
}

static void a_sum_alone_counts_with_the_memory_in_force(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/memory.max", "1000000\n");
	file_make(f, "cloche/web/memory.swap.max", "");
	resources.memory_swap_bytes = 1500000;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), 0);
	check_file(f, "cloche/web/memory.swap.max", "500000");
	resources.memory_swap_bytes = 900000;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), -EINVAL);
	assert_string_equal(
		f->err.words,
		"limit memory and swap to 900000: less than the limit of memory, or there is none");
}

static void swap_that_is_not_accounted_is_refused(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/memory.max", "");
	resources.memory_limit_bytes = 1000000;
	resources.memory_swap_bytes = 1000000;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), -EOPNOTSUPP);
	assert_string_equal(f->err.words,
			    "limit memory and swap: this kernel does not account swap");
	assert_string_equal(f->err.hint, "boot with swapaccount=1, or run without a limit of swap");
	resources.memory_swap_bytes = -1;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), 0);
	assert_int_equal(f->err.code, 0);
}

static void swappiness_is_refused(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	resources.memory_swappiness = 10;
	assert_int_equal(limit(f, &resources, CGROUP_MEMORY), -EOPNOTSUPP);
	assert_string_equal(f->err.words,
			    "limit swappiness: cgroup v2 has no swappiness of a cgroup");
}

static void quota_and_period_are_one_file(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/cpu.weight", "");
	file_make(f, "cloche/web/cpu.max", "");
	resources.cpu_shares = 512;
	resources.cpu_quota_us = 50000;
	resources.cpu_period_us = 200000;
	assert_int_equal(limit(f, &resources, CGROUP_CPU), 0);
	check_file(f, "cloche/web/cpu.weight", "50");
	check_file(f, "cloche/web/cpu.max", "50000 200000");
}

static void a_period_alone_keeps_the_quota(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/cpu.max", "70000 100000\n");
	resources.cpu_period_us = 200000;
	assert_int_equal(limit(f, &resources, CGROUP_CPU), 0);
	check_file(f, "cloche/web/cpu.max", "70000 200000\n");
}

static void cpuset_and_pids_are_written(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	file_make(f, "cloche/web/cpuset.cpus", "");
	file_make(f, "cloche/web/cpuset.mems", "");
	file_make(f, "cloche/web/pids.max", "");
	resources.cpuset_cpus = (char *)"0-1";
	resources.cpuset_mems = (char *)"0";
	resources.pids_limit = -1;
	assert_int_equal(limit(f, &resources, CGROUP_CPUSET | CGROUP_PIDS), 0);
	check_file(f, "cloche/web/cpuset.cpus", "0-1");
	check_file(f, "cloche/web/cpuset.mems", "0");
	check_file(f, "cloche/web/pids.max", "max");
}

static void a_controller_that_is_not_handed_down_is_enabled(void **state)
{
	struct spec_resources resources = no_limit;
	struct fixture *f = *state;

	resources.pids_limit = 9;
	/* In a plain folder the file does not appear with it, so the kernel is said to lack it. */
	assert_int_equal(limit(f, &resources, CGROUP_PIDS), -EOPNOTSUPP);
	assert_string_equal(f->err.words, "limit pids: this kernel has no pids.max");
	check_file(f, "cgroup.subtree_control", "+pids");
	check_file(f, "cloche/cgroup.subtree_control", "+pids");
}

static void statistics_are_read(void **state)
{
	struct cgroup_stats stats = { 0 };
	struct fixture *f = *state;
	unsigned seen = 0;

	file_make(f, "cloche/web/memory.current", "12288\n");
	file_make(f, "cloche/web/memory.max", "max\n");
	file_make(f, "cloche/web/memory.peak", "20480\n");
	file_make(f, "cloche/web/memory.stat", "anon 1\ninactive_file 4096\n");
	file_make(f, "cloche/web/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n");
	file_make(f, "cloche/web/cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
	file_make(f, "cloche/web/pids.current", "3\n");
	file_make(f, "cloche/web/pids.max", "100\n");
	f->h.ops->stats(&f->h, folder, CGROUP_WHOLE, &stats, &seen);
	assert_int_equal(stats.memory_bytes, 12288);
	assert_true(stats.memory_limit_bytes == UINT64_MAX);
	assert_int_equal(stats.memory_peak_bytes, 20480);
	assert_int_equal(stats.memory_inactive_file_bytes, 4096);
	assert_int_equal(stats.oom_kills, 2);
	assert_int_equal(stats.cpu_usage_ns, 1500000);
	assert_int_equal(stats.pids, 3);
	assert_int_equal(stats.pids_limit, 100);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_become_a_weight_of_the_same_ratio),
		cmocka_unit_test(swap_is_what_both_leave_beside_memory),
		cmocka_unit_test(names_of_v2_controllers_are_known),
		TEST(parents_hand_the_usual_controllers_down),
		TEST(what_few_ask_for_is_handed_down_when_it_is),
		TEST(memory_and_swap_are_told_apart),
		TEST(a_limit_below_what_is_in_use_is_refused_when_that_is_told),
		TEST(a_sum_alone_counts_with_the_memory_in_force),
		TEST(swap_that_is_not_accounted_is_refused),
		TEST(swappiness_is_refused),
		TEST(quota_and_period_are_one_file),
		TEST(a_period_alone_keeps_the_quota),
		TEST(cpuset_and_pids_are_written),
		TEST(a_controller_that_is_not_handed_down_is_enabled),
		TEST(statistics_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
