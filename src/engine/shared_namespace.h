/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --pid, --ipc, --uts and --network container:NAME: namespaces of another container, and with them its user namespace
 * and its range of ids, since the kernel asks for both. Also --network ns:PATH. */
#ifndef CLOCHE_ENGINE_SHARED_NAMESPACE_H
#define CLOCHE_ENGINE_SHARED_NAMESPACE_H

#include <jansson.h>
#include <stdbool.h>

struct built_spec;
struct engine;
struct err;
struct record;

/* Whether a mode of HostConfig shares one: such a container takes no range of its own. */
bool shared_namespace_any(const json_t *host_config);
/* At create: each container must exist; its name becomes its id. UsernsMode becomes the other's. */
int shared_namespace_check(struct engine *engine, json_t *host_config, struct err *err);
/* At a start: each must run. Fills namespaces and id maps of built->spec; the descriptors are built's.
 * *ret_shm: a mount of the other's /dev/shm, built's, or -1. *ret_other: id of whose network it is, or NULL. */
int shared_namespace_fill(struct engine *engine, const struct record *record,
			  struct built_spec *built, int *ret_shm, char **ret_other,
			  struct err *err);

#endif
