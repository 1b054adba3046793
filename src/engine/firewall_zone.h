/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our links in a firewalld that owns its nftables table (2.1 and newer: NftablesTableOwner), so that no rule of ours can stand in it: it is told by
 * D-Bus (firewalld.dbus(5)) that a link belongs to the zone `cloche`, whose file is installed with us (src/boot/firewalld.xml). A link that an
 * administrator gave another zone stays there.
 */
#ifndef CLOCHE_ENGINE_FIREWALL_ZONE_H
#define CLOCHE_ENGINE_FIREWALL_ZONE_H

struct err;
struct netlink;

/* What comes in by the link is let through by those who would reject or drop it: by rules of ours where that can be (net/foreign_forward.h), else by
 * the zone. A firewalld that cannot be told is a warning, since what stays in the network works. */
int firewall_zone_allow(struct netlink *nl, const char *link, struct err *err);
/* Both are taken back; the link may be gone. */
int firewall_zone_forget(struct netlink *nl, const char *link, struct err *err);

#endif
