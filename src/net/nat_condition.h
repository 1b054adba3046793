/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rule of nf_tables asks of a packet before it sends it elsewhere (dnat, redirect) or to another chain: protocol, address, ports, from its
 * comparisons, the matches of iptables-nft, sets, maps and verdict maps.
 *
 *	nat_condition_read(&nl, NFPROTO_INET, "mine", expressions, &condition);
 *	nat_condition_each(&condition, each, data);
 */
#ifndef CLOCHE_NET_NAT_CONDITION_H
#define CLOCHE_NET_NAT_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/port_set.h"

struct netlink;
struct nlattr;

struct nat_case {		 /* one of those that a rule asks for */
	int protocol;		 /* 0: any */
	struct address host;	 /* family 0: any of both, no bytes: any */
	struct port_range ports; /* 0 to 65535 where it asks for none */
	const char *chain;	 /* to which the rule jumps; NULL: it does not */
	bool narrow; /* it leaves some packets by what is not known here: their link, their source */
};

struct nat_condition {
	int protocol;
	struct address host;
	/* within the range, which most have alone, and of the set where there is one */
	struct port_range range;
	struct port_set ports;
	bool has_ports;
	bool translates;
	bool narrow; /* it leaves some packets by what is not known here: their link, their source */
	char *chain;		/* it jumps there */
	struct nat_case *cases; /* of a set, one of which is met, with chains of their own */
	size_t case_count;
	bool has_cases;
};

/* expressions: NFTA_RULE_EXPRESSIONS. */
void nat_condition_read(struct netlink *nl, uint8_t family, const char *table,
			const struct nlattr *expressions, struct nat_condition *ret_condition);
/* Nothing is asked yet. */
void nat_condition_init(struct nat_condition *condition);
void nat_condition_clear(struct nat_condition *condition);
/* Also those that are narrow: they tell where a rule leads. */
void nat_condition_each(const struct nat_condition *condition,
			void (*each)(const struct nat_case *one, void *data), void *data);
/* What meets both; the chain is a's. false: nothing does. */
bool nat_case_both(const struct nat_case *a, const struct nat_case *b, struct nat_case *ret_case);

#endif
