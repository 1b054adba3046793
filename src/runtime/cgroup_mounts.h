/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cgroup hierarchies in a mountinfo file (proc_pid_mountinfo(5)): each once, with the mount through which it is
 * seen from its root where there is one, below /sys/fs/cgroup before other places. Named hierarchies of v1 (name=systemd) count: a process is in each.
 */
#ifndef CLOCHE_RUNTIME_CGROUP_MOUNTS_H
#define CLOCHE_RUNTIME_CGROUP_MOUNTS_H

#include <stddef.h>

struct cgroup_hierarchy;
struct err;

struct cgroup_mounts {
	struct cgroup_hierarchy *list;
	size_t count;
};

/* text is changed while it is read. Lines of other file systems, or not understood, are left out. */
void cgroup_mounts_parse(char *text, struct cgroup_mounts *ret_mounts);
/* The controllers of v1 in a list with commas, which is changed while it is read. Other words are passed over. */
unsigned cgroup_controllers_parse(char *options);
int cgroup_mounts_read(struct cgroup_mounts *ret_mounts, struct err *err); /* our own, parsed */
void cgroup_mounts_drop(struct cgroup_mounts *mounts, size_t i);
void cgroup_mounts_clear(struct cgroup_mounts *mounts);

#endif
