/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "top/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static struct top_row list[] = {
	{ .name = "quiet", .engine = "docker", .cpu_percent = 0, .memory_kb = 900, .processes = 2 },
	{ .name = "busy", .engine = "cloche", .cpu_percent = 90, .memory_kb = 10, .processes = 2 },
	{ .name = "also", .engine = "podman", .image = "web:1", .memory_kb = 10, .processes = 9 },
};

static void assert_order(enum top_sort sort, const char *filter, const char *wanted)
{
	struct top_rows rows = { .list = list, .count = 3, .all = 3 };
	char names[64] = "";

	top_rows_sort(&rows, sort, filter);
	for (size_t i = 0; i < rows.count; i++) {
		(void)str_append(names, sizeof(names), rows.list[i].name);
		(void)str_append(names, sizeof(names), " ");
	}
	assert_string_equal(names, wanted);
}

static void largest_first_then_by_name(void **state)
{
	(void)state;
	assert_order(TOP_SORT_CPU, "", "busy also quiet ");
	assert_order(TOP_SORT_MEMORY, "", "quiet also busy ");
	assert_order(TOP_SORT_PROCESSES, "", "also busy quiet ");
	assert_order(TOP_SORT_NAME, "", "also busy quiet ");
	assert_order(TOP_SORT_ENGINE, "", "busy quiet also ");
}

static void a_filter_hides_and_an_empty_one_shows_all_again(void **state)
{
	(void)state;
	assert_order(TOP_SORT_NAME, "web", "also ");
	assert_order(TOP_SORT_NAME, "dock", "quiet ");
	assert_order(TOP_SORT_NAME, "nothing", "");
	assert_order(TOP_SORT_NAME, "", "also busy quiet ");
}

static void the_order_goes_round_both_ways(void **state)
{
	(void)state;
	assert_int_equal(top_sort_next(TOP_SORT_CPU, -1), TOP_SORT_ENGINE);
	assert_int_equal(top_sort_next(TOP_SORT_ENGINE, 1), TOP_SORT_CPU);
	assert_string_equal(top_sort_word(TOP_SORT_MEMORY), "memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest_first_then_by_name),
		cmocka_unit_test(a_filter_hides_and_an_empty_one_shows_all_again),
		cmocka_unit_test(the_order_goes_round_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
