/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our nftables table: one for the host's namespace and instance ("inet cloche"), loaded once. Networks and published ports are
 * elements of its sets and maps, so its rules never grow with their number: see it with `nft list table inet cloche`.
 *
 * Invariants
 * 1. Every link of a network is in `bridges` and, with itself, in `own`.
 * 2. What reaches a container from outside its network was published (ct status dnat) or answers something.
 * 3. Nothing is accepted for others: an accept here does not undo a drop of another table.
 */
#ifndef CLOCHE_NET_RULESET_H
#define CLOCHE_NET_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct err;
struct netlink;

enum {
	RULESET_MARK = 0x00200000,	  /* packets for a transparent relay */
	RULESET_MARK_WITHIN = 0x00400000, /* published, and asked for from the same network */
};

struct ruleset_network {
	const char *link;
	bool internal;	 /* no way out, no way in */
	bool masquerade; /* leaves with the host's address */
};

struct ruleset_port {	     /* one published port */
	int protocol;	     /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct address host; /* an any-address: every address of the host */
	uint16_t host_port;
	struct address to;
	uint16_t to_port;
};

/* All of these add to a transaction between nft_begin and nft_commit. */
void ruleset_load(struct netlink *nl, const char *table); /* anew, whatever was there */
void ruleset_add_network(struct netlink *nl, const char *table,
			 const struct ruleset_network *network);
void ruleset_remove_network(struct netlink *nl, const char *table,
			    const struct ruleset_network *network);
/* comment: whose it is */
void ruleset_publish(struct netlink *nl, const char *table, const struct ruleset_port *port,
		     const char *comment);
void ruleset_unpublish(struct netlink *nl, const char *table, const struct ruleset_port *port);
/* Asked at once: 1, 0, -errno. */
int ruleset_published(struct netlink *nl, const char *table, const struct ruleset_port *port,
		      struct err *err);

/* What the sets and maps should have, and what they have, as lines that compare: "SET KEY DATA", KEY and DATA in hexadecimal. */
void ruleset_network_lines(const struct ruleset_network *network, char ***lines);
void ruleset_port_line(const struct ruleset_port *port, char ***lines);
int ruleset_lines(struct netlink *nl, const char *table, char ***ret_lines, struct err *err);
/* What a line is about: a link, or "8080/tcp". */
char *ruleset_line_words(const char *line);
bool ruleset_line_is_link(const char *line);

#endif
