/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root of a container, by its init: entered, filled with the mounts of the spec, masked, and the old one left. A failure ends the
 * process with its step (container_fail).
 *	root = init_root_enter(plan, fd);
 *	init_root_mount(plan, root, i, &binds, &devpts);	for each mount
 *	init_root_mask(plan, root);
 *	init_root_protect(plan, root);
 *	init_root_leave(plan, root);
 */
#ifndef CLOCHE_RUNTIME_INIT_ROOT_H
#define CLOCHE_RUNTIME_INIT_ROOT_H

#include <stddef.h>

struct init_plan;

/* Stack root, a detached mount, on the old one. Returns root. */
int init_root_enter(const struct init_plan *plan, int root);
/* Mount i of the spec at its place. binds: the next descriptor that the parent made. ret_devpts: that of a devpts, which stays open. */
void init_root_mount(const struct init_plan *plan, int root, size_t i, int **binds,
		     int *ret_devpts);
/* masked_paths, and readonly_paths. */
void init_root_mask(const struct init_plan *plan, int root);
void init_root_protect(const struct init_plan *plan, int root);
/* pivot_root, or what serves where that cannot be. */
void init_root_leave(const struct init_plan *plan, int root);
/* The container's kernel parameters, through proc. */
void container_sysctls_write(const struct init_plan *plan, int proc);

#endif
