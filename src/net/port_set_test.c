/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/port_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/xt_multiport.h>

#include "base/str.h"

/* "80-80 8000-8010" */
static void assert_ranges(const struct port_set *set, const char *expected)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct port_range range;

	for (uint32_t at = 0; port_set_next(set, &at, &range);)
		buf_printf(&text, "%s%u-%u", text.length ? " " : "", range.first, range.last);
	assert_string_equal(text.length ? text.data : "", expected);
}

static void ranges_are_read_as_they_were_added(void **state)
{
	struct port_set set;

	(void)state;
	port_set_clear(&set);
	assert_ranges(&set, "");
	port_set_add(&set, 8000, 8010);
	port_set_add(&set, 80, 80);
	port_set_add(&set, 8011, 8200);
	port_set_add(&set, 9, 8);
	port_set_add(&set, 65535, 65535);
	port_set_add(&set, 0, 0);
	assert_ranges(&set, "0-0 80-80 8000-8200 65535-65535");
	assert_true(port_set_has(&set, 8127));
	assert_false(port_set_has(&set, 81));
	port_set_fill(&set);
	assert_ranges(&set, "0-65535");
}

static void what_all_matches_leave_is_what_each_has(void **state)
{
	struct port_set set, other;

	(void)state;
	port_set_fill(&set);
	port_set_clear(&other);
	port_set_add(&other, 1, 1023);
	port_set_keep(&set, &other);
	port_set_clear(&other);
	port_set_add(&other, 100, 100);
	port_set_add(&other, 2000, 3000);
	port_set_invert(&other);
	port_set_keep(&set, &other);
	assert_ranges(&set, "1-99 101-1023");
}

static void multiport_has_ports_ranges_and_all_but_them(void **state)
{
	struct xt_multiport_v1 match = { .flags = XT_MULTIPORT_DESTINATION,
					 .count = 4,
					 .ports = { 80, 443, 8000, 8010 },
					 .pflags = { 0, 0, 1, 0 } };
	struct port_set set;

	(void)state;
	assert_true(port_set_multiport(&set, 1, &match, sizeof(match)));
	assert_ranges(&set, "80-80 443-443 8000-8010");
	assert_true(port_set_multiport(&set, 0, &match, sizeof(struct xt_multiport)));
	assert_ranges(&set, "80-80 443-443 8000-8000 8010-8010");
	match.invert = 1;
	assert_true(port_set_multiport(&set, 1, &match, sizeof(match)));
	assert_ranges(&set, "0-79 81-442 444-7999 8011-65535");
}

static void multiport_of_sources_and_broken_ones_are_not_understood(void **state)
{
	struct xt_multiport_v1 match = { .flags = XT_MULTIPORT_SOURCE,
					 .count = 1,
					 .ports = { 80 } };
	struct port_set set;

	(void)state;
	assert_false(port_set_multiport(&set, 1, &match, sizeof(match)));
	match.flags = XT_MULTIPORT_EITHER;
	assert_true(port_set_multiport(&set, 1, &match, sizeof(match)));
	assert_ranges(&set, "80-80");
	match.invert = 1;
	assert_false(port_set_multiport(&set, 1, &match, sizeof(match)));
	match.invert = 0;
	assert_false(port_set_multiport(&set, 2, &match, sizeof(match)));
	assert_false(port_set_multiport(&set, 1, &match, sizeof(match) - 1));
	match.count = XT_MULTI_PORTS + 1;
	assert_false(port_set_multiport(&set, 1, &match, sizeof(match)));
	/* a range that begins at the last place is one port */
	match.count = XT_MULTI_PORTS;
	match.ports[XT_MULTI_PORTS - 1] = 99;
	match.pflags[XT_MULTI_PORTS - 1] = 1;
	assert_true(port_set_multiport(&set, 1, &match, sizeof(match)));
	assert_ranges(&set, "0-0 80-80 99-99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read_as_they_were_added),
		cmocka_unit_test(what_all_matches_leave_is_what_each_has),
		cmocka_unit_test(multiport_has_ports_ranges_and_all_but_them),
		cmocka_unit_test(multiport_of_sources_and_broken_ones_are_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
