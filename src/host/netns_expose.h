/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in /run/netns for the network namespaces of other engines' containers, so that ip-netns(8) and ss -N know them as they know ours:
 * links to /proc/PID/ns/net, which keep nothing alive. Which ones are ours stands in a list, RUN/netns-exposed, a line
 * "NAME PID START-TICKS"; a name that somebody else has is never touched, the container gets NAME-ID4.
 */
#ifndef CLOCHE_HOST_NETNS_EXPOSE_H
#define CLOCHE_HOST_NETNS_EXPOSE_H

#include <stdbool.h>

struct err;
struct net_spaces;
struct process_table;

struct exposed {
	char **added, **removed; /* names: string lists */
};
void exposed_clear(struct exposed *exposed);

/* Make it so: a name for each container that runs, none for those that are gone. all_away: take all of ours away. run: the run root. */
int netns_expose(int run, const struct process_table *table, const struct net_spaces *spaces,
		 bool all_away, struct exposed *ret, struct err *err);

#endif
