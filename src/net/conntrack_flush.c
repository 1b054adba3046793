/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/conntrack_flush.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/err.h"
#include "base/fd.h"
#include "net/netlink.h"
#include "net/ruleset.h"

enum { TUPLE_MAX = 128 };

struct flow { /* of what is deleted: the tuple as it came */
	uint8_t tuple[TUPLE_MAX];
	size_t length;
	uint16_t zone;
	uint8_t family;
};

struct search {
	const struct ruleset_port *ports;
	size_t port_count;
	bool earlier; /* those that are not translated */
	struct flow *flows;
	size_t count;
};

struct end {
	uint8_t protocol;
	struct address source;
	uint16_t source_port, port;
};

static uint16_t port_of(const struct nlattr *attr)
{
	uint16_t value = 0;

	if (netlink_length(attr) == sizeof(value))
		memcpy(&value, netlink_data(attr), sizeof(value));
	return ntohs(value);
}

static void address_of(const struct nlattr *attr, int family, struct address *out)
{
	if (netlink_length(attr) != (size_t)address_length(family))
		return;
	out->family = family;
	memcpy(out->bytes, netlink_data(attr), netlink_length(attr));
}

static void end_read(const struct nlattr *tuple, struct end *e)
{
	for (const struct nlattr *part = netlink_within(tuple, NULL); part;
	     part = netlink_within(tuple, part)) {
		int kind = part->nla_type & NLA_TYPE_MASK;

		for (const struct nlattr *a = netlink_within(part, NULL); a;
		     a = netlink_within(part, a)) {
			int type = a->nla_type & NLA_TYPE_MASK;

			if (kind == CTA_TUPLE_IP && type == CTA_IP_V4_SRC)
				address_of(a, AF_INET, &e->source);
			else if (kind == CTA_TUPLE_IP && type == CTA_IP_V6_SRC)
				address_of(a, AF_INET6, &e->source);
			else if (kind == CTA_TUPLE_PROTO && type == CTA_PROTO_NUM &&
				 netlink_length(a) == 1)
				memcpy(&e->protocol, netlink_data(a), 1);
			else if (kind == CTA_TUPLE_PROTO && type == CTA_PROTO_SRC_PORT)
				e->source_port = port_of(a);
			else if (kind == CTA_TUPLE_PROTO && type == CTA_PROTO_DST_PORT)
				e->port = port_of(a);
		}
	}
}

/* Of this host: a socket can be bound to it. */
static bool is_own(const struct address *address)
{
	struct sockaddr_storage name;
	socklen_t length = address_socket(address, 0, &name);
	_cleanup_close_ int s = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return s >= 0 && bind(s, (const struct sockaddr *)&name, length) == 0;
}

/* Asked for at the host's port, answered by the container's; or by the host itself. */
static bool is_wanted(const struct search *search, const struct end *asked,
		      const struct end *answer)
{
	for (size_t i = 0; i < search->port_count; i++) {
		const struct ruleset_port *p = &search->ports[i];

		if (asked->protocol != p->protocol || asked->port != p->host_port)
			continue;
		if (search->earlier ?
			    answer->source_port == p->host_port && is_own(&answer->source) :
			    answer->source_port == p->to_port &&
				    address_equal(&answer->source, &p->to))
			return true;
	}
	return false;
}

static int flow_seen(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	struct end asked = { 0 }, answer = { 0 };
	const struct nlattr *tuple = NULL;
	struct flow flow = { .family = ((const struct nfgenmsg *)(message + 1))->nfgen_family };

	for (const struct nlattr *a = netlink_first(message, sizeof(struct nfgenmsg)); a;
	     a = netlink_next(message, a)) {
		int type = a->nla_type & NLA_TYPE_MASK;

		if (type == CTA_TUPLE_ORIG) {
			tuple = a;
			end_read(a, &asked);
		} else if (type == CTA_TUPLE_REPLY) {
			end_read(a, &answer);
		} else if (type == CTA_ZONE) {
			flow.zone = port_of(a);
		}
	}
	if (!tuple || netlink_length(tuple) > TUPLE_MAX || !is_wanted(search, &asked, &answer))
		return 0;
	flow.length = netlink_length(tuple);
	memcpy(flow.tuple, netlink_data(tuple), flow.length);
	search->flows = reallocarray(search->flows, search->count + 1, sizeof(flow));
	if (!search->flows)
		abort();
	search->flows[search->count++] = flow;
	return 0;
}

static int count_seen(const struct nlmsghdr *message, void *data)
{
	for (const struct nlattr *a = netlink_first(message, sizeof(struct nfgenmsg)); a;
	     a = netlink_next(message, a))
		if ((a->nla_type & NLA_TYPE_MASK) == CTA_STATS_GLOBAL_ENTRIES &&
		    netlink_length(a) == sizeof(uint32_t))
			memcpy(data, netlink_data(a), sizeof(uint32_t));
	return 0;
}

/* Has this network namespace flows at all? The table is one for all namespaces, and its walk locks each of its 262,144 buckets. */
static bool any_flow(struct netlink *nl, const struct nfgenmsg *header)
{
	uint32_t count = UINT32_MAX; /* who cannot tell is asked for them */
	struct err ignored = ERR_NONE;

	netlink_begin(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, header,
		      sizeof(*header));
	return netlink_dump(nl, count_seen, &count, &ignored) < 0 || count != 0;
}

static int flow_forget(struct netlink *nl, const struct flow *flow)
{
	struct nfgenmsg header = { .nfgen_family = flow->family, .version = NFNETLINK_V0 };
	struct err ignored = ERR_NONE; /* it ended by itself */

	netlink_begin(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &header,
		      sizeof(header));
	netlink_put(nl, CTA_TUPLE_ORIG | NLA_F_NESTED, flow->tuple, flow->length);
	if (flow->zone)
		netlink_u16(nl, CTA_ZONE, htons(flow->zone));
	return netlink_send(nl, &ignored) == 0;
}

/* All that this address answers. Linux 6.11 passes over the empty buckets of the table without a lock; those before it take the filter for an
 * incomplete tuple: -EINVAL. The version is what makes the kernel heed the family, without which it would not look at addresses. */
static int answered_forget(struct netlink *nl, const struct address *by)
{
	enum {
		FILTER_IP_SRC =
			1 << 0 /* CTA_FILTER_F_CTA_IP_SRC, net/netfilter/nf_conntrack_netlink.c */
	};
	struct nfgenmsg header = { .nfgen_family = (uint8_t)by->family, .version = 1 };
	struct err ignored = ERR_NONE;
	size_t nest, inner;

	netlink_begin(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &header,
		      sizeof(header));
	nest = netlink_nest(nl, CTA_TUPLE_REPLY);
	inner = netlink_nest(nl, CTA_TUPLE_IP);
	netlink_put(nl, by->family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, by->bytes,
		    (size_t)address_length(by->family));
	netlink_nest_end(nl, inner);
	netlink_nest_end(nl, nest);
	nest = netlink_nest(nl, CTA_FILTER);
	netlink_u32(nl, CTA_FILTER_REPLY_FLAGS, FILTER_IP_SRC);
	netlink_nest_end(nl, nest);
	return netlink_send(nl, &ignored);
}

static bool is_told(const struct ruleset_port *ports, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (address_equal(&ports[k].to, &ports[i].to))
			return true;
	return false;
}

static int flush(const struct ruleset_port *ports, size_t count, bool earlier, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct nfgenmsg both = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct search search = { .ports = ports, .port_count = count, .earlier = earlier };
	int r = netlink_open(&nl, NETLINK_NETFILTER, err), done = 0;

	if (r < 0 || !any_flow(&nl, &both))
		return r;
	netlink_begin(&nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &both,
		      sizeof(both));
	r = netlink_dump(&nl, flow_seen, &search, err);
	for (size_t i = 0; r == 0 && i < search.count; i++)
		done += flow_forget(&nl, &search.flows[i]);
	free(search.flows);
	return r < 0 ? r : done;
}

int conntrack_flush(const struct ruleset_port *ports, size_t count, struct err *err)
{
	return flush(ports, count, false, err);
}

int conntrack_flush_earlier(const struct ruleset_port *ports, size_t count, struct err *err)
{
	return flush(ports, count, true, err);
}

int conntrack_flush_targets(const struct ruleset_port *ports, size_t count, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct nfgenmsg both = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r < 0 || !any_flow(&nl, &both))
		return r;
	for (size_t i = 0; i < count; i++) {
		if (ports[i].to.family == AF_UNSPEC || is_told(ports, i))
			continue;
		r = answered_forget(&nl, &ports[i].to);
		if (r < 0)
			return conntrack_flush(ports, count, err);
	}
	return 0;
}
