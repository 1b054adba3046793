/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the seccomp module: profiles in Docker's JSON (its documentation, "Seccomp security
 * profiles for Docker"; the same fields as linux.seccomp of the OCI runtime spec, and more). */
#ifndef CLOCHE_RUNTIME_SECCOMP_PROFILE_H
#define CLOCHE_RUNTIME_SECCOMP_PROFILE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct seccomp_rules;

/* Read a profile for a container with these capabilities on a kernel of this release ("6.1.0-13");
 * what its includes and excludes leave out is not in *ret_rules. Unknown keys are ignored, as
 * Docker does; wrong types, duplicate keys and unknown actions are -EINVAL, what we cannot do yet is
 * -ENOTSUP, with words that name the place. */
int seccomp_profile_parse(const char *text, size_t length, uint64_t capabilities,
			  const char *kernel_release, struct seccomp_rules *ret_rules,
			  struct err *err);

#endif
