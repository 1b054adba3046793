/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, addresses and routes (rtnetlink(7)). The functions with a struct netlink only add to its batch, so that what a
 * container needs goes to the kernel in one system call for each side; those named link_find, link_delete... ask at once.
 */
#ifndef CLOCHE_NET_LINK_H
#define CLOCHE_NET_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct err;
struct netlink;

struct veth {		  /* a pair: one end on a bridge of the host, the other in a namespace */
	const char *name; /* of the host's end */
	int bridge;	  /* index, 0: none */
	const char *peer;
	uint8_t mac[6]; /* of the peer */
	int namespace;	/* of the peer: an open /proc/PID/ns/net */
	uint32_t mtu;	/* 0: the kernel's */
};

/* The host's end is up, the peer is not. */
void link_add_veth(struct netlink *nl, const struct veth *veth);
/* A macvlan link of `parent` in veth->namespace, named veth->peer. mode: "bridge", "private", "vepa", "passthru"; -EINVAL: none of them. */
int link_add_macvlan(struct netlink *nl, const struct veth *veth, int parent, const char *mode);
/* The same with the parent's hardware address. mode: "l2", "l3", "l3s". */
int link_add_ipvlan(struct netlink *nl, const struct veth *veth, int parent, const char *mode);
/* NAME.ID of a parent, tagged (802.1Q), up. */
void link_add_vlan(struct netlink *nl, const char *name, int parent, uint16_t id);
/* A bridge that is up, without spanning tree; it keeps its address whoever joins. */
void link_add_bridge(struct netlink *nl, const char *name, uint32_t mtu);
struct port_flags {
	bool isolated; /* ports of this kind cannot reach each other */
	bool hairpin;  /* what comes from it may go back to it */
};
/* Of a link that is on a bridge. */
void link_set_port(struct netlink *nl, const char *name, const struct port_flags *flags);
/* The queue that filters of a link stand in: -EEXIST when it is there. */
void link_add_clsact(struct netlink *nl, int index);
/* What leaves by the link leaves at this rate, in bits a second (tc-tbf(8)); the queue is at most 50 ms long. */
void link_add_shaper(struct netlink *nl, int index, uint64_t rate_bits);
void link_set_up(struct netlink *nl, int index);
void link_delete(struct netlink *nl, int index);
/* address: the host's, with the prefix of its subnet. No duplicate detection: who calls has made it unique. */
void link_add_address(struct netlink *nl, int index, const struct subnet *address);
void link_delete_address(struct netlink *nl, int index, const struct address *address);
/* gateway NULL: on the link itself. to NULL: the default route; then gateway or family 0 ... tells the family. */
void link_add_route(struct netlink *nl, int index, const struct subnet *to,
		    const struct address *gateway, uint32_t metric);

/* Packets that come in by `link` with this mark are for a local socket, whatever their address: a rule for each link and family, and one route
 * of a table of its own. */
void link_add_local_rule(struct netlink *nl, int family, const char *link, uint32_t mark);
void link_delete_local_rule(struct netlink *nl, int family, const char *link, uint32_t mark);
void link_add_local_route(struct netlink *nl, int family);

/* Index, or 0 when there is none in the namespace of `s`, any socket. */
int link_index(int s, const char *name);
/* Index of the other end of a veth pair, in that end's namespace. -ENODEV. */
int link_peer(struct netlink *nl, const char *name, int *ret_index, struct err *err);
/* Subnets that the host has routes to or addresses of, default routes left out: *ret_taken is the caller's. Count or -errno. */
int link_subnets(struct netlink *nl, struct subnet **ret_taken, struct err *err);

#endif
