/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capabilities as 64-bit sets (capabilities(7)); names with or without CAP_, any case. */
#ifndef CLOCHE_RUNTIME_CAPABILITY_H
#define CLOCHE_RUNTIME_CAPABILITY_H

#include <stdint.h>

struct err;
struct spec_process;

#define CAPABILITY_DEFAULT_HELP "Docker's without MKNOD, NET_RAW and AUDIT_WRITE"
extern const uint64_t capability_default; /* 11 of them, security.md section 4 */

/* Bit number, or -EINVAL with words. */
int capability_parse(const char *name, struct err *err);
const char *capability_name(unsigned int bit); /* "CAP_CHOWN", NULL past the table */
uint64_t capability_host_bounding(void);       /* what this process can give at most */
/* --cap-add and --cap-drop lists on top of the default, as Docker has it: `add ALL` gives all that
 * the host has but what is dropped by name; `drop ALL` leaves only what is added; else what is
 * dropped goes first, so that a name in both lists stays. What the host lacks is left out of the
 * default and of ALL. -EINVAL: an unknown name; -EPERM: the host lacks what was added by name. */
int capability_resolve(char *const *add, char *const *drop, uint64_t *ret_set, struct err *err);
/* In the child, system calls only: drop the bounding set to process->cap_bounding. Before the change
 * of uid. 0 or -errno. */
int capability_drop_bounding(const struct spec_process *process);
/* In the child after the change of uid: make CAP_SYS_ADMIN effective, which is permitted still, to load a filter. 0 or -errno. */
int capability_raise_admin(void);
/* In the child after the change of uid (with PR_SET_KEEPCAPS), system calls only: set permitted,
 * effective, inheritable, ambient. 0 or -errno. */
int capability_apply(const struct spec_process *process);

#endif
