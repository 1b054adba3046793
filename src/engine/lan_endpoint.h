/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's part of a container's address on a LAN: it answers for it and routes it (driver lan), or has a route of its own to it (macvlan
 * with --host-access). Links die with the container, these do not: RUN/ID/lan names them, a line "KIND LINK IP4 IP6" for each network, and
 * "pass VETH LINK" where rules of ours may let the container's link by those of others that forbid to forward. cloche-keeper
 * reads it, too, and defends the addresses of its lines that begin with "lan".
 */
#ifndef CLOCHE_ENGINE_LAN_ENDPOINT_H
#define CLOCHE_ENGINE_LAN_ENDPOINT_H

#include <stdbool.h>

struct endpoint;
struct err;

/* Once its link is there. An address that another host has is refused; who leases has asked before. */
int lan_endpoint_attach(const struct endpoint *endpoint, struct err *err);
/* Of one network of a container that runs on. */
void lan_endpoint_detach(const struct endpoint *endpoint);
/* What others forbid since is let by again. run: RUN/ID. */
void lan_endpoints_allow(int run);
/* At the end: all of them. run: RUN/ID. */
void lan_endpoints_release(int run);

#endif
