/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux labels of what is bound into containers: -v ...:z gives a tree the label that all containers share, :Z that of one container, as
 * Docker and Podman do it. libselinux is loaded for it and not before. Where SELinux is off nothing happens, as with Docker.
 */
#ifndef CLOCHE_ENGINE_SELINUX_H
#define CLOCHE_ENGINE_SELINUX_H

#include <stdbool.h>

struct err;

/* The label of files: `base` ("system_u:object_r:container_file_t:s0"), and for id, when it is not NULL, with two categories of its own,
 * which are always the same for an id. To be freed. */
char *selinux_file_label(const char *base, const char *id);
/* The value of `key` in lines of `key = "value"` (lxc_contexts); to be freed, NULL: none. */
char *selinux_context_of(const char *text, const char *key);
/* Folders that a host needs with the labels they have. */
bool selinux_path_is_systems(const char *path);

/* Label path and all below it, links themselves. id NULL: shared. -EPERM: a folder of the system. */
int selinux_relabel(const char *path, const char *id, struct err *err);

#endif
