/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "image/store.h"
#include "image/work.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct place {
	char path[64];
	int root;
	struct err err;
};

static int setup(void **state)
{
	struct place *place = mem_new(sizeof(*place));

	(void)str_append(place->path, sizeof(place->path), "/tmp/store_test.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->root = store_root_open(place->path, &place->err);
	*state = place;
	return place->root < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	int r = dir_remove(AT_FDCWD, place->path);

	fd_close(place->root);
	free(place);
	return r;
}

static bool is_there(const struct place *place, const char *path)
{
	return faccessat(place->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void a_root_that_others_can_enter_is_refused(void **state)
{
	struct place *place = *state;

	assert_int_equal(fchmod(place->root, 0711), 0);
	assert_int_equal(store_root_open(place->path, &place->err), -EPERM);
	assert_non_null(strstr(place->err.words, "can be entered by others"));
}

static void a_committed_layer_is_there_and_the_work_folder_is_not(void **state)
{
	struct place *place = *state;
	struct work work = WORK_NONE;

	assert_int_equal(work_open(place->root, &work, &place->err), 0);
	assert_int_equal(mkdirat(work.dir, "one", 0755), 0);
	assert_int_equal(layer_exists(place->root, DIGEST, &place->err), 0);
	assert_int_equal(work_sync(&work, &place->err), 0);
	assert_int_equal(layer_commit(&work, "one", DIGEST, &place->err), 0);
	assert_int_equal(layer_exists(place->root, DIGEST, &place->err), 1);
	work_close(&work);
	assert_int_equal(unlinkat(place->root, "tmp", AT_REMOVEDIR), 0);
}

static void of_two_that_commit_one_layer_both_succeed(void **state)
{
	struct place *place = *state;
	struct work a = WORK_NONE, b = WORK_NONE;

	assert_int_equal(work_open(place->root, &a, &place->err), 0);
	assert_int_equal(work_open(place->root, &b, &place->err), 0);
	assert_int_equal(mkdirat(a.dir, "one", 0755), 0);
	assert_int_equal(mkdirat(b.dir, "one", 0755), 0);
	assert_int_equal(layer_commit(&a, "one", DIGEST, &place->err), 0);
	assert_int_equal(layer_commit(&b, "one", DIGEST, &place->err), 0);
	work_close(&a);
	work_close(&b);
	assert_int_equal(unlinkat(place->root, "tmp", AT_REMOVEDIR), 0);
}

static void a_work_folder_of_the_dead_goes_and_one_in_use_stays(void **state)
{
	struct place *place = *state;
	struct work used = WORK_NONE, next = WORK_NONE;

	assert_int_equal(mkdirat(place->root, "tmp", 0700), 0);
	assert_int_equal(mkdirat(place->root, "tmp/dead", 0700), 0);
	assert_int_equal(mkdirat(place->root, "tmp/dead/inner", 0700), 0);
	assert_int_equal(work_open(place->root, &used, &place->err), 0);
	assert_false(is_there(place, "tmp/dead"));
	assert_int_equal(work_open(place->root, &next, &place->err), 0);
	assert_int_equal(faccessat(used.tmp, used.name, F_OK, 0), 0);
	work_close(&next);
	work_close(&used);
}

static void a_blob_that_is_nowhere_is_missed(void **state)
{
	struct place *place = *state;
	struct work work = WORK_NONE;

	assert_int_equal(work_open(place->root, &work, &place->err), 0);
	assert_int_equal(blob_move(&work, "none", DIGEST, &place->err), -ENOENT);
	work_close(&work);
}

static void a_blob_is_whole_and_private(void **state)
{
	struct place *place = *state;
	struct work work = WORK_NONE;
	struct stat st;

	assert_int_equal(work_open(place->root, &work, &place->err), 0);
	for (int i = 0; i < 2; i++) { /* the second time it is there */
		assert_int_equal(blob_write(&work, DIGEST, "abc", 3, &place->err), i == 0);
		assert_int_equal(blob_move(&work, digest_hex(DIGEST), DIGEST, &place->err), 0);
	}
	assert_int_equal(store_sync(&work, &place->err), 0);
	work_close(&work);
	assert_int_equal(
		fstatat(place->root,
			"blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			&st, 0),
		0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_mode & 07777, 0600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_root_that_others_can_enter_is_refused),
		TEST(a_committed_layer_is_there_and_the_work_folder_is_not),
		TEST(of_two_that_commit_one_layer_both_succeed),
		TEST(a_work_folder_of_the_dead_goes_and_one_in_use_stays),
		TEST(a_blob_is_whole_and_private),
		TEST(a_blob_that_is_nowhere_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
