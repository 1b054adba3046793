/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kernels do that few test hosts run, on plain folders that stand for a v1 hierarchy. */
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

#include "runtime/cgroup_world.h"
#include "runtime/spec.h"

static int set_up(void **state)
{
	struct fixture *f = mem_new(sizeof(*f));

	(void)snprintf(f->path, sizeof(f->path), "/tmp/cgroup-v1-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->h = (struct cgroup_hierarchy){ .ops = &cgroup_v1_ops, .mount_point = f->path };
	f->h.fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->h.fd < 0 || mkdirat(f->h.fd, "cloche", 0700) < 0 ||
	       mkdirat(f->h.fd, "cloche/web", 0700) < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = dir_remove(AT_FDCWD, f->path);

	fd_close(f->h.fd);
	free(f);
	return r;
}

static void swap_that_is_not_accounted_is_refused(void **state)
{
	struct spec_resources resources = { .memory_swappiness = -1,
					    .memory_limit_bytes = 1000000,
					    .memory_swap_bytes = 2000000 };
	struct fixture *f = *state;

	file_make(f, "cloche/web/memory.limit_in_bytes", "");
	assert_int_equal(f->h.ops->limit(&f->h, "cloche/web", &resources, CGROUP_MEMORY, true,
					 &f->err),
			 -EOPNOTSUPP);
	assert_string_equal(f->err.words,
			    "limit memory and swap: this kernel does not account swap");
	assert_string_equal(f->err.hint, "boot with swapaccount=1, or run without a limit of swap");
	check_file(f, "cloche/web/memory.limit_in_bytes", "");
	resources.memory_swap_bytes = -1;
	assert_int_equal(
		f->h.ops->limit(&f->h, "cloche/web", &resources, CGROUP_MEMORY, true, &f->err), 0);
	check_file(f, "cloche/web/memory.limit_in_bytes", "1000000");
}

static void an_empty_cpuset_is_filled_from_the_top_and_a_set_one_kept(void **state)
{
	struct fixture *f = *state;

	f->h.controllers = CGROUP_CPUSET;
	file_make(f, "cpuset.cpus", "0-3\n");
	file_make(f, "cpuset.mems", "0\n");
	file_make(f, "cloche/cpuset.cpus", "\n");
	file_make(f, "cloche/cpuset.mems", "\n");
	file_make(f, "cloche/web/cpuset.cpus", "2\n");
	file_make(f, "cloche/web/cpuset.mems", "\n");
	assert_int_equal(f->h.ops->repair(&f->h, "cloche/web"), 0);
	check_file(f, "cloche/cpuset.cpus", "0-3\n");
	check_file(f, "cloche/web/cpuset.cpus", "2\n");
	check_file(f, "cloche/web/cpuset.mems", "0\n");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(swap_that_is_not_accounted_is_refused),
		TEST(an_empty_cpuset_is_filled_from_the_top_and_a_set_one_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
