/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/parts.h"

static const char first[] =
	"parts/1111111111111111111111111111111111111111111111111111111111111111";
static const char second[] =
	"parts/2222222222222222222222222222222222222222222222222222222222222222";

struct place {
	char path[64];
	int root;
};

static int setup(void **state)
{
	struct place *place = mem_new(sizeof(*place));

	(void)str_append(place->path, sizeof(place->path), "/tmp/parts_test.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->root = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return mkdirat(place->root, "parts", 0700);
}

static int teardown(void **state)
{
	struct place *place = *state;
	int r = dir_remove(AT_FDCWD, place->path);

	fd_close(place->root);
	free(place);
	return r;
}

static int make(const struct place *place, const char *name)
{
	int fd = openat(place->root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_int_equal(fd_write_all(fd, "seven b", 7), 0);
	return fd;
}

static bool there(const struct place *place, const char *name)
{
	return faccessat(place->root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_somebody_has_stays(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int held = make(place, first), other = make(place, second),
			    strange = make(place, "parts/README");
	_cleanup_strv_ char **names = NULL;

	assert_int_equal(flock(held, LOCK_EX), 0);
	assert_int_equal(parts_sweep(place->root, 0, &names), 7);
	assert_string_equal(names[0], second);
	assert_null(names[1]);
	assert_true(there(place, first) && !there(place, second) && there(place, "parts/README"));
	assert_int_equal(flock(held, LOCK_UN), 0);
	assert_int_equal(parts_sweep(place->root, 0, NULL), 7);
	assert_false(there(place, first));
}

static void count(void *data, const char *path, uint64_t bytes, int64_t untouched_s)
{
	int *calls = data;

	++*calls;
	assert_string_equal(path, second);
	assert_int_equal(bytes, 7);
	assert_true(untouched_s > 20 * 365 * 24 * 3600);
}

static void of_those_that_nobody_has_size_and_age_are_told(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int held = make(place, first), other = make(place, second),
			    strange = make(place, "parts/README");
	const struct timespec before[] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	int calls = 0;

	assert_int_equal(flock(held, LOCK_EX), 0);
	assert_int_equal(futimens(other, before), 0);
	parts_each(place->root, count, &calls);
	assert_int_equal(calls, 1);
	assert_true(there(place, first) && there(place, second) && there(place, "parts/README"));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void the_young_stay_and_a_link_is_not_followed(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int young = make(place, first), old = make(place, second),
			    file = make(place, "file");
	const struct timespec before[] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	assert_int_equal(futimens(old, before), 0);
	assert_int_equal(parts_sweep(place->root, 3600, NULL), 7);
	assert_true(there(place, first) && !there(place, second));
	assert_int_equal(symlinkat("../file", place->root, second), 0);
	assert_int_equal(parts_sweep(place->root, 0, NULL), 7);
	assert_true(there(place, second) && there(place, "file") && !there(place, first));
}

static void without_the_folder_there_is_nothing(void **state)
{
	const struct place *place = *state;

	assert_int_equal(unlinkat(place->root, "parts", AT_REMOVEDIR), 0);
	assert_int_equal(parts_sweep(place->root, 0, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_somebody_has_stays),
		TEST(of_those_that_nobody_has_size_and_age_are_told),
		TEST(the_young_stay_and_a_link_is_not_followed),
		TEST(without_the_folder_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
