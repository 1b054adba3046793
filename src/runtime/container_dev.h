/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev of a container, by its init beneath the new root; a failure ends the process with its step (container_fail). */
#ifndef CLOCHE_RUNTIME_CONTAINER_DEV_H
#define CLOCHE_RUNTIME_CONTAINER_DEV_H

#include <stdbool.h>

struct init_plan;

/* The standard nodes and links in dev. fresh: a new file system; else the root's own folder, where an earlier start left something.
 * nodev: nodes that are made there would not work. */
void container_dev_populate(const struct init_plan *plan, int dev, bool fresh, bool nodev);
/* Without a mount at /dev the nodes go into the root file system's own folder, as every runtime does it. */
void container_dev_in_root(const struct init_plan *plan, int root);
/* The devices of the spec. nodes: what the parent sent, where it makes them (container_nodes_by_parent). */
void container_devices_attach(const struct init_plan *plan, int root, int *nodes);
/* A /dev that is told to be read-only is so after nodes, terminals and mount points are in it. */
void container_dev_finish(const struct init_plan *plan, int root);

#endif
