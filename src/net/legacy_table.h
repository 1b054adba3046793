/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of the old iptables-legacy (linux/netfilter_ipv4/ip_tables.h, its twin for IPv6), of which nf_tables knows nothing. The kernel
 * gives such a table whole, by getsockopt(2); it is asked only for one that is there, since asking would make it. */
#ifndef CLOCHE_NET_LEGACY_TABLE_H
#define CLOCHE_NET_LEGACY_TABLE_H

#include <netinet/in.h> /* before those of linux */

#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct legacy_entry { /* a rule, or the policy of a chain */
	int family;
	const char *program; /* that changes it */
	const char *chain;
	unsigned int number; /* in its chain, from 1 */
	bool policy;	     /* what a chain of the kernel's does at its end */
	const uint8_t *start;
	size_t place; /* in its table, by which jumps name it */
	size_t front; /* before the matches */
	const uint8_t *source, *source_mask, *host, *host_mask;
	size_t address_length;
	const char *in, *out; /* names of links */
	const uint8_t *in_mask, *out_mask;
	uint16_t protocol, target, next; /* target: where the matches end */
	bool in_not, out_not, source_not, host_not, protocol_not;
	bool fragments; /* -f: of a packet's second part on */
	bool leaves;	/* -g: it jumps, and does not come back */
};

/* The program that changes the tables of a family, "iptables-legacy"; NULL: the kernel has none of them. */
const char *legacy_program(int family);
/* Its target: what to do. */
const struct xt_entry_target *legacy_target(const struct legacy_entry *entry);
/* Is it this verdict (NF_ACCEPT, NF_DROP)? */
bool legacy_verdict(const struct legacy_entry *entry, int verdict);
/* Its verdict as the kernel has it: a place to jump to, or below 0. false: the target is none that says one. */
bool legacy_standard(const struct legacy_entry *entry, int *ret_verdict);
/* The first match, `after` NULL, or the next one; NULL: none, or what is there is broken. */
const struct xt_entry_match *legacy_match(const struct legacy_entry *entry,
					  const struct xt_entry_match *after);
/* Each entry of the table; none where it is not there or cannot be read. */
void legacy_table_read(int family, const char *table,
		       void (*each)(const struct legacy_entry *entry, void *data), void *data);

#endif
