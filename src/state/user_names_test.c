/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/user_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/names_record.h"
#include "base/str.h"

static void text_is(const char *passwd, const char *group, const char *wanted)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	user_names_text("web", passwd, group, &out);
	assert_string_equal(out.data, wanted);
}

static void users_and_groups_are_listed(void **state)
{
	(void)state;
	text_is("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/:\n", "adm:x:4:\n",
		"cloche-names 1 web\nu 0 0 root\nu 33 34 www-data\ng 4 adm\n");
}

static void missing_files_give_the_head_alone(void **state)
{
	(void)state;
	text_is(NULL, NULL, "cloche-names 1 web\n");
	text_is("", "", "cloche-names 1 web\n");
}

static void capitals_become_small(void **state)
{
	(void)state;
	text_is("Debian-exim:x:101:102::/:\n", NULL, "cloche-names 1 web\nu 101 102 debian-exim\n");
}

static void strange_names_leave_nothing(void **state)
{
	(void)state;
	text_is("a b:x:1:1::/:\n\033[2Jx:x:2:2::/:\n:x:3:3::/:\na/b:x:4:4::/:\n"
		"1234:x:5:5::/:\n+nis:x:6:6::/:\nm\303\274ller:x:7:7::/:\n"
		"abcdefghijklmnopqrstuvwxyz0123456789:x:8:8::/:\n",
		NULL, "cloche-names 1 web\n");
}

static void numbers_out_of_the_range_leave_nothing(void **state)
{
	(void)state;
	text_is("a:x:65536:0::/:\nb:x:-1:0::/:\nc:x:1:99999::/:\nd:x::0::/:\ne:x:4294967296:0::/:\n"
		"f:x:0x10:0::/:\ng:x:1\ngood:x:65535:65535::/:",
		NULL, "cloche-names 1 web\nu 65535 65535 good\n");
}

static void the_number_of_lines_is_limited(void **state)
{
	_cleanup_(buf_clear) struct buf passwd = BUF_EMPTY, out = BUF_EMPTY;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_printf(&passwd, "u%d:x:%d:0::/:\n", i, i);
	user_names_text("web", passwd.data, NULL, &out);
	for (const char *p = out.data; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 1 + NAMES_ENTRIES);
}

/* Random bytes, with enough of what the format is made of. */
static void nothing_but_clean_names_gets_in(void **state)
{
	static const char likely[] = ":::::\n\n0123456789abcXYZ_.-/ \t\033\377#+";
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
		char bytes[400];
		size_t length = (size_t)(rand_r(&seed) % (int)sizeof(bytes));
		const char *p;

		for (size_t i = 0; i < length; i++)
			bytes[i] = rand_r(&seed) % 8 ?
					   likely[(size_t)rand_r(&seed) % (sizeof(likely) - 1)] :
					   (char)rand_r(&seed);
		bytes[length ? length - 1 : 0] = '\0';
		user_names_text("web", bytes, bytes, &out);
		p = strchr(out.data, '\n') + 1;
		while (*p) {
			size_t n = strcspn(p, "\n"), numbers = *p == 'u' ? 2 : 1;

			assert_true((*p == 'u' || *p == 'g') && p[1] == ' ' && n < NAMES_LINE);
			p += 2;
			for (; numbers > 0; numbers--) {
				assert_true(strtoul(p, NULL, 10) < NAMES_RANGE);
				p += strspn(p, "0123456789");
				assert_int_equal(*p++, ' ');
			}
			n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
			assert_true(n > 0 && n <= 32);
			assert_int_equal(p[n], '\n');
			p += n + 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_groups_are_listed),
		cmocka_unit_test(missing_files_give_the_head_alone),
		cmocka_unit_test(capitals_become_small),
		cmocka_unit_test(strange_names_leave_nothing),
		cmocka_unit_test(numbers_out_of_the_range_leave_nothing),
		cmocka_unit_test(the_number_of_lines_is_limited),
		cmocka_unit_test(nothing_but_clean_names_gets_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
