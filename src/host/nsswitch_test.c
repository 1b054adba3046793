/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/nsswitch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void edited(const char *before, bool enable, const char *wanted)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	bool changed = nsswitch_edit(before, enable, &out);

	assert_string_equal(out.data, wanted);
	assert_int_equal(changed, !str_equal(before, wanted));
}

static void the_word_is_put_last_and_comments_stay(void **state)
{
	(void)state;
	edited("# x\npasswd:  files systemd\ngroup:\tfiles # mine\nhosts: files dns\n", true,
	       "# x\npasswd:  files systemd cloche\ngroup:\tfiles cloche # mine\nhosts: files dns\n");
}

static void enabling_twice_changes_nothing(void **state)
{
	(void)state;
	edited("passwd: files cloche\ngroup: files cloche\n", true,
	       "passwd: files cloche\ngroup: files cloche\n");
}

static void disabling_gives_the_text_back(void **state)
{
	(void)state;
	edited("passwd:  files cloche ldap\ngroup:\tfiles cloche # mine\n", false,
	       "passwd:  files ldap\ngroup:\tfiles # mine\n");
}

static void a_missing_line_is_added(void **state)
{
	(void)state;
	edited("passwd: files\n", true, "passwd: files cloche\ngroup: files cloche\n");
	edited("", true, "passwd: files cloche\ngroup: files cloche\n");
}

static void other_words_and_databases_are_left_alone(void **state)
{
	(void)state;
	edited("passwd: files\ngroup: files\npasswd_compat: nis\nshadow: files\n", false,
	       "passwd: files\ngroup: files\npasswd_compat: nis\nshadow: files\n");
	edited("passwd: recloche cloched\ngroup: x\n", true,
	       "passwd: recloche cloched cloche\ngroup: x cloche\n");
}

static void a_search_that_ends_before_is_seen(void **state)
{
	bool unreachable;

	(void)state;
	assert_true(nsswitch_enabled("passwd: files cloche\ngroup: files cloche\n", &unreachable));
	assert_false(
		nsswitch_enabled("passwd: files cloche\ngroup: files # cloche\n", &unreachable));
	assert_false(unreachable);
	assert_false(nsswitch_enabled(
		"passwd: files [NOTFOUND=return] cloche\ngroup: files cloche\n", &unreachable));
	assert_true(unreachable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_word_is_put_last_and_comments_stay),
		cmocka_unit_test(enabling_twice_changes_nothing),
		cmocka_unit_test(disabling_gives_the_text_back),
		cmocka_unit_test(a_missing_line_is_added),
		cmocka_unit_test(other_words_and_databases_are_left_alone),
		cmocka_unit_test(a_search_that_ends_before_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
