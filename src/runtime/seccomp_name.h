/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names that config-linux.md and Docker's profiles have for actions, operators, flags and machines. */
#ifndef CLOCHE_RUNTIME_SECCOMP_NAME_H
#define CLOCHE_RUNTIME_SECCOMP_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SECCOMP_RET_* with its data: number, or EPERM when that is NULL, where the action has some. false: no such name. */
bool seccomp_action_find(const char *name, const uint32_t *number, uint32_t *ret_action);
bool seccomp_operator_find(const char *name, uint8_t *ret_op); /* enum seccomp_op */
bool seccomp_flag_find(const char *name, unsigned int *ret_flag);

/* The index-th of all, in the order of the alphabet; NULL after the last. */
const char *seccomp_action_name(size_t index);
const char *seccomp_operator_name(size_t index);
const char *seccomp_flag_name(size_t index);
const char *seccomp_arch_name(size_t index);

#endif
