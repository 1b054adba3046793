/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void what_the_host_routes_is_not_taken(void **state)
{
	struct subnet taken[4], got;
	struct err err = ERR_NONE;
	char text[SUBNET_TEXT];

	(void)state;
	assert_int_equal(pool_free_subnet(NULL, 0, &got, &err), 0);
	assert_string_equal(subnet_text(&got, text), "172.30.0.1/16");
	(void)subnet_parse("172.30.5.0/24", &taken[0]);
	assert_int_equal(pool_free_subnet(taken, 1, &got, &err), 0);
	assert_string_equal(subnet_text(&got, text), "172.31.0.1/16");
	(void)subnet_parse("172.16.0.0/12", &taken[1]);
	assert_int_equal(pool_free_subnet(taken, 2, &got, &err), 0);
	assert_string_equal(subnet_text(&got, text), "192.168.128.1/20");
	(void)subnet_parse("192.168.0.0/16", &taken[2]);
	assert_int_equal(pool_free_subnet(taken, 3, &got, &err), 0);
	assert_string_equal(subnet_text(&got, text), "10.192.0.1/24");
	(void)subnet_parse("10.0.0.0/8", &taken[3]);
	assert_int_equal(pool_free_subnet(taken, 4, &got, &err), -ENOSPC);
	assert_non_null(strstr(err.words, "no free subnet"));
}

static void a_ula_is_local_and_random(void **state)
{
	struct subnet a, b;

	(void)state;
	pool_random_ula(&a);
	pool_random_ula(&b);
	assert_int_equal(a.address.bytes[0], 0xfd);
	assert_int_equal(a.address.bytes[15], 1);
	assert_false(subnet_overlaps(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_host_routes_is_not_taken),
		cmocka_unit_test(a_ula_is_local_and_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
