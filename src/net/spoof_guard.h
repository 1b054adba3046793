/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A filter at the host's end of a container's link, for containers that have the rights to send what they like (CAP_NET_RAW,
 * CAP_NET_ADMIN): only the container's own addresses, no answers of ARP or neighbour discovery for others, no router
 * advertisements, no redirects. It is a classic BPF program on the link's ingress, so it goes with the link.
 */
#ifndef CLOCHE_NET_SPOOF_GUARD_H
#define CLOCHE_NET_SPOOF_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

#include "net/address.h"

struct err;
struct netlink;

enum { SPOOF_GUARD_MAX = 96, SPOOF_GUARD_PASS = -1, SPOOF_GUARD_DROP = 2 };

/* The program: how many instructions. Addresses of family 0: none. */
size_t spoof_guard_program(const uint8_t mac[6], const struct address *ip4,
			   const struct address *ip6, struct sock_filter out[SPOOF_GUARD_MAX]);
/* Into the batch: for the link with this index. */
void spoof_guard_add(struct netlink *nl, int index, const uint8_t mac[6], const struct address *ip4,
		     const struct address *ip6);
/* At once: where the link has one, for other addresses from now on; elsewhere nothing. */
int spoof_guard_replace(struct netlink *nl, int index, const uint8_t mac[6],
			const struct address *ip4, const struct address *ip6, struct err *err);

#endif
