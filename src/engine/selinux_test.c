/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/selinux.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

static void a_level_has_two_categories_in_order_and_none_is_there_twice(void **state)
{
	uint8_t *seen = calloc(SELINUX_CATEGORIES * SELINUX_CATEGORIES, 1);

	(void)state;
	assert_non_null(seen);
	for (uint32_t pair = 0; pair < SELINUX_PAIRS; pair += 1 + pair % 7) {
		_cleanup_free_ char *level = selinux_level(pair);
		char *end;
		unsigned long first, second;

		assert_true(str_prefix(level, "s0:c"));
		first = strtoul(level + strlen("s0:c"), &end, 10);
		assert_true(str_prefix(end, ",c"));
		second = strtoul(end + 2, &end, 10);
		assert_int_equal(*end, '\0');
		assert_true(first < second && second < SELINUX_CATEGORIES);
		assert_int_equal(seen[first * SELINUX_CATEGORIES + second]++, 0);
	}
	free(seen);
	assert_int_equal(selinux_pair("abc"), selinux_pair("abc"));
	assert_int_not_equal(selinux_pair("abc"), selinux_pair("abd"));
}

static const char policy[] = "process = \"system_u:system_r:container_t:s0\"\n"
			     "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
			     "file_x = \"no\"\n"
			     "file = \"system_u:object_r:container_file_t:s0\"\n"
			     "init_process = \"system_u:system_r:container_init_t:s0\"\n";

static void contexts_are_read_by_their_names(void **state)
{
	_cleanup_(selinux_contexts_clear) struct selinux_contexts contexts = SELINUX_CONTEXTS_NONE;
	_cleanup_(selinux_contexts_clear) struct selinux_contexts none = SELINUX_CONTEXTS_NONE;

	(void)state;
	selinux_contexts_parse(policy, &contexts);
	assert_string_equal(contexts.process, "system_u:system_r:container_t:s0");
	assert_string_equal(contexts.init, "system_u:system_r:container_init_t:s0");
	assert_string_equal(contexts.file, "system_u:object_r:container_file_t:s0");
	selinux_contexts_parse("processes = \"x\"\nfile = x\n", &none);
	assert_null(none.process);
	assert_null(none.file);
}

static void labels_are_those_of_the_policy_and_of_the_options(void **state)
{
	static const struct {
		const char *options[4];
		bool init;
		const char *process, *mount;
	} rows[] = {
		{ { NULL },
		  false,
		  "system_u:system_r:container_t:s0:c0,c4",
		  "system_u:object_r:container_file_t:s0:c0,c4" },
		{ { NULL },
		  true,
		  "system_u:system_r:container_init_t:s0:c0,c4",
		  "system_u:object_r:container_file_t:s0:c0,c4" },
		{ { "disable" }, false, "", "system_u:object_r:container_file_t:s0:c1022,c1023" },
		{ { "type:spc_t", "level:s0:c1,c2" },
		  false,
		  "system_u:system_r:spc_t:s0:c1,c2",
		  "system_u:object_r:container_file_t:s0:c1,c2" },
		{ { "user=u", "role:r", "filetype:usr_t" },
		  false,
		  "u:r:container_t:s0:c0,c4",
		  "u:object_r:usr_t:s0:c0,c4" },
		{ { "level:s0:c1", "level:s0-s0:c0.c9" },
		  false,
		  "system_u:system_r:container_t:s0-s0:c0.c9",
		  "system_u:object_r:container_file_t:s0-s0:c0.c9" },
	};
	_cleanup_(selinux_contexts_clear) struct selinux_contexts contexts = SELINUX_CONTEXTS_NONE;

	(void)state;
	selinux_contexts_parse(policy, &contexts);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(selinux_labels_clear) struct selinux_labels labels = SELINUX_LABELS_NONE;

		selinux_labels_make(&contexts, (char *const *)rows[i].options, rows[i].init, 3,
				    &labels);
		assert_string_equal(labels.process, rows[i].process);
		assert_string_equal(labels.mount, rows[i].mount);
	}
}

static void a_policy_without_containers_or_without_levels_gives_what_it_has(void **state)
{
	static const char old[] = "process = \"u:r:t\"\nfile = \"u:object_r:f\"\n";
	_cleanup_(selinux_contexts_clear) struct selinux_contexts contexts = SELINUX_CONTEXTS_NONE;
	_cleanup_(selinux_labels_clear) struct selinux_labels none = SELINUX_LABELS_NONE,
							      three = SELINUX_LABELS_NONE;

	(void)state;
	selinux_labels_make(&contexts, NULL, false, 3, &none);
	assert_string_equal(none.process, "");
	assert_string_equal(none.mount, "");
	selinux_contexts_parse(old, &contexts);
	selinux_labels_make(&contexts, NULL, false, 3, &three);
	assert_string_equal(three.process, "u:r:t");
	assert_string_equal(three.mount, "u:object_r:f");
}

static void options_are_those_of_docker(void **state)
{
	static const char *const good[] = { "disable", "type:t",	 "type=t",    "user:u",
					    "role:r",  "level:s0:c1,c2", "filetype:f" };
	static const char *const bad[] = { "",	     "disabled", "type",    "type:",
					   "nested", "kind:x",	 "typex:y", "level" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(selinux_option_check(good[i], &err), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(selinux_option_check(bad[i], &err), -EINVAL);
		assert_non_null(strstr(err.words, "bad label option"));
	}
}

static void folders_of_the_system_are_known(void **state)
{
	(void)state;
	assert_true(selinux_path_is_systems("/"));
	assert_true(selinux_path_is_systems("/usr/"));
	assert_true(selinux_path_is_systems("/var/lib"));
	assert_false(selinux_path_is_systems("/usr/local/share/x"));
	assert_false(selinux_path_is_systems("/home/fred"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_has_two_categories_in_order_and_none_is_there_twice),
		cmocka_unit_test(contexts_are_read_by_their_names),
		cmocka_unit_test(labels_are_those_of_the_policy_and_of_the_options),
		cmocka_unit_test(a_policy_without_containers_or_without_levels_gives_what_it_has),
		cmocka_unit_test(options_are_those_of_docker),
		cmocka_unit_test(folders_of_the_system_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
