/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of others that send a port of the host elsewhere (dnat, redirect; of iptables-nft and iptables-legacy, too): left behind by an engine that was killed, made by
 * hand, or of Docker without its proxy. No socket says that they are there, and packets come to them or to us by chance. Only rules that
 * translate a port for everybody are told: one for certain links or sources leaves the port to the rest.
 */
#ifndef CLOCHE_NET_FOREIGN_NAT_H
#define CLOCHE_NET_FOREIGN_NAT_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct err;
struct nat_case;
struct netlink;

struct foreign_nat_rule {
	int protocol;	      /* IPPROTO_*; 0: any */
	uint16_t first, last; /* ports */
	struct address host;  /* 0.0.0.0 and ::: any; family 0: both */
	char *place; /* "ip nat DOCKER handle 12": family, table, chain, as nft(8) takes them; what stands behind "rule" */
	char *remedy; /* the command that takes it away */
};

struct foreign_nat {
	struct foreign_nat_rule *list;
	size_t count;
};
#define FOREIGN_NAT_NONE ((struct foreign_nat){ 0 })

/* Of tables whose name does not begin with `own`. */
int foreign_nat_read(struct netlink *nl, const char *own, struct foreign_nat *ret, struct err *err);
/* The first that takes what comes to this port; NULL. */
const struct foreign_nat_rule *foreign_nat_find(const struct foreign_nat *all, int protocol,
						const struct address *host, uint16_t port);
void foreign_nat_add(struct foreign_nat *all, const struct nat_case *one, const char *place,
		     const char *remedy);
void foreign_nat_clear(struct foreign_nat *all);

#endif
