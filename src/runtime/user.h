/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups of a container, from its own /etc/passwd and /etc/group. Foreign bytes: read by a process that already
 * has no rights but the container's. */
#ifndef CLOCHE_RUNTIME_USER_H
#define CLOCHE_RUNTIME_USER_H

#include "runtime/container_step.h"

struct spec_process;

/* Look process->user and group_names up beneath root; sets uid, gid, additional_gids, and HOME in env when it has none. Who is not root loses
 * the effective and permitted capabilities.
 * 0; -ENOENT with *ret_step STEP_USER_LOOKUP or STEP_GROUP_LOOKUP (*ret_index: which of group_names + 1, 0: that of user). */
int user_resolve(int root, struct spec_process *process, enum container_step *ret_step,
		 size_t *ret_index);

/* HOME for process->uid, when env has none: from the container's passwd, else "/". */
void user_home_set(int root, struct spec_process *process);

#endif
