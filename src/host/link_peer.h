/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The other end of a veth pair: in which network namespace it is (rtnetlink(7): IFLA_LINK_NETNSID, RTM_GETNSID). */
#ifndef CLOCHE_HOST_LINK_PEER_H
#define CLOCHE_HOST_LINK_PEER_H

#include "host/net_space.h"

/* Of a link in our namespace. Index of its peer's namespace in the list, -ENODEV: no such link, -ENOENT: it has no peer elsewhere that
 * can be found. */
int link_peer_space(const char *name, const struct net_spaces *spaces);

#endif
