/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

/* A detached tmpfs with a file in it. */
static int fs_make(void)
{
	int fs = mount_new("tmpfs", "cloche-test", "mode=700,size=64k", 0), file;

	if (fs < 0)
		return fs;
	file = openat(fs, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(file >= 0);
	assert_int_equal(write(file, "text", 4), 4);
	fd_close(file);
	return fs;
}

static void part_is_the_file(int (*part)(int, const char *))
{
	_cleanup_close_ int fs = -1, fd = -1, file = -1;
	char text[8] = "", path[32];
	struct stat st;

	if (geteuid() != 0)
		skip();
	fs = fs_make();
	assert_true(fs >= 0);
	fd = part(fs, "file");
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	fd_close(fs); /* the copy keeps the file system */
	fs = -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(read(file, text, sizeof(text)), 4);
	assert_string_equal(text, "text");
	/* and is detached, as what is handed to a container must be */
	assert_int_equal(mount_change(fd, MOUNT_ATTR_RDONLY, MS_PRIVATE, -1, 0), 0);
}

static void a_part_of_a_detached_mount_is_a_mount(void **state)
{
	(void)state;
	part_is_the_file(mount_part);
}

static void it_is_also_where_the_kernel_copies_attached_mounts_only(void **state)
{
	(void)state;
	part_is_the_file(mount_part_elsewhere);
}

static void a_part_that_is_not_there_is_an_error(void **state)
{
	_cleanup_close_ int fs = -1;

	(void)state;
	if (geteuid() != 0)
		skip();
	fs = fs_make();
	assert_true(fs >= 0);
	assert_true(mount_part(fs, "nothing") < 0);
	assert_true(mount_part_elsewhere(fs, "nothing") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_of_a_detached_mount_is_a_mount),
		cmocka_unit_test(it_is_also_where_the_kernel_copies_attached_mounts_only),
		cmocka_unit_test(a_part_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
