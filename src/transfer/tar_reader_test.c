/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/tar_reader.h"
#include "transfer/worker.h"

static void names_are_cleaned(void **state)
{
	static const char *const cases[][2] = {
		{ "a", "a" },	       { "./a", "a" },	     { "/a", "a" },
		{ "//a///b/", "a/b" }, { "a/./b/.", "a/b" }, { ".", "" },
		{ "./", "" },	       { "/", "" },	     { "...", "..." },
		{ "a/..b", "a/..b" },  { " /\n", " /\n" },   { "\xff", "\xff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_NONE;
		char name[PATH_MAX];

		assert_int_equal(tar_name_clean(cases[i][0], name, &err), 0);
		assert_string_equal(name, cases[i][1]);
	}
}

static void names_with_two_dots_are_refused(void **state)
{
	static const char *const cases[] = { "..", "../a", "a/..", "a/../b", "/..", "./../x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_NONE;
		char name[PATH_MAX];

		assert_true(tar_name_clean(cases[i], name, &err) < 0);
		assert_string_equal(err.words, "its name has a \"..\" component");
	}
}

static void lengths_and_depth_are_limited(void **state)
{
	_cleanup_free_ char *raw = mem_new(3 * PATH_MAX);
	struct err err = ERR_NONE;
	char name[PATH_MAX];

	(void)state;
	memset(raw, 'a', NAME_MAX);
	assert_int_equal(tar_name_clean(raw, name, &err), 0);
	raw[NAME_MAX] = 'a';
	assert_true(tar_name_clean(raw, name, &err) < 0);
	for (size_t i = 0; i < 3 * PATH_MAX - 2; i++)
		raw[i] = i % 200 == 199 ? '/' : 'a';
	assert_true(tar_name_clean(raw, name, &err) < 0);
	raw[PATH_MAX - 1] = '\0';
	assert_int_equal(tar_name_clean(raw, name, &err), 0);
	for (size_t i = 0; i < 2 * TAR_DEPTH; i++)
		raw[i] = i % 2 ? '/' : 'a';
	raw[2 * TAR_DEPTH] = '\0';
	assert_int_equal(tar_name_clean(raw, name, &err), 0);
	strncpy(raw + 2 * TAR_DEPTH, "b", 2);
	assert_true(tar_name_clean(raw, name, &err) < 0);
}

/* A tar of so many empty files, where a worker finds its input. */
static void give_entries(int count)
{
	_cleanup_close_ int fd = memfd_create("tar", MFD_CLOEXEC);
	char header[512] = "file", end[1024] = "";
	unsigned int sum = 0;

	memcpy(header + 100, "0000644\0000000000\0000000000\00000000000000\00000000000000", 48);
	memcpy(header + 148, "        0",
	       9); /* the sum is made with blanks for itself; a plain file */
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	(void)snprintf(header + 148, 8, "%06o", sum);
	for (int i = 0; i < count; i++)
		assert_int_equal(fd_write_all(fd, header, sizeof(header)), 0);
	assert_int_equal(fd_write_all(fd, end, sizeof(end)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(dup2(fd, WORKER_IN), WORKER_IN);
}

static void entries_are_limited(void **state)
{
	struct tar_reader tar = TAR_READER_NONE;
	struct archive_entry *entry;
	struct err err = ERR_NONE;

	(void)state;
	for (int count = 3; count <= 4; count++) {
		give_entries(count);
		assert_int_equal(tar_reader_open(&tar, 3, &err), 0);
		for (int i = 0; i < 3; i++)
			assert_int_equal(tar_reader_next(&tar, &entry, &err), 1);
		assert_int_equal(tar_reader_next(&tar, &entry, &err), count == 3 ? 0 : -EFBIG);
		tar_reader_close(&tar);
	}
	assert_string_equal(err.words, "the archive has more than 3 entries");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(names_with_two_dots_are_refused),
		cmocka_unit_test(lengths_and_depth_are_limited),
		cmocka_unit_test(entries_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
