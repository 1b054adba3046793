/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a container: kill, delete, and what run does when its container has ended. */
#ifndef CLOCHE_OCI_STOP_H
#define CLOCHE_OCI_STOP_H

#include "runtime/spec.h"

struct cgroup;
struct err;
struct oci;
struct state;

/* Remove what a container that has ended held: cgroup, state folder; then the poststop hooks run. spec NULL: none. */
int stop_delete(const struct oci *oci, const struct state *state, struct spec *spec,
		struct cgroup *cgroup, struct err *err);
/* Hooks whose failure is a warning (runtime.md, "Lifecycle", steps 9 and 13): all of them run. */
void stop_hooks_lenient(const struct oci *oci, struct spec *spec, enum spec_hook_kind kind,
			const char *state);

#endif
