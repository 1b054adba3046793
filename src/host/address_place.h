/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which network namespaces an address is set, and on which link there. One that is in several (each may have its own 10.0.0.2) is told for
 * each; those of loopback and of a link alone (fe80::) are everybody's, and nobody's.
 *
 *	struct address_place places[16];
 *	n = address_places("172.30.0.4", &spaces, places, 16);
 */
#ifndef CLOCHE_HOST_ADDRESS_PLACE_H
#define CLOCHE_HOST_ADDRESS_PLACE_H

#include <net/if.h>
#include <stddef.h>

struct net_spaces;

struct address_place {
	int space; /* of spaces->list */
	char link[IFNAMSIZ];
};

/* How many were found, at most `most`; 0 for what is no address. Asked by a thread that enters each namespace. */
size_t address_places(const char *address, const struct net_spaces *spaces,
		      struct address_place *ret_places, size_t most);

#endif
