/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/passage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

static struct passage out_of_bridge(void)
{
	struct passage p = { .family = AF_INET, .in = "cloche0", .protocol = IPPROTO_TCP };

	assert_int_equal(subnet_parse("172.30.0.1/16", &p.from), 0);
	return p;
}

static enum fit from(const struct passage *p, const char *subnet)
{
	struct known known = passage_known(p, PASSAGE_FROM);
	struct known all = { { 0 }, { 0 } };
	struct subnet asked;

	assert_int_equal(subnet_parse(subnet, &asked), 0);
	memset(all.mask, 0, sizeof(all.mask));
	for (unsigned int bit = 0; bit < asked.prefix; bit++)
		all.mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return known_equal(&known, asked.address.bytes, all.mask, 4);
}

static void a_subnet_is_met_whole_in_part_or_not(void **state)
{
	struct passage p = out_of_bridge();

	(void)state;
	assert_int_equal(from(&p, "172.16.0.0/12"), FIT_ALL);
	assert_int_equal(from(&p, "172.30.0.0/16"), FIT_ALL);
	assert_int_equal(from(&p, "172.30.4.0/24"), FIT_SOME);
	assert_int_equal(from(&p, "10.0.0.0/8"), FIT_NONE);
	p.from.address.family = 0;
	assert_int_equal(from(&p, "172.16.0.0/12"), FIT_SOME);
	assert_int_equal(from(&p, "0.0.0.0/0"), FIT_ALL);
}

static void a_link_is_met_by_its_name_or_a_beginning_of_it(void **state)
{
	struct passage p = out_of_bridge();
	struct known in = passage_known(&p, PASSAGE_IN), out = passage_known(&p, PASSAGE_OUT);

	(void)state;
	assert_int_equal(known_equal(&in, (const uint8_t *)"cloche0", NULL, 8), FIT_ALL);
	assert_int_equal(known_equal(&in, (const uint8_t *)"cloche", NULL, 6), FIT_ALL);
	assert_int_equal(known_equal(&in, (const uint8_t *)"cloche", NULL, 7), FIT_NONE);
	assert_int_equal(known_equal(&out, (const uint8_t *)"eth0", NULL, 5), FIT_SOME);
}

static void numbers_lie_between_as_far_as_they_are_known(void **state)
{
	struct passage p = out_of_bridge();
	struct known known = passage_known(&p, PASSAGE_FROM), masked;
	const uint8_t low[] = { 172, 16, 0, 0 }, high[] = { 172, 31, 255, 255 },
		      in[] = { 172, 30, 9, 9 }, mask[] = { 255, 240, 0, 0 },
		      zero[] = { 0, 0, 0, 0 };

	(void)state;
	assert_int_equal(known_between(&known, low, high, 4), FIT_ALL);
	assert_int_equal(known_between(&known, in, high, 4), FIT_SOME);
	assert_int_equal(known_between(&known, zero, low, 4), FIT_NONE);
	masked = known_masked(&known, mask, zero, 4);
	assert_int_equal(known_equal(&masked, low, NULL, 4), FIT_ALL);
}

static void matches_of_tcp_ask_for_ports_and_flags(void **state)
{
	struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 80, 80 } };
	struct passage p = out_of_bridge();

	(void)state;
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp)), FIT_SOME);
	p.port = 80;
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp)), FIT_ALL);
	tcp.invflags = XT_TCP_INV_DSTPT;
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp)), FIT_NONE);
	tcp = (struct xt_tcp){ .spts = { 0, 65535 },
			       .dpts = { 0, 65535 },
			       .flg_mask = 0x17,
			       .flg_cmp = 0x02 };
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp)), FIT_ALL);
	p.answer = true;
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp)), FIT_SOME);
	assert_int_equal(passage_match(&p, "tcp", 0, &tcp, sizeof(tcp) - 1), FIT_SOME);
}

static void what_begins_is_new_and_what_answers_is_established(void **state)
{
	struct xt_conntrack_mtinfo3 match = { .match_flags = XT_CONNTRACK_STATE,
					      .state_mask =
						      XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) };
	struct xt_state_info old = { .statemask = XT_CONNTRACK_STATE_BIT(IP_CT_NEW) };
	struct passage p = out_of_bridge();

	(void)state;
	assert_int_equal(passage_match(&p, "conntrack", 3, &match, sizeof(match)), FIT_NONE);
	assert_int_equal(passage_match(&p, "state", 0, &old, sizeof(old)), FIT_ALL);
	p.answer = true;
	assert_int_equal(passage_match(&p, "conntrack", 3, &match, sizeof(match)), FIT_ALL);
	match.invert_flags = XT_CONNTRACK_STATE;
	assert_int_equal(passage_match(&p, "conntrack", 2, &match, sizeof(match)), FIT_NONE);
	match.match_flags |= XT_CONNTRACK_PROTO;
	assert_int_equal(passage_match(&p, "conntrack", 3, &match, sizeof(match)), FIT_SOME);
	assert_int_equal(passage_match(&p, "comment", 0, "", 0), FIT_ALL);
	assert_int_equal(passage_match(&p, "physdev", 0, "", 0), FIT_SOME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subnet_is_met_whole_in_part_or_not),
		cmocka_unit_test(a_link_is_met_by_its_name_or_a_beginning_of_it),
		cmocka_unit_test(numbers_lie_between_as_far_as_they_are_known),
		cmocka_unit_test(matches_of_tcp_ask_for_ports_and_flags),
		cmocka_unit_test(what_begins_is_new_and_what_answers_is_established),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
