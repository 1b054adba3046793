/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/table.h"

static void assert_aligned(const char *text, const char *expected)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	table_align(&out, text);
	assert_string_equal(out.data, expected);
}

static void columns_have_at_least_ten_characters(void **state)
{
	(void)state;
	assert_aligned("A\tB\n1\t2\n", "A         B\n1         2\n");
}

static void the_widest_cell_and_three_blanks_make_a_column(void **state)
{
	(void)state;
	assert_aligned("A\tB\tC\nabcdefghijkl\tx\ty\n",
		       "A              B         C\nabcdefghijkl   x         y\n");
}

static void characters_are_counted_and_not_bytes(void **state)
{
	(void)state;
	assert_aligned("ääääääää…\tB\n12345678901\tC\n", "ääääääää…     B\n12345678901   C\n");
}

static void a_line_without_the_cell_ends_the_column(void **state)
{
	(void)state;
	assert_aligned("abcdefghijklmn\tx\nno tab\nab\ty\n",
		       "abcdefghijklmn   x\nno tab\nab        y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_have_at_least_ten_characters),
		cmocka_unit_test(the_widest_cell_and_three_blanks_make_a_column),
		cmocka_unit_test(characters_are_counted_and_not_bytes),
		cmocka_unit_test(a_line_without_the_cell_ends_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
