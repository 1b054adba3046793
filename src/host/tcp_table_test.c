/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/tcp_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include <cmocka.h>

static struct guard_tcp rows[] = {
	{ .space = 7, .family = AF_INET, .state = 10 },
	{ .space = 9, .family = AF_INET, .state = 10 },
	{ .space = 9, .family = AF_INET6, .state = 1 },
	{ .space = 9, .family = AF_INET, .state = 6, .kind = GUARD_TCP_WAITING },
	{ .space = 9, .family = AF_INET, .state = 3, .kind = GUARD_TCP_ASKED },
	{ .space = 11, .family = AF_INET, .state = 10 },
	{ .space = 11, .family = AF_INET, .state = 10, .flags = GUARD_TCP_KERNEL },
	{ .space = 12, .family = AF_INET, .state = 10, .flags = GUARD_TCP_OWN_TABLE },
};
static const struct tcp_table table = { .fd = -1, .list = rows, .count = 8 };

static void a_namespace_has_its_own(void **state)
{
	size_t count;

	(void)state;
	assert_ptr_equal(tcp_table_of(&table, 7, &count), rows);
	assert_int_equal(count, 1);
	assert_ptr_equal(tcp_table_of(&table, 9, &count), rows + 1);
	assert_int_equal(count, 4);
	(void)tcp_table_of(&table, 8, &count);
	assert_int_equal(count, 0);
	(void)tcp_table_of(&table, 13, &count);
	assert_int_equal(count, 0);
}

static bool whole(uint64_t space, uint64_t four, uint64_t six, uint64_t waiting)
{
	const struct tcp_counts counts = { four, six, waiting, UINT64_MAX };
	size_t count;
	const struct guard_tcp *list = tcp_table_of(&table, space, &count);

	return tcp_table_whole(list, count, &counts);
}

static void the_counts_of_the_namespace_decide(void **state)
{
	(void)state;
	assert_true(whole(7, 1, 0, 0));
	assert_true(whole(8, 0, 0, 0));
	assert_false(whole(8, 1, 0, 0));
	/* one that is asked for is nobody's socket yet */
	assert_true(whole(9, 1, 1, 1));
	assert_false(whole(9, 2, 1, 1));
	assert_false(whole(9, 1, 0, 1));
	assert_false(whole(9, 1, 1, 2));
	assert_false(whole(9, UINT64_MAX, UINT64_MAX, UINT64_MAX));
	/* half-open connections of a table of its own would be missed */
	assert_false(whole(12, 1, 0, 0));
}

/* The kernel's own socket is one of TCP's two, and the packet socket of a program one of the two in use. */
static void a_socket_of_the_kernel_hides_no_other(void **state)
{
	struct tcp_counts counts = { 2, 0, 0, UINT64_MAX };
	size_t count;
	const struct guard_tcp *list = tcp_table_of(&table, 11, &count);

	(void)state;
	assert_true(tcp_table_whole(list, count, &counts));
	counts.programs = 1;
	assert_true(tcp_table_whole(list, count, &counts));
	counts.programs = 2;
	assert_false(tcp_table_whole(list, count, &counts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_namespace_has_its_own),
		cmocka_unit_test(the_counts_of_the_namespace_decide),
		cmocka_unit_test(a_socket_of_the_kernel_hides_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
