/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a network namespace knows, asked of the kernel (rtnetlink(7)): one link, address, route or neighbour. The namespace is that of the
 * netlink socket: the one in which it was opened. */
#ifndef CLOCHE_NET_ROUTE_H
#define CLOCHE_NET_ROUTE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct err;
struct netlink;

struct link_state {
	char name[IFNAMSIZ];
	int index, master, peer; /* 0: none */
	bool up, carrier;
	uint32_t mtu;
	uint8_t mac[6];
};
/* By name, or by index when name is NULL. -ENODEV. */
int link_ask(struct netlink *nl, const char *name, int index, struct link_state *ret_state,
	     struct err *err);
/* 1: it is there, 0: it is not. */
int address_ask(struct netlink *nl, int index, const struct address *address, struct err *err);

/* The link that has an address whose subnet has this one, up or not: 0, there is none. */
int link_of_subnet(struct netlink *nl, const struct address *address, struct err *err);

struct route {
	int link;
	struct address gateway, source; /* family 0: none */
	bool local;			/* it is for this namespace itself */
};
/* The way to `to`; with from_link, of a packet that comes in there from `from`, as the kernel would forward it. -ENETUNREACH,
 * -EHOSTUNREACH, -EXDEV (the reverse path filter)...: there is none. */
int route_ask(struct netlink *nl, const struct address *to, const struct address *from,
	      int from_link, struct route *ret_route, struct err *err);

enum neighbour { NEIGHBOUR_UNKNOWN, NEIGHBOUR_THERE, NEIGHBOUR_ASKED, NEIGHBOUR_SILENT };
/* mac: when it is there. fixed: somebody entered it by hand. */
int neighbour_ask(struct netlink *nl, int index, const struct address *address,
		  enum neighbour *ret_state, uint8_t ret_mac[6], bool *ret_fixed, struct err *err);

#endif
