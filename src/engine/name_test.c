/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/name.h"

/* One in 280 would be, if they were left as they come. */
static void an_id_is_no_number(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char id[65];

		id_make(id);
		assert_int_equal(strspn(id, "0123456789abcdef"), 64);
		assert_true(strspn(id, "0123456789") < ID_SHORT);
	}
}

static void names_have_two_bytes_and_more(void **state)
{
	(void)state;
	assert_true(name_valid("a1"));
	assert_true(name_valid("a_.-"));
	assert_false(name_valid("a"));
	assert_false(name_valid("-a"));
	assert_false(name_valid("a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_no_number),
		cmocka_unit_test(names_have_two_bytes_and_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
