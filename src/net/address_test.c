/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void subnets_overlap_when_one_holds_the_other(void **state)
{
	struct subnet big, small, other;

	(void)state;
	assert_int_equal(subnet_parse("10.0.0.0/8", &big), 0);
	assert_int_equal(subnet_parse("10.9.8.0/24", &small), 0);
	assert_int_equal(subnet_parse("172.30.0.0/16", &other), 0);
	assert_true(subnet_overlaps(&big, &small));
	assert_true(subnet_overlaps(&small, &big));
	assert_false(subnet_overlaps(&other, &small));
	assert_int_equal(subnet_size(&small), 256);
}

static void an_offset_leads_to_an_address_and_back(void **state)
{
	struct subnet four, six;
	struct address address;
	char text[ADDRESS_TEXT];

	(void)state;
	assert_int_equal(subnet_parse("172.30.0.0/16", &four), 0);
	address_at(&four, 259, &address);
	assert_string_equal(address_text(&address, text), "172.30.1.3");
	assert_int_equal(address_offset(&four, &address), 259);
	assert_int_equal(subnet_parse("fd30:1::/64", &six), 0);
	address_at(&six, 259, &address);
	assert_string_equal(address_text(&address, text), "fd30:1::103");
	assert_true(subnet_has(&six, &address));
	assert_false(subnet_has(&four, &address));
}

static void nonsense_is_refused(void **state)
{
	struct subnet subnet;
	struct address address;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(subnet_parse("10.0.0.0/33", &subnet), -EINVAL);
	assert_int_equal(subnet_parse("10.0.0.0", &subnet), -EINVAL);
	assert_int_equal(subnet_parse("10.0.0/8", &subnet), -EINVAL);
	assert_int_equal(address_parse("300.1.1.1", &address), -EINVAL);
	assert_int_equal(address_parse("::g", &address), -EINVAL);
	assert_int_equal(mac_parse("02:42:ac:1e:00", mac), -EINVAL);
	assert_int_equal(mac_parse("03:42:ac:1e:00:02", mac), -EINVAL);
	assert_int_equal(mac_parse("02:42:ac:1e:00:02", mac), 0);
	assert_int_equal(mac[3], 0x1e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets_overlap_when_one_holds_the_other),
		cmocka_unit_test(an_offset_leads_to_an_address_and_back),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
