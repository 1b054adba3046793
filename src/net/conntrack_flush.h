/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forget the flows that were translated to a published port which is gone: the kernel remembers a flow for as long as packets come
 * (nfnetlink, ctnetlink), and would send those of a client that goes on to an address where nobody is, or somebody else. */
#ifndef CLOCHE_NET_CONNTRACK_FLUSH_H
#define CLOCHE_NET_CONNTRACK_FLUSH_H

#include <stddef.h>

struct err;
struct ruleset_port;

/* How many were forgotten. Costs a walk through the host's whole table: nobody should wait for it. */
int conntrack_flush(const struct ruleset_port *ports, size_t count, struct err *err);
/* All flows that the containers of these ports answer, of which nothing is left; 30 times cheaper where the kernel knows how, else as above. */
int conntrack_flush_targets(const struct ruleset_port *ports, size_t count, struct err *err);
/* Flows that came to these ports of the host before they were published: not translated, and kept so for as long as their sender goes on. A walk,
 * as above. */
int conntrack_flush_earlier(const struct ruleset_port *ports, size_t count, struct err *err);

#endif
