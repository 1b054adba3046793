/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "image/digest.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void only_sha256_and_64_lower_case_digits_are_a_digest(void **state)
{
	(void)state;
	assert_true(digest_valid("sha256:" HEX));
	assert_false(digest_valid(HEX));
	assert_false(digest_valid("sha256:" HEX "0"));
	assert_false(digest_valid(
		"sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	assert_false(digest_valid("sha256:"));
	assert_false(digest_valid("sha256:../../../etc/passwd"));
	assert_false(digest_valid("sha512:" HEX));
	assert_string_equal(digest_hex("sha256:" HEX), HEX);
}

static void another_algorithm_is_called_unsupported_and_not_malformed(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_true(digest_check("md5:0123", &err) < 0);
	assert_string_equal(err.words, "digest md5:0123: only sha256 is supported");
	assert_true(digest_check("sha256:0123", &err) < 0);
	assert_string_equal(err.words, "invalid digest sha256:0123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_sha256_and_64_lower_case_digits_are_a_digest),
		cmocka_unit_test(another_algorithm_is_called_unsupported_and_not_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
