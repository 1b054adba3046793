/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nat_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/nat_condition.h"

static const struct nat_case any = { .ports = { 0, UINT16_MAX } }, web = { .ports = { 80, 81 } },
			     high = { .ports = { 81, 90 } },
			     inside = { .ports = { 80, 81 }, .narrow = true };

static void seen(const struct nat_case *one, void *data)
{
	int *ports = data;

	*ports += one->ports.last - one->ports.first + 1;
}

/* How many ports the rule takes. */
static int taken(const struct nat_ways *ways, const char *chain, const struct nat_case *one)
{
	int ports = 0;

	nat_ways_each(ways, chain, one, seen, &ports);
	return ports;
}

static void a_chain_to_which_nothing_leads_counts_as_it_stands(void **state)
{
	struct nat_ways ways = NAT_WAYS_NONE;

	(void)state;
	nat_ways_add(&ways, "other", &inside);
	assert_int_equal(taken(&ways, "chain", &web), 2);
	assert_int_equal(taken(&ways, "chain", &any), 0);
	assert_int_equal(taken(&ways, "chain", &inside), 0);
	nat_ways_clear(&ways);
}

static void ports_are_asked_for_by_the_rule_or_the_way(void **state)
{
	struct nat_ways ways = NAT_WAYS_NONE;

	(void)state;
	nat_ways_add(&ways, "chain", &high);
	assert_int_equal(taken(&ways, "chain", &any), 10);
	assert_int_equal(taken(&ways, "chain", &web), 1);
	nat_ways_add(&ways, "chain", &any);
	nat_ways_add(&ways, "chain", &any);
	assert_int_equal(taken(&ways, "chain", &any), 10);
	assert_int_equal(taken(&ways, "chain", &web), 1 + 2);
	nat_ways_clear(&ways);
}

static void a_chain_for_certain_links_takes_nothing_from_all(void **state)
{
	struct nat_ways ways = NAT_WAYS_NONE;

	(void)state;
	nat_ways_add(&ways, "chain", &inside);
	assert_int_equal(taken(&ways, "chain", &web), 0);
	assert_int_equal(taken(&ways, "chain", &any), 0);
	nat_ways_clear(&ways);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_to_which_nothing_leads_counts_as_it_stands),
		cmocka_unit_test(ports_are_asked_for_by_the_rule_or_the_way),
		cmocka_unit_test(a_chain_for_certain_links_takes_nothing_from_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
