/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of ports, 0 to 65535, as the rules of a firewall name them: built by what each of a rule's matches leaves of it, read as ranges.
 *
 *	port_set_fill(&left);
 *	port_set_clear(&one); port_set_add(&one, 80, 80); port_set_add(&one, 8000, 8010);
 *	port_set_keep(&left, &one);
 *	for (uint32_t at = 0; port_set_next(&left, &at, &range);) ...
 */
#ifndef CLOCHE_NET_PORT_SET_H
#define CLOCHE_NET_PORT_SET_H

#include <stdbool.h>
#include <stdint.h>

struct port_set {
	uint64_t bits[1024];
};

struct port_range {
	uint16_t first, last;
};

void port_set_clear(struct port_set *set); /* none */
void port_set_fill(struct port_set *set);  /* all */
/* Nothing where last is below first. */
void port_set_add(struct port_set *set, uint16_t first, uint16_t last);
void port_set_invert(struct port_set *set);
/* What both have. */
void port_set_keep(struct port_set *set, const struct port_set *other);
bool port_set_has(const struct port_set *set, uint16_t port);
/* The first range from *at on, 0 at the beginning; *at is then behind it. false: there is none. */
bool port_set_next(const struct port_set *set, uint32_t *at, struct port_range *ret_range);

/* What `-m multiport` matches by the destination's port (linux/netfilter/xt_multiport.h), of the revision that the rule has. false: of another
 * revision, or it asks for the port of the source, too. */
bool port_set_multiport(struct port_set *set, unsigned int revision, const void *match,
			uint32_t length);

#endif
