/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks: their rows, their links and their part of the ruleset. A network's link and our table are made when the first container
 * of a boot wants them, and remade when somebody took them away; `network prune` takes down what nobody uses.
 *
 * Who attaches to a network or makes its link holds RUN/network.lock, shared or alone.
 */
#ifndef CLOCHE_ENGINE_NETWORK_H
#define CLOCHE_ENGINE_NETWORK_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"
#include "net/ruleset.h"
#include "state/store.h"

struct engine;
struct err;

struct network {
	struct network_row row;
	json_t *config;			/* Docker's structure: Internal, IPAM, Options, Labels */
	struct subnet subnet4, subnet6; /* the gateway with its prefix; family 0: none */
	int index;			/* of its link once it is up */
};
void network_clear(struct network *network);
/* Its link is our own bridge; of other drivers it is the parent, which is the host's. */
bool network_is_bridge(const struct network_row *row);
/* Of the host's LAN, where others give addresses, too. */
bool network_is_lan(const struct network_row *row);
/* Containers have links of the parent's: macvlan, ipvlan. */
bool network_is_child(const char *driver);
/* ipvlan's layer 3: the host routes what comes and goes, nobody on the LAN asks for the addresses (ARP). */
bool network_is_layer3(const struct network *network);
bool network_internal(const struct network *network);
bool network_config_only(const struct network *network);
const char *network_option(const struct network *network, const char *name, const char *otherwise);
uint32_t network_mtu(const struct network *network); /* 0: the kernel's */

/* The host's own link to a macvlan network with --host-access: "" for others. */
void network_host_link(const struct network *network, char out[IFNAMSIZ]);

/* By name, id or prefix; "bridge" is made when it is missing. -ENOENT: `network x not found`. */
int network_find(struct engine *engine, const char *reference, struct network *ret_network,
		 struct err *err);

struct network_options { /* as typed */
	const char *driver, *parent, *ipam_driver, *scope;
	const char *config_from; /* the name of one made with config_only, whose options it has */
	bool config_only;	 /* options for others alone: no link, no containers */
	bool internal, attachable, ipv4_off, ipv6_off, ipv6, host_access;
	char **subnets, **gateways, **ip_ranges, **aux_addresses, **options, **labels;
};
int network_create(struct engine *engine, const char *name, const struct network_options *options,
		   char **ret_id, struct err *err);
int network_remove(struct engine *engine, const char *reference, struct err *err);
/* Docker's structure. */
json_t *network_inspect(struct engine *engine, const struct network *network, struct err *err);

/* A descriptor of the lock, held until it is closed. */
int network_lock(struct engine *engine, bool alone, struct err *err);
/* Make link and table where they are missing. lock: from network_lock, made exclusive while something is made. */
int network_up(struct engine *engine, struct network *network, int lock, struct err *err);
/* The whole ruleset anew: networks that are up. */
int network_reload(struct engine *engine, struct err *err);
/* The same for what is missing of it, where networks are up. */
int network_mend(struct engine *engine, struct err *err);
char *network_table(struct engine *engine); /* "cloche" with the instance's suffix */

#endif
