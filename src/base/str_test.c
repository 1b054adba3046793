/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define ID "0a4c95e1f3d27b68c05e9a41d8b37f26094ce1a85d7f3b60e2c81954a7d6f03b"

static void ids(void **state)
{
	(void)state;
	assert_true(str_is_id(ID));
	assert_false(str_is_id(""));
	assert_false(str_is_id(ID "0"));
	assert_false(str_is_id(&ID[1]));
	assert_false(str_is_id("0A4c95e1f3d27b68c05e9a41d8b37f26094ce1a85d7f3b60e2c81954a7d6f03b"));
	assert_false(str_is_id("../c95e1f3d27b68c05e9a41d8b37f26094ce1a85d7f3b60e2c81954a7d6f03b"));
}

static void members(void **state)
{
	char *list[] = { (char *)"one", (char *)"", (char *)"two", NULL };

	(void)state;
	assert_true(strv_has(list, "one") && strv_has(list, "two") && strv_has(list, ""));
	assert_false(strv_has(list, "tw"));
	assert_false(strv_has(list, "twos"));
	assert_false(strv_has(NULL, "one"));
	assert_false(strv_has(list + 3, ""));
}

static void hexadecimal(void **state)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	(void)state;
	buf_puts(&out, "x:");
	buf_hex(&out, "\x00\x0f\xa5\xff", 4);
	assert_string_equal(out.data, "x:000fa5ff");
	buf_hex(&out, NULL, 0);
	assert_int_equal(out.length, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(members),
		cmocka_unit_test(hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
