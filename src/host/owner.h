/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, images and more of containers, from what their engines keep: Cloche's record, and, read only, the state of Docker, Podman,
 * containerd, CRI-O and LXC. What cannot be read stays empty; that is never an error.
 */
#ifndef CLOCHE_HOST_OWNER_H
#define CLOCHE_HOST_OWNER_H

#include <jansson.h>

struct owner;
struct process_table;
struct store;

/* Fill in names and images of all containers of the table. store: this instance's record, or NULL; suffix: what its cgroup folder
 * has behind "cloche". */
void owner_name_all(struct process_table *table, struct store *store, const char *suffix);
/* Limits: memory.max or memory.limit_in_bytes of the container's cgroup, or of the nearest folder above that has one. */
void owner_limits_all(struct process_table *table);

/* What the engine keeps about a container: "Name", "Image", "Command", "Created", "Ports" ("8080->80/tcp, ..."), "User", "State"
 * ("running", or what else it says), each a string and each missing when it cannot be read. New reference. */
json_t *owner_details(const struct owner *owner);

/* Every container that an engine's state tells of, running or not: an array of objects as of owner_details, with "Engine" and "Id". The
 * running ones of the table are among them. */
json_t *owner_all(const struct process_table *table);

#endif
