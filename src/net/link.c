/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/link.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net/netlink.h"

void link_add_veth(struct netlink *nl, const struct veth *veth)
{
	struct ifinfomsg up = { .ifi_family = AF_UNSPEC,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };
	struct ifinfomsg down = { .ifi_family =
					  AF_UNSPEC }; /* a veth opens only once it has its peer */
	size_t info, data, peer;

	netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	netlink_string(nl, IFLA_IFNAME, veth->name);
	if (veth->bridge)
		netlink_u32(nl, IFLA_MASTER, (uint32_t)veth->bridge);
	if (veth->mtu)
		netlink_u32(nl, IFLA_MTU, veth->mtu);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_KIND, "veth");
	data = netlink_nest(nl, IFLA_INFO_DATA);
	peer = netlink_nest(nl, VETH_INFO_PEER);
	netlink_raw(nl, &down, sizeof(down));
	netlink_string(nl, IFLA_IFNAME, veth->peer);
	netlink_put(nl, IFLA_ADDRESS, veth->mac, sizeof(veth->mac));
	if (veth->mtu)
		netlink_u32(nl, IFLA_MTU, veth->mtu);
	netlink_u32(nl, IFLA_NET_NS_FD, (uint32_t)veth->namespace);
	netlink_nest_end(nl, peer);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
}

int link_add_macvlan(struct netlink *nl, const struct veth *veth, int parent, const char *mode)
{
	static const struct {
		const char *name;
		uint32_t mode;
	} modes[] = { { "bridge", MACVLAN_MODE_BRIDGE },
		      { "private", MACVLAN_MODE_PRIVATE },
		      { "vepa", MACVLAN_MODE_VEPA },
		      { "passthru", MACVLAN_MODE_PASSTHRU } };
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	uint32_t number = 0;
	size_t info, data;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(modes[i].name, mode) == 0)
			number = modes[i].mode;
	if (!number)
		return -EINVAL;
	if (!nl)
		return 0;
	netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	netlink_string(nl, IFLA_IFNAME, veth->peer);
	netlink_put(nl, IFLA_ADDRESS, veth->mac, sizeof(veth->mac));
	netlink_u32(nl, IFLA_LINK, (uint32_t)parent);
	netlink_u32(nl, IFLA_NET_NS_FD, (uint32_t)veth->namespace);
	if (veth->mtu)
		netlink_u32(nl, IFLA_MTU, veth->mtu);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_KIND, "macvlan");
	data = netlink_nest(nl, IFLA_INFO_DATA);
	netlink_u32(nl, IFLA_MACVLAN_MODE, number);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
	return 0;
}

int link_add_ipvlan(struct netlink *nl, const struct veth *veth, int parent, const char *mode)
{
	static const char *const modes[] = { "l2", "l3", "l3s" }; /* IPVLAN_MODE_L2 and on */
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	size_t info, data, number = 0;

	while (number < ARRAY_SIZE(modes) && strcmp(modes[number], mode) != 0)
		number++;
	if (number == ARRAY_SIZE(modes))
		return -EINVAL;
	if (!nl)
		return 0;
	netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	netlink_string(nl, IFLA_IFNAME, veth->peer);
	netlink_u32(nl, IFLA_LINK, (uint32_t)parent);
	netlink_u32(nl, IFLA_NET_NS_FD, (uint32_t)veth->namespace);
	if (veth->mtu)
		netlink_u32(nl, IFLA_MTU, veth->mtu);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_KIND, "ipvlan");
	data = netlink_nest(nl, IFLA_INFO_DATA);
	netlink_u16(nl, IFLA_IPVLAN_MODE, (uint16_t)number);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
	return 0;
}

void link_add_vlan(struct netlink *nl, const char *name, int parent, uint16_t id)
{
	struct ifinfomsg up = { .ifi_family = AF_UNSPEC,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };
	size_t info, data;

	netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	netlink_string(nl, IFLA_IFNAME, name);
	netlink_u32(nl, IFLA_LINK, (uint32_t)parent);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_KIND, "vlan");
	data = netlink_nest(nl, IFLA_INFO_DATA);
	netlink_u16(nl, IFLA_VLAN_ID, id);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
}

void link_add_bridge(struct netlink *nl, const char *name, uint32_t mtu)
{
	struct ifinfomsg up = { .ifi_family = AF_UNSPEC,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };
	uint8_t mac[6] = { 0x02, 0x42 };
	size_t info;

	if (getrandom(mac + 2, 4, 0) != 4)
		abort();
	netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	netlink_string(nl, IFLA_IFNAME, name);
	/* given, since a bridge else takes the lowest address of its ports, and neighbours forget it */
	netlink_put(nl, IFLA_ADDRESS, mac, sizeof(mac));
	if (mtu)
		netlink_u32(nl, IFLA_MTU, mtu);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(nl, info);
}

void link_set_port(struct netlink *nl, const char *name, const struct port_flags *flags)
{
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	size_t info, data;

	netlink_begin(nl, RTM_NEWLINK, 0, &any, sizeof(any));
	netlink_string(nl, IFLA_IFNAME, name);
	info = netlink_nest(nl, IFLA_LINKINFO);
	netlink_string(nl, IFLA_INFO_SLAVE_KIND, "bridge");
	data = netlink_nest(nl, IFLA_INFO_SLAVE_DATA);
	netlink_u8(nl, IFLA_BRPORT_ISOLATED, flags->isolated);
	netlink_u8(nl, IFLA_BRPORT_MODE, flags->hairpin);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
}

void link_add_clsact(struct netlink *nl, int index)
{
	struct tcmsg queue = { .tcm_ifindex = index,
			       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
			       .tcm_parent = TC_H_CLSACT };

	netlink_begin(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &queue, sizeof(queue));
	netlink_string(nl, TCA_KIND, "clsact");
}

void link_add_shaper(struct netlink *nl, int index, uint64_t rate_bits)
{
	enum { SMALLEST_BURST = 65536, LARGEST_BURST = 16 << 20 };
	struct tcmsg queue = { .tcm_ifindex = index,
			       .tcm_handle = TC_H_MAKE(1U << 16, 0),
			       .tcm_parent = TC_H_ROOT };
	uint64_t rate = rate_bits / 8, burst = rate / 50;
	struct tc_tbf_qopt options = { .rate = { .linklayer = TC_LINKLAYER_ETHERNET } };
	size_t nest;

	burst = burst < SMALLEST_BURST ? SMALLEST_BURST :
		burst > LARGEST_BURST  ? LARGEST_BURST :
					 burst;
	options.rate.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
	options.limit = (uint32_t)(burst + (rate / 20 < LARGEST_BURST ? rate / 20 : LARGEST_BURST));
	netlink_begin(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &queue, sizeof(queue));
	netlink_string(nl, TCA_KIND, "tbf");
	nest = netlink_nest(nl, TCA_OPTIONS);
	netlink_put(nl, TCA_TBF_PARMS, &options, sizeof(options));
	netlink_u32(nl, TCA_TBF_BURST, (uint32_t)burst);
	netlink_put(nl, TCA_TBF_RATE64, &rate, sizeof(rate));
	netlink_nest_end(nl, nest);
}

void link_set_up(struct netlink *nl, int index)
{
	struct ifinfomsg up = { .ifi_family = AF_UNSPEC,
				.ifi_index = index,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };

	netlink_begin(nl, RTM_NEWLINK, 0, &up, sizeof(up));
}

void link_delete(struct netlink *nl, int index)
{
	struct ifinfomsg which = { .ifi_family = AF_UNSPEC, .ifi_index = index };

	netlink_begin(nl, RTM_DELLINK, 0, &which, sizeof(which));
}

void link_add_address(struct netlink *nl, int index, const struct subnet *address)
{
	int family = address->address.family;
	size_t length = (size_t)address_length(family);
	struct ifaddrmsg header = { .ifa_family = (uint8_t)family,
				    .ifa_prefixlen = (uint8_t)address->prefix,
				    .ifa_scope = RT_SCOPE_UNIVERSE,
				    .ifa_index = (uint32_t)index };

	netlink_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	netlink_put(nl, IFA_LOCAL, address->address.bytes, length);
	if (family == AF_INET6) {
		netlink_u32(nl, IFA_FLAGS, IFA_F_NODAD);
	} else {
		uint8_t broadcast[4];

		netlink_put(nl, IFA_ADDRESS, address->address.bytes, length);
		for (unsigned int i = 0; i < 4; i++) {
			int bits = (int)address->prefix - 8 * (int)i;
			uint8_t mask = bits >= 8 ? 0xff :
				       bits <= 0 ? 0 :
						   (uint8_t)(0xff << (8 - bits));

			broadcast[i] = address->address.bytes[i] | (uint8_t)~mask;
		}
		if (address->prefix < 31)
			netlink_put(nl, IFA_BROADCAST, broadcast, sizeof(broadcast));
	}
}

void link_delete_address(struct netlink *nl, int index, const struct address *address)
{
	struct ifaddrmsg header = { .ifa_family = (uint8_t)address->family,
				    .ifa_index = (uint32_t)index };

	netlink_begin(nl, RTM_DELADDR, 0, &header, sizeof(header));
	netlink_put(nl, IFA_LOCAL, address->bytes, (size_t)address_length(address->family));
}

void link_add_route(struct netlink *nl, int index, const struct subnet *to,
		    const struct address *gateway, uint32_t metric)
{
	int family = to ? to->address.family : gateway->family;
	struct rtmsg header = { .rtm_family = (uint8_t)family,
				.rtm_dst_len = to ? (uint8_t)to->prefix : 0,
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
				.rtm_type = RTN_UNICAST };

	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	if (to)
		netlink_put(nl, RTA_DST, to->address.bytes, (size_t)address_length(family));
	if (gateway)
		netlink_put(nl, RTA_GATEWAY, gateway->bytes, (size_t)address_length(family));
	netlink_u32(nl, RTA_OIF, (uint32_t)index);
	if (metric)
		netlink_u32(nl, RTA_PRIORITY, metric);
}

enum { LOCAL_TABLE = 49420, LOOPBACK_INDEX = 1 };

static void local_rule(struct netlink *nl, uint16_t type, uint16_t flags, int family,
		       const char *link, uint32_t mark)
{
	struct fib_rule_hdr header = { .family = (uint8_t)family, .action = FR_ACT_TO_TBL };

	netlink_begin(nl, type, flags, &header, sizeof(header));
	netlink_string(nl, FRA_IIFNAME, link);
	netlink_u32(nl, FRA_FWMARK, mark);
	netlink_u32(nl, FRA_FWMASK, mark);
	netlink_u32(nl, FRA_TABLE, LOCAL_TABLE);
}

void link_add_local_rule(struct netlink *nl, int family, const char *link, uint32_t mark)
{
	local_rule(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, link, mark);
}

void link_delete_local_rule(struct netlink *nl, int family, const char *link, uint32_t mark)
{
	local_rule(nl, RTM_DELRULE, 0, family, link, mark);
}

void link_add_local_route(struct netlink *nl, int family)
{
	struct rtmsg header = { .rtm_family = (uint8_t)family,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = RT_SCOPE_HOST,
				.rtm_type = RTN_LOCAL };

	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	netlink_u32(nl, RTA_OIF, LOOPBACK_INDEX);
	netlink_u32(nl, RTA_TABLE, LOCAL_TABLE);
}

int link_index(int s, const char *name)
{
	struct ifreq request = { 0 };

	if (!str_append(request.ifr_name, sizeof(request.ifr_name), name) ||
	    ioctl(s, SIOCGIFINDEX, &request) < 0)
		return 0;
	return request.ifr_ifindex;
}

static int peer_seen(const struct nlmsghdr *message, void *data)
{
	for (const struct nlattr *attr = netlink_first(message, sizeof(struct ifinfomsg)); attr;
	     attr = netlink_next(message, attr))
		if (attr->nla_type == IFLA_LINK && netlink_length(attr) == sizeof(int))
			memcpy(data, netlink_data(attr), sizeof(int));
	return 0;
}

int link_peer(struct netlink *nl, const char *name, int *ret_index, struct err *err)
{
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	int r;

	netlink_begin(nl, RTM_GETLINK, NLM_F_ACK, &any, sizeof(any));
	netlink_string(nl, IFLA_IFNAME, name);
	r = netlink_dump(nl, peer_seen, ret_index, err);
	return r < 0 ? err_wrap(err, "ask for link %s", name) : 0;
}

/* -- what the host routes already ------------------------------------------------------------- */

struct subnets {
	struct subnet *list;
	int count;
};

static int subnet_keep(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = (const void *)(message + 1);
	struct subnets *subnets = data;
	struct subnet subnet = { .prefix = route->rtm_dst_len };

	if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len == 0 ||
	    (route->rtm_type != RTN_UNICAST && route->rtm_type != RTN_LOCAL &&
	     route->rtm_type != RTN_BLACKHOLE && route->rtm_type != RTN_UNREACHABLE))
		return 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*route)); attr;
	     attr = netlink_next(message, attr)) {
		if (attr->nla_type != RTA_DST || netlink_length(attr) > 16)
			continue;
		subnet.address.family = route->rtm_family;
		memcpy(subnet.address.bytes, netlink_data(attr), netlink_length(attr));
	}
	if (!subnet.address.family)
		return 0;
	subnets->list =
		reallocarray(subnets->list, (size_t)subnets->count + 1, sizeof(*subnets->list));
	if (!subnets->list)
		abort();
	subnets->list[subnets->count++] = subnet;
	return 0;
}

int link_subnets(struct netlink *nl, struct subnet **ret_taken, struct err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct subnets subnets = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct rtmsg all = { .rtm_family = families[i] };
		int r;

		netlink_begin(nl, RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all));
		r = netlink_dump(nl, subnet_keep, &subnets, err);
		if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT) {
			err_clear(err); /* no such family here */
			continue;
		}
		if (r < 0) {
			free(subnets.list);
			return err_wrap(err, "list the host's routes");
		}
	}
	*ret_taken = subnets.list;
	return subnets.count;
}
