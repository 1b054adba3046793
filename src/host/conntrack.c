/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { ANSWER_ROOM = 65536, TYPE_MASK = 0x3fff };

/* The attribute of this type among `length` bytes; *ret_length: of its payload. */
static const void *attribute(const void *from, size_t length, uint16_t type, size_t *ret_length)
{
	const uint8_t *p = from;

	while (length >= sizeof(struct nlattr)) {
		struct nlattr a;
		size_t step;

		memcpy(&a, p, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > length)
			return NULL;
		if ((a.nla_type & TYPE_MASK) == type) {
			*ret_length = a.nla_len - sizeof(a);
			return p + sizeof(a);
		}
		step = NLA_ALIGN(a.nla_len);
		step = step > length ? length : step;
		p += step;
		length -= step;
	}
	return NULL;
}

static bool bytes(const void *from, size_t length, uint16_t type, void *out, size_t size)
{
	size_t have;
	const void *value = from ? attribute(from, length, type, &have) : NULL;

	if (!value || have != size)
		return false;
	memcpy(out, value, size);
	return true;
}

static bool tuple(const void *from, size_t length, uint16_t type, bool v6, uint8_t *protocol,
		  struct connection_end *source, struct connection_end *target)
{
	size_t whole, ip_length, proto_length, size = v6 ? 16 : 4;
	const void *all = attribute(from, length, type, &whole);
	const void *ip = all ? attribute(all, whole, CTA_TUPLE_IP, &ip_length) : NULL;
	const void *proto = all ? attribute(all, whole, CTA_TUPLE_PROTO, &proto_length) : NULL;
	uint16_t from_port, to_port;

	memset(source, 0, sizeof(*source));
	memset(target, 0, sizeof(*target));
	if (!ip || !proto ||
	    !bytes(ip, ip_length, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, source->address, size) ||
	    !bytes(ip, ip_length, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, target->address, size) ||
	    !bytes(proto, proto_length, CTA_PROTO_NUM, protocol, 1) ||
	    !bytes(proto, proto_length, CTA_PROTO_SRC_PORT, &from_port, 2) ||
	    !bytes(proto, proto_length, CTA_PROTO_DST_PORT, &to_port, 2))
		return false;
	source->port = ntohs(from_port);
	target->port = ntohs(to_port);
	return true;
}

bool connection_parse(const void *attributes, size_t length, bool v6, struct connection *ret)
{
	struct connection c = { .v6 = v6 };
	uint8_t protocol;

	if (!tuple(attributes, length, CTA_TUPLE_ORIG, v6, &c.protocol, &c.client, &c.asked) ||
	    !tuple(attributes, length, CTA_TUPLE_REPLY, v6, &protocol, &c.server, &c.answered) ||
	    protocol != c.protocol)
		return false;
	if (memcmp(&c.asked, &c.server, sizeof(c.asked)) == 0)
		return false;
	*ret = c;
	return true;
}

static int by_server(const void *a, const void *b)
{
	const struct connection *x = a, *y = b;
	int order = x->protocol - y->protocol;

	if (order == 0)
		order = x->v6 - y->v6;
	if (order == 0)
		order = memcmp(x->server.address, y->server.address, 16);
	if (order == 0)
		order = x->server.port - y->server.port;
	if (order == 0)
		order = memcmp(x->answered.address, y->answered.address, 16);
	return order ? order : x->answered.port - y->answered.port;
}

/* Both families in one walk of the kernel's table, which may be far larger than what is in it. */
static void table_read(int fd, char *answer, struct connections *out)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg generic;
	} ask = {
		.head = { .nlmsg_len = sizeof(ask),
			  .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.generic = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 },
	};

	if (send(fd, &ask, sizeof(ask), 0) < 0)
		return;
	for (;;) {
		ssize_t n = recv(fd, answer, ANSWER_ROOM, 0);
		const struct nlmsghdr *h = (const void *)answer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		for (unsigned int left = (unsigned int)n; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
			const struct nfgenmsg *generic = NLMSG_DATA(h);
			struct connection c;

			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return;
			if (h->nlmsg_len < head ||
			    !connection_parse((const char *)h + NLMSG_ALIGN(head),
					      h->nlmsg_len - NLMSG_ALIGN(head),
					      generic->nfgen_family == AF_INET6, &c))
				continue;
			if ((out->count & (out->count - 1)) == 0) {
				out->list = reallocarray(out->list, out->count ? out->count * 2 : 1,
							 sizeof(*out->list));
				if (!out->list)
					abort();
			}
			out->list[out->count++] = c;
		}
	}
}

void connections_read(struct connections *connections)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	_cleanup_free_ char *answer = mem_new(ANSWER_ROOM);

	if (fd < 0)
		return;
	table_read(fd, answer, connections);
	if (connections->count)
		qsort(connections->list, connections->count, sizeof(*connections->list), by_server);
}

void connections_clear(struct connections *connections)
{
	free(connections->list);
	*connections = CONNECTIONS_EMPTY;
}

const struct connection *connections_find(const struct connections *connections, bool v6,
					  uint8_t protocol, const uint8_t local[16],
					  uint16_t local_port, const uint8_t peer[16],
					  uint16_t peer_port)
{
	struct connection wanted = { .v6 = v6, .protocol = protocol };

	if (!connections->count)
		return NULL;
	memcpy(wanted.server.address, local, 16);
	memcpy(wanted.answered.address, peer, 16);
	wanted.server.port = local_port;
	wanted.answered.port = peer_port;
	return bsearch(&wanted, connections->list, connections->count, sizeof(wanted), by_server);
}
