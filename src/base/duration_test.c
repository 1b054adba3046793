/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/duration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void durations_are_read_as_go_writes_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "30s", 30000000000 },
		{ "1m30s", 90000000000 },
		{ "1.5h", 5400000000000 },
		{ "500ms", 500000000 },
		{ "2us", 2000 },
		{ "7ns", 7 },
		{ ".5s", 500000000 },
	};
	static const char *const bad[] = { "",	   "30",  "s",	 "-1s", "1d",	"1s2",
					   "soon", "1 s", "nan", "inf", "1e9h", "0x1s" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(duration_parse(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ns = 42;
		assert_int_equal(duration_parse(bad[i], &ns), -EINVAL);
		assert_int_equal(ns, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_as_go_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
