/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/egress_guard.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

/* The kernel's machine, as much of it as the program uses. */
static uint32_t run(const struct sock_filter *code, size_t count, const uint8_t *packet)
{
	uint32_t a = 0, x = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *c = &code[i];
		uint32_t at = c->k + (BPF_MODE(c->code) == BPF_IND ? x : 0);

		switch (BPF_CLASS(c->code)) {
		case BPF_LD:
			a = BPF_SIZE(c->code) == BPF_W ?
				    (uint32_t)packet[at] << 24 | (uint32_t)packet[at + 1] << 16 |
					    (uint32_t)packet[at + 2] << 8 | packet[at + 3] :
			    BPF_SIZE(c->code) == BPF_H ?
				    (uint32_t)packet[at] << 8 | packet[at + 1] :
				    packet[at];
			break;
		case BPF_LDX:
			x = 4U * (packet[c->k] & 15U);
			break;
		case BPF_ALU:
			a &= c->k;
			break;
		case BPF_JMP:
			if (BPF_OP(c->code) == BPF_JA)
				i += c->k;
			else if (BPF_OP(c->code) == BPF_JSET)
				i += (a & c->k) ? c->jt : c->jf;
			else
				i += a == c->k ? c->jt : c->jf;
			break;
		default:
			return c->k;
		}
	}
	fail_msg("the program has no end");
	return 0;
}

enum { SYN = 2, ACK = 16, PASS = -1, DROP = 2 };

static void packet4(uint8_t out[128], const char *to, uint8_t protocol, uint16_t from_port,
		    uint16_t port, uint8_t flags)
{
	memset(out, 0, 128);
	out[12] = 0x08;
	out[14] = 0x46; /* with four bytes of options */
	out[23] = protocol;
	assert_int_equal(inet_pton(AF_INET, to, out + 30), 1);
	out[38] = (uint8_t)(from_port >> 8);
	out[39] = (uint8_t)from_port;
	out[40] = (uint8_t)(port >> 8);
	out[41] = (uint8_t)port;
	out[38 + 13] = flags;
}

static void packet6(uint8_t out[128], const char *to, uint8_t protocol, uint16_t port)
{
	memset(out, 0, 128);
	out[12] = 0x86;
	out[13] = 0xdd;
	out[20] = protocol;
	assert_int_equal(inet_pton(AF_INET6, to, out + 38), 1);
	out[56] = (uint8_t)(port >> 8);
	out[57] = (uint8_t)port;
	out[54 + 13] = SYN;
}

static size_t program(struct sock_filter code[EGRESS_GUARD_ROOM])
{
	struct egress_place places[] = { { .port = 443 }, { .port = 0 }, { .port = 80 } };
	uint16_t udp = 53;

	assert_int_equal(subnet_parse("10.1.2.3/32", &places[0].to), 0);
	assert_int_equal(subnet_parse("192.168.0.0/20", &places[1].to), 0);
	assert_int_equal(subnet_parse("fd00:1::/40", &places[2].to), 0);
	return egress_guard_program(places, 3, &udp, 1, code);
}

static void a_connection_begins_only_to_an_allowed_place(void **state)
{
	struct sock_filter code[EGRESS_GUARD_ROOM];
	size_t count = program(code);
	uint8_t p[128];
	static const struct {
		const char *to;
		uint16_t port;
		int verdict;
	} rows[] = { { "10.1.2.3", 443, PASS },	  { "10.1.2.3", 444, DROP },
		     { "10.1.2.4", 443, DROP },	  { "192.168.15.255", 1, PASS },
		     { "192.168.16.0", 1, DROP }, { "0.0.0.0", 443, DROP } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		packet4(p, rows[i].to, IPPROTO_TCP, 4000, rows[i].port, SYN);
		assert_int_equal((int)run(code, count, p), rows[i].verdict);
		packet4(p, rows[i].to, IPPROTO_UDP, 4000, rows[i].port, 0);
		assert_int_equal((int)run(code, count, p), rows[i].verdict);
	}
	packet6(p, "fd00:1:ff::9", IPPROTO_TCP, 80);
	assert_int_equal((int)run(code, count, p), PASS);
	packet6(p, "fd00:1:100::9", IPPROTO_TCP, 80);
	assert_int_equal((int)run(code, count, p), DROP); /* 40 bits end within a word */
	packet6(p, "fd00:2::9", IPPROTO_TCP, 80);
	assert_int_equal((int)run(code, count, p), DROP);
	packet6(p, "fd00:1::9", IPPROTO_TCP, 81);
	assert_int_equal((int)run(code, count, p), DROP);
}

static void answers_pass_and_other_protocols_do_not(void **state)
{
	struct sock_filter code[EGRESS_GUARD_ROOM];
	size_t count = program(code);
	uint8_t p[128];

	(void)state;
	packet4(p, "9.9.9.9", IPPROTO_TCP, 80, 4000, SYN | ACK);
	assert_int_equal((int)run(code, count, p), PASS);
	packet4(p, "9.9.9.9", IPPROTO_TCP, 80, 4000, ACK);
	assert_int_equal((int)run(code, count, p), PASS);
	packet4(p, "9.9.9.9", IPPROTO_UDP, 53, 4000, 0);
	assert_int_equal((int)run(code, count, p), PASS);
	packet4(p, "9.9.9.9", IPPROTO_SCTP, 53, 4000, 0);
	assert_int_equal((int)run(code, count, p), DROP);
	packet4(p, "9.9.9.9", IPPROTO_ICMP, 0x0800, 0, 0); /* echo request */
	assert_int_equal((int)run(code, count, p), DROP);
	packet4(p, "9.9.9.9", IPPROTO_ICMP, 0, 0, 0); /* reply */
	assert_int_equal((int)run(code, count, p), PASS);
	packet4(p, "9.9.9.9", IPPROTO_UDP, 0, 0, 0);
	p[20] = 0x60; /* the first one, and not to be cut further */
	assert_int_equal((int)run(code, count, p), DROP);
	p[20] = 0;
	p[21] = 1; /* a later fragment */
	assert_int_equal((int)run(code, count, p), PASS);
	memset(p, 0, sizeof(p));
	p[12] = 0x08;
	p[13] = 0x06; /* ARP */
	assert_int_equal((int)run(code, count, p), PASS);
	p[12] = 0x81;
	p[13] = 0x00; /* VLAN */
	assert_int_equal((int)run(code, count, p), DROP);
}

static void a_full_list_fits(void **state)
{
	static struct egress_place places[EGRESS_GUARD_PLACES];
	static uint16_t udp[EGRESS_GUARD_PLACES];
	struct sock_filter code[EGRESS_GUARD_ROOM];
	uint8_t p[128];
	size_t count;

	(void)state;
	for (size_t i = 0; i < EGRESS_GUARD_PLACES; i++) {
		assert_int_equal(subnet_parse("fd00:1::7/128", &places[i].to), 0);
		places[i].port = (uint16_t)(i + 1);
		udp[i] = (uint16_t)(i + 1);
	}
	count = egress_guard_program(places, EGRESS_GUARD_PLACES, udp, EGRESS_GUARD_PLACES, code);
	assert_true(count < EGRESS_GUARD_ROOM);
	packet6(p, "fd00:1::7", IPPROTO_TCP, EGRESS_GUARD_PLACES);
	assert_int_equal((int)run(code, count, p), PASS);
	packet6(p, "fd00:1::7", IPPROTO_TCP, EGRESS_GUARD_PLACES + 1);
	assert_int_equal((int)run(code, count, p), DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_begins_only_to_an_allowed_place),
		cmocka_unit_test(answers_pass_and_other_protocols_do_not),
		cmocka_unit_test(a_full_list_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
