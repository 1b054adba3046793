/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "transfer/write_out.h"

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	(void)closedir(d);
	return count - 2; /* "." and ".." */
}

static void a_small_job_has_no_thread_and_a_larger_one_has_one(void **state)
{
	_cleanup_close_ int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct write_out *out = write_out_new(dir);
	int before = threads();

	(void)state;
	assert_non_null(out);
	write_out_add(out, 1 << 20);
	assert_int_equal(threads(), before);
	for (int i = 0; i < 32; i++)
		write_out_add(out, 1 << 20);
	assert_int_equal(threads(), before + 1);
	write_out_free(out); /* it returns */
}

static void without_a_folder_nothing_is_done(void **state)
{
	struct write_out *out = write_out_new(-1);

	(void)state;
	assert_null(out);
	write_out_add(out, 100 << 20);
	write_out_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_job_has_no_thread_and_a_larger_one_has_one),
		cmocka_unit_test(without_a_folder_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
