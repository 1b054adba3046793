/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/route.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "net/netlink.h"

static void address_read(const struct nlattr *attr, int family, struct address *ret)
{
	if (netlink_length(attr) != (size_t)address_length(family))
		return;
	ret->family = family;
	memcpy(ret->bytes, netlink_data(attr), netlink_length(attr));
}

static int number(const struct nlattr *attr)
{
	int value = 0;

	if (netlink_length(attr) == sizeof(value))
		memcpy(&value, netlink_data(attr), sizeof(value));
	return value;
}

static int link_seen(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = (const void *)(message + 1);
	struct link_state *state = data;

	state->index = info->ifi_index;
	state->up = (info->ifi_flags & IFF_UP) != 0;
	state->carrier = (info->ifi_flags & IFF_RUNNING) != 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		if (attr->nla_type == IFLA_IFNAME)
			(void)str_append(state->name, sizeof(state->name), netlink_data(attr));
		else if (attr->nla_type == IFLA_MTU)
			state->mtu = (uint32_t)number(attr);
		else if (attr->nla_type == IFLA_MASTER)
			state->master = number(attr);
		else if (attr->nla_type == IFLA_LINK)
			state->peer = number(attr);
		else if (attr->nla_type == IFLA_ADDRESS && netlink_length(attr) == 6)
			memcpy(state->mac, netlink_data(attr), 6);
	}
	return 0;
}

int link_ask(struct netlink *nl, const char *name, int index, struct link_state *ret_state,
	     struct err *err)
{
	struct ifinfomsg which = { .ifi_family = AF_UNSPEC, .ifi_index = name ? 0 : index };

	*ret_state = (struct link_state){ 0 };
	netlink_begin(nl, RTM_GETLINK, NLM_F_ACK, &which, sizeof(which));
	if (name)
		netlink_string(nl, IFLA_IFNAME, name);
	return netlink_dump(nl, link_seen, ret_state, err);
}

struct wanted_address {
	const struct address *address;
	int index;
	bool found;
};

static int address_seen(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = (const void *)(message + 1);
	struct wanted_address *wanted = data;

	if (message->nlmsg_type != RTM_NEWADDR || (int)info->ifa_index != wanted->index)
		return 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		struct address one = { 0 };

		if (attr->nla_type != IFA_ADDRESS && attr->nla_type != IFA_LOCAL)
			continue;
		address_read(attr, info->ifa_family, &one);
		wanted->found |= address_equal(&one, wanted->address);
	}
	return 0;
}

int address_ask(struct netlink *nl, int index, const struct address *address, struct err *err)
{
	struct ifaddrmsg all = { .ifa_family = (uint8_t)address->family };
	struct wanted_address wanted = { address, index, false };
	int r;

	netlink_begin(nl, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all));
	r = netlink_dump(nl, address_seen, &wanted, err);
	return r < 0 ? r : wanted.found;
}

struct wanted_subnet {
	const struct address *address;
	int index;
};

static int subnet_seen(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = (const void *)(message + 1);
	struct wanted_subnet *wanted = data;

	if (message->nlmsg_type != RTM_NEWADDR)
		return 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		struct subnet subnet = { .prefix = info->ifa_prefixlen };

		if (attr->nla_type != IFA_ADDRESS)
			continue;
		address_read(attr, info->ifa_family, &subnet.address);
		if (subnet_has(&subnet, wanted->address))
			wanted->index = (int)info->ifa_index;
	}
	return 0;
}

int link_of_subnet(struct netlink *nl, const struct address *address, struct err *err)
{
	struct ifaddrmsg all = { .ifa_family = (uint8_t)address->family };
	struct wanted_subnet wanted = { .address = address };
	int r;

	netlink_begin(nl, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all));
	r = netlink_dump(nl, subnet_seen, &wanted, err);
	return r < 0 ? r : wanted.index;
}

static int route_seen(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *info = (const void *)(message + 1);
	struct route *route = data;

	if (message->nlmsg_type != RTM_NEWROUTE)
		return 0;
	route->local = info->rtm_type == RTN_LOCAL;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		if (attr->nla_type == RTA_OIF)
			route->link = number(attr);
		else if (attr->nla_type == RTA_GATEWAY)
			address_read(attr, info->rtm_family, &route->gateway);
		else if (attr->nla_type == RTA_PREFSRC)
			address_read(attr, info->rtm_family, &route->source);
	}
	/* IPv6 tells these by a route */
	if (info->rtm_type == RTN_UNREACHABLE || info->rtm_type == RTN_BLACKHOLE)
		return -EHOSTUNREACH;
	return info->rtm_type == RTN_PROHIBIT ? -EACCES : 0;
}

int route_ask(struct netlink *nl, const struct address *to, const struct address *from,
	      int from_link, struct route *ret_route, struct err *err)
{
	size_t length = (size_t)address_length(to->family);
	struct rtmsg header = { .rtm_family = (uint8_t)to->family,
				.rtm_dst_len = (uint8_t)(8 * length) };
	int r;

	*ret_route = (struct route){ 0 };
	netlink_begin(nl, RTM_GETROUTE, NLM_F_ACK, &header, sizeof(header));
	netlink_put(nl, RTA_DST, to->bytes, length);
	if (from)
		netlink_put(nl, RTA_SRC, from->bytes, length);
	if (from_link)
		netlink_u32(nl, RTA_IIF, (uint32_t)from_link);
	r = netlink_dump(nl, route_seen, ret_route, err);
	return r < 0 && !err->code ? err_set(err, -r, "%s", strerror(-r)) : r;
}

struct wanted_neighbour {
	const struct address *address;
	int index;
	uint16_t state;
	uint8_t mac[6];
	bool found;
};

static int neighbour_seen(const struct nlmsghdr *message, void *data)
{
	const struct ndmsg *info = (const void *)(message + 1);
	struct wanted_neighbour *wanted = data;
	struct address one = { 0 };
	const void *mac = NULL;

	if (message->nlmsg_type != RTM_NEWNEIGH || info->ndm_ifindex != wanted->index)
		return 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		if (attr->nla_type == NDA_DST)
			address_read(attr, info->ndm_family, &one);
		else if (attr->nla_type == NDA_LLADDR && netlink_length(attr) == 6)
			mac = netlink_data(attr);
	}
	if (!address_equal(&one, wanted->address))
		return 0;
	wanted->found = true;
	wanted->state = info->ndm_state;
	if (mac)
		memcpy(wanted->mac, mac, 6);
	return 0;
}

int neighbour_ask(struct netlink *nl, int index, const struct address *address,
		  enum neighbour *ret_state, uint8_t ret_mac[6], bool *ret_fixed, struct err *err)
{
	struct ndmsg all = { .ndm_family = (uint8_t)address->family };
	struct wanted_neighbour wanted = { .address = address, .index = index };
	int r;

	netlink_begin(nl, RTM_GETNEIGH, NLM_F_DUMP, &all, sizeof(all));
	r = netlink_dump(nl, neighbour_seen, &wanted, err);
	if (r < 0)
		return r;
	memcpy(ret_mac, wanted.mac, 6);
	*ret_fixed = (wanted.state & NUD_PERMANENT) != 0;
	if (!wanted.found || wanted.state == NUD_NONE)
		*ret_state = NEIGHBOUR_UNKNOWN;
	else if (wanted.state & NUD_FAILED)
		*ret_state = NEIGHBOUR_SILENT;
	else
		*ret_state = wanted.state & NUD_INCOMPLETE ? NEIGHBOUR_ASKED : NEIGHBOUR_THERE;
	return 0;
}
