/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the seccomp module: linux.seccomp of a config.json (OCI runtime spec, config-linux.md, "Seccomp"). */
#ifndef CLOCHE_RUNTIME_SECCOMP_OCI_H
#define CLOCHE_RUNTIME_SECCOMP_OCI_H

struct err;
struct seccomp_rules;

/* Unknown actions, operators, flags and architectures are -EINVAL with words that name the place; unknown system calls are left out. */
int seccomp_oci_parse(const char *json, struct seccomp_rules *ret_rules, struct err *err);

#endif
