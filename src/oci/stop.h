/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a container: kill, delete, and what run does when its container has ended. */
#ifndef CLOCHE_OCI_STOP_H
#define CLOCHE_OCI_STOP_H

struct cgroup;
struct err;
struct oci;
struct spec;
struct state;

/* Remove what a container that has ended held: cgroup, state folder; then the poststop hooks run. spec NULL: none. */
int stop_delete(const struct oci *oci, const struct state *state, struct spec *spec,
		struct cgroup *cgroup, struct err *err);
/* Run the poststart hooks of a container whose command runs. When one fails the others are not run, the container is killed,
 * and waits for delete (runtime.md of the spec 1.3, "Lifecycle", 9). pidfd: of its first process. */
int stop_poststart(const struct oci *oci, const struct state *state, struct spec *spec, int pidfd,
		   struct err *err);

#endif
