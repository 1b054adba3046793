/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mount that a container gets, or loses, while it runs. What is mounted is made here, with the ids of the container, and attached by a process
 * that went into its namespaces: the place is resolved beneath its root there, as at a start.
 *
 * A writable folder that host users can reach wants a filter that refuses set-id files; a running container's filter cannot be
 * changed, so such a mount is refused unless it has one already.
 */
#ifndef CLOCHE_ENGINE_LIVE_MOUNT_H
#define CLOCHE_ENGINE_LIVE_MOUNT_H

#include <jansson.h>

struct engine;
struct err;
struct record;

/* mount: as in the record's Mounts. The container runs, the caller holds its lock. */
int live_mount_add(struct engine *engine, const struct record *record, const json_t *mount,
		   struct err *err);
/* What lies at the place is seen again; who has a file of it open keeps it. -EINVAL: nothing is mounted there. */
int live_mount_remove(struct engine *engine, const struct record *record, const char *target,
		      struct err *err);

/* The device that the record has at this path, as a node of the container's own. Its cgroup is the caller's to change. */
int live_device_add(struct engine *engine, const struct record *record, const char *path,
		    struct err *err);

#endif
