/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/selinux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void a_label_of_one_container_has_two_categories_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		_cleanup_free_ char *id = str_printf("%064x", i),
				    *label = selinux_file_label("u:object_r:t:s0", id),
				    *again = selinux_file_label("u:object_r:t:s0", id);
		char *end;
		long first, second;

		assert_string_equal(label, again);
		assert_true(str_prefix(label, "u:object_r:t:s0:c"));
		first = strtol(label + strlen("u:object_r:t:s0:c"), &end, 10);
		assert_true(str_prefix(end, ",c"));
		second = strtol(end + 2, &end, 10);
		assert_int_equal(*end, '\0');
		assert_true(first >= 0 && first < second && second < 1024);
	}
}

static void the_shared_label_is_the_base(void **state)
{
	_cleanup_free_ char *label = selinux_file_label("u:object_r:t:s0", NULL);

	(void)state;
	assert_string_equal(label, "u:object_r:t:s0");
}

static void contexts_are_read_by_their_names(void **state)
{
	static const char text[] = "process = \"system_u:system_r:container_t:s0\"\n"
				   "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
				   "file_x = \"no\"\n"
				   "file = \"system_u:object_r:container_file_t:s0\"\n";
	_cleanup_free_ char *file = selinux_context_of(text, "file"),
			    *none = selinux_context_of(text, "proc");

	(void)state;
	assert_string_equal(file, "system_u:object_r:container_file_t:s0");
	assert_null(none);
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
		cmocka_unit_test(a_label_of_one_container_has_two_categories_in_order),
		cmocka_unit_test(the_shared_label_is_the_base),
		cmocka_unit_test(contexts_are_read_by_their_names),
		cmocka_unit_test(folders_of_the_system_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
