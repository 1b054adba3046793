/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/device_option.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/create.h"
#include "runtime/spec.h"

static void a_rule_has_a_type_numbers_and_rights(void **state)
{
	struct spec_device_rule rule;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(device_rule_parse("c 10:200 rwm", &rule, &err), 0);
	assert_true(rule.allow);
	assert_int_equal(rule.type, 'c');
	assert_int_equal(rule.major, 10);
	assert_int_equal(rule.minor, 200);
	assert_string_equal(rule.access, "rwm");
	assert_int_equal(device_rule_parse("b *:* rrr", &rule, &err), 0);
	assert_int_equal(rule.major, -1);
	assert_int_equal(rule.minor, -1);
	assert_string_equal(rule.access, "r");
}

static void whatever_else_is_no_rule(void **state)
{
	static const char *const bad[] = { "",	       "c",	   "c 1:1",    "c 1:1 ",
					   "x 1:1 r",  "c 1 r",	   "c 1:1 x",  "c 1:1 rwmr",
					   "c -1:1 r", "cc 1:1 r", "c 1:1 r ", "c 4294967296:1 r" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct spec_device_rule rule;
		struct err err = ERR_NONE;

		assert_int_equal(device_rule_parse(bad[i], &rule, &err), -EINVAL);
		assert_non_null(strstr(err.words, "invalid device cgroup format"));
	}
}

static void limits_of_devices_become_files(void **state)
{
	struct spec_resources resources = { 0 };
	struct err err = ERR_NONE;
	json_t *host = json_pack("{s:i,s:b}", "BlkioWeight", 300, "OomKillDisable", 1);

	(void)state;
	assert_int_equal(device_limits(host, &resources, &err), 0);
	assert_int_equal(resources.file_count, 3);
	for (size_t i = 0; i < resources.file_count; i++)
		if (strcmp(resources.files[i].file, "blkio.weight") == 0)
			assert_string_equal(resources.files[i].value, "300");
	spec_resources_clear(&resources);
	json_decref(host);
}

static void without_limits_there_are_none(void **state)
{
	struct spec_resources resources = { 0 };
	struct create_options options = { 0 };
	struct err err = ERR_NONE;
	json_t *host = json_object();

	(void)state;
	assert_int_equal(device_options(&options, host, &err), 0);
	assert_int_equal(json_int_at(host, "BlkioWeight", -1), 0);
	assert_int_equal(device_limits(host, &resources, &err), 0);
	assert_int_equal(resources.file_count, 0);
	json_decref(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_a_type_numbers_and_rights),
		cmocka_unit_test(whatever_else_is_no_rule),
		cmocka_unit_test(limits_of_devices_become_files),
		cmocka_unit_test(without_limits_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
