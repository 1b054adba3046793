/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/egress_guard.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "net/netlink.h"

enum {
	PASS = -1, /* go on with what else there is */
	DROP = 2,
	ETHER_TYPE = 12,
	IP4 = 14,
	IP4_FRAGMENT = IP4 + 6,
	IP4_PROTOCOL = IP4 + 9,
	IP4_DADDR = IP4 + 16,
	IP6_NEXT = IP4 + 6,
	IP6_DADDR = IP4 + 24,
	IP6_PAYLOAD = IP4 + 40,
	TCP_FLAGS = 13,
	SYN_ACK = 0x12,
	SYN = 0x02,
};

struct program {
	struct sock_filter *code;
	size_t count;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->count < EGRESS_GUARD_ROOM)
		p->code[p->count++] = (struct sock_filter){ code, yes, no, k };
}

static void load(struct program *p, uint16_t size, uint32_t at)
{
	put(p, (uint16_t)(BPF_LD | size | BPF_ABS), at, 0, 0);
}

/* In the transport header, behind IPv4's of any length when v4: X has it. */
static void load_transport(struct program *p, bool v4, uint16_t size, uint32_t at)
{
	put(p, (uint16_t)(BPF_LD | size | (v4 ? BPF_IND : BPF_ABS)), (v4 ? IP4 : IP6_PAYLOAD) + at,
	    0, 0);
}

static void verdict(struct program *p, int value)
{
	put(p, BPF_RET | BPF_K, (uint32_t)value, 0, 0);
}

/* A is `value`: this verdict; else go on. */
static void when(struct program *p, uint32_t value, int then)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	verdict(p, then);
}

/* One place: its words of the destination, masked, then the port. Whoever does not fit jumps behind its verdict. */
static void place(struct program *p, const struct egress_place *place)
{
	bool v4 = place->to.address.family == AF_INET;
	size_t misses[6], count = 0;

	for (unsigned int i = 0; i < (v4 ? 1 : 4); i++) {
		int bits = (int)place->to.prefix - 32 * (int)i;
		uint32_t mask = bits >= 32 ? UINT32_MAX :
				bits <= 0  ? 0 :
					     UINT32_MAX << (32 - bits),
			 word;

		if (!mask)
			break;
		memcpy(&word, place->to.address.bytes + 4 * (size_t)i, sizeof(word));
		load(p, BPF_W, (v4 ? IP4_DADDR : IP6_DADDR) + 4 * i);
		put(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
		misses[count++] = p->count;
		put(p, BPF_JMP | BPF_JEQ | BPF_K, ntohl(word) & mask, 0, 0);
	}
	if (place->port) {
		load_transport(p, v4, BPF_H, 2);
		misses[count++] = p->count;
		put(p, BPF_JMP | BPF_JEQ | BPF_K, place->port, 0, 0);
	}
	verdict(p, PASS);
	for (size_t i = 0; i < count && misses[i] < EGRESS_GUARD_ROOM; i++)
		p->code[misses[i]].jf = (uint8_t)(p->count - misses[i] - 1);
}

static void family(struct program *p, bool v4, const struct egress_place *places, size_t count,
		   const uint16_t *udp, size_t udp_count)
{
	static const uint8_t pass4[] = { 0, 3, 11, 12 }; /* echo reply and errors */
	static const uint8_t pass6[] = { 1, 2, 3, 4, 129, 131, 132, 133, 135, 136, 143 };
	size_t other;

	if (v4) {
		/* later fragments have no ports; without their first one they are nothing */
		load(p, BPF_H, IP4_FRAGMENT);
		put(p, BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 0, 1);
		verdict(p, PASS);
		put(p, BPF_LDX | BPF_B | BPF_MSH, IP4, 0, 0);
	}
	load(p, BPF_B, v4 ? IP4_PROTOCOL : IP6_NEXT);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 4);
	load_transport(p, v4, BPF_B, TCP_FLAGS);
	put(p, BPF_ALU | BPF_AND | BPF_K, SYN_ACK, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, SYN, 1, 0);
	verdict(p, PASS); /* goes on, or answers */
	load(p, BPF_B, v4 ? IP4_PROTOCOL : IP6_NEXT);
	other = p->count;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 0);
	load_transport(p, v4, BPF_H, 0);
	for (size_t i = 0; i < udp_count; i++)
		when(p, udp[i], PASS);
	p->code[other].jf = (uint8_t)(p->count - other - 1);
	load(p, BPF_B, v4 ? IP4_PROTOCOL : IP6_NEXT);
	other = p->count;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0, 0);
	load_transport(p, v4, BPF_B, 0);
	for (size_t i = 0; i < (v4 ? sizeof(pass4) : sizeof(pass6)); i++)
		when(p, v4 ? pass4[i] : pass6[i], PASS);
	p->code[other].jf = (uint8_t)(p->count - other - 1);
	for (size_t i = 0; i < count; i++)
		if ((places[i].to.address.family == AF_INET) == v4)
			place(p, &places[i]);
	verdict(p, DROP);
}

size_t egress_guard_program(const struct egress_place *places, size_t count, const uint16_t *udp,
			    size_t udp_count, struct sock_filter out[EGRESS_GUARD_ROOM])
{
	struct program p = { .code = out };
	size_t v6;

	load(&p, BPF_H, ETHER_TYPE);
	when(&p, ETH_P_ARP, PASS);
	/* 2 is IPv4, 3 jumps to IPv6's part, which may be far */
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 3, 0);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 1, 0);
	verdict(&p, DROP);
	v6 = p.count;
	put(&p, BPF_JMP | BPF_JA, 0, 0, 0);
	family(&p, true, places, count, udp, udp_count);
	out[v6].k = (uint32_t)(p.count - v6 - 1);
	family(&p, false, places, count, udp, udp_count);
	return p.count;
}

void egress_guard_add(struct netlink *nl, int index, const struct egress_place *places,
		      size_t count, const uint16_t *udp, size_t udp_count)
{
	struct tcmsg filter = { .tcm_ifindex = index,
				.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				.tcm_info = TC_H_MAKE(2U << 16, htons(ETH_P_ALL)) };
	struct sock_filter code[EGRESS_GUARD_ROOM];
	size_t length = egress_guard_program(places, count, udp, udp_count, code), nest;

	netlink_begin(nl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &filter, sizeof(filter));
	netlink_string(nl, TCA_KIND, "bpf");
	nest = netlink_nest(nl, TCA_OPTIONS);
	netlink_u16(nl, TCA_BPF_OPS_LEN, (uint16_t)length);
	netlink_put(nl, TCA_BPF_OPS, code, length * sizeof(code[0]));
	netlink_u32(nl, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_nest_end(nl, nest);
}
