/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

static int root = -1;
static char *folder;

static int set_up(void **state)
{
	(void)state;
	folder = str_dup("/tmp/cloche-root-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 || mkdirat(root, "etc", 0755) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	_cleanup_free_ char *name = NULL;
	int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	name = str_dup(folder + strlen("/tmp/"));
	(void)dir_remove(tmp, name);
	fd_close(tmp);
	fd_close(root);
	free(folder);
	return 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void a_missing_path_is_made_component_by_component(void **state)
{
	struct err err = ERR_NONE;
	int fd = root_make_dir(root, "/a/b/c", getuid(), getgid(), &err);

	(void)state;
	assert_true(fd >= 0);
	fd_close(fd);
	assert_true(exists("a/b/c"));
	fd = root_make_file(root, "/a/x/file", getuid(), getgid(), &err);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_true(exists("a/x/file"));
}

static void an_absolute_link_ends_at_the_root(void **state)
{
	struct err err = ERR_NONE;
	int fd;

	(void)state;
	assert_int_equal(symlinkat("/etc/../../../etc", root, "out"), 0);
	fd = root_make_dir(root, "/out/made", getuid(), getgid(), &err);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_true(exists("etc/made"));
	assert_int_equal(access("/etc/made", F_OK), -1);
}

static void where_a_link_leads_nowhere_that_place_is_made(void **state)
{
	struct err err = ERR_NONE;
	int fd;

	(void)state;
	/* as images have it for their resolver */
	assert_int_equal(symlinkat("../run/resolve/stub.conf", root, "etc/resolv.conf"), 0);
	fd = root_make_file(root, "/etc/resolv.conf", getuid(), getgid(), &err);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_true(exists("run/resolve/stub.conf"));
	assert_int_equal(symlinkat("/srv/../var/place", root, "data"), 0);
	assert_int_equal(mkdirat(root, "srv", 0755), 0);
	fd = root_make_dir(root, "/data/deep", getuid(), getgid(), &err);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_true(exists("var/place/deep"));
}

static void links_in_a_circle_are_refused(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(symlinkat("two", root, "one"), 0);
	assert_int_equal(symlinkat("one", root, "two"), 0);
	assert_int_equal(root_make_file(root, "/one", getuid(), getgid(), &err), -ELOOP);
	assert_int_equal(root_make_dir(root, "/one/x", getuid(), getgid(), &err), -ELOOP);
	assert_non_null(strstr(err.words, "make folder /one/x in the container's root"));
}

static void a_file_is_no_folder(void **state)
{
	struct err err = ERR_NONE;
	int fd = root_make_file(root, "/plain", getuid(), getgid(), &err);

	(void)state;
	assert_true(fd >= 0);
	fd_close(fd);
	assert_int_equal(root_make_dir(root, "/plain/x", getuid(), getgid(), &err), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_missing_path_is_made_component_by_component,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_absolute_link_ends_at_the_root, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(where_a_link_leads_nowhere_that_place_is_made,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_in_a_circle_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_is_no_folder, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
