/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/spread.h"

enum { MOST = 1000 };

static atomic_int times[MOST];

static void count_up(void *data, size_t i)
{
	assert_ptr_equal(data, times);
	atomic_fetch_add(&times[i], 1);
}

static void each_is_done_once_whatever_their_number(void **state)
{
	static const size_t counts[] = { 0, 1, 15, 16, 17, 99, 100, 101, MOST };

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (size_t i = 0; i < MOST; i++)
			atomic_store(&times[i], 0);
		spread(counts[c], 100, count_up, times);
		for (size_t i = 0; i < MOST; i++)
			assert_int_equal(atomic_load(&times[i]), i < counts[c]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_done_once_whatever_their_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
