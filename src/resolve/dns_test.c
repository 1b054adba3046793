/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A query for an A record of Web.net, recursion desired. */
static const uint8_t web[] = { 0x12, 0x34, 1,	0, 0,	1,   0,	  0, 0, 0, 0, 0, 3,
			       'W',  'e',  'b', 3, 'n', 'e', 't', 0, 0, 1, 0, 1 };

static void a_question_is_read_and_answered(void **state)
{
	struct dns_answer answer = { .count = 2 };
	struct dns_query query;
	uint8_t out[512];
	size_t n;

	(void)state;
	assert_true(dns_parse(web, sizeof(web), &query));
	assert_string_equal(query.name, "web.net");
	assert_int_equal(query.type, DNS_A);
	memcpy(answer.addresses[0].bytes, "\x0a\x00\x00\x01", 4);
	memcpy(answer.addresses[1].bytes, "\x0a\x00\x00\x02", 4);
	n = dns_write(web, &query, &answer, false, out, sizeof(out));
	assert_int_equal(n, sizeof(web) + 2 * 16);
	assert_int_equal(out[2], 0x81);
	assert_int_equal(out[3], 0x80);
	assert_int_equal(out[7], 2);
	assert_memory_equal(out + n - 4, "\x0a\x00\x00\x02", 4);
}

static void too_much_for_a_datagram_is_cut_and_told(void **state)
{
	struct dns_answer answer = { .count = 50 };
	struct dns_query query;
	uint8_t out[4096];
	size_t n;

	(void)state;
	assert_true(dns_parse(web, sizeof(web), &query));
	n = dns_write(web, &query, &answer, false, out, sizeof(out));
	assert_true(n <= 512);
	assert_int_equal(out[2] & 2, 2);
	n = dns_write(web, &query, &answer, true, out, sizeof(out));
	assert_int_equal(n, sizeof(web) + 50 * 16);
	assert_int_equal(out[2] & 2, 0);
}

static void every_short_or_odd_message_is_refused(void **state)
{
	uint8_t bad[sizeof(web)];
	struct dns_query query;

	(void)state;
	for (size_t n = 0; n < sizeof(web); n++)
		assert_false(dns_parse(web, n, &query));
	memcpy(bad, web, sizeof(web));
	bad[2] = 0x81; /* an answer */
	assert_false(dns_parse(bad, sizeof(bad), &query));
	memcpy(bad, web, sizeof(web));
	bad[12] = 0xc0; /* a pointer */
	assert_false(dns_parse(bad, sizeof(bad), &query));
	memcpy(bad, web, sizeof(web));
	bad[14] = '.'; /* a dot within a label */
	assert_false(dns_parse(bad, sizeof(bad), &query));
	memcpy(bad, web, sizeof(web));
	bad[5] = 2; /* two questions */
	assert_false(dns_parse(bad, sizeof(bad), &query));
}

static void reverse_names_become_addresses(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(dns_reverse("2.0.30.172.in-addr.arpa", out), 4);
	assert_memory_equal(out, "\xac\x1e\x00\x02", 4);
	assert_int_equal(
		dns_reverse("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
			    "ip6.arpa",
			    out),
		16);
	assert_int_equal(out[0], 0xfd);
	assert_int_equal(out[15], 1);
	assert_int_equal(dns_reverse("300.0.30.172.in-addr.arpa", out), 0);
	assert_int_equal(dns_reverse("web", out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read_and_answered),
		cmocka_unit_test(too_much_for_a_datagram_is_cut_and_told),
		cmocka_unit_test(every_short_or_odd_message_is_refused),
		cmocka_unit_test(reverse_names_become_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
