/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the unified hierarchy makes of Docker's and v1's numbers; pure, and here for the tests only. */
#ifndef CLOCHE_RUNTIME_CGROUP_V2_H
#define CLOCHE_RUNTIME_CGROUP_V2_H

#include <stdint.h>

/* cpu.weight for v1's cpu.shares. 1024 shares are the default weight of 100 and the ratio stays, as in the kernel
 * itself, which reckons shares = weight * 1024 / 100: so containers on either kind of host share a processor alike.
 * (A line from 2..262144 to 1..10000 would make 39 of the default.) */
uint64_t cgroup_v2_weight(uint64_t shares);
/* memory.swap.max for a limit of memory and of both together; -1 is none. -EINVAL: both is less than memory, or
 * memory has no limit. */
int cgroup_v2_swap(int64_t memory, int64_t both, int64_t *ret_swap);
/* Bits of enum cgroup_controller in a cgroup.controllers file. */
unsigned cgroup_v2_controllers(const char *text);

#endif
