/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses that a DHCP server of the LAN gives: --ip dhcp on a network of driver lan, macvlan or ipvlan, or any container of a network made with
 * --ipam-driver dhcp. The lease is kept with the endpoint ("Lease" in its row's config): a stop keeps it, the next start asks for the same
 * address, the removal gives it back. While the container runs, RUN/ID/lease tells cloche-keeper when to run `cloche system renew`.
 *
 *	lease_row(row, request, err);                              in create's transaction: no address yet
 *	leases_obtain(engine, record, &endpoints, "", err);        a start, in the command, before anything runs
 *	leases_note(&endpoints, run, err);                         RUN/ID/lease
 *	leases_renew(engine, err);                                 all that is due, of all containers
 *	leases_release(engine, record, NULL);                      before the row goes
 */
#ifndef CLOCHE_ENGINE_LEASE_H
#define CLOCHE_ENGINE_LEASE_H

#include <jansson.h>
#include <stdbool.h>

struct endpoint;
struct endpoint_row;
struct endpoints;
struct engine;
struct err;
struct network;
struct record;

bool lease_wanted(const json_t *request, const struct network *network);
/* -EINVAL: the network's driver has nothing to do with a LAN. *ret_slot: a place that is no address. */
int lease_slot(const struct endpoint_row *row, const struct network *network, int64_t *ret_slot,
	       struct err *err);
/* Its lease, borrowed; NULL: it has none. */
const json_t *lease_of(const struct endpoint *endpoint);
/* Where the network itself has no subnet, the lease tells prefix and router. */
void lease_apply(struct endpoint *endpoint);

/* Of all endpoints (""), or of one network alone. The networks' lock is given up meanwhile. */
int leases_obtain(struct engine *engine, const struct record *record, struct endpoints *endpoints,
		  const char *network, struct err *err);
int leases_note(const struct endpoints *endpoints, int run, struct err *err);
/* Does anything of it want the keeper: a lease to be renewed, an address of the LAN to be defended? */
bool leases_want_keeper(const struct endpoints *endpoints);
int leases_renew(struct engine *engine, struct err *err);
/* Best effort: who does not hear it waits for the lease to run out. */
void leases_release(struct engine *engine, const struct record *record, const char *network);

#endif
