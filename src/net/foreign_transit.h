/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chains of others in nf_tables through which forwarded packets come (of nft, iptables-nft, firewalld, ufw, Docker), with all that they jump
 * to, as a way for passages (net/transit.h): each table for itself, since a drop in any of them is one.
 *
 *	foreign_transit_find(&nl, "cloche", &tables, err);           cheap: mostly there are none
 *	foreign_transit_read(&nl, passages, count, &tables, err);
 */
#ifndef CLOCHE_NET_FOREIGN_TRANSIT_H
#define CLOCHE_NET_FOREIGN_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/transit.h"

struct err;
struct netlink;
struct passage;

struct foreign_chain {
	uint8_t family;
	char *table, *name;
	bool begins, drops; /* where packets come in; by its policy */
	bool wanted, read;  /* some of what is to pass may come to it */
};

struct foreign_table {
	uint8_t family;
	char *name;
	struct transit transit;
};

struct foreign_tables {
	struct foreign_table *list; /* those with a chain for what is forwarded */
	size_t count;
	struct foreign_chain *chains; /* of all tables */
	size_t chain_count;
};
#define FOREIGN_TABLES_NONE ((struct foreign_tables){ 0 })

/* Those whose name does not begin with `own`. */
int foreign_transit_find(struct netlink *nl, const char *own, struct foreign_tables *ret_tables,
			 struct err *err);
/* Their rules, as far as the passages, at most TRANSIT_PASSAGES, may come to them; a chain of thousands is left out, since nobody wants to wait
 * for that. */
int foreign_transit_read(struct netlink *nl, const struct passage *passages, size_t count,
			 struct foreign_tables *tables, struct err *err);
void foreign_transit_clear(struct foreign_tables *tables);

#endif
