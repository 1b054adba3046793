/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same rules in the tables of the old iptables-legacy, of which nf_tables knows nothing (a dockerd that was made to use it, or scripts of an
 * administrator). The kernel gives such a table whole, by getsockopt(2); it is asked only for one that is there. */
#ifndef CLOCHE_NET_LEGACY_NAT_H
#define CLOCHE_NET_LEGACY_NAT_H

struct foreign_nat;

/* Add those of both families to `all`. What cannot be read is not known. */
void legacy_nat_read(struct foreign_nat *all);

#endif
