/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes by way of one link, noted as words and made again. The kernel forgets them when the link leaves its network namespace. What the
 * kernel makes by itself (with an address, by router advertisements) is not noted. A route by several links comes back when the others
 * are there.
 *
 *	route_note(&nl, index, &note, err);       " route:4.0a09...": a blank before each
 *	...the link was away, and has its addresses again...
 *	route_note_restore(&nl, index, words);    other words are passed over
 */
#ifndef CLOCHE_NET_ROUTE_NOTE_H
#define CLOCHE_NET_ROUTE_NOTE_H

struct buf;
struct err;
struct netlink;

/* -E2BIG: there are more than 2,000. */
int route_note(struct netlink *nl, int index, struct buf *note, struct err *err);
/* One that cannot be is not in the way of others. Those without a gateway come first: gateways are found by them. */
void route_note_restore(struct netlink *nl, int index, char *const *words);

#endif
