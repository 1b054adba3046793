/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/distribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void check(const char *text, const char *id, const char *version, const char *end)
{
	struct distribution one;

	distribution_parse(text, &one);
	assert_string_equal(one.id, id);
	assert_string_equal(one.version, version);
	assert_string_equal(one.support_end, end);
	distribution_clear(&one);
}

static void the_end_of_support_is_announced_or_said_by_the_text(void **state)
{
	(void)state;
	check("NAME=x\nID=debian\nVERSION_ID=\"12\"\n", "debian", "12", "2028-06-30");
	check("ID=\"rocky\"\nVERSION_ID='9.4'", "rocky", "9.4", "2032-05-31");
	check("ID=fedora\nVERSION_ID=42\nSUPPORT_END=2026-05-14\n", "fedora", "42", "2026-05-14");
	check("ID=debian\nVERSION_ID=\"120\"\n", "debian", "120", "");
	check("", "", "", "");
	check(NULL, "", "", "");
}

static void support_lasts_to_the_end_of_its_last_day(void **state)
{
	struct distribution one;

	(void)state;
	distribution_parse("ID=debian\nVERSION_ID=9\n", &one);
	assert_false(distribution_ended(&one, "2022-06-30"));
	assert_true(distribution_ended(&one, "2022-07-01"));
	distribution_clear(&one);
	distribution_parse("ID=unheard-of\n", &one);
	assert_false(distribution_ended(&one, "2099-01-01"));
	distribution_clear(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_support_is_announced_or_said_by_the_text),
		cmocka_unit_test(support_lasts_to_the_end_of_its_last_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
