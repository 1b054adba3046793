/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of the host's own LAN for containers: the host answers for them there (proxy neighbours) and routes them to a link of
 * the container's. Other hosts and the host itself reach the container, and no link is put into promiscuous mode. In IPv6 the container has its
 * address alone (/128), and fe80::1, the host's end of its link, is its router. */
#ifndef CLOCHE_NET_LAN_H
#define CLOCHE_NET_LAN_H

#include "net/address.h"

struct err;

/* The first address of a link with its prefix, of this family and not link-local. -ENOENT: no such link, or it has none. */
int lan_subnet(const char *link, int family, struct subnet *ret_subnet, struct err *err);
/* Does another host have it? It is asked three times within 0.75 s (RFC 5227), in IPv6 by the kernel (RFC 4861): 1 with his hardware address, 0, -errno. */
int lan_probe(const char *link, const struct address *address, char ret_mac[MAC_TEXT],
	      struct err *err);
/* Answer for address on `link`, route it to `veth`, and tell the neighbours. own: the host's address there. */
int lan_open(const char *link, const char *veth, const struct address *address,
	     const struct address *own, struct err *err);
/* Only the route: the container is on the LAN by itself, and `link` is the host's own way to it. */
int lan_route(const char *link, const struct address *address, const struct address *own,
	      struct err *err);
/* Answer no more, and route no more. Not there is no error. */
int lan_close(const char *link, const struct address *address, struct err *err);

#endif
