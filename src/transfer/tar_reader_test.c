/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/tar_reader.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(names_with_two_dots_are_refused),
		cmocka_unit_test(lengths_and_depth_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
