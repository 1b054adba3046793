/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nat_condition.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "base/err.h"
#include "base/str.h"
#include "net/foreign_set.h"
#include "net/netlink.h"
#include "net/nft.h"

enum { SLOTS = 16, SLOT = 4 };

enum loaded { OTHER, PROTOCOL, PORT, HOST, FAMILY, LOCAL /* what narrows nothing */ };

struct slot { /* a register of 4 bytes, or the first of several */
	enum loaded loaded;
	size_t length;
};

struct reading {
	struct netlink *nl;
	uint8_t family;
	const char *table;
	struct nat_condition *to;
	struct slot slots[SLOTS];
};

static struct slot *slot_at(struct reading *r, uint32_t reg)
{
	uint32_t at = reg >= NFT_REG32_00 ? reg - NFT_REG32_00 : (reg - NFT_REG_1) * SLOT;

	return at < SLOTS ? &r->slots[at] : NULL;
}

static enum loaded loaded_at(struct reading *r, uint32_t reg)
{
	const struct slot *slot = slot_at(r, reg);

	return slot ? slot->loaded : OTHER;
}

static void load(struct reading *r, uint32_t reg, enum loaded loaded, size_t length)
{
	struct slot *slot = slot_at(r, reg);

	if (slot)
		*slot = (struct slot){ loaded, length };
}

static void payload_read(struct reading *r, const struct nlattr *data)
{
	uint32_t base = nft_number(data, NFTA_PAYLOAD_BASE),
		 at = nft_number(data, NFTA_PAYLOAD_OFFSET),
		 length = nft_number(data, NFTA_PAYLOAD_LEN);
	enum loaded loaded = OTHER;

	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && at == 2 && length == 2)
		loaded = PORT;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER &&
		 (at == 9 || (at == 6 && r->family != NFPROTO_IPV4)) && length == 1)
		loaded = PROTOCOL;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER &&
		 ((at == 16 && length == 4) || (at == 24 && length == 16)))
		loaded = HOST;
	load(r, nft_number(data, NFTA_PAYLOAD_DREG), loaded, length);
}

static void meta_read(struct reading *r, const struct nlattr *data)
{
	uint32_t key = nft_number(data, NFTA_META_KEY), reg = nft_number(data, NFTA_META_DREG);

	if (key == NFT_META_L4PROTO)
		load(r, reg, PROTOCOL, 1);
	else if (key == NFT_META_NFPROTO)
		load(r, reg, FAMILY, 1);
	else
		load(r, reg, OTHER, key == NFT_META_IIFNAME || key == NFT_META_OIFNAME ? 16 : SLOT);
}

/* -- ports ------------------------------------------------------------------------------------ */

static void ports_keep(struct reading *r, const struct port_set *ports)
{
	if (r->to->has_ports)
		port_set_keep(&r->to->ports, ports);
	else
		r->to->ports = *ports;
	r->to->has_ports = true;
}

static void ports_set(struct reading *r, uint32_t first, uint32_t last, bool but_these)
{
	struct port_range *range = &r->to->range;
	struct port_set ports;

	if (first > last || first > UINT16_MAX || last > UINT16_MAX) {
		r->to->narrow = true; /* broken */
	} else if (!but_these) {
		range->first = first > range->first ? (uint16_t)first : range->first;
		range->last = last < range->last ? (uint16_t)last : range->last;
	} else {
		port_set_clear(&ports);
		port_set_add(&ports, (uint16_t)first, (uint16_t)last);
		port_set_invert(&ports);
		ports_keep(r, &ports);
	}
}

static uint32_t port_value(const struct nlattr *value)
{
	uint16_t port = 0;

	if (value && netlink_length(value) == sizeof(port))
		memcpy(&port, netlink_data(value), sizeof(port));
	return ntohs(port);
}

static void port_compared(struct reading *r, uint32_t operation, uint32_t port)
{
	switch (operation) {
	case NFT_CMP_EQ:
	case NFT_CMP_NEQ:
		ports_set(r, port, port, operation == NFT_CMP_NEQ);
		break;
	case NFT_CMP_GTE:
	case NFT_CMP_LT:
		ports_set(r, port, UINT16_MAX, operation == NFT_CMP_LT);
		break;
	case NFT_CMP_LTE:
	case NFT_CMP_GT:
		ports_set(r, 0, port, operation == NFT_CMP_GT);
		break;
	default:
		r->to->narrow = true;
	}
}

static void range_read(struct reading *r, const struct nlattr *data)
{
	if (loaded_at(r, nft_number(data, NFTA_RANGE_SREG)) == PORT)
		ports_set(
			r,
			port_value(nft_part(nft_part(data, NFTA_RANGE_FROM_DATA), NFTA_DATA_VALUE)),
			port_value(nft_part(nft_part(data, NFTA_RANGE_TO_DATA), NFTA_DATA_VALUE)),
			nft_number(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ);
	else
		r->to->narrow = true;
}

/* -- comparisons ------------------------------------------------------------------------------ */

static int family_of(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? AF_INET : nfproto == NFPROTO_IPV6 ? AF_INET6 : 0;
}

static void cmp_read(struct reading *r, const struct nlattr *data)
{
	const struct nlattr *value = nft_part(nft_part(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
	enum loaded loaded = loaded_at(r, nft_number(data, NFTA_CMP_SREG));
	uint32_t operation = nft_number(data, NFTA_CMP_OP);
	size_t length = value ? netlink_length(value) : 0;
	bool equal = operation == NFT_CMP_EQ;

	if (loaded == PORT) {
		port_compared(r, operation, port_value(value));
	} else if (loaded == PROTOCOL && equal && length == 1) {
		r->to->protocol = *(const uint8_t *)netlink_data(value);
	} else if (loaded == FAMILY && equal && length == 1) {
		r->to->host.family = family_of(*(const uint8_t *)netlink_data(value));
	} else if (loaded == HOST && equal && (length == 4 || length == 16)) {
		r->to->host.family = length == 4 ? AF_INET : AF_INET6;
		memcpy(r->to->host.bytes, netlink_data(value), length);
	} else if (loaded != LOCAL && operation != NFT_CMP_NEQ) {
		r->to->narrow = true; /* "not from docker0" leaves the most */
	}
}

/* A match of iptables-nft: `-m tcp --dport`; what it says beside its ports, and other matches, narrow. */
static void match_read(struct reading *r, const struct nlattr *data)
{
	const struct nlattr *name = nft_part(data, NFTA_MATCH_NAME),
			    *info = nft_part(data, NFTA_MATCH_INFO);
	bool tcp = nft_is(name, "tcp"), udp = nft_is(name, "udp");
	struct xt_tcp match = { 0 };
	size_t size = tcp ? sizeof(match) : sizeof(struct xt_udp);
	struct port_set ports;
	uint8_t inverted;

	_Static_assert(XT_TCP_INV_DSTPT == XT_UDP_INV_DSTPT, "the same for both");
	if (nft_is(name, "comment") || nft_is(name, "addrtype"))
		return;
	if (nft_is(name, "multiport") && info &&
	    port_set_multiport(&ports, nft_number(data, NFTA_MATCH_REV), netlink_data(info),
			       (uint32_t)netlink_length(info))) {
		ports_keep(r, &ports);
		return;
	}
	if ((!tcp && !udp) || !info || netlink_length(info) < size) {
		r->to->narrow = true;
		return;
	}
	memcpy(&match, netlink_data(info), tcp ? size : offsetof(struct xt_udp, invflags));
	inverted = ((const uint8_t *)netlink_data(
		info))[tcp ? offsetof(struct xt_tcp, invflags) : offsetof(struct xt_udp, invflags)];
	if (match.dpts[0] != 0 || match.dpts[1] != UINT16_MAX || inverted)
		ports_set(r, match.dpts[0], match.dpts[1], inverted & XT_TCP_INV_DSTPT);
	r->to->narrow |= match.spts[0] != 0 || match.spts[1] != UINT16_MAX || match.flg_mask != 0 ||
			 (inverted & ~XT_TCP_INV_DSTPT) != 0;
}

/* -- sets ------------------------------------------------------------------------------------- */

static uint16_t port_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* One field of an element. false: it asks for what is not known, or for many. */
static bool field_read(enum loaded loaded, const uint8_t *first, const uint8_t *last, size_t length,
		       struct nat_case *to)
{
	bool one = memcmp(first, last, length) == 0;

	switch (loaded) {
	case PORT:
		to->ports = (struct port_range){ port_at(first), port_at(last) };
		return true;
	case PROTOCOL:
		to->protocol = *first;
		return one;
	case FAMILY:
		to->host.family = family_of(*first);
		return one;
	case HOST:
		to->host.family = length == 4 ? AF_INET : AF_INET6;
		memcpy(to->host.bytes, first, length);
		return one;
	case LOCAL:
		return true;
	case OTHER:
		break;
	}
	return false;
}

/* Parts of a concatenation stand in registers that follow each other. */
static bool element_read(const struct slot *slot, const struct slot *end,
			 const struct foreign_element *e, struct nat_case *to)
{
	size_t at = 0;

	*to = (struct nat_case){ .ports = { 0, UINT16_MAX } };
	while (at < e->length) {
		size_t length = slot < end ? slot->length : 0,
		       room = (length + SLOT - 1) / SLOT * SLOT;

		if (length == 0 || at + length > e->length ||
		    !field_read(slot->loaded, e->first + at, e->last + at, length, to))
			return false;
		slot += room / SLOT;
		at += room;
	}
	return true;
}

/* Ports alone: of a set of many there is one condition. */
static void ports_lookup(struct reading *r, const struct foreign_set *set, bool inverted)
{
	struct port_set ports;

	port_set_clear(&ports);
	for (size_t i = 0; i < set->count; i++)
		port_set_add(&ports, port_at(set->list[i].first), port_at(set->list[i].last));
	if (inverted)
		port_set_invert(&ports);
	ports_keep(r, &ports);
}

static void cases_lookup(struct reading *r, const struct slot *slot, const struct foreign_set *set)
{
	struct nat_condition *to = r->to;

	if (to->has_cases) { /* of two sets: not understood */
		to->narrow = true;
		return;
	}
	to->has_cases = true;
	to->cases = mem_new((set->count + 1) * sizeof(*to->cases));
	for (size_t i = 0; i < set->count; i++) {
		struct nat_case *one = &to->cases[to->case_count];

		one->narrow = !element_read(slot, r->slots + SLOTS, &set->list[i], one);
		one->chain = set->list[i].chain ? str_dup(set->list[i].chain) : NULL;
		to->case_count++;
	}
}

static void lookup_read(struct reading *r, const struct nlattr *data)
{
	const struct nlattr *name = nft_part(data, NFTA_LOOKUP_SET);
	_cleanup_free_ char *text = name ? str_ndup(netlink_data(name), netlink_length(name)) :
					   NULL;
	_cleanup_(foreign_set_clear) struct foreign_set set = FOREIGN_SET_NONE;
	uint32_t flags = nft_number(data, NFTA_LOOKUP_FLAGS),
		 to = nft_number(data, NFTA_LOOKUP_DREG);
	bool inverted = flags != UINT32_MAX && (flags & NFT_LOOKUP_F_INV);
	const struct slot *slot = slot_at(r, nft_number(data, NFTA_LOOKUP_SREG));
	struct err ignored = ERR_NONE;

	if (slot && inverted && slot->loaded != PORT)
		return; /* "not from these links" leaves the most */
	if (!text || !slot || (slot->loaded == OTHER && to != NFT_REG_VERDICT) ||
	    foreign_set_read(r->nl, r->family, r->table, text, &set, &ignored) < 0) {
		r->to->narrow = true;
		return;
	}
	if (slot->loaded == PORT && to != NFT_REG_VERDICT && set.count > 0 &&
	    set.list[0].length <= SLOT)
		ports_lookup(r, &set, inverted);
	else if (slot->loaded != LOCAL || to == NFT_REG_VERDICT)
		cases_lookup(r, slot, &set);
	if (to != NFT_REG_VERDICT && to != UINT32_MAX)
		load(r, to, OTHER, SLOT);
}

/* -- a rule ----------------------------------------------------------------------------------- */

static void jump_read(struct reading *r, const struct nlattr *data)
{
	const struct nlattr *verdict =
		nft_part(nft_part(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
	const struct nlattr *chain = nft_part(verdict, NFTA_VERDICT_CHAIN);

	if (nft_number(data, NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT && chain && !r->to->chain)
		r->to->chain = str_ndup(netlink_data(chain), netlink_length(chain));
}

static void nat_read(struct reading *r, const struct nlattr *data)
{
	int family = family_of((uint8_t)nft_number(data, NFTA_NAT_FAMILY));

	if (nft_number(data, NFTA_NAT_TYPE) != NFT_NAT_DNAT)
		return;
	r->to->translates = true;
	if (!r->to->host.family)
		r->to->host.family = family;
}

static void expression_read(struct reading *r, const struct nlattr *expression)
{
	const struct nlattr *name = nft_part(expression, NFTA_EXPR_NAME),
			    *data = nft_part(expression, NFTA_EXPR_DATA);

	if (nft_is(name, "payload"))
		payload_read(r, data);
	else if (nft_is(name, "meta"))
		meta_read(r, data);
	else if (nft_is(name, "fib"))
		load(r, nft_number(data, NFTA_FIB_DREG), LOCAL, SLOT);
	else if (nft_is(name, "numgen"))
		load(r, nft_number(data, NFTA_NG_DREG), LOCAL, SLOT);
	else if (nft_is(name, "cmp"))
		cmp_read(r, data);
	else if (nft_is(name, "range"))
		range_read(r, data);
	else if (nft_is(name, "match"))
		match_read(r, data);
	else if (nft_is(name, "nat"))
		nat_read(r, data);
	else if (nft_is(name, "redir"))
		r->to->translates = true;
	else if (nft_is(name, "target"))
		r->to->translates |= nft_is(nft_part(data, NFTA_TARGET_NAME), "DNAT") ||
				     nft_is(nft_part(data, NFTA_TARGET_NAME), "REDIRECT");
	else if (nft_is(name, "bitwise"))
		load(r, nft_number(data, NFTA_BITWISE_DREG), OTHER, SLOT);
	else if (nft_is(name, "ct"))
		load(r, nft_number(data, NFTA_CT_DREG), OTHER, SLOT);
	else if (nft_is(name, "lookup"))
		lookup_read(r, data);
	else if (nft_is(name, "immediate"))
		jump_read(r, data);
}

void nat_condition_read(struct netlink *nl, uint8_t family, const char *table,
			const struct nlattr *expressions, struct nat_condition *ret_condition)
{
	struct reading r = { .nl = nl, .family = family, .table = table, .to = ret_condition };
	const struct nlattr *e = NULL;

	nat_condition_init(ret_condition);
	/* of inet, the rule itself says which family it is for, or is for both */
	ret_condition->host.family = family_of(family);
	while (expressions && (e = netlink_within(expressions, e)) != NULL)
		expression_read(&r, e);
}

void nat_condition_init(struct nat_condition *condition)
{
	/* not the set, which few have and which is large */
	condition->protocol = 0;
	condition->host = (struct address){ .family = 0 };
	condition->range = (struct port_range){ 0, UINT16_MAX };
	condition->has_ports = condition->translates = condition->narrow = false;
	condition->has_cases = false;
	condition->chain = NULL;
	condition->cases = NULL;
	condition->case_count = 0;
}

void nat_condition_clear(struct nat_condition *condition)
{
	for (size_t i = 0; i < condition->case_count; i++)
		free((char *)condition->cases[i].chain);
	free(condition->cases);
	free(condition->chain);
	condition->cases = NULL;
	condition->chain = NULL;
	condition->case_count = 0;
}

bool nat_case_both(const struct nat_case *a, const struct nat_case *b, struct nat_case *ret_case)
{
	struct nat_case both = *a;

	if ((a->protocol && b->protocol && a->protocol != b->protocol) ||
	    (a->host.family && b->host.family && a->host.family != b->host.family))
		return false;
	both.narrow |= b->narrow;
	if (!a->protocol)
		both.protocol = b->protocol;
	if (!a->host.family || (b->host.family && address_is_any(&a->host)))
		both.host = b->host;
	else if (b->host.family && !address_is_any(&b->host) && !address_equal(&a->host, &b->host))
		return false;
	if (b->ports.first > both.ports.first)
		both.ports.first = b->ports.first;
	if (b->ports.last < both.ports.last)
		both.ports.last = b->ports.last;
	*ret_case = both;
	return both.ports.first <= both.ports.last;
}

static void range_each(const struct nat_condition *c, const struct nat_case *base,
		       void (*each)(const struct nat_case *one, void *data), void *data)
{
	struct nat_case both;

	if (!c->has_cases)
		each(base, data);
	for (size_t i = 0; i < c->case_count; i++)
		if (nat_case_both(&c->cases[i], base, &both)) {
			if (!both.chain)
				both.chain = c->chain;
			each(&both, data);
		}
}

void nat_condition_each(const struct nat_condition *c,
			void (*each)(const struct nat_case *one, void *data), void *data)
{
	const struct nat_case within = { .ports = c->range };
	struct nat_case base = { .protocol = c->protocol,
				 .host = c->host,
				 .ports = c->range,
				 .chain = c->chain,
				 .narrow = c->narrow };
	struct nat_case both;

	if (!c->has_ports && c->range.first <= c->range.last)
		range_each(c, &base, each, data);
	for (uint32_t at = 0; c->has_ports && port_set_next(&c->ports, &at, &base.ports);)
		if (nat_case_both(&base, &within, &both))
			range_each(c, &both, each, data);
}
