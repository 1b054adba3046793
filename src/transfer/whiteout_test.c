/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/message.h"
#include "transfer/whiteout.h"

static void names_are_told_apart(void **state)
{
	static const struct {
		const char *path;
		enum whiteout_kind kind;
		const char *name;
	} cases[] = {
		{ "a/b", WHITEOUT_NONE, NULL },
		{ "a/wh.b", WHITEOUT_NONE, NULL },
		{ "", WHITEOUT_NONE, NULL },
		{ ".wh.a", WHITEOUT_HIDE, "a" },
		{ "x/.wh.a.b", WHITEOUT_HIDE, "a.b" },
		{ ".wh.....", WHITEOUT_HIDE, "...." },
		{ "x/.wh..wh..opq", WHITEOUT_OPAQUE, NULL },
		{ ".wh..wh.plnk", WHITEOUT_METADATA, NULL },
		{ ".wh..wh.plnk/12.34", WHITEOUT_METADATA, NULL },
		{ ".wh..wh.", WHITEOUT_METADATA, NULL },
	};
	static const char *const bad[] = { ".wh.", "a/.wh..", "a/.wh...", ".wh.a/b", ".wh./x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_NONE;
		enum whiteout_kind kind;
		const char *name = NULL;

		assert_int_equal(whiteout_parse(cases[i].path, &kind, &name, &err), 0);
		assert_int_equal(kind, cases[i].kind);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_NONE;
		enum whiteout_kind kind;
		const char *name;

		assert_true(whiteout_parse(bad[i], &kind, &name, &err) < 0);
	}
}

/* What a reader that was taken over could report. */
static void a_forged_report_reaches_nothing_outside(void **state)
{
	static const char *const forged[] = {
		"../x", "/a/../../x", "a/../x", "link/x", "/.wh.x", ""
	};
	char path[] = "/tmp/whiteout_test.XXXXXX";
	_cleanup_close_ int dir = -1, tree = -1;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "tree", 0755), 0);
	assert_int_equal(mkdirat(dir, "outside", 0755), 0);
	tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlinkat("../outside", tree, "link"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
		struct err err = ERR_NONE;
		bool opaque_root = false;

		message_add(&report, MESSAGE_WHITEOUT, forged[i], strlen(forged[i]));
		(void)whiteout_apply(tree, &report, &opaque_root,
				     &err); /* refused or without effect */
		assert_true(fstatat(dir, "x", &st, AT_SYMLINK_NOFOLLOW) < 0);
		assert_true(fstatat(dir, "outside/x", &st, AT_SYMLINK_NOFOLLOW) < 0);
		assert_true(fstatat(tree, "x", &st, AT_SYMLINK_NOFOLLOW) < 0);
	}
	assert_int_equal(dir_remove(AT_FDCWD, path), 0);
}

static void a_report_cut_anywhere_is_no_message(void **state)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	size_t whole;

	(void)state;
	whiteout_report(&report, "/a", "b");
	whole = report.length;
	for (size_t length = 1; length < whole; length++) {
		struct message m;
		size_t at = 0;

		report.length = length;
		assert_true(message_next(&report, &at, &m) < 0);
	}
	report.length = whole;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_apart),
		cmocka_unit_test(a_forged_report_reaches_nothing_outside),
		cmocka_unit_test(a_report_cut_anywhere_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
