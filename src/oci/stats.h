/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The numbers of `events`: what the kernel counts of a container's cgroup, as JSON in the form that runc prints. */
#ifndef CLOCHE_OCI_STATS_H
#define CLOCHE_OCI_STATS_H

struct cgroup;

/* One line to stdout; none when the cgroup is gone. */
void stats_print(const char *id, struct cgroup *cgroup, const char *path);

#endif
