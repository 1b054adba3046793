/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/mount_place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

struct fixture {
	char path[32];
	int root;
};

static int set_up(void **state)
{
	static struct fixture f;

	(void)snprintf(f.path, sizeof(f.path), "/tmp/mount-place-test-XXXXXX");
	if (!mkdtemp(f.path))
		return -1;
	f.root = open(f.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return f.root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fd_close(f->root);
	return dir_remove(AT_FDCWD, f->path);
}

static bool is_kind(struct fixture *f, const char *path, mode_t kind)
{
	struct stat st;

	return fstatat(f->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == kind;
}

static void a_missing_place_is_made_as_the_kind_that_is_told(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int folder = -1, file = -1;

	if (geteuid() != 0)
		skip(); /* places are root's */
	folder = mount_place_strict(f->root, "/a/proc", true);
	file = mount_place_strict(f->root, "/dev/console", false);
	assert_true(folder >= 0);
	assert_true(file >= 0);
	assert_true(is_kind(f, "a/proc", S_IFDIR));
	assert_true(is_kind(f, "dev/console", S_IFREG));
}

/* CVE-2019-19921, CVE-2025-52565: neither the last part of the way nor one before it may be a link. */
static void a_link_on_the_way_is_not_followed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdirat(f->root, "elsewhere", 0755), 0);
	assert_int_equal(symlinkat("elsewhere", f->root, "proc"), 0);
	assert_int_equal(symlinkat("../../../../etc", f->root, "out"), 0);
	assert_int_equal(mount_place_strict(f->root, "/proc", true), -ELOOP);
	assert_int_equal(mount_place_strict(f->root, "/proc/sys", true), -ELOOP);
	assert_int_equal(mount_place_strict(f->root, "/out/passwd", false), -ELOOP);
	assert_false(is_kind(f, "elsewhere/sys", S_IFDIR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_missing_place_is_made_as_the_kind_that_is_told,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_link_on_the_way_is_not_followed, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
