/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container may ask for: a filter at the host's end of its link, as spoof_guard.h, so that it holds for the bridge's neighbours, the
 * host and the world alike, and goes with the link. It has no memory: what begins a TCP connection (SYN without ACK) must go to an allowed place,
 * and so must each datagram and echo request; answers pass, as do ARP, neighbour discovery and ICMP's errors. Who can write raw packets
 * can go around that: it is not for containers with CAP_NET_RAW or CAP_NET_ADMIN.
 */
#ifndef CLOCHE_NET_EGRESS_GUARD_H
#define CLOCHE_NET_EGRESS_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

#include "net/address.h"

struct netlink;

enum { EGRESS_GUARD_ROOM = 1024, EGRESS_GUARD_PLACES = 48 };

struct egress_place {
	struct subnet to;
	uint16_t port; /* 0: any */
};

/* The program: how many instructions. udp: ports of the container whose answers pass; at most EGRESS_GUARD_PLACES of each. */
size_t egress_guard_program(const struct egress_place *places, size_t count, const uint16_t *udp,
			    size_t udp_count, struct sock_filter out[EGRESS_GUARD_ROOM]);
/* Into the batch: for the link with this index, which has a clsact queue already (link_add_clsact). */
void egress_guard_add(struct netlink *nl, int index, const struct egress_place *places,
		      size_t count, const uint16_t *udp, size_t udp_count);

#endif
