/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a filter answers to a call, found as the kernel does it: by running it. */
#ifndef CLOCHE_RUNTIME_SECCOMP_ANSWER_H
#define CLOCHE_RUNTIME_SECCOMP_ANSWER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

struct seccomp_program;

/* SECCOMP_RET_* with its data. A filter that the kernel would not have taken: SECCOMP_RET_KILL_PROCESS. */
uint32_t seccomp_answer(const struct seccomp_program *program, const struct seccomp_data *data);
/* Whether a call of this program's own kind, with these first two arguments, is made. program NULL: any is. */
bool seccomp_lets_pass(const struct seccomp_program *program, long number, uint64_t first,
		       uint64_t second);

#endif
