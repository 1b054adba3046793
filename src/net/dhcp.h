/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of DHCP (RFC 2131) for containers with addresses of a LAN. It speaks with whole frames on the host's link and never enters a
 * container's network namespace, so that nothing in there can see or answer its packets; what the LAN answers is read by net/dhcp_message.c
 * alone. No daemon: each call asks, waits and is done. When to renew is for the caller.
 *
 *	struct dhcp_client client = { .link = "eth0", .mac = ..., .hostname = "web" };
 *	dhcp_obtain(&client, &last_time, &lease, err);
 *	dhcp_renew(&client, &lease, false, err);      after lease.renew seconds
 *	dhcp_renew(&client, &lease, true, err);       after lease.rebind seconds: any server may
 *	dhcp_release(&client, &lease);
 */
#ifndef CLOCHE_NET_DHCP_H
#define CLOCHE_NET_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct err;

struct dhcp_client {
	const char *link;
	uint8_t mac[6]; /* whom the address is for */
	bool own_mac; /* it is on the LAN by itself: frames bear its own hardware address, not the link's */
	const char *hostname; /* told to the server; NULL: not */
};

struct dhcp_lease {
	struct address address, router, server; /* router: family 0 when there is none */
	unsigned int prefix;
	uint8_t server_mac[6];	       /* whom the answer came from: the server or a relay */
	uint32_t lease, renew, rebind; /* seconds from the answer on */
};

/* wanted: the address of an earlier lease, which is asked for first; NULL: none. -ETIMEDOUT: nobody answered for 10 s. An address that another
 * host has is declined, and another one asked for. */
int dhcp_obtain(const struct dhcp_client *client, const struct address *wanted,
		struct dhcp_lease *ret_lease, struct err *err);
/* Renew, of any server when `rebind`. -EADDRNOTAVAIL: the server takes the address back. -ETIMEDOUT: no answer within 3 s. */
int dhcp_renew(const struct dhcp_client *client, bool rebind, struct dhcp_lease *lease,
	       struct err *err);
/* Tell the server that the address is free. Nobody answers. */
int dhcp_release(const struct dhcp_client *client, const struct dhcp_lease *lease, struct err *err);

#endif
