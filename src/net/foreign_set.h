/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set or map in a table of others, element by element: one value, or all from one to another. */
#ifndef CLOCHE_NET_FOREIGN_SET_H
#define CLOCHE_NET_FOREIGN_SET_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct netlink;

enum { FOREIGN_KEY_MAX = 64 };

struct foreign_element {
	uint8_t first[FOREIGN_KEY_MAX], last[FOREIGN_KEY_MAX]; /* parts of 4 bytes each, or more */
	size_t length;
	int verdict; /* of a verdict map: NF_ACCEPT, NFT_JUMP... */
	char *chain; /* to which it jumps; NULL */
};

struct foreign_set {
	struct foreign_element *list;
	size_t count;
};
#define FOREIGN_SET_NONE ((struct foreign_set){ 0 })

int foreign_set_read(struct netlink *nl, uint8_t family, const char *table, const char *set,
		     struct foreign_set *ret_set, struct err *err);
void foreign_set_clear(struct foreign_set *set);

#endif
