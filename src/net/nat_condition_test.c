/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nat_condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct nat_case of(int protocol, const char *host, uint16_t first, uint16_t last)
{
	struct nat_case one = { .protocol = protocol, .ports = { first, last } };

	if (host)
		assert_int_equal(address_parse(host, &one.host), 0);
	return one;
}

static void what_meets_both_is_the_narrower_of_each(void **state)
{
	struct nat_case a = of(0, NULL, 0, UINT16_MAX), b = of(IPPROTO_TCP, "10.0.0.1", 80, 90),
			c = of(0, "0.0.0.0", 85, 100), both;

	(void)state;
	assert_true(nat_case_both(&a, &b, &both));
	assert_int_equal(both.protocol, IPPROTO_TCP);
	assert_true(address_equal(&both.host, &b.host));
	assert_true(nat_case_both(&c, &b, &both));
	assert_true(address_equal(&both.host, &b.host));
	assert_int_equal(both.ports.first, 85);
	assert_int_equal(both.ports.last, 90);
	b.narrow = true;
	assert_true(nat_case_both(&a, &b, &both));
	assert_true(both.narrow);
}

static void what_excludes_each_other_has_nothing(void **state)
{
	struct nat_case a = of(IPPROTO_TCP, "10.0.0.1", 80, 90), both;
	struct nat_case others[] = { of(IPPROTO_UDP, NULL, 80, 90), of(0, "10.0.0.2", 80, 90),
				     of(0, "::1", 80, 90), of(0, NULL, 91, 99) };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(nat_case_both(&a, &others[i], &both));
}

static void count(const struct nat_case *one, void *data)
{
	int *ports = data;

	*ports += one->ports.last - one->ports.first + 1;
}

static void each_case_is_met_with_each_range_of_ports(void **state)
{
	struct nat_case cases[] = { of(IPPROTO_TCP, NULL, 0, UINT16_MAX),
				    of(IPPROTO_UDP, NULL, 8, 12) };
	struct nat_condition condition;
	int ports = 0;

	(void)state;
	nat_condition_init(&condition);
	nat_condition_each(&condition, count, &ports);
	assert_int_equal(ports, 65536);
	ports = 0;
	condition.range = (struct port_range){ 9, 30 };
	condition.has_ports = condition.has_cases = true;
	port_set_clear(&condition.ports);
	port_set_add(&condition.ports, 1, 3);
	port_set_add(&condition.ports, 10, 11);
	port_set_add(&condition.ports, 20, 20);
	nat_condition_each(&condition, count, &ports);
	assert_int_equal(ports, 0); /* of an empty set nothing */
	condition.cases = cases;
	condition.case_count = 2;
	nat_condition_each(&condition, count, &ports);
	assert_int_equal(ports, 3 + 2);
	condition.has_ports = false;
	ports = 0;
	nat_condition_each(&condition, count, &ports);
	assert_int_equal(ports, 22 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_meets_both_is_the_narrower_of_each),
		cmocka_unit_test(what_excludes_each_other_has_nothing),
		cmocka_unit_test(each_case_is_met_with_each_range_of_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
