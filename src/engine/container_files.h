/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in a container's folder before it starts: the folders of its own layer, hosts, hostname, resolv.conf. */
#ifndef CLOCHE_ENGINE_CONTAINER_FILES_H
#define CLOCHE_ENGINE_CONTAINER_FILES_H

struct endpoints;
struct engine;
struct err;
struct record;

/* All of it, and nothing of an earlier end. dir: containers/ID. */
int container_files_prepare(struct engine *engine, const struct record *record,
			    const struct endpoints *endpoints, int dir, struct err *err);
/* The folders of its own layer, in its folder; there already is success. */
int container_folders_make(struct engine *engine, const struct record *record, struct err *err);
/* Before its root is mounted anew: what an overlay that was volatile has left to say so. The kernel (Documentation/filesystems/overlayfs,
 * "Volatile mount") would refuse it, since after a power cut the upper may be incomplete; then the container is removed. */
void container_root_settle(struct engine *engine, const struct record *record);

#endif
