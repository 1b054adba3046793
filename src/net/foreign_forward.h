/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The forward chain of others. dockerd and ufw set the policy of iptables' FORWARD chain to DROP, and an accept in a table of our own cannot
 * undo a drop in another: each of our links gets two rules at the chain's end, behind what others say there. firewalld rejects what no zone was
 * told of: the same, before its last rule. Its reload is a flush for us. */
#ifndef CLOCHE_NET_FOREIGN_FORWARD_H
#define CLOCHE_NET_FOREIGN_FORWARD_H

struct err;
struct netlink;

/* Of a firewalld that owns its table (2.1 and newer): it was told of the link, by whomever, or was not. */
enum { FOREIGN_ZONE_TOLD = 1, FOREIGN_ZONE_MISSING = 2 };

/* Add them for this link where the policy is DROP and they are missing, for both families. 0, FOREIGN_ZONE_*, -errno. */
int foreign_forward_allow(struct netlink *nl, const char *link, struct err *err);
/* Does a policy DROP keep packets from this link? 1, 0, -errno. */
int foreign_forward_missing(struct netlink *nl, const char *link, struct err *err);
/* "ufw" or "firewalld" when such a firewall is loaded in this namespace, else NULL. */
const char *foreign_firewall(struct netlink *nl);
/* Take them away; none is no error. 0, FOREIGN_ZONE_*, -errno. */
int foreign_forward_forget(struct netlink *nl, const char *link, struct err *err);

#endif
