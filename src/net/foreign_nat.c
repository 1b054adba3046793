/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/foreign_nat.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "net/legacy_nat.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/port_set.h"

enum loaded { OTHER, PROTOCOL, PORT, HOST, LOCAL /* what narrows nothing */ };

struct reading {
	struct foreign_nat_rule rule;
	struct port_set ports; /* that the expressions so far leave, of those that ask */
	enum loaded loaded;    /* what the register has that is compared next */
	bool translates, narrow, port_seen;
};

struct collecting {
	const char *own;
	struct foreign_nat *all;
};

static void payload_read(struct reading *r, const struct nlattr *data)
{
	uint32_t base = nft_number(data, NFTA_PAYLOAD_BASE),
		 at = nft_number(data, NFTA_PAYLOAD_OFFSET),
		 length = nft_number(data, NFTA_PAYLOAD_LEN);

	r->loaded = OTHER;
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && at == 2 && length == 2)
		r->loaded = PORT;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER && at == 9 && length == 1)
		r->loaded = PROTOCOL;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER &&
		 ((at == 16 && length == 4) || (at == 24 && length == 16)))
		r->loaded = HOST;
}

static void meta_read(struct reading *r, const struct nlattr *data)
{
	uint32_t key = nft_number(data, NFTA_META_KEY);

	r->loaded = key == NFT_META_L4PROTO ? PROTOCOL : key == NFT_META_NFPROTO ? LOCAL : OTHER;
}

static void ports_keep(struct reading *r, const struct port_set *ports)
{
	if (r->port_seen)
		port_set_keep(&r->ports, ports);
	else
		r->ports = *ports;
	r->port_seen = true;
}

static void ports_set(struct reading *r, uint32_t first, uint32_t last, bool but_these)
{
	struct port_set ports;

	port_set_clear(&ports);
	if (first <= UINT16_MAX && last <= UINT16_MAX)
		port_set_add(&ports, (uint16_t)first, (uint16_t)last);
	if (but_these)
		port_set_invert(&ports);
	ports_keep(r, &ports);
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
		r->narrow = true;
	}
}

static void cmp_read(struct reading *r, const struct nlattr *data)
{
	const struct nlattr *value = nft_part(nft_part(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
	uint32_t operation = nft_number(data, NFTA_CMP_OP);
	size_t length = value ? netlink_length(value) : 0;

	if (r->loaded == PORT) {
		port_compared(r, operation, port_value(value));
	} else if (r->loaded == PROTOCOL && operation == NFT_CMP_EQ && length == 1) {
		r->rule.protocol = *(const uint8_t *)netlink_data(value);
	} else if (r->loaded == HOST && operation == NFT_CMP_EQ && (length == 4 || length == 16)) {
		r->rule.host.family = length == 4 ? AF_INET : AF_INET6;
		memcpy(r->rule.host.bytes, netlink_data(value), length);
	} else if (r->loaded != LOCAL && operation != NFT_CMP_NEQ) {
		r->narrow = true; /* "not from docker0" leaves the most */
	}
}

static void range_read(struct reading *r, const struct nlattr *data)
{
	if (r->loaded == PORT)
		ports_set(
			r,
			port_value(nft_part(nft_part(data, NFTA_RANGE_FROM_DATA), NFTA_DATA_VALUE)),
			port_value(nft_part(nft_part(data, NFTA_RANGE_TO_DATA), NFTA_DATA_VALUE)),
			nft_number(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ);
	else
		r->narrow = true;
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
		r->narrow = true;
		return;
	}
	memcpy(&match, netlink_data(info), tcp ? size : offsetof(struct xt_udp, invflags));
	inverted = ((const uint8_t *)netlink_data(
		info))[tcp ? offsetof(struct xt_tcp, invflags) : offsetof(struct xt_udp, invflags)];
	ports_set(r, match.dpts[0], match.dpts[1], inverted & XT_TCP_INV_DSTPT);
	r->narrow |= match.spts[0] != 0 || match.spts[1] != UINT16_MAX || match.flg_mask != 0 ||
		     (inverted & ~XT_TCP_INV_DSTPT) != 0;
}

static void expression_read(struct reading *r, const struct nlattr *expression)
{
	const struct nlattr *name = nft_part(expression, NFTA_EXPR_NAME),
			    *data = nft_part(expression, NFTA_EXPR_DATA);

	if (nft_is(name, "payload")) {
		payload_read(r, data);
	} else if (nft_is(name, "meta")) {
		meta_read(r, data);
	} else if (nft_is(name, "fib")) {
		r->loaded = LOCAL;
	} else if (nft_is(name, "cmp")) {
		cmp_read(r, data);
	} else if (nft_is(name, "range")) {
		range_read(r, data);
	} else if (nft_is(name, "match")) {
		match_read(r, data);
	} else if (nft_is(name, "nat")) {
		r->translates |= nft_number(data, NFTA_NAT_TYPE) == NFT_NAT_DNAT;
	} else if (nft_is(name, "redir")) {
		r->translates = true;
	} else if (nft_is(name, "target")) {
		r->translates |= nft_is(nft_part(data, NFTA_TARGET_NAME), "DNAT") ||
				 nft_is(nft_part(data, NFTA_TARGET_NAME), "REDIRECT");
	} else if (nft_is(name, "bitwise") || nft_is(name, "ct")) {
		r->loaded = OTHER;
	} else if (nft_is(name, "lookup")) {
		r->narrow = true;
	}
}

static int rule_seen(const struct nlmsghdr *message, void *data)
{
	struct collecting *c = data;
	const struct nfgenmsg *header = (const void *)(message + 1);
	struct reading r;
	const char *table = "", *chain = "";
	uint64_t handle = 0;

	r.rule = (struct foreign_nat_rule){ 0 };
	r.loaded = OTHER;
	r.translates = r.narrow = r.port_seen = false;
	/* of inet, the rule itself says which family it is for, or is for both */
	r.rule.host.family = header->nfgen_family == NFPROTO_IPV4 ? AF_INET :
			     header->nfgen_family == NFPROTO_IPV6 ? AF_INET6 :
								    0;
	for (const struct nlattr *attr = nft_first(message); attr;
	     attr = netlink_next(message, attr)) {
		int type = attr->nla_type & NLA_TYPE_MASK;

		if (type == NFTA_RULE_TABLE)
			table = netlink_data(attr);
		else if (type == NFTA_RULE_CHAIN)
			chain = netlink_data(attr);
		else if (type == NFTA_RULE_HANDLE && netlink_length(attr) == sizeof(handle))
			memcpy(&handle, netlink_data(attr), sizeof(handle));
		else if (type == NFTA_RULE_EXPRESSIONS)
			for (const struct nlattr *e = netlink_within(attr, NULL); e;
			     e = netlink_within(attr, e))
				expression_read(&r, e);
	}
	if (!r.translates || r.narrow || !r.port_seen || str_prefix(table, c->own))
		return 0;
	r.rule.place = str_printf("%s %s %s handle %llu",
				  header->nfgen_family == NFPROTO_IPV4 ? "ip" :
				  header->nfgen_family == NFPROTO_IPV6 ? "ip6" :
									 "inet",
				  table, chain, (unsigned long long)be64toh(handle));
	r.rule.remedy = str_printf("nft delete rule %s", r.rule.place);
	foreign_nat_add_ports(c->all, &r.rule, &r.ports);
	return 0;
}

static void rule_add(struct foreign_nat *all, const struct foreign_nat_rule *rule)
{
	all->list = reallocarray(all->list, all->count + 1, sizeof(*all->list));
	if (!all->list)
		abort();
	all->list[all->count] = *rule;
	all->list[all->count].place = str_dup(rule->place);
	all->list[all->count++].remedy = str_dup(rule->remedy);
}

void foreign_nat_add_ports(struct foreign_nat *all, struct foreign_nat_rule *rule,
			   const struct port_set *ports)
{
	struct port_range range;

	for (uint32_t at = 0; port_set_next(ports, &at, &range);) {
		rule->first = range.first;
		rule->last = range.last;
		rule_add(all, rule);
	}
	free(rule->place);
	free(rule->remedy);
}

int foreign_nat_read(struct netlink *nl, const char *own, struct foreign_nat *ret, struct err *err)
{
	struct collecting c = { .own = own, .all = ret };

	*ret = FOREIGN_NAT_NONE;
	legacy_nat_read(ret);
	return nft_rules(nl, NFPROTO_UNSPEC, NULL, NULL, rule_seen, &c, err);
}

const struct foreign_nat_rule *foreign_nat_find(const struct foreign_nat *all, int protocol,
						const struct address *host, uint16_t port)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct foreign_nat_rule *r = &all->list[i];

		if ((r->protocol && r->protocol != protocol) || port < r->first || port > r->last ||
		    (r->host.family && r->host.family != host->family))
			continue;
		if (!r->host.family || address_is_any(&r->host) || address_is_any(host) ||
		    memcmp(r->host.bytes, host->bytes, (size_t)address_length(host->family)) == 0)
			return r;
	}
	return NULL;
}

void foreign_nat_clear(struct foreign_nat *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].place);
		free(all->list[i].remedy);
	}
	free(all->list);
	*all = FOREIGN_NAT_NONE;
}
