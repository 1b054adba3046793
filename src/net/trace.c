/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/trace.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_bridge.h>

#include "base/err.h"
#include "base/fd.h"
#include "net/nft.h"

enum {
	FIRST = -2000, /* before all that others have */
	FLAG_SYN = 2,
};

/* -- the table -------------------------------------------------------------------------------- */

static void rule(struct netlink *nl, const char *table, const char *chain,
		 const struct address *source, uint32_t port_at, uint16_t port, uint16_t to_port)
{
	bool v4 = source->family == AF_INET;
	uint8_t tcp = IPPROTO_TCP;
	uint16_t number = htons(port), ether = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	size_t at = nft_rule(nl, table, chain, NULL);

	nft_meta(nl, NFT_META_PROTOCOL, NFT_REG32_00); /* in a bridge's table, too */
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &ether, sizeof(ether));
	nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, v4 ? 12 : 8,
		    (uint32_t)address_length(source->family), NFT_REG32_00);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, source->bytes,
		(size_t)address_length(source->family));
	nft_meta(nl, NFT_META_L4PROTO, NFT_REG32_00);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &tcp, sizeof(tcp));
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, port_at, sizeof(number), NFT_REG32_00);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &number, sizeof(number));
	if (to_port) {
		number = htons(to_port);
		nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(number), NFT_REG32_00);
		nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &number, sizeof(number));
	}
	nft_tcp_flags(nl, FLAG_SYN); /* not what earlier connections still have to say */
	nft_trace(nl);
	nft_rule_end(nl, at);
}

/* What bridges drop (ebtables) is dropped before it comes to the host's tables. */
static void bridge_begin(struct trace *trace, const struct trace_flow *flow)
{
	struct err ignored = ERR_NONE;

	trace->nl.nft_family = NFPROTO_BRIDGE;
	nft_begin(&trace->nl);
	nft_add_table_owned(&trace->nl, trace->table);
	nft_add_chain(&trace->nl, trace->table, "prerouting", "filter", NF_BR_PRE_ROUTING, FIRST,
		      NULL);
	rule(&trace->nl, trace->table, "prerouting", &flow->from, 2, flow->port, 0);
	rule(&trace->nl, trace->table, "prerouting", &flow->answers, 0, flow->answers_port,
	     flow->own_port);
	(void)nft_commit(&trace->nl,
			 &ignored); /* a kernel without such tables has none that drop */
	trace->nl.nft_family = 0;
}

int trace_begin(struct trace *trace, const struct trace_flow *flow, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t hook;
	} chains[] = { { "prerouting", NF_INET_PRE_ROUTING }, { "output", NF_INET_LOCAL_OUT } };
	struct sockaddr_nl self = {
		.nl_family = AF_NETLINK
	}; /* news come to those that have a number */
	int group = NFNLGRP_NFTRACE, room = 1 << 20, r;

	trace->flow = *flow;
	(void)snprintf(trace->table, sizeof(trace->table), "cloche-doctor-%d", (int)getpid());
	r = netlink_open(&trace->nl, NETLINK_NETFILTER, err);
	if (r == 0)
		r = netlink_open(&trace->news, NETLINK_NETFILTER, err);
	if (r < 0)
		return r;
	(void)setsockopt(trace->news.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(trace->news.fd, (const struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(trace->news.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
		return err_sys(err, errno, "hear what the firewall does");
	nft_begin(&trace->nl);
	nft_add_table_owned(&trace->nl, trace->table);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		nft_add_chain(&trace->nl, trace->table, chains[i].name, "filter", chains[i].hook,
			      FIRST, NULL);
		rule(&trace->nl, trace->table, chains[i].name, &flow->from, 2, flow->port, 0);
		rule(&trace->nl, trace->table, chains[i].name, &flow->answers, 0,
		     flow->answers_port, flow->own_port);
	}
	r = nft_commit(&trace->nl, err);
	if (r < 0)
		return err_wrap(err, "trace packets in the firewall");
	bridge_begin(trace, flow);
	return 0;
}

void trace_end(struct trace *trace)
{
	struct err ignored = ERR_NONE;

	if (trace->nl.fd >= 0) {
		nft_begin(&trace->nl);
		nft_delete_table(&trace->nl, trace->table);
		(void)nft_commit(&trace->nl, &ignored); /* it would go with the socket, too */
		trace->nl.nft_family = NFPROTO_BRIDGE;
		nft_begin(&trace->nl);
		nft_delete_table(&trace->nl, trace->table);
		(void)nft_commit(&trace->nl, &ignored);
	}
	netlink_close(&trace->nl);
	netlink_close(&trace->news);
	buf_clear(&trace->there.chains);
	buf_clear(&trace->back.chains);
}

/* -- what the kernel says --------------------------------------------------------------------- */

struct event {
	uint32_t id, type, verdict, policy;
	bool has_verdict;
	uint64_t rule;
	char table[64], chain[64];
	const uint8_t *header;
	size_t header_length;
};

static uint32_t be32_of(const struct nlattr *attr)
{
	uint32_t value = 0;

	if (netlink_length(attr) == sizeof(value))
		memcpy(&value, netlink_data(attr), sizeof(value));
	return ntohl(value);
}

static void text_of(const struct nlattr *attr, char *out, size_t size)
{
	/* a name of somebody's: it may come onto a terminal */
	str_escape(out, size, netlink_data(attr),
		   strnlen(netlink_data(attr), netlink_length(attr)));
}

static void event_read(const struct nlmsghdr *message, struct event *e)
{
	for (const struct nlattr *attr = nft_first(message); attr;
	     attr = netlink_next(message, attr)) {
		switch (attr->nla_type & NLA_TYPE_MASK) {
		case NFTA_TRACE_ID:
			e->id = be32_of(attr);
			break;
		case NFTA_TRACE_TYPE:
			e->type = be32_of(attr);
			break;
		case NFTA_TRACE_POLICY:
			e->policy = be32_of(attr);
			break;
		case NFTA_TRACE_TABLE:
			text_of(attr, e->table, sizeof(e->table));
			break;
		case NFTA_TRACE_CHAIN:
			text_of(attr, e->chain, sizeof(e->chain));
			break;
		case NFTA_TRACE_RULE_HANDLE:
			if (netlink_length(attr) == sizeof(e->rule)) {
				memcpy(&e->rule, netlink_data(attr), sizeof(e->rule));
				e->rule = be64toh(e->rule);
			}
			break;
		case NFTA_TRACE_VERDICT: { /* its first attribute is the code */
			const struct nlattr *code = netlink_data(attr);

			if (netlink_length(attr) >= sizeof(*code) + 4) {
				e->has_verdict = true;
				e->verdict = be32_of(code);
			}
			break;
		}
		case NFTA_TRACE_NETWORK_HEADER:
			e->header = netlink_data(attr);
			e->header_length = netlink_length(attr);
			break;
		default:
			break;
		}
	}
}

/* Which direction: told by the source in the header, which comes with a packet's first message. It may have been translated on the way there. */
static struct trace_way *way_of(struct trace *trace, const struct event *e)
{
	const struct address *answers = &trace->flow.answers;
	size_t length = (size_t)address_length(answers->family),
	       at = answers->family == AF_INET ? 12 : 8;
	bool back;

	for (size_t i = 0; i < trace->packet_count; i++)
		if (trace->packets[i].id == e->id)
			return trace->packets[i].back ? &trace->back : &trace->there;
	if (!e->header || e->header_length < at + length)
		return NULL;
	back = memcmp(e->header + at, answers->bytes, length) == 0;
	if (trace->packet_count < ARRAY_SIZE(trace->packets)) {
		trace->packets[trace->packet_count].id = e->id;
		trace->packets[trace->packet_count++].back = back;
	}
	return back ? &trace->back : &trace->there;
}

static void chain_note(struct trace_way *way, const char *family, const struct event *e)
{
	_cleanup_free_ char *name = str_printf("%s %s %s", family, e->table, e->chain);

	if (!way->chains.data || !strstr(way->chains.data, name))
		buf_printf(&way->chains, "%s%s", way->chains.length ? ", " : "", name);
}

static void event_take(struct trace *trace, const struct nlmsghdr *message)
{
	const struct nfgenmsg *header = (const void *)(message + 1);
	const char *family = nft_family_word(header->nfgen_family);
	struct event e = { 0 };
	struct trace_way *way;
	bool dropped;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE))
		return;
	event_read(message, &e);
	way = way_of(trace, &e);
	if (!way)
		return;
	way->seen = true;
	if (strcmp(e.table, trace->table) == 0)
		return;
	dropped = (e.type == NFT_TRACETYPE_RULE && e.has_verdict && e.verdict == NF_DROP) ||
		  (e.type == NFT_TRACETYPE_POLICY && e.policy == NF_DROP);
	if (!dropped) {
		chain_note(way, family, &e);
		return;
	}
	if (way->dropped)
		return;
	way->dropped = true;
	way->drop.rule = e.type == NFT_TRACETYPE_RULE ? e.rule : 0;
	(void)str_append(way->drop.family, sizeof(way->drop.family), family);
	(void)str_append(way->drop.table, sizeof(way->drop.table), e.table);
	(void)str_append(way->drop.chain, sizeof(way->drop.chain), e.chain);
}

void trace_hear(struct trace *trace, int timeout_ms)
{
	char news[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct pollfd p = { .fd = trace->news.fd, .events = POLLIN };

	while (poll(&p, 1, timeout_ms) > 0) {
		ssize_t n = recv(trace->news.fd, news, sizeof(news), MSG_DONTWAIT);
		size_t at = 0;

		if (n < 0 && errno != ENOBUFS)
			return;
		while (n > 0 && at + sizeof(struct nlmsghdr) <= (size_t)n) {
			const struct nlmsghdr *message = (const void *)(news + at);

			if (message->nlmsg_len < sizeof(*message) ||
			    at + message->nlmsg_len > (size_t)n)
				break;
			event_take(trace, message);
			at += NLMSG_ALIGN(message->nlmsg_len);
		}
		timeout_ms = 0;
	}
}
