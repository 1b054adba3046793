/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `run` and `create` were told about networks, checked, into the record: HostConfig.NetworkMode and, for each network,
 * an object in Cloche.Networks. */
#ifndef CLOCHE_ENGINE_NETWORK_OPTION_H
#define CLOCHE_ENGINE_NETWORK_OPTION_H

#include <jansson.h>
#include <stdbool.h>

struct create_options;
struct err;

enum network_mode {
	NETWORK_NONE,
	NETWORK_HOST,
	NETWORK_CONTAINER,
	NETWORK_PATH,
	NETWORK_CNI,
	NETWORK_NAMED,
};
enum network_mode network_mode_of(const char *mode); /* of HostConfig.NetworkMode */

/* The first --network, "bridge" when there is none. */
const char *network_option_mode(const struct create_options *options);
int network_options(const struct create_options *options, json_t *host, json_t *own,
		    struct err *err);
/* One request from words as `network connect` has them; NULLs are left out. */
json_t *network_request(const char *name, char *const *aliases, const char *ip4, const char *ip6,
			const char *mac);

/* --driver-opt NAME=VALUE of a connection, Docker's of its bridge driver: com.docker.network.endpoint.ifname, and .sysctls, of the link
 * in the container (NAME=VALUE,..., with IFNAME where its name stands). -EINVAL: none of these. */
int network_request_option(json_t *request, const char *text, struct err *err);
/* Write them. In the container's network namespace. */
int network_request_sysctls(const json_t *request, const char *link, struct err *err);

#endif
