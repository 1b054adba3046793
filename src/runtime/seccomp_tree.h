/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A seccomp filter as BPF: a search tree over ranges of system call numbers, made of rules that name calls. Why a tree is told
 * in seccomp.h, which of several rules for one call counts in seccomp_list.h.
 *
 *	r = seccomp_tree_write(&rules, resolve, &program, err);
 */
#ifndef CLOCHE_RUNTIME_SECCOMP_TREE_H
#define CLOCHE_RUNTIME_SECCOMP_TREE_H

#include <stdint.h>

struct err;
struct seccomp_program;
struct seccomp_rules;

/* The number of a call that seccomp_list.h does not know, on the architecture with libseccomp's token `arch`; below 0: there is
 * none, or one of libseccomp's numbers for what x86 reaches by socketcall(2) and ipc(2). */
typedef int seccomp_resolve_fn(uint32_t arch, const char *name);

/* rules may get more of them: those of x86 that have two ways in. 0 or -E2BIG: over the kernel's limit. On success the
 * program is the caller's, by seccomp_clear. */
int seccomp_tree_write(struct seccomp_rules *rules, seccomp_resolve_fn *resolve,
		       struct seccomp_program *ret_program, struct err *err);

#endif
