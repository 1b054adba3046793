/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts of a running container, put in and taken away from outside. A process made for it enters the container's mount namespace
 * (and user namespace), but not its pid namespace: nobody inside can name it. Places are resolved beneath the container's root. */
#ifndef CLOCHE_RUNTIME_CONTAINER_MOUNTS_H
#define CLOCHE_RUNTIME_CONTAINER_MOUNTS_H

#include <sys/types.h>

struct err;
struct spec;

/* The mounts of `change` into the container of `spec`, in their order; bind and tmpfs only (-EOPNOTSUPP): what others show
 * depends on namespaces that are not entered. What was put in before one that fails stays. */
int container_mounts_add(const struct spec *spec, const struct spec *change, pid_t init,
			 int init_pidfd, struct err *err);
/* Take away the topmost mount at each destination, in their order. */
int container_mounts_remove(const struct spec *spec, const struct spec *change, int init_pidfd,
			    struct err *err);

#endif
