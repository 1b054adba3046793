/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of one flow's packets through the firewall of the namespace: the kernel itself tells each rule that decided about them
 * (nftables' tracing), in every table, also those of iptables-nft. For that a table of ours marks the flow; it goes with trace_end, and
 * with the socket, whoever is killed (NFT_TABLE_F_OWNER).
 *
 *	_cleanup_(trace_end) struct trace trace = TRACE_NONE;
 *	trace_begin(&trace, &flow, err);
 *	... send ...
 *	trace_hear(&trace, 100);       as often as one likes
 */
#ifndef CLOCHE_NET_TRACE_H
#define CLOCHE_NET_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "net/address.h"
#include "net/netlink.h"

struct err;

struct trace_flow { /* TCP */
	struct address from;
	uint16_t port; /* that it asks for */
	uint16_t own_port; /* from which: of others, and of earlier attempts, the answers are not counted */
	/* who answers, as his packets begin; the same as was asked unless that was translated */
	struct address answers;
	uint16_t answers_port;
};

struct trace_drop {
	char family[8], table[64], chain[64];
	uint64_t rule; /* handle; 0: the chain's policy */
};

struct trace_way {    /* of one direction */
	bool seen;    /* packets came by */
	bool dropped; /* `drop` says where */
	struct trace_drop drop;
	struct buf chains; /* "ip filter FORWARD, inet cloche forward": that let it pass */
};

struct trace {
	struct netlink nl, news;
	struct trace_flow flow;
	struct trace_way there, back;
	struct {
		uint32_t id;
		bool back;
	} packets[64];
	size_t packet_count;
	char table[32];
};
#define TRACE_NONE ((struct trace){ .nl = NETLINK_NONE, .news = NETLINK_NONE })

int trace_begin(struct trace *trace, const struct trace_flow *flow, struct err *err);
void trace_end(struct trace *trace);
/* Take in what the kernel says within this time. */
void trace_hear(struct trace *trace, int timeout_ms);

#endif
