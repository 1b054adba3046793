/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /sys/fs/cgroup of a container: one mount on v2, a folder of them on v1 and hybrid hosts. */
#ifndef CLOCHE_RUNTIME_CONTAINER_CGROUP_H
#define CLOCHE_RUNTIME_CONTAINER_CGROUP_H

struct init_plan;
struct spec_mount;

/* In the host's cgroup namespace a mount would show all of the host's cgroups: make it in one of our own, in which our folder
 * is the root, and go back. In a user namespace there is no way back, and the container keeps it. 0 or -errno. */
int container_cgroup_mount(const struct init_plan *plan, int root, const struct spec_mount *mount);

#endif
