/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --runtime NAME|PATH: another OCI runtime of the host makes the container, in place of ours. Everything else is as ever: image, ids,
 * network, published ports, log, monitor, limits by the same cgroup, and exec, which goes in by the namespaces.
 *
 *	create	in a mount namespace made for it: there RUN/ID is covered by a file system in memory, with config.json, the id-mapped root file
 *		system at rootfs, and every bind as it is to be; so nothing of it is seen on the host. The container's first process becomes
 *		the child of the process that becomes the monitor (PR_SET_CHILD_SUBREAPER).
 *	start	when the network is there.
 *	delete	at the release. The runtime's own state is in RUN/oci.
 */
#ifndef CLOCHE_ENGINE_FOREIGN_RUNTIME_H
#define CLOCHE_ENGINE_FOREIGN_RUNTIME_H

#include <jansson.h>
#include <stdbool.h>

struct container;
struct container_io;
struct create_options;
struct engine;
struct err;
struct record;
struct spec;

/* HostConfig.Runtime: "cloche", or the path of a program that is there. What the other one could not do is refused. */
int foreign_runtime_option(const struct create_options *options, json_t *host, struct err *err);
bool foreign_runtime_is(const struct record *record);

/* As container_create() and container_go(), words and exit status included. */
int foreign_runtime_create(struct engine *engine, const struct record *record, struct spec *spec,
			   const struct container_io *io, struct container *ret_container,
			   struct err *err);
int foreign_runtime_start(struct engine *engine, const struct record *record,
			  struct container *container, struct err *err);
/* What the runtime remembers of it. Nothing where it is ours. */
void foreign_runtime_delete(struct engine *engine, const struct record *record);

#endif
