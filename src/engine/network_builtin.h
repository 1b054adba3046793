/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `host` and `none`: words of --network, which `network ls` and `inspect` show as the networks that Docker has by these names.
 * They have no row, no link and no addresses; nobody can remove them, or join them later. */
#ifndef CLOCHE_ENGINE_NETWORK_BUILTIN_H
#define CLOCHE_ENGINE_NETWORK_BUILTIN_H

#include <jansson.h>
#include <stdbool.h>

struct engine;
struct err;
struct network;
struct network_row;

/* bridge, host, none */
bool network_is_builtin(const char *name);
/* The i-th that has no row; NULL: there are no more. created_ns is 0. */
const struct network_row *network_builtin(size_t i);
/* network_find(), and these two. */
int network_find_shown(struct engine *engine, const char *reference, struct network *ret_network,
		       struct err *err);
/* Who runs with this word: Docker's structure of "Containers". */
json_t *network_builtin_containers(struct engine *engine, const char *name, struct err *err);

#endif
