/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container's traffic may be: --egress, --bandwidth, --route; and --network-device, which the runtime moves. Kept as typed in Cloche.Egress, Bandwidth, Routes and NetworkDevices, applied to each of
 * its links when it is made. Names of --egress are looked up then, by the host. */
#ifndef CLOCHE_ENGINE_TRAFFIC_H
#define CLOCHE_ENGINE_TRAFFIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct address;
struct create_options;
struct endpoints;
struct err;
struct netlink;
struct record;
struct traffic;

/* Checked, into `own`. */
int traffic_options(const struct create_options *options, json_t *own, struct err *err);
/* What a start needs, in the command: names are looked up here, and a route must lead by one of the networks. NULL in *ret_traffic: nothing
 * is wanted. guarded: it could write raw packets. */
int traffic_load(const struct record *record, const struct endpoints *endpoints, bool guarded,
		 struct traffic **ret_traffic, struct err *err);
void traffic_free(struct traffic *traffic);
/* Does --egress keep a connection to this port from going out? By what is in the record, and what its names are now. */
bool traffic_denies(const struct record *record, const struct address *to, uint16_t port);
/* At the host's end of a link, and inside at its other end. */
int traffic_outside(const struct traffic *traffic, struct netlink *nl, int index, struct err *err);
int traffic_inside(const struct traffic *traffic, struct netlink *nl, int index, struct err *err);
/* Once all links are there, inside; index_of finds the one of a network's place in the list. */
int traffic_routes(const struct traffic *traffic, const struct endpoints *endpoints,
		   struct netlink *nl, int (*index_of)(const char *), struct err *err);

#endif
