/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways from chain to chain, of tables that translate addresses: a rule without a port may stand behind a jump that asks for it, and one with a
 * port in a chain to which only certain links lead. One step back is looked at.
 *
 *	nat_ways_add(&ways, "ip nat DOCKER", &one);                 of each rule that jumps there
 *	nat_ways_each(&ways, "ip nat DOCKER", &one, each, data);    of each rule there that translates
 */
#ifndef CLOCHE_NET_NAT_WAY_H
#define CLOCHE_NET_NAT_WAY_H

#include <stddef.h>

struct nat_case;
struct nat_way;

struct nat_ways {
	struct nat_way *list;
	size_t count;
};
#define NAT_WAYS_NONE ((struct nat_ways){ 0 })

/* to: the chain, by a name that no other has. */
void nat_ways_add(struct nat_ways *ways, const char *to, const struct nat_case *one);
/* What a rule in the chain takes, which asks for `one`, by each way there; itself where none is known: an engine left the chain behind, or it is
 * the kernel's own. Nothing for what is narrow, or asks for no port on all the way. */
void nat_ways_each(const struct nat_ways *ways, const char *chain, const struct nat_case *one,
		   void (*each)(const struct nat_case *one, void *data), void *data);
void nat_ways_clear(struct nat_ways *ways);

#endif
