/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/route.h"

enum { PROBES = 3, PROBE_MS = 250 };

/* Of this family, and not link-local; false: another one. */
static bool subnet_read(const struct ifaddrs *one, int family, struct subnet *ret)
{
	const uint8_t *bytes, *mask;

	if (!one->ifa_addr || !one->ifa_netmask || one->ifa_addr->sa_family != family)
		return false;
	if (family == AF_INET) {
		bytes = (const void *)&((const struct sockaddr_in *)(const void *)one->ifa_addr)
				->sin_addr;
		mask = (const void *)&((const struct sockaddr_in *)(const void *)one->ifa_netmask)
			       ->sin_addr;
	} else {
		bytes = (const void *)&((const struct sockaddr_in6 *)(const void *)one->ifa_addr)
				->sin6_addr;
		mask = (const void *)&((const struct sockaddr_in6 *)(const void *)one->ifa_netmask)
			       ->sin6_addr;
		if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)(const void *)bytes))
			return false;
	}
	*ret = (struct subnet){ .address = { .family = family } };
	memcpy(ret->address.bytes, bytes, (size_t)address_length(family));
	for (int k = 0; k < address_length(family); k++)
		ret->prefix += (unsigned int)__builtin_popcount(mask[k]);
	return true;
}

int lan_subnet(const char *link, int family, struct subnet *ret_subnet, struct err *err)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return err_sys(err, errno, "list the host's addresses");
	for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = strcmp(one->ifa_name, link) == 0 && subnet_read(one, family, ret_subnet);
	freeifaddrs(all);
	return found ? 0 :
		       err_set(err, ENOENT, "link %s has no IPv%d address", link,
			       family == AF_INET ? 4 : 6);
}

/* -- ARP -------------------------------------------------------------------------------------- */

struct arp_socket {
	int fd, index;
	uint8_t mac[6];
};

static int arp_open(const char *link, struct arp_socket *ret, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	struct sockaddr_ll name = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	struct ifreq request = { 0 };

	(void)str_append(request.ifr_name, sizeof(request.ifr_name), link);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return err_sys(err, errno, "speak ARP on link %s", link);
	memcpy(ret->mac, request.ifr_hwaddr.sa_data, 6);
	ret->index = link_index(fd, link);
	name.sll_ifindex = ret->index;
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return err_sys(err, errno, "speak ARP on link %s", link);
	ret->fd = fd_take(&fd);
	return 0;
}

/* sender NULL: none, a probe. */
static int arp_ask(const struct arp_socket *s, const struct address *sender,
		   const struct address *target, struct err *err)
{
	struct sockaddr_ll every = { .sll_family = AF_PACKET,
				     .sll_protocol = htons(ETH_P_ARP),
				     .sll_ifindex = s->index,
				     .sll_halen = 6,
				     .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	struct ether_arp arp = { .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
					     .ar_pro = htons(ETH_P_IP),
					     .ar_hln = 6,
					     .ar_pln = 4,
					     .ar_op = htons(ARPOP_REQUEST) } };

	memcpy(arp.arp_sha, s->mac, 6);
	if (sender)
		memcpy(arp.arp_spa, sender->bytes, 4);
	memcpy(arp.arp_tpa, target->bytes, 4);
	if (sendto(s->fd, &arp, sizeof(arp), 0, (struct sockaddr *)&every, sizeof(every)) < 0)
		return err_sys(err, errno, "send ARP");
	return 0;
}

/* 1: somebody says that he has it. */
static int arp_hear(const struct arp_socket *s, const struct address *address, int timeout_ms,
		    char ret_mac[MAC_TEXT])
{
	struct timespec begin, now;
	int left = timeout_ms;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	while (left > 0) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		struct ether_arp arp;

		if (poll(&p, 1, left) > 0 &&
		    recv(s->fd, &arp, sizeof(arp), MSG_DONTWAIT) == (ssize_t)sizeof(arp) &&
		    memcmp(arp.arp_spa, address->bytes, 4) == 0 &&
		    memcmp(arp.arp_sha, s->mac, 6) != 0) {
			(void)mac_text(arp.arp_sha, ret_mac);
			return 1;
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		left = timeout_ms - (int)((now.tv_sec - begin.tv_sec) * 1000 +
					  (now.tv_nsec - begin.tv_nsec) / 1000000);
	}
	return 0;
}

/* IPv6: the kernel asks, when it has something to send. */
static int neighbour_probe(const char *link, const struct address *address, char ret_mac[MAC_TEXT],
			   struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_close_ int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to;
	socklen_t length = address_socket(address, 9, &to);
	enum neighbour state;
	uint8_t mac[6];
	bool fixed;
	int index, r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0 || s < 0)
		return r < 0 ? r : err_sys(err, errno, "open a socket");
	index = link_index(s, link);
	((struct sockaddr_in6 *)&to)->sin6_scope_id = (uint32_t)index;
	if (sendto(s, "", 0, MSG_DONTWAIT, (const struct sockaddr *)&to, length) < 0)
		return 0; /* nobody is to be reached there */
	for (int waited = 0; waited < PROBES * PROBE_MS; waited += PROBE_MS / 10) {
		r = neighbour_ask(&nl, index, address, &state, mac, &fixed, err);
		if (r < 0)
			return r;
		if (state == NEIGHBOUR_THERE) {
			(void)mac_text(mac, ret_mac);
			return 1;
		}
		(void)poll(NULL, 0, PROBE_MS / 10);
	}
	return 0;
}

static int arp_probe(const char *link, const struct address *address, char ret_mac[MAC_TEXT],
		     struct err *err)
{
	struct arp_socket s = { .fd = -1 };
	int r = arp_open(link, &s, err);

	for (int i = 0; r == 0 && i < PROBES; i++) {
		r = arp_ask(&s, NULL, address, err);
		if (r == 0)
			r = arp_hear(&s, address, PROBE_MS, ret_mac);
	}
	fd_close(s.fd);
	return r;
}

int lan_probe(const char *link, const struct address *address, char ret_mac[MAC_TEXT],
	      struct err *err)
{
	if (address->family == AF_INET6)
		return neighbour_probe(link, address, ret_mac, err);
	return arp_probe(link, address, ret_mac, err);
}

/* -- the host's part -------------------------------------------------------------------------- */

static void sysctl_set(int family, const char *kind, const char *link, const char *name,
		       const char *value)
{
	_cleanup_free_ char *path = str_printf("/proc/sys/net/ipv%d/%s/%s/%s",
					       family == AF_INET ? 4 : 6, kind, link, name);

	(void)file_poke(AT_FDCWD, path, value);
}

static void proxy(struct netlink *nl, uint16_t type, uint16_t flags, int index,
		  const struct address *address)
{
	struct ndmsg header = { .ndm_family = (uint8_t)address->family,
				.ndm_ifindex = index,
				.ndm_state = NUD_PERMANENT,
				.ndm_flags = NTF_PROXY };

	netlink_begin(nl, type, flags, &header, sizeof(header));
	netlink_put(nl, NDA_DST, address->bytes, (size_t)address_length(address->family));
}

static void route(struct netlink *nl, int index, const struct address *address,
		  const struct address *own)
{
	size_t length = (size_t)address_length(address->family);
	struct rtmsg header = { .rtm_family = (uint8_t)address->family,
				.rtm_dst_len = (uint8_t)(8 * length),
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = RT_SCOPE_LINK,
				.rtm_type = RTN_UNICAST };

	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	netlink_put(nl, RTA_DST, address->bytes, length);
	netlink_put(nl, RTA_PREFSRC, own->bytes, length);
	netlink_u32(nl, RTA_OIF, (uint32_t)index);
}

/* The kernel takes a link away some time after its container ended: until then it would be reached by its route. */
static void route_remove(struct netlink *nl, const struct address *address)
{
	size_t length = (size_t)address_length(address->family);
	struct rtmsg header = { .rtm_family = (uint8_t)address->family,
				.rtm_dst_len = (uint8_t)(8 * length),
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = RT_SCOPE_LINK };

	netlink_begin(nl, RTM_DELROUTE, 0, &header, sizeof(header));
	netlink_put(nl, RTA_DST, address->bytes, length);
}

static int gone_or(int r, struct err *err)
{
	if (r == -ENOENT || r == -ESRCH) {
		err_clear(err);
		return 0;
	}
	return r;
}

/* The container's router is fe80::1, the host's end of its link. */
static void router_address(struct netlink *nl, int index)
{
	struct subnet router = { .address = { .family = AF_INET6,
					      .bytes = { 0xfe, 0x80, [15] = 1 } },
				 .prefix = 64 };

	link_add_address(nl, index, &router);
}

int lan_open(const char *link, const char *veth, const struct address *address,
	     const struct address *own, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct arp_socket s = { .fd = -1 };
	int family = address->family, r = arp_open(link, &s, err);

	if (r == 0)
		r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r == 0) {
		/* the kernel's default lets an answer wait for up to 0.8 s */
		sysctl_set(family, "neigh", link, "proxy_delay", "0");
		sysctl_set(family, "neigh", veth, "proxy_delay", "0");
		if (family == AF_INET) {
			sysctl_set(family, "conf", veth, "proxy_arp", "1");
		} else {
			sysctl_set(family, "conf", link, "proxy_ndp", "1");
			router_address(&nl, link_index(s.fd, veth));
		}
		route(&nl, link_index(s.fd, veth), address, own);
		proxy(&nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, s.index, address);
		r = netlink_send(&nl, err);
	}
	if (r == 0 && family == AF_INET)
		r = arp_ask(&s, address, address, err); /* who had another one for it hears */
	fd_close(s.fd);
	return r < 0 ? err_wrap(err, "answer for the container on link %s", link) : 0;
}

int lan_route(const char *link, const struct address *address, const struct address *own,
	      struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0 || s < 0)
		return r < 0 ? r : err_sys(err, errno, "open a socket");
	route(&nl, link_index(s, link), address, own);
	r = netlink_send(&nl, err);
	return r < 0 ? err_wrap(err, "route the container by link %s", link) : 0;
}

int lan_close(const char *link, const struct address *address, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int index = s < 0 ? 0 : link_index(s, link), r;

	if (!index)
		return 0;
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	proxy(&nl, RTM_DELNEIGH, 0, index, address);
	r = gone_or(netlink_send(&nl, err), err);
	if (r == 0) {
		route_remove(&nl, address);
		r = gone_or(netlink_send(&nl, err), err);
	}
	return r;
}
