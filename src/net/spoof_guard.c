/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/spoof_guard.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/link.h"
#include "net/netlink.h"

enum { /* offsets from the Ethernet header on */
       MAC_SOURCE = 6,
       ETHER_TYPE = 12,
       IP4_SOURCE = 26,
       ARP_SENDER_MAC = 22,
       ARP_SENDER_IP = 28,
       IP6_NEXT = 20,
       IP6_SOURCE = 22,
       IP6_PAYLOAD = 54,
       ND_TARGET = 62,
       ROUTER_ADVERTISEMENT = 134,
       NEIGHBOUR_ADVERTISEMENT = 136,
       REDIRECT = 137,
};

enum label { NEXT, PASS, DROP, V4, ARP, V6, V6_OWN, ICMP6, FRAGMENT, HOP_BY_HOP, TARGET, LABELS };

struct program { /* jumps go to labels, which are resolved at the end; they are all forward */
	struct sock_filter *code;
	size_t count;
	size_t places[LABELS + 8];
	struct {
		int yes, no;
	} to[SPOOF_GUARD_MAX];
};

static void put(struct program *p, uint16_t code, uint32_t k, int yes, int no)
{
	assert(p->count < SPOOF_GUARD_MAX);
	p->to[p->count].yes = yes;
	p->to[p->count].no = no;
	p->code[p->count++] = (struct sock_filter){ .code = code, .k = k };
}

static void load(struct program *p, uint16_t size, uint32_t offset)
{
	put(p, BPF_LD | BPF_ABS | size, offset, NEXT, NEXT);
}

static void equal(struct program *p, uint32_t value, int yes, int no)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

static void label(struct program *p, int name)
{
	p->places[name] = p->count;
}

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void mac_is(struct program *p, uint32_t offset, const uint8_t mac[6])
{
	load(p, BPF_W, offset);
	equal(p, word(mac), NEXT, DROP);
	load(p, BPF_H, offset + 4);
	equal(p, (uint32_t)mac[4] << 8 | mac[5], NEXT, DROP);
}

/* 16 bytes at offset: all equal goes to `yes`, else on behind. */
static void address6_is(struct program *p, uint32_t offset, const uint8_t bytes[16], int yes,
			int behind)
{
	for (uint32_t i = 0; i < 4; i++) {
		load(p, BPF_W, offset + 4 * i);
		equal(p, word(bytes + 4 * i), i == 3 ? yes : NEXT, behind);
	}
	label(p, behind);
}

static void resolve(struct program *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (BPF_CLASS(p->code[i].code) != BPF_JMP)
			continue;
		p->code[i].jt = p->to[i].yes == NEXT ? 0 :
						       (uint8_t)(p->places[p->to[i].yes] - i - 1);
		p->code[i].jf = p->to[i].no == NEXT ? 0 : (uint8_t)(p->places[p->to[i].no] - i - 1);
	}
}

/* fe80:: and the interface identifier that the kernel makes from the hardware address (RFC 4291, appendix A) */
static void link_local(const uint8_t mac[6], uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = 0xfe;
	out[1] = 0x80;
	out[8] = mac[0] ^ 2;
	out[9] = mac[1];
	out[10] = mac[2];
	out[11] = 0xff;
	out[12] = 0xfe;
	memcpy(out + 13, mac + 3, 3);
}

static void version6(struct program *p, const uint8_t own[16], const uint8_t local[16])
{
	static const uint8_t none[16];

	label(p, V6);
	address6_is(p, IP6_SOURCE, own, V6_OWN, LABELS);
	address6_is(p, IP6_SOURCE, local, V6_OWN, LABELS + 1);
	address6_is(p, IP6_SOURCE, none, V6_OWN, LABELS + 2); /* before it has one */
	put(p, BPF_RET | BPF_K, SPOOF_GUARD_DROP, NEXT, NEXT);
	label(p, V6_OWN);
	load(p, BPF_B, IP6_NEXT);
	equal(p, IPPROTO_ICMPV6, ICMP6, NEXT);
	equal(p, IPPROTO_FRAGMENT, FRAGMENT, NEXT);
	equal(p, IPPROTO_HOPOPTS, HOP_BY_HOP, PASS);
	label(p, ICMP6);
	load(p, BPF_B, IP6_PAYLOAD);
	equal(p, ROUTER_ADVERTISEMENT, DROP, NEXT);
	equal(p, REDIRECT, DROP, NEXT);
	equal(p, NEIGHBOUR_ADVERTISEMENT, TARGET, PASS);
	label(p, TARGET);
	address6_is(p, ND_TARGET, own, PASS, LABELS + 3);
	address6_is(p, ND_TARGET, local, PASS, LABELS + 4);
	put(p, BPF_RET | BPF_K, SPOOF_GUARD_DROP, NEXT, NEXT);
	label(p, FRAGMENT); /* of neighbour discovery there are none (RFC 6980) */
	load(p, BPF_B, IP6_PAYLOAD);
	equal(p, IPPROTO_ICMPV6, DROP, PASS);
	label(p, HOP_BY_HOP); /* listeners' reports have it */
	load(p, BPF_H, IP6_PAYLOAD);
	equal(p, IPPROTO_ICMPV6 << 8, NEXT, DROP);
	load(p, BPF_B, IP6_PAYLOAD + 8);
	equal(p, ROUTER_ADVERTISEMENT, DROP, NEXT);
	equal(p, REDIRECT, DROP, NEXT);
	equal(p, NEIGHBOUR_ADVERTISEMENT, DROP, PASS);
}

size_t spoof_guard_program(const uint8_t mac[6], const struct address *ip4,
			   const struct address *ip6, struct sock_filter out[SPOOF_GUARD_MAX])
{
	struct program p = { .code = out };
	uint8_t local[16];

	link_local(mac, local);
	mac_is(&p, MAC_SOURCE, mac);
	load(&p, BPF_H, ETHER_TYPE);
	equal(&p, ETH_P_IP, V4, NEXT);
	equal(&p, ETH_P_ARP, ARP, NEXT);
	equal(&p, ETH_P_IPV6, V6, DROP);
	label(&p, V4);
	load(&p, BPF_W, IP4_SOURCE);
	equal(&p, ip4->family ? word(ip4->bytes) : 0, PASS, DROP);
	label(&p, ARP);
	mac_is(&p, ARP_SENDER_MAC, mac);
	load(&p, BPF_W, ARP_SENDER_IP);
	equal(&p, 0, PASS, NEXT);
	equal(&p, ip4->family ? word(ip4->bytes) : 0, PASS, DROP);
	version6(&p, ip6->family ? ip6->bytes : local, local);
	label(&p, PASS);
	put(&p, BPF_RET | BPF_K, (uint32_t)SPOOF_GUARD_PASS, NEXT, NEXT);
	label(&p, DROP);
	put(&p, BPF_RET | BPF_K, SPOOF_GUARD_DROP, NEXT, NEXT);
	resolve(&p);
	return p.count;
}

static struct tcmsg filter_of(int index)
{
	return (struct tcmsg){ .tcm_ifindex = index,
			       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			       .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL)) };
}

static void filter_add(struct netlink *nl, int index, const uint8_t mac[6],
		       const struct address *ip4, const struct address *ip6)
{
	struct tcmsg filter = filter_of(index);
	struct sock_filter code[SPOOF_GUARD_MAX];
	size_t count = spoof_guard_program(mac, ip4, ip6, code), nest;

	netlink_begin(nl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &filter, sizeof(filter));
	netlink_string(nl, TCA_KIND, "bpf");
	nest = netlink_nest(nl, TCA_OPTIONS);
	netlink_u16(nl, TCA_BPF_OPS_LEN, (uint16_t)count);
	netlink_put(nl, TCA_BPF_OPS, code, count * sizeof(code[0]));
	netlink_u32(nl, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_nest_end(nl, nest);
}

void spoof_guard_add(struct netlink *nl, int index, const uint8_t mac[6], const struct address *ip4,
		     const struct address *ip6)
{
	link_add_clsact(nl, index);
	filter_add(nl, index, mac, ip4, ip6);
}

int spoof_guard_replace(struct netlink *nl, int index, const uint8_t mac[6],
			const struct address *ip4, const struct address *ip6, struct err *err)
{
	struct tcmsg filter = filter_of(index);
	int r;

	netlink_begin(nl, RTM_DELTFILTER, 0, &filter, sizeof(filter));
	r = netlink_send(nl, err);
	if (r == -ENOENT || r == -EINVAL) { /* no such filter, or no queue for filters */
		err_clear(err);
		return 0;
	}
	if (r == 0) {
		filter_add(nl, index, mac, ip4, ip6);
		r = netlink_send(nl, err);
	}
	return r < 0 ? err_wrap(err, "keep the container from forging addresses") : 0;
}
